"""What waits for a second person, and the log of every privileged act."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.domain.decision import OPEN, Decision, Kind, State
from storage.rows import Rows
from storage.tables import audit_log, decisions

_DECISION = [
    decisions.c[name]
    for name in (
        "id", "group_id", "kind", "about", "content", "asked_by", "expires_at", "operators",
        "state", "second",
    )
]  # fmt: skip


def _decision(row: sa.Row[Any]) -> Decision:
    return Decision(
        id=row.id,
        group=row.group_id,
        kind=Kind(row.kind),
        about=row.about,
        content=row.content,
        asked_by=row.asked_by,
        expires_at=row.expires_at,
        operators=row.operators,
        state=State(row.state),
        second=row.second,
    )


class Decisions:
    """Requests of one person that another has to consent to."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def add(
        self,
        group: int,
        kind: Kind,
        about: int | None,
        content: Mapping[str, Any],
        asked_by: int,
        now: datetime,
        expires_at: datetime,
        *,
        operators: bool,
    ) -> Decision:
        """A new one, waiting."""
        id = await self._rows.insert(
            decisions,
            group_id=group,
            kind=kind,
            about=about,
            content=dict(content),
            asked_by=asked_by,
            operators=operators,
            state=State.WAITING,
            asked_at=now,
            expires_at=expires_at,
        )
        return Decision(id, group, kind, about, content, asked_by, expires_at, operators)

    async def get(self, id: int) -> Decision | None:
        """By number."""
        row = await self._rows.one(sa.select(*_DECISION).where(decisions.c.id == id))
        return _decision(row) if row else None

    async def save(self, decision: Decision) -> None:
        """Where it stands now, and by whose consent. What it is about never changes."""
        await self._rows.update(
            decisions,
            decision.id,
            state=decision.state,
            second=decision.second,
            expires_at=decision.expires_at,
        )

    async def open_of(self, group: int, member: int) -> list[Decision]:
        """Those that a member asked for or that are about them, not ended."""
        found = await self._rows.all(
            sa.select(*_DECISION)
            .where(
                decisions.c.group_id == group,
                decisions.c.state.in_([*OPEN]),
                (decisions.c.asked_by == member) | (decisions.c.about == member),
            )
            .order_by(decisions.c.id)
        )
        return [_decision(row) for row in found]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the log. `actor` is a member, None an operator or the bot itself."""

    id: int
    at: datetime
    actor: int | None
    what: str
    about: int | None
    details: Mapping[str, Any]


class Log:
    """Who did what, about whom, when. It only grows, until `storage.retention` forgets what is over a
    year old; it names people by their numbers alone."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def write(
        self,
        group: int,
        at: datetime,
        what: str,
        actor: int | None,
        about: int | None = None,
        **details: Any,
    ) -> None:
        """A line."""
        await self._rows.insert(
            audit_log,
            group_id=group, at=at, actor=actor, what=what, about=about, details=details,
        )  # fmt: skip

    async def page(self, group: int, before: int | None, limit: int) -> list[Line]:
        """A group's newest lines, those before the line of that number if one is given."""
        older = sa.true() if before is None else audit_log.c.id < before
        found = await self._rows.all(
            sa.select(
                audit_log.c.id,
                audit_log.c.at,
                audit_log.c.actor,
                audit_log.c.what,
                audit_log.c.about,
                audit_log.c.details,
            )
            .where(audit_log.c.group_id == group, older)
            .order_by(audit_log.c.id.desc())
            .limit(limit)
        )
        return [Line(*row) for row in found]
