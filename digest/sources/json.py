"""JSON as strangers send it: a value or an InputError, and fields that may be of any type."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from digest.errors import InputError
from digest.links import safe_link
from digest.sources.rows import MOST_AUTHORS, cleaned
from digest.text import MAX_NAME, clean

MOST_CONTAINERS = 500_000
"""Lists and objects of one answer; a thousand papers with all their authors have some ten thousand."""
MOST_VALUES = 3_000_000


def read_json(data: bytes, *, where: str) -> Any:
    """What an answer holds.

    Raises InputError for what is not JSON, and for what is built to use up memory: an empty list takes two
    bytes there, and fifty times as many here.
    """
    if not data or data.isspace():
        raise InputError("an empty answer", where=where)
    if data.count(b"[") + data.count(b"{") > MOST_CONTAINERS or data.count(b",") > MOST_VALUES:
        raise InputError("JSON of far more parts than a list of papers has", where=where)
    try:
        return json.loads(data.decode("utf-8-sig", errors="replace"))
    except RecursionError:
        raise InputError("JSON nested too deep to be a list of papers", where=where) from None
    except ValueError as problem:
        fix = "It may be cut off; it is asked for again the next time"
        raise InputError(f"not valid JSON ({clean(str(problem), 120)})", where=where, fix=fix) from None


def members(value: Any) -> Mapping[str, Any]:
    """An object's members; none for what is no object."""
    return value if isinstance(value, dict) else {}


class Fields:
    """Reads an object's fields; one of a wrong type is just not known, and noted."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        self._row = row
        self.problems: list[str] = []

    def _not(self, key: str, expected: str) -> None:
        self.problems.append(f"{key} is not {expected}")

    def text(self, key: str, limit: int) -> str | None:
        """A text, cleaned; `None` for an empty one, too."""
        value = self._row.get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            self._not(key, "text")
            return None
        return clean(value, limit) or None

    def day(self, key: str) -> date | None:
        """A date, also that of a moment."""
        value = self._row.get(key)
        if value is None:
            return None
        try:
            return date.fromisoformat(value[:10])
        except (TypeError, ValueError, LookupError):
            self._not(key, "a date")
            return None

    def link(self, key: str) -> str | None:
        """An address that a mail may carry."""
        value = self._row.get(key)
        if value is None or value == "":
            return None
        link = safe_link(value.strip()) if isinstance(value, str) else None
        if not link:
            self._not(key, "a safe link")
        return link

    def names(self, key: str, *, most: int = MOST_AUTHORS, limit: int = MAX_NAME) -> tuple[str, ...]:
        """Texts, or the `name` of objects, at most so many."""
        value = self._row.get(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            self._not(key, "a list")
            return ()
        return cleaned((one.get("name") if isinstance(one, dict) else one for one in value[:most]), limit)
