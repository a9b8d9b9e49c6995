"""What is published in chat stands in the archive a moment later, signed; what is withdrawn does not."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import feedparser
import pytest
import pytest_asyncio
from typer.testing import CliRunner

from bot.cli import cli
from bot.config import ArchiveSection
from tests.stories.test_amending import corrects, published
from tests.stories.test_denunciations import TEXT, TITLE, approved, write
from tests.support.stage_sandbox import SandboxStage
from tests.support.world import World

URL = "https://denuncias.example.org"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest_asyncio.fixture
async def stage(tmp_path: Path, folder: Path) -> SandboxStage:
    section = ArchiveSection(folder=folder, url=URL, title="Denuncias de la Red")
    return await SandboxStage.open(tmp_path / "acuerpa.db", section)


@pytest_asyncio.fixture
async def world(stage: SandboxStage) -> AsyncIterator[World]:
    made = World(stage)
    yield made
    for person in made.people:
        await person.reads_all()
    await made.close()


def everything(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file that can be read, also of builds before the present one."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield path, path.read_bytes()


def believed(path: Path, key: Path) -> bool:
    """Whether Debian's minisign believes the signature beside a file."""
    run = subprocess.run(
        ["minisign", "-Vm", str(path), "-p", str(key)], capture_output=True, check=False
    )
    return run.returncode == 0


async def test_a_denunciation_stands_there_signed_and_is_corrected_and_withdrawn(
    world: World, folder: Path
) -> None:
    olga, rita, ana, _ = await published(world)
    (message,) = [m.text for m in await ana.device.messages() if TITLE in m.text]
    address = message.rsplit("\n", 1)[1]
    assert address.startswith(f"{URL}/es/")
    page = folder / "public" / address.removeprefix(f"{URL}/")
    assert TEXT in page.read_text("utf-8")
    (key,) = (folder / "public" / "keys").glob("*.pub")
    words = page.with_suffix(".txt")
    assert TEXT in words.read_text("utf-8")
    assert believed(words, key)
    assert believed(folder / "public" / "archive.json", key)
    feed = feedparser.parse((folder / "public" / "es" / "feed.atom").read_bytes())
    assert [entry.title for entry in feed.entries] == [TITLE]

    await corrects(olga, rita, TITLE, "Fueron tres camionetas.")
    await rita.presses("Aprobar y publicar")
    assert "Fueron tres camionetas." in page.read_text("utf-8")
    assert believed(words, key)
    assert not [path for path, content in everything(folder) if TEXT.encode() in content]

    await olga.writes("/retirar 1 Puso en riesgo a una persona.")
    await olga.presses("Sí, retirar")
    assert "Puso en riesgo a una persona." in page.read_text("utf-8")
    assert not [path for path, content in everything(folder) if b"tres camionetas" in content]


async def test_a_draft_and_a_name_of_a_member_stand_nowhere(world: World, folder: Path) -> None:
    olga, _, _, _ = await published(world)
    await olga.writes("/denuncia")
    await olga.writes("Un borrador")
    await olga.writes("Con palabras que nadie aprobó.")
    await olga.presses("Enviar a revisión")
    await world.forward(days=1)
    for path, content in everything(folder):
        for words in ("Olga", "Rita", "Ana", "Un borrador", "nadie aprobó"):
            assert words.encode() not in content, path


async def test_the_same_words_published_twice_have_a_page_each(
    world: World, folder: Path
) -> None:
    olga, rita, ana, _ = await published(world)
    await write(olga)
    await approved(olga, rita)
    await world.forward(seconds=10)
    await ana.reads_all()
    shown = [m.text for m in await ana.device.messages() if TITLE in m.text]
    pages = {text.rsplit("\n", 1)[1].removeprefix(f"{URL}/") for text in shown}
    assert len(pages) == 2
    assert all(TEXT in (folder / "public" / page).read_text("utf-8") for page in pages)
    for number in (1, 2):
        await ana.writes(shown[number - 1], forwarded=True)
        await ana.sees("Es auténtica", f"denuncia #{number} de")


async def test_a_new_key_signs_all_of_it_and_the_old_one_says_so(
    stage: SandboxStage, world: World, folder: Path
) -> None:
    await published(world)
    (old,) = (folder / "public" / "keys").glob("*.pub")
    kept = Path(shutil.copy(old, folder / "old.pub"))
    async with stage.database.transaction() as tx:
        new = await tx.signing_keys.rotate(stage.clock.now())
    await stage.settle()
    public = folder / "public"
    key = public / "keys" / f"{new.public.id}.pub"
    assert believed(public / "archive.json", key)
    assert not believed(public / "archive.json", kept)
    (statement,) = (public / "keys").glob("statement-*.txt")
    assert new.public.line in statement.read_text("utf-8")
    assert believed(statement, kept)


async def test_an_archive_that_fails_in_any_way_stops_nothing(
    stage: SandboxStage, world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bot's first work is alarms: a defect of the archive is the operator's to hear of."""

    def breaks(*_arguments: object, **_more: object) -> None:
        raise ValueError("nobody foresaw this")

    olga, rita, ana, _ = await published(world)
    before = (folder / "public").resolve()
    monkeypatch.setattr("bot.archiving.build", breaks)
    await write(olga)
    await approved(olga, rita)
    await ana.writes("auxilio")
    await ana.sees("Avisé a tu red")
    await world.forward(seconds=10)
    assert (folder / "public").resolve() == before
    monkeypatch.undo()
    await stage.settle()
    assert (folder / "public").resolve() != before


async def test_a_folder_that_cannot_be_written_leaves_what_is_there(
    world: World, folder: Path
) -> None:
    await published(world)
    whole = sorted(path for path, _ in everything(folder))
    link = (folder / "public").resolve()
    (folder / "builds").rename(folder / "kept")
    (folder / "builds").write_text("in the way")
    await world.forward(days=1)  # a day began: it would be written anew
    assert not link.exists()
    (folder / "builds").unlink()
    (folder / "kept").rename(folder / "builds")
    await world.forward(days=1)
    assert (folder / "public").resolve().is_dir()
    assert whole


# --- the command line ---


def run(config: Path) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["archive", "--config", str(config)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def test_the_operator_writes_it_by_hand_and_hears_what_is_wrong(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    common = (
        f'[telegram]\ntoken = "1:a"\n[database]\nurl = "{tmp_path / "a.db"}"\n'
        f'[keys]\nfile = "{tmp_path / "key"}"\n'
    )
    config.write_text(common)
    assert run(config) == (
        1, "acuerpa: archive: set folder and url in [archive]: see docs/en/denunciations.md\n"
    )  # fmt: skip
    config.write_text(f'{common}[archive]\nfolder = "{tmp_path / "public"}"\n')
    status, said = run(config)
    assert status == 1
    assert "archive: needs folder and url, or neither" in said
    config.write_text(f'{common}[archive]\nfolder = "{tmp_path / "a.db"}"\nurl = "{URL}"\n')
    status, said = run(config)
    assert status == 1
    assert "archive.folder" in said
    assert "cannot be written" in said
    config.write_text(f'{common}[archive]\nfolder = "{tmp_path / "archive"}"\nurl = "{URL}"\n')
    assert run(config) == (0, f"0 denunciations, in {tmp_path / 'archive'}/public\n")
    assert (tmp_path / "archive" / "public" / "es" / "index.html").is_file()
