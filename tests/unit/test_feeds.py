"""Feeds of others: read as they are published, and never what halts or fools the bot."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.following.plain import from_html, lines
from bot.following.reading import MOST_BYTES, MOST_ENTRIES, read
from bot.following.values import Feed, NotAFeed, Why

ATOM = b"""<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="es">
  <title>Alertas de la Sierra</title>
  <link rel="self" href="https://sierra.example/feed.atom"/>
  <id>https://sierra.example/</id><updated>2026-11-17T10:00:00Z</updated>
  <author><name>Red</name><email>red@sierra.example</email></author>
  <entry>
    <id>urn:uuid:1</id><title>Detenci\xc3\xb3n en el puente</title>
    <link rel="alternate" href="https://sierra.example/a/1"/>
    <link rel="enclosure" href="https://sierra.example/a/1.pdf"/>
    <published>2026-11-16T09:30:00-06:00</published><updated>2026-11-17T09:00:00Z</updated>
    <summary>Piden presencia &amp; llamadas.</summary>
    <content type="html">&lt;p&gt;Largo&lt;/p&gt;</content>
  </entry>
  <entry>
    <id>urn:uuid:2</id><title type="html">Segunda &amp;amp; &lt;b&gt;urgente&lt;/b&gt;</title>
    <link href="https://sierra.example/a/2"/><updated>2026-11-17T10:00:00Z</updated>
    <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Uno</p><p>dos <b>tres</b></p>
    </div></content>
    <source><title>Otra fuente</title><id>urn:uuid:99</id></source>
  </entry>
</feed>"""

RSS = """<?xml version="1.0" encoding="iso-8859-1"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"
  xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom">
<channel><title>Boletín</title><link>https://red.example</link><description>x</description>
<atom:link href="https://red.example/rss" rel="self"/>
<image><title>Logo</title><url>https://red.example/l.png</url><link>https://red.example</link></image>
<item><title>Desalojo en Ñuu Savi</title><link>https://red.example/?p=7&amp;a=b</link>
<guid isPermaLink="false">red-7</guid><pubDate>Tue, 17 Nov 2026 08:00:00 -0600</pubDate>
<dc:creator>Red</dc:creator>
<description><![CDATA[<p>Primera l&iacute;nea.</p>
<script>alert(1)</script><ul><li>a</li></ul>]]></description>
<content:encoded><![CDATA[<p>Todo</p>]]></content:encoded></item>
</channel></rss>""".encode("latin-1")

RSS1 = b"""<?xml version="1.0"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
  xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel rdf:about="https://viejo.example/"><title>Viejo</title><link>https://viejo.example/</link>
<items><rdf:Seq><rdf:li rdf:resource="https://viejo.example/1"/></rdf:Seq></items></channel>
<item rdf:about="https://viejo.example/1"><title>Una</title><link>https://viejo.example/1</link>
<description>Palabras</description><dc:date>2026-11-17T08:00:00Z</dc:date></item>
</rdf:RDF>"""

JSON_FEED = {
    "version": "https://jsonfeed.org/version/1.1",
    "title": "Firmado",
    "items": [
        {"id": 7, "title": "Siete", "url": "https://f.example/7", "content_html": "<p>Hola</p>"},
        {
            "id": "8", "content_text": "Sin título", "external_url": "https://f.example/8",
            "date_published": "2026-11-17T08:00:00-06:00",
        },
        {"id": "9", "title": "Mala", "url": "javascript:alert(1)"},
        {"id": "10"}, "x",
    ],
}  # fmt: skip


def why(content: bytes, content_type: str = "") -> Why:
    with pytest.raises(NotAFeed) as found:
        read(content, content_type)
    return found.value.why


def rss(*items: str, head: str = "") -> bytes:
    inside = "".join(f"<item>{item}</item>" for item in items)
    return f"{head}<rss version='2.0'><channel><title>T</title>{inside}</channel></rss>".encode()


def test_atom() -> None:
    feed = read(ATOM, "application/atom+xml")
    assert feed.title == "Alertas de la Sierra"
    second, first = feed.entries
    assert (first.id, first.title) == ("urn:uuid:1", "Detención en el puente")
    assert first.link == "https://sierra.example/a/1"
    assert first.summary_text == "Piden presencia & llamadas."
    assert first.published == datetime(2026, 11, 16, 15, 30, tzinfo=UTC)
    assert (second.id, second.title) == ("urn:uuid:2", "Segunda & urgente")
    assert second.summary_text == "Uno\ndos tres"


def test_rss_2() -> None:
    feed = read(RSS, "text/xml")
    [entry] = feed.entries
    assert feed.title == "Boletín"
    assert (entry.id, entry.title) == ("red-7", "Desalojo en Ñuu Savi")
    assert entry.link == "https://red.example/?p=7&a=b"
    assert entry.summary_text == "Primera línea.\na"
    assert entry.published == datetime(2026, 11, 17, 14, tzinfo=UTC)


def test_rss_1() -> None:
    feed = read(RSS1, "application/rdf+xml")
    [entry] = feed.entries
    assert (feed.title, entry.title, entry.summary_text) == ("Viejo", "Una", "Palabras")
    assert entry.id == entry.link == "https://viejo.example/1"
    assert entry.published == datetime(2026, 11, 17, 8, tzinfo=UTC)


def test_json_feed() -> None:
    feed = read(json.dumps(JSON_FEED).encode(), "application/feed+json")
    assert feed.title == "Firmado"
    by_id = {entry.id: entry for entry in feed.entries}
    assert set(by_id) == {"7", "8", "9"}
    assert by_id["7"].summary_text == "Hola"
    assert by_id["8"].title == "Sin título"
    assert by_id["8"].link == "https://f.example/8"
    assert by_id["8"].published == datetime(2026, 11, 17, 14, tzinfo=UTC)
    assert by_id["9"].link == ""


def test_in_utf_16_and_with_the_servers_word_for_the_encoding() -> None:
    text = RSS.decode("latin-1").replace("iso-8859-1", "utf-16")
    assert read(text.encode("utf-16"), "").title == "Boletín"
    bare = RSS.decode("latin-1").partition("?>")[2]
    assert read(bare.encode("latin-1"), 'text/xml; charset="ISO-8859-1"').title == "Boletín"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", Why.EMPTY),
        (b" \n", Why.EMPTY),
        (b"no es nada", Why.NOT_XML),
        (b"<rss><channel>", Why.NOT_XML),
        (b"\xff\xfe\x00", Why.NOT_XML),
        (b"<?xml version='1.0' encoding='idna'?><rss/>", Why.NOT_XML),
        (b"{", Why.NOT_XML),
        (b'{"version": 1, "items": []}', Why.NOT_A_FEED),
        (b'{"version": "https://jsonfeed.org/version/1.1"}', Why.NOT_A_FEED),
        (b"<!DOCTYPE html><html><body><br>Hola</body></html>", Why.NOT_A_FEED),
        (b"<html><head/><body/></html>", Why.NOT_A_FEED),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Why.NOT_A_FEED),
        (b"<feed><title>x</title></feed>", Why.NOT_A_FEED),
        (b"[" * 500_000, Why.NOT_XML),
        (b'{"version":"https://jsonfeed.org/version/1.1","items":' + b"[" * 500_000, Why.NOT_XML),
        (b"<rss>" + b"<a>" * 100 + b"</a>" * 100 + b"</rss>", Why.TOO_COMPLEX),
        (b"<rss>" + b"<a/>" * 30_000 + b"</rss>", Why.TOO_COMPLEX),
    ],
)
def test_what_is_no_feed_has_its_reason(content: bytes, reason: Why) -> None:
    assert why(content) is reason


def test_no_entity_is_ever_expanded(tmp_path: Path) -> None:
    laughs = '<!ENTITY a "ja">' + "".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in pairwise("abcdefghi")
    )
    secret = tmp_path / "secret"
    secret.write_text("secret")
    for declared in (laughs, f'<!ENTITY i SYSTEM "file://{secret}">', '<!ENTITY % i "x">'):
        head = f"<!DOCTYPE rss [{declared}]>"
        assert why(rss("<title>&i;</title>", head=head)) is Why.ENTITIES
        assert why(rss("<title>&i;</title>", head=head).decode().encode("utf-16")) is Why.ENTITIES


def test_nothing_is_asked_of_anybody() -> None:
    outside = rss("<title>&x;</title>", head='<!DOCTYPE rss SYSTEM "https://e.example/x.dtd">')
    with (
        patch("socket.socket", side_effect=AssertionError),
        patch("urllib.request.urlopen") as opened,
    ):
        read(outside, "text/xml")
        for text in (b"https://e.example/feed", b"/etc/passwd"):
            assert why(text) is Why.NOT_XML
    opened.assert_not_called()


def test_at_most_a_megabyte() -> None:
    frame = len(rss("<title>a</title><description></description>"))
    most = rss(f"<title>a</title><description>{'x' * (MOST_BYTES - frame)}</description>")
    assert len(most) == MOST_BYTES
    [entry] = read(most, "text/xml").entries
    assert len(entry.summary_text) == 1_500
    assert why(most + b" ") is Why.TOO_LARGE


def test_the_newest_fifty() -> None:
    days = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(200)]
    items = [
        f"<title>{n}</title><guid>g{n}</guid><pubDate>{day:%a, %d %b %Y} 00:00 GMT</pubDate>"
        for n, day in enumerate(days)
    ]
    feed = read(rss(*items), "text/xml")
    assert [e.title for e in feed.entries] == [str(n) for n in range(199, 199 - MOST_ENTRIES, -1)]


def test_an_alert_without_a_name_is_told_by_what_it_says() -> None:
    ids = [
        read(rss(f"<title>{title}</title>"), "").entries[0].id for title in ("Una", "Otra", "Una")
    ]
    assert ids[0] == ids[2] != ids[1]


def test_no_text_hides_what_it_says() -> None:
    turned = rss("<title>no \u202eodalo\u202c \x7ffin\u2066</title>")
    assert read(turned, "").entries[0].title == "no odalo fin"
    long = read(rss(f"<title>{'a' * 900}</title>"), "").entries[0].title
    assert len(long) == 200
    assert long.endswith("…")
    surrogates = {**JSON_FEED, "title": "a\ud800b", "items": [{"id": "\ud800", "title": "\udfff."}]}
    feed = read(json.dumps(surrogates).encode(), "")
    json.dumps(feed.title + feed.entries[0].title).encode("utf-8", "strict")
    assert feed.title == "ab"


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//e.example/x", "x",
        "https://", "https://ana@e.example/", "https://[::1", f"https://e.example/{'a' * 600}",
    ],
)  # fmt: skip
def test_a_link_is_one_that_a_browser_opens(link: str) -> None:
    assert read(rss(f"<title>a</title><link>{link}</link>"), "").entries[0].link == ""


@pytest.mark.parametrize(
    "make",
    [
        lambda: rss(f"<author>{'a' * 900_000}</author><title>a</title>"),
        lambda: rss(f"<title>a</title><pubDate>{'1 ' * 400_000}</pubDate>"),
        lambda: rss(
            *[f"<title>{n}</title><summary>{'&lt;a' * 4_500}</summary>" for n in range(49)]
        ),
        lambda: rss(f"<title>a</title><description>{'&amp;#' * 100_000}</description>"),
        lambda: rss(f"<title>a</title><description>&amp;#{'9' * 900_000}</description>"),
        lambda: rss(f"<title>{'&lt;script&gt;' * 60_000}</title>"),
        lambda: rss(*[f"<title>{n}</title>{'<link>a</link>' * 17}" for n in range(999)]),
        lambda: "<rss {}/>".format(" ".join(f"a{n}=''" for n in range(90_000))).encode(),
    ],
)
def test_what_is_made_to_take_long_takes_no_longer(make: Callable[[], bytes]) -> None:
    content = make()
    began = time.process_time()
    try:
        read(content, "text/xml")
    except NotAFeed:
        pass
    assert time.process_time() - began < 5


def test_html_becomes_what_a_person_reads() -> None:
    page = "<h1>A</h1><p>b&nbsp;c<br/>d</p><style>p{}</style><!-- e --><a href='x'>f</a> 1 < 2"
    assert lines(from_html(page), 100) == "A\nb c\nd\nf 1 < 2"
    assert from_html("a <script>b</script> c <script>d") == "a  c "


PIECES = st.sampled_from(
    [
        b"<rss>", b"</rss>", b"<channel>", b"<item>", b"</item>", b"<title>", b"</title>", b"<link>",
        b"<feed xmlns='http://www.w3.org/2005/Atom'>", b"</feed>", b"<entry>", b"</entry>", b"<id>",
        b"<content type='xhtml'>", b"<content type='base64'>", b"<![CDATA[", b"]]>", b"&amp;", b"&#0;",
        b"<pubDate>", b"Tue, 99 Nov 99999 25:61:00 +9999", b"<updated>", b"0000-00-00T00:00:00Z",
        b"<!DOCTYPE", b"<?xml version='1.0' encoding='", b"utf-7", b"'?>", b"{", b'"items":', b"[",
        b'"version":"https://jsonfeed.org/version/1.1",', b'{"id":1e999}', b"\xef\xbb\xbf", b"\x00",
        b"<?xml-stylesheet?>", b"<dc:date xmlns:dc='http://purl.org/dc/elements/1.1/'>", b"xmlns=''",
    ]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.lists(st.one_of(PIECES, st.binary(max_size=4)), max_size=30).map(b"".join),
        st.tuples(
            st.sampled_from([ATOM, RSS, RSS1]), st.integers(0, 900), st.binary(max_size=6)
        ).map(lambda t: t[0][: t[1]] + t[2] + t[0][t[1] + len(t[2]) :]),
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.floats(), st.text(max_size=8)),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["id", "title", "url", "items", "summary", "date_published"]),
                    inner,
                )
            ),
        ).map(
            lambda value: json.dumps(
                {**JSON_FEED, "title": value, "items": [{"id": value}, value]}
            ).encode()
        ),
    ),
    st.text(max_size=30),
)
@example(b"{}", "text/xml; charset=\x00")
def test_nothing_but_a_feed_or_a_reason_comes_of_it(content: bytes, content_type: str) -> None:
    try:
        feed = read(content, content_type)
    except NotAFeed:
        return
    assert isinstance(feed, Feed)
    assert len(feed.title) <= 80
    assert len(feed.entries) <= MOST_ENTRIES
    for entry in feed.entries:
        assert entry.title
        assert len(entry.title) <= 200
        assert len(entry.summary_text) <= 1_500
        assert 0 < len(entry.id) <= 500
        assert entry.link == "" or entry.link.startswith(("http://", "https://"))
        assert entry.published is None or entry.published.tzinfo is UTC
        (entry.id + entry.title + entry.summary_text + entry.link).encode("utf-8")
