"""How lists fill, other ids of papers, pages and hosts that the client remembers."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add them; of harvests of before, the state is not known."""
    op.add_column("harvest", sa.Column("state", sa.String(), nullable=False, server_default=""))
    op.add_column("harvest", sa.Column("kept", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "reading",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("papers", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("source", "day", "at"),
    )
    op.create_table(
        "alias",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("paper_id", sa.String(), sa.ForeignKey("paper.id", onupdate="CASCADE"), nullable=False),
    )
    # A paper's id may change now as often as a source knows a better one.
    for table in ("alias", "title", "seen", "feedback"):
        op.create_index(f"ix_{table}_paper_id", table, ["paper_id"])
    op.create_table(
        "page",
        sa.Column("url", sa.Text(), primary_key=True),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("fresh_until", sa.DateTime(), nullable=True),
        sa.Column("etag", sa.Text(), nullable=False),
        sa.Column("last_modified", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "host",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("not_before", sa.DateTime(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        _order_by_bytes("harvest", "reading", "alias", "page", "host")


def _order_by_bytes(*tables: str) -> None:
    """Text compares as in SQLite whatever the server's language, and as in the tables of before."""
    connection = op.get_bind()
    for table in tables:
        for column in sa.inspect(connection).get_columns(table):
            if isinstance(column["type"], sa.String) and column["type"].collation is None:
                kind = column["type"].compile(connection.dialect)
                op.execute(f'ALTER TABLE "{table}" ALTER COLUMN "{column["name"]}" TYPE {kind} COLLATE "C"')
