"""What only a server can do to a store: to be away, to refuse, to break off; and what stays secret."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from digest.errors import StoreError
from digest.model import Listing
from digest.store import postgresql
from digest.store.database import Database, open_database, open_for_reading
from digest.store.lock import is_gone, present, sole_writer
from digest.store.papers import find_beginning, find_papers, record_listings
from tests.makers import NOW, entry, paper
from tests.postgres import LOCKED, Server

pytestmark = pytest.mark.slow  # a server is started

WORD = "hunter2secret"


@pytest.fixture(scope="module")
def address(server: Server) -> str:
    """Of a store that the tests here share."""
    made = server.empty()
    open_database(made).close()
    return made


def name_of(address: str) -> str:
    return address.rpartition("?")[0].rpartition("/")[2].partition("?")[0]


@pytest.mark.parametrize(
    ("address", "says"),
    [
        (
            "postgresql://ada@127.0.0.1:1/digest",
            r"Connection refused: Is the server running.*See that the server runs",
        ),
        ("postgresql://ada@no-such-host.invalid/digest", r"See that the server runs"),
        ("postgresql://ada@/digest?host=/nonexistent", r"No such file.*See that the server runs"),
    ],
)
def test_a_server_that_is_not_there_is_said(address: str, says: str) -> None:
    for opening in (open_database, open_for_reading):
        with pytest.raises(StoreError, match=says):
            opening(address)


def test_a_database_that_is_not_there_says_how_to_make_it(server: Server) -> None:
    with pytest.raises(StoreError, match=r"does not exist.*createdb"):
        open_database(server.address("nobody_made_it"))


def test_without_its_driver_the_way_to_get_it_is_said() -> None:
    program = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from digest.errors import StoreError\n"
        "from digest.store.database import open_database\n"
        "try: open_database('postgresql://ada@/digest')\n"
        "except StoreError as problem: print(problem)\n"
    )

    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )

    assert "pip install 'paperdigest[postgres]'" in said.stdout


@pytest.mark.parametrize("user", [LOCKED, "stranger"])
def test_a_refused_password_says_where_to_put_it(server: Server, user: str) -> None:
    place = server.address("postgres").replace("digest@", f"{user}:{WORD}@")

    with pytest.raises(StoreError, match=r"failed.*put the password into PGPASSWORD") as caught:
        open_database(place)

    assert WORD not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://ada:{WORD}@127.0.0.1:1/digest",
        f"postgresql://ada:{WORD}@127.0.0.1:port/digest",
        f"postgresql://127.0.0.1:1/digest?password={WORD}&user=ada",
        f"postgresql://ada:{WORD}@[::1/digest",
    ],
)
def test_a_password_in_an_address_is_never_shown(address: str) -> None:
    with pytest.raises(StoreError) as caught:
        open_database(address)

    assert WORD not in str(caught.value)
    assert WORD not in repr(Database(address, None))  # type: ignore[arg-type]


def test_somebody_elses_database_is_refused_and_left_as_it_was(server: Server) -> None:
    place = server.empty()
    with _raw(place) as connection:
        connection.execute(text("CREATE TABLE diary (day date)"))

    with pytest.raises(StoreError, match=r"no store of Digest.*Name another database"):
        open_database(place)

    with _raw(place) as connection:
        tables = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        assert tables.scalars().all() == ["diary"]


@contextmanager
def _raw(place: str) -> Iterator[Connection]:
    with postgresql.for_locking(place).connect() as connection:
        yield connection


def test_text_is_ordered_and_compared_as_in_sqlite_whatever_the_language(address: str) -> None:
    with open_database(address) as database, database.read() as connection:
        other = connection.execute(
            text(
                "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
                " AND data_type IN ('text', 'character varying') AND collation_name IS DISTINCT FROM 'C'"
                " AND table_name <> 'alembic_version'"
            )
        ).all()

    assert other == []


def test_papers_are_found_by_the_beginning_of_their_title(address: str) -> None:
    entries = [entry(f"2603.0000{n}", title) for n, title in enumerate(("Émile waits", "Zebras", "émigré"))]
    with open_database(address) as database, database.begin() as connection:
        record_listings(connection, "test", [Listing(layout="t", entries=tuple(entries))], NOW)

        assert [one.title for one in find_beginning(connection, "émi", limit=9)] == ["Émile waits", "émigré"]


def test_a_connection_that_the_server_broke_off_is_told_and_the_next_one_works(address: str) -> None:
    with open_database(address) as database:
        with pytest.raises(StoreError, match=r"server"):
            _be_broken_off(database)

        with database.begin() as connection:
            find_papers(connection, ["2603.00001"])


def test_connections_that_were_broken_off_while_nobody_used_them_are_replaced(address: str) -> None:
    with open_database(address) as database:
        with database.begin() as connection:
            find_papers(connection, ["2603.00001"])
        _break_off(address)

        with database.begin() as connection:
            find_papers(connection, ["2603.00001"])


def _be_broken_off(database: Database) -> None:
    with database.begin() as connection:
        _break_off(str(database.place))
        find_papers(connection, ["2603.00001"])


def _break_off(place: str) -> None:
    with postgresql.for_locking(place).connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )


def test_a_write_that_another_one_holds_up_is_told_after_a_bounded_wait(address: str) -> None:
    with open_database(address) as database, database.begin() as holding:
        holding.execute(text("LOCK TABLE paper"))

        with pytest.raises(StoreError, match="Another Digest is writing"):
            _read_impatiently(database)


def _read_impatiently(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(text("SET LOCAL lock_timeout = '50ms'"))
        find_papers(connection, ["2603.00001"])


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("53100", "Make room on the server's disk"),
        ("53200", "memory and disk"),
        ("53300", "max_connections"),
        ("57014", "took too long"),
        ("40P01", "try again"),
        ("42501", "Grant the user"),
        ("25006", "primary server"),
        ("XX001", "restore it from a backup"),
    ],
)
def test_what_the_server_complains_of_says_what_to_do(address: str, code: str, says: str) -> None:
    complaint = text(f"DO $$ BEGIN RAISE EXCEPTION 'as told' USING ERRCODE = '{code}'; END $$")

    with (
        open_database(address) as database,
        pytest.raises(StoreError, match=rf"as told.*{says}"),
        database.begin() as connection,
    ):
        connection.execute(complaint)


def test_a_bug_stays_a_bug(address: str) -> None:
    from sqlalchemy.exc import ProgrammingError

    with (
        open_database(address) as database,
        pytest.raises(ProgrammingError),
        database.begin() as connection,
    ):
        connection.execute(text("SELECT nonsense"))


def test_a_server_that_saves_its_disk_still_keeps_what_was_sent(server: Server, address: str) -> None:
    place = server.empty()
    server.run(
        f"ALTER DATABASE {place.rpartition('/')[0] and place.split('/')[3].split('?')[0]} SET synchronous_commit = off"
    )

    with open_database(place) as database, database.read() as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar() == "on"


def test_a_character_that_postgresql_cannot_hold_is_gone_before_it_gets_there(
    tmp_path: Path, address: str
) -> None:
    from digest.text import clean

    hostile = paper("2603.00009", clean("Nul\x00 and \ud800 half", 99))
    with open_database(address) as database, database.begin() as connection:
        listing = Listing(layout="t", entries=(entry(hostile.id, hostile.title),))
        record_listings(connection, "test", [listing], NOW)

        assert find_papers(connection, [hostile.id])[hostile.id].title == hostile.title


def test_many_processes_at_once_find_or_make_the_same_tables(server: Server) -> None:
    place, ready = server.empty(), threading.Barrier(4)

    def opening(_: int) -> None:
        ready.wait(timeout=10)
        open_database(place).close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(opening, range(4)))

    with open_for_reading(place) as database:
        assert database.location == f"postgresql://digest@/{name_of(place)}"


def test_two_stores_of_one_server_do_not_wait_for_each_other(server: Server) -> None:
    with (
        sole_writer(server.empty(), waiting=lambda: pytest.fail("waits")),
        sole_writer(server.empty(), waiting=lambda: pytest.fail("waits")),
    ):
        pass


def test_a_writer_that_stands_still_inside_of_a_change_is_broken_off_and_a_reader_is_not(
    address: str,
) -> None:
    with open_database(address) as database:
        with database.begin() as writing:
            writer = writing.execute(text("SHOW idle_in_transaction_session_timeout")).scalar()
        with database.read() as reading:
            reader = reading.execute(text("SHOW idle_in_transaction_session_timeout")).scalar()
        with pytest.raises(StoreError, match="stood still"):
            _stand_still(database)

    assert (writer, reader) == ("1min", "0")


def _stand_still(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = '10ms'"))
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        asked = text("SELECT pg_sleep(0.01) FROM pg_stat_activity WHERE pid = :pid")
        with postgresql.for_locking(str(database.place)).connect() as other:
            for _ in range(1_000):
                if not other.execute(asked, {"pid": pid}).all():
                    break
        find_papers(connection, ["2603.00001"])


def test_a_presence_that_the_server_broke_off_ends_as_ever(address: str) -> None:
    with present(address, "ada-1"):
        _break_off(address)
        forgotten = is_gone(address, "ada-1")

    assert forgotten
