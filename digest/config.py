"""TOML to Settings and Profiles, with every problem reported at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AliasChoices,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    create_model,
    model_validator,
)

from digest.errors import ConfigurationError, DigestError
from digest.model import Every, Interest, Pause, Profile, QuietDay
from digest.settings.mail import (
    AlarmTable,
    BouncesTable,
    DeliveryTable,
    DkimTable,
    MailTable,
    PathTable,
    Relays,
    StorePlace,
)
from digest.settings.problems import read_toml, unknown_choice, validate
from digest.settings.values import (
    Address,
    Clock,
    Host,
    LanguageTag,
    Line,
    ModelName,
    PaperId,
    PauseDay,
    Phrase,
    ServiceAddress,
    SourceTable,
    Table,
    Weekday,
    Zone,
)
from digest.sources.registry import SOURCES, table_of

CONFIG_NAME = "config.toml"
CONFIG_VARIABLE = "DIGEST_CONFIG"
EMBEDDING_KEY_VARIABLE = "DIGEST_EMBEDDING_KEY"
SUMMARIES_KEY_VARIABLE = "DIGEST_SUMMARIES_KEY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """All that the files say: settings, the profiles that can be used, and what is wrong with the others."""

    file: Path
    settings: "Settings"
    profiles: tuple[Profile, ...]
    problems: tuple[DigestError, ...] = ()

    def path(self, relative: Path) -> Path:
        """A path of `config.toml`, which is relative to the folder of that file."""
        return self.file.parent / relative.expanduser()

    @property
    def store(self) -> Path | str:
        """Where the store is: a file, or the address of a PostgreSQL database."""
        place = self.settings.store
        return self.path(place) if isinstance(place, Path) else place

    def problems_of(self, name: str) -> tuple[DigestError, ...]:
        """What is wrong with one reader's profile."""
        file = str(self.path(self.settings.profiles) / f"{name}.toml")
        return tuple(one for one in self.problems if one.where == file or one.where.startswith(f"{file}: "))


Loaded = tuple[Profile | None, tuple[DigestError, ...]]
"""What a profile's file gives: the profile, or what is wrong with it."""


def load_profile(path: Path) -> Loaded:
    """One reader's file, or every problem it has."""
    raw, unreadable = read_toml(path)
    if unreadable:
        return None, unreadable
    file, problems = validate(ProfileFile, raw, path)
    return (file.to_profile(path) if file else None), problems


def load_configuration(path: Path, load: Callable[[Path], Loaded] = load_profile) -> Configuration:
    """Read `config.toml` and every profile beside it; `load` may remember those that did not change.

    A broken profile is a problem in the result, so that it never stops another reader's edition. A broken
    `config.toml` raises ConfigurationError with every problem of both.
    """
    raw, problems = read_toml(path)
    settings, more = _settings(raw, path)
    problems = problems or more
    folder = Path(str(raw.get("profiles", "profiles"))).expanduser()
    profiles, bad_profiles = load_profiles(path.parent / folder, load)
    if settings is None or problems:
        raise ConfigurationError(problems + bad_profiles)
    return Configuration(file=path, settings=settings, profiles=profiles, problems=bad_profiles)


def find_configuration(named: Path | None, environment: Mapping[str, str], folder: Path) -> Path:
    """Where `config.toml` is: as named, else `$DIGEST_CONFIG`, else in `folder`.

    Raises ConfigurationError if there is none.
    """
    path = named or Path(environment.get(CONFIG_VARIABLE) or folder / CONFIG_NAME)
    if path.is_file():
        return path
    fix = "Run `digest init` to make one, or name it with --config FILE"
    raise ConfigurationError.of("there is no configuration here", where=str(path), fix=fix)


def load_profiles(
    folder: Path, load: Callable[[Path], Loaded] = load_profile
) -> tuple[tuple[Profile, ...], tuple[DigestError, ...]]:
    """Every `*.toml` of a folder: the readers in order of name, and the problems of those left out."""
    paths = sorted(folder.glob("*.toml")) if folder.is_dir() else []
    if not paths:
        fix = "Run `digest init`, or write one TOML file per reader there"
        return (), (DigestError("no reader's profile found", where=str(folder), fix=fix),)
    read = [load(path) for path in paths]
    profiles = tuple(profile for profile, _ in read if profile)
    return profiles, tuple(problem for _, problems in read for problem in problems)


def check_settings(raw: Mapping[str, Any], path: Path) -> tuple[DigestError, ...]:
    """The problems that `config.toml` would have with this content."""
    return _settings(dict(raw), path)[1]


def check_profile(raw: Mapping[str, Any], path: Path) -> tuple[DigestError, ...]:
    """The problems that a profile would have with this content."""
    return validate(ProfileFile, dict(raw), path)[1]


# ---------------------------------------------------------------- config.toml


def _settings(raw: dict[str, Any], path: Path) -> "tuple[Settings | None, tuple[DigestError, ...]]":
    """The settings, or every problem they have; only the kinds of sources that they name are imported."""
    given = raw.get("sources")
    tables = given if isinstance(given, list) else []
    kinds = [table.get("kind") if isinstance(table, dict) else None for table in tables]
    unknown = tuple(
        unknown_choice(kind, list(SOURCES), f"{path}: sources[{place}].kind")
        for place, kind in enumerate(kinds, 1)
        if isinstance(kind, str) and kind not in SOURCES
    )
    known = [kind if isinstance(kind, str) and kind in SOURCES else None for kind in kinds]
    settings, problems = validate(_model_for(known), raw, path)
    return (None if unknown else settings), unknown + problems


def _model_for(kinds: "list[str | None]") -> "type[Settings]":
    """`Settings` whose sources are, one by one, of these kinds; one of an unknown kind may be anything."""
    if not kinds:
        return Settings
    each = tuple(table_of(kind) if kind else _Unreadable for kind in kinds)
    sources: Any = tuple[each]  # type: ignore[valid-type]
    return create_model("Settings", __base__=Settings, sources=(sources, ...))


class _Unreadable(SourceTable):
    """A table whose kind is missing or said to be unknown already."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class FetchTable(Table):
    """`[fetch]`: manners and bounds of the HTTP client."""

    timeout_s: Annotated[float, Field(gt=0, le=600)] = 30
    max_megabytes: Annotated[StrictInt, Field(ge=1, le=100)] = 20
    spacing_s: Annotated[float, Field(ge=0, le=60)] = 1
    allow_private: tuple[Host, ...] = ()
    kept_pages: Path = Path("kept-pages")


class FolderEmbeddingTable(Table):
    """`[embedding] kind = "folder"`: a sentence-transformers model on this machine."""

    kind: Literal["folder"]
    path: Path
    max_papers: Annotated[StrictInt, Field(ge=1, le=100_000)] = 2_000
    batch_size: Annotated[StrictInt, Field(ge=1, le=512)] = 8
    threads: Annotated[StrictInt, Field(ge=1, le=64)] = 2
    total_s: Annotated[float, Field(gt=0, le=7_200)] = 900


class EndpointEmbeddingTable(Table):
    """`[embedding] kind = "endpoint"`: an OpenAI-compatible service."""

    kind: Literal["endpoint"]
    base_url: ServiceAddress
    model: ModelName
    max_papers: Annotated[StrictInt, Field(ge=1, le=100_000)] = 2_000
    batch_size: Annotated[StrictInt, Field(ge=1, le=512)] = 32
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 60
    total_s: Annotated[float, Field(gt=0, le=7_200)] = 900
    dimensions: Annotated[StrictInt, Field(ge=8, le=8_192)] | None = None


EmbeddingTable = Annotated[FolderEmbeddingTable | EndpointEmbeddingTable, Field(discriminator="kind")]


class RunTable(Table):
    """`[run]`: how often `digest run` looks for what is due, and where it says how it is."""

    tick_s: Annotated[StrictInt, Field(ge=1, le=600)] = 60
    health_file: Path | None = None


class SummariesTable(Table):
    """`[summaries]`: a language model that says what a paper is about; an OpenAI-compatible service."""

    base_url: ServiceAddress
    model: ModelName
    language: Line = ""
    max_papers: Annotated[StrictInt, Field(ge=1, le=10_000)] = 40
    max_characters: Annotated[StrictInt, Field(ge=100, le=1_000)] = 420
    max_tokens: Annotated[StrictInt, Field(ge=0, le=100_000)] = 400
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 60
    total_s: Annotated[float, Field(gt=0, le=7_200)] = 300


def _usual_sources() -> tuple[SourceTable, ...]:
    return (table_of("huggingface")(kind="huggingface"),)


class Settings(Table):
    """`config.toml`, checked."""

    store: StorePlace = Path("digest.sqlite3")
    profiles: Path = Path("profiles")
    templates_dir: Path | None = Field(
        default=None, validation_alias=AliasChoices("templates_dir", "templates")
    )
    window_days: Annotated[StrictInt, Field(ge=1, le=60)] = 7
    mail: MailTable
    smtp: Relays | None = None
    maildir: PathTable = PathTable(path=Path("maildir"))
    folder: PathTable = PathTable(path=Path("outbox"))
    delivery: DeliveryTable = DeliveryTable()
    dkim: DkimTable | None = None
    alarm: AlarmTable | None = None
    bounces: BouncesTable = BouncesTable()
    fetch: FetchTable = FetchTable()
    run: RunTable = RunTable()
    sources: Annotated[tuple[SourceTable, ...], Field(min_length=1, default_factory=_usual_sources)]
    """Each of its kind's own model: see `_model_for`."""
    embedding: EmbeddingTable | None = None
    summaries: SummariesTable | None = None

    @model_validator(mode="after")
    def _has_its_transport(self) -> "Settings":
        if self.mail.transport == "smtp" and self.smtp is None:
            raise ValueError('transport = "smtp" needs a table [smtp] with at least host or provider')
        return self

    @model_validator(mode="after")
    def _uses_its_ways_out(self) -> "Settings":
        """Who wrote down a server wants the mail to go there, and not silently into a folder."""
        transport = self.mail.transport
        unused = [
            name for name in ("smtp", "dkim") if getattr(self, name) is not None and transport != "smtp"
        ]
        if unused:
            what, them = f"[{unused[0]}] stands there", "it"
            if len(unused) > 1:
                what, them = "[smtp] and [dkim] stand there", "them"
            fix = f'Set transport = "smtp" in [mail], or take {them} away'
            raise ValueError(f'{what}, and transport = "{transport}" does not use {them}. {fix}')
        return self


# ---------------------------------------------------------------- profiles/*.toml


def _weighted(value: object) -> object:
    return value if isinstance(value, dict) else {"weight": value}


class InterestTable(Table):
    """`phrase = 8`, or `phrase = { weight = 8, aliases = [...] }`."""

    weight: Annotated[float, Field(ge=1, le=10)] = 5
    aliases: tuple[Phrase, ...] = ()


Interests = dict[Phrase, Annotated[InterestTable, BeforeValidator(_weighted)]]


class FollowTable(Table):
    """`[follow]`: who is always shown."""

    authors: tuple[Phrase, ...] = ()
    organizations: tuple[Phrase, ...] = ()


class LikedTable(Table):
    """`[liked]`: papers that teach the taste."""

    papers: tuple[PaperId, ...] = ()
    files: tuple[Path, ...] = ()


class PauseTable(Table):
    """`[pause]`: days without an edition; an empty table until it is taken away."""

    begins: PauseDay | None = None
    until: PauseDay | None = None

    @model_validator(mode="after")
    def _lasts(self) -> "PauseTable":
        if self.begins is not None and self.until is not None and self.until <= self.begins:
            raise ValueError(
                f"until must be later than begins ({self.begins}): it is the first day with an edition again"
            )
        return self

    def to_pause(self) -> Pause:
        """The same as a value."""
        return Pause(begins=self.begins, until=self.until)


class TrendingTable(Table):
    """`[trending]`: papers that everybody reads, whatever this reader's interests."""

    outside_interests: Annotated[StrictInt, Field(ge=0, le=20)] = 2


class ProfileFile(Table):
    """One reader's file, checked."""

    email: Address
    name: Line = ""
    timezone: Zone = "UTC"
    language: LanguageTag = "en"
    send_at: Clock = time(7, 30)
    wait_until: Clock | None = None
    days: tuple[Weekday, ...] = tuple(range(7))
    every: Every = Every.DAY
    max_papers: Annotated[StrictInt, Field(ge=1, le=50)] = 8
    threshold: Annotated[StrictInt, Field(ge=1, le=100)] = 35
    exploration: Annotated[StrictInt, Field(ge=0, le=5)] = 0
    on_quiet_day: QuietDay = QuietDay.SILENT
    interests: Interests = Field(default_factory=dict)
    avoid: Interests = Field(default_factory=dict)
    follow: FollowTable = FollowTable()
    liked: LikedTable = LikedTable()
    trending: TrendingTable = TrendingTable()
    pause: PauseTable | None = None

    @model_validator(mode="after")
    def _waits_for_a_while(self) -> "ProfileFile":
        if self.wait_until is not None and self.wait_until <= self.send_at:
            raise ValueError(f"wait_until must be later than send_at ({self.send_at:%H:%M}), on the same day")
        return self

    def to_profile(self, path: Path) -> Profile:
        """The same as a value, named after its file."""
        return Profile(
            name=path.stem,
            email=self.email,
            display_name=self.name,
            timezone=self.timezone,
            language=self.language,
            send_at=self.send_at,
            wait_until=self.wait_until,
            days=frozenset(self.days),
            every=self.every,
            pause=self.pause.to_pause() if self.pause else None,
            max_papers=self.max_papers,
            threshold=self.threshold,
            exploration=self.exploration,
            on_quiet_day=self.on_quiet_day,
            interests=_interests(self.interests),
            avoid=_interests(self.avoid),
            authors=self.follow.authors,
            organizations=self.follow.organizations,
            liked=self.liked.papers,
            liked_files=tuple(path.parent / file.expanduser() for file in self.liked.files),
            outside_interests=self.trending.outside_interests,
        )


def _interests(tables: Mapping[str, InterestTable]) -> tuple[Interest, ...]:
    return tuple(
        Interest(phrase=phrase, weight=table.weight, aliases=table.aliases)
        for phrase, table in tables.items()
    )
