"""The next turn of each reader, so that who is due is found by an index, however many readers there are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from sys import intern
from typing import Any

from sqlalchemy import Connection, Row, String, delete, func, literal, select, tuple_

from digest.store.dialect import among, upsert
from digest.store.tables import Instant, turn

AT_ONCE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRow:
    """A reader's first day that is not settled, and when to look at it next."""

    profile: str
    day: date
    due_at: datetime
    """The reader's hour of that day; later, where it is looked at again."""
    plan: str
    """The schedule that this follows from: `digest.schedule.plan_of`."""


def put_turns(connection: Connection, rows: Sequence[TurnRow]) -> None:
    """State the next turns of some readers, in place of those on record."""
    new = upsert(connection, turn)
    later = {name: new.excluded[name] for name in ("day", "due_at", "plan")}
    statement = new.on_conflict_do_update(index_elements=["profile"], set_=later)
    for start in range(0, len(rows), AT_ONCE):
        connection.execute(statement, [_values(row) for row in rows[start : start + AT_ONCE]])


def due_turns(
    connection: Connection, now: datetime, most: int, *, after: TurnRow | None = None
) -> tuple[TurnRow, ...]:
    """Up to `most` of those that are due, the longest first; or of those that come `after` one of them."""
    due = select(turn).where(turn.c.due_at <= now).order_by(turn.c.due_at, turn.c.profile).limit(most)
    if after:
        due = due.where(tuple_(turn.c.due_at, turn.c.profile) > _place(after))
    return tuple(map(_row, connection.execute(due)))


def _place(row: TurnRow) -> Any:
    return tuple_(literal(row.due_at, Instant), literal(row.profile, String))


def turns_of(connection: Connection, profiles: Iterable[str]) -> dict[str, TurnRow]:
    """The next turns of some readers, by profile; who has none is left out."""
    theirs = select(turn).where(among(connection, turn.c.profile, profiles))
    return {row.profile: _row(row) for row in connection.execute(theirs)}


def locked_turns(connection: Connection, profiles: Iterable[str]) -> list[TurnRow]:
    """The same, the longest due first, which nobody else changes until the transaction ends."""
    theirs = select(turn).where(among(connection, turn.c.profile, profiles))
    ordered = theirs.order_by(turn.c.due_at, turn.c.profile).with_for_update()
    return list(map(_row, connection.execute(ordered)))


def plans(connection: Connection) -> dict[str, str]:
    """Every reader's schedule as it was when the turn was written, by profile."""
    # Many readers share a schedule: each is held in memory once.
    return {name: intern(plan) for name, plan in connection.execute(select(turn.c.profile, turn.c.plan))}


def forget_turns(connection: Connection, profiles: Iterable[str]) -> None:
    """Of readers who are gone."""
    connection.execute(delete(turn).where(among(connection, turn.c.profile, profiles)))


def next_turn_at(connection: Connection) -> datetime | None:
    """When the first of all turns is due, be it in the past; `None` if there is none."""
    due: datetime | None = connection.execute(select(turn.c.due_at).order_by(turn.c.due_at).limit(1)).scalar()
    return due


def turns_between(connection: Connection, since: datetime, until: datetime) -> dict[datetime, int]:
    """How many readers are due when, of those due after `since`, up to and with `until`; the first first."""
    counted = (
        select(turn.c.due_at, func.count())
        .where(turn.c.due_at > since, turn.c.due_at <= until)
        .group_by(turn.c.due_at)
        .order_by(turn.c.due_at)
    )
    return {at: number for at, number in connection.execute(counted)}  # noqa: C416 - a Row is no pair to mypy


def turns_after(connection: Connection, moment: datetime) -> frozenset[str]:
    """Whose turns are later than that."""
    return frozenset(connection.execute(select(turn.c.profile).where(turn.c.due_at > moment)).scalars())


def _values(row: TurnRow) -> dict[str, Any]:
    return {"profile": row.profile, "day": row.day, "due_at": row.due_at, "plan": row.plan}


def _row(row: Row[Any]) -> TurnRow:
    return TurnRow(profile=row.profile, day=row.day, due_at=row.due_at, plan=row.plan)
