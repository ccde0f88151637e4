"""A message is queued once, sent once, and every step is recorded."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from digest.errors import DeliveryError
from digest.message import compose
from digest.model import Attempt, DeliveryState, Edition, Listing, Message, Outcome, Sender
from digest.outbox import deliver, enqueue_edition, expire_older, settle
from digest.store import deliveries
from digest.store.database import Database, open_database
from digest.store.papers import record_listings
from digest.store.tables import seen
from tests.makers import NOW, TODAY, edition, entry, pick, reason

ADAS = edition(pick("2603.00001", "Learning to Wait", reason()))
TOMORROW = TODAY + timedelta(days=1)


class Postman:
    """A transport that ends as the test says; `crash` is raised before or after the body begins."""

    def __init__(
        self,
        state: DeliveryState = DeliveryState.SENT,
        *,
        crash: str = "",
        problem: BaseException | None = None,
    ) -> None:
        self.state, self.crash, self.problem = state, crash, problem
        self.taken: list[Message] = []

    def check(self) -> str:
        return "fine"

    def send(self, message: Message, *, committing: Callable[[], None]) -> Attempt:
        if self.crash == "before" and self.problem:
            raise self.problem
        committing()
        self.taken.append(message)
        if self.crash == "after" and self.problem:
            raise self.problem
        return Attempt(state=self.state, reply="so it was")

    def close(self) -> None:
        """Nothing is held open."""


def message(of: Edition = ADAS) -> Message:
    return compose("Subject", b"text\r\n", b"html\r\n", edition=of, sender=Sender(address="d@example.org"))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path / "digest.sqlite3")
    with opened.begin() as connection:
        record_listings(connection, "test", [Listing(layout="t", entries=(entry("2603.00001"),))], NOW)
    yield opened
    opened.close()


def outcome(database: Database) -> Outcome:
    with database.read() as connection:
        return deliveries.days(connection, ["ada"], since=TODAY)[0].outcome


def had(database: Database) -> frozenset[str]:
    with database.read() as connection:
        return frozenset(connection.execute(select(seen.c.paper_id)).scalars())


def test_an_edition_is_queued_once_a_day(database: Database) -> None:
    assert enqueue_edition(database, ADAS, message(), NOW)
    assert not enqueue_edition(database, ADAS, message(), NOW)
    assert had(database) == {"2603.00001"}


def test_a_day_without_a_message_has_its_outcome_and_nothing_counts_as_had(database: Database) -> None:
    assert not enqueue_edition(database, edition(outcome=Outcome.QUIET, sections=()), None, NOW)
    assert outcome(database) is Outcome.QUIET
    assert had(database) == frozenset()


def test_a_message_is_sent_once(database: Database) -> None:
    postman = Postman()
    enqueue_edition(database, ADAS, message(), NOW)

    first = deliver(database, "ada", TODAY, postman, NOW)
    second = deliver(database, "ada", TODAY, postman, NOW)

    assert first is not None
    assert second is None
    assert postman.taken == [message()]
    assert outcome(database) is Outcome.SENT


def test_before_the_body_goes_out_it_is_on_record_that_it_may_have(database: Database) -> None:
    seen: list[Outcome] = []

    class Looking(Postman):
        def send(self, message: Message, *, committing: Callable[[], None]) -> Attempt:
            committing()
            seen.append(outcome(database))
            return Attempt(state=DeliveryState.SENT, reply="")

    enqueue_edition(database, ADAS, message(), NOW)
    deliver(database, "ada", TODAY, Looking(), NOW)

    assert seen == [Outcome.UNKNOWN]


def test_an_interruption_before_the_body_leaves_the_message_waiting(database: Database) -> None:
    enqueue_edition(database, ADAS, message(), NOW)
    with pytest.raises(KeyboardInterrupt):
        deliver(database, "ada", TODAY, Postman(crash="before", problem=KeyboardInterrupt()), NOW)

    postman = Postman()
    deliver(database, "ada", TODAY, postman, NOW)

    assert len(postman.taken) == 1


def test_what_a_killed_run_had_claimed_is_sent_by_the_next(database: Database) -> None:
    enqueue_edition(database, ADAS, message(), NOW)
    with database.begin() as connection:
        deliveries.claim(connection, "ada", TODAY)  # and then the process was killed

    assert settle(database, NOW) == ()
    postman = Postman()
    deliver(database, "ada", TODAY, postman, NOW)

    assert len(postman.taken) == 1


def test_an_interruption_inside_the_body_leaves_an_unknown_that_is_never_sent_again(
    database: Database,
) -> None:
    enqueue_edition(database, ADAS, message(), NOW)
    with pytest.raises(KeyboardInterrupt):
        deliver(database, "ada", TODAY, Postman(crash="after", problem=KeyboardInterrupt()), NOW)

    assert [one.profile for one in settle(database, NOW)] == ["ada"]
    assert deliver(database, "ada", TODAY, Postman(), NOW) is None
    assert outcome(database) is Outcome.UNKNOWN
    assert had(database) == {"2603.00001"}


def test_a_way_out_that_nobody_can_use_keeps_the_message(database: Database) -> None:
    enqueue_edition(database, ADAS, message(), NOW)

    with pytest.raises(DeliveryError):
        deliver(database, "ada", TODAY, Postman(crash="before", problem=DeliveryError("login refused")), NOW)

    postman = Postman()
    deliver(database, "ada", TODAY, postman, NOW)
    assert len(postman.taken) == 1


def test_a_transport_that_says_no_at_the_last_moment_keeps_the_message(database: Database) -> None:
    enqueue_edition(database, ADAS, message(), NOW)

    with pytest.raises(DeliveryError):
        deliver(database, "ada", TODAY, Postman(crash="after", problem=DeliveryError("disk gone")), NOW)

    assert outcome(database) is Outcome.READY


def test_what_never_went_out_expires_and_its_papers_come_again(database: Database) -> None:
    enqueue_edition(database, ADAS, message(), NOW)

    (given_up,) = expire_older(database, "ada", TOMORROW, NOW + timedelta(days=1))

    assert given_up.delivery.day == TODAY
    assert outcome(database) is Outcome.EXPIRED
    assert had(database) == frozenset()
