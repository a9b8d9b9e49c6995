"""The one-line form of a plan: "ya: Berta; 30 min: toda la red; repetir 10 min; noticias 60 min".

Names stay names here; who they are is looked up by whoever has the group.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from bot.domain.plan import Who
from bot.domain.spoken import read_duration

LONGEST = 2000
"""Characters; more is no plan. Keeps this quick: many blanks or names would take minutes."""

SHOWN = 60
"""Characters of what was not understood."""

AT_ONCE = frozenset(
    {"ya", "inmediato", "de inmediato", "al momento", "at once", "now", "immediately", "0"}
)
BEFORE_DELAY = re.compile(r"^(?:a los|a las|al|después de|despues de|tras|after|in)\s+")
ROLES = {
    "todas": Who.CIRCLE,
    "todas las personas": Who.CIRCLE,
    "toda la red": Who.CIRCLE,
    "la red": Who.CIRCLE,
    "red": Who.CIRCLE,
    "red de respuesta": Who.CIRCLE,
    "everyone": Who.CIRCLE,
    "all": Who.CIRCLE,
    "coordinación": Who.COORDINATORS,
    "coordinacion": Who.COORDINATORS,
    "coordinators": Who.COORDINATORS,
    "coordination": Who.COORDINATORS,
    "observancia": Who.OBSERVERS,
    "observers": Who.OBSERVERS,
    "guardia": Who.ON_DUTY,
    "la guardia": Who.ON_DUTY,
    "quien esté de guardia": Who.ON_DUTY,
    "quien este de guardia": Who.ON_DUTY,
    "on duty": Who.ON_DUTY,
    "duty": Who.ON_DUTY,
    "suplencia": Who.SUBSTITUTES,
    "la suplencia": Who.SUBSTITUTES,
    "substitute": Who.SUBSTITUTES,
}
REPEAT = re.compile(r"^(?:repetir|repeat)(?:\s+(?:cada|every))?\s+(.+)$")
NEWS = re.compile(r"^(?:noticias|novedades|news)(?:\s+(?:cada|every))?\s+(.+)$")
AND = re.compile(r"\s*,\s*|\s+(?:y|e|and)\s+")


@dataclass(frozen=True, slots=True)
class DraftStep:
    """A step with names that nobody has looked up yet."""

    after: timedelta
    roles: tuple[Who, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """What was written; None where the default holds."""

    steps: tuple[DraftStep, ...]
    repeat: timedelta | None = None
    news: timedelta | None = None


def read_plan(text: str) -> Draft | str:
    """The draft, or the beginning of the part that could not be understood."""
    if len(text) > LONGEST:
        return text[:SHOWN]
    steps: list[DraftStep] = []
    repeat = news = None
    for part in filter(None, (p.strip() for p in re.split(r"[;\n]", text))):
        if found := REPEAT.match(part.casefold()):
            repeat = read_duration(found[1])
            if repeat is None:
                return part[:SHOWN]
        elif found := NEWS.match(part.casefold()):
            news = read_duration(found[1])
            if news is None:
                return part[:SHOWN]
        else:
            step = _step(part)
            if step is None:
                return part[:SHOWN]
            steps.append(step)
    return Draft(tuple(steps), repeat, news) if steps else text[:SHOWN]


def _step(part: str) -> DraftStep | None:
    when, colon, who = part.partition(":")
    when = when.strip().casefold()
    after = timedelta(0) if when in AT_ONCE else read_duration(BEFORE_DELAY.sub("", when))
    people = [p.strip() for p in AND.split(who) if p.strip()]
    if not colon or after is None or not people:
        return None
    roles = tuple(dict.fromkeys(ROLES[p.casefold()] for p in people if p.casefold() in ROLES))
    return DraftStep(after, roles, tuple(p for p in people if p.casefold() not in ROLES))
