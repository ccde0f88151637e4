"""Papers' summaries by a language model: one a paper, for all readers."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, select

from digest.model import Summary
from digest.store.dialect import upsert
from digest.store.tables import summary

BATCH = 1_000


def stored_summaries(connection: Connection, asked: Mapping[str, str]) -> dict[str, Summary]:
    """The summaries of papers (id: digest of what a model is asked), as far as just that was answered."""
    ids = list(asked)
    found = {}
    for start in range(0, len(ids), BATCH):
        batch = summary.c.paper_id.in_(ids[start : start + BATCH])
        for row in connection.execute(select(summary).where(batch)):
            if row.digest == asked[row.paper_id]:
                found[row.paper_id] = Summary(text=row.text, model=row.model)
    return found


def record_summary(connection: Connection, paper_id: str, asked: str, written: Summary, at: datetime) -> None:
    """Keep a stored paper's summary in the place of its last one; `asked` is the digest of the question."""
    values = {"model": written.model, "digest": asked, "text": written.text, "at": at}
    new = upsert(connection, summary).values(paper_id=paper_id, **values)
    connection.execute(new.on_conflict_do_update(index_elements=["paper_id"], set_=values))
