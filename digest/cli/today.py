"""How each reader's own day stands now: by the record, and by the clock where nothing is on record yet."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from digest.cli.states import span
from digest.model import Outcome, Profile
from digest.outcome import name_of, paused
from digest.schedule import (
    A_DAY,
    LOOKED_AHEAD,
    agenda,
    edition_days,
    has_edition,
    is_edition_day,
    is_paused,
    local_day,
    turn_of,
)

if TYPE_CHECKING:
    from digest.schedule import Turn
    from digest.store.editions import Day

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
    profiles: Iterable[Profile], record: Mapping[str, Sequence["Day"]], now: datetime
) -> tuple[Today, ...]:
    """Each reader's day, in their order. `record` has what is known of that, and of `LOOKED_BACK`."""
    return tuple(_today(profile, record.get(profile.name, ()), now) for profile in profiles)


def _today(profile: Profile, record: Sequence["Day"], now: datetime) -> Today:
    turn = _turn(profile, record, now)
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


def _turn(profile: Profile, record: Sequence["Day"], now: datetime) -> "Turn":
    """Today's; or, before its hour, that of an earlier day whose edition may still be made."""
    from digest.turns import is_settled

    todays = turn_of(profile, local_day(profile.timezone, now))
    if not record or (is_edition_day(profile, todays.day) and todays.due_at <= now):
        return todays  # a reader who is new has missed nothing
    settled = {one.day for one in record if is_settled(one)}
    return agenda(profile, last=todays.day - LOOKED_BACK, now=now, settled=settled).turn or todays


def _without_record(
    profile: Profile, turn: "Turn", following: "Turn | None", now: datetime
) -> tuple[Outcome | Ahead, str]:
    if profile.pause and is_paused(profile, turn.day):
        return Outcome.PAUSED, paused(profile.pause, turn.day, profile.name)
    if not is_edition_day(profile, turn.day):
        return Ahead.NONE, _next(profile, following)
    if now < turn.due_at:
        return Ahead.DUE, f"at {profile.send_at:%H:%M} (in {span(turn.due_at - now)})"
    return Ahead.OVERDUE, f"since {profile.send_at:%H:%M} ({span(now - turn.due_at)} ago)"


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


def paused_days(
    profile: Profile, first: date, last: date, record: Sequence["Day"]
) -> Iterator[tuple[date, str]]:
    """Days of a pause that no pass has stated, and why there is nothing on them."""
    known = {one.day for one in record}
    for day in edition_days(profile, first, last):
        if profile.pause and day not in known and is_paused(profile, day):
            yield day, paused(profile.pause, day, profile.name)


def in_order(days: Iterable[Today]) -> list[Today]:
    """What a person has to look at first; then by name."""
    return sorted(days, key=lambda one: (ORDER.index(one.stands), one.profile.name))
