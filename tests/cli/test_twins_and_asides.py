"""Papers that are almost the same, and steps aside, from pages to mail to explanation."""

import json
from datetime import timedelta

import pytest

from tests.desk import ADA, Desk

PATIENCE = (
    "We study agents that wait in queues of cafés, of ferries and of one post office. Patience, learned without "
    "labels from eleven months of cameras, turns out to be cheap, and its effects last until the afternoon. A "
    "penalty on whitened features keeps the learning from collapse."
)
FERRIES = (
    "Ferries leave early when nobody looks. We forecast their departures from smoke, gulls and the mood of the "
    "crew, and a traveller who is told so spends less time waiting. The forecasts hold for three harbours."
)
PAGE = f"""Daily Papers

byAK and the research community

Mar 11

What the Queue Knows: Waiting at Scale

{PATIENCE}

  • 3 authors
·
Mar 9 4

What the Queue Knows, Revisited: Waiting at Scale

{PATIENCE.replace("eleven months", "two years")}

  • 3 authors
·
Mar 10

Ferries Leave Early

{FERRIES}

  • 2 authors
·
Mar 10
"""
CURIOUS = ADA.replace('"waiting" = 4', '"waiting" = 7') + "[trending]\noutside_interests = 0\n"


@pytest.fixture
def queue(desk: Desk) -> Desk:
    """A page with a paper that was uploaded twice, and one that stays just below the threshold."""
    desk.write("pages/today.txt", PAGE)
    desk.write("profiles/ada.toml", CURIOUS)
    desk.run("fetch")
    below = json.loads(desk.run("explain", "Ferries Leave Early", "--json").stdout)["score"]
    desk.write("profiles/ada.toml", f"exploration = 1\nthreshold = {below + 1}\n{CURIOUS}")
    return desk


@pytest.mark.slow
def test_a_paper_uploaded_twice_is_one_card_and_no_news_the_next_day(queue: Desk) -> None:
    (first, *_) = json.loads(queue.run("preview", "--json").stdout)["sections"]
    ((head,),) = ([one for one in first["picks"] if one["twins"]],)
    both = {head["title"], *(twin["title"] for twin in head["twins"])}

    queue.run("send")
    queue.now += timedelta(days=1)
    tomorrow = json.loads(queue.run("preview", "--json").stdout)

    assert first["name"] == "picks"
    assert len(both) == 2
    assert all(title.startswith("What the Queue Knows") for title in both)
    assert not both & {one["title"] for section in tomorrow["sections"] for one in section["picks"]}


def test_explain_knows_whose_card_names_a_twin(queue: Desk) -> None:
    (first, *_) = json.loads(queue.run("preview", "--json").stdout)["sections"]
    (head,) = first["picks"]
    (twin,) = head["twins"]

    told = queue.run("explain", twin["title"]).stdout

    assert f"names it on the card of “{head['title']}”, which says almost the same, under picks" in told


@pytest.mark.slow
def test_a_step_aside_is_shown_explained_and_had(queue: Desk) -> None:
    assert "shows it as a step aside: below the threshold" in queue.run("explain", "ferries").stdout
    assert "A STEP ASIDE" in queue.run("preview", "--text").stdout

    queue.run("send")
    queue.now += timedelta(days=1)

    assert "had it on 2026-03-11" in queue.run("explain", "ferries").stdout
