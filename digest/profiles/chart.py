"""Editions of many days -> the numbers of a chart, and where its lines and bars stand."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

from digest.language import ENGLISH
from digest.model import Edition, Outcome, SectionName
from digest.rendering.phrases import counted

TOP, SCORES_HEIGHT, GAP, PICKS_HEIGHT, FOOT = 26, 150, 46, 76, 24
ABOVE = 14
"""How far above its panel a title stands."""
LEFT, RIGHT = 30, 6
NARROWEST_LABEL = 52
"""Units of width that a date below the chart needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A pick's score."""

    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A day's picks; none is a bar of no height, which is `quiet` if there were papers to pick from."""

    x: float
    y: float
    width: float
    height: float
    quiet: bool
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A line across, or a place below, with its label."""

    at: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Two panels over the same days: scores of the picks above, their number below."""

    width: int
    height: int
    top: float
    left: float
    right: float
    dots: tuple[Dot, ...]
    radius: float
    bars: tuple[Bar, ...]
    score_lines: tuple[Tick, ...]
    threshold: float
    pick_lines: tuple[Tick, ...]
    dates: tuple[Tick, ...]
    scores_title_y: float
    picks_title_y: float
    base: float


def make_chart(editions: Sequence[Edition], width: int) -> Chart:
    """The chart of these editions, `width` units wide; there is at least one edition."""
    first, last = editions[0].day, editions[-1].day
    step = (width - LEFT - RIGHT) / ((last - first).days + 1)
    scale = _Scale(first=first, step=step, most=most_picks(editions))
    return Chart(
        width=width,
        height=TOP + SCORES_HEIGHT + GAP + PICKS_HEIGHT + FOOT,
        top=TOP,
        left=LEFT,
        right=width - RIGHT,
        dots=tuple(_dots(editions, scale)),
        radius=round(min(3.2, max(1.7, step * 0.34)), 2),
        bars=tuple(_bar(edition, scale) for edition in editions),
        score_lines=tuple(Tick(at=scale.score_y(value), label=str(value)) for value in (0, 25, 50, 75, 100)),
        threshold=scale.score_y(editions[-1].profile.threshold),
        pick_lines=tuple(
            Tick(at=scale.picks_y(value), label=str(value)) for value in _pick_values(scale.most)
        ),
        dates=tuple(_dates(first, last, scale)),
        scores_title_y=TOP - ABOVE,
        picks_title_y=TOP + SCORES_HEIGHT + GAP - ABOVE,
        base=scale.picks_y(0),
    )


def most_picks(editions: Iterable[Edition]) -> int:
    """The picks of the fullest day; at least 1."""
    return max(1, *(len(edition.section(SectionName.PICKS)) for edition in editions))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    first: date
    step: float
    most: int

    def middle(self, day: date) -> float:
        return round(LEFT + ((day - self.first).days + 0.5) * self.step, 2)

    def score_y(self, value: int) -> float:
        return round(TOP + SCORES_HEIGHT * (1 - value / 100), 2)

    def picks_y(self, value: int) -> float:
        return round(TOP + SCORES_HEIGHT + GAP + PICKS_HEIGHT * (1 - value / self.most), 2)


def _dots(editions: Iterable[Edition], scale: _Scale) -> Iterable[Dot]:
    for edition in editions:
        for pick in edition.section(SectionName.PICKS):
            yield Dot(x=scale.middle(edition.day), y=scale.score_y(pick.score.value))


def _bar(edition: Edition, scale: _Scale) -> Bar:
    picks = edition.section(SectionName.PICKS)
    y, width = scale.picks_y(len(picks)), round(max(min(0.8, scale.step), scale.step * 0.7), 2)
    scores = f", scores {picks[-1].score.value} to {picks[0].score.value}" if picks else ""
    return Bar(
        x=round(scale.middle(edition.day) - width / 2, 2),
        y=y,
        width=width,
        height=round(scale.picks_y(0) - y, 2),
        quiet=edition.outcome is Outcome.QUIET,
        title=f"{ENGLISH.short_date(edition.day)}: {counted(len(picks), 'pick')}{scores}",
    )


def _pick_values(most: int) -> tuple[int, ...]:
    """Nothing, the most, and the middle where it is a whole number."""
    return (0, most // 2, most) if most > 1 and most % 2 == 0 else (0, most)


def _dates(first: date, last: date, scale: _Scale) -> Iterable[Tick]:
    """Dates below, every one, two or more weeks from the first day, as many as have room."""
    days = (last - first).days + 1
    weeks = next(n for n in range(1, 10_000) if 7 * n * scale.step >= NARROWEST_LABEL)
    for passed in range(0, days, 7 * weeks):
        # A label that would run over the right end is left out.
        if passed == 0 or (days - passed - 0.5) * scale.step >= NARROWEST_LABEL / 2 - RIGHT:
            day = first + timedelta(days=passed)
            yield Tick(at=scale.middle(day), label=ENGLISH.short_date(day) if days <= 366 else f"{day:%Y-%m}")


# ---------------------------------------------------------------- in words


def summary(editions: Sequence[Edition]) -> str:
    """All days in a sentence: `61 days: 214 picks on 58 of them, 3 quiet days; scores 35 to 91, ...`"""
    if not editions:
        return "None of these days is a day of this reader's editions."
    scores = sorted(pick.score.value for edition in editions for pick in edition.section(SectionName.PICKS))
    with_picks = sum(bool(edition.section(SectionName.PICKS)) for edition in editions)
    quiet = sum(edition.outcome is Outcome.QUIET for edition in editions)
    days = f"{counted(len(editions), 'day')}: {counted(len(scores), 'pick')} on {with_picks} of them"
    quiet_days = f", {counted(quiet, 'quiet day')}" if quiet else ""
    listless = sum(edition.outcome is Outcome.NO_LIST for edition in editions)
    without = f", {listless} without a new paper" if listless else ""
    spread = (
        f"; scores {scores[0]} to {scores[-1]}, half of them {median(scores):.0f} or more" if scores else ""
    )
    return f"{days}{quiet_days}{without}{spread}."
