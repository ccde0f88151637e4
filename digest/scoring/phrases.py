"""Finding a phrase in a paper, whatever its hyphens, plurals and endings."""

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from digest.text import COMPOUND, HYPHEN, STOPWORDS, WORD, Word, compounds, joined, stem, words

# Words that may stand between those of a phrase: "self-supervised representation learning" for
# "self-supervised learning".
_GAP = r"(?:[^ |]+ ){0,2}?"
_MOST_BETWEEN = 2
_LONGEST_NEAR = 5
"""Words of a phrase that may have others between; a text that repeats more could keep the search busy."""
# Between two words that a full stop or a colon parts stands a bar. A stop after a short word is taken for an
# abbreviation's: "Dr. GRPO", "SFT vs. RL", "St. Jude".
_BREAK = r"(?<=[^\W_])[\"')\]”’]*[.:;!?]+[\"')\]”’]*(?=\s|$)|(?<=[^\W_])[。！？：；]"
_WORD_OR_BREAK = re.compile(f"{WORD.pattern}|{_BREAK}")
_COMPOUND_OR_BREAK = re.compile(f"{COMPOUND.pattern}|{_BREAK}")
_LONGEST_ABBREVIATION = 3
_STEM = re.compile(r"[^ |]+")

Split = Callable[[str], tuple[Word, ...]]


@dataclass(frozen=True, slots=True)
class Stream:
    """A text as stems with a space on either side of each, so that a phrase is found by plain search."""

    text: str
    stems: str
    split: Split

    def placed(self) -> "Placed":
        """Where its stems stand, and the words whose stems they are."""
        words = self.split(self.text)
        return Placed(
            stems=array("I", (match.start() for match in _STEM.finditer(self.stems))),
            starts=array("I", (word.start for word in words)),
            ends=array("I", (word.end for word in words)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Offsets of the stems of a text and of its words, the n-th of the n-th: 2 kB of an abstract."""

    stems: "array[int]"
    starts: "array[int]"
    ends: "array[int]"

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Offsets in the text of the words whose stems lie between two offsets of the stems."""
        first, after = bisect_right(self.stems, start), bisect_left(self.stems, end)
        return self.starts[first], self.ends[after - 1]


@dataclass(frozen=True, slots=True)
class Field:
    """A title or an abstract, with hyphenated words in their parts and whole."""

    parts: Stream
    wholes: Stream


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase ready to be looked for."""

    parts: str
    wholes: str
    near: tuple[str, ...] = ()
    """The stems, if they may stand in their order with a few others between."""
    is_word: bool = False
    """Whether it is a single word, and one that says something: a text that holds it says it."""


@dataclass(frozen=True, slots=True)
class Match:
    """The words of the text that a phrase was found as, each as written there."""

    surfaces: tuple[str, ...]
    exact: bool


def field(text: str) -> Field:
    """Prepare a text for `find`."""
    parts = Stream(text, _stems(text, _WORD_OR_BREAK), words)
    if not HYPHEN.search(text):
        return Field(parts=parts, wholes=parts)
    return Field(parts=parts, wholes=Stream(text, _stems(text, _COMPOUND_OR_BREAK), compounds))


@lru_cache(maxsize=20_000)
def phrase(text: str) -> Phrase:
    """Prepare a phrase for `find`; all that are kept take some 10 MB."""
    found = field(text)
    stems = tuple(_STEM.findall(found.parts.stems))
    near = stems if 1 < len(stems) <= _LONGEST_NEAR else ()
    is_word = len(stems) == 1 and stems[0].isalnum() and stems[0] not in STOPWORDS
    parts = _needle(found.parts)
    wholes = parts if found.wholes is found.parts else _needle(found.wholes)
    return Phrase(parts=parts, wholes=wholes, near=near, is_word=is_word)


def _needle(stream: Stream) -> str:
    """A phrase as its text would be searched: with the bars inside it, not the one at its end."""
    return stream.stems.removesuffix("| ")


def stands(sought: Phrase, place: Field) -> bool | None:
    """Whether the phrase stands in the field exactly, or with a few words between; `None` if not at all."""
    if _holds(place.parts, sought.parts) or _holds(place.wholes, sought.wholes):
        return True
    return False if sought.near and _stand_near(sought.near, place.parts.stems) else None


def _stand_near(stems: tuple[str, ...], text: str) -> bool:
    """Whether stems stand in their order with at most a few others between, and no bar."""
    first, reach = f" {stems[0]} ", (1 + _MOST_BETWEEN) * (len(stems) - 1)
    at = text.find(first)
    while at >= 0:
        ahead = text[at + len(first) :].split(" ", reach)[:reach]
        if stems[-1] in ahead and _follow(stems[1:], ahead):
            return True
        at = text.find(first, at + len(first) - 1)
    return False


def _follow(stems: tuple[str, ...], ahead: list[str]) -> bool:
    """Whether stems come in their order, each one soon after the one before."""
    ahead = ahead[: ahead.index("|")] if "|" in ahead else ahead
    ends = {-1}
    for wanted in stems:
        soon = {after for end in ends for after in range(end + 1, min(end + 2 + _MOST_BETWEEN, len(ahead)))}
        ends = {after for after in soon if ahead[after] == wanted}
    return bool(ends)


@lru_cache(maxsize=1_000)
def _near_pattern(stems: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(" " + _GAP.join(f"{re.escape(stem)} " for stem in stems))


def find(sought: Phrase, place: Field) -> Match | None:
    """The words by which the phrase stands in the field."""
    exact = stands(sought, place)
    if exact is None:
        return None
    if exact:
        spans = [*_spans(sought.parts, place.parts), *_spans(sought.wholes, place.wholes)]
        return Match(surfaces=_surfaces(place.parts.text, spans), exact=True)
    near = _near_pattern(sought.near).search(place.parts.stems)
    spans = [_placed(place.parts).span(near.start(), near.end())] if near else []
    return Match(surfaces=_surfaces(place.parts.text, spans), exact=False)


def _holds(stream: Stream, needle: str) -> bool:
    return needle in stream.stems and bool(needle.strip())


def _stems(text: str, words_or_breaks: re.Pattern[str]) -> str:
    found = words_or_breaks.findall(text)
    pieces = list(map(_piece, found))
    for at in [at for at, piece in enumerate(pieces) if piece == _STOP]:
        pieces[at] = "" if len(found[at - 1]) <= _LONGEST_ABBREVIATION else "|"
    return f" {' '.join(filter(None, pieces))} " if pieces else " "


_STOP = "."


@lru_cache(maxsize=200_000)
def _piece(found: str) -> str:
    """The stem of a word, as every word keeps its place; a bar for a break, but a stop for a full one."""
    if found[0].isalnum():
        return stem(joined(found)) or "_"
    return _STOP if [char for char in found if char in ".:;!?。！？：；"] == ["."] else "|"


def _spans(needle: str, stream: Stream) -> Iterator[tuple[int, int]]:
    at = stream.stems.find(needle) if needle.strip() else -1
    placed = _placed(stream) if at >= 0 else None
    while placed and at >= 0:
        yield placed.span(at, at + len(needle))
        at = stream.stems.find(needle, at + len(needle) - 1)


@lru_cache(maxsize=4_096)
def _placed(stream: Stream) -> Placed:
    """A paper that is explained is asked for many spans, and to many readers: 10 MB at most."""
    return stream.placed()


def _surfaces(text: str, spans: list[tuple[int, int]]) -> tuple[str, ...]:
    """Each way the phrase is written, once, in order of the text."""
    return tuple(dict.fromkeys(text[start:end] for start, end in sorted(set(spans))))
