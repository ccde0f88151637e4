"""The program on one page: sources are read, papers scored, an edition made, its message composed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from digest.gathering import collect
from digest.harvest import Harvested
from digest.message import compose
from digest.model import (
    Candidate,
    Edition,
    Message,
    Note,
    NoteKind,
    Outcome,
    Paper,
    Period,
    Pick,
    Profile,
    Sender,
    Stretch,
)
from digest.outcome import has_message
from digest.rendering.renderer import Renderer
from digest.schedule import A_DAY, MOST_DAYS, edition_days, local_day, moment, period_of
from digest.scoring.corpus import Corpus, Vector, read_papers
from digest.scoring.literal import Index
from digest.scoring.reasons import Explainer, explainers
from digest.scoring.scope import Scope
from digest.scoring.scorer import Scored, score_all
from digest.scoring.taste import Taste, taste_of
from digest.selection import NOTHING_LATE, LastEdition, arrived_late, select
from digest.trend import day_listed, with_trends
from digest.twins import find_twins

# ---------------------------------------------------------------- the papers of a day


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """The papers an edition may choose from, read once for all readers, and what to know of their sources."""

    candidates: tuple[Candidate, ...]
    scope: Scope
    """Where they are scored: it knows everything stored."""
    index: Index
    notes: tuple[Note, ...] = ()
    """What readers should know of today's sources."""
    incomplete: tuple[Note, ...] = ()
    """The lists that have not reached their day's usual number, for readers who wait for them: `partial`."""
    twins: Mapping[str, str] = field(default_factory=dict)
    """The papers that others say almost the same as, each with the name of its group."""

    def narrowed(self, candidates: Iterable[Candidate]) -> "Shelf":
        """The same shelf with only some of its papers to choose from."""
        return replace(self, candidates=tuple(candidates))

    def after(self, since: datetime | None) -> "Shelf":
        """The same shelf without what was first seen until then."""
        return self.narrowed(one for one in self.candidates if one.first_seen > since) if since else self

    def over(self, period: Period | None) -> "Shelf":
        """The same shelf with the votes of a period's papers compared with all of them."""
        return replace(self, candidates=with_trends(self.candidates, period)) if period else self

    def likeness(self, one: str, other: str) -> float:
        """How alike the words of two papers on the shelf are, 0..1."""
        return self.scope.likeness(one, other)


def make_shelf(
    candidates: Iterable[Candidate],
    notes: Iterable[Note] = (),
    *,
    stored: Iterable[Paper] = (),
    vectors: Mapping[str, Vector] | None = None,
) -> Shelf:
    """Read and rank what there is, among everything else that is `stored`.

    `vectors` are embeddings by paper id, where there is a model: papers without one are known by words alone.
    """
    found = tuple(candidates)
    corpus = read_papers([*(one.paper for one in found), *stored], vectors=vectors)
    return replace(shelf_in(corpus, found), notes=tuple(notes))


def shelf_in(corpus: Corpus, candidates: Iterable[Candidate]) -> Shelf:
    """A shelf of papers that all stand in a corpus which was read before."""
    ranked = with_trends(candidates)
    papers = [candidate.paper for candidate in ranked]
    scope = Scope(corpus, np.array([corpus.rows[paper.id] for paper in papers], np.intp))
    index = Index(scope, np.arange(len(papers)))
    return Shelf(candidates=ranked, scope=scope, index=index, twins=find_twins(papers, scope.likeness))


def shelf_of_listings(harvested: Iterable[Harvested], at: datetime) -> Shelf:
    """The shelf of what was just read, without a store."""
    done = tuple(harvested)
    candidates = collect((listing for one in done for listing in one.listings), at)
    notes = (Note(kind=NoteKind.SOURCE, name=one.source, day=at.date()) for one in done if one.problems)
    return make_shelf(candidates, notes)


# ---------------------------------------------------------------- the edition of a reader


def date_of(profile: Profile, day: date, now: datetime) -> datetime:
    """The moment an edition carries: the reader's hour of that day, or the last full hour if that is to come.

    So a preview in the evening and the mail of the morning are the same bytes.
    """
    zone, due = ZoneInfo(profile.timezone), moment(day, profile.send_at, profile.timezone)
    full_hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return (due if due <= now else full_hour).astimezone(zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A profile, and what is known of its reader."""

    profile: Profile
    had: Set[str] = frozenset()
    """Ids of papers that are no news: had in earlier editions, liked, or said no to."""
    liked: tuple[Paper, ...] = ()
    """The papers the profile names or the reader said yes to, as far as they are known; the latest last."""
    disliked: tuple[Paper, ...] = ()
    """The papers the reader said no to, the latest last."""
    notes: tuple[Note, ...] = ()
    """What the reader should know of the own files."""
    last: LastEdition | None = None
    """The last edition before the one to be made; what it missed arrives late. `None`: nothing does."""
    since: datetime | None = None
    """Papers first seen until then are not looked at. `None`: all of the shelf are."""


def window_of(reader: Reader, day: date, *, window_days: int, now: datetime) -> datetime:
    """Since when papers were first seen that an edition of this day is to look at.

    That is the usual `window_days`, longer ago if the last edition was, or if the period begins before; but
    MOST_DAYS at most.
    """
    profile, usual = reader.profile, now - timedelta(days=window_days)
    period = period_of(profile, day)
    begins = moment(period.first, time(), profile.timezone) if period else usual
    last = reader.last.at if reader.last else usual
    return min(usual, max(min(begins, last), now - timedelta(days=MOST_DAYS)))


def make_edition(reader: Reader, shelf: Shelf, *, day: date, now: datetime) -> Edition:
    """What a reader's edition of that day says: a pure function of all it is given."""
    return make_editions([(reader, day)], shelf, now=now)[0]


def make_editions(wanted: Sequence[tuple[Reader, date]], shelf: Shelf, *, now: datetime) -> list[Edition]:
    """The editions of many readers, each of its day: the same as one by one, at a tenth of the cost.

    A hundred at once cost little memory (10 MB) and almost as little time as thousands.
    """
    judged = _judge([reader for reader, _ in wanted], shelf)
    return [_edition(one, day, now) for one, (_, day) in zip(judged, wanted, strict=True)]


def _edition(judged: "_Judged", day: date, now: datetime) -> Edition:
    reader, shelf, profile, last = judged.reader, judged.shelf, judged.reader.profile, judged.reader.last
    late = arrived_late(shelf.candidates, last) if last else NOTHING_LATE
    n_new = sum(not last.knew(one.candidate) for one in judged.picks) if last else None
    chosen = select(judged.picks, profile, shelf.likeness, shelf.twins, late)
    sections = (replace(one, picks=tuple(map(judged.explained, one.picks))) for one in chosen.sections)
    notes, since = _notes(shelf, profile), _since(reader, day)
    period = _looked_over(judged, period_of(profile, day), since, now)
    return Edition(
        profile=profile,
        day=day,
        at=date_of(profile, day, now),
        outcome=_outcome(judged, is_news=n_new != 0, source_failed=_has_failed(notes)),
        considered=len(judged.picks),
        n_new=n_new,
        sections=tuple(sections),
        misses=tuple(map(judged.explained, chosen.misses)),
        notes=(*notes, *reader.notes),
        period=period,
        chart=_chart(judged, period) if period else (),
        since=since,
        n_had=judged.n_had,
    )


def _since(reader: Reader, day: date) -> date | None:
    """The first day looked at, where that is longer ago than the reader's days ask for."""
    if reader.since is None or reader.last is None:
        return None
    first = local_day(reader.profile.timezone, reader.since)
    usual = period_of(reader.profile, day)
    if usual:
        return first if first < usual.first else None
    # Who reads once a week has no edition between, and was not away.
    return first if any(edition_days(reader.profile, first + A_DAY, day - A_DAY)) else None


def _looked_over(
    judged: "_Judged", period: Period | None, since: date | None, now: datetime
) -> Period | None:
    """The period with the days around it that are looked at, too, up to the last list that is there."""
    if period is None:
        return None
    today = local_day(judged.reader.profile.timezone, now)
    listed = (day_listed(pick.candidate) for pick in judged.picks)
    last = max((day for day in listed if day <= today), default=period.last)
    return replace(period, first=since or period.first, last=max(period.last, last))


def _chart(judged: "_Judged", period: Period) -> tuple[Stretch, ...]:
    """How many of the papers considered each day, or week, has on its lists, and how many matched."""
    threshold = judged.reader.profile.threshold
    listed, matched = Counter[date](), Counter[date]()
    for pick in judged.picks:
        day = day_listed(pick.candidate)
        listed[day] += 1
        matched[day] += pick.score.followed or pick.score.value >= threshold
    return tuple(
        Stretch(
            first=days[0],
            last=days[-1],
            listed=sum(listed[day] for day in days),
            matched=sum(matched[day] for day in days),
        )
        for days in stretches(period)
    )


MOST_ROWS = 14
"""Days: a chart of more has a row a week."""


def stretches(period: Period) -> Iterator[Sequence[date]]:
    """The days one by one, or by sevens where they are more than MOST_ROWS; the last may be fewer."""
    days = [period.first + timedelta(days=n) for n in range((period.last - period.first).days + 1)]
    together = 1 if len(days) <= MOST_ROWS else 7
    return (days[start : start + together] for start in range(0, len(days), together))


def _notes(shelf: Shelf, profile: Profile) -> tuple[Note, ...]:
    """All are told of a list that is shorter than usual at that hour; who waited for one, if it is not whole.

    That a source failed is a note of its own.
    """
    if profile.wait_until is None:
        return shelf.notes
    told = {one.name for one in shelf.notes if one.kind is NoteKind.PARTIAL}
    waited = (one for one in shelf.incomplete if one.state is None and one.name not in told)
    return (*shelf.notes, *waited)


def score_shelf(reader: Reader, shelf: Shelf) -> tuple[Pick, ...]:
    """Every paper on the shelf that this reader has not had, with its score and the reasons of it."""
    (judged,) = _judge([reader], shelf)
    return tuple(map(judged.explained, judged.picks))


def score_briefly(reader: Reader, shelf: Shelf) -> tuple[Pick, ...]:
    """The same without the reasons, which cost most of the time."""
    (scored,) = score_all(shelf.scope, shelf.index, [_taste(reader)])
    return _picks(reader, shelf, scored)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """The papers of a shelf with their scores for one reader, whose reasons are told for those that ask."""

    reader: Reader
    shelf: Shelf
    explainer: Explainer
    picks: tuple[Pick, ...]

    @property
    def n_had(self) -> int:
        """How many papers of the reader's window are no news to her."""
        return len(self.shelf.after(self.reader.since).candidates) - len(self.picks)

    @property
    def places(self) -> Mapping[str, int]:
        """Where the papers of the shelf stand among the scores."""
        return self.shelf.scope.places

    def explained(self, pick: Pick) -> Pick:
        """The same pick with the reasons of its score."""
        score = self.explainer.explain(self.places[pick.paper.id])
        return Pick(candidate=pick.candidate, score=score, twins=pick.twins, summary=pick.summary)


def _judge(readers: Sequence[Reader], shelf: Shelf) -> list[_Judged]:
    tastes = list(map(_taste, readers))
    scored = score_all(shelf.scope, shelf.index, tastes)
    explained = explainers(shelf.scope, shelf.index, tastes, scored)
    return [
        _Judged(
            reader=reader,
            shelf=shelf,
            explainer=explainer,
            picks=_picks(reader, shelf, one),
        )
        for reader, one, explainer in zip(readers, scored, explained, strict=True)
    ]


def _taste(reader: Reader) -> Taste:
    return taste_of(reader.profile, reader.liked, reader.disliked)


def _picks(reader: Reader, shelf: Shelf, scored: Scored) -> tuple[Pick, ...]:
    places, had = shelf.scope.places, reader.had
    scores = scored.all_briefly(len(places))
    return tuple(
        [
            Pick(candidate=candidate, score=scores[places[candidate.paper.id]])
            for candidate in shelf.after(reader.since).candidates
            if candidate.paper.id not in had
        ]
    )


def _has_failed(notes: Iterable[Note]) -> bool:
    return any(one.kind is NoteKind.SOURCE for one in notes)


def _outcome(judged: _Judged, *, is_news: bool, source_failed: bool) -> Outcome:
    """A day is quiet if something new was looked at; what the last edition passed over is no news."""
    threshold = judged.reader.profile.threshold
    if any(pick.score.followed or pick.score.value >= threshold for pick in judged.picks):
        return Outcome.READY
    if source_failed and not (judged.picks and is_news):
        return Outcome.SOURCE_DOWN
    return Outcome.QUIET if judged.picks else Outcome.NO_LIST


def make_message(edition: Edition, renderer: Renderer, sender: Sender) -> Message | None:
    """The edition as it goes out; `None` if this reader does not want to hear of such a day."""
    if not has_message(edition):
        return None
    rendered = renderer.render(edition, sender)
    return compose(rendered.subject, rendered.text_part, rendered.html_part, edition=edition, sender=sender)
