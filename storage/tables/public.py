"""What is public: keys that sign, and feeds of others."""

from __future__ import annotations

import sqlalchemy as sa

from storage.rows import Blind, Sealed
from storage.tables.columns import blind, instant, metadata, number, reference, sealed, text

signing_keys = sa.Table(
    "signing_keys",
    metadata,
    number(),
    text("public"),
    sa.Column("secret", Sealed("bytes"), nullable=True),
    instant("created_at"),
    instant("retired_at", null=True),
    text("statement", null=True),
    comment="what signs publications; of a retired key the public half alone is left",
)

followed_feeds = sa.Table(
    "followed_feeds",
    metadata,
    number(),
    reference("group_id", "groups"),
    sealed("url"),
    blind("url_key", Blind("url", scope="group_id")),
    sealed("title"),
    sealed("key", null=True),
    text("etag"),
    text("last_modified"),
    sa.Column("failures", sa.Integer, nullable=False),
    instant("next_at"),
    instant("read_at", null=True),
    reference("added_by", "members", null=True),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.UniqueConstraint("group_id", "url_key"),
    sa.Index("ix_followed_feeds_active_next_at", "active", "next_at"),
    sa.Index("ix_followed_feeds_added_by", "added_by"),
    comment="feeds of other organisations whose alerts are offered to who coordinates",
)

followed_entries = sa.Table(
    "followed_entries",
    metadata,
    number(),
    reference("feed_id", "followed_feeds"),
    sealed("entry"),
    blind("entry_key", Blind("entry", scope="feed_id")),
    sealed("title", null=True),
    sealed("link", null=True),
    sealed("summary", null=True),
    sa.Column("verified", sa.Boolean, nullable=False),
    text("state"),
    instant("seen_at"),
    sa.UniqueConstraint("feed_id", "entry_key"),
    sa.Index("ix_followed_entries_feed_id_state_seen_at", "feed_id", "state", "seen_at"),
    comment="alerts of those feeds that were seen; what they say only until somebody decided",
)
