"""What is due and not settled: turns nobody took on, editions that could not be made, messages that wait."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, and_, exists, select

from digest.model import Outcome
from digest.store.record import QUEUED, SENDING
from digest.store.tables import UNMADE, delivery, edition, turn

_BARRED = "suppressed since %"
"""How the reason begins of a day without a message because its reader's address gets no mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Untouched:
    """A turn whose time came, and that nobody has taken on."""

    profile: str
    day: date
    due_at: datetime
    plan: str
    """The schedule that it follows from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmade:
    """A day that was looked at, and has no message yet."""

    profile: str
    day: date
    outcome: Outcome
    """`failed` or `not_ready`."""
    reason: str
    at: datetime
    """When it was looked at last."""
    plan: str
    """The schedule of its reader."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent:
    """A message that waits, or is under way."""

    profile: str
    day: date
    queued_at: datetime
    relay: str
    """By which it was tried last; empty if it never was."""
    reply: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All of them, of each at most so many as was asked for: those first that have been due longest."""

    untouched: tuple[Untouched, ...] = ()
    unmade: tuple[Unmade, ...] = ()
    unsent: tuple[Unsent, ...] = ()


def find(connection: Connection, *, due_before: datetime, looked_at_since: datetime, most: int) -> Found:
    """What was due before a moment and is not settled; of what could not be made, all, however late.

    Each is found by an index, so that it costs next to nothing while there is nothing.
    """
    return Found(
        untouched=untouched(connection, due_before, most),
        unmade=_unmade(connection, looked_at_since, most),
        unsent=unsent(connection, due_before, most),
    )


def untouched(connection: Connection, due_before: datetime, most: int) -> tuple[Untouched, ...]:
    """The turns that were due before a moment: those first that have been due longest."""
    due = select(turn).where(turn.c.due_at <= due_before)
    rows = connection.execute(due.order_by(turn.c.due_at, turn.c.profile).limit(most))
    return tuple(Untouched(**row) for row in rows.mappings())


def _unmade(connection: Connection, since: datetime, most: int) -> tuple[Unmade, ...]:
    """Days that are still the turn of their readers."""
    has_message = exists().where(delivery.c.profile == edition.c.profile, delivery.c.day == edition.c.day)
    is_turn = and_(turn.c.profile == edition.c.profile, turn.c.day == edition.c.day)
    found = (
        select(edition, turn.c.plan)
        .join_from(edition, turn, is_turn)
        .where(UNMADE, edition.c.made_at >= since, edition.c.reason.not_like(_BARRED), ~has_message)
        .order_by(edition.c.made_at, edition.c.profile)
        .limit(most)
    )
    return tuple(
        Unmade(
            profile=row.profile,
            day=row.day,
            outcome=Outcome(row.outcome),
            reason=row.reason,
            at=row.made_at,
            plan=row.plan,
        )
        for row in connection.execute(found)
    )


def tried_days(connection: Connection, keys: Iterable[tuple[str, date]]) -> dict[tuple[str, date], Outcome]:
    """Those of the readers' days that were looked at, and `failed`, or are `not_ready`."""
    wanted = frozenset(keys)
    if not wanted:
        return {}
    on_days = edition.c.day.in_({day for _, day in wanted})
    columns = (edition.c.profile, edition.c.day, edition.c.outcome)
    rows = connection.execute(select(*columns).where(UNMADE, on_days))
    found = {(row.profile, row.day): Outcome(row.outcome) for row in rows}
    return {key: outcome for key, outcome in found.items() if key in wanted}


def failed_turns(connection: Connection, now: datetime, since: datetime) -> dict[str, str]:
    """Whose turn could not be made, and is tried again later than `now`: why, by profile."""
    is_turn = and_(turn.c.profile == edition.c.profile, turn.c.day == edition.c.day)
    found = (
        select(edition.c.profile, edition.c.reason)
        .join_from(edition, turn, is_turn)
        .where(UNMADE, edition.c.outcome == Outcome.FAILED.value, edition.c.made_at >= since)
        .where(turn.c.due_at > now)
    )
    return {row.profile: row.reason for row in connection.execute(found)}


def unsent(connection: Connection, queued_before: datetime, most: int) -> tuple[Unsent, ...]:
    """The messages that have waited since before a moment: those first that are due first."""
    columns = (delivery.c[name] for name in Unsent.__dataclass_fields__)
    waits = select(*columns).where(
        delivery.c.state.in_((QUEUED, SENDING)), delivery.c.queued_at <= queued_before
    )
    rows = connection.execute(waits.order_by(delivery.c.queued_at, delivery.c.message_id).limit(most))
    return tuple(Unsent(**row) for row in rows.mappings())
