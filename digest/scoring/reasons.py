"""Why a paper has its score: points that add up to it exactly, each for one thing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from math import floor
from typing import TypeVar

import numpy as np

from digest.model import Paper, Reason, ReasonKind, Score, Where
from digest.scoring.corpus import represent
from digest.scoring.learned import answers_by_phrase
from digest.scoring.literal import Index, fields
from digest.scoring.phrases import Field, Phrase, find, phrase
from digest.scoring.scope import Scope
from digest.scoring.scorer import About, Evidence, Scored, literal_at, phrases_of, score_value
from digest.scoring.taste import Taste, query, texts
from digest.scoring.terms import Matrix
from digest.scoring.views import Floats
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

    def __init__(self, scope: Scope, index: Index, taste: Taste, scored: Scored) -> None:
        self._scope, self._index, self._taste, self._scored = scope, index, taste, scored

    def explain(self, place: int) -> Score:
        """The score of one paper, strongest reasons first; `value == sum(reason.points)`, always."""
        paper, value = self._paper(place), score_value(float(self._scored.evidence[place]))
        pieces = dict(literal_at(self._index, self._taste, place))
        for about, piece in self._learned(place):
            said = pieces.get(about)
            pieces[about] = replace(said, weight=said.weight + piece.weight) if said else piece
        told = [
            replace(one, weight=round(one.weight, 4), words=one.words or self._marked(about, paper))
            for about, one in pieces.items()
        ]  # rounded, so that what is worth the same comes in the order of the alphabet
        told.sort(key=lambda piece: (-piece.weight, piece.about))
        return replace(self._scored.briefly(place), reasons=tuple(_reasons(told, value)))

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
        answers = self._answers[:, place]
        worth = {one.phrase: one.weight * float(answers[n]) for n, one in enumerate(self._taste.interests)}
        for name, share in _shares(worth, _named(weight)).items():
            piece = Evidence(kind=ReasonKind.INTEREST, about=name, where=Where.NEAR, weight=weight * share)
            yield (ReasonKind.INTEREST, name), piece

    def _for_papers(self, place: int, weight: float, kind: ReasonKind) -> Iterator[tuple[About, Evidence]]:
        """The one or two papers that are nearest, with the words that carried the likeness."""
        papers, weights, dense = self._judged[kind]
        row, corpus = int(self._scope.rows[place]), self._scope.corpus
        by_terms = (weights @ corpus.views.weights[[row]].T).toarray()[:, 0]
        alike = np.maximum(corpus.recipe.terms * by_terms + dense @ corpus.dense[row], 1e-9) ** 2
        for n, share in _shares(dict(enumerate(alike.tolist())), _named(weight)).items():
            about = shorten(papers[n].title or papers[n].id, 60)
            words = self._carriers(weights[[n]], row)
            yield (kind, papers[n].id), Evidence(kind=kind, about=about, weight=weight * share, words=words)

    @cached_property
    def _judged(self) -> Mapping[ReasonKind, tuple[Sequence[Paper], Matrix, Floats]]:
        found = {}
        for kind, papers in (
            (ReasonKind.LIKED, self._taste.liked),
            (ReasonKind.DISLIKED, self._taste.disliked),
        ):
            weights, _, dense = represent(self._scope.corpus, papers)
            found[kind] = papers, weights, dense
        return found

    @cached_property
    def _answers(self) -> Floats:
        return answers_by_phrase(self._scope, [query(interest) for interest in self._taste.interests])

    def _carriers(self, weights: Matrix, row: int) -> tuple[str, ...]:
        """The terms that give most to the likeness of two papers, as written in the paper of that row."""
        views = self._scope.corpus.views
        common = weights.multiply(views.weights[[row]]).tocoo()
        best = common.coords[1][np.argsort(-common.data, kind="stable")[: 2 * CARRIERS]]
        here = fields(self._scope.corpus.papers[row])
        names = (views.terms.name(int(column)) for column in best)
        return _apart([match for name in names if (match := _as_written(here, name))])[:CARRIERS]

    def _marked(self, about: About, paper: Paper) -> tuple[str, ...]:
        """The words by which a phrase stands in a paper, as written there; none for a name or a paper."""
        wanted = [one for one, kind in phrases_of(self._taste) if (kind, one.phrase) == about]
        sought = [phrase(text) for interest in wanted for text in texts(interest)]
        found = [find(one, place) for place in fields(paper) for one in sought]
        return tuple(dict.fromkeys(surface for match in found if match for surface in match.surfaces))


def _named(weight: float) -> int:
    """How many names so much evidence is worth: a few points are told of one thing."""
    return NAMED if abs(weight) > A_FEW_POINTS else 1


def _as_written(here: tuple[Field, Field], stems: str) -> str | None:
    sought = Phrase(parts=f" {stems} ", wholes=f" {stems} ", near=())
    match = find(sought, here[0]) or find(sought, here[1])
    return match.surfaces[0] if match else None


def _apart(texts: Sequence[str]) -> tuple[str, ...]:
    """Texts that share no word, in their order; of "twin", "networks" and "twin networks" the last."""
    told: list[tuple[str, frozenset[str]]] = []
    for text in sorted(texts, key=lambda one: -len(spellings(one))):
        said = frozenset(spellings(text.lower()))
        if not any(said & other for _, other in told):
            told.append((text, said))
    kept = {text for text, _ in told}
    return tuple(dict.fromkeys(text for text in texts if text in kept))


def _shares(worth: Mapping[Key, float], most: int) -> dict[Key, float]:
    """The largest, made to add up to 1; the first alone where nothing is worth anything."""
    best = sorted(worth, key=lambda key: (-worth[key], key))[:most]
    kept = [key for key in best if worth[key] >= WORTH_NAMING * worth[best[0]]]
    whole = sum(worth[key] for key in kept)
    return {key: worth[key] / whole for key in kept} if whole else dict.fromkeys(best[:1], 1.0)


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
