"""Shut in like the opener, then tries to get out in every way it knows, and reports what worked."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import resource
import socket
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[4]))

from bot.files import confine

library = ctypes.CDLL(None, use_errno=True)
X86 = os.uname().machine == "x86_64"
READ_MEMORY, PTRACE, PRCTL = (310, 101, 157) if X86 else (270, 117, 167)
IO_URING = 425


def _call(number: int, *values: int) -> None:
    """A system call that Python has no name for."""
    ctypes.set_errno(0)
    if library.syscall(number, *values) < 0:
        raise OSError(ctypes.get_errno(), "refused")


def _executable_memory() -> None:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)


TRIES: dict[str, Callable[[], object]] = {
    "read a file": lambda: os.open("/etc/passwd", os.O_RDONLY),
    "write a file": lambda: os.open("here", os.O_WRONLY | os.O_CREAT),
    "list a folder": lambda: os.listdir("/"),
    "remove a file": lambda: os.unlink("/nothing-there"),
    "see whether a file exists": lambda: os.stat("/"),
    "leave the folder": lambda: os.chdir("/"),
    "connect": lambda: socket.socket(),
    "make a pair of sockets": lambda: socket.socketpair(),
    "make a pipe": lambda: os.pipe(),
    "become a program": lambda: os.execv("/nothing-there", ["true"]),
    "start a program": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "make a process": lambda: os._exit(0) if os.fork() == 0 else None,
    "signal the bot": lambda: os.kill(os.getppid(), 0),
    "signal itself": lambda: os.kill(os.getpid(), 0),
    "change the bot's limits": lambda: resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE),
    "read the bot's memory": lambda: _call(READ_MEMORY, os.getppid(), 0, 0, 0, 0, 0),
    "trace the bot": lambda: _call(PTRACE, 2, os.getppid(), 0, 0),
    "queue calls past the filter": lambda: _call(IO_URING, 1, 0),
    "replace the filter": lambda: library.prctl(22, 0, 0, 0, 0) and _call(PRCTL, 22, 0, 0, 0, 0),
    "run what it writes": _executable_memory,
}


def main() -> None:
    walls = "without-walls" not in sys.argv
    if walls:
        confine.limit(1 << 30, 10)
    around = [f"variable {name}" for name in sorted(os.environ)]
    around += [f"file {name}" for name in os.listdir(".")]
    around += [f"argument {word}" for word in sys.argv[1:] if not word.replace(".", "").isalnum()]
    if walls:
        confine.shut_in()
    got_out = []
    for what, attempt in TRIES.items():
        try:
            attempt()
        except OSError as error:
            if error.errno == errno.EPERM:
                continue
        got_out.append(what)
    sys.stdin.buffer.read()
    sys.stdout.write("clean text \n" + "\n".join([*around, *got_out]))


if __name__ == "__main__":
    main()
