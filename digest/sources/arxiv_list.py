"""arXiv's listing pages, `/list/{category}/new` and `/catchup/{category}/{date}` -> papers, counted."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from bs4 import BeautifulSoup, Tag
from bs4.exceptions import ParserRejectedMarkup
from bs4.filter import SoupStrainer

from digest.errors import InputError
from digest.model import Entry
from digest.sources.arxiv_categories import is_in
from digest.sources.arxiv_paper import (
    Announce,
    Announced,
    arxiv_id,
    make_entry,
    names,
    split_authors,
)
from digest.sources.html import html_text
from digest.sources.page_year import MONTHS
from digest.sources.rows import first_of

MAX_LIST = 30_000_000
"""Bytes; 2,000 papers, the most a page shows, have some 10 million."""
MAX_TAGS = 300_000
OLDEST = timedelta(days=100)
"""Lists of more than 90 days ago are not on the site."""
SHOWN_AUTHORS = 100
"""Of a paper with more, a list names so many."""

_PARTS = {"New": Announce.NEW, "Cross": Announce.CROSS, "Replacement": Announce.REPLACE}
_HEADING = re.compile(r"\s*(New|Cross|Replacement) submissions\b")
_COUNTS = re.compile(r"\bshowing\s+(?:first\s+|last\s+)?(\d{1,6})\s+of\s+(\d{1,6})\s+entries\b")
_DAY = re.compile(r"\b(\d{1,2}) (" + "|".join(MONTHS) + r")[a-z]{0,6} (\d{4})\b")
_TOTAL = re.compile(r"\bTotal of (\d{1,6}) entries\b")
_NOTHING = re.compile(r"\bNo (?:further )?updates (?:today|for)\b")
_SUBJECT = re.compile(r"\(([A-Za-z.-]{2,30})\)")
_UNCOUNTED = "It does not say how many papers it has, so that some may be missing unnoticed"
_LINK_TEXT = re.compile(r"\s*this (?:https?|ftp) URL\s*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage:
    """One page of a list: its day, its papers, and how many it says there are."""

    day: date
    papers: tuple[Announced, ...]
    shown: Mapping[Announce, int] = field(default_factory=dict)
    """How many of each part this page says that it shows; replacements are all under `REPLACE`."""
    totals: Mapping[Announce, int] = field(default_factory=dict)
    """How many of each part it says there are, on all pages."""
    total: int = 0
    """How many papers there are on all pages, parts that begin on a later page included."""
    warnings: tuple[str, ...] = ()


def part_of(announce: Announce) -> Announce:
    """The part of a list where a paper stands."""
    return Announce.REPLACE if announce is Announce.REPLACE_CROSS else announce


def parse_list(data: bytes, *, category: str, at: datetime, where: str = "") -> ListPage:
    """A page of a category's list.

    Raises InputError if it is none, is that of another category, or its layout has changed: no day, no papers
    where it says that there are some, or none with an abstract.
    """
    soup, text = _soup(data, where)
    tags = [tag for tag in soup.find_all(["h1", "h3", "dt", "dd"], recursive=False) if isinstance(tag, Tag)]
    headings = [_words(tag) for tag in tags if tag.name in ("h1", "h3")]
    day = next(filter(None, map(_day, headings)), None)
    if day is None:
        raise InputError("HTML, but no list of arXiv's: it states no day", where=where)
    if not timedelta(-2) <= at.date() - day <= OLDEST:
        raise InputError(f"states the day {day}, which cannot be", where=where)
    found = _Reader(category=category, day=day, at=at)
    for tag in tags:
        found.take(tag)
    stated = _TOTAL.search(text.partition("<dt")[0])
    uncounted = {part_of(one.announce) for one in found.papers} - found.totals.keys()
    page = ListPage(
        day=day,
        papers=tuple(found.papers),
        shown=found.shown,
        totals=found.totals,
        total=max(int(stated[1]) if stated else 0, sum(found.totals.values())),
        warnings=(*first_of(found.problems), *((_UNCOUNTED,) if uncounted else ())),
    )
    _check(page, has_nothing=_NOTHING.search(text) is not None, where=where)
    _check_category(page, category, where)
    return page


def _check(page: ListPage, *, has_nothing: bool, where: str) -> None:
    if not page.papers and (page.total or not has_nothing):
        told = f"says that it has {page.total} papers, but" if page.total else "is a list in which"
        raise InputError(f"{told} none could be read; its layout may have changed", where=where)
    if page.papers and not any(one.entry.paper.abstract for one in page.papers):
        what = f"none of its {len(page.papers)} papers has an abstract; its layout may have changed"
        raise InputError(what, where=where)


def _check_category(page: ListPage, category: str, where: str) -> None:
    """What is new on a list is of its category first, and all else of it, too."""
    known = [one for one in page.papers if one.categories]
    new = [one.categories[0] for one in known if one.announce is Announce.NEW]
    named = {each for one in known for each in one.categories}
    if not any(is_in(each, category) for each in new or named) and named:
        others = ", ".join(sorted(set(new or (one.categories[0] for one in known)))[:3])
        raise InputError(f"is no list of {category}; its papers are of {others}", where=where)


def _soup(data: bytes, where: str) -> tuple[BeautifulSoup, str]:
    """What a list is made of, one beside the other, and the whole text."""
    if len(data) > MAX_LIST:
        raise InputError(f"HTML larger than {MAX_LIST // 1_000_000} MB", where=where)
    text = html_text(data)
    if not text.strip():
        raise InputError("the answer is empty", where=where)
    if text.count("<") > MAX_TAGS:
        raise InputError(f"HTML of more than {MAX_TAGS:,} tags", where=where)
    try:
        only = SoupStrainer(["h1", "h3", "dt", "dd"])
        return BeautifulSoup(text, features="lxml", parse_only=only), text
    except (ParserRejectedMarkup, RecursionError, MemoryError):
        raise InputError("not HTML that can be read", where=where) from None


def _day(heading: str) -> date | None:
    """`Showing new listings for Wednesday, 12 August 2026`, `Catchup results for ... on Wed, 12 Aug 2026`."""
    found = _DAY.search(heading)
    if not found or "submissions" in heading[:30]:
        return None
    try:
        return date(int(found[3]), MONTHS.index(found[2]) + 1, int(found[1]))
    except ValueError:
        return None


@dataclass(slots=True, kw_only=True)
class _Reader:
    """Goes through headings, `dt` (id and links) and `dd` (the paper) as they come."""

    category: str
    day: date
    at: datetime
    papers: list[Announced] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    shown: Counter[Announce] = field(default_factory=Counter)
    totals: dict[Announce, int] = field(default_factory=dict)
    _part: Announce | None = None
    _identifier: str | None = None
    _said: str = ""
    _number: int = 0

    def take(self, tag: Tag) -> None:
        if tag.name == "dt":
            self._said = _words(tag)
            self._identifier = next(filter(None, map(arxiv_id, _named(tag, self._said))), None)
        elif tag.name == "dd":
            self._number += 1
            self._take_paper(tag)
        else:
            self._take_heading(_words(tag))

    def _take_heading(self, text: str) -> None:
        heading, counts = _HEADING.match(text), _COUNTS.search(text[:200])
        if not heading:
            return
        self._part = _PARTS[heading[1]]
        if counts:
            self.shown[self._part] += int(counts[1])
            self.totals[self._part] = int(counts[2])

    def _take_paper(self, tag: Tag) -> None:
        identifier, self._identifier = self._identifier, None
        if not identifier:
            self.problems.append(f"paper {self._number} has no arXiv id; left out")
            return
        subjects = _SUBJECT.findall(_words(_part(tag, "list-subjects"))[:2_000])
        announce = self._announce(subjects)
        entry = self._entry(tag, identifier)
        if entry:
            self.papers.append(Announced(entry=entry, announce=announce, categories=tuple(subjects)))
        else:
            self.problems.append(f"{identifier} has no title; left out")

    def _announce(self, subjects: list[str]) -> Announce:
        """By the part it stands in; a replacement is its own category's or another's."""
        said = Announce.REPLACE if "(replaced)" in self._said else Announce.NEW
        said = Announce.CROSS if "(cross-list" in self._said else said
        part = self._part or said
        is_own = not subjects or is_in(subjects[0], self.category)
        return Announce.REPLACE_CROSS if part is Announce.REPLACE and not is_own else part

    def _entry(self, tag: Tag, identifier: str) -> Entry | None:
        abstract = tag.find("p", class_="mathjax")
        authors = _authors(_part(tag, "list-authors"))
        return make_entry(
            identifier=identifier,
            title=_words(_part(tag, "list-title")).removeprefix("Title:"),
            abstract=_words(abstract) if isinstance(abstract, Tag) else "",
            authors=authors,
            n_authors=len(authors) if 0 < len(authors) < SHOWN_AUTHORS else None,
            listed_on=self.day,
            at=self.at,
        )


def _named(tag: Tag, text: str) -> tuple[str, ...]:
    """What may be a paper's id."""
    link = tag.find("a", title="Abstract")
    said = text.partition("arXiv:")[2][:40].split()[:1]
    if not isinstance(link, Tag):
        return tuple(said)
    return (str(link.get("href", "")).removeprefix("/abs/"), str(link.get("id", "")), *said)


def _part(tag: Tag, name: str) -> Tag | None:
    found = tag.find("div", class_=name)
    return found if isinstance(found, Tag) else None


def _authors(tag: Tag | None) -> tuple[str, ...]:
    """A link each; without links, names between commas."""
    if tag is None or "(author list is unavailable)" in (text := _words(tag)):
        return ()
    links = [link for link in tag.find_all("a") if isinstance(link, Tag)]
    return names(link.get_text() for link in links) if links else split_authors(text.removeprefix("Authors:"))


def _words(tag: Tag | None) -> str:
    """A tag's text; line breaks are spaces, and a link that says `this https URL` is its address."""
    if tag is None:
        return ""
    for link in tag.find_all("a", string=_LINK_TEXT):
        link.string = str(link.get("href", ""))
    for line_break in tag.find_all("br"):
        line_break.insert(0, " ")
    return tag.get_text().strip()
