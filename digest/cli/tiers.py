"""The optional tiers in a run: what they do, said and recorded; what goes wrong with them stops nothing."""

import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING

from digest.cli import setup
from digest.cli.screen import counting, say, warn
from digest.cli.world import World
from digest.config import Configuration
from digest.errors import DigestError
from digest.model import Edition, Paper, Summary
from digest.outcome import day_of
from digest.rendering.phrases import counted

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from digest.store.database import Database
    from digest.tiers import Filled


def embed(loaded: Configuration, database: "Database", world: World) -> None:
    """Embed the stored papers that have no vector yet, if there is a model for that."""
    from digest.tiers import EMBEDDING, Filled, Run, embeddable, fill_vectors

    table = loaded.settings.embedding
    if table is None:
        return
    now = world.now()

    def fill() -> Filled:
        with setup.embedder(loaded, world) as embedder, counting("embedding papers") as tell:
            with database.read() as connection:
                days = loaded.settings.window_days
                wanted = embeddable(connection, _judged(loaded, connection, now), window_days=days, now=now)
            run = Run(max_papers=table.max_papers, total_s=table.total_s, tell=tell)
            return fill_vectors(database, embedder, wanted, run)

    _run(EMBEDDING, "embedded", fill, database, now)


def _judged(loaded: Configuration, connection: "Connection", now: datetime) -> Iterator[str]:
    """The papers that readers like or dislike."""
    from digest.holdings import stored_reader

    for profile in loaded.profiles:
        reader = stored_reader(connection, profile, day=day_of(profile, now))
        yield from (paper.id for paper in (*reader.liked, *reader.disliked))


def summarise(
    loaded: Configuration, database: "Database", editions: Iterable[Edition], world: World
) -> Mapping[str, Summary]:
    """The summaries of what the editions pick, those made now among them, if there is a model for that.

    The editions are gone through once, and none is kept: there may be many.
    """
    from digest.tiers import SUMMARIES, Filled, Run, fill_summaries

    table, rest = loaded.settings.summaries, iter(editions)
    if table is None or (first := next(rest, None)) is None:
        return {}
    now = world.now()
    shown: dict[str, Paper] = {}

    def noted() -> Iterator[Edition]:
        for one in chain((first,), rest):
            shown.update((pick.paper.id, pick.paper) for pick in one.shown)
            yield one

    def fill() -> Filled:
        with setup.writer(loaded, world) as writer, counting("summarising papers") as tell:
            run = Run(max_papers=table.max_papers, total_s=table.total_s, tell=tell)
            return fill_summaries(database, writer, noted(), now, run)

    _run(SUMMARIES, "summarised", fill, database, now)
    with database.read() as connection:
        return known(loaded, connection, shown.values(), world)


def known(
    loaded: Configuration, connection: "Connection", papers: Iterable[Paper], world: World
) -> Mapping[str, Summary]:
    """The stored summaries of papers; none where the tier is off, or cannot be used."""
    from digest.tiers import known_summaries

    if loaded.settings.summaries is None:
        return {}
    try:
        with setup.writer(loaded, world) as writer:
            return known_summaries(connection, writer, papers)
    except DigestError:  # said by the run that writes them, and by `digest check`
        return {}


def embedding_model(loaded: Configuration, world: World) -> str | None:
    """Whose vectors may be used for scoring; `None` where the tier is off, or its model is gone."""
    if loaded.settings.embedding is None:
        return None
    try:
        with setup.embedder(loaded, world) as embedder:
            return embedder.model
    except DigestError as problem:
        warn(f"embedding: {problem}")
        return None


def _run(name: str, done: str, fill: Callable[[], "Filled"], database: "Database", now: datetime) -> None:
    """Let a tier do its work, then say and record how that went; a fault of ours is a traceback, no more."""
    from digest.tiers import Filled, record

    try:
        filled = fill()
    except DigestError as problem:
        filled = Filled(problem=problem, ended=True)
    except Exception:
        traceback.print_exc()
        fault = DigestError("a fault in Digest; please report the traceback above")
        filled = Filled(problem=fault, ended=True)
    if filled.told:
        warn(f"{name}: {filled.told}")
    if filled.count:
        say(f"{name}: {counted(filled.count, 'paper')} {done}")
    record(database, name, filled, now)
