"""`digest run` as a process: it mails by itself, hears signals, re-reads its files, shares a store, and may be killed."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from digest.errors import ExitCode
from digest.model import DeliveryState
from digest.store.database import open_for_reading
from tests.acceptance.conftest import at_port
from tests.desk import ADA, Desk
from tests.faults.books import Books, books
from tests.faults.server import FaultServer, Rule, calls, serving, the
from tests.postgres import Server, running_server
from tests.waiting import wait_for

pytestmark = pytest.mark.acceptance

SENT, UNKNOWN = DeliveryState.SENT, DeliveryState.UNKNOWN
LONGEST_S = 60.0
SINCE_MIDNIGHT = 'send_at = "00:00"\n'
"""In the profile of a reader whose hour has come, whenever the test is run."""
READERS = 12


@dataclass
class Process:
    """A `digest run`, and its log."""

    folder: Path
    number: int
    environment: dict[str, str] = field(default_factory=dict)
    started: "subprocess.Popen[bytes]" = field(init=False)

    def __post_init__(self) -> None:
        command = [sys.executable, "-m", "digest", "run"]
        environment = {**os.environ, **self.environment}
        with self._file.open("wb") as log:
            self.started = subprocess.Popen(command, cwd=self.folder, stderr=log, env=environment)

    @property
    def _file(self) -> Path:
        return self.folder / f"log-{self.number}"

    @property
    def log(self) -> str:
        return self._file.read_text(encoding="utf-8")

    def has_said(self, *events: str) -> bool:
        return all(f" event={event}" in self.log for event in events)

    def ends_by(self, number: signal.Signals) -> int:
        self.started.send_signal(number)
        return self.started.wait(LONGEST_S)


Run = Callable[..., Process]


@pytest.fixture
def run(smtp_desk: Desk) -> Iterator[Run]:
    """Starts one in the folder; none outlives the test."""
    begun: list[Process] = []

    def start(**environment: str) -> Process:
        begun.append(Process(smtp_desk.folder, len(begun), environment))
        return begun[-1]

    yield start
    for one in begun:
        one.started.kill()
        one.started.wait()


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with serving() as running:
        yield running


@pytest.fixture
def desk(smtp_desk: Desk, server: FaultServer) -> Desk:
    """Ada's folder; she is due, and it looks once a second."""
    at_port(smtp_desk, server.port)
    configure(smtp_desk, "\n[run]\ntick_s = 1\n")
    smtp_desk.write("profiles/ada.toml", SINCE_MIDNIGHT + ADA)
    return smtp_desk


def configure(desk: Desk, more: str) -> str:
    """What `config.toml` said before."""
    path = desk.folder / "config.toml"
    before = path.read_text(encoding="utf-8")
    path.write_text(before + more, encoding="utf-8")
    return before


def write_readers(desk: Desk) -> dict[str, int]:
    """Twelve who are due; a message for each."""
    names = [f"b{number}" for number in range(READERS)]
    (desk.folder / "profiles/ada.toml").unlink()
    for name in names:
        desk.write(f"profiles/{name}.toml", SINCE_MIDNIGHT + ADA.replace("ada@", f"{name}@"))
    return {f"{name}@example.org": 1 for name in names}


def as_it_stands(desk: Desk) -> Books:
    with open_for_reading(desk.folder / "digest.sqlite3") as database:
        return books(database)


# ---------------------------------------------------------------- mail, and signals


def test_whoever_is_due_has_mail_and_sigterm_ends_it_with_nothing_left_under_way(
    desk: Desk, server: FaultServer, run: Run
) -> None:
    process = run()
    wait_for(lambda: server.kept)

    code = process.ends_by(signal.SIGTERM)

    assert code == 0, process.log
    assert server.kept == {"ada@example.org": 1}
    assert as_it_stands(desk).states == {SENT: 1}
    assert process.has_said("began", "harvested", "sent", "ending", "ended")
    assert "Traceback" not in process.log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ended_in_the_midst_of_sending_it_waits_for_the_reply_and_sends_no_more(
    number: signal.Signals, desk: Desk, server: FaultServer, run: Run
) -> None:
    write_readers(desk)
    process: list[Process] = []
    server.rules = [Rule("body", calls(lambda: process[0].started.send_signal(number)), when=the(3))]
    process.append(run())

    code = process[0].started.wait(LONGEST_S)
    halted = as_it_stands(desk)
    server.rules = ()
    again = run()
    wait_for(lambda: len(server.kept) == READERS)
    again.ends_by(signal.SIGTERM)

    assert code == 0, process[0].log
    assert not halted.under_way
    assert set(halted.states) <= {SENT, DeliveryState.QUEUED}
    assert set(server.kept.values()) == {1}


def test_a_second_signal_ends_it_at_once(desk: Desk, server: FaultServer, run: Run) -> None:
    from tests.faults.server import hangs

    server.rules = [Rule("body", hangs())]
    process = run()
    wait_for(lambda: server.verbs["DATA"])
    wait_for(lambda: as_it_stands(desk).states == {UNKNOWN: 1})  # on record just before the body goes

    process.started.send_signal(signal.SIGTERM)
    wait_for(lambda: process.has_said("ending"))
    code = process.ends_by(signal.SIGTERM)

    assert code == 0, process.log
    assert as_it_stands(desk).states == {UNKNOWN: 1}


# ---------------------------------------------------------------- files that change


def test_a_reader_who_comes_has_mail_without_a_restart(desk: Desk, server: FaultServer, run: Run) -> None:
    process = run()
    wait_for(lambda: server.kept)

    desk.write("profiles/bea.toml", SINCE_MIDNIGHT + ADA.replace("ada@", "bea@"))
    wait_for(lambda: len(server.kept) == 2)

    assert process.ends_by(signal.SIGTERM) == 0
    assert server.kept == {"ada@example.org": 1, "bea@example.org": 1}


def test_sighup_reads_all_files_at_once(desk: Desk, server: FaultServer, run: Run) -> None:
    """With ticks ten minutes apart nothing else does."""
    path = desk.folder / "config.toml"
    path.write_text(path.read_text().replace("tick_s = 1", "tick_s = 600"))
    process = run()
    wait_for(lambda: process.has_said("delivered"))

    path.write_text(path.read_text().replace("tick_s = 600", "tick_s = 1"))
    desk.write("profiles/bea.toml", SINCE_MIDNIGHT + ADA.replace("ada@", "bea@"))
    process.started.send_signal(signal.SIGHUP)
    wait_for(lambda: len(server.kept) == 2)

    assert process.has_said("reread")
    assert process.ends_by(signal.SIGTERM) == 0


def test_a_configuration_that_breaks_keeps_the_old_one_going(
    desk: Desk, server: FaultServer, run: Run
) -> None:
    desk.write("profiles/ada.toml", ADA.replace("ada@", "ada+later@") + "\n")
    before = configure(desk, "")
    process = run()
    wait_for(lambda: process.has_said("began"))

    configure(desk, "\n[rum]\n")
    wait_for(lambda: process.has_said("configuration_kept"))
    process.started.send_signal(signal.SIGHUP)
    wait_for(lambda: process.log.count("event=configuration_kept") == 2)
    (desk.folder / "config.toml").write_text(before)
    desk.write("profiles/ada.toml", SINCE_MIDNIGHT + ADA)
    wait_for(lambda: server.kept)

    assert process.ends_by(signal.SIGTERM) == 0
    assert "config.toml: rum" in process.log


def test_it_does_not_start_with_a_configuration_that_cannot_be_used(desk: Desk, run: Run) -> None:
    configure(desk, "\n[rum]\n")

    process = run()

    assert process.started.wait(LONGEST_S) == ExitCode.CONFIGURATION
    assert "config.toml: rum" in process.log


# ---------------------------------------------------------------- several, and killed ones


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    with running_server() as running:
        yield running


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def stored(request: pytest.FixtureRequest, desk: Desk) -> Desk:
    """The same folder, its store of each kind."""
    if request.param == "PostgreSQL":
        running: Server = request.getfixturevalue("postgres")
        path = desk.folder / "config.toml"
        path.write_text(f'store = "{running.empty()}"\n' + path.read_text())
    return desk


def test_two_on_one_store_mail_each_reader_once(stored: Desk, server: FaultServer, run: Run) -> None:
    due = write_readers(stored)
    one, other = run(), run()

    wait_for(lambda: len(server.kept) == READERS)
    for reader in range(READERS, READERS + 3):
        stored.write(f"profiles/b{reader}.toml", SINCE_MIDNIGHT + ADA.replace("ada@", f"b{reader}@"))
        due[f"b{reader}@example.org"] = 1
    wait_for(lambda: len(server.kept) == READERS + 3)
    codes = [one.ends_by(signal.SIGTERM), other.ends_by(signal.SIGTERM)]

    assert codes == [0, 0], (one.log, other.log)
    assert server.kept == due
    assert "event=failed" not in one.log + other.log


@pytest.mark.parametrize("phase", ["DATA", "body"])
def test_killed_and_started_again_it_repeats_nothing_and_loses_nothing(
    phase: str, stored: Desk, server: FaultServer, run: Run
) -> None:
    due = write_readers(stored)
    process: list[Process] = []
    server.rules = [Rule(phase, calls(lambda: process[0].started.kill()), when=the(4))]  # noqa: PLW0108
    process.append(run())
    assert process[0].started.wait(LONGEST_S) == -signal.SIGKILL

    server.rules = ()
    again = run()
    wait_for(lambda: len(server.kept) >= READERS - 1 and again.has_said("delivered"))
    assert again.ends_by(signal.SIGTERM) == 0

    missing = due.keys() - server.kept.keys()
    assert set(server.kept.values()) == {1}
    assert len(missing) <= again.log.count("event=cut_off")


# ---------------------------------------------------------------- systemd


def test_systemd_is_told_when_it_is_ready_that_it_lives_and_when_it_ends(
    desk: Desk, server: FaultServer, run: Run
) -> None:
    path = str(desk.folder / "notify")
    with listening(path) as told:
        process = run(NOTIFY_SOCKET=path, WATCHDOG_USEC="400000")
        heard = [told.recv(500) for _ in range(6)]
        process.started.send_signal(signal.SIGHUP)
        while not heard[-1].startswith(b"RELOADING=1\nMONOTONIC_USEC="):
            heard.append(told.recv(500))
        assert process.ends_by(signal.SIGTERM) == 0
        while heard[-1] != b"STOPPING=1":
            heard.append(told.recv(500))

    (ready, *_) = [word for word in heard if word.startswith(b"READY=1")]
    assert ready.startswith(b"READY=1\nSTATUS=ok: 1 reader, next edition at ")
    assert heard.count(b"WATCHDOG=1") >= 2


@contextmanager
def listening(path: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(path)
        bound.settimeout(LONGEST_S)
        yield bound
