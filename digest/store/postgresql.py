"""PostgreSQL through psycopg 3: its connections, its locks, and what its troubles mean.

A password never stands in an address here: libpq finds it in PGPASSWORD or ~/.pgpass.
"""

from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    NullPool,
    Pool,
    QueuePool,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.exc import ArgumentError

from digest.errors import StoreError

BUSY_S = 15
"""How long a writer waits for a lock."""
STATEMENT_S = 300
STALLED_S = 60
"""How long a transaction that writes may stand still between two statements."""
# A server that is gone without a word is noticed within a minute (PostgreSQL's manual, 34.1.2).
_NETWORK = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
    "application_name": "digest",
}
_SESSION = (
    f"SET lock_timeout = '{BUSY_S}s'",
    f"SET statement_timeout = '{STATEMENT_S}s'",
    "SET timezone = 'UTC'",
    "SET client_encoding = 'UTF8'",
    # A `sent` mark must outlive a power cut, whatever the server does for others.
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') = 'off'",
)
# A process that is stopped inside a change must not keep the others from theirs.
_WRITING = (f"SET idle_in_transaction_session_timeout = '{STALLED_S}s'",)
_READING = ("SET default_transaction_read_only = on",)

# https://www.postgresql.org/docs/current/errcodes-appendix.html; a class of two characters is for all of its.
TROUBLES = {
    "28": "See that the user may use the database; put the password into PGPASSWORD or ~/.pgpass (chmod 600)",
    "3D000": "Make it with `createdb`, or name another database as `store` in config.toml",
    "53100": "Make room on the server's disk; nothing was lost",
    "53300": "The server has too many connections; try again, or allow more (max_connections)",
    "53": "See to the server's memory and disk; what was stored before is safe",
    "25P03": "It stood still for too long inside of a change, which was undone; try again",
    "25006": "The server lets nothing be written here: name the primary server, not a readonly copy",
    "42501": "Grant the user what it needs: it has to own the tables, or be allowed to make them",
    "55P03": "Another Digest is writing; try again when it has ended",
    "57014": "The server took too long; see what else it does",
    "40": "Another Digest was writing the same; try again",
    "57P": "The server is starting or stopping; try again when it runs",
    "08": "See that the server runs and can be reached; what was stored before is safe",
    "58": "See to the server's disk; what was stored before is safe",
    "XX001": "The database is damaged; restore it from a backup",
    "XX002": "An index is damaged; REINDEX the database, or restore it from a backup",
}
# What libpq says of a connection that it could not make, or lost, comes without a code.
_WORDS = {
    'role "': TROUBLES["28"],
    "password": TROUBLES["28"],
    "authentication failed": TROUBLES["28"],
    "no pg_hba.conf entry": TROUBLES["28"],
    "too many": TROUBLES["53300"],
    "does not exist": TROUBLES["3D000"],
}


def shown(place: str) -> str:
    """The address as people may see it."""
    url = _url(place)
    return url.set(drivername="postgresql", query={}).render_as_string(hide_password=True)


def for_writing(place: str) -> Engine:
    """Connections to the database; none is opened yet. Raises StoreError without psycopg."""
    return _engine(place, (*_SESSION, *_WRITING))


def for_reading(place: str) -> Engine:
    """Connections in which the server itself refuses every write. Raises StoreError without psycopg."""
    return _engine(place, (*_SESSION, *_READING))


def for_locking(place: str) -> Engine:
    """Connections without transactions; given back, each ends, and its session's locks with it."""
    return _engine(place, _SESSION, NullPool).execution_options(isolation_level="AUTOCOMMIT")


def fix_of(problem: BaseException | None) -> str | None:
    """What to do about a trouble; `None` if it is none, but a bug."""
    import psycopg

    code = getattr(problem, "sqlstate", None) or ""
    for start in (code, code[:3], code[:2]):
        if start in TROUBLES:
            return TROUBLES[start]
    if code or not isinstance(problem, psycopg.OperationalError):
        return None
    return next((fix for words, fix in _WORDS.items() if words in str(problem)), TROUBLES["08"])


def now(connection: Connection) -> datetime:
    """The server's clock."""
    read: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    return read


def read_in_peace(connection: Connection) -> None:
    """Let this transaction write nothing, and stand still as long as it likes: it keeps nobody from anything.

    Not by SQLAlchemy's `postgresql_readonly`: that leaves the connection behind as one that may write.
    """
    off = "set_config('idle_in_transaction_session_timeout', '0', true)"
    connection.execute(text(f"SELECT set_config('transaction_read_only', 'on', true), {off}"))


def damage(connection: Connection) -> str | None:
    """What the server's checksums found wrong with this database; `None` if nothing, or if it keeps none."""
    found = connection.execute(
        text("SELECT checksum_failures FROM pg_stat_database WHERE datname = current_database()")
    ).scalar()
    return f"the server met {found} damaged pages" if found else None


def lock_number(name: str) -> int:
    """The advisory lock of a name: signed, 64 bits."""
    return int.from_bytes(sha256(f"digest {name}".encode()).digest()[:8], "big", signed=True)


def lock_for_transaction(connection: Connection, name: str) -> None:
    """Wait for a lock, BUSY_S seconds at most, and hold it until the transaction ends."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": lock_number(name)})


def try_lock(connection: Connection, name: str) -> bool:
    """Hold a lock until the session ends, if nobody has it."""
    asked = text("SELECT pg_try_advisory_lock(:number)")
    return bool(connection.execute(asked, {"number": lock_number(name)}).scalar_one())


def is_locked(connection: Connection, name: str) -> bool:
    """Whether some session of this database holds a lock."""
    number = lock_number(name)
    held = text(
        "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
        " WHERE datname = current_database() AND locktype = 'advisory' AND granted AND objsubid = 1"
        " AND classid::bigint = :high AND objid::bigint = :low)"
    )
    halves = {"high": (number >> 32) & 0xFFFFFFFF, "low": number & 0xFFFFFFFF}
    return bool(connection.execute(held, halves).scalar_one())


def _engine(place: str, session: tuple[str, ...], pool: type[Pool] = QueuePool) -> Engine:
    _need_driver(place)
    url = _url(place)
    network = {name: value for name, value in _NETWORK.items() if name not in url.query}
    # Tracebacks get into logs, and parameters are addresses and mails.
    engine = create_engine(
        url,
        connect_args=network,
        poolclass=pool,
        pool_pre_ping=pool is not NullPool,
        hide_parameters=True,
    )
    event.listen(engine, "connect", lambda connection, _record: _prepare(connection, session))
    return engine


def _prepare(connection: Any, session: tuple[str, ...]) -> None:
    connection.autocommit = True
    for statement in session:
        connection.execute(statement)
    connection.autocommit = False


def _need_driver(place: str) -> None:
    try:
        import psycopg  # noqa: F401
    except ImportError as problem:
        raise StoreError(
            f"PostgreSQL needs psycopg, which cannot be loaded ({problem})",
            where=shown(place),
            fix="Run `pip install 'paperdigest[postgres]'`",
        ) from problem


def _url(place: str) -> URL:
    try:
        return make_url(place).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError) as problem:
        fix = 'Write `store = "postgresql://USER@HOST/DATABASE"` in config.toml'
        # Not the address itself: where it cannot be read, it cannot be told what of it is a password.
        raise StoreError("the store's address cannot be read", where="store", fix=fix) from problem
