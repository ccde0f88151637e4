"""What each command does, as its user sees it."""

import email
import email.policy
import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest

from digest.cli.main import COMMANDS, cli
from digest.errors import ExitCode
from tests.desk import ADA, CONFIG, NOW, PAGE, Desk


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# ---------------------------------------------------------------- help


def test_help_names_every_command_with_its_own_first_line() -> None:
    context = click.Context(cli)

    for name, (_, line) in COMMANDS.items():
        command = cli.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert (command.help or "").splitlines()[0] == line


def test_a_misspelt_command_is_wrong_usage_and_the_right_one_is_named(empty: Desk) -> None:
    result = empty.run("sned")

    assert result.exit_code == ExitCode.USAGE
    assert "Did you mean 'send'?" in result.stderr


# ---------------------------------------------------------------- read


def test_read_prints_one_object_a_paper(desk: Desk) -> None:
    result = desk.run("read", "pages/today.txt", "--json", "--saved-on", "2026-03-11")

    papers = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 0
    assert len(papers) == 3
    assert papers[0] | {"abstract": "", "id": ""} == {
        "id": "",
        "title": "Learning to Wait: Self-Supervised Patience",
        "abstract": "",
        "authors": None,
        "n_authors": 3,
        "organization": None,
        "published": "2026-03-09",
        "comments": 4,
        "upvotes": None,
        "stars": None,
        "listed_on": "2026-03-11",
        "url": None,
        "code_url": None,
        "project_url": None,
        "keywords": [],
        "source": "listing",
    }


def test_read_takes_standard_input_folders_and_patterns(desk: Desk) -> None:
    assert len(desk.run("read", "-", stdin=PAGE).stdout.splitlines()) == 3
    assert len(desk.run("read", "pages").stdout.splitlines()) == 3
    assert len(desk.run("read", "pages/*.txt").stdout.splitlines()) == 3


def test_read_says_what_it_expected_and_goes_on(desk: Desk) -> None:
    desk.write("pages/letter.txt", "Dear Ada,\n\nhow are you?\n")

    result = desk.run("read", "pages")

    assert result.exit_code == ExitCode.INPUT
    assert "letter.txt" in result.stderr
    assert "Hugging Face" in result.stderr
    assert len(result.stdout.splitlines()) == 3


def test_read_of_nothing_there_is_an_error(empty: Desk) -> None:
    result = empty.run("read", "nothing.txt")

    assert result.exit_code == ExitCode.INPUT
    assert "nothing.txt" in result.stderr


# ---------------------------------------------------------------- init


@pytest.mark.slow
def test_init_writes_what_the_other_commands_need(empty: Desk) -> None:
    result = empty.run(
        "init", str(empty.folder), "--email", "Ada.L@example.org", "--name", 'Ada "L"', "--timezone", "Europe/London",
        "--send-at", "06:45", "--interest", "graphs=8", "--interest", "a = b=2.5", "--interest", "plain",
        "--liked", "2104.14294", "--page", "pages/*.txt", "--language", "de-AT",
    )  # fmt: skip
    empty.write("pages/today.txt", PAGE)

    assert result.exit_code == 0
    profile = (empty.folder / "profiles" / "ada.l.toml").read_text(encoding="utf-8")
    assert "graphs = 8" in profile
    assert '"a = b" = 2.5' in profile
    assert "plain = 5" in profile
    assert 'language = "de-AT"' in profile
    assert "# of 100: a paper below is not picked" in profile
    assert empty.run("check").exit_code == 0
    assert json.loads(empty.run("preview", "--json").stdout)["considered"] == 3


def test_init_keeps_the_comments_of_a_profile_in_their_column(empty: Desk) -> None:
    empty.run(
        "init",
        str(empty.folder),
        "--email",
        "ada@example.org",
        "--timezone",
        "America/Argentina/Buenos_Aires",
    )
    lines = next((empty.folder / "profiles").iterdir()).read_text(encoding="utf-8").split("[interests]")[0]
    columns = {line.index("#") for line in lines.splitlines() if re.match(r"\w+ = .*#", line)}
    assert columns == {36, len('timezone = "America/Argentina/Buenos_Aires" ')}


def test_init_for_smtp_writes_the_servers_table(empty: Desk) -> None:
    empty.run(
        "init",
        str(empty.folder),
        "--email",
        "a@example.org",
        "--smtp-host",
        "mail.example.org",
        "--smtp-port",
        "587",
    )

    config = (empty.folder / "config.toml").read_text(encoding="utf-8")
    assert 'transport = "smtp"' in config
    assert 'security = "starttls"' in config


def test_init_never_overwrites_and_writes_both_files_or_none(empty: Desk) -> None:
    empty.write("config.toml", "# mine\n")

    result = empty.run("init", str(empty.folder), "--email", "a@example.org", "--maildir", "mail")

    assert result.exit_code == ExitCode.CONFIGURATION
    assert "is there already" in result.stderr
    assert not (empty.folder / "profiles").exists()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "an address is needed"),
        (["--email", "nobody"], "email"),
        (["--email", "a@b.org", "--timezone", "Mars/X"], "timezone"),
        (["--email", "a@b.org", "--language", "zh-TW"], "language: editions cannot be written in 'zh-TW'"),
        (["--email", "a@b.org", "--interest", "x=y"], "'y' is no weight"),
        (["--email", "a@b.org", "--interest", "x=11"], "interests.x.weight"),
        (["--email", "a@b.org", "--liked", "foo"], "liked.papers[1]"),
    ],
)
def test_init_says_which_answer_is_wrong_and_writes_nothing(empty: Desk, flags: list[str], said: str) -> None:
    result = empty.run("init", str(empty.folder), *flags)

    assert result.exit_code != 0
    assert said in result.stderr
    assert list(empty.folder.iterdir()) == []


@pytest.mark.parametrize(
    "flags",
    [
        ["--smtp-port", "25"],
        ["--smtp-host", "mail.example.org", "--maildir", "mail"],
        ["--smtp-host", "mail.example.org", "--smtp-security", "none"],
        ["--smtp-host", "mail.example.org", "--smtp-port", "25"],
        ["--profile", "../../evil"],
    ],
)
def test_init_refuses_flags_that_do_not_fit(empty: Desk, flags: list[str]) -> None:
    result = empty.run("init", str(empty.folder / "new"), "--email", "a@example.org", *flags)

    assert result.exit_code == ExitCode.USAGE
    assert list(empty.folder.iterdir()) == []


def test_init_adds_a_second_reader_to_a_configuration_that_is_there(desk: Desk) -> None:
    before = sha(desk.folder / "config.toml")

    result = desk.run("init", str(desk.folder), "--email", "bob@example.org", "--interest", "waiting")

    assert result.exit_code == 0
    assert "kept" in result.stdout
    assert sha(desk.folder / "config.toml") == before
    assert (desk.folder / "profiles" / "bob.toml").exists()


def test_init_puts_a_further_reader_where_the_configuration_has_its_readers(desk: Desk) -> None:
    desk.write("config.toml", 'profiles = "readers"\n' + CONFIG.format(transport="maildir"))

    desk.run("init", str(desk.folder), "--email", "bob@example.org", "--interest", "waiting")

    assert (desk.folder / "readers" / "bob.toml").exists()


def test_init_where_nothing_can_be_written_leaves_nothing(empty: Desk) -> None:
    empty.write("new/profiles", "a file where the folder should be")

    result = empty.run("init", str(empty.folder / "new"), "--email", "a@example.org")

    assert result.exit_code == ExitCode.FAILED
    assert "cannot be written" in result.stderr
    assert [path.name for path in (empty.folder / "new").iterdir()] == ["profiles"]


@pytest.mark.slow
def test_init_without_an_interest_says_that_nothing_can_be_picked(empty: Desk) -> None:
    assert "names no interest" in empty.run("init", str(empty.folder), "--email", "a@example.org").stdout
    assert "nothing can ever be picked" in empty.run("check").stderr


# ---------------------------------------------------------------- preview


def test_preview_shows_the_edition_with_reasons_that_add_up(desk: Desk) -> None:
    desk.run("fetch")

    shown = json.loads(desk.run("preview", "--json").stdout)

    assert (shown["profile"], shown["day"], shown["outcome"], shown["considered"]) == (
        "ada",
        "2026-03-11",
        "ready",
        3,
    )
    picks = shown["sections"][0]["picks"]
    assert [pick["title"] for pick in picks] == ["Learning to Wait: Self-Supervised Patience"]
    assert all(sum(r["points"] for r in pick["reasons"]) == pick["score"] for pick in picks)


def test_preview_changes_nothing(desk: Desk) -> None:
    desk.run("fetch")
    before = {path: sha(path) for path in desk.folder.rglob("*") if path.is_file()}

    for flags in ([], ["--json"], ["--text"], ["--day", "2026-03-10"]):
        assert desk.run("preview", *flags).exit_code == 0

    after = {path: sha(path) for path in desk.folder.rglob("*") if path.is_file()}
    # SQLite's own working files: a reader of a WAL database makes them, and leaves them empty.
    working = [after.pop(desk.folder / f"digest.sqlite3-{kind}") for kind in ("wal", "shm")]
    assert working[0] == hashlib.sha256(b"").hexdigest()
    assert after == before


def test_preview_without_a_store_reads_the_sources_and_keeps_nothing(desk: Desk) -> None:
    result = desk.run("preview", "--json")

    assert json.loads(result.stdout)["considered"] == 3
    assert "keeping nothing" in result.stderr
    assert not (desk.folder / "digest.sqlite3").exists()


def test_preview_of_a_page_needs_neither_store_nor_configuration(empty: Desk) -> None:
    profile = empty.write("ada.toml", ADA)
    page = empty.write("today.txt", PAGE)

    result = empty.run("preview", str(profile), "--page", str(page), "--text")

    assert result.exit_code == 0
    assert "Learning to Wait" in result.stdout


def test_preview_is_byte_for_byte_what_is_sent(desk: Desk) -> None:
    desk.run("fetch")
    desk.run("preview", "--eml", str(desk.folder / "before.eml"))
    desk.now += timedelta(hours=1)

    desk.run("send", "--no-fetch")
    desk.run("preview", "--eml", str(desk.folder / "after.eml"))

    (sent,) = desk.mails()
    assert (desk.folder / "before.eml").read_bytes().replace(b"\r\n", b"\n") == sent
    assert (desk.folder / "after.eml").read_bytes().replace(b"\r\n", b"\n") == sent


def test_preview_writes_the_html_where_asked(desk: Desk) -> None:
    desk.run("preview", "--html", str(desk.folder / "out.html"))

    assert "<!doctype html>" in (desk.folder / "out.html").read_text(encoding="utf-8").lower()


def test_preview_of_a_quiet_day_says_that_nothing_would_be_sent(desk: Desk) -> None:
    desk.write("profiles/ada.toml", 'email = "ada@example.org"\n[interests]\n"geology" = 5\n')

    result = desk.run("preview", "--text")

    assert "nothing would be sent" in result.stderr
    assert json.loads(desk.run("preview", "--json").stdout)["outcome"] == "quiet"


@pytest.mark.parametrize(
    ("arguments", "said"), [(["bob"], "there is no reader 'bob'"), ([], "which reader?")]
)
def test_preview_asks_which_reader(desk: Desk, arguments: list[str], said: str) -> None:
    desk.write("profiles/eve.toml", ADA)

    result = desk.run("preview", *arguments)

    assert result.exit_code == ExitCode.USAGE
    assert said in result.stderr
    assert "ada, eve" in result.stderr


@pytest.mark.parametrize(
    "command",
    [["preview"], ["explain", "Learning"], ["like", "2603.00001"], ["feedback"], ["profile", "replay"]],
)
def test_where_the_only_profile_cannot_be_used_commands_say_what_is_wrong_with_it(
    desk: Desk, command: list[str]
) -> None:
    desk.write("profiles/ada.toml", ADA.replace("[interests]", 'max_papers = "x"\n[interests]'))

    named = desk.run(*command, "ada")
    runs = [named] if command == ["profile", "replay"] else [named, desk.run(*command)]

    for result in runs:
        assert result.exit_code == ExitCode.CONFIGURATION
        assert "ada.toml: max_papers: must be a whole number" in result.stderr


def test_a_reader_nobody_knows_is_told_even_where_no_profile_can_be_used(desk: Desk) -> None:
    desk.write("profiles/ada.toml", "email = 5")

    result = desk.run("preview", "bob")

    assert result.exit_code == ExitCode.USAGE
    assert "there is no reader 'bob'. None of those there can be used" in result.stderr


def test_without_a_configuration_every_command_says_how_to_make_one(empty: Desk) -> None:
    for command in ("fetch", "preview", "send", "status", "check"):
        result = empty.run(command)
        assert result.exit_code == ExitCode.CONFIGURATION
        assert "digest init" in result.stderr


# ---------------------------------------------------------------- send


def test_a_second_run_the_same_day_sends_nothing(desk: Desk) -> None:
    first = desk.run("send")
    desk.now += timedelta(hours=10)
    second = desk.run("send")

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "ada: sent to ada@example.org: Learning to Wait" in first.stdout
    assert "ada: sent before (" in second.stdout
    assert len(desk.mails()) == 1


def test_a_paper_is_sent_once(desk: Desk) -> None:
    desk.run("send")
    desk.now += timedelta(days=1)

    result = desk.run("send")

    assert "ada: quiet (none of 2 papers (0 new) reached the threshold of 35" in result.stdout
    assert len(desk.mails()) == 1


def test_the_mail_is_a_whole_message(desk: Desk) -> None:
    desk.run("send")

    (raw,) = desk.mails()
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert message["To"] == "ada@example.org"
    assert message["Date"].datetime == datetime(2026, 3, 11, 7, 30, tzinfo=UTC)
    assert message["Subject"].startswith("Learning to Wait: Self-Supervised Patience")
    for part in ("plain", "html"):
        body = message.get_body((part,))
        assert body is not None
        assert "Self-Supervised Patience" in body.get_content()


def test_one_readers_broken_profile_stops_nobody_and_is_told(desk: Desk) -> None:
    desk.write("profiles/bob.toml", "threshold = 500\n")

    result = desk.run("send")

    assert result.exit_code == ExitCode.CONFIGURATION
    assert "bob.toml: threshold" in result.stderr
    assert len(desk.mails()) == 1


def test_a_reader_whose_day_it_is_not_gets_none_unless_named(desk: Desk) -> None:
    desk.write("profiles/ada.toml", 'days = ["sun"]\n' + ADA)  # 11 March 2026 is a Wednesday

    assert "none today" in desk.run("send").stdout
    assert desk.mails() == []
    assert "sent to" in desk.run("send", "ada").stdout


def test_a_quiet_day_is_noted_for_who_wants_to_know(desk: Desk) -> None:
    desk.write("profiles/ada.toml", 'email = "ada@example.org"\non_quiet_day = "note"\n')

    desk.run("send")

    message = email.message_from_bytes(desk.mails()[0], policy=email.policy.default)
    assert message["Subject"] == "Quiet day: nothing reached 35 · 11 Mar"


def test_a_source_that_is_gone_costs_a_line_and_never_the_edition(desk: Desk) -> None:
    desk.run("fetch")
    desk.write("pages/today.txt", "this page has become something else entirely\n")

    result = desk.run("send")

    assert "today.txt" in result.stderr
    assert result.exit_code == ExitCode.INPUT
    (mail,) = desk.mails()
    assert b"could not be read" in mail


def test_a_way_out_that_is_shut_keeps_the_message_for_the_next_run(desk: Desk) -> None:
    shut = desk.write("mail", "a file where the Maildir should be")

    failed = desk.run("send")
    shut.unlink()
    sent = desk.run("send", "--no-fetch")

    assert failed.exit_code == ExitCode.DELIVERY
    assert "error:" in failed.stderr
    assert "sent to ada@example.org" in sent.stdout
    assert len(desk.mails()) == 1


@pytest.mark.slow
def test_what_could_not_be_sent_one_day_comes_again_the_next(desk: Desk) -> None:
    shut = desk.write("mail", "a file where the Maildir should be")
    desk.run("send")
    shut.unlink()
    desk.now += timedelta(days=1)

    result = desk.run("send")

    assert "gave up the edition of 2026-03-11" in result.stdout
    (mail,) = desk.mails()
    assert b"Self-Supervised Patience" in mail


@pytest.mark.slow
def test_every_message_is_made_before_the_first_is_sent(desk: Desk) -> None:
    desk.write("profiles/bob.toml", ADA.replace("ada@", "bob@"))
    shut = desk.write("mail", "a file where the Maildir should be")

    failed = desk.run("send")
    shut.unlink()

    assert "the next run tries again: ada, bob" in failed.stdout
    waiting = json.loads(desk.run("status", "--json").stdout)["days"]
    assert [(day["profile"], day["outcome"]) for day in waiting] == [("ada", "ready"), ("bob", "ready")]
    desk.run("send", "--no-fetch")
    assert len(desk.mails()) == 2


def test_a_broken_profile_that_is_named_is_the_error(desk: Desk) -> None:
    desk.write("profiles/bob.toml", "threshold = 500\n")

    for command in ("send", "preview"):
        result = desk.run(command, "bob")
        assert result.exit_code == ExitCode.CONFIGURATION
        assert "bob.toml: threshold" in result.stderr


@pytest.mark.slow
def test_explain_and_preview_agree_on_a_message_that_still_waits(desk: Desk) -> None:
    desk.write("mail", "a file where the Maildir should be")
    desk.run("send")
    desk.now += timedelta(days=1)

    assert "Learning to Wait" in desk.run("preview", "--text").stdout
    assert "shows it under picks" in desk.run("explain", "Learning to Wait").stdout


# ---------------------------------------------------------------- status, explain, check


def test_status_tells_how_the_days_ended(desk: Desk) -> None:
    assert "no store" in desk.run("status").stdout
    desk.run("send")

    told = json.loads(desk.run("status", "--json").stdout)

    assert [(day["profile"], day["day"], day["outcome"]) for day in told["days"]] == [
        ("ada", "2026-03-11", "sent")
    ]
    assert told["sources"][0]["papers"] == 3
    assert "2026-03-11\tada\tsent\t1/3" in desk.run("status").stdout


@pytest.mark.parametrize(
    ("paper", "verdict"),
    [
        ("Learning to Wait", "shows it under picks"),
        ("cooking rice", "35 points below"),
        ("a survey of waiting", "2 points below"),
    ],
)
def test_explain_says_why_or_why_not(desk: Desk, paper: str, verdict: str) -> None:
    desk.run("fetch")

    assert verdict in desk.run("explain", paper).stdout


@pytest.mark.slow
def test_explain_knows_what_was_had(desk: Desk) -> None:
    desk.run("send")
    desk.now += timedelta(days=1)

    assert "had it on 2026-03-11" in desk.run("explain", "Learning to Wait").stdout


def test_explain_shows_arithmetic_that_adds_up(desk: Desk) -> None:
    told = json.loads(desk.run("explain", "learning to wait", "--json").stdout)

    assert sum(reason["points"] for reason in told["reasons"]) == told["score"]


def test_explain_of_an_unknown_paper_says_where_it_looked(desk: Desk) -> None:
    result = desk.run("explain", "2104.14294")

    assert result.exit_code == ExitCode.FAILED
    assert "among the 3 papers" in result.stderr


def test_explain_of_a_beginning_that_several_share_lists_them(desk: Desk) -> None:
    desk.write("pages/today.txt", PAGE.replace("A Survey of", "Cooking"))

    result = desk.run("explain", "cooking")

    assert "2 titles begin like 'cooking'" in result.stderr
    assert "Cooking Rice with Robots; Cooking Waiting Rooms" in result.stderr


def test_explain_of_nothing_says_so_and_names_what_is_avoided(desk: Desk) -> None:
    desk.write("profiles/ada.toml", ADA + '[avoid]\n"robots" = 3\n')

    told = desk.run("explain", "cooking rice").stdout

    assert "Nothing in it matches" in told
    assert "it has what the profile avoids" in told


@pytest.mark.slow
def test_check_tries_everything_and_names_what_fails(desk: Desk) -> None:
    assert desk.run("check").exit_code == 0
    desk.write("digest.sqlite3", "not a store")
    desk.write("config.toml", 'templates = "nowhere"\n' + CONFIG.format(transport="maildir"))

    result = desk.run("check")

    assert result.exit_code != 0
    assert "nowhere" in result.stderr
    assert "digest.sqlite3" in result.stderr
    assert "way out" in result.stdout


def test_check_names_a_source_that_lacks_its_login(desk: Desk) -> None:
    openreview = '[[sources]]\nkind = "openreview"\nname = "Venues"\nvenues = ["TMLR"]\n'
    desk.write("config.toml", CONFIG.format(transport="maildir") + openreview)

    result = desk.run("check")

    assert result.exit_code == ExitCode.CONFIGURATION
    assert "Venues: OpenReview answers nobody without a login" in result.stderr


@pytest.mark.slow
def test_a_secret_is_never_printed(desk: Desk) -> None:
    desk.environment["DIGEST_SMTP_PASSWORD"] = "correct-horse"
    smtp = '[smtp]\nhost = "127.0.0.1"\nport = 9\nsecurity = "none"\nusername = "ada"\n'
    desk.write("config.toml", CONFIG.format(transport="smtp") + smtp)

    commands = (["check"], ["send", "--wait", "0"], ["status"], ["preview", "--text"])
    results = [desk.run(*command) for command in commands]

    assert all("correct-horse" not in result.output for result in results)
    assert results[0].exit_code == ExitCode.DELIVERY


def test_an_edition_has_the_readers_own_date(desk: Desk) -> None:
    desk.write("profiles/ada.toml", 'timezone = "Pacific/Auckland"\n' + ADA)
    desk.now = NOW.replace(hour=20)

    assert json.loads(desk.run("preview", "--json").stdout)["day"] == "2026-03-12"
