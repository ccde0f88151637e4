"""How commands show things: rich on a terminal, plain lines in a pipe."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import click

from digest.cli.world import is_terminal
from digest.errors import ConfigurationError, DigestError

Step = TypeVar("Step")


Listener = Callable[[str, str], None]
_listeners: list[Listener] = []


@contextmanager
def overheard(listener: Listener) -> Iterator[None]:
    """Until the end of the block nothing is shown: what would be is told, as `said`, `noted`, `warned`,
    `complained` or `counted`, and the line.

    In all threads: for a service, which writes a log.
    """
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def _told(how: str, line: str) -> bool:
    """Whether somebody listens, and has heard it."""
    for listener in _listeners:
        listener(how, line)
    return bool(_listeners)


def _count(what: str, done: int, of: int) -> None:
    _told("counted", f"{what}: {done} of {of}")


def say(line: str = "") -> None:
    """A line of the answer, on standard output.

    If nobody reads it any more (`digest send | head -1`), work goes on without saying.
    """
    if _told("said", line):
        return
    try:
        click.echo(line)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # for the rest of the process


def put(data: bytes) -> None:
    """Bytes of the answer, on standard output, where somebody wants them in a file or program.

    Raises DigestError if it is closed.
    """
    if sys.stdout is None:
        raise DigestError("cannot be written (it is closed)", where="standard output")
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # for the rest of the process


def note(line: str) -> None:
    """A line beside the answer, on standard error: progress, hints, warnings."""
    if not _told("noted", line):
        click.echo(line, err=True)


def warn(line: str) -> None:
    """Something that is not as it should be, but stops nothing."""
    if not _told("warned", line):
        click.echo(f"{click.style('warning:', fg='yellow')} {line}", err=True)


def complain(problem: DigestError) -> None:
    """What is wrong, where, and what to do; every problem of a configuration on a line of its own."""
    for one in problem.problems if isinstance(problem, ConfigurationError) else (problem,):
        if not _told("complained", str(one)):
            click.echo(f"{click.style('error:', fg='red', bold=True)} {one}", err=True)


def _is_shown() -> bool:
    """Whether a person sees how far things are."""
    return is_terminal(sys.stderr) and not _listeners


_SHORT = 20
"""Names and numbers up to so long are not cut in two where a table is too wide."""


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "", has_head: bool = False
) -> None:
    """A table on a terminal, without its empty columns; tab-separated lines, with a head if so, in a pipe.

    A column's name may be of several lines.
    """
    rows = list(rows)
    if not rows:
        return
    if not is_terminal(sys.stdout):
        head = [tuple(name.replace("\n", " ") for name in columns)] if has_head else []
        for row in (*head, *rows):
            say("\t".join(row))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(
        title=title or None,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        collapse_padding=True,
    )
    kept = [place for place in range(len(columns)) if any(row[place] not in ("", "-") for row in rows)]
    for place in kept:
        is_short = all(len(row[place]) <= _SHORT and " " not in row[place] for row in rows)
        drawn.add_column(columns[place], overflow="fold", no_wrap=is_short)
    for row in rows:
        drawn.add_row(*(Text(row[place]) for place in kept))
    Console().print(drawn)


@contextmanager
def working(what: str) -> Iterator[None]:
    """A spinner on a terminal while something takes its time; a line on standard error elsewhere."""
    if not _is_shown():
        note(what)
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """Like `working`, for what tells how far it is: how many are done, of how many."""
    if _listeners:
        yield partial(_count, what)
        return
    if not _is_shown():
        note(what)
        with silence() as tell:
            yield tell
        return
    from rich.console import Console

    with Console(stderr=True).status(what) as status:
        yield lambda done, of: status.update(f"{what}: {done} of {of}")


@contextmanager
def silence() -> Iterator[Callable[[int, int], None]]:
    """In place of `counting`, for what is done in a moment: how far it is goes unsaid."""
    yield lambda _done, _of: None


def stepping(what: str, steps: Sequence[Step]) -> Iterator[Step]:
    """The steps one by one, with a bar on a terminal; a line on standard error elsewhere."""
    if not _is_shown():
        note(what)
        yield from steps
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(steps, description=what, console=Console(stderr=True), transient=True)


@contextmanager
def side_by_side(what: str, names: Sequence[str]) -> Iterator[Callable[[str, str], None]]:
    """Like `working`, for several things at once: a row for each, saying what it is at when told."""
    if not _is_shown():
        for name in names:
            note(f"{what} {name} ...")
        yield lambda _name, _at: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.table import Column

    whole = Column(no_wrap=True, min_width=max(map(len, names), default=0))
    cut = Column(no_wrap=True, overflow="ellipsis", ratio=1)
    texts = (
        TextColumn("{task.description}", markup=False, table_column=whole),
        TextColumn("{task.fields[at]}", markup=False, table_column=cut),
    )
    columns = (SpinnerColumn(), TimeElapsedColumn(), *texts)
    # What is said meanwhile stands above the rows if it is for the same screen; a file gets it as it is.
    with Progress(
        *columns,
        console=Console(stderr=True),
        transient=True,
        expand=True,
        redirect_stdout=is_terminal(sys.stdout),
    ) as progress:
        rows = {name: progress.add_task(name, total=None, at="") for name in names}
        yield lambda name, at: progress.update(rows[name], at=at)


@contextmanager
def reporting(what: str) -> Iterator[Callable[[str], None]]:
    """Like `working`, for what tells how far it is in words."""
    if not _is_shown():
        note(f"{what} ...")
        yield lambda _how_far: None
        return
    from rich.console import Console

    with Console(stderr=True).status(what) as status:
        yield lambda how_far: status.update(f"{what}: {how_far}")
