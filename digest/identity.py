"""When two lists mean the same paper, and what is then known of it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from hashlib import sha256
from typing import TypeVar

from digest.model import Candidate, Listing, Observation, Paper
from digest.text import title_key

T = TypeVar("T")
TITLE_PREFIX = "title:"
LIBRARY = "library"
"""The source of a paper that is known from a reader's own file alone: private text."""


def title_identity(title: str) -> str:
    """The id of a paper known by nothing but its title: its letters and digits, or a hash without any."""
    return TITLE_PREFIX + (title_key(title) or sha256(title.encode()).hexdigest()[:16])


def is_title_only(identifier: str) -> bool:
    """Whether this id was made from a title, for want of a better one."""
    return identifier.startswith(TITLE_PREFIX)


def identities(paper: Paper) -> frozenset[str]:
    """The ids a list may have this paper under: its own, and the one of its title."""
    return frozenset((paper.id, title_identity(paper.title)))


def same_papers(paper: Paper, known: Iterable[str]) -> list[str]:
    """Which of the `known` ids, all that stand for this paper's id or title, are this paper; a real id first.

    The same id is. The same title is only if one of the two has no better identity: two papers of different
    arXiv ids may share a title. A paper may be known twice, by its id and by a title it had no id for.
    """
    ids = sorted(set(known))
    real = [one for one in ids if not is_title_only(one) and (one == paper.id or is_title_only(paper.id))]
    return real[:1] + [one for one in ids if is_title_only(one)]


def merged(known: Paper, new: Paper) -> Paper:
    """What two lists say of one paper: what is known stays, gaps are filled, a real id replaces a title's.

    Names of authors are better than their number: with names, the number follows them. Against what a source
    says, what a reader's own file says counts for nothing: it is that reader's alone.
    """
    if known.source == LIBRARY != new.source:
        return replace(new, id=_best_id(known, new))
    authors = known.authors or new.authors
    return replace(
        known,
        id=_best_id(known, new),
        abstract=known.abstract or new.abstract,
        authors=authors,
        n_authors=len(authors) if authors else _first(known.n_authors, new.n_authors),
        organization=known.organization or new.organization,
        organization_slug=known.organization_slug or new.organization_slug,
        published=known.published or new.published,
        url=known.url or new.url,
        code_url=known.code_url or new.code_url,
        project_url=known.project_url or new.project_url,
        keywords=known.keywords or new.keywords,
    )


def _best_id(known: Paper, new: Paper) -> str:
    return new.id if is_title_only(known.id) else known.id


def latest(observations: Iterable[Observation]) -> Observation | None:
    """What is known now from several observations: of each figure the newest one that somebody stated.

    Of one moment, what the newest list said counts; of one list, the most votes.
    """
    newest_first = sorted(observations, key=_recency, reverse=True)
    if not newest_first:
        return None
    return Observation(
        at=newest_first[0].at,
        listed_on=_first(*(seen.listed_on for seen in newest_first)),
        upvotes=_first(*(seen.upvotes for seen in newest_first)),
        comments=_first(*(seen.comments for seen in newest_first)),
        stars=_first(*(seen.stars for seen in newest_first)),
    )


def _recency(seen: Observation) -> tuple[datetime, date, int, int, int]:
    return (
        seen.at,
        seen.listed_on or date.min,
        seen.upvotes or 0,
        seen.comments or 0,
        seen.stars or 0,
    )


def collect(listings: Iterable[Listing], at: datetime) -> tuple[Candidate, ...]:
    """The papers of several lists, each once, as a store that began with them would hold them."""
    papers: dict[str, Paper] = {}
    observations: dict[str, list[Observation]] = {}
    titled: dict[str, str] = {}
    for entry in (entry for listing in listings for entry in listing.entries):
        title = title_identity(entry.paper.title)
        known = [one for one in dict.fromkeys((entry.paper.id, titled.get(title, ""))) if one in papers]
        same = same_papers(entry.paper, known)
        paper = entry.paper
        for identifier in reversed(same):
            paper = merged(papers.pop(identifier), paper)
        seen = [one for identifier in same for one in observations.pop(identifier)]
        papers[paper.id], observations[paper.id] = paper, [*seen, entry.observation]
        if any(identifier != paper.id for identifier in same):
            titled = {key: paper.id if held in same else held for key, held in titled.items()}
        titled.setdefault(title, paper.id)
    return tuple(
        Candidate(paper=paper, first_seen=at, observation=latest(observations[key]))
        for key, paper in papers.items()
    )


def _first(*values: T | None) -> T | None:
    return next((value for value in values if value is not None), None)
