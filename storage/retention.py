"""Erasing what is not needed any more: what is not kept cannot be taken.

Rows are erased in small batches, so that no alarm waits for them. SQLite overwrites what is erased
(`secure_delete`); `Database.forget` then empties the log beside the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from bot.domain.checkin import OPEN
from bot.domain.decision import OPEN as OPEN_DECISIONS
from bot.domain.denunciation import State as Denunciation
from bot.domain.following import State as Alert
from bot.domain.incident import State as Incident
from storage.files import REFUSED
from storage.inbox import DONE
from storage.outbox import FAILED, SENT, UNKNOWN
from storage.rows import Rows
from storage.tables import (
    audit_log,
    boards,
    checkins,
    complaints,
    configuring,
    decisions,
    denunciations,
    dialogs,
    drills,
    duty_changes,
    duty_turns,
    feedback,
    files,
    followed_entries,
    guesses,
    inbox,
    incidents,
    invitations,
    mass_events,
    named_people,
    outbox,
    prompts,
    rotations,
    stages,
    trips,
    whereabouts,
)

BATCH = 200

LOG_KEPT = timedelta(days=365)
"""How long the log of privileged acts is kept. No setting shortens it, and nobody can: whoever did
something wrong would be the first to."""

ALERTS_KEPT = timedelta(days=30)
"""How long what an alert of another organisation says is kept, should nobody ever decide about it. That
it was seen stays known, or it would be offered again."""


@dataclass(frozen=True, slots=True)
class Keep:
    """How long things are kept once they are over.

    `messages`: what was written and sent, the questions asked, and where trips went. `checkins`:
    when somebody was asked and answered, and who was on duty. `incidents`: their timelines, counted
    from their end.
    `traces`: the numbers by which a message that comes again, or is to be edited, is known; without
    any content.
    `archived`: there is a public archive, which shows what was published, with its images, for good.
    """

    messages: timedelta = timedelta(days=7)
    checkins: timedelta = timedelta(days=30)
    incidents: timedelta = timedelta(days=365)
    traces: timedelta = timedelta(days=90)
    archived: bool = False


class Retention:
    """What can be erased, over one connection."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._db = rows.connection

    async def erase(self, keep: Keep, now: datetime) -> int:
        """A batch of everything that is over for too long. Returns how many rows it was."""
        erased = 0
        await self._forget_stages(keep, now)
        for table, over in self._over(keep, now):
            (key,) = table.primary_key.columns
            some = sa.select(key).where(over).order_by(key).limit(BATCH)
            gone = await self._db.execute(sa.delete(table).where(key.in_(some)))
            erased += gone.rowcount
        erased += await self._empty(inbox, "raw", inbox.c.done_at <= now - keep.messages)
        sent = (outbox.c.state == SENT) & (outbox.c.done_at <= now - keep.messages)
        erased += await self._empty(outbox, "body", sent)
        return erased + await self._forget_alerts(now)

    def _over(
        self, keep: Keep, now: datetime
    ) -> list[tuple[sa.Table, sa.ColumnElement[bool]]]:
        newer = checkins.alias()
        not_the_last = sa.exists().where(
            newer.c.member_id == checkins.c.member_id, newer.c.id > checkins.c.id
        )
        return [
            (prompts, prompts.c.closed_at <= now - keep.messages),
            (dialogs, dialogs.c.expires_at <= now),
            (configuring, configuring.c.changed_at <= now - keep.messages),
            (invitations, invitations.c.expires_at <= now - keep.messages),
            # The last one stays, whatever its age: "is it watching me?" has an answer.
            (
                checkins,
                checkins.c.state.not_in([*OPEN])
                & (checkins.c.miss_at <= now - keep.checkins)
                & not_the_last,
            ),
            # Where somebody went is nobody's business once they are back; what an incident needs of
            # it belongs to the incident.
            (trips, self._gone(keep, now) & ~_asked_about()),
            (
                whereabouts,
                whereabouts.c.incident_id.is_(None) & (whereabouts.c.at <= now - keep.messages),
            ),
            (
                incidents,
                (incidents.c.state == Incident.RESOLVED)
                & (incidents.c.closed_at <= now - keep.incidents),
            ),
            (
                mass_events,
                (mass_events.c.closed_at <= now - keep.incidents)
                & ~sa.exists().where(incidents.c.mass_id == mass_events.c.id),
            ),
            (
                named_people,
                named_people.c.denunciation_id.in_(
                    sa.select(denunciations.c.id).where(
                        denunciations.c.created_at <= now - keep.checkins
                    )
                ),
            ),
            (feedback, feedback.c.day <= now - keep.incidents),
            (complaints, complaints.c.closed_at <= now - keep.incidents),
            (boards, boards.c.until <= now - keep.messages),
            (drills, drills.c.closed_at <= now - keep.incidents),
            (audit_log, audit_log.c.at <= now - LOG_KEPT),
            (
                decisions,
                decisions.c.state.not_in([*OPEN_DECISIONS])
                & (decisions.c.asked_at <= now - LOG_KEPT),
            ),
            (
                files,
                ((files.c.state == REFUSED) & (files.c.created_at <= now - keep.messages))
                | files.c.denunciation_id.in_(
                    sa.select(denunciations.c.id).where(
                        (denunciations.c.state == Denunciation.DISCARDED)
                        | (
                            (denunciations.c.state == Denunciation.STOPPED)
                            & (denunciations.c.created_at <= now - keep.messages)
                        )
                        | (
                            sa.false()
                            if keep.archived
                            else denunciations.c.sent_at <= now - keep.messages
                        )
                    )
                ),
            ),
            (duty_turns, duty_turns.c.ends_at <= now - keep.checkins),
            (duty_changes, duty_changes.c.ends_at <= now - keep.checkins),
            (rotations, rotations.c.ends_at <= now - keep.checkins),
            (guesses, guesses.c.first_at <= now - keep.messages),
            (inbox, (inbox.c.state == DONE) & (inbox.c.done_at <= now - keep.traces)),
            (
                outbox,
                outbox.c.state.in_((SENT, FAILED, UNKNOWN))
                & (outbox.c.done_at <= now - keep.traces),
            ),
        ]

    def _gone(self, keep: Keep, now: datetime) -> sa.ColumnElement[bool]:
        return trips.c.ended_at <= now - keep.messages

    async def _forget_stages(self, keep: Keep, now: datetime) -> None:
        """Check-ins stay longer than what they were about: they lose sight of it."""
        over = (
            sa.select(stages.c.id)
            .join(trips, trips.c.id == stages.c.trip_id)
            .where(self._gone(keep, now))
        )
        await self._db.execute(
            sa.update(checkins)
            .where(checkins.c.stage_id.in_(over), checkins.c.state.not_in([*OPEN]))
            .values(stage_id=None)
        )

    async def _forget_alerts(self, now: datetime) -> int:
        old = (
            sa.select(followed_entries.c.id)
            .where(
                followed_entries.c.title.is_not(None),
                followed_entries.c.seen_at <= now - ALERTS_KEPT,
            )
            .limit(BATCH)
        )
        gone = await self._db.execute(
            sa.update(followed_entries)
            .where(followed_entries.c.id.in_(old))
            .values(title=None, link=None, summary=None, state=Alert.DISMISSED)
        )
        return int(gone.rowcount)

    async def _empty(self, table: sa.Table, column: str, over: sa.ColumnElement[bool]) -> int:
        """Take the content of rows that stay for a while by their numbers alone."""
        (key,) = table.primary_key.columns
        some = sa.select(key).where(over, ~table.c.emptied).order_by(key).limit(BATCH)
        found = (await self._db.execute(some)).scalars().all()
        for number in found:
            await self._rows.update(table, number, **{column: {}}, emptied=True)
        return len(found)


def _asked_about() -> sa.ColumnElement[bool]:
    """Whether a check-in is about one of a trip's stages."""
    return sa.exists().where(
        stages.c.trip_id == trips.c.id, checkins.c.stage_id == stages.c.id
    )
