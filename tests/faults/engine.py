"""The real engine, store and SMTP transport, with a clock that the test moves."""

import asyncio
import shutil
import ssl
import subprocess
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from digest.ledger import Manners
from digest.model import DeliveryState
from digest.outbox import Event, Outbox, Rules, Tally, deliver
from digest.pace import Limits
from digest.store.database import Database
from digest.store.suppressions import suppressed
from digest.transport.protocol import Relay
from digest.transport.smtp import Smtp, SmtpServer
from tests.faults.books import START, Books, address, books

ROUNDS = 12
"""More than enough to get everything out, with an hour between two of them."""


@dataclass(slots=True)
class Clock:
    """Stands still until it is moved."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def jump(self, step: timedelta) -> None:
        self.now += step


@dataclass(slots=True)
class Post:
    """A store, a server, and what a run of the engine between them told."""

    database: Database
    server: SmtpServer
    limits: Limits = field(default_factory=lambda: Limits(connections=2))
    manners: Manners = field(default_factory=Manners)
    clock: Clock = field(default_factory=Clock)
    told: list[Event] = field(default_factory=list)

    def run(self) -> Tally:
        """One run, which does not wait for anything that is due later."""
        relay = Relay(name="relay", limits=self.limits, open=lambda: Smtp(self.server))
        outbox = Outbox(database=self.database, clock=self.clock, owner="test")
        rules = Rules(manners=self.manners, patience_s=0, chance=lambda: 0.5)
        return asyncio.run(deliver(outbox, [relay], rules, self.told.append))

    def run_to_the_end(self) -> Books:
        """Run after run, an hour apart, until nothing waits."""
        for _ in range(ROUNDS):
            self.clock.jump(timedelta(hours=1))
            self.run()
            now = books(self.database)
            if not now.ids(DeliveryState.QUEUED, DeliveryState.SENDING):
                return now
        raise AssertionError(f"still waiting after {ROUNDS} runs: {books(self.database).states}")


def is_suppressed(database: Database, number: int) -> bool:
    with database.read() as connection:
        return bool(suppressed(connection, [address(number)]))


@dataclass(frozen=True, slots=True)
class Certificate:
    """A self-signed one, and the server side that shows it."""

    file: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file, self.key)
        return context


OPENSSL = shutil.which("openssl")


def make_certificate(folder: Path, name: str, *options: str) -> Certificate:
    """`name` as `subjectAltName` has it: `IP:127.0.0.1`."""
    folder.mkdir(exist_ok=True)
    file, key = folder / "certificate.pem", folder / "key.pem"
    asked = (str(OPENSSL), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *options)
    told = ("-subj", "/CN=Digest test", "-addext", f"subjectAltName={name}", "-keyout", key, "-out", file)
    subprocess.run((*asked, *told), check=True, capture_output=True)
    return Certificate(file, key)
