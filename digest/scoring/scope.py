"""Some papers of a corpus, to be scored for readers, and the reference they are measured against."""

from collections.abc import Iterable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from digest.scoring.corpus import Corpus
from digest.scoring.neighbours import spread
from digest.scoring.terms import Matrix
from digest.scoring.views import Floats, products

Rows = NDArray[np.intp]

REFERENCE = 500
"""Papers spread over everything stored, against which those of a day are measured."""
_CELLS = 4_000_000
"""How many numbers a table may have that is made on the way: 16 MB."""
_FEW = 3
"""So many rows are multiplied faster one by one."""


class Scope:
    """Papers by their place, with what all readers share; a row of an argument or a result is a reader."""

    def __init__(self, corpus: Corpus, rows: Rows | None = None) -> None:
        """Of some rows of a corpus, with a reference from all of it; or of all, their own reference."""
        n_papers = len(corpus.papers)
        others = np.linspace(0, n_papers - 1, min(REFERENCE, n_papers)).astype(np.intp)
        self.corpus = corpus
        self.rows = np.arange(n_papers) if rows is None else np.concatenate([rows, others])
        self.reference = slice(0 if rows is None else len(rows), None)
        of_the_day = self.rows if rows is None else rows
        self.places = {corpus.papers[row].id: place for place, row in enumerate(of_the_day.tolist())}
        self._referred = {row: place for place, row in enumerate(self.rows[self.reference].tolist())}
        self._is_all = rows is None
        views = corpus.views
        self._by_term = views.by_term if rows is None else views.weights[self.rows].T.tocsr()
        self._alike: dict[int, Floats] = {}

    def in_reference(self, ids: Iterable[str]) -> Rows:
        """The places in the reference of those papers that stand there."""
        rows = [self.corpus.rows.get(identifier) for identifier in dict.fromkeys(ids)]
        return np.array([self._referred[row] for row in rows if row in self._referred], np.intp)

    def likeness(self, one: str, other: str) -> float:
        """How alike the words of two papers of the scope are, 0..1: the cosine of their TF-IDF rows."""
        place = self.places[one]
        if place not in self._alike:
            weights = self.corpus.views.weights[[int(self.rows[place])]]
            self._alike[place] = self.by_terms(weights)[0]
        return float(self._alike[place][self.places[other]])

    def of(self, values: Floats) -> Floats:
        """Of a value for everything stored (a column each) those of the scope."""
        return values if self._is_all else values[:, self.rows]

    def by_terms(self, weights: Matrix) -> Floats:
        """The product of terms with those of each paper."""
        used, columns = np.unique(weights.indices, return_inverse=True)
        holding = self._by_term[used].T
        rows = sparse.csr_array((weights.data, columns, weights.indptr), shape=(weights.shape[0], len(used)))
        if weights.shape[0] <= _FEW:
            return np.array([holding @ row for row in rows.toarray()], np.float32)
        at_once = max(1, _CELLS // max(len(used), 1))
        portions = (rows[start : start + at_once].toarray() for start in range(0, rows.shape[0], at_once))
        found = [(holding @ np.ascontiguousarray(portion.T)).T for portion in portions]
        return np.ascontiguousarray(np.concatenate(found), np.float32)

    def by_views(self, rows: Floats, papers: Floats) -> Floats:
        """The product with each paper's row in one of the tables of the corpus."""
        return products(rows, papers if self._is_all else papers[self.rows])

    def reached(self, seeds: Matrix) -> Floats:
        """What reaches each paper from the seeds: as the graph is symmetric, from either side.

        From the papers of a day: once that is known, a reader costs almost nothing.
        """
        if self._is_all or len(self.rows) * self.corpus.graph.shape[0] > _CELLS * 4:
            return self.of(_spread(self.corpus.graph, seeds))
        return np.asarray(seeds @ self._from_rows, np.float32)

    @cached_property
    def _from_rows(self) -> Floats:
        ones, ends = np.ones(len(self.rows), np.float32), np.arange(len(self.rows) + 1)
        units = sparse.csr_array((ones, self.rows, ends), shape=(len(ones), self.corpus.graph.shape[0]))
        return np.ascontiguousarray(_spread(self.corpus.graph, units).T)


def _spread(graph: Matrix, seeds: Matrix) -> Floats:
    """Portion by portion, as what spreads is no longer sparse."""
    if seeds.shape[0] <= _FEW:
        return np.array([spread(graph, row) for row in seeds.toarray()])
    at_once = max(1, _CELLS // max(graph.shape[0], 1))
    portions = (seeds[start : start + at_once].toarray() for start in range(0, seeds.shape[0], at_once))
    return np.concatenate([spread(graph, np.ascontiguousarray(portion.T)).T for portion in portions])
