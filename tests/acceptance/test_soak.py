"""A year of mornings for readers in 24 zones: every day ends in one outcome, no paper comes twice, none is lost.

Lists come late, short and not at all; the relay is down, loses connections and refuses; the process is killed,
stopped and asleep for a week; readers travel, go on vacation, break their files. Time is passed in, the store is
real, and what must come of it is worked out apart from Digest (tests/soak.py). pytest shows the table at its end.
"""

import random
from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from digest.cli.service import Service
from digest.cli.world import World
from digest.making import Waits
from digest.model import DeliveryState, Outcome
from digest.store.editions import Day, days
from digest.store.record import Listed, overview
from digest.store.suppressions import lift
from digest.store.waiting import waiting
from digest.transport.protocol import Relay
from tests.posts import Post
from tests.soak import (
    A_DAY,
    QUARTER,
    Clock,
    Killed,
    Postman,
    Press,
    Reader,
    Shop,
    Span,
    Wish,
    among,
    edition_days,
    hours_of,
    write,
)
from tests.stores import open_copy

BEGIN = datetime(2011, 7, 4, tzinfo=UTC)
"""With a 29th of February, and with the day that Samoa left out: 2011-12-30."""
YEAR = timedelta(days=364)
AN_HOUR = timedelta(hours=1)
GRACE = AN_HOUR / 2
WINDOW, FARTHEST = timedelta(days=7), timedelta(days=75)
ENDED = frozenset(Outcome) - {Outcome.READY, Outcome.NOT_READY}
WORKDAYS = frozenset(range(5))

CONFIG = """
[mail]
from_address = "digest@example.org"

[[sources]]
kind = "listing"
pages = ["pages"]

[delivery]
patience_s = 0

[alarm]
command = ["./hook"]
"""
HOOK = '#!/bin/sh\necho "$DIGEST_ALARM_KIND|$DIGEST_ALARM_ABOUT|$DIGEST_ALARM_WHAT" >> told\n'


def on(month: int, day: int, hour: float = 12) -> datetime:
    """A moment of the year, in UTC."""
    return datetime(2011 + (month < 7), month, day, tzinfo=UTC) + timedelta(hours=hour)


def reader(name: str, zone: str, hour: str, **wish: Any) -> Reader:
    return Reader(name=name, wishes=((BEGIN, Wish(zone=zone, hour=time.fromisoformat(hour), **wish)),))


def then(one: Reader, at: datetime, **wish: Any) -> Reader:
    """The same reader, who wishes something else from then on."""
    return Reader(name=one.name, wishes=(*one.wishes, (at, replace(one.wishes[-1][1], **wish))))


def away(one: Reader, first: date, until: date) -> Reader:
    return then(one, datetime.combine(first, time(), UTC) - 3 * A_DAY, away=(first, until))


WEST = (
    then(reader("ada", "Europe/Berlin", "07:30"), on(1, 10), hour=time(6, 30)),
    reader("ben", "Europe/London", "06:30", days=WORKDAYS),
    then(reader("cleo", "America/New_York", "01:30"), on(2, 6), zone="Europe/Berlin", hour=time(7, 30)),
    reader("dan", "America/Los_Angeles", "22:30", every="week"),
    away(reader("eve", "America/St_Johns", "03:00", days=WORKDAYS), date(2011, 12, 20), date(2012, 1, 3)),
    reader("fay", "America/Sao_Paulo", "00:00", every="week", days=frozenset({6})),
    reader("gil", "Atlantic/Azores", "00:30", every="week", days=frozenset({6, 0})),
    reader("hal", "UTC", "05:30", wait_until=time(14, 30)),
    reader("ida", "Africa/Cairo", "07:30", days=frozenset({0, 2, 4})),
    reader("jon", "Africa/Johannesburg", "07:30", every="month", days=frozenset({0}), variety="sencha"),
    reader("kim", "America/Santiago", "00:00", every="week", days=frozenset({6})),
    reader("lou", "Pacific/Pago_Pago", "18:30", every="month", days=frozenset({1, 3}), variety="sencha"),
)
EAST = (
    reader("meg", "Pacific/Apia", "06:30"),
    away(reader("ned", "Pacific/Chatham", "06:15", days=WORKDAYS), date(2011, 8, 8), date(2011, 8, 20)),
    reader("oda", "Australia/Lord_Howe", "02:15", every="week", days=frozenset({6})),
    reader("pia", "Asia/Kolkata", "23:00", wait_until=time(23, 45)),
    reader("quin", "Asia/Kathmandu", "23:15", days=frozenset({0, 1, 2, 3})),
    reader("rob", "Asia/Tehran", "00:00", every="week", days=frozenset({5})),
    reader("sue", "Australia/Adelaide", "03:00", every="week", days=frozenset({6})),
    reader("tom", "Asia/Tokyo", "02:30", days=WORKDAYS),
    reader("una", "Pacific/Kiritimati", "07:30", every="month", variety="sencha"),
    reader("vic", "Asia/Yangon", "00:00", every="week"),
    away(reader("wim", "Pacific/Marquesas", "08:00", every="week"), date(2012, 4, 10), date(2012, 4, 17)),
    reader("xia", "Europe/Moscow", "21:30", every="month", days=frozenset({4}), variety="sencha"),
)


@dataclass
class Season:
    """A stretch of time, and all that happens in it."""

    folder: Path
    readers: tuple[Reader, ...]
    seed: int
    begin: datetime = BEGIN
    length: timedelta = YEAR
    told: list[object] = field(default_factory=list)
    killed: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.end = self.begin + self.length
        self.clock = Clock(self.begin)
        self.changed_at = self.begin
        chance = self.chance = random.Random(self.seed)
        press = Press(chance, self.begin.date() - 3 * A_DAY, self.end.date())
        self.shops: tuple[Shop, ...] = press.shops(self.clock)
        self.relay_down = tuple(self._spans(9, (1, 3, 5), hours=(5, 17)))
        self.off = tuple(self._spans(7, (0.25, 1, 2, 10), hours=range(24))) + self._week_of_sleep()
        self.refuses = {"ida@example.org": (self._span(100, 240),), "tom@example.org": (self._span(200, 48),)}
        self.broken = {"ben": self._span(150, 30), "quin": self._span(60, 30)}
        self.lifted = self._span(110, 1).begin
        self.postman = Postman(
            self.clock,
            random.Random(self.seed + 1),
            down=self.relay_down,
            unknown_here=self.refuses,
            kills_at=[self._at(chance.randint(9, self.length.days), 0) for _ in range(2)],
        )
        self.postman.kills_at.sort()

    def _at(self, day: float, hour: float) -> datetime:
        return self.begin + timedelta(days=day, hours=hour)

    def _span(self, day: float, hours: float) -> Span:
        """By the days of a year: a shorter season has it sooner."""
        begin = self._at(round(day * (self.length / YEAR)), 1)
        return Span(begin=begin, end=begin + timedelta(hours=hours))

    def _spans(self, number: int, lengths: Sequence[float], hours: Sequence[int]) -> Iterator[Span]:
        for _ in range(max(1, round(number * self.length / YEAR))):
            begin = self._at(self.chance.randint(9, self.length.days - 2), self.chance.choice(hours))
            yield Span(begin=begin, end=begin + timedelta(hours=self.chance.choice(lengths)))

    def _week_of_sleep(self) -> tuple[Span, ...]:
        return (self._span(250, 24 * 7 + 3),) if self.length == YEAR else ()

    # ------------------------------------------------------------ played through

    @cached_property
    def due(self) -> dict[str, dict[date, datetime]]:
        """The hour of each reader's editions, paused or not, but for days beside a change of wishes."""
        return {one.name: dict(self._due(one)) for one in self.readers}

    def _due(self, one: Reader) -> Iterator[tuple[date, datetime]]:
        last = self.end - 2 * A_DAY
        ends = [min(at, last) for at, _ in one.wishes[1:]] + [last]
        for (since, wish), until in zip(one.wishes, ends, strict=True):
            hours = hours_of(wish.zone, wish.hour, self.begin - 2 * A_DAY, self.end + 2 * A_DAY)
            for day in edition_days(wish, list(hours)):
                is_beside = since > self.begin and hours[day] < since + 36 * AN_HOUR
                if since <= hours[day] < until and not (is_beside and not self._is_only_away(one, since)):
                    yield day, hours[day]

    def _is_only_away(self, one: Reader, since: datetime) -> bool:
        before, after = one.wish(since - QUARTER), one.wish(since)
        return (before.zone, before.hour) == (after.zone, after.hour)

    def ticks(self) -> list[datetime]:
        """When there is a pass in any case: whenever somebody is due, and at random."""
        at = {moment for hours in self.due.values() for moment in hours.values()}
        for span in self.broken.values():
            at |= {span.begin + AN_HOUR * place for place in range((span.end - span.begin) // AN_HOUR + 2)}
        at |= {self._at(day, self.chance.uniform(0, 24)) for day in range(0, self.length.days, 6)}
        at |= {span.end for span in self.off}
        at |= {since for one in self.readers for since, _ in one.wishes}
        return sorted(one for one in at if self.begin <= one < self.end and not among(self.off, one))

    def play(self) -> None:
        (self.folder / "config.toml").write_text(CONFIG)
        (self.folder / "hook").write_text(HOOK)
        (self.folder / "hook").chmod(0o755)
        for one in self.readers:
            write(self.folder, one.name, one.wishes[0][1])
        open_copy(self.folder / "digest.sqlite3").close()
        ticks, place = self.ticks(), 0
        while place < len(ticks):
            self.clock.now = ticks[place]
            place = self._serve(ticks, place)

    def _serve(self, ticks: list[datetime], place: int) -> int:
        """A process at work, until it is stopped or killed; returns which tick comes next."""
        service = Service(self.world(), self.folder / "config.toml", self.told.append)
        service.__enter__()
        while place < len(ticks):
            before, self.clock.now = self.clock.now, ticks[place]
            if any(before < span.begin <= self.clock.now for span in self.off):
                self.clock.now = before
                if self.chance.random() < 0.5:
                    service.__exit__(None, None, None)
                else:
                    service._database.close()
                return place
            self._change_files()
            try:
                service.pass_()
            except BaseException as killed:
                if not _is_killed(killed):
                    raise
                self.killed.append(self.clock.now)
                service._database.close()
                return place + 1
            place += 1
            self._come_back(service, ticks, place)
        service.__exit__(None, None, None)
        return place

    def _come_back(self, service: Service, ticks: list[datetime], place: int) -> None:
        """For messages that wait, soon; for those who wait for a list, when their patience is over."""
        now, wanted = self.clock.now, set[datetime]()
        with service._database.read() as connection:
            if waiting(connection):
                wanted.add(now + QUARTER)
        for one in (one.profile for one in self.told if isinstance(one, Waits)):
            assert one.wait_until
            today = now.astimezone(ZoneInfo(one.timezone)).date()
            wanted.add(datetime.combine(today, one.wait_until, ZoneInfo(one.timezone)).astimezone(UTC))
        self.told.clear()
        for at in wanted:
            if at not in ticks and not among(self.off, at):
                insort(ticks, at, lo=place)

    def world(self) -> World:
        post = Post(self.clock, self.postman.answer, body_s=0, on_body=self.postman.on_body)
        relays: tuple[Relay, ...] = (post.relay("main"),)
        return World(
            now=self.clock,
            environment={"PATH": "/usr/bin:/bin"},
            folder=self.folder,
            sleep=lambda _seconds: None,
            sources=self.shops,
            relays=relays,
        )

    def _change_files(self) -> None:
        """What people did since the last pass."""
        before, now = self.changed_at, self.clock.now
        self.changed_at = now
        for one in self.readers:
            for since, wish in one.wishes[1:]:
                if before < since <= now:
                    write(self.folder, one.name, wish)
            if (span := self.broken.get(one.name)) and before < span.begin <= now:
                (self.folder / "profiles" / f"{one.name}.toml").write_text("email = 5\n")
            elif span and before < span.end <= now:
                write(self.folder, one.name, one.wish(now))
        if before < self.lifted <= now:
            with open_copy(self.folder / "digest.sqlite3") as database, database.begin() as connection:
                lift(connection, "ida@example.org", now)

    # ------------------------------------------------------------ found

    @cached_property
    def record(self) -> dict[str, dict[date, Day]]:
        """How the days of each reader stand in the store."""
        found: dict[str, dict[date, Day]] = {one.name: {} for one in self.readers}
        with open_copy(self.folder / "digest.sqlite3") as database, database.read() as connection:
            for day in days(connection, found, date.min):
                assert day.day not in found[day.profile]
                found[day.profile][day.day] = day
        return found

    @cached_property
    def messages(self) -> dict[tuple[str, date], Listed]:
        with open_copy(self.folder / "digest.sqlite3") as database, database.read() as connection:
            return {(one.profile, one.day): one for one in overview(connection, most=100_000)}

    @property
    def alarms(self) -> list[list[str]]:
        """Kind, what about, and what was said, as the operator's command heard them."""
        told = self.folder / "told"
        return [line.split("|", 2) for line in told.read_text().splitlines()] if told.exists() else []

    def table(self) -> str:
        kinds = [kind for kind in Outcome if kind in ENDED]
        counted = {name: Counter(day.outcome for day in of.values()) for name, of in self.record.items()}
        lines = [f"{'reader':8}{'zone':22}{'every':7}" + "".join(f"{kind.value:>12}" for kind in kinds)]
        for one in self.readers:
            wish, ends = one.wishes[0][1], counted[one.name]
            numbers = "".join(f"{ends[kind] or '-':>12}" for kind in kinds)
            lines.append(f"{one.name:8}{wish.zone:22}{wish.every:7}{numbers}")
        sums = "".join(f"{sum(ends[kind] for ends in counted.values()):>12}" for kind in kinds)
        return "\n".join([*lines, f"{'all':37}{sums}"])


def _is_killed(problem: BaseException) -> bool:
    if isinstance(problem, BaseExceptionGroup):
        return problem.subgroup(Killed) is not None
    return isinstance(problem, Killed)


# ---------------------------------------------------------------- what must be


def every_day_ends_once(season: Season) -> Iterator[str]:
    for one in season.readers:
        stands, due = season.record[one.name], season.due[one.name]
        for day, at in due.items():
            if day not in stands:
                yield f"{one.name} {day}: no outcome"
            elif stands[day].outcome not in ENDED or not stands[day].reason:
                yield f"{one.name} {day}: {stands[day].outcome} ({stands[day].reason})"
            else:
                away = one.wish(at).away
                is_away = away is not None and away[0] <= day < away[1]
                if is_away is not (stands[day].outcome is Outcome.PAUSED):
                    yield f"{one.name} {day}: {stands[day].outcome}, away: {is_away}"
        changes = [since.date() for since, _ in one.wishes[1:]]
        for day in stands.keys() - due.keys():
            is_beside = any(abs((day - change).days) <= 2 for change in changes)
            is_within = (season.begin + A_DAY).date() < day < (season.end - 3 * A_DAY).date()
            if is_within and not is_beside:
                yield f"{one.name} {day}: {stands[day].outcome}, and no day of hers ({stands[day].reason})"


def editions_come_at_their_hour(season: Season) -> Iterator[str]:
    """But for those that something was in the way of."""
    trouble = (*season.relay_down, *season.off, *season.broken.values())
    trouble += tuple(Span(begin=at - A_DAY, end=at + A_DAY) for at in season.killed)
    trouble += tuple(Span(begin=at - QUARTER, end=at + 2 * AN_HOUR) for at in season.postman.lost_at)
    came = {one.message_id: one.at for one in season.postman.arrived}
    for one in season.readers:
        for day, at in season.due[one.name].items():
            message = season.messages.get((one.name, day))
            is_calm = not any(
                span.meets(at - 2 * AN_HOUR, _latest(one.wish(at), day, at)) for span in trouble
            )
            came_at = came.get(message.message_id) if message else None
            if is_calm and came_at and not at <= came_at <= _latest(one.wish(at), day, at):
                yield f"{one.name} {day}: due {at}, came {came_at}"


def _latest(wish: Wish, day: date, due_at: datetime) -> datetime:
    """When an edition is to be out: at its hour, or when the reader's patience is over."""
    if wish.wait_until is None:
        return due_at
    return datetime.combine(day, wish.wait_until, ZoneInfo(wish.zone)).astimezone(UTC)


def no_paper_comes_twice(season: Season) -> Iterator[str]:
    whose = {one.message_id: one.profile for one in season.messages.values()}
    had: dict[str, Counter[int]] = {one.name: Counter() for one in season.readers}
    for one in season.postman.arrived:
        had[whose[one.message_id]].update(one.papers)
    for name, counted in had.items():
        yield from (
            f"{name}: No. {number} came {times} times" for number, times in counted.items() if times > 1
        )


def no_paper_is_lost(season: Season) -> Iterator[str]:
    """Whatever was given to Digest since the last edition, or in a week before, is in this one or was had."""
    papers = {one.message_id: one.papers for one in season.postman.arrived}
    shown: dict[int, datetime] = {}
    for shop in season.shops:
        for number, at in shop.shown.items():
            shown[number] = min(at, shown.get(number, at))
    varieties = {
        one.number: one.variety for shop in season.shops for day in shop.lists.values() for one in day
    }
    for reader in season.readers:
        variety, had, last = reader.wishes[0][1].variety, set[int](), None
        wanted = {number: at for number, at in shown.items() if varieties[number] == variety}
        for day in sorted(season.record[reader.name]):
            message = season.messages.get((reader.name, day))
            if message is None or message.state not in (DeliveryState.SENT, DeliveryState.UNKNOWN):
                continue
            made = message.queued_at
            had |= papers.get(message.message_id, frozenset())
            since = max(min(last or made, made - WINDOW), made - FARTHEST)
            for number, at in wanted.items():
                if since < at < made and number not in had:
                    yield f"{reader.name} {day}: No. {number}, known since {at}, is not in it ({made})"
                    had.add(number)
            last = made


def gaps_are_told(season: Season) -> Iterator[str]:
    told = [about for kind, about, _ in season.alarms if kind == "gap"]
    if len(told) != len(set(told)):
        yield f"a gap was told twice: {told}"
    hours = [at for due in season.due.values() for at in due.values()]
    for span in season.off:
        late = [at for at in hours if span.begin <= at < span.end - GRACE]
        is_told = any(span.begin - A_DAY < datetime.fromisoformat(about) <= span.begin for about in told)
        if late and span.end < season.end and not is_told and not _is_all_paused(season, late):
            yield f"{len(late)} editions were due in {span}, and nobody was told"


def _is_all_paused(season: Season, late: Sequence[datetime]) -> bool:
    ends = [
        season.record[name][day].outcome
        for name, due in season.due.items()
        for day, at in due.items()
        if at in late and day in season.record[name]
    ]
    return all(end is Outcome.PAUSED for end in ends)


def overdue_editions_are_told(season: Season) -> Iterator[str]:
    told = {about for kind, about, _ in season.alarms if kind == "overdue"}
    held = {
        (one.day, span)
        for one in season.messages.values()
        for span in season.relay_down
        if span.begin <= one.queued_at < span.end - 2 * GRACE
        and not any(off.meets(one.queued_at, span.end) for off in season.off)
    }
    for day, span in sorted(held, key=str):
        if f"{day} relay" not in told:
            yield f"messages of {day} were held up by {span}, and nobody was told"
    for name, span in season.broken.items():
        for day, at in season.due.get(name, {}).items():
            is_broken = span.begin <= at < span.end - 3 * AN_HOUR
            is_calm = not any(off.meets(at - A_DAY, span.end) for off in season.off)
            if is_broken and is_calm and f"{day} making" not in told:
                yield f"{name} {day}: could not be made, and nobody was told"
    for about in told:
        of_day, lack = about.split()
        midnight = datetime.fromisoformat(of_day).replace(tzinfo=UTC)
        near = Span(begin=midnight - A_DAY, end=midnight + 3 * A_DAY)
        causes = season.relay_down if lack == "relay" else tuple(season.broken.values())
        if not any(near.meets(span.begin, span.end) for span in (*causes, *season.off)):
            yield f"an alarm without a cause: {about}"


LAWS = (
    every_day_ends_once,
    editions_come_at_their_hour,
    no_paper_comes_twice,
    no_paper_is_lost,
    gaps_are_told,
    overdue_editions_are_told,
)


def broken_laws(season: Season) -> list[str]:
    return [f"{law.__name__}: {found}" for law in LAWS for found in law(season)]


@pytest.mark.slow
@pytest.mark.parametrize("readers", [WEST, EAST], ids=["west", "east"])
def test_a_year_of_mornings(
    tmp_path: Path, readers: tuple[Reader, ...], record_property: Callable[[str, object], None]
) -> None:
    season = Season(tmp_path, readers, seed=11)

    season.play()

    record_property("table", season.table())
    assert broken_laws(season) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 4))
def test_three_weeks_of_mornings(tmp_path: Path, seed: int) -> None:
    season = Season(tmp_path, (*WEST[seed::3], *EAST[seed::3]), seed=seed, length=timedelta(days=21))

    season.play()

    assert broken_laws(season) == []
