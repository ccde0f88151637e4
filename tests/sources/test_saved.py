"""Saved pages by file, folder and pattern."""

import os
from datetime import date
from pathlib import Path

from digest.config import HuggingFaceTable, ListingTable
from digest.errors import DigestError
from digest.model import Listing
from digest.sources.registry import open_sources
from digest.sources.saved import SavedPages, page_paths, read_page
from tests.desk import PAGE
from tests.makers import NOW, TODAY


def nothing(_url: str) -> bytes:
    raise AssertionError("saved pages are not fetched")


def results(folder: Path, *patterns: str) -> list[Listing | DigestError]:
    return list(SavedPages(patterns=patterns, folder=folder).read(nothing, today=TODAY, at=NOW))


def test_a_folder_is_its_pages_in_order_of_name(tmp_path: Path) -> None:
    for name in ("b.txt", "a.JSON", "notes.pdf", "c"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    (tmp_path / "inner").mkdir()

    assert [path.name for path in page_paths(".", tmp_path)] == ["a.JSON", "b.txt", "c"]
    assert [path.name for path in page_paths("*.pdf", tmp_path)] == ["notes.pdf"]
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
    saved = 1_710_244_800  # 12 March 2024, noon UTC
    os.utime(page, (saved, saved))

    by_file, told = read_page(page, at=NOW), read_page(page, at=NOW, saved_on=date(2025, 3, 11))

    assert isinstance(by_file, Listing)
    assert isinstance(told, Listing)
    assert (by_file.day, told.day) == (date(2024, 3, 11), date(2025, 3, 11))


def test_sources_of_one_kind_are_told_apart(tmp_path: Path) -> None:
    tables = [ListingTable(kind="listing", pages=("a",)), ListingTable(kind="listing", pages=("b",))]
    sites = [HuggingFaceTable(kind="huggingface"), HuggingFaceTable(kind="huggingface", trending=True)]

    names = [source.name for source in open_sources([*tables, *sites], tmp_path)]

    assert names == ["listing", "listing 2", "huggingface", "huggingface trending"]
