"""Opening the store."""

import hashlib
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import IntegrityError

from digest.errors import StoreError
from digest.model import Listing
from digest.store.database import Database, damage, is_there, open_database, open_for_reading
from digest.store.papers import find_papers, record_listings
from digest.store.tables import harvest, seen
from digest.store.troubles import Place
from tests.makers import NOW, TODAY, entry


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_opening_a_store_twice_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "digest.sqlite3"
    open_database(path).close()
    before = sha(path)

    open_database(path).close()

    assert sha(path) == before


def test_a_store_opened_for_reading_refuses_every_write(tmp_path: Path) -> None:
    path = tmp_path / "digest.sqlite3"
    open_database(path).close()
    before = sha(path)
    database = open_for_reading(path)

    with pytest.raises(StoreError, match="readonly"), database.read() as connection:
        record_listings(connection, "test", [Listing(layout="t", entries=(entry(),))], NOW)

    database.close()
    assert sha(path) == before


def test_no_store_to_read_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="digest fetch"):
        open_for_reading(tmp_path / "none.sqlite3")
    assert not (tmp_path / "none.sqlite3").exists()


def test_a_file_that_is_no_store_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "digest.sqlite3"
    path.write_text("dear diary, " * 100, encoding="utf-8")

    with pytest.raises(StoreError, match="not a database"):
        open_database(path)
    assert path.read_text(encoding="utf-8").startswith("dear diary")


def test_somebody_elses_database_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "theirs.sqlite3"
    with sqlite3.connect(path) as theirs:
        theirs.execute("CREATE TABLE diary (day)")
    theirs.close()
    before = sha(path)

    with pytest.raises(StoreError, match="no store of Digest"):
        open_database(path)

    assert sha(path) == before


def test_a_store_is_for_its_owners_eyes(tmp_path: Path) -> None:
    open_database(tmp_path / "digest.sqlite3").close()

    assert (tmp_path / "digest.sqlite3").stat().st_mode & 0o077 == 0


def test_a_new_store_can_be_opened_by_many_at_once(new_place: Callable[[], Place]) -> None:
    place = new_place()

    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(lambda _: open_database(place), range(8)))

    assert len(opened) == 8
    for database in opened:
        database.close()


def test_a_store_of_a_newer_program_is_refused(new_place: Callable[[], Place]) -> None:
    place = new_place()
    with open_database(place) as database, database.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    for opening in (open_database, open_for_reading):
        with pytest.raises(StoreError, match="9999"):
            opening(place)


def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    def fail_halfway() -> None:
        with database.begin() as connection:
            record_listings(connection, "test", [Listing(layout="t", entries=(entry(),))], NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()

    with database.read() as connection:
        assert find_papers(connection, ["2603.00001"]) == {}


def test_a_view_for_reading_stays_as_it_was_while_others_write(database: Database) -> None:
    with database.read() as connection:
        before = find_papers(connection, ["2603.00001"])
        with database.begin() as writing:
            record_listings(writing, "test", [Listing(layout="t", entries=(entry(),))], NOW)

        assert find_papers(connection, ["2603.00001"]) == before == {}
    with database.read() as connection:
        assert len(find_papers(connection, ["2603.00001"])) == 1


def test_a_view_for_reading_is_none_for_writing_in_a_store_opened_for_reading(
    new_place: Callable[[], Place],
) -> None:
    place = new_place()
    open_database(place).close()

    with open_for_reading(place) as database:
        for opening in (database.begin, database.read):
            with pytest.raises(StoreError, match=r"readonly|read-only"), opening() as connection:
                record_listings(connection, "test", [Listing(layout="t", entries=(entry(),))], NOW)

    with open_for_reading(place) as database, database.read() as connection:
        assert find_papers(connection, ["2603.00001"]) == {}


def test_whether_there_is_a_store_yet(new_place: Callable[[], Place]) -> None:
    place = new_place()
    before = is_there(place)
    open_database(place).close()

    assert (before, is_there(place)) == (False, True)


def test_a_file_without_tables_is_no_store_yet(tmp_path: Path) -> None:
    place = tmp_path / "digest.sqlite3"
    place.touch()

    assert not is_there(place)
    with pytest.raises(StoreError, match="there is no store yet"):
        open_for_reading(place)


def test_a_sound_store_has_no_damage(database: Database) -> None:
    assert damage(database) is None


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "digest.sqlite3"
    with open_database(path) as database, database.read() as connection:
        root = connection.execute(
            text("SELECT rootpage FROM sqlite_master WHERE name = 'harvest'")
        ).scalar_one()
        size = connection.execute(text("PRAGMA page_size")).scalar_one()
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)

    with open_for_reading(path) as database:
        found = damage(database)

    assert found is not None
    assert found.startswith("Page ")


def test_a_full_disk_is_told_and_what_comes_after_room_was_made_is_stored(tmp_path: Path) -> None:
    with open_database(tmp_path / "digest.sqlite3") as database:
        with database.begin() as connection:
            pages = connection.execute(text("PRAGMA page_count")).scalar_one()
            connection.execute(text(f"PRAGMA max_page_count = {pages}"))

        for _ in range(2):
            with pytest.raises(StoreError, match=r"full.*Make room"), database.begin() as connection:
                connection.execute(insert(harvest), [_long(number) for number in range(100)])
        with database.begin() as connection:
            connection.execute(text("PRAGMA max_page_count = 1000000"))
            connection.execute(insert(harvest), [_long(number) for number in range(100)])

        with database.read() as connection:
            assert connection.execute(select(func.count()).select_from(harvest)).scalar() == 100


def _long(number: int) -> dict[str, Any]:
    at = NOW + timedelta(seconds=number)
    return {"source": "test", "at": at, "papers": 0, "fresh": 0, "problem": "x" * 4_000}


def test_the_clock_is_the_machines_where_there_is_one_machine_and_the_servers_elsewhere(
    database: Database,
) -> None:
    now = database.now(NOW)

    assert now.tzinfo is not None
    assert (now == NOW) is isinstance(database.place, Path)


def test_what_was_had_must_be_a_stored_paper(database: Database) -> None:
    with pytest.raises((StoreError, IntegrityError)), database.begin() as connection:
        connection.execute(insert(seen).values(profile="ada", paper_id="nobody", day=TODAY))

    with database.read() as connection:
        assert connection.execute(select(seen)).all() == []


def test_a_traceback_of_a_statement_shows_none_of_its_values(database: Database) -> None:
    with pytest.raises(Exception, match="no_such_table") as caught, database.begin() as connection:
        connection.execute(text("SELECT * FROM no_such_table WHERE a = :a"), {"a": "ada@example.org"})

    told: BaseException | None = caught.value
    while told is not None:
        assert "ada@example.org" not in str(told)
        told = told.__cause__
