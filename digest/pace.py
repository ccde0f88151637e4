"""How fast a way out takes messages: the limits it was given, and what its replies teach."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from digest.model import Attempt, Failure, Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a relay bears; `None` is no limit. Windows slide: never more than so many in any minute."""

    connections: int = 4
    """At a time."""
    per_connection: int | None = 100
    """Messages, before a new connection is opened."""
    per_minute: int | None = None
    per_hour: int | None = None
    per_day: int | None = None

    @property
    def is_endless(self) -> bool:
        """Whether nothing has to be counted."""
        return self.per_minute is None and self.per_hour is None and self.per_day is None


# ---------------------------------------------------------------- how many may go now


class Counted(Protocol):
    """How many messages a relay was given in each window, those under way among them."""

    @property
    def minute(self) -> int:
        """In the last minute."""
        ...

    @property
    def hour(self) -> int:
        """In the last hour."""
        ...

    @property
    def day(self) -> int:
        """In the last 24 hours."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How many messages may go now; if none, which window is full, and its length."""

    now: int
    window: timedelta | None = None

    @property
    def is_brief(self) -> bool:
        """Whether waiting for it is no reason to go another way."""
        return self.window is None or self.window <= timedelta(minutes=1)

    @property
    def look_again(self) -> timedelta:
        """After how long asking again may bring something: a window frees its places one by one."""
        return min(self.window / 20, timedelta(seconds=15)) if self.window else timedelta(0)


def allowance(limits: Limits, taken: Counted, most: int) -> Allowance:
    """How many of `most` messages the limits leave room for, after what was taken of each window."""
    windows = (
        (limits.per_minute, taken.minute, timedelta(minutes=1)),
        (limits.per_hour, taken.hour, timedelta(hours=1)),
        (limits.per_day, taken.day, timedelta(days=1)),
    )
    left = [(limit - count, window) for limit, count, window in windows if limit is not None]
    full = [window for room, window in left if room <= 0]
    if full:
        return Allowance(now=0, window=max(full))
    return Allowance(now=min([most, *(room for room, _ in left)]))


# ---------------------------------------------------------------- what its replies teach

FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=15)
STEADY = 50
"""So many messages without a setback bring one connection back."""
DEFERRED = 3
"""So many recipients put off in a row, and it is the relay that wants a pause."""
UNREACHABLE = 5
"""So many failures in a row to get as far as MAIL, and nobody is there."""
REFUSED = 5
"""So many recipients refused by policy (5.7.x) in a row, and it is us that it refuses."""
LOST = 3
"""So many connections lost inside a message in a row, after a pause each, and no more is risked."""

_ARRIVING = (Phase.CONNECT, Phase.BANNER, Phase.EHLO, Phase.STARTTLS, Phase.TLS, Phase.AUTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How a relay is used just now. The counts are of messages in a row, and none survives a success."""

    connections: int
    per_connection: int | None
    """Messages; lower than its limit if the relay was seen to close after so many."""
    paused_until: datetime | None = None
    pauses: int = 0
    """In a row: each is twice as long as the one before."""
    is_probing: bool = False
    """After a pause one message goes first."""
    steady: int = 0
    deferred: frozenset[str] = frozenset()
    """Recipients."""
    unreachable: int = 0
    refused: int = 0
    lost: int = 0
    closed_after: int | None = None
    """How many messages the last connection bore that the relay closed."""

    @property
    def width(self) -> int:
        """How many connections may be used now."""
        return 1 if self.is_probing else self.connections

    @property
    def is_refusing(self) -> bool:
        """Whether what looked like the recipients' matter is ours."""
        return self.refused >= REFUSED

    @property
    def is_losing(self) -> bool:
        """Whether messages vanish there: nobody knows if they arrive."""
        return self.lost >= LOST

    def is_paused(self, now: datetime) -> bool:
        """Whether nothing may be started now."""
        return self.paused_until is not None and now < self.paused_until


def first_pace(limits: Limits, paused_until: datetime | None = None) -> Pace:
    """Where to begin: with all that the limits allow, after the pause that an earlier run began."""
    return Pace(
        connections=limits.connections,
        per_connection=limits.per_connection,
        paused_until=paused_until,
        is_probing=paused_until is not None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """An attempt, and what of its circumstances says how the relay does."""

    attempt: Attempt
    recipient: str
    slows: bool
    """As `failures.slows` judges it."""
    before: int
    """Messages that this connection had borne."""
    at: datetime


def learn(pace: Pace, met: Met, limits: Limits) -> Pace:
    """The pace after one more message.

    What was under way when a pause began only says the same again: it lengthens nothing.
    """
    if met.attempt.failure is None:
        return _succeeded(pace, limits)
    if pace.is_paused(met.at):
        return pace
    if _is_full(met):
        return _closed(pace, met)
    if met.attempt.failure is Failure.UNKNOWN:
        return slowed(replace(pace, lost=pace.lost + 1), met.at)
    return _set_back(pace, met)


def _set_back(pace: Pace, met: Met) -> Pace:
    if met.attempt.phase is Phase.RCPT and _is_put_off(met.attempt):
        return _put_off(pace, met)
    if met.slows:
        return slowed(pace, met.at)
    if met.attempt.phase in _ARRIVING:
        return _missed(pace, met.at)
    return _heard(pace, met.attempt)


def slowed(pace: Pace, now: datetime) -> Pace:
    """Half as many connections, and a pause: 30 s, 1, 2, 4, 8, 15, 15 minutes while it goes on."""
    return _pause(replace(pace, connections=max(1, pace.connections // 2)), now)


def _pause(pace: Pace, now: datetime) -> Pace:
    length = min(FIRST_PAUSE * 2 ** min(pace.pauses, 10), LONGEST_PAUSE)
    return replace(
        pace,
        paused_until=now + length,
        pauses=pace.pauses + 1,
        is_probing=True,
        steady=0,
        deferred=frozenset(),
    )


def _succeeded(pace: Pace, limits: Limits) -> Pace:
    """One connection comes back for every STEADY messages, and with it the relay's good name."""
    steady = pace.steady + 1
    is_steady = steady >= STEADY
    return replace(
        pace,
        connections=min(pace.connections + is_steady, limits.connections),
        pauses=0 if is_steady else pace.pauses,
        steady=0 if is_steady else steady,
        is_probing=False,
        deferred=frozenset(),
        unreachable=0,
        refused=0,
        lost=0,
    )


def _is_full(met: Met) -> bool:
    """Whether a relay ended a connection between messages, as RFC 5321 (3.8) lets it."""
    gone = met.attempt.code in (None, 421)
    return met.before > 0 and met.attempt.phase is Phase.MAIL and gone


def _closed(pace: Pace, met: Met) -> Pace:
    """A relay that closes twice after as many messages has a limit, which we keep from then on.

    The first time may be chance; two different numbers are no limit, but a wish for fewer messages.
    """
    if pace.closed_after == met.before:
        return replace(pace, per_connection=met.before, closed_after=None)
    if pace.closed_after is None or not met.slows:
        return replace(pace, closed_after=met.before)
    return slowed(replace(pace, closed_after=None), met.at)


def _is_put_off(attempt: Attempt) -> bool:
    """45z that is not said of the mailbox (RFC 3463, 3.3): greylisting, a quota, a policy."""
    return attempt.code is not None and attempt.code // 10 == 45 and not attempt.enhanced.startswith("4.2.")


def _put_off(pace: Pace, met: Met) -> Pace:
    deferred = pace.deferred | {met.recipient}
    if len(deferred) >= DEFERRED:
        return slowed(pace, met.at)
    return replace(pace, deferred=deferred, unreachable=0)


def _missed(pace: Pace, now: datetime) -> Pace:
    """Nobody there: after a few tries a pause, and then one try between pauses."""
    unreachable = pace.unreachable + 1
    if unreachable < UNREACHABLE:
        return replace(pace, unreachable=unreachable)
    return _pause(replace(pace, unreachable=UNREACHABLE - 1), now)


def _heard(pace: Pace, attempt: Attempt) -> Pace:
    """The relay is there and said no to this message."""
    is_policy = attempt.failure is Failure.RECIPIENT and attempt.enhanced.startswith("5.7.")
    return replace(
        pace,
        deferred=frozenset(),
        unreachable=0,
        refused=pace.refused + 1 if is_policy else 0,
        is_probing=False,
    )
