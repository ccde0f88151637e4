"""Looking up messages and what was tried with them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from digest.model import DeliveryState, Tried
from digest.store import record
from digest.store.database import Database
from tests.makers import NOW, TODAY
from tests.store.outgoing import LATER, SENT, claim, commit, end, queue

YESTERDAY = TODAY - timedelta(days=1)
MINUTE = timedelta(minutes=1)


def test_every_reply_to_a_message_is_kept_with_its_codes(database: Database) -> None:
    queue(database, "ada")
    (first,) = claim(database, relay="main")
    end(database, first, LATER, at=NOW + MINUTE, due_at=NOW + 2 * MINUTE)
    (second,) = claim(database, at=NOW + 2 * MINUTE, relay="other")
    commit(database, second)
    end(database, second, SENT, at=NOW + 3 * MINUTE)

    with database.read() as connection:
        tried = record.tried(connection, second.message.message_id)

    assert tried == (
        Tried(number=1, relay="main", began_at=NOW, ended_at=NOW + MINUTE, attempt=LATER),
        Tried(number=2, relay="other", began_at=NOW + 2 * MINUTE, ended_at=NOW + 3 * MINUTE, attempt=SENT),
    )


def test_only_what_reached_a_relay_or_may_yet_is_a_try(database: Database) -> None:
    queue(database, "ada", "bob", "eve")
    given_back, refused, under_way = claim(database)
    end(database, given_back, replace(LATER, phase=None, reply="not tried: the run ended"))
    end(database, refused, LATER)
    everything = [one.message.message_id for one in (given_back, refused, under_way)]

    with database.read() as connection:
        tries = record.tries(connection, everything)

    assert tries == {refused.message.message_id: 1, under_way.message.message_id: 1}


def test_an_attempt_under_way_has_no_end_yet(database: Database) -> None:
    queue(database, "ada")
    (claimed,) = claim(database)

    with database.read() as connection:
        (only,) = record.tried(connection, claimed.message.message_id)

    assert (only.ended_at, only.attempt.state) == (None, DeliveryState.SENDING)


@pytest.mark.parametrize(
    ("key", "day"),
    [
        ("ada", TODAY),
        (f"ada {YESTERDAY}", YESTERDAY),
        (f"<ada.{YESTERDAY}@example.org>", YESTERDAY),
        (f"ada.{YESTERDAY}@example.org", YESTERDAY),
    ],
)
def test_a_message_is_found_by_its_reader_its_day_or_its_id(
    database: Database, key: str, day: object
) -> None:
    queue(database, "ada", day=YESTERDAY)
    queue(database, "ada", "bob", day=TODAY)

    with database.read() as connection:
        found = record.find(connection, key)

    assert found is not None
    assert (found.profile, found.day) == ("ada", day)


@pytest.mark.parametrize(
    "key", ["", " ", "nobody", "ada 2020-01-01", "ada tomorrow", "'; --", "%", "x" * 9999]
)
def test_what_names_no_message_finds_none(database: Database, key: str) -> None:
    queue(database, "ada")

    with database.read() as connection:
        assert record.find(connection, key) is None
        assert record.by_message_id(connection, key) is None


def test_a_return_path_finds_its_message_only_if_no_other_has_it(database: Database) -> None:
    queue(database, "ada")
    with database.read() as connection:
        only = record.by_return_path(connection, "digest@example.org")
    queue(database, "bob")

    with database.read() as connection:
        assert only is not None
        assert only.profile == "ada"
        assert record.by_return_path(connection, "digest@example.org") is None
        assert record.by_return_path(connection, "nobody@example.org") is None


def test_messages_are_listed_by_state_reader_and_day_the_newest_first(database: Database) -> None:
    queue(database, "ada", "bob", day=YESTERDAY)
    queue(database, "ada", day=TODAY)
    (claimed,) = claim(database, 1)
    end(database, claimed, SENT)

    with database.read() as connection:
        everything = record.overview(connection)
        assert [(one.profile, one.day) for one in everything] == [
            ("ada", TODAY),
            ("ada", YESTERDAY),
            ("bob", YESTERDAY),
        ]
        assert record.overview(connection, most=1) == everything[:1]
        assert record.overview(connection, profiles=["bob"]) == everything[2:]
        assert record.overview(connection, profiles=[]) == ()
        assert record.overview(connection, day=TODAY) == everything[:1]
        (sent,) = record.overview(connection, states=[DeliveryState.SENT])
        assert (sent.profile, sent.day, sent.reply) == (claimed.profile, claimed.day, SENT.reply)
        assert record.counts(connection) == {DeliveryState.QUEUED: 2, DeliveryState.SENT: 1}
        assert sum(record.counts(connection, day=TODAY).values()) == 1
