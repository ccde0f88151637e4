"""`digest sources`: how each source stands, from what is stored; nothing is asked."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from digest.cli import setup
from digest.cli.screen import note, say, table
from digest.cli.states import instant, moment
from digest.cli.world import World, is_terminal
from digest.completeness import Length, length_of
from digest.config import Configuration
from digest.errors import ExitCode
from digest.text import shorten

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from digest.fetch.memory import Hold
    from digest.store.harvests import Harvest
    from digest.store.relays import Alarm

_LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """How a source stands."""

    source: str
    last: "Harvest | None" = None
    """`None`: it was never read."""
    last_good: datetime | None = None
    length: Length | None = None
    """Of its newest list that was read whole, if its lists state their days."""
    hold: "Hold | None" = None
    """Until when a host of it is not asked; may be past."""
    next_read: datetime | None = None
    """When `digest run` reads it next; may be past. `None`: there is no store yet."""
    alarms: "tuple[Alarm, ...]" = ()

    @property
    def state(self) -> str:
        """`fine`, `filling`, ...; `failed` or `fine` where an older version recorded no more than that."""
        if self.last is None:
            return "not read yet"
        if self.last.state is None:
            return "fine" if self.last.is_good else "failed"
        return self.last.state.value

    @property
    def gives_nothing(self) -> bool:
        """Whether nothing could be had of it."""
        return self.last is not None and self.last.gave_nothing


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON: docs/sources.md says what the fields are.")
@click.pass_context
def sources(ctx: click.Context, as_json: bool) -> None:
    """Say how each source stands: its state, its numbers, when it is read next.

    The states: fine; quiet (it has no list that day, and says so); filling (its list is still shorter than
    usual at that hour); partly (some of its lists could not be read); stale (it gave an old list where a new
    one is due); down (it could not be reached); strange (what it gave is not what it was taken for, or far
    less than usual: the page is kept). Nothing is asked: this is what was found last. "next read" is when
    `digest run` and `digest send --due` ask it again, by its calendar, by the readers' hours, and not before
    its host wants to be asked; `digest fetch` always does. Times are UTC; a source whose lists state no day
    has no "list of", and is not judged by numbers. Exit code 4: no source could be read at all.
    """
    world: World = ctx.obj
    loaded = setup.configuration(ctx, briefly=True)
    stands = _stands(loaded, world)
    if as_json:
        say(json.dumps({"sources": [facts(one) for one in stands]}, ensure_ascii=False))
    else:
        _print(stands, world.now())
    if all(one.gives_nothing for one in stands):
        sys.exit(ExitCode.INPUT)


def _stands(loaded: Configuration, world: World) -> list[Stand]:
    from digest.cli.harvest_times import holds_of, next_reads

    named, now = setup.sources(loaded, world), world.now()
    if not setup.has_store(loaded):
        return [Stand(source=source.name) for source in named]
    with setup.open_store_for_reading(loaded) as database, database.read() as connection:
        holds = holds_of(connection, loaded, world, named)
        reads = next_reads(connection, loaded, world, named, now)
        stands = (_stand(connection, source.name, now) for source in named)
        return [replace(one, hold=holds.get(one.source), next_read=reads[one.source]) for one in stands]


def _stand(connection: "Connection", name: str, now: datetime) -> Stand:
    from digest.alarm import OF_SOURCES
    from digest.store.harvests import harvests_of, last_good, readings_of
    from digest.store.relays import alarms

    last = harvests_of(connection, name, most=1)
    return Stand(
        source=name,
        last=last[0] if last else None,
        last_good=last_good(connection, name, now),
        length=length_of(readings_of(connection, name, until=now)),
        alarms=tuple(one for one in alarms(connection) if one.about == name and one.kind in OF_SOURCES),
    )


# ---------------------------------------------------------------- shown


def _print(stands: Sequence[Stand], now: datetime) -> None:
    rows = [_row(one, now, is_brief=is_terminal(sys.stdout)) for one in stands]
    table(_COLUMNS, rows, has_head=True)
    for one in stands:
        for line in _told(one):
            note(line)


_COLUMNS = (
    "source",
    "state",
    "last\nread\n(UTC)",
    "list\nof",
    "papers",
    "usual\nby then",
    "usual\nin all",
    "last\ngood",
    "next\nread",
)


def _briefly(at: datetime, *, now: datetime) -> str:
    """`07:30`, or `23 Nov 07:30`: a terminal has eighty columns."""
    here, today = at.astimezone(UTC), now.astimezone(UTC)
    return f"{here:%H:%M}" if here.date() == today.date() else f"{here:%d %b %H:%M}"


def _row(one: Stand, now: datetime, *, is_brief: bool) -> tuple[str, ...]:
    when = partial(_briefly, now=now) if is_brief else moment
    length, last = one.length, one.last
    is_said = is_brief and last is not None and one.last_good == last.at  # beside it: "last read"
    return (
        one.source,
        one.state,
        when(last.at) if last else "-",
        f"{length.day:{'%d %b' if is_brief else '%Y-%m-%d'}}" if length else "-",
        _number(length.papers if length else last.papers if last else None),
        _number(length.by_then if length else None),
        _number(length.whole if length else None),
        when(one.last_good) if one.last_good and not is_said else "-",
        when(one.next_read) if one.next_read and one.next_read > now else "now",
    )


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _told(one: Stand) -> Iterator[str]:
    """What is wrong with it, where its page is, and whether a person was called."""
    if one.last and one.last.problem:
        yield f"{one.source}: {shorten(one.last.problem, _LONGEST)}"
    if one.last and one.last.kept:
        yield f"{one.source}: the page is kept as {one.last.kept}"
    for alarm in one.alarms:
        were = f"were to be told at {moment(alarm.at)}; that failed: {alarm.problem}"
        yield f"{one.source}: you {were if alarm.problem else f'were told at {moment(alarm.at)}'}"


def facts(one: Stand) -> dict[str, Any]:
    """The same for programs."""
    last, length, hold = one.last, one.length, one.hold
    return {
        "source": one.source,
        "state": one.state if last else None,
        "at": instant(last.at) if last else None,
        "papers": last.papers if last else None,
        "fresh": last.fresh if last else None,
        "list": {
            "day": length.day.isoformat(),
            "at": instant(length.at),
            "papers": length.papers,
            "usual_by_then": length.by_then,
            "usual": length.whole,
        }
        if length
        else None,
        "last_good": instant(one.last_good),
        "next_read": instant(one.next_read),
        "not_before": instant(hold.until) if hold else None,
        "why_not_before": hold.why if hold else "",
        "problem": last.problem if last else None,
        "kept": last.kept if last else "",
        "alarms": [
            {"kind": alarm.kind, "at": instant(alarm.at), "problem": alarm.problem} for alarm in one.alarms
        ],
    }
