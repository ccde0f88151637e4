"""Moments and lengths of time in words."""

from datetime import datetime, timedelta, timezone

import pytest

from digest.moments import in_utc, lasting


@pytest.mark.parametrize(
    ("time", "said"),
    [
        (timedelta(seconds=-5), "less than a minute"),
        (timedelta(seconds=59), "less than a minute"),
        (timedelta(minutes=40, seconds=59), "40 min"),
        (timedelta(minutes=90), "1 h 30 min"),
        (timedelta(hours=9, minutes=12), "9 h 12 min"),
        (timedelta(hours=2), "2 h"),
        (timedelta(days=3, hours=4, minutes=5), "3 d 4 h"),
        (timedelta(days=7), "7 d"),
    ],
)
def test_times_are_told_no_finer_than_a_person_needs(time: timedelta, said: str) -> None:
    assert lasting(time) == said


def test_a_moment_is_told_in_utc_wherever_it_was_seen() -> None:
    seen = datetime(2026, 8, 21, 8, 10, 59, tzinfo=timezone(timedelta(hours=2)))

    assert in_utc(seen) == "2026-08-21 06:10 UTC"
