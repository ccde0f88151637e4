"""One thread writes for all connections; what was sent is written down, and nothing goes out that was not."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EROFS
from pathlib import Path
from typing import TYPE_CHECKING, cast
from zlib import compress

import pytest

from digest.errors import StoreError
from digest.ledger import FAILURES, PAUSES_S, Ledger, Manners, Spare
from digest.model import Attempt, Delivery, DeliveryState, Phase
from digest.store import deliveries, settling
from digest.store.database import Database
from digest.store.deliveries import Ended
from tests.makers import NOW
from tests.posts import Office, queue, readers, states

if TYPE_CHECKING:
    from sqlalchemy import Connection

SENT = Attempt(state=DeliveryState.SENT, reply="250 taken", phase=Phase.BODY, code=250)
NOT_TRIED = Attempt(state=DeliveryState.QUEUED, reply="not tried: the run was ended")


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
            settling.settle(connection, NOW, gone=["one"])

        async def run() -> bool:
            async with ledger(office, Flaky(database)) as one:
                return await one.commit(delivery)

        assert office.time.run(run()) is False


def test_an_end_that_cannot_be_written_is_tried_again_in_the_room_held_for_it_which_is_taken_anew(
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

        assert office.time.run(run()) == [1, 1]
        assert list(office.folder.glob("*.spare-*")) == []
        assert set(states(database).values()) == {DeliveryState.SENT}


def test_once_the_room_for_last_words_is_used_nothing_new_begins_and_ends_are_still_written(
    office: Office,
) -> None:
    disk = office.folder / "disk"
    disk.mkdir()
    with office.database() as database:
        (first, second), flaky = claimed(database, 2), Flaky(database)
        spare = Spare(disk / "digest.sqlite3", "one")

        async def run() -> None:
            async with ledger(office, flaky, spare) as one:
                with spare.held():
                    await one.commit(first)
                    flaky.fail = 1
                    one.end(Ended(delivery=first, attempt=SENT))
                    shutil.rmtree(disk)
                    await one.drain()
                    with pytest.raises(StoreError):
                        await one.commit(second)
                    one.end(Ended(delivery=second, attempt=NOT_TRIED))

        office.time.run(run())

        assert sorted(states(database).values()) == [DeliveryState.QUEUED, DeliveryState.SENT]
        assert office.time.clock() == NOW


class Stuck(Spare):
    """Room that cannot be given back: the disk takes no change any more."""

    def free(self) -> None:
        raise OSError(EROFS, "Read-only file system")


def test_room_that_cannot_be_given_back_costs_no_last_word(office: Office) -> None:
    with office.database() as database:
        (delivery,), flaky = claimed(database, 1), Flaky(database)
        spare = Spare(office.folder / "digest.sqlite3", "one")
        (office.folder / "digest.sqlite3.spare-one").mkdir()  # no file: unlink and open both fail

        async def run() -> None:
            async with ledger(office, flaky, spare) as one:
                await one.commit(delivery)
                flaky.fail = 1
                one.end(Ended(delivery=delivery, attempt=SENT))
                await one.drain()
                assert isinstance(one.broken, StoreError)  # without that room nothing new begins

        office.time.run(run())

        assert set(states(database).values()) == {DeliveryState.SENT}


def test_a_fault_of_the_writer_breaks_the_ledger_and_lets_nobody_wait_for_ever(office: Office) -> None:
    with office.database() as database:
        (first, second), flaky = claimed(database, 2), Flaky(database)

        async def run() -> tuple[list[object], Exception | None]:
            async with ledger(office, flaky, Stuck(office.folder / "digest.sqlite3", "one")) as one:
                flaky.fail = 1
                one.end(Ended(delivery=first, attempt=NOT_TRIED))
                asked = [
                    asyncio.ensure_future(one.commit(second)),
                    asyncio.ensure_future(one.do(lambda _: 7)),
                ]
                done, waiting = await asyncio.wait(asked, timeout=600)
                assert (len(done), len(waiting)) == (2, 0)
                return [asked[0].exception(), asked[1].result()], one.broken

        (refused, answer), broken = office.time.run(run())

        assert isinstance(refused, StoreError)
        assert answer == 7
        assert isinstance(broken, OSError)


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


def test_room_for_the_last_word_is_of_bytes_that_no_file_system_stores_as_nothing(tmp_path: Path) -> None:
    spare = Spare(tmp_path / "digest.sqlite3", "one")

    with spare.held():
        (held,) = tmp_path.iterdir()
        kept = held.read_bytes()

    assert len(compress(kept)) >= Spare.SIZE
