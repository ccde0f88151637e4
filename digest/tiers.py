"""The optional tiers: what models make of stored papers, kept, bounded, and never in an edition's way."""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from digest.embedding.protocol import Embedder, text_of
from digest.errors import DigestError, InputError, RefusedError
from digest.links import links_of, safe_link
from digest.model import Edition, Paper, SectionName, Summary
from digest.scoring.recipe import MOST_STORED
from digest.store import papers, summaries, vectors
from digest.store.database import Database
from digest.store.tiers import TierRun, record_tier_run
from digest.store.vectors import Embedded
from digest.summaries import Writer, asked

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")
FEW = 3
"""So many papers in a row that a model cannot do are no longer the papers' fault."""
EMBEDDING = "embedding"
SUMMARIES = "summaries"
SUMMARISED = (SectionName.PICKS, SectionName.LATE)

Tell = Callable[[int, int], None]
"""Hears how many papers are done, of how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a tier may take of a run, and who hears how far it is."""

    max_papers: int
    total_s: float = math.inf
    tell: Tell = lambda _done, _of: None
    monotonic: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What a tier did: for how many papers, and what ended it early or left papers out, if anything."""

    count: int = 0
    left_out: int = 0
    problem: DigestError | None = None
    """The last one."""
    ended: bool = False
    """Whether it ended the run: it is the model's, not one of a paper that was left out."""

    @property
    def told(self) -> str | None:
        """The problem, for the operator."""
        if self.problem is None:
            return None
        if not _is_of_a_text(self.problem):
            return str(self.problem)
        papers = "1 paper was" if self.left_out == 1 else f"{self.left_out} papers were"
        then = ", and the run given up" if self.ended else ""
        of_which = "" if self.left_out == 1 else "of the last, "
        at = f" ({self.problem.where})" if self.problem.where else ""
        what = f"{papers} left out until the next run{then}; {of_which}{self.problem.what}{at}"
        return str(DigestError(what, fix=self.problem.fix))


def record(database: Database, name: str, filled: Filled, at: datetime) -> None:
    """Keep how a tier fared, for `digest status`."""
    done = TierRun(name=name, at=at, papers=filled.count, problem=filled.told, ended=filled.ended)
    with database.begin() as connection:
        record_tier_run(connection, done)


Attempts = Iterator[tuple[int, T | DigestError]]
"""How many papers were tried so far, and what came of the latest of them."""


def _fill(attempts: Attempts[T], keep: Callable[[T], int], of: int, run: Run) -> Filled:
    """Keep what succeeds, until a problem is not one paper's own: of its kind, or as the FEWth in a row."""
    count, left_out, in_a_row, problem = 0, 0, 0, None
    for tried, done in attempts:
        if not isinstance(done, DigestError):
            count, in_a_row = count + keep(done), 0
            run.tell(count, of)
            continue
        problem, left_out, in_a_row = done, left_out + 1, in_a_row + 1
        # If they are all there was to do, as what earlier runs left out, they say nothing of the model.
        if not _is_of_a_text(done) or (in_a_row == FEW and tried < of):
            return Filled(count=count, left_out=left_out, problem=problem, ended=True)
    return Filled(count=count, left_out=left_out, problem=problem)


def _is_of_a_text(done: object) -> bool:
    """Whether a problem may be that of one paper, which another does not have."""
    return isinstance(done, InputError | RefusedError)


def _late(tier: str, done: int, of: int, total_s: float) -> DigestError:
    fix = f"The next run goes on; total_s under [{tier}] gives it more time"
    return DigestError(f"{total_s:g} s were over after {done} of {of} papers", fix=fix)


# ---------------------------------------------------------------- embeddings


def embeddable(
    connection: "Connection", judged: Iterable[str], *, window_days: int, now: datetime
) -> tuple[Paper, ...]:
    """The stored papers that scoring compares: the window's, newest first; those judged; the others."""
    recent = papers.recent_candidates(connection, now - timedelta(days=window_days), now)
    newest = sorted(recent, key=lambda one: (one.first_seen, one.paper.id), reverse=True)
    chosen = {one.paper.id: one.paper for one in newest} | papers.find_papers(connection, judged)
    others = papers.latest_papers(connection, now, MOST_STORED)
    return tuple({one.id: one for one in (*chosen.values(), *others)}.values())


def fill_vectors(database: Database, embedder: Embedder, wanted: Iterable[Paper], run: Run) -> Filled:
    """Embed those of the papers that have no vector of this model and their present text, the first first.

    What is done is kept batch by batch. A text that the model cannot do is left out until the next run; a
    model that is out of reach, or fails FEW texts in a row, ends this one.
    """
    texts = {paper.id: text_of(paper) for paper in wanted}
    try:
        model = embedder.model
    except DigestError as none:
        return Filled(problem=none, ended=True)
    with database.read() as connection:
        to_do = vectors.missing(connection, model, texts)[: run.max_papers]

    def keep(done: tuple[Embedded, ...]) -> int:
        with database.begin() as connection:
            vectors.record_vectors(connection, model, done)
        return len(done)

    to_embed = [(identifier, texts[identifier]) for identifier in to_do]
    return _fill(_embedded(embedder, to_embed, run), keep, len(to_do), run)


def _embedded(
    embedder: Embedder, texts: Sequence[tuple[str, str]], run: Run
) -> Attempts[tuple[Embedded, ...]]:
    """Each batch's vectors, or what went wrong; one by one, where one of the texts spoilt its batch."""
    end = run.monotonic() + run.total_s

    def attempt(start: int, size: int) -> tuple[Embedded, ...] | DigestError:
        left_s = end - run.monotonic()
        if left_s <= 0:
            return _late(EMBEDDING, start, len(texts), run.total_s)
        return _embed(embedder, texts[start : start + size], left_s)

    for start in range(0, len(texts), embedder.batch_size):
        size = min(embedder.batch_size, len(texts) - start)
        whole = attempt(start, size)
        if size == 1 or not _is_of_a_text(whole):
            yield start + size, whole
            continue
        for place in range(start, start + size):
            yield place + 1, attempt(place, 1)


def _embed(
    embedder: Embedder, batch: Sequence[tuple[str, str]], within_s: float
) -> tuple[Embedded, ...] | DigestError:
    try:
        rows = embedder.embed([text for _, text in batch], within_s=within_s)
    except DigestError as problem:
        return problem
    return tuple(
        Embedded(paper_id=identifier, text=text, vector=row)
        for (identifier, text), row in zip(batch, rows, strict=True)
    )


# ---------------------------------------------------------------- summaries


def fill_summaries(
    database: Database, writer: Writer, editions: Iterable[Edition], now: datetime, run: Run
) -> Filled:
    """Let a model summarise what the editions pick, as far as it has not yet: what most readers get first.

    A paper that the model fails is left out; a model that is out of reach, or fails FEW papers in a row, ends
    it. What is left out is shown by its excerpt, as without a model.
    """
    to_do = _without_summary(database, writer, _by_readers(editions))[: run.max_papers]

    def keep(done: tuple[Paper, Summary]) -> int:
        paper, summary = done
        with database.begin() as connection:
            summaries.record_summary(connection, paper.id, asked(writer, paper), summary, now)
        return 1

    return _fill(_written(writer, to_do, run), keep, len(to_do), run)


def _written(writer: Writer, to_do: Sequence[Paper], run: Run) -> Attempts[tuple[Paper, Summary]]:
    """Each paper with its summary, or what went wrong."""
    end = run.monotonic() + run.total_s
    for place, paper in enumerate(to_do):
        left_s = end - run.monotonic()
        late = _late(SUMMARIES, place, len(to_do), run.total_s)
        done = _write(writer, paper, left_s) if left_s > 0 else late
        yield place + 1, done if isinstance(done, DigestError) else (paper, done)


def _write(writer: Writer, paper: Paper, within_s: float) -> Summary | DigestError:
    try:
        return writer.write(paper, within_s=within_s)
    except DigestError as problem:
        return problem


def _by_readers(editions: Iterable[Edition]) -> list[Paper]:
    """The papers with a card whose abstract is known, and one click away; those of most readers first."""
    readers: Counter[str] = Counter()
    picked: dict[str, Paper] = {}
    for one in editions:
        papers_of_one = [pick.paper for name in SUMMARISED for pick in one.section(name)]
        readers.update(paper.id for paper in papers_of_one)
        picked.update((paper.id, paper) for paper in papers_of_one)
    told = {
        one.id: one for one in picked.values() if one.abstract and (links_of(one.id) or safe_link(one.url))
    }
    return sorted(told.values(), key=lambda paper: -readers[paper.id])


def _without_summary(database: Database, writer: Writer, wanted: Sequence[Paper]) -> list[Paper]:
    with database.read() as connection:
        known = known_summaries(connection, writer, wanted)
    return [paper for paper in wanted if paper.id not in known]


def known_summaries(
    connection: "Connection", writer: Writer, wanted: Iterable[Paper]
) -> Mapping[str, Summary]:
    """What this writer has said of the papers, as they are now."""
    return summaries.stored_summaries(connection, {paper.id: asked(writer, paper) for paper in wanted})


def with_summaries(edition: Edition, written: Mapping[str, Summary]) -> Edition:
    """The edition with a summary for each pick that has one; nothing else of it changes."""
    if not written:
        return edition
    sections = tuple(
        replace(one, picks=tuple(replace(pick, summary=written.get(pick.paper.id)) for pick in one.picks))
        for one in edition.sections
    )
    return replace(edition, sections=sections)
