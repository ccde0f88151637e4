"""Opening the database: for writing, its tables brought up to date; or provably for reading only."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DatabaseError

from digest.errors import StoreError
from digest.store.lock import sole_writer

SCHEMA = "0004"
"""The newest migration; a test compares it with the files."""
BUSY_S = 15


@dataclass(frozen=True, slots=True)
class Database:
    """An open store. `begin` is one transaction that writes, `read` one that does not."""

    path: Path
    engine: Engine

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A writing transaction: committed as a whole at the end, or rolled back by an exception.

        Raises StoreError if the database is locked for longer than BUSY_S seconds, full, or damaged.
        """
        with _told(self.path), self.engine.connect() as opened:
            connection = opened.execution_options(writes=True)
            with connection.begin():
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view for reading."""
        with _told(self.path), self.engine.connect() as connection:
            yield connection

    def __enter__(self) -> "Database":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back; so does leaving a `with`."""
        self.engine.dispose()


def open_database(path: Path) -> Database:
    """Open for writing; made if it is not there, its tables migrated if they are older than this program.

    Raises StoreError if it cannot be opened, is no store of Digest, or is newer than this program.
    """
    with _told(path), _told_of_files(path):
        _make_private(path)
        database = Database(path, _engine(str(path), _prepare_writing))
        if not _is_ready(database):
            with sole_writer(path, waiting=lambda: None):
                _make_ready(database)
    return database


def _is_ready(database: Database) -> bool:
    """Whether its tables are of this program's version. Raises StoreError for somebody else's database."""
    with database.engine.connect() as connection:
        return _version(connection, database.path) == SCHEMA


def _make_ready(database: Database) -> None:
    """WAL, which lets previews read while an edition is written, stays with the file; then the tables."""
    with database.engine.connect() as connection:
        version = _version(connection, database.path)
    raw = database.engine.raw_connection()
    try:
        raw.cursor().execute("PRAGMA journal_mode=WAL")
    finally:
        raw.close()
    if version != SCHEMA:
        _migrate(database.engine, database.path, version)


def open_for_reading(path: Path) -> Database:
    """Open without the means to change anything: SQLite itself refuses every write.

    Raises StoreError if it is not there, or its tables are older or newer than this program.
    """
    with _told(path), _told_of_files(path):
        database = Database(path, _engine(_reading_uri(path), _prepare_reading))
        with database.engine.connect() as connection:
            version = _version(connection, path)
    if version != SCHEMA:
        raise StoreError(
            f"the store is of version {version or 'none'}, this program needs {SCHEMA}",
            where=str(path),
            fix="Run `digest fetch`, which brings an older store up to date",
        )
    return database


def _reading_uri(path: Path) -> str:
    """https://www.sqlite.org/uri.html: mode=ro never creates nor writes the database.

    It does make a working file beside it, though. Where that cannot be, and nobody is writing (there is no
    -wal), the file is read as one that does not change.
    """
    wal = path.with_name(path.name + "-wal")
    still = not os.access(path.parent, os.W_OK) and not wal.exists()
    return f"file:{quote(str(path.resolve()))}?mode=ro" + ("&immutable=1" if still else "")


def _engine(database: str, prepare: Any) -> Engine:
    is_uri = database.startswith("file:")
    url = URL.create("sqlite", database=database, query={"uri": "true"} if is_uri else {})
    engine = create_engine(url, connect_args={"timeout": BUSY_S})
    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _make_private(path: Path) -> None:
    """Addresses, interests and whole mails lie there: for the owner's eyes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _prepare_writing(connection: Any, _record: object) -> None:
    """FULL keeps a `sent` mark through a power cut."""
    connection.isolation_level = None  # BEGIN is ours: the driver would begin only at the first change.
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _prepare_reading(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA query_only=ON")


def _begin(connection: Connection) -> None:
    """A writer takes the lock first, so that a read and the write it leads to see the same rows."""
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _version(connection: Connection, path: Path) -> str | None:
    """The version of its tables; `None` if it has none yet. Raises StoreError for somebody else's."""
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    if "alembic_version" not in tables:
        fix = "Name another file as `store` in config.toml"
        raise StoreError("the file is a database, but no store of Digest", where=str(path), fix=fix)
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def _migrate(engine: Engine, path: Path, version: str | None) -> None:
    # Imported here: opening a store that is up to date must not pay for it.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if version is not None and version not in known:
        raise StoreError(
            f"the store is of version {version}, which this program does not know",
            where=str(path),
            fix="A newer Digest wrote it: upgrade, or name another store",
        )
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say what the database's own troubles mean to a person; any other error is a bug, and stays one."""
    try:
        yield
    except DatabaseError as problem:
        reason = str(problem.orig)
        fix = next((fix for words, fix in _TROUBLES.items() if words in reason), None)
        if fix is None:
            raise
        raise StoreError(f"the store cannot be used: {reason}", where=str(path), fix=fix) from problem


@contextmanager
def _told_of_files(path: Path) -> Iterator[None]:
    """The same for the folder and the file."""
    try:
        yield
    except OSError as problem:
        fix = "See that the folder exists and is yours, or name another `store` in config.toml"
        raise StoreError(
            f"the store cannot be used: {problem.strerror}", where=str(path), fix=fix
        ) from problem


_TROUBLES = {
    "not a database": "Move the file away, or name another as `store` in config.toml",
    "locked": "Another Digest is writing; try again when it has ended",
    "full": "Make room on the disk; nothing was lost",
    "unable to open": "See that the folder exists and is yours, or run `digest fetch` to make the store",
    "readonly": "See that the file and its folder are yours to write",
    "malformed": "The file is damaged; restore it from a backup",
    "disk I/O error": "See to the disk; nothing was lost that was said to be stored",
}
