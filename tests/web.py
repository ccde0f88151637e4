"""A web server of our own, for tests that fetch."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[BaseHTTPRequestHandler], None]
Talk = Callable[[socket.socket], None]


class Server:
    """Answers each path with what a test put there; remembers what was asked, and over how many connections.

    With `keeps_alive` a connection serves several requests, as real servers do.
    """

    def __init__(self, *, keeps_alive: bool = False) -> None:
        self.answers: dict[str, list[Answer]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.posted: list[tuple[str, dict[str, str], bytes]] = []
        self.connections = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1" if keeps_alive else "HTTP/1.0"
            disable_nagle_algorithm = True  # else the second write waits for an acknowledgement

            def setup(self) -> None:
                outer.connections += 1
                super().setup()

            def do_GET(self) -> None:
                outer.asked.append((self.path, dict(self.headers)))
                waiting = outer.answers[self.path]
                with suppress(ConnectionError):  # the client may hang up: it is what some tests are about
                    (waiting.pop(0) if len(waiting) > 1 else waiting[0])(self)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.posted.append((self.path, dict(self.headers), body))
                waiting = outer.answers[self.path]
                with suppress(ConnectionError):
                    (waiting.pop(0) if len(waiting) > 1 else waiting[0])(self)

            def log_message(self, format: str, *args: object) -> None:
                """Stay quiet."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self.port = self._http.server_port

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


def answer(body: bytes = b"ok", status: int = 200, **headers: str) -> Answer:
    def write(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return write


class RawServer:
    """Says to each connection, in turn, what a test has it say, byte for byte; to more of them the last."""

    def __init__(self, *talks: Talk) -> None:
        self._talks = list(talks)
        self.heard: list[bytearray] = []
        """What each connection sent, as far as `hear` read it."""
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.heard.append(bytearray())
            talk = self._talks.pop(0) if len(self._talks) > 1 else self._talks[0]
            with connection, suppress(OSError):
                talk(connection)

    def hear(self, connection: socket.socket) -> None:
        """Read until an empty line, or until the client hangs up."""
        heard = self.heard[-1]
        begun = len(heard)
        while b"\r\n\r\n" not in heard[begun:] and (data := connection.recv(65_536)):
            heard += data

    def wait_for(self, is_so: Callable[[], bool]) -> None:
        """Until a thread of ours has got there; fails after five seconds."""
        for _ in range(500):
            if is_so():
                return
            time.sleep(0.01)
        raise AssertionError("did not come about")

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
