"""Puts a rendered edition into an RFC 5322 message: the same edition gives the same bytes, every time.

Headers are built here rather than by `email.message.EmailMessage`. Its folding rewrites a long
List-Unsubscribe into encoded-words (cpython#85725), which silences one-click unsubscribing, joins
encoded-words without the white space RFC 2047 asks for (cpython#144156), and its boundary is random.
What the standard library does right it does here too: dates, quoted names, quoted-printable.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import date, datetime
from email.utils import format_datetime, formataddr
from functools import cache, lru_cache
from hashlib import sha256
from textwrap import wrap
from urllib.parse import quote

from digest.language import language
from digest.links import safe_link
from digest.model import Edition, Envelope, Message, Sender

CRLF = "\r\n"
LINE = 76
"""Characters in a line that holds encoded-words (RFC 2047, 2); other headers keep to it where they can."""
MAX_LINE = 998
"""Characters in any line (RFC 5322, 2.1.1)."""


def compose(rendered_subject: str, text: bytes, html: bytes, *, edition: Edition, sender: Sender) -> Message:
    """The mail that carries an edition to its reader, as text and as HTML, both quoted-printable already.

    Raises `ValueError` where a value could not have come through the configuration: control characters
    in a header, an address that is not ASCII, an edition without a time zone.
    """
    identity = message_id(edition.profile.name, edition.day, sender)
    boundary = _boundary(identity)
    headers = (
        _from(sender),
        _mailbox("To", edition.profile.display_name, edition.profile.email),
        _unstructured("Subject", rendered_subject),
        _one_line("Date", _date(edition.at)),
        _one_line("Message-ID", identity),
        "MIME-Version: 1.0",
        *_list_headers(sender),
        _one_line("Feedback-ID", f"{edition.day.isoformat()}::edition:digest"),
        "Auto-Submitted: auto-generated",
        "Precedence: bulk",
        # "All" would suppress reports of failed delivery, too ([MS-OXCMAIL] 2.1.3.2.20): those are wanted.
        "X-Auto-Response-Suppress: DR, RN, NRN, OOF, AutoReply",
        _one_line("Content-Language", language(edition.profile.language).tag),
        f'Content-Type: multipart/alternative;{CRLF} boundary="{boundary}"',
    )
    return Message(
        envelope=Envelope(sender=sender.address, recipient=edition.profile.email),
        message_id=identity,
        subject=rendered_subject,
        data=b"".join((_header_block(headers), *_alternatives(text, html, boundary))),
    )


def message_id(profile_name: str, day: date, sender: Sender) -> str:
    """The Message-ID of a reader's edition of one day, with its angle brackets; the same at every attempt.

    Raises `ValueError` if the sender's address is not an ASCII addr-spec.
    """
    domain = _addr_spec(sender.address).rpartition("@")[2]
    digest = sha256(f"{profile_name}\n{day.isoformat()}".encode()).hexdigest()
    return f"<{digest[:32]}@{domain}>"


def _boundary(identity: str) -> str:
    """A line no part can hold: `=_` never occurs in quoted-printable (RFC 2045, 6.7)."""
    return "=_" + sha256(identity.encode()).hexdigest()[:32]


def _date(at: datetime) -> str:
    if at.utcoffset() is None:
        raise ValueError(f"an edition's moment needs a time zone: {at!r}")
    return format_datetime(at)


@lru_cache(maxsize=16)
def _from(sender: Sender) -> str:
    return _mailbox("From", sender.name, sender.address)


@lru_cache(maxsize=16)
def _list_headers(sender: Sender) -> tuple[str, ...]:
    return tuple(_headers_of_list(sender))


def _headers_of_list(sender: Sender) -> Iterator[str]:
    """RFC 2919, 2369 and 8058: which list this is, and how to leave it."""
    leave_by_mail = _addr_spec(sender.unsubscribe_email or sender.address)
    ways_out = [f"<mailto:{quote(leave_by_mail, safe='@!$*+')}?subject=unsubscribe>"]
    if sender.unsubscribe_url:
        ways_out.insert(0, f"<{_https(sender.unsubscribe_url)}>")
    yield _one_line("List-Id", f"Digest <{_list_id(sender.list_id)}>")
    yield _one_line("List-Unsubscribe", ", ".join(ways_out))
    if sender.unsubscribe_url:
        yield _one_line("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")


def _https(url: str) -> str:
    if safe_link(url) is None or not url.startswith("https://"):
        raise ValueError(f"not an https address: {url!r}")
    return url


def _list_id(list_id: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", list_id):
        raise ValueError(f"not a list identifier (RFC 2919): {list_id!r}")
    return list_id


# ---------------------------------------------------------------- headers

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ADDR_SPEC = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]{1,253}")
_WORDS = re.compile(r"(?:[!-~]+(?: [!-~]+)*)?")


def _header_block(headers: tuple[str, ...]) -> bytes:
    block = CRLF.join(headers)
    longest = max(block.split(CRLF), key=len)
    if len(longest) > MAX_LINE:
        raise ValueError(f"a header line of {len(longest)} characters: {longest[:60]}...")
    return f"{block}{CRLF}{CRLF}".encode("ascii")


def _one_line(name: str, value: str) -> str:
    """A header whose receivers read it by its characters: never folded, never encoded."""
    if not re.fullmatch("[ -~]+", value):
        raise ValueError(f"{name} can hold printable ASCII only: {value!r}")
    return f"{name}: {value}"


def _unstructured(name: str, value: str) -> str:
    """A header people read: as it is where it fits in ASCII lines, else in encoded-words."""
    if _is_plain(_without_controls(name, value)):
        lines = wrap(
            f"{name}: {value}", LINE, subsequent_indent=" ", break_long_words=False, break_on_hyphens=False
        )
        if all(len(line) <= LINE for line in lines):
            return CRLF.join(lines)
    return f"{name}: " + f"{CRLF} ".join(encoded_words(value, column=len(name) + 2))


def _mailbox(name: str, display_name: str, address: str) -> str:
    """One address with the name people see; the address itself is never encoded."""
    _without_controls(name, display_name)
    plain = f"{name}: {formataddr((display_name, _addr_spec(address)))}" if display_name.isascii() else ""
    if plain and (not display_name or (len(plain) <= LINE and "=?" not in display_name)):
        return plain
    words = encoded_words(display_name, column=len(name) + 2)
    return f"{name}: " + f"{CRLF} ".join((*words, f"<{_addr_spec(address)}>"))


def _without_controls(name: str, value: str) -> str:
    """The value, unless it could end its line and start another header."""
    if _CONTROL.search(value):
        raise ValueError(f"a control character in {name}: {value[:200]!r}")
    return value


def _addr_spec(address: str) -> str:
    if not _ADDR_SPEC.fullmatch(address):
        raise ValueError(f"not an ASCII address (local@domain): {address!r}")
    return address


def _is_plain(value: str) -> bool:
    """Whether a value survives as it is: ASCII words between single spaces, none read as an encoded-word."""
    return _WORDS.fullmatch(value) is not None and "=?" not in value


# ---------------------------------------------------------------- encoded-words (RFC 2047)

_WORD_ROOM = 75 - len("=?utf-8?q??=")
_LONGEST_CHARACTER = len("=F0=9F=A6=9C")
# The only characters allowed bare in every place an encoded-word may stand (RFC 2047, 5 (3)).
_BARE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")


def encoded_words(text: str, *, column: int) -> tuple[str, ...]:
    """A text as encoded-words of whole characters, to be joined by CRLF and a space.

    `column` is where on its line the first one starts: it is shorter by so much. The encoding is the
    one that needs less room: Q for Latin scripts, B for others.
    """
    first_room = min(max(_WORD_ROOM + 1 - column, _LONGEST_CHARACTER), _WORD_ROOM)
    if len(_q(text)) <= len(_b(text)):
        chunks = _chunks(text, lambda char: len(_q_character(char)), first_room, _WORD_ROOM)
        return tuple(f"=?utf-8?q?{_q(chunk)}?=" for chunk in chunks)
    chunks = _chunks(text, lambda char: len(char.encode()), first_room // 4 * 3, _WORD_ROOM // 4 * 3)
    return tuple(f"=?utf-8?b?{_b(chunk)}?=" for chunk in chunks)


def _q(text: str) -> str:
    return "".join(map(_q_character, text))


@lru_cache(maxsize=1_024)
def _q_character(char: str) -> str:
    if char in _BARE:
        return char
    return "_" if char == " " else "".join(f"={byte:02X}" for byte in char.encode())


def _b(text: str) -> str:
    return b64encode(text.encode()).decode("ascii")


def _chunks(text: str, weight: Callable[[str], int], first_room: int, room: int) -> Iterator[str]:
    """The text in pieces, each as heavy as its room allows."""
    start, carried, allowed = 0, 0, first_room
    for position, char in enumerate(text):
        weighs = weight(char)
        if carried + weighs > allowed:
            yield text[start:position]
            start, carried, allowed = position, 0, room
        carried += weighs
    yield text[start:]


# ---------------------------------------------------------------- body


def _alternatives(text: bytes, html: bytes, boundary: str) -> tuple[bytes, ...]:
    """Text first, HTML last: a mail program shows the last part it can show (RFC 2046, 5.1.4)."""
    delimiter = f"--{boundary}".encode("ascii")
    # The line end before a delimiter is the delimiter's, not the part's (RFC 2046, 5.1.1).
    return (
        *(delimiter, b"\r\n", _part_headers("plain"), text, b"\r\n"),
        *(delimiter, b"\r\n", _part_headers("html"), html, b"\r\n"),
        *(delimiter, b"--\r\n"),
    )


@cache
def _part_headers(subtype: str) -> bytes:
    headers = (
        f"Content-Type: text/{subtype}; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
    )
    return _header_block(headers)
