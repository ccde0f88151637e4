"""`digest send`: one pass for cron, systemd timers and hands: fetch, make, send, say how each day stands."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import click

from digest.cli import setup
from digest.cli.bounces import read_before_sending, traced
from digest.cli.delivering import deliver, settle_first
from digest.cli.harvesting import BUSY, fetch_all, is_all_down
from digest.cli.interrupts import interruptible
from digest.cli.screen import complain, counting, note, say, silence, warn, working
from digest.cli.tiers import embed, embedding_model, summarise
from digest.cli.world import World
from digest.config import Configuration
from digest.errors import DigestError, ExitCode, StoreError
from digest.model import Edition, Message, Note, Outcome, Profile, Summary
from digest.outcome import day_of
from digest.settings.values import WEEKDAYS

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from digest.making import Due, Event, Makers
    from digest.pipeline import Shelf
    from digest.store.database import Database
    from digest.store.editions import Day

FEW = 20
"""Up to so many readers, each has a line of its own."""
KEEP_DAYS = 30
"""After so long a message that is done with is no longer kept whole; that it was is."""
DAYS_AT_ONCE = 500
IN_VAIN_FOR = timedelta(days=7)
"""So long a reader who waited in vain does not wait: cron is as it was."""


@click.command()
@click.argument("profiles", nargs=-1, metavar="[PROFILE...]")
@click.option("--no-fetch", is_flag=True, help="Use what is stored; do not read the sources first.")
@click.option(
    "--wait",
    type=click.FloatRange(min=0, max=24 * 60),
    metavar="MINUTES",
    help="Wait so long for what can go later, instead of [delivery] patience_s.",
)
@click.pass_context
def send(ctx: click.Context, profiles: tuple[str, ...], no_fetch: bool, wait: float | None) -> None:
    """Make today's editions and send them, once.

    For all readers, or those named. A reader whose `days` leave out today is passed over unless named. A
    second run of the same day sends nothing; a message that could not be sent waits and is tried again by
    the next run of the day. Readers with `wait_until` who are not named wait until then for lists that have
    not reached their usual number. Exit code 6: a message was not delivered; 3: a profile could not be used;
    4: no source could be read.
    """
    from digest.store.lock import sole_writer

    world: World = ctx.obj
    loaded = setup.configuration(ctx)
    readers = setup.chosen_profiles(loaded, profiles)
    relays = setup.relays(loaded, world)
    rules = setup.rules(loaded, world, profiles=[one.name for one in readers] if profiles else None)
    rules = rules if wait is None else replace(rules, patience_s=60 * wait)
    with setup.open_store(loaded) as database:
        # One process makes; sending needs no such lock: each message is claimed.
        with (
            interruptible("ended before anything was sent", _ENDED),
            sole_writer(loaded.store, waiting=lambda: note(BUSY)),
        ):
            has_read = no_fetch or _has_read(loaded, database, world)
            if not isinstance(has_read, StoreError):
                embed(loaded, database, world)
                read_before_sending(loaded, world, database)
            cut_off = settle_first(database, rules, world)
            making = _Making(loaded, database, world)
            made = _Made() if isinstance(has_read, StoreError) else making.make(readers, named=bool(profiles))
        told = deliver(database, relays, rules, world, is_brief=made.is_brief, cut_off=cut_off)
        days = _close(database, made, told.named)
        all_well = told.is_well and days.are_well
        if told.needs:
            say(told.needs)
        if told.line and made.is_brief and made.waiting:
            say(f"{len(made.waiting):,} wait for a list")
        say(told.line or days.line)
    if isinstance(has_read, StoreError):
        sys.exit(ExitCode.STORE)
    if not all_well:
        sys.exit(ExitCode.DELIVERY)
    if loaded.problems and not profiles:
        sys.exit(ExitCode.CONFIGURATION)
    if not has_read:
        sys.exit(ExitCode.INPUT)


_ENDED = "Run it again: what was made waits, the rest is made, and all is sent"


def _has_read(loaded: Configuration, database: "Database", world: World) -> "bool | StoreError":
    """Whether any source could be read; or why nothing could be stored, which is said at once."""
    try:
        return not is_all_down(fetch_all(loaded, database, world))
    except StoreError as problem:
        complain(problem)
        note("no edition is made of what could not be stored; what waits is sent")
        return problem


# ---------------------------------------------------------------- made


@dataclass(slots=True)
class _Made:
    """What became of making, reader by reader."""

    due: "list[Due]" = field(default_factory=list)
    is_brief: bool = False
    """Too many readers to say a line of each."""
    unmade: set[str] = field(default_factory=set)
    barred: set[str] = field(default_factory=set)
    """Whose address is suppressed: the operator knows, and no run is at fault."""
    waiting: set[str] = field(default_factory=set)
    """Who waits for a list."""
    in_vain: dict[str, date] = field(default_factory=dict)
    """Who would wait, but did so on this day, and no run came for the mail."""


@dataclass(frozen=True, slots=True)
class _Making:
    """Every message is made and stored before the first one is sent."""

    loaded: Configuration
    database: "Database"
    world: World

    def make(self, readers: Sequence[Profile], *, named: bool) -> _Made:
        """Put a message for each reader's day into the outbox, as far as there is one."""
        from digest.making import decided, make

        now = self.world.now()
        made = _Made(is_brief=len(readers) > FEW and not named)
        made.due = [(one, day) for one in readers if (day := self._due(one, now, named, made.is_brief))]
        self._forget(now)
        if not named:
            self._give_up_strangers(made, now)
        if not made.due:
            return made
        makers = self._makers(now, made, may_wait=not named)
        editions = decided(self.database, made.due, makers({}))
        written = summarise(self.loaded, self.database, editions, self.world)
        with counting("making editions") if made.is_brief else silence() as tell:
            heard = _Heard(made, tell)
            make(self.database, made.due, makers(written), now, heard)
        if made.in_vain:
            warn(_in_vain(made))
        return made

    def _due(self, profile: Profile, now: datetime, named: bool, is_brief: bool) -> date | None:
        """The day to serve this reader, or `None` on a day that is not among the reader's."""
        day = day_of(profile, now)
        if day.weekday() in profile.days or named:
            return day
        if not is_brief:
            weekday = WEEKDAYS[day.weekday()]
            say(f"{profile.name}: none today ({weekday} is not among this reader's days)")
        return None

    def _forget(self, now: datetime) -> None:
        """Let go of the data of old messages, which is most of the store."""
        from digest.store.deliveries import prune

        with self.database.begin() as connection:
            prune(connection, now.date() - timedelta(days=KEEP_DAYS))

    def _give_up_strangers(self, made: _Made, now: datetime) -> None:
        """Readers without a profile; one that cannot be read just now is a profile."""
        from digest.making import give_up_strangers

        folder = self.loaded.path(self.loaded.settings.profiles)
        known = {path.stem for path in folder.glob("*.toml")}
        with silence() as tell:
            give_up_strangers(self.database, known, now, _Heard(made, tell))

    def _makers(
        self, now: datetime, made: _Made, *, may_wait: bool
    ) -> "Callable[[Mapping[str, Summary]], Makers]":
        """What makes the messages, given the summaries there are."""
        from digest.completeness import waits_for
        from digest.holdings import stored_readers
        from digest.making import Makers
        from digest.pipeline import make_editions, make_message
        from digest.store.editions import ended_waiting
        from digest.tiers import with_summaries

        loaded, embeds = self.loaded, self.loaded.settings.embedding is not None
        shelf, renderer, sender = self._shelf(now), setup.renderer(loaded), setup.sender(loaded)
        addressed = traced(loaded)

        def decide(connection: "Connection", due: "Sequence[Due]") -> list[Edition]:
            readers = stored_readers(connection, due, embeds=embeds)
            days = [day for _, day in due]
            return make_editions(list(zip(readers, days, strict=True)), shelf, now=now)

        before = {profile.name: day for profile, day in made.due if profile.wait_until}
        with self.database.read() as connection:
            in_vain = ended_waiting(connection, before, now.date() - IN_VAIN_FOR)

        def waits(profile: Profile) -> tuple[Note, ...]:
            lists = waits_for(profile, shelf.incomplete, now) if may_wait else ()
            if lists and profile.name in in_vain:
                made.in_vain[profile.name] = in_vain[profile.name]
                return ()
            return lists

        def with_written(written: Mapping[str, Summary]) -> Makers:
            def compose(edition: Edition) -> Message | None:
                message = make_message(with_summaries(edition, written), renderer, sender)
                return addressed(message) if message else None

            return Makers(decide=decide, compose=compose, waits=waits)

        return with_written

    def _shelf(self, now: datetime) -> "Shelf":
        from digest.holdings import stored_shelf

        sources = {source.name: source.grows for source in setup.sources(self.loaded, self.world)}
        with working("scoring papers"), self.database.read() as connection:
            days, model = self.loaded.settings.window_days, embedding_model(self.loaded, self.world)
            return stored_shelf(connection, sources, window_days=days, now=now, model=model)


@dataclass(frozen=True, slots=True)
class _Heard:
    """Says what making tells."""

    made: _Made
    progress: Callable[[int, int], None]

    def __call__(self, event: "Event") -> None:
        from digest.making import Barred, GivenUp, Progress, Waits

        if isinstance(event, Progress):
            self.progress(event.done, event.of)
        elif isinstance(event, GivenUp):
            one = event.delivery
            say(f"{one.profile}: gave up the edition of {one.day}: {one.reply}")
        elif isinstance(event, Barred):
            self.made.barred.add(event.profile.name)
        elif isinstance(event, Waits):
            self.made.waiting.add(event.profile.name)
            if not self.made.is_brief:
                say(f"{event.profile.name}: {event.reason}")
        else:
            self.made.unmade.add(event.profile.name)
            if isinstance(event.problem, DigestError):
                say(f"{event.profile.name}: failed")
                complain(event.problem)
            else:
                say(f"{event.profile.name}: failed, by a fault in Digest; please report what follows")
                note(event.trace)


def _in_vain(made: _Made) -> str:
    last, names = max(made.in_vain.values()), sorted(made.in_vain)
    who = ", ".join(names) if len(names) <= FEW else f"{len(names):,} readers"
    return (
        f"{who}: no waiting for lists, as the edition of {last} waited, and no `digest send` came after the "
        "hour of wait_until: cron has to run it then, too"
    )


# ---------------------------------------------------------------- how the days stand


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stand:
    """How the days stand that were to be served."""

    are_well: bool
    """What an earlier run found that may have arrived is no failure of this one."""
    sent: int
    of: int
    waiting: int
    """Readers who wait for a list."""

    @property
    def line(self) -> str:
        """The sum of a run that sent nothing."""
        all_or_some = "all" if self.sent == self.of else f"{self.sent:,} of {self.of:,}"
        before = f"; {all_or_some} were sent before" if self.sent else ""
        if self.waiting:
            return f"{self.waiting:,} of {self.of:,} wait for a list{before}"
        return f"nothing waits{before}"


def _close(database: "Database", made: _Made, named: frozenset[str]) -> _Stand:
    """Say how the days stand of which nothing was said yet."""
    well, waiting, sent = not made.unmade, [], 0
    for one in _days(database, made.due):
        sent += one.outcome is Outcome.SENT
        if one.outcome is Outcome.READY:
            waiting.append(one.profile)
        elif not made.is_brief and one.profile not in named | made.unmade | made.waiting:
            say(f"{one.profile}: {_before(one)}")
        if one.outcome in (Outcome.READY, Outcome.FAILED):
            well = well and one.profile in made.barred
    if waiting and not made.is_brief:
        say(f"not everything could be sent now; the next run tries again: {', '.join(waiting)}")
    return _Stand(are_well=well, sent=sent, of=len(made.due), waiting=len(made.waiting))


def _before(day: "Day") -> str:
    if day.outcome is Outcome.SENT:
        return f"sent before ({day.reason})"
    return f"{day.outcome.value} ({day.reason}); nothing to send"


def _days(database: "Database", due: "Sequence[Due]") -> "Iterable[Day]":
    """How the days stand that were to be served, in the readers' order."""
    from digest.store.editions import days

    for start in range(0, len(due), DAYS_AT_ONCE):
        some = {profile.name: day for profile, day in due[start : start + DAYS_AT_ONCE]}
        with database.read() as connection:
            found = {
                one.profile: one
                for one in days(connection, some, since=min(some.values()))
                if one.day == some[one.profile]
            }
        yield from (found[name] for name in some if name in found)
