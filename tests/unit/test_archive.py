"""The public archive's pages: what stands in them, in which order, and what never does."""

from __future__ import annotations

import ast
import re
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from lxml import etree, html

from bot.archive import Site
from bot.archive.media import name_of
from bot.archive.words import as_html, clean, excerpt, isolated, line
from bot.domain.denunciation import TEXT_LIMIT
from bot.domain.publication import Kind, Publication, Version, Withdrawal
from tests.support.archived import (
    CLOSED,
    CORRECTED,
    FOLLOW_UP,
    LETTER,
    LONG_WORDS,
    MANY,
    MARCH,
    NOW,
    PHOTO,
    PICTURE,
    PRESS,
    RIVER,
    SITE,
    TOWN,
    URGENT,
    URL,
    WITHDRAWN,
    built,
    everything,
    file,
    publication,
    words,
)  # fmt: skip
from tests.support.html import page, said, select
from tests.unit.test_texts import catalogue

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The archive of `TOWN`."""
    folder = tmp_path_factory.mktemp("archive")
    built(folder)
    return everything(folder)


# --- in which order -------------------------------------------------------------------------------


def test_what_still_asks_to_act_comes_first_with_its_days(pages: Any) -> None:
    first, *others = select(page(pages, "es/index.html"), "article")
    assert "Protección para Ana" in said(first)
    assert "Días para actuar: 9" in said(first)
    assert "Actúa antes del 3 de diciembre de 2026." in said(first)
    titles = [said(select(each, "h3")[0]) for each in others]
    assert titles == [
        "Ana tiene acompañamiento", "Que Carla vuelva a su radio",
        "La asamblea decide sobre su territorio", "Denuncia 96, retirada",
        "Red opens its archive English",
    ]  # fmt: skip
    assert "se cerró el 19 de noviembre" in said(others[1])


def test_of_two_urgent_actions_the_one_that_ends_first_comes_first(tmp_path: Path) -> None:
    later = publication(7, kind=Kind.URGENT, act_by=NOW + timedelta(days=20))
    never = publication(8, kind=Kind.URGENT)
    built(tmp_path, (never, later, URGENT))
    shown = select(page(everything(tmp_path), "es/index.html"), ".urgent h3")
    assert [said(each) for each in shown] == [URGENT.versions[0].title, "Título 7", "Título 8"]


@pytest.mark.parametrize(
    ("left", "words"),
    [(timedelta(days=2), "Días para actuar: 2"), (timedelta(hours=3), "Hoy es el último día para actuar"),
     (timedelta(hours=13), "Días para actuar: 1"), (timedelta(hours=-1), "El plazo para actuar terminó")],
)  # fmt: skip
def test_days_are_counted_where_the_organisation_lives(
    tmp_path: Path, left: timedelta, words: str
) -> None:
    """It is noon there: in thirteen hours it is tomorrow, in UTC too; in three it is not."""
    built(tmp_path, (publication(7, kind=Kind.URGENT, act_by=NOW + left),))
    assert words in said(select(page(everything(tmp_path), "es/index.html"), "article")[0])


def test_twenty_stand_on_a_page_and_the_pages_lead_to_each_other(tmp_path: Path) -> None:
    built(tmp_path, MANY)
    pages = everything(tmp_path)
    seen, name = [], "index.html"
    while name:
        now = page(pages, f"es/{name}")
        shown = select(now, "article h3 a")
        assert len(shown) <= 20
        seen += [each.get("href") for each in shown]
        older = select(now, ".pages a[rel=next]")
        name = older[0].get("href") if older else ""
    assert len(seen) == len(set(seen)) == len(MANY)
    assert "es/index-4.html" not in pages


def test_each_topic_region_and_organisation_has_its_page(pages: Any) -> None:
    links = {said(a): a.get("href") for a in select(page(pages, "es/browse.html"), ".names a")}
    assert list(links) == [
        "Agua", "Amenazas", "Radio", "Territorio", "Costa", "Sierra Norte", "Colectivo", "Red"
    ]  # fmt: skip
    water = page(pages, f"es/{links['Agua']}")
    titles = [each.versions[0].title for each in (URGENT, FOLLOW_UP)]
    assert [said(h) for h in select(water, "h3")] == titles
    assert len(select(page(pages, f"es/{links['Red']}"), "h3")) == 4


def test_every_link_of_every_page_leads_somewhere(pages: Any) -> None:
    for name in (name for name in pages if name.endswith(".html") and name != "404.html"):
        shown = page(pages, name)
        ids = set(shown.xpath("//@id"))
        for href in shown.xpath("//a/@href | //img/@src | //link/@href"):
            if href.startswith("#"):
                assert href[1:] in ids
            elif not re.match(r"https?://", href):
                path = (Path(name).parent / href).as_posix()
                assert re.sub(r"\w+/\.\./", "", path) in pages, (name, href)


# --- languages ------------------------------------------------------------------------------------


def test_a_denunciation_has_a_page_in_its_own_languages_alone(pages: Any) -> None:
    assert {f"{lang}/{URGENT.code}.html" for lang in ("es", "en", "tzo")} <= set(pages)
    assert f"en/{CLOSED.code}.html" not in pages
    link = next(a for a in select(page(pages, "en/index.html"), "h3 a") if CLOSED.code in a.get("href"))
    assert (link.get("href"), link.get("lang")) == (f"../es/{CLOSED.code}.html", "es")
    assert link.get("hreflang") == "es"
    assert said(link.getparent()) == "Que Carla vuelva a su radio español"


def test_a_language_without_a_catalogue_has_our_words_in_spanish_and_its_own_as_they_are(
    pages: Any,
) -> None:
    shown = page(pages, f"tzo/{URGENT.code}.html")
    assert shown.get("lang") == "es"
    assert select(shown, "h1")[0].get("lang") == "tzo"
    assert select(shown, ".words")[0].get("lang") == "tzo"
    assert "Acción urgente" in said(select(shown, ".over")[0])
    others = {a.get("hreflang"): a.get("href") for a in select(shown, ".tongues a")}
    assert others["en"] == f"../en/{URGENT.code}.html"


def test_who_enters_chooses_a_language_and_so_does_who_is_lost(pages: Any) -> None:
    links = [(a.get("hreflang"), a.get("href")) for a in select(page(pages, "index.html"), "a")]
    assert links == [("es", "es/index.html"), ("en", "en/index.html"), ("tzo", "tzo/index.html")]
    lost = [a.get("href") for a in select(page(pages, "404.html"), "a")]
    assert lost == ["/es/index.html", "/en/index.html", "/tzo/index.html"]


def test_an_archive_in_a_folder_of_an_onion_service_finds_its_way_back(tmp_path: Path) -> None:
    built(tmp_path, site=Site("Red", f"http://{'a' * 56}.onion/archivo"))
    pages = everything(tmp_path)
    assert select(page(pages, "404.html"), "a")[0].get("href") == "/archivo/es/index.html"
    assert f"http://{'a' * 56}.onion/archivo/es/index.html" in pages["sitemap.xml"].decode()


def test_before_anything_is_published_there_is_an_archive_that_says_so(tmp_path: Path) -> None:
    built(tmp_path, ())
    assert "Todavía no hay denuncias" in said(page(everything(tmp_path), "es/index.html"))


# --- what became of it ----------------------------------------------------------------------------


def test_of_what_was_withdrawn_the_reason_stays_and_the_words_are_nowhere(pages: Any) -> None:
    shown = said(page(pages, f"es/{WITHDRAWN.code}.html"))
    assert "Esta denuncia se retiró el 14 de noviembre de 2026, 12:00 (Ciudad de México)." in shown
    assert "La persona de la que hablaba lo pidió." in shown
    assert not [name for name, content in pages.items() if b"SECRET" in content]
    assert f"Code: {WITHDRAWN.code[:5]}-" in pages[f"es/{WITHDRAWN.code}.txt"].decode()
    assert name_of(WITHDRAWN.files[0]) not in pages


def test_of_what_was_withdrawn_not_even_the_topic_stays(tmp_path: Path) -> None:
    built(tmp_path, (replace(WITHDRAWN, region="Costa"),))
    assert not [n for n, c in everything(tmp_path).items() if b"Agua" in c or b"Costa" in c]


def test_what_was_corrected_or_is_over_says_since_when(pages: Any) -> None:
    assert "Texto corregido el 4 de noviembre de 2026" in said(page(pages, f"es/{CORRECTED.code}.html"))
    assert "se cerró el 19 de noviembre de 2026" in said(page(pages, f"es/{CLOSED.code}.html"))


def test_what_follows_and_what_is_followed_lead_to_each_other(pages: Any) -> None:
    after = select(page(pages, f"es/{URGENT.code}.html"), ".thread a")
    before = select(page(pages, f"es/{FOLLOW_UP.code}.html"), ".thread a")
    assert [a.get("href") for a in after] == [f"../es/{FOLLOW_UP.code}.html"]
    assert [a.get("href") for a in before] == [f"../es/{URGENT.code}.html"]
    english = select(page(pages, f"en/{URGENT.code}.html"), ".thread a")
    assert (english[0].get("href"), english[0].get("hreflang")) == (f"../es/{FOLLOW_UP.code}.html", "es")


# --- files ----------------------------------------------------------------------------------------


def test_a_picture_keeps_its_room_on_the_page_and_speaks_to_who_does_not_see_it(pages: Any) -> None:
    image = select(page(pages, f"es/{URGENT.code}.html"), ".files img")[0]
    assert (image.get("width"), image.get("height"), image.get("loading")) == ("640", "400", "lazy")
    assert image.get("alt") == RIVER.alternative
    assert pages[name_of(RIVER)] == PICTURE
    photo = select(page(pages, f"es/{CORRECTED.code}.html"), ".files img")[0]
    assert (photo.get("width"), photo.get("height")) == ("900", "500")
    assert pages[name_of(MARCH)] == PHOTO
    assert "Carta de la comunidad (PDF, 2 kB)" in said(page(pages, f"es/{URGENT.code}.html"))


@pytest.mark.parametrize("bytes_", [None, b"others"], ids=["gone", "not the ones of the digest"])
def test_a_file_that_is_not_to_be_had_leaves_its_words(tmp_path: Path, bytes_: bytes | None) -> None:
    done = built(tmp_path, (URGENT,), content=lambda _: bytes_)
    pages = everything(tmp_path)
    assert done.missing == (RIVER, LETTER)
    shown = select(page(pages, f"es/{URGENT.code}.html"), ".files")[0]
    assert f"{RIVER.alternative} (este archivo no está disponible)" in said(shown)
    assert not select(shown, "img, a")
    assert not [name for name in pages if name.startswith("files/")]


@pytest.mark.parametrize(
    "damaged",
    [b"", PICTURE[:20], PHOTO[:30], b"\xff\xd8\xff\xe0\x00\x00", PICTURE[:16] + b"\xff" * 20,
     b"\xff\xd8", b"\xff\xd8\xff\xc0\x00\x11\x08"],
    ids=range(7),
)  # fmt: skip
def test_a_damaged_picture_is_a_link_and_no_picture(tmp_path: Path, damaged: bytes) -> None:
    broken = file(damaged, "image/png", "El río")
    built(tmp_path, (publication(1, files=(broken,)),), content=lambda _: damaged)
    shown = select(page(everything(tmp_path), f"es/{publication(1).code}.html"), ".files")[0]
    assert not select(shown, "img")
    assert said(select(shown, "a")[0]) == "El río"


def test_a_drawing_with_scripts_is_served_as_bytes(tmp_path: Path) -> None:
    drawing = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    made = file(drawing, "image/svg+xml", "x")
    built(tmp_path, (publication(1, files=(made,)),), content=lambda _: drawing)
    assert f"files/{made.digest}.bin" in everything(tmp_path)


# --- nothing acts by itself -----------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(title=words, text=words, name=words, reason=words)
def test_nothing_that_anybody_writes_acts_on_a_page(
    title: str, text: str, name: str, reason: str
) -> None:
    hostile = publication(
        1, Version("es", title, text), kind=Kind.URGENT, organisation=name, topics=(name, title),
        region=name, files=(file(PICTURE, "image/png", title, name),),
    )  # fmt: skip
    gone = publication(2, Version("es", title, text), withdrawal=Withdrawal(NOW, reason))
    with tempfile.TemporaryDirectory() as folder:
        built(Path(folder), (hostile, gone), site=Site(f"Red {name}", URL, ("es",), contact=reason))
        pages = everything(Path(folder))
    for path, content in pages.items():
        assert re.fullmatch(r"[a-z0-9./-]+", path)
        if path.endswith(".html"):
            _harmless(page(pages, path))
            content.decode()
    shown = page(pages, f"es/{hostile.code}.html")
    assert said(select(shown, ".words")[0]) == " ".join(clean(text).split())
    head, _, _ = pages[f"es/{hostile.code}.txt"].decode().partition("\n\n")
    assert [row.split(":")[0] for row in head.split("\n")].count("Title") == 1


def _harmless(shown: Any) -> None:
    assert not shown.xpath("//script | //style | //iframe | //object | //form | //*[@style]")
    assert not [a for e in shown.iter() for a in getattr(e, "attrib", ()) if a.startswith("on")]
    for link in shown.xpath("//a"):
        href = link.get("href")
        assert re.match(r"https?://[^@/]+(/|$)|[#.\w/-]+$", href), href
    for each in shown.xpath("//*[contains(@class, 'words') or contains(@class, 'foot')]//p/a"):
        assert each.get("rel") == "nofollow noopener noreferrer"


@settings(max_examples=200, deadline=None)
@given(words)
def test_marks_of_direction_end_where_they_began(text: str) -> None:
    shown = isolated(text)
    depth = 0
    for char in shown:
        depth += (char in "\u202a\u202b\u2066\u2067\u2068") - (char in "\u202c\u2069")
        assert depth >= 0
    assert depth == 0
    assert "\u202e" not in shown
    assert "\n" not in line(text)
    assert len(excerpt(text)) < 300
    etree.fromstring(f"<x>{as_html(text)}</x>".replace("<br>", "<br/>"))


@pytest.mark.parametrize(
    ("text", "hrefs"),
    [
        ("(ve a https://example.org/a_(b)).", ["https://example.org/a_(b)"]),
        ("«https://example.org/»", ["https://example.org/"]),
        ("HTTP://example.org, y más", ["HTTP://example.org"]),
        ("https://banco.example@evil.example/x", []),
        ("javascript:alert(1) data:text/html,x ftp://example.org http:// https://:80", []),
        ("https://example.org/\u202egpj.exe", ["https://example.org/gpj.exe"]),
        ("http://example.org:99999/ http://[::1/", []),
        ("https://a.b " * 150, ["https://a.b"] * 100),
    ],
)
def test_an_address_becomes_a_link_when_it_is_plain(text: str, hrefs: list[str]) -> None:
    shown = html.fromstring(f"<div>{as_html(text)}</div>")
    assert [a.get("href") for a in select(shown, "a")] == hrefs
    assert said(shown) == " ".join(clean(text).split())


def test_every_page_asks_nobody_else_and_tells_nobody(pages: Any) -> None:
    for name in (name for name in pages if name.endswith(".html")):
        shown = page(pages, name)
        policy = select(shown, "meta[http-equiv=Content-Security-Policy]")[0].get("content")
        assert policy.startswith("default-src 'none'; img-src 'self'; style-src 'self'")
        assert select(shown, "meta[name=referrer]")[0].get("content") == "no-referrer"
        assert not [s for s in shown.xpath("//img/@src | //link[@rel='stylesheet']/@href") if ":" in s]


@pytest.mark.parametrize(
    "text",
    [LONG_WORDS * 15, "ñandú, río y maíz. " * 1200, "<&\"' río " * 2500],
    ids=["prose", "ñ", "marks"],
)
def test_a_page_of_the_longest_text_is_light(tmp_path: Path, text: str) -> None:
    """50 kB are a few seconds of the weakest network; the third text is the worst that is no attack."""
    longest = publication(500, Version("es", "x" * 200, text[:TEXT_LIMIT]), files=URGENT.files)
    built(tmp_path, (longest, *MANY))
    for name, content in everything(tmp_path).items():
        if name.endswith(".html"):
            assert len(content) < (50_000 if "<" not in text else 80_000), name


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"code": "../../etc/x"}, {"code": "abc"}, {"fingerprint": "x"}, {"versions": ()},
        {"versions": (Version("../es", "a", "b"),)}, {"versions": (Version("es", "a", "b"),) * 2},
        {"files": (replace(RIVER, digest="../x"),)},
    ],
    ids=str,
)  # fmt: skip
def test_a_name_that_could_lead_elsewhere_is_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"digits|letters|code|version"):
        built(tmp_path, (replace(URGENT, **wrong),))
    assert not (tmp_path / "public").exists()


def test_two_denunciations_of_one_code_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="same code"):
        built(tmp_path, (URGENT, replace(PRESS, code=URGENT.code)))


@pytest.mark.parametrize(
    "url", ["ftp://x", "https://x/", "x.org", "https://a@x", "https://x/?q", "https://x/a b", "https://"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="url"):
        Site("Red", url)


# --- words ----------------------------------------------------------------------------------------


def test_every_word_of_ours_is_in_the_catalogue_and_each_one_there_is_said() -> None:
    source = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "bot/archive").rglob("*.html"))
    used = set(re.findall(r"\b(?:t|said)\(\"([\w.]+)\"", source))
    for path in (ROOT / "bot" / "archive").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name in ("said", "_said", "self"):
                    used.add(str(node.args[0].value))
    used |= {f"kind.{kind}" for kind in Kind}
    used |= {f"{g}.{n}" for g in ("group", "groups") for n in ("topic", "region", "organisation")}
    known = {k.removeprefix("archive.") for k in catalogue("es") if k.startswith("archive.")}
    assert used == known


def test_the_page_about_keys_has_the_one_in_use_and_those_before(pages: Any) -> None:
    shown = page(pages, "es/verify.html")
    assert f"minisign -Vm abcdefghij.txt -P {SITE.keys[1].line}" in said(shown)
    assert "Se usó del 10 de enero de 2025 al 1 de junio de 2026." in said(shown)
    assert pages["keys/71605F4E3D2C1B0A.pub"].decode() == SITE.keys[1].text
    assert pages["keys/statement-1.txt"].decode() == SITE.statements[0].text
    assert "keys/statement-1.txt.minisig" in pages


def test_a_bot_that_cannot_sign_says_so_and_leaves_no_signature(tmp_path: Path) -> None:
    built(tmp_path, sign=None, site=replace(SITE, statements=()))
    pages = everything(tmp_path)
    assert not [name for name in pages if name.endswith(".minisig")]
    assert "las firmas no están disponibles" in said(page(pages, "es/verify.html"))
    assert not select(page(pages, f"es/{URGENT.code}.html"), "a[href$=minisig]")


def test_a_day_that_nobody_waits_for_makes_no_new_page(tmp_path: Path) -> None:
    quiet: tuple[Publication, ...] = (CLOSED, CORRECTED, WITHDRAWN)
    assert built(tmp_path, quiet).changed
    assert not built(tmp_path, quiet, now=NOW + timedelta(days=40)).changed
    assert built(tmp_path, TOWN).changed
    assert not built(tmp_path, TOWN, now=NOW + timedelta(hours=2)).changed
    assert built(tmp_path, TOWN, now=datetime(2026, 11, 26, tzinfo=UTC)).changed
