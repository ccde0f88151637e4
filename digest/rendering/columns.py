"""Plain text in columns, as a terminal counts them."""

import unicodedata
from collections.abc import Iterable, Iterator

TEXT_COLUMNS = 72
FIRST_COMBINING = "\u0300"
"""Below this, every character takes one column."""


def wrap(text: str, indent: int = 0, label: str = "") -> str:
    """Lines of at most 72 columns, indented, a label before the first; addresses stay whole."""
    label_room = max(indent, len(label) + 1) if label else indent
    width = TEXT_COLUMNS - label_room
    first, *rest = _lines(text.split(), width) or [""]
    lead = f"{label:>{indent - 1}} " if label else " " * indent
    return "\n".join([lead + first, *(" " * indent + line for line in rest)])


def _lines(words: Iterable[str], width: int) -> list[str]:
    lines: list[str] = []
    used = 0
    for word in _breakable(words, width):
        needed = columns(word)
        if lines and used + 1 + needed <= width:
            lines[-1] += f" {word}"
            used += 1 + needed
        else:
            lines.append(word)
            used = needed
    return lines


def _breakable(words: Iterable[str], width: int) -> Iterator[str]:
    """The words, those wider than a line in pieces."""
    for word in words:
        if "://" in word or columns(word) <= width:
            yield word
        else:
            yield from _broken_up(word, width)


def _broken_up(word: str, width: int) -> Iterator[str]:
    piece = ""
    for char in word:
        if columns(piece + char) > width:
            yield piece
            piece = ""
        piece += char
    yield piece


def columns(text: str) -> int:
    """How many columns a terminal gives the text: Chinese characters take two, combining marks none."""
    if not text or max(text) < FIRST_COMBINING:
        return len(text)
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
