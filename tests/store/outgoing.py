"""Messages in a store, in few words."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from digest.model import (
    Attempt,
    Delivery,
    DeliveryState,
    Edition,
    Envelope,
    Failure,
    Listing,
    Message,
    Phase,
)
from digest.store import deliveries, record, settling
from digest.store.database import Database
from digest.store.papers import record_listings
from tests.makers import NOW, TODAY, edition, entry, pick, profile, reason

LEASE = timedelta(minutes=10)
SENT = Attempt(state=DeliveryState.SENT, reply="250 2.0.0 ok", phase=Phase.BODY, code=250, enhanced="2.0.0")
LATER = Attempt(
    state=DeliveryState.QUEUED, reply="450 busy", phase=Phase.RCPT, failure=Failure.TRANSIENT, code=450
)
REFUSED = Attempt(
    state=DeliveryState.FAILED,
    reply="550 no such user",
    phase=Phase.RCPT,
    failure=Failure.RECIPIENT,
    code=550,
)
LOST = Attempt(state=DeliveryState.UNKNOWN, reply="lost", phase=Phase.BODY, failure=Failure.UNKNOWN)


def made(name: str = "ada", day: date = TODAY, *papers: str) -> tuple[Edition, Message]:
    """An edition and its message, with one paper unless told otherwise."""
    picks = [pick(identifier, f"About {identifier}", reason()) for identifier in papers or ("2603.00001",)]
    to = profile(name=name, email=f"{name}@example.org")
    message = Message(
        envelope=Envelope(sender="digest@example.org", recipient=to.email),
        message_id=f"<{name}.{day}@example.org>",
        subject=f"For {name}",
        data=f"To: {name}\r\n\r\nHello\r\n".encode(),
    )
    return replace(edition(*picks), profile=to, day=day), message


def queue(database: Database, *names: str, day: date = TODAY, at: datetime = NOW) -> None:
    """Let messages wait, one for each of these readers."""
    with database.begin() as connection:
        listing = Listing(layout="t", entries=(entry("2603.00001", "About 2603.00001"),))
        record_listings(connection, "test", [listing], NOW)
        deliveries.enqueue_many(connection, [made(name, day) for name in names], at)


def claim(
    database: Database, most: int = 100, *, at: datetime = NOW, owner: str = "one", relay: str = "main"
) -> tuple[Delivery, ...]:
    """Take what is due."""
    with database.begin() as connection:
        return deliveries.claim(
            connection, relay=relay, owner=owner, now=at, lease_until=at + LEASE, most=most
        ).deliveries


def commit(database: Database, *claimed: Delivery, at: datetime = NOW) -> frozenset[str]:
    """Say that bodies go out now: the readers whose claims still hold."""
    with database.begin() as connection:
        held = deliveries.record_commits(connection, claimed, at, at + LEASE)
    return frozenset(one.profile for one in claimed if one.message.message_id in held)


def end(
    database: Database,
    claimed: Delivery,
    attempt: Attempt,
    *,
    at: datetime = NOW,
    due_at: datetime | None = None,
    resend_once: bool = False,
) -> bool:
    """Say how an attempt ended: whether that counted."""
    ended = deliveries.Ended(delivery=claimed, attempt=attempt, due_at=due_at)
    with database.begin() as connection:
        return bool(deliveries.record_attempts(connection, [ended], at, resend_once=resend_once))


def settle(
    database: Database,
    *,
    at: datetime = NOW,
    gone: tuple[str, ...] = (),
    present: tuple[str, ...] = (),
    resend_once: bool = False,
    is_sure: bool = True,
) -> settling.Settled:
    """Put right what is left."""
    with database.begin() as connection:
        return settling.settle(
            connection, at, gone=gone, present=present, resend_once=resend_once, is_sure=is_sure
        )


def state_of(database: Database, name: str = "ada") -> record.Listed:
    """How a reader's latest message stands."""
    with database.read() as connection:
        found = record.find(connection, name)
    assert found is not None
    return found
