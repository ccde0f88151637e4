"""The commands, with their store in PostgreSQL."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from digest.errors import ExitCode
from tests.desk import CONFIG, PAGE, Desk
from tests.postgres import LOCKED, Server, running_server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A PostgreSQL server for these tests."""
    with running_server() as started:
        yield started


@pytest.fixture
def shared(desk: Desk, server: Server) -> Desk:
    """Ada's folder, its store an empty database."""
    desk.write("config.toml", f'store = "{server.empty()}"\n' + CONFIG.format(transport="maildir"))
    return desk


def test_before_anything_happened_every_command_says_so(shared: Desk) -> None:
    said = {
        "status": "Nothing has happened yet: there is no store.",
        "outbox list": "there is no store yet",
        "suppress list": "No address is suppressed.",
        "check": "is not there yet; `digest fetch` makes it",
    }

    for command, sentence in said.items():
        result = shared.run(*command.split())
        assert result.exit_code == 0
        assert sentence in result.output


def test_a_day_goes_as_with_a_file(shared: Desk) -> None:
    sent = shared.run("send")
    again = shared.run("send", "--no-fetch")

    assert (sent.exit_code, again.exit_code) == (0, 0)
    assert "ada: sent to ada@example.org" in sent.stdout
    assert "ada: sent before (" in again.stdout
    assert len(shared.mails()) == 1
    assert not list(shared.folder.glob("digest.sqlite3*"))
    (line,) = shared.run("outbox", "list", "--all", "--json").stdout.splitlines()
    assert json.loads(line)["state"] == "sent"
    for command in (
        "status",
        "check",
        "plan",
        "outbox show ada",
        "preview --text",
        "explain Learning",
        "feedback",
    ):
        assert shared.run(*command.split()).exit_code == 0, command


def test_addresses_are_suppressed_and_lifted_there_too(shared: Desk) -> None:
    shared.run("suppress", "add", "ada@example.org")
    barred = shared.run("send")
    shared.run("suppress", "remove", "ada@example.org")

    assert shared.mails() == []
    assert "ada: failed (suppressed since 2026-03-11: added by hand)" in barred.stdout
    assert shared.run("suppress", "list", "--json").stdout == ""


def test_a_server_that_is_not_there_is_told_without_a_password(desk: Desk) -> None:
    desk.write(
        "config.toml", 'store = "postgresql://ada@127.0.0.1:1/digest"\n' + CONFIG.format(transport="maildir")
    )

    for command in ("status", "fetch", "send", "outbox list", "suppress list", "check"):
        result = desk.run(*command.split())
        assert result.exit_code == ExitCode.STORE, command
        assert "127.0.0.1" in result.stderr


def test_a_user_without_a_password_is_told_where_to_put_it(desk: Desk, server: Server) -> None:
    place = server.empty().replace("postgresql://digest@", f"postgresql://{LOCKED}@")
    desk.write("config.toml", f'store = "{place}"\n' + CONFIG.format(transport="maildir"))

    result = desk.run("status")

    assert result.exit_code == ExitCode.STORE
    assert "PGPASSWORD" in result.stderr


def test_a_machine_whose_clock_is_ahead_of_its_server_sends_at_once(shared: Desk) -> None:
    shared.now = datetime.now(UTC) + timedelta(minutes=4)
    shared.write("pages/2026-03-11.txt", PAGE.replace("Mar 11", f"{shared.now:%b} {shared.now.day}"))
    by_maildir = (shared.folder / "config.toml").read_text()
    nowhere = '[[smtp]]\nname = "first"\nhost = "127.0.0.1"\nport = 9\nsecurity = "none"\n'
    shared.write("config.toml", by_maildir.replace('"maildir"', '"smtp"', 1) + nowhere)

    refused = shared.run("send", "--wait", "0")
    shared.run("outbox", "retry", "ada")
    shared.write("config.toml", by_maildir)
    sent = shared.run("send", "--no-fetch", "--wait", "0")

    assert "Connection refused" in refused.stdout
    assert sent.exit_code == ExitCode.OK
    assert len(shared.mails()) == 1
