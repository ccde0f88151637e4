"""`digest explain`: the arithmetic of one paper's score for one reader, and what follows from it."""

import json
from datetime import date
from typing import TYPE_CHECKING

import click

from digest.cli import setup
from digest.cli.preview import Wanted, shelf_and_reader
from digest.cli.screen import say
from digest.cli.world import World
from digest.config import Configuration
from digest.errors import DigestError
from digest.identity import identities
from digest.links import paper_id
from digest.model import Edition, Paper, Pick, Profile, Score, SectionName, Verdict
from digest.outcome import day_of
from digest.tex.prose import readable
from digest.text import shorten, title_key

if TYPE_CHECKING:
    from digest.pipeline import Reader, Shelf


@click.command()
@click.argument("paper")
@click.argument("profile", required=False)
@click.option(
    "--page", "pages", multiple=True, metavar="FILE", help="Use saved pages instead of the store; repeatable."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def explain(
    ctx: click.Context, paper: str, profile: str | None, pages: tuple[str, ...], as_json: bool
) -> None:
    """Show the arithmetic of a paper's score: why, or why not.

    PAPER is an arXiv id, a DOI, an address of either, or (the beginning of) a title.
    """
    world: World = ctx.obj
    loaded = setup.configuration_if_any(ctx) if pages else setup.configuration(ctx, briefly=True)
    reader = setup.chosen_profile(loaded, profile)
    found, verdict = _explained(loaded, reader, paper, pages, world)
    if as_json:
        reasons = [{"label": one.label, "points": one.points} for one in found.score.reasons]
        answer = {"profile": reader.name, "id": found.paper.id, "title": found.paper.title}
        say(json.dumps(answer | {"score": found.score.value, "reasons": reasons, "verdict": verdict}))
        return
    say(readable(found.paper.title))
    say(found.paper.id)
    say()
    for one in found.score.reasons:
        say(f"  {one.points:+4d}  {one.label}" + (f"   [{', '.join(one.words)}]" if one.words else ""))
    say(f"  {'=' + str(found.score.value):>4}  of 100, threshold {reader.threshold}")
    say()
    say(verdict)


def _explained(
    loaded: Configuration | None, profile: Profile, mention: str, pages: tuple[str, ...], world: World
) -> tuple[Pick, str]:
    from dataclasses import replace

    from digest.pipeline import make_edition, score_shelf

    now = world.now()
    day = day_of(profile, now)
    wanted = Wanted(profile=profile.name, day=None, pages=pages, saved_on=None)
    shelf, reader = shelf_and_reader(loaded, wanted, profile, world, day=day, now=now)
    paper = _find(shelf.after(reader.since), mention)
    had_on = None if pages or not loaded else _had_on(loaded, profile, paper, day)
    alone = shelf.narrowed(one for one in shelf.candidates if one.paper.id == paper.id)
    (pick,) = score_shelf(replace(reader, had=frozenset()), alone)
    had_earlier = had_on if had_on != day else None
    if paper.id in reader.had and not had_earlier:
        return pick, _verdict_said(loaded if not pages else None, reader, paper)
    return pick, _verdict(pick, make_edition(reader, shelf, day=day, now=now), had_earlier)


def _find(shelf: "Shelf", mention: str) -> Paper:
    """The paper of this id or title; else the only one whose title begins so. Raises DigestError."""
    papers = [candidate.paper for candidate in shelf.candidates]
    identifier, key = paper_id(mention), title_key(mention)
    by_id = [one for one in papers if one.id in (mention, identifier)]
    by_title = [one for one in papers if key and title_key(one.title) == key]
    by_beginning = [one for one in papers if key and title_key(one.title).startswith(key)]
    found = by_id or by_title or by_beginning
    if len(found) == 1:
        return found[0]
    if found:
        titles = "; ".join(shorten(readable(one.title), 60) for one in found[:5])
        raise DigestError(f"{len(found)} titles begin like {mention!r}", fix=f"Say which: {titles}")
    raise DigestError(
        f"no paper {mention!r} among the {len(papers)} papers an edition could choose from",
        fix="Give its arXiv id or the beginning of its title; `digest fetch` stores new ones",
    )


def _had_on(loaded: Configuration, profile: Profile, paper: Paper, day: date) -> date | None:
    from digest.store.editions import seen_on

    if not setup.has_store(loaded):
        return None
    with setup.open_store_for_reading(loaded) as database, database.read() as connection:
        return seen_on(connection, profile.name, day).get(paper.id)


def _verdict_said(loaded: Configuration | None, reader: "Reader", paper: Paper) -> str:
    """What follows from what the reader said of a paper, in commands, profile or files."""
    disliked = {name for one in reader.disliked for name in identities(one)}
    if paper.id in disliked or (loaded and _is_disliked(loaded, reader.profile, paper)):
        return f"{reader.profile.name} dislikes it: it is not shown (`digest forget {paper.id}`)."
    return f"{reader.profile.name} likes it already: it is no news, and not shown."


def _is_disliked(loaded: Configuration, profile: Profile, paper: Paper) -> bool:
    """Whether that was said, however long ago."""
    from digest.store.feedback import said_of

    if not setup.has_store(loaded):
        return False
    with setup.open_store_for_reading(loaded) as database, database.read() as connection:
        said = said_of(connection, profile.name, paper.id)
    return said is not None and said.verdict is Verdict.DISLIKE


def _verdict(pick: Pick, edition: Edition, had_on: date | None) -> str:
    """What follows from the score, in a sentence or two."""
    profile, score = edition.profile, pick.score
    if had_on:
        return f"{profile.name} had it on {had_on}; a paper is shown once."
    for section in edition.sections:
        for shown in section.picks:
            if pick.paper.id in (shown.paper.id, *(twin.paper.id for twin in shown.twins)):
                return f"Today's edition for {profile.name} {_place(pick, shown, section.name)}."
    if score.value >= profile.threshold:
        return f"It reaches {profile.name}'s threshold, but better papers fill today's edition."
    below = f"It stays {profile.threshold - score.value} points below {profile.name}'s threshold: not shown."
    return f"{below} {_why_nothing(score)}".rstrip()


def _place(pick: Pick, shown: Pick, section: SectionName) -> str:
    """Where the paper stands in an edition that shows it, on its own card or on its twin's."""
    if pick.paper.id != shown.paper.id:
        head = shorten(readable(shown.paper.title), 80)
        return f"names it on the card of “{head}”, which says almost the same, under {section.value}"
    if section is SectionName.EXPLORATION:
        return "shows it as a step aside: below the threshold, close to the taste, unlike the picks"
    followed = " (followed: shown whatever its score)" if pick.score.followed else ""
    return f"shows it under {section.value}{followed}"


def _why_nothing(score: Score) -> str:
    """What a score without reasons means."""
    if score.reasons:
        return ""
    avoided = "; it has what the profile avoids" if score.avoided else ""
    return f"Nothing in it matches the profile's interests, follows or liked papers{avoided}."
