"""Who has to agree before an organisation publishes: its own rules, and what they ask of one draft.

Pure. One person besides the author is always asked, whatever the rules say (promise P17).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.domain.denunciation import Kind

MOST = 2
"""Others who can be asked for; with more, nothing urgent would ever leave."""

HOURS = (1, 168)
"""Between which a deadline for a review may lie: an hour and a week."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How an organisation approves.

    `needed`: how many others must agree. `reviewers`: who alone may, empty for all with that task.
    `hours`: after how long without a decision the author and who coordinates hear of it. `urgent`:
    an urgent action leaves with one other's consent, and the rest look at it afterwards.
    """

    needed: int = 1
    reviewers: frozenset[int] = frozenset()
    hours: int = 24
    urgent: bool = False

    @property
    def deadline(self) -> timedelta:
        """How long a review may take."""
        return timedelta(hours=self.hours)

    def needed_for(self, kind: Kind) -> int:
        """How many others must agree before one of this kind leaves."""
        return 1 if self.urgent and kind is Kind.URGENT else self.needed

    def asked(self, approvers: Collection[int], author: int) -> list[int]:
        """Of those with the task, who is asked. Named ones who left or lost the task do not count."""
        named = self.reviewers.intersection(approvers)
        return sorted((named if self.reviewers else set(approvers)) - {author})

    def to_json(self) -> dict[str, Any]:
        """For storing."""
        return {
            "needed": self.needed, "reviewers": sorted(self.reviewers), "hours": self.hours,
            "urgent": self.urgent,
        }  # fmt: skip

    @classmethod
    def from_json(cls, value: Mapping[str, Any] | None) -> Rules:
        """The opposite; None is what holds until somebody says otherwise."""
        if value is None:
            return cls()
        reviewers = frozenset(value["reviewers"])
        return cls(value["needed"], reviewers, value["hours"], value["urgent"])
