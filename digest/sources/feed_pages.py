"""RSS 0.9x, 1.0 and 2.0, RDF and Atom: the papers of a feed, by feedparser, kept from what breaks it."""

import io
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from threading import Lock
from typing import Any
from urllib.parse import urljoin

from digest.errors import InputError
from digest.identity import title_identity
from digest.links import is_arxiv_id, paper_id, safe_link
from digest.model import Entry, Listing, Observation, Paper
from digest.sources.feed_text import names_of, plain_text
from digest.sources.rows import MOST_AUTHORS, first_of
from digest.sources.xml import xml_text
from digest.text import MAX_ABSTRACT, MAX_NAME, MAX_TITLE, clean, title_key

MAX_ENTRIES = 2_000
MAX_TAGS = 200_000
"""feedparser takes up to 30 µs for each."""
MAX_FEED = 10_000_000
"""Characters."""
MAX_NAMESPACES = 200

_FEED_START = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?[^>]{0,300}>\s*|<!--[^>]{0,1000}-->\s*|<!DOCTYPE[^>\[]{0,300}>\s*){0,9}"
    rb"<(?:rss|feed|rdf:RDF|atom:feed)[\s>]",
    re.IGNORECASE,
)


def is_feed(data: bytes) -> bool:
    """Whether a document begins as feeds do."""
    head = data[:4_000]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head.decode("utf-16", errors="ignore").encode()
    return _FEED_START.match(head) is not None


def parse_feed(data: bytes, *, where: str, at: datetime) -> Listing:
    """The papers of a feed, in its order.

    `where` is the feed's address (or file), from which relative links go out. An entry has no day of a list:
    a feed shows what is new by its own measure; arXiv's is the list of a day, and says what is new of it.
    Raises InputError if this is no feed, one without entries that does not even say what it is, or an error
    in the form of a feed.
    """
    text, warnings = xml_text(data, where=where)
    if _OF_ARXIV.search(text, 0, 4_000):
        return _announced(data, where=where, at=at)
    if len(text) > MAX_FEED or text.count("<") > MAX_TAGS:
        raise InputError(f"a feed of more than {MAX_TAGS:,} tags or {MAX_FEED:,} characters", where=where)
    feed = _parsed(text, where)
    if feed["bozo"]:
        reason = clean(str(dict.get(feed, "bozo_exception", "")), 100)
        warnings += (f"The feed is not well-formed XML ({reason}); what could be read of it was",)
    head, rows = feed["feed"], feed["entries"]
    if not feed.get("version") or not (rows or _text(dict.get(head, "title"))):
        raise InputError("neither a feed's head nor entries in it", where=where, fix=_EXPECTED)
    if error := _error_in(head, rows):
        raise InputError(f"an error, and no papers: “{clean(error, 200)}”", where=where)
    if not rows and feed["bozo"]:
        raise InputError("a feed that breaks off before its first entry", where=where)
    name = _text(dict.get(head, "link")) or _text(dict.get(head, "title")) or where
    listing = _listing(rows[:MAX_ENTRIES], feed=name, where=where, at=at)
    if len(rows) > MAX_ENTRIES:
        warnings += (f"only the first {MAX_ENTRIES} of its {len(rows)} entries were read",)
    quiet = "" if rows else "the feed has no entries"
    return replace(
        listing, layout=f"feed ({feed['version']})", warnings=warnings + listing.warnings, quiet=quiet
    )


_EXPECTED = "Expected is RSS, RDF or Atom."
_OF_ARXIV = re.compile(r"<title>[^<]{0,200} updates on arXiv\.org")


def _announced(data: bytes, *, where: str, at: datetime) -> Listing:
    """What a feed of arXiv's announces as new, here or in another category; not its replacements."""
    from digest.sources.arxiv_feed import parse_feed as parse_announcements
    from digest.sources.arxiv_paper import Announce

    found = parse_announcements(data, at=at, where=where)
    new = {
        one.entry.paper.id: one.entry
        for one in found.papers
        if one.announce in (Announce.NEW, Announce.CROSS)
    }
    quiet = "" if new else "the feed has new versions only" if found.papers else "the feed has no entries"
    return Listing(
        layout="arXiv feed",
        entries=tuple(new.values()),
        day=found.day,
        warnings=found.warnings,
        quiet=quiet,
    )


def _error_in(head: dict[str, Any], rows: Sequence[dict[str, Any]]) -> str:
    """What is wrong, where arXiv says so as a feed's title, or as an entry; empty if nothing."""
    title = _text(dict.get(head, "title"))
    if title.startswith("Feed error"):
        return title
    for row in rows:
        if "/api/errors" in _text(dict.get(row, "id")):
            return _text(dict.get(row, "summary")) or _text(dict.get(row, "title"))
    return ""


# ---------------------------------------------------------------- feedparser, and what breaks it

_REFERENCE = re.compile(r"&#(?:x([0-9a-f]{1,400})|([0-9]{1,400}))[0-9a-f]*;?", re.IGNORECASE)
_PARSING = Lock()
_HEADERS = {"content-type": "application/xml; charset=utf-8"}
_DECLARATION = re.compile(r"<\?xml[^>]{0,300}\?>")
_RENAMED_TAG = re.compile(
    r"(</?)([\w.-]{1,40}:)?(author|creator|contributor|managingeditor|webmaster|publisher|owner"
    r"|category|subject|keywords|tags)(?=[\s/>])",
    re.IGNORECASE,
)
_ATOM = re.compile(r"<(?:[\w.-]{1,40}:)?feed[\s>]")
_NAMESPACE = re.compile(r"xmlns(?::[\w.-]{1,40})?\s{0,9}=\s{0,9}[\"'][^\"'<>]{0,300}")


def _text(value: object) -> str:
    return clean(value, MAX_TITLE) if isinstance(value, str) else ""


def _parsed(text: str, where: str) -> dict[str, Any]:
    """What feedparser makes of it: as text and not as HTML, which would eat `n<N and p<0.05`.

    It takes a name for a file or an address and opens it, so it gets a stream. One at a time: it fills a
    table of its own when it is first used.
    """
    import feedparser

    data = io.BytesIO(_harmless(text, where).encode())
    try:
        with _PARSING:
            parsed: dict[str, Any] = feedparser.parse(
                data, response_headers=_HEADERS, sanitize_html=False, resolve_relative_uris=False
            )
    except (ValueError, LookupError, TypeError, AssertionError, RecursionError, MemoryError) as problem:
        what = f"a feed too broken to be read ({type(problem).__name__})"
        raise InputError(what, where=where, fix=_EXPECTED) from problem
    return parsed


def _harmless(text: str, where: str) -> str:
    """The same without what feedparser fails at, or takes quadratic time for; else raises InputError.

    It fails at references to numbers that are no characters, where XML is broken. It looks for a namespace
    among all that there are. It compares each subject of an entry with all others, and looks for a mail
    address from each letter of an author on: so subjects are hidden, and authors come as contributors, or, in
    RSS, as `x-author`.
    """
    if len(set(_NAMESPACE.findall(text))) > MAX_NAMESPACES:
        raise InputError(f"a feed of more than {MAX_NAMESPACES} namespaces", where=where)
    author = "contributor" if _ATOM.search(text, 0, 4_000) else "x-author"
    names = {"author": author, "creator": "contributor"}

    def renamed(tag: re.Match[str]) -> str:
        prefix, name = tag[2] or "", tag[3].lower()
        new = "contributor" if prefix and name == "author" else names.get(name, "x-hidden")
        return f"{tag[1]}{prefix}{new}"

    referenced = _REFERENCE.sub(_character, _DECLARATION.sub("", text, count=1))
    return _RENAMED_TAG.sub(renamed, referenced)


def _character(reference: re.Match[str]) -> str:
    """A character reference as it is, but for those that are no character."""
    number = int(reference[1], 16) if reference[1] else int(reference[2])
    is_character = number < 0x110000 and not 0xD800 <= number < 0xE000
    return reference[0] if is_character else "\ufffd"


# ---------------------------------------------------------------- entries


def _listing(rows: Sequence[dict[str, Any]], *, feed: str, where: str, at: datetime) -> Listing:
    """The entries, each once; one without a title is left out with a warning."""
    drafts = [_Row(row, feed=feed, where=where) for row in rows]
    titled = [draft for draft in drafts if draft.title]
    shared = _shared_ids(titled)
    entries: dict[str, Entry] = {}
    problems: list[str] = []
    for draft in titled:
        paper = draft.paper(shared, problems, until=at.date() + timedelta(days=366))
        entries.setdefault(paper.id, Entry(paper=paper, observation=Observation(at=at)))
    if rows and not titled:
        raise InputError(f"none of its {len(rows)} entries has a title", where=where)
    if len(titled) < len(rows):
        problems.insert(0, f"{len(rows) - len(titled)} entries without a title were left out")
    return Listing(layout="feed", entries=tuple(entries.values()), warnings=first_of(problems))


def _shared_ids(drafts: Iterable["_Row"]) -> frozenset[str]:
    """Ids that several titles claim: a link that leads to the journal, say, and to no paper."""
    titles: dict[str, set[str]] = defaultdict(set)
    for draft in drafts:
        for identifier in (*draft.canonical, draft.own):
            titles[identifier].add(title_key(draft.title))
    return frozenset(identifier for identifier, keys in titles.items() if len(keys) > 1)


class _Row:
    """One entry as feedparser has it: a dictionary, read without its own ways, which guess and warn."""

    def __init__(self, row: dict[str, Any], *, feed: str, where: str) -> None:
        self._row = row
        self.title = clean(self._plain("title", MAX_TITLE), MAX_TITLE)
        self.link = self._link(where)
        self.canonical = self._canonical()
        self.own = self._own(feed)

    def paper(self, shared: frozenset[str], problems: list[str], *, until: date) -> Paper:
        """The paper; what is wrong with its date is added to the problems."""
        known = [identifier for identifier in (*self.canonical, self.own) if identifier not in shared]
        authors = self._authors()
        identifier = known[0] if known else title_identity(self.title)
        return Paper(
            id=identifier,
            title=self.title,
            source="feed",
            abstract=self._abstract(),
            authors=authors,
            n_authors=len(authors) if authors else None,
            published=self._published(problems, until),
            url=self.link,
            aliases=tuple(one for one in known[1:] if one != self.own),
        )

    def _get(self, key: str) -> str:
        value = dict.get(self._row, key)
        return value if isinstance(value, str) else ""

    def _plain(self, key: str, limit: int) -> str:
        detail = dict.get(self._row, f"{key}_detail")
        kind = detail.get("type", "") if isinstance(detail, dict) else ""
        return plain_text(self._get(key), limit, is_html=kind != "text/plain")

    def _link(self, where: str) -> str | None:
        try:
            return safe_link(urljoin(where, self._get("link").strip()))
        except ValueError:
            return None

    def _canonical(self) -> tuple[str, ...]:
        """The arXiv id and the DOI that it names, in that order."""
        named = [self._get(key) for key in ("prism_doi", "dc_identifier", "arxiv_doi", "id", "link")]
        found = dict.fromkeys(identifier for name in named if (identifier := canonical_id(name)))
        return tuple(sorted(found, key=lambda identifier: not is_arxiv_id(identifier)))

    def _own(self, feed: str) -> str:
        """Made of what the feed calls it; of its title where it has no name and no link."""
        name = self._get("id").strip() or self._get("link").strip()
        if not name:
            return title_identity(self.title)
        whole = name if _ABSOLUTE.match(name) else f"{feed} {name}"
        return "feed:" + sha256(whole.encode()).hexdigest()[:20]

    def _abstract(self) -> str | None:
        """The longer of what it has as summary and as content: the other is a teaser, or how to cite it."""
        texts = [self._plain("summary", MAX_ABSTRACT)]
        contents = dict.get(self._row, "content")
        texts += [
            plain_text(value, MAX_ABSTRACT, is_html=content.get("type") != "text/plain")
            for content in (contents[:3] if isinstance(contents, list) else ())
            if isinstance(value := content.get("value"), str)
        ]
        return _PREAMBLE.sub("", max(texts, key=len)) or None

    def _authors(self) -> tuple[str, ...] | None:
        given = dict.get(self._row, "contributors")
        listed = given[:MOST_AUTHORS] if isinstance(given, list) else []
        names = [name for one in listed if isinstance(name := one.get("name"), str) and name.strip()]
        if len(names) < 2:
            names = names_of("".join(names) or self._get("x-author"))
        cleaned = (plain_text(name, MAX_NAME, is_html=True) for name in names[:MOST_AUTHORS])
        return tuple(name for name in cleaned if name) or None

    def _published(self, problems: list[str], until: date) -> date | None:
        """The day in UTC. A year that cannot be, such as 9999, is a placeholder and not known."""
        for key in ("published", "created", "updated"):
            moment = dict.get(self._row, f"{key}_parsed")
            day = _day(moment[:3]) if moment else None
            if day and _FIRST_DAY <= day <= until:
                return day
        named = (self._get(key) for key in ("published", "created", "updated", "prism_publicationdate"))
        said = next((value for value in named if value.strip()), "")
        day = _iso_day(said)
        if day and _FIRST_DAY <= day <= until:
            return day
        if said:
            problems.append(
                f"“{clean(self.title, 60)}”: its date, “{clean(said, 40)}”, says nothing; left open"
            )
        return None


_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,20}:")
_FIRST_DAY = date(1800, 1, 1)
_PREAMBLE = re.compile(r"^(?:arXiv:\S{1,40} )?(?:Announce Type: \S{1,20} )?Abstract: ")


def _day(parts: Sequence[int]) -> date | None:
    try:
        return date(*parts)
    except (ValueError, TypeError, OverflowError):
        return None


def _iso_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip()[:10])
    except ValueError:
        return None


# ---------------------------------------------------------------- ids

_DOI_IN_LINK = re.compile(
    r"/doi/(?:abs/|full/|pdf/|epdf/|epub/)?(10\.\d{4,9}/[^\s\"<>?#]{1,200})", re.IGNORECASE
)
_LONGEST_ID = 300


def canonical_id(name: str) -> str | None:
    """The arXiv id or DOI that an id or link names, also where publishers put a DOI into their own links."""
    text = name.strip()[:2_000]
    found = paper_id(text.removeprefix("oai:arXiv.org:"))
    if not found and (in_link := _DOI_IN_LINK.search(text)):
        found = paper_id(in_link[1])
    return found if found and len(found) <= _LONGEST_ID else None
