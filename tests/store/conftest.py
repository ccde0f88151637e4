"""Stores of both kinds: what is true of one is true of the other."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from digest.store.database import Database, open_database
from digest.store.tables import metadata
from digest.store.troubles import Place
from tests.postgres import Server, running_server
from tests.stores import open_copy

KINDS = ("sqlite", pytest.param("postgresql", marks=pytest.mark.slow))


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server, started by the first test that needs it."""
    with running_server() as started:
        yield started


@pytest.fixture(scope="session")
def _made_once(server: Server) -> Iterator[Database]:
    with open_database(server.empty()) as opened:
        yield opened


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty store, of each kind in turn."""
    if request.param == "sqlite":
        with open_copy(tmp_path / "digest.sqlite3") as opened:
            yield opened
    else:
        opened = request.getfixturevalue("_made_once")
        with opened.begin() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
        yield opened


@pytest.fixture(params=KINDS)
def new_place(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Place]:
    """Says, at each call, a place where there is no store yet, of each kind in turn."""
    if request.param == "sqlite":
        folders = (tmp_path / str(number) / "digest.sqlite3" for number in range(1, 100))
        return lambda: next(folders)
    made: Server = request.getfixturevalue("server")
    return made.empty
