"""How messages on their way out stand, in plain words."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from digest.model import DeliveryState

if TYPE_CHECKING:
    from digest.store.record import Listed

_WORDS = {
    DeliveryState.QUEUED: "waits",
    DeliveryState.SENDING: "is being handed over",
    DeliveryState.SENT: "sent",
    DeliveryState.FAILED: "refused for good",
    DeliveryState.EXPIRED: "given up",
}


def in_words(one: "Listed") -> str:
    """`waits`, `may have arrived`, ..."""
    if one.state is DeliveryState.UNKNOWN:
        return "may have arrived" if one.ended_at else "is going out"
    return _WORDS[one.state]


def moment(at: datetime | None) -> str:
    """In UTC, as everywhere; `-` for none."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at else "-"


def instant(at: datetime | None) -> str | None:
    """For JSON."""
    return at.isoformat() if at else None
