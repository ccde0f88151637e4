"""The chart of a weekly or monthly edition, in words, in cells and in lines."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st

from digest.language import ENGLISH, language
from digest.model import Edition, Every, Outcome, Period, QuietDay, Stretch
from digest.rendering.cards import describe
from digest.rendering.chart import make_chart
from digest.rendering.columns import TEXT_COLUMNS, columns
from digest.rendering.letter import subject_of
from digest.rendering.renderer import MAX_HTML_BYTES, Renderer
from digest.rendering.review import review
from tests.editions import FORTY, MONTHLY, RICH, SAMPLES, SENDER, WEEKLY, looking_back
from tests.makers import TODAY, edition, pick, profile

RENDERER = Renderer()
FIRST = TODAY - timedelta(days=7)
COUNTS = st.integers(0, 5_000).flatmap(lambda listed: st.tuples(st.just(listed), st.integers(0, listed)))


def week(*counts: tuple[int, int]) -> Edition:
    """Ada's edition of the week before today, of which each day brought (listed, matched) papers."""
    chart = tuple(
        Stretch(first=day, last=day, listed=listed, matched=matched)
        for day, (listed, matched) in zip((FIRST + timedelta(days=n) for n in range(7)), counts, strict=False)
    )
    period = Period(every=Every.WEEK, first=FIRST, last=TODAY - timedelta(days=1))
    return edition(pick(), profile=profile(every=Every.WEEK), period=period, chart=chart)


def spoken(sample: Edition, tag: str) -> Edition:
    return replace(sample, profile=replace(sample.profile, language=tag))


def bars(shown: Edition) -> list[tuple[int, int, int]]:
    chart = make_chart(shown, ENGLISH)
    return [(row.matched, row.others, row.rest) for row in chart.rows] if chart else []


# ---------------------------------------------------------------- what it says


def test_a_row_is_a_day_with_its_numbers_and_all_days_are_told_in_a_sentence() -> None:
    chart = make_chart(week((1_200, 5), (0, 0), (1, 1)), ENGLISH)

    assert chart
    assert chart.heading == "Papers a day"
    assert chart.told == "6 of 1,201 papers matched your profile."
    assert [(row.label, row.told) for row in chart.rows] == [
        ("Wed 4", "5 of 1,200"),
        ("Thu 5", "0"),
        ("Fri 6", "1 of 1"),
    ]


def test_a_row_of_a_month_is_a_week() -> None:
    chart = make_chart(SAMPLES["monthly"], ENGLISH)

    assert chart
    assert chart.heading == "Papers a week"
    assert [row.label for row in chart.rows][:2] == ["11–17 Feb", "18–24 Feb"]


def test_bars_are_parts_of_the_longest() -> None:
    assert bars(week((40, 10), (20, 0), (0, 0))) == [(25, 75, 0), (0, 50, 50), (0, 0, 100)]


def test_one_paper_among_hundreds_can_be_seen_and_one_that_is_missing_too() -> None:
    assert bars(week((500, 1), (500, 499), (1, 0))) == [(1, 99, 0), (99, 1, 0), (0, 1, 99)]


@given(st.lists(COUNTS, min_size=1, max_size=7))
def test_the_parts_of_every_bar_make_it_whole(counts: list[tuple[int, int]]) -> None:
    for row, (listed, matched) in zip(bars(week(*counts)), counts, strict=False):
        assert sum(row) == 100
        assert min(row) >= 0
        assert bool(row[0]) == bool(matched)
        assert bool(row[0] + row[1]) == bool(listed)


def test_a_week_without_any_list_has_no_chart_and_neither_has_a_day() -> None:
    assert make_chart(week(*[(0, 0)] * 7), ENGLISH) is None
    assert make_chart(RICH, ENGLISH) is None


# ---------------------------------------------------------------- as the mail shows it


def test_the_chart_is_read_row_by_row_in_words_and_is_no_table_to_those_who_hear_it() -> None:
    page = BeautifulSoup(RENDERER.render(WEEKLY, SENDER).html, "lxml")

    label = page.find("td", string="Wed 4")
    assert label
    table = label.find_parent("table")
    assert table
    rows = [(row.td.get_text(), row("td")[-1].get_text()) for row in table("tr", recursive=False) if row.td]
    assert rows[:2] == [("Wed 4", "5 of 48"), ("Thu 5", "2 of 52")]
    assert table["role"] == "presentation"
    assert not page("th")
    assert all(bar["aria-hidden"] == "true" for bar in table("table"))
    assert {cell["bgcolor"] for cell in table("td", bgcolor=True)} == {"#0f766e", "#e3e7e6"}


def test_the_text_has_a_line_for_each_row_with_a_bar_of_the_same_length() -> None:
    text = RENDERER.render(WEEKLY, SENDER).text

    lines = [line for line in text.splitlines() if line.startswith(("  Wed", "  Thu", "  Sat", "  Sun"))]
    assert lines == [
        "  Wed 4   ###-------------------------    5 of 48",
        "  Thu 5   ##----------------------------  2 of 52",
        "  Sat 7                                   0",
        "  Sun 8   #-                              1 of 3",
    ]


@pytest.mark.parametrize("tag", ["en", "de", "fr", "zh"])
@pytest.mark.parametrize("name", ["weekly", "quiet-week", "monthly"])
def test_no_mail_with_a_chart_lacks_anything_in_any_language(name: str, tag: str) -> None:
    sample = spoken(SAMPLES[name], tag)

    mail = RENDERER.render(sample, SENDER)

    assert review(sample, SENDER, html=mail.html, text=mail.text) == ()
    assert all(columns(line) <= TEXT_COLUMNS for line in mail.text.splitlines() if "http" not in line)


def test_a_month_of_forty_papers_stays_below_the_bound() -> None:
    month = looking_back(FORTY, Every.MONTH, date(2026, 2, 11), *[(3_412, 40)] * 4)

    assert len(RENDERER.render(month, SENDER).html.encode()) <= MAX_HTML_BYTES


def test_a_daily_mail_has_nothing_of_a_chart() -> None:
    mail = RENDERER.render(RICH, SENDER)

    assert "Papers a" not in mail.html + mail.text


# ---------------------------------------------------------------- subject and heading


@pytest.mark.parametrize(
    ("name", "tag", "subject", "heading", "dates"),
    [
        ("weekly", "en", "· week of 4 Mar", "Your week in papers", "4–10 Mar 2026"),
        ("weekly", "de", "· Woche ab 4. März", "Deine Forschungswoche", "4.–10. März 2026"),
        ("monthly", "en", "· 11 Feb – 10 Mar", "Your month in papers", "11 Feb – 10 Mar 2026"),
        ("monthly", "zh", "· 2月11日至3月10日", "你的论文月报", "2026年2月11日至3月10日"),
    ],
)
def test_subject_heading_and_preview_say_which_week_or_month_it_is(
    name: str, tag: str, subject: str, heading: str, dates: str
) -> None:
    letter = RENDERER.letter(spoken(SAMPLES[name], tag), SENDER)

    assert letter.subject.replace("\N{THIN SPACE}", " ").endswith(subject)
    assert (letter.day, letter.dates.replace("\N{THIN SPACE}", " ")) == (heading, dates)
    assert letter.preheader.startswith(heading)


@pytest.mark.parametrize(
    ("tag", "day", "week"),
    [
        ("en", ("Wednesday, 11 March 2026", "since 18 Feb"), ("Your papers", "18 Feb – 10 Mar 2026")),
        ("de", ("Mittwoch, 11. März 2026", "seit 18. Feb."), ("Deine Arbeiten", "18. Feb. – 10. März 2026")),
        ("fr", ("mercredi 11 mars 2026", "depuis le 18 févr."), ("Vos articles", "18 févr. – 10 mars 2026")),
        ("zh", ("2026年3月11日星期三", "自2月18日以来"), ("你的论文", "2026年2月18日至3月10日")),
    ],
)
def test_an_edition_after_an_absence_says_since_when_it_looks_back(
    tag: str, day: tuple[str, str], week: tuple[str, str]
) -> None:
    since = date(2026, 2, 18)
    looked_over = Period(every=Every.WEEK, first=since, last=date(2026, 3, 10))

    daily = RENDERER.letter(spoken(replace(RICH, since=since), tag), SENDER)
    weekly = RENDERER.letter(spoken(replace(WEEKLY, since=since, period=looked_over), tag), SENDER)

    assert (daily.day, daily.dates) == day
    assert (weekly.day, weekly.dates.replace("\N{THIN SPACE}", " ")) == week


def test_the_subject_after_an_absence_of_three_weeks_does_not_speak_of_a_week() -> None:
    looked_over = Period(every=Every.WEEK, first=date(2026, 2, 18), last=date(2026, 3, 10))

    subject = subject_of(replace(WEEKLY, since=looked_over.first, period=looked_over), ENGLISH)

    assert subject.replace("\N{THIN SPACE}", " ").endswith("· 18 Feb – 10 Mar")


def test_a_chart_of_weeks_is_called_one_whoever_reads_it() -> None:
    weeks = replace(MONTHLY, period=Period(every=Every.WEEK, first=date(2026, 2, 11), last=date(2026, 3, 10)))

    chart = make_chart(weeks, ENGLISH)

    assert chart
    assert chart.heading == "Papers a week"


@pytest.mark.parametrize(
    ("every", "subject", "sentence"),
    [
        (Every.DAY, "Quiet day: nothing reached 35", "A quiet day:"),
        (Every.WEEK, "Quiet week: nothing reached 35", "A quiet week:"),
        (Every.MONTH, "Quiet month: nothing reached 35", "A quiet month:"),
    ],
)
def test_a_quiet_week_is_not_called_a_day(every: Every, subject: str, sentence: str) -> None:
    quiet = edition(
        profile=profile(every=every, on_quiet_day=QuietDay.NOTE), outcome=Outcome.QUIET, sections=()
    )

    letter = RENDERER.letter(quiet, SENDER)

    assert subject_of(quiet, ENGLISH).startswith(subject)
    assert letter.quiet.startswith(sentence)


@pytest.mark.parametrize(
    ("tag", "votes"),
    [
        ("en", "141 votes, top 2 % of the week’s 230 papers with votes"),
        ("zh", "141 票，位列本周 230 篇有投票论文的前 2%"),
    ],
)
def test_votes_are_told_with_their_place_in_the_week(tag: str, votes: str) -> None:
    best = WEEKLY.shown[0]

    assert describe(best.candidate, TODAY, language(tag)).votes.startswith(votes)
