"""When a suppression was lifted: refusals of before no longer count against the address."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column; those lifted by earlier versions left no trace."""
    op.add_column("suppression", sa.Column("lifted_at", sa.DateTime(), nullable=True))
