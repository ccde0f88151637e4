"""Three ways to see what papers say: their terms, the subjects these go with, and what their words mean."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, eigsh

from digest.scoring.meanings import word_table
from digest.scoring.terms import Matrix, Terms, Texts, count_terms, learn_terms

Floats = NDArray[np.float32]

PAIR_WEIGHT = 0.5
"""A pair of words counts half of what its rarity says: its two words are counted too."""
UNSEEN = 100
"""So many papers without any of the terms are counted besides: a handful does not tell what is rare."""
FEW = 600
"""Up to so many papers all directions are computed at once."""
RIDGE = 15.0
"""Variance of a dimension above which it is taken for common to many, and says little of one reader."""
FEWEST_SUBJECTS, MOST_SUBJECTS = 50, 100
SATURATION, LENGTH = 1.2, 0.75
"""k1 and b of BM25, as Robertson & Zaragoza (2009) recommend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """What is known of all papers; a row is a paper."""

    terms: Terms
    rarity: Floats
    """A term's inverse document frequency."""
    weights: Matrix
    """TF-IDF: rows of length 1 (or 0 for a paper without words)."""
    by_term: Matrix
    """The same, a row a term: who holds it, at once. Shares its indices with `relevance`."""
    relevance: sparse.csc_array
    """BM25: what each word gives a paper if a query asks for it."""
    subjects: Floats
    """Latent semantic analysis (Deerwester et al. 1990): rows of length 1 in as many dimensions as pay."""
    projected: Floats
    """The same before they are brought to length 1."""
    common: Floats
    """Of each dimension, how much of it is what all papers have in common, 0..1."""
    vocabulary: Floats
    """What each word means."""
    meanings: Floats
    """What each paper's words mean together, less what all papers do: rows of length 1."""
    usual: Floats
    """What all papers' words mean together."""
    directions: Floats
    """Turns a text's likeness to every paper by terms into its subjects: a row a paper."""


def see(texts: Texts) -> Views:
    """Learn the terms, their weights and the subjects of these papers."""
    terms, counts = learn_terms(texts)
    rarity = _rarity(counts)
    rarity[len(terms.words) :] *= PAIR_WEIGHT
    weights = _weighted(counts, rarity)
    projected, directions, strengths = _subjects(weights)
    vocabulary = word_table().of(terms.spellings)
    meant = _meant(counts, rarity, vocabulary)
    relevance = _relevance(counts, rarity, len(terms.words))
    cells = weights.tocsc().data, relevance.indices, relevance.indptr
    by_term = sparse.csr_array(cells, shape=weights.shape[::-1])
    usual = meant.mean(axis=0) if len(meant) else np.zeros(vocabulary.shape[1], np.float32)
    return Views(
        terms=terms,
        rarity=rarity,
        weights=weights,
        by_term=by_term,
        relevance=relevance,
        subjects=unit_rows(projected),
        projected=projected,
        common=strengths / (strengths + RIDGE),
        vocabulary=vocabulary,
        meanings=_apart(meant, usual),
        usual=usual,
        directions=directions,
    )


def see_more(views: Views, texts: Texts) -> tuple[Matrix, Floats, Floats]:
    """Other texts: their weights, their subjects (not of length 1) and their meanings, a row each."""
    counts = count_terms(views.terms, texts)
    weights = _weighted(counts, views.rarity)
    meanings = _apart(_meant(counts, views.rarity, views.vocabulary), views.usual)
    return weights, _in_subjects(views, weights), meanings


def _meant(counts: Matrix, rarity: Floats, vocabulary: Floats) -> Floats:
    """What the words of each row mean together: their sum, rarer ones counting more, at length 1."""
    n_words = len(vocabulary)
    words = sparse.csr_array(counts[:, :n_words], copy=True)
    words.data = (1 + np.log(words.data)) * np.sqrt(rarity[words.indices])
    return unit_rows(np.asarray(words @ vocabulary, np.float32))


def _apart(meant: Floats, usual: Floats) -> Floats:
    """What rows mean beside what all do; nothing for a row of nothing."""
    return unit_rows((meant - usual) * meant.any(axis=1, keepdims=True))


def _in_subjects(views: Views, weights: Matrix) -> Floats:
    return np.asarray((weights @ views.by_term) @ views.directions, np.float32)


def ask(views: Views, phrases: Sequence[str]) -> tuple[Matrix, Floats, Floats]:
    """Phrases as queries, a row each: the words they ask for, their subjects, and what these words mean."""
    counts = count_terms(views.terms, [("", phrase) for phrase in phrases])
    weights = counts.copy()
    weights.data = counts.data * views.rarity[counts.indices]
    meant = _meant(counts, views.rarity, views.vocabulary)
    return counts, _in_subjects(views, weights), meant


_SMALL = 1_000_000
"""Up to so many multiplications OpenBLAS takes a product for small, and adds in another order."""


def products(rows: Floats, others: Floats) -> Floats:
    """Each row's product with each of the others: the same bits, whatever rows are multiplied beside it.

    So a reader's edition is the same alone, in a preview, as among all: small products are made large.
    """
    each = len(others) * rows.shape[1]
    lacking = max(2, _SMALL // each + 1) - len(rows) if each else 0
    padded = np.concatenate([rows, np.zeros((max(lacking, 0), rows.shape[1]), np.float32)])
    return np.asarray((padded @ others.T)[: len(rows)], np.float32)


def unit_rows(matrix: Floats) -> Floats:
    """Every row at length 1; a row of nothing stays so."""
    lengths: Floats = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.asarray(matrix / np.where(lengths > 0, lengths, np.inf), np.float32)


def _rarity(counts: Matrix) -> Floats:
    """Inverse document frequency, ln((N + UNSEEN + 1) / (n + 1/2))."""
    n_papers, n_terms = counts.shape
    in_papers = np.bincount(counts.indices, minlength=n_terms)
    return np.asarray(np.log((n_papers + UNSEEN + 1) / (in_papers + 0.5)), np.float32)


def _weighted(counts: Matrix, rarity: Floats) -> Matrix:
    """TF-IDF with 1 + ln(count) for the count, rows at length 1 (Salton & Buckley 1988)."""
    weights = counts.astype(np.float32)
    weights.data = (1 + np.log(weights.data)) * rarity[weights.indices]
    return _at_length_1(weights)


def _at_length_1(weights: Matrix) -> Matrix:
    per_row = np.diff(weights.indptr)
    rows = np.repeat(np.arange(len(per_row)), per_row)
    lengths = np.sqrt(np.bincount(rows, weights=weights.data**2, minlength=len(per_row)))
    weights.data = (weights.data / np.maximum(lengths, 1e-9)[rows]).astype(np.float32)
    return weights


def _relevance(counts: Matrix, rarity: Floats, n_words: int) -> sparse.csc_array:
    """BM25's part of a document: saturated counts, shorter papers first (Robertson & Zaragoza 2009)."""
    found = counts.tocsc()
    lengths = np.asarray(counts[:, :n_words].sum(axis=1)).ravel()
    relative = (1 - LENGTH + LENGTH * lengths / max(float(lengths.sum()) / max(len(lengths), 1), 1e-9))[
        found.indices
    ]
    saturated = found.data * (SATURATION + 1) / (found.data + SATURATION * relative)
    idf = np.repeat(rarity, np.diff(found.indptr))
    found.data = (saturated * idf).astype(np.float32)
    return found


def _subjects(weights: Matrix) -> tuple[Floats, Floats, Floats]:
    """The strongest directions among the papers: papers in them, the way there, and their strengths."""
    n_papers = weights.shape[0]
    wanted = int(np.clip(3 * np.sqrt(n_papers), FEWEST_SUBJECTS, MOST_SUBJECTS))
    strengths, vectors = _largest(weights, wanted)
    pays = strengths > 1e-6 * max(strengths.max(initial=0.0), 1e-9)
    strengths, vectors = strengths[pays].astype(np.float32), vectors[:, pays].astype(np.float32)
    scale = np.sqrt(strengths)
    return vectors * scale, vectors / scale, strengths


def _largest(weights: Matrix, wanted: int) -> tuple[Floats, Floats]:
    """The largest eigenvalues of the papers' likeness, and their vectors."""
    n_papers = weights.shape[0]
    if n_papers <= FEW:  # for which the iterative method is not made
        strengths, vectors = np.linalg.eigh((weights @ weights.T).toarray())
        return strengths[-wanted:], vectors[:, -wanted:]
    if not weights.nnz:
        return np.zeros(0, np.float32), np.zeros((n_papers, 0), np.float32)
    turned = weights.T
    likeness = LinearOperator(
        (n_papers, n_papers), matvec=lambda vector: weights @ (turned @ vector), dtype=np.float32
    )
    # The start is fixed, so that the same papers give the same scores; loose, as only the span matters.
    strengths, vectors = eigsh(likeness, k=wanted, v0=np.ones(n_papers, np.float32), tol=0.1)
    return strengths, vectors
