"""kill -9 at every step of thousands of deliveries: none lost, none repeated, and what is unknown is named.

`DIGEST_RANDOM_KILLS=40 pytest tests/acceptance/test_kills.py` kills more often than a commit's tests have time for.
"""

import os
import random
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from digest.model import DeliveryState
from digest.store.database import Database, open_database, open_for_reading
from tests.faults.books import Books, books, hidden, lost, queue, repeated
from tests.faults.driver import STEPS
from tests.faults.process import Journal, drive
from tests.faults.server import FaultServer, Rule, calls, serving, the
from tests.postgres import Server, running_server

pytestmark = pytest.mark.acceptance

UNKNOWN, SENT = DeliveryState.UNKNOWN, DeliveryState.SENT
CONNECTIONS = 4
DELIVERIES = 6_000
RANDOM_KILLS = int(os.environ.get("DIGEST_RANDOM_KILLS", "6"))
FEWER = 3_000 + 50 * RANDOM_KILLS
ON_THE_WIRE = ("MAIL", "RCPT", "DATA", "inside", "body", "after")
"""Steps that the server sees: it has heard the command, and its client dies before an answer."""
IN_SETTLING = ("end:begun", "end:written", "end:durable")
"""The first ends after a restart are those of what the killed process left."""


@dataclass(slots=True)
class Chaos:
    """A store and a server whose client is killed again and again."""

    place: str | Path
    server: FaultServer
    options: tuple[str, ...] = ()
    draw: random.Random = field(default_factory=lambda: random.Random(2313))
    killed: list[Journal] = field(default_factory=list)
    cut: set[str] = field(default_factory=set)
    """Messages that a kill left between the mark and the recorded end, by the store."""
    left: frozenset[str] = frozenset()
    """The same of the last kill."""
    named: set[str] = field(default_factory=set)
    """Messages that a later run said to be so."""
    untold: set[str] = field(default_factory=set)
    """Messages that a later run put down as unknown, killed before it could say so."""

    def kill_at(self, step: str, nth: int) -> None:
        """By itself, between two instructions of its own."""
        self._killed(drive(self.place, self.server.port, *self.options, "--step", step, "--nth", str(nth)))

    def kill_on_the_wire(self, phase: str, delay_s: float = 0) -> None:
        """By the server, at what it hears, or so long after."""
        running: list[subprocess.Popen[str]] = []

        def kill() -> None:
            if delay_s:
                threading.Timer(delay_s, running[0].kill).start()
            else:
                running[0].kill()

        self.server.rules = [Rule(phase, calls(kill), when=the(self._some()))]
        self._killed(drive(self.place, self.server.port, *self.options, begun=running.append))
        self.server.rules = ()

    def kill_whenever(self) -> None:
        """At a moment that means nothing."""
        self.kill_on_the_wire(self.draw.choice(ON_THE_WIRE), self.draw.uniform(0.0001, 0.01))

    def kill_at_every_step(self) -> None:
        for step in STEPS:
            self.kill_at(step, self._some())
        for phase in ON_THE_WIRE:
            self.kill_on_the_wire(phase)
        for step in IN_SETTLING:
            self.kill_at("mark:known", self._some())
            self.kill_at(step, 1)
        for _ in range(RANDOM_KILLS):
            self.kill_whenever()

    def finish(self) -> Books:
        last = drive(self.place, self.server.port, *self.options)
        self.named |= last.of("unknown") | last.of("resent")
        assert last.is_done, (last.lines[-3:], last.errors)
        return self.books()

    def books(self) -> Books:
        with open_for_reading(self.place) as database:
            if isinstance(self.place, str):
                wait_for_the_others(database)
            return books(database)

    def _some(self) -> int:
        return self.draw.randint(5, 40)

    def _killed(self, journal: Journal) -> None:
        """What must hold at every moment, and what the kill cut."""
        assert journal.code == -9, (journal.code, journal.lines[-3:], journal.errors)
        now = self.books()
        assert not lost(now, self.server)
        assert hidden(now, self.server) <= (
            self.cut if self.options else set()
        )  # may wait to be sent once more
        cut = now.under_way & now.ids(UNKNOWN)
        marked, replied = journal.of("marked"), journal.of("replied")
        assert len(cut) <= CONNECTIONS
        assert marked - replied <= cut, "a body was out, and the store does not say so"
        named = journal.of("unknown") | journal.of("resent")
        self.untold |= self.left - cut - named
        self.killed.append(journal)
        self.named |= named
        self.cut |= cut
        self.left = cut


def wait_for_the_others(database: Database) -> None:
    """A PostgreSQL server finds out that its client was killed when it has done what it was told last."""
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    for _ in range(1_000):
        with database.read() as connection:
            if not connection.exec_driver_sql(f"SELECT count(*) {others}").scalar():
                return
            connection.exec_driver_sql("SELECT pg_sleep(0.01)")
    raise TimeoutError("a killed client's session does not end")


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    with running_server() as server:
        yield server


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    if request.param == "SQLite":
        return tmp_path / "digest.sqlite3"
    server: Server = request.getfixturevalue("postgres")
    return server.empty()


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with serving() as running:
        yield running


def test_killed_at_every_step_of_6000_deliveries_none_is_lost_and_none_repeated(
    place: str | Path, server: FaultServer
) -> None:
    with open_database(place) as database:
        queue(database, range(DELIVERIES))
    chaos = Chaos(place, server)

    chaos.kill_at_every_step()
    end = chaos.finish()

    assert set(end.states) <= {SENT, UNKNOWN}
    assert sum(end.states.values()) == DELIVERIES
    assert end.ids(UNKNOWN) == chaos.cut
    assert len(chaos.cut) <= CONNECTIONS * len(chaos.killed)
    assert chaos.named == chaos.cut - chaos.untold
    assert len(chaos.untold) <= CONNECTIONS
    assert not lost(end, server)
    assert not hidden(end, server)
    assert not repeated(server)


def test_killed_at_every_step_and_sent_once_more_none_is_lost_and_few_are_repeated_once(
    place: str | Path, server: FaultServer
) -> None:
    with open_database(place) as database:
        queue(database, range(FEWER))
    chaos = Chaos(place, server, ("--resend-once",))

    chaos.kill_at_every_step()
    end = chaos.finish()

    assert set(end.states) <= {SENT, UNKNOWN}
    assert chaos.named == chaos.cut - chaos.untold
    assert not repeated(server, most=2)
    assert set(repeated(server)) <= chaos.cut
    assert not lost(end, server)
    assert not hidden(end, server)
    twice_cut = end.ids(UNKNOWN)
    assert end.ids(SENT) == frozenset(server.kept_ids) - twice_cut
    assert len(server.kept_ids) + len(twice_cut - frozenset(server.kept_ids)) == FEWER
