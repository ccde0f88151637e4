"""A line to a group of hosts: one connection, one request at a time, cut when its time is up."""

import socket
import threading
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from digest.errors import FetchError
from digest.fetch.addresses import check_public
from digest.fetch.manners import Manner, normal
from digest.fetch.passing import PassingError
from digest.fetch.target import Target

Origin = tuple[str, str, int | None]


@dataclass(slots=True, kw_only=True)
class Line:
    """Whoever asks holds `lock` until the answer is read, so that nobody else asks meanwhile."""

    manner: Manner
    http: httpx.Client = field(repr=False)
    not_before: float = float("-inf")
    """The moment, by the monotonic clock, before which nothing is asked."""
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    sockets: dict[Origin, socket.socket] = field(default_factory=dict, repr=False)
    """Of the last connection to each origin, for cutting one that is used again."""

    def rest_until(self, moment: float) -> None:
        """Ask nothing before a moment by the monotonic clock."""
        self.not_before = max(self.not_before, moment)


def is_proxied(target: Target) -> bool:
    """Whether the operator's environment names a proxy for it."""
    proxied = {target.url.scheme, "all"} & urllib.request.getproxies().keys()
    return bool(proxied) and not urllib.request.proxy_bypass(target.host)


class Exchange:
    """One request and its answer on a line: watches who is at the other end, and hangs up after `seconds`.

    A server that drips keeps each single wait short, so that only a clock of our own can bound the whole.
    """

    def __init__(self, line: Line, target: Target, seconds: float) -> None:
        self._may_be_proxied = is_proxied(target)
        self.is_cut = False
        self.is_new = False
        """Whether it had to connect; else it went over a kept connection."""
        self.is_answered = False
        """Whether the head of an answer came."""
        self._line = line
        self._target = target
        self._host = ""
        self._seconds = seconds
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    @property
    def late(self) -> FetchError:
        """What to say if it was cut."""
        return FetchError(f"the answer took longer than {self._seconds:.3g} s", where=self._target.where)

    def __enter__(self) -> "Exchange":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Is told by httpcore how the request gets on; what it raises ends it."""
        if event.endswith("connect_tcp.started"):
            self.is_new = True
            self._host = str(info["host"])
        if event.endswith("connect_tcp.complete"):
            self._connected(info["return_value"])
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            # TLS replaces the socket by another.
            self._line.sockets[self._target.origin] = info["return_value"].get_extra_info("socket")
        if event.endswith("receive_response_headers.complete"):
            self.is_answered = True

    def _connected(self, stream: Any) -> None:
        """Nothing was said yet, not even TLS's first word: so a name that was public when it was looked up,
        and private when it was connected to, gets nothing (DNS rebinding).
        """
        try:
            self._check_peer(stream)
            if self.is_cut:
                raise PassingError(self.late)
        except (FetchError, PassingError):
            stream.close()
            raise

    def _check_peer(self, stream: Any) -> None:
        is_proxy = self._may_be_proxied and normal(self._host) != self._target.host
        if self._target.is_trusted or is_proxy:
            return
        try:
            peer = str(stream.get_extra_info("server_addr")[0])
        except OSError as problem:
            what = "hung up before its address could be checked"
            raise PassingError(FetchError(what, where=self._target.where)) from problem
        check_public(peer, self._target.where)

    def _cut(self) -> None:
        self.is_cut = True
        if used := self._line.sockets.get(self._target.origin):
            with suppress(OSError):
                # The plain socket's: that of TLS would first forget its state, under the reader's feet.
                socket.socket.shutdown(used, socket.SHUT_RDWR)
