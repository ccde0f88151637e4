"""What waits, and what a person does about it."""

from datetime import timedelta

import pytest

from digest.model import Attempt, DeliveryState
from digest.store import editions, waiting
from digest.store.database import Database
from tests.makers import NOW, TODAY
from tests.store.outgoing import LATER, LOST, REFUSED, SENT, claim, commit, end, queue, settle, state_of

YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
HOUR = timedelta(hours=1)


def expire(database: Database, **todays: object) -> list[str]:
    with database.begin() as connection:
        over = waiting.expire_before(connection, todays, NOW)  # type: ignore[arg-type]
    assert all(one.state is DeliveryState.EXPIRED for one in over)
    return [one.profile for one in over]


def retry(database: Database, name: str = "ada") -> bool:
    stands = state_of(database, name)
    with database.begin() as connection:
        return waiting.retry(connection, stands, NOW)


def cancel(database: Database) -> bool:
    stands = state_of(database)
    with database.begin() as connection:
        return waiting.cancel(connection, stands, NOW)


def test_what_waits_from_before_a_readers_today_expires_and_each_has_its_own_today(
    database: Database,
) -> None:
    queue(database, "ada", "bob", "carl", day=YESTERDAY)
    queue(database, "dora", day=TODAY)

    assert expire(database, ada=TODAY, bob=YESTERDAY, dora=TODAY) == ["ada"]

    assert (state_of(database, "ada").state, state_of(database, "ada").ended_at) == (
        DeliveryState.EXPIRED,
        NOW,
    )
    assert "its papers come again" in state_of(database, "ada").reply
    assert expire(database) == []
    assert [one.profile for one in claim(database)] == ["bob", "carl", "dora"]


def test_what_is_under_way_does_not_expire(database: Database) -> None:
    queue(database, "ada", day=YESTERDAY)
    claim(database)

    assert expire(database, ada=TODAY) == []


def test_a_message_that_waits_can_be_cancelled_and_put_back(database: Database) -> None:
    queue(database, "ada")

    assert cancel(database)
    assert not cancel(database)
    assert claim(database) == ()
    assert state_of(database).reply == "cancelled by hand"
    assert retry(database)

    assert len(claim(database)) == 1


def test_a_message_under_way_or_sent_is_neither_cancelled_nor_put_back(database: Database) -> None:
    queue(database, "ada")
    (claimed,) = claim(database)
    assert (cancel(database), retry(database)) == (False, False)
    commit(database, claimed)
    assert (cancel(database), retry(database)) == (False, False)
    end(database, claimed, SENT)
    assert (cancel(database), retry(database)) == (False, False)


def test_a_command_that_saw_an_older_state_changes_nothing(database: Database) -> None:
    queue(database, "ada")
    seen = state_of(database)
    (claimed,) = claim(database)
    end(database, claimed, LATER)

    with database.begin() as connection:
        assert not waiting.cancel(connection, seen, NOW)
        assert not waiting.retry(connection, seen, NOW)


@pytest.mark.parametrize("attempt", [REFUSED, LOST, LATER])
def test_what_was_given_up_waits_again_when_a_person_says_so_and_counts_as_had_once_it_is_sent(
    database: Database, attempt: Attempt
) -> None:
    queue(database, "ada")
    (claimed,) = claim(database)
    commit(database, claimed)
    end(database, claimed, attempt, due_at=NOW + HOUR)

    assert retry(database)

    stands = state_of(database)
    assert (stands.state, stands.due_at, stands.deferrals, stands.ended_at) == (
        DeliveryState.QUEUED,
        NOW,
        0,
        None,
    )
    (again,) = claim(database)
    assert again.attempts == 2
    end(database, again, SENT)
    with database.read() as connection:
        assert editions.seen_by(connection, "ada", before=TOMORROW) == {"2603.00001"}


def test_what_a_person_put_back_does_not_expire_before_the_end_of_the_next_day(database: Database) -> None:
    queue(database, "ada", day=YESTERDAY - timedelta(days=5))
    expire(database, ada=TODAY)
    assert retry(database)

    assert expire(database, ada=TODAY) == []
    assert expire(database, ada=TOMORROW) == []
    assert expire(database, ada=TOMORROW + timedelta(days=1)) == ["ada"]


def test_how_much_waits_and_since_when(database: Database) -> None:
    queue(database, "ada", at=NOW)
    queue(database, "bob", at=NOW + HOUR)

    with database.read() as connection:
        assert waiting.waiting(connection) == 2
        assert waiting.next_due(connection, NOW) == NOW
        assert waiting.next_due(connection, NOW, ["bob"]) == NOW + HOUR
        assert waiting.next_due(connection, NOW, []) is None


def test_what_was_resent_and_given_back_waits_at_the_end(database: Database) -> None:
    queue(database, "ada", "bob", at=NOW - HOUR)
    claim(database, 1, at=NOW, owner="dead")

    settle(database, gone=("dead",))

    assert [one.profile for one in claim(database)] == ["bob", "ada"]
