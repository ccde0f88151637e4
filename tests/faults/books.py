"""A store with queued messages, and what it says of them: for the tests that break what lies around it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from digest.model import DeliveryState, Envelope, Message, Tried
from digest.store import deliveries, record
from digest.store.database import Database
from digest.store.record import Listed
from tests.faults.server import FaultServer
from tests.makers import edition, profile

START = datetime(2026, 3, 11, 7, 30, tzinfo=UTC)
DAY = date(2026, 3, 11)
AT_ONCE = 1_000
"""Messages queued in one transaction."""


def reader(number: int) -> str:
    return f"r{number:05}"


def address(number: int) -> str:
    return f"{reader(number)}@example.org"


def message(number: int, size: int = 200) -> Message:
    identifier = f"<{reader(number)}.{DAY}@digest.example>"
    head = f"From: digest@digest.example\r\nTo: {address(number)}\r\nMessage-ID: {identifier}\r\nSubject: Papers\r\n"
    body = b"A line of text that says nothing much.\r\n" * (size // 40 + 1)
    return Message(
        envelope=Envelope(sender="digest@digest.example", recipient=address(number)),
        message_id=identifier,
        subject="Papers",
        data=head.encode() + b"\r\n" + body,
    )


def queue(database: Database, numbers: Sequence[int], *, size: int = 200, now: datetime = START) -> None:
    """A message for each of these readers, due now."""
    for start in range(0, len(numbers), AT_ONCE):
        made = [
            (
                edition(profile=profile(name=reader(number), email=address(number)), day=DAY),
                message(number, size),
            )
            for number in numbers[start : start + AT_ONCE]
        ]
        with database.begin() as connection:
            deliveries.enqueue_many(connection, made, now)


@dataclass(frozen=True, slots=True)
class Books:
    """What the store says of all its messages at one moment."""

    listed: tuple[Listed, ...]

    def ids(self, *states: DeliveryState) -> frozenset[str]:
        return frozenset(one.message_id for one in self.listed if one.state in states)

    @property
    def states(self) -> Counter[DeliveryState]:
        return Counter(one.state for one in self.listed)

    @property
    def under_way(self) -> frozenset[str]:
        """Claimed, and no end recorded."""
        return frozenset(
            one.message_id
            for one in self.listed
            if one.state is DeliveryState.SENDING
            or (one.state is DeliveryState.UNKNOWN and one.ended_at is None)
        )


def books(database: Database) -> Books:
    with database.read() as connection:
        return Books(record.overview(connection, most=1_000_000))


def tried(database: Database, number: int) -> tuple[Tried, ...]:
    with database.read() as connection:
        return record.tried(connection, message(number).message_id)


def lost(now: Books, server: FaultServer) -> frozenset[str]:
    """Messages that are said to be sent, and that the server does not have."""
    return now.ids(DeliveryState.SENT) - frozenset(server.kept_ids)


def hidden(now: Books, server: FaultServer) -> frozenset[str]:
    """Messages that the server has, and that are neither sent nor said to be unknown."""
    return frozenset(server.kept_ids) - now.ids(DeliveryState.SENT, DeliveryState.UNKNOWN)


def repeated(server: FaultServer, most: int = 1) -> dict[str, int]:
    return {identifier: times for identifier, times in server.kept_ids.items() if times > most}
