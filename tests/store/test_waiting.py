"""What waits, and what a person does about it."""

from datetime import date, timedelta

import pytest

from digest.model import Attempt, DeliveryState, Outcome, Suppression
from digest.store import deliveries, editions, record, waiting
from digest.store.database import Database
from digest.store.suppressions import suppress
from tests.makers import NOW, TODAY
from tests.store.outgoing import LATER, LOST, REFUSED, SENT, claim, commit, end, made, queue, settle, state_of

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
        assert editions.all_seen(connection, {"ada": TOMORROW}) == {"ada": {"2603.00001"}}


def test_what_a_person_put_back_does_not_expire_before_the_end_of_the_next_day(database: Database) -> None:
    queue(database, "ada", day=YESTERDAY - timedelta(days=5))
    expire(database, ada=TODAY)
    assert retry(database)

    assert expire(database, ada=TODAY) == []
    assert expire(database, ada=TOMORROW) == []
    assert expire(database, ada=TOMORROW + timedelta(days=1)) == ["ada"]


def had(database: Database, on: date) -> bool:
    """Whether ada's edition of a day counts the paper as had."""
    with database.read() as connection:
        return bool(editions.all_seen(connection, {"ada": on})["ada"])


def test_the_papers_of_what_a_person_put_back_count_as_had_for_as_long_as_it_waits(
    database: Database,
) -> None:
    queue(database, "ada")
    with database.begin() as connection:
        edition, _ = made("ada")
        editions.record_outcomes(connection, [(edition, Outcome.READY, "why")], NOW)
    before = had(database, TOMORROW)

    retry(database)

    days = (TODAY, TOMORROW, TOMORROW + timedelta(days=1))
    assert not before
    assert [had(database, day) for day in days] == [False, True, False]
    with database.read() as connection:
        assert [bool(editions.all_last_made(connection, {"ada": day})) for day in days] == [
            False,
            True,
            False,
        ]
        assert [bool(editions.seen_on(connection, "ada", day)) for day in days] == [False, True, False]


@pytest.mark.parametrize("is_out", [False, True])
def test_what_is_under_way_over_midnight_counts_as_had_that_day_though_it_waits_again(
    database: Database, is_out: bool
) -> None:
    queue(database, "ada")
    (claimed,) = claim(database)
    if is_out:
        commit(database, claimed)
    expire(database, ada=TOMORROW)
    while_under_way = had(database, TOMORROW)

    end(database, claimed, LATER)

    assert while_under_way
    assert had(database, TOMORROW)
    assert expire(database, ada=TOMORROW) == []
    assert expire(database, ada=TOMORROW + timedelta(days=1)) == ["ada"]


def test_what_is_to_be_sent_once_more_does_not_expire_before_the_end_of_the_next_day(
    database: Database,
) -> None:
    queue(database, "ada", day=YESTERDAY)
    (claimed,) = claim(database, owner="dead")
    commit(database, claimed)

    settle(database, gone=("dead",), resend_once=True)

    assert expire(database, ada=TODAY) == []
    assert had(database, TODAY)
    assert len(claim(database)) == 1


def test_how_much_waits_and_since_when(database: Database) -> None:
    queue(database, "ada", at=NOW)
    queue(database, "bob", at=NOW + HOUR)

    with database.read() as connection:
        assert waiting.waiting(connection) == 2
        assert waiting.next_due(connection) == NOW
        assert waiting.next_due(connection, ["bob"]) == NOW + HOUR
        assert waiting.next_due(connection, []) is None


def test_what_was_resent_and_given_back_waits_at_the_end(database: Database) -> None:
    queue(database, "ada", "bob", at=NOW - HOUR)
    claim(database, 1, at=NOW, owner="dead")

    settle(database, gone=("dead",))

    assert [one.profile for one in claim(database)] == ["bob", "ada"]


def test_what_waits_for_readers_who_are_gone_expires_and_the_others_is_kept(database: Database) -> None:
    queue(database, "ada", "gone", "put-back", day=YESTERDAY)
    queue(database, "gone", day=TODAY)
    with database.begin() as connection:
        listed = record.find(connection, "put-back")
        assert listed is not None
        waiting.retry(connection, listed, NOW)

        over = waiting.expire_strangers(connection, ["ada"], TODAY, NOW)

    assert [(one.profile, one.day, one.state) for one in over] == [("gone", YESTERDAY, DeliveryState.EXPIRED)]
    assert "no profile any more" in over[0].reply
    assert sorted(one.profile for one in claim(database)) == ["ada", "gone", "put-back"]


# ---------------------------------------------------------------- what may have arrived


def doubted(database: Database, *, day: date = TODAY) -> None:
    """A message was lost inside its body, and a person put it back."""
    queue(database, "ada", day=day)
    (claimed,) = claim(database)
    commit(database, claimed)
    end(database, claimed, LOST)
    assert retry(database)


def test_what_may_have_arrived_stays_so_though_it_is_refused_later(database: Database) -> None:
    doubted(database)
    (again,) = claim(database)

    end(database, again, REFUSED)

    stands = state_of(database)
    assert (stands.state, stands.ended_at) == (DeliveryState.UNKNOWN, NOW)
    assert stands.reply == "an earlier try may have got through; now: 550 no such user"
    assert had(database, TOMORROW + timedelta(days=9))
    with database.read() as connection:
        tried = record.tried(connection, stands.message_id)
    assert [one.attempt.state for one in tried] == [DeliveryState.UNKNOWN, DeliveryState.FAILED]


def test_what_may_have_arrived_stays_so_though_its_recipient_is_suppressed(database: Database) -> None:
    doubted(database)
    with database.begin() as connection:
        suppress(connection, Suppression(address="ada@example.org", reason="asked for it", at=NOW))
        claimed = deliveries.claim(connection, relay="r", owner="o", now=NOW, lease_until=NOW + HOUR, most=9)

    assert [one.state for one in claimed.suppressed] == [DeliveryState.UNKNOWN]
    assert "got through; now: suppressed since" in claimed.suppressed[0].reply
    assert state_of(database).state is DeliveryState.UNKNOWN


def test_what_may_have_arrived_stays_so_though_it_is_cancelled(database: Database) -> None:
    doubted(database)

    assert cancel(database)

    stands = state_of(database)
    assert stands.state is DeliveryState.UNKNOWN
    assert stands.reply == "an earlier try may have got through; now: cancelled by hand"


def test_what_may_have_arrived_stays_so_though_it_is_not_sent_again_in_time(database: Database) -> None:
    doubted(database, day=YESTERDAY)
    long_after = TOMORROW + timedelta(days=1)
    while_it_waits = had(database, long_after)

    with database.begin() as connection:
        (over,) = waiting.expire_before(connection, {"ada": long_after}, NOW)

    assert while_it_waits
    assert had(database, long_after)
    assert over.state is state_of(database).state is DeliveryState.UNKNOWN
    assert over.reply == state_of(database).reply
    assert over.reply.endswith("now: not sent again before the next edition")


def test_what_may_have_arrived_stays_so_though_its_reader_is_gone(database: Database) -> None:
    doubted(database, day=YESTERDAY)

    with database.begin() as connection:
        (over,) = waiting.expire_strangers(connection, [], TOMORROW + timedelta(days=1), NOW)

    assert over.state is state_of(database).state is DeliveryState.UNKNOWN
