"""What a denunciation of each kind is made of, and a guided text put together from its parts."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from bot.domain.denunciation import Kind


@dataclass(frozen=True, slots=True)
class Template:
    """The parts that are asked for, in their order, and those that may be left out."""

    parts: tuple[str, ...]
    optional: frozenset[str]


@cache
def templates() -> Mapping[Kind, Template]:
    """One for each kind (`templates.toml`)."""
    found = tomllib.loads(files("bot.domain").joinpath("templates.toml").read_text("utf-8"))
    return {
        Kind(kind): Template(tuple(t["parts"]), frozenset(t["optional"])) for kind, t in found.items()
    }


def composed(parts: Sequence[tuple[str, str]]) -> str:
    """One text of headings and words; a part without words is left out."""
    return "\n\n".join(
        f"{heading}\n{words.strip()}" for heading, words in parts if words.strip()
    )


def taken_apart(text: str, headings: Mapping[str, str]) -> dict[str, str] | None:
    """The parts of a text that was put together from these headings (part → heading), and is still
    shaped so; None if it is not."""
    by_heading = {heading: part for part, heading in headings.items()}
    parts: dict[str, str] = {}
    current = ""
    for line in text.split("\n"):
        if line in by_heading and by_heading[line] not in parts:
            current = by_heading[line]
            parts[current] = ""
        elif not current:
            return None
        else:
            parts[current] += f"{line}\n"
    return {part: words.strip() for part, words in parts.items()} or None
