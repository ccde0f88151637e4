"""A service's work: the parts of a pass, over a configuration that may change and a store that stays open."""

import os
import secrets
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from digest import __version__
from digest.cli import setup
from digest.cli.bounces import read_before_sending
from digest.cli.delivering import Halt, deliver, settle_first
from digest.cli.tiers import embed
from digest.cli.world import World
from digest.config import Configuration
from digest.errors import ConfigurationError, DigestError, StoreError
from digest.reread import Files

if TYPE_CHECKING:
    from digest.outbox import Rules, Tally
    from digest.overdue import Overdue
    from digest.store.database import Database
    from digest.transport.protocol import Relay

BOUNCES_EVERY = timedelta(hours=1)
"""How often the box of bounces is read: no server likes a login a minute."""

WAIT_FOR_HARVEST = timedelta(minutes=5)
"""So long no edition is made while sources are read, so that it has what is new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Began:
    """A service is at work."""

    version: str
    pid: int
    readers: int
    sources: int
    next_at: datetime | None
    """When the next edition is due; may be past."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reread:
    """Files were changed, and what they say now holds."""

    readers: int
    next_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptOld:
    """The configuration cannot be used as it is now: that of before holds."""

    problem: DigestError


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusable:
    """Something is wrong with a reader's profile: no edition is made by it."""

    problem: DigestError


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """How a run of the outbox ended."""

    tally: "Tally"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A part could not do its work; it is tried again at the next tick, and the others go on."""

    part: str
    problem: str
    trace: str = ""
    """Of a bug, whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A service was asked to end, and waits for what is at work."""

    working: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A service ended in good order."""


Tell = Callable[[Any], None]
"""Hears what happens: frozen values, each of a class that says what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """What a part works with from its beginning to its end, whatever is re-read meanwhile."""

    loaded: Configuration
    relays: "tuple[Relay, ...]"
    rules: "Rules"


class Service:
    """Does its parts when it is told to, each by itself or all in order; leaves when to others.

    Entered, it has read its configuration and opened the store: it raises ConfigurationError and StoreError
    then, and never for a profile alone. Each part may be run in a thread of its own.
    """

    def __init__(
        self,
        world: World,
        file: Path,
        tell: Tell,
        *,
        halt: Halt | None = None,
        sign: Callable[[str], None] = lambda _part: None,
    ) -> None:
        """`sign` hears whenever a part gives a sign of life, in whatever thread."""
        self.world = world
        self.halt = halt or Halt()
        self.overdue: tuple[Overdue, ...] = ()
        """What was overdue when `watch` last looked."""
        self.next_at: datetime | None = None
        """When the next edition was due then; may be past."""
        self.problem: DigestError | None = None
        """Why the configuration of before holds; `None` if that of now does."""
        self.tell = tell
        self._sign = sign
        self._files = Files(file)
        self._reading = threading.Lock()
        self._told: set[str] = set()
        self._owner = secrets.token_hex(8)
        self._bounces_at: datetime | None = None
        self._is_harvesting = False
        self._awaiting_since: datetime | None = None
        self._last_tally: Tally | None = None
        self._held: _Held
        self._database: Database
        self._began_at: datetime

    # ------------------------------------------------------------ beginning and end

    def __enter__(self) -> Self:
        """Begin: what was missed while nothing ran is reported, before anything is made up for."""
        from digest.cli.watching import report_gap
        from digest.store import services

        self._held = self._load()
        self._began_at = now = self.world.now()
        self._database = setup.open_store(self.loaded)
        row = services.ServiceRow(
            owner=self._owner, host=socket.gethostname(), pid=os.getpid(), began_at=now, seen_at=now
        )
        try:
            with self._database.begin() as connection:
                last_seen = services.last_seen(connection)
                services.begin(connection, row)
            # Before readers who are new have turns: they have missed nothing.
            report_gap(self.loaded, self._database, self.world, self.tell, last_seen)
            self._settle_plans()
            self.tell(self._beginning())
            self._tell_of_profiles()
        except BaseException:
            self._database.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End; a store that cannot be written any more keeps nobody from ending."""
        from digest.store import services

        try:
            with self._database.begin() as connection:
                services.end(connection, self._owner, self.world.now())
            self.tell(Ended())
        except StoreError as problem:
            self.tell(problem)
        finally:
            self._database.close()

    @property
    def loaded(self) -> Configuration:
        """The configuration that holds now."""
        return self._held.loaded

    def has_mail(self) -> bool:
        """Whether a message is due. Raises StoreError."""
        from digest.store.waiting import next_due

        with self._database.read() as connection:
            due = next_due(connection)
        return due is not None and due <= self._database.now(self.world.now())

    def _beginning(self) -> Began:
        return Began(
            version=__version__,
            pid=os.getpid(),
            readers=len(self.loaded.profiles),
            sources=len(setup.sources(self.loaded, self.world)),
            next_at=self.next_at,
        )

    # ------------------------------------------------------------ the parts

    def pass_(self) -> None:
        """All parts in order, once: what one of them raises is the caller's matter."""
        self.reload_if_changed()
        self.harvest()
        self.editions()
        self.deliver()
        self.watch()

    def harvest(self) -> bool:
        """Read the sources whose time has come; whether there was one."""
        from digest.cli.harvesting import harvest_due

        loaded = self.loaded
        tell, stopping = self._telling("harvest"), self.halt.asked
        self._is_harvesting = True
        try:
            done = harvest_due(loaded, self._database, self.world, tell, stopping=stopping)
            if done:
                embed(loaded, self._database, self.world)
        finally:
            self._is_harvesting = False
        return bool(done)

    def editions(self) -> bool:
        """Make the editions that are due; whether a message is due then.

        Not while another process reads the sources: what is new would be missing in them.
        """
        from digest.cli.making import make_due

        if self._awaits_others():
            return self.has_mail()
        held, tell = self._held, self._telling("editions")
        self._read_bounces(held.loaded)
        settle_first(self._database, held.rules, self.world, tell)
        make_due(held.loaded, self._database, self.world, tell)
        return self.has_mail()

    def deliver(self) -> bool:
        """Send what is due, and what comes due meanwhile; whether there was something."""
        if not self.has_mail():
            return False
        held, tell = self._held, self._telling("deliver")
        told = deliver(self._database, held.relays, held.rules, self.world, tell=tell, stopping=self.halt)
        self._tell_of(told.tally)
        return True

    def watch(self) -> None:
        """See what is overdue, and say that this service is there."""
        from digest.cli.watching import watch
        from digest.store import services
        from digest.store.turns import next_turn_at

        with self._database.begin() as connection:
            services.see(connection, self._owner, self.world.now())
            self.next_at = next_turn_at(connection)
        loaded, began_at = self.loaded, self._began_at
        self.overdue = watch(loaded, self._database, self.world, self.tell, began_at=began_at)

    def _telling(self, part: str) -> Tell:
        """What a part tells is a sign of its life."""

        def tell(event: object) -> None:
            self._sign(part)
            self.tell(event)

        return tell

    def _awaits_others(self) -> bool:
        """Whether somebody is due, and another process will soon have read the sources.

        When this one reads them in another thread, its master knows.
        """
        from digest.store.lock import at_work
        from digest.store.turns import next_turn_at

        now, place = self.world.now(), self._database.place
        with self._database.read() as connection:
            due = next_turn_at(connection)
        if due is None or due > now or self._is_harvesting:
            self._awaiting_since = None
            return False
        with at_work(place, "harvest", waiting=None) as is_nobody:
            self._awaiting_since = None if is_nobody else self._awaiting_since or now
        return self._awaiting_since is not None and abs(now - self._awaiting_since) < WAIT_FOR_HARVEST

    def _read_bounces(self, loaded: Configuration) -> None:
        now, last = self.world.now(), self._bounces_at
        if last is None or abs(now - last) >= BOUNCES_EVERY:
            self._bounces_at = now
            read_before_sending(loaded, self.world, self._database)

    def _tell_of(self, tally: "Tally") -> None:
        """Unless nothing was done, and everything stands as it did: a relay may be down for hours."""
        last, self._last_tally = self._last_tally, replace(tally, next_try=None)
        if tally.sent or tally.failed or tally.unknown or last != self._last_tally:
            self.tell(Delivered(tally=tally))

    # ------------------------------------------------------------ the configuration

    def reload_if_changed(self) -> bool:
        """Let what changed files say hold; whether there were any. Only those are read."""
        with self._reading:
            return self._files.is_changed() and self._reload()

    def reload(self) -> bool:
        """The same for all files, changed or not, those of secrets among them; whether they can be used."""
        with self._reading:
            self._files.forget()
            return self._reload(is_asked=True)

    def _reload(self, *, is_asked: bool = False) -> bool:
        before = self._held.loaded
        try:
            held = self._load()
            if held.loaded.store != before.store:
                where, fix = f"{held.loaded.file}: store", "Start `digest run` again"
                raise ConfigurationError.of(
                    "another store is not opened while this runs", where=where, fix=fix
                )
        except ConfigurationError as problem:
            if is_asked or str(problem) != str(self.problem):
                self.tell(KeptOld(problem=problem))
            self.problem = problem
            return False
        is_news = is_asked or self.problem is not None or not _is_same(held.loaded, before)
        self._held = held
        if is_news:
            try:
                self._settle_plans()
            except StoreError:
                self._files.forget()  # so that it is tried again
                raise
            self.tell(Reread(readers=len(held.loaded.profiles), next_at=self.next_at))
            self._tell_of_profiles()
        self.problem = None
        return is_news

    def _load(self) -> _Held:
        """Raises ConfigurationError where nothing could be done by it."""
        loaded = self._files.read()
        setup.sources(loaded, self.world)
        setup.renderer(loaded)
        return _Held(
            loaded=loaded, relays=setup.relays(loaded, self.world), rules=setup.rules(loaded, self.world)
        )

    def _settle_plans(self) -> None:
        """Who is due when, as the profiles want it; a file that cannot be used just now is a profile."""
        from digest.store.turns import next_turn_at
        from digest.turns import settle_plans

        profiles = self.loaded.profiles
        broken = self._files.names - {profile.name for profile in profiles}
        with self._database.begin() as connection:
            settle_plans(connection, profiles, broken, self.world.now())
            self.next_at = next_turn_at(connection)

    def _tell_of_profiles(self) -> None:
        """Each problem when it is new."""
        problems = {str(one): one for one in self.loaded.problems}
        for told, one in problems.items():
            if told not in self._told:
                self.tell(Unusable(problem=one))
        self._told = set(problems)


def _is_same(one: Configuration, other: Configuration) -> bool:
    """Settings are models of their own, made at each reading: their values are compared."""
    return (
        one.profiles == other.profiles
        and list(map(str, one.problems)) == list(map(str, other.problems))
        and dict(one.settings) == dict(other.settings)
    )
