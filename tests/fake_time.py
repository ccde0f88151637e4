"""An event loop whose clock runs only while everybody waits: an hour of pauses passes in a moment."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")
STUCK_S = 20
"""Real seconds without anything to do, and nothing that could come: a test that would never end."""


class FakeTimeLoop(asyncio.SelectorEventLoop):
    """Sleeping costs nothing; threads and sockets are waited for as ever."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.in_threads = 0
        super().__init__(_Selector(self))

    def time(self) -> float:
        return self.now_s

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]
        self.in_threads += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._is_back)
        return future

    def _is_back(self, _: object) -> None:
        self.in_threads -= 1


class _Selector(selectors.BaseSelector):
    """The usual one, which lets the loop's clock run instead of waiting."""

    def __init__(self, loop: FakeTimeLoop) -> None:
        self._real = selectors.DefaultSelector()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        if timeout is not None and timeout <= 0:
            return self._real.select(0)
        if self._loop.in_threads:
            return self._real.select(STUCK_S)
        if timeout is None:
            ready = self._real.select(STUCK_S)
            if not ready:
                raise RuntimeError("everybody waits, and nothing will happen")
            return ready
        ready = self._real.select(0)
        if not ready:
            self._loop.now_s += timeout
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> Any:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> Any:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> Any:
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, Any]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


class FakeTime:
    """Runs coroutines in such a loop, and tells its time as a wall clock that starts at `start`."""

    def __init__(self, start: datetime) -> None:
        self._start, self._passed_s = start, 0.0
        self._loop: FakeTimeLoop | None = None

    def clock(self) -> datetime:
        return self._start + timedelta(seconds=self._loop.now_s if self._loop else self._passed_s)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """To its end; the time that passes stays passed."""
        self._loop = FakeTimeLoop()
        self._loop.now_s = self._passed_s
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:  # type: ignore[arg-type,return-value]
                return runner.run(coroutine)
        finally:
            self._passed_s, self._loop = self._loop.now_s, None

    def wait(self, seconds: float) -> None:
        """Let time pass between two runs."""
        self._passed_s += seconds
