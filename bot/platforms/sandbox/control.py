"""What the page may ask of the program around it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

SPEEDS = (0, 1, 60, 600, 3600)
"""Seconds of the town in one of ours; 0 is a pause."""


class ClockControl(Protocol):
    """The town's clock, which can be sped up and moved forward, never back."""

    @property
    def speed(self) -> int:
        """One of `SPEEDS`."""

    def now(self) -> datetime:
        """The town's instant, in UTC."""

    def set_speed(self, speed: int) -> None:
        """Run at one of `SPEEDS` from now on."""

    async def jump(self, by: timedelta) -> None:
        """Move forward, with everything that is due in between, and settle."""

    async def next_event(self) -> datetime | None:
        """Move to the next instant at which something is due, and settle.

        Returns that instant; None, and the clock not moved, if nothing is due.
        """


@dataclass(frozen=True, slots=True)
class Milestone:
    """One step of the guided tour.

    `key` names the words that the page shows ("checkin_missed", "incident_resolved",
    "denunciation_published"), `person` whose chat the step happens in next, "" for none.
    """

    key: str
    done: bool
    person: str = ""


Milestones = Callable[[], Awaitable[Sequence[Milestone]]]
"""Asked about once a second by each open page."""

Restart = Callable[[str], Awaitable[None]]
"""Begins the demo anew in a language of the page ("es" or "en"): `Town.reset`, then the seed."""


async def no_milestones() -> Sequence[Milestone]:
    """No guided tour."""
    return ()
