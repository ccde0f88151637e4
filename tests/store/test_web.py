"""The client's memory in the store."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from digest.fetch.client import Client, Limits
from digest.fetch.memory import Hold, Page
from digest.store.database import Database, open_database, open_for_reading
from digest.store.tables import host, page
from digest.store.troubles import Place
from digest.store.web import REMEMBERED_FOR, StoredMemory, hold_host, holds, remember_page
from tests.fetch.memory_contract import MUCH, PAGE, URL, MemoryContract
from tests.makers import NOW
from tests.web import Server, answer


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def memory(database: Database, warnings: list[str]) -> Iterator[StoredMemory]:
    yield StoredMemory(database=database, warn=warnings.append)
    assert warnings == []


class TestStoredMemory(MemoryContract):
    pass


def test_another_process_remembers_what_one_kept(database: Database, memory: StoredMemory) -> None:
    memory.remember(URL, PAGE)
    memory.hold_off("papers.example", NOW, "429")

    other = StoredMemory(database=database, warn=pytest.fail)

    assert other.page(URL, MUCH) == PAGE
    assert other.hold("papers.example") == Hold(until=NOW, why="429")
    with database.read() as connection:
        assert holds(connection) == {"papers.example": Hold(until=NOW, why="429")}


def test_pages_older_than_a_week_go_when_one_is_kept(database: Database, memory: StoredMemory) -> None:
    memory.remember("https://papers.example/old", PAGE)
    memory.remember("https://papers.example/week", replace(PAGE, at=NOW + timedelta(seconds=1)))

    memory.remember(URL, replace(PAGE, at=NOW + REMEMBERED_FOR + timedelta(seconds=1)))

    with database.read() as connection:
        kept = connection.execute(select(page.c.url).order_by(page.c.url)).scalars().all()
    assert kept == [URL, "https://papers.example/week"]


def test_hosts_that_nobody_asked_for_a_week_go(database: Database, memory: StoredMemory) -> None:
    memory.hold_off("old.example", NOW, "")

    memory.hold_off("papers.example", NOW + REMEMBERED_FOR + timedelta(seconds=1), "")

    with database.read() as connection:
        assert connection.execute(select(host.c.name)).scalars().all() == ["papers.example"]


def test_all_pages_together_stay_within_a_bound(database: Database) -> None:
    with database.begin() as connection:
        for number in range(5):
            kept = Page(body=b"", at=NOW + timedelta(seconds=number))
            url = f"https://papers.example/{number}"
            remember_page(connection, url, kept, b"x" * 300, most_bytes=1_000)

        left = connection.execute(select(page.c.url).order_by(page.c.at)).scalars().all()

    assert left == [f"https://papers.example/{number}" for number in (2, 3, 4)]


@pytest.mark.parametrize("data", [b"", b"no zlib", b"x\x9c"])
def test_a_broken_page_is_none_and_no_crash(database: Database, memory: StoredMemory, data: bytes) -> None:
    memory.remember(URL, PAGE)
    with database.begin() as connection:
        connection.execute(update(page).values(body=data))

    assert memory.page(URL, MUCH) is None


def test_several_threads_keep_at_the_same_time(database: Database, memory: StoredMemory) -> None:
    def keep(number: int) -> None:
        memory.remember(f"https://papers.example/{number}", PAGE)
        memory.hold_off(f"{number}.example", NOW, "")

    threads = [threading.Thread(target=keep, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(page)).scalar() == 8
        assert len(holds(connection)) == 8


def test_a_store_that_cannot_be_written_stops_no_fetch_and_is_told_once(
    new_place: Callable[[], Place], warnings: list[str]
) -> None:
    place = new_place()
    open_database(place).close()
    server = Server()
    server.answers["/"] = [answer(b"papers", ETag='"1"'), answer(b"", 304), answer(b"new papers")]
    try:
        with open_for_reading(place) as database:
            memory = StoredMemory(database=database, warn=warnings.append)
            with Client(
                memory=memory,
                limits=Limits(spacing_s=0.001),
                trusted_hosts=frozenset({"127.0.0.1"}),
                now=lambda: NOW,
            ) as client:
                got = [client.get(f"{server.url}/") for _ in range(3)]
            hold = memory.hold("127.0.0.1")
    finally:
        server.close()

    assert got == [b"papers", b"papers", b"new papers"]
    assert len(warnings) == 1
    assert "is not remembered for the next run" in warnings[0]
    assert hold is not None


def test_what_was_known_before_a_write_failed_stays_known(
    new_place: Callable[[], Place], warnings: list[str]
) -> None:
    place, refused = new_place(), Hold(until=NOW + timedelta(hours=1), why="429")
    with open_database(place) as database, database.begin() as connection:
        hold_host(connection, "papers.example", refused.until, refused.why)
        hold_host(connection, "arxiv.org", NOW + timedelta(seconds=3), "")

    with open_for_reading(place) as database:
        memory = StoredMemory(database=database, warn=warnings.append)
        memory.hold_off("other.example", NOW, "503")

        assert memory.hold("papers.example") == refused
        assert memory.hold("other.example") == Hold(until=NOW, why="503")
        turns = [memory.turn("arxiv.org", NOW, timedelta(seconds=3)) for _ in range(2)]

    assert turns == [NOW + timedelta(seconds=3), NOW + timedelta(seconds=6)]
    assert len(warnings) == 1


def test_several_threads_take_turns(database: Database, memory: StoredMemory) -> None:
    turns: list[datetime] = []
    spacing = timedelta(seconds=3)

    threads = [
        threading.Thread(target=lambda: turns.append(memory.turn("arxiv.org", NOW, spacing)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(turns) == [NOW + number * spacing for number in range(8)]
