"""A paper's ids: the best one it has, and all by which it goes on being found."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, func, insert, select

from digest.identity import LIBRARY, title_identity
from digest.model import Entry, Listing, Summary, Verdict
from digest.store.database import Database
from digest.store.feedback import record_verdict, said_by
from digest.store.papers import (
    canonical_ids,
    find_papers,
    looked_up,
    recent_candidates,
    record_listings,
    record_lookups,
    record_mention,
)
from digest.store.summaries import record_summary
from digest.store.tables import alias, metadata, seen, summary, title
from digest.store.tables import paper as paper_table
from tests.makers import NOW, TODAY, paper
from tests.works import BELIEVED, entry

TITLE = "Learning to wait for a cup of tea"
BY_TITLE = title_identity(TITLE)
LONG_AGO = NOW - timedelta(days=30)


def store(database: Database, *entries: Entry, source: str = "test", hours: int = 0) -> int:
    at = NOW + timedelta(hours=hours)
    moved = tuple(replace(one, observation=replace(one.observation, at=at)) for one in entries)
    with database.begin() as connection:
        return record_listings(connection, source, [Listing(layout="test", entries=moved)], at)


def say_all_of(database: Database, identifier: str, profile: str, verdict: Verdict, hours: int) -> None:
    """Everything that can be said of a paper."""
    with database.begin() as connection:
        connection.execute(insert(seen).values(profile=profile, paper_id=identifier, day=TODAY))
        record_verdict(connection, profile, identifier, verdict, NOW + timedelta(hours=hours))
        written = Summary(text=identifier, model="m")
        record_summary(connection, identifier, "asked", written, NOW)


def test_a_paper_may_get_a_better_id_twice_and_all_of_it_follows(database: Database) -> None:
    store(database, entry(BY_TITLE, TITLE, comments=3))
    say_all_of(database, BY_TITLE, "ada", Verdict.LIKE, 0)

    assert store(database, entry("s2:ab", TITLE), hours=1) == 0
    say_all_of(database, "s2:ab", "bob", Verdict.DISLIKE, 0)
    assert store(database, entry("2603.00001", "Anew: tea", aliases=("s2:ab",), upvotes=9), hours=2) == 0

    with database.read() as connection:
        (only,) = recent_candidates(connection, LONG_AGO, NOW + timedelta(days=1))
        assert only.paper.id == "2603.00001"
        assert only.observation is not None
        assert (only.observation.comments, only.observation.upvotes) == (3, 9)
        old = ["2603.00001", "s2:ab", BY_TITLE]
        assert find_papers(connection, [*old, "s2:other"]) == dict.fromkeys(old, only.paper)
        assert canonical_ids(connection, old) == dict.fromkeys(old[1:], "2603.00001")
        for profile in ("ada", "bob"):
            assert [one.paper_id for one in said_by(connection, profile)] == ["2603.00001"]
        assert set(connection.execute(select(seen.c.paper_id)).scalars()) == {"2603.00001"}
        assert [row.text for row in connection.execute(select(summary))] == ["s2:ab"]
        assert set(connection.execute(select(title.c.paper_id)).scalars()) == {"2603.00001"}


def test_rows_that_turn_out_one_paper_leave_their_ids_and_the_ids_of_those(database: Database) -> None:
    store(database, entry("openreview:a", "One robot", aliases=("s2:a",)))
    store(database, entry("10.1/b", "Other robot", aliases=("10.1/c",)))
    say_all_of(database, "openreview:a", "ada", Verdict.LIKE, 1)
    say_all_of(database, "10.1/b", "ada", Verdict.DISLIKE, 2)

    store(database, entry("2603.00001", "Third robot", aliases=("10.1/b", "openreview:a")))

    with database.read() as connection:
        ids = ["2603.00001", "openreview:a", "s2:a", "10.1/b", "10.1/c"]
        assert {one.id for one in find_papers(connection, ids).values()} == {"2603.00001"}
        assert len(find_papers(connection, ids)) == len(ids)
        (said,) = said_by(connection, "ada")
        assert (said.paper_id, said.verdict) == ("2603.00001", Verdict.DISLIKE)
        assert connection.execute(select(func.count()).select_from(paper_table)).scalar() == 1


@pytest.mark.parametrize("later", ["s2:ab", BY_TITLE, "10.1/a"])
def test_a_list_that_knows_only_an_older_id_means_the_same_paper(database: Database, later: str) -> None:
    store(database, entry(BY_TITLE, TITLE))
    store(database, entry("s2:ab", TITLE, aliases=("10.1/a",), authors=("Ada Lovelace",)))
    store(database, entry("2603.00001", TITLE))

    renamed = entry(later, "Some quite other title, as papers change theirs", authors=("A. Lovelace",))
    assert store(database, renamed) == 0

    with database.read() as connection:
        assert connection.execute(select(paper_table.c.id)).scalars().all() == ["2603.00001"]


def test_two_arxiv_papers_that_claim_one_doi_stay_two(database: Database) -> None:
    assert store(database, entry("2603.00001", "Robots wait, I", aliases=("10.1/a",))) == 1
    assert store(database, entry("2603.00002", "Robots wait, II", aliases=("10.1/a",))) == 1
    assert store(database, entry("10.1/a", "Robots wait")) == 0

    with database.read() as connection:
        assert canonical_ids(connection, ["10.1/a"]) == {"10.1/a": "2603.00001"}


def test_what_a_reader_said_of_a_doi_is_said_of_the_paper_that_has_it(database: Database) -> None:
    with database.begin() as connection:
        record_mention(connection, "10.1/a")
        record_verdict(connection, "ada", "10.1/a", Verdict.DISLIKE, NOW)

    store(database, entry("2603.00001", TITLE, aliases=("10.1/a",)))

    with database.begin() as connection:
        record_mention(connection, "10.1/a")
        assert [one.paper_id for one in said_by(connection, "ada")] == ["2603.00001"]
        assert set(find_papers(connection, ["10.1/a", "2603.00001"])) == {"10.1/a", "2603.00001"}
        assert LIBRARY not in connection.execute(select(paper_table.c.source)).scalars()


def test_a_lookup_is_remembered_by_the_id_that_was_asked_for(database: Database) -> None:
    with database.begin() as connection:
        record_lookups(connection, ["10.1/a"], NOW)

    store(database, entry("2603.00001", TITLE, aliases=("10.1/a",)))

    with database.read() as connection:
        assert looked_up(connection, LONG_AGO) == {"10.1/a"}


def test_a_paper_is_stored_with_its_names_written_out_when_a_list_does(database: Database) -> None:
    store(database, entry("s2:ab", TITLE, authors=("A. Lovelace",), n_authors=1, abstract="We pour…"))
    store(database, entry("10.1/a", TITLE, authors=("Ada Lovelace",), n_authors=1, abstract="We pour tea."))

    with database.read() as connection:
        found = find_papers(connection, ["s2:ab"])["s2:ab"]
        assert (found.id, found.authors, found.abstract) == ("10.1/a", ("Ada Lovelace",), "We pour tea.")


def test_the_lists_of_an_archive_may_be_no_news(database: Database) -> None:
    store(database, entry("2603.00001", TITLE))

    with database.begin() as connection:
        old = Listing(layout="test", entries=(entry("2603.00001", TITLE), entry("2602.00001", "Old tea")))
        assert record_listings(connection, "test", [old], NOW - timedelta(days=20)) == 1

    with database.read() as connection:
        found = {one.paper.id: one.first_seen for one in recent_candidates(connection, LONG_AGO, NOW)}
        assert found == {"2603.00001": NOW, "2602.00001": NOW - timedelta(days=20)}


# ---------------------------------------------------------------- how much it costs


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    said: list[str] = []

    def listen(*arguments: object) -> None:
        said.append(str(arguments[2]))

    event.listen(database.engine, "before_cursor_execute", listen)
    yield said
    event.remove(database.engine, "before_cursor_execute", listen)


def test_a_harvest_asks_the_store_a_few_times_however_many_papers_it_has(database: Database) -> None:
    many = [entry(f"2603.{n:05}", f"A robot that pours tea for {n}", upvotes=n) for n in range(300)]
    grown = [replace(one, observation=replace(one.observation, upvotes=999)) for one in many]

    with counted(database) as first:
        store(database, *many)
    with counted(database) as second:
        store(database, *grown, hours=1)

    assert len(first) < 15
    assert len(second) < 15


def test_hundreds_of_papers_of_one_title_are_all_kept(database: Database) -> None:
    many = [entry(f"10.1/{n:03}", "Editorial") for n in range(150)]
    last = entry("10.1/149", "Editorial", aliases=("s2:ab",))

    assert store(database, *many[:75]) == 75
    assert store(database, *many, last) == 75

    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(paper_table)).scalar() == 150
        assert connection.execute(select(alias.c.id, alias.c.paper_id)).all() == [("s2:ab", "10.1/149")]


def test_a_paper_is_read_without_aliases(database: Database) -> None:
    store(database, entry("2603.00001", TITLE, aliases=("10.1/a",)))

    with database.read() as connection:
        assert find_papers(connection, ["10.1/a"]) == {"10.1/a": paper("2603.00001", TITLE, source=BELIEVED)}


def test_all_that_refers_to_a_paper_is_found_by_its_id_without_going_through_a_table() -> None:
    referring = [table for table in metadata.sorted_tables if table.foreign_keys]

    for table in referring:
        orders = [table.primary_key.columns, *(index.columns for index in table.indexes)]
        assert "paper_id" in {next(iter(order)).name for order in orders}, table.name
    assert len(referring) > 5
