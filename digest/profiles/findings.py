"""What is odd about a profile."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something in a profile that may not do what was meant."""

    check: str
    """Its name, for programs: `matches-nothing`."""
    key: str
    """Where it stands in the file: `interests."world models".aliases`."""
    what: str
    fix: str


def key_of(table: str, phrase: str, *, alias: bool = False) -> str:
    """A phrase's place in the profile file."""
    quoted = phrase.replace("\\", "\\\\").replace('"', '\\"')
    return f'{table}."{quoted}"' + (".aliases" if alias else "")
