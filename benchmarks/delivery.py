"""What an edition costs from a due reader to an accepted mail, beside other ways to send the same messages.

    python benchmarks/delivery.py [--quick] [--full] [--readers 2000] [--corpus FOLDER] [--json FILE]

A day has 300 papers, among 3,000 stored; each reader has three to eight phrases of one to three words, taken
from some paper, and half of the readers have said that they like some papers. Thresholds are such that 20
papers reach them. Papers are invented from a seed; `--corpus` reads them from JSON lines instead, as
benchmarks/scoring.py does. Every case runs in a process of its own, with one thread for linear algebra; sinks
are processes, too, and their time is not counted.

  digest       as `digest send` does: what the store knows of a hundred readers, their editions, mails, one
               transaction for all of them (SQLite, synchronous=FULL); then the engine sends what is queued,
               over 4 connections, as is set where nothing else is, and over 20
  django       EmailMultiAlternatives of the same subject, text and HTML, ready beforehand; one connection
  smtplib      EmailMessage and send_message of the same; a new connection for each, as most scripts do
  reused       the same over one connection

The sinks: postfix's smtp-sink, and one that answers each command after 20 ms, as a relay elsewhere would. The
slower ways make a sample. CPU is the client's alone.

Memory is the peak of a fresh process that makes and sends, for each number of readers; what their own
profiles are of it is told apart. There a day has 40 papers, among 300 stored, and readers get 3: what is kept
for each reader shows in 100,000 small editions as well as in large ones.
"""

import argparse
import asyncio
import email
import gc
import json
import multiprocessing
import os
import random
import resource
import shutil
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP, default
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

sys.path.insert(0, str(Path(__file__).parent.parent))  # as a script, it finds the other benchmarks

from benchmarks import scoring

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from digest.model import Edition, Message, Paper, Profile, Sender
    from digest.pipeline import Shelf
    from digest.store.database import Database

SEED = 20_260_311
NOW = datetime(2026, 3, 11, 8, tzinfo=UTC)
DAY = date(2026, 3, 11)
DELAY_S = 0.02
SMTP_SINK = "/usr/sbin/smtp-sink"
Figures = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is measured on what."""

    readers: int
    corpus: Path | None = None
    today: int = 300
    """Papers of the day."""
    stored: int = 3_000
    """Papers of the days before."""
    picks: int = 20
    thresholds: tuple[int, ...] = (1,)
    """By turns the readers'."""
    port: int = 0
    """The sink's."""
    connections: tuple[int, ...] = (4, 20)
    """Of the engine, one case each."""
    sample: int = 0
    """How many of the messages the other ways are to send."""


# ---------------------------------------------------------------- a day, its papers and readers


def papers_of(setting: Setting) -> "list[Paper]":
    """Those of the day, then those stored before."""
    of = scoring.Setting(corpus=setting.corpus, profiles=0, stored=0, sample=0)
    return scoring.papers_of(of, setting.today + setting.stored)


def profiles_of(papers: "Sequence[Paper]", setting: Setting) -> "Iterator[Profile]":
    """Readers with phrases that say something."""
    from digest.model import Interest, Profile
    from digest.text import STOPWORDS

    chance = random.Random(SEED)
    for number in range(setting.readers):
        said: set[str] = set()
        while len(said) < 3 + number % 6:
            words = (chance.choice(papers).abstract or "").rstrip(".").split()
            at = chance.randrange(max(len(words) - 3, 1))
            phrase = words[at : at + chance.randint(1, 3)]
            if phrase and all(len(word) > 3 and word.lower() not in STOPWORDS for word in phrase):
                said.add(" ".join(phrase))
        yield Profile(
            name=f"reader{number}",
            email=f"reader{number}@example.org",
            interests=tuple(Interest(phrase=one, weight=chance.randint(1, 10)) for one in sorted(said)),
            max_papers=setting.picks,
            threshold=setting.thresholds[number % len(setting.thresholds)],
            outside_interests=0,
        )


@contextmanager
def opened(store: Path, papers: "Sequence[Paper]", setting: Setting) -> "Iterator[Database]":
    """A store with the day's papers listed, those before it, and what half of the readers like."""
    from digest.model import Entry, Listing, Observation, Verdict
    from digest.store.database import open_database
    from digest.store.feedback import record_verdict
    from digest.store.papers import record_listings

    chance, before = random.Random(SEED + 1), papers[setting.today :]
    with open_database(store) as database:
        with database.begin() as connection:
            for some, ago in ((before, timedelta(days=60)), (papers[: setting.today], timedelta(hours=3))):
                seen = [
                    Observation(at=NOW - ago, listed_on=(NOW - ago).date(), upvotes=chance.randint(1, 300))
                    for _ in some
                ]
                entries = tuple(Entry(paper=p, observation=o) for p, o in zip(some, seen, strict=True))
                record_listings(connection, "invented", [Listing(layout="", entries=entries)], NOW - ago)
            for number in range(1, setting.readers, 2):
                for paper in chance.sample(before, chance.randint(1, 10)):
                    record_verdict(connection, f"reader{number}", paper.id, Verdict.LIKE, NOW)
        yield database


@contextmanager
def folder() -> Iterator[Path]:
    """For stores; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="digest-benchmark-") as made:
        yield Path(made)


def shelf_of(database: "Database") -> "Shelf":
    """What the day's editions choose from."""
    from digest.holdings import stored_shelf

    with database.read() as connection:
        return stored_shelf(connection, {}, window_days=7, now=NOW)


def thresholds(setting: Setting) -> tuple[int, ...]:
    """For each reader the threshold that `picks` papers reach, as a reader finds it in the course of time."""
    from digest.holdings import stored_readers
    from digest.pipeline import score_briefly

    papers = papers_of(setting)
    with folder() as made, opened(made / "digest.db", papers, setting) as database:
        shelf, profiles = shelf_of(database), list(profiles_of(papers, setting))
        with database.read() as connection:
            readers = stored_readers(connection, [(one, DAY) for one in profiles])
        scores = [sorted(pick.score.value for pick in score_briefly(one, shelf)) for one in readers]
    return tuple(max(one[-setting.picks], 1) for one in scores)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A message that others only have to send."""

    to: str
    subject: str
    text: str
    html: str


# ---------------------------------------------------------------- digest, stage by stage


class Stages:
    """CPU of this process, all of its threads, by what it is spent on."""

    def __init__(self) -> None:
        self.cpu_s: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """What is done inside."""
        began = time.process_time()
        yield
        self.cpu_s[name] += time.process_time() - began


def sender() -> "Sender":
    """Who writes."""
    from digest.model import Sender

    return Sender(address="digest@example.org", unsubscribe_url="https://example.org/stop")


class Made(Protocol):
    """What is known of the messages that were made."""

    def __call__(self, edition: "Edition", message: "Message") -> None:
        """One more."""
        ...


def make(database: "Database", profiles: "Sequence[Profile]", stages: Stages, tell: Made) -> None:
    """The messages of all readers into the outbox, as `digest send` does it."""
    from digest import making
    from digest.holdings import stored_readers
    from digest.message import compose
    from digest.pipeline import make_editions
    from digest.rendering.renderer import Renderer

    with stages.of("shelf"):
        shelf, renderer = shelf_of(database), Renderer()

    def decide(connection: "Any", due: "Sequence[making.Due]") -> "list[Edition]":
        with stages.of("readers"):
            readers = stored_readers(connection, due)
        with stages.of("editions"):
            return make_editions([(one, DAY) for one in readers], shelf, now=NOW)

    def composed(edition: "Edition") -> "Message":
        with stages.of("words"):
            said = renderer.render(edition, sender())
        with stages.of("MIME"):
            found = compose(said.subject, said.text_part, said.html_part, edition=edition, sender=sender())
        tell(edition, found)
        return found

    gc.freeze()
    makers = making.Makers(decide=decide, compose=composed)
    with stages.of("store"):
        making.make(database, [(one, DAY) for one in profiles], makers, NOW, _go_on)
    stages.cpu_s["store"] -= sum(stages.cpu_s[name] for name in ("readers", "editions", "words", "MIME"))


def _go_on(event: object) -> None:
    from digest.making import Unmade

    if isinstance(event, Unmade):
        raise event.problem


def send(database: "Database", setting: Setting) -> Figures:
    """Everything that is queued, by the engine."""
    from digest.outbox import Outbox, Rules, deliver
    from digest.pace import Limits
    from digest.transport.protocol import Relay
    from digest.transport.smtp import Smtp, SmtpServer

    server = SmtpServer(host="127.0.0.1", port=setting.port, security="none")
    limits = Limits(connections=setting.connections[0], per_connection=None)
    relay = Relay(name="sink", limits=limits, open=lambda: Smtp(server))
    outbox = Outbox(database=database, clock=lambda: datetime.now(UTC), owner=f"benchmark-{os.getpid()}")
    with timed(setting.readers) as figures:
        tally = asyncio.run(deliver(outbox, [relay], Rules(), lambda _: None))
    if tally.sent != setting.readers:
        raise RuntimeError(f"of {setting.readers} messages {tally.sent} were sent: {tally}")
    return figures


@contextmanager
def timed(n_messages: int) -> Iterator[Figures]:
    """What is done inside, in messages a second, and CPU for each."""
    figures: Figures = {}
    began, cpu = time.perf_counter(), time.process_time()
    yield figures
    figures["per s"] = n_messages / (time.perf_counter() - began)
    figures["CPU ms"] = 1e3 * (time.process_time() - cpu) / n_messages


def making(setting: Setting, store: Path) -> tuple[Figures, list[Ready]]:
    """From due readers to messages that wait in the store; the first of them."""
    papers, stages, totals = papers_of(setting), Stages(), {"kB": 0.0, "papers": 0.0}
    before_mb = now_mb()
    profiles = list(profiles_of(papers, setting))
    own_mb = now_mb() - before_mb
    first: list[Message] = []

    def count(edition: "Edition", message: "Message") -> None:
        totals["kB"] += len(message.data) / 1e3
        totals["papers"] += len(edition.shown)
        if len(first) < setting.sample:
            first.append(message)

    with opened(store, papers, setting) as database, timed(setting.readers) as figures:
        make(database, profiles, stages, count)
    figures |= {"MB": peak_mb(), "own MB": own_mb}
    for name, total in (*totals.items(), *((name, 1e3 * cpu_s) for name, cpu_s in stages.cpu_s.items())):
        figures[name] = total / setting.readers
    return figures, [read(one) for one in first]


def sending(setting: Setting, store: Path) -> Figures:
    """All that waits in a copy of the store."""
    from digest.store.database import open_database

    with folder() as copied:
        shutil.copy(store, copied / "digest.db")
        with open_database(copied / "digest.db") as database:
            return send(database, setting)


def whole(setting: Setting) -> Figures:
    """Both in one process, as `digest send` does."""
    from digest.store.database import open_database

    with folder() as made:
        figures, _ = making(setting, made / "digest.db")
        with open_database(made / "digest.db") as database:
            figures["CPU ms"] += send(database, setting)["CPU ms"]
        figures["store kB"] = (made / "digest.db").stat().st_size / 1e3 / setting.readers
    return figures | {"made MB": figures["MB"], "MB": peak_mb()}


def now_mb() -> float:
    """The memory this process has, as Linux counts it."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def peak_mb() -> float:
    """The most memory this process had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


# ---------------------------------------------------------------- others


def read(message: "Message") -> Ready:
    """What it says."""
    text, html = contents(email.message_from_bytes(message.data, policy=default))
    return Ready(to=message.envelope.recipient, subject=message.subject, text=text, html=html)


def contents(mail: EmailMessage) -> tuple[str, str]:
    """Its text and its HTML, with plain line ends."""
    text, html = (str(part.get_content()).replace("\r\n", "\n") for part in mail.iter_parts())
    return text, html


def django(messages: Sequence[Ready], setting: Setting) -> None:
    """Django's mail over one connection."""
    from django.conf import settings
    from django.core.mail import EmailMultiAlternatives, get_connection

    if not settings.configured:
        settings.configure(USE_I18N=False)
    backend = "django.core.mail.backends.smtp.EmailBackend"
    with get_connection(backend, host="127.0.0.1", port=setting.port) as connection:
        for one in messages:
            mail = EmailMultiAlternatives(
                one.subject, one.text, sender().address, [one.to], connection=connection
            )
            mail.attach_alternative(one.html, "text/html")
            mail.send()


def anew(messages: Sequence[Ready], setting: Setting) -> None:
    """smtplib with a connection for each."""
    for one in messages:
        with smtplib.SMTP("127.0.0.1", setting.port) as connection:
            connection.send_message(standard(one))


def reused(messages: Sequence[Ready], setting: Setting) -> None:
    """smtplib over one connection."""
    with smtplib.SMTP("127.0.0.1", setting.port) as connection:
        for one in messages:
            connection.send_message(standard(one))


def standard(one: Ready) -> EmailMessage:
    """By the standard library."""
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = sender().address, one.to, one.subject
    mail.set_content(one.text)
    mail.add_alternative(one.html, subtype="html")
    return mail


OTHERS = {"django": django, "smtplib": anew, "reused": reused}


def others(messages: Sequence[Ready], setting: Setting) -> dict[str, Figures]:
    """Each of them sending messages that are ready."""
    return {way: _measured(way, messages, setting) for way in OTHERS}


def _measured(way: str, messages: Sequence[Ready], setting: Setting) -> Figures:
    OTHERS[way](messages[:1], setting)  # which imports
    with timed(len(messages)) as figures:
        OTHERS[way](messages, setting)
    return figures


# ---------------------------------------------------------------- sinks


@contextmanager
def smtp_sink() -> Iterator[int]:
    """Postfix's, which takes a message in 0.3 ms; its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    process = subprocess.Popen([SMTP_SINK, "-u", "nobody", f"127.0.0.1:{port}", "1000"])
    try:
        _await_answer(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def _await_answer(port: int) -> None:
    for _ in range(200):
        try:
            smtplib.SMTP("127.0.0.1", port).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the sink does not answer")


@contextmanager
def slow_sink(delay_s: float = DELAY_S) -> Iterator[int]:
    """Ours, in a process of its own, which waits before each reply; its port."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, delay_s), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


def _serve(started: "Connection", delay_s: float) -> None:
    async def run() -> None:
        server = await asyncio.start_server(lambda r, w: converse(r, w, delay_s), "127.0.0.1", 0)
        started.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
    """Enough of RFC 5321 to be sent to."""
    writer.write(b"220 sink\r\n")
    replies = {b"EHLO": b"250 sink\r\n", b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}
    try:
        while line := await reader.readline():
            await asyncio.sleep(delay_s)
            writer.write(replies.get(line[:4].upper(), b"250 ok\r\n"))
            if line[:4].upper() == b"DATA":
                while await reader.readline() != b".\r\n":
                    pass
                await asyncio.sleep(delay_s)
                writer.write(b"250 taken\r\n")
    except OSError:
        pass
    finally:
        writer.close()


# ---------------------------------------------------------------- the whole


def apart(case: Callable[..., Any], *given: Any) -> Any:
    """A case in a process of its own, so that its memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(case, given)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small, in seconds: only that it runs")
    parser.add_argument(
        "--full", action="store_true", help="memory for 100,000 readers, too: 8 minutes or more, 2 GB of disk"
    )
    parser.add_argument("--readers", type=int, help="default 2000")
    parser.add_argument("--corpus", type=Path, help="a folder of JSON lines, instead of invented papers")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    asked = parser.parse_args()
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"
    setting = Setting(readers=asked.readers or 2_000, corpus=asked.corpus, sample=300)
    sizes: Sequence[int] = (100, 1_000, 10_000, *((100_000,) if asked.full else ()))
    if asked.quick:
        setting, sizes = replace(setting, readers=20, stored=100, sample=5, connections=(4,)), (20,)
    figures = ways(setting) | memory(replace(setting, today=40, stored=300, picks=3, sample=0), sizes)
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


def ways(setting: Setting) -> dict[str, Figures]:
    """Each way to each sink; the slow ways a sample."""
    setting = replace(setting, thresholds=apart(thresholds, setting))
    found: dict[str, Figures] = {}
    with folder() as made:
        store = made / "digest.db"
        stages, messages = apart(making, setting, store)
        print(f"making {stages['per s']:.1f} per s; CPU ms a message: {stages['CPU ms']:.2f}, of which")
        print(f"  {told(stages, 'readers', 'editions', 'words', 'MIME', 'store')}")
        print(f"  once: shelf {stages['shelf'] * setting.readers:.0f} ms")
        print(f"a message: {told(stages, 'papers', 'kB')}\n\n{'':34}{'per s':>10}{'CPU ms':>8}")
        sinks = {
            "smtp-sink": (smtp_sink, messages),
            "20 ms": (slow_sink, messages[: setting.sample // 5 or 1]),
        }
        for name, (sink, some) in sinks.items():
            with sink() as port:
                found |= shown(name, _to(replace(setting, port=port), store, some))
    return {"making": stages} | found


def _to(setting: Setting, store: Path, messages: Sequence[Ready]) -> Iterator[tuple[str, Figures]]:
    for connections in setting.connections:
        here = replace(setting, connections=(connections,))
        yield f"digest, {connections} connections", apart(sending, here, store)
    yield from apart(others, messages, setting).items()


def shown(sink: str, found: Iterable[tuple[str, Figures]]) -> dict[str, Figures]:
    """Some lines of the table."""
    lines: dict[str, Figures] = {}
    for way, figures in found:
        lines[f"{way}, {sink}"] = figures
        print(f"{f'{way}, {sink}':34}{figures['per s']:10.1f}{figures['CPU ms']:8.2f}", flush=True)
    return lines


def told(figures: Figures, *names: str) -> str:
    """Some of them."""
    return ", ".join(f"{name} {figures[name]:.2f}" for name in names)


def memory(setting: Setting, sizes: Sequence[int]) -> dict[str, Figures]:
    """The peak of a fresh process for each number of readers."""
    reach = apart(thresholds, replace(setting, readers=min(200, *sizes)))
    found: dict[str, Figures] = {}
    print()
    with smtp_sink() as port:
        for readers in sizes:
            here = replace(setting, readers=readers, thresholds=reach, port=port)
            figures = found[f"{readers} readers"] = apart(whole, here)
            said = told(figures, "MB", "made MB", "own MB", "CPU ms", "kB", "store kB")
            print(f"{readers:7} readers: {said}", flush=True)
    return found


if __name__ == "__main__":
    main()
