"""Real pages, where they are at hand: every paper, exactly."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from digest.sources.huggingface_pages import parse_html
from digest.sources.pages import parse_page
from digest.sources.text_listing import read_when
from tests.makers import NOW
from tests.sources.contract import assert_clean

SHARED = Path(__file__).resolve().parents[3] / "shared"
PAGES = sorted(SHARED.glob("seeds/*.txt"))
ANSWERS = sorted(SHARED.glob("samples/hf/*.json"))
HTML = sorted(SHARED.glob("samples/hf/*.html"))
FEEDS = sorted(SHARED.glob("samples/feeds/*.xml"))
ABSENT = "no saved pages beside this checkout"

pytestmark = pytest.mark.skipif(not PAGES or not ANSWERS, reason=ABSENT)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_paper_of_a_saved_page_is_found_as_it_is(path: Path) -> None:
    truth = json.loads((path.parent / "truth.json").read_bytes())[path.name]

    listing = parse_page(path.read_bytes(), name=path.name, at=NOW, saved_on=date(2025, 12, 31))

    assert [_facts(entry) for entry in listing.entries] == [_expected(paper) for paper in truth]


def _facts(entry: Any) -> tuple[Any, ...]:
    paper, published = entry.paper, entry.paper.published
    day = (published.month, published.day) if published else None
    abstract = paper.abstract
    return (
        paper.title,
        abstract[:40],
        abstract[-40:],
        paper.n_authors,
        paper.organization,
        day,
        entry.observation.comments,
    )


def _expected(paper: dict[str, Any]) -> tuple[Any, ...]:
    meta = read_when(paper["date_text"] or "")
    day = (meta.when.month, meta.when.day) if meta and meta.when else None
    starts, ends = paper["abstract_first_40_chars"], paper["abstract_last_40_chars"]
    return paper["title"], starts, ends, paper["n_authors"], paper["organization"], day, paper["comments"]


@pytest.mark.parametrize("path", ANSWERS, ids=lambda path: path.name)
def test_every_entry_of_a_saved_answer_is_read(path: Path) -> None:
    answer = json.loads(path.read_bytes())

    listing = parse_page(path.read_bytes(), name=path.name, at=NOW, saved_on=None)

    rows = answer if isinstance(answer, list) else answer["data"]
    assert len(listing.entries) == len(rows)
    assert listing.warnings == ()
    if isinstance(answer, list):
        papers = [(e.paper.id, e.paper.title, e.observation.upvotes) for e in listing.entries]
        assert papers == [
            (r["paper"]["id"], " ".join(r["paper"]["title"].split()), r["paper"]["upvotes"]) for r in rows
        ]
        assert all(e.paper.abstract and e.paper.authors and e.paper.published for e in listing.entries)


@pytest.mark.parametrize("path", HTML, ids=lambda path: path.name)
def test_the_cards_of_a_saved_page_agree_with_its_data(path: Path) -> None:
    data = path.read_bytes()

    whole = parse_html(data, at=NOW, day=None)
    cards = parse_html(data.replace(b"data-props", b"data-gone"), at=NOW, day=None)

    assert whole.day == cards.day == date(2024, 8, 1)
    assert len(whole.entries) == 13
    assert [_on_card(entry) for entry in whole.entries] == [_on_card(entry) for entry in cards.entries]


def _on_card(entry: Any) -> tuple[Any, ...]:
    seen = entry.observation
    return entry.paper.id, entry.paper.title, entry.paper.n_authors, seen.upvotes, seen.listed_on


@pytest.mark.slow
@pytest.mark.parametrize("path", [*PAGES, *ANSWERS], ids=lambda path: path.name)
def test_a_saved_page_in_another_line_end_and_with_a_mark_reads_the_same(path: Path) -> None:
    data = path.read_bytes()

    plain = parse_page(data, name="x", at=NOW, saved_on=None)
    marked = parse_page(b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n"), name="x", at=NOW, saved_on=None)

    assert marked == plain


@pytest.mark.parametrize("path", FEEDS, ids=lambda path: path.name)
def test_every_entry_of_a_saved_feed_is_read(path: Path) -> None:
    data = path.read_bytes()

    listing = parse_page(data, name=path.name, at=NOW, saved_on=None)

    assert len(listing.entries) == data.count(b"<item>")
    assert listing.warnings == ()
    for entry in listing.entries:
        assert_clean(entry)
        assert entry.paper.title.encode() in b" ".join(data.split())
        assert entry.paper.abstract
