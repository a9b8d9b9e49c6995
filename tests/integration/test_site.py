"""The documentation as it is built, in a real Chromium: it asks nobody else, everybody can read it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

ROOT = Path(__file__).parents[2]
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
DESKTOP, NARROW = (1280, 900), (320, 640)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
"""Of axe-core: levels A and AA of WCAG 2.0, 2.1 and 2.2."""

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
KINDS = {
    "light": ("index", "tour", "defenders", "plans", "developers", "en/settings", "404"),
    "dark": ("plans", "developers", "en/settings"),
}
"""One page of each kind: pictures, a sheet, tables, definitions, a drawing, code, the one that is lost.
By night: those whose colours are their own."""

LARGEST = 150_000
"""Bytes of a picture."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly: a link or an anchor that leads nowhere fails here."""
    folder = tmp_path_factory.mktemp("site")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder),
        cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, said.decode()
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(built: Path) -> AsyncIterator[str]:
    """Its address, as any web server of files gives it."""
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "-d", str(built),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
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
    async with async_playwright() as playwright:
        made = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield made
        await made.close()


@asynccontextmanager
async def reader(
    browser: Browser, home: str, size: tuple[int, int] = DESKTOP, **more: Any
) -> AsyncIterator[Page]:
    """Somebody who reads; fails at the end if anything was asked elsewhere, or a script complained."""
    context = await browser.new_context(viewport={"width": size[0], "height": size[1]}, **more)
    page = await context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    yield page
    await context.close()
    assert [url for url in asked if not url.startswith((f"{home}/", "data:", "blob:"))] == []
    assert said == []


def pages(built: Path) -> list[str]:
    return sorted(str(path.relative_to(built)) for path in built.rglob("*.html"))


def tracked(path: str) -> str:
    """What git keeps of it; nothing where this is no repository."""
    return subprocess.run(["git", "ls-files", path], cwd=ROOT, capture_output=True, text=True).stdout


async def test_both_languages_have_every_page_and_the_pages_are_no_part_of_the_repository(
    built: Path,
) -> None:
    shown = set(pages(built))
    spanish = {name for name in shown if not name.startswith("en/")} - {"404.html"}
    assert {f"en/{name}" for name in spanish} == {name for name in shown if name.startswith("en/")}
    assert len(spanish) > 30
    assert "/site/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert not (ROOT / "site").exists() or not tracked("site")


async def test_no_page_loads_anything_from_elsewhere(built: Path) -> None:
    """In the bytes: whatever a browser might ask for without being told to."""
    for name in pages(built):
        text = (built / name).read_text("utf-8")
        for tag in re.findall(r"<(?:script|img|link|iframe|source|video|audio|object)\b[^>]*>", text):
            found = re.search(r'(?:src|href|data|srcset)="([^"]*)"', tag)
            assert found is None or not re.match(r"(?:https?:)?//", found[1]), f"{name}: {tag}"
        assert "Content-Security-Policy" in text, name
        assert 'name="referrer" content="no-referrer"' in text, name
    for style in built.rglob("*.css"):
        assert "url(http" not in style.read_text("utf-8").replace('"', ""), style


async def test_on_a_narrow_screen_every_page_shows_all_of_it(
    browser: Browser, site: str, built: Path
) -> None:
    """Its scripts move nothing that is read, so they are left out of this: it is many pages."""
    wide = []
    async with reader(browser, site, NARROW, java_script_enabled=False) as page:
        layout = await page.context.new_cdp_session(page)
        for name in pages(built):
            await page.goto(f"{site}/{name}")
            size = (await layout.send("Page.getLayoutMetrics"))["cssContentSize"]
            if size["width"] > NARROW[0]:
                wide.append((name, size["width"]))
    assert wide == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everybody_can_read_it(browser: Browser, site: str, scheme: str) -> None:
    """axe-core finds nothing on any kind of page, neither by day nor by night."""
    found = {}
    async with reader(browser, site, color_scheme=scheme, bypass_csp=True) as page:
        for name in KINDS[scheme]:
            await page.goto(f"{site}/{name}.html")
            assert await page.evaluate("document.body.dataset.mdColorScheme") == (
                "slate" if scheme == "dark" else "default"
            )
            await page.evaluate(AXE)
            told = await page.evaluate(
                "rules => axe.run({runOnly: {type: 'tag', values: rules}})", RULES
            )
            assert len(told["passes"]) > 10
            if told["violations"]:
                found[name] = [
                    (each["id"], [node["html"][:120] for node in each["nodes"]][:4])
                    for each in told["violations"]
                ]
    assert found == {}


async def test_it_is_read_without_scripts(browser: Browser, site: str) -> None:
    async with reader(browser, site, NARROW, java_script_enabled=False) as page:
        for name in ("plans", "en/defenders", "commands"):
            await page.goto(f"{site}/{name}.html")
            assert await page.locator("article h1").is_visible()
            assert await page.locator("article p").first.is_visible()
            assert not await page.locator(".md-search").is_visible()
        await page.locator(".md-header label[for=__drawer]").click()
        assert await page.get_by_role("link", name="Acuerpa en una hoja").first.is_visible()


async def test_the_other_language_is_one_link_away(browser: Browser, site: str) -> None:
    async with reader(browser, site) as page:
        for name, link in (("plans", "English"), ("decisions/index", "English")):
            await page.goto(f"{site}/{name}.html")
            await page.get_by_role("link", name=link, exact=True).click()
            assert page.url == f"{site}/en/{name}.html"
            await page.get_by_role("link", name="Español", exact=True).click()
            assert page.url == f"{site}/{name}.html"


async def searched(page: Page, words: str) -> list[str]:
    """Where the first results lead."""
    await page.locator("input[name=query]").click()
    await page.locator("input[name=query]").type(words)
    first = page.locator(".md-search-result__link")
    await first.first.wait_for()
    return [str(await each.get_attribute("href")) for each in await first.all()]


@pytest.mark.parametrize("from_disk", [False, True], ids=["served", "opened from a disk"])
async def test_the_search_finds_pages_of_the_readers_own_language(
    browser: Browser, site: str, built: Path, from_disk: bool
) -> None:
    home = built.as_uri() if from_disk else site
    async with reader(browser, home) as page:
        await page.goto(f"{home}/index.html")
        found = await searched(page, "coacción")
        assert found
        assert not [link for link in found if "/en/" in link or link.startswith("en/")]
        await page.goto(f"{home}/en/decisions/index.html")
        found = await searched(page, "duress")
        assert found
        await page.locator(".md-search-result__link").first.click()
        await page.wait_for_load_state()
        assert page.url.startswith(f"{home}/en/")


async def test_an_old_browser_asks_nobody_for_what_it_lacks(browser: Browser, site: str) -> None:
    """The theme would fetch what watches sizes from another server where a browser has none."""
    async with reader(browser, site, NARROW) as page:
        await page.add_init_script("delete window.ResizeObserver")
        await page.goto(f"{site}/plans.html")
        await page.wait_for_timeout(300)
        assert await page.evaluate("typeof ResizeObserver") == "function"


@pytest.mark.parametrize("name", ["defenders", "en/defenders"])
async def test_what_defenders_read_is_one_sheet_of_paper(
    browser: Browser, site: str, name: str
) -> None:
    async with reader(browser, site) as page:
        await page.goto(f"{site}/{name}.html")
        paper = await page.pdf(format="A4", prefer_css_page_size=True)
    sheet = pypdfium2.PdfDocument(paper)
    words = "".join(leaf.get_textpage().get_text_range() for leaf in sheet)
    assert len(sheet) == 1
    for said in ("Telegram", "/lost" if name.startswith("en/") else "/perdido", "SOS"):
        assert said in words


async def test_pictures_are_small_and_say_what_they_show(built: Path) -> None:
    for path in (built / "pictures" / "tour").rglob("*.png"):
        assert path.stat().st_size < LARGEST, path
    for name in pages(built):
        for tag in re.findall(r"<img\b[^>]*>", (built / name).read_text("utf-8")):
            if "pictures/" in tag:
                assert re.search(r'alt="[^"]{4,}"', tag), f"{name}: {tag}"
                there = re.search(r'src="([^"]+)"', tag)
                assert there
                assert (built / name).parent.joinpath(there[1]).exists(), f"{name}: {tag}"
