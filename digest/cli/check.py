"""`digest check`: everything that could go wrong in the morning, tried now."""

import math
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import click

from digest.cli import setup
from digest.cli.screen import complain, say, warn
from digest.cli.world import World
from digest.config import Configuration
from digest.errors import (
    ConfigurationError,
    DeliveryError,
    DigestError,
    ExitCode,
    InputError,
    RefusedError,
    StoreError,
)
from digest.model import Paper, Profile, Verdict


@click.command()
@click.option("--no-login", is_flag=True, help="Try nothing that connects: no SMTP login, no endpoint.")
@click.pass_context
def check(ctx: click.Context, no_login: bool) -> None:
    """Look for what is wrong, before the morning does.

    Tries the configuration, every profile, the templates (with invented editions: docs/templates.md says
    what a mail must have), the store, the models of the optional tiers (one invented paper each), every way
    out (for SMTP: connects, encrypts, logs in, sends nothing), the key that signs, the alarm's command, and
    the box of the bounces. Exits with the code of the first thing that is wrong.
    """
    world: World = ctx.obj
    loaded = setup.configuration(ctx)
    readers = f"{len(loaded.profiles)} reader{'s' if len(loaded.profiles) != 1 else ''}"
    say(f"ok: configuration {loaded.file}, {readers}")
    tries: list[Callable[[Configuration, World], str]] = [_profiles, _templates, _store, _sources, _waiting]
    tries += _tiers(loaded, online=not no_login)
    tries += _mail(loaded, online=not no_login)
    told: set[str] = set()
    failed = [_try(one, loaded, world, told) for one in tries]
    codes = [code for code in failed if code]
    if loaded.problems:
        codes.insert(0, ExitCode.CONFIGURATION)
    if codes:
        sys.exit(codes[0])


def _try(
    one: Callable[[Configuration, World], str], loaded: Configuration, world: World, told: set[str]
) -> ExitCode | None:
    """The code of what is wrong, which is told once: several tries may meet the same problem."""
    try:
        if said := one(loaded, world):
            say(f"ok: {said}")
    except DigestError as problem:
        for each in problem.problems if isinstance(problem, ConfigurationError) else (problem,):
            if str(each) not in told:
                told.add(str(each))
                complain(each)
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

    if not setup.has_store(loaded):
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
    from digest.store.database import damage

    place = setup.store_name(loaded)
    if not setup.has_store(loaded):
        _can_be_made(loaded.store)
        return f"store {place} is not there yet; `digest fetch` makes it"
    with setup.open_store_for_reading(loaded) as database:
        found = damage(database)
    if found:
        raise StoreError(f"the store is damaged: {found}", where=place, fix="Restore it from a backup")
    return f"store {place} is whole"


def _can_be_made(store: Path | str) -> None:
    """Raises StoreError for a file whose folder cannot be written to; a server has been asked already."""
    if isinstance(store, Path) and not os.access(next(one for one in store.parents if one.exists()), os.W_OK):
        fix = "Name another as `store` in config.toml"
        raise StoreError("the store cannot be made there", where=str(store), fix=fix)


def _waiting(loaded: Configuration, _world: World) -> str:
    """Who waits for lists gets no mail from one `digest send` a day."""
    until = {
        f"{one.name} until {one.wait_until:%H:%M} ({one.timezone})"
        for one in loaded.profiles
        if one.wait_until
    }
    if not until:
        return ""
    named = sorted(until)[:_NAMED] + ([f"{len(until) - _NAMED} more"] if len(until) > _NAMED else [])
    later = "plain `digest send` has to run after that hour, too (`run` and `send --due` do by themselves)"
    return f"waiting for lists: {', '.join(named)}; {later}"


_NAMED = 5


def _sources(loaded: Configuration, world: World) -> str:
    from digest.sources.protocol import Member

    sources = setup.sources(loaded, world)
    problems: list[DigestError] = []
    for source in sources:
        try:
            if isinstance(source, Member):
                source.check_login()
        except ConfigurationError as problem:
            problems += problem.problems
    if problems:
        raise ConfigurationError(tuple(problems))
    return f"sources: {', '.join(source.name for source in sources)} (`digest fetch` reads them)"


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


# ---------------------------------------------------------------- mail


def _mail(loaded: Configuration, *, online: bool) -> list[Callable[[Configuration, World], str]]:
    """What to try of the mail; each relay by itself, so that one that is down hides no other."""
    settings = loaded.settings
    is_smtp = settings.mail.transport == "smtp"
    way_out = _way_out if online or not is_smtp else _not_tried
    bounces = _bounces if online or settings.bounces.maildir else _bounces_not_tried
    return [
        *([_signature] if settings.dkim else []),
        *([_alarm] if settings.alarm or is_smtp else []),
        *(partial(way_out, name) for name in setup.relay_limits(loaded)),
        *([bounces] if _has_box(loaded) else []),
        *([_bounces_unread] if settings.bounces.return_path and not _has_box(loaded) else []),
    ]


def _not_tried(name: str, loaded: Configuration, world: World) -> str:
    """What can be known without connecting: whether there is a password, and that it is not told to all."""
    from digest.transport.smtp import Smtp

    transport = next(one for one in setup.relays(loaded, world, only=name)).open()
    if isinstance(transport, Smtp) and (leak := transport.server.leak):
        fix = 'Set security to "starttls" (port 587) or "implicit" (port 465)'
        where = f"way out {name}: {transport.server.where}"
        raise ConfigurationError.of(f"{leak} would go out unencrypted", where=where, fix=fix)
    return f"way out {name}: not tried"


def _way_out(name: str, loaded: Configuration, world: World) -> str:
    import asyncio

    relay = next(one for one in setup.relays(loaded, world, only=name))

    async def tried() -> str:
        transport = relay.open()
        try:
            return await transport.check()
        finally:
            await transport.close()

    try:
        return f"way out {name}: {asyncio.run(tried())}"
    except DeliveryError as problem:
        where = f"way out {name}: {problem.where}"
        raise DeliveryError(problem.what, where=where, fix=problem.fix) from problem


def _signature(loaded: Configuration, _world: World) -> str:
    table = loaded.settings.dkim
    assert table is not None  # noqa: S101
    setup.signer(loaded)
    domain = loaded.settings.mail.from_address.rpartition("@")[2]
    if table.domain != domain and not domain.endswith(f".{table.domain}"):
        warn(f"[dkim] signs for {table.domain}, not for from_address's {domain}: DMARC wants them to be one")
    return f"signature: {table.selector}._domainkey.{table.domain} should hold its public key in DNS"


def _alarm(loaded: Configuration, world: World) -> str:
    """Whether its command is there; it is not run, as somebody would be woken."""
    table = loaded.settings.alarm
    if table is None:
        warn("no [alarm] is set up: if a server refuses the login, all mail stops and nobody is told")
        return ""
    ways = []
    if command := setup.channels(loaded, world).command:
        if shutil.which(command[0], path=world.environment.get("PATH")) is None:
            fix = "Name a program that is there and may be run (chmod +x), best by its whole path"
            where = f"{loaded.file}: alarm.command"
            raise ConfigurationError.of(f"cannot find {command[0]}", where=where, fix=fix)
        ways.append(f"runs {command[0]}")
    if table.email:
        ways.append(f"mails {table.email}")
        if len(setup.relay_limits(loaded)) < 2:
            warn("[alarm] email goes out by another relay than the one that failed, and there is only one")
    return f"alarm: {' and '.join(ways)}"


def _has_box(loaded: Configuration) -> bool:
    return loaded.settings.bounces.maildir is not None or loaded.settings.bounces.imap is not None


def _bounces_unread(loaded: Configuration, _world: World) -> str:
    where = loaded.settings.bounces.return_path
    warn(f"[bounces] bounces go to {where}, and nobody reads them: name its maildir, or [bounces.imap]")
    return ""


def _bounces_not_tried(loaded: Configuration, world: World) -> str:
    """Whether there is a password."""
    from digest.cli.bounces import open_box

    box = open_box(loaded, world, is_read_only=True)
    assert box is not None  # noqa: S101
    box.close()
    return f"bounces: {box.where} not tried"


def _bounces(loaded: Configuration, world: World) -> str:
    from digest.cli.bounces import open_box

    box = open_box(loaded, world, is_read_only=True)
    assert box is not None  # noqa: S101
    with closing(box):
        next(box.letters(world.now().date(), 1), None)
        return f"bounces: {box.where} can be read"
