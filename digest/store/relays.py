"""How the ways out fare, and what the operator was told."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, delete, func, or_, select

from digest.model import DeliveryState, Failure, Phase
from digest.store.dialect import is_sqlite, upsert
from digest.store.postgresql import lock_for_transaction
from digest.store.tables import Instant, alarm, attempt, relay

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """How much of a relay's limits is used: messages under way, or ended within the window before now."""

    minute: int
    hour: int
    day: int
    under_way: int = 0
    """Of these: where one of them ends without having been handed over, its place is free at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayHealth:
    """What a relay said last, and whether anything goes out by it."""

    name: str
    at: datetime
    """Since when, if something stands in the way; else, when that was found."""
    failure: Failure | None = None
    """What stands in the way; `None` if nothing does."""
    reply: str = ""
    paused_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something the operator was to be told."""

    kind: str
    about: str
    at: datetime
    problem: str | None = None
    """Why telling failed; `None` if it did not."""


def record_health(connection: Connection, health: RelayHealth) -> None:
    """Keep how a relay fares, in the place of the last time; of the same trouble, since when."""
    values = {
        "at": health.at,
        "failure": health.failure.value if health.failure else None,
        "reply": health.reply,
        "paused_until": health.paused_until,
    }
    new = upsert(connection, relay).values(name=health.name, **values)
    since = case((relay.c.failure == new.excluded.failure, relay.c.at), else_=new.excluded.at)
    connection.execute(new.on_conflict_do_update(index_elements=["name"], set_={**values, "at": since}))


def healths(connection: Connection) -> tuple[RelayHealth, ...]:
    """How each relay fared the last time, by name."""
    return tuple(
        RelayHealth(**{**row, "failure": Failure(row["failure"]) if row["failure"] else None})
        for row in connection.execute(select(relay).order_by(relay.c.name)).mappings()
    )


def paused_until(connection: Connection, name: str) -> datetime | None:
    """Until when nothing goes out by a relay; may be past."""
    until: datetime | None = connection.execute(
        select(relay.c.paused_until).where(relay.c.name == name)
    ).scalar()
    return until


def record_alarm(connection: Connection, kind: str, about: str, at: datetime, problem: str | None) -> None:
    """Keep that the operator was told of something, or why that failed."""
    new = upsert(connection, alarm).values(kind=kind, about=about, at=at, problem=problem)
    later = {"at": at, "problem": problem}
    connection.execute(new.on_conflict_do_update(index_elements=["kind", "about"], set_=later))


def alarms(connection: Connection) -> tuple[Alarm, ...]:
    """All that stands, the latest first."""
    rows = connection.execute(select(alarm).order_by(alarm.c.at.desc(), alarm.c.kind, alarm.c.about))
    return tuple(Alarm(**row) for row in rows.mappings())


def clear_alarm(connection: Connection, kind: str, about: str) -> bool:
    """Let it be over, so that the next time is told again; False if nothing stood."""
    over = delete(alarm).where(alarm.c.kind == kind, alarm.c.about == about)
    return connection.execute(over).rowcount > 0


def taken(connection: Connection, name: str, now: datetime) -> Taken:
    """How many messages a relay was given: under way, or ended within a minute, an hour, a day before now.

    What did not come as far as its sender's name took nothing of a limit: nobody counts it there. Nor does
    what a clock recorded that was ahead by more than a window; of a small step back, everything counts.
    """
    under_way = connection.execute(_UNDER_WAY, {"relay": name}).scalar_one()
    windows = {"minute": MINUTE, "hour": HOUR, "window": DAY}
    given = {f"{about}_ago": now - window for about, window in windows.items()}
    given |= {f"{about}_ahead": now + window for about, window in windows.items()}
    minute, hour, day = connection.execute(_ENDED, {"relay": name, **given}).one()
    return Taken(minute=under_way + minute, hour=under_way + hour, day=under_way + day, under_way=under_way)


def room_at(
    connection: Connection, name: str, now: datetime, window: timedelta, places: int
) -> datetime | None:
    """When so many places will be free of those that ended messages take in a window; `None` if never."""
    given = {"relay": name, "window_ago": now - window, "window_ahead": now + window, "before": places - 1}
    ended: datetime | None = connection.execute(_LEAVING, given).scalar()
    return ended + window if ended else None


def count_alone(connection: Connection, name: str) -> None:
    """Let nobody else count for, and claim by, a relay's limits until this transaction has ended.

    In SQLite whoever writes is alone anyway.
    """
    if not is_sqlite(connection):
        lock_for_transaction(connection, f"limits of {name}")


# All in the index ix_attempt_relay.
_OF_RELAY = attempt.c.relay == bindparam("relay")
_UNDER_WAY = select(func.count()).select_from(attempt).where(_OF_RELAY, attempt.c.ended_at.is_(None))


def _within(about: str) -> ColumnElement[bool]:
    ago, ahead = (bindparam(f"{about}_{which}", type_=Instant) for which in ("ago", "ahead"))
    return and_(attempt.c.ended_at > ago, attempt.c.ended_at <= ahead)


_COUNTS = (
    _OF_RELAY,
    _within("window"),
    or_(
        attempt.c.state.in_((DeliveryState.SENT.value, DeliveryState.UNKNOWN.value)),
        attempt.c.phase.in_([phase.value for phase in Phase if not phase.is_arriving]),
    ),
)
_ENDED = select(
    func.count().filter(_within("minute")), func.count().filter(_within("hour")), func.count()
).where(*_COUNTS)
_LEAVING = (
    select(attempt.c.ended_at)
    .where(*_COUNTS)
    .order_by(attempt.c.ended_at)
    .limit(1)
    .offset(bindparam("before"))
)
