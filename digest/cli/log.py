"""The log of a service: what happens in its parts, a line each on standard error."""

import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from functools import singledispatch
from typing import Literal, TextIO

from digest import making, outbox, turns
from digest.cli import harvest_events, service
from digest.cli.making import clock_is_behind
from digest.cli.states import failed_in_words
from digest.cli.watching import Over, Untold
from digest.errors import ConfigurationError, DigestError
from digest.logs import TRACE, Level, Line, Value, as_json, as_text
from digest.model import DeliveryState, SourceState
from digest.overdue import Gap, Overdue

Form = Literal["text", "json"]
STANDING = ("source_odd",)
"""What may be found so each time that one looks."""
AGAIN_AFTER = timedelta(hours=1)
MOST_SAID = 1_000
ERROR, WARNING, INFO = Level.ERROR, Level.WARNING, Level.INFO


class Log:
    """Writes events down; called from several threads, it writes one line at a time.

    systemd's journal stamps each line itself, and takes its level from a number in front (sd-daemon(3)): time
    and level are left out there.
    """

    def __init__(
        self,
        form: Form,
        clock: Callable[[], datetime],
        environment: Mapping[str, str],
        to: TextIO | None = None,
    ) -> None:
        self._form = form
        self._clock = clock
        self._to = to
        self._is_journal = _is_journal(environment, to or sys.stderr)
        self._writing = threading.Lock()
        self._said: dict[tuple[object, ...], datetime] = {}
        """When what may stand for days was said last."""

    def __call__(self, event: object) -> None:
        """What the parts of a service tell with; of how far they are nothing is said."""
        for level, word, given in told(event):
            if word not in STANDING or self._is_news(word, given):
                self.write(level, word, **given)

    def _is_news(self, word: str, given: Mapping[str, Value]) -> bool:
        """Whether this was not said within the hour."""
        what, now = (word, *given.items()), self._clock()
        with self._writing:
            last = self._said.pop(what, None)
            is_news = last is None or abs(now - last) >= AGAIN_AFTER
            self._said[what] = now if is_news or last is None else last
            while len(self._said) > MOST_SAID:
                del self._said[next(iter(self._said))]
        return is_news

    def overhear(self, how: str, line: str) -> None:
        """What a command would show on its screen."""
        levels = {"said": INFO, "noted": INFO, "warned": WARNING, "complained": ERROR}
        if how in levels:
            self.write(levels[how], how, **{TRACE if "\n" in line.strip() else "text": line})

    def write(self, level: Level, event: str, **given: Value) -> None:
        """One line. Where it cannot be written, work goes on without saying, and the next one is tried."""
        line = Line(at=self._clock(), event=event, level=level, fields=given)
        text = as_json(line) if self._form == "json" else as_text(line, is_stamped=not self._is_journal)
        front = f"<{level.value}>" if self._is_journal else ""
        stream = self._to or sys.stderr
        with self._writing, suppress(OSError, ValueError):
            if stream is not None:  # it is where it was closed (`2>&-`)
                stream.write(f"{front}{text}\n")
                stream.flush()


def _is_journal(environment: Mapping[str, str], stream: TextIO | None) -> bool:
    """Whether a stream is that which systemd says leads to its journal: systemd.exec(5), JOURNAL_STREAM."""
    try:
        found = os.fstat(stream.fileno()) if stream else None
    except (OSError, ValueError):
        return False
    return found is not None and environment.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


# ---------------------------------------------------------------- what an event says

Said = tuple[Level, str, dict[str, Value]]


@singledispatch
def told(event: object) -> Iterator[Said]:
    """The lines that an event is worth: its level, its word and its fields.

    Of what has no rule of its own: its name and whatever it holds that fits on a line.
    """
    word = "".join(f"_{one.lower()}" if one.isupper() else one for one in type(event).__name__).strip("_")
    held = fields(event) if is_dataclass(event) and not isinstance(event, type) else ()
    given = {one.name: _short(getattr(event, one.name)) for one in held}
    yield INFO, word, {name: value for name, value in given.items() if value is not None}


def _short(value: object) -> Value:
    """What of a value fits on a line; `None` if nothing does."""
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, str | int | float | date | DigestError):
        return str(value) if isinstance(value, DigestError) else value
    if isinstance(value, tuple | frozenset) and all(isinstance(one, str) for one in value):
        return ", ".join(sorted(value)) or None
    return getattr(value, "name", None) if is_dataclass(value) else None


# ---------------------------------------------------------------- of the service


@told.register
def _(event: service.Began) -> Iterator[Said]:
    yield INFO, "began", _fields(event)


@told.register
def _(event: service.Reread) -> Iterator[Said]:
    yield INFO, "reread", _fields(event)


@told.register
def _(event: service.KeptOld) -> Iterator[Said]:
    for _, _, given in told(event.problem):
        yield ERROR, "configuration_kept", given


@told.register
def _(event: service.Unusable) -> Iterator[Said]:
    yield WARNING, "profile_unusable", {"problem": str(event.problem)}


@told.register
def _(event: service.ClockBehind) -> Iterator[Said]:
    yield WARNING, "clock_behind", {"text": clock_is_behind(event.now)}


@told.register
def _(event: service.Failed) -> Iterator[Said]:
    yield ERROR, "failed", {"part": event.part, "problem": event.problem, "trace": event.trace or None}


@told.register
def _(event: service.Delivered) -> Iterator[Said]:
    tally = event.tally
    given: dict[str, Value] = {
        "sent": tally.sent,
        "waiting": tally.waiting,
        "refused": tally.failed,
        "unknown": tally.unknown,
        "next_try": tally.next_try,
        "held_up": tally.held_up or None,
    }
    yield WARNING if tally.held_up else INFO, "delivered", given


@told.register
def _(problem: DigestError) -> Iterator[Said]:
    for one in problem.problems if isinstance(problem, ConfigurationError) else (problem,):
        yield ERROR, "problem", {"what": one.what, "where": one.where or None, "fix": one.fix or None}


# ---------------------------------------------------------------- of reading sources


@told.register(harvest_events.Began)
@told.register(harvest_events.Asking)
@told.register(harvest_events.Got)
@told.register(harvest_events.LookingUp)
@told.register(making.Progress)
@told.register(outbox.Began)
def _(_: object) -> Iterator[Said]:
    """How far things are."""
    yield from ()


@told.register
def _(event: harvest_events.Warned) -> Iterator[Said]:
    yield WARNING, "source_odd", {"source": event.source or None, "what": event.what}


@told.register
def _(event: harvest_events.PageKept) -> Iterator[Said]:
    yield INFO, "page_kept", {"source": event.source, "path": str(event.path)}


@told.register
def _(event: harvest_events.Fault) -> Iterator[Said]:
    yield ERROR, "fault", {"source": event.source, "trace": event.trace}


@told.register
def _(event: harvest_events.Stored) -> Iterator[Said]:
    done, state = event.done, event.health.state
    level = WARNING if state in _TROUBLED else INFO
    counts: dict[str, Value] = {"papers": done.papers, "new": done.fresh}
    yield level, "harvested", {"source": done.source, **counts, "state": state.value}


_TROUBLED = (SourceState.PARTLY, SourceState.STALE, SourceState.DOWN, SourceState.STRANGE)


@told.register
def _(event: harvest_events.Ended) -> Iterator[Said]:
    if event.is_abandoned:
        yield INFO, "harvest_abandoned", {}


@told.register
def _(event: harvest_events.LookedUp) -> Iterator[Said]:
    if event.found:
        yield INFO, "liked_looked_up", {"found": event.found}


# ---------------------------------------------------------------- of editions


@told.register
def _(event: making.GivenUp) -> Iterator[Said]:
    one = event.delivery
    yield WARNING, "given_up", {"reader": one.profile, "day": one.day, "reason": one.reply}


@told.register
def _(event: making.Barred) -> Iterator[Said]:
    yield INFO, "suppressed", {"reader": event.profile.name, "reason": event.suppression.reason}


@told.register
def _(event: making.Waits) -> Iterator[Said]:
    yield INFO, "waits", {"reader": event.profile.name, "reason": event.reason}


@told.register
def _(event: making.Unmade) -> Iterator[Said]:
    reason, trace = event.reason, event.trace or None
    yield ERROR, "not_made", {"reader": event.profile.name, "reason": reason, "trace": trace}


@told.register(making.NoMail)
@told.register(turns.Stated)
def _(event: making.NoMail | turns.Stated) -> Iterator[Said]:
    given: dict[str, Value] = {"reader": event.profile.name, "day": event.day}
    yield INFO, "stated", {**given, "outcome": event.outcome.value, "reason": event.reason}


# ---------------------------------------------------------------- of messages


@told.register
def _(event: outbox.Sent) -> Iterator[Said]:
    """Never with an address: a log is read by more people than mail."""
    one, state = event.delivery, event.delivery.state
    given: dict[str, Value] = {"reader": one.profile, "day": one.day, "relay": one.relay or None}
    if state is DeliveryState.SENT:
        yield INFO, "sent", {**given, "subject": one.message.subject}
    elif state is DeliveryState.QUEUED:
        yield WARNING, "put_off", {**given, "until": event.due_at, "reply": one.reply}
    elif state is DeliveryState.UNKNOWN:
        yield WARNING, "unknown", {**given, "reply": one.reply}
    else:
        yield WARNING, failed_in_words(one.reply), {**given, "reply": one.reply}


@told.register
def _(event: outbox.CutOff) -> Iterator[Said]:
    one = event.delivery
    yield WARNING, "cut_off", {"reader": one.profile, "day": one.day, "is_sent_again": event.resent}


@told.register
def _(event: outbox.Paused) -> Iterator[Said]:
    yield WARNING, "relay_paused", {"relay": event.relay, "until": event.until, "reply": event.attempt.reply}


@told.register
def _(event: outbox.Stopped) -> Iterator[Said]:
    attempt = event.attempt
    yield ERROR, "relay_stopped", {"relay": event.relay, "reply": attempt.reply, "fix": attempt.fix or None}


@told.register
def _(event: outbox.Fault) -> Iterator[Said]:
    yield ERROR, "fault", {"reader": event.delivery.profile, "trace": event.trace}


@told.register
def _(event: outbox.Alarmed) -> Iterator[Said]:
    given: dict[str, Value] = {"kind": event.alarm.kind, "about": event.alarm.about}
    problem = "; ".join(event.problems) or None
    level = WARNING if problem else INFO
    yield level, "alarmed", {**given, "problem": problem, "trace": event.trace or None}


# ---------------------------------------------------------------- of what is overdue


@told.register(Overdue)
@told.register(Gap)
def _(event: Overdue | Gap) -> Iterator[Said]:
    yield WARNING, type(event).__name__.lower(), {"text": event.line}


@told.register
def _(event: Over) -> Iterator[Said]:
    yield INFO, "over", {"about": event.about}


@told.register
def _(event: Untold) -> Iterator[Said]:
    yield ERROR, "untold", {"problem": event.problem}


def _fields(event: service.Began | service.Reread) -> dict[str, Value]:
    return {one.name: getattr(event, one.name) for one in fields(event)}
