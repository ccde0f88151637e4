"""TOML to Settings and Profiles, with every problem reported at once."""

import difflib
import os
import re
import stat
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from digest.errors import ConfigurationError, DigestError
from digest.links import paper_id, safe_link
from digest.model import Interest, Profile, QuietDay, Sender
from digest.text import MAX_NAME, clean, words

CONFIG_NAME = "config.toml"
CONFIG_VARIABLE = "DIGEST_CONFIG"
PASSWORD_VARIABLE = "DIGEST_SMTP_PASSWORD"  # noqa: S105  # the variable's name, not a password
EMBEDDING_KEY_VARIABLE = "DIGEST_EMBEDDING_KEY"
SUMMARIES_KEY_VARIABLE = "DIGEST_SUMMARIES_KEY"
T = TypeVar("T", bound=BaseModel)
LONGEST_HEADER_LINK = 800
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


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

    def problems_of(self, name: str) -> tuple[DigestError, ...]:
        """What is wrong with one reader's profile."""
        file = str(self.path(self.settings.profiles) / f"{name}.toml")
        return tuple(one for one in self.problems if one.where == file or one.where.startswith(f"{file}: "))


def load_configuration(path: Path) -> Configuration:
    """Read `config.toml` and every profile beside it.

    A broken profile is a problem in the result, so that it never stops another reader's edition. A broken
    `config.toml` raises ConfigurationError with every problem of both.
    """
    raw, problems = _read_toml(path)
    settings, more = _validate(Settings, raw, path)
    problems = problems or more
    folder = Path(str(raw.get("profiles", "profiles"))).expanduser()
    profiles, bad_profiles = load_profiles(path.parent / folder)
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
    raise ConfigurationError((DigestError("there is no configuration here", where=str(path), fix=fix),))


def load_profiles(folder: Path) -> tuple[tuple[Profile, ...], tuple[DigestError, ...]]:
    """Every `*.toml` of a folder: the readers in order of name, and the problems of those left out."""
    paths = sorted(folder.glob("*.toml")) if folder.is_dir() else []
    if not paths:
        fix = "Run `digest init`, or write one TOML file per reader there"
        return (), (DigestError("no reader's profile found", where=str(folder), fix=fix),)
    read = [load_profile(path) for path in paths]
    profiles = tuple(profile for profile, _ in read if profile)
    return profiles, tuple(problem for _, problems in read for problem in problems)


def load_profile(path: Path) -> tuple[Profile | None, tuple[DigestError, ...]]:
    """One reader's file, or every problem it has."""
    raw, unreadable = _read_toml(path)
    if unreadable:
        return None, unreadable
    file, problems = _validate(ProfileFile, raw, path)
    return (file.to_profile(path) if file else None), problems


def check_settings(raw: Mapping[str, Any], path: Path) -> tuple[DigestError, ...]:
    """The problems that `config.toml` would have with this content."""
    return _validate(Settings, dict(raw), path)[1]


def check_profile(raw: Mapping[str, Any], path: Path) -> tuple[DigestError, ...]:
    """The problems that a profile would have with this content."""
    return _validate(ProfileFile, dict(raw), path)[1]


# ---------------------------------------------------------------- what a value must be


def _address(text: str) -> str:
    """An addr-spec whose domain is in ASCII; non-ASCII local parts are refused (no SMTPUTF8, RFC 6531)."""
    import email_validator

    # A household or lab mails to ada@localhost or ada@server.local; the library documents emptying this list.
    email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()
    try:
        checked = email_validator.validate_email(
            text,
            check_deliverability=False,
            allow_smtputf8=False,
            globally_deliverable=False,
        )
    except email_validator.EmailNotValidError as problem:
        raise ValueError(str(problem)) from None
    return str(checked.ascii_email)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = difflib.get_close_matches(name, available_timezones(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else "use an IANA name such as Europe/Berlin"
        raise ValueError(f"there is no time zone {name!r}; {hint}") from None
    return name


def _language(tag: str) -> str:
    if tag == "en":
        return tag  # the usual case, without loading Babel
    from digest.language import UnknownLanguageError, known_languages, language

    try:
        return language(tag).tag
    except UnknownLanguageError:
        raise ValueError(
            f"editions cannot be written in {tag!r}; there are {', '.join(known_languages())}, "
            "and their regional forms, such as de-AT"
        ) from None


def _clock(value: object) -> time:
    if isinstance(value, time):
        return value.replace(second=0, microsecond=0)
    if isinstance(value, str) and re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d", value):
        hour, minute = value.split(":")
        return time(int(hour), int(minute))
    raise ValueError(f'{value!r} is not a time of day; write it as "07:30"')


def _weekday(name: object) -> int:
    if isinstance(name, str) and name.lower()[:3] in WEEKDAYS:
        return WEEKDAYS.index(name.lower()[:3])
    raise ValueError(f"{name!r} is not a weekday; use {', '.join(WEEKDAYS)}")


def _weighted(value: object) -> object:
    return value if isinstance(value, dict) else {"weight": value}


def _phrase(text: str) -> str:
    phrase = clean(text, MAX_NAME)
    if not words(phrase):
        raise ValueError(f"{text!r} has no letter or digit to look for")
    return phrase


def _paper(text: str) -> str:
    identifier = paper_id(text)
    if not identifier:
        raise ValueError(f"{text!r} is neither an arXiv id nor a DOI, nor an address of one")
    return identifier


def _web_address(text: str) -> str:
    if text and not safe_link(text):
        raise ValueError(f"{text!r} is not an http(s) address")
    return text.rstrip("/")


def _https_address(text: str) -> str:
    if not text:
        return text
    if not (safe_link(text) and text.startswith("https://") and text.isascii()):
        raise ValueError(
            f"{text!r} is not an ASCII https address, as one-click unsubscribing needs (RFC 8058)"
        )
    if len(text) > LONGEST_HEADER_LINK:
        raise ValueError(f"longer than {LONGEST_HEADER_LINK} characters, which no header line holds")
    return text


def _service_address(text: str) -> str:
    address = _web_address(text)
    parts = urlsplit(address)
    if not address or parts.query or parts.fragment:
        raise ValueError(
            f"{text!r} is not the address where an API begins, such as http://localhost:11434/v1"
        )
    if parts.username or parts.password:
        raise ValueError("holds a name or password; a key comes from the environment only")
    return address


def _one_line(text: str) -> str:
    return clean(text, MAX_NAME)


Address = Annotated[str, AfterValidator(_address)]
Zone = Annotated[str, AfterValidator(_zone)]
LanguageTag = Annotated[str, AfterValidator(_language)]
Clock = Annotated[time, BeforeValidator(_clock)]
Weekday = Annotated[int, BeforeValidator(_weekday)]
Phrase = Annotated[str, AfterValidator(_phrase)]
PaperId = Annotated[str, AfterValidator(_paper)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
HttpsAddress = Annotated[str, AfterValidator(_https_address)]
ServiceAddress = Annotated[str, AfterValidator(_service_address)]
Line = Annotated[str, AfterValidator(_one_line)]
ModelName = Annotated[str, AfterValidator(_one_line), Field(min_length=1)]
ListId = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$")]


class _Table(BaseModel):
    """A TOML table: unknown keys are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# ---------------------------------------------------------------- config.toml


class MailTable(_Table):
    """`[mail]`: who sends, and which way it leaves."""

    from_address: Address
    from_name: Line = "Digest"
    transport: Literal["smtp", "maildir", "folder"] = "maildir"
    list_id: ListId | None = None
    unsubscribe_email: Address | None = None
    unsubscribe_url: HttpsAddress = ""
    contact: Line = ""

    def sender(self) -> Sender:
        """The same as a value."""
        domain = self.from_address.rpartition("@")[2]
        return Sender(
            address=self.from_address,
            name=self.from_name,
            list_id=self.list_id or f"digest.{domain}",
            unsubscribe_email=self.unsubscribe_email or self.from_address,
            unsubscribe_url=self.unsubscribe_url,
            contact=self.contact,
        )


class SmtpTable(_Table):
    """`[smtp]`: the server that takes the mail."""

    host: Line
    port: Annotated[StrictInt, Field(ge=1, le=65535)] = 465
    security: Literal["implicit", "starttls", "none"] = "implicit"
    username: str | None = None
    password_file: Path | None = None
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 60
    allow_plaintext: StrictBool = False
    ca_file: Path | None = None


class PathTable(_Table):
    """`[maildir]` and `[folder]`: where the mail is put."""

    path: Path


class FetchTable(_Table):
    """`[fetch]`: manners and bounds of the HTTP client."""

    timeout_s: Annotated[float, Field(gt=0, le=600)] = 30
    max_megabytes: Annotated[StrictInt, Field(ge=1, le=100)] = 20
    spacing_s: Annotated[float, Field(ge=0, le=60)] = 1


class HuggingFaceTable(_Table):
    """`[[sources]] kind = "huggingface"`: the daily or the trending list."""

    kind: Literal["huggingface"]
    base_url: WebAddress = "https://huggingface.co"
    trending: StrictBool = False
    days_back: Annotated[StrictInt, Field(ge=0, le=30)] = 2


class ListingTable(_Table):
    """`[[sources]] kind = "listing"`: saved pages, by file, folder or pattern."""

    kind: Literal["listing"]
    pages: Annotated[tuple[str, ...], Field(min_length=1)]


SourceTable = Annotated[HuggingFaceTable | ListingTable, Field(discriminator="kind")]


class FolderEmbeddingTable(_Table):
    """`[embedding] kind = "folder"`: a sentence-transformers model on this machine."""

    kind: Literal["folder"]
    path: Path
    max_papers: Annotated[StrictInt, Field(ge=1, le=100_000)] = 2_000
    batch_size: Annotated[StrictInt, Field(ge=1, le=512)] = 8
    threads: Annotated[StrictInt, Field(ge=1, le=64)] = 2
    total_s: Annotated[float, Field(gt=0, le=7_200)] = 900


class EndpointEmbeddingTable(_Table):
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


class SummariesTable(_Table):
    """`[summaries]`: a language model that says what a paper is about; an OpenAI-compatible service."""

    base_url: ServiceAddress
    model: ModelName
    language: Line = ""
    max_papers: Annotated[StrictInt, Field(ge=1, le=10_000)] = 40
    max_characters: Annotated[StrictInt, Field(ge=100, le=1_000)] = 420
    max_tokens: Annotated[StrictInt, Field(ge=0, le=100_000)] = 400
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 60
    total_s: Annotated[float, Field(gt=0, le=7_200)] = 300


class Settings(_Table):
    """`config.toml`, checked."""

    store: Path = Path("digest.sqlite3")
    profiles: Path = Path("profiles")
    templates_dir: Path | None = Field(
        default=None, validation_alias=AliasChoices("templates_dir", "templates")
    )
    window_days: Annotated[StrictInt, Field(ge=1, le=60)] = 7
    mail: MailTable
    smtp: SmtpTable | None = None
    maildir: PathTable = PathTable(path=Path("maildir"))
    folder: PathTable = PathTable(path=Path("outbox"))
    fetch: FetchTable = FetchTable()
    sources: Annotated[tuple[SourceTable, ...], Field(min_length=1)] = (HuggingFaceTable(kind="huggingface"),)
    embedding: EmbeddingTable | None = None
    summaries: SummariesTable | None = None

    @model_validator(mode="after")
    def _has_its_transport(self) -> "Settings":
        if self.mail.transport == "smtp" and self.smtp is None:
            raise ValueError('transport = "smtp" needs a table [smtp] with at least host')
        return self


def smtp_password(smtp: SmtpTable, folder: Path, environment: Mapping[str, str]) -> str | None:
    """The SMTP password from `$DIGEST_SMTP_PASSWORD`, else from `password_file`, else `None`.

    Raises ConfigurationError if the file cannot be read, or can be read by other users of the machine.
    """
    if secret := environment.get(PASSWORD_VARIABLE):
        return secret
    if smtp.password_file is None:
        return None
    path = folder / smtp.password_file.expanduser()
    try:
        mode = path.stat().st_mode
        secret = path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise _one_problem("the password file is not UTF-8 text", path, "Write it anew") from None
    except OSError as problem:
        raise _one_problem(
            f"the password file cannot be read ({problem.strerror})",
            path,
            f"Write the password there, or set ${PASSWORD_VARIABLE}",
        ) from None
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise _one_problem("other users can read the password file", path, f"Run: chmod 600 {path}")
    return secret


def _one_problem(what: str, path: Path, fix: str) -> ConfigurationError:
    return ConfigurationError((DigestError(what, where=str(path), fix=fix),))


# ---------------------------------------------------------------- profiles/*.toml


class InterestTable(_Table):
    """`phrase = 8`, or `phrase = { weight = 8, aliases = [...] }`."""

    weight: Annotated[float, Field(ge=1, le=10)] = 5
    aliases: tuple[Phrase, ...] = ()


Interests = dict[Phrase, Annotated[InterestTable, BeforeValidator(_weighted)]]


class FollowTable(_Table):
    """`[follow]`: who is always shown."""

    authors: tuple[Phrase, ...] = ()
    organizations: tuple[Phrase, ...] = ()


class LikedTable(_Table):
    """`[liked]`: papers that teach the taste."""

    papers: tuple[PaperId, ...] = ()
    files: tuple[Path, ...] = ()


class TrendingTable(_Table):
    """`[trending]`: papers that everybody reads, whatever this reader's interests."""

    outside_interests: Annotated[StrictInt, Field(ge=0, le=20)] = 2


class ProfileFile(_Table):
    """One reader's file, checked."""

    email: Address
    name: Line = ""
    timezone: Zone = "UTC"
    language: LanguageTag = "en"
    send_at: Clock = time(7, 30)
    days: tuple[Weekday, ...] = tuple(range(7))
    max_papers: Annotated[StrictInt, Field(ge=1, le=50)] = 8
    threshold: Annotated[StrictInt, Field(ge=1, le=100)] = 35
    exploration: Annotated[StrictInt, Field(ge=0, le=5)] = 0
    on_quiet_day: QuietDay = QuietDay.SILENT
    interests: Interests = {}
    avoid: Interests = {}
    follow: FollowTable = FollowTable()
    liked: LikedTable = LikedTable()
    trending: TrendingTable = TrendingTable()

    def to_profile(self, path: Path) -> Profile:
        """The same as a value, named after its file."""
        return Profile(
            name=path.stem,
            email=self.email,
            display_name=self.name,
            timezone=self.timezone,
            language=self.language,
            send_at=self.send_at,
            days=frozenset(self.days),
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


# ---------------------------------------------------------------- problems


def _read_toml(path: Path) -> tuple[dict[str, Any], tuple[DigestError, ...]]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig")), ()
    except OSError as problem:
        what = f"cannot be read ({problem.strerror})"
    except UnicodeDecodeError:
        what = "is not UTF-8 text"
    except tomllib.TOMLDecodeError as problem:
        what = f"is not valid TOML: {problem}"
    return {}, (DigestError(what, where=str(path), fix="`digest init` writes a commented example"),)


def _validate(model: type[T], raw: dict[str, Any], path: Path) -> tuple[T | None, tuple[DigestError, ...]]:
    try:
        return model.model_validate(raw), ()
    except ValidationError as invalid:
        errors = invalid.errors()
        in_sources = any(error["loc"][:1] == ("sources",) and len(error["loc"]) > 1 for error in errors)
        # A table of `sources` that cannot be used is not also "too few" of them.
        told = [e for e in errors if not (in_sources and e["loc"] == ("sources",))]
        return None, tuple(_problem(model, error, path) for error in told)


def _problem(model: type[BaseModel], error: ErrorDetails, path: Path) -> DigestError:
    """What pydantic found, as file, key, what is wrong, and what was probably meant."""
    keys = [key for key in error["loc"] if key != "[key]"]
    if keys[:1] in (["sources"], ["embedding"]):
        keys = [key for key in keys if key not in _TAGS]
    where = f"{path}: {_dotted(keys)}" if keys else str(path)
    if error["type"] == "missing":
        return DigestError("this key is needed and missing", where=where)
    if error["type"] == "extra_forbidden":
        return DigestError(
            "unknown key", where=where, fix=_did_you_mean(model, [str(key) for key in error["loc"]])
        )
    if error["type"] == "union_tag_invalid":
        return _unknown_choice(
            error["ctx"]["tag"], re.findall(r"'(\w+)'", error["ctx"]["expected_tags"]), where
        )
    if error["type"] in ("literal_error", "enum"):
        return _unknown_choice(error["input"], re.findall(r"'(\w+)'", error["ctx"]["expected"]), where)
    message = error["msg"].removeprefix("Value error, ")
    return DigestError(message[0].lower() + message[1:], where=where)


_TAGS = ("huggingface", "listing", "folder", "endpoint")
"""pydantic's names for the tables that a `kind` chooses, which are no keys."""


def _unknown_choice(given: object, known: list[str], where: str) -> DigestError:
    near = difflib.get_close_matches(str(given), known, n=1)
    fix = f"Did you mean {near[0]!r}?" if near else ""
    return DigestError(f"{given!r} is not one of {', '.join(known)}", where=where, fix=fix)


def _dotted(keys: Iterable[str | int]) -> str:
    """`sources[2].days_back`; list places count from 1, as people do."""
    parts = [f"[{key + 1}]" if isinstance(key, int) else f".{_quoted(key)}" for key in keys]
    return "".join(parts).removeprefix(".")


def _quoted(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else f'"{key}"'


def _did_you_mean(model: type[BaseModel], keys: list[str]) -> str:
    """The known keys of the table in which an unknown one stands, the likely one first."""
    known = sorted(_known_keys(model, keys[:-1]))
    if near := difflib.get_close_matches(keys[-1], known, n=1, cutoff=0.6):
        return f"Did you mean {near[0]!r}?"
    return f"Known here: {', '.join(known)}" if known else ""


def _known_keys(model: type[BaseModel], parents: list[str]) -> list[str]:
    """The keys of the table at `parents`: follows field names and a source's `kind`, passes over the rest."""
    tables = [model]
    for key in parents:
        inner = [found for table in tables if key in table.model_fields for found in _tables_at(table, key)]
        of_kind = [table for table in tables if _is_of_kind(table, key)]
        tables = inner or of_kind or tables
    return list(tables[0].model_fields)


def _tables_at(table: type[BaseModel], key: str) -> list[type[BaseModel]]:
    return _tables_in(table.model_fields[key].annotation)


def _tables_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [table for part in get_args(annotation) for table in _tables_in(part)]


def _is_of_kind(table: type[BaseModel], key: str) -> bool:
    kind = table.model_fields.get("kind")
    return kind is not None and key in get_args(kind.annotation)
