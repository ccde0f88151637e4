"""Messages on their way out: claimed by one, on record before each step, the same on SQLite and PostgreSQL."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from digest.model import Attempt, DeliveryState, Failure, Listing, Outcome, Phase, Suppression
from digest.store import deliveries, editions, record, settling, waiting
from digest.store.database import Database
from digest.store.deliveries import Ended
from digest.store.papers import record_listings
from digest.store.suppressions import lift, suppress
from digest.store.tables import message as message_table
from tests.makers import NOW, TODAY, candidate, entry, pick
from tests.store.outgoing import (
    LATER,
    LEASE,
    LOST,
    REFUSED,
    SENT,
    claim,
    commit,
    end,
    made,
    queue,
    settle,
    state_of,
)

TOMORROW = TODAY + timedelta(days=1)
MINUTE = timedelta(minutes=1)


def had(database: Database, name: str = "ada") -> frozenset[str]:
    with database.read() as connection:
        return editions.all_seen(connection, {name: TOMORROW})[name]


def test_the_second_message_of_a_day_is_refused(database: Database) -> None:
    queue(database, "ada")

    with database.begin() as connection:
        assert deliveries.enqueue_many(connection, [made("ada")], NOW) == frozenset()
        assert deliveries.enqueue_many(connection, [made("ada"), made("bob")], NOW) == {"bob"}
        assert waiting.waiting(connection) == 2


def test_a_message_is_claimed_once_and_as_it_was_made(database: Database) -> None:
    queue(database, "ada")

    (claimed,) = claim(database)

    assert claimed.message == made("ada")[1]
    assert (claimed.attempts, claimed.relay, claimed.state) == (1, "main", DeliveryState.SENDING)
    assert claim(database) == ()


def test_messages_are_claimed_in_the_order_they_are_due_and_then_of_their_ids(database: Database) -> None:
    queue(database, "zoe", "bob", "eve", at=NOW)
    queue(database, "ada", at=NOW + MINUTE)

    first = claim(database, 2, at=NOW + MINUTE)
    rest = claim(database, 9, at=NOW + MINUTE)

    assert [one.profile for one in (*first, *rest)] == ["bob", "eve", "zoe", "ada"]


def test_what_is_not_due_yet_is_not_claimed(database: Database) -> None:
    with database.begin() as connection:
        record_listings(connection, "test", [Listing(layout="t", entries=(entry(),))], NOW)
        deliveries.enqueue_many(connection, [made("ada")], NOW, due_at=NOW + MINUTE)

        assert waiting.next_due(connection) == NOW + MINUTE
    assert claim(database) == ()
    assert len(claim(database, at=NOW + MINUTE)) == 1


def test_only_those_asked_for_are_claimed_however_many_are_asked_for(database: Database) -> None:
    queue(database, "ada", "bob")
    asked = ["bob", *(f"nobody {number}" for number in range(40_000))]

    with database.begin() as connection:
        claimed = deliveries.claim(
            connection, relay="r", owner="o", now=NOW, lease_until=NOW + LEASE, most=9, profiles=asked
        )
        assert waiting.waiting(connection, ["ada", "carl"]) == 1
        assert waiting.next_due(connection, ["bob"]) is None

    assert [one.profile for one in claimed.deliveries] == ["bob"]


def test_whoever_is_suppressed_when_it_is_due_gets_none_and_the_record_says_why(database: Database) -> None:
    queue(database, "ada", "bob")
    with database.begin() as connection:
        suppress(connection, Suppression(address="Ada@Example.org", reason="550 nobody", at=NOW))
        claimed = deliveries.claim(connection, relay="r", owner="o", now=NOW, lease_until=NOW + LEASE, most=9)

    assert [one.profile for one in claimed.deliveries] == ["bob"]
    assert [one.profile for one in claimed.suppressed] == ["ada"]
    stands = state_of(database, "ada")
    assert (stands.state, stands.reply) == (DeliveryState.FAILED, "suppressed since 2026-03-11: 550 nobody")
    with database.begin() as connection:
        lift(connection, "ada@example.org", NOW)
        assert waiting.retry(connection, stands, NOW)
    assert [one.attempts for one in claim(database)] == [2]


def test_a_body_under_way_is_unknown_until_its_reply_and_its_data_goes_when_it_is_sent(
    database: Database,
) -> None:
    queue(database, "ada")
    (claimed,) = claim(database)

    assert commit(database, claimed) == {"ada"}
    under_way = state_of(database)
    assert end(database, claimed, SENT, at=NOW + MINUTE)

    assert (under_way.state, under_way.ended_at) == (DeliveryState.UNKNOWN, None)
    stands = state_of(database)
    assert (stands.state, stands.ended_at, stands.reply) == (DeliveryState.SENT, NOW + MINUTE, SENT.reply)
    assert (stands.owner, stands.lease_until) == ("", None)
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(message_table)).scalar() == 0


def test_a_claim_that_was_lost_cannot_send_its_body_nor_say_that_it_failed(database: Database) -> None:
    queue(database, "ada")
    (late,) = claim(database, owner="late")
    settle(database, at=NOW + LEASE)
    (again,) = claim(database, at=NOW + LEASE, owner="again")

    assert commit(database, late) == frozenset()
    assert not end(database, late, REFUSED)
    assert commit(database, again) == {"ada"}
    assert not end(database, late, LATER)
    assert end(database, again, SENT)

    assert state_of(database).state is DeliveryState.SENT


def test_an_end_that_comes_after_the_lease_is_the_truth_as_long_as_nobody_claimed_anew(
    database: Database,
) -> None:
    queue(database, "ada")
    (claimed,) = claim(database)
    commit(database, claimed)

    told = settle(database, at=NOW + LEASE)
    assert [one.profile for one in told.unknown] == ["ada"]
    assert end(database, claimed, SENT, at=NOW + 2 * LEASE)

    assert state_of(database).state is DeliveryState.SENT


def test_what_was_put_back_and_turns_out_to_be_sent_is_not_sent_again(database: Database) -> None:
    queue(database, "ada")
    (claimed,) = claim(database)
    commit(database, claimed)
    assert len(settle(database, at=NOW + LEASE, resend_once=True).resent) == 1

    assert not end(database, claimed, LATER, at=NOW + LEASE, due_at=NOW + 9 * LEASE)
    assert end(database, claimed, SENT, at=NOW + LEASE)

    assert claim(database, at=NOW + 10 * LEASE) == ()


def test_saying_an_end_twice_changes_nothing(database: Database) -> None:
    queue(database, "ada")
    (claimed,) = claim(database)

    assert end(database, claimed, LATER, due_at=NOW + MINUTE)
    end(database, claimed, LATER, due_at=NOW + MINUTE)

    assert (state_of(database).deferrals, state_of(database).due_at) == (1, NOW + MINUTE)


def test_only_what_may_pass_counts_as_put_off(database: Database) -> None:
    queue(database, "ada")
    ours = Attempt(state=DeliveryState.QUEUED, reply="530", phase=Phase.MAIL, failure=Failure.AUTHENTICATION)

    (first,) = claim(database)
    end(database, first, LATER, due_at=NOW + MINUTE)
    (second,) = claim(database, at=NOW + MINUTE)
    end(database, second, ours, at=NOW + MINUTE)

    stands = state_of(database)
    assert (stands.deferrals, stands.due_at, stands.attempts) == (1, NOW + MINUTE, 2)


def test_what_was_cut_off_before_its_body_waits_again_and_inside_it_stays_unknown(database: Database) -> None:
    queue(database, "ada", "bob")
    ada, bob = claim(database, owner="dead")
    commit(database, bob)

    first, second = settle(database, gone=("dead",)), settle(database, gone=("dead",))

    assert [one.profile for one in first.requeued] == ["ada"]
    assert [one.profile for one in first.unknown] == ["bob"]
    assert second == settling.Settled()
    assert (state_of(database, "ada").state, state_of(database, "ada").attempts) == (DeliveryState.QUEUED, 1)
    assert (state_of(database, "bob").state, state_of(database, "bob").ended_at) == (
        DeliveryState.UNKNOWN,
        NOW,
    )
    with database.read() as connection:
        (tried,) = record.tried(connection, ada.message.message_id)
    assert (tried.attempt.state, tried.ended_at) == (DeliveryState.QUEUED, NOW)


def test_the_claims_of_the_living_are_left_alone_even_if_a_clock_was_moved(database: Database) -> None:
    queue(database, "ada", "bob")
    claim(database, 1, owner="alive")
    claim(database, 1, owner="unheard-of")

    told = settle(database, at=NOW + timedelta(days=365), present=("alive",))

    assert [one.profile for one in told.requeued] == ["bob"]
    with database.read() as connection:
        assert settling.owners(connection) == {"alive"}


def test_the_owners_are_those_with_messages_under_way(database: Database) -> None:
    queue(database, "ada", "bob", "carl")
    for owner in ("a", "b", "c"):
        claimed = claim(database, 1, owner=owner)
        commit(database, *claimed)
        if owner == "c":
            end(database, claimed[0], SENT)

    with database.read() as connection:
        assert settling.owners(connection) == {"a", "b"}


def test_an_unknown_message_is_sent_again_once_if_that_is_wanted(database: Database) -> None:
    queue(database, "ada")
    for number in (1, 2):
        (claimed,) = claim(database)
        commit(database, claimed)
        assert claimed.attempts == number
        end(database, claimed, LOST, resend_once=True)

    assert claim(database) == ()
    assert state_of(database).state is DeliveryState.UNKNOWN


@pytest.mark.parametrize("cut_off_first", [True, False])
def test_a_message_is_sent_again_once_whether_its_process_died_or_its_connection(
    database: Database, cut_off_first: bool
) -> None:
    queue(database, "ada")
    for dies in (cut_off_first, not cut_off_first):
        (claimed,) = claim(database, owner="x")
        commit(database, claimed)
        if dies:
            settle(database, gone=("x",), resend_once=True)
        else:
            end(database, claimed, LOST, resend_once=True)

    assert claim(database) == ()
    assert state_of(database).state is DeliveryState.UNKNOWN


@pytest.mark.parametrize(
    ("attempt", "outcome", "was_had"),
    [
        (SENT, Outcome.SENT, True),
        (LOST, Outcome.UNKNOWN, True),
        (LATER, Outcome.READY, False),
        (REFUSED, Outcome.FAILED, False),
        (replace(REFUSED, state=DeliveryState.EXPIRED), Outcome.EXPIRED, False),
    ],
)
def test_an_attempt_ends_the_day_and_what_did_not_arrive_was_not_had(
    database: Database, attempt: Attempt, outcome: Outcome, was_had: bool
) -> None:
    queue(database, "ada")
    with database.begin() as connection:
        editions.record_outcomes(connection, [(made("ada")[0], Outcome.READY, "why")], NOW)
    (claimed,) = claim(database)

    end(database, claimed, attempt)

    with database.read() as connection:
        (day,) = editions.days(connection, ["ada"], since=TODAY)
    reason = "why" if outcome is Outcome.SENT else attempt.reply
    assert (day.outcome, day.reason, day.reply) == (outcome, reason, attempt.reply)
    assert bool(had(database)) is was_had


def test_what_is_sent_counts_as_had_from_the_next_day_on_and_what_still_waits_does_not(
    database: Database,
) -> None:
    queue(database, "ada")
    while_waiting = had(database)
    (claimed,) = claim(database)
    end(database, claimed, SENT)

    assert while_waiting == frozenset()
    assert had(database) == {"2603.00001"}
    assert had(database, "bob") == frozenset()
    with database.read() as connection:
        assert editions.all_seen(connection, {"ada": TODAY}) == {"ada": frozenset()}


def test_the_papers_of_tomorrows_edition_that_was_made_before_todays_count_as_had(database: Database) -> None:
    queue(database, "ada", day=TOMORROW)  # she goes west over the date line

    with database.read() as connection:
        had_now = editions.all_seen(connection, {"ada": TODAY})
        had_then = editions.all_seen(connection, {"ada": TODAY}, NOW)
        had_before = editions.all_seen(connection, {"ada": TODAY}, NOW - MINUTE)

    assert had_now == had_then == {"ada": {"2603.00001"}}
    assert had_before == {"ada": frozenset()}


def test_a_twin_on_a_card_counts_as_had_with_it(database: Database) -> None:
    edition, message = made("ada")
    twin = replace(pick("2603.00001"), twins=(candidate("2603.00002"),))
    sections = (replace(edition.sections[0], picks=(twin,)),)
    with database.begin() as connection:
        entries = (entry("2603.00001"), entry("2603.00002", "Learning to Wait Again"))
        record_listings(connection, "test", [Listing(layout="t", entries=entries)], NOW)
        deliveries.enqueue_many(connection, [(replace(edition, sections=sections), message)], NOW)
    (claimed,) = claim(database)
    end(database, claimed, SENT)

    assert had(database) == {"2603.00001", "2603.00002"}


def test_a_paper_of_two_messages_was_had_if_one_of_them_arrived(database: Database) -> None:
    queue(database, "ada", day=TODAY - timedelta(days=1))
    (yesterdays,) = claim(database)
    end(database, yesterdays, REFUSED)
    queue(database, "ada")
    (todays,) = claim(database)
    end(database, todays, SENT)

    with database.read() as connection:
        assert editions.seen_on(connection, "ada", TODAY) == {"2603.00001": TODAY}


@pytest.mark.slow
def test_many_messages_go_their_way_in_one_transaction_a_step(database: Database) -> None:
    names = [f"reader{number:04}" for number in range(1_500)]
    queue(database, *names)

    claimed = claim(database, 2_000)
    held = commit(database, *claimed)
    with database.begin() as connection:
        counted = deliveries.record_attempts(
            connection, [Ended(delivery=one, attempt=SENT) for one in claimed], NOW
        )

    assert len(claimed) == len(held) == len(counted) == 1_500
    with database.read() as connection:
        assert record.counts(connection) == {DeliveryState.SENT: 1_500}


def test_the_data_of_older_messages_is_let_go_but_not_of_those_that_wait(database: Database) -> None:
    queue(database, "ada", "bob", day=TODAY - timedelta(days=30))
    (ada,) = claim(database, 1)
    end(database, ada, REFUSED)

    with database.begin() as connection:
        assert deliveries.prune(connection, TODAY) == 1
        assert deliveries.prune(connection, TODAY) == 0
        assert not waiting.retry(connection, state_of(database, "ada"), NOW)
    assert [one.profile for one in claim(database)] == ["bob"]


def test_many_days_are_stated_at_once_and_the_last_word_counts(database: Database) -> None:
    (ada, _), (bob, _) = made("ada"), made("bob")
    with database.begin() as connection:
        stated = [(ada, Outcome.QUIET, "nothing yet"), (bob, Outcome.FAILED, "suppressed")]
        editions.record_outcomes(connection, stated, NOW)
        editions.record_outcomes(connection, [(ada, Outcome.READY, "now there is")], NOW)

        days = editions.days(connection, ["ada", "bob"], since=TODAY)

    assert [(day.outcome, day.reason) for day in days] == [
        (Outcome.READY, "now there is"),
        (Outcome.FAILED, "suppressed"),
    ]


def test_who_waited_in_vain_is_told_with_the_last_day_of_it(database: Database) -> None:
    (ada, _), (bob, _) = made("ada"), made("bob")
    with database.begin() as connection:
        waited = [
            (replace(ada, day=TODAY - timedelta(days=back)), Outcome.NOT_READY, "short") for back in (2, 1, 0)
        ]
        editions.record_outcomes(connection, [*waited, (bob, Outcome.READY, "chosen")], NOW)
        before = {"ada": TODAY, "bob": TODAY}

        in_vain = editions.ended_waiting(connection, before, TODAY - timedelta(days=7))
        long_ago = editions.ended_waiting(connection, before, TODAY)

    assert in_vain == {"ada": TODAY - timedelta(days=1)}
    assert long_ago == {}


def test_those_with_a_message_of_the_day_are_told_from_those_without(database: Database) -> None:
    queue(database, "ada", "bob")
    asked = [("ada", TODAY), ("ada", TOMORROW), ("carl", TODAY)]

    with database.read() as connection:
        assert editions.with_messages(connection, asked) == {("ada", TODAY)}
        assert editions.with_messages(connection, []) == frozenset()


def test_what_was_put_off_for_its_relays_sake_need_not_wait_longer_the_next_time(database: Database) -> None:
    queue(database, "ada")

    (claimed,) = claim(database)
    end(database, claimed, LATER)
    at_once = state_of(database).deferrals
    (claimed,) = claim(database)
    end(database, claimed, LATER, due_at=NOW + timedelta(minutes=5))

    assert (at_once, state_of(database).deferrals) == (0, 1)


def test_what_may_be_under_way_still_is_not_sent_again_before_its_lease_is_over(database: Database) -> None:
    queue(database, "ada", "bob")
    commit(database, *(one for one in claim(database, owner="silent") if one.profile == "ada"))

    at_once = settle(database, gone=("silent",), resend_once=True, is_sure=False)
    later = settle(database, at=NOW + LEASE, gone=("silent",), resend_once=True, is_sure=False)

    assert [one.profile for one in at_once.requeued] == ["bob"]
    assert at_once.resent == at_once.unknown == ()
    assert [one.profile for one in later.resent] == ["ada"]


def test_what_is_not_to_be_sent_again_is_told_at_once_though_its_process_may_live(database: Database) -> None:
    queue(database, "ada")
    (claimed,) = claim(database, owner="silent")
    commit(database, claimed)

    told = settle(database, gone=("silent",), is_sure=False)
    its_word_counts = end(database, claimed, SENT)

    assert [one.profile for one in told.unknown] == ["ada"]
    assert its_word_counts
    assert state_of(database).state is DeliveryState.SENT
