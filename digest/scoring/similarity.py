"""How alike two papers are: the cosine of their TF-IDF vectors of words and word pairs."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log, sqrt

from digest.scoring.phrases import mentions
from digest.text import STOPWORDS

Vector = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Frequencies:
    """In how many of `papers` papers each term stands."""

    papers: int
    counts: Mapping[str, int]

    def rarity(self, term: str) -> float:
        """Smoothed inverse document frequency, ln((1 + N) / (1 + n)) + 1 (Salton & Buckley 1988)."""
        return log((1 + self.papers) / (1 + self.counts.get(term, 0))) + 1


def term_counts(title: str, abstract: str) -> Counter[str]:
    """How often each term stands in a paper; the title counts twice, words without a subject not at all."""
    counted = Counter(mentions(title))
    counted.update(counted)
    counted.update(mentions(abstract))
    return Counter({term: n for term, n in counted.items() if STOPWORDS.isdisjoint(term.split())})


def frequencies(papers: Iterable[Counter[str]]) -> Frequencies:
    """Count in how many papers each term stands."""
    counted = [terms.keys() for terms in papers]
    counts: Counter[str] = Counter()
    for terms in counted:
        counts.update(terms)
    return Frequencies(papers=len(counted), counts=counts)


def vector(terms: Counter[str], known: Frequencies) -> Vector:
    """The TF-IDF vector of length 1, with 1 + ln(count) for the count; empty for a paper without words."""
    weights = {term: (1 + log(n)) * known.rarity(term) for term, n in terms.items()}
    length = sqrt(sum(weight * weight for weight in weights.values()))
    return {term: weight / length for term, weight in weights.items()} if length else {}


def shared(one: Vector, other: Vector) -> dict[str, float]:
    """What each common term gives to the cosine of two vectors; their sum is the cosine, 0..1."""
    small, large = sorted((one, other), key=len)
    return {term: weight * large[term] for term, weight in small.items() if term in large}
