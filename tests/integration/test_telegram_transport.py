"""One request at a time, against a server of a few lines: what left, and what is said of it.

An alarm that left and is taken for one that did not arrives twice; one that did not and is taken for
sent is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from telegram import InputFile
from telegram.error import TelegramError
from telegram.request import RequestData
from telegram.request._requestparameter import RequestParameter

from bot.platforms.base import Result
from bot.platforms.telegram.outcome import receipt_of
from bot.platforms.telegram.transport import PLACEHOLDER, NoAnswer, Requests, Secret, TooLong
from bot.proxies import Proxy
from storage.fence import NotActing

TOKEN = "123:the-token"
OK = b'HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n{"ok": true, "result": 1}'
Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """Keeps what it was asked, whole requests alone; answers in the order of `answers`, then OK."""

    port: int = 0
    answers: list[Answer] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0

    def url(self, method: str = "sendMessage") -> str:
        return f"http://127.0.0.1:{self.port}/bot{PLACEHOLDER}/{method}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                lengths = [
                    int(line.partition(":")[2])
                    for line in head.lower().splitlines() if line.startswith("content-length:")
                ]  # fmt: skip
                body = await reader.readexactly(sum(lengths))
                self.heads.append(head)
                self.bodies.append(body)
                if self.answers:
                    await self.answers.pop(0)(writer)
                else:
                    writer.write(OK)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


@asynccontextmanager
async def requests(
    permit: Callable[[], None] = lambda: None, *, connections: int = 1, proxy: Proxy | None = None
) -> AsyncIterator[Requests]:
    async with Requests(
        Secret(TOKEN), connections=connections, connect=0.3, read=0.3, proxy=proxy, permit=permit
    ) as made:
        yield made


def text(words: str) -> RequestData:
    return RequestData([RequestParameter("text", words, None)])


async def outcome(call: Awaitable[object]) -> Result:
    """What the engine is told."""
    try:
        await call
    except TelegramError as error:
        return receipt_of(error).result
    return Result.SENT


async def hangs_up(writer: asyncio.StreamWriter) -> None:
    raise ConnectionError


async def says_nothing(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


def moved(code: int, to: str) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(
            f"HTTP/1.1 {code} Moved\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()
        )

    return answer


async def answers_ok(writer: asyncio.StreamWriter) -> None:
    writer.write(OK)


async def test_the_token_is_in_the_first_line_alone() -> None:
    async with serving() as server, requests() as made:
        await made.post(server.url(), text(f"my {PLACEHOLDER} is not {TOKEN}"))
        assert server.heads[0].splitlines()[0] == f"POST /bot{TOKEN}/sendMessage HTTP/1.1"
        assert TOKEN not in server.heads[0].partition("\r\n")[2]
        assert PLACEHOLDER.encode() in server.bodies[0]


async def test_a_file_has_its_name_as_it_is() -> None:
    file = InputFile(b"%PDF", filename='Año "2026".pdf')
    form = RequestData(
        [RequestParameter("document", None, [file]), RequestParameter("chat_id", 7, None)]
    )
    async with serving() as server, requests() as made:
        await made.post(server.url("sendDocument"), form)
        assert 'filename="Año \\"2026\\".pdf"'.encode() in server.bodies[0]
        assert b'name="chat_id"\r\n\r\n7\r\n' in server.bodies[0]
        assert b"\r\n\r\n%PDF\r\n" in server.bodies[0]


async def test_what_left_is_not_sent_a_second_time() -> None:
    """On a connection that was used before, where a library might take the end for that of the
    connection's own time."""
    async with serving() as server, requests() as made:
        assert await outcome(made.post(server.url(), text("one"))) is Result.SENT
        server.answers.append(hangs_up)
        assert await outcome(made.post(server.url(), text("two"))) is Result.AMBIGUOUS
        await asyncio.sleep(0.05)
        assert len(server.bodies) == 2
        # The next one has a connection of its own.
        assert await outcome(made.post(server.url(), text("three"))) is Result.SENT
        assert server.connections == 2


async def test_a_file_is_not_asked_for_twice_in_silence() -> None:
    async with serving() as server, requests() as made:
        await made.download(server.url("file"), 100)
        server.answers.append(hangs_up)
        with pytest.raises(NoAnswer) as caught:
            await made.download(server.url("file"), 100)
        assert caught.value.left
        assert len(server.bodies) == 2


@pytest.mark.parametrize("code", [301, 302, 307, 308])
async def test_a_server_that_sends_us_elsewhere_is_not_followed(code: int) -> None:
    async with serving() as server, serving() as other, requests(connections=2) as made:
        server.answers.append(moved(code, other.url()))
        assert await outcome(made.post(server.url(), text("one"))) is not Result.SENT
        server.answers.append(moved(code, other.url()))
        assert (await made.download(server.url(), 100))[0] == code
        assert other.connections == 0


async def test_a_connection_that_was_closed_while_idle_is_not_used() -> None:
    async def answers_and_closes(writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        raise ConnectionError

    async with serving() as server, requests() as made:
        server.answers.append(answers_and_closes)
        assert await outcome(made.post(server.url(), text("one"))) is Result.SENT
        await asyncio.sleep(0.05)
        assert await outcome(made.post(server.url(), text("two"))) is Result.SENT
        assert len(server.bodies) == 2


async def test_who_may_not_act_sends_nothing() -> None:
    """Neither on a new connection nor on one that is there already."""
    looks: list[bool] = [False, True, False]

    def permit() -> None:
        if not looks.pop(0):
            raise NotActing

    async with serving() as server, requests(permit) as made:
        assert await outcome(made.post(server.url(), text("one"))) is Result.UNREACHABLE
        assert await outcome(made.post(server.url(), text("two"))) is Result.SENT
        assert await outcome(made.post(server.url(), text("three"))) is Result.UNREACHABLE
        await asyncio.sleep(0.05)
        assert server.bodies == [b'{"text": "two"}']


async def test_who_may_not_act_any_more_finishes_no_long_request() -> None:
    looks = 0

    def permit() -> None:
        nonlocal looks
        looks += 1
        if looks > 3:
            raise NotActing

    picture = InputFile(bytes(1_000_000), filename="foto.jpg")
    photo = RequestData([RequestParameter("photo", None, [picture])])
    async with serving() as server, requests(permit) as made:
        assert await outcome(made.post(server.url(), photo)) is Result.AMBIGUOUS
        await asyncio.sleep(0.05)
        assert (server.connections, server.bodies) == (1, [])


async def test_a_long_request_that_nobody_reads_ends() -> None:
    class Deaf(Server):
        async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            writer.transport.pause_reading()
            await asyncio.sleep(60)

    server = Deaf()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    picture = InputFile(bytes(20_000_000), filename="foto.jpg")
    photo = RequestData([RequestParameter("photo", None, [picture])])
    async with requests() as made, asyncio.timeout(20):
        assert await outcome(made.post(server.url(), photo)) is Result.AMBIGUOUS
    listening.close()


async def test_whoever_waits_for_a_connection_has_not_left() -> None:
    async with serving() as server, requests() as made:
        server.answers.append(says_nothing)
        first = asyncio.create_task(outcome(made.post(server.url(), text("one"), 2.0)))
        while not server.bodies:
            await asyncio.sleep(0.01)
        assert await outcome(made.post(server.url(), text("two"))) is Result.UNREACHABLE
        assert await first is Result.AMBIGUOUS
        await asyncio.sleep(0.05)
        assert server.bodies == [b'{"text": "one"}']


async def test_whoever_waits_when_all_is_closed_is_told_so() -> None:
    """And not cancelled, as if somebody had cancelled it."""
    async with serving() as server, requests() as made:
        server.answers.append(says_nothing)
        first = asyncio.create_task(outcome(made.post(server.url(), text("one"))))
        while not server.bodies:
            await asyncio.sleep(0.01)
        second = asyncio.create_task(outcome(made.post(server.url(), text("two"))))
        await asyncio.sleep(0.01)
        await made.shutdown()
        assert await second is Result.UNREACHABLE
        assert await first is Result.AMBIGUOUS
        assert await outcome(made.post(server.url(), text("three"))) is Result.UNREACHABLE


async def test_whoever_is_cancelled_is_cancelled() -> None:
    async with serving() as server, requests() as made:
        server.answers.append(says_nothing)
        first = asyncio.create_task(made.post(server.url(), text("one")))
        while not server.bodies:
            await asyncio.sleep(0.01)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert await outcome(made.post(server.url(), text("two"))) is Result.SENT


async def test_an_answer_is_read_no_further_than_asked() -> None:
    async with serving() as server, requests() as made:
        assert await made.download(server.url("file"), 25) == (200, OK[-25:])
        with pytest.raises(TooLong):
            await made.download(server.url("file"), 24)


async def test_there_is_no_way_past_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as server, serving() as unused, serving() as odd:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{unused.port}")
        odd.answers += [hangs_up, hangs_up]
        async with requests() as made:
            assert await outcome(made.post(server.url(), text("one"))) is Result.SENT
        # A port that nobody listens on, and one where somebody hangs up.
        for port in (1, odd.port):
            async with requests(proxy=Proxy("127.0.0.1", port)) as made:
                assert await outcome(made.post(server.url(), text("two"))) is Result.UNREACHABLE
        assert (len(server.bodies), unused.connections, odd.connections) == (1, 0, 1)
