"""What liked and disliked papers and the meaning of phrases say of the papers of a scope, for many readers.

Every part is measured against everything stored but the reader's own papers: in standard deviations above the
mean of the reference. So a quiet day scores low, and two readers' scores mean the same. A row is a reader, a
column a paper of the scope; every part is a sum over the reader's papers, or phrases, but for its last step.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from digest.model import Paper
from digest.scoring.corpus import represent, seeds_of
from digest.scoring.recipe import Recipe
from digest.scoring.scope import Rows, Scope
from digest.scoring.taste import Taste, query
from digest.scoring.terms import Matrix
from digest.scoring.views import Floats, ask, products


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
_CELLS = 1_000_000
"""How many numbers the likenesses may be that are solved at once."""

Own = Sequence[Rows]
"""For each reader, which places of the reference hold papers of the reader's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What is learned of each paper of a scope for each reader, in standard deviations."""

    liked: Floats
    """From liked papers, before what disliked ones take away."""
    disliked: Floats
    """What likeness to disliked papers adds: mostly below 0."""
    near_disliked: Floats
    """How much nearer papers come to disliked papers than to liked ones, 0..1."""
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
        return Learned(liked=nothing, disliked=nothing, near_disliked=nothing, phrases=nothing, own=())
    own = [scope.in_reference(paper.id for paper in (*taste.liked, *taste.disliked)) for taste in tastes]
    liked, disliked, near_disliked = _from_papers(scope, tastes, own)
    phrases = _from_phrases(scope, tastes, own)
    return Learned(liked=liked, disliked=disliked, near_disliked=near_disliked, phrases=phrases, own=own)


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


def mean_and_deviation(
    scope: Scope, values: Floats, own: Own, expected: Expected, scale: Floats | float = 1.0
) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each row's reference and what is expected, together."""
    mean, variance, n = measured(scope, values, own)
    whole = n + EXPECTED
    middle = (n * mean + EXPECTED * expected.mean * scale) / whole
    spread = n * (variance + (mean - middle) ** 2)
    spread += EXPECTED * ((expected.deviation * scale) ** 2 + (expected.mean * scale - middle) ** 2)
    return np.asarray(middle, np.float32), np.asarray(np.sqrt(spread / whole), np.float32)


def _relative(scope: Scope, values: Floats, own: Own) -> Floats:
    """In standard deviations above the mean of the reference; less of it where little is stored."""
    mean, variance, n = measured(scope, values, own)
    deviation = np.where(variance > 1e-12, np.sqrt(variance), np.inf)
    return (values - mean) / deviation * (n / (n + RELATIVE))


def _rows(columns: Sequence[Rows], values: Sequence[Floats], width: int) -> Matrix:
    """A sparse matrix, row by row."""
    ends = np.concatenate([[0], np.cumsum([len(row) for row in columns])])
    cells = np.concatenate(values).astype(np.float32), np.concatenate(columns), ends
    return sparse.csr_array(cells, shape=(len(columns), width))


# ---------------------------------------------------------------- papers


def _from_papers(scope: Scope, tastes: Sequence[Taste], own: Own) -> tuple[Floats, Floats, Floats]:
    """What liked papers say, what disliked ones take of that, and how near papers come to these, 0..1."""
    papers = list({paper.id: paper for taste in tastes for paper in (*taste.liked, *taste.disliked)}.values())
    if not papers:
        nothing = np.zeros((len(tastes), len(scope.rows)), np.float32)
        return nothing, nothing, nothing
    recipe, views, n = scope.corpus.recipe, scope.corpus.views, len(tastes)
    weights, subjects, dense = represent(scope.corpus, papers)
    likeness = _Likeness(recipe.terms * (weights @ weights.T).toarray(), dense)
    (liked_at, disliked_at), nowhere = _places(tastes, papers), [np.empty(0, np.intp)] * n
    each = _mean_rows(liked_at, len(papers))
    shares = _shares(liked_at, disliked_at, likeness, recipe)
    against = _shares(disliked_at, nowhere, likeness, recipe)
    sums = sparse.vstack([shares.of_papers, against.of_papers[:n]], format="csr")
    by_terms = scope.by_terms(sparse.vstack([each, sums], format="csr") @ weights)
    common = scope.by_views(each @ (subjects * views.common), views.projected)
    by_views = scope.by_views(sums @ dense, scope.corpus.dense)
    for_liked, for_disliked, like_disliked = np.split(recipe.terms * by_terms[n:] + by_views, 3)
    reached = scope.reached(each @ seeds_of(scope.corpus, papers, weights, dense))
    n_liked = np.array([[len(taste.liked)] for taste in tastes], np.float32)
    mean, deviation = mean_and_deviation(scope, for_liked + for_disliked, own, ALIKE, shares.sums)
    told = recipe.telling * (n_liked / (n_liked + recipe.telling_from)) ** 2
    liked = recipe.direct * (for_liked - mean) / deviation
    liked += recipe.graph * _relative(scope, np.log(reached + recipe.faint), own)
    liked += told * _relative(scope, by_terms[:n] - common, own)
    near = _nearness(for_liked - mean, shares.fitted - mean)
    liked = np.where(liked > 0, liked * np.minimum(near / recipe.near_enough, 1.0), liked)
    usual, _ = mean_and_deviation(scope, like_disliked, own, ALIKE, against.sums)
    near_disliked = _nearness(like_disliked - usual, against.fitted - usual)
    return (
        liked * (n_liked > 0),
        recipe.direct * for_disliked / deviation,
        np.maximum(near_disliked - near, 0.0),
    )


def _mean_rows(places: Sequence[Rows], n_papers: int) -> Matrix:
    """Each reader's papers, counting alike."""
    return _rows(places, [np.full(len(at), 1 / max(len(at), 1)) for at in places], n_papers)


def _nearness(above: Floats, fitted: Floats) -> Floats:
    """How far each paper is on the way from the mean of all, 0, to the reader's own papers, 1."""
    return np.where(fitted > 1e-6, np.clip(above / np.maximum(fitted, 1e-6), 0.0, 1.0), 0.0)


def _places(tastes: Sequence[Taste], papers: Sequence[Paper]) -> tuple[list[Rows], list[Rows]]:
    """Where each reader's liked papers stand in a list, and the disliked ones."""
    place = {paper.id: n for n, paper in enumerate(papers)}
    liked = [np.array([place[paper.id] for paper in taste.liked], np.intp) for taste in tastes]
    disliked = [np.array([place[paper.id] for paper in taste.disliked], np.intp) for taste in tastes]
    return liked, disliked


@dataclass(frozen=True, slots=True)
class _Likeness:
    """How alike papers of a list are, by terms and by the other views, which are multiplied when wanted."""

    by_terms: Floats
    dense: Floats

    def among(self, papers: Rows) -> Floats:
        """Of each reader's papers to each other; a row of places a reader.

        Multiplied reader by reader, that the bits do not depend on who else is asked for.
        """
        dense = self.dense[papers]
        by_terms = self.by_terms[papers[:, :, None], papers[:, None, :]]
        return np.asarray(by_terms + dense @ dense.transpose(0, 2, 1), np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shares:
    """How much likeness to each paper counts; a row a reader."""

    of_papers: Matrix
    """A row a reader for liked ones, then a row each for disliked."""
    sums: Floats
    """Of a reader's liked papers together."""
    fitted: Floats
    """What they get of that themselves, in the mean."""


def _shares(liked: Sequence[Rows], disliked: Sequence[Rows], likeness: _Likeness, recipe: Recipe) -> _Shares:
    """How much likeness to each paper counts.

    Kernel ridge regression of 1 at liked
    papers and 0 at disliked ones, these taken for less sure (Rasmussen & Williams 2006, 2.3): papers that are
    alike share their weight, and a disliked one counts as far as it is like what is liked. Readers with as
    many papers are solved for together.
    """
    numbers = [(len(likes), len(dislikes)) for likes, dislikes in zip(liked, disliked, strict=True)]
    for_liked: list[Floats] = [np.empty(0, np.float32)] * len(liked)
    for_disliked = for_liked.copy()
    fitted, sums = np.zeros(len(liked)), np.zeros(len(liked))
    for readers in _alike_in_number(numbers):
        n_liked, _ = numbers[readers[0]]
        alike = likeness.among(
            np.array([np.concatenate([liked[reader], disliked[reader]]) for reader in readers])
        )
        found = _ridge(alike, n_liked, recipe)
        of_liked = found[:, :n_liked]
        sums[readers] = np.abs(of_liked).sum(axis=1)
        fitted[readers] = (alike[:, :n_liked, :n_liked].mean(axis=1) * of_liked).sum(axis=1) if n_liked else 0
        for reader, shares in zip(readers, found, strict=True):
            for_liked[reader], for_disliked[reader] = shares[:n_liked], shares[n_liked:]
    return _Shares(
        of_papers=_rows([*liked, *disliked], [*for_liked, *for_disliked], len(likeness.dense)),
        sums=_column(np.maximum(sums, 1e-9)),
        fitted=_column(fitted),
    )


def _alike_in_number(numbers: Sequence[tuple[int, int]]) -> Iterator[Sequence[int]]:
    """The readers with as many liked and disliked papers, in portions that fit into memory."""
    readers: dict[tuple[int, int], list[int]] = {}
    for reader, one in enumerate(numbers):
        readers.setdefault(one, []).append(reader)
    for (n_liked, n_disliked), found in readers.items():
        at_once = max(1, _CELLS // max((n_liked + n_disliked) ** 2, 1))
        yield from (found[start : start + at_once] for start in range(0, len(found), at_once))


def _ridge(alike: Floats, n_liked: int, recipe: Recipe) -> Floats:
    """A row a reader."""
    n_readers, n_papers, _ = alike.shape
    n_disliked = n_papers - n_liked
    if not n_liked:
        return np.full((n_readers, n_papers), -1 / max(n_disliked, 1), np.float32)
    sure = min(recipe.dislike, n_liked / n_disliked) if n_disliked else 1.0
    noise = np.array([1.0] * n_liked + [1 / max(sure, 1e-6)] * n_disliked, np.float32)
    wanted = np.array([1.0] * n_liked + [0.0] * n_disliked, np.float32)
    return np.asarray(np.linalg.solve(alike + np.diag(noise), wanted[:, None])[..., 0], np.float32)


# ---------------------------------------------------------------- phrases


def _from_phrases(scope: Scope, tastes: Sequence[Taste], own: Own) -> Floats:
    asked, phrases = _asked(tastes)
    if not phrases:
        return np.zeros((len(tastes), len(scope.rows)), np.float32)
    recipe = scope.corpus.recipe
    answers = _answers(scope, asked, phrases)
    near = _relative(scope, scope.of(answers), own)
    reached = scope.reached(_best(answers, recipe.seeds))
    far = _relative(scope, np.log(reached + recipe.faint), own)
    n_liked = np.array([[len(taste.liked)] for taste in tastes], np.float32)
    has_phrases = np.array([[bool(taste.interests)] for taste in tastes], np.float32)
    fading = has_phrases * recipe.fading / (recipe.fading + n_liked)
    return fading * (recipe.answers * near + recipe.answers_graph * far)


def _asked(tastes: Sequence[Taste]) -> tuple[Matrix, list[str]]:
    """Each reader's phrases by their share of the reader's weights, and the phrases of all, each once."""
    place: dict[str, int] = {}
    columns, values = [], []
    for taste in tastes:
        at = [place.setdefault(query(interest), len(place)) for interest in taste.interests]
        weights = np.array([interest.weight for interest in taste.interests], np.float32)
        columns.append(np.array(at, np.intp))
        values.append(weights / max(float(weights.sum()), 1e-9))
    return _rows(columns, values, len(place)), list(place)


def _answers(scope: Scope, asked: Matrix, phrases: Sequence[str]) -> Floats:
    """How well every stored paper answers each reader's phrases, in standard deviations."""
    views = scope.corpus.views
    words, subjects, meant = ask(views, phrases)
    by_words = np.asarray(((asked @ words) @ views.relevance.T).toarray(), np.float32)
    by_subject = products(asked @ subjects, views.subjects)
    by_meaning = products(asked @ meant, views.meanings)
    return zscore(by_words) + zscore(by_subject) + zscore(by_meaning)


def answers_by_phrase(scope: Scope, phrases: Sequence[str]) -> Floats:
    """How well each paper of a scope answers each phrase alone: a row a phrase, none below 0."""
    each = sparse.eye_array(len(phrases), dtype=np.float32, format="csr")
    return np.maximum(scope.of(_answers(scope, each, phrases)), 0.0)


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
