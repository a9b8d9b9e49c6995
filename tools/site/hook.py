"""What MkDocs calls while it builds the site (mkdocs.yml, `hooks`)."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.pages import Page

from tools.site.anchors import anchored
from tools.site.generated import filled
from tools.site.words import ORIGINAL, Words

ALTERNATE = re.compile(r'^\s*<link rel="alternate"[^>]*>\n', re.MULTILINE)
"""The theme's script would look for a list of pages behind each; ours lead to the same page already."""

CONFIG = re.compile(r'(<script id="__config" type="application/json">)(.*?)(</script>)', re.DOTALL)


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, **_: Any) -> str:
    """Fill in what is generated. In a translation each heading has the anchor of the original's, so that
    a link leads to the same place in every language."""
    language, _, name = page.file.src_uri.partition("/")
    text = filled(markdown, Words(language))
    if language == ORIGINAL:
        return text
    return anchored(text, _original(Path(config.docs_dir) / ORIGINAL / name))


@cache
def _original(path: Path) -> str:
    return filled(path.read_text("utf-8"), Words(ORIGINAL))


def on_post_page(output: str, *, page: Page, config: MkDocsConfig) -> str:
    """A page looks for words in the index of its own language."""
    output = ALTERNATE.sub("", output)
    language = page.file.src_uri.partition("/")[0]
    if language == config.plugins["i18n"].default_language:
        return output

    def moved(found: re.Match[str]) -> str:
        values = json.loads(found[2])
        values["base"] = f"{values['base']}/{language}/"
        return found[1] + json.dumps(values) + found[3]

    return CONFIG.sub(moved, output)


def on_post_template(output_content: str, *, template_name: str, **_: Any) -> str:
    """The page for what is not there is of no language."""
    return ALTERNATE.sub("", output_content) if template_name == "404.html" else output_content


@event_priority(-200)  # after the index is written, and after `offline` has made a script of it
def on_post_build(*, config: MkDocsConfig) -> None:
    """An index of words for each language: who reads Spanish is not shown English pages."""
    i18n = config.plugins["i18n"]
    if i18n.building:
        return  # one language of several
    folder = Path(config.site_dir)
    index = json.loads((folder / "search" / "search_index.json").read_text("utf-8"))
    default = i18n.default_language
    for language in i18n.all_languages:
        others = tuple(f"{other}/" for other in i18n.all_languages if other != language)
        prefix = "" if language == default else f"{language}/"
        docs = [
            {**doc, "location": doc["location"].removeprefix(prefix)}
            for doc in index["docs"]
            if doc["location"].startswith(prefix) and not doc["location"].startswith(others)
        ]
        own = json.dumps(
            {"config": {**index["config"], "lang": [language]}, "docs": docs}, ensure_ascii=False
        )
        there = folder / prefix / "search"
        there.mkdir(exist_ok=True)
        (there / "search_index.json").write_text(own, "utf-8")
        (there / "search_index.js").write_text(f"var __index = {own}", "utf-8")
