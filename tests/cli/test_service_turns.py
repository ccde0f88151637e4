"""A service and the turns of its readers: no change of files or clocks costs anybody mail, or invents days."""

from datetime import UTC, date, datetime, timedelta

import pytest

from digest.cli.screen import overheard
from digest.cli.service import ClockBehind
from digest.config import load_configuration
from digest.errors import StoreError
from digest.making import NoMail
from digest.store.database import open_database, open_for_reading
from digest.store.editions import days
from digest.turns import settle_plans
from tests.cli.test_service import EARLY, HOUR, Teller, serving
from tests.desk import ADA, Desk

STORE = "digest.sqlite3"
LATER = 'send_at = "08:00"\n' + ADA


@pytest.fixture
def morning(desk: Desk) -> Desk:
    """Ada's folder, an hour and a half before her mail is due."""
    desk.now = EARLY
    return desk


def ended(desk: Desk, name: str = "ada") -> list[str]:
    """How a reader's days stand, the first first."""
    with open_for_reading(desk.folder / STORE) as database, database.read() as connection:
        found = days(connection, [name], since=date.min)
    return [one.outcome.value for one in reversed(found)]


def test_a_store_that_fails_at_a_reload_costs_the_reader_whose_hour_changed_no_mail(morning: Desk) -> None:
    with serving(morning, Teller()) as service:
        morning.write("profiles/ada.toml", LATER)
        with open_database(morning.folder / STORE) as database, database.begin() as connection:
            full = "SELECT RAISE(FAIL, 'database or disk is full')"
            connection.exec_driver_sql(f"CREATE TRIGGER no_room BEFORE INSERT ON turn BEGIN {full}; END")
        with pytest.raises(StoreError):
            service.reload_if_changed()
        with open_database(morning.folder / STORE) as database, database.begin() as connection:
            connection.exec_driver_sql("DROP TRIGGER no_room")
        for _ in range(3 * 24):
            service.pass_()
            morning.now += HOUR

    assert ended(morning) == ["sent", "quiet", "quiet"]


def test_a_turn_that_was_put_by_an_older_profile_is_served_by_the_newer(morning: Desk) -> None:
    old = load_configuration(morning.folder / "config.toml")
    with serving(morning, Teller()) as service:
        morning.write("profiles/ada.toml", LATER)
        service.pass_()
        with open_database(morning.folder / STORE) as database, database.begin() as connection:
            settle_plans(connection, old.profiles, ["ada"], morning.now)
        for _ in range(3 * 24):
            service.pass_()
            morning.now += HOUR

    assert ended(morning) == ["sent", "quiet", "quiet"]


def test_a_folder_that_is_empty_at_the_start_costs_no_reader_her_turn(morning: Desk) -> None:
    profiles, unmounted = morning.folder / "profiles", morning.folder / "unmounted"
    morning.now += 2 * HOUR
    with serving(morning, Teller()) as service:
        service.pass_()
    profiles.rename(unmounted)
    profiles.mkdir()
    morning.now += 24 * HOUR
    with serving(morning, Teller()) as service:
        service.pass_()
    profiles.rmdir()
    unmounted.rename(profiles)
    morning.now += 24 * HOUR

    with serving(morning, Teller()) as service:
        service.pass_()

    assert ended(morning) == ["sent", "expired", "quiet"]


def test_a_start_by_a_clock_of_long_ago_invents_no_days(morning: Desk) -> None:
    heard = Teller()
    morning.now += 2 * HOUR
    with serving(morning, heard) as service:
        service.pass_()
    morning.now = datetime(2024, 1, 1, 0, 0, 5, tzinfo=UTC)

    with serving(morning, heard) as service:
        service.pass_()
        morning.now = EARLY + 26 * HOUR
        service.pass_()

    assert ended(morning) == ["sent", "quiet"]
    assert [one.now.year for one in heard.of(ClockBehind)] == [2024]


def test_a_clock_that_is_set_right_while_a_service_runs_leaves_nobody_without_mail(morning: Desk) -> None:
    with serving(morning, Teller()) as service:
        morning.now -= 48 * HOUR
        service.pass_()
        morning.now += timedelta(days=100)
        service.pass_()
        morning.now = EARLY
        for _ in range(3 * 24):
            service.pass_()
            morning.now += HOUR

        assert service.next_at == EARLY.replace(day=14, hour=7, minute=30)
    assert ended(morning)[:4] == ["sent", "quiet", "quiet", "expired"]


def test_a_quiet_day_is_told_and_a_making_pass_says_nothing_besides(morning: Desk) -> None:
    heard, noted = Teller(), list[tuple[str, str]]()
    morning.write("profiles/ada.toml", "threshold = 100\n" + ADA)

    with overheard(lambda how, line: noted.append((how, line))), serving(morning, heard) as service:
        morning.now += 2 * HOUR
        service.pass_()

    (told,) = heard.of(NoMail)
    assert (told.profile.name, told.outcome.value) == ("ada", "quiet")
    assert noted == []
