"""A community's own catalogue: started, checked, used, and never what an alarm is lost by."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from typer.testing import CliRunner

from bot.cli import cli
from bot.config import ConfigError, load
from bot.platforms.base import Command
from bot.platforms.telegram.platform import TelegramPlatform
from bot.texts import Texts, available
from bot.texts.catalogue import CatalogueError, own_name, use_folder

NOON = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
HEAD = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Plural-Forms: {}\\n"\n\n'
TWO = HEAD.format("nplurals=2; plural=(n != 1);")


def entry(key: str, text: str) -> str:
    """One text of a catalogue. The words of these tests are signs, and no language's."""
    return f'msgid "{key}"\nmsgstr "{text}"\n\n'


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for catalogues; afterwards there are our own alone."""
    yield tmp_path
    use_folder(None)


def made(folder: Path, *entries: str, name: str = "tzo") -> Texts:
    """A reader of a catalogue with these texts."""
    (folder / f"{name}.po").write_text(TWO + "".join(entries), encoding="utf-8")
    use_folder(folder)
    return Texts(name, "America/Mexico_City", NOON)


def test_what_is_translated_is_said_and_the_rest_in_spanish(folder: Path) -> None:
    texts = made(folder, entry("button.ok", "xx"), entry("alarm.panic", "xx {name} xx"))
    assert "tzo" in available()
    assert texts.plain("button.ok") == "xx"
    assert texts.plain("alarm.panic", name="Ana") == "xx Ana xx"
    assert texts.plain("button.help") == "Necesito ayuda"


def test_a_slip_in_a_translation_loses_no_alarm(folder: Path) -> None:
    """Each of these would break the text, or leave out who needs help."""
    for wrong in ("xx", "xx {nombre}", "xx {name} {more}", "xx {name", "<b>xx {name}", "✅ 👍"):
        texts = made(folder, entry("alarm.panic", wrong))
        assert texts.plain("alarm.panic", name="Ana") == "Ana pide auxilio.", wrong


def test_a_language_that_babel_does_not_know_has_its_times(folder: Path) -> None:
    texts = made(folder, entry("language.own_name", "xx xx"), name="zzq")
    assert texts.write(NOON + timedelta(days=1)) == "25 nov 12:00"
    assert texts.write(timedelta(minutes=90)) == "1 hora 30 minutos"
    assert texts.write(("Ana", "Berta")) == "Ana y Berta"
    assert own_name("zzq") == "xx xx"
    assert own_name("es") == "español"


def test_a_language_that_is_shipped_is_not_replaced(folder: Path) -> None:
    with pytest.raises(CatalogueError, match=r"en\.po: there is a catalogue"):
        made(folder, entry("button.ok", "xx"), name="en")


def test_a_file_that_is_no_catalogue_stops_the_start(folder: Path) -> None:
    (folder / "tzo.po").write_text('msgid "button.ok"\nmsgstr "unfinished\n', encoding="utf-8")
    config = folder / "config.toml"
    config.write_text(f'language = "tzo"\n[texts]\nfolder = "{folder}"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"tzo\.po: cannot be read as a catalogue"):
        load(config)


def test_a_group_can_start_in_a_language_of_the_folder(folder: Path) -> None:
    made(folder, entry("button.ok", "xx"))
    use_folder(None)
    config = folder / "config.toml"
    config.write_text(f'language = "tzo"\n[texts]\nfolder = "{folder}"\n', encoding="utf-8")
    assert load(config).language == "tzo"
    config.write_text('language = "tzo"\n[texts]\nfolder = "nowhere"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"texts\.folder: nowhere is no folder"):
        load(config)


def test_new_begins_with_every_text_and_check_says_what_is_missing(folder: Path) -> None:
    run = CliRunner()
    begun = run.invoke(cli, ["texts", "new", "tzo", "--folder", str(folder)])
    assert begun.exit_code == 0, begun.output
    path = folder / "tzo.po"
    text = path.read_text(encoding="utf-8")
    assert '# {name} pide auxilio.\nmsgid "alarm.panic"\nmsgstr ""' in text
    checked = run.invoke(cli, ["texts", "check", str(path)])
    assert checked.exit_code == 0, checked.output
    assert "· alarm.panic: is not translated" in checked.output
    assert "0 of" in checked.output
    use_folder(folder)
    assert Texts("tzo", "UTC", NOON).plain("alarm.panic", name="Ana") == "Ana pide auxilio."
    again = run.invoke(cli, ["texts", "new", "tzo", "--folder", str(folder)])
    assert again.exit_code == 1
    use_folder(None)
    assert run.invoke(cli, ["texts", "new", "tzo", "--folder", str(folder)]).exit_code == 1
    assert run.invoke(cli, ["texts", "new", "../x", "--folder", str(folder)]).exit_code == 1
    assert run.invoke(cli, ["texts", "new", "en", "--folder", str(folder)]).exit_code == 1


async def test_telegram_takes_menus_of_two_letter_codes_alone() -> None:
    """A community's "tzo" has three: the bot must start all the same."""
    taken: list[str | None] = []

    class Bot:
        async def set_my_commands(self, *_: object, language_code: str | None, **_more: object) -> None:
            taken.append(language_code)

    platform = TelegramPlatform(token="1:x", base_url=None, now=lambda: NOON, permit=lambda: None)
    with patch.object(platform, "_running", lambda: (Bot(), None)):
        await platform.publish_commands(dict.fromkeys(("", "es", "tzo"), (Command("a", "b"),)))
    assert taken == [None, "es"]


def test_check_names_each_mistake(folder: Path) -> None:
    path = folder / "tzo.po"
    path.write_text(
        TWO
        + entry("alarm.panic", "xx")
        + entry("button.ok", "xx " * 20)
        + entry("checkin.question", "xx " * 40)
        + entry("duress.none", "<code>xx</code>")
        + entry("no.such", "xx"),
        encoding="utf-8",
    )
    found = CliRunner().invoke(cli, ["texts", "check", str(path)])
    assert found.exit_code == 1
    for line in (
        "! alarm.panic: lacks {name}",
        "· button.ok: is longer than a button's 40 characters",
        "· checkin.question: has a sentence of over 25 words",
        "· duress.none: has a < that is no mark",
        "! no.such: is no key of ours",
    ):
        assert line in found.output
