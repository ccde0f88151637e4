"""Which report is believed, and what becomes of its message and its recipient."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pytest

from digest.bounces import Effect, Round, decide, look_into_box, read_box
from digest.dsn import Action, Nature
from digest.model import Attempt, DeliveryState, Failure, Suppression, Tried
from digest.store.bounces import BOUNCE, COMPLAINT, record_return
from digest.store.database import Database
from digest.store.editions import seen_on
from digest.store.record import Listed, by_message_id, tried
from digest.store.suppressions import all_suppressed, lift, suppressed
from digest.transport.mailboxes import Letter
from tests.bounces.makers import BASE, MESSAGE_ID, NOW, TRACED, claimed, listed, report, sent
from tests.makers import TODAY

SAMPLES = Path(__file__).parent / "samples"
ADA = "ada@example.org"


# ---------------------------------------------------------------- deciding


def test_a_bounce_that_says_the_address_is_no_good_suppresses_it_at_once() -> None:
    decision = decide(claimed(report(), listed()))

    assert (decision.effect, decision.suppresses) == (Effect.FAILED, True)
    assert decision.why == "bounced: 550 5.1.1 no such user"
    assert decision.attempt
    assert decision.attempt.state is DeliveryState.FAILED


@pytest.mark.parametrize(
    ("fields", "failure"),
    [
        ({"status": "5.2.2", "code": 552, "diagnostic": "552 5.2.2 full"}, Failure.RECIPIENT),
        ({"status": "5.0.0", "code": 550, "diagnostic": "550 no"}, Failure.RECIPIENT),
        ({"status": "", "code": 550, "diagnostic": "550 no"}, Failure.RECIPIENT),
        ({"status": "5.7.26", "code": 550, "diagnostic": "550 5.7.26 DMARC"}, Failure.SENDER),
        ({"status": "4.4.1", "code": None, "diagnostic": "timed out"}, Failure.TRANSIENT),
        ({"status": "", "code": None, "diagnostic": "retry timeout exceeded"}, Failure.TRANSIENT),
        ({"status": "", "code": 451, "diagnostic": "451 later"}, Failure.TRANSIENT),
    ],
)
def test_other_bounces_fail_the_message_and_say_whose_matter_it_is(
    fields: dict[str, object], failure: Failure
) -> None:
    decision = decide(claimed(report(**fields), listed()))

    assert (decision.effect, decision.suppresses) == (Effect.FAILED, False)
    assert decision.attempt
    assert decision.attempt.failure is failure


@pytest.mark.parametrize("action", [Action.DELAYED, Action.DELIVERED, Action.RELAYED, Action.EXPANDED])
def test_what_is_no_failure_changes_nothing(action: Action) -> None:
    decision = decide(claimed(report(action=action), listed()))

    assert (decision.effect, decision.attempt) == (Effect.NOTHING, None)


def test_a_report_about_nothing_we_sent_is_strange() -> None:
    decision = decide(claimed(report(), None, proven=False))

    assert (decision.effect, decision.attempt) == (Effect.STRANGE, None)


def test_a_message_with_a_return_path_of_its_own_is_only_spoken_of_there() -> None:
    forged = decide(claimed(report(), listed(sender=TRACED), proven=False))
    untraced = decide(claimed(report(), listed(sender=BASE), proven=False))

    assert forged.effect is Effect.STRANGE
    assert untraced.effect is Effect.FAILED


def test_a_report_about_somebody_else_changes_nothing() -> None:
    other = report(recipients=("eve@example.org",))

    forwarded = decide(claimed(other, listed()))
    forged = decide(claimed(other, listed(sender=BASE), proven=False))

    assert (forwarded.effect, forwarded.attempt) == (Effect.NOTHING, None)
    assert (forged.effect, forged.attempt) == (Effect.STRANGE, None)


@pytest.mark.parametrize("recipients", [("ADA@Example.ORG",), ("alias@elsewhere.example", "ada@example.org")])
def test_a_recipient_is_known_by_another_spelling_and_by_the_original_one(
    recipients: tuple[str, ...],
) -> None:
    assert decide(claimed(report(recipients=recipients), listed())).effect is Effect.FAILED


def test_a_domain_is_the_same_in_unicode_and_in_ascii() -> None:
    told = report(recipients=("ada@bücher.example",))

    decision = decide(claimed(told, listed(recipient="ada@xn--bcher-kva.example")))

    assert decision.effect is Effect.FAILED


@pytest.mark.parametrize(
    "fields",
    [
        {"state": DeliveryState.QUEUED, "ended_at": None},
        {"state": DeliveryState.SENDING, "ended_at": None},
        {"state": DeliveryState.UNKNOWN, "ended_at": None},
    ],
)
@pytest.mark.parametrize("action", [Action.FAILED, Action.COMPLAINT])
def test_a_report_about_a_message_on_its_way_waits(action: Action, fields: dict[str, object]) -> None:
    decision = decide(claimed(report(action=action), listed(**fields)))

    assert (decision.effect, decision.attempt) == (Effect.LATER, None)


def test_a_bounce_of_an_unknown_message_shows_that_it_failed() -> None:
    assert decide(claimed(report(), listed(state=DeliveryState.UNKNOWN))).effect is Effect.FAILED


@pytest.mark.parametrize("state", [DeliveryState.FAILED, DeliveryState.EXPIRED])
def test_a_message_that_failed_before_does_not_fail_again(state: DeliveryState) -> None:
    decision = decide(claimed(report(), listed(state=state)))

    assert (decision.effect, decision.attempt) == (Effect.NOTHING, None)


def test_a_failure_that_calls_itself_a_success_is_not_believed() -> None:
    assert decide(claimed(report(status="2.0.0", code=None), listed())).effect is Effect.NOTHING


def test_a_complaint_suppresses_and_leaves_the_message_as_sent() -> None:
    decision = decide(claimed(report(action=Action.COMPLAINT, status="", diagnostic="abuse"), listed()))

    assert (decision.effect, decision.suppresses) == (Effect.COMPLAINED, True)
    assert decision.attempt
    assert decision.attempt.state is DeliveryState.SENT


def test_a_second_complaint_about_a_message_says_nothing_new() -> None:
    first = Tried(
        number=2,
        relay=COMPLAINT,
        began_at=NOW,
        ended_at=NOW,
        attempt=Attempt(state=DeliveryState.SENT, reply="complained: abuse"),
    )

    assert decide(claimed(report(action=Action.COMPLAINT), listed()), [first]).effect is Effect.NOTHING


# ---------------------------------------------------------------- recording


@dataclass
class Shelf:
    """A box that holds what it is given, and remembers what was marked."""

    mails: tuple[bytes, ...]
    where: str = "shelf"
    marked: list[str] = field(default_factory=list)

    def letters(self, since: date, max_bytes: int) -> Iterator[Letter]:
        """All of them, marked or not."""
        for number, data in enumerate(self.mails):
            yield Letter(key=str(number), data=data[:max_bytes])

    def mark(self, letter: Letter) -> None:
        """Remember it."""
        self.marked.append(letter.key)

    def check(self) -> str:
        """It is there."""
        return self.where

    def close(self) -> None:
        """Nothing is open."""


def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.eml").read_bytes()


def shelf(*names: str) -> Shelf:
    return Shelf(tuple(sample(name) for name in names))


def read(database: Database, box: Shelf, *, suppress_after: int = 3) -> Round:
    return read_box(database, box, NOW, suppress_after=suppress_after)


def stored(database: Database, message_id: str = MESSAGE_ID) -> Listed:
    with database.read() as connection:
        found = by_message_id(connection, message_id)
    assert found
    return found


def reasons(database: Database) -> list[tuple[str, str]]:
    with database.read() as connection:
        return [(one.address, one.reason) for one in all_suppressed(connection)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["postfix", "exim", "sendmail", "exchange", "gmail", "qmail"])
def test_a_bounced_message_failed_and_its_reader_gets_no_more(database: Database, name: str) -> None:
    sent(database)
    box = shelf(name)

    round_ = read(database, box)

    assert [one.decision.effect for one in round_.findings] == [Effect.FAILED]
    assert stored(database).state is DeliveryState.FAILED
    assert stored(database).reply.startswith("bounced: ")
    assert [address for address, _ in reasons(database)] == [ADA]
    assert box.marked == ["0"]


def test_the_papers_of_a_bounced_message_come_again(database: Database) -> None:
    sent(database)
    with database.read() as connection:
        assert seen_on(connection, "ada", TODAY)

    read(database, shelf("postfix"))

    with database.read() as connection:
        assert not seen_on(connection, "ada", TODAY)


def test_a_bounce_is_a_line_in_the_record_of_its_message(database: Database) -> None:
    sent(database)

    read(database, shelf("postfix"))

    with database.read() as connection:
        lines = tried(connection, MESSAGE_ID)
    assert [(one.number, one.relay, one.attempt.state) for one in lines] == [
        (1, "relay", DeliveryState.SENT),
        (2, "(bounce)", DeliveryState.FAILED),
    ]
    assert (lines[1].attempt.code, lines[1].attempt.enhanced) == (550, "5.1.1")
    assert lines[1].attempt.failure is Failure.RECIPIENT


def test_the_same_report_read_twice_changes_nothing_more(database: Database) -> None:
    sent(database)
    read(database, shelf("postfix"))
    before = stored(database)

    again = read(database, shelf("postfix", "postfix"))

    assert [one.decision.effect for one in again.findings] == [Effect.NOTHING, Effect.NOTHING]
    assert stored(database) == before
    assert len(reasons(database)) == 1


def test_an_address_that_a_person_freed_is_not_taken_again_by_an_old_report(database: Database) -> None:
    sent(database)
    read(database, shelf("postfix", "complaint"))
    with database.begin() as connection:
        lift(connection, ADA, NOW)

    read(database, shelf("postfix", "complaint"))

    assert reasons(database) == []


def test_soft_bounces_count_until_there_are_too_many_in_a_row(database: Database) -> None:
    for number in range(3):
        day = NOW.date() - timedelta(days=number)
        sent(database, day=day, sender=TRACED.replace("0123", f"{number}123", 1), message_id=f"<{number}@x>")
    boxes = [Shelf((sample("ses").replace(b"+0123", b"+%d123" % number, 2),)) for number in range(3)]

    suppressed_by = [read(database, box).findings[0].suppressed for box in boxes]

    assert suppressed_by[:2] == ["", ""]
    assert suppressed_by[2].startswith("3 messages in a row failed, the last: bounced: 552 5.2.2")
    assert [address for address, _ in reasons(database)] == [ADA]


def test_a_message_that_arrived_ends_the_row_in_whatever_order_bounces_are_read(database: Database) -> None:
    for number in range(3):
        day, now = NOW.date() - timedelta(days=number), NOW - timedelta(days=number)
        sent(
            database,
            day=day,
            now=now,
            sender=TRACED.replace("0123", f"{number}123", 1),
            message_id=f"<{number}@x>",
        )
    first_and_last = [sample("ses").replace(b"+0123", b"+%d123" % number, 2) for number in (0, 2)]

    read(database, Shelf(tuple(first_and_last)), suppress_after=2)

    assert reasons(database) == []


def test_soft_bounces_never_suppress_where_that_is_switched_off(database: Database) -> None:
    sent(database)

    read(database, shelf("ses"), suppress_after=0)

    assert reasons(database) == []
    assert stored(database).state is DeliveryState.FAILED


def test_a_relay_that_could_not_reach_anybody_suppresses_nobody(database: Database) -> None:
    sent(database)
    gave_up = sample("delayed").replace(b"Action: delayed", b"Action: failed")

    read(database, Shelf((gave_up,)), suppress_after=1)

    assert stored(database).state is DeliveryState.FAILED
    assert reasons(database) == []


BLOCKED = b"550 5.7.1 Unfortunately, messages from [192.0.2.1] are on our block list (S3140)."


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (b"5.7.1", BLOCKED),
        (b"5.3.4", b"552 5.3.4 message too large"),
        (b"5.0.0", b"550 administrative prohibition"),
        (b"5.7.1", b"554 5.7.1 Relay access denied"),
        (b"5.4.7", b"550 5.4.7 delivery time expired"),
    ],
)
def test_what_a_server_may_say_to_all_suppresses_nobody(
    database: Database, status: bytes, said: bytes
) -> None:
    sent(database)
    bounce = sample("ses").replace(b"Status: 5.2.2", b"Status: " + status)
    bounce = bounce.replace(b"552 5.2.2 The mailbox is over its quota", said)
    assert bounce.count(said) == 1

    read(database, Shelf((bounce,)), suppress_after=1)

    assert stored(database).state is DeliveryState.FAILED
    assert reasons(database) == []


def test_a_message_that_expired_on_its_way_is_held_against_nobody() -> None:
    expired = report(status="5.4.7", code=None, diagnostic="delivery time expired")

    decision = decide(claimed(expired, listed()))

    assert decision.attempt
    assert (decision.attempt.state, decision.attempt.failure) == (DeliveryState.FAILED, Failure.TRANSIENT)


def test_a_complaint_suppresses_and_its_message_stays_sent(database: Database) -> None:
    before = sent(database)

    round_ = read(database, shelf("complaint"))

    assert [one.decision.effect for one in round_.findings] == [Effect.COMPLAINED]
    assert reasons(database) == [(ADA, "complained: abuse [mx.mailbox.example]")]
    assert (stored(database).state, stored(database).reply) == (DeliveryState.SENT, before.reply)


def test_a_forged_bounce_of_somebody_elses_message_changes_nothing(database: Database) -> None:
    before = sent(database)
    forged = sample("postfix").replace(b"0123456789abcdef0123", b"f" * 20)
    box = Shelf((forged,))

    round_ = read(database, box)

    assert [one.decision.effect for one in round_.findings] == [Effect.STRANGE]
    assert stored(database) == before
    assert reasons(database) == []
    assert box.marked == []


def test_without_tokens_message_id_and_recipient_are_what_counts(database: Database) -> None:
    sent(database, sender=BASE)
    plain = sample("postfix").replace(TRACED.encode(), BASE.encode())

    read(database, Shelf((plain,)))

    assert stored(database).state is DeliveryState.FAILED


def test_what_is_no_report_is_left_in_the_box(database: Database) -> None:
    sent(database)
    box = shelf("vacation", "person", "delayed")

    round_ = read(database, box)

    assert round_.left == (Nature.AUTO_REPLY, Nature.OTHER)
    assert box.marked == ["2"]
    assert stored(database).state is DeliveryState.SENT


def test_a_report_is_on_record_before_it_is_marked(database: Database) -> None:
    sent(database)
    states: list[DeliveryState] = []

    class Watching(Shelf):
        def mark(self, letter: Letter) -> None:
            states.append(stored(database).state)

    read(database, Watching((sample("postfix"),)))

    assert states == [DeliveryState.FAILED]


def test_a_report_about_a_message_on_its_way_again_stays_in_the_box(database: Database) -> None:
    before = sent(database, state=DeliveryState.QUEUED)
    box = shelf("postfix", "complaint")

    round_ = read(database, box)

    assert [one.decision.effect for one in round_.findings] == [Effect.LATER, Effect.LATER]
    assert (stored(database), box.marked) == (before, [])


def test_what_came_back_is_void_if_the_message_changed_meanwhile(database: Database) -> None:
    as_it_was = sent(database)
    bounced = Attempt(state=DeliveryState.FAILED, reply="bounced: 550")
    complained = Attempt(state=DeliveryState.SENT, reply="complained: abuse")

    with database.begin() as connection:
        assert record_return(connection, as_it_was, complained, COMPLAINT, NOW)
        assert not record_return(connection, as_it_was, complained, COMPLAINT, NOW)
        assert not record_return(connection, as_it_was, bounced, BOUNCE, NOW)

    assert stored(database).state is DeliveryState.SENT


def test_looking_changes_neither_the_store_nor_the_box(database: Database) -> None:
    before = sent(database)
    box = shelf("postfix", "person")

    round_ = look_into_box(database, box, NOW)

    assert round_.findings[0].suppressed.startswith("bounced: 550 5.1.1")
    assert round_.left == (Nature.OTHER,)
    assert (stored(database), reasons(database), box.marked) == (before, [], [])


def test_one_that_is_suppressed_already_keeps_its_first_reason(database: Database) -> None:
    sent(database)
    with database.begin() as connection:
        from digest.store.suppressions import suppress

        suppress(connection, Suppression(address=ADA, reason="asked by phone", at=NOW))

    round_ = read(database, shelf("postfix"))

    assert round_.findings[0].suppressed == ""
    with database.read() as connection:
        assert suppressed(connection, [ADA])[ADA].reason == "asked by phone"
