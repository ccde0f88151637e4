"""Which ids and titles are one, and what is then known of a paper."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.identity import (
    LIBRARY,
    agree,
    decisive,
    identities,
    ids_of,
    is_telling,
    kinds,
    latest,
    merged,
    rank,
    title_identity,
    title_keys,
)
from digest.model import Observation
from tests.makers import NOW, paper


def test_the_best_id_is_arxivs_then_a_doi_then_a_sources_own_then_a_titles() -> None:
    ids = ["title:x", "s2:a", "10.1/b", "feed:c", "10.1/a", "astro-ph/0601001", "2603.00001"]

    ranked = sorted(ids, key=rank)

    assert ranked == ["2603.00001", "astro-ph/0601001", "10.1/a", "10.1/b", "feed:c", "s2:a", "title:x"]
    assert kinds(ids) == {"arxiv", "doi", "s2", "feed"}


def test_of_several_arxiv_ids_only_a_papers_own_is_believed() -> None:
    assert ids_of(paper("2603.00001", aliases=("s2:a", "2603.00002", "10.1/a", "title:x"))) == (
        "2603.00001",
        "10.1/a",
        "s2:a",
    )
    assert ids_of(paper("s2:a", aliases=("2603.00002",))) == ("s2:a", "2603.00002")
    assert ids_of(paper("s2:a", aliases=("2603.00002", "2603.00001", "10.1/a"))) == ("s2:a", "10.1/a")
    assert len(ids_of(paper("s2:a", aliases=tuple(f"10.1/{n}" for n in range(1_000))))) < 50


def test_a_paper_may_be_listed_under_all_its_ids_and_its_title() -> None:
    assert identities(paper("2603.00001", "Tea", aliases=("10.1/a",))) == {
        "2603.00001",
        "10.1/a",
        "title:tea",
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("LLM$\\times$MapReduce", "LLMtimesMapReduce"),
        ("LLM$\\times$MapReduce", "LLM×MapReduce"),
        ("$L_2$ Tea", "L_2 Tea"),
        ("$L_2$ Tea", "L₂ Tea"),
        ("$\\boldsymbol{x}$ Tea", "{{boldsymbol x}} Tea"),
        ("$\\boldsymbol{x}$ Tea", "x Tea"),
        ("$\\nabla^2$Tea", "nabla^2Tea"),
        ("$\\nabla^2$Tea", "∇²Tea"),
        ("$\\text{Tea}^2$: Self-pouring", "Tea^2: Self-pouring"),
        ("\\textsc{Tea-Pot}", "Tea-Pot"),
        ("$\\mathcal{O}(n)$ Tea", "O(n) Tea"),
        ("$\\Lambda$-Tea", "λ-tea"),
        ("Schrödinger’s  TEA", "Schrodinger's tea"),
    ],
)
def test_spellings_of_a_title_have_a_key_in_common(one: str, other: str) -> None:
    assert title_keys(paper(title=one)) & title_keys(paper(title=other))


@pytest.mark.parametrize(
    ("one", "other"),
    [("Tea 2", "Tea 3"), ("α-tea", "β-tea"), ("L×M tea", "LM tea pot"), ("Tea", "Text"), ("???", "!!!")],
)
def test_other_titles_have_none(one: str, other: str) -> None:
    assert not title_keys(paper(title=one)) & title_keys(paper(title=other))


@pytest.mark.parametrize(
    ("title", "telling"),
    [
        ("A robot that pours tea", False),
        ("Robots which pour tea for two", True),
        ("Teapots Recognised Everywhere", False),
        ("Editorial: a robot which pours tea for two", False),
        ("Response to reviewers of the tea paper", False),
        ("Introduction to the special issue on tea", False),
        ("Correction: robots which pour tea", False),
        ("Author Correction: robots which pour tea", False),
        ("Programming robots which pour tea", True),
        ("Responses of robots when tea is hot", True),
        ("", False),
    ],
)
def test_a_title_tells_if_hardly_two_papers_are_called_so(title: str, telling: bool) -> None:
    assert is_telling(title) is telling


@pytest.mark.parametrize(
    ("some", "others"),
    [
        (("Ada Lovelace",), ("A. Lovelace",)),
        (("Ada Lovelace",), ("Lovelace, A.",)),
        (("Ada Lovelace",), ("LOVELACE A",)),
        (("Zhang Wei",), ("Wei Zhang",)),
        (("Ada Lovelace", "Bo Kettle"), ("Cem Samovar", "B. Kettle")),
        (("Erwin Schrödinger",), ("E. Schrodinger",)),
        (("李 雷",), ("李 雷",)),
        (("A. B.",), ("Cem Samovar",)),
        (None, ("Cem Samovar",)),
        ((), ("Cem Samovar",)),
    ],
)
def test_authors_agree_by_one_surname_however_it_is_written(
    some: tuple[str, ...] | None, others: tuple[str, ...]
) -> None:
    assert agree(paper(authors=some), paper(authors=others))
    assert agree(paper(authors=others), paper(authors=some))


def test_other_authors_and_years_between_speak_against_one_paper() -> None:
    day = date(2026, 3, 1)

    assert not agree(paper(authors=("Ada Lovelace",)), paper(authors=("Ada Kettle",)))
    assert not agree(paper(published=day), paper(published=day - timedelta(days=1_100)))
    assert agree(paper(published=day), paper(published=day - timedelta(days=1_000)))


# ---------------------------------------------------------------- one paper of two


def test_merging_fills_gaps_and_overwrites_nothing() -> None:
    known = paper("title:x", "Known", abstract="Known.", n_authors=3, organization=None)
    new = paper(
        "2603.00001",
        "New",
        abstract="New and longer.",
        authors=("A", "B"),
        organization="Lab",
        published=date(2026, 3, 1),
    )

    both = merged(known, new)

    assert (both.id, both.title, both.abstract) == ("2603.00001", "Known", "Known.")
    assert (both.organization, both.published) == ("Lab", date(2026, 3, 1))
    assert (both.authors, both.n_authors) == (("A", "B"), 2)


def test_the_best_id_stays_and_the_others_are_aliases() -> None:
    one, other = paper("s2:a", aliases=("openreview:b",)), paper("10.1/a", aliases=("2603.00001", "s2:a"))

    both = merged(one, other)

    assert (both.id, both.aliases) == ("10.1/a", ("2603.00001", "openreview:b", "s2:a"))
    assert merged(paper("title:x"), paper("10.1/a")).aliases == ()


@pytest.mark.parametrize(
    ("known", "new", "kept"),
    [
        (("A. Lovelace", "B. Kettle"), ("Ada Lovelace", "Bo Kettle"), "new"),
        (("Lovelace, A. K.", "Kettle, B."), ("Ada Lovelace", "Bo Kettle"), "new"),
        (("Lovelace AK", "Bo Kettle"), ("Ada Lovelace", "Bo Kettle"), "new"),
        (("Ada Lovelace", "Bo Kettle"), ("A. Lovelace", "B. Kettle"), "known"),
        (("A. Lovelace",), ("Ada Lovelace", "Bo Kettle"), "known"),
        (("A. Lovelace", "B. Kettle"), ("Cem Samovar", "Dan Tass"), "known"),
        (("A. Lovelace", "Bo Kettle"), ("Ada Lovelace", "B. Kettle"), "known"),
        (("Plato",), ("P. Lato",), "known"),
    ],
)
def test_names_written_out_replace_the_same_abbreviated(
    known: tuple[str, ...], new: tuple[str, ...], kept: str
) -> None:
    both = merged(paper(authors=known), paper(authors=new))

    assert both.authors == (new if kept == "new" else known)


@pytest.mark.parametrize(
    ("known", "new", "kept"),
    [
        ("We pour tea…", "We pour tea, and more of it.", "new"),
        ("We pour tea ...", "Tea is poured by us, in full.", "new"),
        ("We pour", "We pour tea.", "new"),
        ("We pour tea.", "We pour…", "known"),
        ("We pour tea.", "Another text, which is longer.", "known"),
        ("We pour tea…", "Tea is poured by us, and then…", "known"),
        ("We pour tea, and more…", "Short.", "known"),
        (None, "We pour tea.", "new"),
    ],
)
def test_a_whole_abstract_replaces_one_that_was_cut(known: str | None, new: str, kept: str) -> None:
    both = merged(paper(abstract=known), paper(abstract=new))

    assert both.abstract == (new if kept == "new" else known)


def test_against_a_source_what_a_readers_own_file_says_counts_for_nothing() -> None:
    own = paper("title:towait", "TO WAIT", source=LIBRARY, abstract="Private.", authors=("A. Note",))
    listed = paper("2603.00001", "To Wait", abstract=None)

    assert merged(own, listed) == listed
    assert merged(replace(own, id="2603.00001"), replace(listed, id="title:towait")) == listed
    assert merged(own, replace(own, title="To wait", n_authors=1)).title == "TO WAIT"


# ---------------------------------------------------------------- observations


def test_the_newest_stated_figure_counts() -> None:
    early = Observation(
        at=datetime(2026, 3, 10, tzinfo=UTC), upvotes=10, stars=5, listed_on=date(2026, 3, 10)
    )
    late = Observation(at=datetime(2026, 3, 11, tzinfo=UTC), upvotes=40)

    assert latest([late, early]) == Observation(at=late.at, upvotes=40, stars=5, listed_on=date(2026, 3, 10))
    assert latest([]) is None


FIGURES = st.none() | st.integers(0, 5)
OBSERVATIONS = st.builds(
    lambda hours, days, upvotes, stars: Observation(
        at=NOW + timedelta(hours=hours),
        listed_on=days and NOW.date() - timedelta(days=days),
        upvotes=upvotes,
        stars=stars,
    ),
    st.integers(0, 3),
    st.none() | st.integers(1, 3),
    FIGURES,
    FIGURES,
)


@given(st.lists(OBSERVATIONS, min_size=1))
def test_what_is_known_never_goes_back_in_time(observations: list[Observation]) -> None:
    in_order = sorted(observations, key=lambda seen: seen.at)

    known = [latest(in_order[: n + 1]) for n in range(len(in_order))]

    times = [one.at for one in known if one]
    assert times == sorted(times)
    said = [one.upvotes is not None for one in known if one]
    assert said == sorted(said)


@pytest.mark.slow
@given(st.lists(OBSERVATIONS), st.integers(0, 9))
def test_a_few_observations_say_what_all_of_them_do(observations: list[Observation], cut: int) -> None:
    few = decisive([*decisive(observations[:cut]), *observations[cut:]])

    assert latest(few) == latest(observations)
    assert set(few) <= set(observations)
    assert len(few) <= 5


def test_an_id_of_a_title_is_its_letters_and_digits_or_a_hash() -> None:
    assert title_identity("Waiting, for TEA 2!") == "title:waitingfortea2"
    assert title_identity("???").startswith("title:")
    assert len(title_identity("???")) == len("title:") + 16
