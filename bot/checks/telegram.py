"""The account on Telegram, as its server sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator

from bot.checks.findings import Finding, Level
from bot.checks.scene import Scene
from bot.platforms.base import PlatformError

ALLOWED = 30
"""Messages a second that Telegram allows to a bot (https://core.telegram.org/bots/faq)."""

WEBHOOK = (
    "somebody set a webhook, so that nothing arrives here: restart the bot, which removes it; if it was "
    "none of yours, revoke the token with BotFather"
)
READS_GROUPS = (  # https://core.telegram.org/bots/features#privacy-mode
    "the bot is given all that is written in its groups, and needs none of it: BotFather, /setprivacy, "
    "Enable"
)

MANY_WAIT = 100
"""Updates that nobody fetched: more than come while a bot restarts."""


async def look(scene: Scene) -> AsyncIterator[Finding]:
    """No updates are fetched, and none confirmed."""
    section = scene.config.telegram
    if section is None:
        return
    from bot.platforms.telegram.platform import TelegramPlatform

    platform = TelegramPlatform(
        token=section.token.get_secret_value(),
        base_url=section.base_url,
        proxy=scene.config.proxy_of("telegram"),
        connect_timeout=30.0,
    )
    try:
        stands = await platform.look()
    except PlatformError as error:
        subject, _, words = str(error).partition(": ")
        if error.final:
            yield Finding(Level.FAILING, "telegram.token", f"{subject.partition(' ')[2]}: {words}")
        else:
            way = "" if section.proxy is None else ", telegram.proxy"
            remedy = f"look at the network{way} and telegram.base_url"
            yield Finding(Level.FAILING, "telegram", f"cannot be reached ({words}): {remedy}")
        return
    yield Finding(Level.OK, "telegram.token", f"is the one of @{stands.username}")
    if stands.webhook:
        yield Finding(Level.FAILING, "telegram.token", WEBHOOK)
    if stands.reads_groups:
        yield Finding(Level.WEAK, "telegram.token", READS_GROUPS)
    if stands.waiting > MANY_WAIT:
        words = f"{stands.waiting} updates wait to be fetched: does the bot run?"
        yield Finding(Level.WEAK, "telegram", words)
    words = f"is {section.per_second:g}; Telegram allows a bot about {ALLOWED}"
    if section.base_url is None and section.per_second > ALLOWED:
        yield Finding(
            Level.WEAK, "telegram.per_second", f"{words}, and would halt it: set it lower"
        )
    else:
        yield Finding(Level.OK, "telegram.per_second", words)
