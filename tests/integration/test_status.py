"""An operator looks how the bot stands, without its key and without disturbing it."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bot.domain.lanes import Lane
from storage.database import Database
from storage.keys import KeyInMemory
from tests.support.backups import Installation
from tests.support.botapi import BotApi
from tests.support.command import Command
from tests.support.opened import KEY
from tests.support.stage_bot import base_config, telegram_config
from tests.support.zygote import Zygote


@pytest.fixture(params=["sqlite", "postgresql"])
def one(request: pytest.FixtureRequest, tmp_path: Path) -> Installation:
    """An installation with messages in each state, of which the words and chats are secrets."""
    url = "" if request.param == "sqlite" else request.getfixturevalue("fresh_postgres")
    made = Installation(tmp_path, url)
    asyncio.run(_filled(made.url, datetime.now(UTC)))
    made.key.unlink()  # none of this needs it
    return made


async def _filled(url: str, now: datetime) -> None:
    database = Database(url, KeyInMemory(KEY))
    await database.open()
    async with database.transaction() as tx:
        for number, (lane, state, error) in enumerate(
            (
                (Lane.BROADCAST, "queued", ""), (Lane.ALARM, "queued", "limited"),
                (Lane.ALARM, "sent", ""), (Lane.CONVERSATION, "failed", "chat not found"),
                (Lane.CONVERSATION, "failed", "withdrawn"), (Lane.BROADCAST, "unknown", "restart"),
            )
        ):  # fmt: skip
            await tx.outbox.add(
                key=f"k{number}", lane=lane, platform="telegram", chat=f"chat-colibrí-{number}",
                chat_kind="private", operation="send", body={"text": [["jacaranda", "plain"]]},
                now=now - timedelta(minutes=5),
            )  # fmt: skip
            if state != "queued":
                row = await tx.outbox.get(f"k{number}")
                assert row is not None
                await tx.outbox.finish(row, state, now, error=error)
        await tx.timers.set("checkin", 1, now - timedelta(minutes=1))
        await tx.inbox.store("telegram", [("1", "chat-colibrí", {"text": "jacaranda"})], "2", now)
    await database.close()


def test_what_waits_is_listed_urgent_lanes_first_and_without_a_word_of_it(one: Installation) -> None:
    said = one.says("outbox")
    assert said.exit_code == 0, said.output
    assert "colibr" not in said.output
    assert "jacaranda" not in said.output
    rows = [line.split() for line in said.output.splitlines() if line.startswith("  message")]
    assert [row[2:6] for row in rows] == [
        ["alarm", "telegram", "send", "queued"],
        ["conversation", "telegram", "send", "failed"],
        ["broadcast", "telegram", "send", "queued"],
        ["broadcast", "telegram", "send", "unknown"],
    ]
    assert one.says("outbox", "--limit", "1").output.count("  message") == 1
    told = json.loads(one.says("outbox", "--json").output)
    assert [row["lane"] for row in told] == ["alarm", "conversation", "broadcast", "broadcast"]
    assert {row["error"] for row in told} == {"", "chat not found", "restart"}


def test_a_bot_that_was_stopped(one: Installation) -> None:
    said = one.says("status")
    assert said.exit_code == 1
    assert "NO: it was stopped, or never started" in said.output
    waiting = "waiting    alarm 1, conversation 0, checkin 0, broadcast 1; oldest alarm "
    assert re.search(waiting + r"\d+ min", said.output)
    assert "not sent   1 failed, 1 unknown" in said.output
    assert "events     1 wait, 0 set aside" in said.output
    assert "1 late" in said.output
    assert "backup     never" in said.output
    assert len(said.output.splitlines()) < 24  # one screen
    told = json.loads(one.says("status", "--json").output)
    assert told["acting"] is False
    assert told["waiting"] == {"alarm": 1, "conversation": 0, "checkin": 0, "broadcast": 1}
    assert 290 < told["oldest_alarm_seconds"] < 900


def test_who_looks_changes_nothing_in_a_database_of_an_older_version(tmp_path: Path) -> None:
    old = Installation.of_version(tmp_path, "0012")
    before = old.there()
    for command in ("status", "outbox"):
        said = old.says(command)
        assert (said.exit_code, said.output.count("\n")) == (1, 1)
        assert "run acuerpa migrate" in said.output
    assert old.there() == before
    with closing(sqlite3.connect(old.url)) as db:
        assert db.execute("SELECT version_num FROM alembic_version").fetchone() == ("0012",)


def test_where_there_is_nothing_nothing_is_made(tmp_path: Path) -> None:
    new = Installation(tmp_path)
    for command in ("status", "outbox"):
        said = new.says(command)
        assert (said.exit_code, said.output.count("\n")) == (1, 1)
        assert "there is no database yet" in said.output
    assert not Path(new.url).exists()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def zygote() -> AsyncIterator[Zygote]:
    """The program, imported once for all these processes."""
    async with await Zygote.start() as made:
        yield made


@pytest.mark.asyncio(loop_scope="module")
async def test_a_bot_that_runs_and_one_that_was_killed(zygote: Zygote, tmp_path: Path) -> None:
    one = Installation(tmp_path)
    async with await BotApi.start(tmp_path) as api:
        one.config.write_text(
            base_config(tmp_path) + telegram_config(api) + "[watch]\ninterval = 0.2\n", "utf-8"
        )
        async with Command.run(zygote, one.config) as bot:
            await bot.says("platform.ready")
            async with asyncio.timeout(30):
                while (said := await asyncio.to_thread(one.says, "status")).exit_code:
                    await asyncio.sleep(0.1)
            assert "acts       yes, since 20" in said.output
            assert "telegram   answers" in said.output
            assert "ago: nothing found" in said.output
            bot.signal(signal.SIGKILL)
            await bot.ends()
        with closing(sqlite3.connect(one.url)) as db:  # two minutes pass
            ago = (datetime.now(UTC) - timedelta(minutes=2)).isoformat().encode()
            db.execute("UPDATE facts SET value = ? WHERE name = 'heartbeat'", (ago,))
            db.commit()
        said = await asyncio.to_thread(one.says, "status")
        assert said.exit_code == 1
        assert "NO: not heard of since 2 min ago" in said.output
