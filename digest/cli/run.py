"""`digest run`: the service, from its beginning to a signal that ends it."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import SimpleQueue

import click

from digest.cli import setup
from digest.cli.daemon import PARTS, Daemon
from digest.cli.delivering import Halt
from digest.cli.log import Form, Log
from digest.cli.pulses import Pulses
from digest.cli.screen import overheard
from digest.cli.service import Service
from digest.cli.world import World
from digest.logs import Level
from digest.notify import notifier, watchdog_s

HEARD = ("SIGTERM", "SIGINT", "SIGHUP")
"""The last of them is not there on Windows."""


@click.command()
@click.option(
    "--log",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How a line of the log is written: key=value, or JSON.",
)
@click.pass_context
def run(ctx: click.Context, form: Form) -> None:
    """Stay, and do by itself what is due: read sources, make editions, send them.

    Each minute ([run] tick_s) it looks: sources are read when they have something new, each reader's edition
    is made at the reader's hour, what could not be sent is tried again, and what is overdue reaches you by
    [alarm]. All that was done is in the store, so that it may be ended, killed or put to sleep at any moment:
    the next start goes on from there, and says what was missed. Several may run on one store.

    A changed configuration, and changed profiles, hold within a minute; SIGHUP reads all of them again, files
    of passwords included. What cannot be used is told, and that of before goes on. SIGTERM and Ctrl-C end in
    good order, twice at once.

    The log goes to standard error, a line an event. To systemd (Type=notify) it says when it is ready, and
    feeds its watchdog; `digest health` says to any other supervisor how it is. Exit code 3: the configuration
    cannot be used; 5: the store.
    """
    world: World = ctx.obj
    log, halt = Log(form, world.now, world.environment), Halt()
    pulses, signals = Pulses(PARTS, time.monotonic), SimpleQueue[int]()

    def overhear(how: str, line: str) -> None:
        pulses.sign_here()
        log.overhear(how, line)

    file = setup.configuration_file(ctx)
    with (
        _heard(signals),
        overheard(overhear),
        Service(world, file, log, halt=halt, sign=pulses.sign, is_ticking=True) as service,
    ):
        tells, within_s = notifier(world.environment), watchdog_s(world.environment)
        unfinished = Daemon(service, pulses, tells, signals, within_s).serve()
    if unfinished:
        log.write(Level.WARNING, "left", parts=", ".join(unfinished))
        if sys.stderr is not None:  # it is where it was closed (`2>&-`)
            sys.stderr.flush()
        os._exit(0)  # what is in the store is whole; a thread that hangs would be waited for


@contextmanager
def _heard(signals: "SimpleQueue[int]") -> Iterator[None]:
    """Signals only join a queue, which may be done in the midst of anything; the main thread acts on them."""

    def hear(number: int, _frame: object) -> None:
        signals.put(number)

    before = {}
    for number in (getattr(signal, name) for name in HEARD if hasattr(signal, name)):
        with suppress(ValueError):  # in a thread, which gets no signals
            before[number] = signal.signal(number, hear)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
