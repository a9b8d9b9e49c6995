"""A setting that is wrong, said in one line: its name, what it must be, and never its value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from bot.layers import BETWEEN, FILE, PREFIX

EXAMPLE = "config.example.toml"

UNKNOWN = "extra_forbidden"

WORDS: Mapping[str, str] = {
    "missing": f"is missing: see {EXAMPLE}",
    "string_type": "must be text, in quotes",
    "path_type": "must be a path, in quotes",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "time_type": 'must be a time of day such as "09:00"',
    "time_parsing": 'must be a time of day such as "09:00"',
    "frozen_set_type": 'must be a list such as ["telegram:123456"]',
    "list_type": 'must be a list such as ["one", "two"]',
    "tuple_type": 'must be a list such as ["one", "two"]',
    "model_type": "is a section: write its name in [brackets] and its settings below",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be {ge:g} or more",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be {le:g} or less",
    "string_too_short": "must have {min_length} characters or more",
    "string_too_long": "must have {max_length} characters at most",
    "enum": "must be one of {expected}",
    "literal_error": "must be one of {expected}",
}
"""By pydantic's name of the error (its documentation, "Validation Errors")."""


def one_line(
    error: ValidationError,
    known: Mapping[str, Sequence[str]],
    variables: frozenset[str] = frozenset(),
) -> str:
    """The first mistake; a name that is not known comes first, since others follow from it.

    Args:
        known: The settings of each section; those at the top of the file are under "".
        variables: The settings that are from the environment: the variable is named as well.
    """
    all_of_them = error.errors(include_url=False, include_input=False)
    first = min(all_of_them, key=lambda one: one["type"] != UNKNOWN)
    names = [str(part) for part in first["loc"] if not isinstance(part, int)]
    setting = ".".join(names)
    if setting in variables:
        setting = f"{setting} ({PREFIX}{BETWEEN.join(names).upper()})"
    return f"{setting or 'the file'}: {_words(first['type'], names, first, known)}"


def _words(
    kind: str, names: Sequence[str], error: Mapping[str, Any], known: Mapping[str, Sequence[str]]
) -> str:
    if kind == UNKNOWN:
        return f"no such setting{_meant(names, known)}: see {EXAMPLE}"
    if kind == "missing" and f"{names[-1]}{FILE}" in known.get(".".join(names[:-1]), ()):
        return f"is missing, and so is {names[-1]}{FILE}: see {EXAMPLE}"
    if kind == "string_too_short" and error["ctx"]["min_length"] == 1:
        return "is empty"
    if (words := WORDS.get(kind)) is not None:
        return words.format(**error.get("ctx", {}))
    return str(error["msg"]).removeprefix("Value error, ")


def _meant(names: Sequence[str], known: Mapping[str, Sequence[str]]) -> str:
    """What the writer of an unknown name may have had in mind."""
    *above, name = names
    section = ".".join(above)
    if close := get_close_matches(name, known.get(section, ()), 1):
        return f"; did you mean {'.'.join([*above, close[0]])}?"
    if section and name in known[""]:
        return f"; {name} stands at the top of the file, above all [sections]"
    elsewhere = [other for other, settings in known.items() if other and name in settings]
    if elsewhere:
        return f"; {name} stands under [{elsewhere[0]}]"
    return ""
