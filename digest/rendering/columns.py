"""Plain text in columns, as a terminal counts them."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

TEXT_COLUMNS = 72
LEAST_COLUMNS = 12
"""However far a text is indented."""
_SPACE = re.compile("[ \\t\\n\\r\\f\\v]+")
_TIE = "\N{NO-BREAK SPACE}"
_ADDRESS = re.compile("(?:https?://|mailto:)")
_PECULIAR = re.compile("[^\x00-\u02ff\u1e00-\u1eff\u2010-\u203a\u2070-\u209c\u2190-\u22ff]")
"""Finds what may take no column, or two; Latin letters, punctuation, arrows and operators take one."""


def wrap(text: str, indent: int = 0, label: str = "") -> str:
    """Lines of at most 72 columns, indented, a label before the first; addresses stay whole."""
    label_room = max(indent, len(label) + 1) if label else indent
    lead = f"{label:>{indent - 1}} " if label else " " * indent
    return lead + f"\n{' ' * indent}".join(lines(text, max(TEXT_COLUMNS - label_room, LEAST_COLUMNS)))


def hang(text: str, indent: int, after: int = 0) -> str:
    """The same behind a number that is there already: indented from the second line on.

    Leaves room for so many columns `after` it, and for one more digit of the number.
    """
    width = max(TEXT_COLUMNS - 1 - indent, LEAST_COLUMNS)
    found = lines(text, width)
    if columns(found[-1]) + after > width:
        found = lines(text, width - after)
    return f"\n{' ' * indent}".join(found)


@lru_cache(maxsize=256)
def numbered(number: int) -> str:
    """` 7.`, before a paper."""
    return f"{number:>2}."


@lru_cache(maxsize=256)
def noted(number: int) -> str:
    """`[7]`, before its addresses."""
    return f"[{number}]"


def lines(text: str, width: int) -> list[str]:
    """The words of a text in lines of at most so many columns; an empty text is one empty line."""
    spaced = text if _is_spaced(text) else _SPACE.sub(" ", text).strip(" ")
    plain = None if _PECULIAR.search(spaced) else _lines_of_plain(spaced, width)
    found = plain or _lines(spaced.split(" "), width) or [""]
    return [line.replace(_TIE, " ") for line in found] if _TIE in spaced else found


def _is_spaced(text: str) -> bool:
    """Whether there is one space between words, and no other white space (which is not printable)."""
    return text.isprintable() and "  " not in text and text[:1] != " " and text[-1:] != " "


def _lines_of_plain(text: str, width: int) -> list[str] | None:
    """The same for a text whose characters all take one column; `None` if a word is wider than a line."""
    found, start = [], 0
    while len(text) - start > width:
        cut = text.rfind(" ", start, start + width + 1)
        if cut < 0:
            return None
        found.append(text[start:cut])
        start = cut + 1
    found.append(text[start:])
    return found


def _lines(words: Iterable[str], width: int) -> list[str]:
    found: list[str] = []
    used = 0
    for word in _breakable(words, width):
        needed = columns(word)
        if found and used + 1 + needed <= width:
            found[-1] += f" {word}"
            used += 1 + needed
        else:
            found.append(word)
            used = needed
    return found


def _breakable(words: Iterable[str], width: int) -> Iterator[str]:
    """The words, those wider than a line in pieces."""
    for word in words:
        if _ADDRESS.search(word) or columns(word) <= width:
            yield word
        else:
            yield from _broken_up(word, width)


def _broken_up(word: str, width: int) -> Iterator[str]:
    piece, used = "", 0
    for char in word:
        needed = _columns(char)
        if used + needed > width:
            yield piece
            piece, used = "", 0
        piece += char
        used += needed
    yield piece


def columns(text: str) -> int:
    """How many columns a terminal gives the text: Chinese characters take two, combining marks none."""
    if not _PECULIAR.search(text):
        return len(text)
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
