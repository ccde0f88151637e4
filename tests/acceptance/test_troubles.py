"""What lies around the outbox fails: the disk, the lock, the clock, the process, the power. Nothing is lost or repeated."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from digest.errors import ExitCode, StoreError
from digest.ledger import Manners
from digest.model import DeliveryState
from digest.pace import Limits
from digest.store.database import Database, damage, open_database, open_for_reading
from digest.store.record import Listed, tried
from digest.transport.smtp import SmtpServer
from tests.acceptance.conftest import at_port
from tests.desk import ADA, Desk
from tests.faults.books import Books, books, hidden, lost, queue, reader, repeated
from tests.faults.engine import Post
from tests.faults.process import LONGEST_S, drive, driving, outcome
from tests.faults.server import FaultServer, Rule, calls, says, serving, the
from tests.postgres import Server, running_server

pytestmark = pytest.mark.acceptance

QUEUED, SENDING, UNKNOWN, SENT, FAILED, EXPIRED = DeliveryState


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    with running_server() as running:
        yield running


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    if request.param == "SQLite":
        return tmp_path / "digest.sqlite3"
    running: Server = request.getfixturevalue("postgres")
    return running.empty()


def filled(place: str | Path, readers: int) -> None:
    with open_database(place) as database:
        queue(database, range(readers))


def as_it_stands(place: str | Path) -> Books:
    with open_for_reading(place) as database:
        return books(database)


def none_lost_none_repeated(now: Books, server: FaultServer, most: int = 1) -> None:
    assert not lost(now, server)
    assert not hidden(now, server)
    assert not repeated(server, most)


# ---------------------------------------------------------------- the disk

ROOM = 8 * 1024 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, which can be filled."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ("mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", folder), capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"needs the right to mount a file system: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(("umount", "--lazy", folder), check=True)


def test_a_disk_that_is_full_takes_no_half_of_a_days_messages(small_disk: Path) -> None:
    path = small_disk / "digest.sqlite3"
    with open_database(path) as database:
        queue(database, range(10))

        with pytest.raises(StoreError, match="Make room"):
            queue(database, range(10, 900), size=12_000)
        full = books(database)
        queue(database, range(10, 20))
        after = books(database)

    assert len(full.listed) == 10
    assert after.states == {QUEUED: 20}


@pytest.mark.parametrize(
    ("step", "nth"),
    [("claim:begun", 1), ("mark:begun", 1), ("mark:begun", 20), ("replied", 60), ("end:begun", 20)],
)
def test_a_disk_that_fills_up_stops_the_sending_and_loses_nothing(
    step: str, nth: int, small_disk: Path, server: FaultServer
) -> None:
    """The last words are written into room that was kept for them: nothing becomes unknown."""
    path = small_disk / "digest.sqlite3"
    filled(path, 300)

    ended = drive(path, server.port, "--step", step, "--nth", str(nth), "--then", "fill-disk")
    full, sent = as_it_stands(path), len(server.ledger)
    none_lost_none_repeated(full, server)
    (small_disk / "ballast").unlink()
    again = drive(path, server.port)

    assert ended.code == ExitCode.STORE, ended.errors
    assert any("Make room" in line for line in ended.lines)
    assert sent < 300
    assert again.is_done, again.errors
    assert as_it_stands(path).states == {SENT: 300}
    none_lost_none_repeated(as_it_stands(path), server)


@pytest.mark.slow
def test_no_file_can_grow_for_longer_than_the_ledger_insists(tmp_path: Path, server: FaultServer) -> None:
    """Nothing can be written, not even last words: what was out is unknown, and nothing else is."""
    path = tmp_path / "digest.sqlite3"
    filled(path, 300)

    ended = drive(path, server.port, "--step", "replied", "--nth", "50", "--then", "fill")
    again = drive(path, server.port)
    end = as_it_stands(path)

    assert ended.code == ExitCode.STORE, ended.errors
    assert again.is_done, again.errors
    assert end.states[SENT] + end.states[UNKNOWN] == 300
    assert end.states[UNKNOWN] <= 4
    none_lost_none_repeated(end, server)


# ---------------------------------------------------------------- the lock


@contextmanager
def impatient(path: Path) -> Iterator[Database]:
    """A store whose connections wait for a lock a tenth of a second, not fifteen."""
    with open_database(path) as database:
        database.engine.dispose()
        event.listen(database.engine, "connect", lambda raw, _: raw.execute("PRAGMA busy_timeout=100"))
        yield database


class Occupied:
    """Another who writes, for as long as it takes."""

    def __init__(self, path: Path) -> None:
        self._other = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)

    def begin(self) -> None:
        self._other.execute("BEGIN IMMEDIATE")

    def end(self) -> None:
        self._other.execute("ROLLBACK")
        self._other.close()


def test_a_store_that_is_locked_from_the_beginning_sends_nothing(tmp_path: Path, server: FaultServer) -> None:
    path = tmp_path / "digest.sqlite3"
    filled(path, 20)
    other = Occupied(path)
    other.begin()
    with impatient(path) as database:
        post = Post(database, way_to(server))

        with pytest.raises(StoreError, match="Another Digest is writing"):
            post.run()
        other.end()
        heard = dict(server.verbs)
        end = post.run_to_the_end()

    assert heard == {}
    assert end.states == {SENT: 20}
    none_lost_none_repeated(end, server)


@pytest.mark.parametrize("phase", ["MAIL", "DATA", "body"])
def test_a_store_that_is_locked_in_the_midst_for_longer_than_is_waited_for_it_loses_no_word(
    phase: str, tmp_path: Path, server: FaultServer
) -> None:
    path = tmp_path / "digest.sqlite3"
    filled(path, 20)
    other = Occupied(path)

    def lock_for_a_while() -> None:
        other.begin()
        threading.Timer(0.5, other.end).start()

    server.rules = [Rule(phase, calls(lock_for_a_while), when=the(5))]
    with impatient(path) as database:
        post = Post(database, way_to(server))

        with suppress(StoreError):
            post.run()
        end = post.run_to_the_end()

    assert end.states == {SENT: 20}
    none_lost_none_repeated(end, server)


# ---------------------------------------------------------------- several processes


def test_two_processes_at_once_share_the_work_and_repeat_nothing(
    place: str | Path, server: FaultServer
) -> None:
    filled(place, 1_500)

    with driving(place, server.port) as one, driving(place, server.port) as other:
        first, second = outcome(one), outcome(other)
    end = as_it_stands(place)

    assert first.code == second.code == 0, (first.errors, second.errors)
    assert not first.of("marked") & second.of("marked")
    assert first.of("marked")
    assert second.of("marked")
    assert end.states == {SENT: 1_500}
    none_lost_none_repeated(end, server)


def test_two_sends_at_once_mail_each_reader_once(smtp_desk: Desk, server: FaultServer) -> None:
    for number in range(12):
        smtp_desk.write(f"profiles/b{number}.toml", ADA.replace("ada@", f"b{number}@"))
    desk = at_port(smtp_desk, server.port)
    command = [sys.executable, "-m", "digest", "send"]

    both = [
        subprocess.Popen(command, cwd=desk.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=LONGEST_S) for process in both]

    assert [process.returncode for process in both] == [0, 0], said
    assert server.kept == dict.fromkeys(("ada@example.org", *(f"b{n}@example.org" for n in range(12))), 1)


ALONE = ("--connections", "1")
"""So that it does not stall inside a transaction, which would keep the others from writing."""


@pytest.mark.parametrize("step", ["claim:durable", "mark:asked", "mark:known", "replied"])
def test_a_process_that_wakes_after_another_took_over_repeats_nothing(
    step: str, place: str | Path, server: FaultServer
) -> None:
    """Stalled past its leases, and nobody can know that it lives: twenty minutes later, by another's clock."""
    filled(place, 200)

    with driving(place, server.port, *ALONE, "--step", step, "--then", "stop") as stalled:
        os.waitpid(stalled.pid, os.WUNTRACED)
        other = drive(place, server.port, "--blind", "--minutes", "20")
        between = as_it_stands(place)
        stalled.send_signal(signal.SIGCONT)
        woken = outcome(stalled)
    end = as_it_stands(place)

    assert other.is_done, other.errors
    assert woken.code == 0, woken.errors
    assert set(between.states) <= {SENT, UNKNOWN}
    assert between.states[UNKNOWN] <= 1
    assert end.states == {SENT: 200}
    none_lost_none_repeated(end, server)


def test_a_process_that_is_known_to_live_keeps_its_messages_however_late(
    place: str | Path, server: FaultServer
) -> None:
    filled(place, 200)

    with driving(place, server.port, *ALONE, "--step", "mark:known", "--then", "stop") as stalled:
        os.waitpid(stalled.pid, os.WUNTRACED)
        other = drive(place, server.port, "--minutes", "20")
        between = as_it_stands(place)
        stalled.send_signal(signal.SIGCONT)
        woken = outcome(stalled)
    end = as_it_stands(place)

    assert (other.code, woken.code) == (0, 0), (other.errors, woken.errors)
    assert not other.of("unknown")
    assert between.under_way
    assert end.states == {SENT: 200}
    none_lost_none_repeated(end, server)


# ---------------------------------------------------------------- the clock

EIGHT_HOURS, AN_HOUR, YEARS = timedelta(hours=8), timedelta(hours=1), timedelta(days=400)


@pytest.mark.parametrize("resend_once", [False, True])
@pytest.mark.parametrize("phase", ["banner", "MAIL", "DATA", "inside", "body"])
@pytest.mark.parametrize(
    "jumps", [[EIGHT_HOURS], [-AN_HOUR], [YEARS], [-YEARS], [YEARS, -YEARS], [-AN_HOUR, AN_HOUR]]
)
def test_a_clock_that_jumps_in_the_midst_loses_and_repeats_nothing(
    jumps: list[timedelta], phase: str, resend_once: bool, tmp_path: Path, server: FaultServer
) -> None:
    path = tmp_path / "digest.sqlite3"
    filled(path, 20)
    with open_database(path) as database:
        manners = Manners(resend_once=resend_once)
        post = Post(database, way_to(server), limits=Limits(connections=2, per_connection=4), manners=manners)
        server.rules = [
            Rule(phase, calls(jumping(post, jump)), when=the(2 + 2 * number))
            for number, jump in enumerate(jumps)
        ]

        post.run()
        while post.clock.now < books(database).listed[0].due_at:
            post.clock.jump(YEARS)
        end = post.run_to_the_end()

    assert end.states == {SENT: 20}
    none_lost_none_repeated(end, server)


def jumping(post: Post, jump: timedelta) -> Callable[[], None]:
    return lambda: post.clock.jump(jump)


def test_a_pause_that_a_wrong_clock_began_ends_with_the_right_one(
    tmp_path: Path, server: FaultServer
) -> None:
    path = tmp_path / "digest.sqlite3"
    filled(path, 20)
    with open_database(path) as database:
        post = Post(database, way_to(server))
        post.clock.jump(YEARS)
        server.rules = [Rule("banner", says("421 4.3.2 too busy"))]
        post.run()
        server.rules = ()
        post.clock.jump(-YEARS)
        queue(database, range(100, 120), now=post.clock.now)
        for _ in range(3):
            post.clock.jump(AN_HOUR)
            post.run()

        assert frozenset(one.message_id for one in books(database).listed if one.profile >= reader(100)) <= (
            books(database).ids(SENT)
        )


def test_limits_that_a_wrong_clock_used_up_are_free_again_with_the_right_one(
    tmp_path: Path, server: FaultServer
) -> None:
    path = tmp_path / "digest.sqlite3"
    filled(path, 20)
    with open_database(path) as database:
        post = Post(database, way_to(server), limits=Limits(connections=2, per_hour=10))
        post.clock.jump(YEARS)
        post.run()
        post.clock.jump(-YEARS)
        for _ in range(3):
            post.clock.jump(AN_HOUR)
            post.run()

        assert books(database).states == {SENT: 20}
    assert not repeated(server)


# ---------------------------------------------------------------- the power


def test_whatever_of_the_log_a_power_cut_takes_every_message_stands_as_it_may(
    tmp_path: Path, server: FaultServer
) -> None:
    """The tail of SQLite's log is cut at any byte, as a disk that lied might leave it."""
    path, draw = tmp_path / "digest.sqlite3", random.Random(7)
    filled(path, 400)
    with driving(path, server.port, "--step", "mark:known", "--nth", "150", "--then", "stop") as stalled:
        os.waitpid(stalled.pid, os.WUNTRACED)
        kept = [Path(shutil.copy(f"{path}{end}", tmp_path / f"kept{end}")) for end in ("", "-wal")]
        stalled.kill()
    log = kept[1].read_bytes()

    for size in sorted({0, len(log), *(draw.randrange(len(log)) for _ in range(40))}):
        cut = tmp_path / f"cut{size}"
        shutil.copy(kept[0], cut)
        Path(f"{cut}-wal").write_bytes(log[:size])
        with open_database(cut) as database:
            assert damage(database) is None
            now = books(database)
            assert len(now.listed) == 400
            for one in now.listed:
                is_legal(database, one)
            assert not lost(now, server)
            if size == len(log):
                assert not hidden(now, server)


def is_legal(database: Database, one: Listed) -> None:
    """What the record says of a message, and of what was tried with it, agrees."""
    with database.read() as connection:
        tries = tried(connection, one.message_id)
    is_under_way = one.state is SENDING or (one.state is UNKNOWN and one.ended_at is None)
    assert len(tries) == one.attempts
    assert [made.ended_at is None for made in tries] == [False] * (len(tries) - 1) + [is_under_way] * bool(
        tries
    )
    assert bool(one.owner) == is_under_way
    assert (one.lease_until is not None) == is_under_way
    assert (one.ended_at is not None) == (one.state in (SENT, FAILED, EXPIRED))


def test_what_is_on_record_is_on_the_disk(tmp_path: Path) -> None:
    with open_database(tmp_path / "digest.sqlite3") as database, database.begin() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def way_to(server: FaultServer) -> SmtpServer:
    return SmtpServer(host="127.0.0.1", port=server.port, security="none", timeout_s=30, body_timeout_s=30)
