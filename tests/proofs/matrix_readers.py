"""P12: an alarm can be read, not only sent.

The reader is what people's apps are inside: Rust crypto that shows nothing of a device which its
owner has not signed. Each chapter is something that happens between the bot and a phone.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from uuid import uuid4

from bot.platforms.base import Added, Migrated
from bot.platforms.matrix.http import path
from tests.proofs.proof import Figures
from tests.support.matrix_bot import MatrixBot
from tests.support.matrix_person import MatrixPerson
from tests.support.reader import RustReader
from tests.support.synapse import Synapse, shared

MESSAGES = {True: 50, False: 5}
ROTATION = 100
"""After so many messages a room's key is another one."""


class Scene:
    """A room with a bot, Ana who made it, and a reader."""

    def __init__(self, synapse: Synapse, folder: Path, figures: Figures, count: int) -> None:
        self.synapse = synapse
        self.folder = folder
        self.figures = figures
        self.count = count
        self.bot: MatrixBot
        self.ana: MatrixPerson
        self.readers: list[RustReader] = []
        self.room = ""
        self.said = 0

    async def open(self) -> None:
        """Everybody in the room."""
        self.bot = await MatrixBot.started(self.synapse, self.folder)
        self.ana = await MatrixPerson.join(self.synapse, f"ana{uuid4().hex[:6]}")
        reader = await RustReader.join(self.synapse, f"reader{uuid4().hex[:6]}")
        self.readers.append(reader)
        self.room = await self.ana.creates_room("Red", [self.bot.user_id, reader.user_id])
        await reader.accepts_invitations()
        await self.bot.receives(Added)

    async def close(self) -> None:
        """End everything."""
        for reader in self.readers:
            await reader.close()
        await self.ana.close()
        await self.bot.platform.stop()

    async def chapter(self, name: str, count: int = 0) -> None:
        """The bot says so many things; every reader must show each of them."""
        texts = {}
        for number in range(count or self.count):
            text = f"{name} {number}"
            texts[await self.bot.says(self.room, text)] = text
        shown = 0
        for reader in self.readers:
            await reader.sync_until(*texts)
            verdicts = await reader.verdicts()
            wrong = [
                verdicts[id].why or verdicts[id].body
                for id, text in texts.items()
                if not verdicts[id].shown or verdicts[id].body != text
            ]
            shown += len(texts) - len(wrong)
            self.figures.lost += len(wrong)
            self.figures.check(not wrong, f"{name}: {len(wrong)} not shown, such as {wrong[:1]}")
        self.figures.runs += len(texts)
        self.said += len(texts)
        self.figures.more[name.replace(" ", "_")] = f"{shown}/{len(texts) * len(self.readers)}"

    # --- what happens between ---------------------------------------------------------------

    async def restart(self) -> None:
        """The bot's process is another one, over the same stores."""
        await self.bot.restart()
        await self.bot.pull()
        self.said = 0

    async def new_device(self) -> None:
        """The reader's account gets a second phone."""
        first = self.readers[0]
        name = first.user_id[1:].split(":")[0]
        second = await RustReader.join(self.synapse, name, password=first.password)
        self.readers.append(second)
        # The homeserver tells of new devices when it comes to it: until then nobody can know.
        devices = self.bot.platform._live.client.device_store  # type: ignore[union-attr]
        for _ in range(40):
            await self.bot.pull(wait=0.5)
            if second.device_id in devices[second.user_id]:
                return
        raise AssertionError("the bot was not told of the new device")

    async def until_rotation(self) -> None:
        """Up to the message before the key changes: the next one is under another."""
        session = self._key()
        while self._key() == session:
            await self.bot.says(self.room, "…")
            self.said += 1
            assert self.said <= 2 * ROTATION, "the key never changes"

    def _key(self) -> str:
        live = self.bot.platform._live
        return str(live.client.olm.outbound_group_sessions[self.room].id)  # type: ignore[union-attr]

    async def upgrade(self) -> None:
        """The room is replaced by one of another version, and everybody goes there."""
        where = path("rooms", self.room, "upgrade")
        answer = await self.ana.asks("POST", where, {"new_version": "12"})
        new = str(answer.body["replacement_room"])
        for user_id in {self.bot.user_id, self.readers[0].user_id}:
            await self.ana.invites(user_id, new)
        await self.readers[0].accepts_invitations()
        migrated = await self.bot.receives(Migrated)
        assert isinstance(migrated.body, Migrated)
        assert migrated.body.new_chat == new
        self.room = new

    async def lose_the_device(self) -> None:
        """The bot's crypto store is gone; what is left are the sealed keys."""
        await self.bot.platform.stop()
        (self.bot.folder / "crypto.db").unlink()
        self.bot.platform = self.bot.new_platform()
        await self.bot.platform.start()
        await self.bot.pull()


async def p12(full: bool, seed: int) -> Figures:
    """See the module. There is no chance in it."""
    figures = Figures()
    scene = Scene(
        shared(), Path(tempfile.mkdtemp(prefix="acuerpa-readers-")), figures, MESSAGES[full]
    )
    try:
        await scene.open()
        await scene.chapter("at first")
        await scene.restart()
        await scene.chapter("after a restart")
        await scene.new_device()
        await scene.chapter("on a new device")
        await scene.until_rotation()
        await scene.chapter("under another key")
        await scene.upgrade()
        await scene.chapter("in an upgraded room")
        await scene.lose_the_device()
        await scene.chapter("after losing the device")
    finally:
        await scene.close()
        shutil.rmtree(scene.folder, ignore_errors=True)
    return figures
