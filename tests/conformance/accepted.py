"""What checkers say of the mails and we live with: accepted.toml, which may hold neither too little nor too much."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

LIST = Path(__file__).parent / "accepted.toml"


def unsettled(checker: str, said: Mapping[str, Iterable[str]], accepted: Mapping[str, str]) -> list[str]:
    """What the checker says of some mail and the list does not, and what is listed and no longer said.

    `said` has the checker's lines by the mail's name, `accepted` the reasons by the line.
    """
    mails: dict[str, list[str]] = {}
    for name, lines in said.items():
        for line in dict.fromkeys(lines):
            mails.setdefault(line, []).append(name)
    new = [f"{checker}: {line} [{', '.join(names)}]" for line, names in mails.items() if line not in accepted]
    stale = [
        f"{LIST.name} accepts what {checker} no longer says: {line}" for line in accepted if line not in mails
    ]
    return [*sorted(new), *stale]


def accepted_from(checker: str, path: Path = LIST) -> dict[str, str]:
    """Why each line of a checker is accepted."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))[checker]
    return {line: entry["why"] for entry in entries for line in entry["says"]}
