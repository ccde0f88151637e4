"""SQLite: a file, its connections, and what its troubles mean."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event

BUSY_S = 15
"""How long a writer waits for another."""

TROUBLES = {
    "not a database": "Move the file away, or name another as `store` in config.toml",
    "locked": "Another Digest is writing; try again when it has ended",
    "full": "Make room on the disk; nothing was lost",
    "unable to open": "See that the folder exists and is yours, or run `digest fetch` to make the store",
    "readonly": "See that the file and its folder are yours to write",
    "malformed": "The file is damaged; restore it from a backup",
    "disk I/O error": "See to the disk; what was stored before is safe",
}


def for_writing(path: Path) -> Engine:
    """Connections to a file that is made, for the owner's eyes, if it is not there.

    Raises OSError if it cannot be.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Addresses, interests and whole mails lie there.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    return _engine(str(path), {}, _prepare_writing)


def for_reading(path: Path) -> Engine:
    """Connections that never create nor write the database: https://www.sqlite.org/uri.html.

    They do make a working file beside it, though. Where that cannot be, and nobody is writing (there is no
    -wal), the file is read as one that does not change.
    """
    wal = path.with_name(path.name + "-wal")
    still = not os.access(path.parent, os.W_OK) and not wal.exists()
    uri = f"file:{quote(str(path.resolve()))}?mode=ro" + ("&immutable=1" if still else "")
    return _engine(uri, {"uri": "true"}, _prepare_reading)


def keep_readable_while_written(engine: Engine) -> None:
    """WAL, which lets previews read while an edition is written; it stays with the file."""
    raw = engine.raw_connection()
    try:
        raw.cursor().execute("PRAGMA journal_mode=WAL")
    finally:
        raw.close()


def fix_of(problem: BaseException | None) -> str | None:
    """What to do about a trouble; `None` if it is none, but a bug."""
    return next((fix for words, fix in TROUBLES.items() if words in str(problem)), None)


def damage(connection: Connection) -> str | None:
    """What is wrong with the file, in SQLite's words; `None` if all that it can see is well."""
    found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    return None if found == "ok" else " ".join(str(found).replace("*** in database main ***", "").split())


def _engine(database: str, query: dict[str, str], prepare: Any) -> Engine:
    url = URL.create("sqlite", database=database, query=query)
    # Tracebacks get into logs, and parameters are addresses and mails.
    engine = create_engine(url, connect_args={"timeout": BUSY_S}, hide_parameters=True)
    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare_writing(connection: Any, _record: object) -> None:
    """FULL keeps a `sent` mark through a power cut; FAST, as Debian would zero each page let go of."""
    connection.isolation_level = None  # BEGIN is ours: the driver would begin only at the first change.
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "secure_delete=FAST"):
        connection.execute(f"PRAGMA {pragma}")


def _prepare_reading(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA query_only=ON")


def _begin(connection: Connection) -> None:
    """A writer takes the lock first, so that a read and the write it leads to see the same rows."""
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
