"""Whenever arXiv is read, and however long it was not: no list is lost, and none is read twice without need."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from digest.errors import DigestError
from digest.sources.arxiv_calendar import NEW_YORK, day_in_new_york, missed_days
from digest.sources.protocol import Source, Wanted
from tests.sources.arxiv_makers import RSS, SITE, feed, page, row
from tests.sources.contract import FakeWeb, entries_of, opened

SPRING, AUTUMN, THANKSGIVING = date(2026, 3, 2), date(2026, 10, 26), date(2026, 11, 16)
"""Three weeks from there have a change of clocks, the other change, and a holiday."""
HOLIDAYS = (date(2026, 11, 26),)
HOURS = 21 * 24
CATEGORIES = ("cs.CL", "cs.RO")


@lru_cache(maxsize=200)
def rows(day: date, category: str) -> tuple[dict[str, Any], ...]:
    """A list of two new papers, and in cs.CL one of cs.RO's, too."""
    number = 10 * day.timetuple().tm_yday
    both = ("cs.RO", "cs.CL")
    own = {
        "cs.CL": (row(number + 1), row(number + 2), row(number + 3, "cross", categories=both)),
        "cs.RO": (row(number + 3, categories=both), row(number + 4, category="cs.RO")),
    }
    return own[category]


def papers(day: date) -> set[str]:
    return {one["id"] for category in CATEGORIES for one in rows(day, category)}


@lru_cache(maxsize=200)
def a_feed(day: date, is_empty: bool) -> bytes:
    everything = {one["id"]: one for category in CATEGORIES for one in rows(day, category)}
    return feed([] if is_empty else list(everything.values()), day)


@lru_cache(maxsize=400)
def a_page(day: date, category: str, is_empty: bool, is_catchup: bool) -> bytes:
    return page([] if is_empty else rows(day, category), day, is_catchup=is_catchup)


@dataclass
class WellBehaved(FakeWeb):
    """arXiv as it says that it works, at a moment."""

    at: datetime = field(kw_only=True)
    is_without_thanksgiving: bool = field(kw_only=True)

    def has_list(self, day: date) -> bool:
        """Announced at 20:00 of the evening before, if that is no holiday."""
        evening = day - timedelta(days=1)
        is_out = datetime.combine(evening, time(20), NEW_YORK) <= self.at.astimezone(NEW_YORK)
        is_none = day.weekday() >= 5 or evening in HOLIDAYS
        return is_out and not is_none and not (self.is_without_thanksgiving and day in HOLIDAYS)

    def _answer(self, url: str) -> bytes:
        today = day_in_new_york(self.at)
        if url.startswith(RSS):
            return a_feed(today, not self.has_list(today))
        _, _, _, kind, category, which = url.partition("?")[0].split("/")
        assert url.startswith(SITE)
        if kind == "catchup":
            day = date.fromisoformat(which)
            return a_page(day, category, not self.has_list(day), True)
        newest = next(day for n in range(9) if self.has_list(day := today + timedelta(days=1 - n)))
        return a_page(newest, category, False, False)


def harvest(source: Source, wanted: Wanted, *, is_without: bool) -> tuple[set[str], list[str]]:
    """The papers that were read of a server that behaves, and what it was asked."""
    web = WellBehaved({}, at=wanted.at, is_without_thanksgiving=is_without)
    found = list(source.read(web, wanted))
    assert not [one for one in found if isinstance(one, DigestError)]
    return {entry.paper.id for entry in entries_of(found)}, web.asked


def moment(first: date, minutes: int) -> datetime:
    return datetime.combine(first, time(), UTC) + timedelta(minutes=minutes)


@pytest.mark.slow
@given(
    start=st.sampled_from([SPRING, AUTUMN, THANKSGIVING]),
    minutes=st.lists(st.integers(0, HOURS * 60), min_size=2, max_size=4).map(sorted),
    is_without=st.booleans(),
)
@example(start=SPRING, minutes=[8 * 1440 + 60, 9 * 1440 + 330], is_without=False)
@example(start=THANKSGIVING, minutes=[9 * 1440, 14 * 1440 + 300], is_without=True)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_list_is_lost_and_none_is_read_twice_without_need(
    tmp_path: Path, start: date, minutes: list[int], is_without: bool
) -> None:
    source = opened(tmp_path, kind="arxiv", categories=list(CATEGORIES), days_back=20)
    since, known = None, frozenset[str]()
    first, *_, last = moments = [moment(start, one) for one in minutes]

    for at in moments:
        wanted = Wanted(today=at.date(), at=at, since=since, known=known)
        read, asked = harvest(source, wanted, is_without=is_without)
        had, today = (day_in_new_york(since) if since else date.min), day_in_new_york(at)
        again = [day for url in asked if "/catchup/" in url and had >= (day := _day_of(url))]
        assert not again
        assert len(asked) == len(set(asked))
        assert not [url for url in asked if "/list/" in url]
        assert (known & read) <= (papers(today) if had == today else set())
        since, known = at, known | read

    web = WellBehaved({}, at=last, is_without_thanksgiving=is_without)
    days = _days(day_in_new_york(first), day_in_new_york(last))
    assert set().union(*(papers(day) for day in days if web.has_list(day))) <= known


def _day_of(url: str) -> date:
    return date.fromisoformat(url.partition("?")[0].rpartition("/")[2])


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


@pytest.mark.slow
@pytest.mark.parametrize("start", [SPRING, AUTUMN, THANKSGIVING])
def test_between_any_two_hours_the_lists_are_missed_that_no_feed_showed_at_either(start: date) -> None:
    moments = [moment(start, 60 * hour + 30) for hour in range(0, HOURS, 3)]
    shown = [  # a feed shows the list of a day from midnight to midnight in New York
        (day, datetime.combine(day, time(), NEW_YORK), datetime.combine(day + timedelta(1), time(), NEW_YORK))
        for day in _days(start, start + timedelta(days=21))
        if day.weekday() < 5
    ]

    for since, at in combinations_with_replacement(moments, 2):
        between = [day for day, begins, ends in shown if since < begins and ends <= at]

        assert list(missed_days(since, at)) == between
