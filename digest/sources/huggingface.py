"""Kind `huggingface`: Daily Papers of days, weeks or months, what is trending there, or a search."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import Field, StrictInt, model_validator

from digest.errors import BusyError, DigestError, FetchError, InputError, UsageError
from digest.fetch.web import Form, Web
from digest.model import Entry, Listing
from digest.settings.values import Line, SourceTable, WebAddress
from digest.sources.protocol import Place, Wanted

# What parses their answers is imported when there is one: it loads an HTML parser.

PAGE_SIZE = 100
"""The most that the API gives at once."""
MAX_PAGES = 20
"""Of one list; a month has some seven."""
MAX_MISSED = 30
"""Days that are made up for when nothing was read for long."""
MAX_PAST = 1_000
"""Days of the past that are asked for at once."""
FEW = 5
"""A weekday's list that is over and has fewer is compared with its page: the shortest known has eleven."""
NEWEST = timedelta(days=30)
"""A search finds papers of all years; older ones are no news."""


class HuggingFaceTable(SourceTable):
    """`[[sources]] kind = "huggingface"`."""

    kind: Literal["huggingface"]
    base_url: WebAddress = "https://huggingface.co"
    list: Literal["daily", "weekly", "monthly", "trending", "search"] = "daily"
    query: Line = ""
    days_back: Annotated[StrictInt, Field(ge=0, le=30)] = 2

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


class HuggingFace:
    """Reads one kind of list: by the API, and by the page where the API fails or seems to lack papers."""

    Table = HuggingFaceTable

    def __init__(self, table: HuggingFaceTable, place: Place) -> None:
        usual = "huggingface" if table.list == "daily" else f"huggingface {table.list}"
        self.name = table.name or usual
        self.grows = table.list == "daily"
        self._base = table.base_url
        self._list = table.list
        self._query = table.query
        self._days_back = table.days_back

    def read(self, web: Web, wanted: Wanted) -> Iterator[Listing | DigestError]:
        """The lists, the newest first, or what went wrong with each.

        Daily: today's, those of the `days_back` days before, which may have grown, and those missed since the
        last good harvest. Weekly and monthly: the present one, and that of the day before yesterday.
        """
        if self._list == "trending":
            yield _value(lambda: self._trending(web, wanted.at))
        elif self._list == "search":
            yield _value(lambda: self._matches(web, wanted.at))
        else:
            yield from self._lists(web, self._periods(wanted), wanted.today, wanted.at)

    def read_past(
        self, web: Web, since: date, until: date, *, at: datetime
    ) -> Iterator[Listing | DigestError]:
        """The daily lists of the weekdays from one day to another, the latest first."""
        last = min(until, at.date())
        days = [last - timedelta(days=back) for back in range(max((last - since).days + 1, 0))]
        if self._list != "daily":
            yield UsageError(f'{self.name} has no past lists; list = "daily" has')
            return
        if len(days) > MAX_PAST:
            yield UsageError(f"{self.name}: more than {MAX_PAST} days at once", fix="Take them in parts")
            return
        weekdays = [day_list(day) for day in days if day.weekday() < 5]
        yield from self._lists(web, weekdays, at.date(), at)

    def read_paper(self, web: Web, identifier: str, *, at: datetime) -> Entry | None:
        """One paper by its id; `None` if the answer holds no paper. Raises FetchError and InputError."""
        from digest.sources.huggingface_pages import parse_paper

        url = f"{self._base}/api/papers/{quote(identifier, safe='/')}"
        return parse_paper(web.get(url, form=Form.JSON), at=at, where=url)

    def _periods(self, wanted: Wanted) -> list[Period]:
        if self._list == "daily":
            missed = (wanted.today - wanted.since).days if wanted.since else 0
            back = max(self._days_back, min(missed, MAX_MISSED))
            return [day_list(wanted.today - timedelta(days=days)) for days in range(back + 1)]
        of = week_list if self._list == "weekly" else month_list
        return list(dict.fromkeys(of(wanted.today - timedelta(days=days)) for days in range(3)))

    def _lists(
        self, web: Web, periods: Sequence[Period], today: date, at: datetime
    ) -> Iterator[Listing | DigestError]:
        """Each list, or what went wrong with it.

        Two in a row that cannot be fetched end it: the site is down, and asking for more would only take
        long. So do five in a row that are not there: before some day, the site has none at all.
        """
        failures = strange = 0
        for period in periods:
            found = _value(partial(self._one_list, web, period, today, at))
            yield found
            failures = failures + 1 if isinstance(found, FetchError) else 0
            strange = strange + 1 if isinstance(found, InputError) else 0
            if failures == 2 or strange == 5:
                return

    def _one_list(self, web: Web, period: Period, today: date, at: datetime) -> Listing:
        """The list of a day, week or month, whole; one without papers says why.

        Raises what the API raised, FetchError or InputError, if the page does not help either.
        """
        is_due = period.is_due(today)
        try:
            listing = self._by_api(web, period, at)
        except (FetchError, InputError) as problem:
            listing = _in_its_place(partial(self._page, web, period, at), problem)
            if is_due and not listing.entries:
                raise
        else:
            if is_due and len(listing.entries) < FEW:
                listing = self._compared(web, period, at, listing)
        if listing.entries:
            return listing
        why = "no list on weekends" if period.is_weekend else f"the list of {period.name} has not begun"
        return replace(listing, quiet=why)

    # ------------------------------------------------------------ days, weeks, months

    def _by_api(self, web: Web, period: Period, at: datetime) -> Listing:
        """The pages of a list as one; a later page that fails costs only its own papers."""
        listing, may_go_on = self._one_page(web, period, at, 0)
        for number in range(1, MAX_PAGES):
            if not may_go_on:
                return listing
            try:
                part, may_go_on = self._one_page(web, period, at, number)
            except (FetchError, InputError) as problem:
                return _warned(listing, f"The list may go on, but its page {number + 1} failed: {problem}")
            longer = _joined(listing, part)
            if len(longer.entries) == len(listing.entries):
                return listing
            listing = longer
        more = f"The list may go on after its {MAX_PAGES} pages of {PAGE_SIZE} papers; no more were read"
        return _warned(listing, more) if may_go_on else listing

    def _one_page(self, web: Web, period: Period, at: datetime, number: int) -> tuple[Listing, bool]:
        """One page of a list, and whether it is full, so that there may be another."""
        from digest.sources.huggingface_pages import parse_answer

        url = f"{self._address(period)}&p={number}"
        layout = "huggingface API" if period.day else f"huggingface API, {period.kind}"
        data = web.get(url, form=Form.JSON)
        answer = parse_answer(data, at=at, day=period.day, layout=layout, where=url)
        return _of_day(answer.listing, period, where=url), answer.n_rows >= PAGE_SIZE

    def _address(self, period: Period) -> str:
        return f"{self._base}/api/daily_papers?{period.key}={period.name}&limit={PAGE_SIZE}"

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
            said = "nor does the page show any more"
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

    A site that asks for fewer requests is not asked for its page instead.
    """
    if isinstance(problem, BusyError):
        raise problem
    try:
        shown = read_page()
    except (FetchError, InputError) as second:
        both = InputError if isinstance(problem, InputError) else FetchError
        what = f"{problem.what}; nor did the page {second.where} help: {second.what}"
        raise both(what, where=problem.where, fix=problem.fix) from problem
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
