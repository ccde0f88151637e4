"""What every way out promises, whatever it is."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from digest.failures import state_after
from digest.model import Attempt, DeliveryState, Failure, Message, Phase
from digest.pace import Limits
from digest.text import clean

MAX_REPLY = 500
"""Characters of the other side's answer that are kept."""


class Transport(Protocol):
    """One connection of a way out; one message at a time."""

    async def check(self) -> str:
        """Try all but sending: log in, see that the folder can be written to.

        Says in plain words what works; raises `DeliveryError` with what does not, where, and what to do.
        """
        ...

    async def send(self, message: Message, *, committing: Callable[[], Awaitable[None]]) -> Attempt:
        """Hand one message over, and say how that ended, with phase, failure and reply.

        `committing` is awaited once, just before the message can arrive: until then a crash means "not
        sent", from then on "unknown". If it raises, nothing is sent and its exception passes through, as
        does being cancelled before it. It is not called where nothing goes out: refused earlier, or
        already there.

        What goes wrong out there is never raised. Raises `ValueError` for a message that is not one.
        """
        ...

    async def close(self) -> None:
        """Let go of the connection; the next `send` opens its own. Never raises."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """A way out under its name, with what it bears."""

    name: str
    """As records and reports name it: the `name` of its table, or its host; `maildir`, `folder`."""
    limits: Limits
    open: Callable[[], Transport]
    """A new connection of its own, which opens itself at the first `send`."""


def arrived(reply: str, phase: Phase = Phase.WRITE) -> Attempt:
    """The attempt of a message that is there; the reply becomes one clean line."""
    return Attempt(state=DeliveryState.SENT, reply=clean(reply, MAX_REPLY), phase=phase)


def set_back(failure: Failure, reply: str, phase: Phase = Phase.WRITE, *, fix: str = "") -> Attempt:
    """The attempt of a message that did not get through; its state follows from whose matter that is."""
    return Attempt(
        state=state_after(failure), reply=clean(reply, MAX_REPLY), phase=phase, failure=failure, fix=fix
    )
