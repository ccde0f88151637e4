"""Kind `huggingface`: Daily Papers of days, weeks or months, what is trending there, or a search."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import quote

from pydantic import Field, StrictInt, model_validator

from digest.errors import BusyError, DigestError, FetchError, InputError, UsageError
from digest.fetch.web import Form, Web
from digest.links import is_arxiv_id
from digest.model import Entry, Listing
from digest.rhythm import A_MINUTE, AN_HOUR, GROWING, Rhythm
from digest.settings.values import Line, SourceTable, WebAddress
from digest.sources.missed import NEWEST, days_between, days_due, lost, not_asked
from digest.sources.protocol import Place, Wanted

if TYPE_CHECKING:
    from digest.sources.huggingface_pages import Answer

# What parses their answers is imported when there is one: it loads an HTML parser.

PAGE_SIZE = 100
"""The most that the API gives at once."""
MAX_PAGES = 20
"""Of one list; a month has some seven."""
LEAST_PAGE = 50
"""What the API gives at once unless it is asked for more: a page of as many may not be the last, ..."""
ROUND = 10
"""... nor may one of a round number, in case the API comes to give fewer."""
MAX_MISSED = {"daily": 30, "weekly": 42, "monthly": 92}
"""Days that are made up for when nothing was read for long."""
MAX_PAST = 1_000
"""Days of the past that are asked for at once."""
FEW = 5
"""A weekday's list that is over and has fewer is compared with its page: the shortest known has eleven."""


DAILY = replace(GROWING, grows_on=frozenset(range(5)))
"""People put papers on it on working days."""
_OTHERS = Rhythm(least=A_MINUTE * 15, fresh=3 * AN_HOUR, pace=12 * AN_HOUR)
"""Lists of a week or a month, what trends, a search: of hundreds, few are new from hour to hour."""


class HuggingFaceTable(SourceTable):
    """`[[sources]] kind = "huggingface"`."""

    kind: Literal["huggingface"]
    base_url: WebAddress = "https://huggingface.co"
    list: Literal["daily", "weekly", "monthly", "trending", "search"] = "daily"
    query: Line = ""
    days_back: Annotated[StrictInt, Field(ge=0, le=30)] = 2

    @model_validator(mode="before")
    @classmethod
    def _knows_its_old_key(cls, table: object) -> object:
        if isinstance(table, dict) and "trending" in table:
            raise ValueError('trending is no key any more: `trending = true` is `list = "trending"` now')
        return table

    @model_validator(mode="after")
    def _has_what_its_list_needs(self) -> "HuggingFaceTable":
        if self.list == "search" and not self.query:
            raise ValueError('list = "search" needs a query: the words to look for')
        if self.list != "search" and self.query:
            raise ValueError(f'query is for list = "search" only; this one is "{self.list}"')
        if self.list != "daily" and "days_back" in self.model_fields_set:
            raise ValueError(f'days_back is for list = "daily" only; this one is "{self.list}"')
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """What a list is of: a day, a week or a month, by the name that the site has for it."""

    kind: Literal["day", "week", "month"]
    name: str
    first: date
    last: date

    @property
    def day(self) -> date | None:
        """The day, if it is one."""
        return self.first if self.kind == "day" else None

    @property
    def key(self) -> str:
        """What the site calls its kind in an address."""
        return "date" if self.kind == "day" else self.kind

    @property
    def is_weekend(self) -> bool:
        """Whether nothing is listed then; on rare Sundays something is."""
        return not self._has_weekday(until=self.last)

    def is_due(self, today: date) -> bool:
        """Whether a weekday of it is over, so that it must have papers."""
        return self._has_weekday(until=min(self.last, today - timedelta(days=1)))

    def is_shown_as(self, kind: str, stated: str) -> bool:
        """Whether a page that says so of itself is of this week or month; some state a day of it."""
        try:
            return kind == self.kind and self.first <= date.fromisoformat(stated[:10]) <= self.last
        except ValueError:
            return kind == self.kind and stated in ("", self.name)

    def _has_weekday(self, *, until: date) -> bool:
        week = (self.first + timedelta(days=n) for n in range(7))
        return any(day.weekday() < 5 and day <= until for day in week)


def _days_of(periods: Sequence[Period]) -> list[date]:
    """The first and the last of each."""
    return [day for period in periods for day in (period.first, period.last)]


def day_list(day: date) -> Period:
    """The list of a day."""
    return Period(kind="day", name=day.isoformat(), first=day, last=day)


def week_list(day: date) -> Period:
    """The list of the ISO week that has this day: `2026-W11`."""
    year, week, weekday = day.isocalendar()
    monday = day - timedelta(days=weekday - 1)
    return Period(kind="week", name=f"{year}-W{week:02}", first=monday, last=monday + timedelta(days=6))


def month_list(day: date) -> Period:
    """The list of the month that has this day: `2026-03`."""
    next_month = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    last = next_month - timedelta(days=1)
    return Period(kind="month", name=f"{day:%Y-%m}", first=day.replace(day=1), last=last)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Got:
    """What was got of a list so far, and what is wrong with it."""

    listing: Listing
    page_size: int = 0
    """Rows of the first page."""
    is_whole: bool = True
    problems: tuple[FetchError | InputError, ...] = ()

    @classmethod
    def begun(cls, page: "Answer") -> "_Got":
        """With its first page, which is the last if no server would cut it off just there."""
        may_be_cut = page.n_rows >= LEAST_PAGE or (page.n_rows > 0 and page.n_rows % ROUND == 0)
        return cls(listing=page.listing, page_size=page.n_rows, is_whole=not may_be_cut)

    def and_then(self, page: "Answer", *, where: str) -> "_Got":
        """With a further page. Raises InputError for a full one of papers that are all here already."""
        joined = _joined(self.listing, page.listing)
        is_last = page.n_rows < self.page_size
        if not is_last and len(joined.entries) == len(self.listing.entries):
            raise InputError("the same papers as on the pages before; the list may go on", where=where)
        return replace(self, listing=joined, is_whole=is_last)

    def stopped(self, problem: FetchError | InputError) -> "_Got":
        """It may go on, but no more can be read."""
        return replace(self, problems=(problem,))


class HuggingFace:
    """Reads one kind of list: by the API, and by the page where the API fails or seems to lack papers."""

    Table = HuggingFaceTable

    def __init__(self, table: HuggingFaceTable, place: Place) -> None:
        usual = "huggingface" if table.list == "daily" else f"huggingface {table.list}"
        self.name = table.name or usual
        self.grows = table.list == "daily"
        self.rhythm = DAILY if self.grows else _OTHERS
        self._base = table.base_url
        self._list = table.list
        self._query = table.query
        self._days_back = table.days_back

    def read(self, web: Web, wanted: Wanted) -> Iterator[Listing | DigestError]:
        """The lists, the newest first, or what went wrong with each.

        Daily: today's, those of the `days_back` days before, which may have grown, and those missed since the
        last whole harvest. Weekly and monthly: the present one, that of the day before yesterday, and those
        missed.
        """
        if self._list == "trending":
            yield _value(lambda: self._trending(web, wanted.at))
        elif self._list == "search":
            yield _value(lambda: self._matches(web, wanted.at))
        else:
            due = days_due(wanted, back=self._days_back, most=MAX_MISSED[self._list])
            periods = self._periods(due.days)
            yield from self._lists(web, periods, wanted.today, wanted.at)
            gone = [period for period in self._periods(due.lost) if period not in periods]
            is_archive = self._list == "daily"
            yield from lost(
                _days_of(gone), where=self.name, most=MAX_MISSED[self._list], is_archive=is_archive
            )

    def read_past(
        self, web: Web, since: date, until: date, *, at: datetime
    ) -> Iterator[Listing | DigestError]:
        """The daily lists of the weekdays from one day to another, the latest first."""
        days = days_between(since, min(until, at.date()))
        if self._list != "daily":
            yield UsageError(f'{self.name} has no past lists; list = "daily" has')
            return
        if len(days) > MAX_PAST:
            yield UsageError(f"{self.name}: more than {MAX_PAST} days at once", fix="Take them in parts")
            return
        weekdays = [day_list(day) for day in days if day.weekday() < 5]
        yield from self._lists(web, weekdays, at.date(), at)

    def read_paper(self, web: Web, identifier: str, *, at: datetime) -> Entry | None:
        """One paper by its arXiv id; `None` if the answer holds none. Raises FetchError and InputError."""
        from digest.sources.huggingface_pages import parse_paper

        if not is_arxiv_id(identifier):
            return None
        url = f"{self._base}/api/papers/{quote(identifier, safe='/')}"
        return parse_paper(web.get(url, form=Form.JSON), at=at, where=url)

    def _periods(self, days: Sequence[date]) -> list[Period]:
        of = {"daily": day_list, "weekly": week_list, "monthly": month_list}[self._list]
        return list(dict.fromkeys(map(of, days)))

    def _lists(
        self, web: Web, periods: Sequence[Period], today: date, at: datetime
    ) -> Iterator[Listing | DigestError]:
        """Each list, or what went wrong with it, or both.

        Two in a row that cannot be fetched end it: the site is down, and asking for more would only take
        long. So do five in a row that are not there: before some day, the site has none at all.
        """
        failures = strange = 0
        for n, period in enumerate(periods, 1):
            found = self._one_list(web, period, today, at)
            yield from found
            failures = failures + 1 if all(isinstance(one, FetchError) for one in found) else 0
            strange = strange + 1 if all(isinstance(one, InputError) for one in found) else 0
            if failures == 2 or strange == 5:
                is_archive = self._list == "daily"
                why = f"{max(failures, strange)} in a row before could not be read"
                yield from not_asked(_days_of(periods[n:]), where=self.name, why=why, is_archive=is_archive)
                return

    def _one_list(self, web: Web, period: Period, today: date, at: datetime) -> list[Listing | DigestError]:
        """The list of a day, week or month, and what is wrong with it; without a list, only that.

        One without papers says why. One of another day says so, and is a problem if this one is due.
        """
        try:
            got = self._got(web, period, today, at)
        except (FetchError, InputError) as problem:
            return [problem]
        listing, is_due = got.listing, period.is_due(today)
        problems = [*got.problems]
        if listing.day != period.day and is_due and not problems:
            told = f"has the list of {listing.day} in place of {period.day}"
            problems = [InputError(told, where=self._address(period))]
        if not listing.entries:
            why = "no list on weekends" if period.is_weekend else f"the list of {period.name} has not begun"
            listing = replace(listing, quiet=why, by_calendar=period.is_weekend)
        return [listing, *problems]

    # ------------------------------------------------------------ days, weeks, months

    def _got(self, web: Web, period: Period, today: date, at: datetime) -> "_Got":
        """A list by the API, by its page where that fails, and by both where it is too short.

        Raises what the API raised, FetchError or InputError, if the page does not help either.
        """
        is_due = period.is_due(today)
        try:
            got = self._by_api(web, period, at)
        except (FetchError, InputError) as problem:
            shown = _in_its_place(partial(self._page, web, period, at), problem)
            if is_due and not shown.entries:
                raise
            is_another = shown.day != period.day
            return _Got(listing=shown, problems=(problem,) if is_another else ())
        if is_due and len(got.listing.entries) < FEW and not got.problems:
            return replace(got, listing=self._compared(web, period, at, got.listing))
        return got

    def _by_api(self, web: Web, period: Period, at: datetime) -> "_Got":
        """The pages of a list as one, and why it may go on after the last that could be read.

        Raises FetchError and InputError if not even the first page can be read.
        """
        got = _Got.begun(self._one_page(web, period, at, 0))
        for number in range(1, MAX_PAGES):
            if got.is_whole:
                return got
            try:
                got = got.and_then(
                    self._one_page(web, period, at, number), where=self._address(period, number)
                )
            except (FetchError, InputError) as problem:
                return got.stopped(problem)
        told = f"the list may go on after the {MAX_PAGES} pages that were read"
        return got if got.is_whole else got.stopped(InputError(told, where=self._address(period)))

    def _one_page(self, web: Web, period: Period, at: datetime, number: int) -> "Answer":
        from digest.sources.huggingface_pages import parse_answer

        url = self._address(period, number)
        layout = "huggingface API" if period.day else f"huggingface API, {period.kind}"
        answer = parse_answer(web.get(url, form=Form.JSON), at=at, day=period.day, layout=layout, where=url)
        return replace(answer, listing=_of_day(answer.listing, period, where=url))

    def _address(self, period: Period, number: int = 0) -> str:
        return f"{self._base}/api/daily_papers?{period.key}={period.name}&limit={PAGE_SIZE}&p={number}"

    def _page(self, web: Web, period: Period, at: datetime) -> Listing:
        """What the site shows; a day without a list redirects to one that has."""
        from digest.sources.huggingface_pages import parse_shown

        url = f"{self._base}/papers/{period.key}/{period.name}"
        shown = parse_shown(web.get(url, form=Form.HTML), at=at, day=None, where=url)
        is_of_kind = bool(shown.listing.day) if period.day else period.is_shown_as(shown.period, shown.name)
        if not is_of_kind:
            raise InputError(f"the page shows no {period.kind}'s list in place of {period.name}", where=url)
        return _of_day(shown.listing, period, where=url)

    def _compared(self, web: Web, period: Period, at: datetime, listing: Listing) -> Listing:
        """A list that is too short to be believed, and what only its page has.

        Raises InputError if it is empty, and the page has nothing either.
        """
        try:
            page = self._page(web, period, at)
        except (FetchError, InputError) as problem:
            said = f"and the page did not help: {problem}"
        else:
            longer = _joined(listing, page)
            lacked = len(longer.entries) - len(listing.entries)
            if lacked and page.day == period.day:
                return _warned(longer, f"The API lacks {lacked} papers that the page of {period.name} shows")
            said = "and its page shows no more"
        if not listing.entries:
            where = self._address(period)
            raise InputError(f"no papers in the list of {period.name}, which is over, {said}", where=where)
        return _warned(
            listing, f"The list of {period.name} is over with {len(listing.entries)} papers, {said}"
        )

    # ------------------------------------------------------------ trending, search

    def _trending(self, web: Web, at: datetime) -> Listing:
        """What is trending now. Raises what the API raised if the page does not help either."""
        from digest.sources.huggingface_pages import parse_answer, parse_shown

        url = f"{self._base}/api/daily_papers?sort=trending&limit={PAGE_SIZE}"
        page = f"{self._base}/papers/trending"
        layout = "huggingface API, trending"
        try:
            data = web.get(url, form=Form.JSON)
            return _not_empty(parse_answer(data, at=at, day=None, layout=layout, where=url).listing, url)
        except (FetchError, InputError) as problem:
            return _in_its_place(
                lambda: _not_empty(
                    parse_shown(web.get(page, form=Form.HTML), at=at, day=None, where=page).listing, page
                ),
                problem,
            )

    def _matches(self, web: Web, at: datetime) -> Listing:
        """What a search finds, the newest first. Its page is no help: it may show what was not asked for."""
        from digest.sources.huggingface_pages import parse_answer

        url = f"{self._base}/api/papers/search?q={quote(self._query)}"
        layout = "huggingface API, search"
        found = parse_answer(web.get(url, form=Form.JSON), at=at, day=None, layout=layout, where=url).listing
        return newest_matches(found, until=at.date())


def newest_matches(found: Listing, *, until: date) -> Listing:
    """Those of the last weeks, the newest first, by the day they were listed, else by their own.

    Of one without any date it cannot be said that it is new.
    """
    dated = [(day, entry) for entry in found.entries if (day := _day_of(entry))]
    newest = sorted(dated, key=lambda one: one[0], reverse=True)
    recent = tuple(entry for day, entry in newest if day >= until - NEWEST)
    without = len(found.entries) - len(dated)
    told = (f"{without} of the papers found have no date, and were left out",) if without else ()
    quiet = (
        f"nothing that is found is of the last {NEWEST.days} days" if found.entries else "nothing is found"
    )
    return replace(found, entries=recent, warnings=found.warnings + told, quiet="" if recent else quiet)


def _day_of(entry: Entry) -> date | None:
    return entry.observation.listed_on or entry.paper.published


def _value(read: Callable[[], Listing]) -> Listing | DigestError:
    try:
        return read()
    except (FetchError, InputError) as problem:
        return problem


def _in_its_place(read_page: Callable[[], Listing], problem: FetchError | InputError) -> Listing:
    """What the page shows where the API failed, with that as a warning; raises both problems as one.

    It is an alarm if either was got and is strange, at the address where that is. A site that asks for fewer
    requests is not asked for its page instead.
    """
    if isinstance(problem, BusyError):
        raise problem
    try:
        shown = read_page()
    except (FetchError, InputError) as second:
        if isinstance(second, InputError) and not isinstance(problem, InputError):
            told = f"{second.what}; nor did the API help: {problem.what}"
            raise InputError(told, where=second.where, fix=second.fix) from problem
        why = "" if second.what == problem.what else f": {second.what}"
        told = f"{problem.what}; nor did its page help{why}"
        same = InputError if isinstance(problem, InputError) else FetchError
        raise same(told, where=problem.where, fix=problem.fix) from problem
    return _warned(shown, f"The API failed ({problem}); the page was read in its place")


def _not_empty(listing: Listing, where: str) -> Listing:
    if not listing.entries:
        raise InputError("no papers, where there are always some", where=where)
    return listing


def _joined(listing: Listing, part: Listing) -> Listing:
    """The listing with a further part; papers it has already are left out."""
    known = {entry.paper.id for entry in listing.entries}
    fresh = tuple(entry for entry in part.entries if entry.paper.id not in known)
    return replace(listing, entries=listing.entries + fresh, warnings=listing.warnings + part.warnings)


def _warned(listing: Listing, warning: str) -> Listing:
    return replace(listing, warnings=(*listing.warnings, warning))


def _of_day(listing: Listing, period: Period, *, where: str) -> Listing:
    """The listing under the day that it states, with a warning if that is not the one asked for."""
    if not period.day:
        return listing
    days = {day for entry in listing.entries if (day := entry.observation.listed_on)}
    if listing.day == period.day and (not days or period.day in days):
        return listing
    stated = max(days, default=listing.day) if listing.day == period.day else listing.day
    return _warned(
        replace(listing, day=stated), f"{where} shows the list of {stated} in place of {period.day}"
    )
