"""What tests ask of the server: people, faults, the clock, and a look at the chats.

Each function is one action, `POST /control/<name>` with a JSON object of its arguments.
"""

from __future__ import annotations

import asyncio
import base64
import time
import zlib
from collections.abc import Callable
from typing import Any

from tests.fakes.botapi import people
from tests.fakes.botapi.faults import Fault, Kind
from tests.fakes.botapi.state import Chat, Json, World


def person(world: World, *, name: str, **facts: Any) -> Json:
    return {"id": people.new_person(world, name, **facts).id}


def chat(world: World, *, type: str, title: str, bot: str = "member") -> Json:
    return {"id": people.new_chat(world, type, title, bot).id}


def writes(
    world: World, *, person: int, text: str, chat: int = 0, reply_to: int = 0,
    forwarded: bool = False, extra: Json | None = None,
) -> Json:  # fmt: skip
    message, update = people.write(
        world, world.people[person], _chat(world, person, chat), text,
        reply_to=reply_to, forwarded=forwarded, extra=extra,
    )  # fmt: skip
    return {"message_id": message.api["message_id"], "update_id": update}


def sends(
    world: World, *, person: int, what: str, chat: int = 0, caption: str = "", reply_to: int = 0
) -> Json:
    message, update = people.send(
        world, world.people[person], _chat(world, person, chat), what,
        caption=caption, reply_to=reply_to,
    )  # fmt: skip
    return {"message_id": message.api["message_id"], "update_id": update}


def sends_file(
    world: World, *, person: int, name: str, content: str, chat: int = 0, caption: str = ""
) -> Json:
    """`content` is packed by zlib, in base64."""
    message, update = people.send_file(
        world, world.people[person], _chat(world, person, chat), name,
        zlib.decompress(base64.b64decode(content)), caption=caption,
    )  # fmt: skip
    return {"message_id": message.api["message_id"], "update_id": update}


def edits(world: World, *, person: int, message_id: int, text: str, chat: int = 0) -> Json:
    update = people.edit(world, _chat(world, person, chat), message_id, text)
    return {"update_id": update}


def presses(world: World, *, person: int, chat: int = 0, **button: Any) -> Json:
    query = people.press(world, world.people[person], _chat(world, person, chat), **button)
    return {"query_id": query.id}


def blocks(world: World, *, person: int, blocked: bool = True) -> Json:
    return {"update_id": people.set_blocked(world, world.people[person], blocked)}


def deactivate(world: World, *, person: int) -> Json:
    world.people[person].deactivated = True
    return {}


def bot_status(world: World, *, person: int, chat: int, status: str) -> Json:
    return {"update_id": people.set_bot(world, world.people[person], world.chats[chat], status)}


def mute(world: World, *, chat: int, muted: bool = True) -> Json:
    world.chats[chat].muted = muted
    return {}


def upgrade(world: World, *, person: int, chat: int) -> Json:
    return {"id": people.upgrade(world, world.people[person], world.chats[chat]).id}


def update(world: World, *, parts: Json) -> Json:
    """Queue an update that no person could make."""
    return {"update_id": world.updates.add(**parts)}


def messages(world: World, *, chat: int) -> Json:
    return {"messages": [people.seen(m, world) for m in world.chats[chat].messages.values()]}


def toasts(world: World, *, person: int) -> Json:
    """The answers to this person's presses, in order; None where there is none yet."""
    return {"toasts": [q.toast for q in world.queries.values() if q.person == person]}


def expire_queries(world: World) -> Json:
    for query in world.queries.values():
        query.expired = True
    return {}


def commands(world: World) -> Json:
    return {
        "menus": [
            {"scope": scope, "language": language, "commands": entries}
            for (scope, language), entries in world.commands.items()
        ]
    }


def pending(world: World) -> Json:
    return {"count": world.updates.pending}


async def poll_waits(world: World) -> Json:
    """Return once a poll of the bot waits for updates."""
    while not world.updates.has_waiting:
        await asyncio.sleep(0.005)
    return {}


def fault(world: World, *, kind: str, method: str = "", **facts: Any) -> Json:
    world.faults.orders.append(Fault(kind=Kind(kind), method=method.lower(), **facts))
    return {}


def clear_faults(world: World) -> Json:
    world.faults.orders.clear()
    return {}


def revoke(world: World, *, revoked: bool = True) -> Json:
    world.revoked = revoked
    return {}


def account(world: World, *, webhook: str = "", reads_groups: bool = False) -> Json:
    """What whoever has the token set up: a webhook, and whether the bot is given all of its groups."""
    world.webhook = webhook
    world.bot["can_read_all_group_messages"] = reads_groups
    return {}


def clock(world: World, *, at: float, speed: float) -> Json:
    """The server's clock shows a Unix time, and goes on at `speed`; 0 stops it."""
    world.clock = (at, time.time(), speed)
    return {}


def _chat(world: World, person: int, chat: int) -> Chat:
    """The chat named, or the person's private one."""
    return world.chats[chat or person]


Action = Callable[..., Any]

ACTIONS: dict[str, Action] = {
    action.__name__: action
    for action in (
        person, chat, writes, sends, sends_file, edits, presses, blocks, deactivate, bot_status,
        mute, upgrade, update, messages, toasts, expire_queries, commands, pending, poll_waits,
        fault, clear_faults, revoke, account, clock,
    )
}  # fmt: skip
