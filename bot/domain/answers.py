"""What a person's answer to a question means: Spanish or English, in a hurry, on a bad keyboard.

Three mistakes are possible and they are not alike. To take an alarm for "well" may cost a life: so
OK is strict, every word of the message must be known to be harmless. To take "well" for an alarm
wakes people and wears out their trust, but one word mends it: so help is read generously. To ask
again costs a moment: so everything else is `Answer.UNCLEAR`.

The words are data, in answer_words.toml, with advice for adding a language.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from typing import Any

from rapidfuzz.distance import OSA

READ = 200
"""Visible characters that are read from each end of a message.

So up to twice as many are read whole. Of a longer text (a story, a pasted article) only the ends
count: who needs help says so first or last, and an alarm because the word stands somewhere in an
article of 64 KiB would be false. Such a text is asked about again at once, never counted as OK.
"""


class Answer(StrEnum):
    """What was understood."""

    OK = "ok"
    HELP = "help"
    LATER = "later"
    UNCLEAR = "unclear"


ARRIVED, ALL_HERE, AFFIRMED = "arrived", "all_here", "affirmed"
"""Lists of answer_words.toml that are enough alone where they answer the question."""

HINTS = ("battery", "signal")
"""Lists of what will soon be the reason of a silence."""


# --- making text plain --------------------------------------------------------------------------

_LOOKALIKES = {
    ord(pair[0]): pair[1]
    # What is seen, then the Latin letter it looks like: Cyrillic, Armenian, Greek, other Latin.
    # A keyboard left in another script, a "funny font", or someone trying to slip something past.
    for pair in (  # noqa: SIM905 - sixty literals would hide the pairs
        "аa еe оo рp сc уy хx іi јj ѕs һh кk мm тt нh вb ԁd ԛq ԝw ӏl ոn "
        "αa οo ιi νv κk ρp τt υu χx εe ηn βb ωw γy "
        "ıi ɑa ɡg łl øo đd ɩi ʙb ᴀa ᴄc ᴅd ᴇe ɢg ʜh ɪi ᴊj ᴋk ʟl ᴍm ɴn ᴏo ᴘp ʀr ꜱs ᴛt ᴜu ᴠv ᴡw ʏy ᴢz"
    ).split()
}
_APOSTROPHES = dict.fromkeys(map(ord, "'’‘ʼʹ`´′＇"))
_BLANKS = frozenset("\u115f\u1160\u3164\uffa0\u2800")  # letters and symbols that show as nothing
# Marks (also variation selectors), format (also right-to-left marks), control, private, surrogates.
_UNSEEN = frozenset({"Mn", "Me", "Cf", "Cc", "Co", "Cs", "Cn"})


@lru_cache(4096)  # a message of a million invisible characters takes a third of the time
def _seen(char: str) -> bool:
    """Whether a person sees this as a character of its own; blanks of any width count as seen."""
    if char.isspace():
        return True
    return unicodedata.category(char) not in _UNSEEN and char not in _BLANKS


# Several parts of the bot ask about the same words. Nobody's are kept for longer than the next ones come.
@lru_cache(2)
def plain(text: str) -> str:
    """`text` in the form in which it is compared: what it looks like, in small letters.

    Without accents (also the tilde of ñ), apostrophes, invisible and direction characters;
    full-width and decorated letters and lookalikes of other scripts become Latin ones. Takes time
    in proportion to its length: marks go first, because Python's normalisation sorts a run of them
    in quadratic time.
    """
    seen = "".join(filter(_seen, text)).translate(_APOSTROPHES)
    parts = unicodedata.normalize("NFKD", seen)
    bare = "".join(char for char in parts if unicodedata.category(char) != "Mn")
    return bare.casefold().translate(_LOOKALIKES)


def _take(chars: Iterable[str]) -> tuple[str, bool]:
    """The first `READ` visible characters, and whether that was all."""
    taken: list[str] = []
    count = 0
    for char in filter(_seen, chars):
        if char.isspace():
            if taken and taken[-1].isspace():
                if char in "\n\r":  # a row of blanks is one: a line break, if there is one in it
                    taken[-1] = char
                continue
        else:
            if count == READ:
                return "".join(taken), False
            count += 1
        taken.append(char)
    return "".join(taken), True


def _ends(text: str) -> list[str]:
    """What is read of a message: all of it, or its two ends."""
    head, whole = _take(text)
    if whole:
        return [head]
    return [head, _take(reversed(text))[0][::-1]]


_WORDS = re.compile(r"[^\W_]+|[?¿؟❓❔⁉]|[^\S\n\r]+|.", re.DOTALL)
_BREAK, _ASKS, _ASKED = "|", "?", "¿"


def _tokens(text: str) -> list[str]:
    """Words, symbols, question marks, and a break for any other punctuation or line end."""
    found: list[str] = []
    for piece in _WORDS.findall(plain(text)):
        if piece in "؟❓❔⁉?":
            found.append(_ASKS)
        elif piece == _ASKED or piece[0].isalnum() or unicodedata.category(piece[0]) == "So":
            found.append(piece)
        elif not piece.isspace() or piece in "\n\r":
            found.append(_BREAK)
    return found


# --- the words ----------------------------------------------------------------------------------

_Phrase = tuple[str, ...]
_Index = Mapping[str, Mapping[_Phrase, str]]  # by first word, longest first; with the list's name


_REPEATED = re.compile(r"(.)\1+", re.DOTALL)


def _squeezed(word: str) -> str:
    """Without repetition: "biennn" and "bien" are one."""
    return _REPEATED.sub(r"\1", word)


_DATA: dict[str, dict[str, Any]] = tomllib.loads(
    files(__package__).joinpath("answer_words.toml").read_text(encoding="utf-8")
)


def _phrases(*names: str) -> dict[_Phrase, str]:
    """The lists of those names, of all languages, longest phrase first; with the list's name."""
    found = {
        tuple(_tokens(text)): name
        for name in names
        for words in _DATA.values()
        for text in words.get(name, ())
    }
    return dict(sorted(found.items(), key=lambda item: -len(item[0])))


def _indexed(phrases: Mapping[_Phrase, str]) -> _Index:
    index: dict[str, dict[_Phrase, str]] = defaultdict(dict)
    for phrase, name in phrases.items():
        index[phrase[0]][phrase] = name
    return dict(index)


_ANSWERS = _phrases(
    "ok", "filler", "polite", "counter_questions", "later", "unwell", "battery", "signal", "arrived",
    "all_here", "affirmed",
)  # the later list has the phrase that is in two
_CONFIRMATIONS = _phrases("yes", "no", "polite")
_NOT_HELP = _phrases("not_help")
_ALARMS = _phrases("help_words", "help_phrases")

_HELP_WORDS = frozenset(phrase[0] for phrase in _ALARMS if len(phrase) == 1)
_HELP_ENDINGS = tuple(word for word in _HELP_WORDS if len(word) > 4)

_BY_SQUEEZED: dict[str, set[str]] = defaultdict(set)
for _phrase in (*_ANSWERS, *_CONFIRMATIONS, *_NOT_HELP, *_ALARMS):
    for _word in _phrase if len(_phrase) > 1 or _phrase[0] not in _HELP_WORDS else ():
        _BY_SQUEEZED[_squeezed(_word)].add(_word)

_FORGIVEN: dict[str, dict[str, str]] = defaultdict(dict)  # by first letter, with what each is squeezed
for (_word,) in _phrases("forgiven"):
    _FORGIVEN[_word[0]][_word] = _squeezed(_word)

# A word that is known, or another real word, is never a typing error of something else.
_REAL = {_squeezed(phrase[0]) for phrase in _phrases("never_typo")} | _BY_SQUEEZED.keys()
_SPELLINGS = {
    wrong: plain(right)
    for words in _DATA.values()
    for wrong, right in words.get("spellings", {}).items()
}

_ANSWER_INDEX = _indexed(_ANSWERS)
_CONFIRMATION_INDEX = _indexed(_CONFIRMATIONS)
_NOT_HELP_INDEX = _indexed(_NOT_HELP)
_HINT_INDEX = _indexed(_phrases(*HINTS))
_HELP_INDEX = _indexed({phrase: name for phrase, name in _ALARMS.items() if len(phrase) > 1})


def _repeated(token: str) -> set[str]:
    """The words that `token` is, but for letters held down too long. "god" is not "good"."""
    return {word for word in _BY_SQUEEZED.get(_squeezed(token), ()) if len(word) <= len(token)}


def _readings(token: str) -> set[str]:
    """The words that `token` may be, typing errors forgiven: empty if it is none we know.

    One error (a letter too many, missing, wrong, or two swapped) in the words listed as `forgiven`.
    Not in their first letter, which is where "no" sticks to a word ("nestoy bien").
    """
    squeezed = _squeezed(token)
    token = _SPELLINGS.get(token) or _SPELLINGS.get(squeezed) or token
    if same := _repeated(token):
        return same
    if squeezed in _REAL:
        return set()
    return {
        word
        for word, bare in _FORGIVEN.get(token[0], {}).items()
        if OSA.distance(squeezed, bare, score_cutoff=1) <= 1
    }


def _errors_forgiven(word: str) -> int:
    """In how many letters a call for help may be wrong. "sos" is too short for any."""
    return 0 if len(word) < 4 else 1 if len(word) < 7 else 2


_CALLS = [(word, _squeezed(word), _errors_forgiven(word)) for word in sorted(_HELP_WORDS)]
"""Words that call for help, each squeezed, and in how many letters it may be wrong."""


def _is_help(token: str) -> bool:
    """Whether `token` is a word that calls for help, read generously.

    One error in a word of four letters or more, first letter or not ("elp"); two in one of seven
    that begins rightly ("auslo"); and stuck to the end of another word ("necesitoayuda").
    """
    squeezed = _squeezed(token)
    if token in _HELP_WORDS or squeezed in _HELP_WORDS:
        return True
    if squeezed in _REAL:
        return False
    if token.endswith(_HELP_ENDINGS):
        return True
    for word, bare, most in _CALLS:
        if abs(len(word) - len(squeezed)) <= most:
            errors = OSA.distance(squeezed, bare, score_cutoff=most)
            if errors <= (most if token[0] == word[0] else min(most, 1)):
                return True
    return False


def _longest(readings: list[set[str]], at: int, index: _Index) -> tuple[int, str] | None:
    """The longest phrase of `index` that begins at a position: its length and its list's name."""
    best: tuple[int, str] | None = None
    for first in readings[at]:
        for phrase, name in index.get(first, {}).items():
            if best and len(phrase) <= best[0]:
                break
            if len(phrase) <= len(readings) - at and all(
                word in readings[at + offset] for offset, word in enumerate(phrase)
            ):
                best = len(phrase), name
                break
    return best


def _calls_for_help(tokens: list[str], readings: list[set[str]]) -> bool:
    """Whether a word or phrase of alarm is among the tokens, outside of those that deny it."""
    rest: list[str] = []
    at = 0
    while at < len(tokens):
        if denied := _longest(readings, at, _NOT_HELP_INDEX):
            at += denied[0]
            rest.append(_BREAK)
            continue
        if _longest(readings, at, _HELP_INDEX) or _is_help(tokens[at]):
            return True
        rest.append(tokens[at])
        at += 1
    # Words taken apart: "ay uda" if nothing else is said, "s.o.s", "a y u d a" beside other words.
    letters = [token for token in rest if token.isalnum()]
    if len(letters) < 2:
        return False
    spelled = "".join(token for token in letters if len(token) == 1)
    return _squeezed("".join(letters)) in _HELP_WORDS or _squeezed(spelled) in _HELP_WORDS


def _made_of(tokens: list[str], index: _Index, readings: list[set[str]]) -> set[str] | None:
    """The names of the lists whose phrases make up the whole message; None if anything is left.

    Takes the longest phrase each time: where that is the wrong choice, the message is unclear,
    which is the safe side. A question mark fits only after a question of courtesy ("¿y tú?"),
    and that only once the person has said how they are.
    """
    names: set[str] = set()
    at, last = 0, ""
    while at < len(tokens):
        if tokens[at] == _BREAK or (tokens[at] == _ASKS and last == "counter_questions"):
            at += 1
            continue
        if tokens[at] == _ASKED:
            following = _longest(readings, at + 1, index) if at + 1 < len(tokens) else None
            if following is None or following[1] != "counter_questions":
                return None
            at += 1
            continue
        found = _longest(readings, at, index)
        if found is None:
            return None
        length, last = found
        at += length
        if last == "counter_questions" and (
            names.isdisjoint({"ok", "later"})
            or (at < len(tokens) and tokens[at] not in (_ASKS, _BREAK))
        ):
            return None
        names.add(last)
    return names


# --- what others call ---------------------------------------------------------------------------


def understand(text: str, *, also: Collection[str] = ()) -> Answer:
    """What `text` answers to "are you well?". Never raises; linear in the length of `text`.

    `also` names lists whose phrases are enough alone for OK, because they answer what was asked.

    - A word of help anywhere in what is read (see `READ`) is HELP, whatever else is said, unless a
      listed phrase denies it ("no necesito ayuda"), which is UNCLEAR: a doubt worth a question.
    - "No estoy bien" is HELP too. "Not well" is the very answer for which the question exists, and
      whoever can type four words may not have time for a fifth. A false alarm is ended by one tap.
    - OK needs every word to be known (`ok`, `filler`, `polite` in answer_words.toml), and one that
      means "well". So negations, doubts, hypotheses, stories and questions are never OK, nor is
      anything with more than 2 × `READ` visible characters, nor a bare "sí".
    - LATER may be said with courtesy or "ok" ("ok, luego"): it moves no deadline, so it is safe.
    """
    names = _named(text)
    if names is None or "unwell" in names:
        return Answer.HELP
    if "later" in names:
        return Answer.LATER
    return Answer.OK if not names.isdisjoint({"ok", *also}) else Answer.UNCLEAR


@lru_cache(2)
def _read(text: str) -> list[tuple[list[str], list[set[str]]]]:
    """For each end that is read of a text: its tokens, and what each may be."""
    return [
        (tokens, [_readings(token) for token in tokens]) for tokens in map(_tokens, _ends(text))
    ]


@lru_cache(2)
def _named(text: str) -> frozenset[str] | None:
    """The names of the lists that make up a text, none where that is not clear; None for an alarm."""
    read = _read(text)
    if any(_calls_for_help(*end) for end in read):
        return None
    if len(read) > 1:
        return frozenset()
    ((tokens, readings),) = read
    return frozenset(_made_of(tokens, _ANSWER_INDEX, readings) or ())


def says_arrived(text: str) -> bool:
    """Whether somebody says of themselves, without being asked, that they arrived; and nothing worse.

    "Llegué", "ya llegamos, todo bien", "made it"; not "sí" or "bien", which answer a question.
    """
    if understand(text, also=(ARRIVED,)) is not Answer.OK:
        return False
    return ARRIVED in (_named(text) or ())


def hints(text: str) -> frozenset[str]:
    """Which of `HINTS` are somewhere in what is read of a text, whatever else is said."""
    found: set[str] = set()
    for _, readings in _read(text):
        for at in range(len(readings)):
            if hint := _longest(readings, at, _HINT_INDEX):
                found.add(hint[1])
    return frozenset(found)


_SAVE = frozenset({"guardar", "guardalo", "guardala", "save", "save it", "terminar", "end it"})
_DROP = frozenset({"descartar", "descartalo", "descartala", "discard", "drop"})


def keeps(text: str) -> bool | None:
    """Whether a summary is to be kept, in a word; None if that is unclear."""
    said = " ".join(plain(text).split()).strip(" .!¡")
    if said in _SAVE | _DROP:
        return said in _SAVE
    return understand_yes_no(text)


def understand_yes_no(text: str) -> bool | None:
    """A confirmation: True, False, or None if it is not clearly one of them.

    Strict, for it may publish, erase or agree: the whole message is yes-phrases or no-phrases and
    courtesy, with no typing error but repeated letters ("siii"). Both at once are None.
    """
    ends = _ends(text)
    if len(ends) > 1:
        return None
    tokens = _tokens(ends[0])
    names = _made_of(tokens, _CONFIRMATION_INDEX, [_repeated(token) for token in tokens])
    if not names or {"yes", "no"} <= names:
        return None
    return True if "yes" in names else False if "no" in names else None
