"""The page that lists an archive's editions, and the links between neighbouring ones."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from lxml import etree, html  # type: ignore[import-untyped]  # it carries no types

from digest.language import Language, UnknownLanguageError, language
from digest.model import Profile
from digest.outputs.templates import ArchiveTemplates


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An edition as the list shows it; of one whose entry cannot be read, the day alone."""

    day: date
    title: str = ""
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """The days of the editions before and after one, where there are such."""

    earlier: date | None
    later: date | None


def make_index(editions: Iterable[Listed], profile: Profile, templates: ArchiveTemplates, title: str) -> str:
    """The list of editions, the newest first, by year."""
    newest_first = sorted(editions, key=lambda one: one.day, reverse=True)
    years = [(year, tuple(those)) for year, those in groupby(newest_first, lambda one: one.day.year)]
    spoken = language(profile.language)
    return templates.fill("archive-index.html.j2", spoken, title=title, years=years, total=len(newest_first))


# ---------------------------------------------------------------- links to neighbours

_LINKS = re.compile(r"<!--neighbours-->.*?<!--/neighbours-->", re.DOTALL)
"""No paper can write a comment into a page: its `<` is escaped."""

_TEMPLATE = "archive-links.html.j2"


def make_links(day: date, neighbours: Neighbours, templates: ArchiveTemplates, spoken: Language) -> str:
    """The links of a page to its neighbours, in the comments by which they are found again."""
    links = templates.fill(_TEMPLATE, spoken, day=day, neighbours=neighbours)
    if not _LINKS.search(links):
        what = (
            "its links are not between <!--neighbours--> and <!--/neighbours-->, where they are found again"
        )
        raise templates.broken(_TEMPLATE, what)
    return links


def language_of(page: str) -> Language:
    """The language of a page; raises ValueError if it says none that is known."""
    try:
        tag = html.document_fromstring(page.encode(), ensure_head_body=True).get("lang")
    except etree.ParserError as problem:
        raise ValueError("it is no page") from problem
    if not tag:
        raise ValueError("it does not say its language")
    try:
        return language(tag)
    except UnknownLanguageError as problem:
        raise ValueError(f"its language is not known: {tag}") from problem


def with_links(page: str, links: str) -> str:
    """A page of another day with its links as they are now; raises ValueError if it has none of ours."""
    if not _LINKS.search(page):
        raise ValueError("it has no links to its neighbours")
    return _LINKS.sub(lambda _: links.strip(), page)


def neighbours_of(day: date, days: Sequence[date]) -> Neighbours:
    """The nearest of these days on either side."""
    earlier, later = [one for one in days if one < day], [one for one in days if one > day]
    return Neighbours(earlier=max(earlier, default=None), later=min(later, default=None))
