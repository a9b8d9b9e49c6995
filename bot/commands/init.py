"""`acuerpa init`: see `bot.setting_up`."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from types import FrameType
from typing import Annotated
from urllib.parse import quote

import segno
import typer
from rich.console import Console

from bot.commands.groups import created
from bot.commands.logs import no_traces, quiet_logs
from bot.config import ConfigError
from bot.proxies import Proxy
from bot.setting_up import trying
from bot.setting_up.answers import Answers, read
from bot.setting_up.interview import Interview
from bot.setting_up.terminal import NoMoreAnswers, Terminal
from bot.setting_up.trying import Outcome, Tried
from bot.setting_up.writing import CONFIG, KEY, Made, source, write
from storage.database import StorageError
from storage.keys import KeyFileError

BROKEN_OFF = 130
"""Exit status, as shells have it for Ctrl-C."""

QUIET_ZONE = 2
"""Modules of light around a picture: less than the standard's four, and read by every phone tried."""


def init(
    answers: Annotated[
        Path | None,
        typer.Option(help="A file of answers, in place of questions: docs/en/setting-up.md."),
    ] = None,
    folder: Annotated[Path, typer.Option(help="Where the files go; it is asked for too.")] = Path(),
) -> None:
    """Set the bot up: ask, try, write the configuration and the keys, invite who coordinates first."""
    quiet_logs()
    no_traces()
    at, made = Terminal(Console(highlight=False)), Made()
    try:
        with _interrupted():
            _set_up(at, made, answers, folder)
    except KeyboardInterrupt:
        made.undo()
        at.line()
        at.bad("setup.stopped")
        raise typer.Exit(BROKEN_OFF) from None
    except NoMoreAnswers:
        made.undo()
        _end("init: there are no more answers, and questions are left: nothing was written")
    except (ConfigError, StorageError, KeyFileError) as error:
        made.undo()
        _end(str(error))
    except BaseException:
        made.undo()
        raise


@contextmanager
def _interrupted() -> Iterator[None]:
    """A terminal that goes away, and whoever ends us, are Ctrl-C."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {ends: signal.signal(ends, interrupt) for ends in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for ends, handler in before.items():
            signal.signal(ends, handler)


def _end(why: str) -> None:
    typer.echo(f"acuerpa: {why}", err=True)
    raise typer.Exit(1) from None


def _set_up(at: Terminal, made: Made, file: Path | None, folder: Path) -> None:
    if file is not None:
        given = read(file)
        at.speak(given.language)
        bot_name = _works(given) if given.try_it else ""
    else:
        interview = Interview(at, folder, os.environ)
        given = interview.answers()
        bot_name = interview.bot_name
        at.say("setup.summary", folder=str(given.folder))
        if not at.yes("setup.sure", default=True):
            at.bad("setup.stopped")
            raise typer.Exit(1)
    secret = asyncio.run(_made(at, made, given))
    made.keep()
    if secret:
        _invite(at, given, bot_name, secret)
    at.line()
    end = "setup.next" if given.keys is None else "setup.next.passphrase"
    at.say(end, config=str(given.folder.absolute() / CONFIG), file=KEY)


async def _made(at: Terminal, made: Made, given: Answers) -> str:
    """The secret of the first invitation, "" without one."""
    with at.busy("setup.writing"):
        config = await write(given, made, lambda name: at.good("setup.wrote", name=name))
        if not given.group:
            return ""
        secret = await created(config, source(given, config), given.group)
    at.good("setup.group.made", name=given.group)
    return secret


def _works(given: Answers) -> str:
    """What the bot is called on Telegram. Raises `ConfigError` where something does not work."""
    proxy = Proxy.read(given.proxy.get_secret_value()) if given.proxy else None
    name = ""
    if given.telegram is not None:
        token, base_url = given.telegram.token.get_secret_value(), given.telegram.base_url
        through = proxy.apart("telegram") if proxy else None
        name = _sure(asyncio.run(trying.telegram(token, base_url, through)))
    if given.matrix is not None:
        through = proxy.apart("matrix") if proxy else None
        password = given.matrix.password.get_secret_value()
        where = given.matrix.homeserver, given.matrix.user_id
        _sure(asyncio.run(trying.matrix(*where, password, through)))
    return name


def _sure(tried: Tried) -> str:
    match tried.outcome:
        case Outcome.WORKS:
            return tried.name
        case Outcome.UNREACHED:
            raise ConfigError(f"{tried.why}; with try_it = false it is not tried")
        case Outcome.IN_USE:
            raise ConfigError(
                "matrix.user_id: the account has keys of somebody's app, which the bot could not use: "
                "take a new account, of the bot's own"
            )
    raise ConfigError(tried.why)


# --- the invitation -----------------------------------------------------------------------------


def _invite(at: Terminal, given: Answers, bot_name: str, secret: str) -> None:
    from bot.platforms.telegram.platform import deep_link

    at.line()
    link = deep_link(bot_name, secret)
    if link is not None:
        at.say("setup.invitation", group=given.group)
        _picture(at, link)
        at.line(link, "bold")
    elif given.matrix is not None:
        at.say("setup.invitation.matrix", group=given.group, name=given.matrix.user_id)
        link = f"https://matrix.to/#/{quote(given.matrix.user_id, safe='@:')}"
        _picture(at, link)
        at.line(link, "bold")
    else:
        at.say("setup.invitation.bare", group=given.group)
    at.say("setup.invitation.word")
    at.line(secret, "bold")


def _picture(at: Terminal, content: str) -> None:
    """A QR code of half blocks, where there is a screen to hold a phone in front of."""
    if not at.is_one:
        return
    out = StringIO()
    segno.make(content, error="l", micro=False).terminal(out, border=QUIET_ZONE, compact=True)
    for line in out.getvalue().splitlines():
        at.line(line, "bright_white on black")
