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
    embedded = _embedded(kept, vectors or {})
    recipe = with_vectors(recipe) if embedded.any() else recipe
    views = see(text_of(paper) for paper in kept.values())
    dense = _dense(views.subjects, views.meanings, embedded, recipe)
    return Corpus(
        papers=tuple(kept.values()),
        rows={identifier: row for row, identifier in enumerate(kept)},
        recipe=recipe,
        embedded=embedded.shape[1],
        views=views,
        dense=dense,
        graph=neighbours(views.weights, dense, recipe.terms),
    )


def text_of(paper: Paper) -> tuple[str, str]:
    """What of a paper is read."""
    return paper.title, paper.abstract or ""


def represent(corpus: Corpus, papers: Sequence[Paper]) -> tuple[Matrix, Floats, Floats]:
    """Papers, stored or not, as rows: their terms, their subjects, and the other views side by side."""
    views, is_known = corpus.views, np.array([paper.id in corpus.rows for paper in papers], bool)
    known = np.array([corpus.rows[paper.id] for paper in papers if paper.id in corpus.rows], np.intp)
    if is_known.all():
        return views.weights[known], views.projected[known], corpus.dense[known]
    strangers = [paper for paper in papers if paper.id not in corpus.rows]
    weights, subjects, meanings = see_more(views, [text_of(paper) for paper in strangers])
    unknown = np.zeros((len(strangers), corpus.embedded), np.float32)
    dense = _dense(unit_rows(subjects), meanings, unknown, corpus.recipe)
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


def _embedded(papers: Iterable[str], vectors: Mapping[str, Vector]) -> Floats:
    """A row a paper: its embedding less what all have in common; 0, so near nothing, without one."""
    known = {row: vectors[identifier] for row, identifier in enumerate(papers) if identifier in vectors}
    rows = np.zeros((len(list(papers)), len(next(iter(known.values()), ()))), np.float32)
    if known:
        found = np.stack(list(known.values()))
        rows[list(known)] = unit_rows(found - found.mean(axis=0))
    return rows


def _dense(subjects: Floats, meanings: Floats, embedded: Floats, recipe: Recipe) -> Floats:
    shares = ((subjects, recipe.subjects), (meanings, recipe.meanings), (embedded, recipe.vectors))
    views = [view * np.float32(np.sqrt(share)) for view, share in shares if share]
    return np.hstack(views) if views else np.zeros((len(subjects), 0), np.float32)
