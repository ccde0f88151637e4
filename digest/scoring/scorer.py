"""Paper x profile -> score of 0 to 100 whose reasons add up to it.

Every piece of evidence is a number; the evidence `e` of a paper is their sum, and its score is
`100 * (1 - exp(-e))`: one strong match counts much, a third one little, and 100 is never passed. The points
of a reason are its share, rounded so that the sum stays exact. What speaks against a paper is taken away
from what the rest would have given: 0 is never passed either.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import exp, floor

from digest.model import Interest, Paper, Profile, Reason, ReasonKind, Score
from digest.scoring.phrases import Field, Match, Phrase, field, find, phrase
from digest.scoring.similarity import Frequencies, Vector, frequencies, shared, term_counts, vector
from digest.text import fold, shorten, words

# Evidence of an interest of weight 10, by how it is found. Evidence 1.0 alone is 63 points.
IN_TITLE = 1.0
IN_ABSTRACT = 0.6
NEAR = 0.7
"""Factor for a phrase with other words between its own."""
BY_AUTHOR = 0.6
BY_ORGANIZATION = 0.4
LIKE = 1.0
"""Evidence of a paper as similar to a liked one as they get."""
UNALIKE, ALIKE = 0.06, 0.36
"""Cosines at which similarity begins to say something, and at which it says all it can."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A paper read once, for all profiles."""

    paper: Paper
    title: Field
    abstract: Field
    terms: Counter[str]
    vector: Vector


@dataclass(frozen=True, slots=True)
class Corpus:
    """All papers read, and how rare their terms are."""

    readings: Mapping[str, Reading]
    known: Frequencies


@dataclass(frozen=True, slots=True)
class Taste:
    """A profile made ready for scoring."""

    interests: tuple[tuple[Interest, tuple[Phrase, ...]], ...]
    avoid: tuple[tuple[Interest, tuple[Phrase, ...]], ...]
    authors: Mapping[tuple[str, ...], str]
    organizations: tuple[tuple[Phrase, str], ...]
    liked: tuple[tuple[Paper, Vector], ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that speaks for a paper (or against it, below zero), before it is points."""

    kind: ReasonKind
    label: str
    weight: float
    words: tuple[str, ...] = ()


def read_papers(papers: Iterable[Paper]) -> Corpus:
    """Read papers once, to score them for any number of readers."""
    terms = {paper.id: (paper, term_counts(paper.title, paper.abstract or "")) for paper in papers}
    known = frequencies(counted for _, counted in terms.values())
    return Corpus(readings={key: _reading(*read, known) for key, read in terms.items()}, known=known)


def _reading(paper: Paper, terms: Counter[str], known: Frequencies) -> Reading:
    abstract = field(paper.abstract or "")
    return Reading(
        paper=paper, title=field(paper.title), abstract=abstract, terms=terms, vector=vector(terms, known)
    )


def taste_of(profile: Profile, liked: Iterable[Paper], known: Frequencies) -> Taste:
    """Make a profile ready for scoring against papers whose terms are `known`."""
    return Taste(
        interests=tuple((interest, _phrases(interest)) for interest in profile.interests),
        avoid=tuple((interest, _phrases(interest)) for interest in profile.avoid),
        authors={_name_key(author): author for author in profile.authors},
        organizations=tuple((phrase(name), name) for name in profile.organizations),
        liked=tuple(
            (paper, vector(term_counts(paper.title, paper.abstract or ""), known)) for paper in liked
        ),
    )


def _phrases(interest: Interest) -> tuple[Phrase, ...]:
    return tuple(phrase(text) for text in (interest.phrase, *interest.aliases))


def _name_key(name: str) -> tuple[str, ...]:
    """One key for "He, Kaiming", "Kaiming He" and "Kaiming X. He"; another for "K. He"."""
    parts = sorted(fold(name[word.start : word.end]) for word in words(name))
    full = tuple(part for part in parts if len(part) > 1)
    return full if len(full) > 1 else tuple(parts)


# ---------------------------------------------------------------- one paper


def score(reading: Reading, taste: Taste) -> Score:
    """The score of one paper for one reader, strongest reasons first."""
    found = [*_interests(reading, taste), *_follows(reading, taste), *_likes(reading, taste)]
    evidence = sorted(found, key=lambda piece: (-piece.weight, piece.label))
    return Score(
        value=score_value(sum(piece.weight for piece in evidence)),
        reasons=tuple(_reasons(evidence)),
        followed=any(piece.kind in (ReasonKind.AUTHOR, ReasonKind.ORGANIZATION) for piece in evidence),
        avoided=any(piece.kind is ReasonKind.AVOID for piece in evidence),
    )


def score_value(evidence: float) -> int:
    """0..100 for an amount of evidence; none or less is 0."""
    return round(100 * (1 - exp(-max(evidence, 0.0))))


def _interests(reading: Reading, taste: Taste) -> Iterable[Evidence]:
    for interest, phrases in taste.interests:
        if piece := _interest(reading, interest, phrases, ReasonKind.INTEREST):
            yield piece
    for interest, phrases in taste.avoid:
        if piece := _interest(reading, interest, phrases, ReasonKind.AVOID):
            yield piece


def _interest(
    reading: Reading, interest: Interest, phrases: tuple[Phrase, ...], kind: ReasonKind
) -> Evidence | None:
    """What an interest gives: its best place counts, once, however many of its aliases are there."""
    places = ((reading.title, "title", IN_TITLE), (reading.abstract, "abstract", IN_ABSTRACT))
    names = (interest.phrase, *(f"{interest.phrase}, as “{alias}”" for alias in interest.aliases))
    found = [
        (worth * _factor(match), f"{name} ({place_name})", match)
        for place, place_name, worth in places
        for name, sought in zip(names, phrases, strict=True)
        if (match := find(sought, place))
    ]
    if not found:
        return None
    strength, label, _ = max(found, key=lambda one: one[0])
    sign = -1 if kind is ReasonKind.AVOID else 1
    return Evidence(
        kind=kind,
        label=label,
        weight=sign * strength * interest.weight / 10,
        words=tuple(dict.fromkeys(surface for *_, match in found for surface in match.surfaces)),
    )


def _factor(match: Match) -> float:
    return 1.0 if match.exact else NEAR


def _follows(reading: Reading, taste: Taste) -> Iterable[Evidence]:
    for name in dict.fromkeys(_name_key(author) for author in reading.paper.authors or ()):
        if followed := taste.authors.get(name):
            yield Evidence(ReasonKind.AUTHOR, f"follows {followed}", BY_AUTHOR)
    affiliation = field(f"{reading.paper.organization_slug or ''} {reading.paper.organization or ''}")
    for sought, organization in taste.organizations:
        if (match := find(sought, affiliation)) and match.exact:
            yield Evidence(ReasonKind.ORGANIZATION, f"follows {organization}", BY_ORGANIZATION)


def _likes(reading: Reading, taste: Taste) -> Iterable[Evidence]:
    """The liked paper this one is nearest to, with the words that carried it."""
    others = [
        (paper, shared(reading.vector, liked)) for paper, liked in taste.liked if paper != reading.paper
    ]
    if not others:
        return
    nearest, terms = max(others, key=lambda other: (sum(other[1].values()), other[0].id))
    strength = (sum(terms.values()) - UNALIKE) / (ALIKE - UNALIKE)
    if strength > 0:
        weight = LIKE * min(strength, 1.0)
        yield Evidence(
            ReasonKind.LIKED, f"like {shorten(nearest.title, 60)}", weight, _carrying(reading, terms)
        )


def _carrying(reading: Reading, terms: Mapping[str, float]) -> tuple[str, ...]:
    """The three terms that gave most to a similarity, as written in this paper."""
    best = sorted(terms, key=lambda term: (-terms[term], term))[:3]
    written = dict.fromkeys(match for term in best if (match := _as_written(reading, term)))
    return tuple(one for one in written if not any(one != other and one in other for other in written))


def _as_written(reading: Reading, term: str) -> str | None:
    stems = Phrase(parts=f" {term} ", wholes=f" {term} ", near=None)
    match = find(stems, reading.title) or find(stems, reading.abstract)
    return match.surfaces[0] if match else None


# ---------------------------------------------------------------- points


def _reasons(evidence: list[Evidence]) -> Iterable[Reason]:
    """What speaks for a paper shares the score it would have alone; what speaks against, what that loses."""
    gains = [piece for piece in evidence if piece.weight > 0]
    losses = [piece for piece in evidence if piece.weight < 0]
    gained = score_value(sum(piece.weight for piece in gains))
    lost = gained - score_value(sum(piece.weight for piece in evidence))
    points = share([piece.weight for piece in gains], gained)
    points += [-lost for lost in share([-piece.weight for piece in losses], lost)]
    for piece, given in zip(gains + losses, points, strict=True):
        if given:
            yield Reason(kind=piece.kind, label=piece.label, points=given, words=piece.words)


def share(weights: list[float], total: int) -> list[int]:
    """Whole numbers in proportion to positive weights, adding up to `total` exactly (largest remainder)."""
    whole = sum(weights)
    exact = [total * weight / whole for weight in weights]
    points = [floor(value) for value in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: (points[i] - exact[i], i))
    for i in by_remainder[: total - sum(points)]:
        points[i] += 1
    return points
