"""P18: garbage does not stop the bot.

Each event goes the real way: stored in the inbox of a real SQLite database, carried out by the real
`Worker` with the real `Router`. The short version has its database in a file. The whole has it in
memory, where twenty times as many events fit into an hour; what differs is the thread that waits
for the disk, which knows nothing of what is in an event. What must hold of every one:

- nothing is raised out of the worker, and storing it does not fail either;
- it takes under a second, its three tries together;
- a well-formed one is never set aside; a malformed one may be, and then the operator hears of it;
- what other people have (accounts, schedules, check-ins, dialogs; everything of another group) is
  as it was;
- the next person's "auxilio" is queued within five seconds.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from datetime import time as wall
from pathlib import Path
from typing import Any
from unittest.mock import patch

import hypothesis
import sqlalchemy as sa
import structlog
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisWarning
from structlog.testing import capture_logs

from bot.acquaintances import PeopleWeKnow
from bot.app import new_token
from bot.domain.answers import understand, understand_yes_no
from bot.domain.incident import Kind
from bot.domain.lanes import Lane
from bot.domain.people import Role
from bot.domain.plan import DEFAULT_PLAN
from bot.domain.plan_text import read_plan
from bot.domain.schedule import EVERY_DAY, Schedule
from bot.domain.spoken import read_days, read_duration, read_instant, read_schedule, read_time
from bot.engine.handling import Occasion
from bot.engine.stepping import SteppedClock
from bot.engine.worker import TRIES, Worker
from bot.platforms.base import RawEvent
from bot.platforms.matrix.platform import MatrixPlatform
from bot.platforms.sandbox.platform import SandboxPlatform
from bot.platforms.sandbox.town import Town
from bot.platforms.telegram.parse import chat_of
from bot.platforms.telegram.platform import TelegramPlatform
from handlers import checkins, entries, incidents, invitations, joining, schedules
from handlers.context import Choice, Context, Place
from handlers.router import Router
from handlers.settings import Settings
from storage.configuring import Kind as Begun
from storage.database import Database
from storage.inbox import DONE, SET_ASIDE
from storage.keys import KeyInMemory
from storage.rows import Envelope
from storage.sealed_facts import SealedFacts
from storage.tables import data_keys, inbox, metadata, outbox
from tests.proofs import garbage_input as garbage
from tests.proofs.garbage_input import Raw, Who
from tests.proofs.proof import Figures
from tests.simulation.sqlite import Memory, MemoryDatabase

NOW = datetime(2026, 11, 17, 14, 0, tzinfo=UTC)
ZONE = "America/Mexico_City"
SLOWEST = 1.0
ALARM_WITHIN = 5.0
AT_ONCE = 500
"""Examples that hypothesis makes up in one go."""

ROLES: dict[str, frozenset[Role]] = {
    "defender": frozenset(),
    "responder": frozenset({Role.RESPONDER}),
    "coordinator": frozenset({Role.COORDINATOR, Role.RESPONDER}),
    "author": frozenset({Role.AUTHOR}),
    "approver": frozenset({Role.APPROVER}),
}
SPEAKERS = ("stranger", *ROLES)
PLATFORMS = ("telegram", "matrix", "sandbox")
KINDS = ("telegram", "matrix", "sandbox", "commands", "presses", "texts")
MOODS = ("idle", "asked", "dialog", "both")
"""What is open around the speaker: nothing, a check-in, a dialog, or both."""

OWNED = ("accounts", "schedules", "checkins")
"""Tables whose rows belong to one member."""


def address(platform: str, number: int) -> str:
    """The account of the person with that number."""
    return {"telegram": str(1000 + number), "matrix": f"@p{number}:x"}.get(platform, f"p{number}")


def private(platform: str, number: int) -> str:
    """The private chat of the person with that number."""
    return {"telegram": str(1000 + number), "matrix": f"!p{number}:x"}.get(platform, f"@p{number}")


PUBLIC = {"telegram": "-100500", "matrix": "!public:x", "sandbox": "#public"}
NEXT, OPERATOR, STRANGER = 50, 51, 99

Rows = dict[str, list[dict[str, Any]]]


@dataclass
class Tally:
    """What was counted over all examples."""

    events: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    alarm: float = 0.0


class TooSlow(AssertionError):
    """Something took longer than is promised."""


class Scene:
    """A database with two groups, put back as it was before each example."""

    def __init__(self, database: Database, folder: Path, memory: Memory | None = None) -> None:
        self.database = database
        self._memory = memory
        # In memory all is done by this thread: what other processes take is not counted.
        self._seconds = time.perf_counter if memory is None else time.thread_time
        self._images: dict[str, bytes] = {}
        self.clock = SteppedClock(NOW)
        self.settings = Settings(
            language="es",
            zone=ZONE,
            token=new_token,
            operators=frozenset({f"sandbox:{address('sandbox', OPERATOR)}"}),
        )
        self.router = Router(self.settings)
        self.platforms = {
            "telegram": TelegramPlatform(token="1:x", now=self.clock.now),
            "matrix": MatrixPlatform(
                homeserver="http://127.0.0.1:1", user_id="@bot:x", store_path=folder,
                pickle_key="0" * 64, secrets=SealedFacts(database),
                acquaintances=PeopleWeKnow(database, "matrix", (), self.clock),
                now=self.clock.now,
            ),
            "sandbox": SandboxPlatform(Town(self.clock.now)),
        }  # fmt: skip
        self.worker = Worker(database, self.platforms, self.router, self.clock)
        self.saved: dict[str, Rows] = {}
        self.kept: dict[str, Rows] = {}
        self.tokens: list[str] = []
        self.members: dict[str, int] = {}
        self.events = 0

    # --- building ---

    async def build(self) -> None:
        """Every mood, saved."""
        for mood in MOODS:
            async with self.database.transaction() as tx:
                await tx.erase_everything()
                await self._fill(Context(tx, NOW, self.settings), mood)
            self.saved[mood] = await self.rows()
            if self._memory is None:
                self.kept[mood] = await self.rows(sealed=True)
            else:
                self._images[mood] = self._memory.raw.serialize()
        self.tokens = [row["token"] for rows in self.saved.values() for row in rows["prompts"]]

    async def _fill(self, ctx: Context, mood: str) -> None:
        for group, first in (("Red", 0), ("Otra", 10)):
            id = await ctx.tx.people.add_group(group, group, "es", ZONE, NOW)
            people = {}
            for number, (role, roles) in enumerate(ROLES.items(), first):
                people[role] = await self._person(ctx, id, f"{role}{number}", roles, number)
            if group == "Red":
                self.members = people
                await self._person(ctx, id, "Zoe", frozenset(), NEXT)
                await self._person(ctx, id, "Opal", frozenset(), OPERATOR)
            await incidents.open_incident(ctx, people["defender"], Kind.PANIC)
            for number, (role, member) in enumerate(people.items(), first):
                await self._surround(ctx, mood, role, member, number)
            await ctx.tx.denunciations.add_destination(
                id, "sandbox", f"#canal{first}", "channel", group
            )
        await invitations.invite(ctx, 1, frozenset())

    async def _person(
        self, ctx: Context, group: int, name: str, roles: frozenset[Role], number: int
    ) -> int:
        member = await ctx.tx.people.add_member(group, name, "es", ZONE, roles, NOW)
        for platform in PLATFORMS:
            await ctx.tx.people.add_account(
                member, platform, address(platform, number), private(platform, number), NOW
            )
        return member

    async def _surround(self, ctx: Context, mood: str, role: str, member: int, number: int) -> None:
        rule = Schedule(EVERY_DAY, (wall(9),), ZONE, timedelta(minutes=45))
        schedule = await schedules.begin(ctx, member, rule)
        if mood in ("asked", "both"):
            await checkins.on_schedule(ctx, Occasion(checkins.SCHEDULE_TIMER, schedule, NOW, NOW))
        if mood not in ("dialog", "both"):
            return
        for platform in PLATFORMS:
            place = Place(platform, private(platform, number), "es", ZONE, member=member)
            there = Context(ctx.tx, NOW, self.settings, place=place)
            match role:
                case "defender":
                    await there.ask(
                        place, "doubt.question", (Choice("alarm", "button.alarm_now"),
                                                  Choice("manual", "button.manual")),
                        topic=checkins.DOUBT_TOPIC, ref=member, within=timedelta(minutes=2),
                    )  # fmt: skip
                case "responder":
                    await there.expect(incidents.TOPIC, "news", incident=1)
                case "coordinator":
                    await ctx.tx.configuring.put(
                        member, Begun.DRAFT, NOW, plan=DEFAULT_PLAN.to_json()
                    )
                    await there.ask(
                        place, "plan.confirm", (Choice("save", "button.save", DEFAULT_PLAN.fingerprint),),
                        topic="plan", ref=1, steps="", changes="", warnings="",
                    )  # fmt: skip
                case "author":
                    id = await there.tx.denunciations.add(
                        1, number * 10 + len(platform), member, NOW
                    )
                    await there.expect("denunciation", "title", denunciation=id)
                case "approver":
                    await there.expect("denunciation", "text", denunciation=1, title="x")
        for platform in PLATFORMS if role == "defender" and number < 10 else ():
            place = Place(platform, private(platform, STRANGER), "es", ZONE)
            there = Context(ctx.tx, NOW, self.settings, place=place)
            secret = await invitations.invite(ctx, 1, frozenset())
            await there.expect(joining.TOPIC, "name", invitation=invitations.secret_hash(secret))

    async def rows(self, *, sealed: bool = False) -> Rows:
        """Every table as it is, opened or with its envelopes."""
        found: Rows = {}
        async with self.database.transaction() as tx:
            for table in metadata.sorted_tables:
                if sealed:
                    kept = await tx.connection.execute(sa.select(table))
                    found[table.name] = [
                        {k: Envelope(v) if isinstance(v, bytes) else v for k, v in r._mapping.items()}
                        for r in kept
                    ]
                else:
                    opened = await tx.rows.all(sa.select(table))
                    found[table.name] = [row._asdict() for row in opened]
        return found

    async def restore(self, mood: str) -> None:
        """As it was built."""
        if self._memory is not None:
            self._memory.raw.deserialize(self._images[mood])
            return
        async with self.database.transaction() as tx:
            await tx.erase_everything()
            for table in metadata.sorted_tables:
                if table is not data_keys and (rows := self.kept[mood][table.name]):
                    await tx.connection.execute(sa.insert(table), rows)

    # --- running ---

    async def store(self, platform: str, there: str, raws: Iterable[Raw]) -> list[str]:
        """Keep these as the receivers do. Returns their ids."""
        events = []
        for raw in raws:
            self.events += 1
            chat = chat_of(raw) if platform == "telegram" else there
            events.append((f"e{self.events}", chat, raw))
        async with self.database.transaction() as tx:
            await tx.inbox.store(platform, events, "c", self.clock.now())
        return [event_id for event_id, _, _ in events]

    async def fate(self, event_id: str) -> tuple[str, str, int]:
        """Its state, why, and how often it was tried."""
        async with self.database.transaction() as tx:
            row = await tx.connection.execute(
                sa.select(inbox.c.state, inbox.c.error, inbox.c.attempts).where(
                    inbox.c.event_key == tx.rows.blind(inbox.c.event_key, event_id)
                )
            )
            return tuple(row.one())  # type: ignore[return-value]

    async def alarms(self) -> int:
        """Messages in the outbox's first lane that are about incidents."""
        async with self.database.transaction() as tx:
            found = await tx.connection.execute(
                sa.select(sa.func.count())
                .select_from(outbox)
                .where(outbox.c.lane == int(Lane.ALARM), outbox.c.purpose.like("incident:%"))
            )
            return int(found.scalar_one())

    async def told_operator(self) -> int:
        """Messages that the operator was sent."""
        async with self.database.transaction() as tx:
            there = tx.rows.blind(outbox.c.chat_key, private("sandbox", OPERATOR))
            found = await tx.connection.execute(
                sa.select(sa.func.count()).select_from(outbox).where(outbox.c.chat_key == there)
            )
            return int(found.scalar_one())

    async def alarm(self, *, after: str) -> float:
        """The next person cries for help: how long until it is queued. Raises if it is not."""
        before = await self.alarms()
        start = self._seconds()
        who = Who(address("sandbox", NEXT), private("sandbox", NEXT), "private")
        await self.store("sandbox", who.chat, [garbage.said("sandbox", who, "auxilio", NOW)])
        draining = asyncio.create_task(self.worker.drain())
        # It is queued long before everything that may be tried again is done.
        while await self.alarms() == before and not draining.done():
            await asyncio.wait([draining], timeout=0.01)
        took = self._seconds() - start
        await draining
        assert await self.alarms() > before, f"the alarm after {after} was not queued"
        if took >= ALARM_WITHIN:
            raise TooSlow(f"the alarm after {after} took {took:.1f} s")
        return took

    def others(self, rows: Rows, account: tuple[str, str] | None) -> dict[str, list[str]]:
        """What belongs to people other than the one of this account, comparable.

        Everything of the other group, and in the speaker's own group what each person has.
        """
        speaker = next(
            (r["member_id"] for r in rows["accounts"] if (r["platform"], r["address"]) == account),
            None,
        )
        chats = {
            (r["platform"], r["chat"]) for r in rows["accounts"] if r["member_id"] == speaker
        } | {(p, private(p, STRANGER)) for p in PLATFORMS}
        known = {r["id"] for r in self.saved["idle"]["members"]}
        mine = {r["id"] for r in rows["members"] if r["group_id"] == 2}
        group_of = {r["id"]: r["group_id"] for r in rows["incidents"]}
        kept: dict[str, list[str]] = {}
        for name in OWNED:
            kept[name] = [str(r) for r in rows[name] if r["member_id"] in known - {speaker}]
        kept["members"] = [str(r) for r in rows["members"] if r["id"] in known - {speaker}]
        kept["dialogs"] = [
            str(r) for r in rows["dialogs"]
            if (r["platform"], r["chat"]) in
            {(a["platform"], a["chat"]) for a in self.saved["idle"]["accounts"]} - chats
        ]  # fmt: skip
        if speaker not in mine:
            for name in ("incidents", "denunciations", "destinations"):
                kept[name] = [str(r) for r in rows[name] if r["group_id"] == 2]
            kept["groups"] = [str(r) for r in rows["groups"] if r["id"] == 2]
            kept["incident_events"] = [
                str(r) for r in rows["incident_events"] if group_of[r["incident_id"]] == 2
            ]
        return kept

    async def example(
        self, mood: str, platform: str, who: Who, events: list[tuple[bool, Raw]], tally: Tally
    ) -> None:
        """Some events of one person, then somebody else's alarm. Raises `AssertionError`.

        What is too slow is tried again: only what is slow each time is the event's fault and not
        that of a disk or a processor that others use too. Such stalls are counted.
        """
        for left in (2, 1, 0):
            try:
                await self._example(mood, platform, who, events, tally)
                return
            except TooSlow:
                tally.outcomes["stalls"] += 1
                if not left:
                    raise

    async def _example(
        self, mood: str, platform: str, who: Who, events: list[tuple[bool, Raw]], tally: Tally
    ) -> None:
        await self.restore(mood)
        before = self.saved[mood]
        accounts = {(platform, who.account)}
        malformed = 0
        for good, raw in events:
            parsed = "read"
            try:
                incoming = self.platforms[platform].parse(RawEvent("e", "", raw))
                if incoming is None:
                    parsed = "nothing"
                else:
                    accounts.add((platform, incoming.account))
            except Exception as error:
                parsed = f"not_read_{type(error).__name__}"
            assert not (good and "not_read" in parsed), f"a well-formed event is {parsed}"
            start = self._seconds()
            [event_id] = await self.store(platform, who.chat, [raw])
            await self.worker.drain()
            took = self._seconds() - start
            tally.events += 1
            if took >= SLOWEST:
                raise TooSlow(f"{took:.2f} s for one event")
            tally.slowest = max(tally.slowest, took)
            state, why, attempts = await self.fate(event_id)
            assert state in (DONE, SET_ASIDE), f"it is neither done nor set aside: {state}"
            if state == SET_ASIDE:
                malformed += 1
                assert not good, f"a well-formed event was set aside: {why}"
                assert attempts == TRIES, f"set aside after {attempts} tries"
            # What was deeper than is stored is read from the row, though not from the raw event.
            outcome = "set_aside" if state == SET_ASIDE else parsed.split("_")[0]
            tally.outcomes[("good_" if good else "malformed_") + outcome] += 1
        assert await self.told_operator() >= malformed, "the operator did not hear of it"
        after = await self.rows()
        if len(accounts) == 1:
            was, now = (self.others(rows, (platform, who.account)) for rows in (before, after))
            for table in was:
                changed = set(was[table]) ^ set(now[table])
                assert not changed, f"{table} of other people changed: {sorted(changed)[:2]}"
        tally.alarm = max(tally.alarm, await self.alarm(after="garbage"))


def speaker_at(platform: str, speaker: str, kind: str) -> Who:
    """Someone of the first group, or a stranger, in a chat of that kind."""
    number = STRANGER if speaker == "stranger" else list(ROLES).index(speaker)
    chat = private(platform, number) if kind == "private" else PUBLIC[platform]
    return Who(address(platform, number), chat, kind)


def examples_of(kind: str, scene: Scene) -> st.SearchStrategy[Any]:
    """(mood, platform, who, [(well-formed, raw)]) of one kind of garbage."""

    @st.composite
    def example(draw: st.DrawFn) -> Any:
        platform = kind if kind in PLATFORMS else draw(st.sampled_from(PLATFORMS))
        chat_kind = draw(st.sampled_from(["private", "private", "private", "group", "channel"]))
        who = speaker_at(platform, draw(st.sampled_from(SPEAKERS)), chat_kind)
        mood = draw(st.sampled_from(MOODS))
        if kind == "commands":
            one = garbage.commands.map(lambda t: (True, garbage.said(platform, who, t, NOW)))
        elif kind == "texts":
            one = garbage.texts.map(lambda t: (True, garbage.said(platform, who, t, NOW)))
        elif kind == "presses":
            one = garbage.presses(scene.tokens).map(
                lambda d: (True, garbage.pressed(platform, who, d, NOW))
            )
        else:
            make, fields = {
                "telegram": (garbage.telegram_updates, garbage.TELEGRAM_FIELDS),
                "matrix": (garbage.matrix_events, garbage.MATRIX_FIELDS),
                "sandbox": (garbage.sandbox_events, garbage.SANDBOX_FIELDS),
            }[kind]
            good = make(who, NOW)
            one = st.one_of(
                good.map(lambda raw: (True, raw)),
                garbage.spoilt(good, fields).map(lambda raw: (False, raw)),
                garbage.spoilt(good, fields).map(lambda raw: (False, raw)),
            )
        return mood, platform, who, draw(st.lists(one, min_size=1, max_size=8))

    return example()


def _fuzz(
    kind: str, scene: Scene, loop: asyncio.AbstractEventLoop, events: int, seed: int, tally: Tally
) -> str:
    """At least so many events of a kind; in a thread, for hypothesis knows no `await`.

    Returns what went wrong, "" if nothing did.
    """
    aim = tally.events + events
    while tally.events < aim:
        # In several goes: hypothesis remembers every example of one.
        wanted = max(1, min(AT_ONCE, (aim - tally.events) // 3))

        @hypothesis.seed(seed)
        @settings(
            max_examples=wanted,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink),
            report_multiple_bugs=False,
            print_blob=False,
        )
        @hypothesis.given(examples_of(kind, scene))
        def run(example: Any) -> None:
            mood, platform, who, raws = example
            if tally.events >= aim + events:  # shrinking does not go on for ever
                return
            with capture_logs():
                work = scene.example(mood, platform, who, raws, tally)
                asyncio.run_coroutine_threadsafe(work, loop).result()

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", HypothesisWarning)  # of a text of a million letters
                run()
        except Exception as error:
            notes = " ".join(getattr(error, "__notes__", []))
            return f"{kind}: {type(error).__name__}: {str(error)[:400]} {notes[:600]}"
        seed += 1_000_000
    return ""


# --- a poisonous event --------------------------------------------------------------------------


async def _poison(scene: Scene, figures: Figures) -> float:
    """A handler that raises for some events: set aside, announced, and nobody waits for them."""
    await scene.restore("idle")
    who = speaker_at("sandbox", "defender", "private")
    tries: Counter[str] = Counter()

    async def raises(ctx: Context, rest: str) -> None:
        tries[rest] += 1
        raise RuntimeError("poison")

    entry = next(e for e in entries.ENTRIES if e.name == "estado")
    poisonous = {w: type(entry)(entry.name, entry.aliases, entry.action, raises)
                 for w in ("estado", "status")}  # fmt: skip
    with ExitStack() as stack:
        stack.enter_context(patch.dict(entries.BY_WORD, poisonous))
        logs = stack.enter_context(capture_logs())
        rows = [garbage.said("sandbox", who, f"/estado {n}", NOW) for n in range(60)]
        ids = await scene.store("sandbox", who.chat, rows)
        took = await scene.alarm(after="60 poisonous events")
    for event_id in ids:
        state, _, attempts = await scene.fate(event_id)
        figures.check((state, attempts) == (SET_ASIDE, TRIES), f"poison: {state} after {attempts}")
    # Once more with others: that time does not count, since any of them may have been the one.
    figures.check(set(tries.values()) == {TRIES + 1}, f"poison was tried {dict(tries)}")
    figures.check(await scene.told_operator() >= len(ids), "the operator heard of fewer poisons")
    figures.check(took < ALARM_WITHIN, f"the alarm behind 60 poisonous events took {took:.1f} s")
    figures.check("poison" not in str([e for e in logs if e]), "the log holds an error's words")
    return took


async def _poison_that_spoils_its_announcement(scene: Scene, figures: Figures) -> None:
    """Where even the answer to a poisonous event fails, the worker still goes on."""
    await scene.restore("idle")
    who = speaker_at("sandbox", "defender", "private")

    async def raises(*_: object) -> None:
        raise RuntimeError("poison")

    with patch.object(Router, "_context", raises), capture_logs():
        poisonous = garbage.said("sandbox", who, "hola", NOW)
        [event_id] = await scene.store("sandbox", who.chat, [poisonous])
        try:
            await asyncio.wait_for(scene.worker.drain(), ALARM_WITHIN)
        except Exception as error:
            figures.problems.append(f"out of the worker: {type(error).__name__}")
    state, _, attempts = await scene.fate(event_id)
    figures.check((state, attempts) == (SET_ASIDE, TRIES), f"poison: {state} after {attempts}")
    figures.check(await scene.told_operator() > 0, "the operator did not hear of that poison")


# --- slow words ---------------------------------------------------------------------------------

READERS = {
    "understand": understand,
    "understand_yes_no": understand_yes_no,
    "read_duration": read_duration,
    "read_time": read_time,
    "read_days": read_days,
    "read_schedule": read_schedule,
    "read_instant": lambda text: read_instant(text, NOW, ZONE),
    "read_plan": read_plan,
}
PIECES = (
    "a", "9", "1 ", " ", "\n", "\t", "\u200b", "\u0301", "\0", "😀", "no ", "ay uda ", "aux", "sos ",
    "bien ", "bieeen ", "cuarenta y ", "y media ", "1h", "1 h ", "1,", "1.", ":", "9:", "lunes-",
    "lun a vie ", "todos los dias ", "menos ", "de la ", "a las ", "primero de ", "lunes ", "en ",
    "hasta ", "margen ", "avisos 1 ", "sin ", "ya: a", "ya: a, ", ";", "y ", " y", ", ", " ,",
    "repetir ", "repeat every ", "after ", "¿", "?", "y tú ", "/", "-", "ﷺ", "ᄀ",
)  # fmt: skip


def _slow_words(full: bool, seed: int) -> tuple[int, float, list[str]]:
    """Long repeats of the readers' own words: how many were tried, the slowest, and what is wrong.

    In seconds of this thread's processor, so that other processes do not count.
    """
    problems: list[str] = []
    worst, tried = 0.0, 0
    pairs = [(a, b) for a in PIECES for b in ("", *PIECES)]
    if not full:
        pairs = pairs[seed % 53 :: 53] + [("ya: x", " "), ("ya: ", " ,")]
    for first, rest in pairs:
        for length in (90, 390, 4000, 60_000):
            text = first + (rest or first) * (length // len(rest or first)) + "x"
            for name, read in READERS.items():
                start = time.thread_time()
                try:
                    read(text)
                except Exception as error:
                    problems.append(f"{name} of {first!r}+{rest!r}*: {error!r}"[:300])
                took = time.thread_time() - start
                tried += 1
                worst = max(worst, took)
                if took > SLOWEST / 2:
                    problems.append(f"{name} took {took:.2f} s for {first!r}+{rest!r}* of {length}")
                    if len(problems) > 20:
                        return tried, worst, problems
    return tried, worst, problems


@asynccontextmanager
async def _scene(memory: Memory | None = None) -> AsyncIterator[Scene]:
    """One with everything built, in a file of its own or in memory."""
    # The first date with a month's name loads dateparser: once in the life of a process.
    read_instant("1 enero", NOW, ZONE)
    with tempfile.TemporaryDirectory() as folder:
        if memory is None:
            database = Database(str(Path(folder) / "acuerpa.db"), KeyInMemory())
            await database.open()
        else:
            database = MemoryDatabase(memory)
        scene = Scene(database, Path(folder), memory)
        with capture_logs():
            await scene.build()
        yield scene
        if memory is None:
            await database.close()


async def _of_kind(scene: Scene, kind: str, seed: int, events: int) -> tuple[Tally, str]:
    """So many events of a kind: what was counted, and what went wrong."""
    tally = Tally()
    loop = asyncio.get_running_loop()
    return tally, await asyncio.to_thread(_fuzz, kind, scene, loop, events, seed, tally)


def _alone(kind: str, seed: int, events: int) -> tuple[Tally, str]:
    """The same in a process of its own."""

    async def work() -> tuple[Tally, str]:
        async with _scene(Memory()) as scene:
            return await _of_kind(scene, kind, seed, events)

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    return asyncio.run(work())


def _all_kinds(events: int, seeds: Sequence[int]) -> list[tuple[Tally, str]]:
    """Every kind, on all processors."""
    if not events:
        return []
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(_alone, KINDS, seeds, [events] * len(KINDS)))


async def p18(
    full: bool, seed: int, *, events_of_each_kind: int = 20_000, words: bool = True
) -> Figures:
    """Garbage of every kind, a poisonous event, and words that might be slow to read."""
    figures = Figures(worst_delay_s=0.0)
    counts: Counter[str] = Counter()
    slowest = 0.0
    seeds = [seed + 1000 * number for number in range(len(KINDS))]
    async with _scene() as scene:
        if full:
            every = await asyncio.to_thread(_all_kinds, events_of_each_kind, seeds)
        else:
            every = [await _of_kind(scene, *it, 50) for it in zip(KINDS, seeds, strict=True)]
        for tally, problem in every:
            if problem:
                figures.problems.append(problem)
            figures.runs += tally.events
            counts.update(tally.outcomes)
            slowest = max(slowest, tally.slowest)
            figures.worst_delay_s = max(figures.worst_delay_s or 0.0, tally.alarm)
        try:
            delay = await _poison(scene, figures)
            figures.worst_delay_s = max(figures.worst_delay_s or 0.0, delay)
        except Exception as error:
            figures.problems.append(f"poison: {type(error).__name__}: {error}")
        await _poison_that_spoils_its_announcement(scene, figures)
    tried, worst, problems = 0, 0.0, list[str]()
    if words:
        tried, worst, problems = await asyncio.to_thread(_slow_words, full, seed)
    figures.problems += problems
    figures.more = {
        **dict(sorted(counts.items())),
        "slowest_event_s": f"{slowest:.2f}",
        "slow_words": tried,
        "slowest_words_s": f"{worst:.2f}",
    }
    return figures
