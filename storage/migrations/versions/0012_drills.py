"""drills, contacts that are true, and the words that take back an alarm"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _id() -> sa.Column:
    return sa.Column("id", ROW, primary_key=True, autoincrement=True)


def _ref(name: str, to: str) -> sa.Column:
    return sa.Column(name, ROW, sa.ForeignKey(f"{to}.id", ondelete="CASCADE"), nullable=False)


def _whole(name: str) -> sa.Column:
    return sa.Column(name, sa.Integer(), nullable=False)


def _at(name: str, *, null: bool = False) -> sa.Column:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def upgrade() -> None:
    for name, default in (("drills", "0"), ("contact_days", "14"), ("cover_told", "2")):
        op.add_column(
            "groups", sa.Column(name, sa.Integer(), nullable=False, server_default=default)
        )
    op.add_column("groups", sa.Column("drill_window", sa.LargeBinary(), nullable=True))
    op.add_column("members", sa.Column("cancel_words", sa.LargeBinary(), nullable=True))
    op.create_table(
        "drills",
        _id(),
        _ref("group_id", "groups"),
        _whole("number"),
        sa.Column("scope", sa.Text(), nullable=False),
        _whole("first"),
        sa.Column("by", ROW, nullable=True),
        _at("opened_at"),
        _at("ends_at"),
        sa.Column("plan", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        _whole("step"),
        _at("step_at", null=True),
        _whole("repeats"),
        _at("repeat_at", null=True),
        sa.Column("holder", ROW, nullable=True),
        sa.Column("told", sa.JSON(), nullable=False),
        _at("taken_at", null=True),
        _at("closed_at", null=True),
        sa.Column("end", sa.Text(), nullable=True),
        sa.UniqueConstraint("group_id", "number"),
        comment="plans run for practice: apart from incidents, so that none is ever taken for one",
    )
    op.create_index("ix_drills_group_id_closed_at", "drills", ["group_id", "closed_at"])
    op.create_table(
        "drill_people",
        _id(),
        _ref("drill_id", "drills"),
        _ref("member_id", "members"),
        _whole("step"),
        _at("told_at"),
        _at("reached_at", null=True),
        _at("answered_at", null=True),
        sa.Column("reported", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.UniqueConstraint("drill_id", "member_id"),
    )
    op.create_index("ix_drill_people_member_id", "drill_people", ["member_id"])
    op.create_table(
        "contacts",
        _id(),
        _ref("member_id", "members"),
        _at("confirmed_at"),
        _at("asked_at", null=True),
        _whole("reminders"),
        _at("flagged_at", null=True),
        sa.Column("ignored", sa.JSON(), nullable=False),
        sa.UniqueConstraint("member_id"),
        comment="when each person who is told of alarms confirmed last that they can be",
    )


def downgrade() -> None:
    op.drop_table("contacts")
    op.drop_table("drill_people")
    op.drop_table("drills")
    op.drop_column("members", "cancel_words")
    for name in ("drill_window", "cover_told", "contact_days", "drills"):
        op.drop_column("groups", name)
