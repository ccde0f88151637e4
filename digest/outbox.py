"""From queued messages to sent ones: claimed, handed over by the first relay that is able, put on record.

One task drives the run, a few send, each over a connection of its own, and the ledger writes. What a reply
means is decided by pure functions: `failures` (whose matter it is), `pace` (how fast, and whether at all),
`retries` (when again). docs/decisions/0017-delivery-engine.md says why it is built so.
"""

import asyncio
import random
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any

from digest.alarm import Alarm, mended, take, untold
from digest.errors import StoreError
from digest.failures import slows
from digest.ledger import Ledger, Manners, Spare
from digest.model import Attempt, Delivery, DeliveryState, Failure, Phase
from digest.pace import LONGEST_PAUSE, Allowance, Met, Pace, allowance, first_pace, learn
from digest.retries import next_try
from digest.store import deliveries
from digest.store import relays as record
from digest.store import waiting as queue
from digest.store.database import Database
from digest.store.deliveries import Ended, Settled
from digest.store.relays import RelayHealth
from digest.text import clean
from digest.transport.protocol import MAX_REPLY, Relay, Transport

if TYPE_CHECKING:
    from sqlalchemy import Connection

LEASE = timedelta(minutes=10)
"""Of a claim: longer than all that comes before the body together."""
SETTLE_S = 60.0
IDLE_S = 5.0
"""After so long without a message connections are closed: servers close them too, and less politely."""
SHORTLY_S = 0.05
SOME = 6
"""Messages claimed ahead besides two a connection, so that one connection does not claim one by one."""
FAULTS = 5
"""So many faults of ours in a row, and nothing more is tried by that relay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbox:
    """The queue, and who takes from it."""

    database: Database
    clock: Callable[[], datetime]
    """Aware; where several machines share a store, that of the database."""
    owner: str
    """This process, as `store.lock` knows it to be there."""
    is_gone: Callable[[str], bool | None] = lambda _owner: None
    """Whether another process is known to be gone (True) or there (False); `None`: its lease decides."""
    spare: Spare | None = None


Sound = Callable[[Alarm, Sequence[Relay]], Awaitable[tuple[str, ...]]]
"""Tells the operator, by these relays if by mail; returns what went wrong with that."""


async def _say_nothing(_alarm: Alarm, _relays: Sequence[Relay]) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the operator wants."""

    manners: Manners = field(default_factory=Manners)
    patience_s: float = 120
    """How long to wait, after the last message that was sent, for what can go later."""
    grace_s: float = 60
    """How long, once asked to end, for the replies to bodies that are out."""
    profiles: frozenset[str] | None = None
    """The readers whose messages to send; `None`: all."""
    chance: Callable[[], float] = random.random
    sound: Sound = _say_nothing
    """How the operator hears of what only a person can mend."""


# ---------------------------------------------------------------- what is told


@dataclass(frozen=True, slots=True, kw_only=True)
class Began:
    """How many messages wait, due or not."""

    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What became of one message in this run."""

    delivery: Delivery
    attempt: Attempt
    due_at: datetime | None = None
    """When it is tried again, if it waits; `None`: as soon as some relay is able."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOff:
    """What an earlier run, killed, was sending: it may have arrived."""

    delivery: Delivery
    resent: bool
    """Whether it waits again, as the operator wants; else it stays unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """A relay wants fewer messages, or is not there; it is tried again after a pause."""

    relay: str
    attempt: Attempt
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """A relay is not used any more in this run: a person has to act."""

    relay: str
    attempt: Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A bug, met by one message; the others go on."""

    delivery: Delivery
    trace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarmed:
    """The operator was told by the other channels, as far as there were no problems."""

    alarm: Alarm
    problems: tuple[str, ...] = ()


Event = Began | Sent | CutOff | Paused | Stopped | Fault | Alarmed


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How a run ended, in numbers."""

    sent: int = 0
    failed: int = 0
    unknown: int = 0
    """Messages that may have arrived, those of killed runs among them."""
    put_off: int = 0
    """Attempts, not messages, that are to be repeated."""
    waiting: int = 0
    """Messages, when the run ended."""
    next_try: datetime | None = None
    """When the first of them is due."""
    held_up: str = ""
    """Why those that are due did not go out; empty if nothing is in their way."""
    stopped: tuple[str, ...] = ()
    """Relays that need a person."""


class Stopping:
    """How a run is asked to end: once for an orderly end, twice to drop what is on the wire."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.insisted = asyncio.Event()

    def ask(self) -> None:
        """For signal handlers."""
        (self.insisted if self.asked.is_set() else self.asked).set()


async def deliver(
    outbox: Outbox,
    relays: Sequence[Relay],
    rules: Rules,
    tell: Callable[[Event], None],
    stopping: Stopping | None = None,
) -> Tally:
    """Send what is due, and what comes due while that goes on; each message once, whatever happens.

    Ends when nothing waits, when what waits must wait for longer than the rules allow, when every relay needs
    a person, or when asked to. Raises StoreError where the store can no longer be written: what was not sent
    then waits, and what is not known to have arrived is on record as unknown.
    """
    async with Ledger(outbox.database, outbox.clock, rules.manners, outbox.spare) as ledger:
        lanes = [_Lane(relay, first_pace(relay.limits)) for relay in relays]
        run = _Run(outbox, lanes, rules, tell, stopping or Stopping(), ledger)
        with outbox.spare.held() if outbox.spare else nullcontext():
            return await run.whole()


# ---------------------------------------------------------------- a relay in use


@dataclass(eq=False, slots=True)
class _Line:
    """A connection, and how many messages it bore since it was opened."""

    transport: Transport
    borne: int = 0


@dataclass(eq=False, slots=True)
class _Lane:
    """A relay in this run."""

    relay: Relay
    pace: Pace
    waiting: deque[Delivery] = field(default_factory=deque)
    """Claimed for it, not begun."""
    working: set["asyncio.Task[None]"] = field(default_factory=set)
    idle: list[_Line] = field(default_factory=list)
    trouble: Attempt | None = None
    """What it was last paused or stopped for."""
    is_stopped: bool = False
    is_known_well: bool = False
    """Whether it is on record that nothing is wrong with it."""
    room: Allowance = field(default_factory=lambda: Allowance(now=1))
    """What its limits left when last asked."""
    full_until: datetime | None = None
    faults: int = 0
    """Of ours, in a row."""

    @property
    def name(self) -> str:
        """The relay's."""
        return self.relay.name

    def may_start(self, now: datetime) -> bool:
        """Whether what is claimed for it may go out now."""
        return not self.is_stopped and not self.pace.is_paused(now)

    def is_able(self, now: datetime) -> bool:
        """Whether to claim for it: neither stopped, nor paused, nor at a limit that lasts."""
        is_full = self.full_until is not None and now < self.full_until
        return self.may_start(now) and (not is_full or self.room.is_brief)

    def able_at(self, now: datetime) -> datetime | None:
        """When it may be able; `None`: not in this run."""
        times = (self.pace.paused_until, self.full_until)
        return None if self.is_stopped else max([now, *(at for at in times if at is not None)])

    @property
    def wants(self) -> int:
        """How many more messages to claim: a few for each connection, as more could not go soon."""
        few = 1 if self.pace.is_probing else 2 * self.pace.width + SOME
        lack = few - len(self.waiting)
        return lack if lack >= few / 2 else 0

    @property
    def why_not(self) -> str:
        """What keeps it from sending, in words."""
        if self.is_stopped and self.trouble:
            return f"{self.name} needs a person: {self.trouble.reply}"
        if self.trouble:
            return f"{self.name} is given a pause after: {self.trouble.reply}"
        return f"the limits of {self.name} are used up"


@dataclass(eq=False, slots=True)
class _Body:
    """Whether the body of a message may be out."""

    is_out: bool = False


class _ClaimLostError(Exception):
    """Another process has the message now: not a word of it may go out from here."""


# ---------------------------------------------------------------- the run


@dataclass(eq=False, slots=True)
class _Run:
    """One run of the engine; everything but the ledger's thread happens in one event loop."""

    outbox: Outbox
    lanes: Sequence[_Lane]
    rules: Rules
    tell: Callable[[Event], None]
    stopping: Stopping
    ledger: Ledger
    tally: Tally = Tally()
    is_over: bool = False
    bodies: dict["asyncio.Task[None]", _Body] = field(default_factory=dict)
    """Of the messages that are being sent."""
    chores: set["asyncio.Task[None]"] = field(default_factory=set)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    crash: BaseException | None = None
    settled_at: float = -inf
    last_success: float = field(default_factory=lambda: _time())  # noqa: PLW0108  # defined below

    async def whole(self) -> Tally:
        """From settling what earlier runs left to the last word on record."""
        watching = asyncio.ensure_future(self.stopping.asked.wait())
        watching.add_done_callback(lambda _: self.news.set())
        try:
            await self._begin()
            await self._drive()
        except asyncio.CancelledError:
            self.stopping.insisted.set()
            raise
        finally:
            watching.cancel()
            await self._wind_up()
        if problem := self.ledger.broken or self.crash:
            raise problem
        return await self.ledger.do(self._final)

    async def _begin(self) -> None:
        """What earlier runs left, and how they found the relays."""

        def look(connection: "Connection") -> tuple[int, dict[str, datetime | None]]:
            paused = {one.name: one.paused_until for one in record.healths(connection)}
            return queue.waiting(connection, self.rules.profiles), paused

        await self._settle()
        waiting, paused = await self.ledger.do(look)
        now = self.outbox.clock()
        for lane in self.lanes:
            until = paused.get(lane.name)
            if until is not None and now < until <= now + LONGEST_PAUSE:  # a clock may have been moved
                lane.pace = first_pace(lane.relay.limits, until)
        self.tell(Began(waiting=waiting))

    def _final(self, connection: "Connection") -> Tally:
        now, mine = self.outbox.clock(), self.rules.profiles
        return replace(
            self.tally,
            waiting=queue.waiting(connection, mine),
            next_try=queue.next_due(connection, now, mine),
            stopped=tuple(lane.name for lane in self.lanes if lane.is_stopped),
        )

    # ------------------------------------------------------------ one task drives

    async def _drive(self) -> None:
        """Claim for the first relay that is able, as long as there is something to send and a way to."""
        while not self._has_to_end:
            self.news.clear()
            if _time() - self.settled_at >= SETTLE_S:
                await self._settle()
            now = self.outbox.clock()
            for one in self.lanes:
                self._start(one, now)
            lane = next((one for one in self.lanes if one.is_able(now)), None)
            if lane is None:
                await self._wait_for_a_relay(now)
            elif lane.wants:
                await self._claim(lane)
            else:
                await self._wait(SETTLE_S)

    @property
    def _has_to_end(self) -> bool:
        is_broken = self.crash is not None or self.ledger.broken is not None
        return self.is_over or is_broken or self.stopping.asked.is_set()

    async def _settle(self) -> None:
        """Put right what processes left that are gone; what may have arrived is told, once."""
        self.settled_at = _time()
        once, own = self.rules.manners.resend_once, self.outbox.owner

        def put_right(connection: "Connection") -> Settled:
            known = {one: self.outbox.is_gone(one) for one in deliveries.owners(connection) - {own}}
            gone = [one for one, is_gone in known.items() if is_gone]
            present = [own, *(one for one, is_gone in known.items() if is_gone is False)]
            now = self.outbox.clock()
            return deliveries.settle(connection, now, gone=gone, present=present, resend_once=once)

        settled = await self.ledger.do(put_right)
        self.tally = replace(self.tally, unknown=self.tally.unknown + len(settled.unknown))
        for one in settled.unknown:
            self.tell(CutOff(delivery=one, resent=False))
        for one in settled.resent:
            self.tell(CutOff(delivery=one, resent=True))

    async def _claim(self, lane: _Lane) -> None:
        """Take the next portion for a relay, as far as its limits leave room; wait if there is none."""
        portion = await self.ledger.do(partial(self._take, lane, lane.wants))
        now = self.outbox.clock()
        lane.room, lane.full_until = portion.room, None
        lane.waiting.extend(portion.claimed.deliveries)
        for one in portion.claimed.suppressed:
            self._count(Sent(delivery=one, attempt=Attempt(state=one.state, reply=one.reply)))
        if not portion.room.now:
            lane.full_until = now + portion.room.look_again
            if lane.room.is_brief:
                await self._wait_until(lane.full_until, now, f"the limits of {lane.name} are used up")
        elif portion.is_empty:
            await self._wait_until(portion.next_due, now, "")

    def _take(self, lane: _Lane, most: int, connection: "Connection") -> "_Portion":
        now, mine = self.outbox.clock(), self.rules.profiles
        room = _room(connection, lane.relay, now, most)
        if not room.now:
            return _Portion(room=room)
        claimed = deliveries.claim(
            connection,
            relay=lane.name,
            owner=self.outbox.owner,
            now=now,
            lease_until=now + LEASE,
            most=room.now,
            profiles=mine,
        )
        due = None if claimed.deliveries else queue.next_due(connection, now, mine)
        return _Portion(room=room, claimed=claimed, next_due=due)

    # ------------------------------------------------------------ waiting

    async def _wait(self, at_most_s: float) -> None:
        """Until something happens, but no longer."""
        at_most_s = min(at_most_s, max(SHORTLY_S, self.settled_at + SETTLE_S - _time()))
        if at_most_s > IDLE_S and not self.bodies:
            await self._hang_up(*self.lanes)
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most_s):
                await self.news.wait()

    async def _wait_for_a_relay(self, now: datetime) -> None:
        """Until one is able and a message is due; there may be none that waits."""
        able = [at for lane in self.lanes if (at := lane.able_at(now)) is not None]
        if not self.bodies:
            due = await self.ledger.do(lambda c: queue.next_due(c, now, self.rules.profiles))
            if due is None:
                self.is_over = True
                return
            able = [max(at, due) for at in able]
        why = "; ".join(lane.why_not for lane in self.lanes) or "there is no relay"
        await self._wait_until(min(able, default=None), now, why)

    async def _wait_until(self, moment: datetime | None, now: datetime, why: str) -> None:
        """Until then, unless that is never, or later than patience lasts: then the run is over.

        While messages are under way there may be something to do sooner.
        """
        wait_s = (moment - now).total_seconds() if moment else inf
        if self.news.is_set():  # what was asked of the store may be old already
            return
        if self.bodies:
            await self._wait(max(SHORTLY_S, min(wait_s, IDLE_S)))
        elif wait_s > self.last_success + self.rules.patience_s - _time():
            self._give_up(why)
        else:
            await self._wait(max(SHORTLY_S, wait_s))

    def _give_up(self, why: str) -> None:
        """Nothing can go as soon as is worth the wait; where that is a relay's doing, a person hears."""
        self.is_over = True
        self.tally = replace(self.tally, held_up=why)
        for lane in self.lanes:
            if why and lane.trouble and not lane.is_stopped:
                what = f"nothing goes out; it said: {lane.trouble.reply}"
                self._raise(Alarm(kind="waiting", about=lane.name, what=what, fix=lane.trouble.fix))

    # ------------------------------------------------------------ connections

    def _start(self, lane: _Lane, now: datetime) -> None:
        """Let a relay's connections work on what is claimed for it, or give that back."""
        if not lane.may_start(now):
            self._give_back(lane, lane.why_not)
        while lane.waiting and len(lane.working) < lane.pace.width:
            line = lane.idle.pop() if lane.idle else _Line(lane.relay.open())
            body = _Body()
            task = asyncio.ensure_future(self._work(lane, line, lane.waiting.popleft(), body))
            lane.working.add(task)
            self.bodies[task] = body
            task.add_done_callback(partial(self._worked, lane))

    def _worked(self, lane: _Lane, task: "asyncio.Task[None]") -> None:
        """A connection has nothing to do any more; what broke in it is not lost."""
        lane.working.discard(task)
        del self.bodies[task]
        self._note_crash(task)
        self.news.set()

    def _note_crash(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (problem := task.exception()) is not None:
            self.crash = self.crash or problem
            self.news.set()

    async def _work(self, lane: _Lane, line: _Line, first: Delivery, body: _Body) -> None:
        """Send one message after the other over a connection."""
        claimed: Delivery | None = first
        try:
            while claimed is not None:
                body.is_out = False
                await self._try(lane, line, claimed, body)
                claimed = self._next(lane)
        finally:
            lane.idle.append(line)

    def _next(self, lane: _Lane) -> Delivery | None:
        """What this connection sends next, if there is something, and the relay bears that many."""
        may = lane.may_start(self.outbox.clock()) and len(lane.working) <= lane.pace.width
        if self._has_to_end or not may or not lane.waiting:
            return None
        claimed = lane.waiting.popleft()
        if lane.wants:
            self.news.set()
        return claimed

    async def _hang_up(self, *lanes: _Lane) -> None:
        """Close the connections that nobody uses."""
        lines = [line for lane in lanes for line in lane.idle]
        for lane in lanes:
            lane.idle.clear()
        await asyncio.gather(*(line.transport.close() for line in lines))

    def _give_back(self, lane: _Lane, why: str) -> None:
        """What was claimed and not begun waits again; it is no one's failure."""
        for claimed in lane.waiting:
            attempt = Attempt(state=DeliveryState.QUEUED, reply=f"not tried: {why}")
            self.ledger.end(Ended(delivery=claimed, attempt=attempt))
        lane.waiting.clear()

    # ------------------------------------------------------------ one message

    async def _try(self, lane: _Lane, line: _Line, claimed: Delivery, body: _Body) -> None:
        """Hand one message over; however that goes, it is put on record, and stops no other."""

        async def committing() -> None:
            if not await self.ledger.commit(claimed):
                raise _ClaimLostError
            body.is_out = True

        try:
            attempt = await line.transport.send(claimed.message, committing=committing)
        except asyncio.CancelledError:
            self._end(claimed, _broken_off(body, "the run was ended"))
            raise
        except (_ClaimLostError, StoreError) as problem:
            line.borne = 0
            if isinstance(problem, StoreError):
                self._end(claimed, _broken_off(body, str(problem)))
        except Exception as problem:
            await self._blame_ourselves(lane, line, claimed, body, problem)
        else:
            await self._take_word(lane, line, claimed, attempt)

    async def _take_word(self, lane: _Lane, line: _Line, claimed: Delivery, attempt: Attempt) -> None:
        """What a relay answered: what it says of the message, and what of the relay."""
        now = self.outbox.clock()
        before, lane.pace = lane.pace, learn(lane.pace, _met(claimed, line, attempt, now), lane.relay.limits)
        if lane.pace.is_refusing:
            attempt = _ours(attempt)
        if attempt.stops or lane.pace.is_losing:
            self._stop(lane, attempt if attempt.stops else _losing(attempt))
        elif lane.pace.paused_until != before.paused_until:
            self._pause(lane, attempt)
        elif attempt.failure is None:
            self._thrive(lane)
        self._end(claimed, attempt, self._due(claimed, line, attempt, now))
        line.borne = 0 if _is_gone(attempt) else line.borne + 1
        if lane.pace.per_connection is not None and line.borne >= lane.pace.per_connection:
            line.borne = 0
            await line.transport.close()

    def _due(self, claimed: Delivery, line: _Line, attempt: Attempt, now: datetime) -> datetime | None:
        """When again; at once where that says nothing of the message, and something else can be tried."""
        if attempt.failure is not Failure.TRANSIENT:
            return None
        says_nothing = attempt.phase in _BEFORE_THE_RECIPIENT
        is_another = any(lane.is_able(now) for lane in self.lanes if lane.name != claimed.relay)
        own = next(lane for lane in self.lanes if lane.name == claimed.relay)
        is_old = line.borne > 0 and _is_gone(attempt)
        if says_nothing and (is_another or is_old or not own.may_start(now)):
            return None
        return next_try(claimed.deferrals, now, self.rules.chance())

    def _end(self, claimed: Delivery, attempt: Attempt, due_at: datetime | None = None) -> None:
        self.ledger.end(Ended(delivery=claimed, attempt=attempt, due_at=due_at))
        self._count(Sent(delivery=claimed, attempt=attempt, due_at=due_at))

    def _count(self, event: Sent) -> None:
        counter = _COUNTERS[event.attempt.state]
        self.tally = replace(self.tally, **{counter: getattr(self.tally, counter) + 1})
        self.tell(event)

    async def _blame_ourselves(
        self, lane: _Lane, line: _Line, claimed: Delivery, body: _Body, problem: Exception
    ) -> None:
        """A bug: told whole. A message that is none fails; anything else may be the next message's too."""
        self.tell(Fault(delivery=claimed, trace="".join(traceback.format_exception(problem))))
        line.borne = 0
        await line.transport.close()
        if isinstance(problem, ValueError) and not body.is_out:
            reply = f"not a message that can be sent: {clean(str(problem), MAX_REPLY)}"
            self._end(claimed, Attempt(state=DeliveryState.FAILED, reply=reply))
            return
        lane.faults += 1
        attempt = _broken_off(body, f"a fault in Digest ({type(problem).__name__})")
        due_at = next_try(claimed.deferrals, self.outbox.clock(), self.rules.chance())
        self._end(claimed, attempt, due_at if attempt.state is DeliveryState.QUEUED else None)
        if lane.faults >= FAULTS:
            self._stop(lane, replace(attempt, failure=Failure.SENDER))

    # ------------------------------------------------------------ how the relays do

    def _thrive(self, lane: _Lane) -> None:
        """It took a message: what was wrong with it is over."""
        self.last_success = _time()
        lane.faults = 0
        if lane.is_known_well:
            return
        lane.is_known_well, lane.trouble = True, None
        health = RelayHealth(name=lane.name, at=self.outbox.clock())

        def put_down(connection: "Connection") -> None:
            record.record_health(connection, health)
            mended(connection, lane.name)

        self._aside(self.ledger.do(put_down))

    def _pause(self, lane: _Lane, attempt: Attempt) -> None:
        """It wants fewer messages, or is not there: what was claimed for it may go another way."""
        until = lane.pace.paused_until
        self._is_troubled(lane, attempt, until)
        if until is not None:
            self.tell(Paused(relay=lane.name, attempt=attempt, until=until))

    def _stop(self, lane: _Lane, attempt: Attempt) -> None:
        """A person has to act; until then more tries do nothing, or harm."""
        if lane.is_stopped:
            return
        lane.is_stopped = True
        self._is_troubled(lane, attempt, None)
        self.tell(Stopped(relay=lane.name, attempt=attempt))
        kind = attempt.failure.value if attempt.failure else "sender"
        self._raise(Alarm(kind=kind, about=lane.name, what=attempt.reply, fix=attempt.fix))

    def _is_troubled(self, lane: _Lane, attempt: Attempt, until: datetime | None) -> None:
        lane.is_known_well, lane.trouble = False, attempt
        self._give_back(lane, lane.why_not)
        self._aside(self._hang_up(lane))
        health = RelayHealth(
            name=lane.name,
            at=self.outbox.clock(),
            failure=attempt.failure,
            reply=attempt.reply,
            paused_until=until,
        )
        self._aside(self.ledger.do(lambda connection: record.record_health(connection, health)))
        self.news.set()

    def _raise(self, alarm: Alarm) -> None:
        """Tell the operator, if that did not happen today."""
        others = [lane.relay for lane in self.lanes if not lane.is_stopped and lane.name != alarm.about]

        async def told() -> None:
            now = self.outbox.clock()
            if await self.ledger.do(lambda connection: take(connection, alarm, now)):
                problems = await self.rules.sound(alarm, others)
                if problems:
                    await self.ledger.do(lambda connection: untold(connection, alarm, now, problems))
                self.tell(Alarmed(alarm=alarm, problems=problems))

        self._aside(told())

    def _aside(self, chore: Coroutine[Any, Any, None]) -> None:
        """Do this beside the sending; the run does not end before it has."""
        task = asyncio.ensure_future(chore)
        self.chores.add(task)
        task.add_done_callback(self.chores.discard)
        task.add_done_callback(self._note_crash)

    # ------------------------------------------------------------ the end

    async def _wind_up(self) -> None:
        """Give back what was not begun, wait for what is out, and put the last word on record."""
        self.is_over = True
        for lane in self.lanes:
            self._give_back(lane, "the run was ended")
        for task, body in self.bodies.items():
            if not body.is_out:
                task.cancel()
        await self._wait_for_bodies()
        tasks = tuple(self.bodies)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._hang_up(*self.lanes)
        while self.chores:
            await asyncio.wait(set(self.chores))
        await self.ledger.drain()

    async def _wait_for_bodies(self) -> None:
        """For the replies, which say whether they arrived; not for ever, nor against a second Ctrl-C."""
        if not self.bodies:
            return
        insisted = asyncio.ensure_future(self.stopping.insisted.wait())
        try:
            async with asyncio.timeout(self.rules.grace_s):
                while self.bodies and not insisted.done():
                    await asyncio.wait({insisted, *self.bodies}, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            pass
        finally:
            insisted.cancel()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Portion:
    """What asking for messages brought."""

    room: Allowance
    claimed: deliveries.Claimed = field(default_factory=deliveries.Claimed)
    next_due: datetime | None = None
    """Where nothing was claimed: when something will be due."""

    @property
    def is_empty(self) -> bool:
        return not (self.claimed.deliveries or self.claimed.suppressed)


# ---------------------------------------------------------------- decisions

_BEFORE_THE_RECIPIENT = (
    Phase.CONNECT,
    Phase.BANNER,
    Phase.EHLO,
    Phase.STARTTLS,
    Phase.TLS,
    Phase.AUTH,
    Phase.MAIL,
)
_COUNTERS = {
    DeliveryState.SENT: "sent",
    DeliveryState.FAILED: "failed",
    DeliveryState.EXPIRED: "failed",
    DeliveryState.UNKNOWN: "unknown",
    DeliveryState.QUEUED: "put_off",
}


def _time() -> float:
    """The loop's clock, which nobody moves."""
    return asyncio.get_running_loop().time()


def _room(connection: "Connection", relay: Relay, now: datetime, most: int) -> Allowance:
    """How many messages the relay's limits leave room for."""
    if relay.limits.is_endless:
        return Allowance(now=most)
    return allowance(relay.limits, record.taken(connection, relay.name, now), most)


def _met(claimed: Delivery, line: _Line, attempt: Attempt, now: datetime) -> Met:
    recipient = claimed.message.envelope.recipient
    return Met(attempt=attempt, recipient=recipient, slows=slows(attempt), before=line.borne, at=now)


def _is_gone(attempt: Attempt) -> bool:
    """Whether the connection ended with it (RFC 5321, 3.8)."""
    return attempt.failure is not None and attempt.code in (None, 421)


def _broken_off(body: _Body, why: str) -> Attempt:
    """How an attempt ends that we ended ourselves."""
    if body.is_out:
        reply = f"cut off while the message went out: {why}"
        return Attempt(state=DeliveryState.UNKNOWN, reply=reply, phase=Phase.BODY, failure=Failure.UNKNOWN)
    return Attempt(state=DeliveryState.QUEUED, reply=f"not tried: {why}")


def _ours(attempt: Attempt) -> Attempt:
    """A refusal that every recipient got alike: it is about us, and the message waits."""
    if attempt.failure is not Failure.RECIPIENT:
        return attempt
    return replace(
        attempt,
        state=DeliveryState.QUEUED,
        failure=Failure.SENDER,
        fix="Several recipients in a row were refused so: see what the relay has against this sender",
    )


def _losing(attempt: Attempt) -> Attempt:
    """Too many messages vanished there for one more to be risked."""
    return replace(
        attempt,
        failure=Failure.SENDER,
        fix="Connections were lost inside messages several times in a row: see to the relay and its line",
    )
