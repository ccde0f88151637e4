"""Votes and their meaning."""

from dataclasses import replace
from datetime import date, timedelta

from digest.model import Candidate, Every, Observation, Period, Trend
from digest.trend import day_listed, with_trends
from tests.makers import NOW, candidate


def voted(identifier: str, upvotes: int | None, day: date | None = None) -> Candidate:
    return replace(candidate(identifier), observation=Observation(at=NOW, upvotes=upvotes, listed_on=day))


def test_a_trend_is_the_share_of_papers_of_the_same_list_day_with_as_many_votes() -> None:
    today, yesterday = date(2026, 3, 11), date(2026, 3, 10)
    papers = [voted("1", 40, today), voted("2", 5, today), voted("3", 40, today), voted("4", 5, yesterday)]

    trends = [found.trend for found in with_trends(papers)]

    assert trends == [
        Trend(upvotes=40, percent=67, among=3),
        Trend(upvotes=5, percent=100, among=3),
        Trend(upvotes=40, percent=67, among=3),
        Trend(upvotes=5, percent=100, among=1),
    ]


def test_what_is_level_with_most_of_its_list_is_not_at_the_top_of_it() -> None:
    votes = [9, 8, 8, 7] + [2] * 27

    percents = [
        one.trend and one.trend.percent for one in with_trends(voted(str(n), v) for n, v in enumerate(votes))
    ]

    assert percents == [4, 10, 10, 13] + [100] * 27


def test_a_paper_without_votes_has_no_trend_and_is_not_counted() -> None:
    first, second, third = with_trends([voted("1", None), candidate("2"), voted("3", 0)])

    assert first.trend is None
    assert second.trend is None
    assert third.trend == Trend(upvotes=0, percent=100, among=1)


def test_over_a_period_all_its_papers_are_compared_and_others_with_their_list_day() -> None:
    first, last, today = date(2026, 3, 4), date(2026, 3, 10), date(2026, 3, 11)
    week = Period(every=Every.WEEK, first=first, last=last)
    papers = [voted("1", 9, first), voted("2", 5, last), voted("3", 7, last), voted("4", 1, today)]

    trends = [found.trend for found in with_trends(papers, week)]

    assert trends == [
        Trend(upvotes=9, percent=34, among=3, over=Every.WEEK),
        Trend(upvotes=5, percent=100, among=3, over=Every.WEEK),
        Trend(upvotes=7, percent=67, among=3, over=Every.WEEK),
        Trend(upvotes=1, percent=100, among=1),
    ]


def test_a_paper_whose_list_has_no_day_is_of_the_day_it_was_seen() -> None:
    assert day_listed(voted("1", 9)) == NOW.date()
    assert day_listed(voted("1", 9, NOW.date() - timedelta(days=3))) == NOW.date() - timedelta(days=3)
    assert day_listed(candidate("1")) == NOW.date()
