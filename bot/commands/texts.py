"""`acuerpa texts …`: beginning a translation, and looking whether it can be used."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Annotated

import typer
from babel.messages import Catalog
from babel.messages.pofile import read_po

from bot.texts.catalogue import CODE, FALLBACK, CatalogueError, available, read
from bot.texts.sound import checked, forms

texts = typer.Typer(no_args_is_help=True, help="What the bot says, in your language.")

HEAD = """# Acuerpa in another language. docs/en/translating.md says how, and what must stay as it is.
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Language: {language}\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"
"""


def original() -> Catalog:
    """The texts that all others are translations of."""
    source = files("bot.texts").joinpath("catalogues", f"{FALLBACK}.po").read_bytes()
    return read_po(BytesIO(source), locale=FALLBACK)


def started(language: str) -> Iterator[str]:
    """The lines of a new catalogue: every key, with the Spanish text above an empty one."""
    yield HEAD.format(language=language)
    for message in original():
        if not message.id:
            continue
        for form in forms(message):
            for line in form.split("\n"):
                yield f"# {line}".rstrip()
        yield f'msgid "{message.id}"'
        yield 'msgstr ""'
        yield ""


@texts.command("new")
def new(
    language: Annotated[str, typer.Argument(help="The ISO 639 code, such as tzo or nah.")],
    folder: Annotated[Path, typer.Option(help="Where the file is written.")] = Path(),
) -> None:
    """Begin a translation: a file with every text, empty, and the Spanish words above each."""
    path = folder / f"{language}.po"
    if not CODE.fullmatch(language):
        _fail(f"{language}: is no language's code; write one such as tzo")
    if language in available():
        _fail(f"{language}: there is a catalogue of that language already")
    if path.exists():
        _fail(f"{path}: is there already; nothing was changed")
    path.write_text("\n".join(started(language)), encoding="utf-8")
    typer.echo(f"{path}: write your words between the quotes behind each msgstr.")


@texts.command("check")
def check(path: Annotated[Path, typer.Argument(help="The file of a translation.")]) -> None:
    """Say what is missing, what cannot be used, and what is too long for a screen."""
    try:
        whole, other = original(), read(path)
    except CatalogueError as error:
        _fail(str(error))
    findings = checked(whole, other)
    for finding in findings:
        typer.echo(f"{'!' if finding.bars else '·'} {finding.key}: {finding.what}")
    barred = sum(finding.bars for finding in findings)
    done = sum(
        bool(message.id) and all(forms(message)) and message.id in {m.id for m in whole}
        for message in other
    )
    total = sum(1 for message in whole if message.id)
    typer.echo(f"{done} of {total} texts are translated; {barred} cannot be used (marked !).")
    if barred:
        raise typer.Exit(1)


def _fail(why: str) -> None:
    typer.echo(f"acuerpa: {why}", err=True)
    raise typer.Exit(1)
