"""Whose matter a failed attempt is: ours, the recipient's, or nobody's for long.

A reply's three digits (RFC 5321, 4.2) say whether it passes; its enhanced code (RFC 3463) says whom it is
about. Providers say with both what the standards do not: those codes are listed here with where they stand.
"""

import re

from digest.model import Attempt, DeliveryState, Failure, Phase

# "Log in first", "not with this login", "a stronger one", "encrypt first": whichever command they answer
# (RFC 4954, 6; 538 of RFC 2554).
_LOGIN_WANTED = frozenset((530, 534, 535, 538))

# Subject and detail of enhanced codes that are about us though they answer RCPT, DATA or the body.
_MICROSOFT = (
    "learn.microsoft.com/exchange/troubleshoot/email-delivery/ndr/non-delivery-reports-in-exchange-online"
)
_GMAIL = "knowledge.workspace.google.com/admin/support/troubleshooting/gmail-smtp-errors-and-codes"
ABOUT_US = {
    "1.7": "RFC 3463, 3.2: the sender's address is not one",
    "1.8": f"RFC 3463, 3.2: no such domain of the sender; {_MICROSOFT}: blocked for spam",
    "7.20": "RFC 7372, 3.1: no passing DKIM signature",
    "7.21": "RFC 7372, 3.1: no acceptable DKIM signature",
    "7.22": "RFC 7372, 3.1: no valid DKIM signature of the author's domain",
    "7.23": "RFC 7372, 3.2: SPF says no",
    "7.24": "RFC 7372, 3.2: the domain's SPF cannot be read",
    "7.25": "RFC 7372, 3.3: the sending machine's name in DNS does not fit its address",
    "7.26": f"RFC 7372, 3.4: several such checks failed; {_GMAIL}: unauthenticated sender",
    "7.27": f"RFC 7505, 4.2: the sender's domain says that it has no mail; {_GMAIL}: SPF does not pass",
    "7.28": f"IANA, enhanced status codes: mail flood; {_GMAIL}: too much unwanted mail from here",
    "2.252": f"{_MICROSOFT}: this login may not send as this address",
    "7.54": f"{_MICROSOFT}: this server relays nothing for us",
    "7.60": f"{_MICROSOFT}: this login may not send as this address",
    "7.64": f"{_MICROSOFT}: no connector takes mail from here",
    "7.501": f"{_MICROSOFT}: banned sender",
    "7.502": f"{_MICROSOFT}: banned sender",
    "7.503": f"{_MICROSOFT}: banned sender",
    "7.506": f"{_MICROSOFT}: the name we introduce ourselves by is no good",
    "7.509": f"{_MICROSOFT}: the sender's domain does not pass DMARC",
    "7.511": f"{_MICROSOFT}: banned sender",
    "7.515": "support.microsoft.com/topic/34cfe8f8-6fbf-457e-9e8b-9e4dbaf4e0ef: SPF, DKIM or DMARC fails",
    **{f"7.{detail}": f"{_MICROSOFT}: banned sending machine (5.7.606 to 649)" for detail in range(606, 650)},
    "7.705": f"{_MICROSOFT}: the tenant sends too much that looks like spam",
    "7.708": f"{_MICROSOFT}: this machine's address is not trusted",
    "7.750": f"{_MICROSOFT}: the sender's domain is not registered with the tenant",
}

# A quota of ours that is used up is said with 5yz, and passes by itself.
QUOTA = {
    "1.90": f"{_MICROSOFT}: the day's limit of recipients is reached",
    "4.5": f"{_GMAIL}: the day's limit is exceeded; RFC 3463, 3.5 knows it as congestion, which passes",
    "7.508": f"{_MICROSOFT}: our network has sent too much in too short a time",
    "7.232": f"{_MICROSOFT}: a trial tenant's limit of recipients outside is exceeded",
    "7.233": f"{_MICROSOFT}: the tenant's limit of recipients outside is exceeded",
}
# The last three are Exchange Online's, with 554 5.2.0 and 432 4.3.2:
# learn.microsoft.com/exchange/troubleshoot/send-emails/smtp-submission-improvements
_QUOTA_WORDS = re.compile(
    r"(?:sending|relay|sender rate) (?:limit|quota)s? exceeded"
    r"|exceeded the (?:max (?:e?mails|messages)|mail sending limit)"
    r"|SubmissionQuotaExceeded|concurrent connections? limit|sender thread limit",
    re.IGNORECASE,
)
# The same page: 554 5.2.2 "mailbox full" is the sender's own, which keeps what it sent.
_OUR_MAILBOX = re.compile(r"STOREDRV\.Submission")

# A mailbox that gets too much at once. Gmail says it in words, with 450 4.2.1 and with 550 5.2.1.
_TOO_FAST = re.compile(r"receiving (?:e?mail )?(?:too quickly|at a rate)", re.IGNORECASE)
TOO_FAST = {
    "2.121": f"{_MICROSOFT}: the mailbox has had too much from us in this hour",
    "2.122": f"{_MICROSOFT}: the mailbox has had too much in this hour",
}

# Servers that say at RCPT or later what they have against us, with a code that does not, or with none.
_ABOUT_US_WORDS = re.compile(
    r"relay(?:ing)? (?:access )?(?:is )?(?:denied|not permitted)"  # postfix, sendmail, exim
    r"|(?:not permitted|unable) to relay|allowed rcpthosts"  # exim, Exchange, qmail
    r"|(?:sender address|helo command|client host) rejected|client host \[[^\]]*\] blocked"  # postfix
    r"|sender verify failed|domain of sender"  # exim, sendmail
    r"|SMTP auth(?:entication)?\b|authentication (?:is )?required"  # cPanel
    r"|(?:email address|domain) (?:is )?not verified|sending paused"  # SES
    r"|unusual sending activity",  # Zoho, with 5.4.6
    re.IGNORECASE,
)
# What follows was said by another server, to our relay: postfix and exim pass it on.
_QUOTED = re.compile(r"\bsaid:|\bcallout\b|\bremote (?:host|server)\b", re.IGNORECASE)

# The address itself is no good.
NO_SUCH_ADDRESS = {
    "1.1": "RFC 3463, 3.2: no such mailbox",
    "1.2": "RFC 3463, 3.2: no such domain",
    "1.3": "RFC 3463, 3.2: not an address",
    "1.6": "RFC 3463, 3.2: moved, and nobody knows where",
    "1.10": "RFC 7505, 4.1: the domain says that it has no mail",
    "2.1": "RFC 3463, 3.3: the mailbox is switched off",
}

# Words for it, where a code says nothing, or nothing of whom it is about.
_ADDRESS_WORDS = re.compile(
    r"(?:user|recipient|mailbox|address|account) (?:is )?(?:unknown|not found|unavailable|disabled)"
    r"|(?:unknown|no such|invalid) (?:local |virtual )?(?:user|recipient|mailbox|address|account|person)"
    r"|(?:mailbox|is) full|over ?quota|mailbox (?:quota )?exceed"
    r"|does(?: not|n['’]t) (?:exist|have an? [\w.-]+ account)"
    r"|recipient address rejected"  # postfix; Exchange Online, with 5.4.1, of who is not there
    r"|no mailbox here|unrouteable address",  # qmail, exim
    re.IGNORECASE,
)
# RFC 3463, 3.4, 3.7 and 3.8: about the system, the message, a policy, whatever the words beside it are.
_OF_SOMETHING_ELSE = ("3.", "6.", "7.")

_TOO_LARGE = "3.4"  # RFC 3463, 3.4: for the system, whoever it is for
_ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")


def judge(phase: Phase, code: int | None, enhanced: str = "", text: str = "") -> Failure:
    """Whose matter it is that an attempt did not get through.

    `code` is `None` where there was no reply (lost, late, garbage); `text` is the reply's, for the few things
    that providers say only there.
    """
    kind = 0 if code is None else code // 100
    if kind not in (4, 5):
        return Failure.UNKNOWN if phase is Phase.BODY else Failure.TRANSIENT
    if kind == 4:
        return Failure.TRANSIENT
    return _for_good(phase, code or 0, _subject_detail(enhanced or enhanced_code(text)), text)


def _for_good(phase: Phase, code: int, detail: str, text: str) -> Failure:
    """What a 5yz is about."""
    if phase is Phase.AUTH or (code in _LOGIN_WANTED and phase is not Phase.BODY):
        return Failure.AUTHENTICATION
    if _passes(detail, text):
        return Failure.TRANSIENT
    if phase.has_recipient:
        return Failure.SENDER if _is_about_us(detail, text) else Failure.RECIPIENT
    is_too_large = phase is Phase.MAIL and (code == 552 or detail == _TOO_LARGE)
    return Failure.RECIPIENT if is_too_large else Failure.SENDER


def _passes(detail: str, text: str) -> bool:
    """Whether a 5yz is a quota, of ours or of a mailbox, that is used up for a while."""
    in_words = _QUOTA_WORDS.search(text) or _TOO_FAST.search(text)
    return detail in QUOTA or detail in TOO_FAST or in_words is not None


def _is_about_us(detail: str, text: str) -> bool:
    own_words = _QUOTED.split(text, maxsplit=1)[0]
    in_words = _OUR_MAILBOX.search(text) or _ABOUT_US_WORDS.search(own_words)
    return detail in ABOUT_US or in_words is not None


def state_after(failure: Failure) -> DeliveryState:
    """What becomes of the message: what is our own matter does not use up its chances."""
    match failure:
        case Failure.RECIPIENT:
            return DeliveryState.FAILED
        case Failure.UNKNOWN:
            return DeliveryState.UNKNOWN
    return DeliveryState.QUEUED


def is_hard_bounce(attempt: Attempt) -> bool:
    """Whether the address itself is no good, so that nothing more should go there.

    A plain 550 does not say it: RFC 5321 (4.2.2) has it for policy too.
    """
    if attempt.failure is not Failure.RECIPIENT:
        return False
    is_permanent = attempt.enhanced.startswith("5.")
    return attempt.code == 556 or (is_permanent and _subject_detail(attempt.enhanced) in NO_SUCH_ADDRESS)


def is_about_address(attempt: Attempt) -> bool:
    """Whether a refusal says of the address or its mailbox that it takes no mail.

    Only these, if they go on, are a reason to send nothing more there. Any other one may be what the server
    would say to all: of us, of the message, or without a reason.
    """
    if attempt.failure is not Failure.RECIPIENT:
        return False
    detail = _subject_detail(attempt.enhanced)
    if detail == "2.3" or detail.startswith(_OF_SOMETHING_ELSE):  # 2.3: too large a message for it
        return False
    if detail.startswith(("1.", "2.")) and detail != "1.0":  # postfix says 5.1.0 of senders, too
        return True
    return attempt.code == 556 or _ADDRESS_WORDS.search(attempt.reply) is not None


def slows(attempt: Attempt) -> bool:
    """Whether the relay wants fewer messages: 421, a quota, or a 45z that is not about one mailbox."""
    if attempt.failure is not Failure.TRANSIENT or attempt.code is None:
        return False
    detail = _subject_detail(attempt.enhanced)
    if attempt.code == 421 or detail in QUOTA or _QUOTA_WORDS.search(attempt.reply):
        return True
    if attempt.code // 10 != 45:
        return False
    if detail:
        return not detail.startswith(("1.", "2."))  # RFC 3463, 2: addresses and mailboxes
    return attempt.code != 450  # RFC 5321, 4.2.3: 450 is a mailbox, 451 and 452 the system


def enhanced_code(text: str) -> str:
    """The enhanced code that a reply's text starts with (RFC 2034, 4), such as `5.1.1`; else empty."""
    found = _ENHANCED.match(text.lstrip())
    return found[1] if found else ""


def _subject_detail(enhanced: str) -> str:
    """`5.7.26` is `7.26`: the three digits say already whether it is for good."""
    return enhanced.partition(".")[2]
