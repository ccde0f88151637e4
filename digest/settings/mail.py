"""The tables of `config.toml` that say how mail leaves, how fast, and what is done about what comes back."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StrictInt, model_validator

from digest.model import Sender
from digest.settings.values import Address, Host, HttpsAddress, Line, ListId, Plain, Table

ProviderName = Literal["gmail", "workspace", "outlook", "exchange", "ses", "mailgun", "fastmail", "postfix"]
HOSTS_TO_NAME = {"ses": "email-smtp.REGION.amazonaws.com, such as email-smtp.eu-west-1.amazonaws.com"}
"""Providers whose host only their customer knows, and what it looks like."""

Argv = Annotated[tuple[Plain, ...], Field(min_length=1, max_length=100)]
Most = Annotated[StrictInt, Field(ge=0, le=100_000_000)]
"""A limit; 0 is none."""
Patience = Annotated[float, Field(gt=0, le=600)]
OVERDUE_MINUTES = 30
"""So late, an edition is the operator's matter: longer than a relay's pause, shorter than most patience."""


class MailTable(Table):
    """`[mail]`: who sends, and which way it leaves."""

    from_address: Address
    from_name: Line = "Digest"
    transport: Literal["smtp", "maildir", "folder"] = "maildir"
    list_id: ListId | None = None
    unsubscribe_email: Address | None = None
    unsubscribe_url: HttpsAddress = ""
    contact: Line = ""

    def sender(self) -> Sender:
        """The same as a value."""
        domain = self.from_address.rpartition("@")[2]
        return Sender(
            address=self.from_address,
            name=self.from_name,
            list_id=self.list_id or f"digest.{domain}",
            unsubscribe_email=self.unsubscribe_email or self.from_address,
            unsubscribe_url=self.unsubscribe_url,
            contact=self.contact,
        )


class PathTable(Table):
    """`[maildir]` and `[folder]`: where the mail is put."""

    path: Path


class SecretTable(Table):
    """What every login has: a name, and where its secret comes from. The secret never stands in the file."""

    username: Plain | None = None
    password_file: Path | None = None
    password_command: Argv | None = None

    @model_validator(mode="after")
    def _has_one_secret(self) -> Self:
        if self.password_file and self.password_command:
            raise ValueError("password_file and password_command are two ways to one secret; leave one out")
        if self.username is None and (self.password_file or self.password_command):
            raise ValueError("a password without username; name the account it belongs to")
        return self


class SmtpTable(SecretTable):
    """`[smtp]`, or one of several `[[smtp]]`: a server that takes the mail.

    `None` leaves a key to the provider's preset, and without one to the default.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] | None = None
    provider: ProviderName | None = None
    host: Host | None = None
    port: Annotated[StrictInt, Field(ge=1, le=65535)] | None = None
    security: Literal["implicit", "starttls", "none"] | None = None
    auth: Literal["password", "xoauth2"] | None = None
    timeout_s: Patience = 60
    allow_plaintext: StrictBool = False
    ca_file: Path | None = None
    connections: Annotated[StrictInt, Field(ge=1, le=100)] | None = None
    per_connection: Most | None = None
    per_minute: Most | None = None
    per_hour: Most | None = None
    per_day: Most | None = None

    @property
    def label(self) -> str:
        """The relay's name in records, reports and the name of its password's variable."""
        return self.name or self.host or self.provider or ""

    @model_validator(mode="after")
    def _has_its_host(self) -> Self:
        if self.host is None and self.provider in HOSTS_TO_NAME:
            raise ValueError(f"{self.provider} needs host: {HOSTS_TO_NAME[self.provider]}")
        if self.host is None and self.provider is None:
            raise ValueError("host is needed and missing; or name a provider whose host is known")
        if self.auth == "xoauth2" and self.username is None:
            raise ValueError('auth = "xoauth2" needs username, the address of the mailbox')
        return self


def variable_part(name: str) -> str:
    """A relay's name as environment variables can hold it: `relay-2` as `RELAY_2`."""
    return re.sub(r"[^A-Z0-9]", "_", name.upper())


def _several(value: object) -> object:
    """`[smtp]` is the only one of `[[smtp]]`."""
    return (value,) if isinstance(value, dict) else value


def _named_apart(relays: tuple[SmtpTable, ...]) -> tuple[SmtpTable, ...]:
    """Also for the environment: else one relay's password would be told to the other."""
    names = [variable_part(relay.label) for relay in relays]
    for place, name in enumerate(names):
        if (first := names.index(name)) < place:
            labels = " and ".join(dict.fromkeys((relays[first].label, relays[place].label)))
            raise ValueError(
                f"relays {first + 1} and {place + 1} have one name ({labels}); give each a `name` of its own"
            )
    return relays


Relays = Annotated[
    tuple[SmtpTable, ...],
    Field(min_length=1, max_length=20),
    BeforeValidator(_several),
    AfterValidator(_named_apart),
]


class DeliveryTable(Table):
    """`[delivery]`: what is done about messages that did not get through."""

    resend_unknown: Literal["never", "once"] = "never"
    suppress_after: Annotated[StrictInt, Field(ge=0, le=1_000)] = 3
    patience_s: Annotated[float, Field(ge=0, le=86_400)] = 120


class DkimTable(Table):
    """`[dkim]`: sign what goes out, for servers that do not do it themselves."""

    domain: Host
    selector: Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9-]+)*$")]
    key_file: Path


class AlarmTable(Table):
    """`[alarm]`: how the operator hears that nothing goes out any more."""

    command: Argv | None = None
    email: Address | None = None
    timeout_s: Patience = 30
    overdue_minutes: Annotated[StrictInt, Field(ge=1, le=10_080)] = OVERDUE_MINUTES

    @model_validator(mode="after")
    def _tells_somebody(self) -> Self:
        if not (self.command or self.email):
            raise ValueError("names neither command nor email, so an alarm would reach nobody")
        return self


class ImapTable(SecretTable):
    """`[bounces.imap]`: the box that bounces come back to."""

    host: Host
    port: Annotated[StrictInt, Field(ge=1, le=65535)] | None = None
    security: Literal["implicit", "starttls", "none"] = "implicit"
    username: Plain
    auth: Literal["password", "xoauth2"] = "password"
    folder: Plain = "INBOX"
    timeout_s: Patience = 60
    ca_file: Path | None = None


LONGEST_RETURN_PATH = 43
"""Characters of the local part that `+` and a token of 20 can be added to; a test compares it with theirs."""


class BouncesTable(Table):
    """`[bounces]`: where bounces come back to, and where they are read."""

    return_path: Address | None = None
    verp: StrictBool = False
    maildir: Path | None = None
    imap: ImapTable | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.verp and self.return_path is None:
            raise ValueError("verp = true needs return_path, such as bounces@example.org")
        if self.verp and len((self.return_path or "").rpartition("@")[0]) > LONGEST_RETURN_PATH:
            raise ValueError(
                f"return_path has more than {LONGEST_RETURN_PATH} characters before its @, "
                "which leaves verp no room for its token (RFC 5321: 64)"
            )
        if self.maildir and self.imap:
            raise ValueError("bounces are read either from maildir or from imap; leave one out")
        return self


# ---------------------------------------------------------------- where the store is


def _store(value: object) -> object:
    """A path, or the address of a PostgreSQL database, which is kept as text."""
    if isinstance(value, Path):
        return value
    if not isinstance(value, str):
        raise ValueError("is not text: give a file, or postgresql://USER@HOST/DATABASE")
    if "://" not in value:
        return Path(value)
    try:
        parts = urlsplit(value)
        secret = parts.password is not None or _SECRETS & parse_qs(parts.query, keep_blank_values=True).keys()
        _ = parts.port
    except ValueError:
        raise ValueError("is no address of a database; write postgresql://USER@HOST/DATABASE") from None
    if parts.scheme not in ("postgresql", "postgres"):
        raise ValueError(
            f"{parts.scheme}:// is no kind of store; give a file, or postgresql://USER@HOST/DATABASE"
        )
    if secret:
        raise ValueError(
            "holds a password; put that into PGPASSWORD or ~/.pgpass (chmod 600), and leave it out here"
        )
    if not parts.path.strip("/") or _has_controls(unquote(value)):
        raise ValueError("names no database; write postgresql://USER@HOST/DATABASE")
    return re.sub(r"^postgres:", "postgresql:", value)


def _has_controls(text: str) -> bool:
    return not text.isprintable()


_SECRETS = frozenset(("password", "sslpassword"))
StorePlace = Annotated[Path | str, BeforeValidator(_store)]
