"""When editions are due: in all zones, over all changes of clocks, whoever wakes up when."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise, product
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digest.model import Every, Pause, Profile
from digest.schedule import (
    A_DAY,
    LOOKED_BACK,
    Turn,
    agenda,
    edition_days,
    exists,
    has_edition,
    is_edition_day,
    is_paused,
    last_day,
    local_day,
    moment,
    period_of,
    plan_of,
    planned,
    turn_of,
)
from tests.makers import profile

ZONES = sorted(available_timezones() - {"localtime"})
MONDAY = date(2026, 3, 9)
SECOND = timedelta(seconds=1)
DATE_LINE = [
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Pacific/Fakaofo", date(2011, 12, 30)),
    ("Pacific/Kwajalein", date(1993, 8, 21)),
    ("Pacific/Kiritimati", date(1994, 12, 31)),
]


def utc(*at: int) -> datetime:
    return datetime(*at, tzinfo=UTC)  # type: ignore[misc,arg-type]


def reader(zone: str = "UTC", **fields: Any) -> Profile:
    return profile(timezone=zone, **fields)


zones = st.sampled_from(ZONES)
dates = st.dates(date(1990, 1, 1), date(2040, 12, 31))
hours = st.times().map(lambda one: one.replace(second=0, microsecond=0))
weekdays = st.frozensets(st.integers(0, 6), min_size=1)


@st.composite
def pauses(draw: st.DrawFn, near: date) -> Pause:
    begins = draw(st.none() | st.integers(-20, 20).map(lambda days: near + days * A_DAY))
    length = draw(st.none() | st.integers(1, 30))
    begin = begins or near
    return Pause(begins=begins, until=begin + length * A_DAY if length else None)


@st.composite
def readers(draw: st.DrawFn, near: date | None = None) -> Profile:
    return reader(
        draw(zones),
        send_at=draw(hours),
        days=draw(weekdays),
        every=draw(st.sampled_from(Every)),
        pause=draw(st.none() | pauses(near)) if near else None,
    )


def turns(who: Profile, first: date, count: int) -> list[Turn]:
    return [turn_of(who, day) for day in edition_days(who, first, first + count * A_DAY)]


# ---------------------------------------------------------------- days


def test_a_daily_reader_has_an_edition_on_each_of_the_days() -> None:
    weekdays_only = reader(days=frozenset(range(5)))

    found = list(edition_days(weekdays_only, MONDAY, MONDAY + 13 * A_DAY))

    assert [day.weekday() for day in found] == [*range(5), *range(5)]


def test_a_weekly_reader_has_one_on_the_first_of_the_days_of_each_week() -> None:
    weekly = reader(every=Every.WEEK, days=frozenset({5, 2}))

    assert list(edition_days(weekly, MONDAY, MONDAY + 13 * A_DAY)) == [date(2026, 3, 11), date(2026, 3, 18)]


def test_a_monthly_reader_has_one_on_the_first_of_the_days_of_each_month() -> None:
    monthly = reader(every=Every.MONTH, days=frozenset(range(5)))

    found = list(edition_days(monthly, date(2026, 1, 1), date(2026, 6, 30)))

    assert [day.isoformat() for day in found] == [
        "2026-01-01",
        "2026-02-02",
        "2026-03-02",
        "2026-04-01",
        "2026-05-01",
        "2026-06-01",
    ]


def test_a_reader_without_days_has_none() -> None:
    never = reader(days=frozenset())

    found = agenda(never, last=None, now=utc(2026, 3, 9, 12))

    assert (found.turn, found.following, found.passed) == (None, None, ())


@pytest.mark.parametrize(("zone", "missing"), DATE_LINE)
def test_a_day_that_the_date_line_took_is_no_edition_day_and_another_of_its_week_is(
    zone: str, missing: date
) -> None:
    days = frozenset({missing.weekday(), 6})
    daily, weekly = reader(zone, days=days), reader(zone, days=days, every=Every.WEEK)
    monday, sunday = missing - missing.weekday() * A_DAY, missing + (6 - missing.weekday()) * A_DAY

    assert not exists(missing, zone)
    assert list(edition_days(daily, monday, sunday)) == [sunday]
    assert list(edition_days(weekly, monday, sunday)) == [sunday]


@given(zones, weekdays, dates)
def test_each_week_and_each_month_has_one_edition(zone: str, days: frozenset[int], day: date) -> None:
    monday, first = day - day.weekday() * A_DAY, day.replace(day=1)
    last = (first + 31 * A_DAY).replace(day=1) - A_DAY
    weekly, monthly = reader(zone, days=days, every=Every.WEEK), reader(zone, days=days, every=Every.MONTH)

    of_week = list(edition_days(weekly, monday, monday + 6 * A_DAY))
    of_month = list(edition_days(monthly, first, last))

    all_missing = not any(exists(monday + one * A_DAY, zone) for one in days)
    assert len(of_week) == (0 if all_missing else 1)
    assert len(of_month) == 1
    assert {one.weekday() for one in of_week + of_month} <= days


@given(st.data(), dates)
def test_a_pause_begins_on_its_first_day_and_ends_before_its_last(data: st.DataObject, day: date) -> None:
    pause = data.draw(pauses(day))
    who = reader(pause=pause)

    assert pause.begins is None or is_paused(who, pause.begins)
    assert pause.begins is None or not is_paused(who, pause.begins - A_DAY)
    assert pause.until is None or not is_paused(who, pause.until)
    assert pause.until is None or is_paused(who, pause.until - A_DAY)
    assert has_edition(who, day) is not is_paused(who, day)


def test_a_week_and_a_month_look_back_on_the_days_before() -> None:
    weekly, monthly = reader(every=Every.WEEK), reader(every=Every.MONTH)

    week, month = period_of(weekly, MONDAY), period_of(monthly, date(2026, 3, 2))

    assert week is not None
    assert month is not None
    assert (week.first, week.last) == (date(2026, 3, 2), date(2026, 3, 8))
    assert (month.first, month.last) == (date(2026, 2, 2), date(2026, 3, 1))
    assert period_of(reader(), MONDAY) is None


# ---------------------------------------------------------------- wall clocks


@given(zones, dates, hours)
@example("Europe/Berlin", date(2026, 3, 29), time(2, 30))
@example("Europe/Berlin", date(2026, 10, 25), time(2, 30))
@example("Australia/Lord_Howe", date(2026, 10, 4), time(2, 15))
@example("Africa/Cairo", date(2010, 4, 30), time(0, 0))
@example("America/Sao_Paulo", date(2018, 11, 4), time(0, 30))
@example("Antarctica/Troll", date(2026, 3, 29), time(1, 30))
@example("Pacific/Apia", date(2011, 12, 30), time(7, 30))
def test_the_clocks_show_the_hour_or_are_just_past_a_gap(zone: str, day: date, hour: time) -> None:
    at = moment(day, hour, zone)

    wall = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    before = (at - SECOND).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    wanted = datetime.combine(day, hour)
    if wall == wanted:
        twice = [wanted.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1)]
        assert at == min(twice)
    else:
        assert before < wanted < wall


@pytest.mark.parametrize(
    ("zone", "day", "hour", "at"),
    [
        ("Europe/Berlin", date(2026, 3, 29), time(2, 30), utc(2026, 3, 29, 1, 0)),
        ("Europe/Berlin", date(2026, 10, 25), time(2, 30), utc(2026, 10, 25, 0, 30)),
        ("Europe/Berlin", date(2026, 3, 30), time(7, 30), utc(2026, 3, 30, 5, 30)),
        ("Asia/Kathmandu", date(2026, 3, 9), time(7, 30), utc(2026, 3, 9, 1, 45)),
        ("America/Havana", date(2026, 3, 8), time(0, 30), utc(2026, 3, 8, 5, 0)),
        ("Pacific/Apia", date(2011, 12, 31), time(7, 30), utc(2011, 12, 30, 17, 30)),
    ],
)
def test_hours_that_are_known(zone: str, day: date, hour: time, at: datetime) -> None:
    assert moment(day, hour, zone) == at


# ---------------------------------------------------------------- turns


@given(readers(), dates)
@example(reader("Pacific/Apia", send_at=time(22)), date(2011, 12, 20))
@example(reader("America/Havana", send_at=time(0, 30)), date(2026, 3, 1))
def test_turns_follow_each_other_and_never_overlap(who: Profile, first: date) -> None:
    some = turns(who, first, 70)

    assert all(one.due_at < one.until for one in some)
    assert all(one.until <= other.due_at for one, other in pairwise(some))
    assert all(local_day(who.timezone, one.due_at) == one.day for one in some)


@pytest.mark.parametrize(("zone", "missing"), DATE_LINE)
def test_turns_follow_each_other_where_the_date_line_moved(zone: str, missing: date) -> None:
    hours_of_day, starts = (time(0), time(7, 30), time(22)), (frozenset(range(7)), frozenset({4, 5}))

    for every, hour, days in product(Every, hours_of_day, starts):
        some = turns(reader(zone, send_at=hour, days=days, every=every), missing - 40 * A_DAY, 80)

        assert missing not in {one.day for one in some}
        assert all(one.due_at < one.until <= other.due_at for one, other in pairwise(some))


@pytest.mark.slow
@pytest.mark.parametrize("hour", [time(2, 30), time(23, 59)])
def test_turns_follow_each_other_in_every_zone_all_year(hour: time) -> None:
    for zone in ZONES:
        some = turns(reader(zone, send_at=hour), date(2026, 1, 1), 364)

        assert len(some) == 365
        assert all(one.due_at < one.until <= other.due_at for one, other in pairwise(some))


@pytest.mark.parametrize(
    ("fields", "until", "last"),
    [
        ({"send_at": time(7, 30)}, utc(2026, 3, 10), MONDAY),
        ({"send_at": time(22)}, utc(2026, 3, 10, 10), MONDAY + A_DAY),
        ({"send_at": time(0)}, utc(2026, 3, 10), MONDAY),
        ({"every": Every.WEEK}, utc(2026, 3, 12, 7, 30), MONDAY + 3 * A_DAY),
        ({"send_at": time(12)}, utc(2026, 3, 10), MONDAY),
    ],
)
def test_a_turn_lasts_to_midnight_or_for_hours_and_a_rare_one_for_days(
    fields: dict[str, Any], until: datetime, last: date
) -> None:
    who = reader(**fields)

    assert turn_of(who, MONDAY).until == until
    assert last_day(who, MONDAY) == last


def test_who_waits_until_just_before_midnight_is_given_time_after_it() -> None:
    waits = reader(wait_until=time(23, 59))
    in_the_week = reader(wait_until=time(23, 59), days=frozenset({0, 2}))

    assert turn_of(waits, MONDAY).until == utc(2026, 3, 10, 7, 30)  # the next hour
    assert turn_of(in_the_week, MONDAY).until == utc(2026, 3, 10, 11, 59)
    assert last_day(waits, MONDAY) == MONDAY + A_DAY


def test_a_turn_ends_where_the_next_begins() -> None:
    night, _ = turns(reader("Pacific/Apia", send_at=time(23)), date(2011, 12, 29), 2)

    assert night.until == utc(2011, 12, 30, 21)


# ---------------------------------------------------------------- what is due


def test_nothing_is_due_before_the_hour_and_an_edition_from_then_on() -> None:
    early = agenda(reader(), last=MONDAY - A_DAY, now=utc(2026, 3, 9, 7, 29))
    due = agenda(reader(), last=MONDAY - A_DAY, now=utc(2026, 3, 9, 7, 30))

    assert (early.turn, early.following) == (None, turn_of(reader(), MONDAY))
    assert (due.turn, due.following) == (turn_of(reader(), MONDAY), turn_of(reader(), MONDAY + A_DAY))


def test_after_a_week_of_sleep_there_is_one_edition_and_the_rest_passed() -> None:
    found = agenda(reader(), last=MONDAY - A_DAY, now=utc(2026, 3, 16, 11))

    assert found.turn == turn_of(reader(), MONDAY + 7 * A_DAY)
    assert found.passed == tuple(MONDAY + n * A_DAY for n in range(7))


def test_a_new_reader_has_missed_nothing() -> None:
    found = agenda(reader(), last=None, now=utc(2026, 3, 9, 11))

    assert (found.turn, found.passed) == (turn_of(reader(), MONDAY), ())


def test_no_edition_is_made_of_a_day_before_one_that_is_settled() -> None:
    at_night = reader(send_at=time(22))

    found = agenda(at_night, last=MONDAY - A_DAY, now=utc(2026, 3, 10, 5), settled={MONDAY + A_DAY})

    assert (found.turn, found.passed) == (None, (MONDAY,))
    assert found.following == turn_of(at_night, MONDAY + 2 * A_DAY)


def test_what_a_clock_that_was_wrong_settled_of_days_to_come_closes_none() -> None:
    found = agenda(reader(), last=MONDAY - A_DAY, now=utc(2026, 3, 9, 8), settled={date(2031, 1, 1)})

    assert found.turn == turn_of(reader(), MONDAY)


def test_a_clock_that_was_set_back_makes_nothing_twice() -> None:
    found = agenda(reader(), last=MONDAY + 3 * A_DAY, now=utc(2026, 3, 9, 8))

    assert (found.turn, found.passed, found.paused) == (None, (), ())
    assert found.following == turn_of(reader(), MONDAY + 4 * A_DAY)


def test_what_lies_further_back_than_a_year_is_not_looked_for() -> None:
    found = agenda(reader(), last=date(2020, 1, 1), now=utc(2026, 3, 9, 8))

    assert len(found.passed) == LOOKED_BACK


def test_the_days_of_a_pause_are_paused_and_not_passed() -> None:
    away = reader(pause=Pause(begins=MONDAY + A_DAY, until=MONDAY + 3 * A_DAY))

    found = agenda(away, last=MONDAY - A_DAY, now=utc(2026, 3, 12, 6))

    assert found.passed == (MONDAY,)
    assert found.paused == (MONDAY + A_DAY, MONDAY + 2 * A_DAY)
    assert found.following == turn_of(away, MONDAY + 3 * A_DAY)


@given(st.data(), dates)
def test_no_day_is_two_things_at_once_and_every_day_is_one(data: st.DataObject, today: date) -> None:
    who = data.draw(readers(near=today))
    now = datetime.combine(today, data.draw(st.times()), tzinfo=UTC)
    last = data.draw(st.none() | st.integers(-40, 3).map(lambda days: today + days * A_DAY))
    settled = data.draw(st.frozensets(st.integers(-40, 3).map(lambda days: today + days * A_DAY)))

    found = agenda(who, last=last, now=now, settled=settled)

    days = [*found.passed, *found.paused, *([found.turn.day] if found.turn else [])]
    here = local_day(who.timezone, now)
    begins = here if last is None else last + A_DAY
    due = [one for one in edition_days(who, begins, here) if one not in settled]
    assert sorted(days) == [one for one in due if turn_of(who, one).due_at <= now]
    assert found.turn is None or found.turn.due_at <= now < found.turn.until
    assert found.following is None or (
        found.following.due_at > now and found.following.day not in settled | set(days)
    )


@given(st.data(), dates)
def test_whoever_wakes_up_when_each_day_ends_once_and_none_has_two_editions(
    data: st.DataObject, first: date
) -> None:
    who = data.draw(readers(near=first))
    now = datetime.combine(first, time(12), tzinfo=UTC)
    began = local_day(who.timezone, now)
    steps = data.draw(
        st.lists(st.timedeltas(timedelta(minutes=1), timedelta(days=20)), min_size=1, max_size=25)
    )
    fine = data.draw(st.lists(st.timedeltas(timedelta(minutes=1), timedelta(hours=9)), max_size=25))
    ended: Counter[date] = Counter()

    for step in data.draw(st.permutations(steps + fine)):
        now += step
        found = agenda(who, last=began - A_DAY, now=now, settled=ended.keys())
        ended.update([*found.passed, *found.paused, *([found.turn.day] if found.turn else [])])

    over = [
        day
        for day in edition_days(who, began, local_day(who.timezone, now))
        if turn_of(who, day).due_at <= now
    ]
    assert ended == Counter(over)


@given(readers(), readers(), st.integers(0, 48), dates)
def test_who_moves_has_no_two_editions_on_one_date(
    here: Profile, there: Profile, moves_after: int, first: date
) -> None:
    now = datetime.combine(first, time(), tzinfo=UTC)
    made: list[date] = []

    for hour in range(96):
        who = here if hour < moves_after else there
        found = agenda(who, last=first - 3 * A_DAY, now=now + hour * timedelta(hours=1), settled=set(made))
        made.extend(found.passed)
        made.extend([found.turn.day] if found.turn else [])

    assert len(made) == len(set(made))


# ---------------------------------------------------------------- as text


@given(st.data(), dates, st.none() | hours)
def test_a_schedule_can_be_read_back_from_its_text(
    data: st.DataObject, day: date, wait_until: time | None
) -> None:
    given_by = data.draw(readers(near=day))
    who = reader(
        given_by.timezone,
        send_at=given_by.send_at,
        days=given_by.days,
        every=given_by.every,
        pause=given_by.pause,
        wait_until=wait_until,
    )

    again = planned("ada", plan_of(who))

    assert plan_of(again) == plan_of(who)
    assert (again.timezone, again.send_at, again.days) == (who.timezone, who.send_at, who.days)
    assert (again.every, again.pause, again.wait_until) == (who.every, who.pause, who.wait_until)


def test_a_schedule_without_days_or_of_a_zone_that_is_gone_can_be_read_too() -> None:
    never = reader(days=frozenset())

    assert planned("ada", plan_of(never)).days == frozenset()
    assert planned("ada", plan_of(reader("Mars/Olympus_Mons"))).timezone == "UTC"
    assert planned("ada", "v2 UTC") == planned("ada", "UTC 25:99 - x y z") == Profile(name="ada", email="")


def test_an_edition_day_is_one_whether_or_not_there_is_a_pause() -> None:
    away = reader(pause=Pause())

    assert is_edition_day(away, MONDAY)
    assert not has_edition(away, MONDAY)
