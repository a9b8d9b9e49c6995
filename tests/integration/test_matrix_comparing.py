"""Comparing pictures with the crypto that people's apps have, in rooms and beside them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from bot.platforms.base import (
    ComparisonAsked,
    ComparisonEnded,
    IdentityChanged,
    Incoming,
    PicturesShown,
    Result,
    Secrecy,
)
from tests.support.matrix_bot import MatrixBot
from tests.support.reader import RustReader
from tests.support.synapse import Synapse, synapse

__all__ = ["synapse"]


@dataclass
class Pair:
    """A bot, and Ana's app with an identity of its own, in a direct room."""

    bot: MatrixBot
    ana: RustReader
    room: str
    later: timedelta = field(default=timedelta(0))

    async def begins(self, *, beside: bool = False) -> Incoming:
        """Ana asks to compare; what the bot reports."""
        device = self.bot.device_id if beside else ""
        await self.ana.asks_to_compare(
            self.bot.user_id, room="" if beside else self.room, device=device
        )
        return await self.bot.receives(ComparisonAsked)

    async def looks(self, asked: Incoming) -> tuple[Any, tuple[str, ...]]:
        """Somebody speaks with Ana: the report with our pictures, and the pictures she sees."""
        assert isinstance(asked.body, ComparisonAsked)
        hers = asyncio.create_task(self.ana.sees_pictures())
        assert (await self.bot.decides(asked, asked.body.begin)).result is Result.SENT
        shown = await self.bot.receives(PicturesShown)
        return shown, await hers

    async def agrees(self, shown: Any) -> bool:
        """Both say that they are the same; whether the bot reports them as proven."""
        hers = asyncio.create_task(self.ana.says_same())
        assert (await self.bot.decides(shown, shown.body.same)).result is Result.SENT
        ended = await self.bot.receives(ComparisonEnded)
        await hers
        assert isinstance(ended.body, ComparisonEnded)
        return ended.body.proven

    @property
    def verified(self) -> bool:
        """Whether Ana's keys count as compared."""
        return self.bot.platform._live.decisions._identities.verified(self.ana.user_id)  # type: ignore[union-attr]


@pytest.fixture
async def pair(synapse: Synapse, tmp_path: Path) -> AsyncIterator[Pair]:
    user_id, password = await synapse.register(f"bot{uuid4().hex[:8]}")
    bot = MatrixBot(synapse, user_id, password, tmp_path)
    ana = await RustReader.join(synapse, f"ana{uuid4().hex[:6]}")
    made = Pair(bot, ana, "")
    bot.platform = bot.new_platform(now=lambda: datetime.now(UTC) + made.later)
    await bot.platform.start()
    await bot.pull()
    await ana.signs_own_device()
    made.room = (await bot.sends(ana.user_id, "hola")).new_chat
    await ana.accepts_invitations()
    await bot.pull()
    yield made
    await ana.close()
    await bot.platform.stop()


@pytest.mark.parametrize("beside", [False, True], ids=["in the room", "from device to device"])
async def test_both_see_the_same_pictures_and_know_each_other(pair: Pair, beside: bool) -> None:
    assert await pair.ana.knows(pair.bot.user_id) == (False, False)
    asked = await pair.begins(beside=beside)
    assert asked.account == pair.ana.user_id
    shown, hers = await pair.looks(asked)
    assert shown.body.pictures == hers
    assert len(hers) == 7
    assert not pair.verified
    assert await pair.agrees(shown)
    assert pair.verified
    assert await pair.ana.knows(pair.bot.user_id) == (True, False)


async def test_after_losing_its_device_the_bot_is_still_known_to_her(pair: Pair) -> None:
    shown, _ = await pair.looks(await pair.begins())
    await pair.agrees(shown)
    first = pair.bot.device_id
    said = [await pair.bot.says(pair.room, "antes")]

    # The crypto store is gone: the account is the same, the device another.
    await pair.bot.platform.stop()
    (pair.bot.folder / "crypto.db").unlink()
    pair.bot.platform = pair.bot.new_platform()
    await pair.bot.platform.start()
    await pair.bot.pull()
    said.append(await pair.bot.says(pair.room, "sin almacén"))

    # The server deleted the device.
    second = pair.bot.device_id
    await pair.bot.platform._live.client.logout()  # type: ignore[union-attr]
    await pair.bot.restart()
    await pair.bot.pull()
    said.append(await pair.bot.says(pair.room, "sin sesión"))

    assert len({first, second, pair.bot.device_id}) == 3
    await pair.ana.sync_until(*said)
    verdicts = await pair.ana.verdicts()
    assert [verdicts[id].body for id in said] == ["antes", "sin almacén", "sin sesión"]
    assert await pair.ana.knows(pair.bot.user_id) == (True, False)
    assert pair.verified, "and she to the bot"
    detail = await pair.bot.sends(pair.room, "detalle", secrecy=Secrecy.DETAILED)
    assert detail.result is Result.SENT


async def test_pictures_that_differ_prove_nothing(pair: Pair) -> None:
    shown, _ = await pair.looks(await pair.begins())
    assert (await pair.bot.decides(shown, shown.body.different)).result is Result.SENT
    assert await pair.ana.is_told_of_cancelling() == "m.mismatched_sas"
    assert not (await pair.bot.receives(ComparisonEnded)).body.proven  # type: ignore[union-attr]
    assert not pair.verified
    assert (await pair.bot.decides(shown, shown.body.same)).result is Result.GONE


async def test_she_says_that_they_differ(pair: Pair) -> None:
    shown, _ = await pair.looks(await pair.begins())
    await pair.ana.says_different()
    assert not (await pair.bot.receives(ComparisonEnded)).body.proven  # type: ignore[union-attr]
    assert not pair.verified


async def test_she_alone_saying_that_they_are_the_same_proves_nothing(pair: Pair) -> None:
    await pair.looks(await pair.begins())
    hers = asyncio.create_task(pair.ana.says_same())
    for _ in range(4):
        await pair.bot.pull(wait=0.5)
    assert not pair.verified
    assert not [i for i in pair.bot.incoming if isinstance(i.body, ComparisonEnded)]
    pair.later = timedelta(minutes=3)  # nobody here decides
    ended = await pair.bot.receives(ComparisonEnded)
    assert not ended.body.proven  # type: ignore[union-attr]
    assert not pair.verified
    with pytest.raises(RuntimeError, match=r"m\.timeout"):
        await hers


async def test_nobody_can_speak_with_her_now(pair: Pair) -> None:
    asked = await pair.begins()
    assert isinstance(asked.body, ComparisonAsked)
    await pair.bot.decides(asked, asked.body.decline)
    assert await pair.ana.is_told_of_cancelling() == "m.user"


async def test_a_request_that_nobody_answers_ends(pair: Pair) -> None:
    asked = await pair.begins()
    pair.later = timedelta(minutes=11)
    await pair.bot.receives(ComparisonEnded)
    assert isinstance(asked.body, ComparisonAsked)
    assert (await pair.bot.decides(asked, asked.body.begin)).result is Result.GONE


async def test_strangers_call_nobody(pair: Pair) -> None:
    pair.bot.people.strangers.add(pair.ana.user_id)
    await pair.ana.asks_to_compare(pair.bot.user_id, room=pair.room)
    for _ in range(3):
        await pair.bot.pull(wait=0.5)
    assert not [i for i in pair.bot.incoming if isinstance(i.body, ComparisonAsked)]


async def test_asking_again_and_again_calls_people_once(pair: Pair) -> None:
    await pair.begins()
    for _ in range(3):
        await pair.ana.asks_to_compare(pair.bot.user_id, room=pair.room)
    for _ in range(3):
        await pair.bot.pull(wait=0.5)
    assert not [i for i in pair.bot.incoming if isinstance(i.body, ComparisonAsked)]


async def test_a_comparison_settles_a_doubt_about_other_keys(pair: Pair) -> None:
    await pair.ana.signs_own_device(reset=True)
    await pair.bot.pull(wait=1)
    await pair.bot.receives(IdentityChanged)
    refused = await pair.bot.sends(pair.room, "detalle", secrecy=Secrecy.DETAILED)
    assert refused.result is Result.UNPROVEN
    shown, hers = await pair.looks(await pair.begins())
    assert shown.body.pictures == hers
    assert await pair.agrees(shown)
    detail = await pair.bot.sends(pair.room, "detalle", secrecy=Secrecy.DETAILED)
    assert detail.result is Result.SENT


async def test_a_step_that_is_interrupted_is_neither_lost_nor_done_twice(pair: Pair) -> None:
    """The engine hurries the platform at each deadline: what it was waiting for begins anew."""
    comparisons = pair.bot.platform._live.receiver._comparisons  # type: ignore[union-attr]
    query, entered = comparisons._devices.query, asyncio.Event()

    async def slow(users: list[str]) -> None:
        entered.set()
        await asyncio.sleep(0.3)
        await query(users)

    comparisons._devices.query = slow
    await pair.ana.asks_to_compare(pair.bot.user_id, room=pair.room)
    receiving = asyncio.create_task(pair.bot.platform.receive(pair.bot.cursor, 5))
    await entered.wait()
    receiving.cancel()
    await asyncio.gather(receiving, return_exceptions=True)
    shown, hers = await pair.looks(await pair.bot.receives(ComparisonAsked))
    assert shown.body.pictures == hers
    assert await pair.agrees(shown)
