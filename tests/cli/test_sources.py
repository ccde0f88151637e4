"""How sources stand, what happens when they fail, and who hears of it."""

import email
import email.policy
import json
import sys
import threading
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from digest.cli import setup
from digest.cli.main import cli
from digest.cli.world import World
from digest.config import load_configuration
from digest.errors import ExitCode
from digest.model import Reading
from digest.store.database import open_database
from digest.store.harvests import record_readings
from digest.store.web import hold_host
from tests.acceptance.test_fetching import api, listed
from tests.desk import ADA, CONFIG, NOW, PAGE, Desk
from tests.web import Answer, Server, answer

TODAY = NOW.date()
YESTERDAY = TODAY - timedelta(days=1)
NET = """
[mail]
from_address = "digest@example.org"

[maildir]
path = "mail"

[fetch]
spacing_s = 0

[[sources]]
kind = "huggingface"
base_url = "{url}"
days_back = 0
"""


@pytest.fixture
def site() -> Iterator[Server]:
    server = Server()
    server.answers[api(TODAY)] = [answer(listed(*range(1, 13)))]
    yield server
    server.close()


@pytest.fixture
def desk(tmp_path: Path, site: Server) -> Desk:
    made = Desk(tmp_path)
    made.write("config.toml", NET.format(url=site.url))
    made.write("profiles/ada.toml", ADA)
    return made


def stands(desk: Desk) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(desk.run("sources", "--json").stdout)["sources"]
    return found


def break_layout(site: Server) -> None:
    """Answers that are neither a list nor a page of one."""
    site.answers[api(TODAY)] = [answer(b'{"tea": "is ready"}')]
    site.answers[f"/papers/date/{TODAY}"] = [answer(b"<html><h1>Tea</h1></html>")]


def read_before(desk: Desk, papers: int, *, weeks: int = 8) -> None:
    """Let the list have had so many papers at this hour of this weekday."""
    moments = [NOW - timedelta(weeks=week) for week in range(1, weeks)]
    with open_database(desk.folder / "digest.sqlite3") as database, database.begin() as connection:
        readings = [Reading(day=at.date(), at=at, papers=papers) for at in moments]
        record_readings(connection, "huggingface", readings)


# ---------------------------------------------------------------- how they stand


def test_before_anything_was_read_that_is_said(desk: Desk) -> None:
    result = desk.run("sources")

    assert result.exit_code == ExitCode.OK
    assert result.stdout.startswith("huggingface\tnot read yet\t")
    assert not (desk.folder / "digest.sqlite3").exists()


def test_a_source_that_was_read_stands_with_its_numbers_and_nothing_is_asked(
    desk: Desk, site: Server
) -> None:
    read_before(desk, 14)
    desk.run("fetch")
    asked = len(site.asked)

    (line,) = desk.run("sources").stdout.splitlines()

    assert line.split("\t") == [
        "huggingface",
        "fine",
        "2026-03-11 09:00 UTC",
        "2026-03-11",
        "12",
        "14",
        "14",
        "2026-03-11 09:00 UTC",
        "now",
    ]
    assert len(site.asked) == asked


def test_the_same_for_programs(desk: Desk) -> None:
    read_before(desk, 14)
    desk.run("fetch")

    (source,) = stands(desk)

    assert source == {
        "source": "huggingface",
        "state": "fine",
        "at": NOW.isoformat(),
        "papers": 12,
        "fresh": 12,
        "list": {
            "day": str(TODAY),
            "at": NOW.isoformat(),
            "papers": 12,
            "usual_by_then": 14,
            "usual": 14,
        },
        "last_good": NOW.isoformat(),
        "not_before": source["not_before"],
        "why_not_before": "",
        "problem": None,
        "kept": "",
        "alarms": [],
    }


def test_when_a_host_may_be_asked_again_is_said(desk: Desk) -> None:
    until = NOW + timedelta(hours=2)
    with open_database(desk.folder / "digest.sqlite3") as database, database.begin() as connection:
        hold_host(connection, "127.0.0.1", until, "429")

    assert desk.run("sources").stdout.splitlines()[0].endswith("2026-03-11 11:00 UTC")
    assert stands(desk)[0]["not_before"] == until.isoformat()
    assert stands(desk)[0]["why_not_before"] == "429"


def test_a_list_that_is_short_for_the_hour_is_filling(desk: Desk) -> None:
    read_before(desk, 31)

    assert "; filling: 12 papers, where 31 are usual by now" in desk.run("fetch").stdout
    assert stands(desk)[0]["state"] == "filling"
    assert "huggingface is filling; `digest sources` says more." in desk.run("status").stdout


# ---------------------------------------------------------------- what fails


def test_a_changed_layout_is_strange_and_its_page_is_kept_and_named(desk: Desk, site: Server) -> None:
    desk.run("fetch")
    break_layout(site)
    desk.now = NOW + timedelta(hours=1)

    fetched = desk.run("fetch")
    told = desk.run("sources")

    (kept,) = (desk.folder / "kept-pages").glob("*.page")
    assert kept.read_bytes() == b'{"tea": "is ready"}'
    assert f"kept as {kept}" in fetched.stderr
    assert (fetched.exit_code, told.exit_code) == (ExitCode.INPUT, ExitCode.INPUT)
    assert "\tstrange\t" in told.stdout
    assert str(kept) in told.stderr
    assert stands(desk)[0]["kept"] == str(kept)
    assert "huggingface is strange" in desk.run("status").stdout
    (harvest,) = json.loads(desk.run("status", "--json").stdout)["sources"]
    assert (harvest["state"], harvest["kept"]) == ("strange", str(kept))


def test_the_mail_says_that_the_last_good_list_is_used(desk: Desk, site: Server) -> None:
    desk.run("fetch")
    break_layout(site)
    desk.now = NOW + timedelta(hours=1)

    desk.run("send")

    assert "could not be made sense of; its last good list, of 11 Mar, is used" in text_of_mail(desk)
    assert "Waiting, Part 1" in text_of_mail(desk)


def test_a_person_is_called_once_a_day_until_it_is_mended(desk: Desk, site: Server) -> None:
    hook = desk.write("hook.py", "import os\nprint(os.environ['DIGEST_ALARM_KIND'], file=open('told', 'a'))")
    config = NET.format(url=site.url) + f"\n[alarm]\ncommand = [{json.dumps(sys.executable)}, '{hook}']\n"
    desk.write("config.toml", config)
    good, told = site.answers[api(TODAY)], desk.folder / "told"

    def fetch(hours: float) -> int:
        desk.now = NOW + timedelta(hours=hours)
        desk.run("fetch")
        return len(told.read_text(encoding="utf-8").split()) if told.exists() else 0

    break_layout(site)
    assert [fetch(0), fetch(1)] == [1, 1]

    site.answers[api(TODAY)] = good
    assert fetch(2) == 1

    break_layout(site)
    assert fetch(3) == 2
    assert told.read_text(encoding="utf-8").split() == ["source-strange", "source-strange"]


def test_where_nobody_can_be_called_that_is_said(desk: Desk, site: Server) -> None:
    break_layout(site)

    assert "no [alarm] is set up" in desk.run("fetch").stderr
    assert "no [alarm] is set up" in desk.run("sources").stderr
    assert "no [alarm] is set up" in desk.run("status").stdout


def test_a_source_that_is_down_calls_a_person_only_after_a_day(desk: Desk, site: Server) -> None:
    desk.run("fetch")
    for day in (TODAY, TODAY + timedelta(days=1)):
        site.answers[api(day)] = site.answers[f"/papers/date/{day}"] = [answer(status=404)]

    desk.now = NOW + timedelta(hours=14)
    desk.run("fetch")
    assert stands(desk)[0]["state"] == "down"
    assert stands(desk)[0]["alarms"] == []

    desk.now = NOW + timedelta(hours=25)
    desk.run("fetch")
    (alarm,) = stands(desk)[0]["alarms"]
    assert alarm["kind"] == "source-down"


# ---------------------------------------------------------------- fetch


def two(desk: Desk, site: Server) -> None:
    """A second source, on a host of another name."""
    other = site.url.replace("127.0.0.1", "localhost")
    second = f'[[sources]]\nkind = "huggingface"\nname = "mirror"\nbase_url = "{other}"\ndays_back = 0\n'
    desk.write("config.toml", NET.format(url=site.url) + second)


def meeting(body: bytes) -> Answer:
    """An answer that is given only when two are asked for at once."""
    both = threading.Barrier(2, timeout=20)

    def write(handler: BaseHTTPRequestHandler) -> None:
        both.wait()
        answer(body)(handler)

    return write


def test_sources_are_read_at_the_same_time(desk: Desk, site: Server) -> None:
    two(desk, site)
    site.answers[api(TODAY)] = [meeting(listed(*range(1, 13)))]

    result = desk.run("fetch")

    assert result.exit_code == ExitCode.OK
    lines = sorted(line.partition(",")[0] for line in result.stdout.splitlines())
    assert lines == ["huggingface: 12 papers", "mirror: 12 papers"]


def test_only_sources_that_are_named_are_read(desk: Desk, site: Server) -> None:
    two(desk, site)

    assert "huggingface" not in desk.run("fetch", "mirror").stdout
    assert [one["state"] for one in stands(desk)] == [None, "fine"]


def test_a_name_that_is_no_source_is_wrong_usage(desk: Desk) -> None:
    result = desk.run("fetch", "kettle")

    assert result.exit_code == ExitCode.USAGE
    assert "there is no source 'kettle'. Known: huggingface" in result.stderr


def test_lists_of_past_days_are_stored_and_are_no_harvest(desk: Desk, site: Server) -> None:
    days = [YESTERDAY - timedelta(days=back) for back in range(14)]
    for number, day in enumerate(days, 100):
        site.answers[api(day)] = [answer(listed(number))]

    result = desk.run("fetch", "--since", str(days[-1]), "--until", str(YESTERDAY))

    n_lists = sum(day.weekday() < 5 for day in days)
    assert f"huggingface: {n_lists} papers on past lists, {n_lists} of them new" in result.stdout
    assert stands(desk)[0]["state"] is None
    in_window = sum(day.weekday() < 5 for day in days if NOW.date() - day <= timedelta(days=6))
    assert json.loads(desk.run("preview", "--json").stdout)["considered"] == in_window


def test_an_archive_that_is_left_early_has_stored_what_was_read(desk: Desk, site: Server) -> None:
    days = [date(2026, 3, 10), date(2026, 3, 9), date(2026, 3, 6)]
    for number, day in enumerate(days, 100):
        site.answers[api(day)] = [answer(listed(number))]
        site.answers[f"/papers/date/{day}"] = [answer(status=404)]  # asked, as the list is so short
    desk.write("config.toml", NET.format(url=site.url).replace("spacing_s = 0", "spacing_s = 1"))

    def press_ctrl_c(_seconds: float) -> None:
        if len(site.asked) == 4:
            raise KeyboardInterrupt

    world = World(now=lambda: NOW, environment={}, folder=desk.folder, sleep=press_ctrl_c)
    arguments = ["fetch", "--since", "2026-03-06", "--until", "2026-03-10"]
    result = CliRunner().invoke(cli, arguments, obj=world)

    assert result.exit_code == ExitCode.FAILED
    assert "huggingface: 2 papers on past lists, 2 of them new" in result.stdout
    assert json.loads(desk.run("preview", "--json").stdout)["considered"] == 2


def test_sources_without_an_archive_are_named(desk: Desk, tmp_path: Path) -> None:
    desk.write("config.toml", CONFIG.format(transport="maildir"))
    desk.write("pages/one.txt", PAGE)

    result = desk.run("fetch", "--since", "2026-03-01")

    assert result.exit_code == ExitCode.USAGE
    assert "without an archive of past lists: listing" in result.stderr


@pytest.mark.parametrize(
    ("span", "what"),
    [
        (["--until", "2026-03-01"], "--until needs --since"),
        (["--since", "2026-03-12"], "no span of days up to today"),
        (["--since", "2026-03-05", "--until", "2026-03-04"], "no span of days up to today"),
        (["--since", "2025-01-01"], "more than 400 days"),
        (["--since", "2026-02-30"], "is not a date"),
    ],
)
def test_a_span_that_is_none_is_wrong_usage(span: list[str], what: str, desk: Desk) -> None:
    result = desk.run("fetch", *span)

    assert result.exit_code == ExitCode.USAGE
    assert what in result.stderr


# ---------------------------------------------------------------- trusted hosts


@pytest.mark.parametrize(
    ("address", "trusted"),
    [
        ("http://127.0.0.1:8000/papers", {"127.0.0.1"}),
        ("http://[::1]/papers", {"::1"}),
        ("https://10.0.0.7", {"10.0.0.7"}),
        ("http://LOCALHOST:8000", {"localhost"}),
        ("http://localhost.example.org", set()),
        ("http://mirror.example.org", set()),
        ("http://2130706433", set()),
        ("http://0x7f.1", set()),
    ],
)
def test_an_address_that_is_written_down_may_be_private_and_a_name_may_not(
    address: str, trusted: set[str], desk: Desk
) -> None:
    path = desk.write("config.toml", NET.format(url=address))

    assert setup.trusted_hosts(load_configuration(path)) == trusted


def test_a_name_may_be_private_if_the_operator_allows_it(desk: Desk) -> None:
    text = NET.format(url="http://mirror.example.org")
    path = desk.write(
        "config.toml", text.replace("[fetch]", '[fetch]\nallow_private = ["mirror.example.org"]')
    )

    assert setup.trusted_hosts(load_configuration(path)) == {"mirror.example.org"}


# ---------------------------------------------------------------- who waits


def waiting(desk: Desk, until: str = "09:30") -> None:
    desk.write("profiles/ada.toml", f'wait_until = "{until}"\non_quiet_day = "note"\n' + ADA)


def text_of_mail(desk: Desk) -> str:
    (mail,) = desk.mails()
    body = email.message_from_bytes(mail, policy=email.policy.default).get_body(("plain",))
    assert body
    return " ".join(body.get_content().split())


def test_a_reader_may_wait_for_a_list_that_is_short_and_gets_it_at_her_hour(desk: Desk) -> None:
    read_before(desk, 31)
    waiting(desk)

    first = desk.run("send")
    assert first.exit_code == ExitCode.OK
    assert "ada: waits for huggingface (12 of usually 31 papers), until 09:30 at the latest" in first.stdout
    assert "1 of 1 wait for a list" in first.stdout
    assert desk.mails() == []

    desk.now = datetime.combine(TODAY, datetime.min.time(), NOW.tzinfo) + timedelta(hours=9, minutes=30)
    assert "ada: sent to" in desk.run("send").stdout
    assert "12 papers, where 31 are usual" in text_of_mail(desk)


def test_when_the_list_is_whole_nobody_waits_any_more(desk: Desk, site: Server) -> None:
    read_before(desk, 31)
    waiting(desk)
    desk.run("send")
    site.answers[api(TODAY)] = [answer(listed(*range(1, 31)))]

    assert "ada: sent to" in desk.run("send").stdout
    assert "are usual" not in text_of_mail(desk)


def test_a_reader_who_is_named_does_not_wait(desk: Desk) -> None:
    read_before(desk, 31)
    waiting(desk)

    assert "ada: sent to" in desk.run("send", "ada").stdout


def test_who_does_not_say_so_does_not_wait_and_is_told(desk: Desk) -> None:
    read_before(desk, 31)

    assert "ada: sent to" in desk.run("send").stdout
    assert "12 papers, where 31 are usual" in text_of_mail(desk)


def test_a_run_after_the_edition_went_out_does_not_speak_of_waiting(desk: Desk) -> None:
    read_before(desk, 31)
    desk.run("send")
    waiting(desk)

    assert "ada: sent before" in desk.run("send").stdout
