"""Whether a list is as long as it usually is, by what was read of the lists of earlier days."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from statistics import median_low

from digest.model import Note, Profile, Reading
from digest.schedule import moment

LOOKED_BACK = 20
"""So many earlier lists say what is usual: four weeks of working days."""
ENOUGH = 5
"""Of fewer, nothing is usual yet."""
FILLING_BELOW = 0.75
FALLEN_BELOW = 0.25
SLACK = timedelta(minutes=30)
"""By so much a reading may be older: cron comes at the same minute each day, and not at the same second."""
LEAST_USUAL = 8
"""A list that is shorter than this on most days may have two papers on one and none on another."""


def usual(readings: Iterable[Reading], *, day: date, at: datetime) -> int | None:
    """How many papers a source's list usually has at the age that the list of `day` has at `at`.

    Ages count from the beginning of a list's day in UTC. `None`: too little is known of earlier lists, or
    none of them was of this weekday.
    """
    age = max(at - _beginning(day), timedelta(0))
    return _usual(readings, day, age + SLACK)


def usual_whole(readings: Iterable[Reading], *, day: date) -> int | None:
    """The same of whole lists: by the last reading of each."""
    return _usual(readings, day, timedelta.max)


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """How long a source's newest list was when it was last read, and how long such lists usually are."""

    day: date
    at: datetime
    papers: int
    by_then: int | None
    """Usually, at the age that it had; `None`: not known yet."""
    whole: int | None
    """Usually, in the end."""


def length_of(readings: Sequence[Reading]) -> Length | None:
    """Of the newest list that was read; `None` if none was."""
    if not readings:
        return None
    newest = max(readings, key=lambda one: (one.day, one.at))
    return Length(
        day=newest.day,
        at=newest.at,
        papers=newest.papers,
        by_then=usual(readings, day=newest.day, at=newest.at),
        whole=usual_whole(readings, day=newest.day),
    )


def is_filling(number: int, usual: int | None) -> bool:
    """Whether a list that grows has too few papers to be taken for whole."""
    return usual is not None and usual >= LEAST_USUAL and number < FILLING_BELOW * usual


def has_fallen(number: int, usual: int | None) -> bool:
    """Whether a list has so few papers that something must be wrong."""
    return usual is not None and usual >= LEAST_USUAL and number < FALLEN_BELOW * usual


def waits_for(profile: Profile, day: date, incomplete: Sequence[Note], now: datetime) -> tuple[Note, ...]:
    """The lists, still `incomplete`, that a reader's edition of a day waits for; none from her hour on."""
    if profile.wait_until is None or now >= moment(day, profile.wait_until, profile.timezone):
        return ()
    return tuple(incomplete)


def _usual(readings: Iterable[Reading], day: date, age: timedelta) -> int | None:
    """The smaller of two medians, of all days and of this weekday: so a Monday is measured as a Monday, and
    one odd Monday makes no other look short."""
    earlier = [one for one in readings if one.day < day]
    with_papers = sorted({one.day for one in earlier if one.papers})[-LOOKED_BACK:]
    by_then = sorted((one for one in earlier if one.at - _beginning(one.day) <= age), key=lambda one: one.at)
    last = {one.day: one.papers for one in by_then}
    numbers = {one: last[one] for one in with_papers if one in last}
    alike = [number for one, number in numbers.items() if one.weekday() == day.weekday()]
    if len(numbers) < ENOUGH or not alike:
        return None
    return min(median_low(numbers.values()), median_low(alike))


def _beginning(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
