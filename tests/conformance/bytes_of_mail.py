"""What every message must keep to, read off its bytes: nothing here knows how they were made."""

import re
from collections.abc import Iterator, Sequence
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from unicodedata import category

from bs4 import BeautifulSoup

from digest.model import Edition
from digest.tex.prose import readable
from digest.text import MAX_TITLE, clean
from tests.conformance.mails import parsed, part_of

MAX_LINE = 998
"""RFC 5322, 2.1.1."""
MAX_SHOWN_LINE = 76
"""RFC 2045, 6.7, for bodies; RFC 2047, 2, for headers that hold encoded-words."""
MAX_HTML_BYTES = 90_000
"""Gmail clips a message at about 102 kB."""
ONCE = ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Content-Language"]
ONCE += ["List-Id", "List-Unsubscribe", "Feedback-ID", "Auto-Submitted", "Precedence"]
"""Headers that stand in every message, and once."""
VERBATIM = re.compile(r"(?:List-[A-Za-z-]+|Message-ID): ")
"""Headers that are read by their characters: never encoded, never folded."""
UNWANTED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)
"""Controls and what turns text around. U+0092 alone makes Gmail clip a mail."""


def problems_of(message: bytes, edition: Edition) -> list[str]:
    """What is wrong with the message that carries the edition; empty if nothing is."""
    mail = parsed(message)
    headers = message.partition(b"\r\n\r\n")[0].decode("ascii", "replace").split("\r\n")
    return [
        *_lines(message, headers),
        *_headers(headers, mail),
        *_addressed(mail, edition),
        *_leaving(mail),
        *_structure(mail),
        *_parts(mail, edition),
    ]


def _lines(message: bytes, headers: Sequence[str]) -> Iterator[str]:
    if not message.isascii():
        yield "bytes that are not ASCII"
    if re.search(rb"(?<!\r)\n|\r(?!\n)", message):
        yield "a line end that is not CRLF"
    if not message.endswith(b"\r\n"):
        yield "the last line has no end"
    free = {line for line in headers if VERBATIM.match(line)}
    for line in message.decode("ascii", "replace").split("\r\n"):
        if len(line) > (MAX_LINE if line in free else MAX_SHOWN_LINE):
            yield f"a line of {len(line)} characters: {line[:40]}"


def _headers(lines: Sequence[str], mail: EmailMessage) -> Iterator[str]:
    for name in ONCE:
        if (number := len(mail.get_all(name, []))) != 1:
            yield f"{number} times {name}"
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if VERBATIM.match(line) and "=?" in line:
            yield f"an encoded-word where none may stand: {line[:60]}"
        if VERBATIM.match(line) and following.startswith((" ", "\t")):
            yield f"folded: {line[:60]}"
    if "?==?" in "\r\n".join(lines):
        yield "encoded-words without a space between them"


def _addressed(mail: EmailMessage, edition: Edition) -> Iterator[str]:
    if mail["To"] and [to.addr_spec for to in mail["To"].addresses] != [edition.profile.email]:
        yield f"To is not the reader alone: {mail['To']}"
    if mail["Cc"] or mail["Bcc"]:
        yield "a recipient besides the reader"
    if mail["Date"] and parsedate_to_datetime(mail["Date"]) != edition.at:
        yield f"Date is not the edition's: {mail['Date']}"
    if not re.fullmatch(r"<[^<>@\s]+@[^<>@\s]+>", mail["Message-ID"] or ""):
        yield f"not a Message-ID: {mail['Message-ID']}"
    subject = mail["Subject"] or ""
    if UNWANTED.search(subject) or not subject.strip():
        yield f"no subject to show: {subject!a}"


def _leaving(mail: EmailMessage) -> Iterator[str]:
    """RFC 2369 and 8058."""
    ways = re.findall(r"<((?:https|mailto):[^<>\s]+)>", mail["List-Unsubscribe"] or "")
    if f"{', '.join(f'<{way}>' for way in ways)}" != mail["List-Unsubscribe"] or not ways:
        yield f"no way to leave the list: {mail['List-Unsubscribe']}"
    has_web = any(way.startswith("https:") for way in ways)
    if mail["List-Unsubscribe-Post"] != ("List-Unsubscribe=One-Click" if has_web else None):
        yield f"one click: {mail['List-Unsubscribe-Post']}"


def _structure(mail: EmailMessage) -> Iterator[str]:
    """RFC 2046: the plainest part first, and nothing to download."""
    for part in mail.walk():
        yield from (f"{part.get_content_type()}: {defect!r}" for defect in part.defects)
    kinds = [part.get_content_type() for part in mail.walk()]
    if kinds != ["multipart/alternative", "text/plain", "text/html"]:
        yield f"not an alternative of text and HTML: {', '.join(kinds)}"
    for part in mail.walk():
        encoding = (part.get_content_charset(), part["Content-Transfer-Encoding"])
        if not part.is_multipart() and encoding != ("utf-8", "quoted-printable"):
            yield f"{part.get_content_type()} is {encoding}"


def _parts(mail: EmailMessage, edition: Edition) -> Iterator[str]:
    text, html = part_of(mail, "plain"), part_of(mail, "html")
    for name, content in (("text", text), ("HTML", html)):
        if found := UNWANTED.search(content):
            yield f"{found.group()!a} in the {name} part"
    if (size := len(html.encode())) > MAX_HTML_BYTES:
        yield f"the HTML part has {size} bytes"
    page = BeautifulSoup(html, "lxml")
    if page.html is None or page.html.get("lang") != mail["Content-Language"]:
        yield f"the page is in another language than the message, {mail['Content-Language']}"
    linked = [_squeezed(link.get_text()) for link in page.find_all("a")]
    yield from _shown(edition, linked, _squeezed(text))


def _shown(edition: Edition, linked: Sequence[str], text: str) -> Iterator[str]:
    """Every pick in both parts, in the edition's order; what was nearly shown in both or in none."""
    place, position = 0, 0
    for pick in edition.shown:
        title = _title(pick.paper.title)
        try:
            place = (linked.index(title, place) if title else place) + 1
        except ValueError:
            yield f"not in the HTML part, or not in its place: {title[:40]}"
        position = text.find(title, max(position, 0))
        if position < 0:
            yield f"not in the text part, or not in its place: {title[:40]}"
    for miss in edition.misses:
        title = _title(miss.paper.title)
        if (title in linked) != (title in text):
            yield f"nearly shown in one part only: {title[:40]}"


def _title(title: str) -> str:
    """As both parts show it; empty, and so found everywhere, if there is nothing to see in it."""
    return _squeezed(clean(readable(title[: 4 * MAX_TITLE]), MAX_TITLE))


def _squeezed(text: str) -> str:
    """Without white space, since a word too long for a line breaks anywhere, and what cannot be seen."""
    return "".join(char for char in text if not char.isspace() and category(char) != "Cf")
