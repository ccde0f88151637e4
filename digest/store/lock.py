"""Who is at work in a store: locks that are free again, by themselves, when their holder dies.

Beside a file they are locked files, which the operating system frees; in PostgreSQL, advisory locks of a
session of their own, which ends with its process.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from digest.errors import StoreError
from digest.store import postgresql
from digest.store.troubles import Place, location, told

LONGEST_WAIT_S = 900
ASK_AGAIN_S = 0.25
Work = Literal["harvest", "editions"]
_OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}")
_Take = Callable[[float], bool]
"""Take the lock within so many seconds: whether it was free."""


@contextmanager
def sole_writer(place: Place, *, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock of a store, as whoever makes or changes its tables does.

    `waiting` is called once if another process has it, which is waited for. Raises StoreError if the lock
    cannot be made there, or is not free within LONGEST_WAIT_S.
    """
    with _lock(place, "") as take:
        _wait_for(take, place, waiting)
        yield


@contextmanager
def at_work(place: Place, work: Work, *, waiting: Callable[[], None] | None) -> Iterator[bool]:
    """Whether one holds the lock of this work, which one process at a time does: to read sources, or to make
    editions.

    `waiting` is called once if another process has it, which is then waited for; without it (`None`) it is
    not waited for, and left to the other. Raises StoreError as `sole_writer` does.
    """
    with _lock(place, work) as take:
        if waiting is None:
            yield take(0)
        else:
            _wait_for(take, place, waiting)
            yield True


def _wait_for(take: _Take, place: Place, waiting: Callable[[], None]) -> None:
    if take(0):
        return
    waiting()
    if not take(LONGEST_WAIT_S):
        what = f"another process has been at work for {LONGEST_WAIT_S / 60:g} minutes"
        raise StoreError(what, where=location(place), fix="See what it does, or end it")


@contextmanager
def present(place: Place, owner: str) -> Iterator[None]:
    """Be seen to be alive under a name that nobody else has, while its messages are under way.

    Raises ValueError for a name that is none, or is taken; StoreError if this cannot be stated there.
    """
    if not _OWNER.fullmatch(owner):
        raise ValueError(f"{owner!r} is no name of an owner")
    if isinstance(place, Path):
        _sweep(place)
    with _lock(place, f"owner-{owner}") as take:
        # Others hold it for a moment, when they ask.
        if not take(5):
            raise ValueError(f"another process goes by the name of {owner}")
        try:
            yield
        finally:
            if isinstance(place, Path):
                _beside(place, f"owner-{owner}").unlink(missing_ok=True)


def is_gone(place: Place, owner: str) -> bool:
    """Whether no living process goes by this name. Raises StoreError if that cannot be found out."""
    if not _OWNER.fullmatch(owner):
        return True
    if not isinstance(place, Path):
        with told(place), postgresql.for_locking(place).connect() as connection:
            return not postgresql.is_locked(connection, f"owner-{owner}")
    return not _beside(place, f"owner-{owner}").exists() or _is_free(place, owner)


def _is_free(store: Path, owner: str) -> bool:
    """The file of one that died is removed: no process ever has its name again."""
    with _lock(store, f"owner-{owner}") as take:
        if not take(0):
            return False
        _beside(store, f"owner-{owner}").unlink(missing_ok=True)
        return True


def _sweep(store: Path) -> None:
    """Remove what killed processes left."""
    for path in store.parent.glob(f"{_escaped(store.name)}.owner-*.lock"):
        owner = path.name.removeprefix(f"{store.name}.owner-").removesuffix(".lock")
        if _OWNER.fullmatch(owner):
            _is_free(store, owner)


def _escaped(name: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", name)


def _beside(store: Path, name: str) -> Path:
    return store.with_name(f"{store.name}.{name}.lock" if name else f"{store.name}.lock")


@contextmanager
def _lock(place: Place, name: str) -> Iterator[_Take]:
    """A lock of a store, not taken yet; given back at the end."""
    if isinstance(place, Path):
        with _file_lock(place, name) as take:
            yield take
    else:
        with _session_lock(place, name) as take:
            yield take


@contextmanager
def _file_lock(store: Path, name: str) -> Iterator[_Take]:
    lock = FileLock(_beside(store, name))

    def take(seconds: float) -> bool:
        try:
            lock.acquire(timeout=seconds)
        except Timeout:
            return False
        except OSError as problem:
            fix = "See that the folder is yours to write"
            what = f"cannot be locked ({problem.strerror})"
            raise StoreError(what, where=str(store), fix=fix) from problem
        return True

    try:
        yield take
    finally:
        lock.release()


@contextmanager
def _session_lock(place: str, name: str) -> Iterator[_Take]:
    with told(place), postgresql.for_locking(place).connect() as connection:

        def take(seconds: float) -> bool:
            until = time.monotonic() + seconds
            while not postgresql.try_lock(connection, name):
                if time.monotonic() >= until:
                    return False
                time.sleep(ASK_AGAIN_S)
            return True

        yield take
