"""When readers need lists, and whether any waits for one now: asked at each pass, and cheap at any size."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, exists, select

from digest.model import Outcome
from digest.store.tables import UNMADE, edition, turn

WAITS_UP_TO = timedelta(hours=12)
"""What was found not ready longer ago is waited for no more, or nobody comes to look."""


def first_due(connection: Connection, after: Mapping[str, datetime]) -> dict[str, datetime | None]:
    """For each name the moment of the first turn after its moment, by one look at an index each.

    A turn whose edition failed is looked at again each hour, and that is no wish for a newer list: else a
    suppressed reader would have every source read as often.
    """
    names = list(after)
    if not names:
        return {}
    has_failed = exists().where(
        edition.c.profile == turn.c.profile,
        edition.c.day == turn.c.day,
        edition.c.outcome == Outcome.FAILED.value,
    )
    firsts = [
        select(turn.c.due_at)
        .where(turn.c.due_at > after[name], ~has_failed)
        .order_by(turn.c.due_at)
        .limit(1)
        .scalar_subquery()
        for name in names
    ]
    (row,) = connection.execute(select(*firsts))
    return dict(zip(names, row, strict=True))


def is_awaited(connection: Connection, now: datetime) -> bool:
    """Whether some reader's edition waits for a list."""
    waits = exists().where(
        UNMADE,
        edition.c.outcome == Outcome.NOT_READY.value,
        edition.c.made_at > now - WAITS_UP_TO,
        edition.c.made_at <= now,
    )
    return bool(connection.execute(select(waits)).scalar())
