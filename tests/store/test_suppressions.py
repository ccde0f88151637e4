"""Addresses that get no mail."""

from datetime import timedelta

from digest.model import Attempt, Suppression
from digest.store import suppressions
from digest.store.database import Database
from tests.makers import NOW, TODAY
from tests.store.outgoing import LATER, LOST, REFUSED, SENT, claim, end, queue

ADA = Suppression(address="ada@example.org", reason="550 5.1.1 nobody", at=NOW)


def refused_in_a_row(database: Database, *attempts: Attempt) -> int:
    for ago, attempt in enumerate(reversed(attempts)):
        at = NOW - timedelta(days=ago)
        queue(database, "ada", day=TODAY - timedelta(days=ago), at=at)
        (claimed,) = claim(database, at=at)
        end(database, claimed, attempt, at=at, due_at=NOW + timedelta(days=99))
    with database.read() as connection:
        return suppressions.permanent_failures(connection, "ada@example.org")


def test_an_address_is_suppressed_however_it_is_written(database: Database) -> None:
    with database.begin() as connection:
        assert suppressions.suppress(connection, ADA)
        found = suppressions.suppressed(connection, ["ADA@Example.ORG", "bob@example.org"])

        assert found == {"ADA@Example.ORG": ADA}
        assert suppressions.suppressed(connection, []) == {}


def test_the_first_reason_stays_until_a_person_lifts_it(database: Database) -> None:
    with database.begin() as connection:
        suppressions.suppress(connection, ADA)
        assert not suppressions.suppress(
            connection, Suppression(address="Ada@example.org", reason="x", at=NOW)
        )
        assert suppressions.all_suppressed(connection) == (ADA,)

        assert suppressions.lift(connection, "ada@EXAMPLE.org")
        assert not suppressions.lift(connection, "ada@example.org")
        assert suppressions.all_suppressed(connection) == ()


def test_addresses_are_listed_in_one_order_everywhere(database: Database) -> None:
    with database.begin() as connection:
        for local in ("b", "é", "a-b", "ab", "a.b"):
            stated = Suppression(address=f"{local}@example.org", reason="x", at=NOW)
            suppressions.suppress(connection, stated)

        listed = [one.address.partition("@")[0] for one in suppressions.all_suppressed(connection)]

    assert listed == ["a-b", "a.b", "ab", "b", "é"]


def test_forty_thousand_addresses_are_asked_for_at_once(database: Database) -> None:
    many = [f"reader{number}@example.org" for number in range(40_000)]

    with database.begin() as connection:
        suppressions.suppress(connection, ADA)
        assert set(suppressions.suppressed(connection, [*many, ADA.address])) == {ADA.address}


def test_refusals_count_from_the_latest_message_back_to_one_that_arrived(database: Database) -> None:
    assert refused_in_a_row(database, REFUSED, SENT, REFUSED, REFUSED) == 2


def test_what_has_no_answer_neither_counts_nor_ends_a_row_of_refusals(database: Database) -> None:
    assert refused_in_a_row(database, REFUSED, LOST, REFUSED, LATER) == 2


def test_nobody_was_refused_who_got_nothing(database: Database) -> None:
    assert refused_in_a_row(database) == 0
