"""P13: nothing leaves in the clear for an encrypted room, whatever the homeserver says of it.

A real homeserver stands behind a proxy that changes its answers: it leaves out or forges what makes
a room encrypted, who is in it and where it moved, answers errors and nonsense; and the bot's own
stores are lost, emptied or taken back to an earlier day. In each such state the bot is asked to say
something of every kind, with a canary in it, and everything that it sends is searched for it.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from bot.domain.rich import Rich
from bot.platforms.base import (
    Added,
    Attachment,
    Operation,
    Outgoing,
    PlatformError,
    Result,
    Secrecy,
)
from bot.platforms.matrix.http import path
from tests.proofs.proof import Figures
from tests.support.hostile import Changed, HostileServer, everywhere
from tests.support.matrix_bot import MatrixBot
from tests.support.matrix_person import MatrixPerson
from tests.support.synapse import Synapse, shared

CANARY = "k4n4r1o"
STATES = {True: 1000, False: 20}
SCENES = {True: 3, False: 1}

Mutation = Callable[[str, str, Any], Any]

ENCRYPTION = "m.room.encryption"


@dataclass(frozen=True)
class State:
    """What the server says, and what happened to the bot; `live`: while it runs."""

    mutations: tuple[str, ...]
    accident: str
    live: bool
    seed: int


class Scene:
    """A bot behind the hostile server, Ana with whom it speaks encrypted, and a trap."""

    def __init__(self, synapse: Synapse, folder: Path) -> None:
        self.synapse = synapse
        self.folder = folder
        self.server = HostileServer(synapse.url)
        self.bot: MatrixBot
        self.ana: MatrixPerson
        self.rooms: list[str] = []
        self.trap = ""
        self.message = ""
        self.kept: tuple[dict[str, bytes], Path] | None = None

    async def open(self) -> None:
        """Everybody in their rooms, and all of it honest."""
        await self.server.start()
        user_id, password = await self.synapse.register(f"bot{uuid4().hex[:8]}")
        self.bot = MatrixBot(self.synapse, user_id, password, self.folder / "store")
        self.bot.platform = self.platform()
        await self.bot.platform.start()
        await self.bot.pull()
        early = dict(self.bot.secrets.kept), self.folder / "early"
        shutil.copytree(self.bot.folder, early[1])
        self.kept = early
        self.ana = await MatrixPerson.join(self.synapse, f"ana{uuid4().hex[:6]}")
        await self.ana.signs_own_device()
        direct = await self.ana.opens_direct_room(user_id)
        group = await self.ana.creates_room("Red", [user_id])
        channel = await self.ana.creates_room("Denuncias", [user_id], announcements=True)
        self.rooms = [direct, group, channel]
        berta = await MatrixPerson.join(self.synapse, f"berta{uuid4().hex[:6]}")
        for room in (group, channel):
            await self.ana.invites(berta.user_id, room)
        await berta.accepts_invitations()
        await berta.close()
        for _ in self.rooms:
            await self.bot.receives(Added)
        self.trap = await self._trap(direct)
        await self.bot.pull()
        self.message = await self.bot.says(direct, "hola")

    async def _trap(self, old: str) -> str:
        """A public room that is not encrypted, and says that it comes after the direct one."""
        body = {
            "preset": "public_chat",
            "creation_content": {"predecessor": {"room_id": old}},
            "invite": [self.bot.user_id],
        }
        answer = await self.ana.asks("POST", path("createRoom"), body)
        await self.bot.receives(Added)
        return str(answer.body["room_id"])

    def platform(self) -> Any:
        """The bot's platform, told that the hostile server is its homeserver."""
        return self.bot.new_platform(homeserver=self.server.url)

    async def close(self) -> None:
        """End everything."""
        self.server.change = None
        await self.bot.platform.stop()
        await self.ana.close()
        await self.server.stop()


# --- what the server does -----------------------------------------------------------------------


def _events(change: Callable[[Any], Any]) -> Mutation:
    return lambda _method, _path, answer: everywhere(answer, change)


def _of_type(kind: str, change: Callable[[Any], Any]) -> Mutation:
    return _events(lambda event: change(event) if event["type"] == kind else event)


def _content(kind: str, content: Any) -> Mutation:
    return _of_type(kind, lambda event: {**event, "content": content})


def _in_sync(change: Callable[[dict[str, Any]], Any]) -> Mutation:
    """Changes what a sync says of rooms we are in."""

    def mutation(_method: str, where: str, answer: Any) -> Any:
        if "/sync" in where and isinstance(answer.get("rooms"), dict):
            for info in answer["rooms"].get("join", {}).values():
                change(info)
        return answer

    return mutation


def _answers(part: str, answer: Any) -> Mutation:
    return lambda _method, where, given: answer if part in where else given


def _without_state(info: dict[str, Any]) -> None:
    info.pop("state", None)


def _without_timeline(info: dict[str, Any]) -> None:
    info.pop("timeline", None)


def _added(event: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    def change(info: dict[str, Any]) -> None:
        forged = {"event_id": f"${uuid4().hex}", "origin_server_ts": 1, **event}
        info.setdefault("timeline", {}).setdefault("events", []).append(forged)

    return change


def _no_rooms(_method: str, where: str, answer: Any) -> Any:
    if "/sync" in where:
        answer.pop("rooms", None)
    return answer


def _left(_method: str, where: str, answer: Any) -> Any:
    if "/sync" in where and isinstance(answer.get("rooms"), dict):
        answer["rooms"]["leave"] = answer["rooms"].pop("join", {})
    return answer


def _again_as_invitation(_method: str, where: str, answer: Any) -> Any:
    if "/sync" in where and isinstance(answer.get("rooms"), dict):
        answer["rooms"]["invite"] = {
            room: {"invite_state": info.get("state", {})}
            for room, info in answer["rooms"].pop("join", {}).items()
        }
    return answer


def mutations(scene: Scene | None) -> dict[str, Mutation]:
    """Everything that the server may do, by name; without a scene only the names count."""
    ana, bot, trap = (scene.ana.user_id, scene.bot.user_id, scene.trap) if scene else ("", "", "")
    tombstone = {
        "type": "m.room.tombstone", "state_key": "", "sender": ana,
        "content": {"body": "moved", "replacement_room": trap},
    }  # fmt: skip
    decrypted = {
        "type": ENCRYPTION, "state_key": "", "sender": ana, "content": {"algorithm": None},
    }  # fmt: skip
    direct = {user: [trap] for user in (ana, bot)}
    nobody = {"one_time_keys": {}, "failures": {}}
    return {
        "honest": lambda _method, _path, answer: answer,
        "no encryption": _of_type(ENCRYPTION, lambda _: None),
        "encryption of no kind": _content(ENCRYPTION, {}),
        "encryption unknown": _content(ENCRYPTION, {"algorithm": "none"}),
        "encryption is nonsense": _content(ENCRYPTION, ["m.megolm.v1.aes-sha2"]),
        "encryption of another key": _of_type(ENCRYPTION, lambda e: {**e, "state_key": "x"}),
        "encryption without key": _of_type(
            ENCRYPTION, lambda e: {k: v for k, v in e.items() if k != "state_key"}
        ),
        "encryption ended": _in_sync(_added(decrypted)),
        "public": _content("m.room.join_rules", {"join_rule": "public"}),
        "join rules are nonsense": _content("m.room.join_rules", {"join_rule": ["public"]}),
        "no join rules": _of_type("m.room.join_rules", lambda _: None),
        "no members": _of_type("m.room.member", lambda _: None),
        "only us": _of_type(
            "m.room.member", lambda e: e if e.get("state_key") == bot else None
        ),
        "all left": _content("m.room.member", {"membership": "leave"}),
        "no name": _of_type("m.room.name", lambda _: None),
        "no power": _of_type("m.room.power_levels", lambda _: None),
        "power is nonsense": _content("m.room.power_levels", {"users": 7}),
        "no creation": _of_type("m.room.create", lambda _: None),
        "no state": _in_sync(_without_state),
        "no timeline": _in_sync(_without_timeline),
        "moved": _in_sync(_added(tombstone)),
        "no rooms": _no_rooms,
        "left": _left,
        "invited again": _again_as_invitation,
        "state forbidden": _answers("/state", Changed(403, {"errcode": "M_FORBIDDEN"})),
        "state not found": _answers("/state", Changed(404, {"errcode": "M_NOT_FOUND"})),
        "state broken": _answers("/state", Changed(500, {})),
        "state empty": _answers("/state", []),
        "state is an object": _answers("/state", {"events": []}),
        "state is no JSON": _answers("/state", Changed(200, raw=b"<html>")),
        "members nonsense": _answers("/joined_members", {"joined": {"x": {}}}),
        "members of the trap": _answers("/joined_members", {"joined": {ana: {}}}),
        "direct elsewhere": _answers("/account_data/m.direct", direct),
        "direct is nonsense": _answers("/account_data/m.direct", {ana: "x"}),
        "no devices": _answers("/keys/query", {"device_keys": {ana: {}}}),
        "devices nonsense": _answers("/keys/query", {"device_keys": {ana: {"X": {"keys": 1}}}}),
        "devices broken": _answers("/keys/query", Changed(500, {})),
        "no one-time keys": _answers("/keys/claim", nobody),
        "keys not passed on": _answers("/sendToDevice", Changed(500, {})),
        "sending refused": _answers("/send/m.room.", Changed(403, {"errcode": "M_FORBIDDEN"})),
        "sending limited": _answers("/send/m.room.", Changed(429, {"retry_after_ms": 1})),
    }


# --- what happens to the bot --------------------------------------------------------------------


def lost_store(scene: Scene) -> None:
    """The crypto store is gone."""
    shutil.rmtree(scene.bot.folder, ignore_errors=True)


def earlier_store(scene: Scene) -> None:
    """The crypto store of an earlier day, before there were any rooms."""
    assert scene.kept is not None
    shutil.rmtree(scene.bot.folder, ignore_errors=True)
    shutil.copytree(scene.kept[1], scene.bot.folder)


def earlier_secrets(scene: Scene) -> None:
    """The database of an earlier day: no room was known as encrypted, no identity pinned."""
    assert scene.kept is not None
    session = {k: v for k, v in scene.bot.secrets.kept.items() if k.endswith(".session")}
    scene.bot.secrets.kept = {**scene.kept[0], **session}


def no_cursor(scene: Scene) -> None:
    """It does not know what it has received."""
    scene.bot.cursor = None


ACCIDENTS: dict[str, tuple[Callable[[Scene], None], ...]] = {
    "none": (),
    "store lost": (lost_store,),
    "store earlier": (earlier_store,),
    "database earlier": (earlier_secrets,),
    "both lost": (lost_store, earlier_secrets),
    "cursor lost": (no_cursor,),
    "all lost": (lost_store, earlier_secrets, no_cursor),
}


# --- the proof ----------------------------------------------------------------------------------


async def p13(full: bool, seed: int) -> Figures:
    """See the module."""
    figures = Figures()
    chance = random.Random(seed)
    names = list(mutations(None))
    states = _states(names, chance, STATES[full])
    scenes = SCENES[full]
    # Side by side, because most of the time is the homeserver's.
    await asyncio.gather(*(run(figures, states[n::scenes], shared()) for n in range(scenes)))
    # A bot that never says anything would keep the promise, too.
    figures.check(figures.more.get("sent", 0) > figures.runs, "hardly anything was sent at all")
    return figures


async def run(figures: Figures, states: Sequence[State], synapse: Synapse) -> None:
    """Go through these states with a bot of their own."""
    scene = Scene(synapse, Path(tempfile.mkdtemp(prefix="acuerpa-plaintext-")))
    try:
        await scene.open()
        await _control(scene, figures)
        for state in states:
            started = await _bring_about(scene, state)
            _count(figures, "not_started", int(not started))
            for result in await _say_some(scene, state) if started else ():
                _count(figures, "sent" if result is Result.SENT else "withheld", 1)
            _judge(scene, figures, state)
            figures.runs += 1
    finally:
        await scene.close()
        shutil.rmtree(scene.folder, ignore_errors=True)


def _count(figures: Figures, what: str, more: int) -> None:
    figures.more[what] = int(str(figures.more.get(what, 0))) + more


async def _control(scene: Scene, figures: Figures) -> None:
    """What is published anyway does leave in the clear for a public room, and is seen to."""
    scene.server.sent.clear()
    receipt = await scene.bot.sends(scene.trap, CANARY, secrecy=Secrecy.PUBLIC)
    seen = scene.server.leaked(CANARY.encode())
    figures.check(receipt.result is Result.SENT and len(seen) == 1, "the proof does not see")


def _states(names: list[str], chance: random.Random, count: int) -> list[State]:
    """Each mutation alone, each accident, then up to three of them together with any accident."""
    accidents = list(ACCIDENTS)
    # What an attacker would do first: leave out encryption where it is not remembered.
    chosen = list(
        itertools.product((("no encryption", "public"), ("no encryption", "no state")), accidents)
    )
    chosen += [((name,), "none") for name in names]
    if count < len(chosen):
        chosen = chance.sample(chosen, count)
    while len(chosen) < count:
        together = tuple(chance.sample(names, chance.choice((1, 2, 3))))
        chosen.append((together, chance.choice(accidents)))
    return [
        State(names, accident, chance.random() < 0.5, chance.randrange(2**31))
        for names, accident in chosen
    ]


async def _bring_about(scene: Scene, state: State) -> bool:
    """Be in this state; False if the bot does not start in it."""
    scene.server.sent.clear()
    scene.server.change = None
    # Else her one-time keys come to an end with the bot's new devices, and nothing leaves any more.
    await scene.ana.sync()
    changes = [mutations(scene)[name] for name in state.mutations]

    def change(method: str, where: str, answer: Any) -> Any:
        for one in changes:
            if isinstance(answer, Changed):
                break
            answer = one(method, where, answer)
        return answer

    if state.accident != "none" or not state.live:
        await scene.bot.platform.stop()
        for happens in ACCIDENTS[state.accident]:
            happens(scene)
        scene.server.change = change
        scene.bot.platform = scene.platform()
        try:
            await scene.bot.platform.start()
        except PlatformError:
            scene.server.change = None
            await scene.bot.platform.start()
            scene.server.change = change
    else:
        scene.server.change = change
        live = scene.bot.platform._live
        live.receiver.complete = False  # type: ignore[union-attr]
        live.sender._rooms.forget_all()  # type: ignore[union-attr]
    try:
        await scene.bot.pull()
        await scene.bot.pull()
    except PlatformError:
        return False
    return True


async def _say_some(scene: Scene, state: State) -> list[Result]:
    """Some texts, edits and files, at least one of each to the direct room; how each ended."""
    chance = random.Random(state.seed)
    file = Attachment(f"{CANARY}.txt", "text/plain", CANARY.encode())
    said = Rich.of(f"{CANARY} en la plaza")
    direct = scene.rooms[0]
    messages = [
        (direct, Operation.SEND, said, (file,), ""),
        (direct, Operation.SEND, Rich(), (file,), ""),
        (direct, Operation.EDIT, said, (), scene.message),
        (chance.choice(scene.rooms[1:]), Operation.SEND, said, (file,), ""),
        (chance.choice((scene.ana.user_id, scene.trap)), Operation.SEND, said, (file,), ""),
    ]
    receipts = await asyncio.gather(
        *(
            scene.bot.platform.send(
                Outgoing(
                    uuid4().hex, chat, operation, text, attachments=files, target=target,
                    secrecy=chance.choice((Secrecy.MINIMAL, Secrecy.MINIMAL, Secrecy.DETAILED)),
                )
            )
            for chat, operation, text, files, target in messages
        )
    )  # fmt: skip
    return [receipt.result for receipt in receipts]


def _judge(scene: Scene, figures: Figures, state: State) -> None:
    leaked = scene.server.leaked(CANARY.encode())
    figures.lost += len(leaked)
    figures.check(not leaked, f"{state}: in the clear to {leaked[:2]}")
    # Nor any event of the kinds that people read, whatever is in it.
    clear = [w for w, _ in scene.server.sent if "/send/m.room.message/" in w]
    figures.check(not clear, f"{state}: an event in the clear to {clear[:2]}")

