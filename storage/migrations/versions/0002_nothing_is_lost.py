"""who acts, who is at high risk, and many misses as one event"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "fences",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_fences")),
        comment="which process acts: whoever has the number; it only grows",
    )
    op.create_table(
        "mass_events",
        sa.Column("id", ROW, autoincrement=True, nullable=False),
        sa.Column("group_id", ROW, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("joined_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["groups.id"], name=op.f("fk_mass_events_group_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mass_events")),
    )
    op.create_index(
        "ix_mass_events_group_id_closed_at", "mass_events", ["group_id", "closed_at"]
    )
    op.add_column("members", sa.Column("risk", sa.Text(), nullable=False, server_default="medium"))
    for name in ("held", "blind"):
        op.add_column(
            "checkins", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())
        )
    # In one statement: the tool's own way on SQLite makes the table anew and drops the old one,
    # which would take every line of every timeline with it (ON DELETE CASCADE).
    kind = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    op.execute(
        f"ALTER TABLE incidents ADD COLUMN mass_id {kind} "
        "CONSTRAINT fk_incidents_mass_id REFERENCES mass_events (id)"
    )
    op.create_index("ix_incidents_mass_id", "incidents", ["mass_id"])
    # What asks for due rows and for the audit's invariants, at any size.
    op.create_index("ix_checkins_state_miss_at", "checkins", ["state", "miss_at"])
