"""`digest status`: how the mail stands, in sentences."""

import json
from datetime import timedelta

import pytest

from digest.cli.standing import Standing, sentences
from digest.model import Failure, Outcome, Suppression
from digest.store.relays import Alarm, RelayHealth, record_alarm, record_health
from digest.store.suppressions import suppress
from tests.cli.outgoing import BUSY, LOST, NOBODY, SENT, store, tried, waits
from tests.desk import ADA, CONFIG, NOW, Desk


def said(desk: Desk) -> list[str]:
    """The sentences before the tables."""
    shown = desk.run("status")
    assert shown.exit_code == 0
    return [line for line in shown.stdout.splitlines() if "\t" not in line]


def readers(desk: Desk, *names: str) -> None:
    for name in names:
        desk.write(f"profiles/{name}.toml", ADA.replace("ada@", f"{name}@"))


def test_without_a_store_nothing_is_said_of_the_mail(desk: Desk) -> None:
    assert said(desk) == ["Nothing has happened yet: there is no store. `digest fetch` makes it."]


def test_what_waits_is_said_with_its_next_try_and_why(desk: Desk) -> None:
    readers(desk, "bob", "eve")
    tried(desk, BUSY, "ada", minutes=65)
    tried(desk, BUSY, "bob", minutes=5)

    assert "2 wait: the next try is at 2026-03-11 09:05 UTC (RCPT 450 4.2.1 mailbox busy)." in said(desk)


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

    assert "1 refused for good: `digest outbox show ada 2026-03-11` (RCPT 550 5.1.1 no such user)." in said(
        desk
    )


def test_what_goes_out_now_is_not_what_was_cut_off(desk: Desk) -> None:
    tried(desk, None)

    now = said(desk)
    desk.now += timedelta(hours=1)
    later = said(desk)

    assert "1 is going out just now." in now
    assert "1 cut off on the way out; the next `digest send` puts that right." in later


def test_old_trouble_is_not_told_for_ever(desk: Desk) -> None:
    tried(desk, LOST)
    desk.now += timedelta(days=9)

    assert not [one for one in said(desk) if "may have arrived" in one]


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
    assert "Relay spare is paused until 2026-03-11 09:20 UTC: refused (5xx spare)." in sentences
    assert not [one for one in sentences if "gone" in one]


def test_suppressed_addresses_and_alarms_are_said(desk: Desk) -> None:
    waits(desk)
    with store(desk) as connection:
        for address in ("ada@example.org", "bob@example.org"):
            suppress(connection, Suppression(address=address, reason="x", at=NOW))
        record_alarm(connection, "authentication", "main", NOW, None)
        record_alarm(connection, "sender", "spare", NOW, "the command ended with 1")

    sentences = said(desk)

    assert "2 addresses are suppressed, 1 of them a reader's: `digest suppress list`." in sentences
    assert "You were told at 2026-03-11 09:00 UTC: authentication, main." in sentences
    assert (
        "You were told at 2026-03-11 09:00 UTC: sender, spare; or should have been: the command ended with 1."
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
            "Editions of today: 2 sent, 1 quiet, without a mail, 1 on the way, 1 not made yet.",
        ),
        ([Outcome.FAILED, Outcome.UNKNOWN], "Editions of today: 1 failed, 1 perhaps arrived, perhaps not."),
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
