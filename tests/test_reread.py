"""The configuration read again: what changed is seen, and only that is read."""

import os
from pathlib import Path

import pytest

from digest.errors import ConfigurationError
from digest.reread import JUST_NOW_NS, Files
from tests.desk import ADA, Desk

HOUR_NS = 3_600_000_000_000
NEW = ADA.replace("ada@", "new@")


class Clock:
    """That of the file system; an hour after all files that are there were written."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def files(desk: Desk, clock: Clock) -> Files:
    """Ada's folder, read an hour after it was written."""
    clock.now_ns = _written(desk, "config.toml") + HOUR_NS
    read = Files(desk.folder / "config.toml", clock)
    read.read()
    return read


def _written(desk: Desk, name: str) -> int:
    return (desk.folder / name).stat().st_mtime_ns


def later(desk: Desk, name: str, clock: Clock) -> None:
    """A file was written a little before the clock's now, and an hour passes."""
    os.utime(desk.folder / name, ns=(clock.now_ns - 1_000, clock.now_ns - 1_000))
    clock.now_ns += HOUR_NS


def emails(files: Files) -> list[str]:
    return [profile.email for profile in files.read().profiles]


def test_as_long_as_nothing_changes_nothing_is_read(files: Files) -> None:
    assert not files.is_changed()
    assert files.names == {"ada"}


@pytest.mark.parametrize("name", ["config.toml", "profiles/ada.toml"])
def test_a_file_that_was_written_again_is_seen(name: str, desk: Desk, files: Files, clock: Clock) -> None:
    later(desk, name, clock)

    assert files.is_changed()
    files.read()
    assert not files.is_changed()


def test_readers_who_come_and_go_are_seen(desk: Desk, files: Files, clock: Clock) -> None:
    desk.write("profiles/new.toml", NEW)
    later(desk, "profiles/new.toml", clock)

    assert files.is_changed()
    assert emails(files) == ["ada@example.org", "new@example.org"]
    assert not files.is_changed()

    (desk.folder / "profiles/ada.toml").unlink()

    assert files.is_changed()
    assert emails(files) == ["new@example.org"]
    assert files.names == {"new"}


def test_a_file_that_another_was_put_in_the_place_of_is_seen_though_size_and_time_are_the_same(
    desk: Desk, files: Files, clock: Clock
) -> None:
    fresh = desk.write("fresh", NEW)
    os.utime(fresh, ns=(_written(desk, "profiles/ada.toml"),) * 2)
    fresh.replace(desk.folder / "profiles/ada.toml")

    assert files.is_changed()
    assert emails(files) == ["new@example.org"]


def test_only_the_profiles_that_changed_are_read(desk: Desk, files: Files, clock: Clock) -> None:
    """What tells: a file that changed, and whose size, time and inode say it did not, is not looked into."""
    path = desk.folder / "profiles/ada.toml"
    at = _written(desk, "profiles/ada.toml")
    path.write_text(NEW)
    os.utime(path, ns=(at, at))
    desk.write("profiles/bea.toml", ADA.replace("ada@", "bea@"))

    assert emails(files) == ["ada@example.org", "bea@example.org"]
    files.forget()
    assert emails(files) == ["new@example.org", "bea@example.org"]


def test_a_file_written_just_before_it_was_read_is_read_once_more(
    desk: Desk, files: Files, clock: Clock
) -> None:
    """Else what is written within the same tick of the file system's clock would never be seen."""
    path = desk.write("profiles/ada.toml", ADA)
    at = clock.now_ns - JUST_NOW_NS // 2
    os.utime(path, ns=(at, at))
    files.read()
    path.write_text(NEW)
    os.utime(path, ns=(at, at))

    assert files.is_changed()
    assert emails(files) == ["new@example.org"]


def test_a_broken_profile_is_a_reader_still(desk: Desk, files: Files, clock: Clock) -> None:
    desk.write("profiles/ada.toml", "email = 3")
    later(desk, "profiles/ada.toml", clock)

    loaded = files.read()

    assert loaded.profiles == ()
    assert len(loaded.problems) > 0
    assert files.names == {"ada"}
    assert not files.is_changed()


def test_a_broken_configuration_is_told_and_its_mending_seen(desk: Desk, files: Files, clock: Clock) -> None:
    whole = (desk.folder / "config.toml").read_text()
    desk.write("config.toml", "[mail")
    later(desk, "config.toml", clock)

    with pytest.raises(ConfigurationError):
        files.read()
    assert not files.is_changed()
    assert files.names == {"ada"}

    desk.write("config.toml", whole)
    later(desk, "config.toml", clock)
    assert files.is_changed()
    assert emails(files) == ["ada@example.org"]


def test_a_folder_that_is_gone_takes_no_reader_with_it(desk: Desk, files: Files) -> None:
    (desk.folder / "profiles").rename(desk.folder / "elsewhere")

    assert files.is_changed()
    with pytest.raises(ConfigurationError, match="the folder of profiles is gone"):
        files.read()
    assert files.names == {"ada"}

    (desk.folder / "elsewhere").rename(desk.folder / "profiles")
    assert emails(files) == ["ada@example.org"]


def test_an_empty_folder_in_the_place_of_the_one_that_was_read_takes_no_reader_with_it(
    desk: Desk, files: Files
) -> None:
    (desk.folder / "profiles").rename(desk.folder / "elsewhere")
    (desk.folder / "profiles").mkdir()

    with pytest.raises(ConfigurationError, match="another, empty folder"):
        files.read()
    assert files.names == {"ada"}

    (desk.folder / "profiles").rmdir()
    (desk.folder / "elsewhere").rename(desk.folder / "profiles")
    assert emails(files) == ["ada@example.org"]


def test_the_last_reader_can_be_taken_away(desk: Desk, files: Files) -> None:
    (desk.folder / "profiles/ada.toml").unlink()

    assert emails(files) == []
    assert files.names == frozenset()


def test_a_configuration_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        Files(tmp_path / "config.toml").read()
