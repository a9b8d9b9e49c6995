"""What machines read of the public archive: feeds, alerts, the map, the list, the signed texts."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import feedparser
import pytest
from hypothesis import given, settings
from lxml import etree

from bot.archive import Site
from bot.archive.media import name_of
from bot.domain.publication import Kind, Publication, Version, Withdrawal
from tests.support.archived import (
    CLOSED,
    CORRECTED,
    NOW,
    PDF,
    PICTURE,
    RIVER,
    TOWN,
    URGENT,
    URL,
    WITHDRAWN,
    built,
    everything,
    publication,
    sign,
    words,
)  # fmt: skip

CAP = {"c": "urn:oasis:names:tc:emergency:cap:1.2"}
SCHEMA = etree.XMLSchema(etree.parse(str(Path(__file__).parents[1] / "support" / "cap.xsd")))


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    """The archive of `TOWN`."""
    folder = tmp_path_factory.mktemp("archive")
    built(folder)
    return everything(folder)


def archive(folder: Path, *those: Publication, **more: object) -> Mapping[str, bytes]:
    """The archive of these."""
    built(folder, those, **more)
    return everything(folder)


def alert(pages: Mapping[str, bytes], those: Publication, language: str = "es") -> Any:
    """An alert that keeps to the rules."""
    found = etree.fromstring(pages[f"{language}/{those.code}.cap.xml"])
    SCHEMA.assertValid(found)
    return found


def value(found: Any, name: str) -> str:
    return found.findtext(f".//c:{name}", "", CAP)


# --- feeds ----------------------------------------------------------------------------------------


def test_a_feed_reader_finds_what_changed_last_first(pages: Mapping[str, bytes]) -> None:
    feed = feedparser.parse(pages["es/feed.atom"])
    assert not feed.bozo
    assert feed.version == "atom10"
    assert feed.feed.language == "es"
    assert feed.feed.updated == "2026-11-23T18:00:00+00:00"
    links = {each.rel: (each.href, each.type) for each in feed.feed.links}
    assert links["self"] == (f"{URL}/es/feed.atom", "application/atom+xml")
    assert [each.title for each in feed.entries[:3]] == [
        "Ana tiene acompañamiento", "Protección para Ana, defensora del río",
        "Que Carla vuelva a su radio",
    ]  # fmt: skip
    urgent = feed.entries[1]
    assert urgent.author == "Colectivo"
    assert [tag.term for tag in urgent.tags] == ["Agua", "Amenazas"]
    assert {each.rel: each.href for each in urgent.links} == {
        "alternate": f"{URL}/es/{URGENT.code}.html", "related": f"{URL}/es/{URGENT.code}.cap.xml",
    }  # fmt: skip
    assert '<a href="https://example.org/escribir"' in urgent.content[0].value


def test_an_entry_says_in_which_language_it_is(pages: Mapping[str, bytes]) -> None:
    feed = etree.fromstring(pages["en/feed.atom"])
    atom = {"a": "http://www.w3.org/2005/Atom"}
    languages = {
        each.findtext("a:title", "", atom): each.get("{http://www.w3.org/XML/1998/namespace}lang")
        for each in feed.iterfind("a:entry", atom)
    }
    assert languages["Protection for Ana, who defends the river"] == "en"
    assert languages["Que Carla vuelva a su radio"] == "es"
    items = {i["title"]: i["language"] for i in json.loads(pages["en/feed.json"])["items"]}
    assert items == languages


def test_a_correction_and_a_withdrawal_change_an_entry_and_not_its_id(tmp_path: Path) -> None:
    def entry() -> Any:
        return feedparser.parse(everything(tmp_path)["es/feed.atom"]).entries[0]

    archive(tmp_path, URGENT)
    first = entry()
    assert first.id == f"tag:archivo.example.org,2026:{URGENT.code}/es"
    archive(tmp_path, replace(URGENT, corrected_at=NOW))
    assert (entry().id, entry().updated) == (first.id, "2026-11-24T18:00:00+00:00")
    assert entry().published == first.published
    later = NOW + timedelta(days=1)
    pages = archive(tmp_path, replace(URGENT, withdrawal=Withdrawal(later, "Ana lo pidió.")), now=later)
    assert (entry().id, entry().title) == (first.id, "Denuncia 101, retirada")
    assert "defensora" not in pages["es/feed.atom"].decode() + pages["es/feed.json"].decode()
    assert "Ana lo pidió." in entry().content[0].value


def test_a_json_feed_has_what_version_1_1_asks_for(pages: Mapping[str, bytes]) -> None:
    feed = json.loads(pages["es/feed.json"])
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["feed_url"] == f"{URL}/es/feed.json"
    assert len(feed["items"]) == len(TOWN)
    for item in feed["items"]:
        assert item["id"].startswith("tag:")
        assert item["url"].startswith(URL)
        assert datetime.fromisoformat(item["date_published"]).tzinfo == UTC
        assert item["content_text"]


def test_a_feed_is_short_and_the_pages_have_the_rest(tmp_path: Path) -> None:
    pages = archive(tmp_path, *(publication(n) for n in range(1, 60)))
    entries = feedparser.parse(pages["es/feed.atom"]).entries
    assert len(entries) == 30
    assert entries[0].title == "Título 59"


# --- alerts ---------------------------------------------------------------------------------------


def test_an_urgent_action_is_an_alert_in_each_of_its_languages(pages: Mapping[str, bytes]) -> None:
    english = alert(pages, URGENT, "en")
    assert [value(english, name) for name in ("status", "msgType", "scope", "language", "category")] == [
        "Actual", "Alert", "Public", "en", "Security"
    ]  # fmt: skip
    assert [value(english, name) for name in ("event", "urgency", "senderName")] == [
        "Urgent action", "Immediate", "Colectivo"
    ]  # fmt: skip
    assert value(english, "expires") == "2026-12-03T18:00:00-00:00"
    assert value(english, "instruction").startswith("Read the text and act before December 3")
    assert value(english, "web") == f"{URL}/en/{URGENT.code}.html"
    assert value(english, "areaDesc") == "Sierra Norte"
    assert value(alert(pages, URGENT, "tzo"), "language") == "tzo"
    assert f"es/{CORRECTED.code}.cap.xml" not in pages


def test_what_became_of_an_urgent_action_is_said_of_the_first_alert(tmp_path: Path) -> None:
    first = alert(archive(tmp_path, URGENT), URGENT)
    name = ",".join(value(first, each) for each in ("sender", "identifier", "sent"))
    corrected = alert(archive(tmp_path, replace(URGENT, corrected_at=NOW)), URGENT)
    assert (value(corrected, "msgType"), value(corrected, "references")) == ("Update", name)
    assert value(corrected, "identifier") != value(first, "identifier")
    closed = alert(archive(tmp_path, replace(URGENT, closed_at=NOW)), URGENT)
    assert (value(closed, "msgType"), value(closed, "urgency")) == ("Update", "Past")
    assert (value(closed, "expires"), value(closed, "instruction")) == ("2026-11-24T18:00:00-00:00", "")
    gone = replace(URGENT, withdrawal=Withdrawal(NOW, "Ana lo pidió."))
    cancelled = alert(archive(tmp_path, gone), URGENT)
    assert (value(cancelled, "msgType"), value(cancelled, "references")) == ("Cancel", name)
    assert value(cancelled, "note") == "Ana lo pidió."
    assert "defensora" not in etree.tostring(cancelled, encoding="unicode")


def test_the_schema_refuses_what_the_standard_forbids(pages: Mapping[str, bytes]) -> None:
    good = pages[f"es/{URGENT.code}.cap.xml"].decode()
    for old, new in (
        ("-00:00</sent>", "Z</sent>"), (".es.2026", " es 2026"), ("Security<", "Politics<"),
        ("<scope>Public</scope>", ""), ("Immediate", "Now"), ("<event>Acción urgente", "<event>"),
    ):  # fmt: skip
        assert old in good
        assert not SCHEMA.validate(etree.fromstring(good.replace(old, new).encode()))


@settings(max_examples=40, deadline=None)
@given(title=words, text=words, name=words)
def test_nothing_that_anybody_writes_breaks_a_feed_or_an_alert(title: str, text: str, name: str) -> None:
    hostile = publication(
        1, Version("es", title, text), kind=Kind.URGENT, organisation=name, topics=(name,), region=name,
        act_by=NOW + timedelta(days=1),
    )  # fmt: skip
    gone = publication(2, Version("es", title, text), kind=Kind.URGENT, withdrawal=Withdrawal(NOW, text))
    with tempfile.TemporaryDirectory() as folder:
        site = Site(f"Red {title}", URL, ("es",), contact=name)
        pages = archive(Path(folder), hostile, gone, site=site)
    assert not feedparser.parse(pages["es/feed.atom"]).bozo
    assert len(json.loads(pages["es/feed.json"])["items"]) == 2
    etree.fromstring(pages["sitemap.xml"])
    alert(pages, hostile)
    alert(pages, gone)
    whole(pages)


# --- the map, the list, the signed texts ----------------------------------------------------------


def whole(pages: Mapping[str, bytes]) -> None:
    """The list says of every file what it is, and of nothing else."""
    files = json.loads(pages["archive.json"])["files"]
    assert set(files) == set(pages) - {"archive.json", "archive.json.minisig"}
    for name, each in files.items():
        assert each == {"sha256": hashlib.sha256(pages[name]).hexdigest(), "size": len(pages[name])}


def test_the_list_has_every_file_and_the_files_are_as_it_says(pages: Mapping[str, bytes]) -> None:
    whole(pages)
    listed = {each["code"]: each for each in json.loads(pages["archive.json"])["denunciations"]}
    assert set(listed) == {each.code for each in TOWN}
    assert listed[WITHDRAWN.code]["withdrawn"] == "2026-11-14T18:00:00Z"
    assert [pages[name_of(each)] for each in URGENT.files] == [PICTURE, PDF]


def test_the_map_knows_each_page_and_its_other_languages(pages: Mapping[str, bytes]) -> None:
    root = etree.fromstring(pages["sitemap.xml"])
    spaces = {"s": root.nsmap[None], "x": "http://www.w3.org/1999/xhtml"}
    found = {
        each.findtext("s:loc", "", spaces): {
            link.get("hreflang"): link.get("href") for link in each.iterfind("x:link", spaces)
        }
        for each in root
    }
    page = f"{URL}/es/{URGENT.code}.html"
    assert set(found[page]) == {"es", "en", "tzo"}
    assert found[page]["es"] == page
    assert found[f"{URL}/es/{CLOSED.code}.html"] == {}
    assert all(url.removeprefix(f"{URL}/") in pages for url in found)
    assert f"Sitemap: {URL}/sitemap.xml" in pages["robots.txt"].decode()


def test_a_signed_text_has_its_headers_and_its_words(pages: Mapping[str, bytes]) -> None:
    text = pages[f"en/{URGENT.code}.txt"].decode()
    head, _, body = text.partition("\n\n")
    assert body == URGENT.versions[1].text + "\n"
    rows = [row.split(": ", 1) for row in head.split("\n")]
    assert [name for name, _ in rows] == [
        "Acuerpa-Archive", "Address", "Code", "Number", "Organisation", "Kind", "Language", "Published",
        "Act-By", "Region", "Topic", "Topic", "Fingerprint", "File", "File", "Title",
    ]  # fmt: skip
    assert dict(rows)["Act-By"] == "2026-12-03T18:00:00Z"
    assert f"{RIVER.digest} {len(PICTURE)} image/png {RIVER.alternative}" in text


def test_each_signature_is_of_its_text_and_says_where_that_is(pages: Mapping[str, bytes]) -> None:
    texts = [name for name in pages if name.endswith(f"{URGENT.code}.txt")]
    assert len(texts) == 3
    for name in texts:
        comment = f"timestamp:{int(URGENT.published_at.timestamp())}\tfile:{name}"
        assert pages[f"{name}.minisig"].decode() == sign(pages[name], comment)
    comment = "timestamp:1795456800\tfile:archive.json"
    assert pages["archive.json.minisig"].decode() == sign(pages["archive.json"], comment)
