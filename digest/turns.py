"""Turns taken: who is due by the table of turns, and how the days ended of which nothing was made."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo

from digest.model import Edition, Outcome, Pause, Profile
from digest.outcome import SETTLED, comes_again, paused
from digest.schedule import (
    A_DAY,
    LOOKED_BACK,
    Agenda,
    agenda,
    is_paused,
    local_day,
    moment,
    plan_of,
    planned,
    turn_of,
)
from digest.store.database import Database
from digest.store.editions import Day, days, record_outcomes
from digest.store.overdue import failed_turns
from digest.store.suppressions import suppressed
from digest.store.turns import (
    TurnRow,
    due_turns,
    forget_turns,
    is_before_all,
    locked_turns,
    plans,
    put_turns,
    turns_after,
    turns_of,
)
from digest.text import clean

if TYPE_CHECKING:
    from sqlalchemy import Connection

AT_ONCE = 500
"""Readers whose record is read in one transaction."""
DAYS_AT_ONCE = 5_000
"""Days that are stated in one transaction, about: it takes a second where nothing ran for a year."""
LOOK_AGAIN = timedelta(minutes=5)
"""At who waits for a list."""
TRY_AGAIN = timedelta(hours=1)
"""With what could not be made."""
LONGEST_OPEN = timedelta(days=10)
"""No turn is open for so long."""
MAX_REASON = 500

T = TypeVar("T")
Due = tuple[Profile, date]
"""A reader and the day to serve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """Who has a profile."""

    usable: Mapping[str, Profile]
    why_not: Callable[[str], str]
    """What is the matter with the file of one whose profile is not usable; empty if nothing is known."""
    plan_now: Callable[[str], str] = lambda _name: ""
    """The schedule (`plan_of`) that a reader's file asks for at this moment; empty if it cannot be used. It
    tells whose is the newer one, where the table's is not that of `usable`."""


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
    connection: "Connection",
    profiles: Iterable[Profile],
    broken: Collection[str],
    now: datetime,
    *,
    again: Collection[str] = (),
) -> bool:
    """Give each reader a turn: the next one to who is new, a look at the next pass to whose schedule changed.

    The same look to whose edition failed, where that was by her file, and it can be used now, or she is among
    those to be tried `again`, and to whose turn a clock that was ahead put too far. Whose profile is gone
    loses it. Whose file is `broken` just now keeps the one that was. By a clock that is behind nothing is
    done, and `False` is returned: days would be missed that never were.
    """
    if is_before_all(connection, now):
        return False
    known, ahead, soonest = plans(connection), turns_after(connection, now + A_DAY), _Soonest(now)
    failed = failed_turns(connection, now, now - LONGEST_OPEN)
    new: dict[str, TurnRow] = {}
    changed: dict[str, tuple[str, date]] = {}
    for profile in profiles:
        name, plan = profile.name, plan_of(profile)
        before = known.pop(name, None)
        if before is None:
            new.update((name, row) for row in _first_turn(profile, plan, now))
        elif (
            before != plan
            or (name in ahead and ahead[name] > soonest.day(profile, plan))
            or (name in failed and (name in again or _is_by_file(failed[name], name)))
        ):
            changed[name] = (plan, local_day(profile.timezone, now))
    gone = {name: plan for name, plan in known.items() if name not in broken}
    for some in _lots(sorted((*new, *changed, *gone))):
        looked_at = (
            replace(row, day=min(row.day, changed[row.profile][1]), due_at=now, plan=changed[row.profile][0])
            for row in locked_turns(connection, some)
            if row.profile in changed
        )
        put_turns(connection, [*looked_at, *(new[name] for name in some if name in new)])
        _forget(connection, {name: gone[name] for name in some if name in gone}, now)
    return True


def _is_by_file(reason: str, name: str) -> bool:
    return re.search(rf"(?:^|[\\/ ]){re.escape(name)}\.toml: ", reason) is not None


@dataclass(slots=True)
class _Soonest:
    """The next day, from now, of each schedule: many readers share one."""

    now: datetime
    known: dict[str, date] = field(default_factory=dict)

    def day(self, profile: Profile, plan: str) -> date:
        if plan not in self.known:
            yesterday = local_day(profile.timezone, self.now) - A_DAY
            turn = agenda(profile, last=yesterday, now=self.now).following
            self.known[plan] = turn.day if turn else date.max
        return self.known[plan]


def _forget(connection: "Connection", gone: Mapping[str, str], now: datetime) -> None:
    """Readers without a profile, of whom `gone` has the schedule; nobody decides what they wait for."""
    record = days(connection, gone, since=(now - LONGEST_OPEN).date()) if gone else ()
    reason = "there was no profile any more when it ended"
    _state(
        connection,
        [
            _stated(
                planned(one.profile, gone[one.profile]), one.day, Outcome.EXPIRED, f"{one.reason}; {reason}"
            )
            for one in record
            if one.outcome is Outcome.NOT_READY
        ],
        now,
    )
    forget_turns(connection, gone)


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
        for some in _by_days(rows, now):
            due += _settle(database, some, readers, now, tell)
        after = rows[-1]


def settle(
    database: Database, names: Iterable[str], readers: Readers, now: datetime, tell: Tell
) -> list[Due]:
    """The same for readers by name, due or not.

    To be called again when their editions were made: a day that is settled gives way to the next turn, and
    one that is not is looked at again later. All of this follows from the record alone, and can be repeated.
    """
    due: list[Due] = []
    for lot in _lots(names):
        with database.read() as connection:
            rows = turns_of(connection, lot)
        for some in _by_days([rows[name] for name in lot if name in rows], now):
            due += _settle(database, some, readers, now, tell)
    return due


def _by_days(rows: Iterable[TurnRow], now: datetime) -> Iterator[list[str]]:
    """Readers together of whom not too many days are to be stated."""
    some: list[str] = []
    weight = 0
    for row in rows:
        its_days = min(max((now.date() - row.day).days, 0), LOOKED_BACK) + 1
        if some and weight + its_days > DAYS_AT_ONCE:
            yield some
            some, weight = [], 0
        some.append(row.profile)
        weight += its_days
    if some:
        yield some


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


def is_done(profile: Profile, day: Day, now: datetime) -> bool:
    """Whether a reader's day needs nothing more by her profile and clock of now.

    A day to come does not, but for its message, if a clock that was ahead stated it. One that expired, or was
    paused, gets its edition if its turn is open after all.
    """
    if day.subject is not None or day.outcome not in SETTLED:
        return day.subject is not None
    if day.day > local_day(profile.timezone, now):
        return False
    if day.outcome is Outcome.EXPIRED or (day.outcome is Outcome.PAUSED and not is_paused(profile, day.day)):
        return day.day < (now - LONGEST_OPEN).date() or turn_of(profile, day.day).until <= now
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A reader whose turn is looked at."""

    row: TurnRow
    profile: Profile
    """Of one whose file cannot be used, as far as her schedule is known."""
    why_not: str
    record: Mapping[date, Day]
    agenda: Agenda

    def next_day(self, now: datetime) -> date:
        """That of the next edition."""
        ahead = self.agenda.turn or self.agenda.following
        return ahead.day if ahead else local_day(self.profile.timezone, now)

    def is_news(self, stated: Stated) -> bool:
        """What is stated again at each look is told once."""
        found = self.record.get(stated.day)
        return found is None or (found.outcome, found.reason) != (stated.outcome, stated.reason)


def _settle(
    database: Database, names: Sequence[str], readers: Readers, now: datetime, tell: Tell
) -> list[Due]:
    with database.begin() as connection:
        stood = {row.profile: row for row in locked_turns(connection, names)}
        longest_due_first = sorted(stood.values(), key=attrgetter("due_at"))
        cases = _cases(connection, longest_due_first, readers, now)
        barred = suppressed(connection, (one.profile.email for one in cases if one.agenda.passed))
        ended = [
            (one, day) for one in cases for day in _ended(one, now, is_barred=one.profile.email in barred)
        ]
        _state(connection, [day for _, day in ended], now)
        moved = [(one.row.profile, _next(one, now)) for one in cases]
        put_turns(connection, [new for name, new in moved if new and new != stood[name]])
        forget_turns(connection, [name for name, new in moved if new is None])
    for case, day in ended:
        if case.is_news(day):
            tell(day)
    return [(one.profile, one.agenda.turn.day) for one in cases if one.agenda.turn and not one.why_not]


def _cases(connection: "Connection", rows: Sequence[TurnRow], readers: Readers, now: datetime) -> list[_Case]:
    """Who is looked at: not those whose schedule this process has yet to learn."""
    record: dict[str, dict[date, Day]] = {row.profile: {} for row in rows}
    since = min((row.day for row in rows), default=date.max)
    # A row that an older profile wrote may have passed over today.
    for one in days(connection, record, since=min(since, now.date() - A_DAY)):
        record[one.profile][one.day] = one
    cases = []
    for row in rows:
        profile, why_not, looked_at = readers.usable.get(row.profile), "", row
        if profile is None:
            profile, why_not = planned(row.profile, row.plan), readers.why_not(row.profile)
            if not why_not:
                continue
        elif (plan := plan_of(profile)) != row.plan:
            # Another process wrote it: by a newer profile than this one's, or by an older.
            if readers.plan_now(row.profile) != plan:
                continue
            today = local_day(profile.timezone, now)
            looked_at = replace(row, plan=plan, day=min(row.day, today))
        of_hers = record[row.profile]
        settled = {day for day, found in of_hers.items() if is_done(profile, found, now)}
        found = agenda(profile, last=looked_at.day - A_DAY, now=now, settled=settled)
        cases.append(_Case(row=looked_at, profile=profile, why_not=why_not, record=of_hers, agenda=found))
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
    # Whoever waits no longer is served now; a later moment would have this pass find her once more.
    return min(now + LOOK_AGAIN, over) if now < over else case.row.due_at


# ---------------------------------------------------------------- how they ended


def _ended(case: _Case, now: datetime, *, is_barred: bool) -> Iterator[Stated]:
    """What is to be said of days of which no edition is made, or cannot be."""
    for day in case.agenda.paused:
        yield _paused(case.profile, day)
    for day in case.agenda.passed:
        found = case.record.get(day)
        if found and found.outcome is Outcome.EXPIRED:
            continue  # by a clock that was ahead, and it stays so
        # Who gets no mail missed nothing: that the address is suppressed stays the reason.
        if not (is_barred and found and found.outcome is Outcome.FAILED):
            reason = f"{_missed(case, day, now)}; {comes_again(case.profile, day, case.next_day(now))}"
            yield _stated(case.profile, day, Outcome.EXPIRED, reason)
    for day, found in case.record.items():
        if found.outcome is Outcome.NOT_READY and _is_dropped(case, day):
            what_then = comes_again(case.profile, day, case.next_day(now))
            reason = f"{found.reason}; then the schedule had no edition of this day; {what_then}"
            yield _stated(case.profile, day, Outcome.EXPIRED, reason)
    if case.agenda.turn and case.why_not:
        yield _stated(case.profile, case.agenda.turn.day, Outcome.FAILED, case.why_not)


def _is_dropped(case: _Case, day: date) -> bool:
    """Whether the schedule has come to want no edition of a day that lies before all it wants."""
    ahead = case.agenda.turn or case.agenda.following
    is_told = day in case.agenda.passed or day in case.agenda.paused
    return not is_told and (ahead is None or day < ahead.day)


def _missed(case: _Case, day: date, now: datetime) -> str:
    """Why there was no edition of a day."""
    found, turn = case.record.get(day), turn_of(case.profile, day)
    if found and found.outcome is Outcome.FAILED:
        return f"could not be made: {found.reason}"
    if found and found.outcome is Outcome.NOT_READY:
        return f"{found.reason}; no pass of Digest came after that"
    if now < turn.until:
        later = min(one for one, stands in case.record.items() if one > day and is_settled(stands))
        return f"the edition of {later} was made before this one"
    zone = ZoneInfo(case.profile.timezone)
    ends = (at.astimezone(zone) for at in (turn.due_at, turn.until))
    hours = (f"{at:%a} {at.day} {at:%B %H:%M}" for at in ends)
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
