"""The process that opens one file: its content comes in by a pipe, the clean one goes out by another.

Started by `bot.files.cleaner` as `python -I opener.py LIMITS… text|other`, with no environment, in an
empty folder. It gives up everything else before it reads the first byte (`bot.files.confine`). It says
nothing but its answer: a line of ASCII, and behind it the file.

    clean KIND FOUND,FOUND\\n…          refused REASON\\n
"""

from __future__ import annotations

import os
import sys
from dataclasses import fields

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from bot.files import confine
from bot.files.refusal import Refusal
from bot.files.values import Clean, Limits, Reason


def arguments(limits: Limits, *, text: bool) -> list[str]:
    """What is written behind the program's name: numbers, and nothing that anybody wrote."""
    values = [str(getattr(limits, field.name)) for field in fields(Limits)]
    return [*values, "text" if text else "other"]


def _read(words: list[str]) -> tuple[Limits, bool]:
    *values, text = words
    types = (int, int, int, int, float, int)
    return Limits(*(of(value) for of, value in zip(types, values, strict=True))), text == "text"


def _answer(clean: Clean) -> bytes:
    return f"clean {clean.kind} {','.join(sorted(clean.found))}\n".encode("ascii") + clean.content


def main() -> None:
    """Shut in, read, clean, answer."""
    limits, text = _read(sys.argv[1:])
    try:
        confine.limit(limits.memory, max(1, round(limits.seconds)))
        # All libraries, and all that they would load later: nothing can be loaded when shut in.
        from bot.files import cleaning

        confine.shut_in()
    except (confine.Unconfined, ImportError, MemoryError):
        answer = f"refused {Reason.UNAVAILABLE}\n".encode("ascii")
    else:
        try:
            answer = _answer(cleaning.cleaned(sys.stdin.buffer.read(), limits, text=text))
        except Refusal as refusal:
            answer = f"refused {refusal.reason}\n".encode("ascii")
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()
    os._exit(0)  # without the libraries' last words


if __name__ == "__main__":
    main()
