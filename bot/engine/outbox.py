"""Sending: claims rows of the outbox, urgent lanes first, and notes how each ended."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from weakref import WeakValueDictionary

import structlog

from bot.domain.arrival import LONG_WAIT, MUST_ARRIVE, hopeful
from bot.domain.lanes import Lane
from bot.domain.rich import Rich
from bot.engine.beats import Beats
from bot.engine.clock import Clock
from bot.engine.handling import Ended, Handlers
from bot.engine.pace import Pace
from bot.engine.persist import persist
from bot.engine.policy import Verdict, judge, wait
from bot.engine.together import Together
from bot.platforms.base import (
    Attachment,
    Button,
    ChatKind,
    Operation,
    Outgoing,
    Platform,
    Receipt,
    Result,
    Secrecy,
)
from storage.database import Database, Unavailable
from storage.fence import NotActing
from storage.outbox import FAILED, LEASED, SENT, UNKNOWN, WAITING, Row
from storage.transaction import Transaction

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=120)
"""Longer than any attempt to send may take."""

TARGET_WAIT = timedelta(seconds=1)
"""How long an edit waits for the message that it is about."""

URGENT = frozenset(Lane) - {Lane.BROADCAST}

URGENT_PLACES = 2
"""Places among the concurrent requests that broadcasts may not take."""

ATTEMPT = 90.0
"""Seconds after which an attempt is given up, whatever the platform does: less than the lease."""

SLOW = 5.0
"""Seconds from which on an attempt is slow: its place is another's, though it goes on."""

SLOW_PLACES = 2
"""How many times the concurrent requests chats whose last attempt was slow may take. They wait, and take
no place from the others; but a plan waits for each of them, so that they must not wait in a row."""

MOST_PLACES = SLOW_PLACES + 1
"""How many times the concurrent requests there may be at most, with those that are slow: a server that
never answers for some chats must leave places for the others."""

RECOVERY = 30.0
"""Seconds between two looks for rows whose sending was broken off."""

LONGEST_ROUND = 60.0
"""Seconds within which the outbox must have been looked at once."""

FINISH = 5.0
"""Seconds that the end of the process waits for what is just being sent."""

GATHER = 0.01
"""Seconds that the next look waits for more of the same, where so much is under way that there will be:
to look for one row takes as long as to look for eight."""

SOME = 4
"""Chats in which something is under way, from which on it does."""

GATHER_MORE = 0.02
"""The same where many are, and also for what is to be written down. Of what has left and is not written
down nobody knows after a crash: so only an installation that may send much at once (`[telegram] at_once`)
waits with that."""

MANY = 9
"""Chats in which something is under way there, one more than by default."""

HELP = 0.05
"""Seconds that other processes leave to the one that has queued something: if all look at once, each gets
one message, and each of those is a transaction of its own."""

IDLE = 1.0
"""Seconds after which the outbox is looked at even if nobody called."""

OTHER_FILE = Receipt(Result.REJECTED, reason="a file is gone or was changed")
"""What is noted of a row whose files are not those that it names."""

ENDS = {Verdict.DONE: (SENT, Ended.SENT), Verdict.FAILED: (FAILED, Ended.FAILED),
        Verdict.UNKNOWN: (UNKNOWN, Ended.UNKNOWN)}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rest:
    """A chat is left alone for a while because of how an attempt ended.

    `tried`: what waits behind it counts as tried, since it would have fared the same.
    """

    until: datetime
    result: Result
    tried: bool


@dataclass(frozen=True, slots=True, weakref_slot=True)
class _Opened:
    """A file that is leaving; gone from memory with the last attempt that holds it."""

    attachment: Attachment


class Dispatcher:
    """One platform's outgoing side.

    Args:
        pace: How fast it may be sent to.
        permit: Raises `NotActing` if nothing may be sent.
        hear: Called before anything is claimed, unless all is `heard`: what people wrote while the
            platform was away comes first. False if nothing may leave yet.
    """

    def __init__(
        self,
        database: Database,
        platform: Platform,
        handlers: Handlers,
        clock: Clock,
        pace: Pace,
        beats: Beats,
        permit: Callable[[], None],
        hear: Callable[[], Awaitable[bool]],
        heard: Callable[[], bool] = lambda: False,
    ) -> None:
        self._database = database
        self._together = Together(database, lambda: self._gathers() if self._crowded else 0.0)
        self._platform = platform
        self._handlers = handlers
        self._clock = clock
        self._pace = pace
        self._beats = beats
        self._permit = permit
        self._hear = hear
        self._heard = heard
        self._part = f"send.{platform.name}"
        self._call = asyncio.Event()
        self._helping: asyncio.TimerHandle | None = None
        self._busy: dict[bytes, asyncio.Task[None]] = {}
        """What is under way in each chat, which is named by its key here and below."""
        self._targets: dict[str, str] = {}
        """For rows about a message that had left when they were claimed: the platform's id of it."""
        self._broadcasts: set[bytes] = set()
        self._slow: set[bytes] = set()
        self._quiet_until: datetime | None = None
        self._sent = 0
        self._ending = False
        self._runs = False
        self._turn = asyncio.Lock()
        self._waits = {lane: asyncio.Lock() for lane in Lane}
        self._opening = asyncio.Lock()
        self._opened: WeakValueDictionary[tuple[str, str, str], _Opened] = WeakValueDictionary()

    def wake(self) -> None:
        """There may be something to send."""
        self._call.set()

    def help(self) -> None:
        """Another process has queued something: what it does not send within moments is ours."""
        if self._helping is None:
            self._helping = asyncio.get_running_loop().call_later(HELP, self._help)

    def _help(self) -> None:
        self._helping = None
        self._call.set()

    async def run(self) -> None:
        """Send for ever."""
        self._beats.expect(self._part, LONGEST_ROUND)
        self._runs = True
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
            await asyncio.sleep(self._gathers())
            if loop.time() - looked > RECOVERY:
                looked = loop.time()
                await persist(self._part, self.recover_expired)
            self._beats.beat(self._part)

    @property
    def _crowded(self) -> bool:
        return len(self._busy) >= MANY

    def _gathers(self) -> float:
        """Seconds to wait for more of the same."""
        if not self._runs or len(self._busy) < SOME:
            return 0.0
        return GATHER_MORE if self._crowded else GATHER

    async def finish(self) -> None:
        """Begin nothing more, and let what is under way end: broken off, it would be sent twice."""
        self._ending, self._runs = True, False
        if self._busy:
            under_way = set(self._busy.values())
            _, late = await asyncio.wait(under_way, timeout=FINISH)
            for task in late:
                task.cancel()
            await asyncio.wait(under_way)

    async def recover(self, owner: str = "") -> None:
        """What the process before us, or a worker that ended (`owner`), began to send and did not
        finish.

        A broadcast is marked right before it leaves: one that was only claimed has not left. Of
        everything else nobody knows.
        """
        async with self._database.transaction() as tx:
            rows = await tx.outbox.expired(
                self._platform.name, self._clock.now(), all_leases=True, owner=owner
            )
        await self._broken_off(rows)

    async def recover_expired(self) -> None:
        """The same for rows of our own whose sending broke off in a way that nobody foresaw."""
        async with self._database.transaction() as tx:
            rows = await tx.outbox.expired(self._platform.name, self._clock.now())
        await self._broken_off([row for row in rows if row.chat_key not in self._busy])

    async def _broken_off(self, rows: Sequence[Row]) -> None:
        for row in rows:
            if row.state == LEASED and self._is_marked(row):
                await self._give_back([row], self._clock.now(), "restart")
            else:
                await self._write_down(row, Receipt(Result.AMBIGUOUS, reason="restart"))

    async def _give_back(
        self, rows: Sequence[Row], at: datetime, why: str, *, tried: bool = False
    ) -> None:
        """They were claimed and have not left."""
        async with self._database.transaction() as tx:
            for row in rows:
                await tx.outbox.again(row.key, at, why, tried=tried)

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
            if self._quiet() is not None:
                return False
            if self._free() <= 0:
                return False
            # All in one transaction: one that failed in between would leave what was claimed before
            # to its lease.
            async with self._database.transaction(claims=True) as tx:
                lanes = await tx.outbox.lanes(self._platform.name, self._clock.now())
                heard = self._heard()
                rows = await self._claim(tx, lanes) if lanes and heard else []
            if lanes and not heard:
                # An alarm may be needless by what its subject wrote while the platform was away.
                if not await self._hear():
                    return False
                async with self._database.transaction(claims=True) as tx:
                    rows = await self._claim(tx, lanes)
            in_chats = sorted(rows, key=lambda r: r.chat_key)
            for chat, of_chat in groupby(in_chats, key=lambda r: r.chat_key):
                self._send_to(chat, sorted(of_chat, key=lambda r: (r.lane, r.seq)))
            return bool(rows)

    def _free(self) -> int:
        """How many chats may be begun with. Those that are slow hold no place of others."""
        places = self._platform.limits.concurrency
        quick = len(self._busy.keys() - self._slow)
        return min(places - quick, MOST_PLACES * places - len(self._busy))

    async def _claim(self, tx: Transaction, waiting: Collection[Lane]) -> list[Row]:
        """What fits into the free places: urgent rows of quick chats, of slow ones, and broadcasts."""
        places, free = self._platform.limits.concurrency, self._free()
        taken = set(self._busy)
        slow = places * SLOW_PLACES - len(self._slow & taken)
        broadcasts = places - URGENT_PLACES - len(self._broadcasts)
        rows: list[Row] = []
        for most, lanes, without in (
            (free, URGENT, self._slow),
            (slow if self._slow else 0, URGENT, set[bytes]()),
            (broadcasts, {Lane.BROADCAST}, set[bytes]()),
        ):
            limit = min(most, free)
            if limit > 0 and not lanes.isdisjoint(waiting):
                claimed = await tx.outbox.claim(
                    self._platform.name,
                    self._clock.now(),
                    limit=limit,
                    lease=LEASE,
                    lanes=lanes,
                    without_chats=taken | without,
                )
                rows += claimed
                chats = {row.chat_key for row in claimed}
                taken |= chats
                free -= len(chats)
        for row in rows:
            left_as = await tx.outbox.left_as(row.target) if row.target else None
            if left_as is not None:
                self._targets[row.key] = left_as
        return rows

    def _send_to(self, chat: bytes, rows: list[Row]) -> None:
        """One chat's messages, in their order, while other chats have theirs."""

        async def go() -> None:
            try:
                for number, row in enumerate(rows):
                    rest = await self._send(row)
                    if rest is not None:
                        # The others of this chat would fare the same: they do not even ask.
                        behind = rows[number + 1 :]
                        await persist(self._part, partial(self._held, row.chat, behind, rest))
                        return
            except Exception as error:  # a lease gives the row back
                log.error("outbox.failed", error=type(error).__name__)
            finally:
                for row in rows:
                    self._targets.pop(row.key, None)
                self._busy.pop(chat, None)
                self._broadcasts.discard(chat)
                self._call.set()

        if any(row.lane is Lane.BROADCAST for row in rows):
            self._broadcasts.add(chat)
        self._busy[chat] = asyncio.create_task(go())

    async def _send(self, row: Row) -> Rest | None:
        """Try once, and write down how it ended. Returns how long its chat is to be left alone."""
        message = await persist(self._part, lambda: self._message(row))
        if message is None:
            return None
        kept: list[_Opened] | None = []
        if "kept" in row.body:
            kept = await persist(self._part, lambda: self._kept(row))
            if kept is None:
                # Gone, or not the bytes that people agreed to: neither is sent, nor the words alone.
                log.error("outbox.other_file", platform=row.platform, row=row.seq)
                await persist(self._part, lambda: self._write_down(row, OTHER_FILE))
                self._sent += 1
                return None
            opened = tuple(file.attachment for file in kept)
            message = replace(message, attachments=message.attachments + opened)
        if message.operation not in (Operation.TOAST, Operation.DECIDE):
            quiet = await self._its_turn(row.lane, row.chat, ChatKind(row.chat_kind))
            if quiet is not None:
                await persist(self._part, lambda: self._give_back([row], quiet, "quiet"))
                return Rest(quiet, Result.LIMITED, tried=False)
        if not await persist(self._part, lambda: self._begins(row)):
            return None
        receipt = await self._attempt(row.chat_key, message)
        # What the platform said is known here alone: it is kept until the database takes it.
        await persist(self._part, lambda: self._write_down(row, receipt))
        self._sent += 1
        now, pause = self._clock.now(), timedelta(seconds=receipt.retry_after)
        if receipt.result is Result.LIMITED:
            if receipt.whole_platform:
                # Nobody asks meanwhile, so that the most urgent asks first; but a plan that waits
                # for an alarm must learn soon that the pause is long.
                self._quiet_until = now + min(pause, LONG_WAIT)
            return Rest(now + pause, Result.LIMITED, tried=not receipt.whole_platform)
        if row.chat_key in self._slow:
            pause = wait(receipt.result, row.attempts, idempotent=self._platform.idempotent)
            return Rest(now + pause, receipt.result, tried=True)
        return None

    async def _its_turn(self, lane: Lane, chat: str, kind: ChatKind) -> datetime | None:
        """Wait until it may leave by the pace. Returns until when the platform wants to hear nothing,
        if that was learned meanwhile."""
        # No other message of this chat is under way (`_busy`): what it has to spare is left to it.
        while delay := self._pace.chat_delay(chat, kind):
            await asyncio.sleep(delay)
        # One of each lane waits for the platform, and who comes after it waits for that one: a hundred
        # that woke for each place would take more of the processor than their messages.
        async with self._waits[lane]:
            while delay := self._pace.delay(lane):
                await asyncio.sleep(delay)
            quiet = self._quiet()
            if quiet is None:
                self._pace.spend(chat, kind)
            return quiet

    def _quiet(self) -> datetime | None:
        """Until when the whole platform wants to hear nothing of us; None if it listens."""
        until, now = self._quiet_until, self._clock.now()
        # Later than any pause of ours would be by a clock that was set.
        return until if until is not None and now < until <= now + LONG_WAIT else None

    async def _attempt(self, chat: bytes, message: Outgoing) -> Receipt:
        """Hand it to the platform. A chat that is slow is remembered until it is quick again."""
        loop = asyncio.get_running_loop()
        slow = loop.call_later(SLOW, self._is_slow, chat)
        began = loop.time()
        try:
            async with asyncio.timeout(ATTEMPT):
                receipt = await self._platform.send(message)
        except TimeoutError:
            receipt = Receipt(Result.AMBIGUOUS, reason="no end")
        except Exception as error:  # a platform promises not to raise: a defect, not of the row
            log.error("outbox.defect", platform=self._platform.name, error=type(error).__name__)
            receipt = Receipt(Result.AMBIGUOUS, reason=type(error).__name__)
        finally:
            slow.cancel()
        if receipt.result is Result.SENT or loop.time() - began < SLOW:
            self._slow.discard(chat)
        return receipt

    def _is_slow(self, chat: bytes) -> None:
        self._slow.add(chat)
        self._call.set()  # its place is free

    async def _write_down(self, row: Row, receipt: Receipt) -> None:
        """How the attempt ended, with what the handlers do about it.

        A handler that fails must not undo what is known of the row: it would be sent for ever.
        """
        for tell in (True, False):
            try:
                await self._together.do(
                    lambda tx, tell=tell: self._note(tx, row, receipt, tell=tell)  # type: ignore[misc]
                )
                return
            except Unavailable:
                raise
            except Exception as error:
                if not tell:
                    raise
                log.error("outbox.not_told", row=row.seq, error=type(error).__name__)

    async def _held(self, chat: str, rows: Sequence[Row], rest: Rest) -> None:
        """Rows behind one whose chat is to be left alone: claimed with it, or not claimed yet."""
        if rows:
            await self._give_back(rows, rest.until, rest.result, tried=rest.tried)
        if not rest.tried:
            return
        async with self._database.transaction() as tx:
            unclaimed = await tx.outbox.pass_over(
                self._platform.name, chat, self._clock.now(), rest.until
            )
        for row in (*rows, *unclaimed):
            async with self._database.transaction() as tx:
                await self._hope(tx, row, row.attempts, rest.until, rest.result)

    async def _begins(self, row: Row) -> bool:
        """The last look before it leaves. False if this process may not send it (any more)."""
        try:
            self._permit()
        except NotActing:
            at = self._clock.now() + TARGET_WAIT
            await persist(self._part, lambda: self._give_back([row], at, "not acting"))
            return False
        if self._ending:
            return False  # the next process finds it leased, and goes on
        if not self._is_marked(row):
            return True
        return await self._together.do(lambda tx: tx.outbox.begin(row.key))

    async def _message(self, row: Row) -> Outgoing | None:
        """What to hand to the platform; None if the message it is about has not left, or never will."""
        target = str(row.body.get("target", ""))
        if row.target:
            found = self._targets.get(row.key) or await self._together.do(
                lambda tx: self._target(tx, row)
            )
            if found is None:
                return None
            target = found
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
            attachments=tuple(
                Attachment(name, mime, base64.b64decode(content))
                for name, mime, content in row.body.get("files", [])
            ),
            silent=bool(row.body.get("silent", False)),
            secrecy=Secrecy(row.body.get("secrecy", Secrecy.MINIMAL)),
        )

    async def _target(self, tx: Transaction, row: Row) -> str | None:
        """The platform's id of what it is about; None if that has not left, or never will."""
        original = await tx.outbox.get(row.target)
        if original is not None and original.state in WAITING:
            # It was given back after this was claimed: an edit never overtakes it.
            at = self._clock.now() + TARGET_WAIT
            await tx.outbox.again(row.key, at, "waits for its target", tried=False)
            return None
        if row.operation != Operation.SEND and (original is None or not original.message_id):
            await tx.outbox.finish(row, FAILED, self._clock.now(), error="no target")
            self._sent += 1
            return None
        # What it answers to may be gone; it says the same by itself.
        return original.message_id if original is not None else ""

    async def _kept(self, row: Row) -> list[_Opened] | None:
        """The files that the row names, as they are kept; None unless all are what it says."""
        kept: list[_Opened] = []
        for id, name, mime, digest in row.body.get("kept", []):
            # Once for all chats to which it is leaving just now, so that a broadcast takes no more
            # memory than one message.
            async with self._opening:
                file = self._opened.get((name, mime, digest))
                if file is None:
                    async with self._database.transaction() as tx:
                        content = await tx.files.content(id, digest)
                    if content is None:
                        return None
                    file = _Opened(Attachment(name, mime, content))
                    self._opened[name, mime, digest] = file
            kept.append(file)
        return kept

    async def _note(self, tx: Transaction, row: Row, receipt: Receipt, *, tell: bool) -> None:
        """Write down how the attempt ended, and tell the handlers what is news to them."""
        now = self._clock.now()
        verdict = judge(
            receipt.result,
            lane=row.lane,
            operation=Operation(row.operation),
            idempotent=self._platform.idempotent,
        )
        moved = receipt.new_chat if receipt.new_chat != row.chat else ""
        match verdict:
            case Verdict.AGAIN | Verdict.LATER | Verdict.MOVE:
                pause = wait(
                    receipt.result, row.attempts, idempotent=self._platform.idempotent
                )
                if verdict is Verdict.LATER:
                    pause = timedelta(seconds=receipt.retry_after)
                ours = await tx.outbox.again(row.key, now + pause, receipt.result)
                if ours and tell:
                    await self._hope(tx, row, row.attempts, now + pause, receipt.result)
                if verdict is Verdict.LATER and not receipt.whole_platform:
                    held = await tx.outbox.hold_chat(row.platform, row.chat, now + pause)
                    for other in held if tell else ():
                        await self._hope(tx, other, other.attempts, now + pause, receipt.result)
            case _:
                state, end = ENDS[verdict]
                finished = await tx.outbox.finish(
                    row, state, now, message_id=receipt.message_id, error=receipt.reason
                )
                if finished and row.body.get("files"):
                    await tx.outbox.drop_files(row)
                if finished and tell:
                    await self._handlers.ended(tx, row, end, receipt.result, now)
        if moved:
            await tx.outbox.move_chat(row.platform, row.chat, moved)
            if tell:
                await self._handlers.migrated(tx, row.platform, row.chat, moved)
        if receipt.result not in (Result.SENT, Result.GONE):
            log.warning(
                "outbox.attempt",
                platform=row.platform,
                row=row.seq,
                result=receipt.result,
                verdict=verdict.name,
            )

    async def _hope(
        self, tx: Transaction, row: Row, attempts: int, next_at: datetime, result: Result
    ) -> None:
        """What does not get through is news for whoever waits for it, long before it is given up."""
        now = self._clock.now()
        urgent = row.lane in MUST_ARRIVE and row.operation == Operation.SEND
        if urgent and not hopeful(attempts=attempts, age=now - row.created_at, wait=next_at - now):
            await self._handlers.ended(tx, row, Ended.STUCK, result, now)
