"""Scores -> the sections of an edition."""

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from heapq import heapify, heappop, heapreplace
from itertools import chain, islice, takewhile
from typing import NamedTuple

from digest.model import Candidate, Pick, Profile, QuietDay, Section, SectionName

ALSO_SHOWN = 25
LATE_SHOWN = 5
"""How many papers that arrived late are shown beside `max_papers`, at least; followed ones always are."""
LIST_READ = 0.5
"""From this part of a list's papers on, an edition had read the list; with fewer, it had hardly begun."""
MISSES_SHOWN = 3
TREND_PERCENT = 20
"""How far up its list day a paper must stand to trend."""
QUIET_TRENDING = 5
"""How many trending papers make the edition of a quiet day, for a reader who wants them."""
SAMENESS_COST = 1.0
"""How much of a score likeness to a better pick takes, at likeness 1."""
MOST_TAKEN = 0.25
"""No more than this part of a score is taken: a clearly better paper is never passed over."""
SPARE = 24
"""How many more papers than fit take part in the choice; those behind them could not win."""
CLOSE = 0.5
"""From this part of the threshold on, a paper below it is close: to the taste, and to being picked."""
ASIDE_AMONG = 12
"""How many of the best papers below the threshold a step aside is chosen from."""

Likeness = Callable[[str, str], float]
NO_TWINS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What an edition shows, and what it only just does not."""

    sections: tuple[Section, ...]
    misses: tuple[Pick, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LastEdition:
    """The last edition in which a reader could have had a paper."""

    day: date
    """The reader's local date."""
    at: datetime
    """When it was made."""

    def knew(self, candidate: Candidate) -> bool:
        """Whether it could consider this paper, which was seen in time."""
        return candidate.first_seen <= self.at


NOTHING_LATE: Set[str] = frozenset()


def arrived_late(candidates: Iterable[Candidate], last: LastEdition) -> Set[str]:
    """Ids of those that the last edition missed: first seen after it, though on a list that it had read.

    That is each list of a day before its own, and that of its day if it knew at least the LIST_READ part of
    it. So the candidates are all that are known, whether the reader had them or not.
    """
    listed = [(one, day) for one in candidates if (day := one.observation and one.observation.listed_on)]
    of_its_day = [last.knew(one) for one, day in listed if day == last.day]
    had_read = sum(of_its_day) >= LIST_READ * len(of_its_day)
    until = last.day if had_read else last.day - timedelta(days=1)
    return frozenset(one.paper.id for one, day in listed if day <= until and not last.knew(one))


def select(
    scored: Iterable[Pick],
    profile: Profile,
    likeness: Likeness,
    twins: Mapping[str, str] = NO_TWINS,
    late: Set[str] = NOTHING_LATE,
) -> Selection:
    """Choose among the scored papers that the reader has not had; `likeness` of two ids is 0..1.

    Papers of one group in `twins` (id -> name of its group) are one pick. Followed papers are always in,
    then the best that are not too much alike, up to `max_papers` in all. Those in `late` (ids) are apart:
    LATE_SHOWN of them, or as many as the picks leave places.
    """
    ranked = _folded(sorted(scored, key=_rank), twins)
    matched = [pick for pick in ranked if pick.score.followed or pick.score.value >= profile.threshold]
    delayed = [pick for pick in matched if _is_late(pick, late)] if late else []
    picks = _picks(_without(matched, delayed), profile.max_papers, likeness)
    arrived = _picks(delayed, max(LATE_SHOWN, profile.max_papers - len(picks)), likeness)
    also = _without(matched, picks + arrived)[:ALSO_SHOWN]
    others = _without(ranked, matched)
    trending = _trending(others, _trending_wanted(profile, bool(matched)))
    aside = _aside(_without(others, trending), picks + arrived, profile, likeness)
    close = takewhile(partial(_is_close, profile=profile), _without(others, trending + aside))
    return Selection(
        sections=_sections(
            {
                SectionName.PICKS: picks,
                SectionName.TRENDING: trending,
                SectionName.EXPLORATION: aside,
                SectionName.LATE: arrived,
                SectionName.ALSO: also,
            }
        ),
        misses=tuple(islice(close, MISSES_SHOWN)),
    )


def _rank(pick: Pick) -> tuple[int, str]:
    return -pick.score.value, pick.candidate.paper.id


def _is_late(pick: Pick, late: Set[str]) -> bool:
    """Whether the paper and each twin on its card came late."""
    return all(one.paper.id in late for one in (pick.candidate, *pick.twins))


def _is_close(pick: Pick, profile: Profile) -> bool:
    return pick.score.value >= max(CLOSE * profile.threshold, 1)


# ---------------------------------------------------------------- twins


def _folded(ranked: list[Pick], twins: Mapping[str, str]) -> list[Pick]:
    """Papers of one group as one pick, in its best one's place, with the others as its twins."""
    groups: dict[str, list[Pick]] = {}
    for pick in ranked if twins else ():
        if name := twins.get(pick.candidate.paper.id):
            groups.setdefault(name, []).append(pick)
    several = [group for group in groups.values() if len(group) > 1]
    if not several:
        return ranked
    alone = _without(ranked, list(chain.from_iterable(several)))
    return sorted([*alone, *map(_head, several)], key=_rank)


def _head(group: list[Pick]) -> Pick:
    """A followed paper before others, then the best, then the one with more known of it, then by id."""
    first, *rest = sorted(
        group, key=lambda pick: (not pick.score.followed, -pick.score.value, *_least_known(pick.candidate))
    )
    return replace(first, twins=tuple(pick.candidate for pick in rest))


def _least_known(candidate: Candidate) -> tuple[int, str]:
    """A key that puts the paper of which most is known first."""
    paper, seen = candidate.paper, candidate.observation
    known = (
        (paper.abstract, paper.authors, paper.organization, paper.published, paper.url)
        + (paper.code_url, paper.project_url, paper.keywords)
        + ((seen.upvotes, seen.stars) if seen else ())
    )
    return -sum(1 for fact in known if fact), paper.id


# ---------------------------------------------------------------- picks


def _picks(matched: list[Pick], most: int, likeness: Likeness) -> list[Pick]:
    """The followed ones, then one by one the best after what is the same in those already in is taken off.

    This is maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998): the next paper is the one with the
    best relevance less its likeness to the nearest paper chosen before. Theirs is the weighted difference
    `lambda * relevance - (1 - lambda) * likeness`; here likeness takes a part of the score, at most
    MOST_TAKEN, so that both have one scale and a paper a third better is in first, however alike. The paper
    with the best score it could still have is looked at first (Minoux 1978), as likeness only takes: the
    same choice as by comparing all, with a quarter of the comparisons.
    """
    chosen = [pick for pick in matched if pick.score.followed]
    free = islice((pick for pick in matched if not pick.score.followed), most + SPARE)
    left = [_Standing(-pick.score.value, place, pick) for place, pick in enumerate(free)]
    heapify(left)
    while left and len(chosen) < most:
        best = left[0]
        if best.compared == len(chosen):
            chosen.append(heappop(left).pick)
        else:
            heapreplace(left, best.after(chosen, likeness))
    ids = {pick.paper.id for pick in chosen}
    return [pick for pick in matched if pick.paper.id in ids]


class _Standing(NamedTuple):
    """What a paper is still worth (negative: a heap gives the least) beside the first `compared` chosen."""

    cost: float
    place: int
    """Of no two the same, so nothing behind it is ever compared."""
    pick: Pick
    closest: float = 0.0
    compared: int = 0

    def after(self, chosen: list[Pick], likeness: Likeness) -> "_Standing":
        """The same beside all that are chosen by now."""
        closest = max(self.closest, _closest(self.pick, chosen[self.compared :], likeness))
        worth = self.pick.score.value * (1 - min(SAMENESS_COST * closest, MOST_TAKEN))
        return _Standing(-worth, self.place, self.pick, closest, len(chosen))


def _without(picks: list[Pick], taken: list[Pick]) -> list[Pick]:
    """In their order, those whose paper is not among the taken."""
    if not taken:
        return picks
    ids = {pick.candidate.paper.id for pick in taken}
    return [pick for pick in picks if pick.candidate.paper.id not in ids]


def _closest(pick: Pick, chosen: list[Pick], likeness: Likeness) -> float:
    identifier = pick.candidate.paper.id
    return max([likeness(identifier, other.candidate.paper.id) for other in chosen], default=0.0)


# ---------------------------------------------------------------- besides the picks


def _trending_wanted(profile: Profile, has_picks: bool) -> int:
    if has_picks:
        return profile.outside_interests
    return QUIET_TRENDING if profile.on_quiet_day is QuietDay.TRENDING else 0


def _trending(others: list[Pick], most: int) -> list[Pick]:
    if not most:
        return []
    trending = [
        (pick.candidate.trend.upvotes, pick)
        for pick in others
        if pick.candidate.trend and pick.candidate.trend.percent <= TREND_PERCENT and not pick.score.avoided
    ]
    by_votes = sorted(trending, key=lambda found: (-found[0], found[1].paper.id))
    return [pick for _, pick in by_votes[:most]]


def _aside(others: list[Pick], picks: list[Pick], profile: Profile, likeness: Likeness) -> list[Pick]:
    """Of the best papers below the threshold, one by one the one least like all that is shown with it.

    None that has anything against it, and none far from the taste; on a day without picks, late ones too,
    there is nothing to step aside from.
    """
    if not (picks and profile.exploration):
        return []
    near = [pick for pick in others if _is_close(pick, profile) and not pick.score.avoided]
    closest = {pick.paper.id: _closest(pick, picks, likeness) for pick in near[:ASIDE_AMONG]}
    left, chosen = near[:ASIDE_AMONG], list[Pick]()
    while left and len(chosen) < profile.exploration:
        newest = min(left, key=lambda pick: (closest[pick.paper.id], _rank(pick)))
        left.remove(newest)
        chosen.append(newest)
        for pick in left:
            closest[pick.paper.id] = max(closest[pick.paper.id], likeness(pick.paper.id, newest.paper.id))
    return sorted(chosen, key=_rank)


def _sections(found: dict[SectionName, list[Pick]]) -> tuple[Section, ...]:
    return tuple(Section(name=name, picks=tuple(picks)) for name, picks in found.items() if picks)
