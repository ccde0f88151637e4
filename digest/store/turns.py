"""The next turn of each reader, so that who is due is found by an index, however many readers there are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from operator import attrgetter
from sys import intern
from typing import Any

from sqlalchemy import Connection, Row, String, and_, delete, exists, literal, not_, select, tuple_

from digest.store.dialect import among, upsert
from digest.store.tables import Instant, harvest, turn

AT_ONCE = 1_000
_A_DAY = timedelta(days=1)


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
    """State the next turns of some readers, in place of those on record; in order of name."""
    new = upsert(connection, turn)
    later = {name: new.excluded[name] for name in ("day", "due_at", "plan")}
    statement = new.on_conflict_do_update(index_elements=["profile"], set_=later)
    ordered = sorted(rows, key=attrgetter("profile"))
    for start in range(0, len(rows), AT_ONCE):
        connection.execute(statement, [_values(row) for row in ordered[start : start + AT_ONCE]])


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
    """The same in order of name, which nobody else changes until the transaction ends.

    Whoever locks or writes several does so in this order: two processes that did it in different ones would
    wait for each other for ever.
    """
    theirs = select(turn).where(among(connection, turn.c.profile, profiles))
    ordered = theirs.order_by(turn.c.profile).with_for_update()
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


def turns_after(connection: Connection, moment: datetime) -> dict[str, date]:
    """The days of turns that are later than that, by profile."""
    later = select(turn.c.profile, turn.c.day).where(turn.c.due_at > moment)
    return {name: day for name, day in connection.execute(later)}  # noqa: C416 - a Row is no pair to mypy


def is_before_all(connection: Connection, now: datetime) -> bool:
    """Whether Digest was at work later than this, and never until the day before: a clock that is behind."""
    earlier = exists().where(harvest.c.at <= now - _A_DAY)
    later = exists().where(harvest.c.at > now + 2 * _A_DAY)
    return bool(connection.execute(select(and_(later, not_(earlier)))).scalar())


def _values(row: TurnRow) -> dict[str, Any]:
    return {"profile": row.profile, "day": row.day, "due_at": row.due_at, "plan": row.plan}


def _row(row: Row[Any]) -> TurnRow:
    return TurnRow(profile=row.profile, day=row.day, due_at=row.due_at, plan=row.plan)
