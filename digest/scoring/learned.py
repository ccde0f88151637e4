"""What liked and disliked papers and the meaning of phrases say of the papers of a scope, for many readers.

Every part is measured against everything stored but the reader's own papers: in standard deviations above the
mean of the reference. So a quiet day scores low, and two readers' scores mean the same. A row is a reader, a
column a paper of the scope; every part is a sum over the reader's papers, or phrases, but for its last step.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from digest.scoring.corpus import represent, seeds_of
from digest.scoring.recipe import Recipe
from digest.scoring.scope import Scope
from digest.scoring.taste import Taste, query
from digest.scoring.terms import Matrix
from digest.scoring.views import Floats, ask


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of papers a reader does not care for: counted with the reference, as EXPECTED of them.

    So a handful of papers is measured against more than itself; among hundreds it does not matter.
    """

    mean: float
    deviation: float


EXPECTED = 30
ALIKE = Expected(0.08, 0.055)
"""Likeness of two papers of a daily list, at random."""
TOTAL = Expected(0.0, 1.2)
RELATIVE = 30
"""What only means something among many papers counts n / (n + RELATIVE) with n of them."""

Own = Sequence[NDArray[np.intp]]
"""For each reader, which places of the reference hold papers of the reader's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What is learned of each paper of a scope for each reader, in standard deviations."""

    liked: Floats
    """From liked papers, before what disliked ones take away."""
    disliked: Floats
    """What likeness to disliked papers adds: mostly below 0."""
    phrases: Floats
    own: Own

    @property
    def total(self) -> Floats:
        """All together."""
        return self.liked + self.phrases + self.disliked


def learn(scope: Scope, tastes: Sequence[Taste]) -> Learned:
    """What tastes say of each paper of a scope; all 0 for a taste without phrases and papers."""
    if not len(scope.rows):
        nothing = np.zeros((len(tastes), 0), np.float32)
        return Learned(liked=nothing, disliked=nothing, phrases=nothing, own=())
    own = [scope.in_reference(paper.id for paper in (*taste.liked, *taste.disliked)) for taste in tastes]
    liked, disliked = _from_papers(scope, tastes, own)
    return Learned(liked=liked, disliked=disliked, phrases=_from_phrases(scope, tastes, own), own=own)


def measured(scope: Scope, values: Floats, own: Own) -> tuple[Floats, Floats, Floats]:
    """Mean, variance and number of each row's reference, without the reader's own papers; a column each."""
    reference = values[:, scope.reference]
    n = np.full(len(values), max(reference.shape[1], 1), np.float64)
    sums, squares = (
        reference.sum(axis=1, dtype=np.float64),
        np.einsum("ij,ij->i", reference, reference, dtype=np.float64),
    )
    for reader, places in enumerate(own):
        if len(places):
            mine = reference[reader, places].astype(np.float64)
            n[reader] = max(n[reader] - len(places), 1)
            sums[reader] -= mine.sum()
            squares[reader] -= mine @ mine
    mean = sums / n
    variance = np.maximum(squares / n - mean**2, 0.0)
    return _column(mean), _column(variance), _column(n)


def _column(values: NDArray[np.float64]) -> Floats:
    return values[:, None].astype(np.float32)


def about(
    scope: Scope, values: Floats, own: Own, expected: Expected, scale: Floats | float = 1.0
) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each row's reference and what is expected, together."""
    mean, variance, n = measured(scope, values, own)
    whole = n + EXPECTED
    middle = (n * mean + EXPECTED * expected.mean * scale) / whole
    spread = n * (variance + (mean - middle) ** 2)
    spread += EXPECTED * ((expected.deviation * scale) ** 2 + (expected.mean * scale - middle) ** 2)
    return middle, np.asarray(np.sqrt(spread / whole), np.float32)


def _relative(scope: Scope, values: Floats, own: Own) -> Floats:
    """In standard deviations above the mean of the reference; less of it where little is stored."""
    mean, variance, n = measured(scope, values, own)
    deviation = np.where(variance > 1e-12, np.sqrt(variance), np.inf)
    return (values - mean) / deviation * (n / (n + RELATIVE))


def _sparse(cells: Sequence[tuple[int, int, float]], shape: tuple[int, int]) -> Matrix:
    rows, columns, values = zip(*cells, strict=True) if cells else ((), (), ())
    return sparse.csr_array(
        (np.array(values, np.float32), (np.array(rows, int), np.array(columns, int))), shape=shape
    )


# ---------------------------------------------------------------- papers


def _from_papers(scope: Scope, tastes: Sequence[Taste], own: Own) -> tuple[Floats, Floats]:
    """What liked papers say, and what disliked ones take away."""
    papers = list({paper.id: paper for taste in tastes for paper in (*taste.liked, *taste.disliked)}.values())
    if not papers:
        nothing = np.zeros((len(tastes), len(scope.rows)), np.float32)
        return nothing, nothing
    recipe, views = scope.corpus.recipe, scope.corpus.views
    weights, subjects, dense = represent(scope.corpus, papers)
    ids = [paper.id for paper in papers]
    alike = recipe.terms * (weights @ weights.T).toarray() + dense @ dense.T
    shares, each = _shares(tastes, ids, alike, recipe), _means(tastes, ids)
    sums = sparse.vstack([shares, each], format="csr")
    by_terms = scope.by_terms(sums @ weights)
    common = scope.by_views((each @ subjects) * views.common, views.projected)
    likeness = recipe.terms * by_terms[: len(tastes) * 2] + scope.by_views(shares @ dense, scope.corpus.dense)
    telling = by_terms[len(tastes) * 2 :] - common
    reached = scope.reached(each @ seeds_of(scope.corpus, papers, weights, dense))
    n_liked = np.array([[len(taste.liked)] for taste in tastes], np.float32)
    for_liked, for_disliked = likeness[: len(tastes)], likeness[len(tastes) :]
    sure = np.maximum(np.abs(shares).sum(axis=1)[: len(tastes), None], 1e-9)
    mean, deviation = about(scope, for_liked + for_disliked, own, ALIKE, sure.astype(np.float32))
    told = recipe.telling * (n_liked / (n_liked + recipe.telling_from)) ** 2
    liked = recipe.direct * (for_liked - mean) / deviation
    liked += recipe.graph * _relative(scope, np.log(reached + recipe.faint), own)
    liked += told * _relative(scope, telling, own)
    fitted = np.asarray(((each @ alike) * shares[: len(tastes)].toarray()).sum(axis=1), np.float32)[:, None]
    nearness = (for_liked - mean) / np.maximum(fitted - mean, 1e-6) / recipe.near_enough
    liked = np.where(liked > 0, liked * np.clip(nearness, 0.0, 1.0), liked)
    return liked * (n_liked > 0), recipe.direct * for_disliked / deviation


def _means(tastes: Sequence[Taste], ids: Sequence[str]) -> Matrix:
    """Each liked paper's part of all the reader likes."""
    place = {identifier: n for n, identifier in enumerate(ids)}
    cells = [
        (reader, place[paper.id], 1 / len(taste.liked))
        for reader, taste in enumerate(tastes)
        for paper in taste.liked
    ]
    return _sparse(cells, (len(tastes), len(ids)))


def _shares(tastes: Sequence[Taste], ids: Sequence[str], alike: Floats, recipe: Recipe) -> Matrix:
    """How much likeness to each paper counts: a row a reader for liked ones, then a row each for disliked.

    Kernel ridge regression of 1 at liked papers and 0 at disliked ones, these taken for less sure (Rasmussen
    & Williams 2006, 2.3): papers that are alike share their weight, and a disliked one counts as far as it
    is like what is liked.
    """
    place = {identifier: n for n, identifier in enumerate(ids)}
    cells: list[tuple[int, int, float]] = []
    for reader, taste in enumerate(tastes):
        at = [place[paper.id] for paper in (*taste.liked, *taste.disliked)]
        found = _ridge(alike[np.ix_(at, at)], len(taste.liked), recipe)
        cells += [
            (reader + len(tastes) * (n >= len(taste.liked)), where, share)
            for n, (where, share) in enumerate(zip(at, found, strict=True))
        ]
    return _sparse(cells, (2 * len(tastes), len(ids)))


def _ridge(alike: Floats, n_liked: int, recipe: Recipe) -> list[float]:
    n_disliked = len(alike) - n_liked
    if not n_liked:
        return [-1 / n_disliked] * n_disliked
    sure = min(recipe.dislike, n_liked / n_disliked) if n_disliked else 1.0
    noise = np.array([1.0] * n_liked + [1 / max(sure, 1e-6)] * n_disliked, np.float32)
    wanted = np.array([1.0] * n_liked + [0.0] * n_disliked, np.float32)
    return np.linalg.solve(alike + np.diag(noise), wanted).tolist()  # type: ignore[no-any-return]


# ---------------------------------------------------------------- phrases


def _from_phrases(scope: Scope, tastes: Sequence[Taste], own: Own) -> Floats:
    phrases = {query(interest): n for taste in tastes for n, interest in enumerate(taste.interests)}
    place = {phrase: n for n, phrase in enumerate(phrases)}
    if not phrases:
        return np.zeros((len(tastes), len(scope.rows)), np.float32)
    recipe = scope.corpus.recipe
    cells = [
        (reader, place[query(interest)], interest.weight / sum(one.weight for one in taste.interests))
        for reader, taste in enumerate(tastes)
        for interest in taste.interests
    ]
    asked = _sparse(cells, (len(tastes), len(phrases)))
    answers = _answers(scope, asked, list(phrases))
    near = _relative(scope, answers[:, scope.rows], own)
    reached = scope.reached(_best(answers, recipe.seeds))
    far = _relative(scope, np.log(reached + recipe.faint), own)
    n_liked = np.array([[len(taste.liked)] for taste in tastes], np.float32)
    has_phrases = np.array([[bool(taste.interests)] for taste in tastes], np.float32)
    fading = has_phrases * recipe.fading / (recipe.fading + n_liked)
    return fading * (recipe.answers * near + recipe.answers_graph * far)


def _answers(scope: Scope, asked: Matrix, phrases: Sequence[str]) -> Floats:
    """How well every stored paper answers each reader's phrases, in standard deviations."""
    views = scope.corpus.views
    words, subjects, meant = ask(views, phrases)
    by_words = np.asarray(((asked @ words) @ views.relevance.T).toarray(), np.float32)
    by_subject = (asked @ subjects) @ views.subjects.T
    by_meaning = (asked @ meant) @ views.meanings.T
    return zscore(by_words) + zscore(by_subject) + zscore(by_meaning)


def answers_by_phrase(scope: Scope, phrases: Sequence[str]) -> Floats:
    """How well each paper of a scope answers each phrase alone: a row a phrase, none below 0."""
    each = _sparse([(n, n, 1.0) for n in range(len(phrases))], (len(phrases), len(phrases)))
    return np.maximum(_answers(scope, each, phrases)[:, scope.rows], 0.0)


def _best(answers: Floats, wanted: int) -> Matrix:
    """The best answers of each reader, by how good they are; together 1."""
    wanted = min(wanted, answers.shape[1])
    best = np.argpartition(answers, -wanted, axis=1)[:, -wanted:]
    strength = np.maximum(np.take_along_axis(answers, best, axis=1), 0)
    strength /= np.maximum(strength.sum(axis=1, keepdims=True), 1e-9)
    rows = np.repeat(np.arange(len(answers)), wanted)
    return sparse.csr_array((strength.ravel(), (rows, best.ravel())), shape=answers.shape)


def zscore(values: Floats) -> Floats:
    """Each row about its mean, in its standard deviations; a row without any is all 0."""
    if not values.size:
        return values
    centred = values - values.mean(axis=-1, keepdims=True)
    deviation = centred.std(axis=-1, keepdims=True)
    return np.asarray(centred / np.where(deviation > 1e-9, deviation, np.inf), np.float32)
