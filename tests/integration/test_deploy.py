"""What an operator installs: units that hold the bot in, an image without secrets.

Each is looked at by a tool that is not ours, and the bot runs under what the unit lets it do.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bot.config import known, load
from tests.support.backups import Installation
from tests.support.botapi import BotApi
from tests.support.serving import Monitor, free_port
from tests.support.stage_bot import base_config, telegram_config

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = DEPLOY / "systemd"
PROGRAM = "/opt/acuerpa/.venv/bin/acuerpa"
HEADER = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")

WORST = {"acuerpa.service": 16, "acuerpa@.service": 16, "acuerpa-rehearse.service": 6}
"""Tenths of what `systemd-analyze security` may count against each."""

systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="there is no systemd here"
)


def put(folder: Path) -> list[Path]:
    """The units as they are installed, but for the program, which is not there."""
    made = []
    for unit in [*UNITS.glob("*.service"), *UNITS.glob("*.timer")]:
        path = folder / unit.name.replace("@.", "@standby.")
        path.write_text(unit.read_text("utf-8").replace(PROGRAM, "/bin/true"), "utf-8")
        made.append(path)
    return made


@systemd
def test_the_units_are_right(tmp_path: Path) -> None:
    units = [str(unit) for unit in put(tmp_path)]
    assert len(units) == 4
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True
    )
    assert (said.returncode, said.stderr) == (0, "")


@systemd
@pytest.mark.parametrize("unit", sorted(WORST))
def test_the_units_hold_the_bot_in(tmp_path: Path, unit: str) -> None:
    put(tmp_path)
    said = subprocess.run(
        [
            "systemd-analyze", "security", "--offline=true", "--no-pager",
            f"--threshold={WORST[unit]}", str(tmp_path / unit.replace("@.", "@standby.")),
        ],
        capture_output=True, text=True,
    )  # fmt: skip
    assert said.returncode == 0, said.stdout[-300:]


def test_a_process_beside_the_bot_is_held_in_as_the_bot_is() -> None:
    def rest(name: str) -> list[str]:
        lines = (UNITS / name).read_text("utf-8").splitlines()
        told = ("#", "Description=", "ExecStart=")
        return [line for line in lines if line and not line.startswith(told)]

    assert rest("acuerpa@.service") == rest("acuerpa.service")
    started = re.findall(r"^ExecStart=(.*)$", (UNITS / "acuerpa@.service").read_text("utf-8"), re.M)
    assert started == [f"{PROGRAM} run --config /var/lib/acuerpa/config.toml --%i"]


def allowed() -> set[str]:
    """The system calls that the unit's own lines allow."""
    found: set[str] = set()
    for line in re.findall(
        r"^SystemCallFilter=(.*)$", (UNITS / "acuerpa.service").read_text("utf-8"), re.M
    ):
        for name in line.removeprefix("~").split():
            found = found - _members(name) if line.startswith("~") else found | _members(name)
    return found


def _members(name: str) -> set[str]:
    if not name.startswith("@"):
        return {name}
    listed = subprocess.run(
        ["systemd-analyze", "syscall-filter", name], check=True, capture_output=True, text=True
    ).stdout.splitlines()[1:]
    inside = [line.strip() for line in listed if line.strip() and not line.strip().startswith("#")]
    return set().union(*map(_members, inside))


UNDER_IT = """
import ctypes, os, sys
library, zero = ctypes.CDLL(None, use_errno=True), ctypes.c_ulong(0)
raw = open(sys.argv[1], "rb").read()
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]
program = Program(len(raw) // 8, raw)
library.prctl(65, ctypes.c_ulong(1), zero, zero, zero)  # no memory is written and executed (Linux 6.3)
assert library.prctl(38, ctypes.c_ulong(1), zero, zero, zero) == 0
assert library.prctl(22, ctypes.c_ulong(2), ctypes.byref(program), zero, zero) == 0
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


def filtered(names: set[str]) -> bytes:
    """A filter as systemd makes it, but that what is not allowed ends the process."""
    numbers = dict(re.findall(r"#define __NR_(\w+)\s+(\d+)", HEADER.read_text("utf-8")))

    def line(code: int, value: int, no: int = 0) -> bytes:
        return struct.pack("=HBBI", code, 0, no, value)

    program = [line(0x20, 0)]
    for name in sorted(names & numbers.keys()):
        program += [line(0x15, int(numbers[name]), no=1), line(0x06, 0x7FFF0000)]
    return b"".join([*program, line(0x06, 0x80000000)])


@systemd
@pytest.mark.skipif(
    not HEADER.exists() or os.uname().machine != "x86_64", reason="no numbers of system calls here"
)
async def test_the_bot_runs_and_backs_up_under_what_the_unit_allows(tmp_path: Path) -> None:
    one = Installation(tmp_path)
    # SQLite asks for this one where it is root, and takes a refusal; the unit's account is not.
    (tmp_path / "filter").write_bytes(filtered(allowed() | {"fchown"}))
    monitor = Monitor(f"127.0.0.1:{free_port()}")
    async with await BotApi.start(tmp_path) as api:
        one.config.write_text(
            base_config(tmp_path) + telegram_config(api)
            + f'[http]\nlisten = "{monitor.where}"\n[watch]\ninterval = 0.5\n'
            + f'[backup]\nfolder = "{one.backups}"\nrecipients = ["{one.public}"]\n',
            encoding="utf-8",
        )  # fmt: skip
        one.config.chmod(0o600)
        soon = "import bot.engine.engine as e; e.LOOK_AT_BACKUPS = 1; from bot.start import main; main()"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", UNDER_IT, str(tmp_path / "filter"),
            "-c", soon, "run", "--config", str(one.config),
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(60):
                while not list(one.backups.glob("acuerpa-*.age")):
                    assert process.returncode is None, (await process.communicate())[1]
                    await asyncio.sleep(0.2)
            assert await monitor.why("health") == (200, [])
            ana = await api.person("Ana")
            await ana.writes("A" * 22)
            async with asyncio.timeout(30):
                while not any("invitación" in text for text in await ana.texts()):
                    await asyncio.sleep(0.1)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                await process.communicate()
        assert process.returncode == 0


def test_the_filter_ends_what_it_does_not_allow(tmp_path: Path) -> None:
    """The test above can fail."""
    if not HEADER.exists() or shutil.which("systemd-analyze") is None:
        pytest.skip("no numbers of system calls here")
    (tmp_path / "filter").write_bytes(filtered(allowed()))
    said = subprocess.run(
        [sys.executable, "-c", UNDER_IT, str(tmp_path / "filter"), "-c",
         "import os; os.chown('.', 0, 0)"],
    )  # fmt: skip
    assert said.returncode == -signal.SIGSYS


# --- the image --------------------------------------------------------------------------------------


def test_the_image_is_made_as_it_should_be() -> None:
    hadolint = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert hadolint is not None
    said = subprocess.run(
        [hadolint, str(DEPLOY / "Containerfile")], capture_output=True, text=True
    )
    assert (said.returncode, said.stdout + said.stderr) == (0, "")
    words = (DEPLOY / "Containerfile").read_text("utf-8")
    assert re.search(r"^USER 10001:10001$", words, re.M)
    assert "HEALTHCHECK" in words
    assert words.count("--require-hashes") == 2


def test_what_makes_the_wheel_is_that_of_the_lock_file() -> None:
    lines = (DEPLOY / "build.lock").read_text("utf-8").splitlines()
    lock = (ROOT / "requirements-dev.lock").read_text("utf-8")
    wanted = [line.rstrip("\\ ") for line in lines if not line.startswith("#")]
    assert len(wanted) >= 2
    assert all(line in lock for line in wanted)


def test_nothing_of_a_secret_comes_into_the_image() -> None:
    """All is left out but what is named."""
    first, *named = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert first == "*"
    kept = {line.removeprefix("!") for line in named if line.startswith("!")}
    assert kept == {
        "bot", "handlers", "storage", "requirements.lock", "pyproject.toml", "README.md",
        "deploy/build.lock",
    }  # fmt: skip
    assert all((ROOT / name).exists() for name in kept)


def test_the_container_is_held_in_and_its_settings_are_known(tmp_path: Path) -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    bot = compose["services"]["bot"]
    assert bot["read_only"] is True
    assert bot["cap_drop"] == ["ALL"]
    assert bot["security_opt"] == ["no-new-privileges:true"]
    assert bot["mem_limit"] == bot["memswap_limit"]
    mounted = {volume.split(":")[0] for volume in bot["volumes"]}
    assert set(compose["volumes"]) <= mounted
    assert set(compose["secrets"]) == set(bot["secrets"])
    settings = known()
    for name, value in bot["environment"].items():
        section, _, setting = name.removeprefix("ACUERPA_").lower().partition("__")
        assert setting in settings[section], name
        assert str(value).startswith(("/run/secrets/", "/var/")), "a secret is in a file"
    for name in ("acuerpa.key", "telegram.token"):
        (tmp_path / name).write_text("1:x")
    given = {
        name: str(value).replace("/run/secrets", str(tmp_path))
        for name, value in bot["environment"].items()
        if "BACKUP" not in name
    }
    (tmp_path / "config.toml").write_text("")
    assert load(tmp_path / "config.toml", given).telegram is not None
