"""Papers in the store: one row each, whatever named them."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import func, insert, select

from digest.identity import title_identity
from digest.model import Entry, Listing, Verdict
from digest.store.database import Database
from digest.store.feedback import record_verdict, said_by
from digest.store.papers import (
    find_beginning,
    find_papers,
    find_titled,
    latest_papers,
    recent_candidates,
    record_listings,
    record_mention,
)
from digest.store.tables import observation, seen
from digest.store.tables import paper as paper_table
from tests.makers import NOW, TODAY, entry, paper

LONG_AGO = NOW - timedelta(days=30)


def store(database: Database, *entries: Entry) -> int:
    with database.begin() as connection:
        return record_listings(connection, "test", [Listing(layout="test", entries=entries)], NOW)


def test_a_paper_comes_back_as_it_was(database: Database) -> None:
    full = paper(
        authors=("Ada B", "李 雷"),
        n_authors=2,
        organization="Lab",
        organization_slug="the-lab",
        published=date(2026, 3, 9),
        url="https://arxiv.org/abs/2603.00001",
        code_url="https://example.org/code",
        project_url="https://example.org",
        keywords=("waiting",),
    )
    store(database, Entry(paper=full, observation=entry().observation))

    with database.read() as connection:
        assert find_papers(connection, [full.id, "other"]) == {full.id: full}


def test_only_new_papers_count_as_fresh(database: Database) -> None:
    assert store(database, entry("2603.00001"), entry("2603.00002", "Other")) == 2
    assert store(database, entry("2603.00001"), entry("2603.00003", "Third")) == 1


def test_a_paper_known_by_title_takes_its_id_when_it_comes_and_everything_follows(database: Database) -> None:
    by_title = entry(title_identity("Learning to Wait"), comments=3)
    store(database, by_title)

    assert store(database, entry("2603.00001", "Learning to  Wait", upvotes=9, source="huggingface")) == 0

    with database.read() as connection:
        (only,) = recent_candidates(connection, LONG_AGO, NOW)
        assert only.paper.id == "2603.00001"
        assert only.observation is not None
        assert (only.observation.comments, only.observation.upvotes) == (3, 9)
        assert find_papers(connection, [by_title.paper.id]) == {by_title.paper.id: only.paper}


def test_two_entries_of_one_page_may_be_one_paper(database: Database) -> None:
    assert store(database, entry("2603.00001"), entry(title_identity("Learning to Wait"))) == 1


def test_a_paper_stored_by_id_and_by_title_becomes_one_when_a_list_says_so(database: Database) -> None:
    by_title = entry(title_identity("New Name"), "New Name", comments=3)
    store(database, entry("2501.00001", "Old Name", source="arxiv"), by_title)
    with database.begin() as connection:
        connection.execute(insert(seen).values(profile="ada", paper_id=by_title.paper.id, day=TODAY))

    store(database, entry("2501.00001", "New Name", source="arxiv", upvotes=5))

    with database.read() as connection:
        (only,) = recent_candidates(connection, LONG_AGO, NOW)
        assert only.paper.id == "2501.00001"
        assert only.observation is not None
        assert (only.observation.comments, only.observation.upvotes) == (3, 5)
        assert connection.execute(select(seen.c.paper_id)).scalars().all() == ["2501.00001"]


def test_a_retitled_paper_is_known_by_both_its_titles(database: Database) -> None:
    by_title = entry(title_identity("New Title"), "New Title")

    old, new = (entry("2603.00001", one, source="arxiv") for one in ("Old Title", "New Title"))
    assert store(database, old, new, by_title) == 1


def test_two_pages_of_one_source_do_not_take_turns(database: Database) -> None:
    pages = [Listing(layout="t", entries=(entry(upvotes=votes),)) for votes in (10, 40)]

    for hour in range(4):
        at = NOW + timedelta(hours=hour)
        moved = [replace(page, entries=(_at(page.entries[0], at),)) for page in pages]
        with database.begin() as connection:
            record_listings(connection, "test", moved, at)

    with database.read() as connection:
        assert [row.upvotes for row in connection.execute(select(observation))] == [40]


def _at(one: Entry, at: datetime) -> Entry:
    return replace(one, observation=replace(one.observation, at=at))


def test_a_liked_paper_is_news_when_a_list_brings_it(database: Database) -> None:
    with database.begin() as connection:
        record_listings(connection, "liked", [Listing(layout="t", entries=(entry(),))], None)
        assert recent_candidates(connection, LONG_AGO, NOW) == ()

    assert store(database, entry()) == 1

    with database.read() as connection:
        assert len(recent_candidates(connection, LONG_AGO, NOW)) == 1


def test_two_ids_of_one_title_stay_two(database: Database) -> None:
    assert store(database, entry("2603.00001"), entry("2603.00002")) == 2


def test_an_unchanged_observation_is_not_stored_again(database: Database) -> None:
    first = entry(upvotes=5)
    later = replace(first, observation=replace(first.observation, at=NOW + timedelta(hours=1)))
    grown = replace(later, observation=replace(later.observation, at=NOW + timedelta(hours=2), upvotes=8))

    store(database, first)
    store(database, later)
    store(database, grown)

    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(observation)).scalar() == 2
        (only,) = recent_candidates(connection, LONG_AGO, NOW + timedelta(days=1))
        assert only.observation is not None
        assert only.observation.upvotes == 8


def test_candidates_are_those_first_seen_in_the_window(database: Database) -> None:
    store(database, entry())

    with database.read() as connection:
        assert recent_candidates(connection, NOW, NOW + timedelta(days=1)) == ()
        assert recent_candidates(connection, LONG_AGO, NOW - timedelta(seconds=1)) == ()
        assert len(recent_candidates(connection, NOW - timedelta(seconds=1), NOW)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_thousand_papers_and_more_are_found_in_one_go(database: Database) -> None:
    many = [entry(f"2603.{n:05}", f"Paper number {n}") for n in range(1_200)]

    assert store(database, *many) == 1_200
    assert store(database, *many) == 0


def test_titles_without_a_letter_are_told_apart(database: Database) -> None:
    assert store(database, entry(title_identity("???"), "???"), entry(title_identity("!!!"), "!!!")) == 2


def test_everything_stored_is_what_lists_brought_the_latest_first(database: Database) -> None:
    for days, name in enumerate(("2603.00001", "2603.00002", "2603.00003")):
        with database.begin() as connection:
            listing = Listing(layout="t", entries=(entry(name, f"Waiting {name}"),))
            record_listings(connection, "test", [listing], NOW + timedelta(days=days))
    liked = tuple(entry(f"2104.0000{number}", f"Liked {number}") for number in range(5))
    with database.begin() as connection:
        record_listings(connection, "liked", [Listing(layout="t", entries=liked)], None)

        latest = [one.id for one in latest_papers(connection, NOW + timedelta(days=1), 9)]
        assert latest == ["2603.00002", "2603.00001"]
        assert [one.id for one in latest_papers(connection, NOW + timedelta(days=9), 2)] == [
            "2603.00003",
            "2603.00002",
        ]


@pytest.mark.parametrize("identifier", ["2603.00001", "title:learningtowait"])
def test_a_paper_that_was_only_spoken_of_is_found_by_nobody_until_a_list_brings_it(
    database: Database, identifier: str
) -> None:
    with database.begin() as connection:
        record_mention(connection, identifier)
        record_mention(connection, identifier)
        record_verdict(connection, "ada", identifier, Verdict.DISLIKE, NOW)
        before = (
            find_papers(connection, [identifier]),
            find_titled(connection, ["Learning to Wait"]),
            find_beginning(connection, identifier, limit=9),
            find_beginning(connection, "learning", limit=9),
        )

    assert store(database, entry("2603.00001", abstract=None)) == 1

    assert before == ({}, {}, (), ())
    with database.begin() as connection:
        record_mention(connection, "2603.00001")
        assert find_papers(connection, ["2603.00001"])["2603.00001"] == entry(abstract=None).paper
        assert [one.paper_id for one in said_by(connection, "ada")] == ["2603.00001"]
        assert connection.execute(select(func.count()).select_from(paper_table)).scalar() == 1
