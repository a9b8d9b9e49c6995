"""Reads pages of ours: what a selector finds in them, and their words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lxml import html

PART = re.compile(r"([a-z0-9]+)|\.([a-z]+)|\[([a-z-]+)([$]?)=([^\]]+)\]")


def page(pages: Mapping[str, bytes], name: str) -> Any:
    """A page as a browser reads it."""
    return html.fromstring(pages[name].decode(), parser=html.HTMLParser(encoding="utf-8"))


def said(element: Any) -> str:
    """Its words on one line."""
    return " ".join(element.text_content().split())


def select(element: Any, selector: str) -> list[Any]:
    """What a selector of CSS finds: tags, classes, [attribute=value], [attribute$=value], a space."""
    return element.xpath(" | ".join(map(_path, selector.split(","))))


def _path(selector: str) -> str:
    path = "."
    for step in selector.split():
        tag, tests = "*", ""
        for name, of_class, attribute, at_end, value in PART.findall(step):
            tag = name or tag
            if of_class:
                tests += f"[contains(concat(' ', @class, ' '), ' {of_class} ')]"
            elif at_end:
                begins = f"string-length(@{attribute}) - {len(value) - 1}"
                tests += f"[substring(@{attribute}, {begins}) = '{value}']"
            elif attribute:
                tests += f"[@{attribute}='{value}']"
        path += f"//{tag}{tests}"
    return path
