"""The tables. Migrations in storage/migrations make them; a test holds the two together.

What could name a person, a place or what somebody wrote is `Sealed`; where it must be found again, a
`Blind` index stands beside it.

Instants are stored as whole microseconds since 1970 in UTC, so that they compare and index the same
way on SQLite and PostgreSQL.
"""

from __future__ import annotations

from storage.tables.care import aftercare, boards, care_entries, complaints, feedback, notes
from storage.tables.columns import EPOCH, ROW, Instant, metadata
from storage.tables.conversations import dialogs, prompts
from storage.tables.decisions import audit_log, decisions, erasures
from storage.tables.denunciations import (
    approvals,
    denunciations,
    destinations,
    digest_items,
    files,
    named_people,
    subscriptions,
    topics,
)
from storage.tables.drills import contacts, drill_people, drills
from storage.tables.duty import (
    alliance_people,
    alliances,
    configuring,
    duty_changes,
    duty_turns,
    region_members,
    regions,
    rotation_people,
    rotations,
)
from storage.tables.engine import cursors, data_keys, facts, fences, inbox, outbox, polls, timers
from storage.tables.incidents import (
    checkins,
    companions,
    incident_events,
    incidents,
    mass_events,
    schedules,
    stages,
    trips,
    whereabouts,
)
from storage.tables.people import accounts, groups, guesses, invitations, members
from storage.tables.public import followed_entries, followed_feeds, signing_keys

__all__ = [
    "EPOCH",
    "ROW",
    "Instant",
    "accounts",
    "aftercare",
    "alliance_people",
    "alliances",
    "approvals",
    "audit_log",
    "boards",
    "care_entries",
    "checkins",
    "companions",
    "complaints",
    "configuring",
    "contacts",
    "cursors",
    "data_keys",
    "decisions",
    "denunciations",
    "destinations",
    "dialogs",
    "digest_items",
    "drill_people",
    "drills",
    "duty_changes",
    "duty_turns",
    "erasures",
    "facts",
    "feedback",
    "fences",
    "files",
    "followed_entries",
    "followed_feeds",
    "groups",
    "guesses",
    "inbox",
    "incident_events",
    "incidents",
    "invitations",
    "mass_events",
    "members",
    "metadata",
    "named_people",
    "notes",
    "outbox",
    "polls",
    "prompts",
    "region_members",
    "regions",
    "rotation_people",
    "rotations",
    "schedules",
    "signing_keys",
    "stages",
    "subscriptions",
    "timers",
    "topics",
    "trips",
    "whereabouts",
]
