"""How harvests went, and how long lists were."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import func, insert, select

from digest.model import Entry, Listing, Reading, SourceState
from digest.store.database import Database
from digest.store.harvests import (
    Harvest,
    brought,
    first_harvest,
    harvests_of,
    last_good,
    last_harvests,
    last_list,
    latest_harvests,
    prune_readings,
    readings_of,
    record_harvest,
    record_readings,
)
from digest.store.papers import record_listings
from digest.store.tables import harvest, observation
from tests.makers import NOW, TODAY, entry

LONG_AGO = NOW - timedelta(days=30)
HOUR = timedelta(hours=1)


def record(database: Database, *harvests: Harvest) -> None:
    with database.begin() as connection:
        for one in harvests:
            record_harvest(connection, one)


def done(hours: float, state: SourceState = SourceState.FINE, **fields: object) -> Harvest:
    fine = {"source": "kettle", "at": NOW + hours * HOUR, "state": state}
    return Harvest(**(fine | fields))  # type: ignore[arg-type]


def read(day: date, hours: float, papers: int) -> Reading:
    return Reading(day=day, at=NOW + hours * HOUR, papers=papers)


def test_the_last_harvest_of_each_source_is_what_counts(database: Database) -> None:
    old = Harvest(source="a", at=LONG_AGO, problem="down", state=SourceState.DOWN)
    new = Harvest(source="a", at=NOW, papers=3, fresh=1, state=SourceState.STRANGE, kept="kept/a-1.page")
    other = Harvest(source="b", at=LONG_AGO, papers=2, state=SourceState.QUIET)

    record(database, new, old, other)

    with database.read() as connection:
        assert last_harvests(connection, since=LONG_AGO - HOUR, until=NOW) == (new, other)
        assert last_harvests(connection, since=LONG_AGO, until=NOW) == (new,)
        assert last_harvests(connection, since=LONG_AGO - HOUR, until=NOW - HOUR) == (old, other)
        assert harvests_of(connection, "a", most=5) == (new, old)
        assert harvests_of(connection, "a", most=1) == (new,)


def test_a_harvest_recorded_again_is_as_it_was_last(database: Database) -> None:
    record(database, done(0, SourceState.DOWN, problem="gone", kept="x"), done(0, papers=2))

    with database.read() as connection:
        assert harvests_of(connection, "kettle", most=5) == (done(0, papers=2),)


def test_a_source_was_last_good_when_it_gave_what_was_there(database: Database) -> None:
    record(database, done(-9), done(-5, SourceState.QUIET), done(-1, SourceState.STALE, problem="old"))
    record(database, done(-4, source="other"))

    with database.read() as connection:
        assert last_good(connection, "kettle", NOW) == NOW - 5 * HOUR
        assert last_good(connection, "kettle", NOW - 6 * HOUR) == NOW - 9 * HOUR
        assert last_good(connection, "nobody", NOW) is None
        assert first_harvest(connection, "kettle") == NOW - 9 * HOUR
        assert first_harvest(connection, "nobody") is None


def test_a_harvest_of_an_older_version_was_good_if_it_had_no_problem(database: Database) -> None:
    with database.begin() as connection:
        for hours, problem in ((-3, None), (-2, "gone")):
            values = {"source": "kettle", "at": NOW + hours * HOUR, "papers": 1, "fresh": 1}
            connection.execute(insert(harvest).values(**values, problem=problem))

    with database.read() as connection:
        assert last_good(connection, "kettle", NOW) == NOW - 3 * HOUR
        assert [one.is_good for one in harvests_of(connection, "kettle", most=5)] == [False, True]


def test_readings_come_back_in_order_and_only_those_of_the_source_by_then(database: Database) -> None:
    yesterday = TODAY - timedelta(days=1)
    readings = (read(yesterday, -20, 5), read(yesterday, -2, 9), read(TODAY, -2, 3))
    with database.begin() as connection:
        record_readings(connection, "kettle", [*readings[::-1], read(TODAY, 1, 30)])
        record_readings(connection, "other", [read(TODAY, -1, 77)])

    with database.read() as connection:
        assert readings_of(connection, "kettle", until=NOW) == readings


def test_the_same_list_read_at_the_same_moment_is_one_reading(database: Database) -> None:
    with database.begin() as connection:
        record_readings(connection, "kettle", [read(TODAY, 0, 3)])
        record_readings(connection, "kettle", [read(TODAY, 0, 4)])

        assert readings_of(connection, "kettle", until=NOW) == (read(TODAY, 0, 4),)


def test_old_readings_are_forgotten(database: Database) -> None:
    old = TODAY - timedelta(days=61)
    with database.begin() as connection:
        record_readings(connection, "kettle", [read(old, -1464, 3), read(TODAY, 0, 4)])
        prune_readings(connection, TODAY - timedelta(days=60))

        assert readings_of(connection, "kettle", until=NOW) == (read(TODAY, 0, 4),)


def test_the_last_list_is_the_newest_that_had_papers(database: Database) -> None:
    yesterday = TODAY - timedelta(days=1)
    record(database, done(-1))
    with database.begin() as connection:
        assert last_list(connection, "kettle", NOW) == (NOW - HOUR).date()

        record_readings(connection, "kettle", [read(yesterday, -2, 9), read(TODAY, -1, 0)])

        assert last_list(connection, "kettle", NOW) == yesterday
        assert last_list(connection, "nobody", NOW) is None


# ---------------------------------------------------------------- what a source brought lately


def listed(
    database: Database, *entries: Entry, source: str = "kettle", hours: float = 0, day: date | None = None
) -> None:
    """Papers that a harvest of a source found on the list of a day."""
    at = NOW + hours * HOUR
    seen = [replace(one, observation=replace(one.observation, at=at, listed_on=day)) for one in entries]
    with database.begin() as connection:
        record_listings(connection, source, [Listing(layout="test", entries=tuple(seen))], at)
        record_harvest(connection, done(hours, source=source))


def test_known_are_all_ids_of_what_a_source_listed_lately(database: Database) -> None:
    listed(database, entry("10.1/a", "Learning to wait for tea"), source="a")
    listed(database, entry("2603.00001", "Learning to wait for tea", aliases=("10.1/a",)), source="b")
    listed(database, entry("2603.00002", "Other tea"), source="b")

    with database.read() as connection:
        lately = NOW - HOUR
        assert brought(connection, "a", lately).keys() == {"2603.00001", "10.1/a"}
        assert brought(connection, "b", lately).keys() == {"2603.00001", "10.1/a", "2603.00002"}
        assert brought(connection, "c", lately) == {}
        assert brought(connection, "a", NOW + timedelta(days=2)) == {}


def test_each_is_known_with_the_day_of_the_first_list_it_stood_on(database: Database) -> None:
    yesterday = TODAY - timedelta(days=1)
    listed(database, entry("2603.00001"), hours=-24, day=yesterday)
    listed(database, entry("2603.00001"), entry("2603.00002", "Other tea"), day=TODAY)
    listed(database, entry("2603.00003", "No day"), hours=1)

    with database.read() as connection:
        known = brought(connection, "kettle", NOW - 30 * HOUR)
    assert known == {"2603.00001": yesterday, "2603.00002": TODAY, "2603.00003": None}


def test_what_was_read_from_an_archive_is_not_known_by_that(database: Database) -> None:
    with database.begin() as connection:
        record_listings(connection, "kettle", [Listing(layout="archive", entries=(entry(),))], NOW)
        record_harvest(connection, done(1))

        assert brought(connection, "kettle", NOW - HOUR) == {}


@pytest.mark.slow
def test_what_is_listed_day_after_day_with_the_same_figures_stays_known(database: Database) -> None:
    for hour in range(0, 24 * 20, 6):
        listed(database, entry(upvotes=5), hours=hour)

    now = NOW + timedelta(days=20)
    with database.read() as connection:
        assert brought(connection, "kettle", now - timedelta(days=1)).keys() == {"2603.00001"}
        assert connection.execute(select(func.count()).select_from(observation)).scalar() == 20


def test_the_latest_harvests_of_some_sources_are_found_at_once(database: Database) -> None:
    kettle = [done(hours) for hours in (-1, -2, -3, -4)]
    record(database, *kettle, done(1), done(-2, source="tea"), done(-1, source="other"))

    with database.read() as connection:
        found = latest_harvests(connection, ["kettle", "tea", "new"], until=NOW, most=3)

    assert found == {"kettle": tuple(kettle[:3]), "tea": (done(-2, source="tea"),)}
