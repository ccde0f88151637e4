"""`digest preview --json`, `--bibtex` and `--archive`."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from digest.errors import ExitCode
from tests.desk import ADA, CONFIG, PAGE, Desk

QUIET = 'email = "ada@example.org"\n[interests]\n"geology" = 5\n'


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A reader with a page of today, fetched."""
    desk = Desk(folder=tmp_path, environment={"DISPLAY": ":0"})
    desk.write("config.toml", CONFIG.format(transport="maildir"))
    desk.write("profiles/ada.toml", ADA)
    desk.write("pages/2026-03-11.txt", PAGE)
    assert desk.run("fetch").exit_code == 0
    return desk


@pytest.mark.slow
def test_the_archive_is_written_and_nothing_else_changes(desk: Desk) -> None:
    before = {path: path.read_bytes() for path in desk.folder.rglob("*") if path.is_file()}

    result = desk.run("preview", "--archive", str(desk.folder / "archive"))

    after = {path: path.read_bytes() for path in desk.folder.rglob("*") if path.is_file()}
    new = {path.relative_to(desk.folder).parts[0] for path in after.keys() - before.keys()}
    assert result.exit_code == 0
    assert new <= {
        "archive",
        "digest.sqlite3-wal",
        "digest.sqlite3-shm",
    }  # a reader of a WAL database makes them
    assert {path: after[path] for path in before} == before
    assert result.stdout == ""
    assert desk.opened == []
    assert result.stderr.splitlines()[-1].endswith("archive/ada/2026-03-11.html")


@pytest.mark.slow
def test_the_archive_grows_day_by_day_and_its_bytes_stay(desk: Desk) -> None:
    archive = str(desk.folder / "archive")
    desk.run("preview", "--archive", archive)
    first = (desk.folder / "archive/ada/2026-03-11.json").read_bytes()
    desk.now += timedelta(days=1)

    for _ in range(2):
        assert desk.run("preview", "--archive", archive).exit_code == 0

    assert (desk.folder / "archive/ada/2026-03-11.json").read_bytes() == first
    assert (desk.folder / "archive/ada/feed.xml").read_text(encoding="utf-8").count("<entry") == 2


@pytest.mark.slow
def test_what_was_sent_is_what_the_archive_has(desk: Desk) -> None:
    desk.run("send", "--no-fetch")
    desk.run("preview", "--archive", str(desk.folder / "archive"))

    (mail,) = desk.mails()
    page = (desk.folder / "archive/ada/2026-03-11.html").read_text(encoding="utf-8")
    assert "Learning to Wait: Self-Supervised Patience" in page
    assert (
        json.loads((desk.folder / "archive/ada/2026-03-11.json").read_text(encoding="utf-8"))["subject"]
        in page
    )
    assert b"Learning to Wait: Self-Supervised Patience" in mail


def test_a_day_without_a_mail_is_not_archived(desk: Desk) -> None:
    desk.write("profiles/ada.toml", QUIET)

    result = desk.run("preview", "--archive", str(desk.folder / "archive"))

    assert result.exit_code == 0
    assert "nothing would be sent" in result.stderr
    assert "nothing added" in result.stderr
    assert not (desk.folder / "archive").exists()


@pytest.mark.slow
def test_a_quiet_day_that_is_told_is_archived(desk: Desk) -> None:
    desk.write("profiles/ada.toml", 'on_quiet_day = "note"\n' + QUIET)

    desk.run("preview", "--archive", str(desk.folder / "archive"))

    assert "A quiet day" in (desk.folder / "archive/ada/2026-03-11.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_broken_part_of_the_archive_is_named_and_the_day_is_written(desk: Desk) -> None:
    desk.write("archive/ada/2026-03-10.html", "<p>broken</p>")

    result = desk.run("preview", "--archive", str(desk.folder / "archive"))

    assert result.exit_code == ExitCode.INPUT
    assert "error:" in result.stderr
    assert "2026-03-10.html: this part of the archive cannot be used" in result.stderr
    assert "2026-03-10.atom: this part of the archive cannot be used" in result.stderr
    assert (desk.folder / "archive/ada/2026-03-11.html").exists()


def test_json_of_a_quiet_day_has_what_came_closest(desk: Desk) -> None:
    desk.write("profiles/ada.toml", "threshold = 100\n" + ADA)

    told = json.loads(desk.run("preview", "--json").stdout)

    assert told["outcome"] == "quiet"
    assert told["subject"].startswith("Quiet day")
    assert told["misses"][0]["title"] == "Learning to Wait: Self-Supervised Patience"


@pytest.mark.slow
def test_json_can_go_with_an_archive(desk: Desk) -> None:
    result = desk.run("preview", "--json", "--archive", str(desk.folder / "archive"))

    stored = json.loads((desk.folder / "archive/ada/2026-03-11.json").read_text(encoding="utf-8"))
    assert json.loads(result.stdout) == stored


@pytest.mark.slow
def test_bibtex_goes_into_a_file_or_to_the_screen(desk: Desk) -> None:
    desk.run("preview", "--bibtex", str(desk.folder / "picks.bib"))

    told = (desk.folder / "picks.bib").read_text(encoding="utf-8")
    assert "title = {Learning to Wait: Self-Supervised Patience}" in told
    assert desk.run("preview", "--bibtex", "-").stdout == told
    assert desk.opened == []


def test_the_archive_is_not_for_watching(desk: Desk) -> None:
    assert desk.run("preview", "--watch", "--archive", "x").exit_code == ExitCode.USAGE
