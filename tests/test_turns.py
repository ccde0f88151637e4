"""Turns taken: every day of a reader ends in one outcome, whatever comes between, and nothing is made twice."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from digest.errors import DigestError, StoreError
from digest.making import Due, Makers, make
from digest.model import Edition, Every, Message, Note, NoteKind, Outcome, Pause, Profile, Suppression
from digest.outcome import comes_again
from digest.schedule import A_DAY, plan_of
from digest.store.database import Database
from digest.store.editions import Day, days
from digest.store.harvests import Harvest, record_harvest
from digest.store.record import overview
from digest.store.suppressions import suppress
from digest.store.turns import TurnRow, next_turn_at, put_turns, turns_of
from digest.turns import Readers, Stated, settle, settle_due, settle_plans, state_paused
from tests.makers import edition, profile
from tests.posts import mail_to
from tests.stores import open_copy

if TYPE_CHECKING:
    from sqlalchemy import Connection

MONDAY = date(2026, 3, 9)
HOUR = timedelta(hours=1)
SHORT = (Note(kind=NoteKind.PARTIAL, name="huggingface", number=12, usual=31),)


def on(day: date, hour: int = 7, minute: int = 30) -> datetime:
    return datetime.combine(day, time(hour, minute), tzinfo=UTC)


def reader(name: str = "ada", **fields: Any) -> Profile:
    return profile(**({"name": name, "email": f"{name}@example.org"} | fields))


def compose(made: Edition) -> Message | None:
    if made.outcome is not Outcome.READY:
        return None
    message = mail_to(made.profile.name)
    return replace(message, message_id=f"<{made.profile.name}.{made.day}@example.org>")


@dataclass
class House:
    """Readers and a store, and passes that make their editions."""

    database: Database
    readers: dict[str, Profile] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    outcome: Outcome = Outcome.READY
    problem: Exception | None = None
    short: tuple[Note, ...] = ()
    made: list[tuple[str, date]] = field(default_factory=list)
    told: list[Stated] = field(default_factory=list)

    def has(self, *profiles: Profile, now: datetime) -> None:
        """These are the readers from now on, and those whose files are broken."""
        self.readers = {one.name: one for one in profiles}
        with self.database.begin() as connection:
            settle_plans(connection, profiles, self.broken, now)

    @property
    def known(self) -> Readers:
        return Readers(
            usable=self.readers,
            why_not=lambda name: self.broken.get(name, ""),
            plan_now=lambda name: plan_of(self.readers[name]) if name in self.readers else "",
        )

    def pass_(self, now: datetime) -> None:
        """One pass, from who is due to the next turn."""
        due = settle_due(self.database, self.known, now, self.told.append)
        self.make(due, now)
        settle(self.database, [one.name for one, _ in due], self.known, now, self.told.append)

    def make(self, due: Sequence[Due], now: datetime) -> None:
        def decide(_: "Connection", some: Sequence[Due]) -> list[Edition]:
            if self.problem:
                raise self.problem
            self.made += [(one.name, day) for one, day in some]
            return [edition(profile=one, day=day, outcome=self.outcome, sections=()) for one, day in some]

        def waits(who: Profile, day: date) -> tuple[Note, ...]:
            over = who.wait_until is None or now >= datetime.combine(day, who.wait_until, tzinfo=UTC)
            return () if over else self.short

        make(self.database, due, Makers(decide=decide, compose=compose, waits=waits), now, lambda _: None)

    def days(self, name: str = "ada") -> dict[date, Day]:
        with self.database.read() as connection:
            return {one.day: one for one in reversed(days(connection, [name], since=date.min))}

    def outcomes(self, name: str = "ada") -> list[str]:
        return [one.outcome.value for one in self.days(name).values()]

    def turn(self, name: str = "ada") -> TurnRow | None:
        with self.database.read() as connection:
            return turns_of(connection, [name]).get(name)

    def next_at(self) -> datetime | None:
        with self.database.read() as connection:
            return next_turn_at(connection)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_copy(tmp_path / "digest.sqlite3") as opened:
        yield House(opened)


# ---------------------------------------------------------------- the table


def test_a_new_readers_turn_is_todays_if_it_is_not_over(house: House) -> None:
    house.has(reader(), reader("bob", send_at=time(22)), reader("cy", days=frozenset({3})), now=on(MONDAY, 9))

    assert house.turn() == TurnRow(profile="ada", day=MONDAY, due_at=on(MONDAY), plan=plan_of(reader()))
    bob, cy = house.turn("bob"), house.turn("cy")
    assert bob is not None
    assert cy is not None
    assert (bob.day, bob.due_at, cy.day) == (MONDAY, on(MONDAY, 22, 0), MONDAY + 3 * A_DAY)


def test_who_has_no_days_has_no_turn(house: House) -> None:
    house.has(reader(days=frozenset()), now=on(MONDAY))

    assert house.turn() is None


def test_a_reader_who_is_gone_has_no_turn_and_one_whose_file_is_broken_keeps_it(house: House) -> None:
    house.has(reader(), reader("bob"), reader("cy"), now=on(MONDAY, 5))
    house.broken["cy"] = "profiles/cy.toml: is not valid TOML"

    house.has(reader(), now=on(MONDAY, 6))

    assert [house.turn(name) is not None for name in ("ada", "bob", "cy")] == [True, False, True]


def test_a_schedule_that_stays_is_not_looked_at_again(house: House) -> None:
    house.has(reader(), now=on(MONDAY, 5))
    before = house.turn()

    house.has(reader(threshold=50), now=on(MONDAY, 6))

    assert house.turn() == before


def test_a_new_hour_holds_from_the_next_pass_on(house: House) -> None:
    house.has(reader(), now=on(MONDAY, 5))

    house.has(reader(send_at=time(18)), now=on(MONDAY, 6))
    house.pass_(on(MONDAY, 6, 31))

    assert house.made == []
    assert house.next_at() == on(MONDAY, 18, 0)


def test_a_new_hour_after_todays_edition_makes_no_second_one(house: House) -> None:
    house.has(reader(), now=on(MONDAY, 5))
    house.pass_(on(MONDAY))

    house.has(reader(send_at=time(18)), now=on(MONDAY, 9))
    house.pass_(on(MONDAY, 18, 0))

    assert house.made == [("ada", MONDAY)]
    assert house.next_at() == on(MONDAY + A_DAY, 18, 0)


def test_who_moves_over_the_date_line_has_no_second_edition_of_a_date(house: House) -> None:
    house.has(reader(timezone="Pacific/Auckland"), now=on(MONDAY, 0, 0))
    house.pass_(on(MONDAY, 0, 0))

    house.has(reader(timezone="Pacific/Honolulu"), now=on(MONDAY, 1, 0))
    for hours in range(48):
        house.pass_(on(MONDAY, 1, 0) + hours * HOUR)

    assert house.made == [("ada", MONDAY), ("ada", MONDAY - A_DAY), ("ada", MONDAY + A_DAY)]


def test_a_turn_that_a_wrong_clock_put_far_ahead_comes_back(house: House) -> None:
    house.has(reader(), now=on(MONDAY.replace(year=2031)))
    house.pass_(on(MONDAY.replace(year=2031)))

    house.has(reader(), now=on(MONDAY))
    house.pass_(on(MONDAY))

    assert house.made[1:] == [("ada", MONDAY)]
    assert house.next_at() == on(MONDAY + A_DAY)


def test_a_process_with_an_older_configuration_leaves_a_changed_turn_alone(house: House) -> None:
    house.has(reader(), now=on(MONDAY, 5))
    old = house.known
    house.has(reader(send_at=time(18)), now=on(MONDAY, 6))

    due = settle_due(house.database, old, on(MONDAY, 8), house.told.append)

    assert due == []
    assert house.next_at() == on(MONDAY, 6)


@pytest.mark.parametrize("hour", [8, 18])
def test_a_turn_that_a_process_with_an_older_profile_wrote_back_is_served_by_the_newer_one(
    house: House, hour: int
) -> None:
    house.has(reader(send_at=time(hour)), now=on(MONDAY, 5))
    with house.database.begin() as connection:
        settle_plans(connection, [reader()], ["ada"], on(MONDAY, 5))

    for hours in range(48):
        house.pass_(on(MONDAY, 6, 0) + hours * HOUR)

    assert house.made == [("ada", MONDAY), ("ada", MONDAY + A_DAY)]
    assert house.next_at() == on(MONDAY + 2 * A_DAY, hour, 0)


@pytest.mark.parametrize("days_ahead", [1, 2, 30, 100, 300])
def test_a_clock_that_was_ahead_for_one_pass_costs_no_mail_when_it_is_right(
    house: House, days_ahead: int
) -> None:
    house.has(reader(), now=on(MONDAY, 5))
    house.pass_(on(MONDAY + days_ahead * A_DAY, 8))

    house.has(reader(), now=on(MONDAY, 6))
    for hours in range(5 * 24):
        house.pass_(on(MONDAY, 6, 30) + hours * HOUR)

    had = {day for _, day in house.made}
    assert len(house.made) == len(had)
    assert {MONDAY + n * A_DAY for n in range(5)} - had == set()


def test_a_quiet_day_that_a_clock_ahead_stated_is_decided_when_it_comes(house: House) -> None:
    house.outcome = Outcome.QUIET
    house.has(reader(), now=on(MONDAY, 5))
    house.pass_(on(MONDAY + A_DAY, 8))

    house.outcome = Outcome.READY
    house.has(reader(), now=on(MONDAY, 6))
    house.pass_(on(MONDAY, 8))

    assert house.outcomes()[0] == "ready"


def test_by_a_clock_that_is_behind_all_that_ever_was_no_turn_is_moved(house: House) -> None:
    house.has(reader(), now=on(MONDAY, 5))
    house.pass_(on(MONDAY))
    with house.database.begin() as connection:
        record_harvest(connection, Harvest(source="arxiv", at=on(MONDAY, 5), papers=3, fresh=3))
        is_settled = settle_plans(connection, [reader()], (), on(date(2024, 1, 1)))

    house.pass_(on(date(2024, 1, 1), 8))
    house.pass_(on(MONDAY + A_DAY))

    assert not is_settled
    assert list(house.days()) == [MONDAY, MONDAY + A_DAY]


def test_who_waits_for_a_list_is_served_once_by_the_first_pass_after_that(house: House) -> None:
    house.short = SHORT
    house.has(reader(wait_until=time(9, 30)), now=on(MONDAY, 6))
    house.pass_(on(MONDAY, 8))

    due = settle_due(house.database, house.known, on(MONDAY, 10), house.told.append)

    assert [(one.name, day) for one, day in due] == [("ada", MONDAY)]


def test_who_is_gone_while_a_list_was_waited_for_leaves_no_day_that_waits(house: House) -> None:
    house.short = SHORT
    house.has(reader(wait_until=time(10)), now=on(MONDAY, 5))
    house.pass_(on(MONDAY))

    house.has(reader("bob"), now=on(MONDAY, 8))

    (monday,) = house.days().values()
    assert monday.outcome is Outcome.EXPIRED
    assert monday.reason.endswith("; there was no profile any more when it ended")
    assert house.turn() is None


@pytest.mark.parametrize("days", [frozenset(range(1, 7)), frozenset[int]()])
def test_a_day_that_waited_and_is_no_day_of_the_readers_any_more_has_an_end(
    house: House, days: frozenset[int]
) -> None:
    house.short = SHORT
    house.has(reader(wait_until=time(10)), now=on(MONDAY, 5))
    house.pass_(on(MONDAY))

    house.has(reader(wait_until=time(10), days=days), now=on(MONDAY, 8))
    house.pass_(on(MONDAY, 8))

    (monday,) = house.days().values()
    assert monday.outcome is Outcome.EXPIRED
    assert "; then the schedule had no edition of this day; " in monday.reason


def test_a_day_that_waited_and_has_a_later_hour_now_waits_on(house: House) -> None:
    house.short = SHORT
    house.has(reader(wait_until=time(10)), now=on(MONDAY, 5))
    house.pass_(on(MONDAY))

    house.short = ()
    house.has(reader(send_at=time(18)), now=on(MONDAY, 8))
    house.pass_(on(MONDAY, 8))
    house.pass_(on(MONDAY, 18, 0))

    assert house.outcomes() == ["ready"]


# ---------------------------------------------------------------- one day after the other


def test_each_day_has_its_edition_and_the_next_turn_follows(house: House) -> None:
    house.has(reader(), now=on(MONDAY, 5))

    for hours in range(72):
        house.pass_(on(MONDAY, 5, 30) + hours * HOUR)

    assert house.made == [("ada", MONDAY + n * A_DAY) for n in range(3)]
    assert house.told == []


def test_a_quiet_day_is_settled(house: House) -> None:
    house.outcome = Outcome.QUIET
    house.has(reader(), now=on(MONDAY, 5))

    house.pass_(on(MONDAY))
    house.pass_(on(MONDAY, 8))

    assert house.made == [("ada", MONDAY)]
    assert house.next_at() == on(MONDAY + A_DAY)


def test_days_that_nothing_ran_are_expired_and_there_is_one_edition(house: House) -> None:
    house.has(reader(), now=on(MONDAY, 5))

    house.pass_(on(MONDAY + 3 * A_DAY, 11))

    assert house.made == [("ada", MONDAY + 3 * A_DAY)]
    assert house.outcomes() == ["expired"] * 3 + ["ready"]
    assert house.days()[MONDAY].reason == (
        "no pass of Digest came between Mon 9 March 07:30 and Tue 10 March 00:00; its papers come in the next edition"
    )
    assert [(one.day, one.outcome) for one in house.told] == [
        (MONDAY + n * A_DAY, Outcome.EXPIRED) for n in range(3)
    ]


def test_an_evenings_edition_is_made_after_midnight(house: House) -> None:
    house.has(reader(send_at=time(22)), now=on(MONDAY, 5))

    house.pass_(on(MONDAY + A_DAY, 9))
    house.pass_(on(MONDAY + A_DAY, 22, 0))

    assert house.made == [("ada", MONDAY), ("ada", MONDAY + A_DAY)]


def test_a_weekly_edition_is_made_up_for_and_not_skipped(house: House) -> None:
    house.has(reader(every=Every.WEEK), now=on(MONDAY, 5))

    house.pass_(on(MONDAY + 2 * A_DAY, 9))

    assert house.made == [("ada", MONDAY)]
    assert house.next_at() == on(MONDAY + 7 * A_DAY)


def test_days_of_a_pause_are_paused_and_the_next_edition_comes_after_it(house: House) -> None:
    house.has(reader(pause=Pause(until=MONDAY + 2 * A_DAY)), now=on(MONDAY, 5))

    for hours in range(72):
        house.pass_(on(MONDAY, 5, 30) + hours * HOUR)

    assert house.outcomes() == ["paused", "paused", "ready"]
    assert house.days()[MONDAY].reason.startswith("paused until Wed 11 March 2026")


def test_a_pause_that_is_taken_away_brings_back_todays_edition(house: House) -> None:
    house.has(reader(pause=Pause()), now=on(MONDAY, 5))

    house.has(reader(), now=on(MONDAY, 6))
    house.pass_(on(MONDAY))

    assert house.made == [("ada", MONDAY)]


def test_a_day_of_a_pause_can_be_stated_before_its_hour_and_is_stated_once(house: House) -> None:
    away = reader(pause=Pause())
    house.has(away, now=on(MONDAY, 5))

    for _ in range(2):
        state_paused(house.database, [(away, MONDAY)], on(MONDAY, 5), house.told.append)
    house.pass_(on(MONDAY))

    assert house.outcomes() == ["paused"]
    assert len(house.told) == 1


def test_a_day_that_was_stated_as_paused_before_its_hour_has_its_edition_if_the_pause_is_taken_away(
    house: House,
) -> None:
    away = reader(pause=Pause())
    house.has(away, now=on(MONDAY, 4))
    state_paused(house.database, [(away, MONDAY)], on(MONDAY, 5), house.told.append)
    house.pass_(on(MONDAY, 5))

    house.has(reader(), now=on(MONDAY, 6))
    house.pass_(on(MONDAY))

    assert house.outcomes() == ["ready"]


def test_a_day_of_a_pause_that_is_over_stays_paused(house: House) -> None:
    house.has(reader(pause=Pause()), now=on(MONDAY, 5))
    house.pass_(on(MONDAY))

    house.has(reader(), now=on(MONDAY + A_DAY, 6))
    house.pass_(on(MONDAY + A_DAY))

    assert house.outcomes() == ["paused", "ready"]


def test_days_too_long_ago_are_not_said_to_have_their_papers_come(house: House) -> None:
    house.has(reader(), now=on(MONDAY, 5))

    house.pass_(on(MONDAY + 100 * A_DAY, 8))

    reasons = [one.reason for one in house.days().values()]
    assert reasons[0].endswith(comes_again(reader(), MONDAY, MONDAY + 100 * A_DAY))
    assert reasons[-2].endswith("its papers come in the next edition")


def test_what_was_missed_by_many_in_a_long_time_is_stated_in_several_transactions(house: House) -> None:
    house.has(*(reader(f"r{number:02}") for number in range(30)), now=on(MONDAY, 5))
    commits: list[None] = []
    event.listen(house.database.engine, "commit", lambda _: commits.append(None))

    due = settle_due(house.database, house.known, on(MONDAY + 360 * A_DAY), house.told.append)

    assert len(due) == 30
    assert len(house.told) == 30 * 360
    assert len(commits) == 3


def test_an_edition_that_was_asked_for_in_a_pause_stays_on_record(house: House) -> None:
    away = reader(pause=Pause())
    house.has(away, now=on(MONDAY, 5))
    house.make([(away, MONDAY)], on(MONDAY, 5))

    state_paused(house.database, [(away, MONDAY)], on(MONDAY, 6), house.told.append)
    house.pass_(on(MONDAY))

    assert house.outcomes() == ["ready"]


# ---------------------------------------------------------------- what is not settled


def test_who_waits_for_a_list_is_looked_at_every_five_minutes_and_at_the_end(house: House) -> None:
    house.short = SHORT
    house.has(reader(wait_until=time(7, 42)), now=on(MONDAY, 5))
    passes: list[datetime] = []

    while house.next_at() and house.next_at() < on(MONDAY, 12):  # type: ignore[operator]
        passes.append(house.next_at())  # type: ignore[arg-type]
        house.pass_(passes[-1])

    assert [(one.hour, one.minute) for one in passes] == [(7, 30), (7, 35), (7, 40), (7, 42)]
    assert house.made == [("ada", MONDAY)]
    assert house.outcomes() == ["ready"]


def test_a_wait_that_no_pass_ended_says_so(house: House) -> None:
    house.short = SHORT
    house.has(reader(wait_until=time(9, 30)), now=on(MONDAY, 5))
    house.pass_(on(MONDAY))

    house.pass_(on(MONDAY + A_DAY, 7, 0))

    (monday,) = house.days().values()
    assert monday.outcome is Outcome.EXPIRED
    assert monday.reason == (
        "waits for huggingface (12 of usually 31 papers), until 09:30 at the latest; no pass of Digest came "
        "after that; its papers come in the next edition"
    )


def test_what_could_not_be_made_is_tried_each_hour_and_expires_with_its_reason(house: House) -> None:
    house.problem = DigestError("cannot be read", where="library.bib")
    house.has(reader(), now=on(MONDAY, 5))

    house.pass_(on(MONDAY))
    failed = house.days()[MONDAY]
    first_retry = house.next_at()
    while house.next_at() and house.next_at() <= on(MONDAY + A_DAY, 0, 0):  # type: ignore[operator]
        house.pass_(house.next_at())  # type: ignore[arg-type]

    assert (failed.outcome, failed.reason) == (Outcome.FAILED, "library.bib: cannot be read")
    assert first_retry == on(MONDAY, 8)
    assert house.days()[MONDAY].outcome is Outcome.EXPIRED
    assert house.days()[MONDAY].reason == (
        "could not be made: library.bib: cannot be read; its papers come in the next edition"
    )
    assert house.next_at() == on(MONDAY + A_DAY)


def test_what_could_not_be_made_is_made_when_it_can_be(house: House) -> None:
    house.problem = DigestError("cannot be read", where="library.bib")
    house.has(reader(), now=on(MONDAY, 5))
    house.pass_(on(MONDAY))

    house.problem = None
    house.pass_(on(MONDAY, 8))
    house.pass_(on(MONDAY, 8, 30))

    assert house.outcomes() == ["ready"]


def test_who_gets_no_mail_keeps_that_as_the_reason(house: House) -> None:
    with house.database.begin() as connection:
        suppress(connection, Suppression(address="ada@example.org", reason="gone", at=on(MONDAY, 0)))
    house.has(reader(), now=on(MONDAY, 5))
    house.pass_(on(MONDAY))

    house.pass_(on(MONDAY + A_DAY, 8))

    assert house.outcomes() == ["failed", "failed"]
    assert house.days()[MONDAY].reason == "suppressed since 2026-03-09: gone"


def test_whose_file_is_broken_has_days_that_failed_at_her_hour(house: House) -> None:
    house.has(reader(timezone="Europe/Berlin"), now=on(MONDAY, 5))
    house.broken["ada"] = "profiles/ada.toml: threshold: must be 1 to 100"
    house.has(now=on(MONDAY, 6, 0))

    house.pass_(on(MONDAY, 6, 29))
    before = house.outcomes()
    house.pass_(on(MONDAY, 6, 30))

    assert before == []
    assert house.outcomes() == ["failed"]
    assert house.days()[MONDAY].reason == house.broken["ada"]
    assert house.next_at() == on(MONDAY, 7, 30)


def test_a_file_that_stays_broken_is_told_once_a_day(house: House) -> None:
    house.has(reader(), now=on(MONDAY, 5))
    house.broken["ada"] = "profiles/ada.toml: is not valid TOML"
    house.has(now=on(MONDAY, 6))

    for hours in range(12):
        house.pass_(on(MONDAY) + hours * HOUR)

    assert [(one.day, one.outcome) for one in house.told] == [(MONDAY, Outcome.FAILED)]


def test_a_broken_file_with_a_schedule_of_another_version_has_days_that_failed(house: House) -> None:
    with house.database.begin() as connection:
        put_turns(connection, [TurnRow(profile="ada", day=MONDAY, due_at=on(MONDAY), plan="v2 UTC")])
    house.broken["ada"] = "profiles/ada.toml: is not valid TOML"

    house.pass_(on(MONDAY))

    assert house.outcomes() == ["failed"]


def test_a_file_that_is_mended_gets_todays_edition(house: House) -> None:
    house.has(reader(), now=on(MONDAY, 5))
    house.broken["ada"] = "profiles/ada.toml: is not valid TOML"
    house.has(now=on(MONDAY, 6))
    house.pass_(on(MONDAY))
    house.pass_(on(MONDAY + A_DAY))

    house.broken.clear()
    house.has(reader(), now=on(MONDAY + A_DAY, 8))
    house.pass_(on(MONDAY + A_DAY, 8, 30))

    assert house.outcomes() == ["expired", "ready"]


def test_who_is_not_known_here_at_all_is_left_to_those_who_know_her(house: House) -> None:
    with house.database.begin() as connection:
        row = TurnRow(profile="new", day=MONDAY, due_at=on(MONDAY), plan=plan_of(reader()))
        put_turns(connection, [row])

    house.pass_(on(MONDAY + 5 * A_DAY))

    assert house.turn("new") == row
    assert house.outcomes("new") == []


# ---------------------------------------------------------------- cut off


def test_a_pass_that_ends_after_making_makes_nothing_twice(house: House) -> None:
    house.has(reader(), now=on(MONDAY, 5))
    due = settle_due(house.database, house.known, on(MONDAY), house.told.append)
    house.make(due, on(MONDAY))

    house.pass_(on(MONDAY, 7, 31))

    assert house.made == [("ada", MONDAY)]
    assert house.next_at() == on(MONDAY + A_DAY)


def test_a_pass_that_ends_before_making_leaves_it_to_the_next(house: House) -> None:
    house.has(reader(), now=on(MONDAY, 5))
    settle_due(house.database, house.known, on(MONDAY), house.told.append)

    house.pass_(on(MONDAY, 7, 31))

    assert house.made == [("ada", MONDAY)]


def test_a_store_that_fails_in_the_middle_leaves_what_it_had(house: House) -> None:
    house.has(reader(), reader("bob"), now=on(MONDAY, 5))
    house.problem = StoreError("the disk is full")
    with pytest.raises(StoreError):
        house.pass_(on(MONDAY + A_DAY))
    told = [(one.profile.name, one.day) for one in house.told]

    house.problem = None
    house.pass_(on(MONDAY + A_DAY, 8))

    assert told == [("ada", MONDAY), ("bob", MONDAY)]
    assert len(house.told) == 2
    assert house.outcomes() == house.outcomes("bob") == ["expired", "ready"]


def test_what_is_stated_and_not_committed_is_stated_again(house: House) -> None:
    def cut_off(_: Stated) -> None:
        raise KeyboardInterrupt

    house.has(reader(), now=on(MONDAY, 5))
    with pytest.raises(KeyboardInterrupt):
        settle_due(house.database, house.known, on(MONDAY + A_DAY), cut_off)

    house.pass_(on(MONDAY + A_DAY))

    assert house.outcomes() == ["expired", "ready"]


def test_many_readers_are_served_page_by_page_and_each_once(house: House) -> None:
    house.has(*(reader(f"r{number:04}") for number in range(1_203)), now=on(MONDAY, 5))

    house.pass_(on(MONDAY))
    house.pass_(on(MONDAY, 8))

    assert len(house.made) == len(set(house.made)) == 1_203
    with house.database.read() as connection:
        assert len(overview(connection, most=10_000)) == 1_203


def test_an_edition_made_by_hand_closes_the_turn_that_was_open(house: House) -> None:
    at_night = reader(send_at=time(22))
    house.has(at_night, now=on(MONDAY, 5))
    house.make([(at_night, MONDAY + A_DAY)], on(MONDAY + A_DAY, 5))

    house.pass_(on(MONDAY + A_DAY, 6))

    assert house.made == [("ada", MONDAY + A_DAY)]
    assert house.days()[MONDAY].reason == (
        "the edition of 2026-03-10 was made before this one; its papers come in the next edition"
    )


def test_an_idle_pass_reads_one_index_and_writes_nothing(house: House) -> None:
    house.has(*(reader(f"r{number:03}") for number in range(300)), now=on(MONDAY, 5))
    asked: list[str] = []
    never: Callable[[str], str] = lambda name: asked.append(name) or ""  # type: ignore[func-returns-value]  # noqa: E731

    due = settle_due(house.database, Readers(usable={}, why_not=never), on(MONDAY, 6), house.told.append)

    assert (due, asked) == ([], [])
