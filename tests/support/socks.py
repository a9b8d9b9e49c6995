"""Starts the SOCKS5 proxy of the tests, and tells what was asked of it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.fakes.socks import SOURCE

__all__ = ["SOURCE", "Socks"]

_ROOT = Path(__file__).parents[2]
_START = 20.0


@dataclass
class Socks:
    """Use `async with await Socks.start(folder, {"api.invalid:80": port})`.

    `routes`: which name and port lead to which port of this machine.
    """

    log: Path
    routes: Mapping[str, int]
    name: str = ""
    password: str = ""
    port: int = 0
    _process: asyncio.subprocess.Process | None = None

    @classmethod
    async def start(
        cls, folder: Path, routes: Mapping[str, int], *, name: str = "", password: str = ""
    ) -> Self:
        """A proxy whose log is in `folder`; with a name it asks for it."""
        made = cls(folder / "socks.jsonl", routes, name, password)
        made.log.touch()
        await made.up()
        return made

    @property
    def address(self) -> str:
        """For a configuration, without a name."""
        return f"socks5://127.0.0.1:{self.port}"

    async def up(self) -> None:
        """Listen, on the same port as before."""
        routes = [f"--route={name}=127.0.0.1:{port}" for name, port in self.routes.items()]
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.fakes.socks", "--log", str(self.log), "--port", str(self.port),
            "--name", self.name, "--password", self.password, *routes,
            cwd=_ROOT, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), _START)
        assert line, "the SOCKS proxy did not start"
        self.port = int(line)

    async def down(self) -> None:
        """End the process, and with it every connection; safe to call twice."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            await process.wait()

    def asked(self) -> list[dict[str, Any]]:
        """Each connection that was asked for: host, port, kind, as (the name), reply (0: granted)."""
        return [json.loads(line) for line in self.log.read_text("utf-8").splitlines()]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.down()
