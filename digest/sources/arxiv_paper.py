"""What arXiv's feeds, lists and APIs have in common: announcements, ids, names of authors."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from digest.links import is_arxiv_id, paper_id
from digest.model import Entry, Observation, Paper
from digest.sources.rows import MOST_AUTHORS
from digest.tex.prose import readable
from digest.text import MAX_ABSTRACT, MAX_NAME, MAX_TITLE, clean

MAX_DOIS = 5
_LONGEST_AUTHORS = 500_000


class Announce(StrEnum):
    """Why a list names a paper."""

    NEW = "new"
    CROSS = "cross"
    """New, and of another category."""
    REPLACE = "replace"
    """A new version."""
    REPLACE_CROSS = "replace-cross"


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """A paper as one list of arXiv shows it."""

    entry: Entry
    announce: Announce
    categories: tuple[str, ...]
    """Its own category first, where they are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArxivList:
    """What one feed or page holds."""

    day: date | None
    papers: tuple[Announced, ...]
    warnings: tuple[str, ...] = ()


def arxiv_id(text: str | None) -> str | None:
    """The id without version, in whatever form arXiv writes it: a link, `oai:arXiv.org:...`, bare."""
    if not text or len(text) > 300:
        return None
    identifier = paper_id(text.strip().removeprefix("oai:arXiv.org:"))
    return identifier if identifier and is_arxiv_id(identifier) else None


def make_entry(  # noqa: PLR0913  # the fields of a paper
    *,
    identifier: str,
    title: str,
    abstract: str,
    authors: tuple[str, ...],
    at: datetime,
    n_authors: int | None = None,
    dois: str = "",
    published: date | None = None,
    listed_on: date | None = None,
) -> Entry | None:
    """The entry of a paper, its texts cleaned; `None` without a title. Its TeX stays for who renders it."""
    shown = clean(title, MAX_TITLE)
    if not shown:
        return None
    paper = Paper(
        id=identifier,
        title=shown,
        source="arxiv",
        abstract=clean(abstract, MAX_ABSTRACT) or None,
        authors=authors or None,
        n_authors=n_authors,
        published=published,
        url=f"https://arxiv.org/abs/{identifier}",
        aliases=_aliases(dois, identifier),
    )
    return Entry(paper=paper, observation=Observation(at=at, listed_on=listed_on))


def _aliases(dois: str, identifier: str) -> tuple[str, ...]:
    """The DOIs of a paper, which arXiv parts by spaces."""
    named = (paper_id(doi) for doi in dois[:2_000].split()[:MAX_DOIS])
    return tuple(dict.fromkeys(doi for doi in named if doi and doi != identifier and len(doi) <= 400))


# ---------------------------------------------------------------- names

_TEX = re.compile(r"[\\{}~]")
_SUFFIX = re.compile(r"(?:Jr|Sr|II|III|IV)\.?")


def split_authors(text: str) -> tuple[str, ...]:
    """The names of `A One, B Two (MIT, Harvard), C\\'esar Tres`: no affiliations, accents as letters."""
    return names(_parted(text[:_LONGEST_AUTHORS]))


def names(written: Iterable[str]) -> tuple[str, ...]:
    """Names as arXiv has them, without TeX; empty ones left out, a `Jr.` put back to its name."""
    found: list[str] = []
    for name in written:
        shown = clean(readable(name[: 4 * MAX_NAME], is_tex=True) if _TEX.search(name) else name, MAX_NAME)
        if found and _SUFFIX.fullmatch(shown):
            found[-1] = clean(f"{found[-1]} {shown}", MAX_NAME)
        elif shown:
            found.append(shown)
        if len(found) == MOST_AUTHORS:
            break
    return tuple(found)


_MARK = re.compile(r"[(),]")


def _parted(text: str) -> Iterator[str]:
    """What stands between the commas outside parentheses; where these do not match, between all commas."""
    parts: list[str] = []
    name: list[str] = []
    depth = start = 0
    for mark in _MARK.finditer(text):
        if mark[0] == "(":
            name += [] if depth else [text[start : mark.start()]]
            depth += 1
        elif mark[0] == ")" and depth:
            depth -= 1
            start = mark.end()
        elif mark[0] == "," and not depth:
            parts.append("".join((*name, text[start : mark.start()])))
            name, start = [], mark.end()
    if depth:
        return (part.partition("(")[0] for part in text.split(","))
    return iter((*parts, "".join((*name, text[start:]))))
