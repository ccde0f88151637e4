"""The chart of a replay, and the page around it."""

import re
from datetime import date, timedelta
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from digest.model import Edition, Outcome, Section, SectionName
from digest.profiles.chart import make_chart, summary
from digest.profiles.page import NARROW, WIDE, render_replay
from tests.makers import edition, interest, pick, profile, reason

FIRST = date(2026, 3, 1)


def day(n: int, *scores: int, **fields: object) -> Edition:
    picks = tuple(
        pick(f"p{n}.{k}", f"Paper {n} {k}", reason("waiting (title)", v)) for k, v in enumerate(scores)
    )
    sections = (Section(name=SectionName.PICKS, picks=picks),) if picks else ()
    outcome = Outcome.READY if picks else Outcome.QUIET
    defaults = {"day": FIRST + timedelta(days=n), "outcome": outcome, "sections": sections}
    return edition(**(defaults | fields))


DAYS = [day(0, 80, 40), day(1), day(2, 50, 45, 40, 36), day(3, considered=0, outcome=Outcome.NO_LIST)]
WHO = profile(interest("waiting"))


# ---------------------------------------------------------------- chart


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_bars_are_as_high_as_there_are_picks_and_dots_as_high_as_scores(width: int) -> None:
    chart = make_chart(DAYS, width)

    heights = [bar.height for bar in chart.bars]
    assert heights[0] == pytest.approx(heights[2] / 2)
    assert heights[1] == heights[3] == 0
    assert [bar.quiet for bar in chart.bars] == [False, True, False, False]
    assert len(chart.dots) == 6
    assert chart.dots[0].y < chart.dots[1].y
    assert chart.dots[0].y - chart.score_lines[-1].at == pytest.approx(
        chart.score_lines[0].at * 0.2 - chart.top * 0.2
    )


@pytest.mark.parametrize("n_days", [1, 2, 30, 366, 731])
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_all_stands_inside_the_chart_and_dates_keep_apart(n_days: int, width: int) -> None:
    chart = make_chart([day(n, 50) for n in range(n_days)], width)

    assert all(chart.left <= bar.x and bar.x + bar.width <= chart.right + 1 for bar in chart.bars)
    assert all(0 <= dot.y <= chart.height for dot in chart.dots)
    places = [tick.at for tick in chart.dates]
    assert all(later - earlier >= 50 for earlier, later in pairwise(places))
    assert places


def test_days_without_an_edition_leave_their_place_free() -> None:
    chart = make_chart([day(0, 50), day(4, 50)], WIDE)

    assert chart.bars[1].x - chart.bars[0].x == pytest.approx((chart.right - chart.left) * 4 / 5, abs=0.1)


def test_all_days_are_summed_up_in_a_sentence() -> None:
    assert summary(DAYS) == (
        "4 days: 6 picks on 2 of them, 1 quiet day, 1 without a new paper; scores 36 to 80, half of them 42 or more."
    )
    assert summary([]) == "None of these days is a day of this reader's editions."


# ---------------------------------------------------------------- page


def test_every_pick_stands_on_the_page_with_its_score_and_reasons() -> None:
    html = render_replay(WHO, DAYS, 30)

    assert all(f"Paper {n} {k}" in html for n, k in [(0, 0), (0, 1), (2, 0), (2, 3)])
    assert 'aria-label="score 80"' in html
    assert "waiting (title)" in html
    assert "1 to 4 March 2026" in html.replace("1 March to", "1 to")


def test_the_chart_has_a_name_a_description_and_its_numbers_as_a_table() -> None:
    html = render_replay(WHO, DAYS, 30)

    charts = [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", html, re.DOTALL)]
    assert len(charts) == 2
    for chart in charts:
        ids = {one.get("id") for one in chart if one.tag in ("title", "desc")}
        assert set(str(chart.get("aria-labelledby")).split()) == ids
        assert all((one.text or "").strip() for one in chart if one.tag in ("title", "desc"))
    rows = re.findall(r"<tr[^>]*><th scope=\"row\">", html)
    assert len(rows) == len(DAYS)


def test_every_link_within_the_page_leads_somewhere() -> None:
    html = render_replay(WHO, DAYS, 30)

    ids = re.findall(r'id="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', html)) <= set(ids)


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    html = render_replay(WHO, DAYS, 30)

    assert not re.search(r"<script|<link|<img|@import|url\(", html)


def test_hostile_titles_names_and_labels_stay_text() -> None:
    evil = '"><script>alert(1)</script>{{ 7*7 }}</svg>'
    section = Section(name=SectionName.PICKS, picks=(pick("1", evil, reason(evil, 40)),))

    html = render_replay(profile(display_name=evil), [day(0, sections=(section,), outcome=Outcome.READY)], 1)

    assert "<script" not in html
    assert "49" not in re.findall(r'class="title".*?</p>', html)[0]


def test_a_link_that_is_none_is_not_shown_as_one() -> None:
    section = Section(name=SectionName.PICKS, picks=(pick("x", "Evil", reason(), url="javascript:alert(1)"),))

    assert "javascript:" not in render_replay(WHO, [day(0, sections=(section,), outcome=Outcome.READY)], 1)
