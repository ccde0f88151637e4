"""Waiting for what another thread or process does: the only thing for which a test may sleep."""

import time
from collections.abc import Callable

WITHIN_S = 60.0
"""Of a machine that is busy with other tests, too; usually it is there in a blink."""


def wait_for(is_so: Callable[[], object], what: str = "what the test waits for") -> None:
    """Until something is so; a test in which it never is fails. Nothing would wake us: so it is looked at."""
    deadline = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < deadline, f"{what} did not happen within {WITHIN_S:g} s"
        time.sleep(0.02)
