"""Writes deploy/completion/acuerpa.bash from the commands themselves.

`acuerpa --install-completion` asks the program at each press of the tab key, which takes a second. This
file asks nobody; zsh reads it through bashcompinit.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from bot.cli import cli

TARGET = Path(__file__).parents[1] / "deploy" / "completion" / "acuerpa.bash"

HEAD = """\
# Completion of acuerpa for bash; made by tools/completion.py. Source it, or copy it to
# /usr/share/bash-completion/completions/acuerpa. In zsh, before that: autoload -U bashcompinit and
# bashcompinit
_acuerpa() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} path= i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$path ${COMP_WORDS[i]}" in
"""

MIDDLE = """\
        esac
    done
    local words= files= taking=
    case "$path" in
"""

TAIL = """\
    esac
    if [[ $before == -* && " $taking " == *" $before "* ]]; then
        [[ " $files " == *" $before "* ]] || return
    elif [[ $word == -* || " $files " != *" FILE "* ]]; then
        COMPREPLY=($(compgen -W "$words" -- "$word"))
        return
    fi
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$word"))
}
complete -F _acuerpa acuerpa
"""


def script() -> str:
    """The whole file."""
    root = typer.main.get_command(cli)
    groups = list(_groups(root, ""))
    lines = [HEAD]
    for path, _ in groups:
        if path:
            parent, _, name = path.rpartition(" ")
            lines.append(f'            "{parent} {name}") path="{path}" ;;\n')
    lines.append(MIDDLE)
    for path, command in groups:
        lines.append(f'        "{path}")\n')
        lines += _of(command)
        lines.append("            ;;\n")
    lines.append(TAIL)
    return "".join(lines)


def _groups(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    yield path, command
    if hasattr(command, "commands"):
        for name in sorted(command.commands):
            yield from _groups(command.commands[name], f"{path} {name}")


def _of(command: Any) -> Iterator[str]:
    """What may be said after it: its own commands, its options, and which of these take a file."""
    words = sorted(command.commands) if hasattr(command, "commands") else []
    files, taking = [], []
    for parameter in command.params:
        if parameter.opts[0].startswith("-"):
            words += [name for name in parameter.opts if name.startswith("--")]
            if not parameter.is_flag:
                taking += parameter.opts
                if _is_path(parameter):
                    files += parameter.opts
        elif _is_path(parameter):
            files.append("FILE")  # an argument
    words.append("--help")
    yield f'            words="{" ".join(dict.fromkeys(words))}"\n'
    if files:
        yield f'            files="{" ".join(files)}"\n'
    if taking:
        yield f'            taking="{" ".join(taking)}"\n'


def _is_path(parameter: Any) -> bool:
    return parameter.type_descriptor.annotation is Path


if __name__ == "__main__":
    TARGET.write_text(script(), encoding="utf-8")
    sys.stdout.write(f"{TARGET}\n")
