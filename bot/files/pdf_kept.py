"""The lists of what is copied of a PDF, read once from `pdf_kept.toml`."""

from __future__ import annotations

import tomllib
from importlib.resources import files

_LISTS = tomllib.loads(files(__package__).joinpath("pdf_kept.toml").read_text(encoding="utf-8"))


def _names(section: str) -> frozenset[str]:
    return frozenset(f"/{name}" for words in _LISTS[section].values() for name in words.split())


KEYS = _names("keys")
COMPRESSED = _names("filters")
OPERATORS = frozenset(word for words in _LISTS["operators"].values() for word in words.split())
PARAMETERS = {
    f"/{name}": tuple(f"/{word}" for word in words.split())
    for name, words in _LISTS["parameters"].items()
}
