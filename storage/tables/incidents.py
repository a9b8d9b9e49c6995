"""Check-ins, trips, and incidents."""

from __future__ import annotations

import sqlalchemy as sa

from storage.tables.columns import (
    ROW,
    instant,
    json,
    metadata,
    number,
    reference,
    sealed,
    sealed_json,
    text,
)

schedules = sa.Table(
    "schedules",
    metadata,
    number(),
    reference("member_id", "members"),
    sealed_json("rule"),
    sa.Column("active", sa.Boolean, nullable=False, default=True),
    instant("paused_until", null=True),
    instant("created_at"),
    sa.Index("ix_schedules_member_id", "member_id"),
)

trips = sa.Table(
    "trips",
    metadata,
    number(),
    reference("member_id", "members"),
    text("purpose"),
    sealed("title"),
    instant("started_at"),
    instant("ended_at", null=True),
    sa.Column("extensions", sa.Integer, nullable=False, default=0),
    sa.Column("extended", sa.Integer, nullable=False, default=0),
    sa.Column("others", sa.Integer, nullable=False, default=0),
    sa.Index("ix_trips_member_id_ended_at", "member_id", "ended_at"),
    sa.Index("ix_trips_ended_at", "ended_at"),
    comment="what a member asked to be asked about: trips, single questions, silences, collectives",
)

stages = sa.Table(
    "stages",
    metadata,
    number(),
    reference("trip_id", "trips"),
    instant("due"),
    sealed("place"),
    text("state"),
    sa.Index("ix_stages_trip_id", "trip_id"),
    sa.Index("ix_stages_state", "state"),
)

companions = sa.Table(
    "companions",
    metadata,
    number(),
    reference("trip_id", "trips"),
    reference("member_id", "members", null=True),
    sealed("name"),
    text("state"),
    sa.Index("ix_companions_trip_id", "trip_id"),
    sa.Index("ix_companions_member_id", "member_id"),
    comment="for whom one person answers; whoever is no member is a name alone",
)

checkins = sa.Table(
    "checkins",
    metadata,
    number(),
    reference("member_id", "members"),
    reference("schedule_id", "schedules", null=True),
    instant("due"),
    instant("miss_at"),
    json("reminders"),
    text("state"),
    sa.Column("delivered", sa.Boolean, nullable=False, default=True),
    instant("answered_at", null=True),
    sa.Column("held", sa.Boolean, nullable=False, server_default=sa.false()),
    # Where a trip went is erased earlier than when somebody was asked: this is emptied before.
    sa.Column("stage_id", ROW, sa.ForeignKey("stages.id"), nullable=True),
    sa.UniqueConstraint("schedule_id", "due"),
    sa.Index("ix_checkins_stage_id", "stage_id", "due", unique=True),
    sa.Index("ix_checkins_member_id_state", "member_id", "state"),
    sa.Index("ix_checkins_state_miss_at", "state", "miss_at"),
)

mass_events = sa.Table(
    "mass_events",
    metadata,
    number(),
    reference("group_id", "groups"),
    text("kind"),
    instant("opened_at"),
    instant("joined_at"),
    instant("closed_at", null=True),
    json("told"),
    sa.Index("ix_mass_events_group_id_closed_at", "group_id", "closed_at"),
)

incidents = sa.Table(
    "incidents",
    metadata,
    number(),
    reference("group_id", "groups"),
    sa.Column("number", sa.Integer, nullable=False),
    reference("subject_id", "members"),
    text("kind"),
    instant("opened_at"),
    sealed_json("plan"),
    text("state"),
    sa.Column("step", sa.Integer, nullable=False),
    instant("step_at", null=True),
    sa.Column("repeats", sa.Integer, nullable=False),
    instant("repeat_at", null=True),
    reference("holder_id", "members", null=True),
    instant("news_at", null=True),
    sa.Column("news_asked", sa.Boolean, nullable=False),
    json("told"),
    text("outcome", null=True),
    instant("closed_at", null=True),
    sa.Column("mass_id", ROW, sa.ForeignKey("mass_events.id"), nullable=True),
    sa.UniqueConstraint("group_id", "number"),
    sa.Index("ix_incidents_mass_id", "mass_id"),
    sa.Index("ix_incidents_subject_id_state", "subject_id", "state"),
    sa.Index("ix_incidents_group_id_state", "group_id", "state"),
)

incident_events = sa.Table(
    "incident_events",
    metadata,
    number(),
    reference("incident_id", "incidents"),
    instant("at"),
    text("event"),
    sa.Column("actor", ROW, nullable=True),
    sealed_json("details"),
    sa.Index("ix_incident_events_incident_id", "incident_id"),
)

whereabouts = sa.Table(
    "whereabouts",
    metadata,
    number(),
    reference("member_id", "members"),
    reference("trip_id", "trips", null=True),
    reference("incident_id", "incidents", null=True),
    instant("at"),
    text("what"),
    sealed_json("content"),
    sa.Index("ix_whereabouts_member_id", "member_id"),
    sa.Index("ix_whereabouts_trip_id", "trip_id"),
    sa.Index("ix_whereabouts_incident_id", "incident_id"),
    comment="where somebody said they are, and what will soon explain a silence",
)
