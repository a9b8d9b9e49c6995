"""Who a person is to a group: roles, and the people whom a plan can reach."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


def name_key(name: str) -> str:
    """The form by which two names are the same: no case, no accents, no double spaces."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    kept = "".join(c for c in plain if not unicodedata.combining(c))
    return " ".join(kept.split())


class Role(StrEnum):
    """What a member may do beyond being cared for. A person may have several."""

    COORDINATOR = "coordinator"  # configures the group
    RESPONDER = "responder"  # agreed to be told of incidents
    AUTHOR = "author"  # writes denunciations for the group's organisation
    APPROVER = "approver"  # approves what somebody else wrote
    OBSERVER = "observer"  # receives denunciations and, if a plan says so, incidents


class Risk(StrEnum):
    """How much danger a member lives in. Those at high risk are never held back or bundled."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Life:
    """What the conditions of a plan ask about a member: where their clock is, and their risk."""

    zone: str
    risk: Risk


@dataclass(frozen=True, slots=True)
class Roster:
    """The people of one group whom an incident can reach now, by member id.

    Only people who agreed to be told are in it: a name in a plan is no consent. `on_duty` and
    `substitutes` answer at this moment for the person whom the incident is about. `lives` has
    everyone in the group, since an incident may be about any of them. `allies` are people of other
    groups, by the group, who said that they answer for this one as well.
    """

    responders: frozenset[int] = frozenset()
    coordinators: frozenset[int] = frozenset()
    observers: frozenset[int] = frozenset()
    on_duty: frozenset[int] = frozenset()
    substitutes: frozenset[int] = frozenset()
    lives: Mapping[int, Life] = field(default_factory=dict, compare=False)
    allies: Mapping[int, frozenset[int]] = field(default_factory=dict, compare=False)

    @property
    def everyone(self) -> frozenset[int]:
        """Who hears of a plan that found nobody: the circle and those who coordinate."""
        return self.responders | self.coordinators

    @property
    def allied(self) -> frozenset[int]:
        """Whoever answers for this group from another one."""
        return frozenset[int]().union(*self.allies.values())

    @property
    def agreed(self) -> frozenset[int]:
        """All who may be told of an incident."""
        return self.responders | self.coordinators | self.observers | self.allied
