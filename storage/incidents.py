"""Incidents and their timelines."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bot.domain.incident import Incident, Kind, Outcome, State
from bot.domain.plan import Plan
from storage.alliances import answered_by
from storage.rows import Query, Rows, param
from storage.tables import incident_events, incidents


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a timeline. `actor` is a member, or None for the bot itself."""

    at: datetime
    event: str
    actor: int | None
    details: Mapping[str, Any]


_INCIDENT = [
    incidents.c[name]
    for name in (
        "id", "number", "group_id", "subject_id", "kind", "opened_at", "plan", "state", "step",
        "step_at", "repeats", "repeat_at", "holder_id", "news_at", "news_asked", "told", "outcome",
        "closed_at", "mass_id",
    )
]  # fmt: skip


def _incident(row: sa.Row[Any]) -> Incident:
    return Incident(
        id=row.id,
        number=row.number,
        group=row.group_id,
        subject=row.subject_id,
        kind=Kind(row.kind),
        opened_at=row.opened_at,
        plan=Plan.from_json(row.plan),
        state=State(row.state),
        step=row.step,
        step_at=row.step_at,
        repeats=row.repeats,
        repeat_at=row.repeat_at,
        holder=row.holder_id,
        news_at=row.news_at,
        news_asked=row.news_asked,
        told=frozenset(row.told),
        outcome=Outcome(row.outcome) if row.outcome else None,
        closed_at=row.closed_at,
        mass=row.mass_id,
    )


def _values(incident: Incident) -> dict[str, Any]:
    return {
        "number": incident.number,
        "group_id": incident.group,
        "subject_id": incident.subject,
        "kind": incident.kind,
        "opened_at": incident.opened_at,
        "plan": incident.plan.to_json(),
        "state": incident.state,
        "step": incident.step,
        "step_at": incident.step_at,
        "repeats": incident.repeats,
        "repeat_at": incident.repeat_at,
        "holder_id": incident.holder,
        "news_at": incident.news_at,
        "news_asked": incident.news_asked,
        "told": sorted(incident.told),
        "outcome": incident.outcome,
        "closed_at": incident.closed_at,
        "mass_id": incident.mass,
    }


_NEWEST = sa.select(*_INCIDENT).order_by(incidents.c.id.desc()).limit(1)
_BY_ID = Query(_NEWEST.where(incidents.c.id == param("of")))
_OPEN_ABOUT = Query(
    _NEWEST.where(incidents.c.subject_id == param("of"), incidents.c.state != State.RESOLVED)
)


NEWEST = 200
"""How many of a group's incidents people can still name once they are over."""


class Incidents:
    """What is being looked after, and what was."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._db = rows.connection

    async def add(self, incident: Incident) -> int:
        """A new one; its `id` is given by the database and returned."""
        return await self._rows.insert(incidents, **_values(incident))

    async def save(self, incident: Incident) -> None:
        """Write it as it is now."""
        await self._rows.update(incidents, incident.id, **_values(incident))

    async def get(self, id: int) -> Incident | None:
        """By row."""
        return await self._one(_BY_ID, of=id)

    async def get_first(self) -> Incident | None:
        """The oldest of all, for the sandbox's guided tour."""
        row = await self._rows.one(sa.select(*_INCIDENT).order_by(incidents.c.id).limit(1))
        return _incident(row) if row else None

    async def numbered(self, group: int, number: int) -> Incident | None:
        """By the number that people say."""
        return await self._one(
            _NEWEST.where(incidents.c.group_id == group, incidents.c.number == number)
        )

    async def open_about(self, subject: int) -> Incident | None:
        """The open one about a member; there is never more than one."""
        return await self._one(_OPEN_ABOUT, of=subject)

    async def nobody_has_one(self, group: int) -> bool:
        """Whether a real incident of a group waits for somebody to take it."""
        return (
            await self._db.execute(
                sa.select(
                    sa.exists().where(
                        incidents.c.group_id == group,
                        incidents.c.state.in_((State.NOTIFYING, State.EXHAUSTED)),
                    )
                )
            )
        ).scalar_one()

    async def of_mass(self, event: int) -> list[Incident]:
        """The incidents of a mass event, the oldest first."""
        found = await self._rows.all(
            sa.select(*_INCIDENT).where(incidents.c.mass_id == event).order_by(incidents.c.number)
        )
        return [_incident(row) for row in found]

    async def missed_since(self, group: int, since: datetime) -> int:
        """How many open incidents of a group began with silence at or after that instant."""
        return (
            await self._db.execute(
                sa.select(sa.func.count()).where(
                    incidents.c.group_id == group,
                    incidents.c.kind.in_((Kind.MISS, Kind.UNREACHABLE)),
                    incidents.c.state != State.RESOLVED,
                    incidents.c.opened_at >= since,
                )
            )
        ).scalar_one()

    async def shift(self, by: timedelta) -> None:
        """The clock was changed by `by`: the plans' countdowns go on as they were."""
        found = await self._rows.all(
            sa.select(*_INCIDENT).where(incidents.c.state != State.RESOLVED)
        )
        for incident in [_incident(row) for row in found]:
            moved = replace(
                incident,
                step_at=incident.step_at and incident.step_at + by,
                repeat_at=incident.repeat_at and incident.repeat_at + by,
                news_at=incident.news_at and incident.news_at + by,
            )
            await self.save(moved)

    async def known_to(self, group: int, member: int, *, only_open: bool) -> list[Incident]:
        """Those of a group, and of groups for which they answer as well, that this member was told of
        or is about, the newest first."""
        here = (incidents.c.group_id == group) | incidents.c.group_id.in_(answered_by(member))
        where = incidents.c.state != State.RESOLVED
        if not only_open:  # of those that are over the newest; none that is open is left out
            newest = sa.select(incidents.c.id).where(here).order_by(incidents.c.id.desc())
            where |= incidents.c.id.in_(newest.limit(NEWEST))
        found = await self._rows.all(
            sa.select(*_INCIDENT).where(here, where).order_by(incidents.c.id.desc())
        )
        return [
            incident
            for incident in map(_incident, found)
            if member in incident.told or member == incident.subject
        ]

    async def all_of(self, group: int) -> list[Incident]:
        """Every one of a group, the oldest first."""
        found = await self._rows.all(
            sa.select(*_INCIDENT)
            .where(incidents.c.group_id == group)
            .order_by(incidents.c.number)
        )
        return [_incident(row) for row in found]

    async def open_in(self, group: int) -> list[Incident]:
        """The open ones of a group, the oldest first."""
        found = await self._rows.all(
            sa.select(*_INCIDENT)
            .where(incidents.c.group_id == group, incidents.c.state != State.RESOLVED)
            .order_by(incidents.c.number)
        )
        return [_incident(row) for row in found]

    async def opened_between(self, group: int, start: datetime, end: datetime) -> list[Incident]:
        """Those of a group that were opened from `start` to before `end`, the oldest first."""
        found = await self._rows.all(
            sa.select(*_INCIDENT)
            .where(
                incidents.c.group_id == group,
                incidents.c.opened_at >= start,
                incidents.c.opened_at < end,
            )
            .order_by(incidents.c.number)
        )
        return [_incident(row) for row in found]

    async def held_by(self, member: int) -> list[Incident]:
        """The open ones that somebody holds."""
        found = await self._rows.all(
            sa.select(*_INCIDENT)
            .where(incidents.c.holder_id == member, incidents.c.state != State.RESOLVED)
            .order_by(incidents.c.id)
        )
        return [_incident(row) for row in found]

    async def note(
        self,
        incident: int,
        at: datetime,
        event: str,
        actor: int | None = None,
        **details: Any,
    ) -> None:
        """Write a line on its timeline."""
        await self._rows.insert(
            incident_events,
            incident_id=incident, at=at, event=event, actor=actor, details=details,
        )  # fmt: skip

    async def noted(self, incident: int, event: str, actor: int) -> bool:
        """Whether its timeline has such a line."""
        return (
            await self._db.execute(
                sa.select(
                    sa.exists().where(
                        incident_events.c.incident_id == incident,
                        incident_events.c.event == event,
                        incident_events.c.actor == actor,
                    )
                )
            )
        ).scalar_one()

    async def last_noted(self, incident: int, events: Collection[str]) -> datetime | None:
        """When its timeline got its last line of one of these; None if it has none."""
        return (
            await self._db.execute(
                sa.select(sa.func.max(incident_events.c.at)).where(
                    incident_events.c.incident_id == incident,
                    incident_events.c.event.in_(list(events)),
                )
            )
        ).scalar_one_or_none()

    async def timeline(self, incident: int) -> list[Event]:
        """Its lines in the order in which they were written."""
        found = await self._rows.all(
            sa.select(
                incident_events.c.id,
                incident_events.c.at,
                incident_events.c.event,
                incident_events.c.actor,
                incident_events.c.details,
            )
            .where(incident_events.c.incident_id == incident)
            .order_by(incident_events.c.id)
        )
        return [Event(row.at, row.event, row.actor, row.details) for row in found]

    async def _one(self, statement: Any, **values: Any) -> Incident | None:
        row = await self._rows.one(statement, **values)
        return _incident(row) if row else None
