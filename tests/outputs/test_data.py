"""An edition as JSON."""

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from digest.model import Note, NoteKind, Observation, Outcome, Section, SectionName, Summary, Trend
from digest.outputs.data import as_dict, to_json
from tests.editions import EVERY
from tests.makers import NOW, candidate, edition, interest, pick, profile, reason


def shown(**known: Any) -> dict[str, Any]:
    """One paper as a program is told it."""
    identifier, title = known.pop("id", "2603.00001"), known.pop("title", "Learning to Wait")
    told: dict[str, Any] = as_dict(edition(pick(identifier, title, reason(), **known)), "Subject")
    (paper,) = told["sections"][0]["picks"]
    return dict(paper)


@pytest.mark.parametrize("name", EVERY)
def test_every_edition_is_json_whose_points_add_up(name: str) -> None:
    told = json.loads(to_json(EVERY[name], "Subject"))

    for paper in [*told["misses"], *(one for section in told["sections"] for one in section["picks"])]:
        given = sum(each["points"] for each in paper["reasons"])
        assert given == paper["score"] or not paper["reasons"]


def test_an_edition_tells_whose_it_is_and_how_it_came_about() -> None:
    told = as_dict(
        edition(pick(), profile=profile(interest("waiting"), threshold=40, language="de")), "Warten"
    )

    assert {key: told[key] for key in list(told)[:9]} == {
        "profile": "ada",
        "day": "2026-03-11",
        "at": "2026-03-11T07:30:00+00:00",
        "language": "de",
        "subject": "Warten",
        "outcome": "ready",
        "considered": 30,
        "n_new": 30,
        "threshold": 40,
    }


def test_a_quiet_day_names_what_came_closest_and_what_was_wrong() -> None:
    quiet = edition(
        outcome=Outcome.QUIET,
        sections=(),
        misses=(pick("2603.00009", "Nearly"),),
        notes=(Note(kind=NoteKind.SOURCE, name="pages", day=date(2026, 3, 11)),),
    )

    told = as_dict(quiet, "Quiet")

    assert [one["title"] for one in told["misses"]] == ["Nearly"]
    assert told["notes"] == [
        "The source pages could not be read completely on 11 Mar, so papers may be missing."
    ]
    assert told["sections"] == []


def test_what_is_not_known_is_null() -> None:
    told = shown(id="title:x", abstract=None)

    assert {key for key, value in told.items() if value is None} == {
        "authors", "n_authors", "organization", "published", "abstract"
    }  # fmt: skip
    assert set(told["votes"].values()) == {None}
    assert list(told["links"]) == ["search"]


def test_a_paper_has_its_pages_by_name_and_no_unsafe_one() -> None:
    told = shown(code_url="https://example.org/code", project_url="javascript:alert(1)")

    assert told["links"] == {
        "abstract": "https://arxiv.org/abs/2603.00001",
        "pdf": "https://arxiv.org/pdf/2603.00001",
        "html": "https://arxiv.org/html/2603.00001",
        "huggingface": "https://huggingface.co/papers/2603.00001",
        "code": "https://example.org/code",
    }


def test_a_reason_is_told_in_parts_and_in_words() -> None:
    (told,) = shown()["reasons"]

    assert told == {
        "label": "waiting (title)",
        "points": 40,
        "kind": "interest",
        "about": "waiting",
        "where": "title",
        "said": None,
        "words": [],
    }


def test_votes_twins_and_a_summary_are_told() -> None:
    seen = replace(
        candidate(),
        observation=Observation(at=NOW, upvotes=41, comments=3, stars=7),
        trend=Trend(upvotes=41, percent=5, among=60),
    )
    full = replace(
        pick(),
        candidate=seen,
        twins=(candidate("2603.00002", "Waiting Again"),),
        summary=Summary(text="It waits.", model="m"),
    )

    told = as_dict(edition(full), "")["sections"][0]["picks"][0]

    assert told["votes"] == {"upvotes": 41, "comments": 3, "stars": 7, "top_percent": 5, "among": 60}
    assert told["twins"] == [{"id": "2603.00002", "title": "Waiting Again"}]
    assert told["summary"] == {"text": "It waits.", "model": "m"}


def test_the_readers_address_is_not_told() -> None:
    assert "ada@example.org" not in to_json(edition(pick()), "Subject")


def test_half_a_character_does_not_stop_the_rest() -> None:
    broken = edition(sections=(Section(name=SectionName.PICKS, picks=(pick(title="A \ud800 title"),)),))

    assert json.loads(to_json(broken, "").encode())["sections"][0]["picks"][0]["title"] == "A ? title"


def test_a_daily_edition_tells_of_no_period() -> None:
    told = as_dict(EVERY["rich"], "Subject")

    assert not {"period", "chart"} & told.keys()
    assert "over" not in told["sections"][0]["picks"][0]["votes"]


def test_a_weekly_edition_tells_its_days_and_what_they_brought() -> None:
    told = as_dict(EVERY["weekly"], "Subject")

    assert told["period"] == {"every": "week", "first": "2026-03-04", "last": "2026-03-10"}
    assert told["chart"][0] == {"first": "2026-03-04", "last": "2026-03-04", "listed": 48, "matched": 5}
    assert len(told["chart"]) == 7
    votes = told["sections"][0]["picks"][0]["votes"]
    assert (votes["over"], votes["among"]) == ("week", 230)
