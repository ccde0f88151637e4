"""The parts of a pass, one after the other, with a clock of the test's own: what `digest run` does at each tick."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from digest.cli.screen import overheard
from digest.cli.service import (
    Began,
    Delivered,
    Ended,
    KeptOld,
    Reread,
    Service,
    Unusable,
)
from digest.cli.world import World
from digest.errors import ConfigurationError, StoreError
from digest.model import Outcome
from digest.outbox import Sent
from digest.overdue import Gap, Overdue
from digest.store import services
from digest.store.database import open_for_reading
from digest.store.editions import record_outcomes
from digest.store.lock import at_work
from digest.store.services import ServiceRow
from digest.store.turns import put_turns, turns_of
from tests.desk import ADA, CONFIG, Desk
from tests.makers import edition, profile
from tests.posts import Post, locked_out
from tests.stores import open_copy

EARLY = datetime(2026, 3, 11, 6, 0, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
T = TypeVar("T")


@dataclass
class Teller:
    """Hears what happens."""

    events: list[Any] = field(default_factory=list)

    def __call__(self, event: object) -> None:
        self.events.append(event)

    def of(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def heard() -> Teller:
    return Teller()


@pytest.fixture
def morning(desk: Desk) -> Desk:
    """Ada's folder, an hour and a half before her mail is due."""
    desk.now = EARLY
    return desk


def serving(desk: Desk, heard: Callable[[object], None]) -> Service:
    world = World(
        now=lambda: desk.now, environment=desk.environment, folder=desk.folder, sleep=lambda _: None
    )
    return Service(world, desk.folder / "config.toml", heard)


def known(desk: Desk) -> tuple[ServiceRow, ...]:
    with open_for_reading(desk.folder / "digest.sqlite3") as database, database.read() as connection:
        return services.services(connection)


def test_before_a_readers_hour_nothing_is_made_and_at_it_one_edition_is(morning: Desk, heard: Teller) -> None:
    with serving(morning, heard) as service:
        service.pass_()
        early = morning.mails()
        morning.now = EARLY.replace(hour=7, minute=30)
        service.pass_()
        at_the_hour = morning.mails()
        morning.now += MINUTE
        service.pass_()

        assert service.next_at == EARLY.replace(day=12, hour=7, minute=30)
    assert (len(early), len(at_the_hour), len(morning.mails())) == (0, 1, 1)
    assert [one.delivery.profile for one in heard.of(Sent)] == ["ada"]
    assert [one.tally.sent for one in heard.of(Delivered)] == [1]


def test_a_start_says_who_is_next(morning: Desk, heard: Teller) -> None:
    morning.write("profiles/bob.toml", 'send_at = "06:45"\n' + ADA.replace("ada@", "bob@"))

    with serving(morning, heard):
        pass

    (began,) = heard.of(Began)
    assert (began.readers, began.sources, began.next_at) == (2, 1, EARLY.replace(minute=45))


def test_a_service_that_was_there_is_on_record_with_its_end(morning: Desk, heard: Teller) -> None:
    with serving(morning, heard) as service:
        morning.now += MINUTE
        service.pass_()
        (at_work,) = known(morning)
        morning.now += MINUTE

    (ended,) = known(morning)
    assert (at_work.began_at, at_work.seen_at, at_work.ended_at) == (EARLY, EARLY + MINUTE, None)
    assert ended.ended_at == EARLY + 2 * MINUTE
    assert heard.of(Ended)


# ---------------------------------------------------------------- what changes meanwhile


def test_a_changed_hour_holds_from_the_next_pass(morning: Desk, heard: Teller) -> None:
    with serving(morning, heard) as service:
        service.pass_()
        morning.write("profiles/ada.toml", 'send_at = "05:30"\n' + ADA)
        service.pass_()

    assert len(morning.mails()) == 1
    (reread,) = heard.of(Reread)
    assert reread.readers == 1


def test_readers_come_and_go_without_a_restart(morning: Desk, heard: Teller) -> None:
    with serving(morning, heard) as service:
        service.pass_()
        morning.write("profiles/bea.toml", ADA.replace("ada@", "bea@"))
        (morning.folder / "profiles/ada.toml").unlink()
        service.pass_()
        morning.now = EARLY + 2 * HOUR
        service.pass_()

    assert [one.delivery.profile for one in heard.of(Sent)] == ["bea"]


def test_files_that_were_written_again_and_say_the_same_are_no_news(morning: Desk, heard: Teller) -> None:
    with serving(morning, heard) as service:
        morning.write("profiles/ada.toml", ADA)
        service.pass_()

        assert not heard.of(Reread)
        assert service.reload()
    assert len(heard.of(Reread)) == 1


def test_a_broken_configuration_keeps_the_old_one_and_is_told_once(morning: Desk, heard: Teller) -> None:
    whole = (morning.folder / "config.toml").read_text()
    with serving(morning, heard) as service:
        morning.write("config.toml", whole + "\n[run]\ntick = 3\n")
        service.pass_()
        morning.now = EARLY + 2 * HOUR
        service.pass_()
        told, problem = heard.of(KeptOld), service.problem
        morning.write("config.toml", whole)
        service.pass_()

        assert service.problem is None
    assert len(told) == 1
    assert "run.tick: unknown key" in str(told[0].problem)
    assert str(problem) == str(told[0].problem)
    assert len(morning.mails()) == 1
    assert len(heard.of(Reread)) == 1


def test_one_broken_profile_stops_no_other_and_is_told_once(morning: Desk, heard: Teller) -> None:
    morning.write("profiles/bob.toml", "email = 7")

    with serving(morning, heard) as service:
        for _ in range(3):
            morning.now += HOUR
            service.pass_()

    assert len(morning.mails()) == 1
    (told,) = heard.of(Unusable)
    assert "bob.toml: email" in str(told.problem)


def test_a_profile_that_is_mended_gets_its_edition_at_the_next_tick(morning: Desk, heard: Teller) -> None:
    with serving(morning, heard) as service:
        service.pass_()
        morning.write("profiles/ada.toml", "email = 7")
        morning.now = EARLY + 2 * HOUR
        service.pass_()
        morning.write("profiles/ada.toml", ADA)
        morning.now += MINUTE
        service.pass_()

    assert len(morning.mails()) == 1


@pytest.mark.parametrize("is_asked", [False, True])
def test_what_failed_is_tried_again_when_what_is_for_all_was_changed_or_all_is_read_again(
    morning: Desk, heard: Teller, is_asked: bool
) -> None:
    with serving(morning, heard) as service:
        service.pass_()
        morning.now = EARLY + 2 * HOUR
        failed(morning)
        service.pass_()
        assert not morning.mails()
        if is_asked:
            service.reload()
        else:
            config = morning.folder / "config.toml"
            morning.write("config.toml", config.read_text() + "\n[run]\ntick_s = 30\n")
        service.pass_()

    assert len(morning.mails()) == 1


def failed(desk: Desk) -> None:
    """Ada's edition of today could not be made, and is tried again in an hour."""
    made = edition(profile=profile(name="ada"), day=desk.now.date(), sections=(), considered=0)
    with open_copy(desk.folder / "digest.sqlite3") as database, database.begin() as connection:
        record_outcomes(connection, [(made, Outcome.FAILED, "the template cannot be used")], desk.now)
        row = turns_of(connection, ["ada"])["ada"]
        put_turns(connection, [replace(row, due_at=desk.now + HOUR)])


@pytest.mark.parametrize(
    ("odd", "why"), [("[" * 3_000, "nested too deeply"), ("1" * 9_000, "not valid TOML"), ("[" * 99, "TOML")]
)
def test_a_profile_that_cannot_even_be_parsed_is_that_profiles_problem(
    odd: str, why: str, morning: Desk, heard: Teller
) -> None:
    with serving(morning, heard) as service:
        morning.write("profiles/deep.toml", f"a = {odd}")
        morning.write("profiles/bea.toml", ADA.replace("ada@", "bea@"))
        service.reload_if_changed()

        assert {one.name for one in service.loaded.profiles} == {"ada", "bea"}
    (problem,) = heard.of(Unusable)
    assert why in str(problem.problem)


def test_a_folder_of_profiles_that_is_gone_takes_no_edition_with_it(morning: Desk, heard: Teller) -> None:
    with serving(morning, heard) as service:
        service.pass_()
        (morning.folder / "profiles").rename(morning.folder / "elsewhere")
        morning.now = EARLY + 2 * HOUR
        service.pass_()

    assert len(morning.mails()) == 1
    assert len(heard.of(KeptOld)) == 1


def test_another_store_is_not_opened_while_it_runs(morning: Desk, heard: Teller) -> None:
    whole = (morning.folder / "config.toml").read_text()
    with serving(morning, heard) as service:
        morning.write("config.toml", 'store = "other.sqlite3"\n' + whole)
        service.pass_()

    (kept,) = heard.of(KeptOld)
    assert "another store is not opened while this runs" in str(kept.problem)
    assert not (morning.folder / "other.sqlite3").exists()


def test_it_does_not_begin_with_a_configuration_that_cannot_be_used(morning: Desk, heard: Teller) -> None:
    morning.write("config.toml", "[mail]\n")
    service: AbstractContextManager[Service] = serving(morning, heard)

    with pytest.raises(ConfigurationError, match="from_address"):
        service.__enter__()

    assert not (morning.folder / "digest.sqlite3").exists()


# ---------------------------------------------------------------- what else a pass does


def test_the_box_of_bounces_is_read_once_an_hour(morning: Desk, heard: Teller) -> None:
    whole = (morning.folder / "config.toml").read_text()
    morning.write("config.toml", whole + '\n[bounces]\nmaildir = "nowhere"\n')
    said: list[str] = []
    with overheard(lambda how, line: said.append(line)), serving(morning, heard) as service:
        for minutes in (0, 1, 59, 61, 62):
            morning.now = EARLY + minutes * MINUTE
            service.pass_()

    assert len([line for line in said if line.startswith("bounces were not read")]) == 2


def test_asked_to_end_it_reads_no_source_and_sends_nothing_more(morning: Desk, heard: Teller) -> None:
    morning.now = EARLY + 2 * HOUR
    with serving(morning, heard) as service:
        service.harvest()
        service.editions()
        service.halt.ask()
        service.deliver()
        halted = morning.mails()

    with serving(morning, heard) as service:
        service.pass_()
    assert (len(halted), len(morning.mails())) == (0, 1)


def test_while_another_process_reads_the_sources_no_edition_is_made_but_not_for_ever(
    morning: Desk, heard: Teller
) -> None:
    with serving(morning, heard) as service:
        service.pass_()
        morning.now = EARLY + 2 * HOUR
        with at_work(morning.folder / "digest.sqlite3", "harvest", waiting=None):
            mails = []
            for minutes in (0, 3, 3):
                morning.now += minutes * MINUTE
                service.pass_()
                mails.append(len(morning.mails()))

    assert mails == [0, 0, 1]


def test_what_another_process_read_is_in_the_edition(morning: Desk, heard: Teller) -> None:
    morning.now = EARLY + 2 * HOUR
    with serving(morning, heard) as service:
        with at_work(morning.folder / "digest.sqlite3", "harvest", waiting=None):
            service.pass_()
        service.pass_()

    assert len(morning.mails()) == 1


# ---------------------------------------------------------------- what may go on for hours


def posting(desk: Desk, heard: Callable[[object], None], post: Post, **more: Any) -> Service:
    """A service whose one way out is that."""
    world = World(
        now=lambda: desk.now,
        environment=desk.environment,
        folder=desk.folder,
        sleep=lambda _: None,
        relays=(post.relay(),),
    )
    return Service(world, desk.folder / "config.toml", heard, **more)


def test_a_way_out_that_refuses_the_login_is_left_alone_for_longer_each_time(
    morning: Desk, heard: Teller
) -> None:
    post = Post(clock=lambda: morning.now, answer=lambda _message, _borne: locked_out())
    morning.now = EARLY.replace(hour=8)

    with posting(morning, heard, post) as service:
        for _ in range(4 * 60):
            service.pass_()
            morning.now += MINUTE

    minutes = [(at - EARLY.replace(hour=8)) // MINUTE for at, _ in post.tried]
    assert minutes == [0, 15, 45, 105, 165, 225]


def test_a_way_out_that_was_mended_is_tried_as_soon_as_all_is_read_again(
    morning: Desk, heard: Teller
) -> None:
    answers = [locked_out(), None]
    post = Post(clock=lambda: morning.now, answer=lambda _message, _borne: answers.pop(0))
    morning.now = EARLY.replace(hour=8)

    with posting(morning, heard, post) as service:
        service.pass_()
        service.pass_()
        tried = len(post.tried)
        service.reload()
        service.pass_()

    assert tried == 1
    assert post.got == ["ada@example.org"]


def test_a_profile_that_was_changed_lets_no_refused_login_be_tried(morning: Desk, heard: Teller) -> None:
    post = Post(clock=lambda: morning.now, answer=lambda _message, _borne: locked_out())
    morning.now = EARLY.replace(hour=8)

    with posting(morning, heard, post) as service:
        service.pass_()
        morning.write("profiles/bea.toml", 'send_at = "20:00"\n' + ADA.replace("ada@", "bea@"))
        service.pass_()

    assert heard.of(Reread)
    assert len(post.tried) == 1


def test_a_secret_that_is_back_lets_what_was_changed_meanwhile_hold(morning: Desk, heard: Teller) -> None:
    whole = (
        CONFIG.format(transport="smtp") + '\n[smtp]\nhost = "mail.example.org"\npassword_file = "secret"\n'
    )
    morning.write("config.toml", whole + 'username = "digest"\n')
    secret = morning.write("secret", "tea")
    secret.chmod(0o600)

    with serving(morning, heard) as service:
        secret.rename(morning.folder / "away")
        morning.write("config.toml", whole + 'username = "other"\n')
        morning.write("profiles/bea.toml", ADA.replace("ada@", "bea@"))
        without = [service.reload_if_changed(), service.reload_if_changed()]
        (morning.folder / "away").rename(secret)

        assert (without, service.reload_if_changed()) == ([False, False], True)
        assert {one.name for one in service.loaded.profiles} == {"ada", "bea"}
    assert len(heard.of(KeptOld)) == 1


def test_quick_restarts_give_an_edition_no_new_time_to_be_late(morning: Desk, heard: Teller) -> None:
    morning.now = EARLY.replace(hour=7)
    for _ in range(10):
        with serving(morning, heard) as service:
            for _ in range(6):
                service.watch()
                morning.now += MINUTE
        morning.now += MINUTE

    (found,) = heard.of(Overdue)
    assert found.line.startswith("1 edition for 2026-03-11 overdue by 31 min, because no pass has come")


def test_who_was_asleep_says_what_was_missed(morning: Desk, heard: Teller) -> None:
    post = Post(clock=lambda: morning.now)
    with posting(morning, heard, post, is_ticking=True) as service:
        service.pass_()
        morning.now += timedelta(days=1, hours=4)
        service.pass_()
        service.pass_()

    (gap,) = heard.of(Gap)
    assert gap.line == (
        "Digest could do nothing from 2026-03-11 06:00 to 2026-03-12 10:00 UTC (1 d 4 h): "
        "2 editions were due; 1 can still be made, late; 1 day ended without one (expired)"
    )
    assert heard.events.index(gap) < heard.events.index(heard.of(Sent)[0])


def test_a_clock_that_was_ahead_for_a_pass_leaves_nobody_untold_of_what_is_overdue(
    morning: Desk, heard: Teller
) -> None:
    morning.now -= timedelta(days=2)
    with posting(morning, heard, Post(clock=lambda: morning.now), is_ticking=True) as service:
        service.pass_()
        morning.now += timedelta(days=2)
        service.pass_()
        morning.now += timedelta(days=14)
        service.pass_()
        morning.now -= timedelta(days=14)
        service.pass_()
        for _ in range(60):  # no edition is made at her hour, 07:30
            service.watch()
            morning.now += 3 * MINUTE

    assert heard.of(Overdue)


def test_one_that_others_stand_in_for_may_sleep(morning: Desk, heard: Teller) -> None:
    other = Teller()
    with (
        serving(morning, other) as awake,
        posting(morning, heard, Post(lambda: morning.now), is_ticking=True),
    ):
        morning.now += HOUR
        awake.watch()

        with posting(morning, heard, Post(lambda: morning.now), is_ticking=True) as asleep:
            asleep.watch()
    assert not heard.of(Gap)


def test_a_store_that_is_full_for_longer_than_the_grace_is_told_without_it(
    morning: Desk, heard: Teller
) -> None:
    told = morning.folder / "told"
    command = json.dumps(["sh", "-c", f"cat >> {told}; echo >> {told}"])
    morning.write("config.toml", CONFIG.format(transport="maildir") + f"\n[alarm]\ncommand = {command}\n")

    with serving(morning, heard) as service:
        with open_copy(morning.folder / "digest.sqlite3") as database, database.begin() as connection:
            full = "SELECT RAISE(FAIL, 'database or disk is full')"
            connection.exec_driver_sql(f"CREATE TRIGGER no_room BEFORE UPDATE ON service BEGIN {full}; END")
        for _ in range(4):
            with pytest.raises(StoreError):
                service.watch()
            morning.now += 20 * MINUTE
        with open_copy(morning.folder / "digest.sqlite3") as database, database.begin() as connection:
            connection.exec_driver_sql("DROP TRIGGER no_room")
        service.watch()

    assert told.read_text().count("the store cannot be used since 2026-03-11 06:00 UTC") == 1 + 1
