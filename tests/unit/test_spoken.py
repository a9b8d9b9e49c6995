"""Durations, times, days and instants, read as people write them and never guessed."""

from __future__ import annotations

import time as clock
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.schedule import EVERY_DAY, ScheduleError
from bot.domain.spoken import (
    LONGEST_LINE,
    MOST,
    NotUnderstood,
    Part,
    ScheduleParts,
    read_days,
    read_duration,
    read_instant,
    read_schedule,
    read_time,
)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WORKDAYS, WEEKEND = frozenset(range(5)), frozenset({5, 6})


# --- durations ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("minutes", "ways"), [
    (45, ["45 min", "45min", "45", "45 m", "45 minutos", "cuarenta y cinco minutos", "45 Minutes",
          "tres cuartos de hora", "４５ min", "durante 45 min", "45 min."]),
    (120, ["2 h", "2h", "2 horas", "dos horas", "two hours", "2hrs", "120 min", "2:00"]),
    (90, ["1 h 30", "1h30", "1 h 30 min", "hora y media", "una hora y media", "1 hora y media",
          "an hour and a half", "one and a half hours", "1.5 h", "1,5 h", "1:30", "90", "noventa",
          "1 hora, 30 minutos", "una hora y treinta minutos"]),
    (30, ["media hora", "Media Hora", "half an hour", "treinta", "30' min"]),
    (60, ["una hora", "1h", "an hour", "one hour", "1:00"]),
    (15, ["un cuarto de hora", "15 min", "quince minutos", "a quarter of an hour"]),
    (75, ["hora y cuarto", "1 h 15", "1 h y 15"]),
    (3 * 24 * 60, ["3 días", "3 dias", "tres días", "3 days", "72 h", "3d"]),
    (14 * 24 * 60, ["2 semanas", "two weeks", "14 días"]),
    (26 * 60, ["1 día 2 horas", "un día y dos horas", "1 day and 2 hours"]),
])  # fmt: skip
def test_a_duration_is_read_however_it_is_written(minutes: int, ways: list[str]) -> None:
    for way in ways:
        assert read_duration(way) == minutes * MINUTE, way


@pytest.mark.parametrize("text", [
    "", " ", "0", "0 min", "-5", "-5 min", "bla", "un", "una", "a", "min", "hora", "un mes",
    "45 bla", "45 min bla", "5 min 1 h", "1 h 2 h", "1 h y", "1:75", "1 h 5", "9 am", "400 días",
    "999999", "9" * 200, "1 h" + " " * 500, "mañana", "45 min 30",
])  # fmt: skip
def test_half_a_duration_is_none(text: str) -> None:
    assert read_duration(text) is None


@given(st.integers(0, 47), st.integers(0, 59))
def test_hours_and_minutes_are_read_back(hours: int, minutes: int) -> None:
    expected = hours * HOUR + minutes * MINUTE or None
    for text in (f"{hours} h {minutes:02} min", f"{hours}h{minutes:02}", f"{hours}:{minutes:02}"):
        assert read_duration(text) == expected


# --- times --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("wall", "ways"), [
    ("09:00", ["9", "09:00", "9:00", "9h", "9 am", "9am", "9 a.m.", "a las 9", "las nueve", "at 9",
               "9 de la mañana", "nueve de la mañana", "9 in the morning", "9 en punto", "0900",
               "9 o'clock", "9.00", "９：００"]),
    ("09:30", ["9:30", "9h30", "9 y media", "nueve y media", "half past 9", "half past nine",
               "9:30 a. m.", "9.30"]),
    ("09:45", ["10 menos cuarto", "quarter to 10", "9:45"]),
    ("21:00", ["21h", "21", "21:00 hrs", "9 pm", "9 p.m.", "9PM", "9 de la noche", "9 at night",
               "nueve de la noche", "21:00 de la noche", "a las 21 horas", "9 in the evening"]),
    ("21:30", ["9:30 pm", "9 y media de la noche", "2130", "21:30"]),
    ("12:00", ["mediodía", "al mediodía", "noon", "12", "12 pm", "12 del mediodía", "12:00"]),
    ("00:00", ["medianoche", "midnight", "0:00", "00:00", "12 am", "12 de la noche", "0"]),
    ("13:00", ["1 pm", "1 de la tarde", "la 1 de la tarde", "1 del mediodía", "13 h"]),
    ("03:00", ["3 de la madrugada", "3 am", "3"]),
    ("12:30", ["12:30 pm", "12 y media", "12:30 de la tarde"]),
])  # fmt: skip
def test_a_time_is_read_however_it_is_written(wall: str, ways: list[str]) -> None:
    for way in ways:
        assert read_time(way) == time.fromisoformat(wall), way


@pytest.mark.parametrize("text", [
    "", "25:61", "24:00", "9:60", "25", "bien", "930", "-9", "9:5", "21 am", "13 de la mañana",
    "0 pm", "12 de la mañana", "2 de la noche", "9 bla", "9 y", "a las", "9:30 y media",
    "half past 9 y media", "9 9", "9:00:00", "x" * 200,
])  # fmt: skip
def test_what_is_no_time_or_two_is_none(text: str) -> None:
    assert read_time(text) is None


@given(st.integers(0, 23), st.integers(0, 59))
def test_every_minute_of_the_day_is_read_back(hour: int, minute: int) -> None:
    wall = time(hour, minute)
    twelve = f"{hour % 12 or 12}:{minute:02} {'am' if hour < 12 else 'pm'}"
    for text in (f"{hour}:{minute:02}", f"{hour:02}{minute:02}", f"{hour}h{minute:02}", twelve):
        assert read_time(text) == wall, text


# --- days ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "ways"), [
    (WORKDAYS, ["lunes a viernes", "de lunes a viernes", "lun-vie", "lun - vie", "L-V", "mon-fri",
                "Mon to Fri", "Monday through Friday", "entre semana", "weekdays", "días hábiles",
                "lun, mar, mié, jue y vie", "lunes–viernes"]),
    (EVERY_DAY, ["todos los días", "diario", "a diario", "daily", "every day", "everyday",
                 "cada día", "lunes a domingo", "dom-sáb"]),
    (WEEKEND, ["fines de semana", "fin de semana", "weekends", "sábados y domingos", "sáb-dom",
               "saturday and sunday"]),
    (frozenset({0, 2, 4}), ["lun, mié y vie", "lunes miércoles viernes", "mon, wed, fri",
                             "LUN/MIE/VIE", "los lunes, miércoles y viernes"]),
    (frozenset({0, 4, 5, 6}), ["vie-lun", "friday to monday"]),
    (EVERY_DAY - {6}, ["todos los días menos domingo", "every day except sunday",
                       "entre semana y sábado", "lun-sáb"]),
    (frozenset({0}), ["lunes", "los lunes", "cada lunes", "on mondays", "mon"]),
])  # fmt: skip
def test_days_are_read_however_they_are_written(days: frozenset[int], ways: list[str]) -> None:
    for way in ways:
        assert read_days(way) == days, way


@pytest.mark.parametrize("text", [
    "", "bien", "y", "de", ",", "lun mar xyz", "lun-xyz", "xyz-lun", "a", "todos", "ayer",
    "lunes 9", "todos los días menos lunes a domingo", "todos los días menos xyz", "menos lunes",
    "lun" * 100,
])  # fmt: skip
def test_half_a_list_of_days_is_none(text: str) -> None:
    assert read_days(text) is None


# --- one line -----------------------------------------------------------------------------------

NINE, TWENTY_ONE = time(9), time(21)


@pytest.mark.parametrize("line", [
    "09:00 y 21:00 lun-vie margen 45 min avisos 15 min, 30 min",
    "avisos 15 min, 30 min margen 45 min lun-vie 09:00 y 21:00",
    "margen 45 min 9 y 21 lun-vie avisos 15, 30",
    "de lunes a viernes a las 9 y 21 h con margen de 45 min y avisos a los 15 y 30 min",
    "9 am and 9 pm mon-fri, grace 45 min, reminders 15 min and 30 min",
    "Entre semana; 9 de la mañana; 9 de la noche; Margen: 45; Recordatorios: 15 y 30",
    "avisos 15 min y 30 min y 09:00 y 21:00 lun-vie margen 45 min",
    "lun-vie avisos 15 min, aviso 30 min, 9, 21, plazo tres cuartos de hora",
    "９：００ y 21:00\nlun-vie\nmargen 45 min\navisos 15 min, 30 min",
])  # fmt: skip
def test_a_whole_schedule_is_one_line_in_any_order(line: str) -> None:
    assert read_schedule(line) == ScheduleParts(
        (NINE, TWENTY_ONE), WORKDAYS, 45 * MINUTE, (15 * MINUTE, 30 * MINUTE)
    )


def test_what_a_line_does_not_say_is_left_to_the_caller() -> None:
    assert read_schedule("9:00") == ScheduleParts((NINE,), None, None, None)
    assert read_schedule("9:00 diario") == ScheduleParts((NINE,), EVERY_DAY, None, None)


def test_a_line_can_say_that_there_are_no_reminders() -> None:
    for line in ("9:00 sin avisos", "9 no reminders", "avisos ninguno 9:00", "9 reminders: none"):
        assert read_schedule(line) == ScheduleParts((NINE,), None, None, ()), line


def test_times_after_reminders_are_times_again() -> None:
    for line in ("avisos 15 min, 9 y 21", "avisos 15 min 9:00 21:00", "avisos 15, 9:00 y 21:00"):
        assert read_schedule(line) == ScheduleParts((NINE, TWENTY_ONE), reminders=(15 * MINUTE,)), (
            line
        )


def test_each_reminder_of_a_list_is_its_own() -> None:
    assert read_schedule("9:00 avisos 1 h, 30 min") == ScheduleParts(
        (NINE,), reminders=(HOUR, 30 * MINUTE)
    )


def test_times_after_the_grace_are_times_again() -> None:
    for line in ("margen 1 h 9 y 21", "margen 1 h, 9:00 21:00", "margen 60 9:00 21:00"):
        assert read_schedule(line) == ScheduleParts((NINE, TWENTY_ONE), grace=HOUR), line


def test_a_time_said_twice_is_one_question() -> None:
    assert read_schedule("9:00 y 9 am") == ScheduleParts((NINE,))


@pytest.mark.parametrize(("line", "part", "text"), [
    ("", Part.TIMES, ""),
    ("lun-vie margen 45 min", Part.TIMES, ""),
    ("9:00 25:61 lun", Part.TIMES, "25:61 lun"),
    ("9:00 margen mucho avisos 15", Part.GRACE, "mucho"),
    ("9:00 margen", Part.GRACE, ""),
    ("9:00 margen 45 margen 30", Part.GRACE, "margen 30"),
    ("9:00 Avisos cada QUINCE min", Part.REMINDERS, "cada QUINCE min"),
    ("9:00 avisos", Part.REMINDERS, ""),
    ("9:00 lunez", Part.LINE, "lunez"),
    ("9:00 Blablá lun, mar y tal", Part.LINE, "Blablá lun, mar"),
    ("9:00 sin margen", Part.LINE, "sin"),
])  # fmt: skip
def test_it_says_kindly_which_part_was_not_understood(line: str, part: Part, text: str) -> None:
    assert read_schedule(line) == NotUnderstood(part, text)


def test_a_novel_is_no_schedule() -> None:
    found = read_schedule("9:00 " * 20_000)
    assert isinstance(found, NotUnderstood)
    assert found.part is Part.LINE
    assert len(found.text) <= 40


# --- instants -----------------------------------------------------------------------------------

MEXICO = "America/Mexico_City"
NOW = datetime(2026, 6, 10, 15, tzinfo=UTC)
"""Wednesday, 10 June 2026, 09:00 in Mexico City."""


def meant(text: str, zone: str = MEXICO, now: datetime = NOW) -> str | None:
    """The wall time in the zone, as text."""
    found = read_instant(text, now, zone)
    assert found is None or found.tzinfo is UTC
    return f"{found.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}" if found else None


@pytest.mark.parametrize(("wall", "ways"), [
    ("2026-06-11 09:00", ["mañana a las 9", "mañana 9:00", "tomorrow at 9", "9 am tomorrow",
                          "mañana a las 9 de la mañana", "9 mañana", "a las 9 de mañana", "a las 9",
                          "mañana por la mañana a las 9", "jueves a las 9", "11 de junio a las 9"]),
    ("2026-06-11 21:00", ["mañana a las 9 de la noche", "tomorrow 9 pm", "mañana 21h",
                          "mañana en la noche a las 9", "tomorrow night at 9"]),
    ("2026-06-10 12:00", ["en 3 horas", "in 3 hours", "dentro de 3 h", "en tres horas", "mediodía",
                          "hoy a las 12", "12:00", "today at noon"]),
    ("2026-06-10 10:30", ["en una hora y media", "in an hour and a half", "en 90", "10:30"]),
    ("2026-06-10 21:00", ["hoy a las 21:00", "esta noche a las 9", "tonight at 9", "9 pm", "21h",
                          "esta noche 9 pm", "miércoles 9 pm", "10 de junio 21:00", "10/06 21:00"]),
    ("2026-06-12 18:00", ["el viernes a las 18:00", "viernes 18h", "friday 6 pm", "next friday 6pm",
                          "pasado mañana a las 6 de la tarde", "viernes 12 de junio 18:00",
                          "el próximo viernes a las 18 h"]),
    ("2026-06-17 08:00", ["miércoles 8:00", "el miércoles que viene a las 8:00"]),
    ("2026-06-17 10:00", ["próximo miércoles 10:00"]),
    ("2026-06-13 09:00", ["en 3 días", "in 3 days", "en 3 días a las 9:00"]),
    ("2026-12-01 09:00", ["2026-12-01 09:00", "2026-12-01T09:00", "01/12/2026 9:00", "1/12 9 am",
                          "1 de diciembre a las 9", "1 de diciembre de 2026, 9:00", "Dec 1 9 am",
                          "December 1st at 9", "primero de diciembre 9:00", "1 dic 0900"]),
    ("2026-06-15 00:00", ["hasta el lunes", "lunes", "2026-06-15", "el 15 de junio", "15/6"]),
    ("2026-07-05 00:00", ["5 de julio 2026", "July 5 2026", "el 5 de julio"]),
    ("2027-01-05 09:00", ["5 de enero a las 9:00", "5/1 9:00"]),
])  # fmt: skip
def test_an_instant_is_read_however_it_is_written(wall: str, ways: list[str]) -> None:
    for way in ways:
        assert meant(way) == wall, way


@pytest.mark.parametrize("text", [
    "", "bien", "a", "31 de febrero", "31 de febrero a las 9", "2026-02-31 09:00", "2026-13-01",
    "31/06", "25:61", "mañana a las 25", "mañana a las 9 bla", "ayer", "ayer a las 9",
    "hace 3 horas", "2025-12-01", "hoy a las 8:00", "hoy", "10 de junio de 2026", "3000-01-01",
    "2030-01-01", "5 lunes", "lunes 15", "lunes 12 de junio", "esta noche", "mañana por la noche",
    "nine 30", "at nine 30", "seven 5", "3 horas", "en", "en bla", "en un mes", "5 bananas 9:00",
    "12/31 9:00", "x" * 500, "lun 9 lun",
])  # fmt: skip
def test_what_is_past_or_impossible_or_unclear_is_none(text: str) -> None:
    assert meant(text) is None


def test_a_time_that_clocks_jump_over_is_the_jump() -> None:
    evening_before = datetime(2026, 3, 8, 1, tzinfo=UTC)
    assert read_instant("mañana 2:30", evening_before, "America/New_York") == datetime(
        2026, 3, 8, 7, tzinfo=UTC
    )


def test_in_two_days_is_at_the_same_hour_though_clocks_change_and_48_hours_are_not() -> None:
    noon = datetime(2026, 3, 7, 17, tzinfo=UTC)
    assert meant("en 2 días", "America/New_York", noon) == "2026-03-09 12:00"
    assert meant("en 49 horas", "America/New_York", noon) == "2026-03-09 14:00"


def test_the_day_is_that_of_the_person_not_of_utc() -> None:
    late = datetime(2026, 6, 11, 4, tzinfo=UTC)  # still the 10th in Mexico City
    assert meant("mañana a las 9", now=late) == "2026-06-11 09:00"


def test_the_29th_of_february_is_found_in_a_leap_year_only() -> None:
    assert meant("29 de febrero 9:00") is None
    assert meant("29 de febrero 9:00", now=datetime(2027, 6, 1, tzinfo=UTC)) == "2028-02-29 09:00"


def test_a_naive_now_and_an_unknown_zone_are_our_mistakes_and_raised() -> None:
    with pytest.raises(ValueError, match="zone"):
        read_instant("mañana", datetime(2026, 6, 10), MEXICO)
    with pytest.raises(ScheduleError):
        read_instant("mañana", NOW, "America/Aztlan")


# --- any text -----------------------------------------------------------------------------------

SCRAPS = (
    "9 09:00 25:61 31 12/31 2026-02-30 a las y de la noche mañana pm hoy en 3 horas h min lun -"
    " vie diario margen avisos sin 45 , media menos 5 julio febrero próximo T 0"
)
PIECES = st.lists(
    st.sampled_from(SCRAPS.split()),
    max_size=9,
).map(" ".join)


@given(st.one_of(PIECES, st.text(max_size=120)))
def test_no_text_at_all_makes_a_reader_fail(text: str) -> None:
    duration, instant = read_duration(text), read_instant(text, NOW, MEXICO)
    assert duration is None or timedelta(0) < duration <= MOST
    assert instant is None or NOW < instant <= NOW + MOST
    days, wall = read_days(text), read_time(text)
    assert days is None or (days and days <= EVERY_DAY)
    assert wall is None or wall.tzinfo is None
    found = read_schedule(text)
    assert isinstance(found, NotUnderstood) or found.times


@pytest.mark.parametrize(
    "text",
    ["9", "a ", "lun ", "1 h ", "9:", "avisos 1, ", "\u0301", " ", "-", "de la ", "y ", "45 "],
)
def test_a_flood_is_refused_at_once(text: str) -> None:
    took = min(_seconds(text) for _ in range(3))
    assert took < 0.25


def _seconds(text: str) -> float:
    flood, line = (text * 65536)[:65536], (text * LONGEST_LINE)[:LONGEST_LINE]
    start = clock.thread_time()
    for each in (flood, line, (text * 100)[:100]):
        read_duration(each), read_time(each), read_days(each), read_schedule(each)
        read_instant(each, NOW, MEXICO)
    return clock.thread_time() - start
