"""The pictures of the tour, taken anew: `make pictures`.

The demonstration runs in this process on a day that is always the same; Chromium shows its page, and
presses and writes what the tour tells. The archive's page is of the denunciation that is published in it.
"""

from __future__ import annotations

import asyncio
import io
import logging
import re
import shutil
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import structlog
from aiohttp import web
from PIL import Image
from playwright.async_api import Locator, Page, async_playwright, expect

from bot.archiving import Archive
from bot.config import ArchiveSection
from bot.demo import ZONE, Demo
from bot.domain.publication import Publication
from bot.platforms.sandbox.web import sandbox_app
from handlers.archive import publications
from handlers.context import Context
from handlers.entries import menu
from storage.database import Database
from storage.keys import KeyInMemory

FOLDER = Path(__file__).parents[1] / "docs" / "pictures" / "tour"
DAY = date(2026, 11, 25)
SIZE = {"width": 1500, "height": 1180}
LARGEST = 150_000
"""Bytes of a picture: weak networks carry it."""

COLOURS = 128
REST = 600
"""Milliseconds after which nothing moves any more."""

NO_TOASTS = "document.querySelectorAll('.toast').forEach(each => { each.hidden = true })"
"""Short notices hide what is below them."""

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@dataclass(frozen=True)
class Said:
    """What the tour presses, writes and waits for, in one language."""

    asked: str
    missed: str
    take: str
    taken: str
    close: str
    how: str
    safe: str
    closed: str
    line: str
    line_shown: str
    denounce: str
    title_asked: str
    title: str
    text_asked: str
    text: str
    review: str
    review_asked: str
    approve: str
    channel: str
    archive: str


WORDS: Mapping[str, Said] = {
    "es": Said(
        "¿Estás bien?", "Ana no respondió", "Yo me encargo", "Tomaste el incidente #1", "Cerrar",
        "¿Cómo termina", "a salvo", "cerrado", "/linea 1", "Abierto:", "/denuncia",
        "Escribe el título", "Vigilan una casa en la sierra", "Ahora el texto",
        "Desde el lunes dos camionetas sin placas siguen a quienes defienden el río. Pedimos que se "
        "investigue y que se respete su trabajo.",
        "Enviar a revisión", "Olga pide tu revisión", "Aprobar y publicar", "Alertas",
        "Denuncias públicas",
    ),
    "en": Said(
        "Are you well?", "Ana did not answer", "I take it", "You took incident #1", "Close",
        "How does", "safe", "closed", "/timeline 1", "Opened:", "/denounce",
        "Write its title", "A house in the mountains is watched", "Now the text",
        "Since Monday two cars without plates follow those who defend the river. We ask that it is "
        "investigated and that their work is respected.",
        "Send for review", "Olga asks", "Approve and publish", "alerts",
        "Public denunciations",
    ),
}  # fmt: skip


class Camera:
    """One tour in one language."""

    def __init__(self, page: Page, said: Said, folder: Path) -> None:
        self.page, self.said, self.folder = page, said, folder

    def chat(self, name: str) -> Locator:
        """One person's panel."""
        return self.page.get_by_role("region", name=re.compile(name))

    async def sees(self, name: str, text: str) -> None:
        """Wait until it is there."""
        await expect(self.chat(name)).to_contain_text(text)

    async def writes(self, name: str, text: str) -> None:
        """Write as this person."""
        field = self.chat(name).get_by_role("textbox")
        await field.fill(text)
        await field.press("Enter")

    async def presses(self, name: str, label: str) -> None:
        """Press an answer in this person's panel."""
        await self.chat(name).get_by_role("button", name=label).last.click()

    async def takes(self, name: str, file: str) -> None:
        """A picture of this person's panel."""
        await self.page.mouse.click(1, 1)  # no field is being written in
        await self.page.wait_for_timeout(REST)
        await self.page.evaluate(NO_TOASTS)
        keep(await self.chat(name).screenshot(animations="disabled"), self.folder / f"{file}.png")

    async def walks(self, demo: Demo) -> None:
        """From the question to the channel."""
        said, onward = self.said, demo.clock.next_event
        await onward()
        await self.sees("Ana", said.asked)
        await self.takes("Ana", "1-asked")
        while "Ana" not in await self.chat("Berta").inner_text():
            await onward()
        await self.sees("Berta", said.missed)
        await self.takes("Berta", "2-missed")
        while said.missed not in await self.chat("Carla").inner_text():
            await onward()
            await self.page.wait_for_timeout(200)
        await self.takes("Carla", "3-escalated")
        await demo.clock.jump(timedelta(minutes=3))
        await self.presses("Carla", said.take)
        await self.sees("Carla", said.taken)
        await self.takes("Berta", "4-taken")
        await demo.clock.jump(timedelta(minutes=22))
        await self.presses("Carla", said.close)
        await self.sees("Carla", said.how)
        await self.presses("Carla", said.safe)
        await self.sees("Carla", said.closed)
        await demo.clock.jump(timedelta(minutes=1))
        await self.writes("Carla", said.line)
        await self.sees("Carla", said.line_shown)
        await self.takes("Carla", "5-closed")
        await self.writes("Olga", said.denounce)
        await self.sees("Olga", said.title_asked)
        await self.writes("Olga", said.title)
        await self.sees("Olga", said.text_asked)
        await self.writes("Olga", said.text)
        await self.presses("Olga", said.review)
        await self.sees("Coral", said.review_asked)
        await self.takes("Coral", "6-review")
        await self.presses("Coral", said.approve)
        await self.sees(said.channel, said.text)
        await self.takes(said.channel, "7-published")


def keep(content: bytes, path: Path) -> None:
    """A picture with few colours, so that it is small. Raises `ValueError` if it is not."""
    image = Image.open(io.BytesIO(content)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    if file.tell() > LARGEST:
        raise ValueError(f"{path.name}: {file.tell()} bytes are too many")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file.getvalue())
    print(f"{path.relative_to(FOLDER)}: {file.tell()} bytes", flush=True)


async def archived(demo: Demo, said: Said, language: str, folder: Path) -> Path:
    """The public page of what the demonstration published."""
    await demo.clock.jump(timedelta(minutes=15))  # it has left for everybody
    now = demo.clock.now()
    section = ArchiveSection(folder=folder, url="https://denuncias.example.org", title=said.archive)
    found: list[Publication] = []
    async with demo.database.transaction() as tx:
        more, _ = await publications(Context(tx, now, demo._settings), 0)
        found += more
    await Archive(demo.database, section, language, ZONE).write(found, now)
    return folder / "public" / language / f"{found[0].code}.html"


async def tour(language: str) -> None:
    """All pictures of one language."""
    said, folder = WORDS[language], FOLDER / language
    with tempfile.TemporaryDirectory(prefix="acuerpa-pictures-") as scratch:
        database = Database(str(Path(scratch) / "demo.db"), KeyInMemory())
        await database.open()
        demo = Demo(database, DAY)
        demo.clock.set_speed(0)
        await demo.seed(language)
        runner = web.AppRunner(
            sandbox_app(
                demo.town, demo.clock, zone=ZONE, milestones=demo.milestones, restart=demo.seed
            )
        )
        await runner.setup()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        await web.TCPSite(runner, "127.0.0.1", port).start()
        running = asyncio.create_task(demo.engine.run(menu(demo.clock.now())))
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=ARGUMENTS
            )
            page = await browser.new_page(viewport=SIZE, locale=language)  # type: ignore[arg-type]
            await page.goto(f"http://127.0.0.1:{port}/?lang={language}")
            await Camera(page, said, folder).walks(demo)
            shown = await archived(demo, said, language, Path(scratch) / "archive")
            paper = await browser.new_page(viewport={"width": 760, "height": 700}, locale=language)
            await paper.goto(shown.as_uri())
            keep(await paper.screenshot(), folder / "8-archive.png")
            await browser.close()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await runner.cleanup()
        await database.close()


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    for each in WORDS:
        asyncio.run(tour(each))
