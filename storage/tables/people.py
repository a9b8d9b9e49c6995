"""Groups, their members, and how one becomes a member."""

from __future__ import annotations

import sqlalchemy as sa

from bot.domain.names import looks
from bot.domain.people import name_key
from storage.rows import Blind
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

groups = sa.Table(
    "groups",
    metadata,
    number(),
    sealed("name"),
    blind("name_key", Blind("name")),
    sealed("organisation"),
    text("language"),
    text("zone"),
    sealed_json("plan", null=True),
    sa.Column("bare", sa.JSON, nullable=False, default=list),
    sa.Column("incidents", sa.Integer, nullable=False, default=0),
    sa.Column("denunciations", sa.Integer, nullable=False, default=0),
    sa.Column("drills", sa.Integer, nullable=False, server_default="0"),
    sealed_json("drill_window", null=True),
    sa.Column("contact_days", sa.Integer, nullable=False, server_default="14"),
    sa.Column("cover_told", sa.Integer, nullable=False, server_default="2"),
    json("approval", null=True),
    instant("created_at"),
    sa.UniqueConstraint("name_key"),
)

members = sa.Table(
    "members",
    metadata,
    number(),
    reference("group_id", "groups"),
    sealed("name"),
    blind("name_key", Blind("name", scope="group_id", form=name_key)),
    blind("look_key", Blind("name", scope="group_id", form=looks)),
    text("language"),
    text("zone"),
    json("roles"),
    sealed_json("plan", null=True),
    sa.Column("subscribed", sa.Boolean, nullable=False, default=True),
    sa.Column("risk", sa.Text, nullable=False, server_default="medium"),
    instant("joined_at"),
    instant("left_at", null=True),
    sa.Column("invited_by", ROW, nullable=True),
    instant("agreed_at", null=True),
    instant("asked_at", null=True),
    instant("withdrawn_at", null=True),
    sealed_json("duress", null=True),
    instant("rehearsal_until", null=True),
    sealed_json("quiet", null=True),
    sealed_json("former", null=True),
    sealed_json("cancel_words", null=True),
    sa.UniqueConstraint("group_id", "name_key"),
    sa.Index("ix_members_look_key", "look_key"),
)

accounts = sa.Table(
    "accounts",
    metadata,
    number(),
    reference("member_id", "members"),
    text("platform"),
    sealed("address"),
    blind("address_key", Blind("address")),
    sealed("chat"),
    blind("chat_key", Blind("chat")),
    sa.Column("operator", sa.Boolean, nullable=False, default=False),
    sa.Column("reachable", sa.Boolean, nullable=False, default=True),
    instant("suspended_at", null=True),
    instant("used_at"),
    sa.UniqueConstraint("platform", "address_key"),
    sa.Index("ix_accounts_member_id", "member_id"),
    sa.Index("ix_accounts_platform_chat_key", "platform", "chat_key"),
)

invitations = sa.Table(
    "invitations",
    metadata,
    number(),
    sa.Column("secret_hash", sa.Text, nullable=False, unique=True),
    reference("group_id", "groups"),
    reference("member_id", "members", null=True),
    json("roles"),
    instant("created_at"),
    instant("expires_at"),
    instant("used_at", null=True),
    sa.Column("made_by", ROW, nullable=True),
    instant("revoked_at", null=True),
    sa.Index("ix_invitations_group_id", "group_id"),
)

guesses = sa.Table(
    "guesses",
    metadata,
    number(),
    text("platform"),
    sealed("address"),
    blind("address_key", Blind("address")),
    instant("first_at"),
    sa.Column("count", sa.Integer, nullable=False),
    sa.UniqueConstraint("platform", "address_key"),
    comment="how often an account showed an invitation that is none, within an hour",
)
