"""Pages that are not what they were taken for, kept in a folder until a person has looked at them."""

import os
import re
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from digest.errors import DigestError
from digest.harvest import Page
from digest.text import clean

MOST_HARVESTS = 20
MAX_PROBLEM = 2_000
_LONGEST_NAME = 60
_OURS = re.compile(r"([a-z0-9-]+-\d{8}T\d{6}Z)-\d+\.(?:page|txt)")


def keep_pages(
    folder: Path, source: str, pages: Sequence[Page], problems: Sequence[DigestError], at: datetime
) -> Path | None:
    """Write a harvest's pages into the folder, each with a `.txt` beside it that says what is wrong.

    Returns the first; `None` without pages. Only the latest MOST_HARVESTS harvests stay. What came from the
    net is for its owner's eyes only, and under a name that no browser opens. Raises DigestError where it
    cannot be written.
    """
    if not pages:
        return None
    stem = f"{_name_of(source)}-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    told = "\n".join(clean(str(one), MAX_PROBLEM) for one in problems)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        written = [
            _write(
                folder, f"{stem}-{number}", page, f"{source}, {at:%Y-%m-%d %H:%M} UTC\n{page.url}\n{told}\n"
            )
            for number, page in enumerate(pages, 1)
        ]
        _forget(folder)
    except OSError as problem:
        what = f"a page cannot be kept ({problem.strerror})"
        raise DigestError(
            what, where=str(folder), fix="Name another folder as kept_pages in [fetch]"
        ) from None
    return written[0]


def _name_of(source: str) -> str:
    """A part of a file's name, whatever the source is called."""
    return re.sub(r"[^a-z0-9]+", "-", source.lower())[:_LONGEST_NAME].strip("-") or "source"


def _write(folder: Path, stem: str, page: Page, about: str) -> Path:
    path = folder / f"{stem}.page"
    for name, data in ((path, page.data), (path.with_suffix(".txt"), about.encode())):
        with suppress(FileNotFoundError):  # of the same second; and never through a link that lies there
            name.unlink()
        with os.fdopen(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
    return path


def _forget(folder: Path) -> None:
    """Remove the pages of the oldest harvests; what else lies there is not ours."""
    harvests: defaultdict[str, list[Path]] = defaultdict(list)
    for path in folder.iterdir():
        if ours := _OURS.fullmatch(path.name):
            harvests[ours[1]].append(path)
    by_moment = sorted(harvests, key=lambda stem: stem[-len("20260101T000000Z") :])
    for stem in by_moment[:-MOST_HARVESTS]:
        for path in harvests[stem]:
            path.unlink(missing_ok=True)
