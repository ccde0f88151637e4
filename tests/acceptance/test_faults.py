"""Every fault in every phase of SMTP, through the real engine: nobody loses a message, nobody gets it twice."""

import random
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from digest.ledger import Manners
from digest.model import DeliveryState, Failure, Phase, Tried
from digest.pace import Limits
from digest.store.database import Database, open_database
from digest.transport.smtp import SmtpServer
from tests.faults.books import Books, address, books, hidden, lost, message, queue, repeated, tried
from tests.faults.engine import OPENSSL, Certificate, Post, is_suppressed, make_certificate
from tests.faults.server import (
    Act,
    FaultServer,
    Rule,
    drips,
    drops,
    every,
    hangs,
    never_ends,
    nobody_listens,
    resets,
    says,
    serving,
    the,
)

pytestmark = pytest.mark.acceptance

QUEUED, SENDING, UNKNOWN, SENT, FAILED, EXPIRED = DeliveryState
TRANSIENT, RECIPIENT, SENDER, AUTHENTICATION, NOT_KNOWN = Failure

READERS = 20
ONE = 7
"""The reader who meets the fault, where it is about a reader."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What the server does, and what of it can be read as a reply."""

    name: str
    act: Act
    code: int | None = None
    enhanced: str = ""
    is_slow: bool = False
    """Only a timeout ends it."""


def refuses(reply: str) -> Fault:
    code, enhanced = re.findall(r"^(\d+) ([245]\.\d+\.\d+)?", reply)[0]
    return Fault(reply, says(reply), int(code), enhanced)


NO_REPLY = [
    Fault("drops", drops()),
    Fault("resets", resets()),
    Fault("hangs", hangs(), is_slow=True),
    Fault("never ends", never_ends()),
    Fault("drips", drips("250-drip, drop, "), is_slow=True),
    Fault("half a code", drops("2")),
    Fault("half a reply", drops("250-more to co")),
    Fault("half a reply, then silence", hangs("250-more to come\r\n"), is_slow=True),
    Fault("garbage", drops("\xff\x00\x1b[2J what?\r\n")),
    Fault("another protocol", drops("HTTP/1.1 400 Bad Request\r\n\r\n")),
    Fault("no such code", drops("999 what?\r\n")),
]
FOR_NOW = [
    refuses("421 4.3.2 shutting down"),
    refuses("421 bye"),
    refuses("450 4.2.1 mailbox busy"),
    refuses("450 busy"),
    refuses("452 4.3.1 no room"),
    refuses("452 no room"),
]
FOR_GOOD = [
    refuses("550 5.1.1 no such user"),
    refuses("550 no"),
    refuses("552 5.2.2 mailbox full"),
    refuses("552 too much"),
    refuses("554 5.7.1 not from you"),
    refuses("554 no"),
]
REPLIES = FOR_NOW + FOR_GOOD


@dataclass(frozen=True, slots=True)
class Due:
    """What must become of the messages that meet a fault."""

    state: DeliveryState
    """As long as it lasts."""
    failure: Failure | None = None
    finally_: DeliveryState = SENT
    """Once it is over."""


HARMLESS = Due(SENT)
PASSES = Due(QUEUED, TRANSIENT)
NOBODY_KNOWS = Due(UNKNOWN, NOT_KNOWN, UNKNOWN)
GIVEN_UP = Due(FAILED, RECIPIENT, FAILED)
OUR_MATTER = Due(QUEUED, SENDER)
THE_LOGIN = Due(QUEUED, AUTHENTICATION)


def due(phase: str, fault: Fault) -> Due:
    """The promise, in one place: what is known of a message follows from how far it came."""
    if phase in ("after", "RSET", "QUIT"):
        return HARMLESS
    if phase == "TLS":  # cut off it may be chance; who answers in plain text was never asked for TLS
        return OUR_MATTER if len(fault.act.text) > 1 else PASSES
    if fault.code is None:
        return NOBODY_KNOWS if phase in ("inside", "body") else PASSES
    if fault.code < 500:
        return PASSES
    if phase == "AUTH":
        return THE_LOGIN
    is_too_large = phase == "MAIL" and fault.code == 552
    return GIVEN_UP if phase in ("RCPT", "DATA", "inside", "body") or is_too_large else OUR_MATTER


def case(phase: str, fault: Fault) -> object:
    return pytest.param(phase, fault, id=f"{phase}: {fault.name}")


CONNECTING = ("banner", "EHLO", "STARTTLS", "AUTH")
ABOUT_ONE = ("RCPT", "DATA", "inside", "body")
CASES = [
    *(case(phase, fault) for phase in (*CONNECTING, "MAIL", *ABOUT_ONE) for fault in NO_REPLY + REPLIES),
    *(case("TLS", fault) for fault in NO_REPLY),
    *(case(phase, fault) for phase in ("after", "RSET", "QUIT") for fault in NO_REPLY + REPLIES),
]


# ---------------------------------------------------------------- what is needed for it


@pytest.fixture(scope="module")
def twenty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a message for each of the readers; copied, as making one takes longer than a test."""
    path = tmp_path_factory.mktemp("store") / "digest.sqlite3"
    with open_database(path) as database:
        queue(database, range(READERS))
    return path


@pytest.fixture
def database(twenty: Path, tmp_path: Path) -> Iterator[Database]:
    with open_database(Path(shutil.copy(twenty, tmp_path / "digest.sqlite3"))) as opened:
        yield opened


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    if OPENSSL is None:
        pytest.skip("needs the openssl program to make a certificate")
    return make_certificate(tmp_path_factory.mktemp("tls") / "ours", "IP:127.0.0.1")


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with serving() as running:
        yield running


def way_to(
    server: FaultServer, *, timeout_s: float = 30, certificate: Certificate | None = None, login: str = ""
) -> SmtpServer:
    return SmtpServer(
        host="127.0.0.1",
        port=server.port,
        security=server.security,
        username=login or None,
        secret=(lambda: "hunter2") if login else None,
        timeout_s=timeout_s,
        body_timeout_s=timeout_s,
        ca_file=str(certificate.file) if certificate else None,
    )


def encrypt(server: FaultServer, phase: str, certificate: Certificate) -> None:
    if phase in ("STARTTLS", "TLS"):
        server.security = "starttls" if phase == "STARTTLS" else "implicit"
        server.tls = certificate.server_context()


def rules(phase: str, fault: Fault) -> list[Rule]:
    """Of a connection, the first meets it; of a message, the one's."""
    if phase in (*ABOUT_ONE, "after"):
        return [Rule(phase, fault.act, recipient=address(ONE))]
    if phase == "RSET":  # is said only after a refusal
        return [Rule("RCPT", says("450 4.2.1 busy"), recipient=address(ONE)), Rule(phase, fault.act)]
    return [Rule(phase, fault.act, when=the(1) if phase != "QUIT" else every(1))]


def first_tries(database: Database) -> dict[int, Tried]:
    return {number: made[0] for number in range(READERS) if (made := tried(database, number))}


def failures(database: Database) -> set[tuple[Phase | None, Failure]]:
    """Of what was tried, and not only claimed."""
    return {
        (one.attempt.phase, one.attempt.failure)
        for one in first_tries(database).values()
        if one.attempt.failure is not None
    }


def none_lost_none_repeated(now: Books, server: FaultServer, most: int = 1) -> None:
    assert not lost(now, server)
    assert not hidden(now, server)
    assert not repeated(server, most)


# ---------------------------------------------------------------- every fault in every phase


@pytest.mark.parametrize(("phase", "fault"), CASES)
def test_a_fault_harms_the_message_that_meets_it_and_no_other(
    phase: str, fault: Fault, database: Database, server: FaultServer, certificate: Certificate
) -> None:
    encrypt(server, phase, certificate)
    server.rules = rules(phase, fault)
    way = way_to(
        server,
        timeout_s=1 if fault.is_slow else 30,
        certificate=certificate,
        login="ada" if phase == "AUTH" else "",
    )
    post = Post(database, way)
    promised = due(phase, fault)

    post.run()
    during, tries = books(database), first_tries(database)
    server.rules = ()
    end = post.run_to_the_end()

    met = {number: one for number, one in tries.items() if one.attempt.failure is promised.failure}
    if promised is not HARMLESS:
        assert met
        for number, one in met.items():
            is_as_promised(one, phase, fault, promised)
            assert message(number).message_id in during.ids(promised.state, *at_once(phase, promised))
    others = frozenset(message(number).message_id for number in range(READERS) if number not in met)
    assert others <= during.ids(SENT, QUEUED)
    assert others <= end.ids(SENT)
    assert end.states[promised.finally_] >= len(met)
    assert end.states[SENT] + end.states[promised.finally_] >= READERS
    assert is_suppressed(database, ONE) == (promised is GIVEN_UP and fault.enhanced == "5.1.1")
    none_lost_none_repeated(end, server)


def at_once(phase: str, promised: Due) -> tuple[DeliveryState, ...]:
    """What passes before a message was begun is nothing of the message's: it goes over the next connection."""
    begun = ("MAIL", "RCPT", "DATA", "inside", "body")
    return () if phase in begun or promised.failure is not Failure.TRANSIENT else (SENT,)


def phases(phase: str) -> tuple[Phase, ...]:
    """What the record may call it: a reset may come so soon that the connection never was one."""
    if phase == "banner":
        return (Phase.BANNER, Phase.CONNECT)
    return (Phase.BODY if phase in ("inside", "body") else Phase(phase),)


def is_as_promised(one: Tried, phase: str, fault: Fault, promised: Due) -> None:
    """The record keeps what was said, in three forms, and where."""
    attempt = one.attempt
    assert attempt.state is promised.state
    assert attempt.phase in phases(phase)
    assert (attempt.code, attempt.enhanced) == (fault.code, fault.enhanced)
    if fault.code is not None:
        assert fault.name in attempt.reply
    assert attempt.reply.isprintable()


@pytest.mark.parametrize("fault", [pytest.param(one, id=one.name) for one in NO_REPLY + FOR_NOW])
def test_a_server_that_went_away_between_two_messages_is_called_again(
    fault: Fault, database: Database, server: FaultServer
) -> None:
    server.rules = [Rule("MAIL", fault.act, when=the(3))]
    post = Post(database, way_to(server, timeout_s=1 if fault.is_slow else 30), Limits(connections=1))

    post.run()
    end = post.run_to_the_end()

    assert end.states == {SENT: READERS}
    none_lost_none_repeated(end, server)


def test_nobody_listens(database: Database, server: FaultServer) -> None:
    here, away = way_to(server), SmtpServer(host="127.0.0.1", port=nobody_listens(), security="none")
    post = Post(database, away)

    post.run()
    during = books(database)
    post.server = here
    end = post.run_to_the_end()

    assert during.states == {QUEUED: READERS}
    assert failures(database) == {(Phase.CONNECT, TRANSIENT)}
    assert end.states == {SENT: READERS}
    none_lost_none_repeated(end, server)


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(says("250 2.0.0 kept", "250 2.0.0 kept"), id="twice thanked"),
        pytest.param(says("250 2.0.0 kept", "421 4.3.2 bye"), id="thanked and sent away"),
        pytest.param(drops("250 2.0.0 kept\r\n"), id="thanked and hung up on"),
        pytest.param(says("250-2.0.0 kept", "250-it", "250 is"), id="thanked at length"),
    ],
)
def test_a_message_that_was_thanked_for_is_sent_whatever_is_said_then(
    act: Act, database: Database, server: FaultServer
) -> None:
    server.rules = [Rule("body", act, when=every(3))]
    post = Post(database, way_to(server))

    end = post.run_to_the_end()

    assert end.states == {SENT: READERS}
    none_lost_none_repeated(end, server)


@pytest.mark.parametrize(
    ("phase", "act"),
    [
        ("banner", says("220 one", "220 two")),
        ("EHLO", says("250 one", "250 two")),
        ("MAIL", says("250 one", "250 two")),
        ("RCPT", says("250 one", "550 5.1.1 two")),
        ("DATA", says("354 one", "250 two")),
        ("MAIL", says("354 what?")),
        ("RCPT", says("354 what?")),
        ("DATA", says("250 what?")),
    ],
)
def test_a_reply_too_many_or_of_another_kind_answers_nothing_else(
    phase: str, act: Act, database: Database, server: FaultServer
) -> None:
    server.rules = [Rule(phase, act, when=the(1))]
    post = Post(database, way_to(server))

    end = post.run_to_the_end()

    assert end.states == {SENT: READERS}
    none_lost_none_repeated(end, server)


@pytest.mark.parametrize("late", ["552 5.3.4 too large", "550 5.7.1 blocked"])
def test_a_word_too_many_that_comes_late_is_not_the_answer_to_the_next_message(
    late: str, database: Database, server: FaultServer
) -> None:
    server.rules = [Rule("MAIL", says(late, "250 2.1.0 ok"), when=the(3))]
    post = Post(database, way_to(server), Limits(connections=1))

    tally = post.run()

    assert tally.stopped == ()
    assert books(database).states == {SENT: READERS}
    none_lost_none_repeated(books(database), server)


@pytest.mark.parametrize("many", [1, 3])
@pytest.mark.parametrize(
    "farewell", [drops(), resets(), drops("421 4.7.0 enough\r\n"), says("452 4.5.3 enough")]
)
def test_a_connection_that_bears_only_so_many_messages_is_replaced(
    many: int, farewell: Act, database: Database, server: FaultServer
) -> None:
    server.per_connection, server.farewell = many, farewell
    post = Post(database, way_to(server))

    end = post.run_to_the_end()

    assert end.states == {SENT: READERS}
    none_lost_none_repeated(end, server)


# ---------------------------------------------------------------- encryption


@pytest.fixture(params=["starttls", "implicit"])
def encrypting(request: pytest.FixtureRequest, server: FaultServer) -> FaultServer:
    server.security = request.param
    return server


@pytest.mark.parametrize("matter", ["another name", "nobody's authority"])
def test_a_wrong_certificate_gets_neither_mail_nor_password(
    matter: str, database: Database, encrypting: FaultServer, certificate: Certificate, tmp_path: Path
) -> None:
    server = encrypting
    name = "DNS:other.example" if matter == "another name" else "IP:127.0.0.1"
    wrong = make_certificate(tmp_path / "wrong", name)
    server.tls = wrong.server_context()
    trusted = wrong if matter == "another name" else certificate
    post = Post(database, way_to(server, certificate=trusted, login="ada"))

    tally = post.run()

    assert books(database).states == {QUEUED: READERS}
    assert tally.stopped == ("relay",)
    assert failures(database) == {(Phase.TLS, SENDER)}
    assert not {"AUTH", "MAIL"} & set(server.verbs)


@pytest.mark.parametrize("reply", ["502 5.5.1 not known", "454 4.7.0 not now", "220 go on\r\n250 injected"])
def test_without_encryption_the_password_stays_here(
    reply: str, database: Database, server: FaultServer, certificate: Certificate
) -> None:
    encrypt(server, "STARTTLS", certificate)
    server.rules = [Rule("STARTTLS", says(*reply.split("\r\n")))]
    post = Post(database, way_to(server, certificate=certificate, login="ada"))

    post.run()

    assert books(database).states == {QUEUED: READERS}
    assert not {"AUTH", "MAIL"} & set(server.verbs)


def test_a_server_that_offers_no_encryption_gets_neither_mail_nor_password(
    database: Database, server: FaultServer, certificate: Certificate
) -> None:
    encrypt(server, "STARTTLS", certificate)
    server.rules = [Rule("EHLO", says("250-fault.example", "250 AUTH PLAIN LOGIN"))]
    post = Post(database, way_to(server, certificate=certificate, login="ada"))

    tally = post.run()

    assert tally.stopped == ("relay",)
    assert books(database).states == {QUEUED: READERS}
    assert not {"AUTH", "MAIL"} & set(server.verbs)


# ---------------------------------------------------------------- what may have arrived


@pytest.mark.parametrize(("phase", "kept"), [("inside", 1), ("body", 2)])
def test_sending_once_more_what_may_have_arrived_repeats_it_once_at_most(
    phase: str, kept: int, database: Database, server: FaultServer
) -> None:
    server.rules = [Rule(phase, drops(), recipient=address(ONE), when=the(1))]
    post = Post(database, way_to(server), manners=Manners(resend_once=True))

    end = post.run_to_the_end()

    assert end.states == {SENT: READERS}
    assert server.kept_ids[message(ONE).message_id] == kept
    none_lost_none_repeated(end, server, most=kept)
    assert [one.attempt.state for one in tried(database, ONE)] == [UNKNOWN, SENT]


def test_what_may_have_arrived_twice_is_not_sent_a_third_time(
    database: Database, server: FaultServer
) -> None:
    server.rules = [Rule("body", drops(), recipient=address(ONE))]
    post = Post(database, way_to(server), manners=Manners(resend_once=True))

    end = post.run_to_the_end()

    assert end.states == {SENT: READERS - 1, UNKNOWN: 1}
    assert server.kept_ids[message(ONE).message_id] == 2


def test_a_large_message_that_nobody_reads_is_given_up_in_time(tmp_path: Path, server: FaultServer) -> None:
    """It fills every buffer on the way, so that writing it never ends."""
    with open_database(tmp_path / "digest.sqlite3") as database:
        queue(database, range(READERS), size=4_000_000)
        server.rules = [Rule("inside", hangs(), recipient=address(ONE), when=the(1))]
        post = Post(database, way_to(server, timeout_s=5))

        post.run()
        end = post.run_to_the_end()

    assert end.states == {SENT: READERS - 1, UNKNOWN: 1}
    none_lost_none_repeated(end, server)


# ---------------------------------------------------------------- one, all, and any


@pytest.mark.parametrize("phase", ["banner", "MAIL", "RCPT", "DATA", "body"])
@pytest.mark.parametrize("reply", ["421 4.3.2 away", "451 4.3.0 later", "452 4.3.1 full"])
def test_a_server_that_puts_off_everybody_costs_nobody_the_message(
    phase: str, reply: str, database: Database, server: FaultServer
) -> None:
    server.rules = [Rule(phase, says(reply))]
    post = Post(database, way_to(server))

    post.run()
    during = books(database)
    server.rules = ()
    end = post.run_to_the_end()

    assert during.states == {QUEUED: READERS}
    assert end.states == {SENT: READERS}
    none_lost_none_repeated(end, server)


@pytest.mark.parametrize("phase", ["banner", "EHLO", "AUTH", "MAIL"])
def test_a_server_that_refuses_us_gives_up_nobody(
    phase: str, database: Database, server: FaultServer
) -> None:
    server.rules = [Rule(phase, says("550 5.7.1 blocked"))]
    post = Post(database, way_to(server, login="ada" if phase == "AUTH" else ""))

    tally = post.run()
    asked = server.verbs[phase if phase != "banner" else "connect"]
    during = books(database)
    server.rules = ()
    end = post.run_to_the_end()

    assert tally.stopped == ("relay",)
    assert asked <= 2  # one a connection: more might lock the account
    assert during.states == {QUEUED: READERS}
    assert end.states == {SENT: READERS}
    none_lost_none_repeated(end, server)


MIXTURE = [
    *(("MAIL", says(reply)) for reply in ("421 4.3.2 bye", "451 4.3.0 later")),
    *(("RCPT", one) for one in (says("450 4.2.1 busy"), says("550 5.1.1 nobody"), drops(), resets())),
    *(("DATA", one) for one in (says("451 4.3.0 later"), says("554 5.6.0 no"), drops(), drops("\xff\r\n"))),
    *(("inside", one) for one in (drops(), resets(), says("552 5.3.4 too much"))),
    *(
        ("body", one)
        for one in (drops(), resets(), says("452 4.3.1 full"), says("250 1", "250 2"), drops("2"))
    ),
    *(("after", one) for one in (drops(), says("421 4.3.2 bye"))),
    *(("banner", one) for one in (drops(), says("421 4.3.2 busy"), never_ends())),
]


@pytest.mark.parametrize("seed", range(12))
def test_any_mixture_of_faults_ends_with_every_message_accounted_for(
    seed: int, tmp_path: Path, server: FaultServer
) -> None:
    """Each time that a phase comes some fault may, too; then it is over, and what is left goes out."""
    draw = random.Random(seed)
    server.rules = [Rule(phase, act, when=lambda _: draw.random() < 0.05) for phase, act in MIXTURE]
    readers = 100
    with open_database(tmp_path / "digest.sqlite3") as database:
        queue(database, range(readers))
        post = Post(database, way_to(server), Limits(connections=4))
        for _ in range(4):
            post.run()
            post.clock.jump(timedelta(hours=1))
        server.rules = ()
        end = post.run_to_the_end()

    assert set(end.states) <= {SENT, FAILED, UNKNOWN}
    assert sum(end.states.values()) == readers
    assert not end.ids(FAILED) & frozenset(server.kept_ids)
    none_lost_none_repeated(end, server)
