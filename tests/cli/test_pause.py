"""`digest pause` and `digest resume`: what becomes of a reader's file."""

import os
import tomllib
from datetime import date, timedelta
from pathlib import Path

import pytest

from digest.config import load_profile
from digest.errors import ExitCode
from digest.model import Pause
from tests.desk import ADA, Desk

TODAY = date(2026, 3, 11)
MONDAY = date(2026, 3, 23)


def file_of(desk: Desk, name: str = "ada") -> Path:
    return desk.folder / "profiles" / f"{name}.toml"


def pause_of(desk: Desk, name: str = "ada") -> Pause | None:
    profile, problems = load_profile(file_of(desk, name))
    assert profile, problems
    return profile.pause


def test_a_pause_with_an_end_says_when_editions_come_again(desk: Desk) -> None:
    result = desk.run("pause", "ada", "--until", "2026-03-23")

    assert result.stdout == (
        "ada: no editions from today until Mon 23 March 2026, the first day with one again\n"
    )
    assert pause_of(desk) == Pause(begins=TODAY, until=MONDAY)


def test_a_pause_without_an_end_says_how_to_end_it(desk: Desk) -> None:
    result = desk.run("pause", "ada")

    assert result.stdout == "ada: no editions from today until `digest resume ada`\n"
    assert pause_of(desk) == Pause(begins=TODAY)


def test_a_pause_may_begin_later(desk: Desk) -> None:
    result = desk.run("pause", "ada", "--from", "2026-03-14", "--until", "2026-03-23")

    assert "no editions from Sat 14 March 2026 until Mon 23 March 2026" in result.stdout
    assert pause_of(desk) == Pause(begins=date(2026, 3, 14), until=MONDAY)


def test_today_is_the_readers(desk: Desk) -> None:
    desk.write("profiles/kiri.toml", 'email = "kiri@example.org"\ntimezone = "Pacific/Kiritimati"\n')
    desk.now += timedelta(hours=3)

    desk.run("pause", "kiri")

    assert pause_of(desk, "kiri") == Pause(begins=TODAY + timedelta(days=1))


def test_the_first_day_is_one_of_the_readers_own(desk: Desk) -> None:
    desk.write("profiles/ada.toml", 'email = "ada@example.org"\ndays = ["wed"]\n')

    result = desk.run("pause", "ada", "--until", "2026-03-23")

    assert "until Mon 23 March 2026; the first day with one is then Wed 25 March 2026" in result.stdout


def test_who_has_no_days_is_told_so(desk: Desk) -> None:
    desk.write("profiles/ada.toml", 'email = "ada@example.org"\ndays = []\n')

    assert "days = []" in desk.run("pause", "ada", "--until", "2026-03-23").stdout
    assert "none is ever due, as days = []" in desk.run("resume", "ada").stdout


def test_a_later_pause_takes_the_place_of_the_first(desk: Desk) -> None:
    desk.run("pause", "ada", "--until", "2026-03-23")

    desk.run("pause", "ada", "--from", "2026-03-12")

    assert pause_of(desk) == Pause(begins=date(2026, 3, 12))


def test_several_readers_are_paused_at_once(desk: Desk) -> None:
    desk.write("profiles/bob.toml", ADA)

    result = desk.run("pause", "ada", "bob", "ada")

    assert [line.split(":")[0] for line in result.stdout.splitlines()] == ["ada", "bob"]
    assert pause_of(desk) == pause_of(desk, "bob") == Pause(begins=TODAY)


def test_a_profile_file_can_be_named_without_any_configuration(empty: Desk) -> None:
    file = empty.write("eve.toml", ADA)

    empty.run("pause", str(file))

    assert tomllib.loads(file.read_text(encoding="utf-8"))["pause"] == {"begins": TODAY}


def test_a_profile_file_is_resumed_by_the_name_that_the_pause_says(desk: Desk) -> None:
    mine = str(desk.write("sub/mine.toml", ADA))

    paused = desk.run("pause", mine)

    assert paused.stdout == f"mine: no editions from today until `digest resume {mine}`\n"
    assert desk.run("resume", mine).stdout.startswith("mine: editions again; ")


def test_a_pause_that_was_over_is_not_called_the_begin_of_editions(desk: Desk) -> None:
    desk.write("profiles/ada.toml", "pause.until = 2026-03-01\n" + ADA)

    result = desk.run("resume", "ada")

    assert result.stdout == "ada: the pause was over; the next hour is Thu 12 March 2026, 07:30 in UTC\n"
    assert pause_of(desk) is None


def test_resume_leaves_the_file_as_it_was(desk: Desk) -> None:
    text = file_of(desk).read_bytes()
    desk.run("pause", "ada", "--until", "2026-03-23")

    result = desk.run("resume", "ada")

    assert result.stdout == "ada: editions again; the next hour is Thu 12 March 2026, 07:30 in UTC\n"
    assert file_of(desk).read_bytes() == text


def test_resume_without_a_pause_changes_nothing(desk: Desk) -> None:
    before = file_of(desk).stat()

    result = desk.run("resume", "ada")

    assert result.exit_code == 0
    assert result.stdout.startswith("ada: there was no pause; the next hour is ")
    assert file_of(desk).stat().st_mtime_ns == before.st_mtime_ns


# ---------------------------------------------------------------- nonsense


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--until", "2026-03-11"], "a pause until 2026-03-11 is over already: today is 2026-03-11 in UTC"),
        (["--from", "2026-03-10"], "a pause cannot begin on 2026-03-10: today is 2026-03-11 in UTC"),
        (
            ["--from", "2026-03-20", "--until", "2026-03-20"],
            "a pause from 2026-03-20 until 2026-03-20 has no day",
        ),
        (["--until", "soon"], "'soon' is not a date; write it as 2026-03-11"),
    ],
)
def test_nonsense_is_refused_and_nothing_is_written(desk: Desk, options: list[str], told: str) -> None:
    before = file_of(desk).read_bytes()

    result = desk.run("pause", "ada", *options)

    assert result.exit_code == ExitCode.USAGE
    assert told in result.stderr
    assert file_of(desk).read_bytes() == before


def test_one_reader_who_is_unknown_keeps_the_others_as_they_are(desk: Desk) -> None:
    before = file_of(desk).read_bytes()

    result = desk.run("pause", "ada", "nobody")

    assert result.exit_code == ExitCode.USAGE
    assert "there is no reader 'nobody'" in result.stderr
    assert file_of(desk).read_bytes() == before


def test_a_broken_file_is_refused_with_what_is_wrong(desk: Desk) -> None:
    desk.write("profiles/bob.toml", ADA + "threshold = 700\n")

    result = desk.run("pause", "bob")

    assert result.exit_code == ExitCode.CONFIGURATION
    assert "bob.toml" in result.stderr
    assert "threshold" in result.stderr


# ---------------------------------------------------------------- files


def test_line_ends_and_the_mark_at_the_beginning_stay(desk: Desk) -> None:
    text = "\ufeff" + ADA.replace("\n", "\r\n")
    file_of(desk).write_bytes(text.encode())

    desk.run("pause", "ada")

    assert file_of(desk).read_bytes() == (text + "\r\n[pause]\r\nbegins = 2026-03-11\r\n").encode()


def test_a_link_stays_a_link(desk: Desk) -> None:
    real = desk.write("elsewhere/ada.toml", ADA)
    file_of(desk).unlink()
    file_of(desk).symlink_to(real)

    desk.run("pause", "ada")

    assert file_of(desk).is_symlink()
    assert "[pause]" in real.read_text(encoding="utf-8")


def test_a_read_only_file_is_refused(desk: Desk) -> None:
    desk.write("profiles/bob.toml", ADA)
    file_of(desk).chmod(0o444)

    result = desk.run("pause", "bob", "ada")

    assert result.exit_code == ExitCode.FAILED
    assert "ada.toml: is read-only. Make it writable, or write [pause] yourself" in result.stderr
    assert pause_of(desk, "bob") is None


def test_who_may_read_the_file_stays_the_same(desk: Desk) -> None:
    file_of(desk).chmod(0o640)
    if os.geteuid() == 0:
        os.chown(file_of(desk), 12_345, 12_345)
    before = file_of(desk).stat()

    desk.run("pause", "ada")

    after = file_of(desk).stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
