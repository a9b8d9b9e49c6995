"""The bot in a process of its own whose clock a test moves: the real program, but for the clock.

`SteeredBot` starts one and steers it with one JSON object per line over a Unix socket. The processes
are forked from one that has imported the program (`python -m tests.support.steering`): to import it
takes longer than most stories do.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import ctypes
import json
import os
import random
import signal
import subprocess
import sys
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import time_machine

from bot.app import App
from bot.cli import cli
from bot.commands.logs import quiet_logs
from bot.config import load
from bot.engine.stepping import SteppedClock, Stepper
from bot.following.looking import Looking
from bot.serving import View, serving

START_SECONDS = 60.0
_PR_SET_PDEATHSIG = 1


async def serve(config: Path, socket: Path, start: datetime) -> None:
    """Run the bot, and do what the test asks until it hangs up."""
    quiet_logs()
    # The feeds of the stories are on this machine, which the program itself never asks.
    Looking.__init__.__kwdefaults__["loopback"] = True
    clock = SteppedClock(start)
    settings = load(config)
    view = View(settings)
    metrics = view.metrics if settings.http.listen is not None else None
    app = view.app = await App.open(settings, clock, metrics=metrics)
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
    async with server, serving(view):
        await app.run()


class SteeredBot:
    """The test's side of it."""

    def __init__(self, pid: int, log: Path) -> None:
        self.pid = pid
        self.log = log
        self._status: int | None = None
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    @classmethod
    async def start(cls, config: Path, folder: Path, start: datetime) -> SteeredBot:
        """Start it and wait until its platforms answer."""
        # A Unix socket's path is short by nature; pytest's folders are not.
        socket = Path(f"/tmp/acuerpa-{os.getpid()}-{os.urandom(4).hex()}.sock")
        log = folder / "bot.log"
        bot = cls(_parent().forks(log, "bot", str(config), str(socket), start.isoformat()), log)
        async with asyncio.timeout(START_SECONDS):
            while True:
                # Its file is there a moment before somebody listens.
                with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                    bot._reader, bot._writer = await asyncio.open_unix_connection(socket)
                    break
                if bot.status is not None:
                    raise RuntimeError(f"the bot did not start: {log.read_text()}")
                await asyncio.sleep(0.02)
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

    @property
    def status(self) -> int | None:
        """How its process ended; None while it runs."""
        if self._status is None:
            self._status = _parent().status(self.pid)
        return self._status

    async def ended(self) -> int:
        """Wait for the end of its process: its status, negative if a signal ended it."""
        while (status := self.status) is None:
            await asyncio.sleep(0.02)
        return status

    async def stop(self) -> None:
        """End the process that was started."""
        if self.status is None:
            os.kill(self.pid, signal.SIGTERM)
            await self.ended()


async def run_command(arguments: list[str], folder: Path, at: datetime) -> str:
    """What the `acuerpa` command says to an operator who gives it at that time; it must end well."""
    log = folder / f"command-{os.urandom(4).hex()}.log"
    pid = _parent().forks(log, "command", at.isoformat(), *arguments)
    while (status := _parent().status(pid)) is None:
        await asyncio.sleep(0.02)
    assert status == 0, log.read_text()
    return log.read_text("utf-8")


class _Parent:
    """The process that forks the bots of one run of tests, from the test's side."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.steering"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        atexit.register(self._end)
        self._asks("ready")

    def forks(self, log: Path, *order: str) -> int:
        """One more bot, or one command; what it says goes to `log`. Gives its process."""
        return int(self._asks([str(log), *order]))

    def status(self, pid: int) -> int | None:
        """How a bot ended; None while it runs. It is told once."""
        status = self._asks(pid)
        return None if status is None else int(status)

    def _asks(self, what: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(what).encode() + b"\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()


@cache
def _parent() -> _Parent:
    return _Parent()


# --- the parent's own process ---------------------------------------------------------------------


def _answer() -> None:
    """Fork for each order, and say how each child ended. No loop and no thread may run here."""
    import bot.platforms.matrix  # noqa: F401

    for line in sys.stdin:
        told: Any = json.loads(line)
        if told == "ready":
            answer: Any = "ready"
        elif isinstance(told, int):
            pid, status = os.waitpid(told, os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        else:
            answer = os.fork()
            if not answer:
                _live(*told)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _live(log: str, what: str, *order: str) -> None:
    """The child: never returns."""
    status = 1
    with contextlib.suppress(BaseException):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for here, there in ((nothing, 0), (out, 1), (out, 2)):
            os.dup2(here, there)
        random.seed()
        try:
            if what == "command":
                at, *arguments = order
                time_machine.travel(datetime.fromisoformat(at)).start()
                cli(args=arguments, prog_name="acuerpa")
            else:
                config, socket, start = order
                asyncio.run(serve(Path(config), Path(socket), datetime.fromisoformat(start)))
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
        except BaseException:
            import traceback

            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    _answer()
