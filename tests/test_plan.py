"""When a day's mail would be out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.pace import Limits
from digest.plan import (
    DAY_S,
    SPEED,
    WINDOWS,
    Advice,
    Held,
    Lot,
    Sent,
    Served,
    Wave,
    Way,
    advise,
    carries,
    fullest_day,
    make_plan,
    measured_rate,
    play,
    scaled,
    waves_of,
)
from tests.makers import profile

DAY = date(2026, 3, 11)
MORNING = datetime(2026, 3, 11, 7, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def way(name: str = "main", *, rate: float = 10, **limits: Any) -> Way:
    return Way(name=name, limits=Limits(**limits), rate=rate)


def wave(readers: int, due_at: datetime = MORNING) -> Wave:
    return Wave(due_at=due_at, readers=readers, until=due_at.replace(hour=0, minute=0) + timedelta(days=1))


def planned(waves: Sequence[Wave], *ways: Way) -> tuple[Served, ...]:
    return make_plan(waves, ways, late_after=HOUR).waves


def after(minutes: float = 0, seconds: float = 0) -> datetime:
    return MORNING + timedelta(minutes=minutes, seconds=seconds)


# ---------------------------------------------------------------- what becomes of a wave


def test_a_wave_that_nothing_holds_up_is_out_at_once() -> None:
    (served,) = planned([wave(10)], way())

    assert (served.begins_at, served.ends_at, served.late, served.unserved) == (MORNING, MORNING, 0, 0)


def test_speed_holds_up_a_wave_that_is_larger_than_a_second_of_it() -> None:
    (served,) = planned([wave(601)], way())

    assert served.ends_at == after(minutes=1)
    assert served.held == Held(relay="main", key=SPEED)


@pytest.mark.parametrize(
    ("limits", "ends_at", "late", "key"),
    [
        ({"per_minute": 100}, after(minutes=9, seconds=9), 0, "per_minute"),
        ({"per_hour": 300}, after(minutes=180, seconds=9), 700 - 10, "per_hour"),
        ({"per_minute": 20, "per_hour": 500}, after(minutes=60 + 24, seconds=1), 500 - 20, "per_minute"),
    ],
)
def test_a_limit_makes_a_wave_come_in_portions(
    limits: dict[str, int], ends_at: datetime, late: int, key: str
) -> None:
    (served,) = planned([wave(1_000)], way("main", **limits))

    assert served.ends_at == ends_at
    assert served.unserved == 0
    assert served.held == Held(relay="main", key=key)
    assert abs(served.late - late) <= 20


def test_who_is_beyond_the_days_limit_has_no_mail_that_day() -> None:
    (served,) = planned([wave(600)], way(per_day=500))

    assert (served.late, served.unserved) == (0, 100)
    assert served.held == Held(relay="main", key="per_day")


def test_yesterdays_mail_counts_for_todays_limit() -> None:
    later = MORNING + timedelta(hours=2)

    first, second = planned([wave(300), wave(300, later)], way(per_day=500))

    assert (first.unserved, second.unserved) == (0, 100)
    assert first.begins_at == MORNING


def test_what_was_left_over_yesterday_is_not_sent_today() -> None:
    (served,) = planned([wave(1_000)], way(per_hour=10))

    assert served.begins_at == MORNING
    assert served.unserved == 1_000 - 17 * 10


def test_what_is_left_of_yesterdays_last_wave_goes_before_todays_first() -> None:
    honolulu = MORNING.replace(hour=17)
    late_yesterday = Wave(due_at=honolulu, readers=1_000, until=honolulu.replace(day=12, hour=10))

    first, _ = planned([wave(50, MORNING - timedelta(hours=13)), late_yesterday], way(per_hour=100))

    assert (first.begins_at, first.unserved) == (None, 50)


def test_waves_that_span_more_than_a_day_are_each_sent_in_their_hour() -> None:
    auckland = profile(timezone="Pacific/Auckland")
    new_york = profile(timezone="America/New_York", send_at=time(17))

    served = planned(waves_of([auckland, new_york], DAY), way())

    assert [(one.wave.due_at, one.ends_at) for one in served] == [
        (at, at) for at in (datetime(2026, 3, 10, 18, 30, tzinfo=UTC), datetime(2026, 3, 11, 21, tzinfo=UTC))
    ]


def test_tomorrows_first_wave_takes_from_the_limits_before_todays_last() -> None:
    early = wave(300, MORNING)
    last = wave(300, MORNING + timedelta(hours=24, minutes=30))

    _, served = planned([early, last], way(per_hour=300))

    assert served.begins_at == MORNING + timedelta(hours=25)


def test_who_has_been_due_longest_goes_first() -> None:
    soon = after(seconds=30)

    first, second = planned([wave(600), wave(300, soon)], way())

    assert first.ends_at is not None
    assert second.begins_at is not None
    assert first.ends_at <= second.begins_at
    assert second.ends_at == after(seconds=89)


def test_a_relay_that_is_full_for_long_is_passed_over_for_the_next() -> None:
    (served,) = planned([wave(800)], way(per_hour=300), way("spare", per_hour=500))

    assert (served.late, served.unserved) == (0, 0)


def test_a_relay_that_is_full_for_seconds_is_waited_for() -> None:
    sent = list(
        play([Lot(0, 250, DAY_S)], [way(per_minute=100), way("spare")], [Counter()]),
    )

    assert {one.relay for one in sent} == {"main"}


# ---------------------------------------------------------------- always


limit = st.none() | st.integers(1, 400)
ways = st.lists(
    st.builds(
        Way,
        name=st.sampled_from(("a", "b", "c")),
        limits=st.builds(Limits, per_minute=limit, per_hour=limit, per_day=limit),
        rate=st.floats(0.05, 500),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda one: one.name,
)
lots = st.lists(
    st.builds(
        lambda due, count, lasts: Lot(due, count, due + lasts),
        st.integers(0, 2 * DAY_S),
        st.integers(1, 1_000),
        st.integers(1, DAY_S),
    ),
    max_size=5,
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(lots=lots, ways=ways)
def test_no_window_ever_holds_more_than_its_limit(lots: list[Lot], ways: list[Way]) -> None:
    lots = sorted(lots, key=lambda lot: lot.due)

    sent = list(play(lots, ways, [Counter() for _ in lots]))

    for one in ways:
        for key, span in WINDOWS.items():
            assert fullest(sent, one.name, span) <= (getattr(one.limits, key) or float("inf"))


def fullest(sent: Sequence[Sent], relay: str, span: int) -> int:
    mine = [one for one in sent if one.relay == relay]
    first, held, most = 0, 0, 0
    for one in mine:
        held += one.count
        while mine[first].second <= one.second - span:
            held -= mine[first].count
            first += 1
        most = max(most, held)
    return most


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(lots=lots, ways=ways)
def test_all_readers_are_accounted_for_and_none_is_served_early_or_after_the_day(
    lots: list[Lot], ways: list[Way]
) -> None:
    lots = sorted(lots, key=lambda lot: lot.due)
    waves = [wave(lot.count, MORNING + timedelta(seconds=lot.due % DAY_S)) for lot in lots]
    waves.sort(key=lambda one: one.due_at)

    sent = list(play(lots, ways, [Counter() for _ in lots]))

    for place, lot in enumerate(lots):
        of_lot = [one for one in sent if one.wave == place]
        assert sum(one.count for one in of_lot) <= lot.count
        assert all(one.count > 0 and lot.due <= one.second < lot.until for one in of_lot)
    for served in planned(waves, *ways):
        assert 0 <= served.late + served.unserved <= served.wave.readers


@settings(max_examples=30, deadline=None)
@given(count=st.integers(1, 2_000), rate=st.floats(0.1, 100))
def test_without_limits_a_wave_takes_what_the_speed_says(count: int, rate: float) -> None:
    (served,) = planned([wave(count)], way(rate=rate))

    served_now = min(count, max(1, rate))
    assert served.unserved == 0 or count / rate > 16 * 3_600
    if served.ends_at and not served.unserved:
        took_s = (served.ends_at - MORNING).total_seconds()
        assert (count - served_now) / rate - 2 <= took_s <= count / rate + 2


def test_a_million_readers_take_as_many_steps_as_seconds() -> None:
    lots = [Lot(0, 1_000_000, DAY_S)]

    sent = list(play(lots, [way(rate=500)], [Counter()]))

    assert len(sent) == 2_000


# ---------------------------------------------------------------- who is due when


def test_waves_follow_the_readers_hours_zones_and_days() -> None:
    readers = [
        profile(name="ada", timezone="Europe/London"),
        profile(name="bob", timezone="Europe/Berlin", send_at=time(8, 30)),
        profile(name="eve", timezone="Asia/Kolkata"),
        profile(name="sun", days=frozenset({6})),
    ]

    waves = waves_of(readers, DAY)

    assert [(one.due_at, one.readers) for one in waves] == [
        (datetime(2026, 3, 11, 2, 0, tzinfo=UTC), 1),
        (MORNING, 2),
    ]
    assert waves[1].until == datetime(2026, 3, 11, 23, 0, tzinfo=UTC)


def test_an_hour_that_a_change_of_clocks_leaves_out_is_planned_too() -> None:
    gap = profile(timezone="Europe/Berlin", send_at=time(2, 30))

    (one,) = waves_of([gap], date(2026, 3, 29))

    assert one.due_at == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


def test_the_fullest_day_is_that_with_most_readers_and_the_first_of_equals() -> None:
    weekdays = profile(days=frozenset(range(5)))
    mondays = profile(days=frozenset({0}))

    assert fullest_day([weekdays, mondays], DAY) == date(2026, 3, 16)
    assert fullest_day([weekdays], DAY) == DAY
    assert fullest_day([], DAY) == DAY


@given(st.lists(st.integers(1, 1_000), max_size=6), st.integers(1, 2_000_000))
def test_scaled_waves_have_exactly_so_many_readers_and_keep_their_shares(
    counts: list[int], readers: int
) -> None:
    waves = [wave(count, MORNING + timedelta(hours=place)) for place, count in enumerate(counts)]

    grown = scaled(waves, readers, DAY)

    assert sum(one.readers for one in grown) == readers
    by_due = {one.due_at: one.readers for one in grown}
    for one in waves:
        assert abs(by_due.get(one.due_at, 0) - one.readers * readers / sum(counts)) <= 1


def test_without_readers_all_are_due_at_half_past_seven() -> None:
    assert scaled((), 5, DAY) == (wave(5),)


# ---------------------------------------------------------------- speed


def test_speed_is_measured_from_what_was_taken_without_the_pauses() -> None:
    first = [MORNING + timedelta(seconds=place / 4) for place in range(41)]
    second = [at + HOUR for at in first]

    assert measured_rate([*second, *first]) == pytest.approx(4)


@pytest.mark.parametrize("count", [0, 1, 15])
def test_a_few_messages_say_nothing_of_speed(count: int) -> None:
    assert measured_rate([MORNING + timedelta(seconds=place) for place in range(count)]) is None


def test_messages_on_record_at_one_moment_say_nothing_of_speed() -> None:
    assert measured_rate([MORNING] * 100) is None


# ---------------------------------------------------------------- what would help


def test_nothing_helps_where_all_are_in_time() -> None:
    assert advise([wave(100)], [way()], late_after=HOUR) == ()


@pytest.mark.parametrize(
    ("limits", "rate", "advice"),
    [
        ({"per_hour": 300}, 10.0, [("per_hour", 1_000)]),
        ({"per_day": 300}, 10.0, [("per_day", 1_000)]),
        ({"per_minute": 10}, 10.0, [("per_minute", 17)]),
        ({}, 0.1, [(SPEED, 0.28)]),
        ({"per_day": 300, "per_minute": 5}, 10.0, [("per_day", 1_000), ("per_minute", 17)]),
    ],
)
def test_what_would_help_is_enough(
    limits: dict[str, int], rate: float, advice: list[tuple[str, float]]
) -> None:
    main = way("main", rate=rate, **limits)

    found = advise([wave(1_000)], [main], late_after=HOUR)

    assert [one.held.key for one in found] == [key for key, _ in advice]
    assert [one.needed for one in found] == pytest.approx([needed for _, needed in advice])
    assert make_plan([wave(1_000)], [heeding(found, main)], late_after=HOUR).worst is None


def heeding(found: Sequence[Advice], one: Way) -> Way:
    """The relay after an operator did exactly as told."""
    better = {advice.held.key: advice.needed for advice in found if advice.held.relay == one.name}
    rate = better.pop(SPEED, one.rate)
    limits: dict[str, Any] = {key: int(needed) for key, needed in better.items()}
    return replace(one, rate=rate, limits=replace(one.limits, **limits))


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(
    waves=st.dictionaries(st.integers(0, 80), st.integers(1, 3_000), min_size=1, max_size=4),
    limits=st.builds(
        Limits,
        per_minute=st.sampled_from((None, 5, 30)),
        per_hour=st.sampled_from((None, 100, 300)),
        per_day=st.sampled_from((None, 500, 2_000)),
    ),
    rate=st.sampled_from((0.1, 1.0, 8.0)),
)
def test_advice_that_is_given_is_enough_when_it_is_heeded(
    waves: dict[int, int], limits: Limits, rate: float
) -> None:
    midnight = MORNING.replace(hour=0, minute=0)
    of_day = [wave(waves[quarter], midnight + timedelta(minutes=15 * quarter)) for quarter in sorted(waves)]
    one = Way(name="main", limits=limits, rate=rate)

    found = advise(of_day, [one], late_after=HOUR)

    worst = make_plan(of_day, [heeding(found, one)], late_after=HOUR).worst
    assert worst is None


def test_advice_ends_even_if_no_relay_can_do_it() -> None:
    ways = [way(per_day=1, per_hour=1, per_minute=1, rate=0.01), way("spare", per_day=1)]

    found = advise([wave(100_000)], ways, late_after=timedelta(minutes=1))

    assert found
    assert all(isinstance(one, Advice) for one in found)
    assert len(found) == len({one.held for one in found})


def test_relays_together_carry_the_sum_of_what_each_does() -> None:
    ways = [way(per_hour=300, per_day=2_000), way("spare", rate=0.5), way("slow", per_minute=1)]

    assert carries(ways) == (300 + 1_800 + 60, 2_000 + 43_200 + 1_440)
