"""From readers whose turn it is to messages that wait, told as it happens: shared by `send` and `run`."""

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from digest.cli import setup
from digest.cli.screen import complain, counting, note, say, silence
from digest.cli.tiers import embedding_model, summarise
from digest.cli.world import World
from digest.config import Configuration, load_profile
from digest.errors import DigestError
from digest.model import Edition, Message, Note, Outcome, Profile, Summary
from digest.moments import in_utc
from digest.outcome import name_of
from digest.schedule import local_day, plan_of, planned

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from digest.holdings import Shelves
    from digest.making import Due, Event, Makers
    from digest.store.database import Database
    from digest.turns import Readers, Stated

    MakingEvent = Event | Stated
    Tell = Callable[[MakingEvent], None]

KEEP_DAYS = 30
"""After so long a message that is done with is no longer kept whole; that it was is."""


def make_due(
    loaded: Configuration,
    database: "Database",
    world: World,
    tell: "Tell",
    *,
    stopping: threading.Event | None = None,
) -> "Made":
    """Make the editions of readers whose turn has come, and state the days that ended without one.

    Nothing is made where another process is at it. While nobody is due this costs two small queries. Where
    `stopping` is set meanwhile, the rest is due again. Raises StoreError; what happens to one reader is told,
    and stops no other.
    """
    from digest.store.lock import at_work
    from digest.store.turns import next_turn_at

    making = Making(loaded, database, world, tell)
    making.give_up_late()
    with database.read() as connection:
        first = next_turn_at(connection)
    if first is None or first > world.now():
        return making.made
    with at_work(database.place, "editions", waiting=None) as is_ours:
        making.made.is_elsewhere = not is_ours
        if is_ours:
            now, due = world.now(), making.settle_due()
            making.make(due, now, stopping=stopping)
            making.settle(profile.name for profile, _ in due)
    return making.made


@dataclass(slots=True)
class Made:
    """What became of making, reader by reader."""

    due: "list[Due]" = field(default_factory=list)
    unmade: set[str] = field(default_factory=set)
    barred: set[str] = field(default_factory=set)
    """Whose address is suppressed: the operator knows, and no run is at fault."""
    waiting: set[str] = field(default_factory=set)
    """Who waits for a list."""
    in_vain: dict[str, date] = field(default_factory=dict)
    """Who would wait, but did so on this day, and no run came for the mail."""
    unusable: set[str] = field(default_factory=set)
    """Whose day failed now, as the profile cannot be used."""
    is_elsewhere: bool = False
    """Somebody is due, and another process is at it."""


class Making:
    """Every message is made and stored before the first one is sent."""

    def __init__(
        self,
        loaded: Configuration,
        database: "Database",
        world: World,
        tell: "Tell",
        showing: Callable[[str], AbstractContextManager[None]] = lambda _what: nullcontext(),
    ) -> None:
        """`showing` shows what takes its time, for as long as it does."""
        self.made = Made()
        self._loaded, self._database, self._world, self._tell = loaded, database, world, tell
        self._showing = showing
        self._readers: Readers | None = None

    @property
    def readers(self) -> "Readers":
        """Who has a profile, by name: found out when somebody is due."""
        from digest.turns import Readers

        if self._readers is None:
            usable = {profile.name: profile for profile in self._loaded.profiles}
            self._readers = Readers(usable=usable, why_not=self._why_not, plan_now=self._plan_now)
        return self._readers

    def _plan_now(self, name: str) -> str:
        profile, _ = load_profile(self._loaded.path(self._loaded.settings.profiles) / f"{name}.toml")
        return plan_of(profile) if profile else ""

    def _why_not(self, name: str) -> str:
        return "; ".join(map(str, self._loaded.problems_of(name)))

    def hear(self, event: "MakingEvent") -> None:
        """Note what became of a reader, and tell it."""
        from digest.making import Barred, Unmade, Waits
        from digest.turns import Stated

        match event:
            case Stated(outcome=Outcome.FAILED):
                self.made.unusable.add(event.profile.name)
            case Barred():
                self.made.barred.add(event.profile.name)
            case Waits():
                self.made.waiting.add(event.profile.name)
            case Unmade():
                self.made.unmade.add(event.profile.name)
        self._tell(event)

    def settle_due(self) -> "list[Due]":
        """State what there is to state of whoever is due; returns of whom an edition is to be made now."""
        from digest.turns import settle_due

        return settle_due(self._database, self.readers, self._world.now(), self.hear)

    def settle(self, names: Iterable[str]) -> "list[Due]":
        """The same of readers by name: once more, when their editions were made, to move their turns on."""
        from digest.turns import settle

        return settle(self._database, names, self.readers, self._world.now(), self.hear)

    def give_up_late(self) -> None:
        """Give up messages whose last day is over."""
        from digest.making import give_up_late

        now = self._world.now()
        give_up_late(self._database, lambda names: self._todays(names, now), now, self.hear)

    def _todays(self, names: Collection[str], now: datetime) -> dict[str, date]:
        """The local dates of those who have a profile, be it one that cannot be used just now."""
        from digest.store.turns import turns_of

        folder, usable = self._loaded.path(self._loaded.settings.profiles), self.readers.usable
        others = [name for name in names if name not in usable]
        zones = {name: usable[name].timezone for name in names if name in usable}
        with self._database.read() as connection:
            rows = turns_of(connection, others)
        for name in others:
            if (folder / f"{name}.toml").exists():
                zones[name] = planned(name, rows[name].plan).timezone if name in rows else "UTC"
        return {name: local_day(zone, now) for name, zone in zones.items()}

    def make(
        self,
        due: "Sequence[Due]",
        now: datetime,
        *,
        may_wait: bool = True,
        in_vain: Mapping[str, date] = MappingProxyType({}),
        stopping: threading.Event | None = None,
    ) -> None:
        """Put a message for each reader's day into the outbox, as far as there is one.

        Who waited `in_vain` for lists on a day before does not wait now. Where `stopping` is set meanwhile,
        the rest is left.
        """
        from digest.making import decided, make
        from digest.store.deliveries import prune

        self.made.due.extend(due)
        if not due:
            return
        with self._database.begin() as connection:
            # The data of old messages are most of the store.
            prune(connection, now.date() - timedelta(days=KEEP_DAYS))
        makers = self._makers(now, may_wait=may_wait, in_vain=in_vain)
        editions = decided(self._database, due, makers({}))
        written = summarise(self._loaded, self._database, editions, self._world)
        make(self._database, due, makers(written), now, self.hear, stopping=stopping)

    def _makers(
        self, now: datetime, *, may_wait: bool, in_vain: Mapping[str, date]
    ) -> "Callable[[Mapping[str, Summary]], Makers]":
        """What makes the messages, given the summaries there are."""
        from digest.cli.bounces import traced
        from digest.completeness import waits_for
        from digest.holdings import stored_readers
        from digest.making import Makers
        from digest.pipeline import make_message
        from digest.tiers import with_summaries

        loaded, embeds = self._loaded, self._loaded.settings.embedding is not None
        with self._showing("scoring papers"):
            shelves = self._shelves(now)
        renderer, sender = setup.renderer(loaded), setup.sender(loaded)
        addressed = traced(loaded)

        def decide(connection: "Connection", due: "Sequence[Due]") -> list[Edition]:
            readers = stored_readers(connection, due, embeds=embeds)
            days = [day for _, day in due]
            return shelves.editions(connection, list(zip(readers, days, strict=True)))

        def waits(profile: Profile, day: date) -> tuple[Note, ...]:
            lists = waits_for(profile, day, shelves.usual.incomplete, now) if may_wait else ()
            if lists and profile.name in in_vain:
                self.made.in_vain[profile.name] = in_vain[profile.name]
                return ()
            return lists

        def with_written(written: Mapping[str, Summary]) -> Makers:
            def compose(edition: Edition) -> Message | None:
                message = make_message(with_summaries(edition, written), renderer, sender)
                return addressed(message) if message else None

            return Makers(decide=decide, compose=compose, waits=waits)

        return with_written

    def _shelves(self, now: datetime) -> "Shelves":
        from digest.holdings import stored_shelves

        sources = {source.name: source.grows for source in setup.sources(self._loaded, self._world)}
        with self._database.read() as connection:
            days, model = self._loaded.settings.window_days, embedding_model(self._loaded, self._world)
            return stored_shelves(connection, sources, window_days=days, now=now, model=model)


def clock_is_behind(now: datetime) -> str:
    """What is said where nothing can be settled by the clock."""
    when = f"by the clock it is {in_utc(now)}, before Digest was ever at work"
    return f"{when}: no turn is moved until it is right"


# ---------------------------------------------------------------- on the screen


@contextmanager
def on_screen(*, is_brief: bool) -> "Iterator[Tell]":
    """A line for each reader of whom there is something to say; if `is_brief`, only for what went wrong."""
    with counting("making editions") if is_brief else silence() as progress:
        screen = _Screen(is_brief, progress)
        yield screen
    if screen.passed:
        days = "a day" if screen.passed == 1 else f"{screen.passed:,} days"
        say(f"{days} passed without an edition: `digest status` says which, and why")


@dataclass(slots=True)
class _Screen:
    is_brief: bool
    progress: Callable[[int, int], None]
    passed: int = 0
    """Days that are told in one line."""

    def __call__(self, event: "MakingEvent") -> None:
        from digest.making import Barred, GivenUp, NoMail, Progress, Unmade, Waits

        match event:
            case Progress():
                self.progress(event.done, event.of)
            case GivenUp():
                one = event.delivery
                say(f"{one.profile}: gave up the edition of {one.day}: {one.reply}")
            case Waits():
                if not self.is_brief:
                    say(f"{event.profile.name}: {event.reason}")
            case Unmade():
                _say_unmade(event.profile.name, event.problem, event.trace)
            case Barred() | NoMail():
                pass  # said with how the day stands
            case _:
                self._stated(event)

    def _stated(self, event: "Stated") -> None:
        if not self.is_brief:
            words = f"{name_of(event.outcome)} ({event.reason})"
            say(f"{event.profile.name}: {event.day}: {words}")
        elif event.outcome is not Outcome.PAUSED:
            self.passed += 1


def _say_unmade(name: str, problem: Exception, trace: str) -> None:
    if isinstance(problem, DigestError):
        say(f"{name}: failed")
        complain(problem)
    else:
        say(f"{name}: failed, by a fault in Digest; please report what follows")
        note(trace)
