"""The two sentences of an abstract that matter to one reader, with that reader's words marked."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from digest.rendering.phrases import shown
from digest.text import MAX_ABSTRACT, MAX_NAME, sentences, shorten

MAX_EXCERPT = 420
LEAST_EXCERPT = 80
"""Room for less than this is left empty rather than filled with a stump."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A run of an excerpt, and whether it is one of the reader's words."""

    text: str
    marked: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Excerpt:
    """Some sentences in pieces. Many readers share one, which is therefore made once."""

    pieces: tuple[Piece, ...]
    text: str
    """All of it."""


@lru_cache(maxsize=16_384)
def make_excerpt(abstract: str, words: tuple[str, ...]) -> Excerpt | None:
    """The two sentences with most of the words, in their own order, at most 420 characters."""
    pattern = _any_of(words)
    return _marked(_choose(_readable_sentences(abstract[:MAX_ABSTRACT]), pattern), pattern)


@lru_cache(maxsize=4_096)
def mark(text: str, words: tuple[str, ...]) -> Excerpt | None:
    """The whole text, with the words marked; `None` if it is empty."""
    return _marked(text, _any_of(words))


def _marked(text: str, pattern: re.Pattern[str] | None) -> Excerpt | None:
    pieces = pattern.split(text) if pattern else [text]
    told = tuple(Piece(text=piece, marked=i % 2 == 1) for i, piece in enumerate(pieces) if piece)
    return Excerpt(pieces=told, text=text) if text else None


def _choose(candidates: Sequence[str], pattern: re.Pattern[str] | None) -> str:
    """The best sentence, and the second in the room it leaves; an ellipsis where some lie between."""
    ranked = sorted(range(len(candidates)), key=lambda i: (-_hits(candidates[i], pattern), i))[:2]
    between = " " if abs(ranked[0] - ranked[-1]) <= 1 else " … "
    chosen: dict[int, str] = {}
    room = MAX_EXCERPT
    for index in ranked:
        if room >= LEAST_EXCERPT:
            chosen[index] = shorten(candidates[index], room)
            room -= len(chosen[index]) + len(between)
    return between.join(chosen[index] for index in sorted(chosen))


def _hits(sentence: str, pattern: re.Pattern[str] | None) -> int:
    """How many different words of the pattern the sentence has."""
    return len({found.casefold() for found in pattern.findall(sentence)}) if pattern else 0


@lru_cache(maxsize=2_048)
def _readable_sentences(abstract: str) -> tuple[str, ...]:
    return tuple(shown(sentence, MAX_ABSTRACT) for sentence in sentences(abstract)) or ("",)


@lru_cache(maxsize=4_096)
def _any_of(words: tuple[str, ...]) -> re.Pattern[str] | None:
    """Matches any of the words as a whole, the longest first; one group, for `split`."""
    fit = {w for w in words if len(w) <= MAX_NAME and (len(w) > 1 or is_caseless(w))}
    usable = sorted(fit, key=lambda w: (-len(w), w))
    if not usable:
        return None
    return re.compile("(" + "|".join(_whole(word) for word in usable) + ")", re.IGNORECASE)


def _whole(word: str) -> str:
    """No letter before or after, unless the script puts no space there."""
    before = "" if is_caseless(word[0]) else r"(?<!\w)"
    after = "" if is_caseless(word[-1]) else r"(?!\w)"
    return before + re.escape(word) + after


def is_caseless(text: str) -> bool:
    """Whether the text has letters of a script without capitals: Hebrew, Arabic, Chinese, ..."""
    return not text.isascii() and any(unicodedata.category(char) == "Lo" for char in text)
