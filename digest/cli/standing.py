"""How the mail stands now, in sentences: what waits, what nobody knows, what a person has to do."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from digest.cli.states import instant, moment
from digest.model import DeliveryState, Failure, Outcome, Profile, Suppression
from digest.text import clean, shorten

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from digest.store.editions import Day
    from digest.store.record import Listed
    from digest.store.relays import Alarm, RelayHealth

NAMED = 3
"""So many messages are named; of more, only the number is said."""
_MOST = 1_000_000
_REPLY = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the record says of readers and relays, as far as it matters now."""

    now: datetime
    today: Mapping[str, Outcome | None] = field(default_factory=dict)
    """Each reader's own day; `None`: no edition yet."""
    waiting: tuple["Listed", ...] = ()
    under_way: tuple["Listed", ...] = ()
    unknown: tuple["Listed", ...] = ()
    failed: tuple["Listed", ...] = ()
    relays: tuple["RelayHealth", ...] = ()
    suppressed: tuple[Suppression, ...] = ()
    readers: frozenset[str] = frozenset()
    """Those of the suppressed addresses that a reader has."""
    alarms: tuple["Alarm", ...] = ()


def standing(
    connection: "Connection",
    profiles: Sequence[Profile],
    relays: Collection[str],
    now: datetime,
    *,
    last: int,
) -> Standing:
    """What the store holds of these readers, messages of the last days only."""
    from digest.store import record
    from digest.store.relays import alarms, healths
    from digest.store.suppressions import all_suppressed, key

    names = [profile.name for profile in profiles]
    since = (now - timedelta(days=last - 1, hours=12)).date()
    states = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.UNKNOWN, DeliveryState.FAILED)
    listed = record.overview(connection, states=states, profiles=names, most=_MOST)
    of_state = {state: tuple(one for one in listed if one.state is state) for state in states}
    recent = [one for one in of_state[DeliveryState.UNKNOWN] if one.ended_at and one.day >= since]
    addresses = {key(profile.email) for profile in profiles}
    suppressed = all_suppressed(connection)
    return Standing(
        now=now,
        today=_today(connection, profiles, now),
        waiting=tuple(sorted(of_state[DeliveryState.QUEUED], key=lambda one: one.due_at)),
        under_way=(
            *of_state[DeliveryState.SENDING],
            *(one for one in of_state[DeliveryState.UNKNOWN] if one.ended_at is None),
        ),
        unknown=tuple(recent),
        failed=tuple(one for one in of_state[DeliveryState.FAILED] if one.day >= since),
        relays=tuple(one for one in healths(connection) if one.name in relays),
        suppressed=suppressed,
        readers=frozenset(one.address for one in suppressed if one.address in addresses),
        alarms=alarms(connection),
    )


def _today(connection: "Connection", profiles: Sequence[Profile], now: datetime) -> dict[str, Outcome | None]:
    """How each reader's own day stands, of those who have an edition on it."""
    from digest.store.editions import days

    of_today = {one.name: now.astimezone(ZoneInfo(one.timezone)).date() for one in profiles}
    due = {one.name: of_today[one.name] for one in profiles if of_today[one.name].weekday() in one.days}
    found: tuple[Day, ...] = days(connection, list(due), since=min(due.values())) if due else ()
    outcomes = {(one.profile, one.day): one.outcome for one in found}
    return {name: outcomes.get((name, day)) for name, day in due.items()}


# ---------------------------------------------------------------- sentences


def sentences(standing: Standing) -> Iterator[str]:
    """The good first; then all that is not as it should be, with what to do."""
    yield from _of_today(standing.today)
    yield from _of_waiting(standing.waiting, standing.now)
    yield from _of_under_way(standing.under_way, standing.now)
    if standing.unknown:
        yield f"{_number(standing.unknown)} may have arrived or not: {_look(standing.unknown)}."
    if standing.failed:
        latest = max(standing.failed, key=lambda one: one.queued_at)
        where = _look(standing.failed)
        yield f"{_number(standing.failed)} refused for good: {where} ({_said(latest.reply)})."
    for relay in standing.relays:
        yield from _of_relay(relay, standing.now)
    yield from _of_suppressed(standing)
    for alarm in standing.alarms:
        told = f"You were told at {moment(alarm.at)}: {alarm.kind}, {alarm.about}"
        yield f"{told}." if not alarm.problem else f"{told}; or should have been: {_said(alarm.problem)}."


_DONE = {
    Outcome.SENT: "sent",
    Outcome.QUIET: "quiet, without a mail",
    Outcome.NO_LIST: "without a new list",
    Outcome.SOURCE_DOWN: "without a source that could be read",
    Outcome.READY: "on the way",
    Outcome.FAILED: "failed",
    Outcome.UNKNOWN: "perhaps arrived, perhaps not",
    Outcome.EXPIRED: "given up",
    None: "not made yet",
}


def _of_today(today: Mapping[str, Outcome | None]) -> Iterator[str]:
    counts = Counter(today.values())
    if not today:
        return
    if set(counts) == {Outcome.SENT}:
        yield (
            "Today's edition is sent."
            if len(today) == 1
            else f"All {len(today):,} editions of today are sent."
        )
        return
    if set(counts) == {None}:
        yield "No edition of today is made yet; `digest send` makes them."
        return
    parts = [f"{counts[outcome]:,} {words}" for outcome, words in _DONE.items() if counts[outcome]]
    yield f"Editions of today: {', '.join(parts)}."


def _of_waiting(waiting: "Sequence[Listed]", now: datetime) -> Iterator[str]:
    if not waiting:
        return
    first = waiting[0]
    said = f" ({_said(first.reply)})" if first.reply else ""
    wait = "wait" if len(waiting) > 1 else "waits"
    if first.due_at > now:
        yield f"{_number(waiting)} {wait}: the next try is at {moment(first.due_at)}{said}."
    else:
        yield f"{_number(waiting)} {wait} for the next `digest send`{said}."


def _of_under_way(under_way: "Sequence[Listed]", now: datetime) -> Iterator[str]:
    late = [one for one in under_way if one.lease_until and one.lease_until <= now]
    if going := len(under_way) - len(late):
        yield f"{going:,} {'are' if going > 1 else 'is'} going out just now."
    if late:
        yield f"{_number(late)} cut off on the way out; the next `digest send` puts that right."


def _of_relay(relay: "RelayHealth", now: datetime) -> Iterator[str]:
    if relay.failure is None:
        return
    why = "login refused" if relay.failure is Failure.AUTHENTICATION else "refused"
    if relay.failure in (Failure.SENDER, Failure.AUTHENTICATION):
        yield (
            f"Relay {relay.name} needs you since {moment(relay.at)}: {why} ({_said(relay.reply)}); "
            "`digest check` tries it."
        )
    elif relay.paused_until and relay.paused_until > now:
        until = moment(relay.paused_until)
        yield f"Relay {relay.name} is paused until {until}: {why} ({_said(relay.reply)})."


def _of_suppressed(standing: Standing) -> Iterator[str]:
    if not standing.suppressed:
        return
    n, of_readers = len(standing.suppressed), len(standing.readers)
    those = f", {of_readers:,} of them {'readers' if of_readers > 1 else 'a reader'}'s" if of_readers else ""
    yield f"{n:,} address{'es are' if n > 1 else ' is'} suppressed{those}: `digest suppress list`."


def _number(some: "Sequence[Listed]") -> str:
    return f"{len(some):,}"


def _look(some: "Sequence[Listed]") -> str:
    """How to look at them."""
    if len(some) > NAMED:
        return f"`digest outbox list --state {some[0].state.value}`"
    return ", ".join(f"`digest outbox show {one.profile} {one.day}`" for one in some)


def _said(reply: str) -> str:
    return shorten(clean(reply, 4 * _REPLY), _REPLY)


# ---------------------------------------------------------------- as JSON


def facts(standing: Standing) -> dict[str, Any]:
    """The same for programs."""
    return {
        "today": {name: outcome.value if outcome else None for name, outcome in standing.today.items()},
        "waiting": _named(standing.waiting),
        "under_way": _named(standing.under_way),
        "unknown": _named(standing.unknown),
        "failed": _named(standing.failed),
        "relays": [
            {
                "name": one.name,
                "at": instant(one.at),
                "failure": one.failure.value if one.failure else None,
                "reply": one.reply,
                "paused_until": instant(one.paused_until),
            }
            for one in standing.relays
        ],
        "suppressed": [
            {"address": one.address, "reason": one.reason, "at": instant(one.at)}
            for one in standing.suppressed
        ],
        "alarms": [
            {"kind": one.kind, "about": one.about, "at": instant(one.at), "problem": one.problem}
            for one in standing.alarms
        ],
    }


def _named(some: "Iterable[Listed]") -> list[dict[str, Any]]:
    return [
        {
            "profile": one.profile,
            "day": one.day.isoformat(),
            "message_id": one.message_id,
            "due_at": instant(one.due_at),
            "ended_at": instant(one.ended_at),
            "reply": one.reply,
        }
        for one in some
    ]
