"""Editions and how they ended, messages on their way out, and what each reader has had."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from digest.model import (
    Attempt,
    Delivery,
    DeliveryState,
    Edition,
    Envelope,
    Message,
    Outcome,
)
from digest.store.tables import delivery, edition, seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One reader's day as it stands."""

    profile: str
    day: date
    outcome: Outcome
    considered: int
    picks: int
    reason: str
    subject: str | None = None


def seen_by(connection: Connection, profile: str, before: date) -> frozenset[str]:
    """The papers this reader has had in editions of days before that."""
    return frozenset(paper for paper, day in seen_on(connection, profile).items() if day < before)


def seen_on(connection: Connection, profile: str) -> dict[str, date]:
    """The day this reader had each paper; what a message holds that still waits was not had."""
    waits = (DeliveryState.QUEUED.value, DeliveryState.SENDING.value)
    same_day = (delivery.c.profile == seen.c.profile) & (delivery.c.day == seen.c.day)
    had = (
        select(seen.c.paper_id, seen.c.day)
        .join_from(seen, delivery, same_day)
        .where(seen.c.profile == profile, delivery.c.state.not_in(waits))
    )
    return {row.paper_id: row.day for row in connection.execute(had)}


def has_message(connection: Connection, profile: str, day: date) -> bool:
    """Whether this reader's message of this day exists, however it stands."""
    return connection.execute(select(delivery.c.day).where(*_key(profile, day))).first() is not None


def queued_at(connection: Connection, profile: str, day: date) -> datetime | None:
    """When this reader's message of this day was made; `None` if there is none."""
    made: datetime | None = connection.execute(
        select(delivery.c.queued_at).where(*_key(profile, day))
    ).scalar()
    return made


def last_made(connection: Connection, profile: str, before: date) -> tuple[date, datetime] | None:
    """Day and moment of the last edition before a day that chose among papers; `None` if there is none.

    A quiet day without a message is one. A message that was refused, expired or still waits is none: its
    papers come again.
    """
    may_have_arrived = (DeliveryState.SENT.value, DeliveryState.UNKNOWN.value)
    row = connection.execute(
        select(edition.c.day, edition.c.made_at)
        .join_from(edition, delivery, _same_day(), isouter=True)
        .where(edition.c.profile == profile, edition.c.day < before, edition.c.considered > 0)
        .where(delivery.c.state.is_(None) | delivery.c.state.in_(may_have_arrived))
        .order_by(edition.c.day.desc())
    ).first()
    return (row.day, row.made_at) if row else None


def record_outcome(connection: Connection, made: Edition, reason: str, now: datetime) -> None:
    """State how a reader's day stands, and when that was found; a later statement of the day replaces it."""
    values: dict[str, Any] = {
        "outcome": made.outcome.value,
        "considered": made.considered,
        "picks": len(made.shown),
        "reason": reason,
        "made_at": now,
    }
    statement = upsert(edition).values(profile=made.profile.name, day=made.day, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["profile", "day"], set_=values))


def enqueue(connection: Connection, made: Edition, message: Message, now: datetime) -> bool:
    """Store the message and mark its papers and their twins as had, in the caller's transaction.

    Returns False, having changed nothing, if this reader has a message of this day already.
    """
    profile = made.profile.name
    queued = connection.execute(
        upsert(delivery)
        .values(
            profile=profile,
            day=made.day,
            message_id=message.message_id,
            sender=message.envelope.sender,
            recipient=message.envelope.recipient,
            subject=message.subject,
            data=message.data,
            state=DeliveryState.QUEUED.value,
            attempts=0,
            reply="",
            queued_at=now,
        )
        .on_conflict_do_nothing()
    )
    if queued.rowcount == 0:
        return False
    shown = (one.paper.id for pick in made.shown for one in (pick.candidate, *pick.twins))
    had = [{"profile": profile, "paper_id": identifier, "day": made.day} for identifier in shown]
    if had:
        connection.execute(upsert(seen).on_conflict_do_nothing(), had)
    return True


def claim(connection: Connection, profile: str, day: date) -> Delivery | None:
    """Take a queued message for sending; `None` if it is not there, or another process has it."""
    taken = connection.execute(
        update(delivery)
        .where(*_key(profile, day), delivery.c.state == DeliveryState.QUEUED.value)
        .values(state=DeliveryState.SENDING.value, attempts=delivery.c.attempts + 1)
    )
    if taken.rowcount == 0:
        return None
    return _delivery(connection.execute(select(delivery).where(*_key(profile, day))).one())


def record_commit(connection: Connection, claimed: Delivery) -> None:
    """State, before the body goes out, that it is `unknown` whether it arrived, until the reply tells."""
    connection.execute(
        update(delivery)
        .where(*_key(claimed.profile, claimed.day))
        .values(state=DeliveryState.UNKNOWN.value, reply="cut off while the message went out")
    )


def record_attempt(connection: Connection, sent: Delivery, attempt: Attempt, now: datetime) -> None:
    """State how an attempt ended. What a reader certainly did not get counts as not had."""
    ended = attempt.state is not DeliveryState.QUEUED
    connection.execute(
        update(delivery)
        .where(*_key(sent.profile, sent.day))
        .values(state=attempt.state.value, reply=attempt.reply, ended_at=now if ended else None)
    )
    if attempt.state in (DeliveryState.FAILED, DeliveryState.EXPIRED):
        connection.execute(delete(seen).where(seen.c.profile == sent.profile, seen.c.day == sent.day))


def queued(connection: Connection, profile: str) -> tuple[Delivery, ...]:
    """This reader's messages that wait to be sent, oldest first."""
    waiting = (delivery.c.profile == profile, delivery.c.state == DeliveryState.QUEUED.value)
    rows = connection.execute(select(delivery).where(*waiting).order_by(delivery.c.day))
    return tuple(_delivery(row) for row in rows)


def settle_cut_off(connection: Connection, now: datetime) -> tuple[Delivery, ...]:
    """State what a process that died left behind; the caller holds the lock, so none is sending now.

    What it had claimed waits again: a body never goes out before `record_commit`. What it was sending stays
    unknown; those messages are returned, once.
    """
    connection.execute(
        update(delivery)
        .where(delivery.c.state == DeliveryState.SENDING.value)
        .values(state=DeliveryState.QUEUED.value)
    )
    cut_off = (delivery.c.state == DeliveryState.UNKNOWN.value, delivery.c.ended_at.is_(None))
    found = tuple(_delivery(row) for row in connection.execute(select(delivery).where(*cut_off)))
    connection.execute(update(delivery).where(*cut_off).values(ended_at=now))
    return found


def days(connection: Connection, profiles: Iterable[str], since: date) -> tuple[Day, ...]:
    """How each reader's days stand, newest first; once there is a message, its state is the outcome."""
    rows = connection.execute(
        select(edition, delivery.c.state, delivery.c.reply, delivery.c.subject)
        .join_from(edition, delivery, _same_day(), isouter=True)
        .where(edition.c.profile.in_(list(profiles)), edition.c.day >= since)
        .order_by(edition.c.day.desc(), edition.c.profile)
    )
    return tuple(_day(row) for row in rows)


def _same_day() -> Any:
    return (edition.c.profile == delivery.c.profile) & (edition.c.day == delivery.c.day)


def _key(profile: str, day: date) -> tuple[Any, Any]:
    return delivery.c.profile == profile, delivery.c.day == day


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        profile=row.profile,
        day=row.day,
        message=Message(
            envelope=Envelope(sender=row.sender, recipient=row.recipient),
            message_id=row.message_id,
            subject=row.subject,
            data=row.data,
        ),
        state=DeliveryState(row.state),
        attempts=row.attempts,
        reply=row.reply,
    )


_OUTCOMES = {
    DeliveryState.QUEUED: Outcome.READY,
    DeliveryState.SENDING: Outcome.READY,
    DeliveryState.SENT: Outcome.SENT,
    DeliveryState.FAILED: Outcome.FAILED,
    DeliveryState.UNKNOWN: Outcome.UNKNOWN,
    DeliveryState.EXPIRED: Outcome.EXPIRED,
}


def _day(row: Row[Any]) -> Day:
    outcome = _OUTCOMES[DeliveryState(row.state)] if row.state else Outcome(row.outcome)
    return Day(
        profile=row.profile,
        day=row.day,
        outcome=outcome,
        considered=row.considered,
        picks=row.picks,
        reason=row.reply or row.reason,
        subject=row.subject,
    )
