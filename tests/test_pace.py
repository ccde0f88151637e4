"""A relay's limits are kept, and what its replies say of its mood is learnt."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.failures import is_about_address, slows
from digest.model import Attempt, DeliveryState, Phase
from digest.pace import LONGEST_PAUSE, Limits, Met, Pace, allowance, first_pace, learn, slowed
from tests.makers import NOW
from tests.posts import later, lost, nobody, refused

LIMITS = Limits(connections=8)
SENT = Attempt(state=DeliveryState.SENT, reply="250 taken", phase=Phase.BODY, code=250)


@dataclass(frozen=True)
class Taken:
    minute: int = 0
    hour: int = 0
    day: int = 0


def after(
    answers: Sequence[Attempt],
    *,
    slows: bool = False,
    before: int = 0,
    recipients: int = 100,
    domains: int = 100,
    apart_s: float = 0,
) -> Pace:
    """The pace after these answers, each about another of so many recipients, in so many domains."""
    pace = first_pace(LIMITS)
    for place, answer in enumerate(answers):
        at = NOW + timedelta(seconds=place * apart_s)
        met = Met(
            attempt=answer,
            recipient=f"{place % recipients}@{place % recipients % domains}.example.org",
            slows=slows,
            is_about_address=is_about_address(answer),
            before=before,
            at=at,
        )
        pace = learn(pace, met, LIMITS)
    return pace


# ---------------------------------------------------------------- limits


@given(
    st.integers(0, 50),
    st.integers(0, 50),
    st.integers(0, 50),
    st.none() | st.integers(1, 40),
    st.integers(1, 40),
)
def test_no_window_is_ever_overdrawn(
    minute: int, hour: int, day: int, per_minute: int | None, per_day: int
) -> None:
    limits = Limits(per_minute=per_minute, per_day=per_day)

    now = allowance(limits, Taken(minute, hour, day), 30).now

    assert 0 <= now <= 30
    assert per_minute is None or minute + now <= max(per_minute, minute)
    assert day + now <= max(per_day, day)


def test_of_a_window_that_holds_too_many_several_places_have_to_become_free() -> None:
    (full,) = allowance(Limits(per_hour=1000), Taken(hour=1004), 5).full

    assert (str(full), full.lack) == ("the limit of 1,000 an hour", 5)


def test_without_limits_nothing_is_counted() -> None:
    assert LIMITS.is_endless
    assert allowance(LIMITS, Taken(10**6, 10**6, 10**6), 20).now == 20


def test_a_full_minute_is_waited_for_and_a_full_day_is_not() -> None:
    limits = Limits(per_minute=10, per_day=100)

    minute, day = allowance(limits, Taken(minute=10), 5), allowance(limits, Taken(minute=10, day=100), 5)

    assert (minute.now, minute.is_brief) == (0, True)
    assert (day.now, day.is_brief) == (0, False)
    assert [str(one) for one in day.full] == ["the limit of 100 a day", "the limit of 10 a minute"]
    assert timedelta(0) < minute.look_again <= day.look_again <= timedelta(seconds=15)


# ---------------------------------------------------------------- slower


def test_each_setback_halves_the_connections_and_one_is_left() -> None:
    pace = first_pace(LIMITS)
    seen = []
    for _ in range(5):
        pace = slowed(pace, NOW)
        seen.append(pace.connections)

    assert seen == [4, 2, 1, 1, 1]


def test_pauses_grow_to_a_quarter_of_an_hour() -> None:
    pace = first_pace(LIMITS)
    pauses = []
    for _ in range(7):
        pace = slowed(pace, NOW)
        assert pace.paused_until is not None
        pauses.append((pace.paused_until - NOW).total_seconds())

    assert pauses == [30, 60, 120, 240, 480, 900, 900]
    assert timedelta(seconds=pauses[-1]) == LONGEST_PAUSE


def test_a_pause_after_which_something_was_taken_is_followed_by_one_half_as_long() -> None:
    pace = slowed(slowed(slowed(first_pace(LIMITS), NOW), NOW), NOW)
    met = Met(attempt=SENT, recipient="a@b", slows=False, before=0, at=NOW + timedelta(minutes=3))
    pauses = [pace.pause]
    for _ in range(3):
        pace = slowed(learn(pace, met, LIMITS), NOW)
        pauses.append(pace.pause)

    assert pauses == [timedelta(seconds=length) for length in (120, 60, 30, 30)]


def test_what_was_under_way_when_a_pause_began_and_arrives_says_nothing_of_the_time_after_it() -> None:
    paused = slowed(first_pace(LIMITS), NOW)

    pace = learn(paused, Met(attempt=SENT, recipient="a@b", slows=False, before=0, at=NOW), LIMITS)

    assert (pace.width, slowed(pace, NOW).pause) == (1, timedelta(minutes=1))


@pytest.mark.slow
@pytest.mark.parametrize(("code", "domains"), [(421, 100), (451, 100), (451, 1)])
@pytest.mark.parametrize("per_minute", [5, 45, 100])
def test_a_relay_that_takes_so_many_a_minute_is_given_at_least_half_of_them(
    per_minute: int, code: int, domains: int
) -> None:
    pace, now, taken, sent = first_pace(LIMITS), NOW, list[datetime](), 0

    for place in count():
        now = max(now + timedelta(milliseconds=100) / pace.width, pace.paused_until or now)
        if now - NOW > timedelta(hours=1):
            break
        taken = [at for at in taken if now - at < timedelta(minutes=1)]
        answer = SENT if len(taken) < per_minute else later(code, "4.7.1")
        if answer is SENT:
            taken.append(now)
            sent += 1
        met = Met(
            attempt=answer,
            recipient=f"{place}@{place % domains}.example.org",
            slows=slows(answer),
            is_about_address=False,
            before=1,
            at=now,
        )
        pace = learn(pace, met, LIMITS)

    assert sent >= per_minute * 60 / 2


def test_421_pauses_at_once_and_what_was_under_way_does_not_lengthen_it() -> None:
    pace = after([later(421)] * 6, slows=True)

    assert pace.paused_until == NOW + timedelta(seconds=30)
    assert (pace.connections, pace.pause) == (4, timedelta(seconds=30))


def test_after_a_pause_one_message_goes_first() -> None:
    paused = after([later(421)], slows=True)
    met = Met(attempt=SENT, recipient="a@b", slows=False, before=0, at=NOW + timedelta(minutes=1))

    assert (paused.width, learn(paused, met, LIMITS).width) == (1, 4)


def test_fifty_messages_bring_one_connection_back_up_to_the_limit() -> None:
    slow = slowed(first_pace(LIMITS), NOW)
    met = Met(attempt=SENT, recipient="a@b", slows=False, before=0, at=NOW + timedelta(hours=1))
    seen = []
    for _ in range(250):
        slow = learn(slow, met, LIMITS)
        seen.append(slow.connections)

    assert (seen[48], seen[49], seen[99], seen[199], seen[249]) == (4, 5, 6, 8, 8)


def test_the_pause_of_an_earlier_run_is_kept() -> None:
    pace = first_pace(LIMITS, NOW + timedelta(minutes=3))

    assert pace.is_paused(NOW)
    assert not pace.is_paused(NOW + timedelta(minutes=3))
    assert pace.width == 1


# ---------------------------------------------------------------- whose matter


@pytest.mark.parametrize(
    "put_off",
    [
        later(450, "4.7.1", Phase.RCPT),
        later(451, "4.7.1", Phase.DATA),
        later(451, "", Phase.DATA),
        later(452, "4.3.1", Phase.BODY),
    ],
)
def test_recipients_in_three_domains_put_off_in_a_row_are_a_pause(put_off: Attempt) -> None:
    is_slow = slows(put_off)

    assert after([put_off] * 2, slows=is_slow).paused_until is None
    assert after([put_off, put_off, SENT, put_off, put_off], slows=is_slow).paused_until is None
    assert after([put_off] * 3, slows=is_slow).paused_until is not None


def test_one_domain_that_puts_off_strangers_is_a_pause_after_ten_of_its_recipients() -> None:
    greylisted = later(451, "4.7.1", Phase.RCPT)

    assert after([greylisted] * 9, domains=1).paused_until is None
    assert after([greylisted] * 10, domains=1).paused_until is not None


@pytest.mark.parametrize("phase", [Phase.MAIL, Phase.EHLO])
def test_45z_before_any_recipient_is_a_pause_at_once(phase: Phase) -> None:
    assert after([later(451, "4.3.2", phase)], slows=True).paused_until is not None


def test_one_recipient_put_off_again_and_again_is_none() -> None:
    assert after([later(450, "4.7.1", Phase.RCPT)] * 9, recipients=1).paused_until is None


def test_full_mailboxes_say_nothing_of_the_relay() -> None:
    assert after([later(452, "4.2.2", Phase.RCPT)] * 9).paused_until is None


def test_a_relay_that_five_tries_do_not_reach_is_paused_and_then_tried_once_a_pause() -> None:
    assert after([nobody()] * 4).paused_until is None
    assert after([nobody()] * 4 + [SENT, nobody()]).paused_until is None
    once = after([nobody()] * 5)
    twice = after([nobody()] * 6, apart_s=31)

    assert once.paused_until == NOW + timedelta(seconds=30)
    assert twice.paused_until == NOW + timedelta(seconds=5 * 31 + 60)
    assert once.connections == 8


@pytest.mark.parametrize("no", [refused(550, "5.7.1"), refused(554, "5.6.0", Phase.BODY), refused(550, "")])
def test_five_recipients_refused_in_a_row_are_about_us(no: Attempt) -> None:
    no = replace(no, reply=f"{no.code} {no.enhanced} rejected")

    assert not after([no] * 4).is_refusing
    assert not after([*[no] * 4, SENT, no]).is_refusing
    assert not after([no] * 9, recipients=4).is_refusing
    assert after([no] * 5).is_refusing


def test_an_address_that_is_no_good_neither_counts_among_those_refused_nor_ends_their_row() -> None:
    by_policy = refused(550, "5.7.1")

    assert not after([refused()] * 9).is_refusing
    assert not after([*[by_policy] * 4, refused()]).is_refusing
    assert after([*[by_policy] * 4, refused(), later(), by_policy]).is_refusing


def test_a_relay_that_loses_messages_after_each_pause_gets_no_more() -> None:
    assert not after([lost()] * 20).is_losing  # at the same moment: one restart of it
    assert not after([lost(), lost(), SENT, lost(), lost()], apart_s=3600).is_losing
    assert after([lost()] * 3, apart_s=3600).is_losing


# ---------------------------------------------------------------- messages per connection

FULL = later(421, "", Phase.MAIL)


@pytest.mark.parametrize("code", [421, None])
def test_a_relay_that_closes_twice_after_as_many_messages_has_that_limit(code: int | None) -> None:
    pace = after([later(code, "", Phase.MAIL)] * 2, before=7)

    assert pace.per_connection == 7
    assert pace.paused_until is None


def test_a_relay_that_closes_after_different_numbers_wants_fewer_messages() -> None:
    pace = first_pace(LIMITS)
    for before in (7, 3):
        pace = learn(pace, Met(attempt=FULL, recipient="a@b", slows=True, before=before, at=NOW), LIMITS)

    assert pace.per_connection == LIMITS.per_connection
    assert pace.paused_until is not None


def test_421_on_a_fresh_connection_is_no_limit_of_messages() -> None:
    assert after([FULL], slows=True, before=0).paused_until is not None
