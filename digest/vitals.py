"""How a service is: whether its parts do their work, in a value, a file and a line."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from digest.moments import in_utc
from digest.text import clean, without_addresses

SILENT_FOR = timedelta(minutes=30)
"""A part that is at work, and gave no sign of life for so long, hangs: no page, batch of readers or message
takes a quarter of that."""
UNSEEN_TICKS = 3
"""So many ticks may pass, and a minute, before a service that says nothing is taken for dead."""
MAX_PROBLEM = 300


class Wellness(StrEnum):
    """How a service is."""

    OK = "ok"
    LATE = "late"
    """It works, and an edition is overdue all the same: a person was told."""
    FAILING = "failing"
    """A part of it does not do its work."""
    ENDED = "ended"
    """It was asked to end, and did in good order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of the things that a service does again and again."""

    name: str
    ended_at: datetime | None = None
    """When it last did what it was to; `None`: not yet."""
    problem: str = ""
    """Why it did not, the last time; empty if it did."""
    silent_for: timedelta = timedelta()
    """Since its last sign of life: of one that is at work, or that should be again."""

    def hangs(self, patience: timedelta = timedelta()) -> bool:
        """Whether it will not end by itself; so much longer it may be silent."""
        return self.silent_for > SILENT_FOR + patience


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """How a service was at a moment."""

    at: datetime
    pid: int
    tick_s: int
    readers: int
    parts: tuple[Part, ...] = ()
    hanging: tuple[str, ...] = ()
    """The names of those parts that hang."""
    next_at: datetime | None = None
    """When the next edition is due; may be past."""
    overdue: tuple[str, ...] = ()
    problem: str = ""
    """What is wrong with the configuration since it was read; it works by the one of before."""
    has_ended: bool = False
    """Whether this was its last word."""

    @property
    def state(self) -> Wellness:
        """As a whole."""
        if self.has_ended:
            return Wellness.ENDED
        if self.hanging or any(part.problem for part in self.parts):
            return Wellness.FAILING
        return Wellness.LATE if self.overdue else Wellness.OK

    def is_other(self, before: "Vitals") -> bool:
        """Whether something is right or wrong now that was not, or it will be heard of at another pace."""
        return self._standing != before._standing

    @property
    def _standing(self) -> tuple[object, ...]:
        ill = frozenset((part.name, part.problem) for part in self.parts if part.problem)
        return ill, self.hanging, bool(self.overdue), self.problem, self.tick_s


def is_unseen(at: datetime, tick_s: int, now: datetime) -> bool:
    """Whether a service that was last heard of at a moment was silent for too long."""
    return now - at > timedelta(seconds=UNSEEN_TICKS * tick_s + 60)


def as_json(vitals: Vitals) -> str:
    """For the health file, which others may read: without mail addresses, which servers' replies have."""
    shown = replace(
        vitals,
        parts=tuple(replace(part, problem=without_addresses(part.problem)) for part in vitals.parts),
        overdue=tuple(map(without_addresses, vitals.overdue)),
        problem=without_addresses(vitals.problem),
    )
    written = {"state": vitals.state.value, **asdict(shown)}
    del written["has_ended"]
    return json.dumps(written, default=_plain, indent=1) + "\n"


def of_json(text: str) -> Vitals:
    """The same back. Raises ValueError if it is none."""
    try:
        given = json.loads(text)
        parts = tuple(_part(one) for one in given["parts"])
        return Vitals(
            at=datetime.fromisoformat(given["at"]),
            pid=int(given["pid"]),
            tick_s=int(given["tick_s"]),
            readers=int(given["readers"]),
            parts=parts,
            hanging=tuple(map(str, given["hanging"])),
            next_at=_moment(given["next_at"]),
            overdue=tuple(map(str, given["overdue"])),
            problem=str(given["problem"]),
            has_ended=given["state"] == Wellness.ENDED,
        )
    except (KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise ValueError(f"is no health file ({type(problem).__name__})") from problem


def in_words(vitals: Vitals, now: datetime) -> str:
    """`ok: 12 readers, next edition at 2026-11-22 05:10 UTC`, or what is wrong first."""
    if vitals.has_ended:
        return f"{Wellness.ENDED.value}: not at work since {in_utc(vitals.at)} (process {vitals.pid})"
    if is_unseen(vitals.at, vitals.tick_s, now):
        return f"failing: no sign of life since {in_utc(vitals.at)} (process {vitals.pid})"
    wrong = [f"{name} hangs" for name in vitals.hanging]
    wrong += [f"{part.name}: {part.problem}" for part in vitals.parts if part.problem]
    wrong += [*vitals.overdue, *([vitals.problem] if vitals.problem else [])]
    told = "; ".join(clean(without_addresses(one), MAX_PROBLEM) for one in wrong) or _calm(vitals)
    return f"{vitals.state.value}: {told}"


def _calm(vitals: Vitals) -> str:
    when = f"next edition at {in_utc(vitals.next_at)}" if vitals.next_at else "no edition is due"
    return f"{vitals.readers:,} reader{'' if vitals.readers == 1 else 's'}, {when}"


def _part(given: Mapping[str, Any]) -> Part:
    return Part(
        name=str(given["name"]),
        ended_at=_moment(given["ended_at"]),
        problem=str(given["problem"]),
        silent_for=timedelta(seconds=float(given["silent_for"])),
    )


def _moment(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None


def _plain(value: object) -> str | float:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    if isinstance(value, timedelta):
        return round(value.total_seconds(), 1)
    raise TypeError(f"{type(value).__name__} has no place in a health file")
