"""`digest init`: the two files a newcomer needs, commented, with the answers already in them."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

import click

from digest.cli.screen import complain, say
from digest.cli.world import World
from digest.config import CONFIG_NAME, check_profile, check_settings, load_configuration
from digest.errors import ConfigurationError, DigestError, InputError, UsageError
from digest.resources import shipped
from digest.settings.mail import HOSTS_TO_NAME, ProviderName


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What the files are filled with; empty values leave the example's own."""

    email: str = ""
    profile: str = ""
    name: str = ""
    timezone: str = ""
    language: str = ""
    send_at: str = ""
    interests: Mapping[str, float] = field(default_factory=dict)
    liked: tuple[str, ...] = ()
    from_address: str = ""
    pages: tuple[str, ...] = ()
    maildir: str = ""
    smtp_host: str = ""
    smtp_provider: str | None = None
    smtp_port: int | None = None
    smtp_security: str | None = None
    smtp_username: str = ""

    @property
    def is_about_config(self) -> bool:
        """Whether some answer belongs into `config.toml`, so that an existing one is not just kept."""
        return any((self.from_address, self.pages, self.maildir, self.is_smtp))

    @property
    def is_smtp(self) -> bool:
        """Whether mail goes out over SMTP."""
        return bool(self.smtp_host or self.smtp_provider)


@click.command()
@click.argument("folder", default=".", type=click.Path(file_okay=False, path_type=Path), metavar="[DIR]")
@click.option("--email", default="", help="Where the editions go. The only thing that must be known.")
@click.option("--profile", default="", help="The reader's name in commands; else taken from the address.")
@click.option("--name", default="", help="The reader's name as it should stand in the mail.")
@click.option("--timezone", default="", help="IANA name, such as Europe/Berlin; else this machine's.")
@click.option("--language", default="", metavar="TAG", help="Of the mail: en, de, fr, zh, or de-AT, ...")
@click.option("--send-at", default="", metavar="HH:MM", help="Local time of the edition.")
@click.option(
    "--interest", "interests", multiple=True, metavar='"PHRASE=WEIGHT"', help="Weight 1 to 10; repeatable."
)
@click.option(
    "--liked", multiple=True, metavar="ID", help="A paper the reader likes: arXiv id or DOI; repeatable."
)
@click.option(
    "--from", "from_address", default="", metavar="ADDRESS", help="The sender; else the reader's own."
)
@click.option(
    "--page", "pages", multiple=True, metavar="FILE", help="Read saved pages, not the net; repeatable."
)
@click.option(
    "--maildir", default="", metavar="DIR", help="Deliver into this Maildir (the default: ./maildir)."
)
@click.option("--smtp-host", default="", metavar="HOST", help="Deliver over SMTP.")
@click.option(
    "--smtp-provider",
    type=click.Choice(get_args(ProviderName)),
    help="Deliver over SMTP, with this provider's host and limits.",
)
@click.option("--smtp-port", type=int, help="465 by default; 587 for STARTTLS, 25 for none.")
@click.option(
    "--smtp-security", type=click.Choice(["implicit", "starttls", "none"]), help="How it is encrypted."
)
@click.option(
    "--smtp-username", default="", metavar="NAME", help="The password comes from DIGEST_SMTP_PASSWORD."
)
@click.pass_obj
def init(world: World, /, folder: Path, interests: tuple[str, ...], **flags: Any) -> None:
    """Write a configuration and a reader's profile, commented.

    They go into DIR, by default this folder. Asks for what the flags leave open; without a terminal it
    never asks. Files that exist are not touched: where there is a configuration already, only the profile
    of a further reader is written.
    """
    answers = Answers(interests=dict(parse_interest(text) for text in interests), **flags)
    _refuse_contradictions(answers)
    if world.is_interactive:
        answers = _ask(answers)
    if not answers.email:
        raise UsageError("an address is needed", fix="Add --email you@example.org")
    for_config = answers.is_about_config
    answers = completed(answers)
    config = folder / CONFIG_NAME
    is_kept = config.exists() and not for_config
    readers = _profiles_of(config) if is_kept else folder / "profiles"
    profile = readers / f"{answers.profile}.toml"
    files = {profile: _profile_text(answers)}
    if is_kept:
        say(f"kept {config}")
    else:
        files[config] = _config_text(answers)
    _write(files)
    _say_next(folder, profile, answers)


def _profiles_of(config: Path) -> Path:
    """Where the configuration that is there has its readers."""
    loaded = load_configuration(config)
    return loaded.path(loaded.settings.profiles)


def parse_interest(text: str) -> tuple[str, float]:
    """`phrase=8` as phrase and weight; a phrase alone has weight 5. Raises UsageError for another weight."""
    phrase, _, weight = text.rpartition("=") if "=" in text else (text, "", "5")
    try:
        return phrase.strip(), float(weight)
    except ValueError:
        raise UsageError(
            f"{weight!r} is no weight", where=repr(text), fix='Write "phrase=8", with 1 to 10'
        ) from None


def _refuse_contradictions(answers: Answers) -> None:
    """Flags that do not fit together; nothing is silently left aside."""
    if not answers.is_smtp and any((answers.smtp_port, answers.smtp_security, answers.smtp_username)):
        raise UsageError(
            "--smtp-port, --smtp-security and --smtp-username need --smtp-host or --smtp-provider"
        )
    if not answers.smtp_host and (looks := HOSTS_TO_NAME.get(answers.smtp_provider or "")):
        raise UsageError(f"{answers.smtp_provider} needs --smtp-host", fix=f"It looks like {looks}")
    if answers.is_smtp and answers.maildir:
        raise UsageError("mail goes out either over SMTP or into a Maildir", fix="Leave one of the two out")
    if answers.profile and not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", answers.profile):
        fix = "Use letters, digits, dot, hyphen and underscore"
        raise UsageError(f"{answers.profile!r} cannot be the name of a profile", fix=fix)
    is_remote = bool(answers.smtp_host) and answers.smtp_host not in _LOCAL
    if is_remote and _smtp(answers).get("security") == "none":
        fix = "Use implicit or starttls; or set allow_plaintext in config.toml, knowing what that means"
        raise UsageError("mail to another machine is not sent unencrypted", fix=fix)


def _ask(answers: Answers) -> Answers:
    """Questions for what is open, with defaults that Enter takes."""
    email = answers.email or _prompt("Your e-mail address", "email")
    name = answers.name or _prompt("Your name, for the mail's To (may be empty)", "name", "")
    timezone = answers.timezone or _prompt("Your time zone", "timezone", _machine_zone())
    send_at = answers.send_at or _prompt("When should the mail come", "send_at", "07:30")
    interests = dict(answers.interests)
    if not interests:
        say('What are you interested in? One phrase a line, "phrase=weight" if it matters more (1 to 10).')
        while text := click.prompt("Interest (empty to end)", default="", show_default=False):
            interests.update(_interest(text))
    return replace(answers, email=email, name=name, timezone=timezone, send_at=send_at, interests=interests)


def _prompt(question: str, key: str, default: str | None = None) -> str:
    """Ask until the answer is one that the profile can hold."""

    def check(text: str) -> str:
        problems = check_profile({"email": "you@example.org", key: text}, Path())
        if problems:
            raise click.BadParameter(problems[0].what)
        return text

    return str(click.prompt(question, default=default, value_proc=check, show_default=bool(default)))


def _interest(text: str) -> dict[str, float]:
    """An interest as typed; what is wrong with it is said, and costs only itself."""
    try:
        phrase, weight = parse_interest(text)
    except UsageError as problem:
        complain(problem)
        return {}
    problems = check_profile({"email": "you@example.org", "interests": {phrase: weight}}, Path())
    for one in problems:
        complain(DigestError(one.what, where=text))
    return {} if problems else {phrase: weight}


def completed(answers: Answers) -> Answers:
    """The answers with what follows from them."""
    local = re.sub(r"[^a-z0-9._-]+", "-", answers.email.partition("@")[0].lower()).strip("-.")
    return replace(
        answers,
        profile=answers.profile or local or "reader",
        timezone=answers.timezone or _machine_zone(),
        from_address=answers.from_address or answers.email,
    )


def _machine_zone() -> str:
    from tzlocal import get_localzone_name

    return str(get_localzone_name() or "UTC")


# ---------------------------------------------------------------- the files


def _config_text(answers: Answers) -> str:
    """`config.example.toml` with the answers in it, its comments kept."""
    import tomlkit

    document: Any = tomlkit.parse(shipped("config.example.toml").read_text(encoding="utf-8"))
    document["mail"]["from_address"] = answers.from_address
    if answers.maildir:
        document["maildir"]["path"] = answers.maildir
    if answers.is_smtp:
        document["mail"]["transport"] = "smtp"
        document["smtp"] = _smtp(answers)
    if answers.pages:
        source = document["sources"][0]
        for key in [key for key in source if key != "kind"]:
            del source[key]
        source["kind"] = "listing"
        source["kind"].comment("pages saved as text, HTML or JSON")
        source["pages"] = list(answers.pages)
    return str(tomlkit.dumps(document))


def _smtp(answers: Answers) -> dict[str, Any]:
    """The table: of a provider that is known only what differs from its preset."""
    ports = {"implicit": 465, "starttls": 587, "none": 25}
    by_port = {port: name for name, port in ports.items()}
    security = answers.smtp_security or by_port.get(answers.smtp_port or 465, "starttls")
    provider = answers.smtp_provider or _provider_of(answers.smtp_host)
    is_usual = bool(provider) and not (answers.smtp_port or answers.smtp_security)
    server = {} if is_usual else {"port": answers.smtp_port or ports[security], "security": security}
    given = {"provider": provider, "host": answers.smtp_host, **server, "username": answers.smtp_username}
    return {key: value for key, value in given.items() if value}


def _provider_of(host: str) -> str:
    """The provider that has this host, whose limits then hold; of several the first, with the lowest."""
    from digest.transport.providers import PROVIDERS

    remote = {name: provider for name, provider in PROVIDERS.items() if provider.host not in _LOCAL}
    return next((name for name, provider in remote.items() if provider.host == host.lower()), "")


_LOCAL = ("", None, "localhost", "127.0.0.1", "::1")


def _profile_text(answers: Answers) -> str:
    """`profile.example.toml` with the answers in it, its comments kept."""
    import tomlkit

    document: Any = tomlkit.parse(shipped("profile.example.toml").read_text(encoding="utf-8"))
    document["email"] = answers.email
    document["timezone"] = answers.timezone
    if answers.name:
        document["name"] = answers.name
    if answers.language:
        document["language"] = answers.language
    if answers.send_at:
        document["send_at"] = answers.send_at
    for phrase, weight in answers.interests.items():
        document["interests"][phrase] = int(weight) if weight.is_integer() else weight
    if answers.liked:
        document["liked"]["papers"] = list(answers.liked)
    return _COMMENTED.sub(_aligned, str(tomlkit.dumps(document)))


_COMMENTED = re.compile(r"""^(\w+ = (?:"[^"#\n]*"|[\w.]+))[ ]+(#.*)$""", re.MULTILINE)
COMMENT_COLUMN = 36


def _aligned(line: re.Match[str]) -> str:
    """A key with its comment where the example has it, whatever the value's length."""
    return f"{line[1]:<{COMMENT_COLUMN - 1}} {line[2]}"


def _write(files: Mapping[Path, str]) -> None:
    """Write all of the files or none: only if all are sound and none exists."""
    problems = [problem for path, text in files.items() for problem in _problems(path, text)]
    if problems:
        raise ConfigurationError(tuple(problems))
    written: list[Path] = []
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            written.append(path)
    except OSError as problem:
        for path in written:
            path.unlink()
        raise DigestError(
            f"cannot be written ({problem.strerror})", where=str(problem.filename), fix="Name another DIR"
        ) from problem
    for path in written:
        say(f"wrote {path}")


def _problems(path: Path, text: str) -> Iterator[DigestError]:
    import tomllib

    check = check_settings if path.name == CONFIG_NAME else check_profile
    yield from check(tomllib.loads(text), path)
    if path.exists():
        yield InputError("is there already", where=str(path), fix="Move it away, or edit it")


def _say_next(folder: Path, profile: Path, answers: Answers) -> None:
    there = "" if folder == Path() else f" --config {shlex.quote(str(folder / CONFIG_NAME))}"
    if not (answers.interests or answers.liked):
        say(f"{profile} names no interest yet, so nothing can be picked: add some there")
    say()
    say(f"digest{there} fetch      gets the papers")
    say(f"digest{there} preview    shows today's edition, changing nothing")
    say(f"digest{there} check      looks for what is wrong, before the morning does")
    say(f"digest{there} send       sends it")
    say(f"digest{there} run        stays, and does all of it each morning at send_at")
