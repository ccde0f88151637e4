"""`digest send` through real SMTP servers."""

import email
import email.policy
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from digest.errors import ExitCode
from tests.acceptance.conftest import at_port
from tests.desk import ADA, Desk

pytestmark = pytest.mark.acceptance


class Mailbox:
    """Takes mail, or answers DATA with a reply of the test's choice."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.reply = "250 2.0.0 taken"
        self.asked = 0
        self.refused: tuple[str, ...] = ()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's name
        self.asked += 1
        if envelope.rcpt_tos[0] in self.refused:
            return "550 5.1.1 no such user"
        if self.reply.startswith("250"):
            self.envelopes.append(envelope)
        return self.reply


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def desk(smtp_desk: Desk, mailbox: Mailbox) -> Iterator[Desk]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    yield at_port(smtp_desk, port)
    controller.stop()


def test_an_edition_arrives_once_as_it_was_previewed(desk: Desk, mailbox: Mailbox) -> None:
    desk.run("fetch")
    desk.run("preview", "--eml", str(desk.folder / "preview.eml"))

    sent = desk.run("send")
    again = desk.run("send")

    assert (sent.exit_code, again.exit_code) == (0, 0)
    (envelope,) = mailbox.envelopes
    assert envelope.rcpt_tos == ["ada@example.org"]
    assert envelope.mail_from == "digest@example.org"
    assert envelope.content == (desk.folder / "preview.eml").read_bytes()


def test_a_transient_refusal_is_tried_again_by_the_next_run(desk: Desk, mailbox: Mailbox) -> None:
    mailbox.reply = "451 4.3.0 come back later"
    first = desk.run("send")
    mailbox.reply = "250 2.0.0 taken"
    desk.now += timedelta(hours=1)
    second = desk.run("send")

    assert first.exit_code == ExitCode.DELIVERY
    assert "451 4.3.0 come back later" in first.stdout
    assert second.exit_code == 0
    assert len(mailbox.envelopes) == 1


def test_a_refusal_for_good_is_not_repeated_that_day_and_loses_no_paper(desk: Desk, mailbox: Mailbox) -> None:
    mailbox.reply = "550 5.7.1 not wanted"
    refused = desk.run("send")
    mailbox.reply = "250 2.0.0 taken"
    same_day = desk.run("send")
    desk.now += timedelta(days=1)
    next_day = desk.run("send")

    assert refused.exit_code == ExitCode.DELIVERY
    assert "failed (body 550 5.7.1 not wanted)" in same_day.stdout
    assert "sent to ada@example.org" in next_day.stdout
    (envelope,) = mailbox.envelopes
    assert b"Self-Supervised Patience" in (envelope.original_content or b"")


def test_a_killed_send_is_taken_up_by_the_next_run(smtp_desk: Desk, desk: Desk, mailbox: Mailbox) -> None:
    """Killed while a server that says nothing is waited for: the claim is cut off before any body."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.settimeout(30)
        silent.listen()
        config = (desk.folder / "config.toml").read_text(encoding="utf-8")
        at_port(smtp_desk, silent.getsockname()[1])
        command = [sys.executable, "-m", "digest", "send"]
        process = subprocess.Popen(
            command, cwd=smtp_desk.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        connection, _ = silent.accept()
        with connection:
            process.kill()
            process.communicate()
    desk.write("config.toml", config)
    desk.now = datetime.now(UTC)

    result = desk.run("send")

    assert result.exit_code == 0, result.output
    assert len(mailbox.envelopes) == 1


def test_refused_readers_never_hold_up_the_others(desk: Desk, mailbox: Mailbox) -> None:
    for number in range(8):
        desk.write(f"profiles/a{number}.toml", ADA.replace("ada@", f"a{number}@"))
    mailbox.refused = tuple(f"a{number}@example.org" for number in range(8))

    desk.run("send")

    assert [envelope.rcpt_tos for envelope in mailbox.envelopes] == [["ada@example.org"]]


def test_a_server_that_puts_everybody_off_is_not_asked_for_each_of_many(desk: Desk, mailbox: Mailbox) -> None:
    for number in range(20):
        desk.write(f"profiles/b{number}.toml", ADA.replace("ada@", f"b{number}@"))
    mailbox.reply = "451 4.3.0 come back later"
    first = desk.run("send", "--wait", "0")
    asked = mailbox.asked
    mailbox.reply = "250 2.0.0 taken"
    desk.now += timedelta(hours=1)
    desk.run("send")

    assert asked < 21
    assert "is given a pause after: body 451 4.3.0 come back later" in first.stdout
    assert len(mailbox.envelopes) == 21


def test_check_says_that_the_server_answers(desk: Desk) -> None:
    result = desk.run("check")

    assert result.exit_code == 0
    assert re.search(r"way out 127\.0\.0\.1: 127\.0\.0\.1:\d+ answers", result.stdout)


def test_a_server_that_is_away_keeps_the_message(smtp_desk: Desk) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    desk = at_port(smtp_desk, port)

    result = desk.run("send", "--wait", "0")

    assert result.exit_code == ExitCode.DELIVERY
    assert "the next run tries again" in result.stdout
    assert "ready" in desk.run("status").stdout


SMTP_SINK = shutil.which("smtp-sink", path="/usr/sbin:/usr/bin:/usr/local/sbin")


@pytest.mark.skipif(SMTP_SINK is None, reason="needs postfix's smtp-sink (apt-get install postfix)")
def test_postfixs_own_sink_takes_the_mail(smtp_desk: Desk, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    dump = tmp_path / "sink"
    dump.mkdir(mode=0o777)
    as_root = ["-u", "root"] if os.geteuid() == 0 else []
    command = [str(SMTP_SINK), *as_root, "-d", f"{dump}/%M.", f"127.0.0.1:{port}", "10"]
    sink = subprocess.Popen(command)
    try:
        _wait_for(port)
        result = at_port(smtp_desk, port).run("send")
    finally:
        sink.terminate()
        sink.wait(timeout=10)

    assert result.exit_code == 0, result.output
    (taken,) = dump.iterdir()
    message = email.message_from_bytes(taken.read_bytes(), policy=email.policy.default)
    assert message["X-Rcpt-Args"] == "<ada@example.org>"
    assert "Learning to Wait" in message["Subject"]


def _wait_for(port: int) -> None:
    """Until the server listens; at most five seconds."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise TimeoutError(f"nothing listens on port {port}")
