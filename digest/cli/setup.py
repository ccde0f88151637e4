"""From files and flags to the things that commands work with."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from digest.cli.screen import complain, warn
from digest.cli.world import World
from digest.config import (
    EMBEDDING_KEY_VARIABLE,
    SUMMARIES_KEY_VARIABLE,
    Configuration,
    FolderEmbeddingTable,
    HuggingFaceTable,
    find_configuration,
    load_configuration,
    load_profile,
    smtp_password,
)
from digest.errors import ConfigurationError, DigestError, UsageError
from digest.model import Profile, Sender

if TYPE_CHECKING:
    from digest.embedding.protocol import Embedder
    from digest.endpoint import Endpoint
    from digest.fetch import Client
    from digest.rendering.renderer import Renderer
    from digest.sources.registry import Source
    from digest.store.database import Database
    from digest.summaries import Writer
    from digest.transport.protocol import Transport


def configuration(ctx: click.Context, *, briefly: bool = False) -> Configuration:
    """The configuration; the problems of profiles that had to be left out are told at once, or `briefly`."""
    world: World = ctx.obj
    path = find_configuration(ctx.meta["digest.config"], world.environment, world.folder)
    loaded = load_configuration(path)
    if loaded.problems and briefly:
        files = sorted({Path(one.where.split(": ")[0]).name for one in loaded.problems})
        warn(f"not usable: {', '.join(files)} (`digest check` says why)")
    elif loaded.problems:
        complain(ConfigurationError(loaded.problems))
    return loaded


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


def sources(loaded: Configuration) -> "tuple[Source, ...]":
    """The sources of the configuration, in its order."""
    from digest.sources.registry import open_sources

    return open_sources(loaded.settings.sources, loaded.file.parent)


def client(loaded: Configuration, world: World) -> "Client":
    """The HTTP client, with the operator's limits; hosts that a source names may be private."""
    from digest.fetch import Client, Limits

    limits = loaded.settings.fetch
    tables = [table for table in loaded.settings.sources if isinstance(table, HuggingFaceTable)]
    return Client(
        limits=Limits(
            timeout_s=limits.timeout_s, max_bytes=limits.max_megabytes * 1_000_000, spacing_s=limits.spacing_s
        ),
        contact=loaded.settings.mail.contact,
        trusted_hosts=frozenset(urlsplit(table.base_url).hostname or "" for table in tables),
        sleep=world.sleep,
    )


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
    from digest.fetch import Client, Limits

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
    return Renderer(loaded.path(folder) if loaded and folder else None)


def sender(loaded: Configuration | None) -> Sender:
    """Who the mail is from; without a configuration a stand-in that only previews show."""
    return loaded.settings.mail.sender() if loaded else Sender(address="digest@localhost")


def store_path(loaded: Configuration) -> Path:
    """Where the store is."""
    return loaded.path(loaded.settings.store)


def open_store(loaded: Configuration) -> "Database":
    """The store, for writing; close it, or use it in a `with`."""
    from digest.store.database import open_database

    return open_database(store_path(loaded))


def open_store_for_reading(loaded: Configuration) -> "Database":
    """The store, without the means to change it; close it, or use it in a `with`."""
    from digest.store.database import open_for_reading

    return open_for_reading(store_path(loaded))


def transport(loaded: Configuration, world: World) -> "Transport":
    """The way out that the configuration names."""
    settings = loaded.settings
    if settings.mail.transport == "maildir":
        from digest.transport.maildir import MaildirFolder

        return MaildirFolder(loaded.path(settings.maildir.path))
    if settings.mail.transport == "folder":
        from digest.transport.folder import EmlFolder

        return EmlFolder(loaded.path(settings.folder.path))
    return _smtp(loaded, world)


def _smtp(loaded: Configuration, world: World) -> "Transport":
    from digest.transport.smtp import Smtp, SmtpServer

    table = loaded.settings.smtp
    if table is None:
        raise DigestError("there is no [smtp] table", where=str(loaded.file))
    password = smtp_password(table, loaded.file.parent, world.environment) if table.username else None
    if table.username and not password:
        raise ConfigurationError(
            (
                DigestError(
                    f"there is no password for {table.username}",
                    where=f"{loaded.file}: smtp",
                    fix="Set DIGEST_SMTP_PASSWORD, or password_file to a file only you can read",
                ),
            )
        )
    return Smtp(
        SmtpServer(
            host=table.host,
            port=table.port,
            security=table.security,
            username=table.username,
            password=password,
            timeout_s=table.timeout_s,
            allow_plaintext=table.allow_plaintext,
            ca_file=str(loaded.path(table.ca_file)) if table.ca_file else None,
            ehlo_name=loaded.settings.mail.from_address.rpartition("@")[2],
        )
    )
