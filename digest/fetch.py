"""One polite, bounded HTTP client: asks seldom, waits little, reads no more than it must."""

import ipaddress
import math
import re
import socket
import threading
import time
import urllib.request
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx

from digest import __version__
from digest.errors import FetchError, MissingError, RefusedError

MAX_REDIRECTS = 5
TRIES = 3
TRANSIENT = frozenset({429, 500, 502, 503, 504})
LONGEST_WAIT_S = 30.0
T = TypeVar("T")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a fetch may take at most, and what it keeps to."""

    timeout_s: float = 30.0
    """For a whole request, however slowly its answer drips."""
    max_bytes: int = 20_000_000
    """Of the decompressed body."""
    spacing_s: float = 1.0
    """Between two requests to one host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server said: the status, the headers (by name in any case), the body decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    onward: str | None = None
    """Where a redirect leads; never set in what `ask` returns."""


@dataclass(slots=True, kw_only=True)
class Client:
    """Gets pages. `trusted_hosts` (the operator's own words) may be private addresses, no other may."""

    limits: Limits = Limits()
    contact: str = ""
    trusted_hosts: frozenset[str] = frozenset()
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    _http: httpx.Client = field(init=False, repr=False)
    _last: dict[str, float] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        contact = self.contact.encode("ascii", errors="replace").decode()  # a header holds no other text
        about = f"paperdigest/{__version__}" + (f" (+{contact})" if contact else "")
        headers = {"User-Agent": about, "Accept-Encoding": "gzip"}
        # trust_env stays on: behind a company's proxy there is no other way out.
        # A connection a request, so that each can be cut by itself; a harvest has a handful of them.
        once = httpx.Limits(max_keepalive_connections=0)
        self._http = httpx.Client(headers=headers, timeout=self.limits.timeout_s, limits=once)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, url: str) -> bytes:
        """The body of a page, decompressed. Tries again where the fault may pass.

        Raises FetchError: not reachable, not allowed, refused, too large, too slow.
        """
        return self._persist(lambda: self._follow(url, _Request())).body

    def ask(self, url: str, headers: Mapping[str, str]) -> Answer:
        """A page with the headers of its answer; with status 304 and no body if an `If-` header brings that.

        Redirects are followed within the host only, as `headers` may hold a key. Raises FetchError as `get`
        does; RefusedError where the server will not do this very request.
        """
        return self._persist(lambda: self._follow(url, _Request(headers)))

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, within_s: float = math.inf) -> bytes:
        """The answer to what is posted, decompressed. Tries again where the fault may pass, and time allows.

        `within_s` bounds all tries and waits together. A redirect is refused, as `headers` may hold a key.
        Raises FetchError as `get` does; RefusedError where the server will not do this very request.
        """
        end = self.monotonic() + within_s
        return self._persist(lambda: self._post(url, _Request(headers, body), end), end)

    def _persist(self, ask: Callable[[], T], end: float = math.inf) -> T:
        for tried in range(1, TRIES + 1):
            try:
                return ask()
            except _PassingError as problem:
                wait_s = min(problem.wait_s or 2.0**tried, LONGEST_WAIT_S)
                if tried == TRIES or self.monotonic() + wait_s >= end:
                    raise problem.told from problem
                self.sleep(wait_s)
        raise AssertionError("unreachable: the last try returns or raises")

    def _post(self, url: str, request: "_Request", end: float) -> bytes:
        with _well_formed(url):
            self._check_target(url)
        self._keep_distance(url)
        left_s = min(self.limits.timeout_s, max(end - self.monotonic(), 0.001))
        answer = self._read(url, left_s, request)
        if answer.onward is not None:
            raise FetchError("refused to follow a redirect of what was posted", where=url)
        return answer.body

    def _follow(self, url: str, request: "_Request") -> Answer:
        """Follow redirects by hand, so that every hop is checked."""
        here = url
        for _ in range(MAX_REDIRECTS + 1):
            with _well_formed(here):
                self._check_target(here)
            self._keep_distance(here)
            answer = self._read(here, self.limits.timeout_s, request)
            if answer.onward is None:
                return answer
            with _well_formed(answer.onward):
                _check_onward(here, answer.onward, request)
            here = answer.onward
        raise FetchError(f"more than {MAX_REDIRECTS} redirects", where=url)

    def _check_target(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise FetchError("not an http(s) address", where=url)
        if not self._must_be_public(url):
            return
        for address in _addresses(parts.hostname, url):
            _check_public(address, url)

    def _must_be_public(self, url: str) -> bool:
        """All but hosts that the operator named; behind a proxy of the operator's choice, that decides."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        proxied = {parts.scheme, "all"} & urllib.request.getproxies().keys()
        is_proxied = proxied and not urllib.request.proxy_bypass(host)
        return host not in self.trusted_hosts and not is_proxied

    def _keep_distance(self, url: str) -> None:
        host = urlsplit(url).hostname or ""
        since = self.monotonic() - self._last.get(host, float("-inf"))
        if since < self.limits.spacing_s:
            self.sleep(self.limits.spacing_s - since)
        self._last[host] = self.monotonic()

    def _read(self, url: str, within_s: float, request: "_Request") -> Answer:
        """One request: the answer, or the address it redirects to."""
        late = FetchError(f"the answer took longer than {within_s:.3g} s", where=url)
        with _HangUp(within_s) as line:
            try:
                answer = self._request(url, line, request)
            except _PassingError as problem:
                raise (_PassingError(late) if line.is_cut else problem) from problem.__cause__
        if line.is_cut:  # a body without a length ends where the connection does
            raise _PassingError(late)
        return answer

    def _request(self, url: str, line: "_HangUp", request: "_Request") -> Answer:
        with _told(url), closing(self._answer(url, line, request)) as response:
            self._check_connected(line, url)
            told = Answer(status=response.status_code, headers=response.headers)
            if told.status == 304 and request.is_conditional:
                return told
            if response.is_redirect:
                with _well_formed(url):
                    return replace(told, onward=urljoin(url, response.headers["location"]))
            _check_status(response, url)
            body = bytearray()
            for chunk in _decoded(response, self.limits.max_bytes, url):
                body += chunk
                if len(body) > self.limits.max_bytes:
                    raise FetchError(f"the answer is larger than {self.limits.max_bytes:,} bytes", where=url)
            return replace(told, body=bytes(body))

    def _answer(self, url: str, line: "_HangUp", request: "_Request") -> httpx.Response:
        """The head of the answer, its body still to be read."""
        if not all(value.isascii() and value.isprintable() for value in request.headers.values()):
            raise FetchError("a header of the request holds what none may", where=url)  # unsaid: maybe a key
        method = "GET" if request.body is None else "POST"
        built = self._http.build_request(
            method, url, content=request.body, headers=request.headers, extensions={"trace": line.trace}
        )
        return self._http.send(built, stream=True)

    def _check_connected(self, line: "_HangUp", url: str) -> None:
        """The address really connected to: a name may resolve to another the second time (DNS rebinding)."""
        if not self._must_be_public(url):
            return
        if line.peer is None:
            raise _PassingError(FetchError("hung up before its address could be checked", where=url))
        _check_public(line.peer, url)


@dataclass(frozen=True, slots=True)
class _Request:
    """What a request brings along; the headers are not for anybody's eyes. One with a body is posted."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = None

    @property
    def is_conditional(self) -> bool:
        """Whether "nothing new" (304) is an answer to it."""
        return any(name.lower().startswith("if-") for name in self.headers)


class _PassingError(Exception):
    """A fault that may be gone the next time; `told` is what to say if it is not."""

    def __init__(self, told: FetchError, wait_s: float | None = None) -> None:
        super().__init__(str(told))
        self.told = told
        self.wait_s = wait_s


class _HangUp:
    """Cuts a connection when its time is up: a server that drips keeps each single wait short."""

    def __init__(self, seconds: float) -> None:
        self.is_cut = False
        self.peer: str | None = None
        """The address at the other end."""
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> "_HangUp":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """What httpcore tells while it connects: the socket, which TLS replaces by another."""
        if event.endswith("connect_tcp.complete"):
            # Not later: a server that answers early and hangs up leaves a socket without a peer.
            with suppress(OSError):
                self.peer = str(info["return_value"].get_extra_info("server_addr")[0])
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._socket = info["return_value"].get_extra_info("socket")

    def _cut(self) -> None:
        self.is_cut = True
        if self._socket is not None:
            with suppress(OSError):
                # The plain socket's: that of TLS would first forget its state, under the reader's feet.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def _addresses(host: str, url: str) -> set[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as problem:
        raise _PassingError(FetchError(f"cannot find the host {host}: {problem}", where=url)) from problem
    return {str(entry[4][0]) for entry in found}


def _check_public(address: str, url: str) -> None:
    """Only addresses of the public Internet; `is_private` alone would let 100.64.0.0/10 through."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if not all(one.is_global for one in (found, *_embedded(found))):
        raise FetchError(
            f"refused: the host has the private address {address}",
            where=url,
            fix="If you mean that machine, name it as base_url of a source in config.toml",
        )


def _embedded(found: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Iterator[ipaddress.IPv4Address]:
    """The IPv4 address that an IPv6 one leads to: mapped, by 6to4, or by NAT64 (RFC 6052)."""
    if isinstance(found, ipaddress.IPv6Address):
        yield from filter(None, (found.ipv4_mapped, found.sixtofour))
        if found in _NAT64:
            yield ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)


def _check_onward(here: str, onward: str, request: _Request) -> None:
    """Whether a redirect may be followed: never out of encryption, and with headers only within the host."""
    one, other = urlsplit(here), urlsplit(onward)
    if one.scheme == "https" and other.scheme != "https":
        raise FetchError("refused to follow a redirect from https to http", where=here)
    if request.headers and (one.scheme, one.netloc) != (other.scheme, other.netloc):
        raise FetchError("refused to follow a redirect to another host", where=here)


def _check_status(response: httpx.Response, url: str) -> None:
    if response.status_code == 200:
        return
    told = FetchError(
        f"the server answered {response.status_code} {response.reason_phrase}".rstrip(), where=url
    )
    if response.status_code in (404, 410):
        raise MissingError(told.what, where=url)
    if response.status_code in TRANSIENT:
        raise _PassingError(told, _retry_after(response))
    if response.is_client_error:
        raise RefusedError(told.what, where=url, status=response.status_code)
    raise told


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds to wait, as the server asks: Retry-After (RFC 9110, 10.2.3), else `t=` of RateLimit.

    A date in Retry-After is left to our own pace.
    """
    asked = response.headers.get("retry-after", "")
    reset = re.search(r"\bt=(\d{1,9})\b", response.headers.get("ratelimit", ""))
    if re.fullmatch(r"[0-9]{1,9}", asked):
        return float(asked)
    return float(reset[1]) if reset else None


def _decoded(response: httpx.Response, max_bytes: int, url: str) -> Iterator[bytes]:
    """The body's bytes, never more than about `max_bytes` of them: a bomb is cut while it unfolds."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("identity", ""):
        yield from response.iter_raw()
        return
    if encoding not in ("gzip", "x-gzip"):
        raise FetchError(f"the answer is encoded as {encoding!r}, which was not asked for", where=url)
    inflate = zlib.decompressobj(wbits=31)
    left = max_bytes + 1
    for chunk in response.iter_raw():
        out = inflate.decompress(chunk, left)
        left -= len(out)
        yield out
        if left <= 0:
            return
    if not inflate.eof:
        raise _PassingError(FetchError("the answer broke off", where=url))


@contextmanager
def _well_formed(url: str) -> Iterator[None]:
    """An address that cannot be taken apart (`http://[`) is the page's fault, not ours."""
    try:
        yield
    except ValueError as problem:
        raise FetchError(f"leads to an address that is none ({problem})", where=url) from problem


@contextmanager
def _told(url: str) -> Iterator[None]:
    """httpx's and zlib's errors in our words."""
    try:
        yield
    except httpx.TimeoutException as problem:
        raise _PassingError(FetchError("no answer in time", where=url)) from problem
    except httpx.TransportError as problem:
        raise _PassingError(FetchError(f"cannot be reached: {problem}", where=url)) from problem
    except (zlib.error, httpx.InvalidURL, KeyError) as problem:
        raise FetchError(f"the answer is not well-formed: {problem}", where=url) from problem
