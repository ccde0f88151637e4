"""What readers of all forms do with what they found: entries of rows, and what could not be read, bounded."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from digest.errors import InputError
from digest.model import Entry
from digest.text import clean

MOST_AUTHORS = 5_000
MOST_WARNINGS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An entry as far as it could be read, and what could not."""

    entry: Entry | None
    problems: tuple[str, ...] = ()


def entries_of(rows: Sequence[Row], *, where: str) -> tuple[tuple[Entry, ...], tuple[str, ...]]:
    """The entries, each paper once, and warnings about what could not be read.

    Raises InputError if there are rows, and no entry among them.
    """
    found: dict[str, Entry] = {}
    for entry in (row.entry for row in rows if row.entry):
        found.setdefault(entry.paper.id, entry)
    warnings = [f"entry {n}: {problem}" for n, row in enumerate(rows, 1) for problem in row.problems]
    if rows and not found:
        first = warnings[0] if warnings else "entry 1"
        raise InputError(f"none of its {len(rows)} entries is a paper; the first, {first}", where=where)
    return tuple(found.values()), first_of(warnings)


def first_of(problems: Sequence[str]) -> tuple[str, ...]:
    """The first of the problems of a document, and how many more there are."""
    more = len(problems) - MOST_WARNINGS
    return (*problems[:MOST_WARNINGS], *((f"and {more:,} more problems",) if more > 0 else ()))


def cleaned(values: Iterable[object], limit: int) -> tuple[str, ...]:
    """The texts among some values, cleaned, empty ones left out."""
    texts = (clean(value, limit) for value in values if isinstance(value, str))
    return tuple(text for text in texts if text)
