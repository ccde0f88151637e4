"""`digest outbox`: looking at messages on their way out, and the operator's word on them."""

import json
import subprocess
import sys
from datetime import date, timedelta

import click
import pytest

from digest.cli.outbox import outbox
from digest.cli.suppress import suppress as suppress_group
from digest.errors import ExitCode
from digest.model import Attempt, DeliveryState, Suppression
from digest.store.bounces import BOUNCE, record_return
from digest.store.record import by_message_id
from digest.store.suppressions import suppress
from tests.cli.outgoing import BUSY, LOST, NOBODY, SENT, store, tried, waits
from tests.desk import Desk

YESTERDAY = date(2026, 3, 10)


def states(desk: Desk) -> dict[str, str]:
    lines = desk.run("outbox", "list", "--all", "--json").stdout.splitlines()
    return {one["profile"]: one["state"] for one in map(json.loads, lines)}


@pytest.mark.parametrize("group", [outbox, suppress_group], ids=["outbox", "suppress"])
def test_help_names_every_command_with_its_own_first_line(group: click.Group) -> None:
    context = click.Context(group)
    known: dict[str, tuple[str, str]] = group.known  # type: ignore[attr-defined]

    for name, (_, line) in known.items():
        command = group.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert (command.help or "").splitlines()[0] == line


# ---------------------------------------------------------------- list


def test_list_shows_what_waits_and_what_nobody_knows(desk: Desk) -> None:
    waits(desk, "ada")
    tried(desk, BUSY, "bob")
    tried(desk, LOST, "eve")
    tried(desk, SENT, "sam")
    tried(desk, NOBODY, "tom")

    lines = desk.run("outbox", "list").stdout.splitlines()

    assert lines == [
        "2026-03-11\tada\twaits\t0\tnext try as soon as it can be\t",
        "2026-03-11\tbob\twaits\t1\tnext try 2026-03-11 09:05 UTC\tRCPT 450 4.2.1 mailbox busy",
        "2026-03-11\teve\tmay have arrived\t1\t2026-03-11 09:00 UTC\tconnection lost after the message went out",
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "names"),
    [
        (["--all"], ["ada", "bob", "ada"]),
        (["--state", "sent"], ["bob"]),
        (["--state", "sent", "--state", "queued"], ["ada", "bob", "ada"]),
        (["--all", "--profile", "bob"], ["bob"]),
        (["--all", "--day", "2026-03-10"], ["ada"]),
        (["--all", "--most", "1"], ["ada"]),
        (["--state", "failed"], []),
    ],
)
def test_list_is_narrowed_by_state_reader_day_and_number(
    desk: Desk, flags: list[str], names: list[str]
) -> None:
    waits(desk, "ada", YESTERDAY)
    waits(desk, "ada")
    tried(desk, SENT, "bob")

    result = desk.run("outbox", "list", *flags, "--json")

    assert [json.loads(line)["profile"] for line in result.stdout.splitlines()] == names
    assert ("more than 1" in result.stderr) == ("--most" in flags)


def test_list_says_everything_of_a_message_as_json(desk: Desk) -> None:
    message_id = tried(desk, BUSY)

    (line,) = desk.run("outbox", "list", "--json").stdout.splitlines()

    assert json.loads(line) == {
        "profile": "ada",
        "day": "2026-03-11",
        "message_id": message_id,
        "sender": "digest@example.org",
        "recipient": "ada@example.org",
        "subject": "Papers for ada",
        "state": "queued",
        "attempts": 1,
        "deferrals": 1,
        "relay": "main",
        "reply": "RCPT 450 4.2.1 mailbox busy",
        "queued_at": "2026-03-11T09:00:00+00:00",
        "due_at": "2026-03-11T09:05:00+00:00",
        "ended_at": None,
        "tries": 1,
        "may_have_arrived": False,
    }


def test_without_a_store_nothing_waits_and_none_is_made(desk: Desk) -> None:
    result = desk.run("outbox", "list")

    assert (result.exit_code, result.stdout) == (0, "")
    assert "there is no store yet" in result.stderr
    assert not (desk.folder / "digest.sqlite3").exists()


def test_an_empty_outbox_is_said_to_be_so(desk: Desk) -> None:
    tried(desk, SENT)

    assert "Nothing waits." in desk.run("outbox", "list").stderr
    assert "No such message." in desk.run("outbox", "list", "--state", "failed").stderr


# ---------------------------------------------------------------- show


@pytest.mark.parametrize(
    "key",
    [["ada"], ["ada", "2026-03-11"], ["ada 2026-03-11"], ["<ada.2026-03-11@example.org>"], ["ada.2026-03-11@example.org"]],
)  # fmt: skip
def test_show_finds_a_message_by_reader_day_or_message_id(desk: Desk, key: list[str]) -> None:
    tried(desk, BUSY)
    waits(desk, "ada", YESTERDAY)

    shown = desk.run("outbox", "show", *key).stdout

    assert shown.startswith("ada, 2026-03-11: waits\n")
    assert "  to          ada@example.org\n" in shown
    assert "  next try    2026-03-11 09:05 UTC\n" in shown
    assert "1\t03-11 09:00:00\t03-11 09:00:02\tmain\tRCPT\ttransient\tRCPT 450 4.2.1 mailbox busy" in shown


def test_show_has_every_try_as_json(desk: Desk) -> None:
    tried(desk, NOBODY)

    shown = json.loads(desk.run("outbox", "show", "ada", "--json").stdout)

    assert (shown["state"], shown["reply"]) == ("failed", "RCPT 550 5.1.1 no such user")
    assert shown["tries"] == [
        {
            "number": 1,
            "relay": "main",
            "began_at": "2026-03-11T09:00:00+00:00",
            "ended_at": "2026-03-11T09:00:02+00:00",
            "state": "failed",
            "phase": "RCPT",
            "failure": "recipient",
            "code": 550,
            "enhanced": "5.1.1",
            "reply": "RCPT 550 5.1.1 no such user",
        }
    ]


def test_show_of_one_that_is_going_out_says_so(desk: Desk) -> None:
    tried(desk, None)

    shown = desk.run("outbox", "show", "ada").stdout

    assert "ada, 2026-03-11: is going out" in shown
    assert "under way" in shown


def test_a_reply_cannot_paint_on_the_terminal(desk: Desk) -> None:
    evil = Attempt(
        state=BUSY.state, reply="450 \x1b[2J\x07gone\u202e", phase=BUSY.phase, failure=BUSY.failure, code=450
    )
    tried(desk, evil)

    for command in (["outbox", "show", "ada"], ["outbox", "list"], ["status"]):
        shown = desk.run(*command).stdout
        assert "450 [2Jgone" in shown
        assert "\x1b" not in shown


def test_show_writes_the_message_as_it_is_sent(desk: Desk) -> None:
    waits(desk)

    result = desk.run("outbox", "show", "ada", "--eml", str(desk.folder / "one.eml"))

    assert result.exit_code == 0
    assert (desk.folder / "one.eml").read_bytes().endswith(b"Subject: Papers for ada\r\n\r\nHello.\r\n")
    assert desk.run("outbox", "show", "ada", "--eml", "-").stdout_bytes.startswith(b"To: ada@example.org\r\n")
    assert "cannot be written" in desk.run("outbox", "show", "ada", "--eml", str(desk.folder)).stderr


def test_what_was_sent_has_no_content_any_more_and_that_is_told(desk: Desk) -> None:
    tried(desk, SENT)

    result = desk.run("outbox", "show", "ada", "--eml", "-")

    assert result.exit_code == ExitCode.STORE
    assert "digest preview ada --day 2026-03-11 --eml FILE" in result.stderr
    assert "kept no longer" in desk.run("outbox", "show", "ada").stdout


@pytest.mark.parametrize("command", ["show", "cancel", "retry"])
def test_a_message_that_is_not_there_is_told(desk: Desk, command: str) -> None:
    waits(desk)

    result = desk.run("outbox", command, "bob", "2026-03-11")

    assert result.exit_code == ExitCode.DELIVERY
    assert (
        "'bob 2026-03-11': there is no such message. `digest outbox list --all` names them" in result.stderr
    )


@pytest.mark.parametrize(
    "command",
    [["show", "\udcff"], ["cancel", "\udcff"], ["retry", "\udcff"], ["list", "--profile", "\udcff"]],
)
def test_a_key_that_is_no_text_is_wrong_usage(desk: Desk, command: list[str]) -> None:
    waits(desk)

    result = desk.run("outbox", *command)

    assert result.exit_code == ExitCode.USAGE
    assert "'\\udcff' is not UTF-8 text" in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("command", [["outbox", "show", "ada"], ["preview", "ada"]])
def test_a_message_for_standard_output_that_is_closed_is_an_error(desk: Desk, command: list[str]) -> None:
    waits(desk)
    desk.run("fetch")
    program = (
        sys.executable,
        "-c",
        "import sys; sys.stdout = None; from digest.cli.main import main; main()",
    )

    ran = subprocess.run(
        [*program, *command, "--eml", "-"], cwd=desk.folder, capture_output=True, text=True, check=False
    )

    assert ran.returncode == ExitCode.FAILED
    assert "error: standard output: cannot be written (it is closed)" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_show_takes_one_message(desk: Desk) -> None:
    assert desk.run("outbox", "show", "ada", "bob").exit_code == ExitCode.USAGE


# ---------------------------------------------------------------- retry


def test_retry_lets_a_refused_message_wait_again(desk: Desk) -> None:
    tried(desk, NOBODY)

    result = desk.run("outbox", "retry", "ada")

    assert result.exit_code == 0
    assert result.stdout == "ada 2026-03-11: waits again; `digest send` tries it\n"
    assert states(desk) == {"ada": "queued"}


def test_retry_of_all_that_failed_leaves_the_others(desk: Desk) -> None:
    tried(desk, NOBODY, "ada")
    tried(desk, LOST, "bob")
    tried(desk, NOBODY, "eve", day=YESTERDAY)

    result = desk.run("outbox", "retry", "--failed", "--day", "2026-03-11")

    assert result.exit_code == 0
    assert states(desk) == {"ada": "queued", "bob": "unknown", "eve": "failed"}


def test_a_message_that_may_have_arrived_goes_again_only_if_that_is_meant(desk: Desk) -> None:
    tried(desk, LOST)

    asked = desk.run("outbox", "retry", "ada")
    meant = desk.run("outbox", "retry", "--unknown", "--yes")

    assert asked.exit_code == ExitCode.USAGE
    assert "ada 2026-03-11: may have arrived, and would come twice. Add --yes" in asked.stderr
    assert meant.exit_code == 0
    assert states(desk) == {"ada": "queued"}
    for shows in (("outbox", "list"), ("outbox", "show", "ada")):
        assert "waits (may have arrived before)" in desk.run(*shows).stdout
    assert "1 of what waits may have arrived before: `digest outbox show ada" in desk.run("status").stdout


def test_retry_of_what_was_sent_or_is_going_out_is_refused(desk: Desk) -> None:
    tried(desk, SENT, "ada")
    tried(desk, None, "bob")

    result = desk.run("outbox", "retry", "ada", "bob")

    assert result.exit_code == ExitCode.FAILED
    assert "ada 2026-03-11: was sent already" in result.stderr
    assert "bob 2026-03-11: is under way" in result.stderr
    assert states(desk) == {"ada": "sent", "bob": "unknown"}


def test_a_bounce_is_no_try_and_cannot_be_sent_again(desk: Desk) -> None:
    message_id = tried(desk, SENT)
    bounced = Attempt(state=DeliveryState.FAILED, reply="bounced: 550 5.1.1 no such user")
    with store(desk) as connection:
        listed = by_message_id(connection, message_id)
        assert listed is not None
        record_return(connection, listed, bounced, BOUNCE, desk.now)

    shown = desk.run("outbox", "list", "--all").stdout
    again = desk.run("outbox", "retry", "ada")

    assert "\tbounced\t1\t" in shown
    assert again.exit_code == ExitCode.FAILED
    assert "bounced, and its content was let go when a server took it: its papers come again" in again.stderr


def test_retry_to_a_suppressed_address_says_how_to_lift_that(desk: Desk) -> None:
    tried(desk, NOBODY)
    with store(desk) as connection:
        suppress(connection, Suppression(address="ada@example.org", reason="550 no such user", at=desk.now))

    result = desk.run("outbox", "retry", "ada")

    assert result.exit_code == ExitCode.FAILED
    assert "ada@example.org gets no mail: 550 no such user. `digest suppress remove" in result.stderr
    assert states(desk) == {"ada": "failed"}


@pytest.mark.parametrize("flags", [[], ["ada", "--failed"]])
def test_retry_wants_either_names_or_a_state(desk: Desk, flags: list[str]) -> None:
    assert "which messages?" in desk.run("outbox", "retry", *flags).stderr


def test_retry_of_nothing_says_so(desk: Desk) -> None:
    waits(desk)

    assert "No such message." in desk.run("outbox", "retry", "--failed").stderr


# ---------------------------------------------------------------- cancel


@pytest.mark.slow
def test_cancel_gives_up_what_waits_and_retry_takes_it_back(desk: Desk) -> None:
    waits(desk, "ada")
    waits(desk, "bob")

    result = desk.run("outbox", "cancel", "ada", "2026-03-11", "bob")

    assert result.exit_code == 0
    assert "ada 2026-03-11: given up; its papers come again in the next edition" in result.stdout
    assert states(desk) == {"ada": "expired", "bob": "expired"}
    desk.run("outbox", "retry", "ada")
    assert states(desk) == {"ada": "queued", "bob": "expired"}


@pytest.mark.parametrize("command", ["cancel", "retry"])
def test_a_message_that_is_meant_twice_is_dealt_with_once(desk: Desk, command: str) -> None:
    message_id = waits(desk)

    result = desk.run("outbox", command, "ada", "ada", desk.now.date().isoformat(), message_id)

    assert result.exit_code == 0, result.stderr
    assert len(result.stdout.splitlines()) == 1
    assert result.stderr == ""


def test_what_does_not_wait_cannot_be_cancelled(desk: Desk) -> None:
    tried(desk, SENT, "ada")
    tried(desk, None, "bob")

    result = desk.run("outbox", "cancel", "ada", "bob")

    assert result.exit_code == ExitCode.FAILED
    assert "ada 2026-03-11: does not wait: sent" in result.stderr
    assert "bob 2026-03-11: does not wait: is going out" in result.stderr


def test_looking_changes_nothing(desk: Desk) -> None:
    tried(desk, BUSY)
    before = (desk.folder / "digest.sqlite3").read_bytes()
    desk.now += timedelta(days=3)

    for command in (["list", "--all"], ["show", "ada"]):
        assert desk.run("outbox", *command).exit_code == 0

    assert (desk.folder / "digest.sqlite3").read_bytes() == before
