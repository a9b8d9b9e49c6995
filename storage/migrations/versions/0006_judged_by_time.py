"""an answer is judged by its time alone"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("checkins", "blind")


def downgrade() -> None:
    op.add_column(
        "checkins", sa.Column("blind", sa.Boolean(), nullable=False, server_default=sa.false())
    )
