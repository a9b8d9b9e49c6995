"""groups that answer for another one as well, by those of their people who said so"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _id() -> sa.Column[Any]:
    return sa.Column("id", ROW, primary_key=True, autoincrement=True)


def _ref(name: str, to: str) -> sa.Column[Any]:
    return sa.Column(name, ROW, sa.ForeignKey(f"{to}.id", ondelete="CASCADE"), nullable=False)


def _at(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def upgrade() -> None:
    op.create_table(
        "alliances",
        _id(),
        _ref("group_id", "groups"),
        _ref("ally_id", "groups"),
        _at("asked_at"),
        _at("agreed_at", null=True),
        sa.UniqueConstraint("group_id", "ally_id", name="uq_alliances_group_id_ally_id"),
        comment="a group that asks another one to answer for it as well, and since when that one does",
    )
    op.create_index("ix_alliances_ally_id", "alliances", ["ally_id"])
    op.create_table(
        "alliance_people",
        _id(),
        _ref("alliance_id", "alliances"),
        _ref("member_id", "members"),
        _at("asked_at"),
        _at("agreed_at", null=True),
        sa.UniqueConstraint(
            "alliance_id", "member_id", name="uq_alliance_people_alliance_id_member_id"
        ),
        comment="who was asked to answer for another group, and who said yes",
    )
    op.create_index("ix_alliance_people_member_id", "alliance_people", ["member_id"])


def downgrade() -> None:
    op.drop_table("alliance_people")
    op.drop_table("alliances")
