"""Hugging Face: the API's answers, the pages, and getting them."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from digest.errors import BusyError, DigestError, FetchError, InputError, LostError, UsageError
from digest.model import Entry, Listing
from digest.sources.huggingface import (
    FEW,
    MAX_PAGES,
    PAGE_SIZE,
    HuggingFace,
    HuggingFaceTable,
    month_list,
    week_list,
)
from digest.sources.huggingface_pages import parse_api, parse_html
from digest.sources.protocol import Archive, Place, Wanted
from tests.makers import NOW, TODAY
from tests.sources.contract import FakeWeb, Found, SourceContract, entries_of, opened
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


# ---------------------------------------------------------------- as every source


class TestDaily(SourceContract):
    table: ClassVar[dict[str, Any]] = {"kind": "huggingface"}
    folder = "huggingface"


class TestWeekly(SourceContract):
    table: ClassVar[dict[str, Any]] = {"kind": "huggingface", "list": "weekly"}
    folder = "huggingface_weekly"


class TestMonthly(SourceContract):
    table: ClassVar[dict[str, Any]] = {"kind": "huggingface", "list": "monthly"}
    folder = "huggingface_monthly"


class TestTrending(SourceContract):
    table: ClassVar[dict[str, Any]] = {"kind": "huggingface", "list": "trending"}
    folder = "huggingface_trending"


class TestSearch(SourceContract):
    table: ClassVar[dict[str, Any]] = {"kind": "huggingface", "list": "search", "query": "tin robots"}
    folder = "huggingface_search"


# ---------------------------------------------------------------- its table


@pytest.mark.parametrize(
    ("given", "name", "grows"),
    [
        ({}, "huggingface", True),
        ({"list": "daily", "name": "Daily Papers"}, "Daily Papers", True),
        ({"list": "weekly"}, "huggingface weekly", False),
        ({"list": "monthly"}, "huggingface monthly", False),
        ({"list": "trending"}, "huggingface trending", False),
        ({"list": "search", "query": "tea"}, "huggingface search", False),
    ],
)
def test_it_is_named_after_its_list_and_only_a_day_s_grows(
    given: dict[str, Any], name: str, grows: bool, tmp_path: Path
) -> None:
    source = opened(tmp_path, kind="huggingface", **given)

    assert (source.name, source.grows) == (name, grows)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"list": "search"}, "needs a query"),
        ({"query": "tea"}, "for list = .search. only"),
        ({"list": "weekly", "days_back": 2}, "days_back is for"),
        ({"list": "yearly"}, "daily"),
        ({"days_back": 31}, "30"),
    ],
)
def test_what_its_list_has_no_use_for_is_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        HuggingFaceTable(kind="huggingface", **given)


@pytest.mark.parametrize(
    ("day", "week", "month"),
    [
        (
            date(2026, 3, 11),
            ("2026-W11", date(2026, 3, 9), date(2026, 3, 15)),
            ("2026-03", date(2026, 3, 31)),
        ),
        (
            date(2026, 1, 1),
            ("2026-W01", date(2025, 12, 29), date(2026, 1, 4)),
            ("2026-01", date(2026, 1, 31)),
        ),
        (
            date(2027, 1, 3),
            ("2026-W53", date(2026, 12, 28), date(2027, 1, 3)),
            ("2027-01", date(2027, 1, 31)),
        ),
        (
            date(2028, 2, 29),
            ("2028-W09", date(2028, 2, 28), date(2028, 3, 5)),
            ("2028-02", date(2028, 2, 29)),
        ),
    ],
)
def test_weeks_are_those_of_the_iso_calendar_and_months_end_where_they_do(
    day: date, week: tuple[str, date, date], month: tuple[str, date]
) -> None:
    assert (week_list(day).name, week_list(day).first, week_list(day).last) == week
    assert (month_list(day).name, month_list(day).first, month_list(day).last) == (
        month[0],
        day.replace(day=1),
        month[1],
    )


# ---------------------------------------------------------------- getting a day's list

SITE = "https://huggingface.co"


def api(day: str, page: int = 0) -> str:
    return f"{SITE}/api/daily_papers?date={day}&limit=100&p={page}"


def page_of(day: str) -> str:
    return f"{SITE}/papers/date/{day}"


def rows(start: int, number: int, **fields: Any) -> list[dict[str, Any]]:
    return [api_row(f"2603.{n:05}", **fields) for n in range(start, start + number)]


def some(start: int = 0, number: int = FEW) -> bytes:
    return api_answer(*rows(start, number))


def shown(day: str, number: int = 1, period: str = "day") -> bytes:
    return html_page({"dateString": day, "periodType": period, "dailyPapers": rows(0, number)})


def got(web: FakeWeb, *, at: datetime = NOW, since: datetime | None = None, **table: Any) -> Found:
    """What a source of this table gives at a moment; of one day, unless told otherwise."""
    given = {"days_back": 0} | table if table.get("list", "daily") == "daily" else table
    source = HuggingFace(HuggingFaceTable(kind="huggingface", **given), Place(folder=Path()))
    return list(source.read(web, Wanted(today=at.date(), at=at, since=since)))


def only_list(found: Found) -> Listing:
    (listing,) = found
    assert isinstance(listing, Listing), listing
    return listing


def ids(listing: Listing) -> list[str]:
    return [entry.paper.id for entry in listing.entries]


def test_a_short_list_takes_one_request() -> None:
    web = FakeWeb({api("2026-03-11"): some(1, 1)})

    listing = only_list(got(web))

    assert ids(listing) == ["2603.00001"]
    assert (listing.day, listing.warnings) == (TODAY, ())
    assert web.asked == [api("2026-03-11")]


def test_a_long_list_is_read_page_by_page_into_one() -> None:
    day = "2026-03-11"
    web = FakeWeb({api(day): some(0, 100), api(day, 1): some(90, 100), api(day, 2): some(500, 1)})

    listing = only_list(got(web))

    assert len(set(ids(listing))) == len(listing.entries) == 191
    assert listing.warnings == ()


def test_a_page_that_only_repeats_ends_the_list_and_is_an_alarm_beside_it() -> None:
    web = FakeWeb({api("2026-03-11", page): some(0, 100) for page in range(9)})

    listing, problem = got(web)

    assert len(entries_of([listing])) == PAGE_SIZE
    assert isinstance(problem, InputError)
    assert (problem.what, problem.where) == (
        "the same papers as on the pages before; the list may go on",
        api("2026-03-11", 1),
    )
    assert len(web.asked) == 2


@pytest.mark.parametrize("cap", [10, 30, 50])
def test_a_server_that_gives_fewer_at_once_is_asked_on(cap: int) -> None:
    parts = {api("2026-03-11", page): some(cap * page, cap) for page in range(3)}

    listing = only_list(got(FakeWeb(parts | {api("2026-03-11", 3): b"[]"})))

    assert len(listing.entries) == 3 * cap


def test_a_paper_that_moves_to_the_next_page_meanwhile_is_no_repetition() -> None:
    listing = only_list(got(FakeWeb({api("2026-03-11"): some(0, 60), api("2026-03-11", 1): some(59, 1)})))

    assert len(listing.entries) == 60


def test_a_list_without_end_is_left_after_some_pages_and_says_so() -> None:
    web = FakeWeb({api("2026-03-11", page): some(100 * page, 100) for page in range(MAX_PAGES + 2)})

    listing, problem = got(web)

    assert len(entries_of([listing])) == MAX_PAGES * PAGE_SIZE
    assert len(web.asked) == MAX_PAGES
    assert isinstance(problem, InputError)
    assert "may go on" in problem.what


@pytest.mark.parametrize("answer", [FetchError("no answer in time", where="x"), b"<html>busy</html>"])
def test_a_later_page_that_fails_costs_its_own_papers_and_is_told(answer: bytes | DigestError) -> None:
    web = FakeWeb({api("2026-03-11"): some(0, 100), api("2026-03-11", 1): answer})

    listing, problem = got(web)

    assert len(entries_of([listing])) == PAGE_SIZE
    assert isinstance(problem, FetchError if isinstance(answer, FetchError) else InputError)


@pytest.mark.parametrize("answer", [None, b"<html>busy</html>", b"[{}]", b"{}"])
def test_where_the_api_fails_the_page_is_read_and_said_so(answer: bytes | None) -> None:
    answers = {api("2026-03-11"): answer} if answer else {}
    web = FakeWeb(answers | {page_of("2026-03-11"): shown("2026-03-11")})

    listing = only_list(got(web))

    assert ids(listing) == ["2603.00000"]
    assert "in its place" in listing.warnings[-1]


def test_a_site_that_is_busy_is_not_asked_for_its_page_instead() -> None:
    busy = BusyError("asks for fewer requests", where=api("2026-03-11"), until=NOW)
    web = FakeWeb({api("2026-03-11"): busy, page_of("2026-03-11"): shown("2026-03-11")})

    found = got(web)

    assert found == [busy]
    assert len(web.asked) == 1


def test_a_page_of_another_day_is_kept_under_its_own_day_and_told() -> None:
    web = FakeWeb({page_of("2026-03-11"): shown("2026-03-10")})

    listing, problem = got(web)

    assert isinstance(listing, Listing)
    assert listing.day == date(2026, 3, 10)
    assert any("shows the list of 2026-03-10 in place of" in warning for warning in listing.warnings)
    assert isinstance(problem, FetchError)
    assert problem.where == api("2026-03-11")


def test_a_list_that_is_due_is_not_had_by_that_of_another_day() -> None:
    newer = api_answer(*rows(0, 9, submittedOnDailyAt="2026-03-11T00:00:00.000Z"))
    web = FakeWeb({api("2026-03-11"): newer, api("2026-03-10"): newer})

    _, again, problem = got(web, days_back=1)

    assert isinstance(again, Listing)
    assert again.day == TODAY
    assert isinstance(problem, InputError)
    assert problem.what == "has the list of 2026-03-11 in place of 2026-03-10"


def test_an_answer_of_another_day_is_kept_under_its_own_day_and_told() -> None:
    answer = api_answer(*rows(0, 9, submittedOnDailyAt="2026-03-10T00:00:00.000Z"))

    listing = only_list(got(FakeWeb({api("2026-03-11"): answer})))

    assert listing.day == date(2026, 3, 10)
    assert "shows the list of 2026-03-10 in place of 2026-03-11" in listing.warnings[-1]


@pytest.mark.parametrize("page", [shown("2026-03-11", period="week"), b"<html>busy</html>"])
def test_a_page_of_no_day_is_not_taken_for_the_asked_one(page: bytes) -> None:
    web = FakeWeb({page_of("2026-03-11"): page})

    (problem,) = got(web)

    assert isinstance(problem, InputError)
    assert problem.where == page_of("2026-03-11")
    assert "nor did the API help: the server answered 404" in problem.what


# ---------------------------------------------------------------- lists without papers

MONDAY, SUNDAY = datetime(2026, 3, 9, 7, tzinfo=UTC), datetime(2026, 3, 8, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "why"),
    [
        (SUNDAY, "no list on weekends"),
        (MONDAY, "the list of 2026-03-09 has not begun"),
    ],
)
def test_a_list_that_has_no_papers_yet_says_why_and_its_page_is_not_asked(at: datetime, why: str) -> None:
    web = FakeWeb({api(f"{at:%Y-%m-%d}"): b"[]"})

    listing = only_list(got(web, at=at))

    assert (listing.entries, listing.quiet, listing.day) == ((), why, at.date())
    assert len(web.asked) == 1


def test_papers_on_a_weekend_are_read_as_any() -> None:
    web = FakeWeb({api("2026-03-08"): some(1, 1)})

    listing = only_list(got(web, at=SUNDAY))

    assert (ids(listing), listing.quiet) == (["2603.00001"], "")


@pytest.mark.parametrize(
    "page",
    [
        None,
        pytest.param(shown("2026-03-10", 0), id="empty, too"),
        pytest.param(shown("2026-03-06", 9), id="redirected"),
    ],
)
def test_a_weekday_that_is_over_without_papers_is_an_alarm(page: bytes | None) -> None:
    answers = {api("2026-03-11"): some(1), api("2026-03-10"): b"[]"}
    web = FakeWeb(answers | ({page_of("2026-03-10"): page} if page else {}))

    today, before = got(web, days_back=1)

    assert isinstance(today, Listing)
    assert isinstance(before, InputError)
    assert "2026-03-10" in before.where
    assert "no papers in the list of 2026-03-10, which is over" in before.what


def test_a_weekday_that_is_over_without_papers_is_an_alarm_by_its_page_too() -> None:
    web = FakeWeb({page_of("2026-03-10"): shown("2026-03-10", 0), api("2026-03-11"): some(1)})

    _, before = got(web, days_back=1)

    assert isinstance(before, DigestError)


@pytest.mark.parametrize("known", [0, 2])
def test_papers_that_only_the_page_of_a_short_list_has_are_taken_and_told(known: int) -> None:
    answers = {api("2026-03-11"): some(1), api("2026-03-10"): api_answer(*rows(0, known))}
    web = FakeWeb(answers | {page_of("2026-03-10"): shown("2026-03-10", 30)})

    _, before = got(web, days_back=1)

    assert isinstance(before, Listing)
    assert (len(before.entries), before.day, before.quiet) == (30, date(2026, 3, 10), "")
    assert f"lacks {30 - known} papers" in before.warnings[-1]
    assert web.asked.count(page_of("2026-03-10")) == 1


def test_a_short_list_that_its_page_confirms_is_told() -> None:
    answers = {api("2026-03-11"): some(1), api("2026-03-10"): api_answer(*rows(0, 2))}
    web = FakeWeb(answers | {page_of("2026-03-10"): shown("2026-03-10", 2)})

    _, before = got(web, days_back=1)

    assert isinstance(before, Listing)
    assert len(before.entries) == 2
    assert before.warnings == ("The list of 2026-03-10 is over with 2 papers, and its page shows no more",)


# ---------------------------------------------------------------- several days


def test_the_days_before_are_read_again_and_one_bad_day_does_not_end_it() -> None:
    web = FakeWeb({api("2026-03-11"): some(), api("2026-03-09"): some()})

    today, bad, before = got(web, days_back=2)

    assert isinstance(today, Listing)
    assert isinstance(bad, FetchError)
    assert isinstance(before, Listing)
    assert (today.day, before.day) == (TODAY, date(2026, 3, 9))


def test_days_missed_since_the_last_harvest_are_made_up_for() -> None:
    web = FakeWeb({api(f"2026-03-{day:02}"): some() for day in range(1, 12)})

    found = got(web, since=datetime(2026, 3, 6, 7, tzinfo=UTC), days_back=2)

    assert [one.day for one in found if isinstance(one, Listing)] == [
        date(2026, 3, n) for n in range(11, 4, -1)
    ]


def test_days_that_are_too_long_ago_are_named() -> None:
    days = [TODAY - timedelta(days=back) for back in range(50)]
    web = FakeWeb({api(day.isoformat()): some() for day in days})

    *_, problem = got(web, since=datetime(2026, 1, 30, 7, tzinfo=UTC))

    assert isinstance(problem, LostError)
    assert len(web.asked) == 31
    assert "from 2026-01-30 to 2026-02-08 were missed" in problem.what
    assert problem.fix == 'Run "digest fetch --since 2026-01-30"'


def test_a_paper_that_came_late_keeps_the_day_of_its_list() -> None:
    late = api_answer(*rows(0, 9, submittedOnDailyAt="2026-03-10T00:00:00.000Z"))
    web = FakeWeb({api("2026-03-11"): some(50), api("2026-03-10"): late})

    _, before = got(web, days_back=1)

    assert {entry.observation.listed_on for entry in entries_of([before])} == {date(2026, 3, 10)}


def test_a_site_that_is_down_is_not_asked_for_day_after_day() -> None:
    web = FakeWeb({})

    results = got(web, days_back=9)

    assert [isinstance(result, FetchError) for result in results] == [True, True, True]
    assert "from 2026-03-02 to 2026-03-09 were not asked for" in str(results[-1])
    assert len(web.asked) == 4


# ---------------------------------------------------------------- weeks, months, trending, search


def test_in_its_first_two_days_the_week_before_is_read_again() -> None:
    week = f"{SITE}/api/daily_papers?week=2026-{{}}&limit=100&p=0"
    web = FakeWeb({week.format("W11"): b"[]", week.format("W10"): some()})

    new, last = got(web, at=MONDAY, list="weekly")

    assert isinstance(new, Listing)
    assert isinstance(last, Listing)
    assert (new.quiet, len(last.entries)) == ("the list of 2026-W11 has not begun", FEW)


def test_entries_of_a_week_are_of_the_days_that_they_say() -> None:
    answer = api_answer(
        *rows(0, 4, submittedOnDailyAt="2026-03-09T00:00:00.000Z"), *rows(4, 4), api_row("2603.9", upvotes=1)
    )
    web = FakeWeb({f"{SITE}/api/daily_papers?week=2026-W11&limit=100&p=0": answer})

    listing = only_list(got(web, list="weekly"))

    assert listing.day is None
    assert [entry.observation.listed_on for entry in listing.entries] == [date(2026, 3, 9)] * 4 + [None] * 5


@pytest.mark.parametrize(
    ("period", "stated", "taken"),
    [
        ("week", "2026-03-09", True),
        ("week", "2026-W11", True),
        ("week", "2026-03-02", False),
        ("week", "2026-W10", False),
        ("day", "2026-03-11", False),
    ],
)
def test_the_page_of_a_week_must_be_of_that_week(period: str, stated: str, taken: bool) -> None:
    web = FakeWeb({f"{SITE}/papers/week/2026-W11": shown(stated, 9, period)})

    (found,) = got(web, list="weekly")

    assert isinstance(found, Listing if taken else InputError)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("weekly", ["week=2026-W11", "week=2026-W10", "week=2026-W09", "week=2026-W08"]),
        ("monthly", ["month=2026-03", "month=2026-02"]),
    ],
)
def test_weeks_and_months_that_were_missed_are_read_too(kind: str, names: list[str]) -> None:
    web = FakeWeb({f"{SITE}/api/daily_papers?{name}&limit=100&p=0": some() for name in names})

    found = got(web, since=datetime(2026, 2, 19, 7, tzinfo=UTC), list=kind)

    assert len(web.asked) == len(found) == len(names)
    assert all(isinstance(one, Listing) for one in found)


def test_weeks_that_are_too_long_ago_are_named() -> None:
    *lists, problem = got(WeekAfterWeek({}), since=datetime(2025, 12, 31, 7, tzinfo=UTC), list="weekly")

    assert len(lists) == 7
    assert isinstance(problem, LostError)
    assert "from 2025-12-29 to 2026-01-25 were missed" in problem.what
    assert problem.fix == ""


class WeekAfterWeek(FakeWeb):
    def _answer(self, url: str) -> bytes:
        return some()


def test_trending_is_one_request_for_no_day() -> None:
    url = "https://hf.example.org/api/daily_papers?sort=trending&limit=100"
    web = FakeWeb({url: some(1, 1)})

    listing = only_list(got(web, base_url="https://hf.example.org/", list="trending"))

    assert (listing.day, listing.entries[0].observation.listed_on) == (None, None)
    assert web.asked == [url]


@pytest.mark.parametrize("answers", [{}, {f"{SITE}/api/daily_papers?sort=trending&limit=100": b"[]"}])
def test_trending_falls_back_to_its_page(answers: Mapping[str, bytes]) -> None:
    web = FakeWeb({**answers, f"{SITE}/papers/trending": shown("2026-03-11", period="trending")})

    listing = only_list(got(web, list="trending"))

    assert len(listing.entries) == 1
    assert "in its place" in listing.warnings[0]


def search(answer: bytes) -> Listing:
    web = FakeWeb({f"{SITE}/api/papers/search?q=tea%20%26%20milk": answer})
    return only_list(got(web, list="search", query="tea & milk"))


def test_a_search_gives_the_newest_and_tells_of_what_has_no_date() -> None:
    answer = api_answer(
        api_row("2603.00001", publishedAt="2026-03-01T00:00:00.000Z"),
        api_row("2401.00002", publishedAt="2024-01-01T00:00:00.000Z"),
        api_row("2603.00003", publishedAt="2026-03-08T00:00:00.000Z"),
        {"id": "2603.00004", "title": "Tea without a Day"},
    )

    listing = search(answer)

    assert ids(listing) == ["2603.00003", "2603.00001"]
    assert listing.warnings == ("1 of the papers found have no date, and were left out",)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"[]", "nothing is found"),
        (
            api_answer(api_row(publishedAt="2019-01-01T00:00:00Z")),
            "nothing that is found is of the last 30 days",
        ),
    ],
)
def test_a_search_without_anything_new_says_so(answer: bytes, why: str) -> None:
    assert search(answer).quiet == why


# ---------------------------------------------------------------- the past


def daily(**table: Any) -> HuggingFace:
    return HuggingFace(HuggingFaceTable(kind="huggingface", **table), Place(folder=Path()))


def test_lists_of_past_weekdays_are_read_the_latest_first_and_none_of_days_to_come() -> None:
    web = FakeWeb({api(f"2026-03-{day:02}"): some() for day in range(1, 20)})
    source = daily()

    found = list(source.read_past(web, date(2026, 3, 5), date(2026, 3, 19), at=NOW))

    assert isinstance(source, Archive)
    assert [one.day.day for one in found if isinstance(one, Listing) and one.day] == [11, 10, 9, 6, 5]
    assert len(web.asked) == 5


def test_before_its_first_lists_the_archive_is_not_asked_for_year_after_year() -> None:
    web = FakeWeb(
        {
            api(f"20{year}-{month:02}-{day:02}"): b"[]"
            for year in range(10, 14)
            for month in range(1, 13)
            for day in range(1, 32)
        }
    )

    found = list(daily().read_past(web, date(2011, 1, 1), date(2012, 12, 31), at=NOW))

    assert [type(one) for one in found] == [InputError] * 5 + [FetchError]
    assert "from 2011-01-03 to 2012-12-24 were not asked for" in str(found[-1])


@pytest.mark.parametrize(("table", "since"), [({"list": "weekly"}, date(2026, 3, 1)), ({}, date(2001, 1, 1))])
def test_what_no_archive_has_or_gives_at_once_is_refused(table: dict[str, Any], since: date) -> None:
    (found,) = daily(**table).read_past(FakeWeb({}), since, TODAY, at=NOW)

    assert isinstance(found, UsageError)


def test_a_span_that_is_over_before_it_begins_has_no_lists() -> None:
    assert list(daily().read_past(FakeWeb({}), TODAY, date(2026, 3, 1), at=NOW)) == []


# ---------------------------------------------------------------- one paper


def one_paper(answer: bytes) -> Entry | None:
    web = FakeWeb({f"{SITE}/api/papers/2603.00001": answer})
    return daily().read_paper(web, "2603.00001", at=NOW)


def test_a_single_paper_is_got_by_its_id() -> None:
    found = one_paper(json.dumps(api_row()["paper"]).encode())

    assert found is not None
    assert (found.paper.id, found.observation.upvotes) == ("2603.00001", 7)


def test_an_answer_that_holds_no_paper_is_none_or_an_error() -> None:
    assert one_paper(b'{"error": "Paper not found"}') is None
    with pytest.raises(InputError):
        one_paper(b"[]")


@pytest.mark.parametrize("identifier", ["openreview:abc", "feed:abc", "10.1234/tea", "title:tea"])
def test_what_no_arxiv_id_names_is_not_even_asked_for(identifier: str) -> None:
    web = FakeWeb({})

    assert daily().read_paper(web, identifier, at=NOW) is None
    assert web.asked == []
