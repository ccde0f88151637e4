"""What a file says of its papers -> papers, each once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from digest.identity import LIBRARY, is_title_only, merged, title_identity
from digest.library.mentions import parse_mentions
from digest.library.plain import plain
from digest.links import is_arxiv_id, paper_id
from digest.model import Paper
from digest.text import MAX_ABSTRACT, MAX_NAME, MAX_TITLE

MOST_ENTRIES = 20_000
MOST_AUTHORS = 200
MOST_NAMED = 3
"""How many broken entries a note names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """Papers that a reader likes, by id, the latest last; those with a title as papers too."""

    ids: tuple[str, ...] = ()
    papers: Mapping[str, Paper] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What could not be read of it, one sentence each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry as its file has it, TeX and HTML and all."""

    title: str = ""
    abstract: str = ""
    authors: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    """Fields that are an id or an address, the best first."""
    mentions: tuple[str, ...] = ()
    """Fields that may mention one."""
    is_tex: bool = False


@dataclass(frozen=True, slots=True)
class _Read:
    """An entry's id, and the paper if there is a title."""

    id: str
    paper: Paper | None


def gather(entries: Iterable[Entry], notes: Iterable[str] = ()) -> Library:
    """The papers of some entries: those of one id are one, those of one title too, unless both ids are real.

    An entry with neither title nor id is left out. What comes again takes its latest place.
    """
    found: dict[str, Paper | None] = {}
    titled: dict[str, str] = {}
    for read in filter(None, map(_read, entries)):
        _add(read, found, titled)
    papers = {identifier: paper for identifier, paper in found.items() if paper}
    return Library(ids=tuple(found), papers=papers, notes=tuple(notes))


def _add(new: _Read, found: dict[str, Paper | None], titled: dict[str, str]) -> None:
    key = title_identity(new.paper.title) if new.paper else ""
    same = [
        one
        for one in dict.fromkeys((titled.get(key, new.id), new.id))
        if one in found and _may_be_one(one, new.id)
    ]
    identifier, paper = min([*same, new.id], key=_rank), new.paper
    for known in (found.pop(one) for one in same):
        paper = merged(known, paper) if known and paper else known or paper
    found[identifier] = _named(paper, identifier)
    if key:
        titled[key] = identifier


def _may_be_one(one: str, other: str) -> bool:
    """Whether two ids of one title may be one paper's: two arXiv ids, or two DOIs, are of two papers."""
    return one == other or _rank(one) != _rank(other)


def _rank(identifier: str) -> int:
    """The best id first: arXiv, any other, one made of the title."""
    if is_title_only(identifier):
        return 2
    return 0 if is_arxiv_id(identifier) else 1


def _named(paper: Paper | None, identifier: str) -> Paper | None:
    return replace(paper, id=identifier) if paper and paper.id != identifier else paper


def _read(entry: Entry) -> _Read | None:
    """The entry with what it says made plain."""
    title = plain(entry.title, MAX_TITLE, is_tex=entry.is_tex)
    identifier = _identifier(entry) or (title_identity(title) if title else "")
    if not identifier:
        return None
    if not title:
        return _Read(identifier, None)
    named = (plain(name, MAX_NAME, is_tex=entry.is_tex) for name in entry.authors[:MOST_AUTHORS])
    authors = tuple(filter(None, named))
    paper = Paper(
        id=identifier,
        title=title,
        source=LIBRARY,
        abstract=plain(entry.abstract, MAX_ABSTRACT, is_tex=entry.is_tex) or None,
        authors=authors or None,
        n_authors=len(authors) or None,
    )
    return _Read(identifier, paper)


def _identifier(entry: Entry) -> str | None:
    """The canonical id that it names; arXiv's before a DOI."""
    named = [paper_id(text.replace("\\", "")) for text in entry.identifiers if len(text) < 1_000]
    mentioned = [one for text in entry.mentions for one in parse_mentions(text[:10_000])]
    ids = [one for one in (*named, *mentioned) if one]
    return min(ids, key=_rank) if ids else None


def unreadable(names: list[str]) -> tuple[str, ...]:
    """A note of the entries that could not be read, the first few by name; none if there are none."""
    if not names:
        return ()
    more = ", ..." if len(names) > MOST_NAMED else ""
    return (f"{len(names)} of its entries could not be read ({', '.join(names[:MOST_NAMED])}{more})",)
