"""Whatever happens in whatever order: nothing is lost, nothing goes out twice but on purpose, all is on record."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from digest.model import Attempt, Delivery, DeliveryState
from digest.store import record, waiting
from digest.store.database import Database
from digest.store.tables import metadata
from tests.makers import NOW, TODAY
from tests.store.outgoing import LATER, LEASE, LOST, REFUSED, SENT, claim, commit, end, queue, settle

QUEUED, SENDING, UNKNOWN = DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.UNKNOWN
GIVEN_UP = (DeliveryState.FAILED, DeliveryState.EXPIRED)
READERS = ("ada", "bob", "carl")
OWNERS = ("one", "two")


@dataclass
class Model:
    """A message as it should stand."""

    state: DeliveryState = QUEUED
    attempts: int = 0
    owner: str = ""
    lease_until: Any = None
    ended: bool = False
    may_have_arrived: bool = False
    """A body went out, was not refused, and is not being sent again on purpose."""
    bodies: set[int] = field(default_factory=set)
    """The attempts whose body went out."""
    unknown: set[int] = field(default_factory=set)
    """The attempts that ended as unknown."""

    @property
    def is_under_way(self) -> bool:
        return self.state is SENDING or (self.state is UNKNOWN and not self.ended)

    def wait(self) -> None:
        """Go back to the others that wait."""
        self.state, self.ended, self.owner = QUEUED, False, ""

    def give_up(self, state: DeliveryState) -> None:
        """What may have arrived in an earlier attempt stays so."""
        self.finish(UNKNOWN if self.unknown else state)

    def finish(self, state: DeliveryState) -> None:
        self.state, self.ended, self.owner = state, True, ""

    def lose(self, resend_once: bool) -> None:
        """Its body may have arrived; with `resend_once` it waits again, on purpose, the first time."""
        first = not {number for number in self.unknown if number < self.attempts}
        self.unknown.add(self.attempts)
        if resend_once and first:
            self.may_have_arrived = False
            self.wait()
        else:
            self.finish(UNKNOWN)


class Deliveries(RuleBasedStateMachine):
    """Processes that claim, commit, end, die, wake up late; and a person at the command line."""

    database: Database

    def __init__(self) -> None:
        super().__init__()
        with self.database.begin() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
        self.now = NOW
        self.models: dict[str, Model] = {}
        self.claims: list[Delivery] = []

    @rule(name=st.sampled_from(READERS))
    def enqueue(self, name: str) -> None:
        queue(self.database, name, at=self.now)
        self.models.setdefault(name, Model())

    @rule(minutes=st.integers(1, 7))
    def pass_time(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(owner=st.sampled_from(OWNERS), most=st.integers(1, 3))
    def claim(self, owner: str, most: int) -> None:
        claimed = claim(self.database, most, at=self.now, owner=owner)
        wait = [name for name, model in self.models.items() if model.state is QUEUED]
        assert len(claimed) == min(most, len(wait))
        for one in claimed:
            model = self.models[one.profile]
            assert model.state is QUEUED
            model.state, model.attempts, model.owner = SENDING, model.attempts + 1, owner
            model.lease_until = self.now + LEASE
            assert (one.attempts, one.message.data[:3]) == (model.attempts, b"To:")
            self.claims.append(one)

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def commit(self, data: st.DataObject) -> None:
        one = self._any_claim(data)
        model = self.models[one.profile]
        holds = model.state is SENDING and model.attempts == one.attempts
        assert bool(commit(self.database, one, at=self.now)) is holds
        if holds:
            assert not model.may_have_arrived, "goes out twice"
            model.state, model.may_have_arrived = UNKNOWN, True
            model.lease_until = self.now + LEASE
            model.bodies.add(one.attempts)

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), resend_once=st.booleans())
    def end(self, data: st.DataObject, resend_once: bool) -> None:
        one = self._any_claim(data)
        model = self.models[one.profile]
        out = one.attempts in model.bodies
        attempt = data.draw(st.sampled_from([LATER, REFUSED, *([SENT, LOST] if out else [])]), "attempt")
        believed = model.attempts == one.attempts and (
            model.state in (SENDING, UNKNOWN) or attempt.state is DeliveryState.SENT
        )
        assert end(self.database, one, attempt, at=self.now, resend_once=resend_once) is believed
        if believed:
            self._end(model, attempt, resend_once)

    def _end(self, model: Model, attempt: Attempt, resend_once: bool) -> None:
        model.unknown.discard(model.attempts)
        if attempt is LOST:
            model.lose(resend_once)
        elif attempt is SENT:
            model.may_have_arrived = True
            model.finish(DeliveryState.SENT)
        else:
            model.may_have_arrived = False
            model.wait() if attempt is LATER else model.give_up(DeliveryState.FAILED)

    @rule(
        gone=st.sets(st.sampled_from(OWNERS)),
        present=st.sets(st.sampled_from(OWNERS)),
        resend_once=st.booleans(),
    )
    def settle(self, gone: set[str], present: set[str], resend_once: bool) -> None:
        present -= gone
        told = settle(
            self.database, at=self.now, gone=tuple(gone), present=tuple(present), resend_once=resend_once
        )
        found = {one.profile for one in (*told.requeued, *told.unknown, *told.resent)}
        expected = set()
        for name, model in self.models.items():
            late = model.owner not in present and model.is_under_way and model.lease_until <= self.now
            if model.is_under_way and (model.owner in gone or late):
                expected.add(name)
                model.wait() if model.state is SENDING else model.lose(resend_once)
        assert found == expected

    @rule(name=st.sampled_from(READERS))
    def put_back_by_hand(self, name: str) -> None:
        model = self.models.get(name)
        if model is None:
            return
        can = model.state in (QUEUED, *GIVEN_UP) or (model.state is UNKNOWN and model.ended)
        with self.database.begin() as connection:
            listed = record.find(connection, name)
            assert listed is not None
            assert waiting.retry(connection, listed, self.now) is can
        if can:
            model.may_have_arrived = False
            model.wait()

    @rule(name=st.sampled_from(READERS))
    def cancel_by_hand(self, name: str) -> None:
        model = self.models.get(name)
        if model is None:
            return
        with self.database.begin() as connection:
            listed = record.find(connection, name)
            assert listed is not None
            assert waiting.cancel(connection, listed, self.now) is (model.state is QUEUED)
        if model.state is QUEUED:
            model.give_up(DeliveryState.EXPIRED)

    @rule(days=st.integers(0, 2))
    def expire(self, days: int) -> None:
        todays = dict.fromkeys(READERS, TODAY + timedelta(days=days))
        with self.database.begin() as connection:
            over = waiting.expire_before(connection, todays, self.now)
        for one in over:
            assert days
            assert self.models[one.profile].state is QUEUED
            self.models[one.profile].give_up(DeliveryState.EXPIRED)

    @invariant()
    def all_stand_as_they_should(self) -> None:
        with self.database.read() as connection:
            stand = {one.profile: one for one in record.overview(connection)}
            assert set(stand) == set(self.models)
            for name, model in self.models.items():
                one = stand[name]
                assert (one.state, one.attempts, one.owner) == (model.state, model.attempts, model.owner)
                assert (one.ended_at is not None) is model.ended
                numbers = [tried.number for tried in record.tried(connection, one.message_id)]
                assert numbers == list(range(1, model.attempts + 1))

    def _any_claim(self, data: st.DataObject) -> Delivery:
        """The newest more often than those that may be lost since."""
        newest = st.sampled_from(self.claims[-2:])
        return data.draw(newest | st.sampled_from(self.claims), "claim")


def run(database: Database, programs: int, steps: int) -> None:
    machine = type("Machine", (Deliveries,), {"database": database})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=programs,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.slow
def test_in_some_orders_nothing_is_lost_nor_sent_twice(database: Database) -> None:
    run(database, programs=8, steps=20)


@pytest.mark.slow
def test_in_many_orders_nothing_is_lost_nor_sent_twice(database: Database) -> None:
    run(database, programs=100, steps=40)
