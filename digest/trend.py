"""What votes mean: a paper's place among those of its list day, which had as long to gather theirs."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from digest.model import Candidate, Trend


def with_trends(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """The candidates in their order, each that has votes with its trend.

    Its percent is the share of papers with at least as many votes, rounded up: what is level with most of its
    list is not at the top of it.
    """
    everyone = tuple(candidates)
    votes: defaultdict[date | None, list[int]] = defaultdict(list)
    for candidate in everyone:
        if candidate.observation and candidate.observation.upvotes is not None:
            votes[candidate.observation.listed_on].append(candidate.observation.upvotes)
    ranked = {day: sorted(counts) for day, counts in votes.items()}
    return tuple(replace(candidate, trend=_trend(candidate, ranked)) for candidate in everyone)


def _trend(candidate: Candidate, ranked: dict[date | None, list[int]]) -> Trend | None:
    observation = candidate.observation
    if observation is None or observation.upvotes is None:
        return None
    day = ranked[observation.listed_on]
    as_many = len(day) - bisect_left(day, observation.upvotes)
    return Trend(upvotes=observation.upvotes, percent=-(-100 * as_many // len(day)), among=len(day))
