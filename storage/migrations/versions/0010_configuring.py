"""what somebody who coordinates has begun"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "configuring",
        sa.Column("id", ROW, primary_key=True, autoincrement=True),
        sa.Column(
            "member_id", ROW, sa.ForeignKey("members.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("member_id", "kind"),
        comment="what somebody who coordinates has begun: a draft of a plan, a change to undo, a schedule",
    )


def downgrade() -> None:
    op.drop_table("configuring")
