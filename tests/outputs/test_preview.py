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


@pytest.mark.slow
def test_a_weekly_mail_is_the_one_that_was_previewed_and_so_is_a_daily_one_beside_it(desk: Desk) -> None:
    weekly = 'every = "week"\ndays = ["wed"]\nwait_until = "08:45"\n'
    desk.write("profiles/ada.toml", weekly + ADA)
    desk.write("profiles/bob.toml", ADA.replace("ada@", "bob@"))
    desk.now += timedelta(days=7, minutes=-10)
    eml = desk.folder / "one.eml"
    previewed = []
    for name in ("ada", "bob"):
        assert desk.run("preview", name, "--eml", str(eml)).exit_code == 0
        previewed.append(eml.read_bytes().replace(b"\r\n", b"\n"))

    assert desk.run("send", "--no-fetch").exit_code == 0

    sent = sorted(desk.mails(), key=lambda mail: b"bob@" in mail)
    assert sent == previewed
    assert b"Your week in papers" in sent[0]
    assert b"Your week in papers" not in sent[1]


@pytest.mark.slow
def test_the_archive_of_a_week_shows_its_chart_and_the_feed_tells_it(desk: Desk) -> None:
    desk.write("profiles/ada.toml", 'every = "week"\ndays = ["wed"]\n' + ADA)
    desk.now += timedelta(days=7, minutes=-10)

    desk.run("preview", "--archive", str(desk.folder / "archive"))

    files = {
        path.suffix: path.read_text(encoding="utf-8") for path in desk.folder.glob("archive/ada/2026-03-18.*")
    }
    told = "of 3 papers matched your profile."
    assert told in files[".html"]
    assert "11–17 Mar 2026" in files[".html"]
    assert 'class="chart-count soft"' in files[".html"]
    assert told in files[".atom"]
    assert "week of 11 Mar" in files[".atom"]
    assert json.loads(files[".json"])["chart"][0] == {
        "first": "2026-03-11",
        "last": "2026-03-11",
        "listed": 3,
        "matched": 1,
    }


def test_a_paper_from_before_a_weekly_readers_days_is_not_explained(desk: Desk) -> None:
    desk.write("profiles/ada.toml", 'every = "week"\ndays = ["thu"]\n' + ADA)
    desk.now += timedelta(days=8, minutes=-10)

    result = desk.run("explain", "Learning to Wait")

    assert result.exit_code != 0
    assert "no paper 'Learning to Wait' among the 0 papers" in result.stderr


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
