"""SMTP, against real servers and against one that does what servers should not."""

import asyncio
import dataclasses
import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from digest.errors import DeliveryError
from digest.model import DeliveryState, Failure, Phase
from digest.transport.smtp import Smtp, SmtpServer
from tests.transport.contract import Hand, TransportContract, message, not_to_be_called
from tests.transport.scripted import (
    POLITE,
    Answer,
    ScriptedServer,
    drips,
    hangs_up,
    says,
    scripted,
    stays_silent,
)
from tests.transport.talking import client, free_port, gives, script, settings, stops_the_queue, talking

SENT, QUEUED, FAILED, UNKNOWN = (
    DeliveryState.SENT,
    DeliveryState.QUEUED,
    DeliveryState.FAILED,
    DeliveryState.UNKNOWN,
)
TRANSIENT, RECIPIENT, SENDER, AUTHENTICATION = (
    Failure.TRANSIENT,
    Failure.RECIPIENT,
    Failure.SENDER,
    Failure.AUTHENTICATION,
)
PASSWORD = "sésame, ouvre-toi"


# ---------------------------------------------------------------- real servers


class Inbox:
    """Keeps what a real server received."""

    def __init__(self) -> None:
        self.received: list[Envelope] = []
        self.peers: set[object] = set()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.received.append(envelope)
        self.peers.add(session.peer)
        return "250 2.0.0 taken"


class SmtpPost:
    """A transport and the real server at its other end."""

    def __init__(self, server: SmtpServer, inbox: Inbox) -> None:
        self.server = server
        self.hand = Hand(Smtp(server))
        self.inbox = inbox

    def arrived(self) -> list[bytes]:
        return [envelope.original_content or b"" for envelope in self.inbox.received]


@contextmanager
def real_server(server: SmtpServer, **options: Any) -> Iterator[SmtpPost]:
    """An aiosmtpd server, and a transport with these settings and the server's port."""
    inbox = Inbox()
    controller = RealServer(inbox, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    post = SmtpPost(dataclasses.replace(server, port=controller.port), inbox)
    try:
        with post.hand:
            yield post
    finally:
        controller.hang_up()
        controller.stop()


class RealServer(Controller):
    """Ends its conversations before it stops: aiosmtpd leaves their sockets to the garbage collector."""

    def __init__(self, handler: Inbox, **options: Any) -> None:
        super().__init__(handler, **options)
        self.conversations: list[SMTP] = []

    def factory(self) -> SMTP:
        self.conversations.append(super().factory())  # type: ignore[no-untyped-call]  # aiosmtpd's
        return self.conversations[-1]

    def hang_up(self) -> None:
        asyncio.run_coroutine_threadsafe(self._hang_up(), self.loop).result()

    async def _hang_up(self) -> None:
        await turns_of_the_loop()  # what the clients closed is noticed
        for conversation in self.conversations:
            if isinstance(conversation.transport, asyncio.WriteTransport):
                conversation.transport.abort()
        await turns_of_the_loop()  # and what is aborted here is closed


async def turns_of_the_loop() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture
def post() -> Iterator[SmtpPost]:
    with real_server(settings()) as opened:
        yield opened


class TestSmtp(TransportContract):
    """SMTP keeps the promises of every transport."""


def test_the_envelope_reaches_the_server_and_one_connection_serves_all(post: SmtpPost) -> None:
    for number in range(3):
        post.hand.send(message(number, recipient=f"r{number}@example.org"))

    assert [envelope.rcpt_tos for envelope in post.inbox.received] == [
        [f"r{n}@example.org"] for n in range(3)
    ]
    assert {envelope.mail_from for envelope in post.inbox.received} == {"digest@example.net"}
    assert len(post.inbox.peers) == 1


# ---------------------------------------------------------------- encryption and login


@dataclasses.dataclass(frozen=True)
class Certificate:
    """A self-signed one for 127.0.0.1, not for localhost, and the server side that shows it."""

    file: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file, self.key)
        return context


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    if (openssl := shutil.which("openssl")) is None:
        pytest.skip("needs the openssl program to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    file, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        (
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=Digest test", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", key, "-out", file),
        ),
        check=True,
        capture_output=True,
    )
    return Certificate(file, key)


def login_of_ada(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
) -> AuthResult:
    return AuthResult(success=data == LoginPassword(b"ada", PASSWORD.encode()), handled=False)


@pytest.fixture(params=["implicit", "starttls"])
def tls_post(request: pytest.FixtureRequest, certificate: Certificate) -> Iterator[SmtpPost]:
    """A server that takes mail only over TLS and from Ada."""
    context = certificate.server_context()
    encryption = (
        {"ssl_context": context}
        if request.param == "implicit"
        else {"tls_context": context, "require_starttls": True}
    )
    # aiosmtpd does not count a socket encrypted from its first byte as TLS when it decides on AUTH.
    login = {
        "authenticator": login_of_ada,
        "auth_required": True,
        "auth_require_tls": request.param == "starttls",
    }
    given = settings(security=request.param, ca_file=str(certificate.file), **LOGIN_OF_ADA)
    with real_server(given, **encryption, **login) as opened:
        yield opened


LOGIN_OF_ADA: dict[str, Any] = {"username": "ada", "secret": gives(PASSWORD)}


def other_settings(post: SmtpPost, **fields: Any) -> Hand:
    return Hand(Smtp(dataclasses.replace(post.server, **fields)))


@pytest.mark.acceptance
@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
class TestSmtpOverTls(TransportContract):
    """Both kinds of TLS, with a login whose password is not ASCII."""

    @pytest.fixture
    def post(self, tls_post: SmtpPost) -> SmtpPost:
        return tls_post

    def test_check_names_the_protocol_and_the_login(self, post: SmtpPost) -> None:
        said = post.hand.check()

        assert f"127.0.0.1:{post.server.port} answers (TLSv1." in said
        assert "login as ada accepted" in said

    def test_no_packet_waits_for_an_acknowledgement(self, post: SmtpPost) -> None:
        """Without TCP_NODELAY a message takes 40 ms more, in the very window in which a crash leaves it unknown."""
        post.hand.check()

        transport = post.hand.transport
        assert isinstance(transport, Smtp)
        line = transport._line
        assert line is not None
        assert line.transport is not None
        sock = line.transport.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1

    def test_a_wrong_password_stops_the_queue_and_is_not_shown(self, post: SmtpPost) -> None:
        with other_settings(post, secret=gives("hunter2")) as hand:
            stops_the_queue(hand, r"^(?!.*hunter2).*AUTH 535 .*Check username and password", AUTHENTICATION)

        assert "secret" not in repr(post.server)
        assert post.arrived() == []

    def test_a_certificate_nobody_trusts_stops_the_queue(self, post: SmtpPost) -> None:
        with other_settings(post, ca_file=None) as transport:
            stops_the_queue(transport, r"certificate is not valid: self.signed")

    def test_a_certificate_of_another_host_stops_the_queue(self, post: SmtpPost) -> None:
        with other_settings(post, host="localhost") as transport:
            stops_the_queue(transport, "certificate is not valid: Hostname mismatch")

    def test_a_ca_file_that_is_not_there_stops_the_queue(self, post: SmtpPost) -> None:
        with other_settings(post, ca_file="/nowhere/ca.pem") as transport:
            stops_the_queue(transport, r"ca_file /nowhere/ca.pem cannot be used")


@pytest.mark.acceptance
def test_a_server_with_outdated_encryption_stops_the_queue(certificate: Certificate) -> None:
    context = certificate.server_context()
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def shake_hands() -> None:
            wire, _ = listener.accept()
            with wire, suppress(ssl.SSLError):
                context.wrap_socket(wire, server_side=True)

        thread = threading.Thread(target=shake_hands)
        thread.start()
        port = listener.getsockname()[1]
        given = settings(port=port, security="implicit", ca_file=str(certificate.file))
        with Hand(Smtp(given)) as hand:
            stops_the_queue(hand, "TLS: encryption failed: TLSV1_ALERT_PROTOCOL_VERSION")
        thread.join()


def test_tls_on_a_port_that_does_not_speak_it_stops_the_queue_and_says_which_port_does() -> None:
    with talking(security="implicit") as (_, transport):
        stops_the_queue(transport, r"encryption failed: WRONG_VERSION_NUMBER.*Port 465")


def test_a_server_without_starttls_gets_neither_mail_nor_password() -> None:
    given = {"security": "starttls"} | LOGIN_OF_ADA
    with talking(script(EHLO=says("250-scripted\r\n250 AUTH PLAIN")), **given) as (server, transport):
        stops_the_queue(transport, "STARTTLS")

    assert server.heard == ["connect", "EHLO"]


def test_text_slipped_in_after_starttls_is_not_believed() -> None:
    slipped = says("220 go on\r\n250-scripted\r\n250 AUTH PLAIN")
    with talking(
        script(EHLO=says("250-scripted\r\n250 STARTTLS"), STARTTLS=slipped), security="starttls"
    ) as (_, transport):
        stops_the_queue(transport, "unencrypted text came after STARTTLS")


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({}, "mail would go out unencrypted"),
        (LOGIN_OF_ADA, "a password would go out unencrypted"),
        (LOGIN_OF_ADA | {"allow_plaintext": True}, "a password would go out unencrypted"),
    ],
)
def test_nothing_goes_unencrypted_to_another_machine(fields: dict[str, Any], what: str) -> None:
    with Hand(Smtp(settings(host="192.0.2.1", port=25, **fields))) as transport:
        stops_the_queue(transport, rf"connect: {what}.*starttls")
        with pytest.raises(DeliveryError, match=rf"192\.0\.2\.1:25: connect: {what}"):
            transport.check()


@pytest.mark.parametrize("offered", ["AUTH PLAIN LOGIN", "AUTH LOGIN"])
def test_a_login_to_this_machine_may_go_unencrypted(offered: str) -> None:
    steps = [says("334 VXNlcm5hbWU6")] if offered == "AUTH LOGIN" else [says("235 welcome")]
    words = {"YWRH": says("334 UGFzc3dvcmQ6"), "YWRHYQ==": says("x"), "C2VZYW1L": says("235 welcome")}
    with talking(
        script(EHLO=says(f"250-scripted\r\n250 {offered}"), AUTH=steps, **words),
        username="ada",
        secret=gives("sesame"),
    ) as (_, transport):
        attempt = transport.send(message())

    assert attempt.state is SENT


@pytest.mark.parametrize("features", ["SIZE 1000", "AUTH XOAUTH2 CRAM-MD5"])
def test_a_server_that_offers_no_login_we_know_stops_the_queue(features: str) -> None:
    with talking(script(EHLO=says(f"250-scripted\r\n250 {features}")), **LOGIN_OF_ADA) as (_, transport):
        stops_the_queue(transport, "no way to log in that we know", AUTHENTICATION)


def test_a_login_without_a_password_stops_the_queue() -> None:
    with talking(username="ada") as (_, transport):
        stops_the_queue(transport, "no password for ada", AUTHENTICATION)


# ---------------------------------------------------------------- phases and answers


LONG_LINE = Answer(b"250 " + b"x" * 2_000_000 + b"\r\n")
MANY_LINES = Answer(b"250-and more\r\n" * 5_000 + b"250 end\r\n")

REFUSALS = [
    ("banner", "554 5.7.1 you are listed", SENDER),
    ("banner", "421 busy", TRANSIENT),
    ("EHLO", "550 5.7.1 who are you", SENDER),
    ("EHLO", "421 busy", TRANSIENT),
    ("MAIL", "550 5.7.1 not from you", SENDER),
    ("MAIL", "552 5.3.4 too large", RECIPIENT),
    ("MAIL", "451 4.3.0 later", TRANSIENT),
    ("MAIL", "421 4.7.0 slow down", TRANSIENT),
    ("RCPT", "550 5.1.1 no such user", RECIPIENT),
    ("RCPT", "550 5.7.26 your domain is not in order", SENDER),
    ("RCPT", "450 4.2.0 greylisted", TRANSIENT),
    ("RCPT", "421 bye", TRANSIENT),
    ("DATA", "554 5.5.1 no", RECIPIENT),
    ("DATA", "451 4.3.0 later", TRANSIENT),
    ("DATA", "421 bye", TRANSIENT),
    ("DATA", "250 ok", TRANSIENT),
]


@pytest.mark.parametrize(("phase", "reply", "failure"), REFUSALS)
def test_a_refusal_before_the_body_says_whose_matter_it_is(phase: str, reply: str, failure: Failure) -> None:
    with talking(script(**{phase: says(reply)})) as (server, transport):
        attempt = transport.send(message(), committing=not_to_be_called)

    code, enhanced = re.findall(r"^(\d+) (\d\.\d+\.\d+)?", reply)[0]
    assert (attempt.phase, attempt.failure) == (phase, failure)
    assert attempt.state is (FAILED if failure is RECIPIENT else QUEUED)
    assert (attempt.code, attempt.enhanced) == (int(code), enhanced)
    assert attempt.reply == f"{phase} {reply}"
    assert bool(attempt.fix) == (failure is SENDER)
    assert server.bodies == []


AFTER_THE_BODY = [
    (says("250 2.0.0 taken"), SENT, "body 250 2.0.0 taken"),
    (says("554 5.7.1 spam"), FAILED, "body 554 5.7.1 spam"),
    (says("451 4.3.0 later"), QUEUED, "body 451 4.3.0 later"),
    (says("421 4.3.2 shutting down"), QUEUED, "body 421 4.3.2 shutting down"),
    (hangs_up("250 2.0.0 taken"), SENT, "body 250 2.0.0 taken"),
    (hangs_up(), UNKNOWN, "body: connection"),
    (stays_silent(), UNKNOWN, "body: no answer in time"),
    (says("hello?"), UNKNOWN, "body: connection"),
    (says("354 more"), UNKNOWN, "body 354 more"),
    (hangs_up("250-almost"), UNKNOWN, "body: connection"),
    (says("250taken"), UNKNOWN, "not an SMTP reply"),
    (says("+25 taken"), UNKNOWN, "not an SMTP reply"),
    (says("554-no\r\n250 yes"), UNKNOWN, "not an SMTP reply"),
    (LONG_LINE, UNKNOWN, "Response too long"),
    (MANY_LINES, UNKNOWN, "Response too long"),
    (says("250 2.0.0 taken\r\n550 5.0.0 no"), SENT, "body 250 2.0.0 taken"),
    (says("250 2.0.0 taken" + "\r\n250-and on" * 20_000), SENT, "body 250 2.0.0 taken"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "state", "reply"), AFTER_THE_BODY)
def test_after_the_body_only_a_plain_answer_is_believed(
    answer: Answer, state: DeliveryState, reply: str
) -> None:
    committed: list[int] = []
    with talking(script(body=answer), body_timeout_s=0.5) as (server, transport):
        attempt = transport.send(message(), committing=lambda: committed.append(len(server.bodies)))

    assert attempt.state is state
    assert reply in attempt.reply
    assert committed == [0]
    assert server.bodies == [message().data]


TROUBLE = {
    "drop": hangs_up(),
    "silence": stays_silent(),
    "drip": drips("250-more"),
    "garbage": says("hello?"),
    "NUL": Answer(b"\x00\x00\x00\r\n"),
    "binary": Answer(bytes(range(128, 256)) + b"\n"),
    "no code": says("999 what"),
    "no separator": says("250ok"),
    "only a CR": Answer(b"250 ok\r"),
    "change of mind": says("550-no\r\n250 yes"),
    "long": LONG_LINE,
    "many": MANY_LINES,
}


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["banner", "EHLO", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("trouble", TROUBLE)
def test_trouble_on_the_line_before_the_body_is_tried_again(phase: str, trouble: str) -> None:
    has_no_end = trouble in {"silence", "drip", "only a CR"}
    given = {"timeout_s": 0.4} if has_no_end else {}
    with talking(script(**{phase: TROUBLE[trouble]}), **given) as (server, transport):
        attempt = transport.send(message(), committing=not_to_be_called)

    assert (attempt.state, attempt.failure, attempt.phase) == (QUEUED, TRANSIENT, phase)
    assert attempt.code is None
    assert attempt.reply.startswith(f"{phase}: ")
    assert len(attempt.reply) < 500
    assert server.bodies == []


@pytest.mark.parametrize("phase", ["banner", "EHLO", "MAIL", "RCPT", "DATA", "body"])
@pytest.mark.parametrize("answer", [says("451 4.3.0 later"), says("421 bye"), hangs_up()], ids=str)
def test_after_any_setback_the_next_message_goes_out(phase: str, answer: Answer) -> None:
    with talking(script(**{phase: [answer, POLITE[phase]]})) as (server, transport):
        transport.send(message(1))

        attempt = transport.send(message(2))

    assert attempt.state is SENT
    assert server.bodies[-1] == message(2).data


def test_no_server_at_all_is_tried_again_but_check_says_so() -> None:
    with Hand(Smtp(settings(port=free_port()))) as transport:
        attempt = transport.send(message(), committing=not_to_be_called)
        with pytest.raises(DeliveryError, match=r"Connection refused.*see if the server is up"):
            transport.check()

    assert (attempt.state, attempt.phase, attempt.failure) == (QUEUED, Phase.CONNECT, TRANSIENT)
    assert "Connection refused" in attempt.reply


def test_a_name_that_cannot_be_a_host_stops_the_queue() -> None:
    with Hand(Smtp(settings(host="mail..example", port=587, security="starttls"))) as transport:
        stops_the_queue(transport, "mail..example is not a host name")


OFFERS_PLAIN = says("250-scripted\r\n250 AUTH PLAIN")


@pytest.mark.parametrize("answer", [says("535 5.7.8 no"), says("534 5.7.9 app password needed")], ids=str)
def test_a_refused_login_stops_the_queue(answer: Answer) -> None:
    with talking(script(EHLO=OFFERS_PLAIN, AUTH=answer), **LOGIN_OF_ADA) as (server, transport):
        stops_the_queue(transport, r"AUTH 53.*app password", AUTHENTICATION)

    assert "MAIL" not in server.heard


@pytest.mark.parametrize("answer", [says("454 4.7.0 try later"), hangs_up(), says("421 bye")], ids=str)
def test_a_login_that_cannot_be_tried_now_is_tried_again(answer: Answer) -> None:
    with talking(script(EHLO=OFFERS_PLAIN, AUTH=answer), **LOGIN_OF_ADA) as (_, transport):
        attempt = transport.send(message(), committing=not_to_be_called)

    assert attempt.state is QUEUED
    assert attempt.reply.startswith("AUTH")


@pytest.mark.parametrize("phase", ["MAIL", "RCPT", "DATA"])
def test_a_server_that_wants_a_login_stops_the_queue_and_fails_nobody(phase: str) -> None:
    with talking(script(**{phase: says("530 5.7.0 authentication required")})) as (_, transport):
        stops_the_queue(transport, f"{phase} 530", AUTHENTICATION)


# ---------------------------------------------------------------- the connection


def test_an_idle_connection_that_the_server_closed_is_opened_again_at_once() -> None:
    with talking(script(body=[hangs_up("250 2.0.0 taken"), says("250 2.0.0 taken")])) as (server, transport):
        states = [transport.send(message(n)).state for n in range(3)]

    assert states == [SENT] * 3
    assert server.heard.count("connect") == 2
    assert server.bodies == [message(n).data for n in range(3)]


def test_a_session_that_is_full_is_opened_anew_at_once() -> None:
    answers = [says("250 ok"), says("421 4.7.0 too many messages in this session"), says("250 ok")]
    with talking(script(MAIL=answers)) as (server, transport):
        states = [transport.send(message(n)).state for n in range(3)]

    assert states == [SENT] * 3
    assert server.heard.count("connect") == 2


def test_a_server_that_always_hangs_up_is_not_asked_for_ever() -> None:
    with talking(script(MAIL=[says("250 ok"), hangs_up()])) as (server, transport):
        transport.send(message(1))

        attempt = transport.send(message(2), committing=not_to_be_called)

    assert attempt.state is QUEUED
    assert server.heard.count("connect") == 2


def test_a_refused_recipient_is_reset_and_the_connection_stays() -> None:
    with talking(script(RCPT=[says("550 5.1.1 gone"), says("250 ok")])) as (server, transport):
        states = [transport.send(message(n), committing=not_yet(n)).state for n in range(2)]

    assert states == [FAILED, SENT]
    assert server.heard == ["connect", "EHLO", "MAIL", "RCPT", "RSET", "MAIL", "RCPT", "DATA", "QUIT"]


@pytest.mark.parametrize("answer", [says("502 5.5.1 what"), says("421 bye"), hangs_up(), says("hm")], ids=str)
def test_a_server_that_cannot_start_over_gets_the_next_message_on_a_new_connection(answer: Answer) -> None:
    with talking(script(RCPT=[says("550 5.1.1 gone"), says("250 ok")], RSET=answer)) as (server, hand):
        states = [hand.send(message(n), committing=not_yet(n)).state for n in range(2)]

    assert states == [FAILED, SENT]
    assert server.heard.count("connect") == 2


def not_yet(number: int) -> Any:
    return not_to_be_called if number == 0 else lambda: None


def test_an_interrupt_before_the_dot_leaves_nothing_sent() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with talking() as (server, transport), pytest.raises(KeyboardInterrupt):
        transport.send(message(), committing=interrupt)

    assert server.bodies == []


@pytest.mark.slow
def test_a_reply_that_comes_drop_by_drop_has_one_deadline() -> None:
    with talking(script(MAIL=drips("250-more")), timeout_s=0.3) as (_, transport):
        attempt = transport.send(message(), committing=not_to_be_called)

    assert (attempt.state, attempt.failure) == (QUEUED, TRANSIENT)
    assert "no answer in time" in attempt.reply


def test_answers_given_in_advance_are_not_taken_for_answers() -> None:
    in_advance = says("354 go on\r\n250 2.0.0 taken")
    with talking(script(DATA=in_advance, body=hangs_up())) as (_, transport):
        attempt = transport.send(message())

    assert attempt.state is not SENT
    assert "out of turn" in attempt.reply


def test_we_introduce_ourselves_with_the_given_name() -> None:
    with talking(ehlo_name="digest.example.net") as (server, transport):
        transport.check()

    assert server.lines[0].lower() == "ehlo digest.example.net"


@pytest.mark.slow
def test_close_does_not_wait_for_a_server_that_does_not_answer_quit() -> None:
    with scripted(QUIT=stays_silent()) as server, Hand(client(server, timeout_s=0.4)) as transport:
        transport.check()

    assert server.heard[-1] == "QUIT"


def test_control_characters_in_a_reply_do_not_reach_the_record() -> None:
    with talking(script(RCPT=says("550-no\x1b[31m\r\n550 such \x00user"))) as (_, transport):
        attempt = transport.send(message(), committing=not_to_be_called)

    assert attempt.reply == "RCPT 550 no[31m such user"


# ---------------------------------------------------------------- what goes over the wire


@pytest.mark.parametrize(
    "data",
    [
        b"Subject: x\n\nbody\r\n",
        b"Subject: x\r\n\r\nbody\r.\r\n",
        b"\nSubject: x\r\n\r\nbody\r\n",
        b"Subject: x\r\n\r\nbody\n\r\r\n",
        b"Subject: x\r\n\r\nbody\r\r\n",
        b"Subject: x\r\n\r\nbody\r\n\n",
        b"Subject: x\r\n\r\nno end",
        b"Subject: x\r\n\r\nno end\r",
        b"",
    ],
    ids=["LF", "CR", "LF first", "turned round", "two CR", "LF last", "no end", "half an end", "empty"],
)
def test_a_message_with_other_line_ends_than_crlf_is_refused(data: bytes) -> None:
    smuggled = dataclasses.replace(message(), data=data)
    with talking() as (server, transport), pytest.raises(ValueError, match="line ends"):
        transport.send(smuggled, committing=not_to_be_called)

    assert server.heard == []


@pytest.mark.parametrize(
    "recipient",
    ["ada@exämple.org", "a> SIZE=1", "a@b.c\r\nRCPT TO:<eve@example.org>", "", "<a@b.c>"],
)
def test_an_envelope_that_is_no_ascii_address_is_refused_before_anything_is_said(recipient: str) -> None:
    with talking() as (server, transport), pytest.raises(ValueError, match="not an ASCII address"):
        transport.send(message(recipient=recipient), committing=not_to_be_called)

    assert server.heard == []


@pytest.mark.parametrize("body", [b".\r\n", b"..\r\n.\r\n.\r\n", b".x\r\n\r\n.\r\n"])
def test_lines_of_dots_arrive_as_they_were(body: bytes) -> None:
    for data in (message(body=body).data, body):
        with talking() as (server, transport):
            transport.send(dataclasses.replace(message(), data=data))

        assert server.bodies == [data]


def said_at_mail(server: ScriptedServer) -> str:
    return next(line for line in server.lines if line.startswith("MAIL"))


SMALL = message().data
EIGHT_BIT = message(body="süß\r\n".encode()).data


@pytest.mark.parametrize(
    ("offers", "data", "asked"),
    [
        ("HELP", SMALL, ""),
        ("SIZE 1000000", SMALL, f" SIZE={len(SMALL)}"),
        ("SIZE", EIGHT_BIT, f" SIZE={len(EIGHT_BIT)}"),
        ("8BITMIME", SMALL, ""),
        ("8BITMIME", EIGHT_BIT, " BODY=8BITMIME"),
        ("8BITMIME\r\n250 SIZE 9", EIGHT_BIT, f" SIZE={len(EIGHT_BIT)} BODY=8BITMIME"),
        ("HELP", EIGHT_BIT, ""),
    ],
)
def test_mail_says_what_the_server_asks_for_and_only_that(offers: str, data: bytes, asked: str) -> None:
    lines = f"250-scripted\r\n250 {offers}" if "\r" not in offers else f"250-scripted\r\n250-{offers}"
    with talking(script(EHLO=says(lines))) as (server, hand):
        attempt = hand.send(dataclasses.replace(message(), data=data))

    assert attempt.state is SENT
    assert said_at_mail(server) == f"MAIL FROM:<digest@example.net>{asked}"


def test_a_message_is_signed_at_the_edge_and_stays_as_it_is() -> None:
    def sign(data: bytes) -> bytes:
        return b"DKIM-Signature: v=1\r\n" + data

    given = message()
    with scripted() as server, Hand(Smtp(settings(port=server.port), sign=sign)) as hand:
        hand.send(given)

    assert server.bodies == [b"DKIM-Signature: v=1\r\n" + message().data]
    assert said_at_mail(server).endswith(f" SIZE={len(server.bodies[0])}")
    assert given == message()


def test_no_thread_outlives_a_scripted_server() -> None:
    before = threading.active_count()
    with talking(script(banner=stays_silent()), timeout_s=0.1) as (_, transport):
        transport.send(message(), committing=not_to_be_called)

    assert threading.active_count() == before
