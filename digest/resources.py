"""Where the files that ship with Digest lie: beside the sources in a checkout, inside an installed wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """The path of `templates`, `config.example.toml` or `profile.example.toml` as shipped."""
    packaged = _PACKAGE / "_data" / name
    return packaged if packaged.exists() else _PACKAGE.parent / name
