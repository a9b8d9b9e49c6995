"""What failed is set aside, seen by a person, and tried again on the command line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.domain.people import Role
from bot.domain.plan import Plan, Recipient, Step, Who
from handlers import router
from tests.proofs.killing import START, Installation
from tests.support.botapi import TelegramPerson
from tests.support.stage_bot import acuerpa
from tests.support.world import ZONE
from tests.support.zygote import Zygote

PATIENCE = 30.0


def spoil(_given: dict[str, Any]) -> None:
    """In the bot's process: a version of the program that fails when somebody asks for their state."""

    async def raises(ctx: Any, rest: str) -> None:
        raise ZeroDivisionError

    for word in ("estado", "status"):
        entry = router.BY_WORD[word]
        router.BY_WORD[word] = type(entry)(entry.name, entry.aliases, entry.action, raises)


class Scene:
    """Ana, who is looked after by Berta; the operator; and the bot's process."""

    def __init__(self, at: Installation, **people: TelegramPerson) -> None:
        self.at = at
        self.people = people

    async def acuerpa(self, *arguments: str) -> tuple[int, str]:
        """The command line beside the bot that runs: its status and what it said."""
        process = await asyncio.create_subprocess_exec(
            *acuerpa(*arguments, "--config", str(self.at.config)),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode()

    async def sees(self, name: str, words: str, times: int = 1) -> None:
        """Somebody has messages with these words."""
        person = self.people[name]

        def seen() -> bool:
            heard = [m["text"] for m in self.at.api.truth("message") if m["chat"] == person.id]
            return sum(words in text for text in heard) >= times

        assert await self.at.until(seen, PATIENCE), f"{name} never saw {words!r}"

    async def comes_to(self, what: Callable[[], bool]) -> None:
        """It is so within a while."""
        assert await self.at.until(what, PATIENCE)

    def states(self, table: str, where: str = "1") -> list[str]:
        """The states of these rows."""
        return [s for (s,) in self.at.rows(f"SELECT state FROM {table} WHERE {where} ORDER BY 1")]


@pytest_asyncio.fixture
async def scene() -> AsyncIterator[Scene]:
    """The people, and an installation whose bot does not run yet."""
    async with await Zygote.start() as zygote, Installation.open(zygote, 1.0) as at:
        olivia = await at.api.person("Olivia")
        text = at.config.read_text("utf-8")
        at.config.write_text(f'operators = ["telegram:{olivia.id}"]\n{text}', "utf-8")
        async with at.seeding() as (tx, _):
            group = await tx.people.add_group("Red", "", "es", ZONE, START)
            _, ana = await at.member(tx, group, "Ana")
            berta_id, berta = await at.member(tx, group, "Berta", {Role.RESPONDER})
            plan = Plan((Step(START - START, (Recipient(Who.MEMBER, berta_id),)),))
            await tx.people.set_plan(plan, group=group)
        at.begin()
        yield Scene(at, Ana=ana, Berta=berta, Olivia=olivia)


SPOIL = f"{__name__}:spoil"


async def test_a_poisonous_event_is_announced_and_replayed_once_the_program_is_mended(
    scene: Scene,
) -> None:
    life = await scene.at.live(prepare=SPOIL)
    await scene.people["Ana"].writes("/estado")
    await scene.people["Ana"].writes("/auxilio")
    await scene.sees("Berta", "Ana pide auxilio")  # nobody waits for the poison
    await scene.sees("Ana", "quedó guardado")
    await scene.sees("Olivia", "quedó apartado")
    status, words = await scene.acuerpa("aside")
    assert status == 0
    [line] = words.splitlines()
    assert line.startswith("event ")
    assert line.endswith(f"ZeroDivisionError at {__name__}:27")
    assert "estado" not in line
    number = line.split()[1]

    # Replayed while it still is poison: it fails three times more, and is announced again.
    assert (await scene.acuerpa("replay", "--event", number))[0] == 0
    await scene.sees("Olivia", "quedó apartado", times=2)
    await scene.at.kill_after(life, 0)

    await scene.at.live()
    assert (await scene.acuerpa("replay", "--all-events")) == (0, "1 to be tried again\n")
    await scene.sees("Ana", "No tienes horarios")
    assert set(scene.states("inbox")) == {"done"}
    assert await scene.acuerpa("aside") == (0, "")
    status, words = await scene.acuerpa("replay", "--event", number)
    assert status == 1
    assert "nothing with these numbers is set aside" in words


async def test_an_update_that_no_version_understands_is_set_aside(scene: Scene) -> None:
    await scene.at.live()
    ana = scene.people["Ana"]
    odd = {"message_id": 7, "date": "today", "chat": {"id": ana.id, "type": "private"}}
    await scene.at.api.control("update", parts={"message": {**odd, "from": {"id": ana.id}}})
    await scene.sees("Olivia", "quedó apartado")
    await ana.writes("/auxilio")
    await scene.sees("Berta", "Ana pide auxilio")
    assert scene.states("inbox") == ["done", "set_aside"]


async def test_an_alarm_that_is_refused_leaves_in_plain_words_and_is_seen(scene: Scene) -> None:
    await scene.at.live()
    berta = scene.people["Berta"]
    await scene.at.api.fault("rejected", method="sendMessage", chat=berta.id)
    await scene.people["Ana"].writes("/auxilio")
    await scene.sees("Berta", "Incidente #1: hace falta alguien. Escribe /tomar 1")
    await scene.sees("Olivia", "rechazó un mensaje")
    status, words = await scene.acuerpa("aside")
    assert status == 0
    [line] = words.splitlines()
    assert line.startswith("message ")
    assert " alarm failed " in line
    assert "Ana" not in line
    await berta.writes("/tomar 1")
    await scene.sees("Berta", "Tomaste el incidente #1")

    # The operator sends it again as it was, now that the platform takes it.
    assert (await scene.acuerpa("replay", "--message", line.split()[1]))[0] == 0
    await scene.sees("Berta", "Ana pide auxilio")
    assert await scene.acuerpa("aside") == (0, "")


async def test_a_message_that_was_withdrawn_is_never_replayed(scene: Scene) -> None:
    await scene.at.live()
    berta = scene.people["Berta"]
    await scene.at.api.fault("429", method="sendMessage", chat=berta.id, retry_after=600, times=99)
    await scene.people["Ana"].writes("/auxilio")
    alarms = "purpose LIKE 'incident:%:alarm' AND error = 'withdrawn'"
    await scene.comes_to(lambda: bool(scene.states("outbox", alarms)))  # the louder one took its place
    [seq] = [seq for (seq,) in scene.at.rows(f"SELECT seq FROM outbox WHERE {alarms}")][:1]
    assert await scene.acuerpa("aside") == (0, "")
    status, words = await scene.acuerpa("replay", "--message", str(seq))
    assert status == 1
    assert "nothing with these numbers" in words


@pytest.mark.parametrize("after", [False, True], ids=["before delivery", "after delivery"])
async def test_a_broadcast_of_which_nobody_knows_is_not_sent_twice_but_by_a_person(
    scene: Scene, after: bool, tmp_path: Path
) -> None:
    ana = scene.people["Ana"]
    async with scene.at.seeding() as (tx, _):
        await tx.outbox.add_many(
            [("a" * 22, "telegram", str(ana.id), "private", None)], lane=_broadcast_lane(),
            operation="send", body={"text": [["Alerta", ""]], "buttons": []},
            purpose="denunciation:1", now=START,
        )  # fmt: skip
    await scene.at.api.fault("reset", method="sendMessage", chat=ana.id, after=after)
    await scene.at.live()
    await scene.comes_to(lambda: scene.states("outbox") == ["unknown"])
    await asyncio.sleep(1.5)  # nothing is tried again by itself, though it is looked at
    copies = [m for m in scene.at.api.truth("message") if m["chat"] == ana.id]
    assert len(copies) == after
    status, words = await scene.acuerpa("aside")
    assert status == 0
    assert " broadcast unknown " in words
    assert (await scene.acuerpa("replay", "--message", words.split()[1]))[0] == 0
    await scene.sees("Ana", "Alerta", times=1 + after)


def _broadcast_lane() -> Any:
    from bot.domain.lanes import Lane

    return Lane.BROADCAST
