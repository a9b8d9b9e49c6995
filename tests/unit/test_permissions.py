"""One table says who may do what; nothing is offered or done that is not in it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import handlers
from bot.domain.chat import ChatKind
from bot.domain.people import Role
from bot.domain.permissions import ALLOWED, Action, Standing, may
from handlers import entries, presses, rights, talks
from handlers.commands import Entry

FILES = sorted(Path(handlers.__file__).parent.glob("*.py"))


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in FILES:
        yield path.stem, ast.parse(path.read_text(encoding="utf-8"))


def test_every_command_names_an_action_that_is_in_the_table() -> None:
    assert entries.ENTRIES
    for entry in entries.ENTRIES:
        assert isinstance(entry, Entry)
        assert entry.action in ALLOWED, entry.name
    words = [w for e in entries.ENTRIES for w in (e.name, *e.aliases)]
    assert len(words) == len(set(words)), "a word means two commands"


def test_no_entry_is_left_out_of_the_router() -> None:
    """A module with commands that the router does not know would be dead; one that it forgets to
    check would be worse: so all are counted."""
    written = sum(
        1
        for _, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Entry"
    )
    assert written == len(entries.ENTRIES)


def test_every_action_is_decided_for_every_kind_of_chat() -> None:
    assert set(ALLOWED) == set(Action)
    everyone = (*Role, *Standing)
    for action in Action:
        allowed = {(who, kind) for who in everyone for kind in ChatKind if may({who}, action, kind)}
        assert allowed, f"nobody may {action}"
        in_public = {kind for _, kind in allowed} - {ChatKind.PRIVATE}
        assert not in_public or action in (Action.PANIC, Action.BRING_BOT), action
        assert (Standing.STRANGER, ChatKind.PRIVATE) not in allowed or action is Action.JOIN


def test_every_answer_that_is_offered_has_its_line() -> None:
    """Every `Choice("x", …)` in the handlers is an action of some topic in the table."""
    offered = {
        node.args[0].value
        for _, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "Choice"
        and isinstance(node.args[0], ast.Constant)
    }
    known = {action for actions in rights.PRESSES.values() for action in actions}
    assert offered == known


def test_every_topic_has_its_lines_and_every_line_a_topic() -> None:
    topics = {
        node.value.value
        for _, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        and any(getattr(t, "id", "").endswith("TOPIC") for t in node.targets)
    }
    assert topics == set(rights.PRESSES) | set(rights.DIALOGS)
    assert set(talks.TALKS) == set(rights.DIALOGS)


def test_every_topic_that_can_be_pressed_is_dispatched() -> None:
    """Each topic of the table stands in a `case` of `handlers.presses`."""
    source = Path(presses.__file__).read_text(encoding="utf-8")
    cases = [
        ast.unparse(case.pattern)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Match)
        for case in node.cases
    ]
    modules = {name: getattr(presses, name, None) for name in dir(presses)}
    reached = {
        getattr(modules[module], constant)
        for case in cases
        for part in case.split(" | ")
        if part.count(".") == 1
        for module, constant in [part.split(".")]
        if constant.endswith("TOPIC") and module in modules
    }
    assert reached == set(rights.PRESSES)


def test_every_step_of_a_conversation_has_its_line() -> None:
    """Every `ctx.expect(TOPIC, "step")` in the handlers."""
    steps = {
        (stem, node.args[1].value)
        for stem, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", "") == "expect"
        and len(node.args) > 1
        and isinstance(node.args[1], ast.Constant)
    }
    known = {step for dialog in rights.DIALOGS.values() for step in dialog}
    # "confirm" waits for a press alone: words that come meanwhile are for something else.
    assert {step for _, step in steps} - {"confirm"} == known
