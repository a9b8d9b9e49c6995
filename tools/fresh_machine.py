"""A new Debian 12, and the operator's page followed by the letter: `make fresh-machine`, as root.

The machine is a folder that debootstrap fills and systemd-nspawn starts (`apt-get install debootstrap
systemd-container`). Each line of the section on systemd of docs/en/operating.md is given to its
shell, one after the other, and must end with 0; what `acuerpa init` asks is answered as a person
would. Telegram is the server of the tests. Then somebody lets themselves be invited, the bot dies,
and is there again.

`--bind PATH` shows a file or folder of this machine to the new one, where its package index needs it.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.botapi import TOKEN, BotApi, TelegramPerson  # noqa: E402

PAGE = ROOT / "docs/en/operating.md"
MIRROR = "http://deb.debian.org/debian"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PATIENCE = 60.0
WEAK = 1
"""The exit status of `acuerpa check` where it runs and nobody watches from outside yet."""
ANSWERS = (
    "es", "", "", "", "",  # language, folder, zone, proxy, Telegram
    TOKEN, "", "1",  # who wrote to the bot, and that is me
    "", "", "1",  # no Matrix, nobody who watches, a key file
    "Red de la Sierra", "",
)  # fmt: skip


def lines() -> list[str]:
    """What the page tells an operator to type."""
    section = PAGE.read_text("utf-8").split("## Under systemd\n")[1].split("| Unit |")[0]
    blocks = re.findall(r"^```\n(.*?)^```", section, re.M | re.S)
    return [line for block in blocks for line in block.splitlines()]


class Machine:
    """One that has started. `say` runs a command in it as root, and fails with what it said."""

    def __init__(self, folder: Path, init: int) -> None:
        self.folder = folder
        self._init = init
        self.at = "/root"

    def run(self, command: str, given: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """In the folder where the last command left us."""
        keep = "; status=$?; pwd > /root/.at; exit $status"
        said = subprocess.run(
            [
                "nsenter", "-t", str(self._init), "-m", "-u", "-i", "-p", "-C", "--", "env", "-i",
                "HOME=/root", "TERM=dumb", f"PATH={PATH}",
                *(f"{name}={value}" for name, value in environment.items()),
                "sh", "-c", f"cd {self.at} && {command}{keep}",
            ],
            input=given, capture_output=True, text=True, timeout=1200,
        )  # fmt: skip
        self.at = (self.folder / "root/.at").read_text("utf-8").strip()
        return said

    def say(self, command: str, given: str = "", *, status: int = 0, **environment: str) -> str:
        """What it wrote, if its status is that one."""
        said = self.run(command, given, **environment)
        if said.returncode != status:
            raise SystemExit(f"{command}: {said.returncode}\n{said.stdout}{said.stderr}")
        return said.stdout


@contextmanager
def machine(binds: list[Path]) -> Iterator[Machine]:
    """A new one, and its end."""
    with tempfile.TemporaryDirectory(prefix="acuerpa-machine-") as name:
        folder = Path(name) / "debian"
        _do("debootstrap", "--variant=minbase", "--include=systemd,systemd-sysv,dbus,ca-certificates",
            "bookworm", str(folder), MIRROR)  # fmt: skip
        shutil.copy("/etc/resolv.conf", folder / "etc/resolv.conf")
        shutil.copytree(ROOT, folder / "srv/acuerpa", ignore=shutil.ignore_patterns(".venv", "site"))
        _do("chroot", str(folder), "passwd", "-d", "root")
        shown = [f"--bind-ro={path}" for path in binds]
        running = subprocess.Popen(
            ["systemd-nspawn", "-q", "-D", str(folder), *shown, "--register=no", "--keep-unit", "-b"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            found = Machine(folder, _child(running.pid))
            until(lambda: "running" in found.run("systemctl is-system-running").stdout)
            yield found
        finally:
            running.terminate()
            try:
                running.wait(30)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


def _do(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _child(pid: int) -> int:
    """The new machine's first process."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    until(lambda: bool(children.read_text("ascii").split()))
    return int(children.read_text("ascii").split()[0])


def until(done: Callable[[], bool]) -> None:
    """Look again and again."""
    end = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > end:
            raise SystemExit("it takes too long")
        time.sleep(0.5)


async def hears(person: TelegramPerson, words: str) -> None:
    """Wait until the bot writes this."""
    async with asyncio.timeout(PATIENCE):
        while not any(words in text for text in await person.texts()):
            await asyncio.sleep(0.3)


async def follow(there: Machine, api: BotApi) -> None:
    """The page, and a person who lets themselves be invited."""
    ana = await api.person("Ana")
    await ana.writes("hola")
    telegram = {"ACUERPA_TELEGRAM__BASE_URL": api.url}
    word = ""
    for line in lines():
        line = line.replace("ADDRESS", "/srv/acuerpa")
        began = time.monotonic()
        if line.endswith("acuerpa init"):
            said = await asyncio.to_thread(there.say, line, "\n".join(ANSWERS) + "\n", **telegram)
            word = re.findall(r"\b[A-Za-z0-9_-]{22,}\b", said)[-1]
        elif line.endswith("acuerpa check"):
            await asyncio.to_thread(there.say, line, status=WEAK)
        else:
            await asyncio.to_thread(there.say, line)
        print(f"{time.monotonic() - began:6.1f} s  {line}", flush=True)
    assert "active (running)" in there.say("systemctl status acuerpa")
    await ana.writes(word)
    await hears(ana, "Red de la Sierra")
    there.say("kill -9 $(systemctl show -P MainPID acuerpa)")
    await asyncio.sleep(1)
    before = len(await ana.texts())
    await ana.writes("1")  # yes, she joins
    async with asyncio.timeout(PATIENCE):
        while len(await ana.texts()) == before:
            await asyncio.sleep(0.3)
    print("the bot answers, and answers again after a kill")


async def main() -> None:
    """Make it, and follow the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bind", type=Path, action="append", default=[], metavar="PATH")
    given = parser.parse_args()
    with machine(given.bind) as there, tempfile.TemporaryDirectory() as name:
        async with await BotApi.start(Path(name)) as api:
            await follow(there, api)


if __name__ == "__main__":
    asyncio.run(main())
