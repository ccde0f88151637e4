"""Which stored papers are neighbours, and what reaches a paper through its neighbours.

The graph knows which papers belong together before any reader has said so: what a reader likes reaches, in a
few steps, papers that share no word with it.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from digest.scoring.terms import Matrix
from digest.scoring.views import Floats, unit_rows

NEIGHBOURS = 10
STEPS = 6
DAMPING = 0.8
CELL = 400
"""How many papers a cell holds: papers are compared in the cells around them, so that cost grows linearly."""
CELLS_AROUND = 12
COMPARED = 30
"""How many of the nearest by subject are compared by terms, too."""
_AT_ONCE = 150
_ROUNDS = 3

Rows = NDArray[np.intp]


def neighbours(weights: Matrix, dense: Floats, terms_share: float) -> Matrix:
    """A symmetric graph of papers: each with its nearest, edges as strong as their likeness squared.

    Likeness is `terms_share` of that of the terms plus that of the `dense` rows. Edges are divided by the
    square roots of the degrees at both ends (Zhou et al. 2004).
    """
    n_papers = weights.shape[0]
    rows, columns, alike = _nearest(weights, dense, terms_share)
    edges = sparse.csr_array((np.maximum(alike, 0) ** 2, (rows, columns)), shape=(n_papers, n_papers))
    edges = edges.maximum(edges.T).tocoo()
    degrees = np.bincount(edges.row, weights=edges.data, minlength=n_papers)
    scale = 1 / np.sqrt(np.maximum(degrees, 1e-12))
    edges.data = (edges.data * scale[edges.row] * scale[edges.col]).astype(np.float32)
    return _narrow(edges.tocsr())


def _narrow(graph: Matrix) -> Matrix:
    """With indices of 32 bits, which are read in half the time."""
    cells = graph.data, graph.indices.astype(np.int32), graph.indptr.astype(np.int32)
    return sparse.csr_array(cells, shape=graph.shape)


def spread(graph: Matrix, seeds: Floats) -> Floats:
    """What reaches every paper from the seeds (columns) in a few steps, each weaker than the one before.

    A random walk with restart (Tong et al. 2006), cut off after STEPS steps.
    """
    reached = moving = seeds
    for _ in range(STEPS):
        moving = DAMPING * (graph @ moving)
        reached = reached + moving
    return np.asarray(reached, np.float32)


def _nearest(weights: Matrix, dense: Floats, terms_share: float) -> tuple[Rows, Rows, Floats]:
    """Every paper with its NEIGHBOURS nearest: paper, neighbour, likeness."""
    found = [_best(weights, dense, terms_share, rows, near) for rows, near in _by_subject(unit_rows(dense))]
    if not found:
        return np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0, np.float32)
    ones, others, alike = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return ones, others, alike


def _best(
    weights: Matrix, dense: Floats, terms_share: float, rows: Rows, near: Rows
) -> tuple[Rows, Rows, Floats]:
    """Of those `near` each of these papers, the NEIGHBOURS most alike."""
    ones, others = np.repeat(rows, near.shape[1]), near.ravel()
    by_terms = np.asarray(weights[ones].multiply(weights[others]).sum(axis=1)).ravel()
    alike = terms_share * by_terms + np.einsum("ij,ij->i", dense[ones], dense[others])
    alike[(ones == others) | (others < 0)] = -1.0
    alike = alike.reshape(near.shape)
    best = _largest(alike, NEIGHBOURS)
    kept = np.take_along_axis(alike, best, axis=1).ravel()
    pairs = np.repeat(rows, best.shape[1]), np.take_along_axis(near, best, axis=1).ravel()
    return pairs[0][kept > 0], pairs[1][kept > 0], kept[kept > 0].astype(np.float32)


def _by_subject(units: Floats) -> Iterator[tuple[Rows, Rows]]:
    """Papers in portions, each with those COMPARED that are nearest in the cells around it; -1 for none."""
    if not len(units):
        return
    centres = _centres(units)
    closeness = units @ centres.T
    cell_of = closeness.argmax(axis=1)
    members = [np.flatnonzero(cell_of == cell) for cell in range(len(centres))]
    for own in members:
        for rows in np.array_split(own, max(1, len(own) // _AT_ONCE)) if len(own) else ():
            around = _largest(closeness[rows].mean(axis=0, keepdims=True), CELLS_AROUND).ravel()
            others = np.concatenate([members[cell] for cell in around])
            nearest = _largest(units[rows] @ units[others].T, COMPARED + 1)
            yield rows, others[nearest]


def _centres(units: Floats) -> Floats:
    """The middles of cells, by k-means from papers spread over the whole, so that no chance is involved."""
    n_cells = max(1, len(units) // CELL)
    centres: Floats = units[np.linspace(0, len(units) - 1, n_cells).astype(int)]
    for _ in range(_ROUNDS):
        cell_of = (units @ centres.T).argmax(axis=1)
        sums = sparse.csr_array((np.ones(len(units), np.float32), (cell_of, np.arange(len(units)))))
        centres = unit_rows(np.asarray(sums @ units, np.float32))
    return centres


def _largest(values: Floats, wanted: int) -> Rows:
    """The places of the largest values of each row, in no order."""
    if wanted >= values.shape[1]:
        return np.tile(np.arange(values.shape[1]), (len(values), 1))
    return np.asarray(np.argpartition(values, -wanted, axis=1)[:, -wanted:], np.intp)
