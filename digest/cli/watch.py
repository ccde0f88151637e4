"""`digest preview --watch`: the edition in a browser, rendered anew whenever a template is saved."""

import os
import re
import secrets
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click

from digest.cli import setup
from digest.cli.preview import Wanted, edition_for
from digest.cli.screen import say
from digest.cli.world import World
from digest.errors import DigestError
from digest.model import Edition, Sender
from digest.rendering.renderer import Rendered, Renderer
from digest.rendering.templates import shipped_pages
from digest.resources import shipped

LOOKS_PER_S = 4


def watch(ctx: click.Context, wanted: Wanted, *, port: int) -> None:
    """Serve the edition on this machine until Ctrl-C; `port` 0 is any that is free.

    Raises DigestError if there is no edition to begin with, or the port is taken; later problems are shown in
    the browser and on the screen, and end nothing.
    """
    world: World = ctx.obj
    first = _prepare(ctx, wanted)
    named = replace(wanted, profile=wanted.profile or first.edition.profile.name)
    studio = Studio(first, partial(_prepare, ctx, named), lambda: f"{world.now().astimezone():%H:%M:%S}")
    with suppress(KeyboardInterrupt), _serving(studio, port) as address:
        say(f"{address} shows the edition, {address}text its text part; Ctrl-C ends this.")
        if world.has_desktop:
            world.open_page(address)
        while True:
            world.sleep(1 / LOOKS_PER_S)
            studio.look()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What takes long, and is made anew only when one of `files` changes."""

    edition: Edition
    sender: Sender
    templates: Path
    files: tuple[Path, ...]


def _prepare(ctx: click.Context, wanted: Wanted) -> Prepared:
    loaded = setup.configuration_if_any(ctx) if wanted.pages else setup.configuration(ctx, briefly=True)
    edition = edition_for(loaded, wanted, ctx.obj)
    own = loaded.settings.templates_dir if loaded else None
    files = [Path(wanted.profile)] if wanted.profile and wanted.profile.endswith(".toml") else []
    if loaded:
        profiles = loaded.path(loaded.settings.profiles)
        files = [loaded.file, *(files or [profiles / f"{edition.profile.name}.toml"])]
    return Prepared(
        edition=edition,
        sender=setup.sender(loaded),
        # The shipped ones as if they were one's own: so what breaks in them is told with file and line, too.
        templates=loaded.path(own) if loaded and own else shipped("templates"),
        files=(*files, *edition.profile.liked_files),
    )


# ---------------------------------------------------------------- what changed

Stamps = Mapping[Path, tuple[int, int, int]]
"""Of each file when it was written, its size, and which file it is: editors replace files, too."""


class Redo(Enum):
    """What a change asks for."""

    NOTHING = "nothing"
    PAGE = "page"
    EDITION = "edition"


def what_to_redo(before: Stamps, after: Stamps, files: Iterable[Path]) -> Redo:
    """The edition if one of `files` changed, came or went; else the page, if anything did."""
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    if changed.intersection(files):
        return Redo.EDITION
    return Redo.PAGE if changed else Redo.NOTHING


def stamps_of(files: Iterable[Path], folders: Iterable[Path]) -> Stamps:
    """Of the files, and of every file in the folders; one that is not there has none."""
    inside = (
        Path(parent, name)
        for folder in folders
        for parent, _, names in os.walk(folder)  # goes on where a folder vanishes meanwhile
        for name in names
    )
    found = {}
    for path in (*files, *inside):
        with suppress(OSError):
            if path.is_file():
                seen = path.stat()
                found[path] = (seen.st_mtime_ns, seen.st_size, seen.st_ino)
    return found


# ---------------------------------------------------------------- what is shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """What a browser gets; a new `version` makes it load the page anew."""

    version: str
    rendered: Rendered | None = None
    problem: str = ""


class Studio:
    """Keeps `showing` up to date; each time it is replaced whole, so other threads may read it."""

    def __init__(self, first: Prepared, again: Callable[[], Prepared], clock: Callable[[], str]) -> None:
        self._prepared, self._prepare, self._clock = first, again, clock
        self._run, self._turn = secrets.token_hex(4), 0
        self._is_prepared = True
        self._stamps = self._look_around()
        self.showing = self._drawn()

    def look(self) -> None:
        """Make anew what the changes since the last look ask for, if there are any."""
        stamps = self._look_around()
        redo = what_to_redo(self._stamps, stamps, self._prepared.files)
        self._stamps = stamps
        if redo is not Redo.NOTHING:
            self.showing = self._drawn(anew=redo is Redo.EDITION)

    def _look_around(self) -> Stamps:
        return stamps_of(self._prepared.files, {self._prepared.templates, shipped("templates")})

    def _drawn(self, *, anew: bool = False) -> Showing:
        self._turn += 1
        version = f"{self._run}.{self._turn}"
        try:
            if anew or not self._is_prepared:
                self._prepare_again()
            return Showing(version=version, rendered=self._render())
        except Exception as error:  # a template may raise anything, and the next save mends it
            problem = in_words(error)
            say(f"{self._clock()} {'; '.join(problem.splitlines())}")
            return Showing(version=version, problem=problem)

    def _prepare_again(self) -> None:
        self._is_prepared = False
        self._prepared = self._prepare()
        self._is_prepared = True
        # What was saved meanwhile is still to come.
        self._stamps = {path: self._stamps.get(path, seen) for path, seen in self._look_around().items()}

    def _render(self) -> Rendered:
        started = time.perf_counter()
        rendered = Renderer(self._prepared.templates).render(self._prepared.edition, self._prepared.sender)
        took_ms = (time.perf_counter() - started) * 1000
        say(f"{self._clock()} rendered in {took_ms:.0f} ms, {len(rendered.html.encode()):,} bytes")
        return rendered


def in_words(error: Exception) -> str:
    """What went wrong; of what is not ours, with the place it came from."""
    if isinstance(error, DigestError):
        return str(error)
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{place.filename}:{place.lineno}: {type(error).__name__}: {error}"


# ---------------------------------------------------------------- what is served


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """To one request."""

    status: HTTPStatus = HTTPStatus.OK
    kind: str = "text/plain"
    body: str
    nonce: str = ""
    """Names the only script that may run in it."""


OUR_NAMES = ("127.0.0.1", "localhost")


def answer(path: str, host: str, showing: Showing, nonce: str) -> Answer:
    """The mail at `/`, its text part at `/text`, what is new at `/version`.

    A request that names another host comes from a page elsewhere, whose name was made to lead here.
    """
    if host.partition(":")[0].lower() not in OUR_NAMES:
        return Answer(
            status=HTTPStatus.FORBIDDEN, body="This is served to this machine's own browser only.\n"
        )
    rendered = showing.rendered
    match path.partition("?")[0]:
        case "/version":
            return Answer(body=showing.version)
        case "/" | "/text" if rendered is None:
            return _page(showing, nonce, heading="This cannot be rendered", words=showing.problem)
        case "/" if rendered:
            body = with_reload(rendered.html, showing.version, nonce)
            return Answer(kind="text/html", body=body, nonce=nonce)
        case "/text" if rendered:
            return _page(showing, nonce, title=rendered.subject, words=rendered.text)
    return Answer(status=HTTPStatus.NOT_FOUND, body="There are only / and /text.\n")


def _page(showing: Showing, nonce: str, *, words: str, title: str = "", heading: str = "") -> Answer:
    body = (
        shipped_pages()
        .get_template("watch.html.j2")
        .render(title=title or heading, heading=heading, words=words, version=showing.version, nonce=nonce)
    )
    status = HTTPStatus.INTERNAL_SERVER_ERROR if showing.problem else HTTPStatus.OK
    return Answer(status=status, kind="text/html", body=body, nonce=nonce)


def with_reload(html: str, version: str, nonce: str) -> str:
    """The page with the script that loads it anew, at the end of its body."""
    script = shipped_pages().get_template("watch-reload.html.j2").render(version=version, nonce=nonce)
    ends = [found.start() for found in _END_OF_BODY.finditer(html)]
    end = ends[-1] if ends else len(html)
    return html[:end] + script + html[end:]


_END_OF_BODY = re.compile("</body", re.IGNORECASE)


@contextmanager
def _serving(studio: Studio, port: int) -> Iterator[str]:
    """The address at which the studio's work is shown, on this machine only."""

    class Handler(_Handler):
        showing = staticmethod(lambda: studio.showing)

    try:
        server = ThreadingHTTPServer((OUR_NAMES[0], port), Handler)
    except OSError as problem:
        where, fix = f"127.0.0.1:{port}", "Name another --port, or none for any that is free"
        raise DigestError(f"cannot listen there ({problem.strerror})", where=where, fix=fix) from problem
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """Answers GET; any other method is refused, as there is none for it."""

    timeout = 10
    server_version, sys_version = "digest", ""
    showing: Callable[[], Showing]

    def do_GET(self) -> None:
        """Write the answer; a browser may hang up meanwhile."""
        made = answer(self.path, self.headers.get("Host", ""), self.showing(), secrets.token_urlsafe(12))
        body = made.body.encode(errors="replace")
        with suppress(OSError):
            self.send_response(made.status)
            for name, value in _headers(made).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the screen for what is rendered."""


def _headers(made: Answer) -> Mapping[str, str]:
    """No script of a paper's runs, as none would in a mail program, and nothing is fetched from elsewhere."""
    scripts = f"script-src 'nonce-{made.nonce}'; connect-src 'self'; " if made.nonce else ""
    return {
        "Content-Type": f"{made.kind}; charset=utf-8",
        "Content-Security-Policy": f"default-src 'none'; {scripts}style-src 'unsafe-inline'; img-src data:; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
