"""Semantic Scholar: whose turn it is, what is told, what is recommended, and what becomes of the key."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from digest.errors import (
    BusyError,
    ConfigurationError,
    DigestError,
    FetchError,
    InputError,
    MissingError,
    RefusedError,
)
from digest.fetch.web import NO_HEADERS, Form
from digest.model import Listing
from digest.sources.protocol import Place, Wanted
from digest.sources.semanticscholar import (
    MOST_SEEDS,
    SemanticScholar,
    SemanticScholarTable,
    parse_recommended,
    read_row,
    seeds,
    turn,
)
from tests.makers import NOW, TODAY
from tests.sources.contract import FakeWeb, Found, SourceContract, assert_clean, entries_of

API = "https://api.semanticscholar.org"
FIELDS = "fields=title,abstract,authors,publicationDate,externalIds,url"
ASKED = f"{API}/recommendations/v1/papers/?{FIELDS}&limit=100"
BATCH = f"{API}/graph/v1/paper/batch?fields=paperId"
KEY = "k3y-of-the-tea-house"
SAMPLES = Path(__file__).resolve().parents[3] / "shared/samples/semanticscholar"
SHA = "0" * 38 + "a1"


class TestSemanticScholar(SourceContract):
    table: ClassVar[dict[str, Any]] = {"kind": "semanticscholar"}
    folder = "semanticscholar"
    wanted = Wanted(today=TODAY, at=NOW, liked=(("2601.00001", "10.1234/cups"),))


def source(
    folder: Path = Path("/nowhere"), environment: Mapping[str, str] = NO_HEADERS, **table: Any
) -> SemanticScholar:
    written = SemanticScholarTable.model_validate({"kind": "semanticscholar"} | table)
    return SemanticScholar(written, Place(folder=folder, environment=environment))


def row(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "paperId": f"{number:040x}",
        "externalIds": {"ArXiv": f"2603.{number:05}"},
        "title": f"Kettle Number {number}",
    } | fields


def answer(*rows: Any) -> bytes:
    return json.dumps({"recommendedPapers": rows}).encode()


def read(web: FakeWeb, *liked: tuple[str, ...], of: SemanticScholar | None = None) -> Found:
    return list((of or source()).read(web, Wanted(today=TODAY, at=NOW, liked=liked)))


def told(web: FakeWeb) -> list[dict[str, list[str]]]:
    return [json.loads(body) for _, body, _ in web.posted]


# ---------------------------------------------------------------- what is new


def test_recommended_papers_of_years_ago_are_no_news() -> None:
    dates = ("2026-03-01", "1987-01-01", None)
    rows = [row(n, publicationDate=day) for n, day in enumerate(dates)]

    (new,) = read(FakeWeb({ASKED: answer(*rows)}), ("2601.00001",))
    (old,) = read(FakeWeb({ASKED: answer(rows[1])}), ("2601.00001",))

    assert isinstance(new, Listing)
    assert isinstance(old, Listing)
    assert [entry.paper.id for entry in new.entries] == ["2603.00000", "2603.00002"]
    assert (old.entries, old.quiet) == ((), "nothing of it is newer than 1987-01-01")


# ---------------------------------------------------------------- what is told


def test_each_reader_s_liked_papers_are_told_together_by_ids_alone() -> None:
    web = FakeWeb({ASKED: answer(row())})

    found = read(web, ("2601.00001", "10.1234/cups"), ("10.1234/cups", f"s2:{SHA}"))

    assert len(found) == len(entries_of(found)) == 2
    posted = sorted(told(web), key=json.dumps)
    assert posted == [
        {"positivePaperIds": ["ARXIV:2601.00001", "DOI:10.1234/cups"]},
        {"positivePaperIds": ["DOI:10.1234/cups", SHA]},
    ]
    assert {url for url, _, _ in web.posted} == {ASKED}


def test_what_it_has_no_id_for_is_not_told() -> None:
    liked = ("title:tea", "openreview:abc", "s2:nothex", "feed:x", "10.x", "hf-paper_7", "math-ph/0601001")

    assert seeds(liked) == ("ARXIV:math-ph/0601001",)


def test_the_latest_hundred_are_told() -> None:
    liked = tuple(f"2601.{n:05}" for n in range(150))

    assert seeds(liked) == tuple(f"ARXIV:2601.{n:05}" for n in range(150 - MOST_SEEDS, 150))


def test_readers_who_like_the_same_papers_are_asked_for_once() -> None:
    web = FakeWeb({ASKED: answer(row())})

    read(web, ("2601.00001",), ("2601.00001",))

    assert len(web.posted) == 1


def test_without_liked_papers_nothing_is_asked_and_that_is_said() -> None:
    web = FakeWeb({})

    (nobody,), (unknown,) = read(web, (), ()), read(web, ("openreview:abc",))

    assert isinstance(nobody, Listing)
    assert nobody.quiet == "no reader likes a paper yet"
    assert isinstance(unknown, Listing)
    assert unknown.quiet == "no reader likes a paper that has an id known there"
    assert web.posted == []


# ---------------------------------------------------------------- whose turn it is


@given(st.integers(1, 40), st.integers(1, 10), st.dates(max_value=date(9000, 1, 1)))
def test_every_reader_has_a_turn_before_any_has_another(readers: int, most: int, today: date) -> None:
    groups = [(str(number),) for number in range(readers)]
    days = range(-(-readers // most))

    turns = Counter(group for day in days for group in turn(groups, today + timedelta(days=day), most))

    assert set(turns) == set(groups)
    assert max(turns.values()) <= 2
    assert all(len(turn(groups, today, most)) == min(most, readers) for _ in days)


def test_a_harvest_makes_no_more_requests_than_it_may() -> None:
    web = FakeWeb({ASKED: answer(row())})
    liked = tuple((f"2601.{n:05}",) for n in range(9))

    found = read(web, *liked, of=source(requests=3))

    assert len(web.posted) == len(found) == 3


# ---------------------------------------------------------------- what goes wrong


def test_a_key_helps_nobody_where_no_server_answers() -> None:
    web = FakeWeb({ASKED: FetchError("no answer in time", where=ASKED)})

    (told_of,) = read(web, ("2601.00001",), ("2601.00002",))

    assert isinstance(told_of, FetchError)
    assert (told_of.what, told_of.fix) == ("no answer in time", "")


@pytest.mark.parametrize(
    "problem",
    [
        BusyError("the server answered 429 Too Many Requests", where=ASKED, until=NOW),
        RefusedError("the server answered 403 Forbidden", where=ASKED, status=403),
    ],
)
def test_without_a_key_a_busy_server_is_asked_no_more_and_a_key_is_advised(problem: FetchError) -> None:
    web = FakeWeb({ASKED: problem})

    (told_of,) = read(web, ("2601.00001",), ("2601.00002",))

    assert isinstance(told_of, type(problem))
    assert (told_of.what, told_of.where) == (problem.what, ASKED)
    assert getattr(told_of, "until", None) == getattr(problem, "until", None)
    assert "DIGEST_SEMANTICSCHOLAR_KEY" in told_of.fix
    assert len(web.posted) == 1


def test_a_key_that_is_refused_is_to_be_looked_at() -> None:
    web = FakeWeb({ASKED: RefusedError("the server answered 401", where=ASKED, status=401)})

    (problem,) = read(web, ("2601.00001",), of=source(environment={"DIGEST_SEMANTICSCHOLAR_KEY": KEY}))

    assert isinstance(problem, FetchError)
    assert "is valid" in problem.fix


@dataclass
class PickyWeb(FakeWeb):
    """Refuses a request that names one of these papers, as a server does that knows too few."""

    unknown: tuple[str, ...] = ()

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str] = NO_HEADERS, *, form: Form = Form.ANY
    ) -> bytes:
        self.posted.append((url, body, headers))
        asked = json.loads(body)
        if url == BATCH:
            return json.dumps(
                [None if one in self.unknown else {"paperId": SHA} for one in asked["ids"]]
            ).encode()
        if set(asked["positivePaperIds"]) & set(self.unknown):
            raise MissingError("the server answered 404 Not Found", where=url)
        return answer(row())


def test_a_paper_that_it_does_not_know_yet_spoils_nothing() -> None:
    web = PickyWeb({}, unknown=("ARXIV:2603.09999",))

    found = read(web, ("2601.00001", "2603.09999"))

    assert len(entries_of(found)) == len(found) == 1
    assert [next(iter(body.values())) for body in told(web)] == [
        ["ARXIV:2601.00001", "ARXIV:2603.09999"],
        ["ARXIV:2601.00001", "ARXIV:2603.09999"],
        ["ARXIV:2601.00001"],
    ]


def test_a_reader_whose_papers_are_all_unknown_stops_no_other() -> None:
    web = PickyWeb({}, unknown=("ARXIV:2603.09999",))

    found = read(web, ("2603.09999",), ("2601.00001",))

    assert len(entries_of(found)) == 1
    assert [type(one) for one in found if isinstance(one, DigestError)] == [MissingError]


def test_asking_what_is_known_counts_as_a_request() -> None:
    web = PickyWeb({}, unknown=("ARXIV:2603.09999",))
    liked = tuple((f"2601.{n:05}", "2603.09999") for n in range(4))

    found = read(web, *liked, of=source(requests=4))

    assert len(web.posted) == 4
    assert len(entries_of(found)) == 1
    assert [type(one) for one in found if isinstance(one, DigestError)] == [MissingError]


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'{"recommendedPapers": {}}',
        b'{"message": "Too Many Requests", "code": "429"}',
        b'{"error": "No positive paper examples given"}',
        b'{"recommendedPapers": [null, 7, "x", {}]}',
    ],
)
def test_an_answer_that_is_none_is_an_alarm_and_the_next_reader_is_asked_for(body: bytes) -> None:
    web = FakeWeb({ASKED: body})

    found = read(web, ("2601.00001",), ("2601.00002",))

    assert [type(one) for one in found] == [InputError, InputError]


def test_nothing_recommended_is_a_quiet_list() -> None:
    (listing,) = read(FakeWeb({ASKED: answer()}), ("2601.00001",))

    assert isinstance(listing, Listing)
    assert listing.quiet


# ---------------------------------------------------------------- the key


def test_the_key_goes_along_from_the_environment_or_else_a_private_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    file.chmod(0o600)
    web = FakeWeb({ASKED: answer(row())})

    read(web, ("2601.00001",), of=source(environment={"DIGEST_SEMANTICSCHOLAR_KEY": f" {KEY}\n"}))
    read(web, ("2601.00001",), of=source(tmp_path, key_file="key"))
    read(web, ("2601.00001",))

    assert [headers.get("x-api-key") for _, _, headers in web.posted] == [KEY, KEY, None]


def test_a_key_file_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY)
    file.chmod(0o644)
    web = FakeWeb({})

    (problem,) = read(web, ("2601.00001",), of=source(tmp_path, key_file="key"))

    assert isinstance(problem, ConfigurationError)
    assert "the key file can be read by other users" in str(problem)
    assert "chmod 600" in str(problem)
    assert KEY not in str(problem)
    assert web.posted == []


def test_a_key_never_goes_unencrypted_to_another_machine() -> None:
    environment = {"DIGEST_SEMANTICSCHOLAR_KEY": KEY}
    web = FakeWeb({})

    (problem,) = read(
        web, ("2601.00001",), of=source(environment=environment, base_url="http://scholar.example.org")
    )

    assert isinstance(problem, ConfigurationError)
    assert "unencrypted to scholar.example.org" in str(problem)
    assert web.posted == []


def test_no_error_and_no_repr_shows_the_key() -> None:
    unkind = FetchError(f"the server answered 500 {KEY}", where=f"{ASKED}#{KEY}", fix=f"Ask {KEY}")
    guarded = source(environment={"DIGEST_SEMANTICSCHOLAR_KEY": KEY})

    (problem,) = read(FakeWeb({ASKED: unkind}), ("2601.00001",), of=guarded)

    assert isinstance(problem, FetchError)
    assert "***" in problem.what
    shown = [str(problem), repr(problem), repr(problem.__context__), repr(guarded), repr(vars(guarded))]
    assert KEY not in " ".join(shown)


@pytest.mark.parametrize("table", [{"limit": 0}, {"limit": 501}, {"requests": 0}, {"key": KEY}])
def test_what_cannot_be_asked_for_is_refused_in_the_configuration(table: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        source(**table)


# ---------------------------------------------------------------- what is recommended


@pytest.mark.parametrize(
    ("ids", "identifier", "aliases"),
    [
        ({"ArXiv": "2603.00001v2", "DOI": "10.1/x"}, "2603.00001", (f"s2:{SHA}",)),
        ({"ArXiv": "2603.00001", "DOI": "10.1234/X"}, "2603.00001", ("10.1234/x", f"s2:{SHA}")),
        ({"DOI": "10.48550/ARXIV.2603.00001"}, "2603.00001", (f"s2:{SHA}",)),
        ({"ArXiv": 2603.1, "DOI": ["x"]}, f"s2:{SHA}", ()),
        ({"ArXiv": "x" * 500}, f"s2:{SHA}", ()),
        (None, f"s2:{SHA}", ()),
        ("DOI", f"s2:{SHA}", ()),
    ],
)
def test_the_best_id_is_a_paper_s_identity_and_the_others_its_aliases(
    ids: Any, identifier: str, aliases: tuple[str, ...]
) -> None:
    entry = read_row(row(paperId=SHA, externalIds=ids), at=NOW).entry

    assert entry is not None
    assert (entry.paper.id, entry.paper.aliases) == (identifier, aliases)


@pytest.mark.parametrize(
    "unreadable",
    [None, [], {"paperId": SHA}, row(title=None), row(title=7), row(paperId="../x", externalIds=None)],
)
def test_what_is_no_paper_is_left_out_and_said_so(unreadable: Any) -> None:
    listing = parse_recommended(answer(row(7), unreadable), at=NOW)

    assert [entry.paper.id for entry in listing.entries] == ["2603.00007"]
    assert len(listing.warnings) == 1
    assert listing.warnings[0].startswith("entry 2: ")


@pytest.mark.parametrize(
    "field",
    [{"abstract": 7}, {"publicationDate": "soon"}, {"authors": "A. Example"}, {"url": "javascript:x"}],
)
def test_a_field_of_a_wrong_type_is_not_known_and_said_so(field: dict[str, Any]) -> None:
    listing = parse_recommended(answer(row(**field)), at=NOW)

    assert len(listing.entries) == 1
    assert next(iter(field)) in listing.warnings[0]


def test_a_paper_named_twice_is_listed_once_in_its_first_place() -> None:
    listing = parse_recommended(answer(row(1), row(2), row(1, title="Again")), at=NOW)

    assert [entry.paper.title for entry in listing.entries] == ["Kettle Number 1", "Kettle Number 2"]


def test_a_recommended_paper_stands_on_no_day_s_list() -> None:
    listing = parse_recommended(answer(row()), at=NOW)

    assert (listing.day, listing.entries[0].observation.listed_on) == (None, None)


# ---------------------------------------------------------------- one paper


@pytest.mark.parametrize(
    ("identifier", "named"),
    [("2603.00001", "ARXIV:2603.00001"), ("10.1234/a(b)", "DOI:10.1234/a%28b%29"), (f"s2:{SHA}", SHA)],
)
def test_one_paper_is_asked_for_in_its_words(identifier: str, named: str) -> None:
    web = FakeWeb({f"{API}/graph/v1/paper/{named}?{FIELDS}": json.dumps(row()).encode()})

    entry = source().read_paper(web, identifier, at=NOW)

    assert entry is not None
    assert entry.paper.title == "Kettle Number 1"


def test_what_has_no_id_there_is_not_even_asked_for() -> None:
    web = FakeWeb({})

    assert source().read_paper(web, "openreview:abc", at=NOW) is None
    assert web.asked == []


# ---------------------------------------------------------------- whatever comes


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)
_FULL = row(abstract="Tea.", publicationDate="2026-03-09", authors=[{"name": "A"}], url="https://x.example/")
_ROWS = st.fixed_dictionaries({}, optional={key: _JSON | st.just(value) for key, value in _FULL.items()})


@pytest.mark.slow
@given(st.lists(_ROWS | _JSON, max_size=4))
def test_any_paper_is_a_clean_entry_or_said_to_be_none(rows: list[Any]) -> None:
    for entry in entries_of(read(FakeWeb({ASKED: answer(*rows)}), ("2601.00001",))):
        assert_clean(entry)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_alarm_or_a_list(data: bytes) -> None:
    (one,) = read(FakeWeb({ASKED: data}), ("2601.00001",))

    assert isinstance(one, (Listing, InputError))


# ---------------------------------------------------------------- real answers


@pytest.mark.skipif(not SAMPLES.exists(), reason="no saved answers beside this checkout")
def test_every_paper_of_a_saved_answer_is_read() -> None:
    data = (SAMPLES / "test_get_recommended_papers_from_lists.body.json").read_bytes()

    listing = parse_recommended(data, at=NOW)

    rows = json.loads(data)["recommendedPapers"]
    assert listing.warnings == ()
    assert [(entry.paper.id, entry.paper.title) for entry in listing.entries] == [
        (f"s2:{one['paperId']}", " ".join(one["title"].split())) for one in rows
    ]


@pytest.mark.skipif(not SAMPLES.exists(), reason="no saved answers beside this checkout")
def test_every_field_of_a_saved_answer_is_read() -> None:
    rows = json.loads((SAMPLES / "sotawhat__search_transformer.json").read_bytes())["data"]

    listing = parse_recommended(answer(*rows), at=NOW)

    assert listing.warnings == ()
    assert [entry.paper.id for entry in listing.entries] == [one["externalIds"]["ArXiv"] for one in rows]
    for entry, one in zip(listing.entries, rows, strict=True):
        assert entry.paper.authors == tuple(author["name"] for author in one["authors"])
        dois = [alias for alias in entry.paper.aliases if alias.startswith("10.")]
        assert dois == [doi.lower() for doi in [one["externalIds"].get("DOI")] if doi]
        assert_clean(entry)
