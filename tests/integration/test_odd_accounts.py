"""Nobody acts for somebody else: forwarded words, anonymous administrators, channels, forged presses,
another person in the same room. And ids of any length are somebody's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa

from bot.app import new_token
from bot.domain.duress import Words
from bot.domain.people import Role
from bot.platforms.base import (
    Added,
    Change,
    ChatKind,
    ComparisonAsked,
    ComparisonEnded,
    File,
    IdentityChanged,
    Incoming,
    Operation,
    PlatformName,
    Press,
    RawEvent,
    Text,
)
from bot.platforms.matrix import parse as matrix
from bot.platforms.telegram import parse as telegram
from handlers.router import Router
from handlers.settings import Settings
from storage.database import Database
from storage.keys import KeyInMemory
from storage.tables import (
    audit_log,
    decisions,
    destinations,
    files,
    incidents,
    members,
    outbox,
    prompts,
    timers,
)
from tests.integration.test_storage import NOW

LONG = f"@{'a' * (255 - len('@:casa.example'))}:casa.example"
"""As long as Matrix allows (its specification, "User identifiers": 255 bytes)."""

BEYOND = 2**53 + 1
"""Telegram's ids may have 52 bits; beyond that, languages without whole numbers mistake them."""

ANONYMOUS = {"id": 1087968824, "is_bot": True, "first_name": "Group"}


@dataclass
class Bot:
    """A router over a database, with a group: Coral and Dora coordinate it, Berta responds."""

    database: Database
    router: Router
    group: int = 0
    events: int = 0

    async def joins(self, name: str, platform: str, address: str, chat: str, *roles: Role) -> int:
        async with self.database.transaction() as tx:
            id = await tx.people.add_member(self.group, name, "es", "UTC", roles, NOW)
            await tx.people.add_account(id, platform, address, chat, NOW)
        return id

    async def hears(self, event: Incoming | None) -> None:
        if event is not None:
            async with self.database.transaction() as tx:
                await self.router.incoming(tx, event, NOW)

    async def writes(
        self, account: str, chat: str, text: str, *, proven: bool = True, **how: Any
    ) -> None:
        self.events += 1
        event = Incoming(
            PlatformName.MATRIX, f"${self.events}", account, chat, ChatKind.PRIVATE, NOW,
            Text(text, **how), proven=proven,
        )  # fmt: skip
        await self.hears(event)

    async def said_in(self, chat: str) -> list[str]:
        """What is queued for a chat, in order."""
        async with self.database.transaction() as tx:
            rows = await tx.rows.all(
                sa.select(outbox.c.seq, outbox.c.chat, outbox.c.body).order_by(outbox.c.seq)
            )
        return ["".join(s[0] for s in r.body.get("text", [])) for r in rows if r.chat == chat]

    async def count(self, table: sa.Table, *where: Any) -> int:
        async with self.database.transaction() as tx:
            found = await tx.connection.execute(
                sa.select(sa.func.count()).select_from(table).where(*where)
            )
            return int(found.scalar_one())

    async def roles(self, member: int) -> frozenset[Role]:
        async with self.database.transaction() as tx:
            return (await tx.people.member(member)).roles


@pytest_asyncio.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    """An empty group."""
    database = Database(str(tmp_path / "a.db"), KeyInMemory())
    await database.open()
    made = Bot(database, Router(Settings(language="es", zone="UTC", token=new_token)))
    async with database.transaction() as tx:
        made.group = await tx.people.add_group("Red", "", "es", "UTC", NOW)
    yield made
    await database.close()


def update(chat: dict[str, Any], **message: Any) -> RawEvent:
    """A message of Telegram."""
    raw = {
        "update_id": 7,
        telegram.RECEIVED: NOW.isoformat(),
        "message": {
            "message_id": 5, "date": int(NOW.timestamp()), "chat": chat, **message,
        },
    }  # fmt: skip
    return RawEvent("7", str(chat["id"]), raw)


PLAZA = {"id": -100500, "type": "supergroup", "title": "Plaza"}


async def test_words_of_nobody_in_particular_act_for_nobody(bot: Bot) -> None:
    """An anonymous administrator, a channel, and a bot through which somebody speaks."""
    coral = await bot.joins("Coral", "telegram", "77", "77", Role.COORDINATOR, Role.AUTHOR)
    # The group's own account, as if a coordinator had it too: no message of it is a person's.
    await bot.joins("Plaza", "telegram", str(ANONYMOUS["id"]), "1", Role.COORDINATOR)
    for message in (
        {"from": ANONYMOUS, "sender_chat": PLAZA},
        {"from": {"id": 77, "is_bot": False, "first_name": "Coral"}, "sender_chat": PLAZA},
        {"from": {"id": 777000, "is_bot": False}, "sender_chat": {"id": -100, "type": "channel"}},
        {"from": {"id": 136817688, "is_bot": True, "first_name": "Channel"}},
        {},
    ):
        assert telegram.parse(update(PLAZA, text="/auxilio", **message)) is None
    assert await bot.count(incidents) == 0
    # The same word of Coral's own account is heard.
    said = update(PLAZA, text="/auxilio", **{"from": {"id": 77, "first_name": "Coral"}})
    await bot.hears(telegram.parse(said))
    assert await bot.count(incidents, incidents.c.subject_id == coral) == 1


async def test_an_anonymous_administrator_adds_no_destination(bot: Bot) -> None:
    await bot.joins("Olga", "telegram", "77", "77", Role.AUTHOR)
    for account, questions in (("1087968824", 0), ("99", 0), ("77", 1)):
        event = Incoming(
            PlatformName.TELEGRAM, account, account, "-100500", ChatKind.CHANNEL, NOW, Added("Plaza")
        )
        await bot.hears(event)
        assert await bot.count(prompts) == questions
    assert await bot.count(destinations, destinations.c.active) == 0


async def test_forwarded_words_are_nobodys(bot: Bot) -> None:
    """A coordinator who forwards a command has not given it, nor does a stranger join by one."""
    coral = await bot.joins("Coral", "telegram", "77", "77", Role.COORDINATOR)
    private = {"id": 77, "type": "private"}
    origin = {"type": "user", "date": 1, "sender_user": {"id": 5, "first_name": "X"}}
    for text in ("/rol Coral quitar coordinación", "/invitar coordinación", "/auxilio", "auxilio"):
        said = update(private, text=text, forward_origin=origin, **{"from": {"id": 77}})
        event = telegram.parse(said)
        assert event is not None
        await bot.hears(event)
    assert await bot.count(incidents) == await bot.count(prompts) == 0
    assert await bot.roles(coral) == {Role.COORDINATOR}
    assert len(await bot.said_in("77")) == 4  # each is told why


async def test_a_press_that_was_never_offered_does_nothing(bot: Bot) -> None:
    coral = await bot.joins("Coral", "matrix", "@coral:x", "!coral", Role.COORDINATOR)
    dora = await bot.joins("Dora", "matrix", "@dora:x", "!dora", Role.COORDINATOR)
    ana = await bot.joins("Ana", "matrix", "@ana:x", "!ana")
    await bot.writes("@coral:x", "!coral", "/rol Ana red")
    await bot.writes("@coral:x", "!coral", "1")
    assert await bot.count(decisions) == 1
    async with bot.database.transaction() as tx:
        (asked,) = await tx.conversations.open_in("matrix", "!dora")
    press = Incoming(
        PlatformName.MATRIX, "p", "@ana:x", "!ana", ChatKind.PRIVATE, NOW, Press("", "m", "p")
    )
    forged = [
        asked.token, f"{asked.token}:1", f"{asked.token}:", f"{asked.token}:0", f"{asked.token}:99",
        f"{asked.token}:1:1", f"{asked.token}:-1", f"{asked.token}:１", f":{asked.token}", ":", "",
        "\0", "x" * 64, f"{'0' * 22}:1",
    ]  # fmt: skip
    for who, chat in (("@ana:x", "!ana"), ("@coral:x", "!coral"), ("@mala:x", "!mala"), ("", "")):
        for data in forged:
            await bot.hears(
                replace(press, account=who, chat=chat, body=Press(data, "m", f"{who}{data}"))
            )
    # In Dora's own chat, another account; and Dora's account, from a group.
    await bot.hears(replace(press, chat="!dora", body=Press(f"{asked.token}:1", "m", "q")))
    await bot.hears(
        replace(
            press, account="@dora:x", chat="!plaza", chat_kind=ChatKind.GROUP,
            body=Press(f"{asked.token}:1", "m", "r"),
        )
    )  # fmt: skip
    async with bot.database.transaction() as tx:
        decision = await tx.decisions.get(asked.ref)
        assert decision is not None
        assert decision.state == "waiting"
    assert await bot.roles(ana) == await bot.roles(ana) == frozenset()
    await bot.hears(
        replace(
            press, account="@dora:x", chat="!dora",
            body=Press(f"{asked.token}:{asked.options[0].number}", "m", "s"),
        )
    )  # fmt: skip
    async with bot.database.transaction() as tx:
        decision = await tx.decisions.get(asked.ref)
        assert decision is not None
        assert (decision.state, decision.second) == ("offered", dora)
    assert coral != dora


async def test_an_operator_is_nobodys_name_in_another_group(bot: Bot) -> None:
    """Whoever runs the bot may be a member elsewhere: here they are who runs the bot."""
    await bot.joins("Coral", "matrix", "@coral:x", "!coral", Role.COORDINATOR)
    await bot.joins("Ana", "matrix", "@ana:x", "!ana")
    async with bot.database.transaction() as tx:
        here, bot.group = bot.group, await tx.people.add_group("Otra", "", "es", "UTC", NOW)
    await bot.joins("Secreta", "matrix", "@opal:x", "!opal")
    await bot.joins("Secreta Dos", "telegram", "7", "7")
    bot.group = here
    settings = Settings(
        language="es", zone="UTC", token=new_token, operators=frozenset({"matrix:@opal:x"})
    )
    bot.router = Router(settings)
    await bot.writes("@coral:x", "!coral", "/rol Ana red")
    await bot.writes("@coral:x", "!coral", "1")
    assert "Coral pide tu acuerdo (Red)" in (await bot.said_in("!opal"))[-1]
    await bot.writes("@opal:x", "!opal", "1")
    said = " ".join(await bot.said_in("!coral") + await bot.said_in("!ana"))
    assert "quien administra el bot dio su acuerdo" in said
    assert "Secreta" not in said


async def test_who_comes_into_anothers_room_answers_nothing_there(bot: Bot) -> None:
    """On Matrix a room can change hands: what was asked there is still asked of whom it was."""
    await bot.joins("Coral", "matrix", "@coral:x", "!coral", Role.COORDINATOR)
    await bot.joins("Dora", "matrix", "@dora:x", "!dora", Role.COORDINATOR)
    await bot.joins("Mala", "matrix", "@mala:x", "!mala", Role.COORDINATOR)
    await bot.writes("@coral:x", "!coral", "/rol Mala fuera")
    await bot.writes("@coral:x", "!coral", "1")
    await bot.writes("@dora:x", "!dora", "/borrarme")
    await bot.writes("@mala:x", "!dora", "1")  # Dora's open question
    await bot.writes("@mala:x", "!dora", "borrar")  # Dora's conversation
    await bot.writes("@dora:x", "!dora", "/rol Coral fuera")
    async with bot.database.transaction() as tx:
        newest, *_ = await tx.conversations.open_in("matrix", "!dora")
    # Mala coordinates too, and could ask for it: but not by Dora's question.
    await bot.writes("@mala:x", "!dora", str(newest.options[0].number))
    assert await bot.count(decisions) == 1
    async with bot.database.transaction() as tx:
        decision = await tx.decisions.get(1)
        assert decision is not None
        assert decision.state == "waiting"
    assert await bot.count(members, members.c.left_at.is_not(None)) == 0


async def test_words_that_may_be_the_servers_lead_no_alarm_elsewhere(bot: Bot) -> None:
    """Berta cannot be reached, and somebody with her name writes from a room of their own."""
    berta = await bot.joins("Berta", "matrix", "@berta:x", "!berta", Role.RESPONDER)
    await bot.joins("Ana", "matrix", "@ana:x", "!ana")
    await bot.writes("@ana:x", "!ana", "auxilio")
    told = len(await bot.said_in("!berta"))
    async with bot.database.transaction() as tx:
        account = (await tx.people.accounts_of(berta))[0]
        await tx.people.set_reachable(account.id, False)
    await bot.writes("@berta:x", "!mala", "hola", proven=False)
    assert not any("Ana" in text for text in await bot.said_in("!mala"))
    async with bot.database.transaction() as tx:
        account = (await tx.people.accounts_of(berta))[0]
    assert (account.chat, account.reachable) == ("!berta", False)
    await bot.writes("@berta:x", "!berta", "hola")
    assert any("Ana" in text for text in (await bot.said_in("!berta"))[told:])


async def test_words_of_duress_are_heard_whatever_device_they_come_from(bot: Bot) -> None:
    """And nothing in the chat tells them from an answer of that device, which does not count."""
    ana = await bot.joins("Ana", "matrix", "@ana:x", "!ana")
    async with bot.database.transaction() as tx:
        await tx.people.set_duress(ana, Words.of("todo en orden hoy", "salt"))
    heard = []
    for words in ("estoy muy bien", "todo en orden hoy"):
        await bot.writes("@ana:x", "!ana", words, proven=False)
        heard.append(await bot.count(timers, timers.c.kind == "duress"))
    assert heard == [0, 1]
    answer, pretended = await bot.said_in("!ana")
    assert answer == pretended


async def test_a_photograph_from_a_device_that_is_not_proven_is_none_of_olgas(bot: Bot) -> None:
    """Whoever runs the server puts none into what she publishes."""
    await bot.joins("Olga", "matrix", "@olga:x", "!olga", Role.AUTHOR)
    await bot.writes("@olga:x", "!olga", "/denuncia")
    photo = File("image", "a.png", "image/png", 5, {"url": "mxc://x/a"})
    kept = []
    for number, proven in enumerate((False, True)):
        event = Incoming(
            PlatformName.MATRIX, f"f{number}", "@olga:x", "!olga", ChatKind.PRIVATE, NOW, photo,
            proven=proven,
        )  # fmt: skip
        await bot.hears(event)
        kept.append(await bot.count(files))
    assert kept == [0, 1]


async def test_a_suspended_account_compares_nothing(bot: Bot) -> None:
    """Coral is asked about its keys, but nobody is called for whoever holds it now."""
    await bot.joins("Coral", "matrix", "@coral:x", "!coral", Role.COORDINATOR)
    ana = await bot.joins("Ana", "matrix", "@ana:x", "!ana")
    async with bot.database.transaction() as tx:
        await tx.people.suspend((await tx.people.accounts_of(ana))[0].id, NOW)
    for number, body in enumerate((ComparisonAsked("x begin", "x decline"), ComparisonEnded(True))):
        event = Incoming(
            PlatformName.MATRIX, f"c{number}", "@ana:x", "", ChatKind.PRIVATE, NOW, body
        )
        await bot.hears(event)
    assert await bot.count(outbox) == 0
    await bot.hears(replace(event, event_id="i", body=IdentityChanged(Change.DEVICE, "trust 1")))
    assert "Un dispositivo de Ana" in (await bot.said_in("!coral"))[0]
    assert await bot.said_in("!ana") == []


async def test_where_a_group_names_nobody_keys_that_changed_are_nobodys(bot: Bot) -> None:
    """Coral reads on Telegram that somebody is to be asked, and on Matrix who."""
    coral = await bot.joins("Coral", "matrix", "@coral:x", "!coral", Role.COORDINATOR)
    await bot.joins("Ana", "matrix", "@ana:x", "!ana")
    async with bot.database.transaction() as tx:
        await tx.people.add_account(coral, "telegram", "77", "77", NOW)
        await tx.people.set_bare(bot.group, ["telegram"])
    changed = Incoming(
        PlatformName.MATRIX, "$c", "@ana:x", "", ChatKind.PRIVATE, NOW,
        IdentityChanged(Change.IDENTITY, "trust 1"),
    )  # fmt: skip
    await bot.hears(changed)
    await bot.hears(replace(changed, event_id="$a", body=ComparisonAsked("x begin", "x decline")))
    assert len(await bot.said_in("!coral")) == 2
    (nameless,) = await bot.said_in("77")
    assert "alguien de tu red" in nameless
    assert "Ana" not in nameless


@pytest.mark.parametrize(
    ("who", "does", "may"),
    [
        ("coral", "confirm", True),
        ("berta", "confirm", False),  # of the group, and coordinates nothing
        ("otilia", "confirm", False),  # coordinates another group
        ("ana", "confirm", False),  # it is her account that is in doubt
        ("coral", "doubt", False),  # nothing is decided
    ],
)
async def test_who_vouches_for_anas_new_keys(bot: Bot, who: str, does: str, may: bool) -> None:
    await bot.joins("Coral", "matrix", "@coral:x", "!coral", Role.COORDINATOR)
    await bot.joins("Berta", "matrix", "@berta:x", "!berta", Role.RESPONDER)
    ana = await bot.joins("Ana", "matrix", "@ana:x", "!ana", Role.COORDINATOR)
    async with bot.database.transaction() as tx:
        other = await tx.people.add_group("Otra", "", "es", "UTC", NOW)
        otilia = await tx.people.add_member(other, "Otilia", "es", "UTC", [Role.COORDINATOR], NOW)
        await tx.people.add_account(otilia, "matrix", "@otilia:x", "!otilia", NOW)
    await bot.hears(
        Incoming(
            PlatformName.MATRIX, "$changed", "@ana:x", "", ChatKind.PRIVATE, NOW,
            IdentityChanged(Change.IDENTITY, "trust 1"),
        )
    )  # fmt: skip
    for chat in ("!ana", "!berta", "!otilia"):
        assert await bot.said_in(chat) == []
    assert "Ana cambiaron" in (await bot.said_in("!coral"))[0]
    async with bot.database.transaction() as tx:
        (asked,) = await tx.conversations.open_in("matrix", "!coral")
        number = next(o.number for o in asked.options if o.action == does)
        # As if it had been asked of whoever presses: the right itself is what holds.
        await tx.connection.execute(sa.update(prompts).values(member=None))
    await bot.hears(
        Incoming(
            PlatformName.MATRIX, "p", f"@{who}:x", "!coral", ChatKind.PRIVATE, NOW,
            Press(f"{asked.token}:{number}", "m", "p"),
        )
    )  # fmt: skip
    decided = await bot.count(outbox, outbox.c.operation == Operation.DECIDE)
    logged = await bot.count(audit_log, audit_log.c.about == ana)
    assert (decided, logged) == ((1, 1) if may else (0, 0))


@pytest.mark.parametrize("platform", ["telegram", "matrix"])
async def test_ids_of_any_length_are_somebodys(bot: Bot, platform: str) -> None:
    """Two who differ in the last character are two; each is answered in their own chat."""
    if platform == "telegram":
        first, second = BEYOND, BEYOND + 1
        chats = [str(first), str(second)]
        events = [
            telegram.parse(
                update({"id": id, "type": "private"}, text="/auxilio", **{"from": {"id": id}})
            )
            for id in (first, second)
        ]
    else:
        chats = [f"!{'r' * 253}{n}" for n in "12"]
        events = [
            matrix.understand(
                RawEvent(
                    f"${'e' * 253}{n}",
                    chat,
                    {
                        "event": {
                            "type": "m.room.message", "sender": account,
                            "content": {"msgtype": "m.text", "body": "!auxilio"},
                            "event_id": f"${'e' * 253}{n}", "origin_server_ts": 0,
                        },
                        "room": {"kind": "private"},
                    },
                )
            )
            for n, chat, account in zip("12", chats, (LONG, "@b" + LONG[2:]), strict=True)
        ]  # fmt: skip
    ids = []
    for name, event in zip(("Ana", "Berta"), events, strict=True):
        assert event is not None
        ids.append(await bot.joins(name, platform, event.account, event.chat, Role.RESPONDER))
    await bot.hears(events[0])
    assert "Avisé a tu red" in (await bot.said_in(chats[0]))[-1]
    assert "Ana pide auxilio" in (await bot.said_in(chats[1]))[-1]
    assert await bot.count(incidents, incidents.c.subject_id == ids[0]) == 1
    async with bot.database.transaction() as tx:
        account = await tx.people.account(platform, events[1].account)  # type: ignore[union-attr]
        assert account is not None
        assert (account.member, account.chat) == (ids[1], chats[1])
        rows = await tx.outbox.claim(
            platform, NOW, limit=10, lease=timedelta(minutes=1), lanes=[0, 1, 2, 3]
        )
        assert {row.chat for row in rows} == set(chats)


@pytest.mark.parametrize("chat", [None, "None", 5.0, True, 1002, {"id": 1001}])
async def test_no_update_leads_anas_alarms_to_another_chat(chat: object) -> None:
    """In private the chat is the person, whatever else an update says."""
    person = {"id": 1001, "is_bot": False, "first_name": "Ana"}
    message = {
        "message_id": 7, "date": 1_794_924_000, "from": person, "text": "hola",
        "chat": {"id": chat, "type": "private"},
    }  # fmt: skip
    read = telegram.parse(RawEvent("1", "", {"message": message}))
    assert read is not None
    assert (read.account, read.chat) == ("1001", "1001")


@pytest.mark.parametrize(("account", "chat"), [(None, -1), ("1001", -1), (True, -1), (1001, None)])
async def test_an_account_or_a_group_without_a_number_is_nobodys(
    account: object, chat: object
) -> None:
    message = {
        "message_id": 7, "date": 1_794_924_000, "from": {"id": account, "first_name": "Ana"},
        "text": "hola", "chat": {"id": chat, "type": "supergroup"},
    }  # fmt: skip
    with pytest.raises(TypeError):
        telegram.parse(RawEvent("1", "", {"message": message}))
