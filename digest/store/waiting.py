"""What waits to be sent: how much, since when, until when, and what a person does about it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, exists, func, or_, select, update

from digest.model import Delivery, DeliveryState
from digest.store.dialect import among
from digest.store.record import EXPIRED, FAILED, QUEUED, UNKNOWN, Listed, delivery_of
from digest.store.tables import delivery, message

NOT_SENT_IN_TIME = "not sent before the next edition; its papers come again"


def next_due(
    connection: Connection, now: datetime, profiles: Collection[str] | None = None
) -> datetime | None:
    """When the first of the messages that wait is due, be it in the past; `None` if none waits."""
    waits = select(delivery.c.due_at).where(*_waiting(connection, profiles))
    due: datetime | None = connection.execute(waits.order_by(delivery.c.due_at).limit(1)).scalar()
    return due


def waiting(connection: Connection, profiles: Collection[str] | None = None) -> int:
    """How many messages wait."""
    counted = select(func.count()).select_from(delivery).where(*_waiting(connection, profiles))
    return int(connection.execute(counted).scalar_one())


def _waiting(connection: Connection, profiles: Collection[str] | None) -> tuple[Any, ...]:
    some = () if profiles is None else (among(connection, delivery.c.profile, profiles),)
    return delivery.c.state == QUEUED, *some


def expire_before(connection: Connection, todays: Mapping[str, date], now: datetime) -> tuple[Delivery, ...]:
    """Give up what waits from days before each reader's today; the papers count as not had.

    What a person put back by hand gets until the end of the next day.
    """
    if not todays:
        return ()
    last_day = func.coalesce(delivery.c.last_day, delivery.c.day)
    old = select(delivery, last_day.label("until")).where(
        delivery.c.state == QUEUED, last_day < max(todays.values())
    )
    rows = connection.execute(old.order_by(delivery.c.due_at, delivery.c.message_id).with_for_update())
    over = [delivery_of(row) for row in rows if row.profile in todays and row.until < todays[row.profile]]
    _give_up(connection, over, NOT_SENT_IN_TIME, now)
    return tuple(replace(one, state=DeliveryState.EXPIRED, reply=NOT_SENT_IN_TIME) for one in over)


def _give_up(connection: Connection, waiting: Sequence[Delivery], reply: str, now: datetime) -> None:
    identifiers = [one.message.message_id for one in waiting]
    if identifiers:
        connection.execute(
            update(delivery)
            .where(among(connection, delivery.c.message_id, identifiers), delivery.c.state == QUEUED)
            .values(state=EXPIRED, reply=reply, ended_at=now)
        )


def cancel(connection: Connection, listed: Listed, now: datetime) -> bool:
    """Give up a message that waits; False if it does not, or not any more as it was listed."""
    given_up = (
        update(delivery)
        .where(*_as_listed(listed), delivery.c.state == QUEUED)
        .values(state=EXPIRED, reply="cancelled by hand", ended_at=now)
    )
    return connection.execute(given_up).rowcount > 0


def retry(connection: Connection, listed: Listed, now: datetime) -> bool:
    """Let a message wait again, due now, its papers had once it is sent; until the end of tomorrow.

    False if that cannot be: it was sent, is under way, is not any more as it was listed, or its data was
    let go. What stays unknown may arrive twice: who asks for this knows.
    """
    ended = or_(
        delivery.c.state.in_((QUEUED, FAILED, EXPIRED)),
        and_(delivery.c.state == UNKNOWN, delivery.c.ended_at.is_not(None)),
    )
    put_back = (
        update(delivery)
        .where(*_as_listed(listed), ended, _has_data())
        .values(
            state=QUEUED,
            deferrals=0,
            due_at=now,
            ended_at=None,
            last_day=now.date() + timedelta(days=1),
        )
    )
    return connection.execute(put_back).rowcount > 0


def _has_data() -> Any:
    return exists().where(message.c.message_id == delivery.c.message_id)


def _as_listed(listed: Listed) -> tuple[Any, ...]:
    same_attempt = delivery.c.attempts == listed.attempts
    return delivery.c.message_id == listed.message_id, same_attempt, delivery.c.state == listed.state.value
