"""feeds of other organisations, and the alerts of theirs that were seen"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _id() -> sa.Column[Any]:
    return sa.Column("id", ROW, primary_key=True, autoincrement=True)


def _ref(name: str, to: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, ROW, sa.ForeignKey(f"{to}.id", ondelete="CASCADE"), nullable=null)


def _bytes(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(), nullable=null)


def upgrade() -> None:
    op.create_table(
        "followed_feeds",
        _id(),
        _ref("group_id", "groups"),
        _bytes("url"),
        _bytes("url_key"),
        _bytes("title"),
        _bytes("key", null=True),
        sa.Column("etag", sa.Text(), nullable=False),
        sa.Column("last_modified", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=True),
        _ref("added_by", "members", null=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.UniqueConstraint("group_id", "url_key", name="uq_followed_feeds_group_id_url_key"),
        comment="feeds of other organisations whose alerts are offered to who coordinates",
    )
    op.create_index(
        "ix_followed_feeds_active_next_at", "followed_feeds", ["active", "next_at"]
    )
    op.create_index("ix_followed_feeds_added_by", "followed_feeds", ["added_by"])
    op.create_table(
        "followed_entries",
        _id(),
        _ref("feed_id", "followed_feeds"),
        _bytes("entry"),
        _bytes("entry_key"),
        _bytes("title", null=True),
        _bytes("link", null=True),
        _bytes("summary", null=True),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("feed_id", "entry_key", name="uq_followed_entries_feed_id_entry_key"),
        comment="alerts of those feeds that were seen; what they say only until somebody decided",
    )
    op.create_index(
        "ix_followed_entries_feed_id_state_seen_at",
        "followed_entries",
        ["feed_id", "state", "seen_at"],
    )


def downgrade() -> None:
    op.drop_table("followed_entries")
    op.drop_table("followed_feeds")
