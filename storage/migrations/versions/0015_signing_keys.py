"""keys that sign what is published"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "signing_keys",
        sa.Column("id", ROW, primary_key=True, autoincrement=True),
        sa.Column("public", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("retired_at", sa.BigInteger(), nullable=True),
        sa.Column("statement", sa.Text(), nullable=True),
        comment="what signs publications; of a retired key the public half alone is left",
    )


def downgrade() -> None:
    op.drop_table("signing_keys")
