"""Killing a piece of synchronous work at each line that it runs: SIGKILL, in a child of its own."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any


def in_a_child(work: Callable[[], Any]) -> int:
    """Do it in a forked process; give how that ended, as `os.waitpid` does, 0 if it was done."""
    pid = os.fork()
    if pid == 0:
        code = 3
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(pid, 0)[1]


Watch = Callable[[], AbstractContextManager[None]]


def killed_at_each_line(
    of: ModuleType, prepare: Callable[[], Callable[[Watch], Any]], every: int = 1
) -> Iterator[str]:
    """Prepare, do the work and die, once for each line of this module that is run while watched.

    `prepare` gives the work on a fresh state; the work is given what to put around the part that is
    watched. A line that runs several times is died at before its first and before its last time.
    `every` 3 takes each third of these points. Gives the place, after each death.
    """
    file = str(of.__file__)
    with tempfile.NamedTemporaryFile() as trace:
        handle = trace.fileno()

        def writing(number: int, place: str) -> None:
            os.write(handle, f"{place}\n".encode())

        work = prepare()
        assert in_a_child(lambda: work(lambda: _watched(file, writing))) == 0
        places = Path(trace.name).read_text().splitlines()
    last = {place: number for number, place in enumerate(places)}
    first = {place: number for number, place in reversed(list(enumerate(places)))}
    for turn in sorted({*first.values(), *last.values()})[::every]:
        work = prepare()
        ended = in_a_child(lambda work=work, turn=turn: work(lambda: _watched(file, _dying(turn))))
        assert ended == signal.SIGKILL, (places[turn], ended)
        yield places[turn]


def _dying(turn: int) -> Callable[[int, str], None]:
    def reached(number: int, _: str) -> None:
        if number == turn:
            os.kill(os.getpid(), signal.SIGKILL)

    return reached


@contextmanager
def _watched(file: str, reached: Callable[[int, str], None]) -> Iterator[None]:
    number = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal number
        if frame.f_code.co_filename != file:
            return None
        if event == "line":
            reached(number, f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}")
            number += 1
        return trace

    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(None)
