"""The configuration as a backup keeps it: every setting that is no secret.

A token, a password or an address that is one are said to be missing, so that whoever restores knows
what to bring. What comes from variables of the environment is in it as well: it is what the bot ran
with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]*@")
"""What stands before the host of an address: an account, and perhaps a password."""

_USER = re.compile(r"^[^:@]*")


def without_secrets(config: BaseModel) -> str:
    """As TOML. `load` reads it again once the secrets are brought."""
    tables: list[str] = []
    head = ["# Acuerpa's settings as they were when the backup was made. Secrets are not among them."]
    for name in type(config).model_fields:
        value = getattr(config, name)
        if isinstance(value, BaseModel):
            tables += ["", f"[{name}]", *_lines(value)]
        elif value is not None:
            head.append(f"{name} = {_toml(value)}")
    return "\n".join([*head, *tables]) + "\n"


def _lines(section: BaseModel) -> Iterator[str]:
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, SecretStr):
            yield f'# {name}_file = "…"  # a secret: bring it'
        elif value is not None:
            yield f"{name} = {_toml(value)}"


def _toml(value: Any) -> str:
    """TOML v1.0: its strings are JSON's, but for the DEL character."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, time):
        return f'"{value:%H:%M}"'
    if isinstance(value, str | Path):
        text = _CREDENTIALS.sub(_account_alone, str(value))
        return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Iterable):
        return f"[{', '.join(sorted(_toml(one) for one in value))}]"
    raise TypeError(f"a setting of the type {type(value).__name__} has no form in TOML")


def _account_alone(found: re.Match[str]) -> str:
    account = _USER.match(found[0])
    return f"{account[0]}@" if account and account[0] else ""
