"""A message taken apart again, as a mail program does it: nothing here knows how it was made."""

import re
from binascii import b2a_qp
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default

from digest.model import Edition, Sender
from digest.pipeline import make_message
from digest.rendering.renderer import Renderer


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """An edition, and the message that carries it."""

    edition: Edition
    data: bytes

    @property
    def html(self) -> str:
        """The HTML part, decoded."""
        return part_of(parsed(self.data), "html")


def mail(edition: Edition, sender: Sender, renderer: Renderer) -> Mail:
    """The edition as it is queued for its reader."""
    message = make_message(edition, renderer, sender)
    assert message is not None
    return Mail(edition=edition, data=message.data)


def pages(mails: Mapping[str, Mail]) -> dict[str, str]:
    """The HTML parts, by the mails' names."""
    return {name: mail.html for name, mail in mails.items()}


def parsed(data: bytes) -> EmailMessage:
    """The message as the standard library reads it."""
    return BytesParser(EmailMessage, policy=default).parsebytes(data)


def part_of(message: EmailMessage, subtype: str) -> str:
    """The text of the part of that kind; empty if there is none, or none that can be decoded."""
    part = message.get_body((subtype,))
    if not isinstance(part, EmailMessage):
        return ""
    payload = part.get_payload(decode=True)
    return payload.decode(errors="replace") if isinstance(payload, bytes) else ""


def with_text(data: bytes, subtype: str, text: str) -> bytes:
    """The message with another text for its part of that kind, encoded as it should be."""
    delimiter = b"\r\n--" + (parsed(data).get_boundary() or "").encode()
    lines = text.replace("\r\n", "\n").replace("\n", "\r\n").encode()
    start = re.compile(rb"(?s)(Content-Type: text/%b.*?\r\n\r\n)" % subtype.encode())
    head, part, rest = start.split(data, maxsplit=1)
    return head + part + b2a_qp(lines, istext=True) + rest[rest.index(delimiter) :]


def lines_of(found: Mapping[str, Iterable[str]]) -> list[str]:
    """What was found, one line each, with the mail it was found in."""
    return [f"{name}: {line}" for name, lines in found.items() for line in lines]
