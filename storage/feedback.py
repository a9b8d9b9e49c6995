"""How people found an incident or a drill."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from storage.rows import Rows
from storage.tables import feedback


@dataclass(frozen=True, slots=True)
class Opinion:
    """One answer. `member` is None unless they signed it; `number` that of the incident or drill."""

    what: str
    number: int
    score: int
    words: str | None
    member: int | None


class Feedback:
    """Answers, by the day alone: the minute would tell whose each is."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def add(self, group: int, what: str, number: int, score: int, now: datetime) -> int:
        """An answer without an author. Returns its row."""
        day = now.replace(hour=0, minute=0, second=0, microsecond=0)
        return await self._rows.insert(
            feedback, group_id=group, what=what, number=number, day=day, score=score
        )

    async def sign(self, id: int, member: int) -> None:
        """The author wants to be known."""
        await self._rows.update(feedback, id, member_id=member)

    async def say(self, id: int, words: str) -> None:
        """Words with it."""
        await self._rows.update(feedback, id, words=words)

    async def between(self, group: int, start: datetime, end: datetime) -> list[Opinion]:
        """A group's of the days from `start` to before `end`, by score and not as they came."""
        found = await self._rows.all(
            sa.select(
                feedback.c.id, feedback.c.what, feedback.c.number, feedback.c.score,
                feedback.c.words, feedback.c.member_id,
            ).where(
                feedback.c.group_id == group, feedback.c.day >= start, feedback.c.day < end
            )
        )  # fmt: skip
        opinions = [
            Opinion(row.what, row.number, row.score, row.words, row.member_id) for row in found
        ]
        return sorted(opinions, key=lambda o: (o.number, o.score, o.words or ""))
