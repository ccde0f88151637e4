"""`digest send`, from due readers to accepted mail, in the words it says."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from digest.errors import ExitCode
from digest.model import Suppression
from digest.store.database import open_database
from digest.store.suppressions import suppress
from tests.desk import ADA, CONFIG, NOW, Desk


class Server:
    """Takes mail, or refuses the recipients it was told to; `at_body` is called before it answers a body."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.refuses: dict[str, str] = {}
        self.is_at_body = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.is_at_body.set()
        self.may_answer.wait(20)
        self.got.extend(envelope.rcpt_tos)
        return "250 taken"


@contextmanager
def serving() -> Iterator[tuple[Server, int]]:
    server = Server()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(server, hostname="127.0.0.1", port=port, server_hostname="test")
    controller.start()
    try:
        yield server, port
    finally:
        controller.stop()


def by_smtp(desk: Desk, *ports: int, more: str = "") -> None:
    """A configuration with these relays, in order: first, second, ..."""
    names = ("first", "second", "third")
    tables = "".join(
        f'[[smtp]]\nname = "{name}"\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n'
        for name, port in zip(names, ports, strict=False)
    )
    desk.write("config.toml", CONFIG.format(transport="smtp") + tables + more)


def readers(desk: Desk, *names: str) -> None:
    for name in names:
        desk.write(f"profiles/{name}.toml", ADA.replace("ada@", f"{name}@"))


@pytest.fixture
def server() -> Iterator[tuple[Server, int]]:
    with serving() as found:
        yield found


def test_every_reader_has_a_line_and_the_sum_comes_last(desk: Desk, server: tuple[Server, int]) -> None:
    readers(desk, "bob", "cy")
    by_smtp(desk, server[1])
    server[0].refuses["bob@example.org"] = "550 5.1.1 no such user"

    result = desk.run("send")

    assert result.exit_code == ExitCode.DELIVERY
    assert "ada: sent to ada@example.org: Learning to Wait" in result.stdout
    assert "bob: refused for good; its papers come again in the next edition: RCPT 550 5.1.1" in result.stdout
    assert result.stdout.splitlines()[-1] == "sent 2, waiting 0, refused 1, unknown 0"
    assert sorted(server[0].got) == ["ada@example.org", "cy@example.org"]


def test_an_address_refused_as_no_good_gets_no_further_edition_made(
    desk: Desk, server: tuple[Server, int]
) -> None:
    by_smtp(desk, server[1])
    server[0].refuses["ada@example.org"] = "550 5.1.1 no such user"
    desk.run("send")
    desk.now += timedelta(days=1)

    result = desk.run("send")

    assert result.exit_code == ExitCode.OK
    assert "ada: failed (suppressed since 2026-03-11: " in result.stdout
    assert "nothing to send" in result.stdout


def test_a_suppressed_reader_stops_nobody_and_is_no_failure_of_the_run(desk: Desk) -> None:
    readers(desk, "bob")
    with open_database(desk.folder / "digest.sqlite3") as database, database.begin() as connection:
        suppress(connection, Suppression(address="bob@example.org", reason="asked for it", at=NOW))

    result = desk.run("send")

    assert result.exit_code == ExitCode.OK
    assert "bob: failed (suppressed since 2026-03-11: asked for it); nothing to send" in result.stdout
    assert len(desk.mails()) == 1


def test_what_may_pass_says_when_it_is_tried_again(desk: Desk, server: tuple[Server, int]) -> None:
    by_smtp(desk, server[1])
    server[0].refuses["ada@example.org"] = "450 4.2.0 greylisted"

    result = desk.run("send")
    desk.now += timedelta(minutes=7)
    server[0].refuses.clear()
    again = desk.run("send", "--no-fetch")

    assert result.exit_code == ExitCode.DELIVERY
    assert re.search(
        r"ada: not sent yet, next try at 2026-03-11 09:0[4-6] UTC: RCPT 450 4.2.0", result.stdout
    )
    assert re.search(r"sent 0, waiting 1 \(next try at 2026-03-11 09:0[4-6] UTC\)", result.stdout)
    assert again.exit_code == ExitCode.OK
    assert server[0].got == ["ada@example.org"]


def test_a_relay_that_refuses_us_leaves_everything_to_the_next(
    desk: Desk, server: tuple[Server, int]
) -> None:
    readers(desk, "bob", "cy")
    with serving() as (refusing, port):
        by_smtp(desk, port, server[1])
        refusing.refuses = {
            f"{one}@example.org": "550 5.7.60 not as this sender" for one in ("ada", "bob", "cy")
        }

        result = desk.run("send")

    assert "error: first: nothing more goes out that way: RCPT 550 5.7.60" in result.stderr
    assert sorted(server[0].got) == ["ada@example.org", "bob@example.org", "cy@example.org"]
    assert result.stdout.splitlines()[-1] == "sent 3, waiting 0, refused 0, unknown 0"
    assert result.exit_code == ExitCode.DELIVERY  # all arrived, and a person has to see to the first relay


def test_the_operator_hears_of_a_relay_that_refuses_us(desk: Desk, server: tuple[Server, int]) -> None:
    told = desk.folder / "told.txt"
    script = desk.write("hook.py", f"import sys\nopen({str(told)!r}, 'a').write(sys.stdin.readline())\n")
    by_smtp(desk, server[1], more=f'[alarm]\ncommand = ["{sys.executable}", "{script}"]\n')
    server[0].refuses["ada@example.org"] = "550 5.7.60 not as this sender"

    desk.run("send")
    desk.run("send", "--no-fetch")

    assert told.read_text(encoding="utf-8").splitlines() == [
        "Digest: sender: first: RCPT 550 5.7.60 not as this sender"
    ]


def test_many_readers_are_counted_and_only_what_went_wrong_is_named(
    desk: Desk, server: tuple[Server, int]
) -> None:
    readers(desk, *(f"r{place:02}" for place in range(24)))
    by_smtp(desk, server[1])
    server[0].refuses["r07@example.org"] = "550 5.1.1 no such user"

    result = desk.run("send")

    lines = [line for line in result.stdout.splitlines() if line.startswith(("ada", "r"))]
    assert [line.partition(":")[0] for line in lines] == ["r07"]
    assert result.stdout.splitlines()[-1] == "sent 24, waiting 0, refused 1, unknown 0"


def test_named_readers_only_are_served(desk: Desk, server: tuple[Server, int]) -> None:
    readers(desk, "bob")
    by_smtp(desk, server[1])

    desk.run("send", "bob")

    assert server[0].got == ["bob@example.org"]


def test_waiting_is_bounded_by_what_the_flag_says(desk: Desk) -> None:
    assert desk.run("send", "--wait", "-1").exit_code == ExitCode.USAGE
    assert desk.run("send", "--wait", "0").exit_code == ExitCode.OK


def test_a_relay_without_a_secret_is_told_before_anything_is_made(desk: Desk) -> None:
    smtp = '[smtp]\nhost = "127.0.0.1"\nport = 9\nsecurity = "none"\nusername = "ada"\n'
    desk.write("config.toml", CONFIG.format(transport="smtp") + smtp)

    result = desk.run("send")

    assert result.exit_code == ExitCode.CONFIGURATION
    assert not (desk.folder / "digest.sqlite3").exists()


@pytest.mark.slow
def test_a_process_asked_to_end_waits_for_the_reply_and_keeps_the_rest(
    desk: Desk, server: tuple[Server, int]
) -> None:
    readers(desk, "bob", "cy")
    by_smtp(desk, server[1])
    config = (desk.folder / "config.toml").read_text(encoding="utf-8")
    desk.write("config.toml", config.replace("\nport =", "\nconnections = 1\nport ="))
    server[0].may_answer.clear()
    process = subprocess.Popen(
        [sys.executable, "-m", "digest", "--config", str(desk.folder / "config.toml"), "send"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert server[0].is_at_body.wait(60)
        process.send_signal(signal.SIGTERM)
        server[0].may_answer.set()
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()

    assert "ending: what is out is waited for" in output
    assert "sent 1, waiting 2" in output
    assert process.returncode == ExitCode.DELIVERY
    assert len(server[0].got) == 1
