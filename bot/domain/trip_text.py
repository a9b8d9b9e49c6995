"""Trips, single questions, quiet hours and collectives as people write them.

Times are read by `bot.domain.spoken`; here is what stands around them. As there, everything must be
understood or nothing is: half a trip would be a person whom nobody waits for. Where a time has two
meanings ("llego a las 6:30") both trips are given, and the person is asked which.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from bot.domain.answers import plain
from bot.domain.spoken import read_duration, read_time, readings
from bot.domain.trip import Problem, TripError, check

LONGEST = 1000
"""Characters of a line."""

LONGEST_PLACE = 100

_PARTS = re.compile(r"[;\n→]+|,(?!\d)|\s->\s|\s(?:luego|despues|después|then)\s")
_CLOCK = re.compile(r"\d\s*[:.h]\s*\d{2}(?!\d)|\d{1,2}\s*(?:am|pm|h|hrs)\b", re.IGNORECASE)
_LEADING = re.compile(
    r"^(?:(?:ya\s+)?(?:salgo|salimos|voy|vamos|parto|partimos|me\s+voy|nos\s+vamos|llego|llegamos"
    r"|llegada|estoy|paso|pasamos|regreso|regresamos|vuelvo|leaving|going|im\s+going|i\s+am\s+going"
    r"|arriving|i\s+arrive|we\s+arrive|arrive|arrival|heading|back)\b\s*)?"
    r"(?:(?:a|al|para|hacia|en|por|rumbo\s+a|to|for|at|in|by)\b\s+)?",
    re.IGNORECASE,
)
_TRAILING = re.compile(r"[\s:]+(?:a|al|por|hacia|llego|llegamos|arriving|at|by|el|la|las)?$", re.I)
_SETS_OUT = re.compile(
    r"^(?:ya\s+)?(?:salgo|salimos|parto|partimos|me voy|nos vamos|leaving|im leaving|i am leaving"
    r"|heading|im heading|i am heading|voy|vamos|im going|i am going)"
    r"\s+(?:para|a|al|hacia|rumbo|for|to)\b"
)
_ASK_ME = re.compile(
    r"^(?:por favor,? )?(?:pregunta(?:me|nos)|preguntame|ask me|ask us)\b[,:]?\s*", re.IGNORECASE
)
_LATER_BY = re.compile(
    r"^(?:alargar?|alargo|alarguen|extender|extend|mas tiempo|voy tarde|vamos tarde|voy con retraso"
    r"|me atraso|me atrase|nos atrasamos|im late|i am late|running late|im running late|we are late"
    r"|more time)\b[,:]?\s*(?P<by>.*)$"
)


_A_NIGHT = timedelta(hours=12)
"""Within which a time that is earlier on the clock is the next day's. "18:00, 14:00" is a mistake more
often than a journey of twenty hours, and that can be written with its day."""


@dataclass(frozen=True, slots=True)
class Said:
    """A stage as it was written: the place, "" where none is named, and when."""

    place: str
    due: datetime


# --- trips --------------------------------------------------------------------------------------


def read_trip(text: str, now: datetime, zone: str) -> list[list[Said]]:
    """The trips that a line may mean, the most likely first; two where an hour has two meanings.

    "Oaxaca 14:00, Juchitán 18:30", "salgo a Juchitán, llego a las 18:30", "Juchitán en 3 horas",
    "18:30". Times without a day follow each other. Raises `TripError`.
    """
    if len(text) > LONGEST:
        raise TripError(Problem.NOT_UNDERSTOOD, part=text[:40])
    written = _stages(text)
    if not written:
        raise TripError(Problem.NOT_UNDERSTOOD, part=text.strip()[:40])
    first = _placed(written, now, zone, other=False)
    second = _placed(written, now, zone, other=True)
    check([said.due for said in first], now)
    return [first, second] if second and second != first else [first]


def _stages(text: str) -> list[tuple[str, str]]:
    """Place and time of each stage as they were written."""
    found: list[tuple[str, str]] = []
    waiting = ""
    for part in (" ".join(piece.split()) for piece in _PARTS.split(text)):
        if not part.strip(" .,:"):
            continue
        place, when = _split(part)
        if not when:
            if _CLOCK.search(part):
                raise TripError(Problem.NOT_UNDERSTOOD, part=part[:40])
            if waiting:
                raise TripError(Problem.NO_TIME, part=waiting)
            waiting = place
            if not waiting:
                raise TripError(Problem.NOT_UNDERSTOOD, part=part[:40])
            continue
        if waiting and place:
            raise TripError(Problem.NO_TIME, part=waiting)
        found.append((place or waiting, when))
        waiting = ""
    if waiting:
        raise TripError(Problem.NO_TIME, part=waiting)
    return found


_STREET = re.compile(r"\d{1,2} de [a-z]{4}")
"""Half of Mexico's streets are called "5 de mayo": a date in a stage is said with "el" before it."""

_ANY = datetime.fromisoformat("2026-01-01T00:00:00+00:00")


def _is_time(text: str) -> bool:
    return bool(readings(text, _ANY, "UTC"))


def _split(part: str) -> tuple[str, str]:
    """The place and the time of one stage; the time is the longest end, or beginning, that is one."""
    words = part.strip(" .,:").split()
    for cut in range(len(words)):
        when = " ".join(words[cut:])
        if cut and _STREET.match(plain(when)):
            continue
        if _is_time(when):
            return _place(" ".join(words[:cut])), when
    for cut in range(len(words) - 1, 0, -1):
        when = " ".join(words[:cut])
        if not _BARE.fullmatch(plain(when)) and _is_time(when):
            return _place(" ".join(words[cut:])), when
    return _place(" ".join(words)), ""


def _place(text: str) -> str:
    """Without the verb and the preposition."""
    bare = _LEADING.sub("", text, count=1)
    while bare != (cut := _TRAILING.sub("", f"{bare} ")):
        bare = cut
    return bare.strip(" .,:")[:LONGEST_PLACE]


def _placed(
    written: Sequence[tuple[str, str]], now: datetime, zone: str, *, other: bool
) -> list[Said]:
    """Each with its instant after the one before. `other`: the first hour with two meanings is the
    later one. Raises `TripError`."""
    found: list[Said] = []
    before = now
    for place, when in written:
        meant = [at for at in readings(when, now, zone) if at > before]
        if not meant and read_time(when) is not None:  # "23:00, 3:00": the next day
            meant = [at for at in readings(when, before, zone) if at <= before + _A_NIGHT]
        if not meant:
            raise TripError(Problem.ORDER, part=f"{place} {when}".strip()[:40])
        at = meant[0]
        if other and len(meant) > 1:
            at, other = meant[1], False
        found.append(Said(place, at))
        before = at
    return found


def sets_out(text: str) -> bool:
    """Whether somebody says that they leave for somewhere: "salgo a Juchitán, llego a las 18:30"."""
    return _SETS_OUT.match(plain(text[:LONGEST]).strip()) is not None


def read_extension(text: str) -> timedelta | None:
    """"alargar 30 min", "voy tarde, media hora"; nothing where no time is named; None if it is none."""
    found = _LATER_BY.match(" ".join(plain(text[:LONGEST]).split()).strip(" .!"))
    if found is None:
        return None
    rest = found["by"].strip(" .,:")
    if not rest:
        return timedelta(0)
    return read_duration(rest)


# --- one question -------------------------------------------------------------------------------


def asks_once(text: str) -> str | None:
    """What follows "pregúntame" or "ask me"; None if the text does not begin so."""
    bare = " ".join(text[:LONGEST].split())
    form = plain(bare)
    found = _ASK_ME.match(form)
    if found is None or len(form) != len(bare):
        return None
    return bare[found.end() :]


_BARE = re.compile(r"(?:(?:en|in|dentro de|within) )?\d+")
"""A number whose unit may be the next word: "en 2 meses" is not in two minutes."""

_PAST = frozenset({"ayer", "anoche", "antier", "anteayer", "yesterday", "ago"})


def read_once(text: str, now: datetime, zone: str) -> tuple[list[datetime], str] | None:
    """The instants that a single question may mean, and the words around its time.

    "22:30 cuando salga de la audiencia", "a las 22:30", "en 3 horas".
    """
    words = " ".join(text[:LONGEST].split()).strip(" .").split(" ")
    if not _PAST.isdisjoint(plain(word) for word in words):
        return None
    for cut in range(len(words), 0, -1):
        when, rest = " ".join(words[:cut]).strip(",:;"), words[cut:]
        if (not rest or not _BARE.fullmatch(plain(when))) and (meant := readings(when, now, zone)):
            return list(meant), " ".join(rest)[:LONGEST_PLACE]
    for cut in range(1, len(words)):
        when = " ".join(words[cut:])
        if not _BARE.fullmatch(plain(when)) and (meant := readings(when, now, zone)):
            return list(meant), " ".join(words[:cut]).strip(" ,:;")[:LONGEST_PLACE]
    return None


# --- quiet hours --------------------------------------------------------------------------------

_FROM = re.compile(r"^(?:de|desde|entre|from|between)\s+")
_TO = re.compile(r"\s*(?:-|–|—|\b(?:a|hasta|y|to|until|and)\b)\s*")


def read_span(text: str) -> tuple[time, time] | None:
    """Two times of day: "22:00 a 07:00", "de 10 pm a 7 am", "23-7"."""
    lean = _FROM.sub("", " ".join(plain(text[:LONGEST]).split()).strip(" ."))
    for found in _TO.finditer(lean):
        start = read_time(lean[: found.start()])
        end = read_time(lean[found.end() :])
        if start is not None and end is not None:
            return start, end
    return None


# --- collectives --------------------------------------------------------------------------------

_EVERY = re.compile(r"^(?:cada|every)\s+(?P<every>.+?)(?:\s+(?:hasta|until|till)\s+(?P<end>.+))?$", re.I)
_UNTIL = re.compile(r"^(?:hasta|until|till)\s+(?P<end>.+)$", re.I)
_ANSWERS = re.compile(r"^(?:responde|contesta|answers|led by|answered by)\s*:?\s+(?P<who>.+)$", re.I)
_MORE = re.compile(
    r"^(?:y\s+|and\s+)?(?P<n>\d{1,4})\s+(?:personas?|people|persons?)?\s*(?:mas|more)?$"
)


@dataclass(frozen=True, slots=True)
class CollectiveParts:
    """A collective as it was written. `every` is None if the line does not say it."""

    title: str
    names: tuple[str, ...]
    others: int
    answers: str
    every: timedelta | None
    ends: tuple[datetime, ...]


def read_collective(text: str, now: datetime, zone: str) -> CollectiveParts:
    """"Caravana a Juchitán: Ana, Berta, 12 personas más; cada 2 horas hasta las 20:00; responde Berta".

    The title, somebody to be missed and an end must be there. Raises `TripError`.
    """
    title, colon, rest = text[:LONGEST].partition(":")
    clauses = [" ".join(c.split()) for c in re.split(r"[;\n]+", rest)]
    if not colon or not title.strip() or len(text) > LONGEST or not clauses:
        raise TripError(Problem.NOT_UNDERSTOOD, part=text.strip()[:40])
    names: list[str] = []
    others = 0
    answers = ""
    every: timedelta | None = None
    ends: tuple[datetime, ...] = ()
    for clause in filter(None, clauses):
        if found := _ANSWERS.match(clause):
            answers = found["who"].strip(" .")
        elif (found := _EVERY.match(clause)) or (found := _UNTIL.match(clause)):
            parts = found.groupdict()
            if said := parts.get("every"):
                every = read_duration(said) or _one(said)
                if every is None:
                    raise TripError(Problem.NOT_UNDERSTOOD, part=clause[:40])
            if parts.get("end"):
                ends = readings(parts["end"] or "", now, zone)
                if not ends:
                    raise TripError(Problem.NOT_UNDERSTOOD, part=clause[:40])
        elif names or others:
            raise TripError(Problem.NOT_UNDERSTOOD, part=clause[:40])
        else:
            for item in re.split(r"\s*,\s*|\s+(?:y|e|and)\s+", clause):
                if more := _MORE.match(plain(item).strip(" .")):
                    others += int(more["n"])
                elif item.strip(" ."):
                    names.append(item.strip(" .")[:LONGEST_PLACE])
    if not ends:
        raise TripError(Problem.NO_TIME, part=title.strip()[:40])
    if not names and not others:
        raise TripError(Problem.NOT_UNDERSTOOD, part=rest.strip()[:40] or title.strip()[:40])
    return CollectiveParts(
        title.strip()[:LONGEST_PLACE], tuple(dict.fromkeys(names)), others, answers, every, ends
    )


def _one(said: str) -> timedelta | None:
    """"hora", "half hour": one of it."""
    return read_duration(f"1 {said}")


_MISSING = re.compile(
    r"^(?:nos\s+)?(?:falta|faltan|no\s+esta|no\s+estan|no\s+llego|no\s+llegaron|no\s+aparece"
    r"|no\s+aparecen|missing|is\s+missing)\b[:,]?\s*(?P<who>.+)$"
)
_IS_MISSING = re.compile(r"^(?P<who>.+?)\s+(?:is|are)\s+missing$")


def read_missing(text: str) -> list[str] | None:
    """The names after "falta": "faltan Ana y dos personas"; None if the text says nothing of the kind.

    "No falta nadie" names nobody, and is no answer of this kind.
    """
    bare = " ".join(text[:LONGEST].split()).strip(" .!")
    form = plain(bare)
    found = _MISSING.match(form) or _IS_MISSING.match(form)
    if found is None or form.startswith("no falta"):
        return None
    who = bare[found.start("who") : found.end("who")] if len(form) == len(bare) else found["who"]
    if plain(who).strip() in ("nadie", "nobody", "no one"):
        return None
    return [n.strip(" .") for n in re.split(r"\s*,\s*|\s+(?:y|e|and)\s+", who) if n.strip(" .")]
