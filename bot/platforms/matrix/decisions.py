"""What people decided about identities and comparisons, carried out."""

from __future__ import annotations

from bot.platforms.base import Outgoing, Receipt, Result
from bot.platforms.matrix.comparing import Comparisons
from bot.platforms.matrix.identities import Identities


class Decisions:
    """Reads the decisions that `reports` offered. Carrying one out twice changes nothing more."""

    def __init__(self, identities: Identities, comparisons: Comparisons) -> None:
        self._identities = identities
        self._comparisons = comparisons

    async def carry_out(self, message: Outgoing) -> Receipt:
        """GONE if what it is about is over. Raises `RefusedError` and network errors."""
        first, _, second = message.target.partition(" ")
        if first == "trust":
            number = int(second) if second.isdecimal() else 0
            done = await self._identities.confirm(message.chat, number)
        else:
            done = await self._comparisons.decide(first, second)
        return Receipt(Result.SENT if done else Result.GONE)
