"""How the optional tiers fared the last time."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from digest.store.dialect import upsert
from digest.store.tables import tier


@dataclass(frozen=True, slots=True, kw_only=True)
class TierRun:
    """What a tier did in a run: for how many papers, and what ended it early, if anything."""

    name: str
    """`embedding` or `summaries`."""
    at: datetime
    papers: int = 0
    problem: str | None = None
    ended: bool = False
    """Whether the problem ended the run, rather than left papers out."""


def record_tier_run(connection: Connection, done: TierRun) -> None:
    """Keep how a tier fared, in the place of the last time."""
    values = {"at": done.at, "papers": done.papers, "problem": done.problem, "ended": done.ended}
    new = upsert(connection, tier).values(name=done.name, **values)
    connection.execute(new.on_conflict_do_update(index_elements=["name"], set_=values))


def last_tier_runs(connection: Connection) -> tuple[TierRun, ...]:
    """How each tier fared the last time, by name; none that never ran."""
    rows = connection.execute(select(tier).order_by(tier.c.name))
    return tuple(TierRun(**row) for row in rows.mappings())
