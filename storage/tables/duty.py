"""Regions, alliances, and who answers when."""

from __future__ import annotations

import sqlalchemy as sa

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

regions = sa.Table(
    "regions",
    metadata,
    number(),
    reference("group_id", "groups"),
    sealed("name"),
    blind("name_key", Blind("name", scope="group_id", form=name_key)),
    text("zone"),
    instant("made_at"),
    sa.UniqueConstraint("group_id", "name_key"),
)

region_members = sa.Table(
    "region_members",
    metadata,
    number(),
    reference("region_id", "regions"),
    sa.Column(
        "member_id", ROW, sa.ForeignKey("members.id", ondelete="CASCADE"), nullable=False,
        unique=True,
    ),
    instant("agreed_at"),
    sa.Index("ix_region_members_region_id", "region_id"),
    comment="who said that they are in a region, and when",
)  # fmt: skip

alliances = sa.Table(
    "alliances",
    metadata,
    number(),
    reference("group_id", "groups"),
    reference("ally_id", "groups"),
    instant("asked_at"),
    instant("agreed_at", null=True),
    sa.UniqueConstraint("group_id", "ally_id"),
    sa.Index("ix_alliances_ally_id", "ally_id"),
    comment="a group that asks another one to answer for it as well, and since when that one does",
)

alliance_people = sa.Table(
    "alliance_people",
    metadata,
    number(),
    reference("alliance_id", "alliances"),
    reference("member_id", "members"),
    instant("asked_at"),
    instant("agreed_at", null=True),
    sa.UniqueConstraint("alliance_id", "member_id"),
    sa.Index("ix_alliance_people_member_id", "member_id"),
    comment="who was asked to answer for another group, and who said yes",
)

rotations = sa.Table(
    "rotations",
    metadata,
    number(),
    reference("group_id", "groups"),
    reference("region_id", "regions", null=True),
    sealed_json("rule"),
    instant("starts_at"),
    instant("ends_at", null=True),
    instant("made_at"),
    sa.Index("ix_rotations_group_id", "group_id"),
    sa.Index("ix_rotations_region_id", "region_id"),
)

rotation_people = sa.Table(
    "rotation_people",
    metadata,
    number(),
    reference("rotation_id", "rotations"),
    reference("member_id", "members"),
    sa.Column("place", sa.Integer, nullable=False),
    sa.Column("substitute", sa.Boolean, nullable=False),
    instant("accepted_at", null=True),
    sa.UniqueConstraint("rotation_id", "member_id"),
    sa.Index("ix_rotation_people_member_id", "member_id"),
)

duty_changes = sa.Table(
    "duty_changes",
    metadata,
    number(),
    reference("rotation_id", "rotations"),
    reference("member_id", "members"),
    instant("starts_at"),
    instant("ends_at"),
    text("kind"),
    instant("made_at"),
    sa.Index("ix_duty_changes_rotation_id", "rotation_id"),
    sa.Index("ix_duty_changes_member_id", "member_id"),
    comment="swaps and overrides: who has it between two instants; the newest counts",
)

duty_turns = sa.Table(
    "duty_turns",
    metadata,
    number(),
    reference("rotation_id", "rotations"),
    instant("starts_at"),
    instant("ends_at"),
    reference("member_id", "members", null=True),
    json("asked"),
    json("declined"),
    sa.Column("confirmed_by", ROW, nullable=True),
    sa.Column("reminded", sa.Boolean, nullable=False),
    instant("step_at", null=True),
    sa.Column("nobody", sa.Boolean, nullable=False),
    sa.Column("gap", sa.Integer, nullable=False),
    sa.UniqueConstraint("rotation_id", "starts_at"),
    sa.Index("ix_duty_turns_member_id", "member_id"),
    comment="what became of a turn on duty: who was asked, who said that they are there",
)

configuring = sa.Table(
    "configuring",
    metadata,
    number(),
    reference("member_id", "members"),
    text("kind"),
    sealed_json("content"),
    instant("changed_at"),
    sa.UniqueConstraint("member_id", "kind"),
    comment="what somebody who coordinates has begun: a draft of a plan, a change to undo, a schedule",
)
