"""`digest plan`: what it says of the configuration that is there."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from digest.cli.plan import ASSUMED_S
from digest.errors import ExitCode
from digest.store.tables import attempt
from tests.cli.outgoing import store, waits
from tests.desk import ADA, CONFIG, NOW, Desk


def with_relay(desk: Desk, keys: str) -> None:
    desk.write(
        "config.toml", CONFIG.format(transport="smtp") + f'[smtp]\nname = "main"\nhost = "x"\n{keys}\n'
    )


def planned(desk: Desk, *flags: str) -> dict[str, Any]:
    result = desk.run("plan", "--json", *flags)
    assert result.exit_code == 0, result.stderr
    plan: dict[str, Any] = json.loads(result.stdout)
    return plan


def test_a_plan_says_that_all_are_in_time(desk: Desk) -> None:
    desk.now = NOW.replace(hour=3)

    result = desk.run("plan")

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "Wednesday, 2026-03-11: 1 reader; all have the mail within 60 minutes of their hour.",
        "2026-03-11 07:30\t1\t07:30:00\t07:30:00\t-\t-\t-",
    ]
    assert (
        "maildir: no limit; takes 50 messages a second (assumed: 0.02 s a message and connection)"
        in result.stderr
    )


def test_a_plan_says_who_is_late_what_holds_them_up_and_what_would_help(desk: Desk) -> None:
    with_relay(desk, "per_hour = 300\nper_day = 2000")

    result = desk.run("plan", "--readers", "1000", "--day", "2026-03-11")

    assert result.stdout.splitlines() == [
        "Wednesday, 2026-03-11: 1,000 readers; 308 have the mail within 60 minutes of their hour, 692 would be late.",
        "2026-03-11 07:30\t1,000\t07:30:00\t10:30:12\t692\t-\tmain: its limit an hour",
        "It would be enough if main took 1,000 an hour (it takes 300), as much as 4 such relays.",
        "main takes at most 300 messages in an hour and 2,000 in a day: "
        "readers spread over more hours, or a further [[smtp]], help too.",
    ]


def test_other_hours_are_no_advice_under_a_limit_a_day(desk: Desk) -> None:
    with_relay(desk, "per_day = 500")

    said = desk.run("plan", "--readers", "5000").stdout

    assert "if main took 5,000 a day (it takes 500), as much as 10 such relays." in said
    assert "no hours help, only more relays ([[smtp]]) or another provider." in said
    assert "spread" not in said


@pytest.mark.slow
def test_a_folder_is_not_told_to_take_more_connections(desk: Desk) -> None:
    relays = desk.run("plan", "--readers", "1000000").stdout

    assert "It would be enough if maildir took 277.78 messages a second (it takes 50.00)." in relays
    assert "readers spread over more hours help too." in relays
    assert "[[smtp]]" not in relays


def test_figures_that_would_be_enough_are_rounded_up(desk: Desk) -> None:
    with_relay(desk, "connections = 1")

    said = desk.run("plan", "--readers", "10000").stdout

    assert "if main took 2.78 messages a second, by more connections (it takes 2.00)." in said


def test_a_plan_counts_who_has_no_mail_that_day(desk: Desk) -> None:
    with_relay(desk, "per_day = 500")

    (wave,) = planned(desk, "--readers", "600")["waves"]

    assert (wave["late"], wave["unserved"], wave["held_by"]) == (0, 100, {"relay": "main", "key": "per_day"})
    assert "100 would have none that day" in desk.run("plan", "--readers", "600").stdout


def test_readers_are_scaled_as_the_profiles_are_spread(desk: Desk) -> None:
    desk.write("profiles/bob.toml", 'send_at = "18:00"\n' + ADA)
    desk.write("profiles/eve.toml", 'send_at = "18:00"\n' + ADA)

    waves = planned(desk, "--readers", "9000")["waves"]

    assert [(one["due_at"][11:16], one["readers"]) for one in waves] == [("07:30", 3_000), ("18:00", 6_000)]


def test_the_fullest_of_the_coming_days_is_planned(desk: Desk) -> None:
    desk.write("profiles/ada.toml", 'days = ["sun"]\n' + ADA)

    assert planned(desk)["day"] == "2026-03-15"
    assert "No reader has an edition on Wednesday" in desk.run("plan", "--day", "2026-03-11").stderr


def test_patience_is_the_operators(desk: Desk) -> None:
    with_relay(desk, "per_hour = 300")

    assert planned(desk, "--readers", "900", "--late-after", "180")["waves"][0]["late"] == 0


def test_a_plan_needs_no_password_and_asks_no_server(desk: Desk) -> None:
    with_relay(desk, 'username = "ada"')

    assert planned(desk)["relays"][0]["messages_per_second"] == 4 / ASSUMED_S


def test_speed_is_taken_from_the_record_where_there_is_one(desk: Desk) -> None:
    with_relay(desk, "")
    waits(desk)
    with store(desk) as connection:
        for number in range(60):
            row = {
                "message_id": f"<{number}@x>", "number": 1, "relay": "main", "began_at": NOW, "state": "sent",
                "ended_at": NOW - timedelta(days=1) + timedelta(seconds=number / 4), "enhanced": "", "reply": "",
            }  # fmt: skip
            connection.execute(attempt.insert().values(**row))

    (relay,) = planned(desk)["relays"]

    assert (relay["messages_per_second"], relay["source"]) == (4.0, "measured in the last 14 days")


def test_a_provider_has_its_limits_and_keys_go_before_them(desk: Desk) -> None:
    desk.write(
        "config.toml",
        CONFIG.format(transport="smtp")
        + '[[smtp]]\nprovider = "gmail"\n[[smtp]]\nprovider = "fastmail"\nper_day = 0\nper_hour = 7\n',
    )

    relays = {one["name"]: (one["per_hour"], one["per_day"]) for one in planned(desk)["relays"]}

    assert relays == {"gmail": (None, 500), "fastmail": (7, None)}


@pytest.mark.slow
def test_a_million_readers_are_planned_too(desk: Desk) -> None:
    desk.write("profiles/bob.toml", 'timezone = "Asia/Tokyo"\n' + ADA)
    with_relay(desk, "connections = 50\nper_minute = 20000")

    waves = planned(desk, "--readers", "1000000")["waves"]

    assert sum(one["readers"] for one in waves) == 1_000_000
    assert waves[0]["ends_at"] > datetime(2026, 3, 10, 22, 54, tzinfo=UTC).isoformat()


def test_wrong_numbers_are_wrong_usage(desk: Desk) -> None:
    for flags in (["--readers", "0"], ["--readers", "x"], ["--late-after", "0"], ["--day", "soon"]):
        assert desk.run("plan", *flags).exit_code == ExitCode.USAGE
