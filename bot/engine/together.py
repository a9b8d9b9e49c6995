"""Small pieces of work that are committed together.

A commit waits for the disk, and takes as long as many statements. What is asked for while one is under
way goes into the next one: who asks alone waits no longer than with a transaction of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from storage.database import ALONE, Conflict, Database, Unavailable
from storage.fence import NotActing
from storage.transaction import Transaction

T = TypeVar("T")
Work = Callable[[Transaction], Awaitable[T]]

TURN = 0.02
"""Seconds after which what was done is committed: others have their turn, the event loop too."""


class _Alone(Exception):
    """Some piece of the transaction failed: each is done alone, so that none undoes another."""


@dataclass(eq=False, slots=True)
class _Piece:
    work: Work[Any]
    done: asyncio.Future[Any]


class Together:
    """Transactions of many pieces, one after the other.

    Args:
        pause: Seconds that the first piece waits for others: none of them, unless many are about to come.
    """

    def __init__(self, database: Database, pause: Callable[[], float] = lambda: 0.0) -> None:
        self._database = database
        self._pause = pause
        self._waiting: list[_Piece] = []
        self._task: asyncio.Task[None] | None = None

    async def do(self, work: Work[T]) -> T:
        """`work`, committed; it may be called again in another transaction, if the first one fails.

        Raises what it raises, and what `Database.transaction` does. Whoever is cancelled while others
        of its transaction go on may find it done.
        """
        if ALONE.get():
            async with self._database.transaction() as tx:
                return await work(tx)
        piece = _Piece(work, asyncio.get_running_loop().create_future())
        self._waiting.append(piece)
        if self._task is None:
            self._task = asyncio.create_task(self._go())
        try:
            done: T = await piece.done
        except _Alone:
            async with self._database.transaction() as tx:
                return await work(tx)
        return done

    async def _go(self) -> None:
        try:
            while self._waiting:
                if pause := self._pause():
                    await asyncio.sleep(pause)
                await self._some()
        finally:
            self._task = None
            for piece in self._waiting:  # only if this was cancelled: nobody comes any more
                piece.done.cancel()

    async def _some(self) -> None:
        """One transaction, of as many as have time."""
        clock = asyncio.get_running_loop().time
        pieces = [self._waiting.pop(0)]
        results: list[Any] = []
        try:
            async with self._database.transaction() as tx:
                until = clock() + TURN
                while True:
                    results.append(await pieces[-1].work(tx))
                    self._waiting = [piece for piece in self._waiting if not piece.done.done()]
                    if not self._waiting or clock() >= until:
                        break
                    pieces.append(self._waiting.pop(0))
        except Exception as error:
            passing = isinstance(error, NotActing | Unavailable) and not isinstance(error, Conflict)
            if passing:  # it would fare the same with the others
                pieces, self._waiting = [*pieces, *self._waiting], []
            for piece in pieces:
                if not piece.done.done():
                    piece.done.set_exception(error if passing or len(pieces) == 1 else _Alone())
        except BaseException:
            for piece in pieces:
                piece.done.cancel()
            raise
        else:
            for piece, result in zip(pieces, results, strict=True):
                if not piece.done.done():
                    piece.done.set_result(result)
