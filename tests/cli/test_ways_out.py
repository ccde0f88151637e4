"""From the tables of the mail to relays, and what `digest check` finds out about them."""

import asyncio
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

from digest.cli import setup
from digest.cli.world import World
from digest.config import Configuration, load_configuration
from digest.errors import ConfigurationError, ExitCode
from digest.pace import Limits
from digest.transport.providers import PROVIDERS
from digest.transport.smtp import Smtp, SmtpServer
from tests.desk import CONFIG, Desk
from tests.transport.talking import free_port


def configured(desk: Desk, tables: str) -> Configuration:
    desk.write("config.toml", CONFIG.format(transport="smtp") + tables)
    return load_configuration(desk.folder / "config.toml")


def world(**environment: str) -> World:
    return World(environment=environment)


def servers(loaded: Configuration, **environment: str) -> dict[str, SmtpServer]:
    found = {}
    for relay in setup.relays(loaded, world(**environment)):
        transport = relay.open()
        assert isinstance(transport, Smtp)
        found[relay.name] = transport.server
    return found


# ---------------------------------------------------------------- relays


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_a_provider_fills_what_is_not_given(desk: Desk, name: str) -> None:
    preset = PROVIDERS[name]
    host = "" if preset.host else 'host = "h.example"\n'
    loaded = configured(desk, f'[smtp]\nprovider = "{name}"\nusername = "ada"\n{host}')

    (server,) = servers(loaded, DIGEST_SMTP_PASSWORD="x").values()

    assert server.host == (preset.host or "h.example")
    assert (server.port, server.security, server.auth) == (
        preset.port,
        preset.security,
        preset.auth or "password",
    )
    assert setup.relay_limits(loaded) == {"h.example" if not preset.host else name: preset.limits}


def test_keys_go_before_the_preset(desk: Desk) -> None:
    loaded = configured(
        desk,
        '[smtp]\nprovider = "gmail"\nhost = "h.example"\nport = 587\nusername = "ada"\nauth = "xoauth2"\n'
        "connections = 9\nper_connection = 0\nper_hour = 20\nper_day = 0\n",
    )

    (server,) = servers(loaded, DIGEST_SMTP_PASSWORD="x").values()

    assert (server.host, server.port, server.security, server.auth) == (
        "h.example",
        587,
        "starttls",
        "xoauth2",
    )
    assert setup.relay_limits(loaded)["h.example"] == Limits(connections=9, per_connection=None, per_hour=20)


@pytest.mark.parametrize(
    ("keys", "port", "security"),
    [
        ("", 465, "implicit"),
        ("port = 587", 587, "starttls"),
        ("port = 2525", 2525, "implicit"),
        ('security = "starttls"', 587, "starttls"),
        ('security = "none"', 25, "none"),
        ('port = 465\nsecurity = "starttls"', 465, "starttls"),
        ('provider = "fastmail"\nsecurity = "starttls"', 587, "starttls"),
    ],
)
def test_port_and_security_follow_from_each_other(desk: Desk, keys: str, port: int, security: str) -> None:
    loaded = configured(
        desk, f'[smtp]\nhost = "h.example"\n{keys}\n' + ('username = "a"\n' if "fast" in keys else "")
    )

    (server,) = servers(loaded, DIGEST_SMTP_PASSWORD="x").values()

    assert (server.port, server.security) == (port, security)


def test_each_relay_has_its_own_secret_and_all_that_lack_one_are_told(desk: Desk) -> None:
    three = "".join(
        f'[[smtp]]\nname = "r-{n}"\nhost = "h{n}.example"\nusername = "u{n}"\n' for n in (1, 2, 3)
    )
    loaded = configured(desk, three)

    found = servers(
        loaded, DIGEST_SMTP_PASSWORD="s1", DIGEST_SMTP_PASSWORD_R_2="s2", DIGEST_SMTP_PASSWORD_R_3="s3"
    )
    with pytest.raises(ConfigurationError) as raised:
        setup.relays(loaded, world(DIGEST_SMTP_PASSWORD="s1"))

    assert [server.secret() for server in found.values() if server.secret] == ["s1", "s2", "s3"]
    assert all("s1" not in repr(server) for server in found.values())
    assert [str(one).removeprefix(f"{desk.folder}/") for one in raised.value.problems] == [
        f"config.toml: smtp[{n}]: there is no password for u{n}. Set DIGEST_SMTP_PASSWORD_R_{n}, "
        "password_file to a file only you can read, or password_command"
        for n in (2, 3)
    ]


def test_a_token_that_is_missing_is_called_one(desk: Desk) -> None:
    loaded = configured(desk, '[smtp]\nprovider = "outlook"\nusername = "a@outlook.com"\n')

    with pytest.raises(ConfigurationError, match=r"there is no access token for a@outlook\.com"):
        setup.relays(loaded, world())


def test_a_provider_that_wants_a_login_says_so(desk: Desk) -> None:
    loaded = configured(desk, '[smtp]\nprovider = "gmail"\n')

    with pytest.raises(ConfigurationError, match="gmail takes no mail without a login"):
        setup.relays(loaded, world())


def test_a_token_command_is_asked_at_each_login(desk: Desk) -> None:
    program = "import pathlib; p = pathlib.Path('n'); p.write_text((p.read_text() if p.exists() else '') + 'I'); print(p.read_text())"
    desk.write("token.py", program)
    command = f'password_command = ["{sys.executable}", "token.py"]'
    loaded = configured(desk, f'[smtp]\nhost = "h"\nusername = "u"\nauth = "xoauth2"\n{command}\n')

    (server,) = servers(loaded).values()

    assert server.secret is not None
    assert not (desk.folder / "n").exists()
    assert [server.secret(), server.secret()] == ["I", "II"]


# ---------------------------------------------------------------- check


@pytest.fixture
def relay() -> Iterator[Controller]:
    """A server on loopback that takes all mail."""

    class Takes:
        async def handle_DATA(self, *_: object) -> str:  # noqa: N802  # aiosmtpd's name
            return "250 taken"

    controller = Controller(Takes(), hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller
    controller.stop()


@pytest.mark.slow
def test_check_tries_every_relay_and_names_the_one_that_is_down(desk: Desk, relay: Controller) -> None:
    configured(
        desk,
        f'[[smtp]]\nname = "main"\nhost = "127.0.0.1"\nport = {free_port()}\nsecurity = "none"\n'
        f'[[smtp]]\nname = "spare"\nhost = "127.0.0.1"\nport = {relay.port}\nsecurity = "none"\n',
    )

    result = desk.run("check")

    assert result.exit_code == ExitCode.DELIVERY
    assert "ok: way out spare: 127.0.0.1" in result.stdout
    assert "way out main" not in result.stdout
    assert "error: way out main: 127.0.0.1:" in result.stderr


@pytest.mark.slow
def test_check_says_which_relay_has_no_password_and_tries_the_others(desk: Desk, relay: Controller) -> None:
    configured(
        desk,
        f'[[smtp]]\nprovider = "gmail"\nusername = "a@gmail.com"\n'
        f'[[smtp]]\nname = "spare"\nhost = "127.0.0.1"\nport = {relay.port}\nsecurity = "none"\n',
    )

    result = desk.run("check")

    assert result.exit_code == ExitCode.CONFIGURATION
    assert "smtp[1]: there is no password for a@gmail.com" in result.stderr
    assert "ok: way out spare" in result.stdout


@pytest.mark.slow
def test_check_without_login_connects_to_nothing(desk: Desk) -> None:
    configured(
        desk,
        f'[smtp]\nhost = "127.0.0.1"\nport = {free_port()}\nsecurity = "none"\n[bounces.imap]\nhost = "x"\nusername = "u"\n',
    )
    desk.environment["DIGEST_BOUNCES_PASSWORD"] = "x"

    result = desk.run("check", "--no-login")

    assert result.exit_code == 0, result.stderr
    assert "ok: way out 127.0.0.1: not tried" in result.stdout
    assert "ok: bounces: x:993 INBOX not tried" in result.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ('[smtp]\nhost = "h.example"\nusername = "u"\n', "there is no password for u"),
        (
            '[smtp]\nhost = "h.example"\nusername = "u"\npassword_file = "gone"\n',
            "password file cannot be read",
        ),
        ('[smtp]\nprovider = "gmail"\n', "gmail takes no mail without a login"),
        (
            '[smtp]\nhost = "h.example"\nauth = "xoauth2"\nusername = "u"\n',
            "there is no access token for u",
        ),
        ('[smtp]\nhost = "h.example"\nsecurity = "none"\n', "h.example:25: mail would go out unencrypted"),
        (
            '[smtp]\nhost = "h.example"\nsecurity = "none"\nallow_plaintext = true\nusername = "u"\n'
            'password_command = ["nope"]\n',
            "h.example:25: a password would go out unencrypted",
        ),
        ('[smtp]\nhost = "h.example"\n[bounces.imap]\nhost = "x"\nusername = "u"\n', "no password for u"),
        ('[smtp]\nhost = "h.example"\n[bounces]\nmaildir = "gone"\n', "gone"),
    ],
)
def test_check_without_login_finds_what_needs_no_connection(desk: Desk, tables: str, said: str) -> None:
    configured(desk, tables)

    result = desk.run("check", "--no-login")

    assert result.exit_code != 0
    assert said in result.stderr


@pytest.mark.slow
def test_check_without_login_tries_a_folder_all_the_same(desk: Desk) -> None:
    desk.write("mail", "a file where the Maildir should be")

    result = desk.run("check", "--no-login")

    assert result.exit_code == ExitCode.DELIVERY
    assert "way out maildir" in result.stderr


@pytest.mark.slow
def test_check_warns_where_a_refused_login_would_be_told_to_nobody(desk: Desk, relay: Controller) -> None:
    smtp = f'[smtp]\nhost = "127.0.0.1"\nport = {relay.port}\nsecurity = "none"\n'
    configured(desk, smtp)

    without = desk.run("check")
    configured(desk, smtp + '[alarm]\ncommand = ["true"]\n')

    assert without.exit_code == 0
    assert "warning: no [alarm] is set up" in without.stderr
    assert "no [alarm]" not in desk.run("check").stderr


@pytest.mark.slow
def test_check_looks_at_the_key_that_signs(desk: Desk, relay: Controller) -> None:
    smtp = f'[smtp]\nhost = "127.0.0.1"\nport = {relay.port}\nsecurity = "none"\n'
    configured(desk, smtp + '[dkim]\ndomain = "example.net"\nselector = "d1"\nkey_file = "dkim.pem"\n')
    missing = desk.run("check")
    key = desk.write("dkim.pem", ED25519)
    key.chmod(0o600)

    found = desk.run("check")

    assert missing.exit_code == ExitCode.CONFIGURATION
    assert missing.stderr.count("the DKIM key cannot be read") == 1
    assert "ok: signature: d1._domainkey.example.net should hold its public key in DNS" in found.stdout
    assert "[dkim] signs for example.net, not for from_address's example.org" in found.stderr


@pytest.mark.slow
def test_check_warns_of_bounces_that_nobody_reads(desk: Desk) -> None:
    smtp = '[smtp]\nhost = "h.example"\n'
    configured(desk, smtp + '[bounces]\nreturn_path = "back@example.org"\nverp = true\n')

    result = desk.run("check", "--no-login")

    assert "[bounces] bounces go to back@example.org, and nobody reads them" in result.stderr


ED25519 = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
"""


@pytest.mark.slow
def test_check_finds_the_alarms_command_and_does_not_run_it(desk: Desk) -> None:
    desk.write("config.toml", CONFIG.format(transport="maildir") + '[alarm]\ncommand = ["./alarm", "now"]\n')
    missing = desk.run("check")
    hook = desk.write("alarm", "#!/bin/sh\ntouch rang\n")
    not_to_run = desk.run("check")
    hook.chmod(hook.stat().st_mode | stat.S_IXUSR)

    found = desk.run("check")

    for result in (missing, not_to_run):
        assert result.exit_code == ExitCode.CONFIGURATION
        assert "alarm.command: cannot find" in result.stderr
    assert f"ok: alarm: runs {desk.folder}/./alarm" in found.stdout or f"runs {hook}" in found.stdout
    assert not (desk.folder / "rang").exists()


@pytest.mark.slow
def test_check_says_that_an_alarm_by_mail_needs_a_second_relay(desk: Desk) -> None:
    desk.write("config.toml", CONFIG.format(transport="maildir") + '[alarm]\nemail = "ops@example.org"\n')

    result = desk.run("check")

    assert "ok: alarm: mails ops@example.org" in result.stdout
    assert "there is only one" in result.stderr


@pytest.mark.slow
def test_check_reads_the_box_of_the_bounces(desk: Desk) -> None:
    desk.write("config.toml", CONFIG.format(transport="maildir") + '[bounces]\nmaildir = "bounces"\n')
    missing = desk.run("check")
    for folder in ("new", "cur", "tmp"):
        (desk.folder / "bounces" / folder).mkdir(parents=True)

    assert missing.exit_code != 0
    assert "bounces" in missing.stderr
    assert "ok: bounces: " in desk.run("check").stdout


@pytest.mark.slow
def test_check_finds_a_damaged_store(desk: Desk) -> None:
    desk.run("fetch")
    store = desk.folder / "digest.sqlite3"
    raw = bytearray(store.read_bytes())
    raw[8_192:12_288] = b"\xff" * 4_096
    store.write_bytes(raw)
    for beside in ("-wal", "-shm"):
        Path(f"{store}{beside}").unlink(missing_ok=True)

    result = desk.run("check")

    assert result.exit_code == ExitCode.STORE
    assert "damaged" in result.stderr


# ---------------------------------------------------------------- alarms


def test_an_alarms_program_is_run_beside_the_configuration_and_sees_no_secret(desk: Desk) -> None:
    from digest.alarm import Alarm

    hook = desk.write("hooks/tell", "#!/bin/sh\ncat > told && env >> told\n")
    hook.chmod(0o700)
    loaded = configured(desk, '[smtp]\nhost = "h"\n[alarm]\ncommand = ["hooks/tell"]\n')
    secrets = {"DIGEST_SMTP_PASSWORD": "s3cret", "PGPASSWORD": "s3cret too"}
    rules = setup.rules(loaded, world(**secrets, PATH="/usr/bin:/bin"))

    async def sounded() -> tuple[str, ...]:
        return await rules.sound(Alarm(kind="sender", about="main", what="550 no"), ())

    assert asyncio.run(sounded()) == ()
    assert rules.patience_s == 120
    text = (desk.folder / "told").read_text(encoding="utf-8")
    assert "550 no" in text
    assert "s3cret" not in text


# ---------------------------------------------------------------- init


@pytest.mark.parametrize(
    ("flags", "table"),
    [
        (["--smtp-provider", "gmail"], 'provider = "gmail"\n'),
        (["--smtp-host", "smtp.gmail.com"], 'provider = "gmail"\nhost = "smtp.gmail.com"\n'),
        (
            ["--smtp-host", "mail.example.org"],
            'host = "mail.example.org"\nport = 465\nsecurity = "implicit"\n',
        ),
        (
            ["--smtp-provider", "ses", "--smtp-host", "email-smtp.eu-west-1.amazonaws.com"],
            'provider = "ses"\nhost = "email-smtp.eu-west-1.amazonaws.com"\n',
        ),
    ],
)
def test_init_names_the_provider_where_it_is_known(empty: Desk, flags: list[str], table: str) -> None:
    result = empty.run("init", str(empty.folder), "--email", "a@example.org", *flags)

    config = (empty.folder / "config.toml").read_text(encoding="utf-8")
    assert result.exit_code == 0, result.stderr
    assert f"[smtp]\n{table}" in config


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--smtp-provider", "ses"], "ses needs --smtp-host. It looks like email-smtp."),
        (["--smtp-provider", "gmail", "--maildir", "mail"], "either over SMTP or into a Maildir"),
        (["--smtp-provider", "gmial"], "gmial"),
    ],
)
def test_init_refuses_a_provider_that_does_not_fit(empty: Desk, flags: list[str], said: str) -> None:
    result = empty.run("init", str(empty.folder), "--email", "a@example.org", *flags)

    assert result.exit_code == ExitCode.USAGE
    assert said in result.stderr
    assert list(empty.folder.iterdir()) == []
