"""Pages that the client got, and hosts that asked to be left alone: remembered from run to run."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import Connection, delete, func, select, update

from digest.errors import StoreError
from digest.fetch.memory import MAX_URL, Forgetful, Hold, Page, later, next_turn, packed, unpacked
from digest.store.database import Database
from digest.store.dialect import upsert
from digest.store.tables import host, page

T = TypeVar("T")
REMEMBERED_FOR = timedelta(days=7)
MOST_BYTES = 100_000_000
"""Of all remembered bodies together, compressed; the oldest go first."""


def holds(connection: Connection) -> Mapping[str, Hold]:
    """The last word on when each host, or group of hosts, may be asked; an empty `why` is our own spacing."""
    rows = connection.execute(select(host).order_by(host.c.name))
    return {row.name: Hold(until=row.not_before, why=row.why) for row in rows}


def remembered_page(connection: Connection, url: str, max_bytes: int) -> Page | None:
    """What is remembered of an address; `None` if nothing, or nothing that can be used."""
    row = connection.execute(select(page).where(page.c.url == url)).one_or_none()
    body = unpacked(row.body, max_bytes) if row else None
    if row is None or body is None:
        return None
    return Page(
        body=body,
        at=row.at,
        fresh_until=row.fresh_until,
        etag=row.etag,
        last_modified=row.last_modified,
        content_type=row.content_type,
    )


def remember_page(
    connection: Connection, url: str, got: Page, body: bytes, *, most_bytes: int = MOST_BYTES
) -> None:
    """Remember a page, its body packed, in the place of the last one; what is old or too much goes."""
    values = {
        "at": got.at,
        "fresh_until": got.fresh_until,
        "etag": got.etag,
        "last_modified": got.last_modified,
        "content_type": got.content_type,
        "body": body,
    }
    new = upsert(connection, page).values(url=url, **values)
    connection.execute(new.on_conflict_do_update(index_elements=["url"], set_=values))
    connection.execute(delete(page).where(page.c.at < got.at - REMEMBERED_FOR))
    newer_first = func.sum(func.length(page.c.body)).over(order_by=(page.c.at.desc(), page.c.url))
    sized = select(page.c.url, newer_first.label("bytes")).subquery()
    too_much = select(sized.c.url).where(sized.c.bytes > most_bytes)
    connection.execute(delete(page).where(page.c.url.in_(too_much)))


def remembered_hold(connection: Connection, name: str) -> Hold | None:
    """The last word on when a host or group may be asked."""
    row = connection.execute(select(host).where(host.c.name == name)).one_or_none()
    return Hold(until=row.not_before, why=row.why) if row else None


def renew_page(connection: Connection, url: str, at: datetime, fresh_until: datetime | None) -> None:
    """A remembered page is still the same."""
    connection.execute(update(page).where(page.c.url == url).values(at=at, fresh_until=fresh_until))


def hold_host(connection: Connection, name: str, until: datetime, why: str) -> None:
    """Keep when a host or group may be asked again; what is long over goes.

    Our own spacing (an empty `why`) never takes the place of a later moment that the host said.
    """
    values = {"not_before": until, "why": why}
    new = upsert(connection, host).values(name=name, **values)
    is_last_word = None if why else (host.c.not_before < until) | (host.c.why == "")
    connection.execute(new.on_conflict_do_update(index_elements=["name"], set_=values, where=is_last_word))
    connection.execute(delete(host).where(host.c.not_before < until - REMEMBERED_FOR))


def take_turn(connection: Connection, name: str, earliest: datetime, spacing: timedelta) -> datetime:
    """Have the next turn with a group; of several processes one after the other has it."""
    first = upsert(connection, host).values(name=name, not_before=earliest, why="")
    connection.execute(first.on_conflict_do_nothing())
    row = connection.execute(select(host).where(host.c.name == name).with_for_update()).one()
    moment = next_turn(Hold(until=row.not_before, why=row.why), earliest, spacing)
    hold_host(connection, name, moment + spacing, "")
    return moment


@dataclass(slots=True)
class StoredMemory:
    """The client's memory in the store.

    A store that cannot be used (locked, full, opened for reading) stops no fetch: `warn` is told once, and
    from then on what is new is remembered as long as the process lives. What was known before stays known,
    as long as the store can be read.
    """

    database: Database
    warn: Callable[[str], object]
    _meanwhile: Forgetful = field(init=False, repr=False, default_factory=Forgetful)
    _is_readable: bool = field(init=False, repr=False, default=True)
    _is_writable: bool = field(init=False, repr=False, default=True)
    _lock: threading.Lock = field(init=False, repr=False, default_factory=threading.Lock)

    def page(self, url: str, max_bytes: int) -> Page | None:
        """See `Memory`."""
        newer = self._meanwhile.page(url, max_bytes)
        return newer or self._read(lambda connection: remembered_page(connection, url, max_bytes))

    def remember(self, url: str, page: Page) -> None:
        """See `Memory`."""
        body = packed(page.body)
        if body is None or len(url) > MAX_URL:
            return
        self._write(
            lambda connection: remember_page(connection, url, page, body),
            lambda: self._meanwhile.remember(url, page),
        )

    def renew(self, url: str, at: datetime, fresh_until: datetime | None) -> None:
        """See `Memory`."""
        self._write(
            lambda connection: renew_page(connection, url, at, fresh_until),
            lambda: self._meanwhile.renew(url, at, fresh_until),
        )

    def hold(self, name: str) -> Hold | None:
        """See `Memory`."""
        meanwhile = self._meanwhile.hold(name)
        return later(meanwhile, self._read(lambda connection: remembered_hold(connection, name)))

    def hold_off(self, name: str, until: datetime, why: str) -> None:
        """See `Memory`."""
        self._write(
            lambda connection: hold_host(connection, name, until, why),
            lambda: self._meanwhile.hold_off(name, until, why),
        )

    def turn(self, name: str, earliest: datetime, spacing: timedelta) -> datetime:
        """See `Memory`."""

        def meanwhile() -> datetime:
            moment = next_turn(self.hold(name), earliest, spacing)
            return self._meanwhile.turn(name, moment, spacing)

        return self._write(lambda connection: take_turn(connection, name, earliest, spacing), meanwhile)

    def _read(self, ask: Callable[[Connection], T]) -> T | None:
        if not self._is_readable:
            return None
        try:
            with self.database.read() as connection:
                return ask(connection)
        except StoreError as problem:
            self._is_readable = False
            self._stop_writing(problem)
            return None

    def _write(self, change: Callable[[Connection], T], instead: Callable[[], T]) -> T:
        if self._is_writable:
            try:
                with self.database.begin() as connection:
                    return change(connection)
            except StoreError as problem:
                self._stop_writing(problem)
        return instead()

    def _stop_writing(self, problem: StoreError) -> None:
        with self._lock:
            is_first, self._is_writable = self._is_writable, False
        if is_first:
            self.warn(f"what is fetched is not remembered for the next run: {problem}")
