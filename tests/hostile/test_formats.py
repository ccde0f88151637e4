"""What is written in a format is read back; and any bytes at all are a list or an InputError."""

import json
from collections.abc import Sequence
from datetime import date
from html import escape
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.model import Listing
from digest.sources.arxiv_feed import parse_feed
from digest.sources.pages import parse_page
from digest.text import MAX_ABSTRACT, MAX_NAME, MAX_TITLE, clean, title_key
from tests.fuzz.readers import READERS, WORDS, attacked
from tests.hostile.layouts import LAYOUTS, Said
from tests.makers import NOW
from tests.sources.page_makers import api_answer, api_row, html_page

SAVED = date(2026, 3, 14)


def read(data: bytes) -> Listing:
    return parse_page(data, name="page", at=NOW, saved_on=SAVED)


# ---------------------------------------------------------------- Hugging Face's rows

TITLES = st.text(min_size=1, max_size=400).filter(lambda text: clean(text, MAX_TITLE))
ABSTRACTS = st.none() | st.text(max_size=1_000)
NAMES = st.lists(st.text(max_size=40), max_size=5)
NUMBERS = st.integers(0, 10**6)


@st.composite
def rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rows of distinct ids, as the API has them."""
    return [
        api_row(
            f"2603.{number:05}",
            draw(TITLES),
            summary=draw(ABSTRACTS),
            authors=[{"name": name} for name in draw(NAMES)],
            upvotes=draw(NUMBERS),
        )
        for number in range(draw(st.integers(1, 5)))
    ]


def facts_of(listing: Listing) -> list[tuple[Any, ...]]:
    return [
        (paper.id, paper.title, paper.abstract, paper.authors, entry.observation.upvotes)
        for entry in listing.entries
        for paper in [entry.paper]
    ]


def facts_in(answer: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [
        (
            row["paper"]["id"],
            clean(row["paper"]["title"], MAX_TITLE),
            clean(row["paper"]["summary"] or "", MAX_ABSTRACT) or None,
            tuple(name for one in row["paper"]["authors"] if (name := clean(one["name"], MAX_NAME))) or None,
            row["paper"]["upvotes"],
        )
        for row in answer
    ]


@settings(max_examples=40)
@given(rows())
def test_rows_of_the_api_are_read_back(answer: list[dict[str, Any]]) -> None:
    assert facts_of(read(api_answer(*answer))) == facts_in(answer)


@settings(max_examples=40)
@given(rows())
def test_so_are_those_in_a_page(answer: list[dict[str, Any]]) -> None:
    props = {"dailyPapers": answer, "dateString": "2026-03-11", "periodType": "day"}

    assert facts_of(read(html_page(props))) == facts_in(answer)


@settings(max_examples=40)
@given(rows())
def test_rows_that_an_archive_has_printed_into_texts_are_read_back(answer: list[dict[str, Any]]) -> None:
    printed = [json.dumps(row) for row in answer[:1]] + [repr(row) for row in answer[1:]]

    assert facts_of(read(json.dumps({"data": printed}).encode())) == facts_in(answer)


# ---------------------------------------------------------------- arXiv's items

LEGAL = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), max_size=300
)
"""What XML 1.0 can say, but for line ends, which it changes."""
FEED = """<?xml version="1.0" encoding="utf-8"?>
<rss xmlns:arxiv="http://arxiv.org/schemas/atom" version="2.0"><channel><title>cs.CL updates on arXiv.org</title>
<pubDate>Wed, 11 Mar 2026 00:00:00 -0400</pubDate>{}</channel></rss>"""


@given(st.lists(st.tuples(LEGAL.filter(lambda text: clean(text, MAX_TITLE)), LEGAL), min_size=1, max_size=5))
def test_items_of_arxivs_feed_are_read_back(texts: list[tuple[str, str]]) -> None:
    items = [
        f"<item><title>{escape(title)}</title><guid>oai:arXiv.org:2603.{number:05}v1</guid><description>"
        f"arXiv:2603.{number:05}v1 Announce Type: new \nAbstract: {escape(abstract)}</description></item>"
        for number, (title, abstract) in enumerate(texts)
    ]

    found = parse_feed(FEED.format("".join(items)).encode(), at=NOW).papers

    assert [(one.entry.paper.title, one.entry.paper.abstract) for one in found] == [
        (clean(title, MAX_TITLE), clean(abstract, MAX_ABSTRACT) or None) for title, abstract in texts
    ]


# ---------------------------------------------------------------- text layouts

WORDS_OF_PAGES = (
    "tea robots pour wait äther cups of steam for the first time größer kettle n<N [1] it".split()
)
TITLE = st.lists(st.sampled_from(WORDS_OF_PAGES), min_size=3, max_size=9).map(
    lambda words: f"Of {' '.join(words)}"
)
SENTENCE = st.lists(st.sampled_from(WORDS_OF_PAGES), min_size=8, max_size=12).map(" ".join)


@st.composite
def abstracts(draw: st.DrawFn) -> str:
    """Sentences, of a length that abstracts have."""
    said = ". ".join(draw(st.lists(SENTENCE, min_size=1, max_size=3)))
    return f"We study how {said}. " + "They pour tea and wait for it to cool. " * 8 + "So they wait."


@st.composite
def pages(draw: st.DrawFn) -> list[Said]:
    """What a page says, of papers with distinct titles."""
    return [
        Said(
            identifier=f"2412.{number:05}",
            title=title,
            abstract=draw(abstracts()),
            n_authors=draw(st.integers(2, 200)),
            published=draw(st.dates(date(2020, 1, 1), date(2025, 12, 31))),
            upvotes=draw(st.integers(0, 999)),
            comments=draw(st.integers(1, 99)),
        )
        for number, title in enumerate(draw(st.lists(TITLE, min_size=1, max_size=4, unique_by=title_key)))
    ]


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=25)
@given(said=pages())
def test_a_text_page_is_read_back(layout: str, said: list[Said]) -> None:
    listing = read(LAYOUTS[layout](said).encode())

    assert listing.layout == layout
    assert [(entry.paper.title, entry.paper.abstract) for entry in listing.entries] == [
        (one.title, one.abstract) for one in said
    ]
    assert listing.warnings == ()


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["text B", "text D", "text E", "text F", "text G"])
@settings(max_examples=25)
@given(said=pages())
def test_with_who_and_when(layout: str, said: list[Said]) -> None:
    listing = read(LAYOUTS[layout](said).encode())

    assert [(entry.paper.n_authors, entry.paper.published) for entry in listing.entries] == [
        (one.n_authors, one.published) for one in said
    ]


@pytest.mark.parametrize("layout", ["text D", "text E", "text F"])
@settings(max_examples=25)
@given(said=pages())
def test_with_ids_votes_and_comments_where_there_are_links(layout: str, said: list[Said]) -> None:
    listing = read(LAYOUTS[layout](said).encode())

    assert [
        (entry.paper.id, entry.observation.upvotes, entry.observation.comments) for entry in listing.entries
    ] == [(one.identifier, one.upvotes, one.comments) for one in said]


# ---------------------------------------------------------------- anything


@pytest.mark.parametrize("form", READERS)
@settings(max_examples=40)
@given(data=st.binary(max_size=2_000))
def test_any_bytes_are_a_list_or_an_error(form: str, data: bytes) -> None:
    assert attacked(READERS[form], data) == []


@pytest.mark.slow
@pytest.mark.parametrize("form", READERS)
@settings(max_examples=40)
@given(data=st.data())
def test_so_is_whatever_is_put_together_from_a_form_s_own_words(form: str, data: st.DataObject) -> None:
    words = st.sampled_from(WORDS[form]) | st.sampled_from((" ", "\n", ">", '"', "1")) | st.text(max_size=5)
    page = "".join(data.draw(st.lists(words, max_size=60)))

    assert attacked(READERS[form], page.encode(errors="surrogatepass")) == []
