"""`digest pause` and `digest resume`: days without an edition, written into the reader's own file."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from shlex import quote

import click

from digest.cli import setup
from digest.cli.screen import say
from digest.cli.world import Day, Text, World
from digest.errors import DigestError, UsageError
from digest.model import Pause, Profile
from digest.outcome import day_of, in_full
from digest.schedule import A_DAY, LOOKED_AHEAD, agenda, edition_days, is_edition_day

Reader = tuple[Profile, Path, str]
"""With the file, and the name by which commands know her."""


@click.command()
@click.argument("profiles", nargs=-1, required=True, type=Text(), metavar="PROFILE...")
@click.option("--until", type=Day(), metavar="DATE", help="The first day with an edition again.")
@click.option("--from", "begins", type=Day(), metavar="DATE", help="The first day without; else today.")
@click.pass_context
def pause(ctx: click.Context, profiles: tuple[str, ...], until: date | None, begins: date | None) -> None:
    """Send a reader no editions for a while.

    PROFILE is a reader's name, or a profile file (ending in .toml). Writes a table [pause] into the file, in
    place of the one that may stand there; the rest of the file stays as it is. Without --until the pause
    lasts until `digest resume`. The first edition afterwards looks at the papers of these days, too (of 75 at
    most). What is on its way already is not called back: see `digest outbox`.
    """
    world: World = ctx.obj
    now = world.now()
    readers = _readers(ctx, profiles)
    pauses = [_pause(profile, begins, until, now) for profile, *_ in readers]
    _write([(reader, one) for reader, one in zip(readers, pauses, strict=True)])
    for (profile, _, named), one in zip(readers, pauses, strict=True):
        say(f"{profile.name}: no editions from {_first(profile, one, now)} {_until(profile, one, named)}")


@click.command()
@click.argument("profiles", nargs=-1, required=True, type=Text(), metavar="PROFILE...")
@click.pass_context
def resume(ctx: click.Context, profiles: tuple[str, ...]) -> None:
    """End a reader's pause, or take back one that is still to come.

    PROFILE is a reader's name, or a profile file (ending in .toml). Takes the table [pause] out of the file;
    the rest of the file stays as it is.
    """
    world: World = ctx.obj
    readers = _readers(ctx, profiles)
    _write([(reader, None) for reader in readers if reader[0].pause is not None])
    for profile, *_ in readers:
        say(f"{profile.name}: {_taken_out(profile, world.now())}{_next(profile, world.now())}")


def _readers(ctx: click.Context, names: Sequence[str]) -> list[Reader]:
    """Each once, with its file. Raises UsageError or ConfigurationError of those that cannot be used."""
    world: World = ctx.obj
    are_files = all(name.endswith(".toml") for name in names)
    loaded = setup.configuration_if_any(ctx) if are_files else setup.configuration(ctx, briefly=True)
    found: dict[Path, Reader] = {}
    for name in names:
        profile = setup.chosen_profile(loaded, name)
        if loaded is None or name.endswith(".toml"):
            path = world.folder / name
        else:
            path = loaded.path(loaded.settings.profiles) / f"{profile.name}.toml"
        found[path] = (profile, path, name)
    return list(found.values())


def _pause(profile: Profile, begins: date | None, until: date | None, now: datetime) -> Pause:
    """What is to be written; raises UsageError if it makes no sense where the reader is."""
    today = day_of(profile, now)
    first = begins or today
    here = f"today is {today} in {profile.timezone}"
    if first < today:
        raise UsageError(
            f"{profile.name}: a pause cannot begin on {first}: {here}",
            fix="Name a day to come, or leave --from out",
        )
    if until is not None and until <= today:
        raise UsageError(
            f"{profile.name}: a pause until {until} is over already: {here}",
            fix="Name the first day with an edition again; `digest resume` ends a pause",
        )
    if until is not None and until <= first:
        raise UsageError(
            f"{profile.name}: a pause from {first} until {until} has no day",
            fix="--until is the first day with an edition again, so later than --from",
        )
    return Pause(begins=first, until=until)


# ---------------------------------------------------------------- files


def _write(wanted: "Iterable[tuple[Reader, Pause | None]]") -> None:
    """All files that can be are found out before the first is written. Raises DigestError."""
    texts = [(path, _edited(path, pause)) for (_, path, _), pause in wanted]
    from digest.library.held import write_whole

    for path, text in texts:
        write_whole(path, text)


def _edited(path: Path, pause: Pause | None) -> str:
    from digest.profiles.edit import with_pause

    try:
        if not path.stat().st_mode & 0o222:
            raise DigestError(
                "is read-only", where=str(path), fix="Make it writable, or write [pause] yourself"
            )
        # As bytes: reading text would lose the line ends, and a mark at the beginning.
        text = path.read_bytes().decode("utf-8")
    except (OSError, ValueError) as problem:
        raise DigestError(f"cannot be read ({problem})", where=str(path)) from problem
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    try:
        return mark + with_pause(text.removeprefix(mark), pause)
    except DigestError as problem:
        raise DigestError(problem.what, where=str(path), fix=problem.fix) from problem


# ---------------------------------------------------------------- words


def _first(profile: Profile, pause: Pause, now: datetime) -> str:
    begins = pause.begins
    return "today" if begins is None or begins <= day_of(profile, now) else in_full(begins)


def _until(profile: Profile, pause: Pause, named: str) -> str:
    """`until Mon 4 January 2027, the first day with one again`."""
    if pause.until is None:
        return f"until `digest resume {quote(named)}`"
    if is_edition_day(profile, pause.until):
        return f"until {in_full(pause.until)}, the first day with one again"
    return f"until {in_full(pause.until)}{_next_after(profile, pause.until)}"


def _next_after(profile: Profile, day: date) -> str:
    first = next(edition_days(profile, day, day + LOOKED_AHEAD * A_DAY), None)
    return f"; the first day with one is then {in_full(first)}" if first else "; nor then, as days = []"


def _taken_out(profile: Profile, now: datetime) -> str:
    if profile.pause is None:
        return "there was no pause"
    is_over = profile.pause.until is not None and profile.pause.until <= day_of(profile, now)
    return "the pause was over" if is_over else "editions again"


def _next(profile: Profile, now: datetime) -> str:
    """When the next hour of the reader's editions is."""
    following = agenda(profile, last=None, now=now).following
    if following is None:
        return ", but none is ever due, as days = []"
    return f"; the next hour is {in_full(following.day)}, {profile.send_at:%H:%M} in {profile.timezone}"
