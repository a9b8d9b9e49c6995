"""The shut-off: what can be done from a terminal when the machine, or who runs it, may be taken.

In the order of what must not be lost to an interruption: the running bot stops, the members hear that
nothing it says is to be believed any more, its sessions on the platforms end, and the key goes. The
rest is done by people: docs/en/shutdown.md.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from bot.app import new_token, platforms_of
from bot.config import Config
from bot.engine.acting import Acting
from bot.engine.clock import SystemClock
from bot.engine.clock import steady as real_steady
from bot.platforms.base import Operation, Outgoing, Platform, PlatformError, Result
from bot.texts import Texts
from storage.database import Database
from storage.keys import KeyFile, KeySource
from storage.people import Reach

Say = Callable[[str], None]
"""Shows one line to the operator; it names nobody."""

WORDS = frozenset({"apagar", "shut off"})
"""What is typed to confirm."""

TELLING = 120.0
"""Seconds that telling the members may take: after that the sessions end, whoever has heard."""

RETRY = 1.0
"""Seconds until a member is tried again where the platform wants quiet or does not answer."""

TRIES = 5


async def shut_off(
    config: Config, keys: KeySource, say: Say, *, rehearse: bool = False, destroy: bool = False
) -> bool:
    """Do what can be done, whatever else fails. Returns whether all of it was.

    `rehearse` looks whether each step could be done and changes nothing; `destroy` takes the wrapped
    data keys as well, after which no copy of the key file opens this database again.
    """
    clock = SystemClock()
    database = Database(config.database.url, keys)
    acting = Acting(database, clock, real_steady, timedelta(seconds=config.fence.lease))
    await database.open()
    async with database.transaction() as tx:
        people = await tx.people.reachable()
    if rehearse:
        return await _rehearsed(config, database, people, say)
    async with database.transaction() as tx:
        await tx.fence.end_all()
    await acting.take(wait=True)
    keeping = asyncio.create_task(acting.keep())
    say("The bot that was running has stopped.")
    done = True
    platforms: list[Platform] = []
    for platform in platforms_of(config, database, clock, acting.permit):
        try:
            await platform.start()
            await platform.receive(None, 0.0)  # unconfirmed; some know their rooms only after it
            platforms.append(platform)
        except PlatformError as error:
            say(f"{platform.name}: NOT reached ({error})")
            done = False
    try:
        async with asyncio.timeout(TELLING):
            told = await _tell(config, platforms, people)
    except TimeoutError:
        told = Counter()
        done = False
        say(f"Telling the members was broken off after {TELLING:.0f} s.")
    for name in sorted({p.platform for p in people}):
        reached, known = told[name], sum(p.platform == name for p in people)
        say(f"{name}: {reached} of {known} accounts were told.")
        done &= reached == known
    for platform in platforms:
        try:
            await platform.sign_off()
            say(f"{platform.name}: signed off.")
        except PlatformError as error:
            say(f"{platform.name}: NOT signed off ({error})")
            done = False
        await platform.stop()
    if destroy:
        async with database.transaction() as tx:
            await tx.forget_data_keys()
            tx.wipe_log = True
        say("The data keys are erased: no copy of the master key opens this database again.")
    keeping.cancel()
    await acting.let_go()
    await database.close()
    return _key_gone(config, say) and done


async def _rehearsed(
    config: Config, database: Database, people: Sequence[Reach], say: Say
) -> bool:
    """What would be done, and whether it could be."""
    done = True
    for name, count in sorted(Counter(p.platform for p in people).items()):
        say(f"{name}: {count} accounts would be told.")
    for platform in platforms_of(config, database, SystemClock()):
        if platform.name == "matrix":
            say("matrix: would be signed off. Not tried: its session is the running bot's.")
            continue
        try:
            await platform.start()
            say(f"{platform.name}: the server knows this bot; it would be signed off.")
        except PlatformError as error:
            say(f"{platform.name}: CANNOT be reached ({error})")
            done = False
        await platform.stop()
    if config.keys.passphrase:
        say("keys: there is no key file; the bot would be locked.")
    elif os.access(config.keys.file.parent, os.W_OK):
        say("keys: the key file would be erased. Where is its copy?")
    else:
        say("keys: the key file CANNOT be erased by this account.")
        done = False
    await database.close()
    return done


async def _tell(
    config: Config, platforms: Sequence[Platform], people: Sequence[Reach]
) -> Counter[str]:
    """Each account once, as fast as its platform takes it. Returns how many heard, by platform."""
    told: Counter[str] = Counter()

    async def one(platform: Platform, to: Reach, places: asyncio.Semaphore) -> None:
        words = Texts(to.language, to.zone, SystemClock().now()).render("shut_off.members")
        message = Outgoing(new_token(), to.chat, Operation.SEND, words)
        for _ in range(TRIES):
            async with places:
                receipt = await platform.send(message)
            if receipt.result is Result.SENT:
                told[to.platform] += 1
                return
            if receipt.result in (Result.BLOCKED, Result.REJECTED, Result.GONE, Result.REVOKED):
                return
            await asyncio.sleep(max(receipt.retry_after, RETRY))

    async with asyncio.TaskGroup() as tasks:
        for platform in platforms:
            places = asyncio.Semaphore(platform.limits.concurrency)
            for to in people:
                if to.platform == platform.name:
                    tasks.create_task(one(platform, to, places))
    return told


def _key_gone(config: Config, say: Say) -> bool:
    """The key file and the crypto store of Matrix are overwritten and removed."""
    if config.matrix is not None and config.matrix.store.exists():
        shutil.rmtree(config.matrix.store, ignore_errors=True)
        say("matrix.store: erased.")
    if config.keys.passphrase:
        say("keys: there is no key file; a bot that is started again waits for the passphrase.")
        return True
    file = KeyFile(config.keys.file)
    try:
        for path in (file.path, file.next):
            if path.exists():
                _erase(path)
    except OSError as error:
        say(f"keys.file: NOT erased ({error.strerror}): erase it by hand, now")
        return False
    say("keys.file: erased. Its copy, kept elsewhere, opens the database again.")
    return True


def _erase(path: Path) -> None:
    """Overwritten first: a file that is only removed may be found on the disk."""
    with path.open("r+b") as file:
        file.write(os.urandom(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
