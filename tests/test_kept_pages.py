"""Pages that nobody could read are kept for a person, and nothing else is touched."""

import re
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from digest.errors import DigestError, InputError
from digest.harvest import Page
from digest.kept_pages import MOST_BYTES, MOST_HARVESTS, keep_pages
from tests.makers import NOW

PROBLEM = InputError("headings but no papers", where="https://kettle.example/list")


def page(number: int = 1) -> Page:
    return Page(url=f"https://kettle.example/{number}", data=b"<p>%d tea\xff</p>" % number)


def keep(folder: Path, source: str = "Kettle Papers", *pages: Page, hours: float = 0) -> Path:
    kept = keep_pages(folder, source, pages or (page(),), [PROBLEM], NOW + timedelta(hours=hours))
    assert kept
    return kept


def test_a_page_is_kept_as_it_came_and_beside_it_what_was_wrong(tmp_path: Path) -> None:
    kept = keep(tmp_path / "kept")

    assert kept.parent == tmp_path / "kept"
    assert re.fullmatch(r"kettle-papers-[0-9a-f]{6}-20260311T073000Z-1\.page", kept.name)
    assert kept.read_bytes() == page().data == b"<p>1 tea\xff</p>"
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
    name = keep(folder).name
    (folder / name).unlink()
    (folder / name).symlink_to(other)

    kept = keep(folder)

    assert other.read_bytes() == b"precious"
    assert kept.read_bytes() == page().data


def test_the_oldest_go_and_what_is_not_ours_stays(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine", encoding="utf-8")

    other = keep(folder, "zebra", page(1), page(2))
    first = keep(folder, "kettle", page(0))
    later = [keep(folder, "kettle", page(hours), hours=hours) for hours in range(1, MOST_HARVESTS + 1)]

    assert not first.exists()
    assert all(path.exists() for path in (other, *later))
    assert len(list(folder.iterdir())) == 2 * MOST_HARVESTS + 2 * 2 + 1


def test_of_many_bytes_the_oldest_go_whosesoever_they_are(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    kept = [keep(folder, f"source {hours}", hours=hours) for hours in range(4)]
    with kept[1].open("r+b") as file:
        file.truncate(MOST_BYTES)  # a file with a hole: it takes no room on the disk

    last = keep(folder, "another", hours=9)

    assert [path.exists() for path in (*kept, last)] == [False, False, True, True, True]


@pytest.mark.parametrize(
    ("one", "other"), [("Teapots/weekly", "teapots weekly"), ("茶", "ロボット"), ("k" * 80, "k" * 81)]
)
def test_two_sources_of_like_names_keep_each_its_own(one: str, other: str, tmp_path: Path) -> None:
    first, second = keep(tmp_path, one, page(1)), keep(tmp_path, other, page(2))

    assert (first.read_bytes(), second.read_bytes()) == (page(1).data, page(2).data)


def test_a_page_that_is_the_same_as_the_last_is_not_kept_again(tmp_path: Path) -> None:
    first = keep(tmp_path, "kettle", page(1), page(2))

    assert keep(tmp_path, "kettle", page(1), page(2), hours=1) == first
    assert len(list(tmp_path.iterdir())) == 4

    fewer = keep(tmp_path, "kettle", page(1), hours=2)
    assert keep(tmp_path, "kettle", Page(url=page(1).url, data=b"<p>rice\xff</p>"), hours=3) != fewer
    assert keep(tmp_path, "teapot", page(1), page(2), hours=3) != first


def test_each_page_is_told_its_own_problems_and_all_where_it_has_none(tmp_path: Path) -> None:
    own = InputError("no papers", where=page(1).url)
    kept = keep_pages(tmp_path, "kettle", [page(1), page(2)], [own, PROBLEM], NOW)

    assert kept
    second = kept.with_name(kept.name.replace("-1.page", "-2.txt"))
    told = [path.read_text("utf-8").splitlines()[2:] for path in (kept.with_suffix(".txt"), second)]
    assert told == [[str(own)], [str(own), str(PROBLEM)]]


def test_what_cannot_be_written_whole_is_not_left_in_part(tmp_path: Path) -> None:
    kept = keep(tmp_path, "kettle", page(1))
    in_the_way = kept.with_name(kept.name.replace("T073000Z-1", "T093000Z-2"))
    in_the_way.mkdir()
    before = sorted(tmp_path.iterdir())

    with pytest.raises(DigestError, match="kept_pages"):
        keep(tmp_path, "kettle", page(4), page(5), hours=2)

    assert sorted(tmp_path.iterdir()) == before


def test_where_it_cannot_be_written_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file", encoding="utf-8")

    with pytest.raises(DigestError, match="kept_pages"):
        keep(tmp_path / "kept")
