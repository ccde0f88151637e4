"""What SQLite and PostgreSQL say differently: the only place that asks which of them it is."""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import JSON, Column, ColumnElement, Connection, Table, Text, bindparam, cast, func, select
from sqlalchemy.dialects import postgresql, sqlite

# The two `insert` are two classes with the same methods.
Upsert = sqlite.Insert


def is_sqlite(connection: Connection) -> bool:
    """Whether this is SQLite; else it is PostgreSQL."""
    return connection.dialect.name == "sqlite"


def upsert(connection: Connection, table: Table) -> Upsert:
    """An INSERT that knows ON CONFLICT."""
    made: Any = sqlite.insert(table) if is_sqlite(connection) else postgresql.insert(table)
    upsert: Upsert = made
    return upsert


def among(connection: Connection, column: Column[Any], values: Iterable[str]) -> ColumnElement[bool]:
    """Whether a column is one of these, however many: one variable, where SQLite takes at most 32,766."""
    listed = bindparam(None, json.dumps(list(values)), type_=Text)
    if is_sqlite(connection):
        each: Any = func.json_each(listed).table_valued("value").c.value
    else:
        each = func.json_array_elements_text(cast(listed, JSON(none_as_null=True))).column_valued("value")
    return column.in_(select(each))
