"""Which processes of `digest run` there are and were, when each was last seen at work, and the last pass."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from digest.store.tables import service

KEPT_FOR = timedelta(days=30)
"""A process that was last seen longer ago is forgotten; the last one of all never is."""


BY_TIMER = "pass:"
"""How the owner's name begins of a single pass, which comes and goes by a timer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRow:
    """A process, as the store knows it."""

    owner: str
    """A name that nobody else has."""
    host: str
    pid: int
    began_at: datetime
    seen_at: datetime
    ended_at: datetime | None = None
    """When it ended in good order; `None` while it runs, and for good of one that was killed."""


def begin(connection: Connection, row: ServiceRow) -> None:
    """State that a process is at work now; those of long ago are forgotten."""
    latest = select(func.max(service.c.seen_at)).scalar_subquery()
    over = (service.c.seen_at < row.began_at - KEPT_FOR, service.c.seen_at < latest)
    connection.execute(delete(service).where(*over))
    connection.execute(
        insert(service).values(
            owner=row.owner,
            host=row.host,
            pid=row.pid,
            began_at=row.began_at,
            seen_at=row.seen_at,
            ended_at=row.ended_at,
        )
    )


def begin_pass(connection: Connection, row: ServiceRow) -> None:
    """State that a pass is at work now, in place of those before: there is one every few minutes."""
    # Those that a clock stated that was ahead would hide what is missed until then.
    is_other = or_(service.c.seen_at <= row.began_at, service.c.seen_at > row.began_at + timedelta(days=1))
    connection.execute(delete(service).where(service.c.owner.startswith(BY_TIMER), is_other))
    begin(connection, row)


def see(connection: Connection, owner: str, at: datetime) -> None:
    """State that a process is at work still."""
    connection.execute(update(service).where(service.c.owner == owner).values(seen_at=at))


def end(connection: Connection, owner: str, at: datetime) -> None:
    """State that a process ended in good order."""
    connection.execute(update(service).where(service.c.owner == owner).values(seen_at=at, ended_at=at))


def last_seen(connection: Connection, now: datetime) -> datetime | None:
    """When any process was last at work by then, be it for a pass; `None` if none ever was."""
    latest = select(func.max(service.c.seen_at)).where(service.c.seen_at <= now)
    seen: datetime | None = connection.execute(latest).scalar()
    return seen


def present_since(connection: Connection, now: datetime, longest: timedelta) -> datetime:
    """Since when some process was always at work, but for breaks of at most so long; `now` if none was."""
    since = now
    for one in _all(connection):
        if since - one.seen_at > longest:
            break
        since = min(since, one.began_at)
    return since


def services(connection: Connection) -> tuple[ServiceRow, ...]:
    """All of `digest run` that are known, the one last seen first."""
    return tuple(one for one in _all(connection) if not one.owner.startswith(BY_TIMER))


def _all(connection: Connection) -> tuple[ServiceRow, ...]:
    rows = connection.execute(select(service).order_by(service.c.seen_at.desc(), service.c.owner))
    return tuple(ServiceRow(**row) for row in rows.mappings())
