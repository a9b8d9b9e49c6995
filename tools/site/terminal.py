"""What `acuerpa` can be told, read from the program that the terminal runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, get_args

import typer

from bot.cli import cli

VALUES = {"int": "NUMBER", "float": "NUMBER", "Path": "PATH", "str": "TEXT"}
"""What stands for a value, by its type."""


@dataclass(frozen=True, slots=True)
class Option:
    """An option or an argument. `value` stands for what is given with it, "" for a switch."""

    name: str
    value: str
    help: str
    default: str
    required: bool
    multiple: bool
    environment: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command, or a group of some; `path` is what stands behind `acuerpa`."""

    path: str
    help: str
    options: tuple[Option, ...]
    is_group: bool

    @property
    def depth(self) -> int:
        """How many words it has."""
        return len(self.path.split())

    @property
    def usage(self) -> str:
        """ "acuerpa keys init [--passphrase] [--config PATH]". """
        parts = [f"acuerpa {self.path}"]
        for option in self.options:
            said = " ".join(part for part in (option.name, option.value) if part)
            if not option.name.startswith("-"):
                said = option.name
            parts.append(said if option.required else f"[{said}]")
        return " ".join(parts)


def commands() -> list[Command]:
    """All of them, in the order of the program's own help."""
    found = typer.main.get_command(cli)
    return [each for name, sub in _within(found) for each in _walk(name, sub)]


def _within(command: Any) -> Iterator[tuple[str, Any]]:
    yield from getattr(command, "commands", {}).items()


def _walk(path: str, command: Any) -> Iterator[Command]:
    if command.hidden:
        return
    below = list(_within(command))
    options = () if below else tuple(_option(p) for p in command.params if not _hidden(p))
    yield Command(path, _said(command.help), options, bool(below))
    for name, sub in below:
        yield from _walk(f"{path} {name}", sub)


def _hidden(param: Any) -> bool:
    return bool(getattr(param, "hidden", False)) or "--help" in param.opts


def _option(param: Any) -> Option:
    is_option = param.opts[0].startswith("-")
    name = "/".join((param.opts[0], *param.secondary_opts[:1])) if is_option else param.name.upper()
    default = param.default
    if isinstance(default, Enum):
        default = default.value
    shown = default is not None and not callable(default) and not param_is_flag(param)
    return Option(
        name=name,
        value="" if param_is_flag(param) or not is_option else _value(param),
        help=_said(getattr(param, "help", "") or ""),
        default=str(default) if shown and default != () and default != [] else "",
        required=bool(param.required),
        multiple=bool(getattr(param, "multiple", False)),
        environment=_environment(param),
    )


def param_is_flag(param: Any) -> bool:
    """Whether it takes no value."""
    return bool(getattr(param, "is_flag", False))


def _environment(param: Any) -> str:
    found = getattr(param, "envvar", None) or ""
    return found if isinstance(found, str) else str(found[0])


def _value(param: Any) -> str:
    if param.metavar:
        return str(param.metavar)
    kind = param.type_descriptor.annotation
    while get_args(kind):
        kind = next(each for each in get_args(kind) if each is not type(None))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "|".join(str(each.value) for each in kind)
    return VALUES.get(getattr(kind, "__name__", ""), "VALUE")


def _said(text: str | None) -> str:
    """A help on one line; what stands behind a form feed is not for the terminal either."""
    return " ".join((text or "").partition("\f")[0].split())
