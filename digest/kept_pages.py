"""Pages that are not what they were taken for, kept in a folder until a person has looked at them."""

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from digest.errors import DigestError
from digest.harvest import Page
from digest.text import clean

MOST_HARVESTS = 30
"""Of a source: more than hourly runs keep from one alarm to the next, so that the page it names is there."""
MOST_BYTES = 200_000_000
"""Of all sources' pages."""
MAX_PROBLEM = 2_000
_LONGEST_NAME = 60
_OURS = re.compile(r"([a-z0-9-]+)-(\d{8}T\d{6}Z)-\d{1,3}\.(?:page|txt)")


def keep_pages(
    folder: Path, source: str, pages: Sequence[Page], problems: Sequence[DigestError], at: datetime
) -> Path | None:
    """Write a harvest's pages into the folder, each with a `.txt` beside it that says what is wrong.

    Returns the first; `None` without pages. Pages that are the same as the source's last are not kept again:
    the first of those is returned. Of MOST_HARVESTS of a source, and of MOST_BYTES in all, the oldest go.
    What came from the net is for its owner's eyes only, and under a name that no browser opens. Raises
    DigestError where it cannot be written.
    """
    if not pages:
        return None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept, name = _kept(folder), _name_of(source)
        of_source = [one for one in kept if one.source == name]
        if of_source and of_source[-1].holds(pages):
            return of_source[-1].pages[0]
        _make_room(kept, name, sum(len(page.data) for page in pages))
        files: dict[Path, bytes] = {}
        for number, page in enumerate(pages, 1):
            path = folder / f"{name}-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{number}.page"
            files |= {path: page.data, path.with_suffix(".txt"): _about(source, page, problems, at)}
        _write(files)
        return next(iter(files))
    except OSError as problem:
        what = f"a page cannot be kept ({problem.strerror})"
        raise DigestError(
            what, where=str(folder), fix="Name another folder as kept_pages in [fetch]"
        ) from None


def _name_of(source: str) -> str:
    """A part of a file's name, whatever the source is called, and of no other source."""
    readable = re.sub(r"[^a-z0-9]+", "-", source.lower())[:_LONGEST_NAME].strip("-") or "source"
    return f"{readable}-{sha256(source.encode('utf-8', 'surrogatepass')).hexdigest()[:6]}"


def _about(source: str, page: Page, problems: Sequence[DigestError], at: datetime) -> bytes:
    """What a person has to know of a page: its own problems, or all if it has none."""
    own = [one for one in problems if one.where == page.url] or problems
    told = "\n".join(clean(str(one), MAX_PROBLEM) for one in own)
    return f"{source}, {at:%Y-%m-%d %H:%M} UTC\n{page.url}\n{told}\n".encode("utf-8", "replace")


# ---------------------------------------------------------------- what is there


@dataclass(frozen=True, slots=True, kw_only=True)
class _Harvest:
    """The files of a harvest that were kept before."""

    source: str
    """The part of their names that is the source's."""
    stamp: str
    files: list[Path] = field(default_factory=list)

    @property
    def pages(self) -> list[Path]:
        """In their order."""
        found = (path for path in self.files if path.suffix == ".page")
        return sorted(found, key=lambda path: int(path.stem.rpartition("-")[2]))

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(path.lstat().st_size for path in self.files)

    def holds(self, pages: Sequence[Page]) -> bool:
        """Whether it is of just these pages."""
        kept = self.pages
        if any(path.is_symlink() for path in kept):
            return False
        if [path.stat().st_size for path in kept] != [len(page.data) for page in pages]:
            return False
        return all(path.read_bytes() == page.data for path, page in zip(kept, pages, strict=True))

    def forget(self) -> None:
        """Remove it."""
        for path in self.files:
            path.unlink(missing_ok=True)


def _kept(folder: Path) -> list[_Harvest]:
    """The harvests whose pages are there, the oldest first; what else lies there is not ours."""
    harvests: dict[tuple[str, str], _Harvest] = {}
    for path in folder.iterdir():
        if ours := _OURS.fullmatch(path.name):
            source, stamp = ours.groups()
            one = harvests.setdefault((stamp, source), _Harvest(source=source, stamp=stamp))
            one.files.append(path)
    return [harvests[key] for key in sorted(harvests)]


def _make_room(kept: Sequence[_Harvest], source: str, needed: int) -> None:
    """Remove the oldest, so that one more of the source has room."""
    of_source = [one for one in kept if one.source == source]
    gone = of_source[: max(len(of_source) + 1 - MOST_HARVESTS, 0)]
    sizes = [(one, one.size) for one in kept if one not in gone]
    size = needed + sum(number for _, number in sizes)
    for one, its_size in sizes:
        if size <= MOST_BYTES:
            break
        gone.append(one)
        size -= its_size
    for one in gone:
        one.forget()


# ---------------------------------------------------------------- written


def _write(files: Mapping[Path, bytes]) -> None:
    """All of them, or none."""
    try:
        for path, data in files.items():
            with suppress(FileNotFoundError):  # of the same second; and never through a link that lies there
                path.unlink()
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(data)
    except OSError:
        for path in files:
            with suppress(OSError):
                path.unlink(missing_ok=True)
        raise
