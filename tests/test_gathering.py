"""Entries of lists become papers, each once, in whatever order they come."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.gathering import collect
from digest.identity import is_title_only, rank, title_identity
from digest.links import is_arxiv_id
from digest.model import Entry, Listing, Paper
from tests.makers import NOW, entry
from tests.works import gathered, harvests, real_ids, told

TITLE = "Learning to wait for a cup of tea"


def listing(*entries: Entry) -> Listing:
    return Listing(layout="test", entries=entries)


def papers(*entries: Entry) -> list[Paper]:
    return sorted((one.paper for one in collect([listing(*entries)], NOW)), key=lambda one: rank(one.id))


def ids(*entries: Entry) -> list[str]:
    return [one.id for one in papers(*entries)]


@pytest.mark.parametrize("order", [1, -1])
def test_one_paper_of_two_lists_is_one_candidate(order: int) -> None:
    pages = [
        listing(entry(title_identity(TITLE), TITLE, comments=3)),
        listing(entry("2603.00001", TITLE.upper() + "!", upvotes=7)),
    ][::order]

    (only,) = collect(pages, NOW)

    assert only.paper.id == "2603.00001"
    assert only.observation is not None
    assert (only.observation.upvotes, only.observation.comments) == (7, 3)


@settings(deadline=None)
@given(st.data())
def test_every_order_of_what_lists_say_makes_the_same_papers(data: st.DataObject) -> None:
    entries = data.draw(told())

    again = [one for harvest in data.draw(harvests(entries)) for one in harvest]

    assert gathered(again) == gathered(entries)
    assert sorted(map(sorted, (ids for _, ids in gathered(entries) if ids))) == sorted(
        map(sorted, real_ids(entries))
    )


@given(
    st.lists(
        st.builds(
            lambda identifier, title, aliases, authors: entry(
                identifier or title_identity(title), title, aliases=tuple(aliases), authors=authors
            ),
            st.sampled_from(["2603.00001", "2603.00002", "10.1/a", "10.1/b", "s2:a", None]),
            st.sampled_from([TITLE, "A robot that pours tea for two", "Tea"]),
            st.lists(st.sampled_from(["2603.00001", "2603.00002", "10.1/a", "10.1/b", "s2:a", "s2:b"])),
            st.sampled_from([None, ("Ada Lovelace",), ("Bo Kettle",)]),
        ),
        max_size=12,
    )
)
def test_whatever_lists_claim_no_two_arxiv_ids_are_one_and_no_id_is_twos(entries: list[Entry]) -> None:
    found = papers(*entries)

    known = [identifier for one in found for identifier in (one.id, *one.aliases)]
    assert len(known) == len(set(known))
    assert all(sum(map(is_arxiv_id, (one.id, *one.aliases))) <= 1 for one in found)
    assert all(one.id == min((one.id, *one.aliases), key=rank) for one in found)
    assert {one.paper.id for one in entries if not is_title_only(one.paper.id)} <= set(known)


@settings(deadline=None)
@given(st.data())
def test_the_same_lists_twice_are_the_same_papers(data: st.DataObject) -> None:
    entries = data.draw(told())

    assert gathered([*entries, *entries]) == gathered(entries)


def test_a_paper_of_two_sources_is_one_by_its_title_under_the_best_id() -> None:
    (only,) = papers(
        entry("s2:ab", TITLE, authors=("A. Lovelace",)),
        entry("10.1101/tea", TITLE, authors=("Lovelace, A.",)),
        entry("2603.00001", TITLE, authors=("Ada Lovelace",)),
    )

    assert (only.id, only.aliases) == ("2603.00001", ("10.1101/tea", "s2:ab"))
    assert only.authors == ("Ada Lovelace",)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (entry("2603.00001", TITLE), entry("2603.00002", TITLE)),
        (entry("10.1/a", TITLE), entry("10.1/b", TITLE)),
        (entry("openreview:a", TITLE), entry("openreview:b", TITLE)),
        (entry("2603.00001", "Waiting for Tea"), entry("10.1/a", "Waiting for Tea")),
        (entry("2603.00001", "Antimicrobialtealeaves rest"), entry("10.1/a", "Antimicrobialtealeaves rest")),
        (
            entry("2603.00001", "Response to reviewers of the manuscript"),
            entry("10.1/a", "Response to reviewers of the manuscript"),
        ),
        (
            entry("2603.00001", TITLE, authors=("Ada Lovelace",)),
            entry("10.1/a", TITLE, authors=("Bo Kettle",)),
        ),
        (entry("2603.00001", TITLE, aliases=("10.1/a",)), entry("s2:x", TITLE, aliases=("10.1/b",))),
    ],
)
def test_a_title_in_common_is_not_enough(one: Entry, other: Entry) -> None:
    assert len(ids(one, other)) == 2
    assert len(ids(other, one)) == 2


def test_years_between_them_make_two_papers_of_one_title() -> None:
    old, new = entry("10.1/a", TITLE), entry("2603.00001", TITLE)
    dated = [
        replace(one, paper=replace(one.paper, published=NOW.date().replace(year=year)))
        for one, year in ((old, 2022), (new, 2026))
    ]

    assert ids(*dated) == ["2603.00001", "10.1/a"]
    assert ids(dated[0], new) == ["2603.00001"]


def test_two_dois_are_one_where_a_list_says_so() -> None:
    assert ids(
        entry("10.1/a", TITLE),
        entry("10.1/b", TITLE),
        entry("2603.00001", TITLE, aliases=("10.1/a", "10.1/b")),
    ) == ["2603.00001"]


def test_a_doi_that_two_arxiv_papers_claim_stays_with_the_first() -> None:
    first, second = papers(
        entry("2603.00001", "Tea I", aliases=("10.1/a",)), entry("2603.00002", "Tea II", aliases=("10.1/a",))
    )

    assert (first.aliases, second.aliases) == (("10.1/a",), ())


def test_a_title_alone_is_one_of_two_papers_called_so_and_never_makes_them_one() -> None:
    alone = entry(title_identity(TITLE), TITLE, comments=3)
    for entries in (
        (alone, entry("2603.00002", TITLE), entry("2603.00001", TITLE)),
        (entry("2603.00002", TITLE), entry("2603.00001", TITLE), alone, alone),
    ):
        assert ids(*entries) == ["2603.00001", "2603.00002"]


def test_titles_in_tex_in_unicode_and_stripped_of_it_are_one() -> None:
    spelled = [
        "LLM$\\times$MapReduce with $\\varepsilon$-tea",
        "LLM×MapReduce with ε-tea",
        "LLMtimesMapReduce with varepsilon-tea",
        "$\\textbf{LLM}\\times$MapReduce with epsilon-tea",
    ]

    assert len(papers(*(entry(title_identity(title), title) for title in spelled))) == 1


def of_one_title(n: int) -> Entry:
    return entry(f"s2:{n}", TITLE, authors=(f"Ada Kettle{n}",))


def of_one_title_and_two_kinds(n: int) -> Entry:
    return entry(f"{'s2' if n % 2 else 'openreview'}:{n}", TITLE, authors=(f"Ada Kettle{n}",))


def of_one_id(n: int) -> Entry:
    return entry("2603.00001", f"Tea number {n}", upvotes=n)


def with_ever_more_aliases(n: int) -> Entry:
    return entry("2603.00001", TITLE, aliases=tuple(f"10.1/{n}-{m}" for m in range(20)))


def over_and_over(n: int) -> Entry:
    return entry(f"10.1/{n % 300}", TITLE)


@pytest.mark.parametrize(
    "kind",
    [of_one_title, of_one_title_and_two_kinds, of_one_id, with_ever_more_aliases, over_and_over],
)
def test_no_list_costs_more_than_in_step_with_its_length(kind: Callable[[int], Entry]) -> None:
    def seconds(number: int) -> float:
        entries = [kind(n) for n in range(number)]
        start = time.process_time()
        papers(*entries)
        return time.process_time() - start

    assert seconds(3_000) < 20 * seconds(500) + 0.2


def test_ids_and_titles_of_one_paper_are_bounded() -> None:
    (only,) = papers(*map(with_ever_more_aliases, range(20)))

    assert 50 < len(only.aliases) < 200
