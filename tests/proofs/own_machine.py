"""People who do whatever comes to their minds, step after step, through the whole engine.

Each step is one thing that one person does: a command, a button (shown to them now, long ago, or to
somebody else), words, an invitation opened, or time that passes. After each, everything that was
shown to anybody since is judged by its canaries, and what the tables say must have come about in a way
that two people, or the person alone, could bring about.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from datetime import timedelta

import sqlalchemy as sa

from bot.domain.people import Role
from bot.platforms.sandbox.town import private_chat
from storage.conversations import Dialog
from storage.tables import incidents
from tests.proofs import own_tables as tables
from tests.proofs.own_scene import (
    ANSWER,
    CARE,
    COMPLAINT,
    DRAFT,
    HEARS,
    NAME,
    NEWS,
    NOTE,
    OPERATOR,
    OPINION,
    OTRA,
    PLACE,
    REASON,
    RED,
    STRANGERS,
    WORDS,
    Around,
    Facts,
    Scene,
    Someone,
    canaries_in,
)
from tests.proofs.proof import Figures

SECRET = re.compile(r"^token\d{17}$")
ROLE_WORDS = ("red", "coordinación", "redacción", "aprobación", "observancia")
R = Role
Intent = list[tuple[Someone, str]]
MINUTES = (1, 3, 6, 11, 25)


class Machine:
    """One run."""

    def __init__(self, scene: Scene, rng: random.Random, figures: Figures) -> None:
        self.scene = scene
        self.rng = rng
        self.figures = figures
        self.before = Facts()
        self.seen: dict[str, list[tuple[str, str]]] = {}  # who: message and data of every button
        self.secrets: list[str] = []
        self.typed: dict[str, set[str]] = {}
        self.listed: set[str] = set()  # names that somebody wrote down as travelling with others
        self.answering: set[str] = set()  # and of who wrote them down
        self.intents: list[Intent] = []
        self.counts: Counter[str] = Counter()
        self.steps = 0
        self.done: list[str] = []

    async def run(self, steps: int, *, slow: bool = False) -> None:
        """From everyone's first day on."""
        await self.scene.fill(slow=slow)
        self.before = await self.scene.facts()
        while steps > 0 and not self.figures.problems:
            # Often several people act before the bot has heard the first.
            actors: list[Someone] = []
            for _ in range(min(steps, self.rng.choice([1, 1, 2, 3, 5, 7]))):
                steps -= 1
                self.steps += 1
                acted = await self._next(actors)
                if acted is None:
                    break
                if acted not in actors:
                    actors.append(acted)
            await self.scene.bot.settle()
            await self._judge(actors)
        # What was reached at all: a machine that only knocks at doors proves little.
        self.counts["decided"] += sum(d[5] == "done" for d in self.before.decisions)
        self.counts["published"] += sum(d[3] == "approved" for d in self.before.drafts.values())
        self.counts["incidents"] += len(self.before.incidents)
        self.counts["complaints"] += len(self.before.complaints)
        self.counts["told across"] += sum(
            any(self.before.group[member] != self.before.group[subject] for member in told)
            for _, subject, _, told in self.before.incidents
        )

    # --- what people do ---

    async def _next(self, busy: list[Someone]) -> Someone | None:
        """What somebody has in mind goes on, or somebody does whatever they like.

        Between two steps of an intent anything can happen: a role ends, a plan changes, the person
        is gone.
        """
        if self.rng.random() < 0.15 and len(self.intents) < 4:
            self.intents.append(self._intent())
        if self.intents and self.rng.random() < 0.6:
            intent = self.rng.choice(self.intents)
            who, does = intent[0]
            if who not in busy:
                intent.pop(0)
                if not intent:
                    self.intents.remove(intent)
                return await self._does(who, does)
        who = self._someone()
        return await self._step(who) if who not in busy else who

    def _intent(self) -> Intent:
        """A few steps of a few people towards one thing, most of which are wished for in vain."""
        rng, people = self.rng, self.scene.people
        here = rng.choice([RED, RED, OTRA])

        def one(*roles: Role) -> Someone:
            able = [people[w] for w, held in here.items() if not roles or held & {*roles}]
            return rng.choice(able or [people[w] for w in here])

        a, b, c = one(R.COORDINATOR), one(R.COORDINATOR), one()
        match rng.choice(INTENTS):
            case "role":
                verb = rng.choice(["", "", "quitar"])
                word = rng.choice(ROLE_WORDS)
                what = rng.choice([f"{c.name} {verb} {word}", f"{c.name} fuera"])
                return [(a, f"/rol {what}"), (a, "!Pedirlo"), (b, "!Doy mi acuerdo"),
                        (c, "!Acepto la tarea")]  # fmt: skip
            case "draft":
                o, r = one(R.AUTHOR), one(R.APPROVER)
                end = rng.choice(["!Aprobar y publicar", "!Devolver"])
                return [(o, "/denuncia"), (o, ""), (o, ""), (o, "!Enviar a revisión"), (r, end)]
            case "join":
                s = people[rng.choice(STRANGERS)]
                task = rng.choice(["red", "coordinación", "aprobación", "integrante"])
                return [(a, f"/invitar {task}"), (b, "!Doy mi acuerdo"), (s, "?"), (s, "!Acepto"),
                        (s, "")]  # fmt: skip
            case "incident":
                r = one(R.RESPONDER, R.COORDINATOR)
                return [(c, "auxilio"), (r, "!Yo me encargo"), (r, "!Dar noticia"), (r, ""),
                        (r, "!Cerrar"), (r, "!a salvo")]  # fmt: skip
            case "erase":
                return [(c, "/borrarme"), (c, "borrar")]
            case "duty":
                d, e = one(R.RESPONDER), one(R.RESPONDER)
                order = f"{d.name}, {e.name}" if d is not e else d.name
                return [(a, f"/turnos grupo; cada día 14:30; {order}"), (a, "!Guardar"),
                        (d, "!Acepto la tarea"), (e, "!Acepto la tarea"), (d, "!Estoy de guardia"),
                        (e, "/guardia cambiar mañana por pasado mañana"), (e, "!Proponer"),
                        (d, "!De acuerdo")]  # fmt: skip
            case "plan":
                return [(a, f"/plan {self._a_plan(a)}"), (a, "!Guardar"), (b, "!Doy mi acuerdo"),
                        (c, "!De acuerdo")]  # fmt: skip
            case "ally":
                other, there = ("Red", RED) if here is OTRA else ("Otra", OTRA)
                x = people[rng.choice([w for w, held in there.items() if R.COORDINATOR in held])]
                r = people[rng.choice([w for w, held in there.items() if R.RESPONDER in held])]
                plan = f"/plan ya: grupo {other}, red, coordinación; 10 min: red"
                return [(a, f"/alianza {other}"), (x, "!Acepto"), (r, "!Sí, que me lleguen"),
                        (a, plan), (a, "!Guardar"), (b, "!Doy mi acuerdo"), (c, "!De acuerdo"),
                        (c, "auxilio"), (r, "!Yo me encargo"), (r, "!Dar noticia"), (r, ""),
                        (r, "/linea 1"), (a, "/tablero"), (r, "!Entregar"), (r, "!Soltar"),
                        (r, "/alianza"), (r, "!Ya no")]  # fmt: skip
            case "trip":
                r = one(R.RESPONDER, R.COORDINATOR)
                return [(c, f"/trayecto {self._a_way(c)}"), (c, "auxilio"), (r, "!Yo me encargo"),
                        (one(*HEARS), "/lugar {n}"), (r, "/lugar {n}"), (c, "sin señal")]  # fmt: skip
            case "together":
                d, r = one(), one(R.RESPONDER, R.COORDINATOR)
                end = self.scene.clock.now() + timedelta(hours=2)
                return [(a, f"/colectivo Asamblea: {c.name}, {d.name}; hasta las {end:%H:%M}"),
                        (c, "!Sí"), (a, f"!Falta {c.name}"), (r, "!Yo me encargo"),
                        (d, "auxilio"), (r, "/lugar {n}")]  # fmt: skip
            case "note":
                r = one(R.RESPONDER, R.COORDINATOR)
                return [(c, f"/ficha salud {self._of(c, NOTE)}"), (c, "auxilio"),
                        (r, "!Yo me encargo"), (one(*HEARS), "/ficha {n} porque sí"),
                        (r, "!Abrir la ficha"), (r, ""), (one(*HEARS), "/ficha {n} porque sí"),
                        (r, "!Cerrar"), (r, "!a salvo"), (c, "/ficha")]  # fmt: skip
            case "complaint":
                d = one()
                of = rng.choice(["respuesta", f"persona {d.name}", f"persona {a.name}"])
                send = rng.choice(["!Enviar sin", "!Enviar con"])
                return [(c, f"/queja {of}: {self._of(c, COMPLAINT)}"), (c, send),
                        (b, "!Yo la atiendo"), (b, "!Responder"), (b, ""),
                        (c, "!No queda resuelta"), (a, "/quejas")]  # fmt: skip
            case "opinion":
                r = one(R.RESPONDER, R.COORDINATOR)
                return [(a, "/simulacro ya"), (r, "!Me llegó"), (r, "/tomar S1"),
                        (r, f"/opinion 1 2 {self._of(r, OPINION)}"), (r, ""),
                        (a, "/resumen")]  # fmt: skip
            case "care":
                way = f"{self._of(a, CARE)}; llamar {self._of(a, CARE)}"
                return [(a, f"/cuidados agregar legal; Oaxaca; {way}"), (a, "!Guardar"),
                        (c, "/cuidados"), (b, "/cuidados 1")]  # fmt: skip
            case "lost":
                r = one(R.RESPONDER, R.COORDINATOR)
                return [(a, f"/perdido {c.name}"), (r, "!Yo me encargo"), (c, "auxilio"),
                        (b, f"/recuperar {c.name}"), (a, "!Doy mi acuerdo")]  # fmt: skip
            case "words":
                how, said = rng.choice(["palabra", "clave"]), f"el {self._of(c, WORDS)} rojo"
                return [(c, f"/{how}"), (c, said), (c, said), (c, "auxilio"), (c, said),
                        (one(R.RESPONDER), "!Yo me encargo")]  # fmt: skip
        return [(a, "/exportar"), (a, "!Pedirlo"), (b, "!Doy mi acuerdo")]

    async def _does(self, who: Someone, does: str) -> Someone:
        """One step of an intent: "!label" presses, "?" opens an invitation, "" says what fits,
        "{n}" is the number of the newest incident."""
        if does.startswith("!"):
            for message in reversed(self.scene.town.sees(who.key)):
                for button in (b for row in message.buttons for b in row):
                    if does[1:] in button.label:
                        self._press(who, message.id, button.data, "press")
                        return who
        elif does == "?":
            if self.secrets:
                self._write(who, self.secrets[-1])
        elif does == "":
            await self._speak(who)
        elif not does.startswith("/") and await self._is_for_another(who, does):
            pass  # words of duress that were written into a draft would be the draft's
        else:
            self._write(who, does.replace("{n}", str(await self._newest(who))))
        return who

    async def _is_for_another(self, who: Someone, text: str) -> bool:
        """Whether words that were meant for one conversation would be heard in another one."""
        dialog = await self._dialog(who)
        of = {self.scene.canaries[word].kind for word in canaries_in(text)}
        return dialog is not None and WORDS in of and SAID.get(dialog.topic) != WORDS

    async def _newest(self, who: Someone) -> int:
        """The number of the newest incident of somebody's group."""
        group = self.before.group.get(who.member or 0, 0)
        async with self.scene.database.transaction() as tx:
            found = sa.select(sa.func.max(incidents.c.number)).where(incidents.c.group_id == group)
            return (await tx.connection.execute(found)).scalar_one() or 1

    async def _step(self, who: Someone) -> Someone | None:
        """One thing that somebody does; None if time passed instead."""
        chance = self.rng.random()
        if chance < 0.03:
            minutes = self.rng.choice(MINUTES)
            self.done.append(f"{minutes} min pass")
            await self.scene.bot.until(self.scene.clock.now() + timedelta(minutes=minutes))
            return None
        buttons = self._buttons(who)
        if buttons and chance < 0.6:
            self._press(who, *self.rng.choice(buttons), "press")
        elif chance < 0.12 and self.seen.get(who.who):
            self._press(who, *self.rng.choice(self.seen[who.who]), "old press")
        elif chance < 0.18:
            self._forge(who)
        elif chance > 0.8 or await self._in_dialog(who):
            await self._speak(who)
        elif chance < 0.2:
            self.counts["public"] += 1
            text = self.rng.choice(["/auxilio", "/plan", "/bitacora", "hola", "!panic", "/miplan"])
            self.done.append(f"{who.who} in public: {text}")
            ana = self.scene.people["ana"].key
            self.scene.town.writes(ana, text, chat=self.scene.square)
            return self.scene.people["ana"]
        elif who.member is None and self.secrets and chance < 0.7:
            self._write(who, self.rng.choice(self.secrets[-6:]))
        else:
            await self._command(who)
        return who

    def _someone(self) -> Someone:
        """The people of the larger group most of the time; whoever has a question even more."""
        with_buttons = [p for p in self.scene.people.values() if self._buttons(p)]
        if with_buttons and self.rng.random() < 0.4:
            return self.rng.choice(with_buttons)
        them = self.rng.choices([[*RED], [*OTRA], [*STRANGERS, OPERATOR]], [7, 2, 2])[0]
        return self.scene.people[self.rng.choice(them)]

    def _buttons(self, who: Someone) -> list[tuple[str, str]]:
        """Message and data of the buttons on the newest messages that have any."""
        found: list[tuple[str, str]] = []
        for message in reversed(self.scene.town.sees(who.key)):
            found += [(message.id, b.data) for row in message.buttons for b in row]
            if len(found) > 8:
                break
        return found

    async def _in_dialog(self, who: Someone) -> bool:
        return self.rng.random() < 0.7 and await self._dialog(who) is not None

    async def _dialog(self, who: Someone) -> Dialog | None:
        async with self.scene.database.transaction() as tx:
            return await tx.conversations.dialog(
                "sandbox", private_chat(who.key), self.scene.clock.now()
            )

    def _press(self, who: Someone, message: str, data: str, how: str) -> None:
        self.counts[how] += 1
        self.done.append(f"{who.who} {how} {data}")
        self.scene.town.presses(who.key, message, data)

    def _forge(self, who: Someone) -> None:
        """Somebody else's button, or one that never was, sent from one's own chat."""
        others = [data for w, found in self.seen.items() if w != who.who for _, data in found]
        data = self.rng.choice(others) if others else "nothing:1"
        token, _, _ = data.partition(":")
        data = self.rng.choice([data, f"{token}:{self.rng.randrange(1, 9)}"])
        mine = self.scene.town.sees(who.key)
        if mine:
            self._press(who, mine[-1].id, data, "forged press")
        else:
            self._write(who, "1")

    def _write(self, who: Someone, text: str) -> None:
        if text.startswith("/colectivo"):
            self.listed |= canaries_in(text)
            self.answering |= canaries_in(who.name)
        self.typed.setdefault(who.who, set()).update(canaries_in(text))
        self.done.append(f"{who.who}: {text}")
        self.scene.town.writes(who.key, text)

    async def _speak(self, who: Someone) -> None:
        """Words for the conversation that is open, with a canary that says what it is of."""
        self.counts["words"] += 1
        dialog = await self._dialog(who)
        if dialog is None or self.rng.random() < 0.1:
            # Of words at a step of a conversation nobody could say here whose they become.
            free = f"hola {self.scene.canary(who.who, WORDS)}" if dialog is None else "no sé"
            self._write(who, self.rng.choice([free, "ok", "2", "más tarde", "sí"]))
            return
        self._write(who, self._words_for(who, dialog))

    def _words_for(self, who: Someone, dialog: Dialog) -> str:
        match dialog.topic:
            case "denunciation":
                return self.scene.canary(who.who, DRAFT, int(dialog.data["denunciation"]))
            case "incident":
                return self.scene.canary(who.who, NEWS, int(dialog.data["incident"]))
            case "joining":
                return f"{who.who.capitalize()} {self.scene.canary(who.who, NAME)}"
            case "erase":
                return self.rng.choice(["borrar", "borrar", "mejor no"])
            case "note" if dialog.step == "reason":
                return self.scene.canary(who.who, REASON, int(dialog.data["incident"]))
            case "complaint" if dialog.step == "about":
                return self._near(who)
            case "trip":
                return "bien" if dialog.step == "end" else self._a_way(who)
            case topic if topic in SAID:
                return f"el {self._of(who, SAID[topic])} rojo"
            case "region" | "rotation" | "cover" if dialog.step == "sure":
                return self.rng.choice(["sí", "guardar", "no"])
            case "region" if dialog.step in ("name", "zone"):
                return "America/Tijuana" if dialog.step == "zone" else self._a_region()
            case "rotation" if dialog.step != "who":
                said = {"scope": "grupo", "often": "cada semana", "when": "lunes 9:00"}
                return said[dialog.step]
            case "cover":
                return f"{self.rng.choice(['mañana', 'ahora', 'hoy'])}: {self._a_name(who)}"
        return self._a_name(who)

    def _of(self, who: Someone, kind: str) -> str:
        """A canary about the member who says it; of the directory, about their group."""
        about = who.member or 0
        if kind == CARE:
            about = self.before.group.get(about, 0)
        return self.scene.canary(who.who, kind, about)

    def _a_way(self, who: Someone) -> str:
        """Two places and when somebody means to be there."""
        now = self.scene.clock.now()
        first, then = (now + timedelta(minutes=m) for m in sorted(self.rng.sample(range(3, 40), 2)))
        return f"{self._of(who, PLACE)} {first:%H:%M}, {self._of(who, PLACE)} {then:%H:%M}"

    def _near(self, who: Someone) -> str:
        """Somebody of the same group: what one types oneself is no secret that the bot gave away."""
        group = self.before.group.get(who.member or 0)
        near = [
            p.name for p in self.scene.people.values()
            if p.name and self.before.group.get(p.member or -1) == group
            and p.member not in self.before.left
        ]  # fmt: skip
        return self.rng.choice(near or [who.name or "Nadie"])

    def _a_region(self) -> str:
        return self.rng.choice(["Sierra", "Costa", "Valle"])

    def _an_order(self) -> str:
        """A few people who answer alarms, or not."""
        able = [
            p.name for p in self.scene.people.values()
            if p.member is not None and self.before.has(p.member, R.RESPONDER, R.COORDINATOR)
        ]  # fmt: skip
        return ", ".join(self.rng.sample(able, min(len(able), self.rng.randrange(1, 4))))

    def _a_name(self, who: Someone) -> str:
        """Of anybody: to ask after somebody of another group is a thing that people try."""
        names = [p.name for p in self.scene.people.values() if p.name]
        return self.rng.choice(names)

    async def _command(self, who: Someone) -> None:
        self.counts["commands"] += 1
        names = sorted(tables.COMMANDS)
        if who.member is not None and self.rng.random() < 0.75:
            held: set[object] = {tables.MEMBER, *self.before.roles.get(who.member, ())}
            names = [n for n in names if not tables.COMMANDS[n].isdisjoint(held)]
        weights = [LIKED.get(name, 1) for name in names]
        name = self.rng.choices(names, weights)[0]
        argument = await self._argument(who, name)
        self._write(who, f"/{name} {argument}".strip())

    async def _argument(self, who: Someone, name: str) -> str:
        rng = self.rng
        number = rng.randrange(1, 4)
        match name:
            case "rol":
                verb = rng.choice(["", "", "quitar", "quitar", "fuera"])
                role = rng.choice(ROLE_WORDS) if verb != "fuera" else ""
                return rng.choice([f"{self._a_name(who)} {verb} {role}", ""])
            case "plan":
                return self._a_plan(who)
            case "riesgo":
                return f"{self._a_name(who)} {rng.choice(['alto', 'bajo', 'medio'])}"
            case "invitar":
                return rng.choice(["integrante", "red", "coordinación", "redacción", "aprobación"])
            case "horario":
                at = self.scene.clock.now() + timedelta(minutes=rng.choice([2, 20]))
                return rng.choice([f"{at:%H:%M} margen 5 min sin avisos", ""])
            case "entregar":
                return f"{number} {self._a_name(who)}"
            case "novedad":
                return f"{number} {await self._news(who, number)}"
            case "region":
                name = self._a_region()
                return rng.choice(
                    ["", f"crear {name}", f"{name}: {self._a_name(who)}", f"terminar {name}", name]
                )
            case "alianza":
                return rng.choice(["", "", "Red", "Otra", self._a_region()])
            case "miregion":
                return rng.choice(["", self._a_region(), "ninguna"])
            case "turnos":
                scope = rng.choice(["grupo", self._a_region()])
                often = rng.choice(["cada día 14:10", "lunes 9:00", "martes 15:00"])
                return rng.choice(["", f"{scope}; {often}; {self._an_order()}", f"terminar {scope}"])
            case "guardia":
                cover = f"{rng.choice(['ahora', 'mañana'])}: {self._a_name(who)}"
                return rng.choice(["", "", "cambiar", "calendario", "calendario todo", "sí", cover])
            case "grupo":
                return f"Grupo {rng.randrange(9)}"
            case "trayecto":
                return rng.choice([self._a_way(who), "", "llegué", "alargar 20 min", "terminar"])
            case "preguntame":
                return rng.choice(["", f"en 10 min {self._of(who, PLACE)}"])
            case "pausa":
                return rng.choice(["", f"2 horas {self._of(who, PLACE)}", "fin"])
            case "descanso":
                return rng.choice(["", "22:00 a 07:00", "quitar"])
            case "colectivo":
                end = self.scene.clock.now() + timedelta(hours=2)
                names = f"{self._near(who)}, {self._near(who)}"
                return rng.choice(["", f"Asamblea: {names}; hasta las {end:%H:%M}"])
            case "ficha":
                number_and_why = f"{number} {await self._news(who, number, REASON)}"
                part = rng.choice(["salud", "llamar", "evitar"])
                return rng.choice(
                    ["", "ver", "borrar", f"{part} {self._of(who, NOTE)}", number_and_why]
                )
            case "queja":
                of = rng.choice(["medida", "respuesta", f"persona {self._near(who)}"])
                return rng.choice(["", str(number), f"{of}: {self._of(who, COMPLAINT)}"])
            case "opinion":
                return f"{number} {rng.randrange(1, 6)} {self._of(who, OPINION)}"
            case "cuidados" if who.member and self.before.has(who.member, R.COORDINATOR):
                way = f"{self._of(who, CARE)}; llamar {self._of(who, CARE)}"
                return rng.choice(["", "legal", str(number), f"agregar legal; Oaxaca; {way}"])
            case "nombre":
                named = f"{who.who.capitalize()} {self._of(who, NAME)}"
                return rng.choice(["", named]) if who.member else ""
            case "palabra" | "clave":
                return rng.choice(["", "", "quitar"])
            case "simulacro":
                return rng.choice(["", "ya", "1", "2"])
            case "escalar":
                return rng.choice([str(number), f"{number} {rng.randrange(1, 4)}"])
            case "siacaso":
                return rng.choice(["", "3:00", f"{self._near(who)} 3:00"])
            case "perdido" | "recuperar" | "ensayo":
                return rng.choice([self._near(who), self._a_name(who)])
        return rng.choice([str(number), ""])

    async def _news(self, who: Someone, number: int, kind: str = NEWS) -> str:
        """Words about the incident of that number in the speaker's own group, if there is one."""
        group = self.before.group.get(who.member or 0, 0)
        async with self.scene.database.transaction() as tx:
            found = await tx.incidents.numbered(group, number)
        if found is None:
            return "nada"  # there may be one by the time that it is heard
        return self.scene.canary(who.who, kind, found.id)

    def _a_plan(self, who: Someone) -> str:
        able = [
            p.name for p in self.scene.people.values()
            if p.member is not None and self.before.has(p.member, *HEARS)
        ]  # fmt: skip
        first, then = self.rng.choice(able or ["red"]), self.rng.choice(able or ["red"])
        return self.rng.choice(
            [
                f"ya: {first}; 10 min: red",
                f"ya: red; 20 min: {then}, coordinación",
                f"5 min: {first}, {then}; 3 h: observancia",
                "ya: red, coordinación",
                "ya: guardia; 5 min: suplencia; 10 min: red",
                f"ya: red; 5 min: grupo {self.rng.choice(['Red', 'Otra'])}",
                "",
            ]
        )

    # --- what came of it ---

    async def _judge(self, actors: list[Someone]) -> None:
        after = await self.scene.facts()
        was = {p.who: p.member for p in self.scene.people.values()}
        await self._memberships(actors, after)
        around = Around(self.before, after)
        for key, message, fresh in self.scene.news():
            reader = self.scene.person(key)
            if message.attachments:  # what they once wrote to the bot is in the file of their data
                fresh = fresh - self.typed.get(reader.who, set())
            buttons = [(message.id, b.data) for row in message.buttons for b in row]
            self.seen.setdefault(reader.who, []).extend(buttons)
            if SECRET.match(message.plain):
                self.secrets.append(message.plain)
            for word in fresh:
                self._may_see(around, reader, was[reader.who], word, message.plain)
        self._rules([was[who.who] for who in actors], around)
        self.before = after

    def _may_see(
        self, around: Around, reader: Someone, was: int | None, word: str, text: str
    ) -> None:
        canary = self.scene.canaries.get(word)
        if canary is None or reader.who == canary.owner:
            return
        if any(d.startswith(f"{reader.who}: ") and word in d for d in self.done[-8:]):
            return  # one's own words, said back
        showed = any(d.startswith(f"{reader.who}: token") for d in self.done[-8:])
        if canary.kind == NAME and showed and LINKED in text:
            return  # who shows somebody's word for a further account is them, if only for a moment
        owner = self.scene.people[canary.owner]
        member = reader.member if reader.member is not None else was
        if member is not None and member in (owner.member, canary.about * (canary.kind == NAME)):
            return  # another account of the same person
        self.counts["seen of others"] += 1
        self.counts[f"seen {canary.kind}"] += 1
        if around.published(canary):
            return
        if word in self.listed and around.looks_for_travellers(member):
            return  # of somebody who left before it was read, a name is what was written down
        if word in self.answering and not self.listed.isdisjoint(canaries_in(reader.name)):
            return  # who is on a list is told who answers for it, and may be gone by the next look
        if not around.grants(member, reader.who == OPERATOR, canary):
            self._problem(f"{reader.who} is shown {canary} in {text[:120]!r}")

    async def _memberships(self, actors: list[Someone], after: Facts) -> None:
        """Who is a member today, and under which name."""
        for person in self.scene.people.values():
            if person.member in after.left:
                person.member = None
        for actor in actors:
            async with self.scene.database.transaction() as tx:
                account = await tx.people.account("sandbox", actor.key)
                if account is None or account.member == actor.member:
                    continue
                member = await tx.people.member(account.member)
            others = {p.member for p in self.scene.people.values()}
            actor.member = member.id
            if member.id not in others:
                actor.name = member.name
                self.scene.belongs(member.name, member.id)
                self.counts["joined"] += 1

    def _rules(self, acted: list[int | None], around: Around) -> None:
        """However it came about, it needed two people, or the person alone."""
        before, after = around.before, around.after
        if before.log != after.log[: len(before.log)]:
            self._problem("the log lost a line, or has another one in its place")
        for member, roles in after.roles.items():
            if member not in before.roles or member in after.left:
                continue
            if roles - before.roles[member] and not self._two_people(around, member, "give"):
                self._problem(f"{member} has {sorted(roles - before.roles[member])} by one person")
            lost = before.roles[member] - roles
            if lost and member not in acted and not self._two_people(around, member, "take"):
                self._problem(f"{member} lost {sorted(lost)} by one person")
        for member in after.left - before.left:
            self.counts["left"] += 1
            if member not in acted and not self._two_people(around, member, "put_out"):
                self._problem(f"{member} was put out by one person")
        for group in set(after.group.values()):
            if before.coordinators(group) and not after.coordinators(group) and not (
                before.coordinators(group) <= after.left
            ):
                self._problem(f"group {group} has nobody who coordinates it")
        heard = {id: told for id, _, _, told in before.incidents}
        for id, subject, _, told in after.incidents:
            new = told - heard.get(id, set())
            wrong = [m for m in new if not around.has(m, *HEARS)]
            if wrong or subject in told:
                self._problem(f"incident {id} was told to {wrong or 'whom it is about'}")

    def _two_people(self, around: Around, member: int, kind: str) -> bool:
        return any(
            k == kind and about == member and state in ("done", "accepted")
            and (operators or (second is not None and second != asked_by))
            and around.has(asked_by, Role.COORDINATOR)
            and (second is None or around.has(second, Role.COORDINATOR))
            for k, _, about, second, asked_by, state, operators in around.after.decisions
        )  # fmt: skip

    def _problem(self, what: str) -> None:
        self.figures.problems.append(f"{what}; after {' | '.join(self.done[-12:])}"[:1500])


INTENTS = (
    "role", "role", "draft", "join", "incident", "erase", "plan", "export", "duty", "trip", "together",
    "note", "complaint", "opinion", "care", "lost", "words", "ally",
)  # fmt: skip

SAID = {
    "note": NOTE, "complaint": COMPLAINT, "feedback": OPINION, "care": CARE, "duress": WORDS,
    "taking_back": WORDS, "complaint_case": ANSWER,
}  # fmt: skip
"""Conversation → what the words are that are said in it."""

LINKED = "Esta cuenta es ahora"

LIKED = {
    "rol": 8, "plan": 5, "invitar": 4, "auxilio": 5, "novedad": 4, "denuncia": 4, "tomar": 3,
    "guardia": 3, "turnos": 2, "region": 2,
    "borrarme": 2, "bitacora": 2, "miplan": 2, "tareas": 2, "cuenta": 2, "horario": 3,
}  # fmt: skip
"""What people do more often, so that fifty steps lead somewhere."""

