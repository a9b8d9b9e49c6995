"""The catalogues are whole: the same keys, the same placeholders, inclusive words."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from bot.domain.rich import Style
from bot.files.values import Found, Reason
from bot.platforms.matrix.sas import PICTURES
from bot.texts import Key, Texts, available

ROOT = Path(__file__).parents[2]
PLACEHOLDER = re.compile(r"\{(\w+)\}")
NOON = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
FAMILIES = re.compile(
    r"^(alarm|bare|button|checkin|command|comparison|consent|contact|cover|day|decision|demo|denunciation"
    r"|destination|details|doubt|drill|duress|erase|erased|export|file|group|identity|incident|invitations"
    r"|invite|joining|language|line|log|lost|manual|mass|my_data|offer|outcome|own_roles|panic|pause"
    r"|plan|risk|role|roles|schedule|set_aside|shut_off"
    r"|standing|state|subject|subscribe|taking_back|toast|trouble|who|zone)\.[a-z_.]+$"
)


def catalogue(language: str) -> dict[str, str]:
    """Key and text."""
    path = ROOT / "bot" / "texts" / "catalogues" / f"{language}.po"
    return {str(m.id): str(m.string) for m in read_po(BytesIO(path.read_bytes())) if m.id}


def literals() -> Iterator[str]:
    """Every string in the handlers that looks like a key."""
    for path in [*(ROOT / "handlers").glob("*.py"), ROOT / "bot" / "domain" / "plan.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


@pytest.mark.parametrize("language", available())
def test_every_language_has_every_key_and_placeholder(language: str) -> None:
    spanish, other = catalogue("es"), catalogue(language)
    assert set(other) == set(spanish)
    for key, text in other.items():
        assert text, f"{language}: {key} is empty"
        wanted = set(PLACEHOLDER.findall(spanish[key]))
        assert set(PLACEHOLDER.findall(text)) == wanted, f"{language}: {key}"


def test_every_key_that_the_handlers_name_exists() -> None:
    known = set(catalogue("es"))
    missing = {word for word in literals() if FAMILIES.match(word) and word not in known}
    assert not {word for word in missing if not word.endswith((".", "_"))}


@pytest.mark.parametrize("language", available())
def test_every_answer_about_a_file_has_its_words(language: str) -> None:
    texts = Texts(language, "UTC", NOON)
    said = [texts.plain(f"file.refused.{reason}", limit=20) for reason in Reason]
    said += [texts.plain(f"file.found.{found}") for found in Found]
    assert len(set(said)) == len(Reason) + len(Found)


@pytest.mark.parametrize("language", available())
def test_every_picture_has_a_name_of_its_own(language: str) -> None:
    texts = Texts(language, "UTC", NOON)
    assert len({texts.plain(f"picture.{picture}") for picture in PICTURES}) == len(PICTURES) == 64


def test_spanish_is_inclusive() -> None:
    masculine = re.compile(
        r"\b(el usuario|los usuarios|usuarios?|todos|bienvenido|bienvenidos|miembros?"
        r"|coordinador|coordinadores|avisados|conectado)\b",
        re.IGNORECASE,
    )
    found = {key: text for key, text in catalogue("es").items() if masculine.search(text)}
    assert not found


def test_a_name_is_never_a_mark() -> None:
    text = Texts("es", "UTC", NOON).render("alarm.panic", name="<b>{number}</b>")
    assert text.plain == "<b>{number}</b> pide auxilio."
    assert all(span.style is Style.PLAIN for span in text.spans)


def test_times_are_the_readers_own() -> None:
    texts = Texts("es", "America/Mexico_City", NOON)
    assert texts.write(NOON) == "12:00"
    assert texts.write(NOON + timedelta(days=1)) == "25 nov 12:00"
    assert texts.write(timedelta(minutes=90)) == "1 hora 30 minutos"
    assert texts.write(("Ana", "Berta", "Carla")) == "Ana, Berta y Carla"
    assert texts.write(Key("outcome.safe")) == "a salvo"


def test_a_language_without_a_catalogue_falls_back_on_spanish() -> None:
    assert Texts("tzo", "UTC", NOON).plain("button.ok") == "Estoy bien"
