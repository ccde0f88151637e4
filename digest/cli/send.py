"""`digest send`: one pass for cron, systemd timers and hands: fetch, make, send, say how each day stands."""

import os
import secrets
import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import chain, repeat
from typing import TYPE_CHECKING

import click

from digest.cli import setup
from digest.cli.bounces import read_before_sending
from digest.cli.delivering import Told, deliver, settle_first
from digest.cli.harvesting import BUSY, fetch_all, harvest_due, is_all_down
from digest.cli.interrupts import interruptible
from digest.cli.making import Made, Making, clock_is_behind, make_due, on_screen
from digest.cli.screen import complain, note, say, warn, working
from digest.cli.tiers import embed
from digest.cli.world import World
from digest.config import Configuration
from digest.errors import ExitCode, StoreError, UsageError
from digest.model import DeliveryState, Outcome, Profile
from digest.outcome import day_of, name_of, paused
from digest.schedule import has_edition, is_edition_day, is_paused

if TYPE_CHECKING:
    from digest.cli.watching import WatchEvent
    from digest.making import Due
    from digest.outbox import Rules
    from digest.store.database import Database
    from digest.store.editions import Day
    from digest.store.harvests import Harvest

FEW = 20
"""Up to so many readers, each has a line of its own."""
DAYS_AT_ONCE = 500
MOST_UNDER_WAY = 100_000
"""No process has so many messages under way at once."""
IN_VAIN_FOR = timedelta(days=7)
"""So long a reader who waited in vain does not wait: cron is as it was."""
WAIT_FOR_HARVEST = timedelta(minutes=5)
"""So long a pass waits for another process that reads the sources."""
LOOK_EVERY_S = 1.0
BUSY_MAKING = "another process of Digest makes editions; waiting for it to end"


@click.command()
@click.argument("profiles", nargs=-1, metavar="[PROFILE...]")
@click.option("--due", is_flag=True, help="Only what is due by now: sources, editions, deliveries.")
@click.option("--no-fetch", is_flag=True, help="Use what is stored; do not read the sources first.")
@click.option(
    "--wait",
    type=click.FloatRange(min=0, max=24 * 60),
    metavar="MINUTES",
    help="Wait so long for what can go later, instead of [delivery] patience_s.",
)
@click.pass_context
def send(
    ctx: click.Context, profiles: tuple[str, ...], due: bool, no_fetch: bool, wait: float | None
) -> None:
    """Make today's editions and send them, once.

    For all readers, whatever their hour, or those named. A reader who has no edition today, by `days`,
    `every` or a pause, is passed over unless named. A second run of the same day sends nothing; a message
    that could not be sent waits and is tried again by the next run of the day. Readers with `wait_until` who
    are not named wait until then for lists that have not reached their usual number.

    With --due, for a timer that comes every few minutes: one pass of `digest run`. It reads the sources whose
    time has come, makes the editions of readers whose hour has come, sends what is due, and calls the
    operator about what is overdue.

    Exit code 6: a message was not delivered, or not made; 3: a profile could not be used (with --due: once a
    day, when its reader's day fails by it); 4: no source could be read; 5: the store could not be used.
    """
    if due and profiles:
        raise UsageError("--due serves those who are due", fix="Leave it out, or the readers' names")
    world: World = ctx.obj
    loaded = setup.configuration(ctx)
    readers = setup.chosen_profiles(loaded, profiles)
    relays = setup.relays(loaded, world)
    rules = setup.rules(loaded, world, profiles=[one.name for one in readers] if profiles else None)
    rules = rules if wait is None else replace(rules, patience_s=60 * wait)
    with setup.open_store(loaded) as database:
        run = _Run(loaded, database, world, rules)
        with interruptible("ended before anything was sent", _ENDED):
            made = run.of_who_is_due(no_fetch) if due else run.of_today(readers, no_fetch, bool(profiles))
        told = deliver(database, relays, rules, world, is_brief=run.is_brief, cut_off=run.cut_off)
        days = _close(database, made, told.named, is_brief=run.is_brief)
        all_well = told.is_well and days.are_well
        _sum_up(told, days, is_brief=run.is_brief, is_idle=due and not made.due)
        if due:
            run.watch(made)
        is_whole = not run.unusable(made) if due else bool(profiles) or not loaded.problems
    if code := _code(run, is_well=all_well, is_whole=is_whole):
        sys.exit(code)


_ENDED = "Run it again: what was made waits, the rest is made, and all is sent"


def _code(run: "_Run", *, is_well: bool, is_whole: bool) -> ExitCode:
    """The first that applies, the gravest first."""
    if run.problem:
        return ExitCode.STORE
    if not is_well:
        return ExitCode.DELIVERY
    if not is_whole:
        return ExitCode.CONFIGURATION
    return ExitCode.INPUT if run.is_blind else ExitCode.OK


# ---------------------------------------------------------------- one pass


@dataclass(slots=True)
class _Run:
    """A pass until everything is made; what is said of it goes to the screen."""

    loaded: Configuration
    database: "Database"
    world: World
    rules: "Rules"
    is_brief: bool = False
    """Too many readers to say a line of each."""
    is_blind: bool = False
    """No source that was to be read could be."""
    problem: StoreError | None = None
    """Why nothing could be stored: nothing is made then, and what waits is sent."""
    cut_off: int = 0
    owner: str = ""
    """The name of this pass, which no other has."""

    def of_today(self, readers: Sequence[Profile], no_fetch: bool, named: bool) -> Made:
        """Editions of today of these readers, whatever their hour."""
        from digest.store.lock import at_work

        self.is_brief = len(readers) > FEW and not named
        # Now, as the files were read just now: while sources are read and others make, they may change.
        self._settle_plans(only=readers if named else None)
        if not no_fetch:
            with at_work(self.loaded.store, "harvest", waiting=lambda: note(BUSY)):
                self._read(lambda: fetch_all(self.loaded, self.database, self.world))
        # One process makes; sending needs no such lock: each message is claimed.
        with at_work(self.loaded.store, "editions", waiting=lambda: note(BUSY_MAKING)):
            self._make_ready(is_read=True)
            return Made() if self.problem else self._make(readers, named)

    def of_who_is_due(self, no_fetch: bool) -> Made:
        """Editions of readers whose hour has come; what was missed while nothing ran is said before."""
        from digest.cli.harvest_events import on_screen as harvest_on_screen

        self.is_brief = len(self.loaded.profiles) > FEW
        # Before readers who are new have turns: they have missed nothing.
        self._begin()
        self._settle_plans()
        has_read = False
        if not no_fetch:
            with harvest_on_screen() as tell:
                has_read = self._read(lambda: harvest_due(self.loaded, self.database, self.world, tell))
        if not has_read:
            self._await_others()
        self._make_ready(is_read=has_read)
        if self.problem:
            return Made()
        with on_screen(is_brief=self.is_brief) as heard:
            return make_due(self.loaded, self.database, self.world, heard)

    def watch(self, made: Made) -> None:
        """Call the operator about what is overdue, and end.

        Not about what another process makes at this moment, nor, so soon, about what was told as missed.
        """
        from digest.cli.watching import watch
        from digest.store import services

        began_at = self.world.now() if made.is_elsewhere else self._catches_up_since()
        watch(self.loaded, self.database, self.world, _watched, began_at=began_at)
        with self.database.begin() as connection:
            services.end(connection, self.owner, self.world.now())

    def _begin(self) -> None:
        """Say what was missed since the last pass ended, and that this one is at work."""
        from digest.cli.watching import report_gap
        from digest.store import services

        now = self.world.now()
        with self.database.read() as connection:
            last_seen = services.last_seen(connection, now)
        report_gap(self.loaded, self.database, self.world, _watched, last_seen, by_passes=True)
        self.owner = f"{services.BY_TIMER}{secrets.token_hex(8)}"
        row = services.ServiceRow(
            owner=self.owner, host=socket.gethostname(), pid=os.getpid(), began_at=now, seen_at=now
        )
        with self.database.begin() as connection:
            services.begin_pass(connection, row)

    def _catches_up_since(self) -> datetime | None:
        """When a gap was told, by this pass or one shortly before it: there is as much time to catch up."""
        from digest.alarm import GAP
        from digest.cli.watching import grace_of
        from digest.store.relays import alarms

        now = self.world.now()
        lately = now - grace_of(self.loaded)
        with self.database.read() as connection:
            told = [one.at for one in alarms(connection) if one.kind == GAP and lately <= one.at <= now]
        return max(told, default=None)

    def unusable(self, made: Made) -> bool:
        """Whether a profile cannot be used that failed now, or was never usable: the rest was said before."""
        from digest.store.turns import turns_of

        broken = self._files() - {one.name for one in self.loaded.profiles}
        with self.database.read() as connection:
            known = turns_of(connection, broken)
        return bool(made.unusable) or not broken <= known.keys() or not self._files()

    def _await_others(self) -> None:
        """Let another process that reads the sources end first, if somebody is due: what is new would be
        missing.
        """
        from digest.store.lock import at_work
        from digest.store.turns import next_turn_at

        with self.database.read() as connection:
            first = next_turn_at(connection)
        if first is None or first > self.world.now():
            return
        until = self.world.now() + WAIT_FOR_HARVEST
        for is_first in chain((True,), repeat(False)):
            with at_work(self.loaded.store, "harvest", waiting=None) as is_free:
                if is_free or self.world.now() >= until:
                    return
            if is_first:
                note(BUSY)
            self.world.sleep(LOOK_EVERY_S)

    def _read(self, harvest: "Callable[[], Sequence[Harvest]]") -> bool:
        """Whether there was something to be read; why it could not be stored is said at once."""
        try:
            done = harvest()
        except StoreError as problem:
            complain(problem)
            note("no edition is made of what could not be stored; what waits is sent")
            self.problem = problem
            return False
        self.is_blind = bool(done) and is_all_down(done)
        return bool(done)

    def _make_ready(self, *, is_read: bool) -> None:
        if not self.problem:
            if is_read:
                embed(self.loaded, self.database, self.world)
            read_before_sending(self.loaded, self.world, self.database)
        self.cut_off = settle_first(self.database, self.rules, self.world)

    def _settle_plans(self, only: Sequence[Profile] | None = None) -> None:
        """Who is due when, as all profiles want it, or those of `only` some.

        One whose profile cannot be read just now has a profile. Where there is no file at all the folder is
        not the one it should be (not mounted, say): its readers keep their turns.
        """
        from digest.store.turns import plans
        from digest.turns import settle_plans

        if not self._files():
            return
        with self.database.begin() as connection:
            kept = self._files() if only is None else frozenset(plans(connection))
            profiles = self.loaded.profiles if only is None else only
            is_settled = settle_plans(connection, profiles, kept, self.world.now())
        if not is_settled:
            warn(clock_is_behind(self.world.now()))

    def _files(self) -> frozenset[str]:
        """The readers who have a file."""
        folder = self.loaded.path(self.loaded.settings.profiles)
        return frozenset(path.stem for path in folder.glob("*.toml"))

    # ------------------------------------------------------------ today's editions

    def _make(self, readers: Sequence[Profile], named: bool) -> Made:
        """Put a message for each reader's day into the outbox, as far as there is one."""
        with on_screen(is_brief=self.is_brief) as tell:
            making = Making(self.loaded, self.database, self.world, tell, working)
            if named:
                self._serve(making, readers, named=True)
            else:
                making.give_up_late()
                self._state_paused(making, readers)
                self._serve(making, readers, named=False)
                making.settle_due()
        if making.made.in_vain:
            warn(_waited_in_vain(making.made))
        return making.made

    def _serve(self, making: Making, readers: Sequence[Profile], *, named: bool) -> None:
        now, names = self.world.now(), [one.name for one in readers]
        still_open = {profile.name: day for profile, day in making.settle(names)}
        days = [(one, self._day(one, still_open.get(one.name), now, named)) for one in readers]
        due = [(profile, day) for profile, day in days if day]
        making.make(due, now, may_wait=not named, in_vain=self._in_vain(due, now))
        making.settle(names)

    def _state_paused(self, making: Making, readers: Sequence[Profile]) -> None:
        from digest.turns import state_paused

        now = self.world.now()
        todays = ((one, day_of(one, now)) for one in readers)
        paused = [(one, day) for one, day in todays if is_edition_day(one, day) and is_paused(one, day)]
        state_paused(self.database, paused, now, making.hear)

    def _day(self, profile: Profile, is_open: date | None, now: datetime, named: bool) -> date | None:
        """The day to serve this reader: today, or that of a turn that `is_open`; `None` if there is none."""
        today = day_of(profile, now)
        if has_edition(profile, today):
            return today
        why = _why_none(profile, today)
        if named:
            say(f"{profile.name}: an edition of today, as asked for, though {why}")
            return today
        if is_open is None and not self.is_brief:
            say(f"{profile.name}: none today ({why})")
        return is_open

    def _in_vain(self, due: "Sequence[Due]", now: datetime) -> dict[str, date]:
        """Who waited for a list in the last days, and no run came for the mail."""
        from digest.store.editions import ended_waiting

        before = {profile.name: day for profile, day in due if profile.wait_until}
        with self.database.read() as connection:
            return ended_waiting(connection, before, now.date() - IN_VAIN_FOR)


def _why_none(profile: Profile, day: date) -> str:
    """Why a reader has no edition on this day."""
    if profile.pause and is_paused(profile, day):
        return paused(profile.pause, day, profile.name)
    if day.weekday() not in profile.days:
        return f"{day:%A} is not among this reader's days"
    return f"this reader's edition of the {profile.every} has another day"


def _waited_in_vain(made: Made) -> str:
    last, names = max(made.in_vain.values()), sorted(made.in_vain)
    who = ", ".join(names) if len(names) <= FEW else f"{len(names):,} readers"
    return (
        f"{who}: no waiting for lists, as the edition of {last} waited, and no `digest send` came after the "
        "hour of wait_until: cron has to run it then, too"
    )


def _watched(event: "WatchEvent") -> None:
    """What is overdue, or no more, or was missed."""
    from digest.cli.watching import Over, Untold

    match event:
        case Over():
            note(f"overdue no more: {event.about}")
        case Untold():
            warn(event.problem)
        case _:
            warn(event.line)


# ---------------------------------------------------------------- how the days stand


def _sum_up(told: Told, days: "_Stand", *, is_brief: bool, is_idle: bool) -> None:
    """Of a pass to which nobody was due nothing is said: cron mails whatever is."""
    if told.needs:
        say(told.needs)
    if told.line and is_brief and days.waiting:
        say(f"{days.waiting:,} wait for a list")
    if told.line or not is_idle:
        say(told.line or days.line)


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


def _close(database: "Database", made: Made, named: frozenset[str], *, is_brief: bool) -> _Stand:
    """Say how the days stand of which nothing was said yet."""
    failed, ready, sent = bool(made.unmade), [], 0
    for one in _days(database, made.due):
        sent += one.outcome is Outcome.SENT
        if one.outcome is Outcome.READY:
            ready.append(one)
        elif not is_brief and one.profile not in named | made.unmade | made.waiting:
            say(f"{one.profile}: {_before(one)}")
        failed = failed or (one.outcome is Outcome.FAILED and one.profile not in made.barred)
    elsewhere = _sent_elsewhere(database) if ready else frozenset()
    waiting = [one.profile for one in ready if (one.profile, one.day) not in elsewhere]
    if len(waiting) < len(ready):
        say(f"another process of Digest is sending {len(ready) - len(waiting):,}")
    if waiting and not is_brief:
        say(f"not everything could be sent now; the next run tries again: {', '.join(waiting)}")
    are_well = not failed and made.barred.issuperset(waiting)
    return _Stand(are_well=are_well, sent=sent, of=len(made.due), waiting=len(made.waiting))


def _sent_elsewhere(database: "Database") -> frozenset[tuple[str, date]]:
    """The readers' days whose messages are under way, when this process has none under way any more."""
    from digest.store.record import overview

    with database.read() as connection:
        found = overview(connection, states=[DeliveryState.SENDING], most=MOST_UNDER_WAY)
    return frozenset((one.profile, one.day) for one in found)


def _before(day: "Day") -> str:
    if day.outcome is Outcome.SENT:
        return f"sent before ({day.reason})"
    return f"{name_of(day.outcome)} ({day.reason}); nothing to send"


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
