"""A PostgreSQL server of one's own, for as long as some tests run: no network, nothing kept."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from tests.conformance.requirements import absent

STARTS_WITHIN_S = 30
USER = "digest"
LOCKED = "locked"
"""A user who needs a password."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; each database it makes is another."""

    folder: Path
    _numbers: Iterator[int]

    def address(self, name: str) -> str:
        """Of one of its databases, for `store` in config.toml."""
        return f"postgresql://{USER}@/{name}?host={self.folder}"

    def empty(self) -> str:
        """The address of a new database with nothing in it."""
        name = f"digest_{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name}")
        return self.address(name)

    def run(self, statement: str) -> None:
        """Say something to the server itself, outside of any transaction."""
        import psycopg

        with psycopg.connect(host=str(self.folder), user=USER, dbname="postgres", autocommit=True) as opened:
            opened.execute(statement.encode())


@contextmanager
def running_server() -> Iterator[Server]:
    """Start a server, and end it whatever happens. Skips (see `absent`) where there is no PostgreSQL."""
    programs = _programs()
    # A socket's path has at most 107 bytes: not in pytest's folder.
    with tempfile.TemporaryDirectory(prefix="pg-") as name:
        folder = Path(name)
        made = ["-D", str(folder / "data"), "-A", "trust", "-U", USER, "-E", "UTF8", "--locale=C.UTF-8"]
        if os.geteuid() == 0:
            os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
        quick = ["--no-sync", "--no-instructions"]
        subprocess.run(_as_postgres(programs / "initdb", *made, *quick), check=True, capture_output=True)
        access = folder / "data" / "pg_hba.conf"
        access.write_text(
            f"local all {LOCKED} scram-sha-256\n{access.read_text(encoding='utf-8')}", encoding="utf-8"
        )
        with (folder / "log").open("wb") as log:
            started = subprocess.Popen(_as_postgres(programs / "postgres", *_settings(folder)), stderr=log)
        try:
            _wait_for(folder, started)
            yield Server(folder, count(1))
        finally:
            started.send_signal(signal.SIGINT)  # at once, whoever is still connected
            started.wait(timeout=STARTS_WITHIN_S)


def _programs() -> Path:
    """Where `initdb` and `postgres` are; Debian keeps them out of PATH."""
    found = shutil.which("initdb")
    if found and shutil.which("postgres"):
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    if not versions:
        absent("PostgreSQL", "apt-get install postgresql")
    return versions[-1].parent


def _as_postgres(program: Path, *arguments: str) -> list[str]:
    """PostgreSQL refuses to run as root. With `setpriv` it ends, too, if the tests are killed."""
    command = [str(program), *arguments]
    if not shutil.which("setpriv"):
        return command
    user = ["--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    return ["setpriv", *user, "--pdeathsig", "INT", *command]


def _settings(folder: Path) -> list[str]:
    """Fast rather than safe: nothing here outlives the tests."""
    settings = ["listen_addresses=", "fsync=off", "full_page_writes=off", "max_connections=100"]
    options = [part for setting in settings for part in ("-c", setting)]
    return ["-D", str(folder / "data"), "-k", str(folder), *options]


def _wait_for(folder: Path, started: "subprocess.Popen[bytes]") -> None:
    import psycopg

    until = time.monotonic() + STARTS_WITHIN_S
    while True:
        try:
            psycopg.connect(host=str(folder), user=USER, dbname="postgres").close()
            return
        except psycopg.OperationalError:
            if started.poll() is not None or time.monotonic() > until:
                pytest.fail(f"PostgreSQL did not start:\n{(folder / 'log').read_text(encoding='utf-8')}")
            time.sleep(0.02)
