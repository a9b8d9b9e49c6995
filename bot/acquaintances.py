"""Whom the bot knows, for platforms on which anybody can ask it in."""

from __future__ import annotations

from collections.abc import Collection

from bot.engine.clock import Clock
from handlers.settings import INVITATION_LIFE
from storage.database import Database


class PeopleWeKnow:
    """`bot.platforms.base.Acquaintances`, from the database and the configuration."""

    def __init__(
        self, database: Database, platform: str, operators: Collection[str], clock: Clock
    ) -> None:
        self._database = database
        self._platform = platform
        self._operators = operators
        self._clock = clock

    async def known(self, account: str) -> bool:
        """Whether this is a member's account, or an operator's."""
        if f"{self._platform}:{account}" in self._operators:
            return True
        async with self._database.transaction() as tx:
            return await tx.people.account(self._platform, account) is not None

    async def expected(self) -> int:
        """Invitations of the last day, used ones too: who shows a used one hears the same as ever.

        A stranger must not learn from our silence which it is.
        """
        async with self._database.transaction() as tx:
            return await tx.invitations.given_since(self._clock.now() - INVITATION_LIFE)
