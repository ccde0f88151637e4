"""arXiv's daily feed, RSS or Atom -> papers."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from digest.errors import InputError
from digest.sources.arxiv_calendar import NEW_YORK, day_in_new_york
from digest.sources.arxiv_paper import (
    Announce,
    Announced,
    ArxivList,
    arxiv_id,
    make_entry,
    split_authors,
)
from digest.sources.rows import first_of
from digest.sources.xml import read_xml, text_of
from digest.text import clean

MOST_ITEMS = 2_000
"""A feed is cut there, and what is new stands last in it."""
LONGEST_PAUSE = timedelta(days=14)
"""No list is older than this, holidays and all, when the next one comes."""
_MAX_CATEGORIES = 50

_ATOM = "{http://www.w3.org/2005/Atom}"
_ARXIV = "{http://arxiv.org/schemas/atom}"
_CREATOR = "{http://purl.org/dc/elements/1.1/}creator"
_HEAD = re.compile(r"\s*arXiv:(\S{1,60}?)(v\d{1,4})?\s+Announce Type:\s*(\S{1,40})\s*(?:Abstract:)?")


def parse_feed(data: bytes, *, at: datetime, where: str = "") -> ArxivList:
    """The papers of a feed, whatever they are announced for, and the day it states.

    An item that cannot be read is left out with a warning. Raises InputError if this is no feed of arXiv's,
    says that it is an error, or none of its items can be read. A day that cannot be is not believed.
    """
    root, warnings = read_xml(data, where=where)
    head = root if root.tag == f"{_ATOM}feed" else root.find("channel") if root.tag == "rss" else None
    if head is None:
        raise InputError("XML, but no feed", where=where, fix="Expected is a feed of https://rss.arxiv.org.")
    title = text_of(head, "title", f"{_ATOM}title")
    if title.startswith("Feed error"):
        raise InputError(f"arXiv answers “{clean(title, 200)}”", where=where, fix="Check the categories.")
    if "arxiv" not in title.lower():
        raise InputError(f"a feed, but not arXiv's: “{clean(title, 80)}”", where=where)
    day = _stated_day(text_of(head, "pubDate", "lastBuildDate", f"{_ATOM}updated"))
    if day and not timedelta(-1) <= day_in_new_york(at) - day <= LONGEST_PAUSE:
        # Papers of such a day would be news for ever, or never.
        warnings, day = (*warnings, f"The feed states the day {day}, which cannot be"), None
    items = [item for item in head if item.tag in ("item", f"{_ATOM}entry")]
    read = [_read_item(item, at=at, day=day) for item in items[: 2 * MOST_ITEMS]]
    papers = tuple(one.paper for one in read if one.paper)
    if items and not papers:
        raise InputError(f"none of its {len(items)} items is a paper: {read[0].problem}", where=where)
    problems = [f"item {n}: {one.problem}" for n, one in enumerate(read, 1) if one.problem]
    return ArxivList(day=day, papers=papers, warnings=(*warnings, *first_of(problems)))


def _stated_day(text: str) -> date | None:
    """The date in New York of an RSS or Atom date: feeds are of midnight there, and made later in UTC."""
    try:
        is_iso = text.strip()[10:11] == "T"
        stated = datetime.fromisoformat(text.strip()) if is_iso else parsedate_to_datetime(text)
        return (stated if stated.utcoffset() else stated.replace(tzinfo=UTC).astimezone(NEW_YORK)).date()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    paper: Announced | None = None
    problem: str = ""


def _read_item(item: Any, *, at: datetime, day: date | None) -> _Item:
    described = text_of(item, "description", f"{_ATOM}summary")
    head = _HEAD.match(described)
    link = item.find(f"{_ATOM}link")
    named = (
        text_of(item, "guid", f"{_ATOM}id"),
        text_of(item, "link") or (link.get("href", "") if link is not None else ""),
        head[1] if head else "",
    )
    identifier = next(filter(None, map(arxiv_id, named)), None)
    if not identifier:
        return _Item(problem="no arXiv id; left out")
    announce, problem = _announce(text_of(item, f"{_ARXIV}announce_type") or (head[3] if head else ""))
    authors = split_authors(text_of(item, _CREATOR))
    entry = make_entry(
        identifier=identifier,
        title=text_of(item, "title", f"{_ATOM}title"),
        abstract=described[head.end() :] if head else described,
        authors=authors,
        n_authors=len(authors) or None,
        dois=text_of(item, f"{_ARXIV}DOI", f"{_ARXIV}doi"),
        listed_on=day,
        at=at,
    )
    if not entry:
        return _Item(problem=f"{identifier} has no title; left out")
    categories = _categories(item)
    return _Item(
        paper=Announced(entry=entry, announce=announce, categories=categories),
        problem=f"{identifier}: {problem}" if problem else "",
    )


def _announce(said: str) -> tuple[Announce, str]:
    """Why a paper is listed, and what is wrong with that; taken for new, it is not lost."""
    try:
        return Announce(said.strip().lower()), ""
    except ValueError:
        return Announce.NEW, f"announced as “{clean(said, 40)}”, which is not known; taken for new"


def _categories(item: Any) -> tuple[str, ...]:
    found = (
        one.get("term") or one.text or ""
        for name in ("category", f"{_ATOM}category")
        for one in item.findall(name)[:_MAX_CATEGORIES]
    )
    return tuple(clean(one, 40) for one in found if one.strip())
