"""Reasons: they add up, they say what is so, in words that stand in the paper."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.model import Interest, Paper, ReasonKind, Score
from digest.scoring.corpus import read_papers
from digest.scoring.literal import Index
from digest.scoring.reasons import NAMED, explainers
from digest.scoring.scope import Scope
from digest.scoring.scorer import score, score_value
from digest.scoring.taste import Taste
from tests.makers import interest, paper
from tests.scoring.papers import SUBJECTS, papers_on

STORED = papers_on(*SUBJECTS, n=6)


def explained(stored: Sequence[Paper], taste: Taste, *, first: int | None = None) -> list[Score]:
    """Every stored paper's score (or the first ones') with its reasons; in short it is the same."""
    scope = Scope(read_papers(stored))
    index = Index(scope, np.arange(len(stored)))
    scored = score(scope, index, taste)
    (explainer,) = explainers(scope, index, [taste], [scored])
    found = [explainer.explain(place) for place in range(len(stored))[:first]]
    for place, one in enumerate(found):
        assert scored.briefly(place) == replace(one, reasons=())
        assert abs(one.value - scored.exact[place]) <= 0.5 + 1e-9
    return found


def explained_first(first: Paper, taste: Taste, *others: Paper) -> Score:
    """The score of one paper among others."""
    return explained([first, *(others or STORED[:12])], taste, first=1)[0]


def labels(found: Score, kind: ReasonKind) -> list[str]:
    return [reason.label for reason in found.reasons if reason.kind is kind]


# ---------------------------------------------------------------- any profile, any papers

WORDS = "graph net survey model twin learning deep the of pre-training waiting queue LLMs".split()
TEXTS = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)
TITLES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
AUTHORS = ("Ada Byron", "Kai He")
PHRASES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=2).map(" ".join)
INTERESTS = st.lists(st.builds(interest, PHRASES, st.integers(1, 10)), max_size=3).map(tuple)


def papers(prefix: str, most: int, least: int = 0) -> st.SearchStrategy[tuple[Paper, ...]]:
    one = st.builds(
        paper,
        st.just(""),
        TITLES,
        abstract=st.one_of(st.none(), TEXTS),
        authors=st.lists(st.sampled_from(AUTHORS), max_size=2).map(tuple),
        organization=st.sampled_from([None, "Mill Lab"]),
    )
    return st.lists(one, min_size=least, max_size=most).map(
        lambda found: tuple(replace(p, id=f"{prefix}{n}") for n, p in enumerate(found))
    )


@st.composite
def readers_and_papers(draw: st.DrawFn) -> tuple[tuple[Paper, ...], Taste]:
    """Some papers, and a reader who may like or dislike some of them, and some that are not stored."""
    stored, strangers = draw(papers("s", 8, 1)), draw(papers("x", 3))
    said = draw(st.lists(st.sampled_from(["like", "dislike", ""]), min_size=11, max_size=11))
    judged = list(zip((*strangers, *stored), said, strict=False))
    liked = tuple(one for one, verdict in judged if verdict == "like")
    wanted = draw(INTERESTS)
    taste = Taste(
        interests=wanted,
        avoid=draw(INTERESTS),
        authors=draw(st.sampled_from([(), AUTHORS[:1]])),
        organizations=draw(st.sampled_from([(), ("Mill Lab",)])),
        liked=liked,
        disliked=tuple(one for one, verdict in judged if verdict == "dislike") if liked or wanted else (),
    )
    return stored, taste


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(readers_and_papers())
def test_of_any_reader_and_papers_the_reasons_add_up_and_are_sorted(
    said: tuple[tuple[Paper, ...], Taste],
) -> None:
    for found in explained(*said):
        points = [reason.points for reason in found.reasons]

        assert sum(points) == found.value
        assert 0 <= found.value <= 100
        assert 0 not in points
        assert points == sorted(points, reverse=True)


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(readers_and_papers())
def test_of_any_reader_and_papers_the_reasons_say_what_is_so(
    said: tuple[tuple[Paper, ...], Taste],
) -> None:
    stored, taste = said
    liked = {f"like {one.title}" for one in taste.liked}
    disliked = {f"like {one.title}, which you disliked" for one in taste.disliked}
    names = {f"follows {name}" for name in (*taste.authors, *taste.organizations)}
    for one, found in zip(stored, explained(stored, taste), strict=True):
        for reason in found.reasons:
            is_against = reason.kind in (ReasonKind.AVOID, ReasonKind.DISLIKED)
            assert (reason.points < 0) == is_against
            assert all(words in one.title or words in (one.abstract or "") for words in reason.words)
        assert set(labels(found, ReasonKind.LIKED)) <= liked
        assert set(labels(found, ReasonKind.DISLIKED)) <= disliked
        assert {*labels(found, ReasonKind.AUTHOR), *labels(found, ReasonKind.ORGANIZATION)} <= names
        assert max(len(labels(found, kind)) for kind in (ReasonKind.LIKED, ReasonKind.DISLIKED)) <= NAMED
        wrote = set(taste.authors) & set(one.authors or ()) or (taste.organizations and one.organization)
        assert found.followed == bool(wrote)


def test_the_reasons_add_up_for_a_reader_who_only_dislikes() -> None:
    stored = [*STORED, paper("2603.00001", "", abstract=None)]

    for found in explained(stored, Taste(disliked=papers_on(*SUBJECTS, prefix="disliked"))):
        assert sum(reason.points for reason in found.reasons) == found.value


# ---------------------------------------------------------------- phrases


def interests_of(found: Score) -> list[str]:
    return labels(found, ReasonKind.INTEREST)


@pytest.mark.parametrize(
    ("title", "abstract", "label", "words"),
    [
        ("Damp Moss", "x", "damp moss (title)", ("Damp Moss",)),
        ("On X", "Of damp Mosses.", "damp moss (abstract)", ("damp Mosses",)),
        ("Damp Moss", "Of damp mosses.", "damp moss (title)", ("Damp Moss", "damp mosses")),
        ("Damp Green Moss", "x", "damp moss (title)", ("Damp Green Moss",)),
        ("On Bryophytes", "x", "damp moss, as “bryophyte” (title)", ("Bryophytes",)),
    ],
)
def test_a_phrase_is_named_with_its_place_and_the_words_as_written(
    title: str, abstract: str, label: str, words: tuple[str, ...]
) -> None:
    taste = Taste(interests=(interest("damp moss", 6, "bryophyte"),))

    (reason,) = explained_first(paper(title=title, abstract=abstract), taste).reasons

    assert reason.kind is ReasonKind.INTEREST
    assert reason.label == label
    assert reason.words == words


def test_a_paper_that_comes_near_a_phrase_without_saying_it_is_told_so_and_marks_nothing() -> None:
    stored = [*STORED, paper("says", "Patience of a Customer at the Counter", abstract="Waiting in a queue.")]
    taste = Taste(interests=(interest("customer patience", 10),))

    near = [found for found in explained(stored, taste) if found.reasons and "near" in found.reasons[0].label]

    assert near
    assert {found.reasons[0].label for found in near} == {"near customer patience"}
    assert {found.reasons[0].words for found in near} == {()}


def test_what_a_phrase_says_and_what_it_means_are_one_reason() -> None:
    taste = Taste(interests=(interest("moss", 5), interest("rice", 5)))

    for found in explained(STORED, taste):
        told = [label.removeprefix("near ").split(" (")[0] for label in interests_of(found)]
        assert len(told) == len(set(told))


def test_a_phrase_whose_words_stand_in_most_papers_says_less_than_a_rare_one() -> None:
    rare, common = paper("2603.00001", "Bryology", abstract="x"), paper("2603.00002", "Effects", abstract="x")

    def worth(one: Paper, phrase: str) -> int:
        others = papers_on(*SUBJECTS, n=8)  # three quarters of which say "effect"
        return explained_first(one, Taste(interests=(interest(phrase, 10),)), *others).value

    assert worth(rare, "bryology") >= score_value(1.0)
    assert worth(common, "effect") < worth(rare, "bryology") - 20


@pytest.mark.parametrize("others", [0, 40, 200])
def test_a_phrase_of_one_paper_among_however_many_is_worth_its_weight_word_for_word(others: int) -> None:
    stored = [paper(f"2603.{n:05}", "Kites", abstract="They fly.") for n in range(others)]

    found = explained_first(paper("2603.99999", "Bryology", abstract="x"), bryologist(), *stored)

    assert found.value >= score_value(1.0)


def test_the_more_papers_say_a_phrase_the_less_it_says_and_what_all_say_says_almost_nothing() -> None:
    def worth(saying: int) -> int:
        stored = [
            paper(f"2603.{n:05}", "Bryology" if n < saying else "Kites", abstract="x") for n in range(90)
        ]
        return explained_first(stored[0], bryologist(), *stored[1:]).value

    few, some, most, all_of_them = map(worth, (2, 30, 60, 90))

    assert few > some > most > all_of_them
    assert all_of_them < 20


def bryologist() -> Taste:
    return Taste(interests=(interest("bryology", 10),))


# ---------------------------------------------------------------- papers


def test_a_liked_paper_is_named_by_title_shortened_and_by_id_where_it_has_none() -> None:
    long = replace(papers_on("moss", prefix="liked")[0], title="Moss " * 40)
    bare = replace(long, id="2104.14294", title="")

    for liked, label in ((long, "like Moss Moss"), (bare, "like 2104.14294")):
        found = max(explained(STORED, Taste(liked=(liked,))), key=lambda one: one.value)
        assert found.reasons[0].kind is ReasonKind.LIKED
        assert found.reasons[0].label.startswith(label)
        assert len(found.reasons[0].label) <= len("like ") + 60


def test_of_many_liked_papers_the_nearest_are_named_with_the_words_they_share() -> None:
    liked = papers_on("moss", "queues", "rice", n=2, prefix="liked")
    titles = {one.title for one in liked if "-moss-" in one.id}

    for one, found in zip(STORED, explained(STORED, Taste(liked=liked)), strict=True):
        if "-moss-" in one.id:
            assert 1 <= len(labels(found, ReasonKind.LIKED)) <= NAMED
            assert found.reasons[0].label.removeprefix("like ") in titles
            assert found.reasons[0].words


def test_a_dislike_takes_points_and_names_the_paper_and_never_gives_any() -> None:
    taste = Taste(liked=papers_on("rice", "moss", n=3, prefix="liked"))
    dislikes = papers_on("rice", n=5, prefix="disliked")

    before, after = explained(STORED, taste), explained(STORED, replace(taste, disliked=dislikes))

    told = [reason for found in after for reason in found.reasons if reason.kind is ReasonKind.DISLIKED]
    assert told
    assert all(reason.points < 0 for reason in told)
    assert {reason.label for reason in told} <= {f"like {one.title}, which you disliked" for one in dislikes}
    on_rice = [n for n, one in enumerate(STORED) if "-rice-" in one.id]
    assert sum(after[n].value for n in on_rice) < sum(before[n].value for n in on_rice)
    assert any(after[n].avoided for n in on_rice)
    assert not any(one.avoided for one in before)


def test_liked_papers_and_phrases_share_what_both_say() -> None:
    taste = Taste(interests=(interest("moss", 3),), liked=papers_on("moss", n=2, prefix="liked"))

    kinds = {reason.kind for found in explained(STORED, taste) for reason in found.reasons}

    assert kinds == {ReasonKind.INTEREST, ReasonKind.LIKED}


# ---------------------------------------------------------------- names, and what is avoided


def test_a_followed_author_and_organization_are_reasons_of_their_own() -> None:
    one = paper(authors=("Byron, Ada", "Kai He"), organization="Mill Lab")
    taste = Taste(authors=("Ada Byron", "Nobody Else"), organizations=("Mill Lab",))

    found = explained_first(one, taste)

    assert found.followed
    assert found.value == score_value(1.0)
    assert [(reason.kind, reason.label) for reason in found.reasons] == [
        (ReasonKind.AUTHOR, "follows Ada Byron"),
        (ReasonKind.ORGANIZATION, "follows Mill Lab"),
    ]


def test_what_is_avoided_takes_from_all_that_speaks_for_a_paper_and_stops_at_zero() -> None:
    one = paper(title="Damp Moss: A Survey", authors=("Ada Byron",))
    wanted: tuple[Interest, ...] = (interest("damp moss", 2),)

    def found(weight: float) -> Score:
        avoid = (interest("survey", weight),) if weight else ()
        return explained_first(one, Taste(interests=wanted, avoid=avoid, authors=("Ada Byron",)))

    none, little, some, all_of_it = map(found, (0, 1, 3, 10))

    assert none.value > little.value > some.value > all_of_it.value == 0
    assert not none.avoided
    assert all_of_it.avoided
    assert all_of_it.followed
    last = little.reasons[-1]
    assert (last.kind, last.label, last.words) == (ReasonKind.AVOID, "survey (title)", ("Survey",))


def test_what_is_both_wanted_and_avoided_is_told_on_both_sides() -> None:
    taste = Taste(interests=(interest("moss", 9),), avoid=(interest("moss", 3),))

    found = explained_first(paper(title="Moss", abstract="x"), taste)

    assert [reason.kind for reason in found.reasons] == [ReasonKind.INTEREST, ReasonKind.AVOID]
    assert found.value > 0
