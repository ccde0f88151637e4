"""Whether a problem ended a tier's run, or only left papers out."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column; what earlier runs met counts as papers left out, until the next run."""
    op.add_column("tier", sa.Column("ended", sa.Boolean(), nullable=False, server_default=sa.false()))
