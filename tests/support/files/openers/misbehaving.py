"""Answers as the first bytes of the file that it is given ask for: each is one way to misbehave."""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    out = sys.stdout.buffer
    order = sys.stdin.buffer.readline().decode().strip()
    match order:
        case "die":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "die in the middle":
            out.write(b"clean jpeg \n\xff\xd8\xff")
            out.flush()
            os.abort()
        case "fail at the end":
            out.write(b"clean jpeg \n\xff\xd8\xff")
            out.flush()
            os._exit(3)
        case "never stop":
            while True:
                out.write(b"clean jpeg " + b"x" * 65536)
        case "sleep":
            signal.pause()
        case "be killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "close the door":
            os.close(0)
            out.write(b"refused damaged\n")
        case "write much of nothing":
            out.write(b"clean jpeg \n")
        case _:
            out.write(bytes.fromhex(order))


if __name__ == "__main__":
    main()
