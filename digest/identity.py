"""When two lists mean the same paper, and what is then known of it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import TypeVar

from digest.model import Candidate, Listing, Observation, Paper
from digest.text import title_key

T = TypeVar("T")
TITLE_PREFIX = "title:"


def title_identity(title: str) -> str:
    """The id of a paper known by nothing but its title: its letters and digits, or a hash without any."""
    return TITLE_PREFIX + (title_key(title) or sha256(title.encode()).hexdigest()[:16])


def is_title_only(identifier: str) -> bool:
    """Whether this id was made from a title, for want of a better one."""
    return identifier.startswith(TITLE_PREFIX)


def matching_id(paper: Paper, known: Iterable[str]) -> str | None:
    """Which of the `known` ids, all that stand for this paper's id or title, is this paper.

    The same id is. The same title is only if one of the two has no better identity: two papers of different
    arXiv ids may share a title.
    """
    ids = list(known)
    if paper.id in ids:
        return paper.id
    return next((one for one in ids if is_title_only(one) or is_title_only(paper.id)), None)


def merged(known: Paper, new: Paper) -> Paper:
    """What two lists say of one paper: what is known stays, gaps are filled, a real id replaces a title's.

    Names of authors are better than their number: with names, the number follows them.
    """
    authors = known.authors or new.authors
    return replace(
        known,
        id=new.id if is_title_only(known.id) else known.id,
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


def latest(observations: Iterable[Observation]) -> Observation | None:
    """What is known now from several observations: of each figure the newest one that somebody stated."""
    newest_first = sorted(observations, key=lambda seen: seen.at, reverse=True)
    if not newest_first:
        return None
    return Observation(
        at=newest_first[0].at,
        listed_on=_first(*(seen.listed_on for seen in newest_first)),
        upvotes=_first(*(seen.upvotes for seen in newest_first)),
        comments=_first(*(seen.comments for seen in newest_first)),
        stars=_first(*(seen.stars for seen in newest_first)),
    )


def collect(listings: Iterable[Listing], at: datetime) -> tuple[Candidate, ...]:
    """The papers of several lists, each once, as a store that began with them would hold them."""
    papers: dict[str, Paper] = {}
    observations: dict[str, list[Observation]] = {}
    by_title: dict[str, str] = {}
    for entry in (entry for listing in listings for entry in listing.entries):
        title = title_identity(entry.paper.title)
        known = [one for one in (entry.paper.id, by_title.get(title)) if one in papers]
        match = matching_id(entry.paper, known)
        paper = merged(papers.pop(match), entry.paper) if match else entry.paper
        papers[paper.id] = paper
        observations[paper.id] = [*observations.pop(match or paper.id, []), entry.observation]
        by_title.setdefault(title, paper.id)
        if by_title[title] == match:
            by_title[title] = paper.id
    return tuple(
        Candidate(paper=paper, first_seen=at, observation=latest(observations[key]))
        for key, paper in papers.items()
    )


def _first(*values: T | None) -> T | None:
    return next((value for value in values if value is not None), None)
