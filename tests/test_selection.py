"""Which papers an edition shows, and where."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from digest.model import Candidate, Observation, Pick, Profile, QuietDay, Score, SectionName
from digest.selection import (
    CLOSE,
    LATE_SHOWN,
    MOST_TAKEN,
    NO_TWINS,
    NOTHING_LATE,
    SAMENESS_COST,
    SPARE,
    LastEdition,
    Selection,
    arrived_late,
    select,
)
from tests.makers import NOW, TODAY, candidate, pick, profile, reason


def unlike(_one: str, _other: str) -> float:
    return 0.0


def scoring(identifier: str, value: int, *, trend: tuple[int, int, int] | None = None) -> Pick:
    return pick(identifier, f"Paper {identifier}", reason("x (title)", value), trend=trend)


def followed(identifier: str, value: int) -> Pick:
    return Pick(candidate=candidate(identifier), score=Score(value=value, followed=True))


def ids(selection: Selection, name: SectionName) -> list[str]:
    return [p.paper.id for s in selection.sections if s.name is name for p in s.picks]


def selected(
    *picks: Pick,
    reader: Profile | None = None,
    likeness: Callable[[str, str], float] = unlike,
    twins: Mapping[str, str] = NO_TWINS,
    last: LastEdition | None = None,
) -> Selection:
    late = arrived_late((one.candidate for one in picks), last) if last else NOTHING_LATE
    return select(picks, reader or profile(max_papers=2, threshold=35), likeness, twins, late)


def alike(how: float, *ids: str) -> Callable[[str, str], float]:
    """The likeness of papers of which these are `how` alike, and all others not at all."""
    return lambda one, other: how if {one, other} <= set(ids) else 0.0


def test_the_best_above_the_threshold_are_picks_and_the_rest_are_titles() -> None:
    chosen = selected(scoring("1", 40), scoring("2", 90), scoring("3", 50), scoring("4", 34))

    assert ids(chosen, SectionName.PICKS) == ["2", "3"]
    assert ids(chosen, SectionName.ALSO) == ["1"]
    assert [miss.paper.id for miss in chosen.misses] == ["4"]


@pytest.mark.parametrize(("value", "is_told"), [(34, True), (18, True), (17, False), (1, False)])
def test_a_miss_is_told_only_if_it_was_a_near_one(value: int, is_told: bool) -> None:
    misses = [
        selected(scoring("1", best), scoring("2", value), reader=profile(threshold=36)).misses
        for best in (90, value)
    ]

    assert CLOSE == 0.5
    assert [any(miss.paper.id == "2" for miss in one) for one in misses] == [is_told, is_told]


def test_equal_scores_are_in_order_of_id() -> None:
    assert ids(selected(scoring("b", 50), scoring("a", 50)), SectionName.PICKS) == ["a", "b"]


def test_followed_papers_are_in_whatever_their_score_and_number() -> None:
    chosen = selected(followed("1", 1), followed("2", 2), followed("3", 3), scoring("4", 90))

    assert ids(chosen, SectionName.PICKS) == ["3", "2", "1"]
    assert ids(chosen, SectionName.ALSO) == ["4"]


# ---------------------------------------------------------------- diversity


def test_a_paper_much_like_a_better_pick_makes_room_for_something_else() -> None:
    chosen = selected(scoring("1", 90), scoring("2", 80), scoring("3", 70), likeness=alike(0.4, "1", "2"))

    assert ids(chosen, SectionName.PICKS) == ["1", "3"]
    assert ids(chosen, SectionName.ALSO) == ["2"]


@pytest.mark.parametrize("likeness", [0.3, 0.5, 1.0])
def test_a_clearly_better_paper_is_in_however_much_it_is_like_another(likeness: float) -> None:
    chosen = selected(
        scoring("1", 90), scoring("2", 88), scoring("3", 60), likeness=alike(likeness, "1", "2")
    )

    assert ids(chosen, SectionName.PICKS) == ["1", "2"]


def test_likeness_to_a_followed_paper_counts_too() -> None:
    chosen = selected(followed("1", 5), scoring("2", 80), scoring("3", 70), likeness=alike(0.4, "1", "2"))

    assert ids(chosen, SectionName.PICKS) == ["3", "1"]


def greedy(picks: list[Pick], most: int, likeness: Callable[[str, str], float]) -> set[str]:
    """Maximal marginal relevance as the textbook has it: every paper left is compared in every round."""

    def worth(one: Pick) -> float:
        closest = max((likeness(one.paper.id, other.paper.id) for other in chosen), default=0.0)
        return one.score.value * (1 - min(SAMENESS_COST * closest, MOST_TAKEN))

    left, chosen = sorted(picks, key=lambda p: (-p.score.value, p.paper.id)), list[Pick]()
    while left and len(chosen) < most:
        chosen.append(max(left, key=worth))
        left.remove(chosen[-1])
    return {one.paper.id for one in chosen}


def test_looking_at_the_best_first_chooses_as_looking_at_all_would() -> None:
    def likeness(one: str, other: str) -> float:
        low, high = sorted((int(one), int(other)))
        return (low * 31 + high * 17) % 40 / 100

    many = [scoring(str(n), 40 + n * 7 % 23) for n in range(SPARE + 8)]
    chosen = selected(*many, reader=profile(max_papers=8), likeness=likeness)

    assert set(ids(chosen, SectionName.PICKS)) == greedy(many, 8, likeness)


def test_the_number_of_comparisons_does_not_grow_with_the_papers() -> None:
    asked: list[str] = []

    def likeness(one: str, _other: str) -> float:
        asked.append(one)
        return 0.1

    selected(*(scoring(str(n), 90) for n in range(5_000)), reader=profile(max_papers=8), likeness=likeness)

    assert len(asked) <= (8 + SPARE) * 8


# ---------------------------------------------------------------- twins


def test_twins_are_one_pick_that_names_the_others_and_the_room_goes_to_another_paper() -> None:
    chosen = selected(
        scoring("1", 80), scoring("2", 90), scoring("3", 50), scoring("4", 40), twins={"1": "1", "2": "1"}
    )

    assert ids(chosen, SectionName.PICKS) == ["2", "3"]
    assert ids(chosen, SectionName.ALSO) == ["4"]
    assert [twin.paper.id for twin in chosen.sections[0].picks[0].twins] == ["1"]


def test_of_equally_good_twins_the_one_of_which_more_is_known_has_the_card() -> None:
    known = pick("2", "Paper", reason("x (title)", 60), organization="Northlight", authors=("Ada",))

    chosen = selected(scoring("1", 60), known, scoring("3", 60), twins=dict.fromkeys("123", "1"))

    assert ids(chosen, SectionName.PICKS) == ["2"]
    assert [twin.paper.id for twin in chosen.sections[0].picks[0].twins] == ["1", "3"]


def test_a_followed_paper_keeps_its_card_beside_a_better_twin() -> None:
    chosen = selected(followed("1", 5), scoring("2", 20), twins={"1": "1", "2": "1"})

    assert ids(chosen, SectionName.PICKS) == ["1"]
    assert chosen.misses == ()


def test_twins_are_folded_in_every_section_and_among_the_misses() -> None:
    pairs = [
        (SectionName.PICKS, 90, None),
        (SectionName.TRENDING, 0, (50, 1, 40)),
        (SectionName.ALSO, 36, None),
        (None, 30, None),
    ]
    papers = [
        scoring(f"{place}{side}", value, trend=trend)
        for place, (_, value, trend) in enumerate(pairs)
        for side in "ab"
    ]
    twins = {one.paper.id: one.paper.id[0] for one in papers}

    chosen = selected(*papers, reader=profile(max_papers=1), twins=twins)

    for place, (name, *_) in enumerate(pairs):
        shown = next((s.picks for s in chosen.sections if s.name is name), chosen.misses)
        assert [(p.paper.id, [t.paper.id for t in p.twins]) for p in shown] == [(f"{place}a", [f"{place}b"])]


def test_a_twin_that_is_not_among_the_papers_folds_nothing() -> None:
    chosen = selected(scoring("1", 80), twins={"1": "1", "had before": "1"})

    assert chosen.sections[0].picks[0].twins == ()


# ---------------------------------------------------------------- a step aside

CURIOUS = profile(max_papers=1, threshold=40, exploration=1)


def test_a_step_aside_is_close_to_the_taste_and_least_like_the_picks() -> None:
    papers = (scoring("1", 90), scoring("2", 39), scoring("3", 38), scoring("4", 30), scoring("5", 5))
    chosen = selected(*papers, reader=CURIOUS, likeness=alike(0.2, "1", "2", "3"))

    assert ids(chosen, SectionName.EXPLORATION) == ["4"]
    assert [miss.paper.id for miss in chosen.misses] == ["2", "3"]


def test_there_is_no_step_aside_for_those_who_want_none_nor_on_a_day_without_picks() -> None:
    near = scoring("2", 39)

    assert ids(selected(scoring("1", 90), near), SectionName.EXPLORATION) == []
    assert selected(near, reader=CURIOUS).sections == ()


def test_nothing_avoided_nor_without_evidence_is_a_step_aside() -> None:
    avoided = Pick(candidate=candidate("2"), score=Score(value=39, avoided=True))

    chosen = selected(scoring("1", 90), avoided, scoring("3", 0), reader=replace(CURIOUS, threshold=1))

    assert ids(chosen, SectionName.EXPLORATION) == []


def test_steps_aside_are_unlike_each_other_and_in_no_other_place() -> None:
    papers = (scoring("1", 90), scoring("2", 39), scoring("3", 38, trend=(9, 90, 99)), scoring("4", 37))

    chosen = selected(*papers, reader=replace(CURIOUS, exploration=2), likeness=alike(0.5, "2", "3"))

    assert ids(chosen, SectionName.EXPLORATION) == ["2", "4"]
    assert [miss.paper.id for miss in chosen.misses] == ["3"]


def test_what_trends_is_shown_as_trending_and_not_as_a_step_aside() -> None:
    chosen = selected(scoring("1", 90), scoring("2", 39, trend=(99, 1, 99)), reader=CURIOUS)

    assert ids(chosen, SectionName.TRENDING) == ["2"]
    assert ids(chosen, SectionName.EXPLORATION) == []


# ---------------------------------------------------------------- arrived late

YESTERDAY = TODAY - timedelta(days=1)
LAST = LastEdition(day=YESTERDAY, at=NOW - timedelta(days=1))


def late(one: Pick, *, days: int = 2, seen: timedelta = -timedelta(hours=1)) -> Pick:
    """The same paper on the list of so many days ago, first seen so long from now."""
    observed = Observation(at=NOW, listed_on=TODAY - timedelta(days=days))
    return replace(one, candidate=replace(one.candidate, observation=observed, first_seen=NOW + seen))


def test_what_the_last_edition_missed_is_apart_and_takes_no_place_among_the_picks() -> None:
    papers = (late(scoring("1", 90)), scoring("2", 80), scoring("3", 70), scoring("4", 60))

    chosen = selected(*papers, last=LAST)

    assert [section.name for section in chosen.sections] == [
        SectionName.PICKS,
        SectionName.LATE,
        SectionName.ALSO,
    ]
    assert ids(chosen, SectionName.PICKS) == ["2", "3"]
    assert ids(chosen, SectionName.LATE) == ["1"]
    assert ids(chosen, SectionName.ALSO) == ["4"]


@pytest.mark.parametrize(
    ("days", "seen"),
    [
        (1, -timedelta(hours=1)),  # its list is of the last edition's own day, and began after it
        (0, -timedelta(hours=1)),
        (2, -timedelta(days=1)),  # seen at the very moment: it was considered
        (2, -timedelta(days=3)),
    ],
)
def test_a_paper_of_a_newer_list_or_seen_in_time_is_not_late(days: int, seen: timedelta) -> None:
    chosen = selected(late(scoring("1", 90), days=days, seen=seen), last=LAST)

    assert ids(chosen, SectionName.PICKS) == ["1"]
    assert ids(chosen, SectionName.LATE) == []


def of_yesterdays_list(in_time: int, after: int) -> list[Candidate]:
    """Papers of the list of the last edition's own day, some seen just in time, some after it was made."""
    seen = [(f"early {n}", LAST.at) for n in range(in_time)]
    seen += [(f"after {n}", LAST.at + timedelta(hours=6)) for n in range(after)]
    observed = Observation(at=NOW, listed_on=YESTERDAY)
    return [replace(candidate(name), first_seen=at, observation=observed) for name, at in seen]


@pytest.mark.parametrize(
    ("in_time", "after", "are_late"), [(12, 7, 7), (7, 7, 7), (6, 7, 0), (0, 7, 0), (3, 0, 0)]
)
def test_what_a_list_gets_after_it_was_read_is_late_and_a_list_that_had_hardly_begun_is_new(
    in_time: int, after: int, are_late: int
) -> None:
    others = [
        candidate("no list"),
        replace(candidate("today"), observation=Observation(at=NOW, listed_on=TODAY)),
    ]

    late = arrived_late([*of_yesterdays_list(in_time, after), *others], LAST)

    assert late == {f"after {n}" for n in range(are_late)}


def test_how_far_the_last_days_list_was_read_changes_nothing_for_lists_of_days_before() -> None:
    stray = late(scoring("stray", 90)).candidate

    assert "stray" in arrived_late([stray, *of_yesterdays_list(12, 7)], LAST)
    assert arrived_late([stray, *of_yesterdays_list(0, 7)], LAST) == {"stray"}


def test_nothing_is_late_for_a_new_reader_nor_without_a_list_day() -> None:
    assert ids(selected(late(scoring("1", 90))), SectionName.PICKS) == ["1"]
    assert ids(selected(scoring("1", 90), last=LAST), SectionName.PICKS) == ["1"]


def test_more_late_papers_than_have_room_are_titles_and_followed_ones_are_all_in() -> None:
    many = [late(scoring(str(n), 50 + n)) for n in range(LATE_SHOWN + 2)]
    names = [late(followed(f"followed {n}", n)) for n in range(LATE_SHOWN + 1)]

    alone = selected(*many, last=LAST)
    with_followed = selected(*many, *names, last=LAST)

    assert ids(alone, SectionName.LATE) == ["6", "5", "4", "3", "2"]
    assert ids(alone, SectionName.ALSO) == ["1", "0"]
    assert {*ids(with_followed, SectionName.LATE)} == {one.paper.id for one in names}


@pytest.mark.parametrize(("picks", "shown"), [(0, 8), (1, 7), (3, LATE_SHOWN), (8, LATE_SHOWN)])
def test_late_papers_may_have_the_places_that_the_picks_leave(picks: int, shown: int) -> None:
    many = [late(scoring(f"late {n}", 49)) for n in range(8)]
    own = [scoring(str(n), 60) for n in range(picks)]

    chosen = selected(*many, *own, reader=profile(max_papers=8), last=LAST)

    assert len(ids(chosen, SectionName.PICKS)) == picks
    assert len(ids(chosen, SectionName.LATE)) == shown
    assert len(ids(chosen, SectionName.ALSO)) == 8 - shown


def test_a_late_paper_below_the_threshold_trends_or_misses_as_ever() -> None:
    chosen = selected(
        scoring("1", 90), late(scoring("2", 34)), late(scoring("3", 10, trend=(99, 1, 99))), last=LAST
    )

    assert ids(chosen, SectionName.LATE) == []
    assert ids(chosen, SectionName.TRENDING) == ["3"]
    assert [miss.paper.id for miss in chosen.misses] == ["2"]


def test_a_late_paper_keeps_its_twins_and_is_a_pick_where_one_of_them_is_news() -> None:
    twins = {"1": "1", "2": "1"}

    both_late = selected(late(scoring("1", 90)), late(scoring("2", 80)), twins=twins, last=LAST)
    one_late = selected(late(scoring("1", 90)), scoring("2", 80), twins=twins, last=LAST)

    (section,) = both_late.sections
    assert section.name is SectionName.LATE
    assert [twin.paper.id for twin in section.picks[0].twins] == ["2"]
    assert ids(one_late, SectionName.PICKS) == ["1"]


def test_a_day_with_only_late_papers_has_what_else_goes_with_picks() -> None:
    papers = (late(scoring("1", 90)), scoring("2", 39), scoring("3", 0, trend=(99, 1, 99)))

    chosen = selected(*papers, reader=CURIOUS, last=LAST)

    assert [(section.name, section.picks[0].paper.id) for section in chosen.sections] == [
        (SectionName.TRENDING, "3"),
        (SectionName.EXPLORATION, "2"),
        (SectionName.LATE, "1"),
    ]


# ---------------------------------------------------------------- trending and the whole


def test_what_trends_outside_the_interests_has_its_own_place() -> None:
    chosen = selected(
        scoring("1", 90),
        scoring("2", 0, trend=(120, 3, 40)),
        scoring("3", 10, trend=(99, 5, 40)),
        scoring("4", 0, trend=(98, 8, 40)),
        scoring("5", 0, trend=(12, 60, 40)),
        reader=profile(outside_interests=2),
    )

    assert ids(chosen, SectionName.TRENDING) == ["2", "3"]


def test_nothing_avoided_trends() -> None:
    avoided = Pick(candidate=candidate("2", trend=(120, 3, 40)), score=Score(value=0, avoided=True))

    assert ids(selected(scoring("1", 90), avoided), SectionName.TRENDING) == []


def test_trending_papers_make_no_edition_of_their_own_unless_asked_for() -> None:
    trending = scoring("2", 0, trend=(120, 3, 40))

    assert selected(trending).sections == ()
    asked = selected(trending, reader=profile(on_quiet_day=QuietDay.TRENDING, outside_interests=0))
    assert ids(asked, SectionName.TRENDING) == ["2"]


def test_a_paper_is_shown_in_one_place_only() -> None:
    many = [scoring(str(n), n, trend=(n, 1, 100)) for n in range(100)]
    some_late = [late(one) if n % 2 else one for n, one in enumerate(many)]
    twins = {str(n): str(n // 3) for n in range(60)}

    chosen = selected(*some_late, reader=profile(max_papers=2, exploration=5), twins=twins, last=LAST)

    picks = [p for section in chosen.sections for p in section.picks]
    shown = [one.paper.id for p in picks for one in (p.candidate, *p.twins)]
    assert len(shown) == len(set(shown))
    assert not {miss.paper.id for miss in chosen.misses} & set(shown)


def test_the_order_of_the_papers_changes_nothing() -> None:
    many = [scoring(str(n), 30 + n % 7) for n in range(50)]

    assert selected(*many) == selected(*reversed(many))
