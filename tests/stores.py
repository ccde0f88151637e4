"""Stores for tests: to make the tables takes longer than most tests, so it is done once, and copied."""

import tempfile
from functools import cache
from pathlib import Path

from digest.store.database import Database, open_database


@cache
def _empty_store() -> bytes:
    """A SQLite store with its tables, and nothing in them."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "digest.sqlite3"
        open_database(place).close()
        return place.read_bytes()


def open_copy(place: Path) -> Database:
    """Open the store at a place; an empty one, if there is none yet."""
    if not place.exists():
        place.write_bytes(_empty_store())
    return open_database(place)
