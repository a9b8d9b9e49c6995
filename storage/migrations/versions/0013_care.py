"""boards, care after an incident, a directory of care, notes for an emergency, feedback, complaints"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _id() -> sa.Column[Any]:
    return sa.Column("id", ROW, primary_key=True, autoincrement=True)


def _ref(name: str, to: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, ROW, sa.ForeignKey(f"{to}.id", ondelete="CASCADE"), nullable=null)


def _columns(kind: sa.types.TypeEngine[Any], *names: str, null: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=null) for name in names]


def upgrade() -> None:
    op.add_column("members", sa.Column("former", sa.LargeBinary(), nullable=True))
    op.create_table(
        "boards",
        _id(),
        _ref("member_id", "members"),
        *_columns(sa.Text(), "key"),
        *_columns(sa.LargeBinary(), "shown"),
        *_columns(sa.BigInteger(), "until"),
        sa.UniqueConstraint("member_id", name="uq_boards_member_id"),
        comment="the board that a coordinator has open: the message that is edited, until when",
    )
    op.create_table(
        "aftercare",
        _id(),
        _ref("incident_id", "incidents"),
        _ref("member_id", "members"),
        *_columns(sa.Text(), "state"),
        *_columns(sa.Integer(), "asked"),
        *_columns(sa.BigInteger(), "ended_at"),
        sa.UniqueConstraint("incident_id", name="uq_aftercare_incident_id"),
        comment="who wants to be asked how they are in the days after an incident",
    )
    op.create_index("ix_aftercare_member_id", "aftercare", ["member_id"])
    op.create_table(
        "care_entries",
        _id(),
        _ref("group_id", "groups"),
        *_columns(sa.Integer(), "number"),
        *_columns(sa.Text(), "kind"),
        *_columns(sa.LargeBinary(), "region", "name", "text"),
        *_columns(sa.BigInteger(), "verified_at"),
        sa.UniqueConstraint("group_id", "number", name="uq_care_entries_group_id_number"),
        comment="the directory of care: where there is a shelter, a lawyer, a doctor",
    )
    op.create_table(
        "notes",
        _id(),
        _ref("member_id", "members"),
        *_columns(sa.LargeBinary(), "content"),
        *_columns(sa.BigInteger(), "changed_at"),
        sa.UniqueConstraint("member_id", name="uq_notes_member_id"),
        comment="what a member wrote for an emergency, opened by who holds their incident",
    )
    op.create_table(
        "feedback",
        _id(),
        _ref("group_id", "groups"),
        *_columns(sa.Text(), "what"),
        *_columns(sa.Integer(), "number"),
        *_columns(sa.BigInteger(), "day"),
        *_columns(sa.Integer(), "score"),
        *_columns(sa.LargeBinary(), "words", null=True),
        _ref("member_id", "members", null=True),
        comment="how people found an incident or a drill; without an author unless they signed",
    )
    op.create_index("ix_feedback_group_id_day", "feedback", ["group_id", "day"])
    op.create_table(
        "complaints",
        _id(),
        _ref("group_id", "groups"),
        *_columns(sa.Integer(), "number"),
        _ref("member_id", "members"),
        *_columns(sa.Text(), "kind"),
        *_columns(ROW, "about", null=True),
        *_columns(sa.LargeBinary(), "text"),
        *_columns(sa.Boolean(), "signed"),
        *_columns(sa.Text(), "state"),
        *_columns(ROW, "holder", null=True),
        *_columns(sa.Integer(), "rounds"),
        *_columns(sa.Boolean(), "reminded"),
        *_columns(sa.BigInteger(), "opened_at", "due_at"),
        *_columns(sa.LargeBinary(), "answer", null=True),
        *_columns(sa.BigInteger(), "closed_at", null=True),
        sa.UniqueConstraint("group_id", "number", name="uq_complaints_group_id_number"),
        comment="complaints: each a case with a holder and a clock",
    )
    op.create_index("ix_complaints_member_id", "complaints", ["member_id"])


def downgrade() -> None:
    for table in ("boards", "aftercare", "care_entries", "notes", "feedback", "complaints"):
        op.drop_table(table)
    op.drop_column("members", "former")
