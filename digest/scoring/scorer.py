"""Paper x taste -> score of 0 to 100.

Every piece of evidence is a number; the evidence `e` of a paper is their sum, and its score is
`100 * (1 - exp(-e))`: one strong match counts much, a third one little, and 100 is never passed. Said in
chances: what each piece leaves open is multiplied (a noisy-or, Pearl 1988). What speaks against a paper is
taken away from what the rest would have given: 0 is never passed either.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from math import exp
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from digest.model import Interest, ReasonKind, Score, Where
from digest.scoring.learned import TOTAL, Learned, learn, mean_and_deviation
from digest.scoring.literal import Index, Said
from digest.scoring.scope import Scope
from digest.scoring.taste import Taste, texts
from digest.scoring.views import Floats

FOLLOWS = {ReasonKind.AUTHOR: 0.6, ReasonKind.ORGANIZATION: 0.4}
OPEN, STEEP = -5.5, 2.2
"""Learned evidence of a paper z deviations above everything stored: ln(1 + exp(OPEN + steep z)), where
`steep` comes near STEEP as more is known of the reader."""
VAGUE = 0.6
"""The most that phrases alone give by meaning, not by word: 45 points."""
SPOILT = 0.6
"""The most that likeness to a disliked paper takes of what speaks for a paper, word for word or learned."""
FELT = 0.05
"""Evidence lost to disliked papers from which on it is felt: five points at most."""
_CELLS = 1_000_000
"""How many numbers a table of readers and stored papers may have: 4 MB, and a dozen are made on the way."""

About = tuple[ReasonKind, str]
"""What a piece of evidence is about: a phrase, a name, the id of a paper."""


class Evidence(NamedTuple):
    """One thing that speaks for a paper (or against it, below zero), before it is points."""

    kind: ReasonKind
    about: str
    weight: float
    where: Where | None = None
    said: str = ""
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """The papers of a scope for one reader; the n-th number is of the n-th paper."""

    evidence: NDArray[np.float64]
    """What speaks for each paper, less what speaks against it."""
    from_liked: Floats
    """Learned, in deviations: how much of it is of liked papers, and how much of phrases."""
    from_phrases: Floats
    gained: Floats
    """Learned evidence before what is disliked is taken away."""
    lost: Floats
    """What likeness to disliked papers takes away."""
    near_disliked: Floats
    """How much nearer each paper comes to disliked papers than to liked ones, 0..1."""
    followed: frozenset[int] = frozenset()
    avoided: frozenset[int] = frozenset()

    def briefly(self, place: int) -> Score:
        """The score of one paper without its reasons."""
        value = score_value(float(self.evidence[place]))
        return _brief(value, place in self.followed, self.is_against(place))

    def all_briefly(self, n: int) -> list[Score]:
        """The scores of the first n papers without their reasons: a day's are the first of its scope."""
        evidence, lost = self.evidence[:n].tolist(), (self.lost[:n] > FELT).tolist()
        followed, avoided = self.followed, self.avoided
        return [
            _brief(score_value(evidence[place]), place in followed, lost[place] or place in avoided)
            for place in range(n)
        ]

    def is_against(self, place: int) -> bool:
        """Whether something speaks against a paper: what the reader avoids, or what she disliked."""
        return place in self.avoided or float(self.lost[place]) > FELT

    @property
    def exact(self) -> NDArray[np.float64]:
        """Scores before rounding."""
        return 100 * -np.expm1(-np.maximum(self.evidence, 0.0))


@lru_cache(maxsize=404)
def _brief(value: int, followed: bool, avoided: bool) -> Score:
    """A day has many papers of one score, and a score without reasons is only that."""
    return Score(value=value, followed=followed, avoided=avoided)


def score_value(evidence: float) -> int:
    """0..100 for an amount of evidence; none or less is 0."""
    return round(100 * (1 - exp(-max(evidence, 0.0))))


def score(scope: Scope, index: Index, taste: Taste) -> Scored:
    """Every paper of a scope for one reader."""
    return score_all(scope, index, [taste])[0]


def score_all(scope: Scope, index: Index, tastes: Sequence[Taste]) -> list[Scored]:
    """Every paper of a scope for each of many readers, in portions that fit into memory."""
    at_once = max(1, _CELLS // max(len(scope.corpus.papers), len(scope.rows), 1))
    portions = (tastes[start : start + at_once] for start in range(0, len(tastes), at_once))
    return [scored for portion in portions for scored in _score_portion(scope, index, portion)]


def _score_portion(scope: Scope, index: Index, tastes: Sequence[Taste]) -> list[Scored]:
    learned = learn(scope, tastes)
    gained, lost = _learned_evidence(scope, learned, tastes)
    bare = (
        Scored(
            evidence=gained[n].astype(np.float64) - lost[n],
            from_liked=learned.liked[n],
            from_phrases=learned.phrases[n],
            gained=gained[n],
            lost=lost[n],
            near_disliked=learned.near_disliked[n],
        )
        for n in range(len(tastes))
    )
    return [_with_literal(one, index, taste) for one, taste in zip(bare, tastes, strict=True)]


def _with_literal(scored: Scored, index: Index, taste: Taste) -> Scored:
    evidence = scored.evidence.copy()
    followed: set[int] = set()
    avoided: set[int] = set()
    for interest, kind in phrases_of(taste):
        said = index.said(texts(interest))
        worth = np.fromiter((one.worth for one in said.values()), float, len(said))
        evidence[list(said)] += worth * _signed(interest.weight / 10, kind)
        if kind is ReasonKind.AVOID:
            avoided.update(said)
    for _, kind, places in _names(index, taste):
        evidence[list(places)] += FOLLOWS[kind]
        followed.update(places)
    spoilt = SPOILT * scored.near_disliked * np.maximum(evidence, 0.0)
    return replace(
        scored,
        evidence=evidence - spoilt,
        lost=np.asarray(scored.lost + spoilt, np.float32),
        followed=frozenset(followed),
        avoided=frozenset(avoided),
    )


def _learned_evidence(scope: Scope, learned: Learned, tastes: Sequence[Taste]) -> tuple[Floats, Floats]:
    """What was learned, as evidence: gained without what is disliked, and lost by that."""
    total = learned.total
    mean, deviation = mean_and_deviation(scope, total, learned.own, TOTAL)
    told = np.array([[len(taste.liked) + bool(taste.interests)] for taste in tastes], np.float32)
    scale = STEEP * (told + 1) / (told + 2) / deviation
    something = np.array([[bool(t.liked or t.interests)] for t in tastes], np.float32)
    after = something * np.logaddexp(0.0, OPEN + scale * (total - mean))
    before = something * np.logaddexp(0.0, OPEN + scale * (total - learned.disliked - mean))
    no_papers = [reader for reader, taste in enumerate(tastes) if not taste.liked]
    after[no_papers], before[no_papers] = _bounded(after[no_papers]), _bounded(before[no_papers])
    return np.maximum(after, before), np.maximum(before - after, 0.0)


def _bounded(evidence: Floats) -> Floats:
    """What phrases give to papers that do not say them, in the same order, but never above VAGUE."""
    return np.asarray(VAGUE * -np.expm1(-evidence / VAGUE), np.float32)


# ---------------------------------------------------------------- word for word


@dataclass(frozen=True, slots=True)
class Literal:
    """A phrase or name of a taste, the papers that have it, and what that is as evidence."""

    about: About
    places: Collection[int]
    at: Callable[[int], Evidence]


def literal(index: Index, taste: Taste) -> Iterator[Literal]:
    """What papers say word for word, and who wrote them."""
    for interest, kind in phrases_of(taste):
        if said := index.said(texts(interest)):
            yield Literal((kind, interest.phrase), said, partial(_says, interest, kind, said))
    for name, kind, places in _names(index, taste):
        if places:
            yield Literal((kind, name), places, partial(_follows, name, kind))


def phrases_of(taste: Taste) -> Iterator[tuple[Interest, ReasonKind]]:
    """Every phrase of a taste, and whether it is wanted or avoided."""
    yield from ((interest, ReasonKind.INTEREST) for interest in taste.interests)
    yield from ((interest, ReasonKind.AVOID) for interest in taste.avoid)


def _names(index: Index, taste: Taste) -> Iterator[tuple[str, ReasonKind, Sequence[int]]]:
    yield from ((name, ReasonKind.AUTHOR, index.by_author(name)) for name in taste.authors)
    yield from (
        (name, ReasonKind.ORGANIZATION, index.from_organization(name)) for name in taste.organizations
    )


def _follows(name: str, kind: ReasonKind, _place: int) -> Evidence:
    return Evidence(kind=kind, about=name, weight=FOLLOWS[kind])


def _says(interest: Interest, kind: ReasonKind, by_place: Mapping[int, Said], place: int) -> Evidence:
    said = by_place[place]
    alias = "" if said.text == interest.phrase else said.text
    weight = _signed(said.worth * interest.weight / 10, kind)
    return Evidence(kind=kind, about=interest.phrase, where=Where(said.where), said=alias, weight=weight)


def _signed(weight: float, kind: ReasonKind) -> float:
    return -weight if kind is ReasonKind.AVOID else weight
