"""A plan as a text in TOML, to keep, to send and to take over: names, not numbers.

Written in the reader's language, and read in either, whatever language the reader has. What is read
becomes a draft, as the one-line form does: nothing is changed by reading.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from bot.domain.conditions import Cause, Conditions
from bot.domain.people import Risk
from bot.domain.plan import Plan, Step, Who
from bot.domain.plan_text import ROLES, Draft, DraftStep, read_delay
from bot.domain.plan_words import Manner, lean, read_causes, read_hours, read_risks
from bot.domain.spoken import read_duration

LONGEST = 8000
"""Characters. More is no plan."""

SHOWN = 60
"""Characters of what was not understood."""

KEYS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "step": ("paso", "step"),
        "repeat": ("repetir", "repeat"),
        "news": ("noticias", "news"),
        "after": ("tras", "after"),
        "people": ("personas", "people"),
        "roles": ("tareas", "roles"),
        "groups": ("grupos", "groups"),
        "hours": ("horas", "hours"),
        "causes": ("causas", "causes"),
        "risks": ("riesgos", "risks"),
        "last_resort": ("ultimo_recurso", "last_resort"),
    }
)
"""What each key is called in Spanish and in English."""

OF_PLAN = ("repeat", "news", "step")
OF_STEP = ("after", "people", "roles", "groups", "repeat", "hours", "causes", "risks", "last_resort")

WORDS: Mapping[Who | Cause | Risk, tuple[str, str]] = MappingProxyType(
    {
        Who.CIRCLE: ("red", "everyone"),
        Who.COORDINATORS: ("coordinación", "coordinators"),
        Who.OBSERVERS: ("observancia", "observers"),
        Who.ON_DUTY: ("guardia", "on duty"),
        Who.SUBSTITUTES: ("suplencia", "substitute"),
        Cause.SILENCE: ("silencio", "silence"),
        Cause.ALARM: ("alarma", "alarm"),
        Cause.DURESS: ("coacción", "duress"),
        Cause.LOST: ("perdido", "lost"),
        Risk.LOW: ("bajo", "low"),
        Risk.MEDIUM: ("medio", "medium"),
        Risk.HIGH: ("alto", "high"),
    }
)
"""How each value is written."""

_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "\r": None})
_FENCE = re.compile(r"(?m)^\s*```.*$")
_AT_LINE = re.compile(r"at line (\d+)")


class PlanFileError(ValueError):
    """A text that is no plan. `code` is a key of the catalogues; `line` counts from 1."""

    def __init__(self, code: str, line: int, part: str = "") -> None:
        super().__init__(f"{code}, line {line}: {part}")
        self.code = code
        self.line = line
        self.part = part


# --- writing ------------------------------------------------------------------------------------


def written(
    plan: Plan, name: Callable[[int], str], language: str,
    group: Callable[[int], str] = str,
) -> str:  # fmt: skip
    """The plan as TOML; `name` says what a member is called, `group` what another group is.

    Spanish keys, but for English.
    """
    column = 1 if language == "en" else 0

    def key(word: str) -> str:
        return KEYS[word][column]

    lines = [
        f"{key('repeat')} = {_minutes(plan.repeat)}",
        f"{key('news')} = {_minutes(plan.news)}",
    ]
    for step in plan.steps:
        lines += ["", f"[[{key('step')}]]"]
        lines += [f"{key(word)} = {value}" for word, value in _of_step(step, name, group, column)]
    return "\n".join(lines) + "\n"


def _of_step(
    step: Step, name: Callable[[int], str], group: Callable[[int], str], column: int
) -> Iterator[tuple[str, str]]:
    yield "after", _minutes(step.after) if step.after else _string(("ya", "now")[column])
    people = [name(r.member) for r in step.recipients if r.member is not None]
    if people:
        yield "people", _list(people)
    roles = [r.who for r in step.recipients if r.member is None and r.group is None]
    if roles:
        yield "roles", _list([WORDS.get(who, (who.value,) * 2)[column] for who in roles])
    groups = [group(r.group) for r in step.recipients if r.group is not None]
    if groups:
        yield "groups", _list(groups)
    if step.repeat is not None:
        yield "repeat", _minutes(step.repeat)
    if step.only.hours is not None:
        yield "hours", _string(str(step.only.hours))
    if step.only.causes:
        yield "causes", _list([WORDS[cause][column] for cause in sorted(step.only.causes)])
    if step.only.risks:
        yield "risks", _list([WORDS[risk][column] for risk in sorted(step.only.risks)])
    if step.last_resort:
        yield "last_resort", "true"


def _minutes(span: timedelta) -> str:
    return _string(f"{round(span / timedelta(minutes=1))} min")


def _string(text: str) -> str:
    """A basic string of TOML, which JSON's are but for one control character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _list(texts: list[str]) -> str:
    return f"[{', '.join(map(_string, texts))}]"


# --- reading ------------------------------------------------------------------------------------


def looks_like_toml(text: str) -> bool:
    """Whether somebody pasted such a plan, and not the one-line form."""
    return re.search(r"(?m)^\s*\[\[\s*\w+\s*\]\]", text) is not None


def read_toml(text: str) -> Draft:
    """The draft. Raises `PlanFileError` with the line.

    A phone's curly quotation marks, and the fences of a block of code, are forgiven.
    """
    text = _FENCE.sub("", text.translate(_QUOTES))
    if len(text) > LONGEST:
        raise PlanFileError("plan.file.too_long", 1)
    try:
        value = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        at = _AT_LINE.search(str(error))
        line = int(at[1]) if at else text.count("\n") + 1
        lines = text.split("\n")
        part = lines[line - 1].strip()[:SHOWN] if line <= len(lines) else ""
        raise PlanFileError("plan.file.no_toml", line, part) from error
    return _Reader(text).plan(value)


def line_of(text: str, name: str) -> int:
    """Where a name stands in quotation marks; 1 if nowhere."""
    lines = text.translate(_QUOTES).split("\n")
    wanted = lean(name)
    for number, line in enumerate(lines, 1):
        if any(lean(quoted) == wanted for quoted in re.findall(r'"([^"]*)"', line)):
            return number
    return 1


class _Reader:
    """The values of one text, and where in it each stands."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._step = 0

    def _line(self, key: str = "") -> int:
        """Of a key in the step that is being read; the step's own line if it is not found."""
        steps, here = 0, 1
        for number, line in enumerate(self._lines, 1):
            if re.match(r"\s*\[\[", line):
                steps += 1
            if steps == self._step and re.match(r"\s*\[\[", line):
                here = number
            if steps == self._step and key and re.match(rf'\s*"?{re.escape(key)}"?\s*=', line):
                return number
            if steps > self._step:
                break
        return here

    def _fail(self, code: str, key: str = "", part: object = "") -> PlanFileError:
        return PlanFileError(f"plan.file.{code}", self._line(key), str(part)[:SHOWN])

    def _known(self, value: Mapping[str, Any], known: tuple[str, ...]) -> dict[str, tuple[str, Any]]:
        """What each key means: the word that was written, and its value."""
        words = {word: key for key in known for word in KEYS[key]}
        found: dict[str, tuple[str, Any]] = {}
        for word, of in value.items():
            key = words.get(lean(word).replace(" ", "_"))
            if key is None:
                raise self._fail("unknown_key", word, word)
            if key in found:
                raise self._fail("twice", word, word)
            found[key] = (word, of)
        return found

    def plan(self, value: Mapping[str, Any]) -> Draft:
        found = self._known(value, OF_PLAN)
        spans = {key: self._span(*found[key]) for key in ("repeat", "news") if key in found}
        word, steps = found.get("step", ("", []))
        if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
            raise self._fail("steps", word, word)
        if not steps:
            raise self._fail("no_steps")
        read = []
        for self._step, step in enumerate(steps, 1):
            read.append(self._one(step))
        return Draft(tuple(read), spans.get("repeat"), spans.get("news"))

    def _one(self, value: Mapping[str, Any]) -> DraftStep:
        found = self._known(value, OF_STEP)
        if "after" not in found:
            raise self._fail("no_after")
        word, after = found["after"]
        delay = read_delay(str(after)) if isinstance(after, str | int) else None
        if delay is None or isinstance(after, bool):
            raise self._fail("span", word, after)
        people = self._texts(*found["people"]) if "people" in found else []
        roles = self._roles(*found["roles"]) if "roles" in found else []
        groups = self._texts(*found["groups"]) if "groups" in found else []
        if not people and not roles and not groups:
            raise self._fail("nobody")
        return DraftStep(
            delay, tuple(dict.fromkeys(roles)), tuple(people), tuple(groups), self._manner(found),
            self._line(),
        )  # fmt: skip

    def _manner(self, found: Mapping[str, tuple[str, Any]]) -> Manner:
        hours = None
        if "hours" in found:
            word, text = found["hours"]
            hours = read_hours(text) if isinstance(text, str) else None
            if hours is None:
                raise self._fail("hours", word, text)
        causes = self._set(read_causes, "causes", found)
        risks = self._set(read_risks, "risks", found)
        word, last = found.get("last_resort", ("", False))
        if not isinstance(last, bool):
            raise self._fail("yes_or_no", word, last)
        repeat = self._span(*found["repeat"]) if "repeat" in found else None
        return Manner(repeat, Conditions(hours, causes, risks), last)

    def _set(
        self, read: Callable[[str], frozenset[Any] | None], key: str,
        found: Mapping[str, tuple[str, Any]],
    ) -> frozenset[Any]:  # fmt: skip
        if key not in found:
            return frozenset()
        word, _ = found[key]
        values: frozenset[Any] = frozenset()
        for text in self._texts(*found[key]):
            more = read(text)
            if more is None:
                raise self._fail("word", word, text)
            values |= more
        return values

    def _span(self, word: str, value: Any) -> timedelta:
        span = None
        if isinstance(value, str | int) and not isinstance(value, bool):
            span = read_duration(str(value))
        if span is None:
            raise self._fail("span", word, value)
        return span

    def _texts(self, word: str, value: Any) -> list[str]:
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list) or not all(isinstance(t, str) and t.strip() for t in texts):
            raise self._fail("list", word, value)
        return [text.strip() for text in texts]

    def _roles(self, word: str, value: Any) -> list[Who]:
        roles = []
        for text in self._texts(word, value):
            who = ROLES.get(text.casefold()) or (
                Who(text) if text in [w.value for w in Who if w not in (Who.MEMBER, Who.GROUP)] else None
            )
            if who is None:
                raise self._fail("word", word, text)
            roles.append(who)
        return roles
