"""Feeds of others over real sockets, and what is kept of them: nothing of our own network, nothing
about us, and nothing that waits."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import sqlite3
import ssl
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa
from structlog.testing import capture_logs

from bot.domain.following import State
from bot.engine.following import Follower
from bot.engine.stepping import SteppedClock
from bot.following.fetching import Fetching
from bot.following.looking import Looking, offline
from bot.following.reading import MOST_BYTES
from bot.following.values import Fetched, News, Unchanged, Unreachable, Why
from bot.texts import Texts, available
from storage.database import Database
from storage.fence import NotActing
from storage.following import Followed
from storage.keys import KeyInMemory
from storage.retention import ALERTS_KEPT, Keep
from storage.tables import fences, followed_entries
from tests.integration.test_storage import NOW
from tests.support.feed_server import Answer, FeedServer, atom
from tests.support.opened import KEY

KEY_OF_FEED = "RWQ" + "A" * 53


def signed(content: bytes) -> bytes:
    """What stands for a signature here."""
    return hashlib.sha256(content).hexdigest().encode()


def verify(content: bytes, signature: str, key: str) -> bool:
    """What stands for minisign here."""
    if signature == "raise":
        raise ValueError("no signature at all")
    return key == KEY_OF_FEED and signature == signed(content).decode()


@pytest_asyncio.fixture
async def server() -> AsyncIterator[FeedServer]:
    """Somebody else's."""
    async with FeedServer() as made:
        made.pages["/feed"] = atom(("Una", "x"))
        yield made


@pytest.fixture
def fetching() -> Fetching:
    """As in the program, but that it asks this machine, and is not patient."""
    return Fetching(loopback=True, verify=verify, total=2.0)


async def why(fetching: Fetching, url: str, **more: str) -> Why:
    found = await fetching.fetch(url, **more)
    assert isinstance(found, Unreachable), found
    return found.why


# --- the way there ------------------------------------------------------------------------------


async def test_a_feed_is_fetched_and_nothing_is_said_of_us(
    server: FeedServer, fetching: Fetching
) -> None:
    server.pages["/feed"].headers = {**server.pages["/feed"].headers, "Set-Cookie": "id=1"}
    server.pages["/old"] = Answer(status=301, headers={"Location": "/feed", "Set-Cookie": "id=2"})
    with capture_logs() as logs:
        for _ in range(2):
            found = await fetching.fetch(f"{server.url}/old?secret#part")
            assert isinstance(found, Fetched)
            assert found.content == server.pages["/feed"].body
            assert found.content_type == "application/atom+xml"
            assert not found.verified
    assert logs == []
    assert [path for path, _ in server.asked] == ["/old?secret", "/feed"] * 2
    for _, headers in server.asked:
        assert set(headers) == {"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"}
        assert headers["User-Agent"] == "Acuerpa"


async def test_what_did_not_change_is_not_sent_again(
    server: FeedServer, fetching: Fetching
) -> None:
    for name in ("ETag", "Last-Modified"):
        server.pages["/feed"].headers = {name: '"v1"'}
        found = await fetching.fetch(f"{server.url}/feed")
        assert isinstance(found, Fetched)
        marks = {"etag": found.etag, "modified": found.modified}
        assert '"v1"' in marks.values()
        assert await fetching.fetch(f"{server.url}/feed", **marks) == Unchanged()
    server.pages["/feed"].headers = {"ETag": "v" * 300}
    found = await fetching.fetch(f"{server.url}/feed")
    assert isinstance(found, Fetched)
    assert found.etag == ""
    server.pages["/feed"] = Answer(status=304)
    assert await why(fetching, f"{server.url}/feed") is Why.STATUS


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        ("https://10.0.0.1/feed", Why.FORBIDDEN),
        ("https://169.254.169.254/latest/meta-data", Why.FORBIDDEN),
        ("https://[::ffff:192.168.0.1]/feed", Why.FORBIDDEN),
        ("http://10.0.0.1/feed", Why.FORBIDDEN),
        ("http://e.example/feed", Why.ADDRESS),
        ("file:///etc/passwd", Why.ADDRESS),
        ("gopher://e.example/", Why.ADDRESS),
        ("https://ana@e.example/", Why.ADDRESS),
        ("http://red.onion/feed", Why.ONION),
        ("https://[", Why.ADDRESS),
        ("/again", Why.REDIRECTS),
    ],
)
async def test_a_redirect_is_an_address_like_any_other(
    server: FeedServer, fetching: Fetching, to: str, reason: Why
) -> None:
    server.pages["/again"] = Answer(status=302, headers={"Location": to})
    assert await why(fetching, f"{server.url}/again") is reason
    if to != "/again":
        assert await why(fetching, to) is reason
        assert len(server.asked) == 1
    else:
        assert len(server.asked) == 4


async def test_the_program_asks_nothing_of_this_machine(server: FeedServer) -> None:
    port = server.url.rpartition(":")[2]
    for host in ("127.0.0.1", "localhost", "[::1]", "127.1", "0", "2130706433"):
        for scheme in ("http", "https"):
            found = await Fetching(total=2.0).fetch(f"{scheme}://{host}:{port}/feed")
            assert isinstance(found, Unreachable), host
            expected = {Why.ADDRESS} if scheme == "http" else {Why.FORBIDDEN, Why.CONNECTION}
            assert found.why in expected | {Why.FORBIDDEN}, host
    assert server.asked == []


async def test_a_name_is_asked_once_and_leads_to_public_addresses_alone() -> None:
    """A name that changes its mind between the check and the connection: there is no such moment."""
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[tuple[int, str]]:
        asked.append(host)
        return [(2, "1.1.1.1"), (2, "10.0.0.1")]

    assert await why(Fetching(resolve=resolve), "https://e.example/feed") is Why.FORBIDDEN
    assert asked == ["e.example"]


async def test_what_was_resolved_is_what_is_connected_to(server: FeedServer) -> None:
    """This machine under another name: TLS is then asked for with that name."""
    port = int(server.url.rpartition(":")[2])
    seen: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = lambda _socket, name, _context: seen.append(name)
    listening = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0, ssl=context)
    async with listening:
        to = listening.sockets[0].getsockname()[1]

        async def resolve(host: str, port: int) -> list[tuple[int, str]]:
            return [(2, "127.0.0.1")]

        fetching = Fetching(resolve=resolve, loopback=True, total=2.0)
        assert await why(fetching, f"https://e.example:{to}/feed") is Why.CONNECTION
    assert seen == ["e.example"]
    assert port != to


async def test_a_slow_server_has_its_time_and_no_more(server: FeedServer) -> None:
    server.pages["/slow"] = Answer(b"<rss/>", pause=60)
    fetching = Fetching(loopback=True, total=0.3)
    before = asyncio.get_running_loop().time()
    assert await why(fetching, f"{server.url}/slow") is Why.TOO_SLOW
    assert asyncio.get_running_loop().time() - before < 2
    silent = await asyncio.start_server(lambda _r, _w: asyncio.sleep(60), "127.0.0.1", 0)
    async with silent:
        port = silent.sockets[0].getsockname()[1]
        assert await why(fetching, f"http://127.0.0.1:{port}/") is Why.TOO_SLOW
        silent.close()


async def test_a_megabyte_and_not_a_byte_more(server: FeedServer, fetching: Fetching) -> None:
    server.pages["/most"] = Answer(b"x" * MOST_BYTES)
    server.pages["/more"] = Answer(b"x" * (MOST_BYTES + 1))
    bomb = gzip.compress(b"\0" * 200_000_000, 9)
    server.pages["/bomb"] = Answer(bomb, headers={"Content-Encoding": "gzip"})
    small = gzip.compress(b"<rss/>")
    server.pages["/small"] = Answer(small, headers={"Content-Encoding": "gzip"})
    found = await fetching.fetch(f"{server.url}/most")
    assert isinstance(found, Fetched)
    assert len(found.content) == MOST_BYTES
    for page in ("more", "bomb"):
        assert await why(fetching, f"{server.url}/{page}") is Why.TOO_LARGE
    found = await fetching.fetch(f"{server.url}/small")
    assert isinstance(found, Fetched)
    assert found.content == b"<rss/>"


async def test_what_goes_wrong_has_its_reason(server: FeedServer, fetching: Fetching) -> None:
    server.pages["/gone"] = Answer(status=410)
    server.pages["/broken"] = Answer(status=500)
    server.pages["/lies"] = Answer(b"no gzip", headers={"Content-Encoding": "gzip"})
    for page in ("gone", "broken", "none"):
        assert await why(fetching, f"{server.url}/{page}") is Why.STATUS
    assert await why(fetching, f"{server.url}/lies") is Why.CONNECTION
    assert await why(fetching, "http://127.0.0.1:9/feed") is Why.CONNECTION
    for url in ("", "feed", "https://", "https://\0/", "http://127.0.0.1:99999/"):
        assert await why(fetching, url) in (Why.ADDRESS, Why.CONNECTION)


# --- signatures ---------------------------------------------------------------------------------


async def test_where_a_key_is_pinned_only_what_is_signed_counts(
    server: FeedServer, fetching: Fetching
) -> None:
    body = b'{"version": "https://jsonfeed.org/version/1.1", "title": "F", "items": []}'
    server.pages["/feed.json"] = Answer(body)
    url = f"{server.url}/feed.json?all"
    assert await why(fetching, url, key=KEY_OF_FEED) is Why.UNSIGNED
    assert server.asked[-1][0] == "/feed.json.minisig?all"
    for wrong in (signed(b"other"), b"raise", b"\xff", b"x" * 10_000):
        server.pages["/feed.json.minisig"] = Answer(wrong)
        assert await why(fetching, url, key=KEY_OF_FEED) is Why.SIGNATURE
    server.pages["/feed.json.minisig"] = Answer(signed(body))
    assert await why(fetching, url, key="another") is Why.SIGNATURE
    found = await fetching.fetch(url, key=KEY_OF_FEED)
    assert isinstance(found, Fetched)
    assert found.verified
    found = await fetching.fetch(url)
    assert isinstance(found, Fetched)
    assert not found.verified
    assert await why(Fetching(loopback=True), url, key=KEY_OF_FEED) is Why.NO_VERIFIER
    news = await Looking(loopback=True, verify=verify).look(url, KEY_OF_FEED, "", "")
    assert isinstance(news, News)
    assert news.verified


async def test_a_page_with_another_type_is_judged_by_what_it_holds(server: FeedServer) -> None:
    looking = Looking(loopback=True)
    server.pages["/feed"].headers = {"Content-Type": "image/png"}
    assert isinstance(await looking.look(f"{server.url}/feed", "", "", ""), News)
    server.pages["/page"] = Answer(
        b"<html><p>Hola</html>", headers={"Content-Type": "application/atom+xml"}
    )
    page = await looking.look(f"{server.url}/page", "", "", "")
    assert page == Unreachable(Why.NOT_A_FEED)
    assert await offline(server.url, "", "", "") == Unreachable(Why.OFFLINE)


@pytest.mark.parametrize("language", available())
def test_every_reason_has_its_words(language: str) -> None:
    texts = Texts(language, "UTC", NOW)
    assert len({texts.plain(f"feed.why.{reason}") for reason in Why}) == len(Why)


# --- what is kept, and the loop -----------------------------------------------------------------


async def a_feed(database: Database, url: str = "https://sierra.example/feed") -> int:
    async with database.transaction() as tx:
        group = await tx.people.add_group("Red", "", "es", "UTC", NOW)
        ana = await tx.people.add_member(group, "Ana", "es", "UTC", [], NOW)
        return await tx.following.follow(group, url, KEY_OF_FEED, ana, NOW)


async def test_what_was_seen_stays_known_and_what_was_decided_is_not_kept(
    database: Database,
) -> None:
    feed = await a_feed(database)
    async with database.transaction() as tx:
        await tx.following.remember(feed, ["a", "b"], State.KNOWN, NOW)
        said = {"title": "T", "link": "L", "summary": "S", "verified": True}
        alert = await tx.following.offer(feed, "c", **said, now=NOW)  # type: ignore[arg-type]
        old = await tx.following.offer(feed, "d", **said, now=NOW)  # type: ignore[arg-type]
        assert await tx.following.unknown(feed, ["e", "a", "c", "f", "e"]) == ["e", "f"]
        assert await tx.following.offers_since(feed, NOW - timedelta(1)) == 2
        await tx.following.decide(alert.id, State.FORWARDED)
    async with database.transaction() as tx:
        assert await tx.retention.erase(Keep(), NOW + ALERTS_KEPT - timedelta(1)) == 0
        assert await tx.retention.erase(Keep(), NOW + ALERTS_KEPT) == 1
        for id, state in ((alert.id, State.FORWARDED), (old.id, State.DISMISSED)):
            kept = await tx.following.alert(id)
            assert kept is not None
            assert (kept.title, kept.link, kept.summary, kept.state) == ("", "", "", state)
        assert await tx.following.unknown(feed, ["a", "b", "c", "d", "e"]) == ["e"]
        assert await tx.following.offered(feed) == []
        found = await tx.following.feed(feed)
        assert found is not None
        again = await tx.following.follow(found.group, found.url, "", found.added_by or 0, NOW)
        assert again == feed


async def test_another_data_key_finds_what_was_seen(tmp_path: Path) -> None:
    database = Database(str(tmp_path / "a.db"), KeyInMemory(KEY))
    await database.open()
    feed = await a_feed(database)
    async with database.transaction() as tx:
        await tx.following.remember(feed, ["urn:a"], State.KNOWN, NOW)
    await database.rotate()
    async with database.transaction() as tx:
        assert await tx.following.unknown(feed, ["urn:a", "urn:b"]) == ["urn:b"]
        found = await tx.following.feed(feed)
        assert found is not None
        assert await tx.following.at(found.group, found.url) == found
    await database.close()
    raw = b"".join(path.read_bytes() for path in tmp_path.glob("a.db*"))
    for word in (b"sierra.example", b"urn:a", KEY_OF_FEED.encode()):
        assert word not in raw
    with closing(sqlite3.connect(tmp_path / "a.db")) as db:
        assert db.execute("SELECT count(*) FROM followed_entries").fetchone() == (1,)


class Told:
    """The handlers, of which only one is called here."""

    def __init__(self) -> None:
        self.found: list[tuple[Followed, Any]] = []
        self.fails = False

    async def feed_looked_at(
        self, tx: Any, feed: Followed, found: Any, again: Any, now: Any
    ) -> None:
        self.found.append((feed, found))
        if self.fails:
            raise RuntimeError("a defect")
        await tx.following.looked(feed.id, again, now)


async def test_each_feed_in_its_turn_and_a_defect_counts_as_a_failure(database: Database) -> None:
    clock, told, under_way = SteppedClock(NOW), Told(), []
    feed = await a_feed(database)
    async with database.transaction() as tx:
        first = await tx.following.feed(feed)
        assert first is not None
        await tx.following.follow(first.group, "https://e.example/2", "", first.added_by or 0, NOW)

    async def looking(url: str, *_: str) -> str:
        under_way.append(url)
        assert len(under_way) == 1
        await asyncio.sleep(0.01)
        under_way.remove(url)
        return "found"

    follower = Follower(database, told, clock, looking)  # type: ignore[arg-type]
    looked = await asyncio.gather(follower.drain(), follower.drain())
    assert sum(looked) == 2
    assert await follower.drain() == 0
    clock.move(NOW + timedelta(hours=1, minutes=5))
    told.fails = True
    assert await follower.drain() == 2
    async with database.transaction() as tx:
        after = await tx.following.feed(feed)
    assert after is not None
    assert after.failures == 1
    assert timedelta(hours=1.8) < after.next_at - clock.now() < timedelta(hours=2.2)


async def test_a_feed_that_was_stopped_meanwhile_is_not_told_of(database: Database) -> None:
    told = Told()
    feed = await a_feed(database)

    async def looking(*_: str) -> str:
        async with database.transaction() as tx:  # outside of any: it would wait for ever
            await tx.following.stop(feed)
        return "found"

    follower = Follower(database, told, SteppedClock(NOW), looking)  # type: ignore[arg-type]
    assert await follower.drain() == 1
    assert told.found == []


async def test_whoever_does_not_act_looks_at_nothing(database: Database) -> None:
    told = Told()
    await a_feed(database)
    async with database.transaction() as tx:
        number = await tx.fence.take(await tx.fence.holder(), NOW)
    database.fence = number
    async with database.transaction(fenced=False) as tx:
        await tx.connection.execute(sa.update(fences).values(number=fences.c.number + 1))

    async def looking(*_: str) -> str:
        raise AssertionError

    follower = Follower(database, told, SteppedClock(NOW), looking)  # type: ignore[arg-type]
    with pytest.raises(NotActing):
        await follower.drain()
    async with database.transaction(fenced=False) as tx:
        assert (await tx.connection.execute(sa.select(followed_entries.c.id))).all() == []
