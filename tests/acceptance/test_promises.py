"""docs/promises.md promises what tests show."""

import re
from pathlib import Path

from tests.acceptance.test_faults import CASES
from tests.acceptance.test_kills import DELIVERIES, FEWER, IN_SETTLING, ON_THE_WIRE, RANDOM_KILLS
from tests.faults.driver import STEPS

ROOT = Path(__file__).parent.parent.parent
PROMISES = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
TABLE = PROMISES.partition("## What was tried")[2].partition("## In numbers")[0]
ROWS = [line for line in TABLE.splitlines() if line.startswith("| ")][1:]
SHOWN_IN = ("test_faults.py", "test_kills.py", "test_troubles.py")


def named_in(file: str) -> set[str]:
    text = (Path(__file__).parent / file).read_text(encoding="utf-8")
    return set(re.findall(r"^def (test_\w+)", text, re.MULTILINE))


def test_every_promise_names_tests_that_exist() -> None:
    there = set().union(*map(named_in, SHOWN_IN))

    for row in ROWS:
        named = re.findall(r"`(test_\w+)`", row)
        assert named, row
        assert set(named) <= there, row


def test_every_test_of_faults_stands_for_a_promise() -> None:
    named = set(re.findall(r"`(test_\w+)`", PROMISES))

    assert set().union(*map(named_in, SHOWN_IN)) <= named


def test_the_promised_numbers_of_trials_are_those_of_the_tests() -> None:
    kills = len(STEPS) + len(ON_THE_WIRE) + 2 * len(IN_SETTLING) + RANDOM_KILLS

    assert f"| {len(CASES)} cases × 20 readers |" in PROMISES
    assert f"at each of {len(STEPS) + len(ON_THE_WIRE)} named steps" in PROMISES
    assert f"{kills} kills × {DELIVERIES:,}," in PROMISES
    assert f"{kills} kills × {FEWER:,}," in PROMISES
