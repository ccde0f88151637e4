"""What happens to messages under way, put on record by one thread, as many at a time as there are.

Every commit and every end must be on disk before it counts. So while one transaction is on its way there,
the next one gathers: with a few connections each costs one wait for the disk, with many they share it.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from digest.errors import StoreError
from digest.failures import is_about_address, is_hard_bounce
from digest.model import Delivery, DeliveryState, Suppression
from digest.store import deliveries
from digest.store.database import Database
from digest.store.deliveries import Ended
from digest.store.suppressions import permanent_failures, suppress

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")
LEASE = timedelta(minutes=12)
"""From the commit on: longer than the ten minutes that a relay has for its reply (RFC 5321, 4.5.3.2.6)."""
GATHER_S = 0.005
"""An end alone waits so long for the next commit, which may be near: both cost one transaction."""
PAUSES_S = (0.0, 1.0, 5.0, 15.0)
"""Before each further try to put an end on record. A locked database has been waited for each time."""
FAILURES = 3
"""So many transactions that fail in a row are no longer chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """What follows from an end, apart from the end itself."""

    resend_once: bool = False
    suppress_after: int = 3
    """Messages of a recipient refused in a row, before the address gets none any more; 0 is never."""


@dataclass(slots=True)
class _Group:
    """What goes to disk together."""

    commits: list[tuple[Delivery, "asyncio.Future[bool]"]] = field(default_factory=list)
    ends: list[Ended] = field(default_factory=list)
    jobs: list[Callable[[], None]] = field(default_factory=list)
    """Transactions of their own, in the same thread."""

    def __bool__(self) -> bool:
        return bool(self.commits or self.ends or self.jobs)


class Ledger:
    """The only one who writes for the messages of a run; to be used in an `async with`."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        manners: Manners,
        spare: "Spare | None" = None,
    ) -> None:
        self.broken: Exception | None = None
        """Why nothing can be put on record any more."""
        self._database, self._clock, self._manners, self._spare = database, clock, manners, spare
        self._thread = ThreadPoolExecutor(1, "ledger")
        self._next = _Group()
        self._writing: asyncio.Task[None] | None = None
        self._soon: asyncio.TimerHandle | None = None
        self._failures = 0

    async def __aenter__(self) -> "Ledger":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what is left, and let the thread end."""
        await self.drain()
        self._thread.shutdown()

    async def commit(self, claimed: Delivery) -> bool:
        """Put on record that the body goes out from here; False if the claim was lost, so that it must not.

        Raises StoreError if that could not be recorded.
        """
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._next.commits.append((claimed, future))
        self._write()
        return await future

    def end(self, ended: Ended) -> None:
        """Put on record how an attempt ended: with, or before, every commit that comes after this.

        Nobody has to wait for that: so there is at most one message a connection whose reply a crash forgets.
        """
        self._next.ends.append(ended)
        if self._writing is None and self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(GATHER_S, self._write)

    async def do(self, job: "Callable[[Connection], T]") -> T:
        """Do this in a transaction of its own, after what was put on record before."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        loop = asyncio.get_running_loop()

        def run() -> None:
            try:
                with self._database.begin() as connection:
                    done = job(connection)
            except Exception as problem:  # to whoever asked
                loop.call_soon_threadsafe(_fail, future, problem)
            else:
                loop.call_soon_threadsafe(_answer, future, done)

        self._next.jobs.append(run)
        self._write()
        return await future

    async def drain(self) -> None:
        """Wait until everything is on record, or cannot be."""
        while self._next or self._writing is not None:
            self._write()
            if self._writing is not None:
                await asyncio.wait({self._writing})

    # ------------------------------------------------------------ the one writer

    def _write(self) -> None:
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write_all())

    async def _write_all(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._next:
                group, self._next = self._next, _Group()
                if group.commits or group.ends:
                    await self._write_safely(group)
                for job in group.jobs:
                    await loop.run_in_executor(self._thread, job)
        finally:
            self._writing = None

    async def _write_safely(self, group: _Group) -> None:
        """Whatever breaks in here ends the run, and nobody waits for an answer that does not come."""
        try:
            await self._write_group(group)
        except Exception as problem:
            self.broken = problem
            for _, future in group.commits:
                _fail(future, problem)

    async def _write_group(self, group: _Group) -> None:
        """One transaction; if it fails, no body of it goes out, and its ends are tried again."""
        commits = [claimed for claimed, _ in group.commits]
        try:
            held = await self._record(commits, group.ends)
        except Exception as problem:
            for _, future in group.commits:
                _fail(future, problem)
            self._failures += bool(commits)
            await self._insist(group.ends, problem)
            if self._failures >= FAILURES or not isinstance(problem, StoreError):
                self.broken = problem
            return
        for claimed, future in group.commits:
            _answer(future, claimed.message.message_id in held)
        self._failures = 0 if commits else self._failures

    async def _insist(self, ends: Sequence[Ended], problem: Exception) -> None:
        """What was sent is sent, and must be written down; all else waits for that."""
        if not ends:
            return
        pauses_s = PAUSES_S if self.broken is None else PAUSES_S[:1]
        for pause_s in pauses_s:
            if self._spare is not None:
                self._spare.free()
            await asyncio.sleep(pause_s)
            try:
                await self._record((), ends)
            except Exception as again:
                problem = again
            else:
                # That room is for last words: without it, nothing new may begin.
                if self._spare is not None and not self._spare.retake():
                    self.broken = problem
                return
        self.broken = problem

    async def _record(self, commits: Sequence[Delivery], ends: Sequence[Ended]) -> frozenset[str]:
        if commits and self.broken is not None:
            raise self.broken
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._transact, commits, ends)

    def _transact(self, commits: Sequence[Delivery], ends: Sequence[Ended]) -> frozenset[str]:
        """In the thread: one transaction."""
        with self._database.begin() as connection:
            now = self._clock()
            if ends:
                once = self._manners.resend_once
                counted = deliveries.record_attempts(connection, ends, now, resend_once=once)
                for one in ends:
                    if one.delivery.message.message_id in counted:
                        self._bar(connection, one, now)
            if not commits:
                return frozenset()
            return deliveries.record_commits(connection, commits, now, now + LEASE)

    def _bar(self, connection: "Connection", ended: Ended, now: datetime) -> None:
        """Let an address that is no good get no more mail."""
        attempt, recipient = ended.attempt, ended.delivery.message.envelope.recipient
        if attempt.state is not DeliveryState.FAILED or not is_about_address(attempt):
            return
        enough = self._manners.suppress_after
        if is_hard_bounce(attempt):
            suppress(connection, Suppression(address=recipient, reason=attempt.reply, at=now))
        elif enough and (failures := permanent_failures(connection, recipient)) >= enough:
            reason = f"{failures} messages in a row were refused, the last with: {attempt.reply}"
            suppress(connection, Suppression(address=recipient, reason=reason, at=now))


def _answer(future: "asyncio.Future[T]", answer: T) -> None:
    """Who asked may have been cancelled."""
    if not future.done():
        future.set_result(answer)


def _fail(future: "asyncio.Future[T]", problem: Exception) -> None:
    if not future.done():
        future.set_exception(problem)


# ---------------------------------------------------------------- a full disk


class Spare:
    """Some room on the store's disk, so that how a message ended can still be written when that is full."""

    SIZE = 1 << 20
    """A transaction of some hundred ends needs less: a page or two of 4 kB each."""

    def __init__(self, store: Path, owner: str) -> None:
        self._file = store.with_name(f"{store.name}.spare-{owner}")

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Have the room; raises StoreError if there is none: nothing is sent that could not be recorded."""
        try:
            self._take()
        except OSError as problem:
            self.free()
            what = f"the store cannot be used: {problem.strerror}"
            raise StoreError(what, where=str(self._file.parent), fix="Make room on the disk") from problem
        try:
            yield
        finally:
            self.free()

    def retake(self) -> bool:
        """Have it once more; False if there is no room any more."""
        try:
            self._take()
        except OSError:
            self.free()
            return False
        return True

    def _take(self) -> None:
        with self._file.open("wb") as opened:
            opened.write(os.urandom(self.SIZE))  # btrfs and ZFS keep no room for zeros

    def free(self) -> None:
        """Give it back, if the disk lets us: the last words are tried without it, too."""
        with contextlib.suppress(OSError):
            self._file.unlink(missing_ok=True)
