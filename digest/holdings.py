"""What the store holds, as the pipeline wants it: harvests kept, shelves filled, readers known."""

from collections.abc import Callable, Iterable, Iterator, Set
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from digest.errors import DigestError, MissingError
from digest.library.mentions import load_mentions
from digest.model import Entry, Listing, Profile
from digest.pipeline import Harvested, Reader, Shelf, make_shelf, note_of
from digest.sources.registry import Source
from digest.store import deliveries, papers
from digest.store.database import Database
from digest.store.papers import Harvest

if TYPE_CHECKING:
    from sqlalchemy import Connection

MOST_LOOKED_UP = 50
ASK_AGAIN = timedelta(days=7)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""When a paper was first seen that no list brought: never news."""


def keep(connection: "Connection", harvested: Harvested, at: datetime) -> Harvest:
    """Store what one source gave, and how that went."""
    fresh = sum(papers.record_listing(connection, listing, at) for listing in harvested.listings)
    done = Harvest(
        source=harvested.source,
        at=at,
        papers=sum(len(listing.entries) for listing in harvested.listings),
        fresh=fresh,
        problem="; ".join(str(problem) for problem in harvested.problems) or None,
    )
    papers.record_harvest(connection, done)
    return done


def fetch_liked(
    database: Database,
    wanted: Set[str],
    sources: Iterable[Source],
    get: Callable[[str], bytes],
    at: datetime,
) -> int:
    """Ask the sources for liked papers that no list brought; how many were found.

    Each paper at most once in ASK_AGAIN, at most MOST_LOOKED_UP a run. A source that fails is not asked
    further: what is missing is said in the edition, and asked for another time.
    """
    with database.read() as connection:
        asked = papers.looked_up(connection, at - ASK_AGAIN)
        unknown = sorted(set(wanted) - papers.find_papers(connection, wanted).keys() - asked)[:MOST_LOOKED_UP]
    found = [entry for source in sources for entry in _looked_up(source, unknown, get, at)]
    with database.begin() as connection:
        papers.record_listing(connection, Listing(layout="liked", entries=tuple(found)), LONG_AGO)
        papers.record_lookups(connection, unknown, at)
    return len(found)


def _looked_up(source: Source, ids: list[str], get: Callable[[str], bytes], at: datetime) -> Iterator[Entry]:
    with suppress(DigestError):
        for identifier in ids:
            with suppress(MissingError):
                if entry := source.read_paper(get, identifier, at=at):
                    yield entry


def stored_shelf(connection: "Connection", *, window_days: int, now: datetime) -> Shelf:
    """The shelf of what is stored: papers first seen in the last `window_days` days before `now`."""
    since = now - timedelta(days=window_days)
    failed = [done for done in papers.last_harvests(connection) if done.problem]
    return make_shelf(
        papers.recent_candidates(connection, since, now),
        (note_of(done.source) for done in failed),
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


def liked_ids(profile: Profile) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The papers a profile names, in itself and in its files; and a note for each unreadable file."""
    read = [load_mentions(path) for path in profile.liked_files]
    notes = tuple(f"liked papers: {problem}" for problem in read if isinstance(problem, DigestError))
    mentioned = (identifier for ids in read if isinstance(ids, tuple) for identifier in ids)
    return tuple(dict.fromkeys((*profile.liked, *mentioned))), notes
