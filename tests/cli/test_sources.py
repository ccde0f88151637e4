"""How sources stand, what happens when they fail, and who hears of it."""

import email
import email.policy
import json
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
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
from tests.desk import ADA, CONFIG, NET, NOW, PAGE, Desk
from tests.web import Answer, Server, answer

TODAY = NOW.date()
YESTERDAY = TODAY - timedelta(days=1)
ARXIV = """
[[sources]]
kind = "arxiv"
categories = ["cs.RO"]
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
    assert "\nhuggingface\tnot read yet\t" in result.stdout
    assert not (desk.folder / "digest.sqlite3").exists()


def test_a_source_that_was_read_stands_with_its_numbers_and_nothing_is_asked(
    desk: Desk, site: Server
) -> None:
    read_before(desk, 14)
    desk.run("fetch")
    asked = len(site.asked)

    head, line = desk.run("sources").stdout.splitlines()
    assert head.startswith("source\tstate\tlast read (UTC)\tlist of\tpapers\tusual by then\t")

    assert line.split("\t") == [
        "huggingface",
        "fine",
        "2026-03-11 09:00 UTC",
        "2026-03-11",
        "12",
        "14",
        "14",
        "2026-03-11 09:00 UTC",
        "2026-03-12 09:00 UTC",
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
        "next_read": (NOW + timedelta(days=1)).isoformat(),
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

    assert desk.run("sources").stdout.splitlines()[1].endswith("2026-03-11 11:00 UTC")
    assert stands(desk)[0]["not_before"] == until.isoformat()
    assert stands(desk)[0]["why_not_before"] == "429"


def test_a_list_that_is_short_for_the_hour_is_filling(desk: Desk) -> None:
    read_before(desk, 31)

    assert "; filling: 12 papers, where 31 are usual by now" in desk.run("fetch").stdout
    assert stands(desk)[0]["state"] == "filling"
    assert "huggingface is filling; `digest sources` says more." in desk.run("status").stdout


def test_a_hold_of_hosts_that_take_turns_is_told_with_that_of_a_host_by_itself(desk: Desk) -> None:
    desk.write("config.toml", CONFIG.format(transport="maildir") + ARXIV)
    with open_database(desk.folder / "digest.sqlite3") as database, database.begin() as connection:
        hold_host(connection, "arxiv.org", NOW + timedelta(seconds=3), "")
        hold_host(connection, "rss.arxiv.org", NOW + timedelta(hours=1), "429")

    assert stands(desk)[1]["not_before"] == (NOW + timedelta(hours=1)).isoformat()
    assert stands(desk)[1]["why_not_before"] == "429"


@pytest.mark.slow
def test_a_list_that_could_not_be_read_is_asked_for_until_it_was(desk: Desk, site: Server) -> None:
    desk.run("fetch")
    desk.now = NOW + timedelta(days=1)
    site.answers[api(desk.now.date())] = [answer(listed(*range(20, 32)))]
    site.answers[api(TODAY)] = site.answers[f"/papers/date/{TODAY}"] = [answer(status=503)]

    fetched = desk.run("fetch")

    assert fetched.exit_code == ExitCode.OK
    assert "huggingface: 12 papers, 12 of them new; partly" in fetched.stdout
    (source,) = stands(desk)
    assert (source["state"], source["last_good"]) == ("partly", NOW.isoformat())
    assert "huggingface is partly" in desk.run("status").stdout

    desk.now = NOW + timedelta(days=2)
    site.answers[api(desk.now.date())] = [answer(listed(*range(40, 52)))]
    site.answers[api(TODAY)] = [answer(listed(*range(1, 15)))]
    assert "38 papers, 14 of them new" in desk.run("fetch").stdout
    assert stands(desk)[0]["last_good"] == desk.now.isoformat()


def test_a_past_list_of_today_does_not_make_todays_an_old_one(desk: Desk) -> None:
    assert "12 of them new" in desk.run("fetch", "--since", str(TODAY)).stdout
    desk.now = NOW + timedelta(minutes=5)

    assert "huggingface: 12 papers, 0 of them new\n" in desk.run("fetch").stdout
    assert stands(desk)[0]["state"] == "fine"


# ---------------------------------------------------------------- what fails


@pytest.mark.slow
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


@pytest.mark.slow
def test_the_mail_says_that_papers_of_earlier_lists_are_still_considered(desk: Desk, site: Server) -> None:
    desk.run("fetch")
    break_layout(site)
    desk.now = NOW + timedelta(hours=1)

    desk.run("send")

    assert (
        "could not be made sense of. Papers of its earlier lists, up to 11 Mar, are still considered"
        in text_of_mail(desk)
    )
    assert "Waiting, Part 1" in text_of_mail(desk)


@pytest.mark.slow
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

    site.answers[api(TODAY)] = site.answers[api(YESTERDAY)] = good
    assert fetch(2) == 1

    break_layout(site)
    assert fetch(3) == 2
    assert told.read_text(encoding="utf-8").split() == ["source-strange", "source-strange"]


def test_where_nobody_can_be_called_that_is_said(desk: Desk, site: Server) -> None:
    break_layout(site)

    assert "no [alarm] is set up" in desk.run("fetch").stderr
    assert "no [alarm] is set up" in desk.run("sources").stderr
    assert "no [alarm] is set up" in desk.run("status").stdout


@pytest.mark.slow
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


def test_a_source_that_is_none_any_more_is_not_spoken_of(desk: Desk, site: Server) -> None:
    break_layout(site)
    desk.run("fetch")
    assert "huggingface" in desk.run("status").stdout

    text = NET.format(url=site.url).replace('"huggingface"', '"huggingface"\nname = "mirror"')
    site.answers[api(TODAY)] = [answer(listed(*range(1, 13)))]
    desk.write("config.toml", text)
    desk.run("fetch")

    assert "huggingface" not in desk.run("status").stdout
    assert [one["source"] for one in json.loads(desk.run("status", "--json").stdout)["sources"]] == ["mirror"]


@contextmanager
def that_refuses(desk: Desk, table: str, when: str, *, why: str = "no") -> Iterator[None]:
    """Meanwhile the store refuses some rows of a table."""
    desk.run("fetch")
    with closing(sqlite3.connect(desk.folder / "digest.sqlite3")) as store:
        store.execute(
            f"CREATE TRIGGER refuses BEFORE INSERT ON {table} WHEN {when} BEGIN SELECT RAISE(ABORT, '{why}'); END"
        )
        yield
        store.execute("DROP TRIGGER refuses")


@pytest.mark.slow
def test_a_fault_in_storing_one_source_is_told_and_stops_no_other(desk: Desk, site: Server) -> None:
    two(desk, site)
    desk.now = NOW + timedelta(hours=1)

    with that_refuses(desk, "reading", "NEW.source = 'huggingface'"):
        desk.now = NOW + timedelta(hours=2)
        result = desk.run("send")

    assert [one["state"] for one in stands(desk)] == ["strange", "fine"]
    assert "a fault in Digest. Please report the traceback" in result.stderr
    assert "IntegrityError" in result.stderr
    assert "mirror: 12 papers" in result.stdout
    assert [one["kind"] for one in stands(desk)[0]["alarms"]] == ["source-strange"]
    assert "ada: sent to" in result.stdout


@pytest.mark.slow
def test_where_nothing_can_be_stored_what_waits_is_sent_and_nothing_is_made(desk: Desk, site: Server) -> None:
    desk.write("profiles/bob.toml", ADA.replace("ada", "bob"))
    in_the_way = desk.write("mail", "no folder")
    assert desk.run("send", "ada").exit_code == ExitCode.DELIVERY
    in_the_way.unlink()

    with that_refuses(desk, "harvest", "1", why="database is locked"):
        desk.now = NOW + timedelta(hours=1)
        result = desk.run("send")

    assert result.exit_code == ExitCode.STORE
    assert "database is locked" in result.stderr
    assert "ada: sent to" in result.stdout
    assert len(desk.mails()) == 1


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


@pytest.mark.slow
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


@pytest.mark.slow
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
    assert "12 papers so far; 31 are usual in the end" in text_of_mail(desk)


@pytest.mark.slow
def test_when_the_list_is_whole_nobody_waits_any_more(desk: Desk, site: Server) -> None:
    read_before(desk, 31)
    waiting(desk)
    desk.run("send")
    site.answers[api(TODAY)] = [answer(listed(*range(1, 31)))]

    assert "ada: sent to" in desk.run("send").stdout
    assert "are usual" not in text_of_mail(desk)


@pytest.mark.slow
def test_a_reader_who_is_named_does_not_wait(desk: Desk) -> None:
    read_before(desk, 31)
    waiting(desk)

    assert "ada: sent to" in desk.run("send", "ada").stdout


def test_who_does_not_say_so_does_not_wait_and_is_told(desk: Desk) -> None:
    read_before(desk, 31)

    assert "ada: sent to" in desk.run("send").stdout
    assert "12 papers so far; 31 are usual in the end" in text_of_mail(desk)


def test_who_waits_stands_on_record_with_what_for_and_until_when(desk: Desk) -> None:
    read_before(desk, 31)
    waiting(desk)
    desk.run("send")

    told = desk.run("status").stdout

    assert "Editions of today: 1 not ready." in told
    assert "ada waits for huggingface (12 of usually 31 papers), until 09:30 at the latest." in told
    record = json.loads(desk.run("status", "--json").stdout)
    assert [(one["outcome"], one["shown"]) for one in record["days"]] == [("not_ready", 0)]
    assert list(record["mail"]["waits"]) == ["ada"]


@pytest.mark.slow
def test_who_waited_in_vain_does_not_wait_the_next_days_and_why_is_said(desk: Desk, site: Server) -> None:
    read_before(desk, 31)
    waiting(desk)
    desk.run("send")
    for days in (7, 14):
        site.answers[api(TODAY + timedelta(days=days))] = [answer(listed(*range(40 + days, 52 + days)))]

    desk.now = NOW + timedelta(days=7)
    sent = desk.run("send")
    assert "ada: sent to" in sent.stdout
    assert "no `digest send` came after the hour of wait_until" in sent.stderr

    desk.now = NOW + timedelta(days=14)
    assert "ada: waits for" in desk.run("send").stdout


@pytest.mark.slow
def test_check_says_that_who_waits_needs_a_later_run(desk: Desk) -> None:
    assert "waiting for lists" not in desk.run("check", "--no-login").stdout

    waiting(desk)

    told = (
        "ok: waiting for lists: ada until 09:30 (UTC); plain `digest send` has to run after that hour, too "
        "(`run` and `send --due` do by themselves)"
    )
    assert told in desk.run("check", "--no-login").stdout


@pytest.mark.slow
def test_a_run_after_the_edition_went_out_does_not_speak_of_waiting(desk: Desk) -> None:
    read_before(desk, 31)
    desk.run("send")
    waiting(desk)

    assert "ada: sent before" in desk.run("send").stdout
