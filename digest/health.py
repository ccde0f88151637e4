"""Whether to believe what a source gave: how its harvest went, judged by what is known of earlier ones."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from digest.completeness import Length, has_fallen, is_filling, length_of, usual
from digest.errors import DigestError, InputError, LostError, StaleError
from digest.harvest import FAULT, Harvested, Page
from digest.model import Entry, Listing, Reading, SourceState

MOST_PAGES = 5
"""So many pages of a strange harvest are kept."""
A_LONG_WEEKEND = timedelta(days=4)
LEAST_STALE = 3
"""A list of fewer papers may by chance hold none that is new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What earlier harvests of a source brought."""

    readings: tuple[Reading, ...] = ()
    known: Mapping[str, date | None] = field(default_factory=dict)
    """The ids of the papers that it listed in the last days, each with the day of the first such list."""
    last_good: datetime | None = None
    """When it was last read whole."""
    since: datetime | None = None
    """What came since then is still to be had; `None`: it was never tried."""

    @property
    def newest(self) -> date:
        """The day of the newest list that was read."""
        return max((one.day for one in self.readings), default=date.min)

    @property
    def newest_with_papers(self) -> date:
        """The same, of lists that had some."""
        return max((one.day for one in self.readings if one.papers), default=date.min)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a harvest went, and what follows from it."""

    state: SourceState
    problems: tuple[DigestError, ...] = ()
    """Those that the source told, and those that were found here."""
    readings: tuple[Reading, ...] = ()
    """How long its lists were; of lists that may be incomplete by a failure there is none."""
    length: Length | None = None
    """Of its newest list, if that states its day."""
    pages: tuple[Page, ...] = ()
    """To be kept for a person to look at."""


def judge(harvested: Harvested, past: Past, *, at: datetime) -> Health:
    """Judge what a source gave at a moment."""
    lists = _Lists.of(harvested, at)
    problems = (*harvested.problems, *_found(harvested, lists, past))
    state = _state(harvested, problems, lists, past)
    return Health(
        state=state,
        problems=problems,
        readings=lists.readings if _are_whole(harvested, state) else (),
        length=length_of((*past.readings, *lists.readings)) if lists.readings else None,
        pages=_concerned(harvested.pages, problems) if state is SourceState.STRANGE else (),
    )


def fault_of(harvested: Harvested) -> Health:
    """Of a harvest that could not be judged or stored, by a fault of ours."""
    problem = InputError(FAULT, where=harvested.source, fix="Please report the traceback")
    return Health(
        state=SourceState.STRANGE,
        problems=(*harvested.problems, problem),
        pages=_concerned(harvested.pages, [problem]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lists:
    """The lists of a harvest, by their days; those that state none have no usual length."""

    readings: tuple[Reading, ...]
    excused: frozenset[date]
    """The days that by the calendar have no list."""
    today: date
    at: datetime

    @classmethod
    def of(cls, harvested: Harvested, at: datetime) -> "_Lists":
        """A day may have several listings, and a paper may stand in several of them."""
        ids: dict[date, set[str]] = {}
        for listing in harvested.listings:
            if listing.day:
                ids.setdefault(listing.day, set()).update(entry.paper.id for entry in listing.entries)
        readings = tuple(Reading(day=day, at=at, papers=len(ids[day])) for day in sorted(ids))
        excused = {one.day for one in harvested.listings if one.day and one.quiet and one.by_calendar}
        return cls(readings=readings, excused=frozenset(excused), today=at.astimezone(UTC).date(), at=at)

    @property
    def newest(self) -> Reading | None:
        return self.readings[-1] if self.readings else None


# ---------------------------------------------------------------- what the source itself did not see


def _found(harvested: Harvested, lists: _Lists, past: Past) -> Iterator[DigestError]:
    is_told = any(isinstance(one, InputError) for one in harvested.problems)
    if not is_told:
        yield from _counts(harvested)
    if not harvested.pages:
        return  # a person saved them: how many there are, and when, says nothing
    if not is_told:
        yield from _stale(harvested, lists, past)
    yield from _fallen(harvested, lists, past)


def _counts(harvested: Harvested) -> Iterator[InputError]:
    """Lists that disagree with themselves; a source that told so has said it better."""
    if not (harvested.listings or harvested.problems):
        yield InputError("gave neither a list nor a reason why there is none", where=harvested.source)
    for listing in harvested.listings:
        n, expected = len(listing.entries), listing.expected
        if not (n or expected or listing.quiet):
            yield InputError("has no papers, and does not say why", where=_named(listing))
        elif expected is not None and n != expected:
            yield InputError(f"has {n} entries where it says {expected}", where=_named(listing))


def _named(listing: Listing) -> str:
    return f"{listing.layout} of {listing.day}" if listing.day else listing.layout


def _stale(harvested: Harvested, lists: _Lists, past: Past) -> Iterator[StaleError]:
    """A list under a new day of papers that all stood on lists of earlier days."""
    newest = lists.newest
    if not (newest and past.newest < newest.day and newest.papers >= LEAST_STALE):
        return
    entries = (entry for one in harvested.listings if one.day == newest.day for entry in one.entries)
    if all(_stood_before(one, newest.day, past) for one in entries):
        what = f"all {newest.papers} papers of the list of {newest.day} stood on earlier lists"
        yield StaleError(what, where=harvested.source)


def _stood_before(entry: Entry, day: date, past: Past) -> bool:
    before = (past.known.get(one) for one in (entry.paper.id, *entry.paper.aliases))
    return any(one is not None and one < day for one in before)


def _fallen(harvested: Harvested, lists: _Lists, past: Past) -> Iterator[InputError]:
    """Lists that are over, or that do not grow, and have a fraction of what is usual.

    That a list says why it is empty excuses none on a day that usually has one: so does a page that broke.
    """
    for one in lists.readings:
        is_over = not harvested.grows or one.day < lists.today
        is_excused = one.day in lists.excused or _was_judged(one, past, lists, grows=harvested.grows)
        expected = usual(past.readings, day=one.day, at=lists.at)
        if is_over and not is_excused and has_fallen(one.papers, expected):
            what = f"has {one.papers} papers, where {expected} are usual"
            fix = "If that is right, it passes by itself as the new number becomes usual."
            yield InputError(what, where=f"{harvested.source}, list of {one.day}", fix=fix)


def _was_judged(one: Reading, past: Past, lists: _Lists, *, grows: bool) -> bool:
    """Whether the list had so few papers on an earlier day, too, when it was over: that was told then."""
    first_day = one.day + timedelta(days=grows)
    as_long = (been for been in past.readings if (been.day, been.papers) == (one.day, one.papers))
    return any(first_day <= been.at.astimezone(UTC).date() < lists.today for been in as_long)


# ---------------------------------------------------------------- what follows


def _state(harvested: Harvested, problems: Sequence[DigestError], lists: _Lists, past: Past) -> SourceState:
    if any(_is_strange(one) for one in problems):
        return SourceState.STRANGE
    if _lacks_newest(harvested, lists, past):
        return SourceState.DOWN
    if any(isinstance(one, StaleError) for one in problems):
        return SourceState.STALE
    if not all(isinstance(one, LostError) for one in problems):
        return SourceState.PARTLY
    if _is_short(harvested, lists, past):
        return SourceState.FILLING
    newest = lists.newest.papers if lists.newest else sum(len(one.entries) for one in harvested.listings)
    return SourceState.FINE if newest else SourceState.QUIET


def _is_strange(problem: DigestError) -> bool:
    return isinstance(problem, InputError) and not isinstance(problem, StaleError)


def _lacks_newest(harvested: Harvested, lists: _Lists, past: Past) -> bool:
    """Whether what could not be got is, or may be, the list that matters most."""
    if all(isinstance(one, InputError | LostError) for one in harvested.problems):
        return False
    newest = lists.newest
    if newest is None:
        return not any(one.entries for one in harvested.listings)
    if not newest.papers:  # which may be right, while the list that failed is the last one with papers
        with_papers = [one.day for one in lists.readings if one.papers]
        if not with_papers and newest.day in lists.excused:
            return past.newest_with_papers < newest.day - A_LONG_WEEKEND
        return not with_papers or with_papers[-1] < past.newest_with_papers
    is_new = newest.day >= lists.today if harvested.grows else newest.day > past.newest
    return not (is_new or newest.day >= lists.today)


def _is_short(harvested: Harvested, lists: _Lists, past: Past) -> bool:
    newest = lists.newest
    if newest is None or newest.day in lists.excused or not harvested.pages:
        return False
    if harvested.grows and newest.day < lists.today:
        return False  # what it lacks comes no more
    return is_filling(newest.papers, usual(past.readings, day=newest.day, at=lists.at))


def _are_whole(harvested: Harvested, state: SourceState) -> bool:
    """Whether its lists are as long as they were there: a fall is on record, so that it can become usual.

    Where lists grow, each is of a page of its own, and one that failed says nothing of the others.
    """
    if state is SourceState.STALE or any(isinstance(one, InputError) for one in harvested.problems):
        return False
    if not harvested.pages:
        return False
    return harvested.grows or all(isinstance(one, LostError) for one in harvested.problems)


def _concerned(pages: Sequence[Page], problems: Iterable[DigestError]) -> tuple[Page, ...]:
    """The pages that the problems name; if none does, the latest. Replies to what was posted only by name."""
    where = {word.strip(",;:()") for one in problems if _is_strange(one) for word in one.where.split()}
    named = [page for page in pages if page.url in where]
    return tuple(named[:MOST_PAGES] or [page for page in pages if not page.is_reply][-MOST_PAGES:])
