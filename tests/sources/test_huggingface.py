"""Hugging Face: the API's answers, the pages, and getting them."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from digest.errors import FetchError, InputError
from digest.model import Entry, Listing
from digest.sources.huggingface import MAX_PAGES, PAGE_SIZE, HuggingFace, parse_api, parse_html
from tests.makers import NOW
from tests.sources.page_makers import api_answer, api_row, html_page

DAY = date(2026, 3, 11)


def parsed(*rows: Any, day: date | None = DAY) -> Listing:
    return parse_api(api_answer(*rows), at=NOW, day=day)


def only(*rows: Any) -> Entry:
    (entry,) = parsed(*rows).entries
    return entry


# ---------------------------------------------------------------- the API's answer


def test_an_entry_gives_everything_it_says() -> None:
    row = api_row(
        title="Tin Robots\n  Pour Tea",
        submittedOnDailyAt="2026-03-10T00:00:00.000Z",
        ai_keywords=["tea", "robots\n", "tea", ""],
        githubRepo="https://github.com/tea/pour",
        projectPage="https://tea.example.org/",
        githubStars=12,
        organization={"name": "tea-lab", "fullname": "Institute of Tea"},
    )

    entry = only(row)

    paper, seen = entry.paper, entry.observation
    assert (paper.id, paper.title, paper.source) == ("2603.00001", "Tin Robots Pour Tea", "huggingface")
    assert paper.abstract == "We study how tin robots learn to pour tea."
    assert (paper.authors, paper.n_authors) == (("Ada Example", "Ben Sample"), 2)
    assert (paper.published, paper.organization) == (date(2026, 3, 9), "Institute of Tea")
    assert paper.organization_slug == "tea-lab"
    assert (paper.code_url, paper.project_url) == ("https://github.com/tea/pour", "https://tea.example.org/")
    assert (paper.keywords, paper.url) == (("tea", "robots"), "https://huggingface.co/papers/2603.00001")
    assert (seen.upvotes, seen.comments, seen.stars, seen.listed_on) == (7, 2, 12, date(2026, 3, 10))


def test_what_an_old_answer_lacks_is_not_known_and_the_asked_day_is_the_list_s() -> None:
    entry = only(api_row())

    assert (entry.paper.organization, entry.paper.code_url, entry.paper.keywords) == (None, None, ())
    assert (entry.observation.stars, entry.observation.listed_on) == (None, DAY)


def test_no_votes_are_zero_votes() -> None:
    assert only(api_row(upvotes=0)).observation.upvotes == 0
    assert only(api_row(upvotes=None)).observation.upvotes is None


def test_an_organisation_without_a_full_name_is_shown_by_its_short_one() -> None:
    assert only(api_row(organization={"name": "tea-lab"})).paper.organization == "tea-lab"


def test_an_empty_list_is_a_day_without_papers() -> None:
    listing = parse_api(b"[]", at=NOW, day=DAY)

    assert (listing.entries, listing.warnings, listing.day) == ((), (), DAY)


@pytest.mark.parametrize(
    ("identifier", "canonical"),
    [
        ("2603.00001", "2603.00001"),
        ("2603.00010", "2603.00010"),
        ("2603.00001v2", "2603.00001"),
        ("hf-paper_7", "hf-paper_7"),
    ],
)
def test_ids_stay_texts_without_version(identifier: str, canonical: str) -> None:
    assert only(api_row(identifier)).paper.id == canonical


@pytest.mark.parametrize(
    "identifier", [2503.0213, None, "", "../../login", "a b", "x" * 200, "<b>", ["2603.00001"]]
)
def test_an_entry_without_a_usable_id_is_left_out_and_said_so(identifier: object) -> None:
    listing = parsed(api_row("2603.00002"), api_row(identifier))

    assert [entry.paper.id for entry in listing.entries] == ["2603.00002"]
    assert listing.warnings == ("entry 2: no usable id; left out",)


@pytest.mark.parametrize(
    "row", [None, 7, "text", [], {}, {"paper": None}, {"paper": []}, {"paper": {"id": "2603.1"}}]
)
def test_what_is_no_paper_is_left_out_and_said_so(row: object) -> None:
    listing = parsed(api_row(), row)

    assert len(listing.entries) == 1
    assert "entry 2" in listing.warnings[-1]


@pytest.mark.parametrize("title", [7, None, "", " \n ", {"text": "x"}])
def test_a_title_that_is_none_leaves_the_entry_out(title: object) -> None:
    listing = parsed(api_row("2603.00002"), api_row(title=title))

    assert len(listing.entries) == 1
    assert "title" in listing.warnings[-1]


@pytest.mark.parametrize(
    "field",
    [
        {"authors": "Ada Example"},
        {"summary": 7},
        {"upvotes": "7"},
        {"upvotes": -1},
        {"upvotes": True},
        {"upvotes": 10**30},
        {"publishedAt": "yesterday"},
        {"publishedAt": 20260309},
        {"organization": 7},
        {"organization": {"name": None, "fullname": 3}},
        {"ai_keywords": "tea"},
        {"githubRepo": "javascript:alert(1)"},
        {"projectPage": ["https://tea.example.org"]},
        {"githubStars": 1.5},
        {"submittedOnDailyAt": {}},
    ],
)
def test_another_field_of_a_wrong_type_is_just_not_known_and_said_so(field: dict[str, Any]) -> None:
    listing = parsed(api_row(**field))

    (name,) = field
    assert listing.entries[0].paper.title == "Tin Robots Pour Tea"
    assert listing.warnings[0].startswith(f"entry 1: 2603.00001: {name} is not")


def test_names_and_keywords_of_wrong_types_are_left_out_one_by_one() -> None:
    entry = only(
        api_row(authors=[{"name": None}, {"name": "Ada"}, 7, None, "Ben", {}], ai_keywords=[1, "tea", None])
    )

    assert entry.paper.authors == ("Ada", "Ben")
    assert entry.paper.keywords == ("tea",)


def test_lists_within_an_entry_are_bounded() -> None:
    entry = only(
        api_row(
            ai_keywords=[f"word {n}" for n in range(1_000)],
            authors=[{"name": f"A {n}"} for n in range(9_000)],
        )
    )

    assert len(entry.paper.keywords) == 20
    assert entry.paper.authors is not None
    assert len(entry.paper.authors) == 5_000


def test_warnings_are_bounded() -> None:
    listing = parsed(api_row(), *[7] * 500)

    assert len(listing.warnings) == 51
    assert listing.warnings[-1] == "and 450 more problems"


@pytest.mark.parametrize(
    "answer",
    [
        {"status": "success", "date": "2025-01-10", "data": [api_row()]},
        {"status": "success", "date": "2025-01-10", "data": [repr(api_row())]},
        {"status": "success", "date": "2025-01-10", "data": [json.dumps(api_row())]},
        {"dateString": "2025-01-10", "periodType": "day", "dailyPapers": [api_row()]},
    ],
)
def test_a_list_that_an_archive_has_wrapped_is_read(answer: dict[str, Any]) -> None:
    listing = parse_api(json.dumps(answer).encode(), at=NOW, day=None)

    assert [entry.paper.id for entry in listing.entries] == ["2603.00001"]
    assert listing.day == listing.entries[0].observation.listed_on == date(2025, 1, 10)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"7",
        b'"x"',
        b"{}",
        b'{"error": "no such day"}',
        b"[1, 2]",
        b"[{}]",
        b'[{"paper": 1}]',
        b"[" * 100_000,
    ],
)
def test_what_is_no_list_of_papers_is_an_error(data: bytes) -> None:
    with pytest.raises(InputError):
        parse_api(data, at=NOW, day=None)


@pytest.mark.parametrize(
    "printed", ["(" * 500, "-" * 90_000 + "1", "1" + "+1" * 90_000, "{'a':" * 300, "'\\x'", "\0"]
)
def test_a_printed_entry_cannot_break_the_reader(printed: str) -> None:
    listing = parsed(api_row(), printed)

    assert len(listing.entries) == 1


# ---------------------------------------------------------------- the page


def test_a_page_is_read_from_the_data_inside_it() -> None:
    props = {"dateString": "2026-03-10", "periodType": "day", "dailyPapers": [api_row()]}

    listing = parse_html(html_page(props), at=NOW, day=None)

    assert (listing.layout, listing.day) == ("huggingface page", date(2026, 3, 10))
    assert listing.entries[0].paper.abstract == "We study how tin robots learn to pour tea."
    assert listing.entries[0].observation.listed_on == date(2026, 3, 10)


def test_a_page_of_2024_states_its_day_as_a_moment() -> None:
    props = {"date": "2024-08-01T00:00:00.000Z", "dailyPapers": [api_row()]}

    assert parse_html(html_page(props), at=NOW, day=None).day == date(2024, 8, 1)


def test_a_weekly_page_is_of_no_day() -> None:
    props = {"dateString": "2026-03-10", "periodType": "week", "dailyPapers": [api_row()]}

    assert parse_html(html_page(props), at=NOW, day=None).day is None


CARD = """<time datetime="2026-03-10T00:00:00.000Z">Mar 10</time>
<article><div class="leading-none x">Submitted by</div><a href="/login"><div class="leading-none">{votes}</div></a>
<h3><a href="/papers/2603.00001">Tin Robots <b>Pour</b> Tea</a></h3><li>· 533 authors</li>
<a href="/papers/2603.00001#community"><svg></svg> 5 </a></article>
<article><h3><a href="/elsewhere">Not a paper</a></h3></article>"""


@pytest.mark.parametrize(("votes", "upvotes"), [("94", 94), ("-", 0), ("many", None)])
def test_without_its_data_a_page_is_read_from_its_cards(votes: str, upvotes: int | None) -> None:
    listing = parse_html(CARD.format(votes=votes).encode(), at=NOW, day=None)

    (entry,) = listing.entries
    assert (listing.layout, listing.day) == ("huggingface page, cards", date(2026, 3, 10))
    assert (entry.paper.id, entry.paper.title, entry.paper.n_authors) == (
        "2603.00001",
        "Tin Robots Pour Tea",
        533,
    )
    assert (entry.paper.abstract, entry.paper.authors) == (None, None)
    assert (entry.observation.upvotes, entry.observation.comments) == (upvotes, 5)


def test_broken_data_costs_only_what_the_cards_do_not_show() -> None:
    listing = parse_html(html_page('{"dailyPapers": [', CARD.format(votes="1")), at=NOW, day=None)

    assert [entry.paper.id for entry in listing.entries] == ["2603.00001"]
    assert "cards" in listing.warnings[0]


@pytest.mark.parametrize(
    "data", [b"<html>", b"<p>404</p>", html_page("[["), html_page({"dailyPapers": 7}), b"<?xml?><a/>"]
)
def test_a_page_without_papers_is_an_error(data: bytes) -> None:
    with pytest.raises(InputError):
        parse_html(data, at=NOW, day=None)


# ---------------------------------------------------------------- getting

API = "https://huggingface.co/api/daily_papers?date=2026-03-11&limit=100&p="
PAGE = "https://huggingface.co/papers/date/2026-03-11"


class Web:
    """Some addresses and what they answer; every other one cannot be reached."""

    def __init__(self, answers: dict[str, bytes]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def get(self, url: str) -> bytes:
        self.asked.append(url)
        if url not in self.answers:
            raise FetchError("no answer", where=url)
        return self.answers[url]


def full_page(start: int) -> bytes:
    return api_answer(*(api_row(f"2603.{n:05}") for n in range(start, start + PAGE_SIZE)))


def day_page(day: str = "2026-03-11", period: str = "day") -> bytes:
    return html_page({"dateString": day, "periodType": period, "dailyPapers": [api_row()]})


def test_a_short_list_takes_one_request() -> None:
    web = Web({API + "0": api_answer(api_row())})

    listing = HuggingFace().read_day(web.get, day=DAY, at=NOW)

    assert [entry.paper.id for entry in listing.entries] == ["2603.00001"]
    assert web.asked == [API + "0"]


def test_a_long_list_is_read_page_by_page_into_one() -> None:
    web = Web(
        {API + "0": full_page(0), API + "1": full_page(90), API + "2": api_answer(api_row("2603.99999"))}
    )

    listing = HuggingFace().read_day(web.get, day=DAY, at=NOW)

    assert len(listing.entries) == 191
    assert len({entry.paper.id for entry in listing.entries}) == 191
    assert listing.warnings == ()


def test_a_page_that_only_repeats_ends_the_list() -> None:
    web = Web({f"{API}{page}": full_page(0) for page in range(9)})

    listing = HuggingFace().read_day(web.get, day=DAY, at=NOW)

    assert len(listing.entries) == PAGE_SIZE
    assert len(web.asked) == 2


def test_a_list_without_end_is_left_after_some_pages_and_says_so() -> None:
    web = Web({f"{API}{page}": full_page(100 * page) for page in range(9)})

    listing = HuggingFace().read_day(web.get, day=DAY, at=NOW)

    assert len(listing.entries) == MAX_PAGES * PAGE_SIZE
    assert len(web.asked) == MAX_PAGES
    assert "may go on" in listing.warnings[0]


def test_a_later_page_that_fails_costs_only_its_own_papers() -> None:
    web = Web({API + "0": full_page(0)})

    listing = HuggingFace().read_day(web.get, day=DAY, at=NOW)

    assert len(listing.entries) == PAGE_SIZE
    assert "page 2 failed" in listing.warnings[0]


@pytest.mark.parametrize("answers", [{}, {API + "0": b"<html>busy</html>"}, {API + "0": b"[{}]"}])
def test_where_the_api_fails_the_page_is_read_and_said_so(answers: dict[str, bytes]) -> None:
    web = Web(answers | {PAGE: day_page()})

    listing = HuggingFace().read_day(web.get, day=DAY, at=NOW)

    assert [entry.paper.id for entry in listing.entries] == ["2603.00001"]
    assert "in its place" in listing.warnings[0]


def test_a_page_of_another_day_is_kept_under_its_own_day_and_told() -> None:
    web = Web({PAGE: day_page("2026-03-10")})

    listing = HuggingFace().read_day(web.get, day=DAY, at=NOW)

    assert listing.day == date(2026, 3, 10)
    assert any("shows the list of 2026-03-10 in place of" in warning for warning in listing.warnings)


@pytest.mark.parametrize("page", [day_page(period="week"), b"<html>busy</html>"])
def test_a_page_of_no_day_is_not_taken_for_the_asked_one(page: bytes) -> None:
    web = Web({PAGE: page})

    with pytest.raises(FetchError) as raised:
        HuggingFace().read_day(web.get, day=DAY, at=NOW)

    assert API in raised.value.where
    assert PAGE in str(raised.value)


def test_trending_is_one_request_for_no_day() -> None:
    url = "https://hf.example.org/api/daily_papers?sort=trending&limit=100"
    web = Web({url: api_answer(api_row())})

    (listing,) = HuggingFace(base_url="https://hf.example.org/", trending=True, days_back=3).read(
        web.get, today=DAY, at=NOW
    )

    assert isinstance(listing, Listing)
    assert (listing.day, listing.entries[0].observation.listed_on) == (None, None)
    assert web.asked == [url]


def test_trending_falls_back_to_its_page() -> None:
    web = Web({"https://huggingface.co/papers/trending": day_page(period="trending")})

    listing = HuggingFace(trending=True).read_day(web.get, day=DAY, at=NOW)

    assert len(listing.entries) == 1


def test_the_days_before_are_read_again_and_one_bad_day_does_not_end_it() -> None:
    good = "https://huggingface.co/api/daily_papers?date=2026-03-{}&limit=100&p=0"
    web = Web({good.format("11"): api_answer(api_row()), good.format("09"): api_answer(api_row())})

    today, bad, before = HuggingFace(days_back=2).read(web.get, today=DAY, at=NOW)

    assert isinstance(today, Listing)
    assert isinstance(bad, FetchError)
    assert isinstance(before, Listing)
    assert (today.day, before.day) == (DAY, date(2026, 3, 9))


def test_a_site_that_is_down_is_not_asked_for_day_after_day() -> None:
    web = Web({})

    results = list(HuggingFace(days_back=9).read(web.get, today=DAY, at=NOW))

    assert [type(result) for result in results] == [FetchError, FetchError]
    assert len(web.asked) == 4


def test_a_single_paper_is_got_by_its_id() -> None:
    url = "https://huggingface.co/api/papers/2603.00001"
    read: Callable[[bytes], Entry | None] = lambda answer: HuggingFace().read_paper(  # noqa: E731
        Web({url: answer}).get, "2603.00001", at=NOW
    )

    found = read(json.dumps(api_row()["paper"]).encode())

    assert found is not None
    assert (found.paper.id, found.observation.upvotes) == ("2603.00001", 7)
    assert read(b'{"error": "Paper not found"}') is None
    with pytest.raises(InputError):
        read(b"[]")
