"""Editions and how they ended, and what each reader has had."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from digest.model import DeliveryState, Edition, Outcome
from digest.store.dialect import among, upsert
from digest.store.tables import delivery, edition, seen

MAY_HAVE_ARRIVED = (DeliveryState.SENT.value, DeliveryState.UNKNOWN.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One reader's day as it stands."""

    profile: str
    day: date
    outcome: Outcome
    considered: int
    picks: int
    reason: str
    subject: str | None = None


def seen_by(connection: Connection, profile: str, before: date) -> frozenset[str]:
    """The papers this reader has had in editions of days before that."""
    return all_seen(connection, {profile: before})[profile]


def all_seen(
    connection: Connection, before: Mapping[str, date], since: date = date.min
) -> dict[str, frozenset[str]]:
    """The papers each reader has had in editions before a day of the reader's own, and not before `since`."""
    same_day = (delivery.c.profile == seen.c.profile) & (delivery.c.day == seen.c.day)
    had = (
        select(seen.c.profile, seen.c.paper_id)
        .join_from(seen, delivery, same_day)
        .where(delivery.c.state.in_(MAY_HAVE_ARRIVED), seen.c.day >= since)
    )
    found: dict[str, set[str]] = {profile: set() for profile in before}
    for day, profiles in _by_day(before):
        theirs = had.where(among(connection, seen.c.profile, profiles), seen.c.day < day)
        for profile, paper in connection.execute(theirs):
            found[profile].add(paper)
    return {profile: frozenset(papers) for profile, papers in found.items()}


def _by_day(before: Mapping[str, date]) -> Iterator[tuple[date, list[str]]]:
    """The readers of each day: of two or three, as the world's dates are."""
    for day in set(before.values()):
        yield day, [profile for profile, own in before.items() if own == day]


def seen_on(connection: Connection, profile: str) -> dict[str, date]:
    """The first day this reader had each paper.

    What a message holds that still waits, was refused or expired was not had.
    """
    same_day = (delivery.c.profile == seen.c.profile) & (delivery.c.day == seen.c.day)
    had = (
        select(seen.c.paper_id, seen.c.day)
        .join_from(seen, delivery, same_day)
        .where(seen.c.profile == profile, delivery.c.state.in_(MAY_HAVE_ARRIVED))
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


def last_made(connection: Connection, profile: str, before: date) -> tuple[date, datetime] | None:
    """Day and moment of the last edition before a day that chose among papers; `None` if there is none.

    A quiet day without a message is one. A message that was refused, expired or still waits is none: its
    papers come again.
    """
    return all_last_made(connection, {profile: before}).get(profile)


def all_last_made(connection: Connection, before: Mapping[str, date]) -> dict[str, tuple[date, datetime]]:
    """The same of many readers, each before a day of the reader's own; those that have one."""
    found = {}
    for day, profiles in _by_day(before):
        last = (
            select(edition.c.profile, func.max(edition.c.day).label("day"))
            .join_from(edition, delivery, _same_day(), isouter=True)
            .where(among(connection, edition.c.profile, profiles), edition.c.day < day)
            .where(edition.c.considered > 0)
            .where(delivery.c.state.is_(None) | delivery.c.state.in_(MAY_HAVE_ARRIVED))
            .group_by(edition.c.profile)
            .subquery()
        )
        is_last = (edition.c.profile == last.c.profile) & (edition.c.day == last.c.day)
        made = select(edition.c.profile, edition.c.day, edition.c.made_at).join_from(last, edition, is_last)
        found.update({row.profile: (row.day, row.made_at) for row in connection.execute(made)})
    return found


def record_outcome(connection: Connection, made: Edition, reason: str, now: datetime) -> None:
    """State how a reader's day stands, and when that was found; a later statement of the day replaces it."""
    record_outcomes(connection, [(made, made.outcome, reason)], now)


def record_outcomes(
    connection: Connection, stated: Sequence[tuple[Edition, Outcome, str]], now: datetime
) -> None:
    """The same for many at once; the outcome may be another than the edition's own, such as `failed`."""
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
        .join_from(edition, delivery, _same_day(), isouter=True)
        .where(among(connection, edition.c.profile, profiles), edition.c.day >= since)
        .order_by(edition.c.day.desc(), edition.c.profile)
    )
    return tuple(_day(row) for row in rows)


def _same_day() -> Any:
    return (edition.c.profile == delivery.c.profile) & (edition.c.day == delivery.c.day)


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
    outcome = _OUTCOMES[DeliveryState(row.state)] if row.state else Outcome(row.outcome)
    return Day(
        profile=row.profile,
        day=row.day,
        outcome=outcome,
        considered=row.considered,
        picks=row.picks,
        reason=row.reply or row.reason,
        subject=row.subject,
    )
