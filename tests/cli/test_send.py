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
from digest.store.deliveries import claim, record_commits
from digest.store.lock import at_work, present
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
    assert "bob: refused; its papers come again in the next edition: RCPT 550 5.1.1" in result.stdout
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


def test_a_used_up_limit_says_when_there_is_room_again(desk: Desk, server: tuple[Server, int]) -> None:
    readers(desk, "bob", "cy")
    by_smtp(desk, server[1])
    config = (desk.folder / "config.toml").read_text(encoding="utf-8")
    desk.write("config.toml", config.replace("\nport =", "\nper_day = 1\nport ="))

    result = desk.run("send")

    room = "next try at 2026-03-12 09:00 UTC: the limit of 1 a day of first is used up"
    assert f"sent 1, waiting 2 ({room})" in result.stdout


@pytest.mark.slow
def test_what_waits_for_a_reader_whose_profile_is_gone_is_given_up_in_words(
    desk: Desk, server: tuple[Server, int]
) -> None:
    readers(desk, "bob", "cy")
    by_smtp(desk, server[1])
    server[0].refuses = {f"{one}@example.org": "450 4.2.0 full" for one in ("bob", "cy")}
    desk.run("send")
    (desk.folder / "profiles" / "bob.toml").unlink()
    desk.write("profiles/cy.toml", "email = ")
    desk.now += timedelta(days=2)

    named = desk.run("send", "ada", "--no-fetch")
    everyone = desk.run("send", "--no-fetch")

    gone = "gave up the edition of 2026-03-11: not sent in time, and its reader has no profile any more"
    assert "gave up" not in named.stdout
    assert f"bob: {gone}" in everyone.stdout
    assert f"cy: {gone}" not in everyone.stdout
    assert "cy: gave up the edition of 2026-03-11: not sent before the next edition" in everyone.stdout


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
    assert "first took nothing more; `digest status` says what to do about it" in result.stdout
    assert result.exit_code == ExitCode.OK  # all got out; the first relay is the alarm's matter


@pytest.mark.slow
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


@pytest.mark.slow
def test_of_many_readers_twenty_are_named_that_were_put_off_and_twenty_that_were_refused(
    desk: Desk, server: tuple[Server, int]
) -> None:
    put_off, refused = ([f"{kind}{place:02}" for place in range(22)] for kind in ("later", "never"))
    readers(desk, *put_off, *refused)
    by_smtp(desk, server[1])
    server[0].refuses = {f"{name}@example.org": "450 4.2.0 mailbox busy" for name in put_off}
    server[0].refuses |= {f"{name}@example.org": "550 5.1.1 no such user" for name in refused}

    result = desk.run("send")

    lines = result.stdout.splitlines()
    assert sum(line.startswith("later") for line in lines) == 20
    assert sum(line.startswith("never") for line in lines) == 20
    assert "and 2 more wait for their next try: `digest outbox list`" in lines
    assert "and 2 more did not get out: `digest outbox list`" in lines


def test_a_second_run_says_that_all_were_sent_before(desk: Desk) -> None:
    readers(desk, "bob")
    desk.run("send")

    result = desk.run("send", "--no-fetch")

    assert "ada: sent before (" in result.stdout
    assert "nothing to send" not in result.stdout
    assert result.stdout.splitlines()[-1] == "nothing waits; all were sent before"


@pytest.mark.slow
def test_a_second_run_for_many_readers_has_a_sum_too(desk: Desk) -> None:
    readers(desk, *(f"r{place:02}" for place in range(24)))
    desk.run("send")

    result = desk.run("send", "--no-fetch")

    assert result.exit_code == ExitCode.OK
    assert result.stdout.splitlines()[-1] == "nothing waits; all were sent before"


@pytest.mark.slow
def test_a_message_that_may_have_arrived_fails_only_the_run_that_finds_it(desk: Desk) -> None:
    by_smtp(desk, 9)
    desk.run("send", "--wait", "0")
    lease = desk.now + timedelta(minutes=20)
    with open_database(desk.folder / "digest.sqlite3") as database, database.begin() as connection:
        claimed = claim(connection, relay="first", owner="killed", now=lease, lease_until=lease, most=1)
        record_commits(connection, claimed.deliveries, desk.now, lease)

    finding = desk.run("send", "--no-fetch")
    again = desk.run("send", "--no-fetch")

    assert "the edition of 2026-03-11 was cut off on its way out" in finding.stderr
    assert (finding.exit_code, again.exit_code) == (ExitCode.DELIVERY, ExitCode.OK)
    assert "ada: unknown (" in again.stdout
    assert again.stdout.splitlines()[-1] == "nothing waits"


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


@contextmanager
def sending(desk: Desk) -> "Iterator[subprocess.Popen[str]]":
    """`digest send` in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "digest", "--config", str(desk.folder / "config.toml"), "send"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_asked_to_end_before_it_sends_says_so_and_the_next_run_does_all(
    desk: Desk, number: signal.Signals
) -> None:
    store = desk.folder / "digest.sqlite3"
    open_database(store).close()
    with at_work(store, "harvest", waiting=None), sending(desk) as process:
        assert process.stdout is not None
        assert "reads the sources; waiting" in process.stdout.readline()
        process.send_signal(number)
        output, _ = process.communicate(timeout=60)

    assert "error: ended before anything was sent. Run it again" in output
    assert process.returncode == ExitCode.FAILED
    assert desk.run("send").exit_code == ExitCode.OK
    assert len(desk.mails()) == 1


@pytest.mark.slow
def test_a_process_asked_to_end_waits_for_the_reply_and_keeps_the_rest(
    desk: Desk, server: tuple[Server, int]
) -> None:
    readers(desk, "bob", "cy")
    by_smtp(desk, server[1])
    config = (desk.folder / "config.toml").read_text(encoding="utf-8")
    desk.write("config.toml", config.replace("\nport =", "\nconnections = 1\nport ="))
    server[0].may_answer.clear()
    with sending(desk) as process:
        assert server[0].is_at_body.wait(60)
        process.send_signal(signal.SIGTERM)
        server[0].may_answer.set()
        output, _ = process.communicate(timeout=60)

    assert "ending: what is out is waited for" in output
    assert "sent 1, waiting 2 (the run was ended)" in output
    assert process.returncode == ExitCode.DELIVERY
    assert len(server[0].got) == 1


# ---------------------------------------------------------------- what an earlier day left


def left_under_way(desk: Desk, owner: str, *, is_out: bool = False) -> Path:
    """Yesterday's run could not send, and the next had the message under way at midnight; the store."""
    by_smtp(desk, 9)
    desk.run("send", "--wait", "0")
    store = desk.folder / "digest.sqlite3"
    later, lease = desk.now + timedelta(hours=1), desk.now + timedelta(hours=2)
    with open_database(store) as database, database.begin() as connection:
        claimed = claim(connection, relay="first", owner=owner, now=later, lease_until=lease, most=1)
        assert len(claimed.deliveries) == 1
        if is_out:
            record_commits(connection, claimed.deliveries, later, lease)
    desk.now += timedelta(days=1)
    desk.write("config.toml", CONFIG.format(transport="maildir"))
    return store


@pytest.mark.slow
def test_papers_that_a_killed_run_was_about_to_send_come_in_one_mail_the_next_day(desk: Desk) -> None:
    left_under_way(desk, "killed")

    result = desk.run("send", "--no-fetch")

    assert result.exit_code == ExitCode.OK
    assert "ada: gave up the edition of 2026-03-11" in result.stdout
    assert len(desk.mails()) == 1


@pytest.mark.slow
def test_papers_under_way_over_midnight_are_in_no_second_mail(desk: Desk) -> None:
    store = left_under_way(desk, "alive")

    with present(store, "alive"):
        beside = desk.run("send", "--no-fetch")
        mails_beside = len(desk.mails())
    after = desk.run("send", "--no-fetch")

    assert (beside.exit_code, after.exit_code) == (ExitCode.OK, ExitCode.OK)
    assert mails_beside == 0
    assert "gave up" not in beside.stdout + after.stdout
    assert len(desk.mails()) == 1


@pytest.mark.slow
def test_what_a_killed_run_may_have_sent_is_counted_once_and_its_papers_do_not_come_again(desk: Desk) -> None:
    left_under_way(desk, "killed", is_out=True)

    result = desk.run("send", "--no-fetch")
    again = desk.run("send", "--no-fetch")

    assert (result.exit_code, again.exit_code) == (ExitCode.DELIVERY, ExitCode.OK)
    assert "the edition of 2026-03-11 was cut off on its way out" in result.stderr
    assert result.stdout.splitlines()[-1] == "sent 0, waiting 0, refused 0, unknown 1"
    assert desk.mails() == []


@pytest.mark.slow
def test_papers_that_a_person_put_back_come_in_one_mail_the_next_day(desk: Desk) -> None:
    by_smtp(desk, 9)
    desk.run("send", "--wait", "0")
    desk.run("outbox", "retry", "ada")
    desk.now += timedelta(days=1)
    desk.write("config.toml", CONFIG.format(transport="maildir"))

    result = desk.run("send", "--no-fetch")

    assert result.exit_code == ExitCode.OK
    assert len(desk.mails()) == 1


@pytest.mark.slow
def test_a_reader_whose_message_cannot_be_made_has_that_day_on_record(desk: Desk) -> None:
    desk.write("config.toml", 'templates_dir = "mine"\n' + CONFIG.format(transport="maildir"))
    desk.write("mine/card.txt.j2", "{{ 1 // 0 }}")

    result = desk.run("send")
    status = desk.run("status")
    desk.write("config.toml", CONFIG.format(transport="maildir"))
    mended = desk.run("send", "--no-fetch")

    assert result.exit_code == ExitCode.DELIVERY
    assert result.stdout.count("ada: failed") == 1
    assert "failed" in status.stdout
    assert "ada: sent to ada@example.org" in mended.stdout
