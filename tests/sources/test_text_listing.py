"""Listing pages saved as text, layouts A, B and C."""

from datetime import date
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.identity import title_identity
from digest.model import Entry, Listing
from digest.sources.page_year import When
from digest.sources.reading import Meta
from digest.sources.text_listing import parse_text, read_when
from tests.makers import NOW
from tests.sources.page_makers import BANNER, BY, Card, dense_page, prose, spaced_page, who_and_when

SAVED = date(2026, 3, 14)
ROBOTS = Card(title="Tin Robots Pour Tea", abstract=prose("tin robots"))
CLOUDS = Card(title="Clouds as Sheep: A Survey", abstract=prose("clouds"))
SPOONS = Card(title="Where Do All the Spoons Go?", abstract=prose("spoons"))


def parsed(text: str, saved_on: date | None = SAVED) -> Listing:
    listing = parse_text(text, at=NOW, saved_on=saved_on)
    assert listing is not None
    return listing


def shown(listing: Listing) -> list[tuple[str, str | None]]:
    return [(entry.paper.title, entry.paper.abstract) for entry in listing.entries]


def texts(*cards: Card) -> list[tuple[str, str]]:
    return [(card.title, card.abstract) for card in cards]


def only(listing: Listing) -> Entry:
    (entry,) = listing.entries
    return entry


# ---------------------------------------------------------------- the three layouts


@pytest.mark.parametrize("daily", [True, False])
def test_layout_a_gives_titles_and_abstracts_and_the_page_s_day(daily: bool) -> None:
    listing = parsed(spaced_page(ROBOTS, CLOUDS, SPOONS, daily=daily))

    assert listing.layout == "text A"
    assert shown(listing) == texts(ROBOTS, CLOUDS, SPOONS)
    assert listing.day == SAVED
    assert listing.warnings == ()
    assert {entry.observation.listed_on for entry in listing.entries} == {SAVED}


def test_layout_b_gives_authors_dates_and_comments_and_leaves_open_what_is_not_there() -> None:
    robots = Card(
        title=ROBOTS.title, abstract=ROBOTS.abstract, meta=who_and_when("  • 10 authors", "Dec 23, 2024 2")
    )
    spoons = Card(title=SPOONS.title, abstract=SPOONS.abstract, meta=who_and_when("  • 1 author", "Mar 3"))

    listing = parsed(spaced_page(robots, CLOUDS, spoons))

    facts = [(e.paper.n_authors, e.paper.published, e.observation.comments) for e in listing.entries]
    assert listing.layout == "text B"
    assert shown(listing) == texts(robots, CLOUDS, spoons)
    assert facts == [(10, date(2024, 12, 23), 2), (None, None, None), (1, date(2026, 3, 3), None)]


def test_an_organisation_s_line_stands_where_authors_would() -> None:
    robots = Card(
        title=ROBOTS.title, abstract=ROBOTS.abstract, meta=who_and_when("tea-lab Institute of Tea", "Mar 3 3")
    )

    entry = only(parsed(spaced_page(robots)))

    assert entry.paper.organization == "tea-lab Institute of Tea"
    assert entry.paper.n_authors is None
    assert entry.observation.comments == 3


def test_layout_c_has_no_blank_lines_and_its_first_title_is_glued() -> None:
    listing = parsed(dense_page(ROBOTS, CLOUDS, SPOONS), saved_on=None)

    assert listing.layout == "text C"
    assert shown(listing) == texts(ROBOTS, CLOUDS, SPOONS)
    assert (listing.day, listing.warnings) == (None, ())


def test_nothing_is_known_of_a_listed_paper_but_what_the_page_says() -> None:
    paper = only(parsed(spaced_page(ROBOTS))).paper

    assert paper.id == "title:tinrobotspourtea"
    assert (paper.source, paper.url, paper.authors, paper.n_authors) == ("listing", None, None, None)


def test_a_title_without_letters_still_has_an_id_of_its_own() -> None:
    assert title_identity("∀∃!") != title_identity("∃∀!")
    assert title_identity("∀∃!").removeprefix("title:")


# ---------------------------------------------------------------- real pages are untidy


@pytest.mark.parametrize("page", [spaced_page(ROBOTS, CLOUDS), dense_page(ROBOTS, CLOUDS)])
@pytest.mark.parametrize(
    "untidy",
    [
        pytest.param(lambda page: page.replace("\n", "\r\n"), id="CRLF"),
        pytest.param(lambda page: page.replace("\n", "\r"), id="CR"),
        pytest.param(lambda page: "\n\n \n" + page + "\n\n", id="blank lines around"),
        pytest.param(
            lambda page: "Hugging Face\nModels\nDatasets\nLog In\n" + page, id="the site's menu above"
        ),
        pytest.param(
            lambda page: (
                page
                + "\n\nPrevious\n\n1\n\n2\n\n...\n\n100\n\nNext\n\nSystem theme\n\nCompany\n\nTOS\n\n© Someone"
            ),
            id="the site's foot below",
        ),
        pytest.param(lambda page: page + f"\n\n{BANNER}\n\nSubscribe", id="the banner again below"),
    ],
)
def test_what_surrounds_the_papers_changes_nothing(page: str, untidy) -> None:  # type: ignore[no-untyped-def]
    listing = parsed(untidy(page))

    assert shown(listing) == texts(ROBOTS, CLOUDS)
    assert listing.warnings == ()


def test_a_wrapped_title_is_one_title() -> None:
    wrapped = Card(title="Tin Robots Pour Tea for\nTwo and Two for Tea", abstract=ROBOTS.abstract)

    for page in (spaced_page(CLOUDS, wrapped, SPOONS), dense_page(CLOUDS, wrapped, SPOONS)):
        titles = [entry.paper.title for entry in parsed(page).entries]
        assert titles == [CLOUDS.title, "Tin Robots Pour Tea for Two and Two for Tea", SPOONS.title]


@pytest.mark.parametrize("length", [60, 130, 250])
def test_short_abstracts_are_abstracts(length: int) -> None:
    short = Card(
        title="On Short Abstracts", abstract=prose("short texts", length)[:length].rstrip(" .") + "."
    )

    for page in (spaced_page(ROBOTS, short, SPOONS), dense_page(ROBOTS, short, SPOONS)):
        assert shown(parsed(page)) == texts(ROBOTS, short, SPOONS)


def test_an_abstract_wrapped_at_eighty_columns_is_one_abstract() -> None:
    words = CLOUDS.abstract.split()
    lines = [" ".join(words[n : n + 12]) for n in range(0, len(words), 12)]
    wrapped = Card(title=CLOUDS.title, abstract="\n".join(lines))

    listing = parsed(spaced_page(ROBOTS, wrapped, SPOONS))

    assert shown(listing) == texts(ROBOTS, CLOUDS, SPOONS)


def test_a_title_without_abstract_is_left_out_and_reported_and_shifts_nothing() -> None:
    page = spaced_page(ROBOTS, Card(title="A Title That Stands Alone Here", abstract=""), CLOUDS, SPOONS)

    listing = parsed(page)

    assert shown(listing) == texts(ROBOTS, CLOUDS, SPOONS)
    assert "A Title That Stands Alone Here" in listing.warnings[0]
    assert "line 17" in listing.warnings[0]


def test_a_title_without_abstract_is_a_paper_if_it_says_who_and_when() -> None:
    bare = Card(title="A Daily Card", abstract="", meta=who_and_when("  • 4 authors", "Mar 12"))

    listing = parsed(spaced_page(ROBOTS, bare, CLOUDS))

    assert shown(listing) == [*texts(ROBOTS), ("A Daily Card", None), *texts(CLOUDS)]
    assert listing.entries[1].paper.n_authors == 4


def test_an_abstract_of_two_paragraphs_is_one_abstract() -> None:
    page = spaced_page(
        ROBOTS, Card(title=CLOUDS.title, abstract=f"{CLOUDS.abstract}\n\n{CLOUDS.abstract}"), SPOONS
    )

    titles = [entry.paper.title for entry in parsed(page).entries]

    assert titles == [ROBOTS.title, CLOUDS.title, SPOONS.title]


def test_who_and_when_may_stand_in_one_line() -> None:
    page = spaced_page(
        Card(title=ROBOTS.title, abstract=ROBOTS.abstract, meta=("• 3 authors · Mar 2, 2021 4",))
    )

    entry = only(parsed(page))

    assert (entry.paper.n_authors, entry.paper.published) == (3, date(2021, 3, 2))
    assert entry.observation.comments == 4


def test_a_page_without_header_is_known_by_its_who_and_when_lines() -> None:
    body = f"{ROBOTS.title}\n\n{ROBOTS.abstract}\n\n  • 3 authors\n·\nMar 2, 2021"

    assert shown(parsed(body)) == texts(ROBOTS)


@pytest.mark.parametrize("text", ["Dear all,\n\nthe meeting is moved.\n\nBest", "x", "a,b,c\n1,2,3\n" * 50])
def test_other_texts_are_not_listings(text: str) -> None:
    assert parse_text(text, at=NOW, saved_on=SAVED) is None


# ---------------------------------------------------------------- dates


@pytest.mark.parametrize(
    ("text", "when", "comments"),
    [
        ("Dec 23, 2024 2", When(month=12, day=23, year=2024), 2),
        ("Mar 3 3", When(month=3, day=3), 3),
        ("Published on Oct 4, 2026", When(month=10, day=4, year=2026), None),
        ("May 29", When(month=5, day=29), None),
        ("May 296", When(month=5, day=29), 6),
        ("Jun 312", When(month=6, day=3), 12),
        ("May 34", When(month=5, day=3), 4),
        ("Mar 8, 202412", When(month=3, day=8, year=2024), 12),
    ],
)
def test_dates_carry_their_comments(text: str, when: When, comments: int | None) -> None:
    meta = read_when(text)

    assert meta is not None
    assert (meta.when, meta.comments) == (when, comments)


def test_a_day_too_many_is_not_taken_apart_where_no_comments_would_be_left() -> None:
    assert read_when("Feb 30") == Meta(when=When(month=2, day=30))


@pytest.mark.parametrize(
    "text", ["Mai 3", "May", "May x", "Marvin 2", "May 3, 24", "3 May", "", "May 3 and more"]
)
def test_other_texts_are_not_dates(text: str) -> None:
    assert read_when(text) is None


def dated(
    when: str, day: str = "Mar 14", saved_on: date | None = SAVED
) -> tuple[date | None, tuple[str, ...]]:
    card = Card(title=ROBOTS.title, abstract=ROBOTS.abstract, meta=who_and_when("  • 3 authors", when))
    listing = parsed(spaced_page(card, day=day), saved_on=saved_on)
    return only(listing).paper.published, listing.warnings


def test_a_year_less_date_after_the_page_s_own_is_left_open() -> None:
    published, warnings = dated("Mar 15")

    assert published is None
    assert "lies after the page's own" in warnings[0]


def test_a_date_that_does_not_exist_is_left_open() -> None:
    assert dated("Feb 31, 2024")[0] is None
    assert "does not exist" in dated("Feb 31, 2024")[1][0]
    assert dated("Feb 29")[0] is None  # 2026 has none


def test_a_glued_date_is_taken_apart_and_said_so() -> None:
    published, warnings = dated("Jan 296")

    assert published == date(2026, 1, 29)
    assert "glued" in warnings[0]


def test_nothing_fixes_the_year_and_nothing_is_guessed() -> None:
    published, warnings = dated("Mar 3", saved_on=None)

    assert published is None
    assert "--saved-on" in warnings[0]


def test_a_page_date_that_does_not_exist_is_no_page_date() -> None:
    listing = parsed(spaced_page(ROBOTS, day="Feb 30"))

    assert listing.day is None
    assert "Feb 30" in listing.warnings[0]


def test_without_a_page_date_year_less_dates_count_from_the_day_of_saving() -> None:
    head = f"{BANNER}\n\nSubscribe\n\n{BY}\n\n"
    body = f"{ROBOTS.title}\n\n{ROBOTS.abstract}\n\n  • 3 authors\n·\nMar 2"

    listing = parsed(head + body)

    assert listing.day is None
    assert only(listing).paper.published == date(2026, 3, 2)


# ---------------------------------------------------------------- any page, and large ones

_WORDS = st.sampled_from(
    "Deep Tea Robots for Clouds via Spoons with Gentle Learning of Quiet Kettles".split()
)
_TITLES = st.lists(_WORDS, min_size=3, max_size=14).map(" ".join)
_ABSTRACTS = st.tuples(_TITLES, st.integers(130, 1_500)).map(lambda pair: prose(pair[0].lower(), pair[1]))
_METAS = st.sampled_from(
    [(), who_and_when("  • 3 authors", "Mar 2, 2021"), who_and_when("tea-lab Tea Lab", "Jan 5 12")]
)
_CARDS = st.lists(st.builds(Card, title=_TITLES, abstract=_ABSTRACTS, meta=_METAS), min_size=1, max_size=12)


@pytest.mark.slow
@given(_CARDS)
def test_every_page_of_plain_papers_is_read_exactly(cards: list[Card]) -> None:
    listing = parsed(spaced_page(*cards))

    assert shown(listing) == texts(*cards)
    assert [entry.paper.n_authors for entry in listing.entries] == [
        3 if "3 authors" in "".join(card.meta) else None for card in cards
    ]


@pytest.mark.slow
@given(_CARDS)
def test_every_dense_page_of_plain_papers_is_read_exactly(cards: list[Card]) -> None:
    assert shown(parsed(dense_page(*cards))) == texts(*cards)


@pytest.mark.slow
def test_the_time_for_a_page_grows_with_its_length_only() -> None:
    cards = [Card(title=f"Tea Robots of Series {n}", abstract=ROBOTS.abstract) for n in range(2_000)]
    started = perf_counter()

    listing = parsed(spaced_page(*cards))

    assert len(listing.entries) == 2_000
    assert perf_counter() - started < 2  # 0.1 s where this was written
