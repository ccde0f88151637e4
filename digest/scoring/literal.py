"""Which papers say a phrase, name an author or come from an organisation: word for word."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from digest.model import Paper
from digest.scoring.phrases import Field, Phrase, field, phrase, stands
from digest.scoring.scope import Scope
from digest.text import STOPWORDS, fold, words

FEW = 30
"""So many papers are taken to be stored besides, that do not say a phrase: a handful shows no share."""
Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a phrase stands in a paper: title or abstract, exactly or with a few words between."""

    where: str
    exact: bool


@lru_cache(maxsize=5_000)
def fields(paper: Paper) -> tuple[Field, Field]:
    """Title and abstract, ready for searching."""
    return field(paper.title), field(paper.abstract or "")


def places(sought: Phrase, paper: Paper) -> Iterable[Place]:
    """Where in a paper the phrase stands."""
    for where, place in zip(("title", "abstract"), fields(paper), strict=True):
        exact = stands(sought, place)
        if exact is not None:
            yield Place(where, exact)


class Index:
    """Some papers of a scope, searched by way of the words they hold; each phrase once for all readers."""

    def __init__(self, scope: Scope, places: Rows) -> None:
        """Of the papers at these places of a scope; what is found is told by place, too."""
        self._corpus = scope.corpus
        self._rows = scope.rows[places]
        self._place = dict(zip(self._rows.tolist(), places.tolist(), strict=True))
        self._is_here = np.zeros(len(self._corpus.papers), bool)
        self._is_here[self._rows] = True
        self._said: dict[str, Mapping[int, tuple[Place, ...]]] = {}
        self._shares: dict[str, float] = {}
        self._from: dict[str, tuple[int, ...]] = {}

    def saying(self, text: str) -> Mapping[int, tuple[Place, ...]]:
        """The papers that say a phrase, and where."""
        if text not in self._said:
            sought, papers = phrase(text), self._corpus.papers
            holding = self._holding(sought)
            here = holding[self._is_here[holding]].tolist()
            found = {self._place[row]: tuple(places(sought, papers[row])) for row in here}
            self._said[text] = {place: where for place, where in found.items() if where}
        return self._said[text]

    def by_author(self, name: str) -> Sequence[int]:
        """The papers one of whose authors has this name."""
        return self._authors.get(name_key(name), ())

    def from_organization(self, name: str) -> Sequence[int]:
        """The papers whose organisation's name or account holds this one."""
        if name not in self._from:
            sought = phrase(name)
            holders = (held for said, held in self._affiliations.items() if stands(sought, field(said)))
            self._from[name] = tuple(place for held in holders for place in held)
        return self._from[name]

    def share(self, text: str) -> float:
        """The share of everything stored that a phrase's words stand in, 0..1."""
        if text not in self._shares:
            self._shares[text] = len(self._holding(phrase(text))) / (len(self._corpus.papers) + FEW)
        return self._shares[text]

    # ---------------------------------------------------------------- words

    def _holding(self, sought: Phrase) -> Rows:
        """The rows that have every word of a phrase, its hyphenated words in their parts or whole."""
        return np.union1d(self._with_all(sought.parts), self._with_all(sought.wholes))

    def _with_all(self, needle: str) -> Rows:
        stems = {one for one in needle.replace("|", " ").split() if one not in STOPWORDS}
        holding = sorted((self._with(one) for one in stems), key=len)
        found = holding[0] if holding else np.arange(len(self._corpus.papers))
        for others in holding[1:]:
            found = found[np.isin(found, others, assume_unique=True)]
        return found

    def _with(self, one: str) -> Rows:
        views = self._corpus.views
        column = views.terms.words.get(one)
        if column is None:
            return np.empty(0, np.intp)
        start, end = views.relevance.indptr[column : column + 2]
        return np.asarray(views.relevance.indices[start:end], np.intp)

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


@lru_cache(maxsize=100_000)
def name_key(name: str) -> tuple[str, ...]:
    """One key for "He, Kaiming", "Kaiming He" and "Kaiming X. He"; another for "K. He"."""
    parts = sorted(fold(name[word.start : word.end]) for word in words(name))
    full = tuple(part for part in parts if len(part) > 1)
    return full if len(full) > 1 else tuple(parts)
