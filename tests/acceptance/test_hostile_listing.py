"""A page written to do harm gives a clean, bounded mail."""

import email
import email.policy
import json
import re
from email.message import EmailMessage

import pytest
from bs4 import BeautifulSoup

from tests.desk import Desk

EVIL = "{{7*7}} <script>alert(1)</script> <img src=x onerror=alert(2)> waiting\r\nBcc: eve@example.org\x00\x92\u202e"


def hostile(**fields: object) -> dict[str, object]:
    paper: dict[str, object] = {
        "id": "2603.00001",
        "title": f"Self-supervised learning {EVIL}",
        "summary": f"Self-supervised learning. {EVIL}",
        "authors": [{"name": f"Eve {EVIL}"}, {"name": "</td></table>"}],
        "publishedAt": "2026-03-10T00:00:00.000Z",
        "upvotes": 10**30,
        "projectPage": "javascript:alert(3)",
        "githubRepo": "data:text/html,<script>alert(4)</script>",
        "organization": {"name": "evil", "fullname": f"Org {EVIL}"},
    }
    return {
        "paper": paper | fields,
        "title": "x",
        "publishedAt": "2026-03-10T00:00:00.000Z",
        "numComments": -5,
    }


@pytest.fixture
def mail(desk: Desk) -> EmailMessage:
    page = [
        hostile(summary=f"Self-supervised learning. {EVIL} " + "word " * 2_000_000),
        hostile(id="2603.00002", title="Self-supervised learning " + "A" * 5_000),
        hostile(
            id="2603.00004",
            title="Self-supervised learning $" + "{" * 250 + "$",
            githubRepo="https://x.org/\ud800",
        ),
        hostile(id="2603.00005", title="Self-supervised learning \\sqrt \\href \\begin{array}"),
        hostile(id="../../etc/passwd"),
        hostile(id=2603.00003),
        {"paper": None},
        "not a paper",
    ]
    desk.write("pages/evil.json", json.dumps(page))
    (desk.folder / "pages" / "today.txt").unlink()
    assert desk.run("send").exit_code == 0
    (raw,) = desk.mails()
    assert len(raw) < 200_000
    assert max(len(line) for line in raw.split(b"\n")) <= 998
    return email.message_from_bytes(raw, policy=email.policy.default)


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


@pytest.mark.slow
def test_no_header_is_injected(mail: EmailMessage) -> None:
    assert mail["Bcc"] is None
    assert mail.get_all("To") == ["ada@example.org"]
    assert "\n" not in mail["Subject"]


@pytest.mark.slow
def test_no_markup_is_injected(mail: EmailMessage) -> None:
    page = BeautifulSoup(body(mail, "html"), "lxml")

    assert page.find("script") is None
    assert page.find("img") is None
    assert not [tag for tag in page.find_all(True) if any(str(name).startswith("on") for name in tag.attrs)]
    assert "<script>alert(1)</script>" in page.get_text()


@pytest.mark.slow
def test_no_link_leads_elsewhere_than_the_web_or_a_mail(mail: EmailMessage) -> None:
    page = BeautifulSoup(body(mail, "html"), "lxml")

    schemes = {str(link["href"]).partition(":")[0] for link in page.find_all(href=True)}
    assert schemes <= {"https", "http", "mailto"}
    assert "javascript:" not in body(mail, "plain")


@pytest.mark.slow
def test_no_template_code_runs_and_no_control_character_passes(mail: EmailMessage) -> None:
    for kind in ("plain", "html"):
        text = body(mail, kind)
        assert "{{7*7}}" in text
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e]", text)


@pytest.mark.slow
def test_everything_is_bounded(mail: EmailMessage) -> None:
    assert len(body(mail, "html").encode()) <= 90_000
    assert len(body(mail, "plain")) < 20_000
    assert "A" * 301 not in body(mail, "html")
