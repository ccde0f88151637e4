"""When a source is read next: a pure function of its rhythm, of how reading it went, and of who needs it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from hashlib import sha256

from digest.model import SourceState

A_MINUTE = timedelta(minutes=1)
AN_HOUR = timedelta(hours=1)
A_DAY = timedelta(days=1)
"""No source that states no announcements is left alone for longer; where no reader is due, that suffices."""
FIRST_PAUSE, LONGEST_PAUSE = 15 * A_MINUTE, 2 * AN_HOUR
"""After a reading that brought less than was to be had; doubled each time. A server that restarts is back
within a quarter of an hour; one that is down for a day is asked some fifteen times. At most the pace."""
SOON = 2 * A_DAY
"""Who is due by then is due daily, or nearly: lists are followed as they grow, so that what is usual is known
by the hour."""
EAGER = 15 * A_MINUTE
"""The same while a reader waits: `wait_until` is mostly an hour or two after her hour."""
LATE = 3 * AN_HOUR
"""So long after an announcement, pages that say that there is no list are believed."""
SETTLES = 5 * A_MINUTE
"""From an announcement until its list is surely there: whoever writes it needs some time, too."""
SPREAD = 20 * A_MINUTE
"""So far apart installations ask what all of them could ask in the same second."""
AHEAD = 5 * A_MINUTE
"""So long before a reader's hour a reading has to begin at the latest, to be over by then."""
MOST_TRIES = 5
"""So many of the latest readings tell the pause after them: with four it is the longest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """When a source has something new, as far as is known, and how often it may be asked."""

    least: timedelta
    """From one reading to the next, whoever waits and whatever went wrong."""
    fresh: timedelta
    """So old a reading may be when an edition is made of it."""
    pace: timedelta
    """From one reading to the next while somebody is due within two days, though nobody just then."""
    grows_on: frozenset[int] | None = None
    """The weekdays (UTC, Monday = 0) on which a list grows hour by hour; `None`: no list does."""
    announced: "Callable[[datetime], tuple[datetime, datetime]] | None" = None
    """For who announces whole lists: the moment of the last announcement by then, and of the next one."""


EVERY_DAY = frozenset(range(7))
STEADY = Rhythm(least=15 * A_MINUTE, fresh=AN_HOUR, pace=4 * AN_HOUR)
"""For feeds, and what is not known better: at most once an hour is what feed readers do, and four hours lose
nothing of a feed that keeps only its last entries, or is emptied each night."""
GROWING = Rhythm(least=15 * A_MINUTE, fresh=30 * A_MINUTE, pace=3 * AN_HOUR, grows_on=EVERY_DAY)
"""In half an hour a list of thirty papers gets one more; every three hours tells what is usual by then."""
SLOW = Rhythm(least=AN_HOUR, fresh=12 * AN_HOUR, pace=A_DAY)
"""For what changes once a day or less, and is dear to ask: with a login, or with a limit that many share."""
AT_HAND = Rhythm(least=A_MINUTE, fresh=5 * A_MINUTE, pace=15 * A_MINUTE)
"""For files of this machine: nobody is asked, but each is parsed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """That a source was read, or was to be, and how that went."""

    at: datetime
    state: SourceState


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Who needs a source's lists."""

    at: datetime | None = None
    """When the first reader is due who needs a newer reading than there is (`needed_after`); `None`: none."""
    is_awaited: bool = False
    """Whether somebody's edition waits for a list now."""


def next_harvest(
    rhythm: Rhythm, past: Sequence[Try], demand: Demand, *, now: datetime, spread: float
) -> datetime:
    """The moment, maybe past, from which a source is to be read again.

    `past` are its latest readings, the latest first; those of a clock that was ahead do not count. `spread`
    (0 to 1) is this installation's and source's place among all others: see `spread_of`.
    """
    tries = _by_now(past, now)
    if not tries:
        return now
    last, is_whole = tries[0], _is_whole(rhythm, tries[0])
    wishes = [_before(demand.at, rhythm, spread)] if demand.at and _changes(rhythm, last) else []
    if not is_whole:
        wishes.append(last.at + (EAGER if demand.is_awaited else _pause(rhythm, tries)))
    elif rhythm.announced:
        wishes.append(_after_announcement(rhythm.announced(last.at)[1], demand, spread))
    else:
        wishes.append(_in_pace(rhythm, last.at, demand, spread))
        if demand.is_awaited and rhythm.grows_on is not None:
            wishes.append(last.at + EAGER)
    return max(min(wishes), last.at + rhythm.least)


def needed_after(rhythm: Rhythm, past: Sequence[Try], now: datetime) -> datetime:
    """Readers who are due after this moment need a newer reading than the last one."""
    tries = _by_now(past, now)
    if not tries:
        return now
    if rhythm.announced and _is_whole(rhythm, tries[0]):
        return rhythm.announced(tries[0].at)[1] - timedelta(seconds=1)
    return tries[0].at + rhythm.fresh


def spread_of(*names: str) -> float:
    """A number from 0 to 1 (not included) that is always the same for these names, and another for others."""
    return int.from_bytes(sha256("\n".join(names).encode()).digest()[:6]) / 256**6


def _by_now(past: Sequence[Try], now: datetime) -> list[Try]:
    return [Try(at=one.at.astimezone(UTC), state=one.state) for one in past if one.at <= now]


def _is_whole(rhythm: Rhythm, one: Try) -> bool:
    """Whether a reading brought what was to be had."""
    if one.state is SourceState.QUIET and rhythm.announced:
        return one.at >= rhythm.announced(one.at)[0] + LATE
    return one.state in (SourceState.FINE, SourceState.QUIET)


def _changes(rhythm: Rhythm, last: Try) -> bool:
    """Whether there may be more before the next announcement."""
    return not (rhythm.announced and _is_whole(rhythm, last))


def _pause(rhythm: Rhythm, tries: Sequence[Try]) -> timedelta:
    wholes = [place for place, one in enumerate(tries) if _is_whole(rhythm, one)]
    in_vain = min(wholes[0] if wholes else len(tries), MOST_TRIES)
    return min(FIRST_PAUSE * (1 << in_vain - 1), LONGEST_PAUSE, rhythm.pace)


def _before(due_at: datetime, rhythm: Rhythm, spread: float) -> datetime:
    """As late as three tries allow, in the first third of that time: what is read late is fresh for long."""
    return due_at.astimezone(UTC) - min(rhythm.fresh, 3 * rhythm.least) * (1 - spread / 3)


def _after_announcement(announced: datetime, demand: Demand, spread: float) -> datetime:
    """Some minutes later, each installation at another; but in time for readers who are due by then."""
    wish = announced.astimezone(UTC) + SETTLES + SPREAD * spread
    in_time = demand.at.astimezone(UTC) - AHEAD if demand.at else wish
    return max(announced.astimezone(UTC), min(wish, in_time))


def _in_pace(rhythm: Rhythm, last: datetime, demand: Demand, spread: float) -> datetime:
    if demand.at is None or demand.at > last + SOON:
        return last + A_DAY
    wish = last + rhythm.pace
    if rhythm.grows_on is not None and wish.weekday() not in rhythm.grows_on:
        wish = _next_growing(rhythm.grows_on, wish) + SPREAD * spread
    return min(wish, last + A_DAY)


def _next_growing(weekdays: frozenset[int], at: datetime) -> datetime:
    """The beginning of the first day after a moment on which lists grow; of the next day if none does."""
    midnight = datetime.combine(at.date(), time(), tzinfo=UTC)
    days = (midnight + A_DAY * ahead for ahead in range(1, 8))
    return next((day for day in days if day.weekday() in weekdays), midnight + A_DAY)
