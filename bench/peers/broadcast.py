"""python-telegram-bot with its own limit of the rate: `python -m bench.peers.broadcast URL RATE`.

Who writes "/difundir CHATS" has one message sent to each of so many chats; who writes "/auxilio" is
answered, and the chat with the next number hears of it. All of it waits in one queue, as a program has
it that gives its messages to the limiter of the library (aiolimiter).
"""

from __future__ import annotations

import asyncio
import sys

from telegram import Update
from telegram.ext import (
    AIORateLimiter,
    Application,
    ApplicationBuilder,
    ContextTypes,
    MessageHandler,
    filters,
)

from bench.installation import FIRST_CHAT
from bench.processes import TOKEN

AT_ONCE = 100
"""Messages under way at the same time, as many as ours has at a thousand a second. With all of them the
library is busy for minutes with looking for connections."""

TEXT = "El 23 de noviembre dos camionetas siguieron a una compañera."

_going: set[asyncio.Task[None]] = set()


async def read(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """One of the two commands."""
    assert update.message is not None
    command, _, count = (update.message.text or "").partition(" ")
    if command == "/difundir":
        going = asyncio.create_task(_broadcast(context, int(count)))
        _going.add(going)
        going.add_done_callback(_going.discard)
    else:
        chat = update.message.chat_id
        await context.bot.send_message(chat + 1, "Dora pide auxilio.")
        await context.bot.send_message(chat, "Avisé a tu red.")


async def _broadcast(context: ContextTypes.DEFAULT_TYPE, count: int) -> None:
    places = asyncio.Semaphore(AT_ONCE)

    async def send(chat: int) -> None:
        async with places:
            await context.bot.send_message(chat, TEXT)

    await asyncio.gather(*(send(FIRST_CHAT + n) for n in range(count)))


def main() -> None:
    """Run until stopped."""
    limiter = AIORateLimiter(overall_max_rate=float(sys.argv[2]), overall_time_period=1, max_retries=3)
    app: Application = (  # type: ignore[type-arg]
        ApplicationBuilder()
        .token(TOKEN)
        .base_url(f"{sys.argv[1]}/bot")
        .rate_limiter(limiter)
        .concurrent_updates(True)
        .pool_timeout(600)
        .build()
    )
    app.add_handler(MessageHandler(filters.TEXT, read))
    app.run_polling()


if __name__ == "__main__":
    main()
