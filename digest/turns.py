"""Turns taken: who is due by the table of turns, and how the days ended of which nothing was made."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo

from digest.model import Edition, Outcome, Pause, Profile
from digest.outcome import paused
from digest.schedule import A_DAY, Agenda, agenda, local_day, moment, plan_of, planned, turn_of
from digest.store.database import Database
from digest.store.editions import Day, days, record_outcomes
from digest.store.suppressions import suppressed
from digest.store.turns import TurnRow, due_turns, forget_turns, locked_turns, plans, put_turns, turns_after
from digest.text import clean

if TYPE_CHECKING:
    from sqlalchemy import Connection

AT_ONCE = 500
"""Readers whose record is read, and whose days are stated, in one transaction."""
LOOK_AGAIN = timedelta(minutes=5)
"""At who waits for a list."""
TRY_AGAIN = timedelta(hours=1)
"""With what could not be made."""
FARTHEST = timedelta(days=45)
"""A turn so far ahead follows from a clock that was wrong: no month is that long."""
MAX_REASON = 500
COMES_AGAIN = "its papers come in the next edition"

T = TypeVar("T")
Due = tuple[Profile, date]
"""A reader and the day to serve."""

SETTLED = frozenset({Outcome.QUIET, Outcome.NO_LIST, Outcome.SOURCE_DOWN, Outcome.PAUSED, Outcome.EXPIRED})
"""What ends a day without a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """Who has a profile."""

    usable: Mapping[str, Profile]
    why_not: Callable[[str], str]
    """What is the matter with the file of one whose profile is not usable; empty if nothing is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """How a reader's day stands, of which no edition was made."""

    profile: Profile
    day: date
    outcome: Outcome
    reason: str


Tell = Callable[[Stated], None]


# ---------------------------------------------------------------- the table as the profiles want it


def settle_plans(
    connection: "Connection", profiles: Iterable[Profile], broken: Collection[str], now: datetime
) -> None:
    """Give each reader a turn: the next one to who is new, a look at the next pass to whose schedule changed.

    Whose profile is gone loses it. Whose file is `broken` just now keeps the one that was.
    """
    known, far = plans(connection), turns_after(connection, now + FARTHEST)
    new: list[TurnRow] = []
    changed: dict[str, tuple[str, date]] = {}
    for profile in profiles:
        before, plan = known.pop(profile.name, None), plan_of(profile)
        if before is None:
            new.extend(_first_turn(profile, plan, now))
        elif before != plan or profile.name in far:
            changed[profile.name] = (plan, local_day(profile.timezone, now))
    put_turns(connection, new)
    for some in _lots(changed):
        looked_at = (
            replace(row, day=min(row.day, changed[row.profile][1]), due_at=now, plan=changed[row.profile][0])
            for row in locked_turns(connection, some)
        )
        put_turns(connection, list(looked_at))
    forget_turns(connection, known.keys() - frozenset(broken))


def _first_turn(profile: Profile, plan: str, now: datetime) -> Iterator[TurnRow]:
    """Of a reader who is new: today's, if it is not over."""
    found = agenda(profile, last=None, now=now)
    turn = found.turn or found.following
    if turn:
        yield TurnRow(profile=profile.name, day=turn.day, due_at=turn.due_at, plan=plan)


# ---------------------------------------------------------------- days without an edition


def settle_due(database: Database, readers: Readers, now: datetime, tell: Tell) -> list[Due]:
    """Settle whoever is due, as far as that needs no edition; returns of whom one is to be made now."""
    due: list[Due] = []
    after: TurnRow | None = None
    while True:
        with database.read() as connection:
            rows = due_turns(connection, now, AT_ONCE, after=after)
        if not rows:
            return due
        due += _settle(database, [row.profile for row in rows], readers, now, tell)
        after = rows[-1]


def settle(
    database: Database, names: Iterable[str], readers: Readers, now: datetime, tell: Tell
) -> list[Due]:
    """The same for readers by name, due or not.

    To be called again when their editions were made: a day that is settled gives way to the next turn, and
    one that is not is looked at again later. All of this follows from the record alone, and can be repeated.
    """
    due: list[Due] = []
    for some in _lots(names):
        due += _settle(database, some, readers, now, tell)
    return due


def state_paused(database: Database, due: Iterable[Due], now: datetime, tell: Tell) -> None:
    """State days of a pause, be it before their hour, unless they are settled."""
    for some in _lots(due):
        with database.begin() as connection:
            record = days(
                connection, (profile.name for profile, _ in some), since=min(day for _, day in some)
            )
            settled = {(one.profile, one.day) for one in record if is_settled(one)}
            stated = [_paused(profile, day) for profile, day in some if (profile.name, day) not in settled]
            _state(connection, stated, now)
        for one in stated:
            tell(one)


def is_settled(day: Day) -> bool:
    """Whether a day needs nothing more: there is a message, however it stands, or there shall be none."""
    return day.subject is not None or day.outcome in SETTLED


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A reader whose turn is looked at."""

    row: TurnRow
    profile: Profile
    """Of one whose file cannot be used, as far as her schedule is known."""
    why_not: str
    record: Mapping[date, Day]
    agenda: Agenda


def _settle(
    database: Database, names: Sequence[str], readers: Readers, now: datetime, tell: Tell
) -> list[Due]:
    with database.begin() as connection:
        cases = _cases(connection, locked_turns(connection, names), readers, now)
        barred = suppressed(connection, (one.profile.email for one in cases if one.agenda.passed))
        stated = [day for one in cases for day in _ended(one, now, is_barred=one.profile.email in barred)]
        _state(connection, stated, now)
        moved = [(one.row, _next(one, now)) for one in cases]
        put_turns(connection, [new for row, new in moved if new and new != row])
        forget_turns(connection, [row.profile for row, new in moved if new is None])
    for day in stated:
        tell(day)
    return [(one.profile, one.agenda.turn.day) for one in cases if one.agenda.turn and not one.why_not]


def _cases(connection: "Connection", rows: Sequence[TurnRow], readers: Readers, now: datetime) -> list[_Case]:
    """Who is looked at: not those whose schedule this process, or the table, has yet to learn."""
    record: dict[str, dict[date, Day]] = {row.profile: {} for row in rows}
    for one in days(connection, record, since=min((row.day for row in rows), default=date.max)):
        record[one.profile][one.day] = one
    cases = []
    for row in rows:
        profile, why_not = readers.usable.get(row.profile), ""
        if profile is None:
            profile, why_not = planned(row.profile, row.plan), readers.why_not(row.profile)
            if not why_not:
                continue
        elif plan_of(profile) != row.plan:
            continue
        of_hers = record[row.profile]
        settled = {day for day, found in of_hers.items() if is_settled(found)}
        found = agenda(profile, last=row.day - A_DAY, now=now, settled=settled)
        cases.append(_Case(row=row, profile=profile, why_not=why_not, record=of_hers, agenda=found))
    return cases


def _next(case: _Case, now: datetime) -> TurnRow | None:
    """A reader's turn as it is to be on record: the one that is open, looked at again later, or the next."""
    if turn := case.agenda.turn:
        return replace(case.row, day=turn.day, due_at=min(_look_again(case, turn.day, now), turn.until))
    if turn := case.agenda.following:
        return replace(case.row, day=turn.day, due_at=turn.due_at)
    return None


def _look_again(case: _Case, day: date, now: datetime) -> datetime:
    found = case.record.get(day)
    if case.why_not or (found and found.outcome is Outcome.FAILED):
        return now + TRY_AGAIN
    if found is None:
        return case.row.due_at
    wait_until = case.profile.wait_until
    over = moment(day, wait_until, case.profile.timezone) if wait_until else now + LOOK_AGAIN
    return min(now + LOOK_AGAIN, over)


# ---------------------------------------------------------------- how they ended


def _ended(case: _Case, now: datetime, *, is_barred: bool) -> Iterator[Stated]:
    """What is to be said of days of which no edition is made, or cannot be."""
    for day in case.agenda.paused:
        yield _paused(case.profile, day)
    for day in case.agenda.passed:
        found = case.record.get(day)
        # Who gets no mail missed nothing: that the address is suppressed stays the reason.
        if not (is_barred and found and found.outcome is Outcome.FAILED):
            reason = f"{_missed(case, day, now)}; {COMES_AGAIN}"
            yield _stated(case.profile, day, Outcome.EXPIRED, reason)
    if case.agenda.turn and case.why_not:
        yield _stated(case.profile, case.agenda.turn.day, Outcome.FAILED, case.why_not)


def _missed(case: _Case, day: date, now: datetime) -> str:
    """Why there was no edition of a day."""
    found, turn = case.record.get(day), turn_of(case.profile, day)
    if found and found.outcome is Outcome.FAILED:
        return f"could not be made: {found.reason}"
    if found:
        return f"{found.reason}; no pass of Digest came after that"
    if now < turn.until:
        later = min(one for one, stands in case.record.items() if one > day and is_settled(stands))
        return f"the edition of {later} was made before this one"
    zone = ZoneInfo(case.profile.timezone)
    hours = (f"{at.astimezone(zone):%a %H:%M}" for at in (turn.due_at, turn.until))
    return f"no pass of Digest came between {' and '.join(hours)}"


def _paused(profile: Profile, day: date) -> Stated:
    pause = profile.pause or Pause()
    return _stated(profile, day, Outcome.PAUSED, paused(pause, day, profile.name))


def _stated(profile: Profile, day: date, outcome: Outcome, reason: str) -> Stated:
    return Stated(profile=profile, day=day, outcome=outcome, reason=clean(reason, MAX_REASON))


def _state(connection: "Connection", stated: Sequence[Stated], now: datetime) -> None:
    editions = (
        Edition(profile=one.profile, day=one.day, at=now, outcome=one.outcome, considered=0) for one in stated
    )
    rows = [(made, one.outcome, one.reason) for made, one in zip(editions, stated, strict=True)]
    record_outcomes(connection, rows, now)


def _lots(some: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(some)
    while lot := list(islice(rest, AT_ONCE)):
        yield lot
