"""arXiv's listing pages: every paper, counted, or an alarm."""

from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.errors import InputError
from digest.sources.arxiv_list import ListPage, parse_list
from digest.sources.arxiv_paper import Announce
from tests.makers import NOW
from tests.sources.arxiv_makers import WEDNESDAY, page, row

ROWS = [row(1), row(2), row(3, "cross"), row(4, "replace"), row(5, "replace-cross")]
WHERE = "https://arxiv.org/list/cs.CL/new"


def parse(data: bytes, category: str = "cs.CL") -> ListPage:
    return parse_list(data, category=category, at=NOW, where=WHERE)


@pytest.mark.parametrize("is_catchup", [False, True])
def test_every_paper_of_every_part_is_read(is_catchup: bool) -> None:
    read = parse(page(ROWS, is_catchup=is_catchup))

    assert read.day == WEDNESDAY
    assert [(one.entry.paper.id, str(one.announce)) for one in read.papers] == [
        (one["id"], one["announce"]) for one in ROWS
    ]
    assert read.totals == {Announce.NEW: 2, Announce.CROSS: 1, Announce.REPLACE: 2}
    assert read.total == 5
    assert read.warnings == ()


def test_a_paper_has_all_that_the_page_tells() -> None:
    (one,) = parse(page([row(1, title="Tea & <Cups>", abstract="Warm if n<N.")])).papers

    paper = one.entry.paper
    assert paper.title == "Tea & <Cups>"
    assert paper.abstract == "Warm if n<N."
    assert paper.authors == ("Ada Lovelace", "Mary Teapot")
    assert paper.n_authors == 2
    assert paper.published is None  # the day it came in is before that of the list
    assert paper.url == "https://arxiv.org/abs/2603.10001"
    assert one.entry.observation.listed_on == WEDNESDAY
    assert one.categories == ("cs.CL",)


def test_a_link_is_its_address_and_a_line_break_a_space() -> None:
    html = (
        'Code is at<br/><a href="https://example.org/tea" rel="nofollow">this https URL</a>, see <a>tea</a>.'
    )

    (one,) = parse(page([row(1, html=html)])).papers

    assert one.entry.paper.abstract == "Code is at https://example.org/tea, see tea."


def test_of_a_hundred_shown_authors_the_number_is_not_known() -> None:
    names = ", ".join(f"Ada {chr(65 + number // 26)}{chr(65 + number % 26)}" for number in range(100))

    (one,) = parse(page([row(1, authors=names)])).papers

    assert one.entry.paper.authors is not None
    assert len(one.entry.paper.authors) == 100
    assert one.entry.paper.n_authors is None


def test_a_replacement_of_another_archives_paper_is_a_cross_one() -> None:
    rows = [row(1, "replace"), row(2, "replace", categories=("math.CO", "cs.CL"))]

    assert [one.announce for one in parse(page(rows)).papers] == ["replace", "replace-cross"]
    assert [one.announce for one in parse(page(rows), "cs").papers] == ["replace", "replace-cross"]
    assert [one.announce for one in parse(page(rows), "math").papers] == ["replace-cross", "replace"]


@pytest.mark.parametrize("is_catchup", [False, True])
def test_a_page_that_says_there_is_nothing_has_nothing(is_catchup: bool) -> None:
    read = parse(page([], is_catchup=is_catchup))

    assert (read.papers, read.total) == ((), 0)


@pytest.mark.parametrize(
    "heading",
    [
        "New submissions (showing 1 of 1 entries)",
        "New submissions (continued, showing last 1 of 1 entries)",
        "New submissions (showing first 1 of 1 entries )",
        "New submissions for Wednesday, 11 March 2026 (showing 1 of 1 entries)",
    ],
)
def test_headings_of_all_forms_are_counted(heading: str) -> None:
    data = page([row(1)]).replace(b"New submissions (showing 1 of 1 entries)", heading.encode())

    assert parse(data).totals == {Announce.NEW: 1}


def test_a_page_without_counts_is_read_with_a_warning() -> None:
    data = page(ROWS).replace(b"(showing", b"(here are")

    read = parse(data)

    assert [str(one.announce) for one in read.papers] == [one["announce"] for one in ROWS]
    assert read.warnings == ("It does not say how many papers it has, so that some may be missing unnoticed",)


def test_one_heading_of_another_form_costs_no_paper_and_is_told() -> None:
    data = page(ROWS).replace(b"Cross submissions (showing 1 of 1 entries)", b"Cross submissions")

    read = parse(data)

    assert [str(one.announce) for one in read.papers] == [one["announce"] for one in ROWS]
    assert read.warnings == ("It does not say how many papers it has, so that some may be missing unnoticed",)


def test_a_total_that_an_abstract_speaks_of_is_none() -> None:
    read = parse(page([row(1, abstract="Total of 9999 entries")]).replace(b">Total of 1 entries", b">"))

    assert read.total == 1


def test_a_paper_without_title_or_id_is_left_out_and_told() -> None:
    broken = (
        page([row(1), row(2), row(3)]).replace(b"Pouring Tea, Part 1", b" ").replace(b"2603.10002", b"tea")
    )

    read = parse(broken)

    assert [one.entry.paper.id for one in read.papers] == ["2603.10003"]
    assert read.warnings == ("2603.10001 has no title; left out", "paper 2 has no arXiv id; left out")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ((b"<dt>", b"<div>"), "says that it has 5 papers, but none could be read"),
        ((b"<p class='mathjax'>", b"<p class='abstract'>"), "none of its 5 papers has an abstract"),
        ((b"11 March 2026", b"today"), "states no day"),
        ((b"11 March 2026", b"31 March 2025"), "which cannot be"),
        ((b"11 March 2026", b"31 Feb 2026"), "states no day"),
    ],
)
def test_a_changed_layout_is_an_alarm(change: tuple[bytes, bytes], told: str) -> None:
    with pytest.raises(InputError, match=told) as refused:
        parse(page(ROWS).replace(*change))

    assert refused.value.where == WHERE


def test_the_id_is_found_in_the_text_where_the_link_has_another_title() -> None:
    data = page(ROWS).replace(b'title="Abstract"', b'title="Paper"')

    assert len(parse(data).papers) == 5


@pytest.mark.parametrize(
    "data", [b"", b" \n", b"\x00" * 9, b"Rate exceeded.", b"<html></html>", b"<h3>New listings</h3>", b"{}"]
)
def test_what_is_no_list_is_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        parse(data)


def test_a_list_without_papers_that_does_not_say_so_is_refused() -> None:
    with pytest.raises(InputError, match="none could be read"):
        parse(page([]).replace(b"No updates today.", b""))


def test_too_many_tags_are_refused() -> None:
    with pytest.raises(InputError, match="tags"):
        parse(page(ROWS) + b"<b>" * 300_001)


@pytest.mark.slow
def test_papers_inside_papers_are_not_read_over_and_over() -> None:
    nested = b"<dd><div>" * 5_000 + b"tea " * 5_000 + b"</div></dd>" * 5_000

    read = parse(page(ROWS).replace(b"</body>", nested + b"</body>"))

    assert len(read.papers) == 5


@pytest.mark.parametrize(
    ("rows", "others"),
    [
        ([row(1, category="math.CO"), row(2, "cross", categories=("math.AP", "cs.CL"))], "math.CO"),
        ([row(1, "cross", category="cs.RO"), row(2, "replace", category="cs.RO")], "cs.RO, math.CO"),
        ([row(1, categories=("math.CO", "cs.CL"))], "math.CO"),
    ],
)
def test_a_list_of_another_category_is_refused(rows: list[dict[str, Any]], others: str) -> None:
    with pytest.raises(InputError, match=f"is no list of cs.CL; its papers are of {others}") as refused:
        parse(page(rows))

    assert refused.value.where == WHERE


@pytest.mark.parametrize(
    ("category", "shown"),
    [
        ("cs.NA", "math.NA"),
        ("math.MP", "math-ph"),
        ("math-ph", "math-ph"),
        ("cs", "cs.RO"),
        ("cs.CL", "cs.CL"),
    ],
)
def test_a_list_is_known_by_either_name_of_its_category(category: str, shown: str) -> None:
    assert len(parse(page([row(1, category=shown)]), category).papers) == 1


def test_more_problems_than_are_told_are_counted() -> None:
    read = parse(page([row(0), *(row(number, title=" ") for number in range(1, 60))]))

    assert len(read.warnings) == 51
    assert read.warnings[-1] == "and 9 more problems"


@pytest.mark.slow
@given(st.data())
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_a_mutated_page_gives_papers_or_an_alarm(data: st.DataObject) -> None:
    whole = bytearray(page(ROWS))
    for _ in range(data.draw(st.integers(1, 8))):
        start = data.draw(st.integers(0, len(whole)))
        length = data.draw(st.integers(0, 60))
        piece = data.draw(
            st.sampled_from(
                [
                    b"",
                    b"<",
                    b">",
                    b"</dd>",
                    b"<dt>",
                    b"<h3>",
                    b"\xff",
                    b"\x00",
                    b"&#x110000;",
                    b"'",
                    b"9" * 30,
                ]
            )
        )
        whole[start : start + length] = piece

    with suppress(InputError):
        read = parse(bytes(whole))
        assert all(one.entry.paper.title for one in read.papers)
        assert isinstance(read.day, date)
