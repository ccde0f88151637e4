"""`digest suppress`: addresses that get no mail, because they refuse it or because the operator says so."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from digest.cli import setup
from digest.cli.group import LazyGroup
from digest.cli.screen import complain, note, say, table
from digest.cli.states import instant, moment
from digest.cli.world import World
from digest.config import Configuration
from digest.errors import ConfigurationError, DigestError, ExitCode, InputError, UsageError
from digest.settings.values import check_address
from digest.text import clean, shorten

if TYPE_CHECKING:
    from digest.model import Suppression

MOST_BYTES = 50_000_000
MAX_REASON = 300


COMMANDS = {
    "list": (
        "digest.cli.suppress:list_",
        "List the addresses that get no mail, since when and why, and whose they are.",
    ),
    "add": ("digest.cli.suppress:add", "Send an address no more mail."),
    "remove": ("digest.cli.suppress:remove", "Let an address have mail again."),
}


class SuppressGroup(LazyGroup):
    """The commands under `digest suppress`."""

    known = COMMANDS


@click.group(cls=SuppressGroup)
def suppress() -> None:
    """List the addresses that get no mail; add one, or let it have mail again.

    An address comes here by itself if its server says that it does not exist, if several messages in a row
    are refused for its sake (`suppress_after`), or if a bounce says so.
    """


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON, one object a line.")
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """List the addresses that get no mail, since when and why, and whose they are."""
    from digest.store.suppressions import all_suppressed

    loaded = setup.configuration(ctx, briefly=True)
    found: tuple[Suppression, ...] = ()
    if setup.has_store(loaded):
        with setup.open_store_for_reading(loaded) as database, database.read() as connection:
            found = all_suppressed(connection)
    readers = readers_by_address(loaded)
    if as_json:
        for one in found:
            shown = {"address": one.address, "reason": one.reason, "at": instant(one.at)}
            say(json.dumps(shown | {"readers": _readers(readers, one.address)}, ensure_ascii=False))
    elif found:
        rows = (
            (
                one.address,
                ", ".join(_readers(readers, one.address)) or "-",
                moment(one.at),
                clean(one.reason, MAX_REASON),
            )
            for one in found
        )
        table(("address", "reader", "since", "why"), rows)
    else:
        note("No address is suppressed.")


@click.command()
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@click.option("--reason", default="", help="Why; shown by `digest suppress list`.")
@click.pass_context
def add(ctx: click.Context, addresses: tuple[str, ...], reason: str) -> None:
    """Send an address no more mail.

    An ADDRESS may be a file of them, one a line, or - for standard input. All are added, or none if one of
    them is no address.
    """
    from digest.model import Suppression
    from digest.store.suppressions import suppress as put_down

    world: World = ctx.obj
    loaded = setup.configuration(ctx, briefly=True)
    stated = clean(reason, MAX_REASON) or "added by hand"
    wanted = _addresses(addresses)
    with setup.open_store(loaded) as database, database.begin() as connection:
        fresh = [
            put_down(connection, Suppression(address=one, reason=stated, at=world.now())) for one in wanted
        ]
    readers = readers_by_address(loaded)
    for one, is_new in zip(wanted, fresh, strict=True):
        owners = _readers(readers, one)
        whose = f" ({', '.join(owners)})" if owners else " (no reader has it)"
        say(f"{one}{whose}: {'gets no mail any more' if is_new else 'got none already'}")


@click.command()
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@click.pass_context
def remove(ctx: click.Context, addresses: tuple[str, ...]) -> None:
    """Let an address have mail again.

    An ADDRESS may be a file of them, one a line, or - for standard input. Messages that were refused or
    suppressed stay so; `digest outbox retry` lets them wait again. One that bounced cannot go again, as its
    content was let go when a server took it: its papers come in the next edition.
    """
    from digest.store.suppressions import lift

    world: World = ctx.obj
    loaded = setup.configuration(ctx, briefly=True)
    wanted = _addresses(addresses)
    with setup.open_store(loaded) as database:
        now = database.now(world.now())
        with database.begin() as connection:
            lifted = [lift(connection, one, now) for one in wanted]
    for one, was_down in zip(wanted, lifted, strict=True):
        if was_down:
            say(f"{one}: gets mail again")
        else:
            complain(DigestError("was not suppressed", where=one))
    if not all(lifted):
        sys.exit(ExitCode.FAILED)


def readers_by_address(loaded: Configuration) -> dict[str, list[str]]:
    """Whose an address is: several readers may share one."""
    from digest.store.suppressions import key

    readers: dict[str, list[str]] = {}
    for profile in loaded.profiles:
        readers.setdefault(key(profile.email), []).append(profile.name)
    return readers


def _readers(readers: Mapping[str, list[str]], address: str) -> list[str]:
    from digest.store.suppressions import key

    return readers.get(key(address), [])


def _addresses(arguments: Iterable[str]) -> list[str]:
    """The addresses named, each once and as it is mailed to. Raises an error with all that are none."""
    sound: dict[str, None] = {}
    problems: list[DigestError] = []
    for where, text in _lines(arguments):
        try:
            sound[check_address(text)] = None
        except ValueError as problem:
            problems.append(UsageError(f"{clean(text, 80)!r} is no address: {problem}", where=where))
    if problems:
        raise _ManyUsageError(tuple(problems))
    return list(sound)


class _ManyUsageError(ConfigurationError):
    """Several problems of the command line, told like those of a configuration."""

    exit_code = ExitCode.USAGE


def _lines(arguments: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each address with where it stands; of files, lines that are empty or comments are passed over."""
    for argument in arguments:
        if argument == "-":
            if sys.stdin is None:
                raise InputError("cannot be read (it is closed)", where="standard input")
            yield from _lines_of(sys.stdin.buffer.read(MOST_BYTES + 1), "standard input")
        elif "@" not in argument and Path(argument).is_file():
            yield from _lines_of(_read(Path(argument)), argument)
        else:
            yield "", argument


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as problem:
        raise InputError(f"cannot be read ({problem.strerror})", where=str(path)) from problem


def _lines_of(raw: bytes, where: str) -> Iterator[tuple[str, str]]:
    if len(raw) > MOST_BYTES:
        raise InputError(f"is larger than {MOST_BYTES // 1_000_000} MB", where=where)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("is not UTF-8 text", where=where) from None
    for number, line in enumerate(text.splitlines(), start=1):
        if (stripped := line.strip()) and not stripped.startswith("#"):
            yield f"{where}, line {number}", shorten(stripped, 400)
