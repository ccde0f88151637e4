"""Folders to run commands in."""

from pathlib import Path

import pytest

from tests.desk import ADA, CONFIG, PAGE, Desk


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
