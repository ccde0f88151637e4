"""A reader's folder and a way to run commands in it, with a clock of our own and nothing opened on a screen."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from click.testing import CliRunner, Result

from digest.cli.main import cli
from digest.cli.world import World

NOW = datetime(2026, 3, 11, 9, 0, tzinfo=UTC)

NET = """\
[mail]
from_address = "digest@example.org"

[maildir]
path = "mail"

[fetch]
spacing_s = 0

[[sources]]
kind = "huggingface"
base_url = "{url}"
days_back = 0
"""
"""A configuration with one source: a server at `url`."""

PAGE = """new

Get trending papers in your email inbox!

Subscribe

Daily Papers

byAK and the research community

Mar 11

Learning to Wait: Self-Supervised Patience

We study agents that wait. Self-supervised learning of patience turns out to be cheap, and its effects last.

  • 3 authors
·
Mar 9 4

Cooking Rice with Robots

A robot cooks rice. It burns none of it, after nine attempts and a small fire that nobody mentions any more.

  • 2 authors
·
Mar 10

A Survey of Waiting Rooms

We survey 214 waiting rooms. Chairs matter less than plants, and plants matter less than a view of the street.

  • 12 authors
·
Feb 27
"""

CONFIG = """
[mail]
from_address = "digest@example.org"
transport = "{transport}"

[maildir]
path = "mail"

[[sources]]
kind = "listing"
pages = ["pages"]
"""

ADA = """
email = "ada@example.org"

[interests]
"self-supervised learning" = 8
"waiting" = 4
"""


@dataclass
class Desk:
    """A folder in which commands are run."""

    folder: Path
    now: datetime = NOW
    environment: dict[str, str] = field(default_factory=dict)
    opened: list[str] = field(default_factory=list)

    def run(self, *arguments: str, stdin: str | bytes | None = None) -> Result:
        """Run `digest ARGUMENTS` here; a bug is raised, not swallowed."""
        world = World(
            now=lambda: self.now,
            environment=self.environment,
            folder=self.folder,
            sleep=lambda seconds: None,
            open_page=self.opened.append,
        )
        result = CliRunner().invoke(cli, arguments, obj=world, input=stdin)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def write(self, name: str, text: str) -> Path:
        """A file of this folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def mails(self) -> list[bytes]:
        """What has been delivered into the Maildir."""
        return [path.read_bytes() for path in sorted((self.folder / "mail" / "new").glob("*"))]
