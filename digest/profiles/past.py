"""Days gone by: when a paper could first be seen, and what the editions of those days would have been."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import replace
from datetime import date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from digest.model import Candidate, Edition, Profile
from digest.outcome import has_message
from digest.pipeline import Reader, Shelf, make_edition
from digest.schedule import edition_days, period_of


def day_seen(candidate: Candidate, zone: tzinfo) -> date:
    """The first day an edition could show the paper: the day it was stored, or its list's if earlier.

    A first `digest fetch` of an archive stores the lists of a year in a minute; then only the lists know.
    """
    stored = candidate.first_seen.astimezone(zone).date()
    listed = candidate.observation.listed_on if candidate.observation else None
    return min(stored, listed) if listed else stored


def seen_between(
    candidates: Iterable[Candidate], first: date, last: date, zone: tzinfo
) -> tuple[Candidate, ...]:
    """The papers that could first be seen on one of the days from `first` to `last`."""
    return tuple(one for one in candidates if first <= day_seen(one, zone) <= last)


def days_of(profile: Profile, first: date, last: date) -> tuple[date, ...]:
    """The days from `first` to `last` on which this reader wants an edition."""
    return tuple(edition_days(profile, first, last))


def replay(
    reader: Reader, shelf: Shelf, days: Iterable[date], *, window_days: int, now: datetime
) -> Iterator[Edition]:
    """What the editions of these days, in their order, would have been; each as it is made.

    What one shows the later ones do not show again, beginning with what the reader had before. Liked papers
    are had, too, as in real editions, also those that a reader without a store has. All papers on the shelf
    say how rare words are, and votes are those known now: what a day did not know is not forgotten. Nothing
    arrives late: a paper is seen on its list's day at the latest.
    """
    reader = replace(reader, last=None)
    seen = _by_day(shelf.candidates, ZoneInfo(reader.profile.timezone))
    had = {*reader.had, *(paper.id for paper in reader.liked)}
    for day in days:
        period = period_of(reader.profile, day)
        back_to = max(window_days, (day - period.first).days + 1) if period else window_days
        since = (day - timedelta(days=back) for back in range(back_to))
        choice = [one for past in since for one in seen.get(past, ()) if one.paper.id not in had]
        edition = make_edition(replace(reader, had=frozenset(had)), shelf.narrowed(choice), day=day, now=now)
        if has_message(edition):
            had |= _shown(edition)
        yield edition


def _by_day(candidates: Sequence[Candidate], zone: tzinfo) -> dict[date, list[Candidate]]:
    found: defaultdict[date, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        found[day_seen(candidate, zone)].append(candidate)
    return dict(found)


def _shown(edition: Edition) -> Set[str]:
    """The papers of an edition, those that were folded into another's card too."""
    papers = {pick.paper.id for pick in edition.shown}
    return papers | {twin.paper.id for pick in edition.shown for twin in pick.twins}
