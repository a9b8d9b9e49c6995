"""rows whose content was erased, and stay by their numbers"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("inbox", "outbox"):
        op.add_column(
            table, sa.Column("emptied", sa.Boolean(), nullable=False, server_default=sa.false())
        )
