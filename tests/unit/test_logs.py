"""What is written down: by us as `key=value` or JSON, by libraries without what they say."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr

import pytest
import structlog

from bot.commands.logs import Form, quiet_logs
from bot.platforms.base import PlatformName, Result

CANARY = "Xochiquetzal"


class Person:
    """Whoever shows themselves by their name."""

    def __repr__(self) -> str:
        return CANARY


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    kept, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.configure(**kept)
    root.handlers[:] = handlers
    root.setLevel(level)


def written(form: Form) -> list[str]:
    """What stands on standard error after a few lines."""
    with redirect_stderr(io.StringIO()) as out:
        structlog.reset_defaults()
        quiet_logs(form)
        log = structlog.get_logger("bot")
        log.warning("outbox.attempt", platform=PlatformName.MATRIX, result=Result.LIMITED, row=7)
        library = logging.getLogger("some.library")
        library.warning("could not send %s", CANARY)
        try:
            raise ValueError(CANARY)
        except ValueError:
            library.exception("failed for %s", CANARY)
        library.info("all about %s", CANARY)
    return out.getvalue().splitlines()


def test_as_lines() -> None:
    first, *others = written("lines")
    assert "level='warning' event='outbox.attempt'" in first
    assert "row=7" in first
    assert others == ["some.library WARNING", "some.library ERROR"]


def test_as_objects() -> None:
    first, *others = [json.loads(line) for line in written("json")]
    assert (first["event"], first["platform"], first["row"]) == ("outbox.attempt", "matrix", 7)
    assert first["timestamp"].endswith("Z")
    assert [(o["event"], o["name"], o["level"]) for o in others] == [
        ("library", "some.library", "warning"), ("library", "some.library", "error"),
    ]  # fmt: skip


@pytest.mark.parametrize("form", ["lines", "json"])
def test_neither_what_a_library_says_nor_an_exception_is_written_down(form: Form) -> None:
    assert CANARY not in "\n".join(written(form))


def test_a_thing_is_named_by_its_kind_alone() -> None:
    with redirect_stderr(io.StringIO()) as out:
        structlog.reset_defaults()
        quiet_logs("json")
        structlog.get_logger().warning("odd", about=Person())
    assert json.loads(out.getvalue())["about"] == "Person"
    assert sys.stderr is not out
