"""Several at work in one store: nobody gets what another has, and nothing is left out."""

import asyncio
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from digest.errors import StoreError
from digest.lane import room
from digest.model import DeliveryState
from digest.outbox import Outbox, Rules, deliver
from digest.pace import Limits
from digest.store import deliveries, record, relays
from digest.store.database import Database
from digest.store.deliveries import Ended
from digest.transport.protocol import Relay, Transport
from tests.makers import NOW
from tests.store.outgoing import LEASE, SENT, claim, commit, end, queue, settle, state_of

CLAIMER = """
import sys
from datetime import timedelta
from pathlib import Path
from digest.store import deliveries
from digest.store.database import open_database
from tests.makers import NOW
place = Path(sys.argv[2]) if sys.argv[1] == "file" else sys.argv[2]
with open_database(place) as database:
    print("ready", flush=True)
    sys.stdin.readline()
    while True:
        with database.begin() as connection:
            claimed = deliveries.claim(
                connection, relay="r", owner=sys.argv[3], now=NOW, lease_until=NOW + timedelta(hours=1), most=7
            ).deliveries
        if not claimed:
            break
        for one in claimed:
            print(one.profile)
"""
READERS = [f"reader{number:03}" for number in range(120)]


def test_threads_that_claim_and_send_at_once_send_each_message_once(database: Database) -> None:
    queue(database, *READERS)
    sent: Counter[str] = Counter()
    start = threading.Barrier(4)

    def work(owner: int) -> None:
        start.wait(timeout=10)
        while claimed := claim(database, 7, owner=f"owner-{owner}"):
            held = commit(database, *claimed)
            sent.update(held)
            with database.begin() as connection:
                ended = [Ended(delivery=one, attempt=SENT) for one in claimed]
                deliveries.record_attempts(connection, ended, NOW)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))

    assert sent == Counter(READERS)
    with database.read() as connection:
        assert record.counts(connection) == {DeliveryState.SENT: len(READERS)}


@pytest.mark.slow
def test_processes_that_claim_at_once_get_disjoint_messages(database: Database) -> None:
    queue(database, *READERS)
    kind = "file" if isinstance(database.place, Path) else "address"
    command = [sys.executable, "-c", CLAIMER, kind, str(database.place)]
    started = [
        subprocess.Popen([*command, f"o-{n}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for n in range(2)
    ]
    for one in started:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"

    for one in started:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    outputs = [one.communicate(timeout=60)[0].split() for one in started]

    assert Counter(outputs[0] + outputs[1]) == Counter(READERS)


@pytest.mark.slow
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_message_that_another_is_claiming_is_passed_over_not_waited_for(database: Database) -> None:
    queue(database, "ada", "bob")

    with database.begin() as first:
        got = _one(first)
        with database.begin() as second:
            other = _one(second)

    assert (got, other) == (["ada"], ["bob"])


def _one(connection: Connection) -> list[str]:
    claimed = deliveries.claim(connection, relay="r", owner="o", now=NOW, lease_until=NOW + LEASE, most=1)
    return [one.profile for one in claimed.deliveries]


def test_of_a_settling_and_a_late_commit_one_wins_and_the_other_knows(database: Database) -> None:
    for number in range(10):
        name = f"reader{number}"
        queue(database, name)
        (claimed,) = claim(database, owner="late")
        start = threading.Barrier(2)

        def settling(start: threading.Barrier = start) -> int:
            start.wait(timeout=10)
            return len(settle(database, gone=("late",)).requeued)

        with ThreadPoolExecutor(1) as pool:
            requeued = pool.submit(settling)
            start.wait(timeout=10)
            held = commit(database, claimed)
            given_back = requeued.result(timeout=10)

        assert given_back + len(held) >= 1
        if given_back and held:
            pytest.fail("settled as not begun, though its body goes out")
        if held:
            end(database, claimed, SENT)
        else:
            (again,) = claim(database)
            end(database, again, SENT)
        assert state_of(database, name).state is DeliveryState.SENT


def test_threads_that_claim_by_a_relay_with_limits_never_overshoot_them(database: Database) -> None:
    queue(database, *READERS)
    relay = Relay(name="r", limits=Limits(per_hour=25), open=nothing_to_open)
    start = threading.Barrier(4)

    def work(owner: int) -> int:
        start.wait(timeout=10)
        got = 0
        for _ in range(10):
            with database.begin() as connection:
                left = room(connection, relay, NOW, 3).left.now
                claimed = deliveries.claim(
                    connection, relay="r", owner=f"o{owner}", now=NOW, lease_until=NOW + LEASE, most=left
                )
                got += len(claimed.deliveries)
        return got

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(4))) == 25


def nothing_to_open() -> Transport:
    raise AssertionError("nothing is sent here")


@pytest.mark.slow
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_whoever_counts_for_a_relay_is_waited_for_and_other_relays_are_not(database: Database) -> None:
    with database.begin() as first:
        relays.count_alone(first, "main")

        count_impatiently(database, "other")
        with pytest.raises(StoreError, match="Another Digest is writing"):
            count_impatiently(database, "main")

    count_impatiently(database, "main")


def count_impatiently(database: Database, name: str) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql("SET LOCAL lock_timeout = '50ms'")
        relays.count_alone(connection, name)


@pytest.mark.slow
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_run_does_not_wait_beyond_its_patience_for_what_a_stalled_process_holds(database: Database) -> None:
    queue(database, "ada", at=NOW - timedelta(hours=1))
    relay = Relay(name="r", limits=Limits(), open=nothing_to_open)
    outbox = Outbox(database=database, clock=lambda: NOW, owner="one")

    with database.begin() as stalled:
        assert _one(stalled) == ["ada"]
        tally = asyncio.run(
            asyncio.wait_for(deliver(outbox, [relay], Rules(patience_s=0.1), lambda _: None), 20)
        )

    assert (tally.waiting, tally.next_try) == (1, None)
    assert tally.held_up == "another process is at work on them"
