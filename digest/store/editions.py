"""Editions and how they ended, and what each reader has had."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, exists, func, or_, select, true

from digest.model import DeliveryState, Edition, Outcome
from digest.outcome import name_of
from digest.store.dialect import among, upsert
from digest.store.record import MAY_HAVE_ARRIVED, QUEUED, SENDING, SENT, UNKNOWN
from digest.store.tables import delivery, edition, seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One reader's day as it stands."""

    profile: str
    day: date
    outcome: Outcome
    considered: int
    picks: int
    reason: str
    """Why it stands so: of what was refused or given up, or is tried again, the last reply."""
    subject: str | None = None
    """Of the message; `None` if there is none."""
    reply: str = ""
    """The last one to the message."""
    edition: str = ""
    """What the edition itself says of the day, whatever became of its message."""


def all_seen(
    connection: Connection, before: Mapping[str, date], made_until: datetime | None = None
) -> dict[str, frozenset[str]]:
    """The papers each reader has had in editions before that of a day of the reader's own.

    What a message holds that may yet arrive that day counts as had; what was refused or given up does not.
    Editions of later days count, too: who moved west over the date line had tomorrow's before today's. To
    look at a day gone by, `made_until` leaves out those of them that were made after it.
    """
    found: dict[str, set[str]] = {profile: set() for profile in before}
    for day, profiles in _by_day(before):
        # Asked of each paper: a join would go through all that was ever sent.
        counts = exists().where(_same_day(seen), _may_arrive(day), _made_before(day, made_until))
        had = select(seen.c.profile, seen.c.paper_id).where(
            among(connection, seen.c.profile, profiles), seen.c.day != day, counts
        )
        for profile, paper in connection.execute(had):
            found[profile].add(paper)
    return {profile: frozenset(papers) for profile, papers in found.items()}


def _made_before(day: date, made_until: datetime | None) -> ColumnElement[bool]:
    """Editions of earlier days, and the later ones that were made first."""
    return or_(delivery.c.day < day, delivery.c.queued_at <= made_until) if made_until else true()


def _may_arrive(on: date) -> ColumnElement[bool]:
    """What arrived, may have, is going out, or is still to go on that day."""
    last_day = func.coalesce(delivery.c.last_day, delivery.c.day)
    still_to_go = and_(delivery.c.state == QUEUED, or_(last_day >= on, MAY_HAVE_ARRIVED))
    return or_(delivery.c.state.in_((SENT, UNKNOWN, SENDING)), still_to_go)


def _by_day(before: Mapping[str, date]) -> Iterator[tuple[date, list[str]]]:
    """The readers of each day: of two or three, as the world's dates are."""
    for day in set(before.values()):
        yield day, [profile for profile, own in before.items() if own == day]


def seen_on(connection: Connection, profile: str, today: date) -> dict[str, date]:
    """The first day this reader had each paper, as that day's edition counts it; or on that day itself."""
    not_todays = or_(delivery.c.state.in_((SENT, UNKNOWN)), delivery.c.day < today)
    had = (
        select(seen.c.paper_id, seen.c.day)
        .join_from(seen, delivery, _same_day(seen))
        .where(seen.c.profile == profile, _may_arrive(today), not_todays)
        .order_by(seen.c.day.desc())
    )
    return {row.paper_id: row.day for row in connection.execute(had)}


def has_message(connection: Connection, profile: str, day: date) -> bool:
    """Whether this reader's message of this day exists, however it stands."""
    return connection.execute(select(delivery.c.day).where(*_key(profile, day))).first() is not None


def with_messages(connection: Connection, keys: Iterable[tuple[str, date]]) -> frozenset[tuple[str, date]]:
    """Those of the readers' days that have a message, however it stands."""
    wanted = frozenset(keys)
    if not wanted:
        return frozenset()
    profiles = among(connection, delivery.c.profile, {profile for profile, _ in wanted})
    on_days = delivery.c.day.in_({day for _, day in wanted})
    rows = connection.execute(select(delivery.c.profile, delivery.c.day).where(profiles, on_days))
    return wanted & {(row.profile, row.day) for row in rows}


def queued_at(connection: Connection, profile: str, day: date) -> datetime | None:
    """When this reader's message of this day was made; `None` if there is none."""
    made: datetime | None = connection.execute(
        select(delivery.c.queued_at).where(*_key(profile, day))
    ).scalar()
    return made


def all_last_made(connection: Connection, before: Mapping[str, date]) -> dict[str, tuple[date, datetime]]:
    """Day and moment of each reader's last edition that chose among papers, before a day of the reader's own.

    A quiet day without a message is one. A message that was refused or given up is none: its papers come
    again. Readers without one are left out.
    """
    found = {}
    for day, profiles in _by_day(before):
        last = (
            select(edition.c.profile, func.max(edition.c.day).label("day"))
            .join_from(edition, delivery, _same_day(edition), isouter=True)
            .where(among(connection, edition.c.profile, profiles), edition.c.day < day)
            .where(edition.c.considered > 0)
            .where(or_(delivery.c.state.is_(None), _may_arrive(day)))
            .group_by(edition.c.profile)
            .subquery()
        )
        is_last = (edition.c.profile == last.c.profile) & (edition.c.day == last.c.day)
        made = select(edition.c.profile, edition.c.day, edition.c.made_at).join_from(last, edition, is_last)
        found.update({row.profile: (row.day, row.made_at) for row in connection.execute(made)})
    return found


def ended_waiting(connection: Connection, before: Mapping[str, date], since: date) -> dict[str, date]:
    """The last day, before a day of the reader's own and not before `since`, on which each waited in vain.

    Readers who did not are left out.
    """
    found = {}
    for day, profiles in _by_day(before):
        in_vain = (
            select(edition.c.profile, func.max(edition.c.day).label("day"))
            .where(among(connection, edition.c.profile, profiles), edition.c.day < day)
            .where(edition.c.day >= since, _WAITED_IN_VAIN)
            .group_by(edition.c.profile)
        )
        found.update({row.profile: row.day for row in connection.execute(in_vain)})
    return found


WAITS_FOR = "waits for "
"""How the reason begins of a day that waits for lists, and of one that did so to its end."""
_WAITED_IN_VAIN = or_(
    edition.c.outcome == Outcome.NOT_READY.value,
    and_(edition.c.outcome == Outcome.EXPIRED.value, edition.c.reason.startswith(WAITS_FOR)),
)


def record_outcomes(
    connection: Connection, stated: Sequence[tuple[Edition, Outcome, str]], now: datetime
) -> None:
    """State how readers' days stand, and why, as found now; a later statement of a day replaces it.

    The outcome may be another than the edition's own, such as `failed`.
    """
    if not stated:
        return
    rows = [
        {
            "profile": made.profile.name,
            "day": made.day,
            "outcome": outcome.value,
            "considered": made.considered,
            "picks": len(made.shown),
            "reason": reason,
            "made_at": now,
        }
        for made, outcome, reason in stated
    ]
    new = upsert(connection, edition)
    later = {name: new.excluded[name] for name in ("outcome", "considered", "picks", "reason", "made_at")}
    connection.execute(new.on_conflict_do_update(index_elements=["profile", "day"], set_=later), rows)


def days(connection: Connection, profiles: Iterable[str], since: date) -> tuple[Day, ...]:
    """How each reader's days stand, newest first; once there is a message, its state is the outcome."""
    rows = connection.execute(
        select(edition, delivery.c.state, delivery.c.reply, delivery.c.subject)
        .join_from(edition, delivery, _same_day(edition), isouter=True)
        .where(among(connection, edition.c.profile, profiles), edition.c.day >= since)
        .order_by(edition.c.day.desc(), edition.c.profile)
    )
    return tuple(_day(row) for row in rows)


def _same_day(table: Table) -> ColumnElement[bool]:
    """The delivery of a row's reader and day."""
    return and_(delivery.c.profile == table.c.profile, delivery.c.day == table.c.day)


def _key(profile: str, day: date) -> tuple[Any, Any]:
    return delivery.c.profile == profile, delivery.c.day == day


_OUTCOMES = {
    DeliveryState.QUEUED: Outcome.READY,
    DeliveryState.SENDING: Outcome.READY,
    DeliveryState.SENT: Outcome.SENT,
    DeliveryState.FAILED: Outcome.FAILED,
    DeliveryState.UNKNOWN: Outcome.UNKNOWN,
    DeliveryState.EXPIRED: Outcome.EXPIRED,
}


def _day(row: Row[Any]) -> Day:
    stated = Outcome(row.outcome)
    outcome = _OUTCOMES[DeliveryState(row.state)] if row.state else stated
    # A note of a quiet day is sent, too, and says of what.
    words = row.reason if not row.state or stated is Outcome.READY else f"{name_of(stated)}: {row.reason}"
    return Day(
        profile=row.profile,
        day=row.day,
        outcome=outcome,
        considered=row.considered,
        picks=row.picks,
        reason=words if outcome is Outcome.SENT else row.reply or words,
        subject=row.subject,
        reply=row.reply or "",
        edition=words,
    )
