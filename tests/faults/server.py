"""An SMTP server that goes wrong as it is told, in any phase, and keeps a ledger of what it has and what it said.

It runs in a thread of the test's process, so that its ledger outlives a client that is killed.
"""

import asyncio
import re
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal

Then = Literal["go on", "drop", "reset", "hang", "never end", "drip"]

KEPT = "250 2.0.0 kept"
_LONGEST_BODY = 64 * 1024 * 1024

PHASES = (
    *("connect", "banner", "EHLO", "STARTTLS", "TLS", "AUTH", "MAIL", "RCPT", "DATA"),
    *("inside", "body", "after", "RSET", "NOOP", "QUIT"),
)
"""In their order. `inside`: some of the body was read; `body`: all of it, and no reply given; `after`: the reply was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What the server says in place of its usual reply, and does then."""

    text: bytes = b""
    then: Then = "go on"
    calls: Callable[[], None] | None = None
    """Called first, in the server's thread: it may kill the client, or put a clock forward."""
    is_usual: bool = False
    """Goes on with the usual reply, after `calls`."""

    def words(self, *usual: str) -> bytes:
        return lines(*usual) if self.is_usual else self.text


def lines(*replies: str) -> bytes:
    return "".join(f"{reply}\r\n" for reply in replies if reply).encode("latin-1")


def says(*replies: str) -> Act:
    return Act(text=lines(*replies))


def drops(last_words: str = "") -> Act:
    return Act(text=last_words.encode("latin-1"), then="drop")


def resets() -> Act:
    return Act(then="reset")


def hangs(last_words: str = "") -> Act:
    return Act(text=last_words.encode("latin-1"), then="hang")


def never_ends() -> Act:
    return Act(text=b"250-and on, and on, and on\r\n", then="never end")


def drips(reply: str) -> Act:
    return Act(text=reply.encode("latin-1"), then="drip")


def calls(what: Callable[[], None]) -> Act:
    """Nothing goes wrong, but the test is told of the moment."""
    return Act(calls=what, is_usual=True)


def always(count: int) -> bool:
    return count > 0


def the(*wanted: int) -> Callable[[int], bool]:
    """Only at these counts, from 1: `the(3)` is the third time."""
    return wanted.__contains__


def every(nth: int) -> Callable[[int], bool]:
    return lambda count: count % nth == 0


@dataclass(slots=True)
class Rule:
    """When to act: in a phase, for a recipient (from RCPT on), at a count of such moments."""

    phase: str
    act: Act
    recipient: str = ""
    """The whole address; empty for any."""
    when: Callable[[int], bool] = always
    count: int = 0

    def __post_init__(self) -> None:
        if self.phase not in PHASES:
            raise ValueError(f"no phase: {self.phase}")

    def comes(self, phase: str, recipient: str) -> bool:
        if phase != self.phase or self.recipient not in ("", recipient):
            return False
        self.count += 1
        return self.when(self.count)


@dataclass(frozen=True, slots=True)
class Entry:
    """A message that was received in full."""

    message_id: str
    recipient: str
    said: str
    """What was answered to the dot; empty where nothing was."""

    @property
    def is_kept(self) -> bool:
        """Not refused. Where nothing clear was said, a server may have kept it: the worse case counts."""
        return self.said[:1] not in ("4", "5")


@dataclass(slots=True)
class FaultServer:
    """What it does wrong, and what it got."""

    rules: Sequence[Rule] = ()
    security: Literal["none", "starttls", "implicit"] = "none"
    tls: ssl.SSLContext | None = None
    per_connection: int | None = None
    """Messages, after which the next MAIL gets `farewell`."""
    farewell: Act = field(default_factory=drops)
    port: int = 0
    ledger: list[Entry] = field(default_factory=list)
    verbs: Counter[str] = field(default_factory=Counter)
    """How often each command was heard; `connect` for connections."""
    open_now: int = 0
    most_open: int = 0

    @property
    def kept(self) -> Counter[str]:
        """How often each recipient's message was received in full and not refused."""
        return Counter(entry.recipient for entry in self.ledger if entry.is_kept)

    @property
    def kept_ids(self) -> Counter[str]:
        """The same by Message-ID."""
        return Counter(entry.message_id for entry in self.ledger if entry.is_kept)

    def act(self, phase: str, recipient: str = "") -> Act | None:
        return next((rule.act for rule in self.rules if rule.comes(phase, recipient)), None)


@contextmanager
def serving(server: FaultServer | None = None) -> Iterator[FaultServer]:
    """The server, listening on a port of its own; on leaving, its connections are closed and its thread has ended."""
    server = server or FaultServer()
    is_up, over = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        conversations: set[asyncio.Task[None]] = set()

        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            conversations.add(task)
            try:
                await Conversation(server, reader, writer).run()
            finally:
                conversations.discard(task)

        listener = await asyncio.start_server(
            converse, "127.0.0.1", server.port, backlog=200, limit=_LONGEST_BODY
        )
        server.port = listener.sockets[0].getsockname()[1]
        is_up.set()
        await over.wait()
        listener.close()
        for task in tuple(conversations):
            task.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        if not is_up.wait(10):
            raise TimeoutError("the server does not start")
        yield server
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


_SIMPLE = {"RSET": "250 2.0.0 ok", "NOOP": "250 2.0.0 ok"}


class OverError(Exception):
    """The conversation has ended."""


@dataclass(slots=True)
class Conversation:
    """One connection."""

    server: FaultServer
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    recipient: str = ""
    messages: int = 0
    is_encrypted: bool = False

    async def run(self) -> None:
        server = self.server
        server.verbs["connect"] += 1
        server.open_now += 1
        server.most_open = max(server.most_open, server.open_now)
        try:
            await self.greet()
            while line := await self.reader.readline():
                await self.obey(line.decode("utf-8", "replace").rstrip("\r\n"))
        except (OverError, OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # ended by us, or the client hung up in the midst, or TLS came to nothing
        finally:
            server.open_now -= 1
            self.writer.close()

    async def greet(self) -> None:
        if self.server.security == "implicit":
            await self.encrypt()
        await self.answer("connect", "")
        await self.answer("banner", "220 fault.example ready")

    async def obey(self, line: str) -> None:
        verb = line.partition(" ")[0].upper()
        self.server.verbs[verb] += 1
        if verb in _SIMPLE:
            await self.answer(verb, _SIMPLE[verb])
        elif verb in ("EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"):
            await getattr(self, verb.lower())(line)
        else:
            await self.say(b"502 5.5.2 not known\r\n")

    async def ehlo(self, _line: str) -> None:
        await self.answer("EHLO", *self.extensions())

    async def starttls(self, _line: str) -> None:
        if (await self.answer("STARTTLS", "220 2.0.0 go on")).startswith(b"220"):
            await self.encrypt()

    async def auth(self, line: str) -> None:
        if line.upper() == "AUTH LOGIN":
            for _ in range(2):
                await self.say(b"334 \r\n")
                await self.reader.readline()
        await self.answer("AUTH", "235 2.7.0 welcome")

    async def mail(self, _line: str) -> None:
        self.recipient = ""
        limit = self.server.per_connection
        if limit is not None and self.messages >= limit:
            await self.do(self.server.farewell)
            raise OverError
        await self.answer("MAIL", "250 2.1.0 ok")

    async def rcpt(self, line: str) -> None:
        self.recipient = line.partition("<")[2].partition(">")[0]
        await self.answer("RCPT", "250 2.1.5 ok")

    async def data(self, _line: str) -> None:
        if (await self.answer("DATA", "354 go on")).startswith(b"354"):
            await self.take()

    async def quit(self, _line: str) -> None:
        await self.answer("QUIT", "221 2.0.0 bye")
        raise OverError

    def extensions(self) -> tuple[str, ...]:
        starttls = self.server.security == "starttls" and not self.is_encrypted
        named = ["fault.example", "SIZE 50000000", "8BITMIME", "ENHANCEDSTATUSCODES", "AUTH PLAIN LOGIN"]
        named += ["STARTTLS"] if starttls else []
        return (*(f"250-{name}" for name in named[:-1]), f"250 {named[-1]}")

    async def encrypt(self) -> None:
        act = self.server.act("TLS")
        if act is not None:
            await self.reader.read(1)  # the ClientHello has begun
            await self.do(act)
        if self.server.tls is None:
            raise OverError
        await self.writer.start_tls(self.server.tls)
        self.is_encrypted = True

    async def take(self) -> None:
        """The body, on record before the reply; an answer given inside it is the only one."""
        inside = self.server.act("inside", self.recipient)
        first = await self.reader.readexactly(1) if inside else b""
        early = await self.do(inside, "") if inside else b""
        body = first + await self.reader.readuntil(b"\r\n.\r\n")
        self.messages += 1
        act = self.server.act("body", self.recipient) or Act(is_usual=True)
        said = early or act.words(KEPT)
        self.server.ledger.append(Entry(message_id_of(body), self.recipient, said.decode("latin-1").strip()))
        after = self.server.act("after", self.recipient)
        if early:
            return
        if after is not None and after.text and act.then == after.then == "go on":
            # In one write: a word more that came a moment later might answer the next MAIL.
            after = replace(after, text=act.words(KEPT) + after.text)
        else:
            await self.do(act, KEPT)
        await self.do(after or Act(is_usual=True))

    async def answer(self, phase: str, *usual: str) -> bytes:
        """What was said: by a rule, or as usual."""
        return await self.do(self.server.act(phase, self.recipient) or Act(is_usual=True), *usual)

    async def do(self, act: Act, *usual: str) -> bytes:
        if act.calls is not None:
            act.calls()
        text = act.words(*usual)
        while act.then == "never end":
            await self.say(text * 40)
        while act.then == "drip":
            await self.drip(text)
        await self.say(text)
        await self.end(act.then)
        return text

    async def say(self, text: bytes) -> None:
        if text:
            self.writer.write(text)
            await self.writer.drain()

    async def drip(self, text: bytes) -> None:
        """One byte at a time: never silent for long, and never done."""
        for byte in text:
            await self.say(bytes([byte]))
            await asyncio.sleep(0.05)

    async def end(self, how: Then) -> None:
        if how == "hang":
            self.writer.transport.pause_reading()  # type: ignore[attr-defined]
            await asyncio.get_running_loop().create_future()  # until the server ends
        if how == "reset":
            opened: socket.socket = self.writer.get_extra_info("socket")
            # Linger for no time at all: closing then sends RST.
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.writer.transport.abort()
        if how in ("drop", "reset"):
            raise OverError


_MESSAGE_ID = re.compile(rb"^message-id:\s*(<[^>]*>)", re.IGNORECASE | re.MULTILINE)


def message_id_of(body: bytes) -> str:
    found = _MESSAGE_ID.search(body)
    return found[1].decode() if found else ""


def nobody_listens() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
