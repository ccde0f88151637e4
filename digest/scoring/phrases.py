"""Finding a phrase in a paper, whatever its hyphens, plurals and endings."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, pairwise

from digest.text import COMPOUND, HYPHEN, WORD, Word, compounds, joined, stem, words

# Words that may stand between those of a phrase: "self-supervised representation learning" for
# "self-supervised learning".
_GAP = r"(?:[^ |]+ ){0,2}?"
# Between two words that a full stop or a colon parts stands a bar. A stop after a short word is taken for an
# abbreviation's: "Dr. GRPO", "SFT vs. RL", "St. Jude".
_BREAK = re.compile(r"[\"')\]”’]*([.:;!?]+)[\"')\]”’]*(?:\s|$)|[。！？：；]")
_MAY_BREAK = frozenset(".:;!?\"')]”’。！？：；")
_LONGEST_ABBREVIATION = 3
_STEM = re.compile(r"[^ |]+")

Split = Callable[[str], tuple[Word, ...]]


@dataclass(frozen=True, slots=True)
class Stream:
    """A text as stems with a space on either side of each, so that a phrase is found by plain search."""

    text: str
    stems: str
    split: Split

    @property
    def words(self) -> tuple[Word, ...]:
        """The words whose stems these are."""
        return self.split(self.text)

    @property
    def starts(self) -> tuple[int, ...]:
        """Where each word's stem starts in `stems`."""
        return tuple(match.start() for match in _STEM.finditer(self.stems))


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
    near: re.Pattern[str] | None
    """The words in their order with a few others between; `None` for one word, and for so many that a text
    which repeats them could keep the search busy."""


@dataclass(frozen=True, slots=True)
class Match:
    """The words of the text that a phrase was found as, each as written there."""

    surfaces: tuple[str, ...]
    exact: bool


def field(text: str) -> Field:
    """Prepare a text for `find`."""
    parts = Stream(text, _stems(text, WORD, str), words)
    if not HYPHEN.search(text):
        return Field(parts=parts, wholes=parts)
    return Field(parts=parts, wholes=Stream(text, _stems(text, COMPOUND, joined), compounds))


@lru_cache(maxsize=100_000)
def phrase(text: str) -> Phrase:
    """Prepare a phrase for `find`."""
    stems = [re.escape(word.stem) for word in words(text)]
    near = re.compile(" " + _GAP.join(f"{stem} " for stem in stems)) if 1 < len(stems) <= 5 else None
    found = field(text)
    return Phrase(parts=_needle(found.parts), wholes=_needle(found.wholes), near=near)


def _needle(stream: Stream) -> str:
    """A phrase as its text would be searched: with the bars inside it, not the one at its end."""
    return stream.stems.removesuffix("| ")


def stands(sought: Phrase, place: Field) -> bool | None:
    """Whether the phrase stands in the field exactly, or with a few words between; `None` if not at all."""
    if _holds(place.parts, sought.parts) or _holds(place.wholes, sought.wholes):
        return True
    return False if sought.near and sought.near.search(place.parts.stems) else None


def find(sought: Phrase, place: Field) -> Match | None:
    """The words by which the phrase stands in the field."""
    exact = stands(sought, place)
    if exact is None:
        return None
    if exact:
        spans = [*_spans(sought.parts, place.parts), *_spans(sought.wholes, place.wholes)]
        return Match(surfaces=_surfaces(place.parts.text, spans), exact=True)
    near = sought.near.search(place.parts.stems) if sought.near else None
    spans = [_span(place.parts, near.start(), near.end())] if near else []
    return Match(surfaces=_surfaces(place.parts.text, spans), exact=False)


def _holds(stream: Stream, needle: str) -> bool:
    return needle in stream.stems and bool(needle.strip())


def _stems(text: str, pattern: re.Pattern[str], plain: Callable[[str], str]) -> str:
    pieces = [" "]
    for word in pattern.finditer(text):
        pieces.append(stem(plain(word.group())) or "_")  # every word keeps its place
        may_break = text[word.end() : word.end() + 1] in _MAY_BREAK
        pieces.append(" | " if may_break and _is_broken_after(text, word) else " ")
    return "".join(pieces)


def _is_broken_after(text: str, word: re.Match[str]) -> bool:
    found = _BREAK.match(text, word.end())
    is_short = word.end() - word.start() <= _LONGEST_ABBREVIATION
    return found is not None and not (found.group(1) == "." and is_short)


def _spans(needle: str, stream: Stream) -> Iterator[tuple[int, int]]:
    if not needle.strip():
        return
    at = stream.stems.find(needle)
    while at >= 0:
        yield _span(stream, at, at + len(needle))
        at = stream.stems.find(needle, at + len(needle) - 1)


def _span(stream: Stream, start: int, end: int) -> tuple[int, int]:
    """Offsets in the text of the words whose stems lie between two offsets of `stems`."""
    inside = [word for word, at in zip(stream.words, stream.starts, strict=True) if start < at < end]
    return inside[0].start, inside[-1].end


def _surfaces(text: str, spans: list[tuple[int, int]]) -> tuple[str, ...]:
    """Each way the phrase is written, once, in order of the text."""
    return tuple(dict.fromkeys(text[start:end] for start, end in sorted(set(spans))))


def mentions(text: str) -> Iterator[str]:
    """The stems and the pairs of neighbouring stems of a text: what papers are compared by."""
    stems = [word.stem for word in words(text)]
    return chain(stems, (f"{first} {second}" for first, second in pairwise(stems)))
