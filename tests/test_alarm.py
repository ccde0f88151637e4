"""The operator hears of what only a person can mend: by a command, by mail another way, once a day."""

import asyncio
import email
import email.policy
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from digest.alarm import (
    NO_CHANNEL,
    Alarm,
    Channels,
    forget_others,
    mended,
    note,
    of_source,
    read_again,
    sound,
    subject_of,
    take,
    text_of,
)
from digest.errors import DigestError
from digest.model import Attempt, Message, SourceState
from digest.pace import Limits
from digest.store.database import Database
from digest.store.harvests import Harvest
from digest.store.relays import alarms
from digest.transport.folder import EmlFolder
from digest.transport.protocol import Relay, Transport
from tests.makers import NOW
from tests.posts import Office, locked_out
from tests.stores import open_copy

ALARM = Alarm(
    kind="authentication",
    about="first",
    what="535 5.7.8 bad login\r\nX-Evil: 1\x00",
    fix="Make a new app password",
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_copy(tmp_path / "digest.sqlite3") as opened:
        yield opened


def hook(folder: Path, body: str) -> tuple[str, ...]:
    script = folder / "hook.py"
    script.write_text(f"import json, os, sys, time\n{body}\n", encoding="utf-8")
    return (sys.executable, str(script), "an argument; rm -rf $HOME")


def folder(path: Path, name: str) -> Relay:
    return Relay(name=name, limits=Limits(), open=lambda: EmlFolder(path))


def told(channels: Channels, *relays: Relay) -> tuple[str, ...]:
    return asyncio.run(sound(ALARM, channels, relays, NOW))


# ---------------------------------------------------------------- how often


def test_the_same_is_told_once_a_day(database: Database) -> None:
    def asked(hours: float, alarm: Alarm = ALARM) -> bool:
        now = NOW + timedelta(hours=hours)
        with database.begin() as connection:
            is_due = take(connection, alarm, now)
            if is_due:
                note(connection, alarm, now, ())
            return is_due

    other = Alarm(kind="authentication", about="second", what="x")

    assert [asked(0), asked(1), asked(19.9), asked(1, other), asked(23.9), asked(25)] == [
        True,
        False,
        False,
        True,
        True,
        False,
    ]


def test_what_was_mended_in_between_is_told_again(database: Database) -> None:
    with database.begin() as connection:
        assert take(connection, ALARM, NOW)
        mended(connection, "first")

        assert take(connection, ALARM, NOW + timedelta(hours=1))


@pytest.mark.parametrize("problems", [["no such command"], None])
def test_whom_no_channel_reached_is_told_again_after_an_hour_even_if_the_run_was_killed_meanwhile(
    database: Database, problems: list[str] | None
) -> None:
    def asked(minutes: float) -> bool:
        with database.begin() as connection:
            return take(connection, ALARM, NOW + timedelta(minutes=minutes))

    at_first = asked(0)
    with database.begin() as connection:
        if problems:
            note(connection, ALARM, NOW, problems)

    assert (at_first, asked(59), asked(61), asked(90)) == (True, False, True, False)


def test_a_clock_set_back_does_not_silence_for_ever(database: Database) -> None:
    with database.begin() as connection:
        assert take(connection, ALARM, NOW + timedelta(days=400))

        assert take(connection, ALARM, NOW)


def test_why_telling_failed_is_on_record(database: Database) -> None:
    with database.begin() as connection:
        note(connection, ALARM, NOW, ["no such command", "no other relay"])

        (kept,) = alarms(connection)
        note(connection, ALARM, NOW, ())
        (mended_since,) = alarms(connection)

    assert kept.problem == "no such command; no other relay"
    assert mended_since.problem is None


# ---------------------------------------------------------------- the command


def test_the_command_gets_a_subject_a_text_and_its_environment_and_none_of_our_secrets(
    tmp_path: Path,
) -> None:
    out = tmp_path / "out.json"
    command = hook(
        tmp_path, f"json.dump([sys.argv[1:], sys.stdin.read(), dict(os.environ)], open({str(out)!r}, 'w'))"
    )
    environment = {"PATH": "/usr/bin", "DIGEST_SMTP_PASSWORD": "correct-horse"}

    problems = told(Channels(command=command, environment=environment))

    arguments, text, seen = json.loads(out.read_text())
    assert problems == ()
    assert arguments == ["an argument; rm -rf $HOME"]
    assert text.splitlines()[0] == "Digest: authentication: first: 535 5.7.8 bad login X-Evil: 1"
    assert "Make a new app password" in text
    assert (seen["DIGEST_ALARM_KIND"], seen["DIGEST_ALARM_ABOUT"]) == ("authentication", "first")
    assert seen["PATH"] == "/usr/bin"
    assert "correct-horse" not in str(seen)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "said"),
    [("sys.exit(3)", "ended with 3"), ("time.sleep(600)", "did not end within 0.5 s")],
)
def test_a_command_that_fails_or_hangs_is_told(tmp_path: Path, body: str, said: str) -> None:
    (problem,) = told(Channels(command=hook(tmp_path, body), timeout_s=0.5 if "sleep" in body else 20))

    assert said in problem


def test_a_command_that_is_not_there_is_told(tmp_path: Path) -> None:
    (problem,) = told(Channels(command=(str(tmp_path / "nowhere"),)))

    assert "cannot be run" in problem


def test_a_command_that_reads_nothing_is_no_failure(tmp_path: Path) -> None:
    assert told(Channels(command=hook(tmp_path, "sys.stdin.close()"))) == ()


# ---------------------------------------------------------------- mail


def test_mail_goes_by_another_relay_than_the_one_it_is_about(tmp_path: Path) -> None:
    channels = Channels(email="ops@example.org", sender="digest@example.org")

    problems = told(channels, folder(tmp_path / "one", "first"), folder(tmp_path / "two", "second"))

    assert problems == ()
    assert not (tmp_path / "one").exists()
    (path,) = (tmp_path / "two").rglob("*.eml")
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert message["To"] == "ops@example.org"
    assert message["From"] == "digest@example.org"
    assert message["Subject"].startswith("Digest: authentication: first: 535 5.7.8 bad login")
    assert message["X-Evil"] is None
    assert "Make a new app password" in message.get_content()


def test_without_another_relay_that_is_told(tmp_path: Path) -> None:
    channels = Channels(email="ops@example.org", sender="digest@example.org")

    (problem,) = told(channels, folder(tmp_path / "one", "first"))

    assert problem == "no other relay is there to send the alarm to ops@example.org"


def test_a_second_relay_in_trouble_gives_way_to_the_third(tmp_path: Path) -> None:
    channels = Channels(email="ops@example.org", sender="digest@example.org")
    office = Office(tmp_path)
    broken = office.post(lambda _message, _borne: locked_out()).relay("second")

    assert told(channels, broken, folder(tmp_path / "three", "third")) == ()
    assert "second: 535 5.7.8 bad login" in told(channels, broken)[0]


class Hanging:
    """A connection that answers nothing, not even a goodbye."""

    async def check(self) -> str:
        return "fine"

    async def send(self, message: Message, *, committing: Callable[[], Awaitable[None]]) -> Attempt:
        await asyncio.Event().wait()
        raise AssertionError

    async def close(self) -> None:
        await asyncio.Event().wait()


def test_a_relay_that_hangs_at_everything_gives_way_to_the_next(tmp_path: Path) -> None:
    channels = Channels(email="ops@example.org", sender="digest@example.org", timeout_s=0.05)
    hanging = Relay(name="second", limits=Limits(), open=Hanging)

    assert told(channels, hanging, folder(tmp_path / "three", "third")) == ()
    assert "second: no answer within 0.05 s" in told(channels, hanging)[0]


@pytest.mark.parametrize(
    "problem", [OSError("too many open files"), DigestError("key_file: no such file"), ValueError("no mail")]
)
def test_a_relay_that_cannot_be_opened_gives_way_to_the_next(tmp_path: Path, problem: Exception) -> None:
    def fail() -> Transport:
        raise problem

    channels = Channels(email="ops@example.org", sender="digest@example.org")
    closed = Relay(name="second", limits=Limits(), open=fail)

    assert told(channels, closed, folder(tmp_path / "three", "third")) == ()
    assert f"second: {problem}" in told(channels, closed)[0]


class Slamming(Hanging):
    async def send(self, message: Message, *, committing: Callable[[], Awaitable[None]]) -> Attempt:
        raise OSError("connection reset")

    async def close(self) -> None:
        raise OSError("broken pipe")


def test_a_relay_that_breaks_even_at_its_goodbye_gives_way_to_the_next(tmp_path: Path) -> None:
    channels = Channels(email="ops@example.org", sender="digest@example.org")
    slamming = Relay(name="second", limits=Limits(), open=Slamming)

    assert told(channels, slamming, folder(tmp_path / "three", "third")) == ()
    assert "second: connection reset" in told(channels, slamming)[0]


def test_without_any_channel_that_is_said() -> None:
    assert told(Channels()) == (NO_CHANNEL,)


# ---------------------------------------------------------------- about sources


def went(state: SourceState, hours_ago: float = 0, **fields: Any) -> Harvest:
    at = NOW - timedelta(hours=hours_ago)
    return Harvest(source="kettle", at=at, state=state, problem=fields.pop("problem", "odd"), **fields)


def about(*last: Harvest, good_hours_ago: float = 1) -> str | None:
    alarm = of_source(last, NOW - timedelta(hours=good_hours_ago), NOW)
    return alarm.kind if alarm else None


def test_a_strange_page_calls_a_person_at_once_and_says_where_it_is_kept() -> None:
    done = went(
        SourceState.STRANGE, problem="has 70 entries where it says 79", kept="kept-pages/kettle-1.page"
    )

    alarm = of_source([done], NOW, NOW)

    assert alarm
    assert (alarm.kind, alarm.about, alarm.what) == ("source-strange", "kettle", done.problem)
    assert "kept-pages/kettle-1.page" in text_of(alarm)
    assert "Messages wait" not in text_of(alarm)


def test_a_source_that_is_down_calls_a_person_the_second_day() -> None:
    down, before = went(SourceState.DOWN), went(SourceState.DOWN, 24)

    assert about(down, went(SourceState.FINE, 24, problem=None), good_hours_ago=24) is None
    assert about(down, before, good_hours_ago=48) == "source-down"


def test_of_a_source_that_never_was_read_no_day_is_named_on_which_it_was() -> None:
    downs = [went(SourceState.DOWN, hours) for hours in (0, 24)]

    alarm = of_source(downs, None, NOW, tried_since=NOW - timedelta(days=2))

    assert alarm
    assert alarm.headline == "kettle is down; never read well yet"


def test_the_first_line_says_what_happened_before_where_and_what_to_do_ends_as_a_sentence() -> None:
    problem = "cannot be reached (http://kettle.example.org/api/daily_papers?date=2026-03-12&limit=100)"
    downs = [went(SourceState.DOWN, hours, problem=problem) for hours in (0, 24)]

    alarm = of_source(downs, since := NOW - timedelta(days=2), NOW)

    assert alarm
    assert subject_of(alarm).startswith(
        f"Digest: kettle is down; last read well on {since:%Y-%m-%d}: cannot be reached (http"
    )
    assert problem in text_of(alarm)
    assert "when it may be asked again." in text_of(alarm)


def test_a_source_that_is_asked_often_calls_a_person_after_twenty_hours() -> None:
    down, before = went(SourceState.DOWN), went(SourceState.DOWN, 1)

    assert about(down, before, good_hours_ago=20) is None
    assert about(down, before, good_hours_ago=21) == "source-down"


def test_a_stale_source_calls_a_person_the_second_time_or_after_a_day() -> None:
    stale, before = went(SourceState.STALE), went(SourceState.STALE, 1)

    assert about(stale) is None
    assert about(stale, went(SourceState.FINE, 1)) is None
    assert about(stale, before) == "source-stale"
    assert about(stale, went(SourceState.DOWN, 1), good_hours_ago=25) == "source-stale"


@pytest.mark.parametrize("state", [SourceState.FINE, SourceState.QUIET, SourceState.FILLING])
def test_a_source_that_gives_what_is_there_calls_nobody(state: SourceState) -> None:
    assert about(went(state, problem=None), went(SourceState.STRANGE, 1), good_hours_ago=99) is None
    assert about(good_hours_ago=99) is None


def test_a_source_that_is_read_in_part_calls_a_person_the_second_day() -> None:
    partly, before = went(SourceState.PARTLY), went(SourceState.PARTLY, 24)

    assert about(partly, went(SourceState.FINE, 24, problem=None), good_hours_ago=24) is None
    assert about(partly, before, good_hours_ago=48) == "source-partly"


def test_lists_that_are_lost_call_a_person_once(database: Database) -> None:
    lost = "the lists from 2026-01-05 to 2026-01-09 are lost"

    assert about(went(SourceState.FINE, problem=lost)) == "source-lost"
    assert about(went(SourceState.FINE, problem=None), went(SourceState.FINE, 24, problem=lost)) is None


def test_alarms_of_sources_that_are_none_any_more_are_over_and_no_others(database: Database) -> None:
    sources = [replace(ALARM, kind="source-down", about=name) for name in ("kettle", "teapot")]
    with database.begin() as connection:
        for one in (ALARM, *sources):
            assert take(connection, one, NOW)

        forget_others(connection, {"teapot"})

        assert [(one.kind, one.about) for one in alarms(connection)] == [
            ("authentication", "first"),
            ("source-down", "teapot"),
        ]


def test_a_source_and_a_relay_of_one_name_are_mended_each_by_itself(database: Database) -> None:
    strange = of_source([went(SourceState.STRANGE)], NOW, NOW)
    assert strange
    login = replace(ALARM, about="kettle")
    with database.begin() as connection:
        assert take(connection, strange, NOW)
        assert take(connection, login, NOW)

        mended(connection, "kettle")

        assert not take(connection, strange, NOW)
        assert take(connection, login, NOW)

        read_again(connection, "kettle")

        assert take(connection, strange, NOW)
        assert not take(connection, login, NOW)


def test_an_alarm_about_a_source_goes_out_by_a_relay_of_the_same_name(tmp_path: Path) -> None:
    strange = of_source([went(SourceState.STRANGE)], NOW, NOW)
    assert strange
    channels = Channels(email="ops@example.org", sender="digest@example.org")

    problems = asyncio.run(sound(strange, channels, [folder(tmp_path / "out", "kettle")], NOW))

    assert problems == ()
    (mail,) = (tmp_path / "out").iterdir()
    assert "Subject: Digest: kettle is strange: odd" in mail.read_text(encoding="utf-8")
