"""Addresses that get no mail until a person lifts them, and what leads to that."""

import unicodedata
from collections.abc import Iterable
from datetime import datetime
from itertools import takewhile
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from digest.failures import is_about_address
from digest.model import Attempt, DeliveryState, Failure, Suppression
from digest.store.dialect import upsert
from digest.store.record import FAILED, SENT
from digest.store.tables import attempt, delivery, suppression

BATCH = 1_000


def key(address: str) -> str:
    """What an address is known by here: composed (NFC), in lower case.

    RFC 5321, 2.4 lets a local part's case matter; mailboxes that differ by it alone do not exist in practice.
    Not case-folded: that would make one of `fußball@` and `fussball@`, which are two people's.
    """
    return unicodedata.normalize("NFC", address).lower()


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


_STANDS = suppression.c.lifted_at.is_(None)
_FINDING = select(suppression).where(suppression.c.address.in_(bindparam("keys", expanding=True)), _STANDS)


def suppress(connection: Connection, stated: Suppression) -> bool:
    """Let an address get no mail; False, and nothing is changed, if that is so already."""
    values = {"reason": stated.reason, "at": stated.at, "lifted_at": None}
    new = upsert(connection, suppression).values(address=key(stated.address), **values)
    anew = new.on_conflict_do_update(index_elements=["address"], set_=values, where=~_STANDS)
    return connection.execute(anew.returning(suppression.c.address)).first() is not None


def lift(connection: Connection, address: str, now: datetime) -> bool:
    """Let an address get mail again, what it refused until now forgotten; False if it was not suppressed."""
    lifted = update(suppression).where(suppression.c.address == key(address), _STANDS).values(lifted_at=now)
    return connection.execute(lifted).rowcount > 0


def all_suppressed(connection: Connection) -> tuple[Suppression, ...]:
    """Every suppressed address, in the order of the alphabet."""
    standing = select(suppression).where(_STANDS).order_by(suppression.c.address)
    return tuple(map(_suppression, connection.execute(standing)))


def permanent_failures(connection: Connection, recipient: str) -> int:
    """How many of this recipient's latest messages, in a row, failed for what is said of the address.

    Messages that still wait, ended without an answer or failed for another reason are passed over; a sent one
    ends the row, and so does a suppression that was lifted. Its readers' messages count however the address
    was written in them.
    """
    same_try = (attempt.c.message_id == delivery.c.message_id) & (attempt.c.number == delivery.c.attempts)
    readers = select(delivery.c.profile).where(delivery.c.recipient == recipient)
    rows = connection.execute(
        select(delivery.c.recipient, delivery.c.state, delivery.c.ended_at, *_SAID)
        .join_from(delivery, attempt, same_try, isouter=True)
        .where(delivery.c.profile.in_(readers))
        .order_by(delivery.c.ended_at.desc(), delivery.c.day.desc())
    )
    lifted_at = _lifted_at(connection, recipient)
    known_as = key(recipient)
    own = (row for row in rows if row.state in (SENT, FAILED) and key(row.recipient) == known_as)
    since = takewhile(lambda row: lifted_at is None or row.ended_at > lifted_at, own)
    return sum(_is_about_address(row) for row in takewhile(lambda row: row.state == FAILED, since))


_SAID = (attempt.c.failure, attempt.c.code, attempt.c.enhanced, attempt.c.reply)


def _is_about_address(row: Row[*tuple[Any, ...]]) -> bool:
    if row.failure is None:
        return False
    return is_about_address(
        Attempt(
            state=DeliveryState.FAILED,
            reply=row.reply,
            failure=Failure(row.failure),
            code=row.code,
            enhanced=row.enhanced,
        )
    )


def _lifted_at(connection: Connection, address: str) -> datetime | None:
    lifted = select(suppression.c.lifted_at).where(suppression.c.address == key(address))
    return connection.execute(lifted).scalar()


def _suppression(row: Row[Any]) -> Suppression:
    return Suppression(address=row.address, reason=row.reason, at=row.at)
