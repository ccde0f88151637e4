"""The optional tiers: what models make of stored papers, kept, bounded, and never in an edition's way."""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

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

FEW = 3
"""So many papers in a row that a model cannot do are no longer the papers' fault."""
EMBEDDING = "embedding"
SUMMARIES = "summaries"

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
    problem: DigestError | None = None


def record(database: Database, name: str, filled: Filled, at: datetime) -> None:
    """Keep how a tier fared, for `digest status`."""
    problem = str(filled.problem) if filled.problem else None
    with database.begin() as connection:
        record_tier_run(connection, TierRun(name=name, at=at, papers=filled.count, problem=problem))


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
        return Filled(problem=none)
    with database.read() as connection:
        to_do = vectors.missing(connection, model, texts)[: run.max_papers]
    count, problem = 0, None
    for done in _embedded(embedder, [(identifier, texts[identifier]) for identifier in to_do], run):
        if isinstance(done, DigestError):
            problem = done
            continue
        with database.begin() as connection:
            vectors.record_vectors(connection, model, done)
        count += len(done)
        run.tell(count, len(to_do))
    return Filled(count=count, problem=problem)


def _embedded(
    embedder: Embedder, texts: Sequence[tuple[str, str]], run: Run
) -> Iterator[tuple[Embedded, ...] | DigestError]:
    """Each batch's vectors, or what went wrong; ends with the first problem that is not one text's own."""
    end = run.monotonic() + run.total_s
    for start in range(0, len(texts), embedder.batch_size):
        if run.monotonic() >= end:
            yield _late(EMBEDDING, start, len(texts), run.total_s)
            return
        batch = texts[start : start + embedder.batch_size]
        whole = _embed(embedder, batch)
        parts = _apart(embedder, batch) if _is_of_a_text(whole) else [whole]
        failed = 0
        for part in parts:
            yield part
            failed = failed + 1 if isinstance(part, DigestError) else 0
            if failed == FEW or (failed and not _is_of_a_text(part)):
                return


def _apart(
    embedder: Embedder, batch: Sequence[tuple[str, str]]
) -> Iterator[tuple[Embedded, ...] | DigestError]:
    """The texts of a batch one by one, as one of them spoilt it."""
    return (_embed(embedder, [one]) for one in batch)


def _embed(embedder: Embedder, batch: Sequence[tuple[str, str]]) -> tuple[Embedded, ...] | DigestError:
    try:
        rows = embedder.embed([text for _, text in batch])
    except DigestError as problem:
        return problem
    return tuple(
        Embedded(paper_id=identifier, text=text, vector=row)
        for (identifier, text), row in zip(batch, rows, strict=True)
    )


def _late(tier: str, done: int, of: int, total_s: float) -> DigestError:
    fix = f"The next run goes on; total_s under [{tier}] gives it more time"
    return DigestError(f"{total_s:g} s were over after {done} of {of} papers", fix=fix)


def _is_of_a_text(done: object) -> bool:
    """Whether a problem may be that of one paper, which another does not have."""
    return isinstance(done, InputError | RefusedError)


# ---------------------------------------------------------------- summaries


def fill_summaries(
    database: Database, writer: Writer, editions: Iterable[Edition], now: datetime, run: Run
) -> Filled:
    """Let a model summarise what the editions pick, as far as it has not yet: what most readers get first.

    A paper that the model fails is left out; a model that is out of reach, or fails FEW papers in a row, ends
    it. What is left out is shown by its excerpt, as without a model.
    """
    to_do = _without_summary(database, writer, _by_readers(editions))[: run.max_papers]
    count, problem = 0, None
    for paper, done in _written(writer, to_do, run):
        if isinstance(done, DigestError):
            problem = done
            continue
        with database.begin() as connection:
            summaries.record_summary(connection, paper.id, asked(writer, paper), done, now)
        count += 1
        run.tell(count, len(to_do))
    return Filled(count=count, problem=problem)


def _written(
    writer: Writer, to_do: Sequence[Paper], run: Run
) -> Iterator[tuple[Paper, Summary | DigestError]]:
    """Each paper's summary, or what went wrong; ends with a problem that is not one paper's own."""
    end = run.monotonic() + run.total_s
    failed = 0
    for place, paper in enumerate(to_do):
        left_s = end - run.monotonic()
        if left_s > 0:
            done = _write(writer, paper, left_s)
        else:
            done = _late(SUMMARIES, place, len(to_do), run.total_s)
        yield paper, done
        failed = failed + 1 if isinstance(done, DigestError) else 0
        if failed == FEW or (failed and not _is_of_a_text(done)):
            return


def _write(writer: Writer, paper: Paper, within_s: float) -> Summary | DigestError:
    try:
        return writer.write(paper, within_s=within_s)
    except DigestError as problem:
        return problem


def _by_readers(editions: Iterable[Edition]) -> list[Paper]:
    """The papers picked whose abstract is known, and one click away; those of most readers first."""
    picked = [pick.paper for one in editions for pick in one.section(SectionName.PICKS)]
    readers = Counter(paper.id for paper in picked)
    told = {one.id: one for one in picked if one.abstract and (links_of(one.id) or safe_link(one.url))}
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
