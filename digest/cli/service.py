"""A service's work: the parts of a pass, over a configuration that may change and a store that stays open."""

import os
import secrets
import socket
import threading
from collections.abc import Callable, Collection
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
    from digest.overdue import Gap, Overdue
    from digest.rhythm import Try
    from digest.store.database import Database
    from digest.transport.protocol import Relay

BOUNCES_EVERY = timedelta(hours=1)
"""How often the box of bounces is read: no server likes a login a minute."""

SET_BACK = timedelta(hours=1)
"""A clock that goes back so far was wrong before."""

RESTS = (timedelta(minutes=15), timedelta(minutes=30), timedelta(hours=1))
"""So long a way out is left alone that needs a person, after the first time, the second, ...: servers lock
accounts, and ban addresses, for a wrong password a minute."""

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
class ClockBehind:
    """By the clock, Digest was never at work before: no turn is moved until it is right."""

    now: datetime


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
class Mended:
    """A part that failed does its work again."""

    part: str


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


@dataclass(frozen=True, slots=True)
class _Rest:
    """That a way out which needs a person is left alone."""

    times: int
    until: datetime


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
        is_ticking: bool = False,
    ) -> None:
        """`sign` hears whenever a part gives a sign of life, in whatever thread.

        `is_ticking`: whether it is told to work at each tick, so that a longer silence is a gap.
        """
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
        self._owes_plans = False
        """Whether the table of turns is not as the profiles want it, or may not be."""
        self._is_behind = False
        self._looked_at: datetime | None = None
        self._awaiting_since: datetime | None = None
        self._last_tally: Tally | None = None
        self._is_ticking = is_ticking
        self._noticing = threading.Lock()
        self._gaps: tuple[Gap, ...] = ()
        self._blind_since: datetime | None = None
        self._blind_told: tuple[datetime, bool] | None = None
        """When a person was called about the store, and whether that went well."""
        self._rests: dict[str, _Rest] = {}
        self._unkept: dict[str, list[Try]] = {}
        self._held: _Held
        self._database: Database
        self._began_at: datetime

    # ------------------------------------------------------------ beginning and end

    def __enter__(self) -> Self:
        """Begin: what was missed while nothing ran is reported, before anything is made up for."""
        from digest.store import services

        self._held = self._load()
        now = self.world.now()
        self._database = setup.open_store(self.loaded)
        row = services.ServiceRow(
            owner=self._owner, host=socket.gethostname(), pid=os.getpid(), began_at=now, seen_at=now
        )
        try:
            with self._database.read() as connection:
                last_seen = services.last_seen(connection, now)
                # What was due before a break too short to be told of is no less late for it.
                self._began_at = services.present_since(connection, now, self._longest_break)
            # Before readers who are new have turns: they have missed nothing. And before this is known to be
            # at work: whoever is killed while a person is called has not said it.
            self._report_gap(last_seen)
            with self._database.begin() as connection:
                services.begin(connection, row)
            # Where there is no file at all the folder is not the one it should be (not mounted, say).
            if self._files.names:
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
        tell, stopping, unkept = self._telling("harvest"), self.halt.asked, self._unkept
        self._is_harvesting = True
        try:
            done = harvest_due(loaded, self._database, self.world, tell, stopping=stopping, unkept=unkept)
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

        self._notice_gap()
        if self._awaits_others():
            return self.has_mail()
        held, tell = self._held, self._telling("editions")
        self._read_bounces(held.loaded)
        settle_first(self._database, held.rules, self.world, tell)
        make_due(held.loaded, self._database, self.world, tell, stopping=self.halt.asked)
        return self.has_mail()

    def deliver(self) -> bool:
        """Send what is due, and what comes due meanwhile; whether there was something."""
        held, tell, rests = self._held, self._telling("deliver"), self._rests
        relays = tuple(one for one in held.relays if not self._rests_now(rests.get(one.name)))
        if (held.relays and not relays) or not self.has_mail():
            return False
        told = deliver(self._database, relays, held.rules, self.world, tell=tell, stopping=self.halt)
        for one in relays:
            before = rests.pop(one.name, None)
            if one.name in told.tally.stopped:
                rests[one.name] = self._rest_after(before)
        self._tell_of(told.tally)
        return True

    def _rests_now(self, rest: _Rest | None) -> bool:
        return rest is not None and self.world.now() < rest.until <= self.world.now() + RESTS[-1]

    def _rest_after(self, before: _Rest | None) -> _Rest:
        times = before.times + 1 if before else 1
        return _Rest(times, self.world.now() + RESTS[min(times, len(RESTS)) - 1])

    def watch(self) -> None:
        """See what is overdue, and say that this service is there; a person hears if it sees nothing."""
        try:
            self._look()
        except StoreError as problem:
            self._call_for_the_store(problem)
            raise
        self._blind_since = self._blind_told = None

    def _look(self) -> None:
        from digest.cli.watching import watch
        from digest.store import services
        from digest.store.turns import next_turn_at

        self._notice_gap()
        now = self.world.now()
        self._began_at = min(self._began_at, now)  # a clock may have been ahead
        with self._database.begin() as connection:
            services.see(connection, self._owner, now)
            self.next_at = next_turn_at(connection)
        loaded, began_at = self.loaded, self._began_at
        self.overdue = watch(
            loaded, self._database, self.world, self.tell, began_at=began_at, gaps=self._gaps
        )

    # ------------------------------------------------------------ gaps

    @property
    def _longest_break(self) -> timedelta:
        """A longer one is told as a gap, where somebody was due in it."""
        from digest.cli.watching import grace_of
        from digest.overdue import lately

        return max(grace_of(self.loaded), lately(self.loaded.settings.run.tick_s))

    def _notice_gap(self) -> None:
        """Report it, before what was missed is made up for, where this was asleep, or without its store."""
        from digest.overdue import lately
        from digest.store import services

        if not self._is_ticking:
            return
        with self._noticing:
            now = self.world.now()
            with self._database.read() as connection:
                last_seen = services.last_seen(connection, now)
            if last_seen is not None and now - last_seen >= lately(self.loaded.settings.run.tick_s):
                self._report_gap(last_seen, was_there=True)
                if now - last_seen > self._longest_break:
                    self._began_at = now
            with self._database.begin() as connection:
                services.see(connection, self._owner, self.world.now())

    def _report_gap(self, last_seen: datetime | None, *, was_there: bool = False) -> None:
        """What cannot be told of it now is told by `watch`, as long as this lives."""
        from digest.cli.watching import report_gap

        gap = report_gap(self.loaded, self._database, self.world, self.tell, last_seen, was_there=was_there)
        self._gaps = (gap,) if gap else self._gaps

    def _call_for_the_store(self, problem: StoreError) -> None:
        """Once a day, and each hour where that goes wrong: what is told is not on record either."""
        from digest.alarm import AFTER_FAILURE, AGAIN_AFTER
        from digest.cli.watching import Untold, call_for_the_store, grace_of

        now = self.world.now()
        self._blind_since = since = self._blind_since or now
        told_at, is_told = self._blind_told or (None, False)
        is_recent = told_at is not None and abs(now - told_at) < (AGAIN_AFTER if is_told else AFTER_FAILURE)
        if now - since <= grace_of(self.loaded) or is_recent:
            return
        place = self._database.location
        problems = call_for_the_store(self.loaded, self.world, place, str(problem), since)
        self._blind_told = now, not problems
        for one in problems:
            self.tell(Untold(problem=one))

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
            if self._is_set_back():
                # What was settled by a clock that was ahead is to be looked at.
                self._owes_plans = True
            # A secret that could not be read, and can be now, changes no file that is looked at.
            is_to_read = self._owes_plans or self.problem is not None or self._files.is_changed()
            before = dict(self.loaded.settings)
            try:
                return is_to_read and self._reload()
            finally:
                if dict(self.loaded.settings) != before:
                    self._renew_ways()

    def reload(self) -> bool:
        """The same for all files, changed or not, those of secrets among them; whether they can be used."""
        with self._reading:
            self._files.forget()
            try:
                return self._reload(is_asked=True)
            finally:
                self._renew_ways()

    def _renew_ways(self) -> None:
        """What is under way ends in good order, and begins anew by what holds now; no way out rests."""
        self._rests = {}
        self.halt.renew()

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
        owes_news = self._owes_plans and not self._is_behind
        is_news = is_asked or owes_news or self.problem is not None or not _is_same(held.loaded, before)
        self._held = held
        if is_news or self._owes_plans:
            self._settle_plans(again=_tried_again(held.loaded, before, all_of_them=is_asked))
        if is_news:
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

    def _settle_plans(self, *, again: Collection[str] = ()) -> None:
        """Who is due when, as the profiles want it; a file that cannot be used just now is a profile.

        Those to be tried `again` are, if their editions failed.
        """
        from digest.store.turns import next_turn_at
        from digest.turns import settle_plans

        profiles = self.loaded.profiles
        broken = self._files.names - {profile.name for profile in profiles}
        # Should the store be busy, the next look at the files tries again.
        self._owes_plans = True
        with self._database.begin() as connection:
            is_settled = settle_plans(connection, profiles, broken, self.world.now(), again=again)
            self.next_at = next_turn_at(connection)
        self._owes_plans = not is_settled
        if not is_settled and not self._is_behind:
            self.tell(ClockBehind(now=self.world.now()))
        self._is_behind = not is_settled

    def _is_set_back(self) -> bool:
        """Whether the clock shows less than at the last look, by more than the odd correction."""
        now, last = self.world.now(), self._looked_at
        self._looked_at = now
        return last is not None and last - now > SET_BACK

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


def _tried_again(now: Configuration, before: Configuration, *, all_of_them: bool) -> frozenset[str]:
    """Whose edition, if it failed, may be made by what files say now: theirs, or those that are for all."""
    problems, problems_before = ({str(one) for one in loaded.problems} for loaded in (now, before))
    if all_of_them or problems != problems_before or dict(now.settings) != dict(before.settings):
        return frozenset(one.name for one in now.profiles)
    known = {one.name: one for one in before.profiles}
    return frozenset(one.name for one in now.profiles if known.get(one.name) != one)
