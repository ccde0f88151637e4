"""What votes mean: a paper's place among those of its list day, which had as long to gather theirs.

In a weekly or monthly edition it is the place among all papers of its days: the reader looks back on them.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date

from digest.model import Candidate, Every, Period, Trend


def with_trends(candidates: Iterable[Candidate], period: Period | None = None) -> tuple[Candidate, ...]:
    """The candidates in their order, each that has votes with its trend: on its list day, or over a period.

    Its percent is the share of papers with at least as many votes, rounded up: what is level with most of its
    list is not at the top of it. What a period leaves out is compared with its list day as ever.
    """
    everyone = tuple(candidates)
    votes: defaultdict[_Among, list[int]] = defaultdict(list)
    for candidate in everyone:
        if candidate.observation and candidate.observation.upvotes is not None:
            votes[_among(candidate, period)].append(candidate.observation.upvotes)
    ranked = {among: sorted(counts) for among, counts in votes.items()}
    return tuple(replace(candidate, trend=_trend(candidate, ranked, period)) for candidate in everyone)


def day_listed(candidate: Candidate) -> date:
    """The day of the list the paper stands on; where that is not known, the day it was first seen (UTC)."""
    listed_on = candidate.observation and candidate.observation.listed_on
    return listed_on or candidate.first_seen.astimezone(UTC).date()


_Among = Period | date | None
"""What the papers that one is compared with have in common."""


def _among(candidate: Candidate, period: Period | None) -> _Among:
    if period and period.covers(day_listed(candidate)):
        return period
    return candidate.observation.listed_on if candidate.observation else None


def _trend(
    candidate: Candidate, ranked: Mapping[_Among, Sequence[int]], period: Period | None
) -> Trend | None:
    observation = candidate.observation
    if observation is None or observation.upvotes is None:
        return None
    among = _among(candidate, period)
    votes = ranked[among]
    as_many = len(votes) - bisect_left(votes, observation.upvotes)
    return Trend(
        upvotes=observation.upvotes,
        percent=-(-100 * as_many // len(votes)),
        among=len(votes),
        over=among.every if isinstance(among, Period) else Every.DAY,
    )
