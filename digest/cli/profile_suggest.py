"""`digest profile suggest`: interests that a reader's liked papers speak for."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import click

from digest.cli import setup
from digest.cli.screen import say, warn, working
from digest.cli.stored import Span, load_papers
from digest.cli.world import Day, World
from digest.config import Configuration
from digest.model import Profile
from digest.outcome import day_of
from digest.tex.prose import readable
from digest.text import shorten

if TYPE_CHECKING:
    from digest.profiles.suggest import Suggestion


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Suggestions of both kinds, and what they were made of."""

    liked: int
    disliked: int
    others: int
    interests: "tuple[Suggestion, ...]"
    avoid: "tuple[Suggestion, ...]"


@click.command("suggest")
@click.argument("profile", required=False)
@click.option("--last", "span", type=Span(), metavar="DAYS", default="365d", show_default=True,
              help="Compare with the papers of so many days, such as 90d or 26w.")  # fmt: skip
@click.option("--to", "last", type=Day(), metavar="DATE", help="The last of those days; today if left out.")
@click.option("--most", type=click.IntRange(1, 100), default=12, show_default=True,
              help="How many to propose at most.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def profile_suggest(
    ctx: click.Context, profile: str | None, span: int, last: date | None, most: int, as_json: bool
) -> None:
    """Propose interests from the papers a reader liked.

    Words and phrases that tell the liked papers (of the profile, its files, and feedback) from the other
    stored papers, as lines to paste into the profile, each with a weight and its evidence. What the profile
    has already is left out. Things to avoid are proposed from disliked papers, where there are enough.
    """
    world: World = ctx.obj
    loaded = setup.configuration(ctx, briefly=True)
    chosen = setup.chosen_profile(loaded, profile)
    found = _found(loaded, chosen, span, last, most, world)
    _warn_if_few(found)
    if as_json:
        say(json.dumps(_as_dict(found, chosen), ensure_ascii=False, indent=2))
        return
    for line in _lines(found, chosen):
        say(line)


def _found(
    loaded: Configuration, profile: Profile, span: int, last: date | None, most: int, world: World
) -> Found:
    from digest.profiles.suggest import suggest

    end = last or day_of(profile, world.now())
    first = end - timedelta(days=span - 1)
    candidates, (reader,) = load_papers(loaded, [profile], first=first, last=end, now=world.now())
    papers = [candidate.paper for candidate in candidates]
    ids = {paper.id for paper in (*reader.liked, *reader.disliked)}
    others = [paper for paper in papers if paper.id not in ids]
    known = (*profile.interests, *profile.avoid)
    with working(f"comparing {len(reader.liked)} liked papers with {len(others):,} others ..."):
        interests = suggest(reader.liked, [*others, *reader.disliked], known, most=most)
        avoid = suggest(reader.disliked, [*others, *reader.liked], known, most=most)
    return Found(
        liked=len(reader.liked),
        disliked=len(reader.disliked),
        others=len(others),
        interests=interests,
        avoid=avoid,
    )


def _warn_if_few(found: Found) -> None:
    from digest.profiles.suggest import FEW_LIKED, FEWEST_LIKED

    how = "add more to [liked], or say so with `digest like PAPER`"
    if found.liked < FEWEST_LIKED:
        warn(f"{_papers(found.liked)} known, too few to propose anything; {how}")
    elif found.liked < FEW_LIKED:
        warn(f"only {found.liked} liked papers are known, so these are guesses; {how}")


def _papers(number: int) -> str:
    return "one liked paper is" if number == 1 else f"{number or 'no'} liked papers are"


# ---------------------------------------------------------------- showing it


def _lines(found: Found, profile: Profile) -> Iterator[str]:
    """Lines of a profile, to be pasted as they are."""
    from digest.profiles.suggest import FEWEST_LIKED

    for table, suggestions, number in (
        ("interests", found.interests, found.liked),
        ("avoid", found.avoid, found.disliked),
    ):
        if suggestions:
            kind = "liked" if table == "interests" else "disliked"
            yield f"# What tells {number} {kind} papers of {profile.name} from {found.others:,} others."
            yield f"# Paste what you like below [{table}]:"
            yield from _table(suggestions, number, kind, found.others)
            yield ""
    if not (found.interests or found.avoid) and found.liked >= FEWEST_LIKED:
        yield f"# Nothing to add: {profile.name} has every term that tells the liked papers from others."


def _table(suggestions: "Sequence[Suggestion]", number: int, kind: str, others: int) -> Iterator[str]:
    lines = [_toml(one) for one in suggestions]
    width = min(48, max(map(len, lines)))
    for line, one in zip(lines, suggestions, strict=True):
        counts = f"{one.liked} of {number} {kind}, {one.others:,} of {others:,} others"
        yield f"{line:<{width}}  # {counts}: {shorten(readable(one.example), 60)}"


def _toml(one: "Suggestion") -> str:
    import tomlkit

    phrase = tomlkit.string(one.phrase).as_string()
    if not one.aliases:
        return f"{phrase} = {one.weight}"
    aliases = ", ".join(tomlkit.string(alias).as_string() for alias in one.aliases)
    return f"{phrase} = {{ weight = {one.weight}, aliases = [{aliases}] }}"


def _as_dict(found: Found, profile: Profile) -> dict[str, Any]:
    return {
        "profile": profile.name,
        "liked": found.liked,
        "disliked": found.disliked,
        "others": found.others,
        "interests": [_suggestion(one) for one in found.interests],
        "avoid": [_suggestion(one) for one in found.avoid],
    }


def _suggestion(one: "Suggestion") -> dict[str, Any]:
    return {
        "phrase": one.phrase,
        "aliases": list(one.aliases),
        "weight": one.weight,
        "in_liked": one.liked,
        "in_others": one.others,
        "sureness": one.sureness,
        "example": one.example,
    }
