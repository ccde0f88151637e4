"""Where a request goes, taken apart once, and by the same reading that connects: no two may differ."""

from dataclasses import dataclass
from urllib.parse import urljoin

import httpx

from digest.errors import FetchError
from digest.fetch.manners import normal
from digest.text import clean

MAX_URL = 8_000
_WEB_PORTS = (80, 443)
_FIRST_FREE_PORT = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An http(s) address with a host."""

    url: httpx.URL
    where: str
    """As it was written, for people."""
    is_trusted: bool
    """Whether it may be a private address: the operator named its host, and no other led there."""

    @property
    def host(self) -> str:
        """In one form; an international name as ASCII, an IPv6 address without brackets."""
        return normal(self.url.raw_host.decode("ascii"))

    @property
    def origin(self) -> tuple[str, str, int | None]:
        """What one connection is to."""
        return (self.url.scheme, self.url.raw_host.decode("ascii"), self.url.port)


def target_of(written: str, *, trusted: frozenset[str]) -> Target:
    """Of an address that we were given. Raises FetchError if it is none that may be asked."""
    return _target(written, shown=written, trusted=trusted)


def onward(here: Target, location: str, *, trusted: frozenset[str], has_headers: bool) -> Target:
    """Where a redirect leads. Raises FetchError if it may not be followed.

    Never out of encryption, with headers only within the host, and from a host of the public Internet to no
    other kind, even if the operator trusts that one: it is not this page's to ask.
    """
    try:
        written = urljoin(str(here.url), location)
    except ValueError as problem:
        raise _no_address(here.where, problem) from problem
    there = _target(written, shown=here.where, trusted=trusted if here.is_trusted else frozenset())
    if here.url.scheme == "https" and there.url.scheme != "https":
        raise FetchError("refused to follow a redirect from https to http", where=here.where)
    if has_headers and here.origin != there.origin:
        raise FetchError("refused to follow a redirect to another host", where=here.where)
    port = there.url.port
    if not there.is_trusted and port is not None and port < _FIRST_FREE_PORT and port not in _WEB_PORTS:
        raise FetchError(f"refused to follow a redirect to port {port}", where=here.where)
    return there


def _target(written: str, *, shown: str, trusted: frozenset[str]) -> Target:
    if len(written) > MAX_URL:
        raise FetchError(f"leads to an address of {len(written):,} characters", where=clean(shown, 200))
    try:
        url = httpx.URL(written)
        host = normal(url.raw_host.decode("ascii"))
    except (httpx.InvalidURL, ValueError) as problem:
        raise _no_address(shown, problem) from problem
    if url.userinfo:
        # Not shown: it may be a password. And `http://good.example@evil.example` misleads people.
        bare = clean(str(url.copy_with(userinfo=b"")), 500)
        raise FetchError("an address must not hold the name or password of somebody", where=bare)
    if url.scheme not in ("http", "https") or not host:
        raise FetchError("not an http(s) address", where=clean(written, 500))
    return Target(url=url, where=clean(written, 500), is_trusted=host in trusted)


def _no_address(shown: str, problem: Exception) -> FetchError:
    return FetchError(f"leads to an address that is none ({clean(str(problem), 200)})", where=shown)
