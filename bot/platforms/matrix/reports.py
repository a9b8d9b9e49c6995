"""What the platform itself has to tell people: events of our own among those of a sync.

Each is given again until it is confirmed, as everything else that is received.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from bot.platforms.base import RawEvent
from bot.platforms.matrix.identities import Identities

_UNCONFIRMED = 500  # reports of comparisons that may wait in memory


class Reports:
    """Doubts about identities, which are kept, and the steps of comparisons, which are not."""

    def __init__(self, identities: Identities, now: Callable[[], datetime]) -> None:
        self._identities = identities
        self._now = now
        self._waiting: dict[str, RawEvent] = {}
        self._given: set[str] = set()
        self._doubts_given: dict[str, int] = {}

    def add(self, account: str, name: str, content: Mapping[str, Any]) -> None:
        """Tell of `content` under `name`, which is unique for ever."""
        if len(self._waiting) < _UNCONFIRMED:
            self._waiting[name] = self._event(account, name, content)

    def any(self) -> bool:
        """Whether something is to be told."""
        return bool(self._waiting) or bool(self._identities.reports())

    def given(self) -> list[RawEvent]:
        """Everything that is to be told."""
        self._given = set(self._waiting)
        self._doubts_given.clear()
        events = list(self._waiting.values())
        for account, number, what in self._identities.reports():
            digest = hashlib.sha256(account.encode()).hexdigest()[:32]
            content = {"kind": "changed", "what": what, "confirm": f"trust {number}"}
            events.append(self._event(account, f"identity:{digest}:{number}", content))
            self._doubts_given[account] = number
        return events

    async def confirmed(self) -> None:
        """What was given last is stored."""
        for name in self._given:
            self._waiting.pop(name, None)
        self._given.clear()
        for account, number in list(self._doubts_given.items()):
            await self._identities.told(account, number)
            del self._doubts_given[account]

    def _event(self, account: str, name: str, content: Mapping[str, Any]) -> RawEvent:
        raw = {"report": dict(content), "account": account, "at": self._now().isoformat()}
        return RawEvent(name, "", raw)
