"""The sources read at once, what they give stored as it comes, and a person called if that is needed."""

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING

from digest.cli import setup
from digest.cli.calling import call_a_person
from digest.cli.harvest_events import (
    Asking,
    Began,
    Ended,
    Fault,
    Got,
    LookedUp,
    LookingUp,
    PageKept,
    Stored,
    Tell,
    Warned,
    on_screen,
)
from digest.cli.harvest_times import due_sources, is_first_of_day
from digest.cli.world import World
from digest.config import Configuration
from digest.errors import DigestError, StoreError, UsageError, each_once
from digest.model import SourceState
from digest.rhythm import MOST_TRIES, Try

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from digest.alarm import Alarm
    from digest.fetch.client import Client
    from digest.fetch.web import Web
    from digest.harvest import Harvested
    from digest.health import Health, Past
    from digest.sources.protocol import Source, Wanted
    from digest.store.database import Database
    from digest.store.harvests import Harvest

BUSY = "another process of Digest reads the sources; waiting for it to end"
MOST_AT_ONCE = 8
LOOK_S = 0.2
"""So often, in seconds, whoever waits for sources looks whether it is to end."""


def fetch_all(
    loaded: Configuration, database: "Database", world: World, names: Sequence[str] = ()
) -> "list[Harvest]":
    """Harvest the sources (or those named) into the store, saying how each went.

    Then a person is called about sources that need one, and, if all were read, liked papers that no list
    brought are looked up.
    Raises StoreError; nothing else that happens to one source stops another.
    """
    sources = chosen_sources(loaded, world, names)
    with on_screen() as tell:
        run = _Run(loaded, database, world, tell)
        done = run.harvest(sources)
        if not names:
            run.fetch_liked()
    return done


def harvest_due(
    loaded: Configuration,
    database: "Database",
    world: World,
    tell: Tell,
    *,
    stopping: Event | None = None,
    unkept: dict[str, list[Try]] | None = None,
) -> "list[Harvest]":
    """Harvest those sources whose time has come, unless another process is at it; none, if none is due.

    Liked papers are looked up with each source's first harvest of a day (UTC).
    Where `stopping` is set meanwhile, what is stored by then is returned, and the rest is due again.
    `unkept` remembers, from one time to the next, what was read and could not be stored: it counts, too.
    Raises StoreError; nothing else that happens to one source stops another.
    """
    from digest.store.lock import at_work

    sources, unkept = setup.sources(loaded, world), {} if unkept is None else unkept
    if not due_sources(loaded, database, world, sources, unkept):
        return []
    with at_work(database.place, "harvest", waiting=None) as is_ours:
        # The other process may have read them while this one was looking.
        due = due_sources(loaded, database, world, sources, unkept) if is_ours else ()
        if not due:
            return []
        run = _Run(loaded, database, world, tell, stopping, unkept)
        # What sources do not know would else be asked for at each harvest, as long as one of them fails.
        is_first = is_first_of_day(database, due, world.now())
        done = run.harvest(due)
        if is_first:
            run.fetch_liked()
    return done


def harvest_all(loaded: Configuration, world: World) -> "list[Harvested]":
    """What each source gives now, where there is no store; warnings and problems go to standard error."""
    from digest.health import Past, judge

    sources, now = setup.sources(loaded, world), world.now()
    wanted = {source.name: _asked(Past(), (), now) for source in sources}
    with on_screen() as tell:
        with setup.client(loaded, world) as client:
            read = list(_harvests(sources, client, wanted, tell))
        tell(Ended())
        found = [(harvested, judge(harvested, Past(), at=now)) for harvested in read]
        for harvested, health in found:
            _tell_of(tell, harvested, health)
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


@dataclass(frozen=True, slots=True)
class _Run:
    """One harvest: where it is stored, and who hears of it."""

    loaded: Configuration
    database: "Database"
    world: World
    tell: Tell
    stopping: Event | None = None
    unkept: dict[str, list[Try]] = field(default_factory=dict)

    @property
    def is_abandoned(self) -> bool:
        return self.stopping is not None and self.stopping.is_set()

    def harvest(self, sources: "Sequence[Source]") -> "list[Harvest]":
        """Read, judge and store; then a person is called, also where the store refused."""
        now = self.world.now()
        done: list[Harvest] = []
        pasts, wanted = self._wanted(sources, now)
        for source in sources:
            tries = self.unkept.setdefault(source.name, [])
            tries[:] = [Try(at=now, state=SourceState.DOWN), *tries][:MOST_TRIES]
        try:
            with self._client() as client:
                read = _harvests(sources, client, wanted, self.tell, self.stopping)
                done.extend(self._kept(harvested, pasts[harvested.source], now) for harvested in read)
        except StoreError:
            with suppress(StoreError):
                self._call_a_person(done)
            raise
        finally:
            if self.is_abandoned:
                self.unkept.clear()
            self.tell(Ended(is_abandoned=self.is_abandoned))
        self._call_a_person(done)
        return done

    def fetch_liked(self) -> None:
        """Look up liked papers that no list brought."""
        from digest.harvest import Stoppable
        from digest.holdings import fetch_liked, to_look_up
        from digest.library.liked import load_liked, wanting

        profiles = self.loaded.profiles
        wanted = dict.fromkeys(one for profile in profiles for one in wanting(load_liked(profile)))
        now = self.world.now()
        if self.is_abandoned or not to_look_up(self.database, wanted, now):
            return
        self.tell(LookingUp())
        sources = setup.sources(self.loaded, self.world)
        with self._client() as client:
            looked_up = fetch_liked(self.database, wanted, sources, Stoppable(client, self.stopping), now)
        for problem in looked_up.problems:
            self.tell(Warned(what=f"liked papers: {problem}"))
        self.tell(LookedUp(found=looked_up.found))

    def _client(self) -> "Client":
        def warn(what: str) -> None:
            self.tell(Warned(what=what))

        return setup.client(self.loaded, self.world, self.database, warn=warn)

    def _wanted(
        self, sources: "Sequence[Source]", now: datetime
    ) -> "tuple[dict[str, Past], dict[str, Wanted]]":
        from digest.holdings import liked_ids, past_of

        # Nobody else asks by what readers like.
        teaches = any(table.kind == "semanticscholar" for table in self.loaded.settings.sources)
        with self.database.read() as connection:
            pasts = {source.name: past_of(connection, source.name, now) for source in sources}
            liked = liked_ids(connection, self.loaded.profiles) if teaches else ()
        return pasts, {name: _asked(past, liked, now) for name, past in pasts.items()}

    # ------------------------------------------------------------ kept

    def _kept(self, harvested: "Harvested", past: "Past", now: datetime) -> "Harvest":
        """Judged and stored; a fault of ours in that is on record as one in reading, and stops no other."""
        from digest.health import fault_of, judge

        try:
            return self._store(harvested, judge(harvested, past, at=now), now)
        except StoreError:
            raise
        except Exception:
            trace = traceback.format_exc()
        nothing = replace(harvested, listings=(), trace=trace)
        return self._store(nothing, fault_of(nothing), now)

    def _store(self, harvested: "Harvested", health: "Health", now: datetime) -> "Harvest":
        from digest.holdings import keep

        _tell_of(self.tell, harvested, health)
        kept = self._keep_pages(harvested.source, health, now)
        with self.database.begin() as connection:
            done = keep(connection, harvested, health, now, kept=str(kept or ""))
        self.unkept.pop(harvested.source, None)
        self.tell(Stored(done=done, health=health))
        return done

    def _keep_pages(self, source: str, health: "Health", now: datetime) -> Path | None:
        from digest.kept_pages import keep_pages

        try:
            kept = keep_pages(setup.kept_pages(self.loaded), source, health.pages, health.problems, now)
        except DigestError as problem:
            self.tell(Warned(source=source, what=str(problem)))
            return None
        if kept:
            self.tell(PageKept(source=source, path=kept))
        return kept

    # ------------------------------------------------------------ a person called

    def _call_a_person(self, done: "Sequence[Harvest]") -> None:
        """About each source that needs one; once a day, until it gives again what it should."""
        from digest.alarm import forget_others

        if not done:
            return
        now = self.world.now()
        with self.database.begin() as connection:
            forget_others(connection, {source.name for source in setup.sources(self.loaded, self.world)})
            alarms = [alarm for one in done if (alarm := _taken(connection, one, now))]
        for problem in call_a_person(self.loaded, self.database, self.world, alarms) if alarms else ():
            self.tell(Warned(what=problem))


def _taken(connection: "Connection", done: "Harvest", now: datetime) -> "Alarm | None":
    """What a person is to be told now of a source."""
    from digest.alarm import of_source, read_again, take
    from digest.store.harvests import first_harvest, harvests_of, last_good

    if done.is_good:
        read_again(connection, done.source)
    good_at = last_good(connection, done.source, now)
    since = None if good_at else first_harvest(connection, done.source)
    alarm = of_source(harvests_of(connection, done.source, most=2), good_at, now, tried_since=since)
    return alarm if alarm and take(connection, alarm, now) else None


def _asked(past: "Past", liked: tuple[tuple[str, ...], ...], now: datetime) -> "Wanted":
    from digest.sources.protocol import Wanted

    return Wanted(
        today=now.astimezone(UTC).date(),
        at=now,
        since=past.since,
        known=past.known.keys(),
        liked=liked,
    )


def _tell_of(tell: Tell, harvested: "Harvested", health: "Health") -> None:
    """What was odd about the lists, and what went wrong; of a fault of ours the traceback, too."""
    if harvested.trace:
        tell(Fault(source=harvested.source, trace=harvested.trace))
    for listing in harvested.listings:
        for warning in listing.warnings:
            tell(Warned(source=harvested.source, what=warning))
    for told in each_once(health.problems, harvested.source):
        tell(Warned(source=harvested.source, what=told))


# ---------------------------------------------------------------- side by side


def _harvests(
    sources: "Sequence[Source]",
    web: "Web",
    wanted: "Mapping[str, Wanted]",
    tell: Tell,
    stopping: Event | None = None,
) -> "Iterator[Harvested]":
    """What the sources give, each as it ends; what they share (a host), they take turns in.

    The threads are daemons: who ends the program does not wait for them. Once `stopping` is set nothing more
    is given, and they end with the request that they are at.
    """
    from digest.harvest import Stoppable, harvest

    def read(source: "Source") -> "Harvested":
        def tell_url(url: str) -> None:
            tell(Asking(source=source.name, url=url))

        return harvest(source, Stoppable(web, stopping), wanted[source.name], tell_url)

    tell(Began(sources=tuple(source.name for source in sources)))
    waiting: SimpleQueue[Source] = SimpleQueue()
    ended: SimpleQueue[Harvested | BaseException] = SimpleQueue()
    for source in sources:
        waiting.put(source)
    for _ in range(min(MOST_AT_ONCE, len(sources))):
        Thread(target=partial(_work, waiting, read, ended), daemon=True).start()
    for _ in sources:
        one = _next(ended, stopping)
        if one is None:
            return
        if isinstance(one, BaseException):
            raise one
        tell(Got(source=one.source, papers=one.papers))
        yield one


def _next(
    ended: "SimpleQueue[Harvested | BaseException]", stopping: Event | None
) -> "Harvested | BaseException | None":
    """What ends next; `None` once nobody wants it any more: what came since may lack what was not asked."""
    while stopping is not None:
        if stopping.is_set():
            return None
        with suppress(Empty):
            one = ended.get(timeout=LOOK_S)
            return None if stopping.is_set() else one
    return ended.get()


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
