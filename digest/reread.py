"""The configuration read again while it is in use: only those files that are not as they were."""

import os
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from digest.config import Configuration, Loaded, load_configuration, load_profile
from digest.errors import ConfigurationError

JUST_NOW_NS = 2_000_000_000
"""A file that was changed so shortly before it was read may change once more without its time telling."""


class Stamp(NamedTuple):
    """What tells a file from what it was before."""

    size: int
    changed_ns: int
    inode: int


@dataclass(slots=True)
class Files:
    """`config.toml` and the profiles beside it, and how they were when they were last read."""

    file: Path
    clock_ns: Callable[[], int] = time.time_ns
    """By which the file system stamps its files."""
    _config: Stamp | None = None
    _folder: Path | None = None
    _identity: tuple[int, int] | None = None
    """Of that folder: another one under its name has another, as where a disk is not mounted."""
    _read: dict[str, tuple[Stamp | None, Loaded]] = field(default_factory=dict)
    """What each profile's file gave, by its name; without a stamp it is to be read again."""

    @property
    def names(self) -> frozenset[str]:
        """The readers who have a profile, be it one that cannot be used."""
        return frozenset(name.removesuffix(".toml") for name in self._read)

    def forget(self) -> None:
        """Read all files the next time."""
        self._config = None
        self._read = {name: (None, given) for name, (_, given) in self._read.items()}

    def is_changed(self) -> bool:
        """Whether a file is there that was not, is not any more, or is not as it was."""
        if self._config is None or _stamp(self.file) != self._config:
            return True
        known = {name: stamp for name, (stamp, _) in self._read.items()}
        return None in known.values() or known != _stamps(self._folder)

    def read(self) -> Configuration:
        """The configuration as it is now.

        Raises ConfigurationError if `config.toml` cannot be used, or the folder of profiles is gone since it
        was read, or is another one and empty, as where a disk is not mounted: that is an accident, and no
        wish of all its readers. Profiles are then as they were.
        """
        self._config = self._as_read(self.file)
        read: dict[str, tuple[Stamp | None, Loaded]] = {}

        def load(path: Path) -> Loaded:
            stamp, (before, given) = self._as_read(path), self._read.get(path.name, (None, None))
            is_known = stamp is not None and stamp == before
            loaded = given if is_known and given else load_profile(path)
            read[path.name] = stamp, loaded
            return loaded

        loaded = load_configuration(self.file, load)
        folder = loaded.path(loaded.settings.profiles)
        if folder == self._folder and not folder.is_dir():
            fix = "Bring it back; until then its readers are as they were"
            raise ConfigurationError.of("the folder of profiles is gone", where=str(folder), fix=fix)
        identity = _identity(folder)
        if folder == self._folder and self._read and not read and identity != self._identity:
            fix = "Is its disk mounted? Until its files are there its readers are as they were"
            raise ConfigurationError.of("another, empty folder is in its place", where=str(folder), fix=fix)
        self._read, self._folder, self._identity = read, folder if identity else None, identity
        return loaded

    def _as_read(self, path: Path) -> Stamp | None:
        """Taken before the file is read: what is changed meanwhile is read again."""
        stamp = _stamp(path)
        is_sure = stamp is not None and abs(self.clock_ns() - stamp.changed_ns) >= JUST_NOW_NS
        return stamp if is_sure else None


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if folder.is_dir() else None


def _stamps(folder: Path | None) -> dict[str, Stamp | None]:
    """Of all profiles of a folder; there may be many, and this is asked each minute."""
    try:
        with os.scandir(folder) if folder else nullcontext(()) as entries:
            return {entry.name: _stamp(entry) for entry in entries if entry.name.endswith(".toml")}
    except OSError:
        return {}


def _stamp(file: "Path | os.DirEntry[str]") -> Stamp | None:
    """`None` for a file that cannot be looked at."""
    try:
        found = file.stat()
    except OSError:
        return None
    return Stamp(found.st_size, found.st_mtime_ns, found.st_ino)
