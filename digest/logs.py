"""Lines of a log, for people and machines: an event's word and its fields as `key=value`, or as JSON.

A value may come from anywhere, titles of papers among them: no value can end its line, or look like a field.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import Enum

from digest.text import clean, without_addresses

MAX_VALUE = 1_000
MAX_TRACE = 16_000
"""Of a traceback the end is kept: it says what happened."""
TRACE = "trace"
"""The field whose value has lines: they are kept, written as `\\n`."""

Value = str | int | float | bool | date | datetime | None


class Level(Enum):
    """How bad it is, and the number that syslog has for that (RFC 5424, 6.2.1)."""

    ERROR = 3
    WARNING = 4
    INFO = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Something that happened."""

    at: datetime
    event: str
    """A word or two, joined by `_`."""
    level: Level = Level.INFO
    fields: Mapping[str, Value] = field(default_factory=dict)
    """Those that are `None` are left out."""


def as_text(line: Line, *, is_stamped: bool = True) -> str:
    """`at=2026-11-22T05:10:00Z level=info event=sent reader=ada subject="Three papers on tea"`.

    Not `is_stamped` for a reader that knows time and level by itself.
    """
    stamp: dict[str, Value] = {"at": line.at, "level": line.level.name.lower()} if is_stamped else {}
    given: dict[str, Value] = {**stamp, "event": line.event, **line.fields}
    return " ".join(
        f"{_key(key)}={_as_text(key, value)}" for key, value in given.items() if value is not None
    )


def as_json(line: Line) -> str:
    """The same as an object on one line, in ASCII."""
    given = {"at": line.at, "level": line.level.name.lower(), "event": line.event, **line.fields}
    written = {_key(key): _plain(key, value) for key, value in given.items() if value is not None}
    return json.dumps(written)


_BARE = re.compile(r"[\w.,:;/@+%<>()\[\]{}*#&!?~^|$'`-]+")
_NO_KEY = re.compile(r"[^A-Za-z0-9_]+")


def _key(name: str) -> str:
    return _NO_KEY.sub("_", name) or "_"


def _as_text(key: str, value: Value) -> str:
    plain = _plain(key, value)
    if not isinstance(plain, str):
        return json.dumps(plain)
    return plain if _BARE.fullmatch(plain) else json.dumps(plain, ensure_ascii=key == TRACE)


def _plain(key: str, value: Value) -> str | int | float | bool | None:
    """As JSON has it; text without mail addresses, and anything that a terminal or a reader of lines acts on.

    Servers repeat a reader's address in their replies. A traceback is written in ASCII.
    """
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if not isinstance(value, str):
        return value
    if key == TRACE:
        return without_addresses(value[-MAX_TRACE:].strip())
    return clean(without_addresses(value[: 4 * MAX_VALUE]), MAX_VALUE)
