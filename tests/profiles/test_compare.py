"""What a change of profile gains and loses, and what it is put down to."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from digest.model import Profile, Reason, ReasonKind, Where
from digest.pipeline import Reader, make_shelf, score_shelf
from digest.profiles.compare import Comparison, Side, compare, key_of
from digest.profiles.past import replay
from tests.makers import NOW, interest, profile
from tests.profiles.test_past import FIRST, listed

PAPERS = (
    listed("wait", "Waiting", FIRST),
    listed("rice", "Cooking rice", FIRST),
    listed("both", "Waiting for rice", FIRST + timedelta(days=1)),
)


def side(one: Profile) -> Side:
    reader, shelf = Reader(profile=one), make_shelf(PAPERS)
    days = [FIRST + timedelta(days=n) for n in range(3)]
    return Side(
        profile=one,
        editions=tuple(replay(reader, shelf, days, window_days=7, now=NOW)),
        scores={pick.paper.id: pick.score for pick in score_shelf(reader, shelf)},
    )


def compared(old: Profile, new: Profile) -> Comparison:
    return compare(side(old), side(new))


def changes(found: Comparison) -> list[tuple[date, str, str]]:
    return [(one.day, "+" if one.is_gain else "-", one.paper.id) for one in found.changes]


WAITING = profile(interest("waiting", 10), threshold=30)


def test_a_new_interest_gains_its_papers_and_is_named_as_the_cause() -> None:
    found = compared(WAITING, profile(interest("waiting", 10), interest("rice", 10), threshold=30))

    assert changes(found) == [(FIRST, "+", "rice")]
    (gain,) = found.changes
    assert (gain.before, gain.cause.what) == (0, "rice")
    assert gain.after == gain.cause.points > 0
    assert found.kept == 2
    assert found.causes() == (("rice", 1, 0),)


def test_what_is_avoided_is_lost_with_the_points_it_took() -> None:
    new = profile(interest("waiting", 6), avoid=(interest("rice", 10),), threshold=30)

    found = compared(profile(interest("waiting", 6), threshold=30), new)

    (loss,) = found.changes
    assert (loss.paper.id, loss.is_gain, loss.cause.what) == ("both", False, "avoid rice")
    assert loss.cause.points < 0
    assert loss.after < loss.before


def test_a_raised_threshold_is_the_cause_and_not_an_interest() -> None:
    found = compared(WAITING, profile(interest("waiting", 10), threshold=100))

    assert {one.cause.what for one in found.changes} == {"threshold 30 → 100"}
    assert (found.gained, found.lost) == (0, 2)


def test_a_lowered_threshold_is_the_cause_of_gains() -> None:
    found = compared(profile(interest("waiting", 10), threshold=100), WAITING)

    assert {one.cause.what for one in found.changes} == {"threshold 100 → 30"}
    assert found.gained == 2


def test_less_room_is_the_cause_where_the_points_are_the_same() -> None:
    wide = profile(interest("waiting", 10), interest("rice", 9), threshold=30)
    narrow = replace(wide, max_papers=1)

    (loss,) = compared(wide, narrow).changes
    (gain,) = compared(narrow, wide).changes

    assert (loss.is_gain, loss.cause.what) == (False, "max_papers 8 → 1")
    assert (gain.is_gain, gain.cause.what) == (True, "max_papers 1 → 8")


def test_a_paper_that_both_pick_on_different_days_has_moved() -> None:
    daily = replace(WAITING, days=frozenset(range(7)))
    tuesdays = replace(WAITING, days=frozenset({1}))

    reader, shelf = Reader(profile=tuesdays), make_shelf(PAPERS)
    later = tuple(replay(reader, shelf, [FIRST + timedelta(days=1)], window_days=7, now=NOW))
    found = compare(side(daily), replace(side(tuesdays), editions=later))

    assert found.changes == ()
    assert (found.kept, found.moved) == (1, 1)


def test_days_are_the_cause_where_only_they_differ() -> None:
    other = replace(WAITING, days=frozenset({FIRST.weekday()}))
    daily, weekly = side(WAITING), side(other)

    found = compare(daily, replace(weekly, editions=weekly.editions[:1]))

    assert [(one.paper.id, one.cause.what) for one in found.changes] == [("both", "the days of editions")]


def test_a_followed_name_is_named_by_its_reason() -> None:
    old, new = profile(threshold=30), profile(threshold=30, organizations=("rice lab",))
    paper = listed("lab", "Soup", FIRST)
    paper = replace(paper, paper=replace(paper.paper, organization="Rice Lab"))
    shelf = make_shelf([paper])
    sides = [
        Side(
            profile=one,
            editions=tuple(replay(Reader(profile=one), shelf, [FIRST], window_days=7, now=NOW)),
            scores={pick.paper.id: pick.score for pick in score_shelf(Reader(profile=one), shelf)},
        )
        for one in (old, new)
    ]

    (gain,) = compare(*sides).changes

    assert "rice lab" in gain.cause.what


def test_the_same_profile_makes_no_difference() -> None:
    found = compared(WAITING, WAITING)

    assert found.changes == ()
    assert (found.kept, found.moved, found.days) == (2, 0, 3)


def test_a_reason_belongs_to_its_interest_however_the_paper_says_it() -> None:
    def reason(about: str, kind: ReasonKind = ReasonKind.INTEREST, **fields: Any) -> Reason:
        return Reason(kind=kind, about=about, points=1, **fields)

    assert key_of(reason("wait and see", where=Where.TITLE, said="patience")) == "wait and see"
    assert key_of(reason("wait", where=Where.NEAR)) == "wait"
    assert key_of(reason("wait", ReasonKind.AVOID, where=Where.ABSTRACT)) == "avoid wait"
    assert key_of(reason("Wait", ReasonKind.LIKED)) == "like Wait"
