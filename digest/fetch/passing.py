"""Faults that may be gone the next time."""

from digest.errors import FetchError


class PassingError(Exception):
    """`told` is what to say if trying again does not help."""

    def __init__(
        self, told: FetchError, *, host: str = "", why: str = "", asked_s: float | None = None
    ) -> None:
        super().__init__(str(told))
        self.told = told
        self.host = host
        """Who answered so; empty if it was nobody."""
        self.why = why
        """What it answered, in a word: `503`."""
        self.asked_s = asked_s
        """How long that host asks to be left alone, if it says."""


class BusyHostError(PassingError):
    """The host takes no more requests for now (429)."""
