"""What is overdue, why, and since when; what was missed while nothing ran."""

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from digest.alarm import GAP, OVERDUE, of_gap, of_overdue, subject_of, text_of
from digest.model import Failure, Outcome, Pause, Profile
from digest.overdue import MOST, NOT_TRIED, Flow, Gap, Lack, Overdue, gap_of, lately, overdue, unsettled
from digest.schedule import plan_of
from digest.store.overdue import Found, Unmade, Unsent, Untouched
from digest.store.relays import RelayHealth
from tests.makers import NOW, TODAY, profile

GRACE = timedelta(minutes=30)
DUE = NOW - timedelta(minutes=40)
PLAN = plan_of(profile(send_at=DUE.time()))
READERS = {name: profile(name=name, send_at=DUE.time()) for name in ("ada", "ben", "cleo", "dan")}


def turn(name: str = "ada", due_at: datetime = DUE, day: date = TODAY) -> Untouched:
    return Untouched(profile=name, day=day, due_at=due_at, plan=PLAN)


def unmade(name: str = "ada", reason: str = "the kettle is off", **fields: Any) -> Unmade:
    defaults: dict[str, Any] = {"day": TODAY, "outcome": Outcome.FAILED, "at": NOW, "plan": PLAN}
    return Unmade(profile=name, reason=reason, **(defaults | fields))


def unsent(name: str = "ada", reply: str = "", minutes: float = 40, relay: str = "main") -> Unsent:
    return Unsent(
        profile=name,
        day=TODAY,
        queued_at=NOW - timedelta(minutes=minutes),
        relay=relay if reply else "",
        reply=reply,
    )


def late(
    *found: Untouched | Unmade | Unsent,
    profiles: dict[str, Profile] = READERS,
    relays: tuple[RelayHealth, ...] = (),
    flows: tuple[Flow, ...] = (),
    began_at: datetime | None = None,
) -> tuple[Overdue, ...]:
    store = Found(
        untouched=tuple(one for one in found if isinstance(one, Untouched)),
        unmade=tuple(one for one in found if isinstance(one, Unmade)),
        unsent=tuple(one for one in found if isinstance(one, Unsent)),
    )
    found_so = unsettled(store, profiles, relays, flows=flows, began_at=began_at, now=NOW)
    return overdue(found_so, grace=GRACE, now=NOW)


def line(*found: Untouched | Unmade | Unsent, **how: Any) -> str:
    (one,) = late(*found, **how)
    return one.line


# ---------------------------------------------------------------- how late


def test_nothing_found_is_nothing_overdue() -> None:
    assert late() == ()


@pytest.mark.parametrize(("minutes", "is_overdue"), [(29, False), (30, False), (30.1, True), (600, True)])
def test_an_edition_is_overdue_after_the_grace_and_not_before(minutes: float, is_overdue: bool) -> None:
    assert bool(late(turn(due_at=NOW - timedelta(minutes=minutes)))) is is_overdue


def test_a_process_that_has_only_begun_has_the_grace_to_catch_up() -> None:
    five_hours = NOW - timedelta(hours=5)

    assert late(turn(due_at=five_hours), began_at=NOW - timedelta(minutes=20)) == ()
    assert late(unsent(minutes=300), began_at=NOW - timedelta(minutes=20)) == ()
    assert (
        "overdue by 40 min, because no pass has come to them, though Digest has been at work since"
        in line(turn(due_at=five_hours), began_at=NOW - timedelta(minutes=31))
    )


def test_how_late_is_told_of_the_first_and_by_the_readers_hour() -> None:
    assert "2 editions for 2026-03-11 overdue by 40 min" in line(unsent("ada", minutes=35), turn("ben"))


def test_each_day_of_the_readers_has_its_own_the_earlier_first() -> None:
    yesterday = TODAY - timedelta(days=1)

    assert [one.day for one in late(turn("ada"), turn("ben", day=yesterday))] == [yesterday, TODAY]


def test_of_very_many_is_said_that_they_are_more() -> None:
    said = line(*(turn(f"reader{number}") for number in range(MOST + 1)), profiles={})

    assert said.startswith("more than 10,000 editions for 2026-03-11 overdue by 40 min")


# ---------------------------------------------------------------- a list that is waited for


@pytest.mark.parametrize(("until", "is_overdue"), [("08:00", False), ("07:10", False), ("06:45", True)])
def test_who_waits_for_a_list_is_overdue_only_after_her_own_time(until: str, is_overdue: bool) -> None:
    patient = profile(name="ada", send_at=time(6, 0), wait_until=time.fromisoformat(until))
    waits = unmade(outcome=Outcome.NOT_READY, reason="waits for kettles (3 of usually 31 papers)")

    found = late(waits, profiles={"ada": patient})

    assert bool(found) is is_overdue
    if is_overdue:
        assert found[0].lacks == (Lack.LIST,)


# ---------------------------------------------------------------- why


def test_the_most_frequent_reason_is_told_first_and_few_of_many() -> None:
    relays = (RelayHealth(name="main", at=NOW, failure=Failure.AUTHENTICATION, reply="535 bad login"),)

    said = line(unsent("ada"), unsent("ben"), unsent("cleo"), unmade("dan"), relays=relays)

    assert said == (
        "4 editions for 2026-03-11 overdue by 40 min, "
        "3 because the relay main takes nothing: 535 bad login, and 1 because the kettle is off"
    )


def test_beyond_three_reasons_the_rest_is_a_number() -> None:
    people = [f"reader{number}" for number in range(5)]

    said = line(*(unmade(name, f"reason {name}", at=DUE) for name in people), profiles={})

    assert said.endswith("1 because reason reader2, and 2 for other reasons")


def test_a_relay_that_is_paused_is_named_with_what_it_said_and_until_when() -> None:
    pause = RelayHealth(name="main", at=NOW, paused_until=NOW + timedelta(minutes=5), reply="421 slow down")

    assert line(unsent(), relays=(pause,)) == (
        "1 edition for 2026-03-11 overdue by 40 min, "
        "because the relay main is paused until 2026-03-11 07:35 UTC: 421 slow down"
    )


def test_replies_that_differ_in_a_number_are_one_reason() -> None:
    tried = [unsent(name, reply=f"451 try later (id {name})") for name in ("ada", "ben")]

    (one,) = late(*tried, unsent("cleo", reply="451 try later (id ada)"))

    assert [(because.editions, because.why) for because in one.because] == [
        (3, "the relay main said: 451 try later (id ada)")
    ]


def test_a_message_that_was_given_back_says_why_its_relay_is_left_alone() -> None:
    given_back = unsent(reply="not tried: main is given a pause after: connection refused")

    assert line(given_back).endswith("because main is given a pause after: connection refused")


def test_a_message_that_no_relay_was_asked_to_take_is_told_so() -> None:
    well = RelayHealth(name="main", at=NOW)

    assert line(unsent(), relays=(well,)).endswith("because their messages were not tried yet")


def test_a_profile_that_cannot_be_used_is_named_and_her_hour_is_that_of_before() -> None:
    broken = unmade("eve", "profiles/eve.toml: email: is missing.", at=NOW)

    assert line(broken).endswith("overdue by 40 min, because profiles/eve.toml: email: is missing")


def test_an_edition_is_counted_once_by_what_is_known_best_of_it() -> None:
    (one,) = late(turn("ada"), unmade("ada"))

    assert (one.editions, one.lacks) == (1, (Lack.MAKING,))


def test_a_reply_cannot_break_the_line() -> None:
    said = line(unsent(reply="450 no\r\nBcc: everybody@example.org\x00" + "x" * 10_000))

    assert "\n" not in said
    assert len(said) < 400


# ---------------------------------------------------------------- as an alarm


def test_an_alarm_says_it_in_its_first_line_and_what_to_do() -> None:
    (one,) = late(unmade())

    (alarm,) = of_overdue(one)

    assert (alarm.kind, alarm.about) == (OVERDUE, "2026-03-11 making")
    assert subject_of(alarm) == f"Digest: {one.line}"
    assert "`digest check`" in text_of(alarm)


def test_each_thing_that_lacks_is_an_alarm_of_its_own_that_says_all() -> None:
    (one,) = late(unmade("ada"), turn("ben"))

    alarms = of_overdue(one)

    assert {alarm.about for alarm in alarms} == {"2026-03-11 making", "2026-03-11 turn"}
    assert {alarm.what for alarm in alarms} == {one.line}


# ---------------------------------------------------------------- while nothing ran


def gap(*found: Untouched | Unsent, hours: float | None = 9.2, **how: Any) -> Gap | None:
    last_seen = None if hours is None else NOW - timedelta(hours=hours)
    store = Found(
        untouched=tuple(one for one in found if isinstance(one, Untouched)),
        unsent=tuple(one for one in found if isinstance(one, Unsent)),
    )
    return gap_of(store, how.pop("profiles", READERS), last_seen=last_seen, now=NOW, **how)


def said_of(*found: Untouched | Unsent, **how: Any) -> str:
    one = gap(*found, **how)
    assert one
    return one.line


def test_a_gap_without_editions_is_told_and_calls_nobody() -> None:
    one = gap()

    assert one
    assert one.line == (
        "Digest did not run from 2026-03-10 22:18 to 2026-03-11 07:30 UTC (9 h 12 min): no edition was due"
    )
    assert not one.calls_a_person(GRACE)


def test_what_can_still_be_made_is_told_apart_from_what_is_over() -> None:
    two_days_ago = TODAY - timedelta(days=2)

    said = said_of(turn("ada"), turn("ben", DUE - timedelta(days=2), two_days_ago), hours=60)

    assert said.endswith(
        "(2 d 12 h): 4 editions were due; 2 can still be made, late; 2 days ended without one (expired)"
    )


def test_days_of_a_pause_were_not_due() -> None:
    day, hour = TODAY - timedelta(days=3), DUE - timedelta(days=3)
    away = profile(name="ada", send_at=DUE.time(), pause=Pause(until=TODAY - timedelta(days=1)))

    said = said_of(turn("ada", hour, day), profiles={"ada": away}, hours=80)

    assert said.endswith("2 editions were due; 1 can still be made, late; 1 day ended without one (expired)")


def test_a_reader_whose_profile_cannot_be_used_and_messages_that_waited_are_counted() -> None:
    said = said_of(turn("eve"), unsent("ada"))

    assert said.endswith(
        "1 edition was due; 1 cannot be made (see `digest check`); 1 message waited to be sent"
    )


def test_an_edition_that_was_made_as_the_end_came_was_not_missed() -> None:
    assert said_of(turn("ada"), settled={("ada", TODAY)}).endswith("no edition was due")


def test_without_a_record_of_when_digest_ran_the_gap_begins_with_what_was_due() -> None:
    assert said_of(turn(), hours=None) == (
        "no pass of Digest came from 2026-03-11 06:50 to 07:30 UTC (40 min): 1 edition was due; 1 can still be made, late"
    )
    assert gap(hours=None) is None


def test_while_another_process_is_at_work_there_is_no_gap() -> None:
    assert gap(turn(), hours=0.02) is None


@pytest.mark.parametrize(("minutes", "calls"), [(10, False), (29, False), (31, True)])
def test_a_short_gap_calls_nobody_though_an_edition_was_due(minutes: float, calls: bool) -> None:
    one = gap(turn(due_at=NOW - timedelta(minutes=minutes)), hours=1)

    assert one
    assert one.calls_a_person(GRACE) is calls


def test_a_gap_is_an_alarm_by_its_beginning_in_utc() -> None:
    one = gap(turn())
    assert one

    alarm = of_gap(one)

    assert (alarm.kind, alarm.about) == (GAP, "2026-03-10T22:18:00+00:00")
    assert text_of(alarm).startswith("Digest did not run from 2026-03-10 22:18")


# ---------------------------------------------------------------- what only waits for its turn


def test_messages_that_go_out_as_fast_as_the_limits_let_them_are_not_overdue() -> None:
    flow = Flow(needs=timedelta(hours=11), is_full="the limit of 100 an hour of main")

    assert late(unsent(), unsent("ben", f"{NOT_TRIED}main is given a pause"), flows=(flow,)) == ()
    assert late(unsent(reply="450 try later"), flows=(flow,))
    assert late(turn(), flows=(flow,))


def test_limits_that_do_not_let_all_out_in_half_a_day_are_told() -> None:
    flow = Flow(needs=timedelta(hours=12), is_full="the limit of 100 an hour of main")

    assert line(unsent(), flows=(flow,)).endswith(
        "because the limit of 100 an hour of main is used up, and all that waits needs 12 h"
    )


# ---------------------------------------------------------------- gaps that harmed nobody


def test_a_gap_calls_nobody_for_readers_who_are_away_or_failed_before() -> None:
    away = profile(name="ben", send_at=DUE.time(), pause=Pause(until=TODAY + timedelta(days=9)))
    readers = {"ada": profile(name="ada", send_at=DUE.time()), "ben": away}
    long_ago = turn("ben", DUE - timedelta(days=4), TODAY - timedelta(days=4))

    one = gap(turn("ada"), long_ago, hours=100, profiles=readers, tried={("ada", TODAY): Outcome.FAILED})

    assert one
    assert one.line.endswith("no edition was due")
    assert not one.calls_a_person(GRACE)


def test_a_short_gap_is_not_to_blame_for_what_was_late_before() -> None:
    one = gap(turn(due_at=NOW - timedelta(hours=5)), unsent(minutes=300), hours=0.2)
    tried = gap(unsent(reply="450 try later", minutes=300), hours=3)

    assert one
    assert tried
    assert not one.calls_a_person(GRACE)
    assert not tried.calls_a_person(GRACE)


def test_who_ticks_slowly_is_at_work_for_longer_after_the_last_sign() -> None:
    assert (lately(1), lately(60), lately(600)) == tuple(timedelta(minutes=n) for n in (3, 4, 31))
    assert gap(turn(), hours=0.5, still=lately(600)) is None


def waits_until(minutes_ago: float) -> dict[str, Profile]:
    until = (NOW - timedelta(minutes=minutes_ago)).time()
    return {"ada": profile(name="ada", send_at=DUE.time(), wait_until=until)}


def test_who_waits_for_a_list_was_due_in_no_gap_before_her_own_time() -> None:
    tried = {("ada", TODAY): Outcome.NOT_READY}

    before = gap(turn("ada"), tried=tried, profiles=waits_until(-60))
    after = gap(turn("ada"), tried=tried, profiles=waits_until(15))

    assert before
    assert after
    assert before.line.endswith("no edition was due")
    assert after.line.endswith("1 edition was due; 1 can still be made, late")
    assert (after.longest, after.calls_a_person(GRACE)) == (timedelta(minutes=15), False)


def test_who_waits_for_a_list_is_not_overdue_though_no_pass_came_to_look_again() -> None:
    waiting = unmade("ada", "waits for the kettle", outcome=Outcome.NOT_READY, at=DUE)

    assert late(turn("ada"), waiting, profiles=waits_until(-60)) == ()
    assert late(turn("ada"), waiting, profiles=waits_until(15)) == ()
    assert len(late(turn("ada"), waiting, profiles=waits_until(35))) == 1


def test_a_day_that_was_tried_in_vain_until_it_ended_is_no_gap() -> None:
    yesterday = TODAY - timedelta(days=1)
    ended = turn("ada", DUE - timedelta(minutes=1), yesterday)

    later = {"ada": profile(name="ada", send_at=time(8))}

    assert gap(ended, hours=None, tried={("ada", yesterday): Outcome.FAILED}, profiles=later) is None


def test_a_turn_that_moved_on_to_another_day_is_late_by_the_hour_of_that() -> None:
    two_days_ago = DUE - timedelta(days=2)

    assert line(turn(due_at=two_days_ago)).startswith(f"1 edition for {TODAY} overdue by 40 min, because")
