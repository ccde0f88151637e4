"""Saved pages by file, folder and pattern."""

import json
import os
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from digest.errors import DigestError, InputError
from digest.model import Listing
from digest.sources import saved
from digest.sources.protocol import Place
from digest.sources.registry import open_sources, table_of
from digest.sources.saved import page_paths, read_page
from tests.desk import PAGE
from tests.makers import NOW
from tests.sources.contract import FakeWeb, Found, SourceContract, opened


class TestSavedPages(SourceContract):
    """Its pages are files, named as the fixtures' addresses, and nothing is asked for on the net."""

    table: ClassVar[dict[str, Any]] = {"kind": "listing", "pages": ["pages"]}
    folder = "saved"

    def read(self, tmp_path: Path, web: FakeWeb) -> Found:
        lay_out(tmp_path / "pages", {name: web.get(name) for name in web.answers})
        return list(self.source(tmp_path).read(FakeWeb({}), self.wanted))

    def test_a_server_that_is_down_is_a_value_and_no_list(self, tmp_path: Path) -> None:
        (found,) = self.source(tmp_path).read(FakeWeb({}), self.wanted)

        assert isinstance(found, InputError)
        assert found.where == str(tmp_path / "pages")

    test_pages_of_another_form_are_values_and_no_list = None  # type: ignore[assignment]  # nothing is got


def lay_out(folder: Path, pages: Mapping[str, bytes]) -> None:
    """The pages as files, saved today."""
    folder.mkdir(exist_ok=True)
    for name, data in pages.items():
        (folder / name).write_bytes(data)
        touch(folder / name, ago=timedelta(hours=1))


def touch(path: Path, *, ago: timedelta) -> None:
    """The file as if it had been written so long ago."""
    written = (NOW - ago).timestamp()
    os.utime(path, (written, written))


def results(folder: Path, *patterns: str) -> Found:
    source = opened(folder, kind="listing", pages=patterns)
    return list(source.read(FakeWeb({}), SourceContract.wanted))


def test_a_folder_is_its_pages_in_order_of_name(tmp_path: Path) -> None:
    for name in ("b.txt", "a.JSON", "notes.pdf", "c", "d.rss", ".hidden", ".#b.txt", "page.html.part"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    (tmp_path / "inner").mkdir()

    assert [path.name for path in page_paths(".", tmp_path)] == ["a.JSON", "b.txt", "c", "d.rss"]
    assert [path.name for path in page_paths("*.pdf", tmp_path)] == ["notes.pdf"]
    assert [path.name for path in page_paths(".hidden", tmp_path)] == [".hidden"]
    assert page_paths("nothing*", tmp_path) == []


def test_one_bad_page_costs_itself_only(tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("no page", encoding="utf-8")
    (tmp_path / "good.txt").write_text(PAGE, encoding="utf-8")

    bad, good, missing = results(tmp_path, ".", "gone.txt")

    assert isinstance(bad, DigestError)
    assert "bad.txt" in bad.where
    assert isinstance(good, Listing)
    assert len(good.entries) == 3
    assert isinstance(missing, DigestError)


def test_dates_without_a_year_count_from_the_day_of_the_file(tmp_path: Path) -> None:
    page = tmp_path / "page.txt"
    page.write_text(PAGE, encoding="utf-8")
    saved_at = 1_710_244_800  # 12 March 2024, noon UTC
    os.utime(page, (saved_at, saved_at))

    by_file, told = read_page(page, at=NOW), read_page(page, at=NOW, saved_on=date(2025, 3, 11))

    assert isinstance(by_file, Listing)
    assert isinstance(told, Listing)
    assert (by_file.day, told.day) == (date(2024, 3, 11), date(2025, 3, 11))


@pytest.mark.parametrize("ago", [timedelta(seconds=2), timedelta(seconds=-2)])
def test_a_page_that_is_still_being_written_is_said_to_be_and_read_the_next_time(
    ago: timedelta, tmp_path: Path
) -> None:
    whole = json.dumps([{"id": "2603.00001", "title": "Tin Robots Pour Tea"}])
    page = tmp_path / "page.json"
    page.write_text(whole[:30], encoding="utf-8")
    touch(page, ago=ago)

    (begun,) = results(tmp_path, ".")
    page.write_text(whole, encoding="utf-8")
    touch(page, ago=ago)
    (done,) = results(tmp_path, ".")

    assert isinstance(begun, Listing)
    assert (begun.entries, begun.quiet) == ((), "still being written")
    assert "page.json" in begun.warnings[0]
    assert isinstance(done, Listing)
    assert [entry.paper.title for entry in done.entries] == ["Tin Robots Pour Tea"]


def test_a_page_that_stays_broken_is_an_alarm(tmp_path: Path) -> None:
    page = tmp_path / "page.json"
    page.write_text("[{", encoding="utf-8")
    touch(page, ago=timedelta(minutes=1))

    (found,) = results(tmp_path, ".")

    assert isinstance(found, InputError)


def test_a_page_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "page.txt").symlink_to(tmp_path / "gone.txt")

    assert isinstance(read_page(tmp_path / "page.txt", at=NOW), InputError)


@pytest.mark.slow
def test_no_more_than_so_many_pages_are_read_and_that_is_told(tmp_path: Path) -> None:
    for number in range(saved.MAX_FILES + 2):
        (tmp_path / f"{number:05}.json").write_bytes(b"[]")

    *found, told = results(tmp_path, ".", ".")

    assert len(found) == saved.MAX_FILES
    assert isinstance(told, InputError)
    assert f"more than {saved.MAX_FILES} pages" in told.what


def test_sources_of_one_kind_are_told_apart(tmp_path: Path) -> None:
    listing, site = table_of("listing"), table_of("huggingface")
    tables = [
        *(listing.model_validate({"kind": "listing", "pages": [name]}) for name in "ab"),
        *(site.model_validate({"kind": "huggingface", "list": name}) for name in ("daily", "trending")),
    ]

    names = [source.name for source in open_sources(tables, Place(folder=tmp_path))]

    assert names == ["listing", "listing 2", "huggingface", "huggingface trending"]


def test_no_number_makes_a_name_that_another_source_has(tmp_path: Path) -> None:
    listing = table_of("listing")
    named: list[dict[str, str]] = [{}, {}, {"name": "listing 2"}, {}, {"name": "listing 2"}]
    tables = [listing.model_validate({"kind": "listing", "pages": ["a"]} | name) for name in named]

    names = [source.name for source in open_sources(tables, Place(folder=tmp_path))]

    assert names == ["listing", "listing 3", "listing 2", "listing 4", "listing 2 2"]
