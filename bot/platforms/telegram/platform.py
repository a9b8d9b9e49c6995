"""The Bot API as a `Platform`.

Polls by itself: the library's own Updater confirms updates once they are in memory, and a crash
would lose them. Its rate limiter is not used either: lanes and limits are the engine's.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from telegram import Bot, BotCommand, BotCommandScopeAllPrivateChats
from telegram.error import Conflict, InvalidToken, TelegramError

from bot.domain.rich import Rich
from bot.platforms.base import (
    Attachment,
    Batch,
    Button,
    ChatKind,
    Command,
    FileTooLarge,
    Incoming,
    Limits,
    Operation,
    Outgoing,
    PlatformError,
    PlatformName,
    RawEvent,
    Receipt,
    Result,
)
from bot.platforms.telegram import parse
from bot.platforms.telegram.chats import parted
from bot.platforms.telegram.entities import TEXT_LIMIT, to_entities, units
from bot.platforms.telegram.outcome import receipt_of
from bot.platforms.telegram.parts import Part, parts_of
from bot.platforms.telegram.transport import (
    PLACEHOLDER,
    File,
    NoAnswer,
    Requests,
    Secret,
    TooLong,
)
from bot.proxies import Proxy

_SERVER = "https://api.telegram.org"
_LONGEST_WAIT = 50
"""Seconds; the server's own limit for a long poll."""
_POLL_SLACK = 10.0
"""Seconds that an answer to a poll may be late; the server itself may hold a repeated one for 3."""
_TRICKLE = 2.0
"""Seconds that a whole answer may take beyond the time-out for its next byte: a server that answers
byte by byte would never time out."""
_SPARE = 3
"""Connections for each concurrent request: one whose answer does not come keeps its own
(`bot.engine.outbox.MOST_PLACES`)."""
_TOAST_LIMIT = 200
"""Characters (https://core.telegram.org/bots/api#answercallbackquery)."""
_REMEMBERED = 1000
"""Messages whose first parts have left and whose others have not, at most."""
_TOKEN = re.compile(r"\d+:[\w-]+", re.ASCII)
_DEEP_LINK = re.compile(r"[\w-]{1,64}", re.ASCII)
"""What may follow `start=` (https://core.telegram.org/bots/features#deep-linking)."""


_NO_PREVIEW = {"is_disabled": True}
_POLL_CONNECTIONS = 16
_MOST_UPDATES = 100
"""How many one answer to a poll holds (https://core.telegram.org/bots/api#getupdates)."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How the account stands: its name; whether it is given all that is written in its groups; whether
    a webhook takes the updates; how many wait."""

    username: str
    reads_groups: bool
    webhook: bool
    waiting: int


class TelegramPlatform:
    """Telegram for the engine.

    Args:
        token: The bot's token from BotFather. It is put into URLs below the library, and is in no
            log, exception, `repr` or receipt.
        base_url: The root of a Bot API server of one's own; None is Telegram's.
        proxy: What all requests go through; None is a direct connection.
        now: The clock, for presses, which carry no time of their own (`parse.SINCE`).
        permit: Asked right before a request is written; it raises if this process may not act.
        connect_timeout: Seconds for a connection to be made.
        read_timeout: Seconds for the answer to anything but a poll.
    """

    name = PlatformName.TELEGRAM
    # https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this: one message a
    # second in a chat, 20 a minute in a group, about 30 a second in all, of which we leave some.
    # More than 8 requests at once made it slower, not faster.
    idempotent = False  # the Bot API has no key by which a second attempt would be known
    many_senders = True  # each request stands alone
    limits = Limits(per_second=25, per_chat=1, per_group=0.33, concurrency=8)

    def __init__(
        self,
        *,
        token: str,
        base_url: str | None = None,
        proxy: Proxy | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        permit: Callable[[], None] = lambda: None,
        connect_timeout: float = 5.0,
        read_timeout: float = 20.0,
    ) -> None:
        self._token = Secret(token)
        self._server = (base_url or _SERVER).rstrip("/")
        self._proxy = proxy
        self._now = now
        self._permit = permit
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._bot: Bot | None = None
        self._poll: Requests | None = None
        self._sends: Requests | None = None
        self._username = ""
        self._all_until: datetime | None = None
        self._progress: OrderedDict[str, list[int]] = OrderedDict()

    async def start(self) -> None:
        """Ask the server who we are, and remove a webhook, with which there are no polls.

        Updates that wait are kept. Raises `PlatformError`, final if the token is refused.
        """
        bot = await self._open()
        try:
            await bot.delete_webhook(drop_pending_updates=False)
        except TelegramError as error:
            await self.stop()
            raise self._error(error) from None
        except BaseException:
            await self.stop()
            raise
        self._username = bot.username

    async def look(self) -> Standing:
        """How the account stands. Nothing is changed, and no update is confirmed.

        Raises `PlatformError`, final if the token is refused. Not for a platform that was started.
        """
        bot = await self._open()
        try:
            webhook = await bot.get_webhook_info()
            return Standing(
                username=bot.username,
                reads_groups=bool(bot.bot.can_read_all_group_messages),
                webhook=bool(webhook.url),
                waiting=webhook.pending_update_count,
            )
        except TelegramError as error:
            raise self._error(error) from None
        finally:
            await self.stop()

    async def writers(self) -> dict[str, str]:
        """Who wrote to the bot in private and waits for an answer: names by account.

        No update is confirmed: the bot gets them all when it starts. Raises `PlatformError`. Not for a
        platform that was started.
        """
        await self._open()
        try:
            events = (await self.receive(None, 0.0)).events
        finally:
            await self.stop()
        found = {}
        for event in events:
            try:
                incoming = self.parse(event)
            except (KeyError, TypeError, ValueError):
                continue
            if incoming is not None and incoming.chat_kind is ChatKind.PRIVATE:
                found[incoming.account] = incoming.display_name
        return found

    async def _open(self) -> Bot:
        """Ask the server who we are."""
        await self.stop()
        if not _TOKEN.fullmatch(self._token.reveal()):
            raise _token_refused("is not a token")
        # More than one connection: after a poll that was cancelled in an unlucky moment, the pool
        # holds its place for seconds, and the next poll must not wait for it.
        poll = self._request(connections=_POLL_CONNECTIONS)
        sends = self._request(connections=_SPARE * self.limits.concurrency)
        bot = Bot(
            PLACEHOLDER,
            base_url=f"{self._server}/bot",
            base_file_url=f"{self._server}/file/bot",
            request=sends,
            get_updates_request=poll,
        )
        self._bot, self._poll, self._sends = bot, poll, sends
        try:
            await bot.initialize()
        except TelegramError as error:
            await self.stop()
            raise self._error(error) from None
        except BaseException:
            await self.stop()
            raise
        return bot

    async def receive(self, cursor: str | None, wait: float) -> Batch:
        """Updates from `cursor` on, which confirms those before it; see `Platform.receive`.

        `cursor` is the next update id to ask for; None asks for all that nobody confirmed.
        """
        bot, poll = self._running()
        asked = self._now()
        seconds = min(math.ceil(wait), _LONGEST_WAIT)
        query: dict[str, str | int] = {
            "timeout": seconds,
            "allowed_updates": '["' + '","'.join(parse.ALLOWED_UPDATES) + '"]',
        }
        if cursor is not None:
            query["offset"] = int(cursor)
        try:
            # Not `Bot.get_updates`: it makes objects of all updates and raises if one of them is
            # unlike what this version of the library expects, so that a single odd update would
            # stop the bot; and what is stored should be what came.
            async with asyncio.timeout(seconds + _POLL_SLACK + _TRICKLE):
                updates: Any = await poll.post(
                    f"{bot.base_url}/getUpdates?{urlencode(query)}",
                    read_timeout=seconds + _POLL_SLACK,
                )
        except TelegramError as error:
            raise self._error(error) from None
        except TimeoutError:
            raise PlatformError("Telegram: its answer to a poll does not end") from None
        received = self._now().isoformat()
        if not _numbered(updates):
            raise PlatformError("Telegram: its answer to a poll was not understood; it is asked again")
        when = {parse.RECEIVED: received}
        if self._all_until is not None:
            when[parse.SINCE] = self._all_until.isoformat()
        events = tuple(
            RawEvent(
                event_id=str(update["update_id"]),
                chat=parse.chat_of(update),
                raw={**update, **when},
            )
            for update in updates
        )
        if len(updates) < _MOST_UPDATES:
            self._all_until = asked
        # "0" asks for all that was not confirmed, as None does.
        following = str(int(events[-1].event_id) + 1) if events else cursor or "0"
        return Batch(events, following)

    def parse(self, event: RawEvent) -> Incoming | None:
        """See `bot.platforms.telegram.parse.parse`."""
        return parse.parse(event)

    async def send(self, message: Outgoing) -> Receipt:
        """Try once; see `Platform.send`.

        A text that is too long for one message leaves in parts, files each in a message of their
        own. If one of them fails, the receipt is that failure, and the next attempt with the same
        `key` goes on from there; only a restart in between repeats parts. The receipt names the
        message that bears the buttons, or else the last part of the text.
        """
        try:
            receipt = await self._attempt(message)
        except Exception as error:
            receipt = receipt_of(error)
        return replace(receipt, reason=self._token.scrub(receipt.reason))

    async def fetch(self, ref: Mapping[str, Any], limit: int) -> bytes:
        """The content of a photo or a document, read no further than `limit`; see `Platform.fetch`.

        Telegram gives bots files of up to 20 MB (https://core.telegram.org/bots/api#getfile).
        """
        bot, poll = self._running()
        try:
            file = await bot.get_file(str(ref["file_id"]))
        except TelegramError as error:
            if "file is too big" in str(error).lower():
                raise FileTooLarge from None
            receipt = receipt_of(error)
            if receipt.result in (Result.REJECTED, Result.GONE):
                raise PlatformError("Telegram: a file is not there any more", final=True) from None
            raise self._error(error) from None
        if file.file_path is None:
            raise PlatformError("Telegram: a file is not there any more", final=True)
        try:
            status, content = await poll.download(file.file_path, limit)
        except TooLong:
            raise FileTooLarge from None
        except NoAnswer as error:
            raise PlatformError(f"Telegram: fetching a file failed ({error.why})") from None
        if status != 200:
            raise PlatformError(f"Telegram: fetching a file failed ({status})")
        return content

    async def publish_commands(self, commands: Mapping[str, tuple[Command, ...]]) -> None:
        """Set the menu of private chats in each language. Raises `PlatformError`."""
        bot, _ = self._running()
        try:
            for language, entries in commands.items():
                if len(language) > 2:
                    continue  # Bot API, setMyCommands: "a two-letter ISO 639-1 language code"
                await bot.set_my_commands(
                    [BotCommand(entry.name, entry.summary) for entry in entries],
                    scope=BotCommandScopeAllPrivateChats(),
                    language_code=language or None,
                )
        except TelegramError as error:
            raise self._error(error) from None

    def messages_of(self, text: Rich, files: int) -> int:
        """The text, cut where it is too long, and the files, the first of which may bear it."""
        some = tuple(Attachment("", "", b"") for _ in range(files))
        return len(parts_of(Outgoing("", "", Operation.SEND, text, attachments=some)))

    def invitation_link(self, secret: str) -> str | None:
        """A deep link; None before the first start, or if `secret` may not be in a link.

        Links are of t.me also with a server of one's own: they are opened by people's apps.
        """
        return deep_link(self._username, secret)

    async def sign_off(self) -> None:
        """The server forgets the bot for ten minutes; only BotFather can make the token void.

        Source: Bot API, logOut. Raises `PlatformError`.
        """
        bot, _ = self._running()
        try:
            await bot.log_out()
        except TelegramError as error:
            raise self._error(error) from None

    async def stop(self) -> None:
        """Close the connections; safe to call twice."""
        bot, self._bot, self._poll, self._sends = self._bot, None, None, None
        if bot is not None:
            await bot.shutdown()

    def _request(self, *, connections: int) -> Requests:
        return Requests(
            self._token,
            connections=connections,
            connect=self._connect_timeout,
            read=self._read_timeout,
            proxy=self._proxy,
            permit=self._permit,
        )

    def _running(self) -> tuple[Bot, Requests]:
        if self._bot is None or self._poll is None:
            raise PlatformError("Telegram: not started")
        return self._bot, self._poll

    async def _attempt(self, message: Outgoing) -> Receipt:
        if self._sends is None:
            return Receipt(Result.UNREACHABLE, reason="not started")
        if message.operation is Operation.SEND:
            return await self._send_parts(self._sends, message)
        if message.operation is Operation.TOAST:
            words = message.text.plain
            short = words if len(words) <= _TOAST_LIMIT else words[: _TOAST_LIMIT - 1] + "…"
            query = {"callback_query_id": message.target, "text": short or None}
            await self._call(self._sends, "answerCallbackQuery", query)
            return Receipt(Result.SENT)
        if message.operation is Operation.DECIDE or not message.target.isdecimal():
            return Receipt(Result.GONE, reason="the message id is not one of Telegram's")
        about = {"chat_id": parted(message.chat)[0], "message_id": int(message.target)}
        if message.operation is Operation.DELETE:
            await self._call(self._sends, "deleteMessage", about)
            return Receipt(Result.SENT, message_id=message.target)
        if message.operation is Operation.PIN:
            # In a private chat a bot needs no right to it (Bot API, pinChatMessage).
            await self._call(
                self._sends, "pinChatMessage", {**about, "disable_notification": True}
            )
            return Receipt(Result.SENT, message_id=message.target)
        return await self._edit(self._sends, message, about)

    async def _call(
        self,
        requests: Requests,
        method: str,
        values: Mapping[str, Any],
        files: Mapping[str, File] | None = None,
    ) -> Any:
        """One method, without the library's objects: see `Parameters`."""
        return await requests.call(f"{self._server}/bot{PLACEHOLDER}/{method}", values, files)

    async def _edit(
        self, requests: Requests, message: Outgoing, about: Mapping[str, Any]
    ) -> Receipt:
        text, entities = to_entities(message.text)
        if units(text) > TEXT_LIMIT:
            return Receipt(Result.REJECTED, reason="an edited message cannot be split")
        try:
            await self._call(
                requests,
                "editMessageText",
                {
                    **about, "text": text, "entities": entities,
                    "reply_markup": _keyboard(message.buttons),
                    "link_preview_options": _NO_PREVIEW,
                },
            )  # fmt: skip
        except TelegramError as error:
            receipt = receipt_of(error)
            if receipt.result is not Result.SENT:
                return receipt
        return Receipt(Result.SENT, message_id=message.target)

    async def _send_parts(self, requests: Requests, message: Outgoing) -> Receipt:
        parts = parts_of(message)
        done = self._progress.pop(message.key, [])
        for part in parts[len(done) :]:
            files = 1 if part.attachment is None else 3
            limit = self._connect_timeout + files * self._read_timeout + _TRICKLE
            try:
                async with asyncio.timeout(limit):
                    done.append(await self._send_part(requests, message, part))
            except Exception as error:
                # Those that cannot succeed later are forgotten.
                receipt = receipt_of(error)
                if done and receipt.result not in (Result.BLOCKED, Result.REJECTED):
                    self._remember(message.key, done)
                return receipt
            except BaseException:
                self._remember(message.key, done)
                raise
        named = next(number for part, number in zip(parts, done, strict=True) if part.named)
        return Receipt(Result.SENT, message_id=str(named))

    def _remember(self, key: str, done: list[int]) -> None:
        self._progress[key] = done
        if len(self._progress) > _REMEMBERED:
            self._progress.popitem(last=False)

    async def _send_part(self, requests: Requests, message: Outgoing, part: Part) -> int:
        """Send one part; the id of its message."""
        text, entities = to_entities(part.text)
        chat, thread = parted(message.chat)
        to: dict[str, Any] = {
            "chat_id": chat,
            "message_thread_id": thread,
            "disable_notification": message.silent or None,
            "reply_parameters": _answers(message) if part.first else None,
        }
        if part.attachment is None:
            to |= {
                "text": text, "entities": entities or None,
                "reply_markup": _keyboard(part.buttons), "link_preview_options": _NO_PREVIEW,
            }  # fmt: skip
            return _number(await self._call(requests, "sendMessage", to))
        to |= {"caption": text or None, "caption_entities": entities or None}
        file = (part.attachment.name, part.attachment.content, part.attachment.mime)
        if part.as_photo:
            try:
                return _number(await self._call(requests, "sendPhoto", to, {"photo": file}))
            except TelegramError as error:
                # A picture that Telegram cannot process (its sides too long, damaged) is still a
                # file that people can open.
                if receipt_of(error).result is not Result.REJECTED:
                    raise
        to["disable_content_type_detection"] = True
        return _number(await self._call(requests, "sendDocument", to, {"document": file}))

    def _error(self, error: TelegramError) -> PlatformError:
        """One line for the operator. Raised `from None`, so that no request is shown with it."""
        if isinstance(error, InvalidToken):
            return _token_refused("was refused")
        if isinstance(error, Conflict):
            return PlatformError(
                "Telegram: another process polls this bot: stop it, or if none of yours does, "
                "someone else has the token: revoke it with BotFather",
                conflict=True,
            )
        receipt = receipt_of(error)
        words = self._token.scrub(receipt.reason)
        if receipt.result is Result.LIMITED:
            words += f", to be tried again in {receipt.retry_after:.0f} s"
        return PlatformError(f"Telegram: {receipt.result.value}: {words}")


def deep_link(username: str, secret: str) -> str | None:
    """What opens the bot's chat and says the secret there; None if it may not be in a link."""
    if not username or not _DEEP_LINK.fullmatch(secret):
        return None
    return f"https://t.me/{username}?start={secret}"


def _numbered(updates: Any) -> bool:
    """Whether it is a list of updates with their numbers, which is all that storing them needs."""
    return isinstance(updates, list) and all(
        isinstance(update, dict) and isinstance(update.get("update_id"), int) for update in updates
    )


def _token_refused(what: str) -> PlatformError:
    return PlatformError(
        f"telegram.token {what}: get the token of this bot from BotFather (/mybots, API Token), "
        "or a new one if it was revoked",
        final=True,
    )


def _number(message: Any) -> int:
    """The id of a message that was sent. Raises `TelegramError` if the answer is none."""
    number = message.get("message_id") if isinstance(message, dict) else None
    if not isinstance(number, int):
        raise TelegramError("Invalid server response")
    return number


def _answers(message: Outgoing) -> dict[str, Any] | None:
    """The message that this one answers to; sent all the same where that one is gone."""
    if not message.target.isdecimal():
        return None
    return {"message_id": int(message.target), "allow_sending_without_reply": True}


def _keyboard(rows: tuple[tuple[Button, ...], ...]) -> dict[str, Any] | None:
    if not rows:
        return None
    return {
        "inline_keyboard": [
            [{"text": button.label, "callback_data": button.data} for button in row] for row in rows
        ]
    }
