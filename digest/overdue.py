"""Which editions are overdue, and why; what was missed while nothing ran. All of it pure."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from digest.model import Outcome, Profile
from digest.moments import in_utc, lasting
from digest.schedule import A_DAY, agenda, moment, planned, turn_of
from digest.store.overdue import Found, Unmade, Unsent, Untouched
from digest.store.relays import RelayHealth
from digest.text import clean
from digest.vitals import UNSEEN_TICKS

_NONE: Mapping[tuple[str, date], Outcome] = MappingProxyType({})
MOST = 10_000
"""Of more than so many is only said that they are more: they are not worth holding in memory."""
REASONS = 3
MAX_REASON = 200
NOT_TRIED = "not tried: "
"""How the reply of a message begins that was claimed and given back, as its relay was left alone by then."""
AT_WORK_LATELY = timedelta(minutes=3)
"""A process that was seen so lately is taken to be at work still: there was no gap."""


def lately(tick_s: int) -> timedelta:
    """The same for one that is seen at each tick only."""
    return max(AT_WORK_LATELY, timedelta(seconds=UNSEEN_TICKS * tick_s + 60))


class Lack(StrEnum):
    """What an edition lacks."""

    TURN = "turn"
    """Nobody has looked at it since it was due."""
    LIST = "list"
    """It waits for a list, though the reader does not any more."""
    MAKING = "making"
    """It could not be made."""
    RELAY = "relay"
    """Its message waits to be sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsettled:
    """An edition that is due and did not go out."""

    profile: str
    day: date
    lack: Lack
    due_at: datetime
    """The reader's hour, as far as it is known."""
    since: datetime
    """From when on Digest should have done better."""
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Because:
    """Why some editions are overdue."""

    editions: int
    lack: Lack
    why: str
    """In lower case, without a stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """The editions of one day of their readers' calendars that are overdue."""

    day: date
    editions: int
    is_more: bool
    """Whether there are more than were counted."""
    by: timedelta
    """How long the first of them has been due."""
    because: tuple[Because, ...]
    """What most of them have in common first."""

    @property
    def lacks(self) -> tuple[Lack, ...]:
        """What they lack, each once."""
        return tuple(dict.fromkeys(one.lack for one in self.because))

    @property
    def line(self) -> str:
        """`12 editions for 2026-08-21 overdue by 40 min, 9 because ..., and 3 because ...`."""
        editions = _many(self.editions, "edition", self.is_more)
        return f"{editions} for {self.day} overdue by {lasting(self.by)}, {self._reasons()}"

    def _reasons(self) -> str:
        if len(self.because) == 1:
            return f"because {self.because[0].why}"
        told = [f"{one.editions:,} because {one.why}" for one in self.because[:REASONS]]
        if rest := sum(one.editions for one in self.because[REASONS:]):
            told.append(f"{rest:,} for other reasons")
        return f"{', '.join(told[:-1])}, and {told[-1]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A relay that takes messages, as fast as its limits let it."""

    needs: timedelta
    """So long it takes until all that waits is out."""
    is_full: str = ""
    """The limit that is used up just now: `the limit of 100 an hour of main`; empty if none is."""


LONG_ENOUGH = timedelta(hours=12)
"""So long, by the operator's own limits, messages may wait for their turn: then their day ends for most."""


def unsettled(  # noqa: PLR0913 - the last by name only
    found: Found,
    profiles: Mapping[str, Profile],
    relays: Sequence[RelayHealth],
    *,
    flows: Sequence[Flow] = (),
    began_at: datetime | None,
    now: datetime,
) -> tuple[Unsettled, ...]:
    """What the store has of editions that are due, each once, and what each of them lacks.

    `flows`: the relays that messages go out by just now. `began_at`: since when Digest is at work; what was
    due before is its matter since then only.
    """
    profiles = {**profiles, **_planned(found, profiles)}
    # Who waits for a list is due when that is over, and not at each look.
    waits = {_key(one) for one in found.unmade if not _is_late(one, profiles, now)}
    # What is known best of an edition comes last: a turn whose edition failed may be due again.
    each = (
        *(_untouched(one, profiles, began_at) for one in found.untouched if _key(one) not in waits),
        *_unsent(found.unsent, profiles, relays=relays, flows=flows, began_at=began_at, now=now),
        *(_unmade(one, profiles) for one in found.unmade if _is_late(one, profiles, now)),
    )
    return tuple({(one.profile, one.day): one for one in each}.values())


def _key(one: Untouched | Unmade) -> tuple[str, date]:
    return one.profile, one.day


def _planned(found: Found, profiles: Mapping[str, Profile]) -> dict[str, Profile]:
    """Readers whose profiles cannot be used just now, as far as their turns tell."""
    rows: tuple[Untouched | Unmade, ...] = (*found.untouched, *found.unmade)
    return {one.profile: planned(one.profile, one.plan) for one in rows if one.profile not in profiles}


def overdue(unsettled: Iterable[Unsettled], *, grace: timedelta, now: datetime) -> tuple[Overdue, ...]:
    """Those that have been unsettled for longer than the grace, by day: the earliest first."""
    days: dict[date, list[Unsettled]] = {}
    for one in unsettled:
        if now - one.since > grace:
            days.setdefault(one.day, []).append(one)
    return tuple(_of_day(day, days[day], now) for day in sorted(days))


def _of_day(day: date, late: Sequence[Unsettled], now: datetime) -> Overdue:
    counted = Counter((one.lack, one.why) for one in late)
    return Overdue(
        day=day,
        editions=min(len(late), MOST),
        is_more=len(late) > MOST,
        by=now - min(one.due_at for one in late),
        because=tuple(
            Because(editions=number, lack=lack, why=why) for (lack, why), number in counted.most_common()
        ),
    )


# ---------------------------------------------------------------- why


def _untouched(one: Untouched, profiles: Mapping[str, Profile], began_at: datetime | None) -> Unsettled:
    # A turn that moved on to another day may have been due for that of before.
    due_at = _due(one.profile, one.day, profiles) or one.due_at
    at_work = "" if began_at is None else f", though Digest has been at work since {in_utc(began_at)}"
    return Unsettled(
        profile=one.profile,
        day=one.day,
        lack=Lack.TURN,
        due_at=due_at,
        since=_later(max(one.due_at, due_at), began_at),
        why=f"no pass has come to them{at_work}",
    )


def _is_late(one: Unmade, profiles: Mapping[str, Profile], now: datetime) -> bool:
    """What failed is late at once, as no time mends it; what waits for a list is, when its time is over."""
    return one.outcome is Outcome.FAILED or _waited_until(one, profiles) <= now


def _unmade(one: Unmade, profiles: Mapping[str, Profile]) -> Unsettled:
    due_at = _due(one.profile, one.day, profiles) or one.at
    waits = one.outcome is Outcome.NOT_READY
    return Unsettled(
        profile=one.profile,
        day=one.day,
        lack=Lack.LIST if waits else Lack.MAKING,
        due_at=due_at,
        since=_waited_until(one, profiles) if waits else due_at,
        why=clean(one.reason, MAX_REASON).rstrip("."),
    )


def _waited_until(one: Unmade, profiles: Mapping[str, Profile]) -> datetime:
    profile = profiles.get(one.profile)
    if profile is None or profile.wait_until is None:
        return one.at
    return moment(one.day, profile.wait_until, profile.timezone)


def _unsent(  # noqa: PLR0913 - the last by name only
    waiting: Sequence[Unsent],
    profiles: Mapping[str, Profile],
    *,
    relays: Sequence[RelayHealth],
    flows: Sequence[Flow],
    began_at: datetime | None,
    now: datetime,
) -> Iterator[Unsettled]:
    if not waiting:
        return
    usual, untried = _replies(waiting), _full(flows) or _trouble(relays, now)
    for one in waiting:
        is_untried = not one.reply or one.reply.startswith(NOT_TRIED)
        in_turn = is_untried and any(now - one.queued_at + flow.needs <= LONG_ENOUGH for flow in flows)
        yield Unsettled(
            profile=one.profile,
            day=one.day,
            lack=Lack.RELAY,
            due_at=min(_due(one.profile, one.day, profiles) or one.queued_at, one.queued_at),
            # What goes out in its turn is not late yet.
            since=now if in_turn else _later(one.queued_at, began_at),
            why=usual[one.relay] if one.reply else untried,
        )


def _replies(waiting: Iterable[Unsent]) -> dict[str, str]:
    """What each relay said most often: replies differ in a number, and what they say does not."""
    said: dict[str, Counter[str]] = {}
    for one in waiting:
        if one.reply:
            said.setdefault(one.relay, Counter())[one.reply] += 1
    return {
        name: clean(_said(name, replies.most_common(1)[0][0]), MAX_REASON).rstrip(".")
        for name, replies in said.items()
    }


def _said(relay: str, reply: str) -> str:
    """What a relay was not asked says for itself why: `main is given a pause after: ...`."""
    if reply.startswith(NOT_TRIED):
        return reply.removeprefix(NOT_TRIED)
    return f"the relay {relay} said: {reply}"


def _full(flows: Iterable[Flow]) -> str:
    """Where the limits are too narrow for a day's mail."""
    return "; ".join(
        f"{one.is_full} is used up, and all that waits needs {lasting(one.needs)}"
        for one in flows
        if one.is_full
    )


def _trouble(relays: Iterable[RelayHealth], now: datetime) -> str:
    """Why messages wait that no relay was asked to take."""
    told = [said for one in relays if (said := _of_relay(one, now))]
    return clean("; ".join(told), MAX_REASON).rstrip(".") or "their messages were not tried yet"


def _of_relay(one: RelayHealth, now: datetime) -> str:
    if one.paused_until is not None and one.paused_until > now:
        return f"the relay {one.name} is paused until {in_utc(one.paused_until)}: {one.reply}"
    return f"the relay {one.name} takes nothing: {one.reply}" if one.failure else ""


def _due(name: str, day: date, profiles: Mapping[str, Profile]) -> datetime | None:
    """The reader's hour; `None` where the profile cannot be read."""
    profile = profiles.get(name)
    return turn_of(profile, day).due_at if profile else None


def _later(one: datetime, other: datetime | None) -> datetime:
    return one if other is None else max(one, other)


# ---------------------------------------------------------------- while nothing ran


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A time in which nothing ran, and what was due in it."""

    began_at: datetime
    """When Digest was last seen at work; where that is not known, when the first edition was due."""
    is_seen: bool
    """Whether a process that is always there was last seen then: that it was not is news by itself."""
    ended_at: datetime
    late: int = 0
    """Editions that can still be made."""
    expired: int = 0
    """Days for which it is too late."""
    unusable: int = 0
    """Editions of readers whose profiles cannot be used just now."""
    waiting: int = 0
    """Messages that waited to be sent."""
    is_more: bool = False
    """Whether there are more than were counted."""
    longest: timedelta = timedelta()
    """How late the first of them is by this."""
    was_there: bool = False
    """Whether Digest was there all the time, but asleep, or without its store."""

    @property
    def editions(self) -> int:
        """How many were due."""
        return self.late + self.expired + self.unusable

    @property
    def line(self) -> str:
        """`Digest did not run from 2026-08-21 05:10 to 14:22 UTC (9 h 12 min): 12 editions were due; ...`."""
        lasted = lasting(self.ended_at - self.began_at)
        return f"{self._which()} {_span(self.began_at, self.ended_at)} ({lasted}): {'; '.join(self._parts())}"

    def _which(self) -> str:
        if self.was_there:
            return "Digest could do nothing from"
        return "Digest did not run from" if self.is_seen else "no pass of Digest came from"

    def _parts(self) -> Iterator[str]:
        if not self.editions:
            yield "no edition was due"
        else:
            were = "was" if self.editions == 1 and not self.is_more else "were"
            yield f"{_many(self.editions, 'edition', self.is_more)} {were} due"
        if self.late:
            yield f"{self.late:,} can still be made, late"
        if self.expired:
            yield f"{_many(self.expired, 'day')} ended without one (expired)"
        if self.unusable:
            yield f"{self.unusable:,} cannot be made (see `digest check`)"
        if self.waiting:
            yield f"{_many(self.waiting, 'message')} waited to be sent"

    def calls_a_person(self, grace: timedelta) -> bool:
        """Whether somebody's edition is late by more than the grace, or will never be."""
        return bool(self.expired) or self.longest > grace


def gap_of(  # noqa: PLR0913 - the last by name only
    found: Found,
    profiles: Mapping[str, Profile],
    *,
    settled: Collection[tuple[str, date]] = (),
    tried: Mapping[tuple[str, date], Outcome] = _NONE,
    last_seen: datetime | None,
    still: timedelta = AT_WORK_LATELY,
    now: datetime,
) -> Gap | None:
    """What was due while nothing ran; `None` if something did run.

    `settled`: readers' days that have a message, though the turn did not move on before the end came, and
    days of readers who get no mail. `tried`: days that were looked at before, and failed, which no gap is to
    blame for, or wait for a list, and are due when that is over. `still`: who was seen so lately is at work
    still.
    """
    if last_seen is not None and now - last_seen < still:
        return None
    looked_at = {key for key, outcome in tried.items() if outcome is Outcome.FAILED}
    due = (_when_due(one, profiles.get(one.profile), tried.get(_key(one))) for one in found.untouched)
    wanted = [one for one in due if _key(one) not in settled and one.due_at <= now]
    open_to = {
        one: agenda(
            profiles[one.profile],
            last=one.day - A_DAY,
            now=now,
            settled={one.day} if _key(one) in looked_at else frozenset(),
        )
        for one in wanted
        if one.profile in profiles
    }
    unusable = [one for one in wanted if one not in open_to and _key(one) not in looked_at]
    missed = [one for one, agenda in open_to.items() if agenda.passed or agenda.turn]
    # What was tried before, and put off, did not wait for this.
    untried = [one.queued_at for one in found.unsent if not one.reply]
    since = [one.due_at for one in (*missed, *unusable)] + untried
    began_at = last_seen or min([*since, *(one.queued_at for one in found.unsent)], default=None)
    if began_at is None:
        return None
    return Gap(
        began_at=began_at,
        is_seen=last_seen is not None,
        ended_at=now,
        late=sum(open_to[one].turn is not None for one in missed),
        expired=sum(len(open_to[one].passed) for one in missed),
        unusable=len(unusable),
        waiting=len(found.unsent),
        is_more=len(found.untouched) > MOST,
        longest=now - max(began_at, min(since, default=now)),
    )


def _when_due(one: Untouched, profile: Profile | None, outcome: Outcome | None) -> Untouched:
    """The same by when its edition was to be made, which may be later than when it was to be looked at."""
    if profile is None:
        return one
    hour = turn_of(profile, one.day).due_at
    if outcome is Outcome.NOT_READY and profile.wait_until:
        hour = moment(one.day, profile.wait_until, profile.timezone)
    return replace(one, due_at=max(one.due_at, hour))


# ---------------------------------------------------------------- words


def _many(number: int, what: str, is_more: bool = False) -> str:
    more = "more than " if is_more else ""
    return f"{more}{number:,} {what}{'' if number == 1 and not is_more else 's'}"


def _span(one: datetime, other: datetime) -> str:
    """`2026-08-21 05:10 to 14:22 UTC`; with the second date where it is another."""
    begin, end = one.astimezone(UTC), other.astimezone(UTC)
    ends = f"{end:%H:%M}" if begin.date() == end.date() else f"{end:%Y-%m-%d %H:%M}"
    return f"{begin:%Y-%m-%d %H:%M} to {ends} UTC"
