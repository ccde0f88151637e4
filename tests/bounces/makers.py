"""Messages that have gone out, and reports about them."""

from datetime import UTC, date, datetime, timedelta

from digest.bounces import Claim
from digest.dsn import Action, Report
from digest.model import Attempt, DeliveryState, Envelope, Listing, Message, Phase
from digest.store.database import Database
from digest.store.deliveries import Ended, claim, enqueue_many, record_attempts, record_commits
from digest.store.papers import record_listings
from digest.store.record import Listed, by_message_id
from tests.makers import TODAY, edition, entry, pick, profile

NOW = datetime(2026, 3, 11, 9, 0, tzinfo=UTC)
TOKEN = "0123456789abcdef0123"
BASE = "bounces@digest.example"
TRACED = f"bounces+{TOKEN}@digest.example"
MESSAGE_ID = "<5d41402abc4b2a76b9719d911017c592@digest.example>"


def report(**fields: object) -> Report:
    """No such user, said of Ada's message at its own return path."""
    defaults = {
        "action": Action.FAILED,
        "recipients": ("ada@example.org",),
        "status": "5.1.1",
        "code": 550,
        "diagnostic": "550 5.1.1 no such user",
        "message_id": MESSAGE_ID,
        "addresses": (TRACED,),
    }
    return Report(**(defaults | fields))  # type: ignore[arg-type]


def listed(**fields: object) -> Listed:
    """Ada's message of today, which has been sent."""
    defaults = {
        "profile": "ada",
        "day": NOW.date(),
        "message_id": MESSAGE_ID,
        "sender": TRACED,
        "recipient": "ada@example.org",
        "subject": "8 papers",
        "state": DeliveryState.SENT,
        "attempts": 1,
        "deferrals": 0,
        "relay": "relay",
        "owner": "",
        "reply": "250 ok",
        "queued_at": NOW,
        "due_at": NOW,
        "lease_until": None,
        "ended_at": NOW,
    }
    return Listed(**(defaults | fields))  # type: ignore[arg-type]


def claimed(of: Report, about: Listed | None, *, proven: bool = True) -> Claim:
    """A report, and the delivery that was found for it."""
    return Claim(report=of, listed=about, proven=proven)


def sent(
    database: Database,
    *,
    day: date = TODAY,
    sender: str = TRACED,
    message_id: str = MESSAGE_ID,
    recipient: str = "ada@example.org",
    now: datetime = NOW,
    state: DeliveryState = DeliveryState.SENT,
) -> Listed:
    """A message in the store that went out, as it is listed there."""
    message = Message(
        envelope=Envelope(sender=sender, recipient=recipient),
        message_id=message_id,
        subject="8 papers",
        data=b"Subject: 8 papers\r\n\r\n",
    )
    made = edition(pick(), day=day, profile=profile(email=recipient))
    later = now + timedelta(minutes=10)
    with database.begin() as connection:
        record_listings(connection, "listing", [Listing(layout="", entries=(entry(),))], now)
        assert enqueue_many(connection, [(made, message)], now)
        taken = claim(connection, relay="relay", owner="me", now=now, lease_until=later, most=1).deliveries
        record_commits(connection, taken, now, later)
        ended = Attempt(state=state, reply="250 ok", phase=Phase.BODY, code=250)
        record_attempts(connection, [Ended(delivery=taken[0], attempt=ended)], now)
        found = by_message_id(connection, message_id)
    assert found
    return found
