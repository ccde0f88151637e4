"""How SQLite goes about the queries that run for every message: by an index, never through the whole table."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from digest.store import deliveries, editions, record, relays, settling, suppressions, turns, waiting
from digest.store.database import Database, open_database
from tests.makers import NOW, TODAY
from tests.store.outgoing import LEASE, SENT, claim, commit, end, queue


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Database]:
    """A store with messages sent, under way and waiting."""
    with open_database(tmp_path / "digest.sqlite3") as database:
        queue(database, "ada", "bob", "carl")
        first, second = claim(database, 2)
        commit(database, first, second)
        end(database, first, SENT)
        yield database


def steps(database: Database, does: Callable[[Connection], object]) -> list[str]:
    """What SQLite says it does for each statement on messages and attempts."""
    said: list[tuple[str, Any]] = []

    def listen(*arguments: Any) -> None:
        if not arguments[5]:
            said.append((arguments[2], arguments[3]))

    with database.begin() as connection:
        event.listen(database.engine, "before_cursor_execute", listen)
        does(connection)
        event.remove(database.engine, "before_cursor_execute", listen)
        plans = [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {one}", given) for one, given in said]
        return [row.detail for plan in plans for row in plan]


def claiming(connection: Connection) -> object:
    return deliveries.claim(connection, relay="r", owner="o", now=NOW, lease_until=NOW + LEASE, most=5)


def test_claiming_reads_the_index_in_its_order_and_sorts_nothing(busy: Database) -> None:
    taken = steps(busy, claiming)

    assert "SEARCH delivery USING COVERING INDEX ix_delivery_due (state=? AND due_at<?)" in taken
    assert not [step for step in taken if "SCAN delivery" in step or "TEMP B-TREE" in step]


@pytest.mark.slow
@pytest.mark.parametrize(
    "does",
    [
        claiming,
        lambda connection: settling.settle(connection, NOW, gone=("a", "b"), present=("c",)),
        settling.owners,
        lambda connection: waiting.expire_before(connection, {"carl": TODAY}, NOW),
        waiting.next_due,
        lambda connection: waiting.last_days(connection, NOW),
        lambda connection: turns.due_turns(connection, NOW, 5),
        lambda connection: turns.locked_turns(connection, ["ada"]),
        waiting.waiting,
        lambda connection: relays.taken(connection, "main", NOW),
        lambda connection: relays.room_at(connection, "main", NOW, relays.HOUR, 1),
        lambda connection: waiting.expire_strangers(connection, ["carl"], TODAY, NOW),
        lambda connection: suppressions.permanent_failures(connection, "ada@example.org"),
        lambda connection: editions.with_messages(connection, [("ada", TODAY)]),
        lambda connection: editions.seen_on(connection, "ada", TODAY),
        lambda connection: record.find(connection, "ada"),
        lambda connection: record.by_return_path(connection, "digest@example.org"),
    ],
)
def test_no_query_of_a_run_goes_through_all_messages_or_attempts(
    busy: Database, does: Callable[[Connection], object]
) -> None:
    taken = steps(busy, does)

    assert [step for step in taken if "SEARCH" in step]
    tables = ("delivery", "attempt", "seen", "turn")
    assert not [step for step in taken if any(f"SCAN {table}" in step for table in tables)]


def test_no_step_of_a_message_goes_through_all_messages(busy: Database) -> None:
    with busy.begin() as connection:
        claimed = deliveries.claim(
            connection, relay="r", owner="o", now=NOW, lease_until=NOW + LEASE, most=5
        ).deliveries
    ended = [deliveries.Ended(delivery=one, attempt=SENT) for one in claimed]

    def commit_and_end(connection: Connection) -> None:
        deliveries.record_commits(connection, claimed, NOW, NOW + LEASE)
        deliveries.record_attempts(connection, ended, NOW)

    taken = steps(busy, commit_and_end)

    assert "SEARCH delivery USING INDEX sqlite_autoindex_delivery_2 (message_id=?)" in taken
    assert not [step for step in taken if "SCAN delivery" in step]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("does", "looks_up"),
    [
        (
            lambda connection: editions.all_seen(connection, {"ada": TODAY, "bob": TODAY}),
            "profile=? AND day=?",
        ),
        (lambda connection: editions.all_last_made(connection, {"ada": TODAY}), "profile=? AND day=?"),
        (lambda connection: deliveries.prune(connection, TODAY), "message_id=?"),
        (lambda connection: suppressions.permanent_failures(connection, "ada@example.org"), "profile=?"),
    ],
)
def test_what_is_asked_of_old_messages_does_not_go_through_all_in_a_state(
    busy: Database, does: Callable[[Connection], object], looks_up: str
) -> None:
    taken = steps(busy, does)

    assert [step for step in taken if step.startswith("SEARCH delivery") and looks_up in step]
    assert not [step for step in taken if "SCAN delivery" in step or "SCAN seen" in step]
    assert not [step for step in taken if "ix_delivery_due" in step]


def test_the_limits_of_a_relay_are_read_from_the_index_alone(busy: Database) -> None:
    taken = steps(busy, lambda connection: relays.taken(connection, "main", NOW))

    assert len(taken) == 2
    assert all("COVERING INDEX ix_attempt_relay" in step for step in taken)
