"""`digest profile replay`: what a reader's past editions would have been."""

import json
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from digest.cli import setup
from digest.cli.screen import note, say, stepping, table
from digest.cli.stored import Span, load_shelf
from digest.cli.world import Day, World
from digest.config import Configuration
from digest.errors import DigestError, UsageError
from digest.model import Edition, Pick, Profile, SectionName
from digest.outcome import day_of, name_of, reason_of
from digest.tex.prose import readable
from digest.text import shorten

if TYPE_CHECKING:
    from digest.pipeline import Reader, Shelf

MOST_DAYS = 731
"""Two years, of which a chart still shows each day."""


@click.command("replay")
@click.argument("profile", required=False)
@click.option("--from", "first", type=Day(), metavar="DATE", help="The first day.")
@click.option("--to", "last", type=Day(), metavar="DATE", help="The last day; today if left out.")
@click.option("--last", "span", type=Span(), metavar="DAYS", default="30d", show_default=True,
              help="Instead of --from: so many days, such as 30d or 6w.")  # fmt: skip
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write a page with a chart of picks and scores a day.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def profile_replay(
    ctx: click.Context,
    profile: str | None,
    first: date | None,
    last: date | None,
    span: int,
    html: Path | None,
    as_json: bool,
) -> None:
    """Show what the past editions would have been.

    PROFILE is a reader's name, or a profile file (ending in .toml), so a change can be tried before it is
    made. Every paper is shown once, as in real editions; nothing is stored. A paper counts from the day of
    its list, or the day it was stored if that is earlier. Votes are those known now.
    """
    world: World = ctx.obj
    loaded = setup.configuration(ctx, briefly=True)
    chosen = setup.chosen_profile(loaded, profile)
    days = days_asked(chosen, first, last, span, world)
    stored, editions = replayed(loaded, chosen, days, world)
    if as_json:
        say(
            json.dumps(
                {"profile": chosen.name, "days": [_day(one) for one in editions]},
                ensure_ascii=False,
                indent=2,
            )
        )
    else:
        _print(editions)
    if html:
        _write_page(html, chosen, editions, stored)


def days_asked(
    profile: Profile, first: date | None, last: date | None, span: int, world: World
) -> tuple[date, date]:
    """The first and the last day; raises UsageError if they are the wrong way round, or too many."""
    today = day_of(profile, world.now())
    end = last or today
    begin = first or end - timedelta(days=span - 1)
    if begin > end:
        raise UsageError(f"the first day, {begin}, is after the last, {end}", fix="Swap --from and --to")
    if end > today:
        raise UsageError(f"{end} is still to come", fix=f"Today is {today} in {profile.timezone}")
    if (end - begin).days >= MOST_DAYS:
        raise UsageError(f"{begin} to {end} is more than {MOST_DAYS} days", fix="Name a later first day")
    return begin, end


def replayed(
    loaded: Configuration, profile: Profile, days: tuple[date, date], world: World
) -> tuple[int, tuple[Edition, ...]]:
    """How many papers were looked at, and the editions of these days."""
    first, last = days
    window = loaded.settings.window_days
    since = first - timedelta(days=2 * window)
    shelf, (reader,) = load_shelf(loaded, [profile], first=since, last=last, world=world)
    return len(shelf.candidates), editions_of(reader, shelf, days, window, world, profile.name)


def editions_of(
    reader: "Reader", shelf: "Shelf", days: tuple[date, date], window: int, world: World, name: str
) -> tuple[Edition, ...]:
    """The editions of the days asked for.

    The window before them is replayed too, and not shown: else the first edition would choose from as many
    days as a window has, as if the reader had begun that day.
    """
    from digest.profiles.past import days_of, replay

    first, last = days
    asked = days_of(reader.profile, first - timedelta(days=window), last)
    steps = stepping(f"replaying {len(asked)} days of {name} ...", asked)
    editions = replay(reader, shelf, steps, window_days=window, now=world.now())
    return tuple(edition for edition in editions if edition.day >= first)


# ---------------------------------------------------------------- showing it


def _print(editions: Sequence[Edition]) -> None:
    from digest.profiles.chart import summary

    table(("day", "papers", "picks", "best", "what"), [_row(one) for one in editions])
    say()
    say(summary(editions))


def _row(edition: Edition) -> tuple[str, str, str, str, str]:

    picks = edition.section(SectionName.PICKS)
    best = max((pick.score.value for pick in picks), default=None)
    first = (
        shorten(readable(picks[0].paper.title), 70)
        if picks
        else f"{name_of(edition.outcome)}: {reason_of(edition)}"
    )
    return (
        f"{edition.day:%Y-%m-%d %a}",
        str(edition.considered),
        str(len(picks)),
        "-" if best is None else str(best),
        first,
    )


def _write_page(path: Path, profile: Profile, editions: Sequence[Edition], stored: int) -> None:
    from digest.profiles.page import render_replay

    if not editions:
        raise UsageError(
            "none of these days is a day of this reader's editions", fix="Name other days, or see `days`"
        )
    try:
        path.write_text(render_replay(profile, editions, stored), encoding="utf-8")
    except OSError as problem:
        raise DigestError(f"cannot be written ({problem.strerror})", where=str(path)) from problem
    note(f"wrote {path}")


def _day(edition: Edition) -> dict[str, Any]:
    return {
        "day": edition.day.isoformat(),
        "outcome": edition.outcome.value,
        "considered": edition.considered,
        "picks": [_pick(pick) for pick in edition.section(SectionName.PICKS)],
        "closest_misses": [_pick(pick) for pick in edition.misses],
    }


def _pick(pick: Pick) -> dict[str, Any]:
    return {
        "id": pick.paper.id,
        "title": pick.paper.title,
        "score": pick.score.value,
        "reasons": [{"label": one.label, "points": one.points} for one in pick.score.reasons],
    }
