"""Words for people: one line each, without TeX, and with nothing that a mail must not carry."""

import re
from functools import lru_cache

from digest.tex.prose import readable
from digest.text import MAX_NAME, MAX_TITLE, clean


def counted(number: int, noun: str) -> str:
    """`1 vote`, `1,204 votes`, in English: for commands and their pages."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


LONGEST_LAST_WORD = 12


def tied(text: str) -> str:
    """The text with its last two words held together, so that no line is one short word."""
    start, space, last = text.rpartition(" ")
    if not space or len(last) > LONGEST_LAST_WORD:
        return text
    return f"{start}\N{NO-BREAK SPACE}{last}"


_VISIBLE = re.compile(r"[\w$+<=>^`|~]|[^\w\s\u00ad\u200b-\u200f\u2060-\u206f]")
"""A letter, digit, mark or sign; not what only joins, parts or directs characters."""


@lru_cache(maxsize=256)
def signed(points: int) -> str:
    """`+31`, or `−8` with a true minus sign."""
    return f"{points:+d}".replace("-", "\N{MINUS SIGN}")


@lru_cache(maxsize=16_384)
def shown(text: str, limit: int = MAX_NAME) -> str:
    """Text for people: TeX made readable, on one line, bounded, and free of what a mail must not carry."""
    return clean(readable(text[: 4 * limit]), limit)


def shown_title(title: str) -> str:
    """A paper's title for people; never without a visible character, since links hang on it."""
    readable_title = shown(title, MAX_TITLE)
    return readable_title if _VISIBLE.search(readable_title) else "Untitled"
