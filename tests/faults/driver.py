"""The real engine in a process of its own, over a store and a server, that dies, stops or runs out of disk at a named step.

    python -m tests.faults.driver STORE PORT [--step "end:written" --nth 20 --then kill] ...

Nothing of Digest is changed: the steps are seen from around it, by a transport that wraps the real one and by
the events of SQLAlchemy. It says on its standard output, line by line and at once, what it saw.
"""

import argparse
import asyncio
import os
import resource
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Engine
from sqlalchemy import event as events

from digest.errors import DigestError
from digest.ledger import Manners, Spare
from digest.model import Attempt, Message
from digest.outbox import CutOff, Event, Fault, Outbox, Paused, Rules, Stopped, deliver
from digest.pace import Limits
from digest.store.database import Database, open_database
from digest.store.lock import is_gone, present
from digest.transport.protocol import Relay, Transport
from digest.transport.smtp import Smtp, SmtpServer

STEPS = (
    *("claim:begun", "claim:written", "claim:durable"),
    *("mark:asked", "mark:begun", "mark:written", "mark:durable", "mark:known"),
    *("replied", "end:begun", "end:written", "end:durable"),
)
"""In the order in which a message meets them. `begun`: before its statement; `written`: before COMMIT; `durable`: after it."""


class Steps:
    """Counts the steps as they come, and at the one that was named does what was asked for."""

    def __init__(self, name: str, nth: int, then: Callable[[], None]) -> None:
        self._name, self._nth, self._then = name, nth, then
        self._seen: Counter[str] = Counter()

    def come(self, step: str) -> None:
        self._seen[step] += 1
        if step == self._name and self._seen[step] == self._nth:
            self._then()


def say(*words: str) -> None:
    """One write a line: a process that is killed has said all that it saw."""
    os.write(1, (" ".join(words) + "\n").encode())


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def stop() -> None:
    """Stalled, as a laptop that is closed; until somebody continues it."""
    say("stopped")
    os.kill(os.getpid(), signal.SIGSTOP)


def fill() -> None:
    """No file can grow any more."""
    say("full")
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


def fill_the_disk(folder: Path) -> None:
    """With a file that somebody else wrote."""
    say("full")
    size = 1 << 20
    with (folder / "ballast").open("wb", buffering=0) as ballast:
        while size:
            try:
                ballast.write(b"\0" * size)
            except OSError:
                size //= 2


ACTIONS: dict[str, Callable[[], None]] = {"kill": kill, "stop": stop, "fill": fill}


# ---------------------------------------------------------------- around the database


def watch(engine: Engine, steps: Steps) -> None:
    """Tell the steps of each transaction by the statements that it writes deliveries with: there may be several."""
    written: dict[int, list[str]] = {}

    def before(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if kind := kind_of(statement):
            steps.come(f"{kind}:begun")
            written.setdefault(id(connection.connection.dbapi_connection), []).append(kind)

    def commit(connection: Connection) -> None:
        for kind in written.get(id(connection.connection.dbapi_connection), ()):
            steps.come(f"{kind}:written")

    def checkin(connection: Any, _record: Any) -> None:
        for kind in written.pop(id(connection), ()):
            steps.come(f"{kind}:durable")

    events.listen(engine, "before_cursor_execute", before)
    events.listen(engine, "commit", commit)
    events.listen(engine, "checkin", checkin)


def kind_of(statement: str) -> str:
    """Which step an UPDATE of deliveries is, by the columns that only it sets."""
    update = statement.partition("UPDATE delivery SET")[2]
    if not update:
        return ""
    if "deferrals=" in update:
        return "end"
    return "claim" if "attempts=" in update else "mark"


# ---------------------------------------------------------------- around the transport


class Watched:
    """A transport that says which messages came how far."""

    def __init__(self, inner: Transport, steps: Steps) -> None:
        self._inner, self._steps = inner, steps

    async def check(self) -> str:
        return await self._inner.check()

    async def send(self, message: Message, *, committing: Callable[[], Awaitable[None]]) -> Attempt:
        async def marking() -> None:
            say("marking", message.message_id)
            self._steps.come("mark:asked")
            await committing()
            say("marked", message.message_id)
            self._steps.come("mark:known")

        attempt = await self._inner.send(message, committing=marking)
        say("replied", message.message_id, attempt.state.value)
        self._steps.come("replied")
        return attempt

    async def close(self) -> None:
        await self._inner.close()


# ---------------------------------------------------------------- the run


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("store", help="a path, or a postgresql:// address")
    parser.add_argument("port", type=int)
    parser.add_argument("--step", default="")
    parser.add_argument("--nth", type=int, default=1)
    parser.add_argument("--then", choices=[*ACTIONS, "fill-disk"], default="kill")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--resend-once", action="store_true")
    parser.add_argument("--minutes", type=int, default=0, help="how much later than the others it is here")
    parser.add_argument("--blind", action="store_true", help="not to know who is alive: leases decide")
    return parser.parse_args()


def main() -> int:
    given = arguments()
    place = given.store if given.store.startswith("postgresql:") else Path(given.store)
    then = ACTIONS.get(given.then) or partial(fill_the_disk, Path(given.store).parent)
    steps = Steps(given.step, given.nth, then)
    owner = uuid4().hex
    try:
        with open_database(place) as database, present(place, owner):
            watch(database.engine, steps)
            tally = asyncio.run(deliver(*parts(given, database, owner, steps), tell=tell))
    except DigestError as problem:
        say("problem", str(problem))
        return int(problem.exit_code)
    say("ended", str(tally.waiting))
    return 0


def parts(
    given: argparse.Namespace, database: Database, owner: str, steps: Steps
) -> tuple[Outbox, list[Relay], Rules]:
    late = timedelta(minutes=given.minutes)
    outbox = Outbox(
        database=database,
        clock=lambda: datetime.now(UTC) + late,
        owner=owner,
        is_gone=(lambda _: None) if given.blind else partial(is_gone, database.place),
        spare=Spare(database.place, owner) if isinstance(database.place, Path) else None,
    )
    server = SmtpServer(host="127.0.0.1", port=given.port, security="none", timeout_s=30, body_timeout_s=60)
    relay = Relay(
        name="relay",
        limits=Limits(connections=given.connections),
        open=lambda: Watched(Smtp(server), steps),
    )
    return outbox, [relay], Rules(manners=Manners(resend_once=given.resend_once), patience_s=0)


def tell(event: Event) -> None:
    match event:
        case CutOff():
            say("resent" if event.resent else "unknown", event.delivery.message.message_id)
        case Fault():
            say("fault", event.trace.replace("\n", "|"))
        case Paused() | Stopped():
            say("held up", event.attempt.reply)


if __name__ == "__main__":
    sys.exit(main())
