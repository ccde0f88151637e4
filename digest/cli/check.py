"""`digest check`: everything that could go wrong in the morning, tried now."""

import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from digest.cli import setup
from digest.cli.screen import complain, say, warn
from digest.cli.world import World
from digest.config import Configuration
from digest.errors import ConfigurationError, DigestError, ExitCode, InputError, RefusedError, StoreError
from digest.model import Paper, Profile, Verdict


@click.command()
@click.option("--no-login", is_flag=True, help="Try nothing that connects: no SMTP login, no endpoint.")
@click.pass_context
def check(ctx: click.Context, no_login: bool) -> None:
    """Look for what is wrong, before the morning does.

    Tries the configuration, every profile, the templates (with invented editions: docs/templates.md says
    what a mail must have), the store, the models of the optional tiers (one invented paper each), and the way
    out (for SMTP: connects, encrypts, logs in, sends nothing). Exits with the code of the first thing that is
    wrong.
    """
    world: World = ctx.obj
    loaded = setup.configuration(ctx)
    readers = f"{len(loaded.profiles)} reader{'s' if len(loaded.profiles) != 1 else ''}"
    say(f"ok: configuration {loaded.file}, {readers}")
    tries: list[Callable[[Configuration, World], str]] = [_profiles, _templates, _store, _sources]
    tries += _tiers(loaded, online=not no_login)
    failed = [_try(one, loaded, world) for one in (tries if no_login else [*tries, _way_out])]
    codes = [code for code in failed if code]
    if loaded.problems:
        codes.insert(0, ExitCode.CONFIGURATION)
    if codes:
        sys.exit(codes[0])


def _try(one: Callable[[Configuration, World], str], loaded: Configuration, world: World) -> ExitCode | None:
    try:
        say(f"ok: {one(loaded, world)}")
    except DigestError as problem:
        complain(problem)
        return problem.exit_code
    return None


def _profiles(loaded: Configuration, _world: World) -> str:
    from digest.library.liked import load_liked

    liked = [(profile, load_liked(profile).ids) for profile in loaded.profiles]
    problems = [problem for profile in loaded.profiles for problem in _libraries(profile)]
    problems += [
        _without_taste(profile)
        for profile, ids in liked
        if not (has_taste(profile, ids) or _said_yes(loaded, profile))
    ]
    if problems:
        raise ConfigurationError(tuple(problems))
    return f"every profile names what to look for, {sum(len(ids) for _, ids in liked)} liked papers in all"


def _libraries(profile: Profile) -> Iterator[DigestError]:
    """What is wrong with files of liked papers; of those read in part, a warning."""
    from digest.library.files import load_library

    for path in profile.liked_files:
        library = load_library(path)
        if isinstance(library, DigestError):
            yield DigestError(f"liked papers: {library}", where=profile.name)
            continue
        for note in library.notes:
            warn(f"{profile.name}: {path}: {note}")


def _said_yes(loaded: Configuration, profile: Profile) -> bool:
    """Whether the reader liked a paper by `digest like`."""
    from digest.store.feedback import said_by

    if not setup.store_path(loaded).exists():
        return False
    with setup.open_store_for_reading(loaded) as database, database.read() as connection:
        return any(one.verdict is Verdict.LIKE for one in said_by(connection, profile.name))


def has_taste(profile: Profile, liked: tuple[str, ...]) -> bool:
    """Whether any paper could ever be picked for this reader."""
    return bool(profile.interests or profile.authors or profile.organizations or liked)


def _without_taste(profile: Profile) -> DigestError:
    return DigestError(
        "names no interest, author, organisation or liked paper, so nothing can ever be picked",
        where=profile.name,
        fix="Add some under [interests]",
    )


def _templates(loaded: Configuration, world: World) -> str:
    from digest.cli.check_templates import check_templates

    return check_templates(loaded, world)


def _store(loaded: Configuration, _world: World) -> str:
    path = setup.store_path(loaded)
    if not path.exists():
        if not os.access(next(folder for folder in path.parents if folder.exists()), os.W_OK):
            fix = "Name another as `store` in config.toml"
            raise StoreError("the store cannot be made there", where=str(path), fix=fix)
        return f"store {path} is not there yet; `digest fetch` makes it"
    with setup.open_store_for_reading(loaded) as database, database.read() as connection:
        damage = connection.exec_driver_sql("PRAGMA quick_check").scalar()
    if damage != "ok":
        raise DigestError(f"the store is damaged: {damage}", where=str(path), fix="Restore it from a backup")
    return f"store {path} is whole"


def _sources(loaded: Configuration, _world: World) -> str:
    names = [source.name for source in setup.sources(loaded)]
    return f"sources: {', '.join(names)} (`digest fetch` reads them)"


def _tiers(loaded: Configuration, *, online: bool) -> list[Callable[[Configuration, World], str]]:
    """What to try of the tiers that are switched on."""
    embedding, summaries = loaded.settings.embedding, loaded.settings.summaries
    is_near = embedding is not None and embedding.kind == "folder"
    return [
        *([_embedding] if embedding and (online or is_near) else []),
        *([_summaries] if summaries and online else []),
    ]


def _embedding(loaded: Configuration, world: World) -> str:
    with setup.embedder(loaded, world) as embedder, _at_first_try("embedding"):
        (row,) = embedder.embed(["A paper that is not there. It is invented."])
        return f"embedding: {embedder.model} gives {len(row)} numbers a paper"


def _summaries(loaded: Configuration, world: World) -> str:
    with setup.writer(loaded, world) as writer, _at_first_try("summaries"):
        written = writer.write(_INVENTED, within_s=math.inf)
        return f"summaries: {written.model} answers in {len(written.text)} characters"


@contextmanager
def _at_first_try(table: str) -> Iterator[None]:
    """A model's failure with the invented paper, in a sentence."""
    try:
        yield
    except (InputError, RefusedError) as problem:
        what = f"the model failed the invented paper it was asked about: {problem.what}"
        at = f" ({problem.where})" if problem.where else ""
        raise InputError(f"{what}{at}", where=f"[{table}]", fix=problem.fix) from problem


_INVENTED = Paper(
    id="2603.90000",
    title="Waiting Rooms That Learn",
    source="listing",
    abstract="Patients wait. We let a waiting room learn when to offer tea, from 214 days of video. "
    "Patients who are offered tea in time complain 31 % less often, and drink 2 % more tea.",
)


def _way_out(loaded: Configuration, world: World) -> str:
    transport = setup.transport(loaded, world)
    try:
        return f"way out: {transport.check()}"
    finally:
        transport.close()
