"""The program on one page: sources are read, papers scored, an edition made, its message composed."""

from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from digest.errors import DigestError
from digest.identity import collect
from digest.library.mentions import load_mentions
from digest.message import compose
from digest.model import Candidate, Edition, Listing, Message, Outcome, Paper, Pick, Profile, Sender
from digest.outcome import has_message
from digest.rendering.renderer import Renderer
from digest.scoring.scorer import Corpus, read_papers, score, taste_of
from digest.scoring.similarity import shared
from digest.selection import select
from digest.sources.registry import Source
from digest.trend import with_trends


@dataclass(frozen=True, slots=True, kw_only=True)
class Harvested:
    """What one source gave: its lists, and what went wrong with some or all of them."""

    source: str
    listings: tuple[Listing, ...]
    problems: tuple[DigestError, ...]


def harvest(source: Source, get: Callable[[str], bytes], *, today: date, at: datetime) -> Harvested:
    """Read one source whole; what goes wrong is a value, so that no source stops another."""
    found: list[Listing | DigestError] = []
    try:
        found.extend(source.read(get, today=today, at=at))
    except DigestError as problem:
        found.append(problem)
    return Harvested(
        source=source.name,
        listings=tuple(one for one in found if isinstance(one, Listing)),
        problems=tuple(one for one in found if isinstance(one, DigestError)),
    )


# ---------------------------------------------------------------- the papers of a day


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """The papers an edition may choose from, read once for all readers, and what to know of their sources."""

    candidates: tuple[Candidate, ...]
    corpus: Corpus
    notes: tuple[str, ...] = ()
    """What readers should know of today's sources; any note means that some source failed."""

    def narrowed(self, candidates: Iterable[Candidate]) -> "Shelf":
        """The same shelf with only some of its papers to choose from."""
        return replace(self, candidates=tuple(candidates))

    def likeness(self, one: str, other: str) -> float:
        """How alike two papers on the shelf are, 0..1."""
        readings = self.corpus.readings
        return sum(shared(readings[one].vector, readings[other].vector).values())


def make_shelf(candidates: Iterable[Candidate], notes: Iterable[str] = ()) -> Shelf:
    """Read and rank what there is."""
    ranked = with_trends(candidates)
    return Shelf(
        candidates=ranked, corpus=read_papers(candidate.paper for candidate in ranked), notes=tuple(notes)
    )


def shelf_of_listings(harvested: Iterable[Harvested], at: datetime) -> Shelf:
    """The shelf of what was just read, without a store."""
    done = tuple(harvested)
    candidates = collect((listing for one in done for listing in one.listings), at)
    return make_shelf(candidates, (note_of(one.source, at) for one in done if one.problems))


def note_of(source: str, at: datetime) -> str:
    """A failed source in the reader's line; why it failed is the operator's, in `digest status`."""
    return f"The source {source} could not be read completely on {at:%Y-%m-%d}, so papers may be missing."


# ---------------------------------------------------------------- the edition of a reader


def day_of(profile: Profile, now: datetime) -> date:
    """The reader's local date."""
    return now.astimezone(ZoneInfo(profile.timezone)).date()


def date_of(profile: Profile, day: date, now: datetime) -> datetime:
    """The moment an edition carries: the reader's hour of that day, or the last full hour if that is to come.

    So a preview in the evening and the mail of the morning are the same bytes. By way of UTC, as an hour that
    a change of clocks leaves out is no moment in its own zone.
    """
    zone = ZoneInfo(profile.timezone)
    due = datetime.combine(day, profile.send_at, tzinfo=zone).astimezone(UTC)
    full_hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return (due if due <= now else full_hour).astimezone(zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A profile, and what is known of its reader."""

    profile: Profile
    had: Set[str] = frozenset()
    """Ids of papers the reader has had in earlier editions."""
    liked: tuple[Paper, ...] = ()
    """The papers the profile names, as far as they are known."""
    disliked: tuple[Paper, ...] = ()
    """The papers the reader said no to, as far as they are known."""
    notes: tuple[str, ...] = ()
    """What the reader should know of the own files."""


def liked_ids(profile: Profile) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The papers a profile names, in itself and in its files; and a note for each unreadable file."""
    read = [load_mentions(path) for path in profile.liked_files]
    notes = tuple(f"liked papers: {problem}" for problem in read if isinstance(problem, DigestError))
    mentioned = (identifier for ids in read if isinstance(ids, tuple) for identifier in ids)
    return tuple(dict.fromkeys((*profile.liked, *mentioned))), notes


def make_edition(reader: Reader, shelf: Shelf, *, day: date, now: datetime) -> Edition:
    """What a reader's edition of that day says: a pure function of all it is given."""
    profile = reader.profile
    scored = score_shelf(reader, shelf)
    chosen = select(scored, profile, shelf.likeness)
    return Edition(
        profile=profile,
        day=day,
        at=date_of(profile, day, now),
        outcome=_outcome(scored, profile, bool(shelf.notes)),
        considered=len(scored),
        sections=chosen.sections,
        misses=chosen.misses,
        notes=(*shelf.notes, *reader.notes),
    )


def score_shelf(reader: Reader, shelf: Shelf) -> tuple[Pick, ...]:
    """Every paper on the shelf that this reader has not had, with its score."""
    taste = taste_of(reader.profile, reader.liked, shelf.corpus.known)
    return tuple(
        Pick(candidate=candidate, score=score(shelf.corpus.readings[candidate.paper.id], taste))
        for candidate in shelf.candidates
        if candidate.paper.id not in reader.had
    )


def _outcome(scored: tuple[Pick, ...], profile: Profile, source_failed: bool) -> Outcome:
    if any(pick.score.followed or pick.score.value >= profile.threshold for pick in scored):
        return Outcome.READY
    if scored:
        return Outcome.QUIET
    return Outcome.SOURCE_DOWN if source_failed else Outcome.NO_LIST


def make_message(edition: Edition, renderer: Renderer, sender: Sender) -> Message | None:
    """The edition as it goes out; `None` if this reader does not want to hear of such a day."""
    if not has_message(edition):
        return None
    rendered = renderer.render(edition, sender)
    return compose(rendered.subject, rendered.text, rendered.html, edition=edition, sender=sender)
