"""Trips, single questions, quiet hours and collectives, read as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.spoken import Clocks, at_change_of_clocks, read_instant, readings
from bot.domain.trip import Problem, TripError
from bot.domain.trip_text import (
    asks_once,
    read_collective,
    read_extension,
    read_missing,
    read_once,
    read_span,
    read_trip,
    sets_out,
)

ZONE = "America/Mexico_City"
NOON = datetime(2026, 11, 17, 18, 0, tzinfo=UTC)
"""Noon in the zone, a Tuesday."""


def wall(at: datetime) -> str:
    """Day and time in the zone."""
    return at.astimezone(ZoneInfo(ZONE)).strftime("%d %H:%M")


def stages(text: str) -> list[list[tuple[str, str]]]:
    """What a line may mean."""
    return [[(s.place, wall(s.due)) for s in said] for said in read_trip(text, NOON, ZONE)]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Oaxaca 14:00, Juchitán 18:30", [("Oaxaca", "17 14:00"), ("Juchitán", "17 18:30")]),
        ("Oaxaca 14:00; Juchitán 18:30", [("Oaxaca", "17 14:00"), ("Juchitán", "17 18:30")]),
        ("Oaxaca 14:00 → Juchitán 18:30", [("Oaxaca", "17 14:00"), ("Juchitán", "17 18:30")]),
        ("salgo a Juchitán, llego a las 18:30", [("Juchitán", "17 18:30")]),
        ("llego a Juchitán a las 6 pm", [("Juchitán", "17 18:00")]),
        ("a las 18:30 en Juchitán", [("Juchitán", "17 18:30")]),
        ("leaving for Juchitan, arriving at 6 pm", [("Juchitan", "17 18:00")]),
        ("salgo para Tapachula; llego en 2 horas y media", [("Tapachula", "17 14:30")]),
        ("Juchitán en 3 horas", [("Juchitán", "17 15:00")]),
        ("Oaxaca en 2 horas, Juchitán en 5 horas", [("Oaxaca", "17 14:00"), ("Juchitán", "17 17:00")]),
        ("18:30", [("", "17 18:30")]),
        ("Oaxaca 23:00, Juchitán 03:00", [("Oaxaca", "17 23:00"), ("Juchitán", "18 03:00")]),
        ("voy a San José mañana a las 9", [("San José", "18 09:00")]),
        ("Km 20 18:30", [("Km 20", "17 18:30")]),
        ("Avenida 5 de mayo 18:30", [("Avenida 5 de mayo", "17 18:30")]),
        ("Juchitán el 20 de noviembre 18:30", [("Juchitán", "20 18:30")]),
        ("Puebla 12:30", [("Puebla", "17 12:30")]),
    ],
)  # fmt: skip
def test_a_trip_is_read(text: str, meant: list[tuple[str, str]]) -> None:
    assert stages(text) == [meant]


def test_an_hour_of_twelve_has_two_meanings() -> None:
    assert stages("Juchitán 6:30") == [[("Juchitán", "17 18:30")], [("Juchitán", "18 06:30")]]
    assert len(readings("06:30", NOON, ZONE)) == 1
    assert len(readings("mañana a las 6", NOON, ZONE)) == 1
    assert len(readings("6 de la tarde", NOON, ZONE)) == 1
    assert len(readings("a las seis", NOON, ZONE)) == 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", Problem.NOT_UNDERSTOOD),
        (", ,", Problem.NOT_UNDERSTOOD),
        ("Oaxaca 25:61", Problem.NOT_UNDERSTOOD),
        ("Oaxaca", Problem.NO_TIME),
        ("Oaxaca, Juchitán 18:30", Problem.NO_TIME),
        ("Juchitán 3 horas", Problem.NO_TIME),
        ("Juchitán en 2 meses", Problem.NO_TIME),
        ("Oaxaca 18:00, Juchitán 14:00", Problem.ORDER),
        ("Oaxaca 14:00, Juchitán 14:00", Problem.ORDER),
        ("Oaxaca mañana 14:00, Juchitán hoy 18:00", Problem.ORDER),
        ("Oaxaca el 5 de enero 14:00", Problem.TOO_FAR),
        ("x" * 1001, Problem.NOT_UNDERSTOOD),
    ],
)
def test_half_a_trip_is_none(text: str, problem: Problem) -> None:
    with pytest.raises(TripError) as raised:
        read_trip(text, NOON, ZONE)
    assert raised.value.code is problem


@given(st.text(max_size=80))
def test_whatever_is_written_a_trip_goes_forward(text: str) -> None:
    try:
        meant = read_trip(text, NOON, ZONE)
    except TripError:
        return
    for said in meant:
        dues = [stage.due for stage in said]
        assert dues == sorted(set(dues))
        assert dues[0] > NOON


def test_one_question() -> None:
    def once(text: str) -> tuple[list[str], str] | None:
        found = read_once(text, NOON, ZONE)
        return None if found is None else ([wall(at) for at in found[0]], found[1])

    assert once("22:30 cuando salga de la audiencia") == (
        ["17 22:30"], "cuando salga de la audiencia",
    )  # fmt: skip
    assert once("cuando salga, 22:30") == (["17 22:30"], "cuando salga")
    assert once("hasta mañana a las 9 sierra sin señal") == (["18 09:00"], "sierra sin señal")
    assert once("9") == (["17 21:00", "18 09:00"], "")
    for text in ("25:61", "31 de febrero", "2 meses", "en 2 meses", "ayer a las 9", "", "luego"):
        assert once(text) is None, text
    assert asks_once("Pregúntame a las 22:30") == "a las 22:30"
    assert asks_once("ask me at 10 pm") == "at 10 pm"
    assert asks_once("me preguntas luego") is None


def test_setting_out_and_being_late() -> None:
    assert sets_out("Salgo a Juchitán, llego a las 18:30")
    assert sets_out("I'm heading to Juchitán")
    assert not sets_out("salgo bien")
    assert not sets_out("estoy bien")
    assert read_extension("alargar 30 min") == timedelta(minutes=30)
    assert read_extension("voy tarde") == timedelta(0)
    assert read_extension("running late, half an hour") == timedelta(minutes=30)
    assert read_extension("alargar mucho") is None
    assert read_extension("estoy bien") is None


def test_quiet_hours_are_read() -> None:
    for text in ("22:00 a 07:00", "de 10 pm a 7 am", "22-7", "from 10 pm to 7 am", "22:00-07:00"):
        assert read_span(text) == (time(22), time(7)), text
    for text in ("", "25:61 a 7", "noche", "22:00", "a"):
        assert read_span(text) is None, text


def test_a_collective_is_read() -> None:
    parts = read_collective(
        "Caravana a Juchitán: Ana, Berta y 12 personas más; cada 2 horas hasta las 20:00;"
        " responde Berta",
        NOON,
        ZONE,
    )
    assert (parts.title, parts.names, parts.others) == (
        "Caravana a Juchitán", ("Ana", "Berta"), 12,
    )  # fmt: skip
    assert (parts.answers, parts.every) == ("Berta", timedelta(hours=2))
    assert [wall(at) for at in parts.ends] == ["17 20:00"]
    bare = read_collective("Assembly: 30 people; until 8 pm", NOON, ZONE)
    assert (bare.others, bare.every, [wall(at) for at in bare.ends]) == (30, None, ["17 20:00"])
    assert read_collective("A: Ana; cada hora hasta las 20:00", NOON, ZONE).every == timedelta(hours=1)


def test_who_is_missing() -> None:
    assert read_missing("falta Ana") == ["Ana"]
    assert read_missing("Faltan Ana y una señora de Ixtepec.") == ["Ana", "una señora de Ixtepec"]
    assert read_missing("Ana is missing") == ["Ana"]
    for text in ("no falta nadie", "falta nadie", "estamos todas", "bien"):
        assert read_missing(text) is None, text


@pytest.mark.parametrize(
    ("text", "zone", "found"),
    [
        ("28/03/2027 2:30", "Europe/Madrid", Clocks.SKIPPED),
        ("31/10/2027 02:30", "Europe/Madrid", Clocks.TWICE),
        ("31/10/2027 12:30", "Europe/Madrid", None),
        ("14/03/2027 2:15 vuelo", "America/Tijuana", Clocks.SKIPPED),
    ],
)
def test_a_change_of_clocks_is_seen(text: str, zone: str, found: Clocks | None) -> None:
    instant = read_instant(text.removesuffix(" vuelo"), NOON, zone)
    assert instant is not None
    assert at_change_of_clocks(text, instant, zone) is found
