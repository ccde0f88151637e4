"""Telling the operator what only a person can mend, by a way that does not need what is broken."""

import asyncio
import os
import signal
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from digest.errors import DigestError
from digest.model import DeliveryState, Envelope, Message, SourceState
from digest.moments import in_utc
from digest.overdue import Gap, Lack, Overdue, Unsettled
from digest.settings.commands import without_secrets
from digest.store import relays as record
from digest.store.harvests import Harvest
from digest.text import clean
from digest.transport.protocol import Relay, Transport

if TYPE_CHECKING:
    from sqlalchemy import Connection

AGAIN_AFTER = timedelta(hours=20)
"""Less than a day, so that a run each day tells it each day, also if it is a minute earlier."""
AFTER_FAILURE = timedelta(hours=1)
"""After so long the operator is told again whom no channel reached."""
MAX_TEXT = 1_000
MAX_SUBJECT = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something that stays as it is until a person acts."""

    kind: str
    """One word for rules and filters: `authentication`, `sender`, `unreachable`, ..."""
    about: str
    """What is broken, such as the name of a relay."""
    what: str
    """What happened, in one line."""
    fix: str = ""
    """What to do about it."""
    meanwhile: str = "Messages wait until this is mended, as far as no other relay takes them."
    """What becomes of messages until then."""
    headline: str = ""
    """What its first line begins with, in place of `kind: about`: `kettle is down; never read well yet`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """How the operator is told; both may be missing."""

    command: tuple[str, ...] = ()
    """Run without a shell: gets the subject and the text on its standard input, and DIGEST_ALARM_KIND,
    DIGEST_ALARM_ABOUT, DIGEST_ALARM_WHAT and DIGEST_ALARM_FIX in its environment."""
    email: str = ""
    """Goes out by another relay than the one it is about."""
    sender: str = ""
    """The address in its From, and of its envelope."""
    timeout_s: float = 30
    """For the command, and for each relay that is tried."""
    folder: Path | None = None
    """Where the command is run; `None`: where Digest is."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What the command sees, but for secrets: they are none of its matter."""


# ---------------------------------------------------------------- once a day


def take(connection: "Connection", alarm: Alarm, now: datetime) -> bool:
    """Whether the operator is to be told now; if so, that this began is on record: `note` says how it went.

    Not if that happened less than 20 hours ago, or an hour if it went wrong, and it was not `mended` since.
    """
    for last in record.alarms(connection):
        pause = AGAIN_AFTER if last.problem is None else AFTER_FAILURE
        if (last.kind, last.about) == (alarm.kind, alarm.about) and abs(now - last.at) < pause:
            return False
    record.record_alarm(connection, alarm.kind, alarm.about, now, NOT_TOLD_YET)
    return True


NOT_TOLD_YET = "the run that was to tell it ended before it had"


WAITING = "waiting"
"""The kind of alarm that is over when nothing is held up any more: a slow relay takes messages, too."""


SOURCE_STRANGE, SOURCE_STALE, SOURCE_DOWN = "source-strange", "source-stale", "source-down"
SOURCE_PARTLY, SOURCE_LOST = "source-partly", "source-lost"
OF_SOURCES = (SOURCE_STRANGE, SOURCE_STALE, SOURCE_DOWN, SOURCE_PARTLY, SOURCE_LOST)
"""The kinds of alarm that are about a source; one may have the name of a relay."""


STORE = "store"
"""The kind of alarm that says that the store cannot be used."""


OVERDUE, GAP = "overdue", "gap"
OF_EDITIONS = (OVERDUE, GAP)
"""The kinds of alarm that are about editions: what happened is a sentence of its own."""


def mended(connection: "Connection", about: str) -> None:
    """It takes messages: if something is wrong with it again, the operator hears of it at once."""
    for one in record.alarms(connection):
        if one.about == about and one.kind not in (WAITING, *OF_SOURCES, *OF_EDITIONS):
            record.clear_alarm(connection, one.kind, one.about)


def read_again(connection: "Connection", source: str) -> None:
    """It gave what it should: if something is wrong with it again, the operator hears of it at once."""
    for kind in OF_SOURCES:
        record.clear_alarm(connection, kind, source)


def forget_others(connection: "Connection", sources: Collection[str]) -> None:
    """Alarms about sources that are none any more are over."""
    for one in record.alarms(connection):
        if one.kind in OF_SOURCES and one.about not in sources:
            record.clear_alarm(connection, one.kind, one.about)


def caught_up(connection: "Connection", about: str) -> None:
    """Nothing is held up by it any more: if something is again, the operator hears of it at once."""
    record.clear_alarm(connection, WAITING, about)


def note(connection: "Connection", alarm: Alarm, now: datetime, problems: Sequence[str]) -> None:
    """Keep how telling went: why it went wrong, for `digest status`; without problems, that it was done."""
    record.record_alarm(connection, alarm.kind, alarm.about, now, "; ".join(problems) or None)


# ---------------------------------------------------------------- about sources

LONG = timedelta(hours=20)
"""A source may be down or read in part so long, and once, before a person is called: with a run a day, until
the second one that fails, also if that is a minute earlier."""


def of_source(
    last: Sequence[Harvest], last_good: datetime | None, now: datetime, *, tried_since: datetime | None = None
) -> Alarm | None:
    """What a person has to know of a source, by its last harvests, the latest first; `None` if nothing.

    `last_good`: when it was last read whole; of a source that never was, `tried_since` says when it was first
    tried.
    """
    if not last:
        return None
    newest, has_failed_before = last[0], len(last) > 1 and not last[1].is_good
    since = last_good or tried_since
    is_long = has_failed_before and since is not None and now - since > LONG
    known = f"; last read well on {last_good:%Y-%m-%d}" if last_good else "; never read well yet"
    if newest.state is SourceState.STRANGE:
        page = f"The page is kept as {newest.kept}. " if newest.kept else ""
        fix = f"{page}If its layout has changed, Digest needs an update; `digest sources` says how it stands"
        return _of_source(SOURCE_STRANGE, newest, "is strange", fix)
    if newest.state is SourceState.STALE and (is_long or _was_stale(last[1:])):
        return _of_source(SOURCE_STALE, newest, f"is stale{known}", "See whether its site has a newer list")
    if is_long and newest.state in _IF_LONG:
        kind, how, fix = _IF_LONG[newest.state]
        return _of_source(kind, newest, f"{how}{known}", fix)
    if newest.is_good and newest.problem:
        return _of_source(SOURCE_LOST, newest, "has lost lists", "It is not asked for again by itself")
    return None


_IF_LONG = {
    SourceState.DOWN: (SOURCE_DOWN, "is down", "`digest sources` says when it may be asked again"),
    SourceState.PARTLY: (
        SOURCE_PARTLY,
        "can be read in part only",
        "See whether each of its lists still has the address that it had",
    ),
}


def _was_stale(before: Sequence[Harvest]) -> bool:
    return bool(before) and before[0].state is SourceState.STALE


def _of_source(kind: str, done: Harvest, how: str, fix: str) -> Alarm:
    meanwhile = "Editions are made of the papers that are stored, and say so."
    return Alarm(
        kind=kind,
        about=done.source,
        what=done.problem or "",
        fix=fix,
        meanwhile=meanwhile,
        headline=f"{done.source} {how}",
    )


# ---------------------------------------------------------------- about editions


def of_overdue(one: Overdue) -> tuple[Alarm, ...]:
    """An alarm for each thing that editions of a day lack, so that what comes to them is told, too.

    They say the same, all of it: of several that are due at once, one is enough.
    """
    return tuple(
        Alarm(
            kind=OVERDUE,
            about=_about(one.day, lack),
            what=one.line,
            fix=_FIXES[lack],
            meanwhile="They go out as soon as that is mended, until the end of their day; "
            "what does not go out comes in the next edition.",
        )
        for lack in one.lacks
    )


_FIXES = {
    Lack.TURN: "See whether `digest run` hangs, or another process makes editions: `digest health`",
    Lack.LIST: "See how its sources stand: `digest sources`",
    Lack.MAKING: "`digest check` says what is wrong with a profile",
    Lack.RELAY: "`digest outbox list` shows what waits, and for what",
}


def _about(day: date, lack: Lack) -> str:
    return f"{day} {lack.value}"


def no_more_overdue(connection: "Connection", unsettled: Iterable[Unsettled]) -> tuple[str, ...]:
    """What was overdue and is no more, so that it is told at once if it is again: `2026-08-21 relay`."""
    still = {_about(one.day, one.lack) for one in unsettled}
    over = [one.about for one in record.alarms(connection) if one.kind == OVERDUE and one.about not in still]
    for about in over:
        record.clear_alarm(connection, OVERDUE, about)
    return tuple(over)


_SEE_WHY = "See why: its log, or that of what starts it, systemd or cron"


def of_gap(gap: Gap) -> Alarm:
    """Of a time in which nothing ran, by its beginning: each is told once."""
    return Alarm(
        kind=GAP,
        about=gap.began_at.astimezone(UTC).isoformat(timespec="seconds"),
        what=gap.line,
        fix=_SEE_WHY,
        meanwhile="What was missed comes in the next edition.",
    )


def forget_gaps(connection: "Connection", *, but: Alarm) -> None:
    """Those of before are history, and the log has them; but not where telling is still to be tried again."""
    for one in record.alarms(connection):
        if one.kind == GAP and one.about != but.about and not _is_untold(one):
            record.clear_alarm(connection, GAP, one.about)


def untold_gaps(alarms: Iterable[record.Alarm], known: Sequence[Gap]) -> tuple[Alarm, ...]:
    """Of those on record what the operator did not hear of, as no channel worked then.

    What was missed in them is told of those that are `known`: the others an earlier process had found.
    """
    lines = {of_gap(gap).about: of_gap(gap) for gap in known}
    return tuple(
        lines.get(one.about) or _of_untold(one.about) for one in alarms if one.kind == GAP and _is_untold(one)
    )


def _is_untold(one: record.Alarm) -> bool:
    return one.problem not in (None, NO_CHANNEL)


def _of_untold(began_at: str) -> Alarm:
    what = f"Digest did nothing for some time from {began_at} on, and could not tell you so then"
    return Alarm(
        kind=GAP,
        about=began_at,
        what=what,
        fix=_SEE_WHY,
        meanwhile="What was missed comes in the next edition.",
    )


def of_store(problem: str, place: str, since: datetime) -> Alarm:
    """Of a store that cannot be used: then nothing can be told by what is on record."""
    return Alarm(
        kind=STORE,
        about=place,
        what=problem,
        fix="It is tried again at each tick",
        meanwhile="Until then no edition is made, and nothing is sent; afterwards that is made up for.",
        headline=f"the store cannot be used since {in_utc(since)}",
    )


# ---------------------------------------------------------------- told


NO_CHANNEL = "no [alarm] is set up"


async def sound(alarm: Alarm, channels: Channels, relays: Sequence[Relay], now: datetime) -> tuple[str, ...]:
    """Tell the operator by every channel there is; returns what went wrong with that, in one line each.

    `relays`: those that may still work, in order; that which the alarm is about is never used.
    """
    if not (channels.command or channels.email):
        return (NO_CHANNEL,)
    problems: list[str] = []
    if channels.command and (problem := await _run(alarm, channels)):
        problems.append(problem)
    if channels.email and (problem := await _mail(alarm, channels, relays, now)):
        problems.append(problem)
    return tuple(problems)


def subject_of(alarm: Alarm) -> str:
    """One line: `Digest: authentication: mail.example.org: 535 5.7.8 ...`."""
    headline = alarm.headline or f"{alarm.kind}: {alarm.about}"
    told = alarm.what if alarm.kind in OF_EDITIONS else f"{headline}: {alarm.what}"
    return clean(f"Digest: {told}", MAX_SUBJECT)


def text_of(alarm: Alarm) -> str:
    """The same in full, with what to do."""
    lines = (
        _sentence(_told(alarm)),
        _sentence(alarm.fix),
        f"{alarm.meanwhile} `digest status` says more.",
    )
    return "\n\n".join(clean(line, MAX_TEXT) for line in lines if line) + "\n"


def _told(alarm: Alarm) -> str:
    if alarm.kind in OF_EDITIONS:
        return f"{alarm.what[:1].upper()}{alarm.what[1:]}"
    return f"{alarm.headline or alarm.about}: {alarm.what}"


def _sentence(text: str) -> str:
    return f"{text}." if text and text[-1] not in ".?!" else text


async def _run(alarm: Alarm, channels: Channels) -> str:
    """Run the operator's command; empty if that went well."""
    name = channels.command[0]
    try:
        process = await asyncio.create_subprocess_exec(
            *channels.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            cwd=channels.folder,
            env=_environment(alarm, channels.environment),
            start_new_session=True,
        )
    except (OSError, ValueError) as problem:
        return f"the alarm's command {name} cannot be run: {problem}"
    try:
        async with asyncio.timeout(channels.timeout_s):
            await process.communicate(f"{subject_of(alarm)}\n\n{text_of(alarm)}".encode())
    except TimeoutError:
        return f"the alarm's command {name} did not end within {channels.timeout_s:g} s"
    except OSError as problem:
        return f"the alarm's command {name} cannot be spoken to: {problem}"
    finally:
        await _end(process)
    return f"the alarm's command {name} ended with {process.returncode}" if process.returncode else ""


async def _end(process: asyncio.subprocess.Process) -> None:
    """With all it started: a shell script's children would hold its pipes."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _environment(alarm: Alarm, ours: Mapping[str, str]) -> dict[str, str]:
    told = {"KIND": alarm.kind, "ABOUT": alarm.about, "WHAT": alarm.what, "FIX": alarm.fix}
    return {
        **without_secrets(ours),
        **{f"DIGEST_ALARM_{name}": clean(value, MAX_TEXT) for name, value in told.items()},
    }


async def _mail(alarm: Alarm, channels: Channels, relays: Sequence[Relay], now: datetime) -> str:
    """Send it by the first other relay that takes it; empty if one did."""
    others = [relay for relay in relays if relay.name != alarm.about or alarm.kind in OF_SOURCES]
    if not others:
        return f"no other relay is there to send the alarm to {channels.email}"
    message, replies = _message(alarm, channels, now), []
    for relay in others:
        reply = await _send(relay, message, channels.timeout_s)
        if not reply:
            return ""
        replies.append(f"{relay.name}: {reply}")
    return f"the alarm could not be sent to {channels.email}: {'; '.join(replies)}"


async def _send(relay: Relay, message: Message, timeout_s: float) -> str:
    """Empty if it went out; else why not."""
    try:
        transport = relay.open()
    except (DigestError, OSError, ValueError) as problem:
        return str(problem)
    try:
        async with asyncio.timeout(timeout_s):
            attempt = await transport.send(message, committing=_at_once)
    except TimeoutError:
        return f"no answer within {timeout_s:g} s"
    except (DigestError, OSError, ValueError) as problem:
        return str(problem)
    finally:
        await _close(transport, timeout_s)
    return "" if attempt.state is DeliveryState.SENT else attempt.reply


async def _close(transport: Transport, timeout_s: float) -> None:
    """A server that hangs or breaks may do so at its goodbye, too, which changes nothing of what was said."""
    with suppress(DigestError, OSError):  # TimeoutError is one
        async with asyncio.timeout(timeout_s):
            await transport.close()


async def _at_once() -> None:
    """An alarm has no record to keep: that it comes twice does no harm."""


def _message(alarm: Alarm, channels: Channels, now: datetime) -> Message:
    """A short plain text; by the standard library, whose folding is harmless to the few headers it has."""
    domain = channels.sender.rpartition("@")[2]
    identity = sha256(f"{alarm.kind}\n{alarm.about}\n{now.isoformat()}".encode()).hexdigest()[:32]
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"] = channels.sender, channels.email
    mail["Subject"] = subject_of(alarm)
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<alarm-{identity}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text_of(alarm))
    return Message(
        envelope=Envelope(sender=channels.sender, recipient=channels.email),
        message_id=mail["Message-ID"],
        subject=mail["Subject"],
        data=bytes(mail),
    )
