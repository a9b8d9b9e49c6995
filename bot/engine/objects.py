"""Python's collector of cyclic garbage, and what it need not look at."""

from __future__ import annotations

import gc


def keep_what_is_there() -> None:
    """What exists now is there until the end: modules, classes, tables, texts.

    The collector would go through all of it again and again, a tenth of a second each time, for which
    nobody has a turn. To be called once, when everything is built and nothing has begun.
    """
    gc.freeze()
