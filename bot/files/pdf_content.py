"""What a page draws: its operators one by one, those that draw and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pikepdf
from pikepdf import ContentStreamInlineImage, Name, Operator

from bot.files.pdf_kept import COMPRESSED, OPERATORS
from bot.files.refusal import Refusal
from bot.files.values import Reason

CATEGORIES = {
    "Do": "/XObject", "Tf": "/Font", "gs": "/ExtGState", "CS": "/ColorSpace", "cs": "/ColorSpace",
    "SCN": "/Pattern", "scn": "/Pattern", "sh": "/Shading",
}  # fmt: skip
"""The operators that name a resource, and where that name is looked up."""
INVISIBLE = 3  # text rendering mode (ISO 32000-2, table 104)
SHOWING = frozenset(["Tj", "TJ", "'", '"'])
PLACING = frozenset(["BT", "Td", "TD", "Tm", "T*", "'", '"'])

INLINE_KEYS = frozenset(
    ["/BitsPerComponent", "/ColorSpace", "/Decode", "/DecodeParms", "/Filter", "/Height",
     "/ImageMask", "/Interpolate", "/Width", "/Length"]
)  # fmt: skip
DEVICES = frozenset(["/DeviceGray", "/DeviceRGB", "/DeviceCMYK", "/Pattern"])

Rename = Callable[[str, str], Name]
"""A category and the name in it; the name that it has in the new document."""


def redrawn(stream: Any, rename: Rename) -> bytes:
    """The content of a page or of a stream that draws, without comments, marks and hidden text.

    Raises `Refusal`, and `pikepdf.PdfError` for what cannot be parsed.
    """
    kept: list[Any] = []
    mode = 0
    adrift = False  # what comes next would stand where hidden text stood
    modes: list[int] = []
    for instruction in pikepdf.parse_content_stream(stream):
        if isinstance(instruction, ContentStreamInlineImage):
            _check_inline(instruction.iimage.obj)
            kept.append(instruction)
            continue
        operator = str(instruction.operator)
        operands: list[Any] = list(instruction.operands)
        if operator == "q":
            modes.append(mode)
        elif operator == "Q" and modes:
            mode = modes.pop()
        elif operator == "Tr" and operands:
            mode = int(operands[0])
        if operator not in OPERATORS:
            continue
        adrift = adrift and operator not in PLACING
        if operator in SHOWING and mode == INVISIBLE:
            if operator in PLACING:
                kept.append(([], Operator("T*")))
            adrift = True
            continue
        if operator in SHOWING and adrift:
            raise Refusal(Reason.DOUBTFUL)
        category = CATEGORIES.get(operator)
        at = 0 if operator == "Tf" else -1
        if category and operands and isinstance(operands[at], Name):
            name = str(operands[at])
            if name not in DEVICES or category != "/ColorSpace":
                operands[at] = rename(category, name)
        kept.append((operands, instruction.operator))
    return pikepdf.unparse_content_stream(kept)


def _check_inline(image: Any) -> None:
    """An image inside the content must be one whose every part is known."""
    filters = image.get("/Filter", [])
    names = [filters] if isinstance(filters, Name) else list(filters)
    space = image.get("/ColorSpace", Name.DeviceGray)
    base = space[1] if isinstance(space, pikepdf.Array) and len(space) > 1 else space
    if (
        not set(image.keys()) <= INLINE_KEYS
        or not {str(name) for name in names} <= COMPRESSED | {"/CCITTFaxDecode"}
        or not isinstance(base, Name)
        or str(base) not in DEVICES
    ):
        raise Refusal(Reason.DOUBTFUL)
