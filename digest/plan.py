"""When a day's mail would be out: the relays' limits and the readers' hours, played through in seconds.

A wave is all readers who are due at one moment. The plan sends as the outbox does: who has been due longest
first, by the first relay that has room in its hour and its day, as fast as its connections go. It
begins with the same waves a day earlier, because what went out yesterday counts for a day's limit today, and
what is still in the queue goes first. Zones can make a day's waves span more than 24 hours, so that
tomorrow's first ones come before today's last.
"""

import math
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

from digest.model import Profile
from digest.pace import Limits
from digest.schedule import has_edition, last_day, moment

DAY_S = 86_400
BRIEF_S = 60
"""A window of so long is waited for; where a longer one is full, the next relay is used."""
WINDOWS = {"per_minute": 60, "per_hour": 3_600, "per_day": DAY_S}
SPEED = "speed"
USUAL_HOUR = time(7, 30, tzinfo=UTC)
A_PAUSE = timedelta(seconds=5)
"""Without an end for so long, a relay had nothing to do, or its limits kept it from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A relay as a plan sees it."""

    name: str
    limits: Limits
    rate: float
    """Messages a second, by all its connections together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """Readers who are due at the same moment."""

    due_at: datetime
    readers: int
    until: datetime
    """When what is not sent expires. Where they live in several zones, the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What made messages wait."""

    relay: str
    key: str
    """One of WINDOWS, or SPEED: how fast the relay takes messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What becomes of a wave; those neither late nor unserved are in time."""

    wave: Wave
    begins_at: datetime | None
    """When its first message goes out; `None` if none does."""
    ends_at: datetime | None
    late: int
    """Go out later than they should, but go out."""
    unserved: int
    """Do not go out on the reader's day, and expire."""
    held: Held | None
    """What held it up longest; `None` if it did not have to wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A day, wave by wave."""

    waves: tuple[Served, ...]

    @property
    def worst(self) -> Served | None:
        """The wave with most readers who miss their hour; `None` if nobody does."""
        missing = [one for one in self.waves if one.late or one.unserved]
        return max(missing, key=lambda one: (one.unserved, one.late), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """How much of what held readers up would be enough."""

    held: Held
    needed: float
    """Of a limit: messages in its window. Of speed: messages a second."""


# ---------------------------------------------------------------- who is due when


def waves_of(profiles: Iterable[Profile], day: date) -> tuple[Wave, ...]:
    """The readers who have an edition on this day of their calendar, by the moment they are due."""
    due: dict[datetime, list[datetime]] = {}
    for profile in profiles:
        if has_edition(profile, day):
            over = moment(last_day(profile, day) + timedelta(days=1), time(), profile.timezone)
            due.setdefault(moment(day, profile.send_at, profile.timezone), []).append(over)
    return tuple(Wave(due_at=at, readers=len(due[at]), until=min(due[at])) for at in sorted(due))


def fullest_day(profiles: Sequence[Profile], today: date) -> date:
    """The day of the coming seven on which most readers have an edition; the first of equals."""
    week = [today + timedelta(days=ahead) for ahead in range(7)]
    return max(week, key=lambda day: sum(has_edition(profile, day) for profile in profiles))


def scaled(waves: Sequence[Wave], readers: int, day: date) -> tuple[Wave, ...]:
    """The same distribution with so many readers, exactly; without any, all at the usual hour."""
    known = sum(wave.readers for wave in waves)
    if not known:
        at = datetime.combine(day, USUAL_HOUR)
        return (
            Wave(due_at=at, readers=readers, until=datetime.combine(day, time(), UTC) + timedelta(days=1)),
        )
    ends = [0]
    for wave in waves:
        ends.append(ends[-1] + wave.readers)
    shares = [(end * readers + known // 2) // known for end in ends]
    grown = [
        replace(wave, readers=last - first)
        for wave, (first, last) in zip(waves, pairwise(shares), strict=True)
    ]
    return tuple(wave for wave in grown if wave.readers)


def measured_rate(ends: Sequence[datetime]) -> float | None:
    """Messages a second, from when each of a relay's messages was taken; `None` if that says too little.

    Pauses do not count, so limits that were in force do not slow it down.
    """
    gaps = [later - earlier for earlier, later in pairwise(sorted(ends))]
    busy = [gap for gap in gaps if gap < A_PAUSE]
    took_s = sum(gap.total_seconds() for gap in busy)
    return len(busy) / took_s if len(busy) >= 20 and took_s >= 1 else None


# ---------------------------------------------------------------- the day, played through


@dataclass(frozen=True, slots=True)
class Sent:
    """Messages of one wave that a relay takes within one second."""

    second: int
    relay: str
    wave: int
    count: int


def make_plan(waves: Sequence[Wave], ways: Sequence[Way], *, late_after: timedelta) -> Plan:
    """What becomes of each wave."""
    if not waves:
        return Plan(waves=())
    start = waves[0].due_at - timedelta(days=1)
    lots = [Lot(_seconds(wave.due_at - start), wave.readers, _seconds(wave.until - start)) for wave in waves]
    lots += _of_the_days_beside(lots)
    sent: list[list[Sent]] = [[] for _ in lots]
    held = [Counter[Held]() for _ in lots]
    for event in play(lots, ways, held):
        sent[event.wave].append(event)
    served = [_served(wave, start, sent[place], held[place], late_after) for place, wave in enumerate(waves)]
    return Plan(waves=tuple(served))


def _of_the_days_beside(today: "Sequence[Lot]") -> "list[Lot]":
    """Yesterday's waves, and those of tomorrow's that are due before today's last."""
    yesterday = [replace(lot, due=lot.due - DAY_S, until=lot.until - DAY_S) for lot in today]
    tomorrow = (replace(lot, due=lot.due + DAY_S, until=lot.until + DAY_S) for lot in today)
    last = max(lot.due for lot in today)
    return yesterday + [lot for lot in tomorrow if lot.due < last]


def _seconds(time: timedelta) -> int:
    return int(time.total_seconds())


def _served(
    wave: Wave, start: datetime, sent: Sequence[Sent], held: Counter[Held], late_after: timedelta
) -> Served:
    limit = (wave.due_at - start + late_after).total_seconds()
    return Served(
        wave=wave,
        begins_at=start + timedelta(seconds=sent[0].second) if sent else None,
        ends_at=start + timedelta(seconds=sent[-1].second) if sent else None,
        late=sum(one.count for one in sent if one.second > limit),
        unserved=wave.readers - sum(one.count for one in sent),
        held=max(held, key=lambda one: held[one], default=None),
    )


@dataclass(frozen=True, slots=True)
class Lot:
    """A wave on the plan's own clock."""

    due: int
    count: int
    until: int


def play(lots: Sequence[Lot], ways: Sequence[Way], held: Sequence[Counter[Held]]) -> Iterator[Sent]:
    """What goes out when; `held` gets the seconds that each lot waited, and for what.

    The work goes by the seconds in which something is sent.
    """
    relays, queue, now = [_Relay(way) for way in ways], _Queue(lots), 0
    while not queue.is_done:
        now = max(now, queue.begins_at)
        queue.come_to(now)
        if not queue.waiting:
            continue
        relay = _in_use(relays, now)
        ready_at, why = relay.ready(now)
        if ready_at <= now:
            yield from _send(relay, now, queue.waiting)
            ready_at, why = now + 1, Held(relay=relay.way.name, key=SPEED)
        until = int(min(ready_at, queue.changes_at))
        for place, _ in queue.waiting:
            held[place][why] += until - now
        now = until


class _Queue:
    """The lots that wait, with what is left of each, and those to come."""

    def __init__(self, lots: Sequence[Lot]) -> None:
        self._lots = lots
        self._coming = deque(sorted(range(len(lots)), key=lambda place: lots[place].due))
        self.waiting: deque[list[int]] = deque()

    @property
    def is_done(self) -> bool:
        return not (self.waiting or self._coming)

    @property
    def begins_at(self) -> int:
        """When there is something to do."""
        return 0 if self.waiting else self._lots[self._coming[0]].due

    @property
    def changes_at(self) -> float:
        """When the next lot comes, or one that waits expires."""
        comes = [self._lots[self._coming[0]].due] if self._coming else []
        goes = [self._lots[place].until for place, _ in self.waiting]
        return min(comes + goes, default=math.inf)

    def come_to(self, now: int) -> None:
        while self._coming and self._lots[self._coming[0]].due <= now:
            place = self._coming.popleft()
            self.waiting.append([place, self._lots[place].count])
        for late in [one for one in self.waiting if self._lots[one[0]].until <= now]:
            self.waiting.remove(late)


def _in_use(relays: Sequence["_Relay"], now: int) -> "_Relay":
    """The first that has room in its long windows; where none has, the one that is free first."""
    able = (relay for relay in relays if relay.is_able(now))
    return next(able, None) or min(relays, key=lambda relay: relay.free_at(now)[0])


def _send(relay: "_Relay", now: int, waiting: deque[list[int]]) -> Iterator[Sent]:
    room = relay.room(now)
    while waiting and room:
        place, left = waiting[0]
        count = min(room, left)
        relay.take(now, count)
        room -= count
        waiting[0][1] -= count
        if not waiting[0][1]:
            waiting.popleft()
        yield Sent(now, relay.way.name, place, count)


class _Relay:
    """A relay's windows as they fill and empty, and what its speed has in store."""

    def __init__(self, way: Way) -> None:
        self.way = way
        self._windows = [
            _Window(Held(relay=way.name, key=key), span, limit)
            for key, span in WINDOWS.items()
            if (limit := getattr(way.limits, key)) is not None
        ]
        self._next = 0.0  # when its speed lets the next message go

    def is_able(self, now: int) -> bool:
        """Whether no limit keeps it from sending for long."""
        return all(window.is_brief or window.room(now) > 0 for window in self._windows)

    def free_at(self, now: int) -> tuple[int, Held]:
        """When its limits let the next message go, and which of them it is that says so."""
        times = [(window.free_at(now), window.held) for window in self._windows]
        return max(times, key=lambda one: one[0], default=(now, Held(relay=self.way.name, key=SPEED)))

    def ready(self, now: int) -> tuple[int, Held]:
        """The same with its speed."""
        at, held = self.free_at(now)
        if (soon := int(self._next)) > at:
            return soon, Held(relay=self.way.name, key=SPEED)
        return at, held

    def room(self, now: int) -> int:
        """How many messages can begin within this second."""
        begin = math.ceil((now + 1 - max(self._next, now)) * self.way.rate - 1e-9)
        return min([begin, *(window.room(now) for window in self._windows)])

    def take(self, now: int, count: int) -> None:
        """So many go."""
        self._next = max(self._next, now) + count / self.way.rate
        for window in self._windows:
            window.take(now, count)


class _Window:
    """A sliding window: what was sent in the last `span` seconds, this one included."""

    def __init__(self, held: Held, span: int, limit: int) -> None:
        self.held = held
        self._span, self._limit = span, limit
        self._sent: deque[tuple[int, int]] = deque()
        self._used = 0

    @property
    def is_brief(self) -> bool:
        return self._span <= BRIEF_S

    def room(self, now: int) -> int:
        while self._sent and self._sent[0][0] <= now - self._span:
            self._used -= self._sent.popleft()[1]
        return self._limit - self._used

    def free_at(self, now: int) -> int:
        return now if self.room(now) > 0 else self._sent[0][0] + self._span

    def take(self, now: int, count: int) -> None:
        self._used += count
        if self._sent and self._sent[-1][0] == now:
            count += self._sent.pop()[1]
        self._sent.append((now, count))


# ---------------------------------------------------------------- what would help


def advise(waves: Sequence[Wave], ways: Sequence[Way], *, late_after: timedelta) -> tuple[Advice, ...]:
    """What would have to be larger, and how large, for nobody to miss the hour; tried, so that it is true.

    Empty if nobody does, or if nothing was found.
    """
    needed: dict[Held, float] = {}
    for _ in range(MOST_TRIALS):
        worst = make_plan(waves, [_with(way, needed) for way in ways], late_after=late_after).worst
        if worst is None:
            return tuple(Advice(held=held, needed=figure) for held, figure in needed.items())
        if (held := worst.held) is None:
            break
        needed[held] = _more(held, needed[held]) if held in needed else _needed(held, waves, late_after)
    return ()


MOST_TRIALS = 50


def _needed(held: Held, waves: Sequence[Wave], late_after: timedelta) -> float:
    """What one relay needs to bear all by itself: the fullest window, or the largest wave in time."""
    patience_s = max(1.0, late_after.total_seconds())
    if held.key == SPEED:
        return _rounded_up(max(wave.readers for wave in waves) / patience_s)
    span = WINDOWS[held.key]
    fullest = max(
        sum(one.readers for one in waves if timedelta() <= one.due_at - wave.due_at < timedelta(seconds=span))
        for wave in waves
    )
    return float(fullest) if span >= patience_s else math.ceil(fullest * span / patience_s)


def _more(held: Held, figure: float) -> float:
    """A tenth more."""
    return _rounded_up(figure * 1.1) if held.key == SPEED else math.ceil(figure * 1.1)


def _rounded_up(rate: float) -> float:
    """To hundredths, as it is shown."""
    return math.ceil(rate * 100) / 100


def _with(way: Way, needed: Mapping[Held, float]) -> Way:
    """The relay with what it would need, where that is more than it has."""
    limits: dict[str, Any] = {
        key: max(limit, int(needed.get(Held(relay=way.name, key=key), 0)))
        for key in WINDOWS
        if (limit := getattr(way.limits, key)) is not None
    }
    rate = max(way.rate, needed.get(Held(relay=way.name, key=SPEED), 0))
    return replace(way, rate=rate, limits=replace(way.limits, **limits))


def carries(ways: Sequence[Way]) -> tuple[int, int]:
    """How many messages the relays take in any hour and in any day, all of them together."""
    hours = [_at_most(way, 3_600) for way in ways]
    return sum(hours), sum(_at_most(way, DAY_S) for way in ways)


def _at_most(way: Way, span_s: int) -> int:
    bounds = [int(way.rate * span_s)]
    for key, span in WINDOWS.items():
        if (limit := getattr(way.limits, key)) is not None:
            bounds.append(limit * max(1, span_s // span))
    return min(bounds)
