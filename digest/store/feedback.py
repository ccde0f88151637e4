"""What readers said of papers: one verdict a reader and paper, the last one."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select

from digest.model import Verdict
from digest.store.dialect import among, upsert
from digest.store.tables import feedback


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A reader's last word on a paper, and since when it stands."""

    paper_id: str
    verdict: Verdict
    at: datetime


def record_verdict(
    connection: Connection, profile: str, paper_id: str, verdict: Verdict, at: datetime
) -> Said | None:
    """Let a verdict be the reader's last word on a stored paper; returns what stood before.

    Saying the same again changes nothing, not even the time.
    """
    before = said_of(connection, profile, paper_id)
    if before is None or before.verdict is not verdict:
        values = {"verdict": verdict.value, "at": at}
        said = upsert(connection, feedback).values(profile=profile, paper_id=paper_id, **values)
        connection.execute(said.on_conflict_do_update(index_elements=["profile", "paper_id"], set_=values))
    return before


def forget_verdict(connection: Connection, profile: str, paper_id: str) -> Said | None:
    """Let nothing have been said of a paper; returns what stood before."""
    before = said_of(connection, profile, paper_id)
    connection.execute(delete(feedback).where(*_key(profile, paper_id)))
    return before


def said_of(connection: Connection, profile: str, paper_id: str) -> Said | None:
    """A reader's last word on a paper."""
    row = connection.execute(select(feedback).where(*_key(profile, paper_id))).first()
    return Said(paper_id=row.paper_id, verdict=Verdict(row.verdict), at=row.at) if row else None


def said_by(connection: Connection, profile: str, until: datetime | None = None) -> tuple[Said, ...]:
    """All that a reader said of papers (until a moment, itself included), the latest last."""
    return tuple(said_by_all(connection, [profile], until)[profile])


def said_by_all(
    connection: Connection, profiles: Iterable[str], until: datetime | None = None
) -> dict[str, list[Said]]:
    """The same of many readers, also of those that said nothing."""
    found: dict[str, list[Said]] = {profile: [] for profile in profiles}
    said = select(feedback).where(among(connection, feedback.c.profile, found))
    if until is not None:
        said = said.where(feedback.c.at <= until)
    for row in connection.execute(said.order_by(feedback.c.at, feedback.c.paper_id)):
        found[row.profile].append(Said(paper_id=row.paper_id, verdict=Verdict(row.verdict), at=row.at))
    return found


def _key(profile: str, paper_id: str) -> tuple[Any, Any]:
    return feedback.c.profile == profile, feedback.c.paper_id == paper_id
