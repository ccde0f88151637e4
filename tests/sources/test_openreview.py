"""OpenReview: the login, what it gives away (nothing), and the venues' newest papers."""

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from digest.errors import (
    ConfigurationError,
    DigestError,
    FetchError,
    FormError,
    InputError,
    LostError,
    RefusedError,
)
from digest.fetch.client import Client, Limits
from digest.fetch.web import NO_HEADERS, Form, Web
from digest.model import Listing
from digest.sources.openreview import (
    MOST_PAGES,
    PAGE_SIZE,
    OpenReview,
    OpenReviewTable,
    parse_page,
)
from digest.sources.protocol import Place, Wanted
from tests.makers import NOW, TODAY
from tests.sources.contract import FakeWeb, Found, SourceContract, assert_clean, entries_of, pages_of
from tests.web import Server, answer

API = "https://api2.openreview.net"
LOGIN = f"{API}/login"
PASSWORD = 'p"wörd of the kettle'
TOKEN = "header.cGF5bG9hZA.s1gnature"
ENVIRONMENT = {"DIGEST_OPENREVIEW_PASSWORD": PASSWORD}
ACCOUNT = {"kind": "openreview", "username": "ada@example.org"}


@dataclass
class Members(FakeWeb):
    """Answers who comes with the token; a login is never spoilt by what spoils the pages."""

    bearers: list[str | None] = field(default_factory=list)

    def get(
        self,
        url: str,
        *,
        form: Form = Form.ANY,
        headers: Mapping[str, str] = NO_HEADERS,
        good_for_s: float = 0,
    ) -> bytes:
        self.bearers.append(headers.get("Authorization"))
        return super().get(url, form=form, headers=headers)

    def _answer(self, url: str) -> bytes:
        if url == LOGIN:
            return FakeWeb(self.answers).get(url)
        return super()._answer(url)


class TestOpenReview(SourceContract):
    table: ClassVar[dict[str, Any]] = ACCOUNT | {"venues": ["TMLR", "Tea.cc/2026/Conference"]}
    folder = "openreview"
    environment = ENVIRONMENT

    def web(self) -> FakeWeb:
        return Members(pages_of(self.folder))


def address(offset: int = 0, venue: str = "TMLR") -> str:
    return f"{API}/notes?content.venueid={venue}&sort=cdate:desc&limit=1000&offset={offset}"


def moment(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp() * 1000)


def note(number: int = 1, days_ago: int = 0, **fields: Any) -> dict[str, Any]:
    content = {"title": {"value": f"Cup Number {number}"}, "abstract": {"value": "A cup."}}
    name = f"cup{number:05}"
    made = moment(TODAY - timedelta(days=days_ago))
    return {"id": name, "forum": name, "cdate": made, "content": content} | fields


def page(*notes: Any, count: object = None) -> bytes:
    return json.dumps({"notes": notes} | ({} if count is None else {"count": count})).encode()


def members(*pages: bytes | DigestError, login: bytes | DigestError | None = None) -> Members:
    """A server with one venue, of so many pages."""
    answers = {address(number * PAGE_SIZE): data for number, data in enumerate(pages)}
    good = json.dumps({"token": TOKEN}).encode()
    return Members({LOGIN: good if login is None else login, **answers})


def source(
    folder: Path = Path("/nowhere"), environment: Mapping[str, str] = ENVIRONMENT, **table: Any
) -> OpenReview:
    written = OpenReviewTable.model_validate({**ACCOUNT, "venues": ["TMLR"], **table})
    return OpenReview(written, Place(folder=folder, environment=environment))


def read(web: Web, of: OpenReview | None = None, away: int | None = None) -> Found:
    since = None if away is None else NOW - timedelta(days=away)
    return list((of or source()).read(web, Wanted(today=TODAY, at=NOW, since=since)))


def titles(found: Found) -> list[str]:
    return [entry.paper.title for entry in entries_of(found)]


# ---------------------------------------------------------------- the login


def test_a_member_logs_in_once_and_shows_the_token_each_time() -> None:
    web = members(page(note(), count=1))
    web.answers = {**web.answers, address(venue="Tea"): page(note(2), count=1)}

    found = read(web, source(venues=["TMLR", "Tea"]))

    ((url, body, headers),) = web.posted
    assert titles(found) == ["Cup Number 1", "Cup Number 2"]
    assert (url, json.loads(body)) == (LOGIN, {"id": "ada@example.org", "password": PASSWORD})
    assert headers["Content-Type"] == "application/json"
    assert web.bearers == [f"Bearer {TOKEN}"] * 2


@pytest.mark.parametrize(
    ("table", "environment"), [({}, {}), ({"username": None}, ENVIRONMENT), ({"username": None}, {})]
)
def test_without_a_login_nothing_is_asked_and_what_is_lacking_is_said(
    table: dict[str, Any], environment: dict[str, str]
) -> None:
    web = members(page(note()))

    (problem,) = read(web, source(environment=environment, **table))

    assert isinstance(problem, ConfigurationError)
    assert "nobody without a login since June 2026" in str(problem)
    assert "DIGEST_OPENREVIEW_PASSWORD" in str(problem)
    assert (web.posted, web.asked) == ([], [])


def test_the_password_may_come_from_a_private_file_or_a_command(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    file.chmod(0o600)
    web = members(page(note()))

    read(web, source(tmp_path, {}, password_file="password"))
    read(web, source(tmp_path, {}, password_command=["echo", PASSWORD]))

    assert [json.loads(body)["password"] for _, body, _ in web.posted] == [PASSWORD] * 2


def test_the_password_is_asked_for_only_when_it_is_needed(tmp_path: Path) -> None:
    told = source(tmp_path, {}, password_command=["sh", "-c", "touch asked; echo x"])

    assert not (tmp_path / "asked").exists()

    read(members(page(note())), told)

    assert (tmp_path / "asked").exists()


def test_a_password_file_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(PASSWORD)
    file.chmod(0o640)
    web = members(page(note()))

    (problem,) = read(web, source(tmp_path, {}, password_file="password"))

    assert isinstance(problem, ConfigurationError)
    assert "chmod 600" in str(problem)
    assert web.posted == []


def test_a_password_never_goes_unencrypted_to_another_machine() -> None:
    web = members(page(note()))

    (problem,) = read(web, source(base_url="http://reviews.example.org"))

    assert isinstance(problem, ConfigurationError)
    assert "unencrypted to reviews.example.org" in str(problem)
    assert web.posted == []


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"token": null}',
        b'{"token": ""}',
        b'{"token": "a b"}',
        b'{"token": "a\\nX: y"}',
        json.dumps({"token": "x" * 9_000}).encode(),
        RefusedError("the server answered 401 Unauthorized", where=LOGIN, status=401),
        FetchError("no answer in time", where=LOGIN),
        InputError("answered HTML where JSON was expected", where=LOGIN),
    ],
)
def test_a_login_without_a_token_ends_it_and_is_no_page_to_keep(answer: bytes | DigestError) -> None:
    web = members(page(note()), login=answer)

    (problem,) = read(web)

    assert isinstance(problem, FetchError)
    assert problem.where == LOGIN
    assert web.asked == []


def test_a_refused_login_says_what_to_look_at() -> None:
    (problem,) = read(members(login=RefusedError("the server answered 400", where=LOGIN)))

    assert isinstance(problem, FetchError)
    assert "username and the password" in problem.fix


def test_members_who_are_refused_hear_what_to_do() -> None:
    refused = RefusedError("the server answered 403 Forbidden", where=address(), status=403)
    web = members(refused)

    problem, rest = read(web, source(venues=["TMLR", "Tea"]))

    assert isinstance(problem, FetchError)
    assert "ChallengeRequiredError" in problem.fix
    assert isinstance(rest, FetchError)
    assert rest.what == "not asked for, after that: Tea"
    assert web.asked == [address()]


def _chain(problem: BaseException | None) -> list[str]:
    """The error and all that came before it."""
    return [] if problem is None else [repr(problem), *_chain(problem.__context__)]


_AS_POSTED = json.dumps(PASSWORD)[1:-1]


@pytest.mark.parametrize(
    ("secret", "at_login"),
    [(PASSWORD, True), (_AS_POSTED, True), (PASSWORD, False), (_AS_POSTED, False), (TOKEN, False)],
)
@pytest.mark.parametrize("status", [None, 401, 403])
def test_no_error_and_no_repr_shows_password_or_token(
    secret: str, at_login: bool, status: int | None
) -> None:
    words = {"what": f"the server answered {secret}", "where": f"{API}#{secret}", "fix": f"Say {secret}"}
    unkind = FetchError(**words) if status is None else RefusedError(**words, status=status)
    web = members(login=unkind) if at_login else members(unkind)
    told = source()

    (problem,) = read(web, told)

    assert isinstance(problem, FetchError)
    shown = [str(problem), *_chain(problem), repr(told), repr(vars(told))]
    assert "***" in problem.what
    assert secret not in " ".join(shown)


def test_a_page_of_another_form_that_repeats_a_secret_is_not_passed_on() -> None:
    reflecting = FormError(f"answered {TOKEN}", where=address(), body=TOKEN.encode())

    (problem,) = read(members(reflecting))

    assert type(problem) is FetchError
    assert (problem.what, problem.where) == ("answered ***", address())


def test_the_record_of_a_harvest_has_neither_password_nor_token() -> None:
    found = read(members(page(note(), {"id": "x"}, count=9)))

    assert len(found) == 2
    assert TOKEN not in repr(found)
    assert "kettle" not in repr(found)


# ---------------------------------------------------------------- a venue


def test_pages_are_read_until_one_has_papers_of_more_than_a_year_ago() -> None:
    full = [note(n, days_ago=n // 500) for n in range(PAGE_SIZE)]
    older = [note(PAGE_SIZE + n, days_ago=7 + 200 * n) for n in range(4)]
    web = members(page(*full, count=9_000), page(*older, count=9_000), page(note(9_999)))

    found = read(web)

    assert len(found) == 1
    assert len(titles(found)) == PAGE_SIZE + 1
    assert len(web.asked) == 2


def test_a_venue_is_read_to_its_end_by_its_count_or_a_short_page() -> None:
    full = [note(n) for n in range(PAGE_SIZE)]
    counted = members(page(*full, count=PAGE_SIZE + 1), page(note(PAGE_SIZE), count=PAGE_SIZE + 1))
    uncounted = members(page(*full), page(note(PAGE_SIZE)))

    assert len(titles(read(counted))) == len(titles(read(uncounted))) == PAGE_SIZE + 1
    assert len(counted.asked) == len(uncounted.asked) == 2


def test_papers_since_the_last_good_harvest_are_made_up_for() -> None:
    web = members(page(note(1), note(2, days_ago=20), note(3, days_ago=60), count=3))

    assert titles(read(web)) == ["Cup Number 1"]
    assert titles(read(web, away=30)) == ["Cup Number 1", "Cup Number 2"]


def test_what_is_too_long_ago_is_named() -> None:
    web = members(page(note(1), note(2, days_ago=370), count=2))

    problem, listing = read(web, away=500)

    assert titles([listing]) == ["Cup Number 1"]
    assert isinstance(problem, LostError)
    assert "from 2024-10-21 to 2025-03-09 were missed" in problem.what


@pytest.mark.parametrize("key", ["odate", "pdate"])
def test_a_paper_that_is_shown_months_after_it_was_made_is_new(key: str) -> None:
    hidden = note(2, days_ago=60, **{key: moment(TODAY - timedelta(days=1))})
    old = note(3, days_ago=61, **{key: moment(TODAY - timedelta(days=50))})

    (listing,) = read(members(page(note(1), hidden, old, count=3)))

    assert isinstance(listing, Listing)
    assert [entry.observation.listed_on for entry in listing.entries] == [TODAY, TODAY - timedelta(days=1)]


def test_a_day_to_come_makes_no_paper_new() -> None:
    (listing,) = read(members(page(note(1, days_ago=60, pdate=moment(date(2027, 1, 1))), count=1)))

    assert isinstance(listing, Listing)
    assert listing.quiet


def test_a_venue_without_new_papers_is_quiet() -> None:
    (listing,) = read(members(page(note(1, days_ago=30), count=1)))

    assert isinstance(listing, Listing)
    assert (listing.entries, listing.quiet) == ((), f"no paper at TMLR since {TODAY - timedelta(days=7)}")


def test_a_venue_without_any_papers_may_be_misspelt_which_is_an_alarm() -> None:
    (problem,) = read(members(page(count=0)))

    assert isinstance(problem, InputError)
    assert (problem.what, problem.where) == ("there are no papers at this venue", address())
    assert "venueid" in problem.fix


def test_a_count_that_disagrees_is_an_alarm_beside_the_papers() -> None:
    listing, problem = read(members(page(note(1), note(2), count=40), page(count=40)))

    assert isinstance(listing, Listing)
    assert len(listing.entries) == 2
    assert isinstance(problem, InputError)
    assert problem.what == "has 2 papers where it says 40"


def test_a_list_that_is_not_ordered_by_date_is_an_alarm_beside_the_papers() -> None:
    listing, problem = read(members(page(note(1, days_ago=3), note(2), count=2)))

    assert isinstance(listing, Listing)
    assert len(listing.entries) == 2
    assert isinstance(problem, InputError)
    assert "not ordered" in problem.what


def test_a_server_that_ignores_the_offset_is_asked_twice_and_no_more() -> None:
    same = page(*(note(n) for n in range(5)), count=90)
    web = members(*[same] * 20)

    listing, problem = read(web)

    assert isinstance(listing, Listing)
    assert len(listing.entries) == 5
    assert isinstance(problem, InputError)
    assert len(web.asked) == 2


def test_an_endless_venue_is_bounded_and_said_to_go_on() -> None:
    web = members(*(page(note(n), count=10**6) for n in range(99)))

    listing, problem = read(web)

    assert isinstance(listing, Listing)
    assert len(listing.entries) == len(web.asked) == MOST_PAGES
    assert isinstance(problem, InputError)
    assert "may go on" in problem.what


def test_a_later_page_that_fails_costs_its_own_papers_and_is_told() -> None:
    down = FetchError("no answer in time", where="x")

    listing, problem = read(members(page(note(), count=2), down))

    assert isinstance(listing, Listing)
    assert len(listing.entries) == 1
    assert problem == down or isinstance(problem, FetchError)


def test_one_venue_that_is_strange_stops_no_other() -> None:
    web = members(b"{}")
    web.answers = {**web.answers, address(venue="Tea"): page(note(2), count=1)}

    problem, listing = read(web, source(venues=["TMLR", "Tea"]))

    assert isinstance(problem, InputError)
    assert isinstance(listing, Listing)


@pytest.mark.parametrize(
    "table",
    [
        {"venues": []},
        {"days_back": 0},
        {"venues": ["a\nb"]},
        {"password": "x"},
        {"password_file": "p", "username": None},
    ],
)
def test_what_cannot_be_asked_for_is_refused_in_the_configuration(table: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        source(**table)


# ---------------------------------------------------------------- one note


def row(**fields: Any) -> Any:
    (one,) = parse_page(page(note(**fields)), at=NOW).notes
    return one.row


def test_values_are_read_wrapped_or_bare() -> None:
    wrapped = {"title": {"value": "Cups"}, "abstract": {"value": "A."}, "authors": {"value": ["Ada Example"]}}
    bare = {"title": "Cups", "abstract": "A.", "authors": ["Ada Example"]}

    assert row(content=wrapped) == row(content=bare)
    assert row(content=bare).entry.paper.authors == ("Ada Example",)


def test_a_short_summary_is_not_taken_for_an_abstract() -> None:
    assert row(content={"title": "Cups", "TLDR": {"value": "Short."}}).entry.paper.abstract is None


def test_a_paper_is_listed_on_the_day_it_became_news_and_published_when_it_says_so() -> None:
    entry = row(cdate=moment(date(2026, 3, 9)), pdate=moment(date(2026, 3, 10))).entry

    assert (entry.observation.listed_on, entry.paper.published) == (date(2026, 3, 10), date(2026, 3, 10))


@pytest.mark.parametrize("made", [None, "2026-03-09", True, -1, 10**15, float("inf"), [1]])
def test_a_paper_without_a_usable_date_is_kept_and_said_so(made: Any) -> None:
    (listing,) = read(members(page(note(1), note(2, cdate=made), count=2)))

    assert isinstance(listing, Listing)
    assert [entry.observation.listed_on for entry in listing.entries] == [TODAY, None]
    assert listing.warnings == ("entry 2: cup00002: no usable date",)


@pytest.mark.parametrize(
    "unreadable",
    [
        None,
        7,
        {},
        note(2, forum=None, id=None),
        note(2, forum="../x", id="a b"),
        note(2, content=None),
        note(2, content={"title": {"value": 7}}),
        note(2, content={"title": {"value": " "}}),
    ],
)
def test_what_is_no_paper_is_left_out_and_said_so(unreadable: Any) -> None:
    (listing,) = read(members(page(note(1), unreadable, count=2)))

    assert isinstance(listing, Listing)
    assert titles([listing]) == ["Cup Number 1"]
    assert len(listing.warnings) == 1
    assert listing.warnings[0].startswith("entry 2: ")


# ---------------------------------------------------------------- one paper


def test_one_paper_is_asked_for_by_its_forum() -> None:
    web = members()
    web.answers = {**web.answers, f"{API}/notes?id=cup00001": page(note(1)), f"{API}/notes?id=gone": page()}

    found = source().read_paper(web, "openreview:cup00001", at=NOW)
    gone = source().read_paper(web, "openreview:gone", at=NOW)

    assert found is not None
    assert (found.paper.id, found.paper.title) == ("openreview:cup00001", "Cup Number 1")
    assert gone is None


@pytest.mark.parametrize("identifier", ["2603.00001", "10.1234/x", "openreview:../login", "openreview:"])
def test_what_cannot_be_a_paper_there_needs_no_login(identifier: str) -> None:
    web = members()

    assert source(environment={}).read_paper(web, identifier, at=NOW) is None
    assert (web.posted, web.asked) == ([], [])


# ---------------------------------------------------------------- whatever comes


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)
_CONTENT = st.fixed_dictionaries(
    {},
    optional={
        key: _JSON | st.builds(lambda one: {"value": one}, _JSON)
        for key in ("title", "abstract", "authors", "keywords", "TLDR")
    },
)
_NOTES = st.fixed_dictionaries(
    {},
    optional={
        "id": _JSON | st.just("cup00001"),
        "forum": _JSON | st.just("cup00002"),
        "cdate": _JSON | st.integers(0, moment(TODAY)),
        "pdate": _JSON,
        "content": _CONTENT | _JSON,
    },
)


@pytest.mark.slow
@given(st.lists(_NOTES | _JSON, max_size=4), _JSON)
def test_any_note_is_a_clean_entry_or_said_to_be_none(notes: list[Any], count: Any) -> None:
    for entry in entries_of(read(members(page(*notes, count=count), page()))):
        assert_clean(entry)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_alarm_or_a_list(data: bytes) -> None:
    for one in read(members(data)):
        assert isinstance(one, (Listing, InputError))


# ---------------------------------------------------------------- by the real client


def test_the_client_and_a_real_server_understand_each_other() -> None:
    server = Server()
    server.answers["/login"] = [
        answer(json.dumps({"token": TOKEN}).encode(), content_type="application/json")
    ]
    server.answers[address().removeprefix(API)] = [answer(page(note(), count=1))]
    here = frozenset({"127.0.0.1"})

    with closing(server), Client(limits=Limits(spacing_s=0), trusted_hosts=here) as client:
        found = read(client, source(base_url=server.url))

    ((_, _, body),) = server.posted
    ((_, headers),) = server.asked
    assert titles(found) == ["Cup Number 1"]
    assert json.loads(body)["password"] == PASSWORD
    assert headers["Authorization"] == f"Bearer {TOKEN}"
