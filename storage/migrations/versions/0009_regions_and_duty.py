"""regions of a group, and who is on duty"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _id() -> sa.Column:
    return sa.Column("id", ROW, primary_key=True, autoincrement=True)


def _ref(name: str, to: str, *, null: bool = False, unique: bool | None = None) -> sa.Column:
    return sa.Column(
        name, ROW, sa.ForeignKey(f"{to}.id", ondelete="CASCADE"), nullable=null, unique=unique
    )


def _at(name: str, *, null: bool = False) -> sa.Column:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def upgrade() -> None:
    op.create_table(
        "regions",
        _id(),
        _ref("group_id", "groups"),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("name_key", sa.LargeBinary(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        _at("made_at"),
        sa.UniqueConstraint("group_id", "name_key"),
    )
    op.create_table(
        "region_members",
        _id(),
        _ref("region_id", "regions"),
        _ref("member_id", "members", unique=True),
        _at("agreed_at"),
        comment="who said that they are in a region, and when",
    )
    op.create_table(
        "rotations",
        _id(),
        _ref("group_id", "groups"),
        _ref("region_id", "regions", null=True),
        sa.Column("rule", sa.LargeBinary(), nullable=False),
        _at("starts_at"),
        _at("ends_at", null=True),
        _at("made_at"),
    )
    op.create_table(
        "rotation_people",
        _id(),
        _ref("rotation_id", "rotations"),
        _ref("member_id", "members"),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("substitute", sa.Boolean(), nullable=False),
        _at("accepted_at", null=True),
        sa.UniqueConstraint("rotation_id", "member_id"),
    )
    op.create_table(
        "duty_changes",
        _id(),
        _ref("rotation_id", "rotations"),
        _ref("member_id", "members"),
        _at("starts_at"),
        _at("ends_at"),
        sa.Column("kind", sa.Text(), nullable=False),
        _at("made_at"),
        comment="swaps and overrides: who has it between two instants; the newest counts",
    )
    op.create_table(
        "duty_turns",
        _id(),
        _ref("rotation_id", "rotations"),
        _at("starts_at"),
        _at("ends_at"),
        _ref("member_id", "members", null=True),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.Column("declined", sa.JSON(), nullable=False),
        sa.Column("confirmed_by", ROW, nullable=True),
        sa.Column("reminded", sa.Boolean(), nullable=False),
        _at("step_at", null=True),
        sa.Column("nobody", sa.Boolean(), nullable=False),
        sa.Column("gap", sa.Integer(), nullable=False),
        sa.UniqueConstraint("rotation_id", "starts_at"),
        comment="what became of a turn on duty: who was asked, who said that they are there",
    )
    for table, column in INDEXES:
        op.create_index(f"ix_{table}_{column}", table, [column])


INDEXES = (
    ("region_members", "region_id"),
    ("rotations", "group_id"),
    ("rotations", "region_id"),
    ("rotation_people", "member_id"),
    ("duty_changes", "rotation_id"),
    ("duty_changes", "member_id"),
    ("duty_turns", "member_id"),
)


def downgrade() -> None:
    for table in (
        "duty_turns", "duty_changes", "rotation_people", "rotations", "region_members", "regions",
    ):
        op.drop_table(table)
