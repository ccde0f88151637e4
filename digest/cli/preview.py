"""`digest preview`: the real pipeline without its last step."""

import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from digest.cli import setup
from digest.cli.screen import complain, note, put, say
from digest.cli.world import Day, World
from digest.config import Configuration
from digest.errors import DigestError, ExitCode, InputError, UsageError
from digest.model import Edition, Profile
from digest.outcome import day_of, has_message, told
from digest.schedule import period_of

if TYPE_CHECKING:
    from digest.pipeline import Reader, Shelf
    from digest.rendering.renderer import Rendered


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Whose edition of which day, made of what."""

    profile: str | None
    day: date | None
    pages: tuple[str, ...]
    saved_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """How an edition is shown, and into which files it goes."""

    as_text: bool
    as_json: bool
    html: Path | None
    eml: Path | None
    bibtex: Path | None
    archive: Path | None

    @property
    def into_files(self) -> bool:
        """Whether any file is asked for."""
        return any((self.html, self.eml, self.bibtex, self.archive))

    @property
    def are_named(self) -> bool:
        """Whether there is any; else the edition is just shown."""
        return self.as_text or self.as_json or self.into_files


@click.command()
@click.argument("profile", required=False)
@click.option("--text", "as_text", is_flag=True, help="Print the text part.")
@click.option("--json", "as_json", is_flag=True, help="Print the edition as JSON.")
@click.option("--html", "html", type=click.Path(path_type=Path), metavar="FILE", help="Write the HTML part.")
@click.option(
    "--eml", "eml", type=click.Path(path_type=Path), metavar="FILE", help="Write the whole message."
)
@click.option("--bibtex", type=click.Path(path_type=Path), metavar="FILE", help="Write the picks as BibTeX.")
@click.option(
    "--archive",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Add it to an archive of pages, with a feed.",
)
@click.option("--day", type=Day(), metavar="DATE", help="The edition of another day, from what is stored.")
@click.option(
    "--page", "pages", multiple=True, metavar="FILE", help="Use saved pages instead of the store; repeatable."
)
@click.option("--saved-on", type=Day(), metavar="DATE", help="When the pages were saved (see `digest read`).")
@click.option(
    "--watch",
    is_flag=True,
    help="Serve it to a browser here; render and reload whenever a template is saved.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), metavar="N", help="Where --watch serves; else any free."
)
@click.pass_context
def preview(
    ctx: click.Context,
    /,
    profile: str | None,
    day: date | None,
    pages: tuple[str, ...],
    saved_on: date | None,
    watch: bool,
    port: int | None,
    **ways: Any,
) -> None:
    """Show the edition a reader would get, changing nothing.

    PROFILE is a reader's name, or a profile file; it may be left out where there is only one. Opens the mail
    in the browser on a desktop, and prints its text elsewhere. Nothing is marked as had, nothing is queued;
    the store is opened for reading only. Where there is no store yet, the sources are read into memory.

    With --archive, DIR/NAME gets the edition as page, text, JSON and BibTeX, a list of all editions
    (index.html) and an Atom feed; an edition that would not be sent is left out.

    With --watch, the mail is at http://127.0.0.1:N/ and its text part at /text, for browsers on this machine
    only. Save a template, and the page shows it in a moment, or the error with file and line; a saved profile
    or configuration makes the edition anew. Ctrl-C ends it.
    """
    wanted = Wanted(profile=profile, day=day, pages=pages, saved_on=saved_on)
    if watch:
        _watch(ctx, wanted, Ways(**ways), port or 0)
    elif port is not None:
        raise UsageError("--port is for --watch only")
    else:
        _preview(ctx, wanted, Ways(**ways))


def _watch(ctx: click.Context, wanted: Wanted, ways: Ways, port: int) -> None:
    if ways.are_named:
        raise UsageError("--watch shows the edition in a browser only", fix="Leave the other ways out")
    from digest.cli.watch import watch

    watch(ctx, wanted, port=port)


def _preview(ctx: click.Context, wanted: Wanted, ways: Ways) -> None:
    loaded = setup.configuration_if_any(ctx) if wanted.pages else setup.configuration(ctx, briefly=True)
    edition = edition_for(loaded, wanted, ctx.obj)
    if ways.as_json:
        _print_json(edition)
    if ways.as_json and not (ways.as_text or ways.into_files):
        return
    rendered = setup.renderer(loaded).render(edition, setup.sender(loaded))
    _tell_if_unsent(edition)
    _write(rendered, edition, loaded, ways)
    if ways.as_text or not ways.are_named:
        _show(rendered, edition, ctx.obj, text_only=ways.as_text)
    if ways.archive:
        _archive(ways.archive, edition, loaded)


def edition_for(loaded: Configuration | None, wanted: Wanted, world: World) -> Edition:
    """The edition that would be made."""
    from digest.pipeline import make_edition

    profile = setup.chosen_profile(loaded, wanted.profile)
    day = wanted.day or day_of(profile, world.now())
    now = min(world.now(), _end_of(day, profile))
    shelf, reader = shelf_and_reader(loaded, wanted, profile, world, day=day, now=now, as_made=True)
    edition = make_edition(reader, shelf, day=day, now=now)
    return _summarised(edition, loaded, world) if loaded and not wanted.pages else edition


def shelf_and_reader(
    loaded: Configuration | None,
    wanted: Wanted,
    profile: Profile,
    world: World,
    *,
    day: date,
    now: datetime,
    as_made: bool = False,
) -> "tuple[Shelf, Reader]":
    """The papers to choose from and what is known of the reader: from pages, from the store, or fresh.

    `as_made` leaves out what the reader said after the message of that day was made, if it was.
    """
    if loaded and not wanted.pages and setup.has_store(loaded):
        return _stored(loaded, profile, world, day=day, now=now, as_made=as_made)
    from digest.library.liked import complete, load_liked
    from digest.pipeline import Reader

    fresh = (
        _shelf_of_pages(wanted, world)
        if wanted.pages or not loaded
        else _shelf_of_sources(loaded, world, now)
    )
    shelf = fresh.over(period_of(profile, day))
    liked = complete(load_liked(profile), {one.paper.id: one.paper for one in shelf.candidates})
    known = frozenset(paper.id for paper in liked.papers)
    return shelf, Reader(profile=profile, had=known, liked=liked.papers, notes=liked.notes)


def _stored(
    loaded: Configuration, profile: Profile, world: World, *, day: date, now: datetime, as_made: bool
) -> "tuple[Shelf, Reader]":
    from digest.cli.tiers import embedding_model
    from digest.holdings import stored_reader, stored_shelves
    from digest.store.editions import queued_at

    with setup.open_store_for_reading(loaded) as database, database.read() as connection:
        sources = {source.name: source.grows for source in setup.sources(loaded, world)}
        days, model = loaded.settings.window_days, embedding_model(loaded, world)
        shelves = stored_shelves(connection, sources, window_days=days, now=now, model=model)
        until = queued_at(connection, profile.name, day) if as_made else None
        embeds = loaded.settings.embedding is not None
        known = stored_reader(connection, profile, day=day, said_until=until, embeds=embeds)
        reader, shelf = shelves.placed(connection, known, day)
        return shelf, reader


def _summarised(edition: Edition, loaded: Configuration, world: World) -> Edition:
    """With the summaries that are stored; none is written for a look."""
    from digest.cli.tiers import known
    from digest.tiers import with_summaries

    if loaded.settings.summaries is None or not setup.has_store(loaded):
        return edition
    with setup.open_store_for_reading(loaded) as database, database.read() as connection:
        written = known(loaded, connection, (pick.paper for pick in edition.shown), world)
    return with_summaries(edition, written)


def _shelf_of_sources(loaded: Configuration, world: World, now: datetime) -> "Shelf":
    from digest.cli.harvesting import harvest_all
    from digest.pipeline import shelf_of_listings

    note("Nothing is stored yet: reading the sources, keeping nothing (`digest fetch` keeps).")
    harvested = harvest_all(loaded, world)
    if not any(one.listings for one in harvested):
        raise InputError("none of the sources could be read")
    return shelf_of_listings(harvested, now)


def _shelf_of_pages(wanted: Wanted, world: World) -> "Shelf":
    from digest.cli.read import read_pages, report
    from digest.harvest import Harvested
    from digest.pipeline import shelf_of_listings

    results = list(read_pages(wanted.pages, world, wanted.saved_on))
    report(results)
    problems = tuple(result for _, result in results if isinstance(result, DigestError))
    if len(problems) == len(results):
        raise InputError("none of the pages could be read")
    harvested = Harvested(
        source="listing",
        listings=tuple(result for _, result in results if not isinstance(result, DigestError)),
        problems=problems,
    )
    return shelf_of_listings([harvested], world.now())


def _end_of(day: date, profile: Profile) -> datetime:
    midnight = datetime.combine(day + timedelta(days=1), time(), tzinfo=ZoneInfo(profile.timezone))
    return midnight.astimezone(UTC) - timedelta(seconds=1)


# ---------------------------------------------------------------- showing it


def _print_json(edition: Edition) -> None:
    """With the mail's subject, in which templates of one's own have no say."""
    from digest.language import language
    from digest.outputs.data import to_json
    from digest.rendering.letter import subject_of

    say(to_json(edition, subject_of(edition, language(edition.profile.language))))


def _tell_if_unsent(edition: Edition) -> None:
    if not has_message(edition):
        quiet = edition.profile.on_quiet_day.value
        reason = told(edition)
        note(f'{reason[:1].upper()}{reason[1:]}: nothing would be sent, as on_quiet_day = "{quiet}".')


def _write(rendered: "Rendered", edition: Edition, loaded: Configuration | None, ways: Ways) -> None:
    from digest.message import compose
    from digest.outputs.bibtex import to_bibtex

    if ways.html:
        _save(ways.html, rendered.html.encode())
    if ways.eml:
        message = compose(
            rendered.subject,
            rendered.text_part,
            rendered.html_part,
            edition=edition,
            sender=setup.sender(loaded),
        )
        _save(ways.eml, message.data)
    if ways.bibtex:
        _save(ways.bibtex, to_bibtex(edition).encode())


def _archive(archive: Path, edition: Edition, loaded: Configuration | None) -> None:
    """Write what would be sent; what is wrong with files that are there already is told last."""
    from digest.outputs.archive import open_press
    from digest.outputs.folder import write_archive

    if not has_message(edition):
        note(f"nothing added to {archive}")
        return
    folder = loaded.settings.templates_dir if loaded else None
    press = open_press(setup.sender(loaded), loaded.path(folder) if loaded and folder else None)
    page, problems = write_archive(archive, edition, press)
    note(f"wrote {page}")
    for problem in problems:
        complain(problem)
    if problems:
        sys.exit(ExitCode.INPUT)


def _save(path: Path, data: bytes) -> None:
    if path == Path("-"):
        put(data)
        return
    try:
        path.write_bytes(data)
    except OSError as problem:
        raise DigestError(f"cannot be written ({problem.strerror})", where=str(path)) from problem
    note(f"wrote {path}")


def _show(rendered: "Rendered", edition: Edition, world: World, *, text_only: bool) -> None:
    if text_only or not world.has_desktop:
        say(rendered.text)
        return
    folder = Path(tempfile.mkdtemp(prefix="digest-preview-"))
    page = folder / f"{edition.profile.name}-{edition.day}.html"
    _save(page, rendered.html.encode())
    world.open_page(page.as_uri())
