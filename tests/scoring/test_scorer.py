"""Scores: what counts, how much, and that the reasons add up."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.model import Interest, Paper, Profile, ReasonKind, Score
from digest.scoring.corpus import read_papers
from digest.scoring.literal import Index
from digest.scoring.reasons import explainers, share
from digest.scoring.scope import Scope
from digest.scoring.scorer import score, score_value
from digest.scoring.taste import taste_of
from tests.makers import interest, paper, profile


def scored(candidate: Paper, reader: Profile, *liked: Paper, among: Sequence[Paper] = ()) -> Score:
    """The score of a paper among others, told with its reasons."""
    stored = [candidate, *(among or [paper("2603.99999", "Something Else Altogether")])]
    scope = Scope(read_papers(stored))
    index = Index(scope, np.arange(len(stored)))
    taste = taste_of(reader, liked)
    told = score(scope, index, taste)
    explained = explainers(scope, index, [taste], [told])[0].explain(0)
    assert sum(reason.points for reason in explained.reasons) == explained.value
    assert told.briefly(0) == replace(explained, reasons=())
    return explained


def labels(score: Score) -> list[str]:
    return [reason.label for reason in score.reasons]


def test_a_paper_that_matches_nothing_scores_nothing() -> None:
    assert scored(paper(title="Cooking Rice", abstract="With water."), profile(interest("waiting"))) == Score(
        value=0
    )


def test_an_interest_in_the_title_is_worth_more_than_in_the_abstract() -> None:
    reader = profile(interest("graph learning", 5))

    in_title = scored(paper(title="Graph Learning"), reader)
    in_abstract = scored(paper(abstract="We do graph learning."), reader)

    assert 39 <= in_title.value < 45  # 100 * (1 - exp(-0.5)) for the phrase, word for word
    assert 26 <= in_abstract.value < 32  # 100 * (1 - exp(-0.5 * 0.6))
    assert labels(in_title) == ["graph learning (title)"]
    assert labels(in_abstract) == ["graph learning (abstract)"]


@pytest.mark.parametrize(
    "title",
    ["Pre-training Nets", "Pretraining nets", "PRE-TRAINED NETS", "Nets, pre training", "Pre‐training"],
)
def test_hyphen_case_and_ending_do_not_matter(title: str) -> None:
    assert scored(paper(title=title), profile(interest("pre-training"))).value > 0
    assert scored(paper(title=title), profile(interest("pretraining"))).value > 0 or " training" in title


def test_a_phrase_with_a_word_between_counts_a_little_less() -> None:
    reader = profile(interest("self-supervised learning", 10))

    near = scored(paper(title="Self-Supervised Representation Learning"), reader)

    assert 0 < near.value < scored(paper(title="Self-Supervised Learning"), reader).value
    assert near.reasons[0].words == ("Self-Supervised Representation Learning",)


@pytest.mark.parametrize(
    "title", ["Self-Supervision: Learning to Grasp", "On Self-Supervision. Learning Again"]
)
def test_a_phrase_does_not_reach_across_a_stop(title: str) -> None:
    assert scored(paper(title=title), profile(interest("self-supervised learning", 10))).value == 0


def test_a_word_inside_another_is_no_match() -> None:
    assert scored(paper(title="Dragging Things", abstract=""), profile(interest("RAG", 10))).value == 0


def test_aliases_count_as_the_interest_once() -> None:
    reader = profile(interest("speculative decoding", 6, "draft model"))

    found = scored(paper(title="A Draft Model for Speculative Decoding"), reader)

    assert labels(found) == ["speculative decoding (title)"]
    assert set(found.reasons[0].words) == {"Draft Model", "Speculative Decoding"}


def test_an_alias_alone_is_named_in_the_reason() -> None:
    reader = profile(interest("speculative decoding", 6, "draft model"))

    found = scored(paper(title="A Draft Model"), reader)

    assert labels(found) == ["speculative decoding, as “draft model” (title)"]


def test_what_is_avoided_takes_points_away_but_never_below_zero() -> None:
    reader = profile(interest("graphs", 5), avoid=(interest("survey", 3), interest("graphs", 10)))

    some = scored(
        paper(title="Nets: A Survey", abstract="Of graphs."),
        profile(interest("graphs", 5), avoid=reader.avoid[:1]),
    )
    all_of_it = scored(paper(title="Graphs: A Survey"), reader)

    assert [reason.points > 0 for reason in some.reasons] == [True, False]
    assert all_of_it.value == 0
    assert all_of_it.avoided


@pytest.mark.parametrize("written", ["Kaiming He", "He, Kaiming", "KAIMING HE", "Kaiming X. He"])
def test_a_followed_author_is_found_however_the_name_is_written(written: str) -> None:
    found = scored(paper(title="X", authors=("A. B", written)), profile(authors=("Kaiming He",)))

    assert found.followed
    assert labels(found) == ["follows Kaiming He"]


@pytest.mark.parametrize(
    ("followed", "written"),
    [
        ("Kaiming He", "K. He"),
        ("Kaiming He", "Kaiming Hei"),
        ("Kaiming He", "Kai Ming He"),
        ("K. He", "Y. He"),
        ("Han Li", "Hans Li"),
        ("Robert Smith", "Roberts Smith"),
    ],
)
def test_another_author_is_another(followed: str, written: str) -> None:
    assert not scored(paper(authors=(written,)), profile(authors=(followed,))).followed


@pytest.mark.parametrize("followed", ["allenai", "Allen Institute for AI"])
def test_an_organization_is_followed_by_slug_or_by_name(followed: str) -> None:
    whole_line = paper(organization="allenai Allen Institute for AI")
    apart = paper(organization="Allen Institute for AI", organization_slug="allenai")

    assert scored(whole_line, profile(organizations=(followed,))).followed
    assert scored(apart, profile(organizations=(followed,))).followed


def test_a_paper_like_a_liked_one_says_which_and_by_what_words() -> None:
    liked = paper(
        "2104.14294", "Redundancy reduction of twin networks", abstract="Twin networks learn embeddings."
    )
    close = paper(title="Embeddings from Twin Networks", abstract="Redundancy reduction helps twin networks.")

    found = scored(close, profile(liked=("2104.14294",)), liked)

    assert found.reasons[0].kind is ReasonKind.LIKED
    assert found.reasons[0].label == "like Redundancy reduction of twin networks"
    assert {"Twin", "Networks"} <= set(found.reasons[0].words)


def test_the_order_of_interests_changes_nothing() -> None:
    one, other = interest("graphs", 5), interest("survey", 5)
    candidate = paper(title="Graphs: A Survey")

    assert scored(candidate, profile(one, other)) == scored(candidate, profile(other, one))


TEXTS = st.lists(
    st.sampled_from("graph net survey model twin learning deep the of".split()), max_size=12
).map(" ".join)
INTERESTS = st.lists(
    st.builds(interest, st.sampled_from(["graph", "deep learning", "net", "survey"]), st.integers(1, 10)),
    max_size=4,
)


@pytest.mark.slow
@given(TEXTS, TEXTS, INTERESTS, INTERESTS, TEXTS)
def test_reasons_always_add_up_to_the_score(
    title: str, abstract: str, wanted: list[Interest], avoided: list[Interest], like: str
) -> None:
    reader = profile(*wanted, avoid=tuple(avoided))

    found = scored(paper(title=title, abstract=abstract), reader, paper("2104.00001", like))

    assert found.value == sum(reason.points for reason in found.reasons)
    assert 0 <= found.value <= 100


@given(st.lists(st.floats(0.01, 10), min_size=1, max_size=8), st.integers(0, 100))
def test_shares_are_whole_and_nearly_in_proportion(weights: list[float], total: int) -> None:
    points = share(weights, total)

    assert sum(points) == total
    assert all(abs(got - total * w / sum(weights)) < 1 for got, w in zip(points, weights, strict=True))


def test_evidence_has_diminishing_returns_and_a_ceiling() -> None:
    values = [score_value(evidence / 2) for evidence in range(20)]

    assert values == sorted(values)
    assert values[0] == 0
    assert values[1] - values[0] > values[2] - values[1]
    assert max(values) == 100
