"""Reads a box that bounces come back to: a Maildir, or a folder of an IMAP account.

What was dealt with is marked as seen, everything else is left as it is, and nothing is ever deleted.
"""

import imaplib
import os
import re
import socket
import ssl
import stat
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from digest.errors import DigestError
from digest.links import is_loopback
from digest.text import clean
from digest.transport.masking import masked

T = TypeVar("T")
MOST = 1_000
"""Unseen messages that are looked at in one go, the newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message of a box that nobody has seen yet."""

    key: str
    """What the box knows it by."""
    data: bytes
    """Its beginning, as far as was asked for."""


class Box(Protocol):
    """A place where mail arrives."""

    @property
    def where(self) -> str:
        """For messages."""
        ...

    def letters(self, since: date, max_bytes: int) -> Iterator[Letter]:
        """The unseen messages that came on that day or later, the newest first, MOST of them.

        Raises `DigestError` if the box cannot be read.
        """
        ...

    def mark(self, letter: Letter) -> None:
        """Mark as seen, for good. Raises `DigestError`; then it will be read again."""
        ...

    def check(self) -> str:
        """Open it, changing nothing; says what works, raises `DigestError` with what does not."""
        ...

    def close(self) -> None:
        """Let go of it; never raises."""
        ...


# ---------------------------------------------------------------- Maildir


class MaildirBox:
    """A Maildir (cr.yp.to/proto/maildir.html): new mail in `new`, seen mail in `cur` with the flag S."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.where = str(path)

    def letters(self, since: date, max_bytes: int) -> Iterator[Letter]:
        """As `Box` has it; what is no plain file is passed over, as is what another program moved away.

        A file that cannot be read is an error, but only after all others.
        """
        unreadable: list[DigestError] = []
        for _, key in islice(sorted(self._unseen(since), reverse=True), MOST):
            try:
                data = self._read(key, max_bytes)
            except OSError as problem:
                unreadable.append(self._unusable(problem, key))
            else:
                if data is not None:
                    yield Letter(key=key, data=data)
        if unreadable:
            raise unreadable[0]

    def mark(self, letter: Letter) -> None:
        """Move into `cur` with the flag S; the flags it has stay, in the order of ASCII."""
        name, _, info = letter.key.partition("/")[2].partition(":2,")
        target = self.path / "cur" / f"{name}:2,{''.join(sorted({*info, 'S'}))}"
        try:
            (self.path / letter.key).rename(target)
        except FileNotFoundError:
            pass  # another program moved it: it is read again, which changes nothing
        except OSError as problem:
            raise self._unusable(problem) from problem

    def check(self) -> str:
        """List it."""
        unseen = sum(1 for _ in self._unseen(date.min))
        return f"The Maildir {self.path} can be read; {unseen} unseen in it"

    def close(self) -> None:
        """Nothing is held open."""

    def _unseen(self, since: date) -> Iterator[tuple[float, str]]:
        """When each unseen message came, and its key: `new/1773214205.M1P2.host`."""
        begin = datetime.combine(since, time.min, UTC).timestamp()
        try:
            for room in ("new", "cur"):
                with os.scandir(self.path / room) as files:
                    for file in files:
                        if file.name.startswith(".") or "S" in file.name.partition(":2,")[2]:
                            continue
                        if (came := _came(file)) and came >= begin:
                            yield came, f"{room}/{file.name}"
        except OSError as problem:
            raise self._unusable(problem) from problem

    def _read(self, key: str, max_bytes: int) -> bytes | None:
        try:
            # Whoever may write there must not make us wait at a pipe, or read what a link leads to.
            descriptor = os.open(self.path / key, os.O_RDONLY | _NO_TRICKS)
        except FileNotFoundError:
            return None
        with os.fdopen(descriptor, "rb") as file:
            return file.read(max_bytes)

    def _unusable(self, problem: OSError, key: str = "") -> DigestError:
        fix = "Name the Maildir that bounces are delivered to, one that this user may read and write"
        what = clean(f"{key} cannot be read: {problem.strerror or problem}", 300)
        return DigestError(what, where=self.where, fix=fix)


_NO_TRICKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def _came(file: "os.DirEntry[str]") -> float | None:
    """When a plain file was written; `None` if it is something else, or gone."""
    try:
        found = file.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    return found.st_mtime if stat.S_ISREG(found.st_mode) else None


# ---------------------------------------------------------------- IMAP


@dataclass(frozen=True, slots=True, kw_only=True)
class ImapServer:
    """An account and how to reach it; the secret is asked for at each connection."""

    host: str
    port: int
    security: Literal["implicit", "starttls", "none"]
    username: str
    secret: Callable[[], str]
    """The password, or for `xoauth2` an access token."""
    auth: Literal["password", "xoauth2"] = "password"
    folder: str = "INBOX"
    timeout_s: float = 60
    """For one answer."""
    patience_s: float = 300
    """For all of them."""
    ca_file: str | None = None

    @property
    def where(self) -> str:
        """`imap.example.org:993`."""
        return f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether what is said does not leave this machine."""
        return is_loopback(self.host)


class ImapBox:
    """A folder of an IMAP account (RFC 3501, RFC 9051): reads unseen messages, and marks them as seen."""

    def __init__(self, server: ImapServer, *, clock: Callable[[], float], is_read_only: bool = False) -> None:
        self.server = server
        self.where = f"{server.where} {server.folder}"
        self._clock = clock
        self._is_read_only = is_read_only
        self._wire: _Wire | None = None
        self._shown: tuple[str, ...] = ()
        """What was said to log in, which no message may have."""

    def letters(self, since: date, max_bytes: int) -> Iterator[Letter]:
        """As `Box` has it, by UID; what vanishes meanwhile is passed over."""
        wire = self._open()
        found = self._ask(lambda: wire.uid("SEARCH", "UNSEEN", "SINCE", _imap_date(since)), "SEARCH")
        words = {word for line in found if isinstance(line, bytes) for word in line.split()}
        numbers = {int(word) for word in words if _NUMBER.fullmatch(word)}
        for number in islice(sorted(numbers, reverse=True), MOST):
            if data := self._fetch(wire, str(number), max_bytes):
                yield Letter(key=str(number), data=data)

    def _fetch(self, wire: "_Wire", number: str, max_bytes: int) -> bytes | None:
        """The beginning of a message, which stays unseen (PEEK); `None` if it is gone."""
        wanted = f"(BODY.PEEK[]<0.{max_bytes}>)"
        data = _literal(self._ask(lambda: wire.uid("FETCH", number, wanted), "FETCH"))
        return data[:max_bytes] if data else None

    def mark(self, letter: Letter) -> None:
        """Set \\Seen."""
        wire = self._open()
        self._ask(lambda: wire.uid("STORE", letter.key, "+FLAGS.SILENT", r"(\Seen)"), "STORE")

    def check(self) -> str:
        """Log in and open the folder; says what works, raises `DigestError` with what does not."""
        self._open()
        return f"{self.server.where}: logged in as {self.server.username}, and can read {self.server.folder}"

    def close(self) -> None:
        """Say goodbye if that works."""
        if self._wire is not None:
            wire, self._wire = self._wire, None
            with suppress(*_BROKEN):
                wire.logout()
            wire.shutdown()

    def _open(self) -> "_Wire":
        """A connection with the folder opened; EXAMINE where nothing may be changed (RFC 3501, 6.3.2)."""
        if self._wire is None:
            self._refuse_plain_text()
            secret = self.server.secret()
            deadline = self._clock() + self.server.patience_s
            self._wire = wire = self._ask_for(
                lambda: _Wire(self.server, self._connected(), self._clock, deadline)
            )
            if self.server.security == "starttls":
                self._start_tls(wire)
            self._log_in(wire, secret)
            self._shown = ()
            folder, quiet = _mailbox_name(self.server.folder), self._is_read_only
            self._ask(lambda: wire.select(folder, readonly=quiet), "SELECT", _FIXES["SELECT"])
        return self._wire

    def _refuse_plain_text(self) -> None:
        if self.server.security == "none" and not self.server.is_loopback:
            fix = 'Set security to "implicit" (port 993) or "starttls" (port 143)'
            raise self._unusable("the password would go out unencrypted", fix)

    def _connected(self) -> socket.socket:
        server = self.server
        sock = socket.create_connection((server.host, server.port), timeout=server.timeout_s)
        if server.security != "implicit":
            return sock
        return self._encrypted(sock)

    def _encrypted(self, sock: socket.socket) -> socket.socket:
        try:
            return self._tls.wrap_socket(sock, server_hostname=self.server.host)
        except BaseException:
            sock.close()
            raise

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.server.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def _start_tls(self, wire: "_Wire") -> None:
        """RFC 3501, 6.2.1; what was said before it, capabilities too, is forgotten."""
        self._ask(lambda: wire.encrypt(self._encrypted), "STARTTLS", _FIXES["TLS"])

    def _log_in(self, wire: "_Wire", secret: str) -> None:
        """PLAIN (RFC 4616) takes any password; LOGIN only ASCII, and is what old servers have."""
        user = self.server.username
        if not (user + secret).isprintable():
            raise self._unusable("user name or password hold a control character", _FIXES["AUTH"])
        self._shown = (user, secret, _quoted(secret)[1:-1])
        if self.server.auth == "xoauth2":
            self._authenticate(wire, "XOAUTH2", f"user={user}\x01auth=Bearer {secret}\x01\x01".encode())
        elif "AUTH=PLAIN" in wire.capabilities:
            self._authenticate(wire, "PLAIN", f"\0{user}\0{secret}".encode())
        elif "LOGINDISABLED" in wire.capabilities or not (user + secret).isascii():
            raise self._unusable("the server offers no way to log in that we know", _FIXES["AUTH"])
        else:
            self._ask(lambda: wire.login(_quoted(user), secret), "LOGIN", _FIXES["AUTH"])

    def _authenticate(self, wire: "_Wire", way: str, said: bytes) -> None:
        self._shown = (*self._shown, b64encode(said).decode())
        self._ask(lambda: wire.authenticate(way, _once(said)), "AUTHENTICATE", _FIXES["AUTH"])

    def _ask(self, question: Callable[[], tuple[str, Any]], what: str, fix: str = "") -> list[Any]:
        """The data of an answer that says OK."""
        status, data = self._ask_for(question, what, fix)
        said: list[Any] = list(data)
        if status != "OK":
            words = b" ".join(one for one in said if isinstance(one, bytes)).decode("utf-8", "replace")
            raise self._unusable(f"{what} was answered by {status}: {words}", fix)
        return said

    def _ask_for(self, question: Callable[[], T], what: str = "the connection", fix: str = "") -> T:
        """Whatever a server says, or does not say, is a `DigestError`, and ends the conversation."""
        try:
            return self._closing(question)
        except ssl.SSLCertVerificationError as problem:
            what = f"the server's certificate is not valid: {problem.verify_message}"
            raise self._unusable(what, _FIXES["TLS"]) from problem
        except TimeoutError as problem:
            raise self._unusable(f"{what}: no answer in time", _FIXES["connect"]) from problem
        except _BROKEN as problem:
            raise self._unusable(f"{what} failed: {problem}", fix or _FIXES["connect"]) from problem

    def _closing(self, question: Callable[[], T]) -> T:
        try:
            return question()
        except BaseException:
            if self._wire is not None:
                self._wire.shutdown()
                self._wire = None
            raise

    def _unusable(self, what: str, fix: str) -> DigestError:
        return DigestError(clean(masked(what, self._shown), 300), where=self.server.where, fix=fix)


_FIXES = {
    "connect": "See that host, port and security are right; it is tried again at the next run",
    "TLS": 'Port 993 takes security = "implicit", port 143 "starttls"; ca_file names your own authority',
    "AUTH": "Check username and password; many providers want an app password made for this use",
    "SELECT": "Set folder to the name of a folder of that account",
}
# What imaplib makes of answers that it did not expect: numbers and words that are none are a ValueError.
_BROKEN = (imaplib.IMAP4.error, OSError, ValueError)


class _Wire(imaplib.IMAP4):
    """`imaplib` on a socket that is open already, with answers bounded in bytes and in time."""

    def __init__(
        self, server: ImapServer, sock: socket.socket, clock: Callable[[], float], deadline: float
    ) -> None:
        self._server = server
        self._open_socket = sock
        self._clock = clock
        self._deadline = deadline
        self._unread = b""
        self._left = _MAX_ANSWER
        try:
            super().__init__(server.host, server.port)
        except BaseException:
            sock.close()
            raise

    def open(self, host: str = "", port: int = 0, timeout: float | None = None) -> None:
        """It is open already."""
        self.host, self.port = host, port
        self.sock = self._open_socket

    def encrypt(self, encrypted: Callable[[socket.socket], socket.socket]) -> tuple[str, Any]:
        """STARTTLS; unencrypted words after it are somebody else's (CVE-2011-0411)."""
        answer: tuple[str, Any] = self._simple_command("STARTTLS")
        if answer[0] == "OK":
            if self._unread:
                raise self.abort("unencrypted text came after STARTTLS")
            self.sock = encrypted(self.sock)
            self.untagged_responses.clear()
            self._get_capabilities()
        return answer

    def send(self, data: Any) -> None:
        """As `imaplib`, in time; an answer may be so long again."""
        self._left = _MAX_ANSWER
        self._set_timeout()
        self.sock.sendall(data)

    def readline(self) -> bytes:
        """A line with its end."""
        while b"\n" not in self._unread:
            self._receive()
        line, end, self._unread = self._unread.partition(b"\n")
        return line + end

    def read(self, size: int) -> bytes:
        """A literal, whose size the server states: more than may come is not waited for."""
        if size > self._left + len(self._unread):
            raise self.abort(f"an answer of {size} bytes")
        while len(self._unread) < size:
            self._receive()
        data, self._unread = self._unread[:size], self._unread[size:]
        return data

    def shutdown(self) -> None:
        """Close the socket."""
        self.sock.close()

    def _receive(self) -> None:
        self._set_timeout()
        received = self.sock.recv(65_536)
        if not received:
            raise self.abort("closed by the server")
        self._left -= len(received)
        if self._left < 0:
            raise self.abort("endless answer")
        self._unread += received

    def _set_timeout(self) -> None:
        left_s = self._deadline - self._clock()
        if left_s <= 0:
            raise TimeoutError
        self.sock.settimeout(min(left_s, self._server.timeout_s))


_MAX_ANSWER = 4_000_000
_NUMBER = re.compile(rb"[0-9]{1,10}")  # RFC 9051, 9: 32 bits


def _once(said: bytes) -> Callable[[bytes], bytes]:
    """What answers the server's first challenge; to a second, which tells an error, nothing."""
    answers = iter((said, b""))

    def answer(_challenge: bytes) -> bytes:
        for one in answers:
            return one
        raise imaplib.IMAP4.abort("the login has no end")

    return answer


def _literal(answer: list[Any]) -> bytes | None:
    """The message of a FETCH answer; `None` if the message is gone."""
    return next((one[1] for one in answer if isinstance(one, tuple) and isinstance(one[1], bytes)), None)


_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def _imap_date(day: date) -> str:
    """`11-Mar-2026`, whatever the locale."""
    return f"{day.day}-{_MONTHS[day.month - 1]}-{day.year}"


def _mailbox_name(name: str) -> str:
    """A folder's name in modified UTF-7 (RFC 3501, 5.1.3), quoted."""
    plain = name.replace("&", "&-")
    return _quoted(re.sub(r"[^\x20-\x7e]+", _shifted, plain))


def _shifted(found: re.Match[str]) -> str:
    raw = b64encode(found[0].encode("utf-16-be")).decode("ascii")
    return f"&{raw.rstrip('=').replace('/', ',')}-"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
