"""Every role × every command, answer and step of a conversation × every kind of chat.

Each case goes through the real `Router` in a transaction that is rolled back, so that all begin from
the same scene. Two things are judged: what was written and answered, against the table of
`own_tables`; and every canary in what was queued, against `own_scene`.
"""

from __future__ import annotations

import base64
import json
import random
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from bot.domain.drill import of_plan
from bot.domain.duty import Change, Rule, Turn
from bot.domain.mass import Origin
from bot.domain.people import Role
from bot.domain.plan import DEFAULT_PLAN
from bot.domain.schedule import EVERY_DAY, Schedule
from bot.domain.trip import Purpose
from bot.platforms.base import ChatKind, Incoming, PlatformName, Press, Text
from bot.platforms.sandbox.town import private_chat
from bot.texts import Texts
from handlers import entries, rights
from handlers.context import WHOSE
from handlers.router import Router
from storage.configuring import Kind as Begun
from storage.conversations import Dialog, Option
from storage.duty import OVERRIDE
from storage.tables import outbox, prompts
from storage.transaction import Transaction
from storage.trips import Standing
from tests.proofs import own_tables as tables
from tests.proofs.own_scene import NEWS, NOTE, WORDS, Around, Facts, Scene, Someone, canaries_in
from tests.proofs.proof import Figures

PROPOSED = Schedule(EVERY_DAY, (time(9),), "UTC", timedelta(minutes=45))

HARMLESS = frozenset({"accounts", "outbox", "dialogs"})
"""What may be written for somebody who may not: that they were here, an answer, that a conversation
is over."""

WRITTEN = re.compile(r"^\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+\"?(\w+)", re.IGNORECASE)
DENIED = Texts("es", "UTC", datetime(2026, 1, 1, tzinfo=UTC)).plain("not_allowed")
ROLES: tuple[frozenset[Role], ...] = (frozenset(), *(frozenset({role}) for role in Role))


SUMMARIES: dict[str, dict[str, Any]] = {
    "region": {"name": "Costa"},
    "rotation": {"region": 0, "days": [0], "at": "09:00", "order": [], "substitutes": []},
}
"""What is to be confirmed, at the end of a conversation."""


class Back(Exception):
    """Everything as it was."""


@dataclass
class Outcome:
    """What one event did."""

    wrote: set[str] = field(default_factory=set)
    said: list[tuple[str, str, set[str]]] = field(default_factory=list)  # chat, text, fresh canaries
    after: Facts = field(default_factory=Facts)

    def denied(self, chat: str) -> bool:
        """Whether the answer was that it is not for them."""
        return any(DENIED in text for where, text, _ in self.said if where == chat)


class Enumeration:
    """All cases, over one scene."""

    def __init__(self, scene: Scene, figures: Figures, rng: random.Random, full: bool) -> None:
        self.scene = scene
        self.figures = figures
        self.rng = rng
        self.full = full
        self.router = Router(scene.settings)
        self.statements: list[str] = []
        self.cases = 0
        self.shown = 0
        self.last = 0
        self.base = Facts()
        self.refs: dict[str, int] = {}
        self.words: dict[str, str] = {}

    # --- the scene ---

    async def prepare(self) -> None:
        """Something of everything: what people did before."""
        scene, town = self.scene, self.scene.town
        people = scene.people
        ana, abril, berta = people["ana"], people["abril"], people["berta"]

        async def writes(who: str, text: str) -> None:
            town.writes(people[who].key, text)
            await scene.bot.settle()

        async def presses(who: str, label: str) -> None:
            for message in reversed(town.sees(people[who].key)):
                for row in message.buttons:
                    for button in row:
                        if label in button.label:
                            town.presses(people[who].key, message.id, button.data)
                            await scene.bot.settle()
                            return
            raise LookupError(f"{who} has no {label}")

        for who in people:
            await writes(who, f"hola {scene.canary(who, WORDS)}")
        note = scene.canary("abril", NOTE, abril.member or 0)
        await writes("abril", f"/ficha salud {note}")
        for who in ("ana", "abril", "omar"):
            await writes(who, "/horario 15:00 y 15:50 margen 45 min sin avisos")
        await scene.bot.until(scene.clock.now() + timedelta(hours=1))
        await writes("omar", "ok")
        await scene.bot.until(scene.clock.now() + timedelta(minutes=44))
        await writes("ana", "ok")
        await scene.bot.until(scene.clock.now() + timedelta(minutes=2))
        await presses("berta", "Yo me encargo")
        news = scene.canary("berta", NEWS, 1)
        await writes("berta", f"/novedad 1 {news}")
        await writes("oriana", "auxilio")
        await writes("olga", "/denuncia")
        draft = [scene.canary("olga", "d", 1) for _ in "tx"]
        await writes("olga", draft[0])
        await writes("olga", draft[1])
        await presses("olga", "Enviar a revisión")
        await writes("coral", f"/rol {ana.name} red")
        await presses("coral", "Pedirlo")
        await writes("coral", "/invitar red")
        await writes("ana", "/trayecto Juchitán 23:00")
        await writes("ana", "/preguntame 23:30")
        await scene.bot.until(scene.clock.now() + timedelta(minutes=10))  # asked again
        scene.news()
        async with scene.database.transaction() as tx:
            group = scene.groups["Red"]
            practised = of_plan(DEFAULT_PLAN, 1, group, None, scene.clock.now())
            told = frozenset(p.member for p in (berta, people["carla"], people["nadia"]) if p.member)
            event = await tx.mass.add(group, Origin.MANY, scene.clock.now())
            await tx.connection.execute(
                sa.text("UPDATE incidents SET mass_id = :m WHERE id = 1"), {"m": event.id}
            )
            await tx.denunciations.add_destination(group, "sandbox", "#plaza", "group", "Plaza")
            there = await tx.denunciations.destination_in("sandbox", "#plaza")
            (checkin,) = await tx.checkins.open_of(ana.member or 0)
            (schedule,) = await tx.checkins.schedules_of(ana.member or 0)
            (invitation, *_) = await tx.invitations.live_of(group, scene.clock.now() - timedelta(1))
            decision = await tx.decisions.get(1)
            written = await tx.denunciations.get(1)
            trip, once = (t.id for t in await tx.trips.open_of(ana.member or 0))
            collective = await tx.trips.add(
                ana.member or 0, Purpose.COLLECTIVE, "Asamblea", [], scene.clock.now()
            )
            await tx.trips.add_companion(collective.id, ana.member, "", Standing.ASKED)
            account = await tx.people.account("sandbox", ana.key)
            assert there is not None
            assert account is not None
            assert decision is not None
            assert written is not None
            region, rotation, turn = await self._duty(tx, group)
            alliance = await tx.alliances.ask(scene.groups["Otra"], group, scene.clock.now())
            await tx.alliances.agree(alliance.id, scene.clock.now())
            feed, alert = await self._followed(tx, group)
            drill = await tx.drills.add(replace(practised, run=replace(practised.run, told=told)))
            await tx.drills.told(drill.id, told, 1, scene.clock.now())
            self.base = await Facts.read(tx)
            found = await tx.connection.execute(sa.select(sa.func.max(outbox.c.seq)))
            self.last = found.scalar_one()
        self.refs = {
            "checkin": checkin.id, "doubt": ana.member or 0, "schedule": schedule.id, "incident": 1,
            "mass": event.id, "joining": 1, "invitations": invitation.id, "plan": group,
            "consent": ana.member or 0, "roles": ana.member or 0, "offer": 1,
            "own_roles": berta.member or 0, "decision": 1, "request": 1, "export": group,
            "log": group, "my_data": ana.member or 0, "denunciation": 1, "destination": there.id,
            "draft": 1, "named": 1, "subscription": ana.member or 0, "topics": group,
            "alliance": alliance.id, "feed": feed, "followed": alert,
            "region": group, "own_region": region, "rotation": group, "rotation_offer": rotation,
            "duty": turn, "shifts": berta.member or 0, "swap": rotation, "cover": rotation,
            "trip": trip, "once": once, "reading": ana.member or 0,
            "collective": collective.id,
            "plan_edit": people["coral"].member or 0, "proposal": ana.member or 0,
            "aftercare": 1, "feedback": 1, "note": 1, "care": -group,
            "complaint": -(ana.member or 0), "complaint_case": 1,
            "panic": ana.member or 0, "drill": drill.id, "drills": group,
            "contact": berta.member or 0, "identity": account.id, "comparison": account.id,
            "lost": ana.member or 0,
        }  # fmt: skip
        self.words = {
            "ana": ana.name, "carla": str(people["carla"].member),
            "plan": DEFAULT_PLAN.fingerprint, "fingerprint": decision.fingerprint,
            "draft": written.fingerprint, "abril": abril.name, "berta": berta.name,
            "proposal": json.dumps([people["coral"].member, PROPOSED.to_json()]),
            **self._shifts_in_words(),
        }  # fmt: skip

    async def _followed(self, tx: Transaction, group: int) -> tuple[int, int]:
        """A feed of another organisation, and an alert of theirs that waits for a decision."""
        now, coral = self.scene.clock.now(), self.scene.people["coral"].member or 0
        feed = await tx.following.follow(group, "https://sierra.example/feed.xml", "", coral, now)
        await tx.following.looked(feed, now, now, title="Sierra")
        alert = await tx.following.offer(
            feed, "1", title="Alerta", link="", summary="", verified=False, now=now
        )
        return feed, alert.id

    async def _duty(self, tx: Transaction, group: int) -> tuple[int, int, int]:
        """A region with Ana in it, and a rotation of Berta and Elena, which Carla is yet to accept.

        Carla has a shift of Berta's besides, because who coordinates wished it.
        """
        now, people = self.scene.clock.now(), self.scene.people
        ana, berta, carla, elena = (
            people[who].member or 0 for who in ("ana", "berta", "carla", "elena")
        )
        region = await tx.regions.add(group, "Sierra", "UTC", now)
        await tx.regions.put(ana, region, now)
        rule = Rule(EVERY_DAY, time(9), "UTC", now.date(), 2)
        rotation = await tx.duty.add(group, None, rule, [berta, elena], [carla], now)
        for member in (berta, elena):
            await tx.duty.accept(rotation, member, now)
        self.rotation, self.rule = rotation, rule
        covered = Change(rule.begins(8), rule.begins(9), carla)
        await tx.duty.change(rotation, covered, OVERRIDE, now)
        turn = Turn(rotation, rule.begins(0), rule.begins(1), berta, (berta,))
        await tx.timers.set("duty", rotation, rule.begins(1))
        return region, rotation, await tx.duty.save(turn)

    def _shifts_in_words(self) -> dict[str, str]:
        """What answers about shifts carry: Berta has the even ones, Elena the odd ones."""
        at = [int(self.rule.begins(n).timestamp()) for n in range(10)]
        berta, carla = (self.scene.people[who].member for who in ("berta", "carla"))
        now = int(self.scene.clock.now().timestamp())
        return {
            "region": str(self.refs["own_region"]), "rotation": str(self.rotation),
            "give": f"{self.rotation}:{at[4]}", "swap": f"{self.rotation}:{at[4]}:{at[5]}",
            "offer": f"{at[4]}:{at[5]}:{berta}", "cover": f"{at[6]}:{at[7]}:{carla}",
            "undo": f"{at[8]}:{carla}:{now}", "refuse": f"{at[8]}",
        }  # fmt: skip

    # --- one case ---

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        engine = self.scene.database._engine.sync_engine

        def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            self.statements.append(statement)

        sa.event.listen(engine, "before_cursor_execute", note)
        try:
            yield
        finally:
            sa.event.remove(engine, "before_cursor_execute", note)

    @asynccontextmanager
    async def _undone(self) -> AsyncIterator[Transaction]:
        """A transaction of which nothing stays."""
        try:
            async with self.scene.database.transaction() as tx:
                yield tx
                raise Back
        except Back:
            pass

    async def _event(self, tx: Transaction, event: Incoming) -> Outcome:
        self.cases += 1
        self.statements.clear()
        outcome = Outcome()
        async with self._listening():
            await self.router.incoming(tx, event, self.scene.clock.now())
        outcome.wrote = {m[1] for s in self.statements if (m := WRITTEN.match(s))}
        rows = await tx.rows.all(
            sa.select(outbox.c.seq, outbox.c.chat, outbox.c.body, outbox.c.target).where(
                outbox.c.seq > self.last
            )
        )
        for row in rows:
            body = str(row.body)
            known: set[str] = set()
            if row.target:
                original = await tx.outbox.get(row.target)
                known = canaries_in(str(original.body)) if original else set()
            text = "".join(span[0] for span in row.body.get("text", []))
            outcome.said.append((row.chat, text, canaries_in(body, _files(row.body)) - known))
        if any(fresh for _, _, fresh in outcome.said):
            outcome.after = await Facts.read(tx)
        # What somebody wrote themselves is no news to them.
        own = canaries_in(event.body.text) if isinstance(event.body, Text) else set()
        chat = private_chat(event.account)
        outcome.said = [(c, t, fresh - own if c == chat else fresh) for c, t, fresh in outcome.said]
        return outcome

    def _incoming(
        self, who: Someone, body: Text | Press, kind: ChatKind, chat: str = ""
    ) -> Incoming:
        where = chat or (private_chat(who.key) if kind is ChatKind.PRIVATE else "#plaza")
        at = self.scene.clock.now()
        return Incoming(
            PlatformName.SANDBOX, f"case{self.cases}", who.key, where, kind, at, body, language="es"
        )

    def _judge_canaries(
        self, case: str, outcome: Outcome, who: Someone, roles: Iterable[Role] | None = None
    ) -> None:
        # Each case begins from the same facts, but for the speaker's roles.
        before = self.base
        if roles is not None and who.member is not None:
            held = frozenset(str(role) for role in roles)
            before = replace(before, roles={**before.roles, who.member: held})
        around = Around(before, outcome.after)
        by_chat = {private_chat(p.key): p for p in self.scene.people.values()}
        by_key = {p.key: p for p in self.scene.people.values()}
        for chat, text, fresh in outcome.said:
            reader = by_chat.get(chat) or by_key.get(chat)
            for word in fresh:
                canary = self.scene.canaries.get(word)
                if canary is None:
                    continue
                owner = self.scene.people[canary.owner]
                if reader is not None and reader.who == owner.who:
                    continue
                self.shown += 1
                if reader is None:
                    granted = around.published(canary)
                else:
                    granted = around.grants(reader.member, reader.who == "opal", canary)
                self.figures.check(
                    granted,
                    f"{case}: {reader.who if reader else chat} is shown {canary} in {text[:80]!r}",
                )

    def _judge(
        self, case: str, outcome: Outcome, who: Someone, *, allowed: bool,
        roles: Iterable[Role] | None = None,
    ) -> None:  # fmt: skip
        self._judge_canaries(case, outcome, who, roles)
        chat = private_chat(who.key)
        more = outcome.wrote - HARMLESS
        if not allowed:
            self.figures.check(not more, f"{case}: may not, and wrote {sorted(more)}")
            self.figures.check(
                all(where == chat for where, _, _ in outcome.said),
                f"{case}: may not, and others heard something",
            )
        else:
            self.figures.check(not outcome.denied(chat), f"{case}: may, and was told it may not")

    async def _has(self, tx: Transaction, who: Someone, roles: frozenset[Role]) -> None:
        if who.member is not None:
            await tx.people.set_member(who.member, roles=roles)

    def _may(self, allowed: frozenset[object], who: Someone, roles: Iterable[object]) -> bool:
        held: set[object] = set(roles)
        held.add(tables.MEMBER if who.member is not None else tables.STRANGER)
        if who.who == "opal":
            held.add(tables.OPERATOR)
        return not allowed.isdisjoint(held)

    # --- commands ---

    async def commands(self) -> None:
        """Each command by each role and by strangers, in each kind of chat."""
        named = {entry.name for entry in entries.ENTRIES} | {"ayuda"}
        self.figures.check(
            named == set(tables.COMMANDS), f"not in own_tables: {named ^ set(tables.COMMANDS)}"
        )
        people = self.scene.people
        speakers = [(people["abril"], roles) for roles in ROLES]
        speakers += [(people[who], None) for who in ("ximena", "opal", "otilia", "coral", "rita")]
        for name in sorted(named & set(tables.COMMANDS)):
            argument = tables.ARGUMENTS.get(name, "").format(**self.words)
            for who, roles in speakers:
                for kind in ChatKind:
                    await self._command(name, argument, who, roles, kind)

    async def _command(
        self, name: str, argument: str, who: Someone, roles: frozenset[Role] | None, kind: ChatKind
    ) -> None:
        async with self._undone() as tx:
            if roles is not None:
                await self._has(tx, who, roles)
            held = roles
            if held is None and who.member is not None:
                held = (await tx.people.member(who.member)).roles
            allowed = self._may(tables.COMMANDS[name], who, held or ())
            if kind is not ChatKind.PRIVATE:
                here = tables.IN_PUBLIC.get(name, frozenset[object]())
                allowed = who.member is not None and self._may(here, who, held or ())
            event = self._incoming(who, Text(f"/{name} {argument}".strip()), kind)
            outcome = await self._event(tx, event)
        case = f"/{name} by {who.who} with {sorted(held or ())} in a {kind} chat"
        self._judge(case, outcome, who, allowed=allowed, roles=held)
        chat = private_chat(who.key)
        if allowed:
            self.figures.check(bool(outcome.said), f"{case}: may, and heard nothing")
        elif kind is not ChatKind.PRIVATE or who.member is None:
            self.figures.check(not outcome.said, f"{case}: may not, and was answered")
        else:
            self.figures.check(outcome.denied(chat), f"{case}: may not, and was not told so")

    # --- answers ---

    async def presses(self) -> None:
        """Each answer by whom it was offered to, with each role; and by everyone else."""
        known = {(topic, does) for topic, of in rights.PRESSES.items() for does in of}
        self.figures.check(
            known == set(tables.PRESSES), f"not in own_tables: {known ^ set(tables.PRESSES)}"
        )
        for (topic, does), (may, owner, argument) in sorted(tables.PRESSES.items()):
            who = self.scene.people[owner]
            values = argument.format(**self.words)
            for roles in ROLES if who.member is not None else ROLES[:1]:
                case = f"{topic}.{does} by {owner} with {sorted(roles)}"
                allowed = self._may(may, who, roles)
                outcome = await self._press(topic, does, values, who, who, roles)
                self._judge(case, outcome, who, allowed=allowed, roles=roles)
                if not allowed and who.member is not None:
                    chat = private_chat(who.key)
                    self.figures.check(outcome.denied(chat), f"{case}: was not told so")
            for kind in (ChatKind.GROUP, ChatKind.CHANNEL):
                outcome = await self._press(topic, does, values, who, who, None, kind=kind)
                case = f"{topic}.{does} by {owner} in a {kind}"
                self._judge(case, outcome, who, allowed=False)
                self.figures.check(not outcome.said, f"{case}: was answered")
            for other in self.others(owner):
                for there in (private_chat(other.key), private_chat(who.key)):
                    if who.member is None and there == private_chat(who.key):
                        continue  # two strangers in one chat: an invitation is for whoever has it
                    outcome = await self._press(topic, does, values, who, other, None, chat=there)
                    case = f"{topic}.{does} of {owner}'s by {other.who} in {there}"
                    # An answer goes to the chat in which somebody spoke.
                    more = outcome.wrote - HARMLESS
                    self.figures.check(not more, f"{case}: wrote {sorted(more)}")
                    self._judge_canaries(case, outcome, other)

    def others(self, owner: str) -> list[Someone]:
        """Everyone else; in the short version a few of them, by chance."""
        found = [p for p in self.scene.people.values() if p.who != owner]
        return found if self.full else self.rng.sample(found, 2)

    async def _press(
        self, topic: str, does: str, argument: str, owner: Someone, by: Someone,
        roles: frozenset[Role] | None, *, kind: ChatKind = ChatKind.PRIVATE, chat: str = "",
    ) -> Outcome:  # fmt: skip
        async with self._undone() as tx:
            if roles is not None:
                await self._has(tx, owner, roles)
            await tx.connection.execute(sa.delete(prompts))
            at = self.scene.clock.now()
            await tx.conversations.open_prompt(
                token="t" * 22, platform="sandbox", chat=private_chat(owner.key), topic=topic,
                ref=self.refs[topic], options=[Option(1, does, does, argument)], outbox_key="k",
                text=[["?", "plain"]], now=at, member=owner.member,
            )  # fmt: skip
            if topic == "joining":
                await self._dialog(tx, owner, "joining", "agree")
            if topic in SUMMARIES:
                await self._dialog(tx, owner, topic, "sure", **SUMMARIES[topic])
            if topic == "plan" and owner.member is not None:
                draft = DEFAULT_PLAN.to_json()
                await tx.configuring.put(owner.member, Begun.DRAFT, at, plan=draft)
            event = self._incoming(by, Press("t" * 22 + ":1", "m", "p"), kind, chat)
            return await self._event(tx, event)

    # --- conversations ---

    async def talks(self) -> None:
        """Words at each step of a conversation, once its owner has each role."""
        known = {(topic, step) for topic, of in rights.DIALOGS.items() for step in of}
        self.figures.check(
            known == set(tables.TALKS), f"not in own_tables: {known ^ set(tables.TALKS)}"
        )
        for (topic, step), (may, owner) in sorted(tables.TALKS.items()):
            who = self.scene.people[owner]
            for roles in ROLES if who.member is not None else ROLES[:1]:
                case = f"words at {topic}.{step} by {owner} with {sorted(roles)}"
                allowed = self._may(may, who, roles)
                async with self._undone() as tx:
                    await self._has(tx, who, roles)
                    await self._dialog(tx, who, topic, step)
                    outcome = await self._event(
                        tx, self._incoming(who, Text("Nube Blanca"), ChatKind.PRIVATE)
                    )
                    there = await tx.conversations.dialog(
                        "sandbox", private_chat(who.key), self.scene.clock.now()
                    )
                self._judge(case, outcome, who, allowed=allowed, roles=roles)
                if not allowed:
                    self.figures.check(there is None, f"{case}: may not, and it goes on")

    async def _dialog(
        self, tx: Transaction, who: Someone, topic: str, step: str, **more: Any
    ) -> None:
        data = {
            "invitation": "0" * 64, "incident": 1, "denunciation": 1, "title": "x",
            "words": ["salt", "0" * 64], "region": self.refs["own_region"], "often": "week",
            "days": [0], "at": "09:00", "rotation": self.rotation,
            "trip": self.refs["trip"], "what": "once", "line": "x",
            "instants": ["2030-01-01T10:00:00+00:00"], "kind": "legal", "name": "x", "written": [],
            "part": "what", **more,
            WHOSE: who.member,
        }  # fmt: skip
        at = self.scene.clock.now() + timedelta(hours=1)
        await tx.conversations.set_dialog(
            "sandbox", private_chat(who.key), Dialog(topic, step, data, at)
        )


def _files(body: Any) -> str:
    return " ".join(
        base64.b64decode(content).decode("utf-8", "ignore")
        for _, mime, content in body.get("files", [])
        if mime == "text/plain"
    )


async def enumerated(scene: Scene, figures: Figures, rng: random.Random, *, full: bool) -> None:
    """All of it."""
    await scene.fill()
    cases = Enumeration(scene, figures, rng, full)
    await cases.prepare()
    cases.router = Router(replace(scene.settings))
    await cases.commands()
    await cases.presses()
    await cases.talks()
    figures.check(cases.shown > 100, f"only {cases.shown} canaries of others were seen at all")
    figures.more["cases"] = cases.cases
    figures.more["seen_of_others"] = cases.shown
