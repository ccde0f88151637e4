"""How fast relays took messages."""

from datetime import datetime

from sqlalchemy import Connection, select

from digest.model import DeliveryState
from digest.store.tables import attempt


def taken_at(connection: Connection, relay: str, since: datetime, most: int) -> tuple[datetime, ...]:
    """When a relay took its latest messages, at most so many, the latest first."""
    taken = (
        select(attempt.c.ended_at)
        .where(attempt.c.relay == relay, attempt.c.ended_at >= since)
        .where(attempt.c.state == DeliveryState.SENT.value)
        .order_by(attempt.c.ended_at.desc())
        .limit(most)
    )
    return tuple(connection.execute(taken).scalars())
