"""The last part of a pass: what is overdue is told, and at the start, what was missed while nothing ran."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from digest.cli import setup
from digest.cli.calling import call_a_person, call_without_record
from digest.cli.world import World
from digest.config import Configuration
from digest.settings.mail import OVERDUE_MINUTES

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from digest.overdue import Flow, Gap, Overdue, Unsettled
    from digest.store.database import Database
    from digest.store.relays import Alarm

A_MINUTE = timedelta(minutes=1)
STILL_OPEN = timedelta(days=2)
"""A turn that is open is looked at each hour: what was looked at last before that is none any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Over:
    """Nothing is overdue any more that was told as such."""

    about: str
    """The day, and what its editions lacked: `2026-08-21 relay`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Untold:
    """The operator could not be told of something."""

    problem: str


if TYPE_CHECKING:
    WatchEvent = Overdue | Over | Gap | Untold
    Tell = Callable[[WatchEvent], None]


def watch(
    loaded: Configuration,
    database: "Database",
    world: World,
    tell: "Tell",
    *,
    began_at: datetime | None = None,
    gaps: "Sequence[Gap]" = (),
) -> "tuple[Overdue, ...]":
    """Call a person about editions that are overdue: once a day for each thing they lack.

    `began_at`: since when Digest is at work; what it missed before is `report_gap`'s matter. Of its `gaps`
    those are told now that no channel would take then. `tell` hears what the operator is told. Returns all
    that is overdue now, told before or not.
    """
    from digest.alarm import OVERDUE, no_more_overdue, of_overdue, take
    from digest.overdue import overdue

    now, grace = world.now(), grace_of(loaded)
    found = _unsettled(loaded, database, world, grace, began_at)
    late, known = overdue(found, grace=grace, now=now), _alarms(database)
    _tell_again(loaded, database, world, tell, known, gaps)
    if not (late or any(one.kind == OVERDUE for one in known)):
        return ()
    with database.begin() as connection:
        over = no_more_overdue(connection, found)
        taken = {one: [each for each in of_overdue(one) if take(connection, each, now)] for one in late}
    for about in over:
        tell(Over(about=about))
    for one, alarms in taken.items():
        if alarms:
            tell(one)
            # They say the same: one of them is sounded.
            for problem in call_a_person(loaded, database, world, alarms[:1], alike=alarms[1:]):
                tell(Untold(problem=problem))
    return late


def report_gap(
    loaded: Configuration,
    database: "Database",
    world: World,
    tell: "Tell",
    last_seen: datetime | None,
    *,
    was_there: bool = False,
    by_passes: bool = False,
) -> "Gap | None":
    """Say what was due while nothing ran, before it is made up for; a person is called if it was too much.

    `last_seen`: when Digest was last at work; where that is not known (`None`), only lateness is told.
    `was_there`: whether a process was there all the time, but asleep, or without its store. `by_passes`:
    whether passes come by a timer, so that a time without one is nothing to be told of by itself.
    """
    from digest.alarm import forget_gaps, of_gap, take

    now, grace = world.now(), grace_of(loaded)
    gap = _gap(loaded, database, last_seen, now)
    gap = gap and replace(gap, was_there=was_there, is_seen=gap.is_seen and not by_passes)
    if gap is None or not (gap.is_seen or gap.calls_a_person(grace)):
        return None
    alarm = of_gap(gap)
    with database.begin() as connection:
        forget_gaps(connection, but=alarm)
        is_to_be_told = gap.calls_a_person(grace) and take(connection, alarm, now)
    if gap.is_seen or is_to_be_told:
        tell(gap)
    if is_to_be_told:
        for problem in call_a_person(loaded, database, world, [alarm]):
            tell(Untold(problem=problem))
    return gap


def call_for_the_store(
    loaded: Configuration, world: World, place: str, problem: str, since: datetime
) -> tuple[str, ...]:
    """Call a person though nothing can be put on record; returns what went wrong with that."""
    from digest.alarm import of_store

    return call_without_record(loaded, world, of_store(problem, place, since))


def _tell_again(
    loaded: Configuration,
    database: "Database",
    world: World,
    tell: "Tell",
    known: "Sequence[Alarm]",
    gaps: "Sequence[Gap]",
) -> None:
    from digest.alarm import take, untold_gaps

    if not (untold := untold_gaps(known, gaps)):
        return
    with database.begin() as connection:
        taken = [one for one in untold if take(connection, one, world.now())]
    taken.sort(key=lambda one: one.about)
    # The newest speaks for those before it: who could not be told for weeks is not called forty times.
    for problem in call_a_person(loaded, database, world, taken[-1:], alike=taken[:-1]) if taken else ():
        tell(Untold(problem=problem))


def grace_of(loaded: Configuration) -> timedelta:
    """How late an edition may be before a person is called."""
    table = loaded.settings.alarm
    return timedelta(minutes=table.overdue_minutes if table else OVERDUE_MINUTES)


def _unsettled(
    loaded: Configuration,
    database: "Database",
    world: World,
    grace: timedelta,
    began_at: datetime | None,
) -> "tuple[Unsettled, ...]":
    from digest.overdue import MOST, unsettled
    from digest.store.overdue import Found, find
    from digest.store.relays import healths

    now = world.now()
    with database.read() as connection:
        found = find(connection, due_before=now - grace, looked_at_since=now - STILL_OPEN, most=MOST + 1)
        relays = healths(connection) if found.unsent else ()
        troubled = {one.name for one in relays if one.failure}
        flows = _flows(connection, loaded, world, troubled, now) if found.unsent else ()
    if found == Found():
        return ()
    profiles = {profile.name: profile for profile in loaded.profiles}
    return unsettled(found, profiles, relays, flows=flows, began_at=began_at, now=now)


def _flows(
    connection: "Connection", loaded: Configuration, world: World, troubled: Collection[str], now: datetime
) -> "tuple[Flow, ...]":
    """The relays that took a message within the last minute, or whose limits are used up."""
    from digest.overdue import Flow
    from digest.pace import allowance, lasts
    from digest.store.relays import taken
    from digest.store.waiting import waiting

    ours = {one.name: one.limits for one in world.relays or ()} or setup.relay_limits(loaded)
    flows, number = [], waiting(connection)
    for name, limits in ours.items():
        used = taken(connection, name, now)
        full = allowance(limits, used, 1).full
        if name not in troubled and (used.minute or full):
            is_full = f"{full[0]} of {name}" if full else ""
            flows.append(Flow(needs=lasts(limits, number), is_full=is_full))
    return tuple(flows)


def _alarms(database: "Database") -> "tuple[Alarm, ...]":
    from digest.store.relays import alarms

    with database.read() as connection:
        return alarms(connection)


def _gap(
    loaded: Configuration, database: "Database", last_seen: datetime | None, now: datetime
) -> "Gap | None":
    from digest.overdue import MOST, gap_of, lately
    from digest.store.editions import with_messages
    from digest.store.overdue import Found, tried_days, unsent, untouched
    from digest.store.suppressions import suppressed

    profiles = {profile.name: profile for profile in loaded.profiles}
    with database.read() as connection:
        # What is due just now was not missed.
        turns, waiting = untouched(connection, now - A_MINUTE, MOST + 1), unsent(connection, now, MOST + 1)
        days = [(one.profile, one.day) for one in turns]
        settled, tried = {*with_messages(connection, days)}, tried_days(connection, days)
        addresses = {name: profiles[name].email for name, _ in days if name in profiles}
        barred = suppressed(connection, set(addresses.values()))
    settled.update((name, day) for name, day in days if addresses.get(name) in barred)
    found = Found(untouched=turns, unsent=waiting)
    still = lately(loaded.settings.run.tick_s)
    return gap_of(found, profiles, settled=settled, tried=tried, last_seen=last_seen, still=still, now=now)
