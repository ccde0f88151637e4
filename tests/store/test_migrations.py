"""Older stores, brought up to date with all they hold."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from digest.model import DeliveryState, Outcome
from digest.store import deliveries, editions, record, settling, waiting
from digest.store.database import SCHEMA, Database, open_database
from digest.store.troubles import Place
from tests.makers import NOW, TODAY
from tests.store.outgoing import LEASE

MIGRATIONS = Path(__file__).parents[2] / "digest" / "store" / "migrations"
ROWS = (
    "INSERT INTO paper (id, title, source, keywords) VALUES ('2603.00001', 'T', 'test', '[]')",
    "INSERT INTO seen (profile, paper_id, day) VALUES ('ada', '2603.00001', '2026-03-10')",
    "INSERT INTO edition VALUES ('ada', '2026-03-10', 'ready', 3, 1, 'why', '2026-03-10 07:30:00.000000')",
    *(
        "INSERT INTO delivery (profile, day, message_id, sender, recipient, subject, data, state, attempts, reply,"
        f" queued_at) VALUES ('{name}', '2026-03-10', '<{name}@x>', 's@x', '{name}@x', 'S', x'{name.encode().hex()}',"
        f" '{state}', 1, 'r', '2026-03-10 07:30:00.000000')"
        for name, state in (("ada", "sent"), ("bob", "queued"), ("carl", "sending"), ("dora", "unknown"))
    ),
)


def make_older(path: Path, version: str) -> None:
    """A store as the program of that version made it."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)
        for row in ROWS:
            connection.execute(text(row))
    engine.dispose()


def differences(database: Database) -> list[object]:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from digest.store.tables import metadata

    with database.read() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))


@pytest.mark.slow
@pytest.mark.parametrize("version", ["0001", "0002", "0003", "0004"])
def test_a_store_of_every_older_version_keeps_what_it_holds(tmp_path: Path, version: str) -> None:
    path = tmp_path / "digest.sqlite3"
    make_older(path, version)

    with open_database(path) as database:
        assert differences(database) == []
        with database.begin() as connection:
            queued_at = datetime(2026, 3, 10, 7, 30, tzinfo=UTC)
            bob = record.find(connection, "bob")
            assert bob is not None
            assert (bob.state, bob.due_at, bob.queued_at) == (DeliveryState.QUEUED, queued_at, queued_at)
            assert set(editions.seen_on(connection, "ada", TODAY)) == {"2603.00001"}

            told = settling.settle(connection, NOW)
            assert [one.profile for one in told.requeued] == ["carl"]
            assert [one.profile for one in told.unknown] == ["dora"]
            claimed = deliveries.claim(
                connection, relay="r", owner="o", now=NOW, lease_until=NOW + LEASE, most=9
            )
            data = {one.profile: one.message.data for one in claimed.deliveries}
            assert data == {"bob": b"bob", "carl": b"carl"}


def test_a_new_store_has_the_tables_that_the_program_knows(new_place: Callable[[], Place]) -> None:
    with open_database(new_place()) as database:
        assert differences(database) == []


def test_the_newest_migration_is_the_version_the_program_asks_for() -> None:
    newest = max(path.name for path in (MIGRATIONS / "versions").glob("*.py"))

    assert newest.startswith(f"{SCHEMA}_")


def test_what_waited_from_days_before_still_expires_after_the_change(tmp_path: Path) -> None:
    path = tmp_path / "digest.sqlite3"
    make_older(path, "0004")

    with open_database(path) as database, database.begin() as connection:
        over = waiting.expire_before(connection, {"bob": TODAY}, NOW)

    assert [one.profile for one in over] == ["bob"]


def test_a_day_that_waited_for_a_list_when_the_store_was_older_waits_no_more(tmp_path: Path) -> None:
    path = tmp_path / "digest.sqlite3"
    make_older(path, "0004")
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        waited = "('eve', '2026-03-10', 'waiting', 0, 0, 'waits for arxiv', '2026-03-10 07:30:00.000000')"
        connection.execute(text(f"INSERT INTO edition VALUES {waited}"))
    engine.dispose()

    with open_database(path) as database, database.read() as connection:
        (eve,) = editions.days(connection, ["eve"], since=TODAY.replace(day=1))

    assert (eve.outcome, eve.reason) == (Outcome.EXPIRED, "waits for arxiv")
