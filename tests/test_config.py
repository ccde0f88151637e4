"""Configuration and profiles: what is accepted, and what is said of the rest."""

import shutil
from datetime import time
from pathlib import Path

import pytest

from digest.config import (
    Configuration,
    SmtpTable,
    find_configuration,
    load_configuration,
    load_profile,
    smtp_password,
)
from digest.errors import ConfigurationError
from digest.model import Interest, Profile, QuietDay

ROOT = Path(__file__).parent.parent

ADA = """
email = "ada@exämple.org"
timezone = "Europe/London"
send_at = "07:30"
days = ["mon", "Friday"]
max_papers = 8
threshold = 35
exploration = 1
on_quiet_day = "note"

[interests]
"self-supervised learning" = 8
"speculative decoding" = { weight = 6, aliases = ["draft model", "lookahead decoding"] }

[avoid]
"survey" = 3

[follow]
authors = ["Kaiming He"]
organizations = ["allenai"]

[liked]
papers = ["2104.14294", "10.48550/arXiv.2010.11929"]
files = ["library.bib"]

[trending]
outside_interests = 2
"""


def ada(tmp_path: Path, text: str = ADA) -> tuple[Profile | None, list[str]]:
    path = tmp_path / "ada.toml"
    path.write_text(text, encoding="utf-8")
    loaded, problems = load_profile(path)
    return loaded, [str(problem).removeprefix(f"{tmp_path}/") for problem in problems]


def configured(
    folder: Path, config: str = '[mail]\nfrom_address = "d@example.org"\n', **profiles: str
) -> Path:
    (folder / "profiles").mkdir()
    (folder / "config.toml").write_text(config, encoding="utf-8")
    for name, text in profiles.items():
        (folder / "profiles" / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder / "config.toml"


def test_a_profile_says_who_when_and_what(tmp_path: Path) -> None:
    profile, problems = ada(tmp_path)

    assert problems == []
    assert profile == Profile(
        name="ada",
        email="ada@xn--exmple-cua.org",
        timezone="Europe/London",
        send_at=time(7, 30),
        days=frozenset({0, 4}),
        exploration=1,
        on_quiet_day=QuietDay.NOTE,
        interests=(
            Interest(phrase="self-supervised learning", weight=8),
            Interest(phrase="speculative decoding", weight=6, aliases=("draft model", "lookahead decoding")),
        ),
        avoid=(Interest(phrase="survey", weight=3),),
        authors=("Kaiming He",),
        organizations=("allenai",),
        liked=("2104.14294", "2010.11929"),
        liked_files=(tmp_path / "library.bib",),
    )


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ('emial = "a@b.org"', "emial: unknown key. Did you mean 'email'?"),
        ('timezone = "Mars/Base"', "timezone: there is no time zone 'Mars/Base'; use an IANA name such as"),
        ('timezone = "../../etc/passwd"', "timezone: there is no time zone"),
        (
            'language = "xx"',
            "language: editions cannot be written in 'xx'; there are en, de, fr, zh, and their regional forms",
        ),
        ('language = "zh-TW"', "language: editions cannot be written in 'zh-TW'; there are en,"),
        (
            'language = "de.\\r\\nBcc: eve@example.org"',
            "language: editions cannot be written in 'de.\\r\\nBcc:",
        ),
        ("language = 7", "language: input should be a valid string"),
        ('send_at = "25:00"', "send_at: '25:00' is not a time of day; write it as \"07:30\""),
        ('days = ["mon", "noday"]', "days[2]: 'noday' is not a weekday"),
        ("threshold = 101", "threshold: input should be less than or equal to 100"),
        ("max_papers = true", "max_papers: input should be a valid integer"),
        ('on_quiet_day = "loud"', "on_quiet_day: 'loud' is not one of silent, note, trending"),
        (
            'on_quiet_day = "nope"',
            "on_quiet_day: 'nope' is not one of silent, note, trending. Did you mean 'note'?",
        ),
        (
            'timezone = "Europe/Lodnon"',
            "timezone: there is no time zone 'Europe/Lodnon'; did you mean 'Europe/London'?",
        ),
        ('[interests]\n"a" = 11', "interests.a.weight: input should be less than or equal to 10"),
        (
            '[interests]\n"a b" = { wieght = 3 }',
            "interests.\"a b\".wieght: unknown key. Did you mean 'weight'?",
        ),
        ('[interests]\n"--" = 3', "interests.--: '--' has no letter or digit to look for"),
        ('[follow]\nauthor = ["x"]', "follow.author: unknown key. Did you mean 'authors'?"),
        ('[liked]\npapers = ["zzz"]', "liked.papers[1]: 'zzz' is neither an arXiv id nor a DOI"),
    ],
)
def test_a_wrong_key_is_named_with_what_was_meant(tmp_path: Path, wrong: str, said: str) -> None:
    profile, problems = ada(tmp_path, f'email = "a@example.org"\n{wrong}\n')

    assert profile is None
    assert len(problems) == 1
    assert problems[0].startswith(f"ada.toml: {said}")


@pytest.mark.parametrize(
    ("written", "tag"), [("en", "en"), ("DE-at", "de-AT"), ("zh", "zh-Hans"), ("zh-CN", "zh-CN")]
)
def test_a_language_is_kept_as_its_canonical_tag(tmp_path: Path, written: str, tag: str) -> None:
    profile, _ = ada(tmp_path, f'email = "a@example.org"\nlanguage = "{written}"\n')

    assert profile is not None
    assert profile.language == tag


@pytest.mark.parametrize(
    "address", ["ä@example.org", "a b@example.org", "ada", "a@b.org\\r\\nBcc: c@d.org", "a@[127.0.0.1]"]
)
def test_an_address_that_cannot_be_mailed_to_is_refused_when_it_is_read(tmp_path: Path, address: str) -> None:
    profile, problems = ada(tmp_path, f'email = "{address}"\n')

    assert profile is None
    assert problems[0].startswith("ada.toml: email: ")


@pytest.mark.parametrize("address", ["ada@localhost", "ada@server.local", "ada@lab.test"])
def test_a_private_machine_is_an_address(tmp_path: Path, address: str) -> None:
    profile, _ = ada(tmp_path, f'email = "{address}"\n')

    assert profile is not None
    assert profile.email == address


def test_all_problems_of_all_files_are_said_at_once(tmp_path: Path) -> None:
    path = configured(
        tmp_path,
        'stor = "x"\n[mail]\nfrom_address = "x"\ntransport = "smtp"\n[[sources]]\nkind = "huggingface"\ndaysback = 2\n',
        ada="threshold = 0",
    )

    with pytest.raises(ConfigurationError) as raised:
        load_configuration(path)

    said = "\n".join(str(problem) for problem in raised.value.problems)
    for part in (
        "stor: unknown key. Did you mean 'store'?",
        "mail.from_address:",
        "days_back",
        "ada.toml: threshold",
        "ada.toml: email",
    ):
        assert part in said


@pytest.mark.parametrize(
    "url", ["http://example.org/stop", "https://exämple.org/u", "https://e.org/" + "u" * 900]
)
def test_an_address_that_no_header_can_hold_is_refused(tmp_path: Path, url: str) -> None:
    path = configured(
        tmp_path, f'[mail]\nfrom_address = "d@example.org"\nunsubscribe_url = "{url}"\n', ada=ADA
    )

    with pytest.raises(ConfigurationError, match=r"mail\.unsubscribe_url"):
        load_configuration(path)


def test_smtp_without_its_table_is_said(tmp_path: Path) -> None:
    path = configured(tmp_path, '[mail]\nfrom_address = "d@example.org"\ntransport = "smtp"\n', ada=ADA)

    with pytest.raises(ConfigurationError, match=r"needs a table \[smtp\]"):
        load_configuration(path)


def test_a_password_in_the_file_is_refused(tmp_path: Path) -> None:
    path = configured(
        tmp_path, '[mail]\nfrom_address = "d@example.org"\n[smtp]\nhost = "x"\npassword = "s3cret"\n', ada=ADA
    )

    with pytest.raises(ConfigurationError, match="Did you mean 'password_file'") as raised:
        load_configuration(path)

    assert "s3cret" not in str(raised.value)


def test_a_broken_profile_stops_no_other(tmp_path: Path) -> None:
    loaded = load_configuration(configured(tmp_path, ada=ADA, bob="nonsense = ["))

    assert [profile.name for profile in loaded.profiles] == ["ada"]
    assert "bob.toml: is not valid TOML" in str(loaded.problems[0])


def test_no_profile_at_all_is_a_problem(tmp_path: Path) -> None:
    assert "no reader's profile found" in str(load_configuration(configured(tmp_path)).problems[0])


def test_no_configuration_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="digest init"):
        find_configuration(None, {}, tmp_path)


def test_the_environment_may_name_the_configuration(tmp_path: Path) -> None:
    path = configured(tmp_path, ada=ADA)

    assert find_configuration(None, {"DIGEST_CONFIG": str(path)}, Path("/")) == path


def example(folder: Path) -> Configuration:
    (folder / "profiles").mkdir()
    shutil.copy(ROOT / "config.example.toml", folder / "config.toml")
    shutil.copy(ROOT / "profile.example.toml", folder / "profiles" / "ada.toml")
    return load_configuration(folder / "config.toml")


def test_the_shipped_examples_are_sound_and_hold_the_defaults(tmp_path: Path) -> None:
    loaded = example(tmp_path)
    minimal = tmp_path / "minimal"
    minimal.mkdir()
    defaults = load_configuration(
        configured(minimal, '[mail]\nfrom_address = "digest@example.org"\n', ada='email = "ada@example.org"')
    )

    assert loaded.problems == ()
    assert loaded.settings == defaults.settings
    assert loaded.profiles == defaults.profiles


def test_the_examples_name_every_key(tmp_path: Path) -> None:
    import tomllib

    from digest.config import ProfileFile, Settings

    for name, model in (("config.example.toml", Settings), ("profile.example.toml", ProfileFile)):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert tomllib.loads(text)
        for key in model.model_json_schema()["properties"]:
            assert key in text, f"{name} does not name {key}"
    smtp = (ROOT / "config.example.toml").read_text(encoding="utf-8")
    assert all(f"# {key} = " in smtp for key in SmtpTable.model_fields)


def test_the_password_comes_from_the_environment_or_a_private_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("from file\n", encoding="utf-8")
    secret.chmod(0o600)
    table = SmtpTable(host="x", password_file=Path("secret"))

    assert smtp_password(table, tmp_path, {}) == "from file"
    assert smtp_password(table, tmp_path, {"DIGEST_SMTP_PASSWORD": "from environment"}) == "from environment"
    assert smtp_password(SmtpTable(host="x"), tmp_path, {}) is None


def test_a_password_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x", encoding="utf-8")
    secret.chmod(0o644)

    with pytest.raises(ConfigurationError, match="chmod 600"):
        smtp_password(SmtpTable(host="x", password_file=Path("secret")), tmp_path, {})
