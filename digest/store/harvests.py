"""How each harvest went, and how many papers a list had whenever it was read."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, or_, select, union_all

from digest.model import Reading, SourceState
from digest.store.dialect import upsert
from digest.store.papers import SAID_AGAIN
from digest.store.tables import alias, harvest, observation, reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Harvest:
    """How reading one source went: what it held, how much of it was new, and what was wrong, if anything."""

    source: str
    at: datetime
    papers: int = 0
    fresh: int = 0
    problem: str | None = None
    state: SourceState | None = None
    """`None` of harvests that older versions recorded."""
    kept: str = ""
    """Where the first of the pages is kept that are not what they were taken for; empty if none is."""

    @property
    def is_good(self) -> bool:
        """Whether it gave what was there to be had."""
        return self.state.is_good if self.state else self.problem is None

    @property
    def gave_nothing(self) -> bool:
        """Whether it could not be read at all."""
        return self.problem is not None and not self.papers


_IS_GOOD = or_(
    harvest.c.state.in_([state.value for state in SourceState if state.is_good]),
    and_(harvest.c.state == "", harvest.c.problem.is_(None)),
)


def record_harvest(connection: Connection, done: Harvest) -> None:
    """Keep how reading a source went."""
    values = {
        "papers": done.papers,
        "fresh": done.fresh,
        "problem": done.problem,
        "state": done.state.value if done.state else "",
        "kept": done.kept,
    }
    statement = upsert(connection, harvest).values(source=done.source, at=done.at, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["source", "at"], set_=values))


def last_harvests(connection: Connection, *, since: datetime, until: datetime) -> tuple[Harvest, ...]:
    """The latest harvest of each source in (since, until], by name."""
    latest = (
        select(harvest.c.source, func.max(harvest.c.at).label("at"))
        .where(harvest.c.at > since, harvest.c.at <= until)
        .group_by(harvest.c.source)
        .subquery()
    )
    is_latest = and_(harvest.c.source == latest.c.source, harvest.c.at == latest.c.at)
    rows = connection.execute(select(harvest).join(latest, is_latest).order_by(harvest.c.source))
    return tuple(map(_harvest, rows))


def harvests_of(connection: Connection, source: str, *, most: int) -> tuple[Harvest, ...]:
    """The latest harvests of a source, the latest first."""
    listed = select(harvest).where(harvest.c.source == source).order_by(harvest.c.at.desc()).limit(most)
    return tuple(map(_harvest, connection.execute(listed)))


def latest_harvests(
    connection: Connection, sources: Collection[str], *, until: datetime, most: int
) -> dict[str, tuple[Harvest, ...]]:
    """The same of several sources by then, by name, in one query; nothing of those that were never read."""
    if not sources:
        return {}
    of_each = [
        select(harvest)
        .where(harvest.c.source == source, harvest.c.at <= until)
        .order_by(harvest.c.at.desc())
        .limit(most)
        .subquery()
        for source in sources
    ]
    found: dict[str, list[Harvest]] = {}
    for row in connection.execute(union_all(*(select(one) for one in of_each))):
        found.setdefault(row.source, []).append(_harvest(row))
    return {name: tuple(sorted(ones, key=lambda one: one.at, reverse=True)) for name, ones in found.items()}


def last_good(connection: Connection, source: str, until: datetime) -> datetime | None:
    """When a source was last read whole by then; `None` if never."""
    of_source = (harvest.c.source == source, harvest.c.at <= until)
    found: datetime | None = connection.execute(
        select(func.max(harvest.c.at)).where(*of_source, _IS_GOOD)
    ).scalar()
    return found


def tries_after(connection: Connection, source: str, after: datetime, until: datetime) -> list[datetime]:
    """When a source was read, or tried, in (after, until], in their order."""
    of_source = (harvest.c.source == source, harvest.c.at > after, harvest.c.at <= until)
    return list(connection.execute(select(harvest.c.at).where(*of_source).order_by(harvest.c.at)).scalars())


def first_harvest(connection: Connection, source: str) -> datetime | None:
    """When a source was first read, or tried; `None` if never."""
    found: datetime | None = connection.execute(
        select(func.min(harvest.c.at)).where(harvest.c.source == source)
    ).scalar()
    return found


def brought(connection: Connection, source: str, since: datetime) -> dict[str, date | None]:
    """All ids of the papers that a source's harvests listed since then, each with the day of the first list.

    A day earlier does no harm: what a source says unchanged is kept once in SAID_AGAIN. Lists that were read
    from an archive do not count: that a paper stood there says nothing of the daily lists.
    """
    of_harvest = and_(harvest.c.source == observation.c.source, harvest.c.at == observation.c.at)
    listed = (
        select(observation.c.paper_id, func.min(observation.c.listed_on).label("day"))
        .join(harvest, of_harvest)
        .where(observation.c.source == source, observation.c.at > since - SAID_AGAIN)
        .group_by(observation.c.paper_id)
        .subquery()
    )
    others = select(alias.c.id.label("paper_id"), listed.c.day).join(
        listed, listed.c.paper_id == alias.c.paper_id
    )
    rows = connection.execute(select(listed.c.paper_id, listed.c.day).union_all(others))
    return {row.paper_id: row.day for row in rows}


def last_list(connection: Connection, source: str, until: datetime) -> date | None:
    """The day of the newest list that was read whole by then; of lists without a day, when that was."""
    listed: date | None = connection.execute(
        select(func.max(reading.c.day)).where(
            reading.c.source == source, reading.c.at <= until, reading.c.papers > 0
        )
    ).scalar()
    good = last_good(connection, source, until)
    return listed or (good.date() if good else None)


def record_readings(connection: Connection, source: str, readings: Iterable[Reading]) -> None:
    """Keep how many papers a source's lists had at a moment."""
    for one in readings:
        new = upsert(connection, reading).values(source=source, day=one.day, at=one.at, papers=one.papers)
        update = {"papers": one.papers}
        connection.execute(new.on_conflict_do_update(index_elements=["source", "day", "at"], set_=update))


def readings_of(connection: Connection, source: str, *, until: datetime) -> tuple[Reading, ...]:
    """What was read of a source's lists up to a moment, by day and time."""
    listed = select(reading).where(reading.c.source == source, reading.c.at <= until)
    rows = connection.execute(listed.order_by(reading.c.day, reading.c.at))
    return tuple(Reading(day=row.day, at=row.at, papers=row.papers) for row in rows)


def prune_readings(connection: Connection, before: date) -> None:
    """Forget the readings of lists of before a day."""
    connection.execute(delete(reading).where(reading.c.day < before))


def _harvest(row: Row[Any]) -> Harvest:
    return Harvest(
        source=row.source,
        at=row.at,
        papers=row.papers,
        fresh=row.fresh,
        problem=row.problem,
        state=SourceState(row.state) if row.state else None,
        kept=row.kept,
    )
