"""Putting right what processes left that are gone: killed, or cut off from the store."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from digest.model import Attempt, Delivery, DeliveryState, Failure, Phase
from digest.store.deliveries import CUT_OFF_INSIDE, Ended, record_attempts, with_doubt
from digest.store.record import SENDING, UNDER_WAY, UNKNOWN, delivery_of
from digest.store.tables import delivery

CUT_OFF_BEFORE = "cut off before the message went out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What was found of processes that are gone, and put right; the deliveries without their data."""

    requeued: tuple[Delivery, ...] = ()
    """Cut off before the body: they wait again."""
    unknown: tuple[Delivery, ...] = ()
    """Cut off inside the body: they may have arrived, and stay so."""
    resent: tuple[Delivery, ...] = ()
    """Cut off inside the body, and wait again, as was asked for."""


def settle(  # noqa: PLR0913 - by name only
    connection: Connection,
    now: datetime,
    *,
    gone: Collection[str] = (),
    present: Collection[str] = (),
    resend_once: bool = False,
    is_sure: bool = True,
) -> Settled:
    """Put right what processes left that are gone: those named, and all whose lease is over.

    The lease of an owner known to be `present` holds however late it is: a clock may have been moved. What
    was claimed waits again: a body never goes out before `record_commits`. What was being sent is unknown
    for good, and returned once; with `resend_once` it waits again, if it never was unknown before. Unless it
    `is_sure` that those who are gone do not live, this waits for the lease, which outlasts every body.
    """
    lost = _lost(now, gone, present, only_unsent=resend_once and not is_sure)
    ended = [Ended(delivery=one, attempt=_CUT_OFF[one.state]) for one in _cut_off(connection, lost)]
    record_attempts(connection, ended, now, resend_once=resend_once)
    waits = {
        one.delivery.message.message_id
        for one in ended
        if one.stands(resend_once=resend_once).state is DeliveryState.QUEUED
    }
    inside = [one.delivery for one in ended if one.delivery.state is DeliveryState.UNKNOWN]
    return Settled(
        requeued=tuple(one.delivery for one in ended if one.delivery.state is DeliveryState.SENDING),
        unknown=tuple(one for one in inside if one.message.message_id not in waits),
        resent=tuple(one for one in inside if one.message.message_id in waits),
    )


_CUT_OFF = {
    DeliveryState.SENDING: Attempt(state=DeliveryState.QUEUED, reply=CUT_OFF_BEFORE),
    DeliveryState.UNKNOWN: Attempt(
        state=DeliveryState.UNKNOWN, reply=CUT_OFF_INSIDE, phase=Phase.BODY, failure=Failure.UNKNOWN
    ),
}


def _lost(
    now: datetime, gone: Collection[str], present: Collection[str], *, only_unsent: bool
) -> ColumnElement[bool]:
    """Whose is nobody's any more: of owners that are gone, and what is late."""
    late = or_(delivery.c.lease_until.is_(None), delivery.c.lease_until <= now)
    states = (SENDING,) if only_unsent else (SENDING, UNKNOWN)
    left = and_(delivery.c.owner.in_(list(gone)), delivery.c.state.in_(states))
    return or_(left, and_(late, delivery.c.owner.not_in(list(present))))


def _cut_off(connection: Connection, lost: ColumnElement[bool]) -> list[Delivery]:
    found = select(delivery).where(UNDER_WAY, lost).order_by(delivery.c.due_at, delivery.c.message_id)
    return with_doubt(connection, [delivery_of(row) for row in connection.execute(found.with_for_update())])


def owners(connection: Connection) -> frozenset[str]:
    """Those who have messages under way."""
    return frozenset(connection.execute(select(delivery.c.owner).where(UNDER_WAY).distinct()).scalars())
