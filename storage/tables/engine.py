"""What the engine keeps: events, messages to send, timers, and who acts."""

from __future__ import annotations

import sqlalchemy as sa

from storage.rows import Blind
from storage.tables.columns import ROW, blind, instant, metadata, number, sealed, sealed_json, text

facts = sa.Table(
    "facts",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.LargeBinary, nullable=False),
    sa.Column("sealed", sa.Boolean, nullable=False, server_default=sa.false()),
    comment="small things of the installation: heartbeat, keys of a platform's account",
)

data_keys = sa.Table(
    "data_keys",
    metadata,
    sa.Column("id", ROW, primary_key=True, autoincrement=False),
    text("purpose"),
    sa.Column("current", sa.Boolean, nullable=False),
    sa.Column("wrapped", sa.LargeBinary, nullable=False),
    instant("created_at"),
    comment="what seals the rows, wrapped by the master key; several while a rotation runs",
)

fences = sa.Table(
    "fences",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
    instant("until"),
    sa.Column("session", sa.Text, nullable=False, server_default=""),
    comment="which process acts: whoever has the number; it only grows",
)

cursors = sa.Table(
    "cursors",
    metadata,
    sa.Column("platform", sa.Text, primary_key=True),
    text("cursor"),
    instant("stored_at"),
)

polls = sa.Table(
    "polls",
    metadata,
    sa.Column("platform", sa.Text, primary_key=True),
    sa.Column("wanted", sa.BigInteger, nullable=False),
    sa.Column("answered", sa.BigInteger, nullable=False),
    instant("at"),
    sa.Column("up", sa.Boolean, nullable=False),
    comment="how workers ask whoever polls a platform to catch up before they judge a deadline",
)

inbox = sa.Table(
    "inbox",
    metadata,
    number(),
    text("platform"),
    sealed("event_id"),
    blind("event_key", Blind("event_id")),
    sealed("chat"),
    blind("chat_key", Blind("chat")),
    instant("received_at"),
    sealed_json("raw"),
    text("state", "new"),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    text("error", ""),
    instant("done_at", null=True),
    sa.Column("emptied", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.UniqueConstraint("platform", "event_key"),
    sa.Index("ix_inbox_state_id", "state", "id"),
    sa.Index("ix_inbox_chat_key", "chat_key"),
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("seq", ROW, primary_key=True, autoincrement=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("lane", sa.SmallInteger, nullable=False),
    text("platform"),
    sealed("chat"),
    blind("chat_key", Blind("chat")),
    text("chat_kind"),
    text("operation"),
    sealed_json("body"),
    text("target", ""),
    text("purpose", ""),
    sa.Column("member", ROW, nullable=True),
    text("state", "queued"),
    instant("created_at"),
    instant("not_before"),
    instant("lease_until", null=True),
    sa.Column("owner", sa.Text, nullable=False, server_default=""),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sealed("message_id", null=True),
    blind("message_key", Blind("message_id"), null=True),
    text("error", ""),
    instant("done_at", null=True),
    sa.Column("emptied", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index("ix_outbox_message_key", "message_key"),
    sa.Index("ix_outbox_platform_state_lane_seq", "platform", "state", "lane", "seq"),
    sa.Index("ix_outbox_purpose", "purpose"),
)

timers = sa.Table(
    "timers",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("ref", ROW, primary_key=True, autoincrement=False),
    instant("due"),
    instant("lease_until", null=True),
    sa.Column("owner", sa.Text, nullable=False, server_default=""),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Index("ix_timers_due", "due"),
)
