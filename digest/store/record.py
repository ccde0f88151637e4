"""Looking up messages and what was tried with them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, exists, func, or_, select

from digest.model import Attempt, Delivery, DeliveryState, Envelope, Failure, Message, Phase, Tried
from digest.store.dialect import among
from digest.store.tables import attempt, delivery, message

QUEUED, SENDING, UNKNOWN, SENT, FAILED, EXPIRED = (
    state.value
    for state in (
        DeliveryState.QUEUED,
        DeliveryState.SENDING,
        DeliveryState.UNKNOWN,
        DeliveryState.SENT,
        DeliveryState.FAILED,
        DeliveryState.EXPIRED,
    )
)
MAY_HAVE_ARRIVED = exists().where(attempt.c.message_id == delivery.c.message_id, attempt.c.state == UNKNOWN)
"""Whether an attempt with a message ended so that nobody knows; one that is under way has not."""
BEFORE = "an earlier try may have got through; now: "
UNDER_WAY = or_(delivery.c.state == SENDING, and_(delivery.c.state == UNKNOWN, delivery.c.ended_at.is_(None)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A delivery as the record shows it, without the message's data."""

    profile: str
    day: date
    message_id: str
    sender: str
    """RFC 5321's reverse-path, by which bounces find their message."""
    recipient: str
    subject: str
    state: DeliveryState
    attempts: int
    deferrals: int
    relay: str
    owner: str
    """The process that has it under way; empty if none has."""
    reply: str
    queued_at: datetime
    due_at: datetime
    lease_until: datetime | None
    ended_at: datetime | None


def overview(
    connection: Connection,
    *,
    states: Collection[DeliveryState] | None = None,
    profiles: Collection[str] | None = None,
    day: date | None = None,
    most: int = 200,
) -> tuple[Listed, ...]:
    """Deliveries in some states, of some readers, of a day; the newest day first, at most so many."""
    found = _LISTED.order_by(delivery.c.day.desc(), delivery.c.profile).limit(most)
    if states is not None:
        found = found.where(delivery.c.state.in_([state.value for state in states]))
    if profiles is not None:
        found = found.where(among(connection, delivery.c.profile, profiles))
    if day is not None:
        found = found.where(delivery.c.day == day)
    return tuple(map(_listed, connection.execute(found)))


def counts(connection: Connection, day: date | None = None) -> dict[DeliveryState, int]:
    """How many deliveries (of a day) are in each state; states of none are left out."""
    counted = select(delivery.c.state, func.count()).group_by(delivery.c.state)
    if day is not None:
        counted = counted.where(delivery.c.day == day)
    return {DeliveryState(state): number for state, number in connection.execute(counted)}


def find(connection: Connection, key: str) -> Listed | None:
    """The delivery a person means: by its Message-ID, by `profile day`, or a profile's latest."""
    return (
        by_message_id(connection, key)
        or _of_day(connection, key)
        or _first(connection, _LISTED.where(delivery.c.profile == key).order_by(delivery.c.day.desc()))
    )


def _of_day(connection: Connection, key: str) -> Listed | None:
    profile, _, day = key.rpartition(" ")
    try:
        meant = date.fromisoformat(day)
    except ValueError:
        return None
    return _first(connection, _LISTED.where(delivery.c.profile == profile.strip(), delivery.c.day == meant))


def by_message_id(connection: Connection, message_id: str) -> Listed | None:
    """The delivery of a Message-ID, with or without its angle brackets."""
    bare = message_id.strip().removeprefix("<").removesuffix(">")
    return _first(connection, _LISTED.where(delivery.c.message_id.in_((f"<{bare}>", bare))))


def by_return_path(connection: Connection, sender: str) -> Listed | None:
    """The only delivery that went out from this envelope sender; `None` if there are none or several."""
    rows = connection.execute(_LISTED.where(delivery.c.sender == sender).limit(2)).all()
    return _listed(rows[0]) if len(rows) == 1 else None


def tried(connection: Connection, message_id: str) -> tuple[Tried, ...]:
    """Every attempt to hand a message over, the first one first."""
    of_message = select(attempt).where(attempt.c.message_id == message_id).order_by(attempt.c.number)
    return tuple(map(_tried, connection.execute(of_message)))


def tries(connection: Connection, message_ids: Collection[str]) -> dict[str, int]:
    """How often messages were really tried, or are just now; those that never were are left out.

    A claim that was given back, and a bounce, have a line in the record, too, but came to no phase.
    """
    is_one = or_(attempt.c.phase.is_not(None), attempt.c.ended_at.is_(None))
    counted = (
        select(attempt.c.message_id, func.count())
        .where(among(connection, attempt.c.message_id, message_ids), is_one)
        .group_by(attempt.c.message_id)
    )
    return {row[0]: row[1] for row in connection.execute(counted)}


def doubted(connection: Connection, message_ids: Collection[str]) -> frozenset[str]:
    """Those that an earlier attempt may have brought to their readers, however they stand now."""
    lost = (attempt.c.state == UNKNOWN, attempt.c.ended_at.is_not(None))
    found = select(attempt.c.message_id).where(among(connection, attempt.c.message_id, message_ids), *lost)
    return frozenset(connection.execute(found).scalars())


def content(connection: Connection, message_id: str) -> bytes | None:
    """The message itself; `None` once it is let go."""
    data: bytes | None = connection.execute(
        select(message.c.data).where(message.c.message_id == message_id)
    ).scalar()
    return data or None


def delivery_of(row: Row[*tuple[Any, ...]], data: bytes = b"") -> Delivery:
    """A row as the model says it; without its message's data if that was not read."""
    return Delivery(
        profile=row.profile,
        day=row.day,
        message=Message(
            envelope=Envelope(sender=row.sender, recipient=row.recipient),
            message_id=row.message_id,
            subject=row.subject,
            data=data,
        ),
        state=DeliveryState(row.state),
        attempts=row.attempts,
        deferrals=row.deferrals,
        relay=row.relay,
        reply=row.reply,
    )


_LISTED = select(*(delivery.c[name] for name in Listed.__dataclass_fields__))


def _first(connection: Connection, found: Select[Any]) -> Listed | None:
    row = connection.execute(found.limit(1)).first()
    return _listed(row) if row else None


def _listed(row: Row[Any]) -> Listed:
    return Listed(**{**row._mapping, "state": DeliveryState(row.state)})


def _tried(row: Row[Any]) -> Tried:
    return Tried(
        number=row.number,
        relay=row.relay,
        began_at=row.began_at,
        ended_at=row.ended_at,
        attempt=Attempt(
            state=DeliveryState(row.state),
            reply=row.reply,
            phase=Phase(row.phase) if row.phase else None,
            failure=Failure(row.failure) if row.failure else None,
            code=row.code,
            enhanced=row.enhanced,
        ),
    )
