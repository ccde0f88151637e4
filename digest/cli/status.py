"""`digest status`: how each reader's day stands, how days ended, and how the sources are."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from digest.cli import setup
from digest.cli.screen import say, table
from digest.cli.states import instant, moment
from digest.cli.today import LOOKED_BACK, Ahead, Today, in_order, today_of, unstated
from digest.cli.week import WELL, counted, days_until, grid_of, show_grid, troubled_first, word
from digest.cli.world import World, is_terminal
from digest.config import Configuration
from digest.errors import ConfigurationError, StoreError
from digest.model import Outcome, Profile, SourceState
from digest.outcome import MEANINGS, day_of, name_of
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
"""Of a terminal's table; a pipe gets all of it."""
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
    profiles = _chosen(loaded, profile)
    if not setup.has_store(loaded):
        view = _before_anything(profiles, world.now())
        text = "Nothing has happened yet: there is no store. `digest fetch` makes it."
        say(_as_json(view, last) if as_json else text)
        return
    view = _view(loaded, world, profiles, max(last, 7) if week else last, only=profile)
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
    unstated: "Mapping[str, Sequence[Day]]" = field(default_factory=dict)
    """Those of which no pass has said how they ended, and which have ended all the same."""
    today: tuple[Today, ...]
    stands: "Standing"
    harvests: "Sequence[Harvest]" = ()
    tiers: "Sequence[TierRun]" = ()

    def days(self, name: str) -> "Sequence[Day]":
        """A reader's days, stated or not, the latest first."""
        ended = {one.day: one for one in (*self.record.get(name, ()), *self.unstated.get(name, ()))}
        return [ended[day] for day in sorted(ended, reverse=True)]


def _chosen(loaded: Configuration, only: str | None) -> tuple[Profile, ...]:
    """All, or the reader named; nobody, if that one's file cannot be used just now.

    Raises UsageError if there is no such reader, ConfigurationError if nothing was ever known of her.
    """
    if only and setup.has_store(loaded) and loaded.problems_of(only):
        return ()
    return setup.chosen_profiles(loaded, [only] if only else [])


def _before_anything(profiles: tuple[Profile, ...], now: datetime) -> View:
    from digest.cli.standing import Standing

    today = today_of(profiles, {}, {}, now)
    return View(profiles=profiles, record={}, today=today, stands=Standing(now=now, today=today))


def _view(
    loaded: Configuration, world: World, profiles: tuple[Profile, ...], last: int, *, only: str | None
) -> View:
    from digest.cli.standing import Horizon, standing
    from digest.store.harvests import last_harvests
    from digest.store.tiers import last_tier_runs

    sources = {source.name for source in setup.sources(loaded, world)}
    with setup.open_store_for_reading(loaded) as database, database.read() as connection:
        now = database.now(world.now())
        if not (only and profiles):
            profiles += _unusable(connection, loaded, only)
        view = _of_days(connection, profiles, now, last)
        horizon = Horizon(now=now, last=last, tick_s=loaded.settings.run.tick_s)
        return replace(
            view,
            stands=standing(
                connection,
                today=view.today,
                lost=_lost(view, last),
                relays=setup.relay_limits(loaded),
                horizon=horizon,
                is_gone=partial(_is_gone, loaded),
            ),
            harvests=[
                one
                for one in last_harvests(connection, since=now - timedelta(days=366), until=now)
                if one.source in sources
            ],
            tiers=last_tier_runs(connection),
        )


def _of_days(connection: "Connection", profiles: tuple[Profile, ...], now: datetime, last: int) -> View:
    """What is known of the readers' days."""
    from digest.cli.standing import Standing
    from digest.store.editions import days
    from digest.store.turns import turns_of

    names = [one.name for one in profiles]
    # The furthest zones are a day ahead of UTC and behind it.
    since = (now - max(last * A_DAY, LOOKED_BACK) + timedelta(hours=12)).date()
    found = sorted(days(connection, names, since), key=lambda one: one.profile)
    record = {name: tuple(some) for name, some in groupby(found, key=lambda one: one.profile)}
    rows = turns_of(connection, names)
    today = today_of(profiles, record, rows, now)
    ended = {
        one.profile.name: unstated(
            one.profile,
            since,
            one.day - A_DAY,
            record.get(one.profile.name, ()),
            rows.get(one.profile.name),
            now,
        )
        for one in today
    }
    return View(
        profiles=profiles, record=record, unstated=ended, today=today, stands=Standing(now=now, today=today)
    )


def _lost(view: View, last: int) -> "tuple[Day, ...]":
    """Days before each reader's own that ended too late for an edition, the latest first."""
    lost = [
        one
        for now in view.today
        for one in view.days(now.profile.name)
        if one.outcome is Outcome.EXPIRED and now.day - last * A_DAY < one.day < now.day
    ]
    return tuple(sorted(lost, key=lambda one: (-one.day.toordinal(), one.profile)))


def _unusable(connection: "Connection", loaded: Configuration, only: str | None) -> tuple[Profile, ...]:
    """Readers whose file cannot be used just now, as far as their schedule was known before.

    Raises ConfigurationError if it is not, and only that reader is asked for.
    """
    from digest.schedule import planned
    from digest.store.turns import turns_of

    broken = {only} if only else {Path(one.where.split(": ")[0]).stem for one in loaded.problems}
    rows = turns_of(connection, broken) if broken else {}
    if only and not rows:
        raise ConfigurationError(loaded.problems_of(only))
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
    why = shorten(one.reason, MAX_REASON) if is_terminal(sys.stdout) else one.reason
    return (one.day.isoformat(), one.profile.name, one.word, numbers, hour, why)


def _print_week(view: View) -> None:
    now = view.stands.now
    days = days_until(max((day_of(one, now) for one in view.profiles), default=now.date()), 7)
    record = {one.name: view.days(one.name) for one in view.profiles}
    grid = grid_of(view.profiles, days, record, view.today)
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
        rows = sorted(_history(now, view.days(now.profile.name), last), reverse=True)
        if not rows:
            say(f"No edition in the last {last} days; {now.word}: {now.reason}.")
        table(("day", "reader", "outcome", "shown/scored", "why"), rows, title="Editions")


def _history(now: Today, record: "Sequence[Day]", last: int) -> Iterator[tuple[str, ...]]:
    """Days that are known; and today's, where nothing is on record."""
    name = now.profile.name
    for one in record:
        if _is_among(one, now, last):
            numbers = f"{one.picks}/{one.considered}" if one.considered else "-"
            yield one.day.isoformat(), name, name_of(one.outcome), numbers, one.reason
    if now.stands is not Ahead.NONE and all(one.day != now.day for one in record):
        yield now.day.isoformat(), name, now.word, "-", now.reason


def _is_among(day: "Day", now: Today, last: int) -> bool:
    """Whether it is one of a reader's last days; what a clock that was wrong left of days to come is not."""
    return now.day - last * A_DAY < day.day <= now.day


def _print_sources(view: View) -> None:
    rows = [
        (one.source, moment(one.at), str(one.papers), str(one.fresh), _state(one)) for one in view.harvests
    ]
    table(("source", "last read", "papers", "new", "state"), rows, title="Sources")
    tiers = [(one.name, moment(one.at), str(one.papers), one.problem or "ok") for one in view.tiers]
    table(("tier", "last run", "papers", "state"), tiers, title="Optional tiers")


def _state(one: "Harvest") -> str:
    state = "ok" if one.state in (None, SourceState.FINE) else one.state.value
    return f"{state}: {one.problem}" if one.problem and one.state else one.problem or state


# ---------------------------------------------------------------- as JSON


def _as_json(view: View, last: int) -> str:
    from digest.cli.standing import facts

    stated = frozenset((one.profile, one.day) for some in view.record.values() for one in some)
    stated -= {(one.profile, one.day) for some in view.unstated.values() for one in some}
    found = [one for now in view.today for one in view.days(now.profile.name) if _is_among(one, now, last)]
    found.sort(key=lambda one: (-one.day.toordinal(), one.profile))
    return json.dumps(
        {
            "today": [_day_now(one) for one in view.today],
            "days": [{**_day(one), "is_stated": (one.profile, one.day) in stated} for one in found],
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
        "shown": one.picks,
        "considered": one.considered,
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
