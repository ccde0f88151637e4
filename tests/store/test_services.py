"""Processes of `digest run`, as the store knows them."""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select

from digest.store import services
from digest.store.database import Database
from digest.store.services import KEPT_FOR, ServiceRow
from digest.store.tables import service
from tests.makers import NOW

MINUTE = timedelta(minutes=1)


def row(owner: str = "a", at: datetime = NOW) -> ServiceRow:
    return ServiceRow(owner=owner, host="teapot", pid=7, began_at=at, seen_at=at)


def test_nothing_was_ever_at_work_in_an_empty_store(database: Database) -> None:
    with database.begin() as connection:
        assert services.last_seen(connection, NOW) is None
        assert services.services(connection) == ()


def test_a_process_is_known_by_when_it_was_last_seen(database: Database) -> None:
    with database.begin() as connection:
        services.begin(connection, row("a"))
        services.begin(connection, row("b", NOW + MINUTE))

        services.see(connection, "a", NOW + 5 * MINUTE)

        first, second = services.services(connection)
        assert (first.owner, first.began_at, first.seen_at) == ("a", NOW, NOW + 5 * MINUTE)
        assert second == row("b", NOW + MINUTE)
        assert services.last_seen(connection, NOW + 5 * MINUTE) == NOW + 5 * MINUTE


def test_one_that_ended_in_good_order_is_told_from_one_that_was_killed(database: Database) -> None:
    with database.begin() as connection:
        services.begin(connection, row("killed"))
        services.begin(connection, row("ended"))

        services.end(connection, "ended", NOW + MINUTE)

        ended, killed = services.services(connection)
        assert (ended.owner, ended.ended_at) == ("ended", NOW + MINUTE)
        assert (killed.owner, killed.ended_at) == ("killed", None)


def test_those_of_long_ago_are_forgotten_when_another_begins_but_never_the_last_one(
    database: Database,
) -> None:
    with database.begin() as connection:
        services.begin(connection, row("old"))
        services.begin(connection, row("last", NOW + MINUTE))
        much_later = NOW + KEPT_FOR + 5 * MINUTE

        services.begin(connection, row("new", much_later))

        assert [one.owner for one in services.services(connection)] == ["new", "last"]


def test_presence_goes_on_over_breaks_that_are_short(database: Database) -> None:
    with database.begin() as connection:
        for owner, began, seen in (("a", 300, 200), ("b", 120, 60), ("c", 90, 30), ("d", 20, 4)):
            at, until = NOW - timedelta(minutes=began), NOW - timedelta(minutes=seen)
            services.begin(connection, replace(row(owner, at), seen_at=until))

        since = [services.present_since(connection, NOW, timedelta(minutes=most)) for most in (3, 5, 10, 80)]

    assert since == [NOW - timedelta(minutes=minutes) for minutes in (0, 20, 120, 300)]


def test_of_passes_by_a_timer_the_last_one_is_kept_and_none_is_a_service(database: Database) -> None:
    with database.begin() as connection:
        services.begin(connection, row("run"))
        for number in range(5):
            services.begin_pass(connection, row(f"{services.BY_TIMER}{number}", NOW + number * MINUTE))
        services.end(connection, f"{services.BY_TIMER}4", NOW + 5 * MINUTE)

        kept = connection.execute(select(service.c.owner).order_by(service.c.owner)).scalars().all()

        assert kept == [f"{services.BY_TIMER}4", "run"]
        assert [one.owner for one in services.services(connection)] == ["run"]
        assert services.last_seen(connection, NOW + 5 * MINUTE) == NOW + 5 * MINUTE


def test_a_pass_by_a_clock_that_was_ahead_hides_no_gap(database: Database) -> None:
    with database.begin() as connection:
        services.begin_pass(connection, row(f"{services.BY_TIMER}ahead", NOW + timedelta(days=300)))
        services.begin_pass(connection, row(f"{services.BY_TIMER}right", NOW))

        assert services.last_seen(connection, NOW) == NOW
