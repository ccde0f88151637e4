"""`digest status`: how each reader's days ended, and how the sources are."""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from digest.cli import setup
from digest.cli.screen import say, table
from digest.cli.world import World
from digest.config import Configuration
from digest.errors import StoreError
from digest.model import SourceState
from digest.text import shorten

if TYPE_CHECKING:
    from digest.store.editions import Day
    from digest.store.harvests import Harvest
    from digest.store.tiers import TierRun


@click.command()
@click.argument("profile", required=False)
@click.option(
    "--last", "last", type=click.IntRange(1, 366), default=7, show_default=True, help="How many days."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def status(ctx: click.Context, profile: str | None, last: int, as_json: bool) -> None:
    """Say how each reader's days ended, and how the sources are.

    First how the mail stands now: what waits and until when, what may have arrived or not, which relay needs
    you. Then tables, of all readers or of PROFILE; times are UTC. Outcomes: sent; ready (waits, or is going
    out); waiting (for a list that is not whole); quiet (nothing reached the threshold); no_list (no source
    had a new paper); source_down; failed (refused, bounced, suppressed, or could not be made); unknown (may
    have arrived: the connection was lost while it went out); expired (given up: could not be sent in time).
    """
    world: World = ctx.obj
    loaded = setup.configuration(ctx, briefly=True)
    profiles = setup.chosen_profiles(loaded, [profile] if profile else [])
    names = [one.name for one in profiles]
    sources = {source.name for source in setup.sources(loaded, world)}
    from digest.cli.standing import before_anything, facts, sentences, standing

    if not setup.has_store(loaded):
        if as_json:
            say(_as_json((), (), (), facts(before_anything(profiles, world.now()))))
        else:
            say("Nothing has happened yet: there is no store. `digest fetch` makes it.")
        return
    from digest.store.editions import days
    from digest.store.harvests import last_harvests
    from digest.store.tiers import last_tier_runs

    with setup.open_store_for_reading(loaded) as database, database.read() as connection:
        now = database.now(world.now())
        # The furthest zones are a day ahead of UTC and behind it.
        found = days(connection, names, since=(now - timedelta(days=last - 1, hours=12)).date())
        harvests = [
            one
            for one in last_harvests(connection, since=now - timedelta(days=366), until=now)
            if one.source in sources
        ]
        tiers = last_tier_runs(connection)
        stands = standing(
            connection,
            profiles=profiles,
            relays=setup.relay_limits(loaded),
            now=now,
            last=last,
            is_gone=partial(_is_gone, loaded),
        )
    if as_json:
        say(_as_json(found, harvests, tiers, facts(stands)))
        return
    for sentence in (*sentences(stands), *_of_sources(harvests)):
        say(sentence)
    _print(found, harvests, last)
    rows = [(one.name, f"{one.at:%Y-%m-%d %H:%M} UTC", str(one.papers), one.problem or "ok") for one in tiers]
    if rows:
        table(("tier", "last run", "papers", "state"), rows, title="Optional tiers")


def _of_sources(harvests: "Sequence[Harvest]") -> Iterator[str]:
    """Those that are not as they should be, in one sentence."""
    states = [
        f"{one.source} is {one.state.value}"
        for one in harvests
        if one.state not in (None, SourceState.FINE, SourceState.QUIET)
    ]
    if states:
        yield f"Of the sources, {', '.join(states)}; `digest sources` says more."


def _is_gone(loaded: Configuration, owner: str) -> bool:
    """Whether a process is known to be gone; who may only read cannot always know."""
    from digest.store.lock import is_gone

    try:
        return is_gone(loaded.store, owner)
    except StoreError:
        return False


def _print(found: "tuple[Day, ...]", harvests: "Sequence[Harvest]", last: int) -> None:
    if not found:
        say(f"No edition in the last {last} days. `digest send` makes today's.")
    else:
        rows = [
            (one.day.isoformat(), one.profile, one.outcome.value, f"{one.picks}/{one.considered}", _told(one))
            for one in found
        ]
        table(("day", "reader", "outcome", "reached/scored", "what"), rows, title="Editions")
    rows = [
        (one.source, f"{one.at:%Y-%m-%d %H:%M} UTC", str(one.papers), str(one.fresh), _state(one))
        for one in harvests
    ]
    table(("source", "last read", "papers", "new", "state"), rows, title="Sources")


def _state(one: "Harvest") -> str:
    state = "ok" if one.state in (None, SourceState.FINE) else one.state.value
    return f"{state}: {one.problem}" if one.problem and one.state else one.problem or state


def _told(one: "Day") -> str:
    return shorten(one.subject if one.subject and one.outcome.value == "sent" else one.reason, 100)


def _as_json(
    found: "Sequence[Day]", harvests: "Sequence[Harvest]", tiers: "Sequence[TierRun]", mail: dict[str, Any]
) -> str:
    return json.dumps(
        {
            "days": [_day(one) for one in found],
            "sources": [_harvest(one) for one in harvests],
            "tiers": [_tier(one) for one in tiers],
            "mail": mail,
        }
    )


def _day(one: "Day") -> dict[str, Any]:
    return {
        "profile": one.profile,
        "day": one.day.isoformat(),
        "outcome": one.outcome.value,
        "shown": one.picks,
        "considered": one.considered,
        "reason": one.reason,
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
