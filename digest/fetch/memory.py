"""What the client remembers from run to run: pages it got, and who asked to be left alone."""

import threading
import zlib
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

MAX_PAGE_BYTES = 5_000_000
"""Of a remembered body, compressed; larger ones are got anew each time."""
MAX_URL = 2_000
"""Characters of an address a page is remembered by; PostgreSQL's index takes up to 2,704 bytes."""
_MOST_BYTES = 20_000_000
LONGEST_QUEUE = timedelta(seconds=30)
"""A turn further off was written by a wrong clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page as it came, decompressed, and by what to ask whether it changed since."""

    body: bytes
    at: datetime
    """When the server gave it, or last said that it is the same."""
    fresh_until: datetime | None = None
    """Until when the server need not be asked; `None` if it always is."""
    etag: str = ""
    last_modified: str = ""
    content_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A host, or a group of hosts, is not to be asked before a moment."""

    until: datetime
    why: str
    """What it said (`429`); empty if this is only our spacing."""


class Memory(Protocol):
    """Has pages by address, and holds by host or group.

    It never fails a fetch: what it cannot write, or cannot find, it does not have.
    """

    def page(self, url: str, max_bytes: int) -> Page | None:
        """What came last; `None` if nothing, or if its body is broken or larger than `max_bytes`."""
        ...

    def remember(self, url: str, page: Page) -> None:
        """Have a page in the place of the last one, unless it or its address is too large."""
        ...

    def renew(self, url: str, at: datetime, fresh_until: datetime | None) -> None:
        """The server said that a remembered page is the same (304)."""
        ...

    def hold(self, name: str) -> Hold | None:
        """The last word on when a host or group may be asked, be it past or to come."""
        ...

    def hold_off(self, name: str, until: datetime, why: str) -> None:
        """Keep that a host or group is not to be asked before a moment.

        Our spacing (an empty `why`) never takes the place of a later moment that the host said.
        """
        ...

    def turn(self, name: str, earliest: datetime, spacing: timedelta) -> datetime:
        """Take the next turn with a group: when it is. Whoever asks afterwards comes `spacing` later."""
        ...


@dataclass(slots=True)
class Forgetful:
    """Remembers as long as the process lives, and no more than 20 MB of pages (compressed)."""

    _pages: dict[str, Page] = field(default_factory=dict, repr=False)
    _holds: dict[str, Hold] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def page(self, url: str, max_bytes: int) -> Page | None:
        """See `Memory`."""
        with self._lock:
            found = self._pages.get(url)
        body = unpacked(found.body, max_bytes) if found else None
        return replace(found, body=body) if found and body is not None else None

    def remember(self, url: str, page: Page) -> None:
        """See `Memory`; the oldest go first."""
        body = packed(page.body)
        if body is None or len(url) > MAX_URL:
            return
        with self._lock:
            self._pages.pop(url, None)
            self._pages[url] = replace(page, body=body)
            while sum(len(one.body) for one in self._pages.values()) > _MOST_BYTES:
                del self._pages[next(iter(self._pages))]

    def renew(self, url: str, at: datetime, fresh_until: datetime | None) -> None:
        """See `Memory`."""
        with self._lock:
            if found := self._pages.get(url):
                self._pages[url] = replace(found, at=at, fresh_until=fresh_until)

    def hold(self, name: str) -> Hold | None:
        """See `Memory`."""
        return self._holds.get(name)

    def hold_off(self, name: str, until: datetime, why: str) -> None:
        """See `Memory`."""
        with self._lock:
            self._hold_off(name, until, why)

    def turn(self, name: str, earliest: datetime, spacing: timedelta) -> datetime:
        """See `Memory`."""
        with self._lock:
            moment = next_turn(self._holds.get(name), earliest, spacing)
            self._hold_off(name, moment + spacing, "")
        return moment

    def _hold_off(self, name: str, until: datetime, why: str) -> None:
        known = self._holds.get(name)
        if why or not known or not known.why or known.until < until:
            self._holds[name] = Hold(until=until, why=why)


def next_turn(known: Hold | None, earliest: datetime, spacing: timedelta) -> datetime:
    """When a group may be asked, by our own spacing; what its hosts said is another matter."""
    if not known or known.why or known.until <= earliest:
        return earliest
    return known.until if known.until - earliest <= LONGEST_QUEUE else earliest + spacing


def later(one: Hold | None, other: Hold | None) -> Hold | None:
    """Of two holds, the one that lasts longer; of two moments alike, what a host said."""
    return max(filter(None, (one, other)), key=lambda hold: (hold.until, hold.why), default=None)


def packed(body: bytes) -> bytes | None:
    """A body as it is remembered; `None` if it is too large for that."""
    data = zlib.compress(body)
    return data if len(data) <= MAX_PAGE_BYTES else None


def unpacked(data: bytes, max_bytes: int) -> bytes | None:
    """A remembered body; `None` if it is broken, or unfolds to more than `max_bytes`."""
    inflate = zlib.decompressobj()
    try:
        body = inflate.decompress(data, max_bytes + 1)
    except zlib.error:
        return None
    return body if inflate.eof and len(body) <= max_bytes else None
