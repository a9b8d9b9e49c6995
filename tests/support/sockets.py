"""Whom a process tries to reach, told by Python itself.

`Command.run(…, environment={LOG: …})` has a line in that file for each address to which it opens a
connection, and for each name that it looks up (sys.addaudithook; events `socket.connect` and
`socket.getaddrinfo` of the audit events table), also where that fails.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any

LOG = "SOCKETS_LOG"


def note(log: str) -> None:
    """From now on, in this process."""
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def heard(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.getaddrinfo":
            os.write(file, f"name {arguments[0]} {arguments[1]}\n".encode())
        elif event == "socket.connect" and arguments[0].family != socket.AF_UNIX:
            host, port = arguments[1][:2]
            os.write(file, f"connect {host} {port}\n".encode())

    sys.addaudithook(heard)


def reached(log: Path) -> set[tuple[str, str, int]]:
    """What is in the log: "name" or "connect", host, port."""
    lines = log.read_text().splitlines() if log.exists() else []
    split = [line.split(" ") for line in lines]
    return {(what, host, int(port)) for what, host, port in split}
