"""`digest status`: how each reader's day stands, how days ended, and how the sources are."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from digest.cli import setup
from digest.cli.screen import say, table
from digest.cli.states import instant, moment
from digest.cli.today import LOOKED_BACK, Ahead, Today, in_order, paused_days, today_of
from digest.cli.week import WELL, counted, days_until, grid_of, show_grid, troubled_first, word
from digest.cli.world import World
from digest.config import Configuration
from digest.errors import StoreError
from digest.model import Outcome, Profile, SourceState
from digest.outcome import MEANINGS, name_of
from digest.schedule import A_DAY
from digest.text import shorten

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from digest.cli.standing import Standing
    from digest.store.editions import Day
    from digest.store.harvests import Harvest
    from digest.store.tiers import TierRun

FEW = 20
"""Up to so many readers, each has a line of its own; of more, those of whom a person may have to know."""
MOST_ROWS = 50
MAX_REASON = 110
NEEDS_NO_LOOK = (WELL | {Ahead.NONE}) - {Outcome.READY}


HELP = f"""Say how each reader's days ended, and how the sources are.

First how the mail stands now: what waits and until when, what may have arrived or not, which relay and which
`digest run` needs you. Then each reader's day: its outcome and why, or when it is due; of more than {FEW}
readers only of whom you may have to know. With --week a grid of the last seven days; with PROFILE that
reader's days. Hours are the reader's own, moments are UTC.

\b
Outcomes:
"""
OUTCOMES = "".join(
    f"  {name:<12} {meaning}\n"
    for name, meaning in (
        *((name_of(one), meaning) for one, meaning in MEANINGS.items()),
        (Ahead.DUE.value, "its hour is to come"),
        (Ahead.OVERDUE.value, "its hour is past, and nothing is on record"),
        (Ahead.NONE.value, "it is none of the reader's days"),
    )
)
"""In the words that the mail and the record have for them."""


@click.command(help=HELP + OUTCOMES)
@click.argument("profile", required=False)
@click.option("--week", is_flag=True, help="A grid of readers and the last seven days.")
@click.option("--last", "last", type=click.IntRange(1, 366), default=7, show_default=True,
              help="How many days, of PROFILE and of messages.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="As JSON; docs/status.md says what is in it.")
@click.pass_context
def status(ctx: click.Context, profile: str | None, week: bool, last: int, as_json: bool) -> None:
    """Say how each reader's days ended, and how the sources are."""
    world: World = ctx.obj
    loaded = setup.configuration(ctx, briefly=True)
    profiles = setup.chosen_profiles(loaded, [profile] if profile else [])
    if not setup.has_store(loaded):
        view = _before_anything(profiles, world.now())
        text = "Nothing has happened yet: there is no store. `digest fetch` makes it."
        say(_as_json(view, last) if as_json else text)
        return
    view = _view(loaded, world, profiles, max(last, 7) if week else last, is_of_all=not profile)
    if as_json:
        say(_as_json(view, last))
        return
    from digest.cli.standing import sentences

    for sentence in (*sentences(view.stands), *_of_sources(view.harvests)):
        say(sentence)
    if week:
        _print_week(view)
    elif profile:
        _print_history(view, last)
    else:
        _print_today(view.today)
    _print_sources(view)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """All that is told."""

    profiles: tuple[Profile, ...]
    record: "Mapping[str, Sequence[Day]]"
    """Each reader's days, the latest first."""
    today: tuple[Today, ...]
    stands: "Standing"
    harvests: "Sequence[Harvest]" = ()
    tiers: "Sequence[TierRun]" = ()


def _before_anything(profiles: tuple[Profile, ...], now: datetime) -> View:
    from digest.cli.standing import Standing

    today = today_of(profiles, {}, now)
    return View(profiles=profiles, record={}, today=today, stands=Standing(now=now, today=today))


def _view(
    loaded: Configuration, world: World, profiles: tuple[Profile, ...], last: int, *, is_of_all: bool
) -> View:
    from digest.cli.standing import standing
    from digest.store.editions import days
    from digest.store.harvests import last_harvests
    from digest.store.tiers import last_tier_runs

    sources = {source.name for source in setup.sources(loaded, world)}
    with setup.open_store_for_reading(loaded) as database, database.read() as connection:
        now = database.now(world.now())
        # The furthest zones are a day ahead of UTC and behind it.
        since = (now - max(last * A_DAY, LOOKED_BACK) + timedelta(hours=12)).date()
        if is_of_all:
            profiles += _unusable(connection, loaded)
        found = sorted(days(connection, [one.name for one in profiles], since), key=lambda one: one.profile)
        record = {name: tuple(some) for name, some in groupby(found, key=lambda one: one.profile)}
        today = today_of(profiles, record, now)
        return View(
            profiles=profiles,
            record=record,
            today=today,
            stands=standing(
                connection,
                today=today,
                relays=setup.relay_limits(loaded),
                now=now,
                last=last,
                is_gone=partial(_is_gone, loaded),
            ),
            harvests=[
                one
                for one in last_harvests(connection, since=now - timedelta(days=366), until=now)
                if one.source in sources
            ],
            tiers=last_tier_runs(connection),
        )


def _unusable(connection: "Connection", loaded: Configuration) -> tuple[Profile, ...]:
    """Readers whose file cannot be used just now, as far as their schedule was known before."""
    from digest.schedule import planned
    from digest.store.turns import turns_of

    broken = {Path(one.where.split(": ")[0]).stem for one in loaded.problems}
    rows = turns_of(connection, broken) if broken else {}
    return tuple(planned(name, row.plan) for name, row in sorted(rows.items()))


def _is_gone(loaded: Configuration, owner: str) -> bool:
    """Whether a process is known to be gone; who may only read cannot always know."""
    from digest.store.lock import is_gone

    try:
        return is_gone(loaded.store, owner)
    except StoreError:
        return False


def _of_sources(harvests: "Sequence[Harvest]") -> Iterator[str]:
    """Those that are not as they should be, in one sentence."""
    states = [
        f"{one.source} is {one.state.value}"
        for one in harvests
        if one.state not in (None, SourceState.FINE, SourceState.QUIET)
    ]
    if states:
        yield f"Of the sources, {', '.join(states)}; `digest sources` says more."


# ---------------------------------------------------------------- tables


def _print_today(today: Sequence[Today]) -> None:
    are_many = len(today) > FEW
    listed = in_order(one for one in today if not are_many or one.stands not in NEEDS_NO_LOOK)
    columns = ("day", "reader", "outcome", "shown/scored", "hour", "why")
    table(columns, [_row(one) for one in listed[:MOST_ROWS]], title="Today")
    _say_more(len(listed) - MOST_ROWS)
    if not today:
        say("There is no reader.")


def _row(one: Today) -> tuple[str, ...]:
    hour = f"{one.profile.send_at:%H:%M} {one.profile.timezone}"
    numbers = f"{one.picks}/{one.considered}" if one.considered else "-"
    return (one.day.isoformat(), one.profile.name, one.word, numbers, hour, shorten(one.reason, MAX_REASON))


def _print_week(view: View) -> None:
    days = days_until(max((one.day for one in view.today), default=view.stands.now.date()), 7)
    grid = grid_of(view.profiles, days, view.record, view.today)
    names = list(grid)
    if len(names) > FEW:
        rows = ((word(cell), *(f"{n:,}" for n in numbers)) for cell, numbers in counted(grid))
        table(("outcome", *map(str, days)), rows, title="Readers", has_head=True)
        names = troubled_first(grid)[:MOST_ROWS]
    show_grid(grid, days, names)
    _say_more(len(grid) - len(names))


def _say_more(number: int) -> None:
    if number > 0:
        say(f"... and {number:,} more: `digest status --json` has all, `digest status PROFILE` one.")


def _print_history(view: View, last: int) -> None:
    """Of one reader, the latest first; whys are not shortened."""
    for now in view.today:
        if at := now.due_at if now.stands is Ahead.DUE else now.next_at:
            say(f"The next edition of {now.profile.name} is due at {moment(at)}.")
        rows = sorted(_history(now, view.record.get(now.profile.name, ()), last), reverse=True)
        if not rows:
            say(f"No edition in the last {last} days. `digest send` makes today's.")
        table(("day", "reader", "outcome", "shown/scored", "why"), rows, title="Editions")


def _history(now: Today, record: "Sequence[Day]", last: int) -> Iterator[tuple[str, ...]]:
    """Days on record; and those of a pause and today's, where they are not."""
    name, first = now.profile.name, now.day - (last - 1) * A_DAY
    for one in record:
        if one.day >= first:
            numbers = f"{one.picks}/{one.considered}" if one.considered else "-"
            yield one.day.isoformat(), name, name_of(one.outcome), numbers, one.reason
    for day, why in paused_days(now.profile, first, now.day - A_DAY, record):
        yield day.isoformat(), name, name_of(Outcome.PAUSED), "-", why
    if now.stands is not Ahead.NONE and all(one.day != now.day for one in record):
        yield now.day.isoformat(), name, now.word, "-", now.reason


def _print_sources(view: View) -> None:
    rows = [
        (one.source, f"{one.at:%Y-%m-%d %H:%M} UTC", str(one.papers), str(one.fresh), _state(one))
        for one in view.harvests
    ]
    table(("source", "last read", "papers", "new", "state"), rows, title="Sources")
    tiers = [
        (one.name, f"{one.at:%Y-%m-%d %H:%M} UTC", str(one.papers), one.problem or "ok") for one in view.tiers
    ]
    table(("tier", "last run", "papers", "state"), tiers, title="Optional tiers")


def _state(one: "Harvest") -> str:
    state = "ok" if one.state in (None, SourceState.FINE) else one.state.value
    return f"{state}: {one.problem}" if one.problem and one.state else one.problem or state


# ---------------------------------------------------------------- as JSON


def _as_json(view: View, last: int) -> str:
    from digest.cli.standing import facts

    first = {one.profile.name: one.day - (last - 1) * A_DAY for one in view.today}
    found = [one for some in view.record.values() for one in some if one.day >= first[one.profile]]
    found.sort(key=lambda one: (-one.day.toordinal(), one.profile))
    return json.dumps(
        {
            "today": [_day_now(one) for one in view.today],
            "days": [_day(one) for one in found],
            "sources": [_harvest(one) for one in view.harvests],
            "tiers": [_tier(one) for one in view.tiers],
            "mail": facts(view.stands),
        }
    )


def _day_now(one: Today) -> dict[str, Any]:
    return {
        "profile": one.profile.name,
        "day": one.day.isoformat(),
        "stands": one.stands.value,
        "outcome": one.stands.value if isinstance(one.stands, Outcome) else None,
        "reason": one.reason,
        "due_at": instant(one.due_at),
        "next_at": instant(one.next_at),
    }


def _day(one: "Day") -> dict[str, Any]:
    return {
        "profile": one.profile,
        "day": one.day.isoformat(),
        "outcome": one.outcome.value,
        "shown": one.picks,
        "considered": one.considered,
        "reason": one.reason,
        "edition": one.edition,
        "reply": one.reply,
        "subject": one.subject,
    }


def _tier(one: "TierRun") -> dict[str, Any]:
    return {"tier": one.name, "at": one.at.isoformat(), "papers": one.papers, "problem": one.problem}


def _harvest(one: "Harvest") -> dict[str, Any]:
    return {
        "source": one.source,
        "at": one.at.isoformat(),
        "papers": one.papers,
        "fresh": one.fresh,
        "state": one.state.value if one.state else None,
        "problem": one.problem,
        "kept": one.kept,
    }
