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
from bot.texts.sound import MARKS, gendered_in, long_sentences, worded

ROOT = Path(__file__).parents[2]
PLACEHOLDER = re.compile(r"\{(\w+)\}")
NOON = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
FAMILIES = re.compile(
    r"^(about|aftercare|alarm|alliance|archive|bare|board|button|care|cause|checkin|collective|command"
    r"|comparison|complaint|consent|contact|cover|day|decision|demo|denunciation|destination"
    r"|details|doubt|drill|duress|duty|erase|erased|export|feed|feedback|file|followed|group|hint"
    r"|identity|incident|invitations|invite|joining|language|line|location|log|lost|manual|mass"
    r"|my_data|name|note|offer|once|outcome|own_region|own_roles|panic|pause|plan|proposal"
    r"|quiet|reading|region|risk|role|roles|rotation|schedule|set_aside|shifts|shut_off"
    r"|stage|standing|state|subject|subscribe|summary|taking_back|toast|trip|trouble|whatif"
    r"|undo|whereabouts|who|zone)\.[a-z_.]+$"
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


@pytest.mark.parametrize("language", available())
def test_nobody_is_named_by_one_gender(language: str) -> None:
    """The words are data: bot/texts/inclusive.toml."""
    found = {key: words for key, t in catalogue(language).items() if (words := gendered_in(t, language))}
    assert not found
    assert gendered_in("Avisé a TODOS los usuarios", "es") == ["todos", "usuarios"]
    assert gendered_in("La red entera, y el métodos", "es") == []


@pytest.mark.parametrize("language", available())
def test_sentences_are_short_enough_to_be_heard(language: str) -> None:
    found = {key: s for key, text in catalogue(language).items() if (s := long_sentences(text))}
    assert not found
    assert long_sentences("uno dos tres " * 9)
    assert not long_sentences(("uno dos tres " * 8 + ". ") * 2)


@pytest.mark.parametrize("language", available())
def test_nothing_is_said_by_a_picture_alone(language: str) -> None:
    """A screen reader reads words: each text has some, or what is put in has."""
    assert not {key: text for key, text in catalogue(language).items() if not worded(text)}
    assert not worded("✅ <b>👍</b>")


@pytest.mark.parametrize("language", available())
def test_every_mark_is_one_that_is_read(language: str) -> None:
    assert not {k: t for k, t in catalogue(language).items() if "<" in MARKS.sub("", t)}


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
