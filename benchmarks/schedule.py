"""What it costs to know who is due: Digest's table of turns, beside one APScheduler job for each profile.

    python benchmarks/schedule.py [--quick] [--most N] [--store postgresql://HOST/EMPTY] [--json F] [WAY...]

An eighth of the profiles is due at one moment, the others later; they live in 24 time zones. No edition is
made and no profile read: only who is due is found, the next time reckoned, and the row or job moved on to it.
Each case runs in a process of its own, small ones thrice, of which the fastest counts; memory in another, as
watching it takes time. Ways:

  turns      the table `turn`, 500 rows and one durable transaction at a time (SQLite, synchronous=FULL), the
             next turn by digest.schedule; with --store in PostgreSQL, what that takes itself not counted
  memory     APScheduler 3.11, its memory job store, a cron trigger a job
  stored     the same with its SQLAlchemy job store on SQLite

What it prints, times of the processor, as others may be at work on the machine:

  load s     to state the first turn of every profile
  idle ms    a tick at which nobody is due
  due s      a tick at which an eighth is due
  a second   of those, found and moved on
  held MB    memory of Python's own that the loaded schedule keeps (tracemalloc)
  peak MB    memory of the process, beyond what it had before the schedule was loaded
"""

import argparse
import json
import multiprocessing
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as hour_of
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from apscheduler.schedulers.base import BaseScheduler

    from digest.model import Profile
    from digest.store.database import Database
    from digest.store.turns import TurnRow

SIZES = {
    "turns": (100, 10_000, 1_000_000),
    "memory": (100, 10_000, 100_000),
    "stored": (100, 10_000),
}
"""A job for each of a million profiles takes gigabytes and minutes; a stored one, a second for a thousand."""
QUICK = 100
AT_ONCE = 500
FEW, ROUNDS = 10_000, 3
"""Cases with up to so many profiles are run so often."""
FIRST = 8
"""Profiles to warm up with."""
TICKS = 50
"""Ticks at which nobody is due: the mean counts."""
HOUR = hour_of(7, 30)
ZONES = (
    "Pacific/Kiritimati Pacific/Apia Pacific/Auckland Pacific/Norfolk Australia/Lord_Howe Australia/Adelaide "
    "Asia/Tokyo Asia/Shanghai Asia/Kolkata Asia/Kathmandu Asia/Dubai Asia/Tehran Africa/Nairobi "
    "Europe/Athens Europe/Berlin Europe/London Atlantic/Azores America/Nuuk America/Sao_Paulo "
    "America/St_Johns America/New_York America/Chicago America/Los_Angeles Pacific/Honolulu"
).split()


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one case came to."""

    profiles: int
    load_s: float
    idle_ms: float
    due_s: float
    due: int
    held_mb: float
    peak_mb: float


class Way(Protocol):
    """A way to know who is due."""

    def load(self, numbers: range, now: datetime) -> None:
        """State the first turn of these profiles: an eighth is due at `now`."""

    def tick(self, now: datetime) -> int:
        """Find who is due, and move them on; how many there were."""


# ---------------------------------------------------------------- the table


@dataclass(frozen=True, slots=True)
class Turns:
    """Digest's own: rows, and an index on the time."""

    database: "Database"

    def load(self, numbers: range, now: datetime) -> None:
        """In batches, as the daemon does at its start."""
        from digest.store.turns import put_turns

        for start in range(0, len(numbers), AT_ONCE):
            with self.database.begin() as connection:
                put_turns(connection, [_first(number, now) for number in numbers[start : start + AT_ONCE]])

    def tick(self, now: datetime) -> int:
        """A transaction for each batch; none where nobody is due."""
        from digest.store.turns import due_turns, put_turns

        moved = 0
        while True:
            with self.database.read() as connection:
                rows = due_turns(connection, now, AT_ONCE)
            if not rows:
                return moved
            with self.database.begin() as connection:
                put_turns(connection, [_next(row, now) for row in rows])
            moved += len(rows)


def _first(number: int, now: datetime) -> "TurnRow":
    from digest.store.turns import TurnRow

    due_at = now if _is_due(number) else now + timedelta(minutes=1 + number % 1440)
    return TurnRow(profile=f"reader{number:07}", day=now.date(), due_at=due_at, plan="mon-sun 07:30")


def _next(row: "TurnRow", now: datetime) -> "TurnRow":
    from dataclasses import replace

    from digest.schedule import agenda

    profile = _profiles()[int(row.profile.removeprefix("reader")) % len(ZONES)]
    following = agenda(profile, last=row.day, now=now).following
    assert following is not None
    return replace(row, day=following.day, due_at=following.due_at)


def _profiles() -> "list[Profile]":
    """One for each zone: what a schedule is made of."""
    if not _MADE:
        from digest.model import Profile

        _MADE.extend(
            Profile(name=zone, email="ada@example.org", timezone=zone, send_at=HOUR) for zone in ZONES
        )
    return _MADE


_MADE: "list[Profile]" = []


@contextmanager
def turns(folder: Path, place: str) -> Iterator[Turns]:
    """In a file of this folder, or in an empty PostgreSQL database."""
    from digest.store.database import open_database

    with open_database(place or folder / "digest.sqlite3") as database:
        yield Turns(database)


# ---------------------------------------------------------------- a job a profile


@dataclass(frozen=True, slots=True)
class Jobs:
    """APScheduler's: a job with its trigger for each profile; what a job does is nothing."""

    scheduler: "BaseScheduler"

    def load(self, numbers: range, now: datetime) -> None:
        """Those who are due have been so for a second."""
        from zoneinfo import ZoneInfo

        from apscheduler.triggers.cron import CronTrigger

        for number in numbers:
            zone = ZoneInfo(ZONES[number % len(ZONES)])
            due_at = now - timedelta(seconds=1) if _is_due(number) else now + timedelta(hours=12)
            self.scheduler.add_job(
                nothing,
                CronTrigger(hour=HOUR.hour, minute=HOUR.minute, timezone=zone),
                id=f"reader{number:07}",
                args=[number],
                next_run_time=due_at,
                misfire_grace_time=None,
                coalesce=True,
            )

    def tick(self, now: datetime) -> int:
        """What APScheduler's thread does when it wakes up; its clock is this machine's."""
        before = len(_RUN)
        self.scheduler._process_jobs()
        return len(_RUN) - before


_RUN: list[int] = []


def nothing(number: int) -> None:
    """A job's work: only that it ran."""
    _RUN.append(number)


@contextmanager
def _jobs(store: Any) -> Iterator[Jobs]:
    from apscheduler.executors.debug import DebugExecutor
    from apscheduler.schedulers.base import BaseScheduler

    class Driven(BaseScheduler):  # type: ignore[misc]
        """Wakes up when it is told to."""

        def wakeup(self) -> None:
            """There is no thread to be woken."""

        def shutdown(self, wait: bool = True) -> None:
            """Nothing runs that would have to be waited for."""
            super().shutdown(wait)

    scheduler = Driven(jobstores={"default": store}, executors={"default": DebugExecutor()}, timezone=UTC)
    scheduler.start()
    yield Jobs(scheduler)
    scheduler.shutdown()


@contextmanager
def memory(folder: Path, place: str) -> Iterator[Jobs]:
    """Lost when the process ends."""
    from apscheduler.jobstores.memory import MemoryJobStore

    with _jobs(MemoryJobStore()) as jobs:
        yield jobs


@contextmanager
def stored(folder: Path, place: str) -> Iterator[Jobs]:
    """Pickled, in a SQLite file."""
    from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore

    with _jobs(SQLAlchemyJobStore(url=f"sqlite:///{folder / 'jobs.sqlite3'}")) as jobs:
        yield jobs


def _is_due(number: int) -> bool:
    return number % 8 == 0


WAYS: "dict[str, Callable[[Path, str], Any]]" = {"turns": turns, "memory": memory, "stored": stored}


# ---------------------------------------------------------------- measuring


def timed(name: str, profiles: int, place: str) -> dict[str, float]:
    """One case: load it, then a tick with an eighth due, then ticks with nobody."""
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory() as folder, WAYS[name](Path(folder), place) as way:
        warm_up(way, now)
        before = memory_mb("VmRSS")
        load_s, _ = seconds(lambda: way.load(range(FIRST, FIRST + profiles), now))
        due_s, due = seconds(lambda: way.tick(now))
        idle_s, none = seconds(lambda: sum(way.tick(now) for _ in range(TICKS)))
        assert none == 0
        peak = memory_mb("VmHWM") - before
    idle_ms = 1000 * idle_s / TICKS
    return {"load_s": load_s, "due_s": due_s, "due": due, "idle_ms": idle_ms, "peak_mb": peak}


def held(name: str, profiles: int, place: str) -> float:
    """Megabytes of Python's own memory that the schedule keeps when it is loaded."""
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory() as folder, WAYS[name](Path(folder), place) as way:
        warm_up(way, now)
        tracemalloc.start()
        way.load(range(FIRST, FIRST + profiles), now)
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return kept / 1e6


def warm_up(way: Way, now: datetime) -> None:
    """What is imported late, and statements that are compiled once."""
    way.load(range(FIRST), now)
    way.tick(now)


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """How long the processor was at it, and what it gave."""
    begun = time.process_time()
    given = work()
    return time.process_time() - begun, given


def memory_mb(name: str) -> float:
    """What the kernel says of this process's memory under that name."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition(f"{name}:")[2].split()[0]) / 1024


def apart(work: Callable[[str, int, str], Any], name: str, profiles: int, place: str) -> Any:
    """What a case gives in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, (name, profiles, place))


def measured(name: str, profiles: int, place: Callable[[], str]) -> Figures:
    """Time in one process, memory in another."""
    rounds = 1 if profiles > FEW else ROUNDS
    runs = [apart(timed, name, profiles, place()) for _ in range(rounds)]
    times = {key: min(run[key] for run in runs) for key in runs[0]}
    return Figures(profiles=profiles, held_mb=apart(held, name, profiles, place()), **times)


def emptied(address: str) -> Callable[[], str]:
    """Says the address of a database in which no turn stands any more; of a file, nothing."""

    def place() -> str:
        if address:
            from digest.store.database import open_database
            from digest.store.tables import turn

            with open_database(address) as database, database.begin() as connection:
                connection.execute(turn.delete())
        return address

    return place


def sizes(name: str, most: int) -> list[int]:
    """The numbers of profiles that a way is measured with."""
    return [profiles for profiles in SIZES[name] if profiles <= most]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} profiles: only that it runs")
    parser.add_argument("--most", type=int, default=max(SIZES["turns"]), metavar="N", help="profiles")
    parser.add_argument("--store", default="", metavar="ADDRESS", help="of an empty PostgreSQL database")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here, too")
    parser.add_argument("ways", nargs="*", metavar="WAY", help=", ".join(WAYS))
    asked = parser.parse_args(arguments)
    place = emptied(asked.store)
    found: dict[str, list[Figures]] = {}
    heads = ("profiles", "load s", "idle ms", "due s", "a second", "held MB", "peak MB")
    print(f"{'way':8}" + "".join(f"{head:>10}" for head in heads))
    for name in asked.ways or WAYS:
        found[name] = []
        for profiles in sizes(name, QUICK if asked.quick else asked.most):
            row = measured(name, profiles, place)
            found[name].append(row)
            print(
                f"{name:8}{row.profiles:10,}{row.load_s:10.3f}{row.idle_ms:10.3f}{row.due_s:10.4f}"
                f"{row.due / row.due_s:10,.0f}{row.held_mb:10.2f}{row.peak_mb:10.1f}",
                flush=True,
            )
    if asked.json:
        plain = {name: list(map(asdict, rows)) for name, rows in found.items()}
        asked.json.write_text(json.dumps(plain, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
