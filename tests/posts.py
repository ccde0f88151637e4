"""Relays made of answers, and stores with messages for them: what the tests of the engine deliver."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from digest.failures import state_after
from digest.model import Attempt, DeliveryState, Envelope, Failure, Message, Phase
from digest.outbox import Event, Outbox, Rules, Stopping, Tally, deliver
from digest.pace import Limits
from digest.store.database import Database
from digest.store.deliveries import enqueue_many
from digest.store.record import Listed, overview
from digest.transport.protocol import Relay
from tests.fake_time import FakeTime
from tests.makers import NOW, edition, profile
from tests.stores import open_copy

Answer = Attempt | BaseException
BODY_PHASES = (Phase.BODY, Phase.WRITE)


def no(failure: Failure, reply: str, phase: Phase, code: int | None = None, enhanced: str = "") -> Attempt:
    """Any way in which a message does not get through."""
    return Attempt(
        state=state_after(failure), reply=reply, phase=phase, failure=failure, code=code, enhanced=enhanced
    )


def refused(code: int | None = 550, enhanced: str = "5.1.1", phase: Phase = Phase.RCPT) -> Attempt:
    """A no for good that is the recipient's matter."""
    return no(Failure.RECIPIENT, f"{code} {enhanced} no such user", phase, code, enhanced)


def later(code: int | None = 451, enhanced: str = "", phase: Phase = Phase.DATA) -> Attempt:
    """A no that may pass; without a code, no reply at all."""
    return no(Failure.TRANSIENT, f"{code} {enhanced} later", phase, code, enhanced)


def nobody() -> Attempt:
    return no(Failure.TRANSIENT, "connection refused", Phase.CONNECT)


def locked_out() -> Attempt:
    return no(Failure.AUTHENTICATION, "535 5.7.8 bad login", Phase.AUTH, 535, "5.7.8")


def lost() -> Attempt:
    return no(Failure.UNKNOWN, "connection lost", Phase.BODY)


@dataclass
class Post:
    """A relay whose `answer` says how each message ends; `None` is 250."""

    clock: Callable[[], datetime]
    answer: Callable[[Message, int], Answer | None] = lambda _message, _borne: None
    """Of a message, and how many its connection has borne."""
    before_s: float = 0.0
    body_s: float = 0.01
    got: list[str] = field(default_factory=list)
    """Recipients whose message is there, in order."""
    bodies: list[tuple[datetime, datetime]] = field(default_factory=list)
    """When each body was under way."""
    tried: list[tuple[datetime, str]] = field(default_factory=list)
    open: int = 0
    most_open: int = 0
    busy: int = 0
    most_busy: int = 0
    on_body: Callable[[Message], None] = lambda _message: None

    def relay(self, name: str = "post", **limits: Any) -> Relay:
        return Relay(name=name, limits=Limits(**limits), open=lambda: _PostLine(self))


class _PostLine:
    def __init__(self, post: Post) -> None:
        self.post = post
        self.is_open = False
        self.borne = 0

    async def check(self) -> str:
        return "fine"

    async def send(self, message: Message, *, committing: Callable[[], Awaitable[None]]) -> Attempt:
        self.post.busy += 1
        self.post.most_busy = max(self.post.most_busy, self.post.busy)
        try:
            return await self._send(message, committing)
        finally:
            self.post.busy -= 1

    async def _send(self, message: Message, committing: Callable[[], Awaitable[None]]) -> Attempt:
        post = self.post
        if not self.is_open:
            self.is_open, self.borne = True, 0
            post.open += 1
            post.most_open = max(post.most_open, post.open)
        recipient = message.envelope.recipient
        post.tried.append((post.clock(), recipient))
        answer = post.answer(message, self.borne)
        await asyncio.sleep(post.before_s)
        if isinstance(answer, BaseException):
            raise answer
        if answer is not None and answer.phase not in BODY_PHASES:
            if answer.code in (None, 421):
                await self.close()
            self.borne += 1
            return answer
        await committing()
        began = post.clock()
        post.on_body(message)
        await asyncio.sleep(post.body_s)
        post.bodies.append((began, post.clock()))
        self.borne += 1
        if answer is not None:
            return answer
        post.got.append(recipient)
        return Attempt(state=DeliveryState.SENT, reply="250 taken", phase=Phase.BODY, code=250)

    async def close(self) -> None:
        self.post.open -= self.is_open
        self.is_open = False


def mail_to(name: str) -> Message:
    return Message(
        envelope=Envelope(sender="digest@example.org", recipient=f"{name}@example.org"),
        message_id=f"<{name}@example.org>",
        subject=f"For {name}",
        data=b"Subject: x\r\n\r\nx\r\n",
    )


def readers(number: int) -> list[str]:
    return [f"reader{place:03}" for place in range(number)]


def queue(database: Database, names: Sequence[str], now: datetime = NOW) -> None:
    """A message for each reader."""
    made = [
        (edition(profile=profile(name=name, email=f"{name}@example.org"), sections=()), mail_to(name))
        for name in names
    ]
    with database.begin() as connection:
        enqueue_many(connection, made, now)


def states(database: Database) -> dict[str, DeliveryState]:
    with database.read() as connection:
        return {one.profile: one.state for one in overview(connection, most=10_000)}


def listed(database: Database, name: str) -> Listed:
    with database.read() as connection:
        (found,) = overview(connection, profiles=[name])
    return found


@dataclass
class Office:
    """A store with messages, a clock that costs nothing, and a run of the engine."""

    folder: Path
    time: FakeTime = field(default_factory=lambda: FakeTime(NOW))
    told: list[Event] = field(default_factory=list)

    def post(self, answer: Callable[[Message, int], Answer | None] | None = None, **how: Any) -> Post:
        return Post(self.time.clock, answer or (lambda _message, _borne: None), **how)

    @contextmanager
    def database(self) -> Iterator[Database]:
        with open_copy(self.folder / "digest.sqlite3") as database:
            yield database

    def outbox(self, database: Database, owner: str = "one", **how: Any) -> Outbox:
        return Outbox(database=database, clock=self.time.clock, owner=owner, **how)

    def run(
        self, database: Database, *relays: Relay, stopping: Stopping | None = None, **rules: Any
    ) -> Tally:
        """One run of the engine."""
        how = Rules(**({"chance": lambda: 0.5} | rules))
        return self.time.run(deliver(self.outbox(database), relays, how, self.told.append, stopping))

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.told if isinstance(event, kind)]
