"""Named points on the way of a message at which the bot's process kills itself.

Installed in the bot's process by `tests.support.zygote`; the program knows nothing of it. A point
is named by the function that opened the transaction, and by what it was about where that is known, the
first thing of several: `due._as_one[incident]:before` is all statements done and not committed, `:after`
just committed. What is committed together (`bot.engine.together`) is named by the function that asked for
the first piece. A function with several transactions numbers them: `receiver._once.2`. A new place that
commits is a new point by itself.
"""

from __future__ import annotations

import contextlib
import dis
import inspect
import os
import signal
import sys
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from types import CodeType, FrameType, TracebackType
from typing import Any

from bot.engine.together import Together
from bot.platforms.base import Batch, Outgoing, Platform, Receipt
from storage.database import Database
from storage.transaction import Transaction


class Failpoints:
    """Writes down each point reached, and dies at the one whose turn has come.

    Args:
        trace: Where each point is appended, one line each, before anything else happens.
        armed: Point → at which time of reaching it to die; 0 is never.
        others: The same for points that `armed` does not name.
    """

    def __init__(self, trace: str, armed: Mapping[str, int], others: int) -> None:
        self._trace = os.open(trace, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._armed = armed
        self._others = others
        self._reached: Counter[str] = Counter()

    def reached(self, point: str) -> None:
        """We are there."""
        self._reached[point] += 1
        if self._reached[point] == self._armed.get(point, self._others):
            os.write(self._trace, f"{point} KILLED\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)
        with contextlib.suppress(OSError):  # a disk that a test has filled
            os.write(self._trace, f"{point}\n".encode())


def install(points: Failpoints, platform: type[Platform]) -> None:
    """Wrap the database's transactions and one platform's sending and receiving."""
    transaction = Database.transaction

    def named(self: Database, **how: bool) -> _Named:
        return _Named(transaction(self, **how), name_of(sys._getframe(1)), points)

    Database.transaction = named  # type: ignore[assignment,method-assign]
    install_on(points, platform)


def install_on(points: Failpoints, platform: type[Platform]) -> None:
    """Wrap one platform's sending and receiving."""
    send, receive = platform.send, platform.receive

    async def sending(self: Platform, message: Outgoing) -> Receipt:
        # The row is known to whoever attempts it, one function further out.
        name = f"send{_about(sys._getframe(1)) or _about(sys._getframe(2))}"
        points.reached(f"{name}:before")
        receipt = await send(self, message)
        points.reached(f"{name}:after")
        return receipt

    async def receiving(self: Platform, cursor: str | None, wait: float) -> Batch:
        batch = await receive(self, cursor, wait)
        if batch.events:
            points.reached("receive:after")  # fetched, and not stored
        return batch

    platform.send = sending  # type: ignore[method-assign]
    platform.receive = receiving  # type: ignore[method-assign]


def install_on_crypto_store(points: Failpoints) -> None:
    """Right before and after nio writes a key into the store, where others may not be written yet."""
    from bot.platforms.matrix.store import CryptoStore

    def watched(name: str) -> None:
        save = getattr(CryptoStore, name)

        def saving(self: Any, *args: Any) -> None:
            points.reached(f"store.{name}:before")
            save(self, *args)
            points.reached(f"store.{name}:after")

        setattr(CryptoStore, name, saving)

    for name in ("save_account", "save_session", "save_inbound_group_session", "save_device_keys"):
        watched(name)


class _Named:
    """A transaction that knows who opened it."""

    def __init__(self, inner: Any, name: str, points: Failpoints) -> None:
        self._inner = inner
        self._name = name
        self._points = points

    async def __aenter__(self) -> Transaction:
        transaction: Transaction = await self._inner.__aenter__()
        return transaction

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        if kind is None:
            self._points.reached(f"{self._name}:before")
        swallowed: bool | None = await self._inner.__aexit__(kind, error, trace)
        if kind is None:
            self._points.reached(f"{self._name}:after")
        return swallowed


def name_of(frame: FrameType) -> str:
    """The name of the point, for the frame in which a transaction is opened."""
    if frame.f_globals.get("__name__") == Together.__module__:
        pieces = frame.f_locals.get("pieces")
        return name_of_piece(pieces[0].work if pieces else frame.f_locals["work"])
    module = frame.f_globals.get("__name__", "?").rpartition(".")[2]
    calls = _calls(frame.f_code)
    number = ""
    if len(calls) > 1:
        number = f".{1 + sum(offset < frame.f_lasti for offset in calls[1:])}"
    return f"{module}.{frame.f_code.co_name}{number}{_about(frame)}"


def name_of_piece(work: Any) -> str:
    """The function that asked for it, and the lane of the row that it is about."""
    work = inspect.unwrap(work)
    code = work.__code__
    cells = zip(code.co_freevars, work.__closure__ or (), strict=True)
    row = {name: cell.cell_contents for name, cell in cells}.get("row")
    module = work.__module__.rpartition(".")[2]
    function = work.__qualname__.split(".<locals>")[0].rpartition(".")[2]
    return f"{module}.{function}" + (f"[{row.lane.name.lower()}]" if row is not None else "")


@lru_cache
def _calls(code: CodeType) -> tuple[int, ...]:
    """Where in the code a transaction is opened."""
    return tuple(
        line.offset for line in dis.get_instructions(code)
        if line.opname in ("LOAD_METHOD", "LOAD_ATTR") and line.argval == "transaction"
    )  # fmt: skip


def _about(frame: FrameType) -> str:
    """The timer's kind or the row's lane, where the function was given one."""
    given = frame.f_code.co_varnames[: frame.f_code.co_argcount]
    if "timer" in given:
        return f"[{frame.f_locals['timer'].kind}]"
    if "timers" in given:
        return f"[{frame.f_locals['timers'][0].kind}]"
    if "row" in given:
        return f"[{frame.f_locals['row'].lane.name.lower()}]"
    return ""
