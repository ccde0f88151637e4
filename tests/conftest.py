"""Folders to run commands in."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.desk import ADA, CONFIG, PAGE, Desk

# Tests run side by side, one a core: threads of numpy's that wait for each other would take several times as
# long. It looks when it is first imported, which a test does.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# How long an example takes says more of the machine than of the code. What decides whether a change lands tries
# the same examples each time; every other run tries new ones.
settings.register_profile("digest", deadline=None, derandomize="DIGEST_REQUIRE_ALL" in os.environ)
settings.load_profile("digest")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: begun last, they would be waited for by all other processes."""
    items.sort(key=lambda item: "test_a_year_of_mornings" not in item.nodeid)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tables that tests record (`record_property("table", ...)`) are shown, whatever process ran the test."""
    ended = [*terminalreporter.stats.get("passed", ()), *terminalreporter.stats.get("failed", ())]
    for report in ended:
        for name, shown in getattr(report, "user_properties", ()):
            if name == "table":
                terminalreporter.section(report.nodeid)
                terminalreporter.write_line(str(shown))


@pytest.fixture
def empty(tmp_path: Path) -> Desk:
    """An empty folder."""
    return Desk(tmp_path)


@pytest.fixture
def desk(empty: Desk) -> Desk:
    """Ada's folder: a configuration, her profile, one page."""
    empty.write("config.toml", CONFIG.format(transport="maildir"))
    empty.write("profiles/ada.toml", ADA)
    empty.write("pages/today.txt", PAGE)
    return empty
