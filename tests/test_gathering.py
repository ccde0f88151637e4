"""Entries of lists become papers, each once, in whatever order they come."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.gathering import MOST_IDS, collect
from digest.identity import is_title_only, rank, title_identity
from digest.links import is_arxiv_id
from digest.model import Entry, Listing, Paper
from tests.makers import NOW
from tests.works import HONEST, entry, gathered, harvests, real_ids, told, told_among_lies

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


@pytest.mark.slow
@settings(deadline=None)
@given(st.data())
def test_every_order_of_what_lists_say_makes_the_same_papers(data: st.DataObject) -> None:
    entries = data.draw(told())

    again = [one for harvest in data.draw(harvests(entries)) for one in harvest]

    assert gathered(again) == gathered(entries)
    assert sorted(map(sorted, (ids for _, ids in gathered(entries) if ids))) == sorted(
        map(sorted, real_ids(entries))
    )


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


# ---------------------------------------------------------------- lists that lie


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(told_among_lies())
def test_whatever_feeds_claim_each_paper_of_those_who_know_stays_one_by_its_own_title(
    entries: tuple[Entry, ...],
) -> None:
    papers = [one.paper for one in collect([listing(*entries)], NOW)]

    by_id = {identifier: one for one in papers for identifier in (one.id, *one.aliases)}
    kept = {one.paper.id: by_id[one.paper.id] for one in HONEST}
    assert len({one.id for one in kept.values()}) == len(HONEST)
    assert {key: one.title for key, one in kept.items()} == {one.paper.id: one.paper.title for one in HONEST}


def crowd(number: int) -> list[Entry]:
    """What takes one paper to the bound of its ids, and then over it by titles."""
    claims = [
        entry("s2:x", TITLE, aliases=tuple(f"10.1/{round_}-{n}" for n in range(20)))
        for round_ in range(number)
    ]
    return [*claims, entry("title:something", TITLE), entry(title_identity(TITLE), TITLE)]


@pytest.mark.slow
@given(st.data())
def test_a_paper_of_too_many_ids_is_still_found_by_each_of_its_own(data: st.DataObject) -> None:
    later = st.builds(entry, st.sampled_from(["s2:x", "10.1/0-0", "10.1/4-19", "2603.00001"]), st.just(TITLE))
    entries = data.draw(st.permutations([*crowd(7), *data.draw(st.lists(later, max_size=3))]))

    found = papers(*entries)

    known = [identifier for one in found for identifier in (one.id, *one.aliases)]
    assert len(known) == len(set(known))
    assert {one.paper.id for one in entries if not is_title_only(one.paper.id)} <= set(known)
    assert max(len(one.aliases) for one in found) <= MOST_IDS


def test_an_id_that_a_feed_gave_away_is_taken_back_by_who_knows_it() -> None:
    lie = entry("2603.00001", "Saucers fly where kettles land", source="feed", aliases=("10.1101/a",))
    arxiv = entry("2603.00001", TITLE, source="arxiv")
    biorxiv = entry("10.1101/a", "Saucers fly where kettles land", source="biorxiv")

    for order in ((lie, biorxiv, arxiv), (biorxiv, lie, arxiv), (arxiv, lie, biorxiv)):
        found = papers(*order)

        assert [(one.id, one.title, one.source) for one in found] == [
            ("2603.00001", TITLE, "arxiv"),
            ("10.1101/a", "Saucers fly where kettles land", "biorxiv"),
        ]


def test_what_arxiv_says_of_its_own_paper_stands_over_what_a_feed_said_first() -> None:
    feed = entry(
        "2603.00001",
        f"{TITLE} (must read!)",
        source="feed",
        url="https://feed.example/1",
        abstract="We wait. Buy our kettles.",
    )
    arxiv = entry(
        "2603.00001", TITLE, source="arxiv", url="https://arxiv.org/abs/2603.00001", abstract="We wait."
    )

    for order in ((feed, arxiv), (arxiv, feed)):
        (only,) = papers(*order)

        assert (only.title, only.url, only.abstract) == (TITLE, arxiv.paper.url, "We wait.")


def test_a_feed_may_say_that_two_known_papers_are_one_if_they_look_like_it() -> None:
    known = [
        entry("2603.00001", "Tea for two", source="arxiv"),
        entry("10.1101/a", "Tea for Two", source="biorxiv"),
    ]
    claim = entry("2603.00001", "Tea for two", source="feed", aliases=("10.1101/a", "10.1/never-heard-of"))

    assert [one.aliases for one in papers(*known, claim)] == [("10.1101/a",)]
