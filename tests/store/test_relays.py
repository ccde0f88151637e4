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


def test_a_trouble_that_goes_on_is_known_by_its_beginning(database: Database) -> None:
    def found(failure: Failure | None, hours: int) -> RelayHealth:
        with database.begin() as connection:
            at = NOW + hours * HOUR
            relays.record_health(connection, RelayHealth(name="a", at=at, failure=failure, reply=str(hours)))
            (health,) = relays.healths(connection)
        return health

    moments = [
        found(failure, hours).at
        for hours, failure in enumerate((Failure.SENDER, Failure.SENDER, Failure.AUTHENTICATION, None, None))
    ]

    assert moments == [NOW, NOW, NOW + 2 * HOUR, NOW + 3 * HOUR, NOW + 4 * HOUR]
    assert found(None, 5).reply == "5"


def test_what_is_under_way_and_what_ended_within_a_window_counts_for_it(database: Database) -> None:
    ages = (timedelta(seconds=59), MINUTE, timedelta(minutes=59), HOUR, timedelta(hours=23), DAY)
    queue(database, *(f"reader{number}" for number in range(len(ages) + 2)), at=NOW - 2 * DAY)
    for age in ages:
        (claimed,) = claim(database, 1, at=NOW - 2 * DAY)
        end(database, claimed, SENT, at=NOW - age)
    claim(database, 1, at=NOW - DAY * 2)
    claim(database, 1, relay="other")

    assert taken(database) == Taken(minute=2, hour=4, day=6, under_way=1)
    assert taken(database, "other") == Taken(minute=1, hour=1, day=1, under_way=1)
    assert taken(database, "nobody") == Taken(minute=0, hour=0, day=0)


def test_a_relay_that_could_not_be_reached_or_refused_the_login_took_nothing(database: Database) -> None:
    queue(database, "a", "b", "c", "d")
    down = Attempt(state=DeliveryState.QUEUED, reply="refused", phase=Phase.CONNECT)
    login = Attempt(state=DeliveryState.QUEUED, reply="535", phase=Phase.AUTH)
    for claimed, attempt in zip(claim(database), (down, login, REFUSED, LOST), strict=True):
        end(database, claimed, attempt)

    assert taken(database).minute == 2


def test_what_a_clock_recorded_that_was_far_ahead_takes_nothing_of_a_limit(database: Database) -> None:
    ahead = (timedelta(seconds=30), timedelta(minutes=30), timedelta(hours=20), 400 * DAY)
    queue(database, *(f"reader{number}" for number in range(len(ahead))))
    for step in ahead:
        (claimed,) = claim(database, 1)
        end(database, claimed, SENT, at=NOW + step)

    assert taken(database) == Taken(minute=1, hour=2, day=3)


def test_a_full_window_opens_when_enough_of_what_is_in_it_leaves_it(database: Database) -> None:
    minutes = (70, 50, 40, 30)
    queue(database, *(f"reader{number}" for number in range(len(minutes))), at=NOW - DAY)
    for ago in minutes:
        (claimed,) = claim(database, 1, at=NOW - DAY)
        end(database, claimed, SENT, at=NOW - timedelta(minutes=ago))

    def opens(places: int) -> timedelta | None:
        with database.read() as connection:
            at = relays.room_at(connection, "main", NOW, HOUR, places)
        return at - NOW if at else None

    assert [opens(places) for places in (1, 2, 3, 4)] == [10 * MINUTE, 20 * MINUTE, 30 * MINUTE, None]


def test_what_was_cut_off_inside_its_body_counts_and_before_it_does_not(database: Database) -> None:
    queue(database, "a", "b")
    first, _ = claim(database, owner="dead")
    commit(database, first)

    settle(database, gone=("dead",))

    assert taken(database).minute == 1


def test_an_alarm_stands_until_it_is_cleared(database: Database) -> None:
    with database.begin() as connection:
        relays.record_alarm(connection, "login", "main", NOW, "the command failed")
        relays.record_alarm(connection, "login", "main", NOW + HOUR, None)
        relays.record_alarm(connection, "stopped", "", NOW, "no way out")

        told = relays.alarms(connection)
        assert [(one.kind, one.about, one.at, one.problem) for one in told] == [
            ("login", "main", NOW + HOUR, None),
            ("stopped", "", NOW, "no way out"),
        ]
        assert relays.clear_alarm(connection, "login", "main")
        assert not relays.clear_alarm(connection, "login", "main")
        assert [one.kind for one in relays.alarms(connection)] == ["stopped"]
