"""What every way out promises, whatever it is."""

from collections.abc import Callable
from typing import Protocol

from digest.model import Attempt, DeliveryState, Message
from digest.text import clean

MAX_REPLY = 500
"""Characters of the other side's answer that are kept."""


class Transport(Protocol):
    """A way out."""

    def check(self) -> str:
        """Try all but sending: log in, see that the folder can be written to.

        Says in plain words what works; raises `DeliveryError` with what does not, where, and what to do.
        """
        ...

    def send(self, message: Message, *, committing: Callable[[], None]) -> Attempt:
        """Hand one message over, and say how that ended.

        `committing` is called once, just before the message can arrive: until then a crash means "not
        sent", from then on "unknown". If it raises, nothing is sent and its exception passes through. It is
        not called where nothing goes out: refused earlier, or already there.

        Ends as `sent`; `queued` (transient, or about us: try again); `failed` (permanent, about this
        recipient); `unknown` (lost after the body began: the other side may have it). Raises
        `DeliveryError` where no message can go out until a person acts (login refused, no valid TLS, a
        path that cannot be written to), and `ValueError` for a message that is not one.
        """
        ...

    def close(self) -> None:
        """Let go of connections; the next `send` opens its own. Never raises."""
        ...


def ended(state: DeliveryState, reply: str) -> Attempt:
    """An attempt whose reply is one clean line."""
    return Attempt(state=state, reply=clean(reply, MAX_REPLY))
