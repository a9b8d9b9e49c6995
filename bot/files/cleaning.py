"""One file, by its kind. Runs in the opening process alone; loads every library that opens files."""

from __future__ import annotations

import encodings.ascii
import encodings.idna
import encodings.latin_1
import encodings.utf_16
import encodings.utf_16_be
import encodings.utf_16_le  # noqa: F401  an encoding is loaded when first asked for, and could not be

from bot.files import image, pdf, plain
from bot.files.refusal import Refusal
from bot.files.sniff import Source, source
from bot.files.values import Clean, Limits, Reason


def cleaned(content: bytes, limits: Limits, *, text: bool) -> Clean:
    """The same to see, and nothing else. Raises `Refusal` and nothing else."""
    try:
        match source(content, text=text):
            case Source.PDF:
                return pdf.cleaned(content, limits)
            case Source.TEXT:
                return plain.cleaned(content)
            case kind:
                return image.cleaned(content, kind, limits)
    except Refusal:
        raise
    except MemoryError:
        raise Refusal(Reason.TOO_HEAVY) from None
    except Exception as error:
        # Decoders say in dozens of ways that a file is not what it should be.
        raise Refusal(Reason.DAMAGED) from error
