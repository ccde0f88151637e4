"""Terms that tell liked papers from others."""

from math import log, sqrt

import pytest

from digest.model import Paper
from digest.profiles.suggest import Suggestion, chance, log_odds, suggest, weight_of
from tests.makers import interest, paper

OTHERS = [
    paper(f"o{n}", f"Dish {n}", abstract=f"We cook dish {n} with beans and a model of taste.")
    for n in range(60)
]


def liked(*texts: str) -> list[Paper]:
    return [paper(f"l{n}", f"Study {n}", abstract=text) for n, text in enumerate(texts)]


def found(wanted: list[Paper], *known: str) -> list[Suggestion]:
    return list(suggest(wanted, OTHERS, [interest(text) for text in known], most=10))


def phrases(suggestions: list[Suggestion]) -> list[str]:
    return [one.phrase for one in suggestions]


TELESCOPES = liked(*(f"Radio telescopes, {n} beans." for n in ("two", "four", "six", "ten")))


def test_a_term_of_the_liked_papers_is_proposed_with_its_counts() -> None:
    (one,) = found(TELESCOPES)

    assert one.phrase == "radio telescopes"
    assert (one.liked, one.others) == (4, 0)
    assert one.example in {each.title for each in TELESCOPES}


def test_what_all_papers_say_is_not_proposed() -> None:
    assert not {"beans", "model"} & set(phrases(found(TELESCOPES)))


def test_what_the_profile_has_is_not_proposed_nor_its_parts_nor_more_than_it() -> None:
    assert found(TELESCOPES, "radio telescope") == []
    assert found(TELESCOPES, "telescopes", "radio") == []
    assert found(TELESCOPES, "big radio telescopes") == []


def test_spellings_of_one_term_are_one() -> None:
    wanted = liked("Self-supervised glass.", "Glass that is self supervised.", "A SELF-SUPERVISED glass.")

    proposed = phrases(found(wanted))

    assert "self-supervised" in proposed or "self-supervised glass" in proposed
    assert sum("supervised" in one for one in proposed) == 1


def test_an_acronym_and_its_words_are_one_interest() -> None:
    wanted = liked(*(f"Giant moving telescopes (GMTs) saw {n} stars." for n in range(4)))

    (one,) = [each for each in found(wanted) if "GMT" in str(each)]

    assert {one.phrase, *one.aliases} == {"giant moving telescopes", "GMTs"}


def test_phrases_end_where_punctuation_does() -> None:
    wanted = liked(*("Glass beads. Radio waves." for _ in range(4)))

    assert not any("beads radio" in one.lower() for one in phrases(found(wanted)))


def test_one_paper_that_repeats_its_own_word_proposes_nothing() -> None:
    wanted = [*liked("Beans.", "Model.", "Taste."), paper("l9", "Zorp", abstract="zorp " * 200)]

    assert "zorp" not in phrases(found(wanted))


@pytest.mark.parametrize("number", [0, 1, 2])
def test_too_few_liked_papers_propose_nothing(number: int) -> None:
    assert found(TELESCOPES[:number]) == []


def test_liked_papers_among_the_others_are_not_counted_there() -> None:
    (one,) = suggest(TELESCOPES, [*OTHERS, *TELESCOPES], [], most=10)

    assert one.others == 0


def test_no_more_than_asked_for_are_proposed() -> None:
    assert len(suggest(TELESCOPES, OTHERS, [], most=1)) == 1


def test_without_other_papers_there_is_nothing_to_compare_with() -> None:
    assert suggest(TELESCOPES, [], [], most=5) == ()


def test_the_log_odds_are_those_of_the_paper() -> None:
    """Monroe, Colaresi & Quinn 2008, eq. 16 and 20: 3 of 10 papers against 5 of 90, prior 20 papers."""
    prior = 20 * 8 / 100
    expected = log((3 + prior) / (7 + 20 - prior)) - log((5 + prior) / (85 + 20 - prior))

    ratio, deviation = log_odds(3, 10, 5, 90)

    assert ratio == pytest.approx(expected)
    assert deviation == pytest.approx(sqrt(1 / (3 + prior) + 1 / (5 + prior)))


def test_a_term_as_common_here_as_there_has_no_odds() -> None:
    assert log_odds(10, 100, 100, 1000)[0] == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ((2, 2, 0, 2), 1 / 6),  # both drawn of two among four: 1 of the 6 ways
        ((3, 4, 1, 4), 17 / 70),  # Fisher's lady tasting tea
        ((0, 3, 5, 9), 1.0),
        ((4, 4, 0, 60), 1 / 635_376),
    ],
)
def test_chance_is_that_of_fishers_exact_test(table: tuple[int, int, int, int], expected: float) -> None:
    assert chance(*table) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("ratio", "share", "weight"), [(0.1, 1, 1), (log(32), 0.5, 10), (log(32), 0.0, 5), (99, 1, 10)]
)
def test_weights_are_of_1_to_10(ratio: float, share: float, weight: int) -> None:
    assert weight_of(ratio, 0.0, share) == weight


def test_hostile_text_is_bounded_work() -> None:
    wanted = [paper(f"l{n}", "x" * 300, abstract="(((" * 2000) for n in range(5)]

    assert all(one.liked == 5 for one in found(wanted))
