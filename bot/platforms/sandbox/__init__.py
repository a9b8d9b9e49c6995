"""The sandbox: a town in memory with people, chats and a page, behind the real engine."""

from bot.platforms.sandbox.control import ClockControl, Milestone
from bot.platforms.sandbox.platform import SandboxPlatform
from bot.platforms.sandbox.town import Town
from bot.platforms.sandbox.web import sandbox_app

__all__ = ["ClockControl", "Milestone", "SandboxPlatform", "Town", "sandbox_app"]
