"""Whether to believe what a source gave."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import DigestError, FetchError, InputError, LostError, StaleError
from digest.harvest import Harvested, Page
from digest.health import MOST_PAGES, Health, Past, fault_of, judge
from digest.model import Listing, Reading, SourceState
from tests.makers import NOW, TODAY, entry
from tests.test_completeness import weekdays

YESTERDAY = TODAY - timedelta(days=1)
PAGE = Page(url="https://kettle.example/list", data=b"<html>tea</html>")
NO_PAST = Past()
DOWN = FetchError("no answer in time", where="https://kettle.example/list")


def listing(n: int, day: date | None = TODAY, *, first: int = 0, **fields: Any) -> Listing:
    """A list of n papers, numbered from `first`."""
    entries = tuple(entry(f"2603.{first + number:05}") for number in range(n))
    return Listing(layout="kettle list", entries=entries, day=day, **fields)


def found(*results: Listing | DigestError, **fields: Any) -> Harvested:
    """What a source gave from one page."""
    return Harvested(
        **{
            "source": "kettle",
            "listings": tuple(one for one in results if isinstance(one, Listing)),
            "problems": tuple(one for one in results if isinstance(one, DigestError)),
            "pages": (PAGE,),
        }
        | fields
    )


def usually(n: int, *, by: time = time(5)) -> Past:
    """Lists of ten working days with so many papers, each read at an hour."""
    days = weekdays(10, before=TODAY)
    at = [datetime.combine(day, by, tzinfo=UTC) for day in days]
    return Past(readings=tuple(Reading(day=day, at=one, papers=n) for day, one in zip(days, at, strict=True)))


def known(n: int, day: date | None) -> dict[str, date | None]:
    """The first papers of `listing`, as a list of a day had them."""
    return {f"2603.{number:05}": day for number in range(n)}


def judged(*results: Listing | DigestError, past: Past = NO_PAST, **fields: Any) -> Health:
    return judge(found(*results, **fields), past, at=NOW)


def state(*results: Listing | DigestError, **fields: Any) -> SourceState:
    return judged(*results, **fields).state


# ---------------------------------------------------------------- fine


def test_a_list_with_papers_is_fine_and_its_length_is_on_record() -> None:
    health = judged(listing(20), past=usually(22))

    assert health == replace(health, state=SourceState.FINE, problems=(), pages=())
    assert health.readings == (Reading(day=TODAY, at=NOW, papers=20),)


def test_a_list_without_papers_is_quiet_if_it_says_why() -> None:
    quiet = listing(0, quiet="no list on weekends")

    assert state(quiet) is SourceState.QUIET
    assert state(listing(5, YESTERDAY), quiet) is SourceState.QUIET
    assert state(listing(0, None, quiet="no page is saved")) is SourceState.QUIET
    assert state(listing(5), listing(0, YESTERDAY, quiet="no list on weekends")) is SourceState.FINE


def test_lists_on_several_pages_count_together_and_a_paper_on_two_of_them_once() -> None:
    pages = (listing(50), listing(50, first=40))

    assert judged(*pages).readings == (Reading(day=TODAY, at=NOW, papers=90),)


# ---------------------------------------------------------------- filling


def test_a_list_that_grows_and_is_short_for_the_hour_is_filling() -> None:
    assert state(listing(10), past=usually(20), grows=True) is SourceState.FILLING
    assert state(listing(15), past=usually(20), grows=True) is SourceState.FINE


def test_a_list_that_does_not_grow_and_is_short_is_told_with_its_numbers_but_calls_nobody() -> None:
    health = judged(listing(10), past=usually(20), grows=False)

    assert (health.state, health.problems) == (SourceState.FILLING, ())
    assert health.length
    assert (health.length.papers, health.length.whole) == (10, 20)
    assert state(listing(15), past=usually(20), grows=False) is SourceState.FINE


def test_a_list_that_has_not_begun_is_filling_where_it_usually_has_and_else_quiet() -> None:
    empty = listing(0, quiet="the list of today has not begun")

    assert state(empty, past=usually(20), grows=True) is SourceState.FILLING
    assert state(empty, past=usually(20, by=time(12)), grows=True) is SourceState.QUIET


def test_a_day_that_is_over_is_not_filling() -> None:
    assert state(listing(10, YESTERDAY), past=usually(20), grows=True) is SourceState.FINE


# ---------------------------------------------------------------- down


def test_a_source_that_gives_nothing_but_failures_is_down() -> None:
    health = judged(DOWN)

    assert health.state is SourceState.DOWN
    assert health.problems == (DOWN,)
    assert (health.readings, health.pages) == ((), ())


@pytest.mark.parametrize("grows", [True, False])
def test_a_source_whose_newest_list_is_lacking_is_down(grows: bool) -> None:
    past = Past(readings=(Reading(day=YESTERDAY, at=NOW - timedelta(days=1), papers=9),))

    assert state(DOWN, listing(9, YESTERDAY), past=past, grows=grows) is SourceState.DOWN


def test_a_source_of_which_an_older_list_failed_was_read_in_part() -> None:
    health = judged(listing(9), DOWN, grows=True)

    assert health.state is SourceState.PARTLY
    assert health.problems == (DOWN,)
    assert health.readings == (Reading(day=TODAY, at=NOW, papers=9),)


def test_a_list_of_which_a_part_failed_is_no_measure_for_others() -> None:
    assert judged(listing(9), DOWN, grows=False).readings == ()


def test_failures_beside_lists_without_a_day_do_not_make_a_source_down() -> None:
    assert state(listing(9, None), DOWN) is SourceState.PARTLY
    assert state(listing(0, None, quiet="nothing is new"), DOWN) is SourceState.DOWN


@pytest.mark.parametrize("grows", [True, False])
def test_an_empty_list_of_today_hides_no_failure_of_the_last_one_with_papers(grows: bool) -> None:
    empty = listing(0, quiet="the list of today has not begun")
    older = listing(9, YESTERDAY - timedelta(days=1))
    read_yesterday = Past(readings=(Reading(day=YESTERDAY, at=NOW - timedelta(days=1), papers=5),))

    assert state(empty, DOWN, grows=grows) is SourceState.DOWN
    assert state(empty, DOWN, older, past=read_yesterday, grows=grows) is SourceState.DOWN
    assert state(empty, listing(9, YESTERDAY), DOWN, past=read_yesterday, grows=grows) is SourceState.PARTLY


def test_lists_that_are_lost_for_good_are_told_and_do_not_make_a_source_less_than_fine() -> None:
    lost = LostError("the lists from 2026-01-05 to 2026-01-09 are lost")

    health = judged(listing(9), lost)

    assert (health.state, health.problems) == (SourceState.FINE, (lost,))
    assert health.readings == (Reading(day=TODAY, at=NOW, papers=9),)
    assert state(listing(9), lost, DOWN) is SourceState.PARTLY


# ---------------------------------------------------------------- strange


def test_a_page_that_is_not_what_it_was_taken_for_is_strange_and_kept() -> None:
    other = Page(url="https://kettle.example/other", data=b"other")
    problem = InputError("headings but no papers", where=PAGE.url)

    health = judged(problem, listing(9), pages=(PAGE, other))

    assert health.state is SourceState.STRANGE
    assert health.pages == (PAGE,)
    assert health.readings == ()


def test_a_page_whose_address_begins_like_that_of_a_problem_is_not_concerned() -> None:
    alike = Page(url=PAGE.url[:-1], data=b"innocent")

    assert judged(InputError("odd", where=PAGE.url), pages=(PAGE, alike)).pages == (PAGE,)
    assert judged(InputError("odd", where=f"{PAGE.url}, item 3"), pages=(PAGE, alike)).pages == (PAGE,)


def test_where_no_page_is_named_the_latest_are_kept_but_no_reply_to_what_was_posted() -> None:
    login = Page(url="https://kettle.example/login", data=b"token", is_reply=True)
    pages = tuple(Page(url=f"https://kettle.example/{n}", data=b"") for n in range(MOST_PAGES + 3))

    assert judged(InputError("odd"), pages=(*pages, login)).pages == pages[-MOST_PAGES:]


def test_an_empty_list_that_does_not_say_why_is_strange() -> None:
    health = judged(listing(0))

    assert health.state is SourceState.STRANGE
    assert "does not say why" in str(health.problems[0])


def test_a_source_that_says_nothing_at_all_is_strange() -> None:
    assert state() is SourceState.STRANGE


@pytest.mark.parametrize(("n", "expected", "strange"), [(70, 79, True), (79, 79, False), (0, 5, True)])
def test_a_list_that_disagrees_with_itself_is_strange(n: int, expected: int, strange: bool) -> None:
    health = judged(listing(n, expected=expected))

    assert (health.state is SourceState.STRANGE) is strange
    if strange:
        assert f"has {n} entries where it says {expected}" in str(health.problems[0])


def test_what_the_source_told_of_its_counts_is_not_told_twice() -> None:
    problem = InputError("has 70 entries where it says 79", where=PAGE.url)

    assert judged(listing(70, expected=79), problem).problems == (problem,)


def test_a_sudden_fall_is_strange_and_on_record_so_that_it_can_become_usual() -> None:
    health = judged(listing(9), past=usually(40))

    assert health.state is SourceState.STRANGE
    assert "has 9 papers, where 40 are usual" in str(health.problems[0])
    assert health.pages == (PAGE,)
    assert health.readings == (Reading(day=TODAY, at=NOW, papers=9),)


def test_a_fall_is_told_on_one_day_and_not_on_each_on_which_the_list_is_read_again() -> None:
    usual = usually(40).readings
    that_day = Reading(day=YESTERDAY, at=NOW - timedelta(days=1), papers=2)
    this_morning = Reading(day=YESTERDAY, at=NOW - timedelta(hours=2), papers=2)

    assert (
        state(listing(40), listing(2, YESTERDAY), past=Past(readings=(*usual, that_day))) is SourceState.FINE
    )
    for grows, earlier in ((True, that_day), (True, this_morning), (False, this_morning)):
        past = Past(readings=(*usual, earlier))
        assert state(listing(40), listing(2, YESTERDAY), past=past, grows=grows) is SourceState.STRANGE


def test_a_list_that_grows_has_fallen_only_when_its_day_is_over() -> None:
    past = usually(40)

    assert state(listing(2), past=past, grows=True) is SourceState.FILLING
    assert state(listing(30), listing(2, YESTERDAY), past=past, grows=True) is SourceState.STRANGE


def test_a_day_that_by_the_calendar_has_no_list_has_not_fallen() -> None:
    holiday = listing(0, quiet="a holiday", by_calendar=True)

    assert state(holiday, past=usually(40)) is SourceState.QUIET
    assert state(holiday, past=usually(40), grows=True) is SourceState.QUIET


def test_an_empty_list_where_many_papers_are_usual_is_strange_whatever_it_says() -> None:
    empty = listing(0, quiet="it lists nothing")

    assert state(empty, past=usually(40)) is SourceState.STRANGE
    assert state(empty, past=usually(5)) is SourceState.QUIET
    assert state(empty) is SourceState.QUIET
    yesterdays = replace(empty, day=YESTERDAY)
    assert state(listing(30), yesterdays, past=usually(40), grows=True) is SourceState.STRANGE


def test_a_weekday_that_never_has_a_list_may_be_empty() -> None:
    saturday = TODAY - timedelta(days=4)

    assert state(listing(0, saturday, quiet="nothing that day"), past=usually(40)) is SourceState.QUIET


def test_saved_pages_have_no_usual_number() -> None:
    health = judged(listing(2), past=usually(40), pages=())

    assert health.state is SourceState.FINE
    assert health.readings == ()


# ---------------------------------------------------------------- stale


def test_a_list_that_its_source_calls_an_old_one_is_stale() -> None:
    problem = StaleError("still has the list of yesterday")

    health = judged(listing(9, YESTERDAY), problem)

    assert health.state is SourceState.STALE
    assert (health.readings, health.pages) == ((), ())


def test_a_new_day_with_nothing_but_known_papers_is_stale() -> None:
    past = Past(readings=usually(9).readings, known=known(9, YESTERDAY))

    assert state(listing(9), past=past) is SourceState.STALE
    assert state(listing(10), past=past) is SourceState.FINE


def test_the_same_list_read_again_the_same_day_is_not_stale() -> None:
    readings = (Reading(day=TODAY, at=NOW - timedelta(hours=1), papers=9),)
    past = Past(readings=readings, known=known(9, TODAY))

    assert state(listing(9), past=past) is SourceState.FINE


def test_two_known_papers_may_stand_alone_on_a_list_by_chance() -> None:
    assert state(listing(2), past=Past(known=known(2, YESTERDAY))) is SourceState.FINE


@pytest.mark.parametrize("day", [TODAY, None])
def test_papers_that_are_known_of_no_earlier_list_do_not_make_one_stale(day: date | None) -> None:
    assert state(listing(9), past=Past(known=known(9, day))) is SourceState.FINE


# ---------------------------------------------------------------- a fault of ours


def test_what_could_not_be_judged_is_strange_with_what_the_source_told_and_its_pages() -> None:
    health = fault_of(found(listing(3), DOWN))

    assert health.state is SourceState.STRANGE
    assert [one.what for one in health.problems] == [DOWN.what, "a fault in Digest"]
    assert (health.pages, health.readings) == ((PAGE,), ())


# ---------------------------------------------------------------- of anything


def results() -> st.SearchStrategy[list[Listing | DigestError]]:
    lists = st.builds(
        listing,
        st.integers(0, 12),
        st.sampled_from([None, TODAY, YESTERDAY]),
        expected=st.none() | st.integers(0, 12),
        quiet=st.sampled_from(["", "a holiday"]),
        by_calendar=st.booleans(),
    )
    odd = InputError("odd", where=PAGE.url)
    problems = st.sampled_from([DOWN, odd, StaleError("old"), LostError("gone"), DigestError("?")])
    return st.lists(lists | problems, max_size=5)


@given(results(), st.booleans(), st.sampled_from([Past(), usually(1), usually(40)]))
def test_only_what_is_good_has_no_problem_of_a_kind_that_calls_a_person(
    given_results: list[Listing | DigestError], grows: bool, past: Past
) -> None:
    health = judge(found(*given_results, grows=grows), past, at=NOW)

    is_alarming = any(isinstance(one, InputError) for one in health.problems)
    assert health.state.is_good is False or not is_alarming
    assert health.state.is_good or health.problems
    assert not health.state.is_good or all(isinstance(one, LostError) for one in health.problems)
    assert bool(health.pages) is (health.state is SourceState.STRANGE)
    assert {one for one in given_results if isinstance(one, DigestError)} <= set(health.problems)
