"""An installation that is backed up: its folder, its keys for backups, and the command that does it."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from unittest.mock import patch

from click.testing import Result
from typer.testing import CliRunner

from bot.backups import stream, work
from bot.backups.work import Made, Order
from bot.cli import cli
from storage.database import Database
from tests.proofs.keeping import filled, made
from tests.support.opened import KEY

AT = datetime(2026, 11, 26, 4, 0, tzinfo=UTC)


@cache
def _people(count: int) -> bytes:
    """A database with so many people, made once."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.db")
        asyncio.run(filled(path, count))
        return path.read_bytes()


@cache
def _of_version(revision: str) -> bytes:
    """A database as that version left it, made once."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.db")
        made(path, revision)
        return path.read_bytes()


class Installation:
    """A folder with a configuration, a key file and a pair of keys for backups."""

    def __init__(self, folder: Path, url: str = "", more: str = "") -> None:
        self.folder = folder
        self.url = url or str(folder / "acuerpa.db")
        self.backups = folder / "backups"
        self.identity = folder / "identity"
        self.key = folder / "acuerpa.key"
        self.config = folder / "config.toml"
        _, self.public, private = stream.new_identity()
        for path, content in ((self.identity, f"# mine\n{private}\n".encode()), (self.key, KEY)):
            path.write_bytes(content)
            path.chmod(0o600)
        self.config.write_text(
            f'operators = ["telegram:7"]\n[database]\nurl = "{self.url}"\n'
            f'[keys]\nfile = "{self.key}"\n'
            f'[backup]\nfolder = "{self.backups}"\nrecipients = ["{self.public}"]\nkeep = 3\n'
            f'scratch = "{folder}"\n'
            f'[telegram]\ntoken = "1:a-secret-token"\n{more}',
            encoding="utf-8",
        )
        self.config.chmod(0o600)

    @classmethod
    def with_people(cls, folder: Path, count: int = 3) -> Installation:
        """On SQLite, with a group of so many."""
        one = cls(folder)
        one._keeps(_people(count))
        return one

    @classmethod
    def of_version(cls, folder: Path, revision: str) -> Installation:
        """On SQLite, as an earlier version left it."""
        one = cls(folder)
        one.is_of_version(revision)
        return one

    def is_of_version(self, revision: str) -> None:
        """Its database is one that this version left."""
        self._keeps(_of_version(revision))

    def _keeps(self, content: bytes) -> None:
        path = Path(self.url)
        path.write_bytes(content)
        path.chmod(0o600)

    def says(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Result:
        """What the command answers to an operator."""
        runner = CliRunner()
        given = [*arguments, "--config", str(self.config)]
        return runner.invoke(cli, given, env=dict(environment or {}))

    def backup(self, *, command: bool = False) -> Path:
        """Make one, with the command or, quicker, in this process; its file."""
        if not command:
            return self.backups / work.make(order(self.url, self.backups, public=self.public)).name
        said = self.says("backup")
        assert said.exit_code == 0, said.output
        return self.backups / said.output.split(":", 1)[0]

    def there(self) -> dict[str, bytes]:
        """Every file of the installation, to see that nothing was changed. Locks are nobody's data."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and not path.name.endswith((".lock", "-shm"))
        }


def order(
    url: str, folder: Path, *, keep: int = 3, at: datetime = AT, public: str = "", master: bytes = KEY
) -> Order:
    """For `bot.backups.work.make`, in this process."""
    return Order(
        url=url, master=master.hex(), recipients=[public] if public else [], folder=str(folder),
        scratch=str(folder.parent), keep=keep, store="", texts="", configuration="", program="0",
        at=at.isoformat(),
    )  # fmt: skip


async def taken_apart(database: Database, folder: Path) -> Made:
    """Make a backup of an open database, and open it as somebody could who has its private key alone."""
    identity, public, _ = stream.new_identity()
    master = (await database.master()).reveal()
    url = database.url.render_as_string(hide_password=False)
    wanted = order(url, folder, public=public, master=master)
    made = await asyncio.to_thread(work.make, wanted)
    stream.read(folder / made.name, [identity], lambda name: folder / "opened" / name)
    return made


@contextmanager
def no_room_kept():  # type: ignore[no-untyped-def]
    """A disk may be filled to its last block."""
    with patch.object(work, "RESERVE", -(1 << 40)):
        yield


