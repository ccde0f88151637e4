"""Which days a harvest is about."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import LostError
from digest.sources.missed import days_between, days_due, lost, not_asked
from digest.sources.protocol import Wanted

NOW = datetime(2026, 3, 11, 6, 30, tzinfo=UTC)


def wanted(at: datetime = NOW, since: datetime | None = None) -> Wanted:
    return Wanted(today=at.date(), at=at, since=since)


def days(first: str, last: str) -> tuple[date, ...]:
    return days_between(date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(
    ("away", "first"),
    [(None, "2026-03-09"), (0, "2026-03-09"), (1, "2026-03-09"), (2, "2026-03-08"), (5, "2026-03-05")],
)
def test_the_days_before_are_read_again_and_those_that_were_not_read_often_enough(
    away: int | None, first: str
) -> None:
    since = None if away is None else NOW - timedelta(days=away)

    due = days_due(wanted(since=since), back=2, most=30)

    assert (due.days, due.lost) == (days(first, "2026-03-11"), ())


def test_what_is_too_long_ago_is_lost_and_named() -> None:
    due = days_due(wanted(since=NOW - timedelta(days=9)), back=0, most=3)

    (problem,) = lost(due.lost, where="kettle", most=3)

    assert due.days == days("2026-03-08", "2026-03-11")
    assert due.lost == days("2026-03-02", "2026-03-07")
    assert isinstance(problem, LostError)
    assert str(problem) == (
        "kettle: the lists from 2026-03-02 to 2026-03-07 were missed, and more than 3 days ago. "
        'Run "digest fetch --since 2026-03-02"'
    )


def test_nothing_is_told_of_no_days_and_one_day_is_named_alone() -> None:
    assert [*lost((), where="x", most=3), *not_asked((), where="x", why="so")] == []

    (problem,) = not_asked((date(2026, 3, 2),), where="x", why="so", is_archive=False)

    assert str(problem) == "x: the list of 2026-03-02 was not asked for: so"


@pytest.mark.slow
@given(
    st.lists(st.integers(1, 24 * 20), min_size=1, max_size=12),
    st.integers(0, 4),
    st.integers(5, 9),
)
def test_whenever_it_runs_each_day_is_read_once_it_is_settled_or_named_as_lost(
    gaps: list[int], back: int, most: int
) -> None:
    settled: set[date] = set()
    named: set[date] = set()
    at, since = NOW, None
    for gap in gaps:
        due = days_due(wanted(at, since), back=back, most=most)
        settled |= {day for day in due.days if day + timedelta(days=back) <= at.date()}
        named |= set(due.lost)
        since, at = at, at + timedelta(hours=gap)

    assert since is not None
    for day in days_between(NOW.date(), since.date() - timedelta(days=max(back, 1))):
        assert day in settled or day in named
