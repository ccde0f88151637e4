"""From files and flags to the things that commands work with."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import cache, partial
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import click

from digest.cli.screen import complain, warn
from digest.cli.world import World
from digest.config import (
    EMBEDDING_KEY_VARIABLE,
    SUMMARIES_KEY_VARIABLE,
    Configuration,
    FolderEmbeddingTable,
    find_configuration,
    load_configuration,
    load_profile,
)
from digest.errors import ConfigurationError, DigestError, UsageError
from digest.model import Profile, Sender
from digest.settings.commands import beside
from digest.settings.mail import SmtpTable
from digest.settings.secrets import Secret, secret_of, smtp_variables

if TYPE_CHECKING:
    from digest.alarm import Alarm, Channels
    from digest.embedding.protocol import Embedder
    from digest.endpoint import Endpoint
    from digest.fetch.client import Client
    from digest.outbox import Rules
    from digest.pace import Limits
    from digest.rendering.renderer import Renderer
    from digest.sources.protocol import Source
    from digest.store.database import Database
    from digest.summaries import Writer
    from digest.transport.protocol import Relay
    from digest.transport.providers import Provider
    from digest.transport.smtp import SmtpServer


def configuration(ctx: click.Context, *, briefly: bool = False) -> Configuration:
    """The configuration; the problems of profiles that had to be left out are told at once, or `briefly`."""
    loaded = load_configuration(configuration_file(ctx))
    if loaded.problems and briefly:
        files = sorted({Path(one.where.split(": ")[0]).name for one in loaded.problems})
        warn(f"not usable: {', '.join(files)} (`digest check` says why)")
    elif loaded.problems:
        complain(ConfigurationError(loaded.problems))
    return loaded


def configuration_file(ctx: click.Context) -> Path:
    """Where `config.toml` is. Raises ConfigurationError if there is none."""
    world: World = ctx.obj
    return find_configuration(ctx.meta["digest.config"], world.environment, world.folder)


def configuration_if_any(ctx: click.Context) -> Configuration | None:
    """The configuration, or `None` where there is none and none was named."""
    world: World = ctx.obj
    named = ctx.meta["digest.config"]
    try:
        path = find_configuration(named, world.environment, world.folder)
    except ConfigurationError:
        if named:
            raise
        return None
    return load_configuration(path)


def chosen_profile(loaded: Configuration | None, name: str | None) -> Profile:
    """The reader that a command is about: by name, by file, or the only one there is."""
    if name and name.endswith(".toml"):
        return _profile_of_file(Path(name))
    profiles = {profile.name: profile for profile in loaded.profiles} if loaded else {}
    if name and name in profiles:
        return profiles[name]
    if name is None and len(profiles) == 1:
        return next(iter(profiles.values()))
    if loaded and (broken := loaded.problems_of(name) if name else () if profiles else loaded.problems):
        raise ConfigurationError(broken)
    known = f"Known: {', '.join(profiles)}" if profiles else _why_none(loaded)
    what = f"there is no reader {name!r}" if name else "which reader?"
    raise UsageError(what, fix=f"{known}; or name a profile file (ending in .toml)")


def _why_none(loaded: Configuration | None) -> str:
    if loaded and loaded.problems:
        return "None of those there can be used; `digest check` says why"
    return "There is none yet; `digest init` writes one"


def chosen_profiles(loaded: Configuration, names: Sequence[str]) -> tuple[Profile, ...]:
    """The readers named, or all."""
    return tuple(chosen_profile(loaded, name) for name in names) if names else loaded.profiles


def _profile_of_file(path: Path) -> Profile:
    profile, problems = load_profile(path)
    if profile is None:
        raise ConfigurationError(problems)
    return profile


# ---------------------------------------------------------------- what settings describe


def sources(loaded: Configuration, world: World) -> "tuple[Source, ...]":
    """The sources of the configuration, in its order."""
    if world.sources is not None:
        return world.sources
    from digest.sources.protocol import Place
    from digest.sources.registry import open_sources

    place = Place(folder=loaded.file.parent, environment=world.environment)
    return open_sources(loaded.settings.sources, place)


def client(
    loaded: Configuration,
    world: World,
    database: "Database | None" = None,
    *,
    warn: Callable[[str], object] = warn,
) -> "Client":
    """The HTTP client, with the operator's limits, for sources; with a store, it remembers what it got."""
    from digest.fetch.client import Client, Limits
    from digest.fetch.memory import Forgetful
    from digest.store.web import StoredMemory

    limits = loaded.settings.fetch
    return Client(
        limits=Limits(
            timeout_s=limits.timeout_s, max_bytes=limits.max_megabytes * 1_000_000, spacing_s=limits.spacing_s
        ),
        contact=loaded.settings.mail.contact,
        trusted_hosts=trusted_hosts(loaded),
        memory=StoredMemory(database=database, warn=warn) if database else Forgetful(),
        now=world.now,
        sleep=world.sleep,
    )


def trusted_hosts(loaded: Configuration) -> frozenset[str]:
    """The hosts that may be private: those allowed, and plain addresses that a source's table writes down.

    Not names: who may change what a name means could else make Digest ask a machine of this network.
    """
    addresses = (address for table in loaded.settings.sources for address in table.addresses)
    written = (urlsplit(address).hostname or "" for address in addresses)
    return frozenset((*loaded.settings.fetch.allow_private, *filter(_is_plain, written)))


def _is_plain(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return host == "localhost"
    return True


def kept_pages(loaded: Configuration) -> Path:
    """Where pages are kept that are not what they were taken for: beside the store, if it is a file."""
    folder = loaded.settings.fetch.kept_pages.expanduser()
    store = loaded.store
    return (store.parent if isinstance(store, Path) else loaded.file.parent) / folder


@contextmanager
def embedder(loaded: Configuration, world: World) -> "Iterator[Embedder]":
    """The embedding model that the configuration names.

    Raises ConfigurationError if the key cannot be used.
    """
    from digest.embedding.endpoint import EndpointEmbedder, max_answer_bytes
    from digest.embedding.folder import FolderEmbedder

    table = loaded.settings.embedding
    if table is None:
        raise DigestError("there is no [embedding] table", where=str(loaded.file))
    if isinstance(table, FolderEmbeddingTable):
        path = loaded.path(table.path)
        yield FolderEmbedder(path=path, batch_size=table.batch_size, threads=table.threads)
        return
    asking = _Asking(
        table.base_url, EMBEDDING_KEY_VARIABLE, table.timeout_s, max_answer_bytes(table.batch_size)
    )
    with _endpoint(asking, loaded, world) as endpoint:
        yield EndpointEmbedder(
            endpoint=endpoint, name=table.model, batch_size=table.batch_size, dimensions=table.dimensions
        )


@contextmanager
def writer(loaded: Configuration, world: World) -> "Iterator[Writer]":
    """The language model that the configuration names.

    Raises ConfigurationError if the key cannot be used.
    """
    from digest.summaries import MAX_ANSWER_BYTES, Writer

    table = loaded.settings.summaries
    if table is None:
        raise DigestError("there is no [summaries] table", where=str(loaded.file))
    asking = _Asking(table.base_url, SUMMARIES_KEY_VARIABLE, table.timeout_s, MAX_ANSWER_BYTES)
    with _endpoint(asking, loaded, world) as endpoint:
        yield Writer(
            endpoint=endpoint,
            model=table.model,
            language=table.language,
            max_characters=table.max_characters,
            max_tokens=table.max_tokens,
        )


@dataclass(frozen=True, slots=True)
class _Asking:
    """What differs between the services that are asked."""

    base_url: str
    key_variable: str
    timeout_s: float
    max_bytes: int


@contextmanager
def _endpoint(asking: _Asking, loaded: Configuration, world: World) -> "Iterator[Endpoint]":
    """A service, which may be on this machine or network; the operator named it."""
    from digest.endpoint import Endpoint, checked_key
    from digest.fetch.client import Client, Limits

    key = world.environment.get(asking.key_variable, "")
    with Client(
        limits=Limits(timeout_s=asking.timeout_s, max_bytes=asking.max_bytes, spacing_s=0),
        contact=loaded.settings.mail.contact,
        trusted_hosts=frozenset({urlsplit(asking.base_url).hostname or ""}),
        sleep=world.sleep,
    ) as client:
        yield Endpoint(
            base_url=asking.base_url,
            client=client,
            key=checked_key(key, asking.base_url, asking.key_variable),
            key_variable=asking.key_variable,
        )


def renderer(loaded: Configuration | None) -> "Renderer":
    """The renderer, with the operator's templates if there are any."""
    from digest.rendering.renderer import Renderer

    folder = loaded.settings.templates_dir if loaded else None
    return Renderer(loaded.path(folder)) if loaded and folder else _shipped_renderer()


@cache
def _shipped_renderer() -> "Renderer":
    """Made once in a process, as it compiles its templates; those of the operator may change meanwhile."""
    from digest.rendering.renderer import Renderer

    return Renderer()


def sender(loaded: Configuration | None) -> Sender:
    """Who the mail is from; without a configuration a stand-in that only previews show."""
    return loaded.settings.mail.sender() if loaded else Sender(address="digest@localhost")


def store_name(loaded: Configuration) -> str:
    """Where the store is, for people."""
    from digest.store.troubles import location

    return location(loaded.store)


def has_store(loaded: Configuration) -> bool:
    """Whether there is a store yet."""
    from digest.store.database import is_there

    return is_there(loaded.store)


def open_store(loaded: Configuration) -> "Database":
    """The store, for writing; close it, or use it in a `with`."""
    from digest.store.database import open_database

    return open_database(loaded.store)


def open_store_for_reading(loaded: Configuration) -> "Database":
    """The store, without the means to change it; close it, or use it in a `with`."""
    from digest.store.database import open_for_reading

    return open_for_reading(loaded.store)


# ---------------------------------------------------------------- ways out


def relays(loaded: Configuration, world: World, *, only: str = "") -> "tuple[Relay, ...]":
    """The ways out that the configuration names, in order of preference; or `only` one of them.

    Raises ConfigurationError with every relay's problem: no secret, a provider that wants a login.
    """
    from digest.pace import Limits
    from digest.transport.protocol import Relay

    if world.relays is not None:
        return world.relays
    settings = loaded.settings
    if settings.mail.transport == "smtp":
        return _smtp_relays(loaded, world, only)
    if settings.mail.transport == "maildir":
        from digest.transport.maildir import MaildirFolder

        maildir = loaded.path(settings.maildir.path)
        return (Relay(name="maildir", limits=Limits(connections=1), open=lambda: MaildirFolder(maildir)),)
    from digest.transport.folder import EmlFolder

    folder = loaded.path(settings.folder.path)
    return (Relay(name="folder", limits=Limits(connections=1), open=lambda: EmlFolder(folder)),)


def _smtp_relays(loaded: Configuration, world: World, only: str) -> "tuple[Relay, ...]":
    from digest.transport.protocol import Relay
    from digest.transport.smtp import Smtp

    sign = signer(loaded)
    found: list[Relay] = []
    problems: list[DigestError] = []
    for place, table in enumerate(loaded.settings.smtp or ()):
        if only not in ("", table.label):
            continue
        try:
            server = _server(loaded, table, _secret(loaded, world, place))
        except ConfigurationError as problem:
            problems.extend(problem.problems)
            continue
        found.append(Relay(name=table.label, limits=limits_of(table), open=partial(Smtp, server, sign=sign)))
    if problems:
        raise ConfigurationError(tuple(problems))
    return tuple(found)


def relay_limits(loaded: Configuration) -> "dict[str, Limits]":
    """The relays' limits by name, without asking for any secret."""
    from digest.pace import Limits

    settings = loaded.settings
    if settings.mail.transport != "smtp":
        return {settings.mail.transport: Limits(connections=1)}
    return {table.label: limits_of(table) for table in settings.smtp or ()}


def limits_of(table: SmtpTable) -> "Limits":
    """The provider's limits, and over them those that the table gives; 0 is none."""
    from digest.pace import Limits

    preset = _preset(table)
    given: dict[str, Any] = {
        field.name: value or None
        for field in fields(Limits)
        if (value := getattr(table, field.name)) is not None
    }
    return replace(preset.limits if preset else Limits(), **given)


def _preset(table: SmtpTable) -> "Provider | None":
    from digest.transport.providers import PROVIDERS

    return PROVIDERS[table.provider] if table.provider else None


_Security = Literal["implicit", "starttls", "none"]
_PORTS: dict[_Security, int] = {"implicit": 465, "starttls": 587, "none": 25}


def _server(loaded: Configuration, table: SmtpTable, secret: "Secret | None") -> "SmtpServer":
    """The table's keys, else the provider's, else the defaults; port and security follow from each other."""
    from digest.transport.smtp import SmtpServer

    preset = _preset(table)
    fits = preset if preset and table.port in (None, preset.port) else None
    by_port: dict[int, _Security] = {465: "implicit", 587: "starttls"}
    security = table.security or (fits.security if fits else by_port.get(table.port or 465, "implicit"))
    usual = preset.port if preset and preset.security == security else _PORTS[security]
    return SmtpServer(
        host=table.host or (preset.host if preset else "") or "",
        port=table.port or usual,
        security=security,
        username=table.username,
        auth=_auth(table),
        secret=secret,
        timeout_s=table.timeout_s,
        allow_plaintext=table.allow_plaintext,
        ca_file=str(loaded.path(table.ca_file)) if table.ca_file else None,
        ehlo_name=loaded.settings.mail.from_address.rpartition("@")[2],
    )


def _auth(table: SmtpTable) -> Literal["password", "xoauth2"]:
    preset = _preset(table)
    return table.auth or (preset.auth if preset else None) or "password"


def _secret(loaded: Configuration, world: World, place: int) -> "Secret | None":
    """How to get the password or token of a relay; `None` for one that takes mail without a login."""
    tables = loaded.settings.smtp or ()
    table = tables[place]
    where = f"{loaded.file}: smtp" + (f"[{place + 1}]" if len(tables) > 1 else "")
    if table.username is None:
        preset = _preset(table)
        if preset and preset.auth:
            fix = "Name the account as `username`"
            raise ConfigurationError.of(f"{preset.name} takes no mail without a login", where=where, fix=fix)
        return None
    variables = smtp_variables(table.label, is_first=place == 0)
    secret = secret_of(table, variables, loaded.file.parent, world.environment)
    if secret is None:
        what = "access token" if _auth(table) == "xoauth2" else "password"
        fix = f"Set {variables[-1]}, password_file to a file only you can read, or password_command"
        raise ConfigurationError.of(f"there is no {what} for {table.username}", where=where, fix=fix)
    return secret


def signer(loaded: Configuration) -> Callable[[bytes], bytes] | None:
    """What signs messages on their way out; `None` where nothing does.

    Raises ConfigurationError if the key cannot be used.
    """
    from digest.transport.signing import open_signer

    table = loaded.settings.dkim
    if table is None:
        return None
    key_file = loaded.path(table.key_file)
    return open_signer(domain=table.domain, selector=table.selector, key_file=key_file).sign


def channels(loaded: Configuration, world: World) -> "Channels":
    """How the operator hears of what only a person can mend."""
    from digest.alarm import Channels

    table = loaded.settings.alarm
    if table is None:
        return Channels()
    return Channels(
        command=beside(table.command or (), loaded.file.parent),
        folder=loaded.file.parent,
        email=table.email or "",
        sender=loaded.settings.mail.from_address,
        timeout_s=table.timeout_s,
        environment=world.environment,
    )


def rules(loaded: Configuration, world: World, *, profiles: Sequence[str] | None = None) -> "Rules":
    """What the operator wants of a delivery: of these readers' messages, or of all."""
    from digest.alarm import sound
    from digest.ledger import Manners
    from digest.outbox import Rules

    told_by = channels(loaded, world)

    async def tell(alarm: "Alarm", others: "Sequence[Relay]") -> tuple[str, ...]:
        return await sound(alarm, told_by, others, world.now())

    table = loaded.settings.delivery
    return Rules(
        manners=Manners(resend_once=table.resend_unknown == "once", suppress_after=table.suppress_after),
        patience_s=table.patience_s,
        profiles=None if profiles is None else frozenset(profiles),
        sound=tell,
    )
