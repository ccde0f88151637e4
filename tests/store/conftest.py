"""A store in a temporary folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from digest.store.database import Database, open_database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty store."""
    opened = open_database(tmp_path / "digest.sqlite3")
    yield opened
    opened.close()
