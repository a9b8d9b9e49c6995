"""What is signed here holds for a tool that is not ours, and the key that signs is kept and replaced."""

from __future__ import annotations

import asyncio
import base64
import shutil
import subprocess
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from bot.cli import cli
from bot.signing.minisign import SecretKey, SignatureError, read_public_key, signed, verified
from storage.database import Database
from storage.keys import KeyFile, KeyInMemory
from storage.tables import signing_keys
from tests.support import opened
from tests.support.opened import KEY

NOW = datetime(2026, 11, 27, 16, 30, tzinfo=UTC)
LATER = NOW + timedelta(days=90)
CONTENT = b"Exigimos que Ana vuelva a casa.\n"
COMMENT = "denuncia 7 · 2026-11-27"


def minisign(*arguments: str | Path) -> tuple[bool, str]:
    """Whether Debian's minisign ended well, and what it said."""
    assert shutil.which("minisign"), "as root: apt-get install minisign"
    done = subprocess.run(
        ["minisign", *arguments], input="", capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode == 0, done.stdout + done.stderr


def seed_in(secret: SecretKey, raw: bytes) -> bool:
    """Whether a file holds the seed in any of the forms in which it could be written."""
    forms = (secret.seed, secret.seed.hex().encode(), base64.b64encode(secret.seed))
    return any(form in raw for form in forms)


# --- the tool ---


@pytest.mark.parametrize("comment", [COMMENT, "", " tab\tand spaces ", "ñ" * 4000])
def test_the_tool_believes_what_we_sign(tmp_path: Path, comment: str) -> None:
    key, file = SecretKey.fresh(), tmp_path / "denuncia.txt"
    file.write_bytes(CONTENT)
    signature = signed(CONTENT, key, comment)
    assert verified(CONTENT, signature, key.public) == comment
    (tmp_path / "denuncia.txt.minisig").write_text(signature)
    (tmp_path / "k.pub").write_text(key.public.file)
    for given in (("-p", tmp_path / "k.pub"), ("-P", key.public.line)):
        believed, said = minisign("-Vm", file, "-H", *given)
        assert believed, said
        assert f"Trusted comment: {comment}" in said


@pytest.mark.parametrize("what", ["content", "comment", "signature", "key"])
def test_the_tool_refuses_what_was_tampered_with(tmp_path: Path, what: str) -> None:
    key, file = SecretKey.fresh(), tmp_path / "denuncia.txt"
    signature = signed(CONTENT, key, COMMENT)
    public = SecretKey(key.key_id, bytes(32)).public if what == "key" else key.public
    if what == "comment":
        signature = signature.replace("denuncia 7", "denuncia 8")
    elif what == "signature":
        signature = signature.replace(
            signature.splitlines()[1], signed(b"x", key, COMMENT).splitlines()[1]
        )
    file.write_bytes(CONTENT.replace(b"Ana", b"Eva") if what == "content" else CONTENT)
    (tmp_path / "denuncia.txt.minisig").write_text(signature)
    assert not minisign("-Vm", file, "-P", public.line)[0]
    with pytest.raises(SignatureError):
        verified(file.read_bytes(), signature, public)


@pytest.mark.parametrize("way", [[], ["-l"]], ids=["hashed", "legacy"])
def test_we_believe_what_the_tool_signs(tmp_path: Path, way: list[str]) -> None:
    public, secret, file = tmp_path / "k.pub", tmp_path / "k.key", tmp_path / "denuncia.txt"
    file.write_bytes(CONTENT)
    assert minisign("-G", "-W", "-p", public, "-s", secret)[0]
    assert minisign("-S", *way, "-s", secret, "-m", file, "-t", COMMENT)[0]
    signature = (tmp_path / "denuncia.txt.minisig").read_text()
    key = read_public_key(public.read_text())
    assert verified(CONTENT, signature, key) == COMMENT
    assert key.id.lstrip("0") in public.read_text()
    with pytest.raises(SignatureError, match="content is not what was signed"):
        verified(CONTENT + b"\n", signature, key)
    # Its own comment has a tab in it.
    assert minisign("-S", *way, "-s", secret, "-m", file)[0]
    signature = (tmp_path / "denuncia.txt.minisig").read_text()
    assert "\tfile:denuncia.txt" in verified(CONTENT, signature, key)


# --- the keys ---


async def test_the_first_who_signs_makes_the_key_and_it_stays(database: Database) -> None:
    async with database.transaction() as tx:
        assert await tx.signing_keys.all() == []
        first = await tx.signing_keys.current(NOW)
    async with database.transaction() as tx:
        assert await tx.signing_keys.current(LATER) == first
        (known,) = await tx.signing_keys.all()
    assert (known.public, known.created_at) == (first.public, NOW)
    assert (known.retired_at, known.statement) == (None, None)


async def test_a_new_key_takes_the_place_of_the_old_one(database: Database) -> None:
    async with database.transaction() as tx:
        old = await tx.signing_keys.current(NOW)
    async with database.transaction() as tx:
        made = await tx.signing_keys.rotate(LATER)
    async with database.transaction() as tx:
        new = await tx.signing_keys.current(LATER)
        known = await tx.signing_keys.all()
        secrets = (
            await tx.rows.all(sa.select(signing_keys.c.id, signing_keys.c.secret).order_by("id"))
        )
    assert new.public == made.public != old.public
    assert [key.public for key in known] == [old.public, new.public]
    assert known[0].retired_at == LATER
    assert known[1] == made
    assert [row.secret for row in secrets] == [None, new.to_bytes()]


async def test_the_tool_believes_that_both_keys_say_so(database: Database, tmp_path: Path) -> None:
    async with database.transaction() as tx:
        await tx.signing_keys.current(NOW)
        await tx.signing_keys.rotate(LATER)
        old, new = await tx.signing_keys.all()
    said = new.statement
    assert said is not None
    said.check(old.public, new.public)
    (tmp_path / "s").write_text(said.statement)
    (tmp_path / "old").write_text(said.by_old)
    (tmp_path / "new").write_text(said.by_new)
    for key, mine, other in ((old, "old", "new"), (new, "new", "old")):
        assert minisign("-Vm", tmp_path / "s", "-x", tmp_path / mine, "-P", key.public.line)[0]
        assert not minisign("-Vm", tmp_path / "s", "-x", tmp_path / other, "-P", key.public.line)[0]


async def test_a_key_that_was_never_used_is_replaced_by_none(database: Database) -> None:
    async with database.transaction() as tx:
        first = await tx.signing_keys.rotate(NOW)
        assert (await tx.signing_keys.current(NOW)).public == first.public
        assert first.statement is None


async def test_a_replacement_that_fails_leaves_the_old_key(database: Database) -> None:
    class Cut(Exception):
        pass

    async with database.transaction() as tx:
        old = await tx.signing_keys.current(NOW)
    with pytest.raises(Cut):
        async with database.transaction() as tx:
            await tx.signing_keys.rotate(LATER)
            raise Cut
    async with database.transaction() as tx:
        assert await tx.signing_keys.current(LATER) == old
        assert len(await tx.signing_keys.all()) == 1


async def test_a_new_data_key_seals_it_too(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.signing_keys.current(NOW)
        await tx.signing_keys.rotate(LATER)  # a row whose secret is gone, and one with a secret
        key = await tx.signing_keys.current(LATER)
        known = await tx.signing_keys.all()
    before = database.vault.current
    await database.rotate()
    assert database.vault.current > before
    async with database.transaction() as tx:
        assert await tx.signing_keys.current(LATER) == key
        assert await tx.signing_keys.all() == known


async def test_no_seed_stands_in_the_files(tmp_path: Path) -> None:
    database = Database(str(tmp_path / "a.db"), KeyInMemory(KEY))
    await database.open()

    def raw() -> bytes:
        return b"".join(path.read_bytes() for path in tmp_path.glob("a.db*"))  # its log too

    async with database.transaction() as tx:
        old = await tx.signing_keys.current(NOW)
    envelope = sa.select(sa.type_coerce(signing_keys.c.secret, sa.LargeBinary))
    async with database.transaction() as tx:
        sealed = (await tx.connection.execute(envelope)).scalar_one()
    assert sealed in raw()
    assert not seed_in(old, raw())
    async with database.transaction() as tx:
        await tx.signing_keys.rotate(LATER)
    # Not even sealed is the old one there: a data key that is stolen later does not open it.
    assert sealed not in raw()
    async with database.transaction() as tx:
        new = await tx.signing_keys.current(LATER)
    await database.close()
    assert new.public.line.encode() in raw()
    assert not seed_in(new, raw())
    with closing(opened.connect(tmp_path / "a.db", KEY)) as reader:
        found = reader.execute("SELECT public, secret IS NULL FROM signing_keys ORDER BY id")
        assert found.fetchall() == [(old.public.line, 1), (new.public.line, 0)]


# --- the command line ---


class Installation:
    """An operator at the command line, with a file that somebody signed."""

    def __init__(self, folder: Path) -> None:
        self.config, self.file = folder / "config.toml", folder / "denuncia.txt"
        self.url, self.key = str(folder / "a.db"), folder / "key"
        self.config.write_text(
            f'[telegram]\ntoken = "1:a"\n[database]\nurl = "{self.url}"\n[keys]\nfile = "{self.key}"\n'
        )
        self.file.write_bytes(CONTENT)

    def run(self, *arguments: str | Path, config: bool = True) -> tuple[int, str]:
        """The exit status and everything that was shown."""
        options = ["--config", str(self.config)] if config else []
        done = CliRunner().invoke(cli, [*map(str, arguments), *options])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.output

    def signs(self, key: SecretKey) -> None:
        """Beside the file, as it is expected there."""
        Path(f"{self.file}.minisig").write_text(signed(CONTENT, key, COMMENT))

    async def current(self) -> SecretKey:
        """The key that the bot would sign with."""
        database = Database(self.url, KeyFile(self.key))
        await database.open()
        async with database.transaction() as tx:
            key = await tx.signing_keys.current(NOW)
        await database.close()
        return key


@pytest.fixture
def here(tmp_path: Path) -> Installation:
    """One that signed nothing yet."""
    return Installation(tmp_path)


def refused(result: tuple[int, str], words: str) -> None:
    """Status 1, and one line with these words."""
    status, shown = result
    assert status == 1, shown
    assert shown.startswith("acuerpa: ")
    assert words in shown
    assert len(shown.splitlines()) == 1


def test_whoever_has_the_public_key_needs_no_installation(here: Installation, tmp_path: Path) -> None:
    key, elsewhere = SecretKey.fresh(), tmp_path / "signature"
    here.signs(key)
    (tmp_path / "k.pub").write_text(key.public.file)
    Path(f"{here.file}.minisig").rename(elsewhere)
    wanted = (0, f"OK: signed by {key.public.id}: {COMMENT}\n")
    for given in (key.public.line, tmp_path / "k.pub"):
        found = here.run("verify", here.file, "--signature", elsewhere, "--key", given, config=False)
        assert found == wanted
    assert not Path(here.url).exists()


def test_each_way_of_failing_is_one_line(here: Installation, tmp_path: Path) -> None:
    key, other = SecretKey.fresh(), SecretKey.fresh()
    line = ("--key", key.public.line)
    refused(here.run("verify", tmp_path / "nada", *line), "nada: cannot be read")
    refused(here.run("verify", here.file, *line), "--signature")
    here.signs(key)
    refused(here.run("verify", here.file, "--key", other.public.line), "take the public key")
    for key_that_is_none in ("llave", "", "a" * 5000, "x\0y", tmp_path, here.file):
        found = here.run("verify", here.file, "--key", key_that_is_none)
        refused(found, "public key")
    here.file.write_bytes(CONTENT + b"x")
    refused(here.run("verify", here.file, *line), "content is not what was signed")
    Path(f"{here.file}.minisig").write_bytes(b"\xff\xfe" * 10)
    refused(here.run("verify", here.file, *line), "no minisign signature")
    Path(f"{here.file}.minisig").write_bytes(bytes(20_000))
    refused(here.run("verify", here.file, *line), "has more than")


async def in_a_thread(here: Installation, *arguments: str | Path) -> tuple[int, str]:
    """The command line has an event loop of its own."""
    return await asyncio.to_thread(here.run, *arguments)


async def test_what_this_installation_signed_is_found_by_its_own_keys(here: Installation) -> None:
    stranger = SecretKey.fresh()
    here.signs(stranger)
    refused(await in_a_thread(here, "verify", here.file), "has no such key")
    old = await here.current()
    here.signs(old)
    wanted = (0, f"OK: signed by {old.public.id}: {COMMENT}\n")
    assert await in_a_thread(here, "verify", here.file) == wanted
    status, shown = await in_a_thread(here, "signing", "rotate")
    assert status == 0, shown
    new = await here.current()
    assert new.public.id in shown
    assert await in_a_thread(here, "verify", here.file) == wanted  # retired, and still known
    here.signs(new)
    assert (await in_a_thread(here, "verify", here.file))[0] == 0


async def test_the_operator_sees_which_keys_there_are_and_no_secret(here: Installation) -> None:
    assert await in_a_thread(here, "signing", "status") == (
        0, "There is no signing key yet: the first publication makes one.\n",
    )  # fmt: skip
    old = await here.current()
    _, rotated = await in_a_thread(here, "signing", "rotate")
    new = await here.current()
    status, shown = await in_a_thread(here, "signing", "status")
    assert status == 0
    first, second, third, fourth = shown.splitlines()
    assert first.startswith(f"key {old.public.id}: since 2026-11-27 16:30 UTC, until ")
    assert second.strip() == old.public.line
    assert third.startswith(f"key {new.public.id}: since ")
    assert third.endswith(" UTC, current")
    assert fourth.strip() == new.public.line
    for key in (old, new):
        assert not seed_in(key, (rotated + shown).encode())
