"""What came back of messages that had gone out: a line in their record, as if it were one more attempt."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, update

from digest.model import Attempt
from digest.store.record import Listed
from digest.store.tables import attempt, delivery

BOUNCE, COMPLAINT = "(bounce)", "(complaint)"
"""Where such a line has the relay; no relay can be called so."""


def record_return(connection: Connection, listed: Listed, came_back: Attempt, by: str, now: datetime) -> bool:
    """State what came back of a delivery, which takes the state of `came_back`.

    False, and nothing is changed, if the delivery is not any more as it was listed. The line counts as an
    attempt, and so fences off whoever still wants to say how an earlier one ended.
    """
    number = listed.attempts + 1
    stated: dict[str, Any] = {"attempts": number}
    if came_back.state is not listed.state:
        # `ended_at` stays when it went out: failures in a row are counted in the order of the messages.
        stated |= {"state": came_back.state.value, "reply": came_back.reply}
    as_listed = (
        delivery.c.message_id == listed.message_id,
        delivery.c.attempts == listed.attempts,
        delivery.c.state == listed.state.value,
    )
    if connection.execute(update(delivery).where(*as_listed).values(**stated)).rowcount == 0:
        return False
    connection.execute(
        insert(attempt).values(
            message_id=listed.message_id,
            number=number,
            relay=by,
            began_at=now,
            ended_at=now,
            state=came_back.state.value,
            failure=came_back.failure.value if came_back.failure else None,
            code=came_back.code,
            enhanced=came_back.enhanced,
            reply=came_back.reply,
        )
    )
    return True
