"""What a picture of a timeline shows, measured on its pixels."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO

from PIL import Image

from bot.pictures.timeline import Bar, Mark, Row, Timeline, Tone, drawn

CALM = (0x00, 0x72, 0xB2)
ALARM = (0xD5, 0x5E, 0x00)


def minutes(n: float) -> timedelta:
    return timedelta(minutes=n)


def axis(at: timedelta) -> str:
    return f"{at.total_seconds() // 60:.0f} min"


def opened(timeline: Timeline) -> Image.Image:
    return Image.open(BytesIO(drawn(timeline))).convert("RGB")


def columns(image: Image.Image, colour: tuple[int, int, int]) -> list[int]:
    """The columns of pixels that have this colour."""
    return [
        x
        for x in range(image.width)
        if any(c == colour for _, c in image.crop((x, 0, x + 1, image.height)).getcolors())
    ]


def test_a_bar_is_as_long_as_its_time_and_begins_where_the_other_ends() -> None:
    rows = (
        Row("Berta", (Bar(minutes(0), minutes(15), Tone.CALM),)),
        Row("Coral", (Bar(minutes(15), minutes(60), Tone.ALARM),)),
    )
    image = opened(Timeline("Simulacro", rows, axis))
    first, second = columns(image, CALM), columns(image, ALARM)
    assert abs(len(second) / len(first) - 3) < 0.1
    assert abs(second[0] - first[-1]) < 5


def test_a_very_long_name_stays_in_its_place_and_no_row_is_drawn_over_another() -> None:
    rows = tuple(Row("Ñandú " * 40, marks=(Mark(minutes(n), "ǂ" * 80),)) for n in range(90))
    image = opened(Timeline("Título " * 90, rows, axis, now=minutes(3), now_label="ahora"))
    assert image.width == 1080
    assert image.height < 6000


def test_nothing_at_all_is_a_picture_too() -> None:
    assert opened(Timeline("", (), axis)).width == 1080


def test_what_ends_before_it_begins_is_still_seen() -> None:
    image = opened(Timeline("", (Row("", (Bar(minutes(9), minutes(1), Tone.CALM),)),), axis))
    assert columns(image, CALM)
