"""Replayed editions -> a page to look at: a chart, its numbers, and each day's picks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median

from digest.language import ENGLISH
from digest.model import Edition, Outcome, Pick, Profile, SectionName
from digest.outcome import reason_of
from digest.profiles.chart import Chart, make_chart, summary
from digest.rendering.cards import Card, Detail, describe, make_card
from digest.rendering.phrases import shown
from digest.rendering.templates import shipped_pages

WIDE, NARROW = 584, 339
"""The page's column at 640 and at 375 pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number that says much, and of what."""

    label: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDay:
    """An edition as the page shows it; `reason` says why there is nothing, where there is nothing."""

    anchor: str
    short: str
    long: str
    considered: int
    cards: tuple[Card, ...]
    best: str
    lowest: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """All that the template shows."""

    title: str
    profile: str
    summary: str
    numbers: tuple[Number, ...]
    threshold: int
    wide: Chart
    narrow: Chart
    days: tuple[PastDay, ...]
    considered: int


def render_replay(profile: Profile, editions: Sequence[Edition], stored: int) -> str:
    """The page as HTML; there is at least one edition, and `stored` papers were looked at."""
    return shipped_pages().get_template("replay.html.j2").render(page=make_page(profile, editions, stored))


def make_page(profile: Profile, editions: Sequence[Edition], stored: int) -> Page:
    """The page's content."""
    first, last = editions[0].day, editions[-1].day
    return Page(
        title=_period(first, last),
        profile=shown(profile.display_name) or shown(profile.name),
        summary=summary(editions),
        numbers=tuple(_numbers(editions)),
        threshold=profile.threshold,
        wide=make_chart(editions, WIDE),
        narrow=make_chart(editions, NARROW),
        days=tuple(_day(edition) for edition in editions),
        considered=stored,
    )


def _period(first: date, last: date) -> str:
    """`1 October to 1 December 2025`."""
    begin, end = (ENGLISH.long_date(day).partition(", ")[2] for day in (first, last))
    if first == last:
        return end
    return f"{begin.removesuffix(f' {last.year}')} to {end}"


def _numbers(editions: Sequence[Edition]) -> Iterable[Number]:
    scores = [pick.score.value for edition in editions for pick in edition.section(SectionName.PICKS)]
    quiet = sum(edition.outcome is Outcome.QUIET for edition in editions)
    yield Number(label="picks", value=f"{len(scores):,}")
    yield Number(label="picks a day", value=f"{len(scores) / len(editions):.1f}")
    yield Number(label="quiet days", value=f"{quiet} of {len(editions)}")
    yield Number(label="median score", value=f"{median(scores):.0f}" if scores else "–")


def _day(edition: Edition) -> PastDay:
    picks = edition.section(SectionName.PICKS)
    scores = [pick.score.value for pick in picks]
    reason = reason_of(edition)
    return PastDay(
        anchor=f"day-{edition.day}",
        short=f"{ENGLISH.long_date(edition.day)[:3]} {ENGLISH.short_date(edition.day)}",
        long=ENGLISH.long_date(edition.day),
        considered=edition.considered,
        cards=tuple(_card(pick, n, edition.day) for n, pick in enumerate(picks, 1)),
        best=str(max(scores)) if scores else "–",
        lowest=str(min(scores)) if scores else "–",
        reason="" if picks else f"{reason[:1].upper()}{reason[1:]}.",
    )


def _card(pick: Pick, number: int, day: date) -> Card:
    paper = describe(pick.candidate, day, ENGLISH)
    line, picks = Detail.LINE, SectionName.PICKS
    return make_card(pick, paper, number=number, section=picks, detail=line, language=ENGLISH)
