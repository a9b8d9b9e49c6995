"""Plans to begin with, for three levels of risk; roles alone, so that any group can use them.

What the public manuals agree on, in their own words nowhere as numbers: check in at agreed times
with somebody who knows beforehand what to do and whom to tell when nothing is heard; the nearer the
danger, the shorter the times and the wider the circle.

- Front Line Defenders, Workbook on Security: Practical Steps for Human Rights Defenders at Risk
  (2011), ISBN 978-0-9558170-9-0: plans by level of risk, and for emergencies.
- Enrique Eguren and Marie Caraj, New Protection Manual for Human Rights Defenders, Protection
  International, 3rd edition (2009), ISBN 978-2-930539-00-3, grown from the practice of Peace Brigades
  International: assessing risk, reacting to attacks, security plans.
- Open Briefing, The Holistic Security Protocol for Human Rights Defenders, 1.3: a safety contact,
  check-ins at pre-agreed times, and what they do and whom they contact if they hear nothing.

The intervals are ours: four hours, two hours and half an hour between signs of life, by risk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from bot.domain.people import Risk
from bot.domain.plan import Plan, Recipient, Step, Who

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def _step(after: timedelta, *who: Who, last_resort: bool = False) -> Step:
    return Step(after, tuple(Recipient(w) for w in who), last_resort=last_resort)


@dataclass(frozen=True, slots=True)
class Advice:
    """A plan, and how often a person who lives with that risk is best asked on a working day."""

    plan: Plan
    every: timedelta


ADVICE: Mapping[Risk, Advice] = MappingProxyType(
    {
        Risk.LOW: Advice(
            Plan(
                (
                    _step(0 * MINUTE, Who.COORDINATORS),
                    _step(1 * HOUR, Who.CIRCLE, Who.COORDINATORS),
                ),
                repeat=30 * MINUTE,
                news=4 * HOUR,
            ),
            every=4 * HOUR,
        ),
        Risk.MEDIUM: Advice(
            Plan(
                (
                    _step(0 * MINUTE, Who.COORDINATORS),
                    _step(15 * MINUTE, Who.CIRCLE, Who.COORDINATORS),
                    _step(2 * HOUR, Who.OBSERVERS, last_resort=True),
                ),
                repeat=15 * MINUTE,
                news=2 * HOUR,
            ),
            every=2 * HOUR,
        ),
        Risk.HIGH: Advice(
            Plan(
                (
                    _step(0 * MINUTE, Who.CIRCLE, Who.COORDINATORS),
                    _step(30 * MINUTE, Who.OBSERVERS, last_resort=True),
                ),
                repeat=5 * MINUTE,
                news=30 * MINUTE,
            ),
            every=30 * MINUTE,
        ),
    }
)
