"""Messages in the store of a desk, in whatever state, as runs would have left them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING

from digest.model import Attempt, DeliveryState, Envelope, Failure, Message, Phase
from digest.store import deliveries
from digest.store.deliveries import Ended
from tests.desk import Desk
from tests.makers import edition, profile
from tests.stores import open_copy

if TYPE_CHECKING:
    from sqlalchemy import Connection

SENT = Attempt(
    state=DeliveryState.SENT, reply="body 250 2.0.0 queued", phase=Phase.BODY, code=250, enhanced="2.0.0"
)
BUSY = Attempt(
    state=DeliveryState.QUEUED,
    reply="RCPT 450 4.2.1 mailbox busy",
    phase=Phase.RCPT,
    failure=Failure.TRANSIENT,
    code=450,
    enhanced="4.2.1",
)
NOBODY = Attempt(
    state=DeliveryState.FAILED,
    reply="RCPT 550 5.1.1 no such user",
    phase=Phase.RCPT,
    failure=Failure.RECIPIENT,
    code=550,
    enhanced="5.1.1",
)
LOST = Attempt(
    state=DeliveryState.UNKNOWN,
    reply="connection lost after the message went out",
    phase=Phase.BODY,
    failure=Failure.UNKNOWN,
)


@contextmanager
def store(desk: Desk) -> "Iterator[Connection]":
    """The desk's store, for writing."""
    with open_copy(desk.folder / "digest.sqlite3") as database, database.begin() as connection:
        yield connection


def letter(name: str, day: date) -> Message:
    """A message of a few lines."""
    subject = f"Papers for {name}"
    return Message(
        envelope=Envelope(sender="digest@example.org", recipient=f"{name}@example.org"),
        message_id=f"<{name}.{day}@example.org>",
        subject=subject,
        data=f"To: {name}@example.org\r\nSubject: {subject}\r\n\r\nHello.\r\n".encode(),
    )


def waits(desk: Desk, name: str = "ada", day: date | None = None) -> str:
    """A reader's message of a day waits; its Message-ID."""
    of_day = day or desk.now.date()
    message = letter(name, of_day)
    made = edition(profile=profile(name=name, email=message.envelope.recipient), day=of_day)
    with store(desk) as connection:
        deliveries.enqueue_many(connection, [(made, message)], desk.now)
    return message.message_id


def tried(
    desk: Desk, attempt: Attempt | None, name: str = "ada", *, day: date | None = None, minutes: float = 5
) -> str:
    """A reader's message was tried, and ended so; `None`: it was cut off as its body went out."""
    message_id = waits(desk, name, day)
    with store(desk) as connection:
        claimed = deliveries.claim(
            connection,
            relay="main",
            owner="test",
            now=desk.now,
            lease_until=desk.now + timedelta(minutes=10),
            most=1,
            profiles=[name],
        )
        if attempt is None or attempt.phase is Phase.BODY:
            deliveries.record_commits(
                connection, claimed.deliveries, desk.now, desk.now + timedelta(minutes=12)
            )
        if attempt is not None:
            due_at = desk.now + timedelta(minutes=minutes) if attempt.failure is Failure.TRANSIENT else None
            ended = [Ended(delivery=one, attempt=attempt, due_at=due_at) for one in claimed.deliveries]
            deliveries.record_attempts(connection, ended, desk.now + timedelta(seconds=2))
    return message_id
