"""A relay in a run: its connections, what waits for it, and what an attempt there says of whom."""

import asyncio
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from digest.failures import is_about_address, slows
from digest.model import Attempt, Delivery, DeliveryState, Failure, Phase
from digest.pace import Allowance, Limits, Met, Pace, allowance
from digest.store import relays as record
from digest.transport.protocol import Relay, Transport

if TYPE_CHECKING:
    from sqlalchemy import Connection

SOME = 6
"""Messages claimed ahead besides two a connection, so that one connection does not claim one by one."""


@dataclass(eq=False, slots=True)
class Line:
    """A connection, and how many messages it bore since it was opened."""

    transport: Transport
    borne: int = 0


@dataclass(eq=False, slots=True)
class Body:
    """Whether the body of a message may be out."""

    is_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a relay's limits leave."""

    left: Allowance
    opens_at: datetime | None = None
    """Where they leave nothing: when to ask again."""


@dataclass(eq=False, slots=True)
class Lane:
    """A relay in this run."""

    relay: Relay
    pace: Pace
    waiting: deque[Delivery] = field(default_factory=deque)
    """Claimed for it, not begun."""
    working: set["asyncio.Task[None]"] = field(default_factory=set)
    idle: list[Line] = field(default_factory=list)
    trouble: Attempt | None = None
    """What it was last paused or stopped for."""
    is_stopped: bool = False
    is_known_well: bool = False
    """Whether it is on record that nothing is wrong with it."""
    room: Room = field(default_factory=lambda: Room(left=Allowance(now=1)))
    """What its limits left when last asked."""
    is_proven: bool = False
    """Whether a login went well in this run: until then one connection tries, alone."""
    faults: int = 0
    """Of ours, in a row."""
    refusals: int = 0
    """Messages that it refused for good."""
    last_refusal: Attempt | None = None

    @property
    def name(self) -> str:
        """The relay's."""
        return self.relay.name

    def may_start(self, now: datetime) -> bool:
        """Whether what is claimed for it may go out now."""
        return not self.is_stopped and not self.pace.is_paused(now)

    def is_able(self, now: datetime) -> bool:
        """Whether to claim for it: neither stopped, nor paused, nor at a limit that lasts."""
        return self.may_start(now) and (not self._is_full(now) or self.room.left.is_brief)

    def able_at(self, now: datetime) -> datetime | None:
        """When it may be able; `None`: not in this run."""
        times = (self.pace.paused_until, self.room.opens_at)
        return None if self.is_stopped else max([now, *(at for at in times if at is not None)])

    def _is_full(self, now: datetime) -> bool:
        return self.room.opens_at is not None and now < self.room.opens_at

    @property
    def width(self) -> int:
        """How many connections may be used now."""
        return self.pace.width if self.is_proven else 1

    @property
    def wants(self) -> int:
        """How many more messages to claim: a few for each connection, as more could not go soon."""
        few = 1 if self.pace.is_probing else 2 * self.pace.width + SOME
        lack = few - len(self.waiting)
        return lack if lack >= few / 2 else 0

    @property
    def may_refuse_us(self) -> bool:
        """Whether what it refused, if it took nothing, may be our matter: all but one bad address."""
        last = self.last_refusal
        return last is not None and (self.refusals > 1 or not is_about_address(last))

    def why_not(self, now: datetime) -> str:
        """What keeps it from sending, in words."""
        said = f": {self.trouble.reply}" if self.trouble else ""
        if self.is_stopped:
            return f"{self.name} needs a person{said}"
        if self._is_full(now) and not self.pace.is_paused(now):
            return f"{self.room.left.full[0]} of {self.name} is used up"
        return f"{self.name} is given a pause{f' after{said}' if said else ''}"


# ---------------------------------------------------------------- its limits


def room(connection: "Connection", relay: Relay, now: datetime, most: int) -> Room:
    """How many messages the relay's limits leave room for; nobody else takes of it in this transaction."""
    if relay.limits.is_endless:
        return Room(left=Allowance(now=most))
    record.count_alone(connection, relay.name)
    return room_now(connection, relay.name, relay.limits, now, most)


def room_now(connection: "Connection", name: str, limits: Limits, now: datetime, most: int) -> Room:
    """The same for whoever only wants to know: others may take of it meanwhile."""
    taken = record.taken(connection, name, now)
    left = allowance(limits, taken, most)
    if left.now:
        return Room(left=left)
    leaving = [record.room_at(connection, name, now, one.length, one.lack) for one in left.full]
    known = [at for at in leaving if at is not None]
    if taken.under_way or len(known) < len(leaving):
        return Room(left=left, opens_at=min([now + left.look_again, *known]))
    return Room(left=left, opens_at=max(known))


# ---------------------------------------------------------------- what an attempt says


def met(claimed: Delivery, line: Line, attempt: Attempt, now: datetime) -> Met:
    """The attempt, as the relay's pace learns from it."""
    recipient = claimed.message.envelope.recipient
    return Met(
        attempt=attempt,
        recipient=recipient,
        slows=slows(attempt),
        is_about_address=is_about_address(attempt),
        before=line.borne,
        at=now,
    )


def came_in(attempt: Attempt) -> bool:
    """Whether it got past the login: to a message, that is."""
    return attempt.failure is None or attempt.phase is None or not attempt.phase.is_arriving


def says_nothing_of_it(attempt: Attempt) -> bool:
    """Whether it failed before its recipient was named: any other message would have fared the same."""
    return attempt.phase is not None and attempt.phase.is_before_recipient


def is_gone(attempt: Attempt) -> bool:
    """Whether the connection ended with it (RFC 5321, 3.8)."""
    return attempt.failure is not None and attempt.code in (None, 421)


def broken_off(body: Body, why: str) -> Attempt:
    """How an attempt ends that we ended ourselves."""
    if body.is_out:
        reply = f"cut off while the message went out: {why}"
        return Attempt(state=DeliveryState.UNKNOWN, reply=reply, phase=Phase.BODY, failure=Failure.UNKNOWN)
    return Attempt(state=DeliveryState.QUEUED, reply=f"cut off before it could arrive: {why}")


def ours(attempt: Attempt) -> Attempt:
    """A refusal that every recipient got alike: it is about us, and the message waits."""
    if attempt.failure is not Failure.RECIPIENT or is_about_address(attempt):
        return attempt
    return replace(
        attempt,
        state=DeliveryState.QUEUED,
        failure=Failure.SENDER,
        fix="Several recipients in a row were refused so: see what the relay has against this sender",
    )


def losing(attempt: Attempt) -> Attempt:
    """Too many messages vanished there for one more to be risked."""
    return replace(
        attempt,
        failure=Failure.SENDER,
        fix="Connections were lost inside messages several times in a row: see to the relay and its line",
    )
