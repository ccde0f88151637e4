"""`digest status`: how the mail stands, in sentences."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest

from digest.cli.standing import Standing, sentences
from digest.model import Failure, Outcome, Suppression
from digest.store.editions import record_outcomes
from digest.store.lock import present
from digest.store.relays import Alarm, RelayHealth, record_alarm, record_health
from digest.store.suppressions import suppress
from tests.cli.outgoing import BUSY, LOST, NOBODY, SENT, store, tried, waits
from tests.desk import ADA, CONFIG, NOW, Desk
from tests.makers import edition, profile


def said(desk: Desk) -> list[str]:
    """The sentences before the tables."""
    shown = desk.run("status")
    assert shown.exit_code == 0
    return [line for line in shown.stdout.splitlines() if "\t" not in line]


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

    assert "Editions of today: 1 failed, 1 suppressed." in said(desk)


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


@pytest.mark.parametrize(
    ("today", "sentence"),
    [
        ([Outcome.SENT], "Today's edition is sent."),
        ([Outcome.SENT] * 12, "All 12 editions of today are sent."),
        ([None, None], "No edition of today is made yet; `digest send` makes them."),
        (
            [Outcome.SENT, Outcome.SENT, Outcome.QUIET, Outcome.READY, None],
            "Editions of today: 2 sent, 1 quiet, without a mail, 1 waiting, 1 not made yet.",
        ),
        ([Outcome.FAILED, Outcome.UNKNOWN], "Editions of today: 1 failed, 1 may have arrived."),
    ],
)
def test_today_is_summed_up(today: list[Outcome | None], sentence: str) -> None:
    standing = Standing(now=NOW, today={str(place): outcome for place, outcome in enumerate(today)})

    assert list(sentences(standing)) == [sentence]


def test_where_nobody_has_an_edition_today_nothing_is_said_of_it() -> None:
    assert list(sentences(Standing(now=NOW))) == []


def test_an_alarms_problem_stays_one_line() -> None:
    alarm = Alarm(kind="sender", about="main", at=NOW, problem="a\nb\x1b[2J" + "c" * 5_000)

    (sentence,) = sentences(Standing(now=NOW, alarms=(alarm,)))

    assert "\n" not in sentence
    assert "\x1b" not in sentence
    assert len(sentence) < 400
