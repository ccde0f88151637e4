"""What readers said of papers."""

from datetime import timedelta

from sqlalchemy import Connection

from digest.model import Entry, Listing, Verdict
from digest.store.database import Database
from digest.store.feedback import Said, forget_verdict, record_verdict, said_by
from digest.store.papers import record_listings
from tests.makers import NOW, entry

LATER = NOW + timedelta(hours=1)


def keep(connection: Connection, *entries: Entry) -> None:
    record_listings(connection, "test", [Listing(layout="t", entries=entries)], NOW)


def said(connection: Connection, profile: str = "ada") -> dict[str, Verdict]:
    return {one.paper_id: one.verdict for one in said_by(connection, profile)}


def test_the_last_word_counts(database: Database) -> None:
    with database.begin() as connection:
        keep(connection, entry())

        assert record_verdict(connection, "ada", "2603.00001", Verdict.LIKE, NOW) is None
        before = record_verdict(connection, "ada", "2603.00001", Verdict.DISLIKE, LATER)

        assert before == Said(paper_id="2603.00001", verdict=Verdict.LIKE, at=NOW)
        assert said_by(connection, "ada") == (Said(paper_id="2603.00001", verdict=Verdict.DISLIKE, at=LATER),)


def test_saying_it_again_changes_nothing_not_even_the_time(database: Database) -> None:
    with database.begin() as connection:
        keep(connection, entry())
        record_verdict(connection, "ada", "2603.00001", Verdict.LIKE, NOW)
        record_verdict(connection, "ada", "2603.00001", Verdict.LIKE, LATER)

        assert said_by(connection, "ada") == (Said(paper_id="2603.00001", verdict=Verdict.LIKE, at=NOW),)


def test_forgetting_undoes_for_one_reader(database: Database) -> None:
    with database.begin() as connection:
        keep(connection, entry())
        for reader in ("ada", "grace"):
            record_verdict(connection, reader, "2603.00001", Verdict.LIKE, NOW)

        assert forget_verdict(connection, "ada", "2603.00001") is not None
        assert forget_verdict(connection, "ada", "2603.00001") is None
        assert said(connection, "ada") == {}
        assert said(connection, "grace") == {"2603.00001": Verdict.LIKE}


def test_what_was_said_is_told_up_to_a_moment_the_latest_last(database: Database) -> None:
    with database.begin() as connection:
        keep(connection, entry("2603.00001"), entry("2603.00002", "Cooking Rice"))
        record_verdict(connection, "ada", "2603.00002", Verdict.LIKE, NOW)
        record_verdict(connection, "ada", "2603.00001", Verdict.LIKE, LATER)

        assert [one.paper_id for one in said_by(connection, "ada")] == ["2603.00002", "2603.00001"]
        assert [one.paper_id for one in said_by(connection, "ada", NOW)] == ["2603.00002"]


def test_a_paper_that_gets_its_real_id_keeps_what_was_said(database: Database) -> None:
    with database.begin() as connection:
        keep(connection, entry("title:learningtowait"))
        record_verdict(connection, "ada", "title:learningtowait", Verdict.DISLIKE, NOW)
        keep(connection, entry("2603.00001"))

        assert said(connection) == {"2603.00001": Verdict.DISLIKE}


def test_of_two_rows_that_turn_out_to_be_one_paper_the_last_word_counts(database: Database) -> None:
    verdicts = (Verdict.LIKE, Verdict.DISLIKE)
    for number, (earlier, later) in enumerate([verdicts, verdicts[::-1]]):
        for order in (0, 1):
            reader = f"reader{number}{order}"
            title = f"Waiting {number} {order}"
            real, other = f"2603.1{number}{order}00", f"title:waiting{number}{order}"
            with database.begin() as connection:
                keep(connection, entry(real, f"{title}, First Title"), entry(other, title))
                times = (NOW, LATER) if order == 0 else (LATER, NOW)
                spoken = (earlier, later)
                for paper, at, verdict in zip((real, other), times, spoken, strict=True):
                    record_verdict(connection, reader, paper, verdict, at)
                keep(connection, entry(real, title))

                last = later if order == 0 else earlier
                assert said(connection, reader) == {real: last}
