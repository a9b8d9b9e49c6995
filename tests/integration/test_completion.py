"""The tab key, in a real bash: what is delivered, and what the program installs by itself."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools.completion import TARGET, script

ROOT = Path(__file__).parents[2]


def test_what_is_delivered_is_that_of_the_program() -> None:
    assert TARGET.read_text("utf-8") == script(), "run python tools/completion.py"


def typed(keys: str, folder: Path, *first: str) -> str:
    """What an interactive bash shows after these keys. `acuerpa` says what it was given."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.environ |= {"PS1": "", "TERM": "dumb", "HISTFILE": ""}
        os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
    ours = ["bind 'set bell-style none'", *first, 'acuerpa() { echo "given:" "$@"; }']
    for line in [*ours, keys, "exit"]:
        os.write(terminal, line.encode() + b"\n")
    shown, end = b"", time.monotonic() + 30
    while time.monotonic() < end and select.select([terminal], [], [], 30)[0]:
        try:
            shown += os.read(terminal, 65536)
        except OSError:  # it has ended
            break
    os.waitpid(pid, 0)
    os.close(terminal)
    return shown.decode(errors="replace")


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
@pytest.mark.parametrize(
    ("keys", "given"),
    [
        ("acuerpa reh\t", "given: rehearse"),
        ("acuerpa keys ro\t", "given: keys rotate"),
        ("acuerpa restore acuerpa-2026\t", "given: restore acuerpa-20261127T040000Z.age"),
        ("acuerpa restore x --iden\tid\t", "given: restore x --identity id.txt"),
        ("acuerpa run --con\tconf\t", "given: run --config config.toml"),
        ("acuerpa migrate --to-\tconf\t", "given: migrate --to-file config.toml"),
        ("acuerpa migrate --undo\t", "given: migrate --undo-move"),
        ("acuerpa backup --to back\t", "given: backup --to backups/"),
        ("acuerpa outbox --limit con\t", "given: outbox --limit con"),  # a number is no file
    ],
)
def test_the_tab_key(tmp_path: Path, keys: str, given: str) -> None:
    for name in ("acuerpa-20261127T040000Z.age", "id.txt", "config.toml"):
        (tmp_path / name).touch()
    (tmp_path / "backups").mkdir()
    shown = typed(keys, tmp_path, f"source {TARGET}")
    assert given in shown.replace("\r", "").splitlines(), shown


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_what_the_program_installs_by_itself_asks_the_program(tmp_path: Path) -> None:
    program = tmp_path / "acuerpa"
    # As pip writes it.
    program.write_text(f"#!{sys.executable}\nfrom bot.start import main\nmain()\n", "utf-8")
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    said = subprocess.run(
        ["bash", "-c", "acuerpa --show-completion bash"],
        # Which shell it is asked from is not looked up: none may be above a test.
        env={**environment, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert "complete -o default -F" in said.stdout, said.stderr
    asked = subprocess.run(
        ["acuerpa"], capture_output=True, text=True, timeout=60,
        env={
            **environment, "_ACUERPA_COMPLETE": "complete_bash", "COMP_WORDS": "acuerpa re",
            "COMP_CWORD": "1",
        },
    )  # fmt: skip
    assert sorted(asked.stdout.split()) == ["rehearse", "replay", "restore"]
