"""The public archive in a real Chromium, as a web server of files on loopback gives it.

Pictures of it are left in `artifacts/archive/`.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from tests.support.archived import (
    CORRECTED,
    FOLLOW_UP,
    MANY,
    URGENT,
    WITHDRAWN,
    built,
    everything,
)
from tests.support.html import page as read
from tests.support.html import select

PICTURES = Path(__file__).parents[2] / "artifacts" / "archive"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP, PHONE, NARROW = (1100, 900), (390, 844), (320, 640)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
"""Of axe-core: levels A and AA of WCAG 2.0, 2.1 and 2.2."""

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
TOO_WIDE = "document.documentElement.scrollWidth > innerWidth"

PAGES = {
    "door": "index.html",
    "lost": "404.html",
    "index": "es/index.html",
    "older": "es/index-2.html",
    "english": "en/index.html",
    "urgent": f"es/{URGENT.code}.html",
    "translated": f"tzo/{URGENT.code}.html",
    "denunciation": f"es/{CORRECTED.code}.html",
    "follow-up": f"es/{FOLLOW_UP.code}.html",
    "withdrawn": f"es/{WITHDRAWN.code}.html",
    "browse": "es/browse.html",
    "verify": "es/verify.html",
    "topic": "topic",  # its name is a hash
}
"""One of each kind."""

SEEN = ("index", "denunciation", "urgent", "verify", "withdrawn")
"""Of which pictures are kept."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The address of an archive with several pages of everything."""
    folder = tmp_path_factory.mktemp("archive")
    built(folder, MANY)
    pages = everything(folder)
    links = select(read(pages, "es/browse.html"), ".names a")
    PAGES["topic"] = f"es/{links[0].get('href')}"
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1",
        "-d", str(folder / "public"), stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert server.stdout is not None
    said = (await asyncio.wait_for(server.stdout.readline(), 30)).decode()
    yield f"http://127.0.0.1:{said.split(' port ')[1].split()[0]}"
    server.terminate()
    await server.wait()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium, "these tests need Chromium: apt-get install chromium"
    PICTURES.mkdir(parents=True, exist_ok=True)
    async with async_playwright() as playwright:
        made = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield made
        await made.close()


@asynccontextmanager
async def visit(
    browser: Browser, site: str, name: str, size: tuple[int, int] = DESKTOP, *,
    blocked: bool = False, **more: Any,
) -> AsyncIterator[Page]:  # fmt: skip
    """A page as one reader has it; fails at its end for any word in the console or request elsewhere.

    `blocked` says that the policy is to have something to complain of.
    """
    context = await browser.new_context(viewport={"width": size[0], "height": size[1]}, **more)
    page = await context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.on("requestfailed", lambda request: said.append(f"no {request.url}"))
    answer = await page.goto(f"{site}/{PAGES.get(name, name)}")
    assert answer is not None
    assert answer.ok
    yield page
    await context.close()
    assert [url for url in asked if not url.startswith(f"{site}/")] == []
    if blocked:
        assert said
        assert all("Content Security Policy" in each for each in said)
    else:
        assert said == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
async def test_everybody_can_read_it(browser: Browser, site: str, name: str, dark: bool) -> None:
    """axe-core finds nothing, neither by day nor by night."""
    scheme = "dark" if dark else "light"
    async with visit(browser, site, name, color_scheme=scheme, bypass_csp=True) as page:
        if name in SEEN:
            picture = PICTURES / f"{name}{'-dark' if dark else ''}.png"
            await page.screenshot(path=picture, full_page=name != "index")
        await page.evaluate(AXE)
        found = await page.evaluate("rules => axe.run({runOnly: {type: 'tag', values: rules}})", RULES)
        assert [(each["id"], [n["html"] for n in each["nodes"]]) for each in found["violations"]] == []
        assert len(found["passes"]) > 10


@pytest.mark.parametrize("name", PAGES)
async def test_a_narrow_screen_shows_all_of_it(browser: Browser, site: str, name: str) -> None:
    """320 pixels are also what is left of 640 at twice the size (WCAG 2.2, 1.4.10)."""
    async with visit(browser, site, name, NARROW) as page:
        assert not await page.evaluate(TOO_WIDE)
        small = await page.evaluate(
            """() => [...document.querySelectorAll("nav a, .row a, .rooms a")].filter(
                e => e.getBoundingClientRect().height < 24).map(e => e.outerHTML)"""
        )
        assert small == []


async def test_letters_twice_as_large_stay_on_the_screen(browser: Browser, site: str) -> None:
    async with visit(browser, site, "urgent", PHONE, bypass_csp=True) as page:
        await page.add_style_tag(content="html { font-size: 200% !important; }")
        assert not await page.evaluate(TOO_WIDE)


async def test_on_a_phone(browser: Browser, site: str) -> None:
    for name, dark in (("index", False), ("urgent", True)):
        async with visit(browser, site, name, PHONE, color_scheme="dark" if dark else "light") as page:
            await page.screenshot(path=PICTURES / f"phone-{name}.png")


async def test_the_policy_lets_its_own_style_and_pictures_through_and_nothing_else(
    browser: Browser, site: str
) -> None:
    async with visit(browser, site, "urgent", blocked=True) as page:
        await page.locator(".files img").scroll_into_view_if_needed()
        await page.wait_for_function("document.querySelector('.files img').naturalWidth === 640")
        assert await page.evaluate("getComputedStyle(document.body).margin") == "0px"
        ran = await page.evaluate(
            """() => {
                const script = document.createElement("script");
                script.textContent = "window.ran = true";
                document.body.append(script);
                return window.ran === true;
            }"""
        )
        assert not ran


async def test_a_keyboard_goes_straight_to_the_words(browser: Browser, site: str) -> None:
    async with visit(browser, site, "urgent") as page:
        await page.keyboard.press("Tab")
        skip = page.locator(".skip")
        assert await skip.evaluate("e => e === document.activeElement && e.offsetTop >= 0")
        await page.keyboard.press("Enter")
        assert await page.evaluate("document.activeElement.id") == "content"
        await page.keyboard.press("Tab")
        focused = page.locator(":focus")
        assert await focused.inner_text() == "Colectivo"
        assert await focused.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"


async def test_a_reader_finds_the_action_its_language_and_the_way_to_check_it(
    browser: Browser, site: str
) -> None:
    async with visit(browser, site, "door", java_script_enabled=False) as page:
        await page.get_by_role("link", name="español").click()
        await page.get_by_role("link", name="Protección para Ana").click()
        await page.get_by_role("navigation", name="Idiomas").get_by_role("link", name="English").click()
        assert "Protection for Ana" in await page.get_by_role("heading", level=1).inner_text()
        await page.get_by_role("main").get_by_role("link", name="How to verify").click()
        assert await page.get_by_role("heading", level=1).inner_text() == "How to verify"


async def test_it_can_be_printed(browser: Browser, site: str) -> None:
    async with visit(browser, site, "urgent") as page:
        paper = await page.pdf(path=PICTURES / "urgent.pdf", format="A4")
        assert paper.startswith(b"%PDF")
        assert len(paper) > 10_000
        await page.emulate_media(media="print")
        assert not await page.locator(".ways").is_visible()
        assert await page.locator(".note.open").is_visible()
