"""Papers, and what was observed of them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    Row,
    Table,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from digest.gathering import MOST_OF_A_TITLE, Gathered, Gathering
from digest.identity import LIBRARY, ids_of, is_title_only, latest, title_identity, title_keys
from digest.model import Candidate, Entry, Listing, Observation, Paper
from digest.store.dialect import among, upsert
from digest.store.tables import alias, feedback, lookup, observation, paper, seen, summary, title, vector
from digest.text import title_key

SAID_AGAIN = timedelta(days=1)
"""From when on the same figures are worth keeping once more: they say that the paper is still listed."""
LAST_CHARACTER = "\U0010ffff"
_AWAY = "away:"
"""Before the id that a paper had, while it waits for its next one."""
# A row that only holds what a reader said of a paper (`record_mention`) is nobody's paper.
_IS_KNOWN = paper.c.source != LIBRARY


def record_listings(
    connection: Connection, source: str, listings: Iterable[Listing], at: datetime | None
) -> int:
    """Store the papers of a source's lists and what they say of them; how many of them are news.

    `at` is when those were first seen that are new: now, or, of an archive's lists that are to be no news,
    the list's own day, by a call for each. `None`: no list brought them; they are news when one does. Papers
    that a list brought before keep their time. An id that a paper had goes on finding it, as an alias.
    """
    entries = [entry for listing in listings for entry in listing.entries]
    stored = _Stored.of(connection, entries)
    gathering = Gathering()
    for one in stored.papers.values():
        gathering.know(one)
    for entry in entries:
        gathering.add(entry, at)
    told = [one for one in gathering if one.observations]
    _store(connection, [one for one in gathering if one.observations or stored.lost(one)], stored)
    _record_observations(connection, source, told)
    return sum(one.first_seen is not None and not stored.was_seen(one) for one in told)


@dataclass(frozen=True, slots=True)
class _Stored:
    """What is stored that some entries might be, by id or by title."""

    papers: dict[str, Gathered]
    """By row."""
    titles: frozenset[tuple[str, str]]
    """Keys, each with a row."""

    @classmethod
    def of(cls, connection: Connection, entries: Sequence[Entry]) -> "_Stored":
        """By four queries, however many the entries are."""
        titles = _titled(connection, {key for entry in entries for key in title_keys(entry.paper)})
        ids = {one for entry in entries for one in ids_of(entry.paper)}
        wanted = {row for _, row in titles}.union(ids, canonical_ids(connection, ids).values())
        rows = _rows(connection, wanted)
        aliases, keys = _aliases(connection, (row.id for row in rows)), _by_row(titles)
        papers = {
            row.id: Gathered(
                paper=_paper(row),
                ids=frozenset((row.id, *aliases[row.id])),
                keys=frozenset(keys[row.id]),
                first_seen=row.first_seen,
                rows=(row.id,),
            )
            for row in rows
        }
        return cls(papers, titles)

    def was_seen(self, one: Gathered) -> bool:
        """Whether a list had brought this paper before."""
        return any(self.papers[row].first_seen for row in one.rows)

    def is_unchanged(self, one: Gathered) -> bool:
        """Whether its row is as it should be, but for the id."""
        return _values(self.papers[one.rows[0]]) == _values(one)

    def lost(self, one: Gathered) -> frozenset[str]:
        """The ids it had, and that turned out to be another's."""
        return frozenset(other for row in one.rows for other in self.papers[row].ids) - one.ids

    def aliases(self, one: Gathered) -> frozenset[str]:
        """Those that are stored already."""
        return frozenset(other for row in one.rows for other in self.papers[row].ids - {row})


def _titled(connection: Connection, keys: Iterable[str]) -> frozenset[tuple[str, str]]:
    """Title keys, each with the rows of that title; not all of them if those are very many."""
    place = func.row_number().over(partition_by=title.c.key, order_by=title.c.paper_id).label("place")
    all_of_them = select(title, place).where(among(connection, title.c.key, keys)).subquery()
    first = select(all_of_them).where(all_of_them.c.place <= MOST_OF_A_TITLE)
    return frozenset((row.key, row.paper_id) for row in connection.execute(first))


def _by_row(titles: Iterable[tuple[str, str]]) -> defaultdict[str, list[str]]:
    keys: defaultdict[str, list[str]] = defaultdict(list)
    for key, row in titles:
        keys[row].append(key)
    return keys


def _aliases(connection: Connection, rows: Iterable[str]) -> defaultdict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for row in connection.execute(select(alias).where(among(connection, alias.c.paper_id, rows))):
        found[row.paper_id].append(row.id)
    return found


# ---------------------------------------------------------------- writing


def _store(connection: Connection, told: Sequence[Gathered], stored: _Stored) -> None:
    """Insert what is new, change the rows of the rest; rows that turned out to be one paper go into one."""
    known = [one for one in told if one.rows]
    for one in known:
        for gone in one.rows[1:]:
            _fold(connection, gone, one.rows[0])
    _forget_ids(connection, known, stored)
    _change(connection, [one for one in known if not stored.is_unchanged(one)])
    moved = {one: one.rows[0] for one in known if one.rows[0] not in one.ids}
    for row in moved.values():
        _rename(connection, row, _AWAY + row)  # before another takes the id
    for one in known:
        _rename(connection, _AWAY + one.rows[0] if one in moved else one.rows[0], one.paper.id)
    inserted = [_values(one) | {"id": one.paper.id} for one in told if not one.rows]
    _execute(connection, insert(paper), inserted)
    _record_aliases(connection, told, stored)
    _record_titles(connection, told, stored)


def _values(one: Gathered) -> dict[str, Any]:
    """All of a row but its id."""
    values = _row(one.paper) | {"first_seen": one.first_seen}
    del values["id"]
    return values


def _change(connection: Connection, changed: Sequence[Gathered]) -> None:
    of_row = update(paper).where(paper.c.id == bindparam("row"))
    _execute(connection, of_row, [_values(one) | {"row": one.rows[0]} for one in changed])


def _rename(connection: Connection, row: str, identifier: str) -> None:
    """Let a paper have a better id; whatever refers to it follows (ON UPDATE CASCADE)."""
    if row != identifier:
        connection.execute(update(paper).where(paper.c.id == row).values(id=identifier))


def _record_aliases(connection: Connection, told: Iterable[Gathered], stored: _Stored) -> None:
    """Keep every id but the present one."""
    new = [
        {"id": other, "paper_id": one.paper.id}
        for one in told
        for other in one.ids - {one.paper.id} - stored.aliases(one)
    ]
    _execute(connection, insert(alias), new)


def _record_titles(connection: Connection, told: Iterable[Gathered], stored: _Stored) -> None:
    """Keep each title that a paper was listed under."""
    new = [
        {"key": key, "paper_id": one.paper.id}
        for one in told
        for key in one.keys
        if one.is_retold or not any((key, row) in stored.titles for row in one.rows)
    ]
    _execute(connection, upsert(connection, title).on_conflict_do_nothing(), new)


def _forget_ids(connection: Connection, known: Iterable[Gathered], stored: _Stored) -> None:
    """Let go of the ids and titles that were another paper's, and of the alias that is an id now."""
    for one in known:
        gone = {*stored.lost(one), one.paper.id} & stored.aliases(one)
        if gone:
            connection.execute(delete(alias).where(among(connection, alias.c.id, gone)))
        if one.is_retold:
            connection.execute(delete(title).where(title.c.paper_id.in_(one.rows)))


def _execute(connection: Connection, statement: Executable, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        connection.execute(statement, rows)


def _fold(connection: Connection, gone: str, kept: str) -> None:
    """Let everything said of one row be said of another; what stands there already is enough."""
    for row in connection.execute(select(observation).where(observation.c.paper_id == gone)).all():
        _add_observation(connection, kept, row.source, _observation(row))
    connection.execute(update(alias).where(alias.c.paper_id == gone).values(paper_id=kept))
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


def _record_observations(connection: Connection, source: str, told: Sequence[Gathered]) -> None:
    """Keep what a source says of papers, where it is not what it said last, or that is a day ago."""
    last = _last_said(connection, source, (one.paper.id for one in told if one.rows))
    new = []
    for one in told:
        said, before = latest(one.observations), last.get(one.paper.id)
        if said is None or (before and not _is_news(said, before)):
            continue
        if before and said.at <= before.at:
            _add_observation(connection, one.paper.id, source, said)
        else:
            new.append({"paper_id": one.paper.id, "source": source, "at": said.at} | _figures(said))
    _execute(connection, insert(observation), new)


def _is_news(said: Observation, before: Observation) -> bool:
    return _figures(said) != _figures(before) or said.at - before.at >= SAID_AGAIN


def _last_said(connection: Connection, source: str, ids: Iterable[str]) -> dict[str, Observation]:
    """What a source said last of papers."""
    of_source = (observation.c.source == source, among(connection, observation.c.paper_id, ids))
    newest = (
        select(observation.c.paper_id, func.max(observation.c.at).label("at"))
        .where(*of_source)
        .group_by(observation.c.paper_id)
        .subquery()
    )
    is_newest = (observation.c.paper_id == newest.c.paper_id) & (observation.c.at == newest.c.at)
    rows = select(observation).join_from(newest, observation, is_newest & (observation.c.source == source))
    return {row.paper_id: _observation(row) for row in connection.execute(rows)}


def _add_observation(connection: Connection, identifier: str, source: str, observed: Observation) -> None:
    """What a source said at a moment; with what it said at that very moment already, as one."""
    key = {"paper_id": identifier, "source": source, "at": observed.at}
    there = connection.execute(select(observation).filter_by(**key)).first()
    figures = _figures(latest([_observation(there), observed]) or observed) if there else _figures(observed)
    new = upsert(connection, observation).values(**key, **figures)
    connection.execute(new.on_conflict_do_update(index_elements=["paper_id", "at", "source"], set_=figures))


def record_mention(connection: Connection, identifier: str) -> None:
    """Make room for what a reader says of a paper that only the reader's own file knows: its id, no more.

    The file's words are the reader's, and readers share the store. No search finds the row until a source
    brings the paper, by this id or, where it is one of a title, by that title. An alias needs no row.
    """
    if canonical_ids(connection, [identifier]):
        return
    empty = _row(Paper(id=identifier, title=identifier, source=LIBRARY))
    connection.execute(upsert(connection, paper).values(**empty).on_conflict_do_nothing())
    if is_title_only(identifier):
        titled = upsert(connection, title).values(key=identifier, paper_id=identifier)
        connection.execute(titled.on_conflict_do_nothing())


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


# ---------------------------------------------------------------- reading


def canonical_ids(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    """Of ids that papers had before, or have besides, those that they are stored under."""
    known = select(alias).where(among(connection, alias.c.id, ids))
    return {row.id: row.paper_id for row in connection.execute(known)}


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
    """Those of the papers that are stored, by the ids asked for; older and other ids of a paper find it."""
    wanted = frozenset(ids)
    present = canonical_ids(connection, wanted)
    rows = _rows(connection, wanted.union(present.values()))
    found = {row.id: _paper(row) for row in rows if row.source != LIBRARY}
    by_id = ((one, present.get(one, one)) for one in wanted)
    return {asked: found[identifier] for asked, identifier in by_id if identifier in found}


def find_titled(connection: Connection, titles: Iterable[str]) -> dict[str, tuple[Paper, ...]]:
    """The stored papers of some titles, by `title_identity`; those of a real id first."""
    found: defaultdict[str, list[Paper]] = defaultdict(list)
    is_wanted = among(connection, title.c.key, map(title_identity, titles))
    listed = select(paper, title.c.key).join_from(title, paper).where(is_wanted, _IS_KNOWN)
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


def _rows(connection: Connection, ids: Iterable[str]) -> Sequence[Row[Any]]:
    return connection.execute(select(paper).where(among(connection, paper.c.id, ids))).all()


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
    fields = {name: getattr(row, name) for name in Paper.__dataclass_fields__ if name != "aliases"}
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
