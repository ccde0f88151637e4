"""Some papers of a corpus, to be scored for readers, and the reference they are measured against."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from digest.scoring.corpus import Corpus
from digest.scoring.neighbours import spread
from digest.scoring.terms import Matrix
from digest.scoring.views import Floats

Rows = NDArray[np.intp]

REFERENCE = 500
"""Papers spread over everything stored, against which those of a day are measured."""
_CELLS = 4_000_000
"""How many numbers a table may have that is made on the way: 16 MB."""


class Scope:
    """Papers by their place, with what all readers share; a row of an argument or a result is a reader."""

    def __init__(self, corpus: Corpus, rows: Rows | None = None) -> None:
        """Of some rows of a corpus, with a reference from all of it; or of all, their own reference."""
        n_papers = len(corpus.papers)
        others = np.linspace(0, n_papers - 1, min(REFERENCE, n_papers)).astype(np.intp)
        self.corpus = corpus
        self.rows = np.arange(n_papers) if rows is None else np.concatenate([rows, others])
        self.reference = slice(0 if rows is None else len(rows), None)
        self.places = {
            corpus.papers[row].id: place for place, row in enumerate(self.rows[:n_papers].tolist())
        }
        self._referred = {row: place for place, row in enumerate(self.rows[self.reference].tolist())}
        self._is_all = rows is None
        self._weights = corpus.views.weights if rows is None else corpus.views.weights[self.rows]
        self._alike: dict[int, Floats] = {}
        self._from_rows: Floats | None = None

    def in_reference(self, ids: Iterable[str]) -> Rows:
        """The places in the reference of those papers that stand there."""
        rows = (self.corpus.rows.get(identifier) for identifier in ids)
        return np.array([self._referred[row] for row in rows if row in self._referred], np.intp)

    def likeness(self, one: str, other: str) -> float:
        """How alike the words of two papers of the scope are, 0..1: the cosine of their TF-IDF rows."""
        place = self.places[one]
        if place not in self._alike:
            weights = self.corpus.views.weights[[int(self.rows[place])]]
            self._alike[place] = self.by_terms(weights)[0]
        return float(self._alike[place][self.places[other]])

    def by_terms(self, weights: Matrix) -> Floats:
        """The product of terms with those of each paper."""
        at_once = max(1, _CELLS // max(weights.shape[1], 1))
        portions = (
            weights[start : start + at_once].toarray() for start in range(0, weights.shape[0], at_once)
        )
        found = [(self._weights @ portion.T).T for portion in portions]
        return np.ascontiguousarray(np.concatenate(found), np.float32)

    def by_views(self, rows: Floats, papers: Floats) -> Floats:
        """The product with each paper's row in one of the tables of the corpus."""
        return rows @ (papers if self._is_all else papers[self.rows]).T

    def reached(self, seeds: Matrix) -> Floats:
        """What reaches each paper from the seeds; as the graph is symmetric, from whichever are fewer."""
        graph = self.corpus.graph
        if seeds.shape[0] <= len(self.rows):
            return np.ascontiguousarray(_spread(graph, seeds.T.tocsc())[self.rows].T)
        if self._from_rows is None:
            ones = np.ones(len(self.rows), np.float32)
            units = sparse.csc_array(
                (ones, (self.rows, np.arange(len(self.rows)))), shape=(graph.shape[0], len(ones))
            )
            self._from_rows = _spread(graph, units)
        return np.asarray(seeds @ self._from_rows, np.float32)


def _spread(graph: Matrix, seeds: sparse.csc_array) -> Floats:
    """Portion by portion, as what spreads is no longer sparse."""
    at_once = max(1, _CELLS // max(graph.shape[0], 1))
    portions = range(0, seeds.shape[1], at_once)
    return np.concatenate(
        [spread(graph, seeds[:, start : start + at_once].toarray()) for start in portions], axis=1
    )
