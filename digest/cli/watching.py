"""The last part of a pass: what is overdue is told, and at the start, what was missed while nothing ran."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from digest.cli.calling import call_a_person
from digest.cli.world import World
from digest.config import Configuration
from digest.settings.mail import OVERDUE_MINUTES

if TYPE_CHECKING:
    from digest.overdue import Gap, Overdue, Unsettled
    from digest.store.database import Database

A_MINUTE = timedelta(minutes=1)
STILL_OPEN = timedelta(days=2)
"""A turn is open for less than a day and a half: what was looked at last before that is no turn any more."""


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
) -> "tuple[Overdue, ...]":
    """Call a person about editions that are overdue: once a day for each thing they lack.

    `began_at`: since when this process is at work; what it missed before is `report_gap`'s matter. `tell`
    hears what the operator is told. Returns all that is overdue now, told before or not.
    """
    from digest.alarm import no_more_overdue, of_overdue, take
    from digest.overdue import overdue

    now, grace = world.now(), _grace(loaded)
    found = _unsettled(loaded, database, now, grace, began_at)
    late = overdue(found, grace=grace, now=now)
    if not (late or _has_alarms(database)):
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
    loaded: Configuration, database: "Database", world: World, tell: "Tell", last_seen: datetime | None
) -> "Gap | None":
    """Say what was due while nothing ran, before it is made up for; a person is called if it was too much.

    `last_seen`: when Digest was last at work; where that is not known (`None`), only lateness is told.
    """
    from digest.alarm import forget_gaps, of_gap, take

    now, grace = world.now(), _grace(loaded)
    gap = _gap(loaded, database, last_seen, now)
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


def _grace(loaded: Configuration) -> timedelta:
    table = loaded.settings.alarm
    return timedelta(minutes=table.overdue_minutes if table else OVERDUE_MINUTES)


def _unsettled(
    loaded: Configuration,
    database: "Database",
    now: datetime,
    grace: timedelta,
    began_at: datetime | None,
) -> "tuple[Unsettled, ...]":
    from digest.overdue import MOST, unsettled
    from digest.store.overdue import Found, find
    from digest.store.relays import healths

    with database.read() as connection:
        found = find(connection, due_before=now - grace, looked_at_since=now - STILL_OPEN, most=MOST + 1)
        relays = healths(connection) if found.unsent else ()
    if found == Found():
        return ()
    profiles = {profile.name: profile for profile in loaded.profiles}
    return unsettled(found, profiles, relays, began_at=began_at, now=now)


def _has_alarms(database: "Database") -> bool:
    from digest.alarm import OVERDUE
    from digest.store.relays import alarms

    with database.read() as connection:
        return any(one.kind == OVERDUE for one in alarms(connection))


def _gap(
    loaded: Configuration, database: "Database", last_seen: datetime | None, now: datetime
) -> "Gap | None":
    from digest.overdue import MOST, gap_of
    from digest.store.editions import with_messages
    from digest.store.overdue import Found, unsent, untouched

    with database.read() as connection:
        # What is due just now was not missed.
        turns, waiting = untouched(connection, now - A_MINUTE, MOST + 1), unsent(connection, now, MOST + 1)
        made = with_messages(connection, ((one.profile, one.day) for one in turns))
    found = Found(untouched=turns, unsent=waiting)
    profiles = {profile.name: profile for profile in loaded.profiles}
    return gap_of(found, profiles, made=made, last_seen=last_seen, now=now)
