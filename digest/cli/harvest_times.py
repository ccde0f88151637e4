"""Whose time has come: when each source is read next, by its rhythm, its last harvests, and who needs it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from digest.cli.world import World
from digest.config import Configuration
from digest.model import SourceState
from digest.rhythm import MOST_TRIES, Demand, Try, needed_after, next_harvest, spread_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from digest.fetch.memory import Hold
    from digest.settings.values import SourceTable
    from digest.sources.protocol import Source
    from digest.store.database import Database
    from digest.store.harvests import Harvest

LONGEST_HOLD = timedelta(days=1)
"""The client believes no longer one: what ends later was written by a wrong clock."""


def due_sources(
    loaded: Configuration,
    database: "Database",
    world: World,
    sources: "Sequence[Source]",
    unkept: Mapping[str, Sequence[Try]],
) -> "tuple[Source, ...]":
    """Those, of all the sources there are, that are to be read now. What is `unkept` was tried as well."""
    now = world.now()
    with database.read() as connection:
        moments = next_reads(connection, loaded, world, sources, now, unkept)
    return tuple(source for source in sources if moments[source.name] <= now)


def is_first_of_day(database: "Database", sources: "Sequence[Source]", now: datetime) -> bool:
    """Whether one of these was not read yet on this day (UTC)."""
    from digest.store.harvests import latest_harvests

    names = [source.name for source in sources]
    with database.read() as connection:
        last = latest_harvests(connection, names, until=now, most=1)
    today = now.astimezone(UTC).date()
    return len(last) < len(names) or any(one.at.astimezone(UTC).date() < today for (one,) in last.values())


def next_reads(
    connection: "Connection",
    loaded: Configuration,
    world: World,
    sources: "Sequence[Source]",
    now: datetime,
    unkept: Mapping[str, Sequence[Try]] = MappingProxyType({}),
) -> dict[str, datetime]:
    """When each source is to be read next, by name: by its rhythm, but not while a host of it is left alone.

    Some queries for all sources: this is asked at each pass.
    """
    from digest.sources.protocol import rhythm_of
    from digest.store.demand import first_due, is_awaited
    from digest.store.harvests import latest_harvests

    names = [source.name for source in sources]
    last = latest_harvests(connection, names, until=now, most=MOST_TRIES)
    tries = {name: _latest([_try(one) for one in last.get(name, ())], unkept.get(name, ())) for name in names}
    rhythms = {source.name: rhythm_of(source) for source in sources}
    due = first_due(connection, {name: needed_after(rhythms[name], tries[name], now) for name in names})
    awaited = is_awaited(connection, now)
    held = _held(connection, loaded, world, sources, now)
    sender = loaded.settings.mail.from_address
    return {
        name: max(
            next_harvest(
                rhythms[name],
                tries[name],
                Demand(at=due[name], is_awaited=awaited),
                now=now,
                spread=spread_of(sender, name),
            ),
            held.get(name, datetime.min.replace(tzinfo=UTC)),
        )
        for name in names
    }


def _held(
    connection: "Connection", loaded: Configuration, world: World, sources: "Sequence[Source]", now: datetime
) -> dict[str, datetime]:
    """Until when sources are left alone because a host asked for it, by name; not for our own spacing."""
    found = holds_of(connection, loaded, world, sources)
    return {name: one.until for name, one in found.items() if one.why and one.until <= now + LONGEST_HOLD}


def holds_of(
    connection: "Connection", loaded: Configuration, world: World, sources: "Sequence[Source]"
) -> "dict[str, Hold]":
    """By the name of a source the longest hold of its hosts, be it past; none of sources without a table.

    `sources` are all that there are.
    """
    from digest.store.web import holds

    if world.sources is not None:
        return {}
    known = holds(connection)
    tables = zip(sources, loaded.settings.sources, strict=True)
    return {source.name: hold for source, table in tables if (hold := _longest(known, table))}


def _longest(known: "Mapping[str, Hold]", table: "SourceTable") -> "Hold | None":
    """Hosts have holds each for itself, and as one of those that take turns."""
    from digest.fetch.manners import manner_of

    hosts = {urlsplit(address).hostname or "" for address in table.addresses}
    names = hosts | {manner_of(host, 0).group for host in hosts}
    of_it = [known[name] for name in names if name in known]
    return max(of_it, key=lambda one: one.until, default=None)


def _latest(stored: Sequence[Try], unkept: Sequence[Try]) -> list[Try]:
    """Both, the latest first."""
    return sorted((*unkept, *stored), key=lambda one: one.at, reverse=True)[:MOST_TRIES]


def _try(one: "Harvest") -> Try:
    return Try(at=one.at, state=one.state or (SourceState.FINE if one.is_good else SourceState.DOWN))
