"""What the bot says: one catalogue per language, and how a text of it is filled in."""

from bot.texts.catalogue import Texts, available
from bot.texts.values import Key

__all__ = ["Key", "Texts", "available"]
