"""The one-line form of a plan: "ya: Berta; 30 min: toda la red; repetir 10 min; noticias 60 min".

What a step has besides stands in brackets: "30 min (de 22 a 6, riesgo alto): Carla". Another group is
"grupo Sierra", and "grupo «Agua y Tierra»" where its name has a word that divides.

Names stay names here; who they are is looked up by whoever has the group.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from bot.domain.plan import Who
from bot.domain.plan_words import Manner, read_manner
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
GROUP = re.compile(r"^(?:el\s+|the\s+)?(?:grupo|group)\s+(\S.*)$", re.IGNORECASE)
QUOTED = re.compile("[«“\"]([^«»“”\"]*)[»”\"]")
_HIDDEN = "\0"
"""Stands for a name in quotation marks while a text is divided; nobody can write it."""


@dataclass(frozen=True, slots=True)
class DraftStep:
    """A step with names that nobody has looked up yet. `line`: where it stood, from 1; 0 unknown."""

    after: timedelta
    roles: tuple[Who, ...]
    names: tuple[str, ...]
    groups: tuple[str, ...] = ()
    manner: Manner = Manner()
    line: int = 0


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
            step = read_step(part)
            if isinstance(step, str):
                return step[:SHOWN]
            steps.append(step)
    return Draft(tuple(steps), repeat, news) if steps else text[:SHOWN]


def read_step(part: str) -> DraftStep | str:
    """One step, "30 min (de noche): Berta, coordinación"; or what was not understood of it."""
    when, colon, who = part.partition(":")
    manner: Manner | str = Manner()
    if "(" in when:
        when, _, more = part.partition("(")
        inside, closed, who = more.partition(")")
        gap, colon, who = who.partition(":")
        if not closed or gap.strip():
            return part
        manner = read_manner(inside)
    if isinstance(manner, str):
        return manner
    after = read_delay(when)
    people = read_people(who)
    if not colon or after is None or people is None:
        return part
    return DraftStep(after, *people, manner=manner)


def read_delay(text: str) -> timedelta | None:
    """ "ya", "30 min", "a las 2 horas": since the incident opened."""
    when = " ".join(text.casefold().split())
    return timedelta(0) if when in AT_ONCE else read_duration(BEFORE_DELAY.sub("", when))


def read_people(text: str) -> tuple[tuple[Who, ...], tuple[str, ...], tuple[str, ...]] | None:
    """ "Berta, toda la red y grupo Sierra": the roles, the names, other groups; None if nobody."""
    quoted = QUOTED.findall(text)
    hidden = QUOTED.sub(_HIDDEN, text.replace(_HIDDEN, ""))
    people = [p.strip() for p in AND.split(hidden) if p.strip()]
    if not people:
        return None
    words = iter(quoted)
    people = [" ".join(re.sub(_HIDDEN, lambda _: next(words), p).split()) for p in people]
    groups = [found[1] for p in people if (found := GROUP.match(p))]
    others = [p for p in people if p and not GROUP.match(p)]
    roles = tuple(dict.fromkeys(ROLES[p.casefold()] for p in others if p.casefold() in ROLES))
    return roles, tuple(p for p in others if p.casefold() not in ROLES), tuple(groups)
