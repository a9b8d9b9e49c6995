"""When a step of a plan holds: by the hour where the person is, by what happened, by their risk.

A condition never makes an alarm silent: a step whose conditions do not hold is skipped at once, as an
empty one is, and the end of the plan tells everyone whatever it says (`bot.domain.incident`). What
is not known counts as holding.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from bot.domain.people import Risk, Roster

DAY = timedelta(days=1)


class Cause(StrEnum):
    """What opened an incident, as far as a plan tells such things apart."""

    SILENCE = "silence"  # a check-in was missed, or could not be put
    ALARM = "alarm"  # the person's own: panic, or "I need help"
    DURESS = "duress"
    LOST = "lost"  # the phone is in other hands


def since_midnight(wall: time) -> timedelta:
    """How far the day is."""
    return timedelta(hours=wall.hour, minutes=wall.minute, seconds=wall.second)


@dataclass(frozen=True, slots=True)
class Hours:
    """From `start` on and before `end`, by the clock on the wall; over midnight if `end` is earlier.

    The same hour twice is no span: raises ValueError.
    """

    start: time
    end: time

    def __post_init__(self) -> None:
        if self.start == self.end:
            raise ValueError("a span of the day needs two hours")

    def hold(self, wall: timedelta) -> bool:
        """Whether this time of the day is inside; `wall` since midnight."""
        start, end = since_midnight(self.start), since_midnight(self.end)
        if start < end:
            return start <= wall < end
        return wall >= start or wall < end

    def stay(self, wall: timedelta) -> timedelta:
        """How long that stays as it is."""
        edges = (since_midnight(self.start), since_midnight(self.end))
        return min((edge - wall) % DAY or DAY for edge in edges)

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"


@dataclass(frozen=True, slots=True)
class Situation:
    """What conditions look at. None is not known.

    `wall` is since midnight, where the person is.
    """

    wall: timedelta | None = None
    cause: Cause | None = None
    risk: Risk | None = None

    def later(self, by: timedelta) -> Situation:
        """The same, after a while."""
        wall = None if self.wall is None else (self.wall + by) % DAY
        return Situation(wall, self.cause, self.risk)


def situation(roster: Roster, subject: int, cause: Cause | None, now: datetime) -> Situation:
    """What is so about a member of a group now."""
    life = roster.lives.get(subject)
    if life is None:
        return Situation(cause=cause)
    try:
        here = now.astimezone(ZoneInfo(life.zone)).time()
    except (KeyError, ValueError, OSError):  # a zone that this machine's tables do not have
        return Situation(cause=cause, risk=life.risk)
    return Situation(since_midnight(here), cause, life.risk)


@dataclass(frozen=True, slots=True)
class Conditions:
    """All of them must hold; an empty set, or no hours, is no condition."""

    hours: Hours | None = None
    causes: frozenset[Cause] = frozenset()
    risks: frozenset[Risk] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.hours or self.causes or self.risks)

    def hold(self, now: Situation) -> bool:
        """Whether a step with them runs."""
        if self.hours and now.wall is not None and not self.hours.hold(now.wall):
            return False
        if self.causes and now.cause is not None and now.cause not in self.causes:
            return False
        return not (self.risks and now.risk is not None and now.risk not in self.risks)

    def to_json(self) -> dict[str, Any]:
        """For storing; what is not set is left out."""
        found: dict[str, Any] = {}
        if self.hours:
            found["hours"] = [f"{self.hours.start:%H:%M}", f"{self.hours.end:%H:%M}"]
        if self.causes:
            found["causes"] = sorted(self.causes)
        if self.risks:
            found["risks"] = sorted(self.risks)
        return found

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Conditions:
        """The opposite of `to_json`."""
        hours = value.get("hours")
        return cls(
            Hours(*(time.fromisoformat(wall) for wall in hours)) if hours else None,
            frozenset(Cause(cause) for cause in value.get("causes", ())),
            frozenset(Risk(risk) for risk in value.get("risks", ())),
        )


ALWAYS = Conditions()
