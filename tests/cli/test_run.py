"""`digest run` and `digest health`: ticks, signals, signs of life; the parts themselves are tests of the service."""

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue
from signal import SIGHUP, SIGTERM
from typing import Any

import pytest

from digest.cli import harvest_events
from digest.cli.daemon import PARTS, Daemon
from digest.cli.delivering import Halt
from digest.cli.pulses import Pulses
from digest.cli.service import Failed, Mended, Reread, Service
from digest.cli.world import World
from digest.errors import DigestError, ExitCode
from digest.notify import Notifier
from digest.outbox import Sent
from digest.store import services
from digest.store.database import open_database
from digest.store.services import ServiceRow
from digest.vitals import Part, Vitals, as_json
from tests.desk import ADA, CONFIG, NOW, Desk
from tests.stores import open_copy
from tests.waiting import wait_for

MINUTE = timedelta(minutes=1)
LONGEST_S = 20.0


# ---------------------------------------------------------------- the daemon, in a thread of the test


@dataclass
class Clock:
    """Monotonic, but for what the test adds."""

    more_s: float = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.more_s


@dataclass
class Running:
    """A daemon at work, and what it says."""

    service: Service
    daemon: Daemon
    clock: Clock
    signals: "SimpleQueue[int]"
    events: list[Any]
    told: socket.socket
    unfinished: list[tuple[str, ...]] = field(default_factory=list)
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=lambda: self.unfinished.append(self.daemon.serve()))
        self.thread.start()

    def of(self, kind: type) -> list[Any]:
        return [event for event in list(self.events) if isinstance(event, kind)]

    def end(self) -> tuple[str, ...]:
        self.signals.put(SIGTERM)
        self.thread.join(LONGEST_S)
        assert not self.thread.is_alive()
        return self.unfinished[0]

    def words(self) -> list[bytes]:
        """What systemd was told since it was last asked."""
        found = []
        while True:
            try:
                found.append(self.told.recv(500).partition(b"\n")[0])
            except BlockingIOError:
                return found


Start = Callable[..., Running]


@pytest.fixture
def start(desk: Desk, tmp_path: Path) -> Iterator[Start]:
    """Starts a daemon in Ada's folder, which ends with the test."""
    whole = (desk.folder / "config.toml").read_text()
    desk.write("config.toml", whole + '\n[run]\ntick_s = 1\nhealth_file = "health.json"\n')
    with ExitStack() as stack:
        told = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        told.bind(str(tmp_path / "notify"))
        told.setblocking(False)

        def begin() -> Running:
            world = World(now=lambda: desk.now, environment={}, folder=desk.folder)
            clock, events, halt = Clock(), list[Any](), Halt()
            pulses, signals = Pulses(PARTS, clock), SimpleQueue[int]()
            service = stack.enter_context(
                Service(world, desk.folder / "config.toml", events.append, halt=halt, sign=pulses.sign)
            )
            daemon = Daemon(service, pulses, Notifier(str(tmp_path / "notify")), signals, 1.0, clock)
            running = Running(service, daemon, clock, signals, events, told)
            stack.callback(running.thread.join, LONGEST_S)
            stack.callback(signals.put, SIGTERM)
            return running

        yield begin


def health(desk: Desk) -> dict[str, Any]:
    path = desk.folder / "health.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"state": "", "parts": []}
    return found


def test_what_is_due_is_read_made_and_sent_at_once(desk: Desk, start: Start) -> None:
    running = start()

    wait_for(lambda: running.of(Sent))

    assert running.end() == ()
    assert len(desk.mails()) == 1
    assert not running.of(Failed)


def test_each_part_ticks_and_the_health_file_says_so(desk: Desk, start: Start) -> None:
    start()

    wait_for(lambda: [one["name"] for one in health(desk)["parts"] if one["ended_at"]] == list(PARTS))

    assert health(desk)["state"] == "ok"
    assert desk.run("health").stdout == "ok: 1 reader, next edition at 2026-03-12 07:30 UTC\n"
    assert [path.name for path in desk.folder.glob(".health*")] == []


def test_systemd_hears_of_beginning_life_and_end(desk: Desk, start: Start) -> None:
    running = start()
    heard: list[bytes] = []

    def has_heard(word: bytes, times: int) -> bool:
        heard.extend(running.words())
        return heard.count(word) >= times

    wait_for(lambda: has_heard(b"WATCHDOG=1", 3))

    running.signals.put(SIGHUP)
    wait_for(lambda: has_heard(b"READY=1", 2))
    running.end()
    heard.extend(running.words())

    others = [word for word in heard if word != b"WATCHDOG=1" and not word.startswith(b"STATUS")]
    assert others == [b"READY=1", b"RELOADING=1", b"READY=1", b"STOPPING=1"]
    assert len(running.of(Reread)) == 1


def test_a_part_that_fails_stops_no_other_and_is_tried_again(desk: Desk, start: Start) -> None:
    """A table is gone: what needs it fails, as long as it is."""
    running = start()
    wait_for(lambda: running.of(Sent))
    with open_database(desk.folder / "digest.sqlite3") as database, database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE turn RENAME TO spilt")
    wait_for(lambda: {one.part for one in running.of(Failed)} >= {"editions", "watch"})
    wait_for(lambda: health(desk)["state"] == "failing")
    ill = desk.run("health")

    with open_database(desk.folder / "digest.sqlite3") as database, database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE spilt RENAME TO turn")
    wait_for(lambda: health(desk)["state"] == "ok")

    assert ill.exit_code == ExitCode.FAILED
    assert ill.stdout.startswith("failing: ")
    assert all("no such table: turn" in one.trace for one in running.of(Failed))
    assert "deliver" not in {one.part for one in running.of(Failed)}


def test_a_part_that_hangs_starves_the_watchdog_until_it_ends(desk: Desk, start: Start) -> None:
    running = start()
    wait_for(lambda: running.of(Sent))
    pipe = desk.folder / "profiles" / "bob.toml"
    os.mkfifo(pipe)  # a file without an end
    wait_for(
        lambda: "files" in running.daemon.pulses.working() and running.daemon.pulses.parts(1)[-1].silent_for
    )

    running.clock.more_s = 31 * 60
    wait_for(lambda: health(desk).get("hanging") == ["files"])
    running.words()
    wait_for(lambda: b"STATUS=failing: files hangs" in running.words())
    wait_for(lambda: (seen := running.words()) and b"WATCHDOG=1" not in seen)
    said = desk.run("health")
    let_go(pipe)
    wait_for(lambda: b"WATCHDOG=1" in running.words())

    assert (said.exit_code, said.stdout) == (ExitCode.FAILED, "failing: files hangs\n")


def let_go(pipe: Path) -> None:
    """End what reads it, and let nothing read it again."""
    writing = os.open(pipe, os.O_WRONLY)
    pipe.unlink()
    os.close(writing)


def test_a_clock_that_was_set_back_stops_no_tick(desk: Desk, start: Start) -> None:
    """The next tick of a part is then hours ahead, by the clock of now."""
    running = start()
    wait_for(lambda: running.of(Sent))
    in_hours = datetime.now(UTC) + timedelta(hours=5)
    desk.write("profiles/bea.toml", ADA.replace("ada@", "bea@"))

    for name in PARTS:
        running.daemon.ticks.modify_job(name, next_run_time=in_hours)

    wait_for(lambda: len(running.of(Sent)) == 2)


def test_another_pace_of_ticks_holds_when_it_is_read(desk: Desk, start: Start) -> None:
    running = start()
    wait_for(lambda: running.of(Sent))
    path = desk.folder / "config.toml"

    path.write_text(path.read_text().replace("tick_s = 1", "tick_s = 600"))
    wait_for(lambda: health(desk).get("tick_s") == 600)

    ahead = [job.next_run_time - datetime.now(UTC) for job in running.daemon.ticks.get_jobs()]
    assert min(ahead) > timedelta(minutes=9)


def test_a_health_file_that_cannot_be_written_is_told_once(desk: Desk, start: Start) -> None:
    (desk.folder / "health.json").mkdir()
    running = start()

    wait_for(lambda: running.of(Sent))
    for _ in range(3):
        running.words()
        wait_for(lambda: b"WATCHDOG=1" in running.words())

    (problem,) = running.of(DigestError)
    assert "health_file: cannot be written" in str(problem)


# ---------------------------------------------------------------- asked to end


def test_a_clean_end_is_the_last_word_of_the_health_file(desk: Desk, start: Start) -> None:
    running = start()
    wait_for(lambda: health(desk)["state"] == "ok")

    running.end()

    assert health(desk)["state"] == "ended"
    assert desk.run("health").exit_code == ExitCode.FAILED


def test_a_fault_in_reading_all_again_is_told_and_ends_nothing(desk: Desk, start: Start) -> None:
    running = start()
    wait_for(lambda: health(desk)["state"] == "ok")
    with open_database(desk.folder / "digest.sqlite3") as database, database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE turn RENAME TO spilt")

    running.signals.put(SIGHUP)
    wait_for(lambda: "files" in {one.part for one in running.of(Failed)})

    with open_database(desk.folder / "digest.sqlite3") as database, database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE spilt RENAME TO turn")
    wait_for(lambda: "files" in {one.part for one in running.of(Mended)})
    assert running.end() == ()


def test_asked_to_end_while_a_source_gives_no_answer_it_does_not_wait_for_one(
    desk: Desk, start: Start
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        path = desk.folder / "config.toml"
        path.write_text(path.read_text() + f'\n[[sources]]\nkind = "feed"\nurl = "{url}"\n')
        running = start()
        silent.settimeout(LONGEST_S)
        asking, _ = silent.accept()
        began_s = time.monotonic()

        unfinished = running.end()

        assert unfinished == ()
        assert time.monotonic() - began_s < 8
        asking.close()
    assert any(event.is_abandoned for event in running.of(harvest_events.Ended))
    assert desk.mails() == []


def test_whoever_hears_of_the_end_hears_each_asking_and_none_after_the_block() -> None:
    halt, heard = Halt(), list[str]()

    with halt.heard_by(lambda: heard.append("asked")):
        before = list(heard)
        halt.ask()
        halt.ask()
    halt.ask()

    assert (before, heard) == ([], ["asked", "asked"])


def test_what_is_to_begin_anew_is_asked_once_and_the_first_asking_to_end_says_no_more() -> None:
    halt, heard = Halt(), []
    with halt.heard_by(lambda: heard.append("ended")):
        halt.renew()
        halt.renew()
        renewed = len(heard)
        halt.ask()
        asked = len(heard)
        halt.ask()

    assert (renewed, asked, len(heard)) == (1, 1, 2)


def test_what_begins_after_it_was_renewed_goes_on() -> None:
    halt, heard = Halt(), []
    halt.renew()
    with halt.heard_by(lambda: heard.append("ended")):
        pass

    assert not heard
    assert not halt.asked.is_set()


def test_whoever_comes_after_it_was_asked_hears_at_once() -> None:
    halt, heard = Halt(), list[str]()
    halt.ask()

    with halt.heard_by(lambda: heard.append("asked")):
        assert heard == ["asked"]


# ---------------------------------------------------------------- digest health


def vitals(desk: Desk, at: datetime, **more: Any) -> None:
    written = Vitals(at=at, pid=7, tick_s=60, readers=3, **more)
    desk.write("health.json", as_json(written))
    whole = CONFIG.format(transport="maildir")
    desk.write("config.toml", whole + '\n[run]\nhealth_file = "health.json"\n')


def stored(desk: Desk, *rows: ServiceRow) -> None:
    with open_copy(desk.folder / "digest.sqlite3") as database, database.begin() as connection:
        for row in rows:
            services.begin(connection, row)


def row(seen_at: datetime, ended_at: datetime | None = None) -> ServiceRow:
    began_at = NOW - timedelta(days=1)
    return ServiceRow(
        owner=str(seen_at), host="teapot", pid=7, began_at=began_at, seen_at=seen_at, ended_at=ended_at
    )


def test_health_is_what_the_file_says(desk: Desk) -> None:
    vitals(desk, NOW - MINUTE)
    well = desk.run("health")
    vitals(desk, NOW - MINUTE, overdue=("2 editions overdue",))
    late = desk.run("health")
    vitals(desk, NOW - MINUTE, parts=(Part(name="deliver", problem="no relay"),))
    failing = desk.run("health")

    assert (well.exit_code, well.stdout) == (0, "ok: 3 readers, no edition is due\n")
    assert (late.exit_code, late.stdout) == (0, "late: 2 editions overdue\n")
    assert (failing.exit_code, failing.stdout) == (1, "failing: deliver: no relay\n")


def test_health_that_is_old_is_none(desk: Desk) -> None:
    vitals(desk, NOW - 5 * MINUTE)

    result = desk.run("health")

    assert result.exit_code == ExitCode.FAILED
    assert result.stdout == "failing: no sign of life since 2026-03-11 08:55 UTC (process 7)\n"


def test_a_clean_end_is_told_as_such_and_not_as_a_failure(desk: Desk) -> None:
    vitals(desk, NOW - MINUTE, has_ended=True)

    result = desk.run("health")

    assert result.exit_code == ExitCode.FAILED
    assert result.stdout == "ended: not at work since 2026-03-11 08:59 UTC (process 7)\n"


def test_health_as_json_is_the_file(desk: Desk) -> None:
    vitals(desk, NOW)

    assert json.loads(desk.run("health", "--json").stdout)["state"] == "ok"


@pytest.mark.parametrize("text", [None, "{}", "tea"])
def test_a_health_file_that_is_none_is_no_health(text: str | None, desk: Desk) -> None:
    vitals(desk, NOW)
    if text is None:
        (desk.folder / "health.json").unlink()
    else:
        desk.write("health.json", text)

    result = desk.run("health")

    assert result.exit_code == ExitCode.FAILED
    assert "health.json: " in result.stderr


def test_without_a_health_file_the_store_says_who_was_seen_last(desk: Desk) -> None:
    stored(desk, row(NOW - timedelta(hours=3)), row(NOW - MINUTE))

    result = desk.run("health")

    assert (result.exit_code, result.stdout) == (0, "ok: process 7 on teapot\n")


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ([], "failing: `digest run` was never started\n"),
        (
            [row(NOW - 5 * MINUTE)],
            "failing: no sign of life of process 7 on teapot since 2026-03-11 08:55 UTC\n",
        ),
        ([row(NOW, NOW)], "ended: not at work since 2026-03-11 09:00 UTC (process 7 on teapot)\n"),
    ],
)
def test_of_one_that_is_not_there_the_store_says_so(rows: list[ServiceRow], line: str, desk: Desk) -> None:
    stored(desk, *rows)

    result = desk.run("health")

    assert (result.exit_code, result.stdout) == (1, line)


def test_one_that_ended_says_nothing_of_another_that_is_at_work(desk: Desk) -> None:
    stored(desk, row(NOW - MINUTE), row(NOW, NOW))

    result = desk.run("health")

    assert (result.exit_code, result.stdout) == (0, "ok: process 7 on teapot\n")


def test_where_there_is_no_store_there_is_no_health(desk: Desk) -> None:
    assert desk.run("health").exit_code == ExitCode.STORE
