"""A profile file's text with another pause: its comments, its order and its line ends stay as they are."""

import tomllib
from collections.abc import Callable
from datetime import date
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from digest.errors import DigestError
from digest.model import Pause

TABLE = "pause"


def with_pause(text: str, pause: Pause | None) -> str:
    """The text with this pause in place of any other, or with none.

    Raises DigestError if it is not TOML, or is written so that nothing but a person can change it.
    """
    has_crlf = text.count("\n") == text.count("\r\n") > 0
    plain = text.replace("\r\n", "\n") if has_crlf else text
    days = _days(pause) if pause else None
    edited = _edited(plain, days)
    return edited.replace("\n", "\r\n") if has_crlf else edited


def _days(pause: Pause) -> dict[str, date]:
    named = {"begins": pause.begins, "until": pause.until}
    return {name: day for name, day in named.items() if day}


def _edited(text: str, days: dict[str, date] | None) -> str:
    try:
        before = tomllib.loads(text)
        wanted = {name: value for name, value in before.items() if name != TABLE}
        if days is not None:
            wanted[TABLE] = days
        ways: tuple[Callable[[str, Any], str], ...] = (_in_place, _anew) if TABLE in before else (_anew,)
        for way in ways:
            edited = way(text, days)
            if _means(edited) == wanted:
                return edited
    except (ValueError, TOMLKitError) as problem:
        raise DigestError(f"cannot be edited ({problem})", fix="Change [pause] there by hand") from problem
    raise DigestError("is written so that [pause] cannot be changed", fix="Change it there by hand")


def _means(text: str) -> dict[str, Any] | None:
    """What a TOML file says; `None` if it is none."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _anew(text: str, days: dict[str, date] | None) -> str:
    """Without the table there was, and with a new one at the end."""
    document = tomlkit.parse(text)
    if TABLE in document:
        document.remove(TABLE)
    rest = tomlkit.dumps(document)
    if days is None:
        return rest
    lines = [f"[{TABLE}]", *(f"{name} = {day}" for name, day in days.items())]
    begin = rest if not rest or rest.endswith("\n") else f"{rest}\n"
    return f"{begin}\n" + "".join(f"{line}\n" for line in lines)


def _in_place(text: str, days: dict[str, date] | None) -> str:
    """The table where it stands. What stands behind its last line belongs to what follows, and stays."""
    document: Any = tomlkit.parse(text if text.endswith("\n") else f"{text}\n")
    table = document[TABLE]
    if not isinstance(table, Table):
        return ""
    if days is None:
        return _without(document, table)
    for name in [name for name in table if name not in days]:
        table.remove(name)
    for name, day in days.items():
        if name in table:
            table[name] = day
        else:
            body = table.value.body
            body.insert(_end(table), _line(name, day))
    return tomlkit.dumps(document)


def _without(document: Any, table: Table) -> str:
    """The document without a table, but with the comments behind its last line."""
    place = next(place for place, (_, item) in enumerate(document.body) if item is table)
    behind = table.value.body[_end(table) :]
    is_last = place == len(document.body) - 1
    document.body[place : place + 1] = behind
    rest = tomlkit.dumps(document)
    return f"{rest.rstrip()}\n" if is_last and rest.strip() else rest


def _end(table: Table) -> int:
    """Where the lines of a table end, and what stands before the next one begins."""
    return max((place for place, (key, _) in enumerate(table.value.body, 1) if key is not None), default=0)


def _line(name: str, day: date) -> Any:
    written = tomlkit.table()
    written[name] = day
    return written.value.body[0]
