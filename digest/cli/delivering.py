"""A run of the outbox, told in words, and ended by Ctrl-C or SIGTERM in good order."""

import asyncio
import secrets
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from digest.cli.screen import complain, counting, note, say, warn
from digest.cli.states import moment
from digest.cli.world import World
from digest.errors import DeliveryError
from digest.model import DeliveryState

if TYPE_CHECKING:
    from digest.outbox import Event, Outbox, Rules, Sent, Stopping, Tally
    from digest.store.database import Database
    from digest.transport.protocol import Relay

NAMED = 20
"""Of many messages, so many that were refused or are unknown have a line of their own."""
_NOT_SENT = {
    DeliveryState.FAILED: "refused for good; its papers come again in the next edition",
    DeliveryState.EXPIRED: "given up; its papers come again in the next edition",
    DeliveryState.UNKNOWN: "unknown whether it arrived",
}


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
    def is_well(self) -> bool:
        """Whether nothing is left that a run, or a person, has to look after."""
        tally = self.tally
        return not (tally.waiting or tally.unknown or tally.failed or tally.stopped)


def deliver(
    database: "Database", relays: "Sequence[Relay]", rules: "Rules", world: World, *, is_brief: bool = False
) -> Told:
    """Send what waits, and say what becomes of it: a line a message, or `is_brief`: only what goes wrong.

    Raises StoreError where the store can no longer be written.
    """
    from digest.store.lock import present

    owner = secrets.token_hex(8)
    with present(database.place, owner), _progress(is_brief) as progress:
        teller = _Teller(is_brief, progress)
        tally = asyncio.run(_run(_outbox(database, world, owner), relays, rules, teller))
    return Told(tally, frozenset(teller.named))


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
        spare=Spare(place, owner) if isinstance(place, Path) else None,
    )


def _clock(database: "Database", world: World) -> Callable[[], datetime]:
    """This machine's, or where several share a store, its server's: asked once, as only the pace matters."""
    if isinstance(database.place, Path):
        return world.now
    start, began = database.now(world.now()), time.monotonic()
    return lambda: start + timedelta(seconds=time.monotonic() - began)


async def _run(
    outbox: "Outbox", relays: "Sequence[Relay]", rules: "Rules", tell: "Callable[[Event], None]"
) -> "Tally":
    from digest.outbox import Stopping
    from digest.outbox import deliver as deliver_all

    stopping = Stopping()
    with _signals(stopping):
        return await deliver_all(outbox, relays, rules, tell, stopping)


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


@contextmanager
def _progress(is_brief: bool) -> Iterator[Callable[[int, int], None]]:
    if not is_brief:
        yield lambda _done, _of: None
        return
    with counting("sending") as tell:
        yield tell


# ---------------------------------------------------------------- in words


@dataclass(slots=True)
class _Teller:
    """Says what happens, as it happens."""

    is_brief: bool
    progress: Callable[[int, int], None]
    named: set[str] = field(default_factory=set)
    done: int = 0
    of: int = 0
    lines: int = 0

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
        one, attempt = event.delivery, event.attempt
        if attempt.state is DeliveryState.QUEUED:
            if not self.is_brief and event.due_at:
                say(f"{one.profile}: not sent yet, next try at {moment(event.due_at)}: {attempt.reply}")
            return
        self.done += 1
        self.progress(self.done, max(self.done, self.of))
        if not self.is_brief:
            self.named.add(one.profile)
        if attempt.state is DeliveryState.SENT:
            if not self.is_brief:
                say(f"{one.profile}: sent to {one.message.envelope.recipient}: {one.message.subject}")
        elif not self.is_brief or self.lines < NAMED:
            self.lines += 1
            say(f"{one.profile}: {_NOT_SENT[attempt.state]}: {attempt.reply}")


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
        case Alarmed(problems=problems):
            for problem in problems:
                warn(problem)


def _sum(tally: "Tally") -> str:
    if not (tally.sent or tally.failed or tally.unknown or tally.waiting):
        return ""
    parts = [f"sent {tally.sent:,}", f"waiting {tally.waiting:,}{_why_waiting(tally)}"]
    return ", ".join((*parts, f"refused {tally.failed:,}", f"unknown {tally.unknown:,}"))


def _why_waiting(tally: "Tally") -> str:
    if not tally.waiting:
        return ""
    if tally.held_up:
        return f" ({tally.held_up})"
    return f" (next try at {moment(tally.next_try)})"
