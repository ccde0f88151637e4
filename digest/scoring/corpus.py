"""All stored papers, read once for all readers: their terms, their subjects, their neighbours."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from digest.model import Paper
from digest.scoring.neighbours import NEIGHBOURS, neighbours
from digest.scoring.recipe import DEFAULT, Recipe, with_vectors
from digest.scoring.terms import Matrix
from digest.scoring.views import Floats, Views, see, see_more, unit_rows

Vector = NDArray[np.float32]
"""An embedding of a paper, at length 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """Papers and what is known of them together; a row is a paper."""

    papers: tuple[Paper, ...]
    rows: Mapping[str, int]
    """Row of each paper id."""
    recipe: Recipe
    views: Views
    strangers: Mapping[str, Vector]
    """Embeddings of papers that are not stored, less what all have in common."""
    embedded: int
    """How long the embeddings are; 0 without."""
    dense: Floats
    """The views beside the terms, side by side; the product of two rows is their part of likeness."""
    graph: Matrix


def read_papers(
    papers: Iterable[Paper], recipe: Recipe = DEFAULT, vectors: Mapping[str, Vector] | None = None
) -> Corpus:
    """Read papers once, to score any of them for any number of readers.

    `vectors` are embeddings by paper id; all of one model, for as many of the papers as there are.
    """
    kept = {paper.id: paper for paper in papers}
    embedded, strangers = _embedded(kept, vectors or {})
    recipe = with_vectors(recipe) if embedded.any() else recipe
    views = see(_text_of(paper) for paper in kept.values())
    dense = _dense(views.subjects, views.meanings, embedded, recipe)
    return Corpus(
        papers=tuple(kept.values()),
        rows={identifier: row for row, identifier in enumerate(kept)},
        recipe=recipe,
        embedded=embedded.shape[1],
        strangers=strangers,
        views=views,
        dense=dense,
        graph=neighbours(views.weights, dense, recipe.terms),
    )


def _text_of(paper: Paper) -> tuple[str, str]:
    """What of a paper is read."""
    return paper.title, paper.abstract or ""


def represent(corpus: Corpus, papers: Sequence[Paper]) -> tuple[Matrix, Floats, Floats]:
    """Papers, stored or not, as rows: their terms, their subjects, and the other views side by side."""
    views, is_known = corpus.views, np.array([paper.id in corpus.rows for paper in papers], bool)
    known = np.array([corpus.rows[paper.id] for paper in papers if paper.id in corpus.rows], np.intp)
    if is_known.all():
        return views.weights[known], views.projected[known], corpus.dense[known]
    strangers = [paper for paper in papers if paper.id not in corpus.rows]
    weights, subjects, meanings = see_more(views, [_text_of(paper) for paper in strangers])
    nothing = np.zeros(corpus.embedded, np.float32)
    embedded = np.stack([corpus.strangers.get(paper.id, nothing) for paper in strangers])
    dense = _dense(unit_rows(subjects), meanings, embedded, corpus.recipe)
    order = np.argsort(np.argsort(~is_known, kind="stable"))  # the known ones come first below
    return (
        vstack([views.weights[known], weights], format="csr")[order],
        np.vstack([views.projected[known], subjects])[order],
        np.vstack([corpus.dense[known], dense])[order],
    )


def seeds_of(corpus: Corpus, papers: Sequence[Paper], weights: Matrix, dense: Floats) -> Matrix:
    """Where the way from a paper through the graph begins: at its row, or at those nearest a stranger."""
    cells: list[tuple[int, int, float]] = []
    for place, paper in enumerate(papers):
        row = corpus.rows.get(paper.id)
        known = [(row, 1.0)] if row is not None else _nearest(corpus, weights[[place]], dense[place])
        cells += [(place, where, strength) for where, strength in known]
    places, rows, strengths = zip(*cells, strict=True) if cells else ((), (), ())
    shape = (len(papers), len(corpus.papers))
    return csr_array(
        (np.array(strengths, np.float32), (np.array(places, int), np.array(rows, int))), shape=shape
    )


def _nearest(corpus: Corpus, weights: Matrix, dense: Floats) -> list[tuple[int, float]]:
    """The stored papers most like one that is not stored, and how strongly; strengths add up to 1."""
    alike = corpus.recipe.terms * (weights @ corpus.views.weights.T).toarray()[0] + corpus.dense @ dense
    best = np.argsort(-alike, kind="stable")[:NEIGHBOURS]
    strong = np.maximum(alike[best], 0) ** 2
    return list(zip(best.tolist(), (strong / max(float(strong.sum()), 1e-9)).tolist(), strict=True))


def _embedded(
    papers: Mapping[str, Paper], vectors: Mapping[str, Vector]
) -> tuple[Floats, Mapping[str, Vector]]:
    """Embeddings less what those of the papers have in common: a row a paper, 0 without; and the others."""
    known = {row: vectors[identifier] for row, identifier in enumerate(papers) if identifier in vectors}
    if not known:
        return np.zeros((len(papers), 0), np.float32), {}
    found = np.stack(list(known.values()))
    usual = found.mean(axis=0)
    rows = np.zeros((len(papers), found.shape[1]), np.float32)
    rows[list(known)] = unit_rows(found - usual)
    others = [identifier for identifier in vectors if identifier not in papers]
    apart = unit_rows(np.stack([vectors[one] for one in others]) - usual) if others else ()
    return rows, dict(zip(others, apart, strict=True))


def _dense(subjects: Floats, meanings: Floats, embedded: Floats, recipe: Recipe) -> Floats:
    shares = ((subjects, recipe.subjects), (meanings, recipe.meanings), (embedded, recipe.vectors))
    views = [view * np.float32(np.sqrt(share)) for view, share in shares if share]
    return np.hstack(views) if views else np.zeros((len(subjects), 0), np.float32)
