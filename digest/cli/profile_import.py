"""`digest profile import`: a Zotero library becomes one of the reader's files of liked papers."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from digest.cli import setup
from digest.cli.screen import say, working
from digest.cli.world import World, is_terminal
from digest.config import Configuration, check_profile
from digest.errors import ConfigurationError, DigestError, InputError, UsageError
from digest.links import safe_link
from digest.model import Profile

if TYPE_CHECKING:
    from digest.fetch.client import Client
    from digest.library.held import Held
    from digest.library.zotero import Place, Synced

SERVER_VARIABLE = "DIGEST_ZOTERO_URL"


@click.command(name="import")
@click.argument("profile", required=False)
@click.option("--zotero", "library", metavar="LIBRARY", required=True, help="users/12345 or groups/678.")
@click.option("--collection", metavar="KEY", help="Only this collection: the last part of its address.")
@click.option("--full", is_flag=True, help="Read all of it again, not only what changed.")
@click.option(
    "--server",
    metavar="URL",
    help=f"Another server that speaks Zotero's API; else ${SERVER_VARIABLE}, else api.zotero.org.",
)
@click.pass_context
def profile_import(
    ctx: click.Context,
    profile: str | None,
    library: str,
    collection: str | None,
    full: bool,
    server: str | None,
) -> None:
    """Import liked papers from a Zotero library.

    Writes a file beside the profile and names it in [liked] files. The next import transfers only what
    changed; what was deleted leaves. Attachments and notes stay where they are.

    A library that is not open to everybody needs a key: make one that may read it at
    https://www.zotero.org/settings/keys, and set DIGEST_ZOTERO_KEY to it. Your userID stands there too.
    """
    from digest.library import held as files
    from digest.library.zotero import KEY_VARIABLE, place

    world: World = ctx.obj
    is_file = bool(profile and profile.endswith(".toml"))
    loaded = setup.configuration_if_any(ctx) if is_file else setup.configuration(ctx, briefly=True)
    reader = setup.chosen_profile(loaded, profile)
    toml = _profile_path(loaded, reader, profile, world)
    where = place(library, collection, _server(server, world), world.environment.get(KEY_VARIABLE) or None)
    _check_encrypted(where)
    path = toml.with_name(_file_name(reader, where))
    held = None if full else files.load_held(path, where.library, where.collection)
    synced = _synced(held, where, loaded, world)
    files.write_held(path, where.library, where.collection, synced.held)
    is_added = add_file(toml, path.name)
    say(f"{where.library}: {_told(synced)}")
    say(f"wrote {path}" + (f", and named it in [liked] files of {toml}" if is_added else ""))


def _profile_path(loaded: Configuration | None, reader: Profile, named: str | None, world: World) -> Path:
    if loaded is None or (named and named.endswith(".toml")):
        return world.folder / (named or "")
    return loaded.path(loaded.settings.profiles) / f"{reader.name}.toml"


def _server(named: str | None, world: World) -> str:
    from digest.library.zotero import SERVER

    server = named or world.environment.get(SERVER_VARIABLE) or SERVER
    if not safe_link(server):
        raise UsageError(f"{server!r} is not an http(s) address", fix="Write it as https://api.zotero.org")
    return server


def _check_encrypted(where: "Place") -> None:
    """A key goes over plain http to this machine only."""
    from digest.endpoint import is_this_machine
    from digest.library.zotero import KEY_VARIABLE

    is_encrypted = urlsplit(where.server).scheme == "https"
    if where.key and not is_encrypted and not is_this_machine(where.server):
        what = "the key is not sent over a connection without encryption"
        raise InputError(what, where=where.server, fix=f"Use https, or unset ${KEY_VARIABLE}")


def _file_name(reader: Profile, where: "Place") -> str:
    parts = (reader.name, "zotero", where.library.replace("/", "-"), where.collection)
    return "-".join(filter(None, parts)) + ".json"


def _synced(held: "Held | None", where: "Place", loaded: Configuration | None, world: World) -> "Synced":
    from digest.library.zotero import sync

    with _client(where, loaded, world) as client, _progress(f"reading {where.library}") as progress:
        return sync(held, where, client.ask, sleep=world.sleep, progress=progress)


def _client(where: "Place", loaded: Configuration | None, world: World) -> "Client":
    """The operator's limits; the host that the operator names may be private."""
    from digest.fetch.client import Client, Limits
    from digest.library.zotero import SERVER

    named = urlsplit(where.server).hostname or ""
    bounds = Limits()
    if loaded:
        table = loaded.settings.fetch
        megabytes = table.max_megabytes * 1_000_000
        bounds = Limits(timeout_s=table.timeout_s, max_bytes=megabytes, spacing_s=table.spacing_s)
    return Client(
        limits=bounds,
        contact=loaded.settings.mail.contact if loaded else "",
        trusted_hosts=frozenset() if where.server == SERVER else frozenset((named,)),
        sleep=world.sleep,
    )


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], object]]:
    """A bar of the items on a terminal, a line elsewhere."""
    if not is_terminal(sys.stderr):
        with working(what):
            yield lambda done, of: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def _told(synced: "Synced") -> str:
    changes = {"new": synced.new, "changed": synced.changed, "gone": synced.gone}
    told = ", ".join(f"{count} {what}" for what, count in changes.items() if count)
    return f"{len(synced.held.items)} papers ({told or 'nothing changed'})"


# ---------------------------------------------------------------- the profile


def add_file(profile: Path, name: str) -> bool:
    """Name a file beside a profile in its `[liked] files`, keeping its comments; `False` if it stands there.

    Raises DigestError if the profile cannot be read or written, or would not be sound.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    from digest.library.held import write_whole

    try:
        document: Any = tomlkit.parse(profile.read_text(encoding="utf-8"))
    except (OSError, ValueError, TOMLKitError) as problem:
        raise DigestError(f"cannot be read ({problem})", where=str(profile)) from problem
    liked = document.setdefault("liked", tomlkit.table())
    files = liked.setdefault("files", tomlkit.array())
    if any((profile.parent / Path(str(one)).expanduser()) == profile.parent / name for one in files):
        return False
    files.append(name)
    if problems := check_profile(document.unwrap(), profile):
        raise ConfigurationError(problems)
    write_whole(profile, tomlkit.dumps(document))
    return True
