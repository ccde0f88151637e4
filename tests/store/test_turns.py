"""The table of turns, by which is found who is due."""

from datetime import timedelta

from digest.store import turns
from digest.store.database import Database
from digest.store.harvests import Harvest, record_harvest
from digest.store.turns import TurnRow
from digest.turns import Readers, Stated, settle_due, settle_plans
from tests.makers import NOW, TODAY, profile

HOUR = timedelta(hours=1)
PLAN = "UTC 07:30:00 - 0123456 day -"


def row(name: str, due_at: object = NOW, **fields: object) -> TurnRow:
    return TurnRow(**({"profile": name, "day": TODAY, "due_at": due_at, "plan": PLAN} | fields))  # type: ignore[arg-type]


def put(database: Database, *rows: TurnRow) -> None:
    with database.begin() as connection:
        turns.put_turns(connection, rows)


def due(database: Database, most: int = 100, after: TurnRow | None = None) -> list[str]:
    with database.read() as connection:
        return [one.profile for one in turns.due_turns(connection, NOW, most, after=after)]


def test_who_is_due_is_found_in_the_order_of_the_hours_and_who_is_not_is_left_out(
    database: Database,
) -> None:
    put(database, row("ada", NOW), row("bob", NOW - HOUR), row("cy", NOW + HOUR), row("dee", NOW))

    assert due(database) == ["bob", "ada", "dee"]
    assert due(database, most=2) == ["bob", "ada"]
    assert due(database, after=row("ada", NOW)) == ["dee"]
    assert due(database, after=row("dee", NOW)) == []


def test_a_turn_is_read_as_it_was_put_and_the_later_one_takes_its_place(database: Database) -> None:
    later = row("ada", NOW + HOUR, day=TODAY + timedelta(days=1), plan="other")
    put(database, row("ada"), row("bob"))
    put(database, later)

    with database.begin() as connection:
        assert turns.turns_of(connection, ["ada", "bob", "cy"]) == {"ada": later, "bob": row("bob")}
        assert turns.locked_turns(connection, ["ada", "bob", "cy"]) == [later, row("bob")]
        assert turns.plans(connection) == {"ada": "other", "bob": PLAN}


def test_the_turns_of_readers_who_are_gone_are_forgotten(database: Database) -> None:
    put(database, row("ada"), row("bob"))

    with database.begin() as connection:
        turns.forget_turns(connection, ["ada", "cy"])
        turns.forget_turns(connection, [])

    assert due(database) == ["bob"]


def test_when_the_next_is_due_and_who_is_later_than_an_hour(database: Database) -> None:
    with database.read() as connection:
        assert turns.next_turn_at(connection) is None
    put(database, row("ada", NOW), row("bob", NOW + HOUR), row("cy", NOW + HOUR), row("dee", NOW + 2 * HOUR))

    with database.read() as connection:
        assert turns.next_turn_at(connection) == NOW
        assert turns.turns_after(connection, NOW + HOUR) == {"dee": TODAY}


def test_thousands_are_put_at_once(database: Database) -> None:
    put(database, *(row(f"r{number:04}") for number in range(2_500)))

    assert len(due(database, most=10_000)) == 2_500


def test_what_is_stated_and_moved_on_in_one_transaction_is_the_same_in_every_store(
    database: Database,
) -> None:
    readers = [profile(name=name, email=f"{name}@example.org") for name in ("ada", "bob")]
    known = Readers(usable={one.name: one for one in readers}, why_not=lambda _: "")
    told: list[Stated] = []
    with database.begin() as connection:
        settle_plans(connection, readers, (), NOW - 3 * HOUR)

    due = settle_due(database, known, NOW + 24 * HOUR, told.append)
    again = settle_due(database, known, NOW + 24 * HOUR, told.append)

    tomorrow = TODAY + timedelta(days=1)
    assert due == again == [(one, tomorrow) for one in readers]
    assert [(one.profile.name, one.day) for one in told] == [("ada", TODAY), ("bob", TODAY)]
    with database.read() as connection:
        assert {one.day for one in turns.turns_of(connection, ["ada", "bob"]).values()} == {tomorrow}


def test_a_clock_is_behind_if_digest_was_only_ever_at_work_later(database: Database) -> None:
    with database.begin() as connection:
        in_an_empty_store = turns.is_before_all(connection, NOW)
        record_harvest(connection, Harvest(source="arxiv", at=NOW, papers=1, fresh=1))
        asked = [
            turns.is_before_all(connection, NOW + days * 24 * HOUR) for days in (-800, -3, -1, 0, 1, 100)
        ]
        # What was read by the wrong clock a moment ago does not make it right.
        record_harvest(connection, Harvest(source="arxiv", at=NOW - 19_200 * HOUR, papers=1, fresh=1))
        still = turns.is_before_all(connection, NOW - 19_200 * HOUR)

    assert not in_an_empty_store
    assert asked == [True, True, False, False, False, False]
    assert still
