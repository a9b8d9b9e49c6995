"""Telegram, through the Bot API of telegram.org or of a server of one's own."""

from bot.platforms.telegram.platform import TelegramPlatform

__all__ = ["TelegramPlatform"]
