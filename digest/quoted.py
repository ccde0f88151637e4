"""Quoted-printable (RFC 2045, 6.7) made in pieces, so that what many mails share is encoded once."""

import re
from binascii import a2b_qp, b2a_qp

SOFT_BREAK = b"=\r\n"
LINE = 76
_TOO_LONG = re.compile(rb"(?m)^([^\r\n]{74})(=20|=09)(?=\r\n)")
"""Where `b2a_qp` forgets to count: a space before a line's end, of a line that was full without it."""


def encode(text: str) -> bytes:
    """The text in lines of at most 76 characters, to be joined with other pieces by mere concatenation.

    A piece ends with the end of a line: its own, or a soft line break, which stands for nothing. So every
    piece begins a line, wherever it comes to stand.
    """
    if not text:
        return b""
    if len(text) < LINE and text.isascii() and text.isprintable() and "=" not in text:
        return text.encode() + SOFT_BREAK
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    # With the letter at the end, a space before it is none at a line's end, and there is room for the "=".
    # The stray line end before it makes the encoder break lines by CRLF in every case.
    encoded = b2a_qp(b"\r\n" + text.replace("\n", "\r\n").encode() + b"x", istext=True)[2:-1]
    if b"=20\r\n" in encoded or b"=09\r\n" in encoded:
        encoded = _TOO_LONG.sub(rb"\1=\r\n\2", encoded)
    return encoded if text.endswith("\n") else encoded + SOFT_BREAK


def decode(encoded: bytes) -> str:
    """The text of one or many pieces, with "\\n" at the ends of lines."""
    return a2b_qp(encoded).decode().replace("\r\n", "\n")


def finished(encoded: bytes) -> bytes:
    """Pieces as the whole of a part: the last line has an end of its own."""
    return encoded + b"\r\n" if encoded.endswith(SOFT_BREAK) or not encoded else encoded
