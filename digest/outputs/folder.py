"""Writes an archive into a folder: each file whole or not at all, nothing ever taken away."""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path

from digest.errors import DigestError, InputError
from digest.model import Edition
from digest.outputs.archive import ENTRY, OURS, PAGE, Press, day_of, folder_name, make_day, make_lists
from digest.outputs.feed import Entry, read_entry
from digest.outputs.page import language_of, make_links, neighbours_of, with_links


def write_archive(archive: Path, edition: Edition, press: Press) -> tuple[Path, tuple[DigestError, ...]]:
    """Add an edition to its reader's archive, or replace that day: its page, and what is wrong there.

    Files of other days stay as they are, but for the links of the neighbouring pages. A broken one is a
    problem, and all others are written. Raises DigestError if the folder cannot be written to, or if its
    list or feed is not ours.
    """
    folder, today = archive / folder_name(edition.profile.name), edition.day
    days = tuple(sorted(_days(folder, PAGE) | {today}))
    files = make_day(edition, neighbours_of(today, days), press)
    entries, problems = _read_entries(folder, [day for day in days if day != today])
    entries = (*entries, read_entry(files[ENTRY].encode(), today))
    unread = set(days) - {entry.day for entry in entries}
    lists = make_lists(entries, unread, edition.profile, press)
    pages, broken = _neighbours(folder, today, days, press)
    named = {f"{today}{suffix}": text for suffix, text in files.items()}
    lost = [_broken(folder / f"{day}{PAGE}", FileNotFoundError(), day) for day in _without_page(folder, days)]
    _write_all(folder, {**named, **pages, **lists})
    return folder / f"{today}{PAGE}", (*problems, *broken, *lost)


# ---------------------------------------------------------------- what is there


def _days(folder: Path, suffix: str) -> set[date]:
    """The days of which there is such a file."""
    try:
        names = [path.name for path in folder.iterdir()] if folder.exists() else []
    except OSError as problem:
        raise _unusable(folder, problem, "read") from problem
    return {day for name in names if (day := day_of(name, suffix))}


def _without_page(folder: Path, days: Iterable[date]) -> list[date]:
    """The days that have an entry alone: no list can lead to them."""
    return sorted(_days(folder, ENTRY) - set(days))


def _read_entries(folder: Path, days: Iterable[date]) -> tuple[tuple[Entry, ...], tuple[DigestError, ...]]:
    """The entries of these days, and what is wrong with those that cannot be read."""
    entries: list[Entry] = []
    problems: list[DigestError] = []
    for day in days:
        path = folder / f"{day}{ENTRY}"
        try:
            entries.append(read_entry(path.read_bytes(), day))
        except (OSError, ValueError) as problem:
            problems.append(_broken(path, problem, day))
    return tuple(entries), tuple(problems)


def _neighbours(
    folder: Path, today: date, days: Sequence[date], press: Press
) -> tuple[dict[str, str], tuple[DigestError, ...]]:
    """The pages before and after, each with a link to this one, in the language it was written in."""
    nearest = neighbours_of(today, days)
    pages: dict[str, str] = {}
    problems: list[DigestError] = []
    for day in filter(None, (nearest.earlier, nearest.later)):
        path = folder / f"{day}{PAGE}"
        try:
            page = path.read_text(encoding="utf-8")
            links = make_links(day, neighbours_of(day, days), press.templates, language_of(page))
            pages[path.name] = with_links(page, links)
        except (OSError, ValueError) as problem:
            problems.append(_broken(path, problem, day))
    return pages, tuple(problems)


def _broken(path: Path, problem: Exception, day: date) -> InputError:
    what = "it is missing" if isinstance(problem, FileNotFoundError) else str(problem)
    fix = f"Write that day again (--day {day}), or move the files of that day away"
    return InputError(f"this part of the archive cannot be used: {what}", where=str(path), fix=fix)


# ---------------------------------------------------------------- writing


def _write_all(folder: Path, files: Mapping[str, str]) -> None:
    """In this order, so that lists name only what is there; files that hold this already are left alone."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in OURS:
            _refuse_to_replace(folder / name)
        for name, text in files.items():
            _write(folder / name, text.encode())
    except OSError as problem:
        raise _unusable(folder, problem, "written") from problem


def _refuse_to_replace(path: Path) -> None:
    """Raise InputError if the file is there and somebody else's."""
    with suppress(FileNotFoundError):
        if OURS[path.name].encode() not in path.read_bytes():
            fix = "Name another folder, or move this file away"
            raise InputError("this file is not Digest's and would be replaced", where=str(path), fix=fix)


def _write(path: Path, data: bytes) -> None:
    """Let the file appear whole: readers of the folder see the old one or the new one."""
    with suppress(FileNotFoundError):
        if path.read_bytes() == data:
            return
    staged = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        staged.write_bytes(data)
        staged.replace(path)
    finally:
        staged.unlink(missing_ok=True)


def _unusable(folder: Path, problem: OSError, verb: str) -> DigestError:
    where = str(problem.filename or folder)
    return DigestError(f"the archive cannot be {verb} ({problem.strerror or problem})", where=where)
