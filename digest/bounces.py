"""What came back: which report is believed, and what becomes of its message and its recipient."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from digest.dsn import MAX_BYTES, Action, Nature, Reading, Report, has_token, read_report, return_paths
from digest.failures import is_about_address, is_hard_bounce, judge
from digest.model import Attempt, DeliveryState, Failure, Phase, Suppression, Tried
from digest.store.bounces import BOUNCE, COMPLAINT, record_return
from digest.store.database import Database
from digest.store.record import Listed, by_message_id, by_return_path, tried
from digest.store.suppressions import key, permanent_failures, suppress
from digest.transport.mailboxes import Box, Letter

if TYPE_CHECKING:
    from sqlalchemy import Connection

LOOKS_BACK = timedelta(days=30)
"""Older mail is left alone: mail servers give up after days."""


class Effect(StrEnum):
    """What a report leads to."""

    FAILED = "failed"
    """The message did not arrive; it is on record, and its papers come again."""
    COMPLAINED = "complained"
    """The recipient called it spam."""
    NOTHING = "nothing"
    """About a message of ours, and nothing is to be done about it."""
    LATER = "later"
    """Its message is on its way again; the report is left for the next time."""
    STRANGE = "strange"
    """Nothing shows that it is about a message of ours: it is left in the box, and changes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a report leads to, and why."""

    effect: Effect
    why: str
    """In words, in one line."""
    attempt: Attempt | None = None
    """The line in the message's record, if there is to be one."""
    suppresses: bool = False
    """Whether the address gets no more mail because of this report alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A report, the message that it is about, and what came of it."""

    report: Report
    listed: Listed | None
    decision: Decision
    suppressed: str = ""
    """Why the recipient gets no more mail; empty if that is as it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What a box held."""

    findings: tuple[Finding, ...] = ()
    left: tuple[Nature, ...] = ()
    """What else lay there unseen, and still does: one entry a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A report and the delivery it says that it is about."""

    report: Report
    listed: Listed | None
    proven: bool
    """It came to the return path that only this message had."""


# ---------------------------------------------------------------- deciding


def decide(claim: Claim, known: Sequence[Tried] = ()) -> Decision:
    """What a report leads to; `known` is what the message's record has.

    A message that went out from a return path of its own is only spoken of by what came to that one. Of
    another, Message-ID and recipient must fit, which whoever knows both can forge.
    """
    report, listed = claim.report, claim.listed
    if listed is None:
        return Decision(effect=Effect.STRANGE, why="about no message of this store")
    if not claim.proven and has_token(listed.sender):
        return Decision(effect=Effect.STRANGE, why="did not come to the return path of its message")
    if _same(listed.recipient) not in map(_same, report.recipients):
        effect = Effect.NOTHING if claim.proven else Effect.STRANGE
        return Decision(effect=effect, why=f"about {report.recipients[0]}, not about {listed.recipient}")
    match report.action:
        case Action.FAILED:
            return _of_failure(report, listed)
        case Action.COMPLAINT:
            return _of_complaint(report, listed, known)
    return Decision(effect=Effect.NOTHING, why=f"{report.action}: {report.words}")


def _of_failure(report: Report, listed: Listed) -> Decision:
    if report.status.startswith("2."):
        return Decision(effect=Effect.NOTHING, why=f"contradicts itself: failed with {report.status}")
    if _is_on_its_way(listed):
        return Decision(effect=Effect.LATER, why="its message is on its way again; read again the next time")
    if listed.state not in (DeliveryState.SENT, DeliveryState.UNKNOWN):
        return Decision(effect=Effect.NOTHING, why=f"known already: {listed.reply or listed.state}")
    attempt = Attempt(
        state=DeliveryState.FAILED,
        reply=f"bounced: {report.words}",
        failure=_whose(report),
        code=report.code,
        enhanced=report.status,
    )
    return Decision(
        effect=Effect.FAILED, why=attempt.reply, attempt=attempt, suppresses=is_hard_bounce(attempt)
    )


def _of_complaint(report: Report, listed: Listed, known: Sequence[Tried]) -> Decision:
    if _is_on_its_way(listed):
        return Decision(effect=Effect.LATER, why="its message is on its way again; read again the next time")
    if any(one.relay == COMPLAINT for one in known):
        return Decision(effect=Effect.NOTHING, why="known already: the recipient complained")
    attempt = Attempt(state=listed.state, reply=f"complained: {report.words}")
    return Decision(effect=Effect.COMPLAINED, why=attempt.reply, attempt=attempt, suppresses=True)


def _is_on_its_way(listed: Listed) -> bool:
    under_way = listed.state is DeliveryState.UNKNOWN and listed.ended_at is None
    return under_way or listed.state in (DeliveryState.QUEUED, DeliveryState.SENDING)


def _whose(report: Report) -> Failure:
    """As if the last server had said it to us; what may pass is held against nobody."""
    kind = int(report.status[0]) if report.status else (report.code or 400) // 100
    if kind != 5 or report.status == _EXPIRED:
        return Failure.TRANSIENT
    code = report.code if report.code and report.code // 100 == 5 else 550
    return judge(Phase.BODY, code, report.status, report.diagnostic)


_EXPIRED = "5.4.7"  # RFC 3463, 3.5: nobody refused it, it only took too long


def _same(address: str) -> str:
    """What two spellings of one address have in common; the domain as DNS knows it."""
    local, at, domain = key(address).rpartition("@")
    try:
        return f"{local}{at}{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        return f"{local}{at}{domain}"


# ---------------------------------------------------------------- recording


def read_box(database: Database, box: Box, now: datetime, *, suppress_after: int) -> Round:
    """Read a box, record what its reports say, and mark as seen those that were about our messages.

    Each report is recorded before it is marked, so that after a crash it is read again, which changes
    nothing more. Raises DigestError if the box cannot be read; what was recorded until then stays.
    """

    def take(reading: Reading, letter: Letter) -> tuple[Finding, ...]:
        with database.begin() as connection:
            found = tuple(_record(connection, one, now, suppress_after) for one in reading.reports)
        if _is_dealt_with(found):
            box.mark(letter)
        return found

    return _go_through(box, now, take)


def look_into_box(database: Database, box: Box, now: datetime) -> Round:
    """What `read_box` would find, changing neither the store nor the box.

    It does not say who would be suppressed for failing several times in a row.
    """

    def look(reading: Reading, _letter: Letter) -> tuple[Finding, ...]:
        with database.read() as connection:
            found = [_judged(connection, one) for one in reading.reports]
        return tuple(
            replace(one, suppressed=one.decision.why if one.decision.suppresses else "") for one in found
        )

    return _go_through(box, now, look)


def _go_through(box: Box, now: datetime, take: Callable[[Reading, Letter], tuple[Finding, ...]]) -> Round:
    findings: list[Finding] = []
    left: list[Nature] = []
    for letter in box.letters((now - LOOKS_BACK).date(), MAX_BYTES):
        reading = read_report(letter.data)
        if reading.nature is Nature.REPORT:
            findings += take(reading, letter)
        else:
            left.append(reading.nature)
    return Round(findings=tuple(findings), left=tuple(left))


def _is_dealt_with(findings: Sequence[Finding]) -> bool:
    """Whether a report was about messages of ours, and nothing of it has to wait."""
    effects = {one.decision.effect for one in findings}
    return bool(effects - {Effect.STRANGE}) and Effect.LATER not in effects


def _judged(connection: "Connection", report: Report) -> Finding:
    claim = _claim(connection, report)
    known = tried(connection, claim.listed.message_id) if claim.listed else ()
    return Finding(report=report, listed=claim.listed, decision=decide(claim, known))


def _claim(connection: "Connection", report: Report) -> Claim:
    for address in return_paths(report):
        if listed := by_return_path(connection, address):
            return Claim(report=report, listed=listed, proven=True)
    listed = by_message_id(connection, report.message_id) if report.message_id else None
    return Claim(report=report, listed=listed, proven=False)


def _record(connection: "Connection", report: Report, now: datetime, suppress_after: int) -> Finding:
    found = _judged(connection, report)
    listed, attempt = found.listed, found.decision.attempt
    if listed is None or attempt is None:
        return found
    by = COMPLAINT if found.decision.effect is Effect.COMPLAINED else BOUNCE
    if not record_return(connection, listed, attempt, by, now):
        return replace(found, decision=Decision(effect=Effect.LATER, why="its message just changed"))
    reason = _reason(connection, listed.recipient, found.decision, suppress_after)
    if not reason or not suppress(connection, Suppression(address=listed.recipient, reason=reason, at=now)):
        return found
    return replace(found, suppressed=reason)


def _reason(connection: "Connection", recipient: str, decision: Decision, suppress_after: int) -> str:
    """Why a recipient is to get no more mail; empty if there is no reason yet."""
    if decision.suppresses:
        return decision.why
    if suppress_after == 0 or decision.attempt is None or not is_about_address(decision.attempt):
        return ""
    in_a_row = permanent_failures(connection, recipient)
    if in_a_row < suppress_after:
        return ""
    return f"{in_a_row} messages in a row failed, the last: {decision.why}"
