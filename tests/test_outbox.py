"""Queued messages become sent ones: each once, as fast as the relays bear, and with every step on record."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.alarm import Alarm, text_of
from digest.errors import StoreError
from digest.ledger import Manners
from digest.model import Attempt, DeliveryState, Failure, Message, Phase, Suppression
from digest.outbox import Alarmed, CutOff, Fault, Paused, Rules, Sent, Stopped, Stopping, deliver
from digest.pace import Limits
from digest.store import deliveries, record, relays, suppressions
from digest.store.database import Database
from digest.transport.protocol import Relay
from tests.makers import NOW
from tests.posts import (
    Answer,
    Office,
    later,
    listed,
    locked_out,
    lost,
    no,
    nobody,
    queue,
    readers,
    refused,
    states,
)

SENT, QUEUED, FAILED, UNKNOWN = (
    DeliveryState.SENT,
    DeliveryState.QUEUED,
    DeliveryState.FAILED,
    DeliveryState.UNKNOWN,
)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def only(name: str, answer: Answer) -> Callable[[Message, int], Answer | None]:
    """This answer for one reader, 250 for the others."""
    return lambda message, _borne: answer if message.envelope.recipient.startswith(name) else None


def at_most(number: int) -> Callable[[Message, int], Answer | None]:
    """250 for so many messages, then 421."""
    places = count(1)
    return lambda _message, _borne: later(421) if next(places) > number else None


# ---------------------------------------------------------------- what becomes of messages


def test_every_message_is_sent_once(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(100))
        post = office.post()

        tally = office.run(database, post.relay())

        assert sorted(post.got) == [f"{name}@example.org" for name in readers(100)]
        assert set(states(database).values()) == {SENT}
        assert (tally.sent, tally.waiting, tally.unknown) == (100, 0, 0)
        assert len(office.of(Sent)) == 100


def test_a_second_run_sends_nothing(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(5))
        office.run(database, office.post().relay())

        again = office.post()
        office.run(database, again.relay())

        assert again.tried == []


def test_nothing_to_send_opens_no_connection(office: Office) -> None:
    with office.database() as database:
        post = office.post()

        tally = office.run(database, post.relay())

        assert (post.most_open, tally.sent) == (0, 0)


def test_one_refused_recipient_never_stops_the_others(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(20))
        post = office.post(only("reader007", refused()))

        tally = office.run(database, post.relay())

        assert (tally.sent, tally.failed) == (19, 1)
        assert listed(database, "reader007").state is FAILED
        assert "no such user" in listed(database, "reader007").reply


def test_an_address_that_is_no_good_gets_nothing_more(office: Office) -> None:
    with office.database() as database:
        queue(database, ["ada"])

        office.run(database, office.post(only("ada", refused())).relay())

        with database.read() as connection:
            assert list(suppressions.suppressed(connection, ["ada@example.org"])) == ["ada@example.org"]


def test_a_refusal_that_is_not_about_the_address_does_not_bar_it(office: Office) -> None:
    with office.database() as database:
        queue(database, ["ada"])

        by_policy = office.post(only("ada", refused(554, "5.7.1", Phase.BODY)))
        office.run(database, by_policy.relay(), manners=Manners(suppress_after=1))

        with database.read() as connection:
            assert suppressions.suppressed(connection, ["ada@example.org"]) == {}


def test_a_recipient_refused_often_enough_is_barred(office: Office) -> None:
    with office.database() as database:
        queue(database, ["ada"])
        no = refused(550, "5.2.2")

        office.run(database, office.post(only("ada", no)).relay(), manners=Manners(suppress_after=1))

        with database.read() as connection:
            (found,) = suppressions.all_suppressed(connection)
        assert "1 messages in a row were refused" in found.reason


def test_a_suppressed_recipient_gets_nothing_and_it_is_told(office: Office) -> None:
    with office.database() as database:
        queue(database, ["ada", "bob"])
        with database.begin() as connection:
            suppressions.suppress(
                connection, Suppression(address="ada@example.org", reason="asked for it", at=NOW)
            )
        post = office.post()

        tally = office.run(database, post.relay())

        assert post.got == ["bob@example.org"]
        assert (tally.sent, tally.failed) == (1, 1)
        assert "asked for it" in listed(database, "ada").reply


def test_what_may_pass_waits_for_its_next_try_and_the_run_ends(office: Office) -> None:
    with office.database() as database:
        queue(database, ["ada", "bob"])

        tally = office.run(database, office.post(only("ada", later(450, "4.2.0", Phase.RCPT))).relay())

        assert (tally.sent, tally.waiting) == (1, 1)
        assert tally.next_try == listed(database, "ada").due_at
        assert timedelta(minutes=5) <= listed(database, "ada").due_at - NOW <= timedelta(minutes=6)
        assert listed(database, "ada").deferrals == 1


def test_a_patient_run_tries_again_what_may_pass(office: Office) -> None:
    with office.database() as database:
        queue(database, ["ada"])
        answers: list[Answer | None] = [None, later(), later()]
        post = office.post(lambda _message, _borne: answers.pop())

        tally = office.run(database, post.relay(), patience_s=3600)

        assert tally.sent == 1
        gaps = [after - before for (before, _), (after, _) in zip(post.tried, post.tried[1:], strict=False)]
        assert [round(gap.total_seconds() / 60) for gap in gaps] == [5, 15]


def test_a_connection_lost_inside_a_message_leaves_it_unknown_and_it_is_not_sent_again(
    office: Office,
) -> None:
    with office.database() as database:
        queue(database, ["ada", "bob"])
        post = office.post(only("ada", lost()))

        tally = office.run(database, post.relay())
        again = office.post()
        office.run(database, again.relay())

        assert (tally.sent, tally.unknown) == (1, 1)
        assert listed(database, "ada").state is UNKNOWN
        assert again.got == []


def test_an_unknown_message_is_sent_once_more_where_that_is_wanted(office: Office) -> None:
    with office.database() as database:
        queue(database, ["ada"])
        answers: list[Answer | None] = [None, lost()]
        post = office.post(lambda _message, _borne: answers.pop())

        tally = office.run(database, post.relay(), manners=Manners(resend_once=True))

        assert listed(database, "ada").state is SENT
        assert (tally.sent, tally.put_off, tally.unknown, tally.failed) == (1, 1, 0, 0)
        assert [one.delivery.state for one in office.of(Sent)] == [QUEUED, SENT]


def test_an_unknown_message_that_is_refused_the_second_time_stays_unknown(office: Office) -> None:
    with office.database() as database:
        queue(database, ["ada"])
        answers: list[Answer | None] = [refused(), lost()]
        post = office.post(lambda _message, _borne: answers.pop())

        tally = office.run(database, post.relay(), manners=Manners(resend_once=True))

        assert listed(database, "ada").state is UNKNOWN
        assert (tally.sent, tally.put_off, tally.unknown, tally.failed) == (0, 1, 1, 0)


def test_before_a_body_goes_out_it_is_on_record_that_it_may_have(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(10))
        at_body: list[DeliveryState] = []
        post = office.post(
            on_body=lambda message: at_body.append(
                states(database)[message.envelope.recipient.removesuffix("@example.org")]
            )
        )

        office.run(database, post.relay())

        assert at_body == [UNKNOWN] * 10


def test_a_message_that_is_none_fails_alone_with_a_traceback(office: Office) -> None:
    with office.database() as database:
        queue(database, ["ada", "bob"])
        post = office.post(only("ada", ValueError("bare \r in it")))

        tally = office.run(database, post.relay())

        assert (tally.sent, tally.failed) == (1, 1)
        (fault,) = office.of(Fault)
        assert "ValueError" in fault.trace
        assert fault.delivery.profile == "ada"


def test_a_bug_that_meets_every_message_stops_the_relay_and_fails_none(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(30))

        office.run(database, office.post(lambda _message, _borne: KeyError("oops")).relay(connections=1))

        assert set(states(database).values()) == {QUEUED}
        assert len(office.of(Fault)) == 5
        assert len(office.of(Stopped)) == 1


def test_only_the_readers_named_are_served(office: Office) -> None:
    with office.database() as database:
        queue(database, ["ada", "bob"])
        post = office.post()

        tally = office.run(database, post.relay(), profiles=frozenset({"bob"}))

        assert post.got == ["bob@example.org"]
        assert tally.waiting == 0


# ---------------------------------------------------------------- connections and limits


def test_all_connections_are_used_and_no_more(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(60))
        post = office.post(body_s=1)

        office.run(database, post.relay(connections=7))

        assert post.most_busy == 7
        assert post.open == 0


def test_a_connection_is_replaced_after_so_many_messages(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(25))
        borne: list[int] = []
        post = office.post(lambda _message, before: borne.append(before))

        office.run(database, post.relay(connections=1, per_connection=10))

        assert max(borne) == 9
        assert borne.count(0) == 3


def test_a_server_that_closes_after_five_messages_loses_none_and_is_learnt(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(60))

        def answer(_message: Message, borne: int) -> Answer | None:
            return later(421, "", Phase.MAIL) if borne >= 5 else None

        post = office.post(answer)

        tally = office.run(database, post.relay(connections=1))

        assert (tally.sent, tally.put_off) == (60, 2)
        assert office.of(Paused) == []


@pytest.mark.slow
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    per_minute=st.integers(2, 12),
    per_hour=st.integers(8, 30),
    connections=st.integers(1, 6),
    body_s=st.floats(0, 20),
)
def test_limits_hold_in_every_window_that_slides(
    tmp_path_factory: pytest.TempPathFactory,
    per_minute: int,
    per_hour: int,
    connections: int,
    body_s: float,
) -> None:
    office = Office(tmp_path_factory.mktemp("office"))
    with office.database() as database:
        queue(database, readers(25))
        post = office.post(body_s=body_s)

        office.run(
            database,
            post.relay(per_minute=per_minute, per_hour=per_hour, connections=connections),
            patience_s=4000,
        )

    assert len(post.got) == 25
    for window, limit in ((timedelta(minutes=1), per_minute), (timedelta(hours=1), per_hour)):
        for began, _ in post.bodies:
            inside = [ended for _, ended in post.bodies if began - window < ended <= began]
            under_way = [one for one, ended in post.bodies if one <= began < ended]
            assert len(inside) + len(under_way) <= limit


def test_a_relay_whose_day_is_used_up_gives_way_to_the_next(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(30))
        first, second = office.post(), office.post()

        tally = office.run(database, first.relay("first", per_day=10), second.relay("second"))

        assert (len(first.got), len(second.got), tally.waiting) == (10, 20, 0)


def test_a_used_up_day_ends_the_run_and_says_so(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(30))

        tally = office.run(database, office.post().relay(per_day=10))

        assert (tally.sent, tally.waiting) == (10, 20)
        assert tally.held_up == "the limit of 10 a day of post is used up"
        with database.read() as connection:
            first = min(one.ended_at for one in record.overview(connection) if one.ended_at)
        assert tally.next_try == first + timedelta(days=1)
        assert office.time.clock() - NOW < timedelta(seconds=5)
        assert set(states(database).values()) == {SENT, QUEUED}


def test_a_place_that_opens_within_patience_is_waited_for_and_no_moment_longer(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(7))
        post = office.post()

        tally = office.run(database, post.relay(per_hour=5), patience_s=3700)

        assert tally.waiting == 0
        ended = [at for _, at in post.bodies]
        begun = [at for at, _ in post.bodies]
        assert timedelta(0) <= begun[5] - ended[0] - timedelta(hours=1) < timedelta(seconds=1)


def test_places_that_a_relay_did_not_take_after_all_are_given_to_others(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(30))
        first = only("reader000", later(451, "4.2.0", Phase.CONNECT))
        post = office.post(first)

        tally = office.run(database, post.relay(per_day=10, connections=10))

        assert tally.sent == 10


# ---------------------------------------------------------------- relays in trouble


def test_a_stopped_relay_lets_the_other_one_send_everything(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(40))
        first, second = office.post(lambda _message, _borne: locked_out()), office.post()

        tally = office.run(database, first.relay("first"), second.relay("second"))

        assert (tally.sent, tally.waiting, tally.stopped) == (40, 0, ("first",))
        assert len(first.tried) <= 4
        assert len(office.of(Stopped)) == 1


def test_where_every_relay_is_stopped_the_run_ends_and_all_waits(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(10))

        tally = office.run(database, office.post(lambda _message, _borne: locked_out()).relay())

        assert (tally.sent, tally.waiting, tally.stopped) == (0, 10, ("post",))
        assert "post needs a person: 535 5.7.8 bad login" in tally.held_up
        assert office.time.clock() - NOW < timedelta(minutes=1)
        assert listed(database, "reader000").deferrals == 0
        with database.read() as connection:
            (health,) = relays.healths(connection)
        assert health.failure is Failure.AUTHENTICATION


def test_what_was_under_way_when_a_relay_was_stopped_does_not_mend_it(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(10))
        post = office.post(only("reader007", locked_out()), body_s=5)

        tally = office.run(database, post.relay(connections=10))

        assert (tally.sent > 0, tally.stopped) == (True, ("post",))
        assert tally.held_up == "post needs a person: 535 5.7.8 bad login"
        with database.read() as connection:
            assert [one.failure for one in relays.healths(connection)] == [Failure.AUTHENTICATION]
            assert [one.kind for one in relays.alarms(connection)] == ["authentication"]


def test_an_alarm_is_raised_once_until_it_is_mended(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(3))
        sounded: list[tuple[str, list[str]]] = []

        async def sound(alarm: Alarm, others: "object") -> tuple[str, ...]:
            sounded.append((alarm.kind, [one.name for one in others]))  # type: ignore[attr-defined]
            return ()

        broken = office.post(lambda _message, _borne: locked_out()).relay("first")
        spare = office.post(lambda _message, _borne: locked_out()).relay("second")
        office.run(database, broken, spare, sound=sound)
        office.run(database, broken, spare, sound=sound)
        office.run(database, office.post().relay("first"), sound=sound)
        queue(database, ["late"], office.time.clock())
        office.run(database, broken, sound=sound)

        assert sounded == [("authentication", ["second"]), ("authentication", []), ("authentication", [])]
        assert len(office.of(Alarmed)) == 3


@pytest.mark.slow
def test_a_relay_that_is_merely_slow_is_no_alarm_at_every_run(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(200))
        sounded: list[Alarm] = []

        async def sound(alarm: Alarm, _others: object) -> tuple[str, ...]:
            sounded.append(alarm)
            return ()

        for _ in range(4):
            office.run(database, office.post(at_most(40)).relay(), sound=sound)
            office.time.wait(1200)

        assert [(one.kind, one.about) for one in sounded] == [("waiting", "post")]
        assert "40 messages went out" in sounded[0].what
        assert "no answer" not in sounded[0].what


def test_where_all_has_gone_out_a_relay_that_fails_anew_is_told_of_anew(office: Office) -> None:
    with office.database() as database:
        queue(database, ["ada", *readers(9)])
        dead = office.post(lambda _message, _borne: nobody()).relay()
        office.run(database, dead)
        office.time.wait(3600)
        office.run(database, office.post().relay())
        queue(database, readers(20)[9:], office.time.clock())

        office.run(database, dead)

        assert [one.alarm.kind for one in office.of(Alarmed)] == ["waiting", "waiting"]


def test_a_fault_in_telling_the_operator_is_told_and_ends_nothing(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(30))

        async def sound(_alarm: Alarm, _others: object) -> tuple[str, ...]:
            raise OSError("no more processes")

        broken = office.post(lambda _message, _borne: locked_out()).relay("first")
        tally = office.run(database, broken, office.post().relay("second"), sound=sound)

        (alarmed,) = office.of(Alarmed)
        with database.read() as connection:
            (kept,) = relays.alarms(connection)
        assert tally.sent == 30
        assert "no more processes" in alarmed.problems[0]
        assert "Traceback" in alarmed.trace
        assert kept.problem == alarmed.problems[0]


def test_a_refused_login_is_tried_once_however_many_connections_there_may_be(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(20))
        post = office.post(lambda _message, _borne: locked_out(), before_s=1)

        office.run(database, post.relay(connections=8))

        assert len(post.tried) == 1


def test_the_other_connections_open_as_soon_as_the_first_is_logged_in(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(20))
        post = office.post(body_s=60)

        office.run(database, post.relay(connections=8))

        began = [at for at, _ in post.bodies]
        assert max(began[:8]) - min(began[:8]) < timedelta(seconds=30)


def test_a_relay_that_is_not_there_puts_no_message_off(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(5))

        tally = office.run(database, office.post(lambda _message, _borne: nobody()).relay(), patience_s=0)
        office.time.wait(60)
        again = office.run(database, office.post().relay(), patience_s=0)

        assert (tally.waiting, again.sent) == (5, 5)
        assert {listed(database, name).deferrals for name in readers(5)} == {0}


def test_nobody_there_pauses_the_relay_and_the_next_one_takes_over(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(30))
        first, second = office.post(lambda _message, _borne: nobody()), office.post()

        tally = office.run(database, first.relay("first", connections=2), second.relay("second"))

        assert (tally.sent, tally.waiting) == (30, 0)
        assert len(first.tried) <= 6
        assert [one.relay for one in office.of(Paused)] == ["first"]


def test_what_met_a_dead_relay_and_goes_by_another_has_not_been_put_off(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(30))
        dead = office.post(lambda _message, _borne: nobody())

        office.run(database, dead.relay("first", connections=2), office.post().relay("second"))

        assert {listed(database, name).deferrals for name in readers(30)} == {0}


def test_a_relay_that_comes_back_within_patience_gets_everything(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(30))
        back = NOW + timedelta(seconds=40)
        post = office.post(lambda _message, _borne: nobody() if office.time.clock() < back else None)

        tally = office.run(database, post.relay(), patience_s=400)

        assert (tally.sent, tally.waiting) == (30, 0)


def test_patience_ends_and_says_when_the_next_try_is(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(30))
        post = office.post(lambda _message, _borne: nobody())

        tally = office.run(database, post.relay(), patience_s=120)

        assert (tally.sent, tally.waiting) == (0, 30)
        assert office.time.clock() - NOW <= timedelta(seconds=120)
        assert "post is given a pause after: connection refused" in tally.held_up
        assert [one.alarm.kind for one in office.of(Alarmed)] == ["waiting"]


def test_the_next_run_keeps_the_pause_of_the_one_before(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(30))
        office.run(database, office.post(lambda _message, _borne: later(421)).relay(), patience_s=10)
        post = office.post()

        office.run(database, post.relay(), patience_s=10)
        office.time.wait(60)
        office.run(database, post.relay(), patience_s=10)

        assert len(post.got) >= 25
        assert min(at for at, _ in post.tried) >= NOW + timedelta(seconds=30)


def test_a_relay_that_asks_for_less_gets_less_and_then_more_again(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(300))
        asked: list[int] = []

        def answer(_message: Message, _borne: int) -> Answer | None:
            asked.append(post.busy)
            return later(421, "4.7.0", Phase.DATA) if len(asked) == 20 else None

        post = office.post(answer, body_s=1)

        tally = office.run(database, post.relay(connections=8))

        assert tally.sent == 299  # the one that was put off is the message's own, too
        assert max(asked[24:60]) <= 4  # the first 24 had begun
        assert max(asked[200:]) >= 6


def test_ten_recipients_put_off_in_a_row_are_the_relays_matter(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(30))
        post = office.post(lambda _message, _borne: later(450, "4.7.1", Phase.RCPT))

        office.run(database, post.relay(connections=1), patience_s=5)

        assert len(post.tried) == 10
        assert len(office.of(Paused)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("put_off", [later(451, "", Phase.DATA), later(451, "4.7.1", Phase.BODY)])
def test_recipients_put_off_now_and_then_do_not_hold_up_the_others(office: Office, put_off: Attempt) -> None:
    with office.database() as database:
        queue(database, readers(200))
        some = {f"{name}@example.org" for name in readers(200)[::20]}
        post = office.post(lambda message, _borne: put_off if message.envelope.recipient in some else None)

        tally = office.run(database, post.relay())

        assert (tally.sent, tally.waiting) == (190, 10)
        assert office.of(Paused) == []


@pytest.mark.slow
def test_a_domain_that_greylists_does_not_hold_up_the_others_for_long(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(200))
        some = {f"{name}@example.org" for name in readers(200)[100:130]}
        greylisted = later(451, "4.7.1", Phase.RCPT)
        post = office.post(lambda message, _borne: greylisted if message.envelope.recipient in some else None)

        tally = office.run(database, post.relay())

        assert (tally.sent, tally.waiting) == (170, 30)
        assert office.time.clock() - NOW <= timedelta(minutes=3)


def test_five_refusals_by_policy_in_a_row_stop_the_relay_and_not_the_readers(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(30))
        post = office.post(lambda _message, _borne: refused(550, "5.7.1"))

        tally = office.run(database, post.relay(connections=1))

        assert len(post.tried) == 5
        assert (tally.failed, tally.waiting) == (4, 26)
        (stopped,) = office.of(Stopped)
        assert stopped.attempt.failure is Failure.SENDER


PLAIN_NO = no(Failure.RECIPIENT, "RCPT 550 rejected", Phase.RCPT, 550)


def test_five_refusals_without_a_reason_stop_the_relay_and_bar_nobody(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(30))
        post = office.post(lambda _message, _borne: PLAIN_NO)

        office.run(database, post.relay(connections=1), manners=Manners(suppress_after=1))

        assert len(post.tried) == 5
        assert office.of(Stopped)
        with database.read() as connection:
            assert suppressions.all_suppressed(connection) == ()


@pytest.mark.parametrize(
    ("many", "answer"), [(1, PLAIN_NO), (1, refused(550, "5.7.1")), (4, PLAIN_NO), (3, refused())]
)
def test_a_run_in_which_all_were_refused_is_told(office: Office, many: int, answer: Attempt) -> None:
    with office.database() as database:
        queue(database, readers(many))

        office.run(database, office.post(lambda _message, _borne: answer).relay())

        (alarmed,) = office.of(Alarmed)
        assert (alarmed.alarm.kind, alarmed.alarm.about) == ("refused", "post")
        assert answer.reply in alarmed.alarm.what
        assert "wait" not in text_of(alarmed.alarm)


def test_a_single_address_that_is_no_good_is_no_alarm(office: Office) -> None:
    with office.database() as database:
        queue(database, ["ada"])

        office.run(database, office.post(only("ada", refused())).relay())

        assert office.of(Alarmed) == []


def test_refusals_beside_a_message_that_was_sent_are_no_alarm(office: Office) -> None:
    with office.database() as database:
        queue(database, ["ada", "bob"])

        office.run(database, office.post(only("ada", PLAIN_NO)).relay())

        assert office.of(Alarmed) == []


def test_a_relay_that_takes_mail_again_is_told_of_anew_when_it_refuses_all(office: Office) -> None:
    with office.database() as database:
        for name, answer in zip(readers(4), (PLAIN_NO, PLAIN_NO, None, PLAIN_NO), strict=True):
            queue(database, [name])
            office.run(database, office.post(only("reader", answer) if answer else None).relay())

        assert len(office.of(Alarmed)) == 2


def test_a_relay_that_loses_message_after_message_is_given_no_more(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(30))

        tally = office.run(
            database, office.post(lambda _message, _borne: lost()).relay(connections=1), patience_s=600
        )

        assert (tally.unknown, tally.waiting) == (3, 27)
        assert len(office.of(Stopped)) == 1


def test_a_message_that_provokes_a_pause_each_time_does_not_hold_up_the_others(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(30))
        post = office.post(only("reader000", later(421, "4.7.0", Phase.BODY)))

        tally = office.run(database, post.relay())

        assert tally.sent == 29
        assert listed(database, "reader000").state is QUEUED


# ---------------------------------------------------------------- several at once, and cut off


def test_two_engines_on_one_store_send_each_message_once(office: Office) -> None:
    with office.database() as one, office.database() as other:
        queue(one, readers(120))
        post = office.post()

        async def both() -> None:
            await asyncio.gather(
                deliver(office.outbox(one, "one"), [post.relay()], Rules(), office.told.append),
                deliver(office.outbox(other, "other"), [post.relay()], Rules(), office.told.append),
            )

        office.time.run(both())

        assert sorted(post.got) == [f"{name}@example.org" for name in readers(120)]


def _claimed(database: Database, owner: str, *, commit: bool) -> None:
    """What a process leaves that is killed before, or inside, a body."""
    with database.begin() as connection:
        claimed = deliveries.claim(
            connection,
            relay="post",
            owner=owner,
            now=NOW,
            lease_until=NOW + timedelta(minutes=10),
            most=1,
        ).deliveries
        if commit:
            deliveries.record_commits(connection, claimed, NOW, NOW + timedelta(minutes=12))


@pytest.mark.parametrize(("commit", "state"), [(False, SENT), (True, UNKNOWN)])
def test_what_a_killed_run_left_is_put_right_at_once(
    office: Office, commit: bool, state: DeliveryState
) -> None:
    with office.database() as database:
        queue(database, ["ada"])
        _claimed(database, "killed", commit=commit)

        outbox = office.outbox(database, is_gone=lambda owner: owner == "killed")
        tally = office.time.run(deliver(outbox, [office.post().relay()], Rules(), office.told.append))

        assert listed(database, "ada").state is state
        assert [one.delivery.profile for one in office.of(CutOff)] == ["ada"] * commit
        assert tally.unknown == int(commit)


def test_what_a_vanished_process_may_still_be_sending_is_not_sent_again_before_its_lease_is_over(
    office: Office,
) -> None:
    with office.database() as database:
        queue(database, ["ada"])
        _claimed(database, "silent", commit=True)
        post, rules = office.post(), Rules(manners=Manners(resend_once=True))
        outbox = office.outbox(database, is_gone=lambda _owner: True, is_sure=False)

        office.time.run(deliver(outbox, [post.relay()], rules, office.told.append))
        too_early = list(post.got)
        office.time.wait(13 * 60)
        office.time.run(deliver(outbox, [post.relay()], rules, office.told.append))

        assert (too_early, post.got) == ([], ["ada@example.org"])


def test_what_a_living_process_has_is_left_to_it(office: Office) -> None:
    with office.database() as database:
        queue(database, ["ada"])
        _claimed(database, "other", commit=True)
        office.time.wait(3600)

        outbox = office.outbox(database, is_gone=lambda _owner: False)
        office.time.run(deliver(outbox, [office.post().relay()], Rules(), office.told.append))

        assert listed(database, "ada").ended_at is None


def test_asked_to_end_a_run_finishes_what_is_out_and_gives_back_the_rest(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(40))
        stopping = Stopping()
        post = office.post(body_s=5)

        async def run() -> None:
            asyncio.get_running_loop().call_later(12, stopping.ask)
            await deliver(
                office.outbox(database), [post.relay(connections=4)], Rules(), office.told.append, stopping
            )

        office.time.run(run())

        told = list(states(database).values())
        assert told.count(SENT) == len(post.got) == 12
        assert told.count(QUEUED) == 28
        assert {listed(database, name).deferrals for name in readers(40)} == {0}


def test_asked_twice_what_is_out_is_unknown(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(10))
        stopping = Stopping()
        post = office.post(body_s=500)

        async def run() -> None:
            asyncio.get_running_loop().call_later(3, stopping.ask)
            asyncio.get_running_loop().call_later(4, stopping.ask)
            await deliver(
                office.outbox(database), [post.relay(connections=4)], Rules(), office.told.append, stopping
            )

        office.time.run(run())

        told = list(states(database).values())
        assert (told.count(UNKNOWN), told.count(QUEUED)) == (4, 6)
        assert office.time.clock() - NOW < timedelta(seconds=10)
        assert all(listed(database, one).ended_at for one, how in states(database).items() if how is UNKNOWN)


def test_a_reply_that_does_not_come_is_waited_for_so_long_and_no_longer(office: Office) -> None:
    with office.database() as database:
        queue(database, ["ada"])
        stopping = Stopping()
        post = office.post(body_s=500)

        async def run() -> None:
            asyncio.get_running_loop().call_later(1, stopping.ask)
            outbox = office.outbox(database)
            await deliver(outbox, [post.relay()], Rules(grace_s=30), office.told.append, stopping)

        office.time.run(run())

        assert listed(database, "ada").state is UNKNOWN
        assert timedelta(seconds=30) <= office.time.clock() - NOW < timedelta(seconds=35)


class Deaf:
    """A connection that swallows being cancelled, as `asyncio.wait_for` does when a reply comes in that turn."""

    def __init__(self) -> None:
        self.bodies = 0

    async def check(self) -> str:
        return "fine"

    async def send(self, message: Message, *, committing: Callable[[], Awaitable[None]]) -> Attempt:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await committing()
        self.bodies += 1
        return Attempt(state=SENT, reply="250 taken", phase=Phase.BODY, code=250)

    async def close(self) -> None:
        pass


def test_no_body_goes_out_after_the_end_though_a_connection_missed_that_it_was_told(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(3))
        stopping, deaf = Stopping(), Deaf()
        relay = Relay(name="deaf", limits=Limits(connections=1), open=lambda: deaf)

        async def run() -> None:
            asyncio.get_running_loop().call_later(5, stopping.ask)
            await deliver(office.outbox(database), [relay], Rules(), office.told.append, stopping)

        office.time.run(run())

        assert deaf.bodies == 0
        assert set(states(database).values()) == {QUEUED}
        replies = {listed(database, name).reply for name in readers(3)}
        assert "cut off before it could arrive: the run was ended" in replies  # the one that was begun


def test_a_cancelled_run_leaves_the_truth(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(10))
        post = office.post(body_s=500)

        async def run() -> None:
            running = asyncio.ensure_future(
                deliver(office.outbox(database), [post.relay(connections=2)], Rules(), office.told.append)
            )
            await asyncio.sleep(3)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

        office.time.run(run())

        told = list(states(database).values())
        assert (told.count(UNKNOWN), told.count(QUEUED)) == (2, 8)


# ---------------------------------------------------------------- a store that fails


class Failing:
    """A store whose next commits fail, as on a full disk: through SQLite's own limit of pages."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def fill(self) -> None:
        with self.database.begin() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")


def test_a_store_that_fails_at_commit_time_sends_no_body(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(8))
        post = office.post(before_s=2)
        holder = sqlite3.connect(office.folder / "digest.sqlite3", isolation_level=None)

        async def run() -> None:
            asyncio.get_running_loop().call_later(1, lambda: holder.execute("BEGIN IMMEDIATE"))
            await deliver(office.outbox(_impatient(database)), [post.relay()], Rules(), office.told.append)

        with pytest.raises(StoreError, match="locked"):
            office.time.run(run())
        holder.rollback()
        holder.close()

        assert post.got == []
        assert set(states(database).values()) <= {QUEUED, DeliveryState.SENDING}

        next_run = office.outbox(database, "two", is_gone=lambda _owner: True)
        office.time.run(deliver(next_run, [post.relay()], Rules(), office.told.append))
        assert len(post.got) == 8


def _impatient(database: Database) -> Database:
    """A locked store says so at once, not after 15 seconds."""
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 20")
    return database


@pytest.mark.slow
def test_no_messages_are_held_in_memory_beyond_a_few_portions(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(200))
        held: list[int] = []

        def look(_message: Message) -> None:
            held.append(sum(how is DeliveryState.SENDING for how in states(database).values()))

        office.run(database, office.post(on_body=look).relay(connections=4))

        assert max(held) <= 16


def test_what_was_tried_is_on_record(office: Office) -> None:
    with office.database() as database:
        queue(database, ["ada"])
        answers: list[Answer | None] = [None, later(451, "4.3.0", Phase.DATA)]

        office.run(database, office.post(lambda _message, _borne: answers.pop()).relay(), patience_s=3600)

        with database.read() as connection:
            tried = record.tried(connection, "<ada@example.org>")
        assert [(one.attempt.state, one.attempt.code) for one in tried] == [(QUEUED, 451), (SENT, 250)]
