"""Real limits of the operating system for tests of transports."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture
def with_little_room() -> Iterator[Callable[[], None]]:
    """From the call on this process may write no file longer than 1,000 bytes, as on a full disk."""
    resource = pytest.importorskip("resource", reason="limits on file sizes need POSIX")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def files(tmp_path: Path) -> Callable[[], int]:
    """How many files there are under `tmp_path`."""
    return lambda: sum(path.is_file() for path in tmp_path.rglob("*"))
