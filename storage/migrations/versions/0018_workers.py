"""who claimed what, and how workers ask for what people wrote"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("outbox", "timers"):
        op.add_column(table, sa.Column("owner", sa.Text(), nullable=False, server_default=""))
    op.add_column("fences", sa.Column("session", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "polls",
        sa.Column("platform", sa.Text(), primary_key=True),
        sa.Column("wanted", sa.BigInteger(), nullable=False),
        sa.Column("answered", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("up", sa.Boolean(), nullable=False),
        comment="how workers ask whoever polls a platform to catch up before they judge a deadline",
    )


def downgrade() -> None:
    op.drop_table("polls")
    op.drop_column("fences", "session")
    for table in ("outbox", "timers"):
        op.drop_column(table, "owner")
