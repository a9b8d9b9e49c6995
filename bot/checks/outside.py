"""What is between us and the platforms, and who watches from outside."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

from bot.checks.asking import Unreached, ask
from bot.checks.findings import Finding, Level
from bot.checks.scene import Scene
from bot.proxies import silence


async def proxies(scene: Scene) -> AsyncIterator[Finding]:
    """Whether each answers as one. Nobody is asked for through it."""
    for name in (*scene.platforms, "watch", "following"):
        proxy = scene.config.proxy_of(name)
        if proxy is None:
            continue
        why = await silence(proxy)
        if why is None:
            yield Finding(Level.OK, f"{name}.proxy", "answers")
        else:
            yield Finding(
                Level.FAILING, f"{name}.proxy", f"{why}: start it, or correct the setting"
            )


async def watch(scene: Scene) -> AsyncIterator[Finding]:
    """Whether the watcher's server answers. Its address is not asked for: that would say "all is well"
    in place of a bot that may be dead, whatever the method (healthchecks.io, "Pinging API")."""
    if scene.config.watch.url is None:
        return  # a weak setting
    parts = urlsplit(scene.config.watch.url.get_secret_value())
    root = urlunsplit(parts._replace(path="/", query="", fragment=""))
    try:
        answered = await ask(root, scene.config.proxy_of("watch"), scene.now)
    except Unreached as error:
        yield Finding(
            Level.FAILING,
            "watch.url",
            f"its server cannot be reached ({error}): correct it, or call whoever runs it",
        )
        return
    if answered.status >= 500:
        yield Finding(Level.WEAK, "watch.url", f"its server is in trouble ({answered.status})")
    else:
        yield Finding(
            Level.OK, "watch.url", "its server answers; whether it knows the address, it says"
        )
