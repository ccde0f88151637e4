"""Vectors in the store: one a paper, found again, made anew when the text or the model changes."""

import numpy as np
import numpy.typing as npt
import pytest
from sqlalchemy import func, select, update

from digest.model import Listing
from digest.store.database import Database
from digest.store.papers import record_listings
from digest.store.tables import paper, vector
from digest.store.vectors import Embedded, missing, record_vectors, stored_vectors
from tests.makers import NOW, entry

ONE, OTHER = "2603.00001", "2603.00002"


@pytest.fixture
def stored(database: Database) -> Database:
    with database.begin() as connection:
        entries = (entry(ONE, "Learning to Wait"), entry(OTHER, "Cooking Rice"))
        record_listings(connection, "test", [Listing(layout="t", entries=entries)], NOW)
    return database


def unit(*numbers: float) -> npt.NDArray[np.float32]:
    row = np.array(numbers, np.float32)
    return np.asarray(row / np.linalg.norm(row), np.float32)


def keep(
    database: Database, model: str, identifier: str, row: npt.NDArray[np.float32], text: str = "t"
) -> None:
    with database.begin() as connection:
        record_vectors(connection, model, [Embedded(paper_id=identifier, text=text, vector=row)])


def found(database: Database, model: str) -> dict[str, npt.NDArray[np.float32]]:
    with database.read() as connection:
        return dict(stored_vectors(connection, model, [ONE, OTHER, "nobody"]))


def test_a_vector_comes_back_at_length_one_and_as_good_as_it_was(stored: Database) -> None:
    row = unit(*np.random.default_rng(1).normal(size=384))
    keep(stored, "m", ONE, row)

    back = found(stored, "m")

    assert set(back) == {ONE}
    assert back[ONE].dtype == np.float32
    assert abs(np.linalg.norm(back[ONE]) - 1) < 1e-6
    assert float(back[ONE] @ row) > 0.9999


def test_a_vector_takes_two_bytes_a_number(stored: Database) -> None:
    keep(stored, "m", ONE, unit(*range(1, 385)))

    with stored.read() as connection:
        assert connection.execute(select(func.length(vector.c.data))).scalar() == 768


def test_what_is_missing_is_told_in_the_order_asked_for(stored: Database) -> None:
    keep(stored, "m", ONE, unit(1, 2), text="old")

    with stored.read() as connection:
        assert missing(connection, "m", {OTHER: "new", ONE: "old"}) == (OTHER,)
        assert missing(connection, "m", {OTHER: "new", ONE: "with an abstract"}) == (OTHER, ONE)
        assert missing(connection, "another", {ONE: "old"}) == (ONE,)
        assert missing(connection, "m", {}) == ()


def test_the_vectors_of_another_model_are_not_mixed_in(stored: Database) -> None:
    keep(stored, "m", ONE, unit(1, 2))
    keep(stored, "another", OTHER, unit(1, 2, 3))

    assert set(found(stored, "m")) == {ONE}
    assert set(found(stored, "another")) == {OTHER}


def test_a_paper_has_one_vector_the_last(stored: Database) -> None:
    keep(stored, "m", ONE, unit(1, 0))
    keep(stored, "m", ONE, unit(0, 1), text="changed")

    assert np.allclose(found(stored, "m")[ONE], [0, 1])


def test_a_model_that_changes_its_length_loses_its_old_vectors(stored: Database) -> None:
    keep(stored, "m", ONE, unit(1, 0))
    keep(stored, "m", OTHER, unit(1, 0, 0))

    assert {name: len(row) for name, row in found(stored, "m").items()} == {OTHER: 3}


def test_a_damaged_vector_is_as_good_as_none(stored: Database) -> None:
    keep(stored, "m", ONE, unit(1, 0))
    with stored.begin() as connection:
        connection.execute(update(vector).values(data=b"\x00\x01\x02"))

    assert found(stored, "m") == {}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_thousands_of_papers_are_asked_for_at_once(stored: Database) -> None:
    keep(stored, "m", ONE, unit(1, 0))

    with stored.read() as connection:
        ids = [*(f"none {number}" for number in range(40_000)), ONE]
        assert set(stored_vectors(connection, "m", ids)) == {ONE}


def test_a_paper_that_gets_its_real_id_keeps_its_vector(stored: Database) -> None:
    keep(stored, "m", ONE, unit(1, 0))
    with stored.begin() as connection:
        connection.execute(update(paper).where(paper.c.id == ONE).values(id="2603.99999"))

    with stored.read() as connection:
        assert set(stored_vectors(connection, "m", ["2603.99999"])) == {"2603.99999"}


def test_two_rows_that_turn_out_one_paper_become_one_with_a_vector(database: Database) -> None:
    titled = entry("title:learningtowait", "Learning to Wait")
    numbered = entry(ONE, "Learning to Wait (v2)")
    with database.begin() as connection:
        record_listings(connection, "a", [Listing(layout="t", entries=(titled, numbered))], NOW)
    for identifier in ("title:learningtowait", ONE):
        keep(database, "m", identifier, unit(1, 0))

    with database.begin() as connection:
        both = entry(ONE, "Learning to Wait")
        record_listings(connection, "b", [Listing(layout="t", entries=(both,))], NOW)

    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(paper)).scalar() == 1
        assert set(stored_vectors(connection, "m", [ONE])) == {ONE}
