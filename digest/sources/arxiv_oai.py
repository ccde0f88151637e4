"""arXiv's OAI-PMH interface: papers of days gone by, a page at a time."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote

from digest.errors import DigestError, FetchError, InputError
from digest.fetch.web import Form, Web
from digest.model import Entry, Listing
from digest.sources.arxiv_calendar import list_day_of
from digest.sources.arxiv_categories import is_in, set_of
from digest.sources.arxiv_paper import Announce, arxiv_id, make_entry, names
from digest.sources.rows import MOST_AUTHORS, first_of
from digest.sources.xml import read_xml, text_of
from digest.text import clean

MAX_PAGES = 2_000
"""Of one category; a page has up to 2,500 records."""
MOST_REPEATED = 3
"""So many pages in a row of what was just read end it."""
LAYOUT = "arXiv OAI-PMH"

_OAI = "{http://www.openarchives.org/OAI/2.0/}"
_META = "{http://arxiv.org/OAI/arXiv/}"
_TOKEN = f"{_OAI}resumptionToken"
_FIRST_YEAR, _LAST_YEAR = 1986, 2200
_EARLIEST = date(2005, 9, 16)
"""No record is stamped earlier."""
MAX_RECORDS = 5_000
"""Of a page; arXiv gives 2,500 at most."""


# A size that is stated may be an estimate (OAI-PMH 2.0, 3.5); that is no reason to say nothing.
_INCOMPLETE = "Some papers may be lacking; what was read is stored, and may be read again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A paper as OAI-PMH has it, and the day of the list it was announced on, as far as that can be known."""

    entry: Entry
    day: date
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """A page of them, and what to ask for the next with; empty on the last."""

    records: tuple[Record, ...]
    token: str = ""
    ids: frozenset[str] = frozenset()
    """As OAI-PMH names its records, deleted ones and those that cannot be read included."""
    number: int = 0
    """Of its records, these included."""
    size: int | None = None
    """How many records it says that there are on all pages."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What is wanted of days gone by."""

    categories: tuple[str, ...]
    announce: frozenset[Announce]
    since: date
    until: date

    def has(self, record: Record, category: str) -> bool:
        """Whether a record of a category's set is wanted; those of other categories are cross-lists."""
        is_own = not record.categories or is_in(record.categories[0], category)
        kind = Announce.NEW if is_own else Announce.CROSS
        return kind in self.announce and self.since <= record.day <= self.until


def read_past(web: Web, oai_url: str, past: Past, *, at: datetime) -> Iterator[Listing | DigestError]:
    """The papers announced from one day to another, each once: a listing for each day on each page.

    arXiv tells when a record was changed last, not when it was announced. So all is read that was changed
    since the first day, however long ago the last one is, and the day of its list is reckoned from its dates:
    that of a paper that came in after 14:00 in New York, and was changed later, may be a list early.
    Cross-lists are taken to be as old as their papers, and replacements cannot be told.
    """
    given: set[str] = set()
    warnings: tuple[str, ...] = ()
    for category in past.categories:
        found = is_known = False
        for page in _pages(web, oai_url, category, past.since, at=at):
            if isinstance(page, DigestError):
                found = True
                yield page
                continue
            wanted = [record for record in page.records if past.has(record, category)]
            is_known = is_known or bool(wanted)
            warnings = (*warnings, *page.warnings)
            for listing in _by_day(wanted, warnings, given):
                found, warnings = True, ()
                yield listing
        if not found or warnings:
            quiet = _why_nothing(category, past, found=found, is_known=is_known)
            yield Listing(layout=LAYOUT, entries=(), day=past.until, warnings=warnings, quiet=quiet)
            warnings = ()


def _why_nothing(category: str, past: Past, *, found: bool, is_known: bool) -> str:
    span = f"from {past.since} to {past.until}"
    if found:
        return f"arXiv announced nothing else of {category} {span}"
    if is_known:
        return f"all that arXiv announced of {category} {span} was listed under another category"
    return f"arXiv announced nothing of {category} {span}"


def _by_day(records: Sequence[Record], warnings: tuple[str, ...], given: set[str]) -> Iterator[Listing]:
    """The records that were not given before, a listing a day; warnings with the first."""
    days: dict[date, list[Entry]] = {}
    for record in records:
        if record.entry.paper.id not in given:
            given.add(record.entry.paper.id)
            days.setdefault(record.day, []).append(record.entry)
    for day, entries in sorted(days.items()):
        yield Listing(layout=LAYOUT, entries=tuple(entries), day=day, warnings=warnings)
        warnings = ()


def _pages(
    web: Web, oai_url: str, category: str, since: date, *, at: datetime
) -> Iterator[Records | DigestError]:
    """One page after another, to the first that cannot be had or read, or leads nowhere."""
    asked = f"metadataPrefix=arXiv&set={set_of(category)}&from={max(since, _EARLIEST).isoformat()}"
    way = _Way()
    for _ in range(MAX_PAGES):
        url = f"{oai_url}?verb=ListRecords&{asked}"
        try:
            page = parse_records(web.get(url, form=Form.XML), at=at, where=url)
        except (FetchError, InputError) as problem:
            yield problem
            return
        yield page
        if wrong := way.after(page):
            yield InputError(wrong, where=url, fix=_INCOMPLETE)
        if wrong or not page.token:
            return
        asked = f"resumptionToken={quote(page.token, safe='')}"
    yield InputError(f"more than {MAX_PAGES:,} pages; the rest was not read", where=oai_url)


@dataclass(slots=True)
class _Way:
    """What was read on the way from page to page."""

    tokens: set[str] = field(default_factory=set)
    last: deque[frozenset[str]] = field(default_factory=lambda: deque(maxlen=MOST_REPEATED))
    number: int = 0
    size: int | None = None
    repeated: int = 0

    def after(self, page: Records) -> str:
        """What is wrong with the way on from this page, or with its end; empty if nothing is."""
        self.repeated = 0 if page.ids - frozenset().union(*self.last) else self.repeated + 1
        self.last.append(page.ids)
        self.number += page.number
        self.size = page.size if page.size is not None else self.size
        if not page.token:
            is_short = self.size is not None and self.number < self.size
            return f"{self.number:,} records in all, where it says {self.size:,}" if is_short else ""
        if page.token in self.tokens:
            return "the next page is one that was read already"
        self.tokens.add(page.token)
        is_lost = self.repeated >= MOST_REPEATED
        return f"{self.repeated} pages in a row brought no record that is new" if is_lost else ""


# ---------------------------------------------------------------- a page


def parse_records(data: bytes, *, at: datetime, where: str = "") -> Records:
    """The records of an answer to ListRecords; deleted ones are left out, what cannot be read with a warning.

    That nothing was changed (`noRecordsMatch`) is a page without records. Raises FetchError if arXiv no
    longer knows where we were (`badResumptionToken`), and InputError if this is no such answer, says that
    something else is wrong, or none of its records can be read.
    """
    root, warnings = read_xml(data, where=where)
    if root.tag != f"{_OAI}OAI-PMH":
        raise InputError("XML, but no answer of OAI-PMH", where=where)
    error = root.find(f"{_OAI}error")
    if error is not None:
        return _told(error, where)
    answer = root.find(f"{_OAI}ListRecords")
    if answer is None:
        raise InputError("an answer of OAI-PMH without records", where=where)
    given = answer.findall(f"{_OAI}record")
    if len(given) > MAX_RECORDS:
        raise InputError(f"{len(given):,} records on one page, where arXiv gives 2,500 at most", where=where)
    live = [record for record in given if not _is_deleted(record)]
    read = [_record(record, at) for record in live]
    records = tuple(one for one in read if isinstance(one, Record))
    problems = [one for one in read if isinstance(one, str)]
    if live and not records:
        raise InputError(f"none of its {len(live)} records is a paper: {problems[0]}", where=where)
    token = text_of(answer, _TOKEN).strip()
    if len(token) > 2_000:
        raise InputError("a resumption token longer than any", where=where)
    return Records(
        records=records,
        token=token,
        ids=frozenset(text_of(record, f"{_OAI}header/{_OAI}identifier") for record in given),
        number=len(given),
        size=_stated_size(answer),
        warnings=(*warnings, *first_of(problems)),
    )


def _stated_size(answer: Any) -> int | None:
    token = answer.find(_TOKEN)
    stated = token.get("completeListSize", "") if token is not None else ""
    return int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 10 else None


def _told(error: Any, where: str) -> Records:
    code = clean(error.get("code", ""), 60)
    if code == "noRecordsMatch":
        return Records(records=())
    told = f"arXiv answers {code}: {clean(error.text or '', 200)}"
    if code == "badResumptionToken":
        raise FetchError(told, where=where, fix="What was read is stored; run it again for the rest.")
    raise InputError(told, where=where)


def _is_deleted(record: Any) -> bool:
    header = record.find(f"{_OAI}header")
    return header is not None and header.get("status") == "deleted"


def _record(record: Any, at: datetime) -> Record | str:
    """The record, or why it is none."""
    paper = record.find(f"{_OAI}metadata/{_META}arXiv")
    identifier = arxiv_id(text_of(paper, f"{_META}id")) if paper is not None else None
    if paper is None or not identifier:
        return "a record has no arXiv id; left out"
    created = _first_version(identifier, _day(text_of(paper, f"{_META}created")))
    stamped = _day(text_of(record, f"{_OAI}header/{_OAI}datestamp"))
    day = list_day_of(created, stamped) if created else _last_of_month(identifier)
    if day is None:
        return f"{identifier} has an id of no month; left out"
    authors = names(map(_name, paper.findall(f"{_META}authors/{_META}author")[:MOST_AUTHORS]))
    entry = make_entry(
        identifier=identifier,
        title=text_of(paper, f"{_META}title"),
        abstract=text_of(paper, f"{_META}abstract"),
        authors=authors,
        n_authors=len(authors) or None,
        dois=text_of(paper, f"{_META}doi"),
        published=created,
        listed_on=day,
        at=at,
    )
    if not entry:
        return f"{identifier} has no title; left out"
    return Record(
        entry=entry, day=day, categories=tuple(text_of(paper, f"{_META}categories")[:2_000].split())
    )


def _first_version(identifier: str, created: date | None) -> date | None:
    """When the first version came in: `created`, unless that is of a later one, after the id's month."""
    last = _last_of_month(identifier)
    return created if created and last and created <= last else None


def _last_of_month(identifier: str) -> date | None:
    """The last day of the month that an id is of: `2603.01234`, `astro-ph/0603123`."""
    digits = identifier.rpartition("/")[2]
    year, month = int(digits[:2]), int(digits[2:4])
    if not 1 <= month <= 12:
        return None
    year += 1900 if year > 90 else 2000
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)


_NAME = ("forenames", "keyname", "suffix")


def _name(author: Any) -> str:
    return " ".join(filter(None, (text_of(author, f"{_META}{part}").strip() for part in _NAME)))


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text.strip()[:10])
    except ValueError:
        return None
    return day if _FIRST_YEAR <= day.year <= _LAST_YEAR else None
