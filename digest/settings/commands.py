"""How the operator's own commands are run: found beside `config.toml`, and told none of our secrets."""

from collections.abc import Mapping, Sequence
from pathlib import Path

_OURS = "DIGEST_"
_OTHER_SECRETS = frozenset({"PGPASSWORD"})


def beside(argv: Sequence[str], folder: Path) -> tuple[str, ...]:
    """The command with its program's path relative to a folder; a bare name is looked for in $PATH."""
    if not argv or "/" not in argv[0]:
        return tuple(argv)
    return (str(folder / Path(argv[0]).expanduser()), *argv[1:])


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """What a command sees: no password but its own is any of its matter."""
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith(_OURS) and name not in _OTHER_SECRETS
    }
