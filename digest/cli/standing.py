"""How the mail stands now, in sentences: what waits, what nobody knows, what a person has to do."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from digest.cli.states import failed_in_words, in_words, instant, moment
from digest.cli.today import Ahead, Today
from digest.model import DeliveryState, Failure, Outcome, Suppression
from digest.moments import lasting
from digest.text import MAX_NAME, clean, shorten
from digest.vitals import is_unseen

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from digest.pace import Limits
    from digest.store.editions import Day
    from digest.store.record import Listed
    from digest.store.relays import Alarm, RelayHealth
    from digest.store.services import ServiceRow

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
    today: tuple[Today, ...] = ()
    """Each reader's own day."""
    failed_today: Mapping[str, str] = field(default_factory=dict)
    """In a word, why the day of a reader failed, where it was not that no edition could be made."""
    lost: tuple["Day", ...] = ()
    """Earlier days that expired, the latest first."""
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
    at_work: tuple["ServiceRow", ...] = ()
    """The processes of `digest run` that live."""
    last_run: "ServiceRow | None" = None
    """The one that was last seen, where none is at work."""

    @property
    def days(self) -> Mapping[str, date]:
        """The date of each reader's day."""
        return {one.profile.name: one.day for one in self.today}


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizon:
    """How far is looked."""

    now: datetime
    last: int
    """Days, of messages and alarms."""
    tick_s: int
    """How often a process of `digest run` gives a sign of life."""

    @property
    def since(self) -> date:
        """The first of these days."""
        return (self.now - timedelta(days=self.last - 1, hours=12)).date()


def standing(
    connection: "Connection",
    *,
    today: Sequence[Today],
    lost: "Sequence[Day]",
    relays: "Mapping[str, Limits]",
    horizon: Horizon,
    is_gone: Callable[[str], bool],
) -> Standing:
    """What the store holds of the readers whose day it is.

    `is_gone`: whether no living process goes by this owner's name.
    """
    from digest.store.relays import alarms, healths
    from digest.store.services import services
    from digest.store.suppressions import all_suppressed, key

    addresses = {key(one.profile.email) for one in today if one.profile.email}
    suppressed, runs = all_suppressed(connection), services(connection)
    at_work = tuple(one for one in runs if _is_at_work(one, horizon, is_gone))
    return replace(
        _of_messages(connection, today, horizon, is_gone),
        lost=tuple(lost),
        closed=closed(connection, relays, horizon.now),
        relays=tuple(one for one in healths(connection) if one.name in relays),
        suppressed=suppressed,
        readers=frozenset(one.address for one in suppressed if one.address in addresses),
        alarms=tuple(one for one in alarms(connection) if one.at.date() >= horizon.since),
        at_work=at_work,
        last_run=runs[0] if runs and not at_work else None,
    )


def _of_messages(
    connection: "Connection", today: Sequence[Today], horizon: Horizon, is_gone: Callable[[str], bool]
) -> Standing:
    """The readers' days, and their messages of the last days."""
    from digest.store import record

    states = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.UNKNOWN, DeliveryState.FAILED)
    names = [one.profile.name for one in today]
    listed = record.overview(connection, states=states, profiles=names, most=_MOST)
    of_state = {state: tuple(one for one in listed if one.state is state) for state in states}
    waiting, sending, unknown, failed = (of_state[state] for state in states)
    claimed = (*sending, *(one for one in unknown if one.ended_at is None))
    under_way, cut_off = _under_way(claimed, horizon.now, is_gone)
    return Standing(
        now=horizon.now,
        today=tuple(today),
        failed_today=_failed_today(today, {(one.profile, one.day) for one in failed}),
        waiting=tuple(sorted(waiting, key=lambda one: one.due_at)),
        doubted=record.doubted(connection, [one.message_id for one in waiting]),
        under_way=under_way,
        cut_off=cut_off,
        unknown=tuple(one for one in unknown if one.ended_at and one.day >= horizon.since),
        failed=tuple(one for one in failed if one.day >= horizon.since),
    )


def _is_at_work(one: "ServiceRow", horizon: Horizon, is_gone: Callable[[str], bool]) -> bool:
    """As `digest health` sees it, and not known to be gone."""
    is_silent = is_unseen(one.seen_at, horizon.tick_s, horizon.now)
    return one.ended_at is None and not is_silent and not is_gone(one.owner)


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


def _failed_today(today: Iterable[Today], refused: Collection[tuple[str, date]]) -> dict[str, str]:
    """In a word: of a message that was refused or bounced, or of an address that gets none."""
    failed = [one for one in today if one.stands is Outcome.FAILED]
    words = {one.profile.name: failed_in_words(one.reason) for one in failed}
    made = {one.profile.name for one in failed if (one.profile.name, one.day) in refused}
    return {name: word for name, word in words.items() if name in made or word == "suppressed"}


# ---------------------------------------------------------------- sentences


def sentences(standing: Standing) -> Iterator[str]:
    """The good first; then all that is not as it should be, with what to do."""
    yield from _of_today(standing)
    yield from _of_runs(standing)
    yield from _of_lost(standing.lost)
    waits = [one for one in standing.today if one.stands is Outcome.NOT_READY]
    for one in sorted(waits, key=lambda one: one.profile.name)[:NAMED]:
        yield f"{one.profile.name} {one.reason}."
    yield from _of_waiting(standing)
    yield from _of_under_way(standing)
    if standing.unknown:
        yield f"{_number(standing.unknown)} may have arrived or not: {_look(standing.unknown)}."
    yield from _of_failed(standing)
    for relay in standing.relays:
        yield from _of_relay(relay, standing.now)
    yield from _of_suppressed(standing)
    for alarm in standing.alarms:
        about = f"{moment(alarm.at)}: {alarm.kind}, {_about(alarm)}"
        yield (
            f"You were told at {about}."
            if not alarm.problem
            else (f"You were to be told at {about}; that failed: {_said(alarm.problem)}.")
        )


_ALL_SENT = {1: "Today's edition is sent.", 2: "Both editions of today are sent."}
_ORDER = (Outcome.SENT, Outcome.QUIET, Outcome.NO_LIST, Outcome.PAUSED, Outcome.READY, Ahead.DUE)
"""What is as it should be, is said first."""


def _of_today(standing: Standing) -> Iterator[str]:
    today = [one for one in standing.today if one.stands is not Ahead.NONE]
    if not today:
        return
    if all(one.stands is Outcome.SENT for one in today):
        yield _ALL_SENT.get(len(today), f"All {len(today):,} editions of today are sent.")
        return
    order = [*_ORDER, *(one for one in (*Outcome, *Ahead) if one not in _ORDER)]
    why = {name: f"failed ({word})" for name, word in standing.failed_today.items()}
    ends = sorted((order.index(one.stands), why.get(one.profile.name, one.word)) for one in today)
    parts = [f"{count:,} {words}" for (_, words), count in Counter(ends).items()]
    yield f"Editions of today: {', '.join(parts)}."


def _of_runs(standing: Standing) -> Iterator[str]:
    """Which `digest run` is at work, where there ever was one; and what is overdue without."""
    n_overdue = sum(one.stands is Ahead.OVERDUE for one in standing.today)
    for one in standing.at_work[:NAMED]:
        yield f"`digest run` is at work since {moment(one.began_at)} ({_where(one)})."
    if more := len(standing.at_work[NAMED:]):
        yield f"So are {more:,} more of them."
    if last := standing.last_run:
        how = "ended" if last.ended_at else "was last seen, and did not end in good order,"
        yield f"No `digest run` is at work: the last one {how} at {moment(last.seen_at)} ({_where(last)})."
    elif n_overdue and not standing.at_work:
        what = f"{n_overdue:,} editions are" if n_overdue > 1 else "1 edition is"
        yield f"No `digest run` is at work, and {what} overdue: the next `digest send` makes what it can."
    ahead = [at for one in standing.today for at in (one.due_at, one.next_at) if at and at > standing.now]
    if ahead and (standing.at_work or standing.last_run):
        yield f"The next edition is due at {moment(min(ahead))} (in {lasting(min(ahead) - standing.now)})."


def _of_lost(lost: "Sequence[Day]") -> Iterator[str]:
    """Of the latest of them, why; a person who asks for today's mail may mean yesterday's."""
    if not lost:
        return
    last, are = lost[0], "edition" if len(lost) == 1 else "editions"
    which = f"{last.profile}'s of {last.day} ({_said(last.reason)})"
    how = f": {which}" if len(lost) == 1 else f", the latest {which}"
    yield f"{len(lost):,} {are} of earlier days expired{how}; `digest status --week` shows the days."


def _about(alarm: "Alarm") -> str:
    """What an alarm is about; a gap is known by the instant of its beginning."""
    from digest.alarm import GAP

    try:
        return f"from {moment(datetime.fromisoformat(alarm.about))}" if alarm.kind == GAP else alarm.about
    except ValueError:
        return alarm.about


def _where(one: "ServiceRow") -> str:
    return f"{clean(one.host, MAX_NAME)}, process {one.pid}"


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
    shut, runs = standing.closed, (*standing.at_work, *filter(None, [standing.last_run]))
    return {
        "today": {
            one.profile.name: one.stands.value if isinstance(one.stands, Outcome) else None
            for one in standing.today
            if one.stands is not Ahead.NONE
        },
        "waits": {one.profile.name: one.reason for one in standing.today if one.stands is Outcome.NOT_READY},
        "waiting": _named(standing.waiting),
        "closed": {"why": shut.why, "until": instant(shut.until)} if shut else None,
        "under_way": _named(standing.under_way),
        "cut_off": _named(standing.cut_off),
        "unknown": _named(standing.unknown),
        "failed": _named(standing.failed),
        "relays": [_relay(one) for one in standing.relays],
        "suppressed": [
            {"address": one.address, "reason": one.reason, "at": instant(one.at)}
            for one in standing.suppressed
        ],
        "alarms": [
            {"kind": one.kind, "about": one.about, "at": instant(one.at), "problem": one.problem}
            for one in standing.alarms
        ],
        "runs": [{**_run(one), "is_at_work": one in standing.at_work} for one in runs],
    }


def _relay(one: "RelayHealth") -> dict[str, Any]:
    return {
        "name": one.name,
        "at": instant(one.at),
        "failure": one.failure.value if one.failure else None,
        "reply": one.reply,
        "paused_until": instant(one.paused_until),
    }


def _run(one: "ServiceRow") -> dict[str, Any]:
    return {
        "host": one.host,
        "pid": one.pid,
        "began_at": instant(one.began_at),
        "seen_at": instant(one.seen_at),
        "ended_at": instant(one.ended_at),
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
