"""What is to be set up: from the interview, or from a file in which somebody wrote it down."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError

from bot import layers
from bot.config import (
    ConfigError,
    ProxyAddress,
    Section,
    account,
    known_language,
    known_zone,
    listed,
    whole_id,
)
from bot.layers import LayerError
from bot.mistakes import one_line
from storage.keys import SHORTEST_PASSPHRASE

LONGEST_NAME = 60
"""Characters of a group's name, as in the chat."""

STDIN = "-"
"""In place of a secret's file: the next line of standard input."""


class TelegramAnswers(Section):
    """`base_url` is a Bot API server of one's own."""

    secrets: ClassVar[tuple[str, ...]] = ("token",)

    token: SecretStr = Field(min_length=1)
    base_url: str | None = None


class MatrixAnswers(Section):
    """As in the configuration."""

    secrets: ClassVar[tuple[str, ...]] = ("password",)

    homeserver: str
    user_id: Annotated[str, AfterValidator(whole_id)]
    password: SecretStr = Field(min_length=1)


class WatchAnswers(Section):
    """Who watches from outside."""

    secrets: ClassVar[tuple[str, ...]] = ("url",)

    url: SecretStr = Field(min_length=1)


class KeysAnswers(Section):
    """A passphrase in place of a key file."""

    secrets: ClassVar[tuple[str, ...]] = ("passphrase",)

    passphrase: SecretStr = Field(min_length=SHORTEST_PASSPHRASE)


class Answers(Section):
    """Everything. `folder` is where the files go; None of a part is that it is left out."""

    folder: Path = Path()
    language: Annotated[str, AfterValidator(known_language)] = "es"
    zone: Annotated[str, AfterValidator(known_zone)] = "America/Mexico_City"
    operators: Annotated[
        frozenset[Annotated[str, AfterValidator(account)]], BeforeValidator(listed)
    ] = frozenset()
    group: str = Field(default="", max_length=LONGEST_NAME)
    proxy: ProxyAddress | None = None
    try_it: bool = True
    telegram: TelegramAnswers | None = None
    matrix: MatrixAnswers | None = None
    watch: WatchAnswers | None = None
    keys: KeysAnswers | None = None


PARTS: dict[str, type[Section]] = {
    "telegram": TelegramAnswers, "matrix": MatrixAnswers, "watch": WatchAnswers, "keys": KeysAnswers,
}  # fmt: skip


def read(path: Path) -> Answers:
    """From a file. Secrets are in files of their own, or lines of standard input; never in it.

    Raises `ConfigError`.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not valid TOML: {error}") from None
    secrets = {name: part.secrets for name, part in PARTS.items()}
    for section, names in secrets.items():
        inner = values.get(section)
        if not isinstance(inner, dict):
            continue
        for name in names:
            if name in inner:
                raise ConfigError(
                    f"{section}.{name}: not in a file of answers: write {name}{layers.FILE}, with the "
                    'name of a file, or "-" for the next line of standard input'
                )
            if inner.get(name + layers.FILE) == STDIN:
                del inner[name + layers.FILE]
                inner[name] = sys.stdin.readline().strip()
    try:
        layers.with_secrets(values, secrets)
        return Answers.model_validate(values)
    except LayerError as error:
        raise ConfigError(str(error)) from None
    except ValidationError as error:
        inside = {
            name: (*part.model_fields, *(secret + layers.FILE for secret in part.secrets))
            for name, part in PARTS.items()
        }
        raise ConfigError(one_line(error, {"": tuple(Answers.model_fields), **inside})) from None
