"""When readers are due next, and whether one waits for a list."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection, insert

from digest.model import Outcome
from digest.store.database import Database
from digest.store.demand import WAITS_UP_TO, first_due, is_awaited
from digest.store.tables import edition
from digest.store.turns import TurnRow, put_turns

NOW = datetime(2026, 3, 11, 7, 30, tzinfo=UTC)
HOUR, A_DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.begin() as opened:
        yield opened


def due(connection: Connection, *moments: datetime) -> None:
    rows = [
        TurnRow(profile=f"reader-{n}", day=at.date(), due_at=at, plan="daily") for n, at in enumerate(moments)
    ]
    put_turns(connection, rows)


def stands(connection: Connection, profile: str, outcome: Outcome, made_at: datetime) -> None:
    values = {"considered": 9, "picks": 0, "reason": "", "made_at": made_at}
    row = insert(edition).values(profile=profile, day=date(2026, 3, 11), outcome=outcome.value, **values)
    connection.execute(row)


def test_for_each_name_the_first_turn_after_its_moment_is_found(connection: Connection) -> None:
    due(connection, NOW + 3 * HOUR, NOW + HOUR, NOW - HOUR, NOW + HOUR)

    found = first_due(
        connection, {"arxiv": NOW, "kettle": NOW + HOUR, "tea": NOW + 3 * HOUR, "old": NOW - A_DAY}
    )

    assert found == {"arxiv": NOW + HOUR, "kettle": NOW + 3 * HOUR, "tea": None, "old": NOW - HOUR}


def test_a_reader_whose_edition_is_tried_again_each_hour_needs_no_newer_list(connection: Connection) -> None:
    due(connection, NOW + HOUR, NOW + A_DAY)
    stands(connection, "reader-0", Outcome.FAILED, NOW)

    assert first_due(connection, {"arxiv": NOW}) == {"arxiv": NOW + A_DAY}


def test_without_names_or_turns_nothing_is_found(connection: Connection) -> None:
    assert first_due(connection, {}) == {}
    assert first_due(connection, {"arxiv": NOW}) == {"arxiv": None}


def test_a_list_is_awaited_while_an_edition_waits(connection: Connection) -> None:
    stands(connection, "ada", Outcome.FAILED, NOW)
    stands(connection, "bob", Outcome.SENT, NOW)
    before = is_awaited(connection, NOW)

    stands(connection, "eve", Outcome.NOT_READY, NOW)

    assert not before
    assert is_awaited(connection, NOW)
    assert is_awaited(connection, NOW + WAITS_UP_TO - HOUR)
    assert not is_awaited(connection, NOW + WAITS_UP_TO + HOUR)
