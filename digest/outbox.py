"""From queued messages to sent ones: claimed, handed over by the first relay that is able, put on record.

One task drives the run, a few send, each over a connection of its own, and the ledger writes. What a reply
means is decided by pure functions: `failures` (whose matter it is), `pace` (how fast, and whether at all),
`retries` (when again). docs/decisions/0017-delivery-engine.md says why it is built so.
"""

import asyncio
import random
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any

from digest.alarm import WAITING, Alarm, caught_up, mended, note, take
from digest.errors import StoreError
from digest.lane import (
    Body,
    Lane,
    Line,
    Room,
    broken_off,
    came_in,
    is_gone,
    losing,
    met,
    ours,
    room,
    says_nothing_of_it,
)
from digest.ledger import Ledger, Manners, Spare
from digest.model import Attempt, Delivery, DeliveryState, Failure
from digest.pace import LONGEST_PAUSE, first_pace, learn
from digest.retries import next_try
from digest.store import deliveries
from digest.store import relays as record
from digest.store import waiting as queue
from digest.store.database import Database
from digest.store.deliveries import Ended
from digest.store.relays import RelayHealth
from digest.store.settling import Settled, owners, settle
from digest.text import clean
from digest.transport.protocol import MAX_REPLY, Relay

if TYPE_CHECKING:
    from sqlalchemy import Connection

LEASE = timedelta(minutes=10)
"""Of a claim: longer than all that comes before the body together."""
SETTLE_S = 60.0
IDLE_S = 5.0
"""After so long without a message connections are closed: servers close them too, and less politely."""
SHORTLY_S = 0.05
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
    is_sure: bool = True
    """Whether who is gone is dead; not where a server that restarts forgets the living, too."""
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
    """As it stands now, which may be other than the attempt alone says."""
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
    trace: str = ""
    """Of a bug met in telling."""


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
    """When the first of them can go; `None` where that is not known: a person has to act first."""
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
        lanes = [Lane(relay, first_pace(relay.limits)) for relay in relays]
        run = _Run(outbox, lanes, rules, tell, stopping or Stopping(), ledger)
        with outbox.spare.held() if outbox.spare else nullcontext():
            return await run.whole()


def put_right(outbox: Outbox, connection: "Connection", *, resend_once: bool) -> Settled:
    """Put right what processes left that are gone, as far as that can be known."""
    known = {one: outbox.is_gone(one) for one in owners(connection) - {outbox.owner}}
    gone = [one for one, is_gone in known.items() if is_gone]
    present = [outbox.owner, *(one for one, is_gone in known.items() if is_gone is False)]
    now, is_sure = outbox.clock(), outbox.is_sure
    return settle(connection, now, gone=gone, present=present, resend_once=resend_once, is_sure=is_sure)


class _ClaimLostError(Exception):
    """Another process has the message now: not a word of it may go out from here."""


# ---------------------------------------------------------------- the run


@dataclass(eq=False, slots=True)
class _Run:
    """One run of the engine; everything but the ledger's thread happens in one event loop."""

    outbox: Outbox
    lanes: Sequence[Lane]
    rules: Rules
    tell: Callable[[Event], None]
    stopping: Stopping
    ledger: Ledger
    tally: Tally = Tally()
    is_over: bool = False
    bodies: dict["asyncio.Task[None]", Body] = field(default_factory=dict)
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
        mine = self.rules.profiles
        held_up = self.tally.held_up or ("the run was ended" if self.stopping.asked.is_set() else "")
        if not held_up and mine is None:
            for lane in self.lanes:
                caught_up(connection, lane.name)
        return replace(
            self.tally,
            waiting=queue.waiting(connection, mine),
            next_try=self.tally.next_try if held_up else queue.next_due(connection, mine),
            held_up=held_up,
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
        once = self.rules.manners.resend_once
        settled = await self.ledger.do(partial(put_right, self.outbox, resend_once=once))
        self.tally = replace(self.tally, unknown=self.tally.unknown + len(settled.unknown))
        for one in settled.unknown:
            self.tell(CutOff(delivery=one, resent=False))
        for one in settled.resent:
            self.tell(CutOff(delivery=one, resent=True))

    async def _claim(self, lane: Lane) -> None:
        """Take the next portion for a relay, as far as its limits leave room; wait if there is none."""
        portion = await self.ledger.do(partial(self._take, lane, lane.wants))
        now = self.outbox.clock()
        lane.room = portion.room
        lane.waiting.extend(portion.claimed.deliveries)
        for one in portion.claimed.suppressed:
            self._count(Sent(delivery=one, attempt=Attempt(state=one.state, reply=one.reply)))
        if not lane.room.left.now:
            if lane.room.left.is_brief:
                await self._wait_until(lane.room.opens_at, now, lane.why_not(now))
        elif portion.is_empty:
            due = portion.next_due
            why = "another process is at work on them" if due and due <= now else ""
            await self._wait_until(due, now, why)

    def _take(self, lane: Lane, most: int, connection: "Connection") -> "_Portion":
        now, mine = self.outbox.clock(), self.rules.profiles
        left = room(connection, lane.relay, now, most)
        if not left.left.now:
            return _Portion(room=left)
        claimed = deliveries.claim(
            connection,
            relay=lane.name,
            owner=self.outbox.owner,
            now=now,
            lease_until=now + LEASE,
            most=left.left.now,
            profiles=mine,
        )
        due = None if claimed.deliveries else queue.next_due(connection, mine)
        return _Portion(room=left, claimed=claimed, next_due=due)

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
            due = await self.ledger.do(lambda c: queue.next_due(c, self.rules.profiles))
            if due is None:
                self.is_over = True
                return
            able = [max(at, due) for at in able]
        why = "; ".join(lane.why_not(now) for lane in self.lanes) or "there is no relay"
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
        elif max(wait_s, 0) > self.last_success + self.rules.patience_s - _time():
            self._give_up(why, moment if wait_s > 0 else None)
        else:
            await self._wait(max(SHORTLY_S, wait_s))

    def _give_up(self, why: str, until: datetime | None) -> None:
        """Nothing can go as soon as is worth the wait; where that is a relay's doing, a person hears."""
        self.is_over = True
        self.tally = replace(self.tally, held_up=why, next_try=until)
        for lane in self.lanes:
            if why and lane.trouble and not lane.is_stopped:
                self._raise(kept_waiting(lane, lane.trouble, self.tally.sent))

    # ------------------------------------------------------------ connections

    def _start(self, lane: Lane, now: datetime) -> None:
        """Let a relay's connections work on what is claimed for it, or give that back."""
        if not lane.may_start(now):
            self._give_back(lane, lane.why_not(now))
        while lane.waiting and len(lane.working) < lane.width:
            line = lane.idle.pop() if lane.idle else Line(lane.relay.open())
            body = Body()
            task = asyncio.ensure_future(self._work(lane, line, lane.waiting.popleft(), body))
            lane.working.add(task)
            self.bodies[task] = body
            task.add_done_callback(partial(self._worked, lane))

    def _worked(self, lane: Lane, task: "asyncio.Task[None]") -> None:
        """A connection has nothing to do any more; what broke in it is not lost."""
        lane.working.discard(task)
        if not lane.working:  # whose places were taken for as long as nobody knew how they end
            lane.room = replace(lane.room, opens_at=None)
        del self.bodies[task]
        self._note_crash(task)
        self.news.set()

    def _note_crash(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (problem := task.exception()) is not None:
            self.crash = self.crash or problem
            self.news.set()

    async def _work(self, lane: Lane, line: Line, first: Delivery, body: Body) -> None:
        """Send one message after the other over a connection."""
        claimed: Delivery | None = first
        try:
            while claimed is not None:
                body.is_out = False
                await self._try(lane, line, claimed, body)
                claimed = self._next(lane)
        finally:
            lane.idle.append(line)

    def _next(self, lane: Lane) -> Delivery | None:
        """What this connection sends next, if there is something, and the relay bears that many."""
        may = lane.may_start(self.outbox.clock()) and len(lane.working) <= lane.width
        if self._has_to_end or not may or not lane.waiting:
            return None
        claimed = lane.waiting.popleft()
        if lane.wants:
            self.news.set()
        return claimed

    async def _hang_up(self, *lanes: Lane) -> None:
        """Close the connections that nobody uses."""
        lines = [line for lane in lanes for line in lane.idle]
        for lane in lanes:
            lane.idle.clear()
        await asyncio.gather(*(line.transport.close() for line in lines))

    def _give_back(self, lane: Lane, why: str) -> None:
        """What was claimed and not begun waits again; it is no one's failure."""
        for claimed in lane.waiting:
            attempt = Attempt(state=DeliveryState.QUEUED, reply=f"not tried: {why}")
            self.ledger.end(Ended(delivery=claimed, attempt=attempt))
        lane.waiting.clear()

    # ------------------------------------------------------------ one message

    async def _try(self, lane: Lane, line: Line, claimed: Delivery, body: Body) -> None:
        """Hand one message over; however that goes, it is put on record, and stops no other."""

        async def committing() -> None:
            _must_go_on()
            if not await self.ledger.commit(claimed):
                raise _ClaimLostError
            body.is_out = True
            self._prove(lane)

        try:
            attempt = await line.transport.send(claimed.message, committing=committing)
        except asyncio.CancelledError:
            self._end(claimed, broken_off(body, "the run was ended"))
            raise
        except (_ClaimLostError, StoreError) as problem:
            line.borne = 0
            if isinstance(problem, StoreError):
                self._end(claimed, broken_off(body, str(problem)))
        except Exception as problem:
            await self._blame_ourselves(lane, line, claimed, body, problem)
        else:
            await self._take_word(lane, line, claimed, attempt)
            _must_go_on()

    async def _take_word(self, lane: Lane, line: Line, claimed: Delivery, attempt: Attempt) -> None:
        """What a relay answered: what it says of the message, and what of the relay."""
        if came_in(attempt):
            self._prove(lane)
        now = self.outbox.clock()
        before, lane.pace = lane.pace, learn(lane.pace, met(claimed, line, attempt, now), lane.relay.limits)
        if lane.pace.is_refusing:
            attempt = ours(attempt)
        if attempt.stops or lane.pace.is_losing:
            self._stop(lane, attempt if attempt.stops else losing(attempt))
        elif lane.pace.paused_until != before.paused_until:
            self._pause(lane, attempt)
        elif attempt.failure is None:
            self._thrive(lane)
        if attempt.state is DeliveryState.FAILED:
            lane.refusals, lane.last_refusal = lane.refusals + 1, attempt
        self._end(claimed, attempt, self._due(lane, line, claimed, attempt, now))
        line.borne = 0 if is_gone(attempt) else line.borne + 1
        if lane.pace.per_connection is not None and line.borne >= lane.pace.per_connection:
            line.borne = 0
            await line.transport.close()

    def _prove(self, lane: Lane) -> None:
        """A login went well: the other connections may open. A wrong one is tried once a run, not by each."""
        if not lane.is_proven:
            lane.is_proven = True
            self.news.set()

    def _due(
        self, lane: Lane, line: Line, claimed: Delivery, attempt: Attempt, now: datetime
    ) -> datetime | None:
        """When again; at once where that says nothing of the message, and something else can be tried.

        Nor does a relay that cannot be reached put its messages off: its pauses are enough.
        """
        if attempt.failure is not Failure.TRANSIENT or not came_in(attempt):
            return None
        is_another = any(one.is_able(now) for one in self.lanes if one is not lane)
        is_old = line.borne > 0 and is_gone(attempt)
        if says_nothing_of_it(attempt) and (is_another or is_old or not lane.may_start(now)):
            return None
        return next_try(claimed.deferrals, now, self.rules.chance())

    def _end(self, claimed: Delivery, attempt: Attempt, due_at: datetime | None = None) -> None:
        ended = Ended(delivery=claimed, attempt=attempt, due_at=due_at)
        self.ledger.end(ended)
        stands = ended.stands(resend_once=self.rules.manners.resend_once)
        self._count(Sent(delivery=stands, attempt=attempt, due_at=due_at))

    def _count(self, event: Sent) -> None:
        counter = _COUNTERS[event.delivery.state]
        self.tally = replace(self.tally, **{counter: getattr(self.tally, counter) + 1})
        self.tell(event)

    async def _blame_ourselves(
        self, lane: Lane, line: Line, claimed: Delivery, body: Body, problem: Exception
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
        attempt = broken_off(body, f"a fault in Digest ({type(problem).__name__})")
        due_at = next_try(claimed.deferrals, self.outbox.clock(), self.rules.chance())
        self._end(claimed, attempt, due_at if attempt.state is DeliveryState.QUEUED else None)
        if lane.faults >= FAULTS:
            self._stop(lane, replace(attempt, failure=Failure.SENDER))

    # ------------------------------------------------------------ how the relays do

    def _thrive(self, lane: Lane) -> None:
        """It took a message: what was wrong with it is over."""
        self.last_success = _time()
        lane.faults = 0
        if lane.is_known_well or lane.is_stopped:  # what was under way when it was stopped mends nothing
            return
        lane.is_known_well, lane.trouble = True, None
        health = RelayHealth(name=lane.name, at=self.outbox.clock())

        def put_down(connection: "Connection") -> None:
            record.record_health(connection, health)
            mended(connection, lane.name)

        self._aside(self.ledger.do(put_down))

    def _pause(self, lane: Lane, attempt: Attempt) -> None:
        """It wants fewer messages, or is not there: what was claimed for it may go another way."""
        until = lane.pace.paused_until
        self._is_troubled(lane, attempt, until)
        if until is not None:
            self.tell(Paused(relay=lane.name, attempt=attempt, until=until))

    def _stop(self, lane: Lane, attempt: Attempt) -> None:
        """A person has to act; until then more tries do nothing, or harm."""
        if lane.is_stopped:
            return
        lane.is_stopped = True
        self._is_troubled(lane, attempt, None)
        self.tell(Stopped(relay=lane.name, attempt=attempt))
        kind = attempt.failure.value if attempt.failure else "sender"
        self._raise(Alarm(kind=kind, about=lane.name, what=attempt.reply, fix=attempt.fix))

    def _is_troubled(self, lane: Lane, attempt: Attempt, until: datetime | None) -> None:
        lane.is_known_well, lane.trouble = False, attempt
        self._give_back(lane, lane.why_not(self.outbox.clock()))
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
                alarmed = await _sounded(self.rules.sound, alarm, others)
                await self.ledger.do(lambda connection: note(connection, alarm, now, alarmed.problems))
                self.tell(alarmed)

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
        self._look_back()
        await self._hang_up(*self.lanes)
        while self.chores:
            await asyncio.wait(set(self.chores))
        await self.ledger.drain()

    def _look_back(self) -> None:
        """Where messages were refused and not one was sent, a person should see if that is about us."""
        for lane in self.lanes:
            if not self.tally.sent and not lane.is_stopped and lane.may_refuse_us:
                self._raise(all_refused(lane))

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

    room: Room
    claimed: deliveries.Claimed = field(default_factory=deliveries.Claimed)
    next_due: datetime | None = None
    """Where nothing was claimed: when something will be due."""

    @property
    def is_empty(self) -> bool:
        return not (self.claimed.deliveries or self.claimed.suppressed)


# ---------------------------------------------------------------- decisions


async def _sounded(sound: Sound, alarm: Alarm, others: Sequence[Relay]) -> Alarmed:
    """Tell the operator; a bug in that ends no run, and is told whole."""
    try:
        return Alarmed(alarm=alarm, problems=await sound(alarm, others))
    except Exception as problem:
        what = f"a fault in telling you of it ({type(problem).__name__}: {clean(str(problem), MAX_REPLY)})"
        trace = "".join(traceback.format_exception(problem))
        return Alarmed(alarm=alarm, problems=(what,), trace=trace)


def kept_waiting(lane: Lane, trouble: Attempt, sent: int) -> Alarm:
    """That messages wait for a relay longer than this run could."""
    goes = f"{sent:,} messages went out, then no more" if sent else "nothing goes out"
    slow = "If it takes only so many, set per_minute, per_hour or per_day in [smtp]" if sent else ""
    return Alarm(
        kind=WAITING, about=lane.name, what=f"{goes}; it said: {trouble.reply}", fix=trouble.fix or slow
    )


def all_refused(lane: Lane) -> Alarm:
    """That a relay took nothing in this run, and refused what it was given."""
    many = f"{lane.refusals} messages were" if lane.refusals > 1 else "a message was"
    reply = lane.last_refusal.reply if lane.last_refusal else ""
    return Alarm(
        kind="refused",
        about=lane.name,
        what=f"{many} refused and none was sent; it said: {reply}",
        fix="See what it has against the sender; then `digest outbox retry --failed` sends them once more.",
        meanwhile="What was refused is given up; its papers come again in the next edition.",
    )


_COUNTERS = {
    DeliveryState.SENT: "sent",
    DeliveryState.FAILED: "failed",
    DeliveryState.UNKNOWN: "unknown",
    DeliveryState.QUEUED: "put_off",
}


def _must_go_on() -> None:
    """Pass a cancellation on that was swallowed, as `asyncio.wait_for` does until Python 3.12 (gh-86296)."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _time() -> float:
    """The loop's clock, which nobody moves."""
    return asyncio.get_running_loop().time()
