"""`acuerpa demo` as a newcomer meets it: the real program, a real Chromium, the whole tour."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Locator, Page, async_playwright, expect

from tests.integration.test_sandbox_page import ARGUMENTS
from tests.support.stage_bot import acuerpa

PICTURES = Path(__file__).parents[2] / "artifacts" / "demo"
THREE_MINUTES = 180


@pytest_asyncio.fixture
async def page() -> AsyncIterator[Page]:
    """The demonstration's page, in Spanish."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *acuerpa("demo", "--port", str(port)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 30)
    address = re.search(rb"http://127\.0\.0\.1:\d+", line)
    assert address is not None
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=ARGUMENTS
        )
        made = await browser.new_page(viewport={"width": 1440, "height": 900}, locale="es")
        await made.goto(f"{address[0].decode()}/?lang=es")
        yield made
        await browser.close()
    process.terminate()
    await process.wait()


def chat(page: Page, name: str) -> Locator:
    """One person's panel."""
    return page.get_by_role("region", name=re.compile(name))


async def writes(page: Page, name: str, text: str) -> None:
    """Write as this person."""
    field = chat(page, name).get_by_role("textbox")
    await field.fill(text)
    await field.press("Enter")


async def chooses(page: Page, name: str, label: str) -> None:
    """Press an answer in this person's panel."""
    await chat(page, name).get_by_role("button", name=label).last.click()


async def test_a_newcomer_sees_it_all_in_three_minutes(page: Page) -> None:
    began = time.monotonic()
    onward = page.get_by_role("button", name="Lo que sigue")
    for shown in ("¿Estás bien?", "Otra vez: ¿estás bien?"):
        await onward.click()
        await expect(chat(page, "Ana")).to_contain_text(shown)
    await onward.click()
    await expect(chat(page, "Berta")).to_contain_text("Ana no respondió")
    PICTURES.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=PICTURES / "missed.png")

    await chooses(page, "Berta", "Yo me encargo")
    await expect(chat(page, "Berta")).to_contain_text("Tomaste el incidente #1")
    await chooses(page, "Berta", "Cerrar")
    await expect(chat(page, "Berta")).to_contain_text("¿Cómo termina")
    await chooses(page, "Berta", "a salvo")
    await expect(chat(page, "Berta")).to_contain_text("cerrado por Berta: a salvo")
    await page.screenshot(path=PICTURES / "resolved.png")

    await writes(page, "Olga", "/denuncia")
    await expect(chat(page, "Olga")).to_contain_text("Escribe el título")
    await writes(page, "Olga", "Hostigamiento")
    await expect(chat(page, "Olga")).to_contain_text("Ahora el texto")
    await writes(page, "Olga", "Dos camionetas siguieron a una compañera.")
    await chooses(page, "Olga", "Enviar a revisión")
    await expect(chat(page, "Coral")).to_contain_text("Olga pide tu revisión")
    await chooses(page, "Coral", "Aprobar y publicar")
    await expect(chat(page, "Alertas")).to_contain_text("Dos camionetas")
    await page.get_by_role("button", name="+15 min").click()
    await expect(chat(page, "Olga")).to_contain_text("Denuncia #1 publicada")
    await page.screenshot(path=PICTURES / "published.png")
    assert time.monotonic() - began < THREE_MINUTES

    page.on("dialog", lambda dialog: dialog.accept())
    await page.get_by_role("button", name="Reiniciar", exact=True).click()
    await expect(chat(page, "Berta")).not_to_contain_text("Incidente")
    await expect(chat(page, "Ana")).to_contain_text("Hola, Ana")

    await page.goto(page.url.replace("lang=es", "lang=en"))
    await page.get_by_role("button", name="Restart in English").click()
    await expect(chat(page, "Ana")).to_contain_text("Hello, Ana")
    for _ in range(3):
        await page.get_by_role("button", name="What comes next").click()
        await page.wait_for_timeout(300)
    await expect(chat(page, "Berta")).to_contain_text("Ana did not answer the check-in")
