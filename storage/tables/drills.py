"""Drills, and whether people can be reached."""

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

drills = sa.Table(
    "drills",
    metadata,
    number(),
    reference("group_id", "groups"),
    sa.Column("number", sa.Integer, nullable=False),
    text("scope"),
    sa.Column("first", sa.Integer, nullable=False),
    sa.Column("by", ROW, nullable=True),
    instant("opened_at"),
    instant("ends_at"),
    sealed_json("plan"),
    text("state"),
    sa.Column("step", sa.Integer, nullable=False),
    instant("step_at", null=True),
    sa.Column("repeats", sa.Integer, nullable=False),
    instant("repeat_at", null=True),
    sa.Column("holder", ROW, nullable=True),
    json("told"),
    instant("taken_at", null=True),
    instant("closed_at", null=True),
    text("end", null=True),
    sa.UniqueConstraint("group_id", "number"),
    sa.Index("ix_drills_group_id_closed_at", "group_id", "closed_at"),
    comment="plans run for practice: apart from incidents, so that none is ever taken for one",
)

drill_people = sa.Table(
    "drill_people",
    metadata,
    number(),
    reference("drill_id", "drills"),
    reference("member_id", "members"),
    sa.Column("step", sa.Integer, nullable=False),
    instant("told_at"),
    instant("reached_at", null=True),
    instant("answered_at", null=True),
    sa.Column("reported", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.UniqueConstraint("drill_id", "member_id"),
    sa.Index("ix_drill_people_member_id", "member_id"),
)

contacts = sa.Table(
    "contacts",
    metadata,
    number(),
    reference("member_id", "members"),
    instant("confirmed_at"),
    instant("asked_at", null=True),
    sa.Column("reminders", sa.Integer, nullable=False),
    instant("flagged_at", null=True),
    json("ignored"),
    sa.UniqueConstraint("member_id"),
    comment="when each person who is told of alarms confirmed last that they can be",
)
