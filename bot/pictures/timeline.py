"""Bars over a line of time: the steps of a plan, the report of a drill, who is out.

What a bar means is said by its words and by its fill, never by colour alone. The colours are those
of Okabe and Ito (https://jfly.uni-koeln.de/color/), which people with any colour vision tell apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

FONT = Path(__file__).with_name("DejaVuSans.ttf")
"""DejaVu Sans 2.37, under the licence beside it: has the letters of the languages of the region."""

WIDTH = 1080
"""Pixels: the width of a phone held upright, so that nothing has to be made larger."""

MARGIN, LABELS, TEXT, SMALL, HEAD, ROW = 28, 300, 28, 22, 34, 76
"""Pixels: around everything, for the names of the rows, of letters, and of a row's height."""

MOST_ROWS = 60
"""More would make a picture that no platform takes; what is beyond is in the words."""

STEPS = tuple(
    timedelta(minutes=m)
    for m in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 7 * 1440, 14 * 1440)
)
"""What the marks on the axis may be apart."""


class Tone(Enum):
    """What a bar is like: its colour, and whether it is filled or only drawn around."""

    CALM = ("#0072B2", True)
    WAITING = ("#E69F00", False)
    ALARM = ("#D55E00", True)
    DONE = ("#009E73", True)
    QUIET = ("#7F7F7F", False)


@dataclass(frozen=True, slots=True)
class Bar:
    """From `start` to `end` since the picture's beginning. An end before the start is the start."""

    start: timedelta
    end: timedelta
    tone: Tone
    label: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """One instant of a row."""

    at: timedelta
    label: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the picture: a step, or a person."""

    label: str
    bars: tuple[Bar, ...] = ()
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Timeline:
    """The whole. `axis` says an instant in the reader's words ("15 min", "21:30"); `now` is a line
    across all rows, with `now_label` at its foot."""

    title: str
    rows: Sequence[Row]
    axis: Callable[[timedelta], str]
    now: timedelta | None = None
    now_label: str = ""

    @property
    def span(self) -> timedelta:
        """From the picture's beginning to the last thing on it; a minute at the least."""
        ends = [bar.end for row in self.rows for bar in row.bars]
        ends += [mark.at for row in self.rows for mark in row.marks]
        return max([*ends, self.now or timedelta(0), timedelta(minutes=1)])


def drawn(timeline: Timeline) -> bytes:
    """A PNG without anything in it but the picture."""
    rows = timeline.rows[:MOST_ROWS]
    top = MARGIN + HEAD + MARGIN
    height = top + ROW * len(rows) + SMALL * 2 + MARGIN * 2
    from PIL import Image, ImageDraw  # takes memory that few need

    image = Image.new("RGB", (WIDTH, height), "white")
    pen = ImageDraw.Draw(image)
    left, right = MARGIN + LABELS, WIDTH - MARGIN * 2
    scale = (right - left) / timeline.span.total_seconds()

    def x(at: timedelta) -> float:
        return left + min(max(at, timedelta(0)), timeline.span).total_seconds() * scale

    pen.text((MARGIN, MARGIN), _fitting(timeline.title, WIDTH - 2 * MARGIN, HEAD), "black", _font(HEAD))
    foot = top + ROW * len(rows)
    _axis(pen, timeline, x, top, foot)
    for number, row in enumerate(rows):
        _row(pen, row, x, top + ROW * number)
    if timeline.now is not None:
        at = x(timeline.now)
        pen.line([(at, top - 8), (at, foot + 8)], "black", 3)
        words = _fitting(timeline.now_label, LABELS, SMALL)
        pen.text((at, foot + SMALL + 14), words, "black", _font(SMALL), anchor=_anchor(at, words))
    file = BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def _axis(
    pen: ImageDraw.ImageDraw, timeline: Timeline, x: Callable[[timedelta], float], top: int, foot: int
) -> None:
    step = next((s for s in STEPS if timeline.span / s <= 6), timeline.span / 6)
    at, free = timedelta(0), 0.0
    while at <= timeline.span:
        pen.line([(x(at), top), (x(at), foot)], "#DDDDDD", 2)
        words = timeline.axis(at)
        half = _font(SMALL).getlength(words) / 2
        if x(at) - half >= free and x(at) + half <= WIDTH:
            pen.text((x(at), foot + 8), words, "#444444", _font(SMALL), anchor="ma")
            free = x(at) + half + 12
        at += step


def _row(pen: ImageDraw.ImageDraw, row: Row, x: Callable[[timedelta], float], top: int) -> None:
    middle = top + ROW // 2
    label = _fitting(row.label, LABELS - 16, TEXT)
    pen.text((MARGIN, middle), label, "black", _font(TEXT), anchor="lm")
    for bar in row.bars:
        colour, filled = bar.tone.value
        start, end = x(bar.start), max(x(bar.end), x(bar.start) + 6)
        box = (start, middle - 20, end, middle + 20)
        pen.rounded_rectangle(box, 8, colour if filled else "white", colour, 4)
        _beside(pen, bar.label, start, end, middle, "white" if filled else "black")
    for mark in row.marks:
        at = x(mark.at)
        pen.polygon([(at - 11, middle), (at, middle - 14), (at + 11, middle), (at, middle + 14)], "black")
        _beside(pen, mark.label, at - 11, at + 11, middle, "black", outside=True)


def _beside(
    pen: ImageDraw.ImageDraw, words: str, start: float, end: float, middle: int, colour: str,
    *, outside: bool = False,
) -> None:  # fmt: skip
    """Inside where there is room, else behind it, else before it."""
    font, room = _font(SMALL), 10
    needed = font.getlength(words) + 2 * room
    if not words:
        return
    if not outside and needed <= end - start:
        pen.text((start + room, middle), words, colour, font, anchor="lm")
    elif end + needed <= WIDTH:
        pen.text((end + room, middle), words, "black", font, anchor="lm")
    else:
        words = _fitting(words, start - LABELS - MARGIN - room, SMALL)
        pen.text((start - room, middle), words, "black", font, anchor="rm")


def _anchor(at: float, words: str) -> str:
    half = _font(SMALL).getlength(words) / 2
    return "ra" if at + half > WIDTH - 4 else "ma"


def _fitting(words: str, width: float, size: int) -> str:
    """As much as there is room for; what is cut ends with "…"."""
    words = " ".join(words.split())
    if _font(size).getlength(words) <= width:
        return words
    while words and _font(size).getlength(words + "…") > width:
        words = words[:-1]
    return words.rstrip() + "…"


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    from PIL import ImageFont

    return ImageFont.truetype(FONT, size, layout_engine=ImageFont.Layout.BASIC)
