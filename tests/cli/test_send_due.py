"""`digest send --due` for timers, and what plain `send` does on days that are not a reader's."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from click.testing import CliRunner
from sqlalchemy import update

from digest.cli.main import cli
from digest.cli.world import World
from digest.errors import ExitCode
from digest.model import Outcome
from digest.store.database import open_database
from digest.store.editions import days, record_outcomes
from digest.store.lock import at_work, present
from digest.store.tables import delivery
from digest.store.turns import TurnRow, put_turns, turns_of
from tests.desk import ADA, CONFIG, Desk
from tests.makers import edition, profile

WEDNESDAY = datetime(2026, 3, 11, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def at(desk: Desk, hours: float, day: int = 11) -> Desk:
    desk.now = WEDNESDAY.replace(day=day) + hours * HOUR
    return desk


def ada(desk: Desk, more: str) -> None:
    desk.write("profiles/ada.toml", f"{more}\n{ADA}")


def outcomes(desk: Desk, name: str = "ada") -> dict[str, str]:
    with open_database(desk.folder / "digest.sqlite3") as database, database.read() as connection:
        found = days(connection, [name], since=WEDNESDAY.date() - 30 * DAY)
    return {one.day.isoformat(): one.outcome.value for one in reversed(found)}


def test_a_pass_before_the_hour_makes_nothing_and_one_after_it_once(desk: Desk) -> None:
    early = at(desk, 7).run("send", "--due")
    before = len(desk.mails())
    due = at(desk, 7.6).run("send", "--due")
    again = at(desk, 7.8).run("send", "--due")

    assert (early.exit_code, due.exit_code, again.exit_code) == (ExitCode.OK, ExitCode.OK, ExitCode.OK)
    assert before == 0
    assert "ada: sent to ada@example.org" in due.stdout
    assert len(desk.mails()) == 1
    assert early.stdout == "listing: 3 papers, 3 of them new\n"
    assert again.stdout == ""


def test_each_reader_is_served_at_her_own_hour(desk: Desk) -> None:
    desk.write("profiles/bob.toml", 'send_at = "18:00"\n' + ADA.replace("ada@", "bob@"))

    at(desk, 8).run("send", "--due")
    morning = len(desk.mails())
    at(desk, 18).run("send", "--due")

    assert (morning, len(desk.mails())) == (1, 2)


def test_due_readers_are_not_named(desk: Desk) -> None:
    result = desk.run("send", "--due", "ada")

    assert result.exit_code == ExitCode.USAGE
    assert "--due serves those who are due" in result.stderr


def test_a_pass_leaves_making_to_another_process_that_is_at_it(desk: Desk) -> None:
    at(desk, 7).run("send", "--due")

    with at_work(desk.folder / "digest.sqlite3", "editions", waiting=None):
        beside = at(desk, 8).run("send", "--due")

    assert beside.exit_code == ExitCode.OK
    assert desk.mails() == []
    assert outcomes(desk) == {}


def test_days_on_which_nothing_ran_are_stated_by_the_next_pass(desk: Desk) -> None:
    at(desk, 8).run("send", "--due")

    result = at(desk, 8, day=14).run("send", "--due")

    assert outcomes(desk)["2026-03-12"] == outcomes(desk)["2026-03-13"] == "expired"
    assert (
        "ada: 2026-03-12: expired (no pass of Digest came between Thu 12 March 07:30 and Fri 13 March 00:00; "
        "its papers come in the next edition)"
    ) in result.stdout


def test_a_plain_run_states_the_days_on_which_cron_did_not_come_too(desk: Desk) -> None:
    at(desk, 5).run("send")

    result = at(desk, 5, day=13).run("send", "--no-fetch")

    assert list(outcomes(desk)) == ["2026-03-11", "2026-03-12", "2026-03-13"]
    assert outcomes(desk)["2026-03-12"] == "expired"
    assert "ada: 2026-03-12: expired (" in result.stdout
    assert result.exit_code == ExitCode.OK


def test_a_plain_run_serves_whoever_whatever_the_hour_and_a_pass_after_it_makes_nothing(desk: Desk) -> None:
    ada(desk, 'send_at = "20:00"')

    at(desk, 5).run("send")
    plain = len(desk.mails())
    at(desk, 20.1).run("send", "--due")

    assert (plain, len(desk.mails())) == (1, 1)


def test_a_reader_in_a_pause_has_none_and_that_is_no_failure(desk: Desk) -> None:
    ada(desk, "pause = { until = 2026-03-13 }")

    plain = at(desk, 5).run("send")
    due = at(desk, 8, day=12).run("send", "--due")
    back = at(desk, 8, day=13).run("send", "--due")

    assert (plain.exit_code, due.exit_code, back.exit_code) == (ExitCode.OK, ExitCode.OK, ExitCode.OK)
    assert "ada: none today (paused until Fri 13 March 2026" in plain.stdout
    assert list(outcomes(desk).values())[:2] == ["paused", "paused"]
    assert len(desk.mails()) == 1


def test_a_reader_who_is_named_is_served_in_a_pause_and_told_so(desk: Desk) -> None:
    ada(desk, "pause = {}")

    result = desk.run("send", "ada")

    assert "ada: an edition of today, as asked for, though paused" in result.stdout
    assert len(desk.mails()) == 1
    assert desk.run("send").exit_code == ExitCode.OK
    assert outcomes(desk) == {"2026-03-11": "sent"}


def test_a_weekly_reader_has_one_on_her_day_or_as_soon_as_there_is_a_run_after_it(desk: Desk) -> None:
    ada(desk, 'every = "week"\ndays = ["tuesday", "friday"]')

    before = at(desk, 5, day=9).run("send")
    late = at(desk, 5, day=11).run("send")
    after = at(desk, 5, day=12).run("send")

    assert "ada: none today (Monday is not among this reader's days)" in before.stdout
    assert outcomes(desk) == {"2026-03-10": "sent"}
    assert "none today" not in late.stdout
    assert "ada: none today" in after.stdout
    assert len(desk.mails()) == 1


def test_a_weekly_reader_has_none_on_the_second_of_her_days(desk: Desk) -> None:
    ada(desk, 'every = "week"\ndays = ["tuesday", "wednesday"]')

    first, second = at(desk, 5, day=10).run("send"), at(desk, 5, day=11).run("send")

    assert first.exit_code == ExitCode.OK
    assert "ada: none today (this reader's edition of the week has another day)" in second.stdout
    assert len(desk.mails()) == 1


def test_whose_profile_is_broken_has_a_day_that_failed_and_the_others_their_mail(desk: Desk) -> None:
    desk.write("profiles/bob.toml", ADA.replace("ada@", "bob@"))
    at(desk, 5).run("send", "--due")
    desk.write("profiles/bob.toml", "email = ")

    result = at(desk, 8).run("send", "--due")

    assert result.exit_code == ExitCode.CONFIGURATION
    assert outcomes(desk) == {"2026-03-11": "sent"}
    assert outcomes(desk, "bob") == {"2026-03-11": "failed"}
    assert "bob: 2026-03-11: failed (" in result.stdout
    assert "bob.toml: is not valid TOML" in result.stdout


def test_a_broken_profile_gives_its_exit_code_once_a_day_and_not_at_each_pass(desk: Desk) -> None:
    at(desk, 5).run("send", "--due")
    desk.write("profiles/ada.toml", "email = ")

    codes = [at(desk, hour).run("send", "--due", "--no-fetch").exit_code for hour in (6, 8, 8.25, 9, 10)]
    next_day = at(desk, 8, day=12).run("send", "--due", "--no-fetch")

    assert codes == [ExitCode.OK, ExitCode.CONFIGURATION, ExitCode.OK, ExitCode.OK, ExitCode.OK]
    assert next_day.exit_code == ExitCode.CONFIGURATION


def test_a_profile_that_never_could_be_used_gives_its_exit_code_at_each_pass(desk: Desk) -> None:
    desk.write("profiles/bob.toml", "email = ")

    codes = {at(desk, hour).run("send", "--due", "--no-fetch").exit_code for hour in (6, 8, 9)}

    assert codes == {ExitCode.CONFIGURATION}


def test_readers_of_a_folder_that_is_not_mounted_keep_their_turns(desk: Desk) -> None:
    at(desk, 8).run("send", "--due")
    (desk.folder / "profiles").rename(desk.folder / "unmounted")
    (desk.folder / "profiles").mkdir()
    away = at(desk, 8, day=12).run("send", "--due")
    (desk.folder / "profiles").rmdir()
    (desk.folder / "unmounted").rename(desk.folder / "profiles")

    at(desk, 8, day=13).run("send", "--due")

    assert away.exit_code == ExitCode.CONFIGURATION
    assert list(outcomes(desk).values()) == ["sent", "expired", "quiet"]


def test_a_pause_that_is_taken_away_before_the_hour_brings_back_todays_edition(desk: Desk) -> None:
    ada(desk, "pause = {}")
    at(desk, 5).run("send")
    at(desk, 6).run("resume", "ada")

    at(desk, 8).run("send", "--due")

    assert outcomes(desk) == {"2026-03-11": "sent"}


def test_what_another_process_makes_at_this_moment_is_not_told_as_overdue(desk: Desk) -> None:
    at(desk, 7).run("send", "--due")

    with at_work(desk.folder / "digest.sqlite3", "editions", waiting=None):
        beside = at(desk, 11).run("send", "--due", "--no-fetch")

    assert "no pass has come to them" not in beside.stderr


def test_the_time_without_a_pass_is_told_from_the_end_of_the_last_one(desk: Desk) -> None:
    in_time = at(desk, 6).run("send", "--due", "--no-fetch")
    idle = at(desk, 7.25).run("send", "--due", "--no-fetch")
    late = at(desk, 12).run("send", "--due", "--no-fetch")

    assert "no pass of Digest came" not in in_time.stderr + idle.stderr
    assert (
        "no pass of Digest came from 2026-03-11 07:15 to 12:00 UTC (4 h 45 min): "
        "1 edition was due; 1 can still be made, late" in late.stderr
    )


def test_who_waits_for_a_list_between_two_passes_is_no_gap(desk: Desk) -> None:
    at(desk, 7).run("send", "--due")
    with open_database(desk.folder / "digest.sqlite3") as database, database.begin() as connection:
        turn = turns_of(connection, ["ada"])["ada"]
    ada(desk, 'wait_until = "09:30"')
    at(desk, 7.1).run("send", "--due", "--no-fetch")
    not_ready(desk, "ada", turn.day)

    result = at(desk, 8.75).run("send", "--due", "--no-fetch")

    assert "no pass of Digest came" not in result.stderr


def test_a_profile_that_is_mended_gets_its_edition_in_the_next_pass(desk: Desk) -> None:
    at(desk, 5).run("send", "--due")
    desk.write("profiles/ada.toml", "email = ")
    at(desk, 8).run("send", "--due", "--no-fetch")
    desk.write("profiles/ada.toml", ADA)

    at(desk, 8.1).run("send", "--due", "--no-fetch")

    assert outcomes(desk) == {"2026-03-11": "sent"}


def test_what_is_told_as_missed_is_told_as_overdue_only_after_as_much_time_to_catch_up(desk: Desk) -> None:
    at(desk, 7).run("send", "--due", "--no-fetch")
    (desk.folder / "profiles").rename(desk.folder / "unmounted")
    (desk.folder / "profiles").mkdir()

    first = at(desk, 12).run("send", "--due", "--no-fetch")
    second = at(desk, 12.25).run("send", "--due", "--no-fetch")
    third = at(desk, 12.6).run("send", "--due", "--no-fetch")

    assert "no pass of Digest came from 2026-03-11 07:00 to 12:00 UTC" in first.stderr
    assert "overdue by" not in first.stderr + second.stderr
    assert "no pass of Digest came" not in second.stderr + third.stderr
    assert "overdue by 5 h 6 min, because no pass has come to them" in third.stderr


def not_ready(desk: Desk, name: str, day: date) -> None:
    """A pass at 07:30 found her list short, and looks again five minutes later."""
    looked_at = WEDNESDAY + 7.5 * HOUR
    made = edition(profile=profile(name=name), day=day, sections=(), considered=0)
    with open_database(desk.folder / "digest.sqlite3") as database, database.begin() as connection:
        record_outcomes(connection, [(made, Outcome.NOT_READY, "waits for the kettle")], looked_at)
        row = turns_of(connection, [name])[name]
        put_turns(connection, [replace(row, day=day, due_at=looked_at + timedelta(minutes=5))])


def test_a_pass_waits_a_while_for_another_process_that_reads_the_sources(desk: Desk) -> None:
    at(desk, 7).run("send", "--due")
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        desk.now += timedelta(seconds=seconds)

    world = World(now=lambda: desk.now, environment={}, folder=desk.folder, sleep=sleep)
    at(desk, 8)
    with at_work(desk.folder / "digest.sqlite3", "harvest", waiting=None):
        result = CliRunner().invoke(cli, ["send", "--due"], obj=world)

    assert "another process of Digest reads the sources" in result.stderr
    assert sum(waited) == timedelta(minutes=5).total_seconds()
    assert len(desk.mails()) == 1


def test_what_another_process_is_sending_is_no_failure_of_this_one(desk: Desk) -> None:
    smtp = '[[smtp]]\nname = "first"\nhost = "127.0.0.1"\nport = 9\nsecurity = "none"\n'
    desk.write("config.toml", CONFIG.format(transport="smtp") + smtp)
    at(desk, 8).run("send", "--due", "--wait", "0")
    with open_database(desk.folder / "digest.sqlite3") as database, present(database.place, "other"):
        with database.begin() as connection:
            in_hand = {"state": "sending", "owner": "other", "lease_until": desk.now + HOUR}
            connection.execute(update(delivery).values(in_hand))
        result = desk.run("send", "--no-fetch", "--wait", "0")

    assert "another process of Digest is sending 1" in result.stdout
    assert result.exit_code == ExitCode.OK


def test_a_run_for_one_reader_leaves_the_turns_of_others_alone(desk: Desk) -> None:
    desk.write("profiles/bob.toml", ADA.replace("ada@", "bob@"))
    at(desk, 5).run("send", "--due")
    before = turn(desk)
    ada(desk, 'send_at = "18:00"')

    desk.run("send", "bob", "--no-fetch")

    assert turn(desk) == before


def turn(desk: Desk, name: str = "ada") -> TurnRow:
    with open_database(desk.folder / "digest.sqlite3") as database, database.read() as connection:
        return turns_of(connection, [name])[name]


def test_a_source_is_read_by_its_rhythm_and_not_at_each_pass(desk: Desk) -> None:
    first = at(desk, 7).run("send", "--due")
    second = at(desk, 7.1).run("send", "--due")

    assert "listing: 3 papers" in first.stdout
    assert "listing" not in second.stdout


def test_what_waits_is_given_up_when_its_day_is_over_whoever_is_due(desk: Desk) -> None:
    smtp = '[[smtp]]\nname = "first"\nhost = "127.0.0.1"\nport = 9\nsecurity = "none"\n'
    desk.write("config.toml", CONFIG.format(transport="smtp") + smtp)
    ada(desk, 'days = ["wednesday"]')
    at(desk, 8).run("send", "--due", "--wait", "0")

    result = at(desk, 0.5, day=12).run("send", "--due", "--no-fetch", "--wait", "0")

    assert "ada: gave up the edition of 2026-03-11" in result.stdout
    assert outcomes(desk) == {"2026-03-11": "expired"}
