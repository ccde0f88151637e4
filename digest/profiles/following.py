"""Followed names against stored papers: names that several people share, and organisations nobody is from."""

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence

from digest.model import Paper, Profile
from digest.pipeline import Shelf
from digest.profiles.findings import Finding
from digest.scoring.literal import name_key
from digest.text import fold

FEWEST_SHARED = 4
"""So many papers are needed to tell that their authors are several people."""
FEWEST_GROUPS = 3


def check_following(profile: Profile, shelf: Shelf) -> Iterator[Finding]:
    """Names that are shared by many, and organisations that match nothing."""
    for author in profile.authors:
        papers = [shelf.candidates[place].paper for place in shelf.index.by_author(author)]
        if finding := _shared_name(author, papers):
            yield finding
    for organization in profile.organizations:
        if not shelf.index.from_organization(organization):
            yield _unknown_organization(organization, shelf)


# ---------------------------------------------------------------- people


def _shared_name(author: str, papers: Sequence[Paper]) -> Finding | None:
    """One person's papers hang together by co-authors; those of namesakes fall apart into groups."""
    groups = _groups([_others(paper, author) for paper in papers])
    if len(papers) < FEWEST_SHARED or len(groups) < FEWEST_GROUPS or 2 * len(groups[0]) > len(papers):
        return None
    return Finding(
        check="author-shared",
        key="follow.authors",
        what=(
            f"the {len(papers)} papers by “{author}” fall into {len(groups)} groups without a common "
            "co-author: probably several people of that name, each of whose papers is shown"
        ),
        fix=_rarer(papers, groups[0], author)
        or "Follow a co-author with a rarer name, or an organisation, instead",
    )


def _others(paper: Paper, author: str) -> frozenset[str]:
    """The co-authors of one by that name, however it is written."""
    return frozenset(name for name in paper.authors or () if name_key(name) != name_key(author))


def _groups(teams: Sequence[frozenset[str]]) -> list[list[int]]:
    """Places of papers that hang together by common co-authors; the largest group first."""
    groups: list[tuple[set[str], list[int]]] = []
    for place, team in enumerate(teams):
        joined = [group for group in groups if not team.isdisjoint(group[0])]
        apart = [group for group in groups if team.isdisjoint(group[0])]
        members = sorted({place, *(member for _, inside in joined for member in inside)})
        groups = [*apart, (set(team).union(*(names for names, _ in joined)), members)]
    return sorted((members for _, members in groups), key=lambda members: (-len(members), members))


def _rarer(papers: Sequence[Paper], group: Sequence[int], author: str) -> str:
    """The co-author that most papers of the largest group share."""
    together = Counter(name for place in group for name in sorted(_others(papers[place], author)))
    if not together:
        return ""
    name, times = together.most_common(1)[0]
    if times < 2:
        return ""
    return f"Follow a co-author instead, such as “{name}”, who is on {times} of them"


# ---------------------------------------------------------------- organisations


def _unknown_organization(organization: str, shelf: Shelf) -> Finding:
    papers = [candidate.paper for candidate in shelf.candidates]
    names = {name for paper in papers for name in (paper.organization, paper.organization_slug) if name}
    folded = {fold(name): name for name in sorted(names)}
    near = difflib.get_close_matches(fold(organization), folded, n=1, cutoff=0.7)
    known = sum(paper.organization is not None or paper.organization_slug is not None for paper in papers)
    return Finding(
        check="organization-unknown",
        key="follow.organizations",
        what=f"“{organization}” stands with none of the {known:,} papers whose organisation is known",
        fix=f"Did you mean “{folded[near[0]]}”?" if near else "Write it as on its page at Hugging Face",
    )
