"""Sending: claims rows of the outbox, urgent lanes first, and notes how each ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import groupby

import structlog

from bot.domain.lanes import Lane
from bot.domain.rich import Rich
from bot.engine.acting import NotActing
from bot.engine.beats import Beats
from bot.engine.clock import Clock
from bot.engine.handling import Ended, Handlers
from bot.engine.pace import Pace
from bot.engine.persist import persist
from bot.engine.policy import Rule, Verdict, judge, wait
from bot.platforms.base import (
    Button,
    ChatKind,
    Operation,
    Outgoing,
    Platform,
    Receipt,
    Result,
    Secrecy,
)
from storage.database import Database
from storage.outbox import FAILED, LEASED, QUEUED, SENT, UNKNOWN, WAITING, Row
from storage.transaction import Transaction

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=120)
"""Longer than any attempt to send may take."""

TARGET_WAIT = timedelta(seconds=1)
"""How long an edit waits for the message that it is about."""

URGENT_PLACES = 2
"""Places among the concurrent requests that broadcasts may not take."""

STUCK_TRIES = 4
"""Failed attempts after which an alarm counts as stuck: some seven seconds."""

LONG_LIMIT = 30.0
"""Seconds of a chat's ordered silence from which an alarm to it counts as stuck at once."""

RECOVERY = 30.0
"""Seconds between two looks for rows whose sending was broken off."""

IDLE = 1.0
"""Seconds after which the outbox is looked at even if nobody called."""

ENDS = {Verdict.DONE: (SENT, Ended.SENT), Verdict.FAILED: (FAILED, Ended.FAILED),
        Verdict.UNKNOWN: (UNKNOWN, Ended.UNKNOWN)}  # fmt: skip


class Dispatcher:
    """One platform's outgoing side."""

    def __init__(
        self,
        database: Database,
        platform: Platform,
        handlers: Handlers,
        clock: Clock,
        pace: Pace,
        beats: Beats,
        permit: Callable[[], None],
    ) -> None:
        self._database = database
        self._platform = platform
        self._handlers = handlers
        self._clock = clock
        self._pace = pace
        self._beats = beats
        self._permit = permit
        self._part = f"send.{platform.name}"
        self._call = asyncio.Event()
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._broadcasts: set[str] = set()
        self._sent = 0
        self._turn = asyncio.Lock()

    def wake(self) -> None:
        """There may be something to send."""
        self._call.set()

    async def run(self) -> None:
        """Send for ever."""
        self._beats.expect(self._part, 60)
        await persist(self._part, self.recover)
        loop = asyncio.get_running_loop()
        looked = loop.time()
        while True:
            self._call.clear()
            if not await persist(self._part, self._start_some):
                try:
                    async with asyncio.timeout(IDLE):
                        await self._call.wait()
                except TimeoutError:
                    pass
            if loop.time() - looked > RECOVERY:
                looked = loop.time()
                await persist(self._part, self.recover_expired)
            self._beats.beat(self._part)

    async def recover(self) -> None:
        """What the process before us began to send and did not finish.

        A broadcast is marked right before it leaves: one that was only claimed has not left. Of
        everything else nobody knows.
        """
        async with self._database.transaction() as tx:
            rows = await tx.outbox.expired(self._platform.name, self._clock.now(), all_leases=True)
            await self._broken_off(tx, rows)

    async def recover_expired(self) -> None:
        """The same for rows of our own whose sending broke off in a way that nobody foresaw."""
        async with self._database.transaction() as tx:
            rows = await tx.outbox.expired(self._platform.name, self._clock.now())
            await self._broken_off(tx, [row for row in rows if row.chat not in self._busy])

    async def _broken_off(self, tx: Transaction, rows: Sequence[Row]) -> None:
        for row in rows:
            if row.state == LEASED and self._is_marked(row):
                await tx.outbox.again(row.key, self._clock.now(), "restart")
            else:
                await self._note(tx, row, Receipt(Result.AMBIGUOUS, reason="restart"))

    def _is_marked(self, row: Row) -> bool:
        """Whether a row of this kind is marked before it leaves, since it must not go twice."""
        return row.lane is Lane.BROADCAST and not self._platform.idempotent

    async def drain(self) -> int:
        """Send everything that may leave now, and wait for it. Returns how many rows ended."""
        before = self._sent
        while True:
            started = await self._start_some()
            if self._busy:
                await asyncio.wait(self._busy.values(), return_when=asyncio.FIRST_COMPLETED)
            elif not started:
                return self._sent - before

    async def _start_some(self) -> bool:
        """Claim what fits into the free places and begin to send it."""
        async with self._turn:
            free = self._platform.limits.concurrency - len(self._busy)
            if free <= 0:
                return False
            lanes = [lane for lane in Lane if lane is not Lane.BROADCAST]
            rows = await self._claim(free, lanes)
            free -= len({row.chat for row in rows})
            taken = set(self._busy) | {row.chat for row in rows}
            places = min(
                free, self._platform.limits.concurrency - URGENT_PLACES - len(self._broadcasts)
            )
            if places > 0:
                rows += await self._claim(places, [Lane.BROADCAST], taken)
            for chat, of_chat in groupby(sorted(rows, key=lambda r: r.chat), key=lambda r: r.chat):
                self._send_to(chat, sorted(of_chat, key=lambda r: (r.lane, r.seq)))
            return bool(rows)

    async def _claim(
        self, limit: int, lanes: Sequence[Lane], busy: set[str] | None = None
    ) -> list[Row]:
        async with self._database.transaction() as tx:
            return await tx.outbox.claim(
                self._platform.name,
                self._clock.now(),
                limit=limit,
                lease=LEASE,
                lanes=lanes,
                without_chats=busy if busy is not None else set(self._busy),
            )

    def _send_to(self, chat: str, rows: list[Row]) -> None:
        """One chat's messages, in their order, while other chats have theirs."""

        async def go() -> None:
            try:
                for row in rows:
                    await self._send(row)
            except Exception as error:  # a lease gives the row back
                log.error("outbox.failed", error=type(error).__name__)
            finally:
                self._busy.pop(chat, None)
                self._broadcasts.discard(chat)
                self._call.set()

        if any(row.lane is Lane.BROADCAST for row in rows):
            self._broadcasts.add(chat)
        self._busy[chat] = asyncio.create_task(go())

    async def _send(self, row: Row) -> None:
        message = await self._message(row)
        if message is None:
            return
        kind = ChatKind(row.chat_kind)
        if message.operation not in (Operation.TOAST, Operation.DECIDE):
            while delay := self._pace.delay(row.lane, row.chat, kind):
                await asyncio.sleep(delay)
            self._pace.spend(row.chat, kind)
        if not await self._begins(row):
            return
        try:
            receipt = await self._platform.send(message)
        except Exception as error:  # a platform promises not to raise: a defect, not of the row
            log.error("outbox.defect", platform=self._platform.name, error=type(error).__name__)
            receipt = Receipt(Result.AMBIGUOUS, reason=type(error).__name__)
        # What the platform said is known here alone: it is kept until the database takes it.
        await persist(self._part, lambda: self._write_down(row, receipt))
        self._sent += 1

    async def _write_down(self, row: Row, receipt: Receipt) -> None:
        async with self._database.transaction() as tx:
            await self._note(tx, row, receipt)

    async def _begins(self, row: Row) -> bool:
        """The last look before it leaves. False if this process may not send it (any more)."""
        try:
            self._permit()
        except NotActing:
            async with self._database.transaction() as tx:
                await tx.outbox.again(row.key, self._clock.now() + TARGET_WAIT, "not acting")
            return False
        if not self._is_marked(row):
            return True
        async with self._database.transaction() as tx:
            return await tx.outbox.begin(row.key)

    async def _message(self, row: Row) -> Outgoing | None:
        """What to hand to the platform; None if the message it is about has not left, or never will."""
        target = str(row.body.get("target", ""))
        if row.target:
            async with self._database.transaction() as tx:
                original = await tx.outbox.get(row.target)
                if original is not None and original.state in WAITING:
                    # In its own order again, so that an edit never overtakes what it edits.
                    at = self._clock.now() + (
                        TARGET_WAIT if original.state == QUEUED else timedelta(0)
                    )
                    await tx.outbox.again(row.key, at, "waits for its target")
                    return None
                if original is None or not original.message_id:
                    now = self._clock.now()
                    await tx.outbox.finish(row.key, FAILED, now, error="no target")
                    self._sent += 1
                    return None
            target = original.message_id
        return Outgoing(
            key=row.key,
            chat=row.chat,
            operation=Operation(row.operation),
            text=Rich.from_json(row.body.get("text", [])),
            buttons=tuple(
                tuple(Button(label, data, number) for label, data, number in line)
                for line in row.body.get("buttons", [])
            ),
            target=target,
            silent=bool(row.body.get("silent", False)),
            secrecy=Secrecy(row.body.get("secrecy", Secrecy.MINIMAL)),
        )

    async def _note(self, tx: Transaction, row: Row, receipt: Receipt) -> None:
        """Write down how the attempt ended, and tell the handlers if it was the last."""
        now = self._clock.now()
        rule = judge(
            receipt.result,
            lane=row.lane,
            operation=Operation(row.operation),
            idempotent=self._platform.idempotent,
        )
        match rule.verdict:
            case Verdict.AGAIN:
                at = now + wait(receipt.result, row.attempts)
                if await tx.outbox.again(row.key, at, receipt.result):
                    await self._stuck(tx, row, receipt, rule)
            case Verdict.LATER:
                at = now + timedelta(seconds=receipt.retry_after)
                ours = await tx.outbox.again(row.key, at, receipt.result)
                await tx.outbox.hold_chat(row.platform, row.chat, at)
                if ours and receipt.retry_after >= LONG_LIMIT:
                    await self._stuck(tx, replace(row, attempts=STUCK_TRIES), receipt, rule)
            case Verdict.MOVE:
                await tx.outbox.again(row.key, now, receipt.result)
                await tx.outbox.move_chat(row.platform, row.chat, receipt.new_chat)
                await self._handlers.migrated(tx, row.platform, row.chat, receipt.new_chat)
            case verdict:
                state, end = ENDS[verdict]
                finished = await tx.outbox.finish(
                    row.key, state, now, message_id=receipt.message_id, error=receipt.reason
                )
                if receipt.new_chat and receipt.new_chat != row.chat:
                    await tx.outbox.move_chat(row.platform, row.chat, receipt.new_chat)
                    await self._handlers.migrated(tx, row.platform, row.chat, receipt.new_chat)
                if finished:
                    await self._handlers.ended(tx, row, end, receipt.result, now)
        if receipt.result not in (Result.SENT, Result.GONE):
            log.warning(
                "outbox.attempt",
                platform=row.platform,
                row=row.seq,
                result=receipt.result,
                verdict=rule.verdict.name,
            )

    async def _stuck(self, tx: Transaction, row: Row, receipt: Receipt, rule: Rule) -> None:
        """An alarm that does not get through is news for its plan long before it is given up.

        So is a channel on which nobody hears us, whatever was to be said there.
        """
        news = rule.dead and row.error != receipt.result
        if news or (row.lane is Lane.ALARM and row.attempts == STUCK_TRIES):
            await self._handlers.ended(tx, row, Ended.STUCK, receipt.result, self._clock.now())
