"""denunciations: kinds, languages, approvals, their time, corrections, topics and who reads them"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _id() -> sa.Column[Any]:
    return sa.Column("id", ROW, primary_key=True, autoincrement=True)


def _ref(name: str, to: str) -> sa.Column[Any]:
    return sa.Column(name, ROW, sa.ForeignKey(f"{to}.id", ondelete="CASCADE"), nullable=False)


def _text(name: str, default: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False, server_default=default)


def _at(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=True)


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, ROW, nullable=True)


def _bytes(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(), nullable=null)


def upgrade() -> None:
    op.add_column("groups", sa.Column("approval", sa.JSON(), nullable=True))
    op.add_column("destinations", _text("language", ""))
    for column in (
        _text("kind", "complaint"),
        _text("language", ""),
        _bytes("others", null=True),
        sa.Column("topics", sa.JSON(), nullable=False, server_default="[]"),
        _number("region_id"),
        _at("act_by"),
        _at("publish_at"),
        _number("corrects_id"),
        _number("follows_id"),
        sa.Column("needed", sa.Integer(), nullable=False, server_default="1"),
        _text("code", ""),
        _text("seal", ""),
        _at("corrected_at"),
        _at("closed_at"),
        _at("withdrawn_at"),
        _bytes("reason", null=True),
    ):
        op.add_column("denunciations", column)
    op.create_index("ix_denunciations_code", "denunciations", ["code"])
    op.create_index("ix_denunciations_seal", "denunciations", ["seal"])
    op.create_table(
        "approvals",
        _id(),
        _ref("denunciation_id", "denunciations"),
        _ref("member_id", "members"),
        _bytes("fingerprint"),
        sa.Column("later", sa.Boolean(), nullable=False),
        sa.UniqueConstraint(
            "denunciation_id", "member_id", name="uq_approvals_denunciation_id_member_id"
        ),
        comment="who agreed to a denunciation, and to which words",
    )
    op.create_index("ix_approvals_member_id", "approvals", ["member_id"])
    op.create_table(
        "named_people",
        _id(),
        _ref("denunciation_id", "denunciations"),
        _bytes("name"),
        sa.Column("answer", sa.Text(), nullable=False),
        comment="names that stand in a draft, and what its author said of each: consent, none, no person",
    )
    op.create_index("ix_named_people_denunciation_id", "named_people", ["denunciation_id"])
    op.create_table(
        "topics",
        _id(),
        _ref("group_id", "groups"),
        _bytes("name"),
        _bytes("name_key"),
        sa.UniqueConstraint("group_id", "name_key", name="uq_topics_group_id_name_key"),
        comment="what a group's denunciations are about, so that readers can choose",
    )
    op.create_table(
        "subscriptions",
        _id(),
        sa.Column(
            "member_id", ROW, sa.ForeignKey("members.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("topics", sa.JSON(), nullable=False),
        sa.Column("regions", sa.JSON(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("daily", sa.Boolean(), nullable=False),
        sa.UniqueConstraint("member_id", name="uq_subscriptions_member_id"),
        comment="what a reader wants of the denunciations, and how; who has no row wants all at once",
    )
    op.create_table(
        "digest_items",
        _id(),
        _ref("member_id", "members"),
        _ref("denunciation_id", "denunciations"),
        sa.UniqueConstraint(
            "member_id", "denunciation_id", name="uq_digest_items_member_id_denunciation_id"
        ),
        comment="what waits for a reader's daily message",
    )
    op.create_index("ix_digest_items_denunciation_id", "digest_items", ["denunciation_id"])


def downgrade() -> None:
    for table in ("digest_items", "subscriptions", "topics", "named_people", "approvals"):
        op.drop_table(table)
    op.drop_index("ix_denunciations_code", "denunciations")
    op.drop_index("ix_denunciations_seal", "denunciations")
    with op.batch_alter_table("denunciations") as batch:
        for name in (
            "reason", "withdrawn_at", "closed_at", "corrected_at", "seal", "code", "needed", "follows_id",
            "corrects_id", "publish_at", "act_by", "region_id", "topics", "others", "language", "kind",
        ):
            batch.drop_column(name)
    with op.batch_alter_table("destinations") as batch:
        batch.drop_column("language")
    with op.batch_alter_table("groups") as batch:
        batch.drop_column("approval")
