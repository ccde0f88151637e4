"""When two lists mean one paper."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.identity import LIBRARY, collect, latest, merged, same_papers, title_identity
from digest.model import Entry, Listing, Observation
from tests.makers import NOW, entry, paper

TITLE = "Learning to Wait"


def listing(*entries: Entry) -> Listing:
    return Listing(layout="test", entries=entries)


def test_a_title_only_paper_is_the_one_with_an_id() -> None:
    by_title = paper(title_identity(TITLE), TITLE)

    assert same_papers(by_title, ["2603.00001"]) == ["2603.00001"]
    assert same_papers(paper("2603.00001", TITLE), [by_title.id]) == [by_title.id]


def test_two_ids_with_one_title_are_two_papers() -> None:
    assert same_papers(paper("2603.00001", TITLE), ["2603.00002"]) == []


def test_merging_fills_gaps_and_overwrites_nothing() -> None:
    known = paper("title:x", "Known", abstract="Known.", n_authors=3, organization=None)
    new = paper(
        "2603.00001",
        "New",
        abstract="New.",
        authors=("A", "B"),
        organization="Lab",
        published=date(2026, 3, 1),
    )

    both = merged(known, new)

    assert (both.id, both.title, both.abstract) == ("2603.00001", "Known", "Known.")
    assert (both.organization, both.published) == ("Lab", date(2026, 3, 1))
    assert (both.authors, both.n_authors) == (("A", "B"), 2)


def test_the_newest_stated_figure_counts() -> None:
    early = Observation(
        at=datetime(2026, 3, 10, tzinfo=UTC), upvotes=10, stars=5, listed_on=date(2026, 3, 10)
    )
    late = Observation(at=datetime(2026, 3, 11, tzinfo=UTC), upvotes=40)

    assert latest([late, early]) == Observation(at=late.at, upvotes=40, stars=5, listed_on=date(2026, 3, 10))
    assert latest([]) is None


@pytest.mark.parametrize("order", [1, -1])
def test_one_paper_of_two_lists_is_one_candidate(order: int) -> None:
    pages = [
        listing(entry(title_identity(TITLE), TITLE, comments=3)),
        listing(entry("2603.00001", "Learning to  WAIT!", upvotes=7)),
    ][::order]

    (only,) = collect(pages, NOW)

    assert only.paper.id == "2603.00001"
    assert only.observation is not None
    assert (only.observation.upvotes, only.observation.comments) == (7, 3)


@given(
    st.lists(
        st.tuples(st.sampled_from(["2603.00001", "2603.00002", None]), st.sampled_from(["A", "B", "a!"])),
        max_size=8,
    )
)
def test_collecting_twice_finds_the_same_and_never_one_paper_twice(raw: list[tuple[str | None, str]]) -> None:
    page = listing(*(entry(identifier or title_identity(title), title) for identifier, title in raw))

    once = collect([page], NOW)
    twice = collect([page, page], NOW)

    assert [one.paper.id for one in once] == list(dict.fromkeys(one.paper.id for one in once))
    assert {one.paper.id for one in once} == {one.paper.id for one in twice}


def test_against_a_source_what_a_readers_own_file_says_counts_for_nothing() -> None:
    own = paper("title:towait", "TO WAIT", source=LIBRARY, abstract="Private.", authors=("A. Note",))
    listed = paper("2603.00001", "To Wait", abstract=None)

    assert merged(own, listed) == listed
    assert merged(replace(own, id="2603.00001"), replace(listed, id="title:towait")) == listed
    assert merged(own, replace(own, title="To wait", n_authors=1)).title == "TO WAIT"
