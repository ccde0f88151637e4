"""When each reader's editions are due: a pure function of the profile, of what is on record, and of now."""

from collections.abc import Iterator, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from digest.model import Every, Pause, Period, Profile

OPEN_FOR = MappingProxyType(
    {Every.DAY: timedelta(hours=12), Every.WEEK: timedelta(days=3), Every.MONTH: timedelta(days=7)}
)
"""So long after its hour, or after `wait_until`, an edition may still be made, be it past midnight, if the
next is not due before: the rarer it is, the more is lost with it."""
MOST_DAYS = 75
"""So many days an edition looks back at most: two months of first Mondays are 63, and a turn may be taken a
week late. A monthly edition that was missed loses nothing."""
LOOKED_BACK = 366
"""So many days back, what was missed is stated day by day; what lies further back is not looked for."""
LOOKED_AHEAD = 70
"""Days: among so many there is a turn of everyone who has any."""
LATEST_OF_A_MONTH = 14
"""No month begins later for a reader: her weekday is among its first seven days, or, where the date line
moved, among the next."""
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


def agenda(profile: Profile, *, last: date | None, now: datetime, settled: Set[date] = frozenset()) -> Agenda:
    """What is due for a reader of whom all days up to `last`, and those `settled`, need nothing more.

    A reader of whom nothing is on record (`last` is `None`) has missed nothing yet. After a long absence
    there is one turn, not a heap: what was missed is in `passed`. No edition is made of a day before one that
    is settled. What is settled of days to come, by a clock that was wrong or before the reader went west over
    the date line, does not count.
    """
    today = local_day(profile.timezone, now)
    first = today if last is None else max(last + A_DAY, today - timedelta(days=LOOKED_BACK))
    newest = max((day for day in settled if day <= today), default=date.min)
    # A turn of before that is over, whatever the clocks did, and they need not be asked.
    may_be_open = today - OPEN_FOR[profile.every] - 3 * A_DAY
    turn, passed, paused = None, [], []
    for day in edition_days(profile, first, today):
        if day in settled:
            continue
        its_turn = turn_of(profile, day) if day > may_be_open else None
        if its_turn and its_turn.due_at > now:
            break
        if is_paused(profile, day):
            paused.append(day)
        elif its_turn and now < its_turn.until and day > newest:
            turn = its_turn
        else:
            passed.append(day)
    following = _following(profile, max(first, today), now, settled)
    return Agenda(turn=turn, passed=tuple(passed), paused=tuple(paused), following=following)


def turn_of(profile: Profile, day: date) -> Turn:
    """The turn of a day, whether or not it is one of the reader's."""
    due_at, tomorrow = moment(day, profile.send_at, profile.timezone), day + A_DAY
    waits_until = moment(day, profile.wait_until or profile.send_at, profile.timezone)
    # Who waits for a list until just before midnight is to have the edition after it.
    latest = max(due_at, waits_until)
    until = max(moment(tomorrow, time(), profile.timezone), latest + OPEN_FOR[profile.every])
    if is_edition_day(profile, tomorrow):
        until = min(until, moment(tomorrow, profile.send_at, profile.timezone))
    return Turn(day=day, due_at=due_at, until=until)


def last_day(profile: Profile, day: date) -> date:
    """The last date on which a message of this day still goes out: that of the turn's end."""
    return local_day(profile.timezone, turn_of(profile, day).until - timedelta(microseconds=1))


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
            return _is_first(profile, day, day.weekday())
        case Every.MONTH:
            return day.day <= LATEST_OF_A_MONTH and _is_first(profile, day, day.day - 1)


def _is_first(profile: Profile, day: date, before: int) -> bool:
    """Whether none of so many days before it is one of the reader's."""
    earlier = (day - timedelta(days=back) for back in range(1, before + 1))
    return not any(one.weekday() in profile.days and exists(one, profile.timezone) for one in earlier)


def has_edition(profile: Profile, day: date) -> bool:
    """Whether a reader is to have an edition on this day."""
    return is_edition_day(profile, day) and not is_paused(profile, day)


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


def _following(profile: Profile, day: date, now: datetime, settled: Set[date]) -> Turn | None:
    ahead = edition_days(profile, day, day + timedelta(days=LOOKED_AHEAD))
    turns = (turn_of(profile, one) for one in ahead if one not in settled)
    return next((turn for turn in turns if turn.due_at > now), None)


# ---------------------------------------------------------------- a schedule as text


def plan_of(profile: Profile) -> str:
    """What a reader's turns follow from, as the store keeps it: `Europe/Berlin 07:30:00 - 01234 day -`."""
    days = "".join(map(str, sorted(profile.days)))
    pause = f"{profile.pause.begins or ''}..{profile.pause.until or ''}" if profile.pause else ""
    given = (profile.timezone, profile.send_at, profile.wait_until, days, profile.every.value, pause)
    return " ".join(str(one or "-") for one in given)


def planned(name: str, plan: str) -> Profile:
    """A reader of whom only the schedule is known; a zone that is not known any more counts as UTC.

    Of a plan that another version of Digest wrote, and this one cannot read, nothing is known.
    """
    try:
        return _planned(name, plan)
    except ValueError:
        return Profile(name=name, email="")


def _planned(name: str, plan: str) -> Profile:
    timezone, send_at, wait_until, days, every, pause = plan.split(" ")
    return Profile(
        name=name,
        email="",
        timezone=timezone if _is_known(timezone) else "UTC",
        send_at=time.fromisoformat(send_at),
        wait_until=None if wait_until == "-" else time.fromisoformat(wait_until),
        days=frozenset() if days == "-" else frozenset(map(int, days)),
        every=Every(every),
        pause=None if pause == "-" else _pause(*pause.split("..")),
    )


def _pause(begins: str, until: str) -> Pause:
    days = [date.fromisoformat(one) if one else None for one in (begins, until)]
    return Pause(begins=days[0], until=days[1])


def _is_known(timezone: str) -> bool:
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


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
