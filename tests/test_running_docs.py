"""What docs/running.md says is so."""

import re
from pathlib import Path

import click
import pytest

from digest.cli.main import cli
from digest.model import Outcome
from digest.outcome import MEANINGS
from digest.schedule import OPEN_FOR
from digest.settings.mail import OVERDUE_MINUTES

TESTS = Path(__file__).parent
PROMISES = (TESTS.parent / "docs" / "promises.md").read_text(encoding="utf-8")
DOCUMENT = (TESTS.parent / "docs" / "running.md").read_text(encoding="utf-8")


def test_the_question_comes_first() -> None:
    assert re.findall(r"^## (.*)$", DOCUMENT, re.MULTILINE)[0] == "No mail today, why?"


def test_every_outcome_is_told_in_the_words_of_digest_status() -> None:
    answer = DOCUMENT.partition("## No mail today, why?")[2].partition("\n## ")[0]
    told = dict(re.findall(r"^\| `([a-z_]+)` \| (.*?) \|", answer, re.MULTILINE))

    assert told == {outcome.value: meaning for outcome, meaning in MEANINGS.items()}
    assert set(told) == set(Outcome)


@pytest.mark.parametrize(
    "line",
    sorted(set(re.findall(r"digest ((?:run|send|status|pause|resume|health|outbox)\b[^`\n#]*)", DOCUMENT))),
)
def test_every_command_and_flag_is_one(line: str) -> None:
    command: click.Command = cli
    with click.Context(cli) as context:
        for word in line.split():
            found = command.get_command(context, word) if isinstance(command, click.Group) else None
            command = found or command
    flags = {flag for one in command.params for flag in one.opts}

    assert command is not cli
    assert set(re.findall(r"--[a-z-]+", line)) <= flags


def test_the_numbers_are_those_of_the_program() -> None:
    hours, *days = (span for span in OPEN_FOR.values())

    assert f"{hours.total_seconds() / 3600:g} hours after its hour" in " ".join(DOCUMENT.split())
    assert [span.days for span in days] == [3, 7]
    assert "(three days for a weekly one, seven for a monthly)" in " ".join(DOCUMENT.split())
    assert f"`overdue_minutes` ({OVERDUE_MINUTES})" in DOCUMENT


def test_every_promise_of_a_day_names_tests_that_exist() -> None:
    table = PROMISES.partition("## Of each reader's day")[2]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    there = {
        name
        for file in TESTS.rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    }

    assert rows
    for row in rows:
        named = re.findall(r"`(test_\w+)`", row)
        assert named, row
        assert set(named) <= there, row
