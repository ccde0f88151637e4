"""Papers, what was observed of them, and how each harvest went."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from digest.identity import latest, matching_id, merged, title_identity
from digest.model import Candidate, Entry, Listing, Observation, Paper
from digest.store.tables import harvest, lookup, observation, paper, title

# SQLite takes at most 32,766 values in one statement.
BATCH = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Harvest:
    """How reading one source went: what it held, how much of it was new, and what was wrong, if anything."""

    source: str
    at: datetime
    papers: int = 0
    fresh: int = 0
    problem: str | None = None


def record_listing(connection: Connection, listing: Listing, at: datetime) -> int:
    """Store a list's papers and what it says of them; returns how many papers were not known before."""
    known = find_papers(connection, _all_ids(connection, listing.entries))
    fresh = 0
    for entry in listing.entries:
        key = title_identity(entry.paper.title)
        match = matching_id(entry.paper, _ids_of(connection, entry.paper.id, key, known))
        stored = merged(known.pop(match), entry.paper) if match else entry.paper
        if match is None:
            connection.execute(insert(paper).values(first_seen=at, **_row(stored)))
            fresh += 1
        else:
            connection.execute(update(paper).where(paper.c.id == match).values(**_row(stored)))
        known[stored.id] = stored
        _record_title(connection, key, stored.id)
        _record_observation(connection, stored.id, entry)
    return fresh


def _all_ids(connection: Connection, entries: Sequence[Entry]) -> list[str]:
    """Every stored id that some entry might be, by id or by title."""
    keys = [title_identity(entry.paper.title) for entry in entries]
    found = [entry.paper.id for entry in entries]
    for batch in _batches(keys):
        found += connection.execute(select(title.c.paper_id).where(title.c.key.in_(batch))).scalars()
    return found


def _ids_of(connection: Connection, identifier: str, key: str, known: dict[str, Paper]) -> list[str]:
    """The stored ids this paper may be; read anew, as an entry before it may have brought one."""
    titled = connection.execute(select(title.c.paper_id).where(title.c.key == key)).scalars()
    return [one for one in dict.fromkeys((identifier, *titled)) if one in known]


def _record_title(connection: Connection, key: str, identifier: str) -> None:
    held = select(title).where(title.c.key == key, title.c.paper_id == identifier)
    if connection.execute(held).first() is None:
        connection.execute(insert(title).values(key=key, paper_id=identifier))


def _record_observation(connection: Connection, identifier: str, entry: Entry) -> None:
    """Keep what a list said, if it is not what that source said last."""
    figures = _figures(entry.observation)
    last = connection.execute(
        select(observation)
        .where(observation.c.paper_id == identifier, observation.c.source == entry.paper.source)
        .order_by(observation.c.at.desc())
        .limit(1)
    ).first()
    if last and (last.at == entry.observation.at or _figures(_observation(last)) == figures):
        return
    connection.execute(
        insert(observation).values(
            paper_id=identifier, source=entry.paper.source, at=entry.observation.at, **figures
        )
    )


def record_harvest(connection: Connection, done: Harvest) -> None:
    """Keep how reading a source went."""
    values = {"papers": done.papers, "fresh": done.fresh, "problem": done.problem}
    statement = upsert(harvest).values(source=done.source, at=done.at, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["source", "at"], set_=values))


def record_lookups(connection: Connection, ids: Iterable[str], at: datetime) -> None:
    """Keep that sources were asked for these papers."""
    asked = [{"paper_id": identifier, "at": at} for identifier in ids]
    if asked:
        statement = upsert(lookup)
        connection.execute(
            statement.on_conflict_do_update(index_elements=["paper_id"], set_={"at": statement.excluded.at}),
            asked,
        )


def looked_up(connection: Connection, since: datetime) -> frozenset[str]:
    """The papers that sources were asked for after `since`."""
    return frozenset(connection.execute(select(lookup.c.paper_id).where(lookup.c.at > since)).scalars())


def last_harvests(connection: Connection) -> tuple[Harvest, ...]:
    """The latest harvest of each source, by name."""
    newest: dict[str, Row[Any]] = {}
    for row in connection.execute(select(harvest).order_by(harvest.c.at)):
        newest[row.source] = row
    return tuple(
        Harvest(source=row.source, at=row.at, papers=row.papers, fresh=row.fresh, problem=row.problem)
        for _, row in sorted(newest.items())
    )


def recent_candidates(connection: Connection, since: datetime, until: datetime) -> tuple[Candidate, ...]:
    """The papers first seen in (since, until], by id, with what was last observed of them."""
    recent = (paper.c.first_seen > since, paper.c.first_seen <= until)
    rows = connection.execute(select(paper).where(*recent).order_by(paper.c.id)).all()
    observed: defaultdict[str, list[Observation]] = defaultdict(list)
    for row in connection.execute(select(observation).join(paper).where(*recent, observation.c.at <= until)):
        observed[row.paper_id].append(_observation(row))
    return tuple(
        Candidate(paper=_paper(row), first_seen=row.first_seen, observation=latest(observed[row.id]))
        for row in rows
    )


def find_papers(connection: Connection, ids: Iterable[str]) -> dict[str, Paper]:
    """Those of the papers that are stored, by id."""
    found: dict[str, Paper] = {}
    for batch in _batches(list(dict.fromkeys(ids))):
        for row in connection.execute(select(paper).where(paper.c.id.in_(batch))):
            found[row.id] = _paper(row)
    return found


def _batches(values: list[str]) -> Iterable[list[str]]:
    return (values[start : start + BATCH] for start in range(0, len(values), BATCH))


def _row(value: Paper) -> dict[str, Any]:
    return {
        "id": value.id,
        "title": value.title,
        "source": value.source,
        "abstract": value.abstract,
        "authors": list(value.authors) if value.authors is not None else None,
        "n_authors": value.n_authors,
        "organization": value.organization,
        "organization_slug": value.organization_slug,
        "published": value.published,
        "url": value.url,
        "code_url": value.code_url,
        "project_url": value.project_url,
        "keywords": list(value.keywords),
    }


def _paper(row: Row[Any]) -> Paper:
    fields = {name: getattr(row, name) for name in Paper.__dataclass_fields__}
    authors = tuple(row.authors) if row.authors is not None else None
    return Paper(**(fields | {"authors": authors, "keywords": tuple(row.keywords)}))


def _figures(value: Observation) -> dict[str, Any]:
    return {
        "listed_on": value.listed_on,
        "upvotes": value.upvotes,
        "comments": value.comments,
        "stars": value.stars,
    }


def _observation(row: Row[Any]) -> Observation:
    return Observation(
        at=row.at, listed_on=row.listed_on, upvotes=row.upvotes, comments=row.comments, stars=row.stars
    )
