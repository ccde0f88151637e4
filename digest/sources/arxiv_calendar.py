"""When arXiv announces papers, and of which day the list is that should be seen now.

Papers are announced at 20:00 in New York on Sundays to Thursdays; their list bears the next day's date, and
the feeds show it from that day's first minute on. (https://info.arxiv.org/help/availability.html)
"""

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from digest.schedule import moment

NEW_YORK = ZoneInfo("America/New_York")
_DAY = timedelta(days=1)
_WEEKDAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
# What arXiv published for a year. It means evenings without an announcement (of 2025, Sunday 6 July).
_PUBLISHED = {
    2026: ((1, 1), (1, 19), (6, 19), (7, 3), (9, 7), (11, 26), (12, 25), (12, 29), (12, 31)),
}


def is_announcement_day(day: date) -> bool:
    """Whether there is sure to be a list of this day, as far as can be known."""
    return not why_no_list(day)


def why_no_list(day: date) -> str:
    """Why there is no list of this day, or may be none; empty if one is due.

    Of holidays it is the list of the day after that is lacking. As arXiv's page does not say so, the list of
    the holiday itself is not counted on, either.
    """
    if day.weekday() >= 5:
        return f"arXiv announces nothing on {_WEEKDAYS[day.weekday()]}"
    for evening in (day - _DAY, day):
        if evening in _holidays(evening.year):
            return f"arXiv has a holiday on {evening.isoformat()}"
    for evening in (day - _DAY, day):
        if evening.year not in _PUBLISHED and _may_be_holiday(evening):
            return (
                f"arXiv may have a holiday on {evening.isoformat()}; its calendar of that year is not known"
            )
    return ""


@lru_cache(maxsize=100)
def _holidays(year: int) -> frozenset[date]:
    """Evenings without an announcement: as published, else those that every year known has."""
    if published := _PUBLISHED.get(year):
        return frozenset(date(year, month, day) for month, day in published)
    fixed = (date(year, 1, 1), date(year, 6, 19), date(year, 12, 25))
    return frozenset((*fixed, _nth(year, 1, 0, 3), _nth(year, 9, 0, 1), _nth(year, 11, 3, 4)))


def _nth(year: int, month: int, weekday: int, number: int) -> date:
    """The first, second ... such weekday (Monday = 0) of a month."""
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (number - 1))


def _may_be_holiday(evening: date) -> bool:
    """Days that arXiv takes off in some years: around Independence Day, and after Christmas."""
    return (7, 3) <= (evening.month, evening.day) <= (7, 6) or (evening.month, evening.day) >= (12, 24)


def day_in_new_york(at: datetime) -> date:
    """The date there; `at` is aware."""
    return at.astimezone(NEW_YORK).date()


def newest_list(at: datetime) -> date:
    """The day of the newest list that is sure to be out at a moment (aware)."""
    day = day_in_new_york(at)
    while not is_announcement_day(day):
        day -= _DAY
    return day


def last_out(at: datetime) -> datetime:
    """The last first minute of a list by a moment (aware), be the list lacking on that day.

    Weekdays of holidays are among them: a list may be there against the calendar, and asking costs little.
    """
    day = day_in_new_york(at)
    while day.weekday() >= 5:
        day -= _DAY
    return moment(day, time(), NEW_YORK.key)


def next_out(at: datetime) -> datetime:
    """The first such minute after a moment (aware)."""
    day = day_in_new_york(at) + _DAY
    while day.weekday() >= 5:
        day += _DAY
    return moment(day, time(), NEW_YORK.key)


def missed_days(since: datetime, at: datetime) -> tuple[date, ...]:
    """The days between those of two moments (aware) in New York whose lists came out in between.

    Days that have no list, or may have none, are among them, but no weekends: a list may be there against the
    calendar, and is not lost.
    """
    had, today = day_in_new_york(since), day_in_new_york(at)
    days = (had + number * _DAY for number in range(1, (today - had).days))
    return tuple(day for day in days if day.weekday() < 5)


def list_day_of(created: date, stamped: date | None = None) -> date:
    """The day of the list that a paper was announced on, as well as its dates tell.

    A record is stamped (UTC) in the night of its announcement, and again at each change: a stamp within a
    week of `created`, when its first version came in, tells the list's day. Without one it is the first list
    after that, or the second if the paper came in after 14:00 in New York, which a date does not tell.
    """
    announced = stamped if stamped and timedelta(0) <= stamped - created <= 7 * _DAY else created + _DAY
    while not is_announcement_day(announced):
        announced += _DAY
    return announced
