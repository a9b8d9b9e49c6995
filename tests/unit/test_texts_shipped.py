"""The catalogues that we ship say what Babel reads in them."""

from __future__ import annotations

from io import BytesIO

import pytest
from babel.messages.pofile import read_po

from bot.texts import available, catalogue, shipped


@pytest.mark.parametrize("language", available())
def test_it_is_read_as_babel_reads_it(language: str) -> None:
    source = catalogue._source(language)
    babel = read_po(BytesIO(source), locale=language)
    texts: dict[str, object] = {}
    for message in babel:
        if message.id:
            key = message.id if isinstance(message.id, str) else message.id[0]
            texts[key] = message.string if isinstance(message.string, str) else tuple(message.string)
    ours = shipped.read(source.decode())
    assert {key: text for key, text in ours.items() if key} == texts
    assert len(texts) > 1000
    assert shipped.plural_rule(ours[""]) == babel.plural_expr


def test_lines_and_escapes_are_what_they_mean() -> None:
    source = 'msgid ""\nmsgstr "Plural-Forms: nplurals=2; plural=(n>1);\\n"\n\nmsgid "a"\n' \
        'msgstr ""\n"uno \\"dos\\" "\n"\\\\tres\\n"\n\nmsgid "b"\nmsgid_plural "b"\n' \
        'msgstr[0] "x"\nmsgstr[1] "y"\n'  # fmt: skip
    read = shipped.read(source)
    assert read["a"] == 'uno "dos" \\tres\n'
    assert read["b"] == ("x", "y")
    assert shipped.plural_rule(read[""]) == "(n>1)"
    assert shipped.plural_rule("") == "0"
