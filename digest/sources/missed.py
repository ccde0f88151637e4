"""Which days a harvest is about: those whose lists may have grown, and those missed; and what is lost."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, timedelta

from digest.errors import FetchError, LostError
from digest.model import Listing
from digest.sources.protocol import Wanted

NEWEST = timedelta(days=30)
"""Papers that are older, by their own date, are no news where a list states no day."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Days whose lists a harvest asks for, and those that it is too late for; both the newest first."""

    days: tuple[date, ...]
    lost: tuple[date, ...] = ()


def days_due(wanted: Wanted, *, back: int, most: int) -> Due:
    """Today, and the days before whose lists were not yet read when they were `back` days old.

    The last whole harvest read the lists of its own day and of the days just before, which may have grown
    since: after an absence these are read again, too. It goes back at most `most` days; the rest is lost.
    """
    first = wanted.today - back * _DAY
    if wanted.since:
        last_read = wanted.since.astimezone(UTC).date()
        first = min(first, last_read - max(back - 1, 0) * _DAY)
    edge = max(first, wanted.today - max(most, back) * _DAY)
    return Due(days=days_between(edge, wanted.today), lost=days_between(first, edge - _DAY))


def days_between(first: date, last: date) -> tuple[date, ...]:
    """The days from one to another, both included, the newest first; none if they are in no order."""
    return tuple(last - n * _DAY for n in range((last - first).days + 1))


def lost(days: Sequence[date], *, where: str, most: int, is_archive: bool = True) -> Iterator[LostError]:
    """One problem that names days that are too long ago, and how to get their lists; none without days."""
    if days:
        told = f"{_named(days)} missed, and more than {most} days ago"
        fix = f'Run "digest fetch --since {min(days)}"' if is_archive else ""
        yield LostError(told, where=where, fix=fix)


def not_asked(days: Sequence[date], *, where: str, why: str, is_archive: bool = True) -> Iterator[FetchError]:
    """One problem that names the days whose lists were left alone this time; none without days."""
    if days:
        fix = f'The next harvest asks again, or run "digest fetch --since {min(days)}"' if is_archive else ""
        yield FetchError(f"{_named(days)} not asked for: {why}", where=where, fix=fix)


def _named(days: Sequence[date]) -> str:
    first, last = min(days), max(days)
    return f"the lists from {first} to {last} were" if first < last else f"the list of {first} was"


def first_news(wanted: Wanted) -> date:
    """The day from which on a paper is news, by its own date, where a list states no day."""
    first = wanted.today - NEWEST
    return min(first, wanted.since.astimezone(UTC).date()) if wanted.since else first


def only_news(listing: Listing, first: date) -> Listing:
    """A list without the papers that are older than the first day, by their own dates; those of no date stay.

    Where all are older it says so in `quiet`, and warns: a list that stands still looks just so.
    """
    entries = tuple(
        entry for entry in listing.entries if entry.paper.published is None or entry.paper.published >= first
    )
    if entries or not listing.entries:
        return replace(listing, entries=entries)
    newest = max(entry.paper.published or date.min for entry in listing.entries)
    quiet = f"nothing of it is newer than {newest}"
    warning = f"all of its {len(listing.entries)} papers are from before {first}, and were left out"
    return replace(listing, entries=(), quiet=quiet, warnings=(*listing.warnings, warning))
