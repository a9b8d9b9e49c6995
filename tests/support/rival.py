"""One of two bots that want to act, inside its process: what it did, and when, for a proof to judge.

`Rival` is the test's side of the file that the child writes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import sqlalchemy as sa
from aiohttp.abc import AbstractStreamWriter

import storage.fence
import storage.transaction
from bot.engine.acting import Acting
from bot.platforms.telegram.transport import Body
from storage.database import Database
from storage.transaction import Transaction

LONG = 0.1
"""Seconds between the last look and the bytes from which on the process was frozen in between."""



class Rival:
    """What one process wrote down; times are the machine's."""

    def __init__(self, witness: Path) -> None:
        self._witness = witness

    def _lines(self, kind: str) -> list[list[str]]:
        if not self._witness.exists():
            return []
        lines = [line.split() for line in self._witness.read_text("ascii").splitlines()]
        return [words[1:] for words in lines if words[0] == kind]

    def took(self) -> dict[int, float]:
        """When it began to act, by the number that it got."""
        return {int(number): float(at) for at, number in self._lines("acting")}

    def commits(self) -> list[float]:
        """When each transaction began that it committed, those of the fence itself left out."""
        return [float(at) for (at,) in self._lines("commit")]

    def windows(self) -> list[tuple[float, float]]:
        """Last look and bytes, where it was frozen in between."""
        return [(float(a), float(b)) for a, b in self._lines("window")]

    def refusals(self) -> int:
        """How often the last look before the bytes refused."""
        return len(self._lines("refused"))


def prepare(given: dict[str, Any]) -> None:
    """In the child. `without` takes away a part of the fence, to see that the proof needs it."""
    out = os.open(given["witness"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(kind: str, *facts: object) -> None:
        os.write(out, f"{kind} {' '.join(map(str, facts))}\n".encode("ascii"))

    _witness_taking(note)
    _witness_commits(note)
    _witness_bytes(note)
    for part in given["without"]:
        if part == "fence":
            for home in (storage.fence, storage.transaction):
                vars(home)["acting"] = lambda number, name: sa.true()
        elif part == "permit":
            Acting.permit = lambda self: None  # type: ignore[method-assign]


def _witness_taking(note: Callable[..., None]) -> None:
    take = Acting.take

    async def taking(self: Acting, **how: Any) -> None:
        await take(self, **how)
        note("acting", time.time(), self._database.fence)

    Acting.take = taking  # type: ignore[method-assign]


def _witness_commits(note: Callable[..., None]) -> None:
    transaction = Database.transaction

    class Witnessed:
        def __init__(self, inner: Any) -> None:
            self._inner = inner

        async def __aenter__(self) -> Transaction:
            found: Transaction = await self._inner.__aenter__()
            self._began = time.time()
            return found

        async def __aexit__(
            self,
            kind: type[BaseException] | None,
            error: BaseException | None,
            trace: TracebackType | None,
        ) -> bool | None:
            swallowed: bool | None = await self._inner.__aexit__(kind, error, trace)
            if kind is None:
                note("commit", self._began)
            return swallowed

    def witnessed(self: Database, *, fenced: bool = True, claims: bool = False) -> Any:
        inner = transaction(self, fenced=fenced, claims=claims)
        return Witnessed(inner) if fenced and self.fence is not None else inner

    Database.transaction = witnessed  # type: ignore[method-assign]


def _witness_bytes(note: Callable[..., None]) -> None:
    write_piece = Body.write_piece

    async def writing(self: Body, writer: AbstractStreamWriter, piece: bytes) -> None:
        permit, looked = self._permit, 0.0

        def looking() -> None:
            nonlocal looked
            try:
                permit()
            except RuntimeError:
                note("refused", time.time())
                raise
            looked = time.time()

        self._permit = looking
        try:
            await write_piece(self, writer, piece)
        finally:
            self._permit = permit
        if time.time() - looked > LONG:
            note("window", looked, time.time())

    Body.write_piece = writing  # type: ignore[method-assign]
