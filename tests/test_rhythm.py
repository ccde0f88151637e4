"""When a source is read next."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as some

from digest.model import SourceState
from digest.rhythm import (
    A_DAY,
    AHEAD,
    AT_HAND,
    EAGER,
    FIRST_PAUSE,
    GROWING,
    LONGEST_PAUSE,
    MOST_TRIES,
    SETTLES,
    SLOW,
    SPREAD,
    STEADY,
    Demand,
    Rhythm,
    Try,
    needed_after,
    next_harvest,
    spread_of,
)
from digest.sources.arxiv import RHYTHM as ARXIV
from digest.sources.huggingface import DAILY

FINE, QUIET, DOWN = SourceState.FINE, SourceState.QUIET, SourceState.DOWN
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
NOW = datetime(2026, 3, 11, 7, 30, tzinfo=UTC)
"""A Wednesday."""
MIDNIGHT = datetime(2026, 3, 11, 4, tzinfo=UTC)
"""In New York, before NOW."""
RHYTHMS = (ARXIV, DAILY, GROWING, STEADY, SLOW, AT_HAND)
A_WEEKEND = 3 * A_DAY + HOUR
"""From Friday's first minute to Monday's, where clocks are set back in between."""


def tries(*states: SourceState, at: datetime = NOW, every: timedelta = HOUR) -> list[Try]:
    """The latest first, and at that moment."""
    return [Try(at=at - n * every, state=state) for n, state in enumerate(states)]


def next_one(
    rhythm: Rhythm,
    past: Sequence[Try],
    at: datetime | None = None,
    *,
    awaited: bool = False,
    spread: float = 0,
) -> datetime:
    """Right after the last try."""
    demand = Demand(at=at, is_awaited=awaited)
    return next_harvest(rhythm, past, demand, now=past[0].at, spread=spread)


# ---------------------------------------------------------------- by its rhythm


@pytest.mark.parametrize("rhythm", RHYTHMS)
def test_what_was_never_read_is_read_at_once(rhythm: Rhythm) -> None:
    assert next_harvest(rhythm, [], Demand(), now=NOW, spread=0.9) == NOW
    assert needed_after(rhythm, [], NOW) == NOW


@pytest.mark.parametrize("rhythm", [GROWING, STEADY, SLOW, AT_HAND])
def test_without_readers_once_a_day_suffices(rhythm: Rhythm) -> None:
    assert next_one(rhythm, tries(FINE)) == NOW + A_DAY
    assert next_one(rhythm, tries(FINE), NOW + 5 * A_DAY) == NOW + A_DAY


@pytest.mark.parametrize("rhythm", [GROWING, STEADY, AT_HAND])
def test_while_readers_are_due_within_a_day_it_is_read_at_its_pace(rhythm: Rhythm) -> None:
    assert next_one(rhythm, tries(FINE), NOW + 20 * HOUR) == NOW + rhythm.pace


def test_shortly_before_readers_are_due_it_is_read_again() -> None:
    due_at = NOW + 2 * HOUR

    assert next_one(GROWING, tries(FINE), due_at) == due_at - 30 * MINUTE
    assert next_one(GROWING, tries(FINE), due_at, spread=0.9) == due_at - 21 * MINUTE


def test_a_reading_that_is_fresh_enough_serves_readers_who_are_due() -> None:
    assert needed_after(GROWING, tries(FINE), NOW) == NOW + 30 * MINUTE


def test_on_days_on_which_its_lists_do_not_grow_it_is_read_once() -> None:
    friday = NOW + 2 * A_DAY + 15 * HOUR
    always_due = [friday + 23 * HOUR, friday + 47 * HOUR]

    saturday = next_one(DAILY, tries(FINE, at=friday), always_due[0])
    sunday = next_one(DAILY, tries(FINE, at=saturday), always_due[1])

    assert [saturday, sunday] == [always_due[0] - 30 * MINUTE, always_due[1] - 30 * MINUTE]


def test_after_a_weekend_it_is_read_on_monday_by_each_installation_at_another_minute() -> None:
    sunday, monday = datetime(2026, 3, 15, 12, tzinfo=UTC), datetime(2026, 3, 16, tzinfo=UTC)

    read = [next_one(DAILY, tries(FINE, at=sunday), sunday + 20 * HOUR, spread=share) for share in (0, 0.5)]

    assert read == [monday, monday + 10 * MINUTE]


# ---------------------------------------------------------------- announced lists


def test_a_list_that_is_announced_whole_is_left_alone_until_the_next_one() -> None:
    read = MIDNIGHT + 10 * MINUTE

    following = next_one(ARXIV, tries(FINE, at=read), MIDNIGHT + A_DAY + 5 * HOUR, awaited=True)

    assert following == MIDNIGHT + A_DAY + SETTLES
    assert needed_after(ARXIV, tries(FINE, at=read), read) == MIDNIGHT + A_DAY - timedelta(seconds=1)


def test_over_a_weekend_nothing_is_asked() -> None:
    friday = MIDNIGHT + 2 * A_DAY

    assert next_one(ARXIV, tries(FINE, at=friday + HOUR)) == friday + 3 * A_DAY + SETTLES


def test_installations_ask_for_what_is_announced_at_different_minutes() -> None:
    asked = {next_one(ARXIV, tries(FINE), spread=spread_of(str(number), "arxiv")) for number in range(50)}

    assert len({one.replace(second=0, microsecond=0) for one in asked}) > 10
    assert max(asked) < MIDNIGHT + A_DAY + SETTLES + SPREAD


def test_readers_who_are_due_just_after_an_announcement_have_its_list() -> None:
    announced = MIDNIGHT + A_DAY

    assert (
        next_one(ARXIV, tries(FINE), announced + 12 * MINUTE, spread=0.9) == announced + 12 * MINUTE - AHEAD
    )
    assert next_one(ARXIV, tries(FINE), announced + MINUTE, spread=0.9) == announced


def test_that_there_is_no_list_is_believed_some_hours_after_it_was_due() -> None:
    early, late = MIDNIGHT + HOUR, MIDNIGHT + 4 * HOUR

    assert next_one(ARXIV, tries(QUIET, at=early)) == early + FIRST_PAUSE
    assert next_one(ARXIV, tries(QUIET, at=late)) == MIDNIGHT + A_DAY + SETTLES


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (datetime(2026, 3, 6, 6, tzinfo=UTC), datetime(2026, 3, 9, 4, 5, tzinfo=UTC)),
        (datetime(2026, 10, 30, 6, tzinfo=UTC), datetime(2026, 11, 2, 5, 5, tzinfo=UTC)),
    ],
)
def test_an_announcement_keeps_to_its_hour_over_a_change_of_clocks(before: datetime, after: datetime) -> None:
    assert next_one(ARXIV, tries(FINE, at=before)) == after


# ---------------------------------------------------------------- what failed


@pytest.mark.parametrize("state", [one for one in SourceState if one not in (FINE, QUIET)])
@pytest.mark.parametrize("rhythm", [ARXIV, GROWING])
def test_what_gave_less_than_there_was_is_tried_again_ever_later(rhythm: Rhythm, state: SourceState) -> None:
    pauses = [next_one(rhythm, tries(*[state] * n, FINE)) - NOW for n in range(1, MOST_TRIES + 1)]

    assert pauses == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]


def test_what_is_read_often_is_tried_again_as_often() -> None:
    broken_page = tries(*[SourceState.STRANGE] * MOST_TRIES)

    assert next_one(AT_HAND, broken_page) == NOW + AT_HAND.pace


def test_while_a_reader_waits_it_is_tried_again_soon() -> None:
    assert next_one(GROWING, tries(DOWN, DOWN, DOWN, DOWN), awaited=True) == NOW + EAGER
    assert next_one(GROWING, tries(FINE), awaited=True) == NOW + EAGER
    assert next_one(STEADY, tries(FINE), NOW + 5 * A_DAY, awaited=True) == NOW + A_DAY


def test_who_asks_for_pauses_is_not_tried_more_often_than_that() -> None:
    assert next_one(SLOW, tries(DOWN), awaited=True) == NOW + SLOW.least


def test_there_is_time_for_a_second_try_before_the_readers_hour() -> None:
    due_at = NOW + 2 * HOUR
    first = next_one(GROWING, tries(FINE), due_at, spread=0.999)

    second = next_one(GROWING, tries(DOWN, FINE, at=first), due_at, spread=0.999)

    assert first < second <= due_at - AHEAD


# ---------------------------------------------------------------- four weeks


def readings(rhythm: Rhythm, dues: Sequence[datetime], until: datetime, spread: float) -> Iterator[datetime]:
    """When a source that always gives what it has is read."""
    now, past = NOW, list[Try]()
    while now <= until:
        yield now
        past = [Try(at=now, state=FINE), *past][:MOST_TRIES]
        after = needed_after(rhythm, past, now)
        at = next((due for due in dues if due > after), None)
        now = next_harvest(rhythm, past, Demand(at=at), now=now, spread=spread)


@pytest.mark.parametrize("spread", [0, 0.5, 0.999])
@pytest.mark.parametrize(
    ("rhythm", "for_one", "for_all"),
    [
        pytest.param(ARXIV, 1, 1, id="arxiv"),
        pytest.param(DAILY, 9, 28, id="huggingface"),
        pytest.param(STEADY, 7, 28, id="feed"),
        pytest.param(SLOW, 2, 3, id="openreview"),
    ],
)
def test_readers_have_it_fresh_and_it_is_asked_a_few_times_a_day(
    rhythm: Rhythm, for_one: int, for_all: int, spread: float
) -> None:
    days, until = range(1, 32), NOW + 28 * A_DAY
    one = [NOW + day * A_DAY for day in days]
    all_zones = [NOW + day * A_DAY + hour * HOUR for day in days for hour in range(24)]

    for dues, most in ((one, for_one), (all_zones, for_all)):
        read = list(readings(rhythm, dues, until, spread))

        assert len(read) <= 28 * most + 1
        for due in (due for due in dues if due <= until):
            (last,) = [at for at in read if at <= due][-1:]
            announced = rhythm.announced(due)[0] if rhythm.announced else due - rhythm.fresh
            assert last >= announced


# ---------------------------------------------------------------- always


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A source with a past, just read, in an installation."""

    rhythm: Rhythm
    past: tuple[Try, ...]
    spread: float

    @property
    def last(self) -> datetime:
        return self.past[0].at

    def demand(self, wait: timedelta | None, *, awaited: bool) -> Demand:
        """A reader due so long after the moment from which on the last reading does not serve any more."""
        after = needed_after(self.rhythm, self.past, self.last)
        return Demand(at=None if wait is None else after + MINUTE + wait, is_awaited=awaited)

    def following(self, demand: Demand, now: datetime | None = None) -> datetime:
        return next_harvest(self.rhythm, self.past, demand, now=now or self.last, spread=self.spread)


def past_until(last: datetime, history: list[tuple[timedelta, SourceState]]) -> tuple[Try, ...]:
    befores = accumulate((before for before, _ in history[:-1]), initial=timedelta(0))
    return tuple(
        Try(at=last - before, state=state) for before, (_, state) in zip(befores, history, strict=True)
    )


waits = some.timedeltas(timedelta(0), timedelta(days=40))
moments = some.integers(0, 20 * 366 * 86_400).map(
    lambda s: datetime(2015, 1, 1, tzinfo=UTC) + timedelta(seconds=s)
)
histories = some.lists(some.tuples(waits, some.sampled_from(SourceState)), min_size=1, max_size=MOST_TRIES)
cases = some.builds(
    Case,
    rhythm=some.sampled_from(RHYTHMS),
    past=some.builds(past_until, moments, histories),
    spread=some.floats(0, 1, exclude_max=True),
)


@given(cases, some.none() | waits, some.booleans())
def test_it_is_never_read_too_soon_nor_too_late(case: Case, wait: timedelta | None, awaited: bool) -> None:
    following = case.following(case.demand(wait, awaited=awaited))

    longest = A_WEEKEND + SETTLES + SPREAD if case.rhythm.announced else A_DAY
    assert case.last + case.rhythm.least <= following <= case.last + longest


@given(cases, waits, some.booleans())
def test_it_is_always_read_before_readers_who_need_it(case: Case, wait: timedelta, awaited: bool) -> None:
    demand = case.demand(wait, awaited=awaited)

    following = case.following(demand)

    assert demand.at is not None
    assert following <= max(demand.at, case.last + case.rhythm.least)


@given(cases, some.none() | waits, waits)
def test_more_demand_never_makes_it_later(case: Case, wait: timedelta | None, other: timedelta) -> None:
    sooner = other if wait is None else min(wait, other)

    less, more, most = (
        case.following(case.demand(one, awaited=awaited))
        for one, awaited in ((wait, False), (sooner, False), (sooner, True))
    )

    assert most <= more <= less


@given(cases, waits)
def test_after_a_long_sleep_it_is_due_at_once(case: Case, slept: timedelta) -> None:
    woken = case.last + 4 * A_DAY + slept

    assert case.following(Demand(), woken) <= woken


@given(cases, waits)
def test_who_was_read_later_is_read_again_no_sooner(case: Case, later: timedelta) -> None:
    moved = replace(case, past=tuple(replace(one, at=one.at + later) for one in case.past))

    assert case.following(Demand()) <= moved.following(Demand())


@given(cases, waits)
def test_a_clock_that_was_ahead_holds_nothing_up(case: Case, ahead: timedelta) -> None:
    future = Try(at=case.last + MINUTE + ahead, state=DOWN)

    misled = replace(case, past=(future, *case.past)).past

    assert next_harvest(case.rhythm, misled, Demand(), now=case.last, spread=case.spread) == case.following(
        Demand()
    )


def test_a_place_among_all_installations_is_always_the_same() -> None:
    places = [spread_of(f"digest@{number}.example.org", "arxiv") for number in range(1_000)]

    assert places[7] == spread_of("digest@7.example.org", "arxiv")
    assert all(0 <= one < 1 for one in places)
    assert all(sum(low <= one < low + 0.1 for one in places) > 50 for low in (0, 0.3, 0.6, 0.9))
