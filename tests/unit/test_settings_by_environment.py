"""Each setting by a variable, each secret by a file or by a credential of systemd's."""

from __future__ import annotations

import types
from collections.abc import Iterator
from datetime import time
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from bot.config import Config, ConfigError, load, secrets, sections
from bot.texts.catalogue import use_folder
from storage.keys import KeyFile

AGE = f"age1{'q' * 58}"

SAMPLES: dict[str, tuple[str, object]] = {
    "language": ("en", "en"),
    "zone": ("Asia/Manila", "Asia/Manila"),
    "operators": ("telegram:7, matrix:@ana:x", frozenset({"telegram:7", "matrix:@ana:x"})),
    "matrix.user_id": ("@a:b", "@a:b"),
    "watch.url": ("https://hc.example.org/ping/x", "https://hc.example.org/ping/x"),
    "texts.folder": (str(Path(__file__).parent), Path(__file__).parent),
    "backup.recipients": (f"{AGE} {AGE}", (AGE, AGE)),
    "http.listen": ("127.0.0.1:9464", "127.0.0.1:9464"),
    "archive.url": ("https://example.org", "https://example.org"),
    "log.format": ("json", "json"),
}
"""What settings with a form of their own are set to; others by their type."""

BY_TYPE: dict[type, tuple[str, object]] = {
    str: ("some words", "some words"),
    float: ("40.5", 40.5),
    int: ("13", 13),
    bool: ("true", True),
    Path: ("/some/where", Path("/some/where")),
    time: ("10:30", time(10, 30)),
    SecretStr: ("1:a", "1:a"),
}

PROXY = ("socks5://u:p@127.0.0.1:9050", "socks5://u:p@127.0.0.1:9050")

BESIDE = {
    "telegram": {"ACUERPA_TELEGRAM__TOKEN": "1:z"},
    "matrix": {"ACUERPA_MATRIX__HOMESERVER": "https://x", "ACUERPA_MATRIX__USER_ID": "@c:d"},
    "backup": {"ACUERPA_BACKUP__RECIPIENTS": AGE},
    "archive": {"ACUERPA_ARCHIVE__FOLDER": "y", "ACUERPA_ARCHIVE__URL": "https://y"},
}
"""What a section needs so that anything of it can be set."""


@pytest.fixture(autouse=True)
def _our_texts() -> Iterator[None]:
    yield
    use_folder(None)


def every_setting() -> Iterator[tuple[str, FieldInfo]]:
    """All there are, also those that do not exist yet when this is written."""
    inside = sections()
    for name, field in Config.model_fields.items():
        if name not in inside:
            yield name, field
    for section, kind in inside.items():
        for name, field in kind.model_fields.items():
            yield f"{section}.{name}", field


def sample(setting: str, field: FieldInfo) -> tuple[str, object]:
    """As a variable says it, and what is meant."""
    if setting.endswith(".proxy"):
        return PROXY
    if setting in SAMPLES:
        return SAMPLES[setting]
    kinds: tuple[Any, ...] = (field.annotation,)
    if get_origin(field.annotation) in (types.UnionType,):
        kinds = get_args(field.annotation)
    known = [BY_TYPE[kind] for kind in kinds if kind in BY_TYPE]
    assert known, f"{setting}: say in SAMPLES how a variable sets it (a list: BeforeValidator(listed))"
    return known[0]


def variable(setting: str) -> str:
    return "ACUERPA_" + setting.replace(".", "__").upper()


def value_of(config: Config, setting: str) -> object:
    found: Any = config
    for part in setting.split("."):
        found = getattr(found, part)
    return found.get_secret_value() if isinstance(found, SecretStr) else found


def empty(folder: Path) -> Path:
    path = folder / "config.toml"
    path.write_text("")
    return path


@pytest.mark.parametrize(("setting", "field"), [pytest.param(*s, id=s[0]) for s in every_setting()])
def test_every_setting_can_be_a_variable(tmp_path: Path, setting: str, field: FieldInfo) -> None:
    """Also where the file has not even the section."""
    said, meant = sample(setting, field)
    beside = BESIDE.get(setting.partition(".")[0], {})
    config = load(empty(tmp_path), {**beside, variable(setting): said})
    assert value_of(config, setting) == meant
    assert value_of(config, setting) != field.default


EVERY_SECRET = [(section, name) for section, names in secrets().items() for name in names]


@pytest.mark.parametrize(("section", "name"), EVERY_SECRET)
def test_every_secret_can_be_in_a_file_of_its_own(tmp_path: Path, section: str, name: str) -> None:
    setting = f"{section}.{name}"
    said, meant = sample(setting, sections()[section].model_fields[name])
    (tmp_path / "secret").write_text(f"{said}\n")
    beside = {n: v for n, v in BESIDE.get(section, {}).items() if n != variable(setting)}
    config = load(
        empty(tmp_path), {**beside, f"{variable(setting)}_FILE": str(tmp_path / "secret")}
    )
    assert value_of(config, setting) == meant
    assert config.lying == {f"{setting}_file": tmp_path / "secret"}


@pytest.mark.parametrize(("section", "name"), EVERY_SECRET)
def test_every_secret_can_be_a_credential(tmp_path: Path, section: str, name: str) -> None:
    setting = f"{section}.{name}"
    said, meant = sample(setting, sections()[section].model_fields[name])
    given = tmp_path / "credentials"
    given.mkdir()
    (given / setting).write_text(f"{said}\n")
    beside = {n: v for n, v in BESIDE.get(section, {}).items() if n != variable(setting)}
    config = load(empty(tmp_path), {**beside, "CREDENTIALS_DIRECTORY": str(given)})
    assert value_of(config, setting) == meant
    assert config.lying == {}


def test_what_nobody_else_may_read_is_a_secret() -> None:
    """A field that hides its value is one that may be in a file of its own."""
    for section, kind in sections().items():
        for name, field in kind.model_fields.items():
            hidden = SecretStr in (field.annotation, *get_args(field.annotation))
            assert not hidden or name in kind.secrets, f"{section}.{name}"


def test_the_environment_comes_before_credentials_and_these_before_the_file(tmp_path: Path) -> None:
    """Of a secret also where one of them names a file and the other does not."""
    path = tmp_path / "config.toml"
    path.write_text('language = "es"\n[telegram]\ntoken_file = "/not/there"\nper_chat = 2\n')
    given = tmp_path / "credentials"
    given.mkdir()
    (given / "telegram.token").write_text("1:credential")
    environment = {"CREDENTIALS_DIRECTORY": str(given)}
    config = load(path, environment)
    assert value_of(config, "telegram.token") == "1:credential"
    assert value_of(config, "telegram.per_chat") == 2
    (tmp_path / "of-the-environment").write_text("1:environment")
    environment["ACUERPA_TELEGRAM__TOKEN_FILE"] = str(tmp_path / "of-the-environment")
    environment["ACUERPA_LANGUAGE"] = "en"
    config = load(path, environment)
    assert value_of(config, "telegram.token") == "1:environment"
    assert config.language == "en"


def test_with_a_platform_in_the_environment_no_file_is_needed(tmp_path: Path) -> None:
    nowhere = tmp_path / "config.toml"
    config = load(nowhere, {"ACUERPA_TELEGRAM__TOKEN": "1:a", "ACUERPA_WATCH__CANARY": ""})
    assert value_of(config, "telegram.token") == "1:a"
    assert config.watch.canary is None
    with pytest.raises(ConfigError, match="is not there"):
        load(nowhere, {"ACUERPA_ZONE": "UTC"})


@pytest.mark.parametrize(
    "written", ['["telegram:1", "telegram:2"]', "telegram:1 telegram:2", "telegram:1,telegram:2"]
)
def test_a_list_may_be_written_as_in_the_file_or_one_after_the_other(
    tmp_path: Path, written: str
) -> None:
    config = load(empty(tmp_path), {"ACUERPA_OPERATORS": written})
    assert config.operators == {"telegram:1", "telegram:2"}


WRONG = [
    ("TELEGRAM__TOKN=1:a", "telegram.tokn (ACUERPA_TELEGRAM__TOKN): no such setting; did you mean"),
    ("TELEGRM__TOKEN=1:a", "telegrm: no such setting; did you mean telegram?"),
    ("LANGAUGE=es", "langauge (ACUERPA_LANGAUGE): no such setting; did you mean language?"),
    ("FENCE__LEASE=long", "fence.lease (ACUERPA_FENCE__LEASE): must be a number"),
    ("ZONE=Nowhere", "zone (ACUERPA_ZONE): is no time zone"),
    ("WATCH=x WATCH__URL=y", "watch: is set both as a whole and in parts"),
    ("WATCH__URL=y WATCH=x", "watch: is set both as a whole and in parts"),
    ("WATCH=x", "watch (ACUERPA_WATCH): is a section"),
    ("TELEGRAM__TOKEN_FILE=/not/here", "telegram.token_file: cannot be read"),
    ("TELEGRAM__TOKEN=1:secret TELEGRAM__TOKEN_FILE=x", "telegram: has both token and token_file"),
    ("WATCH__URL=ftp://secret", "watch.url (ACUERPA_WATCH__URL): must be an address"),
    (
        "WATCH__PROXY=secret",
        "watch.proxy (ACUERPA_WATCH__PROXY): must be an address such as socks5://",
    ),
    ("DATABASE__URL=", "database.url (ACUERPA_DATABASE__URL): is empty"),
]
"""Variables without what all begin with, and how what is said of them begins."""


@pytest.mark.parametrize(("written", "words"), WRONG)
def test_a_wrong_variable_is_named_and_not_its_value(
    tmp_path: Path, written: str, words: str
) -> None:
    environment = {
        f"ACUERPA_{name}": value for name, value in (v.split("=") for v in written.split())
    }
    with pytest.raises(ConfigError) as caught:
        load(empty(tmp_path), environment)
    said = str(caught.value)
    assert said.startswith(words)
    assert "\n" not in said
    assert "secret" not in said


def test_what_others_call_alike_is_not_ours(tmp_path: Path) -> None:
    assert load(empty(tmp_path), {"ACUERPA_SEED": "1", "ACUERPA_STORIES": "one", "OTHER": "x"})


@pytest.mark.parametrize("name", ["keys.file", "acuerpa.key"])
def test_the_key_may_be_a_credential(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """systemd guards its folder; with an access list the file looks open to the group (systemd.exec)."""
    KeyFile(tmp_path / "made").make()
    given = tmp_path / "credentials"
    given.mkdir()
    (given / name).write_bytes((tmp_path / "made").read_bytes())
    (given / name).chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(given))
    key = KeyFile(tmp_path / "acuerpa.key")
    assert key.path == given / name
    key.read()
