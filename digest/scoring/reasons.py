"""Why a paper has its score: points that add up to it exactly, each for one thing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from math import floor
from typing import TypeVar

import numpy as np

from digest.model import Paper, Reason, ReasonKind, Score, Where
from digest.scoring.corpus import represent
from digest.scoring.learned import answers_by_phrase
from digest.scoring.literal import Index, field_of, fields
from digest.scoring.phrases import Phrase, find, phrase
from digest.scoring.scope import Scope
from digest.scoring.scorer import About, Evidence, Scored, literal, phrases_of, score_value
from digest.scoring.taste import Taste, query, texts
from digest.scoring.terms import Matrix
from digest.scoring.views import Floats, products
from digest.text import shorten, spellings

Key = TypeVar("Key", str, int)

NAMED = 2
"""At most so many papers are named as the nearest, and so many phrases that a paper only comes near."""
A_FEW_POINTS = 0.15
"""Evidence up to which only one paper, or phrase, is named."""
WORTH_NAMING = 0.25
"""What gives less than this share of what the largest gives is not named; its points go to those named."""
CARRIERS = 3
"""How many words are told that carried a likeness."""


class Explainer:
    """Tells one reader's reasons for papers of a scope."""

    def __init__(self, scope: Scope, index: Index, taste: Taste, scored: Scored, grounds: "_Grounds") -> None:
        self._scope, self._taste, self._scored, self._grounds = scope, taste, scored, grounds
        self._literal = tuple(literal(index, taste))

    def explain(self, place: int) -> Score:
        """The score of one paper, strongest reasons first; `value == sum(reason.points)`, always."""
        paper, brief = self._paper(place), self._scored.briefly(place)
        pieces = {one.about: one.at(place) for one in self._literal if place in one.places}
        for about, piece in self._learned(place):
            said = pieces.get(about)
            pieces[about] = said._replace(weight=said.weight + piece.weight) if said else piece
        told = [
            piece._replace(weight=round(piece.weight, 4), words=piece.words or self._marked(piece, paper))
            for piece in pieces.values()
        ]  # rounded, so that what is worth the same comes in the order of the alphabet
        told.sort(key=lambda piece: (-piece.weight, piece.about))
        reasons = tuple(_reasons(told, brief.value))
        return Score(value=brief.value, reasons=reasons, followed=brief.followed, avoided=brief.avoided)

    def _paper(self, place: int) -> Paper:
        return self._scope.corpus.papers[int(self._scope.rows[place])]

    def _learned(self, place: int) -> Iterator[tuple[About, Evidence]]:
        """The learned evidence of one paper, shared out to the phrases and papers it came from."""
        gained, lost = float(self._scored.gained[place]), float(self._scored.lost[place])
        phrases = max(float(self._scored.from_phrases[place]), 0.0) if self._taste.interests else 0.0
        liked = max(float(self._scored.from_liked[place]), 0.0) if self._taste.liked else 0.0
        if not phrases and not liked:
            phrases, liked = float(bool(self._taste.interests)), float(bool(self._taste.liked))
        to_phrases = gained * phrases / ((phrases + liked) or 1.0)
        if to_phrases:
            yield from self._for_phrases(place, to_phrases)
        if liked:
            yield from self._for_papers(place, gained - to_phrases, ReasonKind.LIKED)
        if lost:
            yield from self._for_papers(place, -lost, ReasonKind.DISLIKED)

    def _for_phrases(self, place: int, weight: float) -> Iterator[tuple[About, Evidence]]:
        answers = self._grounds.answers[:, place].tolist()
        worth = {
            one.phrase: one.weight * answer
            for one, answer in zip(self._taste.interests, answers, strict=True)
        }
        for name, share in _shares(worth, _named(weight)).items():
            piece = Evidence(kind=ReasonKind.INTEREST, about=name, where=Where.NEAR, weight=weight * share)
            yield (ReasonKind.INTEREST, name), piece

    def _for_papers(self, place: int, weight: float, kind: ReasonKind) -> Iterator[tuple[About, Evidence]]:
        """The one or two papers that are nearest, with the words that carried the likeness."""
        papers, near = (
            (self._taste.liked, self._grounds.liked)
            if kind is ReasonKind.LIKED
            else (self._taste.disliked, self._grounds.disliked)
        )
        row = int(self._scope.rows[place])
        for n, share in _shares(dict(enumerate(near.alike[:, place].tolist())), _named(weight)).items():
            about = shorten(papers[n].title or papers[n].id, 60)
            words = self._carriers(near.weights, near.rows[n], row)
            yield (kind, papers[n].id), Evidence(kind=kind, about=about, weight=weight * share, words=words)

    def _carriers(self, weights: Matrix, one: int, row: int) -> tuple[str, ...]:
        """The terms that give most to the likeness of two papers, as written in the paper of that row."""
        corpus = self._scope.corpus
        best, paper = _in_common(weights, one, corpus.views.weights, row), corpus.papers[row]
        names = map(corpus.views.terms.name, best[: 2 * CARRIERS])
        written = [_as_written(paper.title, paper.abstract or "", name) for name in names]
        return _apart([one for one in written if one])[:CARRIERS]

    def _marked(self, piece: Evidence, paper: Paper) -> tuple[str, ...]:
        """The words by which a phrase stands in a paper, as written there; none for a name or a paper."""
        if piece.where is None or piece.where is Where.NEAR:
            return ()
        wanted = [
            one for one, kind in phrases_of(self._taste) if (kind, one.phrase) == (piece.kind, piece.about)
        ]
        sought = [phrase(text) for interest in wanted for text in texts(interest)]
        found = [find(one, place) for place in fields(paper) for one in sought]
        return tuple(dict.fromkeys(surface for match in found if match for surface in match.surfaces))


def _named(weight: float) -> int:
    """How many names so much evidence is worth: a few points are told of one thing."""
    return NAMED if abs(weight) > A_FEW_POINTS else 1


def _in_common(some: Matrix, one: int, others: Matrix, other: int) -> list[int]:
    """The terms of two rows, those first that give most to their product."""
    mine = slice(some.indptr[one], some.indptr[one + 1])
    theirs = slice(others.indptr[other], others.indptr[other + 1])
    terms, known = others.indices[theirs], some.indices[mine]
    at = np.minimum(np.searchsorted(terms, known), max(len(terms) - 1, 0))
    if not len(terms):
        return []
    is_common = terms[at] == known
    worth = some.data[mine][is_common] * others.data[theirs][at[is_common]]
    found: list[int] = known[is_common][np.argsort(-worth, kind="stable")].tolist()
    return found


@lru_cache(maxsize=65_536)
def _as_written(title: str, abstract: str, stems: str) -> str | None:
    """How a term is written in a paper, in its title if it stands there; some 20 MB."""
    sought = Phrase(parts=f" {stems} ", wholes=f" {stems} ", near=())
    match = find(sought, field_of(title)) or find(sought, field_of(abstract))
    return match.surfaces[0] if match else None


def _apart(texts: Sequence[str]) -> tuple[str, ...]:
    """Texts that share no word, in their order; of "twin", "networks" and "twin networks" the last."""
    told: list[tuple[str, frozenset[str]]] = []
    for text in sorted(texts, key=lambda one: -_said_in(one)[0]):
        _, said = _said_in(text)
        if not any(said & other for _, other in told):
            told.append((text, said))
    kept = {text for text, _ in told}
    return tuple(dict.fromkeys(text for text in texts if text in kept))


@lru_cache(maxsize=16_384)
def _said_in(text: str) -> tuple[int, frozenset[str]]:
    """How many words a text has, and which."""
    return len(spellings(text)), frozenset(spellings(text.lower()))


def _shares(worth: Mapping[Key, float], most: int) -> dict[Key, float]:
    """The largest, made to add up to 1; the first alone where nothing is worth anything."""
    best = sorted(worth, key=lambda key: (-worth[key], key))[:most]
    kept = [key for key in best if worth[key] >= WORTH_NAMING * worth[best[0]]]
    whole = sum(worth[key] for key in kept)
    return {key: worth[key] / whole for key in kept} if whole else dict.fromkeys(best[:1], 1.0)


# ---------------------------------------------------------------- grounds


@dataclass(frozen=True, slots=True)
class _Near:
    """A reader's liked papers, or the disliked ones, beside the papers of a day."""

    weights: Matrix
    """The terms of these papers and others ..."""
    rows: list[int]
    """... and where theirs stand."""
    alike: Floats
    """How alike they are, squared: a row for each of them, a column a paper of the day."""


@dataclass(frozen=True, slots=True)
class _Grounds:
    """What a reader's reasons are told from."""

    answers: Floats
    """How well each paper of the day answers each phrase alone: a row a phrase."""
    liked: _Near
    disliked: _Near


def explainers(
    scope: Scope, index: Index, tastes: Sequence[Taste], scored: Sequence[Scored]
) -> list[Explainer]:
    """For each of many readers; what can be known of all their phrases and papers at once, is."""
    answers = _answers(scope, tastes)
    liked = _near(scope, [taste.liked for taste in tastes])
    disliked = _near(scope, [taste.disliked for taste in tastes])
    grounds = map(_Grounds, answers, liked, disliked)
    return [Explainer(scope, index, *one) for one in zip(tastes, scored, grounds, strict=True)]


def _answers(scope: Scope, tastes: Sequence[Taste]) -> list[Floats]:
    queries = [[query(interest) for interest in taste.interests] for taste in tastes]
    place = {one: n for n, one in enumerate(dict.fromkeys(chain.from_iterable(queries)))}
    answers = answers_by_phrase(scope, list(place))
    return [answers[[place[one] for one in asked]] for asked in queries]


def _near(scope: Scope, judged: Sequence[Sequence[Paper]]) -> list[_Near]:
    papers = list({paper.id: paper for some in judged for paper in some}.values())
    place = {paper.id: n for n, paper in enumerate(papers)}
    corpus, day = scope.corpus, scope.rows[: len(scope.places)]
    weights, _, dense = represent(corpus, papers)
    by_terms = (weights @ corpus.views.weights[day].T).toarray()
    alike = corpus.recipe.terms * by_terms + products(dense, corpus.dense[day])
    squared = np.maximum(alike, 1e-9) ** 2
    rows = [[place[paper.id] for paper in some] for some in judged]
    return [_Near(weights, at, squared[at]) for at in rows]


# ---------------------------------------------------------------- points


def _reasons(evidence: list[Evidence], value: int) -> Iterable[Reason]:
    """What speaks for a paper shares the score it would have alone; what speaks against, what that loses."""
    gains = [piece for piece in evidence if piece.weight > 0]
    losses = [piece for piece in evidence if piece.weight < 0]
    gained = max(score_value(sum(piece.weight for piece in gains)), value) if losses else value
    points = share([piece.weight for piece in gains], gained)
    against = [-piece.weight for piece in reversed(losses)]  # what takes more never takes fewer points
    points += [-lost for lost in reversed(share(against, gained - value))]
    for piece, given in zip(gains + losses, points, strict=True):
        if given:
            yield Reason(
                kind=piece.kind,
                about=piece.about,
                points=given,
                where=piece.where,
                said=piece.said,
                words=piece.words,
            )


def share(weights: list[float], total: int) -> list[int]:
    """Whole numbers in proportion to positive weights, adding up to `total` exactly (largest remainder)."""
    whole = sum(weights)
    exact = [total * weight / whole for weight in weights]
    points = [floor(value) for value in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: (points[i] - exact[i], i))
    for i in by_remainder[: total - sum(points)]:
        points[i] += 1
    return points
