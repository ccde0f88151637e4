"""`digest like`, `dislike`, `forget` and `feedback`: what a reader says of papers."""

import json
from typing import TYPE_CHECKING

import click

from digest.cli import setup
from digest.cli.screen import note, say, table, warn, working
from digest.cli.world import World
from digest.config import Configuration
from digest.errors import DigestError
from digest.identity import LIBRARY, is_title_only
from digest.links import paper_id
from digest.model import Paper, Profile, Verdict
from digest.tex.prose import readable
from digest.text import shorten, title_key

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from digest.store.database import Database

MOST_NAMED = 5
NOTHING_SAID = "{} has said nothing yet; `digest like PAPER` and `digest dislike PAPER` do"
WHAT_FOLLOWS = {
    Verdict.LIKE: "Papers like it count more, from the next edition on.",
    Verdict.DISLIKE: "It is not shown again, and papers like it count less, from the next edition on.",
}


@click.command()
@click.argument("paper")
@click.argument("profile", required=False)
@click.pass_context
def like(ctx: click.Context, paper: str, profile: str | None) -> None:
    """Say that a paper is what the reader wants more of.

    PAPER is an arXiv id, a DOI, an address of either, or (the beginning of) a title. A paper that is not
    stored is looked up by its id. The last word on a paper counts; `digest forget` takes it back.
    """
    _say_verdict(ctx, paper, profile, Verdict.LIKE)


@click.command()
@click.argument("paper")
@click.argument("profile", required=False)
@click.pass_context
def dislike(ctx: click.Context, paper: str, profile: str | None) -> None:
    """Say that a paper is what the reader wants less of.

    PAPER is as for `digest like`. It is not shown again, whatever its score. The last word on a paper counts;
    `digest forget` takes it back.
    """
    _say_verdict(ctx, paper, profile, Verdict.DISLIKE)


@click.command()
@click.argument("paper")
@click.argument("profile", required=False)
@click.pass_context
def forget(ctx: click.Context, paper: str, profile: str | None) -> None:
    """Take back what the reader said of a paper.

    PAPER is as for `digest like`. What the profile itself names in [liked] stays.
    """
    from digest.store.feedback import forget_verdict

    loaded, reader = _loaded(ctx, profile)
    with setup.open_store(loaded) as database:
        found = _paper(database, loaded, reader, paper, ctx.obj, ask=False)
        with database.begin() as connection:
            before = forget_verdict(connection, reader.name, found.id)
    if before is None:
        say(f"{reader.name} has said nothing of {_named(found)}.")
        return
    say(f"Forgotten, from the next edition on: that {reader.name} {before.verdict.value}d {_named(found)}.")


@click.command()
@click.argument("profile", required=False)
@click.option("--json", "as_json", is_flag=True, help="As JSON, one object a line.")
@click.pass_context
def feedback(ctx: click.Context, profile: str | None, as_json: bool) -> None:
    """List what a reader said of papers, the latest first."""
    from digest.library.liked import completed, load_liked
    from digest.store.feedback import said_by
    from digest.store.papers import find_papers

    loaded, reader = _loaded(ctx, profile)
    if not setup.has_store(loaded):
        note(NOTHING_SAID.format(reader.name))
        return
    with setup.open_store_for_reading(loaded) as database, database.read() as connection:
        said = said_by(connection, reader.name)[::-1]
        known = find_papers(connection, [one.paper_id for one in said])
    library = load_liked(reader)
    found = {one.paper_id: completed(library, known, one.paper_id) for one in said}
    titles = {identifier: paper.title if paper else identifier for identifier, paper in found.items()}
    if as_json:
        for one in said:
            shown = {"at": one.at.isoformat(), "verdict": one.verdict.value, "id": one.paper_id}
            say(json.dumps(shown | {"title": titles[one.paper_id]}, ensure_ascii=False))
    elif said:
        rows = (
            (f"{one.at:%Y-%m-%d}", one.verdict.value, one.paper_id, readable(titles[one.paper_id]))
            for one in said
        )
        table(("day", "verdict", "id", "title"), rows)
    else:
        note(NOTHING_SAID.format(reader.name))


def _loaded(ctx: click.Context, profile: str | None) -> tuple[Configuration, Profile]:
    loaded = setup.configuration(ctx, briefly=True)
    return loaded, setup.chosen_profile(loaded, profile)


def _say_verdict(ctx: click.Context, mention: str, profile: str | None, verdict: Verdict) -> None:
    from digest.store.feedback import record_verdict

    world: World = ctx.obj
    loaded, reader = _loaded(ctx, profile)
    with setup.open_store(loaded) as database:
        paper = _paper(database, loaded, reader, mention, world)
        with database.begin() as connection:
            before = record_verdict(connection, reader.name, paper.id, verdict, world.now())
    if before and before.verdict is verdict:
        say(f"{reader.name} said so on {before.at:%Y-%m-%d} already: {verdict.value}s {_named(paper)}.")
        return
    turned = f", and no longer {before.verdict.value}s it" if before else ""
    say(f"{reader.name} {verdict.value}s {_named(paper)}{turned}.")
    say(f"{WHAT_FOLLOWS[verdict]} `digest forget {paper.id}` takes it back.")


def _named(paper: Paper) -> str:
    return f"“{shorten(readable(paper.title), 100)}” ({paper.id})"


# ---------------------------------------------------------------- which paper


def _paper(
    database: "Database",
    loaded: Configuration,
    reader: Profile,
    mention: str,
    world: World,
    *,
    ask: bool = True,
) -> Paper:
    """The paper that is meant: stored, in the reader's own files, or (`ask`) known to a source; stored then.

    Raises DigestError if it is none, or if it might be several.
    """
    with database.read() as connection:
        found = _stored(connection, mention)
    if not found and (own := _in_library(reader, mention)):
        found = _keep(database, own[0]) if len(own) == 1 else own
    if not found:
        found = _spoken_of(database, reader, mention)
    if not found and ask and (identifier := paper_id(mention)):
        _look_up(database, loaded, identifier, world)
        with database.read() as connection:
            found = _stored(connection, identifier)
    if len(found) == 1:
        return found[0]
    raise _several(mention, found) if found else _no_paper(mention, asked=ask)


def _stored(connection: "Connection", mention: str) -> tuple[Paper, ...]:
    from digest.store.papers import find_beginning, find_papers

    by_id = find_papers(connection, {mention.strip(), paper_id(mention) or ""})
    return tuple(by_id.values()) or find_beginning(connection, mention, limit=MOST_NAMED + 1)


def _in_library(reader: Profile, mention: str) -> tuple[Paper, ...]:
    """The papers of the reader's own files that this may mean."""
    from digest.library.liked import load_liked

    papers = load_liked(reader).papers
    if (identifier := paper_id(mention)) and identifier in papers:
        return (papers[identifier],)
    key = title_key(mention)
    begun = [one for one in papers.values() if key and title_key(one.title).startswith(key)]
    return tuple([one for one in begun if title_key(one.title) == key] or begun)


def _keep(database: "Database", own: Paper) -> tuple[Paper, ...]:
    """A paper of the reader's files, so that something can be said of it: the stored one, or its bare id.

    What the file says of it is not stored: the store is shared, the file is the reader's.
    """
    from digest.store.papers import find_papers, find_titled, record_mention

    with database.begin() as connection:
        stored = tuple(find_papers(connection, [own.id]).values())
        if not stored and is_title_only(own.id):
            stored = find_titled(connection, [own.title]).get(own.id, ())
        if not stored:
            record_mention(connection, own.id)
    return stored or (own,)


def _spoken_of(database: "Database", reader: Profile, mention: str) -> tuple[Paper, ...]:
    """A paper that the reader spoke of when it was in her files, which have it no more: its id is all."""
    from digest.store.feedback import said_of

    ids = dict.fromkeys(filter(None, (mention.strip(), paper_id(mention))))
    with database.read() as connection:
        known = [one for one in ids if said_of(connection, reader.name, one)]
    return tuple(Paper(id=one, title=one, source=LIBRARY) for one in known)


def _look_up(database: "Database", loaded: Configuration, identifier: str, world: World) -> None:
    from digest.holdings import fetch_paper

    sources = setup.sources(loaded, world)
    with setup.client(loaded, world, database) as client, working(f"looking up {identifier}"):
        looked_up = fetch_paper(database, identifier, sources, client, world.now())
    for problem in looked_up.problems:
        warn(str(problem))


def _no_paper(mention: str, *, asked: bool) -> DigestError:
    if asked and (identifier := paper_id(mention)):
        fix = "Try again later, or name it in [liked] papers of the profile if it is to be liked"
        return DigestError(f"no paper {identifier} is stored, and no source knows it", fix=fix)
    fix = "Give its arXiv id or DOI, or the beginning of its title; `digest fetch` stores new papers"
    return DigestError(f"no stored paper is called {mention!r}", fix=fix)


def _several(mention: str, found: tuple[Paper, ...]) -> DigestError:
    named = "; ".join(f"{one.id} ({shorten(readable(one.title), 60)})" for one in found[:MOST_NAMED])
    more = "more than " if len(found) > MOST_NAMED else ""
    count = min(len(found), MOST_NAMED)
    return DigestError(f"{more}{count} papers are called like {mention!r}", fix=f"Say which: {named}")
