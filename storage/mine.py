"""Everything that is kept about one member, for that member alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.domain.duress import HIDDEN, PRETENDED, shown_to_subject
from bot.domain.incident import Kind, Outcome
from bot.domain.quiet import Quiet
from bot.domain.schedule import Schedule
from storage.decisions import Line
from storage.notes import Notes
from storage.people import Account
from storage.readers import Readers, Wish
from storage.rows import Rows
from storage.tables import (
    aftercare,
    alliance_people,
    alliances,
    audit_log,
    checkins,
    companions,
    complaints,
    configuring,
    contacts,
    denunciations,
    drill_people,
    drills,
    duty_changes,
    duty_turns,
    feedback,
    files,
    followed_feeds,
    groups,
    inbox,
    incident_events,
    incidents,
    invitations,
    members,
    outbox,
    region_members,
    regions,
    rotation_people,
    schedules,
    stages,
    trips,
    whereabouts,
)

_Incident = tuple[int, str, datetime, datetime | None, str | None]
"""Number, kind, opened, closed, outcome."""


@dataclass(frozen=True, slots=True)
class Mine:
    """Rows about one member. Of incidents about them, nothing that others did or wrote.

    `trips`: purpose, title, when it began, and the time, place and state of each stage. `lists`: on
    how many lists of a collective they are. `whereabouts`: where they said they were.
    """

    joined_at: datetime
    agreed_at: datetime | None
    schedules: Sequence[tuple[Schedule, bool]]
    checkins: Sequence[tuple[datetime, str, datetime | None]]  # due, state, answered
    quiet: Quiet | None
    trips: Sequence[tuple[str, str, datetime, Sequence[tuple[datetime, str, str]]]]
    lists: int
    whereabouts: Sequence[tuple[datetime, str, Mapping[str, Any]]]
    incidents: Sequence[_Incident]
    acts: Sequence[tuple[int, datetime, str, Mapping[str, Any]]]  # in any incident, their own
    drills: Sequence[tuple[int, datetime, datetime | None]]  # number, told, answered
    contact: Sequence[tuple[datetime, datetime | None]]  # confirmed, flagged; one or none
    denunciations: Sequence[tuple[int, str, str, str]]  # number, state, title, text
    files: int
    region: str | None
    answers_for: Sequence[tuple[str, datetime]]  # another group, since when
    feeds: Sequence[str]  # addresses of feeds that they made the group follow
    duty: Sequence[tuple[str, datetime, datetime | None]]  # what of, from, until
    invitations: Sequence[tuple[datetime, Sequence[str]]]
    log: Sequence[Line]
    configuring: Sequence[tuple[datetime, str, Mapping[str, Any]]]  # changed, kind, content
    wrote: Sequence[tuple[datetime, Mapping[str, Any]]]
    sent_to_them: int
    note: Mapping[str, str]
    aftercare: Sequence[tuple[str, datetime]]  # state, the incident's end
    complaints: Sequence[tuple[int, str, str, str | None]]  # number, state, text, answer
    feedback: Sequence[tuple[int, int, str | None]]  # number, score, words: those they signed
    subscribed: bool
    wish: Wish


OF_DURESS = frozenset(
    {
        "opened_duress", "again_duress", "opened_missing", "again_missing", PRETENDED,
        "asked_to_erase", "renamed",
    }
)  # fmt: skip
"""Lines of a timeline that the person's own acts wrote, and that their chat must not show."""


async def _about(rows: Rows, member: int) -> tuple[list[_Incident], list[int]]:
    """Incidents about a member as they know them, and the numbers of those that they know nothing of.

    Whoever holds the phone may ask for this.
    """
    found = await rows.connection.execute(
        sa.select(
            incidents.c.id, incidents.c.number, incidents.c.kind, incidents.c.opened_at,
            incidents.c.closed_at, incidents.c.outcome,
        )
        .where(incidents.c.subject_id == member)
        .order_by(incidents.c.id)
    )  # fmt: skip
    known: list[_Incident] = []
    hidden: list[int] = []
    for id, number, kind, opened, closed, outcome in found.all():
        if kind not in HIDDEN:
            known.append((number, kind, opened, closed, outcome))
            continue
        lines = (
            await rows.connection.execute(
                sa.select(incident_events.c.event, incident_events.c.at)
                .where(incident_events.c.incident_id == id)
                .order_by(incident_events.c.id)
            )
        ).all()
        shown = shown_to_subject(Kind.DURESS, (line.event for line in lines))
        pretended = next((line.at for line in lines if line.event == PRETENDED), None)
        before = (line.event for line in lines if line.event != PRETENDED)
        if shown is not None:
            known.append((number, shown, opened, closed, outcome))
        elif pretended is not None and (was := shown_to_subject(Kind.DURESS, before)):
            known.append((number, was, opened, pretended, Outcome.SAFE))
        else:
            hidden.append(id)
    return known, hidden


async def _duty(rows: Rows, member: int) -> list[tuple[str, datetime, datetime | None]]:
    """Rotations that a member took on, what was changed for them, and what became of their turns."""
    found: list[tuple[str, datetime, datetime | None]] = []
    for statement in (
        sa.select(
            sa.literal("rotation"), rotation_people.c.accepted_at,
            sa.null().label("until"),
        ).where(
            rotation_people.c.member_id == member, rotation_people.c.accepted_at.is_not(None)
        ),
        sa.select(duty_changes.c.kind, duty_changes.c.starts_at, duty_changes.c.ends_at).where(
            duty_changes.c.member_id == member
        ),
        sa.select(sa.literal("turn"), duty_turns.c.starts_at, duty_turns.c.ends_at).where(
            duty_turns.c.member_id == member
        ),
    ):  # fmt: skip
        found += [tuple(row) for row in await rows.connection.execute(statement)]
    return sorted(found, key=lambda line: line[1])


async def everything(rows: Rows, member: int, accounts: Sequence[Account]) -> Mine:
    """Read it."""
    db = rows.connection
    (person,) = await rows.all(
        sa.select(members.c.joined_at, members.c.agreed_at, members.c.subscribed).where(
            members.c.id == member
        )
    )
    rules = await rows.all(
        sa.select(schedules.c.id, schedules.c.rule, schedules.c.active)
        .where(schedules.c.member_id == member)
        .order_by(schedules.c.id)
    )
    asked = await db.execute(
        sa.select(checkins.c.due, checkins.c.state, checkins.c.answered_at)
        .where(checkins.c.member_id == member)
        .order_by(checkins.c.id)
    )
    journeys = await rows.all(
        sa.select(trips.c.id, trips.c.purpose, trips.c.title, trips.c.started_at)
        .where(trips.c.member_id == member)
        .order_by(trips.c.id)
    )
    went: list[tuple[str, str, datetime, Sequence[tuple[datetime, str, str]]]] = []
    for row in journeys:
        there = await rows.all(
            sa.select(stages.c.id, stages.c.due, stages.c.place, stages.c.state)
            .where(stages.c.trip_id == row.id)
            .order_by(stages.c.id)
        )
        went.append(
            (row.purpose, row.title, row.started_at, [(s.due, s.place, s.state) for s in there])
        )
    lists = await db.execute(
        sa.select(sa.func.count()).select_from(companions).where(companions.c.member_id == member)
    )
    quiet = await rows.one_value(
        sa.select(members.c.quiet, members.c.id).where(members.c.id == member)
    )
    about, hidden = await _about(rows, member)
    said_where = await rows.all(
        sa.select(
            whereabouts.c.id, whereabouts.c.at, whereabouts.c.what, whereabouts.c.content
        )
        .where(
            whereabouts.c.member_id == member,
            whereabouts.c.incident_id.is_(None) | whereabouts.c.incident_id.not_in(hidden),
        )
        .order_by(whereabouts.c.id)
    )
    acts = await rows.all(
        sa.select(
            incident_events.c.id, incidents.c.number, incident_events.c.at, incident_events.c.event,
            incident_events.c.details,
        )
        .join(incidents, incidents.c.id == incident_events.c.incident_id)
        .where(
            incident_events.c.actor == member,
            incidents.c.id.not_in(hidden),
            incident_events.c.event.not_in(sorted(OF_DURESS)),
        )
        .order_by(incident_events.c.id)
    )  # fmt: skip
    practised = await db.execute(
        sa.select(drills.c.number, drill_people.c.told_at, drill_people.c.answered_at)
        .join(drills, drills.c.id == drill_people.c.drill_id)
        .where(drill_people.c.member_id == member)
        .order_by(drill_people.c.id)
    )
    reachable = await db.execute(
        sa.select(contacts.c.confirmed_at, contacts.c.flagged_at).where(
            contacts.c.member_id == member
        )
    )
    written = await rows.all(
        sa.select(
            denunciations.c.id, denunciations.c.number, denunciations.c.state,
            denunciations.c.title, denunciations.c.text,
        )
        .where(denunciations.c.author_id == member)
        .order_by(denunciations.c.id)
    )  # fmt: skip
    made = await db.execute(
        sa.select(invitations.c.created_at, invitations.c.roles)
        .where(invitations.c.made_by == member)
        .order_by(invitations.c.id)
    )
    log = await rows.all(
        sa.select(
            audit_log.c.id, audit_log.c.at, audit_log.c.actor, audit_log.c.what,
            audit_log.c.about, audit_log.c.details,
        )
        .where((audit_log.c.actor == member) | (audit_log.c.about == member))
        .order_by(audit_log.c.id)
    )  # fmt: skip
    begun = await rows.all(
        sa.select(
            configuring.c.id, configuring.c.changed_at, configuring.c.kind, configuring.c.content
        )
        .where(configuring.c.member_id == member)
        .order_by(configuring.c.id)
    )
    wrote: list[tuple[int, datetime, Mapping[str, Any]]] = []
    for account in accounts:
        said = await rows.all(
            sa.select(inbox.c.id, inbox.c.received_at, inbox.c.raw).where(
                inbox.c.platform == account.platform,
                inbox.c.chat_key == rows.blind(inbox.c.chat_key, account.chat),
            )
        )
        wrote += [(row.id, row.received_at, row.raw) for row in said]
    region = await rows.one(
        sa.select(regions.c.id, regions.c.name)
        .join(region_members, region_members.c.region_id == regions.c.id)
        .where(region_members.c.member_id == member)
    )
    answers = await rows.all(
        sa.select(groups.c.id, groups.c.name, alliance_people.c.agreed_at)
        .join(alliances, alliances.c.group_id == groups.c.id)
        .join(alliance_people, alliance_people.c.alliance_id == alliances.c.id)
        .where(
            alliance_people.c.member_id == member, alliance_people.c.agreed_at.is_not(None)
        )
        .order_by(alliances.c.id)
    )
    followed = await rows.all(
        sa.select(followed_feeds.c.id, followed_feeds.c.url)
        .where(followed_feeds.c.added_by == member)
        .order_by(followed_feeds.c.id)
    )
    cared = await db.execute(
        sa.select(aftercare.c.state, aftercare.c.ended_at)
        .where(aftercare.c.member_id == member)
        .order_by(aftercare.c.id)
    )
    complained = await rows.all(
        sa.select(
            complaints.c.id, complaints.c.number, complaints.c.state, complaints.c.text,
            complaints.c.answer,
        )
        .where(complaints.c.member_id == member)
        .order_by(complaints.c.id)
    )  # fmt: skip
    signed = await rows.all(
        sa.select(feedback.c.id, feedback.c.number, feedback.c.score, feedback.c.words)
        .where(feedback.c.member_id == member)
        .order_by(feedback.c.id)
    )
    images = await db.execute(sa.select(sa.func.count()).where(files.c.member_id == member))
    sent = await db.execute(sa.select(sa.func.count()).where(outbox.c.member == member))
    return Mine(
        joined_at=person.joined_at,
        agreed_at=person.agreed_at,
        schedules=[(Schedule.from_json(row.rule), row.active) for row in rules],
        checkins=[tuple(row) for row in asked],
        quiet=Quiet.from_json(quiet) if quiet else None,
        trips=went,
        lists=lists.scalar_one(),
        # What a trip's line says of others is theirs; the trip itself is above.
        whereabouts=[
            (row.at, row.what, {} if row.what == "trip" else row.content) for row in said_where
        ],
        incidents=about,
        acts=[(row.number, row.at, row.event, row.details) for row in acts],
        drills=[tuple(row) for row in practised],
        contact=[tuple(row) for row in reachable],
        denunciations=[(row.number, row.state, row.title, row.text) for row in written],
        files=images.scalar_one(),
        region=region.name if region is not None else None,
        answers_for=[(row.name, row.agreed_at) for row in answers],
        feeds=[row.url for row in followed],
        duty=await _duty(rows, member),
        invitations=[tuple(row) for row in made],
        log=[Line(*row) for row in log],
        configuring=[(row.changed_at, row.kind, row.content) for row in begun],
        wrote=[(at, raw) for _, at, raw in sorted(wrote, key=lambda w: w[0])],
        sent_to_them=sent.scalar_one(),
        note=await Notes(rows).of(member),
        subscribed=person.subscribed,
        wish=await Readers(rows).wish(member),
        aftercare=[tuple(row) for row in cared],
        complaints=[(row.number, row.state, row.text, row.answer) for row in complained],
        feedback=[(row.number, row.score, row.words) for row in signed],
    )
