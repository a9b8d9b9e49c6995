"""What may endanger somebody in a text is found, and an institution is not taken for a person."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.endangering import Hazard, hazards, names_in, stands_in


@pytest.mark.parametrize(
    ("text", "hazard", "excerpt"),
    [
        ("La casa está en 17.06542, -96.72365.", Hazard.POSITION, "17.06542, -96.72365"),
        ("La casa: 17.06542 -96.72365", Hazard.POSITION, "17.06542 -96.72365"),  # and no telephone
        ("En 17°03'56.2\"N", Hazard.POSITION, "17°03'56.2\"N"),
        ("Mapa: https://maps.app.goo.gl/abc123", Hazard.POSITION, "https://maps.app.goo.gl/abc123"),
        ("Vive en la calle Hidalgo 12, cerca", Hazard.ADDRESS, "calle Hidalgo 12"),
        ("at Main, road to the river 400", Hazard.ADDRESS, "road to the river 400"),
        ("Llama al 951 123 45 67.", Hazard.PHONE, "951 123 45 67"),
        ("o al +52 (951) 123-4567", Hazard.PHONE, "+52 (951) 123-4567"),
        ("Escribe a ana@example.org", Hazard.EMAIL, "ana@example.org"),
        ("CURP PELJ800101HOCRPN09", Hazard.PAPERS, "PELJ800101HOCRPN09"),
        ("con placas TKA12", Hazard.PLATE, "placas TKA12"),
        ("una niña de 12 años", Hazard.MINOR, "de 12 años"),
        ("a 15-year-old girl", Hazard.MINOR, "15-year-old"),
    ],
)
def test_it_is_pointed_out(text: str, hazard: Hazard, excerpt: str) -> None:
    assert [(f.hazard, f.excerpt) for f in hazards([text])] == [(hazard, excerpt)]


@pytest.mark.parametrize(
    "text",
    [
        "El 23 de noviembre de 2026 a las 10:30 llegaron 25,000 personas con 3,000,000 de pesos.",
        "Según el artículo 14 del Convenio 169 y la Ley 1448 de 2011.",
        "Tiene 34 años de lucha.",
        "Recomendación 45/2019, expediente 123/2026-II",
    ],
)
def test_dates_sums_and_laws_are_no_hazard(text: str) -> None:
    assert hazards([text]) == []


def test_people_are_told_from_institutions_and_places() -> None:
    text = (
        "Ayer Juana Pérez y Pedro Antonio de la Cruz denunciaron ante la Comisión Nacional de Derechos "
        "Humanos. El Estado de Oaxaca y San Juan Cancuc no respondieron. Doña Petra Luna tampoco."
    )
    assert names_in([text]) == ["Juana Pérez", "Pedro Antonio de la Cruz", "Petra Luna"]
    assert stands_in("Juana Pérez", [text])
    assert stands_in("juana  pérez", [text])
    assert not stands_in("Marta Pérez", [text])


@given(st.text(max_size=300))
def test_no_text_is_too_strange(text: str) -> None:
    hazards([text])
    names_in([text])


@pytest.mark.parametrize(
    "piece", ["1", "a", "Aa ", "calle ", "1.", "+1 ", "a@", "a.", "ABC", "de ", "° ", "Juana de la "]
)
def test_twenty_thousand_letters_take_no_time(piece: str) -> None:
    """Processor time: the way in which it grows is what counts, and a hundred times longer would show."""
    text = (piece * 20_000)[:20_000]
    began = time.process_time()
    hazards([text])
    names_in([text])
    assert time.process_time() - began < 1
