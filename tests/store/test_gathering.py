"""The store has the same papers as a preview, in whatever order and in however many harvests lists come."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from digest.identity import is_title_only
from digest.model import Entry, Listing
from digest.store.database import Database, open_database
from digest.store.papers import recent_candidates, record_listings
from digest.store.tables import alias, metadata, observation, title
from digest.store.tables import paper as paper_table
from tests.makers import NOW
from tests.works import HONEST, Known, gathered, harvests, told, told_among_lies

SLOWLY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
EVER = (NOW - timedelta(days=99), NOW + timedelta(days=99))


@pytest.fixture(scope="module")
def emptied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with open_database(tmp_path_factory.mktemp("store") / "digest.sqlite3") as database:
        yield database


def harvest(database: Database, *batches: Sequence[Entry]) -> int:
    fresh = 0
    for number, entries in enumerate(batches):
        with database.begin() as connection:
            page = Listing(layout="test", entries=tuple(entries))
            fresh += record_listings(connection, "test", [page], NOW + timedelta(hours=number))
    return fresh


def empty(database: Database) -> None:
    with database.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())


def stored(database: Database) -> Known:
    with database.read() as connection:
        found = {one: {one} for one in connection.execute(select(paper_table.c.id)).scalars()}
        for row in connection.execute(select(alias)):
            found[row.paper_id].add(row.id)
    return {(one, frozenset(i for i in ids if not is_title_only(i))) for one, ids in found.items()}


def everything(database: Database) -> dict[str, list[tuple[object, ...]]]:
    with database.read() as connection:
        tables = (paper_table, alias, title, observation)
        return {one.name: sorted(map(tuple, connection.execute(select(one))), key=str) for one in tables}


@pytest.mark.slow
@SLOWLY
@given(data=st.data())
def test_every_order_and_grouping_makes_the_papers_of_a_preview(
    emptied: Database, data: st.DataObject
) -> None:
    entries = data.draw(told())
    batches = data.draw(harvests(entries))
    empty(emptied)

    fresh = harvest(emptied, *batches)

    assert stored(emptied) == gathered(entries)
    assert fresh >= len(stored(emptied))


@pytest.mark.slow
@SLOWLY
@given(data=st.data())
def test_a_second_harvest_of_the_same_changes_nothing(emptied: Database, data: st.DataObject) -> None:
    entries = data.draw(told())
    empty(emptied)
    harvest(emptied, entries)
    before = everything(emptied)

    fresh = harvest(emptied, entries)

    assert everything(emptied) == before
    assert fresh == 0


@pytest.mark.slow
@SLOWLY
@given(data=st.data())
def test_nothing_that_was_observed_is_lost_when_rows_become_one(
    emptied: Database, data: st.DataObject
) -> None:
    times = (NOW + timedelta(hours=hour) for hour in range(99))
    entries = [_at(one, at) for one, at in zip(data.draw(told()), times, strict=False)]
    empty(emptied)

    harvest(emptied, *((one,) for one in entries))

    with emptied.read() as connection:
        votes = {row.upvotes for row in connection.execute(select(observation))}
        known = [one.observation and one.observation.upvotes for one in recent_candidates(connection, *EVER)]
    assert votes == {one.observation.upvotes for one in entries}
    newest = [one.observation.upvotes for one in entries if one.observation.upvotes is not None][-1:]
    assert set(newest) <= set(known)


def _at(one: Entry, at: datetime) -> Entry:
    return replace(one, observation=replace(one.observation, at=at))


@pytest.mark.slow
@SLOWLY
@given(st.data())
def test_lies_of_feeds_take_no_paper_from_the_store_either(emptied: Database, data: st.DataObject) -> None:
    empty(emptied)
    entries = data.draw(told_among_lies())

    harvest(emptied, *data.draw(harvests(entries)))

    with emptied.read() as connection:
        titles = {row.id: row.title for row in connection.execute(select(paper_table))}
        rows = {row.id: row.paper_id for row in connection.execute(select(alias))}
    kept = {one.paper.id: rows.get(one.paper.id, one.paper.id) for one in HONEST}
    assert len(set(kept.values())) == len(HONEST)
    assert [titles[kept[one.paper.id]] for one in HONEST] == [one.paper.title for one in HONEST]
    assert not titles.keys() & rows.keys()
