"""words of duress, accounts in other hands, platforms that are told no details"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("members", sa.Column("duress", sa.LargeBinary(), nullable=True))
    op.add_column("members", sa.Column("rehearsal_until", sa.BigInteger(), nullable=True))
    op.add_column("accounts", sa.Column("suspended_at", sa.BigInteger(), nullable=True))
    op.add_column(
        "groups", sa.Column("bare", sa.JSON(), nullable=False, server_default=sa.text("'[]'"))
    )


def downgrade() -> None:
    op.drop_column("groups", "bare")
    op.drop_column("accounts", "suspended_at")
    op.drop_column("members", "rehearsal_until")
    op.drop_column("members", "duress")
