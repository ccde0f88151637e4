"""What is due and not settled is found in both kinds of store, and nothing else."""

from datetime import datetime, timedelta

from digest.model import Edition, Outcome
from digest.store.database import Database
from digest.store.deliveries import enqueue_many
from digest.store.editions import record_outcomes
from digest.store.overdue import Found, find
from digest.store.turns import TurnRow, put_turns
from tests.makers import NOW, TODAY, edition, profile
from tests.posts import mail_to

AN_HOUR = timedelta(hours=1)


def due(database: Database, name: str, at: datetime) -> None:
    with database.begin() as connection:
        put_turns(connection, [TurnRow(profile=name, day=TODAY, due_at=at, plan="")])


def made(name: str) -> Edition:
    return edition(profile=profile(name=name, email=f"{name}@example.org"), sections=())


def stands(database: Database, name: str, outcome: Outcome, reason: str = "why", at: datetime = NOW) -> None:
    with database.begin() as connection:
        record_outcomes(connection, [(made(name), outcome, reason)], at)


def queued(database: Database, name: str, at: datetime) -> None:
    with database.begin() as connection:
        enqueue_many(connection, [(made(name), mail_to(name))], at)


def found(database: Database, most: int = 10) -> Found:
    with database.read() as connection:
        return find(connection, due_before=NOW - AN_HOUR, looked_at_since=NOW - 24 * AN_HOUR, most=most)


def names(some: tuple[object, ...]) -> list[str]:
    return [str(getattr(one, "profile")) for one in some]  # noqa: B009 - of three kinds


def test_turns_are_found_by_when_they_were_due_the_first_first(database: Database) -> None:
    for name, hours in (("ada", 2), ("ben", 3), ("cleo", 0.9), ("dan", -1)):
        due(database, name, NOW - hours * AN_HOUR)

    assert names(found(database).untouched) == ["ben", "ada"]


def test_no_more_are_read_than_asked_for(database: Database) -> None:
    for number in range(9):
        due(database, f"reader{number}", NOW - 2 * AN_HOUR)
        queued(database, f"reader{number}", NOW - 2 * AN_HOUR)

    of_few = found(database, most=4)

    assert (len(of_few.untouched), len(of_few.unsent)) == (4, 4)


def test_days_that_were_looked_at_in_vain_are_found_while_they_are_their_readers_turn(
    database: Database,
) -> None:
    for name, outcome in (
        ("ada", Outcome.FAILED),
        ("ben", Outcome.NOT_READY),
        ("cleo", Outcome.QUIET),
        ("dan", Outcome.FAILED),
    ):
        stands(database, name, outcome)
        if name != "dan":
            due(database, name, NOW + AN_HOUR)

    assert names(found(database).unmade) == ["ada", "ben"]


def test_whose_address_gets_no_mail_and_what_has_a_message_is_left_out(database: Database) -> None:
    for name, reason in (("ada", "suppressed since 2026-03-01: asked to stop"), ("ben", "a fault in Digest")):
        stands(database, name, Outcome.FAILED, reason)
        due(database, name, NOW + AN_HOUR)
    queued(database, "ben", NOW)

    assert found(database) == Found()


def test_what_was_looked_at_long_ago_is_no_turn_any_more(database: Database) -> None:
    stands(database, "ada", Outcome.FAILED, at=NOW - 25 * AN_HOUR)
    due(database, "ada", NOW + AN_HOUR)

    assert found(database) == Found()


def test_messages_are_found_by_when_they_were_queued(database: Database) -> None:
    for name, hours in (("ada", 2), ("ben", 3), ("cleo", 0.5)):
        queued(database, name, NOW - hours * AN_HOUR)

    assert names(found(database).unsent) == ["ben", "ada"]
