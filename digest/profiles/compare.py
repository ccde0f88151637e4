"""Two profiles on the same days: what one picks and the other does not, and what makes the difference."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from digest.model import Edition, Paper, Pick, Profile, Reason, ReasonKind, Score, SectionName
from digest.rendering.phrases import signed

NO_SCORE = Score(value=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A profile, the editions it would have had, and its score of every paper that makes a difference."""

    profile: Profile
    editions: tuple[Edition, ...]
    scores: Mapping[str, Score]

    def reaches(self, identifier: str) -> bool:
        """Whether the paper may be picked at all."""
        score = self.score(identifier)
        return score.followed or score.value >= self.profile.threshold

    def score(self, identifier: str) -> Score:
        """This profile's score of a paper."""
        return self.scores.get(identifier, NO_SCORE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What made the difference: a key of the profile (or what else), and the points it gave or took."""

    what: str
    points: int = 0

    def __str__(self) -> str:
        return f"{signed(self.points)} {self.what}" if self.points else self.what


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A paper that only one of the two profiles picks, on the day it does."""

    day: date
    is_gain: bool
    paper: Paper
    before: int
    after: int
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All changes by day (gains first), and how much stays."""

    changes: tuple[Change, ...]
    kept: int
    """Papers both pick on the same day."""
    moved: int
    """Papers both pick, on different days."""
    days: int

    @property
    def gained(self) -> int:
        """How many papers only the new profile picks."""
        return sum(change.is_gain for change in self.changes)

    @property
    def lost(self) -> int:
        """How many papers only the old profile picks."""
        return len(self.changes) - self.gained

    def causes(self) -> tuple[tuple[str, int, int], ...]:
        """What made the differences: (what, papers gained, papers lost), the most first."""
        gained = Counter(change.cause.what for change in self.changes if change.is_gain)
        lost = Counter(change.cause.what for change in self.changes if not change.is_gain)
        both = gained + lost
        return tuple((what, gained[what], lost[what]) for what in sorted(both, key=lambda w: (-both[w], w)))


def differing(old: Iterable[Edition], new: Iterable[Edition]) -> frozenset[str]:
    """The papers that only one of the two picks."""
    return frozenset(_picked(old).keys() ^ _picked(new).keys())


def compare(old: Side, new: Side) -> Comparison:
    """What is gained and lost by going from one profile to the other."""
    before, after = _picked(old.editions), _picked(new.editions)
    gains = [
        _change(day, pick, old, new, is_gain=True) for key, (day, pick) in after.items() if key not in before
    ]
    losses = [
        _change(day, pick, old, new, is_gain=False) for key, (day, pick) in before.items() if key not in after
    ]
    both = [(before[key][0], after[key][0]) for key in before.keys() & after.keys()]
    return Comparison(
        changes=tuple(sorted(gains + losses, key=_order)),
        kept=sum(one == other for one, other in both),
        moved=sum(one != other for one, other in both),
        days=len({edition.day for edition in (*old.editions, *new.editions)}),
    )


def _order(change: Change) -> tuple[date, bool, int, str]:
    return change.day, not change.is_gain, -max(change.before, change.after), change.paper.id


def _picked(editions: Iterable[Edition]) -> dict[str, tuple[date, Pick]]:
    """Each picked paper and its day."""
    return {
        pick.paper.id: (edition.day, pick)
        for edition in editions
        for pick in edition.section(SectionName.PICKS)
    }


def _change(day: date, pick: Pick, old: Side, new: Side, *, is_gain: bool) -> Change:
    cause = _gain(pick.paper.id, old, new) if is_gain else _loss(pick.paper.id, old, new)
    return Change(
        day=day,
        is_gain=is_gain,
        paper=pick.paper,
        before=old.score(pick.paper.id).value,
        after=new.score(pick.paper.id).value,
        cause=cause,
    )


# ---------------------------------------------------------------- what made the difference


def _gain(identifier: str, old: Side, new: Side) -> Cause:
    """Why only the new profile picks the paper."""
    changed = {
        name: f"{name} {before} → {after}" for name, before, after in _limits(old.profile, new.profile)
    }
    return _cause(identifier, new, old, changed)


def _loss(identifier: str, old: Side, new: Side) -> Cause:
    """Why only the old profile picks the paper."""
    changed = {
        name: f"{name} {before} → {after}" for name, before, after in _limits(old.profile, new.profile)
    }
    cause = _cause(identifier, old, new, changed)
    return Cause(what=cause.what, points=-cause.points)


def _limits(old: Profile, new: Profile) -> tuple[tuple[str, int, int], ...]:
    return (
        ("threshold", old.threshold, new.threshold),
        ("max_papers", old.max_papers, new.max_papers),
    )


def _cause(identifier: str, with_it: Side, without: Side, limits: Mapping[str, str]) -> Cause:
    """Why the one profile picks the paper and the other does not.

    Where the other's points reach its own threshold, the paper lost its place to others. Where they would
    reach that of the one, the threshold did it. Else the key whose points differ most.
    """
    high, low = with_it.score(identifier), without.score(identifier)
    raised = _strongest(high, low) if high.value > low.value or high.followed else None
    if without.reaches(identifier):
        if with_it.profile.max_papers > without.profile.max_papers:
            return Cause(what=limits["max_papers"])
        return raised or Cause(what=_place(with_it.profile, without.profile))
    if not high.followed and low.value >= with_it.profile.threshold:
        return Cause(what=limits["threshold"])
    return raised or Cause(what="other points for the same reasons")


def _place(one: Profile, other: Profile) -> str:
    """What is between two profiles that both would pick a paper, had it no others beside it."""
    have_same_days = (one.days, one.every) == (other.days, other.every)
    return "its place among the others" if have_same_days else "the days of editions"


def _strongest(high: Score, low: Score) -> Cause | None:
    """The key whose points differ most in favour of the profile that picks the paper."""
    more, less = _points(high.reasons), _points(low.reasons)
    differences = {what: more[what] - less[what] for what in more.keys() | less.keys()}
    what, points = max(differences.items(), key=lambda one: (one[1], one[0]), default=("", 0))
    return Cause(what=what, points=points) if points > 0 else None


def _points(reasons: Sequence[Reason]) -> defaultdict[str, int]:
    points: defaultdict[str, int] = defaultdict(int)
    for reason in reasons:
        points[key_of(reason)] += reason.points
    return points


def key_of(reason: Reason) -> str:
    """The interest a reason comes from, wherever and by whatever alias it was found; else its label."""
    if reason.kind is ReasonKind.AVOID:
        return f"avoid {reason.about}"
    return reason.about if reason.kind is ReasonKind.INTEREST else reason.label
