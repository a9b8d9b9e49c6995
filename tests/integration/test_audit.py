"""Each invariant: somebody breaks the rows by hand, and the audit finds just that, on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
import sqlalchemy as sa

from bot.domain.checkin import State as Checkin
from bot.domain.duty import Rule
from bot.domain.incident import Incident, Kind, State
from bot.domain.lanes import Lane
from bot.domain.plan import DEFAULT_PLAN
from bot.domain.schedule import EVERY_DAY, Schedule
from storage import tables
from storage.audit import ARRIVAL, SLACK
from storage.database import Database
from storage.transaction import Transaction

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LONG_AGO = NOW - timedelta(hours=1)


class Rows:
    """A group in which all is well: Ana is asked every day, and Berta was told of her last miss."""

    def __init__(self, tx: Transaction) -> None:
        self.tx = tx

    async def make(self) -> None:
        """Put them there."""
        tx = self.tx
        self.group = await tx.people.add_group("Red", "", "es", "UTC", LONG_AGO)
        self.ana = await tx.people.add_member(self.group, "Ana", "es", "UTC", (), LONG_AGO)
        self.berta = await tx.people.add_member(self.group, "Berta", "es", "UTC", (), LONG_AGO)
        rule = Schedule(days=EVERY_DAY, times=(NOW.time(),), zone="UTC", grace=timedelta(minutes=45))
        self.schedule = await tx.checkins.add_schedule(self.ana, rule, LONG_AGO)
        await tx.timers.set("schedule", self.schedule, NOW + timedelta(days=1))
        self.checkin = await self.asked(LONG_AGO, Checkin.MISSED, NOW - timedelta(minutes=10))
        self.incident = await self.opened(LONG_AGO)
        await self.alarm("a1", LONG_AGO, "sent")
        monday = Rule(frozenset({0}), NOW.time(), "UTC", NOW.date() - timedelta(days=1), 1)
        self.duty = await tx.duty.add(self.group, None, monday, [self.berta], (), LONG_AGO)
        await tx.timers.set("duty", self.duty, NOW + timedelta(days=1))

    async def asked(self, due: datetime, state: Checkin, miss_at: datetime) -> int:
        """A check-in of Ana's."""
        id = await self.tx.checkins.new_id(self.ana, self.schedule, due)
        assert id is not None
        await self.set(tables.checkins, id, state=state, miss_at=miss_at)
        return id

    async def opened(self, at: datetime, number: int = 1) -> int:
        """An incident about Ana whose first step was told."""
        incident = Incident(
            id=0, number=number, group=self.group, subject=self.ana, kind=Kind.MISS, opened_at=at,
            plan=DEFAULT_PLAN, state=State.NOTIFYING, step=1, repeat_at=NOW + SLACK,
        )  # fmt: skip
        id = await self.tx.incidents.add(incident)
        await self.tx.timers.set("incident", id, NOW + SLACK)
        return id

    async def alarm(
        self, key: str, at: datetime, state: str, *, attempts: int = 1, of: str = ""
    ) -> None:
        """An alarm of the incident, or of something else, in some state."""
        await self.tx.outbox.add(
            key=key, lane=Lane.ALARM, platform="telegram", chat="1", chat_kind="private",
            operation="send", body={}, now=at, purpose=of or f"incident:{self.incident}:alarm",
        )  # fmt: skip
        await self.set_state(key, state, attempts=attempts)

    async def set_state(self, key: str, state: str, **more: object) -> None:
        """Change a message behind everybody's back."""
        await self.tx.connection.execute(
            sa.update(tables.outbox)
            .where(tables.outbox.c.key == key)
            .values(state=state, **more)
        )

    async def set(self, table: sa.Table, id: int, **values: object) -> None:
        """Change a row behind everybody's back."""
        await self.tx.connection.execute(
            sa.update(table).where(table.c.id == id).values(**values)
        )

    async def broken(self, at: datetime = NOW) -> set[str]:
        """What the audit finds."""
        return set(await self.tx.audit.broken(at))


@pytest_asyncio.fixture
async def rows(database: Database) -> AsyncIterator[Rows]:
    """The rows, in a transaction."""
    async with database.transaction() as tx:
        made = Rows(tx)
        await made.make()
        yield made


async def test_all_is_well(rows: Rows) -> None:
    assert await rows.broken() == set()


async def test_an_overdue_checkin_that_nobody_judged(rows: Rows) -> None:
    id = await rows.asked(NOW - timedelta(hours=2), Checkin.DUE, NOW - SLACK + SECOND)
    await rows.tx.timers.set("checkin", id, NOW + SLACK)
    assert await rows.broken() == set()
    assert await rows.broken(NOW + SECOND) == {"checkin_overdue_without_incident"}


async def test_a_miss_of_which_nobody_made_an_incident(rows: Rows) -> None:
    await rows.set(
        tables.incidents, rows.incident, state=State.RESOLVED, closed_at=NOW - timedelta(minutes=11)
    )
    assert await rows.broken() == {"miss_without_incident"}
    # Closed after the miss: it was about it.
    await rows.set(tables.incidents, rows.incident, closed_at=NOW - timedelta(minutes=9))
    assert await rows.broken() == set()


@pytest.mark.parametrize("kind", ["checkin", "schedule", "incident", "duty"])
async def test_something_alive_without_its_next_time(rows: Rows, kind: str) -> None:
    if kind == "checkin":
        await rows.asked(NOW, Checkin.DUE, NOW + SLACK)
    else:
        await rows.tx.timers.set(kind, getattr(rows, kind), None)
    what = "rotation" if kind == "duty" else kind
    assert await rows.broken() == {f"{what}_without_timer"}


async def test_a_timer_that_nobody_carries_out(rows: Rows) -> None:
    await rows.tx.timers.set("schedule", rows.schedule, NOW - SLACK)
    assert await rows.broken(NOW - SECOND) == set()
    assert await rows.broken() == {"timer_late"}


@pytest.mark.parametrize("state", ["queued", "leased", "sending"])
async def test_an_alarm_that_does_not_leave(rows: Rows, state: str) -> None:
    await rows.alarm("a2", NOW - SLACK, state, of="incident:99:news")
    assert await rows.broken(NOW - SECOND) == set()
    assert await rows.broken() == {"alarm_unsent"}


async def test_a_message_of_a_person_that_nobody_handles(rows: Rows) -> None:
    await rows.tx.inbox.store("telegram", [("1", "c", {})], "2", NOW - SLACK)
    assert await rows.broken(NOW - SECOND) == set()
    assert await rows.broken() == {"event_unhandled"}


UNREACHED = {"incident_nobody_reached"}

Story = Callable[[Rows], Awaitable[None]]


async def _never_arrived(rows: Rows) -> None:
    await rows.set_state("a1", "failed")


async def _newest_failed(rows: Rows) -> None:
    """Berta got the first one; since then her chat is closed."""
    await rows.alarm("a2", NOW - ARRIVAL, "failed")


async def _still_tried(rows: Rows) -> None:
    await rows.alarm("a2", NOW - ARRIVAL, "queued", attempts=3)


async def _no_rows(rows: Rows) -> None:
    """Nobody of the plan has any account."""
    await rows.tx.connection.execute(sa.delete(tables.outbox))


@pytest.mark.parametrize("story", [_never_arrived, _newest_failed, _still_tried, _no_rows])
async def test_an_incident_of_which_nobody_can_be_told(rows: Rows, story: Story) -> None:
    await story(rows)
    assert await rows.broken() == UNREACHED
    await rows.set(tables.incidents, rows.incident, state=State.CLAIMED)
    assert await rows.broken() == set()  # somebody has it


async def test_an_alarm_has_half_a_minute_to_arrive(rows: Rows) -> None:
    await rows.tx.connection.execute(sa.delete(tables.outbox))
    await rows.set(tables.incidents, rows.incident, opened_at=NOW)
    await rows.alarm("a2", NOW, "leased")
    assert await rows.broken(NOW + ARRIVAL - SECOND) == set()
    assert await rows.broken(NOW + ARRIVAL) == UNREACHED
    await rows.alarm("a3", NOW + SECOND, "sent")
    assert await rows.broken(NOW + ARRIVAL) == set()


async def test_another_incidents_alarm_says_nothing_about_this_one(rows: Rows) -> None:
    """Berta was told of Ana's an hour ago; the newer alarms are about somebody else."""
    carla = await rows.opened(LONG_AGO, number=2)
    await rows.alarm("b1", NOW - SLACK, "sent", of=f"incident:{carla}:alarm")
    assert await rows.broken() == set()
    await rows.set_state("a1", "failed")
    assert await rows.broken() == UNREACHED
    assert (await rows.tx.audit.broken(NOW)) == {"incident_nobody_reached": 1}


async def test_one_that_waits_for_its_first_attempt_is_only_late(rows: Rows) -> None:
    await rows.alarm("a2", NOW - SLACK, "queued", attempts=0)
    assert await rows.broken() == {"alarm_unsent"}


async def test_a_step_that_runs_later_has_its_time_too(rows: Rows) -> None:
    """A plan whose first step comes after an hour: the alarm has just been queued."""
    await rows.tx.connection.execute(sa.delete(tables.outbox))
    await rows.alarm("a2", NOW - SECOND, "leased")
    assert await rows.broken() == set()
    await rows.set(tables.incidents, rows.incident, step=0)
    await rows.tx.connection.execute(sa.delete(tables.outbox))
    assert await rows.broken() == set()  # nobody was to be told yet


async def test_a_digest_stands_for_the_alarms_of_many(rows: Rows) -> None:
    event = await rows.tx.mass.add(rows.group, "many", LONG_AGO)  # type: ignore[arg-type]
    await rows.set(tables.incidents, rows.incident, mass_id=event.id)
    await rows.tx.connection.execute(sa.delete(tables.outbox))
    assert await rows.broken() == UNREACHED
    await rows.alarm("d1", LONG_AGO, "sent", of=f"mass:{event.id}:digest")
    assert await rows.broken() == set()
    await rows.set_state("d1", "failed")
    assert await rows.broken() == UNREACHED
