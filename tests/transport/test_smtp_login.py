"""Who we say we are: greetings, passwords and access tokens."""

import json
import threading
from base64 import b64decode, b64encode
from typing import Any

import pytest

from digest.errors import ConfigurationError, DigestError
from digest.model import DeliveryState, Failure, Phase
from tests.transport.contract import message, not_to_be_called
from tests.transport.scripted import Answer, hangs_up, says
from tests.transport.talking import gives, script, stops_the_queue, talking

ADA: dict[str, Any] = {"username": "ada@example.net", "secret": gives("sésame, ouvre-toi")}
ADAS_TOKEN: dict[str, Any] = {"username": "ada@example.net", "secret": gives("ya29.token"), "auth": "xoauth2"}
OFFERS_PLAIN = says("250-scripted\r\n250 AUTH PLAIN")
OFFERS_ALL = says("250-scripted\r\n250-AUTH=LOGIN\r\n250 AUTH LOGIN PLAIN XOAUTH2")


def undone(word: str) -> str:
    return b64decode(word).decode()


# ---------------------------------------------------------------- greetings


@pytest.mark.parametrize("refusal", ["500 5.5.1 what", "502 5.5.1 not here"])
def test_a_server_that_knows_only_helo_gets_its_mail(refusal: str) -> None:
    with talking(script(EHLO=says(refusal), HELO=says("250 old"))) as (server, hand):
        attempt = hand.send(message())

    assert attempt.state is DeliveryState.SENT
    assert server.heard[:4] == ["connect", "EHLO", "HELO", "MAIL"]
    assert "MAIL FROM:<digest@example.net>" in server.lines


def test_what_the_answer_to_helo_lists_is_no_offer() -> None:
    lists = script(EHLO=says("502 what"), HELO=says("250-old\r\n250-AUTH PLAIN\r\n250 SIZE 9"))
    with talking(lists, **ADA) as (server, hand):
        stops_the_queue(hand, "no way to log in that we know .offered: none.", Failure.AUTHENTICATION)

    assert "AUTH" not in server.heard


def test_a_server_that_knows_only_helo_gets_nothing_where_encryption_is_required() -> None:
    with talking(script(EHLO=says("502 what"), HELO=says("250 old")), security="starttls") as (server, hand):
        stops_the_queue(hand, r"STARTTLS: the server offers no encryption. .*implicit")

    assert server.heard == ["connect", "EHLO", "HELO"]


def test_a_server_that_knows_neither_greeting_stops_the_queue() -> None:
    with talking(script(EHLO=says("502 what"), HELO=says("502 what"))) as (_, hand):
        stops_the_queue(hand, "EHLO 502 what")


# ---------------------------------------------------------------- passwords


def test_plain_is_preferred_and_takes_passwords_in_utf_8() -> None:
    with talking(script(EHLO=OFFERS_ALL, AUTH=says("235 welcome")), **ADA) as (server, hand):
        attempt = hand.send(message())

    assert attempt.state is DeliveryState.SENT
    (said,) = [line for line in server.lines if line.startswith("AUTH ")]
    assert undone(said.removeprefix("AUTH PLAIN ")) == "\0ada@example.net\0sésame, ouvre-toi"


@pytest.mark.parametrize("offer", ["AUTH LOGIN", "AUTH=LOGIN", "auth login CRAM-MD5"])
def test_login_is_the_other_way(offer: str) -> None:
    user, password = (b64encode(word.encode()).decode() for word in ("ada@example.net", "sésame, ouvre-toi"))
    answers = script(
        EHLO=says(f"250-scripted\r\n250 {offer}"),
        AUTH=says("334 VXNlcm5hbWU6"),
        **{user.upper(): says("334 UGFzc3dvcmQ6"), password.upper(): says("235 welcome")},
    )
    with talking(answers, **ADA) as (server, hand):
        attempt = hand.send(message())

    assert attempt.state is DeliveryState.SENT
    assert server.lines[1:4] == ["AUTH LOGIN", user, password]


@pytest.mark.parametrize("step", ["AUTH", "user", "password"])
def test_a_login_refused_at_any_step_stops_the_queue(step: str) -> None:
    user, password = (b64encode(word.encode()).decode() for word in ("ada@example.net", "sésame, ouvre-toi"))
    answers = {"AUTH": says("334 VXNlcm5hbWU6"), user.upper(): says("334 UGFzc3dvcmQ6")}
    refused = {"AUTH": "AUTH", "user": user.upper(), "password": password.upper()}[step]
    offers = says("250-scripted\r\n250 AUTH LOGIN")
    with talking({"EHLO": offers} | answers | {refused: says("535 5.7.8 no")}, **ADA) as (server, hand):
        stops_the_queue(hand, "AUTH 535 5.7.8 no. Check username and password", Failure.AUTHENTICATION)

    assert "MAIL" not in server.heard


@pytest.mark.parametrize("code", [500, 501, 503, 504, 530, 534, 535, 538, 554])
def test_any_no_for_good_to_a_login_stops_the_queue(code: int) -> None:
    with talking(script(EHLO=OFFERS_PLAIN, AUTH=says(f"{code} no")), **ADA) as (_, hand):
        stops_the_queue(hand, f"AUTH {code} no", Failure.AUTHENTICATION)


@pytest.mark.parametrize(
    "answer", [says("334 go on"), says("hello?"), says("454 4.7.0 later"), hangs_up()], ids=str
)
def test_a_login_that_is_not_answered_is_tried_again(answer: Answer) -> None:
    with talking(script(EHLO=OFFERS_PLAIN, AUTH=answer), **ADA) as (_, hand):
        attempt = hand.send(message(), committing=not_to_be_called)

    assert (attempt.failure, attempt.phase) == (Failure.TRANSIENT, Phase.AUTH)


# ---------------------------------------------------------------- access tokens


def test_a_token_is_shown_as_google_and_microsoft_want_it() -> None:
    with talking(script(EHLO=OFFERS_ALL, AUTH=says("235 2.7.0 accepted")), **ADAS_TOKEN) as (server, hand):
        attempt = hand.send(message())

    assert attempt.state is DeliveryState.SENT
    (said,) = [line for line in server.lines if line.startswith("AUTH ")]
    assert undone(said.removeprefix("AUTH XOAUTH2 ")) == "user=ada@example.net\1auth=Bearer ya29.token\1\1"


def test_a_refused_token_is_told_with_its_reason() -> None:
    reason = json.dumps({"status": "400", "schemes": "Bearer", "scope": "https://mail.google.com/"})
    refusal = {"AUTH": says(f"334 {b64encode(reason.encode()).decode()}"), "": says("535 5.7.8 not accepted")}
    with talking({"EHLO": OFFERS_ALL} | refusal, **ADAS_TOKEN) as (server, hand):
        attempt = hand.send(message(), committing=not_to_be_called)

    assert (attempt.failure, attempt.code, attempt.enhanced) == (Failure.AUTHENTICATION, 535, "5.7.8")
    assert attempt.reply == f"AUTH 535 5.7.8 not accepted {reason}"
    assert "access token" in attempt.fix
    assert server.lines[2:3] == [""]


@pytest.mark.parametrize("challenge", ["", "!!!", "////", "\udcff", "eyJzdGF0dXMi" * 1_000])
def test_a_challenge_that_is_no_reason_does_no_harm(challenge: str) -> None:
    said = Answer(b"334 " + challenge.encode("utf-8", "surrogateescape") + b"\r\n")
    with talking({"EHLO": OFFERS_ALL, "AUTH": said, "": says("535 no")}, **ADAS_TOKEN) as (_, hand):
        attempt = hand.send(message(), committing=not_to_be_called)

    assert (attempt.failure, attempt.phase) in {
        (Failure.AUTHENTICATION, Phase.AUTH),
        (Failure.TRANSIENT, Phase.AUTH),  # longer than a line may be
    }
    assert len(attempt.reply) <= 500


def test_a_token_is_not_shown_to_a_server_that_takes_passwords_only() -> None:
    with talking(script(EHLO=OFFERS_PLAIN), **ADAS_TOKEN) as (server, hand):
        stops_the_queue(hand, "no way to log in that we know .offered: PLAIN.", Failure.AUTHENTICATION)

    assert "AUTH" not in server.heard


# ---------------------------------------------------------------- servers that say it back


def base64_of(said: str) -> str:
    return b64encode(said.encode()).decode()


PLAIN = base64_of("\0ada@example.net\0sésame, ouvre-toi")
TOKEN = base64_of("user=ada@example.net\1auth=Bearer ya29.token\1\1")


@pytest.mark.parametrize(
    "reply",
    [
        f"535 5.7.8 bad: AUTH PLAIN {PLAIN}",
        f"535 5.7.8 bad: AUTH PLAIN {PLAIN.upper()}",
        f"535-5.7.8 bad:\r\n535 {PLAIN[:20]}",
        "535 5.7.8 sésame, ouvre-toi is not the password of ada@example.net",
        "535 5.7.8 " + "x" * 470 + PLAIN,
        f"AUTH PLAIN {PLAIN}",
        f"235-{PLAIN}\r\n535 {PLAIN}",
        f"454 4.7.0 {PLAIN}",
    ],
    ids=["whole", "in capitals", "in part", "as it is", "cut off", "no reply", "two", "later"],
)
def test_a_password_that_a_server_says_back_is_not_repeated(reply: str) -> None:
    with talking(script(EHLO=OFFERS_PLAIN, AUTH=says(reply)), **ADA) as (_, hand):
        attempt = hand.send(message(), committing=not_to_be_called)

    assert attempt.phase is Phase.AUTH
    assert PLAIN[:10].casefold() not in attempt.reply.casefold()
    assert "sésame" not in attempt.reply


@pytest.mark.parametrize("step", ["user", "password"])
def test_neither_is_a_word_of_the_login_in_steps(step: str) -> None:
    user, password = base64_of("ada@example.net"), base64_of("sésame, ouvre-toi")
    answers = {"AUTH": says("334 VXNlcm5hbWU6"), user.upper(): says("334 UGFzc3dvcmQ6")}
    refused = {"user": user, "password": password}[step]
    offers = says("250-scripted\r\n250 AUTH LOGIN")
    no = {refused.upper(): says(f"535 5.7.8 not {refused}")}
    with talking({"EHLO": offers} | answers | no, **ADA) as (_, hand):
        attempt = hand.send(message(), committing=not_to_be_called)

    assert attempt.reply == "AUTH 535 5.7.8 not ***"


def test_neither_is_a_token_in_the_reason_for_its_refusal() -> None:
    reason = base64_of(f'{{"given": "{TOKEN}", "token": "ya29.token"}}')
    refusal = {"AUTH": says(f"334 {reason}"), "": says(f"535 5.7.8 {TOKEN}")}
    with talking({"EHLO": OFFERS_ALL} | refusal, **ADAS_TOKEN) as (_, hand):
        attempt = hand.send(message(), committing=not_to_be_called)

    assert attempt.reply.startswith("AUTH 535 5.7.8 ***")
    assert TOKEN[:10] not in attempt.reply
    assert "ya29" not in attempt.reply


def test_a_check_does_not_repeat_it_either() -> None:
    with (
        talking(script(EHLO=OFFERS_PLAIN, AUTH=says(f"535 5.7.8 {PLAIN}")), **ADA) as (_, hand),
        pytest.raises(DigestError) as raised,
    ):
        hand.check()

    assert PLAIN[:10] not in str(raised.value)
    assert "AUTH 535 5.7.8 ***" in str(raised.value)


# ---------------------------------------------------------------- where the secret comes from


def test_the_secret_is_asked_for_at_each_login_as_tokens_expire() -> None:
    tokens = iter(["first", "second"])
    given = ADAS_TOKEN | {"secret": lambda: next(tokens)}
    answers = script(EHLO=OFFERS_ALL, AUTH=says("235 ok"), body=[hangs_up("250 taken"), says("250 taken")])
    with talking(answers, **given) as (server, hand):
        states = [hand.send(message(n)).state for n in range(2)]

    assert states == [DeliveryState.SENT] * 2
    shown = [undone(line.removeprefix("AUTH XOAUTH2 ")) for line in server.lines if line.startswith("AUTH")]
    assert ["first" in shown[0], "second" in shown[1]] == [True, True]


def test_a_secret_that_cannot_be_had_stops_the_queue_and_says_what_to_do() -> None:
    def fails() -> str:
        problem = DigestError("the program ended with 1", where="config.toml: smtp", fix="Run it by hand.")
        raise ConfigurationError((problem,))

    with talking(script(EHLO=OFFERS_PLAIN), **(ADA | {"secret": fails})) as (_, hand):
        attempt = hand.send(message())

    assert attempt.failure is Failure.AUTHENTICATION
    assert attempt.reply == "AUTH: no secret to log in with: config.toml: smtp: the program ended with 1"
    assert attempt.fix == "Run it by hand."


@pytest.mark.slow
def test_a_secret_that_takes_too_long_is_tried_again() -> None:
    ends = threading.Event()
    given = ADA | {"secret": lambda: str(ends.wait(30))}
    with talking(script(EHLO=OFFERS_PLAIN), timeout_s=0.4, **given) as (_, hand):
        attempt = hand.send(message(), committing=not_to_be_called)
        ends.set()

    assert (attempt.failure, attempt.phase) == (Failure.TRANSIENT, Phase.AUTH)
    assert "took more than 0.4 s" in attempt.reply
