"""What a bounce says, and the address it comes back to.

A report about a message is `multipart/report` with a part for programs (RFC 3464; RFC 6533 for addresses in
UTF-8; RFC 5965 for complaints). Exim and qmail also write some for people only, in a form that programs can
rely on. Nothing is guessed: what is not certainly a report is other mail.

Not by `email.parser`: it recurses into parts and holds every line against every open boundary, and its
parameters take quadratic time, which all lets one hostile message take minutes. A report nests twice.
"""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, a2b_qp
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice

from digest.model import Message
from digest.text import clean

MAX_BYTES = 1_000_000
"""What is read of a message: a report comes before the message it is about."""
MAX_LOCAL = 64
"""Octets of a local part (RFC 5321, 4.5.3.1.1)."""
TOKEN_BYTES = 10
MAX_BASE_LOCAL = MAX_LOCAL - len("+") - 2 * TOKEN_BYTES
"""Octets of the local part that a token can be added to."""


class Action(StrEnum):
    """What became of a message, as a report has it (RFC 3464, 2.3.3), or `complaint` (RFC 5965)."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"
    COMPLAINT = "complaint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one report says of one recipient."""

    action: Action
    recipients: tuple[str, ...]
    """The final recipient and the original one, where they are told: addr-specs."""
    status: str = ""
    """RFC 3463: `5.1.1`; empty where nothing said it."""
    code: int | None = None
    """RFC 5321: 550; `None` where nothing said it."""
    diagnostic: str = ""
    """What the last server said, in one line."""
    remote: str = ""
    """Which server that was."""
    message_id: str = ""
    """Of the message that it is about, with angle brackets."""
    addresses: tuple[str, ...] = ()
    """Where the report was sent to, and where its message said that it came from (RFC 5321's MAIL)."""

    @property
    def words(self) -> str:
        """`550 5.1.1 No such user (mx.example.org)`, in one line."""
        said = self.diagnostic or self.status or "no reason given"
        if self.code is not None and str(self.code) not in said:
            said = f"{self.code} {said}"
        if self.status and self.status not in said:
            said = f"{said} ({self.status})"
        return f"{said} [{self.remote}]" if self.remote else said


class Nature(StrEnum):
    """What a message in a box for bounces is."""

    REPORT = "report"
    AUTO_REPLY = "automatic reply"
    OTHER = "other mail"
    BROKEN = "a report that cannot be read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A message from the box: what it is, and what it reports."""

    nature: Nature
    reports: tuple[Report, ...] = ()
    """One for each recipient; none unless it is a report."""


def read_report(data: bytes) -> Reading:
    """What a message says, if it is a report. Never raises; takes time linear in MAX_BYTES at most."""
    letter = _part(data[:MAX_BYTES].replace(b"\r\n", b"\n"))
    if letter.kind == "multipart/report":
        return _read_structured(letter)
    reports = tuple(islice(_exim(letter), MOST_RECIPIENTS)) or tuple(islice(_qmail(letter), MOST_RECIPIENTS))
    if reports:
        return Reading(nature=Nature.REPORT, reports=_addressed(reports, letter))
    return Reading(nature=Nature.AUTO_REPLY if _is_automatic(letter) else Nature.OTHER)


def _is_automatic(letter: "_Part") -> bool:
    """RFC 3834, 5, and what was used before it."""
    said = letter.field("auto-submitted").lower()
    older = letter.field("precedence").lower() == "auto_reply" or "x-autoreply" in letter.fields
    return older or (said != "" and not said.startswith("no"))


# ---------------------------------------------------------------- where bounces come back (VERP)

_TOKEN = re.compile(rf"(.+\+)([0-9a-f]{{{2 * TOKEN_BYTES}}})(@.+)", re.IGNORECASE | re.DOTALL)


def return_path_of(base: str, token: str) -> str:
    """`bounces+<token>@example.org`: what is said of a message that came from there can only be about it.

    Raises `ValueError` if the local part has no room for a token, or this is no token.
    """
    local, at, domain = base.rpartition("@")
    address = f"{local}+{token}{at}{domain}"
    if not local or len(local.encode()) > MAX_BASE_LOCAL or not _TOKEN.fullmatch(address):
        raise ValueError(f"no return path: {address!r}")
    return address


def with_return_path(message: Message, base: str, token: Callable[[], str] | None) -> Message:
    """The message with an envelope sender that takes its bounces.

    With `token`, it is one that nobody can guess (`secrets.token_hex(TOKEN_BYTES)`), so that nobody can forge
    a bounce of somebody else's message; without it, the same for all.
    """
    sender = return_path_of(base, token()) if token else base
    return replace(message, envelope=replace(message.envelope, sender=sender))


def has_token(address: str) -> bool:
    """Whether an address is a return path of one message only."""
    return _TOKEN.fullmatch(address) is not None


def return_paths(report: Report) -> tuple[str, ...]:
    """The return paths of one message that a report names, the token as it was given out (lower case)."""
    found = (_TOKEN.fullmatch(address) for address in report.addresses)
    return tuple(dict.fromkeys(f"{m[1]}{m[2].lower()}{m[3]}" for m in found if m))


# ---------------------------------------------------------------- reports for programs

MOST_RECIPIENTS = 50
"""Of a report that are read: a message of ours has one."""
_STATUS_PARTS = ("message/delivery-status", "message/global-delivery-status")
_ORIGINAL_PARTS = (
    "message/rfc822",
    "message/global",
    "text/rfc822-headers",
    "message/rfc822-headers",
    "message/global-headers",
)
# RFC 5965, 7.3, and `opt-out` of before it; `not-spam`, `auth-failure` and others are no complaints.
_COMPLAINTS = ("abuse", "opt-out")
_RETURNED_TO = ("to", "delivered-to", "x-original-to", "envelope-to", "x-envelope-to")
_GROUP_END = re.compile(rb"\n(?:[ \t]*\n)+")
_ADDRESS = re.compile(
    r"[^\s\x00-\x1f\x7f-\x9f<>\"(),:;\\@]{1,128}@[^\s\x00-\x1f\x7f-\x9f<>\"(),:;\\@]{1,255}"
)
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,900}>")
_CODE = re.compile(r"(?<![\w.])[45][0-5]\d(?![\w.])")
_STATUS = re.compile(r"(?<![\w.])[245]\.\d{1,3}\.\d{1,3}(?!\.?\w)")
_UTF8_ESCAPE = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")


def _read_structured(letter: "_Part") -> Reading:
    """RFC 6522: a part for people, one for programs, and the message or its head."""
    parts = tuple(letter.parts())
    for part in parts:
        if part.kind in _STATUS_PARTS:
            reports = tuple(_of_groups(part.content))
        elif part.kind == "message/feedback-report":
            fields = _fields(part.content)
            if _first(fields, "feedback-type").lower() not in _COMPLAINTS:
                return Reading(nature=Nature.OTHER)
            reports = tuple(_complaint(fields))
        elif part.kind == "message/disposition-notification":
            return Reading(nature=Nature.AUTO_REPLY)  # RFC 8098: it was read, or thrown away unread
        else:
            continue
        if not reports:
            break
        return Reading(nature=Nature.REPORT, reports=_addressed(reports, letter, _original(parts)))
    return Reading(nature=Nature.BROKEN)


def _of_groups(content: bytes) -> Iterator[Report]:
    """RFC 3464, 2.1: fields about the message, then a group for each recipient, apart by empty lines."""
    for group in _GROUP_END.split(content.strip(b"\n"), maxsplit=MOST_RECIPIENTS + 1)[: MOST_RECIPIENTS + 1]:
        if report := _of_recipient(_fields(group)):
            yield report


def _of_recipient(fields: "_Fields") -> Report | None:
    """What a group says; `None` if it is about no recipient, or does not say what became of it."""
    typed = [_first(fields, name) for name in ("final-recipient", "original-recipient")]
    recipients = tuple(filter(None, (_typed_address(one) for one in typed)))
    action = re.split(r"[\s(;]", _first(fields, "action").lower(), maxsplit=1)[0]
    if not recipients or action not in tuple(Action) or action == Action.COMPLAINT:
        return None
    kind, _, words = _first(fields, "diagnostic-code").partition(";")
    diagnostic = words.strip() if words and " " not in kind.strip() else f"{kind};{words}".strip(" ;")
    return Report(
        action=Action(action),
        recipients=tuple(dict.fromkeys(recipients)),
        status=_status(_first(fields, "status"), diagnostic),
        code=_code(diagnostic) if kind.strip().lower() in ("smtp", "lmtp") else None,
        diagnostic=clean(diagnostic, MAX_DIAGNOSTIC),
        remote=_host(_first(fields, "remote-mta")),
    )


def _complaint(fields: "_Fields") -> Iterator[Report]:
    """RFC 5965: the recipient says that it is spam."""
    named = [*fields.get("original-rcpt-to", ()), *fields.get("removal-recipient", ())]
    recipients = dict.fromkeys(address for one in named for address in _addresses(one))
    if recipients:
        yield Report(
            action=Action.COMPLAINT,
            recipients=tuple(islice(recipients, 5)),
            diagnostic=_first(fields, "feedback-type").lower(),
            remote=_host(_first(fields, "reporting-mta")),
            addresses=_addresses(_first(fields, "original-mail-from")),
        )


def _original(parts: "tuple[_Part, ...]") -> "_Fields":
    """The head of the message that a report is about."""
    return next((_fields(_head(part.content)[0]) for part in parts if part.kind in _ORIGINAL_PARTS), {})


def _addressed(
    reports: tuple[Report, ...], letter: "_Part", original: "_Fields | None" = None
) -> tuple[Report, ...]:
    """The reports with what stands outside of them: where they were sent, and about which message."""
    sent_to = [one for name in _RETURNED_TO for one in letter.fields.get(name, ())]
    came_from = (original or {}).get("return-path", ())
    found = tuple(address for one in (*sent_to, *came_from) for address in _addresses(one))
    about = _message_id(_first(original or {}, "message-id"))
    return tuple(
        replace(
            one,
            message_id=one.message_id or about,
            addresses=tuple(islice(dict.fromkeys((*found, *one.addresses)), MOST_ADDRESSES)),
        )
        for one in reports
    )


MAX_DIAGNOSTIC = 400
MOST_ADDRESSES = 20


def _typed_address(value: str) -> str:
    """`rfc822; ada@example.org` (RFC 3464, 2.3.1), `utf-8; \\x{E4}da@example.org` (RFC 6533, 3)."""
    kind, semicolon, address = value.rpartition(";")
    if semicolon and kind.strip().lower() not in ("rfc822", "utf-8"):
        return ""
    # Cleaned once more: an escape may stand for a control, too.
    return next(iter(_addresses(clean(_UTF8_ESCAPE.sub(_unescaped, address), MAX_FIELD))), "")


def _host(value: str) -> str:
    """`dns; mx.example.org. (192.0.2.25)`: the name alone."""
    words = re.split(r"[\s(]+", value.partition(";")[2].strip(), maxsplit=1)
    return clean(words[0].rstrip("."), 100)


def _unescaped(escape: re.Match[str]) -> str:
    number = int(escape[1], 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else escape[0]


def _addresses(text: str) -> tuple[str, ...]:
    return tuple(found[0].rstrip(".") for found in islice(_ADDRESS.finditer(text), MOST_ADDRESSES))


def _message_id(text: str) -> str:
    found = _MESSAGE_ID.search(text)
    return found[0] if found else ""


def _status(field: str, diagnostic: str) -> str:
    """The status; where it only says "failed" (5.0.0, RFC 3463, 3.1), what the last server's words have."""
    said = _STATUS.search(field)
    in_words = _STATUS.search(diagnostic)
    if said and not (said[0].endswith(".0.0") and in_words):
        return said[0]
    return in_words[0] if in_words else ""


def _code(words: str) -> int | None:
    found = _CODE.search(words)
    return int(found[0]) if found else None


# ---------------------------------------------------------------- reports for people, in a fixed form

_QMAIL_BEGINS = b"Hi. This is the "
_QMAIL_RECIPIENT = re.compile(r"<([^<>\s]{3,400})>:\n(.*)", re.DOTALL)
_EXIM_COPY = re.compile(rb"^-{6,80} This is a copy of .{0,200}$", re.MULTILINE)


def _exim(letter: "_Part") -> Iterator[Report]:
    """Exim names the failed ones in a header of its own, and never in a warning of delay."""
    failed = letter.field("x-failed-recipients")
    if not failed or not _is_by_daemon(letter):
        return
    report, *copy = _EXIM_COPY.split(letter.content, maxsplit=1)
    about = _fields(_head(copy[0].lstrip(b"\n"))[0]) if copy else {}
    for address in dict.fromkeys(_addresses(failed)):
        yield _in_words(address, _text(report).partition(address)[2], about)


def _qmail(letter: "_Part") -> Iterator[Report]:
    """QSBMF (cr.yp.to/proto/qsbmf.txt): paragraphs, the first a greeting, then recipients, then a break."""
    content = letter.content
    if not content.startswith(_QMAIL_BEGINS) or not _is_by_daemon(letter):
        return
    paragraphs = _GROUP_END.split(content, maxsplit=MOST_RECIPIENTS + 2)
    end = next((number for number, one in enumerate(paragraphs) if one.startswith(b"-")), 0)
    about = _fields(paragraphs[end + 1]) if end + 1 < len(paragraphs) else {}
    for paragraph in paragraphs[1:end]:
        if failed := _QMAIL_RECIPIENT.match(_text(paragraph)):
            yield _in_words(clean(failed[1], MAX_FIELD), failed[2], about)


def _is_by_daemon(letter: "_Part") -> bool:
    return "mailer-daemon" in letter.field("from").lower()


def _in_words(recipient: str, said: str, about: "_Fields") -> Report:
    """A failure from the words about one recipient."""
    paragraph = clean(said.lstrip(" >:\n").partition("\n\n")[0], MAX_DIAGNOSTIC)
    return Report(
        action=Action.FAILED,
        recipients=(recipient,),
        status=_status("", paragraph.replace("#", " ")),
        code=_code(paragraph),
        diagnostic=paragraph,
        message_id=_message_id(_first(about, "message-id")),
        addresses=_addresses(_first(about, "return-path")),
    )


# ---------------------------------------------------------------- MIME, as much as a report needs

_Fields = Mapping[str, tuple[str, ...]]
MAX_HEAD = 100_000
MOST_FIELDS = 1_000
MAX_FIELD = 4_000
MOST_PARTS = 20
_FOLD = re.compile(r"\n[ \t]+")
_NAME = re.compile(r"[!-9;-~]{1,100}")
_PARAMETER = re.compile(r';\s*([\w-]{1,40})\s*=\s*(?:"([^"]{0,200})"|([^\s;"]{1,200}))')


@dataclass(frozen=True, slots=True)
class _Part:
    """A message or a part of one: its header fields, and its body as it was transferred."""

    fields: _Fields
    body: bytes

    def field(self, name: str) -> str:
        """The first field of this name; empty if there is none."""
        return _first(self.fields, name)

    @property
    def kind(self) -> str:
        """Its media type in lower case, without parameters."""
        return self.field("content-type").partition(";")[0].strip().lower()

    @property
    def content(self) -> bytes:
        """The body with its transfer encoding undone; as it is where that cannot be."""
        match self.field("content-transfer-encoding").lower():
            case "base64":
                try:
                    return a2b_base64(self.body).replace(b"\r\n", b"\n")
                except Base64Error:
                    return self.body
            case "quoted-printable":
                return a2b_qp(self.body).replace(b"\r\n", b"\n")
        return self.body

    def parts(self) -> "Iterator[_Part]":
        """The parts of a multipart, in order, not those within them (RFC 2046, 5.1)."""
        boundary = self._boundary()
        if not boundary:
            return
        line = re.compile(rb"^--" + re.escape(boundary.encode()) + rb"(--)?[ \t]*$", re.MULTILINE)
        begun = None
        for found in islice(line.finditer(self.body), MOST_PARTS + 1):
            if begun is not None:
                yield _part(self.body[begun : found.start()])
            begun = None if found[1] else found.end() + 1
            if found[1]:
                return
        if begun is not None:
            yield _part(self.body[begun:])  # cut off: what there is of it

    def _boundary(self) -> str:
        parameters = islice(_PARAMETER.finditer(self.field("content-type")), 20)
        return next((p[2] or p[3] for p in parameters if p[1].lower() == "boundary"), "")


def _part(data: bytes) -> _Part:
    head, body = _head(data)
    return _Part(_fields(head), body)


def _head(data: bytes) -> tuple[bytes, bytes]:
    """Header and body, apart by the first empty line; the header at most MAX_HEAD long."""
    if data.startswith(b"\n"):
        return b"", data[1:]
    head, _, body = data.partition(b"\n\n")
    return head[:MAX_HEAD], body


def _fields(head: bytes) -> _Fields:
    """Header fields by their name in lower case, unfolded, without controls."""
    found: dict[str, list[str]] = {}
    for line in _FOLD.sub(" ", _text(head[:MAX_HEAD])).split("\n", MOST_FIELDS)[:MOST_FIELDS]:
        name, colon, value = line.partition(":")
        if colon and _NAME.fullmatch(name.rstrip()):
            found.setdefault(name.rstrip().lower(), []).append(clean(value, MAX_FIELD))
    return {name: tuple(values) for name, values in found.items()}


def _first(fields: _Fields, name: str) -> str:
    return next(iter(fields.get(name, ())), "")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
