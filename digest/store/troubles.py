"""Saying what a database's own troubles mean to a person."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DatabaseError

from digest.errors import StoreError
from digest.store import postgresql, sqlite

Place = Path | str
"""Where a store is: a file, or the `postgresql://` address of a database."""


def location(place: Place) -> str:
    """The same for people: never with a password."""
    return str(place) if isinstance(place, Path) else postgresql.shown(place)


@contextmanager
def told(place: Place) -> Iterator[None]:
    """Turn troubles of the database into StoreError; any other error is a bug, and stays one."""
    try:
        yield
    except DatabaseError as problem:
        ask = sqlite.fix_of if isinstance(place, Path) else postgresql.fix_of
        fix = ask(problem.orig)
        if fix is None:
            raise
        # libpq says several things in lines of their own, with a stop behind the last one only.
        lines = (" ".join(line.split()) for line in str(problem.orig).splitlines())
        reason = ": ".join(line.rstrip(":") for line in lines if line)
        raise StoreError(f"the store cannot be used: {reason}", where=location(place), fix=fix) from problem


@contextmanager
def told_of_files(place: Place) -> Iterator[None]:
    """The same for the folder and the file."""
    try:
        yield
    except OSError as problem:
        fix = "See that the folder exists and is yours, or name another `store` in config.toml"
        what = f"the store cannot be used: {problem.strerror}"
        raise StoreError(what, where=location(place), fix=fix) from problem
