"""How each reader's own day stands now: by the record, and by the clock where nothing is on record yet."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from digest.model import Outcome, Profile
from digest.moments import lasting
from digest.outcome import name_of, paused
from digest.schedule import (
    A_DAY,
    LOOKED_AHEAD,
    agenda,
    edition_days,
    has_edition,
    is_edition_day,
    is_paused,
    last_day,
    local_day,
    turn_of,
)

if TYPE_CHECKING:
    from digest.schedule import Turn
    from digest.store.editions import Day
    from digest.store.turns import TurnRow

LOOKED_BACK = timedelta(days=8)
"""No turn is open for longer."""


class Ahead(StrEnum):
    """How a day stands of which nothing is on record."""

    DUE = "due"
    """Its hour is to come."""
    OVERDUE = "overdue"
    """Its hour is past."""
    NONE = "none today"
    """It is none of the reader's days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """A reader's own day."""

    profile: Profile
    day: date
    """Where the reader is; an earlier one, while its edition may still be made."""
    stands: Outcome | Ahead
    reason: str
    due_at: datetime | None
    """In UTC; `None` if the reader has no edition on this day."""
    next_at: datetime | None
    """When the next one after this is due, in UTC; `None`: never, or not before somebody says so."""
    picks: int = 0
    considered: int = 0

    @property
    def word(self) -> str:
        """The outcome's name, or `due`, `overdue`, `none today`."""
        return name_of(self.stands) if isinstance(self.stands, Outcome) else self.stands.value


ORDER: tuple[Outcome | Ahead, ...] = (
    Outcome.FAILED,
    Ahead.OVERDUE,
    Outcome.EXPIRED,
    Outcome.UNKNOWN,
    Outcome.SOURCE_DOWN,
    Outcome.NOT_READY,
    Outcome.READY,
    Outcome.NO_LIST,
    Ahead.DUE,
    Outcome.QUIET,
    Outcome.PAUSED,
    Ahead.NONE,
    Outcome.SENT,
)
"""What a person has to look at first."""


def today_of(
    profiles: Iterable[Profile],
    record: Mapping[str, Sequence["Day"]],
    rows: Mapping[str, "TurnRow"],
    now: datetime,
) -> tuple[Today, ...]:
    """Each reader's day, in their order. `record` has what is known of that, and of `LOOKED_BACK`."""
    return tuple(_today(one, record.get(one.name, ()), rows.get(one.name), now) for one in profiles)


def _today(profile: Profile, record: Sequence["Day"], row: "TurnRow | None", now: datetime) -> Today:
    turn = _turn(profile, record, row, now)
    following = _following(profile, turn.day)
    found = next((one for one in record if one.day == turn.day), None)
    if found:
        stands: Outcome | Ahead = found.outcome
        reason = found.reason
    else:
        stands, reason = _without_record(profile, turn, following, now)
    return Today(
        profile=profile,
        day=turn.day,
        stands=stands,
        reason=reason,
        due_at=turn.due_at if is_edition_day(profile, turn.day) else None,
        next_at=following.due_at if following else None,
        picks=found.picks if found else 0,
        considered=found.considered if found else 0,
    )


def _turn(profile: Profile, record: Sequence["Day"], row: "TurnRow | None", now: datetime) -> "Turn":
    """Today's; or, before its hour, that of an earlier day whose edition may still be made, or waits."""
    from digest.turns import is_done

    todays = turn_of(profile, local_day(profile.timezone, now))
    if is_edition_day(profile, todays.day) and todays.due_at <= now:
        return todays
    before = [one for one in record if one.day < todays.day <= last_day(profile, one.day)]
    if waits := next((one for one in before if one.outcome is Outcome.READY), None):
        return turn_of(profile, waits.day)
    if not row and not record:
        return todays  # a reader who is new has missed nothing
    first = max(row.day if row else date.min, todays.day - LOOKED_BACK)
    settled = {one.day for one in record if is_done(profile, one, now)}
    return agenda(profile, last=first - A_DAY, now=now, settled=settled).turn or todays


def _without_record(
    profile: Profile, turn: "Turn", following: "Turn | None", now: datetime
) -> tuple[Outcome | Ahead, str]:
    if profile.pause and is_paused(profile, turn.day):
        return Outcome.PAUSED, paused(profile.pause, turn.day, profile.name)
    if not is_edition_day(profile, turn.day):
        return Ahead.NONE, _next(profile, following)
    if now < turn.due_at:
        return Ahead.DUE, f"at {profile.send_at:%H:%M} (in {lasting(turn.due_at - now)})"
    return Ahead.OVERDUE, f"since {profile.send_at:%H:%M} ({lasting(now - turn.due_at)} ago)"


def _next(profile: Profile, following: "Turn | None") -> str:
    if following:
        day = following.day
        return f"next {day:%a} {day.day} {day:%B} {profile.send_at:%H:%M}"
    return "none before the pause ends" if profile.days else "days = []"


def _following(profile: Profile, day: date) -> "Turn | None":
    """The next turn after that day which no pause takes away."""
    starts = [day + A_DAY]
    if profile.pause and profile.pause.until and profile.pause.until > day:
        starts.append(profile.pause.until)
    ahead = (one for start in starts for one in edition_days(profile, start, start + LOOKED_AHEAD * A_DAY))
    following = next((one for one in ahead if has_edition(profile, one)), None)
    return turn_of(profile, following) if following else None


# ---------------------------------------------------------------- days that no pass has stated


def unstated(
    profile: Profile, first: date, last: date, record: Sequence["Day"], row: "TurnRow | None", now: datetime
) -> tuple["Day", ...]:
    """How days ended of which no pass has said so: those of a pause, and those on which nothing ran.

    `row` is the reader's turn: what was before it needs nothing more. The latest first.
    """
    from digest.store.editions import Day

    ended = (
        *_paused_days(profile, first, last, record),
        *_missed_days(profile, first, last, record, row, now),
    )
    return tuple(
        Day(profile=profile.name, day=day, outcome=outcome, considered=0, picks=0, reason=why)
        for day, outcome, why in sorted(ended, reverse=True)
    )


Ended = tuple[date, Outcome, str]


def _paused_days(profile: Profile, first: date, last: date, record: Sequence["Day"]) -> Iterator[Ended]:
    known = {one.day for one in record}
    for day in edition_days(profile, first, last):
        if profile.pause and day not in known and is_paused(profile, day):
            yield day, Outcome.PAUSED, paused(profile.pause, day, profile.name)


def _missed_days(
    profile: Profile, first: date, last: date, record: Sequence["Day"], row: "TurnRow | None", now: datetime
) -> Iterator[Ended]:
    """Days whose turn is over, as the next pass will state them."""
    from digest.turns import is_done

    # Of whom there is neither a turn nor a day on record has missed nothing.
    before = max((one.day for one in record if one.day <= last), default=None)
    begin = row.day if row else before + A_DAY if before else last + A_DAY
    found = {one.day: one for one in record}
    settled = {one.day for one in record if is_done(profile, one, now)}
    for day in agenda(profile, last=max(begin, first) - A_DAY, now=now, settled=settled).passed:
        # What failed has its reason on record.
        if day <= last and (day not in found or found[day].outcome is Outcome.NOT_READY):
            yield day, Outcome.EXPIRED, _nothing_ran(profile, day, found.get(day), now)


def _nothing_ran(profile: Profile, day: date, found: "Day | None", now: datetime) -> str:
    if found:
        return f"{found.reason}; no pass of Digest came after that"
    turn, zone = turn_of(profile, day), ZoneInfo(profile.timezone)
    if now < turn.until:
        return "the edition of a later day was made before this one"
    due_at, until = (at.astimezone(zone) for at in (turn.due_at, turn.until))
    return f"no pass of Digest came between {_hour(due_at)} and {_hour(until)}"


def _hour(at: datetime) -> str:
    return f"{at:%a} {at.day} {at:%B %H:%M}"


def in_order(days: Iterable[Today]) -> list[Today]:
    """What a person has to look at first; then by name."""
    return sorted(days, key=lambda one: (ORDER.index(one.stands), one.profile.name))
