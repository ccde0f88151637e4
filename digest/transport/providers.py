"""What the usual providers want and bear, so that an operator need not find out by being shut out.

Every figure has its source. Where none was found the value is our own caution, and `note` says so.
The keys of `[smtp]` go before these.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Literal

from digest.pace import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where it stands, in what words, and when that was read."""

    url: str
    says: str
    read: date | None
    """`None`: known from memory, not read again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A service that takes mail from its customers."""

    name: str
    host: str | None
    """`None` where each customer has another."""
    port: int
    security: Literal["implicit", "starttls", "none"]
    auth: Literal["password", "xoauth2"] | None
    """How to log in where the table does not say; `None` where no login is needed."""
    limits: Limits
    sources: tuple[Source, ...]
    note: str
    """What to know before using it, and which values are our own caution."""


_READ = date(2026, 11, 21)

_GOOGLES_PORTS = Source(
    url="https://developers.google.com/workspace/gmail/imap/imap-smtp",
    says="smtp.gmail.com: 465 with implicit TLS, 587 with STARTTLS",
    read=_READ,
)

_GMAIL = Provider(
    name="gmail",
    host="smtp.gmail.com",
    port=465,
    security="implicit",
    auth="password",
    limits=Limits(connections=2, per_day=500),
    sources=(
        _GOOGLES_PORTS,
        Source(
            url="https://support.google.com/mail/answer/22839",
            says="an error comes after more than 500 messages in a day; sending works again within 24 hours",
            read=None,
        ),
        Source(
            url="https://developer.nylas.com/docs/cookbook/email/gmail-smtp-settings.md",
            says="personal accounts: 500 messages a day; app password or OAuth 2.0 token required",
            read=_READ,
        ),
    ),
    note=(
        "Wants an app password, which needs two-step verification, or xoauth2. "
        "Two connections are our caution."
    ),
)

_WORKSPACE = Provider(
    name="workspace",
    host="smtp.gmail.com",
    port=465,
    security="implicit",
    auth="password",
    limits=Limits(connections=2, per_day=2_000),
    sources=(
        _GOOGLES_PORTS,
        Source(
            url="https://support.google.com/a/answer/166852",
            says="2,000 messages per day and user, 500 in a trial, over a rolling 24-hour period",
            read=_READ,
        ),
    ),
    note="Set per_day = 500 while the account is on trial. Two connections are our caution.",
)

_OUTLOOK = Provider(
    name="outlook",
    host="smtp-mail.outlook.com",
    port=587,
    security="starttls",
    auth="xoauth2",
    limits=Limits(connections=1, per_minute=30, per_day=300),
    sources=(
        Source(
            url="https://support.microsoft.com/office/pop-imap-and-smtp-settings-8361e398-8af4-4e97-b147-6c6c4ac95353",
            says="smtp-mail.outlook.com, 587, STARTTLS, OAuth2/Modern Auth",
            read=_READ,
        ),
        Source(
            url="https://support.microsoft.com/office/sending-limits-in-outlook-com-279ee200-594c-40f0-9ec8-bb6af7735c2e",
            says="subscribers: 5,000 recipients a day, 1,000 of them new; lower for others, by usage history",
            read=_READ,
        ),
        Source(
            url="https://www.msoutlook.info/question/235",
            says="free accounts: 300 messages a day; new ones 10 to 50",
            read=_READ,
        ),
    ),
    note=(
        "Takes access tokens only. Microsoft names no figure for free accounts: 300 a day is from others, "
        "one connection and 30 a minute are our caution."
    ),
)

_EXCHANGE = Provider(
    name="exchange",
    host="smtp.office365.com",
    port=587,
    security="starttls",
    auth="password",
    limits=Limits(connections=3, per_minute=30, per_day=10_000),
    sources=(
        Source(
            url="https://learn.microsoft.com/exchange/troubleshoot/send-emails/smtp-submission-improvements",
            says="3 concurrent connections, 30 messages per minute, 10,000 recipients per day",
            read=_READ,
        ),
        Source(
            url="https://techcommunity.microsoft.com/t5/exchange-team-blog/exchange-online-to-retire-basic-auth-for-client-submission-smtp/ba-p/4114750",
            says="passwords work until the end of 2026, then where switched on again; no last day is set",
            read=None,
        ),
    ),
    note="SMTP AUTH must be switched on for the mailbox; passwords are on their way out: better xoauth2.",
)

_SES = Provider(
    name="ses",
    host=None,
    port=587,
    security="starttls",
    auth="password",
    limits=Limits(connections=4),
    sources=(
        Source(
            url="https://docs.aws.amazon.com/ses/latest/dg/quotas.html",
            says="in the sandbox 200 messages per 24 hours and 1 per second; else what the account was given",
            read=_READ,
        ),
        Source(
            url="https://docs.aws.amazon.com/ses/latest/dg/smtp-connect.html",
            says="email-smtp.<region>.amazonaws.com: 25, 587, 2587 with STARTTLS; 465, 2465 with TLS",
            read=None,
        ),
    ),
    note=(
        "Set per_minute and per_day to the account's quotas (in the sandbox 60 and 200); no rate is assumed. "
        "Four connections are our choice."
    ),
)

_MAILGUN = Provider(
    name="mailgun",
    host="smtp.mailgun.org",
    port=587,
    security="starttls",
    auth="password",
    limits=Limits(connections=4, per_day=100),
    sources=(
        Source(
            url="https://smtptester.org/guides/mailgun-smtp-test/",
            says="smtp.mailgun.org or smtp.eu.mailgun.org, 587 with STARTTLS or 465 with TLS",
            read=_READ,
        ),
        Source(
            url="https://camoa.github.io/dev-guides/drupal/mailgun/pricing-tier-selection/",
            says="free plan: 100 messages a day; paid plans count by month",
            read=_READ,
        ),
        Source(
            url="https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages",
            says="there are rate limits to protect the system (no figure)",
            read=_READ,
        ),
    ),
    note="100 a day is the free plan's: set per_day = 0 on a paid one. host = smtp.eu.mailgun.org in Europe.",
)

_FASTMAIL = Provider(
    name="fastmail",
    host="smtp.fastmail.com",
    port=465,
    security="implicit",
    auth="password",
    limits=Limits(connections=2, per_hour=200, per_day=1_000),
    sources=(
        Source(
            url="https://www.fastmail.com/help/technical/servernamesandports.html",
            says="smtp.fastmail.com, 465, TLS and not STARTTLS, PLAIN, an app password",
            read=_READ,
        ),
        Source(
            url="https://www.fastmail.com/help/account/limits.html",
            says="accounts have limits of fair use (the part with the figures for sending was not found)",
            read=_READ,
        ),
    ),
    note="No figure was found: 200 an hour, 1,000 a day and two connections are our caution.",
)

_POSTFIX = Provider(
    name="postfix",
    host="localhost",
    port=25,
    security="none",
    auth=None,
    limits=Limits(connections=4, per_connection=None),
    sources=(
        Source(
            url="https://www.postfix.org/postconf.5.html",
            says=(
                "smtpd_client_connection_count_limit 50, smtpd_client_message_rate_limit 0 (none), "
                "neither for $mynetworks (defaults of 3.7.11, as postconf -d prints them)"
            ),
            read=_READ,
        ),
    ),
    note="Takes everything at once and sends it on at its own pace, with its own queue.",
)

PROVIDERS: Mapping[str, Provider] = MappingProxyType(
    {
        provider.name: provider
        for provider in (_GMAIL, _WORKSPACE, _OUTLOOK, _EXCHANGE, _SES, _MAILGUN, _FASTMAIL, _POSTFIX)
    }
)
"""By the name that `provider` has in `[smtp]`."""
