"""Complaints and where each stands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from bot.domain.complaint import About, Complaint, State
from storage.rows import Rows
from storage.tables import complaints

_COLUMNS = [
    complaints.c[name]
    for name in (
        "id", "number", "group_id", "member_id", "kind", "about", "text", "signed", "opened_at",
        "due_at", "state", "holder", "rounds", "reminded", "answer", "closed_at",
    )
]  # fmt: skip


def _complaint(row: sa.Row[Any]) -> Complaint:
    (
        id, number, group, author, kind, about, text, signed, opened_at, due_at, state, holder,
        rounds, reminded, answer, closed_at,
    ) = tuple(row)  # fmt: skip
    return Complaint(
        id, number, group, author, About(kind), about, text, signed, opened_at, due_at,
        State(state), holder, rounds, reminded, answer, closed_at,
    )  # fmt: skip


class Complaints:
    """Each with a number of the group's own."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def add(self, complaint: Complaint) -> Complaint:
        """A new one, with its number."""
        highest = sa.select(sa.func.max(complaints.c.number)).where(
            complaints.c.group_id == complaint.group
        )
        number = ((await self._rows.connection.execute(highest)).scalar_one() or 0) + 1
        id = await self._rows.insert(
            complaints,
            group_id=complaint.group,
            number=number,
            member_id=complaint.author,
            kind=complaint.kind,
            about=complaint.about,
            text=complaint.text,
            signed=complaint.signed,
            opened_at=complaint.opened_at,
            **_standing(complaint),
        )
        return replace(complaint, id=id, number=number)

    async def save(self, complaint: Complaint) -> None:
        """Where it stands. What was said at first never changes."""
        await self._rows.update(complaints, complaint.id, **_standing(complaint))

    async def get(self, id: int) -> Complaint | None:
        """By row."""
        row = await self._rows.one(sa.select(*_COLUMNS).where(complaints.c.id == id))
        return _complaint(row) if row else None

    async def of(self, author: int) -> list[Complaint]:
        """A member's own, the oldest first."""
        return await self._where(complaints.c.member_id == author)

    async def open_in(self, group: int) -> list[Complaint]:
        """Those of a group that wait for somebody, the oldest first."""
        return await self._where(
            complaints.c.group_id == group, complaints.c.state.in_((State.OPEN, State.TAKEN))
        )

    async def open_beyond(self, rounds: int) -> list[Complaint]:
        """Those of every group that went on so often, and still wait for somebody."""
        return await self._where(
            complaints.c.rounds >= rounds, complaints.c.state.in_((State.OPEN, State.TAKEN))
        )

    async def _where(self, *where: sa.ColumnElement[bool]) -> list[Complaint]:
        found = await self._rows.all(
            sa.select(*_COLUMNS).where(*where).order_by(complaints.c.id)
        )
        return [_complaint(row) for row in found]


def _standing(complaint: Complaint) -> dict[str, Any]:
    return {
        "state": complaint.state,
        "holder": complaint.holder,
        "rounds": complaint.rounds,
        "reminded": complaint.reminded,
        "due_at": complaint.due_at,
        "answer": complaint.answer,
        "closed_at": complaint.closed_at,
    }
