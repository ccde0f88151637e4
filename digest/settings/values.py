"""What a value in a TOML file must be."""

import difflib
import re
from datetime import date, datetime, time
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from digest.links import paper_id, safe_link
from digest.text import MAX_NAME, clean, words

LONGEST_HEADER_LINK = 800
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def check_address(text: str) -> str:
    """An addr-spec whose domain is in ASCII; non-ASCII local parts are refused (no SMTPUTF8, RFC 6531).

    Raises ValueError for what is none.
    """
    import email_validator

    # A household or lab mails to ada@localhost or ada@server.local; the library documents emptying this list.
    email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()
    try:
        checked = email_validator.validate_email(
            text,
            check_deliverability=False,
            allow_smtputf8=False,
            globally_deliverable=False,
        )
    except email_validator.EmailNotValidError as problem:
        raise ValueError(str(problem)) from None
    return str(checked.ascii_email)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = difflib.get_close_matches(name, available_timezones(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else "use an IANA name such as Europe/Berlin"
        raise ValueError(f"there is no time zone {name!r}; {hint}") from None
    return name


def _language(tag: str) -> str:
    if tag == "en":
        return tag  # the usual case, without loading Babel
    from digest.language import UnknownLanguageError, known_languages, language

    try:
        return language(tag).tag
    except UnknownLanguageError:
        raise ValueError(
            f"editions cannot be written in {tag!r}; there are {', '.join(known_languages())}, "
            "and their regional forms, such as de-AT"
        ) from None


def _clock(value: object) -> time:
    if isinstance(value, time):
        return value.replace(second=0, microsecond=0)
    if isinstance(value, str) and re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d", value):
        hour, minute = value.split(":")
        return time(int(hour), int(minute))
    raise ValueError(f'{value!r} is not a time of day; write it as "07:30"')


def _pause_day(value: object) -> date:
    """Of this century or the next: no zone takes such a day out of range."""
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ValueError(f"{value!r} is not a date; write it as 2026-04-01, without quotes or an hour")
    if not 2000 <= value.year < 2200:
        raise ValueError(f"{value} is not between 2000 and 2199; for a pause without an end leave until out")
    return value


def _weekday(name: object) -> int:
    if isinstance(name, str) and name.lower()[:3] in WEEKDAYS:
        return WEEKDAYS.index(name.lower()[:3])
    raise ValueError(f"{name!r} is not a weekday; use {', '.join(WEEKDAYS)}")


def _phrase(text: str) -> str:
    phrase = clean(text, MAX_NAME)
    if not words(phrase):
        raise ValueError(f"{text!r} has no letter or digit to look for")
    return phrase


def _paper(text: str) -> str:
    identifier = paper_id(text)
    if not identifier:
        raise ValueError(f"{text!r} is neither an arXiv id nor a DOI, nor an address of one")
    return identifier


def _web_address(text: str) -> str:
    if text and not safe_link(text):
        raise ValueError(f"{text!r} is not an http(s) address")
    return text.rstrip("/")


def _https_address(text: str) -> str:
    if not text:
        return text
    if not (safe_link(text) and text.startswith("https://") and text.isascii()):
        raise ValueError(
            f"{text!r} is not an ASCII https address, as one-click unsubscribing needs (RFC 8058)"
        )
    if len(text) > LONGEST_HEADER_LINK:
        raise ValueError(f"longer than {LONGEST_HEADER_LINK} characters, which no header line holds")
    return text


def _service_address(text: str) -> str:
    address = _web_address(text)
    parts = urlsplit(address)
    if not address or parts.query or parts.fragment:
        raise ValueError(
            f"{text!r} is not the address where an API begins, such as http://localhost:11434/v1"
        )
    if parts.username or parts.password:
        raise ValueError("holds a name or password; a key comes from the environment only")
    return address


def _one_line(text: str) -> str:
    return clean(text, MAX_NAME)


def _plain(text: str) -> str:
    """As it is: an account's name or an argument must not be tidied. XOAUTH2 parts its fields by controls."""
    if not text or len(text) > LONGEST_PLAIN or not text.isprintable():
        raise ValueError(f"{text[:80]!r} is empty, too long, or holds a character that cannot be printed")
    return text


def _host(text: str) -> str:
    """A name in ASCII, or an IP address."""
    import idna

    try:
        return str(ip_address(text.strip("[]")))
    except ValueError:
        pass
    try:
        name = idna.encode(text, uts46=True).decode("ascii")
    except idna.IDNAError:
        name = text.lower()
    if len(name) > LONGEST_HOST or not _HOST.fullmatch(name):
        raise ValueError(f"{text[:80]!r} is no name of a machine, such as smtp.example.org")
    return name


_HOST = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
LONGEST_HOST = 253
LONGEST_PLAIN = 1_000

Address = Annotated[str, AfterValidator(check_address)]
Zone = Annotated[str, AfterValidator(_zone)]
LanguageTag = Annotated[str, AfterValidator(_language)]
Clock = Annotated[time, BeforeValidator(_clock)]
PauseDay = Annotated[date, BeforeValidator(_pause_day)]
Weekday = Annotated[int, BeforeValidator(_weekday)]
Phrase = Annotated[str, AfterValidator(_phrase)]
PaperId = Annotated[str, AfterValidator(_paper)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
HttpsAddress = Annotated[str, AfterValidator(_https_address)]
ServiceAddress = Annotated[str, AfterValidator(_service_address)]
Host = Annotated[str, AfterValidator(_host)]
Plain = Annotated[str, AfterValidator(_plain)]
Line = Annotated[str, AfterValidator(_one_line)]
ModelName = Annotated[str, AfterValidator(_one_line), Field(min_length=1)]
ListId = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$")]


class Table(BaseModel):
    """A TOML table: unknown keys are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceTable(Table):
    """A `[[sources]]` table; each kind of source adds its own keys."""

    kind: str
    name: Line = ""
    """What readers and the operator call it; after its kind if not given."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """The web addresses that it names."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return tuple(value for value in values if isinstance(value, str) and safe_link(value))
