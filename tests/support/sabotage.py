"""What can break inside the bot's process, broken on purpose at a signal.

`prepare` is called in the child of `tests.support.zygote`; SIGUSR1 then does what was ordered. It
also makes the program's own patience as short as the simulated time is fast.
"""

from __future__ import annotations

import asyncio
import importlib
import signal
import time
from collections.abc import Callable
from typing import Any

import storage.database
from bot.app import App

PATIENCES = (
    "bot.engine.engine:LONGEST_TICK",
    "bot.engine.engine:LONGEST_SILENCE",
    "bot.engine.engine:LOOK_AGAIN",
    "bot.engine.receiver:LONG_POLL",
    "bot.engine.receiver:LONGEST_ROUND",
    "bot.engine.receiver:RETRY",
    "bot.engine.receiver:CATCH_UP",
    "bot.engine.receiver:FIRST_ANSWER",
    "bot.engine.outbox:LONGEST_ROUND",
    "bot.engine.audit:SETTLING",
    "bot.engine.audit:STOOD_STILL",
    "bot.engine.audit:ANSWER",
    "bot.engine.persist:WAITS",
    "bot.platforms.telegram.platform:_POLL_SLACK",
)
"""Seconds of the program that are about real time, each divided by the speed."""


def prepare(given: dict[str, Any]) -> Callable[[App], None]:
    """In the child."""
    for name in PATIENCES:
        module, _, constant = name.partition(":")
        home = importlib.import_module(module)
        value = getattr(home, constant)
        scaled = (
            tuple(each / given["speed"] for each in value)
            if isinstance(value, tuple)
            else value / given["speed"]
        )
        setattr(home, constant, scaled)
    busy = storage.database.BUSY_TIMEOUT_MS / given["speed"]
    storage.database.PRAGMAS["busy_timeout"] = round(busy)
    what = given.get("what")

    def ready(app: App) -> None:
        if what:
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGUSR1, lambda: BREAKS[what](app))

    return ready


async def _never(*_: object, **__: object) -> Any:
    await asyncio.Event().wait()


async def _dies(*_: object, **__: object) -> Any:
    raise RuntimeError("on purpose")


def _cancel(name: str) -> None:
    """The task of that coroutine ends without a word."""
    found = [t for t in asyncio.all_tasks() if t.get_coro().__qualname__ == name]  # type: ignore[union-attr]
    assert found, name
    for task in found:
        task.cancel()


def _put(thing: object, name: str, instead: Callable[..., Any]) -> None:
    assert hasattr(thing, name), name
    setattr(thing, name, instead)


BREAKS: dict[str, Callable[[App], object]] = {
    "loop_blocked": lambda app: time.sleep(3600),
    "auditor_hangs": lambda app: _put(app.engine.auditor, "_findings", _never),
    "auditor_dies": lambda app: _put(app.engine.auditor, "_findings", _dies),
    "dispatcher_hangs": lambda app: _put(app.engine._dispatchers[0], "_start_some", _never),
    "dispatcher_killed": lambda app: _cancel("Dispatcher.run"),
    "timers_hang": lambda app: _put(app.engine._due, "drain", _never),
    "timers_die": lambda app: _put(app.engine._due, "drain", _dies),
    "worker_killed": lambda app: _cancel("Engine._handle"),
    "receiver_hangs": lambda app: _put(app.platforms[0], "receive", _never),
    "fence_killed": lambda app: _cancel("Acting.keep"),
    "transaction_hangs": lambda app: asyncio.ensure_future(_hold(app)),
}
"""What is ordered, and how it is done."""


async def _hold(app: App) -> None:
    """One of our own transactions never ends, so that nobody else's begins."""
    async with app.database.transaction() as tx:
        await tx.facts.set("audit", b"")
        await asyncio.Event().wait()
