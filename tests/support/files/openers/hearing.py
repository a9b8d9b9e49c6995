"""Opens each file of a folder as the opener would, and hears what Python opens or loads meanwhile."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[4]))

from bot.files import cleaning
from bot.files.refusal import Refusal
from bot.files.values import Limits


def main() -> None:
    given = [(path.name, path.read_bytes()) for path in sorted(Path(sys.argv[1]).iterdir())]
    heard: list[str] = []

    def hear(event: str, arguments: tuple[object, ...]) -> None:
        if event in ("open", "import", "socket.__new__", "subprocess.Popen", "ctypes.dlopen"):
            heard.append(f"{event} {arguments[0]}")

    sys.addaudithook(hear)
    for name, content in given:
        del heard[:]
        try:
            cleaning.cleaned(content, Limits(), text=name.endswith(".txt"))
        except Refusal:
            pass
        for what in heard:
            sys.stdout.write(f"{name}: {what}\n")


if __name__ == "__main__":
    main()
