"""Queued messages become sent ones: each once, as fast as the relays bear, and with every step on record."""

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.alarm import Alarm
from digest.errors import StoreError
from digest.ledger import Manners
from digest.model import DeliveryState, Failure, Message, Phase, Suppression
from digest.outbox import Alarmed, CutOff, Fault, Paused, Rules, Sent, Stopped, Stopping, deliver
from digest.store import deliveries, record, relays, suppressions
from digest.store.database import Database
from tests.makers import NOW
from tests.posts import (
    Answer,
    Office,
    later,
    listed,
    locked_out,
    lost,
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

        office.run(database, office.post(only("ada", refused(554, "5.6.0", Phase.BODY))).relay())

        with database.read() as connection:
            assert suppressions.suppressed(connection, ["ada@example.org"]) == {}


def test_a_recipient_refused_often_enough_is_barred(office: Office) -> None:
    with office.database() as database:
        queue(database, ["ada"])
        no = refused(554, "5.6.0", Phase.BODY)

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

        office.run(database, post.relay(), manners=Manners(resend_once=True))

        assert listed(database, "ada").state is SENT


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


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
        assert tally.held_up == "the limits of post are used up"
        assert set(states(database).values()) == {SENT, QUEUED}


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


def test_nobody_there_pauses_the_relay_and_the_next_one_takes_over(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(30))
        first, second = office.post(lambda _message, _borne: nobody()), office.post()

        tally = office.run(database, first.relay("first", connections=2), second.relay("second"))

        assert (tally.sent, tally.waiting) == (30, 0)
        assert len(first.tried) <= 6
        assert [one.relay for one in office.of(Paused)] == ["first"]


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


def test_three_recipients_put_off_in_a_row_are_the_relays_matter(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(30))
        post = office.post(lambda _message, _borne: later(450, "4.7.1", Phase.RCPT))

        office.run(database, post.relay(connections=1), patience_s=5)

        assert len(post.tried) == 3
        assert len(office.of(Paused)) == 1


def test_five_refusals_by_policy_in_a_row_stop_the_relay_and_not_the_readers(office: Office) -> None:
    with office.database() as database:
        queue(database, readers(30))
        post = office.post(lambda _message, _borne: refused(550, "5.7.1"))

        tally = office.run(database, post.relay(connections=1))

        assert len(post.tried) == 5
        assert (tally.failed, tally.waiting) == (4, 26)
        (stopped,) = office.of(Stopped)
        assert stopped.attempt.failure is Failure.SENDER


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
