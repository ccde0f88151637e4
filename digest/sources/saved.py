"""Kind `listing`: pages that somebody saved, by file, folder or pattern."""

import glob
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from digest.errors import DigestError, InputError
from digest.fetch.web import Web
from digest.model import Listing
from digest.rhythm import AT_HAND
from digest.settings.values import SourceTable
from digest.sources.protocol import Place, Wanted

# What parses a page is imported when there is one: it loads an HTML parser.

SUFFIXES = frozenset({".txt", ".md", ".html", ".htm", ".json", ".xml", ".rss", ".atom", ".rdf", ""})
"""What is read of a folder; a file named outright is read whatever its name."""
MAX_FILES = 5_000
"""Of one harvest."""
UNSETTLED = timedelta(seconds=10)
"""A file that changed so shortly ago may not be whole yet."""
BEING_WRITTEN = "still being written"


class ListingTable(SourceTable):
    """`[[sources]] kind = "listing"`."""

    kind: Literal["listing"]
    pages: Annotated[tuple[str, ...], Field(min_length=1)]


class SavedPages:
    """Reads every page that its patterns name, again each time: what is stored already costs nothing."""

    Table = ListingTable
    rhythm = AT_HAND

    def __init__(self, table: ListingTable, place: Place) -> None:
        self.name = table.name or "listing"
        self.grows = False
        self._patterns = table.pages
        self._folder = place.folder

    def read(self, web: Web, wanted: Wanted) -> Iterator[Listing | DigestError]:
        """Each page's list, or what is wrong with that page; nothing is fetched.

        One that cannot be read, and changed a moment ago, is said to be still being written.
        """
        n_read = 0
        for pattern in self._patterns:
            found = page_paths(pattern, self._folder)
            if not found:
                yield InputError("no page found", where=str(self._folder / pattern))
            for path in found[: MAX_FILES - n_read]:
                yield _named(path, _settled(path, read_page(path, at=wanted.at), wanted.at))
            n_read += len(found)
            if n_read > MAX_FILES:
                fix = "Move the old ones away; what they hold is stored"
                yield InputError(f"more than {MAX_FILES} pages", where=str(self._folder / pattern), fix=fix)
                return

    def read_paper(self, web: Web, identifier: str, *, at: datetime) -> None:
        """Saved pages cannot be asked for one paper."""


def _settled(path: Path, read: Listing | DigestError, at: datetime) -> Listing | DigestError:
    """What was read; in place of a problem with a page that is still being written, that."""
    if isinstance(read, Listing):
        return read
    changed = _changed(path)
    if changed is None or abs(at - changed) > UNSETTLED:
        return read
    later = f"is still being written, it seems ({read.what}), and is read the next time"
    return Listing(layout="saved page", entries=(), warnings=(later,), quiet=BEING_WRITTEN)


def _named(path: Path, read: Listing | DigestError) -> Listing | DigestError:
    """With the page's name in its warnings: a folder holds many."""
    if isinstance(read, DigestError):
        return read
    return replace(read, warnings=tuple(f"{path}: {warning}" for warning in read.warnings))


def page_paths(pattern: str, folder: Path) -> list[Path]:
    """The pages a file name, a folder or a pattern names, in order of name; relative ones from `folder`.

    Of a folder, hidden files are none: programs keep what they are about to write there.
    """
    place = folder / os.path.expanduser(pattern)
    if place.is_dir():
        return sorted(path for path in place.iterdir() if path.is_file() and _is_page(path))
    if place.exists():
        return [place]
    return sorted(path for match in glob.glob(str(place), recursive=True) if (path := Path(match)).is_file())


def _is_page(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def read_page(path: Path, *, at: datetime, saved_on: date | None = None) -> Listing | DigestError:
    """One page's list, or why it has none. Year-less dates count from the file's own date unless told."""
    from digest.sources.pages import MAX_PAGE, parse_page

    try:
        with path.open("rb") as file:
            data = file.read(MAX_PAGE + 1)
            size = os.fstat(file.fileno()).st_size
    except OSError as problem:
        return InputError(f"cannot be read ({problem.strerror})", where=str(path))
    if len(data) <= MAX_PAGE and size > len(data):
        return InputError("it grew while it was read", where=str(path), fix="Read it again.")
    changed = _changed(path)
    try:
        return parse_page(data, name=str(path), at=at, saved_on=saved_on or (changed and changed.date()))
    except InputError as problem:
        return problem


def _changed(path: Path) -> datetime | None:
    """When the file was written, as far as its folder knows."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
    except (OSError, OverflowError, ValueError):
        return None
