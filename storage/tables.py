"""The tables. Migrations in storage/migrations make them; a test holds the two together.

What could name a person, a place or what somebody wrote is `Sealed`; where it must be found again, a
`Blind` index stands beside it.

Instants are stored as whole microseconds since 1970 in UTC, so that they compare and index the same
way on SQLite and PostgreSQL.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from bot.domain.names import looks
from bot.domain.people import name_key
from storage.rows import Blind, Sealed

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime as a big integer of microseconds."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """To microseconds; a naive datetime is refused, it would be a guess."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return (value - EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Back to UTC."""
        return None if value is None else EPOCH + timedelta(microseconds=int(value))


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""A row's number; SQLite counts only columns that are INTEGER."""


def _id() -> sa.Column[int]:
    return sa.Column("id", ROW, primary_key=True, autoincrement=True)


def _ref(name: str, to: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, ROW, sa.ForeignKey(f"{to}.id", ondelete="CASCADE"), nullable=null)


def _text(name: str, default: str | None = None, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=null, default=default)


def _at(name: str, *, null: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, Instant, nullable=null)


def _json(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.JSON, nullable=null)


def _sealed(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, Sealed("text"), nullable=null)


def _sealed_json(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, Sealed("json"), nullable=null)


def _blind(name: str, kind: Blind, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=null)


# --- what the engine keeps ----------------------------------------------------------------------

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
    _text("purpose"),
    sa.Column("current", sa.Boolean, nullable=False),
    sa.Column("wrapped", sa.LargeBinary, nullable=False),
    _at("created_at"),
    comment="what seals the rows, wrapped by the master key; several while a rotation runs",
)

fences = sa.Table(
    "fences",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
    _at("until"),
    sa.Column("session", sa.Text, nullable=False, server_default=""),
    comment="which process acts: whoever has the number; it only grows",
)

cursors = sa.Table(
    "cursors",
    metadata,
    sa.Column("platform", sa.Text, primary_key=True),
    _text("cursor"),
    _at("stored_at"),
)

polls = sa.Table(
    "polls",
    metadata,
    sa.Column("platform", sa.Text, primary_key=True),
    sa.Column("wanted", sa.BigInteger, nullable=False),
    sa.Column("answered", sa.BigInteger, nullable=False),
    _at("at"),
    sa.Column("up", sa.Boolean, nullable=False),
    comment="how workers ask whoever polls a platform to catch up before they judge a deadline",
)

inbox = sa.Table(
    "inbox",
    metadata,
    _id(),
    _text("platform"),
    _sealed("event_id"),
    _blind("event_key", Blind("event_id")),
    _sealed("chat"),
    _blind("chat_key", Blind("chat")),
    _at("received_at"),
    _sealed_json("raw"),
    _text("state", "new"),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    _text("error", ""),
    _at("done_at", null=True),
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
    _text("platform"),
    _sealed("chat"),
    _blind("chat_key", Blind("chat")),
    _text("chat_kind"),
    _text("operation"),
    _sealed_json("body"),
    _text("target", ""),
    _text("purpose", ""),
    sa.Column("member", ROW, nullable=True),
    _text("state", "queued"),
    _at("created_at"),
    _at("not_before"),
    _at("lease_until", null=True),
    sa.Column("owner", sa.Text, nullable=False, server_default=""),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    _sealed("message_id", null=True),
    _blind("message_key", Blind("message_id"), null=True),
    _text("error", ""),
    _at("done_at", null=True),
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
    _at("due"),
    _at("lease_until", null=True),
    sa.Column("owner", sa.Text, nullable=False, server_default=""),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Index("ix_timers_due", "due"),
)

# --- people -------------------------------------------------------------------------------------

groups = sa.Table(
    "groups",
    metadata,
    _id(),
    _sealed("name"),
    _blind("name_key", Blind("name")),
    _sealed("organisation"),
    _text("language"),
    _text("zone"),
    _sealed_json("plan", null=True),
    sa.Column("bare", sa.JSON, nullable=False, default=list),
    sa.Column("incidents", sa.Integer, nullable=False, default=0),
    sa.Column("denunciations", sa.Integer, nullable=False, default=0),
    sa.Column("drills", sa.Integer, nullable=False, server_default="0"),
    _sealed_json("drill_window", null=True),
    sa.Column("contact_days", sa.Integer, nullable=False, server_default="14"),
    sa.Column("cover_told", sa.Integer, nullable=False, server_default="2"),
    _json("approval", null=True),
    _at("created_at"),
    sa.UniqueConstraint("name_key"),
)

members = sa.Table(
    "members",
    metadata,
    _id(),
    _ref("group_id", "groups"),
    _sealed("name"),
    _blind("name_key", Blind("name", scope="group_id", form=name_key)),
    _blind("look_key", Blind("name", scope="group_id", form=looks)),
    _text("language"),
    _text("zone"),
    _json("roles"),
    _sealed_json("plan", null=True),
    sa.Column("subscribed", sa.Boolean, nullable=False, default=True),
    sa.Column("risk", sa.Text, nullable=False, server_default="medium"),
    _at("joined_at"),
    _at("left_at", null=True),
    sa.Column("invited_by", ROW, nullable=True),
    _at("agreed_at", null=True),
    _at("asked_at", null=True),
    _at("withdrawn_at", null=True),
    _sealed_json("duress", null=True),
    _at("rehearsal_until", null=True),
    _sealed_json("quiet", null=True),
    _sealed_json("former", null=True),
    _sealed_json("cancel_words", null=True),
    sa.UniqueConstraint("group_id", "name_key"),
    sa.Index("ix_members_look_key", "look_key"),
)

accounts = sa.Table(
    "accounts",
    metadata,
    _id(),
    _ref("member_id", "members"),
    _text("platform"),
    _sealed("address"),
    _blind("address_key", Blind("address")),
    _sealed("chat"),
    _blind("chat_key", Blind("chat")),
    sa.Column("operator", sa.Boolean, nullable=False, default=False),
    sa.Column("reachable", sa.Boolean, nullable=False, default=True),
    _at("suspended_at", null=True),
    _at("used_at"),
    sa.UniqueConstraint("platform", "address_key"),
    sa.Index("ix_accounts_member_id", "member_id"),
    sa.Index("ix_accounts_platform_chat_key", "platform", "chat_key"),
)

invitations = sa.Table(
    "invitations",
    metadata,
    _id(),
    sa.Column("secret_hash", sa.Text, nullable=False, unique=True),
    _ref("group_id", "groups"),
    _ref("member_id", "members", null=True),
    _json("roles"),
    _at("created_at"),
    _at("expires_at"),
    _at("used_at", null=True),
    sa.Column("made_by", ROW, nullable=True),
    _at("revoked_at", null=True),
    sa.Index("ix_invitations_group_id", "group_id"),
)

guesses = sa.Table(
    "guesses",
    metadata,
    _id(),
    _text("platform"),
    _sealed("address"),
    _blind("address_key", Blind("address")),
    _at("first_at"),
    sa.Column("count", sa.Integer, nullable=False),
    sa.UniqueConstraint("platform", "address_key"),
    comment="how often an account showed an invitation that is none, within an hour",
)

# --- what two people decide, and what is remembered of it ---------------------------------------

decisions = sa.Table(
    "decisions",
    metadata,
    _id(),
    _ref("group_id", "groups"),
    _text("kind"),
    sa.Column("about", ROW, nullable=True),
    _sealed_json("content"),
    sa.Column("asked_by", ROW, nullable=False),
    sa.Column("operators", sa.Boolean, nullable=False),
    _text("state"),
    sa.Column("second", ROW, nullable=True),
    _at("asked_at"),
    _at("expires_at"),
    sa.Index("ix_decisions_group_id_state", "group_id", "state"),
)

audit_log = sa.Table(
    "audit_log",
    metadata,
    _id(),
    _ref("group_id", "groups"),
    _at("at"),
    sa.Column("actor", ROW, nullable=True),
    _text("what"),
    sa.Column("about", ROW, nullable=True),
    _sealed_json("details"),
    sa.Index("ix_audit_log_group_id_id", "group_id", "id"),
    comment="every privileged act, by the numbers of the members; kept for a year",
)

erasures = sa.Table(
    "erasures",
    metadata,
    _id(),
    _ref("group_id", "groups"),
    sa.Column("member", ROW, nullable=False, unique=True),
    _sealed_json("traces"),
    _json("done"),
    _at("asked_at"),
    comment="people who are being erased: what to look for until nothing of it is left",
)

# --- regions and duty ---------------------------------------------------------------------------

regions = sa.Table(
    "regions",
    metadata,
    _id(),
    _ref("group_id", "groups"),
    _sealed("name"),
    _blind("name_key", Blind("name", scope="group_id", form=name_key)),
    _text("zone"),
    _at("made_at"),
    sa.UniqueConstraint("group_id", "name_key"),
)

region_members = sa.Table(
    "region_members",
    metadata,
    _id(),
    _ref("region_id", "regions"),
    sa.Column(
        "member_id", ROW, sa.ForeignKey("members.id", ondelete="CASCADE"), nullable=False,
        unique=True,
    ),
    _at("agreed_at"),
    sa.Index("ix_region_members_region_id", "region_id"),
    comment="who said that they are in a region, and when",
)  # fmt: skip

alliances = sa.Table(
    "alliances",
    metadata,
    _id(),
    _ref("group_id", "groups"),
    _ref("ally_id", "groups"),
    _at("asked_at"),
    _at("agreed_at", null=True),
    sa.UniqueConstraint("group_id", "ally_id"),
    sa.Index("ix_alliances_ally_id", "ally_id"),
    comment="a group that asks another one to answer for it as well, and since when that one does",
)

alliance_people = sa.Table(
    "alliance_people",
    metadata,
    _id(),
    _ref("alliance_id", "alliances"),
    _ref("member_id", "members"),
    _at("asked_at"),
    _at("agreed_at", null=True),
    sa.UniqueConstraint("alliance_id", "member_id"),
    sa.Index("ix_alliance_people_member_id", "member_id"),
    comment="who was asked to answer for another group, and who said yes",
)

rotations = sa.Table(
    "rotations",
    metadata,
    _id(),
    _ref("group_id", "groups"),
    _ref("region_id", "regions", null=True),
    _sealed_json("rule"),
    _at("starts_at"),
    _at("ends_at", null=True),
    _at("made_at"),
    sa.Index("ix_rotations_group_id", "group_id"),
    sa.Index("ix_rotations_region_id", "region_id"),
)

rotation_people = sa.Table(
    "rotation_people",
    metadata,
    _id(),
    _ref("rotation_id", "rotations"),
    _ref("member_id", "members"),
    sa.Column("place", sa.Integer, nullable=False),
    sa.Column("substitute", sa.Boolean, nullable=False),
    _at("accepted_at", null=True),
    sa.UniqueConstraint("rotation_id", "member_id"),
    sa.Index("ix_rotation_people_member_id", "member_id"),
)

duty_changes = sa.Table(
    "duty_changes",
    metadata,
    _id(),
    _ref("rotation_id", "rotations"),
    _ref("member_id", "members"),
    _at("starts_at"),
    _at("ends_at"),
    _text("kind"),
    _at("made_at"),
    sa.Index("ix_duty_changes_rotation_id", "rotation_id"),
    sa.Index("ix_duty_changes_member_id", "member_id"),
    comment="swaps and overrides: who has it between two instants; the newest counts",
)

duty_turns = sa.Table(
    "duty_turns",
    metadata,
    _id(),
    _ref("rotation_id", "rotations"),
    _at("starts_at"),
    _at("ends_at"),
    _ref("member_id", "members", null=True),
    _json("asked"),
    _json("declined"),
    sa.Column("confirmed_by", ROW, nullable=True),
    sa.Column("reminded", sa.Boolean, nullable=False),
    _at("step_at", null=True),
    sa.Column("nobody", sa.Boolean, nullable=False),
    sa.Column("gap", sa.Integer, nullable=False),
    sa.UniqueConstraint("rotation_id", "starts_at"),
    sa.Index("ix_duty_turns_member_id", "member_id"),
    comment="what became of a turn on duty: who was asked, who said that they are there",
)

configuring = sa.Table(
    "configuring",
    metadata,
    _id(),
    _ref("member_id", "members"),
    _text("kind"),
    _sealed_json("content"),
    _at("changed_at"),
    sa.UniqueConstraint("member_id", "kind"),
    comment="what somebody who coordinates has begun: a draft of a plan, a change to undo, a schedule",
)

# --- conversations ------------------------------------------------------------------------------

prompts = sa.Table(
    "prompts",
    metadata,
    _id(),
    sa.Column("token", sa.Text, nullable=False, unique=True),
    _text("platform"),
    _sealed("chat"),
    _blind("chat_key", Blind("chat")),
    _text("topic"),
    sa.Column("ref", ROW, nullable=False),
    sa.Column("member", ROW, nullable=True),
    _sealed_json("options"),
    _text("outbox_key"),
    _sealed_json("text"),
    _at("opened_at"),
    _at("closed_at", null=True),
    sa.Index("ix_prompts_platform_chat_key_closed_at", "platform", "chat_key", "closed_at"),
    sa.Index("ix_prompts_outbox_key", "outbox_key"),
    sa.Index("ix_prompts_topic_ref", "topic", "ref"),
)

dialogs = sa.Table(
    "dialogs",
    metadata,
    _id(),
    _text("platform"),
    _sealed("chat"),
    _blind("chat_key", Blind("chat")),
    _text("topic"),
    _text("step"),
    _sealed_json("data"),
    _at("expires_at"),
    sa.UniqueConstraint("platform", "chat_key"),
)

# --- check-ins and incidents --------------------------------------------------------------------

schedules = sa.Table(
    "schedules",
    metadata,
    _id(),
    _ref("member_id", "members"),
    _sealed_json("rule"),
    sa.Column("active", sa.Boolean, nullable=False, default=True),
    _at("paused_until", null=True),
    _at("created_at"),
    sa.Index("ix_schedules_member_id", "member_id"),
)

trips = sa.Table(
    "trips",
    metadata,
    _id(),
    _ref("member_id", "members"),
    _text("purpose"),
    _sealed("title"),
    _at("started_at"),
    _at("ended_at", null=True),
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
    _id(),
    _ref("trip_id", "trips"),
    _at("due"),
    _sealed("place"),
    _text("state"),
    sa.Index("ix_stages_trip_id", "trip_id"),
    sa.Index("ix_stages_state", "state"),
)

companions = sa.Table(
    "companions",
    metadata,
    _id(),
    _ref("trip_id", "trips"),
    _ref("member_id", "members", null=True),
    _sealed("name"),
    _text("state"),
    sa.Index("ix_companions_trip_id", "trip_id"),
    sa.Index("ix_companions_member_id", "member_id"),
    comment="for whom one person answers; whoever is no member is a name alone",
)

checkins = sa.Table(
    "checkins",
    metadata,
    _id(),
    _ref("member_id", "members"),
    _ref("schedule_id", "schedules", null=True),
    _at("due"),
    _at("miss_at"),
    _json("reminders"),
    _text("state"),
    sa.Column("delivered", sa.Boolean, nullable=False, default=True),
    _at("answered_at", null=True),
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
    _id(),
    _ref("group_id", "groups"),
    _text("kind"),
    _at("opened_at"),
    _at("joined_at"),
    _at("closed_at", null=True),
    _json("told"),
    sa.Index("ix_mass_events_group_id_closed_at", "group_id", "closed_at"),
)

incidents = sa.Table(
    "incidents",
    metadata,
    _id(),
    _ref("group_id", "groups"),
    sa.Column("number", sa.Integer, nullable=False),
    _ref("subject_id", "members"),
    _text("kind"),
    _at("opened_at"),
    _sealed_json("plan"),
    _text("state"),
    sa.Column("step", sa.Integer, nullable=False),
    _at("step_at", null=True),
    sa.Column("repeats", sa.Integer, nullable=False),
    _at("repeat_at", null=True),
    _ref("holder_id", "members", null=True),
    _at("news_at", null=True),
    sa.Column("news_asked", sa.Boolean, nullable=False),
    _json("told"),
    _text("outcome", null=True),
    _at("closed_at", null=True),
    sa.Column("mass_id", ROW, sa.ForeignKey("mass_events.id"), nullable=True),
    sa.UniqueConstraint("group_id", "number"),
    sa.Index("ix_incidents_mass_id", "mass_id"),
    sa.Index("ix_incidents_subject_id_state", "subject_id", "state"),
    sa.Index("ix_incidents_group_id_state", "group_id", "state"),
)

incident_events = sa.Table(
    "incident_events",
    metadata,
    _id(),
    _ref("incident_id", "incidents"),
    _at("at"),
    _text("event"),
    sa.Column("actor", ROW, nullable=True),
    _sealed_json("details"),
    sa.Index("ix_incident_events_incident_id", "incident_id"),
)

whereabouts = sa.Table(
    "whereabouts",
    metadata,
    _id(),
    _ref("member_id", "members"),
    _ref("trip_id", "trips", null=True),
    _ref("incident_id", "incidents", null=True),
    _at("at"),
    _text("what"),
    _sealed_json("content"),
    sa.Index("ix_whereabouts_member_id", "member_id"),
    sa.Index("ix_whereabouts_trip_id", "trip_id"),
    sa.Index("ix_whereabouts_incident_id", "incident_id"),
    comment="where somebody said they are, and what will soon explain a silence",
)

# --- drills, and whether people can be reached --------------------------------------------------

drills = sa.Table(
    "drills",
    metadata,
    _id(),
    _ref("group_id", "groups"),
    sa.Column("number", sa.Integer, nullable=False),
    _text("scope"),
    sa.Column("first", sa.Integer, nullable=False),
    sa.Column("by", ROW, nullable=True),
    _at("opened_at"),
    _at("ends_at"),
    _sealed_json("plan"),
    _text("state"),
    sa.Column("step", sa.Integer, nullable=False),
    _at("step_at", null=True),
    sa.Column("repeats", sa.Integer, nullable=False),
    _at("repeat_at", null=True),
    sa.Column("holder", ROW, nullable=True),
    _json("told"),
    _at("taken_at", null=True),
    _at("closed_at", null=True),
    _text("end", null=True),
    sa.UniqueConstraint("group_id", "number"),
    sa.Index("ix_drills_group_id_closed_at", "group_id", "closed_at"),
    comment="plans run for practice: apart from incidents, so that none is ever taken for one",
)

drill_people = sa.Table(
    "drill_people",
    metadata,
    _id(),
    _ref("drill_id", "drills"),
    _ref("member_id", "members"),
    sa.Column("step", sa.Integer, nullable=False),
    _at("told_at"),
    _at("reached_at", null=True),
    _at("answered_at", null=True),
    sa.Column("reported", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.UniqueConstraint("drill_id", "member_id"),
    sa.Index("ix_drill_people_member_id", "member_id"),
)

contacts = sa.Table(
    "contacts",
    metadata,
    _id(),
    _ref("member_id", "members"),
    _at("confirmed_at"),
    _at("asked_at", null=True),
    sa.Column("reminders", sa.Integer, nullable=False),
    _at("flagged_at", null=True),
    _json("ignored"),
    sa.UniqueConstraint("member_id"),
    comment="when each person who is told of alarms confirmed last that they can be",
)

# --- denunciations ------------------------------------------------------------------------------

destinations = sa.Table(
    "destinations",
    metadata,
    _id(),
    _ref("group_id", "groups"),
    _text("platform"),
    _sealed("chat"),
    _blind("chat_key", Blind("chat")),
    _text("chat_kind"),
    _sealed("title"),
    sa.Column("active", sa.Boolean, nullable=False, default=True),
    sa.Column("language", sa.Text, nullable=False, server_default=""),
    sa.UniqueConstraint("platform", "chat_key"),
)

denunciations = sa.Table(
    "denunciations",
    metadata,
    _id(),
    _ref("group_id", "groups"),
    sa.Column("number", sa.Integer, nullable=False),
    _ref("author_id", "members"),
    _ref("approver_id", "members", null=True),
    _sealed("title"),
    _sealed("text"),
    _text("state"),
    _sealed("approved_hash"),
    _text("progress_key", ""),
    _at("created_at"),
    _at("approved_at", null=True),
    _at("sent_at", null=True),
    sa.Column("kind", sa.Text, nullable=False, server_default="complaint"),
    sa.Column("language", sa.Text, nullable=False, server_default=""),
    _sealed_json("others", null=True),
    sa.Column("topics", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("region_id", ROW, nullable=True),
    _at("act_by", null=True),
    _at("publish_at", null=True),
    sa.Column("corrects_id", ROW, nullable=True),
    sa.Column("follows_id", ROW, nullable=True),
    sa.Column("needed", sa.Integer, nullable=False, server_default="1"),
    sa.Column("code", sa.Text, nullable=False, server_default=""),
    sa.Column("seal", sa.Text, nullable=False, server_default=""),
    _at("corrected_at", null=True),
    _at("closed_at", null=True),
    _at("withdrawn_at", null=True),
    _sealed("reason", null=True),
    sa.Index("ix_denunciations_code", "code"),
    sa.Index("ix_denunciations_seal", "seal"),
    sa.UniqueConstraint("group_id", "number"),
)

approvals = sa.Table(
    "approvals",
    metadata,
    _id(),
    _ref("denunciation_id", "denunciations"),
    _ref("member_id", "members"),
    _sealed("fingerprint"),
    sa.Column("later", sa.Boolean, nullable=False),
    sa.UniqueConstraint("denunciation_id", "member_id"),
    sa.Index("ix_approvals_member_id", "member_id"),
    comment="who agreed to a denunciation, and to which words",
)

named_people = sa.Table(
    "named_people",
    metadata,
    _id(),
    _ref("denunciation_id", "denunciations"),
    _sealed("name"),
    _text("answer"),
    sa.Index("ix_named_people_denunciation_id", "denunciation_id"),
    comment="names that stand in a draft, and what its author said of each: consent, none, no person",
)

topics = sa.Table(
    "topics",
    metadata,
    _id(),
    _ref("group_id", "groups"),
    _sealed("name"),
    _blind("name_key", Blind("name", scope="group_id", form=name_key)),
    sa.UniqueConstraint("group_id", "name_key"),
    comment="what a group's denunciations are about, so that readers can choose",
)

subscriptions = sa.Table(
    "subscriptions",
    metadata,
    _id(),
    sa.Column(
        "member_id", ROW, sa.ForeignKey("members.id", ondelete="CASCADE"), nullable=False,
        unique=True,
    ),
    _json("topics"),
    _json("regions"),
    _text("language"),
    sa.Column("daily", sa.Boolean, nullable=False),
    comment="what a reader wants of the denunciations, and how; who has no row wants all at once",
)  # fmt: skip

digest_items = sa.Table(
    "digest_items",
    metadata,
    _id(),
    _ref("member_id", "members"),
    _ref("denunciation_id", "denunciations"),
    sa.UniqueConstraint("member_id", "denunciation_id"),
    sa.Index("ix_digest_items_denunciation_id", "denunciation_id"),
    comment="what waits for a reader's daily message",
)

files = sa.Table(
    "files",
    metadata,
    _id(),
    _ref("group_id", "groups"),
    _ref("denunciation_id", "denunciations"),
    _ref("member_id", "members"),
    _text("platform"),
    _text("state"),
    _sealed_json("origin", null=True),
    _sealed("alternative"),
    _sealed("name", null=True),
    _sealed("mime", null=True),
    _sealed("digest", null=True),
    sa.Column("content", Sealed("bytes"), nullable=True),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    _at("not_before"),
    _at("created_at"),
    sa.Index("ix_files_denunciation_id", "denunciation_id"),
    sa.Index("ix_files_member_id", "member_id"),
    sa.Index("ix_files_state_not_before", "state", "not_before"),
    comment="images and documents of denunciations: to be fetched, and once they are clean",
)

# --- care ---------------------------------------------------------------------------------------

boards = sa.Table(
    "boards",
    metadata,
    _id(),
    _ref("member_id", "members"),
    _text("key"),
    _sealed("shown"),
    _at("until"),
    sa.UniqueConstraint("member_id"),
    comment="the board that a coordinator has open: the message that is edited, until when",
)

aftercare = sa.Table(
    "aftercare",
    metadata,
    _id(),
    _ref("incident_id", "incidents"),
    _ref("member_id", "members"),
    _text("state"),
    sa.Column("asked", sa.Integer, nullable=False),
    _at("ended_at"),
    sa.UniqueConstraint("incident_id"),
    sa.Index("ix_aftercare_member_id", "member_id"),
    comment="who wants to be asked how they are in the days after an incident",
)

care_entries = sa.Table(
    "care_entries",
    metadata,
    _id(),
    _ref("group_id", "groups"),
    sa.Column("number", sa.Integer, nullable=False),
    _text("kind"),
    _sealed("region"),
    _sealed("name"),
    _sealed("text"),
    _at("verified_at"),
    sa.UniqueConstraint("group_id", "number"),
    comment="the directory of care: where there is a shelter, a lawyer, a doctor",
)

notes = sa.Table(
    "notes",
    metadata,
    _id(),
    _ref("member_id", "members"),
    _sealed_json("content"),
    _at("changed_at"),
    sa.UniqueConstraint("member_id"),
    comment="what a member wrote for an emergency, opened by who holds their incident",
)

feedback = sa.Table(
    "feedback",
    metadata,
    _id(),
    _ref("group_id", "groups"),
    _text("what"),
    sa.Column("number", sa.Integer, nullable=False),
    _at("day"),
    sa.Column("score", sa.Integer, nullable=False),
    _sealed("words", null=True),
    _ref("member_id", "members", null=True),
    sa.Index("ix_feedback_group_id_day", "group_id", "day"),
    comment="how people found an incident or a drill; without an author unless they signed",
)

complaints = sa.Table(
    "complaints",
    metadata,
    _id(),
    _ref("group_id", "groups"),
    sa.Column("number", sa.Integer, nullable=False),
    _ref("member_id", "members"),
    _text("kind"),
    sa.Column("about", ROW, nullable=True),
    _sealed("text"),
    sa.Column("signed", sa.Boolean, nullable=False),
    _text("state"),
    sa.Column("holder", ROW, nullable=True),
    sa.Column("rounds", sa.Integer, nullable=False),
    sa.Column("reminded", sa.Boolean, nullable=False),
    _at("opened_at"),
    _at("due_at"),
    _sealed("answer", null=True),
    _at("closed_at", null=True),
    sa.UniqueConstraint("group_id", "number"),
    sa.Index("ix_complaints_member_id", "member_id"),
    comment="complaints: each a case with a holder and a clock",
)

# --- what is public -----------------------------------------------------------------------------

signing_keys = sa.Table(
    "signing_keys",
    metadata,
    _id(),
    _text("public"),
    sa.Column("secret", Sealed("bytes"), nullable=True),
    _at("created_at"),
    _at("retired_at", null=True),
    _text("statement", null=True),
    comment="what signs publications; of a retired key the public half alone is left",
)

followed_feeds = sa.Table(
    "followed_feeds",
    metadata,
    _id(),
    _ref("group_id", "groups"),
    _sealed("url"),
    _blind("url_key", Blind("url", scope="group_id")),
    _sealed("title"),
    _sealed("key", null=True),
    _text("etag"),
    _text("last_modified"),
    sa.Column("failures", sa.Integer, nullable=False),
    _at("next_at"),
    _at("read_at", null=True),
    _ref("added_by", "members", null=True),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.UniqueConstraint("group_id", "url_key"),
    sa.Index("ix_followed_feeds_active_next_at", "active", "next_at"),
    sa.Index("ix_followed_feeds_added_by", "added_by"),
    comment="feeds of other organisations whose alerts are offered to who coordinates",
)

followed_entries = sa.Table(
    "followed_entries",
    metadata,
    _id(),
    _ref("feed_id", "followed_feeds"),
    _sealed("entry"),
    _blind("entry_key", Blind("entry", scope="feed_id")),
    _sealed("title", null=True),
    _sealed("link", null=True),
    _sealed("summary", null=True),
    sa.Column("verified", sa.Boolean, nullable=False),
    _text("state"),
    _at("seen_at"),
    sa.UniqueConstraint("feed_id", "entry_key"),
    sa.Index("ix_followed_entries_feed_id_state_seen_at", "feed_id", "state", "seen_at"),
    comment="alerts of those feeds that were seen; what they say only until somebody decided",
)
