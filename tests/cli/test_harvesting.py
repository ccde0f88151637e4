"""Which sources a service reads when, what it tells of that, and how it is ended."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, insert

from digest.cli.harvest_events import (
    Began,
    Ended,
    Fault,
    Got,
    HarvestEvent,
    LookedUp,
    LookingUp,
    PageKept,
    Stored,
    Warned,
    on_screen,
)
from digest.cli.harvesting import harvest_due
from digest.cli.world import World
from digest.config import Configuration, load_configuration
from digest.errors import DigestError, FetchError, InputError, StoreError
from digest.fetch.web import Web
from digest.model import Entry, Listing, Outcome, SourceState
from digest.rhythm import AT_HAND, GROWING, Rhythm, Try
from digest.sources.protocol import Source, Wanted
from digest.store.database import Database
from digest.store.harvests import Harvest, harvests_of
from digest.store.lock import at_work
from digest.store.tables import edition
from digest.store.turns import TurnRow, put_turns
from digest.store.web import hold_host
from tests.acceptance.test_fetching import api, listed
from tests.desk import ADA, CONFIG, NET, NOW
from tests.makers import entry
from tests.stores import open_copy
from tests.web import Server, answer

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@dataclass
class Kettle:
    """A source that gives what it is told to give, and counts how often it was read."""

    name: str = "kettle"
    grows: bool = False
    rhythm: Rhythm = GROWING
    gives: Callable[[Web, Wanted], Iterator[Listing | DigestError]] | None = None
    read_at: list[datetime] = field(default_factory=list)
    fails: bool = False
    """Whether it cannot be asked for one paper just now."""
    looked_up: list[str] = field(default_factory=list)

    def read(self, web: Web, wanted: Wanted) -> Iterator[Listing | DigestError]:
        self.read_at.append(wanted.at)
        if self.gives:
            yield from self.gives(web, wanted)
        else:
            yield Listing(layout="kettle", entries=(entry(),))

    def read_paper(self, web: Web, identifier: str, *, at: datetime) -> Entry | None:
        self.looked_up.append(identifier)
        if self.fails:
            raise FetchError("no tea before noon")
        return None


class Plain:
    """A source that says no more than it has to."""

    name = "plain"
    grows = True

    def read(self, web: Web, wanted: Wanted) -> Iterator[Listing | DigestError]:
        yield Listing(layout="plain", entries=(), quiet="no list yet")

    def read_paper(self, web: Web, identifier: str, *, at: datetime) -> None:
        pass


@dataclass
class Table:
    """A store with a configuration, and a clock of its own."""

    loaded: Configuration
    database: Database
    now: datetime = NOW
    told: list[HarvestEvent] = field(default_factory=list)
    unkept: dict[str, list[Try]] = field(default_factory=dict)

    def world(self, *sources: Source) -> World:
        return World(
            now=lambda: self.now, environment={}, sleep=lambda _seconds: None, sources=sources or None
        )

    def harvest(self, *sources: Source, stopping: threading.Event | None = None) -> list[Harvest]:
        world = self.world(*sources)
        tell, unkept = self.told.append, self.unkept
        return harvest_due(self.loaded, self.database, world, tell, stopping=stopping, unkept=unkept)

    def later(self, wait: timedelta) -> None:
        self.now += wait

    def reader_due(self, at: datetime) -> None:
        with self.database.begin() as connection:
            put_turns(connection, [TurnRow(profile="ada", day=at.date(), due_at=at, plan="daily")])


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    (tmp_path / "config.toml").write_text(CONFIG.format(transport="maildir"), encoding="utf-8")
    with open_copy(tmp_path / "digest.sqlite3") as database:
        yield Table(load_configuration(tmp_path / "config.toml"), database)


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Table]:
    """With a source that is asked for its list over the net."""
    server = Server()
    for day in range(3):
        server.answers[api((NOW + timedelta(days=day)).date())] = [answer(listed(*range(1, 13)))]
    (tmp_path / "config.toml").write_text(NET.format(url=server.url), encoding="utf-8")
    with open_copy(tmp_path / "digest.sqlite3") as database:
        yield Table(load_configuration(tmp_path / "config.toml"), database)
    server.close()


# ---------------------------------------------------------------- when


def test_a_source_is_read_at_once_and_then_when_its_time_has_come(table: Table) -> None:
    kettle = Kettle()
    table.reader_due(NOW + 5 * HOUR)

    first = table.harvest(kettle)
    again = table.harvest(kettle)
    table.later(GROWING.pace)
    later = table.harvest(kettle)

    assert [len(first), len(again), len(later)] == [1, 0, 1]
    assert kettle.read_at == [NOW, NOW + GROWING.pace]


def test_only_sources_whose_time_has_come_are_read(table: Table) -> None:
    kettle, folder = Kettle(), Kettle(name="folder", rhythm=AT_HAND)
    table.reader_due(NOW + 5 * HOUR)
    table.harvest(kettle, folder)
    table.later(AT_HAND.pace)

    done = table.harvest(kettle, folder)

    assert [one.source for one in done] == ["folder"]


def test_before_a_readers_hour_a_source_is_read_anew(table: Table) -> None:
    kettle = Kettle()
    table.reader_due(NOW + 2 * HOUR)
    table.harvest(kettle)
    table.later(2 * HOUR - 15 * MINUTE)

    table.harvest(kettle)

    assert kettle.read_at == [NOW, NOW + 2 * HOUR - 15 * MINUTE]


def test_while_an_edition_waits_a_list_that_grows_is_read_soon(table: Table) -> None:
    kettle = Kettle()
    table.harvest(kettle)
    values = {"considered": 9, "picks": 0, "reason": "", "made_at": NOW}
    with table.database.begin() as connection:
        row = {"profile": "ada", "day": NOW.date(), "outcome": Outcome.NOT_READY.value, **values}
        connection.execute(insert(edition).values(**row))
    table.later(15 * MINUTE)

    assert len(table.harvest(kettle)) == 1


def test_a_source_that_says_nothing_of_its_rhythm_has_one_too(table: Table) -> None:
    plain = Plain()

    assert [len(table.harvest(plain)), len(table.harvest(plain))] == [1, 0]


def test_a_host_that_asked_to_be_left_alone_is(net: Table) -> None:
    with net.database.begin() as connection:
        hold_host(connection, "127.0.0.1", NOW + 2 * HOUR, "429")

    held = [net.harvest()]
    net.later(HOUR)
    held.append(net.harvest())
    net.later(HOUR)
    done = net.harvest()

    assert held == [[], []]
    assert [one.state for one in done] == [SourceState.FINE]


def test_what_a_wrong_clock_wrote_of_a_host_holds_nothing_up(net: Table) -> None:
    with net.database.begin() as connection:
        hold_host(connection, "127.0.0.1", NOW + timedelta(days=300), "429")

    assert len(net.harvest()) == 1


def test_a_pass_in_which_nothing_is_due_asks_the_store_as_often_for_many_sources_as_for_one(
    table: Table,
) -> None:
    asked: list[str] = []

    def count(*sources: Source) -> int:
        table.harvest(*sources)
        asked.clear()
        assert table.harvest(*sources) == []
        return len([one for one in asked if one.startswith(("SELECT", "WITH"))])

    def hear(*given: object) -> None:
        asked.append(str(given[2]))

    event.listen(table.database.engine, "before_cursor_execute", hear)
    many = [Kettle(name=f"kettle {number}") for number in range(20)]

    assert count(many[0]) == count(*many) <= 4


def test_liked_papers_are_looked_up_with_the_first_harvest_of_a_day(table: Table) -> None:
    profile = ADA + '\n[liked]\npapers = ["2603.00009"]\n'
    folder = table.loaded.file.parent / "profiles"
    folder.mkdir()
    (folder / "ada.toml").write_text(profile, encoding="utf-8")
    table.loaded = load_configuration(table.loaded.file)
    kettle = Kettle(rhythm=AT_HAND, fails=True)
    table.reader_due(NOW + 20 * HOUR)

    for _ in range(4):
        table.harvest(kettle)
        table.later(AT_HAND.pace)
    on_first_day = list(kettle.looked_up)
    table.later(timedelta(days=1))
    table.harvest(kettle)

    assert len(kettle.read_at) == 5
    assert on_first_day == ["2603.00009"]
    assert kettle.looked_up == ["2603.00009", "2603.00009"]
    assert [one for one in table.told if isinstance(one, LookingUp | LookedUp)] == [
        *[LookingUp(), LookedUp(found=0)] * 2
    ]


# ---------------------------------------------------------------- several processes


def test_what_another_process_reads_is_left_to_it(table: Table) -> None:
    kettle = Kettle()

    with at_work(table.database.place, "harvest", waiting=None):
        assert table.harvest(kettle) == []

    assert kettle.read_at == []
    assert len(table.harvest(kettle)) == 1


# ---------------------------------------------------------------- what is told


def test_a_harvest_is_told_from_beginning_to_end(table: Table) -> None:
    def odd(_web: Web, _wanted: Wanted) -> Iterator[Listing | DigestError]:
        yield Listing(layout="kettle", entries=(entry(),), warnings=("a cup without a name",))
        yield FetchError("page 2 is gone", where="http://kettle.example.org/2")

    (done,) = table.harvest(Kettle(gives=odd))

    kinds = [type(one) for one in table.told]
    assert kinds == [Began, Got, Warned, Warned, Stored, Ended]
    warned = [one.what for one in table.told if isinstance(one, Warned)]
    assert warned == ["a cup without a name", "page 2 is gone (http://kettle.example.org/2)"]
    (stored,) = [one for one in table.told if isinstance(one, Stored)]
    assert (stored.done, stored.health.state) == (done, SourceState.PARTLY)


def test_a_fault_of_ours_is_told_with_its_traceback_and_stops_no_other(table: Table) -> None:
    def broken(_web: Web, _wanted: Wanted) -> Iterator[Listing | DigestError]:
        yield Listing(layout="kettle", entries=(), quiet=str(1 / 0))

    done = table.harvest(Kettle(name="broken", gives=broken), Kettle())

    assert sorted(one.source for one in done) == ["broken", "kettle"]
    (fault,) = [one for one in table.told if isinstance(one, Fault)]
    assert fault.source == "broken"
    assert "ZeroDivisionError" in fault.trace


def test_what_is_told_stands_on_the_screen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with on_screen() as tell:
        tell(Began(sources=("kettle",)))
        tell(Warned(source="kettle", what="is cold"))
        tell(Warned(what="nobody can be called"))
        tell(PageKept(source="kettle", path=tmp_path))
        tell(Ended())
        tell(LookingUp())
        tell(LookedUp(found=2))

    screen = capsys.readouterr()
    assert screen.out == "liked papers: 2 looked up\n"
    assert screen.err.splitlines() == [
        "reading kettle ...",
        "warning: kettle: is cold",
        "warning: nobody can be called",
        f"kettle: the page is kept as {tmp_path}",
        "looking up liked papers",
    ]


# ---------------------------------------------------------------- ended early


def test_who_is_to_end_does_not_wait_for_a_slow_source(table: Table) -> None:
    stopping, go_on, is_reading = threading.Event(), threading.Event(), threading.Event()

    def slow(_web: Web, _wanted: Wanted) -> Iterator[Listing | DigestError]:
        is_reading.set()
        go_on.wait(timeout=60)
        yield Listing(layout="kettle", entries=(entry("2603.00002"),))

    def tell(event: HarvestEvent) -> None:
        table.told.append(event)
        if isinstance(event, Stored):
            assert is_reading.wait(timeout=10)
            stopping.set()

    sources = (Kettle(name="quick"), Kettle(name="slow", gives=slow))
    done = harvest_due(table.loaded, table.database, table.world(*sources), tell, stopping=stopping)
    go_on.set()

    assert [one.source for one in done] == ["quick"]
    assert table.told[-1] == Ended(is_abandoned=True)
    with table.database.read() as connection:
        assert harvests_of(connection, "slow", most=1) == ()


def test_after_the_end_a_source_that_is_still_read_asks_no_more(table: Table) -> None:
    stopping, asked = threading.Event(), threading.Event()
    heard: list[DigestError] = []

    def asks(web: Web, _wanted: Wanted) -> Iterator[Listing | DigestError]:
        stopping.set()
        try:
            web.get("http://kettle.example.org/")
        except DigestError as problem:
            heard.append(problem)
            asked.set()
        yield InputError("nothing")

    done = table.harvest(Kettle(gives=asks), stopping=stopping)

    assert asked.wait(timeout=10)
    assert done == []
    assert str(heard[0]) == "http://kettle.example.org/: not asked, as Digest is ending"


def test_what_was_left_unread_is_due_at_once_again(table: Table) -> None:
    stopping = threading.Event()
    stopping.set()
    kettle = Kettle()

    ended = table.harvest(kettle, stopping=stopping)
    stopping.clear()

    assert ended == []
    assert [one.source for one in table.harvest(kettle, stopping=stopping)] == ["kettle"]


def test_a_source_whose_lists_cannot_be_stored_is_asked_no_more_often_for_that(table: Table) -> None:
    kettle = Kettle()
    full = "SELECT RAISE(FAIL, 'database or disk is full')"
    with table.database.begin() as connection:
        connection.exec_driver_sql(f"CREATE TRIGGER no_room BEFORE INSERT ON harvest BEGIN {full}; END")

    for _ in range(60):
        with suppress(StoreError):
            table.harvest(kettle)
        table.later(timedelta(minutes=1))
    asked = [(at - NOW) // timedelta(minutes=1) for at in kettle.read_at]
    with table.database.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER no_room")
    table.later(timedelta(hours=2))

    assert asked == [0, 15, 45]
    assert [one.source for one in table.harvest(kettle)] == ["kettle"]
    assert table.unkept == {}
