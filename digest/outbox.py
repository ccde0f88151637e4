"""A reader's day, from nothing to its outcome: made once, queued once, sent once, and every step recorded."""

from dataclasses import dataclass
from datetime import date, datetime

from digest.errors import DigestError
from digest.model import Attempt, Delivery, DeliveryState, Edition, Message
from digest.outcome import reason_of
from digest.store import deliveries
from digest.store.database import Database
from digest.transport.protocol import Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What became of one message in this run."""

    delivery: Delivery
    attempt: Attempt


def enqueue_edition(database: Database, edition: Edition, message: Message | None, now: datetime) -> bool:
    """State the day's outcome, store its message, mark its papers as had: all in one transaction.

    Returns whether a message was queued: not if the reader wants none of such a day, nor if the day has one
    already, in which case nothing is changed.
    """
    with database.begin() as connection:
        if deliveries.has_message(connection, edition.profile.name, edition.day):
            return False
        deliveries.record_outcome(connection, edition, reason_of(edition), now)
        return message is not None and deliveries.enqueue(connection, edition, message, now)


def settle(database: Database, now: datetime) -> tuple[Delivery, ...]:
    """What a run that was killed left behind: its claims wait again, and what it was sending is returned."""
    with database.begin() as connection:
        return deliveries.settle_cut_off(connection, now)


def expire_older(database: Database, profile: str, today: date, now: datetime) -> tuple[Sent, ...]:
    """Give up messages of earlier days that never went out; their papers count as not had."""
    attempt = Attempt(
        state=DeliveryState.EXPIRED, reply="not sent before the next edition; its papers come again"
    )
    with database.begin() as connection:
        older = [one for one in deliveries.queued(connection, profile) if one.day < today]
        for delivery in older:
            deliveries.record_attempt(connection, delivery, attempt, now)
    return tuple(Sent(delivery=delivery, attempt=attempt) for delivery in older)


def deliver(database: Database, profile: str, day: date, transport: Transport, now: datetime) -> Sent | None:
    """Send this reader's message of this day, if it waits to be sent.

    Whatever stops it before the body went out, Ctrl-C too, leaves the message waiting; after that, unknown.
    Raises DeliveryError where no message can go out until a person acts; it waits then, too.
    """
    with database.begin() as connection:
        claimed = deliveries.claim(connection, profile, day)
    if claimed is None:
        return None
    body = _Body(database, claimed)
    try:
        attempt = transport.send(claimed.message, committing=body.goes_out)
    except DigestError as problem:  # a transport's promise: nothing went out
        _record(database, claimed, Attempt(state=DeliveryState.QUEUED, reply=str(problem)), now)
        raise
    except BaseException as problem:
        if not body.is_out:
            reply = f"interrupted ({type(problem).__name__})"
            _record(database, claimed, Attempt(state=DeliveryState.QUEUED, reply=reply), now)
        raise
    _record(database, claimed, attempt, now)
    return Sent(delivery=claimed, attempt=attempt)


class _Body:
    """Whether the body of a message may have gone out: on record first, then so."""

    def __init__(self, database: Database, claimed: Delivery) -> None:
        self._database, self._claimed = database, claimed
        self.is_out = False

    def goes_out(self) -> None:
        """What a transport calls just before."""
        with self._database.begin() as connection:
            deliveries.record_commit(connection, self._claimed)
        self.is_out = True


def _record(database: Database, claimed: Delivery, attempt: Attempt, now: datetime) -> None:
    with database.begin() as connection:
        deliveries.record_attempt(connection, claimed, attempt, now)
