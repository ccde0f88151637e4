"""Messages on their way out: each claimed by one process at a time, each step on record before the next.

A claim counts a delivery's `attempts` up, and that number fences it: whoever lost the claim, however late it
wakes, can neither send the body nor undo what came after. `docs/architecture.md` shows the states.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from digest.model import Attempt, Delivery, DeliveryState, Edition, Failure, Message
from digest.schedule import last_day
from digest.store.dialect import among, upsert
from digest.store.record import BEFORE, EXPIRED, FAILED, QUEUED, SENDING, SENT, UNKNOWN, delivery_of
from digest.store.suppressions import suppressed
from digest.store.tables import Instant, attempt, delivery, message, seen

BATCH = 1_000
CUT_OFF_INSIDE = "cut off while the message went out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What a claim brought, in the order it is due."""

    deliveries: tuple[Delivery, ...] = ()
    suppressed: tuple[Delivery, ...] = ()
    """Were due, too, but their recipients get no mail: ended as failed, with the reason as their reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How the attempt of one claim ended."""

    delivery: Delivery
    """As it was claimed."""
    attempt: Attempt
    due_at: datetime | None = None
    """When to try again, if its state is `queued`; `None`: at once, behind those that are due already."""

    def stands(self, *, resend_once: bool) -> Delivery:
        """The message after this attempt. What may have arrived stays so, unless it is known that it did.

        With `resend_once`, one that ended as unknown waits again, if none of its attempts did so before.
        """
        before, state, reply = self.delivery.may_have_arrived, self.attempt.state, self.attempt.reply
        if state in (DeliveryState.FAILED, DeliveryState.EXPIRED) and before:
            state, reply = DeliveryState.UNKNOWN, BEFORE + reply
        elif state is DeliveryState.UNKNOWN and resend_once and not before:
            state = DeliveryState.QUEUED
        return replace(self.delivery, state=state, reply=reply)


# ---------------------------------------------------------------- in


def enqueue_many(
    connection: Connection,
    made: Sequence[tuple[Edition, Message]],
    now: datetime,
    *,
    due_at: datetime | None = None,
) -> frozenset[str]:
    """Store messages and mark their papers and the papers' twins as had, in the caller's transaction.

    Returns the profiles whose messages were queued; who has a message of the day already keeps that.
    """
    by_id = {composed.message_id: (edition, composed) for edition, composed in made}
    if not by_id:
        return frozenset()
    rows = [_new(edition, composed, now, due_at or now) for edition, composed in by_id.values()]
    inserted = upsert(connection, delivery).on_conflict_do_nothing().returning(delivery.c.message_id)
    queued = [by_id[one] for one in connection.execute(inserted, rows).scalars()]
    if not queued:
        return frozenset()
    connection.execute(insert(message), [_data(one) for _, one in queued])
    had = [row for edition, _ in queued for row in _had(edition)]
    if had:
        connection.execute(upsert(connection, seen).on_conflict_do_nothing(), had)
    return frozenset(edition.profile.name for edition, _ in queued)


def _new(edition: Edition, composed: Message, now: datetime, due_at: datetime) -> dict[str, Any]:
    return {
        "profile": edition.profile.name,
        "day": edition.day,
        "message_id": composed.message_id,
        "sender": composed.envelope.sender,
        "recipient": composed.envelope.recipient,
        "subject": composed.subject,
        "state": QUEUED,
        "attempts": 0,
        "reply": "",
        "queued_at": now,
        "due_at": due_at,
        "last_day": last if (last := last_day(edition.profile, edition.day)) > edition.day else None,
    }


def _data(composed: Message) -> dict[str, Any]:
    return {"message_id": composed.message_id, "data": composed.data}


def _had(edition: Edition) -> list[dict[str, Any]]:
    shown = (one.paper.id for pick in edition.shown for one in (pick.candidate, *pick.twins))
    return [{"profile": edition.profile.name, "paper_id": one, "day": edition.day} for one in shown]


# ---------------------------------------------------------------- out


def claim(  # noqa: PLR0913 - by name only
    connection: Connection,
    *,
    relay: str,
    owner: str,
    now: datetime,
    lease_until: datetime,
    most: int,
    profiles: Collection[str] | None = None,
) -> Claimed:
    """Take up to `most` due messages (of some readers) for sending by one relay, those due first first.

    Nobody else gets them until `lease_until`, or until their owner is known to be gone.
    """
    claiming = _CLAIMING
    if profiles is not None:
        claiming = _claiming(among(connection, delivery.c.profile, profiles))
    given = {"queued": QUEUED, "now": now, "most": most, "to": SENDING}
    given |= {"to_relay": relay, "to_owner": owner, "until": lease_until}
    rows = sorted(connection.execute(claiming, given), key=lambda row: (row.due_at, row.message_id))
    if not rows:
        return Claimed()
    data = _read(connection, [row.message_id for row in rows])
    claimed = [delivery_of(row, data[row.message_id]) for row in rows]
    if any(one.attempts > 1 for one in claimed):
        claimed = with_doubt(connection, claimed)
    connection.execute(insert(attempt), [_begun(one, now) for one in claimed])
    return _without_suppressed(connection, claimed, now)


def with_doubt(connection: Connection, found: Sequence[Delivery]) -> list[Delivery]:
    """The same, knowing whether an attempt of theirs that has ended may have arrived."""
    tried = [one.message.message_id for one in found if one.attempts]
    if not tried:
        return list(found)
    unknown = select(attempt.c.message_id).where(
        among(connection, attempt.c.message_id, tried), attempt.c.state == UNKNOWN
    )
    doubted = frozenset(connection.execute(unknown).scalars())
    return [replace(one, may_have_arrived=one.message.message_id in doubted) for one in found]


def _read(connection: Connection, identifiers: Sequence[str]) -> dict[str, bytes]:
    rows = (
        row
        for batch in _batches(identifiers)
        for row in connection.execute(_READING, {"identifiers": list(batch)})
    )
    return {row.message_id: row.data for row in rows}


_READING = select(message).where(message.c.message_id.in_(bindparam("identifiers", expanding=True)))


def _claiming(*wanted: ColumnElement[bool]) -> ReturningUpdate[Any]:
    """The index `ix_delivery_due` has what is due in this order: nothing is sorted.

    In PostgreSQL, row locks keep a common table expression from being evaluated twice, and what another is
    claiming is passed over.
    """
    due = (delivery.c.state == bindparam("queued"), delivery.c.due_at <= bindparam("now", type_=Instant))
    in_order = (
        select(delivery.c.message_id).where(*due, *wanted).order_by(delivery.c.due_at, delivery.c.message_id)
    )
    first = in_order.limit(bindparam("most")).with_for_update(skip_locked=True).cte("due")
    return (
        update(delivery)
        .where(delivery.c.message_id.in_(select(first)))
        .values(
            state=bindparam("to"),
            attempts=delivery.c.attempts + 1,
            relay=bindparam("to_relay"),
            owner=bindparam("to_owner"),
            lease_until=bindparam("until", type_=Instant),
        )
        .returning(delivery)
    )


_CLAIMING = _claiming()


def _begun(claimed: Delivery, now: datetime) -> dict[str, Any]:
    return {
        "message_id": claimed.message.message_id,
        "number": claimed.attempts,
        "relay": claimed.relay,
        "began_at": now,
        "state": SENDING,
        "enhanced": "",
        "reply": "",
    }


def _without_suppressed(connection: Connection, claimed: Sequence[Delivery], now: datetime) -> Claimed:
    barred = suppressed(connection, (one.message.envelope.recipient for one in claimed))
    if not barred:
        return Claimed(deliveries=tuple(claimed))
    failed = []
    for one in claimed:
        if why := barred.get(one.message.envelope.recipient):
            reply = f"suppressed since {why.at:%Y-%m-%d}: {why.reason}"
            failed.append(Ended(delivery=one, attempt=Attempt(state=DeliveryState.FAILED, reply=reply)))
    record_attempts(connection, failed, now)
    return Claimed(
        deliveries=tuple(one for one in claimed if one.message.envelope.recipient not in barred),
        suppressed=tuple(one.stands(resend_once=False) for one in failed),
    )


def record_commits(
    connection: Connection, claimed: Sequence[Delivery], now: datetime, lease_until: datetime
) -> frozenset[str]:
    """State, before their bodies go out, that it is `unknown` whether they arrived, until the reply tells.

    Returns the Message-IDs that still hold their claim; the others must not send their body.
    """
    held: set[str] = set()
    for batch in _batches(claimed):
        given = _claims(batch) | {"until": lease_until}
        held.update(connection.execute(_COMMITTING, given).scalars())
    return frozenset(held)


# What this message's latest claim said, if nobody claimed it since. By pairs alone, SQLite uses no index.
_IS_CLAIM = and_(
    delivery.c.message_id.in_(bindparam("identifiers", expanding=True)),
    tuple_(delivery.c.message_id, delivery.c.attempts).in_(bindparam("claims", expanding=True)),
)
_COMMITTING = (
    update(delivery)
    .where(_IS_CLAIM, delivery.c.state == SENDING)
    .values(state=UNKNOWN, reply=CUT_OFF_INSIDE, lease_until=bindparam("until", type_=Instant))
    .returning(delivery.c.message_id)
)


def record_attempts(
    connection: Connection, ended: Sequence[Ended], now: datetime, *, resend_once: bool = False
) -> frozenset[str]:
    """State how attempts ended; returns the Message-IDs whose word counted.

    It counts while the claim stands, and after its lease as long as nobody claimed the message anew: it is
    the truth. Of a message that was put back, or given up, only that it *was* sent counts.
    The message then `stands` as its end says; its attempt keeps what was said of it.
    """
    held = {identifier for batch in _batches(ended) for identifier in _holders(connection, batch)}
    counted = [one for one in ended if one.delivery.message.message_id in held]
    if counted:
        connection.execute(_ENDING, [_end(one, now, resend_once) for one in counted])
        connection.execute(_KEEPING, [_kept(one.delivery, one.attempt, now) for one in counted])
        _let_go(connection, (one.delivery for one in counted if one.attempt.state is DeliveryState.SENT))
    return frozenset(held)


def _let_go(connection: Connection, sent: Iterable[Delivery]) -> None:
    """Nobody needs their data any more, and it is most of the disk."""
    given = [{"identifier": one.message.message_id} for one in sent]
    if given:
        connection.execute(_LETTING_GO, given)


_LETTING_GO = delete(message).where(message.c.message_id == bindparam("identifier"))


def _holders(connection: Connection, ended: Sequence[Ended]) -> Iterable[str]:
    """The messages of which what is said now is to be believed; locked until the transaction ends."""
    sent = {one.delivery.message.message_id for one in ended if one.attempt.state is DeliveryState.SENT}
    for row in connection.execute(_HOLDING, _claims([one.delivery for one in ended])):
        if row.state in (SENDING, UNKNOWN) or row.message_id in sent:
            yield row.message_id


_HOLDING = select(delivery.c.message_id, delivery.c.state).where(_IS_CLAIM).with_for_update()
_ENDING = (
    update(delivery)
    .where(delivery.c.message_id == bindparam("identifier"))
    .values(
        state=bindparam("to"),
        reply=bindparam("said"),
        ended_at=bindparam("at", type_=Instant),
        due_at=func.coalesce(bindparam("due", type_=Instant), delivery.c.due_at),
        deferrals=bindparam("deferred"),
        last_day=func.coalesce(bindparam("last", type_=Date), delivery.c.last_day),
        owner="",
        lease_until=None,
    )
)
_KEEPING = (
    update(attempt)
    .where(attempt.c.message_id == bindparam("identifier"), attempt.c.number == bindparam("nth"))
    .values(
        ended_at=bindparam("at", type_=Instant),
        state=bindparam("to"),
        phase=bindparam("reached"),
        failure=bindparam("matter"),
        code=bindparam("digits"),
        enhanced=bindparam("detail"),
        reply=bindparam("said"),
    )
)


def _end(one: Ended, now: datetime, resend_once: bool) -> dict[str, Any]:
    """The attempt's number is counted from what was claimed, so that saying it twice changes nothing.

    What is to be sent once more gets until the end of tomorrow, as if a person had put it back; it may have
    arrived, so that its papers must not come again meanwhile.
    """
    stands = one.stands(resend_once=resend_once)
    waits = stands.state is DeliveryState.QUEUED
    is_resent = waits and one.attempt.state is DeliveryState.UNKNOWN
    return {
        "identifier": one.delivery.message.message_id,
        "to": stands.state.value,
        "said": stands.reply,
        "at": None if waits else now,
        "due": (one.due_at or now) if waits else None,
        "deferred": one.delivery.deferrals + _is_put_off(one),
        "last": now.date() + timedelta(days=1) if is_resent else None,
    }


def _is_put_off(one: Ended) -> bool:
    """What is tried again at once was its relay's matter: the message need not wait longer the next time."""
    return one.attempt.failure is Failure.TRANSIENT and one.due_at is not None


def _kept(claimed: Delivery, ended: Attempt, now: datetime) -> dict[str, Any]:
    return {
        "identifier": claimed.message.message_id,
        "nth": claimed.attempts,
        "at": now,
        "to": ended.state.value,
        "reached": ended.phase.value if ended.phase else None,
        "matter": ended.failure.value if ended.failure else None,
        "digits": ended.code,
        "detail": ended.enhanced,
        "said": ended.reply,
    }


def prune(connection: Connection, before: date) -> int:
    """Let go of the data of messages of days before that, but for those that wait or are under way."""
    over = or_(
        delivery.c.state.in_((SENT, FAILED, EXPIRED)),
        and_(delivery.c.state == UNKNOWN, delivery.c.ended_at.is_not(None)),
    )
    its_own = delivery.c.message_id == message.c.message_id
    # Asked of each message that is still whole: they are few beside all that was ever sent.
    old = select(message.c.message_id).where(exists().where(its_own, delivery.c.day < before, over))
    return connection.execute(delete(message).where(message.c.message_id.in_(old))).rowcount


# ---------------------------------------------------------------- rows


def _claims(claimed: Sequence[Delivery]) -> dict[str, Any]:
    """What `_IS_CLAIM` asks for."""
    return {
        "identifiers": [one.message.message_id for one in claimed],
        "claims": [(one.message.message_id, one.attempts) for one in claimed],
    }


def _batches(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (values[start : start + BATCH] for start in range(0, len(values), BATCH))
