"""Papers, what was observed of them, and how each harvest went."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, delete, exists, insert, select, update

from digest.identity import LIBRARY, is_title_only, latest, merged, same_papers, title_identity
from digest.model import Candidate, Entry, Listing, Observation, Paper
from digest.store.dialect import upsert
from digest.store.tables import feedback, harvest, lookup, observation, paper, seen, summary, title, vector
from digest.text import title_key

# SQLite takes at most 32,766 values in one statement.
BATCH = 1_000
LAST_CHARACTER = "\U0010ffff"
# A row that only holds what a reader said of a paper (`record_mention`) is nobody's paper.
_IS_KNOWN = paper.c.source != LIBRARY


@dataclass(frozen=True, slots=True, kw_only=True)
class Harvest:
    """How reading one source went: what it held, how much of it was new, and what was wrong, if anything."""

    source: str
    at: datetime
    papers: int = 0
    fresh: int = 0
    problem: str | None = None


def record_listings(
    connection: Connection, source: str, listings: Iterable[Listing], at: datetime | None
) -> int:
    """Store the papers of a source's lists and what they say of them; how many of them are news.

    `at` is when they were first seen; `None` if no list brought them: they are news when one does.
    """
    entries = [entry for listing in listings for entry in listing.entries]
    known = _known(connection, entries)
    said: dict[str, list[Observation]] = {}
    fresh = 0
    for entry in entries:
        ids = _ids_of(connection, entry.paper, known)
        same = [known.pop(identifier) for identifier in same_papers(entry.paper, ids)]
        stored = _Known.of(entry.paper, same, at)
        fresh += stored.first_seen is not None and not any(one.first_seen for one in same)
        _store(connection, stored, same)
        _record_title(connection, entry.paper.title, stored.paper.id)
        known[stored.paper.id] = stored
        earlier = [one for was in same for one in said.pop(was.paper.id, [])]
        said[stored.paper.id] = [*earlier, entry.observation]
    for identifier, observations in said.items():
        if observed := latest(observations):
            _record_observation(connection, identifier, source, observed)
    return fresh


@dataclass(frozen=True, slots=True)
class _Known:
    """A stored paper, and when a list first brought it."""

    paper: Paper
    first_seen: datetime | None

    @classmethod
    def of(cls, new: Paper, same: "list[_Known]", at: datetime | None) -> "_Known":
        """A new entry and the rows that are the same paper, as one."""
        paper = new
        for one in reversed(same):
            paper = merged(one.paper, paper)
        moments = [one.first_seen for one in same if one.first_seen] or ([at] if at else [])
        return cls(paper, min(moments, default=None))


def record_mention(connection: Connection, identifier: str) -> None:
    """Make room for what a reader says of a paper that only the reader's own file knows: its id, no more.

    The file's words are the reader's, and readers share the store. No search finds the row until a source
    brings the paper, by this id or, where it is one of a title, by that title.
    """
    empty = _row(Paper(id=identifier, title=identifier, source=LIBRARY))
    connection.execute(upsert(connection, paper).values(**empty).on_conflict_do_nothing())
    if is_title_only(identifier):
        titled = upsert(connection, title).values(key=identifier, paper_id=identifier)
        connection.execute(titled.on_conflict_do_nothing())


def _known(connection: Connection, entries: Sequence[Entry]) -> dict[str, _Known]:
    """Every stored paper that some entry might be, by id or by title."""
    ids = [entry.paper.id for entry in entries]
    for batch in _batches([title_identity(entry.paper.title) for entry in entries]):
        ids += connection.execute(select(title.c.paper_id).where(title.c.key.in_(batch))).scalars()
    return {row.id: _Known(_paper(row), row.first_seen) for row in _rows(connection, ids)}


def _ids_of(connection: Connection, new: Paper, known: dict[str, _Known]) -> list[str]:
    """The stored ids this paper may be; read anew, as an entry before it may have brought one."""
    key = title_identity(new.title)
    titled = connection.execute(select(title.c.paper_id).where(title.c.key == key)).scalars()
    return [one for one in dict.fromkeys((new.id, *titled)) if one in known]


def _store(connection: Connection, stored: _Known, same: list[_Known]) -> None:
    """Insert a paper, or update its row; rows that turned out to be the same paper go into one."""
    values = _row(stored.paper) | {"first_seen": stored.first_seen}
    if same:
        kept, *folded = (one.paper.id for one in same)
        for identifier in folded:
            _fold(connection, identifier, kept)
        connection.execute(update(paper).where(paper.c.id == kept).values(**values))
    else:
        connection.execute(insert(paper).values(**values))


def _record_title(connection: Connection, text: str, identifier: str) -> None:
    """Keep each title that a paper was listed under."""
    titled = upsert(connection, title).values(key=title_identity(text), paper_id=identifier)
    connection.execute(titled.on_conflict_do_nothing())


def _fold(connection: Connection, gone: str, kept: str) -> None:
    """Let everything said of one row be said of another; what stands there already is enough."""
    for row in connection.execute(select(observation).where(observation.c.paper_id == gone)).all():
        _add_observation(connection, kept, row.source, _observation(row))
    for table in (title, seen, vector, summary):
        moved = update(table).where(table.c.paper_id == gone, ~_stands(table, kept)).values(paper_id=kept)
        connection.execute(moved)
    _fold_feedback(connection, gone, kept)
    for table in (title, seen, observation, feedback, vector, summary):
        connection.execute(delete(table).where(table.c.paper_id == gone))
    connection.execute(delete(paper).where(paper.c.id == gone))


def _stands(table: Table, kept: str) -> ColumnElement[bool]:
    """Whether the other paper has a row of the same key."""
    other = table.alias()
    key = (one.name for one in table.primary_key if one.name != "paper_id")
    return exists().where(other.c.paper_id == kept, *(other.c[name] == table.c[name] for name in key))


def _fold_feedback(connection: Connection, gone: str, kept: str) -> None:
    """Where a reader spoke of both rows, the last word counts."""
    for row in connection.execute(select(feedback).where(feedback.c.paper_id == gone)).all():
        said = upsert(connection, feedback).values(
            profile=row.profile, paper_id=kept, verdict=row.verdict, at=row.at
        )
        later = {"verdict": said.excluded.verdict, "at": said.excluded.at}
        connection.execute(
            said.on_conflict_do_update(
                index_elements=["profile", "paper_id"], set_=later, where=feedback.c.at < said.excluded.at
            )
        )


def _record_observation(connection: Connection, identifier: str, source: str, observed: Observation) -> None:
    """Keep what a source said, if it is not what it said last."""
    last = connection.execute(
        select(observation)
        .where(observation.c.paper_id == identifier, observation.c.source == source)
        .order_by(observation.c.at.desc())
        .limit(1)
    ).first()
    if last is None or _figures(_observation(last)) != _figures(observed):
        _add_observation(connection, identifier, source, observed)


def _add_observation(connection: Connection, identifier: str, source: str, observed: Observation) -> None:
    """What a source said at a moment; with what it said at that very moment already, as one."""
    key = {"paper_id": identifier, "source": source, "at": observed.at}
    there = connection.execute(select(observation).filter_by(**key)).first()
    figures = _figures(latest([_observation(there), observed]) or observed) if there else _figures(observed)
    new = upsert(connection, observation).values(**key, **figures)
    connection.execute(new.on_conflict_do_update(index_elements=["paper_id", "at", "source"], set_=figures))


def record_harvest(connection: Connection, done: Harvest) -> None:
    """Keep how reading a source went."""
    values = {"papers": done.papers, "fresh": done.fresh, "problem": done.problem}
    statement = upsert(connection, harvest).values(source=done.source, at=done.at, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["source", "at"], set_=values))


def record_lookups(connection: Connection, ids: Iterable[str], at: datetime) -> None:
    """Keep that sources were asked for these papers."""
    asked = [{"paper_id": identifier, "at": at} for identifier in ids]
    if asked:
        statement = upsert(connection, lookup)
        connection.execute(
            statement.on_conflict_do_update(index_elements=["paper_id"], set_={"at": statement.excluded.at}),
            asked,
        )


def looked_up(connection: Connection, since: datetime) -> frozenset[str]:
    """The papers that sources were asked for after `since`."""
    return frozenset(connection.execute(select(lookup.c.paper_id).where(lookup.c.at > since)).scalars())


def last_harvests(connection: Connection, *, since: datetime, until: datetime) -> tuple[Harvest, ...]:
    """The latest harvest of each source in (since, until], by name."""
    newest: dict[str, Row[Any]] = {}
    within = (harvest.c.at > since, harvest.c.at <= until)
    for row in connection.execute(select(harvest).where(*within).order_by(harvest.c.at)):
        newest[row.source] = row
    return tuple(
        Harvest(source=row.source, at=row.at, papers=row.papers, fresh=row.fresh, problem=row.problem)
        for _, row in sorted(newest.items())
    )


def recent_candidates(connection: Connection, since: datetime, until: datetime) -> tuple[Candidate, ...]:
    """The papers first seen in (since, until], by id, with what was last observed of them."""
    recent = (_IS_KNOWN, paper.c.first_seen > since, paper.c.first_seen <= until)
    rows = connection.execute(select(paper).where(*recent).order_by(paper.c.id)).all()
    observed: defaultdict[str, list[Observation]] = defaultdict(list)
    for row in connection.execute(select(observation).join(paper).where(*recent, observation.c.at <= until)):
        observed[row.paper_id].append(_observation(row))
    return tuple(
        Candidate(paper=_paper(row), first_seen=row.first_seen, observation=latest(observed[row.id]))
        for row in rows
    )


def latest_papers(connection: Connection, until: datetime, most: int) -> tuple[Paper, ...]:
    """The papers that lists had brought by then, the latest first; at most so many.

    Those that are stored only because somebody likes them are not among them: they come with a reader, not
    with time, and what one reader likes is no measure for another.
    """
    latest_first = (paper.c.first_seen.desc(), paper.c.id)
    listed = select(paper).where(_IS_KNOWN, paper.c.first_seen <= until)
    return tuple(_paper(row) for row in connection.execute(listed.order_by(*latest_first).limit(most)))


def find_papers(connection: Connection, ids: Iterable[str]) -> dict[str, Paper]:
    """Those of the papers that are stored, by id."""
    return {row.id: _paper(row) for row in _rows(connection, ids) if row.source != LIBRARY}


def find_titled(connection: Connection, titles: Iterable[str]) -> dict[str, tuple[Paper, ...]]:
    """The stored papers of some titles, by `title_identity`; those of a real id first."""
    found: defaultdict[str, list[Paper]] = defaultdict(list)
    for batch in _batches(list(dict.fromkeys(map(title_identity, titles)))):
        listed = select(paper, title.c.key).join_from(title, paper).where(title.c.key.in_(batch), _IS_KNOWN)
        for row in connection.execute(listed.order_by(paper.c.id)):
            found[row.key].append(_paper(row))
    return {key: tuple(sorted(papers, key=_is_title_only)) for key, papers in found.items()}


def find_beginning(connection: Connection, beginning: str, *, limit: int) -> tuple[Paper, ...]:
    """The stored papers of this title, else those whose title begins so, by id; at most `limit`."""
    key = title_key(beginning)
    if not key:
        return ()
    if exact := find_titled(connection, [beginning]).get(title_identity(beginning)):
        return exact[:limit]
    first = title_identity(beginning)
    begin_so = (title.c.key >= first, title.c.key < first + LAST_CHARACTER)
    listed = select(title.c.paper_id).join_from(title, paper).where(_IS_KNOWN, *begin_so).distinct()
    ids = connection.execute(listed.order_by(title.c.paper_id).limit(limit)).scalars().all()
    return tuple(sorted(find_papers(connection, ids).values(), key=lambda one: one.id))


def _is_title_only(value: Paper) -> bool:
    return is_title_only(value.id)


def _rows(connection: Connection, ids: Iterable[str]) -> Iterator[Row[Any]]:
    for batch in _batches(list(dict.fromkeys(ids))):
        yield from connection.execute(select(paper).where(paper.c.id.in_(batch))).all()


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
