"""A reader's folder that anybody's clock finds due."""

import pytest

from tests.desk import ADA, Desk
from tests.examples.trial import ALWAYS_DUE


@pytest.fixture
def papers(desk: Desk) -> Desk:
    """Ada's folder; her hour has come, whatever this machine's clock shows."""
    desk.write("profiles/ada.toml", ALWAYS_DUE + ADA)
    return desk
