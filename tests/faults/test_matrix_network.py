"""Between the bot and its homeserver everything goes wrong that can: no alarm is lost, none comes
twice, and the other rooms do not notice."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import pytest_asyncio

from bot.app import settings_of
from bot.config import load
from bot.domain.incident import Kind
from bot.domain.people import Role
from bot.domain.plan import Plan, Recipient, Step, Who
from handlers import incidents
from handlers.context import Context
from tests.proofs.killing import START
from tests.proofs.matrix_killing import MatrixInstallation
from tests.support.matrix_person import MatrixPerson
from tests.support.proxy import Proxy, Trouble
from tests.support.synapse import shared
from tests.support.world import ZONE
from tests.support.zygote import SHORT_PAGE, AffineClock, Life, Zygote

pytestmark = pytest.mark.asyncio(loop_scope="module")

SPEED = 10.0
"""Simulated seconds in a real one, so that the waits between tries are short."""
SOON = 5.0
"""Real seconds, on a machine with much else to do."""
IN_THE_END = 40.0


@dataclass
class Here:
    """The bot behind a bad network, and those who read what it writes."""

    at: MatrixInstallation
    proxy: Proxy
    group: int
    life: Life
    alarms: int = 0

    @property
    def berta(self) -> MatrixPerson:
        return self.at.people[0]

    @property
    def carla(self) -> MatrixPerson:
        return self.at.people[1]

    @property
    def ana(self) -> MatrixPerson:
        return self.at.people[2]

    @property
    def stranger(self) -> MatrixPerson:
        return self.at.people[3]

    async def alarm(self) -> dict[str, str]:
        """Somebody raises an alarm; the key of its message by the room that it is for."""
        self.alarms += 1
        async with self.at.seeding() as (tx, _):
            ctx = Context(tx, self.at.clock.now(), settings_of(load(self.at.config), []))
            name = f"Alguien {self.alarms}"
            who = await tx.people.add_member(self.group, name, "es", ZONE, (), START)
            incident = await incidents.open_incident(ctx, who, Kind.PANIC)
        rows = self.at.rows(
            "SELECT chat, key FROM outbox WHERE purpose = ?", incidents.alarm_purpose(incident.id)
        )
        assert {chat for chat, _ in rows} == {self.berta.room, self.carla.room}
        return dict(rows)

    def arrived(self, *keys: str) -> bool:
        """Whether the server has a message under each of these keys."""
        return set(keys) <= {written.key for written in self.at.written()}

    async def arrives(self, *keys: str, within: float) -> None:
        """Wait for it."""
        began = time.monotonic()
        assert await self.at.until(lambda: self.arrived(*keys), within), self.at.log()
        print(f"arrived after {time.monotonic() - began:.1f} s")

    async def restart(self) -> None:
        """A new process: it has to make all connections and share all keys anew."""
        await self.life.kill()
        self.life = await self.at.live()
        assert await self.at.until(self.ready, 20), self.at.log()

    def ready(self) -> bool:
        """Whether it has heard what the server had for it, and asks a second time."""
        return self.life.points.count("receiver._once.1:after") > 1

    async def at_peace(self) -> None:
        """No more trouble: in the end each message is there once, and can be read."""
        self.proxy.calm()
        assert await self.at.until(self.at.quiet, IN_THE_END), self.at.log()
        times = Counter(written.key for written in self.at.written())
        assert set(times.values()) == {1}
        rows = self.at.rows("SELECT key, state FROM outbox WHERE operation IN ('send', 'edit')")
        assert {state for _, state in rows} == {"sent"}, self.at.rows("SELECT seq, state, error, operation, purpose, attempts FROM outbox WHERE state != 'sent'")
        assert set(times) == {key for key, _ in rows}
        assert None not in (await self.at.read()).values()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def there() -> AsyncIterator[Here]:
    synapse = shared()
    async with (
        await Zygote.start(matrix=True) as zygote,
        Proxy(synapse.url) as proxy,
        MatrixInstallation.open(
            zygote, synapse, SPEED, people=4, homeserver=proxy.url, more="[fence]\nlease = 2\n"
        ) as at,
    ):
        at.config.write_text(f'operators = ["matrix:{at.people[0].user_id}"]\n'
                             + at.config.read_text() + "[watch]\ncanary = \"\"\n")  # fmt: skip
        at.patience = 1.0
        async with at.seeding() as (tx, _):
            group = await tx.people.add_group("Red", "", "es", ZONE, START)
            await at.member(tx, group, "Berta", at.people[0], Role.RESPONDER)
            await at.member(tx, group, "Carla", at.people[1], Role.RESPONDER)
            await at.member(tx, group, "Ana", at.people[2])
            circle = Step(timedelta(0), (Recipient(Who.CIRCLE),))
            await tx.people.set_plan(Plan((circle,), repeat=timedelta(hours=24)), group=group)
        at.begin()
        yield Here(at, proxy, group, await at.live())


@pytest_asyncio.fixture(loop_scope="module")
async def here(there: Here) -> AsyncIterator[Here]:
    """Everything works, and is looked at again afterwards."""
    if there.life.ended.done():
        await there.restart()
    assert await there.at.until(there.ready, 20), there.at.log()
    yield there
    await there.at_peace()


@pytest.mark.parametrize(
    ("trouble", "times"),
    [
        (Trouble.RESET_BEFORE, 3), (Trouble.RESET_AFTER, 3), (Trouble.DRIP, 1),
        (Trouble.SILENT, 2), (Trouble.ERROR, 3),
    ],
)  # fmt: skip
async def test_a_message_that_meets_trouble_arrives_and_holds_up_no_other_room(
    here: Here, trouble: Trouble, times: int
) -> None:
    rule = here.proxy.make(trouble, "PUT", "/send/", here.berta.room, times=times)
    alarm = await here.alarm()
    await here.arrives(alarm[here.carla.room], within=SOON)
    await here.arrives(alarm[here.berta.room], within=IN_THE_END)
    assert await here.at.until(here.at.quiet, IN_THE_END)
    assert rule.met == times


@pytest.mark.parametrize("trouble", [Trouble.RESET_BEFORE, Trouble.RESET_AFTER, Trouble.SILENT])
async def test_keys_that_are_given_out_in_trouble_reach_the_readers(
    here: Here, trouble: Trouble
) -> None:
    await here.restart()  # a new process gives everybody new keys
    rule = here.proxy.make(trouble, "/sendToDevice/", times=2)
    here.proxy.make(trouble, "/keys/query", times=1)
    alarm = await here.alarm()
    await here.arrives(*alarm.values(), within=IN_THE_END)
    assert rule.met == 2
    # `here` looks at the end whether they could be read.


@pytest.mark.parametrize(
    ("trouble", "times"),
    [(Trouble.RESET_AFTER, 2), (Trouble.DRIP, 2), (Trouble.SILENT, 1), (Trouble.ERROR, 1)],
)
async def test_what_ana_writes_is_heard_once_however_the_news_come(
    here: Here, trouble: Trouble, times: int
) -> None:
    rule = here.proxy.make(trouble, "GET", "/sync", times=times)
    answers = here.at.count("SELECT count(*) FROM outbox WHERE chat = ?", here.ana.room)
    written = await here.ana.writes("/estado")

    def handled() -> int:
        return here.at.count(
            "SELECT count(*) FROM inbox WHERE event_id = ? AND state = 'done'", written
        )

    assert await here.at.until(lambda: handled() == 1, IN_THE_END), here.at.log()
    assert await here.at.until(lambda: rule.met == times, IN_THE_END)
    assert here.at.count("SELECT count(*) FROM outbox WHERE chat = ?", here.ana.room) == answers + 1


async def test_a_homeserver_out_of_reach_for_a_while(here: Here) -> None:
    await here.proxy.down()
    alarm = await here.alarm()
    written = await here.ana.writes("/estado")
    await asyncio.sleep(1)  # nothing can be waited for: it is the silence that is tested
    assert not here.arrived(*alarm.values())
    await here.proxy.up()
    await here.arrives(*alarm.values(), within=IN_THE_END)
    assert await here.at.until(
        lambda: here.at.count("SELECT count(*) FROM inbox WHERE event_id = ?", written) == 1,
        IN_THE_END,
    )


async def test_a_homeserver_that_is_half_dead_takes_everything_and_answers_nothing(
    here: Here,
) -> None:
    here.proxy.make(Trouble.SILENT, "")
    alarm = await here.alarm()
    silent = len(here.proxy.requests)
    assert await here.at.until(lambda: len(here.proxy.requests) > silent + 6, IN_THE_END)
    assert not here.arrived(*alarm.values())
    assert not here.life.ended.done()
    here.proxy.calm()
    await here.arrives(*alarm.values(), within=IN_THE_END)


async def test_a_homeserver_that_is_restarted_is_found_again(here: Here) -> None:
    synapse = here.at.synapse
    before = synapse.devices_of(here.at.user_id)
    await asyncio.to_thread(synapse.stop)
    alarm = await here.alarm()
    await asyncio.to_thread(synapse.resume)
    await here.arrives(*alarm.values(), within=IN_THE_END)
    written = await here.ana.writes("/estado")
    assert await here.at.until(
        lambda: here.at.count("SELECT count(*) FROM inbox WHERE event_id = ?", written) == 1,
        IN_THE_END,
    )
    assert not here.life.ended.done()
    assert synapse.devices_of(here.at.user_id) == before  # nobody had to log in again


# --- frozen -------------------------------------------------------------------------------------


async def test_a_process_that_is_frozen_in_the_middle_sends_nothing_twice(here: Here) -> None:
    at = here.at
    # So fast that every lease is over when it wakes.
    at.clock = AffineClock(at.clock.now(), time.time(), 60.0)
    await here.restart()
    for trouble in (Trouble.DRIP, Trouble.RESET_AFTER):
        rule = here.proxy.make(trouble, "PUT", "/send/", times=2)
        alarm = await here.alarm()
        assert await at.until(lambda rule=rule: rule.met > 0, IN_THE_END)
        here.life.signal(signal.SIGSTOP)
        await asyncio.sleep(2.2)  # it is the time that is tested: 132 s of its clock
        here.life.signal(signal.SIGCONT)
        await here.arrives(*alarm.values(), within=IN_THE_END)
        here.proxy.calm()
        assert await at.until(at.quiet, IN_THE_END)
    at.clock = AffineClock(at.clock.now(), time.time(), SPEED)
    await here.restart()


# --- rooms that are behind ----------------------------------------------------------------------


async def test_a_room_that_cannot_be_read_on_holds_up_nobody_and_is_read_later(
    here: Here,
) -> None:
    await here.life.kill()
    texts = [await here.stranger.writes(f"{n}") for n in range(2 * SHORT_PAGE)]
    rule = here.proxy.make(Trouble.ERROR, "/messages", here.stranger.room)
    await here.restart()
    written = await here.ana.writes("/estado")
    alarm = await here.alarm()
    await here.arrives(*alarm.values(), within=SOON)
    assert await here.at.until(
        lambda: here.at.count("SELECT count(*) FROM inbox WHERE event_id = ?", written) == 1,
        IN_THE_END,
    )
    assert rule.met > 1
    assert not _from(here, here.stranger)
    here.proxy.calm()
    assert await here.at.until(lambda: len(_from(here, here.stranger)) >= len(texts), IN_THE_END)
    assert _from(here, here.stranger) == texts


async def test_what_the_server_never_gives_is_said_to_ana_and_to_the_operators(
    here: Here,
) -> None:
    await here.life.kill()
    known = len(_from(here, here.ana))
    for n in range(SHORT_PAGE + 10):
        await here.ana.writes(f"{n}")
    here.proxy.make(Trouble.ERROR, "/messages", here.ana.room, times=1)
    here.proxy.make(Trouble.FORBIDDEN, "/messages", here.ana.room)
    await here.restart()
    await here.ana.sync_until_shown("No pude leer todo lo que escribiste aquí")
    seen = await here.berta.sync_until_shown("messages_unfetched:matrix")
    assert "problema" in (seen.body or "")
    assert await here.at.until(here.at.quiet, IN_THE_END)
    [unfetched] = _from(here, here.ana)[known:]
    assert unfetched.startswith(f"{here.ana.room}#unfetched#")


def _from(here: Here, person: MatrixPerson) -> list[str]:
    return [
        id for (id,) in here.at.rows(
            "SELECT event_id FROM inbox WHERE chat = ?"
            " AND json_extract(raw, '$.event.type') != 'm.room.member' ORDER BY id",
            person.room,
        )
    ]  # fmt: skip
