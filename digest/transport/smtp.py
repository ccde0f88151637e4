"""Hands messages to an SMTP server (RFC 5321), knowing at every step whether it may have one already.

`smtplib` speaks the commands one by one, so that the phase of a failure is known: its `sendmail` raises
the same exception for a connection lost before MAIL (safe to repeat) and after the final dot (perhaps
delivered). Only the reading of replies is replaced, because `smtplib` collects them without bound and
reports a line that is too long as a permanent 500.
"""

import re
import smtplib
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_address
from typing import Any, Literal

from digest.errors import DeliveryError
from digest.model import Attempt, DeliveryState, Envelope, Message
from digest.text import clean
from digest.transport.protocol import MAX_REPLY, ended


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """Where mail is handed over, and how."""

    host: str
    port: int
    security: Literal["implicit", "starttls", "none"]
    """TLS from the first byte (port 465), TLS on request and required (587), or none: loopback only."""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout_s: float = 60
    """For connecting and for each reply."""
    body_timeout_s: float = 600
    """For the reply after the final dot: giving up early repeats mail (RFC 5321, 4.5.3.2.6)."""
    allow_plaintext: bool = False
    """Let mail, but never a password, go unencrypted to a host that is not this machine."""
    ca_file: str | None = None
    """PEM file of the authorities to trust instead of the system's."""
    ehlo_name: str = "[127.0.0.1]"
    """How we introduce ourselves, best the sender's domain; looking it up in DNS can hang."""

    @property
    def where(self) -> str:
        """`host:port`, for people."""
        return f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether the bytes never leave this machine."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


class Smtp:
    """One connection to one server, opened when needed and used for message after message."""

    def __init__(self, server: SmtpServer, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.server = server
        self._clock = clock
        self._wire: _Wire | None = None

    def check(self) -> str:
        """Connect, encrypt and log in; raises `DeliveryError`, also for what `send` would retry."""
        self._drop()
        try:
            wire = self._connect()
        except _SetbackError as setback:
            self._drop()
            raise self._unusable(
                setback.reply, "Check host, port and security; see if the server is up."
            ) from None
        except BaseException:
            self._drop()
            raise
        encrypted = wire.sock.version() if isinstance(wire.sock, ssl.SSLSocket) else "not encrypted"
        login = f", login as {self.server.username} accepted" if self.server.username else ""
        return f"{self.server.where} answers ({encrypted}){login}"

    def send(self, message: Message, *, committing: Callable[[], None]) -> Attempt:
        """Hand one message over; see `Transport.send`. `data` must have CRLF line ends throughout."""
        body = _wire_form(message)
        try:
            wire = self._open_transaction(message.envelope)
            committing()
            return ended(DeliveryState.SENT, self._ask("body", lambda: wire.transmit(body)))
        except _SetbackError as setback:
            self._recover(setback)
            return ended(setback.state, setback.reply)
        except BaseException:
            # Between 354 and the dot only a closed connection takes a message back.
            self._drop()
            raise

    def close(self) -> None:
        """Say goodbye, without waiting long for an answer, and hang up."""
        if self._wire is not None:
            self._wire.patience_s = min(self.server.timeout_s, 5)
            with suppress(OSError):
                self._wire.docmd("QUIT")
        self._drop()

    # ------------------------------------------------------------ one message

    def _open_transaction(self, envelope: Envelope) -> "_Wire":
        """MAIL, RCPT and DATA: on return the server waits for the body."""
        wire = self._mail(envelope.sender)
        self._ask("RCPT", lambda: wire.rcpt(envelope.recipient))
        self._ask("DATA", lambda: wire.docmd("DATA"), wanted=3)
        return wire

    def _mail(self, sender: str) -> "_Wire":
        """MAIL on the open connection; on a fresh one if there is none, or its server hung up meanwhile."""
        if (wire := self._wire) is not None:
            try:
                self._ask("MAIL", lambda: wire.mail(sender))
                return wire
            except _SetbackError as setback:
                if setback.is_connected:
                    raise
                self._drop()
        fresh = self._connect()
        self._ask("MAIL", lambda: fresh.mail(sender))
        return fresh

    def _recover(self, setback: "_SetbackError") -> None:
        """Leave the connection ready for the next message, or closed: an open MAIL would refuse that one."""
        wire = self._wire
        if wire is None or not setback.is_connected or setback.phase not in _TRANSACTION:
            self._drop()
            return
        try:
            self._ask("RSET", wire.rset)
        except _SetbackError:
            self._drop()

    def _drop(self) -> None:
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def _ask(self, phase: str, question: Callable[[], tuple[int, bytes]], wanted: int = 2) -> str:
        """The reply, if it starts with `wanted`; raises `_SetbackError`, about login `DeliveryError`."""
        try:
            code, text = question()
        except OSError as problem:  # smtplib's own exceptions are OSErrors too
            raise _SetbackError(phase, None, self._what_broke(problem)) from problem
        reply = f"{phase} {code} {text.decode('utf-8', 'replace')}"
        if code // 100 == wanted:
            return reply
        if code // 100 == 5 and phase != "body" and (phase in _FIXES or code in _LOGIN_WANTED):
            raise self._unusable(reply, _FIXES.get(phase, _FIXES["AUTH"]))
        raise _SetbackError(phase, code, reply)

    def _what_broke(self, problem: OSError) -> str:
        if isinstance(problem, TimeoutError):
            return f"no answer in time from {self.server.where}"
        return f"connection to {self.server.where} lost ({problem})"

    def _unusable(self, what: str, fix: str) -> DeliveryError:
        return DeliveryError(clean(what, MAX_REPLY), where=self.server.where, fix=fix)

    # ------------------------------------------------------------ connecting

    def _connect(self) -> "_Wire":
        """A connection that is ready for MAIL: greeted, encrypted, logged in."""
        self._refuse_plain_text()
        wire = self._wire = _Wire(self._open_socket(), self.server, self._clock)
        self._ask("banner", wire.getreply)
        self._ask("EHLO", wire.ehlo)
        if self.server.security == "starttls":
            self._start_tls(wire)
        if self.server.username:
            self._log_in(wire, self.server.username)
        return wire

    def _refuse_plain_text(self) -> None:
        server = self.server
        if server.security != "none" or server.is_loopback:
            return
        fix = 'Set security to "starttls" (port 587) or "implicit" (port 465).'
        if server.username:
            raise self._unusable("a password would go out unencrypted", fix)
        if not server.allow_plaintext:
            raise self._unusable("mail would go out unencrypted", fix)

    def _open_socket(self) -> socket.socket:
        server = self.server
        try:
            sock = socket.create_connection((server.host, server.port), timeout=server.timeout_s)
        except OSError as problem:
            raise _SetbackError(
                "connect", None, f"{server.where}: {problem.strerror or problem}"
            ) from problem
        except UnicodeError as problem:
            raise self._unusable("not a host name", "Check host.") from problem
        try:
            # Without it a body that ends in a short packet waits 40 ms for an acknowledgement, in the
            # very window in which a crash leaves the message unknown.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return self._encrypt(sock) if server.security == "implicit" else sock
        except BaseException:
            sock.close()
            raise

    def _start_tls(self, wire: "_Wire") -> None:
        """RFC 3207; what was learnt before encryption is asked again after it."""
        if not wire.has_extn("starttls"):
            raise self._unusable("the server offers no encryption (STARTTLS)", _FIXES["STARTTLS"])
        self._ask("STARTTLS", lambda: wire.docmd("STARTTLS"))
        if wire.unread:
            # Someone on the way put words in the server's mouth (CVE-2011-0411).
            raise self._unusable("unencrypted text came after STARTTLS", "Find out who is on the line.")
        wire.sock = self._encrypt(wire.open_socket)
        self._ask("EHLO", wire.ehlo)

    def _encrypt(self, sock: socket.socket) -> ssl.SSLSocket:
        """A connection that breaks during the handshake may be luck; all else that fails is for a person."""
        try:
            return self._tls.wrap_socket(sock, server_hostname=self.server.host)
        except ssl.SSLCertVerificationError as problem:
            raise self._unusable(
                f"the server's certificate is not valid: {problem.verify_message}", _FIXES["TLS"]
            ) from problem
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as problem:
            raise _SetbackError("TLS", None, self._what_broke(problem)) from problem
        except ssl.SSLError as problem:
            raise self._unusable(f"encryption failed: {problem.reason}", _FIXES["TLS"]) from problem
        except OSError as problem:
            raise _SetbackError("TLS", None, self._what_broke(problem)) from problem

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.server.ca_file)
        except OSError as problem:
            raise self._unusable(
                f"ca_file {self.server.ca_file} cannot be used: {problem.strerror}", "Name a PEM file."
            ) from problem
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def _log_in(self, wire: "_Wire", username: str) -> None:
        """RFC 4954: PLAIN, else LOGIN. `smtplib.login` cannot send a password that is not ASCII."""
        if self.server.password is None:
            raise self._unusable(f"no password for {username}", _FIXES["AUTH"])
        user, password = username.encode(), self.server.password.encode()
        offered = wire.esmtp_features.get("auth", "").upper().split()
        if "PLAIN" in offered:
            self._ask("AUTH", lambda: wire.docmd("AUTH PLAIN", _base64(b"\0" + user + b"\0" + password)))
        elif "LOGIN" in offered:
            self._ask("AUTH", lambda: wire.docmd("AUTH LOGIN"), wanted=3)
            self._ask("AUTH", lambda: wire.docmd(_base64(user)), wanted=3)
            self._ask("AUTH", lambda: wire.docmd(_base64(password)))
        else:
            raise self._unusable(
                f"no way to log in that we know (offered: {' '.join(offered) or 'none'})", _FIXES["AUTH"]
            )


_TRANSACTION = ("MAIL", "RCPT", "DATA", "body")
# Codes that say "log in first" or "not with this login", whichever command they answer (RFC 4954, 6).
_LOGIN_WANTED = frozenset((530, 534, 535, 538))
_FIXES = {
    "AUTH": "Check username and password; many providers want an app password made for this use.",
    "STARTTLS": 'Try security = "implicit" with port 465; without encryption no mail is sent.',
    "TLS": 'Port 465 takes security = "implicit", port 587 "starttls"; ca_file names your own authority.',
}


class _SetbackError(Exception):
    """A message did not get through: in which phase, and what the server said, if it said anything."""

    def __init__(self, phase: str, code: int | None, reply: str) -> None:
        super().__init__(reply)
        self.phase = phase
        self.code = code
        self.reply = reply if code is not None else f"{phase}: {reply}"

    @property
    def is_refusal(self) -> bool:
        """Whether the server plainly said no, for now (4yz) or for good (5yz)."""
        return self.code is not None and self.code // 100 in (4, 5)

    @property
    def is_connected(self) -> bool:
        """Whether the conversation can go on; 421 ends it (RFC 5321, 3.8)."""
        return self.is_refusal and self.code != 421

    @property
    def state(self) -> DeliveryState:
        """A no for good is the recipient's only once the recipient was named: before, it is about us."""
        if self.phase == "body" and not self.is_refusal:
            return DeliveryState.UNKNOWN
        if self.phase in ("RCPT", "DATA", "body") and self.code is not None and self.code // 100 == 5:
            return DeliveryState.FAILED
        return DeliveryState.QUEUED


# ---------------------------------------------------------------- the wire

_MAX_REPLY_BYTES = 32_768
_REPLY_LINE = re.compile(rb"[2-5]\d\d(?:[ -].*)?", re.DOTALL)
_BARE_LINE_END = re.compile(rb"(?<!\r)\n|\r(?!\n)")
_ENVELOPE_ADDRESS = re.compile(r"[!-;=?-~]+")


class _Wire(smtplib.SMTP):
    """`smtplib` on a socket that is open already, with replies bounded in bytes and in time."""

    def __init__(self, sock: socket.socket, server: SmtpServer, clock: Callable[[], float]) -> None:
        super().__init__(local_hostname=server.ehlo_name)
        self.sock = sock
        self.unread = b""
        self.patience_s = server.timeout_s
        self._body_patience_s = server.body_timeout_s
        self._clock = clock

    @property
    def open_socket(self) -> socket.socket:
        """The socket; raises `SMTPServerDisconnected` after a failure closed it."""
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("closed")
        return self.sock

    def transmit(self, body: bytes) -> tuple[int, bytes]:
        """The body with its dot in one write, and the reply to it, however long that takes."""
        usual, self.patience_s = self.patience_s, self._body_patience_s
        try:
            self.send(body)
            return self.getreply()
        finally:
            self.patience_s = usual

    def send(self, s: Any) -> None:
        """As `smtplib`, in time, and not while a reply lies there that answers nothing we said."""
        if self.unread:
            raise smtplib.SMTPServerDisconnected("the server spoke out of turn")
        self.open_socket.settimeout(self.patience_s)
        super().send(s)

    def getreply(self) -> tuple[int, bytes]:
        """Code and text, lines joined by LF; raises `OSError` if what comes is late, endless or no reply."""
        deadline = self._clock() + self.patience_s
        lines: list[bytes] = []
        size = 0
        while size <= _MAX_REPLY_BYTES:
            line = self._read_line(deadline)
            if not _REPLY_LINE.fullmatch(line):
                raise smtplib.SMTPServerDisconnected(f"not an SMTP reply: {line[:80]!r}")
            lines.append(line[4:])
            size += len(line) + 2
            if line[3:4] != b"-":
                return int(line[:3]), b"\n".join(lines)
        raise smtplib.SMTPServerDisconnected("endless reply")

    def _read_line(self, deadline: float) -> bytes:
        while b"\n" not in self.unread:
            if len(self.unread) > _MAX_REPLY_BYTES:
                raise smtplib.SMTPServerDisconnected("endless line")
            if (left_s := deadline - self._clock()) <= 0:
                raise TimeoutError
            self.open_socket.settimeout(left_s)
            received = self.open_socket.recv(8_192)
            if not received:
                raise smtplib.SMTPServerDisconnected("closed by the server")
            self.unread += received
        line, _, self.unread = self.unread.partition(b"\n")
        return line.rstrip(b"\r")


def _wire_form(message: Message) -> bytes:
    """The data with its dots doubled and the final dot (RFC 5321, 4.5.2).

    A bare CR or LF could end the message early for some servers and smuggle in a second one.
    """
    for address in (message.envelope.sender, message.envelope.recipient):
        if not _ENVELOPE_ADDRESS.fullmatch(address):
            raise ValueError(f"not an ASCII address: {address!r}")
    if _BARE_LINE_END.search(message.data) or not message.data.endswith(b"\r\n"):
        raise ValueError(f"message {message.message_id} has line ends other than CRLF")
    stuffed = message.data.replace(b"\r\n.", b"\r\n..")
    return (b"." if stuffed.startswith(b".") else b"") + stuffed + b".\r\n"


def _base64(raw: bytes) -> str:
    return b64encode(raw).decode("ascii")
