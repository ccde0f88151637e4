"""`digest health`: whether `digest run` does its work, for supervisors and monitors."""

import sys
from datetime import datetime
from pathlib import Path

import click

from digest.cli import setup
from digest.cli.screen import put, say
from digest.cli.states import moment
from digest.cli.world import World
from digest.config import Configuration, load_configuration
from digest.errors import DigestError, ExitCode
from digest.vitals import Vitals, Wellness, in_words, is_unseen, of_json

MOST_BYTES = 1_000_000


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The health file as it is; needs [run] health_file.")
@click.pass_context
def health(ctx: click.Context, as_json: bool) -> None:
    """Say in a line whether `digest run` does its work: ok, late, or failing.

    Reads the file that [run] health_file names; where none is named, asks the store when a process was last
    seen at work. Late: editions are overdue though all parts work, which [alarm] has told; a restart would
    not help. Failing: nothing was heard for three ticks and a minute, a part hangs, or the last time it
    could not do its work. Ended: it was asked to end, and did. Exit code 0: ok or late; 1: failing or ended.
    """
    world: World = ctx.obj
    # The readers' files are not its matter: it may be asked every few seconds.
    loaded = load_configuration(setup.configuration_file(ctx), lambda _: (None, ()))
    path = loaded.settings.run.health_file
    if path is None:
        line = _by_the_store(loaded, world.now())
    else:
        raw, vitals = _read(loaded.path(path))
        line = in_words(vitals, world.now())
        if as_json:
            put(raw)
    if path is None or not as_json:
        say(line)
    if line.startswith((Wellness.FAILING, Wellness.ENDED)):
        sys.exit(ExitCode.FAILED)


def _read(path: Path) -> tuple[bytes, Vitals]:
    """Raises DigestError if it is not there, or no health file."""
    fix = "Start `digest run`, which writes it"
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES)
        return raw, of_json(raw.decode())
    except OSError as problem:
        raise DigestError(f"cannot be read ({problem.strerror})", where=str(path), fix=fix) from problem
    except ValueError as problem:
        raise DigestError("is no health file", where=str(path), fix=fix) from problem


def _by_the_store(loaded: Configuration, now: datetime) -> str:
    """By one that is at work, else the one last seen; whether its parts do their work is not known there."""
    from digest.store.services import services

    with setup.open_store_for_reading(loaded) as database, database.read() as connection:
        known = services(connection)
    if not known:
        return "failing: `digest run` was never started"
    tick_s = loaded.settings.run.tick_s
    here = [one for one in known if one.ended_at is None and not is_unseen(one.seen_at, tick_s, now)]
    last = (*here, *known)[0]
    who, seen = f"process {last.pid} on {last.host}", moment(last.seen_at)
    if here:
        return f"ok: {who}"
    if last.ended_at is not None:
        return f"ended: not at work since {seen} ({who})"
    return f"failing: no sign of life of {who} since {seen}"
