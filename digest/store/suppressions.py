"""Addresses that get no mail until a person lifts them, and what leads to that."""

from collections.abc import Iterable
from itertools import takewhile
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, select

from digest.model import DeliveryState, Failure, Suppression
from digest.store.dialect import upsert
from digest.store.tables import attempt, delivery, suppression

BATCH = 1_000


def key(address: str) -> str:
    """What an address is known by here: its domain in lower case, its local part case-folded.

    RFC 5321, 2.4 lets a local part's case matter; mailboxes that differ by it alone do not exist in practice.
    """
    local, _, domain = address.rpartition("@")
    return f"{local.casefold()}@{domain.lower()}"


def suppressed(connection: Connection, addresses: Iterable[str]) -> dict[str, Suppression]:
    """Those of the addresses that get no mail, each by how it was written."""
    by_key: dict[str, list[str]] = {}
    for address in addresses:
        by_key.setdefault(key(address), []).append(address)
    keys = list(by_key)
    found = {}
    for start in range(0, len(keys), BATCH):
        for row in connection.execute(_FINDING, {"keys": keys[start : start + BATCH]}):
            found.update(dict.fromkeys(by_key[row.address], _suppression(row)))
    return found


_FINDING = select(suppression).where(suppression.c.address.in_(bindparam("keys", expanding=True)))


def suppress(connection: Connection, stated: Suppression) -> bool:
    """Let an address get no mail; False, and nothing is changed, if that is so already."""
    values = {"address": key(stated.address), "reason": stated.reason, "at": stated.at}
    new = upsert(connection, suppression).values(values).on_conflict_do_nothing()
    return connection.execute(new.returning(suppression.c.address)).first() is not None


def lift(connection: Connection, address: str) -> bool:
    """Let an address get mail again; False if it was not suppressed."""
    return connection.execute(delete(suppression).where(suppression.c.address == key(address))).rowcount > 0


def all_suppressed(connection: Connection) -> tuple[Suppression, ...]:
    """Every suppressed address, in the order of the alphabet."""
    return tuple(map(_suppression, connection.execute(select(suppression).order_by(suppression.c.address))))


def permanent_failures(connection: Connection, recipient: str) -> int:
    """How many of this recipient's latest messages, in a row, were refused for being this recipient's.

    Messages that still wait, or ended without an answer, are passed over; a sent one ends the row.
    """
    ended = (DeliveryState.SENT.value, DeliveryState.FAILED.value)
    same_try = (attempt.c.message_id == delivery.c.message_id) & (attempt.c.number == delivery.c.attempts)
    rows = connection.execute(
        select(delivery.c.state, attempt.c.failure)
        .join_from(delivery, attempt, same_try, isouter=True)
        .where(delivery.c.recipient == recipient, delivery.c.state.in_(ended))
        .order_by(delivery.c.ended_at.desc(), delivery.c.day.desc())
    )
    return sum(1 for _ in takewhile(lambda row: row.failure == Failure.RECIPIENT.value, rows))


def _suppression(row: Row[Any]) -> Suppression:
    return Suppression(address=row.address, reason=row.reason, at=row.at)
