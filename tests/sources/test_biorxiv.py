"""bioRxiv and medRxiv: days of records, page by page, and what their text is freed from."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from digest.errors import DigestError, FetchError, InputError, LostError
from digest.model import Listing
from digest.sources.biorxiv import MOST_DAYS, MOST_PAGES, Biorxiv, BiorxivTable, authors_of, parse_page
from digest.sources.protocol import Archive, Place, Wanted
from digest.sources.rxiv_text import plain
from tests.makers import NOW, TODAY
from tests.sources.contract import FakeWeb, Found, SourceContract, assert_clean, entries_of, listings_of

API = "https://api.biorxiv.org"
SAMPLE = Path(__file__).resolve().parents[3] / "shared/samples/biorxiv/details__2026-07-15_cut.json"
YESTERDAY = TODAY - timedelta(days=1)
MONDAY = TODAY - timedelta(days=2)
SATURDAY, SUNDAY = date(2026, 3, 7), date(2026, 3, 8)


class TestBiorxiv(SourceContract):
    table: ClassVar[dict[str, Any]] = {"kind": "biorxiv", "days_back": 1}
    folder = "biorxiv"


def record(number: int = 1, day: date = TODAY, **fields: Any) -> dict[str, Any]:
    return {
        "doi": f"10.64898/2026.03.09.{number:06}",
        "title": f"Tea Poured {number} Times",
        "authors": "Example, A.; Sample, B. C.",
        "author_corresponding_institution": "Institute of Tea",
        "date": day.isoformat(),
        "version": "1",
        "category": "neuroscience",
        "abstract": "We pour tea.",
        "published": "NA",
    } | fields


def page(*records: Any, total: object = None, **head: Any) -> bytes:
    said = {"status": "ok"} | ({} if total is None else {"total": total}) | head
    return json.dumps({"messages": [said], "collection": records}).encode()


NO_POSTS = json.dumps({"messages": [{"status": "no posts found"}], "collection": []}).encode()


def address(day: date = TODAY, cursor: int = 0, server: str = "biorxiv", query: str = "") -> str:
    return f"{API}/details/{server}/{day}/{day}/{cursor}/json{query}"


def source(**table: Any) -> Biorxiv:
    written = {"kind": "biorxiv", "days_back": 0} | table
    return Biorxiv(BiorxivTable.model_validate(written), Place(folder=Path("/nowhere")))


def read(web: FakeWeb, *, today: date = TODAY, away: int | None = None, **table: Any) -> Found:
    since = None if away is None else NOW - timedelta(days=away)
    return list(source(**table).read(web, Wanted(today=today, at=NOW, since=since)))


def day_of(*pages: bytes, day: date = MONDAY, **table: Any) -> Found:
    """What a day that is over gives; pages are asked for one record after the other, to an empty one."""
    ends = {address(day, cursor): NO_POSTS for cursor in range(40)}
    web = FakeWeb(ends | {address(day, cursor): data for cursor, data in enumerate(pages)})
    return list(source(**table).read_past(web, day, day, at=NOW))


# ---------------------------------------------------------------- getting a day


def test_a_day_is_read_to_its_end_however_many_records_a_page_has() -> None:
    pages = {
        address(cursor=0): page(record(1), record(2), record(3), total="6"),
        address(cursor=3): page(record(4), record(5), total=6),
        address(cursor=5): page(record(6), total="6"),
    }

    found = read(FakeWeb(pages))

    (listing,) = listings_of(found)
    assert found == [listing]
    assert [entry.paper.title for entry in listing.entries] == [f"Tea Poured {n} Times" for n in range(1, 7)]
    assert (listing.day, listing.warnings) == (TODAY, ())


def test_without_a_total_a_day_ends_where_no_more_posts_are_found() -> None:
    web = FakeWeb({address(cursor=0): page(record(1)), address(cursor=1): NO_POSTS})

    found = read(web)

    assert len(entries_of(found)) == 1
    assert not [one for one in found if isinstance(one, DigestError)]


def test_a_few_records_that_are_counted_and_never_served_are_a_warning() -> None:
    pages = {address(cursor=n): page(record(n), total="20") for n in range(19)}

    found = read(FakeWeb({**pages, address(cursor=19): NO_POSTS}))

    (listing,) = listings_of(found)
    assert len(found) == 1
    assert len(listing.entries) == 19
    assert listing.warnings == ("has 19 records where it says 20",)


def test_many_records_that_are_counted_and_never_served_are_an_alarm_beside_the_papers() -> None:
    web = FakeWeb({address(cursor=0): page(record(1), total="3"), address(cursor=1): NO_POSTS})

    listing, problem = read(web)

    assert isinstance(listing, Listing)
    assert len(listing.entries) == 1
    assert isinstance(problem, InputError)
    assert (problem.what, problem.where) == ("has 1 records where it says 3", address(cursor=1))


def test_a_server_that_ignores_the_cursor_is_asked_twice_and_no_more() -> None:
    same = page(record(1), record(2), total="90")
    web = FakeWeb({address(cursor=n): same for n in range(100)})

    listing, problem = read(web)

    assert isinstance(listing, Listing)
    assert len(listing.entries) == 2
    assert isinstance(problem, InputError)
    assert "the same records" in problem.what
    assert len(web.asked) == 2


def test_an_endless_day_is_bounded_and_said_to_go_on() -> None:
    web = FakeWeb({address(cursor=n): page(record(n), total="5000") for n in range(200)})

    listing, problem = read(web)

    assert isinstance(listing, Listing)
    assert len(web.asked) == len(listing.entries) == MOST_PAGES
    assert isinstance(problem, InputError)
    assert "may go on" in problem.what


@pytest.mark.parametrize("broken", [b"", b"<html>", FetchError("no answer in time", where="x")])
def test_a_later_page_that_fails_costs_its_own_papers_and_is_told(broken: bytes | DigestError) -> None:
    web = FakeWeb({address(cursor=0): page(record(1), total="2"), address(cursor=1): broken})

    listing, problem = read(web)

    assert isinstance(listing, Listing)
    assert len(listing.entries) == 1
    assert isinstance(problem, FetchError if isinstance(broken, FetchError) else InputError)


def test_a_part_of_a_day_without_a_paper_that_is_wanted_is_not_called_quiet() -> None:
    down = FetchError("no answer in time", where="x")
    web = FakeWeb({address(cursor=0): page(record(1, version="2"), total="2"), address(cursor=1): down})

    assert read(web) == [down]


def test_a_harvest_reads_the_days_before_again_and_all_since_the_last_good_one() -> None:
    web = FakeWeb({})
    days = [TODAY - timedelta(days=back) for back in range(40)]
    web.answers = {address(day, cursor): data for day in days for cursor, data in enumerate(one_record(day))}

    two = read(web, days_back=2)
    five = read(web, away=5)
    before = read(web, away=5, days_back=2)
    *month, problem = read(web, away=30)

    assert [one.day for one in listings_of(two)] == days[:3]
    assert [one.day for one in listings_of(five)] == days[:6]
    assert [one.day for one in listings_of(before)] == days[:7]
    assert [one.day for one in listings_of(month)] == days[: MOST_DAYS + 1]
    assert isinstance(problem, LostError)
    assert "from 2026-02-09 to 2026-02-24 were missed" in problem.what
    assert problem.fix == 'Run "digest fetch --since 2026-02-09"'


def one_record(day: date) -> tuple[bytes, bytes]:
    """The pages of a day with one paper."""
    return page(record(day.day, day), total=1), NO_POSTS


def test_two_days_in_a_row_that_cannot_be_fetched_end_it() -> None:
    web = FakeWeb({})

    found = read(web, days_back=9)

    assert len(web.asked) == 2
    assert len(found) == 3
    assert "from 2026-03-02 to 2026-03-09 were not asked for" in str(found[-1])


def test_the_past_is_read_day_by_day() -> None:
    days = [date(2026, 2, 2), date(2026, 2, 3)]
    web = FakeWeb({address(day, n): data for day in days for n, data in enumerate(one_record(day))})
    archive = source()

    found = list(archive.read_past(web, days[0], days[1], at=NOW))

    assert isinstance(archive, Archive)
    assert [(one.day, one.entries[0].observation.listed_on) for one in listings_of(found)] == [
        (day, day) for day in days
    ]


# ---------------------------------------------------------------- days without papers


@pytest.mark.parametrize("day", [SATURDAY, SUNDAY, date(2025, 12, 25), date(2026, 1, 1)])
@pytest.mark.parametrize("empty", [NO_POSTS, page(total=0)])
def test_a_weekend_or_holiday_without_posts_is_quiet(day: date, empty: bytes) -> None:
    (listing,) = day_of(empty, day=day)

    assert isinstance(listing, Listing)
    assert (listing.entries, listing.day) == ((), day)
    assert f"nothing was posted on {day}" in listing.quiet


@pytest.mark.parametrize("empty", [NO_POSTS, page(total=0)])
def test_a_working_day_without_posts_is_an_alarm(empty: bytes) -> None:
    (problem,) = day_of(empty)

    assert isinstance(problem, InputError)
    assert (problem.what, problem.where) == (f"no posts on {MONDAY}, a working day", address(MONDAY))


@pytest.mark.parametrize(
    ("day", "hour", "is_quiet"), [(TODAY, 23, True), (YESTERDAY, 11, True), (YESTERDAY, 12, False)]
)
def test_a_day_may_be_empty_until_it_is_over_in_america_too(day: date, hour: int, is_quiet: bool) -> None:
    at = NOW.replace(hour=hour, minute=0)

    (one,) = source().read_past(FakeWeb({address(day): NO_POSTS}), day, day, at=at)

    assert isinstance(one, Listing if is_quiet else InputError)
    assert not isinstance(one, Listing) or one.quiet == f"nothing of {day} is there yet"


@pytest.mark.parametrize("categories", [[], ["zoology"]])
def test_a_list_that_is_promised_and_not_served_is_an_alarm_even_today(categories: list[str]) -> None:
    query = "?category=zoology" if categories else ""

    (problem,) = read(FakeWeb({address(query=query): page(total="300")}), categories=categories)

    assert isinstance(problem, InputError)
    assert problem.what == "has 0 records where it says 300"


def test_some_revisions_alone_are_a_quiet_day_and_many_an_alarm() -> None:
    def revisions(number: int) -> bytes:
        return page(*(record(n, MONDAY, version="2") for n in range(number)), total=number)

    (few,), (many,) = day_of(revisions(3)), day_of(revisions(30))

    assert isinstance(few, Listing)
    assert few.quiet == f"all that was posted on {MONDAY} is revisions"
    assert isinstance(many, InputError)
    assert "30 records" in many.what


@pytest.mark.parametrize(
    "status", ["Error: (2002) Connection refused", "bad request", "", "okay?", "not ok", "ok then"]
)
def test_an_error_inside_a_good_answer_is_an_alarm(status: str) -> None:
    (problem,) = day_of(page(record(), status=status, total=1))

    assert isinstance(problem, InputError)
    assert problem.where == address(MONDAY)


@pytest.mark.parametrize(
    "answer",
    [
        b"[]",
        b'{"messages": []}',
        b'{"messages": [{}], "collection": []}',
        b'{"messages": [{"status": "ok"}]}',
        b'{"messages": [{"status": "ok"}], "collection": {}}',
        b'{"messages": [{"status": 1}], "collection": []}',
        b'{"messages": [{"status": "ok", "total": 4}], "collection": [1, null, "x", []]}',
        b"[" * 100_000,
        b"[]," * 600_000,
        b"1" * 5_000,
    ],
)
def test_what_is_no_answer_of_the_api_is_an_alarm(answer: bytes) -> None:
    (problem,) = day_of(answer)

    assert isinstance(problem, InputError)


# ---------------------------------------------------------------- categories


@pytest.mark.parametrize("named", ["cell_biology", "cell biology", " Cell  Biology", "CELL-BIOLOGY"])
def test_one_category_is_asked_of_the_server_and_filtered_again(named: str) -> None:
    query = "?category=cell_biology"
    answer = page(record(1, category="cell biology"), record(2, category="zoology"), total=2)
    web = FakeWeb({address(query=query): answer})

    found = read(web, categories=[named])

    assert [entry.paper.keywords for entry in entries_of(found)] == [("cell biology",)]


def test_several_categories_are_picked_out_of_the_whole_list() -> None:
    named = ["zoology", "ecology", "neuroscience", None]
    web = FakeWeb({address(): page(*(record(n, category=one) for n, one in enumerate(named)), total=4)})

    found = read(web, categories=["zoology", "ecology"])

    assert [entry.paper.keywords for entry in entries_of(found)] == [("zoology",), ("ecology",), ()]


def test_a_category_without_papers_is_quiet_if_others_have_some_and_an_alarm_if_none_has() -> None:
    own, whole = address(MONDAY, query="?category=zoology"), address(MONDAY)

    def past(web: FakeWeb) -> Found:
        return list(source(categories=["zoology"]).read_past(web, MONDAY, MONDAY, at=NOW))

    (quiet,) = past(FakeWeb({own: NO_POSTS, whole: page(record(1, MONDAY), total=1)}))
    (alarm,) = past(FakeWeb({own: NO_POSTS, whole: NO_POSTS}))

    assert isinstance(quiet, Listing)
    assert quiet.quiet == f"no paper in zoology on {MONDAY}"
    assert isinstance(alarm, InputError)


def test_a_day_with_papers_in_other_categories_only_is_quiet() -> None:
    (listing,) = day_of(page(record(1, MONDAY), total=1), categories=["zoology", "ecology"])

    assert isinstance(listing, Listing)
    assert listing.quiet == f"none of the 1 new papers of {MONDAY} is in the categories that are read"


@pytest.mark.parametrize("table", [{"categories": ["  "]}, {"server": "arxiv"}, {"days_back": 15}])
def test_what_cannot_be_asked_for_is_refused_in_the_configuration(table: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        source(**table)


# ---------------------------------------------------------------- one record


def only(**fields: Any) -> Any:
    (entry,) = entries_of(read(FakeWeb({address(): page(record(1, **fields), total=1)})))
    return entry


def warnings_of(*records: Any) -> tuple[str, ...]:
    (listing,) = listings_of(read(FakeWeb({address(): page(record(7), *records)} | _END)))
    assert [entry.paper.id for entry in listing.entries] == ["10.64898/2026.03.09.000007"]
    return listing.warnings


_END = {address(cursor=n): NO_POSTS for n in range(1, 9)}


@pytest.mark.parametrize(
    ("doi", "canonical"),
    [
        ("10.64898/2026.03.09.000001", "10.64898/2026.03.09.000001"),
        ("10.1101/2025.03.09.000001v2", "10.1101/2025.03.09.000001"),
        ("10.1101/123456V1", "10.1101/123456"),
        ("https://doi.org/10.1101/123456", "10.1101/123456"),
        ("10.5555/Some.New.Prefix", "10.5555/some.new.prefix"),
    ],
)
def test_a_doi_is_the_identity_in_lower_case_and_without_version(doi: str, canonical: str) -> None:
    assert only(doi=doi).paper.id == canonical


def test_a_published_paper_s_doi_is_another_name_of_it() -> None:
    assert only(published="10.1234/TEA.1").paper.aliases == ("10.1234/tea.1",)
    for nothing in ("NA", None, "10.64898/2026.03.09.000001v1"):
        assert only(published=nothing).paper.aliases == ()


def test_medrxiv_is_read_under_its_own_name_and_address() -> None:
    medrxiv = source(server="medrxiv")
    web = FakeWeb({address(server="medrxiv"): page(record(1), total=1)})

    (entry,) = entries_of(list(medrxiv.read(web, Wanted(today=TODAY, at=NOW))))

    assert (medrxiv.name, source(name="ours").name) == ("medrxiv", "ours")
    assert entry.paper.url == "https://www.medrxiv.org/content/10.64898/2026.03.09.000001v1"


@pytest.mark.parametrize(
    "unreadable",
    [
        None,
        "text",
        {"title": "No DOI"},
        record(2, doi=7),
        record(2, doi="10.1101"),
        record(2, doi="x" * 5_000),
        record(2, title=None),
        record(2, title=" \n"),
        record(2, title="O_LI"),
        record(2, version="first"),
        record(2, version=None),
        record(2, version=True),
        record(2, version="0"),
        record(2, day=TODAY - timedelta(days=8)),
    ],
)
def test_a_record_that_is_no_paper_of_the_day_is_left_out_and_said_so(unreadable: Any) -> None:
    warnings = warnings_of(unreadable)

    assert len(warnings) == 1
    assert warnings[0].startswith("entry 2: ")
    assert "left out" in warnings[0]


@pytest.mark.parametrize(
    ("dated", "listed_on"), [(YESTERDAY.isoformat(), YESTERDAY), (20260311, TODAY), (None, TODAY)]
)
def test_a_record_that_is_dated_a_day_off_is_kept_under_its_own_date_and_said_so(
    dated: object, listed_on: date
) -> None:
    web = FakeWeb({address(): page(record(7), record(8, date=dated), total=2)} | _END)

    (listing,) = listings_of(read(web))

    assert [entry.observation.listed_on for entry in listing.entries] == [TODAY, listed_on]
    assert bool(listing.warnings) is (dated is not None)


def test_a_list_of_another_day_is_an_alarm_beside_its_papers() -> None:
    listing, problem = day_of(page(record(1, TODAY), record(2, TODAY), total=2))

    assert isinstance(listing, Listing)
    assert [entry.observation.listed_on for entry in listing.entries] == [TODAY, TODAY]
    assert isinstance(problem, InputError)
    assert problem.what == f"none of its 2 new papers is dated {MONDAY}"


def test_a_total_that_is_only_the_page_s_does_not_end_a_list() -> None:
    pages = {
        address(): page(*(record(n) for n in range(3)), total=3),
        address(cursor=3): page(*(record(n) for n in range(3, 5)), total=2),
    }

    found = read(FakeWeb(pages))

    assert len(entries_of(found)) == 5


@pytest.mark.parametrize(
    "field", [{"authors": 7}, {"category": ["x"]}, {"author_corresponding_institution": 1}]
)
def test_a_field_of_a_wrong_type_is_not_known_and_said_so(field: dict[str, Any]) -> None:
    (listing,) = listings_of(read(FakeWeb({address(): page(record(1, **field), total=1)})))

    assert len(listing.entries) == 1
    assert next(iter(field)) in listing.warnings[0]


@pytest.mark.parametrize(
    ("stated", "names"),
    [
        ("Quinn, A. J.; Ghafari, T.", ("A. J. Quinn", "T. Ghafari")),
        ("van der Tee, M.-L.;", ("M.-L. van der Tee",)),
        ("Tester, Q., Jr.; The Kettle Consortium", ("Q. Tester Jr.", "The Kettle Consortium")),
        (" ; ;", ()),
        ("", ()),
    ],
)
def test_names_are_turned_as_people_say_them(stated: str, names: tuple[str, ...]) -> None:
    assert authors_of(stated) == names


# ---------------------------------------------------------------- its text


@pytest.mark.parametrize(
    ("flattened", "shown"),
    [
        ("We pour tea.", "We pour tea."),
        ("O_SCPLOWDC_SCPLOW-glucose in O_SCPCAPPBSC_SCPCAP tea", "D-glucose in PBS tea"),
        ("AO_SCPLOWBSTRACTC_SCPLOWTea is hot.", "Tea is hot."),
        ("ABSTRACTION is hard.", "ABSTRACTION is hard."),
        ("O_ST_ABSAimsC_ST_ABSTo pour. O_ST_ABSResults:C_ST_ABSSpilt.", "Aims: To pour. Results: Spilt."),
        ("Key pointsO_LIHot.\nC_LIO_LIWet\nC_LIO_LIBrown\nC_LI", "Key points: Hot. Wet; Brown"),
        ('It is hot. O_FIG SRC="a.gif"> org.highwire@1 C_FIG So wait.', "It is hot. So wait."),
        ("It is hot. O_FIG that never ends", "It is hot. that never ends"),
        ("p &lt; 0.05 &amp;lt; 1", "p < 0.05 &lt; 1"),
        ("CO_2 and NaC_2 and C_L", "CO_2 and NaC_2 and C_L"),
    ],
)
def test_the_marks_of_a_manuscript_are_taken_out_of_its_text(flattened: str, shown: str) -> None:
    assert " ".join(plain(flattened).split()) == shown


_MARKS = st.sampled_from(
    [
        "O_LI",
        "C_LI",
        "O_FIG",
        "C_FIG",
        "O_TBL",
        "C_TBL",
        "O_ST_ABS",
        "C_ST_ABS",
        "O_SCPLOW",
        " ",
        ". ",
        "tea",
        "&lt;",
    ]
)


@given(st.lists(_MARKS, max_size=60))
def test_no_mark_that_was_known_is_left_but_of_a_block_without_end(parts: list[str]) -> None:
    shown = plain("".join(parts))

    assert not any(mark in shown for mark in ("O_LI", "C_LI", "ST_ABS", "SCPLOW", "O_FIG", "O_TBL"))


# ---------------------------------------------------------------- one paper


def test_one_preprint_is_asked_for_by_its_doi_and_told_as_its_last_version_says() -> None:
    first, last = record(1), record(1, version="3", title="Tea Poured Better")
    url = f"{API}/details/biorxiv/10.64898/2026.03.09.000001/na/json"
    web = FakeWeb({url: page(first, last)})

    entry = source().read_paper(web, "10.64898/2026.03.09.000001v2", at=NOW)

    assert entry is not None
    assert (entry.paper.id, entry.paper.title) == ("10.64898/2026.03.09.000001", "Tea Poured Better")
    assert entry.observation.listed_on is None


@pytest.mark.parametrize("identifier", ["2603.00001", "10.1234/tea", "openreview:abc", "title:tea"])
def test_what_cannot_be_a_preprint_there_is_not_even_asked_for(identifier: str) -> None:
    web = FakeWeb({})

    assert source().read_paper(web, identifier, at=NOW) is None
    assert web.asked == []


def test_a_preprint_of_the_other_server_is_not_known() -> None:
    web = FakeWeb({f"{API}/details/biorxiv/10.1101/123456/na/json": NO_POSTS})

    assert source().read_paper(web, "10.1101/123456", at=NOW) is None


# ---------------------------------------------------------------- whatever comes


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)
_RECORDS = st.fixed_dictionaries(
    {}, optional={key: _JSON | st.just(value) for key, value in record().items()}
)


@pytest.mark.slow
@given(st.lists(_RECORDS | _JSON, max_size=4), _JSON)
def test_any_record_is_a_clean_entry_or_said_to_be_none(records: list[Any], total: Any) -> None:
    web = FakeWeb({address(): page(*records, total=total)} | _END)

    for entry in entries_of(read(web)):
        assert_clean(entry)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_alarm_or_a_list(data: bytes) -> None:
    for one in read(FakeWeb({address(): data} | _END)):
        assert isinstance(one, (Listing, InputError))


def timed(work: Callable[[], object]) -> float:
    from time import process_time

    best = 9.0
    for _ in range(3):
        start = process_time()
        work()
        best = min(best, process_time() - start)
    return best


@pytest.mark.parametrize(
    "part", ["O_FIG ", "O_LI", ". C_LI ", "C_ST_ABS", " " * 50, "&lt", "a;", "AO_SCPLOW"]
)
def test_text_of_any_length_takes_a_bounded_time(part: str) -> None:
    text = part * (2_000_000 // len(part))

    assert timed(lambda: plain(text)) < 1


# ---------------------------------------------------------------- a real answer


@pytest.mark.skipif(not SAMPLE.exists(), reason="no saved answer beside this checkout")
def test_every_new_paper_of_a_saved_answer_is_read() -> None:
    day = date(2026, 7, 15)
    rows = json.loads(SAMPLE.read_bytes())["collection"]
    web = FakeWeb({address(day): SAMPLE.read_bytes(), address(day, 3): NO_POSTS})

    found = list(source().read_past(web, day, day, at=NOW))

    (listing,) = found
    assert isinstance(listing, Listing)
    assert parse_page(SAMPLE.read_bytes(), where="x").total == len(rows) == 3
    assert [entry.paper.id for entry in listing.entries] == [row["doi"] for row in rows[:2]]
    assert listing.entries[0].paper.authors == ("T. Ghafari", "A. J. Quinn", "O. Jensen")
    assert all(entry.paper.abstract and entry.paper.published == day for entry in listing.entries)
    for entry in listing.entries:
        assert_clean(replace(entry, observation=replace(entry.observation, at=NOW)))
