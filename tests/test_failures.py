"""Whose matter a failed attempt is."""

import pytest

from digest.failures import (
    ABOUT_US,
    NO_SUCH_ADDRESS,
    QUOTA,
    enhanced_code,
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
    (Phase.RCPT, 554, "5.7.1", "Relay access denied", RECIPIENT),
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
    # a quota of ours passes
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


def test_no_code_is_in_two_lists() -> None:
    assert not ABOUT_US.keys() & QUOTA.keys()
    assert not ABOUT_US.keys() & NO_SUCH_ADDRESS.keys()
    assert not QUOTA.keys() & NO_SUCH_ADDRESS.keys()


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
