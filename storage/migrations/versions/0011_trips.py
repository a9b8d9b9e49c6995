"""trips, single questions, silences, collectives; quiet hours; where somebody said they are"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _id() -> sa.Column[int]:
    return sa.Column("id", ROW, primary_key=True, autoincrement=True)


def _ref(name: str, to: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, ROW, sa.ForeignKey(f"{to}.id", ondelete="CASCADE"), nullable=null)


def upgrade() -> None:
    op.create_table(
        "trips",
        _id(),
        _ref("member_id", "members"),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("title", sa.LargeBinary(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("extensions", sa.Integer(), nullable=False),
        sa.Column("extended", sa.Integer(), nullable=False),
        sa.Column("others", sa.Integer(), nullable=False),
        comment="what a member asked to be asked about: trips, single questions, silences, collectives",
    )
    op.create_index("ix_trips_member_id_ended_at", "trips", ["member_id", "ended_at"])
    op.create_index("ix_trips_ended_at", "trips", ["ended_at"])
    op.create_table(
        "stages",
        _id(),
        _ref("trip_id", "trips"),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
    )
    op.create_index("ix_stages_trip_id", "stages", ["trip_id"])
    op.create_index("ix_stages_state", "stages", ["state"])
    op.create_table(
        "companions",
        _id(),
        _ref("trip_id", "trips"),
        _ref("member_id", "members", null=True),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        comment="for whom one person answers; whoever is no member is a name alone",
    )
    op.create_index("ix_companions_trip_id", "companions", ["trip_id"])
    op.create_index("ix_companions_member_id", "companions", ["member_id"])
    op.create_table(
        "whereabouts",
        _id(),
        _ref("member_id", "members"),
        _ref("trip_id", "trips", null=True),
        _ref("incident_id", "incidents", null=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        comment="where somebody said they are, and what will soon explain a silence",
    )
    for of in ("member", "trip", "incident"):
        op.create_index(f"ix_whereabouts_{of}_id", "whereabouts", [f"{of}_id"])
    # In one statement, as in 0002: making the table anew would take what refers to it along.
    kind = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    op.execute(
        f"ALTER TABLE checkins ADD COLUMN stage_id {kind} "
        "CONSTRAINT fk_checkins_stage_id REFERENCES stages (id)"
    )
    op.create_index("ix_checkins_stage_id", "checkins", ["stage_id", "due"], unique=True)
    op.add_column("members", sa.Column("quiet", sa.LargeBinary(), nullable=True))
