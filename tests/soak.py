"""A year in a moment: sources, a relay and readers made up from a seed, and a clock that is put forward.

What is to come of it is told apart from how Digest decides: by looking at the readers' wall clocks each quarter
of an hour, and by remembering what every list had, and when it was given.
"""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from digest.errors import DigestError, FetchError
from digest.fetch.web import Web
from digest.harvest import Page, Witness
from digest.model import Attempt, Entry, Listing, Message, Observation, Paper
from digest.sources.protocol import Wanted
from tests.posts import lost, nobody, refused

QUARTER = timedelta(minutes=15)
A_DAY = timedelta(days=1)
MARK = re.compile(r"Tea No\. (\d{5})")
KEPT_LISTS = timedelta(days=30)
"""So long a source shows its lists of before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A time in which something is out of order."""

    begin: datetime
    end: datetime

    def covers(self, at: datetime) -> bool:
        return self.begin <= at < self.end

    def meets(self, begin: datetime, end: datetime) -> bool:
        return self.begin < end and begin < self.end


def among(spans: Sequence[Span], at: datetime) -> bool:
    return any(span.covers(at) for span in spans)


# ---------------------------------------------------------------- papers and their lists


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A paper on a list."""

    number: int
    title: str
    variety: str
    at: datetime
    """From when on the list shows it."""


@dataclass
class Shop:
    """A source: what its list of each day has, and when it cannot be read."""

    name: str
    grows: bool
    lists: dict[date, list[Listed]]
    """A day without a list is not among them."""
    closed: tuple[Span, ...] = ()
    clock: "Clock" = field(repr=False, kw_only=True)
    shown: dict[int, datetime] = field(default_factory=dict)
    """When each paper was given for the first time."""

    def read(self, web: Web, wanted: Wanted) -> Iterator[Listing | DigestError]:
        """Its lists since it was last read whole, as real ones have them; the newest is always among them."""
        url = f"https://{self.name}.example.org/"
        if among(self.closed, self.clock.now):
            yield FetchError("answered 503", where=url)
            return
        assert isinstance(web, Witness)
        web.remembered.append(Page(url=url, data=b"tea"))
        yield from self._shown(wanted)

    def _shown(self, wanted: Wanted) -> Iterator[Listing]:
        since = (wanted.since or wanted.at - A_DAY).date()
        shown = {
            day: entries
            for day in sorted(self.lists)
            if since <= day <= wanted.today and (entries := self._entries(day, wanted.at))
        }
        for day, entries in shown.items():
            yield Listing(layout="tea list", entries=entries, day=day)
        if wanted.today not in shown:
            is_by_calendar = wanted.today not in self.lists
            quiet = "no list today" if is_by_calendar else "today's list is not there yet"
            if is_by_calendar or not shown:
                yield Listing(
                    layout="tea list", entries=(), day=wanted.today, quiet=quiet, by_calendar=is_by_calendar
                )

    def _entries(self, day: date, now: datetime) -> tuple[Entry, ...]:
        there = [one for one in self.lists[day] if one.at <= now]
        for one in there:
            self.shown.setdefault(one.number, now)
        return tuple(_entry(one, day, self.name, now) for one in there)

    def read_paper(self, web: Web, identifier: str, *, at: datetime) -> Entry | None:
        return None


def _entry(one: Listed, day: date, source: str, now: datetime) -> Entry:
    paper = Paper(
        id=f"10.5555/tea.{one.number:05}",
        title=one.title,
        source=source,
        abstract=None if one.variety == "chamomile" else _abstract(one.number, one.variety),
    )
    return Entry(paper=paper, observation=Observation(at=now, listed_on=day))


@cache
def _abstract(number: int, variety: str) -> str:
    chance = random.Random(number)
    said = " ".join(_word(chance) for _ in range(5))
    return f"A robot pours {variety}. {said.capitalize()}."


def _word(chance: random.Random) -> str:
    """A word that nobody says: so that no two papers are alike."""
    return "".join(
        chance.choice("bdfgklmnprst") + chance.choice("aeiou") for _ in range(chance.randint(2, 4))
    )


HOURS = (0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 11)
"""When the list that grows does."""


def _at(day: date, hour: float) -> datetime:
    return datetime.combine(day, time(), UTC) + timedelta(hours=hour)


@dataclass
class Press:
    """Writes the lists of a season."""

    chance: random.Random
    begin: date
    end: date
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 100_000)))

    def shops(self, clock: "Clock") -> "tuple[Shop, ...]":
        """One of working days; one that grows, comes late and is short at times; one that repeats the first
        under other titles, a day later."""
        kettles = Shop("kettles", False, dict(self._working_days()), self._outages(7), clock=clock)
        teapots = Shop("teapots", True, dict(self._growing()), self._outages(9), clock=clock)
        repeated = {day + A_DAY: self._again(entries) for day, entries in kettles.lists.items()}
        samovars = Shop("samovars", False, repeated, self._outages(5), clock=clock)
        return kettles, teapots, samovars

    def _days(self) -> Iterator[date]:
        return (self.begin + A_DAY * ahead for ahead in range((self.end - self.begin).days + 1))

    def _working_days(self) -> Iterator[tuple[date, list[Listed]]]:
        """Holidays: the first of each month, and the last week of December."""
        for day in self._days():
            if day.weekday() < 5 and day.day != 1 and not (day.month == 12 and day.day >= 25):
                sencha = self._papers(day, "sencha", [4.25] if day.weekday() in (1, 3) else [])
                yield day, [*self._papers(day, "oolong", [4.25]), *sencha]

    def _growing(self) -> Iterator[tuple[date, list[Listed]]]:
        """One new paper a day, among some that stand there each day: so few are quickly read."""
        standing = list(self._papers(self.begin, "chamomile", [0] * len(HOURS)))
        for day in self._days():
            if day.weekday() == 6:
                continue
            is_late, is_short = self.chance.random() < 0.08, self.chance.random() < 0.05
            hours = [hour + 12 * is_late for hour in HOURS[: 4 if is_short else None]]
            yield (
                day,
                [
                    *self._papers(day, "oolong", hours[:1]),
                    *(replace(one, at=_at(day, hour)) for one, hour in zip(standing, hours, strict=False)),
                ],
            )

    def _papers(self, day: date, variety: str, hours: Sequence[float]) -> Iterator[Listed]:
        for hour in hours:
            number = next(self.numbers)
            title = f"{_word(self.chance).capitalize()} {variety.capitalize()} by Robot, Tea No. {number:05}"
            yield Listed(number=number, title=title, variety=variety, at=_at(day, hour))

    def _again(self, entries: Sequence[Listed]) -> list[Listed]:
        return [
            replace(one, title=f"{one.title} (Revised)", at=one.at + A_DAY)
            for one in entries
            if one.number % 3 == 0
        ] or [replace(entries[0], at=entries[0].at + A_DAY)]

    def _outages(self, number: int) -> tuple[Span, ...]:
        length = (self.end - self.begin).days
        begins = sorted(self.chance.sample(range(10, max(11 + number, length - 12)), number))
        return tuple(
            Span(begin=(begin := _at(self.begin + A_DAY * day, self.chance.randint(0, 23))),
                 end=begin + timedelta(hours=self.chance.choice((2, 9, 30, 60))))
            for day in begins
        )  # fmt: skip


# ---------------------------------------------------------------- the way out


@dataclass
class Clock:
    """Says what time it is: whatever it was put to."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A message that came to its reader."""

    at: datetime
    message_id: str
    papers: frozenset[int]


class Killed(BaseException):
    """The process is no more."""


@dataclass
class Postman:
    """Answers as a relay does: with outages, lost connections, and addresses that it does not know."""

    clock: Clock
    chance: random.Random
    down: tuple[Span, ...] = ()
    unknown_here: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    """By address."""
    lost_share: float = 0.005
    kills_at: list[datetime] = field(default_factory=list)
    """The first message after each of these kills the process, its body half out."""
    lost_at: list[datetime] = field(default_factory=list)
    arrived: list[Arrival] = field(default_factory=list)
    """What came to its reader, or may have."""

    def answer(self, message: Message, _borne: int) -> Attempt | None:
        if among(self.down, self.clock.now):
            return nobody()
        if among(self.unknown_here.get(message.envelope.recipient, ()), self.clock.now):
            return refused()
        if self.chance.random() >= self.lost_share:
            return None
        self.lost_at.append(self.clock.now)
        return lost()

    def on_body(self, message: Message) -> None:
        text = message.data.replace(b"=\r\n", b"").decode("ascii", "replace").replace("=20", " ")
        papers = frozenset(map(int, MARK.findall(text)))
        self.arrived.append(Arrival(at=self.clock.now, message_id=message.message_id, papers=papers))
        if self.kills_at and self.clock.now >= self.kills_at[0]:
            self.kills_at.pop(0)
            raise Killed


# ---------------------------------------------------------------- readers


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a profile says of when, from a moment on."""

    zone: str
    hour: time
    days: frozenset[int] = frozenset(range(7))
    every: str = "day"
    away: tuple[date, date] | None = None
    """The first day without an edition, and the first with one again."""
    wait_until: time | None = None
    variety: str = "oolong"

    def toml(self, name: str) -> str:
        days = ", ".join(f'"{WEEKDAYS[day]}"' for day in sorted(self.days))
        lines = [
            f'email = "{name}@example.org"',
            f'timezone = "{self.zone}"',
            f'send_at = "{self.hour:%H:%M}"',
            f"days = [{days}]",
            f'every = "{self.every}"',
            "max_papers = 50\nthreshold = 5",
        ]
        if self.wait_until:
            lines.append(f'wait_until = "{self.wait_until:%H:%M}"')
        if self.away:
            lines.append(f"[pause]\nbegins = {self.away[0]}\nuntil = {self.away[1]}")
        return "\n".join([*lines, f'[interests]\n"{self.variety}" = 10\n[trending]\noutside_interests = 0\n'])


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Somebody, and what she wishes from when on."""

    name: str
    wishes: tuple[tuple[datetime, Wish], ...]
    """The first holds from the beginning."""

    def wish(self, at: datetime) -> Wish:
        return [wish for since, wish in self.wishes if since <= at][-1]


@cache
def hours_of(zone: str, hour: time, begin: datetime, end: datetime) -> Mapping[date, datetime]:
    """When the clocks there first show an hour, or have just jumped over it, day by day.

    By looking at them each quarter of an hour, for which all zones' changes are multiples of it.
    """
    there, found, at = ZoneInfo(zone), dict[date, datetime](), begin
    while at < end:
        local = at.astimezone(there)
        if local.time() >= hour:
            found.setdefault(local.date(), at)
        at += QUARTER
    # The first day may have begun earlier.
    found.pop(begin.astimezone(there).date(), None)
    return found


def edition_days(wish: Wish, days: Sequence[date]) -> list[date]:
    """Of the days that there are, those on which this wish is for an edition; `days` are without a hole."""
    wanted = [day for day in days if day.weekday() in wish.days]
    if wish.every == "week":
        return [day for day in wanted if day.weekday() == min(wish.days)]
    if wish.every == "month":
        firsts: dict[tuple[int, int], date] = {}
        for day in wanted:
            firsts.setdefault((day.year, day.month), day)
        return [day for day in firsts.values() if day.day <= 7]
    return wanted


def write(folder: Path, name: str, wish: Wish) -> None:
    """The profile's file, as a person would save it."""
    path = folder / "profiles" / f"{name}.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(wish.toml(name), encoding="utf-8")
