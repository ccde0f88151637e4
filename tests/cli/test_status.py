"""`digest status`: how the mail stands, in sentences."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from digest.cli.standing import Standing, sentences
from digest.cli.status import FEW, MOST_ROWS
from digest.cli.today import Ahead, Today
from digest.cli.week import NOTHING, SIGNS, days_until, drawn
from digest.errors import ExitCode
from digest.model import Failure, Outcome, Suppression
from digest.outcome import MEANINGS, name_of
from digest.rendering.columns import columns
from digest.schedule import plan_of
from digest.store import services, turns
from digest.store.editions import record_outcomes
from digest.store.lock import present
from digest.store.relays import Alarm, RelayHealth, record_alarm, record_health
from digest.store.suppressions import suppress
from tests.cli.outgoing import BUSY, LOST, NOBODY, SENT, store, tried, waits
from tests.desk import ADA, CONFIG, NOW, Desk
from tests.makers import edition, profile

ROOT = Path(__file__).parents[2]


def said(desk: Desk) -> list[str]:
    """The sentences before the tables."""
    shown = desk.run("status")
    assert shown.exit_code == 0
    return [line for line in shown.stdout.splitlines() if "\t" not in line]


def said_of(desk: Desk, name: str) -> list[str]:
    """The same of one reader."""
    return [line for line in desk.run("status", name).stdout.splitlines() if "\t" not in line]


def readers(desk: Desk, *names: str) -> None:
    for name in names:
        desk.write(f"profiles/{name}.toml", ADA.replace("ada@", f"{name}@"))


@pytest.mark.acceptance
def test_status_needs_nothing_that_scores_papers() -> None:
    code = "import digest.cli.status, digest.cli.standing, sys; print('numpy' in sys.modules)"

    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert told.stdout == "False\n"


def test_without_a_store_nothing_is_said_of_the_mail(desk: Desk) -> None:
    assert said(desk) == ["Nothing has happened yet: there is no store. `digest fetch` makes it."]


def test_without_a_store_there_is_the_same_json(desk: Desk) -> None:
    before = json.loads(desk.run("status", "--json").stdout)
    waits(desk)
    after = json.loads(desk.run("status", "--json").stdout)

    assert {key: type(value) for key, value in before.items()} == {k: type(v) for k, v in after.items()}
    assert before["mail"].keys() == after["mail"].keys()
    assert before["mail"]["today"] == {"ada": None}
    assert before["mail"]["waiting"] == []


def test_what_waits_is_said_with_its_next_try_and_why(desk: Desk) -> None:
    readers(desk, "bob", "eve")
    tried(desk, BUSY, "ada", minutes=65)
    tried(desk, BUSY, "bob", minutes=5)

    assert (
        "2 wait: the next tries are from 2026-03-11 09:05 UTC to 2026-03-11 10:05 UTC "
        "(RCPT 450 4.2.1 mailbox busy)." in said(desk)
    )


def test_what_is_due_is_told_apart_from_what_waits_longer(desk: Desk) -> None:
    readers(desk, "bob", "eve")
    tried(desk, BUSY, "ada", minutes=5)
    tried(desk, BUSY, "bob", minutes=65)
    waits(desk, "eve")

    sentences = said(desk)

    assert "1 waits for the next `digest send`." in sentences
    assert [one for one in sentences if one.startswith("2 wait: the next tries are from 2026-03-11 09:05")]


def test_a_limit_that_is_used_up_is_said_with_its_end(desk: Desk) -> None:
    smtp = '[smtp]\nname = "main"\nhost = "a.example"\nper_hour = 1\n'
    desk.write("config.toml", CONFIG.format(transport="smtp") + smtp)
    readers(desk, "bob")
    tried(desk, SENT, "ada")
    waits(desk, "bob")
    desk.now += timedelta(minutes=10)

    listed = desk.run("outbox", "list").stdout

    limit = "the limit of 1 an hour of main is used up"
    assert f"1 waits: the next try is at 2026-03-11 10:00 UTC, as {limit}." in said(desk)
    assert "next try 2026-03-11 10:00 UTC" in listed


def test_a_further_relay_that_may_send_keeps_the_mail_going(desk: Desk) -> None:
    smtp = '[[smtp]]\nname = "main"\nhost = "a.example"\nper_hour = 1\n[[smtp]]\nhost = "b.example"\n'
    desk.write("config.toml", CONFIG.format(transport="smtp") + smtp)
    readers(desk, "bob")
    tried(desk, SENT, "ada")
    waits(desk, "bob")

    assert "1 waits for the next `digest send`." in said(desk)


def test_what_is_due_waits_for_the_next_run(desk: Desk) -> None:
    waits(desk)

    assert "1 waits for the next `digest send`." in said(desk)


def test_what_may_have_arrived_is_said_with_how_to_look_at_it(desk: Desk) -> None:
    tried(desk, LOST)

    assert "1 may have arrived or not: `digest outbox show ada 2026-03-11`." in said(desk)


def test_many_are_not_named_one_by_one(desk: Desk) -> None:
    names = ("ada", "bob", "eve", "sam")
    readers(desk, *names)
    for name in names:
        tried(desk, LOST, name)

    assert "4 may have arrived or not: `digest outbox list --state unknown`." in said(desk)


def test_what_was_refused_is_said_with_the_reply(desk: Desk) -> None:
    tried(desk, NOBODY)

    assert "1 refused: `digest outbox show ada 2026-03-11` (RCPT 550 5.1.1 no such user)." in said(desk)


def test_each_refusal_has_its_own_reply(desk: Desk) -> None:
    readers(desk, "bob")
    tried(desk, NOBODY)
    tried(desk, replace(NOBODY, reply="RCPT 552 5.2.2 mailbox full", code=552), "bob")

    assert (
        "2 refused: `digest outbox show ada 2026-03-11` (RCPT 550 5.1.1 no such user), "
        "`digest outbox show bob 2026-03-11` (RCPT 552 5.2.2 mailbox full)." in said(desk)
    )


def test_suppressed_is_not_refused_and_yesterday_is_not_today(desk: Desk) -> None:
    readers(desk, "bob")
    tried(desk, NOBODY, "bob", day=NOW.date() - timedelta(days=1))
    tried(desk, replace(NOBODY, reply="suppressed since 2026-03-10: added by hand", phase=None))

    sentences = said(desk)

    assert (
        "1 refused on earlier days: `digest outbox show bob 2026-03-10` (RCPT 550 5.1.1 no such user)."
        in sentences
    )
    assert (
        "1 suppressed: `digest outbox show ada 2026-03-11` (suppressed since 2026-03-10: added by hand)."
        in sentences
    )


def test_a_reader_who_gets_no_mail_is_called_suppressed_and_one_without_an_edition_failed(desk: Desk) -> None:
    readers(desk, "bob")
    made = [
        (edition(profile=profile(name=name), day=NOW.date()), Outcome.FAILED, why)
        for name, why in (
            ("ada", "suppressed since 2026-03-10: bounced: 550"),
            ("bob", "the template is broken"),
        )
    ]
    with store(desk) as connection:
        record_outcomes(connection, made, NOW)

    assert "Editions of today: 1 failed, 1 failed (suppressed)." in said(desk)


def test_what_goes_out_now_is_not_what_was_cut_off(desk: Desk) -> None:
    tried(desk, None)

    with present(desk.folder / "digest.sqlite3", "test"):
        now = said(desk)
    ended = said(desk)

    assert "1 is going out just now." in now
    assert "1 was going out when the process ended; the next `digest send` puts that right." in ended


def test_what_takes_longer_than_anything_takes_was_cut_off(desk: Desk) -> None:
    tried(desk, None)
    desk.now += timedelta(hours=1)

    with present(desk.folder / "digest.sqlite3", "test"):
        later = said(desk)

    assert "1 was going out when the process ended; the next `digest send` puts that right." in later


def test_old_trouble_is_not_told_for_ever(desk: Desk) -> None:
    readers(desk, "bob")
    tried(desk, LOST)
    tried(desk, NOBODY, "bob")
    before = said(desk)
    desk.now += timedelta(days=9)

    assert len([one for one in before if "may have arrived" in one or "refused" in one]) == 2
    assert not [one for one in said(desk) if "may have arrived" in one or "refused" in one]


def test_a_relay_that_needs_a_person_or_is_paused_is_said(desk: Desk) -> None:
    smtp = '[[smtp]]\nname = "main"\nhost = "a.example"\n[[smtp]]\nname = "spare"\nhost = "b.example"\n'
    desk.write("config.toml", CONFIG.format(transport="smtp") + smtp)
    waits(desk)
    with store(desk) as connection:
        for name, failure, until in (
            ("main", Failure.AUTHENTICATION, None),
            ("spare", Failure.TRANSIENT, NOW + timedelta(minutes=20)),
            ("gone", Failure.SENDER, None),
        ):
            record_health(
                connection,
                RelayHealth(name=name, at=NOW, failure=failure, reply=f"5xx {name}", paused_until=until),
            )

    sentences = said(desk)

    assert (
        "Relay main needs you since 2026-03-11 09:00 UTC: login refused (5xx main); `digest check` tries it."
        in sentences
    )
    assert "Relay spare is paused until 2026-03-11 09:20 UTC: 5xx spare." in sentences
    assert not [one for one in sentences if "gone" in one]


def test_suppressed_addresses_and_alarms_are_said(desk: Desk) -> None:
    waits(desk)
    with store(desk) as connection:
        for address in ("ada@example.org", "bob@example.org"):
            suppress(connection, Suppression(address=address, reason="x", at=NOW))
        record_alarm(connection, "authentication", "main", NOW, None)
        record_alarm(connection, "sender", "spare", NOW, "the command ended with 1")

    sentences = said(desk)
    readers(desk, "bob")

    assert "2 addresses are suppressed, 1 of them a reader's: `digest suppress list`." in sentences
    assert "2 addresses are suppressed, 2 of them readers': `digest suppress list`." in said(desk)
    assert "You were told at 2026-03-11 09:00 UTC: authentication, main." in sentences
    assert (
        "You were to be told at 2026-03-11 09:00 UTC: sender, spare; that failed: the command ended with 1."
        in sentences
    )


def test_the_same_is_there_for_programs(desk: Desk) -> None:
    readers(desk, "bob")
    tried(desk, BUSY, "ada")
    tried(desk, SENT, "bob")

    mail = json.loads(desk.run("status", "--json").stdout)["mail"]

    assert [one["profile"] for one in mail["waiting"]] == ["ada"]
    assert mail["waiting"][0]["due_at"] == "2026-03-11T09:05:00+00:00"
    assert mail["unknown"] == mail["failed"] == mail["relays"] == mail["suppressed"] == mail["alarms"] == []


def test_status_of_one_reader_says_nothing_of_the_others_messages(desk: Desk) -> None:
    readers(desk, "bob")
    tried(desk, LOST, "bob")

    assert "may have arrived" not in desk.run("status", "ada").stdout
    assert "may have arrived" in desk.run("status", "bob").stdout


# ---------------------------------------------------------------- today


def stands(*outcomes: Outcome | Ahead) -> Standing:
    """Readers of whom each has her own outcome."""
    today = [
        Today(
            profile=profile(name=str(place)),
            day=NOW.date(),
            stands=outcome,
            reason="",
            due_at=NOW - timedelta(hours=1),
            next_at=NOW + timedelta(hours=23),
        )
        for place, outcome in enumerate(outcomes)
    ]
    return Standing(now=NOW, today=tuple(today))


@pytest.mark.parametrize(
    ("today", "sentence"),
    [
        ([Outcome.SENT], "Today's edition is sent."),
        ([Outcome.SENT] * 12, "All 12 editions of today are sent."),
        ([Ahead.DUE, Ahead.DUE, Ahead.NONE], "Editions of today: 2 due."),
        (
            [Outcome.SENT, Outcome.SENT, Outcome.QUIET, Outcome.READY, Ahead.DUE, Outcome.PAUSED],
            "Editions of today: 2 sent, 1 quiet, 1 paused, 1 ready, 1 due.",
        ),
        ([Outcome.FAILED, Outcome.UNKNOWN], "Editions of today: 1 failed, 1 unknown."),
    ],
)
def test_today_is_summed_up(today: list[Outcome | Ahead], sentence: str) -> None:
    assert list(sentences(stands(*today))) == [sentence]


def test_every_way_a_day_can_stand_is_counted_by_its_name() -> None:
    (sentence,) = (one for one in sentences(stands(*Outcome, *Ahead)) if one.startswith("Editions of today"))

    assert all(f"1 {name_of(one)}" in sentence for one in Outcome)
    assert "1 overdue" in sentence
    assert "none today" not in sentence


def test_where_nobody_has_an_edition_today_nothing_is_said_of_it() -> None:
    assert list(sentences(Standing(now=NOW))) == []


def test_a_gap_is_told_by_the_moment_of_its_beginning() -> None:
    alarm = Alarm(kind="gap", about="2026-03-11T05:10:00+00:00", at=NOW)

    assert list(sentences(Standing(now=NOW, alarms=(alarm,)))) == [
        "You were told at 2026-03-11 09:00 UTC: gap, from 2026-03-11 05:10 UTC."
    ]


def test_an_alarm_is_not_told_of_for_ever(desk: Desk) -> None:
    waits(desk)
    with store(desk) as connection:
        record_alarm(connection, "gap", "2026-03-11T05:10:00+00:00", NOW, "no [alarm] is set up")
    before = said(desk)
    desk.now += timedelta(days=9)

    assert [one for one in before if "no [alarm] is set up" in one]
    assert not [one for one in said(desk) if "no [alarm] is set up" in one]


def test_an_alarms_problem_stays_one_line() -> None:
    alarm = Alarm(kind="sender", about="main", at=NOW, problem="a\nb\x1b[2J" + "c" * 5_000)

    (sentence,) = sentences(Standing(now=NOW, alarms=(alarm,)))

    assert "\n" not in sentence
    assert "\x1b" not in sentence
    assert len(sentence) < 400


# ---------------------------------------------------------------- each reader's day

HOURS = {"early": "08:00", "late": "11:30"}


def stated(desk: Desk, name: str, outcome: Outcome, reason: str, day: date | None = None) -> None:
    """A day on record that has no message."""
    made = edition(profile=profile(name=name), day=day or NOW.date(), sections=(), considered=38)
    with store(desk) as connection:
        record_outcomes(connection, [(made, outcome, reason)], NOW)


def rows(desk: Desk, *arguments: str) -> list[list[str]]:
    """The lines of tables in a pipe."""
    shown = desk.run("status", *arguments)
    assert shown.exit_code == 0
    return [line.split("\t") for line in shown.stdout.splitlines() if "\t" in line]


def test_before_the_hour_an_edition_is_due_and_after_it_overdue(desk: Desk) -> None:
    for name, hour in HOURS.items():
        desk.write(f"profiles/{name}.toml", f'send_at = "{hour}"\n' + ADA)
    stated(desk, "ada", Outcome.QUIET, "none of 38 new papers reached the threshold of 35")

    assert rows(desk) == [
        ["2026-03-11", "early", "overdue", "-", "08:00 UTC", "since 08:00 (1 h ago)"],
        ["2026-03-11", "late", "due", "-", "11:30 UTC", "at 11:30 (in 2 h 30 min)"],
        [
            *("2026-03-11", "ada", "quiet", "0/38", "07:30 UTC"),
            "none of 38 new papers reached the threshold of 35",
        ],
    ]


def test_an_hour_is_the_readers_own(desk: Desk) -> None:
    desk.write("profiles/ada.toml", 'timezone = "Asia/Tokyo"\nsend_at = "21:00"\n' + ADA)
    waits(desk, "bob")

    assert rows(desk) == [["2026-03-11", "ada", "due", "-", "21:00 Asia/Tokyo", "at 21:00 (in 3 h)"]]


def test_who_has_no_edition_today_is_told_when_the_next_is(desk: Desk) -> None:
    desk.write("profiles/ada.toml", 'days = ["mon"]\n' + ADA)
    desk.write("profiles/bob.toml", "days = []\n" + ADA)
    waits(desk, "eve")

    assert [row[2:] for row in rows(desk)] == [
        ["none today", "-", "07:30 UTC", "next Mon 16 March 07:30"],
        ["none today", "-", "07:30 UTC", "days = []"],
    ]


def test_a_pause_shows_before_any_pass_has_stated_it(desk: Desk) -> None:
    waits(desk, "bob")
    desk.run("pause", "ada", "--until", "2026-03-23")

    ((*_, outcome, _, _, why),) = rows(desk)
    day = json.loads(desk.run("status", "--json").stdout)["today"][0]

    assert (outcome, why) == ("paused", "paused until Mon 23 March 2026")
    assert (day["outcome"], day["next_at"]) == ("paused", "2026-03-23T07:30:00+00:00")


def test_a_pause_without_an_end_has_no_next_edition(desk: Desk) -> None:
    waits(desk, "bob")
    desk.run("pause", "ada")

    assert json.loads(desk.run("status", "--json").stdout)["today"][0]["next_at"] is None


def test_the_edition_of_last_night_is_overdue_until_the_morning(desk: Desk) -> None:
    desk.write("profiles/ada.toml", 'send_at = "22:00"\n' + ADA)
    yesterday = NOW.date() - timedelta(days=1)
    stated(desk, "ada", Outcome.QUIET, "none", yesterday - timedelta(days=1))

    ((day, _, outcome, *_, why),) = rows(desk)
    desk.now += timedelta(hours=2)
    ((next_day, _, next_outcome, *_),) = rows(desk)

    assert (day, outcome, why) == (str(yesterday), "overdue", "since 22:00 (11 h ago)")
    assert (next_day, next_outcome) == (str(NOW.date()), "due")


def test_when_todays_hour_has_come_it_is_today_though_yesterdays_message_waits(desk: Desk) -> None:
    desk.write("profiles/ada.toml", 'send_at = "22:00"\n' + ADA)
    yesterday = NOW.date() - timedelta(days=1)
    tried(desk, BUSY, "ada", day=yesterday)
    stated(desk, "ada", Outcome.READY, "8 of 38 new papers chosen; threshold 35", yesterday)
    before = rows(desk)[0][:3]
    desk.now += timedelta(hours=13, minutes=30)

    assert before == [str(yesterday), "ada", "ready"]
    assert rows(desk)[0][:3] == [str(NOW.date()), "ada", "overdue"]


def test_a_new_reader_has_missed_nothing(desk: Desk) -> None:
    desk.write("profiles/ada.toml", 'send_at = "22:00"\n' + ADA)
    waits(desk, "bob")

    assert rows(desk)[0][:3] == ["2026-03-11", "ada", "due"]


def test_of_many_readers_only_those_are_named_of_whom_one_may_have_to_know(desk: Desk) -> None:
    for place in range(FEW + 2):
        desk.write(f"profiles/r{place:02}.toml", ADA)
        stated(desk, f"r{place:02}", Outcome.QUIET if place else Outcome.FAILED, "x")

    shown = desk.run("status").stdout

    assert f"Editions of today: {FEW + 1} quiet, 1 failed, 1 overdue." in shown
    assert [row[1:3] for row in rows(desk)] == [["r00", "failed"], ["ada", "overdue"]]


def test_of_many_readers_those_whose_message_waits_are_named(desk: Desk) -> None:
    for place in range(FEW + 2):
        desk.write(f"profiles/r{place:02}.toml", ADA)
        stated(desk, f"r{place:02}", Outcome.QUIET, "x")
    waits(desk, "ada")
    stated(desk, "ada", Outcome.READY, "8 of 38 new papers chosen; threshold 35")

    assert [row[1:3] for row in rows(desk)] == [["ada", "ready"]]


def test_of_very_many_in_trouble_the_rest_is_a_number(desk: Desk) -> None:
    for place in range(MOST_ROWS + 3):
        desk.write(f"profiles/r{place:02}.toml", ADA)
    waits(desk, "nobody")

    shown = desk.run("status").stdout

    assert len(rows(desk)) == MOST_ROWS
    assert "... and 4 more: `digest status --json` has all, `digest status PROFILE` one." in shown


def test_one_readers_days_are_told_with_whole_reasons(desk: Desk) -> None:
    why = "a source could not be read, and there are no new papers. " + "It was down. " * 20
    stated(desk, "ada", Outcome.SOURCE_DOWN, why, NOW.date() - timedelta(days=1))
    stated(desk, "ada", Outcome.NO_LIST, "no source had a new paper", NOW.date() - timedelta(days=9))

    told = rows(desk, "ada")

    assert told == [
        ["2026-03-11", "ada", "overdue", "-", "since 07:30 (1 h 30 min ago)"],
        ["2026-03-10", "ada", "source down", "0/38", why],
    ]
    assert rows(desk, "ada", "--last", "10")[-1][:3] == ["2026-03-02", "ada", "no list"]


def test_what_was_sent_says_what_was_chosen_and_a_note_of_what_it_is(desk: Desk) -> None:
    desk.write("profiles/bob.toml", ADA)
    tried(desk, SENT, "ada")
    tried(desk, SENT, "bob")
    stated(desk, "ada", Outcome.READY, "8 of 38 new papers chosen; threshold 35")
    stated(desk, "bob", Outcome.QUIET, "none of 38 new papers reached the threshold of 35")

    whys = {row[1]: (row[2], row[5]) for row in rows(desk)}
    days = json.loads(desk.run("status", "--json").stdout)["days"]

    assert whys == {
        "ada": ("sent", "8 of 38 new papers chosen; threshold 35"),
        "bob": ("sent", "quiet: none of 38 new papers reached the threshold of 35"),
    }
    assert {day["reply"] for day in days} == {"body 250 2.0.0 queued"}


def test_a_refusal_leaves_what_the_edition_was_on_record(desk: Desk) -> None:
    tried(desk, NOBODY)
    stated(desk, "ada", Outcome.READY, "8 of 38 new papers chosen; threshold 35")

    (day,) = json.loads(desk.run("status", "--json").stdout)["days"]

    assert day["reason"] == day["reply"] == "RCPT 550 5.1.1 no such user"
    assert day["edition"] == "8 of 38 new papers chosen; threshold 35"


def test_days_of_a_pause_stand_in_a_readers_history_before_any_pass_has_stated_them(desk: Desk) -> None:
    waits(desk, "bob")
    desk.run("pause", "ada", "--until", "2026-03-14")
    desk.now += timedelta(days=2)
    stated(desk, "ada", Outcome.PAUSED, "stated", NOW.date() + timedelta(days=1))

    assert [(row[0], row[2], row[4]) for row in rows(desk, "ada")] == [
        ("2026-03-13", "paused", "paused until Sat 14 March 2026"),
        ("2026-03-12", "paused", "stated"),
        ("2026-03-11", "paused", "paused until Sat 14 March 2026"),
    ]
    assert "The next edition of ada is due at 2026-03-14 07:30 UTC." in said_of(desk, "ada")


def test_the_next_edition_of_a_reader_may_be_todays(desk: Desk) -> None:
    desk.write("profiles/ada.toml", 'send_at = "11:30"\n' + ADA)
    waits(desk, "bob")

    assert "The next edition of ada is due at 2026-03-11 11:30 UTC." in said_of(desk, "ada")


def test_a_long_pause_to_come_hides_no_later_edition(desk: Desk) -> None:
    waits(desk, "bob")
    desk.run("pause", "ada", "--from", "2026-03-12", "--until", "2026-09-07")

    assert "The next edition of ada is due at 2026-09-07 07:30 UTC." in said_of(desk, "ada")


def test_a_reader_whose_file_cannot_be_used_is_not_forgotten(desk: Desk) -> None:
    bob = profile(name="bob")
    with store(desk) as connection:
        turn = turns.TurnRow(profile="bob", day=NOW.date(), due_at=NOW, plan=plan_of(bob))
        turns.put_turns(connection, [turn])
    desk.write("profiles/bob.toml", "threshold = 700\n")
    stated(desk, "bob", Outcome.FAILED, "profiles/bob.toml: threshold: 700 is more than 100")

    shown = desk.run("status")

    assert "bob\tfailed\t0/38\t07:30 UTC\tprofiles/bob.toml: threshold" in shown.stdout
    assert "not usable: bob.toml" in shown.stderr


def test_a_reader_by_name_whose_file_cannot_be_used_has_her_history(desk: Desk) -> None:
    turn_on(desk, "ada", NOW.date())
    stated(desk, "ada", Outcome.QUIET, "none", NOW.date() - timedelta(days=1))
    desk.write("profiles/ada.toml", "emial = 1\n")

    shown = desk.run("status", "ada")

    assert shown.exit_code == 0
    assert "2026-03-10\tada\tquiet" in shown.stdout
    assert "not usable: ada.toml" in shown.stderr


def test_a_reader_of_whom_nothing_but_a_broken_file_is_known_is_an_error_that_says_what_is_wrong(
    desk: Desk,
) -> None:
    waits(desk, "bob")
    desk.write("profiles/eve.toml", "emial = 1\n")

    shown = desk.run("status", "eve")

    assert shown.exit_code == ExitCode.CONFIGURATION
    assert "emial" in shown.stderr


# ---------------------------------------------------------------- days on which nothing ran


def turn_on(desk: Desk, name: str, day: date) -> None:
    """The reader's next turn, as a pass would have left it."""
    due_at = datetime.combine(day, time(7, 30), UTC)
    row = turns.TurnRow(profile=name, day=day, due_at=due_at, plan=plan_of(profile(name=name)))
    with store(desk) as connection:
        turns.put_turns(connection, [row])


MISSED = "no pass of Digest came between {} March 07:30 and {} March 00:00"


def test_days_on_which_nothing_ran_are_told_before_anything_runs_again(desk: Desk) -> None:
    stated(desk, "ada", Outcome.QUIET, "none", NOW.date() - timedelta(days=3))
    turn_on(desk, "ada", NOW.date() - timedelta(days=2))

    history = [(row[0], row[2], row[4]) for row in rows(desk, "ada")]

    assert history == [
        ("2026-03-11", "overdue", "since 07:30 (1 h 30 min ago)"),
        ("2026-03-10", "expired", MISSED.format("Tue 10", "Wed 11")),
        ("2026-03-09", "expired", MISSED.format("Mon 9", "Tue 10")),
        ("2026-03-08", "quiet", "none"),
    ]
    assert rows(desk, "--week")[1] == ["ada", *"---", "quiet", "expired", "expired", "overdue"]
    assert (
        f"2 editions of earlier days expired, the latest ada's of 2026-03-10 "
        f"({MISSED.format('Tue 10', 'Wed 11')}); `digest status --week` shows the days." in said(desk)
    )
    days = json.loads(desk.run("status", "--json").stdout)["days"]
    assert [(one["day"], one["outcome"], one["is_stated"]) for one in days] == [
        ("2026-03-10", "expired", False),
        ("2026-03-09", "expired", False),
        ("2026-03-08", "quiet", True),
    ]


def test_what_is_told_of_such_days_is_what_the_next_pass_states(desk: Desk) -> None:
    stated(desk, "ada", Outcome.QUIET, "none", NOW.date() - timedelta(days=3))
    turn_on(desk, "ada", NOW.date() - timedelta(days=2))
    before = [row[:3] for row in rows(desk, "ada")]

    desk.run("send", "--due")

    today, *after = (row[:3] for row in rows(desk, "ada") if row[1] == "ada")
    assert today[2] == "sent"
    assert before == [["2026-03-11", "ada", "overdue"], *after]


def test_a_day_that_waited_for_a_list_until_nothing_ran_any_more_is_over(desk: Desk) -> None:
    yesterday = NOW.date() - timedelta(days=1)
    stated(desk, "ada", Outcome.NOT_READY, "waits until 09:30 for teapots", yesterday)
    turn_on(desk, "ada", yesterday)

    row = rows(desk, "ada")[1]

    assert (row[2], row[4]) == (
        "expired",
        "waits until 09:30 for teapots; no pass of Digest came after that",
    )


def test_a_night_whose_next_day_had_its_edition_first_is_over(desk: Desk) -> None:
    desk.write("profiles/ada.toml", 'send_at = "22:00"\n' + ADA)
    yesterday = NOW.date() - timedelta(days=1)
    stated(desk, "ada", Outcome.QUIET, "none", NOW.date())
    turn_on(desk, "ada", yesterday)

    told = [(row[0], row[2], row[4]) for row in rows(desk, "ada")]

    assert told == [
        ("2026-03-11", "quiet", "none"),
        ("2026-03-10", "expired", "the edition of a later day was made before this one"),
    ]


def test_what_failed_keeps_its_reason_though_nothing_ran_since(desk: Desk) -> None:
    yesterday = NOW.date() - timedelta(days=1)
    stated(desk, "ada", Outcome.FAILED, "the template is broken", yesterday)
    turn_on(desk, "ada", yesterday)

    assert rows(desk, "ada")[1][2:] == ["failed", "0/38", "the template is broken"]


def test_of_many_readers_the_days_of_yesterday_that_expired_are_said(desk: Desk) -> None:
    for place in range(FEW + 2):
        desk.write(f"profiles/r{place:02}.toml", ADA)
        stated(desk, f"r{place:02}", Outcome.QUIET, "x")
    stated(
        desk, "r07", Outcome.EXPIRED, "could not be made: the pot is empty", NOW.date() - timedelta(days=1)
    )

    assert (
        "1 edition of earlier days expired: r07's of 2026-03-10 (could not be made: the pot is empty); "
        "`digest status --week` shows the days." in said(desk)
    )


def test_a_weekly_edition_is_overdue_for_as_long_as_it_may_be_made(desk: Desk) -> None:
    desk.write("profiles/ada.toml", 'every = "week"\ndays = ["mon"]\n' + ADA)
    turn_on(desk, "ada", NOW.date() - timedelta(days=2))

    ((day, _, outcome, _, _, why),) = rows(desk)

    assert (day, outcome, why) == ("2026-03-09", "overdue", "since 07:30 (2 d 1 h ago)")
    assert rows(desk, "--week")[1] == ["ada", *"----", "overdue", *"--"]
    assert "Editions of today: 1 overdue." in said(desk)


def test_a_weekly_edition_that_waits_to_be_sent_keeps_its_day(desk: Desk) -> None:
    desk.write("profiles/ada.toml", 'every = "week"\ndays = ["mon"]\n' + ADA)
    monday = NOW.date() - timedelta(days=2)
    tried(desk, BUSY, "ada", day=monday)
    stated(desk, "ada", Outcome.READY, "8 of 38 new papers chosen; threshold 35", monday)
    turn_on(desk, "ada", monday + timedelta(days=7))

    assert [row[:3] for row in rows(desk)] == [["2026-03-09", "ada", "ready"]]


def test_a_pipe_gets_the_whole_reason(desk: Desk) -> None:
    why = "The source teapots could not be read on Wed. " * 9
    stated(desk, "ada", Outcome.SOURCE_DOWN, why)

    assert rows(desk)[0][-1] == why


# ---------------------------------------------------------------- what the clock does


def test_days_that_a_wrong_clock_left_in_the_future_are_not_among_the_last(desk: Desk) -> None:
    for ahead in (0, 1, 200):
        stated(desk, "ada", Outcome.QUIET, "x", NOW.date() + timedelta(days=ahead))

    assert [row[0] for row in rows(desk, "ada")] == ["2026-03-11"]
    assert [one["day"] for one in json.loads(desk.run("status", "--json").stdout)["days"]] == ["2026-03-11"]


def test_days_before_the_last_ones_are_left_out_for_programs_too(desk: Desk) -> None:
    for back in (1, 2, 3):
        stated(desk, "ada", Outcome.QUIET, "x", NOW.date() - timedelta(days=back))

    days = json.loads(desk.run("status", "--json", "--last", "3").stdout)["days"]

    assert [one["day"] for one in days] == ["2026-03-10", "2026-03-09"]


def test_a_pause_for_ever_is_refused_by_its_own_name_and_takes_the_status_of_nobody_else(desk: Desk) -> None:
    desk.write("profiles/bob.toml", "pause.until = 9999-12-31\n" + ADA)
    waits(desk, "ada")

    shown = desk.run("status")
    checked = desk.run("check")

    assert shown.exit_code == 0
    assert "not usable: bob.toml" in shown.stderr
    assert "pause.until" in checked.stdout + checked.stderr
    assert "leave until out" in checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ("days", "words"),
    [('["mon"]', "none today: next Mon 16 March 07:30."), ("[]", "none today: days = [].")],
)
def test_a_reader_who_had_no_edition_is_told_why_there_is_none_today(
    desk: Desk, days: str, words: str
) -> None:
    desk.write("profiles/eve.toml", f"days = {days}\n" + ADA)
    waits(desk, "bob")

    assert f"No edition in the last 7 days; {words}" in said_of(desk, "eve")


# ---------------------------------------------------------------- a week


def test_a_week_is_a_grid_of_words_in_a_pipe(desk: Desk) -> None:
    desk.write("profiles/bob.toml", 'days = ["mon", "wed"]\npause.until = 2026-03-10\n' + ADA)
    stated(desk, "ada", Outcome.NO_LIST, "x", NOW.date() - timedelta(days=3))
    stated(desk, "ada", Outcome.QUIET, "x", NOW.date() - timedelta(days=2))

    assert rows(desk, "--week")[:3] == [
        ["reader", *(f"2026-03-{day:02}" for day in range(5, 12))],
        ["ada", "-", "-", "-", "no list", "quiet", "expired", "overdue"],
        ["bob", "-", "-", "-", "-", "paused", "-", "overdue"],
    ]


def test_a_week_of_many_readers_is_numbers_and_those_in_trouble_first(desk: Desk) -> None:
    for place in range(MOST_ROWS):
        desk.write(f"profiles/r{place:02}.toml", 'send_at = "10:00"\n' + ADA)
    stated(desk, "r07", Outcome.EXPIRED, "x", NOW.date() - timedelta(days=2))
    stated(desk, "ada", Outcome.QUIET, "x")

    head, *numbers, _, first, second = rows(desk, "--week")[:7]

    assert head[0] == "outcome"
    assert numbers == [
        ["quiet", *"000000", "1"],
        ["expired", *"000011", "0"],
        ["due", *"000000", "50"],
    ]
    assert (first[0], first[5]) == ("r07", "expired")
    assert second[0] == "ada"


def test_on_a_terminal_a_week_has_signs_and_a_legend() -> None:
    grid = {"ada": [Outcome.SENT, None, Outcome.FAILED]}

    head, line, legend = (one.plain for one in drawn(grid, days_until(NOW.date(), 3), ["ada"], 80))

    assert head.split() == ["Mon", "9", "Tue", "10", "Wed", "11"]
    assert line.split() == ["ada", "✓", "-", "✗"]
    assert [head.index(day) for day in ("Mon", "Tue", "Wed")] == [line.index(sign) - 1 for sign in "✓-✗"]
    assert legend == "✓ sent, ✗ failed, - none that day, or before the first"


def test_a_narrow_terminal_breaks_the_legend_between_meanings() -> None:
    grid = {"ada": [Outcome.NO_LIST, Outcome.NOT_READY, Outcome.SOURCE_DOWN]}

    legend = [one.plain for one in drawn(grid, days_until(NOW.date(), 3), ["ada"], 40)][2:]

    assert legend == ["0 no list, … not ready, ↓ source down,", "- none that day, or before the first"]


def test_a_name_in_chinese_characters_stays_in_line() -> None:
    grid = {"渡瀬川": [Outcome.SENT], "catherine": [Outcome.SENT]}

    _, chinese, latin, _ = (one.plain for one in drawn(grid, days_until(NOW.date(), 1), list(grid), 80))

    assert columns(chinese[: chinese.index("✓")]) == columns(latin[: latin.index("✓")])


def test_every_outcome_has_its_own_sign() -> None:
    signs = [SIGNS[one][0] for one in (*Outcome, Ahead.DUE, Ahead.OVERDUE)]

    assert len({*signs, NOTHING}) == len(signs) + 1


# ---------------------------------------------------------------- who is at work


def at_work(desk: Desk, *, ended: bool = False) -> None:
    row = services.ServiceRow(
        owner="7", host="teapot", pid=7, began_at=NOW - timedelta(hours=2), seen_at=NOW - timedelta(minutes=1)
    )
    with store(desk) as connection:
        services.begin(connection, row)
        if ended:
            services.end(connection, "7", row.seen_at)


def test_who_never_ran_a_service_hears_of_none_while_nothing_is_overdue(desk: Desk) -> None:
    desk.write("profiles/ada.toml", 'send_at = "22:00"\n' + ADA)
    waits(desk, "bob")

    assert "digest run" not in desk.run("status").stdout


def test_what_is_overdue_without_a_service_is_said(desk: Desk) -> None:
    waits(desk, "bob")

    assert (
        "No `digest run` is at work, and 1 edition is overdue: the next `digest send` makes what it can."
        in said(desk)
    )


def test_a_service_at_work_is_named_and_the_next_edition_with_it(desk: Desk) -> None:
    at_work(desk)

    with present(desk.folder / "digest.sqlite3", "7"):
        sentences = said(desk)

    assert "`digest run` is at work since 2026-03-11 07:00 UTC (teapot, process 7)." in sentences
    assert "The next edition is due at 2026-03-12 07:30 UTC (in 22 h 30 min)." in sentences


@pytest.mark.parametrize(
    ("ended", "how"), [(True, "ended"), (False, "was last seen, and did not end in good order,")]
)
def test_a_service_that_is_gone_is_said_with_how_it_ended(desk: Desk, ended: bool, how: str) -> None:
    at_work(desk, ended=ended)
    desk.now += timedelta(hours=1)

    sentence = f"No `digest run` is at work: the last one {how} at 2026-03-11 08:59 UTC (teapot, process 7)."

    assert sentence in said(desk)
    (run,) = json.loads(desk.run("status", "--json").stdout)["mail"]["runs"]
    assert (run["is_at_work"], run["host"]) == (False, "teapot")


def test_a_service_that_is_silent_for_longer_than_health_allows_is_not_at_work(desk: Desk) -> None:
    at_work(desk)
    desk.now += timedelta(minutes=4)

    with present(desk.folder / "digest.sqlite3", "7"):
        sentences = said(desk)
        health = desk.run("health").stdout

    assert health.startswith("failing: no sign of life")
    assert [one for one in sentences if one.startswith("No `digest run` is at work: the last one was last")]


def test_with_long_ticks_a_service_is_at_work_for_status_as_for_health(desk: Desk) -> None:
    desk.write("config.toml", CONFIG.format(transport="maildir") + "[run]\ntick_s = 600\n")
    at_work(desk)
    desk.now += timedelta(minutes=11)

    with present(desk.folder / "digest.sqlite3", "7"):
        sentences = said(desk)
        health = desk.run("health").stdout

    assert health.startswith("ok: ")
    assert "`digest run` is at work since 2026-03-11 07:00 UTC (teapot, process 7)." in sentences


def test_a_service_seen_just_now_whose_process_is_gone_is_not_at_work(desk: Desk) -> None:
    at_work(desk)

    assert [one for one in said(desk) if one.startswith("No `digest run` is at work: the last one was last")]


def test_help_names_every_outcome_in_the_words_of_the_record(desk: Desk) -> None:
    shown = " ".join(desk.run("status", "--help").stdout.split())

    assert all(f"{name_of(one)} {meaning}" in shown for one, meaning in MEANINGS.items())


def test_every_field_of_the_json_is_in_the_document(desk: Desk) -> None:
    tried(desk, NOBODY)
    stated(desk, "ada", Outcome.READY, "8 of 38 new papers chosen; threshold 35")
    at_work(desk)
    document = (ROOT / "docs" / "status.md").read_text(encoding="utf-8")

    told = json.loads(desk.run("status", "--json").stdout)

    named = set(re.findall(r"`([a-z_]+)`", document))
    assert set(fields(told)) - {"ada"} <= named


def fields(told: object) -> Iterator[str]:
    if isinstance(told, dict):
        yield from told
        told = list(told.values())
    if isinstance(told, list):
        for one in told:
            yield from fields(one)
