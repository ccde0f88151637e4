"""Configuration and profiles: what is accepted, and what is said of the rest."""

import re
import shutil
import sys
from datetime import time
from pathlib import Path
from typing import get_args

import pytest

from digest.config import Configuration, RunTable, find_configuration, load_configuration, load_profile
from digest.errors import ConfigurationError
from digest.model import Interest, Profile, QuietDay
from digest.settings.mail import (
    HOSTS_TO_NAME,
    AlarmTable,
    BouncesTable,
    DeliveryTable,
    DkimTable,
    ImapTable,
    MailTable,
    SmtpTable,
    variable_part,
)
from digest.settings.secrets import Secret, run_for_secret, secret_of, smtp_variables
from digest.settings.values import Table
from digest.sources.registry import SOURCES, table_of

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
        ("language = 7", "language: must be text, in quotes"),
        ('send_at = "25:00"', "send_at: '25:00' is not a time of day; write it as \"07:30\""),
        ('days = ["mon", "noday"]', "days[2]: 'noday' is not a weekday"),
        ("threshold = 101", "threshold: must be 100 or less, and is 101"),
        ("max_papers = true", "max_papers: must be a whole number"),
        ('on_quiet_day = "loud"', "on_quiet_day: 'loud' is not one of silent, note, trending"),
        (
            'on_quiet_day = "nope"',
            "on_quiet_day: 'nope' is not one of silent, note, trending. Did you mean 'note'?",
        ),
        (
            'timezone = "Europe/Lodnon"',
            "timezone: there is no time zone 'Europe/Lodnon'; did you mean 'Europe/London'?",
        ),
        ('[interests]\n"a" = 11', "interests.a.weight: must be 10 or less, and is 11"),
        (
            '[interests]\n"a b" = { wieght = 3 }',
            "interests.\"a b\".wieght: unknown key. Did you mean 'weight'?",
        ),
        ('[interests]\n"--" = 3', "interests.--: '--' has no letter or digit to look for"),
        ('[follow]\nauthor = ["x"]', "follow.author: unknown key. Did you mean 'authors'?"),
        (
            "pause.until = 9999-12-31",
            "pause.until: 9999-12-31 is not between 2000 and 2199; for a pause without an end leave until out",
        ),
        ("pause.begins = 1e9", "pause.begins: 1000000000.0 is not a date; write it as 2026-04-01, without"),
        ("pause.until = 20260401", "pause.until: 20260401 is not a date; write it as 2026-04-01"),
        ('pause.until = "2026-04-01"', "pause.until: '2026-04-01' is not a date; write it as 2026-04-01"),
        ("pause.until = 2026-04-01T00:00:00", "pause.until: datetime"),
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
    ("written", "said"),
    [
        ('kind = ["arxiv"]', "sources[1].kind: "),
        ("kind = {}", "sources[1].kind: "),
        ("name = 'x'", "sources[1].kind: this key is needed and missing"),
        ('kind = "arxv"', "sources[1].kind: 'arxv' is not one of arxiv, "),
        ('kind = "arxiv"\ncategories = []', "sources[1].categories: "),
        (
            'kind = "arxiv"\ncategories = ["cs.CL"]\nannounce = ["replacecross"]',
            "Did you mean 'replace-cross'?",
        ),
        ('kind = "huggingface"\ntrending = true', "list"),
    ],
)
def test_a_source_that_cannot_be_is_told_by_its_place(written: str, said: str, tmp_path: Path) -> None:
    path = configured(tmp_path, f'[mail]\nfrom_address = "d@example.org"\n[[sources]]\n{written}\n', ada=ADA)

    with pytest.raises(ConfigurationError) as raised:
        load_configuration(path)

    assert said in str(raised.value)


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
    assert dict(loaded.settings) == dict(defaults.settings)  # models of their own: see `_model_for`
    assert loaded.profiles == defaults.profiles


def test_the_examples_name_every_key(tmp_path: Path) -> None:
    import tomllib

    from digest.config import ProfileFile, Settings

    for name, model in (("config.example.toml", Settings), ("profile.example.toml", ProfileFile)):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert tomllib.loads(text)
        for key in model.model_json_schema()["properties"]:
            assert key in text, f"{name} does not name {key}"


def test_the_example_names_every_key_of_every_table_of_the_mail() -> None:
    text = (ROOT / "config.example.toml").read_text(encoding="utf-8")
    tables = dict(
        re.findall(r"^(?:# )?\[+([a-z_.]+)\]+[^\n]*\n((?:(?!\n(?:# )?\[).)*)", text, re.MULTILINE | re.DOTALL)
    )

    for name, model in TABLES.items():
        assert name in tables, f"config.example.toml has no [{name}]"
        named = re.findall(r"^(?:# )?([a-z_0-9]+) = ", tables[name], re.MULTILINE)
        assert set(model.model_fields) - {"imap"} <= set(named), name


def test_the_example_has_every_kind_of_source_with_every_key() -> None:
    text = (ROOT / "config.example.toml").read_text(encoding="utf-8")
    blocks: dict[str, set[str]] = {}
    for kind, block in re.findall(
        r'^(?:# )?kind = "([a-z]+)"([^\n]*\n.*?)(?=\n\n)', text, re.MULTILINE | re.DOTALL
    ):
        blocks.setdefault(kind, set()).update(re.findall(r"^(?:# )?([a-z_]+) = ", block, re.MULTILINE))

    for kind in SOURCES:
        assert kind in blocks, f"config.example.toml has no source of kind {kind}"
        assert set(table_of(kind).model_fields) - {"kind", "name"} <= blocks[kind], kind


def test_every_table_of_the_example_is_sound_when_its_marks_are_taken_away(tmp_path: Path) -> None:
    text = (ROOT / "config.example.toml").read_text(encoding="utf-8")
    off = r"^# (password_command|maildir) = .*$"  # instead of the line above, or the table below
    mail = re.sub(r"^# (\[|[a-z_]+ = )", r"\1", re.sub(off, "", text, flags=re.MULTILINE), flags=re.MULTILINE)
    whole = mail[: mail.index("[embedding]")] + text[text.index("# [embedding]") :]

    loaded = load_configuration(
        configured(tmp_path, whole.replace('transport = "maildir"', 'transport = "smtp"'), ada=ADA)
    )

    assert loaded.problems == ()
    assert loaded.settings.bounces.imap is not None


TABLES: dict[str, type[Table]] = {
    "mail": MailTable,
    "smtp": SmtpTable,
    "delivery": DeliveryTable,
    "dkim": DkimTable,
    "alarm": AlarmTable,
    "run": RunTable,
    "bounces": BouncesTable,
    "bounces.imap": ImapTable,
}


# ---------------------------------------------------------------- the tables of the mail


MAIL = '[mail]\nfrom_address = "d@example.org"\n'
SMTP = MAIL + 'transport = "smtp"\n'
DKIM = '[dkim]\ndomain = "example.org"\nselector = "a"\nkey_file = "k"\n'


def refused(folder: Path, config: str) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        load_configuration(configured(folder, config, ada=ADA))
    return [str(one).removeprefix(f"{folder}/") for one in raised.value.problems]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("[smtp]\nport = 465", "config.toml: smtp: host is needed and missing; or name a provider whose host"),
        ('[smtp]\nhost = "x"\nprot = 465', "config.toml: smtp.prot: unknown key. Did you mean 'port'?"),
        ('[[smtp]]\nhost = "x"\n[[smtp]]\nhost = "y"\nper_hours = 5', "config.toml: smtp[2].per_hours: unknown key"),
        ('[smtp]\nprovider = "gmial"', "config.toml: smtp.provider: 'gmial' is not one of gmail, workspace"),
        ('[smtp]\nprovider = "ses"', "config.toml: smtp: ses needs host: email-smtp.REGION.amazonaws.com, such as"),
        ('[smtp]\nhost = "x"\nport = 0', "config.toml: smtp.port: must be 1 or more, and is 0"),
        ('[smtp]\nhost = "a b"', "config.toml: smtp.host: 'a b' is no name of a machine"),
        ('[smtp]\nhost = "x\\r\\nQUIT"', "config.toml: smtp.host: 'x\\r\\nQUIT' is no name of a machine"),
        ('[smtp]\nhost = "x"\nusername = "a\\u0001auth=b"', "config.toml: smtp.username: 'a\\x01auth=b' is empty, too"),
        ('[smtp]\nhost = "x"\nname = "a b"', "config.toml: smtp.name: string should match pattern"),
        ('[smtp]\nhost = "x"\nauth = "xoauth2"', "config.toml: smtp: auth = \"xoauth2\" needs username"),
        ('[smtp]\nhost = "x"\nper_hour = -1', "config.toml: smtp.per_hour: must be 0 or more, and is -1"),
        ('[smtp]\nhost = "x"\npassword_file = "p"', "config.toml: smtp: a password without username"),
        (
            '[smtp]\nhost = "x"\nusername = "u"\npassword_file = "p"\npassword_command = ["p"]',
            "config.toml: smtp: password_file and password_command are two ways to one secret",
        ),
        ('[smtp]\nhost = "x"\nusername = "u"\npassword_command = "pass show x"', "config.toml: smtp.password_command: must be a list, in brackets"),
        ('[smtp]\nhost = "x"\nusername = "u"\npassword_command = []', "config.toml: smtp.password_command: 0 entries; name at least 1"),
        (
            '[[smtp]]\nhost = "x"\n[[smtp]]\nhost = "y"\n[[smtp]]\nhost = "x"',
            "config.toml: smtp: relays 1 and 3 have one name (x); give each a `name` of its own",
        ),
        (
            '[[smtp]]\nhost = "x"\nname = "a-b"\n[[smtp]]\nhost = "y"\nname = "A_b"',
            "config.toml: smtp: relays 1 and 2 have one name (a-b and A_b)",
        ),
        ('[delivery]\nresend_unknown = "always"', "config.toml: delivery.resend_unknown: 'always' is not one of never, once"),
        ("[delivery]\nsuppress_after = -1", "config.toml: delivery.suppress_after: must be 0 or more, and is -1"),
        ('[dkim]\ndomain = "example.org"\nselector = "a b"\nkey_file = "k"', "config.toml: dkim.selector: string should"),
        ('[dkim]\ndomain = "example.org; t=y"\nselector = "a"\nkey_file = "k"', "config.toml: dkim.domain: "),
        ("[alarm]\ntimeout_s = 5", "config.toml: alarm: names neither command nor email"),
        ('[alarm]\ncommand = ["hook", "a\\u0000b"]', "config.toml: alarm.command[2]: 'a\\x00b' is empty, too long, or"),
        ("[bounces]\nverp = true", "config.toml: bounces: verp = true needs return_path"),
        ('[bounces]\nreturn_path = "x"', "config.toml: bounces.return_path: "),
        (
            '[bounces]\nmaildir = "b"\n[bounces.imap]\nhost = "x"\nusername = "u"',
            "config.toml: bounces: bounces are read either from maildir or from imap; leave one out",
        ),
        ('[bounces.imap]\nhost = "x"\nuser = "u"', "config.toml: bounces.imap.username: this key is needed and missing"),
    ],
)  # fmt: skip
def test_a_wrong_key_of_the_mail_is_named_with_what_is_wrong(tmp_path: Path, wrong: str, said: str) -> None:
    problems = refused(tmp_path, MAIL + wrong)

    assert problems[0].startswith(said)


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ('[smtp]\nhost = "x"\n', '[smtp] stands there, and transport = "maildir" does not use it. Set'),
        ('[[smtp]]\nhost = "x"\n', "[smtp] stands there"),
        (DKIM, '[dkim] stands there, and transport = "maildir" does not use it. Set transport = "smtp"'),
        (f'[smtp]\nhost = "x"\n{DKIM}', '[smtp] and [dkim] stand there, and transport = "maildir" does not'),
    ],
)
def test_a_server_that_no_mail_would_go_to_is_refused(tmp_path: Path, tables: str, said: str) -> None:
    (problem,) = refused(tmp_path, MAIL + tables)

    assert problem.startswith(f"config.toml: {said}")


@pytest.mark.parametrize("table", ['[smtp]\nprovider = "gmial"', '[[smtp]]\nhost = "x"\nport = 0'])
def test_a_relay_that_cannot_be_used_is_not_also_missing(tmp_path: Path, table: str) -> None:
    (problem,) = refused(tmp_path, SMTP + table)

    assert "too_short" not in problem
    assert "at least 1 item" not in problem


def test_an_empty_list_of_relays_is_too_few(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, f"smtp = []\n{SMTP}")

    assert "0 entries; name at least 1" in problem


def test_one_relay_or_several_are_read_alike_and_keep_their_order(tmp_path: Path) -> None:
    one, several = tmp_path / "one", tmp_path / "several"
    one.mkdir()
    several.mkdir()

    alone = load_configuration(configured(one, SMTP + '[smtp]\nhost = "MAIL.exämple.org"\n', ada=ADA))
    both = load_configuration(
        configured(
            several, SMTP + '[[smtp]]\nprovider = "gmail"\n[[smtp]]\nname = "spare"\nhost = "::1"\n', ada=ADA
        )
    )

    assert [table.label for table in alone.settings.smtp or ()] == ["mail.xn--exmple-cua.org"]
    assert [table.label for table in both.settings.smtp or ()] == ["gmail", "spare"]


@pytest.mark.parametrize(
    ("place", "store"),
    [
        ("kept/d.sqlite3", "{folder}/kept/d.sqlite3"),
        ("postgresql://ada@db.example.org:5433/digest", "postgresql://ada@db.example.org:5433/digest"),
        ("postgres:///digest?host=/run/postgresql", "postgresql:///digest?host=/run/postgresql"),
    ],
)
def test_a_store_is_a_file_or_a_database(tmp_path: Path, place: str, store: str) -> None:
    loaded = load_configuration(configured(tmp_path, f'store = "{place}"\n{MAIL}', ada=ADA))

    assert str(loaded.store) == store.format(folder=tmp_path)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("postgresql://ada:s3cret@db/digest", "holds a password; put that into PGPASSWORD or ~/.pgpass"),
        ("postgresql://ada@db/digest?password=s3cret", "holds a password; put that into PGPASSWORD"),
        (
            "mysql://ada@db/digest",
            "mysql:// is no kind of store; give a file, or postgresql://USER@HOST/DATABASE",
        ),
        ("postgresql://db", "names no database; write postgresql://USER@HOST/DATABASE"),
        ("postgresql://db:x/digest", "is no address of a database; write postgresql://"),
        ("postgresql://db/di%00gest", "names no database"),
    ],
)
def test_a_store_that_cannot_be_is_refused_and_no_password_is_shown(
    tmp_path: Path, place: str, said: str
) -> None:
    (problem,) = refused(tmp_path, f'store = "{place}"\n{MAIL}')

    assert problem.startswith(f"config.toml: store: {said}")
    assert "s3cret" not in problem


# ---------------------------------------------------------------- secrets


def private(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def smtp(**keys: object) -> SmtpTable:
    return SmtpTable.model_validate({"host": "x", "username": "ada"} | keys)


def asked(secret: Secret | None) -> str:
    assert secret is not None
    return secret()


def test_the_password_comes_from_the_environment_or_a_private_file(tmp_path: Path) -> None:
    private(tmp_path / "secret", "from file\na note on where it came from\n")
    table = smtp(password_file="secret")
    variables = smtp_variables("main", is_first=True)

    assert asked(secret_of(table, variables, tmp_path, {})) == "from file"
    assert asked(secret_of(table, variables, tmp_path, {"DIGEST_SMTP_PASSWORD": "any"})) == "any"
    assert (
        asked(
            secret_of(
                table,
                variables,
                tmp_path,
                {"DIGEST_SMTP_PASSWORD": "any", "DIGEST_SMTP_PASSWORD_MAIN": "own"},
            )
        )
        == "own"
    )
    assert secret_of(smtp(), variables, tmp_path, {}) is None


def test_the_first_relays_password_is_told_to_no_other(tmp_path: Path) -> None:
    environment = {"DIGEST_SMTP_PASSWORD": "first"}

    assert secret_of(smtp(), smtp_variables("spare", is_first=False), tmp_path, environment) is None
    assert variable_part("relay-2.example.org") == "RELAY_2_EXAMPLE_ORG"


@pytest.mark.parametrize(
    ("mode", "content", "said"),
    [
        (0o644, b"x", "chmod 600"),
        (0o600, b"\xff\xfe", "holds what is not UTF-8 text"),
        (0o600, b"", "holds an empty first line"),
        (0o600, b"\nsecret\n", "holds an empty first line"),
        (0o600, b"a\x01auth=Bearer b\n", "holds a first line with control characters"),
    ],
)
def test_a_password_file_that_cannot_be_used_is_refused(
    tmp_path: Path, mode: int, content: bytes, said: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(content)
    secret.chmod(mode)

    with pytest.raises(ConfigurationError, match=said):
        secret_of(smtp(password_file="secret"), ("X",), tmp_path, {})


def test_a_password_file_that_is_not_there_says_what_else_to_set(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"set \$DIGEST_SMTP_PASSWORD_MAIN"):
        secret_of(smtp(password_file="gone"), smtp_variables("main", is_first=False), tmp_path, {})


def test_a_command_gives_the_first_line_it_prints_and_gets_no_shell(tmp_path: Path) -> None:
    argv = (sys.executable, "-c", "import sys; print(sys.argv[1]); print('more')", "$HOME; echo `id` ")

    assert asked(secret_of(smtp(password_command=argv), (), tmp_path, {})) == "$HOME; echo `id`"


def test_a_command_is_found_beside_the_configuration_and_sees_no_others_secret(tmp_path: Path) -> None:
    private(tmp_path / "token", "#!/bin/sh\nenv > seen\necho s3cret\n").chmod(0o700)
    environment = {
        "PATH": "/usr/bin:/bin",
        "TENANT": "t",
        "DIGEST_SMTP_PASSWORD_SPARE": "of the other",
        "PGPASSWORD": "of the store",
    }

    secret = secret_of(smtp(password_command=("./token",)), (), tmp_path, environment)

    assert asked(secret) == "s3cret"
    seen = (tmp_path / "seen").read_text(encoding="utf-8")
    assert "TENANT=t" in seen
    assert "of the" not in seen


def test_a_command_is_asked_anew_at_each_login(tmp_path: Path) -> None:
    program = "import pathlib; p = pathlib.Path('n'); n = p.read_text() if p.exists() else ''; p.write_text(n + 'I'); print('token' + n)"
    secret = secret_of(smtp(password_command=(sys.executable, "-c", program)), (), tmp_path, {})

    assert [asked(secret), asked(secret)] == ["token", "tokenI"]


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (
            "import sys; print('s3cret'); sys.exit('the vault is\\nlocked')",
            "ended with 1: the vault is locked",
        ),
        ("", "printed an empty first line"),
        ("print()\nprint('s3cret')", "printed an empty first line"),
        ("print('s3cret\\x01auth=Bearer x')", "printed a first line with control characters"),
        ("import sys; sys.stdout.buffer.write(b'\\xffs3cret\\n')", "printed what is not UTF-8 text"),
        ("import sys; sys.stderr.write('no\\n' * 100); sys.exit(3)", "ended with 3: no no no"),
    ],
)
def test_a_command_that_fails_is_told_with_what_it_said_and_never_with_what_it_printed(
    tmp_path: Path, program: str, said: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        run_for_secret((sys.executable, "-c", program), tmp_path, {})

    assert said in str(raised.value)
    assert "s3cret" not in str(raised.value)
    assert len(str(raised.value)) < 700


@pytest.mark.slow
def test_a_command_that_never_ends_or_never_stops_talking_is_ended(tmp_path: Path) -> None:
    for program in ("while True: pass", "while True: print('x' * 9_999)"):
        with pytest.raises(ConfigurationError, match=r"took longer than 0\.5 s"):
            run_for_secret((sys.executable, "-c", program), tmp_path, {}, within_s=0.5)


def test_a_command_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"password_command \./nope: the command cannot be run \(No such"
    ):
        run_for_secret(("./nope",), tmp_path, {})


def test_the_presets_that_need_a_host_are_those_that_have_none() -> None:
    from digest.settings.mail import ProviderName
    from digest.transport.providers import PROVIDERS

    assert set(PROVIDERS) == set(get_args(ProviderName))
    assert {name for name, provider in PROVIDERS.items() if not provider.host} == set(HOSTS_TO_NAME)
