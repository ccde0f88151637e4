"""`digest bounces`: what it reads, says and leaves alone."""

import json
from pathlib import Path

import click
import pytest

from digest.cli.bounces import read_before_sending, traced
from digest.cli.world import World
from digest.config import load_configuration
from digest.dsn import MAX_BASE_LOCAL, has_token
from digest.model import DeliveryState, Envelope, Message
from digest.settings.mail import LONGEST_RETURN_PATH
from digest.store.database import open_database, open_for_reading
from digest.store.record import by_message_id
from digest.store.suppressions import all_suppressed
from tests.bounces.imap import PASSWORD, FakeImap, served
from tests.bounces.makers import MESSAGE_ID, sent
from tests.desk import CONFIG, NOW, Desk

SAMPLES = Path(__file__).parent.parent / "bounces" / "samples"
BOX = '\n[bounces]\nreturn_path = "bounces@digest.example"\nverp = true\n'


@pytest.fixture
def bouncing(desk: Desk) -> Desk:
    """Ada's message went out, and her folder has a Maildir for bounces, empty yet."""
    desk.write("config.toml", CONFIG.format(transport="maildir") + BOX + 'maildir = "bounced"\n')
    for room in ("new", "cur", "tmp"):
        (desk.folder / "bounced" / room).mkdir(parents=True)
    with open_database(desk.folder / "digest.sqlite3") as database:
        sent(database)
    return desk


def deliver(desk: Desk, *names: str) -> None:
    for name in names:
        (desk.folder / "bounced" / "new" / name).write_bytes((SAMPLES / f"{name}.eml").read_bytes())


def unread(desk: Desk) -> list[str]:
    return sorted(path.name for path in (desk.folder / "bounced" / "new").iterdir())


def state(desk: Desk) -> tuple[DeliveryState, list[str]]:
    with open_for_reading(desk.folder / "digest.sqlite3") as database, database.read() as connection:
        found = by_message_id(connection, MESSAGE_ID)
        assert found
        return found.state, [one.address for one in all_suppressed(connection)]


def test_a_bounce_is_told_with_what_it_led_to(bouncing: Desk) -> None:
    deliver(bouncing, "postfix", "vacation")

    result = bouncing.run("bounces")

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "ada, edition of 2026-03-11: bounced: 550 5.1.1 <ada@example.org>: Recipient address rejected: "
        "User unknown in local recipient table [mx.example.org]",
        "  ada@example.org gets no more mail; `digest suppress remove ada@example.org` lifts that",
        "1 report read; also left unread: 1 × automatic reply",
    ]
    assert state(bouncing) == (DeliveryState.FAILED, ["ada@example.org"])
    assert unread(bouncing) == ["vacation"]


def test_a_dry_run_says_it_and_does_nothing(bouncing: Desk) -> None:
    deliver(bouncing, "postfix")

    result = bouncing.run("bounces", "--dry-run")

    assert "ada@example.org would get no more mail" in result.stdout
    assert state(bouncing) == (DeliveryState.SENT, [])
    assert unread(bouncing) == ["postfix"]


def test_as_json_every_report_is_an_object(bouncing: Desk) -> None:
    deliver(bouncing, "postfix", "person")

    told = json.loads(bouncing.run("bounces", "--json").stdout)

    (report,) = told["reports"]
    assert (report["effect"], report["profile"], report["day"]) == ("failed", "ada", "2026-03-11")
    assert report["suppressed"].startswith("bounced: 550 5.1.1")
    assert told["left"] == {"other mail": 1}


def test_a_report_about_nothing_of_ours_is_counted_and_left(bouncing: Desk) -> None:
    deliver(bouncing, "postfix")
    forged = bouncing.folder / "bounced" / "new" / "postfix"
    forged.write_bytes(forged.read_bytes().replace(b"0123456789abcdef0123", b"f" * 20))

    result = bouncing.run("bounces")

    assert result.stdout == (
        "1 report read, 1 of them not believed, and left unread "
        "(1 did not come to the return path of its message)\n"
    )
    assert unread(bouncing) == ["postfix"]


@pytest.mark.slow
def test_an_empty_box_is_said(bouncing: Desk) -> None:
    assert bouncing.run("bounces").stdout == "0 reports read\n"


def test_without_a_box_it_says_where_to_name_one(desk: Desk) -> None:
    result = desk.run("bounces")

    assert result.exit_code == 3
    assert "no box is named" in result.stderr
    assert "[bounces.imap]" in result.stderr


def test_without_a_store_nothing_can_have_come_back(bouncing: Desk) -> None:
    (bouncing.folder / "digest.sqlite3").unlink()

    result = bouncing.run("bounces")

    assert (result.exit_code, result.stdout) == (0, "")
    assert not (bouncing.folder / "digest.sqlite3").exists()


def test_without_a_store_there_is_the_same_json(bouncing: Desk) -> None:
    (bouncing.folder / "digest.sqlite3").unlink()

    result = bouncing.run("bounces", "--json")

    assert json.loads(result.stdout) == {"reports": [], "left": {}}


def test_a_box_that_is_not_there_is_an_error_of_one_line(bouncing: Desk) -> None:
    bouncing.write("config.toml", CONFIG.format(transport="maildir") + BOX + 'maildir = "nowhere"\n')

    result = bouncing.run("bounces")

    assert result.exit_code == 1
    assert "nowhere: cannot be read: No such file or directory" in result.stderr


def imap_desk(desk: Desk, port: int) -> Desk:
    table = (
        f'\n[bounces.imap]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n'
        'username = "bounces"\ntimeout_s = 5\n'
    )
    desk.write("config.toml", CONFIG.format(transport="maildir") + BOX + table)
    return desk


def test_an_imap_box_is_read_and_its_bounce_marked(bouncing: Desk) -> None:
    messages = {1: (SAMPLES / "person.eml").read_bytes(), 2: (SAMPLES / "gmail.eml").read_bytes()}
    with served(FakeImap(messages=messages)) as fake:
        bouncing.environment["DIGEST_BOUNCES_PASSWORD"] = PASSWORD

        result = imap_desk(bouncing, fake.port).run("bounces")

    assert result.exit_code == 0
    assert fake.seen == {2}
    assert state(bouncing) == (DeliveryState.FAILED, ["ada@example.org"])


def test_an_imap_box_without_a_password_says_how_to_give_one(bouncing: Desk) -> None:
    result = imap_desk(bouncing, 1).run("bounces")

    assert result.exit_code == 3
    assert "DIGEST_BOUNCES_PASSWORD" in result.stderr


# ---------------------------------------------------------------- as part of sending


def test_before_sending_a_box_that_cannot_be_read_is_a_warning(
    bouncing: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    path = imap_desk(bouncing, 1).folder / "config.toml"
    world = World(now=lambda: NOW, environment={"DIGEST_BOUNCES_PASSWORD": PASSWORD}, folder=bouncing.folder)

    with open_database(bouncing.folder / "digest.sqlite3") as database:
        read_before_sending(load_configuration(path), world, database)

    said = click.unstyle(capsys.readouterr().err)
    assert "warning: bounces were not read: 127.0.0.1:1" in said


def test_before_sending_bounces_are_taken_in(bouncing: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    deliver(bouncing, "postfix", "person")
    loaded = load_configuration(bouncing.folder / "config.toml")
    world = World(now=lambda: NOW, environment={}, folder=bouncing.folder)

    with open_database(bouncing.folder / "digest.sqlite3") as database:
        read_before_sending(loaded, world, database)

    assert len(capsys.readouterr().out.splitlines()) == 2
    assert state(bouncing) == (DeliveryState.FAILED, ["ada@example.org"])


def message() -> Message:
    envelope = Envelope(sender="digest@example.org", recipient="ada@example.org")
    return Message(envelope=envelope, message_id=MESSAGE_ID, subject="", data=b"\r\n\r\n")


def test_every_message_gets_a_return_path_of_its_own(bouncing: Desk) -> None:
    trace = traced(load_configuration(bouncing.folder / "config.toml"))

    senders = {trace(message()).envelope.sender for _ in range(50)}

    assert len(senders) == 50
    assert all(has_token(one) and one.startswith("bounces+") for one in senders)


def test_without_verp_all_share_one_return_path_and_without_any_their_sender(desk: Desk) -> None:
    plain = traced(load_configuration(desk.folder / "config.toml"))
    shared = desk.write(
        "config.toml",
        CONFIG.format(transport="maildir") + '\n[bounces]\nreturn_path = "bounces@digest.example"\n',
    )

    assert plain(message()).envelope.sender == "digest@example.org"
    assert traced(load_configuration(shared))(message()).envelope.sender == "bounces@digest.example"


def test_the_longest_return_path_of_the_settings_has_room_for_a_token() -> None:
    assert LONGEST_RETURN_PATH == MAX_BASE_LOCAL


def test_a_return_path_without_room_for_a_token_is_refused(desk: Desk) -> None:
    long = BOX.replace("bounces@", "b" * 44 + "@")
    desk.write("config.toml", CONFIG.format(transport="maildir") + long)

    result = desk.run("bounces")

    assert result.exit_code == 3
    assert "leaves verp no room" in result.stderr
