"""When each reader's editions are due: a pure function of the profile, of what is on record, and of now."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from digest.model import Every, Period, Profile

OPEN_FOR = timedelta(hours=12)
"""So long after its hour an edition may still be made, be it past midnight, if the next is not due before."""
LOOKED_BACK = 31
"""So many days back, what was missed is stated day by day; what lies further back is not looked for."""
LOOKED_AHEAD = 400
A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A day on which a reader is to have an edition."""

    day: date
    """Of the reader's calendar."""
    due_at: datetime
    """In UTC: the reader's hour of that day."""
    until: datetime
    """In UTC: from then on it is too late for this day's edition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agenda:
    """What there is to do for a reader now."""

    turn: Turn | None
    """The edition to be made now; `None` if none is due."""
    passed: tuple[date, ...]
    """Days that ended without an edition, though one was due: the first first."""
    paused: tuple[date, ...]
    """Days on which one was due, and the reader wanted none: the first first."""
    following: Turn | None
    """The first turn after now; `None` if the profile has none (`days = []`)."""


def agenda(profile: Profile, *, last: date | None, now: datetime) -> Agenda:
    """What is due for a reader of whom `last` is the latest day that is settled: one that needs nothing more.

    A reader of whom nothing is on record (`None`) has missed nothing yet. After a long absence there is one
    turn, not a heap: what was missed is in `passed`.
    """
    today = local_day(profile.timezone, now)
    first = today if last is None else max(last + A_DAY, today - timedelta(days=LOOKED_BACK))
    turns = [turn_of(profile, day) for day in edition_days(profile, first, today)]
    due = [turn for turn in turns if turn.due_at <= now]
    paused = [turn.day for turn in due if is_paused(profile, turn.day)]
    wanted = [turn for turn in due if not is_paused(profile, turn.day)]
    return Agenda(
        turn=next((turn for turn in wanted if now < turn.until), None),
        passed=tuple(turn.day for turn in wanted if turn.until <= now),
        paused=tuple(paused),
        following=_following(profile, max(first, today), now),
    )


def turn_of(profile: Profile, day: date) -> Turn:
    """The turn of a day, whether or not it is one of the reader's."""
    due_at, tomorrow = moment(day, profile.send_at, profile.timezone), day + A_DAY
    until = max(moment(tomorrow, time(), profile.timezone), due_at + OPEN_FOR)
    if is_edition_day(profile, tomorrow):
        until = min(until, moment(tomorrow, profile.send_at, profile.timezone))
    return Turn(day=day, due_at=due_at, until=until)


def edition_days(profile: Profile, first: date, last: date) -> Iterator[date]:
    """The reader's days from one to another, both included; those of a pause are among them."""
    days = (first + timedelta(days=ahead) for ahead in range((last - first).days + 1))
    return (day for day in days if is_edition_day(profile, day))


def is_edition_day(profile: Profile, day: date) -> bool:
    """Whether a reader has an edition on this day, be it one of a pause."""
    if day.weekday() not in profile.days or not exists(day, profile.timezone):
        return False
    match profile.every:
        case Every.DAY:
            return True
        case Every.WEEK:
            return day.weekday() == min(profile.days)
        case Every.MONTH:
            earlier = (day - timedelta(days=back) for back in range(1, day.day))
            return day.day <= 7 and all(one.weekday() not in profile.days for one in earlier)


def is_paused(profile: Profile, day: date) -> bool:
    """Whether the reader wants no edition on this day."""
    return profile.pause is not None and profile.pause.covers(day)


def period_of(profile: Profile, day: date) -> Period | None:
    """What the edition of a day looks back on; `None` for a daily one."""
    match profile.every:
        case Every.DAY:
            return None
        case Every.WEEK:
            first = day - timedelta(days=7)
        case Every.MONTH:
            in_last_month = day.replace(day=1) - A_DAY
            first = in_last_month.replace(day=min(day.day, in_last_month.day))
    return Period(every=profile.every, first=first, last=day - A_DAY)


def _following(profile: Profile, day: date, now: datetime) -> Turn | None:
    ahead = edition_days(profile, day, day + timedelta(days=LOOKED_AHEAD))
    turns = (turn_of(profile, one) for one in ahead)
    return next((turn for turn in turns if turn.due_at > now), None)


# ---------------------------------------------------------------- wall clocks


def local_day(timezone: str, now: datetime) -> date:
    """The date there."""
    return now.astimezone(ZoneInfo(timezone)).date()


def moment(day: date, hour: time, timezone: str) -> datetime:
    """When the clocks there show this hour, in UTC.

    One that a change of clocks leaves out is the first instant after the gap; one that comes twice, the
    first of them (PEP 495: `fold=0`).
    """
    zone = ZoneInfo(timezone)
    wall = datetime.combine(day, hour, tzinfo=zone)
    as_before, as_after = wall.astimezone(UTC), wall.replace(fold=1).astimezone(UTC)
    # In a gap, the offset of before names a later instant than that of after it; else it is the other way.
    return _change(zone, as_after, as_before) if as_after < as_before else as_before


def exists(day: date, timezone: str) -> bool:
    """Whether there is such a day there: where the date line moved, one is missing."""
    noon = datetime.combine(day, time(12), tzinfo=ZoneInfo(timezone))
    return noon.astimezone(UTC).astimezone(noon.tzinfo).date() == day


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first whole second, later than `before`, with the offset that holds at `after`."""
    changed = after.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        before, after = (
            (before, middle) if middle.astimezone(zone).utcoffset() == changed else (middle, after)
        )
    return after
