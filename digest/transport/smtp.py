"""Hands messages to an SMTP server (RFC 5321), knowing at every step whether it may have one already.

aiosmtplib speaks the commands one by one, so that the phase of a failure is known: its `sendmail`, as that of
`smtplib`, raises the same exception for a connection lost before MAIL (safe to repeat) and after the final
dot (perhaps delivered). See docs/decisions/0016-smtp-with-aiosmtplib.md.
"""

import asyncio
import os
import re
import socket
import ssl
from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from aiosmtplib.auth import auth_login_encode, auth_plain_encode, auth_xoauth2_encode
from aiosmtplib.errors import SMTPResponseException
from aiosmtplib.esmtp import parse_esmtp_extensions

from digest.errors import ConfigurationError, DeliveryError, DigestError
from digest.failures import enhanced_code, judge
from digest.links import is_loopback
from digest.model import Attempt, Envelope, Failure, Message, Phase
from digest.transport.line import Line, dial, readable
from digest.transport.masking import masked
from digest.transport.protocol import arrived, set_back


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """Where mail is handed over, and how."""

    host: str
    port: int
    security: Literal["implicit", "starttls", "none"]
    """TLS from the first byte (port 465), TLS on request and required (587), or none: loopback only."""
    username: str | None = None
    auth: Literal["password", "xoauth2"] = "password"
    """What `secret` gives: a password (or app password), or an OAuth 2 access token."""
    secret: Callable[[], str] | None = field(default=None, repr=False)
    """Asked at each login, as tokens expire; raises `DigestError` if there is none to be had."""
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
        return is_loopback(self.host)

    @property
    def leak(self) -> str:
        """What would go out unencrypted, though it must not; empty if nothing."""
        if self.security != "none" or self.is_loopback:
            return ""
        if self.username:
            return "a password"
        return "" if self.allow_plaintext else "mail"


class Smtp:
    """One connection to one server, opened when needed and used for message after message."""

    def __init__(self, server: SmtpServer, *, sign: Callable[[bytes], bytes] | None = None) -> None:
        self.server = server
        self._sign = sign
        self._line: Line | None = None
        self._offers: dict[str, str] = {}
        self._logins: list[str] = []
        self._shown: tuple[str, ...] = ()
        """What was said to log in, which no record may have."""
        self._is_in_transaction = False
        """Whether an earlier one was left open, so that MAIL would be refused."""

    async def check(self) -> str:
        """Connect, encrypt and log in; raises `DeliveryError`, also for what `send` would retry."""
        self._drop()
        try:
            line = await self._connect()
        except _SetbackError as setback:
            self._drop()
            fix = setback.attempt.fix or "Check host, port and security; see if the server is up."
            raise DeliveryError(setback.attempt.reply, where=self.server.where, fix=fix) from None
        except BaseException:
            self._drop()
            raise
        login = f", login as {self.server.username} accepted" if self.server.username else ""
        return f"{self.server.where} answers ({line.encryption}){login}"

    async def send(self, message: Message, *, committing: Callable[[], Awaitable[None]]) -> Attempt:
        """Hand one message over; see `Transport.send`. `data` must have CRLF line ends throughout."""
        _must_be_a_message(message)
        data = message.data if self._sign is None else self._sign(message.data)
        try:
            line = await self._open_transaction(message.envelope, data)
            _must_go_on()
            self._must_be_quiet(line)
            await committing()
            self._must_be_quiet(line)
            return await self._transmit(line, data)
        except _SetbackError as setback:
            self._recover(setback.attempt)
            return setback.attempt
        except BaseException:
            # Between 354 and the dot only a closed connection takes a message back.
            self._drop()
            raise

    async def close(self) -> None:
        """Say goodbye, without waiting long for an answer, and hang up."""
        if self._line is not None:
            try:
                await self._line.ask(b"QUIT", timeout_s=min(self.server.timeout_s, 5))
            except (OSError, SMTPResponseException):
                pass
            finally:
                self._drop()

    # ------------------------------------------------------------ one message

    async def _open_transaction(self, envelope: Envelope, data: bytes) -> Line:
        """MAIL, RCPT and DATA: on return the server waits for the body."""
        line = await self._mail(envelope.sender, data)
        await self._ask(line, Phase.RCPT, f"RCPT TO:<{envelope.recipient}>")
        await self._ask(line, Phase.DATA, "DATA", wanted=3)
        return line

    async def _mail(self, sender: str, data: bytes) -> Line:
        """MAIL on the open connection; on a fresh one if there is none, or that one brought no yes.

        Its server may have hung up meanwhile, or a no is a late word about the message before: this one's
        recipient, and all the others, must not suffer for it.
        """
        await self._tidy_up()
        if (line := self._line) is not None:
            try:
                await self._ask(line, Phase.MAIL, self._mail_command(sender, data))
                return line
            except _SetbackError:
                self._drop()
        fresh = await self._connect()
        await self._ask(fresh, Phase.MAIL, self._mail_command(sender, data))
        return fresh

    async def _tidy_up(self) -> None:
        """End the transaction that a refusal left open; a server that will not is asked anew."""
        if self._line is not None and self._is_in_transaction:
            try:
                await self._ask(self._line, Phase.MAIL, "RSET")
                self._is_in_transaction = False
            except _SetbackError:
                self._drop()

    def _mail_command(self, sender: str, data: bytes) -> str:
        """With the size (RFC 1870), so that what is too large is refused before it travels."""
        size = f" SIZE={len(data)}" if "size" in self._offers else ""
        eight_bit = " BODY=8BITMIME" if "8bitmime" in self._offers and not data.isascii() else ""
        return f"MAIL FROM:<{sender}>{size}{eight_bit}"

    async def _transmit(self, line: Line, data: bytes) -> Attempt:
        """The body with its dot in one write, and the reply to it, however long that takes."""
        try:
            code, text = await line.tell(_wire_form(data), timeout_s=self.server.body_timeout_s)
        except (OSError, SMTPResponseException) as problem:
            raise self._lost(Phase.BODY, problem) from problem
        if code // 100 != 2:
            raise self._refused(Phase.BODY, code, text)
        attempt = arrived(f"{Phase.BODY} {code} {text}", Phase.BODY)
        return replace(attempt, code=code, enhanced=enhanced_code(text))

    def _must_be_quiet(self, line: Line) -> None:
        """A server that says something now would seem to answer the body."""
        try:
            line.must_be_quiet()
        except OSError as problem:
            raise self._lost(Phase.DATA, problem) from problem

    def _recover(self, attempt: Attempt) -> None:
        """Keep the connection for the next message, if it can go on.

        The RSET waits until then: in awaiting it now, a cancellation would take the attempt with it.
        """
        if attempt.phase in _TRANSACTION and _goes_on_after(attempt):
            self._is_in_transaction = True
        else:
            self._drop()

    def _drop(self) -> None:
        if self._line is not None:
            self._line.hang_up()
        self._line, self._is_in_transaction = None, False

    async def _ask(self, line: Line, phase: Phase, command: str, wanted: int = 2) -> str:
        """The text of the reply, if its code starts with `wanted`; raises `_SetbackError` for all else."""
        code, text = await self._exchange(line, phase, command)
        if code // 100 != wanted:
            raise self._refused(phase, code, text)
        return text

    async def _exchange(self, line: Line, phase: Phase, command: str) -> tuple[int, str]:
        """Whatever the server replies; raises `_SetbackError` if that is nothing."""
        try:
            return await line.ask(command.encode(), timeout_s=self.server.timeout_s)
        except (OSError, SMTPResponseException) as problem:
            raise self._lost(phase, problem) from problem

    # ------------------------------------------------------------ what went wrong

    def _refused(self, phase: Phase, code: int, said: str) -> "_SetbackError":
        text = self._masked(phase, said)
        enhanced = enhanced_code(text)
        failure = judge(phase, code, enhanced, text)
        attempt = set_back(failure, f"{phase} {code} {text}", phase, fix=self._fix(phase, failure))
        return _SetbackError(replace(attempt, code=code, enhanced=enhanced))

    def _lost(self, phase: Phase, problem: OSError | SMTPResponseException) -> "_SetbackError":
        """No reply, or none that can be believed."""
        if isinstance(problem, TimeoutError):
            what = f"no answer in time from {self.server.where}"
        else:
            what = f"connection to {self.server.where} lost ({self._masked(phase, _why(problem))})"
        return _SetbackError(set_back(judge(phase, None), f"{phase}: {what}", phase))

    def _masked(self, phase: Phase, said: str) -> str:
        """Some servers refuse a command by repeating it."""
        return masked(said, self._shown) if phase is Phase.AUTH else said

    def _unusable(
        self, phase: Phase, what: str, fix: str = "", failure: Failure = Failure.SENDER
    ) -> "_SetbackError":
        """What a person must mend."""
        return _SetbackError(
            set_back(failure, f"{phase}: {what}", phase, fix=fix or self._fix(phase, failure))
        )

    def _fix(self, phase: Phase, failure: Failure) -> str:
        match failure:
            case Failure.AUTHENTICATION:
                return _LOGIN_FIXES[self.server.auth]
            case Failure.SENDER:
                return _FIXES[phase]
        return ""

    # ------------------------------------------------------------ connecting

    async def _connect(self) -> Line:
        """A connection that is ready for MAIL: greeted, encrypted, logged in."""
        self._refuse_plain_text()
        line = self._line = await self._open_line()
        try:
            code, text = await line.reply(timeout_s=self.server.timeout_s)
        except (OSError, SMTPResponseException) as problem:
            raise self._lost(Phase.BANNER, problem) from problem
        if code // 100 != 2:
            raise self._refused(Phase.BANNER, code, text)
        await self._greet(line)
        if self.server.security == "starttls":
            await self._start_tls(line)
        if self.server.username:
            await self._log_in(line, self.server.username)
        return line

    def _refuse_plain_text(self) -> None:
        if leak := self.server.leak:
            fix = 'Set security to "starttls" (port 587) or "implicit" (port 465).'
            raise self._unusable(Phase.CONNECT, f"{leak} would go out unencrypted", fix)

    async def _open_line(self) -> Line:
        """A socket that is connected and, where TLS comes first, encrypted."""
        server = self.server
        tls = self._tls if server.security == "implicit" else None
        sock = await self._open_socket()
        loop = asyncio.get_running_loop()
        try:
            _, line = await loop.create_connection(
                lambda: Line(loop),
                sock=sock,
                ssl=tls,
                server_hostname=server.host if tls else None,
                ssl_handshake_timeout=server.timeout_s if tls else None,
            )
        except OSError as problem:
            raise self._not_encrypted(problem) from problem
        return line

    async def _open_socket(self) -> socket.socket:
        """Apart from the handshake, so that a host that is away is told from one that cannot encrypt."""
        try:
            return await dial(self.server.host, self.server.port, self.server.timeout_s)
        except TimeoutError as problem:
            raise self._lost(Phase.CONNECT, problem) from problem
        except OSError as problem:
            what = f"{Phase.CONNECT}: {_why(problem)}"
            raise _SetbackError(set_back(Failure.TRANSIENT, what, Phase.CONNECT)) from problem
        except UnicodeError as problem:
            raise self._unusable(Phase.CONNECT, f"{self.server.host} is not a host name") from problem

    async def _greet(self, line: Line) -> None:
        """EHLO; HELO where that is not known (RFC 5321, 3.2), which offers nothing: no TLS, no login."""
        try:
            text = await self._ask(line, Phase.EHLO, f"EHLO {self.server.ehlo_name}")
        except _SetbackError as setback:
            if setback.attempt.code not in (500, 502):
                raise
            text = await self._ask(line, Phase.EHLO, f"HELO {self.server.ehlo_name}")
            text = text.partition("\n")[0]
        self._offers, self._logins = parse_esmtp_extensions(text)

    async def _start_tls(self, line: Line) -> None:
        """RFC 3207; what was learnt before encryption is asked again after it."""
        if "starttls" not in self._offers:
            raise self._unusable(Phase.STARTTLS, "the server offers no encryption")
        await self._ask(line, Phase.STARTTLS, "STARTTLS")
        if not line.is_quiet:
            # Someone on the way put words in the server's mouth (CVE-2011-0411).
            fix = "Find out who is on the line."
            raise self._unusable(Phase.STARTTLS, "unencrypted text came after STARTTLS", fix)
        try:
            await line.encrypt(self._tls, self.server.host, timeout_s=self.server.timeout_s)
        except OSError as problem:
            raise self._not_encrypted(problem) from problem
        await self._greet(line)

    def _not_encrypted(self, problem: OSError) -> "_SetbackError":
        """A connection that breaks during the handshake may be luck; all else that fails is for a person."""
        if isinstance(problem, ssl.SSLCertVerificationError):
            return self._unusable(
                Phase.TLS, f"the server's certificate is not valid: {problem.verify_message}"
            )
        is_cut_off = isinstance(problem, ssl.SSLEOFError | ssl.SSLZeroReturnError)
        if isinstance(problem, ssl.SSLError) and not is_cut_off:
            return self._unusable(Phase.TLS, f"encryption failed: {problem.reason}")
        return self._lost(Phase.TLS, problem)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.server.ca_file)
        except OSError as problem:
            what = f"ca_file {self.server.ca_file} cannot be used: {problem.strerror}"
            raise self._unusable(Phase.TLS, what, "Name a PEM file.") from problem
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    # ------------------------------------------------------------ login

    async def _log_in(self, line: Line, username: str) -> None:
        """RFC 4954, with what the server offers and `secret` is good for."""
        offered = [login.upper() for login in self._logins]
        if self.server.secret is None:
            what = f"no password for {username}" if self.server.auth == "password" else "no access token"
            raise self._unusable(Phase.AUTH, what, failure=Failure.AUTHENTICATION)
        known = ("XOAUTH2",) if self.server.auth == "xoauth2" else ("PLAIN", "LOGIN")
        way = next((way for way in known if way in offered), None)
        if way is None:
            what = f"no way to log in that we know (offered: {' '.join(offered) or 'none'})"
            raise self._unusable(Phase.AUTH, what, failure=Failure.AUTHENTICATION)
        secret = await self._told(self.server.secret)
        words = [word.decode() for word in _IN_BASE64[way](username, secret)]
        self._shown = (username, secret, *words)
        match way:
            case "PLAIN":
                await self._ask(line, Phase.AUTH, f"AUTH PLAIN {words[0]}")
            case "LOGIN":
                await self._ask(line, Phase.AUTH, "AUTH LOGIN", wanted=3)
                await self._ask(line, Phase.AUTH, words[0], wanted=3)
                await self._ask(line, Phase.AUTH, words[1])
            case "XOAUTH2":
                await self._show_token(line, words[0])

    async def _show_token(self, line: Line, shown: str) -> None:
        """A refused token is told in two steps: 334 with the reason, then, after an empty answer, 535."""
        code, text = await self._exchange(line, Phase.AUTH, f"AUTH XOAUTH2 {shown}")
        if code == 334:
            reason = _decoded(text)
            code, text = await self._exchange(line, Phase.AUTH, "")
            text = f"{text} {reason}"
        if code // 100 != 2:
            raise self._refused(Phase.AUTH, code, text)

    async def _told(self, secret: Callable[[], str]) -> str:
        """Asked in a thread, as it may be a program that takes its time."""
        try:
            async with asyncio.timeout(self.server.timeout_s):
                return await asyncio.to_thread(secret)
        except TimeoutError:
            what = f"{Phase.AUTH}: password_command took more than {self.server.timeout_s:g} s"
            raise _SetbackError(set_back(Failure.TRANSIENT, what, Phase.AUTH)) from None
        except DigestError as problem:
            one = problem.problems[0] if isinstance(problem, ConfigurationError) else problem
            what = f"no secret to log in with: {one.where}{': ' if one.where else ''}{one.what}"
            raise self._unusable(Phase.AUTH, what, one.fix, Failure.AUTHENTICATION) from problem


_IN_BASE64: Mapping[str, Callable[[str, str], Sequence[bytes]]] = {
    "PLAIN": lambda username, secret: (auth_plain_encode(username, secret),),
    "LOGIN": auth_login_encode,
    "XOAUTH2": lambda username, secret: (auth_xoauth2_encode(username, secret),),
}
_TRANSACTION = (Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.BODY)
_LOGIN_FIXES = {
    "password": "Check username and password; many providers want an app password made for this use.",
    "xoauth2": "Check username and access token: it may have expired, or not be meant for sending mail.",
}
_ASK_THE_OTHER_SIDE = "Ask who runs that server why it takes nothing from this machine."
_MAY_NOT_SEND = (
    "See that this login may send as the sender's address, and to the domain's SPF, DKIM and DMARC."
)
_FIXES = {
    Phase.CONNECT: "Check host.",
    Phase.BANNER: _ASK_THE_OTHER_SIDE,
    Phase.EHLO: _ASK_THE_OTHER_SIDE,
    Phase.STARTTLS: 'Try security = "implicit" with port 465; without encryption no mail is sent.',
    Phase.TLS: 'Port 465 takes security = "implicit", port 587 "starttls"; ca_file names your own authority.',
    **dict.fromkeys(_TRANSACTION, _MAY_NOT_SEND),
}


class _SetbackError(Exception):
    """A message, or a greeting, did not get through."""

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(attempt.reply)
        self.attempt = attempt


def _must_go_on() -> None:
    """Pass a cancellation on that came in the same turn as a reply.

    `asyncio.wait_for`, with which aiosmtplib waits, forgets it until Python 3.12 (gh-86296).
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _goes_on_after(attempt: Attempt) -> bool:
    """Whether the server plainly said no, and the conversation can go on; 421 ends it (RFC 5321, 3.8)."""
    return attempt.code is not None and attempt.code // 100 in (4, 5) and attempt.code != 421


_ENVELOPE_ADDRESS = re.compile(r"[!-;=?-~]+")
# Each begins with one plain byte, which `re` finds as fast as memory is read: 60 kB take 0.06 ms for all.
_BARE_LF = re.compile(rb"\n(?<!\r\n)")
_BARE_CR = re.compile(rb"\r(?!\n)")
_DOT_LINE = re.compile(rb"\n\.")


def _must_be_a_message(message: Message) -> None:
    """A bare CR or LF could end the message early for some servers and smuggle in a second one."""
    data = message.data
    for address in (message.envelope.sender, message.envelope.recipient):
        if not _ENVELOPE_ADDRESS.fullmatch(address):
            raise ValueError(f"not an ASCII address: {address!r}")
    if _BARE_LF.search(data) or _BARE_CR.search(data) or not data.endswith(b"\r\n"):
        raise ValueError(f"message {message.message_id} has line ends other than CRLF")


def _wire_form(data: bytes) -> bytes:
    """The data with its dots doubled and the final dot (RFC 5321, 4.5.2)."""
    stuffed = _DOT_LINE.sub(b"\n..", data)
    return (b"." if stuffed.startswith(b".") else b"") + stuffed + b".\r\n"


def _decoded(challenge: str) -> str:
    """The reason in a challenge: JSON in base64; as it is if it is neither."""
    try:
        return readable(b64decode(challenge, validate=True))
    except ValueError:
        return challenge


def _why(problem: OSError | SMTPResponseException) -> str:
    """In a few words: the system's own where it has some, as asyncio's repeat the address."""
    if isinstance(problem, SMTPResponseException):
        return problem.message
    if problem.errno is None or problem.errno <= 0 or isinstance(problem, ssl.SSLError):
        return problem.strerror or str(problem) or "it ended in the middle"
    return os.strerror(problem.errno)
