"""What the store holds, as the pipeline wants it: harvests kept, shelves filled, readers known."""

from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from digest.errors import DigestError, MissingError
from digest.model import Entry, Listing, Profile
from digest.pipeline import Harvested, Reader, Shelf, liked_ids, make_shelf, note_of
from digest.sources.registry import Source
from digest.store import deliveries, papers
from digest.store.database import Database
from digest.store.papers import Harvest

if TYPE_CHECKING:
    from sqlalchemy import Connection

MOST_LOOKED_UP = 50
ASK_AGAIN = timedelta(days=7)


def keep(connection: "Connection", harvested: Harvested, at: datetime) -> Harvest:
    """Store what one source gave, and how that went."""
    fresh = papers.record_listings(connection, harvested.source, harvested.listings, at)
    done = Harvest(
        source=harvested.source,
        at=at,
        papers=sum(len(listing.entries) for listing in harvested.listings),
        fresh=fresh,
        problem="; ".join(str(problem) for problem in harvested.problems) or None,
    )
    papers.record_harvest(connection, done)
    return done


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedUp:
    """How asking for liked papers went: how many were found, and what ended the asking of some source."""

    found: int = 0
    problems: tuple[DigestError, ...] = ()


def fetch_liked(
    database: Database,
    wanted: Set[str],
    sources: Iterable[Source],
    get: Callable[[str], bytes],
    at: datetime,
) -> LookedUp:
    """Ask the sources for liked papers that no list brought.

    What all answered for is asked again after ASK_AGAIN, what a failing source did not, in the next run; at
    most MOST_LOOKED_UP papers a run.
    """
    with database.read() as connection:
        asked = papers.looked_up(connection, at - ASK_AGAIN)
        unknown = sorted(wanted - papers.find_papers(connection, wanted).keys() - asked)[:MOST_LOOKED_UP]
    if not unknown:
        return LookedUp()
    found: dict[str, Entry] = {}
    problems: list[DigestError] = []
    for source in sources:
        try:
            for identifier in unknown:
                if identifier not in found and (entry := _look_up(source, identifier, get, at)):
                    found[identifier] = entry
        except DigestError as problem:
            problems.append(problem)
    with database.begin() as connection:
        listing = Listing(layout="liked", entries=tuple(found.values()))
        papers.record_listings(connection, "liked", [listing], None)
        papers.record_lookups(connection, found if problems else unknown, at)
    return LookedUp(found=len(found), problems=tuple(problems))


def _look_up(source: Source, identifier: str, get: Callable[[str], bytes], at: datetime) -> Entry | None:
    try:
        return source.read_paper(get, identifier, at=at)
    except MissingError:
        return None


def stored_shelf(connection: "Connection", sources: Set[str], *, window_days: int, now: datetime) -> Shelf:
    """The shelf of what is stored: papers first seen in the last `window_days` days before `now`.

    Its notes are of those `sources` (by name) whose last reading in that time had a problem.
    """
    since = now - timedelta(days=window_days)
    harvests = papers.last_harvests(connection, since=since, until=now)
    failed = [done for done in harvests if done.problem and done.source in sources]
    return make_shelf(
        papers.recent_candidates(connection, since, now), (note_of(done.source, done.at) for done in failed)
    )


def stored_reader(connection: "Connection", profile: Profile, *, day: date) -> Reader:
    """What the store knows of a reader, for the edition of a day.

    Papers had on that very day count as not had: so an edition can be made again, to look at it.
    """
    wanted, notes = liked_ids(profile)
    liked = papers.find_papers(connection, wanted)
    if missing := len(wanted) - len(liked):
        notes = (*notes, f"{missing} of {len(wanted)} liked papers are not stored yet and could not be used")
    had = deliveries.seen_by(connection, profile.name, before=day)
    return Reader(profile=profile, had=had, liked=tuple(liked.values()), notes=notes)
