"""The sandbox's page in a real Chromium, with a tiny bot behind its town.

Pictures of it are left in `artifacts/`.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import (
    Browser,
    FilePayload,
    Locator,
    Page,
    async_playwright,
    expect,
)

from bot.domain.rich import Rich, Span, Style
from bot.platforms.base import (
    Attachment,
    Button,
    Command,
    FileTooLarge,
    Operation,
    Outgoing,
    Press,
    Receipt,
    Result,
    Text,
)
from bot.platforms.sandbox import Milestone, SandboxPlatform, Town, sandbox_app
from bot.platforms.sandbox.things import Message
from tests.support.files import images

START = datetime(2026, 3, 2, 14, 45, tzinfo=UTC)
PICTURES = Path(__file__).parents[2] / "artifacts" / "sandbox"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP = (1440, 900)
PHONE = (360, 640)
ANA, BERTA, CHANNEL = "@ana", "@berta", "#denuncias"

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Clock:
    """A clock that moves when asked, with one thing due at 15:00 UTC."""

    def __init__(self) -> None:
        self.instant = START
        self.speed = 0
        self.due: datetime | None = START + timedelta(minutes=15)

    def now(self) -> datetime:
        return self.instant

    def set_speed(self, speed: int) -> None:
        self.speed = speed

    async def jump(self, by: timedelta) -> None:
        self.instant += by

    async def next_event(self) -> datetime | None:
        due, self.due = self.due, None
        if due is not None:
            self.instant = max(due, self.instant)
        return due


class Stand:
    """A town with people, an echoing bot, and the page's server over it."""

    runner: web.AppRunner

    def __init__(self) -> None:
        self.clock = Clock()
        self.town = Town(self.clock.now)
        self.platform = SandboxPlatform(self.town)
        self.steps = [
            Milestone("checkin_missed", False, "ana"),
            Milestone("incident_resolved", False, "berta"),
            Milestone("denunciation_published", False, "casa"),
        ]
        self.restarted: list[str] = []
        self.url = ""
        self._keys = 0
        self.seed()

    def seed(self, language: str = "es") -> None:
        """The people of the demo."""
        for key, name, role in (
            ("ana", "Ana", "defender"),
            ("berta", "Berta", "responder"),
            ("carla", "Carla", "responder"),
            ("diana", "Diana", "coordinator"),
            ("casa", "Casa Común", "organisation"),
        ):
            self.town.person(key, name, role=role, language=language)
        self.town.place("denuncias", "Denuncias públicas")
        self.town.adds_bot("diana", CHANNEL)
        self.town.publish(
            {
                "": (Command("auxilio", "pedir auxilio a tu red, ahora"),),
                "en": (Command("panic", "alarm your network, now"),),
            }
        )

    async def milestones(self) -> Sequence[Milestone]:
        return self.steps

    async def restart(self, language: str) -> None:
        self.restarted.append(language)
        self.town.reset()
        self.seed(language)

    async def does(
        self,
        operation: Operation,
        chat: str,
        text: str | Rich = "",
        *,
        buttons: tuple[tuple[Button, ...], ...] = (),
        target: str = "",
        files: tuple[Attachment, ...] = (),
    ) -> Receipt:
        self._keys += 1
        rich = text if isinstance(text, Rich) else Rich.of(text)
        key = f"{self.town.epoch}/{self._keys}"
        receipt = await self.platform.send(
            Outgoing(key, chat, operation, rich, buttons, target, files)
        )
        assert receipt.result is Result.SENT
        return receipt

    async def says(self, chat: str, text: str | Rich, *labels: str) -> Message:
        row = tuple(Button(label, f"b:{n}", n) for n, label in enumerate(labels, 1))
        receipt = await self.does(Operation.SEND, chat, text, buttons=(row,) if row else ())
        return self.town.message(receipt.message_id)

    async def echo(self) -> None:
        """Repeat what is written, and turn a pressed question into its answer."""
        cursor = None
        while True:
            batch = await self.platform.receive(cursor, 30)
            cursor = batch.cursor
            for event in batch.events:
                incoming = self.platform.parse(event)
                if incoming is None:
                    continue
                match incoming.body:
                    case Text(text):
                        await self.does(Operation.SEND, incoming.chat, f"Eco: {text}")
                    case Press(_, message, press):
                        await self.does(Operation.TOAST, incoming.chat, "Anotado.", target=press)
                        await self.does(
                            Operation.EDIT, incoming.chat, "Gracias. Anotado.", target=message
                        )
                    case _:
                        pass

    async def opens(self, port: int = 0) -> None:
        """Begin to serve the page."""
        app = sandbox_app(self.town, self.clock, milestones=self.milestones, restart=self.restart)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{self.runner.addresses[0][1]}"

    async def closes(self) -> None:
        """End; an open page must not keep the server."""
        async with asyncio.timeout(5):
            await self.runner.cleanup()


@pytest_asyncio.fixture(loop_scope="module")
async def stand() -> AsyncIterator[Stand]:
    made = Stand()
    await made.opens()
    bot = asyncio.create_task(made.echo())
    yield made
    bot.cancel()
    await made.closes()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium, "these tests need Chromium: apt-get install chromium"
    PICTURES.mkdir(parents=True, exist_ok=True)
    async with async_playwright() as playwright:
        made = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield made
        await made.close()


async def visit(
    browser: Browser,
    stand: Stand,
    size: tuple[int, int] = DESKTOP,
    *,
    query: str = "?lang=es",
    locale: str = "es-MX",
    dark: bool = False,
) -> Page:
    """The page as one reader has it; fails at its end for any error in it or request elsewhere."""
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        locale=locale,
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
    )
    page = await context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"error in the page: {error}"))
    page.on("request", lambda request: _ours(stand, request.url))
    await page.goto(stand.url + "/" + query)
    await expect(page.locator(".chat")).to_have_count(6)
    return page


def _ours(stand: Stand, url: str) -> None:
    assert url.startswith(stand.url), f"the page asked for {url}"


def panel(page: Page, name: str) -> Locator:
    heading = page.get_by_role("heading", name=name, exact=True, include_hidden=True)
    return page.locator(".chat").filter(has=heading)


async def a_story(stand: Stand) -> None:
    """Something in every chat, for the pictures."""
    town, clock = stand.town, stand.clock
    question = await stand.says(ANA, "¿Estás bien?", "Estoy bien", "Necesito ayuda", "Más tarde")
    clock.instant += timedelta(minutes=45)
    alarm = Rich(
        (
            Span("Incidente #1: "),
            Span("Ana", Style.BOLD),
            Span(" no respondió al chequeo de las 08:45."),
        )
    )
    told = await stand.says(BERTA, alarm, "Yo me encargo", "Escalar ya")
    await stand.says("@carla", alarm, "Yo me encargo", "Escalar ya")
    clock.instant += timedelta(minutes=2)
    taken = alarm + Rich.of("\nLo tiene Berta.")
    await stand.does(
        Operation.EDIT, BERTA, taken, target=told.id,
        buttons=((Button("Dar noticia", "n", 1), Button("Entregar", "h", 2)),
                 (Button("Soltar", "r", 3), Button("Cerrar", "c", 4))),
    )  # fmt: skip
    await stand.says("@carla", "Berta se encarga del incidente #1 (Ana).")
    town.writes("berta", "Hablé con su hermana: llega en una hora.")
    clock.instant += timedelta(minutes=31)
    town.writes("ana", "estoy bien, no había señal")
    await stand.does(Operation.EDIT, ANA, "Anotado a las 10:03: estás bien.", target=question.id)
    await stand.says("@diana", "Invitación para una persona. Ábrela con: sandbox:t0k-EN_1")
    await stand.says("@casa", "Denuncia #1. Escribe el título.")
    town.writes("casa", "Alto a las amenazas contra quienes defienden el río")
    statement = Rich(
        (
            Span("Alto a las amenazas contra quienes defienden el río", Style.BOLD),
            Span("\n\nExigimos protección para la comunidad y una investigación pronta.\n\n"),
            Span("— Casa Común · #1", Style.ITALIC),
        )
    )
    await stand.says(CHANNEL, statement)
    stand.steps[0] = Milestone("checkin_missed", True, "ana")


async def picture(page: Page, name: str) -> None:
    await page.wait_for_timeout(200)
    await page.screenshot(path=PICTURES / f"{name}.png")


# --- reading and answering ------------------------------------------------------------------------


async def test_what_the_bot_says_appears_and_an_edit_is_marked(
    browser: Browser, stand: Stand
) -> None:
    page = await visit(browser, stand)
    asked = await stand.says(ANA, Rich((Span("<b>"), Span("¿Bien?", Style.BOLD))), "Estoy bien")
    ana = panel(page, "Ana")
    await expect(ana.locator(".text strong")).to_have_text("¿Bien?")
    await expect(ana.locator(".text")).to_have_text("<b>¿Bien?")
    await expect(ana.locator(".edited")).to_have_count(0)
    await stand.does(Operation.EDIT, ANA, "Gracias.", target=asked.id)
    await expect(ana.locator(".text")).to_have_text("Gracias.")
    await expect(ana.locator(".edited")).to_have_text("editado")
    await expect(ana.locator(".buttons")).to_have_count(0)
    await stand.does(Operation.DELETE, ANA, target=asked.id)
    await expect(ana.locator(".text")).to_have_text("Mensaje retirado")
    await page.context.close()


async def test_a_press_shows_its_toast_and_its_answer(browser: Browser, stand: Stand) -> None:
    page = await visit(browser, stand)
    await stand.says(ANA, "¿Estás bien?", "Estoy bien")
    ana = panel(page, "Ana")
    await ana.get_by_role("button", name="Estoy bien").click()
    await expect(ana.locator(".toast")).to_have_text("Anotado.")
    await expect(ana.locator(".text")).to_have_text("Gracias. Anotado.")
    await page.context.close()


async def test_everything_works_with_a_keyboard_alone(browser: Browser, stand: Stand) -> None:
    page = await visit(browser, stand)
    await stand.says(ANA, "¿Estás bien?", "Estoy bien", "Necesito ayuda")
    ana = panel(page, "Ana")
    button = ana.get_by_role("button", name="Estoy bien")
    await expect(button).to_be_visible()

    reached = set()
    for _ in range(80):
        await page.keyboard.press("Tab")
        name = await page.evaluate(
            "(e => e.getAttribute('aria-label') || e.textContent.trim())(document.activeElement)"
        )
        width = await page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
        assert width == "3px", f"no visible focus on {name!r}"
        if name in reached:
            break
        reached.add(name)
    assert {
        "Ir a los chats", "Pausa", "Una hora por segundo", "+15 min", "+1 h", "Lo que sigue",
        "English", "Reiniciar", "Ir al chat de Ana", "Mensajes de Ana", "Estoy bien",
        "Menú de Ana", "Escribe como Ana", "Enviar como Ana", "Mensajes de Denuncias públicas",
    } <= reached  # fmt: skip

    await button.focus()
    await page.keyboard.press("Enter")
    await expect(ana.locator(".text")).to_have_text("Gracias. Anotado.")
    assert await page.evaluate("document.activeElement.className") == "message bot fresh"

    for _ in range(2):
        await page.keyboard.press("Tab")
    await page.keyboard.type("hola")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("a todas")
    await page.keyboard.press("Enter")
    await expect(ana.locator(".text").last).to_have_text("Eco: hola\na todas")

    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Enter")
    await expect(ana.locator(".menu")).to_contain_text("/auxilio")
    await page.keyboard.press("Escape")
    await expect(ana.locator(".menu")).to_be_hidden()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(ana.locator(".text").last).to_have_text("Eco: /auxilio")

    await ana.get_by_role("log").focus()
    await page.keyboard.press("ArrowRight")
    await expect(panel(page, "Berta").get_by_role("log")).to_be_focused()
    await page.context.close()


async def test_a_reader_who_scrolled_up_is_left_in_peace(browser: Browser, stand: Stand) -> None:
    page = await visit(browser, stand)
    for number in range(40):
        await stand.says(ANA, f"Mensaje {number}")
    ana = panel(page, "Ana")
    log = ana.get_by_role("log")
    await expect(ana.locator(".text")).to_have_count(40)
    await expect(ana.locator(".text").last).to_be_in_viewport()
    await expect(ana.locator(".newer")).to_be_hidden()

    await log.evaluate("log => { log.scrollTop = 0; }")
    await stand.says(ANA, "uno")
    await stand.says(ANA, "dos")
    await expect(ana.locator(".newer")).to_have_text("2 mensajes nuevos")
    assert await log.evaluate("log => log.scrollTop") == 0
    await ana.locator(".newer").click()
    await expect(ana.locator(".text").last).to_be_in_viewport()
    await expect(ana.locator(".newer")).to_be_hidden()
    await page.context.close()


async def test_screen_readers_are_told_once_and_by_whom(browser: Browser, stand: Stand) -> None:
    await stand.says(ANA, "de antes")
    page = await visit(browser, stand)
    announcer = page.locator("#announcer")
    assert await announcer.get_attribute("aria-live") == "polite"
    await expect(announcer).to_have_text("")
    asked = await stand.says(BERTA, "Ana no respondió.")
    await expect(announcer).to_have_text("Berta. Acuerpa: Ana no respondió.")
    await stand.does(Operation.EDIT, BERTA, "Ya respondió.", target=asked.id)
    await expect(announcer).to_contain_text("Berta. Acuerpa editó: Ya respondió.")
    unnamed = await page.evaluate(
        """() => [...document.querySelectorAll("button, textarea, a, [tabindex='0']")]
            .filter(e => !(e.getAttribute("aria-label") || e.textContent.trim()))
            .map(e => e.outerHTML)"""
    )
    assert unnamed == [] or all("hidden" in each for each in unnamed)
    await expect(page.get_by_role("region", name="Ana", exact=True)).to_be_visible()
    await page.context.close()


async def test_an_invitation_is_opened_as_somebody_else(browser: Browser, stand: Stand) -> None:
    page = await visit(browser, stand)
    await stand.says("@diana", "Ábrela con: sandbox:abc-D_1")
    diana = panel(page, "Diana")
    await diana.get_by_text("Abrir la invitación como…").click()
    await diana.locator(".invitation").get_by_role("button", name="Ana").click()
    await expect(panel(page, "Ana").locator(".text").last).to_have_text("Eco: sandbox:abc-D_1")
    await expect(panel(page, "Ana").get_by_role("textbox")).to_be_focused()
    await page.context.close()


async def test_something_that_is_no_text_and_files(browser: Browser, stand: Stand) -> None:
    page = await visit(browser, stand)
    ana = panel(page, "Ana")
    await ana.get_by_role("button", name="Menú de Ana").click()
    await ana.get_by_role("button", name="Sticker").click()
    await expect(ana.locator(".person .text")).to_have_text("Sticker")
    note = Attachment("acta.pdf", "application/pdf", b"%PDF <script>")
    sent = await stand.does(Operation.SEND, ANA, "El acta.", files=(note,))
    await expect(ana.get_by_role("link", name="Archivo: acta.pdf")).to_be_visible()
    answer = await page.request.get(f"{stand.url}/files/{sent.message_id}/0")
    assert await answer.body() == note.content
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment"
    await page.context.close()


async def test_a_photo_is_sent_from_the_page(browser: Browser, stand: Stand) -> None:
    page = await visit(browser, stand)
    ana = panel(page, "Ana")
    photo = images.encoded(images.picture(), "PNG") + bytes(2_000_000)
    await ana.get_by_role("button", name="Menú de Ana").click()
    async with page.expect_file_chooser() as choosing:
        await ana.get_by_role("button", name="Foto o documento").click()
    await (await choosing.value).set_files(
        FilePayload(name="plaza.png", mimeType="image/png", buffer=photo)
    )
    await expect(ana.get_by_role("img", name="Archivo: plaza.png")).to_be_visible()
    (sent,) = [message for message in stand.town.messages(ANA) if message.attachments]
    assert (sent.author, sent.what) == ("ana", "photo")
    assert await stand.platform.fetch({"file": sent.id}, len(photo)) == photo
    with pytest.raises(FileTooLarge):
        await stand.platform.fetch({"file": sent.id}, len(photo) - 1)
    await page.context.close()


# --- the clock, the tour, beginning anew ------------------------------------------------------


async def test_the_clock_is_moved_from_the_page(browser: Browser, stand: Stand) -> None:
    page = await visit(browser, stand)
    bar = page.get_by_role("group", name="Reloj del ensayo")
    time = bar.locator(".time")
    await expect(time).to_have_text("08:45")
    await expect(bar.locator(".date")).to_have_text("lunes, 2 de marzo")
    await bar.get_by_role("button", name="Lo que sigue").click()
    await expect(time).to_have_text("09:00")
    await bar.get_by_role("button", name="Lo que sigue").click()
    await expect(page.locator(".notice")).to_have_text("No hay nada pendiente.")
    await bar.get_by_role("button", name="+15 min").click()
    await expect(time).to_have_text("09:15")
    await bar.get_by_role("button", name="+1 h").click()
    await expect(time).to_have_text("10:15")
    fast = bar.get_by_role("button", name="Una hora por segundo")
    await expect(fast).to_have_attribute("aria-pressed", "false")
    await fast.click()
    await expect(fast).to_have_attribute("aria-pressed", "true")
    assert stand.clock.speed == 3600
    await page.context.close()


async def test_the_tour_ticks_itself(browser: Browser, stand: Stand) -> None:
    page = await visit(browser, stand)
    tour = page.get_by_role("complementary", name="Recorrido")
    await expect(tour.locator("[aria-current=step] .title")).to_have_text(
        "Deja pasar el chequeo de Ana"
    )
    await tour.get_by_role("button", name="Ir al chat de Ana").click()
    await expect(panel(page, "Ana").get_by_role("textbox")).to_be_focused()
    stand.steps[0] = Milestone("checkin_missed", True, "ana")
    await expect(tour.locator(".done .title")).to_contain_text("hecho")
    await expect(tour.locator("[aria-current=step] .title")).to_have_text(
        "Berta toma el incidente y lo cierra"
    )
    stand.steps = [Milestone(step.key, True, step.person) for step in stand.steps]
    await expect(tour.locator(".closing")).to_be_visible()
    await page.context.close()


async def test_english_begins_the_demo_in_english(browser: Browser, stand: Stand) -> None:
    page = await visit(browser, stand, query="", locale="en-GB")
    await expect(page.locator(".brand p")).to_have_text("A rehearsal: nothing leaves this machine.")
    assert await page.locator("html").get_attribute("lang") == "en"
    page.on("dialog", lambda dialog: dialog.accept())
    await page.get_by_role("button", name="Restart in English").click()
    await expect(page.locator(".notice")).to_have_count(0)
    assert stand.restarted == ["en"]
    ana = panel(page, "Ana")
    await ana.get_by_role("button", name="Menu of Ana").click()
    await expect(ana.locator(".menu")).to_contain_text("/panic")
    await picture(page, "english")

    await page.get_by_role("button", name="Español").click()
    await expect(page.locator(".brand p")).to_have_text("Ensayo: nada sale de esta máquina.")
    assert page.url.endswith("?lang=es")
    await page.context.close()


async def test_a_language_that_we_lack_is_spanish(browser: Browser, stand: Stand) -> None:
    page = await visit(browser, stand, query="?lang=xx", locale="de-DE")
    assert await page.locator("html").get_attribute("lang") == "es"
    await page.context.close()


async def test_every_word_of_the_page_exists_in_both_languages(
    browser: Browser, stand: Stand
) -> None:
    page = await visit(browser, stand)
    source = await (await page.request.get(f"{stand.url}/words.js")).text()
    spanish, english = source.split("\n  en: {")
    keys = [re.findall(r'^    "([\w.]+)":', part, re.MULTILINE) for part in (spanish, english)]
    assert keys[0] == keys[1]
    assert len(keys[0]) > 50
    await page.context.close()


async def test_a_page_that_lost_the_program_finds_it_again(browser: Browser, stand: Stand) -> None:
    page = await visit(browser, stand)
    texts = panel(page, "Ana").locator(".text")
    await stand.says(ANA, "uno")
    await expect(texts).to_have_text(["uno"])
    await page.get_by_role("textbox", name="Escribe como Ana").fill("a medias")

    port = stand.runner.addresses[0][1]
    await stand.closes()
    await expect(page.locator(".notice").first).to_contain_text("El programa no responde.")
    await page.get_by_role("button", name="Enviar como Ana").click()
    await expect(page.get_by_role("textbox", name="Escribe como Ana")).to_have_value("a medias")
    await stand.says(ANA, "dos")
    await stand.opens(port)
    await expect(texts).to_have_text(["uno", "dos"], timeout=15_000)
    await expect(page.locator(".notice:not(.brief)")).to_have_count(0)
    await expect(page.get_by_role("textbox", name="Escribe como Ana")).to_have_value("a medias")
    await page.context.close()


# --- sizes and colours --------------------------------------------------------------------------


TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.mark.parametrize("width", [320, 360, 414, 640, 760, 820, 1021, 1181, 1321, 1920])
async def test_nothing_is_wider_than_the_screen(browser: Browser, stand: Stand, width: int) -> None:
    await a_story(stand)
    page = await visit(browser, stand, (width, 640))
    assert not await page.evaluate(TOO_WIDE)
    cut = await page.evaluate(
        """() => [...document.querySelectorAll(".top button, .composer button, .composer textarea")]
            .filter(e => e.offsetParent && (e.getBoundingClientRect().right > innerWidth
                || e.getBoundingClientRect().left < 0)).map(e => e.outerHTML)"""
    )
    assert cut == []
    await page.context.close()


async def test_on_a_phone_one_chat_at_a_time(browser: Browser, stand: Stand) -> None:
    page = await visit(browser, stand, PHONE)
    await a_story(stand)
    tabs = page.get_by_role("tablist").get_by_role("tab")
    await expect(tabs).to_have_count(6)
    await expect(page.get_by_role("tabpanel")).to_have_count(1)
    berta = tabs.nth(1)
    await expect(berta.locator(".count")).to_have_text("2, 2 mensajes nuevos")
    await picture(page, "phone")

    await tabs.nth(0).focus()
    await page.keyboard.press("ArrowRight")
    await expect(berta).to_be_focused()
    await expect(berta).to_have_attribute("aria-selected", "true")
    await expect(berta.locator(".count")).to_have_text("")
    await expect(panel(page, "Berta")).to_be_visible()
    await expect(panel(page, "Ana")).to_be_hidden()
    await picture(page, "phone-berta")

    await page.locator(".fold").click()
    await expect(page.locator(".steps")).to_be_visible()
    await picture(page, "phone-tour")
    assert not await page.evaluate(TOO_WIDE)
    for each in await page.get_by_role("button").all():
        box = await each.bounding_box()
        if box is not None:
            assert min(box["height"], box["width"]) >= 24, await each.text_content()
    await page.context.close()


CONTRAST = """() => {
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = colour.slice(0, 3).map(v => v / 255)
      .map(v => v <= 0.03928 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !element.offsetParent) continue;
    const both = [light(parse(getComputedStyle(element).color)), light(behind(element))].sort();
    const ratio = (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
    if (ratio < 4.5) poor.push(texts.currentNode.data.trim() + ": " + ratio.toFixed(2));
  }
  return poor;
}"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, (1024, 768), PHONE], ids=["desktop", "tablet", "phone"])
async def test_text_stands_out_from_what_is_behind_it(
    browser: Browser, stand: Stand, size: tuple[int, int], dark: bool
) -> None:
    page = await visit(browser, stand, size, dark=dark)
    await a_story(stand)
    await expect(panel(page, "Casa Común").locator(".text")).to_have_count(3)
    assert await page.evaluate(CONTRAST) == []
    await picture(page, f"{size[0]}-{'dark' if dark else 'light'}")
    await page.context.close()


# --- who may speak to it ------------------------------------------------------------------------

JSON = {"Content-Type": "application/json"}
WORDS = '{"person": "ana", "text": "hola"}'


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (JSON, 200),
        ({**JSON, "Origin": "https://example.org"}, 403),
        ({**JSON, "Origin": "null"}, 403),
        ({**JSON, "Sec-Fetch-Site": "cross-site"}, 403),
        ({**JSON, "Host": "rebound.example.org"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ],
)
async def test_other_sites_are_refused(stand: Stand, headers: dict[str, str], status: int) -> None:
    async with aiohttp.request("POST", f"{stand.url}/write", data=WORDS, headers=headers) as answer:
        assert answer.status == status
    written = [m for m in stand.town.messages(ANA) if m.author == "ana"]
    assert len(written) == (1 if status == 200 else 0)


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost", 200), ("127.0.0.1:9", 200), ("[::1]:9", 200), ("example.org", 403), ("", 403),
     ("localhost.example.org", 403), ("10.0.0.1", 403), ("[", 403)],
)  # fmt: skip
async def test_only_loopback_names_are_answered(stand: Stand, host: str, status: int) -> None:
    async with aiohttp.request("GET", f"{stand.url}/", headers={"Host": host}) as answer:
        assert answer.status == status
        policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/write", '{"person": "nobody", "text": "x"}', 404),
        ("/write", '{"person": "ana", "text": "x", "chat": "@berta"}', 404),
        ("/write", '{"person": "ana", "text": "x", "chat": "#denuncias"}', 403),
        ("/write", '{"person": "ana", "text": "  "}', 400),
        ("/write", '{"person": ["ana"], "text": "x"}', 400),
        ("/write", "not json", 400),
        ("/write", "[]", 400),
        ("/file", '{"person": "nobody", "name": "a", "content": "YQ=="}', 404),
        ("/file", '{"person": "ana", "name": "a", "content": "ñ"}', 400),
        ("/file", '{"person": "ana", "name": "a", "content": "YQ==", "chat": "#denuncias"}', 403),
        ("/press", '{"person": "ana", "message": "x", "data": "y"}', 404),
        ("/speed", '{"speed": 2}', 400),
        ("/speed", '{"speed": [1]}', 400),
        ("/jump", '{"seconds": -1}', 400),
        ("/jump", '{"seconds": 99999999}', 400),
        ("/jump", '{"seconds": true}', 400),
        ("/restart", '{"language": "de"}', 400),
    ],
)
async def test_what_cannot_be_is_refused(stand: Stand, path: str, body: str, status: int) -> None:
    async with aiohttp.request("POST", stand.url + path, data=body, headers=JSON) as answer:
        assert answer.status == status
        assert await answer.text()


async def test_a_very_long_text_is_taken_and_shown(browser: Browser, stand: Stand) -> None:
    page = await visit(browser, stand)
    body = {"person": "berta", "text": "ñ" * 64 * 1024}
    async with aiohttp.request("POST", f"{stand.url}/write", json=body) as answer:
        assert answer.status == 200
    await expect(panel(page, "Berta").locator(".text.long").first).to_be_visible()
    await page.context.close()
