"""arXiv's days gone by, by OAI-PMH."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from digest.errors import DigestError, FetchError, InputError
from digest.model import Listing
from digest.sources.arxiv_categories import set_of
from digest.sources.arxiv_oai import parse_records
from digest.sources.protocol import Archive
from tests.makers import NOW
from tests.sources.arxiv_makers import records, row
from tests.sources.contract import FakeWeb, Found, assert_clean, entries_of, listings_of, opened

OAI = "https://oaipmh.arxiv.org/oai"
FIRST, LAST = date(2026, 3, 2), date(2026, 3, 6)


def url(category_set: str = "cs:cs:CL", since: date = FIRST) -> str:
    return f"{OAI}?verb=ListRecords&metadataPrefix=arXiv&set={category_set}&from={since}"


def next_url(token: str) -> str:
    return f"{OAI}?verb=ListRecords&resumptionToken={token}"


def record(number: int, created: str, stamped: str, **fields: Any) -> dict[str, Any]:
    return row(number, created=created, stamped=stamped, **fields)


def read_past(tmp_path: Path, web: FakeWeb, *, until: date = LAST, **table: Any) -> Found:
    source = opened(tmp_path, kind="arxiv", **({"categories": ["cs.CL"]} | table))
    assert isinstance(source, Archive)
    return list(source.read_past(web, FIRST, until, at=NOW))


def days_of(found: Found) -> list[tuple[date | None, list[str]]]:
    return [(one.day, [entry.paper.id for entry in one.entries]) for one in listings_of(found)]


def test_a_page_is_a_listing_for_each_of_its_days(tmp_path: Path) -> None:
    rows = [
        record(3, "2026-03-03", "2026-03-04"),
        record(1, "2026-03-02", "2026-03-03"),
        record(2, "2026-03-02", "2026-03-03"),
    ]

    found = read_past(tmp_path, FakeWeb({url(): records(rows)}))

    assert days_of(found) == [
        (date(2026, 3, 3), ["2603.10001", "2603.10002"]),
        (date(2026, 3, 4), ["2603.10003"]),
    ]


def test_a_record_becomes_a_clean_paper(tmp_path: Path) -> None:
    web = FakeWeb({url(): records([record(1, "2026-03-02", "2026-03-03", abstract="Warm\n  if n<N.")])})

    (entry,) = entries_of(read_past(tmp_path, web))

    assert_clean(entry)
    assert entry.paper.authors == ("André Müller Jr",)
    assert entry.paper.abstract == "Warm if n<N."
    assert entry.paper.published == date(2026, 3, 2)
    assert entry.paper.aliases == ("10.9999/tea.2603.10001",)
    assert entry.observation.listed_on == date(2026, 3, 3)


def test_pages_are_followed_by_their_tokens(tmp_path: Path) -> None:
    web = FakeWeb(
        {
            url(): records([record(1, "2026-03-02", "2026-03-03")], token="cs&2"),
            next_url("cs%262"): records([record(2, "2026-03-02", "2026-03-03")]),
        }
    )

    found = read_past(tmp_path, web)

    assert [entry.paper.id for entry in entries_of(found)] == ["2603.10001", "2603.10002"]
    assert web.asked == [url(), next_url("cs%262")]


def test_a_paper_changed_long_after_is_still_of_its_days(tmp_path: Path) -> None:
    rows = [
        record(1, "2026-03-03", "2026-10-07"),
        record(2, "2025-11-03", "2026-03-03", id="2511.00001"),
        record(3, "2026-09-03", "2026-09-04", id="2609.00001"),
    ]

    found = read_past(tmp_path, FakeWeb({url(): records(rows)}))

    assert days_of(found) == [(date(2026, 3, 4), ["2603.10001"])]


def test_created_after_the_month_of_its_id_is_a_later_versions(tmp_path: Path) -> None:
    rows = [record(1, "2026-05-20", "2026-05-21")]

    (entry,) = entries_of(read_past(tmp_path, FakeWeb({url(): records(rows)}), until=date(2026, 3, 31)))

    assert entry.paper.published is None
    assert entry.observation.listed_on == date(2026, 3, 31)


def test_deleted_records_are_left_out(tmp_path: Path) -> None:
    rows = [record(1, "2026-03-02", "2026-03-03", deleted=True), record(2, "2026-03-02", "2026-03-03")]

    found = read_past(tmp_path, FakeWeb({url(): records(rows)}))

    assert [entry.paper.id for entry in entries_of(found)] == ["2603.10002"]
    assert not [one.warnings for one in listings_of(found) if one.warnings]


def test_cross_lists_come_only_where_they_are_wanted(tmp_path: Path) -> None:
    rows = [
        record(1, "2026-03-02", "2026-03-03"),
        record(2, "2026-03-02", "2026-03-03", categories=("math.CO", "cs.CL")),
    ]
    web = FakeWeb({url(): records(rows)})

    both = entries_of(read_past(tmp_path, web))
    new = entries_of(read_past(tmp_path, web, announce=["new"]))

    assert [entry.paper.id for entry in both] == ["2603.10001", "2603.10002"]
    assert [entry.paper.id for entry in new] == ["2603.10001"]


def test_a_paper_in_two_sets_is_given_once(tmp_path: Path) -> None:
    rows = [record(1, "2026-03-02", "2026-03-03", categories=("cs.CL", "cs.RO"))]
    web = FakeWeb({url(): records(rows), url("cs:cs:RO"): records(rows)})

    found = read_past(tmp_path, web, categories=["cs.CL", "cs.RO"])

    assert len(entries_of(found)) == 1
    assert [one.quiet for one in listings_of(found) if one.quiet] == [
        "all that arXiv announced of cs.RO from 2026-03-02 to 2026-03-06 was listed under another category"
    ]


def test_no_records_is_quiet(tmp_path: Path) -> None:
    (listing,) = read_past(tmp_path, FakeWeb({url(): records([], error="noRecordsMatch")}))

    assert isinstance(listing, Listing)
    assert listing.quiet == "arXiv announced nothing of cs.CL from 2026-03-02 to 2026-03-06"


@pytest.mark.parametrize(
    ("error", "kind"), [("badArgument", InputError), ("badResumptionToken", FetchError), ("", InputError)]
)
def test_other_errors_are_told(error: str, kind: type[DigestError], tmp_path: Path) -> None:
    body = records([], error=error) if error else b"<html/>"

    (problem,) = read_past(tmp_path, FakeWeb({url(): body}))

    assert type(problem) is kind
    assert problem.where == url()
    assert error in problem.what


def test_what_was_read_before_a_failure_stays_and_other_categories_go_on(tmp_path: Path) -> None:
    web = FakeWeb(
        {
            url(): records([record(1, "2026-03-02", "2026-03-03")], token="2"),
            url("physics:hep-th"): records([record(2, "2026-03-02", "2026-03-03", categories=("hep-th",))]),
        }
    )

    found = read_past(tmp_path, web, categories=["cs.CL", "hep-th"])

    assert [entry.paper.id for entry in entries_of(found)] == ["2603.10001", "2603.10002"]
    assert len([one for one in found if isinstance(one, FetchError)]) == 1


def test_a_token_that_comes_again_ends_it(tmp_path: Path) -> None:
    rows = [record(1, "2026-03-02", "2026-03-03")]
    web = FakeWeb({url(): records(rows, token="2"), next_url("2"): records(rows, token="2")})

    found = read_past(tmp_path, web)

    assert isinstance(found[-1], InputError)
    assert len(web.asked) == 2


def test_new_tokens_that_bring_nothing_new_end_it(tmp_path: Path) -> None:
    class Endless(FakeWeb):
        def _answer(self, url: str) -> bytes:
            return records([record(1, "2026-03-02", "2026-03-03")], token=str(len(self.asked)))

    web = Endless({})

    found = read_past(tmp_path, web)

    assert [entry.paper.id for entry in entries_of(found)] == ["2603.10001"]
    assert isinstance(found[-1], InputError)
    assert found[-1].what == "3 pages in a row brought no record that is new"
    assert len(web.asked) == 4


def test_pages_of_deleted_records_are_on_the_way(tmp_path: Path) -> None:
    pages = {
        (url() if number == 0 else next_url(str(number))): records(
            [record(number, "2026-03-02", "2026-03-03", deleted=number < 5)], token=str(number + 1)
        )
        for number in range(6)
    }
    web = FakeWeb(pages | {next_url("6"): records([record(6, "2026-03-02", "2026-03-03")])})

    found = read_past(tmp_path, web)

    assert [entry.paper.id for entry in entries_of(found)] == ["2603.10005", "2603.10006"]
    assert all(isinstance(one, Listing) for one in found)


def sized(data: bytes, size: str) -> bytes:
    return data.replace(b"<resumptionToken>", f'<resumptionToken completeListSize="{size}">'.encode())


@pytest.mark.parametrize(
    ("size", "told"),
    [
        ("5000", ["2 records in all, where it says 5,000"]),
        ("3", ["2 records in all, where it says 3"]),
        ("2", []),
        ("1", []),
        ("many", []),
    ],
)
def test_fewer_records_than_are_stated_are_told(size: str, told: list[str], tmp_path: Path) -> None:
    first = records([record(1, "2026-03-02", "2026-03-03")], token="2")
    last = records([record(2, "2026-03-02", "2026-03-03")])
    web = FakeWeb({url(): sized(first, size), next_url("2"): sized(last, size)})

    found = read_past(tmp_path, web)

    assert len(entries_of(found)) == 2
    assert [one.what for one in found if isinstance(one, InputError)] == told


def test_warnings_of_pages_without_a_wanted_record_are_told(tmp_path: Path) -> None:
    rows = [record(1, "2025-03-02", "2025-03-03", id="2503.00001"), record(2, "2026-03-02", "x", title=" ")]

    (listing,) = read_past(tmp_path, FakeWeb({url(): records(rows)}))

    assert isinstance(listing, Listing)
    assert listing.quiet
    assert listing.warnings == ("2603.10002 has no title; left out",)


def test_warnings_of_a_last_page_are_told_with_nothing_else(tmp_path: Path) -> None:
    odd = [record(3, "2025-03-02", "2025-03-03", id="2503.00001"), record(2, "2026-03-02", "x", title=" ")]
    web = FakeWeb(
        {url(): records([record(1, "2026-03-02", "2026-03-03")], token="2"), next_url("2"): records(odd)}
    )

    _, rest = read_past(tmp_path, web)

    assert isinstance(rest, Listing)
    assert rest.quiet == "arXiv announced nothing else of cs.CL from 2026-03-02 to 2026-03-06"
    assert rest.warnings == ("2603.10002 has no title; left out",)


def test_lists_come_before_the_next_page_is_asked_for(tmp_path: Path) -> None:
    web = FakeWeb({url(): records([record(1, "2026-03-02", "2026-03-03")], token="2")})
    source = opened(tmp_path, kind="arxiv", categories=["cs.CL"])
    assert isinstance(source, Archive)

    first = next(iter(source.read_past(web, FIRST, LAST, at=NOW)))

    assert isinstance(first, Listing)
    assert web.asked == [url()]


def test_records_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    rows = [
        record(1, "2026-03-02", "2026-03-03"),
        record(2, "x", "y", title=" "),
        record(3, "x", "y", id="tea"),
    ]

    read = parse_records(records(rows), at=NOW)

    assert len(read.records) == 1
    assert read.warnings == ("2603.10002 has no title; left out", "a record has no arXiv id; left out")


@pytest.mark.parametrize(
    ("category", "expected"),
    [
        ("cs", "cs"),
        ("cs.CL", "cs:cs:CL"),
        ("math.AP", "math:math:AP"),
        ("hep-th", "physics:hep-th"),
        ("astro-ph.GA", "physics:astro-ph:GA"),
        ("physics.optics", "physics:physics:optics"),
        ("physics", "physics:physics"),
        ("q-bio.NC", "q-bio:q-bio:NC"),
    ],
)
def test_each_category_is_a_set(category: str, expected: str) -> None:
    assert set_of(category) == expected
