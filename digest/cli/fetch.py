"""`digest fetch`: every source is read and stored."""

import sys
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from digest.cli import setup
from digest.cli.screen import note, say, warn, working
from digest.cli.tiers import embed
from digest.cli.world import World
from digest.config import Configuration
from digest.errors import DigestError, ExitCode

if TYPE_CHECKING:
    from digest.fetch import Client
    from digest.pipeline import Harvested
    from digest.sources.registry import Source
    from digest.store.database import Database
    from digest.store.papers import Harvest


@click.command()
@click.pass_context
def fetch(ctx: click.Context) -> None:
    """Read every source and store its papers.

    A source that cannot be read is reported and does not stop the others; the exit code is 4 only if none
    could be read.
    """
    from digest.store.lock import sole_writer

    loaded = setup.configuration(ctx)
    with (
        setup.open_store(loaded) as database,
        sole_writer(loaded.store, waiting=lambda: note(BUSY)),
    ):
        done = fetch_all(loaded, database, ctx.obj)
        embed(loaded, database, ctx.obj)
    if is_all_down(done):
        sys.exit(ExitCode.INPUT)


BUSY = "another `digest send` or `fetch` is at work; waiting for it to end"


def is_all_down(done: "list[Harvest]") -> bool:
    """Whether no source could be read at all."""
    return all(one.problem and not one.papers for one in done)


def fetch_all(loaded: Configuration, database: "Database", world: World) -> "list[Harvest]":
    """Harvest each source into the store, saying how each went; then the liked papers nobody listed."""
    from digest.holdings import keep

    now = world.now()
    done = []
    for harvested in harvest_all(loaded, world):
        with database.begin() as connection:
            done.append(keep(connection, harvested, now))
        say(f"{harvested.source}: {done[-1].papers} papers, {done[-1].fresh} of them new")
    _fetch_liked(loaded, database, world)
    return done


def _fetch_liked(loaded: Configuration, database: "Database", world: World) -> None:
    from digest.holdings import fetch_liked
    from digest.library.liked import load_liked, wanting

    wanted = dict.fromkeys(one for profile in loaded.profiles for one in wanting(load_liked(profile)))
    if not wanted:
        return
    with setup.client(loaded, world) as client, working("looking up liked papers"):
        looked_up = fetch_liked(database, wanted, setup.sources(loaded), client.get, world.now())
    for problem in looked_up.problems:
        warn(f"liked papers: {problem}")
    if looked_up.found:
        say(f"liked papers: {looked_up.found} looked up")


def harvest_all(loaded: Configuration, world: World) -> "list[Harvested]":
    """What each source gives now; warnings and problems go to standard error."""
    with setup.client(loaded, world) as client:
        harvests = [_harvest(source, client, world.now()) for source in setup.sources(loaded)]
    for harvested in harvests:
        for listing in harvested.listings:
            for warning in listing.warnings:
                warn(f"{harvested.source}: {warning}")
        for problem in harvested.problems:
            warn(f"{harvested.source}: {problem}")
    return harvests


def _harvest(source: "Source", client: "Client", now: datetime) -> "Harvested":
    """One source; a fault of ours in it is a traceback, and stops neither the others nor the readers."""
    from digest.pipeline import Harvested, harvest

    try:
        with working(f"reading {source.name} ..."):
            return harvest(source, client.get, today=now.astimezone(UTC).date(), at=now)
    except Exception:
        traceback.print_exc()
        fault = DigestError("a fault in Digest; please report the traceback above")
        return Harvested(source=source.name, listings=(), problems=(fault,))
