"""The operator hears of overdue editions and of gaps through the hook: once, and again when it is over and back."""

import json
import sys
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from digest.alarm import of_gap
from digest.cli.watching import Over, Untold, report_gap, watch
from digest.cli.world import World
from digest.config import load_configuration
from digest.making import Makers, make
from digest.model import Outcome, Suppression
from digest.overdue import Gap, Overdue
from digest.schedule import plan_of
from digest.store.editions import record_outcomes
from digest.store.relays import alarms
from digest.store.suppressions import suppress
from digest.store.turns import TurnRow, put_turns
from tests.cli.outgoing import BUSY, LOST, NOBODY, SENT, store, tried, waits
from tests.desk import ADA, CONFIG, Desk
from tests.makers import edition, profile
from tests.stores import open_copy

PLAN = plan_of(profile())
AT_SEVEN = 'send_at = "07:00"\n'


@dataclass
class Watched:
    """A desk with a hook, and what was told."""

    desk: Desk
    told: list[object] = field(default_factory=list)
    began_at: datetime | None = None

    @property
    def heard(self) -> list[dict[str, str]]:
        """What the hook was told, in its environment."""
        out = self.desk.folder / "heard"
        return [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []

    def world(self) -> World:
        return World(now=lambda: self.desk.now, environment=self.desk.environment, folder=self.desk.folder)

    def watch(self, hours: float = 0) -> tuple[Overdue, ...]:
        self.desk.now += timedelta(hours=hours)
        loaded = load_configuration(self.desk.folder / "config.toml")
        with open_copy(self.desk.folder / "digest.sqlite3") as database:
            return watch(loaded, database, self.world(), self.told.append, began_at=self.began_at)

    def report(self, last_seen: datetime | None) -> Gap | None:
        loaded = load_configuration(self.desk.folder / "config.toml")
        with open_copy(self.desk.folder / "digest.sqlite3") as database:
            return report_gap(loaded, database, self.world(), self.told.append, last_seen)

    def due(self, name: str = "ada", *, day: date | None = None, minutes: float = 60) -> None:
        """A reader's turn, which has been due for so long."""
        at = self.desk.now - timedelta(minutes=minutes)
        with store(self.desk) as connection:
            put_turns(connection, [TurnRow(profile=name, day=day or at.date(), due_at=at, plan=PLAN)])

    def fails(self, name: str, reason: str) -> None:
        """Her edition of today could not be made just now, and is tried again in an hour."""
        made = edition(profile=profile(name=name), day=self.desk.now.date(), sections=(), considered=0)
        with store(self.desk) as connection:
            record_outcomes(connection, [(made, Outcome.FAILED, reason)], self.desk.now)
            again = self.desk.now + timedelta(hours=1)
            put_turns(connection, [TurnRow(profile=name, day=self.desk.now.date(), due_at=again, plan=PLAN)])


HOOK = """#!{python}
import json, os, sys
sys.stdin.read()
told = {{name: value for name, value in os.environ.items() if name.startswith("DIGEST_ALARM_")}}
with open({out!r}, "a") as out:
    out.write(json.dumps(told) + "\\n")
"""


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    desk = Desk(tmp_path)
    hook = desk.write("hook.py", HOOK.format(python=sys.executable, out=str(tmp_path / "heard")))
    command = json.dumps([sys.executable, str(hook)])
    desk.write("config.toml", CONFIG.format(transport="maildir") + f"\n[alarm]\ncommand = {command}\n")
    desk.write("profiles/ada.toml", AT_SEVEN + ADA)
    desk.write("profiles/ben.toml", AT_SEVEN + ADA.replace("ada@", "ben@"))
    return Watched(desk)


# ---------------------------------------------------------------- overdue


def test_nothing_overdue_tells_nobody_and_writes_nothing(watched: Watched) -> None:
    watched.due(minutes=29)

    before = (watched.desk.folder / "digest.sqlite3").read_bytes()
    assert watched.watch() == ()

    assert watched.told == watched.heard == []
    assert (watched.desk.folder / "digest.sqlite3").read_bytes() == before


def test_an_overdue_edition_is_told_once_through_the_hook(watched: Watched) -> None:
    watched.due("ada", minutes=40)
    watched.due("ben", minutes=35)

    (found,) = watched.watch()
    again = watched.watch(hours=1)

    (heard,) = watched.heard
    assert heard["DIGEST_ALARM_KIND"] == "overdue"
    assert heard["DIGEST_ALARM_WHAT"] == found.line
    assert found.line.startswith("2 editions for 2026-03-11 overdue by 2 h, because no pass has come")
    assert watched.told == [found]
    assert len(again) == 1


def test_another_thing_that_lacks_the_same_day_is_told_too(watched: Watched) -> None:
    watched.due("ada", minutes=40)
    watched.watch()

    watched.fails("ben", "profiles/ben.toml: email: is missing")
    watched.watch()

    assert len(watched.heard) == 2
    assert "profiles/ben.toml: email: is missing" in watched.heard[1]["DIGEST_ALARM_WHAT"]


def test_what_still_is_overdue_is_told_again_after_a_day(watched: Watched) -> None:
    waits(watched.desk)
    watched.watch(hours=1)
    watched.watch(hours=10)
    watched.watch(hours=11)

    assert len(watched.heard) == 2


def test_when_it_is_over_that_is_told_and_the_next_time_is_told_at_once(watched: Watched) -> None:
    watched.due("ada", minutes=40)
    watched.watch()

    watched.due("ada", minutes=-600, day=watched.desk.now.date() + timedelta(days=1))
    assert watched.watch() == ()
    watched.due("ben", minutes=40)
    watched.watch()

    assert [type(one) for one in watched.told] == [Overdue, Over, Overdue]
    assert watched.told[1] == Over(about="2026-03-11 turn")
    assert len(watched.heard) == 2


def test_a_failure_that_is_tried_each_hour_is_one_alarm(watched: Watched) -> None:
    for _ in range(4):
        watched.fails("eve", "profiles/eve.toml: email: is missing")
        for _ in range(4):
            watched.watch(hours=0.25)

    assert len(watched.heard) == 1
    assert [type(one) for one in watched.told] == [Overdue]


def test_messages_that_wait_are_overdue_and_say_what_the_relay_said(watched: Watched) -> None:
    tried(watched.desk, BUSY)
    (found,) = watched.watch(hours=1)

    assert found.line.endswith("because the relay main said: RCPT 450 4.2.1 mailbox busy")


def test_who_gets_no_mail_is_not_overdue(watched: Watched) -> None:
    with store(watched.desk) as connection:
        suppress(
            connection, Suppression(address="ada@example.org", reason="asked to stop", at=watched.desk.now)
        )
    loaded = load_configuration(watched.desk.folder / "config.toml")
    ada = next(one for one in loaded.profiles if one.name == "ada")
    none = Makers(decide=lambda _connection, _due: [], compose=lambda _edition: None)
    with open_copy(watched.desk.folder / "digest.sqlite3") as database:
        make(database, [(ada, watched.desk.now.date())], none, watched.desk.now, lambda _event: None)
    again = watched.desk.now + timedelta(hours=1)
    with store(watched.desk) as connection:
        put_turns(connection, [TurnRow(profile="ada", day=watched.desk.now.date(), due_at=again, plan=PLAN)])

    assert watched.watch(hours=0.9) == ()


def test_what_was_sent_or_given_up_is_not_overdue(watched: Watched) -> None:
    for name, attempt in (("ada", SENT), ("ben", NOBODY), ("cleo", LOST)):
        tried(watched.desk, attempt, name)

    assert watched.watch(hours=2) == ()


def test_the_grace_is_the_operators(watched: Watched) -> None:
    config = watched.desk.folder / "config.toml"
    config.write_text(config.read_text() + "overdue_minutes = 90\n")
    watched.due(minutes=60)

    assert watched.watch() == ()
    assert watched.watch(hours=1)


def test_without_a_hook_the_log_has_it_each_hour(watched: Watched) -> None:
    watched.desk.write("config.toml", CONFIG.format(transport="maildir"))
    watched.due(minutes=40)

    for _ in range(5):
        watched.watch(hours=0.5)

    assert [type(one) for one in watched.told] == [Overdue, Untold] * 3
    assert watched.told[1] == Untold(problem="no [alarm] is set up")


def test_a_profile_that_is_broken_all_day_is_told_though_each_pass_has_just_tried_it(
    watched: Watched,
) -> None:
    watched.desk.now = watched.desk.now.replace(hour=7, minute=30)
    for _ in range(3):
        watched.fails("eve", "profiles/eve.toml: email: is missing")
        watched.watch()
        watched.desk.now += timedelta(hours=1)

    (heard,) = watched.heard
    assert "overdue by 1 h, because profiles/eve.toml: email: is missing" in heard["DIGEST_ALARM_WHAT"]


# ---------------------------------------------------------------- gaps


def test_what_was_missed_while_nothing_ran_is_told_once(watched: Watched) -> None:
    watched.due("ada", minutes=300)
    watched.due("ben", minutes=40)
    last_seen = watched.desk.now - timedelta(hours=9, minutes=12)

    gap = watched.report(last_seen)
    watched.report(last_seen)

    assert gap
    assert gap.line == (
        "Digest did not run from 2026-03-10 23:48 to 2026-03-11 09:00 UTC (9 h 12 min): "
        "2 editions were due; 2 can still be made, late"
    )
    (heard,) = watched.heard
    assert (heard["DIGEST_ALARM_KIND"], heard["DIGEST_ALARM_WHAT"]) == ("gap", gap.line)


def test_a_gap_in_which_nothing_was_due_is_a_line_and_no_alarm(watched: Watched) -> None:
    watched.due(minutes=-60)

    watched.report(watched.desk.now - timedelta(hours=3))

    (told,) = watched.told
    assert isinstance(told, Gap)
    assert told.line.endswith("(3 h): no edition was due")
    assert watched.heard == []


def test_a_pass_by_cron_that_is_in_time_says_nothing_of_gaps(watched: Watched) -> None:
    watched.due(minutes=14)

    assert watched.report(None) is None
    assert watched.told == []


def test_a_pass_by_cron_that_is_late_says_so(watched: Watched) -> None:
    watched.due(minutes=120)

    gap = watched.report(None)

    assert gap
    assert gap.line.startswith(
        "no pass of Digest came from 2026-03-11 07:00 to 09:00 UTC (2 h): 1 edition was due"
    )
    assert len(watched.heard) == 1


def test_only_the_last_gap_is_kept(watched: Watched) -> None:
    for days in (0, 1, 2):
        watched.desk.now += timedelta(days=days)
        watched.due(minutes=120)
        watched.report(watched.desk.now - timedelta(hours=4))

    with store(watched.desk) as connection:
        assert len([one for one in alarms(connection) if one.kind == "gap"]) == 1
    assert len(watched.heard) == 3


def test_a_gap_that_no_channel_would_take_is_told_an_hour_later(watched: Watched) -> None:
    hook = watched.desk.folder / "hook.py"
    works = hook.read_text()
    watched.due(minutes=120)
    hook.write_text("import sys; sys.exit(1)")
    gap = watched.report(watched.desk.now - timedelta(hours=4))

    hook.write_text(works)
    for _ in range(3):
        watched.watch(hours=0.5)

    assert gap
    told = [one["DIGEST_ALARM_ABOUT"] for one in watched.heard if one["DIGEST_ALARM_KIND"] == "gap"]
    assert told == [of_gap(gap).about]


def test_who_gets_no_mail_missed_nothing(watched: Watched) -> None:
    suppressed = Suppression(address="ada@example.org", reason="asked to stop", at=watched.desk.now)
    with store(watched.desk) as connection:
        suppress(connection, suppressed)
    watched.due("ada", minutes=120)

    gap = watched.report(watched.desk.now - timedelta(hours=4))

    assert gap
    assert gap.line.endswith("no edition was due")
    assert watched.heard == []


def test_who_is_told_by_a_command_is_not_told_again_because_a_relay_cannot_be_used(watched: Watched) -> None:
    config = watched.desk.folder / "config.toml"
    smtp = '\n[smtp]\nhost = "mail.example.org"\nusername = "digest"\npassword_file = "gone"\n'
    config.write_text(config.read_text().replace('"maildir"', '"smtp"') + smtp)
    watched.due(minutes=40)

    for _ in range(5):
        watched.watch(hours=1)

    assert len(watched.heard) == 1
    assert not [one for one in watched.told if isinstance(one, Untold)]


def test_messages_that_are_being_sent_as_fast_as_it_goes_are_not_overdue(watched: Watched) -> None:
    config = watched.desk.folder / "config.toml"
    smtp = '\n[smtp]\nname = "main"\nhost = "mail.example.org"\nper_minute = 3\n'
    config.write_text(config.read_text().replace('"maildir"', '"smtp"') + smtp)
    waits(watched.desk)
    watched.desk.now += timedelta(hours=1)
    tried(watched.desk, SENT, "ben")

    assert watched.watch() == ()
    (found,) = watched.watch(hours=0.1)
    assert found.line.endswith("because their messages were not tried yet")
