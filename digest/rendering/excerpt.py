"""The two sentences of an abstract that matter to one reader, with that reader's words marked."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from digest.rendering.phrases import shown
from digest.text import MAX_ABSTRACT, MAX_NAME, sentences, shorten

MAX_EXCERPT = 420
LEAST_EXCERPT = 80
"""Room for less than this is left empty rather than filled with a stump."""


class Piece(NamedTuple):
    """A run of an excerpt, and whether it is one of the reader's words."""

    text: str
    marked: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Excerpt:
    """Some sentences in pieces. Many readers share one, which is therefore made once."""

    runs: tuple[str, ...]
    """By turns what is not marked, which may be empty at the ends, and what is."""
    text: str
    """All of it."""

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """The same for templates; none is empty."""
        return tuple(Piece(run, n % 2 == 1) for n, run in enumerate(self.runs) if run)


@lru_cache(maxsize=8_192)
def make_excerpt(abstract: str, words: tuple[str, ...]) -> Excerpt | None:
    """The two sentences with most of the words, in their own order, at most 420 characters."""
    sought = _sought(words)
    return _marked(_choose(_sentences_of(abstract[:MAX_ABSTRACT]), sought), sought)


@lru_cache(maxsize=4_096)
def mark(text: str, words: tuple[str, ...]) -> Excerpt | None:
    """The whole text, with the words marked; `None` if it is empty."""
    return _marked(text, _sought(words))


class _Sentence(NamedTuple):
    """As people read it, and in small letters."""

    text: str
    lowered: str


def _choose(candidates: Sequence[_Sentence], sought: "tuple[_Sought, ...]") -> str:
    """The best sentence, and the second in the room it leaves; an ellipsis where some lie between."""
    hits = _hits(candidates, sought)
    ranked = sorted(range(len(candidates)), key=hits.__getitem__, reverse=True)[:2]
    between = " " if abs(ranked[0] - ranked[-1]) <= 1 else " … "
    chosen: dict[int, str] = {}
    room = MAX_EXCERPT
    for index in ranked:
        if room >= LEAST_EXCERPT:
            chosen[index] = shorten(candidates[index].text, room)
            room -= len(chosen[index]) + len(between)
    return between.join([chosen[index] for index in sorted(chosen)]).replace("… …", "…")


def _hits(candidates: Sequence[_Sentence], sought: "tuple[_Sought, ...]") -> list[int]:
    """How many different words of those sought each sentence has."""
    found: list[list[tuple[int, int]]] = [[] for _ in candidates]
    for one in sought:
        for n, sentence in enumerate(candidates):
            if one.word in sentence.lowered:
                found[n] += _places_in_sentence(one, sentence.lowered)
    return [
        len({one.lowered[start:end] for start, end in _apart(places)}) if len(places) > 1 else len(places)
        for one, places in zip(candidates, found, strict=True)
    ]


@lru_cache(maxsize=2_048)
def _sentences_of(abstract: str) -> tuple[_Sentence, ...]:
    readable = [shown(sentence, MAX_ABSTRACT) for sentence in sentences(abstract)] or [""]
    return tuple([_Sentence(text, _lowered(text)) for text in readable])


def _marked(text: str, sought: "tuple[_Sought, ...]") -> Excerpt | None:
    if not text:
        return None
    cuts = (0, *[cut for place in _places(_lowered(text), sought) for cut in place], len(text))
    return Excerpt(runs=tuple([text[a:b] for a, b in pairwise(cuts)]), text=text)


# ---------------------------------------------------------------- finding words


class _Sought(NamedTuple):
    """A word in small letters, and whether letters may stand right before and after it."""

    word: str
    runs_on_before: bool
    runs_on_after: bool


@lru_cache(maxsize=4_096)
def _sought(words: tuple[str, ...]) -> tuple[_Sought, ...]:
    """No letter before or after, unless the script puts no space there."""
    fit = {w for w in words if 0 < len(w) <= MAX_NAME and (len(w) > 1 or is_caseless(w))}
    return tuple(map(_one_sought, sorted(fit)))


@lru_cache(maxsize=4_096)
def _one_sought(word: str) -> _Sought:
    return _Sought(_lowered(word), is_caseless(word[0]), is_caseless(word[-1]))


def _places(lowered: str, sought: Sequence[_Sought]) -> list[tuple[int, int]]:
    """Where the words stand, from left to right; the longest of those that begin in one place."""
    return _apart([place for one in sought for place in _found(one, lowered)])


def _apart(places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    if len(places) < 2:
        return places
    places.sort(key=lambda place: (place[0], -place[1]))
    apart = places[:1]
    for place in places[1:]:
        if place[0] >= apart[-1][1]:
            apart.append(place)
    return apart


@lru_cache(maxsize=16_384)
def _places_in_sentence(sought: _Sought, lowered: str) -> tuple[tuple[int, int], ...]:
    """Of a word that many readers look for."""
    return tuple(_found(sought, lowered))


def _found(sought: _Sought, lowered: str) -> Iterator[tuple[int, int]]:
    word, free_before, free_after = sought
    start = lowered.find(word)
    while start >= 0:
        end = start + len(word)
        before, after = lowered[start - 1 : start], lowered[end : end + 1]
        if (free_before or not _in_word(before)) and (free_after or not _in_word(after)):
            yield start, end
        start = lowered.find(word, start + 1)


def _in_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def _lowered(text: str) -> str:
    """In small letters, each in its place: some capitals are two characters when small."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(small if len(small := char.lower()) == 1 else char for char in text)


def is_caseless(text: str) -> bool:
    """Whether the text has letters of a script without capitals: Hebrew, Arabic, Chinese, ..."""
    return not text.isascii() and any(unicodedata.category(char) == "Lo" for char in text)
