"""One polite, bounded HTTP client: asks seldom, waits little, reads no more than it must."""

import math
import random
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TypeVar

import httpx

from digest import __version__
from digest.errors import BusyError, FetchError, FormError, MissingError, RefusedError
from digest.fetch.addresses import Resolve, check_public, literal, resolved
from digest.fetch.bodies import read_body
from digest.fetch.forms import check_form
from digest.fetch.freshness import condition, fresh_until, is_good, page_of
from digest.fetch.line import Exchange, Line, is_proxied
from digest.fetch.manners import manner_of, normal
from digest.fetch.memory import Forgetful, Hold, Memory, Page
from digest.fetch.passing import BusyHostError, PassingError
from digest.fetch.surroundings import usable_settings
from digest.fetch.target import Target, onward, target_of
from digest.fetch.waits import A_DAY_S, asked_wait_s, moment_in_words, spent_wait_s
from digest.fetch.web import NO_HEADERS, Form
from digest.text import clean

MAX_REDIRECTS = 5
TRIES = 3
TRANSIENT = frozenset({500, 502, 503, 504})
TOO_MANY = 429
LONGEST_WAIT_S = 30.0
"""A longer wait is not slept: the next run will ask."""
KEEP_ALIVE_S = 30.0
RATE_LIMIT = "RateLimit"
RATE_EXCEEDED = b"Rate exceeded."
"""The whole body with which arXiv refuses, at times with status 200."""
_BUSY_FIX = "The first run after that asks again"
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a fetch may take at most, and what it keeps to."""

    timeout_s: float = 30.0
    """For a whole request, however slowly its answer drips."""
    connect_s: float = 10.0
    """Of that, for connecting: to all addresses of a host together."""
    max_bytes: int = 20_000_000
    """Of the decompressed body."""
    spacing_s: float = 1.0
    """Between two requests to one host; some hosts want more, and get it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server said: the status, the headers (by name in any case), the body decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    onward: str | None = None
    """Where a redirect leads; never set in what `ask` returns."""


def machine_now() -> datetime:
    """By this machine's clock."""
    return datetime.now(UTC)


@dataclass(slots=True, kw_only=True)
class Client:
    """Gets pages (see `digest.fetch.web.Web`), from several threads at once if need be.

    `trusted_hosts` (the operator's own words) may be private addresses, no other may. Never to be used within
    a transaction that writes to the store of its `memory`: that would wait for itself.
    """

    limits: Limits = Limits()
    contact: str = ""
    trusted_hosts: frozenset[str] = frozenset()
    memory: Memory = field(default_factory=Forgetful)
    now: Callable[[], datetime] = machine_now
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    random: Callable[[], float] = random.random
    """0 to 1, so that not all who failed together come again together."""
    resolve: Resolve = resolved
    _lines: dict[tuple[str, bool], Line] = field(init=False, repr=False, default_factory=dict)
    _lock: threading.Lock = field(init=False, repr=False, default_factory=threading.Lock)
    _is_closed: bool = field(init=False, repr=False, default=False)
    _tls: ssl.SSLContext | None = field(init=False, repr=False, default=None)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; what other threads still ask for is refused."""
        with self._lock:
            self._is_closed = True
            for line in self._lines.values():
                line.http.close()
            self._lines.clear()

    # ------------------------------------------------------------ what can be asked

    def get(
        self,
        url: str,
        *,
        form: Form = Form.ANY,
        headers: Mapping[str, str] = NO_HEADERS,
        good_for_s: float = 0,
    ) -> bytes:
        """The body of a page, decompressed; one of at most `good_for_s` ago will do.

        It is remembered, and sent again only if it changed; not so what `headers` (a key?) brought.
        Raises FetchError: not reachable, not allowed, refused, too large, too slow, empty.
        FormError: of another form than asked for. BusyError: the host asks for fewer requests. MissingError,
        RefusedError: it will not do this one.
        """
        request = _Request(headers=headers, form=form, good_for_s=good_for_s, is_remembered=not headers)
        return self._persist(lambda: self._follow(url, request)).body

    def ask(self, url: str, headers: Mapping[str, str]) -> Answer:
        """A page with the headers of its answer; with status 304 and no body if an `If-` header brings that.

        Redirects are followed within the host only if there are `headers`, as one may hold a key. The body
        may be empty. Raises as `get` does.
        """
        return self._persist(lambda: self._follow(url, _Request(headers=headers, may_be_empty=True)))

    def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str] = NO_HEADERS,
        *,
        form: Form = Form.ANY,
        within_s: float = math.inf,
    ) -> bytes:
        """The answer to what is posted, decompressed. Tries again where the fault may pass, and time allows.

        `within_s` bounds all tries and waits together. A redirect is refused, as `headers` may hold a key.
        Raises as `get` does.
        """
        end = self.monotonic() + within_s
        may_be_empty = form is Form.ANY
        request = _Request(headers=headers, body=body, form=form, may_be_empty=may_be_empty, end=end)
        return self._persist(lambda: self._post(url, request), end)

    # ------------------------------------------------------------ trying again

    def _persist(self, ask: Callable[[], T], end: float = math.inf) -> T:
        for tried in range(1, TRIES + 1):
            try:
                return ask()
            except PassingError as problem:
                jitter_s = min(self.random() * 2 * 2.0**tried, LONGEST_WAIT_S)
                wait_s = problem.asked_s or jitter_s
                is_too_late = self.monotonic() + wait_s >= end
                if tried == TRIES or wait_s > LONGEST_WAIT_S or is_too_late:
                    raise self._given_up(problem) from problem
                if not problem.asked_s:  # else its line rests for so long
                    self.sleep(jitter_s)
        raise AssertionError("unreachable: the last try returns or raises")

    def _given_up(self, problem: PassingError) -> FetchError:
        """What to say; what the host asked for is kept to by the next runs, too."""
        told, is_busy = problem.told, isinstance(problem, BusyHostError)
        after_429_s = manner_of(problem.host, self.limits.spacing_s).after_429_s
        wait_s = problem.asked_s or (after_429_s if is_busy else 0.0)
        if not wait_s:
            return BusyError(told.what, where=told.where, fix=told.fix) if is_busy else told
        now = self.now()
        until = now + timedelta(seconds=wait_s)
        self.memory.hold_off(problem.host, until, problem.why)
        wish = "it asks us to wait" if problem.asked_s else "it is left alone"
        what = f"{told.what}; {wish} until {moment_in_words(until, now)}"
        return BusyError(what, where=told.where, fix=_BUSY_FIX, until=until)

    # ------------------------------------------------------------ one try

    def _post(self, url: str, request: "_Request") -> bytes:
        answer = self._answer(target_of(url, trusted=self._trusted), request)
        if answer.onward is not None:
            raise FetchError("refused to follow a redirect of what was posted", where=url)
        return answer.body

    def _follow(self, url: str, request: "_Request") -> Answer:
        """Follow redirects by hand, so that every hop is checked."""
        here = target_of(url, trusted=self._trusted)
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._answer(here, request)
            if answer.onward is None:
                return answer
            trusted = self._trusted
            here = onward(here, answer.onward, trusted=trusted, has_headers=bool(request.headers))
        raise FetchError(f"more than {MAX_REDIRECTS} redirects", where=url)

    @property
    def _trusted(self) -> frozenset[str]:
        return frozenset(map(normal, self.trusted_hosts))

    def _answer(self, target: Target, request: "_Request") -> Answer:
        """A remembered page if it will do, else what the server says now."""
        known = self._remembered(target, request)
        if known and is_good(known, self.now(), good_for_s=request.good_for_s):
            return Answer(status=200, headers={}, body=known.body)
        addresses = self._check_target(target)
        line = self._line(target)
        with line.lock:
            self._take_turn(line, target)
            asked = replace(request, known=known, connect_s=self.limits.connect_s / max(addresses, 1))
            try:
                answer = self._exchange(line, target, asked)
            except _StaleLineError:
                answer = self._exchange(line, target, asked)
        return self._checked(target, asked, answer)

    def _remembered(self, target: Target, request: "_Request") -> Page | None:
        if not request.is_remembered:
            return None
        page = self.memory.page(str(target.url), self.limits.max_bytes)
        try:
            if page:
                check_form(request.form, page.content_type, page.body, target.where)
        except FormError:
            return None  # got when another form was wanted, or any
        return page

    def _check_target(self, target: Target) -> int:
        """How many addresses the host has (1 if nobody is to know). Raises FetchError for a private one.

        Behind a proxy of the operator's choice, that looks names up, and decides.
        """
        if target.is_trusted:
            return 1
        try:
            addresses = literal(target.host) if is_proxied(target) else self.resolve(target.host)
        except (OSError, UnicodeError) as problem:
            what = f"cannot find the host {target.host}: {problem}"
            raise PassingError(FetchError(what, where=target.where)) from problem
        for address in addresses:
            check_public(address, target.where)
        return len(addresses)

    def _line(self, target: Target) -> Line:
        """The line to a host's group; what is trusted goes over lines of its own, whoever it is."""
        manner = manner_of(target.host, self.limits.spacing_s)
        key = (manner.group, target.is_trusted)
        with self._lock:
            line = self._lines.get(key)
        if line is None:  # made without the lock, as that takes a while
            line = Line(manner=manner, http=self._new_http(target.where))
        with self._lock:
            kept = self._lines.setdefault(key, line)
            if kept is not line or self._is_closed:
                line.http.close()
        return kept

    def _new_http(self, where: str) -> httpx.Client:
        with usable_settings(where):
            self._tls = self._tls or httpx.create_ssl_context()
            return self._connected_by(self._tls)

    def _connected_by(self, tls: ssl.SSLContext) -> httpx.Client:
        contact = self.contact.encode("ascii", errors="replace").decode()  # a header holds no other text
        about = f"paperdigest/{__version__}" + (f" (+{contact})" if contact else "")
        # trust_env stays on: behind a company's proxy there is no other way out.
        return httpx.Client(
            headers={"User-Agent": about, "Accept-Encoding": "gzip"},
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=())),  # none is kept, none is sent
            limits=httpx.Limits(
                max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEP_ALIVE_S
            ),
            verify=tls,
        )

    def _take_turn(self, line: Line, target: Target) -> None:
        """Wait until the host may be asked. Raises BusyError, without any request, if that takes long."""
        now = self.now()
        hold = self.memory.hold(target.host)
        left_s = (hold.until - now).total_seconds() if hold and hold.why else 0.0
        if hold and LONGEST_WAIT_S < left_s <= A_DAY_S:
            raise BusyError(_held(hold, now), where=target.where, fix=_BUSY_FIX, until=hold.until)
        if 0 < left_s <= LONGEST_WAIT_S:
            self._rest(line, left_s)
        self._queue(line)
        wait_s = line.not_before - self.monotonic()
        if wait_s > 0:
            self.sleep(wait_s)
        if self._is_closed:
            raise FetchError("not asked any more: this run is over", where=target.where)
        line.not_before = self.monotonic() + line.manner.spacing_s

    def _queue(self, line: Line) -> None:
        """Let the line rest until its turn among all processes that keep to the same memory."""
        spacing_s = line.manner.spacing_s
        if not spacing_s:
            return
        begun = self.monotonic()
        earliest = self.now() + timedelta(seconds=max(line.not_before - begun, 0.0))
        turn = self.memory.turn(line.manner.group, earliest, timedelta(seconds=spacing_s))
        if turn > earliest:
            line.rest_until(max(line.not_before, begun) + (turn - earliest).total_seconds())

    # ------------------------------------------------------------ one request

    def _exchange(self, line: Line, target: Target, request: "_Request") -> Answer:
        """One request: the answer, or the address it redirects to."""
        within_s = min(self.limits.timeout_s, max(request.end - self.monotonic(), 0.001))
        with Exchange(line, target, within_s) as exchange:
            try:
                answer = self._request(line, target, request, exchange, within_s)
            except PassingError as problem:
                if exchange.is_cut:
                    raise PassingError(exchange.late) from problem.__cause__
                if _went_stale(exchange, request, problem):
                    raise _StaleLineError from problem
                raise
        if exchange.is_cut:  # a body without a length ends where the connection does
            raise PassingError(exchange.late)
        return answer

    def _request(
        self, line: Line, target: Target, request: "_Request", exchange: Exchange, within_s: float
    ) -> Answer:
        sent = self._send(line, target, request, exchange, within_s)
        with _told(target.where), closing(sent) as response:
            self._heed(target, response)
            told = Answer(status=response.status_code, headers=response.headers)
            if told.status == 304 and (request.known or request.is_conditional):
                return told
            if response.has_redirect_location:
                return replace(told, onward=response.headers["location"])
            self._check_status(line, target, response)
            body = read_body(response, self.limits.max_bytes, target.where)
        return replace(told, body=body)

    def _send(
        self, line: Line, target: Target, request: "_Request", exchange: Exchange, within_s: float
    ) -> httpx.Response:
        """The head of the answer, its body still to be read."""
        headers = dict(request.headers) | (condition(request.known) if request.known else {})
        if not all(value.isascii() and value.isprintable() for value in headers.values()):
            raise FetchError("a header of the request holds what none may", where=target.where)  # maybe a key
        with _told(target.where):
            built = line.http.build_request(
                "GET" if request.body is None else "POST",
                target.url,
                content=request.body,
                headers=headers,
                timeout=httpx.Timeout(within_s, connect=min(request.connect_s, within_s)),
                extensions={"trace": exchange.trace},
            )
            return line.http.send(built, stream=True)

    def _heed(self, target: Target, response: httpx.Response) -> None:
        """A server that has no requests left for us gets none until it has."""
        if spent_s := spent_wait_s(response.headers):
            self.memory.hold_off(target.host, self.now() + timedelta(seconds=spent_s), RATE_LIMIT)

    def _rest(self, line: Line, seconds: float) -> None:
        """Nobody asks on this line meanwhile; of a longer wait the memory knows."""
        line.rest_until(self.monotonic() + min(seconds, LONGEST_WAIT_S))

    def _check_status(self, line: Line, target: Target, response: httpx.Response) -> None:
        status = response.status_code
        if status == 200:
            return
        said = f"{status} {clean(response.reason_phrase, 100)}".rstrip()
        told = FetchError(f"the server answered {said}", where=target.where)
        if status in (404, 410):
            raise MissingError(told.what, where=told.where, fix="See whether the address is still right")
        if status == TOO_MANY or status in TRANSIENT:
            asked_s = asked_wait_s(response.headers, self.now())
            self._rest(line, asked_s or 0.0)
            kind = BusyHostError if status == TOO_MANY else PassingError
            raise kind(told, host=target.host, why=str(status), asked_s=asked_s)
        if response.is_client_error:
            raise RefusedError(told.what, where=told.where, status=status)
        raise told

    # ------------------------------------------------------------ what came

    def _checked(self, target: Target, request: "_Request", told: Answer) -> Answer:
        """A whole answer, once it is what was asked for; remembered for the next time if it may be."""
        if told.onward is not None:
            return told
        if told.status == 304:
            return self._unchanged(target, request.known, told) if request.known else told
        self._check_body(target, request, told)
        if request.is_remembered and _has_end(told.headers):
            page = page_of(told.headers, told.body, self.now(), good_for_s=request.good_for_s)
            if page:
                self.memory.remember(str(target.url), page)
        return told

    def _unchanged(self, target: Target, known: Page, told: Answer) -> Answer:
        """The remembered page, which is as good as one that came now (RFC 9111, 4.3.4)."""
        now = self.now()
        self.memory.renew(str(target.url), now, fresh_until(told.headers, now))
        return replace(told, status=200, body=known.body)

    def _check_body(self, target: Target, request: "_Request", told: Answer) -> None:
        begun = told.body[: len(RATE_EXCEEDED) + 100].strip()
        if begun == RATE_EXCEEDED:
            what = f"the server answered {RATE_EXCEEDED.decode()!r}"
            raise BusyHostError(FetchError(what, where=target.where), host=target.host, why="429")
        if not begun and not told.body.strip() and not request.may_be_empty:
            raise PassingError(FetchError("answered nothing (an empty body)", where=target.where))
        check_form(request.form, told.headers.get("content-type", ""), told.body, target.where)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What a request brings along; the headers are not for anybody's eyes. One with a body is posted."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    form: Form = Form.ANY
    good_for_s: float = 0.0
    is_remembered: bool = False
    """Whether its answer may be remembered, and a remembered one be given in its place."""
    may_be_empty: bool = False
    known: Page | None = field(default=None, repr=False)
    connect_s: float = 10.0
    """For each address of the host."""
    end: float = math.inf
    """The moment, by the monotonic clock, when it is of no use any more."""

    @property
    def is_conditional(self) -> bool:
        """Whether "nothing new" (304), without a body, is an answer to it."""
        return self.may_be_empty and any(name.lower().startswith("if-") for name in self.headers)


class _StaleLineError(Exception):
    """The server had closed the kept connection: nothing was answered, and nothing went wrong."""


def _held(hold: Hold, now: datetime) -> str:
    until = moment_in_words(hold.until, now)
    if hold.why == RATE_LIMIT:
        return f"has no requests left for us until {until}"
    return f"answered {hold.why} before, and is left alone until {until}"


def _went_stale(exchange: Exchange, request: _Request, problem: PassingError) -> bool:
    """Whether a kept connection was closed under our hands; what is posted might have been done already."""
    is_closed = isinstance(problem.__cause__, httpx.RemoteProtocolError | httpx.ReadError | httpx.WriteError)
    return request.body is None and is_closed and not exchange.is_new and not exchange.is_answered


def _has_end(headers: Mapping[str, str]) -> bool:
    """Whether an answer that broke off would have been noticed (RFC 9112, 8); gzip has an end of its own."""
    return bool({"content-length", "transfer-encoding", "content-encoding"} & headers.keys())


@contextmanager
def _told(where: str) -> Iterator[None]:
    """httpx's and zlib's errors in our words."""
    try:
        yield
    except httpx.TimeoutException as problem:
        raise PassingError(FetchError("no answer in time", where=where)) from problem
    except httpx.TransportError as problem:
        is_begun = isinstance(problem, httpx.RemoteProtocolError | httpx.ReadError | httpx.WriteError)
        how = "gave no whole answer" if is_begun else "cannot be reached"
        # What h11 says of an answer that is none quotes it.
        what = f"{how}: {clean(str(problem) or type(problem).__name__, 200).rstrip('.')}"
        fix = "" if is_begun else "See whether its site works, and this machine's network"
        raise PassingError(FetchError(what, where=where, fix=fix)) from problem
    except (zlib.error, httpx.InvalidURL) as problem:
        what = f"the answer is not well-formed: {clean(str(problem), 200)}"
        raise FetchError(what, where=where) from problem
