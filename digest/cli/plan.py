"""`digest plan`: when each wave of readers would have its mail, and what holds it up."""

import json
import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from digest.cli import setup
from digest.cli.screen import note, say, table
from digest.cli.states import instant
from digest.cli.world import Day, World
from digest.config import Configuration

if TYPE_CHECKING:
    from digest.pace import Limits
    from digest.plan import Advice, Held, Plan, Served, Way

ASSUMED_S = 0.5
"""Seconds a message and connection, where the record says nothing: a relay elsewhere, many round trips."""
ASSUMED_LOCAL_S = 0.02
MEASURED_DAYS = 14
MEASURED_MOST = 20_000
_SPANS = {"per_minute": "a minute", "per_hour": "an hour", "per_day": "a day"}


@click.command()
@click.option("--readers", type=click.IntRange(1, 10_000_000), help="As if there were so many, spread alike.")
@click.option("--day", type=Day(), help="Of this day; else the one of the next seven with most readers.")
@click.option(
    "--late-after",
    type=click.IntRange(1, 1_440),
    default=60,
    show_default=True,
    metavar="MINUTES",
    help="So long after its hour a mail is late.",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def plan(ctx: click.Context, readers: int | None, day: date | None, late_after: int, as_json: bool) -> None:
    """Say when each wave of readers would have its mail, and what holds it up.

    A wave is all readers who are due at one moment. What counts is the relays' limits, the readers' hours and
    zones, and how fast relays took mail in the last two weeks (where the record says nothing, that is
    assumed, and said). Nothing is sent, and no server asked. Times are UTC.
    """
    from digest.plan import advise, carries, fullest_day, make_plan, scaled, waves_of

    world: World = ctx.obj
    loaded = setup.configuration(ctx, briefly=True)
    day = day or fullest_day(loaded.profiles, world.now().date())
    waves = waves_of(loaded.profiles, day)
    if readers:
        waves = scaled(waves, readers, day)
    rates = {name: _rate(loaded, name, limits, world) for name, limits in setup.relay_limits(loaded).items()}
    ways = [way for way, _ in rates.values()]
    patience = timedelta(minutes=late_after)
    made = make_plan(waves, ways, late_after=patience)
    advice = advise(waves, ways, late_after=patience)
    if as_json:
        say(json.dumps(_json(day, made, rates, advice)))
        return
    if not waves:
        note(f"No reader has an edition on {day:%A, %Y-%m-%d}. --readers N says how it would be with N.")
        return
    for way, source in rates.values():
        note(_described(way, source))
    say(_headline(day, made, late_after))
    table(_COLUMNS, map(_row, made.waves))
    is_smtp = loaded.settings.mail.transport == "smtp"
    for line in _advice(made, advice, ways, carries(ways), is_smtp=is_smtp):
        say(line)


def _rate(loaded: Configuration, name: str, limits: "Limits", world: World) -> "tuple[Way, str]":
    """A relay's speed, and where that is known from."""
    from digest.plan import Way, measured_rate
    from digest.store.speeds import taken_at

    measured = None
    if setup.has_store(loaded):
        since = world.now() - timedelta(days=MEASURED_DAYS)
        with setup.open_store_for_reading(loaded) as database, database.read() as connection:
            measured = measured_rate(taken_at(connection, name, since, MEASURED_MOST))
    if measured:
        return Way(name=name, limits=limits, rate=measured), f"measured in the last {MEASURED_DAYS} days"
    each_s = ASSUMED_S if loaded.settings.mail.transport == "smtp" else ASSUMED_LOCAL_S
    source = f"assumed: {each_s:g} s a message and connection"
    return Way(name=name, limits=limits, rate=limits.connections / each_s), source


# ---------------------------------------------------------------- in words


def _described(way: "Way", source: str) -> str:
    given = {span: getattr(way.limits, key) for key, span in _SPANS.items()}
    bounds = [f"{most:,} {span}" for span, most in given.items() if most is not None]
    allowed = f"at most {', '.join(bounds)}" if bounds else "no limit"
    return f"{way.name}: {allowed}; takes {way.rate:,.3g} messages a second ({source})"


_COLUMNS = ("due", "readers", "begins", "ends", "late", "not that day", "held up by")


def _headline(day: date, made: "Plan", late_after: int) -> str:
    readers = sum(one.wave.readers for one in made.waves)
    late = sum(one.late for one in made.waves)
    unserved = sum(one.unserved for one in made.waves)
    within = f"within {late_after} minutes of their hour"
    begun = f"{day:%A, %Y-%m-%d}: {readers:,} reader{'s' if readers != 1 else ''}"
    if not (late or unserved):
        return f"{begun}; all have the mail {within}."
    missing = [
        *([f"{late:,} would be late"] if late else []),
        *([f"{unserved:,} would have none that day"] if unserved else []),
    ]
    return f"{begun}; {readers - late - unserved:,} have the mail {within}, {', '.join(missing)}."


def _row(one: "Served") -> tuple[str, ...]:
    due = one.wave.due_at
    return (
        f"{due.astimezone(UTC):%Y-%m-%d %H:%M}",
        f"{one.wave.readers:,}",
        _clock(one.begins_at, due),
        _clock(one.ends_at, due),
        f"{one.late:,}" if one.late else "-",
        f"{one.unserved:,}" if one.unserved else "-",
        _held(one.held) if one.held and (one.late or one.unserved or _took_long(one)) else "-",
    )


def _took_long(one: "Served") -> bool:
    return one.ends_at is not None and one.ends_at - one.wave.due_at >= timedelta(minutes=1)


def _clock(at: datetime | None, due: datetime) -> str:
    """The time, and how many days later that is."""
    if at is None:
        return "-"
    days = (at.astimezone(UTC).date() - due.astimezone(UTC).date()).days
    return f"{at.astimezone(UTC):%H:%M:%S}" + (f" +{days} d" if days else "")


def _held(held: "Held") -> str:
    if held.key in _SPANS:
        return f"{held.relay}: its limit {_SPANS[held.key]}"
    return f"{held.relay}: how fast it takes mail"


def _advice(
    made: "Plan", advice: "Sequence[Advice]", ways: "Sequence[Way]", most: tuple[int, int], *, is_smtp: bool
) -> "list[str]":
    if made.worst is None:
        return []
    limits = {way.name: way for way in ways}
    needs = [_need(one, limits[one.held.relay], is_smtp=is_smtp) for one in advice]
    hour, day = most
    who = "The relays together take" if len(ways) > 1 else f"{ways[0].name} takes"
    is_too_much = sum(one.wave.readers for one in made.waves) > day
    return [
        *([f"It would be enough if {' and '.join(needs)}."] if needs else []),
        f"{who} at most {hour:,} messages in an hour and {day:,} in a day: {_HELPS[is_smtp, is_too_much]}.",
    ]


_HELPS = {
    (True, False): "readers spread over more hours, or a further [[smtp]], help too",
    (True, True): "no hours help, only more relays ([[smtp]]) or another provider",
    (False, False): "readers spread over more hours help too",
    (False, True): "no hours help",
}
"""What else would, for SMTP or a folder; and where there are more readers than a day takes."""


def _need(one: "Advice", way: "Way", *, is_smtp: bool) -> str:
    if one.held.key in _SPANS:
        allowed = getattr(way.limits, one.held.key)
        relays = f", as much as {math.ceil(one.needed / allowed):,} such relays" if allowed else ""
        return f"{way.name} took {one.needed:,.0f} {_SPANS[one.held.key]} (it takes {allowed:,}){relays}"
    means = ", by more connections" if is_smtp else ""
    return f"{way.name} took {one.needed:,.2f} messages a second{means} (it takes {way.rate:,.2f})"


# ---------------------------------------------------------------- as JSON


def _json(
    day: date, made: "Plan", rates: "dict[str, tuple[Way, str]]", advice: "Sequence[Advice]"
) -> dict[str, Any]:
    return {
        "day": day.isoformat(),
        "relays": [
            {
                "name": way.name,
                "messages_per_second": round(way.rate, 3),
                "source": source,
                "connections": way.limits.connections,
                **{key: getattr(way.limits, key) for key in _SPANS},
            }
            for way, source in rates.values()
        ],
        "waves": [
            {
                "due_at": instant(one.wave.due_at),
                "readers": one.wave.readers,
                "begins_at": instant(one.begins_at),
                "ends_at": instant(one.ends_at),
                "late": one.late,
                "unserved": one.unserved,
                "held_by": {"relay": one.held.relay, "key": one.held.key} if one.held else None,
            }
            for one in made.waves
        ],
        "would_help": [
            {"relay": one.held.relay, "key": one.held.key, "needed": one.needed} for one in advice
        ],
    }
