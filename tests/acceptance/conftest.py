"""A reader's folder whose mail goes over SMTP."""

from pathlib import Path

import pytest

from tests.desk import ADA, CONFIG, PAGE, Desk


@pytest.fixture
def smtp_desk(tmp_path: Path) -> Desk:
    """Ada's folder without the [smtp] table, which `at_port` adds."""
    desk = Desk(tmp_path)
    desk.write("profiles/ada.toml", ADA)
    desk.write("pages/today.txt", PAGE)
    return desk


def at_port(desk: Desk, port: int) -> Desk:
    """The folder, its mail going to a server on this machine."""
    smtp = f'\n[smtp]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\ntimeout_s = 10\n'
    desk.write("config.toml", CONFIG.format(transport="smtp") + smtp)
    return desk
