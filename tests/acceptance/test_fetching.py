"""`digest fetch` and `send` against a server that answers as Hugging Face does."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from digest.errors import ExitCode
from tests.desk import ADA, NOW, Desk
from tests.web import Server, answer

pytestmark = pytest.mark.acceptance

TODAY = NOW.date()
CONFIG = """
window_days = 7

[mail]
from_address = "digest@example.org"

[maildir]
path = "mail"

[fetch]
spacing_s = 0

[[sources]]
kind = "huggingface"
base_url = "{url}"
days_back = 1
"""


def api(day: date, page: int = 0) -> str:
    return f"/api/daily_papers?date={day}&limit=100&p={page}"


def listed(*numbers: int) -> bytes:
    return json.dumps([row(number) for number in numbers]).encode()


def row(number: int) -> dict[str, Any]:
    paper = {
        "id": f"2603.{number:05}",
        "title": f"Waiting, Part {number}",
        "summary": "Self-supervised learning\nof patience.",
        "authors": [{"name": "Ada B"}],
        "publishedAt": "2026-03-09T00:00:00.000Z",
        "upvotes": number,
    }
    return {"paper": paper, "title": paper["title"], "publishedAt": paper["publishedAt"], "numComments": 1}


@pytest.fixture
def site() -> Iterator[Server]:
    server = Server()
    server.answers[api(TODAY)] = [answer(listed(1, 2))]
    server.answers[api(TODAY - timedelta(days=1))] = [answer(listed(3))]
    yield server
    server.close()


@pytest.fixture
def desk(tmp_path: Path, site: Server) -> Desk:
    made = Desk(tmp_path)
    made.write("config.toml", CONFIG.format(url=site.url))
    made.write("profiles/ada.toml", ADA)
    return made


def considered(desk: Desk) -> int:
    return int(json.loads(desk.run("preview", "--json").stdout)["considered"])


def test_the_lists_of_the_last_days_are_stored_once(desk: Desk) -> None:
    first, second = desk.run("fetch"), desk.run("fetch")

    assert "huggingface: 3 papers, 3 of them new" in first.stdout
    assert "huggingface: 3 papers, 0 of them new" in second.stdout
    assert considered(desk) == 3


def test_a_long_list_is_read_page_by_page(desk: Desk, site: Server) -> None:
    site.answers[api(TODAY)] = [answer(listed(*range(100)))]
    site.answers[api(TODAY, 1)] = [answer(listed(*range(100, 120)))]

    assert "huggingface: 120 papers" in desk.run("fetch").stdout


def test_where_the_api_fails_the_page_is_read_and_that_is_told(desk: Desk, site: Server) -> None:
    props = json.dumps({"dailyPapers": [row(7)], "dateString": str(TODAY), "periodType": "day"})
    page = f"<html><div data-target='DailyPapers' data-props='{props}'></div></html>"
    site.answers[api(TODAY)] = [answer(status=404)]
    site.answers[f"/papers/date/{TODAY}"] = [answer(page.encode())]

    result = desk.run("fetch")

    assert result.exit_code == 0
    assert "was read in its place" in result.stderr
    assert considered(desk) == 2


def test_a_day_that_cannot_be_read_costs_a_line_in_the_mail(desk: Desk, site: Server) -> None:
    site.answers[api(TODAY)] = [answer(status=404)]
    site.answers[f"/papers/date/{TODAY}"] = [answer(status=404)]

    result = desk.run("send")

    assert result.exit_code == 0
    (mail,) = desk.mails()
    assert b"The source huggingface could not be read on 11 Mar." in mail


def test_everything_down_is_an_outcome_and_an_exit_code(desk: Desk, site: Server) -> None:
    for path in list(site.answers):
        site.answers[path] = [answer(status=404)]
    for day in (TODAY, TODAY - timedelta(days=1)):
        site.answers[f"/papers/date/{day}"] = [answer(status=404)]

    result = desk.run("send")

    assert result.exit_code == ExitCode.INPUT
    assert "ada: source down" in result.stdout
    assert desk.mails() == []


def test_a_liked_paper_that_no_list_brought_is_looked_up(desk: Desk, site: Server) -> None:
    desk.write("profiles/ada.toml", ADA + '[liked]\npapers = ["2104.14294"]\n')
    liked = row(9)["paper"] | {"id": "2104.14294", "title": "Patience as Self-Supervision"}
    site.answers["/api/papers/2104.14294"] = [answer(json.dumps(liked).encode())]

    result = desk.run("fetch")

    assert "liked papers: 1 looked up" in result.stdout
    assert "like Patience as Self-Supervision" in desk.run("explain", "Waiting, Part 1").stdout
    assert considered(desk) == 3


RSS = """<?xml version="1.0"?><rss version="2.0"><channel><title>Tea</title>
<item><title>Tin Robots Wait for the Kettle</title><link>https://arxiv.org/abs/2603.00002</link></item>
<item><title>Saucers</title><guid>saucers</guid></item></channel></rss>"""
MORE = """
[[sources]]
kind = "feed"
url = "{url}/tea/"

[[sources]]
kind = "huggingface"
base_url = "{url}"
list = "weekly"

[[sources]]
kind = "listing"
pages = ["saved"]
"""


def test_lists_feeds_and_saved_pages_are_read_into_one_store(desk: Desk, site: Server) -> None:
    desk.write("config.toml", (CONFIG + MORE).format(url=site.url))
    desk.write("saved/page.rss", RSS)
    site.answers["/tea/"] = [answer(RSS.encode(), Content_Type="application/rss+xml")]
    site.answers["/api/daily_papers?week=2026-W11&limit=100&p=0"] = [answer(listed(1, 2, 3, 4, 5))]

    result = desk.run("fetch")

    assert result.exit_code == 0
    for told in ("127.0.0.1: 2 papers", "huggingface weekly: 5 papers", "listing: 2 papers"):
        assert told in result.stdout
    assert considered(desk) == 6


def test_a_login_page_in_place_of_a_feed_is_no_empty_list(desk: Desk, site: Server) -> None:
    desk.write(
        "config.toml", (CONFIG + MORE.partition('[[sources]]\nkind = "huggingface"')[0]).format(url=site.url)
    )
    site.answers["/tea/"] = [answer(b"<!doctype html><title>Log in</title>", Content_Type="text/html")]

    result = desk.run("fetch")

    assert "127.0.0.1: 0 papers, 0 of them new; strange" in result.stdout
    assert "HTML" in result.stderr
