"""The faults are what they are said to be: seen through the standard library's own client."""

import smtplib
import socket

import pytest

from tests.faults.server import (
    Act,
    FaultServer,
    Rule,
    drops,
    every,
    hangs,
    never_ends,
    resets,
    says,
    serving,
    the,
)

BODY = b"Message-ID: <%d@example.org>\r\nSubject: faults\r\n\r\nbody\r\n"


def mail(server: FaultServer, recipient: str, number: int = 1) -> None:
    with smtplib.SMTP("127.0.0.1", server.port, timeout=0.3) as client:
        client.sendmail("d@example.org", recipient, BODY % number)


def test_what_was_received_and_what_was_said_of_it_is_on_record() -> None:
    with serving(FaultServer([Rule("body", says("550 5.7.1 no"), recipient="b@example.org")])) as server:
        mail(server, "a@example.org", 1)
        with pytest.raises(smtplib.SMTPDataError):
            mail(server, "b@example.org", 2)

    assert [(entry.message_id, entry.is_kept) for entry in server.ledger] == [
        ("<1@example.org>", True),
        ("<2@example.org>", False),
    ]
    assert server.kept == {"a@example.org": 1}


def test_a_message_kept_without_a_word_counts_as_kept() -> None:
    with serving(FaultServer([Rule("body", drops())])) as server, pytest.raises(smtplib.SMTPException):
        mail(server, "a@example.org")

    assert server.kept == {"a@example.org": 1}


def test_a_message_cut_inside_is_not_received() -> None:
    with serving(FaultServer([Rule("inside", drops())])) as server, pytest.raises(smtplib.SMTPException):
        mail(server, "a@example.org")

    assert server.ledger == []


def test_rules_count() -> None:
    with serving(FaultServer([Rule("RCPT", says("450 4.2.1 later"), when=every(3))])) as server:
        for number in range(1, 7):
            if number % 3:
                mail(server, "a@example.org", number)
            else:
                with pytest.raises(smtplib.SMTPRecipientsRefused):
                    mail(server, "a@example.org", number)

    assert sorted(server.kept_ids) == [f"<{number}@example.org>" for number in (1, 2, 4, 5)]


@pytest.mark.slow
@pytest.mark.parametrize("act", [drops(), drops("22"), resets(), hangs(), hangs("220-")])
def test_a_banner_that_goes_wrong_goes_wrong_once(act: Act) -> None:
    with serving(FaultServer([Rule("banner", act, when=the(1))])) as server:
        with pytest.raises((smtplib.SMTPException, OSError)):
            mail(server, "a@example.org")
        mail(server, "a@example.org")

    assert server.kept == {"a@example.org": 1}


def test_a_connection_takes_so_many_messages_and_no_more() -> None:
    with (
        serving(FaultServer(per_connection=2, farewell=drops("421 4.7.0 enough\r\n"))) as server,
        smtplib.SMTP("127.0.0.1", server.port, timeout=5) as client,
    ):
        for number in range(2):
            client.sendmail("d@example.org", "a@example.org", BODY % number)
        with pytest.raises(smtplib.SMTPException):
            client.sendmail("d@example.org", "a@example.org", BODY % 3)

    assert server.kept == {"a@example.org": 2}


def test_a_reply_without_end_has_none() -> None:
    """`smtplib` would read it for ever."""
    with (
        serving(FaultServer([Rule("banner", never_ends())])) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=5) as client,
    ):
        size = 0
        while size < 1_000_000:
            size += len(client.recv(65_536))


def test_a_reset_is_one() -> None:
    with (
        serving(FaultServer([Rule("banner", resets())])) as server,
        pytest.raises(ConnectionResetError),
        socket.create_connection(("127.0.0.1", server.port), timeout=5) as client,
    ):
        client.recv(100)
