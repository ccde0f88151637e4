"""arXiv's feeds, and the names of its authors."""

from datetime import UTC, date, datetime, time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digest.errors import InputError
from digest.sources.arxiv_feed import parse_feed
from digest.sources.arxiv_paper import arxiv_id, split_authors
from digest.text import MAX_NAME, clean
from tests.makers import NOW
from tests.sources.arxiv_makers import THURSDAY, TUESDAY, WEDNESDAY, atom, feed, row

ROWS = [row(1), row(2, "cross"), row(3, "replace"), row(4, "replace-cross")]


def test_atom_says_the_same_as_rss() -> None:
    assert parse_feed(atom(ROWS), at=NOW) == parse_feed(feed(ROWS), at=NOW)


def test_an_abstract_with_signs_of_inequality_stays_whole() -> None:
    said = "If $n<N$ and p<0.05 and x<y to z>w, then <b>tea</b> & <a."

    for data in (feed([row(1, abstract=said)]), atom([row(1, abstract=said)])):
        (one,) = parse_feed(data, at=NOW).papers

        assert one.entry.paper.abstract == said


@pytest.mark.parametrize("day", [TUESDAY, WEDNESDAY, THURSDAY, date(2026, 1, 5), date(2026, 7, 1)])
def test_the_day_is_that_in_new_york(day: date) -> None:
    at = datetime.combine(day, time(12), UTC)

    assert parse_feed(feed([row(1)], day), at=at).day == day
    assert parse_feed(atom([row(1)], day), at=at).day == day


@pytest.mark.parametrize("stated", ["", "soon", "Wed, 99 Mar 9999 00:00:00 -0400", "x" * 999])
def test_a_date_that_is_none_is_not_known(stated: str) -> None:
    data = feed([row(1)]).replace(b"Wed, 11 Mar 2026 00:00:00 -0400", stated.encode())

    assert parse_feed(data, at=NOW).day is None


def test_when_a_paper_came_in_is_not_guessed_from_its_announcement() -> None:
    papers = [one.entry.paper for one in parse_feed(feed(ROWS), at=NOW).papers]

    assert [paper.published for paper in papers] == [None] * 4


def test_an_announcement_of_an_unknown_kind_is_taken_for_new_and_told() -> None:
    read = parse_feed(feed([row(1, "withdrawn")]), at=NOW)

    assert read.papers[0].announce == "new"
    assert read.warnings == (
        "item 1: 2603.10001: announced as “withdrawn”, which is not known; taken for new",
    )


def test_old_ids_and_links_of_any_form_are_one_id() -> None:
    for text in (
        "oai:arXiv.org:astro-ph/0601001v1",
        "http://arxiv.org/abs/astro-ph/0601001",
        "https://arxiv.org/abs/astro-ph/0601001v2",
        " astro-ph/0601001 ",
    ):
        assert arxiv_id(text) == "astro-ph/0601001"
    assert arxiv_id("oai:other.org:2603.1") is None
    assert arxiv_id("10.9999/tea") is None
    assert arxiv_id(None) is None


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"<rss/>", "no feed"),
        (b"<rss><channel><title>News of tea</title></channel></rss>", "not arXiv's"),
        (b"<html><body/></html>", "no feed"),
        (b"<rss><channel><title>arXiv</title><item/></channel></rss>", "none of its 1 items"),
        (b"Rate exceeded.", "not XML"),
        (b"", "empty"),
    ],
)
def test_what_is_no_feed_of_arxivs_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(InputError, match=told) as refused:
        parse_feed(data, at=NOW, where="https://rss.arxiv.org/rss/cs.CL")

    assert refused.value.where == "https://rss.arxiv.org/rss/cs.CL"


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("A One, B Two (MIT, Harvard), C\\'esar Tres", ("A One", "B Two", "César Tres")),
        ("Andr\\'e M\\\"uller", ("André Müller",)),
        ("Z. \\v{C}apek, {\\O}ystein \\AA s", ("Z. Čapek", "Øystein Ås")),
        ("Ada (Tea (and Coffee), Cups) Lovelace, Bo", ("Ada Lovelace", "Bo")),
        ("Ada Lovelace, Jr., Bo", ("Ada Lovelace Jr.", "Bo")),
        ("Ada (Tea, Bo (Cups, Cy", ("Ada", "Bo", "Cy")),
        ("Ada), Bo", ("Ada)", "Bo")),
        (" The Tea Collaboration, , Bo ,", ("The Tea Collaboration", "Bo")),
        ("O'Neil, D'Arcy", ("O'Neil", "D'Arcy")),
        ("", ()),
        ("(nobody)", ()),
    ],
)
def test_names_are_split_outside_parentheses(written: str, names: tuple[str, ...]) -> None:
    assert split_authors(written) == names


_NAME = st.text(
    st.characters(exclude_categories=["C"], exclude_characters="(),\\{}~"), min_size=1, max_size=40
)
_SUFFIXES = frozenset({"Jr", "Jr.", "Sr", "Sr.", "II", "II.", "III", "III.", "IV", "IV."})
_NAMES = st.lists(
    _NAME.map(lambda name: clean(name, MAX_NAME)).filter(lambda name: name and name not in _SUFFIXES)
)
_AFFILIATION = st.text(st.characters(exclude_categories=["C"], exclude_characters="()"), max_size=30)


@given(names=_NAMES, affiliations=st.lists(_AFFILIATION, max_size=5))
@example(names=["Ada"], affiliations=["Tea, Cups"])
def test_any_names_with_any_affiliations_come_out_as_they_went_in(
    names: list[str], affiliations: list[str]
) -> None:
    written = ", ".join(
        f"{name} ({affiliations[number % len(affiliations)]})" if affiliations else name
        for number, name in enumerate(names)
    )

    assert split_authors(written) == tuple(names)


@given(st.text(max_size=300))
@example("(" * 150)
@example("a(b)" * 70)
def test_any_text_gives_clean_names(text: str) -> None:
    for name in split_authors(text):
        assert name
        assert name == clean(name, MAX_NAME)


def test_a_paper_of_ten_thousand_names_is_bounded() -> None:
    assert len(split_authors("Ada, " * 10_000)) == 5_000
