"""Asking whoever polls the platforms to catch up: what people wrote before a deadline comes first.

Each request takes the next number, and is answered once everything that the platform held by then is
stored and handled. Numbers, because no process compares its clock with another's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables import polls


@dataclass(frozen=True, slots=True)
class Answer:
    """What whoever polls last said of a platform: up to which request it has caught up, what time it was
    there then, and whether the platform is `up`, or was not to be waited for."""

    answered: int
    at: datetime
    up: bool


class Polls:
    """A row for each platform."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._db = connection

    async def begin(self, platforms: Mapping[str, bool], now: datetime) -> None:
        """We poll these from now on, and no others; whether each is up."""
        await self._db.execute(sa.delete(polls).where(polls.c.platform.not_in(list(platforms))))
        for platform, up in platforms.items():
            here = polls.c.platform == platform
            known = await self._db.execute(sa.update(polls).where(here).values(up=up))
            if not known.rowcount:
                await self._db.execute(
                    sa.insert(polls).values(platform=platform, wanted=0, answered=0, at=now, up=up)
                )

    async def want(self) -> dict[str, int]:
        """Catch up, please. Returns the number of the request, for each platform."""
        asked = await self._db.execute(
            sa.update(polls)
            .values(wanted=polls.c.wanted + 1)
            .returning(polls.c.platform, polls.c.wanted)
        )
        return {platform: wanted for platform, wanted in asked}

    async def wanted(self) -> dict[str, int]:
        """The newest request, where one is not answered yet."""
        found = await self._db.execute(
            sa.select(polls.c.platform, polls.c.wanted).where(polls.c.wanted > polls.c.answered)
        )
        return {platform: wanted for platform, wanted in found}

    async def answer(self, upto: Mapping[str, int], up: Mapping[str, bool], now: datetime) -> None:
        """All requests up to these numbers are answered; which platforms are up at `now`."""
        for platform, number in upto.items():
            await self._db.execute(
                sa.update(polls)
                .where(polls.c.platform == platform, polls.c.answered <= number)
                .values(answered=number, at=now)
            )
        for platform, is_up in up.items():
            await self._db.execute(
                sa.update(polls)
                .where(polls.c.platform == platform, polls.c.up != is_up)
                .values(up=is_up)
            )

    async def answers(self) -> dict[str, Answer]:
        """How far each has caught up."""
        found = await self._db.execute(
            sa.select(polls.c.platform, polls.c.answered, polls.c.at, polls.c.up)
        )
        return {platform: Answer(answered, at, up) for platform, answered, at, up in found}
