"""What the store holds, as the pipeline wants it: harvests kept, shelves filled, readers known."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from digest.completeness import Length, is_filling, length_of, usual_whole
from digest.errors import DigestError, MissingError, each_once
from digest.fetch.web import Web
from digest.harvest import Harvested
from digest.health import Health, Past
from digest.identity import identities, is_title_only, title_identity
from digest.library.entries import Library
from digest.library.liked import MOST_LIKED, complete, completed, latest, load_liked
from digest.links import is_arxiv_id
from digest.model import (
    Candidate,
    Edition,
    Entry,
    Listing,
    Note,
    NoteKind,
    Paper,
    Period,
    Profile,
    SourceState,
    Verdict,
)
from digest.pipeline import (
    Reader,
    Shelf,
    make_editions,
    make_shelf,
    shelf_in,
    window_of,
)
from digest.schedule import A_DAY, MOST_DAYS, moment, period_of
from digest.scoring.recipe import MOST_STORED
from digest.selection import LastEdition
from digest.sources.protocol import Source
from digest.store import feedback, harvests, papers, vectors
from digest.store.database import Database
from digest.store.editions import all_last_made, all_seen
from digest.store.harvests import Harvest
from digest.store.tiers import last_tier_runs

if TYPE_CHECKING:
    from sqlalchemy import Connection

ENOUGH_EMBEDDED = 0.9
"""Embeddings count from this share of the papers on; until then scores are by words alone."""
KNOWN_FOR = timedelta(days=14)
"""So long a source's papers are remembered as its own, to tell an old list by."""
READINGS_FOR = timedelta(days=60)
FRESH = timedelta(hours=12)
"""How a growing list stood longer ago says nothing of how it stands."""
TRIED_ON = 3
MOST_LOOKED_UP = 50
ASK_AGAIN = timedelta(days=7)
MOST_DISLIKED = 300
"""How many disliked papers teach the taste: the latest. None of them is shown again, however many."""


# ---------------------------------------------------------------- harvests


def past_of(connection: "Connection", source: str, at: datetime) -> Past:
    """What earlier harvests of a source brought, by which the next one is judged."""
    last_good = harvests.last_good(connection, source, at)
    first = None if last_good else harvests.first_harvest(connection, source)
    # If it failed from the first time on, that was about the list of that day.
    whole = first - timedelta(days=1) if first else last_good
    tries = harvests.tries_after(connection, source, whole, at) if whole else []
    return Past(
        readings=harvests.readings_of(connection, source, until=at),
        known=harvests.brought(connection, source, at - KNOWN_FOR),
        last_good=last_good,
        since=owed_since(whole, tries) if whole else None,
    )


def owed_since(whole: datetime, tries: Iterable[datetime]) -> datetime:
    """Since when lists are still to be had: since the last whole harvest, but none is asked for for ever.

    `tries` are the harvests after it, in their order. What failed on TRIED_ON days is given up: it was told
    on each of them, and a source of which one part never works would else ask for more and more.
    """
    days = {one.astimezone(UTC).date(): one for one in reversed(list(tries))}
    first_tries = sorted(days.values())
    return first_tries[-TRIED_ON] if len(first_tries) >= TRIED_ON else whole


def liked_ids(connection: "Connection", profiles: Sequence[Profile]) -> tuple[tuple[str, ...], ...]:
    """Of each reader, the ids of the papers she likes, the latest last: of her files, then those said."""
    said = feedback.said_by_all(connection, [profile.name for profile in profiles])
    likes = {name: _of_verdict(Verdict.LIKE, words) for name, words in said.items()}
    return tuple(
        tuple(dict.fromkeys((*latest(load_liked(profile)).ids, *likes[profile.name]))) for profile in profiles
    )


def keep(
    connection: "Connection", harvested: Harvested, health: Health, at: datetime, *, kept: str = ""
) -> Harvest:
    """Store what one source gave, and how that went; `kept`: where its pages are, if somebody has to look."""
    fresh = papers.record_listings(connection, harvested.source, harvested.listings, at)
    done = Harvest(
        source=harvested.source,
        at=at,
        papers=harvested.papers,
        fresh=fresh,
        problem="; ".join(each_once(health.problems, harvested.source)) or None,
        state=health.state,
        kept=kept,
    )
    harvests.record_harvest(connection, done)
    harvests.record_readings(connection, harvested.source, health.readings)
    harvests.prune_readings(connection, (at - READINGS_FOR).date())
    return done


def keep_past(
    connection: "Connection", source: str, listing: Listing, *, window_days: int, at: datetime
) -> int:
    """Store a list of a day gone by; how many of its papers are new in the store.

    Within the window they arrive late; older ones count as seen on the day of their list, and are no news.
    It is no harvest: how the source stands today does not follow from it.
    """
    first_seen = datetime.combine(listing.day, time(), tzinfo=UTC) if listing.day else at
    if first_seen > at - timedelta(days=window_days):
        first_seen = at
    return papers.record_listings(connection, source, [listing], first_seen)


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedUp:
    """How asking for liked papers went: how many were found, and what ended the asking of some source."""

    found: int = 0
    problems: tuple[DigestError, ...] = ()


def fetch_liked(
    database: Database,
    wanted: Iterable[str],
    sources: Iterable[Source],
    web: Web,
    at: datetime,
) -> LookedUp:
    """Ask the sources for liked papers that no list brought, or only without an abstract; the first first.

    What all answered for is asked again after ASK_AGAIN, what a failing source did not, in the next run; at
    most MOST_LOOKED_UP papers a run, those with an arXiv id before those that few sources know.
    """
    return _fetch(database, to_look_up(database, wanted, at), sources, web, at)


def to_look_up(database: Database, wanted: Iterable[str], at: datetime) -> list[str]:
    """The liked papers that `fetch_liked` would ask for now."""
    by_arxiv_first = sorted(dict.fromkeys(wanted), key=lambda one: not is_arxiv_id(one))
    with database.read() as connection:
        asked = papers.looked_up(connection, at - ASK_AGAIN)
        stored = papers.find_papers(connection, by_arxiv_first)
    known = {identifier for identifier, paper in stored.items() if paper.abstract}
    return [one for one in by_arxiv_first if one not in known and one not in asked][:MOST_LOOKED_UP]


def fetch_paper(
    database: Database,
    identifier: str,
    sources: Iterable[Source],
    web: Web,
    at: datetime,
) -> LookedUp:
    """Ask the sources for one paper, whenever they were asked before, and store it."""
    return _fetch(database, [identifier], sources, web, at)


def _fetch(
    database: Database,
    unknown: Sequence[str],
    sources: Iterable[Source],
    web: Web,
    at: datetime,
) -> LookedUp:
    if not unknown:
        return LookedUp()
    found: dict[str, Entry] = {}
    problems: list[DigestError] = []
    for source in sources:
        try:
            for identifier in unknown:
                if identifier not in found and (entry := _look_up(source, identifier, web, at)):
                    found[identifier] = entry
        except DigestError as problem:
            problems.append(problem)
    with database.begin() as connection:
        keep_liked(connection, found.values())
        papers.record_lookups(connection, found if problems else unknown, at)
    return LookedUp(found=len(found), problems=tuple(problems))


def keep_liked(connection: "Connection", entries: Iterable[Entry]) -> None:
    """Store papers that no list brought; they are news when one does."""
    papers.record_listings(connection, "liked", [Listing(layout="liked", entries=tuple(entries))], None)


def _look_up(source: Source, identifier: str, web: Web, at: datetime) -> Entry | None:
    try:
        return source.read_paper(web, identifier, at=at)
    except MissingError:
        return None


def stored_shelf(
    connection: "Connection",
    sources: Mapping[str, bool],
    *,
    window_days: int,
    now: datetime,
    model: str | None = None,
) -> Shelf:
    """The shelf of what is stored: papers first seen in the last `window_days` days before `now`.

    Its notes are of those `sources` (by name) whose last harvest in that time was not as it should be, and of
    lists that were short. Incomplete are today's lists that still grow (its value says whether a
    source's do), and those of sources that failed. With an embedding `model`, papers are compared by its
    vectors, too.
    """
    since = now - timedelta(days=window_days)
    last = [
        one for one in harvests.last_harvests(connection, since=since, until=now) if one.source in sources
    ]
    candidates = papers.recent_candidates(connection, since, now)
    shelf = shelf_among_stored(connection, candidates, now=now, model=model)
    lengths = [(one, _length(connection, one, now, grows=sources[one.source])) for one in last]
    short = [
        _partial(one, length)
        for one, length in lengths
        if length and one.state in _MAY_BE_SHORT and is_filling(length.papers, length.by_then)
    ]
    return replace(
        shelf,
        notes=(*(note for one in last for note in _note_of(connection, one)), *short),
        incomplete=tuple(
            _partial(one, length)
            for one, length in lengths
            if sources[one.source] and length and is_filling(length.papers, length.whole)
        )
        + tuple(note for one in last for note in _awaited(connection, one, now)),
    )


WINDOWS = (8, 16, 36, MOST_DAYS)
"""Days: how far back the shelves begin of those who look back further than usual, so that they are few. From
one first Monday to the next are 35 days, and a part of one: no monthly reader needs more as a rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelves:
    """The shelves of one moment: the usual one, and longer ones, each filled when the first reader needs it.

    A shelf follows from the store, the moment and the reader's window alone, whoever else is served. All of
    them stand in one corpus, which costs most, but where they hold papers that are not in it.
    """

    usual: Shelf
    window_days: int
    now: datetime
    model: str | None = None
    _longer: dict[int, Shelf] = field(default_factory=dict)
    _over: dict[tuple[int, Period], Shelf] = field(default_factory=dict)

    def editions(self, connection: "Connection", wanted: Sequence[tuple[Reader, date]]) -> list[Edition]:
        """The editions of these readers, in their order, each of its day."""
        placed = [self.placed(connection, reader, day) for reader, day in wanted]
        made: dict[int, Edition] = {}
        for shelf in {id(shelf): shelf for _, shelf in placed}.values():
            those = [n for n, (_, own) in enumerate(placed) if own is shelf]
            some = make_editions([(placed[n][0], wanted[n][1]) for n in those], shelf, now=self.now)
            made.update(zip(those, some, strict=True))
        return [made[n] for n in range(len(wanted))]

    def placed(self, connection: "Connection", reader: Reader, day: date) -> tuple[Reader, Shelf]:
        """The reader, before the shelf for the edition of a day."""
        since = window_of(reader, day, window_days=self.window_days, now=self.now)
        days = _days_back(self.now - since, self.window_days)
        shelf = self.usual if days == self.window_days else self._of(connection, days)
        period = period_of(reader.profile, day)
        if period:
            key = days, period
            shelf = self._over.get(key) or self._over.setdefault(key, shelf.over(period))
        return replace(reader, since=None if days == self.window_days else since), shelf

    def _of(self, connection: "Connection", days: int) -> Shelf:
        if days not in self._longer:
            candidates = papers.recent_candidates(connection, self.now - timedelta(days=days), self.now)
            corpus = self.usual.scope.corpus
            if all(one.paper.id in corpus.rows for one in candidates):
                shelf = shelf_in(corpus, candidates)
            else:
                shelf = shelf_among_stored(connection, candidates, now=self.now, model=self.model)
            notes, incomplete = self.usual.notes, self.usual.incomplete
            self._longer[days] = replace(shelf, notes=notes, incomplete=incomplete)
        return self._longer[days]


def _days_back(back: timedelta, usual: int) -> int:
    """The shortest of the shelves that reaches so far back."""
    longer = (days for days in WINDOWS if timedelta(days=days) >= back)
    return usual if back <= timedelta(days=usual) else next(longer)


def stored_shelves(
    connection: "Connection",
    sources: Mapping[str, bool],
    *,
    window_days: int,
    now: datetime,
    model: str | None = None,
) -> Shelves:
    """The same for readers of every window: daily, weekly and monthly ones, and those who were away."""
    usual = stored_shelf(connection, sources, window_days=window_days, now=now, model=model)
    return Shelves(usual=usual, window_days=window_days, now=now, model=model)


def _note_of(connection: "Connection", done: Harvest) -> Iterator[Note]:
    """What readers should know of a harvest; why it is so is the operator's matter, in `digest sources`."""
    if not done.problem:
        return
    is_lacking = not done.is_good and not (done.papers and done.state in _LACKS_SOME)
    day = harvests.last_list(connection, done.source, done.at) if is_lacking else None
    state = done.state if is_lacking else None
    yield Note(kind=NoteKind.SOURCE, name=done.source, day=done.at.date(), state=state, last_good=day)


_LACKS_SOME = (SourceState.PARTLY, SourceState.STRANGE)
"""With papers, such a source lacks only some of its lists."""
_MAY_BE_SHORT = (SourceState.FILLING, SourceState.PARTLY)
_GAVE_NONE = (SourceState.STALE, SourceState.DOWN, SourceState.STRANGE)
_HAS_LENGTH = (SourceState.FINE, SourceState.FILLING, SourceState.PARTLY)


def _length(connection: "Connection", done: Harvest, now: datetime, *, grows: bool) -> Length | None:
    """How long the newest list was at its last harvest; `None` if that was long ago, or failed.

    Of lists that grow, only this very day's: what others lack comes no more.
    """
    may_be_empty = grows and done.state is SourceState.QUIET  # it has not begun
    if not (done.state in _HAS_LENGTH or may_be_empty) or now - done.at > FRESH:
        return None
    length = length_of(harvests.readings_of(connection, done.source, until=done.at))
    if length is None or length.at != done.at:
        return None
    return length if not grows or length.day >= done.at.astimezone(UTC).date() else None


def _partial(done: Harvest, length: Length) -> Note:
    return Note(kind=NoteKind.PARTIAL, name=done.source, number=length.papers, usual=length.whole or 0)


def _awaited(connection: "Connection", done: Harvest, now: datetime) -> Iterator[Note]:
    """Of a source that failed: that its list of today is still to come, if it usually has one."""
    if done.state not in _GAVE_NONE or now - done.at > FRESH:
        return
    readings = harvests.readings_of(connection, done.source, until=done.at)
    today = done.at.astimezone(UTC).date()
    number = next((one.papers for one in reversed(readings) if one.day == today), 0)
    whole = usual_whole(readings, day=today)
    if whole and is_filling(number, whole):
        yield Note(kind=NoteKind.PARTIAL, name=done.source, state=done.state, number=number, usual=whole)


def shelf_among_stored(
    connection: "Connection",
    candidates: Sequence[Candidate],
    *,
    now: datetime,
    model: str | None = None,
) -> Shelf:
    """A shelf of these papers, measured against the latest MOST_STORED papers that lists brought."""
    stored = papers.latest_papers(connection, now, MOST_STORED)
    ids = [*(candidate.paper.id for candidate in candidates), *(paper.id for paper in stored)]
    known = vectors.stored_vectors(connection, model, ids) if model else {}
    if not model or len(known) < ENOUGH_EMBEDDED * len(set(ids)):
        # Papers with a vector measured against papers without would all look good.
        return make_shelf(candidates, stored=stored)
    judged = vectors.some_vectors(connection, model, most=4 * MOST_STORED)
    return make_shelf(candidates, stored=stored, vectors={**judged, **known})


def stored_reader(
    connection: "Connection",
    profile: Profile,
    *,
    day: date,
    said_until: datetime | None = None,
    embeds: bool = False,
) -> Reader:
    """What the store knows of a reader, for the edition of a day.

    Papers had on that very day count as not had: so an edition can be made again, to look at it; then
    `said_until` leaves out what the reader said after it was made. It does not bring back what the reader has
    changed since: only the last word on a paper is kept. `embeds`: whether there is an embedding model, so
    that the reader has to know if it was out of order.
    """
    wanted = [(profile, day)]
    until = said_until or moment(day + A_DAY, time(), profile.timezone)
    return stored_readers(connection, wanted, said_until=said_until, made_until=until, embeds=embeds)[0]


def stored_readers(
    connection: "Connection",
    wanted: Sequence[tuple[Profile, date]],
    *,
    said_until: datetime | None = None,
    made_until: datetime | None = None,
    embeds: bool = False,
) -> list[Reader]:
    """The same of many readers, each for a day, by a few queries for all of them: a hundred at once, say.

    `made_until` is for a look at days gone by: editions of later days that were made after it do not count.
    """
    known = _Known.of(connection, wanted, said_until, made_until)
    papers = _named_papers(connection, known)
    days = {day for _, day in wanted}
    notes = {day: _notes_of_tiers(connection, day) if embeds else () for day in days}
    return [_reader(profile, known, papers, notes=notes[day]) for profile, day in wanted]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What the store and their files hold of some readers, by the readers' names."""

    libraries: Mapping[str, Library]
    likes: Mapping[str, Sequence[str]]
    dislikes: Mapping[str, Sequence[str]]
    """Ids, the latest last."""
    seen: Mapping[str, frozenset[str]]
    last: Mapping[str, tuple[date, datetime]]

    @classmethod
    def of(
        cls,
        connection: "Connection",
        wanted: Sequence[tuple[Profile, date]],
        said_until: datetime | None,
        made_until: datetime | None,
    ) -> "_Known":
        before = {profile.name: day for profile, day in wanted}
        said = feedback.said_by_all(connection, before, said_until)
        return cls(
            libraries={profile.name: load_liked(profile) for profile, _ in wanted},
            likes={name: _of_verdict(Verdict.LIKE, words) for name, words in said.items()},
            dislikes={name: _of_verdict(Verdict.DISLIKE, words) for name, words in said.items()},
            seen=all_seen(connection, before, made_until),
            last=all_last_made(connection, before),
        )


def _of_verdict(verdict: Verdict, said: Iterable[feedback.Said]) -> list[str]:
    return [one.paper_id for one in said if one.verdict is verdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Papers:
    """Stored papers, by id and by title."""

    by_id: Mapping[str, Paper]
    titled: Mapping[str, tuple[Paper, ...]]


def _named_papers(connection: "Connection", known: _Known) -> _Papers:
    """Those that some readers' libraries name, and those that they spoke of."""
    ids = {one for library in known.libraries.values() for one in latest(library).ids}
    ids.update(one for likes in known.likes.values() for one in likes[-MOST_LIKED:])
    ids.update(one for dislikes in known.dislikes.values() for one in dislikes[-MOST_DISLIKED:])
    return _find(connection, ids, known.libraries.values())


def _find(connection: "Connection", ids: Iterable[str], libraries: Iterable[Library]) -> _Papers:
    by_id = papers.find_papers(connection, ids)
    lacking = (one.title for library in libraries for one in _lacking(latest(library), by_id))
    return _Papers(by_id=by_id, titled=papers.find_titled(connection, lacking))


def _reader(profile: Profile, known: _Known, stored: _Papers, *, notes: tuple[Note, ...]) -> Reader:
    name = profile.name
    library, likes, dislikes = known.libraries[name], known.likes[name], known.dislikes[name]
    yes = _in_order(stored, likes[-MOST_LIKED:], library)
    liked = complete(library, _of_library(stored, library), yes)
    disliked = _in_order(stored, dislikes[-MOST_DISLIKED:], library)
    named = (name for paper in (*liked.papers, *disliked) for name in identities(paper))
    no, last = frozenset(dislikes), known.last.get(name)
    return Reader(
        profile=profile,
        had=known.seen[name].union(library.ids, likes, dislikes, named),
        liked=tuple(paper for paper in liked.papers if paper.id not in no),
        disliked=disliked,
        notes=(*liked.notes, *notes),
        last=LastEdition(day=last[0], at=last[1]) if last else None,
    )


def _notes_of_tiers(connection: "Connection", day: date) -> tuple[Note, ...]:
    """That the tier which changes scores could do nothing lately; why, is the operator's to know."""
    return tuple(
        Note(kind=NoteKind.EMBEDDING, day=one.at.date())
        for one in last_tier_runs(connection)
        if one.name == "embedding" and one.ended and not one.papers
        if abs(one.at.date() - day) <= timedelta(days=1)
    )


def _of_library(stored: _Papers, library: Library) -> dict[str, Paper]:
    used = latest(library)
    known = {one: stored.by_id[one] for one in used.ids if one in stored.by_id}
    for one in _lacking(used, known):
        for found in stored.titled.get(title_identity(one.title), ()):
            if is_title_only(one.id):
                known.setdefault(one.id, found)
            elif found.abstract and not (is_arxiv_id(one.id) and is_arxiv_id(found.id)):
                known[one.id] = replace(known.get(one.id, one), abstract=found.abstract)
    return known


def _lacking(used: Library, known: Mapping[str, Paper]) -> list[Paper]:
    """Papers that have no real id, or no abstract that is known."""
    papers = used.papers.items()
    return [one for key, one in papers if is_title_only(key) or not _abstract(key, one, known)]


def _abstract(identifier: str, own: Paper, known: Mapping[str, Paper]) -> str | None:
    stored = known.get(identifier)
    return (stored.abstract if stored else None) or own.abstract


def _in_order(stored: _Papers, ids: Sequence[str], library: Library) -> tuple[Paper, ...]:
    """Papers that a reader spoke of; what only the reader's own files know, as they know it."""
    return tuple(filter(None, (completed(library, stored.by_id, identifier) for identifier in ids)))
