"""What every source has to keep to; a new one inherits these tests and brings a folder of pages.

`tests/sources/fixtures/<folder>/pages.json` maps addresses to files beside it: what a server would answer.
`expected.json` has what must be read of them, one object an entry, in order, with the fields it is about.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, ClassVar

import pytest

from digest.errors import DigestError, FetchError, InputError, MissingError
from digest.fetch.web import NO_HEADERS, Form
from digest.links import paper_id, safe_link
from digest.model import Entry, Listing
from digest.sources.protocol import Place, Source, Wanted, rhythm_of
from digest.sources.registry import open_sources, table_of
from digest.text import MAX_ABSTRACT, MAX_NAME, MAX_TITLE, clean
from tests.makers import NOW, TODAY

FIXTURES = Path(__file__).parent / "fixtures"
Found = list[Listing | DigestError]
MOST_REQUESTS = 60
"""Of one harvest."""


@dataclass
class FakeWeb:
    """Answers from memory, remembers what it was asked; an address it does not know is missing (404)."""

    answers: Mapping[str, bytes | DigestError]
    asked: list[str] = field(default_factory=list)
    posted: list[tuple[str, bytes, Mapping[str, str]]] = field(default_factory=list)
    change: Callable[[bytes], bytes] = lambda data: data
    """Done to every page."""

    def get(
        self,
        url: str,
        *,
        form: Form = Form.ANY,
        headers: Mapping[str, str] = NO_HEADERS,
        good_for_s: float = 0,
    ) -> bytes:
        self.asked.append(url)
        return self._answer(url)

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str] = NO_HEADERS, *, form: Form = Form.ANY
    ) -> bytes:
        self.posted.append((url, body, headers))
        return self._answer(url)

    def _answer(self, url: str) -> bytes:
        found = self.answers.get(url, MissingError("the server answered 404 Not Found", where=url))
        if isinstance(found, DigestError):
            raise found
        return self.change(found)


@dataclass
class Parrot(FakeWeb):
    """Answers any address by the page whose address is most like it."""

    def _answer(self, url: str) -> bytes:
        nearest = max(self.answers, key=lambda known: SequenceMatcher(a=known, b=url).ratio())
        return super()._answer(nearest)


def opened(folder: Path, environment: Mapping[str, str] = {}, /, **table: Any) -> Source:
    """The source of a `[[sources]]` table."""
    (source,) = open_sources(
        [table_of(table["kind"]).model_validate(table)], Place(folder=folder, environment=environment)
    )
    return source


def pages_of(folder: str) -> dict[str, bytes]:
    """The addresses of a folder of fixtures, and what is answered there."""
    place = FIXTURES / folder
    named = json.loads((place / "pages.json").read_bytes())
    return {url: (place / name).read_bytes() for url, name in named.items()}


def entries_of(found: Found) -> list[Entry]:
    """Of all the lists, in order."""
    return [entry for one in found if isinstance(one, Listing) for entry in one.entries]


def facts(entry: Entry, keys: Mapping[str, Any]) -> dict[str, Any]:
    """Those of an entry's fields that are asked for, as JSON has them."""
    return {
        key: _plain(getattr(entry.observation if hasattr(entry.observation, key) else entry.paper, key))
        for key in keys
    }


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


class SourceContract:
    """Inherit it, set `table` and `folder`, and override what differs."""

    table: ClassVar[dict[str, Any]]
    """As in `config.toml`, `kind` included."""
    folder: ClassVar[str]
    """Of its fixtures."""
    environment: ClassVar[dict[str, str]] = {}
    wanted: ClassVar[Wanted] = Wanted(today=TODAY, at=NOW)

    def web(self) -> FakeWeb:
        """The server of the fixtures."""
        return FakeWeb(pages_of(self.folder))

    def source(self, tmp_path: Path) -> Source:
        """A fresh one."""
        return opened(tmp_path, self.environment, **self.table)

    def read(self, tmp_path: Path, web: FakeWeb) -> Found:
        """All that it gives."""
        return list(self.source(tmp_path).read(web, self.wanted))

    # ------------------------------------------------------------ what it reads

    def test_it_reads_what_its_pages_hold(self, tmp_path: Path) -> None:
        expected = json.loads((FIXTURES / self.folder / "expected.json").read_bytes())

        entries = entries_of(self.read(tmp_path, self.web()))

        assert [facts(entry, row) for entry, row in zip(entries, expected, strict=True)] == expected

    def test_reading_twice_gives_the_same(self, tmp_path: Path) -> None:
        assert self.read(tmp_path, self.web()) == self.read(tmp_path, self.web())

    def test_nothing_goes_wrong_with_good_pages(self, tmp_path: Path) -> None:
        found = self.read(tmp_path, self.web())

        assert found
        assert [one for one in found if isinstance(one, DigestError)] == []
        assert [one.warnings for one in found if isinstance(one, Listing) and one.warnings] == []

    def test_every_entry_is_clean(self, tmp_path: Path) -> None:
        for entry in entries_of(self.read(tmp_path, self.web())):
            assert_clean(entry)

    # ------------------------------------------------------------ how much it asks for, and for which days

    def test_it_asks_for_a_bounded_number_of_pages(self, tmp_path: Path) -> None:
        web = self.web()

        self.read(tmp_path, web)

        assert len(web.asked) + len(web.posted) <= MOST_REQUESTS

    def test_a_server_that_repeats_its_pages_without_end_is_left(self, tmp_path: Path) -> None:
        web = Parrot(pages_of(self.folder))

        self.read(tmp_path, web)

        assert len(web.asked) + len(web.posted) <= MOST_REQUESTS

    def test_after_a_week_s_absence_the_first_list_that_was_missed_is_read_or_named(
        self, tmp_path: Path
    ) -> None:
        web, away = self.web(), replace(self.wanted, since=NOW - timedelta(days=7))

        found = list(self.source(tmp_path).read(web, away))

        assert len(web.asked) <= MOST_REQUESTS
        days = {listing.day for listing in listings_of(found) if listing.day}
        if not days:
            return  # its lists are of no day: what is missed stands on the next
        told = " ".join(str(one) for one in found if isinstance(one, DigestError))
        named = set(map(date.fromisoformat, re.findall(r"\d{4}-\d\d-\d\d", told)))
        assert min(days | named) <= away.today - timedelta(days=6)

    def test_its_rhythm_is_that_of_a_list_that_grows_if_it_does(self, tmp_path: Path) -> None:
        source = self.source(tmp_path)

        rhythm = rhythm_of(source)

        assert source.grows == (rhythm.grows_on is not None)
        assert timedelta(minutes=1) <= rhythm.least <= rhythm.fresh
        assert rhythm.least <= rhythm.pace <= timedelta(days=1)

    # ------------------------------------------------------------ what it cannot read

    def test_a_server_that_is_down_is_a_value_and_no_list(self, tmp_path: Path) -> None:
        down = {url: FetchError("no answer in time", where=url) for url in pages_of(self.folder)}

        found = self.read(tmp_path, FakeWeb(down))

        assert found
        assert all(isinstance(one, FetchError) for one in found)

    def test_pages_of_another_form_are_values_and_no_list(self, tmp_path: Path) -> None:
        strange = {url: InputError("a login page", where=url) for url in pages_of(self.folder)}

        found = self.read(tmp_path, FakeWeb(strange))

        assert found
        assert all(isinstance(one, DigestError) for one in found)

    @pytest.mark.parametrize(
        "body", [b"", b" \n", b"\x00" * 10, b"Rate exceeded.", b"<html></html>", b"{}", b"null"]
    )
    def test_an_answer_without_papers_is_an_alarm_and_never_an_empty_list(
        self, body: bytes, tmp_path: Path
    ) -> None:
        web = self.web()
        web.change = lambda _: body

        found = self.read(tmp_path, web)

        assert found
        assert not entries_of(found)
        for one in found:
            assert isinstance(one, DigestError) or one.quiet, one
        assert any(isinstance(one, InputError) and one.where and one.what for one in found)

    @pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.999])
    def test_a_page_that_was_cut_off_is_told(self, part: float, tmp_path: Path) -> None:
        web = self.web()
        web.change = lambda data: data.rstrip()[: int(len(data.rstrip()) * part)]

        found = self.read(tmp_path, web)

        assert any(isinstance(one, DigestError) or one.warnings for one in found)

    def test_a_paper_it_does_not_know_is_none(self, tmp_path: Path) -> None:
        source = self.source(tmp_path)
        try:
            found = source.read_paper(FakeWeb({}), "2699.99999", at=NOW)
        except MissingError:
            return  # told by the server: means the same

        assert found is None


def assert_clean(entry: Entry) -> None:
    """Nothing of it can break a mail: bounded, on one line, with safe links and a canonical id."""
    paper, seen = entry.paper, entry.observation
    assert paper.title
    assert paper.title == clean(paper.title, MAX_TITLE)
    assert paper.abstract is None or (
        paper.abstract and paper.abstract == clean(paper.abstract, MAX_ABSTRACT)
    )
    assert paper.authors is None or (
        paper.authors and all(name == clean(name, MAX_NAME) for name in paper.authors)
    )
    assert all(word and word == clean(word, MAX_NAME) for word in paper.keywords)
    for link in (paper.url, paper.code_url, paper.project_url):
        assert link is None or safe_link(link) == link
    for identifier in (paper.id, *paper.aliases):
        assert identifier.isprintable()
        assert 0 < len(identifier) <= 400
        assert paper_id(identifier) in (None, identifier)
    assert seen.at == NOW
    assert all(count is None or 0 <= count <= 10**9 for count in (seen.upvotes, seen.comments, seen.stars))


def listings_of(found: Found) -> Iterator[Listing]:
    """The lists among what was found."""
    return (one for one in found if isinstance(one, Listing))
