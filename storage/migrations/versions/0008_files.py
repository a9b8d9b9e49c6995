"""images and documents of denunciations"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "files",
        sa.Column("id", ROW, primary_key=True, autoincrement=True),
        *(
            sa.Column(
                name, ROW, sa.ForeignKey(f"{to}.id", ondelete="CASCADE"), nullable=False
            )
            for name, to in (
                ("group_id", "groups"),
                ("denunciation_id", "denunciations"),
                ("member_id", "members"),
            )
        ),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("origin", sa.LargeBinary(), nullable=True),
        sa.Column("alternative", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=True),
        sa.Column("mime", sa.LargeBinary(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        comment="images and documents of denunciations: to be fetched, and once they are clean",
    )
    op.create_index("ix_files_denunciation_id", "files", ["denunciation_id"])
    op.create_index("ix_files_member_id", "files", ["member_id"])
    op.create_index("ix_files_state_not_before", "files", ["state", "not_before"])


def downgrade() -> None:
    op.drop_table("files")
