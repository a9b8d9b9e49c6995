"""A wrong setting is one line that names it and says what to do."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import cli
from bot.config import ConfigError, load

TELEGRAM = '[telegram]\ntoken = "123:secret-of-the-bot"\n'
MATRIX = '[matrix]\nhomeserver = "https://x"\nuser_id = "@a:b"\n'


MISTAKES = [
    ('zona = "x"', "zona: no such setting; did you mean zone?"),
    ('zone = "Mexico/Nowhere"', "zone: is no time zone"),
    ("zone = 6", "zone: must be text, in quotes"),
    ('language = "xx"', "language: has no catalogue"),
    ('operators = ["ana"]', "operators: is no account"),
    ("operators = 7", "operators: must be a list"),
    ("operators = [7]", "operators: must be text"),
    ("[telegram]\n", "telegram.token: is missing, and so is token_file"),
    ("telegram = true\n", "telegram: is a section"),
    ("watch = []\n", "watch: is a section"),
    ('[telegram]\ntoken_file = "/not/here"\n', "telegram.token_file: cannot be read (No such file"),
    ("[telegram]\ntoken_file = 3\n", "telegram.token_file: must be the path of a file"),
    ('[telegram]\ntoken_file = "/dev/null"\n', "telegram.token_file: is empty"),
    ('[telegram]\ntoken = "1:a"\ntoken_file = "x"\n', "telegram: has both token and token_file"),
    ("[telegram]\ntoken = 123456\n", "telegram.token: must be text, in quotes"),
    (TELEGRAM + "per_second = 0\n", "telegram.per_second: must be more than 0"),
    (TELEGRAM + 'per_second = "fast"\n', "telegram.per_second: must be a number"),
    (TELEGRAM + "tokn = 1\n", "telegram.tokn: no such setting; did you mean telegram.token?"),
    (TELEGRAM + 'tokenfile = "x"\n', "telegram.tokenfile: no such setting; did you mean"),
    (TELEGRAM + 'zone = "UTC"\n', "telegram.zone: no such setting; zone stands at the top of the file"),
    ("max_mb = 3\n", "max_mb: no such setting; max_mb stands under [files]"),
    ("colour = 3\n", "colour: no such setting: see config.example.toml"),
    ('[telegran]\ntoken = "1:a"\n', "telegran: no such setting; did you mean telegram?"),
    (TELEGRAM + 'proxy = "http://127.0.0.1:9050"\n', "telegram.proxy: must be an address such as socks5://"),
    (TELEGRAM + 'proxy = "socks5://127.0.0.1"\n', "telegram.proxy: must be an address such as socks5://"),
    (TELEGRAM + 'proxy = "socks5://a@127.0.0.1:1"\n', "telegram.proxy: needs a name and a password"),
    (TELEGRAM + 'proxy = "socks5://127.0.0.1:99999"\n', "telegram.proxy: must be an address"),
    (MATRIX.replace("@a:b", "ana"), 'matrix.user_id: must be a full id such as "@acuerpa:example.org"'),
    ("[matrix]\n", "matrix.homeserver: is missing"),
    ("[keys]\npassphrase = 3\n", "keys.passphrase: must be true or false"),
    ("[keys]\nfile = 3\n", "keys.file: must be a path, in quotes"),
    ("[files]\nmax_mb = 1.5\n", "files.max_mb: must be a whole number"),
    ("[files]\nmax_mb = 21\n", "files.max_mb: must be 20 or less"),
    ('[watch]\ncanary = "9 in the morning"\n', "watch.canary: must be a time of day"),
    ("[watch]\ncanary = 9\n", "watch.canary: must be a time of day"),
    ('[watch]\nurl = "ftp://x"\n', "watch.url: must be an address that begins with https://"),
    ('[archive]\nfolder = "x"\n', "archive: needs folder and url, or neither"),
    ("= 3", "is not valid TOML: Invalid statement (at line 1, column 1)"),
    ('zone = "UTC"\nzone = "UTC"\n', "is not valid TOML: Cannot overwrite a value (at line 2"),
    ('[telegram]\ntoken = "1:a\n', "is not valid TOML: Illegal character"),
]
"""What is written, and how what is said of it begins."""


@pytest.mark.parametrize(("text", "words"), MISTAKES)
def test_a_mistake_is_named_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path)
    said = str(caught.value).removeprefix(f"{path}: ")
    assert said.startswith(words)
    assert "\n" not in said


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config\.toml: is not there: make one with acuerpa init"):
        load(tmp_path / "config.toml")
    with pytest.raises(ConfigError, match=r"cannot be read \(Is a directory\)"):
        load(tmp_path)
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not valid TOML"):
        load(tmp_path / "config.toml")


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
