"""Summaries in the store: one a paper, for as long as the question stays the same."""

import pytest
from sqlalchemy import update

from digest.model import Listing, Summary
from digest.store.database import Database
from digest.store.papers import record_listings
from digest.store.summaries import record_summary, stored_summaries
from digest.store.tables import paper
from digest.store.tiers import TierRun, last_tier_runs, record_tier_run
from tests.makers import NOW, entry

ONE = "2603.00001"
WRITTEN = Summary(text="They wait.", model="tiny")


@pytest.fixture
def stored(database: Database) -> Database:
    with database.begin() as connection:
        record_listings(connection, "test", [Listing(layout="t", entries=(entry(ONE),))], NOW)
        record_summary(connection, ONE, "asked", WRITTEN, NOW)
    return database


def test_a_summary_is_found_by_paper_and_question(stored: Database) -> None:
    with stored.read() as connection:
        assert stored_summaries(connection, {ONE: "asked", "nobody": "asked"}) == {ONE: WRITTEN}
        assert stored_summaries(connection, {ONE: "asked otherwise"}) == {}


def test_a_new_summary_takes_the_place_of_the_old_one(stored: Database) -> None:
    newer = Summary(text="They wait long.", model="large")
    with stored.begin() as connection:
        record_summary(connection, ONE, "asked anew", newer, NOW)

    with stored.read() as connection:
        assert stored_summaries(connection, {ONE: "asked"}) == {}
        assert stored_summaries(connection, {ONE: "asked anew"}) == {ONE: newer}


def test_a_paper_that_gets_its_real_id_keeps_its_summary(stored: Database) -> None:
    with stored.begin() as connection:
        connection.execute(update(paper).where(paper.c.id == ONE).values(id="2603.99999"))

    with stored.read() as connection:
        assert stored_summaries(connection, {"2603.99999": "asked"}) == {"2603.99999": WRITTEN}


def test_of_a_tier_the_last_run_is_kept(stored: Database) -> None:
    with stored.begin() as connection:
        record_tier_run(connection, TierRun(name="embedding", at=NOW, papers=3))
        record_tier_run(connection, TierRun(name="summaries", at=NOW))
        record_tier_run(connection, TierRun(name="embedding", at=NOW, problem="down"))

    with stored.read() as connection:
        assert last_tier_runs(connection) == (
            TierRun(name="embedding", at=NOW, problem="down"),
            TierRun(name="summaries", at=NOW),
        )
