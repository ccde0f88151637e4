"""Whether a list is as long as usual, and who waits for it."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.completeness import (
    ENOUGH,
    Length,
    has_fallen,
    is_filling,
    length_of,
    usual,
    usual_whole,
    waits_for,
)
from digest.model import Note, NoteKind, Profile, Reading
from tests.makers import profile

MONDAY = date(2026, 3, 9)
SHORT = (Note(kind=NoteKind.PARTIAL, name="huggingface", number=12, usual=31),)


def reading(day: date, hours: float, papers: int) -> Reading:
    beginning = datetime.combine(day, time(), tzinfo=UTC)
    return Reading(day=day, at=beginning + timedelta(hours=hours), papers=papers)


def at(day: date, hours: float) -> datetime:
    return reading(day, hours, 0).at


def weekdays(n: int, *, before: date = MONDAY) -> list[date]:
    """The last n working days before a day, the latest last."""
    days = [before - timedelta(days=back) for back in range(1, 3 * n)]
    return [day for day in days if day.weekday() < 5][:n][::-1]


# ---------------------------------------------------------------- usual


def test_usual_is_what_earlier_lists_had_at_the_same_age() -> None:
    readings = [reading(day, hours, n) for day in weekdays(10) for hours, n in ((8, 17), (20, 32))]

    assert usual(readings, day=MONDAY, at=at(MONDAY, 9)) == 17
    assert usual(readings, day=MONDAY, at=at(MONDAY, 21)) == 32
    assert usual_whole(readings, day=MONDAY) == 32


def test_a_run_that_comes_some_seconds_earlier_than_those_before_knows_what_is_usual() -> None:
    readings = [reading(day, 7.51, 17) for day in weekdays(10)]

    assert usual(readings, day=MONDAY, at=at(MONDAY, 7.5)) == 17


def test_before_any_list_was_ever_read_at_that_age_nothing_is_usual() -> None:
    readings = [reading(day, 8, 17) for day in weekdays(10)]

    assert usual(readings, day=MONDAY, at=at(MONDAY, 7)) is None


def test_a_few_lists_say_nothing_of_what_is_usual() -> None:
    days = weekdays(ENOUGH)

    assert usual([reading(day, 8, 17) for day in days], day=MONDAY, at=at(MONDAY, 9)) == 17
    assert usual([reading(day, 8, 17) for day in days[1:]], day=MONDAY, at=at(MONDAY, 9)) is None


def test_a_list_on_a_weekday_that_never_had_one_has_nothing_to_be_measured_by() -> None:
    readings = [reading(day, 8, 17) for day in weekdays(20)]
    saturday = MONDAY - timedelta(days=2)

    assert usual(readings, day=saturday, at=at(saturday, 9)) is None


def test_a_weekday_that_is_always_short_is_measured_by_itself() -> None:
    readings = [reading(day, 8, 10 if day.weekday() == 0 else 40) for day in weekdays(20)]

    assert usual(readings, day=MONDAY, at=at(MONDAY, 9)) == 10
    assert usual(readings, day=MONDAY + timedelta(days=1), at=at(MONDAY, 33)) == 40


def test_one_long_monday_does_not_make_the_next_look_short() -> None:
    days = weekdays(6)
    readings = [reading(day, 8, 90 if day.weekday() == 0 else 20) for day in days]

    assert usual(readings, day=MONDAY, at=at(MONDAY, 9)) == 20


def test_days_without_a_list_are_no_measure_but_a_list_that_begins_late_is() -> None:
    days = weekdays(10)
    holidays = [reading(day, 8, 0) for day in days[5:]]
    late = [reading(day, hours, n) for day in days[:5] for hours, n in ((8, 0), (20, 30))]

    assert usual_whole([*holidays, *late], day=MONDAY) == 30
    assert usual([*holidays, *late], day=MONDAY, at=at(MONDAY, 9)) == 0


def test_lists_of_long_ago_are_forgotten() -> None:
    old = [reading(day, 8, 500) for day in weekdays(40)[:20]]
    new = [reading(day, 8, 20) for day in weekdays(20)]

    assert usual_whole([*old, *new], day=MONDAY) == 20


def readings_in_a_row() -> st.SearchStrategy[list[Reading]]:
    return st.lists(
        st.builds(
            reading,
            st.integers(1, 60).map(lambda back: MONDAY - timedelta(days=back)),
            st.floats(0, 60),
            st.integers(0, 500),
        ),
        min_size=40,
        max_size=120,
        unique_by=lambda one: (one.day, one.at),
    )


@pytest.mark.slow
@given(readings_in_a_row(), st.floats(0, 48))
def test_usual_lies_between_the_least_and_the_most_in_whatever_order_they_come(
    readings: list[Reading], hours: float
) -> None:
    by_then = usual(readings, day=MONDAY, at=at(MONDAY, hours))

    numbers = [one.papers for one in readings]
    assert by_then is None or min(numbers) <= by_then <= max(numbers)
    assert by_then == usual(readings[::-1], day=MONDAY, at=at(MONDAY, hours))


@pytest.mark.slow
@given(readings_in_a_row(), st.floats(0, 48))
def test_what_is_read_of_this_day_or_later_changes_nothing(readings: list[Reading], hours: float) -> None:
    later = [reading(MONDAY + timedelta(days=n), 1, 999) for n in range(3)]

    moment = at(MONDAY, hours)
    assert usual([*later, *readings], day=MONDAY, at=moment) == usual(readings, day=MONDAY, at=moment)


@pytest.mark.slow
@given(readings_in_a_row())
def test_where_something_is_usual_by_an_hour_it_is_known_of_the_whole_list(readings: list[Reading]) -> None:
    if usual(readings, day=MONDAY, at=at(MONDAY, 9)) is not None:
        assert usual_whole(readings, day=MONDAY) is not None


def test_the_length_of_the_newest_list_is_that_of_its_last_reading() -> None:
    readings = [reading(day, hours, n) for day in weekdays(6) for hours, n in ((8, 17), (20, 32))]
    today = [reading(MONDAY, 7, 5), reading(MONDAY, 9, 12)]

    assert length_of([*today, *readings]) == Length(
        day=MONDAY, at=at(MONDAY, 9), papers=12, by_then=17, whole=32
    )
    assert length_of([]) is None


# ---------------------------------------------------------------- judged


@pytest.mark.parametrize(
    ("number", "usual", "filling", "fallen"),
    [
        (10, None, False, False),
        (30, 40, False, False),
        (29, 40, True, False),
        (10, 40, True, False),
        (9, 40, True, True),
        (0, 8, True, True),
        (0, 7, False, False),
        (0, 0, False, False),
        (500, 40, False, False),
    ],
)
def test_a_list_may_be_filling_or_fallen(number: int, usual: int | None, filling: bool, fallen: bool) -> None:
    assert is_filling(number, usual) is filling
    assert has_fallen(number, usual) is fallen


@given(st.integers(0, 1000), st.none() | st.integers(0, 1000))
def test_what_has_fallen_is_filling_too_and_more_papers_make_nothing_worse(
    number: int, usual: int | None
) -> None:
    assert is_filling(number, usual) or not has_fallen(number, usual)
    assert is_filling(number, usual) or not is_filling(number + 1, usual)
    assert has_fallen(number, usual) or not has_fallen(number + 1, usual)


# ---------------------------------------------------------------- waiting


def reader(zone: str = "UTC", until: time | None = time(9, 30), **fields: Any) -> Profile:
    return profile(timezone=zone, wait_until=until, **fields)


def utc(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=UTC)  # type: ignore[misc,arg-type]


def test_a_reader_waits_for_a_short_list_until_her_hour() -> None:
    assert waits_for(reader(), MONDAY, SHORT, utc(2026, 3, 9, 9, 29, 59)) == SHORT
    assert waits_for(reader(), MONDAY, SHORT, utc(2026, 3, 9, 9, 30)) == ()


def test_nobody_waits_for_lists_that_are_whole_or_who_did_not_say_so() -> None:
    assert waits_for(reader(), MONDAY, (), utc(2026, 3, 9, 8)) == ()
    assert waits_for(reader(until=None), MONDAY, SHORT, utc(2026, 3, 9, 8)) == ()


@pytest.mark.parametrize(
    ("zone", "last_moment"),
    [
        ("Europe/Berlin", utc(2026, 3, 9, 8, 29)),
        ("America/Los_Angeles", utc(2026, 3, 9, 16, 29)),
        ("Pacific/Auckland", utc(2026, 3, 8, 20, 29)),
        ("Asia/Kolkata", utc(2026, 3, 9, 3, 59)),
    ],
)
def test_the_hour_is_the_readers_own(zone: str, last_moment: datetime) -> None:
    assert waits_for(reader(zone), MONDAY, SHORT, last_moment)
    assert not waits_for(reader(zone), MONDAY, SHORT, last_moment + timedelta(minutes=1))


def test_the_hour_is_of_the_editions_own_day_and_over_the_day_after() -> None:
    berlin = reader("Europe/Berlin")

    assert waits_for(berlin, MONDAY, SHORT, utc(2026, 3, 8, 23, 0))
    assert not waits_for(berlin, MONDAY, SHORT, utc(2026, 3, 9, 23, 0))
    assert waits_for(berlin, MONDAY + timedelta(days=1), SHORT, utc(2026, 3, 9, 23, 0))


def test_an_hour_that_the_clocks_leave_out_has_come_when_they_are_past_it() -> None:
    in_the_gap = reader("Europe/Berlin", time(2, 30))  # 29 March 2026: 02:00 becomes 03:00 at 01:00 UTC

    assert waits_for(in_the_gap, date(2026, 3, 29), SHORT, utc(2026, 3, 29, 0, 59))
    assert not waits_for(in_the_gap, date(2026, 3, 29), SHORT, utc(2026, 3, 29, 1, 0))


def test_an_hour_that_comes_twice_has_come_at_the_first() -> None:
    twice = reader("Europe/Berlin", time(2, 30))  # 25 October 2026: 03:00 becomes 02:00 at 01:00 UTC

    assert waits_for(twice, date(2026, 10, 25), SHORT, utc(2026, 10, 25, 0, 29))
    assert not waits_for(twice, date(2026, 10, 25), SHORT, utc(2026, 10, 25, 0, 30))
    assert not waits_for(twice, date(2026, 10, 25), SHORT, utc(2026, 10, 25, 1, 15))
