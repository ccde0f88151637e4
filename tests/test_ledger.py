"""One thread writes for all connections; what was sent is written down, and nothing goes out that was not."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from digest.errors import StoreError
from digest.ledger import FAILURES, PAUSES_S, Ledger, Manners, Spare
from digest.model import Attempt, Delivery, DeliveryState, Phase
from digest.store import deliveries
from digest.store.database import Database
from digest.store.deliveries import Ended
from tests.makers import NOW
from tests.posts import Office, queue, readers, states

if TYPE_CHECKING:
    from sqlalchemy import Connection

SENT = Attempt(state=DeliveryState.SENT, reply="250 taken", phase=Phase.BODY, code=250)


class Flaky:
    """A store whose transactions fail as long as the test says, and are counted."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.fail = 0
        self.transactions = 0

    @contextmanager
    def begin(self) -> "Iterator[Connection]":
        self.transactions += 1
        if self.fail:
            self.fail -= 1
            raise StoreError("the store cannot be used: database or disk is full")
        with self.database.begin() as connection:
            yield connection


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def claimed(database: Database, number: int) -> tuple[Delivery, ...]:
    queue(database, readers(number))
    with database.begin() as connection:
        return deliveries.claim(
            connection, relay="post", owner="one", now=NOW, lease_until=NOW, most=number
        ).deliveries


def ledger(office: Office, flaky: Flaky, spare: Spare | None = None) -> Ledger:
    return Ledger(cast("Database", flaky), office.time.clock, Manners(), spare)


def test_what_waits_while_one_transaction_is_under_way_goes_into_the_next(office: Office) -> None:
    with office.database() as database:
        some, flaky = claimed(database, 50), Flaky(database)

        async def run() -> list[bool]:
            async with ledger(office, flaky) as one:
                return await asyncio.gather(*(one.commit(delivery) for delivery in some))

        assert office.time.run(run()) == [True] * 50
        assert flaky.transactions <= 2
        assert set(states(database).values()) == {DeliveryState.UNKNOWN}


def test_a_commit_whose_claim_is_lost_says_so(office: Office) -> None:
    with office.database() as database:
        (delivery,) = claimed(database, 1)
        with database.begin() as connection:
            deliveries.settle(connection, NOW, gone=["one"])

        async def run() -> bool:
            async with ledger(office, Flaky(database)) as one:
                return await one.commit(delivery)

        assert office.time.run(run()) is False


def test_an_end_that_cannot_be_written_is_tried_again_and_the_room_held_for_it_given_back(
    office: Office,
) -> None:
    with office.database() as database:
        (delivery,), flaky = claimed(database, 1), Flaky(database)
        spare = Spare(office.folder / "digest.sqlite3", "one")

        async def run() -> list[int]:
            sizes = []
            async with ledger(office, flaky, spare) as one:
                with spare.held():
                    await one.commit(delivery)
                    flaky.fail = 3
                    sizes.append(len(list(office.folder.glob("*.spare-*"))))
                    one.end(Ended(delivery=delivery, attempt=SENT))
                    await one.drain()
                    sizes.append(len(list(office.folder.glob("*.spare-*"))))
                    assert one.broken is None
            return sizes

        assert office.time.run(run()) == [1, 0]
        assert set(states(database).values()) == {DeliveryState.SENT}


def test_an_end_that_can_never_be_written_breaks_the_ledger_and_stays_unknown(office: Office) -> None:
    with office.database() as database:
        (delivery,), flaky = claimed(database, 1), Flaky(database)

        async def run() -> Exception | None:
            async with ledger(office, flaky) as one:
                await one.commit(delivery)
                flaky.fail = 1000
                one.end(Ended(delivery=delivery, attempt=SENT))
                await one.drain()
                return one.broken

        assert isinstance(office.time.run(run()), StoreError)
        assert set(states(database).values()) == {DeliveryState.UNKNOWN}
        assert (office.time.clock() - NOW).total_seconds() == sum(PAUSES_S)


def test_commits_that_fail_fail_alone_until_that_is_no_chance_any_more(office: Office) -> None:
    with office.database() as database:
        some, flaky = claimed(database, 6), Flaky(database)

        async def run() -> list[bool]:
            seen = []
            async with ledger(office, flaky) as one:
                for place, delivery in enumerate(some):
                    flaky.fail = int(place > 0)
                    try:
                        seen.append(await one.commit(delivery))
                    except StoreError:
                        await one.drain()
                        seen.append(one.broken is None)
            return seen

        assert office.time.run(run()) == [True, *[True] * (FAILURES - 1), False, False, False]


def test_without_room_for_the_last_word_nothing_is_begun(tmp_path: Path) -> None:
    spare = Spare(tmp_path / "nowhere" / "digest.sqlite3", "one")

    with pytest.raises(StoreError, match="cannot be used"), spare.held():
        pytest.fail("something was begun")
