"""The year of a listing page, which prints none where it is the current one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
ENOUGH_YEARS = 5
"""So many dates with a year make it implausible that the page skips one year entirely."""

_Bounds = tuple[int | None, int | None]
"""The earliest and the latest year possible, where known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """A date as a page writes it: without a year where that is the page's own; it need not exist."""

    month: int
    day: int
    year: int | None = None

    def in_year(self, year: int) -> date | None:
        """The date, its own year taken before the given one; `None` if there is no such day."""
        try:
            return date(self.year or year, self.month, self.day)
        except ValueError:
            return None

    @property
    def can_exist(self) -> bool:
        """Whether any year (or its own) has this day."""
        return self.in_year(2024) is not None  # a year with a Feb 29

    def __str__(self) -> str:
        year = f", {self.year}" if self.year else ""
        return f"{MONTHS[self.month - 1]} {self.day}{year}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageYear:
    """The year of a page's year-less dates, the last day they can mean, and how sure this is."""

    year: int | None
    until: date | None = None
    warning: str = ""


def year_of_page(page: When | None, explicit: Sequence[int], saved_on: date | None) -> PageYear:
    """The year a page's year-less dates are of.

    Pages leave out the year they are of, so it is later than every year in `explicit` (one item a date). Nor
    is it later than the last time the page's date came by before `saved_on`. Where both leave a choice: a
    page saved on its own day or the next is of that year; else, if many dates carry a year, the first
    possible year is taken (files lose their dates by copying); else the last.
    """
    if page and page.year:
        return PageYear(year=page.year, until=page.in_year(page.year))
    earliest = _first_year_with(page, max(explicit) + 1) if explicit else None
    latest = _last_year_with(page, saved_on) if saved_on else None
    year, is_sure = _choose(page, (earliest, latest), saved_on, has_many=len(explicit) >= ENOUGH_YEARS)
    if year is None:
        return PageYear(year=None, warning=_NO_YEAR)
    until = page.in_year(year) if page else _end_of(year, saved_on)
    warning = "" if is_sure else _doubt(year, (earliest, latest), page)
    return PageYear(year=year, until=until, warning=warning)


_NO_YEAR = (
    "Dates without a year cannot be placed: the page prints no year at all. "
    "Say when it was saved with --saved-on YYYY-MM-DD."
)


def _choose(
    page: When | None, bounds: _Bounds, saved_on: date | None, *, has_many: bool
) -> tuple[int | None, bool]:
    """The year, and whether no other was possible."""
    earliest, latest = bounds
    if earliest is None or latest is None:
        year = earliest or latest
        return year, _was_saved_at_once(page, year, saved_on)
    if earliest >= latest:
        return earliest, earliest == latest
    if _was_saved_at_once(page, latest, saved_on):
        return latest, True
    return (earliest if has_many else latest), False


def _was_saved_at_once(page: When | None, year: int | None, saved_on: date | None) -> bool:
    day = page.in_year(year) if page and year else None
    return bool(day and saved_on and timedelta(0) <= saved_on - day <= timedelta(days=1))


def _doubt(year: int, bounds: _Bounds, page: When | None) -> str:
    earliest, latest = bounds
    if earliest and latest and earliest > latest:
        why = f"the page prints {earliest - 1} as a past year, though its file is of {latest}"
    elif year == latest:
        why = "that is when its file was saved"
    else:
        why = "the latest year it prints is the one before"
    month_and_day = f"{page.month:02}-{page.day:02}" if page else "MM-DD"
    return (
        f"The page does not print its own year: {year} was taken, for {why}. "
        f"If it is another, say so with --saved-on YYYY-{month_and_day}."
    )


def _first_year_with(page: When | None, year: int) -> int:
    """The first year from `year` on that has the page's date (Feb 29 is missing from most)."""
    return next((y for y in range(year, year + 9) if not page or replace(page, year=y).in_year(y)), year)


def _last_year_with(page: When | None, saved_on: date) -> int:
    """The year of the last time the page's date came by, up to the day of saving."""
    if not page:
        return saved_on.year
    years = range(saved_on.year, max(saved_on.year - 9, 0), -1)
    return next(
        (y for y in years if (day := replace(page, year=y).in_year(y)) and day <= saved_on), saved_on.year
    )


def _end_of(year: int, saved_on: date | None) -> date:
    return saved_on if saved_on and saved_on.year == year else date(year, 12, 31)
