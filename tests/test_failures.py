"""Whose matter a failed attempt is."""

import pytest

from digest.failures import (
    ABOUT_US,
    NO_SUCH_ADDRESS,
    QUOTA,
    TOO_FAST,
    enhanced_code,
    is_about_address,
    is_hard_bounce,
    judge,
    slows,
    state_after,
)
from digest.model import Attempt, DeliveryState, Failure, Phase

TRANSIENT, RECIPIENT, SENDER, AUTHENTICATION, UNKNOWN = Failure

# phase, code, enhanced, text -> whose matter
CASES = [
    # no reply: lost, late or garbage
    (Phase.CONNECT, None, "", "", TRANSIENT),
    (Phase.BANNER, None, "", "", TRANSIENT),
    (Phase.TLS, None, "", "", TRANSIENT),
    (Phase.AUTH, None, "", "", TRANSIENT),
    (Phase.DATA, None, "", "", TRANSIENT),
    (Phase.BODY, None, "", "", UNKNOWN),
    # a reply that answers something else
    (Phase.DATA, 250, "", "", TRANSIENT),
    (Phase.RCPT, 354, "", "", TRANSIENT),
    (Phase.BODY, 354, "", "", UNKNOWN),
    (Phase.BODY, 199, "", "", UNKNOWN),
    # not now
    (Phase.BANNER, 421, "4.3.2", "", TRANSIENT),
    (Phase.AUTH, 454, "4.7.0", "", TRANSIENT),
    (Phase.AUTH, 432, "4.7.12", "", TRANSIENT),
    (Phase.MAIL, 451, "4.3.0", "", TRANSIENT),
    (Phase.RCPT, 450, "4.2.0", "", TRANSIENT),
    (Phase.RCPT, 450, "4.7.26", "", TRANSIENT),
    (Phase.BODY, 452, "4.3.1", "", TRANSIENT),
    (Phase.BODY, 421, "", "", TRANSIENT),
    # for good, before the recipient is named: about us
    (Phase.BANNER, 554, "5.7.1", "", SENDER),
    (Phase.EHLO, 550, "", "", SENDER),
    (Phase.STARTTLS, 502, "5.5.1", "", SENDER),
    (Phase.MAIL, 550, "5.7.1", "", SENDER),
    (Phase.MAIL, 553, "5.1.7", "", SENDER),
    # but a message too large is this message's matter
    (Phase.MAIL, 552, "", "", RECIPIENT),
    (Phase.MAIL, 552, "5.3.4", "", RECIPIENT),
    (Phase.MAIL, 554, "5.3.4", "", RECIPIENT),
    # the login
    (Phase.AUTH, 535, "5.7.8", "", AUTHENTICATION),
    (Phase.AUTH, 534, "5.7.9", "", AUTHENTICATION),
    (Phase.AUTH, 554, "", "", AUTHENTICATION),
    (Phase.AUTH, 550, "5.4.5", "", AUTHENTICATION),
    (Phase.MAIL, 530, "5.7.0", "", AUTHENTICATION),
    (Phase.MAIL, 530, "5.7.57", "", AUTHENTICATION),
    (Phase.RCPT, 530, "", "", AUTHENTICATION),
    (Phase.DATA, 538, "", "", AUTHENTICATION),
    (Phase.BODY, 535, "", "", RECIPIENT),
    # for good, once the recipient is named: about it
    (Phase.RCPT, 550, "5.1.1", "", RECIPIENT),
    (Phase.RCPT, 550, "", "", RECIPIENT),
    (Phase.RCPT, 552, "5.2.2", "", RECIPIENT),
    (Phase.DATA, 554, "5.5.1", "no valid recipients", RECIPIENT),
    (Phase.BODY, 552, "5.3.4", "", RECIPIENT),
    (Phase.BODY, 554, "5.7.1", "", RECIPIENT),
    (Phase.BODY, 550, "5.7.999", "", RECIPIENT),
    (Phase.BODY, 550, "nonsense", "", RECIPIENT),
    # unless the code says that it is about us
    (Phase.RCPT, 550, "5.7.60", "", SENDER),
    (Phase.BODY, 550, "5.7.26", "", SENDER),
    (Phase.BODY, 550, "5.7.515", "", SENDER),
    (Phase.BODY, 550, "", "5.7.705 Access denied, tenant has exceeded threshold", SENDER),
    (Phase.BODY, 550, "4.7.26", "a server that contradicts itself", SENDER),
    (Phase.BODY, 550, "5.7.606", "Access denied, banned sending IP [192.0.2.1]", SENDER),
    (Phase.BODY, 550, "5.7.649", "", SENDER),
    (Phase.BODY, 550, "5.7.650", "", RECIPIENT),
    (Phase.RCPT, 550, "5.7.506", "Access denied, Bad HELO", SENDER),
    (Phase.RCPT, 550, "5.7.54", "SMTP; Unable to relay recipient in non-accepted domain", SENDER),
    (Phase.BODY, 554, "5.2.252", "SendAsDenied; a@example.org not allowed to send as b@example.org", SENDER),
    # which 5.7.703 does not: an organization's list of those whom it sends nothing
    (Phase.RCPT, 550, "5.7.703", "messages to x are blocked by your organization", RECIPIENT),
    # nor does another server's word, which our relay passes on
    (Phase.RCPT, 550, "5.1.1", "undeliverable address: host mx said: 550 Relay access denied", RECIPIENT),
    (Phase.RCPT, 550, "", "Callout verification failed:\n550 relay not permitted", RECIPIENT),
    # or the words say it, with a code that does not
    (Phase.RCPT, 554, "5.7.1", "<ada@example.org>: Relay access denied", SENDER),
    (Phase.RCPT, 550, "", "relay not permitted", SENDER),
    (Phase.RCPT, 550, "5.7.1", "Relaying denied", SENDER),
    (
        Phase.RCPT,
        550,
        "",
        "Please turn on SMTP Authentication in your mail client.\n"
        "[192.0.2.1] is not permitted to relay through this server without authentication.",
        SENDER,
    ),
    (Phase.RCPT, 553, "", "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", SENDER),
    (Phase.BODY, 554, "", "Message rejected: Email address is not verified.", SENDER),
    (Phase.BODY, 554, "", "Message rejected: Sending paused for this account.", SENDER),
    (Phase.RCPT, 504, "5.5.2", "<localhost>: Helo command rejected: need fully-qualified hostname", SENDER),
    (Phase.RCPT, 550, "5.1.0", "<digest@example.org>: Sender address rejected: User unknown", SENDER),
    (Phase.RCPT, 550, "5.1.1", "<digest@example.org>: Sender address rejected: User unknown", SENDER),
    (Phase.RCPT, 554, "5.7.1", "Service unavailable; Client host [192.0.2.1] blocked using x", SENDER),
    (Phase.RCPT, 550, "", "Sender verify failed", SENDER),
    (Phase.BODY, 550, "5.4.6", "Unusual sending activity detected.", SENDER),
    # a reader may be called whatever he likes
    (Phase.RCPT, 550, "", "<rcpthosts@example.org>: no", RECIPIENT),
    # a quota of ours passes
    (Phase.RCPT, 550, "5.7.508", "[192.0.2.1] has exceeded permitted limits within 2001:db8::/64", TRANSIENT),
    (Phase.RCPT, 550, "", "Domain example.org has exceeded the max emails per hour (150/100)", TRANSIENT),
    (Phase.RCPT, 550, "", "Sender has exceeded the mail sending limit", TRANSIENT),
    (Phase.RCPT, 550, "5.7.1", "Sender rate limit exceeded", TRANSIENT),
    (Phase.BODY, 550, "5.4.5", "Daily user sending limit exceeded", TRANSIENT),
    (Phase.MAIL, 550, "5.1.90", "", TRANSIENT),
    (Phase.RCPT, 550, "5.7.1", "Daily SMTP relay limit exceeded for customer", TRANSIENT),
    # told in words only
    (
        Phase.BODY,
        554,
        "5.2.0",
        "STOREDRV.Submission.Exception:SubmissionQuotaExceededException",
        TRANSIENT,
    ),
    # Exchange Online keeps what it sent: the mailbox that is full there is ours
    (
        Phase.BODY,
        554,
        "5.2.2",
        "mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded",
        SENDER,
    ),
    # a mailbox that gets too much at once
    (Phase.BODY, 550, "5.2.121", "Recipient's per hour message receive limit exceeded", TRANSIENT),
    (Phase.BODY, 550, "5.2.122", "", TRANSIENT),
    (
        Phase.RCPT,
        550,
        "5.2.1",
        "The user you are trying to contact is receiving mail at a rate that prevents additional messages",
        TRANSIENT,
    ),
]


@pytest.mark.parametrize(("phase", "code", "enhanced", "text", "failure"), CASES)
def test_whose_matter_a_reply_is(
    phase: Phase, code: int | None, enhanced: str, text: str, failure: Failure
) -> None:
    assert judge(phase, code, enhanced, text) is failure


@pytest.mark.parametrize("detail", ABOUT_US)
@pytest.mark.parametrize("phase", [Phase.RCPT, Phase.DATA, Phase.BODY])
def test_what_is_about_us_fails_no_recipient_and_names_its_source(phase: Phase, detail: str) -> None:
    assert judge(phase, 550, f"5.{detail}") is SENDER
    assert judge(phase, 450, f"4.{detail}") is TRANSIENT
    assert ABOUT_US[detail].startswith(("RFC ", "IANA", "learn.microsoft.com", "support.microsoft.com"))


def test_the_codes_that_are_about_us_are_these() -> None:
    banned = [f"7.{number}" for number in range(606, 650)]
    others = "1.7 1.8 7.20 7.21 7.22 7.23 7.24 7.25 7.26 7.27 7.28 2.252 7.54 7.60 7.64 7.501 7.502 7.503 7.506 7.509 7.511 7.515 7.705 7.708 7.750"

    assert sorted(ABOUT_US) == sorted([*banned, *others.split()])


def test_no_code_is_in_two_lists() -> None:
    lists = (ABOUT_US, QUOTA, TOO_FAST, NO_SUCH_ADDRESS)

    assert len({code for one in lists for code in one}) == sum(map(len, lists))


@pytest.mark.parametrize(
    ("failure", "state"),
    [
        (TRANSIENT, DeliveryState.QUEUED),
        (SENDER, DeliveryState.QUEUED),
        (AUTHENTICATION, DeliveryState.QUEUED),
        (RECIPIENT, DeliveryState.FAILED),
        (UNKNOWN, DeliveryState.UNKNOWN),
    ],
)
def test_only_a_recipients_refusal_gives_a_message_up(failure: Failure, state: DeliveryState) -> None:
    assert state_after(failure) is state


def refused(code: int | None, enhanced: str = "", reply: str = "", phase: Phase = Phase.RCPT) -> Attempt:
    """The attempt that such a reply makes."""
    failure = judge(phase, code, enhanced, reply)
    return Attempt(
        state=state_after(failure), reply=reply, phase=phase, failure=failure, code=code, enhanced=enhanced
    )


@pytest.mark.parametrize(
    ("attempt", "is_hard"),
    [
        (refused(550, "5.1.1"), True),
        (refused(550, "5.1.2"), True),
        (refused(553, "5.1.3"), True),
        (refused(551, "5.1.6"), True),
        (refused(556, "5.1.10"), True),
        (refused(556), True),
        (refused(550, "5.2.1", "mailbox disabled"), True),
        (refused(550, "5.1.1", phase=Phase.BODY), True),
        (refused(550, "5.2.1", "is receiving mail at a rate that prevents"), False),
        (refused(550), False),
        (refused(552, "5.2.2"), False),
        (refused(550, "5.7.1"), False),
        (refused(552, "5.3.4"), False),
        (refused(450, "4.1.1"), False),
        (refused(550, "4.1.1"), False),
        (refused(550, "5.1.1", phase=Phase.MAIL), False),
        (refused(550, "5.1.8"), False),
        (refused(None), False),
    ],
)
def test_only_an_address_that_is_no_good_is_a_hard_bounce(attempt: Attempt, is_hard: bool) -> None:
    assert is_hard_bounce(attempt) is is_hard


@pytest.mark.parametrize(
    "attempt",
    [
        refused(550, "5.1.1"),
        refused(550, "5.2.0"),
        refused(550, "5.2.1", "mailbox disabled"),
        refused(552, "5.2.2", "mailbox full"),
        refused(556),
        refused(550, "", "User unknown"),
        refused(550, "", "unknown user"),
        refused(550, "", "No such user here"),
        refused(550, "", "sorry, no mailbox here by that name. (#5.1.1)"),
        refused(550, "", "Requested action not taken: mailbox unavailable"),
        refused(550, "", "mailbox not found"),
        refused(550, "", "The account does not exist"),
        refused(554, "", "delivery error: dd This user doesn't have a yahoo.example account"),
        refused(552, "", "Quota exceeded (mailbox for user is full)"),
        refused(550, "5.0.0", "user unknown"),
        refused(550, "5.5.0", "Requested action not taken: mailbox unavailable"),
        refused(550, "5.4.1", "[ada@example.org]: Recipient address rejected: Access denied"),
        refused(550, "5.1.0", "Address rejected: user unknown"),
        refused(550, "5.1.1", "no such user", Phase.BODY),
    ],
)
def test_what_an_address_is_held_against_says_that_it_takes_no_mail(attempt: Attempt) -> None:
    assert is_about_address(attempt)


@pytest.mark.parametrize(
    "attempt",
    [
        refused(550),
        refused(550, "5.1.0", "Address rejected"),
        refused(550, "5.7.1", "our system has detected that this is likely unsolicited"),
        refused(550, "5.7.1", "<ada@example.org>: Recipient address rejected: Access denied"),
        refused(550, "5.7.1", "Unfortunately, messages from [192.0.2.1] weren't sent: block list (S3140)"),
        refused(550, "5.7.703", "blocked by your organization"),
        refused(550, "", "rejected because of its content"),
        refused(550, "", "administrative prohibition"),
        refused(552, "5.2.3", "message too large for this mailbox"),
        refused(552, "5.3.4", "message too large: mailbox full"),
        refused(554, "5.6.0", "what is this: user unknown"),
        refused(554, "5.7.1", "Relay access denied"),
        refused(550, "5.1.0", "Sender address rejected: User unknown"),
        refused(550, "5.2.121"),
        refused(550, "5.2.252"),
        refused(450, "4.1.1", "user unknown"),
        refused(550, "", "user unknown", Phase.MAIL),
        refused(None),
        Attempt(state=DeliveryState.SENT, reply="250 mailbox full of joy", code=250),
    ],
)
def test_what_a_server_may_say_to_all_is_held_against_no_address(attempt: Attempt) -> None:
    assert not is_about_address(attempt)


@pytest.mark.parametrize(
    ("attempt", "is_slower"),
    [
        (refused(421, phase=Phase.BANNER), True),
        (refused(421, "4.2.1"), True),
        (refused(421, phase=Phase.BODY), True),
        (refused(451, "4.3.0"), True),
        (refused(452, "4.3.1", phase=Phase.BODY), True),
        (refused(450, "4.7.1"), True),
        (refused(454, "4.7.0", phase=Phase.AUTH), True),
        (refused(451), True),
        (refused(452, phase=Phase.MAIL), True),
        (refused(550, "5.4.5"), True),
        (refused(550, "5.7.1", "Daily SMTP relay limit exceeded"), True),
        (refused(450, "4.2.1", "Peak SMTP relay limit exceeded for this customer"), True),
        (refused(450), False),
        (refused(450, "4.2.0", "greylisted"), False),
        (refused(452, "4.2.2", "mailbox full"), False),
        (refused(450, "4.1.8"), False),
        (refused(432, "4.3.2", "Concurrent connections limit exceeded"), True),
        (refused(432, "4.3.2", "STOREDRV.ClientSubmit; sender thread limit exceeded"), True),
        (refused(432, "4.3.2", "STOREDRV.Deliver; recipient thread limit exceeded"), False),
        (refused(550, "5.2.121"), False),
        (refused(550, "5.7.508"), True),
        (refused(550, "", "Domain example.org has exceeded the max emails per hour (150/100)"), True),
        (refused(550, "5.1.1"), False),
        (refused(550, "5.7.26"), False),
        (refused(None), False),
    ],
)
def test_only_what_the_relay_says_of_itself_slows(attempt: Attempt, is_slower: bool) -> None:
    assert slows(attempt) is is_slower


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("5.1.1 no such user", "5.1.1"),
        ("5.7.515 Access denied", "5.7.515"),
        ("5.1.1", "5.1.1"),
        ("  2.0.0 ok", "2.0.0"),
        ("no such user 5.1.1", ""),
        ("5.1.1.2 an address", ""),
        ("3.1.1 no such class", ""),
        ("5.1 too short", ""),
        ("5.1.1234 too long", ""),
        ("127.0.0.1 is listed", ""),
        ("", ""),
    ],
)
def test_an_enhanced_code_stands_at_the_start_of_a_reply(text: str, code: str) -> None:
    assert enhanced_code(text) == code
