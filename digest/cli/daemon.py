"""The clock of `digest run`: it lets a service's parts do their work, looks after them, and ends them.

APScheduler only ticks: what is due follows from the store, so that a tick which comes late, or never, harms
nothing (docs/decisions/0022-schedule.md).
"""

import logging
import os
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from queue import Empty, SimpleQueue
from signal import SIGINT, SIGTERM

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler

from digest.cli.pulses import Pulses
from digest.cli.service import WAIT_FOR_HARVEST, Ending, Failed, Mended, Service
from digest.errors import DigestError
from digest.notify import Notifier
from digest.vitals import Vitals, as_json, in_words

PARTS = ("harvest", "editions", "deliver", "watch", "files")
LONGEST_BEAT_S = 5.0
"""So often, in seconds, the main thread looks after the others."""
DELIVERY_ENDS_S = 70.0
"""How long the end of sending is waited for: the outbox itself gives up replies to bodies sooner."""
OTHERS_END_S = 10.0
"""The same of all else: each of its transactions is in the store whole, or not at all."""
INSISTED_S = 3.0
_ENDING = (SIGTERM, SIGINT)


@dataclass(eq=False, slots=True)
class Daemon:
    """One run of a service, until a signal ends it."""

    service: Service
    pulses: Pulses
    notifier: Notifier
    signals: "SimpleQueue[int]"
    """What comes from outside, put there by handlers: this queue may be used in them."""
    watchdog_s: float | None = None
    clock: Callable[[], float] = time.monotonic
    ticks: BackgroundScheduler = field(default_factory=lambda: _scheduler())  # noqa: PLW0108 - stands below
    _tick_s: int = 0
    _has_put_off: bool = False
    """Whether editions wait for the harvest to end."""
    _vitals: Vitals | None = None
    """As they were last written down."""
    _written_at: float = 0.0
    _unwritten: str = ""
    """Why they could not be."""

    def serve(self) -> tuple[str, ...]:
        """From the first tick to the end; returns the parts that did not end in time."""
        self._begin()
        self._beat()
        self.notifier.ready(self._status())
        while (number := self._signal(self._beat_s)) not in _ENDING:
            if number is not None:
                self._reread()
            self._beat()
        self.notifier.stopping()
        return self._end()

    # ------------------------------------------------------------ ticks

    def _begin(self) -> None:
        """The first tick of all parts is now."""
        self._tick_s = self.service.loaded.settings.run.tick_s
        for name in PARTS:
            self.ticks.add_job(
                self._tick, "interval", (name,), id=name, seconds=self._tick_s, next_run_time=_now()
            )
        self.ticks.start()

    def _tick(self, name: str) -> None:
        """A part's turn. What goes wrong in it is told whole, and it is tried again at the next tick."""
        if self.service.halt.asked.is_set():
            return
        with self.pulses.at_work(name):
            followed = self._done(name, partial(self._work, name))
        if name == "harvest" and (followed or self._has_put_off):
            self._hasten("editions")
        elif name in ("editions", "files") and followed:
            self._hasten("deliver")

    def _done(self, name: str, work: Callable[[], bool], *, is_asked: bool = False) -> bool:
        """What the work returns, or False where it failed; what stands is not told at each tick."""
        try:
            followed = work()
        except DigestError as problem:
            failed = Failed(part=name, problem=str(problem))
        except Exception as fault:
            what = f"a fault in Digest ({type(fault).__name__}); please report it"
            failed = Failed(part=name, problem=what, trace=traceback.format_exc())
        else:
            if self.pulses.well(name, self.service.world.now()):
                self.service.tell(Mended(part=name))
            return followed
        if self.pulses.ill(name, failed.problem) or is_asked:
            self.service.tell(failed)
        return False

    def _work(self, name: str) -> bool:
        """Whether there was something to do, so that others may have, too."""
        match name:
            case "harvest":
                return self.service.harvest()
            case "editions":
                self._has_put_off = self.pulses.is_awaited("harvest", WAIT_FOR_HARVEST.total_seconds())
                return not self._has_put_off and self.service.editions()
            case "deliver":
                return self.service.deliver()
            case "files":
                return self.service.reload_if_changed()
            case _:
                self.service.watch()
                return False

    def _hasten(self, name: str) -> None:
        """Its next tick is now; it has none any more where the end has begun."""
        with suppress(JobLookupError):
            self.ticks.modify_job(name, next_run_time=_now())

    def _keep_time(self) -> None:
        """Tick as the configuration has it now; a clock that was set back leaves no tick in a far future."""
        if self._tick_s != (tick_s := self.service.loaded.settings.run.tick_s):
            self._tick_s = tick_s
            for name in PARTS:
                self.ticks.reschedule_job(name, trigger="interval", seconds=tick_s)
        latest = _now() + timedelta(seconds=2 * tick_s)
        for job in self.ticks.get_jobs():
            if job.next_run_time is not None and job.next_run_time > latest:
                self._hasten(job.id)

    # ------------------------------------------------------------ the main thread

    @property
    def _beat_s(self) -> float:
        return min(LONGEST_BEAT_S, self._tick_s, (self.watchdog_s or LONGEST_BEAT_S) / 2)

    def _signal(self, within_s: float) -> int | None:
        """The next one; `None` if none comes in time."""
        try:
            return self.signals.get(timeout=within_s)
        except Empty:
            return None

    def _reread(self) -> None:
        self.notifier.reloading(time.monotonic_ns() // 1_000)
        if self._done("files", self.service.reload, is_asked=True):
            self._hasten("deliver")
        self.notifier.ready(self._status())

    def _beat(self) -> None:
        """Look how all are; the watchdog is not fed where one hangs, so that systemd starts all anew."""
        self._keep_time()
        now = self._look()
        if not now.hanging:
            self.notifier.alive()
        before, moment = self._vitals, self.clock()
        if before is None or now.is_other(before) or moment - self._written_at >= self._tick_s:
            self._vitals, self._written_at = now, moment
            self.notifier.status(in_words(now, now.at))
            self._write(now)

    def _status(self) -> str:
        now = self._look()
        return in_words(now, now.at)

    def _look(self) -> Vitals:
        loaded, parts = self.service.loaded, self.pulses.parts(self._tick_s)
        waits = timedelta(seconds=loaded.settings.delivery.patience_s)
        return Vitals(
            at=self.service.world.now(),
            pid=os.getpid(),
            tick_s=self._tick_s,
            readers=len(loaded.profiles),
            parts=parts,
            hanging=tuple(
                one.name for one in parts if one.hangs(waits if one.name == "deliver" else _NO_TIME)
            ),
            next_at=self.service.next_at,
            overdue=tuple(one.line for one in self.service.overdue),
            problem=str(self.service.problem or ""),
        )

    def _write(self, vitals: Vitals) -> None:
        """Into the health file, if there is one; whoever reads it finds a whole one."""
        named = self.service.loaded.settings.run.health_file
        if named is None:
            return
        path = self.service.loaded.path(named)
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            fresh.write_text(as_json(vitals), encoding="utf-8")
            fresh.replace(path)
        except OSError as problem:
            what = f"cannot be written ({problem.strerror})"
            if what != self._unwritten:
                self.service.tell(DigestError(what, where=f"{path}: health_file"))
            self._unwritten = what
            with suppress(OSError):
                fresh.unlink(missing_ok=True)
        else:
            self._unwritten = ""

    # ------------------------------------------------------------ the end

    def _end(self) -> tuple[str, ...]:
        """No new work; what is under way is asked to end, and waited for, but not for ever."""
        self.service.halt.ask()
        self.ticks.remove_all_jobs()
        self.service.tell(Ending(working=self.pulses.working()))
        asked_at, patience_s = self.clock(), DELIVERY_ENDS_S
        while (waited_s := self.clock() - asked_at) < patience_s and self._is_worth_waiting(waited_s):
            if self._signal(0.1) in _ENDING:
                self.service.halt.ask()
                patience_s = min(patience_s, waited_s + INSISTED_S)
        self.ticks.shutdown(wait=False)
        self._write(replace(self._look(), has_ended=True))
        return self.pulses.working()

    def _is_worth_waiting(self, waited_s: float) -> bool:
        working = self.pulses.working()
        return "deliver" in working or (bool(working) and waited_s < OTHERS_END_S)


_NO_TIME = timedelta()


def _scheduler() -> BackgroundScheduler:
    """One thread a part. A tick that comes late comes all the same, and several that are late come as one."""
    for name in ("apscheduler.scheduler", "apscheduler.executors.default"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # a part that is still at work needs no second
    return BackgroundScheduler(
        jobstores={"default": MemoryJobStore()},
        executors={"default": ThreadPoolExecutor(len(PARTS))},
        job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        timezone=UTC,
    )


def _now() -> datetime:
    """For ticks only: what is due is asked of the world's clock."""
    return datetime.now(UTC)
