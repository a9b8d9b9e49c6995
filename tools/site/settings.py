"""The settings of config.toml: names, types and bounds from `bot.config`, what each is for from the
comments of config.example.toml.

A comment behind a setting is about that one. One above settings is about them, or about their section
if the first of them has a comment of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from bot.config import Config
from bot.config import Section as ConfigSection
from bot.layers import BETWEEN, FILE, PREFIX

ROOT = Path(__file__).parents[2]
SECTION = re.compile(r"(?:# )?\[(\w+)\]")
LINE = re.compile(
    r"(?:# )?(?P<name>[a-z_]+) = (?:\"[^\"]*\"|\[[^\]]*\]|[^#]*?)\s*(?:#\s*(?P<about>.*))?"
)
COMMENT = re.compile(r"#(?: (?P<text>.*))?")

KINDS: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    Path: "a path",
    SecretStr: "a secret",
    time: "a time of day",
}
BOUNDS = {
    "gt": "more than {value}",
    "ge": "at least {value}",
    "lt": "less than {value}",
    "le": "at most {value}",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `names` and `environment` have those of a file to read it from, if it is a secret;
    `credential` is then what systemd may call it."""

    names: tuple[str, ...]
    about: str
    kind: str
    bounds: tuple[tuple[str, str], ...]
    default: str | None
    required: bool
    environment: tuple[str, ...]
    credential: str


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the file; the first is what stands above all tables."""

    name: str
    about: str
    settings: tuple[Setting, ...]


@dataclass
class Example:
    """What config.example.toml says."""

    sections: dict[str, str] = field(default_factory=dict)
    settings: dict[tuple[str, str], str] = field(default_factory=dict)


def example(text: str) -> Example:
    """Read the comments of an example of the configuration."""
    found = Example()
    section, above, first, last = "", [], True, None
    used = False  # whether a setting has these comments already
    for line in text.splitlines():
        if not line.strip():
            above, last = [], None
        elif heading := SECTION.fullmatch(line):
            section, above, first, last = heading[1], [], True, None
        elif setting := LINE.fullmatch(line):
            key, about = (section, setting["name"]), setting["about"] or ""
            if about and first:
                found.sections[section] = " ".join(above)
                used = True
            parts = [*(above if not (about and used) else ()), about]
            found.settings[key] = " ".join(part for part in parts if part)
            first, used, last = False, True, key if about else None
        elif last and re.fullmatch(r"\s+# .*", line):  # goes on behind the setting
            found.settings[last] += " " + line.strip().removeprefix("#").strip()
        elif comment := COMMENT.fullmatch(line):
            above = [*([] if used else above), comment["text"] or ""]
            used, last = False, None
    return found


def sections() -> list[Section]:
    """All settings there are."""
    said = example((ROOT / "config.example.toml").read_text("utf-8"))
    own = [f for f in Config.model_fields.items() if _model(f[1]) is None]
    about = said.sections.get("", "")
    above = tuple(_setting("", name, info, said, secret=False) for name, info in own)
    found = [Section("", about, above)]
    for name, info in Config.model_fields.items():
        if (model := _model(info)) is not None:
            about = said.sections.get(name) or " ".join((model.__doc__ or "").split())
            settings = tuple(
                _setting(name, each, more, said, secret=each in model.secrets)
                for each, more in model.model_fields.items()
            )
            found.append(Section(name, about, settings))
    return found


def _model(info: FieldInfo) -> type[ConfigSection] | None:
    """The section that this is, None for a setting."""
    for kind in (info.annotation, *get_args(info.annotation)):
        if isinstance(kind, type) and issubclass(kind, ConfigSection):
            return kind
    return None


def _setting(section: str, name: str, info: FieldInfo, said: Example, *, secret: bool) -> Setting:
    names = (name, name + FILE) if secret else (name,)
    about = next((said.settings[section, n] for n in names if (section, n) in said.settings), "")
    default = info.get_default(call_default_factory=True, validated_data={})
    return Setting(
        names=names,
        about=about,
        kind=_kind(info.annotation),
        bounds=tuple(_bounds(info)),
        default=None if default in (None, PydanticUndefined) else _shown(default),
        required=info.is_required(),
        environment=tuple(
            PREFIX + BETWEEN.join(part.upper() for part in (section, each) if part)
            for each in names
        ),
        credential=f"{section}.{name}" if secret else "",
    )


def _plain(annotation: Any) -> Any:
    """The type without what is said about it, and without None."""
    while get_origin(annotation) is not None and get_origin(annotation) is not Literal:
        if get_origin(annotation) in (frozenset, list, tuple, set, dict):
            return get_origin(annotation)
        annotation = next(a for a in get_args(annotation) if a is not type(None))
    return annotation


def _kind(annotation: Any) -> str:
    plain = _plain(annotation)
    if get_origin(plain) is Literal:
        return "one of " + ", ".join(f"`{value}`" for value in get_args(plain))
    if plain in (frozenset, list, tuple, set):
        return "a list"
    return KINDS.get(plain, "a text")


def _bounds(info: FieldInfo) -> Iterator[tuple[str, str]]:
    for constraint in info.metadata:
        for name, said in BOUNDS.items():
            if (value := getattr(constraint, name, None)) is not None:
                yield said, f"{value:g}" if isinstance(value, int | float) else str(value)


def _shown(value: Any) -> str:
    """As it would be written in the file."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, SecretStr):
        return f'"{value.get_secret_value()}"'
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, time):
        return f'"{value:%H:%M}"'
    if isinstance(value, frozenset | set | list | tuple):
        return "[" + ", ".join(f'"{each}"' for each in sorted(value)) + "]"
    if isinstance(value, int):
        return str(value)
    return f'"{value}"'
