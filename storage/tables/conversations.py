"""Open questions, and conversations of several steps."""

from __future__ import annotations

import sqlalchemy as sa

from storage.rows import Blind
from storage.tables.columns import ROW, blind, instant, metadata, number, sealed, sealed_json, text

prompts = sa.Table(
    "prompts",
    metadata,
    number(),
    sa.Column("token", sa.Text, nullable=False, unique=True),
    text("platform"),
    sealed("chat"),
    blind("chat_key", Blind("chat")),
    text("topic"),
    sa.Column("ref", ROW, nullable=False),
    sa.Column("member", ROW, nullable=True),
    sealed_json("options"),
    text("outbox_key"),
    sealed_json("text"),
    instant("opened_at"),
    instant("closed_at", null=True),
    sa.Index("ix_prompts_platform_chat_key_closed_at", "platform", "chat_key", "closed_at"),
    sa.Index("ix_prompts_outbox_key", "outbox_key"),
    sa.Index("ix_prompts_topic_ref", "topic", "ref"),
)

dialogs = sa.Table(
    "dialogs",
    metadata,
    number(),
    text("platform"),
    sealed("chat"),
    blind("chat_key", Blind("chat")),
    text("topic"),
    text("step"),
    sealed_json("data"),
    instant("expires_at"),
    sa.UniqueConstraint("platform", "chat_key"),
)
