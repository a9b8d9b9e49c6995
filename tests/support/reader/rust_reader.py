"""Drives reader.mjs: the crypto that people's apps have, excluding devices that nobody signed."""

from __future__ import annotations

import asyncio
import fcntl
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.synapse import Synapse

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Verdict:
    """Whether the reader shows a message; `why` not, in the crypto library's words."""

    event_id: str
    shown: bool
    body: str = ""
    why: str = ""


class RustReader:
    """One account in one Node process."""

    def __init__(self, process: asyncio.subprocess.Process, password: str) -> None:
        self._process = process
        self.password = password
        self.user_id = ""
        self.device_id = ""

    @classmethod
    async def join(
        cls, synapse: Synapse, name: str, *, password: str | None = None, url: str = ""
    ) -> RustReader:
        """Make the account `name` and log in; with `password`, a further device of it.

        `url` is where the homeserver is reached, if not at its own address.
        """
        await asyncio.to_thread(_install)
        if password is None:
            _, password = await synapse.register(name)
        process = await asyncio.create_subprocess_exec(
            "node",
            "reader.mjs",
            cwd=_HERE,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=2**24,
        )
        reader = cls(process, password)
        answer = await reader._ask(
            "login", homeserver=url or synapse.url, user=name, password=password
        )
        reader.user_id, reader.device_id = answer["user_id"], answer["device_id"]
        return reader

    async def accepts_invitations(self) -> list[str]:
        """Join the rooms it is invited to; waits up to 20 seconds for the first."""
        return list((await self._ask("join"))["joined"])

    async def sync_until(self, *event_ids: str) -> None:
        """Sync until these events have arrived; fails after 20 seconds."""
        await self._ask("until", event_ids=list(event_ids))

    async def verdicts(self) -> dict[str, Verdict]:
        """Each encrypted event that arrived, by its id, in order of arrival."""
        messages = (await self._ask("list"))["messages"]
        return {message["event_id"]: Verdict(**message) for message in messages}

    # --- identity ---------------------------------------------------------------------------

    async def signs_own_device(self, *, reset: bool = False) -> None:
        """Make an identity and have it sign this device; `reset` makes another one."""
        await self._ask("sign", reset=reset, password=self.password)

    async def knows(self, user_id: str) -> tuple[bool, bool]:
        """Whether it counts this account as compared, and whether it complains of a change."""
        answer = await self._ask("identity", user=user_id)
        return answer["verified"], answer["violated"]

    async def asks_to_compare(self, user_id: str, *, room: str = "", device: str = "") -> None:
        """Begin a comparison of pictures: in a room, or from device to device."""
        await self._ask("compare", user=user_id, room=room, device=device)

    async def sees_pictures(self) -> tuple[str, ...]:
        """The pictures that its person sees, once the other side went along."""
        return tuple((await self._ask("pictures"))["pictures"])

    async def says_same(self) -> None:
        """The person says that they are the same; waits until the comparison is done."""
        await self._ask("same")

    async def says_different(self) -> None:
        """The person says that they differ."""
        await self._ask("differ")

    async def is_told_of_cancelling(self) -> str:
        """Waits until the other side ended the comparison; the code it gave."""
        return str((await self._ask("cancelled"))["code"])

    async def writes(self, text: str, room: str) -> str:
        """Send a text to an encrypted room."""
        return str((await self._ask("write", room=room, text=text))["event_id"])

    async def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(5):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _ask(self, what: str, **more: Any) -> dict[str, Any]:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps({"do": what, **more}).encode() + b"\n")
        await stdin.drain()
        async with asyncio.timeout(60):
            line = await stdout.readline()
        if not line:
            raise RuntimeError(f"the reader ended during {what}")
        answer: dict[str, Any] = json.loads(line)
        if not answer.pop("ok"):
            raise RuntimeError(f"the reader's {what}: {answer['error']}")
        return answer


def _install() -> None:
    """`npm ci` where it was not done yet; one process at a time if tests run in several."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise RuntimeError("Node 20 with npm is needed for the Rust-crypto reader; install it")
    with (_HERE / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (_HERE / "node_modules" / ".package-lock.json").exists():
            return
        done = subprocess.run(
            ["npm", "ci", "--no-fund", "--no-audit"], cwd=_HERE, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"npm ci in tests/support/reader failed: {done.stderr[-500:]}")
