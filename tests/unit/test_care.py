"""Lines of the directory of care."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.domain.care import Care, CareError, Entry, found, one_line, region

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
OAXACA = Entry(1, Care.LEGAL, "Oaxaca", "Despacho", "…", NOW)
ALL = Entry(2, Care.SHELTER, "", "Casa", "…", NOW)
PUEBLA = Entry(3, Care.MEDICAL, "Puebla, Sierra Norte", "Clínica", "…", NOW)


def test_in_one_line() -> None:
    assert one_line("jurídico; Oaxaca ;  El  despacho; de 9 a 5; no los lunes") == (
        Care.LEGAL, "Oaxaca", "El despacho", "de 9 a 5; no los lunes",
    )  # fmt: skip
    assert one_line("shelter; all; House; call first")[1] == ""


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "care.error.kind"),
        ("astral; a; b; c", "care.error.kind"),
        ("legal; Oaxaca; Despacho", "care.error.parts"),
        ("legal; Oaxaca; ; x", "care.error.name"),
        ("legal; Oaxaca; Despacho; ", "care.error.text"),
        (f"legal; {'a' * 81}; Despacho; x", "care.error.region"),
        (f"legal; Oaxaca; Despacho; {'a' * 601}", "care.error.text"),
    ],
)
def test_what_cannot_be_kept(text: str, code: str) -> None:
    with pytest.raises(CareError) as error:
        one_line(text)
    assert error.value.code == code


def test_found_by_kind_and_region_and_what_is_for_all_in_each() -> None:
    entries = [OAXACA, ALL, PUEBLA]
    assert found(entries, "") == entries
    assert found(entries, "legal") == [OAXACA]
    assert found(entries, "OAXACA") == [OAXACA, ALL]
    assert found(entries, "sierra norte") == [ALL, PUEBLA]
    assert found(entries, "refugio puebla") == [ALL]
    assert found(entries, "psicosocial") == []


def test_everywhere_has_many_names() -> None:
    assert {region(word) for word in ("todas", "-", "Todo", "all", " ")} == {""}
