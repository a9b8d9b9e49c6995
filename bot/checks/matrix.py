"""The account on Matrix, as its homeserver sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from bot.checks.findings import Finding, Level
from bot.checks.scene import Scene
from bot.config import MatrixSection
from bot.platforms.base import PlatformError
from storage.inspecting import FactsAsTheyAre

if TYPE_CHECKING:  # a bot on Telegram alone needs nothing of Matrix
    from bot.platforms.matrix.rate import Rate
    from bot.platforms.matrix.session import Account
    from bot.platforms.matrix.standing import Standing

ENDED = (
    "the homeserver ended the bot's session: start the bot, which logs in with matrix.password; if it "
    "was not you who ended it, somebody has the account"
)
SHUT_OUT = "is not set: if the session ends, the bot cannot log in again"
NEEDED_FIRST = "is not set: the bot's first start needs it"
NO_STORE = (
    "the device's keys are not there: bring the folder back; without it the bot is a new device at its "
    "next start"
)
UNSIGNED = (
    "people's apps may hide what the bot writes, since the server does not give its keys with their "
    "signature: restart the bot, which publishes them; if it stays so, read its log"
)


async def look(scene: Scene) -> AsyncIterator[Finding]:
    """With the bot's own session where it has one: a device of ours would be one more for everybody."""
    section = scene.config.matrix
    if section is None:
        return
    from bot.platforms.matrix import standing
    from bot.platforms.matrix.session import Account
    from bot.platforms.matrix.standing import Session

    account = Account(
        homeserver=section.homeserver,
        user_id=section.user_id,
        store_path=section.store,
        pickle_key="00" * 32,  # nothing is opened
        password=section.password.get_secret_value() if section.password else None,
        proxy=scene.config.proxy_of("matrix"),
    )
    try:
        stands = await standing.look(account, scene.facts)
    except PlatformError as error:
        yield _said(error, Level.FAILING)
        return
    if scene.facts is None:
        words = "the server answers; the bot's session is sealed, and was not looked at"
        yield Finding(Level.SKIPPED, "matrix.user_id", words)
    elif stands.session is Session.NONE:
        yield _first_start(section)
    elif stands.session is Session.ENDED:
        yield Finding(Level.WEAK if section.password else Level.FAILING, "matrix.user_id", ENDED)
    else:
        yield Finding(Level.OK, "matrix.user_id", "the bot's session is valid")
        if section.password is None:
            yield Finding(Level.WEAK, "matrix.password_file", SHUT_OUT)
        yield _keys(stands)
        yield await _limits(scene, section, account, scene.facts)


def _first_start(section: MatrixSection) -> Finding:
    if section.password is None:
        return Finding(Level.FAILING, "matrix.password_file", NEEDED_FIRST)
    words = "is the account's; the bot makes and publishes its keys at its first start"
    return Finding(Level.OK, "matrix.password_file", words)


def _keys(stands: Standing) -> Finding:
    if not stands.store:
        return Finding(Level.FAILING, "matrix.store", NO_STORE)
    if not (stands.identity and stands.signed):
        return Finding(Level.FAILING, "matrix.store", UNSIGNED)
    words = "the bot's keys are published, and have signed its device"
    return Finding(Level.OK, "matrix.store", words)


async def _limits(
    scene: Scene, section: MatrixSection, account: Account, facts: FactsAsTheyAre
) -> Finding:
    if not scene.measure:
        words = f"is {section.per_second:g}; what the server allows is measured with --measure"
        return Finding(Level.SKIPPED, "matrix.per_second", words)
    from bot.platforms.matrix.rate import measured

    try:
        return _rate(section, await measured(account, facts))
    except PlatformError as error:
        return _said(error, Level.UNKNOWN)


def _rate(section: MatrixSection, rate: Rate) -> Finding:
    if rate.per_second is None:
        words = f"{rate.at_once} messages at once met no limit"
        return Finding(Level.OK, "matrix.per_second", words)
    words = f"the server allows {rate.at_once} messages at once, and then {rate.per_second:.2g} a second"
    if rate.per_second >= section.per_second:
        return Finding(Level.OK, "matrix.per_second", words)
    remedy = "have the account exempted (docs/en/setting-up.md), or set it lower"
    words = f"{words}, and it is {section.per_second:g}: {remedy}"
    return Finding(Level.WEAK, "matrix.per_second", words)


def _said(error: PlatformError, level: Level) -> Finding:
    """An error whose line begins with the setting's name."""
    subject, _, words = str(error).partition(": ")
    return Finding(level, subject, words)
