"""The `acuerpa` command: puts together what `bot.commands` has."""

from __future__ import annotations

import typer

from bot.commands.archive import archive
from bot.commands.backup import backup, backup_key, rehearse, restore
from bot.commands.checking import check
from bot.commands.groups import group
from bot.commands.init import init
from bot.commands.keys import keys
from bot.commands.migrating import migrate
from bot.commands.running import demo, run, unlock
from bot.commands.setting_aside import aside, replay
from bot.commands.shutting import panic_off
from bot.commands.signing import signing, verify
from bot.commands.status import outbox, status
from bot.commands.texts import texts

cli = typer.Typer(no_args_is_help=True, add_completion=True, pretty_exceptions_enable=False)
for command in (
    init, run, status, outbox, check, unlock, panic_off, aside, replay, backup, backup_key, restore,
    rehearse, migrate, archive, verify, demo,
):  # fmt: skip
    cli.command()(command)
for folder, name in ((group, "group"), (keys, "keys"), (signing, "signing"), (texts, "texts")):
    cli.add_typer(folder, name=name)


def main() -> None:
    """The entry point."""
    cli()
