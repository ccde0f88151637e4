"""Numbers, dates and names in English, whatever the machine's locale."""

from datetime import date
from functools import lru_cache

from digest.text import MAX_NAME, MAX_TITLE, clean, readable

_MONTHS = ("January February March April May June July August September October November December").split()
_WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


def long_date(day: date) -> str:
    """`Wednesday, 11 March 2026`."""
    return f"{_WEEKDAYS[day.weekday()]}, {day.day} {_MONTHS[day.month - 1]} {day.year}"


def short_date(day: date) -> str:
    """`11 Mar`."""
    return f"{day.day} {_MONTHS[day.month - 1][:3]}"


def date_seen_from(today: date, day: date) -> str:
    """`10 March`, with its year if that is not today's; does not break between lines."""
    year = "" if day.year == today.year else f" {day.year}"
    return f"{day.day}\N{NO-BREAK SPACE}{_MONTHS[day.month - 1]}{year}"


def counted(number: int, noun: str) -> str:
    """`1 vote`, `1,204 votes`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def signed(points: int) -> str:
    """`+31`, or `−8` with a true minus sign."""
    return f"{points:+d}".replace("-", "\N{MINUS SIGN}")


def listed(names: tuple[str, ...]) -> str:
    """`this`, `this and that`, `this, that and these`."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def shown(text: str, limit: int = MAX_NAME) -> str:
    """Text for people: TeX made readable, on one line, bounded, and free of what a mail must not carry."""
    return clean(readable(text[: 4 * limit]), limit)


@lru_cache(maxsize=4_096)
def shown_title(title: str) -> str:
    """A paper's title for people; never empty, since links hang on it."""
    return shown(title, MAX_TITLE) or "Untitled"
