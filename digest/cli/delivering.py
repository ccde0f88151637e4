"""A run of the outbox, told in words, and ended by Ctrl-C or SIGTERM in good order."""

import asyncio
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from digest.cli.screen import complain, counting, note, say, silence, warn
from digest.cli.states import failed_in_words, moment
from digest.cli.world import World
from digest.errors import DeliveryError
from digest.model import Delivery, DeliveryState

if TYPE_CHECKING:
    from digest.outbox import Event, Outbox, Rules, Sent, Stopping, Tally
    from digest.store.database import Database
    from digest.transport.protocol import Relay

NAMED = 20
"""Of many messages, so many that did not get out have a line of their own, and so many that were put off."""


class Halt:
    """How what runs in several threads is asked to end: once in good order, twice at once."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._lock = threading.Lock()
        self._heard_by: set[Callable[[], None]] = set()
        self._renewed: set[Callable[[], None]] = set()
        """Of these, who was asked to end so as to begin anew."""

    def ask(self) -> None:
        """From any thread, but not from a signal's handler, which may have interrupted this."""
        with self._lock:
            self.asked.set()
            for ask in self._heard_by - self._renewed:
                ask()
            self._renewed.clear()

    def renew(self) -> None:
        """Let what is under way end in good order, once; others may begin. The first `ask` says no more."""
        with self._lock:
            if self.asked.is_set():
                return
            for ask in self._heard_by - self._renewed:
                ask()
            self._renewed |= self._heard_by

    @contextmanager
    def heard_by(self, ask: Callable[[], None]) -> Iterator[None]:
        """Until the end of the block, each asking calls this, too; at once, if it was asked before."""
        with self._lock:
            self._heard_by.add(ask)
            if self.asked.is_set():
                ask()
        try:
            yield
        finally:
            with self._lock:
                self._heard_by.discard(ask)
                self._renewed.discard(ask)


@dataclass(frozen=True, slots=True)
class Told:
    """What a run did and said."""

    tally: "Tally"
    named: frozenset[str]
    """The readers of whose message there was a last word."""

    @property
    def line(self) -> str:
        """`sent 4,812, waiting 3 (next try at ...), refused 2, unknown 0`; empty where nothing happened."""
        return _sum(self.tally)

    @property
    def needs(self) -> str:
        """Which relays need a person though all went out; empty if none does."""
        if self.tally.waiting or not self.tally.stopped:
            return ""
        return f"{', '.join(self.tally.stopped)} took nothing more; `digest status` says what to do about it"

    @property
    def is_well(self) -> bool:
        """Whether every message got out; a relay that needs a person is the alarm's matter."""
        tally = self.tally
        return not (tally.waiting or tally.unknown or tally.failed)


def settle_first(
    database: "Database", rules: "Rules", world: World, tell: "Callable[[Event], None] | None" = None
) -> int:
    """Put right what killed runs left, and say what may have arrived; returns how many of these stay unknown.

    For before new messages are made: what was claimed and never went out is given up like all that waits.
    """
    from digest.outbox import CutOff, put_right

    outbox = _outbox(database, world, secrets.token_hex(8))
    with database.begin() as connection:
        settled = put_right(outbox, connection, resend_once=rules.manners.resend_once)
    for one in settled.unknown:
        (tell or _warn)(CutOff(delivery=one, resent=False))
    for one in settled.resent:
        (tell or _warn)(CutOff(delivery=one, resent=True))
    return len(settled.unknown)


def deliver(
    database: "Database",
    relays: "Sequence[Relay]",
    rules: "Rules",
    world: World,
    *,
    is_brief: bool = False,
    cut_off: int = 0,
    tell: "Callable[[Event], None] | None" = None,
    stopping: Halt | None = None,
) -> Told:
    """Send what waits, and say what becomes of it: a line a message, or `is_brief`: only what goes wrong.

    `cut_off`: what `settle_first` found, to be counted as unknown. `tell` hears it all in place of the
    screen; `stopping` ends it in place of Ctrl-C and SIGTERM, which only the main thread gets. Raises
    StoreError where the store can no longer be written.
    """
    from digest.store.lock import present

    owner = secrets.token_hex(8)
    with present(database.place, owner), counting("sending") if is_brief else silence() as progress:
        teller = _Teller(is_brief, progress)
        outbox = _outbox(database, world, owner)
        tally = asyncio.run(_run(outbox, relays, rules, tell or teller, stopping))
    teller.say_how_many_more()
    return Told(replace(tally, unknown=tally.unknown + cut_off), frozenset(teller.named))


def _outbox(database: "Database", world: World, owner: str) -> "Outbox":
    from digest.ledger import Spare
    from digest.outbox import Outbox
    from digest.store.lock import is_gone

    place = database.place
    return Outbox(
        database=database,
        clock=_clock(database, world),
        owner=owner,
        is_gone=partial(is_gone, place),
        is_sure=isinstance(place, Path),
        spare=Spare(place, owner) if isinstance(place, Path) else None,
    )


def _clock(database: "Database", world: World) -> Callable[[], datetime]:
    """This machine's, or where several share a store, its server's, by which all of them say what is due.

    Its server is asked once, and the time counted on from there.
    """
    if isinstance(database.place, Path):
        return world.now
    start, began = database.now(world.now()), time.monotonic()
    return lambda: start + timedelta(seconds=time.monotonic() - began)


async def _run(
    outbox: "Outbox",
    relays: "Sequence[Relay]",
    rules: "Rules",
    tell: "Callable[[Event], None]",
    halt: Halt | None,
) -> "Tally":
    from digest.outbox import Stopping
    from digest.outbox import deliver as deliver_all

    stopping = Stopping()
    with _signals(stopping) if halt is None else _asked_by(halt, stopping):
        return await deliver_all(outbox, relays, rules, tell, stopping)


def _asked_by(halt: Halt, stopping: "Stopping") -> AbstractContextManager[None]:
    """What is asked in another thread is asked of the engine in its own."""
    loop = asyncio.get_running_loop()

    def ask() -> None:
        loop.call_soon_threadsafe(stopping.ask)

    return halt.heard_by(ask)


@contextmanager
def _signals(stopping: "Stopping") -> Iterator[None]:
    """The first Ctrl-C or SIGTERM ends in good order, the second at once."""
    loop = asyncio.get_running_loop()

    def ask() -> None:
        if not stopping.asked.is_set():
            note("ending: what is out is waited for; once more drops it, unknown whether it arrived")
        stopping.ask()

    # Neither is there on Windows, nor in a thread.
    with suppress(NotImplementedError, RuntimeError, ValueError):
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, ask)
    try:
        yield
    finally:
        with suppress(NotImplementedError, RuntimeError, ValueError):
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)


# ---------------------------------------------------------------- in words


@dataclass(slots=True)
class _Some:
    """Readers who have a line of their own, and those for whom there was no room."""

    named: set[str] = field(default_factory=set)
    more: set[str] = field(default_factory=set)

    def has_room_for(self, name: str) -> bool:
        """Whether this reader gets a line: once, and not beyond NAMED."""
        if name in self.named:
            return False
        (self.named if len(self.named) < NAMED else self.more).add(name)
        return name in self.named


@dataclass(slots=True)
class _Teller:
    """Says what happens, as it happens."""

    is_brief: bool
    progress: Callable[[int, int], None]
    named: set[str] = field(default_factory=set)
    done: int = 0
    of: int = 0
    put_off: _Some = field(default_factory=_Some)
    not_sent: _Some = field(default_factory=_Some)

    def __call__(self, event: "Event") -> None:
        """What the engine tells with."""
        from digest.outbox import Began, Sent

        if isinstance(event, Sent):
            self._of_message(event)
        elif isinstance(event, Began):
            self.of = event.waiting
        else:
            _warn(event)

    def _of_message(self, event: "Sent") -> None:
        one = event.delivery
        if one.state is DeliveryState.QUEUED:
            self._of_waiting(event)
            return
        self.put_off.more.discard(one.profile)
        self.done += 1
        self.progress(self.done, max(self.done, self.of))
        if not self.is_brief:
            self.named.add(one.profile)
        if one.state is DeliveryState.SENT:
            if not self.is_brief:
                say(f"{one.profile}: sent to {one.message.envelope.recipient}: {one.message.subject}")
        elif not self.is_brief or self.not_sent.has_room_for(one.profile):
            say(f"{one.profile}: {_not_sent(one)}: {one.reply}")

    def _of_waiting(self, event: "Sent") -> None:
        """What is tried again; what only waits for a relay is the relay's matter, told with that."""
        one, is_resent = event.delivery, event.attempt.state is DeliveryState.UNKNOWN
        if not (is_resent or event.due_at) or (self.is_brief and not self.put_off.has_room_for(one.profile)):
            return
        if is_resent:
            say(f"{one.profile}: may have arrived, and is sent once more: {one.reply}")
        elif event.due_at:
            say(f"{one.profile}: not sent yet, next try at {moment(event.due_at)}: {one.reply}")

    def say_how_many_more(self) -> None:
        """Those who had no line of their own, where there are many."""
        if self.not_sent.more:
            say(f"and {len(self.not_sent.more):,} more did not get out: `digest outbox list`")
        if self.put_off.more:
            say(f"and {len(self.put_off.more):,} more wait for their next try: `digest outbox list`")


def _not_sent(one: Delivery) -> str:
    if one.state is DeliveryState.UNKNOWN:
        return "may have arrived"
    return f"{failed_in_words(one.reply)}; its papers come again in the next edition"


def _warn(event: "Event") -> None:
    """What is not as it should be."""
    from digest.outbox import Alarmed, CutOff, Fault, Paused, Stopped

    match event:
        case CutOff(delivery=one, resent=resent):
            then = "; it is sent once more" if resent else ""
            what = "was cut off on its way out; it may have arrived"
            warn(f"{one.profile}: the edition of {one.day} {what}{then}")
        case Paused():
            warn(f"{event.relay} is given a pause until {moment(event.until)}: {event.attempt.reply}")
        case Stopped():
            what = f"nothing more goes out that way: {event.attempt.reply}"
            complain(DeliveryError(what, where=event.relay, fix=event.attempt.fix))
        case Fault(delivery=one, trace=trace):
            say(f"{one.profile}: failed, by a fault in Digest; please report what follows")
            note(trace)
        case Alarmed(problems=problems, trace=trace):
            for problem in problems:
                warn(problem)
            if trace:
                say("a fault in Digest: please report what follows")
                note(trace)


def _sum(tally: "Tally") -> str:
    if not (tally.sent or tally.failed or tally.unknown or tally.waiting):
        return ""
    parts = [f"sent {tally.sent:,}", f"waiting {tally.waiting:,}{_why_waiting(tally)}"]
    return ", ".join((*parts, f"refused {tally.failed:,}", f"unknown {tally.unknown:,}"))


def _why_waiting(tally: "Tally") -> str:
    if not tally.waiting:
        return ""
    when = f"next try at {moment(tally.next_try)}" if tally.next_try else ""
    said = ": ".join(part for part in (when, tally.held_up) if part)
    return f" ({said})" if said else ""
