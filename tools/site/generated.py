"""The parts of pages that are read from the code: `<!-- generated: NAME -->` in a page is replaced by
what the function behind NAME says in the page's language, and `<!-- code: PATH -->` by a file.

Nothing here is kept in the repository, so nothing can be older than the code that it describes.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from bot.domain.chat import ChatKind
from bot.domain.people import Role
from bot.domain.permissions import ALLOWED, Action, Held, Standing
from bot.texts import Texts
from handlers.commands import Entry
from handlers.entries import ENTRIES, HELP_WORDS
from tools.site.settings import Setting, sections
from tools.site.terminal import Command, commands
from tools.site.words import Words

ROOT = Path(__file__).parents[2]
MARKER = re.compile(r"^<!-- generated: ([a-z-]+) -->$", re.MULTILINE)
CODE = re.compile(r"^<!-- code: ([\w/.@-]+) -->$", re.MULTILINE)
LEXERS = {".py": "python", ".toml": "toml", ".service": "ini"}

PAGE = re.compile(r"docs/([a-z]{2})/([a-z-]+)\.md")
"""Where a comment in the code sends its reader."""

AUDIENCE: Mapping[Held, str] = {
    Standing.MEMBER: "Every member",
    Standing.STRANGER: "is not a member yet",
    Role.RESPONDER: "responds",
    Role.COORDINATOR: "coordinates",
    Role.AUTHOR: "writes denunciations",
    Role.APPROVER: "approves denunciations",
    Role.OBSERVER: "observes",
    Standing.OPERATOR: "runs the bot",
}
"""Who may, from most people to fewest."""


def filled(markdown: str, words: Words) -> str:
    """The page with everything that is generated in it. Raises `KeyError` for an unknown name."""
    shown = CODE.sub(lambda found: _code(ROOT / found[1]), markdown)
    return MARKER.sub(lambda found: PARTS[found[1]](words).strip(), shown)


def _code(path: Path) -> str:
    """A file of the repository, as it stands there."""
    return f"```{LEXERS[path.suffix]}\n{path.read_text('utf-8').strip()}\n```"


# --- what is written to the bot -----------------------------------------------------------------


def examples() -> dict[str, dict[str, list[str]]]:
    """Command → language → what can be written."""
    found: dict[str, dict[str, list[str]]] = tomllib.loads(
        (ROOT / "tools" / "site" / "examples.toml").read_text("utf-8")
    )
    return found


def who_may(action: Action) -> tuple[Held, ...]:
    """In the order of `AUDIENCE`."""
    order = list(AUDIENCE)
    held = {each for kind in ALLOWED[action].values() for each in kind}
    return tuple(sorted(held, key=order.index))


def audience(held: Iterable[Held], words: Words) -> str:
    """ "Whoever responds or coordinates". """
    said = [words(AUDIENCE[each]) for each in held]
    if said == [words(AUDIENCE[Standing.MEMBER])]:
        return said[0]
    return words("Whoever {does}", does=words.listed(said))


def where(action: Action, words: Words) -> str:
    """In which chats, if that is not the person's own with the bot."""
    kinds = frozenset(kind for kind, who in ALLOWED[action].items() if who)
    match kinds:
        case _ if kinds == {ChatKind.PRIVATE}:
            return ""
        case _ if ChatKind.PRIVATE in kinds:
            return words("in any chat")
        case _:
            return words("in a group, channel or room")


def chat_commands(words: Words) -> str:
    """Each command under whoever may use it, with its other names, a sentence and examples."""
    texts = Texts(words.language, "UTC", datetime(2026, 1, 1, tzinfo=UTC))
    by_audience: dict[tuple[Held, ...], list[str]] = {}
    for entry in ENTRIES:
        said = _chat_command(entry, texts.plain(f"command.{entry.name}"), words)
        by_audience.setdefault(who_may(entry.action), []).append(said)
    # What the router answers itself.
    manual = words("see everything that you can do")
    said = _names(HELP_WORDS) + _defined(manual)
    by_audience[who_may(Action.MANUAL)].append(said)
    order = list(AUDIENCE)
    parts = []
    for held in sorted(by_audience, key=lambda held: [order.index(each) for each in held]):
        parts += [f"## {audience(held, words)}\n", *by_audience[held]]
    return "\n".join(parts)


def _chat_command(entry: Entry, what: str, words: Words) -> str:
    written = examples().get(entry.name, {}).get(words.language, [])
    first = written[0].split()[0].lstrip("/") if written else entry.name
    names = [first, *(name for name in (entry.name, *entry.aliases) if name != first)]
    place = where(entry.action, words)
    said = _names(names) + _defined(f"{what} ({place})" if place else what)
    more = [f"`{each}`" for each in written if each != f"/{first}"]
    return said + (f"    {' · '.join(more)}\n" if more else "")


def _names(names: Iterable[str]) -> str:
    return " · ".join(f"`/{name}`" for name in names) + "\n"


def _defined(what: str) -> str:
    return f":   {Words.sentence(what)}\n\n"


# --- what is written at a terminal --------------------------------------------------------------


def terminal(words: Words) -> str:
    """Each command of `acuerpa` with its arguments and options."""
    return "\n".join(_command(command, words) for command in commands())


def _command(command: Command, words: Words) -> str:
    lines = [f"{'##' if command.is_group or command.depth == 1 else '###'} acuerpa {command.path}\n"]
    lines.append(_prose(words(command.help)) + "\n")
    if not command.is_group:
        lines.append(f"```\n{command.usage}\n```\n")
    for option in command.options:
        if option.name == "--config":
            continue  # the same everywhere: said once, above all
        lines.append(f"`{option.name}`" + (f" `{option.value}`" if option.value else ""))
        facts = []
        if option.required and option.name.startswith("-"):
            facts.append(words("must be given"))
        if option.multiple:
            facts.append(words("may be given several times"))
        if option.default:
            facts.append(words("if left out: {value}", value=f"`{option.default}`"))
        if option.environment:
            facts.append(f"`{option.environment}`")
        said = _prose(words(option.help))
        more = f" *{Words.sentence('; '.join(facts))}*" if facts else ""
        lines.append(f":   {said}{more}\n")
    return "\n".join(lines)


# --- settings -----------------------------------------------------------------------------------


def settings(words: Words) -> str:
    """Each setting of config.toml."""
    parts = []
    for section in sections():
        parts.append(f"## {f'[{section.name}]' if section.name else words('Without a section')}\n")
        if section.about:
            parts.append(_prose(words(section.about)) + "\n")
        parts += [_setting(setting, words) for setting in section.settings]
    return "\n".join(parts)


def _setting(setting: Setting, words: Words) -> str:
    names = " · ".join(f"`{name}`" for name in setting.names)
    facts = [words(setting.kind)]
    facts += [words(bound, value=value) for bound, value in setting.bounds]
    if setting.required:
        facts.append(words("must be set"))
    elif setting.default is None:
        facts.append(words("not set by itself"))
    else:
        facts.append(words("if left out: {value}", value=f"`{setting.default}`"))
    about = [_prose(words(setting.about))] if setting.about else []
    about.append(f"*{words.sentence('; '.join(facts))}*")
    about.append(" · ".join(f"`{variable}`" for variable in setting.environment))
    if setting.credential:
        about.append(words("as a credential: {name}", name=f"`{setting.credential}`"))
    return f"{names}\n:   " + "<br>".join(about) + "\n"


def _prose(said: str) -> str:
    """A comment as a sentence; a page that it names is a link."""
    linked = PAGE.sub(lambda found: f"[{_title(found[1], found[2])}]({found[2]}.md)", said)
    return linked[:1].upper() + linked[1:].rstrip(".") + "."


def _title(language: str, name: str) -> str:
    """What a page calls itself."""
    lines = (ROOT / "docs" / language / f"{name}.md").read_text("utf-8").splitlines()
    return next(line.removeprefix("# ") for line in lines if line.startswith("# "))


# --- words that are an answer -------------------------------------------------------------------

SENSES = {
    "ok": "Enough alone: I am well",
    "filler": "May stand beside it, means nothing alone",
    "polite": "Courtesy",
    "counter_questions": "The only questions that an answer may hold",
    "arrived": "Enough alone where the question was whether you arrived",
    "affirmed": "Enough alone where the question was one of yes and no",
    "all_here": "Enough alone where the question was whether everybody is there",
    "later": "Ask me again",
    "battery": "The phone will be silent: battery",
    "signal": "The phone will be silent: signal",
    "help_words": "An alarm, near the beginning or the end of a message",
    "help_phrases": "An alarm, wherever it stands",
    "unwell": "An alarm, if it is the whole message",
    "not_help": "Sounds like an alarm and is none: it is asked again",
    "yes": "Yes, where something is to be confirmed",
    "no": "No, where something is to be confirmed",
}
LANGUAGE_NAMES = {"any": "In any language", "es": "In Spanish", "en": "In English"}


def answer_words(words: Words) -> str:
    """What people may write, and what it is taken for."""
    path = ROOT / "bot" / "domain" / "answer_words.toml"
    found = tomllib.loads(path.read_text("utf-8"))
    parts = []
    for language, lists in found.items():
        parts.append(f"## {words(LANGUAGE_NAMES.get(language, language))}\n")
        for sense, about in SENSES.items():
            if lists.get(sense):
                parts.append(f"**{words(about)}**\n:   {', '.join(lists[sense])}\n")
    return "\n".join(parts)


# --- lists --------------------------------------------------------------------------------------


def decisions(words: Words) -> str:
    """The decisions, by their titles."""
    folder = ROOT / "docs" / words.language / "decisions"
    lines = []
    for path in sorted(folder.glob("0*.md")):
        title = path.read_text("utf-8").splitlines()[0].removeprefix("# ")
        number, _, rest = title.partition(". ")
        lines.append(f"{int(number)}. [{rest}]({path.name})")
    return "\n".join(lines)


def taken_away(words: Words) -> str:
    """What the mutations take from the program, and the test that sees it."""
    path = ROOT / "tests" / "proofs" / "mutations.toml"
    lines = [f"| {words('Taken away')} | {words('Turns red')} |", "| --- | --- |"]
    for mutation in tomllib.loads(path.read_text("utf-8"))["mutation"]:
        lines.append(f"| {mutation['name']} | `{mutation['test'].rpartition('/')[2]}` |")
    return "\n".join(lines)


PARTS: Mapping[str, Callable[[Words], str]] = {
    "chat-commands": chat_commands,
    "terminal": terminal,
    "settings": settings,
    "answer-words": answer_words,
    "decisions": decisions,
    "taken-away": taken_away,
}
"""Name in a page → what fills it."""
