"""Which papers say almost the same: uploads under two ids, a report and its extended version.

Reader-independent, so found once for all readers. Only papers that share runs of words, or a title, are
compared, so that the cost grows with the number of papers and not with its square.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import chain
from zlib import crc32

from digest.model import Paper
from digest.text import fold, title_key

TWINS_FROM = 0.75
"""Likeness from which two abstracts tell of one work."""
TITLED_TWINS_FROM = 0.45
"""Likeness from which two papers of one title are one work; that title alone makes strangers 0.2 alike."""
LEAST_ABSTRACT = 200
"""Characters; what two shorter texts share says too little."""
LEAST_TITLE = 16
"""Letters; "Editorial" and "Reply to the comments" are titles of many."""
RUN = 5
ONE_IN = 4
"""A run of words is looked at if a checksum of its first word says so: one in four."""
LEAST_RUNS = 2
"""One run in common may be a common phrase ("we conduct extensive experiments on")."""

Likeness = Callable[[str, str], float]


def find_twins(papers: Iterable[Paper], likeness: Likeness) -> Mapping[str, str]:
    """The papers that have twins, each with the name of its group: the smallest id in it.

    `likeness` of two ids is the cosine of their TF-IDF vectors, 0..1. Twins of a twin are twins. How the
    bounds were chosen: docs/decisions/0009-diversity-and-twins.md.
    """
    known = {paper.id: paper for paper in sorted(papers, key=lambda paper: paper.id)}
    above: dict[str, str] = {}
    for one, other in chain(_same_titles(known), _shared_runs(known)):
        low, high = sorted((_top(one, above), _top(other, above)))
        if low != high and _are_twins(known[one], known[other], likeness):
            above[high] = low
    return {identifier: _top(identifier, above) for identifier in {*above, *above.values()}}


def _top(identifier: str, above: dict[str, str]) -> str:
    """The smallest id of a paper's group, shortening the way there (union-find)."""
    while (higher := above.get(identifier)) is not None:
        above[identifier] = above.get(higher, higher)
        identifier = higher
    return identifier


def _are_twins(one: Paper, other: Paper, likeness: Likeness) -> bool:
    is_titled = _name(one.title) == _name(other.title)
    if not (one.abstract and other.abstract):
        return is_titled
    needed = TITLED_TWINS_FROM if is_titled else TWINS_FROM
    return likeness(one.id, other.id) >= needed


def _same_titles(known: Mapping[str, Paper]) -> Iterator[tuple[str, str]]:
    """Each paper with the first of its title."""
    first: dict[str, str] = {}
    for identifier, paper in known.items():
        name = _name(paper.title)
        if len(name) >= LEAST_TITLE and first.setdefault(name, identifier) != identifier:
            yield first[name], identifier


_VERSION = re.compile(
    r"[\s:(\[,-]*\b(?:v(?:ersion )?\d{1,2}|(?:extended|full|long|short|revised) (?:version|abstract|paper))"
    r"[)\]]?\s*$",
    re.IGNORECASE,
)


@lru_cache(maxsize=20_000)
def _name(title: str) -> str:
    """A title's key without what only tells versions apart; a number in a name ("SAM 2") stays."""
    return title_key(_VERSION.sub("", title[:400]))


# ---------------------------------------------------------------- runs of words


def _shared_runs(known: Mapping[str, Paper]) -> Iterator[tuple[str, str]]:
    """Each paper with those that were the first to have some runs of words of its abstract (Broder 1997)."""
    first: dict[int, str] = {}
    for identifier, paper in known.items():
        runs = _runs(paper.abstract or "")
        met = Counter(first.setdefault(run, identifier) for run in runs)
        yield from ((one, identifier) for one, n in met.items() if one != identifier and n >= LEAST_RUNS)


_WORD = re.compile(r"[^\W_]+")


def _runs(abstract: str) -> set[int]:
    """Checksums of a fixed sample of an abstract's runs of five words."""
    if len(abstract) < LEAST_ABSTRACT:
        return set()
    words = _WORD.findall(fold(abstract))
    starts = (i for i in range(len(words) - RUN + 1) if _is_sampled(words[i]))
    return {crc32(" ".join(words[i : i + RUN]).encode()) for i in starts}


@lru_cache(maxsize=100_000)
def _is_sampled(word: str) -> bool:
    return crc32(word.encode()) % ONE_IN == 0
