"""`digest fetch`: every source is read and stored."""

import sys
from collections.abc import Iterable
from datetime import UTC
from typing import TYPE_CHECKING

import click

from digest.cli import setup
from digest.cli.screen import say, warn, working
from digest.cli.world import World
from digest.config import Configuration
from digest.errors import ExitCode

if TYPE_CHECKING:
    from digest.pipeline import Harvested
    from digest.store.database import Database
    from digest.store.papers import Harvest


@click.command()
@click.pass_context
def fetch(ctx: click.Context) -> None:
    """Read every source and store its papers.

    A source that cannot be read is reported and does not stop the others; the exit code is 4 only if none
    could be read.
    """
    loaded = setup.configuration(ctx)
    with setup.open_store(loaded) as database:
        done = fetch_all(loaded, database, ctx.obj)
    if is_all_down(done):
        sys.exit(ExitCode.INPUT)


def is_all_down(done: "list[Harvest]") -> bool:
    """Whether no source could be read at all."""
    return all(one.problem and not one.papers for one in done)


def fetch_all(loaded: Configuration, database: "Database", world: World) -> "list[Harvest]":
    """Harvest each source into the store, saying how each went; then the liked papers nobody listed."""
    from digest.holdings import fetch_liked, keep, liked_ids

    now = world.now()
    done = []
    for harvested in harvest_all(loaded, world):
        with database.begin() as connection:
            done.append(keep(connection, harvested, now))
        say(f"{harvested.source}: {done[-1].papers} papers, {done[-1].fresh} of them new")
    wanted = {identifier for profile in loaded.profiles for identifier in liked_ids(profile)[0]}
    if not wanted:
        return done
    with working("looking up liked papers"):
        found = fetch_liked(database, wanted, setup.sources(loaded), setup.client(loaded, world).get, now)
    if found:
        say(f"liked papers: {found} looked up")
    return done


def harvest_all(loaded: Configuration, world: World) -> "Iterable[Harvested]":
    """What each source gives now, one after the other; warnings and problems go to standard error."""
    from digest.pipeline import harvest

    now = world.now()
    client = setup.client(loaded, world)
    for source in setup.sources(loaded):
        with working(f"reading {source.name} ..."):
            harvested = harvest(source, client.get, today=now.astimezone(UTC).date(), at=now)
        for listing in harvested.listings:
            for warning in listing.warnings:
                warn(f"{source.name}: {warning}")
        for problem in harvested.problems:
            warn(f"{source.name}: {problem}")
        yield harvested
    client.close()
