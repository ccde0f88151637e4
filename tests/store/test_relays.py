"""How relays fare, what they took, and what the operator was told."""

from datetime import timedelta

from digest.model import Attempt, DeliveryState, Failure, Phase
from digest.store import relays
from digest.store.database import Database
from digest.store.relays import RelayHealth, Taken
from tests.makers import NOW
from tests.store.outgoing import LOST, REFUSED, SENT, claim, commit, end, queue, settle

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def taken(database: Database, relay: str = "main") -> Taken:
    with database.read() as connection:
        return relays.taken(connection, relay, NOW)


def test_of_a_relay_the_last_word_is_kept(database: Database) -> None:
    down = RelayHealth(name="a", at=NOW, failure=Failure.AUTHENTICATION, reply="535", paused_until=NOW + HOUR)
    well, other = RelayHealth(name="a", at=NOW + DAY), RelayHealth(name="b", at=NOW)
    with database.begin() as connection:
        for health in (other, down):
            relays.record_health(connection, health)
        assert relays.healths(connection) == (down, other)
        assert relays.paused_until(connection, "a") == NOW + HOUR

        relays.record_health(connection, well)

        assert relays.healths(connection) == (well, other)
        assert relays.paused_until(connection, "a") is None
        assert relays.paused_until(connection, "nobody") is None


def test_what_is_under_way_and_what_ended_within_a_window_counts_for_it(database: Database) -> None:
    ages = (timedelta(seconds=59), MINUTE, timedelta(minutes=59), HOUR, timedelta(hours=23), DAY)
    queue(database, *(f"reader{number}" for number in range(len(ages) + 2)), at=NOW - 2 * DAY)
    for age in ages:
        (claimed,) = claim(database, 1, at=NOW - 2 * DAY)
        end(database, claimed, SENT, at=NOW - age)
    claim(database, 1, at=NOW - DAY * 2)
    claim(database, 1, relay="other")

    assert taken(database) == Taken(minute=2, hour=4, day=6)
    assert taken(database, "other") == Taken(minute=1, hour=1, day=1)
    assert taken(database, "nobody") == Taken(minute=0, hour=0, day=0)


def test_a_relay_that_could_not_be_reached_or_refused_the_login_took_nothing(database: Database) -> None:
    queue(database, "a", "b", "c", "d")
    down = Attempt(state=DeliveryState.QUEUED, reply="refused", phase=Phase.CONNECT)
    login = Attempt(state=DeliveryState.QUEUED, reply="535", phase=Phase.AUTH)
    for claimed, attempt in zip(claim(database), (down, login, REFUSED, LOST), strict=True):
        end(database, claimed, attempt)

    assert taken(database).minute == 2


def test_what_was_cut_off_inside_its_body_counts_and_before_it_does_not(database: Database) -> None:
    queue(database, "a", "b")
    first, _ = claim(database, owner="dead")
    commit(database, first)

    settle(database, gone=("dead",))

    assert taken(database).minute == 1


def test_an_alarm_stands_until_it_is_cleared(database: Database) -> None:
    with database.begin() as connection:
        assert relays.alarmed_at(connection, "login", "main") is None
        relays.record_alarm(connection, "login", "main", NOW, "the command failed")
        relays.record_alarm(connection, "login", "main", NOW + HOUR, None)
        relays.record_alarm(connection, "stopped", "", NOW, "no way out")

        told = relays.alarms(connection)
        assert relays.alarmed_at(connection, "login", "main") == NOW + HOUR
        assert [(one.kind, one.about, one.problem) for one in told] == [
            ("login", "main", None),
            ("stopped", "", "no way out"),
        ]
        assert relays.clear_alarm(connection, "login", "main")
        assert not relays.clear_alarm(connection, "login", "main")
        assert relays.alarmed_at(connection, "login", "main") is None
