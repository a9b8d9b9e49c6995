"""The bot in a process of its own whose clock a test moves: the real program, but for the clock.

`python -m tests.support.steering CONFIG SOCKET START` runs it; `SteeredBot` starts and steers it
with one JSON object per line over a Unix socket.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import bot.engine.audit
from bot.app import App
from bot.cli import quiet_logs
from bot.config import load
from bot.engine.stepping import SteppedClock, Stepper

START_SECONDS = 60.0


async def serve(config: Path, socket: Path, start: datetime) -> None:
    """Run the bot, and do what the test asks until it hangs up."""
    quiet_logs()
    bot.engine.audit.EARLY = 0  # real seconds since the start, in which here hours go by
    clock = SteppedClock(start)
    app = await App.open(load(config), clock)
    stepper = Stepper(app.engine, app.database, clock)

    async def carry_out(order: dict[str, Any]) -> dict[str, Any]:
        match order["do"]:
            case "ready":
                return {"ready": app.engine.ready}
            case "until":
                await stepper.until(datetime.fromisoformat(order["at"]))
            case "settle":
                await app.engine.settle()
            case "handled":
                async with app.database.transaction() as tx:
                    return {"done": await tx.inbox.is_done(order["platform"], order["event"])}
            case "last_sent":
                async with app.database.transaction() as tx:
                    return {"last": await tx.outbox.last_sent(order["platform"])}
        return {}

    async def steer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            try:
                answer = await carry_out(json.loads(line))
            except Exception as error:  # the test must see it
                answer = {"error": f"{type(error).__name__}: {error}"}
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(steer, socket)
    async with server:
        await app.run()


class SteeredBot:
    """The test's side of it."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process = process
        self.log = log
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    @classmethod
    async def start(cls, config: Path, folder: Path, start: datetime) -> SteeredBot:
        """Start it and wait until its platforms answer."""
        # A Unix socket's path is short by nature; pytest's folders are not.
        socket = Path(f"/tmp/acuerpa-{os.getpid()}-{os.urandom(4).hex()}.sock")
        log = folder / "bot.log"
        with log.open("ab") as out:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.support.steering",
                str(config), str(socket), start.isoformat(),
                stderr=out, stdout=out, cwd=Path(__file__).parents[2],
            )  # fmt: skip
        bot = cls(process, log)
        async with asyncio.timeout(START_SECONDS):
            while not socket.exists():
                if process.returncode is not None:
                    raise RuntimeError(f"the bot did not start: {log.read_text()}")
                await asyncio.sleep(0.02)
            bot._reader, bot._writer = await asyncio.open_unix_connection(socket)
            socket.unlink()
            while not (await bot.order("ready"))["ready"]:
                await asyncio.sleep(0.05)
        return bot

    async def order(self, do: str, **more: Any) -> dict[str, Any]:
        """One order and its answer."""
        self._writer.write(json.dumps({"do": do, **more}).encode() + b"\n")
        line = await self._reader.readline()
        if not line:
            raise RuntimeError(f"the bot is gone: {self.log.read_text()[-4000:]}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"the bot failed: {answer['error']}\n{self.log.read_text()[-4000:]}")
        return answer

    async def stop(self) -> None:
        """End the process that was started."""
        if self.process.returncode is None:
            self.process.terminate()
            await self.process.wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), Path(sys.argv[2]), datetime.fromisoformat(sys.argv[3])))
