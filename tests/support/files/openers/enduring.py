"""Shut in, and opens one file after the other: four bytes of length and the file, in and out."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[4]))

from bot.files import cleaning, confine
from bot.files.refusal import Refusal
from bot.files.values import Limits

LIMITS = Limits(pixels=4_000_000, pages=20)


def main() -> None:
    confine.limit(1 << 30, 120)
    confine.shut_in()
    while header := sys.stdin.buffer.read(4):
        content = sys.stdin.buffer.read(int.from_bytes(header))
        try:
            answer = b"clean\n" + cleaning.cleaned(content, LIMITS, text=False).content
        except Refusal as refusal:
            answer = f"refused {refusal.reason}\n".encode()
        sys.stdout.buffer.write(len(answer).to_bytes(4) + answer)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
