"""Days gone by: when a paper could first be seen, and editions made again from what was there."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from digest.model import Candidate, Edition, Every, Observation, Profile, QuietDay, SectionName
from digest.pipeline import Reader, make_edition, make_shelf
from digest.profiles.past import day_seen, days_of, replay, seen_between
from digest.selection import LastEdition
from tests.makers import NOW, candidate, interest, profile

FIRST = date(2026, 3, 2)
DAY = timedelta(days=1)


def listed(identifier: str, title: str, day: date, upvotes: int | None = None) -> Candidate:
    """A paper of a list of that day, stored much later."""
    seen = Observation(at=NOW, listed_on=day, upvotes=upvotes)
    return replace(candidate(identifier, title, abstract=f"On {title}."), first_seen=NOW, observation=seen)


def waiting(**fields: object) -> Profile:
    return profile(interest("waiting", 10), **({"threshold": 30, "outside_interests": 0} | fields))


def replayed(reader: Reader, *candidates: Candidate, days: int = 3, window_days: int = 7) -> list[Edition]:
    asked = [FIRST + timedelta(days=n) for n in range(days)]
    return list(replay(reader, make_shelf(candidates), asked, window_days=window_days, now=NOW))


def picked(editions: list[Edition]) -> list[list[str]]:
    return [[pick.paper.id for pick in one.section(SectionName.PICKS)] for one in editions]


# ---------------------------------------------------------------- when a paper could be seen


def test_a_paper_of_an_archive_counts_from_the_day_of_its_list() -> None:
    assert day_seen(listed("1", "Waiting", FIRST), UTC) == FIRST


def test_a_paper_counts_from_the_day_it_was_stored_if_its_list_has_a_later_day_or_none() -> None:
    later = listed("1", "Waiting", date(2026, 3, 20))

    assert day_seen(later, UTC) == NOW.date()
    assert day_seen(replace(later, observation=None), UTC) == NOW.date()


def test_the_day_is_that_of_the_readers_zone() -> None:
    evening = replace(candidate(), first_seen=datetime(2026, 3, 11, 20, 0, tzinfo=UTC))

    assert day_seen(evening, ZoneInfo("Pacific/Auckland")) == date(2026, 3, 12)


def test_papers_are_taken_from_the_first_day_to_the_last() -> None:
    papers = [listed(str(n), "Waiting", FIRST + timedelta(days=n)) for n in range(5)]

    found = seen_between(papers, FIRST + timedelta(days=1), FIRST + timedelta(days=3), UTC)

    assert [one.paper.id for one in found] == ["1", "2", "3"]


def test_there_are_editions_only_on_the_readers_days() -> None:
    mondays = days_of(profile(days=frozenset({0})), FIRST, FIRST + timedelta(days=13))

    assert mondays == (FIRST, FIRST + timedelta(days=7))


# ---------------------------------------------------------------- editions again


def test_a_weekly_reader_has_one_edition_a_week_that_looks_back_over_it() -> None:
    weekly = waiting(every=Every.WEEK)
    (monday,) = days_of(weekly, FIRST + DAY, FIRST + 7 * DAY)
    papers = [listed(str(n), f"Waiting {n}", monday - n * DAY) for n in (2, 7, 8)]

    (edition,) = replay(Reader(profile=weekly), make_shelf(papers), [monday], window_days=3, now=NOW)

    assert monday == FIRST + 7 * DAY
    assert picked([edition]) == [["2", "7"]]


def test_a_paper_is_picked_on_its_day_and_not_again() -> None:
    editions = replayed(
        Reader(profile=waiting()),
        listed("1", "Waiting", FIRST),
        listed("2", "Waiting longer", FIRST + timedelta(days=1)),
    )

    assert picked(editions) == [["1"], ["2"], []]


def test_what_the_reader_had_before_is_not_picked() -> None:
    reader = Reader(profile=waiting(), had=frozenset({"1"}))

    assert picked(replayed(reader, listed("1", "Waiting", FIRST))) == [[], [], []]


def test_a_liked_paper_teaches_and_is_not_picked_itself() -> None:
    waiting_paper = listed("1", "Waiting", FIRST)
    reader = Reader(profile=waiting(), liked=(waiting_paper.paper,))

    assert picked(replayed(reader, waiting_paper, listed("2", "Waiting longer", FIRST)))[0] == ["2"]


def test_an_edition_chooses_from_the_days_of_its_window_only() -> None:
    reader, shelf = Reader(profile=waiting()), make_shelf([listed("1", "Waiting", FIRST)])
    later = [FIRST + timedelta(days=2)]

    assert picked(list(replay(reader, shelf, later, window_days=3, now=NOW))) == [["1"]]
    assert picked(list(replay(reader, shelf, later, window_days=2, now=NOW))) == [[]]


def test_what_stood_under_also_was_shown_and_does_not_come_again() -> None:
    reader = Reader(profile=waiting(max_papers=1))
    papers = [listed("1", "Waiting", FIRST), listed("2", "Waiting and rice", FIRST)]

    assert [len(day) for day in picked(replayed(reader, *papers))] == [1, 0, 0]


def test_what_no_mail_would_have_shown_was_not_had() -> None:
    """On a silent quiet day trending papers are chosen, but nothing goes out."""
    crowd = [listed(f"t{n}", f"Dish {n}", FIRST, upvotes=n) for n in range(10)]
    late = listed("1", "Waiting", FIRST + timedelta(days=1))
    reader = Reader(profile=waiting(on_quiet_day=QuietDay.SILENT, outside_interests=2))

    editions = replayed(reader, *crowd, late)

    trending = [pick.paper.id for pick in editions[1].section(SectionName.TRENDING)]
    assert picked(editions)[:2] == [[], ["1"]]
    assert trending == ["t9", "t8"]


def test_a_replayed_edition_is_the_one_that_is_made_of_the_same_papers() -> None:
    papers = [listed(str(n), f"Waiting number {n}", FIRST) for n in range(4)]
    reader = Reader(profile=waiting(max_papers=2))

    (first, *_) = replayed(reader, *papers)

    assert first == make_edition(reader, make_shelf(papers), day=FIRST, now=NOW)


def test_nothing_arrives_late_in_days_gone_by() -> None:
    reader = Reader(profile=waiting(), last=LastEdition(day=FIRST + timedelta(days=2), at=NOW - DAY))

    assert picked(replayed(reader, listed("1", "Waiting", FIRST))) == [["1"], [], []]


def test_the_reader_is_left_as_it_was() -> None:
    reader = Reader(profile=waiting(), had=frozenset({"9"}))

    replayed(reader, listed("1", "Waiting", FIRST))

    assert reader.had == frozenset({"9"})
