"""One sender at a time: a lock beside the store that the operating system lets go of when its holder dies."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from digest.errors import StoreError


@contextmanager
def sole_sender(store: Path, *, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock of a store; `waiting` is called once if another process has it, which is waited for.

    Whoever holds it knows that no other process is sending, so what looks like being sent was cut off.
    Raises StoreError if the lock cannot be made there.
    """
    lock = FileLock(store.with_name(store.name + ".lock"))
    try:
        try:
            lock.acquire(blocking=False)
        except Timeout:
            waiting()
            lock.acquire()
    except OSError as problem:
        fix = "See that the folder is yours to write"
        raise StoreError(f"cannot be locked ({problem.strerror})", where=str(store), fix=fix) from problem
    try:
        yield
    finally:
        lock.release()
