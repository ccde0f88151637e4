"""SMTP, against real servers and against one that does what servers should not."""

import asyncio
import dataclasses
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from digest.errors import DeliveryError
from digest.model import DeliveryState
from digest.transport.smtp import Smtp, SmtpServer
from tests.transport.contract import TransportContract, message, not_to_be_called
from tests.transport.scripted import POLITE, Answer, ScriptedServer, hangs_up, says, scripted, stays_silent

SENT, QUEUED, FAILED, UNKNOWN = (
    DeliveryState.SENT,
    DeliveryState.QUEUED,
    DeliveryState.FAILED,
    DeliveryState.UNKNOWN,
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

    def __init__(self, transport: Smtp, inbox: Inbox) -> None:
        self.transport = transport
        self.inbox = inbox

    def arrived(self) -> list[bytes]:
        return [envelope.original_content or b"" for envelope in self.inbox.received]


@contextmanager
def real_server(server: SmtpServer, **options: Any) -> Iterator[SmtpPost]:
    """An aiosmtpd server, and a transport with these settings and the server's port."""
    inbox = Inbox()
    controller = RealServer(inbox, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    transport = Smtp(dataclasses.replace(server, port=controller.port))
    try:
        yield SmtpPost(transport, inbox)
    finally:
        transport.close()
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


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        return int(probe.getsockname()[1])


def settings(**fields: Any) -> SmtpServer:
    """A server on this machine, without encryption, that is given little time."""
    defaults: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": 0,
        "security": "none",
        "timeout_s": 5,
        "body_timeout_s": 5,
    }
    return SmtpServer(**(defaults | fields))


@pytest.fixture
def post() -> Iterator[SmtpPost]:
    with real_server(settings()) as opened:
        yield opened


class TestSmtp(TransportContract):
    """SMTP keeps the promises of every transport."""


def test_the_envelope_reaches_the_server_and_one_connection_serves_all(post: SmtpPost) -> None:
    for number in range(3):
        post.transport.send(message(number, recipient=f"r{number}@example.org"), committing=lambda: None)

    assert [envelope.rcpt_tos for envelope in post.inbox.received] == [
        [f"r{n}@example.org"] for n in range(3)
    ]
    assert {envelope.mail_from for envelope in post.inbox.received} == {"digest@example.net"}
    assert len(post.inbox.peers) == 1


# ---------------------------------------------------------------- scripted servers


def script(**answers: Answer | list[Answer]) -> dict[str, Answer | list[Answer]]:
    return answers


@contextmanager
def talking(
    answers: dict[str, Answer | list[Answer]] | None = None, **fields: Any
) -> Iterator[tuple[ScriptedServer, Smtp]]:
    """A scripted server and a transport that talks to it."""
    with scripted(**(answers or {})) as server, closing(client(server, **fields)) as transport:
        yield server, transport


def client(server: ScriptedServer, **fields: Any) -> Smtp:
    return Smtp(settings(port=server.port, **fields))


def stops_the_queue(transport: Smtp, pattern: str) -> None:
    """Sending raises `DeliveryError` in these words, and no body can have gone out."""
    with pytest.raises(DeliveryError, match=pattern):
        transport.send(message(), committing=not_to_be_called)


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
    given = settings(security=request.param, ca_file=str(certificate.file), username="ada", password=PASSWORD)
    with real_server(given, **encryption, **login) as opened:
        yield opened


def other_settings(post: SmtpPost, **fields: Any) -> Smtp:
    return Smtp(dataclasses.replace(post.transport.server, **fields))


@pytest.mark.acceptance
@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
class TestSmtpOverTls(TransportContract):
    """Both kinds of TLS, with a login whose password is not ASCII."""

    @pytest.fixture
    def post(self, tls_post: SmtpPost) -> SmtpPost:
        return tls_post

    def test_check_names_the_protocol_and_the_login(self, post: SmtpPost) -> None:
        said = post.transport.check()

        assert f"127.0.0.1:{post.transport.server.port} answers (TLSv1." in said
        assert "login as ada accepted" in said

    def test_a_wrong_password_stops_the_queue_and_is_not_shown(self, post: SmtpPost) -> None:
        with closing(other_settings(post, password="hunter2")) as transport:
            stops_the_queue(transport, r"^(?!.*hunter2).*AUTH 535 .*Check username and password")

        assert "hunter2" not in repr(transport.server)
        assert post.arrived() == []

    def test_a_certificate_nobody_trusts_stops_the_queue(self, post: SmtpPost) -> None:
        with closing(other_settings(post, ca_file=None)) as transport:
            stops_the_queue(transport, r"certificate is not valid: self.signed")

    def test_a_certificate_of_another_host_stops_the_queue(self, post: SmtpPost) -> None:
        with closing(other_settings(post, host="localhost")) as transport:
            stops_the_queue(transport, "certificate is not valid: Hostname mismatch")

    def test_a_ca_file_that_is_not_there_stops_the_queue(self, post: SmtpPost) -> None:
        with closing(other_settings(post, ca_file="/nowhere/ca.pem")) as transport:
            stops_the_queue(transport, r"ca_file /nowhere/ca.pem cannot be used")


def test_tls_on_a_port_that_does_not_speak_it_stops_the_queue_and_says_which_port_does() -> None:
    with talking(security="implicit") as (_, transport):
        stops_the_queue(transport, r"encryption failed: WRONG_VERSION_NUMBER.*Port 465")


def test_a_server_without_starttls_gets_neither_mail_nor_password() -> None:
    given = {"security": "starttls", "username": "ada", "password": PASSWORD}
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
        ({"username": "ada", "password": "x"}, "a password would go out unencrypted"),
        (
            {"username": "ada", "password": "x", "allow_plaintext": True},
            "a password would go out unencrypted",
        ),
    ],
)
def test_nothing_goes_unencrypted_to_another_machine(fields: dict[str, Any], what: str) -> None:
    transport = Smtp(settings(host="192.0.2.1", port=25, **fields))

    stops_the_queue(transport, rf"192\.0\.2\.1:25: {what}.*starttls")
    with pytest.raises(DeliveryError, match=what):
        transport.check()


@pytest.mark.parametrize("offered", ["AUTH PLAIN LOGIN", "AUTH LOGIN"])
def test_a_login_to_this_machine_may_go_unencrypted(offered: str) -> None:
    steps = [says("334 VXNlcm5hbWU6")] if offered == "AUTH LOGIN" else [says("235 welcome")]
    words = {"YWRH": says("334 UGFzc3dvcmQ6"), "YWRHYQ==": says("x"), "C2VZYW1L": says("235 welcome")}
    with talking(
        script(EHLO=says(f"250-scripted\r\n250 {offered}"), AUTH=steps, **words),
        username="ada",
        password="sesame",
    ) as (_, transport):
        attempt = transport.send(message(), committing=lambda: None)

    assert attempt.state is SENT


@pytest.mark.parametrize("features", ["SIZE 1000", "AUTH XOAUTH2 CRAM-MD5"])
def test_a_server_that_offers_no_login_we_know_stops_the_queue(features: str) -> None:
    with talking(script(EHLO=says(f"250-scripted\r\n250 {features}")), username="ada", password="x") as (
        _,
        transport,
    ):
        stops_the_queue(transport, "no way to log in that we know")


def test_a_login_without_a_password_stops_the_queue() -> None:
    with talking(username="ada") as (_, transport):
        stops_the_queue(transport, "no password for ada")


# ---------------------------------------------------------------- phases and answers


LONG_LINE = Answer(b"250 " + b"x" * 2_000_000 + b"\r\n")
MANY_LINES = Answer(b"250-and more\r\n" * 5_000 + b"250 end\r\n")

BEFORE_THE_BODY = {
    "banner": {"554 5.7.1 you are listed": QUEUED, "421 busy": QUEUED},
    "EHLO": {"550 5.7.1 who are you": QUEUED, "421 busy": QUEUED, "502 5.5.1 what": QUEUED},
    "MAIL": {"550 5.7.1 not from you": QUEUED, "451 4.3.0 later": QUEUED, "421 4.7.0 slow down": QUEUED},
    "RCPT": {"550 5.1.1 no such user": FAILED, "450 4.2.0 greylisted": QUEUED, "421 bye": QUEUED},
    "DATA": {"554 5.5.1 no": FAILED, "451 4.3.0 later": QUEUED, "421 bye": QUEUED, "250 ok": QUEUED},
}
REFUSALS = [(phase, reply, state) for phase, row in BEFORE_THE_BODY.items() for reply, state in row.items()]


@pytest.mark.parametrize(("phase", "reply", "state"), REFUSALS)
def test_a_refusal_before_the_body_is_the_recipients_only_from_rcpt_on(
    phase: str, reply: str, state: DeliveryState
) -> None:
    with talking(script(**{phase: says(reply)})) as (server, transport):
        attempt = transport.send(message(), committing=not_to_be_called)

    assert attempt.state is state
    assert attempt.reply == f"{phase} {reply}"
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
    (LONG_LINE, UNKNOWN, "endless line"),
    (MANY_LINES, UNKNOWN, "endless reply"),
]


@pytest.mark.parametrize(("answer", "state", "reply"), AFTER_THE_BODY)
def test_after_the_body_only_a_plain_answer_is_believed(
    answer: Answer, state: DeliveryState, reply: str
) -> None:
    committed: list[int] = []
    with talking(script(body=answer), body_timeout_s=0.3) as (server, transport):
        attempt = transport.send(message(), committing=lambda: committed.append(len(server.bodies)))

    assert attempt.state is state
    assert reply in attempt.reply
    assert committed == [0]
    assert server.bodies == [message().data]


TROUBLE = [hangs_up(), stays_silent(), says("hello?"), says("999 what"), LONG_LINE, MANY_LINES]


@pytest.mark.parametrize("phase", ["banner", "EHLO", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("answer", TROUBLE, ids=["drop", "silence", "garbage", "no code", "long", "many"])
def test_trouble_on_the_line_before_the_body_is_tried_again(phase: str, answer: Answer) -> None:
    with talking(script(**{phase: answer}), timeout_s=0.3) as (server, transport):
        attempt = transport.send(message(), committing=not_to_be_called)

    assert attempt.state is QUEUED
    assert attempt.reply.startswith(f"{phase}: ")
    assert len(attempt.reply) < 500
    assert server.bodies == []


@pytest.mark.parametrize("phase", ["banner", "EHLO", "MAIL", "RCPT", "DATA", "body"])
@pytest.mark.parametrize("answer", [says("451 4.3.0 later"), says("421 bye"), hangs_up()], ids=str)
def test_after_any_setback_the_next_message_goes_out(phase: str, answer: Answer) -> None:
    with talking(script(**{phase: [answer, POLITE[phase]]})) as (server, transport):
        transport.send(message(1), committing=lambda: None)

        attempt = transport.send(message(2), committing=lambda: None)

    assert attempt.state is SENT
    assert server.bodies[-1] == message(2).data


def test_no_server_at_all_is_tried_again_but_check_says_so() -> None:
    transport = Smtp(settings(port=free_port()))

    attempt = transport.send(message(), committing=not_to_be_called)

    assert attempt.state is QUEUED
    assert "Connection refused" in attempt.reply
    with pytest.raises(DeliveryError, match=r"Connection refused.*see if the server is up"):
        transport.check()


def test_a_name_that_cannot_be_a_host_stops_the_queue() -> None:
    transport = Smtp(settings(host="mail..example", port=587, security="starttls"))

    stops_the_queue(transport, "not a host name")


LOGIN = {"username": "ada", "password": "x"}
OFFERS_LOGIN = says("250-scripted\r\n250 AUTH PLAIN")


@pytest.mark.parametrize("answer", [says("535 5.7.8 no"), says("534 5.7.9 app password needed")], ids=str)
def test_a_refused_login_stops_the_queue(answer: Answer) -> None:
    with talking(script(EHLO=OFFERS_LOGIN, AUTH=answer), **LOGIN) as (server, transport):
        stops_the_queue(transport, r"127.0.0.1:\d+: AUTH 53.*app password")

    assert "MAIL" not in server.heard


@pytest.mark.parametrize("answer", [says("454 4.7.0 try later"), hangs_up(), says("421 bye")], ids=str)
def test_a_login_that_cannot_be_tried_now_is_tried_again(answer: Answer) -> None:
    with talking(script(EHLO=OFFERS_LOGIN, AUTH=answer), **LOGIN) as (_, transport):
        attempt = transport.send(message(), committing=not_to_be_called)

    assert attempt.state is QUEUED
    assert attempt.reply.startswith("AUTH")


@pytest.mark.parametrize("phase", ["MAIL", "RCPT", "DATA"])
def test_a_server_that_wants_a_login_stops_the_queue_and_fails_nobody(phase: str) -> None:
    with talking(script(**{phase: says("530 5.7.0 authentication required")})) as (_, transport):
        stops_the_queue(transport, f"{phase} 530")


# ---------------------------------------------------------------- the connection


def test_an_idle_connection_that_the_server_closed_is_opened_again_at_once() -> None:
    with talking(script(body=[hangs_up("250 2.0.0 taken"), says("250 2.0.0 taken")])) as (server, transport):
        states = [transport.send(message(n), committing=lambda: None).state for n in range(3)]

    assert states == [SENT] * 3
    assert server.heard.count("connect") == 2
    assert server.bodies == [message(n).data for n in range(3)]


def test_a_session_that_is_full_is_opened_anew_at_once() -> None:
    answers = [says("250 ok"), says("421 4.7.0 too many messages in this session"), says("250 ok")]
    with talking(script(MAIL=answers)) as (server, transport):
        states = [transport.send(message(n), committing=lambda: None).state for n in range(3)]

    assert states == [SENT] * 3
    assert server.heard.count("connect") == 2


def test_a_server_that_always_hangs_up_is_not_asked_for_ever() -> None:
    with talking(script(MAIL=[says("250 ok"), hangs_up()])) as (server, transport):
        transport.send(message(1), committing=lambda: None)

        attempt = transport.send(message(2), committing=not_to_be_called)

    assert attempt.state is QUEUED
    assert server.heard.count("connect") == 2


def test_a_refused_recipient_is_reset_and_the_connection_stays() -> None:
    with talking(script(RCPT=[says("550 5.1.1 gone"), says("250 ok")])) as (server, transport):
        states = [transport.send(message(n), committing=not_yet(n)).state for n in range(2)]

    assert states == [FAILED, SENT]
    assert server.heard == ["connect", "EHLO", "MAIL", "RCPT", "RSET", "MAIL", "RCPT", "DATA", "QUIT"]


def not_yet(number: int) -> Any:
    return not_to_be_called if number == 0 else lambda: None


def test_an_interrupt_before_the_dot_leaves_nothing_sent() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with talking() as (server, transport), pytest.raises(KeyboardInterrupt):
        transport.send(message(), committing=interrupt)

    assert server.bodies == []


def test_a_reply_that_comes_drop_by_drop_has_one_deadline() -> None:
    ticks = iter(range(0, 10_000, 25))
    with scripted(MAIL=Answer(b"250-more\r\n" * 100)) as server:
        transport = Smtp(settings(port=server.port, timeout_s=40), clock=lambda: float(next(ticks)))
        with closing(transport):
            attempt = transport.send(message(), committing=not_to_be_called)

    assert attempt.state is QUEUED
    assert "no answer in time" in attempt.reply


def test_answers_given_in_advance_are_not_taken_for_answers() -> None:
    in_advance = says("354 go on\r\n250 2.0.0 taken")
    with talking(script(DATA=in_advance, body=hangs_up())) as (_, transport):
        attempt = transport.send(message(), committing=lambda: None)

    assert attempt.state is not SENT
    assert "out of turn" in attempt.reply


def test_we_introduce_ourselves_with_the_given_name() -> None:
    with talking(ehlo_name="digest.example.net") as (server, transport):
        transport.check()

    assert server.lines[0].lower() == "ehlo digest.example.net"


def test_close_does_not_wait_for_a_server_that_does_not_answer_quit() -> None:
    with scripted(QUIT=stays_silent()) as server:
        transport = client(server, timeout_s=0.2)
        transport.check()

        transport.close()

    assert server.heard[-1] == "QUIT"


def test_control_characters_in_a_reply_do_not_reach_the_record() -> None:
    with talking(script(RCPT=says("550-no\x1b[31m\r\n550 such \x00user"))) as (_, transport):
        attempt = transport.send(message(), committing=not_to_be_called)

    assert attempt.reply == "RCPT 550 no[31m such user"


# ---------------------------------------------------------------- what goes over the wire


@pytest.mark.parametrize(
    "data",
    [b"Subject: x\n\nbody\r\n", b"Subject: x\r\n\r\nbody\r.\r\n", b"Subject: x\r\n\r\nno end", b""],
    ids=["bare LF", "bare CR", "no end", "empty"],
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
            transport.send(dataclasses.replace(message(), data=data), committing=lambda: None)

        assert server.bodies == [data]


def test_no_thread_outlives_a_scripted_server() -> None:
    before = threading.active_count()
    with talking(script(banner=stays_silent()), timeout_s=0.1) as (_, transport):
        transport.send(message(), committing=not_to_be_called)

    assert threading.active_count() == before
