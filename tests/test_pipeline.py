"""The program on one page, without a store."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import DigestError, FetchError
from digest.harvest import Harvested
from digest.model import (
    Candidate,
    Edition,
    Entry,
    Every,
    Listing,
    Note,
    NoteKind,
    Observation,
    Outcome,
    Period,
    QuietDay,
    SectionName,
    Sender,
    SourceState,
)
from digest.outcome import day_of, has_message, reason_of
from digest.pipeline import (
    Reader,
    date_of,
    make_edition,
    make_editions,
    make_message,
    make_shelf,
    shelf_of_listings,
    stretches,
    window_of,
)
from digest.rendering.renderer import Renderer
from digest.schedule import MOST_DAYS
from digest.selection import LastEdition
from tests.makers import NOW, TODAY, candidate, entry, interest, profile
from tests.scoring.papers import SUBJECTS, papers_on

SENDER = Sender(address="digest@example.org")
PARTIAL = Note(kind=NoteKind.PARTIAL, name="huggingface", number=12, usual=31)


def page(*entries: Entry) -> Listing:
    return Listing(layout="test", entries=entries)


def read(*results: Listing | DigestError) -> Harvested:
    return Harvested(
        source="says",
        listings=tuple(one for one in results if isinstance(one, Listing)),
        problems=tuple(one for one in results if isinstance(one, DigestError)),
    )


# ---------------------------------------------------------------- the edition


def test_an_edition_follows_from_its_arguments_alone() -> None:
    shelf = make_shelf([candidate("1", "Waiting"), candidate("2", "Cooking", abstract="Rice.")])
    reader = Reader(profile=profile(interest("waiting", 8)))

    once = make_edition(reader, shelf, day=TODAY, now=NOW)

    assert once == make_edition(reader, shelf, day=TODAY, now=NOW)
    assert once.outcome is Outcome.READY
    assert [pick.paper.id for pick in once.section(SectionName.PICKS)] == ["1"]


@pytest.mark.slow
def test_an_edition_is_the_same_alone_as_among_others() -> None:
    papers = papers_on(*SUBJECTS, n=20)
    shelf = make_shelf(
        [candidate(one.id, one.title, abstract=one.abstract) for one in papers[:60]], stored=papers
    )
    words = sorted({word for subject in SUBJECTS.values() for word in subject})
    readers = [
        Reader(
            profile=profile(interest(words[n]), interest(words[-n]), name=f"reader{n}", threshold=5 + n),
            liked=papers[n : n + n % 7],
            disliked=papers[-(n % 3) :] if n % 3 else (),
        )
        for n in range(1, 40)
    ]

    together = make_editions([(one, TODAY) for one in readers], shelf, now=NOW)
    alone = [make_edition(one, shelf, day=TODAY, now=NOW) for one in readers]

    assert together == alone
    assert sum(len(one.shown) for one in together) > 100


def test_what_the_last_edition_passed_over_is_no_news_where_the_sources_are_down() -> None:
    note = Note(kind=NoteKind.SOURCE, name="huggingface", day=TODAY)
    shelf = make_shelf(
        [candidate("1", "Cooking", abstract="Rice."), candidate("2", "Baking", abstract="Rye.")], [note]
    )
    last = LastEdition(day=TODAY - timedelta(days=1), at=NOW)
    reader = Reader(profile=profile(interest("waiting", 8)), last=last)

    edition = make_edition(reader, shelf, day=TODAY, now=NOW)
    without_trouble = make_edition(reader, replace(shelf, notes=()), day=TODAY, now=NOW)

    assert (edition.considered, edition.n_new) == (2, 0)
    assert edition.outcome is Outcome.SOURCE_DOWN
    assert without_trouble.outcome is Outcome.QUIET


def test_what_the_reader_has_had_is_not_considered() -> None:
    shelf = make_shelf([candidate("1", "Waiting"), candidate("2", "Waiting too")])
    reader = Reader(profile=profile(interest("waiting", 8)), had=frozenset({"1"}))

    edition = make_edition(reader, shelf, day=TODAY, now=NOW)

    assert edition.considered == 1
    assert [pick.paper.id for pick in edition.shown] == ["2"]


@pytest.mark.parametrize(
    ("results", "outcome"),
    [
        ([page(entry(title="Cooking", abstract="Rice."))], Outcome.QUIET),
        ([page()], Outcome.NO_LIST),
        ([FetchError("gone")], Outcome.SOURCE_DOWN),
        ([FetchError("gone"), page(entry(title="Cooking", abstract="Rice."))], Outcome.QUIET),
        ([FetchError("gone"), page(entry(title="Waiting"))], Outcome.READY),
    ],
)
def test_the_day_has_the_outcome_that_the_sources_give_it(
    results: list[Listing | DigestError], outcome: Outcome
) -> None:
    shelf = shelf_of_listings([read(*results)], NOW)

    edition = make_edition(Reader(profile=profile(interest("waiting", 8))), shelf, day=TODAY, now=NOW)

    assert edition.outcome is outcome
    assert bool(edition.notes) is any(isinstance(result, DigestError) for result in results)


def test_a_list_that_is_still_filling_is_no_source_that_failed() -> None:
    shelf = replace(make_shelf([]), notes=(PARTIAL,))

    edition = make_edition(Reader(profile=profile(interest("waiting"))), shelf, day=TODAY, now=NOW)

    assert edition.outcome is Outcome.NO_LIST
    assert edition.notes == (PARTIAL,)


def test_who_waits_for_whole_lists_is_told_of_those_and_others_of_lists_short_for_the_hour() -> None:
    failed = Note(kind=NoteKind.SOURCE, name="arxiv", day=TODAY)
    growing = replace(PARTIAL, name="biorxiv", number=20)
    awaited = replace(PARTIAL, name="arxiv", number=0, state=SourceState.DOWN)
    shelf = replace(make_shelf([]), notes=(failed, PARTIAL), incomplete=(PARTIAL, growing, awaited))

    def notes(until: time | None) -> tuple[Note, ...]:
        reader = Reader(profile=profile(interest("waiting"), wait_until=until))
        return make_edition(reader, shelf, day=TODAY, now=NOW).notes

    assert notes(None) == (failed, PARTIAL)
    assert notes(time(9, 30)) == (failed, PARTIAL, growing)


@pytest.mark.parametrize(
    ("wish", "trends", "goes_out"),
    [
        (QuietDay.SILENT, True, False),
        (QuietDay.NOTE, False, True),
        (QuietDay.TRENDING, True, True),
        (QuietDay.TRENDING, False, False),
    ],
)
def test_a_quiet_day_is_told_to_those_who_want_to_know(wish: QuietDay, trends: bool, goes_out: bool) -> None:
    votes = range(10) if trends else [None] * 10
    crowd = page(*(entry(f"id{n}", f"Dish {n}", abstract="Rice.", upvotes=v) for n, v in enumerate(votes)))
    shelf = shelf_of_listings([read(crowd)], NOW)

    edition = make_edition(
        Reader(profile=profile(interest("waiting"), on_quiet_day=wish)), shelf, day=TODAY, now=NOW
    )

    assert (make_message(edition, Renderer(), SENDER) is not None) is goes_out


def test_a_day_on_which_only_late_papers_match_has_an_edition() -> None:
    listed = Observation(at=NOW, listed_on=TODAY - timedelta(days=2))
    shelf = make_shelf([replace(candidate("1", "Waiting"), observation=listed)])
    last = LastEdition(day=TODAY - timedelta(days=1), at=NOW - timedelta(days=1))
    reader = Reader(profile=profile(interest("waiting", 8)), last=last)

    edition = make_edition(reader, shelf, day=TODAY, now=NOW)

    assert edition.outcome is Outcome.READY
    (late,) = edition.section(SectionName.LATE)
    assert late.score.reasons
    assert has_message(edition)


def test_what_the_reader_had_of_a_list_tells_that_its_edition_had_read_it() -> None:
    listed = Observation(at=NOW, listed_on=TODAY - timedelta(days=1))
    last = LastEdition(day=TODAY - timedelta(days=1), at=NOW - timedelta(days=1))
    had = replace(candidate("had", "Waiting"), first_seen=last.at, observation=listed)
    shelf = make_shelf([had, replace(candidate("after", "Waiting Rooms"), observation=listed)])
    reader = Reader(profile=profile(interest("waiting", 8)), had=frozenset({"had"}), last=last)

    edition = make_edition(reader, shelf, day=TODAY, now=NOW)

    assert [(one.name, [pick.paper.id for pick in one.picks]) for one in edition.sections] == [
        (SectionName.LATE, ["after"])
    ]


@pytest.mark.parametrize(
    ("interests", "told"),
    [
        ("waiting", "1 of 3 papers (2 new) chosen; threshold 35"),
        ("geology", "none of 3 papers (2 new) reached the threshold of 35"),
    ],
)
def test_papers_that_an_edition_passed_over_before_are_considered_and_not_called_new(
    interests: str, told: str
) -> None:
    last = LastEdition(day=TODAY - timedelta(days=1), at=NOW - timedelta(days=1))
    old = replace(candidate("1", "Cooking", abstract="Rice."), first_seen=last.at)
    new = [candidate("2", "Sewing", abstract="Thread."), candidate("3", "Waiting", abstract="Rooms.")]
    reader = Reader(profile=profile(interest(interests, 8)), last=last)

    edition = make_edition(reader, make_shelf([old, *new]), day=TODAY, now=NOW)

    assert (edition.considered, edition.n_new) == (3, 2)
    assert reason_of(edition) == told


def test_to_a_new_reader_all_papers_are_new() -> None:
    shelf = make_shelf([replace(candidate(), first_seen=NOW - timedelta(days=6))])

    edition = make_edition(Reader(profile=profile(interest("waiting", 8))), shelf, day=TODAY, now=NOW)

    assert edition.n_new is None
    assert reason_of(edition) == "1 of 1 new paper chosen; threshold 35"


# ---------------------------------------------------------------- weeks and months

WEEK = date(2026, 3, 4)
"""The first day of the week before today."""


def listed_on(identifier: str, title: str, day: date) -> Candidate:
    """A paper of the list of that day, stored on it."""
    at = datetime.combine(day, time(5), tzinfo=UTC)
    found = candidate(identifier, title, abstract="On tea.")
    return replace(found, first_seen=at, observation=Observation(at=at, listed_on=day))


def weekly(**fields: Any) -> Reader:
    """Ada, who reads on Wednesdays, as today is one."""
    known = profile(interest("waiting", 8), every=Every.WEEK, days=frozenset({2}))
    return Reader(profile=known, **fields)


def counts(edition: Edition) -> list[tuple[int, int]]:
    return [(one.listed, one.matched) for one in edition.chart]


def test_a_daily_edition_has_no_period_and_no_chart() -> None:
    shelf = make_shelf([listed_on("1", "Waiting", WEEK)])

    edition = make_edition(Reader(profile=profile(interest("waiting", 8))), shelf, day=TODAY, now=NOW)

    assert (edition.period, edition.chart) == (None, ())


def test_a_weekly_edition_counts_the_papers_of_each_day_and_those_that_match() -> None:
    papers = [
        listed_on("before", "Waiting", WEEK - timedelta(days=1)),
        listed_on("1", "Waiting", WEEK),
        listed_on("2", "Pouring", WEEK),
        listed_on("3", "Waiting Rooms", WEEK + timedelta(days=6)),
        listed_on("today", "Waiting Longer", TODAY),
    ]

    edition = make_edition(weekly(), make_shelf(papers), day=TODAY, now=NOW)

    assert edition.period == Period(every=Every.WEEK, first=WEEK, last=TODAY)
    assert counts(edition) == [(2, 1), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (1, 1), (1, 1)]
    assert [one.first for one in edition.chart] == [WEEK + timedelta(days=n) for n in range(8)]
    assert all(one.first == one.last for one in edition.chart)


def test_a_week_ends_the_day_before_where_that_days_list_is_not_there() -> None:
    edition = make_edition(weekly(), make_shelf([listed_on("1", "Waiting", WEEK)]), day=TODAY, now=NOW)

    assert edition.period == Period(every=Every.WEEK, first=WEEK, last=TODAY - timedelta(days=1))
    assert len(edition.chart) == 7


def test_a_weekly_edition_that_is_late_names_the_days_up_to_the_last_list_it_holds() -> None:
    papers = [listed_on("1", "Waiting", WEEK), listed_on("2", "Waiting Rooms", TODAY + timedelta(days=1))]
    ahead = listed_on("3", "Waiting Longer", TODAY + timedelta(days=9))

    late = make_edition(weekly(), make_shelf([*papers, ahead]), day=TODAY, now=NOW + timedelta(days=2))

    assert late.period == Period(every=Every.WEEK, first=WEEK, last=TODAY + timedelta(days=1))
    assert sum(one.listed for one in late.chart) == 2


def test_the_chart_counts_the_papers_that_the_summary_speaks_of() -> None:
    shelf = make_shelf([listed_on("1", "Waiting", WEEK), listed_on("2", "Waiting Rooms", TODAY)])

    some = make_edition(weekly(had=frozenset({"1"})), shelf, day=TODAY, now=NOW)
    nothing = make_edition(weekly(had=frozenset({"1", "2"})), shelf, day=TODAY, now=NOW)

    assert (some.considered, some.n_had) == (1, 1)
    assert sum(one.listed for one in some.chart) == 1
    assert (nothing.considered, nothing.n_had) == (0, 2)
    assert reason_of(nothing) == "no source had a paper that was not had before"
    assert not any(one.listed for one in nothing.chart)


def away(absent: int, **fields: Any) -> Reader:
    """One whose last edition was so many days ago, as she is placed before a longer shelf."""
    at = NOW - timedelta(days=absent)
    known = profile(interest("waiting", 8), **fields)
    return Reader(profile=known, last=LastEdition(day=at.date(), at=at), since=at)


def test_a_weekly_edition_after_an_absence_names_and_counts_all_days_it_looked_at() -> None:
    first = TODAY - timedelta(days=21)
    papers = [listed_on(str(n), f"Waiting {n}", TODAY - timedelta(days=n)) for n in range(1, 21)]

    edition = make_edition(
        away(21, every=Every.WEEK, days=frozenset({2})), make_shelf(papers), day=TODAY, now=NOW
    )

    assert edition.since == first
    assert edition.period == Period(every=Every.WEEK, first=first, last=TODAY - timedelta(days=1))
    assert [(one.first, one.listed) for one in edition.chart] == [
        (first, 6),
        (first + timedelta(days=7), 7),
        (first + timedelta(days=14), 7),
    ]


@pytest.mark.parametrize(
    ("reader", "since"),
    [
        (away(12), TODAY - timedelta(days=12)),
        (away(7, days=frozenset({2})), None),  # that is her usual
        (away(14, days=frozenset({2})), TODAY - timedelta(days=14)),
        (away(7, every=Every.WEEK), None),
        (away(28, every=Every.MONTH), None),
        (away(56, every=Every.MONTH), TODAY - timedelta(days=56)),
        (replace(away(12), since=None), None),
        (replace(away(12), last=None), None),
    ],
)
def test_only_an_edition_after_an_absence_says_since_when(reader: Reader, since: date | None) -> None:
    edition = make_edition(reader, make_shelf([listed_on("1", "Waiting", WEEK)]), day=TODAY, now=NOW)

    assert edition.since == since


def test_who_is_followed_counts_as_a_match() -> None:
    paper = replace(
        listed_on("1", "Pouring", WEEK), paper=candidate("1", "Pouring", authors=("Ada Teapot",)).paper
    )
    reader = weekly()
    # By herself, she does not reach it.
    follower = replace(reader, profile=replace(reader.profile, authors=("Ada Teapot",), threshold=100))

    edition = make_edition(follower, make_shelf([paper]), day=TODAY, now=NOW)

    assert counts(edition)[0] == (1, 1)


@pytest.mark.parametrize(
    ("first", "last", "lengths"),
    [
        (date(2026, 2, 2), date(2026, 3, 1), [7, 7, 7, 7]),
        (date(2024, 2, 2), date(2024, 3, 1), [7, 7, 7, 7, 1]),
        (date(2026, 1, 2), date(2026, 2, 1), [7, 7, 7, 7, 3]),
    ],
)
def test_a_month_is_counted_by_seven_days_and_what_is_left(
    first: date, last: date, lengths: list[int]
) -> None:
    parts = list(stretches(Period(every=Every.MONTH, first=first, last=last)))

    assert [len(days) for days in parts] == lengths
    assert (parts[0][0], parts[-1][-1]) == (first, last)


@pytest.mark.parametrize(
    ("every", "last", "back"),
    [
        (Every.DAY, None, timedelta(days=7)),
        (Every.DAY, timedelta(days=1), timedelta(days=7)),
        (Every.DAY, timedelta(days=10), timedelta(days=10)),
        (Every.DAY, timedelta(days=90), timedelta(days=MOST_DAYS)),
        (Every.WEEK, None, timedelta(days=7, hours=7, minutes=30)),  # from midnight on
        (Every.WEEK, timedelta(days=7), timedelta(days=7, hours=7, minutes=30)),
        (Every.WEEK, timedelta(days=14), timedelta(days=14)),
        (Every.MONTH, None, timedelta(days=28, hours=7, minutes=30)),
    ],
)
def test_an_edition_looks_back_as_far_as_usual_or_to_the_last_or_over_its_period(
    every: Every, last: timedelta | None, back: timedelta
) -> None:
    made = LastEdition(day=(NOW - last).date(), at=NOW - last) if last else None
    reader = Reader(profile=profile(every=every), last=made)

    assert NOW - window_of(reader, TODAY, window_days=7, now=NOW) == back


@given(
    every=st.sampled_from(Every),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Pacific/Kiritimati"]),
    now=st.timedeltas(timedelta(days=-5_000), timedelta(days=5_000)).map(lambda passed: NOW + passed),
    away=st.timedeltas(timedelta(minutes=1), timedelta(days=90)),
    window_days=st.integers(1, 60),
)
def test_whatever_came_since_the_last_edition_is_looked_at_within_75_days(
    every: Every, zone: str, now: datetime, away: timedelta, window_days: int
) -> None:
    last = LastEdition(day=(now - away).date(), at=now - away)
    reader = Reader(profile=profile(every=every, timezone=zone), last=last)

    back = now - window_of(reader, day_of(reader.profile, now), window_days=window_days, now=now)

    assert back >= min(away, timedelta(days=MOST_DAYS))
    assert timedelta(days=window_days) <= back <= timedelta(days=max(window_days, MOST_DAYS))


def test_a_window_longer_than_any_period_is_kept() -> None:
    reader = Reader(profile=profile(every=Every.MONTH))

    assert NOW - window_of(reader, TODAY, window_days=60, now=NOW) == timedelta(days=60)


def test_what_was_seen_before_the_readers_window_is_not_looked_at() -> None:
    papers = [listed_on("1", "Waiting", WEEK), listed_on("2", "Waiting Rooms", TODAY)]
    reader = Reader(profile=profile(interest("waiting", 8)), since=NOW - timedelta(days=1))

    edition = make_edition(reader, make_shelf(papers), day=TODAY, now=NOW)

    assert [pick.paper.id for pick in edition.shown] == ["2"]
    assert edition.considered == 1


# ---------------------------------------------------------------- day and date


@pytest.mark.parametrize(
    ("zone", "hour", "day"),
    [("UTC", 11, 11), ("Pacific/Auckland", 11, 12), ("Pacific/Honolulu", 9, 10), ("Asia/Kathmandu", 19, 12)],
)
def test_the_day_is_the_readers_own(zone: str, hour: int, day: int) -> None:
    now = datetime(2026, 3, 11, hour, 0, tzinfo=UTC)

    assert day_of(profile(timezone=zone), now) == date(2026, 3, day)


def test_an_edition_carries_the_readers_hour_or_the_last_full_one_if_that_is_to_come() -> None:
    reader = profile(timezone="Europe/Berlin", send_at=time(7, 30))
    evening, dawn = datetime(2026, 3, 11, 19, 0, tzinfo=UTC), datetime(2026, 3, 11, 4, 25, 10, tzinfo=UTC)

    assert date_of(reader, TODAY, evening).isoformat() == "2026-03-11T07:30:00+01:00"
    assert date_of(reader, TODAY, dawn).isoformat() == "2026-03-11T05:00:00+01:00"


@pytest.mark.parametrize(
    ("day", "at"),
    [
        (date(2026, 3, 29), "2026-03-29T03:00:00+02:00"),  # 02:30 does not exist: clocks go from 2 to 3
        (date(2026, 10, 25), "2026-10-25T02:30:00+02:00"),  # 02:30 comes twice: the first
    ],
)
def test_an_hour_that_the_clocks_skip_or_repeat_is_one_moment(day: date, at: str) -> None:
    reader = profile(timezone="Europe/Berlin", send_at=time(2, 30))

    assert date_of(reader, day, datetime(2027, 1, 1, tzinfo=UTC)).isoformat() == at
