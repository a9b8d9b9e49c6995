"""The real bot in a process that starts in milliseconds, so that a test can kill it a thousand times.

`python -m tests.support.zygote [matrix]` imports the whole program once. Each order on its standard input
forks a child that runs the bot; each end of a child is told on its standard output. `Zygote` is the
test's side. The child's clock is simulated, and the same for all children of an installation.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import importlib
import json
import os
import random
import select
import signal
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import bot.engine.engine
import bot.engine.outbox
import bot.engine.persist
import bot.engine.receiver
import bot.engine.workers
from bot.app import App
from bot.cli import cli
from bot.commands.logs import quiet_logs
from bot.config import load
from bot.platforms.base import PlatformError
from bot.platforms.telegram import platform as telegram
from bot.platforms.telegram.platform import TelegramPlatform
from handlers.entries import menu
from storage.database import Database
from storage.keys import KeyInMemory
from tests.support import faultpoints, sockets
from tests.support.failpoints import Failpoints, install, install_on, install_on_crypto_store
from tests.support.faultpoints import Faultpoints

START_SECONDS = 60.0
MATRIX = "matrix" in sys.argv[1:]
"""Whether children may use Matrix; it takes a second more to import."""
SHORT_PAGE = 20
"""What counts as much to read where tests have no patience."""
_PR_SET_PDEATHSIG = 1
_BEAT = 0.1
"""Seconds between two heartbeats: a child may live no longer than a few of these."""


@dataclass(frozen=True)
class AffineClock:
    """`start` at the real Unix time `real`, and `speed` seconds for each real one since.

    Nothing in it depends on the process, so all restarts agree.
    """

    start: datetime
    real: float
    speed: float

    def now(self) -> datetime:
        """The instant, in UTC."""
        return self.start + timedelta(seconds=(time.time() - self.real) * self.speed)

    def real_at(self, instant: datetime) -> float:
        """The Unix time at which it is `instant` here."""
        return self.real + (instant - self.start).total_seconds() / self.speed


@dataclass
class Life:
    """One child, from its fork to its end. `ended` gives its status as `os.waitpid` does."""

    pid: int
    trace: Path
    began: float = field(default_factory=time.time)
    ended: asyncio.Future[int] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def signal(self, number: signal.Signals) -> None:
        """Send it, unless the child is gone: its number may be somebody else's by now."""
        if not self.ended.done():
            # It may have ended by itself, and the news of it be on its way.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        await self.ended

    @property
    def killed_at(self) -> str:
        """The point at which it killed itself, "" if it did not."""
        last = self.points[-1:]
        return last[0].removesuffix(" KILLED") if last and last[0].endswith(" KILLED") else ""

    @property
    def points(self) -> list[str]:
        """What it reached, in order."""
        return self.trace.read_text("utf-8").splitlines() if self.trace.exists() else []


class Zygote:
    """The test's side. Use `async with await Zygote.start()`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._lives: dict[int, Life] = {}
        self._started: asyncio.Queue[Life] = asyncio.Queue()
        self._turn = asyncio.Lock()
        self._listener = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, *, matrix: bool = False) -> Self:
        """Import everything; a second or two, once."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.zygote", *(["matrix"] if matrix else []),
            cwd=Path(__file__).parents[2],
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
        if not line:
            raise RuntimeError("the zygote did not start")
        return cls(process)

    async def bot(
        self,
        config: Path,
        clock: AffineClock,
        folder: Path,
        *,
        armed: Mapping[str, int] | None = None,
        others: int = 0,
        patience: float | None = None,
        faults: Mapping[str, Any] | None = None,
        read_timeout: float = 0.0,
        log: Path | str | None = None,
        standby: bool = False,
        worker: bool = False,
        prepare: str = "",
        given: Mapping[str, Any] | None = None,
    ) -> Life:
        """Fork one that runs the bot.

        See `Failpoints` for `armed` and `others`, and `Faultpoints` for `faults`: it has one or the
        other. `read_timeout` is Telegram's, in seconds, if not the program's own; its log is
        `bot.log` in `folder` if not `log`. `patience` is how many seconds it waits for a homeserver's
        answer to a request and at most for its news, and four times as long until it tries again
        after it was refused; it reads `SHORT_PAGE` events at once then. `prepare`
        ("module:function") is called in the child with what is `given`, before the bot begins; what
        it returns, if anything, is called with the `App`.
        """
        trace = folder / f"trace-{time.monotonic_ns()}"
        life = await self._fork(
            {
                "config": str(config), "log": str(folder / (log or "bot.log")),
                "trace": str(trace), "clock": {**asdict(clock), "start": clock.start.isoformat()},
                "armed": dict(armed or {}), "others": others, "faults": dict(faults or {}),
                "read_timeout": read_timeout, "patience": patience,
                "standby": standby, "worker": worker, "prepare": prepare, "given": dict(given or {}),
            }
        )  # fmt: skip
        life.trace = trace
        return life

    async def command(
        self, arguments: Sequence[str], log: Path, environment: Mapping[str, str]
    ) -> Life:
        """Fork one that runs the `acuerpa` command as an operator would; its output is in `log`."""
        order = {"command": list(arguments), "log": str(log), "environment": dict(environment)}
        return await self._fork(order)

    async def _fork(self, order: Mapping[str, object]) -> Life:
        async with self._turn:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            return await self._started.get()

    async def stop(self) -> None:
        """End the process, and with it all its children."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()
        self._listener.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            told: dict[str, int] = json.loads(line)
            if "started" in told:
                life = self._lives[told["started"]] = Life(told["started"], Path())
                self._started.put_nowait(life)
            else:
                self._lives.pop(told["ended"]).ended.set_result(told["status"])


# --- the zygote's own process ---------------------------------------------------------------------


def _serve() -> None:
    """Fork for each line that comes in. No loop and no thread of ours may run here."""
    # The fake speaks plain HTTP; reading the certificates anew would be most of a start.
    ssl.create_default_context = lru_cache(ssl.create_default_context)
    asyncio.run(_warm_up())
    gc.collect()
    gc.freeze()
    assert threading.active_count() == 1, threading.enumerate()
    wake, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    _tell(ready=1)
    children: set[int] = set()
    waiting = b""
    while True:
        readable, _, _ = select.select([0, wake], [], [])
        if wake in readable:
            os.read(wake, 4096)
            _bury(children)
        if 0 in readable:
            read = os.read(0, 65536)
            if not read:
                break
            *lines, waiting = (waiting + read).split(b"\n")
            for line in lines:
                pid = os.fork()
                if pid == 0:
                    _live(json.loads(line))
                children.add(pid)
                _tell(started=pid)
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


async def _warm_up() -> None:
    """What the first use of a library builds is then there for every child."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(str(Path(folder) / "warm.db"), KeyInMemory())
        await database.open()
        async with database.transaction() as tx:
            await tx.timers.next_due()
        await database.close()
    menu(datetime.now(UTC))
    nobody = TelegramPlatform(token="1:a", base_url="http://127.0.0.1:9", connect_timeout=1)
    with contextlib.suppress(PlatformError):
        await nobody.start()
    if MATRIX:
        _warm_up_matrix()


def _warm_up_matrix() -> None:
    """Imports alone: keys that are made here would leave all children the same random numbers."""
    import bot.platforms.matrix  # noqa: F401


def _tell(**what: int) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


def _bury(children: set[int]) -> None:
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            children.discard(ended[0])
            _tell(ended=ended[0], status=ended[1])


def _live(order: dict[str, Any]) -> None:
    """The child: never returns."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for here, there in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(here, there)
        random.seed()
        if "command" in order:
            _command(order)
        if order["faults"]:
            faultpoints.install(Faultpoints(order["trace"], **order["faults"]))
            # A hundred failures in a row are no outage of simulated hours.
            bot.engine.receiver.RETRY = (0.1, 0.2)
            bot.engine.persist.WAITS = (0.05, 0.1, 0.2)
        else:
            points = Failpoints(order["trace"], order["armed"], order["others"])
            install(points, TelegramPlatform)
            if MATRIX:
                _prepare_matrix(points, order["patience"])
        if order["read_timeout"]:
            telegram._TRICKLE = order["read_timeout"]
            defaults = TelegramPlatform.__init__.__kwdefaults__
            defaults["read_timeout"] = order["read_timeout"]
        asyncio.run(_run(order))
        os._exit(0)
    except BaseException:
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def _command(order: dict[str, Any]) -> None:
    """Never returns."""
    os.environ.update(order["environment"])
    if log := os.environ.get(sockets.LOG):
        sockets.note(log)
    try:
        cli(args=order["command"], prog_name="acuerpa")
    except SystemExit as end:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else 1)


def _prepare_matrix(points: Failpoints, patience: float | None) -> None:
    from bot.platforms.matrix import MatrixPlatform, behind, receiving, session

    install_on(points, MatrixPlatform)
    install_on_crypto_store(points)
    if patience is not None:
        session._TIMEOUT = receiving._GRACE = patience  # type: ignore[assignment]
        bot.engine.receiver.LONG_POLL = patience
        bot.engine.receiver.REFUSED = 4 * patience
        behind.PAGE = receiving.PAGE = SHORT_PAGE


async def _run(order: dict[str, Any]) -> None:
    quiet_logs()
    facts = order["clock"]
    clock = AffineClock(datetime.fromisoformat(facts["start"]), facts["real"], facts["speed"])
    # Simulated time is faster, so what looks at the clock at intervals must look more often.
    bot.engine.engine.TICK = min(1, max(0.05, 1 / clock.speed))  # type: ignore[assignment]
    bot.engine.engine.GLANCE = max(0.5, bot.engine.engine.GLANCE / clock.speed)  # type: ignore[assignment]
    bot.engine.outbox.IDLE = _BEAT
    bot.engine.workers.TICK = bot.engine.engine.TICK
    bot.engine.workers.ASTRAY *= max(1, clock.speed)
    then = None
    if order["prepare"]:
        module, _, name = order["prepare"].partition(":")
        then = getattr(importlib.import_module(module), name)(order["given"])
    app = await App.open(
        load(Path(order["config"])), clock, standby=order["standby"], worker=order["worker"]
    )
    if then is not None:
        then(app)
    await app.run()


if __name__ == "__main__":
    _serve()
