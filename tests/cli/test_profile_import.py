"""`digest profile import`: a Zotero library becomes one of the reader's files."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from digest.config import load_profile
from digest.errors import FetchError
from digest.fetch.client import Client, Limits
from digest.library.entries import Library
from digest.library.files import load_library
from digest.library.zotero import place, sync
from tests.desk import ADA, Desk
from tests.web import answer
from tests.zotero import Zotero, item

KEY = "abcDEF123456"
FILE = "ada-zotero-users-12345.json"


@pytest.fixture
def zotero() -> Iterator[Zotero]:
    running = Zotero(key=KEY)
    yield running
    running.close()


@pytest.fixture
def reader(desk: Desk, zotero: Zotero) -> Desk:
    """Ada's folder, with a key and no time between requests."""
    desk.environment |= {"DIGEST_ZOTERO_KEY": KEY, "DIGEST_ZOTERO_URL": zotero.url}
    config = desk.folder / "config.toml"
    config.write_text(config.read_text(encoding="utf-8") + "\n[fetch]\nspacing_s = 0\n", encoding="utf-8")
    return desk


def imported(desk: Desk, *more: str) -> Result:
    return desk.run("profile", "import", "ada", "--zotero", "users/12345", *more)


def held(desk: Desk, name: str = FILE) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((desk.folder / "profiles" / name).read_text(encoding="utf-8"))
    return read


def keys(desk: Desk, name: str = FILE) -> list[str]:
    return [one["key"] for one in held(desk, name)["items"]]


def test_a_library_becomes_a_file_that_the_profile_names(reader: Desk, zotero: Zotero) -> None:
    zotero.put(
        item("AAAA2222", "Learning to Wait", DOI="10.1000/ABC", abstractNote="We <i>wait</i>.",
             creators=[{"creatorType": "author", "firstName": "Ada", "lastName": "Lovelace"},
                       {"creatorType": "editor", "name": "Nobody"}]),
        item("BBBB2222", itemType="preprint", archiveID="arXiv:2104.14294"),
    )  # fmt: skip

    result = imported(reader)

    assert "users/12345: 2 papers (2 new)" in result.stdout
    profile, problems = load_profile(reader.folder / "profiles" / "ada.toml")
    assert profile
    assert problems == ()
    (path,) = profile.liked_files
    library = load_library(path)
    assert isinstance(library, Library)
    assert library.ids == ("10.1000/abc", "2104.14294")
    paper = library.papers["10.1000/abc"]
    assert (paper.title, paper.abstract, paper.authors) == ("Learning to Wait", "We wait.", ("Ada Lovelace",))


def test_the_profiles_comments_and_mode_stay_and_its_file_is_named_once(reader: Desk, zotero: Zotero) -> None:
    zotero.put(item("AAAA2222"))
    path = reader.write(
        "profiles/ada.toml", ADA + "\n[liked] # mine\nfiles = [\n  'a.bib', # old\n]\n# the end\n"
    )
    path.chmod(0o640)
    reader.write("profiles/a.bib", "@misc{a, title = {To Wait}}")

    imported(reader)
    first = path.read_text(encoding="utf-8")
    imported(reader, "--full")

    assert path.read_text(encoding="utf-8") == first
    assert "[liked] # mine" in first
    assert "'a.bib', # old" in first
    assert "# the end" in first
    assert first.count(FILE) == 1
    assert path.stat().st_mode & 0o777 == 0o640
    assert not list((reader.folder / "profiles").glob(".*"))


def test_a_second_import_transfers_only_what_changed(reader: Desk, zotero: Zotero) -> None:
    zotero.put(*(item(f"AAAA2{n:03d}") for n in range(250)))
    imported(reader)
    zotero.sent.clear()
    zotero.put(item("AAAA2007", "Waiting, Revised"), item("ZZZZ2222"))
    zotero.delete("AAAA2008")

    result = imported(reader)

    assert "250 papers (1 new, 1 changed, 1 gone)" in result.stdout
    assert sorted(zotero.sent) == ["AAAA2007", "ZZZZ2222"]
    assert len(keys(reader)) == 250
    assert "AAAA2008" not in keys(reader)
    assert "Waiting, Revised" in [one["title"] for one in held(reader)["items"]]


def test_an_unchanged_library_is_asked_once_and_answers_nothing(reader: Desk, zotero: Zotero) -> None:
    zotero.put(item("AAAA2222"))
    imported(reader)
    zotero.asked.clear()

    result = imported(reader)

    assert "1 papers (nothing changed)" in result.stdout
    assert len(zotero.asked) == 1


def test_an_item_that_leaves_the_collection_leaves_the_file(reader: Desk, zotero: Zotero) -> None:
    zotero.put(item("AAAA2222"), item("BBBB2222"), item("CCCC2222"))
    zotero.collections["COLL2222"] = {"AAAA2222", "BBBB2222"}
    name = "ada-zotero-users-12345-COLL2222.json"

    imported(reader, "--collection", "COLL2222")
    before = keys(reader, name)
    zotero.collections["COLL2222"].remove("BBBB2222")
    zotero.put(item("BBBB2222"))
    imported(reader, "--collection", "COLL2222")

    assert set(before) == {"AAAA2222", "BBBB2222"}
    assert keys(reader, name) == ["AAAA2222"]


def test_attachments_notes_and_web_pages_without_a_paper_stay_where_they_are(
    reader: Desk, zotero: Zotero
) -> None:
    zotero.put(
        item("AAAA2222", itemType="attachment"),
        item("BBBB2222", itemType="note"),
        item("CCCC2222", itemType="webpage", url="https://example.org/"),
        item("DDDD2222", itemType="webpage", url="https://arxiv.org/abs/2104.14294"),
        item("EEEE2222", itemType="thesis"),
    )

    imported(reader)

    assert set(keys(reader)) == {"DDDD2222", "EEEE2222"}


def test_a_paper_that_became_a_note_leaves(reader: Desk, zotero: Zotero) -> None:
    zotero.put(item("AAAA2222"), item("BBBB2222"))
    imported(reader)
    zotero.put(item("AAAA2222", itemType="note"))

    assert "1 papers (1 gone)" in imported(reader).stdout


def test_full_reads_everything_again(reader: Desk, zotero: Zotero) -> None:
    zotero.put(item("AAAA2222"), item("BBBB2222"))
    imported(reader)
    zotero.sent.clear()

    imported(reader, "--full")

    assert zotero.sent == ["AAAA2222", "BBBB2222"]


def test_a_file_that_was_damaged_is_written_anew(reader: Desk, zotero: Zotero) -> None:
    zotero.put(item("AAAA2222"))
    imported(reader)
    reader.write(f"profiles/{FILE}", '{"zotero": "users/12345", "items": [')

    assert "1 papers (1 new)" in imported(reader).stdout


def test_a_library_that_changes_while_it_is_read_is_read_again(reader: Desk, zotero: Zotero) -> None:
    zotero.put(*(item(f"AAAA2{n:03d}") for n in range(150)))
    zotero.changing = 2

    result = imported(reader)

    assert "150 papers" in result.stdout
    assert held(reader)["version"] == zotero.version


def test_a_library_that_never_stands_still_is_said_and_nothing_is_written(
    reader: Desk, zotero: Zotero
) -> None:
    zotero.put(*(item(f"AAAA2{n:03d}") for n in range(150)))
    zotero.changing = 1_000

    result = imported(reader)

    assert result.exit_code == 4
    assert "changed each time while it was read" in result.stderr
    assert not (reader.folder / "profiles" / FILE).exists()
    assert (reader.folder / "profiles" / "ada.toml").read_text(encoding="utf-8") == ADA


def test_a_wrong_key_is_said_with_what_to_do_and_never_shown(reader: Desk, zotero: Zotero) -> None:
    reader.environment["DIGEST_ZOTERO_KEY"] = "wrongWRONG99"

    result = imported(reader)

    assert result.exit_code == 4
    assert "the key may not read this library" in result.stderr
    assert "DIGEST_ZOTERO_KEY" in result.stderr
    assert "wrongWRONG99" not in result.output


@pytest.mark.parametrize("key", ["wrong\nWRONG99", "schlüsselWRONG99", "x" * 500 + "WRONG99"])
def test_a_key_that_is_none_is_neither_sent_nor_shown(reader: Desk, zotero: Zotero, key: str) -> None:
    reader.environment["DIGEST_ZOTERO_KEY"] = key

    result = imported(reader)

    assert result.exit_code == 4
    assert "does not look like a key" in result.stderr
    assert "WRONG99" not in result.output
    assert zotero.asked == []


def test_an_open_library_needs_no_key(reader: Desk, zotero: Zotero) -> None:
    zotero.key = None
    zotero.library = "groups/678"
    zotero.put(item("AAAA2222"))
    del reader.environment["DIGEST_ZOTERO_KEY"]

    result = reader.run(
        "profile", "import", "ada", "--zotero", "https://www.zotero.org/groups/678/waiting_rooms"
    )

    assert "groups/678: 1 papers" in result.stdout


def test_a_closed_library_without_a_key_says_how_to_get_one(reader: Desk) -> None:
    del reader.environment["DIGEST_ZOTERO_KEY"]

    result = imported(reader)

    assert "not open to everybody" in result.stderr
    assert "https://www.zotero.org/settings/keys" in result.stderr


def test_the_key_never_goes_over_plain_http_to_another_machine(reader: Desk) -> None:
    result = imported(reader, "--server", "http://zotero.example.org")

    assert result.exit_code == 4
    assert "without encryption" in result.stderr


def test_a_redirect_to_another_host_does_not_take_the_key_along(reader: Desk, zotero: Zotero) -> None:
    thief = Zotero()
    for path in (f"/users/12345/items/top?{query}" for query in (PAGE_QUERY,)):
        zotero.answers[path] = [answer(status=302, Location=f"{thief.url}/users/12345/items/top")]

    result = imported(reader)

    thief.close()
    assert "refused to follow a redirect to another host" in result.stderr
    assert thief.asked == []


PAGE_QUERY = "format=json&include=data&sort=dateAdded&direction=asc&limit=100&start=0"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"<html>", "not valid JSON"),
        (b"{}", "a list of items was expected"),
        (b"[" * 90_000, "not valid JSON"),
    ],
)
def test_an_answer_that_is_none_is_said(reader: Desk, zotero: Zotero, body: bytes, told: str) -> None:
    zotero.answers[f"/users/12345/items/top?{PAGE_QUERY}"] = [answer(body, Last_Modified_Version="7")]

    result = imported(reader)

    assert result.exit_code == 4
    assert told in result.stderr


def test_a_page_that_is_not_the_api_is_said(reader: Desk, zotero: Zotero) -> None:
    zotero.answers[f"/users/12345/items/top?{PAGE_QUERY}"] = [answer(b"[]")]

    assert "this is not Zotero's API" in imported(reader).stderr


@pytest.mark.parametrize("status", [400, 403, 413, 505])
def test_a_server_that_answers_with_the_key_does_not_get_it_into_the_error(
    reader: Desk, zotero: Zotero, status: int
) -> None:
    def unkind(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status, f"no luck with {KEY}")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    zotero.answers[f"/users/12345/items/top?{PAGE_QUERY}"] = [unkind]

    result = imported(reader)

    assert f"{status} no luck with ***" in result.stderr
    assert KEY not in result.stderr


def test_items_of_any_wrong_type_cost_only_themselves(reader: Desk, zotero: Zotero) -> None:
    rows: list[Any] = [
        7, None, {"key": 5, "data": {}}, {"key": "../../etc", "data": {}}, {"key": "AAAA2222"},
        {"key": "BBBB2222", "data": {"itemType": "book", "title": ["x"], "creators": [1, {"creatorType": "author"}],
                                     "dateAdded": 9, "DOI": {}}},
        {"key": "CCCC2222", "data": {"itemType": ["book"], "url": "https://arxiv.org/abs/2104.14294"}},
    ]  # fmt: skip
    zotero.answers[f"/users/12345/items/top?{PAGE_QUERY}"] = [
        answer(json.dumps(rows).encode(), Last_Modified_Version="7", Total_Results=str(len(rows)))
    ]

    result = imported(reader)

    assert result.exit_code == 0, result.output
    assert keys(reader) == ["BBBB2222", "CCCC2222"]


def test_a_server_that_asks_for_a_pause_gets_one(desk: Desk, zotero: Zotero) -> None:
    slept: list[float] = []
    zotero.put(*(item(f"AAAA2{n:03d}") for n in range(150)))
    zotero.headers["Backoff"] = "9"
    where = place("users/12345", None, zotero.url, KEY)

    with Client(limits=Limits(spacing_s=0), trusted_hosts=frozenset({"127.0.0.1"})) as client:
        seen: list[tuple[int, int]] = []
        sync(None, where, client.ask, sleep=slept.append, progress=lambda done, of: seen.append((done, of)))

    assert slept == [9.0]
    assert seen == [(100, 150), (150, 150)]


def test_the_pauses_that_a_server_asks_for_come_to_an_end(zotero: Zotero) -> None:
    slept: list[float] = []
    zotero.put(*(item(f"AAAA2{n:03d}") for n in range(450)))
    zotero.headers["Backoff"] = "999999"
    where = place("users/12345", None, zotero.url, KEY)

    with (
        Client(limits=Limits(spacing_s=0), trusted_hosts=frozenset({"127.0.0.1"})) as client,
        pytest.raises(FetchError, match=r"left alone for more than 600 s.*Try again later"),
    ):
        sync(None, where, client.ask, sleep=slept.append, progress=lambda done, of: None)

    assert slept == [300.0, 300.0]
    assert len(zotero.asked) == 3


@pytest.mark.parametrize(
    "library", ["12345", "users/", "users/../groups/1", "users/ada", "https://evil.example/users/1"]
)
def test_what_is_no_library_is_said(reader: Desk, library: str) -> None:
    result = reader.run("profile", "import", "ada", "--zotero", library)

    assert result.exit_code == 4
    assert "is no Zotero library" in result.stderr


def test_a_library_that_is_not_there_is_said(reader: Desk) -> None:
    result = imported(reader, "--collection", "COLL2222")

    assert result.exit_code == 4
    assert "no such library or collection" in result.stderr


def test_the_papers_teach_the_next_edition(reader: Desk, zotero: Zotero) -> None:
    zotero.put(item("AAAA2222", "Cooking Rice by Robot", abstractNote="A robot cooks rice after many fires."))
    imported(reader)
    reader.run("fetch")

    result = reader.run("explain", "Cooking Rice", "ada")

    assert "Cooking Rice by Robot" in result.stdout


def test_a_profile_file_can_be_named_without_a_configuration(empty: Desk, zotero: Zotero) -> None:
    zotero.put(item("AAAA2222"))
    path: Path = empty.write("ada.toml", ADA)
    empty.environment |= {"DIGEST_ZOTERO_KEY": KEY, "DIGEST_ZOTERO_URL": zotero.url}

    result = empty.run("profile", "import", str(path), "--zotero", "users/12345")

    assert result.exit_code == 0, result.output
    assert (empty.folder / FILE).stat().st_mode & 0o077 == 0
