"""Starts the fake Bot API server and speaks for the people in it."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

TOKEN = "123456:test-token"
USERNAME = "acuerpa_test_bot"
_ROOT = Path(__file__).parents[2]
_START = 20.0
"""Seconds in which the process must be ready."""


@dataclass(frozen=True)
class Shown:
    """A message as a person sees it. `sender` is an account, 0 for a channel; `file` the path of what
    was sent with it (`BotApi.download`)."""

    id: int
    sender: int
    date: int
    text: str
    entities: list[dict[str, Any]]
    keyboard: list[list[dict[str, str]]]
    kind: str
    silent: bool
    edited: bool
    deleted: bool
    file: str = ""
    pinned: bool = False

    @property
    def labels(self) -> list[str]:
        """The labels of all buttons."""
        return [button["label"] for row in self.keyboard for button in row]


class BotApi:
    """The server's process. Use `start` or `async with await BotApi.start(tmp_path)`.

    `url` is the `base_url` for the bot; `log` the file with the truth; `token` what it accepts.
    """

    def __init__(
        self, process: asyncio.subprocess.Process, port: int, log: Path, token: str
    ) -> None:
        self._process = process
        self._session = aiohttp.ClientSession()
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.log = log
        self.token = token
        self.username = USERNAME

    @classmethod
    async def start(cls, directory: Path, *, port: int = 0, token: str = TOKEN) -> BotApi:
        """Start a server whose log is in `directory`; raises `RuntimeError` if it does not."""
        log = directory / "botapi.jsonl"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.fakes.botapi",
            "--port", str(port), "--log", str(log), "--token", token, "--username", USERNAME,
            cwd=_ROOT, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), _START)
        if not line:
            raise RuntimeError("the fake Bot API server did not start")
        return cls(process, int(line), log, token)

    async def stop(self) -> None:
        """End the process; safe to call twice."""
        await self._session.close()
        if self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def control(self, action: str, **arguments: Any) -> dict[str, Any]:
        """One action of `tests.fakes.botapi.control`; `AssertionError` if it is not possible."""
        async with self._session.post(f"{self.url}/control/{action}", json=arguments) as answer:
            body: dict[str, Any] = await answer.json()
            assert answer.status == 200, body.get("error", answer.status)
            return body

    async def call(
        self, method: str, *, token: str | None = None, **parameters: Any
    ) -> tuple[int, dict[str, Any]]:
        """A plain HTTP call of the Bot API with JSON: status and body."""
        url = f"{self.url}/bot{token or self.token}/{method}"
        async with self._session.post(url, json=parameters) as answer:
            return answer.status, await answer.json()

    async def download(self, path: str) -> bytes:
        """The file at the `file_path` that getFile gave."""
        async with self._session.get(f"{self.url}/file/bot{self.token}/{path}") as answer:
            return await answer.read()

    async def person(
        self, name: str, *, language: str = "", last_name: str = "", started: bool = True
    ) -> TelegramPerson:
        """An account; `started`: it has opened the bot's chat, so that the bot may write."""
        made = await self.control(
            "person", name=name, language=language, last_name=last_name, started=started
        )
        return TelegramPerson(self, made["id"], name)

    async def chat(self, title: str, *, type: str = "group", bot: str = "member") -> TelegramChat:
        """A `group`, `supergroup` or `channel`; `bot` is our status there ("left": none)."""
        made = await self.control("chat", type=type, title=title, bot=bot)
        return TelegramChat(self, made["id"])

    async def fault(
        self, kind: str, *, method: str = "", chat: int | None = None, times: int = 1,
        after: bool = False, retry_after: int = 1, new_chat: int = 0,
    ) -> None:  # fmt: skip
        """The next `times` calls fail in one of the ways of `tests.fakes.botapi.faults.Kind`."""
        await self.control(
            "fault", kind=kind, method=method, chat=None if chat is None else str(chat),
            times=times, after=after, retry_after=retry_after, new_chat=new_chat,
        )  # fmt: skip

    async def pending(self) -> int:
        """Updates that no offset has confirmed."""
        count: int = (await self.control("pending"))["count"]
        return count

    async def revoke(self, revoked: bool = True) -> None:
        """Make the token invalid, or valid again."""
        await self.control("revoke", revoked=revoked)

    async def set_clock(self, at: float, speed: float = 0.0) -> None:
        """The `date` of messages is this Unix time, and runs on at `speed` seconds in a real one."""
        await self.control("clock", at=at, speed=speed)

    def truth(self, *events: str) -> list[dict[str, Any]]:
        """The lines of the log, of these events alone if any are given."""
        whole, _, _ = self.log.read_text("utf-8").rpartition("\n")  # the last may still be written
        lines = [json.loads(line) for line in whole.splitlines()]
        return [line for line in lines if not events or line["event"] in events]


class TelegramChat:
    """A chat, seen by those who are in it."""

    def __init__(self, api: BotApi, id: int) -> None:
        self.api = api
        self.id = id

    async def messages(self, *, deleted: bool = False) -> list[Shown]:
        """What can be read there, oldest first; with `deleted`, also what was taken away."""
        answer = await self.api.control("messages", chat=self.id)
        shown = [Shown(sender=m.pop("from"), **m) for m in answer["messages"]]
        return [message for message in shown if deleted or not message.deleted]

    async def texts(self) -> list[str]:
        """The texts of `messages`."""
        return [message.text for message in await self.messages()]


class TelegramPerson(TelegramChat):
    """A person, whose `id` is also that of their private chat with the bot.

    `chat` in what they do is a group's or channel's; None is the private chat.
    """

    def __init__(self, api: BotApi, id: int, name: str) -> None:
        super().__init__(api, id)
        self.name = name

    async def writes(
        self, text: str, *, chat: TelegramChat | None = None, reply_to: int = 0,
        forwarded: bool = False, extra: dict[str, Any] | None = None,
    ) -> int:  # fmt: skip
        """The id of the message written."""
        return int(
            await self._does(
                "writes", "message_id", chat, text=text, reply_to=reply_to, forwarded=forwarded,
                extra=extra,
            )
        )  # fmt: skip

    async def edits(self, message_id: int, text: str, *, chat: TelegramChat | None = None) -> None:
        """Change an earlier text."""
        await self._does("edits", "update_id", chat, message_id=message_id, text=text)

    async def sends(self, what: str, *, caption: str = "", chat: TelegramChat | None = None) -> int:
        """A sticker, photo, location, voice, ...: the id of its message."""
        return int(await self._does("sends", "message_id", chat, what=what, caption=caption))

    async def sends_file(self, content: bytes, name: str, *, caption: str = "") -> int:
        """A document, or what is called photo….jpg as a photo: the id of its message."""
        return int(
            await self._does(
                "sends_file", "message_id", None, name=name, caption=caption,
                content=base64.b64encode(zlib.compress(content)).decode(),
            )
        )  # fmt: skip

    async def presses(
        self, label: str = "", *, data: str = "", message_id: int = 0, forged: bool = False,
        chat: TelegramChat | None = None,
    ) -> str:  # fmt: skip
        """Press the newest button with this label or data (of `message_id` alone, if given).

        `forged` sends `data` that no button has, for `message_id`. The id of the press.
        """
        return str(
            await self._does(
                "presses", "query_id", chat, label=label, data=data, message_id=message_id,
                forged=forged,
            )
        )  # fmt: skip

    async def blocks(self, blocked: bool = True) -> None:
        """Block the bot, or unblock it."""
        await self.api.control("blocks", person=self.id, blocked=blocked)

    async def toasts(self) -> list[str | None]:
        """What was shown after each press; None where nothing came yet."""
        toasts: list[str | None] = (await self.api.control("toasts", person=self.id))["toasts"]
        return toasts

    async def sets_bot(self, chat: TelegramChat, status: str) -> None:
        """Add ("member", "administrator") or remove ("left", "kicked") the bot."""
        await self.api.control("bot_status", person=self.id, chat=chat.id, status=status)

    async def upgrades(self, chat: TelegramChat) -> TelegramChat:
        """Make a supergroup of a group: the new chat."""
        made = await self.api.control("upgrade", person=self.id, chat=chat.id)
        return TelegramChat(self.api, made["id"])

    async def _does(
        self, action: str, answer: str, chat: TelegramChat | None, **arguments: Any
    ) -> Any:
        place = chat.id if chat else 0
        return (await self.api.control(action, person=self.id, chat=place, **arguments))[answer]
