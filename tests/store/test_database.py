"""Opening the store."""

import hashlib
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from digest.errors import StoreError
from digest.model import Listing
from digest.store.database import SCHEMA, open_database, open_for_reading
from digest.store.papers import find_papers, record_listings
from digest.store.tables import metadata, seen
from tests.makers import NOW, TODAY, entry


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_new_store_has_the_tables_that_the_program_knows(tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    database = open_database(tmp_path / "deep" / "digest.sqlite3")

    with database.read() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    database.close()
    assert differences == []


def test_the_newest_migration_is_the_version_the_program_asks_for() -> None:
    versions = Path(__file__).parents[2] / "digest" / "store" / "migrations" / "versions"

    assert max(path.name for path in versions.glob("*.py")).startswith(f"{SCHEMA}_")


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


def test_a_new_store_can_be_opened_by_many_at_once(tmp_path: Path) -> None:
    path = tmp_path / "digest.sqlite3"

    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(lambda _: open_database(path), range(8)))

    assert len(opened) == 8
    for database in opened:
        database.close()


def test_a_store_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "digest.sqlite3"
    open_database(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")

    for opening in (open_database, open_for_reading):
        with pytest.raises(StoreError, match="9999"):
            opening(path)


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    database = open_database(tmp_path / "digest.sqlite3")

    def fail_halfway() -> None:
        with database.begin() as connection:
            record_listings(connection, "test", [Listing(layout="t", entries=(entry(),))], NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()

    with database.read() as connection:
        assert find_papers(connection, ["2603.00001"]) == {}
    database.close()


def test_what_was_had_must_be_a_stored_paper(tmp_path: Path) -> None:
    database = open_database(tmp_path / "digest.sqlite3")

    with pytest.raises((StoreError, IntegrityError)), database.begin() as connection:
        connection.execute(insert(seen).values(profile="ada", paper_id="nobody", day=TODAY))

    with database.read() as connection:
        assert connection.execute(select(seen)).all() == []
    database.close()
