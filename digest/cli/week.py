"""A grid of readers and days, a sign for each outcome."""

import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING

from digest.cli.screen import table
from digest.cli.today import Ahead, Today
from digest.cli.world import is_terminal
from digest.model import Outcome, Profile
from digest.outcome import name_of
from digest.rendering.columns import columns, lines
from digest.schedule import A_DAY

if TYPE_CHECKING:
    from rich.text import Text

    from digest.store.editions import Day

Cell = Outcome | Ahead | None
Grid = Mapping[str, Sequence[Cell]]
"""How each reader's days stand; `None`: none of the reader's days, or of before the first."""

SIGNS: Mapping[Cell, tuple[str, str]] = MappingProxyType(
    {
        Outcome.SENT: ("✓", "green"),
        Outcome.READY: ("→", "cyan"),
        Outcome.QUIET: ("~", ""),
        Outcome.NO_LIST: ("0", ""),
        Outcome.NOT_READY: ("…", "yellow"),
        Outcome.SOURCE_DOWN: ("↓", "yellow"),
        Outcome.PAUSED: ("‖", "dim"),
        Outcome.FAILED: ("✗", "bold red"),
        Outcome.UNKNOWN: ("?", "yellow"),
        Outcome.EXPIRED: ("†", "red"),
        Ahead.DUE: ("·", "dim"),
        Ahead.OVERDUE: ("!", "bold red"),
    }
)
"""Of a terminal; elsewhere, the words stand."""
NOTHING = "-"
WELL = frozenset(
    (Outcome.SENT, Outcome.QUIET, Outcome.NO_LIST, Outcome.PAUSED, Outcome.READY, Ahead.DUE, None)
)


def grid_of(
    profiles: Iterable[Profile],
    days: Sequence[date],
    record: Mapping[str, Sequence["Day"]],
    now: Iterable[Today],
) -> Grid:
    """How the days stand that are known, and today's, of which nothing may be on record."""
    todays = {one.profile.name: one for one in now}
    return {one.name: _row(days, record.get(one.name, ()), todays.get(one.name)) for one in profiles}


def _row(days: Sequence[date], record: Sequence["Day"], now: Today | None) -> list[Cell]:
    known: dict[date, Cell] = {one.day: one.outcome for one in record}
    if now and now.stands is not Ahead.NONE:
        known.setdefault(now.day, now.stands)
    return [known.get(day) for day in days]


def days_until(last: date, number: int) -> tuple[date, ...]:
    """So many days, the last one last."""
    return tuple(last - back * A_DAY for back in reversed(range(number)))


def troubled_first(grid: Grid) -> list[str]:
    """The readers, those first of whom most days are not well."""
    return sorted(grid, key=lambda name: (sum(map(WELL.__contains__, grid[name])) - len(grid[name]), name))


# ---------------------------------------------------------------- showing it


def show_grid(grid: Grid, days: Sequence[date], names: Collection[str]) -> None:
    """Signs, colours and a legend on a terminal; words and tabs elsewhere, with a head."""
    if not is_terminal(sys.stdout):
        rows = ((name, *map(word, grid[name])) for name in names)
        table(("reader", *map(str, days)), rows, has_head=True)
        return
    from rich.console import Console

    screen = Console()
    for line in drawn(grid, days, names, screen.width):
        screen.print(line, soft_wrap=True)


def drawn(grid: Grid, days: Sequence[date], names: Collection[str], width: int) -> "Iterator[Text]":
    """The lines of a terminal of that width: a head, the readers, a legend."""
    from rich.text import Text

    widest = max(map(columns, names), default=0)
    yield Text(" ".join([" " * (widest + 1), *(f"{day:%a} {day.day:>2}" for day in days)]), style="bold")
    for name in names:
        line = Text(name + " " * (widest - columns(name) + 1))
        for cell in grid[name]:
            sign, style = SIGNS.get(cell, (NOTHING, "dim"))
            line.append(f"  {sign}    ", style=style)
        yield line
    for told in lines(legend({cell for name in names for cell in grid[name]}), width):
        yield Text(told, style="dim")


def legend(cells: Collection[Cell]) -> str:
    """What the signs mean that are there; a sign stays with its meaning."""
    named = [f"{sign} {word(cell)}" for cell, (sign, _) in SIGNS.items() if cell in cells]
    told = [*named, f"{NOTHING} none that day, or before the first"]
    return ", ".join(one.replace(" ", "\N{NO-BREAK SPACE}") for one in told)


def counted(grid: Grid) -> list[tuple[Cell, list[int]]]:
    """For each outcome there is, of how many readers it is on each day."""
    columns = [Counter(column) for column in zip(*grid.values(), strict=True)]
    return [(cell, [column[cell] for column in columns]) for cell in SIGNS if any(c[cell] for c in columns)]


def word(cell: Cell) -> str:
    """`sent`, `no list`, `overdue`, ...; a dash for nothing."""
    return name_of(cell) if isinstance(cell, Outcome) else cell.value if cell else NOTHING
