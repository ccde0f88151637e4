"""When arXiv announces, and when it does not."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.sources.arxiv_calendar import (
    day_in_new_york,
    is_announcement_day,
    last_out,
    list_day_of,
    missed_days,
    newest_list,
    next_out,
    why_no_list,
)
from digest.sources.arxiv_feed import LONGEST_PAUSE

HOLIDAYS_2026 = ("01-01", "01-19", "06-19", "07-03", "09-07", "11-26", "12-25", "12-29", "12-31")
YEAR_2026 = [date(2026, 1, 1) + timedelta(days=number) for number in range(365)]
MOMENTS = st.integers(0, 6 * 365 * 24 * 60).map(
    lambda minutes: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


def test_every_day_of_2026_has_a_list_but_weekends_and_what_follows_from_holidays() -> None:
    evenings = [date.fromisoformat(f"2026-{day}") for day in HOLIDAYS_2026]
    lacking = {*evenings, *(evening + timedelta(days=1) for evening in evenings)}

    without = [day for day in YEAR_2026 if not is_announcement_day(day)]

    assert without == [day for day in YEAR_2026 if day.weekday() >= 5 or day in lacking]


def test_the_lists_of_2026_are_as_many_as_counted_by_hand() -> None:
    # 261 weekdays; 14 of them are a holiday or the day after one.
    assert sum(map(is_announcement_day, YEAR_2026)) == 261 - 14


@pytest.mark.parametrize(
    ("day", "why"),
    [
        ("2026-08-15", "arXiv announces nothing on Saturdays"),
        ("2026-08-16", "arXiv announces nothing on Sundays"),
        ("2026-11-27", "arXiv has a holiday on 2026-11-26"),
        ("2026-11-26", "arXiv has a holiday on 2026-11-26"),
        ("2027-01-01", "arXiv has a holiday on 2026-12-31"),
        ("2026-08-12", ""),
        ("2026-05-26", ""),
        ("2027-01-19", "arXiv has a holiday on 2027-01-18"),
        ("2027-09-07", "arXiv has a holiday on 2027-09-06"),
        ("2027-11-26", "arXiv has a holiday on 2027-11-25"),
        (
            "2027-12-29",
            "arXiv may have a holiday on 2027-12-28; its calendar of that year is not known",
        ),
        ("2025-07-07", "arXiv may have a holiday on 2025-07-06; its calendar of that year is not known"),
        ("2027-03-10", ""),
    ],
)
def test_why_a_day_has_no_list_is_said(day: str, why: str) -> None:
    assert why_no_list(date.fromisoformat(day)) == why


@pytest.mark.parametrize(
    ("moment", "newest"),
    [
        ("2026-08-12T03:59:59", "2026-08-11"),  # 23:59 in New York, summer
        ("2026-08-12T04:00:00", "2026-08-12"),
        ("2026-01-14T04:59:59", "2026-01-13"),  # winter
        ("2026-01-14T05:00:00", "2026-01-14"),
        ("2026-03-09T04:00:00", "2026-03-09"),  # the day after clocks went forward
        ("2026-03-07T04:59:00", "2026-03-06"),
        ("2026-03-08T06:59:00", "2026-03-06"),
        ("2026-11-02T04:59:59", "2026-10-30"),  # the day after clocks went back
        ("2026-11-02T05:00:00", "2026-11-02"),
        ("2026-08-15T12:00:00", "2026-08-14"),
        ("2026-08-17T03:59:00", "2026-08-14"),
        ("2026-08-17T04:00:00", "2026-08-17"),
        ("2026-11-27T12:00:00", "2026-11-25"),
        ("2026-11-30T12:00:00", "2026-11-30"),
        ("2027-01-01T12:00:00", "2026-12-28"),
    ],
)
def test_the_newest_list_is_that_of_the_day_in_new_york(moment: str, newest: str) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)

    assert newest_list(at) == date.fromisoformat(newest)


def days(*written: str) -> tuple[date, ...]:
    return tuple(map(date.fromisoformat, written))


def utc(written: str) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=UTC)


@pytest.mark.parametrize("hour", [2, 4, 7, 23])
def test_a_daily_harvest_misses_no_list_all_year(hour: int) -> None:
    for day in YEAR_2026[1:]:
        at = datetime(day.year, day.month, day.day, hour, 30, tzinfo=UTC)

        assert missed_days(at - timedelta(days=1), at) == ()


def test_a_harvest_on_the_evening_before_misses_the_day_between() -> None:
    # 01:00 UTC is the evening before in New York.
    assert missed_days(utc("2026-08-12T01:00"), utc("2026-08-13T05:30")) == days("2026-08-12")
    assert missed_days(utc("2026-08-12T05:00"), utc("2026-08-13T05:30")) == ()


def test_a_weeks_sleep_misses_the_lists_of_the_week() -> None:
    missed = missed_days(utc("2026-08-12T07:30"), utc("2026-08-19T07:30"))

    assert missed == days("2026-08-13", "2026-08-14", "2026-08-17", "2026-08-18")


def test_a_holiday_that_may_have_had_a_list_is_asked_for() -> None:
    missed = missed_days(utc("2026-01-16T07:30"), utc("2026-01-21T07:30"))

    assert missed == days("2026-01-19", "2026-01-20")


def test_days_on_which_a_harvest_went_well_were_not_missed_whatever_the_calendar() -> None:
    assert missed_days(utc("2027-01-03T07:30"), utc("2027-01-04T07:30")) == ()


def test_a_harvest_in_the_future_misses_nothing() -> None:
    assert missed_days(utc("2027-01-03T07:30"), utc("2026-01-04T07:30")) == ()


@given(at=MOMENTS, back=st.integers(0, 40 * 24 * 60))
def test_no_list_that_came_out_between_two_harvests_is_left_out(at: datetime, back: int) -> None:
    since = at - timedelta(minutes=back)

    missed = missed_days(since, at)

    had, today = newest_list(since), day_in_new_york(at)
    due = [had + timedelta(days=number) for number in range(1, 60)]
    assert all(day_in_new_york(since) < day < today for day in missed)
    assert {day for day in due if day < today and is_announcement_day(day)} <= set(missed)
    assert list(missed) == sorted(set(missed))


@given(at=MOMENTS)
def test_the_newest_list_is_at_most_two_weeks_old(at: datetime) -> None:
    newest = newest_list(at)

    assert is_announcement_day(newest)
    assert timedelta(0) <= day_in_new_york(at) - newest <= LONGEST_PAUSE


@pytest.mark.parametrize(
    ("created", "stamped", "listed"),
    [
        ("2026-08-11", "2026-08-12", "2026-08-12"),
        ("2026-08-11", None, "2026-08-12"),
        ("2026-08-14", None, "2026-08-17"),
        ("2026-08-14", "2026-08-18", "2026-08-18"),
        ("2026-08-11", "2026-11-12", "2026-08-12"),
        ("2026-08-11", "2026-08-10", "2026-08-12"),
        ("2026-11-25", None, "2026-11-30"),
    ],
)
def test_the_list_of_a_record_follows_from_its_dates(created: str, stamped: str | None, listed: str) -> None:
    day = list_day_of(date.fromisoformat(created), date.fromisoformat(stamped) if stamped else None)

    assert day == date.fromisoformat(listed)


# ---------------------------------------------------------------- first minutes


@pytest.mark.parametrize(
    ("at", "last", "following"),
    [
        ("2026-03-11T12:00", "2026-03-11T04:00", "2026-03-12T04:00"),
        ("2026-03-11T03:59", "2026-03-10T04:00", "2026-03-11T04:00"),
        ("2026-03-11T04:00", "2026-03-11T04:00", "2026-03-12T04:00"),
        ("2026-03-07T12:00", "2026-03-06T05:00", "2026-03-09T04:00"),
        ("2026-11-01T23:00", "2026-10-30T04:00", "2026-11-02T05:00"),
        ("2026-12-25T12:00", "2026-12-25T05:00", "2026-12-28T05:00"),
    ],
)
def test_lists_come_out_in_the_first_minute_of_weekdays_in_new_york(
    at: str, last: str, following: str
) -> None:
    moment, *expected = (datetime.fromisoformat(one).replace(tzinfo=UTC) for one in (at, last, following))

    assert [last_out(moment), next_out(moment)] == expected


@given(MOMENTS)
def test_every_moment_lies_between_two_first_minutes_that_follow_each_other(at: datetime) -> None:
    last, following = last_out(at), next_out(at)

    assert last <= at < following <= last + timedelta(days=3, hours=1)
    assert (next_out(last), last_out(following)) == (following, following)
