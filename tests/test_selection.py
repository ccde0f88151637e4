"""Which papers an edition shows, and where."""

from collections.abc import Callable

from digest.model import Pick, Profile, QuietDay, Score, SectionName
from digest.selection import Selection, select
from tests.makers import candidate, pick, profile, reason


def unlike(_one: str, _other: str) -> float:
    return 0.0


def scoring(identifier: str, value: int, *, trend: tuple[int, int, int] | None = None) -> Pick:
    return pick(identifier, f"Paper {identifier}", reason("x (title)", value), trend=trend)


def followed(identifier: str, value: int) -> Pick:
    return Pick(candidate=candidate(identifier), score=Score(value=value, followed=True))


def ids(selection: Selection, name: SectionName) -> list[str]:
    return [p.paper.id for s in selection.sections if s.name is name for p in s.picks]


def selected(
    *picks: Pick, reader: Profile | None = None, likeness: Callable[[str, str], float] = unlike
) -> Selection:
    return select(picks, reader or profile(max_papers=2, threshold=35), likeness)


def test_the_best_above_the_threshold_are_picks_and_the_rest_are_titles() -> None:
    chosen = selected(scoring("1", 40), scoring("2", 90), scoring("3", 50), scoring("4", 34))

    assert ids(chosen, SectionName.PICKS) == ["2", "3"]
    assert ids(chosen, SectionName.ALSO) == ["1"]
    assert [miss.paper.id for miss in chosen.misses] == ["4"]


def test_equal_scores_are_in_order_of_id() -> None:
    assert ids(selected(scoring("b", 50), scoring("a", 50)), SectionName.PICKS) == ["a", "b"]


def test_followed_papers_are_in_whatever_their_score_and_number() -> None:
    chosen = selected(followed("1", 1), followed("2", 2), followed("3", 3), scoring("4", 90))

    assert ids(chosen, SectionName.PICKS) == ["3", "2", "1"]
    assert ids(chosen, SectionName.ALSO) == ["4"]


def test_a_near_twin_of_a_better_pick_makes_room_for_something_else() -> None:
    def twins(one: str, other: str) -> float:
        return 0.9 if {one, other} == {"1", "2"} else 0.0

    chosen = selected(scoring("1", 90), scoring("2", 88), scoring("3", 60), likeness=twins)

    assert ids(chosen, SectionName.PICKS) == ["1", "3"]
    assert ids(chosen, SectionName.ALSO) == ["2"]


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

    chosen = selected(*many)

    shown = [p.paper.id for section in chosen.sections for p in section.picks]
    assert len(shown) == len(set(shown))
    assert not {miss.paper.id for miss in chosen.misses} & set(shown)


def test_the_order_of_the_papers_changes_nothing() -> None:
    many = [scoring(str(n), 30 + n % 7) for n in range(50)]

    assert selected(*many) == selected(*reversed(many))
