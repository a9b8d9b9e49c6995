"""Where settings come from: the environment, then systemd's credentials, then the file.

What is set in an earlier one hides the same in a later one; a secret and the file that it may be read
from (`token`, `token_file`) are the same setting here. Nothing is judged: `bot.config` does that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

PREFIX = "ACUERPA_"
BETWEEN = "__"
"""`ACUERPA_TELEGRAM__TOKEN` is `token` in `[telegram]`."""

CREDENTIALS = "CREDENTIALS_DIRECTORY"
"""The variable with which systemd names the folder of a service's credentials (systemd.exec(5))."""

FILE = "_file"
"""`token_file` names the file that holds `token`."""

ALIKE = 0.8
"""From here on a variable of ours that names no section is taken for a slip of the pen; below it,
it is somebody else's who uses the same prefix."""

Values = dict[str, Any]


class LayerError(ValueError):
    """A setting cannot be taken from where it stands. One line with its name."""


@dataclass(frozen=True, slots=True)
class Found:
    """All that was set, and where each secret of it lies.

    `variables` are the settings that came from the environment, by their names in the file. `lying`
    gives the file of each secret that is in one; what came from the environment or from systemd
    is in none that anybody could open.
    """

    values: Values
    variables: frozenset[str]
    lying: Mapping[str, Path]


def of_environment(environment: Mapping[str, str], known: Iterable[str]) -> Values:
    """What `ACUERPA_…` variables set. `known` are the names at the top of the file."""
    names = frozenset(known)
    values: Values = {}
    for variable, value in environment.items():
        if not variable.upper().startswith(PREFIX):
            continue
        section, *rest = variable[len(PREFIX) :].lower().split(BETWEEN)
        known_or_meant = section in names or get_close_matches(section, names, 1, ALIKE)
        if not rest and not known_or_meant:
            continue
        inner = values.setdefault(section, {} if rest else value)
        if bool(rest) is not isinstance(inner, dict):
            raise LayerError(
                f"{section}: is set both as a whole and in parts: unset {PREFIX}{section.upper()}"
            )
        if rest:
            inner[BETWEEN.join(rest)] = value
    return values


def of_credentials(environment: Mapping[str, str], secrets: Mapping[str, Iterable[str]]) -> Values:
    """The credentials that systemd gave and that are named after a secret, such as `telegram.token`."""
    folder = environment.get(CREDENTIALS)
    values: Values = {}
    for section, names in secrets.items() if folder else ():
        for name in names:
            path = Path(str(folder), f"{section}.{name}")
            if path.exists():
                words = _read(path, f"{section}.{name}: the credential")
                values.setdefault(section, {})[name] = words
    return values


def together(layers: Iterable[Values], secrets: Mapping[str, Iterable[str]]) -> Values:
    """One set of values; the first of `layers` that has a setting decides it."""
    values: Values = {}
    for layer in layers:
        for section, inner in layer.items():
            before = values.get(section)
            if not isinstance(inner, dict) or not isinstance(before, dict):
                values.setdefault(section, dict(inner) if isinstance(inner, dict) else inner)
                continue
            hidden = set(before)
            for name in secrets.get(section, ()):
                if hidden & {name, name + FILE}:
                    hidden |= {name, name + FILE}
            before.update({name: value for name, value in inner.items() if name not in hidden})
    return values


def with_secrets(values: Values, secrets: Mapping[str, Iterable[str]]) -> dict[str, Path]:
    """Read each `<name>_file` into `<name>`, in place; and say where each secret was.

    Raises `LayerError`, which never bears what is in a file.
    """
    lying: dict[str, Path] = {}
    for section, names in secrets.items():
        inner = values.get(section)
        if not isinstance(inner, dict):
            continue
        for name in names:
            path = inner.pop(name + FILE, None)
            if path is None:
                continue
            setting = f"{section}.{name}{FILE}"
            if name in inner:
                raise LayerError(f"{section}: has both {name} and {name}{FILE}: keep one")
            if not isinstance(path, str) or not path:
                raise LayerError(f"{setting}: must be the path of a file, in quotes")
            inner[name] = _read(Path(path), setting)
            lying[setting] = Path(path)
    return lying


def _read(path: Path, what: str) -> str:
    try:
        words = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise LayerError(
            f"{what}: cannot be read ({error.strerror}): is it there, and this account's?"
        ) from None
    except UnicodeDecodeError:
        raise LayerError(
            f"{what}: is no text: put the secret there as it was given to you"
        ) from None
    if not words:
        raise LayerError(f"{what}: is empty: put the secret there as it was given to you")
    return words
