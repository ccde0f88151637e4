"""`digest fetch`: sources are read and stored, or the lists of days gone by."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from typing import TYPE_CHECKING

import click

from digest.cli import setup
from digest.cli.harvesting import BUSY, chosen_sources, fetch_all, is_all_down
from digest.cli.interrupts import interruptible
from digest.cli.screen import note, reporting, say, warn
from digest.cli.tiers import embed
from digest.cli.world import Day, Text, World
from digest.config import Configuration
from digest.errors import DigestError, ExitCode, UsageError

if TYPE_CHECKING:
    from digest.sources.protocol import Archive
    from digest.store.database import Database

MOST_DAYS = 400


@click.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE...]", type=Text())
@click.option(
    "--since", type=Day(), metavar="DATE", help="Read the lists of past days instead, from this one."
)
@click.option("--until", type=Day(), metavar="DATE", help="With --since: up to this day; else to today.")
@click.pass_context
def fetch(ctx: click.Context, sources: tuple[str, ...], since: date | None, until: date | None) -> None:
    """Read every source and store its papers.

    All at once, or only those named (`digest sources` lists them). A source that cannot be read is reported
    and does not stop the others; the exit code is 4 only if none could be read. A page that is not what it
    was taken for is kept for you to look at.

    With --since, sources that have an archive are asked for the lists of past days. What lies within
    window_days is news; older papers are stored, and never shown as new. Ended early, it has stored what it
    read so far.
    """
    from digest.store.lock import at_work

    world: World = ctx.obj
    loaded = setup.configuration(ctx)
    span = _span(since, until, world.now().astimezone(UTC).date())
    with (
        interruptible("ended early", "What was read until then is stored; run it again for the rest"),
        setup.open_store(loaded) as database,
        at_work(loaded.store, "harvest", waiting=lambda: note(BUSY)),
    ):
        if span:
            is_down = not _fetch_past(loaded, database, world, sources, span)
        else:
            is_down = is_all_down(fetch_all(loaded, database, world, sources))
        embed(loaded, database, world)
    if is_down:
        sys.exit(ExitCode.INPUT)


# ---------------------------------------------------------------- days gone by


@dataclass(frozen=True, slots=True)
class _Span:
    """Days, both included."""

    since: date
    until: date


def _span(since: date | None, until: date | None, today: date) -> _Span | None:
    """The days that are asked for; `None` if it is just today's lists. Raises UsageError."""
    if since is None:
        if until is not None:
            raise UsageError("--until needs --since")
        return None
    span = _Span(since, until or today)
    if not since <= span.until <= today:
        raise UsageError(f"{since} to {span.until} is no span of days up to today")
    if span.until - since >= timedelta(days=MOST_DAYS):
        raise UsageError(f"{since} to {span.until} is more than {MOST_DAYS} days", fix="Take them in parts")
    return span


def _fetch_past(
    loaded: Configuration, database: "Database", world: World, names: Sequence[str], span: _Span
) -> bool:
    """Ask archives one after the other; whether any list could be read."""
    from digest.sources.protocol import Archive

    sources = chosen_sources(loaded, world, names)
    archives = [source for source in sources if isinstance(source, Archive)]
    if others := [source.name for source in sources if not isinstance(source, Archive)]:
        note(f"without an archive of past lists: {', '.join(others)}")
    if not archives:
        raise UsageError("none of these sources has an archive of past lists")
    read = [_read_archive(loaded, database, world, archive, span) for archive in archives]
    return any(read)


def _read_archive(
    loaded: Configuration, database: "Database", world: World, archive: "Archive", span: _Span
) -> bool:
    """Store an archive's lists one by one; whether there was any, be it one without papers."""
    from digest.holdings import keep_past

    now, papers, fresh, lists = world.now(), 0, 0, 0
    with (
        setup.client(loaded, world, database) as client,
        reporting(f"reading {archive.name} from {span.since} to {span.until}") as show,
    ):
        try:
            for one in archive.read_past(client, span.since, span.until, at=now):
                if isinstance(one, DigestError):
                    warn(f"{archive.name}: {one}")
                    continue
                for warning in one.warnings:
                    warn(f"{archive.name}: {warning}")
                with database.begin() as connection:
                    fresh += keep_past(
                        connection, archive.name, one, window_days=loaded.settings.window_days, at=now
                    )
                papers, lists = papers + len(one.entries), lists + 1
                show(f"{one.day or ''}, {papers:,} papers")
        except DigestError as problem:
            warn(f"{archive.name}: {problem}")
        finally:
            say(f"{archive.name}: {papers:,} papers on past lists, {fresh:,} of them new")
    return lists > 0
