"""Finding a phrase in a paper, whatever its hyphens, plurals and endings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, chain, pairwise

from digest.text import Word, compounds, words

# Words that may stand between those of a phrase: "self-supervised representation learning" for
# "self-supervised learning".
_GAP = r"(?:[^ |]+ ){0,2}?"
# Between two words that a full stop or a colon parts stands a bar. A stop after a short word is taken for an
# abbreviation's: "Dr. GRPO", "SFT vs. RL", "St. Jude".
_BREAK = re.compile(r"[\"')\]”’]*([.:;!?]+)[\"')\]”’]*(?:\s|$)|[。！？：；]")
_LONGEST_ABBREVIATION = 3


@dataclass(frozen=True, slots=True)
class Stream:
    """A text as stems with a space on either side of each, so that a phrase is found by plain search."""

    text: str
    words: tuple[Word, ...]
    stems: str
    starts: tuple[int, ...]
    """Where each word's stem starts in `stems`."""


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
    return Field(parts=_stream(text, words(text)), wholes=_stream(text, compounds(text)))


@lru_cache(maxsize=100_000)
def phrase(text: str) -> Phrase:
    """Prepare a phrase for `find`."""
    stems = [re.escape(word.stem) for word in words(text)]
    near = re.compile(" " + _GAP.join(f"{stem} " for stem in stems)) if 1 < len(stems) <= 5 else None
    return Phrase(parts=_needle(text, words(text)), wholes=_needle(text, compounds(text)), near=near)


def _needle(text: str, found: tuple[Word, ...]) -> str:
    """A phrase as its text would be searched: with the bars inside it, not the one at its end."""
    return _stream(text, found).stems.removesuffix("| ")


def find(sought: Phrase, place: Field) -> Match | None:
    """Where the phrase stands in the field: exactly if it does, else with a few words between."""
    exact = [*_spans(sought.parts, place.parts), *_spans(sought.wholes, place.wholes)]
    if exact:
        return Match(surfaces=_surfaces(place.parts.text, exact), exact=True)
    if sought.near and (near := sought.near.search(place.parts.stems)):
        span = _span(place.parts, near.start(), near.end())
        return Match(surfaces=_surfaces(place.parts.text, [span]), exact=False)
    return None


def _stream(text: str, found: tuple[Word, ...]) -> Stream:
    pieces = [f"{word.stem} | " if _is_broken_after(text, word) else f"{word.stem} " for word in found]
    starts = tuple(accumulate(map(len, pieces), initial=1))[:-1]
    return Stream(text=text, words=found, stems=f" {''.join(pieces)}", starts=starts)


def _is_broken_after(text: str, word: Word) -> bool:
    found = _BREAK.match(text, word.end)
    is_short = word.end - word.start <= _LONGEST_ABBREVIATION
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
