"""The mail uses only what mail programs can show, or what accepted.toml says may be lost (caniemail's data)."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conformance.accepted import accepted_from, unsettled
from tests.conformance.mails import Mail, pages
from tests.conformance.requirements import from_npm, program

pytestmark = pytest.mark.acceptance

SCRIPT = Path(__file__).parent / "clients.mjs"


def lacking(html: Mapping[str, str]) -> dict[str, list[str]]:
    """The features of each page that some mail programs lack, and how many of them."""
    from_npm("caniemail/package.json")
    command = [program("node", package="nodejs"), str(SCRIPT)]
    given = json.dumps(html)
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def test_mail_programs_lack_nothing_that_is_not_accepted(mails: Mapping[str, Mail]) -> None:
    new = unsettled("caniemail", lacking(pages(mails)), accepted_from("caniemail"))

    assert not new, "\n".join(new)


@pytest.mark.parametrize(
    ("feature", "added"),
    [
        ("display:grid", '<p style="display:grid">Tea</p>'),
        ("position", '<p style="position:sticky">Tea</p>'),
        ("<video> element", "<video></video>"),
        ("accent-color", '<p style="accent-color:red">Tea</p>'),
    ],
)
def test_a_feature_that_mail_programs_lack_is_noticed(feature: str, added: str, rich: Mail) -> None:
    before, after = rich.html, rich.html.replace("</h1>", f"</h1>{added}", 1)
    said = lacking({"before": before, "after": after})

    (new,) = set(said["after"]) - set(said["before"])
    assert new.startswith(feature)
