"""Denunciations, where they go, and who reads them."""

from __future__ import annotations

import sqlalchemy as sa

from bot.domain.people import name_key
from storage.rows import Blind, Sealed
from storage.tables.columns import (
    ROW,
    blind,
    instant,
    json,
    metadata,
    number,
    reference,
    sealed,
    sealed_json,
    text,
)

destinations = sa.Table(
    "destinations",
    metadata,
    number(),
    reference("group_id", "groups"),
    text("platform"),
    sealed("chat"),
    blind("chat_key", Blind("chat")),
    text("chat_kind"),
    sealed("title"),
    sa.Column("active", sa.Boolean, nullable=False, default=True),
    sa.Column("language", sa.Text, nullable=False, server_default=""),
    sa.UniqueConstraint("platform", "chat_key"),
)

denunciations = sa.Table(
    "denunciations",
    metadata,
    number(),
    reference("group_id", "groups"),
    sa.Column("number", sa.Integer, nullable=False),
    reference("author_id", "members"),
    reference("approver_id", "members", null=True),
    sealed("title"),
    sealed("text"),
    text("state"),
    sealed("approved_hash"),
    text("progress_key", ""),
    instant("created_at"),
    instant("approved_at", null=True),
    instant("sent_at", null=True),
    sa.Column("kind", sa.Text, nullable=False, server_default="complaint"),
    sa.Column("language", sa.Text, nullable=False, server_default=""),
    sealed_json("others", null=True),
    sa.Column("topics", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("region_id", ROW, nullable=True),
    instant("act_by", null=True),
    instant("publish_at", null=True),
    sa.Column("corrects_id", ROW, nullable=True),
    sa.Column("follows_id", ROW, nullable=True),
    sa.Column("needed", sa.Integer, nullable=False, server_default="1"),
    sa.Column("code", sa.Text, nullable=False, server_default=""),
    sa.Column("seal", sa.Text, nullable=False, server_default=""),
    instant("corrected_at", null=True),
    instant("closed_at", null=True),
    instant("withdrawn_at", null=True),
    sealed("reason", null=True),
    sa.Index("ix_denunciations_code", "code"),
    sa.Index("ix_denunciations_seal", "seal"),
    sa.UniqueConstraint("group_id", "number"),
)

approvals = sa.Table(
    "approvals",
    metadata,
    number(),
    reference("denunciation_id", "denunciations"),
    reference("member_id", "members"),
    sealed("fingerprint"),
    sa.Column("later", sa.Boolean, nullable=False),
    sa.UniqueConstraint("denunciation_id", "member_id"),
    sa.Index("ix_approvals_member_id", "member_id"),
    comment="who agreed to a denunciation, and to which words",
)

named_people = sa.Table(
    "named_people",
    metadata,
    number(),
    reference("denunciation_id", "denunciations"),
    sealed("name"),
    text("answer"),
    sa.Index("ix_named_people_denunciation_id", "denunciation_id"),
    comment="names that stand in a draft, and what its author said of each: consent, none, no person",
)

topics = sa.Table(
    "topics",
    metadata,
    number(),
    reference("group_id", "groups"),
    sealed("name"),
    blind("name_key", Blind("name", scope="group_id", form=name_key)),
    sa.UniqueConstraint("group_id", "name_key"),
    comment="what a group's denunciations are about, so that readers can choose",
)

subscriptions = sa.Table(
    "subscriptions",
    metadata,
    number(),
    sa.Column(
        "member_id", ROW, sa.ForeignKey("members.id", ondelete="CASCADE"), nullable=False,
        unique=True,
    ),
    json("topics"),
    json("regions"),
    text("language"),
    sa.Column("daily", sa.Boolean, nullable=False),
    comment="what a reader wants of the denunciations, and how; who has no row wants all at once",
)  # fmt: skip

digest_items = sa.Table(
    "digest_items",
    metadata,
    number(),
    reference("member_id", "members"),
    reference("denunciation_id", "denunciations"),
    sa.UniqueConstraint("member_id", "denunciation_id"),
    sa.Index("ix_digest_items_denunciation_id", "denunciation_id"),
    comment="what waits for a reader's daily message",
)

files = sa.Table(
    "files",
    metadata,
    number(),
    reference("group_id", "groups"),
    reference("denunciation_id", "denunciations"),
    reference("member_id", "members"),
    text("platform"),
    text("state"),
    sealed_json("origin", null=True),
    sealed("alternative"),
    sealed("name", null=True),
    sealed("mime", null=True),
    sealed("digest", null=True),
    sa.Column("content", Sealed("bytes"), nullable=True),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    instant("not_before"),
    instant("created_at"),
    sa.Index("ix_files_denunciation_id", "denunciation_id"),
    sa.Index("ix_files_member_id", "member_id"),
    sa.Index("ix_files_state_not_before", "state", "not_before"),
    comment="images and documents of denunciations: to be fetched, and once they are clean",
)
