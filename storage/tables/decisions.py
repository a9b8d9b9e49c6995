"""What two people decide, and what is remembered of it."""

from __future__ import annotations

import sqlalchemy as sa

from storage.tables.columns import (
    ROW,
    instant,
    json,
    metadata,
    number,
    reference,
    sealed_json,
    text,
)

decisions = sa.Table(
    "decisions",
    metadata,
    number(),
    reference("group_id", "groups"),
    text("kind"),
    sa.Column("about", ROW, nullable=True),
    sealed_json("content"),
    sa.Column("asked_by", ROW, nullable=False),
    sa.Column("operators", sa.Boolean, nullable=False),
    text("state"),
    sa.Column("second", ROW, nullable=True),
    instant("asked_at"),
    instant("expires_at"),
    sa.Index("ix_decisions_group_id_state", "group_id", "state"),
)

audit_log = sa.Table(
    "audit_log",
    metadata,
    number(),
    reference("group_id", "groups"),
    instant("at"),
    sa.Column("actor", ROW, nullable=True),
    text("what"),
    sa.Column("about", ROW, nullable=True),
    sealed_json("details"),
    sa.Index("ix_audit_log_group_id_id", "group_id", "id"),
    comment="every privileged act, by the numbers of the members; kept for a year",
)

erasures = sa.Table(
    "erasures",
    metadata,
    number(),
    reference("group_id", "groups"),
    sa.Column("member", ROW, nullable=False, unique=True),
    sealed_json("traces"),
    json("done"),
    instant("asked_at"),
    comment="people who are being erased: what to look for until nothing of it is left",
)
