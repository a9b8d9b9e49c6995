"""python-telegram-bot as its first example has it: what somebody writes is answered at once.

Nothing is kept. `python -m bench.peers.echo URL`.
"""

from __future__ import annotations

import sys

from telegram import Update
from telegram.ext import Application, ApplicationBuilder, ContextTypes, MessageHandler, filters

from bench.processes import TOKEN

ANSWER = "Gracias. Anotado a las 09:00."


async def answer(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """One message for one message."""
    assert update.message is not None
    await update.message.reply_text(ANSWER)


def main() -> None:
    """Run until stopped."""
    app: Application = (  # type: ignore[type-arg]
        ApplicationBuilder().token(TOKEN).base_url(f"{sys.argv[1]}/bot").build()
    )
    app.add_handler(MessageHandler(filters.TEXT, answer))
    app.run_polling()


if __name__ == "__main__":
    main()
