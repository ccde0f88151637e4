"""Pages that nobody could read are kept for a person, and nothing else is touched."""

import stat
from datetime import timedelta
from pathlib import Path

import pytest

from digest.errors import DigestError, InputError
from digest.harvest import Page
from digest.kept_pages import MOST_HARVESTS, keep_pages
from tests.makers import NOW

PROBLEM = InputError("headings but no papers", where="https://kettle.example/list")


def page(number: int = 1) -> Page:
    return Page(url=f"https://kettle.example/{number}", data=b"<p>tea\xff</p>")


def keep(folder: Path, source: str = "Kettle Papers", *pages: Page, hours: float = 0) -> Path:
    kept = keep_pages(folder, source, pages or (page(),), [PROBLEM], NOW + timedelta(hours=hours))
    assert kept
    return kept


def test_a_page_is_kept_as_it_came_and_beside_it_what_was_wrong(tmp_path: Path) -> None:
    kept = keep(tmp_path / "kept")

    assert kept == tmp_path / "kept" / "kettle-papers-20260311T073000Z-1.page"
    assert kept.read_bytes() == b"<p>tea\xff</p>"
    told = kept.with_suffix(".txt").read_text(encoding="utf-8")
    assert told.splitlines() == ["Kettle Papers, 2026-03-11 07:30 UTC", page().url, str(PROBLEM)]


def test_it_is_for_its_owners_eyes_only(tmp_path: Path) -> None:
    kept = keep(tmp_path / "kept")

    modes = [stat.S_IMODE(path.stat().st_mode) for path in (kept, kept.with_suffix(".txt"), kept.parent)]
    assert modes == [0o600, 0o600, 0o700]


def test_without_pages_nothing_is_written(tmp_path: Path) -> None:
    assert keep_pages(tmp_path / "kept", "kettle", (), [PROBLEM], NOW) is None
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize("source", ["../../etc/passwd", "/", "..", "a/b\x00c", "名前", "k" * 5_000, ""])
def test_no_name_of_a_source_leads_out_of_the_folder(source: str, tmp_path: Path) -> None:
    kept = keep(tmp_path / "kept", source)

    assert kept.parent == tmp_path / "kept"
    assert sorted(tmp_path.iterdir()) == [tmp_path / "kept"]
    assert len(kept.name) < 100


def test_a_link_that_lies_there_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"precious")
    folder = tmp_path / "kept"
    folder.mkdir()
    (folder / "kettle-papers-20260311T073000Z-1.page").symlink_to(other)

    kept = keep(folder)

    assert other.read_bytes() == b"precious"
    assert kept.read_bytes() == page().data


def test_the_oldest_go_and_what_is_not_ours_stays(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine", encoding="utf-8")

    first = keep(folder, "zebra", page(1), page(2))
    later = [keep(folder, f"source {hours}", hours=hours) for hours in range(1, MOST_HARVESTS + 1)]

    assert not first.exists()
    assert all(path.exists() for path in later)
    assert len(list(folder.iterdir())) == 2 * MOST_HARVESTS + 1


def test_where_it_cannot_be_written_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file", encoding="utf-8")

    with pytest.raises(DigestError, match="kept_pages"):
        keep(tmp_path / "kept")
