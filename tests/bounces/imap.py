"""A small IMAP server on this machine that says what it is told to, however wrong."""

import re
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread

PASSWORD = "correct horse"
Answer = bytes | Callable[[bytes, bytes], bytes]


@dataclass
class FakeImap:
    """An account with unseen messages by UID; `odd` holds other answers than the right ones, by command."""

    messages: dict[int, bytes] = field(default_factory=dict)
    odd: dict[str, Answer] = field(default_factory=dict)
    greeting: bytes = b"* OK ready\r\n"
    capabilities: bytes = b"IMAP4rev1 AUTH=PLAIN"
    seen: set[int] = field(default_factory=set)
    heard: list[bytes] = field(default_factory=list)
    port: int = 0

    def serve(self, connection: socket.socket) -> None:
        """One session."""
        with connection, connection.makefile("rb") as lines:
            connection.sendall(self.greeting)
            for raw in lines:
                line = raw.rstrip(b"\r\n")
                self.heard.append(line)
                tag, _, rest = line.partition(b" ")
                words = rest.upper().split()
                name = b" ".join(words[: 2 if words[:1] == [b"UID"] else 1]).decode("latin-1")
                odd = self.odd.get(name)
                said = odd(tag, rest) if callable(odd) else odd
                connection.sendall(self._answer(name, tag, rest, lines, connection) if said is None else said)
                if said == b"" or name == "LOGOUT":
                    return

    def _answer(self, name: str, tag: bytes, rest: bytes, lines: object, connection: socket.socket) -> bytes:
        done = tag + b" OK done\r\n"
        match name:
            case "CAPABILITY":
                return b"* CAPABILITY " + self.capabilities + b"\r\n" + done
            case "AUTHENTICATE":
                connection.sendall(b"+ \r\n")
                self.heard.append(next(iter(lines)).rstrip(b"\r\n"))  # type: ignore[call-overload]
            case "SELECT" | "EXAMINE":
                mode = b"READ-ONLY" if name == "EXAMINE" else b"READ-WRITE"
                return b"* %d EXISTS\r\n" % len(self.messages) + tag + b" OK [" + mode + b"] done\r\n"
            case "UID SEARCH":
                unseen = sorted(set(self.messages) - self.seen)
                return b"* SEARCH " + b" ".join(b"%d" % one for one in unseen) + b"\r\n" + done
            case "UID FETCH":
                return self._fetched(int(rest.split()[2]), rest) + done
            case "UID STORE":
                self.seen.add(int(rest.split()[2]))
            case "LOGOUT":
                return b"* BYE\r\n" + done
        return done

    def _fetched(self, number: int, rest: bytes) -> bytes:
        most = re.search(rb"<0\.(\d+)>", rest)
        if number not in self.messages or not most:
            return b""
        data = self.messages[number][: int(most[1])]
        return b"* 1 FETCH (UID %d BODY[]<0> {%d}\r\n%b)\r\n" % (number, len(data), data)


@contextmanager
def served(fake: FakeImap) -> Iterator[FakeImap]:
    """The server at a port of its own; every connection is served in a thread, and ended at the end."""
    listening = socket.create_server(("127.0.0.1", 0))
    fake.port = listening.getsockname()[1]
    open_ones: list[socket.socket] = []

    def listen() -> None:
        with ThreadPoolExecutor() as sessions, suppress(OSError):  # until `listening` is shut down
            while True:
                connection, _ = listening.accept()
                open_ones.append(connection)
                sessions.submit(_session, fake, connection)

    listener = Thread(target=listen)
    listener.start()
    try:
        yield fake
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        for one in open_ones:
            with suppress(OSError):  # its session closed it
                one.shutdown(socket.SHUT_RDWR)
        listener.join(5)
        listening.close()


def _session(fake: FakeImap, connection: socket.socket) -> None:
    with suppress(OSError):  # the other side goes away when it has enough
        fake.serve(connection)
