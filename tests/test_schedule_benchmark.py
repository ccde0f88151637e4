"""benchmarks/schedule.py: that what is compared does the same."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from benchmarks.schedule import SIZES, WAYS, measured

NOW = datetime.now(UTC)
"""APScheduler's clock is this machine's."""


@pytest.mark.parametrize("name", WAYS)
def test_an_eighth_of_the_profiles_is_found_once(tmp_path: Path, name: str) -> None:
    with WAYS[name](tmp_path, "") as way:
        way.load(range(40), NOW)

        assert [way.tick(NOW), way.tick(NOW)] == [5, 0]


def test_who_was_found_is_due_again_on_the_next_day(tmp_path: Path) -> None:
    with WAYS["turns"](tmp_path, "") as way:
        way.load(range(40), NOW)
        way.tick(NOW)

        assert way.tick(NOW + timedelta(days=2)) == 40


def test_every_way_is_measured_in_some_size() -> None:
    assert set(SIZES) == set(WAYS)


def test_a_case_tells_what_it_cost() -> None:
    found = measured("turns", 16, str)

    assert (found.profiles, found.due) == (16, 2)
    assert min(found.load_s, found.due_s, found.idle_ms) > 0
