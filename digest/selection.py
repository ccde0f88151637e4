"""Scores -> the sections of an edition."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from digest.model import Pick, Profile, QuietDay, Section, SectionName

ALSO_SHOWN = 25
MISSES_SHOWN = 3
TREND_PERCENT = 20
"""How far up its list day a paper must stand to trend."""
QUIET_TRENDING = 5
"""How many trending papers make the edition of a quiet day, for a reader who wants them."""
SAMENESS_COST = 0.5
"""How much of a score likeness to a better pick takes, at likeness 1."""

Likeness = Callable[[str, str], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What an edition shows, and what it only just does not."""

    sections: tuple[Section, ...]
    misses: tuple[Pick, ...]


def select(scored: Iterable[Pick], profile: Profile, likeness: Likeness) -> Selection:
    """Choose among the scored papers that the reader has not had; `likeness` of two ids is 0..1.

    Followed papers are always in, then the best that are not too much alike, up to `max_papers` in all.
    """
    ranked = sorted(scored, key=lambda pick: (-pick.score.value, pick.paper.id))
    matched = [pick for pick in ranked if pick.score.followed or pick.score.value >= profile.threshold]
    picks = _picks(matched, profile.max_papers, likeness)
    also = _without(matched, picks)[:ALSO_SHOWN]
    others = _without(ranked, matched)
    trending = _trending(others, _trending_wanted(profile, bool(picks)))
    misses = [pick for pick in _without(others, trending) if pick.score.value > 0]
    return Selection(
        sections=_sections(
            {SectionName.PICKS: picks, SectionName.TRENDING: trending, SectionName.ALSO: also}
        ),
        misses=tuple(misses[:MISSES_SHOWN]),
    )


def _picks(matched: list[Pick], most: int, likeness: Likeness) -> list[Pick]:
    """The followed ones, then one by one the best after likeness to those already in is taken off."""
    chosen = [pick for pick in matched if pick.score.followed]
    # The tail cannot win: bounded, so that a profile that matches everything stays cheap.
    left = [pick for pick in matched if not pick.score.followed][: 4 * most]
    closest = {pick.paper.id: _closest(pick, chosen, likeness) for pick in left}
    while left and len(chosen) < most:
        best = max(left, key=lambda pick: pick.score.value * (1 - SAMENESS_COST * closest[pick.paper.id]))
        left.remove(best)
        chosen.append(best)
        for pick in left:
            alike = likeness(pick.paper.id, best.paper.id)
            closest[pick.paper.id] = max(closest[pick.paper.id], alike)
    ids = {pick.paper.id for pick in chosen}
    return [pick for pick in matched if pick.paper.id in ids]


def _without(picks: list[Pick], taken: list[Pick]) -> list[Pick]:
    """In their order, those whose paper is not among the taken."""
    ids = {pick.paper.id for pick in taken}
    return [pick for pick in picks if pick.paper.id not in ids]


def _closest(pick: Pick, chosen: list[Pick], likeness: Likeness) -> float:
    return max((likeness(pick.paper.id, other.paper.id) for other in chosen), default=0.0)


def _trending_wanted(profile: Profile, has_picks: bool) -> int:
    if has_picks:
        return profile.outside_interests
    return QUIET_TRENDING if profile.on_quiet_day is QuietDay.TRENDING else 0


def _trending(others: list[Pick], most: int) -> list[Pick]:
    trending = [
        (pick.candidate.trend.upvotes, pick)
        for pick in others
        if pick.candidate.trend and pick.candidate.trend.percent <= TREND_PERCENT and not pick.score.avoided
    ]
    by_votes = sorted(trending, key=lambda found: (-found[0], found[1].paper.id))
    return [pick for _, pick in by_votes[:most]]


def _sections(found: dict[SectionName, list[Pick]]) -> tuple[Section, ...]:
    return tuple(Section(name=name, picks=tuple(picks)) for name, picks in found.items() if picks)
