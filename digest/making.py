"""From readers whose day it is to messages that wait in the outbox: a batch of them in a transaction."""

import threading
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from digest.errors import DigestError, StoreError
from digest.model import Delivery, Edition, Message, Note, Outcome, Profile, Suppression
from digest.outcome import reason_of
from digest.store.database import Database
from digest.store.deliveries import enqueue_many
from digest.store.editions import WAITS_FOR, days, record_outcomes, with_messages
from digest.store.suppressions import suppressed
from digest.store.waiting import expire_before, expire_strangers, last_days
from digest.text import clean

if TYPE_CHECKING:
    from sqlalchemy import Connection

BATCH = 100
"""Readers: enough to share the cost of queries and of a transaction, few enough to hold in memory."""

MAX_REASON = 500

WITHOUT_MESSAGE = frozenset({Outcome.QUIET, Outcome.NO_LIST, Outcome.SOURCE_DOWN})
"""How an edition may come out that is no message."""

T = TypeVar("T")
U = TypeVar("U")
Due = tuple[Profile, date]
"""A reader and the day to serve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Makers:
    """What makes messages; neither is asked about a reader who has the day's message already."""

    decide: "Callable[[Connection, Sequence[Due]], Sequence[Edition]]"
    """What the editions of several readers say, in their order; reads the store."""
    compose: Callable[[Edition], Message | None]
    """The message of an edition; `None` if the reader wants none of such a day."""
    waits: Callable[[Profile, date], tuple[Note, ...]] = lambda _profile, _day: ()
    """The lists that a reader's edition of a day waits for: the next run decides anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """A message of an earlier day that never went out; its papers count as not had."""

    delivery: Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class Barred:
    """A reader whose address gets no mail: no message was made."""

    profile: Profile
    suppression: Suppression


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """A reader whose edition waits for lists that are not whole yet."""

    profile: Profile
    lists: tuple[Note, ...]

    @property
    def reason(self) -> str:
        """`waits for huggingface (12 of usually 31 papers), arxiv (down), until 09:30 at the latest`."""
        named = ", ".join(f"{one.name} ({_how_far(one)})" for one in self.lists)
        until = f", until {self.profile.wait_until:%H:%M} at the latest" if self.profile.wait_until else ""
        return clean(f"{WAITS_FOR}{named}{until}", MAX_REASON)


def _how_far(one: Note) -> str:
    return one.state.value if one.state else f"{one.number:,} of usually {one.usual:,} papers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmade:
    """A reader whose message could not be made; the others' were."""

    profile: Profile
    problem: Exception
    """A `DigestError`, which says what to do; any other is a bug."""

    @property
    def trace(self) -> str:
        """Of a bug, whole; empty otherwise."""
        is_bug = not isinstance(self.problem, DigestError)
        return "".join(traceback.format_exception(self.problem)) if is_bug else ""

    @property
    def reason(self) -> str:
        """In one line."""
        if isinstance(self.problem, DigestError):
            return clean(str(self.problem), MAX_REASON)
        return f"a fault in Digest ({type(self.problem).__name__})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How many readers are done, of how many."""

    done: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NoMail:
    """A reader's day that ended without a message, as there was nothing to send."""

    profile: Profile
    day: date
    outcome: Outcome
    reason: str


Event = GivenUp | Barred | Waits | Unmade | NoMail | Progress
Tell = Callable[[Event], None]


def make(  # noqa: PLR0913 - the last by name only
    database: Database,
    due: Sequence[Due],
    makers: Makers,
    now: datetime,
    tell: Tell,
    *,
    stopping: threading.Event | None = None,
) -> None:
    """Put the message of each reader's day into the outbox, and state how the day stands.

    What waits from a reader's earlier days is given up first. A reader's failure is that reader's; raises
    StoreError where the store cannot be used. Where `stopping` is set meanwhile, no further batch is begun.
    """
    with database.begin() as connection:
        given_up = expire_before(connection, {profile.name: day for profile, day in due}, now)
    for one in given_up:
        tell(GivenUp(delivery=one))
    done = 0
    for batch in _batches(due):
        if stopping and stopping.is_set():
            return
        _make_batch(database, batch, makers, now, tell)
        done += len(batch)
        tell(Progress(done=done, of=len(due)))


def give_up_late(
    database: Database, today_of: Callable[[Collection[str]], Mapping[str, date]], now: datetime, tell: Tell
) -> None:
    """Give up what waits though its last day is over where its reader lives, be her next turn far.

    `today_of` says the local dates of those of some readers who have a profile. What has waited since before
    yesterday (UTC) for others is given up, too: nobody makes them another message, so that nothing else ends
    the waiting of the last one.
    """
    with database.read() as connection:
        found = last_days(connection, now)
    if not found:
        return
    todays = today_of(found)
    yesterday = now.astimezone(UTC).date() - timedelta(days=1)
    late = {name: day for name, day in todays.items() if found[name] < day}
    if not late and all(name in todays or day >= yesterday for name, day in found.items()):
        return
    with database.begin() as connection:
        given_up = expire_before(connection, late, now)
        given_up += expire_strangers(connection, todays, yesterday, now)
    for one in given_up:
        tell(GivenUp(delivery=one))


def decided(database: Database, due: Iterable[Due], makers: Makers) -> Iterator[Edition]:
    """The editions that `make` would decide now, without a word of those that fail: it will tell."""
    for batch in _batches(due):
        wanted, _, _ = _sifted(database, batch, makers)
        yield from _decided(database, wanted, makers, lambda _: None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stated:
    """How a reader's day stands, and the message of it, if there is one."""

    edition: Edition
    outcome: Outcome
    reason: str
    message: Message | None = None


def _make_batch(database: Database, batch: Sequence[Due], makers: Makers, now: datetime, tell: Tell) -> None:
    unmade: list[Unmade] = []

    def hear(event: Event) -> None:
        if isinstance(event, Unmade):
            unmade.append(event)
        tell(event)

    wanted, barred, waiting = _sifted(database, batch, makers)
    stated = [_unsent(one, day, Outcome.FAILED, _suppressed(why), now) for (one, day), why in barred.items()]
    day_of = {profile.name: day for profile, day in batch}
    for (profile, _), why in barred.items():
        tell(Barred(profile=profile, suppression=why))
    for one in waiting:
        stated.append(_unsent(one.profile, day_of[one.profile.name], Outcome.NOT_READY, one.reason, now))
        tell(one)
    editions = _decided(database, wanted, makers, hear)
    stated += _each(editions, lambda some: [_stated(one, makers) for one in some], _of_edition, hear)
    kept = _each(stated, lambda some: _kept(database, some, now), _of_stated, hear)
    failed = [
        _unsent(one.profile, day_of[one.profile.name], Outcome.FAILED, one.reason, now) for one in unmade
    ]
    _kept(database, _not_settled(database, failed), now)
    for each in kept:
        if each.message is None and each.outcome in WITHOUT_MESSAGE:
            tell(
                NoMail(
                    profile=each.edition.profile,
                    day=each.edition.day,
                    outcome=each.outcome,
                    reason=each.reason,
                )
            )


def _settled(database: Database, due: Iterable[Due]) -> frozenset[tuple[str, date]]:
    """Those of the readers' days that ended without a message before."""
    wanted = {(profile.name, day) for profile, day in due}
    if not wanted:
        return frozenset()
    since = min(day for _, day in wanted)
    with database.read() as connection:
        record = days(connection, {name for name, _ in wanted}, since)
    return frozenset((one.profile, one.day) for one in record if one.outcome in WITHOUT_MESSAGE) & wanted


def _not_settled(database: Database, stated: Sequence[_Stated]) -> list[_Stated]:
    """A day that ended without a message is made anew by hand only: if that fails, it ended as it did."""
    settled = _settled(database, ((one.edition.profile, one.edition.day) for one in stated))
    return [one for one in stated if (one.edition.profile.name, one.edition.day) not in settled]


def _sifted(
    database: Database, batch: Sequence[Due], makers: Makers
) -> tuple[list[Due], dict[Due, Suppression], list[Waits]]:
    """Those of the readers who have no message of the day yet; apart, those who get none, and who wait.

    Whose day ended without a message before, and would wait now, is left out: it ended as it did.
    """
    with database.read() as connection:
        have = with_messages(connection, ((profile.name, day) for profile, day in batch))
        lack = [(profile, day) for profile, day in batch if (profile.name, day) not in have]
        barred = suppressed(connection, (profile.email for profile, _ in lack))
    may_have = [one for one in lack if one[0].email not in barred]
    waiting = {profile.name: lists for profile, day in may_have if (lists := makers.waits(profile, day))}
    over = _settled(database, (one for one in may_have if one[0].name in waiting))
    may_have = [one for one in may_have if (one[0].name, one[1]) not in over]
    return (
        [one for one in may_have if one[0].name not in waiting],
        {one: barred[one[0].email] for one in lack if one[0].email in barred},
        [Waits(profile=one, lists=waiting[one.name]) for one, _ in may_have if one.name in waiting],
    )


def _decided(database: Database, wanted: Sequence[Due], makers: Makers, tell: Tell) -> list[Edition]:
    def decide(some: Sequence[Due]) -> Sequence[Edition]:
        with database.read() as connection:
            return makers.decide(connection, some)

    return _each(wanted, decide, lambda one: one[0], tell)


def _stated(edition: Edition, makers: Makers) -> _Stated:
    message = makers.compose(edition)
    return _Stated(edition=edition, outcome=edition.outcome, reason=reason_of(edition), message=message)


def _unsent(profile: Profile, day: date, outcome: Outcome, reason: str, now: datetime) -> _Stated:
    """A day without a message: a later run makes it, if it can."""
    edition = Edition(profile=profile, day=day, at=now, outcome=outcome, considered=0)
    return _Stated(edition=edition, outcome=outcome, reason=reason)


def _suppressed(why: Suppression) -> str:
    return f"suppressed since {why.at:%Y-%m-%d}: {why.reason}"


def _kept(database: Database, stated: Sequence[_Stated], now: datetime) -> Sequence[_Stated]:
    """State the outcomes, store the messages, mark their papers as had: all in one transaction.

    Messages are due by the clock that says so when they are claimed, which may not be this machine's.
    """
    if not stated:
        return stated
    due_at = database.now(now)
    with database.begin() as connection:
        record_outcomes(connection, [(one.edition, one.outcome, one.reason) for one in stated], now)
        enqueue_many(connection, [(one.edition, one.message) for one in stated if one.message], due_at)
    return stated


def _of_edition(edition: Edition) -> Profile:
    return edition.profile


def _of_stated(stated: _Stated) -> Profile:
    return stated.edition.profile


def _each(
    some: Sequence[T], whole: Callable[[Sequence[T]], Sequence[U]], whose: Callable[[T], Profile], tell: Tell
) -> list[U]:
    """What comes of all at once; one by one, where one of them spoils it for the others."""
    try:
        return list(whole(some)) if some else []
    except StoreError:
        raise
    except Exception as problem:
        if len(some) == 1:
            tell(Unmade(profile=whose(some[0]), problem=problem))
            return []
    return [made for one in some for made in _each([one], whole, whose, tell)]


def _batches(due: Iterable[Due]) -> Iterator[list[Due]]:
    rest = iter(due)
    while batch := list(islice(rest, BATCH)):
        yield batch
