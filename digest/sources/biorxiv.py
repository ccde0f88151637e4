"""bioRxiv and medRxiv, the preprint servers; https://api.biorxiv.org says what each answer holds."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import AfterValidator, Field, StrictInt

from digest.errors import DigestError, FetchError, InputError
from digest.fetch.web import Form, Web
from digest.links import paper_id, safe_link
from digest.model import Entry, Listing, Observation, Paper
from digest.rhythm import GROWING
from digest.settings.values import SourceTable, WebAddress
from digest.sources.json import Fields, members, read_json
from digest.sources.missed import days_between, days_due, lost, not_asked
from digest.sources.protocol import Place, Wanted
from digest.sources.rows import MOST_AUTHORS, Row, entries_of
from digest.sources.rxiv_text import plain
from digest.text import MAX_ABSTRACT, MAX_NAME, MAX_TITLE, clean

HOME = "https://api.biorxiv.org"
PREFIXES = ("10.1101/", "10.64898/")
"""Of their DOIs, until and since the end of 2025."""
MOST_PAGES = 60
"""Of a day; one has some ten pages of 30 records, on a day after holidays perhaps twice as many."""
MOST_RECORDS = 5_000
MOST_DAYS = 14
"""That a harvest goes back to make up for those that failed."""
UNSERVED_SHARE = 0.1
"""Of a day's records. The API counts some that it never serves: its last pages are then empty. Eleven of 212
are known (github.com/nicholasmfraser/rbiorxiv/issues/2), so up to this share is a warning, more an alarm."""
COMPLETE_AFTER = timedelta(hours=36)
"""Since a day began in UTC: it ends five hours later in New York, and some for the API to follow."""
OFF_BY = timedelta(days=7)
"""That a record of a day's list may be dated otherwise: who counts days by another clock is off by one."""
_WITHOUT_POSTS = frozenset(((1, 1), (12, 25)))
"""Month and day of holidays on which nobody may screen."""


def _known_spelling(text: str) -> str:
    named = _spelt(text)
    if not named:
        raise ValueError(f"{text!r} is no category, such as neuroscience or cell_biology")
    return named


def _spelt(category: str) -> str:
    """As the API writes a category: `cell biology`; it is asked for as `cell_biology`."""
    return " ".join(re.split(r"[\W_]+", clean(category, MAX_NAME).casefold())).strip()


class BiorxivTable(SourceTable):
    """`kind = "biorxiv"`: what is new at bioRxiv or medRxiv, day by day."""

    kind: Literal["biorxiv"]
    server: Literal["biorxiv", "medrxiv"] = "biorxiv"
    categories: Annotated[
        tuple[Annotated[str, AfterValidator(_known_spelling)], ...], Field(max_length=60)
    ] = ()
    days_back: Annotated[StrictInt, Field(ge=0, le=MOST_DAYS)] = 2
    base_url: WebAddress = HOME


class Biorxiv:
    """Reads the first versions that were posted on a day, and on the days before, which may have grown."""

    Table = BiorxivTable
    grows = True
    rhythm = GROWING

    def __init__(self, table: BiorxivTable, place: Place) -> None:
        self.name = table.name or table.server
        self._table = table

    def read(self, web: Web, wanted: Wanted) -> Iterator[Listing | DigestError]:
        """The lists of today, of the `days_back` days before, and of all since the last whole harvest."""
        due = days_due(wanted, back=self._table.days_back, most=MOST_DAYS)
        yield from self._lists(web, due.days, at=wanted.at)
        yield from lost(due.lost, where=self.name, most=MOST_DAYS)

    def read_past(
        self, web: Web, since: date, until: date, *, at: datetime
    ) -> Iterator[Listing | DigestError]:
        """The lists from one day to another."""
        yield from self._lists(web, days_between(since, until)[::-1], at=at)

    def read_paper(self, web: Web, identifier: str, *, at: datetime) -> Entry | None:
        """One preprint by its DOI, as its last version says it."""
        doi = paper_id(identifier) or ""
        if not doi.startswith(PREFIXES):
            return None
        url = f"{self._table.base_url}/details/{self._table.server}/{quote(doi, safe='/')}/na/json"
        records = parse_page(web.get(url, form=Form.JSON), where=url).records
        if not records:
            return None
        (entry,), _ = entries_of([read_record(records[-1], self._table.server, at=at)], where=url)
        return entry

    def _lists(self, web: Web, days: Sequence[date], *, at: datetime) -> Iterator[Listing | DigestError]:
        """Two days in a row that cannot be fetched end it: the API is down. The days after are named."""
        failures = 0
        for n, day in enumerate(days, 1):
            found = self._list(web, day, at=at)
            yield from found
            failures = failures + 1 if all(isinstance(one, FetchError) for one in found) else 0
            if failures == 2:
                yield from not_asked(
                    days[n:], where=self.name, why="the two before them could not be fetched"
                )
                return

    def _list(self, web: Web, day: date, *, at: datetime) -> list[Listing | DigestError]:
        """A day's list, and what was wrong with it; without a list, only that."""
        try:
            got = self._records(web, day)
            asked = _Asked(table=self._table, day=day, at=at, where=self._url(day, 0))
            if not got.records and not got.problems and self._category and self._posts(web, day):
                return [_quiet(day, f"no paper in {self._category} on {day}")]
            return _judged(got, asked)
        except (FetchError, InputError) as problem:
            return [problem]

    @property
    def _category(self) -> str | None:
        """The one that the server is asked for; several are picked out of the whole list."""
        return self._table.categories[0] if len(self._table.categories) == 1 else None

    def _url(self, day: date, cursor: int) -> str:
        query = f"?category={quote(self._category.replace(' ', '_'))}" if self._category else ""
        return f"{self._whole_url(day, cursor)}{query}"

    def _whole_url(self, day: date, cursor: int) -> str:
        return f"{self._table.base_url}/details/{self._table.server}/{day}/{day}/{cursor}/json"

    def _posts(self, web: Web, day: date) -> bool:
        """Whether there is anything of that day, in whatever category."""
        url = self._whole_url(day, 0)
        return bool(parse_page(web.get(url, form=Form.JSON), where=url).records)

    def _records(self, web: Web, day: date) -> "_Got":
        """All records of a day. Raises FetchError and InputError if not even the first page can be read."""
        got = _Got()
        for _ in range(MOST_PAGES):
            url = self._url(day, len(got.records))
            try:
                page = parse_page(web.get(url, form=Form.JSON), where=url)
            except (FetchError, InputError) as problem:
                if not got.records:
                    raise
                return got.stopped(problem)
            if page.records and page.names == got.last_names:
                return got.stopped(InputError("the same records as on the page before", where=url))
            got = got.and_then(page)
            if got.is_whole(page):
                return got.ended(where=url)
            if len(got.records) > MOST_RECORDS:
                break
        told = f"the list may go on after the {len(got.records):,} records that were read"
        return got.stopped(InputError(told, where=url))


# ---------------------------------------------------------------- pages


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One answer: its records as they came, and how many the API says there are in all."""

    records: Sequence[Any]
    total: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What tells its records from others."""
        pairs = ((members(record).get("doi"), members(record).get("version")) for record in self.records)
        return tuple(" ".join(part for part in pair if isinstance(part, str)) for pair in pairs)


def parse_page(data: bytes, *, where: str) -> Page:
    """An answer of `/details`. Raises InputError for any other, and for an error told with status 200."""
    answer = members(read_json(data, where=where))
    messages, records = answer.get("messages"), answer.get("collection")
    head = members(messages[0]) if isinstance(messages, list) and messages else {}
    status = head.get("status")
    if not isinstance(status, str):
        raise InputError("JSON, but no answer of the bioRxiv API", where=where)
    if "no posts" in status.lower():
        return Page(records=(), total=_count(head.get("total")))
    if status.strip().lower() != "ok":
        raise InputError(f"the API answered an error: {clean(status, 200)}", where=where)
    if not isinstance(records, list):
        raise InputError("no collection of papers in the API's answer", where=where)
    return Page(records=records, total=_count(head.get("total")))


def _count(value: object) -> int | None:
    """A number, also one in quotes."""
    text = str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Got:
    """What was got of a day's records, page by page, and what was wrong with that."""

    records: tuple[Any, ...] = ()
    total: int | None = None
    page_size: int = 0
    """Records of the first page."""
    last_names: tuple[str, ...] = ()
    problems: tuple[FetchError | InputError, ...] = ()
    warnings: tuple[str, ...] = ()

    def and_then(self, page: Page) -> "_Got":
        total = page.total if page.total is not None else self.total
        return replace(
            self,
            records=(*self.records, *page.records),
            total=total,
            page_size=self.page_size or len(page.records),
            last_names=page.names,
        )

    def is_whole(self, page: Page) -> bool:
        """Whether nothing follows this page. A total alone does not say so: it may be that of the page."""
        if not page.records:
            return True
        is_all = self.total is not None and len(self.records) >= self.total
        return is_all and len(page.records) < self.page_size

    def stopped(self, problem: FetchError | InputError) -> "_Got":
        """It may go on, but no more can be read."""
        return replace(self, problems=(problem,))

    def ended(self, *, where: str) -> "_Got":
        """There is no more: is it as much as was promised?"""
        lacking = (self.total or 0) - len(self.records)
        if lacking <= 0:
            return self
        told = f"has {len(self.records):,} records where it says {self.total:,}"
        if lacking > UNSERVED_SHARE * (self.total or 0):
            return self.stopped(InputError(told, where=where))
        return replace(self, warnings=(told,))


# ---------------------------------------------------------------- a day's list


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What a list was asked for, when, and where."""

    table: BiorxivTable
    day: date
    at: datetime
    where: str

    @property
    def is_over(self) -> bool:
        """Whether what was posted on that day, in America, must be there by now."""
        return self.at >= datetime.combine(self.day, time(), tzinfo=UTC) + COMPLETE_AFTER

    @property
    def is_free(self) -> bool:
        """Whether by the calendar nothing needs to be posted that day."""
        return self.day.weekday() >= 5 or (self.day.month, self.day.day) in _WITHOUT_POSTS


def _quiet(day: date, why: str, warnings: tuple[str, ...] = ()) -> Listing:
    return Listing(layout="bioRxiv API", entries=(), day=day, quiet=why, warnings=warnings)


def _judged(got: _Got, asked: _Asked) -> list[Listing | DigestError]:
    """The list and what was wrong; of a part without a paper that is wanted, nothing can be said."""
    if got.problems and not got.records:
        return [*got.problems]
    try:
        listing = _listing(got, asked)
    except InputError as problem:
        return [problem, *got.problems]
    if not listing.entries:
        return [*got.problems] or [listing]
    return [listing, *_of_another_day(listing, asked), *got.problems]


def _of_another_day(listing: Listing, asked: _Asked) -> list[InputError]:
    """That the server gave some other day's list, if no paper of it is of the day that was asked for."""
    days = {entry.observation.listed_on for entry in listing.entries}
    told = f"none of its {len(listing.entries)} new papers is dated {asked.day}"
    return [] if asked.day in days else [InputError(told, where=asked.where)]


def _listing(got: _Got, asked: _Asked) -> Listing:
    """The list of a day. Raises InputError if it has no papers, and should have."""
    if not got.records:
        return replace(_quiet(asked.day, _why_nothing(asked)), by_calendar=asked.is_free)
    new = [record for record in got.records if not _is_revision(record)]
    wanted = [record for record in new if _is_in(record, asked.table.categories)]
    if not wanted:
        return _quiet(asked.day, _why_none_wanted(len(new), len(got.records), asked), got.warnings)
    rows = [read_record(record, asked.table.server, at=asked.at, day=asked.day) for record in wanted]
    entries, warnings = entries_of(rows, where=asked.where)
    return Listing(layout="bioRxiv API", entries=entries, day=asked.day, warnings=(*got.warnings, *warnings))


def _why_nothing(asked: _Asked) -> str:
    """Why nothing was posted. Raises InputError if something should have been."""
    if not asked.is_over:
        return f"nothing of {asked.day} is there yet"
    if asked.is_free:
        kind = "on a weekend" if asked.day.weekday() >= 5 else "a holiday"
        return f"nothing was posted on {asked.day}, {kind}"
    raise InputError(f"no posts on {asked.day}, a working day", where=asked.where)


def _why_none_wanted(new: int, records: int, asked: _Asked) -> str:
    """Why none of the records that are there is wanted. Raises InputError if one should be."""
    if new:
        return f"none of the {new} new papers of {asked.day} is in the categories that are read"
    if asked.table.categories or records < 10 or not asked.is_over or asked.day.weekday() >= 5:
        return f"all that was posted on {asked.day} is revisions"
    raise InputError(
        f"all {records} records of {asked.day} are revisions, and no paper is new", where=asked.where
    )


def _is_revision(record: Any) -> bool:
    """Whether it is a later version; what has no readable version is none, and a problem when it is read."""
    version = _count(members(record).get("version"))
    return version is not None and version > 1


def _is_in(record: Any, categories: Sequence[str]) -> bool:
    """Whether it is in one of the categories; what has none that can be read is not thrown away."""
    named = members(record).get("category")
    if not categories or not isinstance(named, str):
        return True
    return _spelt(named) in categories


# ---------------------------------------------------------------- one record


def read_record(record: Any, server: str, *, at: datetime, day: date | None = None) -> Row:
    """One preprint, as it was listed on a `day`; `None` for one that was asked for by itself."""
    row = members(record)
    fields = Fields(row)
    doi = _doi(row.get("doi"))
    title = clean(plain(row["title"]), MAX_TITLE) if isinstance(row.get("title"), str) else ""
    if doi is None or not title:
        return Row(entry=None, problems=(f"no usable {'title' if doi else 'DOI'}; left out",))
    paper = _paper(fields, row, doi, title, server)
    listed_on = (paper.published or day) if day else None
    if day and (lacking := _not_of_the_list(row, day, listed_on or day)):
        return Row(entry=None, problems=(f"{doi}: {lacking}; left out",))
    if listed_on != day:
        fields.problems.append(f"is not dated {day}, but {listed_on}")
    entry = Entry(paper=paper, observation=Observation(at=at, listed_on=listed_on))
    return Row(entry=entry, problems=tuple(f"{doi}: {problem}" for problem in fields.problems))


def _not_of_the_list(row: Any, day: date, dated: date) -> str:
    """Why a record is not a new paper of a day; one that is some days off is one, under its own date."""
    if _count(row.get("version")) != 1:
        return "no usable version"
    return "" if abs(dated - day) <= OFF_BY else f"is dated {dated}, far from {day}"


def _doi(value: object) -> str | None:
    """In lower case, and without a version."""
    named = paper_id(value) if isinstance(value, str) and len(value) <= 200 else None
    return named if named and named.startswith("10.") else None


def _paper(fields: Fields, row: Any, doi: str, title: str, server: str) -> Paper:
    abstract = row.get("abstract") if isinstance(row.get("abstract"), str) else ""
    authors = authors_of(fields.text("authors", 100_000) or "")
    published = _doi(row.get("published"))
    category = fields.text("category", MAX_NAME)
    return Paper(
        id=doi,
        title=title,
        source="biorxiv",
        abstract=clean(plain(abstract), MAX_ABSTRACT) or None,
        authors=authors or None,
        n_authors=len(authors) or None,
        organization=_stated(fields.text("author_corresponding_institution", MAX_NAME)),
        published=fields.day("date"),
        url=safe_link(f"https://www.{server}.org/content/{quote(doi, safe='/.()-_:;')}v1"),
        keywords=(category,) if category else (),
        aliases=(published,) if published and published != doi else (),
    )


def _stated(text: str | None) -> str | None:
    """`NA` is the API's word for nothing."""
    return None if text in ("NA", "N/A") else text


def authors_of(text: str) -> tuple[str, ...]:
    """The names in `Ghafari, T.; Quinn, A. J.`, as people say them; a group's name has no comma."""
    names = (_name(part) for part in text.split(";", MOST_AUTHORS)[:MOST_AUTHORS])
    return tuple(name for name in names if name)


def _name(text: str) -> str:
    """`Quinn, A. J., Jr.` is A. J. Quinn Jr."""
    last, _, rest = text.partition(",")
    first, _, suffix = rest.partition(",")
    return clean(f"{first} {last} {suffix}", MAX_NAME)
