"""Bounces that a real postfix writes, and an account of a real IMAP server (dovecot)."""

import os
import shutil
import smtplib
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from digest.bounces import Effect, read_box
from digest.errors import DigestError
from digest.model import DeliveryState
from digest.store.database import Database, open_database
from digest.store.record import by_message_id
from digest.store.suppressions import all_suppressed
from digest.transport.mailboxes import ImapBox, ImapServer, MaildirBox
from tests.bounces.makers import MESSAGE_ID, NOW, TRACED, sent
from tests.conformance.requirements import absent

pytestmark = pytest.mark.acceptance
SAMPLES = Path(__file__).parent.parent / "bounces" / "samples"
NOBODY = 65_534
LONG_AGO = date(2000, 1, 1)


def program(name: str, package: str) -> str:
    """Where a program is; the test is skipped without it, and without the right to start it as daemons do."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        absent(name, f"apt-get install {package}", os.environ)
    if os.geteuid() != 0:
        absent(f"root, as which {name} starts", "run as root", os.environ)
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def until(is_so: Callable[[], bool], what: str, *, within_s: float = 30) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, f"{what} did not happen within {within_s:g} s"
        time.sleep(0.05)


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that daemons under other names can reach; pytest's own are private."""
    with tempfile.TemporaryDirectory(prefix="digest-bounces-") as name:
        os.chmod(name, 0o755)
        yield Path(name)


@pytest.fixture
def database(folder: Path) -> Iterator[Database]:
    with open_database(folder / "digest.sqlite3") as opened:
        yield opened


# ---------------------------------------------------------------- postfix

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/lib
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = mx.digest.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_relay_restrictions = permit_mynetworks, reject
recipient_delimiter = +
relayhost = [127.0.0.1]:{next_hop}
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = digest.example
virtual_mailbox_maps = inline:{{ {{bounces@digest.example = bounces/}} }}
virtual_mailbox_base = {folder}/mail
virtual_uid_maps = static:{nobody}
virtual_gid_maps = static:{nobody}
"""
MASTER = """
{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
smtp unix - - n - - smtp
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class KnowsNobody:
    """The next mail server, which has no mailbox."""

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name and arguments
        self, _server: SMTP, _session: Session, _envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        return f"550 5.1.1 <{address}>: no such user"


@pytest.fixture
def postfix(folder: Path) -> Iterator[int]:
    """The port of a postfix of its own, which passes mail on to a server that refuses every recipient."""
    postfix = program("postfix", "postfix")
    port, next_hop = free_port(), free_port()
    config = folder / "etc"
    for one in (config, folder / "spool", folder / "lib", folder / "mail"):
        one.mkdir()
    shutil.chown(folder / "lib", "postfix")
    os.chown(folder / "mail", NOBODY, NOBODY)
    (config / "main.cf").write_text(MAIN.format(folder=folder, next_hop=next_hop, nobody=NOBODY))
    (config / "master.cf").write_text(MASTER.format(port=port))
    refusing = Controller(KnowsNobody(), hostname="127.0.0.1", port=next_hop)
    refusing.start()
    try:
        subprocess.run([postfix, "-c", config, "start"], check=True, capture_output=True, timeout=60)
        try:
            until(lambda: listens(port), "postfix's start")
            yield port
        finally:
            subprocess.run([postfix, "-c", config, "stop"], check=True, capture_output=True, timeout=60)
    finally:
        refusing.stop()


def test_a_bounce_of_a_real_postfix_comes_to_its_token_and_suppresses(
    folder: Path, database: Database, postfix: int
) -> None:
    sent(database)
    text = (
        f"From: digest@digest.example\r\nTo: ada@example.org\r\nMessage-ID: {MESSAGE_ID}\r\n\r\n8 papers\r\n"
    )
    new = folder / "mail" / "bounces" / "new"
    with smtplib.SMTP("127.0.0.1", postfix, timeout=30) as client:
        client.sendmail(TRACED, ["ada@example.org"], text)
    until(lambda: new.is_dir() and any(new.iterdir()), "the bounce")

    round_ = read_box(database, MaildirBox(new.parent), NOW, suppress_after=3)

    (finding,) = round_.findings
    assert finding.decision.effect is Effect.FAILED
    assert finding.report.addresses[0] == TRACED
    assert finding.suppressed.startswith("bounced: 550 5.1.1 <ada@example.org>: no such user")
    with database.read() as connection:
        found = by_message_id(connection, MESSAGE_ID)
        assert found
        assert found.state is DeliveryState.FAILED
        assert [one.address for one in all_suppressed(connection)] == ["ada@example.org"]
    assert not any(new.iterdir())


# ---------------------------------------------------------------- dovecot

DOVECOT = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{folder}/certificate.pem
ssl_key = <{folder}/key.pem
mail_location = maildir:{folder}/mail
mail_uid = {nobody}
mail_gid = {nobody}
passdb {{
  driver = static
  args = user=bounces password=secret
}}
userdb {{
  driver = static
  args = uid={nobody} gid={nobody} home={folder}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {starttls}
  }}
  inet_listener imaps {{
    port = {implicit}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
"""


@contextmanager
def dovecot(folder: Path) -> Iterator[dict[str, int]]:
    """The ports of a dovecot of its own, by the kind of encryption."""
    command = program("dovecot", "dovecot-imapd")
    openssl = program("openssl", "openssl")
    subprocess.run(
        (
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=Digest test", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", folder / "key.pem", "-out", folder / "certificate.pem"),
        ),
        check=True,
        capture_output=True,
    )
    ports = {"starttls": free_port(), "implicit": free_port()}
    config = folder / "dovecot.conf"
    config.write_text(DOVECOT.format(folder=folder, nobody=NOBODY, **ports))
    with subprocess.Popen([command, "-F", "-c", config], stderr=subprocess.PIPE) as daemon:
        try:
            until(lambda: daemon.poll() is not None or listens(ports["implicit"]), "dovecot's start")
            assert daemon.poll() is None, daemon.stderr and daemon.stderr.read()
            yield ports
        finally:
            daemon.terminate()
            daemon.wait(30)


@pytest.fixture
def account(folder: Path) -> Iterator[Callable[..., ImapBox]]:
    """Opens the account, which holds a bounce, a person's mail and one that was seen long ago."""
    for room in ("new", "cur", "tmp"):
        (folder / "mail" / room).mkdir(parents=True)
    shutil.copy(SAMPLES / "postfix.eml", folder / "mail" / "new" / "1773214205.M1.host")
    shutil.copy(SAMPLES / "person.eml", folder / "mail" / "new" / "1773214206.M2.host")
    shutil.copy(SAMPLES / "gmail.eml", folder / "mail" / "cur" / "1773214207.M3.host:2,S")
    for path in (folder / "mail", *(folder / "mail").rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    with dovecot(folder) as ports:
        server = ImapServer(
            host="127.0.0.1",
            port=0,
            security="implicit",
            username="bounces",
            secret=lambda: "secret",
            timeout_s=30,
            ca_file=str(folder / "certificate.pem"),
        )

        def opened(**fields: object) -> ImapBox:
            chosen = replace(server, **fields)  # type: ignore[arg-type]
            return ImapBox(replace(chosen, port=ports[chosen.security]), clock=time.monotonic)

        yield opened


@pytest.mark.parametrize("security", ["implicit", "starttls"])
def test_a_bounce_in_a_real_imap_account_is_recorded_and_marked(
    database: Database, account: Callable[..., ImapBox], security: str
) -> None:
    sent(database)

    with closing(account(security=security)) as box:
        round_ = read_box(database, box, NOW, suppress_after=3)

    assert [one.decision.effect for one in round_.findings] == [Effect.FAILED]
    assert len(round_.left) == 1
    with closing(account(security=security)) as box:
        (left,) = box.letters(LONG_AGO, 1_000_000)
    assert b"best mail of my day" in left.data


def test_a_real_server_is_refused_without_its_certificate_and_refuses_a_wrong_password(
    account: Callable[..., ImapBox],
) -> None:
    with (
        pytest.raises(DigestError, match="certificate is not valid"),
        closing(account(ca_file=None)) as unknown,
    ):
        list(unknown.letters(LONG_AGO, 1_000))
    with (
        pytest.raises(DigestError, match="AUTHENTICATIONFAILED"),
        closing(account(secret=lambda: "wrong")) as wrong,
    ):
        list(wrong.letters(LONG_AGO, 1_000))
    with (
        pytest.raises(DigestError, match="SELECT"),
        closing(account(folder="Nowhere & never")) as nowhere,
    ):
        list(nowhere.letters(LONG_AGO, 1_000))


def test_a_large_message_of_a_real_server_is_read_only_so_far(
    folder: Path, account: Callable[..., ImapBox]
) -> None:
    large = folder / "mail" / "new" / "1773214208.M4.host"
    large.write_bytes(b"Subject: large\n\n" + b"x" * 70 * 1_000_000)
    os.chown(large, NOBODY, NOBODY)

    with closing(account()) as box:
        newest = next(iter(box.letters(LONG_AGO, 10_000)))

    assert len(newest.data) == 10_000
