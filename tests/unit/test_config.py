"""A wrong setting is one line that names it and says what to do."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import cli
from bot.config import ConfigError, load

TELEGRAM = '[telegram]\ntoken = "123:secret-of-the-bot"\n'


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ('zona = "x"', "zona"),
        ('zone = "Mexico/Nowhere"', "zone"),
        ('language = "xx"', "language"),
        ('operators = ["ana"]', "operators"),
        ("[telegram]\n", "telegram"),
        ('[telegram]\ntoken_file = "/not/here"\n', "telegram"),
        ('[telegram]\ntoken = "1:a"\ntoken_file = "x"\n', "telegram"),
        ('[matrix]\nhomeserver = "https://x"\nuser_id = "ana"\n', "matrix.user_id"),
        ("[matrix]\n", "matrix.homeserver"),
        ("= 3", "TOML"),
        (TELEGRAM + "per_second = 0\n", "telegram.per_second"),
    ],
)
def test_a_mistake_is_named_in_one_line(tmp_path: Path, text: str, setting: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert setting in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_secret_is_in_the_words_of_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(TELEGRAM + 'colour = "red"\n', encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert "secret-of-the-bot" not in str(caught.value)
    assert "secret-of-the-bot" not in repr(load_good(tmp_path))


def load_good(folder: Path) -> object:
    """A configuration without a mistake."""
    path = folder / "good.toml"
    path.write_text(TELEGRAM, encoding="utf-8")
    return load(path)


def test_the_environment_comes_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config.toml"
    path.write_text('language = "es"\n' + TELEGRAM, encoding="utf-8")
    monkeypatch.setenv("ACUERPA_LANGUAGE", "en")
    assert load(path).language == "en"


def test_the_example_explains_every_setting_and_is_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    example = Path(__file__).parents[2] / "config.example.toml"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "telegram-token").write_text("1:a")
    (tmp_path / "matrix-password").write_text("x")
    assert load(example).matrix is not None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "neither is configured"),
        (TELEGRAM + '[database]\nurl = "/not/a/folder/x.db"\n', "database.url"),
        (TELEGRAM + '[database]\nurl = "mysql://x"\n', "database.url"),
    ],
)
def test_run_says_what_to_do_and_ends_with_one(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "config.toml"
    key = f'[keys]\nfile = "{tmp_path / "k"}"\n'
    path.write_text((text or f'[database]\nurl = "{tmp_path / "a.db"}"\n') + key, encoding="utf-8")
    result = CliRunner().invoke(cli, ["run", "--config", str(path)])
    assert result.exit_code == 1
    assert words in result.output
    assert len(result.output.strip().splitlines()) == 1
