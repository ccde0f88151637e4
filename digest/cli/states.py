"""How messages on their way out stand, in plain words."""

from datetime import datetime
from typing import TYPE_CHECKING

from digest.model import DeliveryState
from digest.moments import in_utc

if TYPE_CHECKING:
    from digest.store.record import Listed

_WORDS = {
    DeliveryState.QUEUED: "waits",
    DeliveryState.SENDING: "is being handed over",
    DeliveryState.SENT: "sent",
    DeliveryState.EXPIRED: "given up",
}


def in_words(one: "Listed", *, is_doubted: bool = False) -> str:
    """`waits`, `may have arrived`, ...; of what waits again, whether an earlier try may have brought it."""
    if is_doubted and one.state is DeliveryState.QUEUED:
        return f"{_WORDS[one.state]} (may have arrived before)"
    if one.state is DeliveryState.FAILED:
        return failed_in_words(one.reply)
    if one.state is DeliveryState.UNKNOWN:
        return "may have arrived" if one.ended_at else "is going out"
    return _WORDS[one.state]


def failed_in_words(reply: str) -> str:
    """What ended as failed: `refused` by a server, `bounced` after one took it, or `suppressed` by us.

    What a server said stands behind the phase, and so begins with neither.
    """
    return next((word for word in ("bounced", "suppressed") if reply.startswith(word)), "refused")


def moment(at: datetime | None) -> str:
    """In UTC, as everywhere; `-` for none."""
    return in_utc(at) if at else "-"


def instant(at: datetime | None) -> str | None:
    """For JSON."""
    return at.isoformat() if at else None
