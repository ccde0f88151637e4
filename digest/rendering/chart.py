"""How many papers the days of a week, or the weeks of a month, brought, and how many matched: as bars."""

from collections.abc import Sequence
from typing import NamedTuple

from digest.language import Language
from digest.model import Edition, Stretch

ALL = 100


class Row(NamedTuple):
    """A day or some days: what was counted, and as the parts of a bar, in percent of the longest one."""

    label: str
    """`Mon 9`, or `2–8 Feb`."""
    told: str
    """`5 of 64`."""
    matched: int
    others: int
    rest: int
    """What the bar lacks to the longest."""


class Chart(NamedTuple):
    """The rows, and all of them together in one sentence."""

    heading: str
    told: str
    rows: tuple[Row, ...]


def make_chart(edition: Edition, language: Language) -> Chart | None:
    """The chart of a weekly or monthly edition; `None` of a daily one, and where nothing was listed."""
    period, stretches = edition.period, edition.chart
    longest = max((one.listed for one in stretches), default=0)
    if not (period and longest):
        return None
    are_days = all(one.first == one.last for one in stretches)
    return Chart(
        heading=language.say("Papers a day") if are_days else language.say("Papers a week"),
        told=_told(stretches, language),
        rows=tuple(_row(one, longest, language) for one in stretches),
    )


def _told(stretches: Sequence[Stretch], language: Language) -> str:
    listed, matched = sum(one.listed for one in stretches), sum(one.matched for one in stretches)
    papers = language.count("{n} paper", "{n} papers", listed)
    return language.say(
        "{number} of {papers} matched your profile.", number=language.number(matched), papers=papers
    )


def _row(one: Stretch, longest: int, language: Language) -> Row:
    """With bars that end where they should to a percent, and show the one paper among hundreds."""
    whole = _share(one.listed, longest)
    matched = min(_share(one.matched, longest), whole)
    if whole > 1 and one.matched < one.listed:
        matched = min(matched, whole - 1)
    label = language.weekday(one.first) if one.first == one.last else language.dates(one.first, one.last)
    number, of = language.number(one.matched), language.number(one.listed)
    told = language.say("{number} of {total}", number=number, total=of) if one.listed else of
    return Row(label=label, told=told, matched=matched, others=whole - matched, rest=ALL - whole)


def _share(number: int, longest: int) -> int:
    """In percent, rounded; of anything at all, one at least."""
    return max(round(ALL * number / longest), 1) if number else 0
