"""arXiv's daily lists: the feed, what mends it, and the days that were missed."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from digest.errors import BusyError, DigestError, FetchError, InputError, LostError, StaleError
from digest.model import Listing
from digest.sources.protocol import Archive, Wanted
from digest.sources.registry import table_of
from tests.makers import NOW, TODAY
from tests.sources.arxiv_makers import RSS, SITE, TUESDAY, WEDNESDAY, feed, page, row
from tests.sources.contract import (
    FakeWeb,
    Found,
    SourceContract,
    assert_clean,
    entries_of,
    listings_of,
    opened,
)

NEW = f"{SITE}/list/cs.CL/new"
FEED = f"{RSS}/cs.CL"


class TestArxiv(SourceContract):
    table: ClassVar[dict[str, Any]] = {"kind": "arxiv", "categories": ["cs.CL", "cs.RO"]}
    folder = "arxiv"


def read(tmp_path: Path, web: FakeWeb, *, categories: tuple[str, ...] = ("cs.CL",), **said: Any) -> Found:
    """What a harvest gives; `since`, `known` and `at` are the harvest's, all else stands in the table."""
    asked = {key: said.pop(key) for key in ("since", "known", "at") if key in said}
    if "since" in asked:
        asked["since"] = morning(asked["since"])
    wanted = replace(Wanted(today=TODAY, at=NOW), **asked)
    return list(opened(tmp_path, kind="arxiv", categories=list(categories), **said).read(web, wanted))


def morning(day: date) -> datetime:
    return datetime.combine(day, NOW.timetz())


def ids(listing: Listing | DigestError) -> list[str]:
    assert isinstance(listing, Listing), listing
    return [entry.paper.id for entry in listing.entries]


def day_page(day: date, category: str = "cs.CL", number: int = 1) -> str:
    return f"{SITE}/catchup/{category}/{day}?abs=True&page={number}"


def known(*rows: dict[str, Any]) -> frozenset[str]:
    return frozenset(one["id"] for one in rows)


# ---------------------------------------------------------------- the feed


def test_a_good_feed_is_all_that_is_asked_for(tmp_path: Path) -> None:
    web = FakeWeb({FEED: feed([row(1), row(2, "cross")])})

    (listing,) = read(tmp_path, web)

    assert ids(listing) == ["2603.10001", "2603.10002"]
    assert web.asked == [FEED]


def test_the_announcements_that_are_wanted_can_be_chosen(tmp_path: Path) -> None:
    rows = [row(1), row(2, "cross"), row(3, "replace"), row(4, "replace-cross")]
    web = FakeWeb({FEED: feed(rows)})

    (new,) = read(tmp_path, web, announce=["new"])
    (revised,) = read(tmp_path, web, announce=["replace", "replace-cross"])

    assert ids(new) == ["2603.10001"]
    assert ids(revised) == ["2603.10003", "2603.10004"]


def test_what_is_not_wanted_does_not_count_as_missing(tmp_path: Path) -> None:
    web = FakeWeb({FEED: feed([row(1), row(3, "replace")])})

    (listing,) = read(tmp_path, web)

    assert isinstance(listing, Listing)
    assert listing.expected == 1


def test_categories_are_asked_for_three_at_a_time_and_archives_alone(tmp_path: Path) -> None:
    web = FakeWeb({})

    read(tmp_path, web, categories=("cs.CL", "math", "cs.RO", "cs.AI", "cs.LG"))

    feeds = [url for url in web.asked if url.startswith(RSS)]
    assert feeds == [f"{RSS}/math", f"{RSS}/cs.CL+cs.RO+cs.AI", f"{RSS}/cs.LG"]


def test_a_paper_in_two_feeds_is_one_entry(tmp_path: Path) -> None:
    both = row(1, categories=("math.CO", "cs.CL"))
    web = FakeWeb({f"{RSS}/math": feed([both, row(2, category="math.CO")]), FEED: feed([both])})

    (listing,) = read(tmp_path, web, categories=("cs.CL", "math"))

    assert ids(listing) == ["2603.10001", "2603.10002"]


def test_an_item_that_cannot_be_read_is_told_and_the_others_are_kept(tmp_path: Path) -> None:
    web = FakeWeb({FEED: feed([row(1), row(2, title=" ")])})

    (listing,) = read(tmp_path, web)

    assert isinstance(listing, Listing)
    assert ids(listing) == ["2603.10001"]
    assert listing.warnings == ("item 2: 2603.10002 has no title; left out",)


@pytest.mark.parametrize(
    "stated", [date(2000, 1, 3), date(2026, 2, 24), date(2026, 3, 13), date(9999, 12, 31)]
)
def test_a_day_that_cannot_be_is_not_believed(stated: date, tmp_path: Path) -> None:
    web = FakeWeb({FEED: feed([row(1)], stated)})

    (listing,) = read(tmp_path, web)

    assert isinstance(listing, Listing)
    assert listing.day == WEDNESDAY
    assert listing.warnings == (f"The feed states the day {stated}, which cannot be",)


# ---------------------------------------------------------------- days without a list


@pytest.mark.parametrize(
    ("at", "why"),
    [
        (datetime(2026, 3, 14, 12, tzinfo=UTC), "arXiv announces nothing on Saturdays"),
        (datetime(2026, 3, 16, 3, 59, tzinfo=UTC), "arXiv announces nothing on Sundays"),
        (datetime(2026, 11, 27, 12, tzinfo=UTC), "arXiv has a holiday on 2026-11-26"),
    ],
)
def test_an_empty_feed_on_a_day_without_a_list_is_quiet(at: datetime, why: str, tmp_path: Path) -> None:
    web = FakeWeb({FEED: feed([], at.date())})

    (listing,) = read(tmp_path, web, at=at, since=at.date())

    assert isinstance(listing, Listing)
    assert listing.entries == ()
    assert listing.quiet == why
    assert web.asked == [FEED]


def test_an_empty_feed_on_another_day_is_an_alarm(tmp_path: Path) -> None:
    web = FakeWeb({FEED: feed([]), NEW: page([row(1)], TUESDAY)})

    (problem,) = read(tmp_path, web)

    assert isinstance(problem, InputError)
    assert problem.what == "the list of cs.CL is still that of 2026-03-10, where that of 2026-03-11 is due"
    assert "holiday" in problem.fix


def test_a_category_of_which_nothing_was_announced_is_quiet(tmp_path: Path) -> None:
    web = FakeWeb({FEED: feed([]), NEW: page([])})

    (listing,) = read(tmp_path, web)

    assert isinstance(listing, Listing)
    assert listing.quiet == "arXiv lists nothing new or cross of cs.CL on 2026-03-11"


def test_papers_on_a_day_that_should_have_none_are_read(tmp_path: Path) -> None:
    web = FakeWeb({FEED: feed([row(1)], date(2026, 11, 27))})

    at = datetime(2026, 11, 27, 12, tzinfo=UTC)

    (listing,) = read(tmp_path, web, at=at, since=date(2026, 11, 26))

    assert ids(listing) == ["2603.10001"]


def test_a_feed_that_still_shows_friday_on_a_saturday_is_quiet(tmp_path: Path) -> None:
    web = FakeWeb({FEED: feed([row(1)], date(2026, 3, 14))})

    at = datetime(2026, 3, 14, 12, tzinfo=UTC)

    (listing,) = read(tmp_path, web, at=at, since=date(2026, 3, 13), known=known(row(1)))

    assert isinstance(listing, Listing)
    assert listing.quiet


# ---------------------------------------------------------------- a stale feed


def test_a_feed_of_known_papers_only_is_replaced_by_the_sites_list(tmp_path: Path) -> None:
    old, fresh = [row(1), row(2)], [row(3), row(4, "cross")]
    web = FakeWeb({FEED: feed(old), NEW: page(fresh)})

    (listing,) = read(tmp_path, web, known=known(*old), since=TUESDAY)

    assert ids(listing) == ["2603.10003", "2603.10004"]
    assert isinstance(listing, Listing)
    assert listing.day == WEDNESDAY
    assert {entry.observation.listed_on for entry in listing.entries} == {WEDNESDAY}


def test_a_feed_that_states_an_earlier_day_is_mended_and_its_papers_kept_under_their_day(
    tmp_path: Path,
) -> None:
    web = FakeWeb({FEED: feed([row(1)], TUESDAY), NEW: page([row(2)])})

    new, old = read(tmp_path, web)

    assert isinstance(new, Listing)
    assert isinstance(old, Listing)
    assert (new.day, ids(new)) == (WEDNESDAY, ["2603.10002"])
    assert (old.day, ids(old)) == (TUESDAY, ["2603.10001"])


def test_a_site_that_is_as_old_as_the_feed_is_asked_for_the_day_itself(tmp_path: Path) -> None:
    web = FakeWeb(
        {
            FEED: feed([row(1)]),
            NEW: page([row(1)], TUESDAY),
            day_page(WEDNESDAY): page([row(2)], is_catchup=True),
        }
    )

    (listing,) = read(tmp_path, web, known=known(row(1)))

    assert ids(listing) == ["2603.10002"]


def test_a_list_that_is_late_everywhere_is_stale(tmp_path: Path) -> None:
    web = FakeWeb(
        {
            FEED: feed([row(1)]),
            NEW: page([row(1)], TUESDAY),
            day_page(WEDNESDAY): page([], is_catchup=True),
        }
    )

    (problem,) = read(tmp_path, web, known=known(row(1)))

    assert isinstance(problem, InputError)
    assert problem.where == NEW
    assert problem.what == "the list of cs.CL is still that of 2026-03-10, where that of 2026-03-11 is due"


def test_one_stale_category_is_found_among_others_of_its_feed(tmp_path: Path) -> None:
    rows = [row(1), row(2, category="cs.RO")]
    web = FakeWeb({f"{RSS}/cs.CL+cs.RO": feed(rows), NEW: page([row(3)])})

    (listing,) = read(tmp_path, web, categories=("cs.CL", "cs.RO"), known=known(row(1)))

    assert sorted(ids(listing)) == ["2603.10002", "2603.10003"]
    assert web.asked == [f"{RSS}/cs.CL+cs.RO", NEW]


def test_reading_a_list_again_later_the_same_day_finds_it_whole(tmp_path: Path) -> None:
    rows = [row(1), row(2)]
    web = FakeWeb({FEED: feed(rows), NEW: page(rows)})

    (listing,) = read(tmp_path, web, known=known(*rows), since=WEDNESDAY)

    assert ids(listing) == ["2603.10001", "2603.10002"]
    assert web.asked == [FEED]


def test_a_list_that_was_read_whole_that_day_is_not_checked_again(tmp_path: Path) -> None:
    down = FetchError("no answer in time", where=NEW)
    web = FakeWeb({FEED: feed([row(1)]), NEW: down})

    (listing,) = read(tmp_path, web, known=known(row(1)), since=WEDNESDAY)
    (problem,) = read(tmp_path, web, known=known(row(1)), since=TUESDAY)

    assert ids(listing) == ["2603.10001"]
    assert problem is down


def test_a_feed_that_is_empty_after_it_had_papers_is_checked(tmp_path: Path) -> None:
    web = FakeWeb({FEED: feed([]), NEW: page([row(1)])})

    (listing,) = read(tmp_path, web, known=known(row(1)), since=WEDNESDAY)

    assert ids(listing) == ["2603.10001"]


def test_a_cross_listed_paper_says_nothing_of_the_other_category(tmp_path: Path) -> None:
    old = [row(1), row(2)]
    both = row(10, category="cs.RO", categories=("cs.RO", "cs.CL"))
    web = FakeWeb({f"{RSS}/cs.CL+cs.RO": feed([*old, both]), NEW: page([row(20), row(21)])})

    (listing,) = read(tmp_path, web, categories=("cs.CL", "cs.RO"), known=known(*old), since=TUESDAY)

    assert ids(listing) == ["2603.10010", "2603.10020", "2603.10021"]


def test_an_old_list_is_not_kept_for_its_cross_lists_to_another_category(tmp_path: Path) -> None:
    old = row(1, categories=("cs.CL", "cs.RO"))
    web = FakeWeb({f"{RSS}/cs.CL+cs.RO": feed([old, row(2, category="cs.RO")]), NEW: page([row(3)])})

    (listing,) = read(tmp_path, web, categories=("cs.CL", "cs.RO"), known=known(old), since=TUESDAY)

    assert ids(listing) == ["2603.10002", "2603.10003"]


def test_a_feed_that_has_the_list_of_a_missed_day_is_told_by_that_list(tmp_path: Path) -> None:
    missed = page([row(2)], TUESDAY, is_catchup=True)
    web = FakeWeb({FEED: feed([row(2)]), day_page(TUESDAY): missed, NEW: page([row(3)])})

    today, before = read(tmp_path, web, since=date(2026, 3, 9), known=known(row(1)))

    assert isinstance(today, Listing)
    assert isinstance(before, Listing)
    assert (today.day, ids(today)) == (WEDNESDAY, ["2603.10003"])
    assert (before.day, ids(before)) == (TUESDAY, ["2603.10002"])


def test_after_the_evenings_announcement_both_lists_are_read(tmp_path: Path) -> None:
    evening = datetime(2026, 3, 12, 2, tzinfo=UTC)  # 22:00 of Wednesday in New York
    web = FakeWeb(
        {
            NEW: page([row(2)], date(2026, 3, 12)),
            day_page(WEDNESDAY): page([row(1)], is_catchup=True),
        }
    )

    tomorrow, today = read(tmp_path, web, at=evening)

    assert isinstance(tomorrow, Listing)
    assert isinstance(today, Listing)
    assert (tomorrow.day, ids(tomorrow)) == (date(2026, 3, 12), ["2603.10002"])
    assert (today.day, ids(today)) == (WEDNESDAY, ["2603.10001"])


# ---------------------------------------------------------------- a feed that fails


def test_a_feed_that_fails_is_replaced_by_the_sites_lists_with_a_warning(tmp_path: Path) -> None:
    web = FakeWeb({FEED: FetchError("answered 500", where=FEED), NEW: page([row(1)])})

    (listing,) = read(tmp_path, web)

    assert isinstance(listing, Listing)
    assert ids(listing) == ["2603.10001"]
    assert "answered 500" in listing.warnings[0]
    assert listing.layout == "arXiv list"


def test_one_category_that_fails_does_not_keep_another_from_being_read(tmp_path: Path) -> None:
    web = FakeWeb({f"{RSS}/math": feed([row(1, category="math.CO")])})

    listing, problem = read(tmp_path, web, categories=("cs.CL", "math"))

    assert ids(listing) == ["2603.10001"]
    assert isinstance(problem, FetchError)
    assert FEED in problem.where
    assert problem.what == "the server answered 404 Not Found; nor did its page help"


def test_a_feed_that_is_none_is_an_alarm_even_if_the_site_is_down(tmp_path: Path) -> None:
    web = FakeWeb({FEED: b"<html>moved</html>", NEW: FetchError("no answer", where=NEW)})

    (problem,) = read(tmp_path, web)

    assert isinstance(problem, InputError)
    assert problem.where == FEED


def test_a_feed_that_is_none_is_an_alarm_though_the_site_has_all_papers(tmp_path: Path) -> None:
    joined = f"{RSS}/cs.CL+cs.RO"
    web = FakeWeb(
        {
            joined: b"<html>moved</html>",
            NEW: page([row(1)]),
            NEW.replace("CL", "RO"): page([row(2, category="cs.RO")]),
        }
    )

    listing, problem = read(tmp_path, web, categories=("cs.CL", "cs.RO"))

    assert ids(listing) == ["2603.10001", "2603.10002"]
    assert isinstance(problem, InputError)
    assert problem.where == joined


def test_a_feed_that_fails_on_a_day_that_is_late_is_stale(tmp_path: Path) -> None:
    web = FakeWeb({NEW: page([row(1)], TUESDAY)})

    (problem,) = read(tmp_path, web)

    assert isinstance(problem, StaleError)
    assert "; nor did its feed help: " in problem.what


def test_an_arxiv_that_asks_for_fewer_requests_gets_none(tmp_path: Path) -> None:
    web = FakeWeb({FEED: BusyError("answered 429", where=FEED), NEW: page([row(1)])})

    problems = read(tmp_path, web, since=date(2026, 3, 9))

    assert all(isinstance(one, FetchError) for one in problems)
    assert web.asked == [FEED]


def test_an_error_told_in_a_feed_is_an_alarm(tmp_path: Path) -> None:
    wrong = feed([]).replace(
        b"cs.CL updates on arXiv.org", b"Feed error for query: http://rss.arxiv.org/rss/cs.XX"
    )
    web = FakeWeb({FEED: wrong})

    (problem,) = read(tmp_path, web)

    assert isinstance(problem, InputError)
    assert "Feed error for query" in problem.what


def test_a_site_that_is_down_is_not_asked_for_every_category(tmp_path: Path) -> None:
    categories = tuple(f"cs.{name}" for name in "AI CL CV CY DB DC DL DS HC IR LG RO".split())
    down = FetchError("no answer in time")
    urls = [f"{RSS}/{'+'.join(categories[start : start + 3])}" for start in (0, 3, 6, 9)]
    web = FakeWeb(dict.fromkeys(urls, down) | {f"{SITE}/list/{name}/new": down for name in categories})

    found = read(tmp_path, web, categories=categories)

    assert all(isinstance(one, FetchError) for one in found)
    assert len(web.asked) == 2


def test_a_feed_that_is_full_is_completed_from_the_site(tmp_path: Path) -> None:
    full = [row(number) for number in range(2_000)]
    web = FakeWeb({f"{RSS}/cs": feed(full), f"{SITE}/list/cs/new": page([row(1_999), row(2_500)])})

    (listing,) = read(tmp_path, web, categories=("cs",))

    assert isinstance(listing, Listing)
    assert len(listing.entries) == 2_001
    assert "the most it can hold" in listing.warnings[0]


# ---------------------------------------------------------------- numbers that disagree


def test_a_list_shorter_than_it_says_is_read_and_an_alarm(tmp_path: Path) -> None:
    rows = [row(number) for number in range(70)]
    short = page(rows).replace(b"showing 70 of 70", b"showing 79 of 79").replace(b"of 70 ", b"of 79 ")
    web = FakeWeb({NEW: short})

    listing, problem = read(tmp_path, web)

    assert isinstance(listing, Listing)
    assert (len(listing.entries), listing.expected) == (70, 79)
    assert isinstance(problem, InputError)
    assert problem.what == "has 70 entries where it says 79"
    assert problem.where == NEW


def test_a_list_of_several_pages_is_read_to_its_end(tmp_path: Path) -> None:
    totals = {"New": 3, "Cross": 1}
    more = f"{NEW}?skip=2&show=2000"
    web = FakeWeb(
        {
            NEW: page([row(1), row(2)], totals=totals, showing="showing first"),
            more: page([row(3), row(4, "cross")], totals=totals, showing="continued, showing last"),
        }
    )

    (listing,) = read(tmp_path, web)

    assert isinstance(listing, Listing)
    assert ids(listing) == [f"2603.1000{number}" for number in (1, 2, 3, 4)]
    assert listing.expected == 4
    assert [url for url in web.asked if url.startswith(SITE)] == [NEW, more]


def test_a_further_page_that_fails_costs_its_own_papers_only(tmp_path: Path) -> None:
    web = FakeWeb({NEW: page([row(1)], totals={"New": 3})})

    listing, problem = read(tmp_path, web)

    assert ids(listing) == ["2603.10001"]
    assert isinstance(problem, FetchError)


def test_a_paper_in_two_parts_of_a_list_is_counted_twice_and_given_once(tmp_path: Path) -> None:
    rows = [row(1, "cross"), row(1, "replace"), row(2)]
    web = FakeWeb({NEW: page(rows)})

    (listing,) = read(tmp_path, web, announce=["new", "cross", "replace", "replace-cross"])

    assert sorted(ids(listing)) == ["2603.10001", "2603.10002"]


def test_a_list_that_changes_while_it_is_read_is_an_alarm(tmp_path: Path) -> None:
    totals = {"New": 2}
    web = FakeWeb(
        {
            NEW: page([row(1)], totals=totals),
            f"{NEW}?skip=1&show=2000": page([row(9)], date(2026, 3, 12), totals=totals),
        }
    )

    listing, problem = read(tmp_path, web)

    assert ids(listing) == ["2603.10001"]
    assert isinstance(problem, InputError)


def test_pages_without_end_are_not_followed(tmp_path: Path) -> None:
    class Endless(FakeWeb):
        def _answer(self, url: str) -> bytes:
            if url == FEED:
                return super()._answer(url)
            return page([row(len(self.asked))], totals={"New": 9_999})

    web = Endless({})

    listing, problem = read(tmp_path, web)

    assert len(ids(listing)) == 5
    assert isinstance(problem, InputError)
    assert problem.what == "has 5 entries where it says 9999"
    assert len(web.asked) == 1 + 5


# ---------------------------------------------------------------- days that were missed


def test_a_night_over_which_all_went_well_misses_nothing(tmp_path: Path) -> None:
    web = FakeWeb({FEED: feed([row(1)])})

    found = read(tmp_path, web, since=TUESDAY)

    assert len(found) == 1
    assert web.asked == [FEED]


def test_the_days_of_a_weeks_sleep_are_made_up_for_the_latest_first(tmp_path: Path) -> None:
    days = [date(2026, 3, day) for day in (10, 9, 6, 5)]
    pages = {day_page(day): page([row(day.day)], day, is_catchup=True) for day in days}
    web = FakeWeb({FEED: feed([row(11)]), **pages})

    found = read(tmp_path, web, since=date(2026, 3, 4))

    assert [one.day for one in listings_of(found)] == [WEDNESDAY, *days]
    assert [ids(one) for one in found] == [[f"2603.100{day:02}"] for day in (11, 10, 9, 6, 5)]


def test_what_is_beyond_days_back_is_one_problem_that_names_the_days(tmp_path: Path) -> None:
    pages = {day_page(TUESDAY): page([row(10)], TUESDAY, is_catchup=True)}
    web = FakeWeb({FEED: feed([row(11)]), **pages})

    *listings, problem = read(tmp_path, web, since=date(2026, 3, 3), days_back=1)

    assert len(listings) == 2
    assert isinstance(problem, LostError)
    assert problem.what == (
        "the lists of 4 days, 2026-03-04 to 2026-03-09, were missed, and not made up for: days_back is 1"
    )
    assert problem.fix == 'Run "digest fetch --since 2026-03-04".'


def test_a_harvest_before_midnight_in_new_york_loses_no_list_to_one_after_it(tmp_path: Path) -> None:
    monday_evening, late = datetime(2026, 3, 10, 1, tzinfo=UTC), datetime(2026, 3, 11, 5, 30, tzinfo=UTC)
    pages = {day_page(TUESDAY): page([row(2)], TUESDAY, is_catchup=True)}
    wanted = Wanted(today=late.date(), at=late, since=monday_evening, known=known(row(1)))
    web = FakeWeb({FEED: feed([row(3)]), **pages})

    found = list(opened(tmp_path, kind="arxiv", categories=["cs.CL"]).read(web, wanted))

    assert [ids(one) for one in found] == [["2603.10003"], ["2603.10002"]]


@pytest.mark.parametrize(
    ("at", "newest"),
    [
        (datetime(2026, 3, 14, 7, 30, tzinfo=UTC), date(2026, 3, 13)),
        (datetime(2026, 3, 15, 7, 30, tzinfo=UTC), date(2026, 3, 13)),
        (datetime(2026, 3, 16, 1, tzinfo=UTC), date(2026, 3, 13)),
        (datetime(2026, 11, 27, 12, tzinfo=UTC), date(2026, 11, 25)),
    ],
)
def test_the_first_harvest_of_all_reads_the_newest_list(at: datetime, newest: date, tmp_path: Path) -> None:
    web = FakeWeb({FEED: feed([], at.date()), day_page(newest): page([row(1)], newest, is_catchup=True)})

    quiet, listing = read(tmp_path, web, at=at)

    assert isinstance(quiet, Listing)
    assert quiet.quiet
    assert quiet.by_calendar
    assert ids(listing) == ["2603.10001"]


def test_a_site_that_is_down_is_told_in_few_words(tmp_path: Path) -> None:
    class Down(FakeWeb):
        def _answer(self, url: str) -> bytes:
            raise FetchError("no answer in time", where=url)

    categories = tuple(f"cs.{name}" for name in "AI CL CV CY DB DC DL DS HC IR LG RO".split())
    web = Down({})

    found = read(tmp_path, web, categories=categories, since=date(2026, 2, 11))

    assert len(web.asked) == 2
    assert len(found) <= 5
    assert sum(len(str(one)) for one in found) < 1_500
    for category in categories:
        assert any(category in str(one) for one in found), category
    assert any("2026-02-12" in str(one) for one in found)


def test_days_that_cannot_be_had_are_one_problem_of_all_categories(tmp_path: Path) -> None:
    web = FakeWeb({FEED: feed([row(1)]), f"{RSS}/math": feed([row(2, category="math.CO")])})

    *_, problem = found = read(tmp_path, web, categories=("cs.CL", "math"), since=date(2026, 3, 5))

    assert len(found) == 2
    assert isinstance(problem, FetchError)
    assert not isinstance(problem, LostError)  # it is tried again
    assert problem.what.startswith("the lists of 3 days, 2026-03-06 to 2026-03-10, were missed")
    assert "--since 2026-03-06" in problem.fix


def test_a_warning_is_told_though_no_list_is_there_to_carry_it(tmp_path: Path) -> None:
    rows = [row(1, title=" "), row(2, "replace")]
    web = FakeWeb({FEED: feed(rows), NEW: FetchError("no answer in time", where=NEW)})

    (problem,) = read(tmp_path, web)

    assert isinstance(problem, FetchError)
    assert problem.what == "no answer in time (and: item 1: 2603.10001 has no title; left out)"
    assert problem.where == NEW


def test_a_feed_of_other_categories_is_an_alarm_and_the_list_is_read_from_the_site(tmp_path: Path) -> None:
    web = FakeWeb({FEED: feed([row(1, category="math.CO")]), NEW: page([row(2)])})

    listing, problem = read(tmp_path, web)

    assert ids(listing) == ["2603.10002"]
    assert isinstance(problem, InputError)
    assert (problem.what, problem.where) == ("a feed without any paper of cs.CL", FEED)


def test_a_page_of_another_category_is_an_alarm(tmp_path: Path) -> None:
    web = FakeWeb({FEED: FetchError("500", where=FEED), NEW: page([row(1, category="math.CO")])})

    (problem,) = read(tmp_path, web)

    assert isinstance(problem, InputError)
    assert "is no list of cs.CL; its papers are of math.CO" in problem.what


def test_a_days_list_that_is_empty_on_a_working_day_is_not_excused_by_the_calendar(tmp_path: Path) -> None:
    web = FakeWeb({FEED: feed([]), NEW: page([])})

    (listing,) = read(tmp_path, web)

    assert isinstance(listing, Listing)
    assert listing.quiet
    assert not listing.by_calendar


def test_monday_asks_for_no_weekend(tmp_path: Path) -> None:
    monday = datetime(2026, 3, 16, 7, 30, tzinfo=UTC)
    web = FakeWeb({FEED: feed([row(1)], monday.date())})

    read(tmp_path, web, at=monday, since=date(2026, 3, 13))

    assert web.asked == [FEED]


def test_a_saturday_makes_up_for_friday(tmp_path: Path) -> None:
    friday = date(2026, 3, 13)
    web = FakeWeb(
        {FEED: feed([], date(2026, 3, 14)), day_page(friday): page([row(1)], friday, is_catchup=True)}
    )

    quiet, missed = read(tmp_path, web, at=datetime(2026, 3, 14, 7, 30, tzinfo=UTC), since=date(2026, 3, 12))

    assert isinstance(quiet, Listing)
    assert quiet.quiet
    assert ids(missed) == ["2603.10001"]


def test_a_missed_day_that_cannot_be_had_is_told(tmp_path: Path) -> None:
    web = FakeWeb({FEED: feed([row(1)])})

    listing, problem = read(tmp_path, web, since=date(2026, 3, 9))

    assert isinstance(listing, Listing)
    assert isinstance(problem, FetchError)
    assert problem.where == day_page(TUESDAY)


def test_the_list_of_another_day_is_not_taken_for_the_one_missed(tmp_path: Path) -> None:
    other = page([row(2)], WEDNESDAY, is_catchup=True)
    web = FakeWeb({FEED: feed([row(1)]), day_page(TUESDAY): other})

    _, problem = read(tmp_path, web, since=date(2026, 3, 9))

    assert isinstance(problem, InputError)
    assert problem.what == "has the list of 2026-03-11 in place of that of 2026-03-10"


def test_a_harvest_of_years_ago_asks_for_no_more_than_days_back(tmp_path: Path) -> None:
    web = FakeWeb({FEED: feed([row(1)])})

    read(tmp_path, web, since=date(1991, 8, 14), days_back=5)

    assert len(web.asked) == 1 + 5


# ---------------------------------------------------------------- the table


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("CS.cl", "cs.CL"),
        ("cs", "cs"),
        ("math.ap", "math.AP"),
        ("Astro-Ph", "astro-ph"),
        ("astro-ph.ga", "astro-ph.GA"),
        ("physics.OPTICS", "physics.optics"),
        ("cond-mat.mes-hall", "cond-mat.mes-hall"),
        (" hep-th ", "hep-th"),
        ("nlin.ao", "nlin.AO"),
    ],
)
def test_a_category_may_be_written_in_any_case(written: str, meant: str) -> None:
    table = table_of("arxiv").model_validate({"kind": "arxiv", "categories": [written]})

    assert table.model_dump()["categories"] == (meant,)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("maths.AP", "did you mean 'math'"),
        ("computing", "category_taxonomy"),
        ("cs.C", "such as cs.CL"),
        ("cs.CLX", "such as cs.CL"),
        ("cs.", "such as cs.CL"),
        ("physics.42", "such as physics.optics"),
        ("hep-th.AB", "no subject classes"),
        ("cs.CL+cs.AI", "such as cs.CL"),
        ("", "category_taxonomy"),
    ],
)
def test_what_is_no_category_is_refused_with_a_hint(written: str, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        table_of("arxiv").model_validate({"kind": "arxiv", "categories": [written]})


@pytest.mark.parametrize("number", [0, 13])
def test_there_are_one_to_twelve_categories(number: int) -> None:
    categories = [f"cs.A{chr(65 + place)}" for place in range(number)]

    with pytest.raises(ValidationError):
        table_of("arxiv").model_validate({"kind": "arxiv", "categories": categories})


def test_a_category_named_twice_is_asked_for_once(tmp_path: Path) -> None:
    web = FakeWeb({FEED: feed([row(1)])})

    read(tmp_path, web, categories=("cs.CL", "CS.CL"))

    assert web.asked == [FEED]


def test_it_is_an_archive(tmp_path: Path) -> None:
    assert isinstance(opened(tmp_path, kind="arxiv", categories=["cs.CL"]), Archive)


def test_its_table_is_read_without_any_parser() -> None:
    script = (
        "import sys; from digest.sources.registry import table_of; table_of('arxiv')\n"
        "print(sorted({'lxml', 'bs4', 'feedparser', 'digest.sources.arxiv_daily'} & set(sys.modules)))"
    )

    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert told.stdout.strip() == "[]"


def test_entries_are_given_once_for_a_paper_on_two_pages(tmp_path: Path) -> None:
    web = FakeWeb(
        {
            f"{SITE}/list/cs.CL/new": page([row(1)]),
            f"{SITE}/list/cs.RO/new": page([row(1, "cross", category="cs.RO"), row(2, category="cs.RO")]),
        }
    )

    found = read(tmp_path, web, categories=("cs.CL", "cs.RO"))

    assert [entry.paper.id for entry in entries_of(found)] == ["2603.10001", "2603.10002"]


# ---------------------------------------------------------------- hostile answers

_PIECES = (
    b"",
    b"<",
    b">",
    b"&",
    b"]]>",
    b"<![CDATA[",
    b"</item>",
    b"<dd>",
    b"\xff",
    b"\x00",
    b"&#0;",
    b"9" * 400,
)


@pytest.mark.slow
@given(st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_mutated_answers_give_clean_entries_or_problems_and_nothing_else(
    tmp_path: Path, data: st.DataObject
) -> None:
    rows = [row(1), row(2, "cross")]
    urls = {
        FEED: feed(rows),
        NEW: page(rows),
        day_page(WEDNESDAY): page(rows, is_catchup=True),
        day_page(TUESDAY): page(rows, TUESDAY, is_catchup=True),
    }
    edits = data.draw(
        st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), st.sampled_from(_PIECES)), max_size=6)
    )

    def changed(body: bytes) -> bytes:
        for part, length, piece in edits:
            start = int(part * len(body))
            body = body[:start] + piece + body[start + length :]
        return body

    web = FakeWeb(urls, change=changed)
    found = read(tmp_path, web, since=date(2026, 3, 9))

    assert found
    for entry in entries_of(found):
        assert_clean(entry)
    for one in found:
        assert isinstance(one, DigestError) or one.entries or one.quiet
