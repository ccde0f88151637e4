"""The tables. What they are for stands in docs/architecture.md; how they came to be, in `migrations/`."""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    false,
    text,
)


class Instant(TypeDecorator[datetime]):
    """A moment: aware in Python, UTC without zone in the database (SQLite has no zones)."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC; a naive datetime is a bug."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From UTC."""
        return value.replace(tzinfo=UTC) if value else None


metadata = MetaData()


def _paper_reference() -> ForeignKey:
    """A paper's id changes whenever a better one is learnt; what refers to it follows."""
    return ForeignKey("paper.id", onupdate="CASCADE")


paper = Table(
    "paper",
    metadata,
    Column("id", String, primary_key=True),
    Column("title", Text, nullable=False),
    Column("source", String, nullable=False),
    Column("abstract", Text),
    Column("authors", JSON(none_as_null=True)),
    Column("n_authors", Integer),
    Column("organization", Text),
    Column("organization_slug", Text),
    Column("published", Date),
    Column("url", Text),
    Column("code_url", Text),
    Column("project_url", Text),
    Column("keywords", JSON, nullable=False),
    Column("first_seen", Instant, index=True),
)

title = Table(
    "title",
    metadata,
    Column("key", String),
    Column("paper_id", _paper_reference(), index=True),
    PrimaryKeyConstraint("key", "paper_id"),
)

observation = Table(
    "observation",
    metadata,
    Column("paper_id", _paper_reference()),
    Column("at", Instant, nullable=False),
    Column("source", String, nullable=False),
    Column("listed_on", Date),
    Column("upvotes", Integer),
    Column("comments", Integer),
    Column("stars", Integer),
    PrimaryKeyConstraint("paper_id", "at", "source"),
)

harvest = Table(
    "harvest",
    metadata,
    Column("source", String),
    Column("at", Instant, nullable=False),
    Column("papers", Integer, nullable=False),
    Column("fresh", Integer, nullable=False),
    Column("problem", Text),
    Column("state", String, nullable=False, server_default=""),
    Column("kept", Text, nullable=False, server_default=""),
    PrimaryKeyConstraint("source", "at"),
)

reading = Table(
    "reading",
    metadata,
    Column("source", String),
    Column("day", Date),
    Column("at", Instant),
    Column("papers", Integer, nullable=False),
    PrimaryKeyConstraint("source", "day", "at"),
)

alias = Table(
    "alias",
    metadata,
    Column("id", String, primary_key=True),
    Column("paper_id", _paper_reference(), nullable=False, index=True),
)

page = Table(
    "page",
    metadata,
    Column("url", Text, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("fresh_until", Instant),
    Column("etag", Text, nullable=False),
    Column("last_modified", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

host = Table(
    "host",
    metadata,
    Column("name", String, primary_key=True),
    Column("not_before", Instant, nullable=False),
    Column("why", Text, nullable=False),
)

lookup = Table(
    "lookup",
    metadata,
    Column("paper_id", String, primary_key=True),
    Column("at", Instant, nullable=False),
)

# In words of its own, as an index of some rows is used where a query says the same.
UNMADE = text("outcome IN ('not_ready', 'failed')")

edition = Table(
    "edition",
    metadata,
    Column("profile", String),
    Column("day", Date),
    Column("outcome", String, nullable=False),
    Column("considered", Integer, nullable=False),
    Column("picks", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    PrimaryKeyConstraint("profile", "day"),
    # Few are so, and those are asked for at each pass.
    Index("ix_edition_unmade", "made_at", sqlite_where=UNMADE, postgresql_where=UNMADE),
)

# When each reader's next edition is due, so that who is due is found without looking at every profile.
turn = Table(
    "turn",
    metadata,
    Column("profile", String, primary_key=True),
    Column("day", Date, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("plan", String, nullable=False),
    Index("ix_turn_due", "due_at", "profile"),
)

# A process of `digest run`, and when it was last seen at work.
service = Table(
    "service",
    metadata,
    Column("owner", String, primary_key=True),
    Column("host", String, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("began_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("ended_at", Instant),
)

delivery = Table(
    "delivery",
    metadata,
    Column("profile", String),
    Column("day", Date),
    Column("message_id", String, nullable=False, unique=True),
    Column("sender", String, nullable=False),
    Column("recipient", String, nullable=False),
    Column("subject", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("deferrals", Integer, nullable=False, server_default="0"),
    Column("relay", String, nullable=False, server_default=""),
    Column("owner", String, nullable=False, server_default=""),
    Column("reply", Text, nullable=False),
    Column("queued_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("lease_until", Instant),
    Column("ended_at", Instant),
    Column("last_day", Date),
    PrimaryKeyConstraint("profile", "day"),
    Index("ix_delivery_due", "state", "due_at", "message_id"),
    Index("ix_delivery_sender", "sender"),
    Index("ix_delivery_recipient", "recipient"),
)

# Apart from its delivery, whose row changes three times on its way: SQLite would write all of it each time.
message = Table(
    "message",
    metadata,
    Column("message_id", String, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

attempt = Table(
    "attempt",
    metadata,
    Column("message_id", String),
    Column("number", Integer),
    Column("relay", String, nullable=False),
    Column("began_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("state", String, nullable=False),
    Column("phase", String),
    Column("failure", String),
    Column("code", Integer),
    Column("enhanced", String, nullable=False),
    Column("reply", Text, nullable=False),
    PrimaryKeyConstraint("message_id", "number"),
    Index("ix_attempt_relay", "relay", "ended_at", "state", "phase"),
)

suppression = Table(
    "suppression",
    metadata,
    Column("address", String, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("lifted_at", Instant),
)

relay = Table(
    "relay",
    metadata,
    Column("name", String, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("failure", String),
    Column("reply", Text, nullable=False),
    Column("paused_until", Instant),
)

alarm = Table(
    "alarm",
    metadata,
    Column("kind", String),
    Column("about", String),
    Column("at", Instant, nullable=False),
    Column("problem", Text),
    PrimaryKeyConstraint("kind", "about"),
)

seen = Table(
    "seen",
    metadata,
    Column("profile", String),
    Column("paper_id", _paper_reference(), index=True),
    Column("day", Date),
    PrimaryKeyConstraint("profile", "paper_id", "day", name="seen_by_day"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("profile", String),
    Column("paper_id", _paper_reference(), index=True),
    Column("verdict", String, nullable=False),
    Column("at", Instant, nullable=False),
    PrimaryKeyConstraint("profile", "paper_id"),
)

vector = Table(
    "vector",
    metadata,
    Column("paper_id", _paper_reference(), primary_key=True),
    Column("model", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("dimensions", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

summary = Table(
    "summary",
    metadata,
    Column("paper_id", _paper_reference(), primary_key=True),
    Column("model", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

tier = Table(
    "tier",
    metadata,
    Column("name", String, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("papers", Integer, nullable=False),
    Column("problem", Text),
    Column("ended", Boolean, nullable=False, server_default=false()),
)
