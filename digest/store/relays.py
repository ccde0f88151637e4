"""How the ways out fare, and what the operator was told."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, func, or_, select

from digest.model import DeliveryState, Failure, Phase
from digest.store.dialect import upsert
from digest.store.tables import Instant, alarm, attempt, relay

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """How much of a relay's limits is used: messages under way, or ended within the window before now."""

    minute: int
    hour: int
    day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayHealth:
    """What a relay said last, and whether anything goes out by it."""

    name: str
    at: datetime
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
    """Keep how a relay fares, in the place of the last time."""
    values = {
        "at": health.at,
        "failure": health.failure.value if health.failure else None,
        "reply": health.reply,
        "paused_until": health.paused_until,
    }
    new = upsert(connection, relay).values(name=health.name, **values)
    connection.execute(new.on_conflict_do_update(index_elements=["name"], set_=values))


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


def alarmed_at(connection: Connection, kind: str, about: str) -> datetime | None:
    """When the operator was last told of this; `None` if never, or since cleared."""
    told: datetime | None = connection.execute(
        select(alarm.c.at).where(alarm.c.kind == kind, alarm.c.about == about)
    ).scalar()
    return told


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

    What did not come as far as its sender's name took nothing of a limit: nobody counts it there.
    """
    under_way = connection.execute(_UNDER_WAY, {"relay": name}).scalar_one()
    since = {"relay": name, "minute": now - MINUTE, "hour": now - HOUR, "day": now - DAY}
    minute, hour, day = connection.execute(_ENDED, since).one()
    return Taken(minute=under_way + minute, hour=under_way + hour, day=under_way + day)


# All in the index ix_attempt_relay.
_OF_RELAY = attempt.c.relay == bindparam("relay")
_UNDER_WAY = select(func.count()).select_from(attempt).where(_OF_RELAY, attempt.c.ended_at.is_(None))
_HANDED_OVER = [phase.value for phase in (Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.BODY, Phase.WRITE)]
_ENDED = select(
    func.count().filter(attempt.c.ended_at > bindparam("minute", type_=Instant)),
    func.count().filter(attempt.c.ended_at > bindparam("hour", type_=Instant)),
    func.count(),
).where(
    _OF_RELAY,
    attempt.c.ended_at > bindparam("day", type_=Instant),
    or_(
        attempt.c.state.in_((DeliveryState.SENT.value, DeliveryState.UNKNOWN.value)),
        attempt.c.phase.in_(_HANDED_OVER),
    ),
)
