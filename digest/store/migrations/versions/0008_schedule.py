"""When each reader's next edition is due, and which processes of `digest run` there are."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add both; days that waited for a list are over: today's is decided anew, as its turn is open."""
    op.create_table(
        "turn",
        sa.Column("profile", sa.String(), primary_key=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=False),
        sa.Column("plan", sa.String(), nullable=False),
    )
    op.create_index("ix_turn_due", "turn", ["due_at", "profile"])
    op.create_table(
        "service",
        sa.Column("owner", sa.String(), primary_key=True),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("began_at", sa.DateTime(), nullable=False),
        sa.Column("seen_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
    )
    unmade = sa.text("outcome IN ('not_ready', 'failed')")
    op.create_index("ix_edition_unmade", "edition", ["made_at"], sqlite_where=unmade, postgresql_where=unmade)
    op.execute("UPDATE edition SET outcome = 'expired' WHERE outcome = 'waiting'")
    if op.get_bind().dialect.name == "postgresql":
        _order_by_bytes("turn", "service")


def _order_by_bytes(*tables: str) -> None:
    """Text compares as in SQLite whatever the server's language, and as in the tables of before."""
    connection = op.get_bind()
    for table in tables:
        for column in sa.inspect(connection).get_columns(table):
            if isinstance(column["type"], sa.String) and column["type"].collation is None:
                kind = column["type"].compile(connection.dialect)
                op.execute(f'ALTER TABLE "{table}" ALTER COLUMN "{column["name"]}" TYPE {kind} COLLATE "C"')
