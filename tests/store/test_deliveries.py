"""Messages and outcomes in the store."""

from dataclasses import replace
from datetime import timedelta

import pytest

from digest.message import compose
from digest.model import Attempt, DeliveryState, Edition, Listing, Message, Outcome, Sender
from digest.store import deliveries
from digest.store.database import Database
from digest.store.papers import record_listings
from tests.makers import NOW, TODAY, candidate, edition, entry, pick, reason

ADAS = edition(pick("2603.00001", "Learning to Wait", reason()))
TOMORROW = TODAY + timedelta(days=1)


def message(of: Edition) -> Message:
    return compose("Subject", b"text\r\n", b"html\r\n", edition=of, sender=Sender(address="d@example.org"))


@pytest.fixture
def queued(database: Database) -> Database:
    """A store in which Ada's message waits."""
    with database.begin() as connection:
        record_listings(connection, "test", [Listing(layout="t", entries=(entry("2603.00001"),))], NOW)
        deliveries.record_outcome(connection, ADAS, "why", NOW)
        assert deliveries.enqueue(connection, ADAS, message(ADAS), NOW)
    return database


def test_the_second_message_of_a_day_is_refused(queued: Database) -> None:
    with queued.begin() as connection:
        assert not deliveries.enqueue(connection, ADAS, message(ADAS), NOW)
        assert len(deliveries.queued(connection, "ada")) == 1


def test_what_is_sent_counts_as_had_from_the_next_day_on_and_what_still_waits_does_not(
    queued: Database,
) -> None:
    with queued.begin() as connection:
        assert deliveries.seen_by(connection, "ada", before=TOMORROW) == frozenset()
        claimed = deliveries.claim(connection, "ada", TODAY)
        assert claimed is not None
        deliveries.record_attempt(connection, claimed, Attempt(state=DeliveryState.SENT, reply=""), NOW)

        assert deliveries.seen_by(connection, "ada", before=TODAY) == frozenset()
        assert deliveries.seen_by(connection, "ada", before=TOMORROW) == {"2603.00001"}
        assert deliveries.seen_by(connection, "bob", before=TOMORROW) == frozenset()


def test_a_twin_on_a_card_counts_as_had_with_it(database: Database) -> None:
    twin = replace(pick("2603.00001"), twins=(candidate("2603.00002"),))
    both = edition(twin)
    with database.begin() as connection:
        entries = (entry("2603.00001"), entry("2603.00002", "Learning to Wait Again"))
        record_listings(connection, "test", [Listing(layout="t", entries=entries)], NOW)
        assert deliveries.enqueue(connection, both, message(both), NOW)
        claimed = deliveries.claim(connection, "ada", TODAY)
        assert claimed is not None
        deliveries.record_attempt(connection, claimed, Attempt(state=DeliveryState.SENT, reply=""), NOW)

        assert deliveries.seen_by(connection, "ada", before=TOMORROW) == {"2603.00001", "2603.00002"}


def test_a_message_is_claimed_once(queued: Database) -> None:
    with queued.begin() as connection:
        claimed = deliveries.claim(connection, "ada", TODAY)
        assert claimed is not None
        assert claimed.message == message(ADAS)
        assert claimed.attempts == 1
        assert deliveries.claim(connection, "ada", TODAY) is None


@pytest.mark.parametrize(
    ("state", "outcome", "had"),
    [
        (DeliveryState.SENT, Outcome.SENT, True),
        (DeliveryState.UNKNOWN, Outcome.UNKNOWN, True),
        (DeliveryState.QUEUED, Outcome.READY, False),
        (DeliveryState.FAILED, Outcome.FAILED, False),
        (DeliveryState.EXPIRED, Outcome.EXPIRED, False),
    ],
)
def test_an_attempt_ends_the_day_and_what_did_not_arrive_was_not_had(
    queued: Database, state: DeliveryState, outcome: Outcome, had: bool
) -> None:
    with queued.begin() as connection:
        claimed = deliveries.claim(connection, "ada", TODAY)
        assert claimed is not None
        deliveries.record_attempt(connection, claimed, Attempt(state=state, reply="so"), NOW)

        (day,) = deliveries.days(connection, ["ada"], since=TODAY)
        assert (day.outcome, day.reason) == (outcome, "so")
        assert bool(deliveries.seen_by(connection, "ada", before=TOMORROW)) is had


def test_a_claim_that_was_cut_off_before_the_body_is_given_back(queued: Database) -> None:
    with queued.begin() as connection:
        deliveries.claim(connection, "ada", TODAY)

        assert deliveries.settle_cut_off(connection, NOW) == ()
        assert deliveries.claim(connection, "ada", TODAY) is not None


def test_a_message_cut_off_inside_its_body_stays_unknown_and_is_told_once(queued: Database) -> None:
    with queued.begin() as connection:
        claimed = deliveries.claim(connection, "ada", TODAY)
        assert claimed is not None
        deliveries.record_commit(connection, claimed)

        assert [one.profile for one in deliveries.settle_cut_off(connection, NOW)] == ["ada"]
        assert deliveries.settle_cut_off(connection, NOW) == ()
        assert deliveries.claim(connection, "ada", TODAY) is None
        (day,) = deliveries.days(connection, ["ada"], since=TODAY)
        assert day.outcome is Outcome.UNKNOWN


def test_a_quiet_day_may_still_become_an_edition(database: Database) -> None:
    quiet = replace(ADAS, outcome=Outcome.QUIET, sections=())
    with database.begin() as connection:
        deliveries.record_outcome(connection, quiet, "nothing yet", NOW)
        deliveries.record_outcome(connection, ADAS, "now there is", NOW)

        (day,) = deliveries.days(connection, ["ada"], since=TODAY)
        assert (day.outcome, day.reason, day.picks) == (Outcome.READY, "now there is", 1)
