"""Names that people choose: shown as they are, and never taken for another's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.names import LIMIT, NameRefused, alike, cleaned


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Ana", "Ana"),
        ("  María   José ", "María José"),
        ("Nin\u0303a", "Niña"),  # composed
        ("A\u200bn\u200da", "Ana"),  # zero width
        ("\u202eAna\u202c", "Ana"),  # turned around
        ("\u2066Ana\u2069", "Ana"),
        ("Ana\ufe0f", "Ana"),
        ("Ma'alob K'iin", "Ma'alob K'iin"),
        ("Xtaꞌ Ñuuꞌ", "Xtaꞌ Ñuuꞌ"),
        ("Colibrí 🐦", "Colibrí 🐦"),
        ("Анна", "Анна"),
        ("רות", "רות"),
        ("أمل", "أمل"),
        ("Compañera 3", "Compañera 3"),
        ("Ixch'el-Balam", "Ixch'el-Balam"),
    ],
)
def test_a_name_is_kept_as_people_see_it(written: str, kept: str) -> None:
    assert cleaned(written) == kept


@pytest.mark.parametrize(
    "written",
    [
        "",
        "   ",
        "\u200b\u2060\ufeff",
        "123",
        "🐦🐦",
        "a" * (LIMIT + 1),
        "\u202e" * 5000 + "Ana",
        "Аna",  # Cyrillic A
        "Corаl",  # Cyrillic a
        "Αna",  # Greek A
        "Ana רות",  # two directions
        "Z\u0300\u0301\u0302\u0303a",  # a tower of marks
        "\u0301Ana",
        "Ana, Berta",  # two people in a plan
        "ya: Ana",
        "Ana; 30 min",
        "<b>Ana</b>",
        "@ana",
        "/ana",
        "Persona #3",  # how the erased are called
        "toda la red",
        "Coordinación",
        "acuerpa",
        "Bot",
        "B0T",
    ],
)
def test_what_could_deceive_is_refused(written: str) -> None:
    with pytest.raises(NameRefused):
        cleaned(written)


@pytest.mark.parametrize(
    ("name", "mask"),
    [
        ("Coral", "coral"),
        ("Coral", "Cora1"),
        ("Coral", "CoraI"),
        ("Coral", "C0ral"),
        ("Coral", "Сoral"),
        ("Coral", "Córal"),
        ("Coral", "Ｃｏｒａｌ"),
        ("Coral", "Co\u200bral"),
        ("Coral", "Coral."),
        ("Coral", "Coral ✨"),
        ("Coral", "ᴄᴏʀᴀʟ"),
        ("Mar", "rnar"),
        ("Iris", "lris"),
        ("Olga", "0lga"),
        ("Walter", "VValter"),
        ("María José", "MariaJose"),
    ],
)
def test_names_that_look_alike(name: str, mask: str) -> None:
    assert alike(name, mask)


@pytest.mark.parametrize(
    ("a", "b"), [("Ana", "Anna"), ("Ana", "Ana 2"), ("Ana 1", "Ana 2"), ("Berta", "Marta"), ("Luz", "Lu")]
)
def test_names_that_people_tell_apart(a: str, b: str) -> None:
    assert not alike(a, b)


@given(st.text(max_size=60))
def test_what_is_kept_can_be_typed_again_and_is_alike_to_itself(text: str) -> None:
    try:
        name = cleaned(text)
    except NameRefused:
        return
    assert cleaned(name) == name
    assert alike(name, text)
    assert 1 <= len(name) <= LIMIT
