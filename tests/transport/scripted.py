"""An SMTP server that says what it is told to say, in each phase, and writes down what it hears."""

import socket
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answer:
    """What the server does when its phase comes: say something, then perhaps hang up or fall silent.

    If it drips, it says it line by line, again and again, as long as anyone listens.
    """

    text: bytes = b""
    hangs_up: bool = False
    falls_silent: bool = False
    drips: bool = False


def says(reply: str) -> Answer:
    return Answer(reply.encode() + b"\r\n")


def hangs_up(last_words: str = "") -> Answer:
    return Answer(last_words.encode() + b"\r\n" if last_words else b"", hangs_up=True)


def stays_silent() -> Answer:
    return Answer(falls_silent=True)


def drips(line: str) -> Answer:
    return Answer(line.encode() + b"\r\n", drips=True)


POLITE: dict[str, Answer] = {
    "banner": says("220 scripted"),
    "EHLO": says("250-scripted\r\n250 SIZE 1000000"),
    "MAIL": says("250 2.1.0 ok"),
    "RCPT": says("250 2.1.5 ok"),
    "DATA": says("354 go on"),
    "body": says("250 2.0.0 taken"),
    "RSET": says("250 2.0.0 ok"),
    "QUIT": hangs_up("221 bye"),
}


@dataclass
class ScriptedServer:
    """What to answer (phases not named are answered politely), and what was heard.

    A phase may have several answers: the first time it gets the first, and so on; the last one stays.
    """

    script: Mapping[str, Answer | list[Answer]] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)
    """The verbs of all connections in order; `connect` for each new one."""
    lines: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    """Dots undone, without the final one."""
    port: int = 0

    def answer(self, phase: str) -> Answer:
        given = self.script.get(phase) or POLITE.get(phase, says("502 5.5.1 not known"))
        if isinstance(given, Answer):
            return given
        return given.pop(0) if len(given) > 1 else given[0]


@contextmanager
def scripted(**script: Answer | list[Answer]) -> Iterator[ScriptedServer]:
    """A running server; on leaving, all its connections are closed and its threads have ended."""
    server = ScriptedServer(script)

    class Conversation(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            server.heard.append("connect")
            with suppress(ConnectionError):  # the client may hang up in mid-reply
                converse(self, server)

    with Listener(("127.0.0.1", 0), Conversation) as listener:
        server.port = listener.server_address[1]
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown()
            listener.hang_up()
            thread.join()


class Listener(socketserver.ThreadingTCPServer):
    """Knows its connections, so that a conversation left open cannot hold up the test's end."""

    daemon_threads = False
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], handler: type[socketserver.StreamRequestHandler]) -> None:
        self.connections: list[socket.socket] = []
        super().__init__(address, handler)

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        self.connections.append(connection)
        return connection, address

    def hang_up(self) -> None:
        for connection in self.connections:
            with suppress(OSError):  # it may be closed already
                connection.shutdown(socket.SHUT_RDWR)


def converse(wire: socketserver.StreamRequestHandler, server: ScriptedServer) -> None:
    if not reply(wire, server.answer("banner")):
        return
    while line := wire.rfile.readline():
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        verb = text.partition(" ")[0].upper()
        server.heard.append(verb)
        server.lines.append(text)
        answer = server.answer(verb)
        if not reply(wire, answer):
            return
        if verb == "DATA" and answer.text.startswith(b"354"):
            body = read_body(wire)
            if body is None:
                return
            server.bodies.append(body)
            if not reply(wire, server.answer("body")):
                return


def reply(wire: socketserver.StreamRequestHandler, answer: Answer) -> bool:
    """Answer; whether the conversation goes on."""
    if answer.drips:
        return drip(wire, answer.text)
    wire.wfile.write(answer.text)
    if answer.falls_silent:
        wire.rfile.read()
    return not (answer.hangs_up or answer.falls_silent)


def drip(wire: socketserver.StreamRequestHandler, text: bytes) -> bool:
    """Until the client hangs up, which ends the conversation; a drop every hundredth of a second."""
    wire.connection.settimeout(0.01)
    while True:
        wire.wfile.write(text)
        try:
            if not wire.connection.recv(1):
                return False
        except TimeoutError:
            continue


def read_body(wire: socketserver.StreamRequestHandler) -> bytes | None:
    """The data up to the final dot, or `None` if the client hung up before it."""
    lines: list[bytes] = []
    while line := wire.rfile.readline():
        if line == b".\r\n":
            return b"".join(lines)
        lines.append(line[1:] if line.startswith(b".") else line)
    return None
