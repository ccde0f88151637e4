"""What waits to be sent: how much, since when, until when, and what a person does about it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, exists, func, or_, select, update

from digest.model import Attempt, Delivery, DeliveryState
from digest.store.deliveries import Ended, with_doubt
from digest.store.dialect import among
from digest.store.record import (
    BEFORE,
    EXPIRED,
    FAILED,
    MAY_HAVE_ARRIVED,
    QUEUED,
    UNDER_WAY,
    UNKNOWN,
    Listed,
    delivery_of,
)
from digest.store.tables import Instant, delivery, message

NOT_SENT_IN_TIME = "not sent before the next edition; its papers come again"
NOT_SENT_AGAIN = "not sent again before the next edition"
CANCELLED = "cancelled by hand"
EASTERNMOST = timedelta(hours=14)
"""So far ahead of UTC a day begins first, in Kiritimati."""
READER_IS_GONE = "not sent in time, and its reader has no profile any more"


def next_due(connection: Connection, profiles: Collection[str] | None = None) -> datetime | None:
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

    What may have arrived before stays so: it ends as unknown, and its papers stay had.
    What a person put back by hand gets until the end of the next day; what is under way, until the end of
    today: its papers count as had in today's edition, and stay so should it wait again.
    """
    if not todays:
        return ()
    over = _left(connection, todays, delivery.c.state == QUEUED)
    under_way = _left(connection, todays, UNDER_WAY)
    given_up = [_given_up(one, NOT_SENT_AGAIN if one.may_have_arrived else NOT_SENT_IN_TIME) for one in over]
    _give_up(connection, given_up, now)
    if under_way:
        last = [{"identifier": one.message.message_id, "today": todays[one.profile]} for one in under_way]
        connection.execute(_LETTING_GO_ON, last)
    return tuple(given_up)


def _left(connection: Connection, todays: Mapping[str, date], state: ColumnElement[bool]) -> list[Delivery]:
    """What has been in a state since before each reader's today, in fair order; locked."""
    theirs = among(connection, delivery.c.profile, todays)
    old = select(delivery, _last_day.label("until")).where(state, _last_day < max(todays.values()), theirs)
    rows = connection.execute(old.order_by(delivery.c.due_at, delivery.c.message_id).with_for_update())
    over = [delivery_of(row) for row in rows if row.until < todays[row.profile]]
    return with_doubt(connection, over)


_last_day = func.coalesce(delivery.c.last_day, delivery.c.day)
_LETTING_GO_ON = (
    update(delivery)
    .where(delivery.c.message_id == bindparam("identifier"))
    .values(last_day=bindparam("today"))
)


def last_days(connection: Connection, now: datetime) -> dict[str, date]:
    """Whose messages wait though their last day may be over, somewhere on earth; and the first such day."""
    begun_somewhere = (now.astimezone(UTC) + EASTERNMOST).date()
    first = (
        select(delivery.c.profile, func.min(_last_day))
        .where(delivery.c.state == QUEUED, _last_day < begun_somewhere)
        .group_by(delivery.c.profile)
    )
    return {name: day for name, day in connection.execute(first)}  # noqa: C416 - a Row is no pair to mypy


def expire_strangers(
    connection: Connection, known: Collection[str], before: date, now: datetime
) -> tuple[Delivery, ...]:
    """Give up what waits from days before that for readers who are not `known`: nobody makes them another."""
    old = select(delivery).where(delivery.c.state == QUEUED, _last_day < before)
    names = frozenset(known)
    rows = connection.execute(old.order_by(delivery.c.due_at, delivery.c.message_id).with_for_update())
    over = with_doubt(connection, [delivery_of(row) for row in rows if row.profile not in names])
    given_up = [_given_up(one, READER_IS_GONE) for one in over]
    _give_up(connection, given_up, now)
    return tuple(given_up)


def _given_up(waiting: Delivery, reply: str) -> Delivery:
    attempt = Attempt(state=DeliveryState.EXPIRED, reply=reply)
    return Ended(delivery=waiting, attempt=attempt).stands(resend_once=False)


def _give_up(connection: Connection, given_up: Sequence[Delivery], now: datetime) -> None:
    rows = [
        {"identifier": one.message.message_id, "to": one.state.value, "said": one.reply, "at": now}
        for one in given_up
    ]
    if rows:
        connection.execute(_GIVING_UP, rows)


_GIVING_UP = (
    update(delivery)
    .where(delivery.c.message_id == bindparam("identifier"), delivery.c.state == QUEUED)
    .values(state=bindparam("to"), reply=bindparam("said"), ended_at=bindparam("at", type_=Instant))
)


def cancel(connection: Connection, listed: Listed, now: datetime) -> bool:
    """Give up a message that waits; False if it does not, or not any more as it was listed.

    What may have arrived before stays so.
    """
    given_up = (
        update(delivery)
        .where(*_as_listed(listed), delivery.c.state == QUEUED)
        .values(
            state=case((MAY_HAVE_ARRIVED, UNKNOWN), else_=EXPIRED),
            reply=case((MAY_HAVE_ARRIVED, BEFORE + CANCELLED), else_=CANCELLED),
            ended_at=now,
        )
    )
    return connection.execute(given_up).rowcount > 0


def retry(connection: Connection, listed: Listed, now: datetime) -> bool:
    """Let a message wait again, due now, until the end of tomorrow; for that long its papers count as had.

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
