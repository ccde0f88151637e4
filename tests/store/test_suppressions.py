"""Addresses that get no mail."""

from dataclasses import replace
from datetime import timedelta

from digest.model import Attempt, Failure, Listing, Suppression
from digest.store import suppressions
from digest.store.database import Database
from digest.store.deliveries import enqueue_many
from digest.store.papers import record_listings
from tests.makers import NOW, TODAY, entry
from tests.store.outgoing import LATER, LOST, REFUSED, SENT, claim, end, made, queue

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

        assert suppressions.lift(connection, "ada@EXAMPLE.org", NOW)
        assert not suppressions.lift(connection, "ada@example.org", NOW)
        assert suppressions.all_suppressed(connection) == ()


def test_addresses_are_listed_in_one_order_everywhere(database: Database) -> None:
    with database.begin() as connection:
        for local in ("b", "é", "a-b", "ab", "a.b"):
            stated = Suppression(address=f"{local}@example.org", reason="x", at=NOW)
            suppressions.suppress(connection, stated)

        listed = [one.address.partition("@")[0] for one in suppressions.all_suppressed(connection)]

    assert listed == ["a-b", "a.b", "ab", "b", "é"]


def test_two_people_whose_names_fold_alike_have_two_addresses(database: Database) -> None:
    with database.begin() as connection:
        football = Suppression(address="fußball@example.org", reason="x", at=NOW)
        suppressions.suppress(connection, football)
        suppressions.suppress(connection, Suppression(address="jos\u00e9@example.org", reason="x", at=NOW))
        asked = ["fussball@example.org", "Fußball@example.org", "JOSE\u0301@example.org"]

        assert set(suppressions.suppressed(connection, asked)) == set(asked[1:])


def test_an_address_that_was_lifted_can_be_suppressed_anew(database: Database) -> None:
    again = Suppression(address=ADA.address, reason="full", at=NOW + timedelta(days=2))
    with database.begin() as connection:
        suppressions.suppress(connection, ADA)
        suppressions.lift(connection, ADA.address, NOW + timedelta(days=1))

        assert suppressions.suppressed(connection, [ADA.address]) == {}
        assert suppressions.suppress(connection, again)
        assert suppressions.all_suppressed(connection) == (again,)


def test_forty_thousand_addresses_are_asked_for_at_once(database: Database) -> None:
    many = [f"reader{number}@example.org" for number in range(40_000)]

    with database.begin() as connection:
        suppressions.suppress(connection, ADA)
        assert set(suppressions.suppressed(connection, [*many, ADA.address])) == {ADA.address}


def test_refusals_count_from_the_latest_message_back_to_one_that_arrived(database: Database) -> None:
    assert refused_in_a_row(database, REFUSED, SENT, REFUSED, REFUSED) == 2


def test_what_has_no_answer_neither_counts_nor_ends_a_row_of_refusals(database: Database) -> None:
    assert refused_in_a_row(database, REFUSED, LOST, REFUSED, LATER) == 2


def test_refusals_of_before_a_person_lifted_the_suppression_count_no_more(database: Database) -> None:
    with database.begin() as connection:
        suppressions.suppress(connection, ADA)
        suppressions.lift(connection, "ADA@example.org", NOW - timedelta(hours=36))

    assert refused_in_a_row(database, REFUSED, REFUSED, REFUSED, REFUSED) == 2


def test_refusals_count_however_the_address_was_written_that_day(database: Database) -> None:
    for ago, address in enumerate(
        ("ada@example.org", "Ada@example.org", "other@example.org", "ADA@Example.org")
    ):
        day, at = TODAY - timedelta(days=ago), NOW - timedelta(days=ago)
        edition, message = made("ada", day)
        written = replace(message, envelope=replace(message.envelope, recipient=address))
        with database.begin() as connection:
            record_listings(connection, "test", [Listing(layout="t", entries=(entry("2603.00001"),))], NOW)
            enqueue_many(connection, [(edition, written)], at)
        (claimed,) = claim(database, at=at)
        end(database, claimed, REFUSED, at=at)

    with database.read() as connection:
        assert suppressions.permanent_failures(connection, "Ada@example.org") == 3
        assert suppressions.permanent_failures(connection, "other@example.org") == 1


def test_what_is_not_about_the_address_neither_counts_nor_ends_a_row_of_refusals(database: Database) -> None:
    by_policy = replace(REFUSED, reply="RCPT 550 5.7.1 on our block list", enhanced="5.7.1")
    ours = replace(REFUSED, failure=Failure.SENDER)

    assert refused_in_a_row(database, SENT, REFUSED, by_policy, ours, REFUSED) == 2


def test_nobody_was_refused_who_got_nothing(database: Database) -> None:
    assert refused_in_a_row(database) == 0
