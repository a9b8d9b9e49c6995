"""What parsers and the inbox do with what nobody would write; each was a defect or keeps one out."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.app import new_token
from bot.domain.answers import Answer, understand, understand_yes_no
from bot.domain.plan_text import LONGEST, SHOWN, read_plan
from bot.domain.spoken import read_days, read_duration, read_instant, read_schedule, read_time
from bot.engine.stepping import SteppedClock
from bot.engine.worker import Worker
from bot.platforms.base import RawEvent
from bot.platforms.matrix.parse import understand as matrix
from bot.platforms.sandbox.platform import SandboxPlatform
from bot.platforms.sandbox.town import Town
from bot.platforms.telegram.parse import chat_of, parse
from handlers.router import Router
from handlers.settings import Settings
from storage.database import Database
from storage.keys import KeyInMemory
from storage.storable import DEEPEST, storable
from tests.proofs.garbage_input import (
    TELEGRAM_FIELDS,
    Who,
    matrix_events,
    nested,
    said,
    sandbox_event,
    spoilt,
    telegram_text,
    telegram_updates,
    texts,
    values,
)
from tests.support.world import World

NOW = datetime(2026, 11, 17, 14, 0, tzinfo=UTC)
ANA = Who("1001", "1001", "private")
MATRIX_ANA = Who("@ana:x", "!r:x", "private")

many = settings(
    max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


@many
@given(texts)
def test_no_reader_of_words_raises(text: str) -> None:
    understand(text)
    understand_yes_no(text)
    read_duration(text)
    read_time(text)
    read_days(text)
    read_schedule(text)
    read_instant(text, NOW, "America/Mexico_City")
    read_plan(text)


@many
@given(st.one_of(values, values.map(lambda v: {"x": [v]})))
def test_whatever_json_holds_can_be_stored(value: Any) -> None:
    kept = storable(value)
    json.dumps(kept, allow_nan=False, ensure_ascii=False).encode()
    assert "\0" not in str(kept)
    assert storable(kept) == kept


def test_what_is_well_formed_is_stored_as_it_came() -> None:
    raw = telegram_text(ANA, "¿Está bien? 😀 \u202e\u0301", NOW)
    assert storable(raw) == raw
    assert storable(nested(5000)) is not None
    assert str(storable(nested(5000))).count("[") == DEEPEST


@many
@given(spoilt(telegram_updates(ANA, NOW), TELEGRAM_FIELDS))
def test_the_chat_of_an_update_never_raises(update: dict[str, Any]) -> None:
    assert isinstance(chat_of(update), str)


@many
@given(st.one_of(telegram_updates(ANA, NOW)))
def test_a_good_update_is_read(update: dict[str, Any]) -> None:
    parse(RawEvent("e", "", storable(update)))


@many
@given(st.one_of(matrix_events(MATRIX_ANA, NOW)))
def test_what_a_person_on_matrix_can_write_is_read(event: dict[str, Any]) -> None:
    matrix(RawEvent("e", "", storable(event)))


@pytest.mark.parametrize("unix", [-62_135_596_800, -1, 2**40, 2**70])
def test_an_impossible_time_of_telegram_is_still_a_time(unix: int) -> None:
    raw = telegram_text(ANA, "auxilio", NOW)
    raw["message"]["date"] = unix
    incoming = parse(RawEvent("e", "", raw))
    assert incoming is not None
    assert 1970 <= incoming.sent_at.year <= 9999


@pytest.mark.parametrize("piece", [" ", " y", ", ", "y ", "\t,"])
def test_a_plan_of_blanks_or_names_without_end_is_refused_at_once(piece: str) -> None:
    start = time.thread_time()
    said = read_plan("ya: x" + piece * 60_000 + "x")
    assert time.thread_time() - start < 0.5
    assert isinstance(said, str)
    assert len(said) <= SHOWN
    longest = read_plan("ya: x" + piece * ((LONGEST - 10) // len(piece)) + " x")
    assert time.thread_time() - start < 1
    assert longest


def test_a_million_invisible_characters_are_read_quickly() -> None:
    start = time.thread_time()
    assert understand("\u200b" * 1_000_000 + "ayuda") is Answer.HELP
    assert time.thread_time() - start < 0.5


async def test_an_event_that_spoils_its_own_announcement_is_set_aside(tmp_path: Path) -> None:
    """It raised out of the worker before, each time the bot started anew."""
    clock = SteppedClock(NOW)
    database = Database(str(tmp_path / "a.db"), KeyInMemory())
    await database.open()
    router = Router(Settings(language="es", zone="UTC", token=new_token))
    worker = Worker(database, {"sandbox": SandboxPlatform(Town(clock.now))}, router, clock)
    who = Who("ana", "@ana", "private")
    broken = {**said("sandbox", who, "hola", NOW), "language": None}  # nearest(None) raises
    fine = sandbox_event(who, NOW, "removed")
    async with database.transaction() as tx:
        await tx.inbox.store("sandbox", [("1", "c", broken), ("2", "c", fine)], "2", NOW)
    async with asyncio.timeout(10):
        await worker.drain()
    async with database.transaction() as tx:
        assert await tx.inbox.is_done("sandbox", "1")
        assert await tx.inbox.is_done("sandbox", "2")
    await database.close()


async def test_a_batch_with_what_no_database_keeps_is_stored(tmp_path: Path) -> None:
    database = Database(str(tmp_path / "a.db"), KeyInMemory())
    await database.open()
    raw = {"text": "a\ud800\0", "deep": nested(5000), "nan": float("nan")}
    async with database.transaction() as tx:
        assert await tx.inbox.store("matrix", [("$\udfff", "!r\0", raw)], "1", NOW) == 1
        assert await tx.inbox.store("matrix", [("$\udfff", "!r\0", raw)], "1", NOW) == 0
        [stored] = await tx.inbox.waiting(5)
    assert stored.raw["text"] == "a\ufffd\ufffd"
    await database.close()


@pytest.mark.parametrize("world", ["sandbox"], indirect=True)
async def test_the_zone_of_a_machine_is_no_zone_of_a_person(world: World) -> None:
    """`/zona localtime` was taken, and every later `/pausa` of that person then failed."""
    group = await world.group("Red")
    (ana,) = await group.joined("Ana", as_="integrante")
    for text in ("/zona localtime", "/zona Factory"):
        await ana.writes(text)
        assert "zona" in (await ana.reads_all())[0]
    await ana.asked_daily("09:00")
    await ana.writes("/zona UTC")
    await ana.sees("UTC")
    await ana.writes("/pausa mañana")
    assert len(await ana.reads_all()) == 1


@pytest.mark.parametrize("world", ["sandbox"], indirect=True)
async def test_a_plan_without_end_is_answered_with_few_words(world: World) -> None:
    group = await world.group("Red")
    for text in ("/plan " + "x" * 50_000, "/plan ya: " + "x y " * 20_000):
        await group.coordinator.writes(text)
        [answer] = await group.coordinator.reads_all()
        assert len(answer) < 500
    await group.coordinator.writes("/invitar " + "x" * 50_000)
    [answer] = await group.coordinator.reads_all()
    assert len(answer) < 500
