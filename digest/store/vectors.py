"""Papers' embeddings: one a paper, made anew when its text or the model changes."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Row, delete, select

from digest.store.dialect import upsert
from digest.store.tables import vector

BATCH = 1_000
STORED = np.dtype("<f2")
"""Half precision: of two vectors of length 1, the inner product changes by less than 0.001."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """A paper's vector, and the text it was made of."""

    paper_id: str
    text: str
    vector: npt.NDArray[np.float32]


def stored_vectors(
    connection: Connection, model: str, ids: Iterable[str]
) -> Mapping[str, npt.NDArray[np.float32]]:
    """The vectors of a model for those of the papers that have one; all of one length, each of norm 1."""
    rows = _rows(connection, model, ids)
    return {row.paper_id: _vector(row) for row in rows if len(row.data) == STORED.itemsize * row.dimensions}


def some_vectors(connection: Connection, model: str, *, most: int) -> Mapping[str, npt.NDArray[np.float32]]:
    """Up to so many of a model's vectors: with papers that no list brought, as only readers like them."""
    rows = connection.execute(
        select(vector).where(vector.c.model == model).order_by(vector.c.paper_id).limit(most)
    )
    return {row.paper_id: _vector(row) for row in rows if len(row.data) == STORED.itemsize * row.dimensions}


def missing(connection: Connection, model: str, texts: Mapping[str, str]) -> tuple[str, ...]:
    """Of the papers (id: text), those without a vector of that model and that very text, in their order."""
    made = {row.paper_id: row.digest for row in _rows(connection, model, texts)}
    return tuple(identifier for identifier, text in texts.items() if made.get(identifier) != _digest(text))


def record_vectors(connection: Connection, model: str, embedded: Iterable[Embedded]) -> None:
    """Keep vectors of stored papers, each in the place of the paper's last one.

    A model that gives another length than before is another model, whatever its name: its older vectors go.
    """
    rows = [_row(model, one) for one in embedded]
    if not rows:
        return
    dimensions = rows[0]["dimensions"]
    connection.execute(delete(vector).where(vector.c.model == model, vector.c.dimensions != dimensions))
    new = upsert(connection, vector)
    changed = {name: new.excluded[name] for name in ("model", "digest", "dimensions", "data")}
    connection.execute(new.on_conflict_do_update(index_elements=["paper_id"], set_=changed), rows)


def _rows(connection: Connection, model: str, ids: Iterable[str]) -> Iterator[Row[Any]]:
    wanted = list(dict.fromkeys(ids))
    for start in range(0, len(wanted), BATCH):
        batch = vector.c.paper_id.in_(wanted[start : start + BATCH])
        yield from connection.execute(select(vector).where(vector.c.model == model, batch)).all()


def _row(model: str, one: Embedded) -> dict[str, Any]:
    return {
        "paper_id": one.paper_id,
        "model": model,
        "digest": _digest(one.text),
        "dimensions": len(one.vector),
        "data": one.vector.astype(STORED).tobytes(),
    }


def _vector(row: Row[Any]) -> npt.NDArray[np.float32]:
    """As it was but for the precision; at length 1 again."""
    read = np.frombuffer(row.data, STORED).astype(np.float32)
    unit: npt.NDArray[np.float32] = read / max(np.linalg.norm(read), np.float32(1e-6))
    return unit


def _digest(text: str) -> str:
    return sha256(text.encode(errors="replace")).hexdigest()
