"""What the store holds, as the pipeline wants it."""

from collections.abc import Iterator, Set
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from digest.errors import DigestError, FetchError, InputError, MissingError
from digest.fetch.web import Web
from digest.harvest import Harvested
from digest.health import Health
from digest.holdings import (
    MOST_DISLIKED,
    Shelves,
    fetch_liked,
    fetch_paper,
    keep,
    keep_past,
    liked_ids,
    owed_since,
    past_of,
    stored_reader,
    stored_readers,
    stored_shelf,
    stored_shelves,
)
from digest.identity import is_title_only
from digest.library.liked import MOST_LIKED
from digest.message import compose
from digest.model import (
    Attempt,
    DeliveryState,
    Edition,
    Entry,
    Every,
    Listing,
    Note,
    NoteKind,
    Outcome,
    Reading,
    SectionName,
    Sender,
    SourceState,
    Verdict,
)
from digest.pipeline import Reader, make_edition, make_shelf
from digest.schedule import MOST_DAYS
from digest.selection import LastEdition
from digest.sources.protocol import Wanted
from digest.store import deliveries, editions
from digest.store.database import Database, open_database
from digest.store.feedback import record_verdict
from digest.store.harvests import Harvest, harvests_of, readings_of, record_readings
from tests.makers import NOW, TODAY, edition, entry, interest, pick, profile
from tests.sources.contract import FakeWeb


class Library:
    """A source that knows some papers, and remembers what it was asked."""

    name = "library"
    grows = False

    def __init__(self, *known: str, broken: bool = False) -> None:
        self.known, self.broken = known, broken
        self.asked: list[str] = []

    def read(self, web: Web, wanted: Wanted) -> Iterator[Listing | DigestError]:
        yield from ()

    def read_paper(self, web: Web, identifier: str, *, at: datetime) -> Entry | None:
        self.asked.append(identifier)
        if self.broken:
            raise FetchError("down")
        if identifier not in self.known:
            raise MissingError("no such paper")
        return entry(identifier, f"Paper {identifier}")


WEB = FakeWeb({})
NOTE = Note(kind=NoteKind.PARTIAL, name="test", number=12, usual=31)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path / "digest.sqlite3")
    yield opened
    opened.close()


def harvested(*entries: Entry, problems: tuple[DigestError, ...] = ()) -> Harvested:
    return Harvested(source="test", listings=(Listing(layout="t", entries=entries),), problems=problems)


def kept(
    connection: Connection, done: Harvested, at: datetime, state: SourceState = SourceState.FINE
) -> Harvest:
    """Stored, as a source in this state gave it."""
    return keep(connection, done, Health(state=state, problems=done.problems), at)


def test_what_is_kept_is_on_the_shelf_with_the_problems_of_its_source(database: Database) -> None:
    with database.begin() as connection:
        done = kept(connection, harvested(entry(), problems=(FetchError("page 2 is gone"),)), NOW)
        shelf = stored_shelf(connection, {"test": False}, window_days=7, now=NOW)

    assert (done.papers, done.fresh, done.problem) == (1, 1, "page 2 is gone")
    assert [one.paper.id for one in shelf.candidates] == ["2603.00001"]
    assert shelf.notes == (Note(kind=NoteKind.SOURCE, name="test", day=TODAY),)


def test_a_source_that_is_no_more_or_failed_long_ago_is_not_spoken_of(database: Database) -> None:
    with database.begin() as connection:
        kept(connection, harvested(problems=(FetchError("gone"),)), NOW - timedelta(days=1))

        assert stored_shelf(connection, {"another": False}, window_days=7, now=NOW).notes == ()
        assert (
            stored_shelf(connection, {"test": False}, window_days=7, now=NOW + timedelta(days=30)).notes == ()
        )
        assert (
            stored_shelf(connection, {"test": False}, window_days=7, now=NOW - timedelta(days=2)).notes == ()
        )


def notes(database: Database, now: datetime = NOW, *, grows: bool = False) -> tuple[Note, ...]:
    with database.read() as connection:
        return stored_shelf(connection, {"test": grows}, window_days=7, now=now).notes


@pytest.mark.parametrize("state", [SourceState.DOWN, SourceState.STALE, SourceState.STRANGE])
def test_of_a_source_that_gave_nothing_the_last_good_list_is_named(
    state: SourceState, database: Database
) -> None:
    wrong, then = (FetchError("gone"),), NOW - timedelta(days=3)
    with database.begin() as connection:
        kept(connection, harvested(entry()), then)
        record_readings(connection, "test", [Reading(day=then.date(), at=then, papers=1)])
        kept(connection, Harvested(source="test", listings=(), problems=wrong), NOW, state)

    assert notes(database) == (
        Note(kind=NoteKind.SOURCE, name="test", day=TODAY, state=state, last_good=then.date()),
    )


def test_of_a_source_that_was_never_good_there_is_no_last_list(database: Database) -> None:
    with database.begin() as connection:
        kept(connection, harvested(problems=(FetchError("gone"),)), NOW, SourceState.DOWN)

    (note,) = notes(database)
    assert (note.state, note.last_good) == (SourceState.DOWN, None)


def test_a_strange_source_that_gave_papers_lacks_some(database: Database) -> None:
    with database.begin() as connection:
        kept(connection, harvested(entry(), problems=(FetchError("odd"),)), NOW, SourceState.STRANGE)

    assert notes(database) == (Note(kind=NoteKind.SOURCE, name="test", day=TODAY),)


def moved(one: Entry, at: datetime, day: date) -> Entry:
    """The same, observed then on the list of a day."""
    return replace(one, observation=replace(one.observation, at=at, listed_on=day))


def filling(database: Database, number: int, usual: int, state: SourceState, at: datetime = NOW) -> None:
    """A source whose lists of ten days had their usual number; today's has another."""
    days = [one - timedelta(days=7 * week) for week in range(10) for one in (at,)]
    readings = [Reading(day=one.date(), at=one, papers=usual) for one in days[1:]]
    with database.begin() as connection:
        kept(connection, harvested(entry()), at, state)
        record_readings(connection, "test", [*readings, Reading(day=at.date(), at=at, papers=number)])


def test_a_list_that_is_filling_is_told_with_its_numbers_to_everybody(database: Database) -> None:
    filling(database, 12, 31, SourceState.FILLING)

    told = Note(kind=NoteKind.PARTIAL, name="test", number=12, usual=31)
    assert notes(database, grows=True) == (told,)
    with database.read() as connection:
        assert stored_shelf(connection, {"test": True}, window_days=7, now=NOW).incomplete == (told,)


def test_a_list_as_long_as_usual_at_that_hour_may_be_short_of_a_whole_one(database: Database) -> None:
    filling(database, 12, 31, SourceState.FINE)

    assert notes(database, grows=True) == ()
    with database.read() as connection:
        (incomplete,) = stored_shelf(connection, {"test": True}, window_days=7, now=NOW).incomplete
        assert stored_shelf(connection, {"test": False}, window_days=7, now=NOW).incomplete == ()
    assert (incomplete.number, incomplete.usual) == (12, 31)


@pytest.mark.slow
@pytest.mark.parametrize("state", [SourceState.DOWN, SourceState.STRANGE, SourceState.STALE])
@pytest.mark.parametrize("grows", [True, False])
def test_a_source_that_failed_is_waited_for_as_long_as_its_list_of_today_is_not_there(
    database: Database, state: SourceState, grows: bool
) -> None:
    filling(database, 31, 31, SourceState.FINE, NOW - timedelta(days=7))
    weeks_ago = [NOW - timedelta(days=7 * n) for n in range(2, 9)]
    with database.begin() as connection:
        record_readings(connection, "test", [Reading(day=at.date(), at=at, papers=31) for at in weeks_ago])
        kept(connection, harvested(problems=(FetchError("odd"),)), NOW, state)

    def incomplete() -> tuple[Note, ...]:
        with database.read() as connection:
            return stored_shelf(connection, {"test": grows}, window_days=7, now=NOW).incomplete

    assert incomplete() == (Note(kind=NoteKind.PARTIAL, name="test", state=state, usual=31),)
    with database.begin() as connection:
        record_readings(connection, "test", [Reading(day=TODAY, at=NOW - timedelta(hours=1), papers=30)])
    assert incomplete() == ()


def test_how_a_list_stood_yesterday_says_nothing_of_today(database: Database) -> None:
    filling(database, 12, 31, SourceState.FILLING, NOW - timedelta(hours=13))

    assert notes(database, grows=True) == ()


def test_a_harvest_is_stored_with_its_state_its_page_and_how_long_its_lists_were(database: Database) -> None:
    readings = (Reading(day=TODAY, at=NOW, papers=1),)
    old = Reading(day=TODAY - timedelta(days=70), at=NOW - timedelta(days=70), papers=9)
    health = Health(state=SourceState.STRANGE, problems=(InputError("odd"),), readings=readings)
    with database.begin() as connection:
        record_readings(connection, "test", [old])
        done = keep(connection, harvested(entry()), health, NOW, kept="kept-pages/test-1.page")

    assert (done.state, done.problem, done.kept) == (SourceState.STRANGE, "odd", "kept-pages/test-1.page")
    with database.read() as connection:
        assert harvests_of(connection, "test", most=2) == (done,)
        assert readings_of(connection, "test", until=NOW) == readings


def test_a_list_that_could_not_be_had_on_three_days_is_asked_for_no_more() -> None:
    whole = NOW - timedelta(days=9)
    tries = [NOW - timedelta(days=3, hours=hours) for hours in (3, 2)] + [NOW - timedelta(days=2)]

    assert owed_since(whole, []) == whole
    assert owed_since(whole, tries) == whole  # two of them on one day
    assert owed_since(whole, [*tries, NOW - timedelta(days=1)]) == tries[0]
    assert owed_since(whole, [*tries, NOW - timedelta(days=1), NOW]) == tries[2]


@pytest.mark.slow
def test_what_a_source_brought_before_is_known_when_it_is_read_again(database: Database) -> None:
    good, long_ago = NOW - timedelta(days=2), NOW - timedelta(days=30)
    with database.begin() as connection:
        keep(connection, harvested(entry("2602.00009", "Pouring")), Health(state=SourceState.FINE), long_ago)
        health = Health(state=SourceState.FINE, readings=(Reading(day=good.date(), at=good, papers=1),))
        keep(connection, harvested(entry("2603.00001")), health, good)
        kept(connection, harvested(problems=(FetchError("gone"),)), NOW, SourceState.DOWN)

    with database.read() as connection:
        past, none = past_of(connection, "test", NOW), past_of(connection, "other", NOW)

    assert past.last_good == past.since == good
    assert "2603.00001" in past.known
    assert past.newest == good.date()
    assert (none.last_good, none.since, none.known, none.readings) == (None, None, {}, ())


def test_what_came_since_the_day_of_the_first_try_is_to_be_had_until_a_source_was_read_whole(
    database: Database,
) -> None:
    wrong, first = (FetchError("gone"),), NOW - timedelta(days=3)
    with database.begin() as connection:
        kept(connection, harvested(problems=wrong), first, SourceState.DOWN)
        kept(connection, harvested(entry(), problems=wrong), NOW - timedelta(days=1), SourceState.PARTLY)

        past = past_of(connection, "test", NOW)

    assert (past.last_good, past.since) == (None, first - timedelta(days=1))


def test_lists_of_an_archive_do_not_make_papers_known_to_the_daily_lists(database: Database) -> None:
    first, second = entry("2603.00001"), entry("2603.00002", "Pouring")
    before = TODAY - timedelta(days=1)
    with database.begin() as connection:
        old = Listing(layout="t", entries=(moved(first, NOW, TODAY), moved(second, NOW, TODAY)), day=TODAY)
        keep_past(connection, "test", old, window_days=7, at=NOW)
        assert past_of(connection, "test", NOW).known == {}

        for days, day in ((1, before), (2, TODAY)):
            at = NOW + timedelta(days=days)
            kept(connection, harvested(moved(first, at, day)), at)

        assert past_of(connection, "test", NOW + timedelta(days=2)).known == {"2603.00001": before}


def test_a_source_that_was_read_in_part_is_told_so_and_was_not_read_whole(database: Database) -> None:
    wrong = (FetchError("gone"),)
    with database.begin() as connection:
        kept(connection, harvested(entry()), NOW - timedelta(days=1))
        kept(connection, harvested(entry(), problems=wrong), NOW, SourceState.PARTLY)

        assert past_of(connection, "test", NOW).last_good == NOW - timedelta(days=1)
    assert notes(database) == (Note(kind=NoteKind.SOURCE, name="test", day=TODAY),)


def test_a_short_list_of_a_source_that_was_read_in_part_is_told_too(database: Database) -> None:
    filling(database, 12, 31, SourceState.PARTLY)

    told = Note(kind=NoteKind.PARTIAL, name="test", number=12, usual=31)
    assert told in notes(database, grows=True)
    assert told in notes(database, grows=False)


def test_lists_of_days_gone_by_are_late_within_the_window_and_no_news_before(database: Database) -> None:
    def listing(identifier: str, days: int) -> Listing:
        day = TODAY - timedelta(days=days)
        return Listing(layout="t", entries=(entry(identifier, f"Paper {identifier}"),), day=day)

    with database.begin() as connection:
        late = keep_past(connection, "test", listing("2603.00002", 3), window_days=7, at=NOW)
        old = keep_past(connection, "test", listing("2602.00003", 30), window_days=7, at=NOW)
        shelf = stored_shelf(connection, {"test": False}, window_days=7, now=NOW)

        assert (late, old) == (1, 1)
        assert [(one.paper.id, one.first_seen) for one in shelf.candidates] == [("2603.00002", NOW)]
        assert harvests_of(connection, "test", most=1) == ()


# ---------------------------------------------------------------- shelves of every window


def listed_daily(database: Database, days: int) -> None:
    """A paper on the list of each of so many days before today, the older the fewer its votes."""
    with database.begin() as connection:
        for back in range(1, days + 1):
            at = NOW - timedelta(days=back)
            paper = entry(f"2602.{back:05d}", f"Waiting {back}", upvotes=100 - back)
            kept(connection, harvested(moved(paper, at, at.date())), at)


def shelves(connection: Connection) -> Shelves:
    return stored_shelves(connection, {}, window_days=7, now=NOW)


def reader_of(every: Every = Every.DAY, away: int = 0, **fields: Any) -> Reader:
    """One who likes to wait, and whose last edition was so many days ago."""
    last = LastEdition(day=TODAY - timedelta(days=away), at=NOW - timedelta(days=away)) if away else None
    known = profile(interest("waiting", 8), every=every, threshold=1, max_papers=50, **fields)
    return Reader(profile=known, last=last)


def considered(database: Database, *readers: Reader) -> list[int]:
    with database.read() as connection:
        made = shelves(connection).editions(connection, [(one, TODAY) for one in readers])
    return [one.considered for one in made]


@pytest.mark.slow
def test_who_was_away_is_offered_all_since_the_last_edition_and_others_the_usual_window(
    database: Database,
) -> None:
    listed_daily(database, 80)

    away = [reader_of(away=days) for days in (1, 7, 8, 12, 20, 70, 79)]

    # What was seen exactly as long ago as the window is long, or when the last edition was made, is left out.
    assert considered(database, *away) == [6, 6, 7, 11, 19, 69, MOST_DAYS - 1]


@pytest.mark.slow
@pytest.mark.parametrize("away", [35, 63, 70])
def test_who_reads_on_first_mondays_loses_nothing_of_five_weeks_nor_of_a_month_that_was_missed(
    database: Database, away: int
) -> None:
    listed_daily(database, 72)

    assert considered(database, reader_of(Every.MONTH, away, days=frozenset({0}))) == [away - 1]


def test_a_week_and_a_month_are_offered_whole(database: Database) -> None:
    listed_daily(database, 40)

    week, month = considered(database, reader_of(Every.WEEK), reader_of(Every.MONTH))

    assert (week, month) == (7, 28)


@pytest.mark.slow
def test_an_edition_does_not_depend_on_who_else_is_served(database: Database) -> None:
    listed_daily(database, 40)
    readers = [reader_of(every, away) for every in Every for away in (0, 1, 9, 35)]
    wanted = [(one, TODAY) for one in readers]

    with database.read() as connection:
        together = shelves(connection).editions(connection, wanted)
        alone = [shelves(connection).editions(connection, [one])[0] for one in wanted]

    assert together == alone
    assert [one.profile.every for one in together] == [one.profile.every for one in readers]


def test_votes_are_compared_over_the_readers_own_period(database: Database) -> None:
    listed_daily(database, 40)

    with database.read() as connection:
        readers = (reader_of(), reader_of(Every.WEEK), reader_of(Every.MONTH))
        made = shelves(connection).editions(connection, [(one, TODAY) for one in readers])

    newest = [{pick.paper.id: pick.candidate.trend for pick in one.shown}["2602.00001"] for one in made]
    assert [(one.over, one.percent, one.among) for one in newest if one] == [
        (Every.DAY, 100, 1),
        (Every.WEEK, 15, 7),
        (Every.MONTH, 4, 28),
    ]


def test_papers_that_are_not_among_those_measured_against_are_offered_too(database: Database) -> None:
    listed_daily(database, 10)
    with database.read() as connection:
        few = Shelves(usual=replace(make_shelf([]), notes=(NOTE,)), window_days=1, now=NOW)
        (edition,) = few.editions(connection, [(reader_of(away=6), TODAY)])

    assert edition.considered == 5
    assert edition.notes == (NOTE,)


def test_what_readers_like_is_told_by_reader_the_latest_last(database: Database) -> None:
    with database.begin() as connection:
        kept(connection, harvested(entry("2603.00001"), entry("2603.00002", "Pouring tea")), NOW)
        record_verdict(connection, "ada", "2603.00002", Verdict.LIKE, NOW)
        record_verdict(connection, "ada", "2603.00001", Verdict.DISLIKE, NOW)

        ids = liked_ids(connection, [profile(liked=("2104.00001",)), profile(name="bob")])

    assert ids == (("2104.00001", "2603.00002"), ())


def test_old_papers_leave_the_shelf(database: Database) -> None:
    with database.begin() as connection:
        kept(connection, harvested(entry()), NOW - timedelta(days=8))

        assert stored_shelf(connection, {"test": False}, window_days=7, now=NOW).candidates == ()


def test_liked_papers_are_looked_up_once_and_are_no_news(database: Database) -> None:
    source = Library("2104.00001")
    wanted = ("2104.00001", "2104.00002")

    assert fetch_liked(database, wanted, [source], WEB, NOW).found == 1
    assert fetch_liked(database, wanted, [source], WEB, NOW + timedelta(days=1)).found == 0

    assert source.asked == ["2104.00001", "2104.00002"]
    with database.read() as connection:
        assert stored_shelf(connection, {"test": False}, window_days=7, now=NOW).candidates == ()


def test_a_missing_paper_does_not_hide_the_next_one(database: Database) -> None:
    source = Library("2104.00002")

    assert fetch_liked(database, ("2104.00001", "2104.00002"), [source], WEB, NOW).found == 1


def test_a_source_that_is_down_is_asked_once_and_again_the_next_time(database: Database) -> None:
    source = Library(broken=True)

    wanted = ("2104.00001", "2104.00002")

    first = fetch_liked(database, wanted, [source], WEB, NOW)
    second = fetch_liked(database, wanted, [Library("2104.00002")], WEB, NOW + timedelta(hours=1))

    assert source.asked == ["2104.00001"]
    assert [problem.what for problem in first.problems] == ["down"]
    assert second.found == 1


def test_a_reader_is_told_of_liked_papers_that_could_not_be_used(database: Database, tmp_path: Path) -> None:
    library = tmp_path / "library.bib"
    library.write_text("@article{x, eprint = {2104.00003}}", encoding="utf-8")
    with database.begin() as connection:
        kept(connection, harvested(entry("2104.00001")), NOW)

    liked = ("2104.00001", "2104.00002")
    with database.read() as connection:
        reader = stored_reader(
            connection, profile(liked=liked, liked_files=(library, tmp_path / "gone.bib")), day=TODAY
        )

    assert [paper.id for paper in reader.liked] == ["2104.00001"]
    assert {note.kind for note in reader.notes} == {NoteKind.LIKED}
    assert any("gone.bib: cannot be read" in note.detail for note in reader.notes)
    assert any(note.detail.startswith("2 of 3 liked papers") for note in reader.notes)


def test_a_paper_stored_without_an_abstract_is_looked_up_too(database: Database) -> None:
    with database.begin() as connection:
        kept(connection, harvested(entry("2104.00001", "Paper 2104.00001", abstract=None)), NOW)

    fetch_liked(database, ["2104.00001"], [Library("2104.00001")], WEB, NOW)

    with database.read() as connection:
        (liked,) = stored_reader(connection, profile(liked=("2104.00001",)), day=TODAY).liked
    assert liked.abstract


def test_arxiv_papers_are_asked_for_before_others_the_latest_first(database: Database) -> None:
    source = Library()

    fetch_liked(database, ["10.1000/a", "2104.00002", "2104.00001"], [source], WEB, NOW)

    assert source.asked == ["2104.00002", "2104.00001", "10.1000/a"]


def test_a_paper_asked_for_by_name_is_asked_for_again_at_once(database: Database) -> None:
    fetch_paper(database, "2104.00001", [Library()], WEB, NOW)

    assert fetch_paper(database, "2104.00001", [Library("2104.00001")], WEB, NOW).found == 1


# ---------------------------------------------------------------- what readers said


def ids(had: Set[str]) -> set[str]:
    """Without those made of titles, under which a list may have the same papers."""
    return {one for one in had if not is_title_only(one)}


def likes_and_dislikes(database: Database, **said: Verdict) -> None:
    """Papers p1, p2 ... of which Ada said something, an hour apart."""
    with database.begin() as connection:
        kept(connection, harvested(*(entry(name, f"Waiting {name}") for name in said)), NOW)
        for hours, (name, verdict) in enumerate(said.items()):
            record_verdict(connection, "ada", name, verdict, NOW + timedelta(hours=hours))


def test_what_was_said_joins_the_liked_and_the_disliked(database: Database) -> None:
    likes_and_dislikes(database, p1=Verdict.LIKE, p2=Verdict.DISLIKE, p3=Verdict.LIKE)

    with database.read() as connection:
        reader = stored_reader(connection, profile(), day=TODAY)
        other = stored_reader(connection, profile(name="grace"), day=TODAY)

    assert [one.id for one in reader.liked] == ["p1", "p3"]
    assert [one.id for one in reader.disliked] == ["p2"]
    assert ids(reader.had) == {"p1", "p2", "p3"}
    assert (other.liked, other.disliked, other.had) == ((), (), frozenset())


def test_many_readers_are_known_as_each_alone(database: Database, tmp_path: Path) -> None:
    library = tmp_path / "library.bib"
    library.write_text("@misc{a, title = {Waiting p3}, eprint = {2104.00001}}")
    likes_and_dislikes(database, p1=Verdict.LIKE, p2=Verdict.DISLIKE, p3=Verdict.LIKE)
    profiles = [
        profile(),
        profile(name="grace", liked=("p2", "p3")),
        profile(name="eve", liked_files=(library,)),
    ]
    tomorrow = TODAY + timedelta(days=1)

    with database.read() as connection:
        together = stored_readers(connection, list(zip(profiles, (TODAY, tomorrow, TODAY), strict=True)))
        alone = [
            stored_reader(connection, one, day=day)
            for one, day in zip(profiles, (TODAY, tomorrow, TODAY), strict=True)
        ]

    assert together == alone
    assert [len(one.liked) for one in together] == [2, 2, 1]


def test_a_dislike_outweighs_the_profile(database: Database) -> None:
    likes_and_dislikes(database, p1=Verdict.DISLIKE)

    with database.read() as connection:
        reader = stored_reader(connection, profile(liked=("p1",)), day=TODAY)

    assert reader.liked == ()
    assert [one.id for one in reader.disliked] == ["p1"]


def test_what_was_said_after_a_moment_can_be_left_out(database: Database) -> None:
    likes_and_dislikes(database, p1=Verdict.LIKE, p2=Verdict.LIKE, p3=Verdict.DISLIKE)

    with database.read() as connection:
        reader = stored_reader(connection, profile(), day=TODAY, said_until=NOW)

    assert [one.id for one in reader.liked] == ["p1"]
    assert ids(reader.had) == {"p1"}


def test_only_the_latest_feedback_teaches_yet_no_paper_spoken_of_comes_again(database: Database) -> None:
    dislikes = {f"no{number:03d}": Verdict.DISLIKE for number in range(MOST_DISLIKED + 5)}
    likes = {f"yes{number:03d}": Verdict.LIKE for number in range(MOST_LIKED + 5)}
    likes_and_dislikes(database, **dislikes, **likes)

    with database.read() as connection:
        reader = stored_reader(connection, profile(), day=TODAY)

    assert [one.id for one in reader.disliked] == list(dislikes)[5:]
    assert [one.id for one in reader.liked] == list(likes)[5:]
    assert ids(reader.had) == dislikes.keys() | likes.keys()


@pytest.mark.slow
def test_a_liked_paper_is_no_news_however_long_the_library_and_however_a_list_names_it(
    database: Database, tmp_path: Path
) -> None:
    library = tmp_path / "library.bib"
    entries = (f"@misc{{x{one}, doi = {{10.1000/{one}}}}}" for one in range(MOST_LIKED + 1))
    library.write_text("\n".join([*entries, "@misc{y, title = {To Wait}, eprint = {2104.00001}}"]))

    with database.read() as connection:
        reader = stored_reader(connection, profile(liked_files=(library,)), day=TODAY)

    assert {"10.1000/0", "2104.00001", "title:towait"} <= reader.had


def test_a_yes_to_a_stored_paper_keeps_the_abstract_that_the_library_has(
    database: Database, tmp_path: Path
) -> None:
    library = tmp_path / "library.bib"
    library.write_text("@misc{a, title = {To wait}, eprint = {2104.00001}, abstract = {Own words.}}")
    with database.begin() as connection:
        kept(connection, harvested(entry("2104.00001", "To Wait", abstract=None)), NOW)
        record_verdict(connection, "ada", "2104.00001", Verdict.LIKE, NOW)
        (liked,) = stored_reader(connection, profile(liked_files=(library,)), day=TODAY).liked

    assert (liked.title, liked.abstract) == ("To Wait", "Own words.")


def test_papers_stored_because_somebody_likes_them_do_not_change_what_scores_are_measured_against(
    database: Database,
) -> None:
    with database.begin() as connection:
        kept(connection, harvested(entry()), NOW)
    fetch_paper(database, "2104.00001", [Library("2104.00001")], WEB, NOW)

    with database.read() as connection:
        shelf = stored_shelf(connection, {"test": False}, window_days=7, now=NOW)

    assert list(shelf.scope.places) == ["2603.00001"]
    assert [one.id for one in shelf.scope.corpus.papers] == ["2603.00001"]


# ---------------------------------------------------------------- what arrived late

YESTERDAY = TODAY - timedelta(days=1)
ADA = profile(interest("waiting", 8))


def record(database: Database, one: Edition, state: DeliveryState | None, at: datetime) -> None:
    """An edition made then, whose message stands so; `None`: it had none."""
    message = compose("Subject", b"text", b"html", edition=one, sender=Sender(address="d@example.org"))
    with database.begin() as connection:
        editions.record_outcomes(connection, [(one, one.outcome, "why")], at)
        if state:
            assert deliveries.enqueue_many(connection, [(one, message)], at)
            lease = at + timedelta(minutes=10)
            (claimed,) = deliveries.claim(
                connection, relay="r", owner="o", now=at, lease_until=lease, most=1
            ).deliveries
            ended = deliveries.Ended(delivery=claimed, attempt=Attempt(state=state, reply=""))
            deliveries.record_attempts(connection, [ended], at)


def test_who_went_west_over_the_date_line_is_not_offered_the_papers_of_tomorrows_edition(
    database: Database,
) -> None:
    tomorrow = replace(edition(pick("2603.00001")), day=TODAY + timedelta(days=1))
    with database.begin() as connection:
        kept(connection, harvested(entry("2603.00001")), NOW)
    record(database, tomorrow, DeliveryState.SENT, NOW)

    with database.read() as connection:
        (reader,) = stored_readers(connection, [(ADA, TODAY)])

    assert reader.had == {"2603.00001"}


def test_a_look_at_a_day_gone_by_does_not_know_what_later_editions_showed(database: Database) -> None:
    with database.begin() as connection:
        kept(connection, harvested(entry("2603.00001")), NOW)
    record(database, edition(pick("2603.00001")), DeliveryState.SENT, NOW)

    with database.read() as connection:
        yesterday = stored_reader(connection, ADA, day=YESTERDAY)
        then = stored_reader(connection, ADA, day=YESTERDAY, said_until=NOW - timedelta(days=1))
        tomorrow = stored_reader(connection, ADA, day=TODAY + timedelta(days=1))

    assert (yesterday.had, then.had, tomorrow.had) == (frozenset(), frozenset(), {"2603.00001"})


def made_yesterday(database: Database, state: DeliveryState | None, *, considered: int = 30) -> None:
    """Ada's edition of yesterday, whose message stands so; without one, a quiet day."""
    outcome = Outcome.READY if state else Outcome.QUIET
    one = edition(day=YESTERDAY, sections=(), considered=considered, outcome=outcome)
    record(database, one, state, NOW - timedelta(days=1))


def edition_of(database: Database, day: date) -> Edition:
    with database.read() as connection:
        shelf = stored_shelf(connection, {"test": False}, window_days=7, now=NOW)
        return make_edition(stored_reader(connection, ADA, day=day), shelf, day=day, now=NOW)


@pytest.fixture
def straggler(database: Database) -> Database:
    """A store in which a paper of the day before yesterday's list was first seen this morning."""
    one = entry("2603.00001", "Waiting", listed_on=TODAY - timedelta(days=2))
    with database.begin() as connection:
        kept(connection, harvested(one), NOW - timedelta(hours=1))
    return database


@pytest.mark.slow
@pytest.mark.parametrize("state", [DeliveryState.SENT, DeliveryState.UNKNOWN, None])
def test_what_missed_yesterdays_edition_arrives_late_today(
    straggler: Database, state: DeliveryState | None
) -> None:
    made_yesterday(straggler, state)

    edition = edition_of(straggler, TODAY)

    assert [section.name for section in edition.sections] == [SectionName.LATE]


def test_what_a_list_gets_in_the_afternoon_is_late_the_next_morning_and_displaces_nothing(
    database: Database,
) -> None:
    yesterdays = [entry(f"2603.1000{n}", f"Waiting Room {n}", listed_on=YESTERDAY) for n in range(5)]
    todays = [entry(f"2603.2000{n}", f"Waiting List {n}", listed_on=TODAY) for n in range(2)]
    seen = [(yesterdays[:3], 24), (yesterdays[3:], 18), (todays, 1)]
    for entries, hours in seen:
        with database.begin() as connection:
            kept(connection, harvested(*entries), NOW - timedelta(hours=hours))
    had = edition(*(pick(one.paper.id) for one in yesterdays[:3]), day=YESTERDAY)
    record(database, had, DeliveryState.SENT, NOW - timedelta(days=1))

    made = edition_of(database, TODAY)

    assert {one.paper.id for one in made.section(SectionName.PICKS)} == {one.paper.id for one in todays}
    assert {one.paper.id for one in made.section(SectionName.LATE)} == {
        one.paper.id for one in yesterdays[3:]
    }
    assert (made.considered, made.n_new) == (4, 4)


@pytest.mark.parametrize("state", [DeliveryState.FAILED, DeliveryState.EXPIRED, DeliveryState.QUEUED])
def test_no_paper_is_late_for_an_edition_that_did_not_arrive(
    straggler: Database, state: DeliveryState
) -> None:
    made_yesterday(straggler, state)

    assert [section.name for section in edition_of(straggler, TODAY).sections] == [SectionName.PICKS]


def test_no_paper_is_late_for_a_day_without_any_papers(straggler: Database) -> None:
    made_yesterday(straggler, None, considered=0)

    assert [section.name for section in edition_of(straggler, TODAY).sections] == [SectionName.PICKS]


def test_an_edition_with_late_papers_is_the_same_when_it_is_made_again(straggler: Database) -> None:
    made_yesterday(straggler, DeliveryState.SENT)
    first = edition_of(straggler, TODAY)
    record(straggler, first, DeliveryState.SENT, NOW)

    assert edition_of(straggler, TODAY) == first


def test_the_last_edition_is_the_latest_one_of_that_reader(straggler: Database) -> None:
    days = {"ada": (2, 5, 3), "grace": (1,)}
    for name, ago in days.items():
        for back in ago:
            one = edition(profile=profile(name=name), day=TODAY - timedelta(days=back), sections=())
            record(straggler, one, DeliveryState.SENT, NOW - timedelta(days=back))

    with straggler.read() as connection:
        last = stored_reader(connection, ADA, day=TODAY).last
        new = stored_reader(connection, profile(name="katherine"), day=TODAY).last

    assert last == LastEdition(day=TODAY - timedelta(days=2), at=NOW - timedelta(days=2))
    assert new is None


# ---------------------------------------------------------------- libraries


def liked_from(database: Database, folder: Path, bib: str) -> list[tuple[str, str | None]]:
    """Id and abstract of each liked paper, for a reader with this library."""
    (folder / "library.bib").write_text(bib, encoding="utf-8")
    with database.read() as connection:
        reader = stored_reader(connection, profile(liked_files=(folder / "library.bib",)), day=TODAY)
    return [(one.id, one.abstract) for one in reader.liked]


def test_a_title_alone_is_a_liked_paper_and_the_stored_one_if_there_is_one(
    database: Database, tmp_path: Path
) -> None:
    bib = "@misc{a, title = {To Wait}}\n@misc{b, title = {Nobody Stored This}}"
    before = liked_from(database, tmp_path, bib)
    with database.begin() as connection:
        kept(connection, harvested(entry("2104.00001", "To wait", abstract="Stored.")), NOW)

    assert before == [("title:towait", None), ("title:nobodystoredthis", None)]
    assert liked_from(database, tmp_path, bib) == [
        ("2104.00001", "Stored."),
        ("title:nobodystoredthis", None),
    ]


def test_a_journals_paper_gets_its_preprints_abstract_but_a_preprint_not_anothers(
    database: Database, tmp_path: Path
) -> None:
    with database.begin() as connection:
        kept(connection, harvested(entry("2104.00001", "To Wait", abstract="Stored.")), NOW)

    assert liked_from(database, tmp_path, "@misc{a, title = {To Wait}, doi = {10.1000/a}}") == [
        ("10.1000/a", "Stored.")
    ]
    assert liked_from(database, tmp_path, "@misc{a, title = {To Wait}, eprint = {2104.00009}} % other") == [
        ("2104.00009", None)
    ]
