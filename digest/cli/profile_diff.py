"""`digest profile diff`: what a change of profile gains and loses, on papers of days gone by."""

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import click

from digest.cli import setup
from digest.cli.profile_replay import days_asked, editions_of
from digest.cli.screen import say, table, working
from digest.cli.stored import Span, load_shelf
from digest.cli.world import Day, World
from digest.config import Configuration
from digest.model import Edition, Profile
from digest.tex.prose import readable
from digest.text import shorten

if TYPE_CHECKING:
    from digest.pipeline import Reader, Shelf
    from digest.profiles.compare import Change, Comparison, Side


@click.command("diff")
@click.argument("old")
@click.argument("new")
@click.option("--last", "span", type=Span(), metavar="DAYS", default="30d", show_default=True,
              help="So many days up to --to, such as 30d or 6w.")  # fmt: skip
@click.option("--to", "last", type=Day(), metavar="DATE", help="The last day; today if left out.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def profile_diff(ctx: click.Context, old: str, new: str, span: int, last: date | None, as_json: bool) -> None:
    """Show the papers two profiles would gain and lose, day by day.

    OLD and NEW are readers' names or profile files (ending in .toml): copy your profile, change the copy, and
    see what it does before you use it. NEW is read as if it took OLD's place: with what OLD's reader has had,
    liked and disliked. Each paper stands with its score before and after, and what made the difference.
    """
    world: World = ctx.obj
    loaded = setup.configuration(ctx, briefly=True)
    before, after = setup.chosen_profile(loaded, old), setup.chosen_profile(loaded, new)
    days = days_asked(before, None, last, span, world)
    found = _compared(loaded, before, after, days, world)
    if as_json:
        say(json.dumps(_as_dict(found, old, new), ensure_ascii=False, indent=2))
        return
    table(("day", "", "before", "after", "paper", "because of"), [_row(one) for one in found.changes])
    if found.changes:
        say()
        causes = [(f"+{gained}", f"−{lost}", what) for what, gained, lost in found.causes()]
        table(("gained", "lost", "because of"), causes)
        say()
    say(_total(found))


def _compared(
    loaded: Configuration, old: Profile, new: Profile, days: tuple[date, date], world: World
) -> "Comparison":
    from digest.profiles.compare import compare, differing

    window = loaded.settings.window_days
    since = days[0] - timedelta(days=2 * window)
    in_its_place = replace(new, name=old.name)
    shelf, readers = load_shelf(loaded, [old, in_its_place], first=since, last=days[1], world=world)
    names = (old.name, new.name if new.name != old.name else f"{new.name} (new)")
    before, after = (
        editions_of(reader, shelf, days, window, world, name)
        for reader, name in zip(readers, names, strict=True)
    )
    unlike = differing(before, after)
    changed = shelf.narrowed(one for one in shelf.candidates if one.paper.id in unlike)
    with working(f"comparing {len(unlike)} papers ..."):
        sides = (_side(reader, changed, made) for reader, made in zip(readers, (before, after), strict=True))
        return compare(*sides)


def _side(reader: "Reader", changed: "Shelf", editions: tuple[Edition, ...]) -> "Side":
    """Reasons are told for papers that make a difference only: they cost most of the time."""
    from digest.pipeline import score_shelf
    from digest.profiles.compare import Side

    picks = score_shelf(replace(reader, had=frozenset()), changed)
    return Side(
        profile=reader.profile,
        editions=editions,
        scores={pick.paper.id: pick.score for pick in picks},
    )


# ---------------------------------------------------------------- showing it


def _row(change: "Change") -> tuple[str, ...]:
    return (
        change.day.isoformat(),
        "+" if change.is_gain else "−",
        str(change.before),
        str(change.after),
        shorten(readable(change.paper.title), 70),
        str(change.cause),
    )


def _total(found: "Comparison") -> str:
    from digest.rendering.phrases import counted

    moved = f", {found.moved} on another day" if found.moved else ""
    if not found.changes:
        picked = found.kept + found.moved
        return f"No difference: both pick the same {picked} papers in {found.days} days{moved}."
    return (
        f"{counted(found.gained, 'paper')} gained and {counted(found.lost, 'paper')} lost "
        f"in {counted(found.days, 'day')}; "
        f"{found.kept + found.moved} stay{moved}."
    )


def _as_dict(found: "Comparison", old: str, new: str) -> dict[str, Any]:
    return {
        "old": old,
        "new": new,
        "days": found.days,
        "gained": found.gained,
        "lost": found.lost,
        "kept": found.kept,
        "moved": found.moved,
        "causes": [{"what": what, "gained": gained, "lost": lost} for what, gained, lost in found.causes()],
        "changes": [_change(change) for change in found.changes],
    }


def _change(change: "Change") -> dict[str, Any]:
    return {
        "day": change.day.isoformat(),
        "change": "gained" if change.is_gain else "lost",
        "id": change.paper.id,
        "title": change.paper.title,
        "before": change.before,
        "after": change.after,
        "because_of": change.cause.what,
        "points": change.cause.points,
    }
