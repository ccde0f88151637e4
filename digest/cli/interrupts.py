"""Ctrl-C and SIGTERM, by which a command ends in order and says how things stand."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from digest.errors import DigestError


@contextmanager
def interruptible(what: str, fix: str) -> Iterator[None]:
    """Until the end of the block, either of them raises DigestError, which says this.

    What is in the store then is whole: each transaction is there, or not at all.
    """

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = None
    with suppress(ValueError):  # in a thread, which gets no signals
        before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        raise DigestError(what, fix=fix) from None
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)
