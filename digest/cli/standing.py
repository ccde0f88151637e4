"""How the mail stands now, in sentences: what waits, what nobody knows, what a person has to do."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from digest.cli.states import failed_in_words, in_words, instant, moment
from digest.model import DeliveryState, Failure, Outcome, Profile, Suppression
from digest.outcome import day_of
from digest.text import clean, shorten

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from digest.pace import Limits
    from digest.store.editions import Day
    from digest.store.record import Listed
    from digest.store.relays import Alarm, RelayHealth

NAMED = 3
"""So many messages are named; of more, only the number is said."""
_MOST = 1_000_000
_REPLY = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """Nothing may go out now by any relay."""

    why: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the record says of readers and relays, as far as it matters now."""

    now: datetime
    today: Mapping[str, Outcome | None] = field(default_factory=dict)
    """Each reader's own day; `None`: no edition yet."""
    failed_today: Mapping[str, str] = field(default_factory=dict)
    """In a word, why the day of a reader failed."""
    waits: Mapping[str, str] = field(default_factory=dict)
    """For what readers wait today, and until when: `waits for ...`."""
    days: Mapping[str, date] = field(default_factory=dict)
    """The date where each reader is."""
    waiting: tuple["Listed", ...] = ()
    doubted: frozenset[str] = frozenset()
    """The Message-IDs of those that wait again, and may have arrived before."""
    closed: Closed | None = None
    under_way: tuple["Listed", ...] = ()
    cut_off: tuple["Listed", ...] = ()
    """Under way by the record, but by a process that is gone, or longer than anything takes."""
    unknown: tuple["Listed", ...] = ()
    failed: tuple["Listed", ...] = ()
    relays: tuple["RelayHealth", ...] = ()
    suppressed: tuple[Suppression, ...] = ()
    readers: frozenset[str] = frozenset()
    """Those of the suppressed addresses that a reader has."""
    alarms: tuple["Alarm", ...] = ()


def standing(
    connection: "Connection",
    *,
    profiles: Sequence[Profile],
    relays: "Mapping[str, Limits]",
    now: datetime,
    last: int,
    is_gone: Callable[[str], bool],
) -> Standing:
    """What the store holds of these readers, messages of the last days only.

    `is_gone`: whether no living process goes by this owner's name.
    """
    from digest.store import record
    from digest.store.relays import alarms, healths
    from digest.store.suppressions import all_suppressed, key

    names = [profile.name for profile in profiles]
    since = (now - timedelta(days=last - 1, hours=12)).date()
    states = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.UNKNOWN, DeliveryState.FAILED)
    listed = record.overview(connection, states=states, profiles=names, most=_MOST)
    of_state = {state: tuple(one for one in listed if one.state is state) for state in states}
    unknown = of_state[DeliveryState.UNKNOWN]
    under_way, cut_off = _under_way(
        (*of_state[DeliveryState.SENDING], *(one for one in unknown if one.ended_at is None)), now, is_gone
    )
    today = _today(connection, profiles, now)
    addresses = {key(profile.email) for profile in profiles}
    suppressed = all_suppressed(connection)
    return Standing(
        now=now,
        today={name: day.outcome if day else None for name, day in today.items()},
        failed_today={
            name: _failed(day) for name, day in today.items() if day and day.outcome is Outcome.FAILED
        },
        waits={name: day.reason for name, day in today.items() if day and day.outcome is Outcome.NOT_READY},
        days=_own_days(profiles, now),
        waiting=tuple(sorted(of_state[DeliveryState.QUEUED], key=lambda one: one.due_at)),
        doubted=record.doubted(connection, [one.message_id for one in of_state[DeliveryState.QUEUED]]),
        closed=closed(connection, relays, now),
        under_way=under_way,
        cut_off=cut_off,
        unknown=tuple(one for one in unknown if one.ended_at and one.day >= since),
        failed=tuple(one for one in of_state[DeliveryState.FAILED] if one.day >= since),
        relays=tuple(one for one in healths(connection) if one.name in relays),
        suppressed=suppressed,
        readers=frozenset(one.address for one in suppressed if one.address in addresses),
        alarms=alarms(connection),
    )


def _under_way(
    claimed: "Sequence[Listed]", now: datetime, is_gone: Callable[[str], bool]
) -> "tuple[tuple[Listed, ...], tuple[Listed, ...]]":
    """What a living process has, and what was cut off."""
    gone = {owner for owner in {one.owner for one in claimed} if is_gone(owner)}
    is_cut_off = [
        one.owner in gone or (one.lease_until is not None and one.lease_until <= now) for one in claimed
    ]
    told = list(zip(claimed, is_cut_off, strict=True))
    return tuple(one for one, is_cut in told if not is_cut), tuple(one for one, is_cut in told if is_cut)


def closed(connection: "Connection", relays: "Mapping[str, Limits]", now: datetime) -> Closed | None:
    """Why nothing may go out now, and until when; `None` if some relay may take a message."""
    from digest.lane import room_now
    from digest.store.relays import paused_until

    found = []
    for name, limits in relays.items():
        if (until := paused_until(connection, name)) and until > now:
            found.append(Closed(why=f"{name} is paused", until=until))
            continue
        room = room_now(connection, name, limits, now, most=1)
        if room.opens_at is None or room.left.is_brief:
            return None
        found.append(Closed(why=f"{room.left.full[0]} of {name} is used up", until=room.opens_at))
    return min(found, key=lambda one: one.until, default=None)


def before_anything(profiles: Sequence[Profile], now: datetime) -> Standing:
    """The same where there is no store yet."""
    return Standing(now=now, today=dict.fromkeys(_due(profiles, now)))


def _today(connection: "Connection", profiles: Sequence[Profile], now: datetime) -> "dict[str, Day | None]":
    """How each reader's own day stands, of those who have an edition on it."""
    from digest.store.editions import days

    due = _due(profiles, now)
    found: tuple[Day, ...] = days(connection, list(due), since=min(due.values())) if due else ()
    by_day = {(one.profile, one.day): one for one in found}
    return {name: by_day.get((name, day)) for name, day in due.items()}


def _failed(day: "Day") -> str:
    """In a word: of a message that was refused, or where none could be made."""
    word = failed_in_words(day.reason)
    return word if day.subject is not None or word == "suppressed" else "failed"


def _due(profiles: Sequence[Profile], now: datetime) -> dict[str, date]:
    days = _own_days(profiles, now)
    return {one.name: days[one.name] for one in profiles if days[one.name].weekday() in one.days}


def _own_days(profiles: Sequence[Profile], now: datetime) -> dict[str, date]:
    return {one.name: day_of(one, now) for one in profiles}


# ---------------------------------------------------------------- sentences


def sentences(standing: Standing) -> Iterator[str]:
    """The good first; then all that is not as it should be, with what to do."""
    yield from _of_today(standing)
    for name in sorted(standing.waits)[:NAMED]:
        yield f"{name} {standing.waits[name]}."
    yield from _of_waiting(standing)
    yield from _of_under_way(standing)
    if standing.unknown:
        yield f"{_number(standing.unknown)} may have arrived or not: {_look(standing.unknown)}."
    yield from _of_failed(standing)
    for relay in standing.relays:
        yield from _of_relay(relay, standing.now)
    yield from _of_suppressed(standing)
    for alarm in standing.alarms:
        about = f"{moment(alarm.at)}: {alarm.kind}, {alarm.about}"
        yield (
            f"You were told at {about}."
            if not alarm.problem
            else (f"You were to be told at {about}; that failed: {_said(alarm.problem)}.")
        )


_DONE = {
    Outcome.SENT: "sent",
    Outcome.QUIET: "quiet, without a mail",
    Outcome.NO_LIST: "without a new list",
    Outcome.SOURCE_DOWN: "without a source that could be read",
    Outcome.READY: "waiting",
    Outcome.NOT_READY: "waiting for a list",
    Outcome.FAILED: "failed",
    Outcome.UNKNOWN: "may have arrived",
    Outcome.EXPIRED: "given up",
    None: "not made yet",
}


_ALL_SENT = {1: "Today's edition is sent.", 2: "Both editions of today are sent."}


def _of_today(standing: Standing) -> Iterator[str]:
    today = standing.today
    outcomes = set(today.values())
    if not today:
        return
    if outcomes == {Outcome.SENT}:
        yield _ALL_SENT.get(len(today), f"All {len(today):,} editions of today are sent.")
        return
    if outcomes == {None}:
        yield "No edition of today is made yet; `digest send` makes them."
        return
    order = list(_DONE)
    ends = sorted(
        (order.index(outcome), standing.failed_today.get(name, _DONE[outcome]))
        for name, outcome in today.items()
    )
    parts = [f"{count:,} {words}" for (_, words), count in Counter(ends).items()]
    yield f"Editions of today: {', '.join(parts)}."


def _of_waiting(standing: Standing) -> Iterator[str]:
    """What the next run would send, and what it would not."""
    now, shut = standing.now, standing.closed
    at = shut.until if shut else now
    first = [one for one in standing.waiting if one.due_at <= at]
    later = [one for one in standing.waiting if one.due_at > at]
    if first and shut:
        yield f"{_waits(first)}: the next try is at {moment(shut.until)}, as {shut.why}."
    elif first:
        yield f"{_waits(first)} for the next `digest send`{_replies(first)}."
    if later:
        begin, end = moment(later[0].due_at), moment(later[-1].due_at)
        when = f"next try is at {begin}" if begin == end else f"next tries are from {begin} to {end}"
        yield f"{_waits(later)}: the {when}{_replies(later)}."
    if again := [one for one in standing.waiting if one.message_id in standing.doubted]:
        yield f"{_number(again)} of what waits may have arrived before: {_look(again)}."


def _waits(some: "Sequence[Listed]") -> str:
    return f"{_number(some)} {'wait' if len(some) > 1 else 'waits'}"


def _of_under_way(standing: Standing) -> Iterator[str]:
    if going := len(standing.under_way):
        yield f"{going:,} {'are' if going > 1 else 'is'} going out just now."
    if cut_off := len(standing.cut_off):
        was = "were" if cut_off > 1 else "was"
        yield f"{cut_off:,} {was} going out when the process ended; the next `digest send` puts that right."


def _of_failed(standing: Standing) -> Iterator[str]:
    """Each kind by itself, and today's apart from what is older."""
    groups: dict[tuple[str, bool], list[Listed]] = {}
    for one in sorted(standing.failed, key=lambda one: one.queued_at, reverse=True):
        is_old = one.day < standing.days.get(one.profile, standing.now.date())
        groups.setdefault((in_words(one), is_old), []).append(one)
    for (word, is_old), some in sorted(groups.items(), key=lambda group: group[0]):
        when = " on earlier days" if is_old else ""
        yield f"{_number(some)} {word}{when}: {_look(some, with_replies=True)}."


def _of_relay(relay: "RelayHealth", now: datetime) -> Iterator[str]:
    if relay.failure is None:
        return
    if relay.failure in (Failure.SENDER, Failure.AUTHENTICATION):
        why = "login refused" if relay.failure is Failure.AUTHENTICATION else "refused"
        yield (
            f"Relay {relay.name} needs you since {moment(relay.at)}: {why} ({_said(relay.reply)}); "
            "`digest check` tries it."
        )
    elif relay.paused_until and relay.paused_until > now:
        yield f"Relay {relay.name} is paused until {moment(relay.paused_until)}: {_said(relay.reply)}."


def _of_suppressed(standing: Standing) -> Iterator[str]:
    if not standing.suppressed:
        return
    n, of_readers = len(standing.suppressed), len(standing.readers)
    whose = "readers'" if of_readers > 1 else "a reader's"
    those = f", {of_readers:,} of them {whose}" if of_readers else ""
    yield f"{n:,} address{'es are' if n > 1 else ' is'} suppressed{those}: `digest suppress list`."


def _number(some: "Sequence[Listed]") -> str:
    return f"{len(some):,}"


def _look(some: "Sequence[Listed]", *, with_replies: bool = False) -> str:
    """How to look at them; each with its own reply, where they differ and are few."""
    alike = _replies(some) if with_replies else ""
    if len(some) > NAMED:
        return f"`digest outbox list --state {some[0].state.value}`{alike}"
    is_each = with_replies and len({one.reply for one in some}) > 1
    shown = (
        f"`digest outbox show {one.profile} {one.day}`{_replies([one]) if is_each else ''}" for one in some
    )
    return ", ".join(shown) + ("" if is_each else alike)


def _replies(some: "Sequence[Listed]") -> str:
    """What was said of them, in brackets: of several different replies the first."""
    said = list(dict.fromkeys(one.reply for one in some if one.reply))
    if not said:
        return ""
    is_of_all = len({one.reply for one in some}) == 1
    return f" ({'' if is_of_all else 'such as: '}{_said(said[0])})"


def _said(reply: str) -> str:
    return shorten(clean(reply, 4 * _REPLY), _REPLY)


# ---------------------------------------------------------------- as JSON


def facts(standing: Standing) -> dict[str, Any]:
    """The same for programs."""
    return {
        "today": {name: outcome.value if outcome else None for name, outcome in standing.today.items()},
        "waits": dict(standing.waits),
        "waiting": _named(standing.waiting),
        "closed": {"why": standing.closed.why, "until": instant(standing.closed.until)}
        if standing.closed
        else None,
        "under_way": _named(standing.under_way),
        "cut_off": _named(standing.cut_off),
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
