"""Boards, aftercare, and what people say of it all."""

from __future__ import annotations

import sqlalchemy as sa

from storage.tables.columns import (
    ROW,
    instant,
    metadata,
    number,
    reference,
    sealed,
    sealed_json,
    text,
)

boards = sa.Table(
    "boards",
    metadata,
    number(),
    reference("member_id", "members"),
    text("key"),
    sealed("shown"),
    instant("until"),
    sa.UniqueConstraint("member_id"),
    comment="the board that a coordinator has open: the message that is edited, until when",
)

aftercare = sa.Table(
    "aftercare",
    metadata,
    number(),
    reference("incident_id", "incidents"),
    reference("member_id", "members"),
    text("state"),
    sa.Column("asked", sa.Integer, nullable=False),
    instant("ended_at"),
    sa.UniqueConstraint("incident_id"),
    sa.Index("ix_aftercare_member_id", "member_id"),
    comment="who wants to be asked how they are in the days after an incident",
)

care_entries = sa.Table(
    "care_entries",
    metadata,
    number(),
    reference("group_id", "groups"),
    sa.Column("number", sa.Integer, nullable=False),
    text("kind"),
    sealed("region"),
    sealed("name"),
    sealed("text"),
    instant("verified_at"),
    sa.UniqueConstraint("group_id", "number"),
    comment="the directory of care: where there is a shelter, a lawyer, a doctor",
)

notes = sa.Table(
    "notes",
    metadata,
    number(),
    reference("member_id", "members"),
    sealed_json("content"),
    instant("changed_at"),
    sa.UniqueConstraint("member_id"),
    comment="what a member wrote for an emergency, opened by who holds their incident",
)

feedback = sa.Table(
    "feedback",
    metadata,
    number(),
    reference("group_id", "groups"),
    text("what"),
    sa.Column("number", sa.Integer, nullable=False),
    instant("day"),
    sa.Column("score", sa.Integer, nullable=False),
    sealed("words", null=True),
    reference("member_id", "members", null=True),
    sa.Index("ix_feedback_group_id_day", "group_id", "day"),
    comment="how people found an incident or a drill; without an author unless they signed",
)

complaints = sa.Table(
    "complaints",
    metadata,
    number(),
    reference("group_id", "groups"),
    sa.Column("number", sa.Integer, nullable=False),
    reference("member_id", "members"),
    text("kind"),
    sa.Column("about", ROW, nullable=True),
    sealed("text"),
    sa.Column("signed", sa.Boolean, nullable=False),
    text("state"),
    sa.Column("holder", ROW, nullable=True),
    sa.Column("rounds", sa.Integer, nullable=False),
    sa.Column("reminded", sa.Boolean, nullable=False),
    instant("opened_at"),
    instant("due_at"),
    sealed("answer", null=True),
    instant("closed_at", null=True),
    sa.UniqueConstraint("group_id", "number"),
    sa.Index("ix_complaints_member_id", "member_id"),
    comment="complaints: each a case with a holder and a clock",
)
