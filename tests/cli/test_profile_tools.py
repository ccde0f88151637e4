"""`digest profile lint`, `diff`, `replay` and `suggest`, as their user sees them."""

import hashlib
import json
import tomllib
from datetime import timedelta

import click
import pytest

from digest.cli.main import cli
from digest.cli.profile import COMMANDS
from digest.errors import ExitCode
from tests.desk import NOW, Desk

EASY = 'email = "ada@example.org"\nthreshold = 30\n[interests]\n"waiting" = 9\n'
PAPER = """
{title}

{abstract}

  • 3 authors
·
Mar {day} 4
"""
HEAD = """new

Get trending papers in your email inbox!

Subscribe

Daily Papers

byAK and the research community

Mar {day}
"""


@pytest.fixture
def week(desk: Desk) -> Desk:
    """Ada's folder after three mornings; today is Wednesday the 11th."""
    desk.write("profiles/ada.toml", EASY)
    for day, titles in {
        9: ["Waiting on Monday", "Rice on Monday"],
        10: ["Rice on Tuesday"],
        11: ["Waiting for Rice"],
    }.items():
        said = [
            PAPER.format(title=title, abstract=f"We study {title.lower()}. It takes long.", day=day)
            for title in titles
        ]
        desk.write("pages/today.txt", HEAD.format(day=day) + "".join(said))
        desk.now = NOW - timedelta(days=11 - day)
        assert desk.run("fetch").exit_code == 0
    desk.now = NOW
    return desk


def test_help_names_every_profile_command_with_its_own_first_line() -> None:
    group = cli.get_command(click.Context(cli), "profile")
    assert isinstance(group, click.Group)

    for name, (_, line) in COMMANDS.items():
        command = group.get_command(click.Context(group), name)
        assert command is not None
        assert command.name == name
        assert (command.help or "").splitlines()[0] == line


def test_a_misspelt_profile_command_is_wrong_usage_and_the_right_one_is_named(empty: Desk) -> None:
    result = empty.run("profile", "reply")

    assert result.exit_code == ExitCode.USAGE
    assert "Did you mean 'replay'?" in result.stderr


@pytest.mark.slow
def test_no_profile_tool_changes_the_store(week: Desk) -> None:
    store = week.folder / "digest.sqlite3"
    before = hashlib.sha256(store.read_bytes()).hexdigest()
    new = str(week.write("new.toml", EASY.replace("9", "3")))

    for arguments in (["lint"], ["diff", "ada", new], ["replay"], ["suggest"]):
        assert week.run("profile", *arguments).exit_code == 0

    assert hashlib.sha256(store.read_bytes()).hexdigest() == before
    assert week.mails() == []


# ---------------------------------------------------------------- lint


def test_lint_names_file_and_key_and_what_to_do(week: Desk) -> None:
    week.write("profiles/ada.toml", EASY + '"wating" = 3\n')

    result = week.run("profile", "lint")

    assert result.exit_code == 0
    (line,) = [one for one in result.stdout.splitlines() if "wating" in one]
    assert line.startswith('profiles/ada.toml: interests."wating": ')
    assert "none of 4 papers" in line
    assert "Did you mean “waiting”?" in line


def test_lint_is_strict_on_demand_only(week: Desk) -> None:
    week.write("profiles/ada.toml", EASY + '"waitings" = 3\n')

    assert week.run("profile", "lint", "ada").exit_code == 0
    assert week.run("profile", "lint", "ada", "--strict").exit_code == ExitCode.FAILED


def test_lint_as_json_says_how_many_papers_it_looked_at(week: Desk) -> None:
    week.write("profiles/bea.toml", EASY.replace("waiting", "telescopes"))

    answer = json.loads(week.run("profile", "lint", "--json").stdout)

    assert answer["papers"] == 4
    found = [(one["profile"], one["check"]) for one in answer["findings"]]
    assert ("bea", "matches-nothing") in found
    assert "ada" not in [name for name, _ in found]


def test_lint_without_a_store_checks_what_it_can_and_says_what_it_could_not(desk: Desk) -> None:
    desk.write("profiles/ada.toml", EASY + '"waitings" = 3\n')

    result = desk.run("profile", "lint")

    assert result.exit_code == 0
    assert "the same as “waiting”" in result.stdout
    assert "without any paper" in result.stdout
    assert "there is no store yet" in result.stderr
    assert "Not checked" in result.stderr


def test_lint_of_a_file_needs_no_configuration(empty: Desk) -> None:
    path = empty.write("bea.toml", EASY + '"waitings" = 3\n')

    result = empty.run("profile", "lint", str(path))

    assert result.exit_code == 0
    assert "waitings" in result.stdout


def test_lint_of_nobody_is_wrong_usage_and_of_a_broken_file_a_matter_of_configuration(desk: Desk) -> None:
    desk.write("profiles/bea.toml", "email = 3\n")

    assert desk.run("profile", "lint", "carol").exit_code == ExitCode.USAGE
    assert desk.run("profile", "lint", "bea").exit_code == ExitCode.CONFIGURATION


# ---------------------------------------------------------------- replay


def test_replay_tells_each_day_in_a_line_and_all_in_a_sentence(week: Desk) -> None:
    result = week.run("profile", "replay", "--from", "2026-03-09")

    rows = [line.split("\t") for line in result.stdout.splitlines() if line.startswith("2026")]
    assert [(row[0][:10], row[2]) for row in rows] == [
        ("2026-03-09", "1"),
        ("2026-03-10", "0"),
        ("2026-03-11", "1"),
    ]
    assert [row[4] for row in rows if row[2] == "1"] == ["Waiting on Monday", "Waiting for Rice"]
    assert "3 days: 2 picks on 2 of them, 1 quiet day" in result.stdout


def test_replay_names_a_day_without_papers_as_everything_else_does(week: Desk) -> None:
    shown = week.run("profile", "replay", "--from", "2026-03-01").stdout

    assert "\tno list: no source had a new paper" in shown
    assert "no_list" not in shown


def test_replay_as_json_has_reasons_that_add_up(week: Desk) -> None:
    answer = json.loads(week.run("profile", "replay", "ada", "--last", "3d", "--json").stdout)

    picks = [pick for day in answer["days"] for pick in day["picks"]]
    assert len(picks) == 2
    assert all(sum(one["points"] for one in pick["reasons"]) == pick["score"] for pick in picks)


@pytest.mark.slow
def test_replay_writes_a_page(week: Desk) -> None:
    result = week.run("profile", "replay", "--last", "3d", "--html", str(week.folder / "past.html"))

    page = (week.folder / "past.html").read_text(encoding="utf-8")
    assert result.exit_code == 0
    assert "9 March to 11 March 2026" in page
    assert "Waiting on Monday" in page


@pytest.mark.slow
def test_replay_of_a_page_that_cannot_be_written_is_an_error(week: Desk) -> None:
    result = week.run("profile", "replay", "--html", str(week.folder / "no" / "such" / "folder.html"))

    assert result.exit_code == ExitCode.FAILED
    assert "cannot be written" in result.stderr


@pytest.mark.slow
def test_replay_leaves_out_what_was_sent_before_the_window_but_not_what_it_replays(week: Desk) -> None:
    """A real edition of those very days does not hide its papers from a replay of them."""
    assert week.run("send").exit_code == 0

    answer = json.loads(week.run("profile", "replay", "--last", "3d", "--json").stdout)

    assert sum(len(day["picks"]) for day in answer["days"]) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["--from", "2026-03-11", "--to", "2026-03-09"],
        ["--to", "2026-03-12"],
        ["--from", "2020-01-01"],
        ["--last", "0d"],
        ["--last", "many"],
        ["--last", "99999w"],
    ],
)
def test_days_that_cannot_be_replayed_are_wrong_usage(week: Desk, arguments: list[str]) -> None:
    assert week.run("profile", "replay", *arguments).exit_code == ExitCode.USAGE


@pytest.mark.parametrize("arguments", [["replay"], ["diff", "ada", "ada"], ["suggest"]])
def test_without_a_store_the_tools_say_how_to_get_one(desk: Desk, arguments: list[str]) -> None:
    result = desk.run("profile", *arguments)

    assert result.exit_code == ExitCode.STORE
    assert "digest fetch" in result.stderr


def test_days_without_any_paper_are_told(week: Desk) -> None:
    result = week.run("profile", "replay", "--from", "2025-01-01", "--to", "2025-01-05")

    assert result.exit_code == ExitCode.STORE
    assert "no stored paper was first seen" in result.stderr


# ---------------------------------------------------------------- diff


def test_diff_tells_what_is_gained_and_lost_and_why(week: Desk) -> None:
    new = str(week.write("new.toml", EASY.replace("waiting", "Tuesday")))

    result = week.run("profile", "diff", "ada", new, "--last", "3d")

    rows = [line.split("\t") for line in result.stdout.splitlines() if line.startswith("2026")]
    assert [(row[0], row[1], row[4]) for row in rows] == [
        ("2026-03-09", "−", "Waiting on Monday"),
        ("2026-03-10", "+", "Rice on Tuesday"),
        ("2026-03-11", "−", "Waiting for Rice"),
    ]
    assert rows[1][5].endswith("Tuesday")
    assert rows[0][5].startswith("−")
    assert "1 paper gained and 2 papers lost in 3 days" in result.stdout


@pytest.mark.slow
def test_diff_as_json_names_both_scores(week: Desk) -> None:
    new = str(week.write("new.toml", EASY + '"Tuesday" = 8\n'))

    answer = json.loads(week.run("profile", "diff", "ada", new, "--last", "3d", "--json").stdout)

    (change,) = answer["changes"]
    assert (answer["gained"], answer["lost"], answer["kept"]) == (1, 0, 2)
    assert (change["before"], change["because_of"]) == (0, "Tuesday")
    assert change["after"] == change["points"] > 0


@pytest.mark.slow
def test_diff_of_a_profile_with_itself_says_so(week: Desk) -> None:
    assert "No difference" in week.run("profile", "diff", "ada", "ada").stdout


# ---------------------------------------------------------------- suggest


def test_suggest_says_when_there_are_too_few_liked_papers(week: Desk) -> None:
    result = week.run("profile", "suggest")

    assert result.exit_code == 0
    assert "too few" in result.stderr
    assert result.stdout == ""


def test_suggest_proposes_lines_that_are_toml(desk: Desk) -> None:
    crowd = [
        ("Dish {n}", "We cook dish {n} with beans. It takes long."),
        ("Sky {n}", "Radio telescopes, {n} and more. They do."),
    ]
    titles = [(title.format(n=n), text.format(n=n)) for n in range(3, 12) for title, text in crowd]
    said = [PAPER.format(title=title, abstract=text, day=11) for title, text in titles]
    desk.write("pages/today.txt", HEAD.format(day=11) + "".join(said))
    assert desk.run("fetch").exit_code == 0
    for title in [title for title, _ in titles if title.startswith("Sky")]:
        assert desk.run("like", title).exit_code == 0

    result = desk.run("profile", "suggest")

    lines = tomllib.loads(result.stdout)
    assert "radio telescopes" in {phrase.lower() for phrase in lines}
    assert all(1 <= weight <= 10 for weight in lines.values())
    proposed = json.loads(desk.run("profile", "suggest", "--json").stdout)
    assert [one["phrase"] for one in proposed["interests"]] == list(lines)
    assert proposed["liked"] == 9
