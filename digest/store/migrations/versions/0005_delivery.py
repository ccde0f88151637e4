"""Attempts, leases and due times of deliveries; suppressed addresses; how relays fare; alarms.

What a reader has had follows from its message's state now, so its rows stay whatever becomes of the message.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add columns and tables; what waits is due since it was queued, what is under way has no lease."""
    _extend_deliveries()
    _key_seen_by_day()
    _make_tables()
    if op.get_bind().dialect.name == "postgresql":
        _order_by_bytes()


def _extend_deliveries() -> None:
    op.drop_index("ix_delivery_state", "delivery")
    op.add_column("delivery", sa.Column("deferrals", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("delivery", sa.Column("relay", sa.String(), nullable=False, server_default=""))
    op.add_column("delivery", sa.Column("owner", sa.String(), nullable=False, server_default=""))
    op.add_column("delivery", sa.Column("due_at", sa.DateTime(), nullable=True))
    op.add_column("delivery", sa.Column("lease_until", sa.DateTime(), nullable=True))
    op.add_column("delivery", sa.Column("last_day", sa.Date(), nullable=True))
    op.execute("UPDATE delivery SET due_at = queued_at")
    _move_data()
    with op.batch_alter_table("delivery") as delivery:
        delivery.alter_column("due_at", existing_type=sa.DateTime(), nullable=False)
        delivery.drop_column("data")
    op.create_index("ix_delivery_due", "delivery", ["state", "due_at", "message_id"])
    op.create_index("ix_delivery_sender", "delivery", ["sender"])
    op.create_index("ix_delivery_recipient", "delivery", ["recipient"])


def _move_data() -> None:
    """Those of sent messages are needed no more."""
    op.create_table(
        "message",
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("message_id"),
    )
    op.execute("INSERT INTO message SELECT message_id, data FROM delivery WHERE state <> 'sent'")


def _key_seen_by_day() -> None:
    """Copied by hand: a batch operation cannot change the columns of a primary key without a name."""
    op.rename_table("seen", "seen_before")
    op.create_table(
        "seen",
        sa.Column("profile", sa.String(), nullable=False),
        sa.Column("paper_id", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["paper_id"], ["paper.id"], onupdate="CASCADE"),
        sa.PrimaryKeyConstraint("profile", "paper_id", "day", name="seen_by_day"),
    )
    op.execute("INSERT INTO seen SELECT profile, paper_id, day FROM seen_before")
    op.drop_table("seen_before")


def _make_tables() -> None:
    op.create_table(
        "attempt",
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("relay", sa.String(), nullable=False),
        sa.Column("began_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("phase", sa.String(), nullable=True),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("enhanced", sa.String(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", "number"),
    )
    op.create_index("ix_attempt_relay", "attempt", ["relay", "ended_at", "state", "phase"])
    op.create_table(
        "suppression",
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("address"),
    )
    op.create_table(
        "relay",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.Column("paused_until", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "alarm",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("kind", "about"),
    )


def _order_by_bytes() -> None:
    """Text compares as in SQLite whatever the server's language: titles are looked up by their beginning."""
    connection = op.get_bind()
    for table in sa.inspect(connection).get_table_names():
        for column in sa.inspect(connection).get_columns(table):
            if isinstance(column["type"], sa.String):
                kind = column["type"].compile(connection.dialect)
                op.execute(f'ALTER TABLE "{table}" ALTER COLUMN "{column["name"]}" TYPE {kind} COLLATE "C"')
