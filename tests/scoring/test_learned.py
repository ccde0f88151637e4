"""What liked and disliked papers and the meaning of phrases teach: in which direction, and how far."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from digest.model import Paper
from digest.scoring.corpus import read_papers
from digest.scoring.learned import EXPECTED, Expected, learn, mean_and_deviation, measured, zscore
from digest.scoring.recipe import DEFAULT
from digest.scoring.scope import Scope
from digest.scoring.scorer import FELT
from digest.scoring.taste import Taste
from tests.makers import interest, paper
from tests.scoring.papers import SUBJECTS, mean_on, papers_on, scores

STORED = papers_on(*SUBJECTS, n=7)
QUEUES = papers_on("queues", n=3, prefix="liked")
RICE = papers_on("rice", n=3, prefix="other")
OTHERS = tuple(subject for subject in SUBJECTS if subject != "queues")


def on(subject: str, *tastes: Taste, stored: Sequence[Paper] = STORED) -> list[float]:
    """What papers on a subject are worth to each reader, in the mean."""
    return [mean_on(subject, stored, found) for found in scores(stored, *tastes)]


# ---------------------------------------------------------------- liked papers


@pytest.mark.parametrize("liked", [QUEUES[:1], QUEUES])
def test_papers_like_a_liked_one_stand_above_all_others(liked: tuple[Paper, ...]) -> None:
    (found,) = scores(STORED, Taste(liked=liked))

    like = [value for one, value in zip(STORED, found, strict=True) if "-queues-" in one.id]
    unlike = [value for one, value in zip(STORED, found, strict=True) if "-queues-" not in one.id]
    assert min(like) > 2 * max(unlike)


def test_the_more_is_known_of_a_taste_the_surer_the_score() -> None:
    one, three = on("queues", Taste(liked=QUEUES[:1]), Taste(liked=QUEUES))

    assert three > one


def test_a_liked_paper_that_is_stored_teaches_as_one_that_is_not() -> None:
    stranger, known = (
        scores(STORED, Taste(liked=QUEUES))[0],
        scores([*STORED, *QUEUES], Taste(liked=QUEUES))[0],
    )

    assert np.abs(known[: len(STORED)] - stranger).max() < 12


def test_readers_who_like_two_subjects_are_shown_both() -> None:
    taste = Taste(liked=(*QUEUES, *RICE))
    (found,) = scores(STORED, taste)

    assert mean_on("queues", STORED, found) > 2 * mean_on("moss", STORED, found)
    assert mean_on("rice", STORED, found) > 2 * mean_on("moss", STORED, found)


WAITING = "patience bench lobby idle"
LINES = "counter ticket clerk booth"
ELSEWHERE = "compass contour valley ridge"


def bridged() -> list[Paper]:
    """Papers on waiting, on lines, on neither, and some on both of the first: no word else in common."""

    def some(name: str, texts: Sequence[str]) -> list[Paper]:
        return [paper(f"{name}-{n}", text, abstract=text) for n, text in enumerate(texts)]

    def turned(words: str) -> list[str]:
        said = words.split()
        return [" . ".join(said[n:] + said[:n]) for n in range(4)]

    both = [f"{a} . {b}" for a, b in zip(turned(WAITING), turned(LINES), strict=True)]
    fillers = [
        " . ".join(SUBJECTS[name][n : n + 5]) for name in ("rice", "moss", "bells", "kites") for n in range(5)
    ]
    return [
        *some("both", both),
        *some("lines", turned(LINES)),
        *some("elsewhere", turned(ELSEWHERE)),
        *some("filler", fillers),
    ]


def test_a_liked_paper_reaches_papers_that_share_no_word_with_it_through_their_neighbours() -> None:
    by_terms = replace(DEFAULT, terms=1.0, subjects=1e-9, meanings=0.0, telling=0.0)
    stored = bridged()
    taste = Taste(liked=(paper("liked", "Idle", abstract=WAITING.replace(" ", " . ")),))

    def gain(graph: float) -> float:
        (learned,) = learn(Scope(read_papers(stored, replace(by_terms, graph=graph))), [taste]).liked
        lines = [value for one, value in zip(stored, learned, strict=True) if one.id.startswith("lines")]
        apart = [value for one, value in zip(stored, learned, strict=True) if one.id.startswith("elsewhere")]
        return float(min(lines) - max(apart))

    assert gain(graph=1.0) > 0.3
    assert gain(graph=0.0) == pytest.approx(0.0, abs=1e-5)


# ---------------------------------------------------------------- phrases


def test_a_phrase_reaches_papers_that_mean_the_same_without_its_words() -> None:
    near = paper("near", "Automobile Engines", abstract="A vehicle and its driver on the motorway.")
    far = paper("far", "Rhymes of a Sonnet", abstract="A stanza and its poet in the library.")
    says = paper("says", "A Car", abstract="Parked.")
    stored = [near, far, says, *STORED]

    (found,) = learn(Scope(read_papers(stored)), [Taste(interests=(interest("car"),))]).phrases

    assert found[2] == max(found)
    assert found[0] > found[1] + 0.1


def test_a_phrase_counts_less_the_more_papers_are_liked() -> None:
    scope, fading = Scope(read_papers(STORED)), DEFAULT.fading

    none, one, three = (
        learn(scope, [Taste(interests=(interest("moss"),), liked=QUEUES[:n])]).phrases for n in (0, 1, 3)
    )

    assert np.allclose(one, none * fading / (fading + 1), atol=1e-4)
    assert np.allclose(three, none * fading / (fading + 3), atol=1e-4)


def test_only_the_relation_of_weights_matters_for_what_phrases_mean() -> None:
    light, heavy, other = learn(
        Scope(read_papers(STORED)),
        [
            Taste(interests=(interest("moss", 1), interest("rice", 2))),
            Taste(interests=(interest("moss", 4), interest("rice", 8))),
            Taste(interests=(interest("moss", 8), interest("rice", 4))),
        ],
    ).phrases

    assert np.allclose(light, heavy, atol=1e-4)
    assert not np.allclose(light, other, atol=0.1)


def test_a_phrase_that_nobody_says_teaches_nothing() -> None:
    (found,) = learn(Scope(read_papers(STORED)), [Taste(interests=(interest("zyx wvu"),))]).phrases

    assert np.abs(found).max() < 1e-6


# ---------------------------------------------------------------- dislikes


def test_a_dislike_lowers_papers_like_it_and_hardly_any_else() -> None:
    likes_both = Taste(liked=(*QUEUES, *RICE))
    (before,) = scores(STORED, likes_both)
    (after,) = scores(STORED, replace(likes_both, disliked=papers_on("rice", n=3, prefix="disliked")))

    assert mean_on("rice", STORED, after) < mean_on("rice", STORED, before) - 1
    rice_lost = mean_on("rice", STORED, before) - mean_on("rice", STORED, after)
    assert all(
        abs(mean_on(name, STORED, before) - mean_on(name, STORED, after)) < rice_lost
        for name in SUBJECTS
        if name != "rice"
    )


def test_a_dislike_cannot_take_a_phrase_of_weight_10_in_a_title_away() -> None:
    reader = Taste(interests=(interest("patience", 10),))
    candidate = paper("candidate", "On Patience", abstract="Of a queue at a counter.")
    stored = [candidate, *STORED]

    without, disliking, hating = (
        scores(
            stored, replace(reader, disliked=tuple(replace(candidate, id=f"same-{n}") for n in range(most)))
        )[0][0]
        for most in (0, 1, 30)
    )

    assert hating <= disliking < without
    assert hating >= 40


def test_what_is_lost_is_never_more_than_what_was_gained() -> None:
    from digest.scoring.literal import Index
    from digest.scoring.scorer import score_all

    scope = Scope(read_papers(STORED))
    tastes = [
        Taste(liked=QUEUES[:1], disliked=QUEUES[1:]),
        Taste(interests=(interest("rice"),), disliked=RICE),
    ]

    for scored in score_all(scope, Index(scope, np.arange(len(STORED))), tastes):
        assert (scored.lost >= 0).all()
        assert (scored.lost <= scored.gained + 1e-6).all()
        assert scored.lost.max() > FELT


def test_dislikes_alone_speak_for_no_paper() -> None:
    (found,) = scores(STORED, Taste(disliked=(*RICE, *QUEUES)))

    assert found.max() < 0.5


def test_taking_a_dislike_back_restores_every_score_exactly() -> None:
    scope = Scope(read_papers(STORED))
    taste = Taste(interests=(interest("moss"),), liked=QUEUES)
    before = learn(scope, [taste]).total

    disliking = learn(scope, [replace(taste, disliked=RICE)]).total
    after = learn(scope, [taste]).total

    assert not np.array_equal(before, disliking)
    assert np.array_equal(before, after)


def test_a_paper_both_liked_and_disliked_is_taken_out_of_the_reference_once() -> None:
    stored = [*STORED, *QUEUES]
    own = learn(Scope(read_papers(stored)), [Taste(liked=QUEUES, disliked=QUEUES[:1])]).own

    assert sorted(own[0].tolist()) == [42, 43, 44]


# ---------------------------------------------------------------- many readers


TASTES = (
    Taste(interests=(interest("waiting", 10),), liked=QUEUES[:1]),
    Taste(interests=(interest("damp soil"), interest("rice", 1)), liked=STORED[1:4], disliked=STORED[4:6]),
    Taste(liked=(*QUEUES, *RICE), disliked=STORED[2:3]),
    Taste(interests=(interest("kite"),), liked=STORED[10:11]),
)


def test_many_readers_at_once_score_as_each_alone() -> None:
    together = scores(STORED, *TASTES)

    for found, taste in zip(together, TASTES, strict=True):
        assert np.abs(found - scores(STORED, taste)[0]).max() < 1e-3  # of a hundred points


def test_more_readers_than_papers_score_as_each_alone() -> None:
    crowd = [Taste(liked=(one,)) for one in papers_on(*SUBJECTS, n=8, prefix="crowd")]

    together = scores(STORED, *crowd, *TASTES)[-len(TASTES) :]

    for found, taste in zip(together, TASTES, strict=True):
        assert np.abs(found - scores(STORED, taste)[0]).max() < 1e-3


@pytest.mark.parametrize(
    "other", [Taste(), Taste(interests=(interest("moss"),)), Taste(authors=("Ada Byron",))]
)
def test_readers_without_papers_score_beside_readers_with_some(other: Taste) -> None:
    alone, beside = scores(STORED, other)[0], scores(STORED, other, TASTES[0])[0]

    assert np.abs(alone - beside).max() < 1e-3


def test_a_reader_who_said_nothing_gets_nothing() -> None:
    assert scores(STORED, Taste())[0].tolist() == [0.0] * len(STORED)


# ---------------------------------------------------------------- measure


def test_the_measure_leaves_the_readers_own_papers_out() -> None:
    scope = Scope(read_papers(STORED))
    values = np.random.default_rng(1).normal(3, 2, (2, len(STORED))).astype(np.float32)
    own = [np.array([0, 5, 41]), np.array([], np.intp)]

    mean, variance, n = measured(scope, values, own)

    others = np.delete(values[0], own[0])
    assert mean[:, 0] == pytest.approx([others.mean(), values[1].mean()], abs=1e-4)
    assert variance[:, 0] == pytest.approx([others.var(), values[1].var()], abs=1e-3)
    assert n[:, 0].tolist() == [39, 42]


def test_little_that_is_stored_is_measured_against_what_is_expected_too() -> None:
    scope = Scope(read_papers(STORED))
    values = np.random.default_rng(2).normal(0.3, 0.1, (1, len(STORED))).astype(np.float32)

    mean, deviation = mean_and_deviation(scope, values, [np.array([], np.intp)], Expected(0.08, 0.0))

    whole = np.concatenate([values[0], np.full(EXPECTED, 0.08)])
    assert float(mean[0, 0]) == pytest.approx(whole.mean(), abs=1e-5)
    assert float(deviation[0, 0]) == pytest.approx(whole.std(), abs=1e-5)


def test_deviations_are_counted_from_the_mean_and_rows_without_any_are_0() -> None:
    found = zscore(np.array([[1, 2, 3], [7, 7, 7]], np.float32))

    assert found[0] == pytest.approx([-np.sqrt(1.5), 0, np.sqrt(1.5)], abs=1e-5)
    assert found[1].tolist() == [0, 0, 0]
    assert zscore(np.empty((2, 0), np.float32)).shape == (2, 0)


def correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(np.corrcoef(one, other)[0, 1])


def test_more_stored_papers_on_other_subjects_keep_what_is_good_good_and_what_is_bad_bad() -> None:
    more = papers_on("moss", "bells", "kites", "maps", n=30, prefix="more")
    taste = Taste(interests=(interest("waiting", 5),), liked=QUEUES)

    (few,), (many,) = scores(STORED, taste), scores([*STORED, *more], taste)
    many = many[: len(STORED)]

    assert correlation(few, many) > 0.8
    assert min(mean_on("queues", STORED, few), mean_on("queues", STORED, many)) > 35  # a usual threshold
    assert max(mean_on(name, STORED, many) for name in OTHERS) < 5
