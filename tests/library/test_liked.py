"""All the papers that a reader likes."""

from pathlib import Path

import pytest

from digest.library.entries import Library
from digest.library.liked import MOST_LIKED, complete, load_liked, wanting
from digest.model import NoteKind
from tests.makers import paper, profile

BIB = """
@misc{a, title = {To Wait}, eprint = {2104.00001}, abstract = {We wait.}}
@misc{b, title = {To Wait Longer}, eprint = {2104.00002}}
@misc{c, title = {A Room for Waiting}}
"""


@pytest.fixture
def bib(tmp_path: Path) -> Path:
    path = tmp_path / "library.bib"
    path.write_text(BIB, encoding="utf-8")
    return path


def many(count: int) -> Library:
    ids = tuple(f"2104.{number:05d}" for number in range(count))
    return Library(ids=ids, papers={one: paper(one, f"Waiting {one}") for one in ids})


def test_the_papers_of_files_come_before_the_profiles_own(bib: Path) -> None:
    library = load_liked(profile(liked=("2104.00001", "2010.11929"), liked_files=(bib,)))

    assert library.ids == ("2104.00002", "title:aroomforwaiting", "2104.00001", "2010.11929")
    assert library.papers["2104.00001"].title == "To Wait"


def test_what_is_wrong_with_a_file_is_a_note_and_costs_only_that_file(bib: Path) -> None:
    broken = bib.with_name("broken.bib")
    broken.write_text("@misc{a, title = {No end\n@misc{b, title = {Fine}}", encoding="utf-8")
    files = (bib.with_name("gone.bib"), broken, bib)

    library = load_liked(profile(liked_files=files))

    assert len(library.ids) == 4
    gone, unread = library.notes
    assert "gone.bib: cannot be read" in gone
    assert unread.startswith("liked papers: broken.bib: 1 of its entries could not be read")


def test_only_what_sources_may_know_and_the_file_lacks_is_wanted(bib: Path) -> None:
    assert wanting(load_liked(profile(liked=("2010.11929",), liked_files=(bib,)))) == (
        "2010.11929",
        "2104.00002",
    )


def test_a_paper_has_the_best_abstract_that_is_known(bib: Path) -> None:
    known = {
        "2104.00001": paper("2104.00001", "To Wait (v2)", abstract=None),
        "2104.00002": paper("2104.00002", "To Wait Longer", abstract="Stored."),
    }

    liked = complete(load_liked(profile(liked_files=(bib,))), known)

    assert [(one.title, one.abstract) for one in liked.papers] == [
        ("To Wait (v2)", "We wait."),
        ("To Wait Longer", "Stored."),
        ("A Room for Waiting", None),
    ]


def test_what_was_said_comes_last_and_once() -> None:
    said = (paper("2104.00000", "Waiting, Stored"), paper("2603.00001"))

    liked = complete(many(3), {}, said)

    assert [one.id for one in liked.papers] == ["2104.00001", "2104.00002", "2104.00000", "2603.00001"]


def test_no_more_than_the_latest_are_used_and_the_reader_is_told() -> None:
    liked = complete(many(MOST_LIKED + 50), {}, (paper("2603.00001"),))

    assert len(liked.papers) == MOST_LIKED
    assert [liked.papers[0].id, liked.papers[-1].id] == ["2104.00051", "2603.00001"]
    assert [(note.kind, note.detail) for note in liked.notes] == [
        (NoteKind.LIKED, "of 350 liked papers in profile and files, the last 300 are used")
    ]
    assert complete(many(MOST_LIKED), {}).notes == ()
