"""Start the server; prints its port on one line when it is ready."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from aiohttp import web

from tests.fakes.botapi.log import Log
from tests.fakes.botapi.server import make_app
from tests.fakes.botapi.state import World


async def _serve(port: int, log: Path, token: str, username: str) -> None:
    world = World(token=token, username=username, log=Log(log))
    # Cancelled handlers: a poll whose client is gone must not wait on.
    runner = web.AppRunner(make_app(world), handler_cancellation=True, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, shutdown_timeout=0.1)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """Read the arguments and serve until killed."""
    parser = argparse.ArgumentParser(prog="tests.fakes.botapi", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--log", type=Path, required=True, help="where the truth is written")
    parser.add_argument("--token", default="123456:test-token")
    parser.add_argument("--username", default="acuerpa_test_bot")
    args = parser.parse_args()
    asyncio.run(_serve(args.port, args.log, args.token, args.username))


if __name__ == "__main__":
    main()
