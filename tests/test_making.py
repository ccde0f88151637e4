"""Due readers get their messages into the outbox in batches, and one reader's failure is that reader's."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event

from digest.errors import DigestError, StoreError
from digest.making import (
    BATCH,
    Barred,
    Due,
    Event,
    GivenUp,
    Makers,
    NoMail,
    Progress,
    Unmade,
    Waits,
    decided,
    give_up_late,
    make,
)
from digest.model import DeliveryState, Edition, Message, Note, NoteKind, Outcome, Profile, Suppression
from digest.store.database import Database
from digest.store.editions import days
from digest.store.record import overview
from digest.store.suppressions import suppress
from tests.makers import NOW, TODAY, edition, profile
from tests.posts import mail_to
from tests.stores import open_copy

if TYPE_CHECKING:
    from sqlalchemy import Connection

TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_copy(tmp_path / "digest.sqlite3") as opened:
        yield opened


def reader(name: str) -> Profile:
    return profile(name=name, email=f"{name}@example.org")


def due(*names: str) -> list[Due]:
    return [(reader(name), TODAY) for name in names]


def decide(_: "Connection", some: Sequence[Due]) -> list[Edition]:
    return [edition(profile=one, day=day, sections=()) for one, day in some]


def compose(made: Edition) -> Message:
    message = mail_to(made.profile.name)
    return replace(message, message_id=f"<{made.profile.name}.{made.day}@example.org>")


def run(
    database: Database,
    wanted: Sequence[Due],
    *,
    deciding: Callable[["Connection", Sequence[Due]], Sequence[Edition]] = decide,
    composing: Callable[[Edition], Message | None] = compose,
    waits: Callable[[Profile, date], tuple[Note, ...]] = lambda _, __: (),
) -> list[Event]:
    told: list[Event] = []
    make(database, wanted, Makers(decide=deciding, compose=composing, waits=waits), NOW, told.append)
    return [event for event in told if not isinstance(event, Progress)]


def queued(database: Database) -> list[str]:
    with database.read() as connection:
        return sorted(one.profile for one in overview(connection, states=[DeliveryState.QUEUED], most=10_000))


def outcomes(database: Database) -> dict[str, Outcome]:
    with database.read() as connection:
        names = [f"r{place}" for place in range(400)] + ["ada", "bob", "cy"]
        return {one.profile: one.outcome for one in days(connection, names, since=TODAY)}


def test_who_waits_for_a_list_gets_nothing_yet_and_the_next_run_decides_anew(database: Database) -> None:
    short = (Note(kind=NoteKind.PARTIAL, name="huggingface", number=12, usual=31),)
    asked: list[str] = []

    def deciding(connection: "Connection", some: Sequence[Due]) -> list[Edition]:
        asked.extend(one.name for one, _ in some)
        return decide(connection, some)

    events = run(
        database,
        due("ada", "bob"),
        deciding=deciding,
        waits=lambda one, _: short if one.name == "ada" else (),
    )

    assert events == [Waits(profile=reader("ada"), lists=short)]
    assert (asked, queued(database)) == (["bob"], ["bob"])
    assert outcomes(database) == {"ada": Outcome.NOT_READY, "bob": Outcome.READY}

    assert run(database, due("ada", "bob")) == []
    assert queued(database) == ["ada", "bob"]


def test_who_has_the_days_message_or_gets_none_waits_for_nothing(database: Database) -> None:
    run(database, due("ada"))
    with database.begin() as connection:
        suppress(connection, Suppression(address="bob@example.org", reason="gone", at=NOW))

    events = run(
        database,
        due("ada", "bob"),
        waits=lambda _, __: (Note(kind=NoteKind.PARTIAL, name="huggingface", number=12, usual=31),),
    )

    assert [type(one) for one in events] == [Barred]


def test_what_waits_from_yesterday_is_given_up_for_who_waits_for_a_list_too(database: Database) -> None:
    run(database, due("ada"))

    events: list[Event] = []
    makers = Makers(decide=decide, compose=compose, waits=lambda _, __: (Note(kind=NoteKind.PARTIAL),))
    make(database, [(reader("ada"), TOMORROW)], makers, NOW, events.append)

    assert [type(one) for one in events] == [GivenUp, Waits, Progress]


def test_each_reader_gets_one_message_however_often_it_is_run(database: Database) -> None:
    asked: list[int] = []

    def deciding(connection: "Connection", some: Sequence[Due]) -> list[Edition]:
        asked.append(len(some))
        return decide(connection, some)

    run(database, due("ada", "bob"), deciding=deciding)
    run(database, due("ada", "bob", "cy"), deciding=deciding)

    assert queued(database) == ["ada", "bob", "cy"]
    assert asked == [2, 1]


def test_many_readers_are_made_in_batches_of_one_transaction(database: Database) -> None:
    sizes: list[int] = []
    commits: list[None] = []
    event.listen(database.engine, "commit", lambda _: commits.append(None))

    def deciding(connection: "Connection", some: Sequence[Due]) -> list[Edition]:
        sizes.append(len(some))
        return decide(connection, some)

    run(database, due(*(f"r{place}" for place in range(250))), deciding=deciding)

    assert sizes == [BATCH, BATCH, 50]
    assert len(commits) == 1 + 3  # giving up older ones, and a batch each
    assert len(queued(database)) == 250


@pytest.mark.parametrize("problem", [DigestError("no such file"), KeyError("a bug")])
def test_a_reader_who_cannot_be_decided_stops_no_other(database: Database, problem: Exception) -> None:
    def deciding(connection: "Connection", some: Sequence[Due]) -> list[Edition]:
        if any(one.name == "bob" for one, _ in some):
            raise problem
        return decide(connection, some)

    (told,) = run(database, due("ada", "bob", "cy"), deciding=deciding)

    assert isinstance(told, Unmade)
    assert (told.profile.name, told.problem) == ("bob", problem)
    assert ("Traceback" in told.trace) == isinstance(problem, KeyError)
    assert queued(database) == ["ada", "cy"]


def test_a_reader_whose_message_cannot_be_composed_stops_no_other(database: Database) -> None:
    def composing(made: Edition) -> Message:
        if made.profile.name == "bob":
            raise ValueError("a header with a line end")
        return compose(made)

    (told,) = run(database, due("ada", "bob", "cy"), composing=composing)

    assert isinstance(told, Unmade)
    assert queued(database) == ["ada", "cy"]
    assert outcomes(database)["bob"] is Outcome.FAILED


def test_a_message_that_cannot_be_stored_stops_no_other(database: Database) -> None:
    def composing(made: Edition) -> Message:
        subject = "a lone \udc80" if made.profile.name == "bob" else "fine"
        return replace(compose(made), subject=subject)

    (told,) = run(database, due("ada", "bob", "cy"), composing=composing)

    assert isinstance(told, Unmade)
    assert told.profile.name == "bob"
    assert queued(database) == ["ada", "cy"]
    assert outcomes(database)["bob"] is Outcome.FAILED


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (DigestError("cannot be read\r\n \udc80", where="library.bib"), "library.bib: cannot be read"),
        (KeyError("a bug"), "a fault in Digest (KeyError)"),
    ],
)
def test_a_day_that_failed_says_why_until_a_later_run_makes_its_message(
    database: Database, problem: Exception, reason: str
) -> None:
    def composing(_: Edition) -> Message:
        raise problem

    run(database, due("bob"), composing=composing)
    with database.read() as connection:
        (failed,) = days(connection, ["bob"], since=TODAY)
    run(database, due("bob"))

    assert (failed.outcome, failed.considered, failed.reason) == (Outcome.FAILED, 0, reason)
    assert queued(database) == ["bob"]
    assert outcomes(database) == {"bob": Outcome.READY}


def test_a_store_that_fails_is_nobodys_failure_alone(database: Database) -> None:
    def deciding(_: "Connection", some: Sequence[Due]) -> list[Edition]:
        raise StoreError(f"full, with {len(some)} readers to go")

    with pytest.raises(StoreError):
        run(database, due("ada", "bob"), deciding=deciding)


def test_a_day_without_a_message_has_its_outcome(database: Database) -> None:
    run(
        database,
        due("ada"),
        deciding=lambda _, some: [
            edition(profile=one, outcome=Outcome.QUIET, sections=()) for one, _day in some
        ],
        composing=lambda _: None,
    )

    assert queued(database) == []
    assert outcomes(database) == {"ada": Outcome.QUIET}


def test_an_address_that_gets_no_mail_costs_nothing_and_the_day_says_why(database: Database) -> None:
    with database.begin() as connection:
        suppress(connection, Suppression(address="Bob@Example.org", reason="no such user", at=NOW))

    (told,) = run(database, due("ada", "bob"))

    assert isinstance(told, Barred)
    assert queued(database) == ["ada"]
    assert outcomes(database) == {"ada": Outcome.READY, "bob": Outcome.FAILED}
    with database.read() as connection:
        assert days(connection, ["bob"], since=TODAY)[0].reason == "suppressed since 2026-03-11: no such user"


def test_what_waits_from_yesterday_is_given_up_first(database: Database) -> None:
    run(database, due("ada", "bob"))

    told = run(database, [(reader("ada"), TOMORROW)])

    assert [one.delivery.profile for one in told if isinstance(one, GivenUp)] == ["ada"]
    with database.read() as connection:
        found = {(one.profile, one.day): one.state for one in overview(connection)}
    assert found == {
        ("ada", TODAY): DeliveryState.EXPIRED,
        ("ada", TOMORROW): DeliveryState.QUEUED,
        ("bob", TODAY): DeliveryState.QUEUED,
    }


def test_what_would_be_decided_is_told_without_changing_anything(database: Database) -> None:
    run(database, due("ada"))
    makers = Makers(decide=decide, compose=compose)

    would = list(decided(database, due("ada", "bob", "cy"), makers))

    assert [one.profile.name for one in would] == ["bob", "cy"]
    assert queued(database) == ["ada"]


def test_progress_is_told_batch_by_batch(database: Database) -> None:
    told: list[Event] = []

    make(
        database,
        due(*(f"r{place}" for place in range(150))),
        Makers(decide=decide, compose=compose),
        NOW,
        told.append,
    )

    assert [(one.done, one.of) for one in told if isinstance(one, Progress)] == [(100, 150), (150, 150)]


def given_up(database: Database, now: datetime, **todays: date) -> list[tuple[str, date]]:
    told: list[Event] = []
    known = lambda names: {name: todays[name] for name in names if name in todays}  # noqa: E731
    give_up_late(database, known, now, told.append)
    return [(one.delivery.profile, one.delivery.day) for one in told if isinstance(one, GivenUp)]


def test_the_last_message_of_a_reader_without_a_profile_is_given_up_after_yesterday(
    database: Database,
) -> None:
    run(database, due("ada", "gone"))

    too_early = given_up(database, NOW + timedelta(days=1), ada=TODAY)
    in_time = given_up(database, NOW + timedelta(days=2), ada=TODAY)

    assert too_early == []
    assert in_time == [("gone", TODAY)]
    assert queued(database) == ["ada"]


def test_what_waits_is_given_up_when_its_last_day_is_over_where_its_reader_lives(database: Database) -> None:
    run(database, due("auckland", "honolulu"))
    evening = NOW.replace(hour=14)

    found = given_up(database, evening, auckland=TOMORROW, honolulu=TODAY)

    assert found == [("auckland", TODAY)]
    assert queued(database) == ["honolulu"]
    assert given_up(database, evening, auckland=TOMORROW, honolulu=TODAY) == []


def test_an_evenings_message_waits_until_the_end_of_the_day_to_which_its_turn_lasts(
    database: Database,
) -> None:
    late = replace(reader("ada"), send_at=time(22))
    run(database, [(late, TODAY)])

    assert given_up(database, NOW + timedelta(days=1), ada=TOMORROW) == []
    assert given_up(database, NOW + timedelta(days=2), ada=TOMORROW + timedelta(days=1)) == [("ada", TODAY)]


def test_what_ended_without_a_message_is_told_with_its_reason(database: Database) -> None:
    def quiet(_: "Connection", some: Sequence[Due]) -> list[Edition]:
        return [edition(profile=one, day=day, sections=(), outcome=Outcome.QUIET) for one, day in some]

    (told,) = run(database, due("ada"), deciding=quiet, composing=lambda _: None)

    assert isinstance(told, NoMail)
    assert (told.profile.name, told.day, told.outcome) == ("ada", TODAY, Outcome.QUIET)
    assert told.reason.startswith("none of ")


def test_a_note_of_a_quiet_day_is_a_message(database: Database) -> None:
    def quiet(_: "Connection", some: Sequence[Due]) -> list[Edition]:
        return [edition(profile=one, day=day, sections=(), outcome=Outcome.QUIET) for one, day in some]

    assert run(database, due("ada"), deciding=quiet) == []


def test_a_quiet_day_that_is_looked_at_again_is_not_lowered_to_one_that_waits_or_failed(
    database: Database,
) -> None:
    def quiet(_: "Connection", some: Sequence[Due]) -> list[Edition]:
        return [edition(profile=one, day=day, sections=(), outcome=Outcome.QUIET) for one, day in some]

    def fails(_: "Connection", some: Sequence[Due]) -> list[Edition]:
        raise DigestError("cannot be read", where="library.bib")

    short = (Note(kind=NoteKind.PARTIAL, name="huggingface", number=12, usual=31),)
    run(database, due("ada"), deciding=quiet, composing=lambda _: None)

    waiting = run(database, due("ada"), waits=lambda _, __: short)
    after_waiting = outcomes(database)
    failing = run(database, due("ada"), deciding=fails)

    assert waiting == []
    assert [type(one) for one in failing] == [Unmade]
    assert after_waiting == outcomes(database) == {"ada": Outcome.QUIET}


def test_no_further_batch_is_begun_when_it_is_to_end(database: Database) -> None:
    stopping = threading.Event()

    def tell(told: object) -> None:
        if isinstance(told, Progress):
            stopping.set()

    many = due(*(f"r{place:03}" for place in range(3 * BATCH)))
    make(database, many, Makers(decide=decide, compose=compose), NOW, tell, stopping=stopping)

    assert len(queued(database)) == BATCH
