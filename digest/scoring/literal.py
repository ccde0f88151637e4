"""Which papers say a phrase, name an author or come from an organisation: word for word."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import log
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from digest.model import Paper
from digest.scoring.phrases import Field, Phrase, field, phrase, stands
from digest.scoring.scope import Scope
from digest.text import STOPWORDS, fold, words

# Evidence of an interest of weight 10, by how it is found. Evidence 1.0 alone is 63 points.
WORTH = {"title": 1.0, "abstract": 0.6}
NEAR = 0.7
"""Factor for a phrase with other words between its own; so a title is worth more than an abstract, always."""
COMMON = 0.1
"""A phrase whose words stand in more than this share of all papers says less."""
FEW = 30
"""So many papers are taken to be stored besides, that do not say a phrase: a handful shows no share."""
MOST_KEPT = 20_000
"""Phrases, and words, whose papers are kept: some 20 MB each, however many readers there are."""
Rows = NDArray[np.intp]
Key = TypeVar("Key", str, tuple[str, ...])
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a phrase stands in a paper: title or abstract, exactly or with a few words between."""

    where: str
    exact: bool

    @property
    def worth(self) -> float:
        """How much it says that the phrase stands there."""
        return WORTH[self.where] * (1.0 if self.exact else NEAR)


@dataclass(frozen=True, slots=True)
class Said:
    """How a paper says an interest: in which of its texts, where, and what that gives at weight 10."""

    text: str
    where: str
    worth: float


def fields(paper: Paper) -> tuple[Field, Field]:
    """Title and abstract, ready for searching."""
    return field_of(paper.title), field_of(paper.abstract or "")


field_of = lru_cache(maxsize=6_000)(field)  # some 30 MB


_TITLE = {True: Place("title", exact=True), False: Place("title", exact=False)}
_ABSTRACT = {True: Place("abstract", exact=True), False: Place("abstract", exact=False)}


def _find_place(sought: Phrase, paper: Paper) -> Place | None:
    """Where a phrase stands in a paper that holds its words: in the title, if it does at all."""
    in_title = stands(sought, field_of(paper.title))
    if in_title is not None:
        return _TITLE[in_title]
    if sought.is_word:  # held, and not by the title
        return _ABSTRACT[True]
    in_abstract = stands(sought, field_of(paper.abstract or ""))
    return None if in_abstract is None else _ABSTRACT[in_abstract]


class Index:
    """Some papers of a scope, searched by way of the words they hold; each phrase once for all readers.

    Papers that hold a word are the bits of one number, the n-th for the n-th row: so millions are compared
    in microseconds.
    """

    def __init__(self, scope: Scope, places: Rows) -> None:
        """Of the papers at these places of a scope; what is found is told by place, too."""
        self._corpus = scope.corpus
        rows = scope.rows[places]
        self._place = dict(zip(rows.tolist(), places.tolist(), strict=True))
        self._here = self._bits(rows)
        self._holding: dict[str, int] = {}
        self._saying: dict[str, Mapping[int, Place]] = {}
        self._said: dict[tuple[str, ...], Mapping[int, Said]] = {}
        self._from: dict[str, tuple[int, ...]] = {}

    def said(self, texts: tuple[str, ...]) -> Mapping[int, Said]:
        """The papers that say any of these texts of an interest: its best place counts, once."""
        if texts not in self._said:
            found: dict[int, Said] = {}
            for text, place, at in self._best_last(texts):
                found[place] = Said(text, at.where, at.worth * _rarity(self.share(text)))
            _keep(self._said, texts, found)
        return self._said[texts]

    def _best_last(self, texts: tuple[str, ...]) -> Iterator[tuple[str, int, Place]]:
        found = [(text, place, at) for text in reversed(texts) for place, at in self.saying(text).items()]
        return iter(found if len(texts) == 1 else sorted(found, key=lambda one: one[2].worth))

    def saying(self, text: str) -> Mapping[int, Place]:
        """The papers that say a phrase, and where."""
        if text not in self._saying:
            sought, papers = phrase(text), self._corpus.papers
            here = [(self._place[row], papers[row]) for row in _rows(self._held(sought) & self._here)]
            found = ((place, _find_place(sought, paper)) for place, paper in here)
            _keep(self._saying, text, {place: at for place, at in found if at})
        return self._saying[text]

    def by_author(self, name: str) -> Sequence[int]:
        """The papers one of whose authors has this name."""
        return self._authors.get(name_key(name), ())

    def from_organization(self, name: str) -> Sequence[int]:
        """The papers whose organisation's name or account holds this one."""
        if name not in self._from:
            sought = phrase(name)
            holders = (held for said, held in self._affiliations.items() if stands(sought, field(said)))
            _keep(self._from, name, tuple(place for held in holders for place in held))
        return self._from[name]

    def share(self, text: str) -> float:
        """The share of everything stored that a phrase's words stand in, 0..1."""
        return self._held(phrase(text)).bit_count() / (len(self._corpus.papers) + FEW)

    # ---------------------------------------------------------------- words

    def _held(self, sought: Phrase) -> int:
        """The rows that have every word of a phrase, its hyphenated words in their parts or whole."""
        held = self._with_all(sought.parts)
        return held if sought.wholes == sought.parts else held | self._with_all(sought.wholes)

    def _with_all(self, needle: str) -> int:
        held = (1 << len(self._corpus.papers)) - 1
        for one in needle.replace("|", " ").split():
            if one.isalnum() and one not in STOPWORDS:  # others are not counted as terms
                held &= self._with(one)
        return held

    def _with(self, one: str) -> int:
        if one not in self._holding:
            views = self._corpus.views
            column = views.terms.words.get(one)
            start, end = (0, 0) if column is None else views.relevance.indptr[column : column + 2]
            _keep(self._holding, one, self._bits(views.relevance.indices[start:end]))
        return self._holding[one]

    def _bits(self, rows: NDArray[np.integer]) -> int:
        is_set = np.zeros(len(self._corpus.papers), bool)
        is_set[rows] = True
        return int.from_bytes(np.packbits(is_set, bitorder="little").tobytes(), "little")

    # ---------------------------------------------------------------- people

    @cached_property
    def _authors(self) -> Mapping[tuple[str, ...], list[int]]:
        found: dict[tuple[str, ...], list[int]] = {}
        for row, place in self._place.items():
            for key in {name_key(author) for author in self._corpus.papers[row].authors or ()}:
                found.setdefault(key, []).append(place)
        return found

    @cached_property
    def _affiliations(self) -> Mapping[str, list[int]]:
        found: dict[str, list[int]] = {}
        for row, place in self._place.items():
            paper = self._corpus.papers[row]
            if said := f"{paper.organization_slug or ''} {paper.organization or ''}".strip():
                found.setdefault(said, []).append(place)
        return found


def _keep(kept: dict[Key, Found], key: Key, found: Found) -> None:
    """For the next reader who asks for it; all is forgotten where there is too much of it."""
    if len(kept) >= MOST_KEPT:
        kept.clear()
    kept[key] = found


def _rows(bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def _rarity(share: float) -> float:
    """1 for a phrase whose words stand in up to COMMON of all papers; less for one that says less."""
    return min(1.0, log(max(share, 1e-9)) / log(COMMON))


@lru_cache(maxsize=100_000)
def name_key(name: str) -> tuple[str, ...]:
    """One key for "He, Kaiming", "Kaiming He" and "Kaiming X. He"; another for "K. He"."""
    parts = sorted(fold(name[word.start : word.end]) for word in words(name))
    full = tuple(part for part in parts if len(part) > 1)
    return full if len(full) > 1 else tuple(parts)
