"""Signs of life of a service's parts, by a clock that nobody moves."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from digest.vitals import Part

AGAIN_S = 3_600.0
"""So often, in seconds, a problem is news that stays as it is."""


@dataclass(slots=True)
class _Pulse:
    sign_at: float
    """When it began, last gave a sign, or ended."""
    began_at: float | None = None
    """`None` while it rests."""
    ended_at: datetime | None = None
    problem: str = ""
    told_at: float = 0.0
    """When the problem was news last."""
    is_new: bool = True
    """Whether it never came to an end yet."""


class Pulses:
    """Who is at work, for how long, and how that ended the last time; asked and told in any thread."""

    def __init__(self, names: Iterable[str], clock: Callable[[], float]) -> None:
        self._clock = clock
        self._of = {name: _Pulse(clock()) for name in names}
        self._here: dict[int, str] = {}
        """Who is at work in which thread."""

    @contextmanager
    def at_work(self, name: str) -> Iterator[None]:
        """From a part's beginning to its end, in one thread."""
        one, thread = self._of[name], threading.get_ident()
        self._here[thread] = name
        one.began_at = one.sign_at = self._clock()
        try:
            yield
        finally:
            one.began_at, one.sign_at, one.is_new = None, self._clock(), False
            del self._here[thread]

    def well(self, name: str, at: datetime) -> bool:
        """It did what it was to; whether that is news."""
        one = self._of[name]
        was_ill, one.problem, one.ended_at = bool(one.problem), "", at
        return was_ill

    def ill(self, name: str, problem: str) -> bool:
        """It did not; whether that is news: when it begins, is another, and each hour."""
        one, now = self._of[name], self._clock()
        is_news = problem != one.problem or now - one.told_at >= AGAIN_S
        one.problem, one.told_at = problem, now if is_news else one.told_at
        return is_news

    def sign(self, name: str) -> None:
        """It lives."""
        self._of[name].sign_at = self._clock()

    def sign_here(self) -> None:
        """Whoever is at work in this thread lives."""
        if name := self._here.get(threading.get_ident()):
            self.sign(name)

    def working(self) -> tuple[str, ...]:
        """Who is at work."""
        return tuple(name for name, one in self._of.items() if one.began_at is not None)

    def is_awaited(self, name: str, at_most_s: float) -> bool:
        """Whether a part is at work, or never was yet, and for no longer than that."""
        one, now = self._of[name], self._clock()
        since = one.began_at if one.began_at is not None else one.sign_at if one.is_new else None
        return since is not None and now - since < at_most_s

    def parts(self, tick_s: float) -> tuple[Part, ...]:
        """How each of them is; one that rests is silent from when its next tick should have been."""
        now = self._clock()
        return tuple(
            Part(
                name=name,
                ended_at=one.ended_at,
                problem=one.problem,
                silent_for=timedelta(
                    seconds=max(0.0, now - one.sign_at - (tick_s if one.began_at is None else 0))
                ),
            )
            for name, one in self._of.items()
        )
