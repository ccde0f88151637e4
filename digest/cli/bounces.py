"""`digest bounces`: what came back of the mail that went out."""

import json
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from digest.cli import setup
from digest.cli.screen import note, say, warn, working
from digest.cli.world import World
from digest.config import Configuration
from digest.errors import ConfigurationError, DigestError
from digest.model import Message

if TYPE_CHECKING:
    from digest.bounces import Finding, Round
    from digest.settings.mail import ImapTable
    from digest.store.database import Database
    from digest.transport.mailboxes import Box


@click.command()
@click.option(
    "--dry-run", is_flag=True, help="Say what would happen; the store and the box stay as they are."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def bounces(ctx: click.Context, dry_run: bool, as_json: bool) -> None:
    """Read what came back, and stop mail to addresses that are no good.

    Reads the box of [bounces]: a Maildir or an IMAP folder. A message that bounced is on record as failed,
    and its papers come again. A recipient whose address is no good, who fails several times in a row, or
    who calls the mail spam gets no more; `digest suppress list` shows them. What was dealt with is marked as
    seen; everything else is left as it is. `digest send` does the same before it sends.
    """
    from digest.bounces import Round, look_into_box

    world: World = ctx.obj
    loaded = setup.configuration(ctx, briefly=True)
    box = open_box(loaded, world, is_read_only=dry_run)
    if box is None:
        fix = "Say where bounces are read: maildir, or a table [bounces.imap]"
        raise ConfigurationError.of("no box is named", where=f"{loaded.file}: bounces", fix=fix)
    if not setup.has_store(loaded):
        if as_json:
            say(json.dumps(_as_json(Round())))
        note("There is no store yet, so nothing can have come back. `digest fetch` makes it.")
        return
    with closing(box), working(f"reading {box.where}"):
        if dry_run:
            with setup.open_store_for_reading(loaded) as database:
                found = look_into_box(database, box, world.now())
        else:
            with setup.open_store(loaded) as database:
                found = _read(loaded, world, database, box)
    if as_json:
        say(json.dumps(_as_json(found), ensure_ascii=False))
        return
    for line in (*_told(found, would=dry_run), _sum(found)):
        say(line)


def read_before_sending(loaded: Configuration, world: World, database: "Database") -> None:
    """Read the box of [bounces], if one is named, so that nothing goes to an address known to be no good.

    What changed is said; a box that cannot be read is a warning, and stops nothing.
    """
    try:
        box = open_box(loaded, world)
        if box is None:
            return
        with closing(box), working(f"reading {box.where}"):
            found = _read(loaded, world, database, box)
    except DigestError as problem:
        for one in problem.problems if isinstance(problem, ConfigurationError) else (problem,):
            warn(f"bounces were not read: {one}")
        return
    for line in _told(found):
        say(line)


def traced(loaded: Configuration) -> Callable[[Message], Message]:
    """What gives a message the envelope sender that takes its bounces, as [bounces] has it."""
    from digest.dsn import TOKEN_BYTES, with_return_path

    table = loaded.settings.bounces
    if table.return_path is None:
        return lambda message: message
    token = partial(secrets.token_hex, TOKEN_BYTES) if table.verp else None
    return partial(with_return_path, base=table.return_path, token=token)


# ---------------------------------------------------------------- the box


def open_box(loaded: Configuration, world: World, *, is_read_only: bool = False) -> "Box | None":
    """The box that [bounces] names; `None` if it names none. It is opened when it is read.

    Raises ConfigurationError if there is no password.
    """
    from digest.transport.mailboxes import ImapBox, ImapServer, MaildirBox

    table = loaded.settings.bounces
    if table.maildir is not None:
        return MaildirBox(loaded.path(table.maildir))
    if (imap := table.imap) is None:
        return None
    server = ImapServer(
        host=imap.host,
        port=imap.port or (993 if imap.security == "implicit" else 143),
        security=imap.security,
        username=imap.username,
        secret=_secret(loaded, world, imap),
        auth=imap.auth,
        folder=imap.folder,
        timeout_s=imap.timeout_s,
        ca_file=str(loaded.path(imap.ca_file)) if imap.ca_file else None,
    )
    return ImapBox(server, clock=time.monotonic, is_read_only=is_read_only)


def _secret(loaded: Configuration, world: World, table: "ImapTable") -> Callable[[], str]:
    from digest.settings.secrets import BOUNCES_VARIABLE, secret_of

    secret = secret_of(table, (BOUNCES_VARIABLE,), loaded.file.parent, world.environment)
    if secret is None:
        fix = f"Set {BOUNCES_VARIABLE}, password_file to a file only you can read, or password_command"
        where = f"{loaded.file}: bounces.imap"
        what = f"there is no password for {table.username}"
        raise ConfigurationError.of(what, where=where, fix=fix)
    return secret


def _read(loaded: Configuration, world: World, database: "Database", box: "Box") -> "Round":
    from digest.bounces import read_box

    return read_box(database, box, world.now(), suppress_after=loaded.settings.delivery.suppress_after)


# ---------------------------------------------------------------- in words


def _told(found: "Round", *, would: bool = False) -> Iterator[str]:
    """A line for each report about a message of ours."""
    from digest.bounces import Effect

    for one in found.findings:
        if one.listed is None or one.decision.effect is Effect.STRANGE:
            continue
        yield f"{one.listed.profile}, edition of {one.listed.day}: {one.decision.why}"
        if one.suppressed:
            recipient, stops = one.listed.recipient, "would get" if would else "gets"
            yield f"  {recipient} {stops} no more mail; `digest suppress remove {recipient}` lifts that"


def _sum(found: "Round") -> str:
    """`3 reports read, 1 of them not believed, and left unread (1 about no message ...); also left ...`."""
    from digest.bounces import Effect

    strange = Counter(one.decision.why for one in found.findings if one.decision.effect is Effect.STRANGE)
    number = len(found.findings)
    read = f"{number} report{'' if number == 1 else 's'} read"
    if strange:
        reasons = "; ".join(f"{count} {why}" for why, count in sorted(strange.items()))
        read += f", {strange.total()} of them not believed, and left unread ({reasons})"
    kinds = Counter(kind.value for kind in found.left)
    left = ", ".join(f"{count} × {kind}" for kind, count in sorted(kinds.items()))
    return f"{read}; also left unread: {left}" if left else read


def _as_json(found: "Round") -> dict[str, Any]:
    kinds = Counter(kind.value for kind in found.left)
    return {"reports": [_report(one) for one in found.findings], "left": dict(sorted(kinds.items()))}


def _report(one: "Finding") -> dict[str, Any]:
    return {
        "effect": one.decision.effect.value,
        "why": one.decision.why,
        "suppressed": one.suppressed or None,
        "recipients": list(one.report.recipients),
        "profile": one.listed.profile if one.listed else None,
        "day": one.listed.day.isoformat() if one.listed else None,
        "message_id": one.listed.message_id if one.listed else None,
    }
