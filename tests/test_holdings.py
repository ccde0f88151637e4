"""What the store holds, as the pipeline wants it."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from digest.errors import DigestError, FetchError, MissingError
from digest.holdings import fetch_liked, keep, stored_reader, stored_shelf
from digest.model import Entry, Listing
from digest.pipeline import Harvested
from digest.store.database import Database, open_database
from tests.makers import NOW, TODAY, entry, profile


class Library:
    """A source that knows some papers, and remembers what it was asked."""

    name = "library"

    def __init__(self, *known: str, broken: bool = False) -> None:
        self.known, self.broken = known, broken
        self.asked: list[str] = []

    def read(
        self, get: Callable[[str], bytes], *, today: date, at: datetime
    ) -> Iterator[Listing | DigestError]:
        yield from ()

    def read_paper(self, get: Callable[[str], bytes], identifier: str, *, at: datetime) -> Entry | None:
        self.asked.append(identifier)
        if self.broken:
            raise FetchError("down")
        if identifier not in self.known:
            raise MissingError("no such paper")
        return entry(identifier, f"Paper {identifier}")


def nothing(_url: str) -> bytes:
    return b""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path / "digest.sqlite3")
    yield opened
    opened.close()


def harvested(*entries: Entry, problems: tuple[DigestError, ...] = ()) -> Harvested:
    return Harvested(source="test", listings=(Listing(layout="t", entries=entries),), problems=problems)


def test_what_is_kept_is_on_the_shelf_with_the_problems_of_its_source(database: Database) -> None:
    with database.begin() as connection:
        done = keep(connection, harvested(entry(), problems=(FetchError("page 2 is gone"),)), NOW)
        shelf = stored_shelf(connection, {"test"}, window_days=7, now=NOW)

    assert (done.papers, done.fresh, done.problem) == (1, 1, "page 2 is gone")
    assert [one.paper.id for one in shelf.candidates] == ["2603.00001"]
    assert shelf.notes == (
        "The source test could not be read completely on 2026-03-11, so papers may be missing.",
    )


def test_a_source_that_is_no_more_or_failed_long_ago_is_not_spoken_of(database: Database) -> None:
    with database.begin() as connection:
        keep(connection, harvested(problems=(FetchError("gone"),)), NOW - timedelta(days=1))

        assert stored_shelf(connection, {"another"}, window_days=7, now=NOW).notes == ()
        assert stored_shelf(connection, {"test"}, window_days=7, now=NOW + timedelta(days=30)).notes == ()
        assert stored_shelf(connection, {"test"}, window_days=7, now=NOW - timedelta(days=2)).notes == ()


def test_old_papers_leave_the_shelf(database: Database) -> None:
    with database.begin() as connection:
        keep(connection, harvested(entry()), NOW - timedelta(days=8))

        assert stored_shelf(connection, {"test"}, window_days=7, now=NOW).candidates == ()


def test_liked_papers_are_looked_up_once_and_are_no_news(database: Database) -> None:
    source = Library("2104.00001")
    wanted = frozenset({"2104.00001", "2104.00002"})

    assert fetch_liked(database, wanted, [source], nothing, NOW).found == 1
    assert fetch_liked(database, wanted, [source], nothing, NOW + timedelta(days=1)).found == 0

    assert source.asked == ["2104.00001", "2104.00002"]
    with database.read() as connection:
        assert stored_shelf(connection, {"test"}, window_days=7, now=NOW).candidates == ()


def test_a_missing_paper_does_not_hide_the_next_one(database: Database) -> None:
    source = Library("2104.00002")

    assert fetch_liked(database, frozenset({"2104.00001", "2104.00002"}), [source], nothing, NOW).found == 1


def test_a_source_that_is_down_is_asked_once_and_again_the_next_time(database: Database) -> None:
    source = Library(broken=True)

    wanted = frozenset({"2104.00001", "2104.00002"})

    first = fetch_liked(database, wanted, [source], nothing, NOW)
    second = fetch_liked(database, wanted, [Library("2104.00002")], nothing, NOW + timedelta(hours=1))

    assert source.asked == ["2104.00001"]
    assert [problem.what for problem in first.problems] == ["down"]
    assert second.found == 1


def test_a_reader_is_told_of_liked_papers_that_could_not_be_used(database: Database, tmp_path: Path) -> None:
    library = tmp_path / "library.bib"
    library.write_text("@article{x, eprint = {2104.00003}}", encoding="utf-8")
    with database.begin() as connection:
        keep(connection, harvested(entry("2104.00001")), NOW)

    liked = ("2104.00001", "2104.00002")
    with database.read() as connection:
        reader = stored_reader(
            connection, profile(liked=liked, liked_files=(library, tmp_path / "gone.bib")), day=TODAY
        )

    assert [paper.id for paper in reader.liked] == ["2104.00001"]
    assert any("gone.bib: cannot be read" in note for note in reader.notes)
    assert any(note.startswith("2 of 3 liked papers") for note in reader.notes)
