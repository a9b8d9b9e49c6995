"""an answer is judged by its time alone, and a clock that is behind is known by its lag"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("checkins", "blind")
    op.add_column("accounts", sa.Column("lag", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("accounts", "lag")
    op.add_column(
        "checkins", sa.Column("blind", sa.Boolean(), nullable=False, server_default=sa.false())
    )
