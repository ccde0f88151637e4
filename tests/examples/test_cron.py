"""examples/cron: what cron says of the lines, and what they do when it runs them."""

from pathlib import Path

import pytest

from tests.conformance.requirements import program
from tests.desk import Desk
from tests.examples.trial import DIGEST, EXAMPLES, complaint, run

pytestmark = pytest.mark.acceptance

CRONTAB = EXAMPLES / "cron" / "crontab"
LINES = [
    line.removeprefix("#")
    for line in CRONTAB.read_text(encoding="utf-8").splitlines()
    if line.removeprefix("#")[:1] in tuple("*0123456789")
]
"""Those that are switched off, too."""


@pytest.fixture
def home(tmp_path: Path, papers: Desk) -> Path:
    """A person's home, where the lines look for Digest and the papers."""
    (tmp_path / "home" / ".local" / "bin").mkdir(parents=True)
    (tmp_path / "home" / ".local" / "bin" / "digest").symlink_to(DIGEST)
    (tmp_path / "home" / "papers").symlink_to(papers.folder)
    return tmp_path / "home"


def test_there_is_a_line_for_every_quarter_of_an_hour_and_one_for_the_morning() -> None:
    assert [line.split(" cd ")[0] for line in LINES] == ["*/15 * * * *", "30 7-9 * * *"]


def test_cron_finds_no_fault_in_the_lines(tmp_path: Path) -> None:
    crontab = program("crontab", package="cron")
    (tmp_path / "crontab").write_text("\n".join([*LINES, ""]), encoding="utf-8")

    assert not complaint(crontab, "-n", CRONTAB)
    assert not complaint(crontab, "-n", tmp_path / "crontab")


@pytest.mark.parametrize("line", LINES)
def test_a_line_sends_once_though_cron_runs_it_twice(papers: Desk, home: Path, line: str) -> None:
    command = line.split(maxsplit=5)[5]
    environment = {"HOME": str(home), "LOGNAME": "ada", "SHELL": "/bin/sh"}

    ended = [run("/bin/sh", "-c", command, cwd=home, environment=environment) for _ in range(2)]

    assert [one.returncode for one in ended] == [0, 0], ended
    assert len(papers.mails()) == 1
    assert "%" not in command  # to cron, that is the end of the line


@pytest.mark.parametrize("line", LINES)
def test_cron_has_something_to_mail_only_if_something_is_wrong(papers: Desk, home: Path, line: str) -> None:
    command = line.split(maxsplit=5)[5]
    environment = {"HOME": str(home), "LOGNAME": "ada", "SHELL": "/bin/sh"}

    well = run("/bin/sh", "-c", command, cwd=home, environment=environment)
    papers.write("config.toml", "[mail]\n")
    broken = run("/bin/sh", "-c", command, cwd=home, environment=environment)

    assert well.stdout + well.stderr == ""
    assert "from_address" in broken.stdout
