"""A server on this machine, a clock that passes when somebody sleeps, and a client of both."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from digest.fetch.client import Client, Limits
from tests.makers import NOW
from tests.web import RawServer, Server, Talk

HERE = frozenset({"127.0.0.1"})


class Clock:
    """Time that passes when somebody sleeps."""

    def __init__(self) -> None:
        self.at = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.at

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.at)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture
def lasting() -> Iterator[Server]:
    """A server that keeps connections open."""
    running = Server(keeps_alive=True)
    yield running
    running.close()


@pytest.fixture
def proxy(lasting: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A proxy that answers for any host, by whole addresses."""
    monkeypatch.setenv("http_proxy", lasting.url)
    monkeypatch.setenv("no_proxy", "")
    return lasting


@pytest.fixture
def raw() -> Iterator[Callable[..., RawServer]]:
    """Makes servers that say what a test has them say."""
    made: list[RawServer] = []

    def make(*talks: Talk) -> RawServer:
        made.append(RawServer(*talks))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def clients(clock: Clock) -> Iterator[Callable[..., Client]]:
    """Makes clients that may ask this machine, by the test's clock, without jitter."""
    made: list[Client] = []

    def make(**fields: Any) -> Client:
        defaults: dict[str, Any] = {
            "limits": Limits(max_bytes=100_000, timeout_s=5, spacing_s=3),
            "contact": "mailto:ops@example.org",
            "trusted_hosts": HERE,
            "now": clock.now,
            "sleep": clock.sleep,
            "monotonic": clock.monotonic,
            "random": lambda: 0.5,
        }
        made.append(Client(**(defaults | fields)))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def client(clients: Callable[..., Client]) -> Client:
    return clients()
