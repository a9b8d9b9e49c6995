"""People: members who answer as people do, and responders who do not always do what they should."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from bot.platforms.base import Body, Press, Text
from bot.texts import Texts
from tests.simulation.server import Server, Shown, Told

_ES = Texts("es", "UTC", datetime(2026, 1, 1).astimezone())


def _label(name: str) -> str:
    return _ES.plain(name)


OK, HELP, LATER = map(_label, ("button.ok", "button.help", "button.later"))
TAKE, ESCALATE = map(_label, ("button.take", "button.escalate"))
NEWS, RESOLVE = map(_label, ("button.news", "button.resolve"))
HAND_OVER, RELEASE = map(_label, ("button.hand_over", "button.release"))
ACCEPT, DECLINE = map(_label, ("button.accept_hand_over", "button.decline"))
CLOSE_YES, CLOSE_NO = map(_label, ("button.close_yes", "button.close_no"))
ALARM_NOW, MANUAL = map(_label, ("button.alarm_now", "button.manual"))
OUTCOMES = [_label(f"outcome.{o}") for o in ("safe", "false_alarm", "care_needed", "unknown")]

WELL = ("ok", "estoy bien", "bien", "todo bien", "Estoy bien, gracias")
NOT_WELL = ("ayuda", "necesito ayuda", "no estoy bien")
CRIES = ("/auxilio", "auxilio", "SOS")
UNCLEAR = ("mmm", "quién sabe", "jajaja", "¿y tú?")
WORDS_LATER = ("luego", "más tarde")


@dataclass(frozen=True, slots=True)
class Nature:
    """How a person is: chances, each of one occasion."""

    never: float = 0.05
    late: float = 0.06
    edge: float = 0.08
    twice: float = 0.05
    later: float = 0.04
    unclear: float = 0.03
    help: float = 0.01
    words: float = 0.35
    takes: float = 0.5
    escalates: float = 0.05
    blocks: float = 0.004
    resolves: float = 0.6


@dataclass
class Person:
    """Somebody with one or two accounts, and the habits of `nature`."""

    member: int
    name: str
    servers: list[Server]
    nature: Nature
    rng: Random
    high_risk: bool = False
    grace: timedelta = timedelta(minutes=45)
    done: Callable[[Person, Told, Shown | None], None] = lambda person, told, shown: None
    _decided: datetime | None = None
    _alarmed_since: datetime | None = None
    nonces: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        """The address and the chat, on every platform."""
        return f"p{self.member}"

    # --- acting -----------------------------------------------------------------------------

    def _in(self, seconds: float, act: Callable[..., Any], *args: Any) -> None:
        asyncio.get_running_loop().call_later(max(0.0, seconds), act, *args)

    def _server(self, shown: Shown | None) -> Server:
        if shown is not None:
            return next(s for s in self.servers if s.name == shown.platform)
        return self.rng.choice(self.servers)

    def tells(self, body: Body, shown: Shown | None = None, label: str = "") -> None:
        """Hand something to a server; whoever writes to the bot does not block it any more."""
        server, rng = self._server(shown), self.rng
        was_blocked = self.key in server.blocked
        server.unblocks(self.key)
        delay = 0.0
        if rng.random() < 0.06:
            delay = rng.choice((rng.uniform(0, 60), rng.uniform(0, 900), rng.uniform(0, 6 * 3600)))
        twice = rng.uniform(0.1, 600.0) if rng.random() < 0.03 else 0.0
        if was_blocked and delay:
            server.mishap(self.key, timedelta(seconds=delay))  # until then the bot cannot know
        told = server.tell(self.key, body, label=label, delay=delay, twice=twice)
        self.done(self, told, shown)

    def writes(self, text: str, shown: Shown | None = None) -> None:
        """Write to the bot."""
        self.tells(Text(text), shown)

    def presses(self, shown: Shown, label: str) -> None:
        """Press a button as the message shows it then; it may be gone."""
        data = shown.labels.get(label)
        if data is not None:
            number = f"{shown.id}:{self.rng.random()}"
            self.tells(Press(data, shown.id, number), shown, label)

    # --- seeing -----------------------------------------------------------------------------

    def sees(self, shown: Shown) -> None:
        """A new message of the bot's; whatever follows happens later."""
        labels = shown.labels
        if OK in labels:
            self._asked(shown)
        elif RESOLVE in labels:
            self._holds(shown)
        elif TAKE in labels or ESCALATE in labels:
            self._alarmed(shown)
        elif ACCEPT in labels:
            choice = self.rng.choice((ACCEPT, ACCEPT, DECLINE, ""))
            self._in(self.rng.uniform(5, 900), self.presses, shown, choice)
        elif CLOSE_YES in labels:
            choice = self.rng.choice((CLOSE_YES, CLOSE_YES, CLOSE_NO, ""))
            self._in(self.rng.uniform(5, 600), self.presses, shown, choice)
        elif ALARM_NOW in labels:
            choice = self.rng.choice((ALARM_NOW, MANUAL, ""))
            self._in(self.rng.uniform(5, 100), self.presses, shown, choice)
        elif OUTCOMES[0] in labels:
            self._in(self.rng.uniform(3, 60), self.presses, shown, self.rng.choice(OUTCOMES))
        elif labels and not any(label.startswith("Abrir") for label in labels):
            # Whom to hand it over to.
            self._in(self.rng.uniform(3, 60), self.presses, shown, self.rng.choice([*labels]))
        elif labels:
            self._digest(shown)

    def _asked(self, shown: Shown) -> None:
        """A question. What was decided at the first stands while it lasts, mostly."""
        rng = self.rng
        if self._decided is not None and shown.at < self._decided and rng.random() < 0.85:
            return
        self._decided = shown.at + self.grace
        quick, grace = rng.expovariate(1 / 200), self.grace.total_seconds()
        nature = self.nature
        style = rng.choices(
            ("never", "late", "edge", "twice", "later", "unclear", "help", "prompt"),
            (
                nature.never, nature.late, nature.edge, nature.twice, nature.later, nature.unclear,
                nature.help, 1.0,
            ),
        )[0]  # fmt: skip
        match style:
            case "late":
                self._in(grace + rng.uniform(0, 3 * 3600), self._well, shown)
            case "edge":
                self._in(grace + rng.uniform(-90, 90), self._well, shown)
            case "twice":
                self._in(quick, self._well, shown)
                self._in(quick + rng.uniform(0, 2 * grace), self._well, shown)
            case "later":
                self._in(quick, self._says, shown, LATER, WORDS_LATER)
                if rng.random() < 0.7:
                    self._in(quick + rng.uniform(0, grace), self._well, shown)
            case "unclear":
                self._in(quick, self.writes, rng.choice(UNCLEAR), shown)
                self._in(quick + rng.uniform(5, 60), self._well, shown)
            case "help":
                self._in(quick, self._says, shown, HELP, NOT_WELL)
            case "prompt":
                self._in(quick, self._well, shown)

    def _well(self, shown: Shown) -> None:
        self._says(shown, OK, WELL)

    def _says(self, shown: Shown, label: str, words: tuple[str, ...]) -> None:
        if self.rng.random() < self.nature.words or label not in shown.labels:
            self.writes(self.rng.choice(words), shown)
        else:
            self.presses(shown, label)

    def _alarmed(self, shown: Shown) -> None:
        rng, nature = self.rng, self.nature
        since = self._alarmed_since
        if since is None or shown.at - since > timedelta(days=1):
            self._alarmed_since = since = shown.at
        # Nobody lets it ring for days: soon everyone is diligent.
        tired = (shown.at - since) / timedelta(minutes=40)
        chance = rng.random()
        if chance < max(nature.takes, min(tired, 0.9)):
            self._in(rng.expovariate(1 / 240), self.presses, shown, TAKE)
        elif chance > 1 - nature.escalates:
            self._in(rng.uniform(10, 300), self.presses, shown, ESCALATE)
        elif rng.random() < nature.blocks:
            self._in(rng.uniform(1, 300), self.blocks)

    def _digest(self, shown: Shown) -> None:
        for label in shown.labels:
            if self.rng.random() < self.nature.takes:
                self._in(self.rng.uniform(10, 600), self.presses, shown, label)

    def _holds(self, shown: Shown) -> None:
        rng = self.rng
        after = rng.uniform(30, 2 * 3600)
        if rng.random() < self.nature.resolves:
            self._in(after, self.presses, shown, RESOLVE)
            return
        match rng.choice(("news", "hand_over", "release", "escalate", "silent")):
            case "news":
                self._in(after, self._news)
            case "hand_over":
                self._in(after, self.presses, shown, HAND_OVER)
            case "release":
                self._in(after, self.presses, shown, RELEASE)
            case "escalate":
                self._in(after, self.presses, shown, ESCALATE)

    def _news(self) -> None:
        nonce = f"sigo {len(self.nonces)} {self.name}"
        self.nonces.append(nonce)
        self.writes(f"/novedad {nonce}")

    # --- on their own -----------------------------------------------------------------------

    def panics(self) -> None:
        """An alarm of one's own."""
        self.writes(self.rng.choice(CRIES))

    def blocks(self) -> None:
        """Close one chat to the bot for some hours."""
        server = self.rng.choice(self.servers)
        server.blocks(self.key)
        self._in(self.rng.uniform(600, 12 * 3600), self._unblocks, server)

    def _unblocks(self, server: Server) -> None:
        if self.key in server.blocked:
            server.unblocks(self.key)
            self.done(self, server.tell(self.key, Text("hola")), None)
