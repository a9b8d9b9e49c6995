"""What a backup is, how it is called, and which there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FORMAT = 1
"""Of what is inside; a larger number is one that this version does not know."""

MANIFEST = "manifest.json"
DATABASE = "acuerpa.db"
CONFIGURATION = "config.toml"
STORE = "matrix-store"
STORE_FILES = ("crypto.db", "mark")
TEXTS = "texts"

MEMBERS = re.compile(
    rf"{re.escape(MANIFEST)}|{re.escape(DATABASE)}|{re.escape(CONFIGURATION)}"
    rf"|{STORE}/(?:{'|'.join(map(re.escape, STORE_FILES))})|{TEXTS}/[a-z]{{2,3}}\.po"
)
"""What may be in one, and nothing else."""

_NAME = re.compile(r"acuerpa-(\d{8}T\d{6})Z\.age")
_AT = "%Y%m%dT%H%M%S"


class BackupError(Exception):
    """A backup cannot be made or used. One line for the operator, with the remedy."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A file of a backup that is no manifest: how long it is, and its SHA-256."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself.

    `taken`: an instant before which everything is in it. `program`: the version that made it. `kind`:
    where the database was, `sqlite` or `postgresql`; what is in the backup is a SQLite file in any
    case. `schema`: its revision. `resting`: the bot was stopped. `tables`: rows by table. `sealed`:
    fields that were opened to see whether they open.
    """

    taken: datetime
    program: str
    kind: str
    schema: str
    resting: bool
    tables: Mapping[str, int]
    sealed: int
    files: Mapping[str, Stored]

    @property
    def rows(self) -> int:
        """In all tables together."""
        return sum(self.tables.values())

    def to_json(self) -> bytes:
        """For the archive."""
        return json.dumps(
            {
                "format": FORMAT,
                "program": self.program,
                "taken": self.taken.isoformat(),
                "kind": self.kind,
                "schema": self.schema,
                "resting": self.resting,
                "tables": dict(self.tables),
                "sealed": self.sealed,
                "files": {
                    name: {"bytes": file.bytes, "sha256": file.sha256}
                    for name, file in self.files.items()
                },
            },
            indent=1,
        ).encode()

    @classmethod
    def from_json(cls, content: bytes) -> Manifest:
        """The opposite of `to_json`. Raises `BackupError`."""
        try:
            values: dict[str, Any] = json.loads(content)
            if values["format"] != FORMAT:
                raise BackupError(
                    "the backup was made by a newer version: install that version to restore it"
                )
            return cls(
                taken=datetime.fromisoformat(values["taken"]).astimezone(UTC),
                program=str(values["program"]),
                kind=str(values["kind"]),
                schema=str(values["schema"]),
                resting=values["resting"] is True,
                tables={str(name): int(rows) for name, rows in values["tables"].items()},
                sealed=int(values["sealed"]),
                files={
                    str(name): Stored(int(file["bytes"]), str(file["sha256"]))
                    for name, file in values["files"].items()
                },
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise BackupError("the backup is damaged: its manifest cannot be read") from None


def name_of(at: datetime) -> str:
    """What the backup of an instant is called."""
    return f"acuerpa-{at.astimezone(UTC):{_AT}}Z.age"


def taken_at(name: str) -> datetime | None:
    """The instant that a file's name says; None for a file that is no backup."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    try:
        return datetime.strptime(found[1], _AT).replace(tzinfo=UTC)
    except ValueError:
        return None


def backups_in(folder: Path) -> list[Path]:
    """All that are in a folder, the newest first. Raises `OSError`."""
    found = [path for path in folder.iterdir() if taken_at(path.name) is not None]
    return sorted(found, key=lambda path: path.name, reverse=True)


def to_remove(there: Iterable[Path], keep: int, made: Path) -> list[Path]:
    """Which are older than the newest `keep`. The one that was just made is never among them."""
    others = sorted((path for path in there if path != made), key=lambda path: path.name, reverse=True)
    return others[max(0, keep - 1) :]
