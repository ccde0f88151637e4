"""Opening the database: for writing, its tables brought up to date; or provably for reading only."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from digest.errors import StoreError
from digest.store import postgresql, sqlite
from digest.store.dialect import is_sqlite
from digest.store.lock import sole_writer
from digest.store.troubles import Place, location, told, told_of_files

SCHEMA = "0008"
"""The newest migration; a test compares it with the files."""


@dataclass(frozen=True, slots=True)
class Database:
    """An open store. `begin` is one transaction that writes, `read` one that does not."""

    place: Place = field(repr=False)
    engine: Engine = field(repr=False)

    @property
    def location(self) -> str:
        """Where it is, for people: never with a password."""
        return location(self.place)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A writing transaction: committed as a whole at the end, or rolled back by an exception.

        Raises StoreError if the database is locked for longer than 15 seconds, full, damaged or gone.
        """
        with told(self.place), self.engine.connect() as opened:
            connection = opened.execution_options(writes=True)
            with connection.begin():
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view for reading."""
        with told(self.place), self.engine.connect() as opened:
            connection = opened
            if not is_sqlite(opened):
                connection = opened.execution_options(isolation_level="REPEATABLE READ")
                postgresql.read_in_peace(connection)
            yield connection

    def now(self, machine: datetime) -> datetime:
        """The moment by the clock that all who use the store share: the server's, where there is one."""
        if isinstance(self.place, Path):
            return machine
        with self.read() as connection:
            return postgresql.now(connection)

    def __enter__(self) -> "Database":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the file or the connections back; so does leaving a `with`."""
        self.engine.dispose()


def open_database(place: Place) -> Database:
    """Open for writing; its tables made if there are none, migrated if they are older than this program.

    Raises StoreError if it cannot be opened, is no store of Digest, or is newer than this program.
    """
    with told(place), told_of_files(place), ExitStack() as if_it_fails:
        database = if_it_fails.enter_context(Database(place, _for_writing(place)))
        if not _is_ready(database):
            _make_ready(database)
        if_it_fails.pop_all()
    return database


def open_for_reading(place: Place) -> Database:
    """Open without the means to change anything: the database itself refuses every write.

    Raises StoreError if it is not there, has no tables yet, or such as are older or newer than this program.
    """
    with told(place), told_of_files(place), ExitStack() as if_it_fails:
        database = if_it_fails.enter_context(Database(place, _for_reading(place)))
        version = _version_of(database)
        if version is None:
            raise StoreError("there is no store yet", where=location(place), fix="Run `digest send`")
        if version != SCHEMA:
            raise StoreError(
                f"the store is of version {version}, this program needs {SCHEMA}",
                where=location(place),
                fix="Run `digest fetch`, which brings an older store up to date",
            )
        if_it_fails.pop_all()
    return database


def is_there(place: Place) -> bool:
    """Whether there is a store yet: with tables, which a process that is killed early never made.

    Raises StoreError if that cannot be found out, or if this is something else.
    """
    if isinstance(place, Path) and not place.exists():
        return False
    with told(place), told_of_files(place), Database(place, _for_reading(place)) as database:
        return _version_of(database) is not None


def damage(database: Database) -> str | None:
    """What the database knows to be wrong with itself, in its own words; `None` if nothing."""
    with database.read() as connection:
        return sqlite.damage(connection) if is_sqlite(connection) else postgresql.damage(connection)


def _for_writing(place: Place) -> Engine:
    return sqlite.for_writing(place) if isinstance(place, Path) else postgresql.for_writing(place)


def _for_reading(place: Place) -> Engine:
    return sqlite.for_reading(place) if isinstance(place, Path) else postgresql.for_reading(place)


# ---------------------------------------------------------------- its tables


def _is_ready(database: Database) -> bool:
    """Whether its tables are of this program's version. Raises StoreError for somebody else's database."""
    return _version_of(database) == SCHEMA


def _version_of(database: Database) -> str | None:
    with database.engine.connect() as connection:
        return _version(connection, database.place)


def _make_ready(database: Database) -> None:
    """One process at a time makes or changes tables; the others find them as they should be."""
    if isinstance(database.place, Path):
        with sole_writer(database.place, waiting=lambda: None):
            sqlite.keep_readable_while_written(database.engine)
            _bring_up_to_date(database)
    else:
        _bring_up_to_date(database)


def _bring_up_to_date(database: Database) -> None:
    with database.engine.connect() as opened:
        connection = opened.execution_options(writes=True)
        with connection.begin():
            if not is_sqlite(connection):
                postgresql.lock_for_transaction(connection, "tables")
            version = _version(connection, database.place)
            if version != SCHEMA:
                _migrate(connection, database.place, version)


def _version(connection: Connection, place: Place) -> str | None:
    """The version of its tables; `None` if it has none yet. Raises StoreError for somebody else's."""
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    if "alembic_version" not in tables:
        what = "the file is a database" if isinstance(place, Path) else "the database has tables"
        fix = f"Name another {'file' if isinstance(place, Path) else 'database'} as `store` in config.toml"
        raise StoreError(f"{what}, but no store of Digest", where=location(place), fix=fix)
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def _migrate(connection: Connection, place: Place, version: str | None) -> None:
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
            where=location(place),
            fix="A newer Digest wrote it: upgrade, or name another store",
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
