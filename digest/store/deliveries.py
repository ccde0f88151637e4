"""Messages on their way out: each claimed by one process at a time, each step on record before the next.

A claim counts a delivery's `attempts` up, and that number fences it: whoever lost the claim, however late it
wakes, can neither send the body nor undo what came after. `docs/architecture.md` shows the states.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from digest.model import Attempt, Delivery, DeliveryState, Edition, Failure, Message, Phase
from digest.store.dialect import among, upsert
from digest.store.record import EXPIRED, FAILED, QUEUED, SENDING, SENT, UNKNOWN, delivery_of
from digest.store.suppressions import suppressed
from digest.store.tables import Instant, attempt, delivery, message, seen

BATCH = 1_000
CUT_OFF_BEFORE = "cut off before the message went out"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What was found of processes that are gone, and put right; the deliveries without their data."""

    requeued: tuple[Delivery, ...] = ()
    """Cut off before the body: they wait again."""
    unknown: tuple[Delivery, ...] = ()
    """Cut off inside the body: they may have arrived, and stay so."""
    resent: tuple[Delivery, ...] = ()
    """Cut off inside the body, and wait again, as was asked for."""


# ---------------------------------------------------------------- in


def enqueue(
    connection: Connection,
    made: Edition,
    composed: Message,
    now: datetime,
    *,
    due_at: datetime | None = None,
) -> bool:
    """Store the message and mark its papers and their twins as had, in the caller's transaction.

    Returns False, having changed nothing, if this reader has a message of this day already.
    """
    return bool(enqueue_many(connection, [(made, composed)], now, due_at=due_at))


def enqueue_many(
    connection: Connection,
    made: Sequence[tuple[Edition, Message]],
    now: datetime,
    *,
    due_at: datetime | None = None,
) -> frozenset[str]:
    """The same for many at once: the profiles whose messages were queued."""
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
    connection.execute(insert(attempt), [_begun(one, now) for one in claimed])
    return _without_suppressed(connection, claimed, now)


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
        suppressed=tuple(
            replace(one.delivery, state=one.attempt.state, reply=one.attempt.reply) for one in failed
        ),
    )


def record_commits(
    connection: Connection, claimed: Sequence[Delivery], now: datetime, lease_until: datetime
) -> frozenset[str]:
    """State, before their bodies go out, that it is `unknown` whether they arrived, until the reply tells.

    Returns the Message-IDs that still hold their claim; the others must not send their body.
    """
    held: set[str] = set()
    for batch in _batches(claimed):
        given = {"claims": _claims(batch), "until": lease_until}
        held.update(connection.execute(_COMMITTING, given).scalars())
    return frozenset(held)


# What this message's latest claim said, if nobody claimed it since.
_IS_CLAIM = tuple_(delivery.c.message_id, delivery.c.attempts).in_(bindparam("claims", expanding=True))
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
    With `resend_once`, one that ended as unknown waits again, if none of its attempts did so before.
    """
    again = _first_unknown(connection, ended) if resend_once else frozenset()
    return _record(connection, ended, now, again)


def _record(
    connection: Connection, ended: Sequence[Ended], now: datetime, again: Collection[str]
) -> frozenset[str]:
    held = {identifier for batch in _batches(ended) for identifier in _holders(connection, batch)}
    counted = [one for one in ended if one.delivery.message.message_id in held]
    if counted:
        connection.execute(_ENDING, [_end(one, now, again) for one in counted])
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
    for row in connection.execute(_HOLDING, {"claims": _claims(one.delivery for one in ended)}):
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


def _end(one: Ended, now: datetime, again: Collection[str]) -> dict[str, Any]:
    """The attempt's number is counted from what was claimed, so that saying it twice changes nothing."""
    state = one.attempt.state
    if one.delivery.message.message_id in again:
        state = DeliveryState.QUEUED
    waits = state is DeliveryState.QUEUED
    return {
        "identifier": one.delivery.message.message_id,
        "to": state.value,
        "said": one.attempt.reply,
        "at": None if waits else now,
        "due": (one.due_at or now) if waits else None,
        "deferred": one.delivery.deferrals + (one.attempt.failure is Failure.TRANSIENT),
    }


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


def _first_unknown(connection: Connection, ended: Sequence[Ended]) -> frozenset[str]:
    """Those that end as unknown, of which no earlier attempt did."""
    unknown = (one.delivery for one in ended if one.attempt.state is DeliveryState.UNKNOWN)
    latest = {one.message.message_id: one.attempts for one in unknown}
    if not latest:
        return frozenset()
    left = select(attempt.c.message_id, attempt.c.number).where(
        among(connection, attempt.c.message_id, latest), attempt.c.state == UNKNOWN
    )
    before = {row.message_id for row in connection.execute(left) if row.number < latest[row.message_id]}
    return frozenset(latest) - before


# ---------------------------------------------------------------- put right


def settle(
    connection: Connection,
    now: datetime,
    *,
    gone: Collection[str] = (),
    present: Collection[str] = (),
    resend_once: bool = False,
) -> Settled:
    """Put right what processes left that are gone: those named, and all whose lease is over.

    The lease of an owner known to be `present` holds however late it is: a clock may have been moved. What
    was claimed waits again: a body never goes out before `record_commits`. What was being sent is unknown
    for good, and returned once; with `resend_once` it waits again, if it never was unknown before.
    """
    cut_off = _cut_off(connection, now, gone, present)
    ended = [Ended(delivery=one, attempt=_CUT_OFF[one.state]) for one in cut_off]
    again = _first_unknown(connection, ended) if resend_once else frozenset()
    _record(connection, ended, now, again)
    inside = [one for one in cut_off if one.state is DeliveryState.UNKNOWN]
    return Settled(
        requeued=tuple(one for one in cut_off if one.state is DeliveryState.SENDING),
        unknown=tuple(one for one in inside if one.message.message_id not in again),
        resent=tuple(one for one in inside if one.message.message_id in again),
    )


_CUT_OFF = {
    DeliveryState.SENDING: Attempt(state=DeliveryState.QUEUED, reply=CUT_OFF_BEFORE),
    DeliveryState.UNKNOWN: Attempt(
        state=DeliveryState.UNKNOWN, reply=CUT_OFF_INSIDE, phase=Phase.BODY, failure=Failure.UNKNOWN
    ),
}
_UNDER_WAY = or_(
    delivery.c.state == SENDING, and_(delivery.c.state == UNKNOWN, delivery.c.ended_at.is_(None))
)


def _cut_off(
    connection: Connection, now: datetime, gone: Collection[str], present: Collection[str]
) -> tuple[Delivery, ...]:
    late = or_(delivery.c.lease_until.is_(None), delivery.c.lease_until <= now)
    lost = or_(delivery.c.owner.in_(list(gone)), and_(late, delivery.c.owner.not_in(list(present))))
    found = select(delivery).where(_UNDER_WAY, lost).order_by(delivery.c.due_at, delivery.c.message_id)
    return tuple(map(delivery_of, connection.execute(found.with_for_update())))


def owners(connection: Connection) -> frozenset[str]:
    """Those who have messages under way."""
    return frozenset(connection.execute(select(delivery.c.owner).where(_UNDER_WAY).distinct()).scalars())


def prune(connection: Connection, before: date) -> int:
    """Let go of the data of messages of days before that, but for those that wait or are under way."""
    over = or_(
        delivery.c.state.in_((SENT, FAILED, EXPIRED)),
        and_(delivery.c.state == UNKNOWN, delivery.c.ended_at.is_not(None)),
    )
    old = select(delivery.c.message_id).where(delivery.c.day < before, over)
    return connection.execute(delete(message).where(message.c.message_id.in_(old))).rowcount


# ---------------------------------------------------------------- rows


def _claims(claimed: Iterable[Delivery]) -> list[tuple[str, int]]:
    return [(one.message.message_id, one.attempts) for one in claimed]


def _batches(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (values[start : start + BATCH] for start in range(0, len(values), BATCH))
