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
class Full:
    """A window without a place left."""

    limit: int
    length: timedelta
    lack: int
    """So many places have to become free for one message to go."""

    def __str__(self) -> str:
        return f"the limit of {self.limit:,} {_AN[self.length]}"


MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_AN = {MINUTE: "a minute", HOUR: "an hour", DAY: "a day"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How many messages may go now; if none, which windows are full, the longest first."""

    now: int
    full: tuple[Full, ...] = ()

    @property
    def is_brief(self) -> bool:
        """Whether waiting for it is no reason to go another way."""
        return not self.full or self.full[0].length <= MINUTE

    @property
    def look_again(self) -> timedelta:
        """After how long asking again may bring something, while places are taken by what is under way."""
        return min(self.full[0].length / 20, timedelta(seconds=15)) if self.full else timedelta(0)


def allowance(limits: Limits, taken: Counted, most: int) -> Allowance:
    """How many of `most` messages the limits leave room for, after what was taken of each window."""
    windows = (
        (limits.per_day, taken.day, DAY),
        (limits.per_hour, taken.hour, HOUR),
        (limits.per_minute, taken.minute, MINUTE),
    )
    bounds = [(limit, count, length) for limit, count, length in windows if limit is not None]
    full = [
        Full(limit=limit, length=length, lack=count - limit + 1)
        for limit, count, length in bounds
        if count >= limit
    ]
    return Allowance(
        now=0 if full else min([most, *(limit - count for limit, count, _ in bounds)]), full=tuple(full)
    )


def lasts(limits: Limits, messages: int) -> timedelta:
    """How long the limits make so many messages last, if what was taken before is used up."""
    windows = ((limits.per_minute, MINUTE), (limits.per_hour, HOUR), (limits.per_day, DAY))
    return max((length * (messages / limit) for limit, length in windows if limit), default=timedelta())


# ---------------------------------------------------------------- what its replies teach

FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=15)
STEADY = 50
"""So many messages without a setback bring one connection back."""
DEFERRED = 10
"""So many recipients put off in a row, and it is the relay that wants a pause."""
DEFERRED_DOMAINS = 3
"""So many domains are enough: one alone may greylist strangers."""
UNREACHABLE = 5
"""So many failures in a row to get as far as MAIL, and nobody is there."""
REFUSED = 5
"""So many recipients refused in a row, none for its address, and it is us that is refused."""
LOST = 3
"""So many connections lost inside a message in a row, after a pause each, and no more is risked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How a relay is used just now. The counts are of messages in a row, and none survives a success."""

    connections: int
    per_connection: int | None
    """Messages; lower than its limit if the relay was seen to close after so many."""
    paused_until: datetime | None = None
    pause: timedelta | None = None
    """How long the last one was; `None` if that is forgotten."""
    is_probing: bool = False
    """After a pause one message goes first."""
    steady: int = 0
    """Messages taken since the last pause, or since the last connection that came back."""
    deferred: frozenset[str] = frozenset()
    """Recipients."""
    unreachable: int = 0
    refused: frozenset[str] = frozenset()
    """Recipients, but for those whose address is no good."""
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
        return len(self.refused) >= REFUSED

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
    is_about_address: bool = False
    """As `failures.is_about_address` judges it."""
    before: int
    """Messages that this connection had borne."""
    at: datetime


def learn(pace: Pace, met: Met, limits: Limits) -> Pace:
    """The pace after one more message.

    What was under way when a pause began only says the same again: it lengthens nothing.
    """
    if met.attempt.failure is None:
        return _succeeded(pace, met, limits)
    if pace.is_paused(met.at):
        return pace
    if _is_full(met):
        return _closed(pace, met)
    if met.attempt.failure is Failure.UNKNOWN:
        return slowed(replace(pace, lost=pace.lost + 1), met.at)
    return _set_back(pace, met)


def _set_back(pace: Pace, met: Met) -> Pace:
    phase = met.attempt.phase
    if phase is not None and phase.has_recipient and _is_put_off(met.attempt):
        return _put_off(pace, met)
    if met.slows:
        return slowed(pace, met.at)
    if phase is not None and phase.is_arriving:
        return _missed(pace, met.at)
    return _heard(pace, met)


def slowed(pace: Pace, now: datetime) -> Pace:
    """Half as many connections, and a pause."""
    return _pause(replace(pace, connections=max(1, pace.connections // 2)), now)


def _pause(pace: Pace, now: datetime) -> Pace:
    """30 s, 1, 2, 4, 8, 15, 15 minutes while nothing is taken in between, and back if something is.

    So a relay that takes so many messages a minute gets at least half as many, though nobody said the number.
    """
    before = pace.pause or timedelta(0)
    length = max(FIRST_PAUSE, min(before / 2 if pace.steady else before * 2, LONGEST_PAUSE))
    return replace(
        pace,
        paused_until=now + length,
        pause=length,
        is_probing=True,
        steady=0,
        deferred=frozenset(),
    )


def _succeeded(pace: Pace, met: Met, limits: Limits) -> Pace:
    """One connection comes back for every STEADY messages, and with it the relay's good name.

    What was under way when a pause began says nothing of the time after it.
    """
    is_paused = pace.is_paused(met.at)
    steady = pace.steady + (not is_paused)
    is_steady = steady >= STEADY
    return replace(
        pace,
        connections=min(pace.connections + is_steady, limits.connections),
        pause=None if is_steady else pace.pause,
        steady=0 if is_steady else steady,
        is_probing=pace.is_probing and is_paused,
        deferred=frozenset(),
        unreachable=0,
        refused=frozenset(),
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
    domains = {recipient.rpartition("@")[2].lower() for recipient in deferred}
    if len(deferred) >= DEFERRED or len(domains) >= DEFERRED_DOMAINS:
        return slowed(pace, met.at)
    return replace(pace, deferred=deferred, unreachable=0)


def _missed(pace: Pace, now: datetime) -> Pace:
    """Nobody there: after a few tries a pause, and then one try between pauses."""
    unreachable = pace.unreachable + 1
    if unreachable < UNREACHABLE:
        return replace(pace, unreachable=unreachable)
    return _pause(replace(pace, unreachable=UNREACHABLE - 1), now)


def _heard(pace: Pace, met: Met) -> Pace:
    """The relay is there and said no to this message."""
    may_be_us = met.attempt.failure is Failure.RECIPIENT and not met.is_about_address
    return replace(
        pace,
        deferred=frozenset(),
        unreachable=0,
        refused=pace.refused | {met.recipient} if may_be_us else pace.refused,
        is_probing=False,
    )
