"""One `fetch` or `send` at a time: a lock beside the store, free again when its holder dies."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from digest.errors import StoreError

LONGEST_WAIT_S = 900


@contextmanager
def sole_writer(store: Path, *, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock of a store; `waiting` is called once if another process has it, which is waited for.

    Whoever holds it knows that no other process is sending, so what looks like being sent was cut off.
    Raises StoreError if the lock cannot be made there, or is not free within LONGEST_WAIT_S.
    """
    lock = FileLock(store.with_name(store.name + ".lock"))
    try:
        try:
            lock.acquire(blocking=False)
        except Timeout:
            waiting()
            lock.acquire(timeout=LONGEST_WAIT_S)
    except Timeout as problem:
        what = f"another process has been at work for {LONGEST_WAIT_S / 60:g} minutes"
        raise StoreError(what, where=str(store), fix="See what it does, or end it") from problem
    except OSError as problem:
        fix = "See that the folder is yours to write"
        raise StoreError(f"cannot be locked ({problem.strerror})", where=str(store), fix=fix) from problem
    try:
        yield
    finally:
        lock.release()
