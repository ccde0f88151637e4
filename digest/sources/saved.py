"""Kind `listing`: pages that somebody saved, by file, folder or pattern."""

import glob
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from digest.errors import DigestError, InputError
from digest.model import Listing
from digest.sources.pages import MAX_PAGE, parse_page

SUFFIXES = frozenset({".txt", ".md", ".html", ".htm", ".json", ""})
"""What is read of a folder; a file named outright is read whatever its name."""


class SavedPages:
    """Reads every page that its patterns name, again each time: what is stored already costs nothing."""

    def __init__(self, *, patterns: Sequence[str], folder: Path) -> None:
        self.name = "listing"
        self._patterns = patterns
        self._folder = folder

    def read(
        self, get: Callable[[str], bytes], *, today: date, at: datetime
    ) -> Iterator[Listing | DigestError]:
        """Each page's list, or what is wrong with that page; `get` and `today` are for sources on the net."""
        for pattern in self._patterns:
            found = page_paths(pattern, self._folder)
            if not found:
                yield InputError("no page found", where=str(self._folder / pattern))
            for path in found:
                yield _named(path, read_page(path, at=at))

    def read_paper(self, get: Callable[[str], bytes], identifier: str, *, at: datetime) -> None:
        """Saved pages cannot be asked for one paper."""


def _named(path: Path, read: Listing | DigestError) -> Listing | DigestError:
    """With the page's name in its warnings: a folder holds many."""
    if isinstance(read, DigestError):
        return read
    return replace(read, warnings=tuple(f"{path}: {warning}" for warning in read.warnings))


def page_paths(pattern: str, folder: Path) -> list[Path]:
    """The pages a file name, a folder or a pattern names, in order of name; relative ones from `folder`."""
    place = folder / os.path.expanduser(pattern)
    if place.is_dir():
        return sorted(path for path in place.iterdir() if path.is_file() and path.suffix.lower() in SUFFIXES)
    if place.exists():
        return [place]
    return sorted(path for match in glob.glob(str(place), recursive=True) if (path := Path(match)).is_file())


def read_page(path: Path, *, at: datetime, saved_on: date | None = None) -> Listing | DigestError:
    """One page's list, or why it has none. Year-less dates count from the file's own date unless told."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_PAGE + 1)
        written = datetime.fromtimestamp(path.stat().st_mtime, tz=UTC).date()
    except OSError as problem:
        return InputError(f"cannot be read ({problem.strerror})", where=str(path))
    try:
        return parse_page(data, name=str(path), at=at, saved_on=saved_on or written)
    except InputError as problem:
        return problem
