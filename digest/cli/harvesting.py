"""The sources read at once, what they give stored as it comes, and a person called if that is needed."""

import asyncio
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

from digest.cli import setup
from digest.cli.screen import note, say, side_by_side, warn, working
from digest.cli.world import World
from digest.config import Configuration
from digest.errors import ConfigurationError, DigestError, StoreError, UsageError, each_once
from digest.model import SourceState
from digest.text import clean

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from digest.alarm import Alarm
    from digest.fetch.web import Web
    from digest.harvest import Harvested
    from digest.health import Health, Past
    from digest.sources.protocol import Source, Wanted
    from digest.store.database import Database
    from digest.store.harvests import Harvest

BUSY = "another `digest send` or `fetch` is at work; waiting for it to end"
MOST_AT_ONCE = 8
_SHOWN = 70


def fetch_all(
    loaded: Configuration, database: "Database", world: World, names: Sequence[str] = ()
) -> "list[Harvest]":
    """Harvest the sources (or those named) into the store, saying how each went.

    Then a person is called about sources that need one, and, if all were read, liked papers that no list
    brought are looked up.
    Raises StoreError; nothing else that happens to one source stops another.
    """
    now = world.now()
    done: list[Harvest] = []
    sources = chosen_sources(loaded, world, names)
    pasts, wanted = _wanted(loaded, database, sources, now)
    try:
        with setup.client(loaded, world, database) as client:
            for harvested in _harvests(sources, client, wanted):
                one = _kept(loaded, database, harvested, pasts[harvested.source], now)
                done.append(one)
    except StoreError:
        with suppress(StoreError):
            _call_a_person(loaded, database, world, done)
        raise
    _call_a_person(loaded, database, world, done)
    if not names:
        _fetch_liked(loaded, database, world)
    return done


def harvest_all(loaded: Configuration, world: World) -> "list[Harvested]":
    """What each source gives now, where there is no store; warnings and problems go to standard error."""
    from digest.health import Past, judge

    sources, now = setup.sources(loaded, world), world.now()
    wanted = {source.name: _asked(Past(), (), now) for source in sources}
    with setup.client(loaded, world) as client:
        read = list(_harvests(sources, client, wanted))
    found = [(harvested, judge(harvested, Past(), at=now)) for harvested in read]
    for harvested, health in found:
        _tell(harvested, health)
    places = {source.name: place for place, source in enumerate(sources)}
    judged = (replace(harvested, problems=health.problems) for harvested, health in found)
    return sorted(judged, key=lambda one: places[one.source])


def is_all_down(done: "Sequence[Harvest]") -> bool:
    """Whether no source could be read at all."""
    return all(one.gave_nothing for one in done)


def chosen_sources(loaded: Configuration, world: World, names: Sequence[str]) -> "tuple[Source, ...]":
    """The sources named, or all. Raises UsageError for a name that is none."""
    sources = setup.sources(loaded, world)
    known = [source.name for source in sources]
    for name in names:
        if name not in known:
            raise UsageError(f"there is no source {name!r}", fix=f"Known: {', '.join(known)}")
    return tuple(source for source in sources if not names or source.name in names)


# ---------------------------------------------------------------- read


def _wanted(
    loaded: Configuration, database: "Database", sources: "Sequence[Source]", now: datetime
) -> "tuple[dict[str, Past], dict[str, Wanted]]":
    from digest.holdings import liked_ids, past_of

    teaches = any(table.kind == "semanticscholar" for table in loaded.settings.sources)
    with database.read() as connection:
        pasts = {source.name: past_of(connection, source.name, now) for source in sources}
        liked = liked_ids(connection, loaded.profiles) if teaches else ()
    return pasts, {name: _asked(past, liked, now) for name, past in pasts.items()}


def _asked(past: "Past", liked: tuple[tuple[str, ...], ...], now: datetime) -> "Wanted":
    from digest.sources.protocol import Wanted

    return Wanted(
        today=now.astimezone(UTC).date(),
        at=now,
        since=past.since,
        known=past.known.keys(),
        liked=liked,
    )


def _harvests(
    sources: "Sequence[Source]", web: "Web", wanted: "Mapping[str, Wanted]"
) -> "Iterator[Harvested]":
    """What the sources give, each as it ends; what they share (a host), they take turns in.

    The threads are daemons: who ends the program does not wait for them.
    """
    from digest.harvest import harvest

    with side_by_side("reading", [source.name for source in sources]) as show:

        def read(source: "Source") -> "Harvested":
            def tell(url: str) -> None:
                show(source.name, clean(url, _SHOWN))

            return harvest(source, web, wanted[source.name], tell)

        waiting: SimpleQueue[Source] = SimpleQueue()
        ended: SimpleQueue[Harvested | BaseException] = SimpleQueue()
        for source in sources:
            waiting.put(source)
        for _ in range(min(MOST_AT_ONCE, len(sources))):
            Thread(target=partial(_work, waiting, read, ended), daemon=True).start()
        for _ in sources:
            one = ended.get()
            if isinstance(one, BaseException):
                raise one
            show(one.source, f"{one.papers} papers")
            yield one


def _work(
    waiting: "SimpleQueue[Source]",
    read: "Callable[[Source], Harvested]",
    ended: "SimpleQueue[Harvested | BaseException]",
) -> None:
    """Read sources until none waits. A fault in reading ends here, and is raised where it is waited for."""
    while True:
        try:
            source = waiting.get_nowait()
        except Empty:
            return
        try:
            ended.put(read(source))
        except BaseException as fault:
            ended.put(fault)


# ---------------------------------------------------------------- kept and said


def _kept(
    loaded: Configuration, database: "Database", harvested: "Harvested", past: "Past", now: datetime
) -> "Harvest":
    """Judged and stored; a fault of ours in that is on record as one in reading is, and stops no other."""
    from digest.health import fault_of

    try:
        return _keep(loaded, database, harvested, past, now)
    except StoreError:
        raise
    except Exception:
        trace = traceback.format_exc()
    nothing = replace(harvested, listings=(), trace=trace)
    return _store(loaded, database, nothing, fault_of(nothing), now)


def _keep(
    loaded: Configuration, database: "Database", harvested: "Harvested", past: "Past", now: datetime
) -> "Harvest":
    from digest.health import judge

    return _store(loaded, database, harvested, judge(harvested, past, at=now), now)


def _store(
    loaded: Configuration, database: "Database", harvested: "Harvested", health: "Health", now: datetime
) -> "Harvest":
    from digest.holdings import keep

    _tell(harvested, health)
    kept = _keep_pages(loaded, harvested.source, health, now)
    with database.begin() as connection:
        done = keep(connection, harvested, health, now, kept=str(kept or ""))
    state = "" if health.state is SourceState.FINE else f"; {in_words(health)}"
    say(f"{done.source}: {done.papers} papers, {done.fresh} of them new{state}")
    return done


def in_words(health: "Health") -> str:
    """`filling: 12 papers, where 17 are usual by now`, `strange`, ..."""
    length = health.length
    if length is None or health.state is not SourceState.FILLING:
        return health.state.value
    return f"{health.state.value}: {length.papers} papers, where {length.by_then} are usual by now"


def _tell(harvested: "Harvested", health: "Health") -> None:
    """What was odd about the lists, and what went wrong; of a fault of ours the traceback, too."""
    if harvested.trace:
        note(harvested.trace)
    for listing in harvested.listings:
        for warning in listing.warnings:
            warn(f"{harvested.source}: {warning}")
    for told in each_once(health.problems, harvested.source):
        warn(f"{harvested.source}: {told}")


def _keep_pages(loaded: Configuration, source: str, health: "Health", now: datetime) -> Path | None:
    from digest.kept_pages import keep_pages

    try:
        kept = keep_pages(setup.kept_pages(loaded), source, health.pages, health.problems, now)
    except DigestError as problem:
        warn(f"{source}: {problem}")
        return None
    if kept:
        note(f"{source}: the page is kept as {kept}")
    return kept


def _call_a_person(
    loaded: Configuration, database: "Database", world: World, done: "Sequence[Harvest]"
) -> None:
    """About each source that needs one; once a day, until it gives again what it should."""
    from digest.alarm import forget_others
    from digest.alarm import note as keep_note

    now = world.now()
    with database.begin() as connection:
        forget_others(connection, {source.name for source in setup.sources(loaded, world)})
        alarms = [alarm for one in done if (alarm := _taken(connection, one, now))]
    if not alarms:
        return
    told = _sounded(loaded, world, alarms)
    for problem in dict.fromkeys(problem for problems in told for problem in problems):
        warn(problem)
    with database.begin() as connection:
        for alarm, problems in zip(alarms, told, strict=True):
            keep_note(connection, alarm, now, problems)


def _taken(connection: "Connection", done: "Harvest", now: datetime) -> "Alarm | None":
    """What a person is to be told now of a source."""
    from digest.alarm import of_source, read_again, take
    from digest.store.harvests import first_harvest, harvests_of, last_good

    if done.is_good:
        read_again(connection, done.source)
    since = last_good(connection, done.source, now) or first_harvest(connection, done.source)
    alarm = of_source(harvests_of(connection, done.source, most=2), since, now)
    return alarm if alarm and take(connection, alarm, now) else None


def _sounded(loaded: Configuration, world: World, alarms: "Sequence[Alarm]") -> "Sequence[tuple[str, ...]]":
    """Tell the operator, of all at once; what goes wrong with that, even a fault of ours, stops nothing."""
    from digest.alarm import sound

    try:
        relays = setup.relays(loaded, world)
    except ConfigurationError as problem:
        warn(f"alarm: {problem}")
        relays = ()
    channels, now = setup.channels(loaded, world), world.now()

    async def tell() -> list[tuple[str, ...]]:
        return await asyncio.gather(*(sound(alarm, channels, relays, now) for alarm in alarms))

    try:
        return asyncio.run(tell())
    except Exception as problem:
        traceback.print_exc()
        return [(f"a fault in telling you of it ({type(problem).__name__})",)] * len(alarms)


def _fetch_liked(loaded: Configuration, database: "Database", world: World) -> None:
    from digest.holdings import fetch_liked, to_look_up
    from digest.library.liked import load_liked, wanting

    wanted = dict.fromkeys(one for profile in loaded.profiles for one in wanting(load_liked(profile)))
    if not to_look_up(database, wanted, world.now()):
        return
    sources = setup.sources(loaded, world)
    with setup.client(loaded, world, database) as client, working("looking up liked papers"):
        looked_up = fetch_liked(database, wanted, sources, client, world.now())
    for problem in looked_up.problems:
        warn(f"liked papers: {problem}")
    if looked_up.found:
        say(f"liked papers: {looked_up.found} looked up")
